//! Lo que no es de ningún protocolo (contadores, lo que se averigua una vez) sigue siendo de std, y también se pone.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::poner::Poner;

macro_rules! poner_en {
    ($($atomico:ty: $valor:ty),* $(,)?) => {$(
        impl Poner<$valor> for $atomico {
            fn poner(&self, valor: $valor) {
                self.swap(valor, Ordering::AcqRel);
            }
        }
    )*};
}
poner_en!(
    AtomicBool: bool, AtomicI32: i32, AtomicI64: i64, AtomicU8: u8, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize,
);
