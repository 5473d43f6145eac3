//! De una dirección de memoria de un programa al renglón de su fuente, si se lo compiló con `-g`.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use addr2line::Loader;

use super::registro::QUIENES;

/// Algo cargado en la memoria de un programa.
#[derive(Debug, Clone)]
pub(crate) struct Modulo {
    pub(crate) base: u64,
    pub(crate) desde: u64,
    pub(crate) hasta: u64,
    pub(crate) archivo: PathBuf,
}

/// Desde dónde se hizo una llamada: las direcciones, y qué había en ellas.
#[derive(Debug, Clone)]
pub(crate) struct Desde {
    pub(crate) quienes: [u64; QUIENES],
    pub(crate) modulos: Rc<Vec<Modulo>>,
}

impl Desde {
    /// Si son la misma llamada del programa.
    pub(crate) fn es_el_mismo(&self, otro: &Self) -> bool {
        self.quienes.first() == otro.quienes.first()
    }
}

/// Lo que ya se averiguó.
#[derive(Default)]
pub(crate) struct Lugares {
    archivos: HashMap<PathBuf, Option<Loader>>,
}

impl Lugares {
    /// En palabras: `utils.c:31` o, sin información de depuración, `server+0x12f4`.
    pub(crate) fn decir(&mut self, desde: &Desde) -> String {
        let mut de_reserva = None;
        for quien in desde.quienes.iter().filter(|quien| **quien != 0) {
            // La dirección a la que se vuelve es la que sigue a la llamada.
            let lugar = quien - 1;
            let Some(modulo) = desde.modulos.iter().find(|modulo| (modulo.desde..modulo.hasta).contains(&lugar)) else {
                continue;
            };
            let nombre = modulo.archivo.file_name().unwrap_or_default().to_string_lossy();
            if nombre.starts_with("libtp0.") {
                continue;
            }
            let adentro = lugar.wrapping_sub(modulo.base);
            if let Some(renglon) = self.renglon(&modulo.archivo, adentro) {
                return renglon;
            }
            let es_el_programa = desde.modulos.first().is_some_and(|primero| primero.archivo == modulo.archivo);
            if de_reserva.is_none() || es_el_programa {
                de_reserva = Some(format!("{nombre}+{adentro:#x}"));
            }
            if es_el_programa {
                break;
            }
        }
        de_reserva.unwrap_or_else(|| "no se sabe dónde".to_owned())
    }

    fn renglon(&mut self, archivo: &Path, lugar: u64) -> Option<String> {
        if !self.archivos.contains_key(archivo) {
            self.archivos.insert(archivo.to_owned(), Loader::new(archivo).ok());
        }
        let hallado = self.archivos.get(archivo)?.as_ref()?.find_location(lugar).ok()??;
        let (fuente, renglon) = (Path::new(hallado.file?), hallado.line?);
        let aca = env::current_dir().unwrap_or_default();
        let fuente = fuente.strip_prefix(&aca).unwrap_or(fuente);
        let fuente = fuente.strip_prefix(".").unwrap_or(fuente);
        Some(format!("{}:{renglon}", fuente.display()))
    }
}
