//! Un mutex de pthread con la forma del de std, sin envenenamiento.

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Un valor que un solo hilo a la vez puede usar.
///
/// Todo en cero es un cerrojo abierto, si `T` admite ceros: así puede vivir en memoria recién pedida al kernel.
/// No se puede mover mientras está tomado (la guarda lo presta), y glibc y musl admiten mover uno que no lo está.
pub(crate) struct Cerrojo<T> {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    dato: UnsafeCell<T>,
}

// SAFETY: el dato sólo se alcanza con el mutex tomado, así que lo usa un hilo por vez; pasa de hilo en hilo, por eso T: Send.
unsafe impl<T: Send> Send for Cerrojo<T> {}
// SAFETY: la misma razón.
unsafe impl<T: Send> Sync for Cerrojo<T> {}

impl<T> Cerrojo<T> {
    pub(crate) const fn nuevo(dato: T) -> Self {
        Self { mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), dato: UnsafeCell::new(dato) }
    }

    /// Espera su turno y lo toma.
    pub(crate) fn tomar(&self) -> Guarda<'_, T> {
        // SAFETY: el mutex está inicializado desde `nuevo` y vive tanto como `self`. Uno normal sólo falla si está mal inicializado.
        unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
        Guarda { cerrojo: self }
    }

    /// Lo toma sólo si está libre.
    pub(crate) fn intentar(&self) -> Option<Guarda<'_, T>> {
        // SAFETY: como en `tomar`.
        let tomado = unsafe { libc::pthread_mutex_trylock(self.mutex.get()) } == 0;
        // then y no then_some: una guarda que se arma y se suelta dejaría libre el de otro.
        tomado.then(|| Guarda { cerrojo: self })
    }

    /// Lo deja abierto, sin importar quién lo tenía: quedó en el padre.
    pub(crate) fn abrir_en_el_hijo(&self, _hijo: &HijoConUnHilo) {
        // SAFETY: no hay otro hilo (de eso da fe `_hijo`), y el lugar es de un mutex.
        unsafe { self.mutex.get().write(libc::PTHREAD_MUTEX_INITIALIZER) };
    }

    /// Lo deja abierto y con un valor nuevo, y devuelve el viejo. Si otro hilo lo tenía tomado al bifurcarse, el viejo puede estar a
    /// medio cambiar: se olvida.
    pub(crate) fn renovar_en_el_hijo(&self, nuevo: T, hijo: &HijoConUnHilo) -> Option<T> {
        if let Some(mut libre) = self.intentar() {
            Some(std::mem::replace(&mut *libre, nuevo))
        } else {
            // SAFETY: no hay otro hilo (de eso da fe `hijo`); el valor viejo, que puede estar roto, no se suelta.
            unsafe { self.dato.get().write(nuevo) };
            self.abrir_en_el_hijo(hijo);
            None
        }
    }
}

impl<T> Cerrojo<T> {
    /// Como [`renovar_en_el_hijo`](Self::renovar_en_el_hijo), sin soltar el valor viejo, que puede estar tomado por dentro.
    pub(crate) fn olvidar_en_el_hijo(&self, nuevo: T, hijo: &HijoConUnHilo) {
        // SAFETY: no hay otro hilo (de eso da fe `hijo`).
        unsafe { self.dato.get().write(nuevo) };
        self.abrir_en_el_hijo(hijo);
    }
}

/// La constancia de que este proceso es el hijo recién creado por un fork y todavía tiene un solo hilo.
#[derive(Debug)]
pub(crate) struct HijoConUnHilo(());

impl HijoConUnHilo {
    /// # Safety
    /// Tiene que ser cierto: sólo desde el manejador de pthread_atfork que corre en el hijo.
    pub(crate) unsafe fn constancia() -> Self {
        Self(())
    }
}

impl<T> fmt::Debug for Cerrojo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cerrojo")
    }
}

/// El dato, mientras se lo tiene. Al soltarla, otro hilo puede tomarlo.
pub(crate) struct Guarda<'a, T> {
    cerrojo: &'a Cerrojo<T>,
}

impl<T> Guarda<'_, T> {
    /// El mutex tomado, para esperar una condición.
    pub(super) fn mutex(&self) -> *mut libc::pthread_mutex_t {
        self.cerrojo.mutex.get()
    }
}

impl<T> Deref for Guarda<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: mientras existe la guarda, el mutex es de este hilo.
        unsafe { &*self.cerrojo.dato.get() }
    }
}

impl<T> DerefMut for Guarda<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: mientras existe la guarda, el mutex es de este hilo, y la guarda está prestada entera.
        unsafe { &mut *self.cerrojo.dato.get() }
    }
}

impl<T> Drop for Guarda<'_, T> {
    fn drop(&mut self) {
        // SAFETY: lo tomó este hilo en `tomar`, y sólo la guarda lo suelta.
        unsafe { libc::pthread_mutex_unlock(self.cerrojo.mutex.get()) };
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn un_hilo_por_vez() {
        const VECES: u64 = if cfg!(miri) { 10 } else { 10_000 };
        let cerrojo = Cerrojo::nuevo(0u64);
        std::thread::scope(|hilos| {
            for _ in 0..4 {
                hilos.spawn(|| {
                    for _ in 0..VECES {
                        let mut guarda = cerrojo.tomar();
                        let leido = *guarda;
                        std::hint::black_box(leido);
                        *guarda = leido + 1;
                    }
                });
            }
        });
        assert_eq!(*cerrojo.tomar(), 4 * VECES);
    }

    #[test]
    fn intentar_sin_suerte_no_suelta_el_de_otro() {
        let cerrojo = Cerrojo::nuevo(());
        let mio = cerrojo.tomar();
        assert!(cerrojo.intentar().is_none());
        assert!(cerrojo.intentar().is_none(), "sigue tomado");
        drop(mio);
        assert!(cerrojo.intentar().is_some());
    }
}
