//! El diagrama de secuencia de una conversación de verdad, dibujado de las trazas de los programas que conversaron: cada uno es una
//! columna. Enseña qué se puede hacer con lo que cuenta `TP0_TRAZA=1`. Escribe dos archivos, `NOMBRE.svg` (se abre con el navegador) y `NOMBRE.mmd` (Mermaid, que GitHub muestra dibujado).
//!
//! ```sh
//! TP0_TRAZA=1 ./bin/server 2>servidor.traza      # en dos terminales
//! TP0_TRAZA=1 ./bin/client 2>cliente.traza
//! cargo run --example secuencia -- -o charla servidor.traza cliente.traza
//! ```
//!
//! Las trazas pueden ser de dos máquinas distintas: el orden lo da quién le habló a quién, y los relojes sólo desempatan.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "un ejemplo le habla a quien lo corre")]

mod charla;
mod mermaid;
mod svg;
mod traza;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use charla::Charla;
use traza::Traza;

const USO: &str = "uso: secuencia [-o NOMBRE] TRAZA...   (escribe NOMBRE.svg y NOMBRE.mmd; si no se dice, secuencia)";

/// Lo que se pidió.
struct Pedido {
    nombre: String,
    trazas: Vec<PathBuf>,
}

fn leer_pedido(argumentos: impl Iterator<Item = String>) -> Result<Pedido, String> {
    let mut pedido = Pedido { nombre: "secuencia".to_owned(), trazas: Vec::new() };
    let mut argumentos = argumentos.peekable();
    while let Some(argumento) = argumentos.next() {
        match argumento.as_str() {
            "-o" => pedido.nombre = argumentos.next().ok_or("Después de -o va un nombre.")?,
            opcion if opcion.starts_with('-') => return Err(format!("No conozco la opción {opcion}. {USO}")),
            archivo => pedido.trazas.push(PathBuf::from(archivo)),
        }
    }
    if pedido.trazas.is_empty() { Err(USO.to_owned()) } else { Ok(pedido) }
}

fn dibujar(pedido: &Pedido) -> Result<(), String> {
    let mut trazas = Vec::new();
    for archivo in &pedido.trazas {
        let texto = fs::read(archivo).map_err(|causa| format!("No pude leer {}: {causa}.", archivo.display()))?;
        trazas.extend(Traza::leer(&archivo.display().to_string(), &String::from_utf8_lossy(&texto))?);
    }
    let charla = Charla::de(&trazas)?;
    let (svg, mermaid) = (svg::dibujar(&charla), mermaid::escribir(&charla));
    let (en_svg, en_mermaid) = (format!("{}.svg", pedido.nombre), format!("{}.mmd", pedido.nombre));
    escribir_todos(&[(&en_svg, &svg), (&en_mermaid, &mermaid)])?;
    println!("{}: {en_svg} y {en_mermaid}", charla.resumen());
    Ok(())
}

/// Escribe todos o ninguno: primero, cada uno en otro archivo, al lado; cuando están todos, se les pone su nombre.
fn escribir_todos(archivos: &[(&String, &String)]) -> Result<(), String> {
    let al_lado = |destino: &str| format!("{destino}.{}", std::process::id());
    let escritos = archivos.iter().try_for_each(|(destino, texto)| {
        let queja = |causa| format!("No pude escribir {destino}: {causa}.");
        if Path::new(destino.as_str()).is_dir() {
            return Err(format!("No pude escribir {destino}: es una carpeta."));
        }
        fs::write(al_lado(destino), texto).map_err(queja)
    });
    let puestos = escritos.and_then(|()| {
        archivos.iter().try_for_each(|(destino, _)| {
            fs::rename(al_lado(destino), destino).map_err(|causa| format!("No pude escribir {destino}: {causa}."))
        })
    });
    if puestos.is_err() {
        archivos.iter().for_each(|(destino, _)| drop(fs::remove_file(al_lado(destino))));
    }
    puestos
}

fn main() -> ExitCode {
    match leer_pedido(env::args().skip(1)).and_then(|pedido| dibujar(&pedido)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(queja) => {
            eprintln!("{queja}");
            ExitCode::FAILURE
        }
    }
}
