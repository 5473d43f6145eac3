//! Un eslabón: servidor de los que llegan y, a la vez, cliente del siguiente. Enseña que un servidor puede ser cliente de
//! otro, a cualquier profundidad, y que si uno del medio se cae, al que preguntó le llega una explicación.
//!
//! `cargo run --example cadena -- NOMBRE IP PUERTO [IP PUERTO]`: dónde escucha, y dónde está el siguiente. Los eslabones pueden
//! ser de éstos o de los de `c_examples/`, mezclados. El que pregunta es `seis_funciones`, de ahí.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "un ejemplo le habla a quien lo corre")]

use std::env;
use std::process::ExitCode;

use tp0::{Conexion, Error, Recibido, Resultado, Servidor};

struct Eslabon {
    nombre: String,
    /// Dónde está el siguiente, si éste no es el último.
    siguiente: Option<(String, String)>,
}

impl Eslabon {
    /// Corre en un hilo por cliente, cada uno con su propia conexión con el siguiente: si la compartieran, uno podría
    /// llevarse la respuesta del otro.
    fn atender(&self, mut cliente: Conexion) -> Resultado<()> {
        let mut conexion = None;
        while let Some(Recibido::Mensaje(texto)) = cliente.recibir()? {
            println!("{}: me llegó «{texto}».", self.nombre);
            let texto = format!("{texto} > {}", self.nombre);
            let respuesta = self.preguntar(&mut conexion, texto).unwrap_or_else(|error| {
                conexion = None; // la próxima vez se intenta de nuevo: quizás ya lo levantaron
                format!("{} no pudo seguir: {error}", self.nombre)
            });
            cliente.enviar_mensaje(&respuesta)?;
        }
        Ok(())
    }

    /// Le pregunta al siguiente, si lo hay, y espera su respuesta. Se conecta recién cuando lo necesita.
    fn preguntar(&self, conexion: &mut Option<Conexion>, texto: String) -> Resultado<String> {
        let Some((ip, puerto)) = &self.siguiente else { return Ok(texto) };
        let siguiente = match conexion {
            Some(conexion) => conexion,
            None => conexion.insert(Conexion::conectar(ip, puerto)?),
        };
        siguiente.enviar_mensaje(&texto)?;
        match siguiente.recibir()? {
            Some(Recibido::Mensaje(respuesta)) => Ok(format!("{respuesta} < {}", self.nombre)),
            _ => Err(Error::ParIdo),
        }
    }
}

fn escuchar(eslabon: Eslabon, ip: &str, puerto: &str) -> Resultado<()> {
    let servidor = Servidor::iniciar(ip, puerto)?;
    println!("{}: escucho en el puerto {}.", eslabon.nombre, servidor.puerto()?);
    servidor.atender(move |cliente| {
        if let Err(error) = eslabon.atender(cliente) {
            println!("{}: perdí a un cliente: {error}", eslabon.nombre);
        }
    })
}

fn main() -> ExitCode {
    let argumentos: Vec<String> = env::args().skip(1).collect();
    let (nombre, ip, puerto, siguiente) = match argumentos.as_slice() {
        [nombre, ip, puerto] => (nombre, ip, puerto, None),
        [nombre, ip, puerto, otra_ip, otro_puerto] => {
            (nombre, ip, puerto, Some((otra_ip.clone(), otro_puerto.clone())))
        }
        _ => {
            eprintln!("Uso: cadena NOMBRE IP PUERTO [IP_DEL_SIGUIENTE PUERTO_DEL_SIGUIENTE]");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = escuchar(Eslabon { nombre: nombre.clone(), siguiente }, ip, puerto) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
