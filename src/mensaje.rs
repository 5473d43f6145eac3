//! Mensajes por un socket: une el formato del cable con los envíos y recepciones, y dice en palabras por qué se cortó uno.
//!
//! Lo usan [`Conexion`](crate::Conexion), que es dueña de su socket, y la cara para C, que lo presta por su número.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI64, Ordering};

use socket2::{SockRef, Socket};

use crate::error::{BytesDeHeader, Error, Parte, Resultado};
use crate::protocolo::{self, Header, LARGO_DE_ENTERO, LARGO_DE_HEADER};
use crate::red::{self, Causa, Corte};
use crate::ritmo::{Ritmo, Tramo};
use crate::sistema::{self, HijoConUnHilo, MiTurno, Turno};
use crate::traza::{self, llega, sale};

/// Los bytes ya recibidos y todavía no entregados.
#[derive(Debug, Default)]
pub(crate) struct Lectura {
    bytes: Vec<u8>,
    desde: usize,
    hasta: usize,
    /// Cuándo terminó la última recepción.
    ultima_ns: i64,
}

/// Cuánto se pide al sistema la primera vez: muchos mensajes chicos entran en una sola recepción.
const TRAMO: usize = 8 * 1024;

/// Hasta cuánto se agranda el pedido cuando lo que llega lo llena.
const TRAMO_MAXIMO: usize = 256 * 1024;

/// Cuánto se conserva entre mensajes, como mucho.
const MUCHO: usize = 4 * 1024 * 1024;

impl Lectura {
    /// El próximo mensaje entero: su código y su payload. `None` si la conversación terminó.
    pub(crate) fn mensaje(&mut self, socket: &Socket, ritmo: &Ritmo, limite: u32) -> Resultado<Option<(i32, &[u8])>> {
        if let Err(corte) = self.juntar(socket, ritmo, LARGO_DE_HEADER) {
            return fin_o_error(error_de_header(socket, corte, self.hay()));
        }
        let header = Header::de_bytes(self.primeros(), limite)?;
        let tamanio = protocolo::en_memoria(header.tamanio());
        self.desde += LARGO_DE_HEADER;
        if let Err(corte) = self.juntar(socket, ritmo, tamanio) {
            let corte = Corte { movidos: self.hay(), ..corte };
            return Err(error_de_recepcion(socket, corte, Parte::Payload, tamanio));
        }
        let inicio = self.desde;
        self.desde += tamanio;
        let payload = self.bytes.get(inicio..self.desde);
        if traza::activa() {
            traza::contar_mensaje_recibido(socket, Some(header.codigo()), payload.unwrap_or_default());
        }
        Ok(payload.map(|payload| (header.codigo(), payload)))
    }

    fn hay(&self) -> usize {
        self.hasta - self.desde
    }

    fn primeros(&self) -> [u8; LARGO_DE_HEADER] {
        let bytes = self.bytes.get(self.desde..self.hasta).unwrap_or_default();
        bytes.first_chunk().copied().unwrap_or_default()
    }

    /// Recibe hasta que haya `cantidad` bytes seguidos sin entregar.
    #[inline]
    fn juntar(&mut self, socket: &Socket, ritmo: &Ritmo, cantidad: usize) -> Result<(), Corte> {
        if self.hay() >= cantidad { Ok(()) } else { self.recibir_hasta(socket, ritmo, cantidad) }
    }

    #[inline(never)]
    fn recibir_hasta(&mut self, socket: &Socket, ritmo: &Ritmo, cantidad: usize) -> Result<(), Corte> {
        let llena = self.hasta == self.bytes.len() && self.desde > 0;
        self.bytes.copy_within(self.desde..self.hasta, 0);
        self.hasta -= self.desde;
        self.desde = 0;
        if self.hasta == 0 && self.bytes.len() > MUCHO {
            // Un solo mensaje enorme no deja su memoria pedida para siempre.
            self.bytes = Vec::new();
        }
        if llena && self.bytes.len() < TRAMO_MAXIMO {
            // La última vez había más de lo que entraba: con el doble, la mitad de las recepciones.
            self.agrandar(self.bytes.len() * 2)?;
        }
        if self.hasta == 0 {
            ritmo.dejar_que_se_junte(self.ultima_ns);
        }
        let _constancia = ritmo.recibiendo();
        let mut tramo = if self.hasta == 0 && cantidad == LARGO_DE_HEADER { Tramo::Comienzo } else { Tramo::Resto };
        while self.hasta < cantidad {
            self.hacer_lugar(cantidad)?;
            let libre = self.bytes.get_mut(self.hasta..).unwrap_or_default();
            self.hasta += red::recibir_al_menos(socket.as_fd(), ritmo, tramo, libre, 1)?;
            tramo = Tramo::Resto;
        }
        self.ultima_ns = sistema::ahora_ns();
        Ok(())
    }

    /// Crece de a poco, con lo que de verdad llega: un tamaño anunciado no reserva memoria.
    fn hacer_lugar(&mut self, cantidad: usize) -> Result<(), Corte> {
        if self.hasta < self.bytes.len() {
            return Ok(());
        }
        self.agrandar(TRAMO.max(self.bytes.len() * 2).min(TRAMO.max(cantidad)))
    }

    fn agrandar(&mut self, nuevo: usize) -> Result<(), Corte> {
        let falta = nuevo - self.bytes.len();
        let sin_memoria =
            |_| Corte { movidos: self.hasta, causa: Causa::Sistema(std::io::Error::from_raw_os_error(libc::ENOMEM)) };
        self.bytes.try_reserve_exact(falta).map_err(sin_memoria)?;
        self.bytes.resize(nuevo, 0);
        Ok(())
    }
}

fn fin_o_error<T>(error: Error) -> Resultado<Option<T>> {
    if matches!(error, Error::Fin) { Ok(None) } else { Err(error) }
}

/// El error de un header que no llegó entero, del que llegaron `hay` bytes.
#[cold]
#[inline(never)]
fn error_de_header(socket: &Socket, corte: Corte, hay: usize) -> Error {
    let (parte, movidos) = match hay.checked_sub(LARGO_DE_ENTERO) {
        Some(del_tamanio) => (Parte::Tamanio, del_tamanio),
        None => (Parte::Codigo, hay),
    };
    error_de_recepcion(socket, Corte { movidos, ..corte }, parte, LARGO_DE_ENTERO)
}

/// Lo que hace falta para enviar por una conexión sin que dos mensajes se mezclen. Todo en cero es una nueva.
#[derive(Debug)]
pub(crate) struct Envio {
    turno: Turno,
    /// Cuándo se preguntó por última vez si el otro seguía ahí.
    controlado_ns: AtomicI64,
}

/// Cada cuánto se le pregunta al kernel si el otro cerró, en nanosegundos.
const CONTROL_NS: i64 = 1_000_000;

impl Envio {
    pub(crate) const fn nuevo() -> Self {
        Self { turno: Turno::nuevo(), controlado_ns: AtomicI64::new(0) }
    }

    /// El turno para enviar, si nadie está enviando.
    pub(crate) fn intentar(&self) -> Option<MiTurno<'_>> {
        self.turno.intentar()
    }

    /// Empieza una conexión nueva.
    pub(crate) fn renovar(&self) {
        self.controlado_ns.swap(0, Ordering::Relaxed);
    }

    /// En el hijo, nadie está enviando.
    pub(crate) fn renovar_en_el_hijo(&self, hijo: &HijoConUnHilo) {
        self.turno.abrir_en_el_hijo(hijo);
        self.renovar();
    }

    /// Sin esto, el primer envío a quien ya cerró parece andar y sólo falla el segundo.
    pub(crate) fn controlar_al_par(&self, fd: BorrowedFd<'_>) -> Resultado<()> {
        self.toca_controlar().map_or(Ok(()), |ahora| self.preguntar_por_el_par(fd, ahora))
    }

    /// Qué hora es, si hace rato que no se pregunta.
    #[inline(always)]
    fn toca_controlar(&self) -> Option<i64> {
        let ahora = sistema::ahora_ns();
        let hace = ahora.wrapping_sub(self.controlado_ns.load(Ordering::Relaxed));
        (hace >= CONTROL_NS).then_some(ahora)
    }

    #[cold]
    #[inline(never)]
    fn preguntar_por_el_par(&self, fd: BorrowedFd<'_>, ahora: i64) -> Resultado<()> {
        if sistema::el_par_cerro(&fd) {
            return Err(por_que_no_se_puede_enviar(&SockRef::from(&fd)));
        }
        if !traza::activa() {
            self.controlado_ns.swap(ahora, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Envía `partes`, header incluido, como un solo mensaje. Si falla a medio enviar, la conexión se termina: lo que siguiera sería
/// basura para el otro.
#[inline(always)]
pub(crate) fn enviar<const N: usize>(
    fd: BorrowedFd<'_>,
    ritmo: &Ritmo,
    envio: &Envio,
    alguien_recibe: impl Fn() -> bool,
    partes: [&[u8]; N],
) -> Resultado<()> {
    let _turno = envio.turno.tomar();
    if let Some(ahora) = envio.toca_controlar() {
        controlar_y_contar(fd, envio, ahora, partes)?;
    }
    ritmo.al_enviar(fd, alguien_recibe);
    let mut junto = [0; CABE_JUNTO];
    let enviado = match copiar_juntas(&mut junto, partes) {
        Some(mensaje) => red::enviar_bytes(fd, mensaje),
        None => red::enviar_todo(fd, &mut partes.map(IoSlice::new)),
    };
    enviado.map_err(|corte| mensaje_cortado(fd, corte))
}

/// Con traza, toca siempre: así, sin ella, no hay nada más que preguntarse al enviar.
#[cold]
#[inline(never)]
fn controlar_y_contar<const N: usize>(
    fd: BorrowedFd<'_>,
    envio: &Envio,
    ahora: i64,
    partes: [&[u8]; N],
) -> Resultado<()> {
    envio.preguntar_por_el_par(fd, ahora)?;
    if traza::activa() {
        traza::contar_mensaje_enviado(&fd, partes);
    }
    Ok(())
}

/// Lo que mide un mensaje que se copia entero antes de enviarlo: hasta ahí, copiar cuesta menos que darle dos partes al kernel.
const CABE_JUNTO: usize = 128;

/// Las partes, una detrás de otra en `lugar`; `None` si no caben.
#[inline(always)]
fn copiar_juntas<'a, const N: usize>(lugar: &'a mut [u8; CABE_JUNTO], partes: [&[u8]; N]) -> Option<&'a [u8]> {
    let mut hasta = 0;
    for parte in partes {
        lugar.get_mut(hasta..hasta + parte.len())?.copy_from_slice(parte);
        hasta += parte.len();
    }
    lugar.get(..hasta)
}

/// Envía mensajes ya armados, uno detrás de otro.
pub(crate) fn enviar_armados(fd: BorrowedFd<'_>, ritmo: &Ritmo, envio: &Envio, mensajes: &[u8]) -> Resultado<()> {
    let _turno = envio.turno.tomar();
    envio.controlar_al_par(fd)?;
    // Lo que se encoló ya viene junto.
    ritmo.al_enviar(fd, || true);
    red::enviar_bytes(fd, mensajes).map_err(|corte| mensaje_cortado(fd, corte))?;
    if traza::activa() {
        traza::contar_armados(&fd, mensajes);
    }
    Ok(())
}

#[cold]
#[inline(never)]
fn mensaje_cortado(fd: BorrowedFd<'_>, corte: Corte) -> Error {
    let socket = SockRef::from(&fd);
    if corte.movidos > 0 {
        red::terminar(&socket);
    }
    error_de_envio(&socket, corte)
}

pub(crate) fn error_de_envio(socket: &Socket, corte: Corte) -> Error {
    sale!(socket, "{}", corte.causa);
    match corte.causa {
        Causa::TiempoDelPrograma | Causa::Plazo => Error::TiempoDelPrograma { en_el_medio: corte.movidos > 0 },
        Causa::Fin => Error::ParIdo,
        Causa::Sistema(causa) => match causa.raw_os_error() {
            Some(libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN) => por_que_no_se_puede_enviar(socket),
            _ => Error::de_socket(socket.as_raw_fd(), "send", causa),
        },
    }
}

/// El otro ya no está, o nunca hubo otro.
fn por_que_no_se_puede_enviar(socket: &Socket) -> Error {
    match nunca_se_conecto(socket) {
        Some(error) => error,
        None => Error::ParIdo,
    }
}

/// Si `socket` no es una conexión ni lo fue: escucha, nunca se conectó, o ni siquiera es un socket.
fn nunca_se_conecto(socket: &Socket) -> Option<Error> {
    let descriptor = socket.as_raw_fd();
    match socket.is_listener() {
        Ok(true) => return Some(Error::Escucha { descriptor }),
        Ok(false) => {}
        Err(causa) => return Some(Error::de_socket(socket.as_raw_fd(), "getsockopt", causa)),
    }
    let local = socket.local_addr().ok().and_then(|direccion| direccion.as_socket());
    // Uno que estuvo conectado conserva su puerto.
    local.filter(|local| local.port() == 0).map(|_| Error::SinConectar { descriptor })
}

/// Si el otro lado de `socket` sigue ahí.
pub(crate) fn activa(socket: &Socket) -> Resultado<bool> {
    if !sistema::el_par_cerro(socket) {
        return Ok(true);
    }
    nunca_se_conecto(socket).map_or(Ok(false), Err)
}

/// El error de una recepción cortada en `parte`, de la que se esperaban `esperados` bytes.
#[cold]
#[inline(never)]
pub(crate) fn error_de_recepcion(socket: &Socket, corte: Corte, parte: Parte, esperados: usize) -> Error {
    let empezado = parte != Parte::Codigo || corte.movidos > 0;
    llega!(socket, "{}", corte.causa);
    match corte.causa {
        Causa::Fin if !empezado => Error::Fin,
        Causa::Fin => Error::FinEnElMedio { parte, llegaron: corte.movidos, esperados },
        Causa::TiempoDelPrograma | Causa::Plazo => Error::TiempoDelPrograma { en_el_medio: empezado },
        Causa::Sistema(causa) => match causa.raw_os_error() {
            Some(libc::ECONNRESET | libc::EPIPE) => Error::Reset,
            Some(libc::ENOTCONN) => nunca_se_conecto(socket).unwrap_or(Error::Reset),
            _ => Error::de_socket(socket.as_raw_fd(), "recv", causa),
        },
    }
}

/// Recibe un header entero.
#[inline]
pub(crate) fn recibir_header(fd: BorrowedFd<'_>, ritmo: &Ritmo, limite: u32) -> Resultado<Header> {
    let mut bytes = [0; LARGO_DE_HEADER];
    red::recibir_todo(fd, ritmo, Tramo::Comienzo, &mut bytes).map_err(|corte| {
        let hay = corte.movidos;
        error_de_header(&SockRef::from(&fd), corte, hay)
    })?;
    Header::de_bytes(bytes, limite)
}

/// Recibe un entero del header: el código o el tamaño.
#[inline(always)]
pub(crate) fn recibir_entero(fd: BorrowedFd<'_>, ritmo: &Ritmo, parte: Parte) -> Resultado<[u8; LARGO_DE_ENTERO]> {
    let mut entero = [0; LARGO_DE_ENTERO];
    let tramo = if parte == Parte::Codigo { Tramo::Comienzo } else { Tramo::Resto };
    red::recibir_todo(fd, ritmo, tramo, &mut entero)
        .map_err(|corte| error_de_recepcion(&SockRef::from(&fd), corte, parte, LARGO_DE_ENTERO))?;
    Ok(entero)
}

/// Recibe un tamaño con el límite dado, sabiendo qué código lo precedió si la biblioteca lo leyó.
#[inline(always)]
pub(crate) fn recibir_tamanio(
    fd: BorrowedFd<'_>,
    ritmo: &Ritmo,
    codigo: Option<[u8; LARGO_DE_ENTERO]>,
    limite: u32,
) -> Resultado<u32> {
    let tamanio = recibir_entero(fd, ritmo, Parte::Tamanio)?;
    protocolo::leer_tamanio(BytesDeHeader { codigo, tamanio }, limite)
}
