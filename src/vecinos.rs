//! Los servidores de este mismo proceso, para contestarles a sus clientes mientras él espera una respuesta de afuera.

use std::os::fd::AsRawFd;
use std::sync::{Arc, Weak};

use socket2::Socket;

use crate::escucha::{Escucha, Puerta};
use crate::rechazo::Rechazo;
use crate::sistema::Cerrojo;
use crate::traza;

/// Los sockets de este mismo proceso que escuchan, para adelantarlos mientras se espera una respuesta de afuera.
pub(crate) trait Vecinos {
    /// Si hay alguno.
    fn hay(&self) -> bool;
    /// Contesta los handshakes que ya les llegaron, sin esperar.
    fn adelantar(&self);
}

/// Los servidores hechos desde Rust en este proceso.
#[derive(Debug)]
pub(crate) struct VecinosDeRust;

static DE_RUST: Cerrojo<Vec<Weak<Vecino>>> = Cerrojo::nuevo(Vec::new());

/// Un socket que escucha, con lo que recuerda.
#[derive(Debug)]
pub(crate) struct Vecino {
    pub(crate) socket: Socket,
    pub(crate) escucha: Escucha,
}

impl Drop for Vecino {
    fn drop(&mut self) {
        traza::contar_cierre(self.socket.as_raw_fd());
    }
}

impl VecinosDeRust {
    /// Suma uno, hasta que se lo suelte.
    pub(crate) fn sumar(vecino: Vecino) -> Arc<Vecino> {
        let vecino = Arc::new(vecino);
        let mut todos = DE_RUST.tomar();
        todos.retain(|otro| otro.strong_count() > 0);
        todos.push(Arc::downgrade(&vecino));
        vecino
    }
}

impl Vecinos for VecinosDeRust {
    fn hay(&self) -> bool {
        DE_RUST.tomar().iter().any(|vecino| vecino.strong_count() > 0)
    }

    fn adelantar(&self) {
        let vivos: Vec<_> = DE_RUST.tomar().iter().filter_map(Weak::upgrade).collect();
        for vecino in vivos {
            vecino.escucha.adelantar(Puerta::propia(&vecino.socket), &mut |_: Rechazo| {});
        }
    }
}
