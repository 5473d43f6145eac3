//! `pthread_cancel`: lo que está a medio hacer en la biblioteca se termina, y el hilo se va al volver.
//!
//! Cancelar es desenrollar la pila desde la llamada al sistema en que el hilo está, y por las funciones de Rust eso no puede pasar.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

unsafe extern "C" {
    // libc no las declara para Linux.
    fn pthread_setcancelstate(nuevo: c_int, antes: *mut c_int) -> c_int;
    fn pthread_setcanceltype(nuevo: c_int, antes: *mut c_int) -> c_int;
}

unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

/// En glibc y en musl.
const SE_CANCELA: c_int = 0;
const NO_SE_CANCELA: c_int = 1;
const DIFERIDA: c_int = 0;

/// Lo que hay mientras no se buscó, y donde no está (musl, o una glibc anterior a la 2.32): puede haber más de un hilo.
static SIN_BUSCAR: c_char = 0;
static NO_ESTA: c_char = 0;

/// El `__libc_single_threaded` de glibc, que es de un byte, o uno de ésos.
static UN_SOLO_HILO: AtomicPtr<c_char> = AtomicPtr::new((&raw const SIN_BUSCAR).cast_mut());

/// Si este proceso tiene un solo hilo: entonces no hay quien cancele, y no hay nada que hacer.
pub(super) fn un_solo_hilo() -> bool {
    // SAFETY: es un byte que vive tanto como el proceso, y sólo cambia en este hilo, si crea otro.
    unsafe { UN_SOLO_HILO.load(Ordering::Relaxed).read() != 0 }
}

#[cold]
#[inline(never)]
fn buscar() {
    // SAFETY: busca un símbolo por su nombre; no corre nada.
    let simbolo = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
    let lugar = if simbolo.is_null() { (&raw const NO_ESTA).cast_mut() } else { simbolo.cast() };
    UN_SOLO_HILO.swap(lugar, Ordering::Relaxed);
}

/// Desde ahora, a este hilo no se lo cancela. Da cómo estaba.
#[cold]
pub(super) fn diferir() -> c_int {
    if ptr::eq(UN_SOLO_HILO.load(Ordering::Relaxed), &raw const SIN_BUSCAR) {
        buscar();
    }
    let mut antes = SE_CANCELA;
    // SAFETY: el estado existe, y `antes` es un lugar válido.
    unsafe { pthread_setcancelstate(NO_SE_CANCELA, &raw mut antes) };
    antes
}

/// Lo deja como estaba. Si lo quisieron cancelar, y se podía, no vuelve.
#[cold]
pub(super) fn reponer(antes: c_int) {
    if antes != SE_CANCELA {
        return;
    }
    let mut tipo = DIFERIDA;
    // Con la asincrónica, glibc termina el hilo al abrirla y olvida anotar que fue cancelado.
    // SAFETY: el tipo existe, y `tipo` es un lugar válido.
    unsafe { pthread_setcanceltype(DIFERIDA, &raw mut tipo) };
    // SAFETY: es el estado que tenía.
    unsafe { pthread_setcancelstate(antes, ptr::null_mut()) };
    // SAFETY: se puede llamar siempre. Desenrolla hasta el programa: de aquí a él no queda nada por soltar.
    unsafe { pthread_testcancel() };
    // SAFETY: es el tipo que tenía.
    unsafe { pthread_setcanceltype(tipo, ptr::null_mut()) };
}
