//! Quién tiene un puerto, según /proc. Es para un texto de error: si algo no se puede leer, no se sabe y listo.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
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

/// En qué dirección de esta máquina escucha alguien `buscada.port()`, si la IP buscada es de esta máquina y ahí no es.
pub(crate) fn donde_escuchan(buscada: SocketAddr) -> Option<SocketAddr> {
    let es_de_esta_maquina = TcpListener::bind((buscada.ip(), 0)).is_ok();
    let tabla = File::open("/proc/net/tcp").ok().filter(|_| es_de_esta_maquina)?;
    // Los que escuchan son los primeros: detrás puede haber miles de conexiones, y no hace falta leerlas.
    let escuchan = BufReader::new(tabla).lines().skip(1).map_while(|linea| {
        let linea = linea.ok()?;
        let fila = Fila::leer(&linea).filter(|fila| fila.estado == ESCUCHA)?;
        Some((fila.puerto, fila.ipv4()))
    });
    let mut ips = escuchan.filter(|(puerto, _)| *puerto == buscada.port()).filter_map(|(_, ip)| ip);
    ips.find(|ip| !ip.is_unspecified()).map(|ip| SocketAddr::new(ip.into(), buscada.port()))
}

struct Fila<'a> {
    ip: &'a str,
    puerto: u16,
    estado: &'a str,
    inodo: &'a str,
}

impl<'a> Fila<'a> {
    /// `sl local remota estado tx:rx tr:tm retrnsmt uid timeout inodo ...`
    fn leer(linea: &'a str) -> Option<Self> {
        let mut columnas = linea.split_whitespace();
        let (ip, puerto) = columnas.nth(1)?.split_once(':')?;
        let estado = columnas.nth(1)?;
        let inodo = columnas.nth(5)?;
        Some(Self { ip, puerto: u16::from_str_radix(puerto, 16).ok()?, estado, inodo })
    }
}

impl Fila<'_> {
    /// La IP, si es IPv4: el kernel la escribe como el entero que es en memoria.
    fn ipv4(&self) -> Option<Ipv4Addr> {
        let en_memoria = u32::from_str_radix(self.ip, 16).ok().filter(|_| self.ip.len() == 8)?;
        Some(Ipv4Addr::from(en_memoria.to_ne_bytes()))
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
        let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
        let puerto = escucha.local_addr().unwrap().port();
        let Some(Ocupante::Proceso { pid, nombre }) = del_puerto(puerto) else { panic!("no se encontró") };
        assert_eq!(pid, std::process::id());
        assert!(!nombre.is_empty());
    }

    #[test]
    fn dice_donde_si_escuchan() {
        let escucha = TcpListener::bind("127.0.0.2:0").unwrap();
        let si = escucha.local_addr().unwrap();
        assert_eq!(donde_escuchan(SocketAddr::from(([127, 0, 0, 3], si.port()))), Some(si));
        assert_eq!(donde_escuchan(SocketAddr::from(([192, 0, 2, 1], si.port()))), None, "no es de esta máquina");
    }

    #[test]
    fn una_conexion_tambien_lo_ocupa() {
        let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
        // Con bind el puerto es sólo suyo, y no también de una conexión de otro proceso con otro destino.
        let conexion = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        conexion.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
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
