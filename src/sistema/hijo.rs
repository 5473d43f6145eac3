//! Lo que pasa al bifurcarse: qué generación de proceso es ésta, y qué descriptores no son para los hijos.

use std::os::fd::{AsFd, AsRawFd, IntoRawFd, RawFd};
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

/// En el hijo, cierra la copia de un descriptor del padre. Puede no haberla: fork copia los descriptores antes que la memoria, y el que otro
/// hilo abrió en el medio está en ella y no entre ellos. Soltar a su dueño abortaría, donde std controla eso.
pub(crate) fn cerrar_copia(duenio: impl IntoRawFd, _hijo: &HijoConUnHilo) {
    // SAFETY: era de su dueño, que deja de existir, y no hay otro hilo que lo use (de eso da fe `_hijo`).
    unsafe { libc::close(duenio.into_raw_fd()) };
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

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::os::fd::{FromRawFd, OwnedFd};

    #[test]
    fn cerrar_una_copia_que_no_llego_a_copiarse_no_es_un_error() {
        // Un número alto: entre que se lo cierra y se lo vuelve a cerrar no se lo puede quedar otra prueba.
        // SAFETY: no toca memoria.
        let descriptor = unsafe { libc::fcntl(2, libc::F_DUPFD_CLOEXEC, 900) };
        assert!(descriptor >= 900);
        // SAFETY: se acaba de abrir, y nadie más lo conoce.
        let duenio = unsafe { OwnedFd::from_raw_fd(descriptor) };
        // SAFETY: es lo que se prueba: un dueño de algo que ya no está.
        assert_eq!(unsafe { libc::close(descriptor) }, 0);
        // SAFETY: aquí nadie se bifurcó, y el descriptor es sólo de esta prueba.
        let hijo = unsafe { HijoConUnHilo::constancia() };
        cerrar_copia(duenio, &hijo);
    }
}
