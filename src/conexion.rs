//! Una conexión y sus dos mitades: lo que tiene en la mano quien conversa.

use std::ffi::CStr;
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::Socket;

use crate::conectar;
use crate::difusion::{self, Destino};
use crate::error::{Error, Resultado};
use crate::escucha::VecinosDeRust;
use crate::mensaje::{self, Envio, Lectura};
use crate::opciones::Opciones;
use crate::paquete::Paquete;
use crate::protocolo::{self, Header, LARGO_DE_HEADER, Valores};
use crate::red;
use crate::ritmo::Ritmo;
use crate::sistema::{self, Cerrojo};
use crate::traza::{self, paso};

/// Una conexión con otro proceso, ya saludada.
///
/// Se envía por `&self`: varios hilos pueden enviar a la vez y ningún mensaje se mezcla con otro. Se recibe por `&mut self`, y
/// lo recibido se presta sin copiar. Al soltarla se cierra, si no queda ningún [`Emisor`] suyo.
///
/// Enviar y recibir esperan lo que haga falta, y las señales no los cortan. Un error que deja un mensaje por la mitad termina la
/// conexión.
///
/// ```
/// use tp0::{Conexion, Recibido, Servidor};
///
/// let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// let puerto = servidor.puerto()?.to_string();
/// let cliente = std::thread::spawn(move || {
///     let conexion = Conexion::conectar("127.0.0.1", &puerto)?;
///     conexion.enviar_mensaje("hola")
/// });
/// let mut conexion = servidor.esperar_cliente()?;
/// assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("hola"))));
/// assert!(conexion.recibir()?.is_none(), "el cliente terminó");
/// # cliente.join().unwrap()?;
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug)]
pub struct Conexion {
    receptor: Receptor,
    emisor: Emisor,
}

impl Conexion {
    /// Conecta con el servidor que escucha en `ip` y `puerto`, y hace el handshake, con las opciones del entorno. Los blancos
    /// y fines de línea de los bordes no cuentan.
    ///
    /// ```
    /// use tp0::{Conexion, Error, Servidor};
    ///
    /// let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// let puerto = format!("{}\r\n", servidor.puerto()?); // como sale de un .config editado en Windows
    /// let conexion = Conexion::conectar("127.0.0.1", &puerto)?;
    /// assert_eq!(conexion.par(), servidor.direccion()?);
    ///
    /// // Donde no escucha nadie, el error dice a dónde se quiso llegar y qué revisar.
    /// let error = Conexion::conectar("127.0.0.1", "1").unwrap_err();
    /// assert!(matches!(error, Error::NadieEscucha { direccion } if direccion.port() == 1));
    /// assert!(error.to_string().contains("127.0.0.1:1. ¿Levantaste primero el servidor?"));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`conectar_con`](Self::conectar_con), y [`Error::Entorno`].
    pub fn conectar(ip: &str, puerto: &str) -> Resultado<Self> {
        Self::conectar_con(ip, puerto, &Opciones::del_entorno()?)
    }

    /// Conecta y hace el handshake según `opciones`. Prueba todas las direcciones de `ip`, que puede ser un nombre.
    /// [`espera`](Opciones::espera) es el plazo de todo junto, pero no cuenta lo que tarde en buscarse un nombre.
    ///
    /// Mientras espera la respuesta, los servidores de este mismo proceso contestan los handshakes que les lleguen: dos servidores
    /// pueden conectarse entre sí antes de esperar clientes.
    ///
    /// ```
    /// use tp0::{Conexion, Error, Opciones, Servidor};
    ///
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().handshake(20))?;
    /// let puerto = servidor.puerto()?.to_string();
    ///
    /// let conexion = Conexion::conectar_con("127.0.0.1", &puerto, &Opciones::nuevas().handshake(20))?;
    /// assert!(conexion.activa());
    ///
    /// let error = Conexion::conectar_con("127.0.0.1", &puerto, &Opciones::nuevas().handshake(7)).unwrap_err();
    /// assert!(matches!(error, Error::HandshakeRechazado { mostrado: 7, .. }));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Ip`], [`Error::Puerto`] o [`Error::NoResuelve`] si no hay a dónde; [`Error::NadieEscucha`],
    /// [`Error::SinRuta`] o [`Error::PlazoDeConexion`] si no se pudo; [`Error::HandshakeRechazado`], [`Error::OtroProtocolo`],
    /// [`Error::HandshakeCortado`] o [`Error::PlazoDeHandshake`] si no se entendieron; [`Error::SinDescriptores`],
    /// [`Error::SinMemoria`] y [`Error::Sistema`]. [`Error::Traza`] si se la pidió y no se puede escribir.
    pub fn conectar_con(ip: &str, puerto: &str, opciones: &Opciones) -> Resultado<Self> {
        let hecha = conectar::conectar(ip, puerto, opciones, &VecinosDeRust).inspect_err(traza::contar_falla)?;
        Ok(Self::nueva(hecha.socket, hecha.par, hecha.handshake, opciones))
    }

    pub(crate) fn nueva(socket: Socket, par: SocketAddr, handshake: Option<i32>, opciones: &Opciones) -> Self {
        let extremo = Arc::new(Extremo {
            socket,
            par,
            handshake,
            tamanio_maximo: opciones.tamanio_maximo,
            envio: Envio::nuevo(),
            ritmo: Ritmo::nuevo(),
            cola: Cerrojo::nuevo(Vec::new()),
            hay_cola: AtomicBool::new(false),
        });
        let receptor = Receptor { extremo: Arc::clone(&extremo), lectura: Lectura::default(), terminada: false };
        Self { receptor, emisor: Emisor { extremo } }
    }

    /// El extremo, para cortarlo desde otro hilo.
    pub(crate) fn extremo(&self) -> Arc<Extremo> {
        Arc::clone(&self.emisor.extremo)
    }

    /// Con quién se habla: su IP y su puerto.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// let cliente = servidor.esperar_cliente()?;
    /// assert_eq!(conexion.par(), servidor.direccion()?);
    /// assert!(cliente.par().ip().is_loopback(), "el cliente está en esta misma máquina");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn par(&self) -> SocketAddr {
        self.emisor.extremo.par
    }

    /// El valor con que se saludaron: en un servidor que acepta varios, quién es el cliente. `None`: sin handshake.
    ///
    /// ```
    /// use tp0::{Conexion, Opciones, Servidor};
    ///
    /// const CPU: i32 = 10;
    /// const MEMORIA: i32 = 20;
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().handshakes(&[CPU, MEMORIA])?)?;
    /// let puerto = servidor.puerto()?.to_string();
    ///
    /// let _memoria = Conexion::conectar_con("127.0.0.1", &puerto, &Opciones::nuevas().handshake(MEMORIA))?;
    /// assert_eq!(servidor.esperar_cliente()?.handshake(), Some(MEMORIA));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn handshake(&self) -> Option<i32> {
        self.emisor.extremo.handshake
    }

    /// Si el otro lado sigue ahí. No consume nada ni espera. Si cerró, puede quedar algo suyo por recibir; si se le cortó el cable,
    /// sólo se sabe con [`keepalive`](Opciones::keepalive).
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// let mut conexion = servidor.esperar_cliente()?;
    /// assert!(conexion.activa());
    ///
    /// drop(cliente);
    /// assert!(conexion.recibir()?.is_none());
    /// assert!(!conexion.activa());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn activa(&self) -> bool {
        self.emisor.activa()
    }

    /// Envía un texto (MENSAJE), con un `'\0'` al final. Si tiene otro adentro, para quien lo reciba termina ahí.
    ///
    /// Espera a que entre en los buffers del sistema: si el otro lado no lee, se llenan.
    ///
    /// ```
    /// use tp0::Error;
    ///
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// cliente.enviar_mensaje("¿hay alguien?")?;
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("¿hay alguien?"))));
    ///
    /// drop(cliente);
    /// assert!(conexion.recibir()?.is_none());
    /// assert!(matches!(conexion.enviar_mensaje("sí"), Err(Error::ParIdo)), "y nunca SIGPIPE");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ParIdo`] si el otro ya no está (lo nota el primer envío, si cerró hace más de un milisegundo);
    /// [`Error::DemasiadoGrande`] si pasa de [`tamanio_maximo`](Opciones::tamanio_maximo), y entonces no se envió nada;
    /// [`Error::ParMudo`]; [`Error::TiempoDelPrograma`] si el programa le puso un tiempo al socket; [`Error::SinMemoria`] y
    /// [`Error::Sistema`].
    pub fn enviar_mensaje(&self, texto: &str) -> Resultado<()> {
        self.emisor.enviar_mensaje(texto)
    }

    /// Envía un paquete, que se puede volver a usar: no se vacía.
    ///
    /// ```
    /// # use tp0::{Conexion, Paquete, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// let mut paquete = Paquete::nuevo();
    /// paquete.agregar(b"clave\0")?.agregar(&42_u32.to_le_bytes())?;
    /// cliente.enviar_paquete(&paquete)?;
    ///
    /// let Some(Recibido::Paquete(recibido)) = conexion.recibir()? else { panic!() };
    /// assert_eq!(recibido.valores().collect::<Vec<_>>(), [b"clave\0".as_slice(), &[42, 0, 0, 0]]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`enviar_mensaje`](Self::enviar_mensaje).
    pub fn enviar_paquete(&self, paquete: &Paquete) -> Resultado<()> {
        self.emisor.enviar_paquete(paquete)
    }

    /// Envía un payload cualquiera (puede ser vacío) con el código de operación que sea.
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// const INTERRUPCION: i32 = 9;
    /// cliente.enviar(INTERRUPCION, b"")?; // un aviso: sólo el header
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Otro { codigo: INTERRUPCION, payload: [] })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`enviar_mensaje`](Self::enviar_mensaje), y [`Error::Argumento`] si el código es negativo.
    pub fn enviar(&self, codigo: i32, payload: &[u8]) -> Resultado<()> {
        self.emisor.enviar(codigo, payload)
    }

    /// Espera el próximo mensaje, lo que haga falta. `None`: el otro terminó la conversación, entre un mensaje y otro.
    ///
    /// Antes de esperar, envía lo que haya encolado.
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// # cliente.enviar_mensaje("uno")?;
    /// # cliente.enviar_mensaje("dos")?;
    /// # drop(cliente);
    /// let mut textos = Vec::new();
    /// while let Some(recibido) = conexion.recibir()? {
    ///     if let Recibido::Mensaje(texto) = recibido {
    ///         textos.push(texto.to_owned()); // lo prestado dura hasta la próxima recepción
    ///     }
    /// }
    /// assert_eq!(textos, ["uno", "dos"]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Receptor::recibir`]; y los de [`Emisor::vaciar`], que no impiden recibir, con otra llamada, lo que ya haya llegado.
    pub fn recibir(&mut self) -> Resultado<Option<Recibido<'_>>> {
        self.emisor.extremo.vaciar_si_se_puede()?;
        self.receptor.recibir()
    }

    /// Otro emisor de esta misma conexión, para enviar desde otro hilo. Mientras exista, la conexión no se cierra.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let puerto = servidor.puerto()?.to_string();
    /// # let cliente = std::thread::spawn(move || Conexion::conectar("127.0.0.1", &puerto)?.recibir().map(|_| ()));
    /// let conexion = servidor.esperar_cliente()?;
    /// let emisor = conexion.emisor();
    /// std::thread::spawn(move || emisor.enviar_mensaje("desde otro hilo")).join().unwrap()?;
    /// # cliente.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn emisor(&self) -> Emisor {
        self.emisor.clone()
    }

    /// Separa las dos mitades, para recibir en un hilo y enviar en otros. El socket se cierra al soltar la última.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let puerto = servidor.puerto()?.to_string();
    /// # let cliente = std::thread::spawn(move || Conexion::conectar("127.0.0.1", &puerto)?.enviar_mensaje("hola"));
    /// let (mut receptor, emisor) = servidor.esperar_cliente()?.separar();
    /// let lector = std::thread::spawn(move || receptor.recibir().map(|recibido| recibido.is_some()));
    /// assert!(lector.join().unwrap()?);
    /// # drop(emisor);
    /// # cliente.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn separar(self) -> (Receptor, Emisor) {
        (self.receptor, self.emisor)
    }
}

impl AsFd for Conexion {
    /// El socket, para lo que esta biblioteca no ofrece; por ejemplo, un tiempo máximo de recepción:
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use std::os::fd::AsFd;
    /// use std::time::Duration;
    /// use tp0::{Conexion, Error, Recibido, Servidor};
    ///
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// let mut conexion = servidor.esperar_cliente()?;
    /// let socket = TcpStream::from(conexion.as_fd().try_clone_to_owned()?);
    /// socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    /// assert!(matches!(conexion.recibir(), Err(Error::TiempoDelPrograma { en_el_medio: false })));
    ///
    /// socket.set_read_timeout(None)?;
    /// cliente.enviar_mensaje("perdón, llego tarde")?;
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje(_))), "la conexión sigue");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Cuidado con `poll` y `select`: avisan de lo que llega al socket, y un mensaje que llegó junto con otro ya puede estar
    /// leído. No hay que leer ni escribir por él: se perdería el comienzo de algún mensaje.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.emisor.as_fd()
    }
}

/// Lo que las dos mitades comparten. Al soltarlo se envía lo encolado y se cierra.
pub(crate) struct Extremo {
    socket: Socket,
    par: SocketAddr,
    handshake: Option<i32>,
    tamanio_maximo: u32,
    envio: Envio,
    ritmo: Ritmo,
    /// Mensajes enteros que esperan salir juntos.
    cola: Cerrojo<Vec<u8>>,
    /// Si hay algo encolado, para no tomar el cerrojo cuando no lo hay. Cambia con el cerrojo tomado.
    hay_cola: AtomicBool,
}

impl Extremo {
    /// Termina la conversación: lo que esté en vuelo, en cualquier hilo, vuelve con error.
    pub(crate) fn cortar(&self) {
        red::terminar(&self.socket);
    }

    /// Envía lo encolado. Quien corta la conexión lo puede cortar mientras espera.
    pub(crate) fn vaciar_cola(&self) -> Resultado<()> {
        if self.hay_cola.load(Ordering::Acquire) { self.vaciar(&mut self.cola.tomar()) } else { Ok(()) }
    }

    /// Como [`vaciar_cola`](Self::vaciar_cola), sin esperar: si otro hilo está enviando, lo encolado ya sale con lo de él; esperarlo podría
    /// ser esperar a quien no lee.
    fn vaciar_si_se_puede(&self) -> Resultado<()> {
        if !self.hay_cola.load(Ordering::Acquire) {
            return Ok(());
        }
        self.cola.intentar().map_or(Ok(()), |mut cola| self.vaciar(&mut cola))
    }

    fn vaciar(&self, cola: &mut Vec<u8>) -> Resultado<()> {
        if cola.is_empty() {
            return Ok(());
        }
        let salida = mensaje::enviar_armados(self.socket.as_fd(), &self.ritmo, &self.envio, cola)
            .inspect_err(traza::contar_falla);
        cola.clear();
        // Después de enviarla: quien envía por su cuenta mientras tanto tiene que salir detrás.
        self.hay_cola.store(false, Ordering::Release);
        salida
    }
}

impl Drop for Extremo {
    fn drop(&mut self) {
        let mut cola = std::mem::take(&mut *self.cola.tomar());
        // Como BufWriter: no hay a quién contarle un error.
        let _ = self.vaciar(&mut cola);
        paso!("close({})", self.socket.as_raw_fd());
    }
}

impl fmt::Debug for Extremo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extremo").field("par", &self.par).field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

/// La mitad de una conexión que envía. Se puede clonar y usar desde varios hilos: cada mensaje sale entero.
///
/// ```
/// # use tp0::{Conexion, Recibido, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
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
#[derive(Debug, Clone)]
pub struct Emisor {
    extremo: Arc<Extremo>,
}

impl Emisor {
    /// Como [`Conexion::activa`]: si el otro lado sigue ahí. No consume nada ni espera.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// let (mut receptor, emisor) = servidor.esperar_cliente()?.separar();
    /// assert!(emisor.activa());
    /// drop(cliente);
    /// assert!(receptor.recibir()?.is_none());
    /// assert!(!emisor.activa());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn activa(&self) -> bool {
        !sistema::el_par_cerro(&self.extremo.socket)
    }

    /// Como [`Conexion::enviar_mensaje`]: envía un texto (MENSAJE).
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// conexion.emisor().enviar_mensaje("hola")?;
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Mensaje("hola"))));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_mensaje`].
    pub fn enviar_mensaje(&self, texto: &str) -> Resultado<()> {
        self.enviar_ya(protocolo::MENSAJE, texto.as_bytes(), b"\0")
    }

    /// Como [`Conexion::enviar_paquete`].
    ///
    /// ```
    /// # use tp0::{Conexion, Paquete, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// conexion.emisor().enviar_paquete(Paquete::nuevo().agregar(b"uno")?)?;
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Paquete(paquete)) if paquete.valores().eq([b"uno"])));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar_mensaje`].
    pub fn enviar_paquete(&self, paquete: &Paquete) -> Resultado<()> {
        self.enviar_ya(paquete.codigo(), paquete.payload(), b"")
    }

    /// Como [`Conexion::enviar`]: un payload cualquiera (puede ser vacío) con el código de operación que sea.
    ///
    /// ```
    /// use tp0::Error;
    ///
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// let emisor = conexion.emisor();
    /// assert!(matches!(emisor.enviar(-1, b"x"), Err(Error::Argumento(_))));
    /// emisor.enviar(7, b"x")?;
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Otro { codigo: 7, payload: b"x" })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar`].
    pub fn enviar(&self, codigo: i32, payload: &[u8]) -> Resultado<()> {
        self.enviar_ya(codigo, payload, b"")
    }

    /// Encola un texto. Muchos mensajes chicos salen en una sola llamada al sistema: con el próximo [`vaciar`](Self::vaciar),
    /// con el próximo envío o [`Conexion::recibir`] (no con el de un [`Receptor`] separado), o cuando se juntan 64 KiB.
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
    /// Los de [`Conexion::enviar_mensaje`].
    pub fn encolar_mensaje(&self, texto: &str) -> Resultado<()> {
        self.encolar_partes(protocolo::MENSAJE, texto.as_bytes(), b"\0")
    }

    /// Encola un paquete, como [`encolar_mensaje`](Self::encolar_mensaje). Lo que se envía después sale después:
    ///
    /// ```
    /// # use tp0::{Conexion, Paquete, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
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
    /// Los de [`Conexion::enviar_mensaje`].
    pub fn encolar_paquete(&self, paquete: &Paquete) -> Resultado<()> {
        self.encolar_partes(paquete.codigo(), paquete.payload(), b"")
    }

    /// Encola un payload cualquiera con el código de operación que sea, como [`encolar_mensaje`](Self::encolar_mensaje).
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// conexion.emisor().encolar(7, b"lo de siempre")?;
    /// drop(conexion); // al soltarla sale lo encolado
    /// assert!(matches!(del_otro_lado.recibir()?, Some(Recibido::Otro { codigo: 7, payload: b"lo de siempre" })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Conexion::enviar`].
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
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
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
    /// Los de [`Conexion::enviar_mensaje`]; lo encolado se pierde.
    pub fn vaciar(&self) -> Resultado<()> {
        self.extremo.vaciar_cola()
    }

    /// Lo encolado antes sale antes.
    fn enviar_ya(&self, codigo: i32, payload: &[u8], final_: &[u8]) -> Resultado<()> {
        let extremo = &*self.extremo;
        let header = self.header(codigo, payload, final_)?;
        extremo.vaciar_cola()?;
        let alguien_recibe = || extremo.ritmo.alguien_recibe();
        let partes = [header.as_slice(), payload, final_];
        mensaje::enviar(extremo.socket.as_fd(), &extremo.ritmo, &extremo.envio, alguien_recibe, partes)
            .inspect_err(traza::contar_falla)
    }

    fn encolar_partes(&self, codigo: i32, payload: &[u8], final_: &[u8]) -> Resultado<()> {
        const BASTANTE: usize = 64 * 1024;
        let header = self.header(codigo, payload, final_)?;
        let mut cola = self.extremo.cola.tomar();
        if cola.len() + payload.len() >= BASTANTE {
            self.extremo.vaciar(&mut cola)?;
        }
        [&header, payload, final_].iter().for_each(|parte| cola.extend_from_slice(parte));
        self.extremo.hay_cola.store(true, Ordering::Release);
        Ok(())
    }

    fn header(&self, codigo: i32, payload: &[u8], final_: &[u8]) -> Resultado<[u8; LARGO_DE_HEADER]> {
        let tamanio = payload.len().saturating_add(final_.len());
        Ok(Header::nuevo(codigo, tamanio, self.extremo.tamanio_maximo)?.a_bytes())
    }
}

impl AsFd for Emisor {
    /// El socket de la conexión: el mismo que el de su [`Receptor`]. Vale lo que dice el de [`Conexion`](Conexion#method.as_fd).
    ///
    /// ```
    /// use std::os::fd::{AsFd, AsRawFd};
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// let (receptor, emisor) = conexion.separar();
    /// assert_eq!(emisor.as_fd().as_raw_fd(), receptor.as_fd().as_raw_fd());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.extremo.socket.as_fd()
    }
}

/// Envía el mismo paquete a muchos. Devuelve en qué lugar de `emisores` estaba cada uno que falló, y por qué.
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
/// let fallaron = tp0::difundir(&emisores, Paquete::nuevo().agregar(b"a todos")?);
/// assert!(matches!(fallaron.as_slice(), [(1, Error::ParIdo)]));
/// assert!(ana.recibir()?.is_some());
/// # Ok::<(), tp0::Error>(())
/// ```
///
/// Los errores de cada uno: [`Error::NoLee`], y los de [`Conexion::enviar_mensaje`].
pub fn difundir(emisores: &[Emisor], paquete: &Paquete) -> Vec<(usize, Error)> {
    let mut fallaron = Vec::new();
    let mut lugares = Vec::new();
    let mut destinos = Vec::new();
    for (lugar, Emisor { extremo }) in emisores.iter().enumerate() {
        match Header::nuevo(paquete.codigo(), paquete.payload().len(), extremo.tamanio_maximo) {
            Ok(_) => {
                lugares.push(lugar);
                destinos.push(Destino { socket: &extremo.socket, envio: &extremo.envio });
            }
            Err(error) => fallaron.push((lugar, error)),
        }
    }
    // Con el mayor límite: cada uno ya se comprobó contra el suyo.
    if let Ok(header) = Header::nuevo(paquete.codigo(), paquete.payload().len(), u32::MAX) {
        let resultados = difusion::difundir(&destinos, &header.a_bytes(), paquete.payload()).unwrap_or_default();
        // Sin memoria para empezar no se le envió a nadie.
        let resultados = resultados.into_iter().chain(std::iter::repeat_with(|| Err(Error::SinMemoria { bytes: 0 })));
        let con_lugar = lugares.into_iter().zip(resultados);
        fallaron.extend(con_lugar.filter_map(|(lugar, resultado)| resultado.err().map(|error| (lugar, error))));
    }
    fallaron.sort_by_key(|(lugar, _)| *lugar);
    fallaron
}

/// La mitad de una conexión que recibe. Lo recibido se presta, sin copiar, hasta la próxima recepción.
///
/// ```
/// use tp0::Recibido;
///
/// # use tp0::{Conexion, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// # let mut cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
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
#[derive(Debug)]
pub struct Receptor {
    extremo: Arc<Extremo>,
    lectura: Lectura,
    terminada: bool,
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
    /// protocolo; con [`Error::SinMemoria`] o [`Error::Sistema`]. Después, [`Error::Terminada`].
    ///
    /// La conexión sigue con [`Error::LargoMentiroso`], [`Error::SobranBytes`] o [`Error::Texto`], si un PAQUETE no cierra o
    /// un MENSAJE no es UTF-8: ese mensaje ya se consumió. Y con [`Error::TiempoDelPrograma`], si no llegó ni un byte del
    /// próximo.
    pub fn recibir(&mut self) -> Resultado<Option<Recibido<'_>>> {
        let Self { extremo, lectura, terminada } = self;
        if *terminada {
            return Err(Error::Terminada);
        }
        match lectura.mensaje(&extremo.socket, &extremo.ritmo, extremo.tamanio_maximo) {
            Ok(None) => Ok(None),
            Ok(Some((codigo, payload))) => Recibido::de(codigo, payload).map(Some),
            Err(error) => {
                traza::contar_falla(&error);
                if error.termina_la_conexion() {
                    // Lo que ya estaba en camino se puede seguir leyendo, pero no se sabe dónde empieza el próximo mensaje.
                    *terminada = true;
                    extremo.cortar();
                }
                Err(error)
            }
        }
    }
}

impl AsFd for Receptor {
    /// El socket de la conexión: el mismo que el de su [`Emisor`]. Vale lo que dice el de [`Conexion`](Conexion#method.as_fd).
    ///
    /// ```
    /// use std::os::fd::{AsFd, AsRawFd};
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// let descriptor = conexion.as_fd().as_raw_fd();
    /// let (receptor, _emisor) = conexion.separar();
    /// assert_eq!(receptor.as_fd().as_raw_fd(), descriptor);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.extremo.socket.as_fd()
    }
}

/// Un mensaje recibido, prestado por la conexión hasta la próxima recepción.
///
/// ```
/// use tp0::{Conexion, Paquete, Recibido, Servidor};
///
/// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
/// # let mut conexion = servidor.esperar_cliente()?;
/// cliente.enviar_mensaje("hola")?;
/// cliente.enviar_paquete(Paquete::nuevo().agregar(b"uno")?)?;
/// cliente.enviar(7, b"propio")?;
/// # drop(cliente);
///
/// let mut vistos = Vec::new();
/// while let Some(recibido) = conexion.recibir()? {
///     vistos.push(match recibido {
///         Recibido::Mensaje(texto) => format!("texto: {texto}"),
///         Recibido::Paquete(paquete) => format!("valores: {}", paquete.valores().count()),
///         Recibido::Otro { codigo, payload } => format!("código {codigo}: {} bytes", payload.len()),
///         otro => panic!("no se esperaba {otro:?}"),
///     });
/// }
/// assert_eq!(vistos, ["texto: hola", "valores: 1", "código 7: 6 bytes"]);
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Recibido<'a> {
    /// Un texto, sin su `'\0'`.
    Mensaje(&'a str),
    /// Una lista de valores.
    Paquete(PaqueteRecibido<'a>),
    /// Un código de operación propio del programa, con su payload.
    Otro {
        /// El código de operación.
        codigo: i32,
        /// El payload entero.
        payload: &'a [u8],
    },
}

impl<'a> Recibido<'a> {
    fn de(codigo: i32, payload: &'a [u8]) -> Resultado<Self> {
        match codigo {
            protocolo::MENSAJE => Ok(Self::Mensaje(std::str::from_utf8(sin_terminador(payload))?)),
            protocolo::PAQUETE => Ok(Self::Paquete(PaqueteRecibido::de(payload)?)),
            codigo => Ok(Self::Otro { codigo, payload }),
        }
    }
}

/// El texto termina en su primer `'\0'`; si no trae ninguno, en el fin del payload.
fn sin_terminador(payload: &[u8]) -> &[u8] {
    CStr::from_bytes_until_nul(payload).map_or(payload, CStr::to_bytes)
}

/// Un PAQUETE recibido: sus valores ya se comprobaron.
///
/// ```
/// use tp0::Recibido;
///
/// # use tp0::{Conexion, Paquete, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
/// # let mut conexion = servidor.esperar_cliente()?;
/// # cliente.enviar_paquete(Paquete::nuevo().agregar(b"SET\0")?.agregar(b"clave\0")?)?;
/// let Some(Recibido::Paquete(paquete)) = conexion.recibir()? else { panic!() };
/// let mut valores = paquete.valores();
/// assert_eq!((valores.next(), valores.next(), valores.next()), (Some(b"SET\0".as_slice()), Some(b"clave\0".as_slice()), None));
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PaqueteRecibido<'a> {
    payload: &'a [u8],
}

impl<'a> PaqueteRecibido<'a> {
    fn de(payload: &'a [u8]) -> Resultado<Self> {
        Valores::de(payload).comprobar()?;
        Ok(Self { payload })
    }

    /// Los valores, en orden y sin copiar. Con su `'\0'`, si lo traen.
    ///
    /// ```
    /// use std::ffi::CStr;
    /// use tp0::Recibido;
    ///
    /// # use tp0::{Conexion, Paquete, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", &servidor.puerto()?.to_string())?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// # cliente.enviar_paquete(Paquete::nuevo().agregar(b"hola\0")?.agregar(b"chau\0")?)?;
    /// let Some(Recibido::Paquete(paquete)) = conexion.recibir()? else { panic!() };
    /// let textos: Vec<&CStr> = paquete.valores().filter_map(|valor| CStr::from_bytes_until_nul(valor).ok()).collect();
    /// assert_eq!(textos, [c"hola", c"chau"]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn valores(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Valores::de(self.payload).comprobados()
    }
}
