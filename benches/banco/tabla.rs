//! Las medianas, y cuántas veces mejor es cada una que la implementación de manual.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::fs;
use std::num::ParseIntError;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use super::cargas::Carga;
use super::{Cual, TODAS, microsegundos};

/// Lo que tardaron los mensajes de una muestra. Un proceso se lo dice a otro como dos números, en nanosegundos.
#[derive(Clone, Copy)]
pub struct Demoras {
    mediana: Duration,
    /// La del 99 %: el uno por ciento tardó más.
    peor: Duration,
}

impl Demoras {
    pub fn de(mut demoras: Vec<Duration>) -> Self {
        demoras.sort_unstable();
        Self { mediana: demoras[demoras.len() / 2], peor: demoras[demoras.len() * 99 / 100] }
    }
}

impl Display for Demoras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.mediana.as_nanos(), self.peor.as_nanos())
    }
}

impl FromStr for Demoras {
    type Err = ParseIntError;

    fn from_str(texto: &str) -> Result<Self, ParseIntError> {
        let (mediana, peor) = texto.trim().split_once(' ').unwrap_or_default();
        Ok(Self { mediana: Duration::from_nanos(mediana.parse()?), peor: Duration::from_nanos(peor.parse()?) })
    }
}

/// Los renglones de una carga.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Renglon {
    Vuelta,
    Mediana,
    Peor,
}

pub struct Tabla {
    /// Por cada carga, renglón e implementación, lo que se midió en cada muestra, en microsegundos.
    muestras: BTreeMap<(usize, Renglon, usize), Vec<f64>>,
}

impl Tabla {
    pub fn nueva() -> Self {
        Self { muestras: BTreeMap::new() }
    }

    pub fn anotar(&mut self, carga: Carga, cual: Cual, vuelta: f64, demoras: Option<Demoras>) {
        let mut en = |renglon, tardo| self.muestras.entry(lugar(carga, renglon, cual)).or_default().push(tardo);
        en(Renglon::Vuelta, vuelta);
        if let Some(Demoras { mediana, peor }) = demoras {
            en(Renglon::Mediana, microsegundos(mediana));
            en(Renglon::Peor, microsegundos(peor));
        }
    }

    fn mediana(&self, carga: Carga, renglon: Renglon, cual: Cual) -> Option<f64> {
        let mut muestras = self.muestras.get(&lugar(carga, renglon, cual))?.clone();
        muestras.sort_by(f64::total_cmp);
        let (alta, baja) = (muestras[muestras.len() / 2], muestras[(muestras.len() - 1) / 2]);
        Some(f64::midpoint(alta, baja))
    }

    /// La tabla, como Markdown.
    pub fn escrita(&self) -> String {
        let rondas = self.muestras.values().map(Vec::len).min().unwrap_or_default();
        let mut texto = format!(
            "Medianas de {rondas} muestras intercaladas, {}, {}. Microsegundos por vuelta y, entre paréntesis, cuántas veces\n\
             más rápida que la de manual.\n\n| carga |",
            hoy(),
            maquina()
        );
        TODAS.iter().for_each(|cual| texto += &format!(" {} |", cual.nombre()));
        texto += "\n| --- |";
        TODAS.iter().for_each(|_| texto += " ---: |");
        for carga in Carga::TODAS {
            self.escribir(&mut texto, carga, Renglon::Vuelta, carga.nombre());
            self.escribir(&mut texto, carga, Renglon::Mediana, "... lo que tarda un mensaje en llegar, mediana");
            self.escribir(&mut texto, carga, Renglon::Peor, "... y el 99 % tarda menos de");
        }
        texto + "\n"
    }

    fn escribir(&self, texto: &mut String, carga: Carga, renglon: Renglon, titulo: &str) {
        let Some(manual) = self.mediana(carga, renglon, Cual::Manual) else { return };
        let _ = write!(texto, "\n| {titulo} |");
        for cual in TODAS {
            *texto += &match self.mediana(carga, renglon, cual) {
                None => " |".to_owned(),
                Some(tardo) if cual == Cual::Manual || carga.espera_a_nagle() => format!(" {} |", cifra(tardo)),
                Some(tardo) => format!(" {} ({}) |", cifra(tardo), cifra(manual / tardo)),
            };
        }
    }

    /// La deja en docs/velocidad.md, entre sus marcas.
    pub fn poner_en_el_documento(&self) {
        let ruta = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/velocidad.md");
        let texto = fs::read_to_string(&ruta).unwrap();
        let (antes, resto) = texto.split_once("<!-- banco -->\n").expect("falta la marca <!-- banco -->");
        let (_, despues) = resto.split_once("<!-- /banco -->").expect("falta la marca <!-- /banco -->");
        fs::write(&ruta, format!("{antes}<!-- banco -->\n{}<!-- /banco -->{despues}", self.escrita())).unwrap();
    }
}

fn lugar(carga: Carga, renglon: Renglon, cual: Cual) -> (usize, Renglon, usize) {
    let de_carga = Carga::TODAS.iter().position(|otra| *otra == carga).unwrap();
    (de_carga, renglon, TODAS.iter().position(|otra| *otra == cual).unwrap())
}

/// Tres cifras, con coma.
fn cifra(numero: f64) -> String {
    let decimales = match numero {
        100.0.. => 0,
        10.0.. => 1,
        0.1.. => 2,
        _ => 3,
    };
    format!("{numero:.decimales$}").replace('.', ",")
}

fn hoy() -> String {
    let salida = std::process::Command::new("date").arg("+%Y-%m-%d").output();
    salida.map_or_else(|_| "?".to_owned(), |salida| String::from_utf8_lossy(&salida.stdout).trim().to_owned())
}

fn maquina() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let modelo = cpu.lines().find_map(|linea| linea.strip_prefix("model name")).unwrap_or(": ?");
    let modelo = modelo.trim_start_matches([' ', '\t', ':']).trim();
    let nucleos = std::thread::available_parallelism().map_or(0, usize::from);
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = version.split('-').next().unwrap_or_default().trim();
    format!("{modelo}, {nucleos} núcleos, Linux {version}")
}
