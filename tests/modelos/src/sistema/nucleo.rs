//! El kernel: el de verdad. De cada llamada, loom decide cuándo; y ninguna duerme, porque con ella dormirían todos los hilos del modelo.

use crate::sincronia::atomic::{AtomicUsize, Ordering};
use crate::sincronia::thread::yield_now;

static LLAMADAS: AtomicUsize = AtomicUsize::new(0);

/// Una llamada al sistema: aquí puede seguir otro hilo, y el orden entre dos llamadas es uno solo para todos.
pub(crate) fn llamar<T>(llamada: impl FnOnce() -> T) -> T {
    LLAMADAS.fetch_add(1, Ordering::AcqRel);
    llamada()
}

/// Una llamada que duerme: se la intenta, sin dormir, hasta que dé algo. Si nadie hace que lo dé, el modelo falla.
pub(crate) fn dormir_en<T>(que: &str, mut llamada: impl FnMut() -> Option<T>) -> T {
    const VECES: u32 = 40;
    for _ in 0..VECES {
        if let Some(salida) = llamar(&mut llamada) {
            return salida;
        }
        yield_now();
    }
    panic!("nadie despierta a quien duerme en {que}")
}
