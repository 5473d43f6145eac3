//! Todo lo que puede salir mal: la causa, su texto para quien programa y su `errno` para C.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// El resultado de casi todo en este crate.
///
/// ```
/// use tp0::{Conexion, Resultado};
///
/// fn avisar(ip: &str, puerto: &str) -> Resultado<()> {
///     Conexion::conectar(ip, puerto)?.enviar_mensaje("hola")
/// }
///
/// assert!(avisar("127.0.0.1", "no es un puerto").is_err());
/// ```
pub type Resultado<T> = Result<T, Error>;

/// Por qué falló una operación.
///
/// Su texto ([`Display`](fmt::Display)) es una línea en castellano que nombra los valores, la causa y qué probar;
/// [`errno`](Error::errno) es el número que ve un programa en C. Se puede comparar por causa:
///
/// ```
/// use tp0::{Conexion, Error};
///
/// match Conexion::conectar("127.0.0.1", "99999") {
///     Err(Error::Puerto { valor, .. }) => assert_eq!(valor, "99999"),
///     otro => panic!("se esperaba un puerto inválido: {otro:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Un argumento que no sirve: dice cuál y por qué.
    #[error("{0}")]
    Argumento(String),

    /// Una variable de entorno que no se entiende. Nunca se la reemplaza en silencio por un valor por defecto.
    #[error("La variable de entorno {variable} vale {valor:?} y tiene que ser {esperado}.")]
    Entorno {
        /// La variable.
        variable: &'static str,
        /// Lo que vale.
        valor: String,
        /// Lo que podría valer.
        esperado: &'static str,
    },

    /// Se pidió la traza (`TP0_TRAZA=1`), y no se la puede escribir.
    #[error(
        "TP0_TRAZA=1 pide contar cada paso en la salida de errores, y ahí no se puede escribir ({causa}). ¿Está cerrada, o no queda lugar? Probá con 2>traza.txt, o sin TP0_TRAZA."
    )]
    Traza {
        /// Lo que dijo el sistema.
        #[source]
        causa: io::Error,
    },

    /// Algo con forma de IP que no lo es.
    #[error("{valor:?} no es una IP: {motivo}")]
    Ip {
        /// El texto recibido.
        valor: String,
        /// Qué tiene de malo.
        motivo: String,
    },

    /// Un puerto que no es un número del rango pedido.
    #[error("{valor:?} no es un puerto: {motivo}")]
    Puerto {
        /// El texto recibido.
        valor: String,
        /// Qué tiene de malo.
        motivo: &'static str,
    },

    /// Un nombre que no se pudo traducir a una dirección.
    #[error("{nombre:?} no es una IP ni un nombre conocido ({detalle}). ¿Leíste bien la clave del .config?")]
    NoResuelve {
        /// El nombre.
        nombre: String,
        /// Lo que dijo el sistema.
        detalle: String,
    },

    /// Nadie escucha en esa dirección.
    #[error(
        "Conexión rechazada: no hay nadie escuchando en {direccion}. ¿Levantaste primero el servidor? ¿Son ésos su IP y su puerto? {}",
        if direccion.ip().is_loopback() { "Esa IP es la de esta misma máquina." } else { "¿Escucha en esa IP, o sólo en 127.0.0.1?" }
    )]
    NadieEscucha {
        /// A dónde se quiso conectar.
        direccion: SocketAddr,
    },

    /// La red no llega a esa dirección.
    #[error(
        "No llego a {direccion} ({causa}). ¿Anda ping a esa IP? ¿La VM está en adaptador puente? ¿Hay un firewall, o dos VMs clonadas con la misma IP?"
    )]
    SinRuta {
        /// A dónde se quiso conectar.
        direccion: SocketAddr,
        /// Lo que dijo el sistema.
        #[source]
        causa: io::Error,
    },

    /// Pasó el plazo sin que se pudiera establecer la conexión TCP.
    #[error(
        "{direccion} no contestó en {} ms. ¿Anda ping a esa IP? ¿La VM está en adaptador puente? ¿Hay un firewall en el medio?",
        plazo.as_millis()
    )]
    PlazoDeConexion {
        /// A dónde se quiso conectar.
        direccion: SocketAddr,
        /// Cuánto se esperó.
        plazo: Duration,
    },

    /// Conectó, pero el servidor no contestó el handshake a tiempo.
    #[error(
        "{direccion} aceptó la conexión pero no contestó el handshake en {} ms. ¿El servidor llegó a esperar_cliente, o está atendiendo a otro? Si no usa handshake, corré este programa con TP0_HANDSHAKE=no.",
        plazo.as_millis()
    )]
    PlazoDeHandshake {
        /// A quién se le mostró el handshake.
        direccion: SocketAddr,
        /// Cuánto se esperó.
        plazo: Duration,
    },

    /// El servidor contestó -1: espera otro valor.
    #[error(
        "{direccion} rechazó el handshake: le mostramos {mostrado} y contestó -1. ¿Es el servidor que buscabas? ¿Los dos usan el mismo TP0_HANDSHAKE?"
    )]
    HandshakeRechazado {
        /// Quién rechazó.
        direccion: SocketAddr,
        /// El valor mostrado.
        mostrado: i32,
    },

    /// El otro lado contestó algo que no es de este protocolo.
    #[error(
        "{direccion} habla otro protocolo: al handshake se contesta 0 o -1 y contestó {respuesta} (0x{respuesta:08x}). ¿Es el puerto correcto?"
    )]
    OtroProtocolo {
        /// Con quién se habló.
        direccion: SocketAddr,
        /// Lo que contestó, leído como un entero.
        respuesta: i32,
    },

    /// El servidor cerró antes de contestar el handshake.
    #[error(
        "{direccion} cerró la conexión antes de contestar el handshake ({detalle}). ¿Terminó el servidor? ¿Habla este protocolo?"
    )]
    HandshakeCortado {
        /// Con quién se habló.
        direccion: SocketAddr,
        /// Cómo cerró.
        detalle: &'static str,
    },

    /// El puerto ya lo usa otro.
    #[error("El puerto {} ya está en uso{}", direccion.port(), DetalleDeOcupante(*direccion, ocupante.as_ref()))]
    PuertoEnUso {
        /// Dónde se quiso escuchar.
        direccion: SocketAddr,
        /// Quién lo tiene, si /proc lo muestra.
        ocupante: Option<Ocupante>,
    },

    /// No hay permiso para escuchar ahí.
    #[error(
        "No hay permiso para escuchar en {direccion}: los puertos menores que 1024 son del sistema. Usá uno entre 1024 y 32767."
    )]
    SinPermiso {
        /// Dónde se quiso escuchar.
        direccion: SocketAddr,
    },

    /// La dirección donde se quiso escuchar no es de esta máquina.
    #[error(
        "{direccion} no es una dirección de esta máquina. Fijate las propias con «ip addr», o no des ninguna para escuchar en todas."
    )]
    DireccionAjena {
        /// Dónde se quiso escuchar.
        direccion: SocketAddr,
    },

    /// Se acabaron los descriptores.
    #[error(
        "No quedan descriptores ({limite} es el límite de este proceso, «ulimit -n»). ¿Llamaste a liberar_conexion por cada conexión?"
    )]
    SinDescriptores {
        /// El límite del proceso.
        limite: u64,
    },

    /// Llegó un código de operación negativo.
    #[error(
        "Llegó el código de operación {codigo} (bytes {}) y no puede ser negativo: ¿el otro lado usa este protocolo, o quedó algo sin leer?",
        Hexadecimal(&codigo.to_le_bytes())
    )]
    CodigoNegativo {
        /// El código.
        codigo: i32,
    },

    /// Llegó un tamaño negativo.
    #[error(
        "Llegó un mensaje de tamaño {tamanio} ({bytes}): ¿el otro lado no usa este protocolo, o quedó un handshake sin leer?"
    )]
    TamanioNegativo {
        /// El tamaño.
        tamanio: i32,
        /// Los bytes leídos.
        bytes: BytesDeHeader,
    },

    /// Llegó un tamaño por encima del límite.
    #[error(
        "Llegó un mensaje de {tamanio} bytes ({bytes}) y el límite es {limite}: ¿el otro lado no usa este protocolo, o quedó un handshake sin leer? Si es de verdad, subí TP0_TAMANIO_MAXIMO."
    )]
    LlegaDemasiado {
        /// El tamaño anunciado, en bytes.
        tamanio: u32,
        /// El límite, en bytes.
        limite: u32,
        /// Los bytes leídos.
        bytes: BytesDeHeader,
    },

    /// Se quiso enviar un payload por encima del límite.
    #[error(
        "El payload tiene {tamanio} bytes y el límite es {limite}: partilo en varios mensajes, o subí TP0_TAMANIO_MAXIMO de los dos lados."
    )]
    DemasiadoGrande {
        /// Lo que se quiso enviar, en bytes.
        tamanio: usize,
        /// El límite, en bytes.
        limite: u32,
    },

    /// Dentro de un paquete, un largo que no cierra con lo que queda.
    #[error(
        "El paquete no cierra: un valor dice medir {largo} bytes y quedan {quedan}. ¿El otro lado lo armó con agregar_a_paquete?"
    )]
    LargoMentiroso {
        /// El largo que dice.
        largo: i32,
        /// Los bytes que quedan después de ese largo.
        quedan: usize,
    },

    /// Al final de un paquete sobran bytes que no alcanzan para un largo.
    #[error(
        "El paquete no cierra: al final sobran {sobran} bytes y un valor empieza con 4. ¿El otro lado lo armó con agregar_a_paquete?"
    )]
    SobranBytes {
        /// Cuántos sobran: de 1 a 3.
        sobran: usize,
    },

    /// Se quiso leer de un buffer más de lo que queda.
    #[error("Quedan {quedan} bytes y pediste {pedidos}: ¿mismo orden de lectura que de escritura?")]
    BufferCorto {
        /// Bytes por leer.
        quedan: usize,
        /// Bytes pedidos.
        pedidos: usize,
    },

    /// Se esperaba un mensaje con un código y llegó con otro.
    #[error(
        "Se esperaba un mensaje con código de operación {esperado} y llegó uno con código {codigo}: se lo descartó. Si puede llegar cualquiera, recibilo con tp0_recibir."
    )]
    OtroCodigo {
        /// El que se esperaba.
        esperado: i32,
        /// El que llegó.
        codigo: i32,
    },

    /// Al difundir: el otro lado no está leyendo.
    #[error(
        "El otro lado no está leyendo{}",
        if *en_el_medio { " y el mensaje quedó a medio enviar: la conexión se terminó." } else { " y no le entra más: no se le envió nada, y la conexión sigue." }
    )]
    NoLee {
        /// Si quedó a medio enviar, en cuyo caso la conexión se termina.
        en_el_medio: bool,
    },

    /// El otro lado terminó la conversación, entre un mensaje y otro. No es de temer.
    #[error("El otro lado terminó la conversación (normal): salí del while y liberá la conexión.")]
    Fin,

    /// La conexión se cerró en el medio de un mensaje.
    #[error(
        "El otro lado cerró en el medio de un mensaje: llegaron {llegaron} de {esperados} bytes de su {parte}. ¿Se cayó?"
    )]
    FinEnElMedio {
        /// Qué parte del mensaje se estaba leyendo.
        parte: Parte,
        /// Bytes de esa parte que llegaron.
        llegaron: usize,
        /// Bytes de esa parte que se esperaban.
        esperados: usize,
    },

    /// La conexión ya se había terminado, por un error anterior.
    #[error("La conexión ya se terminó, por un error anterior: soltala.")]
    Terminada,

    /// El otro lado cortó la conexión (reset).
    #[error("El otro lado cortó la conexión (reset): ¿se cayó, o cerró sin leer todo lo que le mandaste?")]
    Reset,

    /// Se quiso enviar a quien ya no está.
    #[error("El otro lado ya cerró la conexión: no se le puede enviar más. Liberala.")]
    ParIdo,

    /// El otro lado dejó de dar señales de vida: con keepalive, en su plazo; sin él, el sistema tarda un cuarto de hora o más
    /// en darse cuenta, y sólo si hay algo enviado sin confirmar.
    #[error("El otro lado dejó de responder: ¿se desconectó el cable, o se apagó su máquina?")]
    ParMudo,

    /// Otro hilo liberó el servidor o la conexión.
    #[error("Otro hilo liberó este servidor: ya no espera clientes.")]
    Liberado,

    /// El número no es un socket abierto.
    #[error("{descriptor} no es una conexión abierta: {motivo}")]
    Descriptor {
        /// El número.
        descriptor: i32,
        /// Por qué no, y qué mirar.
        motivo: &'static str,
    },

    /// Se quiso enviar o recibir por el socket que escucha.
    #[error(
        "{descriptor} es el socket que escucha: por él no se envía ni se recibe. Usá el que devuelve esperar_cliente."
    )]
    Escucha {
        /// El número.
        descriptor: i32,
    },

    /// Se quiso esperar clientes en un socket que no escucha.
    #[error("{descriptor} no es un socket que escucha: pasale a esperar_cliente lo que devolvió iniciar_servidor.")]
    NoEscucha {
        /// El número.
        descriptor: i32,
    },

    /// El socket nunca se conectó.
    #[error("{descriptor} es un socket sin conectar: ¿falló su connect, o nunca se lo llamó?")]
    SinConectar {
        /// El número.
        descriptor: i32,
    },

    /// Una señal cortó la espera.
    #[error(
        "Una señal interrumpió la espera: su manejador se instaló sin SA_RESTART. Si no era para terminar, volvé a esperar."
    )]
    Interrumpido,

    /// Se cumplió el tiempo que el programa mismo le puso al socket.
    #[error(
        "Se cumplió el tiempo que el programa le puso al socket (SO_RCVTIMEO o SO_SNDTIMEO){}",
        if *en_el_medio { " en el medio de un mensaje: la conexión se terminó." } else { ": la conexión sigue." }
    )]
    TiempoDelPrograma {
        /// Si ya se había movido algún byte del mensaje, en cuyo caso la conexión se termina.
        en_el_medio: bool,
    },

    /// El texto recibido no es UTF-8 (sólo lo exige la interfaz de Rust).
    #[error("Llegó un texto que no es UTF-8: {0}.")]
    Texto(#[from] std::str::Utf8Error),

    /// No hay memoria.
    #[error("No hay memoria{}.", ParaCuanto(*bytes))]
    SinMemoria {
        /// Lo que se pidió; 0 si no se sabe.
        bytes: usize,
    },

    /// Una falla de la biblioteca misma, atrapada en el borde con C.
    #[error("Falla interna de libtp0 (panic): {0}. Es un error nuestro: por favor avisanos.")]
    Panico(String),

    /// Cualquier otra falla del sistema.
    #[error("{operacion}: {causa}.")]
    Sistema {
        /// La llamada que falló.
        operacion: &'static str,
        /// Lo que dijo el sistema.
        #[source]
        causa: io::Error,
    },
}

impl Error {
    /// El `errno` que le corresponde: lo que ve un programa en C.
    ///
    /// ```
    /// let error = tp0::Conexion::conectar("192.168.0.256", "4444").unwrap_err();
    /// assert_eq!(error.errno(), 22); // EINVAL
    /// ```
    pub fn errno(&self) -> i32 {
        match self {
            Self::Argumento(_)
            | Self::Entorno { .. }
            | Self::Ip { .. }
            | Self::Puerto { .. }
            | Self::Escucha { .. }
            | Self::NoEscucha { .. } => libc::EINVAL,
            Self::NoResuelve { .. } => libc::EHOSTUNREACH,
            Self::NadieEscucha { .. } => libc::ECONNREFUSED,
            Self::PlazoDeConexion { .. }
            | Self::PlazoDeHandshake { .. }
            | Self::ParMudo
            | Self::NoLee { en_el_medio: true } => libc::ETIMEDOUT,
            Self::HandshakeRechazado { .. }
            | Self::OtroProtocolo { .. }
            | Self::CodigoNegativo { .. }
            | Self::TamanioNegativo { .. }
            | Self::LargoMentiroso { .. }
            | Self::SobranBytes { .. }
            | Self::BufferCorto { .. }
            | Self::OtroCodigo { .. }
            | Self::Texto(_) => libc::EPROTO,
            Self::PuertoEnUso { .. } => libc::EADDRINUSE,
            Self::SinPermiso { .. } => libc::EACCES,
            Self::DireccionAjena { .. } => libc::EADDRNOTAVAIL,
            Self::SinDescriptores { .. } => libc::EMFILE,
            Self::LlegaDemasiado { .. } | Self::DemasiadoGrande { .. } => libc::EMSGSIZE,
            Self::Fin => 0,
            Self::FinEnElMedio { .. } | Self::Reset | Self::Terminada | Self::HandshakeCortado { .. } => {
                libc::ECONNRESET
            }
            Self::ParIdo => libc::EPIPE,
            Self::Liberado => libc::ECANCELED,
            Self::Descriptor { .. } => libc::EBADF,
            Self::SinConectar { .. } => libc::ENOTCONN,
            Self::Interrumpido => libc::EINTR,
            Self::TiempoDelPrograma { .. } | Self::NoLee { en_el_medio: false } => libc::EAGAIN,
            Self::SinMemoria { .. } => libc::ENOMEM,
            Self::Panico(_) => libc::ENOTRECOVERABLE,
            Self::Traza { causa } | Self::SinRuta { causa, .. } | Self::Sistema { causa, .. } => {
                causa.raw_os_error().unwrap_or(libc::EIO)
            }
        }
    }

    /// La falla de una llamada al sistema que no tiene un texto propio.
    pub(crate) fn sistema(operacion: &'static str, causa: io::Error) -> Self {
        match causa.raw_os_error() {
            Some(libc::EINTR) => Self::Interrumpido,
            Some(libc::EMFILE) => Self::SinDescriptores { limite: crate::sistema::limite_de_descriptores() },
            Some(libc::ENOMEM | libc::ENOBUFS) => Self::SinMemoria { bytes: 0 },
            _ => Self::Sistema { operacion, causa },
        }
    }

    /// La falla de una llamada sobre un socket.
    pub(crate) fn de_socket(descriptor: i32, operacion: &'static str, causa: io::Error) -> Self {
        match causa.raw_os_error() {
            Some(libc::EBADF) => Self::Descriptor { descriptor, motivo: "está cerrado, o ya se liberó." },
            Some(libc::ENOTSOCK) => Self::no_es_socket(descriptor),
            // Si además de vencer el plazo algo avisó que no hay camino (nadie contesta ARP en la red local), el núcleo da esa causa.
            Some(libc::ETIMEDOUT | libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN) => {
                Self::ParMudo
            }
            _ => Self::sistema(operacion, causa),
        }
    }

    /// Un número abierto que no es un socket. Los tres primeros se dan al arrancar el programa, y el 0 es lo que tiene una variable que
    /// nadie cambió.
    #[cold]
    pub(crate) fn no_es_socket(descriptor: i32) -> Self {
        let motivo = match descriptor {
            0 => "es la entrada del programa. ¿Quedó la variable en 0, sin el resultado de crear_conexion?",
            1 | 2 => "es la salida del programa, no un socket.",
            _ => "es otra cosa, no un socket.",
        };
        Self::Descriptor { descriptor, motivo }
    }

    /// Si después de este error de envío o recepción la conexión ya no sirve.
    pub(crate) fn termina_la_conexion(&self) -> bool {
        !matches!(
            self,
            Self::TiempoDelPrograma { en_el_medio: false }
                | Self::Argumento(_)
                | Self::Descriptor { .. }
                | Self::Escucha { .. }
                | Self::SinConectar { .. }
                | Self::Entorno { .. }
                | Self::OtroCodigo { .. }
                | Self::Texto(_)
        )
    }
}

/// La parte de un mensaje que se estaba leyendo cuando se cortó.
///
/// ```
/// use std::io::Write;
/// use tp0::{Error, Opciones, Parte, Servidor};
///
/// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().sin_handshake())?;
///
/// // Anuncia 5 bytes, manda 2 y se cae.
/// let mut cliente = std::net::TcpStream::connect(servidor.direccion()?)?;
/// cliente.write_all(&[0, 0, 0, 0, 5, 0, 0, 0, b'h', b'o'])?;
/// drop(cliente);
///
/// let error = servidor.esperar_cliente()?.recibir().unwrap_err();
/// assert!(matches!(error, Error::FinEnElMedio { parte: Parte::Payload, llegaron: 2, esperados: 5 }));
/// assert!(error.to_string().contains("llegaron 2 de 5 bytes de su payload"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parte {
    /// El código de operación: 4 bytes.
    Codigo,
    /// El tamaño del payload: 4 bytes.
    Tamanio,
    /// El payload.
    Payload,
}

impl fmt::Display for Parte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Codigo => "código de operación",
            Self::Tamanio => "tamaño",
            Self::Payload => "payload",
        })
    }
}

/// Los bytes de un header tal como se leyeron, para mostrarlos en hexadecimal: así se ve de dónde salió un tamaño que no puede ser.
///
/// ```
/// use tp0::{Error, Header, TAMANIO_MAXIMO};
///
/// let error = Header::de_bytes([1, 0x14, 0, 0, 0, 0, 0, 8], TAMANIO_MAXIMO).unwrap_err();
/// let Error::LlegaDemasiado { tamanio: 134_217_728, bytes, .. } = error else { panic!("{error:?}") };
/// assert_eq!(bytes.to_string(), "bytes 01 14 00 00 | 00 00 00 08");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesDeHeader {
    /// Los del código de operación, si la biblioteca los leyó.
    pub codigo: Option<[u8; 4]>,
    /// Los del tamaño.
    pub tamanio: [u8; 4],
}

impl fmt::Display for BytesDeHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes ")?;
        if let Some(codigo) = &self.codigo {
            write!(f, "{} | ", Hexadecimal(codigo))?;
        }
        write!(f, "{}", Hexadecimal(&self.tamanio))
    }
}

/// Para cuántos bytes no hubo memoria, si se sabe. Sin pedir más memoria para contarlo.
struct ParaCuanto(usize);

impl fmt::Display for ParaCuanto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, " para {} bytes", self.0) }
    }
}

/// Bytes como `01 00 00 00`.
pub(crate) struct Hexadecimal<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let separador = if i == 0 { "" } else { " " };
            write!(f, "{separador}{byte:02x}")?;
        }
        Ok(())
    }
}

/// El proceso que tiene un puerto.
///
/// ```
/// use tp0::{Error, Ocupante, Servidor};
///
/// let primero = Servidor::iniciar("127.0.0.1", "0")?;
/// let error = Servidor::iniciar("127.0.0.1", &primero.puerto()?.to_string()).unwrap_err();
/// let Error::PuertoEnUso { ocupante: Some(Ocupante::Proceso { pid, .. }), .. } = error else { panic!("{error:?}") };
/// assert_eq!(pid, std::process::id(), "lo tiene este mismo proceso");
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ocupante {
    /// Un proceso que escucha: su número y su nombre.
    Proceso {
        /// Su PID.
        pid: u32,
        /// Su nombre.
        nombre: String,
    },
    /// Nadie escucha: es una conexión de un proceso, quizá la que él mismo inició.
    Conexion {
        /// Su PID.
        pid: u32,
        /// Su nombre.
        nombre: String,
    },
    /// Nadie escucha: es una conexión vieja de un servidor que no usó SO_REUSEADDR.
    TimeWait,
}

/// El primer puerto de los que el sistema reparte, de fábrica, a quien se conecta.
const PRIMER_EFIMERO: u16 = 32768;

/// Cómo sigue el texto de un puerto en uso, según lo que se sepa de quien lo tiene.
struct DetalleDeOcupante<'a>(SocketAddr, Option<&'a Ocupante>);

impl fmt::Display for DetalleDeOcupante<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(Ocupante::Proceso { pid, .. }) if *pid == std::process::id() => write!(
                f,
                ": lo tiene este mismo proceso ({pid}). ¿Llamaste dos veces a iniciar_servidor? Liberá el primero, o elegí otro puerto."
            ),
            Some(Ocupante::Conexion { pid, nombre }) if self.0.port() >= PRIMER_EFIMERO => write!(
                f,
                ": lo tiene una conexión del proceso {pid} ({nombre}). Desde {PRIMER_EFIMERO} el sistema los reparte a quien se conecta: elegí uno menor."
            ),
            Some(Ocupante::Conexion { pid, nombre }) => write!(
                f,
                ": lo tiene una conexión del proceso {pid} ({nombre}), que empezó sin SO_REUSEADDR. Terminalo (kill {pid}), o elegí otro puerto."
            ),
            Some(Ocupante::Proceso { pid, nombre }) => write!(
                f,
                ": lo tiene el proceso {pid} ({nombre}). ¿Quedó corriendo en otra terminal? Terminalo (kill {pid}), o elegí otro puerto."
            ),
            Some(Ocupante::TimeWait) => f.write_str(
                ": quedó una conexión vieja de un servidor sin SO_REUSEADDR. Esperá un minuto: con libtp0 no vuelve a pasar.",
            ),
            None => write!(f, ". Para ver quién lo tiene: sudo lsof -i :{}", self.0.port()),
        }
    }
}
