//! Lo que /proc dice de la red de esta máquina. Es para contárselo a alguien: si algo no se puede leer, no se dice y listo.

use std::fmt;
use std::fs;
use std::net::Ipv4Addr;

/// Por qué direcciones se llega a esta máquina: las suyas, salvo la de loopback. De /proc; si no se puede leer, ninguna.
pub(crate) struct IpsDeEstaMaquina;

impl fmt::Display for IpsDeEstaMaquina {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tabla = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
        let mut vistas = [Ipv4Addr::LOCALHOST; 8];
        let mut cuantas = 0;
        for ip in ips_locales(&tabla).filter(|ip| !ip.is_loopback()) {
            if vistas.contains(&ip) {
                continue;
            }
            let Some(lugar) = vistas.get_mut(cuantas) else { break };
            *lugar = ip;
            write!(f, "{}{ip}", if cuantas == 0 { "; las IP de esta máquina: " } else { ", " })?;
            cuantas += 1;
        }
        Ok(())
    }
}

/// En la tabla de rutas, la dirección está en un renglón (`|-- 192.168.0.15`) y que es de esta máquina, en el siguiente (`/32 host LOCAL`).
fn ips_locales(tabla: &str) -> impl Iterator<Item = Ipv4Addr> {
    let siguientes = tabla.lines().skip(1);
    tabla.lines().zip(siguientes).filter(|(_, que)| que.trim() == "/32 host LOCAL").filter_map(|(donde, _)| {
        let (_, ip) = donde.split_once("|-- ")?;
        ip.parse().ok()
    })
}

/// Lo que conviene saber de un puerto que se eligió para escuchar.
pub(crate) struct NotaDelPuerto(pub(crate) u16);

impl fmt::Display for NotaDelPuerto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rango = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let mut extremos = rango.split_whitespace().map_while(|extremo| extremo.parse::<u16>().ok());
        match (extremos.next(), extremos.next()) {
            (Some(desde), Some(hasta)) if (desde..=hasta).contains(&self.0) => {
                write!(
                    f,
                    "; ojo: del {desde} al {hasta} son los que el sistema les da a los clientes, y puede estar tomado"
                )
            }
            _ => Ok(()),
        }
    }
}
