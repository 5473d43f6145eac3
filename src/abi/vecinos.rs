//! La lista de los números en los que este proceso escucha. No sabe qué hay en cada uno.

use std::ffi::c_int;

use crate::sistema::{Cerrojo, HijoConUnHilo};

/// Cuántos se recuerdan a la vez.
const CUANTOS: usize = 64;
const NINGUNO: c_int = -1;

static VECINOS: Cerrojo<[c_int; CUANTOS]> = Cerrojo::nuevo([NINGUNO; CUANTOS]);

pub(super) fn sumar(descriptor: c_int) {
    cambiar(NINGUNO, descriptor);
}

pub(super) fn quitar(descriptor: c_int) {
    cambiar(descriptor, NINGUNO);
}

fn cambiar(viejo: c_int, nuevo: c_int) {
    if let Some(lugar) = VECINOS.tomar().iter_mut().find(|vecino| **vecino == viejo) {
        *lugar = nuevo;
    }
}

pub(super) fn hay() -> bool {
    VECINOS.tomar().iter().any(|vecino| *vecino != NINGUNO)
}

pub(super) fn todos() -> impl Iterator<Item = c_int> {
    let vecinos = *VECINOS.tomar();
    vecinos.into_iter().filter(|vecino| *vecino != NINGUNO)
}

pub(super) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    VECINOS.abrir_en_el_hijo(hijo);
}
