//! Cómo termina una conexión que se cortó y nadie liberó todavía.
//!
//! El esqueleto del TP0 cierra el descriptor cuando `recibir_operacion` da -1; hay programas que después lo liberan también y
//! programas que no, y los primeros le cierran la conexión a quien haya recibido el número. Por eso el número queda reservado: en él
//! se pone un socket muerto (una tumba), del que recv lee 0, hasta que terminen otras 64 conexiones o haga falta el lugar.
//!
//! Sabe qué números son tumbas y en qué orden se cavaron; no sabe qué más se recuerda de cada uno.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use crate::sistema::{Cerrojo, HijoConUnHilo, cerrar, copiar_en, identidad, limite_de_descriptores};

/// Cuántas se conservan, como mucho.
const CUANTAS: usize = 64;
/// Cuántas puede haber por un momento, mientras varios hilos cavan a la vez.
const LUGARES: usize = 4 * CUANTAS;

/// Una tumba: en qué número, y la cuántas fue; la primera es la 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tumba {
    pub(super) descriptor: c_int,
    pub(super) orden: u64,
}

const NINGUNA: Tumba = Tumba { descriptor: 0, orden: 0 };

#[derive(Debug)]
struct Cementerio {
    cavadas: u64,
    /// Las que están reservadas, de la más vieja a la más nueva.
    tumbas: [Tumba; LUGARES],
    cuantas: usize,
    /// El socket muerto que está en todas.
    muerto: u64,
}

static CEMENTERIO: Cerrojo<Cementerio> =
    Cerrojo::nuevo(Cementerio { cavadas: 0, tumbas: [NINGUNA; LUGARES], cuantas: 0, muerto: 0 });

/// Cierra lo que haya en `descriptor` y pone ahí una tumba, en un solo paso. Devuelve la tumba y el socket que hay en ella. `None`: no hay con
/// qué, y todo sigue como estaba.
pub(super) fn cavar(descriptor: c_int) -> Option<(Tumba, u64)> {
    let mut cementerio = CEMENTERIO.tomar();
    if cementerio.cuantas == LUGARES {
        return None;
    }
    // Copiar otra tumba cuesta menos que hacer un socket muerto; casi siempre hay una.
    let de_otra = cementerio.ultima().is_some_and(|ultima| copiar_en(ultima, descriptor));
    // Un close del programa no pasa por acá: si justo cerró la otra, lo copiado puede ser la conexión de alguien.
    if !de_otra || !cementerio.hay_un_muerto_en(descriptor) {
        let muerto = socket_muerto()?;
        cementerio.muerto = identidad(muerto.as_raw_fd()).ok()?;
        if !copiar_en(muerto.as_raw_fd(), descriptor) {
            return None;
        }
    }
    Some((cementerio.anotar(descriptor), cementerio.muerto))
}

/// Cierra una tumba. Con el cementerio tomado: mientras se la copia, su número no puede pasar a ser de otra conexión.
pub(super) fn cerrar_tumba(descriptor: c_int) {
    let mut cementerio = CEMENTERIO.tomar();
    cementerio.sacar(|tumba| tumba.descriptor == descriptor);
    cerrar(descriptor);
}

/// La más vieja, si ya son más que las que se conservan: deja de estar reservada. Nunca son más de un cuarto de los descriptores.
pub(super) fn la_que_sobra() -> Option<Tumba> {
    let caben = usize::try_from(limite_de_descriptores() / 4).unwrap_or(CUANTAS).min(CUANTAS);
    CEMENTERIO.tomar().sacar_la_mas_vieja(caben)
}

/// La más vieja, haya las que haya: hace falta un descriptor, y no hay otro.
pub(super) fn la_que_se_cede() -> Option<Tumba> {
    CEMENTERIO.tomar().sacar_la_mas_vieja(0)
}

impl Cementerio {
    fn reservadas(&self) -> &[Tumba] {
        self.tumbas.get(..self.cuantas).unwrap_or_default()
    }

    /// El descriptor de la última tumba, si sigue siéndolo.
    fn ultima(&self) -> Option<c_int> {
        self.reservadas().last().map(|tumba| tumba.descriptor).filter(|ultima| self.hay_un_muerto_en(*ultima))
    }

    fn hay_un_muerto_en(&self, descriptor: c_int) -> bool {
        identidad(descriptor).is_ok_and(|este| este == self.muerto)
    }

    fn anotar(&mut self, descriptor: c_int) -> Tumba {
        // La que hubo antes en este número la cerró el programa.
        self.sacar(|tumba| tumba.descriptor == descriptor);
        self.cavadas += 1;
        let nueva = Tumba { descriptor, orden: self.cavadas };
        if let Some(lugar) = self.tumbas.get_mut(self.cuantas) {
            *lugar = nueva;
            self.cuantas += 1;
        }
        nueva
    }

    fn sacar(&mut self, cual: impl Fn(&Tumba) -> bool) -> Option<Tumba> {
        let lugar = self.reservadas().iter().position(cual)?;
        let sacada = self.tumbas.get(lugar).copied();
        self.tumbas.copy_within(lugar + 1..self.cuantas, lugar);
        self.cuantas -= 1;
        sacada
    }

    fn sacar_la_mas_vieja(&mut self, si_hay_mas_de: usize) -> Option<Tumba> {
        if self.cuantas > si_hay_mas_de { self.sacar(|_| true) } else { None }
    }
}

/// Un socket cuyo otro extremo está cerrado: de él se leen 0 bytes, y enviar da EPIPE.
fn socket_muerto() -> Option<OwnedFd> {
    UnixStream::pair().ok().map(|(queda, _se_cierra)| queda.into())
}

/// Abre el cerrojo si el padre lo tenía tomado en otro hilo: los datos son números sueltos, y cada uno se comprueba al usarlo.
pub(super) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    CEMENTERIO.abrir_en_el_hijo(hijo);
}
