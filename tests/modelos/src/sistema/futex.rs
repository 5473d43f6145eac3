//! futex(2), como lo hace el kernel: una fila por entero, y un cerrojo que se toma para mirar el entero y ponerse en la fila en un solo paso.

use std::cell::RefCell;
use std::ffi::c_int;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use loom::thread::{Thread, current, park, yield_now};

use super::cerrojo::Cerrojo;
use crate::sincronia::atomic::{AtomicU32, Ordering};

pub(super) const TODOS: c_int = c_int::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suerte {
    Duerme,
    Despertado,
    Interrumpido,
}

struct EnLaFila {
    direccion: usize,
    hilo: Thread,
    suerte: Rc<RefCell<Suerte>>,
}

/// Los que duermen, y quien espera a que alguien duerma.
struct Fila {
    duermen: Vec<EnLaFila>,
    interrumpe: Option<Thread>,
}

// SAFETY: los hilos de un modelo corren de a uno, todos en el mismo hilo del sistema.
unsafe impl Send for Fila {}

static FILA: Cerrojo<Fila> = Cerrojo::nuevo(Fila { duermen: Vec::new(), interrumpe: None });

fn direccion(lugar: &AtomicU32) -> usize {
    std::ptr::from_ref(lugar).addr()
}

/// El kernel lee lo que el entero vale de verdad, y no lo que este hilo alcanza a ver.
fn valor(lugar: &AtomicU32) -> u32 {
    lugar.fetch_add(0, Ordering::SeqCst)
}

/// Con plazo, no duerme: es que ya venció.
pub(super) fn dormir_mientras(lugar: &AtomicU32, visto: u32, un_rato: Option<Duration>) -> io::Result<()> {
    let suerte = Rc::new(RefCell::new(Suerte::Duerme));
    {
        let mut fila = FILA.tomar();
        if valor(lugar) != visto {
            return Ok(());
        }
        if un_rato.is_none() {
            fila.duermen.push(EnLaFila { direccion: direccion(lugar), hilo: current(), suerte: Rc::clone(&suerte) });
            if let Some(quien) = fila.interrumpe.take() {
                quien.unpark();
            }
        }
    }
    if un_rato.is_some() {
        yield_now();
        return Ok(());
    }
    loop {
        match *suerte.borrow() {
            Suerte::Duerme => {}
            Suerte::Despertado => return Ok(()),
            Suerte::Interrumpido => return Err(io::ErrorKind::Interrupted.into()),
        }
        park();
    }
}

fn sacar(fila: &mut Fila, suerte: Suerte, cual: impl Fn(&EnLaFila) -> bool) -> bool {
    let Some(lugar) = fila.duermen.iter().position(cual) else { return false };
    let este = fila.duermen.remove(lugar);
    *este.suerte.borrow_mut() = suerte;
    este.hilo.unpark();
    true
}

pub(super) fn despertar(lugar: &AtomicU32, cuantos: c_int) {
    let (mut fila, donde) = (FILA.tomar(), direccion(lugar));
    for _ in 0..cuantos {
        if !sacar(&mut fila, Suerte::Despertado, |este| este.direccion == donde) {
            return;
        }
    }
}

pub(super) fn mudar(desde: &AtomicU32, hasta: &AtomicU32) -> bool {
    let (desde, hasta) = (direccion(desde), direccion(hasta));
    let mut fila = FILA.tomar();
    let este = fila.duermen.iter_mut().find(|este| este.direccion == desde);
    este.map(|este| este.direccion = hasta).is_some()
}

/// Una señal cuyo manejador no tiene SA_RESTART: corta a quien duerme. Si nadie duerme todavía, espera a que alguien duerma.
pub(crate) fn interrumpir() {
    loop {
        {
            let mut fila = FILA.tomar();
            if sacar(&mut fila, Suerte::Interrumpido, |_| true) {
                return;
            }
            fila.interrumpe = Some(current());
        }
        park();
    }
}
