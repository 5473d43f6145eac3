//! Un proceso que no hace más que esperar a que la herramienta termine, como sea (Ctrl-C, SIGKILL, un panic), y entonces termina todo lo que
//! ella había arrancado. Así nada queda corriendo, aunque quien tenía que terminarlo ya no esté.

#![allow(unsafe_code, reason = "fork, antes de que haya otro hilo")]

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, fork, pipe, setsid};

use super::proc;
use crate::falla::{Falla, Resultado};

/// La variable de entorno que llevan todos los procesos de una corrida: por ella se los encuentra, aunque se hayan ido de su grupo.
pub(crate) const MARCA: &str = "TP0_HERRAMIENTA";

/// El guardián de esta ejecución: mientras exista, hay quien limpie.
#[derive(Debug)]
pub(crate) struct Guardian {
    _vida: OwnedFd,
}

/// La marca de esta ejecución: a la de cada corrida la encabeza.
pub(crate) fn marca_propia() -> String {
    format!("{}-", std::process::id())
}

impl Guardian {
    /// Lo pone a esperar, para terminar lo que quede y borrar esa carpeta. Se llama antes de crear hilos.
    pub(crate) fn poner(carpeta: Option<&Path>) -> Resultado<Self> {
        let (lee, vida) = pipe().map_err(|causa| Falla::del_sistema("No pude preparar la limpieza", causa))?;
        nix::fcntl::fcntl(&vida, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))
            .map_err(|causa| Falla::del_sistema("No pude preparar la limpieza", causa))?;
        let marca = marca_propia();
        // SAFETY: todavía hay un solo hilo, así que el hijo puede usar cualquier función.
        match unsafe { fork() } {
            Ok(ForkResult::Parent { .. }) => Ok(Self { _vida: vida }),
            Ok(ForkResult::Child) => {
                drop(vida);
                esperar_y_limpiar(lee, &marca, carpeta)
            }
            Err(causa) => Err(Falla::del_sistema("No pude preparar la limpieza", causa)),
        }
    }
}

fn esperar_y_limpiar(lee: OwnedFd, marca: &str, carpeta: Option<&Path>) -> ! {
    let _ = setsid();
    for senial in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGPIPE] {
        // SAFETY: ignorar una señal no instala código.
        let _ = unsafe { signal(senial, SigHandler::SigIgn) };
    }
    // Quien corre la herramienta en un tubo espera que se cierre su salida: el guardián no la tiene que demorar.
    for descriptor in 0..3 {
        // SAFETY: son los del proceso, y este hijo no los usa.
        let _ = unsafe { libc::close(descriptor) };
    }
    let mut vida = File::from(lee);
    let mut nada = [0_u8; 1];
    while matches!(vida.read(&mut nada), Err(causa) if causa.kind() == std::io::ErrorKind::Interrupted) {}
    proc::terminar_marcados(marca);
    if let Some(carpeta) = carpeta {
        // Si la herramienta llegó a borrarla, ya no está.
        let _ = std::fs::remove_dir_all(carpeta);
    }
    // SAFETY: termina sin correr lo que quedó registrado para el final de la herramienta, que ya no es asunto suyo.
    unsafe { libc::_exit(0) }
}
