//! Un servidor que termina bien con Ctrl-C: deja de aceptar, a los que están les da un rato, los corta, y sale con 0. Enseña
//! `Servidor::detener` desde otro hilo. Las señales las espera `signal-hook` (`cargo add signal-hook`); sirve cualquier otra forma.
//!
//! `cargo run --example ctrl_c -- [IP PUERTO]`, y Ctrl-C.

#![allow(clippy::print_stdout, reason = "un ejemplo le habla a quien lo corre")]

use std::error::Error;
use std::sync::Arc;
use std::{env, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tp0::{Conexion, Recibido, Resultado, Servidor};

fn atender(mut cliente: Conexion) -> Resultado<()> {
    let (receptor, emisor) = cliente.mitades();
    while let Some(Recibido::Mensaje(texto)) = receptor.recibir()? {
        emisor.enviar_mensaje(&format!("recibido: {texto}"))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let ip = env::args().nth(1).unwrap_or("127.0.0.1".to_owned());
    let servidor = Arc::new(Servidor::iniciar(&ip, env::args().nth(2).unwrap_or("4444".to_owned()))?);

    let mut seniales = Signals::new([SIGINT, SIGTERM])?;
    let el_que_se_detiene = Arc::clone(&servidor);
    let detiene = thread::spawn(move || {
        seniales.forever().next();
        println!("Termino: espero a los que están.");
        el_que_se_detiene.detener()
    });

    println!("Escucho en el puerto {}.", servidor.puerto()?);
    servidor.atender(atender)?;
    let _ = detiene.join();
    println!("Terminé.");
    Ok(())
}
