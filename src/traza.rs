//! `TP0_TRAZA=1`: cada paso de los sockets, un renglón en la salida de errores. Apagada, mirar si lo está es una lectura.
//!
//! ```text
//! [server 4215 +0.000040] bind(3, 0.0.0.0:4444)
//! [server 4215 +1.200300] 4 <- handshake 1
//! [server 4215 +1.200400] 4 -> handshake 0 (OK)
//! [server 4215 +1.200500] 4 <- MENSAJE (0), 5 bytes: "hola"
//! ```
//!
//! Adelante, el programa, su número de proceso y los segundos desde que empezó a contar. `4 ->` es lo que sale por el descriptor 4; `4 <-`,
//! lo que llegó; `=>`, cómo terminó una función que falló. Cada renglón se escribe de una sola vez: los de varios hilos no se mezclan.

use std::fmt::{self, Write};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Hexadecimal, Resultado};
use crate::opciones;
use crate::protocolo::{Header, LARGO_DE_HEADER, MENSAJE, PAQUETE, Valores, en_memoria};
use crate::renglon::Renglon;
use crate::sistema;

/// Todavía no se miró el entorno.
const SIN_MIRAR: u8 = 0;
const APAGADA: u8 = 1;
const SIN_COLOR: u8 = 2;
const EN_COLORES: u8 = 3;

static ESTADO: AtomicU8 = AtomicU8::new(SIN_MIRAR);
/// Qué proceso ya se presentó: el hijo de un fork es otro. 0: ninguno, o hay que volver a hacerlo.
static PRESENTADO: AtomicU32 = AtomicU32::new(0);
/// Si alguna vez se pudo escribir.
static SE_PUDO: AtomicBool = AtomicBool::new(false);
/// Cuándo se empezó a contar.
static COMIENZO_NS: AtomicI64 = AtomicI64::new(0);

/// Lo que entra en un renglón, en bytes: el texto más largo de un error, y el resto.
const LARGO: usize = 1280;

/// Qué clase de paso es: en una terminal, su color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clase {
    /// Una llamada al sistema.
    Llamada,
    /// Algo salió por una conexión.
    Sale,
    /// Algo llegó.
    Llega,
    /// Algo que terminó mal, o que terminó.
    Falla,
}

impl Clase {
    fn color(self) -> &'static str {
        match self {
            Self::Llamada => "",
            Self::Sale => "\x1b[32m",
            Self::Llega => "\x1b[36m",
            Self::Falla => "\x1b[33m",
        }
    }
}

/// Cuenta un paso, si hay traza. Los argumentos se miran sólo entonces.
macro_rules! paso {
    ($($que:tt)*) => {
        if $crate::traza::activa() {
            $crate::traza::escribir($crate::traza::Clase::Llamada, format_args!($($que)*));
        }
    };
}
/// Hace una llamada al sistema y la cuenta, haya andado o no. Da su resultado.
macro_rules! llamada {
    ($resultado:expr, $($que:tt)*) => {{
        let resultado = $resultado;
        if $crate::traza::activa() {
            $crate::traza::contar_llamada(format_args!($($que)*), resultado.as_ref().err());
        }
        resultado
    }};
}
/// Cuenta algo que salió por un socket, si hay traza.
macro_rules! sale {
    ($socket:expr, $($que:tt)*) => {
        if $crate::traza::activa() {
            $crate::traza::contar_salida($socket, format_args!($($que)*));
        }
    };
}
/// Cuenta algo que llegó por un socket, si hay traza.
macro_rules! llega {
    ($socket:expr, $($que:tt)*) => {
        if $crate::traza::activa() {
            $crate::traza::contar_llegada($socket, format_args!($($que)*));
        }
    };
}
pub(crate) use {llamada, llega, paso, sale};

/// Si hay que contar.
#[inline(always)]
pub(crate) fn activa() -> bool {
    ESTADO.load(Ordering::Relaxed) != APAGADA && mirar()
}

/// La primera vez, lo que diga el entorno. Un valor que no se entiende lo rechaza [`segun_el_entorno`], que puede fallar.
#[cold]
#[inline(never)]
fn mirar() -> bool {
    if ESTADO.load(Ordering::Relaxed) == SIN_MIRAR && segun_el_entorno().is_err() {
        ESTADO.swap(APAGADA, Ordering::Relaxed);
    }
    ESTADO.load(Ordering::Relaxed) != APAGADA
}

/// Enciende o apaga según `TP0_TRAZA`.
///
/// # Errors
/// [`Error::Entorno`] si no se entiende, y [`Error::Traza`] si no se la puede escribir.
pub(crate) fn segun_el_entorno() -> Resultado<()> {
    if opciones::traza_del_entorno()? {
        return encender();
    }
    ESTADO.swap(APAGADA, Ordering::Relaxed);
    Ok(())
}

fn encender() -> Resultado<()> {
    let ya_estaba = matches!(ESTADO.load(Ordering::Relaxed), SIN_COLOR | EN_COLORES);
    if !ya_estaba {
        ESTADO.swap(if conviene_color()? { EN_COLORES } else { SIN_COLOR }, Ordering::Relaxed);
    }
    if let Err(causa) = presentarse().or_else(sin_lugar_por_ahora) {
        ESTADO.swap(APAGADA, Ordering::Relaxed);
        // Si antes se pudo, el programa ya anda: que siga sin traza.
        return if SE_PUDO.load(Ordering::Relaxed) { Ok(()) } else { Err(Error::Traza { causa }) };
    }
    SE_PUDO.swap(true, Ordering::Relaxed);
    Ok(())
}

/// En una terminal, salvo que se haya pedido que no (<https://no-color.org>).
fn conviene_color() -> Resultado<bool> {
    let no_color = opciones::variable(c"NO_COLOR")?.is_some_and(|valor| !valor.is_empty());
    Ok(!no_color && sistema::hay_terminal())
}

/// El primer renglón de un proceso: con qué reloj juntar su traza con la de otro.
fn presentarse() -> io::Result<()> {
    let este = process::id();
    if PRESENTADO.load(Ordering::Relaxed) == este {
        return Ok(());
    }
    Programa::averiguar();
    let _ = COMIENZO_NS.compare_exchange(0, sistema::ahora_ns(), Ordering::Relaxed, Ordering::Relaxed);
    let reloj = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    escribir_renglon(
        Clase::Llamada,
        format_args!("libtp0 {version}, reloj {}.{:06}", reloj.as_secs(), reloj.subsec_micros()),
    )?;
    // Después de escribirlo: dos hilos pueden presentarse los dos, pero ninguno cuenta nada antes.
    PRESENTADO.swap(este, Ordering::Relaxed);
    Ok(())
}

/// Que quien lee la traza venga demorado es perder renglones, no la traza. Los que se pierden por falta de lugar en el disco, igual.
fn sin_lugar_por_ahora(causa: io::Error) -> io::Result<()> {
    match causa.kind() {
        ErrorKind::WouldBlock => Ok(()),
        ErrorKind::StorageFull if SE_PUDO.load(Ordering::Relaxed) => Ok(()),
        _ => Err(causa),
    }
}

/// Cuenta un paso. Una traza que ya no se puede escribir se apaga, y no molesta a la conversación.
#[cold]
#[inline(never)]
pub(crate) fn escribir(clase: Clase, que: fmt::Arguments<'_>) {
    let escrito = presentarse().and_then(|()| escribir_renglon(clase, que));
    if escrito.or_else(sin_lugar_por_ahora).is_err() {
        ESTADO.swap(APAGADA, Ordering::Relaxed);
        PRESENTADO.swap(0, Ordering::Relaxed);
    }
}

/// Cuánto se espera a que quien lee la traza haga lugar: lo que dura una demora, y nada para quien no lee.
const PACIENCIA: Duration = Duration::from_millis(100);

fn escribir_renglon(clase: Clase, que: fmt::Arguments<'_>) -> io::Result<()> {
    let micros = sistema::ahora_ns().wrapping_sub(COMIENZO_NS.load(Ordering::Relaxed)) / 1000;
    let renglon = armar::<LARGO>(micros, clase, que);
    let perdidos = |cuantos| armar(micros, Clase::Falla, format_args!("faltan {cuantos} renglones: nadie los leía"));
    sistema::ERRORES.escribir(libc::STDERR_FILENO, [renglon.bytes(), &[], &[]], PACIENCIA, perdidos)
}

fn armar<const N: usize>(micros: i64, clase: Clase, que: fmt::Arguments<'_>) -> Renglon<N> {
    let mut renglon = Renglon::vacio();
    let (tenue, normal, color, fin) = match ESTADO.load(Ordering::Relaxed) {
        EN_COLORES => ("\x1b[2m", "\x1b[0m", clase.color(), "\x1b[0m\n"),
        _ => ("", "", "", "\n"),
    };
    renglon.agregar_tal_cual(tenue);
    let _ = write!(renglon, "[{} {} +{}.{:06}]", Programa, process::id(), micros / 1_000_000, micros % 1_000_000);
    renglon.agregar_tal_cual(normal);
    renglon.agregar_tal_cual(color);
    // Si no entra, se corta: lo de más adelante importa más.
    let _ = write!(renglon, " {que}");
    renglon.terminar_con(fin);
    renglon
}

/// El nombre de este programa, como lo muestra `ps`: hasta 15 letras, y ceros. Se averigua una sola vez, para que no cambie si después no quedan
/// descriptores para preguntarlo.
static NOMBRE: [AtomicU8; 15] = [const { AtomicU8::new(0) }; 15];

struct Programa;

impl Programa {
    fn averiguar() {
        let mut bytes = [0; NOMBRE.len()];
        let leidos = File::open("/proc/self/comm").and_then(|mut archivo| archivo.read(&mut bytes)).unwrap_or(0);
        let leido = bytes.get(..leidos).unwrap_or_default().trim_ascii_end();
        // También los ceros de atrás: el hijo de un fork puede tener otro nombre, más corto.
        for (numero, lugar) in NOMBRE.iter().enumerate() {
            let letra = match leido.get(numero) {
                None => 0,
                // Lo que separa las partes del renglón no puede ser parte del nombre.
                Some(byte) if byte.is_ascii_alphanumeric() || b"._-".contains(byte) => *byte,
                Some(_) => b'_',
            };
            lugar.swap(letra, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for Programa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letras = || NOMBRE.iter().map(|letra| letra.load(Ordering::Relaxed)).take_while(|letra| *letra != 0);
        if letras().next().is_none() {
            return f.write_str("programa");
        }
        letras().try_for_each(|letra| f.write_char(char::from(letra)))
    }
}

/// Una llamada al sistema, con su error si lo hubo. La usa [`llamada!`].
#[cold]
pub(crate) fn contar_llamada(que: fmt::Arguments<'_>, error: Option<&io::Error>) {
    match error {
        None => escribir(Clase::Llamada, que),
        Some(error) => escribir(Clase::Falla, format_args!("{que} = -1: {error}")),
    }
}

/// Cómo falló lo que pidió el programa.
#[cold]
pub(crate) fn contar_falla(error: &(impl fmt::Display + ?Sized)) {
    if activa() {
        escribir(Clase::Falla, format_args!("=> {error}"));
    }
}

/// Algo que salió por `socket`.
#[cold]
pub(crate) fn contar_salida(socket: &impl AsFd, que: fmt::Arguments<'_>) {
    escribir(Clase::Sale, format_args!("{} -> {que}", socket.as_fd().as_raw_fd()));
}

/// Algo que llegó por `socket`.
#[cold]
pub(crate) fn contar_llegada(socket: &impl AsFd, que: fmt::Arguments<'_>) {
    escribir(Clase::Llega, format_args!("{} <- {que}", socket.as_fd().as_raw_fd()));
}

/// Antes de dormir hasta que llegue algo: lo último de la traza de un programa que «se queda clavado».
pub(crate) fn contar_espera(socket: &impl AsFd) {
    paso!("recv({}): espera", socket.as_fd().as_raw_fd());
}

/// Antes de cerrar: después, el número ya puede ser de otro.
pub(crate) fn contar_cierre(descriptor: RawFd) {
    paso!("close({descriptor})");
}

/// Un mensaje que salió: su header y las partes de su payload.
#[cold]
#[inline(never)]
pub(crate) fn contar_mensaje_enviado<const N: usize>(socket: &impl AsFd, partes: [&[u8]; N]) {
    let header = partes.first().and_then(|header| header.first_chunk::<LARGO_DE_HEADER>());
    let payload = partes.get(1).copied().unwrap_or_default();
    if let Some(Ok(header)) = header.map(|header| Header::de_bytes(*header, u32::MAX)) {
        contar_un_envio(socket, header, payload);
    }
}

fn contar_un_envio(socket: &impl AsFd, header: Header, payload: &[u8]) {
    let (codigo, tamanio) = (Some(header.codigo()), en_memoria(header.tamanio()));
    contar_salida(socket, format_args!("{}", Mensaje { codigo, tamanio, payload }));
}

/// Muchos mensajes ya armados que salieron juntos.
#[cold]
#[inline(never)]
pub(crate) fn contar_armados(socket: &impl AsFd, mut mensajes: &[u8]) {
    while let Some((header, resto)) = mensajes.split_first_chunk::<LARGO_DE_HEADER>() {
        let Ok(header) = Header::de_bytes(*header, u32::MAX) else { return };
        let Some((payload, siguientes)) = resto.split_at_checked(en_memoria(header.tamanio())) else { return };
        contar_un_envio(socket, header, payload);
        mensajes = siguientes;
    }
}

/// Un mensaje que llegó entero. Sin `codigo`: lo leyó el programa por su cuenta.
#[cold]
#[inline(never)]
pub(crate) fn contar_mensaje_recibido(socket: &impl AsFd, codigo: Option<i32>, payload: &[u8]) {
    contar_llegada(socket, format_args!("{}", Mensaje { codigo, tamanio: payload.len(), payload }));
}

/// Como [`contar_mensaje_recibido`], para un PAQUETE del que se fue juntando una [`Muestra`] a medida que llegaba.
#[cold]
#[inline(never)]
pub(crate) fn contar_paquete_recibido(socket: &impl AsFd, codigo: i32, tamanio: usize, muestra: &Muestra) {
    contar_llegada(socket, format_args!("{}, {tamanio} bytes, {muestra}", Codigo(Some(codigo))));
}

/// Un código de operación, con su nombre si lo tiene.
pub(crate) struct Codigo(pub(crate) Option<i32>);

impl fmt::Display for Codigo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(MENSAJE) => write!(f, "MENSAJE ({MENSAJE})"),
            Some(PAQUETE) => write!(f, "PAQUETE ({PAQUETE})"),
            Some(codigo) => write!(f, "código {codigo}"),
            None => f.write_str("payload"),
        }
    }
}

/// Un mensaje, en pocas palabras.
struct Mensaje<'a> {
    codigo: Option<i32>,
    tamanio: usize,
    /// Su payload; de un MENSAJE puede faltar el `'\0'`.
    payload: &'a [u8],
}

impl fmt::Display for Mensaje<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes", Codigo(self.codigo), self.tamanio)?;
        match (self.codigo, self.payload) {
            (_, []) => Ok(()),
            (Some(PAQUETE), payload) => match Muestra::de(payload) {
                Some(muestra) => write!(f, ", {muestra}"),
                None => write!(f, ", no cierra: {}", EnHexadecimal(payload)),
            },
            (_, payload) => write!(f, ": {}", Valor(payload)),
        }
    }
}

/// Los primeros valores de un PAQUETE, y cuántos son.
pub(crate) struct Muestra {
    cuantos: usize,
    primeros: Renglon<192>,
}

/// Cuántos valores se muestran.
const SE_MUESTRAN: usize = 4;

impl Muestra {
    pub(crate) fn vacia() -> Self {
        Self { cuantos: 0, primeros: Renglon::vacio() }
    }

    pub(crate) fn agregar(&mut self, valor: &[u8]) {
        if self.cuantos < SE_MUESTRAN {
            let coma = if self.cuantos == 0 { "" } else { ", " };
            let _ = write!(self.primeros, "{coma}{}", Valor(valor));
        }
        self.cuantos += 1;
    }

    fn de(payload: &[u8]) -> Option<Self> {
        let mut muestra = Self::vacia();
        for valor in Valores::de(payload) {
            muestra.agregar(valor.ok()?);
        }
        Some(muestra)
    }
}

impl fmt::Display for Muestra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (valores, siguen) = (
            if self.cuantos == 1 { "valor" } else { "valores" },
            if self.cuantos > SE_MUESTRAN { ", ..." } else { "" },
        );
        let dos_puntos = if self.cuantos == 0 { "" } else { ": " };
        write!(f, "{} {valores}{dos_puntos}{}{siguen}", self.cuantos, self.primeros.texto())
    }
}

/// Unos bytes, cortos y sin peligro para la terminal: el texto que parezcan o, si no, en hexadecimal.
struct Valor<'a>(&'a [u8]);

impl fmt::Display for Valor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETRAS: usize = 32;
        let sin_final = self.0.strip_suffix(b"\0").unwrap_or(self.0);
        let Some(texto) = texto_de(sin_final) else { return write!(f, "{}", EnHexadecimal(self.0)) };
        match texto.char_indices().nth(LETRAS) {
            Some((corte, _)) => write!(f, "{:?}...", texto.get(..corte).unwrap_or_default()),
            None => write!(f, "{texto:?}"),
        }
    }
}

/// El texto que son esos bytes, si lo parecen: nadie escribe un texto con caracteres de control, salvo fines de línea.
fn texto_de(bytes: &[u8]) -> Option<&str> {
    let es_raro = |letra: char| letra.is_control() && !"\n\r\t".contains(letra);
    std::str::from_utf8(bytes).ok().filter(|texto| !texto.contains(es_raro))
}

/// Los primeros bytes; si son justo 4, también el entero que pueden ser.
struct EnHexadecimal<'a>(&'a [u8]);

impl fmt::Display for EnHexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BYTES: usize = 12;
        match self.0 {
            [a, b, c, d] => write!(f, "{} ({})", Hexadecimal(self.0), i32::from_le_bytes([*a, *b, *c, *d])),
            largos => match largos.get(..BYTES) {
                Some(primeros) if largos.len() > BYTES => write!(f, "{} ...", Hexadecimal(primeros)),
                _ => write!(f, "{}", Hexadecimal(largos)),
            },
        }
    }
}
