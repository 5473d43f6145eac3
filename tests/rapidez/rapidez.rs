//! Lo que no depende de cuán rápida sea la máquina: que nada crezca más que lo que se le da, y que cargar la biblioteca no se note.

use crate::comun;
use tp0::{Escritor, Paquete};

use std::ffi::{CString, c_int, c_void};
use std::fs;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

unsafe extern "C" {
    fn crear_paquete() -> *mut c_void;
    fn agregar_a_paquete(paquete: *mut c_void, valor: *const c_void, tamanio: c_int) -> c_int;
    fn enviar_paquete(paquete: *mut c_void, conexion: c_int) -> c_int;
    fn eliminar_paquete(paquete: *mut c_void);
    fn recibir_operacion(conexion: c_int) -> c_int;
    fn recibir_paquete(conexion: c_int) -> *mut Lista;
    fn tp0_liberar_lista(lista: *mut Lista);
}

#[repr(C)]
struct Lista {
    cabeza: *mut c_void,
    cuantos: c_int,
}

/// Lo que trabajó este hilo: no cuenta lo que otros programas lo demoren.
fn trabajado() -> Duration {
    let mut reloj = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: hay lugar para la hora.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut reloj) }, 0);
    Duration::new(u64::try_from(reloj.tv_sec).unwrap(), u32::try_from(reloj.tv_nsec).unwrap())
}

/// Cuánto trabajo da armar un paquete de `cuantos` valores de 8 bytes, y cuánto recibirlo.
fn armar_y_recibir(cuantos: c_int) -> (Duration, Duration) {
    let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
    let envia = TcpStream::connect(escucha.local_addr().unwrap()).unwrap();
    let (recibe, _) = escucha.accept().unwrap();
    let comienzo = trabajado();
    // SAFETY: no tiene condiciones.
    let paquete = unsafe { crear_paquete() };
    for valor in 0..i64::from(cuantos) {
        // SAFETY: el valor mide 8 bytes.
        assert_eq!(unsafe { agregar_a_paquete(paquete, (&raw const valor).cast(), 8) }, 0);
    }
    let armado = trabajado() - comienzo;
    let direccion = paquete.expose_provenance();
    let hilo = thread::spawn(move || {
        let paquete = std::ptr::with_exposed_provenance_mut(direccion);
        // SAFETY: el paquete está bien formado, y sólo este hilo lo usa.
        assert_eq!(unsafe { enviar_paquete(paquete, envia.as_raw_fd()) }, 0);
        // SAFETY: no se usa más.
        unsafe { eliminar_paquete(paquete) };
    });
    let comienzo = trabajado();
    // SAFETY: está abierto.
    assert_eq!(unsafe { recibir_operacion(recibe.as_raw_fd()) }, 1);
    // SAFETY: está abierto.
    let lista = unsafe { recibir_paquete(recibe.as_raw_fd()) };
    let recibido = trabajado() - comienzo;
    // SAFETY: nunca es NULL si hay memoria.
    assert_eq!(unsafe { (*lista).cuantos }, cuantos);
    // SAFETY: no se usa más.
    unsafe { tp0_liberar_lista(lista) };
    hilo.join().unwrap();
    (armado, recibido)
}

/// Lo mejor de varias veces: lo que tarda cuando nadie molesta.
fn lo_mejor(hacer: impl Fn() -> (Duration, Duration)) -> (Duration, Duration) {
    let veces: Vec<_> = (0..5).map(|_| hacer()).collect();
    (veces.iter().map(|(una, _)| *una).min().unwrap(), veces.iter().map(|(_, otra)| *otra).min().unwrap())
}

#[test]
fn un_millon_de_valores_cuesta_diez_veces_lo_que_cien_mil() {
    let (armar_pocos, recibir_pocos) = lo_mejor(|| armar_y_recibir(100_000));
    let (armar, recibir) = lo_mejor(|| armar_y_recibir(1_000_000));
    let _ = writeln!(
        io::stderr(),
        "un millón de valores: armar {armar:?}, recibir {recibir:?}; cien mil: {armar_pocos:?} y {recibir_pocos:?}"
    );
    // Diez veces, y margen para lo que la memoria tarda de más cuando ya no entra en el caché. Cuadrático daría cien.
    assert!(armar < armar_pocos * 25, "armar: {armar:?} contra {armar_pocos:?}");
    assert!(recibir < recibir_pocos * 25, "recibir: {recibir:?} contra {recibir_pocos:?}");
}

/// Cuánto trabajo da, desde Rust, armar un paquete de `cuantos` valores, y un payload a mano de otros tantos.
fn armar_desde_rust(cuantos: u64) -> (Duration, Duration) {
    let comienzo = trabajado();
    let mut paquete = Paquete::nuevo();
    for valor in 0..cuantos {
        paquete.agregar(valor.to_le_bytes()).unwrap();
    }
    let armado = trabajado() - comienzo;
    let comienzo = trabajado();
    let mut escritor = Escritor::nuevo();
    for valor in 0..cuantos {
        escritor.u64(valor);
    }
    let escrito = trabajado() - comienzo;
    // Cada valor lleva adelante su largo, de 4 bytes; lo que escribe el escritor, nada.
    assert_eq!(paquete.payload().len() * 2, escritor.terminar().len() * 3);
    (armado, escrito)
}

#[test]
fn desde_rust_diez_veces_mas_valores_cuestan_diez_veces_mas() {
    let (armar_pocos, escribir_pocos) = lo_mejor(|| armar_desde_rust(4_000));
    let (armar, escribir) = lo_mejor(|| armar_desde_rust(40_000));
    assert!(armar < armar_pocos * 25, "paquete: {armar:?} contra {armar_pocos:?}");
    assert!(escribir < escribir_pocos * 25, "escritor: {escribir:?} contra {escribir_pocos:?}");
}

/// La de release de este código: si la que hay es de otro, cargo la vuelve a hacer (con `make test` ya está al día).
fn biblioteca_de_release() -> PathBuf {
    static BIBLIOTECA: OnceLock<PathBuf> = OnceLock::new();
    let hacer = || {
        let target = comun::dir_biblioteca().ancestors().nth(2).unwrap().to_path_buf();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(comun::raiz()).args(["build", "--release", "--locked", "--target-dir"]).arg(&target);
        comun::ejecutar(&mut cargo);
        target.join("release/libtp0.so")
    };
    BIBLIOTECA.get_or_init(hacer).clone()
}

#[test]
fn cargarla_da_menos_de_un_milisegundo_de_trabajo() {
    let ruta = CString::new(biblioteca_de_release().to_str().unwrap()).unwrap();
    let ejecutable = comun::compilar("cargar", &["cargar.c"], &["-ldl"]);
    // Cada vez en un proceso nuevo: una vez cargada, ya está. La mejor de varias: la primera la lee del disco.
    let tardo = (0..15).map(|_| {
        let mut orden = comun::orden(&ejecutable);
        orden.arg(ruta.to_str().unwrap());
        let salida = comun::Proceso::lanzar(orden).terminar(comun::PLAZO);
        salida.exigir_exito("cargar");
        salida.lineas().first().unwrap().parse::<u32>().unwrap()
    });
    let mejor = tardo.min().unwrap();
    let _ = writeln!(io::stderr(), "cargar la biblioteca: {mejor} us");
    assert!(mejor < 1000, "{mejor} us");
}

/// Que no engorde sin que nadie se entere. Un enlace dinámico mínimo con la biblioteca estándar de Rust mide 277 kB; cada función exportada lleva su
/// guardia (errno, panics, cancelación, fallas que nadie miró).
#[test]
fn la_biblioteca_no_engorda() {
    // Con Rust 1.85 mide un décimo más que con el de la integración continua, que es el que no deja pasar nada.
    let tope: u64 = if comun::en_integracion() { 830_000 } else { 960_000 };
    let mide = fs::metadata(biblioteca_de_release()).unwrap().len();
    assert!(mide <= tope, "libtp0.so mide {mide} bytes");
}
