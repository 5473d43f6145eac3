//! Cómo termina una conexión que se cortó y nadie liberó todavía.
//!
//! El esqueleto del TP0 cierra el descriptor cuando `recibir_operacion` da -1; hay programas que después lo liberan también y
//! programas que no, y los primeros le cierran la conexión a quien haya recibido el número. Por eso el número queda reservado: en él
//! se pone un socket muerto (una tumba), del que recv lee 0, hasta que terminen otras 64 conexiones.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use super::descriptores;
use crate::sistema::{Cerrojo, HijoConUnHilo};

/// Cuántas tumbas hay a la vez.
const CUANTAS: usize = 64;

#[derive(Debug)]
struct Cementerio {
    /// La última tumba cavada; la primera es la 1.
    orden: u64,
    /// El descriptor de cada una de las últimas, en el lugar `orden % CUANTAS`.
    descriptores: [c_int; CUANTAS],
    /// El inodo que comparten las que salieron de un mismo socket muerto.
    inodo: u64,
}

static CEMENTERIO: Cerrojo<Cementerio> = Cerrojo::nuevo(Cementerio { orden: 0, descriptores: [-1; CUANTAS], inodo: 0 });

/// Una tumba recién cavada.
#[derive(Debug)]
pub(super) struct Tumba {
    pub(super) orden: u64,
    pub(super) inodo: u64,
    /// La que deja de estar reservada por ésta.
    pub(super) reemplaza_a: Option<(c_int, u64)>,
}

/// Cierra lo que haya en `descriptor` y pone ahí una tumba, en un solo paso. `None`: no hay con qué, y todo sigue como estaba.
pub(super) fn cavar(descriptor: c_int) -> Option<Tumba> {
    let mut cementerio = CEMENTERIO.tomar();
    // Copiar otra tumba cuesta menos que hacer un socket muerto; casi siempre hay una.
    let de_otra = cementerio.ultima().is_some_and(|ultima| ultima != descriptor && copiar(ultima, descriptor));
    // Un close del programa no pasa por acá: si justo cerró la otra, lo copiado puede ser la conexión de alguien.
    if !de_otra || descriptores::inodo(descriptor) != Some(cementerio.inodo) {
        let muerto = socket_muerto()?;
        cementerio.inodo = descriptores::inodo(muerto.as_raw_fd())?;
        if !copiar(muerto.as_raw_fd(), descriptor) {
            return None;
        }
    }
    Some(cementerio.anotar(descriptor))
}

/// Cierra la tumba `orden`. Con el cementerio tomado: mientras se la copia, su número no puede pasar a ser de otra conexión.
pub(super) fn cerrar(descriptor: c_int, orden: u64) {
    let mut cementerio = CEMENTERIO.tomar();
    if let Some(lugar) = cementerio.descriptores.get_mut(Cementerio::lugar(orden)).filter(|lugar| **lugar == descriptor)
    {
        *lugar = -1;
    }
    descriptores::cerrar_ya(descriptor);
}

impl Cementerio {
    fn lugar(orden: u64) -> usize {
        usize::try_from(orden).unwrap_or(0) % CUANTAS
    }

    /// El descriptor de la última tumba, si sigue siéndolo.
    fn ultima(&self) -> Option<c_int> {
        let ultima = self.descriptores.get(Self::lugar(self.orden)).copied()?;
        (ultima >= 0 && descriptores::inodo(ultima) == Some(self.inodo)).then_some(ultima)
    }

    fn anotar(&mut self, descriptor: c_int) -> Tumba {
        self.orden += 1;
        let (orden, inodo) = (self.orden, self.inodo);
        let mut reemplaza_a = None;
        if let Some(lugar) = self.descriptores.get_mut(Self::lugar(orden)) {
            let anterior = std::mem::replace(lugar, descriptor);
            let orden_anterior = orden.saturating_sub(u64::try_from(CUANTAS).unwrap_or(u64::MAX));
            reemplaza_a = (anterior >= 0).then_some((anterior, orden_anterior));
        }
        Tumba { orden, inodo, reemplaza_a }
    }
}

/// Un socket cuyo otro extremo está cerrado: de él se leen 0 bytes, y enviar da EPIPE.
fn socket_muerto() -> Option<OwnedFd> {
    UnixStream::pair().ok().map(|(queda, _se_cierra)| queda.into())
}

/// Pone en `destino` una copia de `origen`, y cierra lo que hubiera ahí.
fn copiar(origen: RawFd, destino: RawFd) -> bool {
    // SAFETY: `destino` es la conexión que se termina: su número lo pidió C, y lo que hubiera ahí ya no sirve.
    unsafe { libc::dup3(origen, destino, libc::O_CLOEXEC) == destino }
}

/// Abre el cerrojo si el padre lo tenía tomado en otro hilo: los datos son números sueltos, y cada uno se comprueba al usarlo.
pub(super) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    CEMENTERIO.abrir_en_el_hijo(hijo);
}
