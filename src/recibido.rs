//! Un mensaje, como vino o ya entendido; prestado o propio. Aquí no hay sockets: con [`Header`] y [`HANDSHAKE`](crate::HANDSHAKE), alcanza
//! para hablar el protocolo por el medio que sea.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;

use crate::error::{Error, Resultado};
use crate::paquete::Paquete;
use crate::protocolo::{self, Header, LARGO_DE_HEADER, Valores};

/// Un mensaje como vino: su código y los bytes de su payload, prestados y sin mirar. Para quien lo reenvía o lo anota: un texto
/// en Latin-1, o con un `'\0'` adentro, sigue igual.
///
/// ```
/// # use tp0::{Conexion, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
/// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
/// # let mut conexion = servidor.esperar_cliente()?;
/// cliente.enviar(tp0::MENSAJE, b"a\xf1o\0s")?; // ni UTF-8, ni un solo '\0'
/// let Some(crudo) = conexion.recibir_crudo()? else { panic!() };
/// assert_eq!((crudo.codigo(), crudo.payload()), (tp0::MENSAJE, b"a\xf1o\0s".as_slice()));
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Crudo<'a> {
    codigo: i32,
    payload: &'a [u8],
}

impl fmt::Debug for Crudo<'_> {
    /// Su código y cuánto mide; lo que dice, que puede ser enorme o ajeno, lo da [`payload`](Self::payload).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crudo").field("codigo", &self.codigo).field("bytes", &self.payload.len()).finish()
    }
}

impl<'a> Crudo<'a> {
    pub(crate) fn nuevo(codigo: i32, payload: &'a [u8]) -> Self {
        Self { codigo, payload }
    }

    /// El primer mensaje de `bytes`, y lo que le sigue. `None`: todavía no está entero. Es para quien junta los bytes por su cuenta.
    ///
    /// ```
    /// use tp0::{Crudo, Enviable, TAMANIO_MAXIMO};
    ///
    /// let mut bytes = "hola".a_bytes(TAMANIO_MAXIMO)?;
    /// bytes.extend_from_slice(&[7, 0, 0]); // el comienzo de otro
    ///
    /// let (mensaje, resto) = Crudo::de_bytes(&bytes, TAMANIO_MAXIMO)?.expect("está entero");
    /// assert_eq!(mensaje.payload(), b"hola\0");
    /// assert!(Crudo::de_bytes(resto, TAMANIO_MAXIMO)?.is_none(), "de ése faltan bytes");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`Header::de_bytes`], apenas está el header.
    pub fn de_bytes(bytes: &'a [u8], limite: u32) -> Resultado<Option<(Self, &'a [u8])>> {
        let Some((header, resto)) = bytes.split_first_chunk::<LARGO_DE_HEADER>() else { return Ok(None) };
        let header = Header::de_bytes(*header, limite)?;
        let partes = resto.split_at_checked(protocolo::en_memoria(header.tamanio()));
        Ok(partes.map(|(payload, resto)| (Self::nuevo(header.codigo(), payload), resto)))
    }

    /// El código de operación.
    #[must_use]
    pub fn codigo(&self) -> i32 {
        self.codigo
    }

    /// El payload, entero: en un MENSAJE, con su `'\0'` y lo que venga después.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Una copia que no le debe nada a la conexión: el código y el payload, que así también se [puede enviar](Enviable).
    ///
    /// ```
    /// use tp0::{Crudo, Enviable, Recibido, TAMANIO_MAXIMO};
    ///
    /// let bytes = "hola".a_bytes(TAMANIO_MAXIMO)?;
    /// let (crudo, _) = Crudo::de_bytes(&bytes, TAMANIO_MAXIMO)?.expect("está entero");
    /// let (codigo, payload) = crudo.a_propio(); // para un canal, o para después
    /// assert_eq!(Recibido::de(codigo, &payload)?, Recibido::Mensaje("hola"));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn a_propio(self) -> (i32, Vec<u8>) {
        (self.codigo, self.payload.to_vec())
    }

    /// Lo mismo, ya entendido.
    ///
    /// # Errors
    /// Los de [`Recibido::de`].
    pub fn entender(self) -> Resultado<Recibido<'a>> {
        Recibido::de(self.codigo, self.payload)
    }
}

/// Un mensaje recibido, prestado por la conexión hasta la próxima recepción. [`a_propio`](Self::a_propio) lo copia, para mandarlo por un
/// canal o guardarlo.
///
/// ```
/// use tp0::{Conexion, Paquete, Recibido, Servidor};
///
/// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
/// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
/// # let mut conexion = servidor.esperar_cliente()?;
/// cliente.enviar_mensaje("hola")?;
/// cliente.enviar_paquete(Paquete::nuevo().agregar("uno")?)?;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recibido<'a> {
    /// Un texto, sin su `'\0'`: hasta el primero que traiga.
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
    /// Entiende un mensaje, venga de donde venga.
    ///
    /// ```
    /// use tp0::{Error, MENSAJE, PAQUETE, Recibido};
    ///
    /// assert_eq!(Recibido::de(MENSAJE, b"hola\0")?, Recibido::Mensaje("hola"));
    /// assert!(matches!(Recibido::de(MENSAJE, b"a\xf1o\0"), Err(Error::Texto { .. })));
    /// assert!(matches!(Recibido::de(PAQUETE, &[9, 0, 0, 0]), Err(Error::LargoMentiroso { largo: 9, quedan: 0, .. })));
    /// assert!(matches!(Recibido::de(-1, b""), Err(Error::CodigoNegativo { codigo: -1, .. })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Texto`] si un MENSAJE no es UTF-8; [`Error::LargoMentiroso`] o [`Error::SobranBytes`] si un PAQUETE no cierra;
    /// [`Error::CodigoNegativo`].
    #[inline]
    pub fn de(codigo: i32, payload: &'a [u8]) -> Resultado<Self> {
        match codigo {
            protocolo::MENSAJE => match std::str::from_utf8(sin_terminador(payload)) {
                Ok(texto) => Ok(Self::Mensaje(texto)),
                Err(causa) => Err(Error::Texto { causa }),
            },
            protocolo::PAQUETE => Ok(Self::Paquete(PaqueteRecibido::de(payload)?)),
            codigo if codigo >= 0 => Ok(Self::Otro { codigo, payload }),
            codigo => Err(Error::CodigoNegativo { codigo }),
        }
    }

    /// El código de operación.
    #[must_use]
    pub fn codigo(&self) -> i32 {
        match self {
            Self::Mensaje(_) => protocolo::MENSAJE,
            Self::Paquete(_) => protocolo::PAQUETE,
            Self::Otro { codigo, .. } => *codigo,
        }
    }

    /// Una copia que no le debe nada a la conexión.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use tp0::RecibidoPropio;
    ///
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// # cliente.enviar_mensaje("hola")?;
    /// # drop(cliente);
    /// let (para_el_otro, llegados) = mpsc::channel();
    /// std::thread::spawn(move || -> tp0::Resultado<()> {
    ///     while let Some(recibido) = conexion.recibir()? {
    ///         let _ = para_el_otro.send(recibido.a_propio());
    ///     }
    ///     Ok(())
    /// });
    /// assert_eq!(llegados.recv(), Ok(RecibidoPropio::Mensaje("hola".to_owned())));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn a_propio(&self) -> RecibidoPropio {
        match self {
            Self::Mensaje(texto) => RecibidoPropio::Mensaje((*texto).to_owned()),
            Self::Paquete(paquete) => {
                RecibidoPropio::Paquete(Paquete::armado(protocolo::PAQUETE, paquete.payload.to_vec()))
            }
            Self::Otro { codigo, payload } => RecibidoPropio::Otro { codigo: *codigo, payload: payload.to_vec() },
        }
    }
}

/// El texto termina en su primer `'\0'`; si no trae ninguno, en el fin del payload.
fn sin_terminador(payload: &[u8]) -> &[u8] {
    match payload {
        // Casi siempre: uno solo, al final. Sin cortar en el primero que haya, el compilador los mira de a dieciséis.
        [texto @ .., 0] if texto.iter().fold(true, |ninguno, byte| ninguno & (*byte != 0)) => texto,
        _ => CStr::from_bytes_until_nul(payload).map_or(payload, CStr::to_bytes),
    }
}

/// Un mensaje recibido que ya no le debe nada a la conexión: lo da [`Recibido::a_propio`].
///
/// ```
/// use tp0::{Recibido, RecibidoPropio};
///
/// let propio = Recibido::de(7, b"abc")?.a_propio();
/// assert_eq!(propio, RecibidoPropio::Otro { codigo: 7, payload: b"abc".to_vec() });
/// assert_eq!(propio.prestado(), Recibido::Otro { codigo: 7, payload: b"abc" });
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecibidoPropio {
    /// Un texto, sin su `'\0'`.
    Mensaje(String),
    /// Una lista de valores.
    Paquete(Paquete),
    /// Un código de operación propio del programa, con su payload.
    Otro {
        /// El código de operación.
        codigo: i32,
        /// El payload entero.
        payload: Vec<u8>,
    },
}

impl RecibidoPropio {
    /// El mismo, prestado: para usar en un solo `match` los que llegan y los guardados.
    #[must_use]
    pub fn prestado(&self) -> Recibido<'_> {
        match self {
            Self::Mensaje(texto) => Recibido::Mensaje(texto),
            Self::Paquete(paquete) => Recibido::Paquete(PaqueteRecibido { payload: paquete.payload() }),
            Self::Otro { codigo, payload } => Recibido::Otro { codigo: *codigo, payload },
        }
    }
}

impl From<Recibido<'_>> for RecibidoPropio {
    fn from(recibido: Recibido<'_>) -> Self {
        recibido.a_propio()
    }
}

/// Un PAQUETE recibido: sus valores ya se comprobaron.
///
/// ```
/// use tp0::Recibido;
///
/// # use tp0::{Conexion, Paquete, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
/// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
/// # let mut conexion = servidor.esperar_cliente()?;
/// # cliente.enviar_paquete(Paquete::nuevo().agregar_texto("SET")?.agregar_texto("clave")?)?;
/// let Some(Recibido::Paquete(paquete)) = conexion.recibir()? else { panic!() };
/// let mut valores = paquete.valores();
/// assert_eq!((valores.next(), valores.next(), valores.next()), (Some(b"SET\0".as_slice()), Some(b"clave\0".as_slice()), None));
/// assert_eq!(format!("{paquete:?}"), r#"["SET", "clave"]"#);
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PaqueteRecibido<'a> {
    payload: &'a [u8],
}

/// Los valores: cada uno como texto o, si no es UTF-8, sus bytes.
impl fmt::Debug for PaqueteRecibido<'_> {
    fn fmt(&self, salida: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lista = salida.debug_list();
        for (valor, texto) in self.valores().zip(self.textos()) {
            match texto {
                Ok(texto) => lista.entry(&texto),
                Err(_) => lista.entry(&valor),
            };
        }
        lista.finish()
    }
}

impl<'a> PaqueteRecibido<'a> {
    fn de(payload: &'a [u8]) -> Resultado<Self> {
        Valores::de(payload).comprobar()?;
        Ok(Self { payload })
    }

    /// Los valores, en orden y sin copiar. Con su `'\0'`, si lo traen.
    ///
    /// ```
    /// # use tp0::{PAQUETE, Recibido};
    /// let Recibido::Paquete(paquete) = Recibido::de(PAQUETE, &[2, 0, 0, 0, b'o', b'k', 0, 0, 0, 0])? else { panic!() };
    /// assert!(paquete.valores().eq([b"ok".as_slice(), b""]));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn valores(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Valores::de(self.payload).comprobados()
    }

    /// Los valores como textos, cada uno hasta su `'\0'`, si lo trae.
    ///
    /// ```
    /// use tp0::Recibido;
    ///
    /// # use tp0::{Conexion, Paquete, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut conexion = servidor.esperar_cliente()?;
    /// # cliente.enviar_paquete(Paquete::nuevo().agregar_texto("hola")?.agregar("chau")?)?;
    /// let Some(Recibido::Paquete(paquete)) = conexion.recibir()? else { panic!() };
    /// let textos: Vec<&str> = paquete.textos().collect::<Result<_, _>>()?;
    /// assert_eq!(textos, ["hola", "chau"]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// Cada uno es [`Error::Texto`] si no es UTF-8.
    pub fn textos(&self) -> impl Iterator<Item = Resultado<&'a str>> + use<'a> {
        self.valores().map(|valor| std::str::from_utf8(sin_terminador(valor)).map_err(|causa| Error::Texto { causa }))
    }

    /// El payload, como viajó: los largos y los valores.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// Qué dio una espera con plazo.
///
/// ```
/// use std::time::Duration;
/// use tp0::{Novedad, Recibido};
///
/// # use tp0::{Conexion, Servidor};
/// # let servidor = Servidor::iniciar("127.0.0.1", 0)?;
/// # let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
/// # let mut conexion = servidor.esperar_cliente()?;
/// assert!(matches!(conexion.recibir_hasta(Duration::ZERO)?, Novedad::Nada));
///
/// cliente.enviar_mensaje("hola")?;
/// drop(cliente);
/// let mut textos = Vec::new();
/// loop {
///     match conexion.recibir_hasta(Duration::from_secs(1))? {
///         Novedad::Llego(Recibido::Mensaje(texto)) => textos.push(texto.to_owned()),
///         Novedad::Llego(otro) => println!("no sé qué hacer con {otro:?}"),
///         Novedad::Nada => println!("sigo esperando"),
///         Novedad::Fin => break,
///     }
/// }
/// assert_eq!(textos, ["hola"]);
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Novedad<T> {
    /// Llegó un mensaje.
    Llego(T),
    /// El otro terminó la conversación, entre un mensaje y otro.
    Fin,
    /// Se cumplió el plazo y no hay un mensaje entero. Lo que haya llegado de él queda guardado: la próxima sigue desde ahí.
    Nada,
}

/// Lo que se puede enviar con [`difundir`](crate::difundir) y [`enviar_hasta`](crate::Conexion::enviar_hasta), o volver bytes: un texto
/// (`str`, `String`: un MENSAJE); un [`Paquete`]; un código con su payload (`(i32, P)`, con `P: AsRef<[u8]>`); algo recibido ([`Recibido`],
/// [`RecibidoPropio`], [`Crudo`]); y lo mismo, prestado. No se puede implementar para otros: un struct propio va con su código y lo que
/// arme un [`Escritor`](crate::Escritor).
///
/// ```
/// use tp0::{Enviable, Paquete, TAMANIO_MAXIMO};
///
/// assert_eq!("ok".a_bytes(TAMANIO_MAXIMO)?, [0, 0, 0, 0, 3, 0, 0, 0, b'o', b'k', 0]);
/// assert_eq!((7, b"ok").a_bytes(TAMANIO_MAXIMO)?, [7, 0, 0, 0, 2, 0, 0, 0, b'o', b'k']);
/// assert_eq!(Paquete::nuevo().a_bytes(TAMANIO_MAXIMO)?, [1, 0, 0, 0, 0, 0, 0, 0]);
/// # Ok::<(), tp0::Error>(())
/// ```
pub trait Enviable: sellado::Contenido {
    /// El mensaje entero, con su header: lo que viaja.
    ///
    /// # Errors
    /// [`Error::DemasiadoGrande`] si el payload pasa de `limite`; [`Error::Argumento`] si el código es negativo.
    fn a_bytes(&self, limite: u32) -> Resultado<Vec<u8>> {
        let (codigo, payload) = self.contenido();
        let header = Header::nuevo(codigo, payload.len(), limite)?.a_bytes();
        Ok([header.as_slice(), &payload].concat())
    }
}

impl<T: sellado::Contenido + ?Sized> Enviable for T {}

pub(crate) mod sellado {
    use super::*;

    /// El código y el payload de lo que se puede enviar.
    pub trait Contenido {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>);
    }

    impl Contenido for str {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            (protocolo::MENSAJE, Cow::Owned([self.as_bytes(), b"\0"].concat()))
        }
    }

    impl Contenido for String {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            self.as_str().contenido()
        }
    }

    impl Contenido for Paquete {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            (self.codigo(), Cow::Borrowed(self.payload()))
        }
    }

    impl Contenido for Crudo<'_> {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            (self.codigo, Cow::Borrowed(self.payload))
        }
    }

    impl<P: AsRef<[u8]>> Contenido for (i32, P) {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            (self.0, Cow::Borrowed(self.1.as_ref()))
        }
    }

    impl Contenido for Recibido<'_> {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            match self {
                Self::Mensaje(texto) => texto.contenido(),
                Self::Paquete(paquete) => (protocolo::PAQUETE, Cow::Borrowed(paquete.payload)),
                Self::Otro { codigo, payload } => (*codigo, Cow::Borrowed(payload)),
            }
        }
    }

    impl Contenido for RecibidoPropio {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            match self {
                Self::Mensaje(texto) => texto.contenido(),
                Self::Paquete(paquete) => paquete.contenido(),
                Self::Otro { codigo, payload } => (*codigo, Cow::Borrowed(payload)),
            }
        }
    }

    impl<T: Contenido + ?Sized> Contenido for &T {
        fn contenido(&self) -> (i32, Cow<'_, [u8]>) {
            (**self).contenido()
        }
    }
}
