//! Las medianas, y cuántas veces mejor es cada una que la implementación de manual.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use super::cargas::Carga;
use super::{Cual, TODAS};

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
}

fn lugar(carga: Carga, cual: Cual) -> (usize, usize) {
    let de_carga = Carga::TODAS.iter().position(|otra| *otra == carga).unwrap();
    (de_carga, TODAS.iter().position(|otra| *otra == cual).unwrap())
}

impl fmt::Display for Tabla {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rondas = self.muestras.values().map(Vec::len).min().unwrap_or_default();
        writeln!(f, "Medianas de {rondas} muestras intercaladas, en {}. Microsegundos por vuelta, y entre", maquina())?;
        writeln!(f, "paréntesis cuántas veces más rápida que la de manual.\n")?;
        write!(f, "| carga |")?;
        TODAS.iter().try_for_each(|cual| write!(f, " {} |", cual.nombre()))?;
        write!(f, "\n| --- |")?;
        TODAS.iter().try_for_each(|_| write!(f, " ---: |"))?;
        for carga in Carga::TODAS {
            write!(f, "\n| {} |", carga.nombre())?;
            let manual = self.mediana(carga, Cual::Manual).unwrap_or(f64::NAN);
            for cual in TODAS {
                match self.mediana(carga, cual) {
                    None => write!(f, " |")?,
                    Some(tardo) if cual == Cual::Manual => write!(f, " {} |", cifra(tardo))?,
                    Some(tardo) => write!(f, " {} ({}) |", cifra(tardo), cifra(manual / tardo))?,
                }
            }
        }
        Ok(())
    }
}

/// Tres cifras, con la coma de acá.
fn cifra(numero: f64) -> String {
    let decimales = if numero >= 100.0 {
        0
    } else if numero >= 10.0 {
        1
    } else if numero >= 0.1 {
        2
    } else {
        3
    };
    format!("{numero:.decimales$}").replace('.', ",")
}

fn maquina() -> String {
    let campo = |archivo: &str, nombre: &str| {
        let texto = fs::read_to_string(archivo).unwrap_or_default();
        let linea = texto.lines().find(|linea| linea.starts_with(nombre)).unwrap_or_default().to_owned();
        linea.split(':').nth(1).unwrap_or("?").trim().to_owned()
    };
    let nucleos = std::thread::available_parallelism().map_or(0, usize::from);
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} ({nucleos} núcleos), Linux {}", campo("/proc/cpuinfo", "model name"), version.trim())
}
