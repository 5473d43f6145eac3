//! Despertar a un hilo que espera con poll, que a diferencia de una condición deja pasar las señales.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::cerrojo::HijoConUnHilo;
use super::hijo::cerrar_copia;
use super::sockets::{Mirada, recibir_ya};

/// Un botón que se toca en un hilo y se oye en otro.
#[derive(Debug)]
pub(crate) struct Timbre {
    boton: UnixStream,
    oido: UnixStream,
}

impl Timbre {
    pub(crate) fn nuevo() -> io::Result<Self> {
        let (boton, oido) = UnixStream::pair()?;
        boton.set_nonblocking(true)?;
        Ok(Self { boton, oido })
    }

    /// Despierta a uno de los que esperan. Si ya hay muchos avisos sin oír, van a despertar igual.
    pub(crate) fn tocar(&self) {
        let _ = (&self.boton).write(&[1]);
    }

    /// Oye un aviso, si hay.
    pub(crate) fn oir(&self) {
        let _ = recibir_ya(&self.oido, &mut [0], Mirada::Consume);
    }

    /// En el hijo, cierra sus copias.
    pub(crate) fn cerrar_en_el_hijo(self, hijo: &HijoConUnHilo) {
        cerrar_copia(self.boton, hijo);
        cerrar_copia(self.oido, hijo);
    }

    /// Otro oído del mismo timbre.
    pub(crate) fn otro_oido(&self) -> io::Result<UnixStream> {
        self.oido.try_clone()
    }
}

impl AsFd for Timbre {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.oido.as_fd()
    }
}
