//! Esperar en otro hilo mientras el que llamó duerme en una sola llamada al sistema, y que el kernel decida qué señal lo despierta.
//!
//! Una llamada que duerme da EINTR si *en ella* corrió un manejador sin SA_RESTART. Cuando por dentro se duerme muchas veces y en el medio se
//! trabaja, la señal que llega en el medio se pierde; y guardarla hasta el próximo sueño, si hay otros hilos, es dársela a otro. Por eso quien
//! llama duerme en un futex todo el tiempo, y trabaja un hilo que no recibe señales.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::time::{Duration, Instant};

use super::cerrojo::HijoConUnHilo;
use super::espera::{Interes, dentro_de, esperar};
use super::futex::{despertar, dormir_mientras, mudar};
use super::poner::Poner;
use super::seniales::{Conjunto, alguna_corta, cortan};
use super::timbre::Timbre;
use super::unible::Unible;
use crate::sincronia::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sincronia::thread;

/// Lo que hay que mirar mientras se espera: si quien lo pidió ya no quiere más.
pub(crate) struct Pedido {
    basta: AtomicBool,
    /// Despierta a quien espera, cuando basta. `None`: no hay descriptores, y hay que mirar cada tanto.
    timbre: Option<Timbre>,
    /// Las señales que bloqueaba quien lo pidió: lo que tiene que bloquear un hilo del programa.
    bloquea: Conjunto,
    /// Si espera el mismo hilo que lo pidió, que recibe señales.
    en_el_mismo_hilo: bool,
}

/// Cada cuánto se mira si basta, cuando no hay quien avise.
const CADA_TANTO: Duration = Duration::from_millis(25);

impl Pedido {
    /// Uno que cumple el mismo hilo que lo hace. Las señales que lleguen mientras trabaja no lo cortan.
    pub(crate) fn en_este_hilo() -> Self {
        let bloquea = Conjunto::de([]).poner_en_este_hilo(libc::SIG_BLOCK);
        Self { basta: AtomicBool::new(false), timbre: None, bloquea, en_el_mismo_hilo: true }
    }

    fn para_otro_hilo(bloquea: Conjunto) -> Self {
        Self { basta: AtomicBool::new(false), timbre: Timbre::nuevo().ok(), bloquea, en_el_mismo_hilo: false }
    }

    pub(crate) fn del_programa(&self) -> Conjunto {
        self.bloquea
    }

    pub(crate) fn basta(&self) -> bool {
        self.basta.load(Ordering::Acquire)
    }

    fn no_esperar_mas(&self) {
        self.basta.poner(true);
        if let Some(timbre) = &self.timbre {
            timbre.tocar();
        }
    }

    /// Hasta cuándo dormir donde no se oye el timbre.
    pub(crate) fn un_rato(vence: Option<Instant>) -> Duration {
        vence.map_or(CADA_TANTO, |vence| vence.saturating_duration_since(Instant::now()).min(CADA_TANTO))
    }

    /// Espera a los sockets, a lo sumo hasta `vence`. Puede volver sin que haya pasado nada: hay que mirar.
    ///
    /// # Errors
    /// EINTR si basta, y los de `ppoll(2)`.
    pub(crate) fn esperar<'a>(&'a self, intereses: &mut Vec<Interes<'a>>, vence: Option<Instant>) -> io::Result<()> {
        let timbre = self.timbre.as_ref().and_then(Timbre::interes);
        let sin_aviso = timbre.is_none() && !self.en_el_mismo_hilo;
        let pronto = sin_aviso.then(|| dentro_de(CADA_TANTO)).flatten();
        let cuantos = intereses.len();
        if timbre.is_some() && intereses.try_reserve(1).is_err() {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        intereses.extend(timbre);
        let salida = esperar(intereses, vence.into_iter().chain(pronto).min());
        intereses.truncate(cuantos);
        match salida {
            _ if self.basta() => Err(io::Error::from_raw_os_error(libc::EINTR)),
            // En el mismo hilo no se sabe con cuál: corta si el programa instaló alguna que corta.
            Err(causa) if causa.kind() == ErrorKind::Interrupted && !(self.en_el_mismo_hilo && alguna_corta()) => {
                Ok(())
            }
            salida => salida.map(|_| ()),
        }
    }
}

/// Lo que comparten quien duerme y quien trabaja.
struct Marco<T, F> {
    /// En lo que se duerme: TRABAJANDO, HECHO o EN_EL_HIJO.
    estado: AtomicU32,
    /// Adonde se muda a quien ya se vio dormido.
    visto_dormido: AtomicU32,
    pedido: Pedido,
    trabajo: UnsafeCell<Option<F>>,
    salida: UnsafeCell<Option<thread::Result<T>>>,
}

const TRABAJANDO: u32 = 0;
const HECHO: u32 = 1;
/// Este proceso nació de un fork en el manejador de una señal, mientras se dormía: quien trabajaba quedó en el padre.
const EN_EL_HIJO: u32 = 2;

thread_local! {
    /// Dónde duerme este hilo.
    static DUERME_EN: Cell<*const AtomicU32> = const { Cell::new(ptr::null()) };
}

/// Cómo terminó un sueño.
pub(crate) enum Suenio<T> {
    Hecho(T),
    /// Este proceso es el hijo de un fork, y nadie está trabajando en él: hay que volver a empezar.
    EnElHijo,
}

/// Hace `trabajo` en otro hilo, con todas las señales cerradas, y mientras tanto duerme. Si una señal lo despierta, al trabajo le dice que basta,
/// y espera a que termine. Si no hay hilos, lo hace en éste.
pub(crate) fn mientras_duerme<T: Send, F: FnOnce(&Pedido) -> T + Send>(trabajo: F) -> Suenio<T> {
    // El hilo nuevo nace con las que tenga éste.
    let bloquea = Conjunto::todas_las_que_se_cierran().poner_en_este_hilo(libc::SIG_BLOCK);
    let marco = ManuallyDrop::new(Marco {
        estado: AtomicU32::new(TRABAJANDO),
        visto_dormido: AtomicU32::new(0),
        pedido: Pedido::para_otro_hilo(bloquea),
        trabajo: UnsafeCell::new(Some(trabajo)),
        salida: UnsafeCell::new(None),
    });
    let hilo = lanzar(&marco);
    // La que ya llegó corre al abrirlas, y no en un sueño.
    let ya_basta = cortan(&Conjunto::de_las_que_esperan(), &bloquea);
    bloquea.poner_en_este_hilo(libc::SIG_SETMASK);
    let Some(hilo) = hilo else {
        let Marco { trabajo, .. } = ManuallyDrop::into_inner(marco);
        let hacer = trabajo.into_inner().map(|trabajo| trabajo(&Pedido::en_este_hilo()));
        return hacer.map_or(Suenio::EnElHijo, Suenio::Hecho);
    };
    if ya_basta {
        marco.pedido.no_esperar_mas();
    }
    if !dormir(&marco.estado, || marco.pedido.no_esperar_mas()) {
        // No se suelta nada: lo tenía quien trabajaba, que aquí no existe.
        return Suenio::EnElHijo;
    }
    hilo.unir();
    match ManuallyDrop::into_inner(marco).salida.into_inner() {
        Some(Ok(salida)) => Suenio::Hecho(salida),
        Some(Err(panico)) => resume_unwind(panico),
        None => Suenio::EnElHijo,
    }
}

/// Duerme hasta que esté hecho. `false`: éste es el hijo.
fn dormir(estado: &AtomicU32, interrumpir: impl Fn()) -> bool {
    let antes = DUERME_EN.replace(ptr::from_ref(estado));
    let hecho = loop {
        match estado.load(Ordering::Acquire) {
            TRABAJANDO => {
                let salida = dormir_mientras(estado, TRABAJANDO, None);
                if salida.is_err() && estado.load(Ordering::Acquire) == TRABAJANDO {
                    interrumpir();
                }
            }
            hecho => break hecho == HECHO,
        }
    };
    DUERME_EN.set(antes);
    hecho
}

/// Lanza el hilo que trabaja. `None`: no hay hilos.
fn lanzar<T: Send, F: FnOnce(&Pedido) -> T + Send>(marco: &Marco<T, F>) -> Option<Unible> {
    let marco = ptr::from_ref(marco).cast_mut().cast();
    // SAFETY: es el marco que `trabajar` espera, y vive hasta que se une al hilo.
    unsafe { Unible::lanzar(trabajar::<T, F>, marco) }
}

extern "C" fn trabajar<T: Send, F: FnOnce(&Pedido) -> T + Send>(marco: *mut c_void) -> *mut c_void {
    // SAFETY: quien lo lanzó no lo suelta hasta unir a este hilo.
    let marco = unsafe { &*marco.cast::<Marco<T, F>>() };
    // SAFETY: hasta que esté hecho, el trabajo y su salida son sólo de este hilo.
    let trabajo = unsafe { &mut *marco.trabajo.get() }.take();
    esperar_a_que_duerma(marco);
    let salida = trabajo.map(|trabajo| catch_unwind(AssertUnwindSafe(|| trabajo(&marco.pedido))));
    // SAFETY: la misma razón.
    unsafe { *marco.salida.get() = salida };
    marco.estado.poner(HECHO);
    despertar(&marco.estado, 1);
    despertar(&marco.visto_dormido, 1);
    ptr::null_mut()
}

/// Una señal que llega justo antes de que duerma no lo corta, como en `accept(2)`; pero acá, con la máquina ocupada, en ese «justo antes» se
/// podría atender a muchos clientes. Hasta que duerma no se hace nada: lo dice el kernel, si lo puede mudar a otro futex.
fn esperar_a_que_duerma<T, F>(marco: &Marco<T, F>) {
    const VECES: u32 = 5_000;
    const SEGUIDAS: u32 = 20;
    for vez in 0..VECES {
        if marco.pedido.basta() || mudar(&marco.estado, &marco.visto_dormido) {
            return;
        }
        if vez < SEGUIDAS {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// En el hijo: si este hilo dormía, que despierte.
pub(super) fn despues_en_el_hijo(_hijo: &HijoConUnHilo) {
    let duerme_en = DUERME_EN.get();
    // SAFETY: si no es NULL, es de un marco de este mismo hilo, que sigue durmiendo en él.
    if let Some(estado) = unsafe { duerme_en.as_ref() } {
        estado.poner(EN_EL_HIJO);
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn da_lo_que_dio_el_trabajo_y_lo_hizo_otro_hilo() {
        let (este, nombre) = (thread::current().id(), String::from("prestado"));
        let Suenio::Hecho((otro, largo)) = mientras_duerme(|_| (thread::current().id(), nombre.len())) else {
            panic!("aquí nadie se bifurcó")
        };
        assert_ne!(este, otro);
        assert_eq!(largo, 8);
    }

    #[test]
    fn un_panic_del_trabajo_es_de_quien_lo_pidio() {
        let salida = catch_unwind(|| match mientras_duerme(|_| panic!("a propósito")) {
            Suenio::Hecho(()) | Suenio::EnElHijo => {}
        });
        assert!(salida.is_err());
    }
}
