//! Lo que sufren los que hacen el TP0 (`docs/dolores.md`): cada situación, provocada de verdad con un programa que comete el error, y el
//! texto exacto que recibe quien lo escribió, que es el que está escrito en la guía (`docs/por-que-no-anda.md`).

mod compilar;
mod conectar;
mod hablar;
mod levantar;
mod memoria;
mod tabla;
mod trazar;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use crate::comun::{PLAZO, Proceso, Salida, compilar_con_tp0, orden};

/// Un programa de `tests/c`, compilado una vez.
fn programa(nombre: &'static str) -> PathBuf {
    static HECHOS: Mutex<Option<HashMap<&str, PathBuf>>> = Mutex::new(None);
    let mut hechos = HECHOS.lock().unwrap_or_else(|veneno| veneno.into_inner());
    let hechos = hechos.get_or_insert_default();
    hechos.entry(nombre).or_insert_with(|| compilar_con_tp0(nombre, &[&format!("{nombre}.c")])).clone()
}

/// La orden de uno de esos programas.
fn orden_de(nombre: &'static str, argumentos: &[&str]) -> Command {
    let mut orden = orden(programa(nombre));
    orden.args(argumentos);
    orden
}

/// Lo corre hasta el final: tiene que terminar bien, por más errores que cometa.
#[track_caller]
fn correr(orden: Command) -> Salida {
    let salida = Proceso::lanzar(orden).terminar(PLAZO);
    salida.exigir_exito("el programa");
    salida
}

/// Lo que dijo que le contestó la biblioteca, llamada por llamada.
fn dijo<'a>(salida: &'a Salida, funcion: &str) -> Vec<&'a str> {
    salida.lineas().into_iter().filter_map(|linea| linea.strip_prefix(funcion)?.strip_prefix(": ")).collect()
}
