//! El cliente: manda bytes, de una vez o de a pedazos, y mira qué le contestan. No usa la biblioteca.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// Lo que un cliente manda.
struct Carta {
    socket: OwnedFd,
    pedazos: Vec<Vec<u8>>,
    /// Si, después de los bytes, ya puede terminar su lado.
    puede_terminar: AtomicBool,
    /// El otro ya no va a leer más.
    apuro: AtomicBool,
}

impl Carta {
    fn mandar(&self) {
        for (cual, pedazo) in self.pedazos.iter().enumerate() {
            if cual > 0 {
                esperar_que(|| self.apurada() || sin_leer(self.socket.as_raw_fd()) == 0);
            }
            if !mandar(self.socket.as_raw_fd(), pedazo) {
                return;
            }
        }
    }

    fn apurada(&self) -> bool {
        self.apuro.load(Ordering::Acquire)
    }

    fn terminar_el_lado(&self) {
        // SAFETY: no toca memoria; si el socket ya no está conectado, falla y no importa.
        unsafe { libc::shutdown(self.socket.as_raw_fd(), libc::SHUT_WR) };
    }
}

/// Espera, pero no para siempre: quien no lea va a fallar por otro lado.
fn esperar_que(condicion: impl Fn() -> bool) {
    const VECES: usize = 100_000;
    for _ in 0..VECES {
        if condicion() {
            return;
        }
        thread::yield_now();
    }
}

/// Los bytes mandados que todavía nadie leyó (en TCP: que el otro kernel no confirmó).
fn sin_leer(socket: RawFd) -> i32 {
    let mut bytes = 0;
    // SAFETY: deja un entero en `bytes`.
    if unsafe { libc::ioctl(socket, libc::TIOCOUTQ, &raw mut bytes) } == 0 { bytes } else { 0 }
}

/// libFuzzer mira su reloj con una señal sin SA_RESTART: es otra cosa que la biblioteca tiene que aguantar, y este cliente también.
pub fn interrumpida() -> bool {
    std::io::Error::last_os_error().kind() == ErrorKind::Interrupted
}

/// Manda todo. `false`: el otro ya no está. Nunca pide SIGPIPE: si llega una, es de la biblioteca.
pub fn mandar(socket: RawFd, bytes: &[u8]) -> bool {
    let mut resto = bytes;
    while !resto.is_empty() {
        // SAFETY: `resto` está vivo y mide lo que se dice.
        let salida = unsafe { libc::send(socket, resto.as_ptr().cast(), resto.len(), libc::MSG_NOSIGNAL) };
        match usize::try_from(salida) {
            Ok(enviados) => resto = &resto[enviados..],
            Err(_) if interrumpida() => {}
            Err(_) => return false,
        }
    }
    true
}

/// Un cliente de 127.0.0.1, que sale de una dirección distinta cada vez: así no se acaban los puertos.
pub fn conectar(puerto: u16) -> TcpStream {
    static CUENTA: AtomicU32 = AtomicU32::new(0);
    let [_, b, c, d] = (CUENTA.fetch_add(1, Ordering::Relaxed) % 0x00ff_fff0 + 2).to_be_bytes();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddrV4::new(Ipv4Addr::new(127, b, c, d), 0).into()).unwrap();
    // Interrumpida, en esta misma máquina ya se conectó o está por: al mandar se va a ver.
    let conectado = socket.connect(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, puerto).into());
    assert!(conectado.is_ok() || interrumpida(), "{conectado:?}");
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket.into()
}

/// Todo lo que le llega hasta el final; si lo que sigue es un reset, hasta ahí.
pub fn lo_que_contestan(mut cliente: TcpStream) -> Vec<u8> {
    let _ = cliente.shutdown(Shutdown::Write);
    let mut contesto = Vec::new();
    let mut bytes = [0; 64];
    loop {
        match cliente.read(&mut bytes) {
            Ok(0) => return contesto,
            Ok(cuantos) => contesto.extend_from_slice(&bytes[..cuantos]),
            Err(causa) if causa.kind() == ErrorKind::Interrupted => {}
            Err(causa) if causa.raw_os_error() == Some(libc::ECONNRESET) => return contesto,
            Err(causa) => panic!("el servidor no contestó ni cerró: {causa}"),
        }
    }
}

/// Una carta en camino. Al soltarla, ya se mandó todo lo que el otro haya querido leer y no queda nada abierto.
pub struct Entrega {
    carta: Arc<Carta>,
    /// Si la lleva el otro hilo.
    llevada: Option<Receiver<()>>,
}

/// Manda los pedazos por `socket` y, si `termina`, termina su lado; si no, cuando se lo [permita](Entrega::permitir_el_final). De una vez, se
/// escribe acá mismo. De a pedazos los lleva otro hilo, y cada uno sale cuando el anterior ya se leyó (en TCP no se ve: ahí salen seguidos).
pub fn repartir(socket: OwnedFd, pedazos: &[&[u8]], termina: bool) -> Entrega {
    let carta = Arc::new(Carta {
        socket,
        pedazos: pedazos.iter().map(|pedazo| pedazo.to_vec()).collect(),
        puede_terminar: AtomicBool::new(termina),
        apuro: AtomicBool::new(false),
    });
    if pedazos.len() < 2 {
        carta.mandar();
        if termina {
            carta.terminar_el_lado();
        }
        return Entrega { carta, llevada: None };
    }
    let (avisar, llevada) = sync_channel(1);
    cartero().send((Arc::clone(&carta), avisar)).expect("el hilo que reparte terminó");
    Entrega { carta, llevada: Some(llevada) }
}

/// El hilo que reparte, uno para toda la corrida.
fn cartero() -> &'static SyncSender<(Arc<Carta>, SyncSender<()>)> {
    static CARTERO: OnceLock<SyncSender<(Arc<Carta>, SyncSender<()>)>> = OnceLock::new();
    CARTERO.get_or_init(|| {
        let (enviar, recibir) = sync_channel::<(Arc<Carta>, SyncSender<()>)>(1);
        thread::spawn(move || {
            for (carta, avisar) in recibir {
                carta.mandar();
                // Acá no hay apuro propio: quien termina antes de que lo saluden deja de ser un cliente.
                while !carta.puede_terminar.load(Ordering::Acquire) && !carta.apurada() {
                    thread::yield_now();
                }
                carta.terminar_el_lado();
                drop(carta);
                let _ = avisar.send(());
            }
        });
        enviar
    })
}

impl Entrega {
    /// Desde ahora, cuando salgan todos los bytes, el cliente termina su lado.
    pub fn permitir_el_final(&self) {
        self.carta.puede_terminar.store(true, Ordering::Release);
        if self.llevada.is_none() {
            self.carta.terminar_el_lado();
        }
    }
}

impl Drop for Entrega {
    fn drop(&mut self) {
        self.carta.apuro.store(true, Ordering::Release);
        if let Some(llevada) = self.llevada.take() {
            let _ = llevada.recv();
        }
    }
}
