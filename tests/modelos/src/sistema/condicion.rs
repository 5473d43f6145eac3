//! La condición de la biblioteca, con una de loom en lugar de una de pthread.

use std::fmt;
use std::time::Duration;

use loom::sync::Condvar;
use loom::thread::yield_now;

use super::cerrojo::Guarda;

pub(crate) struct Condicion {
    condicion: Condvar,
}

impl Condicion {
    pub(crate) fn nueva() -> Option<Self> {
        Some(Self { condicion: Condvar::new() })
    }

    pub(crate) fn avisar(&self) {
        self.condicion.notify_all();
    }

    pub(crate) fn esperar<T>(&self, guarda: &mut Guarda<'_, T>) {
        guarda.mientras(|tomado| self.condicion.wait(tomado).expect("los cerrojos de un modelo no se envenenan"));
    }

    /// Aquí no pasa el tiempo: el plazo ya venció.
    pub(crate) fn esperar_a_lo_sumo<T>(&self, _: &mut Guarda<'_, T>, _: Duration) {
        yield_now();
    }
}

impl fmt::Debug for Condicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condicion")
    }
}
