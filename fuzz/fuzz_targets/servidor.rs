//! Un servidor entero, con un cliente que manda bytes cualesquiera y un programa que llama a las funciones de recibir en cualquier orden.
//!
//! Lo que cada llamada tiene que devolver se calcula aparte ([`Modelo`]). Ninguna puede quedarse esperando: el cliente termina siempre su
//! lado, y a la que igual espere la corta el plazo de libFuzzer.
//!
//! Entrada: cómo llegan (1 byte) | llamadas | largos de los pedazos | los bytes que manda el cliente.
#![no_main]

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tp0::{Error, Opciones, Recibido, Servidor};
use tp0_fuzz::c;
use tp0_fuzz::cliente::{conectar, lo_que_contestan, mandar, repartir};
use tp0_fuzz::esperado::{Final, leer_valores};
use tp0_fuzz::guion::{Guion, cortar};
use tp0_fuzz::modelo::{Llamada, Modelo};
use tp0_fuzz::salida;

/// El mayor payload: chico, para que pasarse sea fácil.
const LIMITE: u32 = 600;
/// Los handshakes que aceptan los servidores de Rust. Los de C, del entorno, sólo el primero.
const ACEPTADOS: [i32; 2] = [1, 258];

fuzz_target!(|entrada: &[u8]| {
    let mut guion = Guion(entrada);
    let como = guion.byte();
    let llamadas = guion.lista(40);
    let pedazos = if como & 8 == 0 { &[] } else { guion.lista(8) };
    let bytes = guion.0;
    let antes = menor_descriptor_libre();
    match como % 8 {
        0..=3 => por_socketpair(llamadas, &cortar(bytes, pedazos)),
        4 => por_tcp(&mundo().exigido, llamadas, bytes, pedazos),
        5 => por_tcp(&mundo().opcional, llamadas, bytes, &[]),
        6 => por_tcp(&mundo().ninguno, llamadas, bytes, pedazos),
        _ => por_rust(bytes, pedazos),
    }
    assert_eq!(menor_descriptor_libre(), antes, "quedó un descriptor abierto");
});

/// Lo que vive toda la corrida.
struct Mundo {
    exigido: DeC,
    opcional: DeC,
    ninguno: DeC,
    de_rust: Servidor,
}

/// Un servidor de C, y qué handshake pide.
struct DeC {
    descriptor: RawFd,
    puerto: u16,
    pide: Pide,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pide {
    Exigido,
    Opcional,
    Ninguno,
}

fn mundo() -> &'static Mundo {
    static MUNDO: OnceLock<Mundo> = OnceLock::new();
    MUNDO.get_or_init(|| {
        salida::capturar();
        let servidor = |valor: &str, pide| {
            // SAFETY: todavía hay un solo hilo.
            unsafe { std::env::set_var("TP0_HANDSHAKE", valor) };
            let descriptor = c::escuchar();
            DeC { descriptor, puerto: c::tp0_puerto(descriptor) as u16, pide }
        };
        // SAFETY: todavía hay un solo hilo.
        unsafe { std::env::set_var("TP0_TAMANIO_MAXIMO", LIMITE.to_string()) };
        let opciones = Opciones::nuevas().handshakes(&ACEPTADOS).unwrap().tamanio_maximo(LIMITE).unwrap();
        Mundo {
            exigido: servidor("1", Pide::Exigido),
            opcional: servidor("opcional", Pide::Opcional),
            ninguno: servidor("no", Pide::Ninguno),
            de_rust: Servidor::iniciar_con("127.0.0.1", "0", &opciones).unwrap(),
        }
    })
}

fn menor_descriptor_libre() -> RawFd {
    mundo();
    // SAFETY: el 0 está abierto; devuelve uno nuevo, o -1.
    let libre = unsafe { libc::dup(0) };
    assert!(libre > 2);
    // SAFETY: se acaba de abrir y nadie más lo tiene.
    drop(unsafe { OwnedFd::from_raw_fd(libre) });
    libre
}

/// La biblioteca recibe por un socket que no hizo ella. De a pedazos, cada uno sale cuando el anterior ya se leyó: así la recepción se
/// corta exactamente ahí.
fn por_socketpair(llamadas: &[u8], pedazos: &[&[u8]]) {
    let (cliente, servidor) = UnixStream::pair().unwrap();
    let bytes = pedazos.concat();
    let entrega = repartir(cliente.into(), pedazos, true);
    conversar(servidor.into_raw_fd(), Modelo::nuevo(&bytes, LIMITE), llamadas);
    drop(entrega);
}

/// Quiénes pasan: para cada servidor, si alguien que manda `bytes` y termina es un cliente, con qué handshake, y cuántos bytes se le leen.
fn pasa(pide: Pide, bytes: &[u8], aceptados: &[i32]) -> Option<(Option<i32>, usize)> {
    let valor = bytes.first_chunk::<4>().map(|cuatro| i32::from_le_bytes(*cuatro));
    let aceptado = valor.filter(|valor| aceptados.contains(valor));
    match pide {
        Pide::Ninguno => Some((None, 0)),
        Pide::Exigido => aceptado.map(|valor| (Some(valor), 4)),
        Pide::Opcional => match bytes.get(4..8) {
            Some(tamanio) => {
                let tamanio = i32::from_le_bytes(tamanio.try_into().unwrap());
                (valor? >= 0 && (0..=i64::from(LIMITE)).contains(&i64::from(tamanio))).then_some((None, 0))
            }
            None => aceptado.filter(|_| bytes.len() == 4).map(|valor| (Some(valor), 4)),
        },
    }
}

/// El primer cliente manda lo que diga la entrada. Detrás viene uno bueno, que tiene que ser atendido pase lo que pase con el primero; y si
/// el primero todavía está presentándose, otro, y otro: el servidor siempre tiene a quién atender.
fn por_tcp(servidor: &DeC, llamadas: &[u8], bytes: &[u8], pedazos: &[u8]) {
    let esperado = pasa(servidor.pide, bytes, &ACEPTADOS[..1]);
    let cliente = conectar(servidor.puerto);
    let fisgon = cliente.try_clone().unwrap();
    // Quien se fue antes de que lo saluden no es un cliente: si va a pasar, termina su lado después.
    let se_va_antes = esperado.is_none() || servidor.pide == Pide::Ninguno;
    let entrega = repartir(cliente.into(), &cortar(bytes, pedazos), se_va_antes);
    let mut paso = false;
    while !paso && (esperado.is_some() || !contestaron(&fisgon)) {
        let bueno = Bueno::nuevo(servidor);
        loop {
            let (atendido, handshake) = esperar_cliente(servidor.descriptor);
            if par_de(atendido) != fisgon.local_addr().unwrap() {
                bueno.conversar(atendido, handshake);
                break;
            }
            let (mostro, leidos) = esperado.expect("entró uno que no debía");
            assert_eq!(handshake, mostro.unwrap_or(0));
            entrega.permitir_el_final();
            conversar(atendido, Modelo::nuevo(&bytes[leidos..], LIMITE), llamadas);
            paso = true;
        }
    }
    drop(entrega);
    exigir_respuesta(fisgon, servidor.pide, esperado, pedazos.is_empty());
}

/// Si ya le contestaron algo, o lo cortaron.
fn contestaron(cliente: &TcpStream) -> bool {
    let mut interes = libc::pollfd { fd: cliente.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: es un solo pollfd, vivo mientras dura la llamada.
    unsafe { libc::poll(&raw mut interes, 1, 0) == 1 }
}

/// Un cliente como corresponde, que dice hola y se va.
struct Bueno {
    socket: TcpStream,
    pide: Pide,
}

impl Bueno {
    const HOLA: [u8; 13] = [0, 0, 0, 0, 5, 0, 0, 0, b'h', b'o', b'l', b'a', 0];

    fn nuevo(servidor: &DeC) -> Self {
        let socket = conectar(servidor.puerto);
        if servidor.pide != Pide::Ninguno {
            mandar(socket.as_raw_fd(), &[1, 0, 0, 0]);
        }
        Self { socket, pide: servidor.pide }
    }

    fn conversar(self, atendido: RawFd, handshake: i32) {
        mandar(self.socket.as_raw_fd(), &Self::HOLA);
        self.socket.shutdown(Shutdown::Write).unwrap();
        assert_eq!(handshake, i32::from(self.pide != Pide::Ninguno));
        assert_eq!(c::recibir_mensaje_en(atendido).as_deref(), Some(&b"hola"[..]), "{:?}", c::error());
        assert_eq!((c::recibir_operacion(atendido), c::errno()), (-1, 0));
        assert_eq!(c::liberar_conexion(atendido), 0);
        exigir_respuesta(self.socket, self.pide, Some((Some(1), 0)), true);
    }
}

/// A esperar un cliente sí la corta una señal sin SA_RESTART, como la de libFuzzer.
fn esperar_cliente(servidor: RawFd) -> (RawFd, i32) {
    loop {
        let mut handshake = -99;
        let atendido = c::tp0_esperar_cliente(servidor, Some(&mut handshake));
        if atendido != -1 {
            assert!(atendido > 2);
            return (atendido, handshake);
        }
        assert_eq!(c::errno(), libc::EINTR, "{:?}", c::error());
    }
}

/// Lo que el servidor le contestó: OK, ERROR o nada, y ni un byte más.
fn exigir_respuesta(cliente: TcpStream, pide: Pide, esperado: Option<(Option<i32>, usize)>, entera: bool) {
    let contesto = lo_que_contestan(cliente);
    match (esperado, pide) {
        (_, Pide::Ninguno) | (Some((None, _)), _) => assert_eq!(contesto, [0_u8; 0]),
        (Some((Some(_), _)), _) => assert_eq!(contesto, [0; 4], "OK"),
        // Si todavía estaba mandando, el reset puede llegarle antes que la respuesta.
        (None, _) => assert!(contesto == [0xff; 4] || (!entera && contesto.is_empty()), "ERROR: {contesto:?}"),
    }
}

fn par_de(descriptor: RawFd) -> SocketAddr {
    // SAFETY: está abierto: la biblioteca lo acaba de entregar.
    let prestado = unsafe { BorrowedFd::borrow_raw(descriptor) };
    TcpStream::from(prestado.try_clone_to_owned().unwrap()).peer_addr().unwrap()
}

/// El servidor de Rust: cada mensaje, en orden, y al final el final.
fn por_rust(bytes: &[u8], pedazos: &[u8]) {
    let servidor = &mundo().de_rust;
    let saludo = ACEPTADOS[bytes.len() % 2];
    let cliente = conectar(servidor.puerto().unwrap());
    let fisgon = cliente.try_clone().unwrap();
    mandar(cliente.as_raw_fd(), &saludo.to_le_bytes());
    let mut conexion = loop {
        match servidor.esperar_cliente() {
            Err(Error::Interrumpido) => {}
            llegado => break llegado.unwrap(),
        }
    };
    assert_eq!(conexion.handshake(), Some(saludo));
    let entrega = repartir(cliente.into(), &cortar(bytes, pedazos), true);

    let mut modelo = Modelo::nuevo(bytes, LIMITE);
    loop {
        let esperado = modelo.mensaje_de_rust();
        match (conexion.recibir(), esperado) {
            (Ok(None), Ok(None)) => break,
            (Ok(Some(Recibido::Mensaje(texto))), Ok(Some((0, payload)))) => {
                assert_eq!(texto.as_bytes(), payload.split(|byte| *byte == 0).next().unwrap());
            }
            (Ok(Some(Recibido::Paquete(paquete))), Ok(Some((1, payload)))) => {
                let lectura = leer_valores(payload, payload.len());
                assert!(lectura.final_ == Final::Cierra);
                assert!(paquete.valores().eq(lectura.valores.iter().map(Vec::as_slice)));
            }
            (Ok(Some(Recibido::Otro { codigo, payload })), Ok(Some((otro, esperado)))) => {
                assert_eq!((codigo, payload), (otro, esperado));
            }
            // El mensaje ya se consumió y la conexión sigue.
            (Err(Error::Texto { .. }), Ok(Some((0, payload)))) => {
                assert!(std::str::from_utf8(payload.split(|byte| *byte == 0).next().unwrap()).is_err());
            }
            (Err(Error::LargoMentiroso { .. } | Error::SobranBytes { .. }), Ok(Some((1, payload)))) => {
                let lectura = leer_valores(payload, payload.len());
                assert!(lectura.final_ != Final::Cierra);
            }
            (Err(error), Err(errnos)) => {
                assert!(errnos.contains(&error.errno()), "{error:?} y se esperaba {errnos:?}");
                assert!(matches!(conexion.recibir(), Err(Error::Terminada)));
                break;
            }
            (hizo, esperado) => panic!("{hizo:?} y se esperaba {esperado:?}"),
        }
    }
    drop(conexion);
    drop(entrega);
    let contesto = lo_que_contestan(fisgon);
    assert_eq!(contesto, [0; 4], "OK");
}

/// Hace las llamadas y compara cada una con el modelo; al final libera.
fn conversar(conexion: RawFd, mut modelo: Modelo<'_>, llamadas: &[u8]) {
    for llamada in llamadas.iter().map(|byte| Llamada::de(*byte)).chain([Llamada::Operacion]) {
        modelo.llamar(conexion, llamada);
    }
    assert_eq!(c::liberar_conexion(conexion), 0, "{:?}", c::error());
    assert_eq!((c::liberar_conexion(conexion), c::errno()), (-1, libc::EBADF), "liberada dos veces");
    // SAFETY: sólo pregunta si ese número está abierto.
    assert_eq!(unsafe { libc::fcntl(conexion, libc::F_GETFD) }, -1, "liberar no la cerró");
}
