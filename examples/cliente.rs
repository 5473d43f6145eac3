//! El cliente del TP0: manda un mensaje y un paquete, y lee la respuesta. Enseña a conectarse (el handshake va
//! incluido), a armar un paquete con lo que se escribe en la consola y a esperar que el servidor conteste.
//!
//! `cargo run --example cliente -- MENSAJE [IP PUERTO]`. Habla con `servidor.rs`, o con el `servidor` de `c_examples/`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "un ejemplo le habla a quien lo corre")]

use std::env;
use std::io;
use std::process::ExitCode;

use tp0::{Conexion, Paquete, Recibido, Resultado};

fn conversar(mensaje: &str, ip: &str, puerto: &str) -> Resultado<()> {
    let mut conexion = Conexion::conectar(ip, puerto)?;
    println!("Me conecté a {ip}:{puerto}.");
    conexion.enviar_mensaje(mensaje)?;

    // Líneas de la consola hasta una vacía, o el final. Cada valor viaja con su '\0', como los manda el cliente en C.
    let mut paquete = Paquete::nuevo();
    for linea in io::stdin().lines().map_while(Result::ok).take_while(|linea| !linea.is_empty()) {
        paquete.agregar_texto(linea)?;
    }
    conexion.enviar_paquete(&paquete)?;

    match conexion.recibir()? {
        Some(Recibido::Mensaje(respuesta)) => println!("El servidor contestó: {respuesta}"),
        otro => println!("El servidor contestó otra cosa: {otro:?}"),
    }
    Ok(())
    // Al soltar la conexión se cierra: es la despedida.
}

fn main() -> ExitCode {
    let argumentos: Vec<String> = env::args().skip(1).collect();
    let salida = match argumentos.as_slice() {
        [mensaje] => conversar(mensaje, "127.0.0.1", "4444"),
        [mensaje, ip, puerto] => conversar(mensaje, ip, puerto),
        _ => {
            eprintln!("Uso: cliente MENSAJE [IP PUERTO]");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = salida {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
