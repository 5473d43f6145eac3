//! Escribir la traza de varios procesos, con la forma de la de la biblioteca: en un archivo o, si no, en la salida de errores.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::estilo::{self, TENUE};
use crate::falla::{Falla, Resultado, en_castellano};
use crate::traza::{Clase, adelante, presentacion};

pub(crate) struct Renglones {
    archivo: Option<(PathBuf, File)>,
    callado: bool,
    /// Qué hora era cuando el reloj monótono marcaba cero.
    cero: Duration,
}

impl Renglones {
    pub(crate) fn nuevos(archivo: Option<&Path>) -> Resultado<Self> {
        let abrir = |ruta: &Path| match File::create(ruta) {
            Ok(archivo) => Ok((ruta.to_owned(), archivo)),
            Err(causa) => Err(Falla::del_sistema(format!("No pude escribir {}", ruta.display()), causa)),
        };
        let ahora = clock_gettime(ClockId::CLOCK_MONOTONIC)
            .map_err(|causa| Falla::del_sistema("No pude leer el reloj", causa))?;
        let cero =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(Duration::from(ahora));
        Ok(Self { archivo: archivo.map(abrir).transpose()?, callado: archivo.is_some(), cero })
    }

    /// El primer renglón de un proceso que empezó a contar en ese instante.
    pub(crate) fn presentar(&mut self, quien: (&str, u32), comienzo: Duration) {
        self.escribir(quien, Duration::ZERO, Clase::Llamada, &presentacion(self.cero + comienzo));
    }

    pub(crate) fn escribir(&mut self, (programa, pid): (&str, u32), hace: Duration, clase: Clase, que: &str) {
        let adelante = adelante(programa, pid, hace);
        if let Some((ruta, abierto)) = self.archivo.as_mut() {
            if let Err(causa) = abierto.write_all(format!("{adelante} {que}\n").as_bytes()) {
                estilo::avisar(&format!("tp0: sigo sin escribir {}: {}.", ruta.display(), en_castellano(&causa)));
                self.archivo = None;
            }
        } else if !self.callado {
            estilo::avisar(&format!("{} {}", estilo::con(TENUE, &adelante), estilo::con(clase.estilo(), que)));
        }
    }
}
