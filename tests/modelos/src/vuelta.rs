//! Cada orden que se prueba es una vuelta: corre el modelo entero, desde cero.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::mem::MaybeUninit;

use crate::sincronia::atomic::Reserva;

/// Dónde va la barrera de una operación SeqCst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mitad {
    Antes,
    Despues,
}

thread_local! {
    static VUELTA: Cell<u64> = const { Cell::new(0) };
    static MITAD: Cell<Mitad> = const { Cell::new(Mitad::Antes) };
    static RESERVA: RefCell<Reserva> = const { RefCell::new(Reserva::vacia()) };
}

pub(crate) fn con_la_reserva<T>(hacer: impl FnOnce(&mut Reserva) -> T) -> T {
    RESERVA.with_borrow_mut(hacer)
}

pub(crate) fn mitad() -> Mitad {
    MITAD.get()
}

pub(crate) fn elegir(mitad: Mitad) {
    MITAD.set(mitad);
}

/// Empieza otra.
pub(crate) fn empezar() {
    VUELTA.set(VUELTA.get() + 1);
    con_la_reserva(Reserva::llenar);
}

/// Cuántas van. Nunca es 0 adentro de un modelo.
pub(crate) fn cuantas() -> u64 {
    VUELTA.get()
}

/// Algo de loom, que vale para una sola vuelta: en la siguiente se hace de nuevo. Todo en cero es uno que no se hizo nunca: así puede estar en una
/// variable global, o en memoria recién pedida al kernel.
pub(crate) struct DeEstaVuelta<T> {
    lugar: UnsafeCell<(u64, MaybeUninit<T>)>,
}

impl<T> DeEstaVuelta<T> {
    pub(crate) const fn nuevo() -> Self {
        Self { lugar: UnsafeCell::new((0, MaybeUninit::uninit())) }
    }

    /// El de esta vuelta; si no lo hay, `nuevo`. Lo de loom de otra vuelta se olvida sin soltarlo: su vuelta ya no existe.
    pub(crate) fn o(&self, nuevo: impl FnOnce() -> T) -> &T {
        // SAFETY: los hilos de un modelo corren de a uno, y hacer algo de loom no le da paso a otro.
        let lugar = unsafe { &mut *self.lugar.get() };
        if lugar.0 != cuantas() {
            *lugar = (cuantas(), MaybeUninit::new(nuevo()));
        }
        // SAFETY: es de esta vuelta, así que ya se hizo.
        unsafe { lugar.1.assume_init_ref() }
    }
}
