//! De los textos de un `.config` a direcciones: se recortan, se validan y se buscan.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use crate::error::{Error, Resultado};
use crate::memoria::{copiar, juntar, texto};
use crate::traza::paso;

/// Un puerto: un número (`u16`), o un texto como los de un `.config` (`&str`, `&String`, `String`), cuyos blancos y fines de línea de los
/// bordes no cuentan.
///
/// ```
/// use tp0::{Conexion, Error, Servidor};
///
/// let servidor = Servidor::iniciar("127.0.0.1", 0)?;
/// Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
/// Conexion::conectar("127.0.0.1", &format!("{}\r\n", servidor.puerto()?))?;
/// assert!(matches!(Conexion::conectar("127.0.0.1", "http"), Err(Error::Puerto { .. })));
/// # Ok::<(), tp0::Error>(())
/// ```
///
/// Son ésos, y no se puede implementar para otros.
pub trait Puerto: sellado::Puerto {}

impl<T: sellado::Puerto> Puerto for T {}

mod sellado {
    use super::{Resultado, comprobar_puerto, leer_puerto};

    pub trait Puerto {
        /// El número, de `minimo` a 65535.
        fn leer(&self, minimo: u16) -> Resultado<u16>;
    }

    impl Puerto for u16 {
        fn leer(&self, minimo: u16) -> Resultado<u16> {
            comprobar_puerto(*self, minimo)
        }
    }

    impl Puerto for &str {
        fn leer(&self, minimo: u16) -> Resultado<u16> {
            leer_puerto(self, minimo)
        }
    }

    impl Puerto for String {
        fn leer(&self, minimo: u16) -> Resultado<u16> {
            leer_puerto(self, minimo)
        }
    }

    impl Puerto for &String {
        fn leer(&self, minimo: u16) -> Resultado<u16> {
            leer_puerto(self, minimo)
        }
    }
}

/// Si ese número sirve.
pub(crate) fn comprobar_puerto(puerto: u16, minimo: u16) -> Resultado<u16> {
    if puerto >= minimo { Ok(puerto) } else { Err(Error::Puerto { valor: texto!("{puerto}"), motivo: EL_CERO }) }
}

const EL_CERO: &str = "el 0 no es de nadie; van de 1 a 65535.";

/// Un puerto escrito como texto: de `minimo` a 65535. Se ignoran los blancos y los fines de línea de los bordes.
pub(crate) fn leer_puerto(valor: &str, minimo: u16) -> Resultado<u16> {
    let motivo = match valor.trim().parse::<i64>() {
        Err(_) if valor.trim().is_empty() => "está vacío. ¿Existe la clave PUERTO en el .config, o faltó el argumento?",
        Err(_) => "no es un número. ¿Leíste bien la clave PUERTO del .config, o el argumento?",
        Ok(numero) => match u16::try_from(numero) {
            Ok(puerto) if puerto >= minimo => return Ok(puerto),
            Ok(_) => EL_CERO,
            Err(_) => "van de 1 a 65535.",
        },
    };
    Err(Error::Puerto { valor: copiar(valor), motivo })
}

/// Las direcciones de `ip` (que también puede ser un nombre), primero las IPv4.
pub(crate) fn resolver(ip: &str, puerto: u16) -> Resultado<Vec<SocketAddr>> {
    let nombre = ip.trim();
    if let Ok(ip) = nombre.parse::<IpAddr>() {
        return juntar([SocketAddr::new(ip, puerto)].into_iter());
    }
    if nombre.is_empty() {
        let motivo = texto!("está vacía. ¿Existe la clave IP en el .config, o faltó el argumento?");
        return Err(Error::Ip { valor: copiar(ip), motivo });
    }
    if nombre.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(Error::Ip { valor: copiar(ip), motivo: defecto_de_ipv4(nombre) });
    }
    buscar(nombre, puerto)
}

/// Todas las interfaces IPv4, como el servidor del TP0.
pub(crate) fn todas(puerto: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, puerto))
}

fn buscar(nombre: &str, puerto: u16) -> Resultado<Vec<SocketAddr>> {
    let no_resuelve = |detalle: String| Error::NoResuelve { nombre: copiar(nombre), detalle };
    let encontradas = (nombre, puerto).to_socket_addrs();
    match &encontradas {
        Ok(_) => paso!("getaddrinfo({nombre:?}, {puerto})"),
        Err(causa) => paso!("getaddrinfo({nombre:?}, {puerto}): {causa}"),
    }
    let mut direcciones = juntar(encontradas.map_err(|causa| no_resuelve(causa.to_string()))?)?;
    if direcciones.is_empty() {
        return Err(no_resuelve(texto!("sin direcciones")));
    }
    direcciones.sort_by_key(SocketAddr::is_ipv6);
    direcciones.dedup();
    Ok(direcciones)
}

fn defecto_de_ipv4(escrita: &str) -> String {
    let octetos = || escrita.split('.');
    if octetos().count() != 4 {
        return texto!("tiene {} números y van 4, separados por puntos.", octetos().count());
    }
    match octetos().find(|octeto| octeto.parse::<u8>().is_err()) {
        Some("") => texto!("le falta un número entre los puntos."),
        Some(octeto) => texto!("{octeto} no puede ser un octeto, van de 0 a 255."),
        None => texto!("sus números no pueden empezar con 0."),
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn el_puerto_se_recorta_y_se_valida() {
        for (texto, puerto) in [("4444", 4444), (" 4444\r\n", 4444), ("1", 1), ("65535", 65535)] {
            assert_eq!(leer_puerto(texto, 1).unwrap(), puerto);
        }
        for texto in ["", " ", "abc", "99999", "-1", "0", "44 44", "65536", "99999999999999999999"] {
            let error = leer_puerto(texto, 1).unwrap_err();
            assert!(error.to_string().contains(&format!("{texto:?}")), "{error}");
        }
        assert_eq!(leer_puerto("0", 0).unwrap(), 0);
    }

    #[test]
    fn una_ip_mala_dice_que_tiene() {
        for (texto, parte) in [
            ("192.168.0.256", "256"),
            ("192.168.0", "3 números"),
            ("192.168..1", "falta un número"),
            ("010.0.0.1", "empezar con 0"),
            ("", "vacía"),
            ("...", "falta un número"),
        ] {
            let error = resolver(texto, 1).unwrap_err();
            assert!(matches!(error, Error::Ip { .. }) && error.to_string().contains(parte), "{error}");
        }
    }

    #[test]
    fn una_ip_buena_no_se_busca() {
        assert_eq!(resolver(" 127.0.0.1\r\n", 80).unwrap(), [SocketAddr::from(([127, 0, 0, 1], 80))]);
        assert_eq!(resolver("::1", 80).unwrap().len(), 1);
    }
}
