//! Lo que comparten las pruebas de las órdenes que conversan: lanzarlas, y leer lo que muestran.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "andamio de pruebas: cada archivo usa una parte, y fallar con un texto claro es su manera de avisar"
)]

use std::ffi::OsStr;
use std::process::Command;

use crate::comun::{PLAZO, Proceso, orden};

pub const PROGRAMA: &str = env!("CARGO_BIN_EXE_tp0");

/// La orden, en una carpeta sin `tp0.toml`.
pub fn tp0(argumentos: &[impl AsRef<OsStr>]) -> Command {
    let mut tp0 = orden(PROGRAMA);
    tp0.args(argumentos).current_dir(env!("CARGO_TARGET_TMPDIR"));
    tp0
}

/// Lanza una orden que escucha, con la entrada abierta. En qué puerto.
pub fn escuchando_en(orden: Command) -> (Proceso, u16) {
    let proceso = Proceso::lanzar_interactivo(orden);
    let linea = proceso.esperar_linea("escucha en 127.0.0.1:", PLAZO);
    let puerto = linea.rsplit(':').next().unwrap().parse().unwrap();
    (proceso, puerto)
}

/// Los renglones de una traza, sin lo que cambia en cada corrida.
pub fn sin_prefijo(traza: &str) -> Vec<String> {
    traza.lines().filter_map(|renglon| Some(renglon.split_once("] ")?.1.to_owned())).collect()
}
