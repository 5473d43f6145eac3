//! El anuncio de que el kernel junta lo que se envía (`src/ritmo.rs`): quien recibe no se queda esperando con algo suyo retenido.

use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Socket, Type};

use crate::Modelo;
use crate::modelo_de_turno::DeTodos;
use crate::ritmo::{Ritmo, Tramo};

/// Una conexión en la que ya se enviaron tantos mensajes que el próximo envío se anuncia.
fn al_final_de_una_rafaga(ritmo: &Ritmo, fd: BorrowedFd<'_>) {
    for _ in 0..16 {
        ritmo.al_enviar(fd, || true);
    }
}

fn tcp() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).expect("hay sockets")
}

/// Como en una `Conexion`: quien recibe lo avisa en el mismo ritmo. Mientras recibe, el kernel no retiene nada.
pub(crate) const EN_RUST: Modelo = Modelo { nombre: "ritmo_rust", interrupciones: None, vuelta: en_rust };

fn en_rust() {
    let todo = DeTodos::nuevo((Ritmo::nuevo(), tcp()));
    let (ritmo, socket) = &*todo.0;
    socket.set_tcp_nodelay(true).expect("es TCP");
    al_final_de_una_rafaga(ritmo, socket.as_fd());
    let envia = todo.hilo(|(ritmo, socket)| ritmo.al_enviar(socket.as_fd(), || ritmo.alguien_recibe()));
    let recibiendo = ritmo.recibiendo();
    ritmo.al_recibir(socket.as_fd(), Tramo::Comienzo, || true);
    envia.join().unwrap();
    assert!(socket.tcp_nodelay().expect("es TCP"), "alguien recibe, y lo que se envió quedó retenido");
    drop(recibiendo);
}

/// Como en la cara para C: quien recibe es una llamada en vuelo.
pub(crate) const EN_C: Modelo =
    Modelo { nombre: "ritmo_c", interrupciones: None, vuelta: crate::abi::modelo_de_ranura::ritmo_en_c };
