//! Guardar en un atómico de un modo que helgrind entienda.

use crate::sincronia::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

/// Guarda un valor. helgrind, que el curso enseña, no sabe qué es un atómico: toma un `store` por una escritura cualquiera, y lo denuncia
/// como una carrera con quien lee. Un `swap` lleva el prefijo que bloquea el bus, y eso sí lo conoce.
pub(crate) trait Poner<T> {
    fn poner(&self, valor: T);
}

macro_rules! poner_en {
    ($($atomico:ty: $valor:ty),* $(,)?) => {$(
        impl Poner<$valor> for $atomico {
            #[inline(always)]
            fn poner(&self, valor: $valor) {
                self.swap(valor, Ordering::AcqRel);
            }
        }
    )*};
}
poner_en!(
    AtomicBool: bool, AtomicI32: i32, AtomicI64: i64, AtomicU8: u8, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize,
);

impl<T> Poner<*mut T> for AtomicPtr<T> {
    fn poner(&self, valor: *mut T) {
        self.swap(valor, Ordering::AcqRel);
    }
}
