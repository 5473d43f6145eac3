//! La vida de un número (`src/abi/descriptores.rs`, con `ranura.rs`, `vuelo.rs`, `tabla.rs` y `tumbas.rs`).

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;

use socket2::{Domain, Socket, Type};

use super::descriptores::{self, Entrega, Uso, entregar, liberar, usar};
use super::modelo_de_tabla::soltar_trozos;
use crate::Modelo;
use crate::modelo_de_turno::DeTodos;
use crate::red::Canal;
use crate::ritmo::Tramo;
use crate::sistema::{cerrar, identidad, recibir};

/// Una conexión, con el otro lado abierto.
struct Conectado {
    numero: i32,
    otro_lado: UnixStream,
}

fn conectado() -> DeTodos<Conectado> {
    let (uno, otro_lado) = UnixStream::pair().expect("hay descriptores");
    let entrega = Entrega { socket: uno.into(), tamanio_maximo: 1024, handshake: None, escucha: None };
    DeTodos::nuevo(Conectado { numero: entregar(entrega).expect("hay memoria").descriptor, otro_lado })
}

fn esta_abierto(numero: i32) -> bool {
    // SAFETY: no toca memoria.
    unsafe { libc::fcntl(numero, libc::F_GETFD) >= 0 }
}

/// Uno recibe y otro libera: quien recibe despierta, y el número queda cerrado, una sola vez, cuando ya no lo usa nadie.
pub(crate) const LIBERAR: Modelo =
    Modelo { nombre: "ranura_liberar", interrupciones: Some(3), vuelta: liberar_mientras_se_recibe };

fn liberar_mientras_se_recibe() {
    let todo = conectado();
    let numero = todo.0.numero;
    let este = identidad(numero).expect("está abierto");
    let recibe = todo.hilo(move |_| {
        let Ok(uso) = usar(numero) else { return };
        let recibidos = recibir(uso.fd(), &mut [0u8], 0);
        // Mientras alguien lo usa, el número es de este socket y de ningún otro.
        match recibidos {
            Ok(0) => assert_eq!(identidad(numero).ok(), Some(este), "se cerró con una llamada en vuelo"),
            // Llegó tarde: ya estaba cerrado.
            Err(causa) if causa.raw_os_error() == Some(libc::EBADF) => {}
            otro => panic!("no había nada que recibir: {otro:?}"),
        }
    });
    let libero = liberar(numero);
    recibe.join().unwrap();
    libero.expect("estaba abierto, y nadie más lo libera");
    assert!(!esta_abierto(numero), "se liberó, nadie lo usa, y sigue abierto");
    assert!(liberar(numero).is_err(), "ya no es nada");
    soltar_trozos();
}

/// Dos hilos liberan a la vez: uno solo lo logra, y al final está cerrado.
pub(crate) const DOS_LIBERAN: Modelo =
    Modelo { nombre: "ranura_dos_liberan", interrupciones: Some(3), vuelta: dos_liberan };

fn dos_liberan() {
    let todo = conectado();
    let numero = todo.0.numero;
    let otro = todo.hilo(move |_| liberar(numero).is_ok());
    let (uno, otro) = (liberar(numero).is_ok(), otro.join().unwrap());
    assert!(uno != otro, "de dos que liberan a la vez, lo logra uno: {uno} y {otro}");
    assert!(!esta_abierto(numero), "se liberó, nadie lo usa, y sigue abierto");
    soltar_trozos();
}

/// Uno entierra (llegó el fin de la conversación) y otro libera: al final no queda ni la conexión ni una tumba, y el número no se cierra dos veces.
pub(crate) const ENTERRAR: Modelo =
    Modelo { nombre: "ranura_enterrar", interrupciones: Some(3), vuelta: enterrar_y_liberar };

fn enterrar_y_liberar() {
    let todo = conectado();
    let numero = todo.0.numero;
    let entierra = todo.hilo(move |_| {
        if let Ok(uso) = usar(numero) {
            uso.enterrar();
        }
    });
    let libero = liberar(numero);
    entierra.join().unwrap();
    libero.expect("sea la conexión o su tumba, se la libera");
    assert!(!esta_abierto(numero), "se liberó y sigue abierto");
    soltar_trozos();
}

/// El programa cierra el número por su cuenta, y el kernel se lo da a otra conexión de la biblioteca, mientras un hilo libera la primera: la segunda queda.
pub(crate) const CERRADO_POR_EL_PROGRAMA: Modelo =
    Modelo { nombre: "ranura_reusada", interrupciones: Some(3), vuelta: cerrado_por_el_programa };

fn cerrado_por_el_programa() {
    let todo = conectado();
    let numero = todo.0.numero;
    let usa = todo.hilo(move |_| {
        // Una llamada que despegó cuando el número era de la primera, y aterriza cuando es de la segunda.
        drop(usar(numero));
    });
    cerrar(numero);
    let segunda = conectado();
    assert_eq!(segunda.0.numero, numero, "el kernel da el menor");
    usa.join().unwrap();
    let este = identidad(numero).expect("la segunda sigue abierta");
    let uso = usar(numero).expect("la segunda anda");
    assert!(!uso.alguien_recibe(), "lo de la vuelta anterior cuenta en ésta");
    drop(uso);
    liberar(numero).expect("es la segunda");
    assert_ne!(identidad(numero).ok(), Some(este), "se liberó y sigue abierta");
    soltar_trozos();
}

/// El modelo del ritmo, con quien recibe como una llamada en vuelo.
pub(crate) fn ritmo_en_c() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("hay sockets");
    socket.set_tcp_nodelay(true).expect("es TCP");
    let entrega = Entrega { socket, tamanio_maximo: 1024, handshake: None, escucha: None };
    let numero = entregar(entrega).expect("hay memoria").descriptor;
    {
        let uso = usar(numero).expect("está abierto");
        for _ in 0..16 {
            uso.ritmo().al_enviar(uso.fd(), || true);
        }
    }
    let todo = DeTodos::nuevo(());
    let envia = todo.hilo(move |_| {
        let uso = usar(numero).expect("está abierto");
        uso.ritmo().al_enviar(uso.fd(), || uso.alguien_recibe());
    });
    let recibe = usar(numero).expect("está abierto");
    recibe.ritmo().al_recibir(recibe.fd(), Tramo::Comienzo, || true);
    envia.join().unwrap();
    assert!(recibe.socket().tcp_nodelay().expect("es TCP"), "alguien recibe, y lo que se envió quedó retenido");
    drop(recibe);
    liberar(numero).expect("está abierto");
    soltar_trozos();
}
