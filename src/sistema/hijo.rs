//! Lo que pasa al bifurcarse: qué generación de proceso es ésta, y qué descriptores no son para los hijos.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use super::cerrojo::HijoConUnHilo;

/// Cuántas veces un antepasado de este proceso se bifurcó hasta llegar a él.
static GENERACION: AtomicU32 = AtomicU32::new(0);

/// La generación de este proceso: cambia sólo en los hijos.
pub(crate) fn generacion() -> u32 {
    GENERACION.load(Ordering::Acquire)
}

/// Nadie ocupa ese lugar.
const LIBRE: RawFd = -1;

/// Los descriptores marcados. Con más que éstos a la vez, los que sobran se heredan.
static MARCADOS: [AtomicI32; 1024] = [const { AtomicI32::new(LIBRE) }; 1024];

/// Mientras existe, un hijo que nazca cierra su copia de este descriptor: no va a haber quien lo atienda ahí.
#[derive(Debug)]
pub(crate) struct NoSeHereda {
    lugar: Option<&'static AtomicI32>,
}

impl NoSeHereda {
    /// Marca el descriptor. Se suelta antes que él.
    pub(crate) fn marcar(socket: &impl AsFd) -> Self {
        let descriptor = socket.as_fd().as_raw_fd();
        let ocupar =
            |lugar: &&AtomicI32| lugar.compare_exchange(LIBRE, descriptor, Ordering::AcqRel, Ordering::Acquire).is_ok();
        Self { lugar: MARCADOS.iter().find(ocupar) }
    }
}

impl Drop for NoSeHereda {
    fn drop(&mut self) {
        if let Some(lugar) = self.lugar {
            lugar.swap(LIBRE, Ordering::AcqRel);
        }
    }
}

/// En el hijo: pasa a otra generación, y cierra lo que no se hereda. Los dueños de esos descriptores quedaron en hilos del padre.
pub(crate) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    GENERACION.fetch_add(1, Ordering::AcqRel);
    super::hilo::despues_en_el_hijo(hijo);
    for lugar in &MARCADOS {
        let descriptor = lugar.swap(LIBRE, Ordering::AcqRel);
        if descriptor != LIBRE {
            // SAFETY: es la copia de este proceso de un descriptor que sólo usaba un hilo que aquí no existe.
            unsafe { libc::close(descriptor) };
        }
    }
}
