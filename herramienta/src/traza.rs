//! Lo que se ve pasar, un renglón por cosa, con la forma de la traza de la biblioteca (`TP0_TRAZA=1`): lo que se muestra en la pantalla es
//! también lo que dibuja `tp0 diagrama`.

use std::fmt::Display;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};

use crate::estilo::{self, TENUE};
use crate::falla::{Falla, Resultado, en_castellano};

/// Qué clase de cosa es: en una terminal, su color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clase {
    Llamada,
    Sale,
    Llega,
    Falla,
}

impl Clase {
    pub(crate) fn estilo(self) -> Style {
        match self {
            Self::Llamada => Style::new(),
            Self::Sale => AnsiColor::Green.on_default(),
            Self::Llega => AnsiColor::Cyan.on_default(),
            Self::Falla => AnsiColor::Yellow.on_default(),
        }
    }
}

/// Lo que va adelante de cada renglón: quién, y cuánto hace que empezó a contar.
pub(crate) fn adelante(programa: &str, pid: u32, hace: Duration) -> String {
    format!("[{programa} {pid} +{}.{:06}]", hace.as_secs(), hace.subsec_micros())
}

/// El primer renglón de cada uno: qué hora era, desde 1970.
pub(crate) fn presentacion(reloj: Duration) -> String {
    format!("libtp0 {}, reloj {}.{:06}", env!("CARGO_PKG_VERSION"), reloj.as_secs(), reloj.subsec_micros())
}

/// Por dónde se cuenta: la salida y, si se pidió, un archivo.
#[derive(Debug)]
pub(crate) struct Traza {
    programa: &'static str,
    comienzo: Instant,
    /// Ordena también los renglones de la salida.
    destino: Mutex<Destino>,
}

#[derive(Debug)]
struct Destino {
    archivo: Option<(PathBuf, File)>,
    /// El primer renglón dice con qué reloj juntar esta traza con la de otro.
    presentado: bool,
}

impl Traza {
    /// Empieza a contar. `programa` es el nombre de su columna en el diagrama.
    pub(crate) fn nueva(programa: &'static str, archivo: Option<&Path>) -> Resultado<Self> {
        let abrir = |ruta: &Path| match File::create(ruta) {
            Ok(archivo) => Ok((ruta.to_owned(), archivo)),
            Err(causa) => Err(Falla::del_sistema(format!("No pude escribir {}", ruta.display()), causa)),
        };
        let destino = Mutex::new(Destino { archivo: archivo.map(abrir).transpose()?, presentado: false });
        Ok(Self { programa, comienzo: Instant::now(), destino })
    }

    /// Algo que se hizo.
    pub(crate) fn llamada(&self, que: impl Display) {
        self.contar(Clase::Llamada, &que.to_string());
    }

    /// Algo que salió por un descriptor.
    pub(crate) fn sale(&self, descriptor: i32, que: impl Display) {
        self.contar(Clase::Sale, &format!("{descriptor} -> {que}"));
    }

    /// Algo que llegó.
    pub(crate) fn llega(&self, descriptor: i32, que: impl Display) {
        self.contar(Clase::Llega, &format!("{descriptor} <- {que}"));
    }

    /// Algo que terminó mal.
    pub(crate) fn falla(&self, que: impl Display) {
        self.contar(Clase::Falla, &que.to_string());
    }

    fn contar(&self, clase: Clase, que: &str) {
        let mut destino = self.destino.lock().unwrap_or_else(PoisonError::into_inner);
        if !destino.presentado {
            destino.presentado = true;
            let reloj = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.escribir(&mut destino, Clase::Llamada, &presentacion(reloj));
        }
        self.escribir(&mut destino, clase, que);
    }

    fn escribir(&self, destino: &mut Destino, clase: Clase, que: &str) {
        let adelante = adelante(self.programa, std::process::id(), self.comienzo.elapsed());
        estilo::decir(&format!("{} {}", estilo::con(TENUE, &adelante), estilo::con(clase.estilo(), que)));
        let Some((ruta, abierto)) = destino.archivo.as_mut() else { return };
        if let Err(causa) = abierto.write_all(format!("{adelante} {que}\n").as_bytes()) {
            estilo::avisar(&format!("tp0: sigo sin escribir {}: {}.", ruta.display(), en_castellano(&causa)));
            destino.archivo = None;
        }
    }
}
