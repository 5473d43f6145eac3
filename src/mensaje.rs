//! Mensajes por un socket: une el formato del cable con los envíos y recepciones, y dice en palabras por qué se cortó uno.
//!
//! Lo usan [`Conexion`](crate::Conexion), que es dueña de su socket, y la cara para C, que lo presta por su número.

use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use socket2::{SockRef, Socket};

use crate::error::{Error, Parte, Resultado};
use crate::protocolo::{self, Header, LARGO_DE_ENTERO, LARGO_DE_HEADER};
use crate::red::{self, Canal, Causa, Corte};
use crate::ritmo::Tramo;
use crate::sincronia::atomic::{AtomicI64, Ordering};
use crate::sistema::{self, MiTurno, Poner, Turno};
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

/// Lo que da una recepción.
pub(crate) enum Entrega<'a> {
    /// Un mensaje entero: su código y su payload.
    Mensaje(i32, &'a [u8]),
    /// La conversación terminó.
    Fin,
    /// Venció el plazo.
    Nada,
}

/// Cuánto se pide al sistema la primera vez: muchos mensajes chicos entran en una sola recepción.
const TRAMO: usize = 8 * 1024;

/// Hasta cuánto se agranda el pedido cuando lo que llega lo llena.
const TRAMO_MAXIMO: usize = 256 * 1024;

/// Cuánto se conserva entre mensajes, como mucho.
const MUCHO: usize = 4 * 1024 * 1024;

impl Lectura {
    /// El próximo mensaje entero, si llega antes de `vence`. Lo que haya llegado de uno que no está entero queda para la próxima vez.
    pub(crate) fn mensaje(
        &mut self,
        canal: &impl Canal,
        limite: u32,
        vence: Option<Instant>,
    ) -> Resultado<Entrega<'_>> {
        if let Err(corte) = self.juntar(canal, LARGO_DE_HEADER, vence) {
            return self.sin_mensaje(canal, corte, None);
        }
        let header = Header::de_bytes(self.primeros(), limite)?;
        let tamanio = protocolo::en_memoria(header.tamanio());
        if let Err(corte) = self.juntar(canal, LARGO_DE_HEADER + tamanio, vence) {
            return self.sin_mensaje(canal, corte, Some(tamanio));
        }
        let inicio = self.desde + LARGO_DE_HEADER;
        self.desde = inicio + tamanio;
        let payload = self.bytes.get(inicio..self.desde).unwrap_or_default();
        if traza::activa() {
            traza::contar_mensaje_recibido(&canal.fd(), Some(header.codigo()), payload);
        }
        Ok(Entrega::Mensaje(header.codigo(), payload))
    }

    /// Lo que se cortó antes de tener un mensaje: en el header, o en un payload de `tamanio` bytes.
    #[cold]
    #[inline(never)]
    fn sin_mensaje(&self, canal: &impl Canal, corte: Corte, tamanio: Option<usize>) -> Resultado<Entrega<'static>> {
        if matches!(corte.causa, Causa::Plazo) {
            return Ok(Entrega::Nada);
        }
        let error = match tamanio {
            None => error_de_header(canal, corte, self.hay()),
            Some(tamanio) => {
                let corte = Corte { movidos: self.hay() - LARGO_DE_HEADER, ..corte };
                error_de_recepcion(canal, corte, Parte::Payload, tamanio)
            }
        };
        if matches!(error, Error::Fin) { Ok(Entrega::Fin) } else { Err(error) }
    }

    /// Cuántos bytes llegaron y todavía no se entregaron.
    pub(crate) fn hay(&self) -> usize {
        self.hasta - self.desde
    }

    fn primeros(&self) -> [u8; LARGO_DE_HEADER] {
        let bytes = self.bytes.get(self.desde..self.hasta).unwrap_or_default();
        bytes.first_chunk().copied().unwrap_or_default()
    }

    /// Recibe hasta que haya `cantidad` bytes seguidos sin entregar.
    #[inline]
    fn juntar(&mut self, canal: &impl Canal, cantidad: usize, vence: Option<Instant>) -> Result<(), Corte> {
        if self.hay() >= cantidad { Ok(()) } else { self.recibir_mas(canal, cantidad, vence) }
    }

    #[inline(never)]
    fn recibir_mas(&mut self, canal: &impl Canal, cantidad: usize, vence: Option<Instant>) -> Result<(), Corte> {
        let llena = self.hasta == self.bytes.len() && self.desde > 0;
        if self.desde > 0 {
            self.bytes.copy_within(self.desde..self.hasta, 0);
            self.hasta -= self.desde;
            self.desde = 0;
        }
        if self.hasta == 0 && self.bytes.len() > MUCHO {
            // Un solo mensaje enorme no deja su memoria pedida para siempre.
            self.bytes = Vec::new();
        }
        if llena && self.bytes.len() < TRAMO_MAXIMO {
            // La última vez había más de lo que entraba: con el doble, la mitad de las recepciones.
            self.agrandar(self.bytes.len() * 2)?;
        }
        if self.hasta == 0 && vence.is_none() {
            canal.ritmo().dejar_que_se_junte(self.ultima_ns);
        }
        let _constancia = canal.ritmo().recibiendo();
        let mut tramo = if self.hasta == 0 { Tramo::Comienzo } else { Tramo::Resto };
        while self.hasta < cantidad {
            self.hacer_lugar(cantidad)?;
            let libre = self.bytes.get_mut(self.hasta..).unwrap_or_default();
            self.hasta += match vence {
                None => red::recibir_al_menos(canal, tramo, libre, 1)?,
                Some(vence) => red::recibir_antes_de(canal, tramo, libre, vence)?,
            };
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

/// El error de un header que no llegó entero, del que llegaron `hay` bytes.
#[cold]
#[inline(never)]
fn error_de_header(canal: &impl Canal, corte: Corte, hay: usize) -> Error {
    let (parte, movidos) = match hay.checked_sub(LARGO_DE_ENTERO) {
        Some(del_tamanio) => (Parte::Tamanio, del_tamanio),
        None => (Parte::Codigo, hay),
    };
    error_de_recepcion(canal, Corte { movidos, ..corte }, parte, LARGO_DE_ENTERO)
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

    /// Empieza una conexión nueva. Quien todavía tenga el turno, lo tiene por la anterior.
    pub(crate) fn renovar(&self) {
        self.controlado_ns.poner(0);
        self.turno.renovar();
    }

    /// Espera el turno, que tiene otro hilo.
    ///
    /// # Errors
    /// [`Error::Descriptor`], si el programa cerró el número mientras tanto; [`Error::ParIdo`], si otro hilo terminó la conexión.
    #[cold]
    #[inline(never)]
    fn esperar_turno(&self, canal: &impl Canal) -> Resultado<MiTurno<'_>> {
        canal.antes_de_dormir();
        // Si era de otro, queda libre para éste.
        canal.es_suyo_el_ritmo();
        let turno = self.turno.esperar();
        canal.exigir_que_siga(0).map_err(|corte| error_de_envio(canal, corte))?;
        Ok(turno)
    }

    /// Espera el turno, a lo sumo hasta `vence`.
    fn esperar_turno_antes_de(&self, vence: Option<Instant>) -> Option<MiTurno<'_>> {
        loop {
            let falta = vence.map_or(Duration::MAX, |vence| vence.saturating_duration_since(Instant::now()));
            let turno = self.turno.intentar();
            if turno.is_some() || falta.is_zero() {
                return turno;
            }
            if let Some(turno) = self.turno.esperar_a_lo_sumo(falta) {
                return Some(turno);
            }
        }
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
            self.controlado_ns.poner(ahora);
        }
        Ok(())
    }
}

/// Envía `partes`, header incluido, como un solo mensaje. Si falla a medio enviar, la conexión se termina: lo que siguiera sería
/// basura para el otro.
#[inline(always)]
pub(crate) fn enviar<const N: usize>(canal: &impl Canal, envio: &Envio, partes: [&[u8]; N]) -> Resultado<()> {
    let _turno = match envio.turno.intentar() {
        Some(turno) => turno,
        None => envio.esperar_turno(canal)?,
    };
    let fd = canal.fd();
    if let Some(ahora) = envio.toca_controlar() {
        controlar_y_contar(fd, envio, ahora, partes)?;
    }
    canal.ritmo().al_enviar(fd, || canal.alguien_recibe());
    let mut junto = [0; CABE_JUNTO];
    let enviado = match copiar_juntas(&mut junto, partes) {
        Some(mensaje) => red::enviar_bytes(canal, mensaje),
        None => red::enviar_partes(canal, &mut partes.map(IoSlice::new)),
    };
    enviado.map_err(|corte| mensaje_cortado(canal, corte))
}

/// Como [`enviar`], y no espera más allá de `vence`: ni a que el otro lea, ni a que otro hilo termine de enviar. Si no salió ni un byte,
/// la conexión sigue.
pub(crate) fn enviar_antes_de(
    canal: &impl Canal,
    envio: &Envio,
    partes: [&[u8]; 2],
    vence: Option<Instant>,
) -> Resultado<()> {
    let Some(_turno) = envio.esperar_turno_antes_de(vence) else { return Err(Error::NoLee { en_el_medio: false }) };
    let fd = canal.fd();
    if let Some(ahora) = envio.toca_controlar() {
        controlar_y_contar(fd, envio, ahora, partes)?;
    }
    canal.ritmo().al_enviar(fd, || canal.alguien_recibe());
    red::enviar_antes_de(canal, &mut partes.map(IoSlice::new), vence).map_err(|corte| mensaje_cortado(canal, corte))
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
pub(crate) fn enviar_armados(canal: &impl Canal, envio: &Envio, mensajes: &[u8]) -> Resultado<()> {
    let _turno = match envio.turno.intentar() {
        Some(turno) => turno,
        None => envio.esperar_turno(canal)?,
    };
    envio.controlar_al_par(canal.fd())?;
    // Lo que se encoló ya viene junto.
    canal.ritmo().al_enviar(canal.fd(), || true);
    red::enviar_bytes(canal, mensajes).map_err(|corte| mensaje_cortado(canal, corte))?;
    if traza::activa() {
        traza::contar_armados(&canal.fd(), mensajes);
    }
    Ok(())
}

#[cold]
#[inline(never)]
fn mensaje_cortado(canal: &impl Canal, corte: Corte) -> Error {
    if corte.movidos > 0 && canal.sigue() {
        red::terminar(&SockRef::from(&canal.fd()));
    }
    error_de_envio(canal, corte)
}

pub(crate) fn error_de_envio(canal: &impl Canal, corte: Corte) -> Error {
    let fd = canal.fd();
    let socket = SockRef::from(&fd);
    sale!(&fd, "{}", corte.causa);
    match corte.causa {
        Causa::TiempoDelPrograma => Error::TiempoDelPrograma { en_el_medio: corte.movidos > 0 },
        Causa::Plazo => Error::NoLee { en_el_medio: corte.movidos > 0 },
        Causa::Fin => Error::ParIdo,
        Causa::Cambio => Error::cerrado_por_el_programa(canal.fd().as_raw_fd()),
        Causa::Sistema(causa) => match causa.raw_os_error() {
            Some(libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN) => por_que_no_se_puede_enviar(&socket),
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
pub(crate) fn nunca_se_conecto(socket: &Socket) -> Option<Error> {
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
    nunca_se_conecto(socket).map_or_else(|| Ok(!sistema::el_par_cerro(socket)), Err)
}

/// El error de una recepción cortada en `parte`, de la que se esperaban `esperados` bytes.
#[cold]
#[inline(never)]
pub(crate) fn error_de_recepcion(canal: &impl Canal, corte: Corte, parte: Parte, esperados: usize) -> Error {
    let empezado = parte != Parte::Codigo || corte.movidos > 0;
    let fd = canal.fd();
    llega!(&fd, "{}", corte.causa);
    match corte.causa {
        Causa::Fin if !empezado => Error::Fin,
        Causa::Fin => Error::FinEnElMedio { parte, llegaron: corte.movidos, esperados },
        Causa::TiempoDelPrograma | Causa::Plazo => Error::TiempoDelPrograma { en_el_medio: empezado },
        Causa::Cambio => Error::cerrado_por_el_programa(canal.fd().as_raw_fd()),
        Causa::Sistema(causa) => match causa.raw_os_error() {
            Some(libc::ECONNRESET | libc::EPIPE) => Error::Reset,
            Some(libc::ENOTCONN) => nunca_se_conecto(&SockRef::from(&fd)).unwrap_or(Error::Reset),
            _ => Error::de_socket(fd.as_raw_fd(), "recv", causa),
        },
    }
}

/// Recibe los bytes de un header entero.
#[inline]
pub(crate) fn recibir_header(canal: &impl Canal) -> Resultado<[u8; LARGO_DE_HEADER]> {
    let mut bytes = [0; LARGO_DE_HEADER];
    red::recibir_todo(canal, Tramo::Comienzo, &mut bytes).map_err(|corte| {
        let hay = corte.movidos;
        error_de_header(canal, corte, hay)
    })?;
    Ok(bytes)
}

/// Recibe un entero del header: el código o el tamaño.
#[inline(always)]
pub(crate) fn recibir_entero(canal: &impl Canal, parte: Parte) -> Resultado<[u8; LARGO_DE_ENTERO]> {
    let mut entero = [0; LARGO_DE_ENTERO];
    let tramo = if parte == Parte::Codigo { Tramo::Comienzo } else { Tramo::Resto };
    red::recibir_todo(canal, tramo, &mut entero)
        .map_err(|corte| error_de_recepcion(canal, corte, parte, LARGO_DE_ENTERO))?;
    Ok(entero)
}
