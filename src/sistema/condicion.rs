//! Una condición de pthread: esperar, con un cerrojo tomado, a que otro hilo avise.

use std::cell::UnsafeCell;
use std::fmt;
use std::mem::MaybeUninit;
use std::time::Duration;

use super::caja::caja;
use super::cerrojo::Guarda;

/// Lo que un hilo espera y otro avisa. Sus plazos se miden con un reloj que no retrocede.
pub(crate) struct Condicion {
    condicion: Box<UnsafeCell<libc::pthread_cond_t>>,
}

// SAFETY: las operaciones de pthread sobre una condición son para usarse desde varios hilos; la caja no la mueve.
unsafe impl Send for Condicion {}
// SAFETY: la misma razón.
unsafe impl Sync for Condicion {}

impl Condicion {
    /// `None`: no hay memoria.
    pub(crate) fn nueva() -> Option<Self> {
        let condicion = caja(UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER)).ok()?;
        let mut atributos = MaybeUninit::<libc::pthread_condattr_t>::uninit();
        // SAFETY: `atributos` es un lugar válido para escribir; en Linux no falla.
        unsafe { libc::pthread_condattr_init(atributos.as_mut_ptr()) };
        // SAFETY: recién inicializados.
        unsafe { libc::pthread_condattr_setclock(atributos.as_mut_ptr(), libc::CLOCK_MONOTONIC) };
        // SAFETY: nadie usa la condición todavía, y los atributos están inicializados.
        unsafe { libc::pthread_cond_init(condicion.get(), atributos.as_ptr()) };
        // SAFETY: están inicializados y no se usan más.
        unsafe { libc::pthread_condattr_destroy(atributos.as_mut_ptr()) };
        Some(Self { condicion })
    }

    /// Despierta a todos los que esperan.
    pub(crate) fn avisar(&self) {
        // SAFETY: la condición está inicializada y vive tanto como `self`.
        unsafe { libc::pthread_cond_broadcast(self.condicion.get()) };
    }

    /// Suelta el cerrojo de `guarda`, espera un aviso y lo vuelve a tomar. Puede volver sin aviso: hay que mirar.
    pub(crate) fn esperar<T>(&self, guarda: &mut Guarda<'_, T>) {
        // SAFETY: la guarda da fe de que este hilo tiene el mutex, que la espera devuelve tomado.
        unsafe { libc::pthread_cond_wait(self.condicion.get(), guarda.mutex()) };
    }

    /// Como [`esperar`](Self::esperar), a lo sumo `plazo`.
    pub(crate) fn esperar_a_lo_sumo<T>(&self, guarda: &mut Guarda<'_, T>, plazo: Duration) {
        let mut hasta = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `hasta` es un lugar válido para escribir.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut hasta) };
        let nanosegundos = hasta.tv_nsec + libc::c_long::from(i32::try_from(plazo.subsec_nanos()).unwrap_or(0));
        let segundos = i64::try_from(plazo.as_secs().min(1 << 30)).unwrap_or(0);
        hasta.tv_sec += segundos + nanosegundos / 1_000_000_000;
        hasta.tv_nsec = nanosegundos % 1_000_000_000;
        // SAFETY: como en `esperar`.
        unsafe { libc::pthread_cond_timedwait(self.condicion.get(), guarda.mutex(), &raw const hasta) };
    }
}

impl Drop for Condicion {
    fn drop(&mut self) {
        // SAFETY: nadie espera en ella: quien espera la tiene prestada.
        unsafe { libc::pthread_cond_destroy(self.condicion.get()) };
    }
}

impl fmt::Debug for Condicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condicion")
    }
}
