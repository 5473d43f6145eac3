//! El timbre del que escucha (`src/escucha.rs`, `src/sistema/pedido.rs` y `src/sistema/timbre.rs`): quien espera clientes se entera siempre de que no
//! hay que esperar más.

use std::net::TcpListener;

use socket2::Socket;

use crate::Modelo;
use crate::error::{Error, Resultado};
use crate::escucha::{Escucha, Puerta};
use crate::modelo_de_turno::DeTodos;
use crate::opciones::Opciones;
use crate::pendiente::Llegada;
use crate::rechazo::Rechazo;
use crate::sistema::{Suenio, futex, mientras_duerme};

struct QueEscucha {
    escucha: Escucha,
    socket: Socket,
}

fn que_escucha() -> DeTodos<QueEscucha> {
    let socket = TcpListener::bind("127.0.0.1:0").expect("hay puertos").into();
    DeTodos::nuevo(QueEscucha { escucha: Escucha::nueva(Opciones::nuevas()), socket })
}

/// Espera un cliente, como `esperar_cliente`: duerme mientras otro hilo espera por él.
fn esperar(este: &QueEscucha) -> Resultado<Llegada> {
    let suenio = mientras_duerme(|pedido| {
        este.escucha.esperar(Puerta::propia(&este.socket), pedido, None, &mut |_: Rechazo| {})
    });
    match suenio {
        Suenio::Hecho(salida) => salida,
        Suenio::EnElHijo => unreachable!("nadie se bifurca"),
    }
}

/// Una señal llega cuando quien llamó ya duerme: la espera termina, y lo dice.
pub(crate) const UNA_SENIAL: Modelo = Modelo { nombre: "timbre_senial", interrupciones: Some(3), vuelta: una_senial };

fn una_senial() {
    let todo = que_escucha();
    let senial = todo.hilo(|_| futex::interrumpir());
    let salida = esperar(&todo.0);
    senial.join().unwrap();
    assert!(matches!(salida, Err(Error::Interrumpido | Error::Sistema { .. })), "lo cortó una señal: {salida:?}");
}

/// Otro hilo lo libera, en cualquier momento: la espera termina, y lo dice.
pub(crate) const LIBERADA: Modelo = Modelo { nombre: "timbre_liberada", interrupciones: Some(3), vuelta: liberada };

fn liberada() {
    let todo = que_escucha();
    let libera = todo.hilo(|este| este.escucha.liberar(&este.socket));
    let salida = esperar(&todo.0);
    libera.join().unwrap();
    assert!(matches!(salida, Err(Error::Liberado)), "se liberó: {salida:?}");
}
