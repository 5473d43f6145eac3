//! Lo que se hace con un socket: lo de verdad, cuando loom diga, y sin dormir.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

use super::nucleo::{dormir_en, llamar};
use super::sockets_de_verdad;
pub(crate) use super::sockets_de_verdad::{
    Byte, Mirada, diferir_aceptacion, leidos_por_alguien, poner_sin_bloqueo, umbral_de_lectura,
};

pub(crate) fn recibir_ya(socket: &impl AsFd, destino: &mut [u8], mirada: Mirada) -> io::Result<Option<usize>> {
    llamar(|| sockets_de_verdad::recibir_ya(socket, destino, mirada))
}

pub(crate) fn enviar_ya(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    llamar(|| sockets_de_verdad::enviar_ya(socket, bytes))
}

pub(crate) fn recibir<B: Byte>(socket: BorrowedFd<'_>, destino: &mut [B], banderas: libc::c_int) -> io::Result<usize> {
    let mut recibir = || sockets_de_verdad::recibir(socket, destino, banderas | libc::MSG_DONTWAIT);
    if banderas & libc::MSG_DONTWAIT != 0 {
        return llamar(recibir);
    }
    dormir_en("recv", || match recibir() {
        Err(causa) if causa.kind() == ErrorKind::WouldBlock => None,
        salida => Some(salida),
    })
}
