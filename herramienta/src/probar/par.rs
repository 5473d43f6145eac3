//! El otro lado de la conversación, que puede portarse mal: manda de a un byte, corta por la mitad, se va con un RST, no lee.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::sistema::programa::sin_arrancar_a_nadie;

/// Cómo se va.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cierre {
    /// Con un FIN, y leyendo lo que quede: sin que el otro vea un error.
    Orden,
    /// Con close() y nada más: lo que el otro mande después se contesta con un RST.
    Close,
    /// Con un RST, como quien se muere con datos sin leer.
    Rst,
    /// Primero el FIN y enseguida el RST: lo próximo que le manden es un SIGPIPE para quien no lo evita.
    FinYRst,
}

/// Qué se pudo leer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leido {
    /// Lo que se pidió.
    Todo(Vec<u8>),
    /// El otro cerró antes.
    Cerro(Vec<u8>),
    /// No llegó en el plazo.
    Nada(Vec<u8>),
}

/// Una conexión con el programa.
#[derive(Debug)]
pub(crate) struct Par {
    socket: Cerrable<TcpStream>,
    espera: Duration,
}

/// Un socket que, al soltarlo, se cierra del todo: no mientras nace un proceso, que por un momento también lo tendría.
#[derive(Debug)]
pub(crate) struct Cerrable<T>(Option<T>);

impl<T> Cerrable<T> {
    pub(crate) fn nuevo(socket: T) -> Self {
        Self(Some(socket))
    }

    /// El socket, que está hasta que se suelta.
    pub(crate) fn abierto(&self) -> std::io::Result<&T> {
        self.0.as_ref().ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }
}

impl<T> Drop for Cerrable<T> {
    fn drop(&mut self) {
        let _nadie_nace = sin_arrancar_a_nadie();
        self.0 = None;
    }
}

/// Entre byte y byte, lo bastante para que el otro lea cada uno por separado.
const ENTRE_BYTES: Duration = Duration::from_millis(8);

impl Par {
    pub(crate) fn conectar(puerto: u16, espera: Duration) -> std::io::Result<Self> {
        // Con un puerto pedido, y no el que elige connect, que puede ser de otros a la vez: así después se puede volver a llamar desde él.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        socket.connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, puerto)).into(), espera)?;
        Self::de(socket.into(), espera)
    }

    pub(crate) fn de(socket: TcpStream, espera: Duration) -> std::io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(espera))?;
        // Lo que no se cierre de otra manera se va con un RST, que no deja al puerto del programa en reposo.
        SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
        Ok(Self { socket: Cerrable::nuevo(socket), espera })
    }

    /// Manda todo; no, si el otro ya no está o no lee.
    pub(crate) fn mandar(&mut self, bytes: &[u8]) -> bool {
        self.socket.abierto().and_then(|mut socket| socket.write_all(bytes)).is_ok()
    }

    pub(crate) fn mandar_de_a_uno(&mut self, bytes: &[u8]) -> bool {
        bytes.chunks(1).all(|byte| {
            let salio = self.mandar(byte);
            thread::sleep(ENTRE_BYTES);
            salio
        })
    }

    /// Lee esos bytes, en lo que se espera cada cosa.
    pub(crate) fn leer(&mut self, cuantos: usize) -> Leido {
        self.leer_en(cuantos, self.espera)
    }

    pub(crate) fn leer_en(&mut self, cuantos: usize, plazo: Duration) -> Leido {
        let hasta = Instant::now() + plazo;
        let mut leidos = Vec::new();
        let mut lugar = [0_u8; 4096];
        let Ok(mut socket) = self.socket.abierto() else { return Leido::Cerro(leidos) };
        while leidos.len() < cuantos {
            let queda = hasta.saturating_duration_since(Instant::now());
            if queda.is_zero() || socket.set_read_timeout(Some(queda)).is_err() {
                return Leido::Nada(leidos);
            }
            let falta = (cuantos - leidos.len()).min(lugar.len());
            match socket.read(lugar.get_mut(..falta).unwrap_or_default()) {
                Ok(0) => return Leido::Cerro(leidos),
                Ok(n) => leidos.extend_from_slice(lugar.get(..n).unwrap_or_default()),
                Err(causa) if causa.kind() == std::io::ErrorKind::Interrupted => {}
                Err(causa) if matches!(causa.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    return Leido::Nada(leidos);
                }
                Err(_) => return Leido::Cerro(leidos),
            }
        }
        Leido::Todo(leidos)
    }

    /// Si el otro cerró, ahora.
    pub(crate) fn cerro(&mut self) -> bool {
        loop {
            match self.leer_en(1, Duration::from_millis(1)) {
                Leido::Todo(_) => {}
                Leido::Cerro(_) => return true,
                Leido::Nada(_) => return false,
            }
        }
    }

    /// Lee despacio: con poco lugar para lo que llega.
    pub(crate) fn achicar(&self) {
        let _ = self.socket.abierto().and_then(|socket| SockRef::from(socket).set_recv_buffer_size(4096));
    }

    /// Se va.
    pub(crate) fn cerrar(mut self, como: Cierre) {
        if como == Cierre::Close {
            return self.cerrar_sin_leer();
        }
        if como != Cierre::Rst {
            let _ = self.socket.abierto().and_then(|socket| socket.shutdown(Shutdown::Write));
        }
        if como == Cierre::Orden {
            // Y quien cierra segundo no deja al otro en reposo.
            self.leer_lo_que_quede();
        }
        // Lo demás lo hace soltar el socket: con el linger en cero, un RST si todavía hace falta.
    }

    /// Hasta que el otro cierre, o un rato: lo que quede sin leer convertiría el FIN en un RST.
    fn leer_lo_que_quede(&mut self) {
        let hasta = Instant::now() + self.espera.min(Duration::from_millis(500));
        while Instant::now() < hasta && !matches!(self.leer_en(4096, Duration::from_millis(20)), Leido::Cerro(_)) {}
    }

    /// Cuando el otro ya cerró: el reposo del puerto le toca a él.
    pub(crate) fn cerrar_segundo(mut self) {
        self.leer_lo_que_quede();
        self.cerrar_sin_leer();
    }

    /// Con close() y nada más.
    fn cerrar_sin_leer(self) {
        let _ = self.socket.abierto().and_then(|socket| SockRef::from(socket).set_linger(None));
    }
}

/// Los reposos (TIME_WAIT) del puerto que dejó una conexión de esta máquina: volver a llamar desde el mismo puerto los despierta, y el RST con
/// que el núcleo contesta a la respuesta que no esperaba los termina (RFC 1337).
fn terminar_reposos(puerto: u16) {
    let reposos = || {
        let todos = crate::sistema::proc::tcp("thread-self").into_iter();
        todos.filter(|tcp| tcp.local == puerto && tcp.estado == crate::sistema::proc::EN_REPOSO)
    };
    for reposo in reposos() {
        let intento = || -> std::io::Result<()> {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, reposo.remoto)).into())?;
            socket.connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, puerto)).into(), Duration::from_millis(50))
        };
        let _ = intento();
    }
}

/// Si el puerto está en reposo.
pub(crate) fn en_reposo(puerto: u16) -> bool {
    let todos = crate::sistema::proc::tcp("thread-self");
    todos.iter().any(|tcp| tcp.local == puerto && tcp.estado == crate::sistema::proc::EN_REPOSO)
}

/// Lo saca del reposo; si no se deja despertar, espera a que se le pase.
pub(crate) fn sacar_del_reposo(puerto: u16) -> bool {
    /// El reposo dura 60 segundos.
    const TOPE: Duration = Duration::from_secs(65);
    let desde = Instant::now();
    terminar_reposos(puerto);
    while en_reposo(puerto) && desde.elapsed() < TOPE {
        thread::sleep(Duration::from_millis(200));
    }
    !en_reposo(puerto)
}
