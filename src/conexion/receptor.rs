//! La mitad que recibe: presta lo que llegó.
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::extremo::Extremo;
use crate::error::{Error, Resultado};
use crate::mensaje::{Entrega, Lectura};
use crate::recibido::{Crudo, Novedad, Recibido};
use crate::red;
use crate::sistema;

/// La mitad de una conexión que recibe. Lo recibido se presta, sin copiar, hasta la próxima recepción.
///
/// ```
/// use tp0::Recibido;
///
/// # use tp0::{Conexion, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// # let mut cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
/// let (mut receptor, emisor) = servidor.esperar_cliente()?.separar();
/// let lector = std::thread::spawn(move || -> tp0::Resultado<usize> {
///     let mut letras = 0;
///     while let Some(Recibido::Mensaje(texto)) = receptor.recibir()? {
///         letras += texto.chars().count();
///     }
///     Ok(letras)
/// });
///
/// emisor.enviar_mensaje("mientras tanto, se puede enviar")?;
/// assert!(cliente.recibir()?.is_some());
/// cliente.enviar_mensaje("ñandú")?;
/// drop(cliente);
/// assert_eq!(lector.join().unwrap()?, 5);
/// # Ok::<(), tp0::Error>(())
/// ```
pub struct Receptor {
    pub(super) extremo: Arc<Extremo>,
    pub(super) lectura: Lectura,
    pub(super) terminada: bool,
}

// Vale lo que se dice en Conexion.
impl UnwindSafe for Receptor {}
impl RefUnwindSafe for Receptor {}

impl fmt::Debug for Receptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.extremo.mostrar(f, "Receptor").field("pendientes", &self.lectura.hay()).finish()
    }
}

impl Receptor {
    /// Espera el próximo mensaje, lo que haga falta. `None`: el otro terminó la conversación, entre un mensaje y otro.
    ///
    /// ```
    /// use std::io::Write;
    /// use tp0::{Error, Opciones, Servidor};
    ///
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().sin_handshake())?;
    /// let mut ajeno = std::net::TcpStream::connect(servidor.direccion()?)?;
    /// let (mut receptor, _emisor) = servidor.esperar_cliente()?.separar();
    ///
    /// ajeno.write_all(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])?;
    /// assert!(matches!(receptor.recibir(), Err(Error::TamanioNegativo { tamanio: -1, .. })));
    /// assert!(matches!(receptor.recibir(), Err(Error::Terminada)), "no se sabe dónde empezaría el próximo");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// La conexión se termina con [`Error::FinEnElMedio`], [`Error::Reset`] o [`Error::ParMudo`] si se cortó; con
    /// [`Error::CodigoNegativo`], [`Error::TamanioNegativo`] o [`Error::LlegaDemasiado`] si lo que llegó no es de este
    /// protocolo; con [`Error::SinMemoria`] o [`Error::Sistema`]. Después, [`Error::Terminada`]. Con [`Error::Cortada`], si la
    /// cortó este mismo programa.
    ///
    /// La conexión sigue con [`Error::LargoMentiroso`], [`Error::SobranBytes`] o [`Error::Texto`], si un PAQUETE no cierra o
    /// un MENSAJE no es UTF-8: ese mensaje ya se consumió. Y con [`Error::TiempoDelPrograma`], si no llegó ni un byte del
    /// próximo.
    pub fn recibir(&mut self) -> Resultado<Option<Recibido<'_>>> {
        match self.proximo(None)? {
            Novedad::Llego(crudo) => crudo.entender().map(Some),
            // Sin plazo no hay Nada.
            Novedad::Fin | Novedad::Nada => Ok(None),
        }
    }

    /// Como [`Conexion::recibir_crudo`](super::Conexion::recibir_crudo): el mensaje como vino.
    ///
    /// # Errors
    /// Los de [`recibir`](Self::recibir) que terminan la conexión.
    #[doc(alias("forward", "proxy", "raw"))]
    pub fn recibir_crudo(&mut self) -> Resultado<Option<Crudo<'_>>> {
        match self.proximo(None)? {
            Novedad::Llego(crudo) => Ok(Some(crudo)),
            Novedad::Fin | Novedad::Nada => Ok(None),
        }
    }

    /// Como [`Conexion::recibir_hasta`](super::Conexion::recibir_hasta): espera a lo sumo `plazo`.
    ///
    /// # Errors
    /// Los de [`recibir`](Self::recibir), menos [`Error::TiempoDelPrograma`].
    #[doc(alias("timeout", "recv_timeout", "try_recv", "poll"))]
    pub fn recibir_hasta(&mut self, plazo: Duration) -> Resultado<Novedad<Recibido<'_>>> {
        match self.recibir_crudo_hasta(plazo)? {
            Novedad::Llego(crudo) => crudo.entender().map(Novedad::Llego),
            Novedad::Fin => Ok(Novedad::Fin),
            Novedad::Nada => Ok(Novedad::Nada),
        }
    }

    /// [`recibir_hasta`](Self::recibir_hasta), con el mensaje como vino.
    ///
    /// # Errors
    /// Los de [`recibir_crudo`](Self::recibir_crudo), menos [`Error::TiempoDelPrograma`].
    pub fn recibir_crudo_hasta(&mut self, plazo: Duration) -> Resultado<Novedad<Crudo<'_>>> {
        // Un plazo que no entra en el reloj es para siempre.
        self.proximo(sistema::dentro_de(plazo))
    }

    #[inline]
    fn proximo(&mut self, vence: Option<Instant>) -> Resultado<Novedad<Crudo<'_>>> {
        let Self { extremo, lectura, terminada } = self;
        if *terminada || extremo.cortada() {
            return Err(if *terminada { Error::Terminada } else { Error::Cortada });
        }
        match lectura.mensaje(&**extremo, extremo.tamanio_maximo, vence) {
            Ok(Entrega::Mensaje(codigo, payload)) => Ok(Novedad::Llego(Crudo::nuevo(codigo, payload))),
            Ok(Entrega::Nada) => Ok(Novedad::Nada),
            Ok(Entrega::Fin) if extremo.cortada() => Err(Error::Cortada),
            Ok(Entrega::Fin) => Ok(Novedad::Fin),
            Err(error) => {
                let error = extremo.por_que(error);
                if error.termina_la_conexion() && !matches!(error, Error::Cortada) {
                    // Lo que ya estaba en camino se puede seguir leyendo, pero no se sabe dónde empieza el próximo mensaje.
                    *terminada = true;
                    red::terminar(&extremo.socket);
                }
                Err(error)
            }
        }
    }
}

impl AsFd for Receptor {
    /// El socket de la conexión: el mismo que el de su [`Emisor`](super::Emisor). Vale lo que dice el de [`Conexion`](super::Conexion#method.as_fd).
    ///
    /// ```
    /// use std::os::fd::{AsFd, AsRawFd};
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let descriptor = conexion.as_fd().as_raw_fd();
    /// let (receptor, _emisor) = conexion.separar();
    /// assert_eq!(receptor.as_fd().as_raw_fd(), descriptor);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.extremo.socket.as_fd()
    }
}
