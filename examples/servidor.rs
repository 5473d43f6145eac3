//! El servidor del TP0: atiende a un cliente tras otro, para siempre. Enseña a recorrer los clientes con `for` y lo que
//! manda cada uno con `while let`, y que lo recibido se presta: se mira sin copiarlo.
//!
//! `cargo run --example servidor -- [IP PUERTO]`. Le habla `cliente.rs`, o el `cliente` de `c_examples/`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "un ejemplo le habla a quien lo corre")]

use std::env;
use std::process::ExitCode;

use tp0::{Conexion, Recibido, Resultado, Servidor};

/// Un valor de un paquete, como texto: los de un programa en C traen su `'\0'`.
fn texto(valor: &[u8]) -> String {
    String::from_utf8_lossy(valor.strip_suffix(b"\0").unwrap_or(valor)).into_owned()
}

/// Habla con un cliente hasta que se va. El `?` es para lo que sale mal; que se despida es un `None`.
fn atender(mut cliente: Conexion) -> Resultado<()> {
    while let Some(recibido) = cliente.recibir()? {
        match recibido {
            Recibido::Mensaje(texto) => println!("Me llego el mensaje {texto}"),
            Recibido::Paquete(paquete) => {
                println!("Me llegaron los siguientes valores:");
                paquete.valores().for_each(|valor| println!("  - {}", texto(valor)));
                // El paquete es prestado: se termina de mirar antes de volver a usar al cliente.
                let respuesta = format!("Valores recibidos: {}.", paquete.valores().count());
                cliente.enviar_mensaje(&respuesta)?;
            }
            Recibido::Otro { codigo, payload } => {
                println!("No conozco la operación {codigo}: la salteo ({} bytes).", payload.len());
            }
            // Recibido puede crecer en otra versión.
            otro => println!("No sé qué hacer con {otro:?}."),
        }
    }
    Ok(())
}

fn escuchar(ip: &str, puerto: &str) -> Resultado<()> {
    let servidor = Servidor::iniciar(ip, puerto)?;
    println!("Escucho en el puerto {}.", servidor.puerto()?);
    for cliente in servidor.clientes() {
        // Este ? es del servidor. Lo que le pase a un cliente es asunto suyo: se sigue con el próximo.
        match atender(cliente?) {
            Ok(()) => println!("El cliente se fue."),
            Err(error) => println!("Perdí al cliente: {error}"),
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let argumentos: Vec<String> = env::args().skip(1).collect();
    let salida = match argumentos.as_slice() {
        [ip, puerto] => escuchar(ip, puerto),
        _ => escuchar("127.0.0.1", "4444"),
    };
    // Devolver el Resultado desde main también se puede, y muestra la misma oración después de «Error: ».
    if let Err(error) = salida {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
