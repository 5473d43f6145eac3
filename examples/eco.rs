//! Un eco para muchos clientes a la vez, que devuelve cada mensaje como vino. Enseña lo menos que hace falta: `Servidor::atender`, con una
//! función que devuelve `Resultado`, y las dos mitades, para contestar sin copiar lo recibido.
//!
//! `cargo run --example eco -- [IP PUERTO]`. Le habla cualquiera; por ejemplo, `con_tokio.rs` o `reconexion.rs`.

#![allow(clippy::print_stdout, reason = "un ejemplo le habla a quien lo corre")]

use std::env;

use tp0::{Conexion, Resultado, Servidor};

fn eco(mut cliente: Conexion) -> Resultado<()> {
    let (receptor, emisor) = cliente.mitades();
    while let Some(mensaje) = receptor.recibir_crudo()? {
        emisor.enviar(mensaje.codigo(), mensaje.payload())?;
    }
    Ok(())
}

fn main() -> Resultado<()> {
    let ip = env::args().nth(1).unwrap_or("127.0.0.1".to_owned());
    let servidor = Servidor::iniciar(&ip, env::args().nth(2).unwrap_or("4444".to_owned()))?;
    println!("Escucho en el puerto {}.", servidor.puerto()?);
    servidor.atender(eco)
}
