//! De los sockets, lo que socket2 no tiene.

use std::io::{self, ErrorKind};
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};

/// Pide que un socket que escucha no muestre a sus clientes hasta que manden algo, o hasta que pasen unos `segundos`.
///
/// Así un cliente mudo espera en el kernel, y `select` sobre el que escucha sólo avisa de los que ya hablaron.
pub(crate) fn diferir_aceptacion(socket: &impl AsFd, segundos: i32) -> io::Result<()> {
    poner(socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, segundos)
}

/// Desde cuántos bytes sin leer se considera que hay algo para leer.
pub(crate) fn umbral_de_lectura(socket: &impl AsFd, bytes: i32) -> io::Result<()> {
    poner(socket, libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes)
}

fn poner(socket: &impl AsFd, nivel: libc::c_int, opcion: libc::c_int, valor: libc::c_int) -> io::Result<()> {
    let lugar = (&raw const valor).cast();
    let largo = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(io::Error::other)?;
    // SAFETY: `lugar` apunta a un entero vivo de `largo` bytes, y el socket está prestado mientras dura la llamada.
    let salida = unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), nivel, opcion, lugar, largo) };
    if salida == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Qué se hace con los bytes que ya llegaron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mirada {
    /// Se consumen.
    Consume,
    /// Quedan para quien los lea después.
    Deja,
}

/// Lo que ya haya llegado, sin esperar: `None` si todavía no llegó nada; `Some(0)` si el otro cerró.
pub(crate) fn recibir_ya(socket: &impl AsFd, destino: &mut [u8], mirada: Mirada) -> io::Result<Option<usize>> {
    let mirar = if mirada == Mirada::Deja { libc::MSG_PEEK } else { 0 };
    let descriptor = socket.as_fd().as_raw_fd();
    loop {
        let lugar = destino.as_mut_ptr().cast();
        // SAFETY: `destino` está prestado entero y el kernel no escribe más que su largo.
        let salida = unsafe { libc::recv(descriptor, lugar, destino.len(), libc::MSG_DONTWAIT | mirar) };
        if let Ok(recibidos) = usize::try_from(salida) {
            return Ok(Some(recibidos));
        }
        let causa = io::Error::last_os_error();
        match causa.kind() {
            ErrorKind::WouldBlock => return Ok(None),
            ErrorKind::Interrupted => {}
            _ => return Err(causa),
        }
    }
}
