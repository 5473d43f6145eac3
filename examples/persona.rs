//! Structs serializados, de ida y de vuelta. Enseña `Escritor` y `Lector`: campo por campo, en el mismo orden de los dos
//! lados; un struct adentro de otro; una lista de structs; y códigos de operación propios. Leer no copia ningún texto.
//!
//! `cargo run --example persona -- servidor IP PUERTO`, y `cargo run --example persona -- cliente IP PUERTO APELLIDO CALLE NUMERO`
//! seguido de `DNI EDAD PASAPORTE NOMBRE` por cada integrante; con `apagar IP PUERTO`, el servidor termina. Son los mismos
//! bytes que los de `persona_servidor` y `persona_cliente`, de `c_examples/`: se hablan.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "un ejemplo le habla a quien lo corre")]

use std::env;
use std::process::ExitCode;

use tp0::{Conexion, Error, Escritor, Lector, Recibido, Resultado, Servidor};

// Nuestros códigos de operación, a continuación de los dos del TP0: los de persona.h.
const FAMILIA: i32 = 2;
const RESUMEN: i32 = 3;
const CUMPLEANIOS: i32 = 4;
const PERSONA: i32 = 5;
const NO_ENTENDI: i32 = 6;
const APAGARSE: i32 = 7;

/// La persona de la guía. Su nombre está prestado: del payload en que llegó, o de los argumentos del programa.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Persona<'a> {
    dni: u32,
    edad: u8,
    pasaporte: u32,
    nombre: &'a str,
}

struct Domicilio<'a> {
    numero: u32,
    calle: &'a str,
}

struct Familia<'a> {
    apellido: &'a str,
    domicilio: Domicilio<'a>,
    integrantes: Vec<Persona<'a>>,
}

struct Resumen<'a> {
    edad_promedio: f64,
    hay_menores: bool,
    mayor: Persona<'a>,
}

impl<'a> Persona<'a> {
    fn escribir<'e>(&self, escritor: &'e mut Escritor) -> Resultado<&'e mut Escritor> {
        escritor.u32(self.dni).u8(self.edad).u32(self.pasaporte).texto(self.nombre)
    }

    /// Rust sí promete el orden: los campos se leen como están escritos acá.
    fn leer(lector: &mut Lector<'a>) -> Resultado<Self> {
        Ok(Self { dni: lector.u32()?, edad: lector.u8()?, pasaporte: lector.u32()?, nombre: lector.texto()? })
    }
}

impl<'a> Familia<'a> {
    fn escribir<'e>(&self, escritor: &'e mut Escritor) -> Resultado<&'e mut Escritor> {
        escritor.texto(self.apellido)?.u32(self.domicilio.numero).texto(self.domicilio.calle)?;
        escritor.u32(u32::try_from(self.integrantes.len()).unwrap_or(u32::MAX));
        for una in &self.integrantes {
            una.escribir(escritor)?;
        }
        Ok(escritor)
    }

    fn leer(lector: &mut Lector<'a>) -> Resultado<Self> {
        let apellido = lector.texto()?;
        let domicilio = Domicilio { numero: lector.u32()?, calle: lector.texto()? };
        // A la cantidad no se le cree: collect no reserva por adelantado, y la primera que falte corta.
        let integrantes = (0..lector.u32()?).map(|_| Persona::leer(lector)).collect::<Resultado<_>>()?;
        Ok(Self { apellido, domicilio, integrantes })
    }

    /// `None`: de una familia sin nadie no hay nada que decir.
    fn resumir(&self) -> Option<Resumen<'a>> {
        let cantidad = u32::try_from(self.integrantes.len()).ok()?;
        let suma: f64 = self.integrantes.iter().map(|una| f64::from(una.edad)).sum();
        Some(Resumen {
            edad_promedio: suma / f64::from(cantidad),
            hay_menores: self.integrantes.iter().any(|una| una.edad < 18),
            mayor: self
                .integrantes
                .iter()
                .copied()
                .reduce(|una, otra| if otra.edad > una.edad { otra } else { una })?,
        })
    }
}

impl<'a> Resumen<'a> {
    fn escribir<'e>(&self, escritor: &'e mut Escritor) -> Resultado<&'e mut Escritor> {
        self.mayor.escribir(escritor.f64(self.edad_promedio).bool(self.hay_menores))
    }

    fn leer(lector: &mut Lector<'a>) -> Resultado<Self> {
        Ok(Self { edad_promedio: lector.f64()?, hay_menores: lector.bool()?, mayor: Persona::leer(lector)? })
    }
}

/// Hace lo que pide un mensaje y devuelve el payload de la respuesta.
fn responder_familia(payload: &[u8]) -> Resultado<Vec<u8>> {
    let mut lector = Lector::de(payload);
    let familia = Familia::leer(&mut lector)?;
    lector.terminar()?; // si sobra algo, el otro escribió otra cosa
    let resumen = familia.resumir().ok_or_else(|| Error::Argumento("La familia no tiene integrantes.".to_owned()))?;
    println!("Familia {}, de {} {}:", familia.apellido, familia.domicilio.calle, familia.domicilio.numero);
    for una in &familia.integrantes {
        println!("  - {}, {} años, dni {}, pasaporte {}", una.nombre, una.edad, una.dni, una.pasaporte);
    }
    Ok(resumen.escribir(&mut Escritor::nuevo())?.terminar())
}

fn responder_cumpleanios(payload: &[u8]) -> Resultado<Vec<u8>> {
    let mut persona = Persona::leer(&mut Lector::de(payload))?;
    persona.edad = persona.edad.wrapping_add(1);
    println!("{} cumplió {}.", persona.nombre, persona.edad);
    Ok(persona.escribir(&mut Escritor::nuevo())?.terminar())
}

/// Atiende a un cliente hasta que se va. Devuelve si hay que seguir con otros.
fn atender(mut cliente: Conexion) -> Resultado<bool> {
    while let Some(recibido) = cliente.recibir()? {
        let (respuesta, payload) = match recibido {
            Recibido::Otro { codigo: FAMILIA, payload } => (RESUMEN, responder_familia(payload)),
            Recibido::Otro { codigo: CUMPLEANIOS, payload } => (PERSONA, responder_cumpleanios(payload)),
            Recibido::Otro { codigo: APAGARSE, .. } => return Ok(false),
            otro => (NO_ENTENDI, Err(Error::Argumento(format!("Esto no es para mí: {otro:?}")))),
        };
        match payload {
            Ok(payload) => cliente.enviar(respuesta, &payload)?,
            // No es razón para cortarle: ese mensaje ya se leyó entero.
            Err(error) => {
                println!("No entendí: {error}");
                cliente.enviar(NO_ENTENDI, &[])?; // un mensaje puede ser sólo su código
            }
        }
    }
    Ok(true)
}

fn ser_servidor(ip: &str, puerto: &str) -> Resultado<()> {
    let servidor = Servidor::iniciar(ip, puerto)?;
    println!("Escucho en el puerto {}.", servidor.puerto()?);
    for cliente in servidor.clientes() {
        match atender(cliente?) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => println!("Perdí al cliente: {error}"),
        }
    }
    println!("Me pidieron que me apague.");
    Ok(())
}

/// Manda un payload y espera la respuesta, que tiene que ser de ese código: se lo mira antes que al payload.
fn preguntar<'a>(conexion: &'a mut Conexion, codigo: i32, payload: &[u8], esperado: i32) -> Resultado<&'a [u8]> {
    conexion.enviar(codigo, payload)?;
    match conexion.recibir()? {
        Some(Recibido::Otro { codigo, payload }) if codigo == esperado => Ok(payload),
        otro => Err(Error::Argumento(format!("Esperaba la operación {esperado} y me contestó {otro:?}."))),
    }
}

fn ser_cliente(ip: &str, puerto: &str, familia: &Familia<'_>) -> Resultado<()> {
    let mut conexion = Conexion::conectar(ip, puerto)?;

    let payload = familia.escribir(&mut Escritor::nuevo())?.terminar();
    let respuesta = preguntar(&mut conexion, FAMILIA, &payload, RESUMEN)?;
    let Resumen { edad_promedio, hay_menores, mayor } = Resumen::leer(&mut Lector::de(respuesta))?;
    let menores = if hay_menores { "hay" } else { "no hay" };
    println!(
        "En promedio, {edad_promedio:.1} años; {menores} menores. La persona mayor: {}, de {}.",
        mayor.nombre, mayor.edad
    );

    if let Some(primera) = familia.integrantes.first() {
        let payload = primera.escribir(&mut Escritor::nuevo())?.terminar();
        let respuesta = preguntar(&mut conexion, CUMPLEANIOS, &payload, PERSONA)?;
        let vuelta = Persona::leer(&mut Lector::de(respuesta))?;
        // Menos la edad, todo tiene que volver como se fue.
        if (Persona { edad: primera.edad, ..vuelta }) != *primera {
            return Err(Error::Argumento(format!("¡Volvió otra persona! {vuelta:?}")));
        }
        let Persona { nombre, dni, pasaporte, edad } = vuelta;
        println!("{nombre} (dni {dni}, pasaporte {pasaporte}) ahora tiene {edad}.");
    }
    Ok(())
}

fn numero<T: std::str::FromStr>(texto: &str) -> Resultado<T> {
    texto.parse().map_err(|_| Error::Argumento(format!("{texto:?} no es un número, o no entra.")))
}

/// Los argumentos después de la IP y el puerto: la familia, y de a cuatro, sus integrantes.
fn leer_familia<'a>(apellido: &'a str, calle: &'a str, altura: &str, personas: &[&'a str]) -> Resultado<Familia<'a>> {
    let integrantes = personas.chunks(4).map(|datos| match *datos {
        [dni, edad, pasaporte, nombre] => {
            Ok(Persona { dni: numero(dni)?, edad: numero(edad)?, pasaporte: numero(pasaporte)?, nombre })
        }
        _ => Err(Error::Argumento("De cada persona van el dni, la edad, el pasaporte y el nombre.".to_owned())),
    });
    let domicilio = Domicilio { numero: numero(altura)?, calle };
    Ok(Familia { apellido, domicilio, integrantes: integrantes.collect::<Resultado<_>>()? })
}

fn main() -> ExitCode {
    let argumentos: Vec<String> = env::args().skip(1).collect();
    let argumentos: Vec<&str> = argumentos.iter().map(String::as_str).collect();
    let salida = match *argumentos.as_slice() {
        ["servidor", ip, puerto] => ser_servidor(ip, puerto),
        ["apagar", ip, puerto] => Conexion::conectar(ip, puerto).and_then(|conexion| conexion.enviar(APAGARSE, &[])),
        ["cliente", ip, puerto, apellido, calle, altura, ref personas @ ..] => {
            leer_familia(apellido, calle, altura, personas).and_then(|familia| ser_cliente(ip, puerto, &familia))
        }
        _ => {
            eprintln!("Uso: persona servidor IP PUERTO\n     persona apagar IP PUERTO");
            eprintln!("     persona cliente IP PUERTO APELLIDO CALLE NUMERO DNI EDAD PASAPORTE NOMBRE...");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = salida {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
