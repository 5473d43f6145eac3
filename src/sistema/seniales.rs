//! Conjuntos de señales, y qué hizo el programa con cada una.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::consultas::ahora_ns;
use super::poner::Poner;

/// Un conjunto de señales.
#[derive(Clone, Copy)]
pub(crate) struct Conjunto(libc::sigset_t);

impl std::fmt::Debug for Conjunto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(todas().filter(|senial| self.tiene(*senial))).finish()
    }
}

impl Conjunto {
    pub(crate) fn de(seniales: impl IntoIterator<Item = libc::c_int>) -> Self {
        let mut conjunto = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: es un lugar válido para escribir.
        unsafe { libc::sigemptyset(conjunto.as_mut_ptr()) };
        // SAFETY: todo en cero es un conjunto válido, y la llamada lo vació.
        let mut conjunto = unsafe { conjunto.assume_init() };
        for senial in seniales {
            // SAFETY: el conjunto es válido; a un número que no es de una señal le dice EINVAL.
            unsafe { libc::sigaddset(&raw mut conjunto, senial) };
        }
        Self(conjunto)
    }

    /// Todas, menos las de las fallas.
    pub(crate) fn todas_las_que_se_cierran() -> Self {
        Self::de(todas().filter(|senial| !es_de_una_falla(*senial)))
    }

    pub(crate) fn tiene(&self, senial: libc::c_int) -> bool {
        // SAFETY: es un conjunto válido.
        unsafe { libc::sigismember(&raw const self.0, senial) == 1 }
    }

    /// Las que llegaron a este hilo, o al proceso, y están bloqueadas, esperando.
    pub(crate) fn de_las_que_esperan() -> Self {
        let mut esperan = Self::de([]);
        // SAFETY: es un lugar válido para escribir.
        unsafe { libc::sigpending(&raw mut esperan.0) };
        esperan
    }

    /// Saca una que espera, sin que corra su manejador.
    pub(super) fn sacar_una(&self) {
        let sin_esperar = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: el conjunto y el plazo son válidos; NULL es que no interesa quién la mandó.
        unsafe { libc::sigtimedwait(&raw const self.0, ptr::null_mut(), &raw const sin_esperar) };
    }

    /// Lo pone, de la manera `como`, en lo que este hilo bloquea. Devuelve lo que bloqueaba.
    pub(crate) fn poner_en_este_hilo(&self, como: libc::c_int) -> Self {
        let mut antes = Self::de([]);
        // SAFETY: los dos conjuntos son válidos, y sólo cambia lo que bloquea este hilo.
        unsafe { libc::pthread_sigmask(como, &raw const self.0, &raw mut antes.0) };
        antes
    }
}

fn todas() -> impl Iterator<Item = libc::c_int> {
    1..=libc::SIGRTMAX()
}

/// Las que manda una instrucción que falla: no son un aviso para nadie. std y AddressSanitizer les ponen manejadores sin SA_RESTART, y bloqueadas
/// matan.
fn es_de_una_falla(senial: libc::c_int) -> bool {
    matches!(senial, libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS)
}

/// Qué hizo el programa con una señal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manejador {
    Ninguno,
    /// Con SA_RESTART: no corta una espera.
    SigueDeLargo,
    /// Sin él.
    Corta,
}

fn manejador(senial: libc::c_int) -> Manejador {
    let mut accion = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: con la acción nueva en NULL sólo consulta; `accion` es un lugar válido para escribir.
    let salida = unsafe { libc::sigaction(senial, ptr::null(), accion.as_mut_ptr()) };
    // SAFETY: se pidió en cero, y todo en cero es una acción válida; si la llamada anduvo, la llenó.
    let accion = unsafe { accion.assume_init() };
    if salida != 0 || matches!(accion.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        Manejador::Ninguno
    } else if accion.sa_flags & libc::SA_RESTART != 0 {
        Manejador::SigueDeLargo
    } else {
        Manejador::Corta
    }
}

/// Si el programa instaló algún manejador que corta.
pub(super) fn alguna_corta() -> bool {
    todas().any(|senial| !es_de_una_falla(senial) && manejador(senial) == Manejador::Corta)
}

/// Lo mismo, para quien lo pregunta seguido: puede atrasar un décimo de segundo en enterarse.
pub(crate) fn alguna_senial_corta() -> bool {
    const VALE_NS: i64 = 100_000_000;
    static MIRADO_NS: AtomicI64 = AtomicI64::new(i64::MIN / 2);
    static CORTA: AtomicBool = AtomicBool::new(false);
    let ahora = ahora_ns();
    if ahora.wrapping_sub(MIRADO_NS.load(Ordering::Acquire)) >= VALE_NS {
        CORTA.poner(alguna_corta());
        MIRADO_NS.poner(ahora);
    }
    CORTA.load(Ordering::Acquire)
}

/// Si alguna de las que esperan, de las que el programa no bloquea, corta.
pub(super) fn cortan(esperan: &Conjunto, bloquea: &Conjunto) -> bool {
    todas().any(|s| esperan.tiene(s) && !bloquea.tiene(s) && manejador(s) == Manejador::Corta)
}
