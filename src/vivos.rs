//! Las conexiones de quienes atienden, para cortarlas al detener un servidor: la de cada cliente, y las que haga su función. Un intermediario
//! también espera del otro lado.

use std::cell::RefCell;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use crate::error::{Error, Resultado};
use crate::sistema::Cerrojo;

/// Lo que se puede cortar desde otro hilo.
pub(crate) trait Cortable: Send + Sync {
    fn cortar(&self);
}

/// Las conexiones de los que se atienden ahora, para poder cortarlas: la de cada cliente, y las que haga su función.
#[derive(Debug)]
pub(crate) struct Vivos {
    estado: Cerrojo<EstadoDeVivos>,
}

#[derive(Debug, Default)]
struct EstadoDeVivos {
    clientes: Vec<Arc<Atendido>>,
    /// Si ya se cortó a todos: la que se haga después también.
    cortados: bool,
}

/// Un cliente que se atiende.
pub(crate) struct Atendido {
    par: SocketAddr,
    vivos: Arc<Vivos>,
    conexiones: Cerrojo<Vec<Weak<dyn Cortable>>>,
}

thread_local! {
    /// A quién atiende este hilo.
    static ATIENDE_A: RefCell<Weak<Atendido>> = const { RefCell::new(Weak::new()) };
}

/// Desde ahora, este hilo atiende a ese cliente.
pub(crate) fn en_este_hilo_atiende_a(atendido: &Arc<Atendido>) {
    ATIENDE_A.set(Arc::downgrade(atendido));
}

/// Si este hilo atiende a un cliente, esa conexión se corta junto con la suya.
pub(crate) fn anotar(extremo: Arc<dyn Cortable>) {
    // Mientras el hilo termina ya no hay a quién anotársela.
    let atendido = ATIENDE_A.try_with(|atendido| atendido.borrow().upgrade()).ok().flatten();
    if let Some(atendido) = atendido {
        atendido.anotar(&extremo);
    }
}

impl Vivos {
    pub(crate) fn nuevos() -> Arc<Self> {
        Arc::new(Self { estado: Cerrojo::nuevo(EstadoDeVivos::default()) })
    }

    /// Suma un cliente.
    pub(crate) fn entrar(self: &Arc<Self>, par: SocketAddr, extremo: Arc<dyn Cortable>) -> Resultado<Arc<Atendido>> {
        let conexiones = Cerrojo::nuevo(Vec::new());
        let atendido = Arc::new(Atendido { par, vivos: Arc::clone(self), conexiones });
        {
            let mut estado = self.estado.tomar();
            estado.clientes.try_reserve(1).map_err(|_| Error::SinMemoria { bytes: 0 })?;
            estado.clientes.push(Arc::clone(&atendido));
        }
        atendido.anotar(&extremo);
        Ok(atendido)
    }

    /// Este cliente terminó.
    pub(crate) fn salir(&self, este: &Arc<Atendido>) {
        self.estado.tomar().clientes.retain(|otro| !Arc::ptr_eq(otro, este));
    }

    /// Corta todas sus conexiones, y las que hagan desde ahora.
    pub(crate) fn cortar(&self) {
        let clientes = {
            let mut estado = self.estado.tomar();
            estado.cortados = true;
            estado.clientes.clone()
        };
        for atendido in clientes {
            atendido.conexiones.tomar().iter().filter_map(Weak::upgrade).for_each(|extremo| extremo.cortar());
        }
    }

    /// Que no quede ninguno.
    pub(crate) fn comprobar_que_terminaron(&self) -> Resultado<()> {
        let clientes: Vec<SocketAddr> = self.estado.tomar().clientes.iter().map(|atendido| atendido.par).collect();
        if clientes.is_empty() { Ok(()) } else { Err(Error::SinTerminar { clientes }) }
    }
}

impl Atendido {
    fn anotar(&self, extremo: &Arc<dyn Cortable>) {
        {
            let mut conexiones = self.conexiones.tomar();
            if conexiones.len() == conexiones.capacity() {
                // Antes de crecer, se olvidan las que ya no están: una función puede hacer muchas, una tras otra.
                conexiones.retain(|otra| otra.strong_count() > 0);
            }
            conexiones.push(Arc::downgrade(extremo));
        }
        if self.vivos.estado.tomar().cortados {
            extremo.cortar();
        }
    }
}

impl fmt::Debug for Atendido {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atendido").field("par", &self.par).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Default)]
    struct Cable {
        cortado: AtomicBool,
    }

    impl Cortable for Cable {
        fn cortar(&self) {
            self.cortado.store(true, Ordering::Relaxed);
        }
    }

    fn entrar(vivos: &Arc<Vivos>) -> (Arc<Cable>, Arc<Atendido>) {
        let cable = Arc::new(Cable::default());
        let atendido = vivos.entrar(SocketAddr::from(([127, 0, 0, 1], 1)), Arc::<Cable>::clone(&cable)).unwrap();
        (cable, atendido)
    }

    #[test]
    fn las_conexiones_que_ya_no_estan_no_ocupan_lugar() {
        let vivos = Vivos::nuevos();
        let (_cable, atendido) = entrar(&vivos);
        for _ in 0..1000 {
            let pasajera: Arc<dyn Cortable> = Arc::new(Cable::default());
            atendido.anotar(&pasajera);
        }
        assert!(atendido.conexiones.tomar().capacity() <= 8);
        vivos.salir(&atendido);
    }

    #[test]
    fn se_corta_la_del_cliente_las_de_su_funcion_y_las_que_haga_despues() {
        let vivos = Vivos::nuevos();
        let (cable, atendido) = entrar(&vivos);
        let (antes, despues) = (Arc::new(Cable::default()), Arc::new(Cable::default()));
        atendido.anotar(&(Arc::<Cable>::clone(&antes) as Arc<dyn Cortable>));
        vivos.cortar();
        atendido.anotar(&(Arc::<Cable>::clone(&despues) as Arc<dyn Cortable>));
        assert!([cable, antes, despues].iter().all(|este| este.cortado.load(Ordering::Relaxed)));
        assert!(vivos.comprobar_que_terminaron().is_err());
        vivos.salir(&atendido);
        assert!(vivos.comprobar_que_terminaron().is_ok());
    }
}
