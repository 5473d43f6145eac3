//! De los sockets, lo que socket2 no tiene.

use std::io::{self, ErrorKind};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

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

/// Elige entre dormir y no dormir en un socket. Con fcntl son dos llamadas.
pub(crate) fn poner_sin_bloqueo(socket: &impl AsFd, sin_bloqueo: bool) -> io::Result<()> {
    let valor = libc::c_int::from(sin_bloqueo);
    // SAFETY: FIONBIO lee un entero, que está vivo, y el socket está prestado mientras dura la llamada.
    let salida = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::FIONBIO, &raw const valor) };
    if salida == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Cuántos bytes de los que llegaron a un socket TCP ya no están: alguien los leyó. De otra clase de socket, no se sabe.
pub(crate) fn leidos_por_alguien(socket: &impl AsFd) -> Option<u64> {
    let descriptor = socket.as_fd().as_raw_fd();
    let mut datos = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut largo = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
    let lugar = datos.as_mut_ptr().cast();
    // SAFETY: `lugar` es un lugar válido de `largo` bytes.
    let salida = unsafe { libc::getsockopt(descriptor, libc::IPPROTO_TCP, libc::TCP_INFO, lugar, &raw mut largo) };
    let mut sin_leer: libc::c_int = 0;
    // SAFETY: FIONREAD escribe un entero, que está vivo.
    let ademas = unsafe { libc::ioctl(descriptor, libc::FIONREAD, &raw mut sin_leer) };
    // SAFETY: se pidió en cero, y todo en cero es válido.
    let llegaron = unsafe { datos.assume_init() }.tcpi_bytes_received;
    // Un kernel viejo, o emulado, puede contestar con menos: lo que no contó no es un cero.
    let contados = std::mem::offset_of!(libc::tcp_info, tcpi_bytes_received) + size_of::<u64>();
    let lo_dijo = usize::try_from(largo).is_ok_and(|largo| largo >= contados);
    (salida == 0 && ademas == 0 && lo_dijo).then(|| llegaron.saturating_sub(u64::try_from(sin_leer).unwrap_or(0)))
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
    loop {
        match recibir(socket.as_fd(), destino, libc::MSG_DONTWAIT | mirar) {
            Ok(recibidos) => return Ok(Some(recibidos)),
            Err(causa) => match causa.kind() {
                ErrorKind::WouldBlock => return Ok(None),
                ErrorKind::Interrupted => {}
                _ => return Err(causa),
            },
        }
    }
}

/// Un lugar donde el kernel puede escribir un byte, esté o no escrito.
///
/// # Safety
/// Mide un byte, y cualquier byte es un valor válido.
pub(crate) unsafe trait Byte {}

// SAFETY: es un byte.
unsafe impl Byte for u8 {}
// SAFETY: mide lo que un byte, y ni siquiera necesita estar escrito.
unsafe impl Byte for MaybeUninit<u8> {}

/// `send(2)`, sin SIGPIPE y sin dormir: cuántos bytes de `bytes` salieron.
#[inline(always)]
pub(crate) fn enviar_ya(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let banderas = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: `bytes` está prestado mientras dura la llamada, que sólo lo lee.
    let salida = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), banderas) };
    usize::try_from(salida).map_err(|_| io::Error::last_os_error())
}

/// `recv(2)`: cuántos bytes se escribieron al comienzo de `destino`; 0 si el otro cerró.
#[inline(always)]
pub(crate) fn recibir<B: Byte>(socket: BorrowedFd<'_>, destino: &mut [B], banderas: libc::c_int) -> io::Result<usize> {
    let (lugar, largo) = (destino.as_mut_ptr().cast(), destino.len());
    // SAFETY: `destino` está prestado entero, el kernel no escribe más que su largo, y cualquier byte vale ahí.
    let salida = unsafe { libc::recv(socket.as_raw_fd(), lugar, largo, banderas) };
    usize::try_from(salida).map_err(|_| io::Error::last_os_error())
}
