//! Qué buffer no se pudo leer entero. No sabe leer: sólo se acuerda, en cada hilo, de una lectura que falló.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use super::tipos::t_buffer;

/// La primera lectura de un buffer que no entró, hasta que ahí pueda haber otro: con ella contesta `buffer_quedan`.
#[derive(Clone, Copy)]
pub(super) struct Fallida {
    buffer: *const t_buffer,
    stream: *const c_void,
    /// Cuántos bytes quedaban, y cuántos pedía. Si entraba, lo que no hubo fue memoria.
    pub(super) quedan: usize,
    pub(super) pedidos: usize,
}

thread_local! {
    static FALLIDA: Cell<Option<Fallida>> = const { Cell::new(None) };
}

impl Fallida {
    pub(super) fn de(buffer: &t_buffer) -> Option<Self> {
        FALLIDA.get().filter(|una| ptr::eq(una.buffer, buffer) && ptr::eq(una.stream, buffer.stream))
    }

    pub(super) fn anotar(buffer: &t_buffer, quedan: usize, pedidos: usize) {
        if Self::de(buffer).is_none() {
            FALLIDA.set(Some(Self { buffer, stream: buffer.stream, quedan, pedidos }));
        }
    }
}

/// Se entrega o se libera memoria de un buffer: donde hubo uno puede haber otro.
pub(super) fn olvidar_lecturas() {
    FALLIDA.set(None);
}
