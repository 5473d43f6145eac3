//! El hilo al que se espera, de loom en lugar de pthread.

use std::ffi::c_void;

use loom::thread::{JoinHandle, spawn};

pub(super) struct Unible {
    hilo: JoinHandle<()>,
}

impl Unible {
    /// # Safety
    /// La del de verdad.
    pub(super) unsafe fn lanzar(correr: extern "C" fn(*mut c_void) -> *mut c_void, con: *mut c_void) -> Option<Self> {
        let con = con.expose_provenance();
        let hilo = spawn(move || {
            correr(std::ptr::with_exposed_provenance_mut(con));
        });
        Some(Self { hilo })
    }

    pub(super) fn unir(self) {
        self.hilo.join().expect("el hilo no termina con un panic");
    }
}
