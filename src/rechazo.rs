//! Los clientes que no pasaron, y por qué.

use std::fmt;
use std::net::SocketAddr;

use crate::error::Hexadecimal;
use crate::protocolo::{LARGO_DE_HEADER, MENSAJE};

/// Un cliente que no pasó: lo entrega [`Servidor::esperar_cliente_avisando`](crate::Servidor::esperar_cliente_avisando). Su
/// texto es una línea para el log:
///
/// ```
/// use tp0::{MotivoDeRechazo, Rechazo};
///
/// let rechazo = Rechazo { par: ([192, 168, 0, 5], 40_000).into(), motivo: MotivoDeRechazo::OtroValor(7) };
/// assert_eq!(
///     rechazo.to_string(),
///     "Se rechazó al cliente 192.168.0.5:40000: mostró 7 (0x00000007) como handshake y no es el que se espera"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rechazo {
    /// Quién era.
    pub par: SocketAddr,
    /// Por qué.
    pub motivo: MotivoDeRechazo,
}

/// Por qué no pasó un cliente.
///
/// ```
/// use std::io::Write;
/// use tp0::{Error, MotivoDeRechazo, Servidor};
///
/// let servidor = Servidor::iniciar("127.0.0.1", "0")?;
///
/// // Manda medio handshake y se va.
/// std::net::TcpStream::connect(servidor.direccion()?)?.write_all(&[1, 0])?;
///
/// let mut motivos = Vec::new();
/// let salida = servidor.esperar_cliente_avisando(|rechazo| {
///     motivos.push(rechazo.motivo);
///     let _ = servidor.detener(); // para el ejemplo, con uno alcanza
/// });
/// assert!(matches!(salida, Err(Error::Liberado)));
/// assert_eq!(motivos, [MotivoDeRechazo::SeFue]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MotivoDeRechazo {
    /// Mostró un valor que este servidor no acepta.
    OtroValor(i32),
    /// Donde el handshake es opcional: lo que mandó no es un handshake ni un header.
    OtroProtocolo(Vistos),
    /// Donde el handshake es opcional: mandó algo que puede ser el comienzo de un header, y nada más hasta que se le venció el plazo.
    MedioHeader(Vistos),
    /// Se fue antes de terminar el handshake.
    SeFue,
    /// No lo terminó a tiempo.
    SeLeVencio,
    /// Había demasiados handshakes sin terminar (512, o la mitad de los descriptores del proceso) y era el que más llevaba callado.
    SobraronPendientes,
}

/// Lo primero que mandó un cliente: hasta 8 bytes.
///
/// ```
/// assert_eq!(tp0::Vistos::de(b"GET / HTTP").to_string(), "bytes 47 45 54 20 2f 20 48 54");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vistos {
    bytes: [u8; LARGO_DE_HEADER],
    cuantos: usize,
}

impl Vistos {
    /// Los primeros de esos bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Vistos::de(&[77, 0]).bytes(), [77, 0]);
    /// ```
    pub fn de(vistos: &[u8]) -> Self {
        let mut bytes = [0; LARGO_DE_HEADER];
        let cuantos = bytes.iter_mut().zip(vistos).map(|(lugar, byte)| *lugar = *byte).count();
        Self { bytes, cuantos }
    }

    /// Los bytes.
    ///
    /// ```
    /// assert!(tp0::Vistos::de(&[]).bytes().is_empty());
    /// ```
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.cuantos).unwrap_or(&self.bytes)
    }
}

impl fmt::Display for Vistos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}", Hexadecimal(self.bytes()))
    }
}

impl fmt::Display for Rechazo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Se rechazó al cliente {}: {}", self.par, self.motivo)
    }
}

impl fmt::Display for MotivoDeRechazo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OtroValor(valor) => {
                write!(f, "mostró {valor} (0x{valor:08x}) como handshake y no es el que se espera")?;
                // Lo primero que manda un TP0 sin handshake es el código de un MENSAJE.
                if valor == MENSAJE { f.write_str(". Si no hace handshake: TP0_HANDSHAKE=no") } else { Ok(()) }
            }
            Self::OtroProtocolo(vistos) => write!(f, "lo que mandó ({vistos}) no es un handshake ni un header"),
            Self::MedioHeader(vistos) => write!(
                f,
                "mandó {vistos} y nada más, que no es el handshake que se espera ni un header. Si es un saludo propio del programa: TP0_HANDSHAKE=no"
            ),
            Self::SeFue => f.write_str("se fue antes de terminar el handshake"),
            Self::SeLeVencio => f.write_str("no terminó el handshake a tiempo"),
            Self::SobraronPendientes => f.write_str("había demasiados handshakes sin terminar"),
        }
    }
}
