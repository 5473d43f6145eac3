//! La salida de errores, a mano: la de std calla los errores, y aquí hay que saber si lo escrito salió.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsFd, FromRawFd};
use std::ptr;
use std::time::Duration;

use super::espera::{Sentido, dentro_de, esperar_a};

/// Cuánto se espera a que entre, si es sin bloqueo y está llena.
const PACIENCIA: Duration = Duration::from_secs(1);

/// Si la salida de errores es una terminal.
pub(crate) fn hay_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Escribe `bytes` en la salida de errores, de una sola vez si entra, y sin SIGPIPE si del otro lado ya no hay nadie.
///
/// # Errors
/// Los de `write(2)`.
pub(crate) fn escribir_en_errores(bytes: &[u8]) -> io::Result<()> {
    let _sin_sigpipe = SinSigpipe::nuevo();
    // SAFETY: no se cierra al soltarlo. Si el 2 no está abierto, write lo dice; si es de otra cosa, es lo que el programa quiso.
    let salida = ManuallyDrop::new(unsafe { File::from_raw_fd(libc::STDERR_FILENO) });
    let mut falta = bytes;
    while !falta.is_empty() {
        match (&*salida).write(falta) {
            Ok(escritos) => falta = falta.get(escritos..).unwrap_or_default(),
            Err(causa) if causa.kind() == ErrorKind::Interrupted => {}
            Err(causa) if causa.kind() == ErrorKind::WouldBlock => {
                if !esperar_a(&salida.as_fd(), Sentido::Escritura, dentro_de(PACIENCIA))? {
                    return Err(causa);
                }
            }
            Err(causa) => return Err(causa),
        }
    }
    Ok(())
}

/// Mientras exista, un SIGPIPE de este hilo no llega a nadie: `write(2)` no tiene el MSG_NOSIGNAL de los sockets.
struct SinSigpipe {
    solo_sigpipe: libc::sigset_t,
    /// Las señales que este hilo ya bloqueaba.
    antes: libc::sigset_t,
    /// Si ya había un SIGPIPE esperando: ése es del programa.
    habia_uno: bool,
}

impl SinSigpipe {
    fn nuevo() -> Self {
        let (mut solo_sigpipe, mut antes) = (ningunas(), ningunas());
        // SAFETY: el conjunto es válido, y SIGPIPE es una señal.
        unsafe { libc::sigaddset(&raw mut solo_sigpipe, libc::SIGPIPE) };
        let habia_uno = espera_un_sigpipe();
        // SAFETY: los dos conjuntos son válidos, y sólo cambia lo que bloquea este hilo.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const solo_sigpipe, &raw mut antes) };
        Self { solo_sigpipe, antes, habia_uno }
    }
}

impl Drop for SinSigpipe {
    fn drop(&mut self) {
        if !self.habia_uno && espera_un_sigpipe() {
            let sin_esperar = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: el conjunto y el plazo son válidos; NULL es que no interesa quién la mandó.
            unsafe { libc::sigtimedwait(&raw const self.solo_sigpipe, ptr::null_mut(), &raw const sin_esperar) };
        }
        // SAFETY: el conjunto es el que este hilo tenía; NULL es que no interesa el de ahora.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.antes, ptr::null_mut()) };
    }
}

/// Si hay un SIGPIPE bloqueado, esperando para llegar.
fn espera_un_sigpipe() -> bool {
    let mut esperan = ningunas();
    // SAFETY: `esperan` es un lugar válido para escribir.
    unsafe { libc::sigpending(&raw mut esperan) };
    // SAFETY: es un conjunto válido.
    unsafe { libc::sigismember(&raw const esperan, libc::SIGPIPE) == 1 }
}

fn ningunas() -> libc::sigset_t {
    let mut conjunto = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: es un lugar válido para escribir.
    unsafe { libc::sigemptyset(conjunto.as_mut_ptr()) };
    // SAFETY: todo en cero es un conjunto válido, y la llamada lo vació.
    unsafe { conjunto.assume_init() }
}
