//! Cómo se arranca el programa para que cargue el interpositor.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::process::Command;

use super::anillo::Anillo;
use super::ejecutable::Ejecutable;
use super::registro::VARIABLE;
use crate::falla::{Falla, Resultado};

const ARCHIVO: &str = "libtp0_trazar.so";

/// El archivo que se precarga. Abierto, porque a un camino con espacios el cargador sólo lo encuentra por su descriptor.
pub(crate) struct Precarga {
    camino: PathBuf,
    abierto: File,
}

impl Precarga {
    /// Está al lado de `tp0`, donde lo deja cargo, o en `../lib/tp0`, donde lo deja `make install`.
    pub(crate) fn buscar() -> Resultado<Self> {
        let propio = env::current_exe().map_err(|causa| Falla::del_sistema("No sé dónde está tp0", causa))?;
        let carpeta = propio.parent().unwrap_or(&propio);
        let lugares = [carpeta.to_owned(), carpeta.join("../lib/tp0")];
        let hallado = lugares.iter().find_map(|lugar| {
            let camino = lugar.join(ARCHIVO);
            File::open(&camino).ok().map(|abierto| Self { camino, abierto })
        });
        hallado.ok_or_else(|| {
            Falla::nueva(format!(
                "Falta {ARCHIVO}, que va en {} o en {}: instalá tp0 de nuevo o, en el repositorio, «make herramienta».",
                carpeta.display(),
                carpeta.with_file_name("lib/tp0").display()
            ))
        })
    }

    /// La orden, con lo que hay que agregarle al entorno. `pid` es el proceso que tiene el anillo.
    pub(crate) fn preparar(&self, orden: &[OsString], ejecutable: &Ejecutable, anillo: &Anillo, pid: u32) -> Command {
        let (programa, argumentos) =
            orden.split_first().map_or((OsString::new(), &[][..]), |(uno, resto)| (uno.clone(), resto));
        let camino = self.camino.to_string_lossy();
        let camino = if camino.contains([' ', ':']) {
            OsString::from(format!("/proc/{pid}/fd/{}", self.abierto.as_raw_fd()))
        } else {
            self.camino.clone().into_os_string()
        };
        let mut comando = Command::new(programa);
        comando
            .args(argumentos)
            .env(VARIABLE, anillo.camino(pid))
            .env("LD_PRELOAD", agregado("LD_PRELOAD", ":", camino));
        if ejecutable.con_asan {
            comando.env("ASAN_OPTIONS", agregado("ASAN_OPTIONS", ":", "verify_asan_link_order=0".into()));
        }
        comando
    }
}

/// Lo que ya decía esa variable, que sigue valiendo, y esto.
fn agregado(variable: &str, separador: &str, esto: OsString) -> OsString {
    match env::var_os(variable).filter(|valor| !valor.is_empty()) {
        Some(mut valor) => {
            valor.push(separador);
            valor.push(esto);
            valor
        }
        None => esto,
    }
}
