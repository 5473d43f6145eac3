//! Lo que en la biblioteca es de std, con lo de loom: cada operación es un lugar donde puede seguir otro hilo, y lo que se lee es cualquiera de los
//! valores que el orden pedido permite ver.

pub(crate) mod thread {
    pub(crate) use loom::thread::yield_now;
    pub(crate) use std::thread::Result;

    /// Aquí no pasa el tiempo: sigue otro.
    pub(crate) fn sleep(_: std::time::Duration) {
        yield_now();
    }
}

pub(crate) mod atomic {
    use std::fmt;
    pub(crate) use std::sync::atomic::Ordering;

    use loom::sync::atomic::AtomicU64 as AtomicoDeLoom;

    use crate::vuelta::{DeEstaVuelta, Mitad, con_la_reserva, mitad};

    /// loom trata a una operación SeqCst casi como si fuera AcqRel; lo que sí cumple es una barrera SeqCst. Con una barrera antes de cada operación
    /// SeqCst, dos hilos que escriben lo suyo y leen lo del otro no pueden perderse los dos; pero tampoco si sólo la lectura es SeqCst, que es menos de
    /// lo que hace falta. Con una barrera después, tampoco si sólo lo es la escritura. Cada modelo corre de las dos maneras: lo que anda en las dos no
    /// se apoya en ninguna de más.
    fn con_barreras<T>(orden: Ordering, hacer: impl FnOnce() -> T) -> T {
        let barrera = |cual| {
            if orden == Ordering::SeqCst && mitad() == cual {
                loom::sync::atomic::fence(Ordering::SeqCst);
            }
        };
        barrera(Mitad::Antes);
        let salida = hacer();
        barrera(Mitad::Despues);
        salida
    }

    /// Los que valen cero se hacen todos al empezar la vuelta: loom exige que, de lo que un hilo hace, los otros se hayan enterado.
    pub(crate) struct Reserva(Vec<AtomicoDeLoom>);

    impl Reserva {
        pub(crate) const fn vacia() -> Self {
            Self(Vec::new())
        }

        pub(crate) fn llenar(&mut self) {
            const ALCANZAN: usize = 96;
            // Los de otra vuelta se olvidan sin soltarlos.
            self.0.drain(..).for_each(std::mem::forget);
            self.0.extend((0..ALCANZAN).map(|_| AtomicoDeLoom::new(0)));
        }

        fn sacar(&mut self) -> AtomicoDeLoom {
            self.0.pop().expect("hay que hacer más atómicos al empezar la vuelta")
        }
    }

    /// Un valor de un atómico, en uno de loom.
    trait Valor: Copy {
        fn guardado(self) -> u64;
        fn de(guardado: u64) -> Self;
    }

    macro_rules! enteros {
        ($($entero:ty),*) => {$(
            impl Valor for $entero {
                fn guardado(self) -> u64 {
                    self as u64
                }
                fn de(guardado: u64) -> Self {
                    guardado as $entero
                }
            }
        )*};
    }
    enteros!(i32, i64, u8, u32, u64, usize);

    impl Valor for bool {
        fn guardado(self) -> u64 {
            u64::from(self)
        }
        fn de(guardado: u64) -> Self {
            guardado != 0
        }
    }

    impl<T> Valor for *mut T {
        fn guardado(self) -> u64 {
            self.expose_provenance() as u64
        }
        fn de(guardado: u64) -> Self {
            std::ptr::with_exposed_provenance_mut(guardado as usize)
        }
    }

    /// Como uno de std: se hace en una constante, y en memoria en cero es uno que vale cero.
    pub(crate) struct Atomico<T> {
        inicial: T,
        este: DeEstaVuelta<AtomicoDeLoom>,
    }

    pub(crate) type AtomicBool = Atomico<bool>;
    pub(crate) type AtomicPtr<T> = Atomico<*mut T>;
    pub(crate) type AtomicI32 = Atomico<i32>;
    pub(crate) type AtomicI64 = Atomico<i64>;
    pub(crate) type AtomicU8 = Atomico<u8>;
    pub(crate) type AtomicU32 = Atomico<u32>;
    pub(crate) type AtomicU64 = Atomico<u64>;
    pub(crate) type AtomicUsize = Atomico<usize>;

    // SAFETY: los hilos de un modelo corren de a uno, todos en el mismo hilo del sistema.
    unsafe impl<T> Sync for Atomico<T> {}
    // SAFETY: la misma razón.
    unsafe impl<T> Send for Atomico<T> {}

    impl<T> Atomico<T> {
        pub(crate) const fn new(inicial: T) -> Self {
            Self { inicial, este: DeEstaVuelta::nuevo() }
        }
    }

    #[allow(private_bounds, reason = "un valor es lo que hay en los de std, y nada más")]
    impl<T: Valor> Atomico<T> {
        fn este(&self) -> &AtomicoDeLoom {
            self.este.o(|| match self.inicial.guardado() {
                0 => con_la_reserva(Reserva::sacar),
                otro => AtomicoDeLoom::new(otro),
            })
        }

        pub(crate) fn load(&self, orden: Ordering) -> T {
            T::de(con_barreras(orden, || self.este().load(orden)))
        }

        pub(crate) fn swap(&self, valor: T, orden: Ordering) -> T {
            T::de(con_barreras(orden, || self.este().swap(valor.guardado(), orden)))
        }

        pub(crate) fn compare_exchange(&self, antes: T, despues: T, bien: Ordering, mal: Ordering) -> Result<T, T> {
            let (antes, despues) = (antes.guardado(), despues.guardado());
            con_barreras(bien, || self.este().compare_exchange(antes, despues, bien, mal)).map(T::de).map_err(T::de)
        }

        pub(crate) fn compare_exchange_weak(
            &self,
            antes: T,
            despues: T,
            bien: Ordering,
            mal: Ordering,
        ) -> Result<T, T> {
            self.compare_exchange(antes, despues, bien, mal)
        }

        pub(crate) fn fetch_update(
            &self,
            bien: Ordering,
            mal: Ordering,
            mut cambio: impl FnMut(T) -> Option<T>,
        ) -> Result<T, T> {
            let mut antes = self.load(mal);
            while let Some(despues) = cambio(antes) {
                match self.compare_exchange(antes, despues, bien, mal) {
                    Ok(antes) => return Ok(antes),
                    Err(ahora) => antes = ahora,
                }
            }
            Err(antes)
        }

        /// En un modelo nada da la vuelta.
        pub(crate) fn fetch_add(&self, cuanto: T, orden: Ordering) -> T {
            T::de(con_barreras(orden, || self.este().fetch_add(cuanto.guardado(), orden)))
        }

        pub(crate) fn fetch_max(&self, otro: T, orden: Ordering) -> T {
            T::de(con_barreras(orden, || self.este().fetch_max(otro.guardado(), orden)))
        }
    }

    impl<T> fmt::Debug for Atomico<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Atomico")
        }
    }
}
