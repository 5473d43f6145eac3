//! El único lugar que habla con los sockets: envíos y recepciones completos, sin SIGPIPE, con señales y plazos resueltos.
//!
//! No conoce el protocolo: mueve bytes.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::ritmo::{Ritmo, Tramo};
use crate::sistema::{self, Byte, Guardado, Mirada, Sentido};
use crate::traza::{self, llamada, paso};

/// Por dónde se conversa: un socket, su ritmo, y quien sabe si el número sigue siendo ese socket. El programa puede cerrar un número mientras
/// otro hilo duerme en él, y el kernel se lo da a otra conexión: de ésa no se lee, ni se envía por ella, ni se la termina.
pub(crate) trait Canal {
    fn fd(&self) -> BorrowedFd<'_>;

    fn ritmo(&self) -> &Ritmo;

    /// Si otro hilo está recibiendo por él, o no se sabe.
    fn alguien_recibe(&self) -> bool;

    /// Si lo que recuerda el ritmo es de este socket: antes de cambiarle una opción.
    fn es_suyo_el_ritmo(&self) -> bool {
        true
    }

    /// Ahora puede dormir: hay que saber en cuál.
    fn antes_de_dormir(&self) {}

    /// Si en el número sigue estando el socket con el que se empezó.
    fn sigue(&self) -> bool {
        true
    }

    /// Si lo que hay ahora en el número es su tumba: la conexión la terminó la biblioteca, desde otro hilo.
    fn es_su_tumba(&self) -> bool {
        false
    }

    /// Que siga estando; si no, el corte de una operación que movió esos bytes. Una tumba es un final, y no algo que hizo el programa.
    fn exigir_que_siga(&self, movidos: usize) -> Result<(), Corte> {
        if self.sigue() {
            return Ok(());
        }
        Err(Corte { movidos, causa: if self.es_su_tumba() { Causa::Fin } else { Causa::Cambio } })
    }
}

/// Una operación que no se completó: cuántos bytes llegó a mover, y por qué paró.
#[derive(Debug)]
pub(crate) struct Corte {
    pub(crate) movidos: usize,
    pub(crate) causa: Causa,
}

/// Por qué paró.
#[derive(Debug)]
pub(crate) enum Causa {
    /// El otro lado cerró.
    Fin,
    /// Venció el tiempo que el programa le puso al socket (SO_RCVTIMEO, SO_SNDTIMEO).
    TiempoDelPrograma,
    /// Venció el plazo que se le dio a esta operación.
    Plazo,
    /// El programa cerró el número en el medio: lo que haya ahí es de otro.
    Cambio,
    /// Falló el sistema.
    Sistema(io::Error),
}

impl fmt::Display for Causa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fin => f.write_str("fin: el otro lado cerró"),
            Self::TiempoDelPrograma => f.write_str("se cumplió el tiempo que el programa le puso al socket"),
            Self::Plazo => f.write_str("se cumplió el plazo"),
            Self::Cambio => f.write_str("el programa lo cerró mientras se lo usaba"),
            Self::Sistema(causa) => write!(f, "-1: {causa}"),
        }
    }
}

/// Lleva a 3 o más un descriptor: hay programas que toman al 0 por un error, y 1 y 2 son su salida.
fn alejar_de_los_estandar(socket: Socket) -> io::Result<Socket> {
    if socket.as_raw_fd() > 2 {
        return Ok(socket);
    }
    // try_clone pide un número desde 3, con close-on-exec.
    Ok(OwnedFd::from(socket).try_clone()?.into())
}

/// Un socket nuevo para hablar con `direccion` o escuchar en ella.
fn abrir(direccion: SocketAddr, tipo: Type) -> io::Result<Socket> {
    let socket =
        Socket::new(Domain::for_address(direccion), tipo, Some(Protocol::TCP)).and_then(alejar_de_los_estandar);
    match &socket {
        Ok(socket) => paso!("socket() = {}", socket.as_raw_fd()),
        Err(causa) => paso!("socket() = -1: {causa}"),
    }
    socket
}

/// Un socket que escucha en `direccion`.
pub(crate) fn escuchar(direccion: SocketAddr) -> io::Result<Socket> {
    let socket = Guardado::nuevo(abrir(direccion, Type::STREAM)?, traza::contar_cierre);
    let numero = socket.as_raw_fd();
    llamada!(socket.set_reuse_address(true), "setsockopt({numero}, SO_REUSEADDR)")
        .and_then(|()| llamada!(socket.bind(&direccion.into()), "bind({numero}, {direccion})"))
        .and_then(|()| llamada!(socket.listen(libc::SOMAXCONN), "listen({numero})"))?;
    Ok(socket.entregar())
}

/// Acepta un cliente. Sigue de largo con los que se cayeron mientras esperaban en la cola.
///
/// # Errors
/// Los de `accept(2)`; en particular `Interrupted`, que aquí no se reintenta: decide el kernel, según SA_RESTART.
pub(crate) fn aceptar(escucha: &Socket) -> io::Result<(Socket, SocketAddr)> {
    loop {
        match escucha.accept() {
            Ok((socket, direccion)) => {
                let (socket, direccion) =
                    (alejar_de_los_estandar(socket)?, direccion.as_socket().unwrap_or_else(sin_direccion));
                paso!("accept({}) = {}, de {direccion}", escucha.as_raw_fd(), socket.as_raw_fd());
                return Ok((socket, direccion));
            }
            Err(causa) if es_de_un_cliente_caido(&causa) => {}
            Err(causa) => return Err(causa),
        }
    }
}

/// Los errores de red que accept(2) entrega como propios y son de una conexión que ya no está.
fn es_de_un_cliente_caido(causa: &io::Error) -> bool {
    matches!(
        causa.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
        )
    )
}

/// La dirección de un socket que no es de internet (el programa puede escuchar en lo que quiera).
fn sin_direccion() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}

/// Por qué no se pudo conectar.
#[derive(Debug)]
pub(crate) enum SinConexion {
    /// Venció el plazo.
    Plazo,
    /// Falló el sistema.
    Sistema(io::Error),
}

impl From<io::Error> for SinConexion {
    fn from(causa: io::Error) -> Self {
        Self::Sistema(causa)
    }
}

/// Conecta con `direccion` antes de `vence`. El socket queda sin bloqueo: [`dejar_bloqueante`] lo termina.
pub(crate) fn conectar(direccion: SocketAddr, vence: Option<Instant>) -> Result<Guardado, SinConexion> {
    let mut socket = Guardado::nuevo(abrir(direccion, Type::STREAM.nonblocking())?, traza::contar_cierre);
    let salida = match socket.connect(&direccion.into()) {
        Ok(()) => Ok(()),
        // Interrumpida o en camino, sigue sola: volver a llamar a connect daría EALREADY.
        Err(causa) if en_camino(&causa) => terminar_de_conectar(&mut socket, direccion, vence),
        Err(causa) => Err(causa.into()),
    };
    if traza::activa() {
        contar_connect(&socket, direccion, &salida);
    }
    salida.map(|()| socket)
}

#[cold]
fn contar_connect(socket: &Socket, direccion: SocketAddr, salida: &Result<(), SinConexion>) {
    let numero = socket.as_raw_fd();
    match salida {
        Ok(()) => {
            let propia = socket.local_addr().ok().and_then(|propia| propia.as_socket()).unwrap_or_else(sin_direccion);
            paso!("connect({numero}, {direccion}), desde {propia}, un puerto libre cualquiera");
        }
        Err(SinConexion::Plazo) => paso!("connect({numero}, {direccion}): nadie contestó a tiempo"),
        Err(SinConexion::Sistema(causa)) => paso!("connect({numero}, {direccion}) = -1: {causa}"),
    }
}

fn en_camino(causa: &io::Error) -> bool {
    causa.raw_os_error() == Some(libc::EINPROGRESS) || causa.kind() == ErrorKind::Interrupted
}

fn terminar_de_conectar(
    socket: &mut Guardado,
    direccion: SocketAddr,
    vence: Option<Instant>,
) -> Result<(), SinConexion> {
    // En la misma máquina ya está hecha: preguntarlo así es una llamada en vez de dos.
    match socket.connect(&direccion.into()) {
        Err(causa) if causa.raw_os_error() == Some(libc::EALREADY) => {}
        Err(causa) if causa.raw_os_error() != Some(libc::EISCONN) => return Err(causa.into()),
        _ => return Ok(()),
    }
    socket.fijar();
    let conecto = sistema::esperar_a(&*socket, Sentido::Escritura, vence)?;
    if !socket.sigue() {
        return Err(io::Error::from_raw_os_error(libc::EBADF).into());
    }
    if !conecto {
        return Err(SinConexion::Plazo);
    }
    socket.take_error()?.map_or(Ok(()), |causa| Err(causa.into()))
}

/// Si se conectó consigo mismo, que es que no hay nadie: le puede pasar a quien llama a un puerto del rango efímero.
pub(crate) fn es_uno_mismo(socket: &Socket, direccion: SocketAddr) -> bool {
    socket.local_addr().is_ok_and(|propia| propia.as_socket() == Some(direccion))
}

/// Prepara una conexión recién hecha: que ninguna respuesta espere al algoritmo de Nagle y, si se pide, que se note en
/// `keepalive` segundos que el otro lado desapareció.
pub(crate) fn preparar(socket: &Socket, keepalive: Option<u32>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    keepalive.map_or(Ok(()), |segundos| mantener_viva(socket, segundos))
}

/// Después de un rato callada se le pregunta dos veces; si no contesta, ya no está. Lo mismo si no confirma algo que se le mandó.
///
/// El kernel mira sólo cuando le suena un reloj, que puede atrasar un octavo: las cuentas se hacen con ocho novenos del plazo, y con el
/// límite un poco antes de la última vez que mira.
fn mantener_viva(socket: &Socket, segundos: u32) -> io::Result<()> {
    const PREGUNTAS: u32 = 2;
    let total = segundos * 8 / 9;
    let entre_preguntas = (total / 4).max(1);
    let callada = total.saturating_sub(PREGUNTAS * entre_preguntas).max(1);
    let limite = total * 1000 - entre_preguntas * 500;
    let en_segundos = |cuantos: u32| Duration::from_secs(u64::from(cuantos));
    let pedido = TcpKeepalive::new()
        .with_time(en_segundos(callada))
        .with_interval(en_segundos(entre_preguntas))
        .with_retries(PREGUNTAS);
    socket.set_tcp_keepalive(&pedido)?;
    socket.set_tcp_user_timeout(Some(Duration::from_millis(u64::from(limite))))
}

/// Devuelve el modo bloqueante, el que espera un programa del TP0.
pub(crate) fn dejar_bloqueante(socket: &Socket) -> io::Result<()> {
    sistema::poner_sin_bloqueo(socket, false)
}

/// Envía todos los bytes de `partes`, en orden.
pub(crate) fn enviar_partes(canal: &impl Canal, partes: &mut [IoSlice<'_>]) -> Result<(), Corte> {
    let primero = SockRef::from(&canal.fd()).send_vectored_with_flags(partes, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    seguir_enviando(canal, partes, primero)
}

/// Envía todos los `bytes`. Con una sola parte el kernel tiene menos que mirar.
#[inline(always)]
pub(crate) fn enviar_bytes(canal: &impl Canal, bytes: &[u8]) -> Result<(), Corte> {
    match sistema::enviar_ya(canal.fd(), bytes) {
        Ok(enviados) if enviados == bytes.len() => Ok(()),
        primero => seguir_enviando(canal, &mut [IoSlice::new(bytes)], primero),
    }
}

/// Lo que falta después del primer envío, que no esperó.
#[inline(never)]
fn seguir_enviando(
    canal: &impl Canal,
    mut partes: &mut [IoSlice<'_>],
    primero: io::Result<usize>,
) -> Result<(), Corte> {
    let fd = canal.fd();
    let socket = SockRef::from(&fd);
    let total: usize = partes.iter().map(|parte| parte.len()).sum();
    let mut movidos = 0;
    let mut espera = Espera::default();
    let mut ultimo = match primero {
        Err(causa) if causa.kind() == ErrorKind::WouldBlock => Ok(0),
        primero => primero,
    };
    loop {
        match ultimo {
            Ok(enviados) => {
                movidos += enviados;
                espera = Espera::default();
                IoSlice::advance_slices(&mut partes, enviados);
            }
            Err(causa) => espera.seguir_o_cortar(&socket, causa, Sentido::Escritura, movidos)?,
        }
        if partes.is_empty() {
            return Ok(());
        }
        canal.antes_de_dormir();
        canal.exigir_que_siga(movidos)?;
        paso!("send({}): espera que el otro lea (van {movidos} de {total})", socket.as_raw_fd());
        ultimo = socket.send_vectored_with_flags(partes, libc::MSG_NOSIGNAL);
    }
}

/// Envía lo que entre ahora, sin esperar.
pub(crate) fn enviar_sin_esperar(socket: &Socket, partes: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.send_vectored_with_flags(partes, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)
}

/// Envía todos los bytes de `partes` antes de `vence`. No importan el modo del socket ni el tiempo que el programa le puso.
pub(crate) fn enviar_antes_de(
    canal: &impl Canal,
    mut partes: &mut [IoSlice<'_>],
    vence: Option<Instant>,
) -> Result<(), Corte> {
    let fd = canal.fd();
    let mut movidos = 0;
    while !partes.is_empty() {
        let cortar = |causa| Err(Corte { movidos, causa });
        match enviar_sin_esperar(&SockRef::from(&fd), partes) {
            Ok(enviados) => {
                movidos += enviados;
                IoSlice::advance_slices(&mut partes, enviados);
            }
            Err(causa) if causa.kind() == ErrorKind::Interrupted => {}
            Err(causa) if causa.kind() == ErrorKind::WouldBlock => {
                match sistema::esperar_a(&fd, Sentido::Escritura, vence) {
                    Ok(true) => {}
                    Ok(false) => return cortar(Causa::Plazo),
                    Err(causa) => return cortar(Causa::Sistema(causa)),
                }
            }
            Err(causa) => return cortar(Causa::Sistema(causa)),
        }
    }
    Ok(())
}

/// Recibe hasta llenar `destino`.
#[inline(always)]
pub(crate) fn recibir_todo<B: Byte>(canal: &impl Canal, tramo: Tramo, destino: &mut [B]) -> Result<(), Corte> {
    let minimo = destino.len();
    recibir_al_menos(canal, tramo, destino, minimo).map(|_| ())
}

/// Recibe hasta tener `minimo` bytes en `destino`, y los que ya estén hasta llenarlo. Dice cuántos.
#[inline(always)]
pub(crate) fn recibir_al_menos<B: Byte>(
    canal: &impl Canal,
    tramo: Tramo,
    destino: &mut [B],
    minimo: usize,
) -> Result<usize, Corte> {
    if minimo == 0 {
        return Ok(0);
    }
    match recibir_una_vez(canal, tramo, destino) {
        Ok(recibidos) if recibidos >= minimo => Ok(recibidos),
        primero => seguir_recibiendo(canal, destino, minimo, primero),
    }
}

/// Lo que falta después de la primera recepción.
#[inline(never)]
fn seguir_recibiendo<B: Byte>(
    canal: &impl Canal,
    destino: &mut [B],
    minimo: usize,
    primero: io::Result<usize>,
) -> Result<usize, Corte> {
    let mut movidos = 0;
    let mut espera = Espera::default();
    let mut ultimo = primero;
    loop {
        match ultimo {
            Ok(0) => return Err(Corte { movidos, causa: Causa::Fin }),
            Ok(recibidos) => {
                movidos += recibidos;
                espera = Espera::default();
            }
            Err(causa) => {
                canal.antes_de_dormir();
                espera.seguir_o_cortar(&SockRef::from(&canal.fd()), causa, Sentido::Lectura, movidos)?;
            }
        }
        if movidos >= minimo {
            return Ok(movidos);
        }
        canal.exigir_que_siga(movidos)?;
        ultimo = recibir_una_vez(canal, Tramo::Resto, destino.get_mut(movidos..).unwrap_or_default());
    }
}

/// Recibe lo que haya en cuanto haya algo, si es antes de `vence`. No importan el modo del socket ni el tiempo que el programa le puso.
pub(crate) fn recibir_antes_de(
    canal: &impl Canal,
    tramo: Tramo,
    destino: &mut [u8],
    vence: Instant,
) -> Result<usize, Corte> {
    let cortar = |causa| Err(Corte { movidos: 0, causa });
    canal.ritmo().al_recibir(canal.fd(), tramo, || canal.es_suyo_el_ritmo());
    loop {
        match sistema::recibir_ya(&canal.fd(), destino, Mirada::Consume) {
            Ok(Some(0)) => return cortar(Causa::Fin),
            Ok(Some(recibidos)) => {
                canal.ritmo().anotar_recepcion();
                return Ok(recibidos);
            }
            Ok(None) => match sistema::esperar_a(&canal.fd(), Sentido::Lectura, Some(vence)) {
                Ok(true) => {}
                Ok(false) => return cortar(Causa::Plazo),
                Err(causa) => return cortar(Causa::Sistema(causa)),
            },
            Err(causa) => return cortar(Causa::Sistema(causa)),
        }
    }
}

/// Recibe hasta llenar `destino` de un socket sin bloqueo, o hasta que se haga tarde.
pub(crate) fn recibir_todo_antes_de(
    socket: &Guardado,
    destino: &mut [u8],
    vence: Option<Instant>,
) -> Result<(), Corte> {
    let mut movidos = 0;
    while let Some(libre) = destino.get_mut(movidos..).filter(|libre| !libre.is_empty()) {
        match recibir_algo_antes_de(socket, libre, vence) {
            Ok(Some(0)) => return Err(Corte { movidos, causa: Causa::Fin }),
            Ok(Some(recibidos)) => movidos += recibidos,
            Ok(None) if !socket.sigue() => return Err(Corte { movidos, causa: Causa::Cambio }),
            Ok(None) => return Err(Corte { movidos, causa: Causa::Plazo }),
            Err(causa) => return Err(Corte { movidos, causa: Causa::Sistema(causa) }),
        }
    }
    Ok(())
}

/// Lo que llegue antes de que se haga tarde; `None`, nada, o el programa cerró el número.
fn recibir_algo_antes_de(socket: &Guardado, libre: &mut [u8], vence: Option<Instant>) -> io::Result<Option<usize>> {
    while sistema::esperar_a(socket, Sentido::Lectura, vence)? && socket.sigue() {
        if let Some(recibidos) = sistema::recibir_ya(socket, libre, Mirada::Consume)? {
            return Ok(Some(recibidos));
        }
    }
    Ok(None)
}

/// Una recepción.
#[inline(always)]
fn recibir_una_vez<B: Byte>(canal: &impl Canal, tramo: Tramo, destino: &mut [B]) -> io::Result<usize> {
    let ritmo = canal.ritmo();
    if !ritmo.al_recibir(canal.fd(), tramo, || canal.es_suyo_el_ritmo()) {
        return dormir_y_recibir(canal, destino);
    }
    match sistema::recibir(canal.fd(), destino, libc::MSG_DONTWAIT) {
        Ok(recibidos) => {
            ritmo.anotar_recepcion();
            Ok(recibidos)
        }
        Err(causa) if causa.kind() == ErrorKind::WouldBlock => esperar_y_recibir(canal, destino),
        Err(causa) => Err(causa),
    }
}

#[cold]
#[inline(never)]
fn esperar_y_recibir<B: Byte>(canal: &impl Canal, destino: &mut [B]) -> io::Result<usize> {
    let fd = canal.fd();
    let mirar = || sistema::recibir(fd, destino, libc::MSG_DONTWAIT);
    let Some(mirado) = canal.ritmo().antes_de_dormir(fd, || canal.es_suyo_el_ritmo(), mirar) else {
        return dormir_y_recibir(canal, destino);
    };
    canal.ritmo().anotar_recepcion();
    mirado
}

#[inline(never)]
fn dormir_y_recibir<B: Byte>(canal: &impl Canal, destino: &mut [B]) -> io::Result<usize> {
    canal.antes_de_dormir();
    traza::contar_espera(&canal.fd());
    let recibidos = sistema::recibir(canal.fd(), destino, 0)?;
    canal.ritmo().anotar_recepcion();
    Ok(recibidos)
}

/// Una espera que todavía no movió nada.
#[derive(Default)]
struct Espera {
    /// Cuándo la cortó una señal por primera vez.
    interrumpida: Option<Instant>,
}

impl Espera {
    /// Qué se hace con un error: las señales no cortan nada; en un socket sin bloqueo se espera; lo demás corta.
    #[cold]
    fn seguir_o_cortar(
        &mut self,
        socket: &Socket,
        causa: io::Error,
        sentido: Sentido,
        movidos: usize,
    ) -> Result<(), Corte> {
        let cortar = |causa| Err(Corte { movidos, causa });
        match causa.kind() {
            ErrorKind::Interrupted if self.vencio(socket, sentido) => cortar(Causa::TiempoDelPrograma),
            ErrorKind::Interrupted => Ok(()),
            ErrorKind::WouldBlock => match socket.nonblocking() {
                Ok(true) => match sistema::esperar_a(socket, sentido, None) {
                    Ok(_) => Ok(()),
                    Err(causa) => cortar(Causa::Sistema(causa)),
                },
                // Bloqueante y con EAGAIN: venció el tiempo que el programa le puso.
                Ok(false) => cortar(Causa::TiempoDelPrograma),
                Err(causa) => cortar(Causa::Sistema(causa)),
            },
            _ => cortar(Causa::Sistema(causa)),
        }
    }

    /// Si, entre señal y señal, ya pasó el tiempo que el programa le puso al socket. El kernel lo cuenta desde cero en cada llamada.
    fn vencio(&mut self, socket: &Socket, sentido: Sentido) -> bool {
        let del_programa = match sentido {
            Sentido::Lectura => socket.read_timeout(),
            Sentido::Escritura => socket.write_timeout(),
        };
        let desde = *self.interrumpida.get_or_insert_with(Instant::now);
        del_programa.ok().flatten().is_some_and(|tiempo| desde.elapsed() >= tiempo)
    }
}

/// Termina la conversación en los dos sentidos y despierta a quien esté esperando en ella. Si ya estaba terminada, nada.
pub(crate) fn terminar(socket: &Socket) {
    if socket.shutdown(Shutdown::Both).is_ok() {
        paso!("shutdown({})", socket.as_raw_fd());
    }
}
