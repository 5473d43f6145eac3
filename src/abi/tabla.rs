//! La tabla de ranuras: una por número de descriptor. No sabe qué hay en una ranura.
//!
//! Las ranuras viven en páginas del kernel, que nacen en cero y no se devuelven: todo en cero es una ranura nueva, y ningún hilo llega a una que
//! ya no está.

use std::ffi::c_int;
use std::mem::size_of;
use std::ptr::{self, NonNull};

use super::memoria;
use super::ranura::Ranura;
use crate::error::{Error, Resultado};
use crate::sincronia::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Ranuras que se piden juntas.
const POR_TROZO: usize = 64;
/// Trozos posibles: hasta el descriptor 1.048.575.
const TROZOS: usize = 16 * 1024;

static TABLA: [AtomicPtr<Ranura>; TROZOS] = [const { AtomicPtr::new(ptr::null_mut()) }; TROZOS];
/// Cuántos trozos del comienzo de la tabla pueden existir.
static TROZOS_EN_USO: AtomicUsize = AtomicUsize::new(0);

/// La ranura de un número. Si su trozo no existe, lo pide.
pub(super) fn ranura(descriptor: c_int) -> Resultado<&'static Ranura> {
    let Some((numero, lugar)) = lugar_de(descriptor) else { return Err(fuera_de_la_tabla(descriptor)) };
    let mut trozo = lugar.load(Ordering::Acquire);
    if trozo.is_null() {
        trozo = agregar_trozo(lugar, numero / POR_TROZO)?;
    }
    // SAFETY: un trozo tiene POR_TROZO ranuras seguidas.
    let ranura = unsafe { trozo.add(numero % POR_TROZO) };
    // SAFETY: las páginas nacen en cero, que es una ranura válida, y nunca se devuelven.
    Ok(unsafe { &*ranura })
}

/// Todas las ranuras que existen, con su número.
pub(super) fn todas() -> impl Iterator<Item = (c_int, &'static Ranura)> {
    let trozos = TABLA.iter().take(TROZOS_EN_USO.load(Ordering::Acquire)).enumerate();
    trozos.filter_map(|(orden, lugar)| Some((orden, NonNull::new(lugar.load(Ordering::Acquire))?))).flat_map(
        |(orden, trozo)| {
            // SAFETY: un trozo tiene POR_TROZO ranuras seguidas, que nunca se devuelven.
            let ranuras = unsafe { std::slice::from_raw_parts(trozo.as_ptr(), POR_TROZO) };
            let numeros = (orden * POR_TROZO..).map_while(|numero| c_int::try_from(numero).ok());
            numeros.zip(ranuras)
        },
    )
}

/// El lugar de la tabla donde está el trozo de un número.
fn lugar_de(descriptor: c_int) -> Option<(usize, &'static AtomicPtr<Ranura>)> {
    let numero = usize::try_from(descriptor).ok()?;
    TABLA.get(numero / POR_TROZO).map(|lugar| (numero, lugar))
}

fn fuera_de_la_tabla(descriptor: c_int) -> Error {
    let motivo = if descriptor < 0 {
        "falló la llamada que lo dio. Fijate ahí si da -1, y mostrá tp0_error()."
    } else {
        "es demasiado grande. ¿Es una variable sin inicializar?"
    };
    Error::Descriptor { descriptor, motivo }
}

fn agregar_trozo(lugar: &AtomicPtr<Ranura>, orden: usize) -> Resultado<*mut Ranura> {
    const BYTES: usize = POR_TROZO * size_of::<Ranura>();
    let paginas = memoria::pedir_paginas(BYTES)?;
    // Antes: si el proceso se bifurca justo acá, el hijo ya lo recorre.
    TROZOS_EN_USO.fetch_max(orden + 1, Ordering::AcqRel);
    let nuevo = paginas.cast().as_ptr();
    match lugar.compare_exchange(ptr::null_mut(), nuevo, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(nuevo),
        Err(de_otro_hilo) => {
            // SAFETY: se acaban de pedir, con ese largo, y nadie las vio.
            unsafe { memoria::devolver_paginas(paginas, BYTES) };
            Ok(de_otro_hilo)
        }
    }
}
