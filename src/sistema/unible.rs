//! Un hilo de pthread al que se espera.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

/// Un hilo que alguien tiene que [unir](Self::unir).
pub(super) struct Unible {
    hilo: libc::pthread_t,
}

impl Unible {
    /// Lanza un hilo que corre `correr(con)`. `None`: no hay hilos.
    ///
    /// # Safety
    /// Lo que hay en `con` existe hasta que se una al hilo, y es lo que `correr` espera.
    pub(super) unsafe fn lanzar(correr: extern "C" fn(*mut c_void) -> *mut c_void, con: *mut c_void) -> Option<Self> {
        let mut hilo = MaybeUninit::uninit();
        // SAFETY: `hilo` es un lugar válido para escribir, y de `con` da fe quien llama.
        let salida = unsafe { libc::pthread_create(hilo.as_mut_ptr(), ptr::null(), correr, con) };
        // SAFETY: si pthread_create anduvo, lo escribió.
        (salida == 0).then(|| Self { hilo: unsafe { hilo.assume_init() } })
    }

    /// Espera a que termine.
    pub(super) fn unir(self) {
        // SAFETY: lo lanzó `lanzar`, nadie lo separó, y se lo une una sola vez: `self` se consume.
        unsafe { libc::pthread_join(self.hilo, ptr::null_mut()) };
    }
}
