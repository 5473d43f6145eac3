//! Un servidor: el socket que escucha, y lo que sabe de los que están por entrar.

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use crate::conexion::Conexion;
use crate::direccion;
use crate::error::{Error, Resultado};
use crate::escucha::{Escucha, Rechazo};
use crate::ocupante;
use crate::opciones::{self, Opciones};
use crate::red;

/// Un servidor que escucha. Al soltarlo, el puerto queda libre.
///
/// ```
/// use tp0::Servidor;
///
/// let servidor = Servidor::iniciar("127.0.0.1", "0")?; // 0: cualquier puerto libre
/// println!("escuchando en el puerto {}", servidor.puerto()?);
/// # Ok::<(), tp0::Error>(())
/// ```
pub struct Servidor {
    socket: Socket,
    escucha: Escucha,
}

impl fmt::Debug for Servidor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servidor").field("direccion", &self.direccion().ok()).finish_non_exhaustive()
    }
}

impl Servidor {
    /// Escucha en `ip` y `puerto`, con las opciones del entorno.
    ///
    /// # Errors
    /// Los de [`iniciar_con`](Self::iniciar_con), y [`Error::Entorno`].
    pub fn iniciar(ip: &str, puerto: &str) -> Resultado<Self> {
        Self::iniciar_con(ip, puerto, &Opciones::del_entorno()?)
    }

    /// Escucha en `ip` y `puerto` según `opciones`. El puerto 0 es uno libre cualquiera.
    ///
    /// # Errors
    /// [`Error::Ip`], [`Error::Puerto`] o [`Error::NoResuelve`] si no se sabe dónde; [`Error::PuertoEnUso`], [`Error::SinPermiso`] o
    /// [`Error::DireccionAjena`] si ahí no se puede.
    pub fn iniciar_con(ip: &str, puerto: &str, opciones: &Opciones) -> Resultado<Self> {
        let (socket, escucha) = iniciar(Some(ip), Some(puerto), opciones.clone())?;
        Ok(Self { socket, escucha })
    }

    /// Espera un cliente que pase el handshake. Los que no lo pasan se cierran y no cortan la espera.
    ///
    /// # Errors
    /// [`Error::SinDescriptores`] y lo que diga el sistema; [`Error::Interrumpido`] si corrió un manejador de señal sin SA_RESTART.
    pub fn esperar_cliente(&self) -> Resultado<Conexion> {
        self.esperar_cliente_avisando(|_| {})
    }

    /// Como [`esperar_cliente`](Self::esperar_cliente), y cuenta cada cliente que no pasó.
    ///
    /// # Errors
    /// Los de [`esperar_cliente`](Self::esperar_cliente).
    pub fn esperar_cliente_avisando(&self, mut avisar: impl FnMut(Rechazo)) -> Resultado<Conexion> {
        let llegada = self.escucha.esperar(&self.socket, &mut avisar)?;
        Ok(Conexion::nueva(llegada.socket, llegada.par, llegada.handshake, self.escucha.opciones()))
    }

    /// Dónde escucha.
    ///
    /// # Errors
    /// [`Error::Sistema`], si el sistema no lo dice.
    pub fn direccion(&self) -> Resultado<SocketAddr> {
        direccion_local(&self.socket)
    }

    /// En qué puerto escucha: útil cuando se pidió el 0.
    ///
    /// # Errors
    /// [`Error::Sistema`], si el sistema no lo dice.
    pub fn puerto(&self) -> Resultado<u16> {
        self.direccion().map(|direccion| direccion.port())
    }
}

impl AsFd for Servidor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// La dirección propia de un socket.
pub(crate) fn direccion_local(socket: &Socket) -> Resultado<SocketAddr> {
    let direccion =
        socket.local_addr().map_err(|causa| crate::conexion::error_de_socket(socket, "getsockname", causa))?;
    direccion.as_socket().ok_or_else(|| Error::Argumento("El socket no es de internet: no tiene puerto.".to_owned()))
}

/// Escucha donde se pide. Lo que no se pide lo dice el entorno; si no, todas las interfaces y el puerto 4444.
pub(crate) fn iniciar(ip: Option<&str>, puerto: Option<&str>, opciones: Opciones) -> Resultado<(Socket, Escucha)> {
    let (ip_del_entorno, puerto_del_entorno) = opciones::direccion_del_entorno();
    let numero = match puerto {
        Some(puerto) => direccion::leer_puerto(puerto, 0)?,
        None => direccion::leer_puerto(&puerto_del_entorno, 0).map_err(|_| Error::Entorno {
            variable: "TP0_PUERTO",
            valor: puerto_del_entorno,
            esperado: "un puerto, de 0 (cualquiera libre) a 65535",
        })?,
    };
    let direcciones = match (ip, ip_del_entorno) {
        (Some(ip), _) => direccion::resolver(ip, numero)?,
        (None, Some(ip)) => direccion::resolver(&ip, numero).map_err(|_| Error::Entorno {
            variable: "TP0_IP",
            valor: ip,
            esperado: "una IP de esta máquina, como 127.0.0.1",
        })?,
        (None, None) => vec![direccion::todas(numero)],
    };
    let socket = escuchar_en_alguna(&direcciones)?;
    let escucha = Escucha::nueva(opciones);
    escucha.preparar(&socket).map_err(|causa| Error::sistema("setsockopt", causa))?;
    Ok((socket, escucha))
}

fn escuchar_en_alguna(direcciones: &[SocketAddr]) -> Resultado<Socket> {
    let mut ultimo = Error::Argumento("No hay ninguna dirección donde escuchar.".to_owned());
    for direccion in direcciones {
        match red::escuchar(*direccion) {
            Ok(socket) => return Ok(socket),
            Err(causa) => ultimo = por_que_no_escucha(*direccion, causa),
        }
    }
    Err(ultimo)
}

fn por_que_no_escucha(direccion: SocketAddr, causa: std::io::Error) -> Error {
    match causa.kind() {
        ErrorKind::AddrInUse => Error::PuertoEnUso { direccion, ocupante: ocupante::del_puerto(direccion.port()) },
        ErrorKind::PermissionDenied => Error::SinPermiso { direccion },
        ErrorKind::AddrNotAvailable => Error::DireccionAjena { direccion },
        _ => Error::sistema("bind", causa),
    }
}
