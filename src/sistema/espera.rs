//! Esperar sockets con `ppoll(2)`.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;
use std::time::{Duration, Instant};

/// Para qué se espera un socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sentido {
    /// Que haya algo para leer, o que el otro haya cerrado.
    Lectura,
    /// Que haya lugar para escribir.
    Escritura,
}

/// Un socket que se espera y, después, qué le pasó. Tiene la forma exacta de un `pollfd`.
#[repr(transparent)]
pub(crate) struct Interes<'a> {
    pollfd: libc::pollfd,
    socket: PhantomData<BorrowedFd<'a>>,
}

impl<'a> Interes<'a> {
    pub(crate) fn en(socket: &'a impl AsFd, sentido: Sentido) -> Self {
        let events = match sentido {
            Sentido::Lectura => libc::POLLIN | libc::POLLRDHUP,
            Sentido::Escritura => libc::POLLOUT,
        };
        let pollfd = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events, revents: 0 };
        Self { pollfd, socket: PhantomData }
    }

    /// Si le pasó algo: hay para leer o lugar para escribir, cerró o falló.
    pub(crate) fn listo(&self) -> bool {
        self.pollfd.revents != 0
    }

    /// Si el otro cerró (quizá quede algo por leer).
    pub(crate) fn cerro(&self) -> bool {
        self.pollfd.revents & (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) != 0
    }
}

/// Espera a que a alguno le pase algo, o hasta `vence` (`None`: para siempre). Dice a cuántos: 0 si venció.
///
/// # Errors
/// Los de `poll(2)`; en particular `Interrupted` por cada señal con manejador, que quien llama sabrá si es de parar.
pub(crate) fn esperar(intereses: &mut [Interes<'_>], vence: Option<Instant>) -> io::Result<usize> {
    let cantidad = libc::nfds_t::try_from(intereses.len()).map_err(io::Error::other)?;
    let falta = vence.map(|vence| timespec(vence.saturating_duration_since(Instant::now())));
    let falta = falta.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `Interes` es un `pollfd` (repr(transparent)), el arreglo está prestado entero mientras dura la llamada, y el plazo es NULL o
    // está vivo.
    let salida = unsafe { libc::ppoll(intereses.as_mut_ptr().cast(), cantidad, falta, ptr::null()) };
    usize::try_from(salida).map_err(|_| io::Error::last_os_error())
}

/// Espera a un solo socket, sin que las señales la corten. Dice si le pasó algo antes de `vence`.
pub(crate) fn esperar_a(socket: &impl AsFd, sentido: Sentido, vence: Option<Instant>) -> io::Result<bool> {
    loop {
        match esperar(&mut [Interes::en(socket, sentido)], vence) {
            Err(causa) if causa.kind() == io::ErrorKind::Interrupted => {}
            salida => return salida.map(|cuantos| cuantos > 0),
        }
    }
}

/// Si el otro lado ya cerró, aunque quede algo sin leer. No consume nada ni espera.
pub(crate) fn el_par_cerro(socket: &impl AsFd) -> bool {
    let pollfd = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    let mut interes = [Interes { pollfd, socket: PhantomData }];
    esperar(&mut interes, Some(Instant::now())).is_ok_and(|cuantos| cuantos > 0)
}

/// El momento en que se cumple `plazo`; `None`, nunca: uno tan largo que no se puede representar no se va a cumplir.
pub(crate) fn dentro_de(plazo: Duration) -> Option<Instant> {
    Instant::now().checked_add(plazo)
}

pub(super) fn timespec(plazo: Duration) -> libc::timespec {
    let tv_sec = i64::try_from(plazo.as_secs()).unwrap_or(i64::MAX);
    libc::timespec { tv_sec, tv_nsec: plazo.subsec_nanos().into() }
}
