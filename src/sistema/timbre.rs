//! Despertar a un hilo que espera con ppoll, que a diferencia de una condición deja pasar las señales.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;

use super::consultas::limite_de_descriptores;
use super::descriptor::Guardado;
use super::espera::{Interes, Sentido};
use super::sockets::{Mirada, enviar_ya, recibir_ya};

/// Un botón que se toca en un hilo y se oye en otro.
#[derive(Debug)]
pub(crate) struct Timbre {
    boton: Guardado,
    oido: Guardado,
}

impl Timbre {
    pub(crate) fn nuevo() -> io::Result<Self> {
        let (boton, oido) = UnixStream::pair()?;
        let guardar = |lado: UnixStream| Guardado::nuevo(alejado(lado).into(), |_| {}).fijado();
        Ok(Self { boton: guardar(boton), oido: guardar(oido) })
    }

    /// Despierta a uno de los que esperan. Si ya hay muchos avisos sin oír, van a despertar igual.
    pub(crate) fn tocar(&self) {
        if self.boton.sigue() {
            let _ = enviar_ya(self.boton.as_fd(), &[1]);
        }
    }

    /// Lo que hay que esperar para oírlo. `None`: el programa cerró sus descriptores, y ya no suena.
    pub(crate) fn interes(&self) -> Option<Interes<'_>> {
        self.oido.sigue().then(|| Interes::en(&self.oido, Sentido::Lectura))
    }

    /// Oye un aviso, si hay.
    pub(crate) fn oir(&self) {
        if self.oido.sigue() {
            let _ = recibir_ya(&self.oido, &mut [0], Mirada::Consume);
        }
    }
}

/// Con un número alto, si se puede: los primeros son los que el programa espera ver en sus conexiones, y los que `select(2)` admite.
fn alejado(lado: UnixStream) -> UnixStream {
    let desde = c_int::try_from(limite_de_descriptores().min(1024) / 2).unwrap_or(0).max(3);
    // SAFETY: no toca memoria.
    let copia = unsafe { libc::fcntl(lado.as_raw_fd(), libc::F_DUPFD_CLOEXEC, desde) };
    if copia < 0 {
        return lado;
    }
    // SAFETY: se acaba de abrir, y nadie más lo conoce.
    unsafe { UnixStream::from_raw_fd(copia) }
}
