//! Qué generación de proceso es ésta: cuántas veces un antepasado suyo se bifurcó hasta llegar a él.

use std::sync::atomic::{AtomicU32, Ordering};

static GENERACION: AtomicU32 = AtomicU32::new(0);

/// La generación de este proceso: cambia sólo en los hijos.
pub(super) fn generacion() -> u32 {
    GENERACION.load(Ordering::Acquire)
}

/// Recién bifurcado, en el hijo.
pub(super) fn pasar_a_otra() {
    GENERACION.fetch_add(1, Ordering::AcqRel);
}
