//! La mitad que envía, y enviarles lo mismo a muchas.
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::extremo::Extremo;
use crate::difusion::{self, Destino};
use crate::error::{Error, Resultado};
use crate::mensaje;
use crate::paquete::Paquete;
use crate::protocolo::{self, Header, LARGO_DE_HEADER};
use crate::recibido::Enviable;
use crate::sistema;
use crate::vivos::Cortable;

/// La mitad de una conexión que envía. Se puede clonar y usar desde varios hilos: cada mensaje sale entero.
///
/// ```
/// # use tp0::{Conexion, Recibido, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
/// # let mut del_otro_lado = servidor.esperar_cliente()?;
/// let hilos: Vec<_> = (0..4)
///     .map(|numero| {
///         let emisor = conexion.emisor();
///         std::thread::spawn(move || emisor.enviar(7, &[numero; 1000]))
///     })
///     .collect();
/// for _ in &hilos {
///     let Some(Recibido::Otro { codigo: 7, payload }) = del_otro_lado.recibir()? else { panic!() };
///     assert!(payload.len() == 1000 && payload.iter().all(|byte| *byte == payload[0]), "nadie se mezcló con nadie");
/// }
/// # for hilo in hilos { hilo.join().unwrap()?; }
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Clone)]
pub struct Emisor {
    pub(super) extremo: Arc<Extremo>,
}

// Vale lo que se dice en Conexion.
impl UnwindSafe for Emisor {}
impl RefUnwindSafe for Emisor {}

impl fmt::Debug for Emisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.extremo.mostrar(f, "Emisor").finish()
    }
}

impl Emisor {
    /// Como [`Conexion::activa`](super::Conexion::activa): si el otro lado sigue ahí. No consume nada ni espera.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let (mut receptor, emisor) = servidor.esperar_cliente()?.separar();
    /// assert!(emisor.activa());
    /// drop(cliente);
    /// assert!(receptor.recibir()?.is_none());
    /// assert!(!emisor.activa());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn activa(&self) -> bool {
        !sistema::el_par_cerro(&self.extremo.socket)
    }

    /// Con quién se habla, como [`Conexion::par`](super::Conexion::par).
    #[must_use]
    #[doc(alias = "peer_addr")]
    pub fn par(&self) -> SocketAddr {
        self.extremo.par
    }

    /// El valor con que se saludaron, como [`Conexion::handshake`](super::Conexion::handshake).
    #[must_use]
    pub fn handshake(&self) -> Option<i32> {
        self.extremo.handshake
    }

    /// Como [`Conexion::cortar`](super::Conexion::cortar): quien esté esperando en esta conexión, en el hilo que sea, vuelve con [`Error::Cortada`].
    #[doc(alias("shutdown", "close", "cancel"))]
    pub fn cortar(&self) {
        self.extremo.cortar();
    }

    /// Como [`Conexion::enviar_mensaje`](super::Conexion::enviar_mensaje): envía un texto (MENSAJE).
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// conexion.emisor().enviar_mensaje("hola")?;
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Mensaje("hola"))));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_mensaje`](super::Conexion::enviar_mensaje).
    pub fn enviar_mensaje(&self, texto: &str) -> Resultado<()> {
        self.enviar_ya(protocolo::MENSAJE, texto.as_bytes(), b"\0")
    }

    /// Como [`Conexion::enviar_paquete`](super::Conexion::enviar_paquete).
    ///
    /// ```
    /// # use tp0::{Conexion, Paquete, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// conexion.emisor().enviar_paquete(Paquete::nuevo().agregar(b"uno")?)?;
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Paquete(paquete)) if paquete.valores().eq([b"uno"])));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_mensaje`](super::Conexion::enviar_mensaje).
    pub fn enviar_paquete(&self, paquete: &Paquete) -> Resultado<()> {
        self.enviar_ya(paquete.codigo(), paquete.payload(), b"")
    }

    /// Como [`Conexion::enviar`](super::Conexion::enviar): un payload cualquiera (puede ser vacío) con el código de operación que sea.
    ///
    /// ```
    /// use tp0::Error;
    ///
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// let emisor = conexion.emisor();
    /// assert!(matches!(emisor.enviar(-1, b"x"), Err(Error::Argumento(_))));
    /// emisor.enviar(7, b"x")?;
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Otro { codigo: 7, payload: b"x" })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar`](super::Conexion::enviar).
    pub fn enviar(&self, codigo: i32, payload: &[u8]) -> Resultado<()> {
        self.enviar_ya(codigo, payload, b"")
    }

    /// Como [`Conexion::enviar_hasta`](super::Conexion::enviar_hasta): espera a lo sumo `plazo`.
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_hasta`](super::Conexion::enviar_hasta).
    #[doc(alias("timeout", "send_timeout", "try_send"))]
    pub fn enviar_hasta(&self, que: &(impl Enviable + ?Sized), plazo: Duration) -> Resultado<()> {
        let extremo = &*self.extremo;
        let (codigo, payload) = que.contenido();
        let header = self.header(codigo, &payload, b"")?;
        // Un plazo que no entra en el reloj es para siempre.
        let vence = sistema::dentro_de(plazo);
        mensaje::enviar_antes_de(extremo, &extremo.envio, [header.as_slice(), &payload], vence)
            .map_err(|error| extremo.por_que(error))
    }

    /// Encola un texto. Muchos mensajes chicos salen en una sola llamada al sistema: con el próximo [`vaciar`](Self::vaciar),
    /// con el próximo envío o [`Conexion::recibir`](super::Conexion::recibir) (no con el de un [`Receptor`](super::Receptor) separado), o cuando se juntan 64 KiB.
    ///
    /// Al soltar la conexión entera, con todos sus emisores, sale lo que haya quedado; si falla, nadie se entera.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let puerto = servidor.puerto()?.to_string();
    /// # let cliente = std::thread::spawn(move || -> tp0::Resultado<usize> {
    /// #     let mut conexion = Conexion::conectar("127.0.0.1", &puerto)?;
    /// #     let mut cuantos = 0;
    /// #     while conexion.recibir()?.is_some() { cuantos += 1; }
    /// #     Ok(cuantos)
    /// # });
    /// let emisor = servidor.esperar_cliente()?.emisor();
    /// for _ in 0..1000 {
    ///     emisor.encolar_mensaje("tic")?;
    /// }
    /// emisor.vaciar()?;
    /// # drop(emisor);
    /// # assert_eq!(cliente.join().unwrap()?, 1000);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_mensaje`](super::Conexion::enviar_mensaje).
    pub fn encolar_mensaje(&self, texto: &str) -> Resultado<()> {
        self.encolar_partes(protocolo::MENSAJE, texto.as_bytes(), b"\0")
    }

    /// Encola un paquete, como [`encolar_mensaje`](Self::encolar_mensaje). Lo que se envía después sale después:
    ///
    /// ```
    /// # use tp0::{Conexion, Paquete, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// let emisor = conexion.emisor();
    /// emisor.encolar_paquete(Paquete::nuevo().agregar(b"primero")?)?;
    /// emisor.enviar_mensaje("segundo")?;
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Paquete(_))));
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Mensaje("segundo"))));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_mensaje`](super::Conexion::enviar_mensaje).
    pub fn encolar_paquete(&self, paquete: &Paquete) -> Resultado<()> {
        self.encolar_partes(paquete.codigo(), paquete.payload(), b"")
    }

    /// Encola un payload cualquiera con el código de operación que sea, como [`encolar_mensaje`](Self::encolar_mensaje).
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// conexion.emisor().encolar(7, b"lo de siempre")?;
    /// drop(conexion); // al soltarla sale lo encolado
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Otro { codigo: 7, payload: b"lo de siempre" })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar`](super::Conexion::enviar).
    #[doc(alias("queue", "write"))]
    pub fn encolar(&self, codigo: i32, payload: &[u8]) -> Resultado<()> {
        self.encolar_partes(codigo, payload, b"")
    }

    /// Envía todo lo encolado. Sin nada encolado, no hace nada.
    ///
    /// ```
    /// use tp0::Error;
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let (mut receptor, emisor) = servidor.esperar_cliente()?.separar();
    /// emisor.encolar_mensaje("tarde")?;
    ///
    /// drop(cliente);
    /// assert!(receptor.recibir()?.is_none());
    /// assert!(matches!(emisor.vaciar(), Err(Error::ParIdo)));
    /// assert!(emisor.vaciar().is_ok(), "lo encolado se perdió: no queda nada por enviar");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_mensaje`](super::Conexion::enviar_mensaje); lo encolado se pierde.
    #[doc(alias = "flush")]
    pub fn vaciar(&self) -> Resultado<()> {
        self.extremo.vaciar_cola()
    }

    /// Lo encolado antes sale antes.
    fn enviar_ya(&self, codigo: i32, payload: &[u8], final_: &[u8]) -> Resultado<()> {
        let extremo = &*self.extremo;
        let header = self.header(codigo, payload, final_)?;
        extremo.vaciar_cola()?;
        let partes = [header.as_slice(), payload, final_];
        mensaje::enviar(extremo, &extremo.envio, partes).map_err(|error| extremo.por_que(error))
    }

    fn encolar_partes(&self, codigo: i32, payload: &[u8], final_: &[u8]) -> Resultado<()> {
        const BASTANTE: usize = 64 * 1024;
        let header = self.header(codigo, payload, final_)?;
        let mut cola = self.extremo.cola.tomar();
        if cola.len() + payload.len() >= BASTANTE {
            self.extremo.vaciar(&mut cola)?;
        }
        let bytes = LARGO_DE_HEADER + payload.len() + final_.len();
        cola.try_reserve(bytes).map_err(|_| Error::SinMemoria { bytes })?;
        cola.extend_from_slice(&header);
        cola.extend_from_slice(payload);
        cola.extend_from_slice(final_);
        self.extremo.hay_cola.store(true, Ordering::Release);
        Ok(())
    }

    fn header(&self, codigo: i32, payload: &[u8], final_: &[u8]) -> Resultado<[u8; LARGO_DE_HEADER]> {
        let tamanio = payload.len().saturating_add(final_.len());
        Ok(Header::nuevo(codigo, tamanio, self.extremo.tamanio_maximo)?.a_bytes())
    }
}

impl AsFd for Emisor {
    /// El socket de la conexión: el mismo que el de su [`Receptor`](super::Receptor). Vale lo que dice el de [`Conexion`](super::Conexion#method.as_fd).
    ///
    /// ```
    /// use std::os::fd::{AsFd, AsRawFd};
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let (receptor, emisor) = conexion.separar();
    /// assert_eq!(emisor.as_fd().as_raw_fd(), receptor.as_fd().as_raw_fd());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.extremo.socket.as_fd()
    }
}

/// Envía lo mismo a muchos: un texto, un paquete, un código con su payload, algo recibido. Devuelve en qué lugar de `emisores` estaba cada
/// uno que falló, y por qué.
///
/// El que no lee no demora a los demás: si no le entra nada, o si otro hilo le está enviando y no termina en 20 ms, no se le
/// envía, y la conexión sigue; si queda a medio enviar y pasa un segundo sin que avance, la conexión se termina. Lo encolado
/// en un emisor no sale con esto: sale después. Vuelve cuando terminó con el último.
///
/// ```
/// use tp0::{Conexion, Error, Paquete, Servidor};
///
/// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// # let puerto = servidor.puerto()?.to_string();
/// # let mut ana = Conexion::conectar("127.0.0.1", &puerto)?;
/// # let con_ana = servidor.esperar_cliente()?;
/// # let beto = Conexion::conectar("127.0.0.1", &puerto)?;
/// # let mut con_beto = servidor.esperar_cliente()?;
/// let emisores = [con_ana.emisor(), con_beto.emisor()];
///
/// drop(beto);
/// assert!(con_beto.recibir()?.is_none(), "Beto se fue");
///
/// let fallaron = tp0::difundir(&emisores, "a todos");
/// assert!(matches!(fallaron.as_slice(), [(1, Error::ParIdo)]));
/// assert!(ana.recibir()?.is_some());
///
/// // Y a cualquier cosa que dé emisores: los de un mapa, los que cumplen algo.
/// let fallaron = tp0::difundir(emisores.iter().take(1), Paquete::nuevo().agregar("a Ana")?);
/// assert!(fallaron.is_empty());
/// # Ok::<(), tp0::Error>(())
/// ```
///
/// Los errores de cada uno: [`Error::NoLee`], [`Error::Argumento`] si está repetido (le sale una sola vez), y los de
/// [`Conexion::enviar_mensaje`](super::Conexion::enviar_mensaje).
pub fn difundir<'a>(
    emisores: impl IntoIterator<Item = &'a Emisor>,
    que: &(impl Enviable + ?Sized),
) -> Vec<(usize, Error)> {
    let (codigo, payload) = que.contenido();
    let mut fallaron = Vec::new();
    let mut lugares = Vec::new();
    let mut destinos = Vec::new();
    for (lugar, Emisor { extremo }) in emisores.into_iter().enumerate() {
        match Header::nuevo(codigo, payload.len(), extremo.tamanio_maximo) {
            Ok(_) => {
                lugares.push(lugar);
                destinos.push(Destino { canal: &**extremo, envio: &extremo.envio });
            }
            Err(error) => fallaron.push((lugar, error)),
        }
    }
    // Con el mayor límite: cada uno ya se comprobó contra el suyo.
    if let Ok(header) = Header::nuevo(codigo, payload.len(), u32::MAX) {
        let resultados = difusion::difundir(&destinos, &header.a_bytes(), &payload).unwrap_or_default();
        // Sin memoria para empezar no se le envió a nadie.
        let resultados = resultados.into_iter().chain(std::iter::repeat_with(|| Err(Error::SinMemoria { bytes: 0 })));
        for ((lugar, destino), resultado) in lugares.into_iter().zip(&destinos).zip(resultados) {
            if let Err(error) = resultado {
                fallaron.push((lugar, if destino.canal.cortada() { Error::Cortada } else { error }));
            }
        }
    }
    fallaron.sort_by_key(|(lugar, _)| *lugar);
    fallaron
}
