//! El turno (`src/sistema/turno.rs`).

use std::rc::Rc;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::Modelo;
use crate::sistema::{MiTurno, Turno};

/// Para que lo usen los hilos de un modelo, que son uno solo.
pub(crate) struct DeTodos<T>(pub(crate) Rc<T>);

// SAFETY: los hilos de un modelo corren de a uno, todos en el mismo hilo del sistema.
unsafe impl<T> Send for DeTodos<T> {}

impl<T> DeTodos<T> {
    pub(crate) fn nuevo(este: T) -> Self {
        Self(Rc::new(este))
    }

    /// Un hilo que hace algo con esto.
    pub(crate) fn hilo<S: 'static>(&self, hacer: impl FnOnce(&T) -> S + 'static) -> thread::JoinHandle<S>
    where
        T: 'static,
    {
        struct Todo<T, F>(Rc<T>, F);
        // SAFETY: como arriba.
        unsafe impl<T, F> Send for Todo<T, F> {}
        impl<T, F> Todo<T, F> {
            fn correr<S>(self) -> S
            where
                F: FnOnce(&T) -> S,
            {
                (self.1)(&self.0)
            }
        }
        let todo = Todo(Rc::clone(&self.0), hacer);
        thread::spawn(move || todo.correr())
    }
}

fn tomar(turno: &Turno) -> MiTurno<'_> {
    turno.intentar().unwrap_or_else(|| turno.esperar())
}

/// Tres hilos lo toman y lo sueltan: nunca hay dos adentro, lo que hizo uno lo ve el que sigue, y nadie queda dormido.
pub(crate) const EXCLUSION: Modelo = Modelo { nombre: "turno", interrupciones: Some(3), vuelta: exclusion };

fn exclusion() {
    const HILOS: u32 = 3;
    let todo = DeTodos::nuevo((Turno::nuevo(), UnsafeCell::new(0)));
    let sumar = |(turno, cuenta): &(Turno, UnsafeCell<u32>)| {
        let _mio = tomar(turno);
        // Si otro hilo está adentro, o lo que hizo no se ve todavía, loom lo denuncia.
        // SAFETY: lo comprueba loom.
        cuenta.with_mut(|cuenta| unsafe { *cuenta += 1 });
    };
    let hilos = [todo.hilo(sumar), todo.hilo(sumar)];
    sumar(&todo.0);
    for hilo in hilos {
        hilo.join().unwrap();
    }
    // SAFETY: ya no hay otro hilo.
    assert_eq!(todo.0.1.with(|cuenta| unsafe { *cuenta }), HILOS, "se perdió una cuenta");
    assert!(todo.0.0.intentar().is_some(), "quedó tomado");
}

/// Uno lo tiene, otro lo espera y un tercero lo renueva: quien lo tenía no suelta el de después, y quien esperaba despierta.
pub(crate) const RENOVADO: Modelo = Modelo { nombre: "turno_renovado", interrupciones: Some(3), vuelta: renovado };

fn renovado() {
    let todo = DeTodos::nuevo((Turno::nuevo(), UnsafeCell::new(0)));
    let viejo = todo.0.0.intentar().expect("nadie lo tiene");
    let usar = |(turno, cuenta): &(Turno, UnsafeCell<u32>)| {
        let _mio = tomar(turno);
        // SAFETY: lo comprueba loom.
        cuenta.with_mut(|cuenta| unsafe { *cuenta += 1 });
    };
    // El que lo tenía no lo suelta hasta que los otros terminan: despiertan porque se renovó.
    let hilos = [todo.hilo(usar), todo.hilo(|(turno, _)| turno.renovar())];
    for hilo in hilos {
        hilo.join().unwrap();
    }
    let nuevo = todo.0.0.intentar().expect("se renovó");
    drop(viejo);
    assert!(todo.0.0.intentar().is_none(), "el de la vuelta anterior soltó el de ésta");
    drop(nuevo);
}
