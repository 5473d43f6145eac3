//! El cerrojo de la biblioteca, con un mutex de loom en lugar de uno de pthread.

use std::cell::UnsafeCell;
use std::fmt;
use std::mem::{MaybeUninit, size_of};
use std::ops::{Deref, DerefMut};
use std::ptr;

use loom::sync::{Mutex, MutexGuard};

use crate::vuelta::{self, DeEstaVuelta};

/// Todo en cero es uno abierto, como el de verdad. Uno global vuelve, en cada vuelta, a tener lo que tenía al comienzo.
pub(crate) struct Cerrojo<T> {
    mutex: DeEstaVuelta<Mutex<()>>,
    dato: UnsafeCell<T>,
    inicial: UnsafeCell<Inicial>,
}

/// Los bytes que tenía el dato la primera vez que se lo tomó, y en qué vuelta se los puso.
struct Inicial {
    vuelta: u64,
    bytes: Option<Box<[MaybeUninit<u8>]>>,
}

// SAFETY: los hilos de un modelo corren de a uno, todos en el mismo hilo del sistema.
unsafe impl<T: Send> Send for Cerrojo<T> {}
// SAFETY: la misma razón.
unsafe impl<T: Send> Sync for Cerrojo<T> {}

impl<T> Cerrojo<T> {
    pub(crate) const fn nuevo(dato: T) -> Self {
        let inicial = UnsafeCell::new(Inicial { vuelta: 0, bytes: None });
        Self { mutex: DeEstaVuelta::nuevo(), dato: UnsafeCell::new(dato), inicial }
    }

    fn mutex(&self) -> &Mutex<()> {
        self.renovar_en_esta_vuelta();
        self.mutex.o(|| Mutex::new(()))
    }

    fn renovar_en_esta_vuelta(&self) {
        // SAFETY: los hilos de un modelo corren de a uno, y aquí no le da paso a otro.
        let inicial = unsafe { &mut *self.inicial.get() };
        if inicial.vuelta == vuelta::cuantas() {
            return;
        }
        inicial.vuelta = vuelta::cuantas();
        let dato = self.dato.get().cast::<MaybeUninit<u8>>();
        match &inicial.bytes {
            // SAFETY: son los bytes de un T, y el de la vuelta anterior se olvida.
            Some(bytes) => unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), dato, size_of::<T>()) },
            None => {
                // SAFETY: el dato está vivo y mide eso.
                let bytes = unsafe { std::slice::from_raw_parts(dato, size_of::<T>()) };
                inicial.bytes = Some(bytes.into());
            }
        }
    }

    pub(crate) fn tomar(&self) -> Guarda<'_, T> {
        let tomado = self.mutex().lock().expect("los cerrojos de un modelo no se envenenan");
        Guarda { cerrojo: self, tomado: Some(tomado) }
    }

    pub(crate) fn intentar(&self) -> Option<Guarda<'_, T>> {
        let tomado = self.mutex().try_lock().ok()?;
        Some(Guarda { cerrojo: self, tomado: Some(tomado) })
    }

    pub(crate) fn abrir_en_el_hijo(&self, _: &HijoConUnHilo) {
        unreachable!("en un modelo nadie se bifurca")
    }

    pub(crate) fn renovar_en_el_hijo(&self, _: T, _: &HijoConUnHilo) -> Option<T> {
        unreachable!("en un modelo nadie se bifurca")
    }

    pub(crate) fn olvidar_en_el_hijo(&self, _: T, _: &HijoConUnHilo) {
        unreachable!("en un modelo nadie se bifurca")
    }
}

#[derive(Debug)]
pub(crate) struct HijoConUnHilo(());

impl HijoConUnHilo {
    /// # Safety
    /// La del de verdad: en un modelo no se la llama.
    pub(crate) unsafe fn constancia() -> Self {
        Self(())
    }
}

impl<T> fmt::Debug for Cerrojo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cerrojo")
    }
}

pub(crate) struct Guarda<'a, T> {
    cerrojo: &'a Cerrojo<T>,
    /// `None`, sólo mientras se espera una condición.
    tomado: Option<MutexGuard<'a, ()>>,
}

impl<'a, T> Guarda<'a, T> {
    /// Suelta el mutex mientras dura `esperar`, que lo devuelve tomado.
    pub(super) fn mientras(&mut self, esperar: impl FnOnce(MutexGuard<'a, ()>) -> MutexGuard<'a, ()>) {
        self.tomado = self.tomado.take().map(esperar);
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
        // SAFETY: la misma razón.
        unsafe { &mut *self.cerrojo.dato.get() }
    }
}
