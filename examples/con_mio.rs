//! Un eco con un solo hilo y mio (epoll). Enseña la regla de los avisos: con plazo cero, hasta que dé `Nada`.
//!
//! `cargo run --example con_mio -- [IP PUERTO]`.

#![allow(clippy::print_stdout, reason = "un ejemplo le habla a quien lo corre")]

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;
use std::{env, io};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use tp0::{Conexion, Novedad, Resultado, Servidor};

const EL_QUE_ESCUCHA: Token = Token(0);

/// Contesta todo lo que ya llegó. Devuelve si la conversación sigue.
fn contestar(cliente: &mut Conexion) -> Resultado<bool> {
    let (receptor, emisor) = cliente.mitades();
    loop {
        match receptor.recibir_crudo_hasta(Duration::ZERO)? {
            Novedad::Llego(mensaje) => emisor.enviar(mensaje.codigo(), mensaje.payload())?,
            Novedad::Nada => return Ok(true),
            Novedad::Fin => return Ok(false),
        }
    }
}

fn main() -> io::Result<()> {
    let ip = env::args().nth(1).unwrap_or("127.0.0.1".to_owned());
    let servidor = Servidor::iniciar(&ip, env::args().nth(2).unwrap_or("4444".to_owned()))?;
    println!("Escucho en el puerto {}.", servidor.puerto()?);

    let (mut poll, mut avisos) = (Poll::new()?, Events::with_capacity(128));
    let registrar = |poll: &Poll, socket: &dyn AsRawFd, cual| {
        poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), cual, Interest::READABLE)
    };
    registrar(&poll, &servidor.as_fd(), EL_QUE_ESCUCHA)?;
    let (mut clientes, mut ultimo) = (HashMap::new(), EL_QUE_ESCUCHA);
    loop {
        // Cada tanto, aunque nadie avise: puede haber quien esté a mitad de su handshake.
        poll.poll(&mut avisos, Some(Duration::from_millis(100)))?;
        while let Some(cliente) = servidor.esperar_cliente_hasta(Duration::ZERO)? {
            ultimo.0 += 1;
            registrar(&poll, &cliente.as_fd(), ultimo)?;
            clientes.insert(ultimo, cliente);
        }
        for cual in avisos.iter().map(|aviso| aviso.token()) {
            if let Some(false) | None = clientes.get_mut(&cual).map(|cliente| contestar(cliente).unwrap_or(false)) {
                clientes.remove(&cual); // al soltarla se cierra, y sale de epoll
            }
        }
    }
}
