//! Un valor de varios hilos, que se libera cuando lo suelta el último.

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;

use super::caja::caja;
use super::cerrojo::Cerrojo;

struct Contenido<T> {
    duenios: Cerrojo<usize>,
    valor: T,
}

/// Como un `Arc`, con la cuenta en un cerrojo de pthread: helgrind no ve el orden que dan los atómicos de Arc, y tomaría
/// por una carrera que el último hilo libere lo que otros usaron.
#[repr(transparent)] // así, una Option suya en cero es None
pub(crate) struct Compartido<T> {
    contenido: NonNull<Contenido<T>>,
}

// SAFETY: presta sólo `&T`, desde cualquier hilo, y el último en soltarlo lo destruye.
unsafe impl<T: Send + Sync> Send for Compartido<T> {}
// SAFETY: la misma razón.
unsafe impl<T: Send + Sync> Sync for Compartido<T> {}

impl<T> Compartido<T> {
    /// `None`: no hay memoria.
    pub(crate) fn nuevo(valor: T) -> Option<Self> {
        let caja = caja(Contenido { duenios: Cerrojo::nuevo(1), valor }).ok()?;
        Some(Self { contenido: NonNull::from(Box::leak(caja)) })
    }

    fn contenido(&self) -> &Contenido<T> {
        // SAFETY: existe mientras haya un dueño, y `self` lo es.
        unsafe { self.contenido.as_ref() }
    }
}

impl<T> Clone for Compartido<T> {
    fn clone(&self) -> Self {
        *self.contenido().duenios.tomar() += 1;
        Self { contenido: self.contenido }
    }
}

impl<T> Deref for Compartido<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.contenido().valor
    }
}

impl<T> Drop for Compartido<T> {
    fn drop(&mut self) {
        let quedan = {
            let mut duenios = self.contenido().duenios.tomar();
            *duenios -= 1;
            *duenios
        };
        if quedan == 0 {
            // SAFETY: salió de una caja en `nuevo`, y éste era el último dueño: los demás ya soltaron el cerrojo.
            drop(unsafe { Box::from_raw(self.contenido.as_ptr()) });
        }
    }
}

impl<T> fmt::Debug for Compartido<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compartido")
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn se_destruye_una_vez_y_al_final() {
        static DESTRUIDOS: AtomicUsize = AtomicUsize::new(0);
        struct Cuenta;
        impl Drop for Cuenta {
            fn drop(&mut self) {
                DESTRUIDOS.fetch_add(1, Ordering::SeqCst);
            }
        }
        let original = Compartido::nuevo(Cuenta).unwrap();
        let copias: Vec<_> = (0..8).map(|_| original.clone()).collect();
        let hilos: Vec<_> = copias.into_iter().map(|copia| std::thread::spawn(move || drop(copia))).collect();
        hilos.into_iter().for_each(|hilo| hilo.join().unwrap());
        assert_eq!(DESTRUIDOS.load(Ordering::SeqCst), 0);
        drop(original);
        assert_eq!(DESTRUIDOS.load(Ordering::SeqCst), 1);
    }
}
