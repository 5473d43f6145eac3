//! Quién tiene un puerto, según /proc. Es para un texto de error: si algo no se puede leer, no se sabe y listo.

use std::fs;
use std::path::Path;

use crate::error::Ocupante;
use crate::memoria::{copiar, texto};

/// Los estados de un socket que escucha y de uno que todavía se está por aceptar, en hexadecimal, como los escribe el kernel.
const ESCUCHA: &str = "0A";
const POR_ACEPTAR: &str = "03";
/// El inodo de una conexión que ya no es de ningún proceso.
const DE_NADIE: &str = "0";

/// Quién tiene el puerto TCP `puerto` de esta máquina.
pub(crate) fn del_puerto(puerto: u16) -> Option<Ocupante> {
    let tablas: Vec<String> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|ruta| fs::read_to_string(ruta).ok()).collect();
    let filas = || tablas.iter().flat_map(|tabla| tabla.lines()).filter_map(Fila::leer);
    let del_puerto = |fila: &Fila<'_>| fila.puerto == puerto;
    if let Some(fila) = filas().filter(del_puerto).find(|fila| fila.estado == ESCUCHA) {
        return proceso_con(&fila).map(|(pid, nombre)| Ocupante::Proceso { pid, nombre });
    }
    let de_un_proceso =
        filas().filter(del_puerto).filter(|fila| fila.inodo != DE_NADIE).find_map(|fila| proceso_con(&fila));
    if let Some((pid, nombre)) = de_un_proceso {
        return Some(Ocupante::Conexion { pid, nombre });
    }
    // TIME_WAIT, o FIN_WAIT2 si el cliente todavía no cerró: a las dos el kernel les da un minuto.
    let vieja = |fila: Fila<'_>| fila.inodo == DE_NADIE && fila.estado != POR_ACEPTAR;
    filas().filter(del_puerto).any(vieja).then_some(Ocupante::TimeWait)
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

/// El proceso que tiene ese socket: su número y su nombre.
fn proceso_con(fila: &Fila<'_>) -> Option<(u32, String)> {
    let socket = texto!("socket:[{}]", fila.inodo);
    fs::read_dir("/proc").ok()?.flatten().find_map(|entrada| {
        let pid: u32 = entrada.file_name().to_str()?.parse().ok()?;
        tiene(&entrada.path(), &socket).then(|| (pid, nombre_de(&entrada.path())))
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
    fn una_conexion_tambien_lo_ocupa() {
        let escucha = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        // Con bind el puerto es sólo suyo, y no también de una conexión de otro proceso con otro destino.
        let conexion = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        conexion.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        conexion.connect(&escucha.local_addr().unwrap().into()).unwrap();
        let puerto = conexion.local_addr().unwrap().as_socket().unwrap().port();
        let Some(Ocupante::Conexion { pid, .. }) = del_puerto(puerto) else { panic!("no se encontró") };
        assert_eq!(pid, std::process::id());
    }

    #[test]
    fn una_linea_que_no_es_una_fila_se_ignora() {
        assert!(Fila::leer("  sl  local_address rem_address   st tx_queue").is_none());
        assert!(Fila::leer("").is_none());
    }
}
