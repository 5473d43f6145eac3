//! Lo que se hace con un número de descriptor: lo de verdad, cuando loom diga.

use std::io;
use std::os::fd::RawFd;

use super::descriptor_de_verdad;
pub(crate) use super::descriptor_de_verdad::Guardado;
pub(super) use super::descriptor_de_verdad::despues_en_el_hijo;
use super::nucleo::llamar;

pub(crate) fn identidad(descriptor: RawFd) -> io::Result<u64> {
    llamar(|| descriptor_de_verdad::identidad(descriptor))
}

pub(crate) fn cerrar(descriptor: RawFd) {
    llamar(|| descriptor_de_verdad::cerrar(descriptor));
}

pub(crate) fn copiar_en(origen: RawFd, destino: RawFd) -> bool {
    llamar(|| descriptor_de_verdad::copiar_en(origen, destino))
}
