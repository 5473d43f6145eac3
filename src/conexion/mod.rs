//! Una conexión, que son sus dos mitades: lo que tiene en la mano quien conversa.

mod emisor;
mod extremo;
mod receptor;

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use socket2::Socket;

use crate::conectar;
use crate::direccion::Puerto;
use crate::error::{Error, Resultado};
use crate::memoria::texto;
use crate::mensaje::{self, Envio, Lectura};
use crate::opciones::Opciones;
use crate::paquete::Paquete;
use crate::recibido::{Crudo, Enviable, Novedad, Recibido};
use crate::red;
use crate::ritmo::Ritmo;
use crate::sistema::Cerrojo;
use crate::traza;
use crate::vecinos::VecinosDeRust;
use crate::vivos;

pub use emisor::{Emisor, difundir};
pub(crate) use extremo::Extremo;
pub use receptor::Receptor;

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
pub struct Conexion {
    receptor: Receptor,
    emisor: Emisor,
}

// Tienen adentro cerrojos que no se envenenan: después de un panic, lo que cuidan está como lo dejó el último que lo soltó.
impl UnwindSafe for Conexion {}
impl RefUnwindSafe for Conexion {}

impl fmt::Debug for Conexion {
    /// Con quién, su handshake y cuántos bytes llegaron y no se entregaron; nunca cuáles.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.emisor.extremo.mostrar(f, "Conexion").field("pendientes", &self.receptor.lectura.hay()).finish()
    }
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
    /// assert!(matches!(error, Error::NadieEscucha { direccion, .. } if direccion.port() == 1));
    /// assert!(error.to_string().contains("127.0.0.1:1. ¿Levantaste primero el servidor?"));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`conectar_con`](Self::conectar_con), y [`Error::Entorno`].
    #[doc(alias = "connect")]
    pub fn conectar(ip: &str, puerto: impl Puerto) -> Resultado<Self> {
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
    pub fn conectar_con(ip: &str, puerto: impl Puerto, opciones: &Opciones) -> Resultado<Self> {
        Self::hecha(conectar::conectar(ip, puerto, opciones, &VecinosDeRust), opciones)
    }

    /// Como [`conectar_con`](Self::conectar_con), a una dirección ya resuelta.
    ///
    /// ```
    /// use tp0::{Conexion, Opciones, Servidor};
    ///
    /// let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// let conexion = Conexion::conectar_a(servidor.direccion()?, &Opciones::nuevas())?;
    /// assert_eq!(conexion.par(), servidor.direccion()?);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`conectar_con`](Self::conectar_con).
    #[doc(alias = "connect")]
    pub fn conectar_a(direccion: SocketAddr, opciones: &Opciones) -> Resultado<Self> {
        Self::hecha(conectar::conectar_a(direccion, opciones, &VecinosDeRust), opciones)
    }

    fn hecha(hecha: Resultado<conectar::Hecha>, opciones: &Opciones) -> Resultado<Self> {
        let hecha = hecha.inspect_err(traza::contar_falla)?;
        Ok(Self::nueva(hecha.socket, hecha.par, hecha.handshake, opciones))
    }

    /// Adopta un socket TCP ya conectado (heredado, de otra biblioteca, de un `accept` propio), que desde ahora es suyo. No hace el
    /// handshake: si hace falta, ya se hizo. De las opciones cuentan [`tamanio_maximo`](Opciones::tamanio_maximo) y
    /// [`keepalive`](Opciones::keepalive).
    ///
    /// Si está en modo no bloqueante, queda así, y enviar y recibir esperan igual; el que no espera es
    /// [`recibir_hasta`](Self::recibir_hasta) con plazo cero.
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use tp0::{Conexion, Opciones, Recibido};
    ///
    /// let escucha = TcpListener::bind("127.0.0.1:0")?;
    /// let cliente = Conexion::adoptar(TcpStream::connect(escucha.local_addr()?)?, &Opciones::nuevas())?;
    /// let mut servidor = Conexion::adoptar(escucha.accept()?.0, &Opciones::nuevas())?;
    /// cliente.enviar_mensaje("sin handshake")?;
    /// assert!(matches!(servidor.recibir()?, Some(Recibido::Mensaje("sin handshake"))));
    ///
    /// assert!(Conexion::adoptar(escucha, &Opciones::nuevas()).is_err(), "por el que escucha no se conversa");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Si falla, el descriptor se cierra. [`Error::Descriptor`] si no es un socket; [`Error::Escucha`] o [`Error::SinConectar`] si no está
    /// conectado; [`Error::Argumento`] si no es TCP; [`Error::Sistema`]; y [`Error::Traza`] si se la pidió y no se puede escribir.
    #[doc(alias = "from_raw_fd")]
    pub fn adoptar(descriptor: impl Into<OwnedFd>, opciones: &Opciones) -> Resultado<Self> {
        traza::segun_el_entorno()?;
        let socket = Socket::from(descriptor.into());
        let par = Self::par_de_un_adoptado(&socket).inspect_err(traza::contar_falla)?;
        red::preparar(&socket, opciones.keepalive).map_err(|causa| Error::sistema("setsockopt", causa))?;
        Ok(Self::nueva(socket, par, None, opciones))
    }

    fn par_de_un_adoptado(socket: &Socket) -> Resultado<SocketAddr> {
        let descriptor = socket.as_raw_fd();
        if let Some(error) = mensaje::nunca_se_conecto(socket) {
            return Err(error);
        }
        let no_es_tcp = || Error::Argumento(texto!("{descriptor} no es un socket TCP: no se puede adoptar."));
        let clase = socket.r#type().map_err(|causa| Error::de_socket(descriptor, "getsockopt", causa))?;
        match socket.peer_addr() {
            Ok(par) => par.as_socket().filter(|_| clase == socket2::Type::STREAM).ok_or_else(no_es_tcp),
            Err(causa) if causa.raw_os_error() == Some(libc::ENOTCONN) => Err(Error::SinConectar { descriptor }),
            Err(causa) => Err(Error::de_socket(descriptor, "getpeername", causa)),
        }
    }

    pub(crate) fn nueva(socket: Socket, par: SocketAddr, handshake: Option<i32>, opciones: &Opciones) -> Self {
        let extremo = Arc::new(Extremo {
            socket,
            par,
            handshake,
            tamanio_maximo: opciones.tamanio_maximo,
            cortada: AtomicBool::new(false),
            envio: Envio::nuevo(),
            ritmo: Ritmo::nuevo(),
            cola: Cerrojo::nuevo(Vec::new()),
            hay_cola: AtomicBool::new(false),
        });
        vivos::anotar(Arc::<Extremo>::clone(&extremo));
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
    /// let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let cliente = servidor.esperar_cliente()?;
    /// assert_eq!(conexion.par(), servidor.direccion()?);
    /// assert!(cliente.par().ip().is_loopback(), "el cliente está en esta misma máquina");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "peer_addr")]
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
    #[must_use]
    pub fn handshake(&self) -> Option<i32> {
        self.emisor.extremo.handshake
    }

    /// Si el otro lado sigue ahí. No consume nada ni espera. Si cerró, puede quedar algo suyo por recibir; si se le cortó el cable,
    /// sólo se sabe con [`keepalive`](Opciones::keepalive).
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let mut conexion = servidor.esperar_cliente()?;
    /// assert!(conexion.activa());
    ///
    /// drop(cliente);
    /// assert!(conexion.recibir()?.is_none());
    /// assert!(!conexion.activa());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
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
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
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
    #[doc(alias = "send")]
    pub fn enviar_mensaje(&self, texto: &str) -> Resultado<()> {
        self.emisor.enviar_mensaje(texto)
    }

    /// Envía un paquete, que se puede volver a usar: no se vacía.
    ///
    /// ```
    /// # use tp0::{Conexion, Paquete, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
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

    /// Envía un payload cualquiera (puede ser vacío) con el código de operación que sea. El 0 y el 1 son los de [`MENSAJE`](crate::MENSAJE) y
    /// [`PAQUETE`](crate::PAQUETE); los propios, del 2 en adelante.
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// const INTERRUPCION: i32 = 9;
    /// cliente.enviar(INTERRUPCION, b"")?; // un aviso: sólo el header
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Otro { codigo: INTERRUPCION, payload: [] })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`enviar_mensaje`](Self::enviar_mensaje), y [`Error::Argumento`] si el código es negativo.
    #[doc(alias("send", "write"))]
    pub fn enviar(&self, codigo: i32, payload: &[u8]) -> Resultado<()> {
        self.emisor.enviar(codigo, payload)
    }

    /// Envía lo que se le dé (un texto, un paquete, un código con su payload, algo recibido) y espera, a lo sumo, `plazo`: a que el otro lea
    /// y haga lugar, y a que otro hilo termine de enviar. Cero es probar.
    ///
    /// Si se cumple sin que haya salido ni un byte es [`Error::NoLee`], y la conexión sigue: se puede probar después. Si se cumple con el
    /// mensaje por la mitad, la conexión se termina, porque lo que siguiera sería basura para el otro: con mensajes grandes, el plazo
    /// tiene que alcanzarles. Lo encolado no sale con esto: sale después.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tp0::Error;
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let _conexion = servidor.esperar_cliente()?;
    /// let error = loop {
    ///     if let Err(error) = cliente.enviar_hasta("¿me leés?", Duration::ZERO) {
    ///         break error;
    ///     }
    /// };
    /// assert!(matches!(error, Error::NoLee { .. }), "no lee: se llenaron los buffers del sistema");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoLee`], y los de [`enviar`](Self::enviar), menos [`Error::TiempoDelPrograma`].
    #[doc(alias("timeout", "send_timeout", "try_send"))]
    pub fn enviar_hasta(&self, que: &(impl Enviable + ?Sized), plazo: Duration) -> Resultado<()> {
        self.emisor.enviar_hasta(que, plazo)
    }

    /// Espera el próximo mensaje, lo que haga falta. `None`: el otro terminó la conversación, entre un mensaje y otro.
    ///
    /// Antes de esperar, envía lo que haya encolado.
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
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
    #[doc(alias = "recv")]
    pub fn recibir(&mut self) -> Resultado<Option<Recibido<'_>>> {
        self.emisor.extremo.vaciar_si_se_puede()?;
        self.receptor.recibir()
    }

    /// Como [`recibir`](Self::recibir), y da el mensaje como vino, sin mirarlo: para reenviarlo o anotarlo igual.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// cliente.enviar(tp0::PAQUETE, b"no es un paquete")?;
    /// let Some(crudo) = conexion.recibir_crudo()? else { panic!() };
    /// assert_eq!(crudo.payload(), b"no es un paquete");
    /// assert!(crudo.entender().is_err(), "y entenderlo es otra cosa");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`recibir`](Self::recibir) que terminan la conexión: lo que no se mira no se entiende mal.
    #[doc(alias("forward", "proxy", "raw"))]
    pub fn recibir_crudo(&mut self) -> Resultado<Option<Crudo<'_>>> {
        self.emisor.extremo.vaciar_si_se_puede()?;
        self.receptor.recibir_crudo()
    }

    /// Espera el próximo mensaje, a lo sumo `plazo`. Cero es probar: da lo que ya esté entero, y no espera nada.
    ///
    /// De un mensaje a medio llegar no se pierde nada: la próxima llamada sigue desde ahí. Lo encolado no sale con esto, porque podría
    /// esperar a que el otro lea: antes hay que [`vaciar`](Emisor::vaciar).
    ///
    /// Con `poll`, epoll o mio la regla es una sola: cuando avisan, llamar con plazo cero **hasta que dé [`Novedad::Nada`]** (o
    /// [`Novedad::Fin`]). De una sola lectura pueden salir varios mensajes, y de los que ya se leyeron el sistema no vuelve a avisar.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tp0::{Novedad, Recibido};
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// assert_eq!(conexion.recibir_hasta(Duration::from_millis(1))?, Novedad::Nada);
    /// cliente.enviar_mensaje("ahora sí")?;
    /// assert_eq!(conexion.recibir_hasta(Duration::from_secs(5))?, Novedad::Llego(Recibido::Mensaje("ahora sí")));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Receptor::recibir`], menos [`Error::TiempoDelPrograma`]: el tiempo que el programa le haya puesto al socket no cuenta.
    #[doc(alias("timeout", "recv_timeout", "try_recv", "poll"))]
    pub fn recibir_hasta(&mut self, plazo: Duration) -> Resultado<Novedad<Recibido<'_>>> {
        self.receptor.recibir_hasta(plazo)
    }

    /// [`recibir_hasta`](Self::recibir_hasta), con el mensaje como vino.
    ///
    /// # Errors
    /// Los de [`recibir_crudo`](Self::recibir_crudo), menos [`Error::TiempoDelPrograma`].
    pub fn recibir_crudo_hasta(&mut self, plazo: Duration) -> Resultado<Novedad<Crudo<'_>>> {
        self.receptor.recibir_crudo_hasta(plazo)
    }

    /// Termina la conversación desde acá: lo que esté esperando en ella, en cualquier hilo, vuelve con [`Error::Cortada`], que no es lo
    /// mismo que el `None` de que el otro terminó. Lo que siga, también. Cortarla otra vez no hace nada.
    ///
    /// Para cortarla desde otro hilo está [`Emisor::cortar`]. Lo encolado y lo que falte recibir se pierde; lo ya enviado le llega.
    ///
    /// ```
    /// use tp0::Error;
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let mut cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let mut conexion = servidor.esperar_cliente()?;
    /// let emisor = conexion.emisor();
    /// let recibe = std::thread::spawn(move || conexion.recibir().map(|_| ()));
    ///
    /// emisor.cortar();
    /// assert!(matches!(recibe.join().unwrap(), Err(Error::Cortada)));
    /// assert!(matches!(emisor.enviar_mensaje("¿hola?"), Err(Error::Cortada)));
    /// assert!(cliente.recibir()?.is_none(), "para el otro, la conversación terminó");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[doc(alias("shutdown", "close", "cancel"))]
    pub fn cortar(&self) {
        self.emisor.cortar();
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
    #[must_use]
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
    #[doc(alias = "split")]
    #[must_use]
    pub fn separar(self) -> (Receptor, Emisor) {
        (self.receptor, self.emisor)
    }

    /// Las dos mitades, prestadas: para contestar mientras se mira lo recibido, que también es prestado.
    ///
    /// ```
    /// use tp0::Recibido;
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let mut cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # cliente.enviar_mensaje("hola")?;
    /// let mut conexion = servidor.esperar_cliente()?;
    /// let (receptor, emisor) = conexion.mitades();
    /// if let Some(Recibido::Mensaje(texto)) = receptor.recibir()? {
    ///     emisor.enviar_mensaje(texto)?; // sin copiarlo
    /// }
    /// # assert!(matches!(cliente.recibir()?, Some(Recibido::Mensaje("hola"))));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[doc(alias = "split")]
    #[must_use]
    pub fn mitades(&mut self) -> (&mut Receptor, &Emisor) {
        (&mut self.receptor, &self.emisor)
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
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// let mut conexion = servidor.esperar_cliente()?;
    /// let socket = TcpStream::from(conexion.as_fd().try_clone_to_owned()?);
    /// socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    /// assert!(matches!(conexion.recibir(), Err(Error::TiempoDelPrograma { en_el_medio: false, .. })));
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
