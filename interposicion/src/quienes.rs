//! Desde dónde se llamó: con el desenredador de excepciones de libgcc, que es el mismo que usa `pthread_cancel` y no pide memoria.
//!
//! Desenredar tarda más que la llamada. En x86-64, la dirección a la que vuelve una función está siempre a la misma distancia de sus variables: la
//! primera vez se la mide, y después se la lee. Si quien llamó es del ejecutable, con eso alcanza.

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::registro::QUIENES;

/// Dónde empieza y termina algo cargado en memoria.
pub(crate) struct Tramo(AtomicUsize, AtomicUsize);

impl Tramo {
    const fn ninguno() -> Self {
        Self(AtomicUsize::new(0), AtomicUsize::new(0))
    }

    pub(crate) fn anotar(&self, desde: usize, hasta: usize) {
        self.0.store(desde, Ordering::Relaxed);
        self.1.store(hasta, Ordering::Relaxed);
    }

    pub(crate) fn vacio(&self) -> bool {
        self.1.load(Ordering::Relaxed) == 0
    }

    fn tiene(&self, lugar: usize) -> bool {
        (self.0.load(Ordering::Relaxed)..self.1.load(Ordering::Relaxed)).contains(&lugar)
    }
}

/// Este archivo: lo de acá no es de quien llamó.
pub(crate) static PROPIO: Tramo = Tramo::ninguno();
/// El ejecutable: con llegar a él alcanza para decir dónde.
pub(crate) static EJECUTABLE: Tramo = Tramo::ninguno();

/// Hasta dónde se mira, y cuántos se guardan de lo que está antes del ejecutable.
const HONDO: usize = 32;
const DE_BIBLIOTECAS: usize = QUIENES - 1;

/// Una función interpuesta: dónde está, en esta llamada, una variable suya, y a qué distancia está la dirección a la que vuelve (0: no se sabe).
#[derive(Clone, Copy)]
pub(crate) struct Funcion {
    variable: usize,
    distancia: &'static AtomicUsize,
}

impl Funcion {
    pub(crate) fn nueva(variable: *const u8, distancia: &'static AtomicUsize) -> Self {
        Self { variable: variable.expose_provenance(), distancia }
    }

    /// A dónde vuelve, si ya se midió dónde está.
    fn vuelve_a(self) -> Option<usize> {
        match self.distancia.load(Ordering::Relaxed) {
            0 => None,
            distancia => Some(leer(self.variable.wrapping_add(distancia))),
        }
    }

    /// La palabra que está antes de la pila de quien llamó, si es a donde se vuelve.
    fn medir(self, pila_de_quien_llamo: usize, vuelve_a: usize) {
        let lugar = pila_de_quien_llamo.wrapping_sub(size_of::<usize>());
        if cfg!(target_arch = "x86_64") && lugar > self.variable && leer(lugar) == vuelve_a {
            self.distancia.store(lugar.wrapping_sub(self.variable), Ordering::Relaxed);
        }
    }
}

fn leer(lugar: usize) -> usize {
    // SAFETY: es de la pila de este hilo, entre una función que no volvió y quien la llamó.
    unsafe { ptr::with_exposed_provenance::<usize>(lugar).read_volatile() }
}

struct Busqueda {
    funcion: Funcion,
    quienes: [u64; QUIENES],
    guardados: usize,
    vistos: usize,
}

unsafe extern "C" {
    fn _Unwind_Backtrace(
        uno: extern "C" fn(contexto: *mut c_void, busqueda: *mut c_void) -> c_int,
        busqueda: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(contexto: *mut c_void) -> usize;
    fn _Unwind_GetCFA(contexto: *mut c_void) -> usize;
}

/// `_URC_NO_REASON`: seguir. Cualquier otra cosa: parar.
const SEGUIR: c_int = 0;
const PARAR: c_int = 5;

extern "C" fn uno(contexto: *mut c_void, busqueda: *mut c_void) -> c_int {
    // SAFETY: es la de `buscar`, que está esperando.
    let busqueda = unsafe { &mut *busqueda.cast::<Busqueda>() };
    // SAFETY: el contexto es el que dio _Unwind_Backtrace.
    let lugar = unsafe { _Unwind_GetIP(contexto) };
    busqueda.vistos += 1;
    if lugar == 0 || busqueda.vistos > HONDO {
        return PARAR;
    }
    if PROPIO.tiene(lugar) {
        return SEGUIR;
    }
    if busqueda.guardados == 0 {
        // SAFETY: el contexto es el que dio _Unwind_Backtrace.
        let pila = unsafe { _Unwind_GetCFA(contexto) };
        busqueda.funcion.medir(pila, lugar);
    }
    let es_del_ejecutable = EJECUTABLE.tiene(lugar);
    if !es_del_ejecutable && busqueda.guardados >= DE_BIBLIOTECAS {
        return SEGUIR;
    }
    if let Some(libre) = busqueda.quienes.get_mut(busqueda.guardados) {
        *libre = u64::try_from(lugar).unwrap_or(0);
    }
    busqueda.guardados += 1;
    if es_del_ejecutable { PARAR } else { SEGUIR }
}

pub(crate) fn buscar(funcion: Funcion) -> [u64; QUIENES] {
    if let Some(lugar) = funcion.vuelve_a().filter(|lugar| EJECUTABLE.tiene(*lugar)) {
        let mut quienes = [0; QUIENES];
        quienes[0] = u64::try_from(lugar).unwrap_or(0);
        return quienes;
    }
    let mut busqueda = Busqueda { funcion, quienes: [0; QUIENES], guardados: 0, vistos: 0 };
    // SAFETY: la búsqueda vive durante la llamada, y sólo la usa `uno`.
    unsafe { _Unwind_Backtrace(uno, (&raw mut busqueda).cast::<c_void>()) };
    busqueda.quienes
}
