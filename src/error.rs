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

/// Un enum cuyo `{:#?}` es su estructura: `{:?}` queda para su texto.
macro_rules! con_estructura {
    (
        $(#[$($del_enum:tt)*])*
        pub enum $nombre:ident {
            $(
                $(#[$($de_variante:tt)*])*
                $variante:ident $({ $( $(#[$($de_campo:tt)*])* $campo:ident: $tipo:ty, )* })? $(( $unico:ty ))?,
            )*
        }
    ) => {
        $(#[$($del_enum)*])*
        pub enum $nombre {
            $(
                $(#[$($de_variante)*])*
                $variante $({ $( $(#[$($de_campo)*])* $campo: $tipo, )* })? $(( $unico ))?,
            )*
        }

        impl $nombre {
            fn estructura(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if let Self::Argumento(texto) = self {
                    return f.debug_tuple("Argumento").field(texto).finish();
                }
                match self {
                    $(
                        Self::$variante { $($($campo,)*)? .. } => {
                            f.debug_struct(stringify!($variante))$($(.field(stringify!($campo), $campo))*)?.finish()
                        }
                    )*
                }
            }
        }
    };
}

con_estructura! {
/// Por qué falló una operación.
///
/// Su texto es una línea en castellano que nombra los valores, la causa y qué probar. También con `{:?}`: un `main` que devuelve
/// [`Resultado`], o un `unwrap()`, dicen lo mismo; la estructura es `{:#?}`. Lo que dijo el sistema está en el texto, no en
/// [`source`](std::error::Error::source).
///
/// Para decidir qué hacer: [`es_transitorio`](Error::es_transitorio), si insistir puede andar;
/// [`termina_la_conexion`](Error::termina_la_conexion), si hay que soltarla; y [`errno`](Error::errno), que es también el que tiene al
/// volverse un [`std::io::Error`]. Y se puede comparar por causa:
///
/// ```
/// use tp0::{Conexion, Error};
///
/// match Conexion::conectar("127.0.0.1", "99999") {
///     Err(Error::Puerto { valor, .. }) => assert_eq!(valor, "99999"),
///     otro => panic!("se esperaba un puerto inválido: {otro:?}"),
/// }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Un argumento que no sirve: dice cuál y por qué. También es para lo que quiera decir el programa.
    #[error("{0}")]
    Argumento(String),

    /// Una variable de entorno que no se entiende. Nunca se la reemplaza en silencio por un valor por defecto.
    #[error("La variable de entorno {variable} vale {} y tiene que ser {esperado}.", Corto(valor))]
    #[non_exhaustive]
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
    #[non_exhaustive]
    Traza {
        /// Lo que dijo el sistema.
        causa: io::Error,
    },

    /// Algo con forma de IP que no lo es.
    #[error("{} no es una IP: {motivo}", Corto(valor))]
    #[non_exhaustive]
    Ip {
        /// El texto recibido.
        valor: String,
        /// Qué tiene de malo.
        motivo: String,
    },

    /// Un puerto que no es un número del rango pedido.
    #[error("{} no es un puerto: {motivo}", Corto(valor))]
    #[non_exhaustive]
    Puerto {
        /// El texto recibido.
        valor: String,
        /// Qué tiene de malo.
        motivo: &'static str,
    },

    /// Un nombre que no se pudo traducir a una dirección.
    #[error("{} no es una IP ni un nombre conocido ({detalle}). ¿Leíste bien la clave del .config, o el argumento?", Corto(nombre))]
    #[non_exhaustive]
    NoResuelve {
        /// El nombre.
        nombre: String,
        /// Lo que dijo el sistema.
        detalle: String,
    },

    /// Nadie escucha en esa dirección.
    #[error(
        "Conexión rechazada: no hay nadie escuchando en {direccion}. ¿Levantaste primero el servidor? ¿Son ésos su IP y su puerto? {}",
        PistaDeQuienEscucha(*direccion, *en_otra)
    )]
    #[non_exhaustive]
    NadieEscucha {
        /// A dónde se quiso conectar.
        direccion: SocketAddr,
        /// Si la IP es de esta máquina, en qué otra dirección escucha alguien ese puerto.
        en_otra: Option<SocketAddr>,
    },

    /// La red no llega a esa dirección.
    #[error(
        "No llego a {direccion} ({causa}). ¿Anda ping a esa IP? ¿La VM está en adaptador puente? ¿Hay un firewall, o dos VMs clonadas con la misma IP?"
    )]
    #[non_exhaustive]
    SinRuta {
        /// A dónde se quiso conectar.
        direccion: SocketAddr,
        /// Lo que dijo el sistema.
        causa: io::Error,
    },

    /// Pasó el plazo sin que se pudiera establecer la conexión TCP.
    #[error(
        "{direccion} no contestó en {} ms. ¿Anda ping a esa IP? ¿La VM está en adaptador puente? ¿Hay un firewall en el medio?",
        plazo.as_millis()
    )]
    #[non_exhaustive]
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
    #[non_exhaustive]
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
    #[non_exhaustive]
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
    #[non_exhaustive]
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
    #[non_exhaustive]
    HandshakeCortado {
        /// Con quién se habló.
        direccion: SocketAddr,
        /// Cómo cerró.
        detalle: &'static str,
    },

    /// El puerto ya lo usa otro.
    #[error("El puerto {} ya está en uso{}", direccion.port(), DetalleDeOcupante(*direccion, ocupante.as_ref()))]
    #[non_exhaustive]
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
    #[non_exhaustive]
    SinPermiso {
        /// Dónde se quiso escuchar.
        direccion: SocketAddr,
    },

    /// La dirección donde se quiso escuchar no es de esta máquina.
    #[error(
        "{direccion} no es una dirección de esta máquina. Fijate las propias con «ip addr», o no des ninguna para escuchar en todas."
    )]
    #[non_exhaustive]
    DireccionAjena {
        /// Dónde se quiso escuchar.
        direccion: SocketAddr,
    },

    /// Se acabaron los descriptores.
    #[error(
        "No quedan descriptores ({limite} es el límite de este proceso, «ulimit -n»). ¿Se suelta cada Conexion que ya no se usa?"
    )]
    #[non_exhaustive]
    SinDescriptores {
        /// El límite del proceso.
        limite: u64,
    },

    /// Llegó un código de operación negativo.
    #[error(
        "Llegó el código de operación {codigo} (bytes {}) y no puede ser negativo: ¿el otro lado usa este protocolo, o quedó algo sin leer?",
        Hexadecimal(&codigo.to_le_bytes())
    )]
    #[non_exhaustive]
    CodigoNegativo {
        /// El código.
        codigo: i32,
    },

    /// Llegó un tamaño negativo.
    #[error(
        "Llegó un mensaje de tamaño {tamanio} ({bytes}): ¿el otro lado no usa este protocolo, o quedó un handshake sin leer?"
    )]
    #[non_exhaustive]
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
    #[non_exhaustive]
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
    #[non_exhaustive]
    DemasiadoGrande {
        /// Lo que se quiso enviar, en bytes.
        tamanio: usize,
        /// El límite, en bytes.
        limite: u32,
    },

    /// Dentro de un paquete, un largo que no cierra con lo que queda.
    #[error(
        "El paquete no cierra: un valor dice medir {largo} bytes y quedan {quedan}. ¿El otro lado lo armó como un PAQUETE?"
    )]
    #[non_exhaustive]
    LargoMentiroso {
        /// El largo que dice.
        largo: i32,
        /// Los bytes que quedan después de ese largo.
        quedan: usize,
    },

    /// Al final de un paquete sobran bytes que no alcanzan para un largo.
    #[error(
        "El paquete no cierra: al final sobran {sobran} bytes y un valor empieza con 4. ¿El otro lado lo armó como un PAQUETE?"
    )]
    #[non_exhaustive]
    SobranBytes {
        /// Cuántos sobran: de 1 a 3.
        sobran: usize,
    },

    /// Los valores de un paquete, cada uno en su propia memoria, ocuparían mucho más que lo que viajó.
    #[error(
        "Llegaron {valores} valores en un paquete y ya ocuparían más de {tope} bytes, cuatro veces el límite del payload: cada uno, por chico que sea, ocupa 64. Mandá menos por paquete o varios juntos en un solo valor; o, de este lado, subí TP0_TAMANIO_MAXIMO."
    )]
    #[non_exhaustive]
    DemasiadosValores {
        /// Los que llegaron hasta ahí.
        valores: u32,
        /// Lo más que pueden ocupar, en bytes.
        tope: usize,
    },

    /// Se quiso leer de un buffer más de lo que queda.
    #[error("Quedan {quedan} bytes y pediste {pedidos}: ¿mismo orden de lectura que de escritura?")]
    #[non_exhaustive]
    BufferCorto {
        /// Bytes por leer.
        quedan: usize,
        /// Bytes pedidos.
        pedidos: usize,
    },

    /// Se terminó de leer un buffer y todavía quedaba.
    #[error("Quedan {quedan} bytes sin leer: ¿mismos datos, y en el mismo orden, al leer que al escribir?")]
    #[non_exhaustive]
    QuedanBytes {
        /// Bytes por leer.
        quedan: usize,
    },

    /// Se esperaba un mensaje con un código y llegó con otro.
    #[error(
        "Se esperaba un mensaje con código de operación {esperado} y llegó uno con código {codigo}: se lo descartó. Si puede llegar cualquiera, recibilo con recibir."
    )]
    #[non_exhaustive]
    OtroCodigo {
        /// El que se esperaba.
        esperado: i32,
        /// El que llegó.
        codigo: i32,
    },

    /// Al difundir, o al [enviar con un plazo](crate::Conexion::enviar_hasta): el otro lado no está leyendo, o todavía le envía otro hilo.
    #[error(
        "El otro lado no está leyendo{}",
        if *en_el_medio { " y el mensaje quedó a medio enviar: la conexión se terminó." } else { " y no le entra más: no se le envió nada, y la conexión sigue." }
    )]
    #[non_exhaustive]
    NoLee {
        /// Si quedó a medio enviar, en cuyo caso la conexión se termina.
        en_el_medio: bool,
    },

    /// El otro lado terminó la conversación, entre un mensaje y otro. No es de temer.
    #[error("El otro lado terminó la conversación (normal): salí del while y soltá la conexión.")]
    Fin,

    /// La conexión se cerró en el medio de un mensaje.
    #[error(
        "El otro lado cerró en el medio de un mensaje: llegaron {llegaron} de {esperados} bytes de su {parte}. ¿Se cayó?"
    )]
    #[non_exhaustive]
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
    #[error("El otro lado ya cerró la conexión: no se le puede enviar más. Soltala.")]
    ParIdo,

    /// El otro lado dejó de dar señales de vida: con keepalive, en su plazo; sin él, el sistema tarda un cuarto de hora o más
    /// en darse cuenta, y sólo si hay algo enviado sin confirmar.
    #[error("El otro lado dejó de responder: ¿se desconectó el cable, o se apagó su máquina?")]
    ParMudo,

    /// El servidor se detuvo.
    #[error("El servidor se detuvo: ya no espera clientes.")]
    Liberado,

    /// Este mismo programa cortó la conexión, con [`cortar`](crate::Conexion::cortar) o al
    /// [detener](crate::Servidor::detener) el servidor.
    #[error("Este mismo programa cortó la conexión (con cortar, o al detener el servidor): soltala.")]
    Cortada,

    /// Se detuvo el servidor y a quien atiende se le cortaron sus conexiones, y aun así hubo funciones que no volvieron.
    #[error(
        "El servidor se detuvo, y {} sin volver la función de {}: ¿espera algo que no es una conexión suya?",
        if clientes.len() == 1 { "queda" } else { "quedan" },
        Lista(clientes)
    )]
    #[non_exhaustive]
    SinTerminar {
        /// Los clientes de esas funciones.
        clientes: Vec<SocketAddr>,
    },

    /// El número no es un socket abierto.
    #[error("{descriptor} no es una conexión abierta: {motivo}")]
    #[non_exhaustive]
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
    #[non_exhaustive]
    Escucha {
        /// El número.
        descriptor: i32,
    },

    /// Se quiso esperar clientes en un socket que no escucha.
    #[error("{descriptor} no es un socket que escucha.")]
    #[non_exhaustive]
    NoEscucha {
        /// El número.
        descriptor: i32,
    },

    /// El socket nunca se conectó.
    #[error("{descriptor} es un socket sin conectar: ¿falló su connect, o nunca se lo llamó?")]
    #[non_exhaustive]
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
    #[non_exhaustive]
    TiempoDelPrograma {
        /// Si ya se había movido algún byte del mensaje, en cuyo caso la conexión se termina.
        en_el_medio: bool,
    },

    /// El texto recibido no es UTF-8 (sólo lo exige la interfaz de Rust). Los bytes, como vinieron, los da
    /// [`recibir_crudo`](crate::Conexion::recibir_crudo).
    #[error("Llegó un texto que no es UTF-8: {causa}. ¿Lo mandó un programa en Latin-1? Como vino lo da recibir_crudo.")]
    #[non_exhaustive]
    Texto {
        /// Dónde deja de serlo.
        causa: std::str::Utf8Error,
    },

    /// No hay memoria.
    #[error("No hay memoria{}.", ParaCuanto(*bytes))]
    #[non_exhaustive]
    SinMemoria {
        /// Lo que se pidió; 0 si no se sabe.
        bytes: usize,
    },

    /// Una falla de la biblioteca misma, atrapada en el borde con C.
    #[error("Falla interna de libtp0 (panic): {detalle}. Es un error nuestro: por favor avisanos.")]
    #[non_exhaustive]
    Panico {
        /// Lo que dijo.
        detalle: String,
    },

    /// Cualquier otra falla del sistema.
    #[error("{operacion}: {causa}.")]
    #[non_exhaustive]
    Sistema {
        /// La llamada que falló.
        operacion: &'static str,
        /// Lo que dijo el sistema.
        causa: io::Error,
    },
}
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { self.estructura(f) } else { fmt::Display::fmt(self, f) }
    }
}

impl From<Error> for io::Error {
    /// La clase sale de [`errno`](Error::errno); el texto, y el error entero con
    /// [`get_ref`](io::Error::get_ref), siguen ahí. El fin de una conversación es un
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof).
    ///
    /// ```
    /// use std::io;
    /// use tp0::Conexion;
    ///
    /// fn saludar(puerto: u16) -> io::Result<()> {
    ///     Ok(Conexion::conectar("127.0.0.1", puerto)?.enviar_mensaje("hola")?)
    /// }
    ///
    /// let error = saludar(1).unwrap_err();
    /// assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    /// assert!(error.to_string().contains("¿Levantaste primero el servidor?"));
    /// ```
    fn from(error: Error) -> Self {
        let clase = match error.errno() {
            0 => io::ErrorKind::UnexpectedEof,
            numero => Self::from_raw_os_error(numero).kind(),
        };
        Self::new(clase, error)
    }
}

impl Error {
    /// El `errno` que le corresponde: lo que ve un programa en C.
    ///
    /// ```
    /// let error = tp0::Conexion::conectar("192.168.0.256", "4444").unwrap_err();
    /// assert_eq!(error.errno(), 22); // EINVAL
    /// ```
    #[must_use]
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
            | Self::SinTerminar { .. }
            | Self::NoLee { en_el_medio: true } => libc::ETIMEDOUT,
            Self::HandshakeRechazado { .. }
            | Self::OtroProtocolo { .. }
            | Self::CodigoNegativo { .. }
            | Self::TamanioNegativo { .. }
            | Self::LargoMentiroso { .. }
            | Self::SobranBytes { .. }
            | Self::BufferCorto { .. }
            | Self::OtroCodigo { .. }
            | Self::QuedanBytes { .. }
            | Self::Texto { .. } => libc::EPROTO,
            Self::PuertoEnUso { .. } => libc::EADDRINUSE,
            Self::SinPermiso { .. } => libc::EACCES,
            Self::DireccionAjena { .. } => libc::EADDRNOTAVAIL,
            Self::SinDescriptores { .. } => libc::EMFILE,
            Self::LlegaDemasiado { .. } | Self::DemasiadoGrande { .. } | Self::DemasiadosValores { .. } => {
                libc::EMSGSIZE
            }
            Self::Fin => 0,
            Self::FinEnElMedio { .. } | Self::Reset | Self::Terminada | Self::HandshakeCortado { .. } => {
                libc::ECONNRESET
            }
            Self::ParIdo => libc::EPIPE,
            Self::Liberado | Self::Cortada => libc::ECANCELED,
            Self::Descriptor { .. } => libc::EBADF,
            Self::SinConectar { .. } => libc::ENOTCONN,
            Self::Interrumpido => libc::EINTR,
            Self::TiempoDelPrograma { .. } | Self::NoLee { en_el_medio: false } => libc::EAGAIN,
            Self::SinMemoria { .. } => libc::ENOMEM,
            Self::Panico { .. } => libc::ENOTRECOVERABLE,
            // No hay camino, lo diga el sistema como lo diga.
            Self::SinRuta { causa, .. } if causa.raw_os_error() == Some(libc::ENETUNREACH) => libc::EHOSTUNREACH,
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

    /// El programa cerró el número en medio de una llamada: lo que haya ahí es de otro.
    pub(crate) fn cerrado_por_el_programa(descriptor: i32) -> Self {
        Self::Descriptor { descriptor, motivo: "el programa lo cerró mientras se lo usaba." }
    }

    /// Un número abierto que no es un socket. Los tres primeros se dan al arrancar el programa, y el 0 es lo que tiene una variable que
    /// nadie cambió.
    pub(crate) fn no_es_socket(descriptor: i32) -> Self {
        let motivo = match descriptor {
            0 => ES_LA_ENTRADA,
            1 | 2 => "es la salida del programa, no un socket.",
            _ => "es otra cosa, no un socket.",
        };
        Self::Descriptor { descriptor, motivo }
    }

    /// Si puede andar más tarde, cuando alguien devuelva lo que tiene.
    pub(crate) fn es_falta_de_recursos(&self) -> bool {
        match self {
            Self::SinDescriptores { .. } | Self::SinMemoria { .. } => true,
            Self::Sistema { causa, .. } => causa.raw_os_error() == Some(libc::ENFILE),
            _ => false,
        }
    }

    /// Si puede andar más tarde, haciendo lo mismo y sin cambiar nada: el servidor que todavía no está, la red que no llega, lo que falta
    /// y alguien va a devolver, un plazo que venció.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tp0::Conexion;
    ///
    /// let mut intentos = 0;
    /// let resultado = loop {
    ///     match Conexion::conectar("127.0.0.1", 1) {
    ///         // Un servidor que no está puede estar dentro de un rato; una IP mal escrita, no.
    ///         Err(error) if error.es_transitorio() && intentos < 3 => std::thread::sleep(Duration::from_millis(1)),
    ///         resultado => break resultado,
    ///     }
    ///     intentos += 1;
    /// };
    /// assert!(resultado.is_err() && intentos == 3);
    /// assert!(!Conexion::conectar("127.0.0.300", 4444).unwrap_err().es_transitorio());
    /// ```
    #[must_use]
    pub fn es_transitorio(&self) -> bool {
        match self {
            Self::NadieEscucha { .. }
            | Self::SinRuta { .. }
            | Self::PlazoDeConexion { .. }
            | Self::PlazoDeHandshake { .. }
            | Self::HandshakeCortado { .. }
            | Self::PuertoEnUso { ocupante: Some(Ocupante::TimeWait), .. }
            | Self::NoLee { en_el_medio: false }
            | Self::TiempoDelPrograma { en_el_medio: false }
            | Self::Interrumpido => true,
            otro => otro.es_falta_de_recursos(),
        }
    }

    /// Si después de este error, en un envío o una recepción, la conexión ya no sirve: hay que soltarla. Con los demás sigue, y se puede
    /// volver a enviar o a recibir.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// cliente.enviar(tp0::MENSAJE, b"\xf1and\xfa\0")?; // «ñandú», en Latin-1
    /// let error = conexion.recibir().unwrap_err();
    /// assert!(!error.termina_la_conexion(), "un texto que no se entiende se saltea: {error}");
    ///
    /// conexion.cortar();
    /// assert!(conexion.recibir().unwrap_err().termina_la_conexion());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn termina_la_conexion(&self) -> bool {
        matches!(
            self,
            Self::Fin
                | Self::FinEnElMedio { .. }
                | Self::Reset
                | Self::ParIdo
                | Self::ParMudo
                | Self::Terminada
                | Self::Cortada
                | Self::CodigoNegativo { .. }
                | Self::TamanioNegativo { .. }
                | Self::LlegaDemasiado { .. }
                | Self::NoLee { en_el_medio: true }
                | Self::TiempoDelPrograma { en_el_medio: true }
                | Self::SinMemoria { .. }
                | Self::Sistema { .. }
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
/// assert!(matches!(error, Error::FinEnElMedio { parte: Parte::Payload, llegaron: 2, esperados: 5, .. }));
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

/// Un valor que dio quien llama, entre comillas. Uno enorme se corta: la causa, que viene detrás, tiene que entrar en el texto.
struct Corto<'a>(&'a str);

impl fmt::Display for Corto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENTRAN: usize = 120;
        // Una letra rara ocupa varias al escribirla.
        let mut escritos = 0;
        let sobra = self.0.char_indices().find(|(_, letra)| {
            escritos += letra.escape_debug().count();
            escritos > ENTRAN
        });
        match sobra.and_then(|(corte, _)| self.0.get(..corte)) {
            Some(comienzo) => write!(f, "{comienzo:?}... ({} bytes)", self.0.len()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// Dónde mirar cuando nadie escucha en una dirección.
struct PistaDeQuienEscucha(SocketAddr, Option<SocketAddr>);

impl fmt::Display for PistaDeQuienEscucha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(_, Some(otra)) => write!(
                f,
                "En esta máquina sí escucha alguien en {otra}: ¿es ése? Conectate ahí, o que escuche en todas (sin TP0_IP)."
            ),
            Self(direccion, None) if direccion.ip().is_loopback() => f.write_str("Esa IP es la de esta misma máquina."),
            _ => f.write_str("¿Escucha en esa IP, o sólo en 127.0.0.1?"),
        }
    }
}

/// Para cuántos bytes no hubo memoria, si se sabe. Sin pedir más memoria para contarlo.
struct ParaCuanto(usize);

impl fmt::Display for ParaCuanto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, " para {} bytes", self.0) }
    }
}

/// Direcciones, una tras otra. De muchas, las primeras.
struct Lista<'a>(&'a [SocketAddr]);

impl fmt::Display for Lista<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENTRAN: usize = 5;
        for (i, direccion) in self.0.iter().take(ENTRAN).enumerate() {
            write!(f, "{}{direccion}", if i == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(ENTRAN) {
            0 => Ok(()),
            mas => write!(f, " y {mas} más"),
        }
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
/// let error = Servidor::iniciar("127.0.0.1", primero.puerto()?).unwrap_err();
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
    /// Nadie escucha: es una conexión que terminó hace menos de un minuto, de un servidor que no usó SO_REUSEADDR o, desde el puerto 32768, de
    /// cualquier cliente.
    TimeWait,
}

/// Lo que se dice del 0.
pub(crate) const ES_LA_ENTRADA: &str = "es la entrada del programa, no un socket.";

/// El primer puerto de los que el sistema reparte, de fábrica, a quien se conecta.
const PRIMER_EFIMERO: u16 = 32768;

/// Cómo sigue el texto de un puerto en uso, según lo que se sepa de quien lo tiene.
struct DetalleDeOcupante<'a>(SocketAddr, Option<&'a Ocupante>);

impl fmt::Display for DetalleDeOcupante<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(Ocupante::Proceso { pid, .. }) if *pid == std::process::id() => write!(
                f,
                ": lo tiene este mismo proceso ({pid}). ¿Se inició dos veces? Soltá el primero, o elegí otro puerto."
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
            Some(Ocupante::TimeWait) if self.0.port() >= PRIMER_EFIMERO => write!(
                f,
                ": lo tuvo hasta recién una conexión, que puede ser la de un cliente cualquiera: desde {PRIMER_EFIMERO} el sistema los presta a quien se conecta. Elegí uno menor, o esperá un minuto."
            ),
            Some(Ocupante::TimeWait) => f.write_str(
                ": quedó una conexión vieja de un servidor sin SO_REUSEADDR. Esperá un minuto: con libtp0 no vuelve a pasar.",
            ),
            None => write!(f, ". Para ver quién lo tiene: sudo lsof -i :{}", self.0.port()),
        }
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn un_valor_enorme_no_tapa_la_causa() {
        for letra in ["a", "ñ", "\u{1}", "\""] {
            let error = Error::NoResuelve { nombre: letra.repeat(5000), detalle: "no se conoce".to_owned() };
            let texto = error.to_string();
            assert!(texto.len() < 600, "{}", texto.len());
            assert!(texto.contains("bytes) no es una IP ni un nombre conocido (no se conoce)"), "{texto}");
        }
        let corto = Error::Puerto { valor: "80a".to_owned(), motivo: "no es un número." };
        assert_eq!(corto.to_string(), "\"80a\" no es un puerto: no es un número.");
    }

    #[test]
    fn un_puerto_que_pudo_dejar_un_cliente_no_se_le_achaca_a_un_servidor() {
        let en_uso = |puerto| Error::PuertoEnUso {
            direccion: SocketAddr::from(([0, 0, 0, 0], puerto)),
            ocupante: Some(Ocupante::TimeWait),
        };
        assert!(en_uso(4444).to_string().contains("un servidor sin SO_REUSEADDR"));
        let prestado = en_uso(PRIMER_EFIMERO).to_string();
        assert!(!prestado.contains("servidor") && prestado.contains("desde 32768") && prestado.contains("uno menor"));
    }

    #[test]
    fn que_no_hay_camino_es_siempre_el_mismo_errno() {
        let sin_ruta = |errno| Error::SinRuta {
            direccion: SocketAddr::from(([192, 0, 2, 1], 1)),
            causa: io::Error::from_raw_os_error(errno),
        };
        assert_eq!(sin_ruta(libc::ENETUNREACH).errno(), libc::EHOSTUNREACH);
        assert_eq!(sin_ruta(libc::EHOSTUNREACH).errno(), libc::EHOSTUNREACH);
        assert_eq!(sin_ruta(libc::ETIMEDOUT).errno(), libc::ETIMEDOUT);
    }

    #[test]
    fn si_escuchan_en_otra_direccion_se_dice_en_cual() {
        let direccion = SocketAddr::from(([127, 0, 0, 1], 4444));
        let otra = SocketAddr::from(([127, 0, 0, 2], 4444));
        let texto = |en_otra| Error::NadieEscucha { direccion, en_otra }.to_string();
        assert!(texto(Some(otra)).contains("sí escucha alguien en 127.0.0.2:4444"));
        assert!(texto(None).ends_with("Esa IP es la de esta misma máquina."));
    }
}
