//! La salida de errores, a mano: la de std calla los errores, y aquí hay que saber si lo escrito salió.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsFd, FromRawFd};
use std::ptr;
use std::time::Duration;

use socket2::SockRef;

use super::espera::{Sentido, dentro_de, esperar_a};

/// Cuánto se espera a que entre, si es sin bloqueo y está llena.
const PACIENCIA: Duration = Duration::from_secs(1);

/// Si la salida de errores es una conexión de internet: lo que se escriba ahí es parte de una conversación.
pub(crate) fn errores_van_por_la_red() -> bool {
    let salida = io::stderr();
    SockRef::from(&salida).peer_addr().is_ok_and(|par| par.as_socket().is_some())
}

/// Si la salida de errores es una terminal.
pub(crate) fn hay_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Escribe `bytes` en la salida de errores, de una sola vez si entra, y sin que eso mande una señal.
///
/// # Errors
/// Los de `write(2)`.
pub(crate) fn escribir_en_errores(bytes: &[u8]) -> io::Result<()> {
    let _sin_seniales = SinSeniales::nuevo();
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

/// Lo que `write(2)` manda, además de su error, cuando del otro lado no hay nadie o el archivo llegó a su límite.
const SENIALES: [libc::c_int; 2] = [libc::SIGPIPE, libc::SIGXFSZ];

/// Mientras exista, esas señales de este hilo no llegan a nadie: `write(2)` no tiene el MSG_NOSIGNAL de los sockets.
struct SinSeniales {
    /// Las señales que este hilo ya bloqueaba.
    antes: libc::sigset_t,
    /// Cuáles ya estaban esperando: ésas son del programa.
    esperaban: [bool; SENIALES.len()],
}

impl SinSeniales {
    fn nuevo() -> Self {
        let esperaban = SENIALES.map(espera);
        let (todas, mut antes) = (solo(&SENIALES), solo(&[]));
        // SAFETY: los dos conjuntos son válidos, y sólo cambia lo que bloquea este hilo.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const todas, &raw mut antes) };
        Self { antes, esperaban }
    }
}

impl Drop for SinSeniales {
    fn drop(&mut self) {
        for (senial, esperaba) in SENIALES.into_iter().zip(self.esperaban) {
            if !esperaba && espera(senial) {
                let (ella, sin_esperar) = (solo(&[senial]), libc::timespec { tv_sec: 0, tv_nsec: 0 });
                // SAFETY: el conjunto y el plazo son válidos; NULL es que no interesa quién la mandó.
                unsafe { libc::sigtimedwait(&raw const ella, ptr::null_mut(), &raw const sin_esperar) };
            }
        }
        // SAFETY: el conjunto es el que este hilo tenía; NULL es que no interesa el de ahora.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.antes, ptr::null_mut()) };
    }
}

/// Si esa señal está bloqueada, esperando para llegar.
fn espera(senial: libc::c_int) -> bool {
    let mut esperan = solo(&[]);
    // SAFETY: `esperan` es un lugar válido para escribir.
    unsafe { libc::sigpending(&raw mut esperan) };
    // SAFETY: es un conjunto válido.
    unsafe { libc::sigismember(&raw const esperan, senial) == 1 }
}

/// El conjunto de esas señales.
fn solo(seniales: &[libc::c_int]) -> libc::sigset_t {
    let mut conjunto = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: es un lugar válido para escribir.
    unsafe { libc::sigemptyset(conjunto.as_mut_ptr()) };
    // SAFETY: todo en cero es un conjunto válido, y la llamada lo vació.
    let mut conjunto = unsafe { conjunto.assume_init() };
    for senial in seniales {
        // SAFETY: el conjunto es válido, y son señales que existen.
        unsafe { libc::sigaddset(&raw mut conjunto, *senial) };
    }
    conjunto
}
