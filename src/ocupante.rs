//! Quién tiene un puerto, según /proc. Es para un texto de error: si algo no se puede leer, no se sabe y listo.

use std::fs;
use std::path::Path;

use crate::error::Ocupante;
use crate::memoria::{copiar, texto};

/// El estado de un socket que escucha y el de uno en TIME_WAIT, en hexadecimal, como los escribe el kernel.
const ESCUCHA: &str = "0A";
const TIME_WAIT: &str = "06";

/// Quién tiene el puerto TCP `puerto` de esta máquina.
pub(crate) fn del_puerto(puerto: u16) -> Option<Ocupante> {
    let tablas: Vec<String> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|ruta| fs::read_to_string(ruta).ok()).collect();
    let filas = || tablas.iter().flat_map(|tabla| tabla.lines()).filter_map(Fila::leer);
    let del_puerto = |fila: &Fila<'_>| fila.puerto == puerto;
    if let Some(fila) = filas().filter(del_puerto).find(|fila| fila.estado == ESCUCHA) {
        return proceso_con(&texto!("socket:[{}]", fila.inodo));
    }
    filas().filter(del_puerto).any(|fila| fila.estado == TIME_WAIT).then_some(Ocupante::TimeWait)
}

struct Fila<'a> {
    puerto: u16,
    estado: &'a str,
    inodo: &'a str,
}

impl<'a> Fila<'a> {
    /// `sl local remota estado tx:rx tr:tm retrnsmt uid timeout inodo ...`
    fn leer(linea: &'a str) -> Option<Self> {
        let mut columnas = linea.split_whitespace();
        let (_, puerto) = columnas.nth(1)?.split_once(':')?;
        let estado = columnas.nth(1)?;
        let inodo = columnas.nth(5)?;
        Some(Self { puerto: u16::from_str_radix(puerto, 16).ok()?, estado, inodo })
    }
}

fn proceso_con(socket: &str) -> Option<Ocupante> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entrada| {
        let pid: u32 = entrada.file_name().to_str()?.parse().ok()?;
        tiene(&entrada.path(), socket).then(|| Ocupante::Proceso { pid, nombre: nombre_de(&entrada.path()) })
    })
}

fn tiene(proceso: &Path, socket: &str) -> bool {
    let Ok(descriptores) = fs::read_dir(proceso.join("fd")) else {
        return false;
    };
    descriptores
        .flatten()
        .any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|destino| destino.as_os_str() == socket))
}

fn nombre_de(proceso: &Path) -> String {
    fs::read_to_string(proceso.join("comm")).map_or_else(|_| texto!("?"), |nombre| copiar(nombre.trim_end()))
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn encuentra_a_este_mismo_proceso() {
        let escucha = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let puerto = escucha.local_addr().unwrap().port();
        let Some(Ocupante::Proceso { pid, nombre }) = del_puerto(puerto) else { panic!("no se encontró") };
        assert_eq!(pid, std::process::id());
        assert!(!nombre.is_empty());
    }

    #[test]
    fn una_linea_que_no_es_una_fila_se_ignora() {
        assert!(Fila::leer("  sl  local_address rem_address   st tx_queue").is_none());
        assert!(Fila::leer("").is_none());
    }
}
