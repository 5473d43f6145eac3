//! Un servidor que, antes del primer mensaje, ya sabe quién es cada cliente. Enseña a aceptar varios valores de handshake,
//! uno por módulo; a preguntar cuál mostró el que llegó; y las `Opciones`.
//!
//! `cargo run --example quien_soy -- servidor IP PUERTO` y `cargo run --example quien_soy -- cpu IP PUERTO TEXTO` (o `kernel`, o
//! `memoria`). Es el `quien_soy` de `c_examples/`, y se hablan.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "un ejemplo le habla a quien lo corre")]

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use tp0::{Conexion, Opciones, Recibido, Resultado, Servidor};

/// Los módulos y sus valores. El 1, que es el del TP0, no está: un cliente que no sea de éstos queda afuera.
const MODULOS: [(&str, i32); 3] = [("kernel", 101), ("cpu", 102), ("memoria", 103)];

fn atender(mut cliente: Conexion) -> Resultado<()> {
    // None sería un cliente sin handshake; con estas opciones no entra ninguno.
    let mostrado = cliente.handshake();
    let modulo = MODULOS.iter().find(|(_, valor)| Some(*valor) == mostrado).map_or("nadie", |(modulo, _)| modulo);
    println!("Se conectó: {modulo}.");
    cliente.enviar_mensaje(&format!("Hola, {modulo}."))?;
    while let Some(Recibido::Mensaje(texto)) = cliente.recibir()? {
        println!("{modulo} dice: {texto}");
    }
    println!("Se fue: {modulo}.");
    Ok(())
}

fn ser_servidor(ip: &str, puerto: &str) -> Resultado<()> {
    let opciones = Opciones::del_entorno()?.handshakes(&MODULOS.map(|(_, valor)| valor))?;
    let servidor = Servidor::iniciar_con(ip, puerto, &opciones)?;
    println!("Escucho en el puerto {}.", servidor.puerto()?);
    servidor.atender_avisando(atender, |_, error| println!("Perdí a un cliente: {error}"))
}

fn ser_cliente(modulo: &str, ip: &str, puerto: &str, texto: &str) -> Resultado<()> {
    let valor = MODULOS.iter().find(|(otro, _)| *otro == modulo).map_or(tp0::HANDSHAKE, |(_, valor)| *valor);
    // Los módulos se levantan en cualquier orden: si todavía no hay nadie escuchando, insiste 10 segundos.
    let opciones = Opciones::del_entorno()?.handshake(valor).reintentos(Duration::from_secs(10));
    let mut conexion = Conexion::conectar_con(ip, puerto, &opciones)?;
    if let Some(Recibido::Mensaje(saludo)) = conexion.recibir()? {
        println!("El servidor dice: {saludo}");
    }
    conexion.enviar_mensaje(texto)
}

fn main() -> ExitCode {
    let argumentos: Vec<String> = env::args().skip(1).collect();
    let argumentos: Vec<&str> = argumentos.iter().map(String::as_str).collect();
    let salida = match *argumentos.as_slice() {
        ["servidor", ip, puerto] => ser_servidor(ip, puerto),
        [modulo, ip, puerto, texto] => ser_cliente(modulo, ip, puerto, texto),
        _ => {
            eprintln!("Uso: quien_soy servidor IP PUERTO\n     quien_soy kernel|cpu|memoria IP PUERTO TEXTO");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = salida {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
