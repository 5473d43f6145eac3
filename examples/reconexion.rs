//! Un cliente al que no le importa que el servidor se caiga y vuelva: insiste hasta que está, y repite la pregunta que quedó sin
//! respuesta. Enseña `Opciones::reintentos` y `Error::termina_la_conexion`.
//!
//! `cargo run --example reconexion -- [IP PUERTO]`: cada línea que se escribe es una pregunta. Contesta `eco.rs`.

#![allow(clippy::print_stdout, reason = "un ejemplo le habla a quien lo corre")]

use std::time::Duration;
use std::{env, io};

use tp0::{Conexion, Error, Opciones, Recibido, Resultado};

fn preguntar(conexion: &mut Conexion, pregunta: &str) -> Resultado<String> {
    conexion.enviar_mensaje(pregunta)?;
    match conexion.recibir()? {
        Some(Recibido::Mensaje(respuesta)) => Ok(respuesta.to_owned()),
        Some(otro) => Err(Error::Argumento(format!("Esperaba un texto y llegó {otro:?}."))),
        None => Err(Error::Fin),
    }
}

fn main() -> Resultado<()> {
    let ip = env::args().nth(1).unwrap_or("127.0.0.1".to_owned());
    let puerto = env::args().nth(2).unwrap_or("4444".to_owned());
    let opciones = Opciones::del_entorno()?.reintentos(Duration::from_secs(60));
    let conectar = || Conexion::conectar_con(&ip, &puerto, &opciones);

    let mut conexion = conectar()?;
    for pregunta in io::stdin().lines().map_while(Result::ok) {
        let respuesta = loop {
            match preguntar(&mut conexion, &pregunta) {
                Err(error) if error.termina_la_conexion() => {
                    println!("Me quedé sin servidor: {error}");
                    conexion = conectar()?;
                }
                respuesta => break respuesta?,
            }
        };
        println!("{respuesta}");
    }
    Ok(())
}
