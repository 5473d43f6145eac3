//! Las medianas, y cuántas veces mejor es cada una que la implementación de manual.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::cargas::Carga;
use super::{Cual, TODAS};

/// En qué idioma se la escribe: los README están en dos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idioma {
    Castellano,
    Ingles,
}

impl Idioma {
    fn elegir(self, castellano: &'static str, ingles: &'static str) -> &'static str {
        if self == Self::Castellano { castellano } else { ingles }
    }
}

pub struct Tabla {
    /// Por cada carga y cada implementación, lo que tardó una vuelta en cada muestra, en microsegundos.
    muestras: BTreeMap<(usize, usize), Vec<f64>>,
}

impl Tabla {
    pub fn nueva() -> Self {
        Self { muestras: BTreeMap::new() }
    }

    pub fn anotar(&mut self, carga: Carga, cual: Cual, tardo: Duration, vueltas: usize) {
        self.muestras.entry(lugar(carga, cual)).or_default().push(tardo.as_secs_f64() * 1e6 / vueltas as f64);
    }

    fn mediana(&self, carga: Carga, cual: Cual) -> Option<f64> {
        let mut muestras = self.muestras.get(&lugar(carga, cual))?.clone();
        muestras.sort_by(f64::total_cmp);
        let (alta, baja) = (muestras[muestras.len() / 2], muestras[(muestras.len() - 1) / 2]);
        Some(f64::midpoint(alta, baja))
    }

    /// La tabla, como Markdown.
    pub fn escrita_en(&self, idioma: Idioma) -> String {
        let rondas = self.muestras.values().map(Vec::len).min().unwrap_or_default();
        let mut texto = match idioma {
            Idioma::Castellano => format!(
                "Medianas de {rondas} muestras intercaladas, {}, {}. Microsegundos por vuelta y, entre paréntesis, cuántas veces\n\
                 más rápida que la de manual.\n\n|",
                hoy(),
                maquina(idioma)
            ),
            Idioma::Ingles => format!(
                "Medians of {rondas} interleaved samples, {}, {}. Microseconds per round and, in parentheses, how many times\n\
                 faster than the textbook one.\n\n|",
                hoy(),
                maquina(idioma)
            ),
        };
        let _ = write!(texto, " {} |", idioma.elegir("carga", "workload"));
        TODAS.iter().for_each(|cual| texto += &format!(" {} |", cual.nombre(idioma)));
        texto += "\n| --- |";
        TODAS.iter().for_each(|_| texto += " ---: |");
        for carga in Carga::TODAS {
            let _ = write!(texto, "\n| {} |", carga.nombre(idioma));
            let manual = self.mediana(carga, Cual::Manual).unwrap_or(f64::NAN);
            for cual in TODAS {
                texto += &match self.mediana(carga, cual) {
                    None => " |".to_owned(),
                    Some(tardo) if cual == Cual::Manual => format!(" {} |", cifra(tardo, idioma)),
                    Some(tardo) => format!(" {} ({}) |", cifra(tardo, idioma), cifra(manual / tardo, idioma)),
                };
            }
        }
        texto + "\n"
    }

    /// La deja en los README, entre sus marcas.
    pub fn poner_en_los_readme(&self) {
        for (archivo, idioma) in [("README.md", Idioma::Castellano), ("README.en.md", Idioma::Ingles)] {
            let ruta = Path::new(env!("CARGO_MANIFEST_DIR")).join(archivo);
            let texto = fs::read_to_string(&ruta).unwrap();
            let (antes, resto) = texto.split_once("<!-- banco -->\n").expect("falta la marca <!-- banco -->");
            let (_, despues) = resto.split_once("<!-- /banco -->").expect("falta la marca <!-- /banco -->");
            let tabla = self.escrita_en(idioma);
            fs::write(&ruta, format!("{antes}<!-- banco -->\n{tabla}<!-- /banco -->{despues}")).unwrap();
        }
    }
}

fn lugar(carga: Carga, cual: Cual) -> (usize, usize) {
    let de_carga = Carga::TODAS.iter().position(|otra| *otra == carga).unwrap();
    (de_carga, TODAS.iter().position(|otra| *otra == cual).unwrap())
}

/// Tres cifras; en castellano, con coma.
fn cifra(numero: f64, idioma: Idioma) -> String {
    let decimales = match numero {
        100.0.. => 0,
        10.0.. => 1,
        0.1.. => 2,
        _ => 3,
    };
    format!("{numero:.decimales$}").replace('.', idioma.elegir(",", "."))
}

fn hoy() -> String {
    let salida = std::process::Command::new("date").arg("+%Y-%m-%d").output();
    salida.map_or_else(|_| "?".to_owned(), |salida| String::from_utf8_lossy(&salida.stdout).trim().to_owned())
}

fn maquina(idioma: Idioma) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let modelo = cpu.lines().find_map(|linea| linea.strip_prefix("model name")).unwrap_or(": ?");
    let modelo = modelo.trim_start_matches([' ', '\t', ':']).trim();
    let nucleos = std::thread::available_parallelism().map_or(0, usize::from);
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = version.split('-').next().unwrap_or_default().trim();
    format!("{modelo}, {nucleos} {}, Linux {version}", idioma.elegir("núcleos", "cores"))
}
