//! Lo que no depende de cuán rápida sea la máquina: que nada crezca más que lo que se le da, y que cargar la biblioteca no se note.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    reason = "andamio de pruebas: la interfaz de C se usa desde acá, y fallar con un texto claro es su manera de avisar"
)]

mod comun;

use tp0 as _;

use std::ffi::{CString, c_int, c_void};
use std::fs;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

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

/// Cuánto tarda armar y enviar un paquete de `cuantos` valores de 8 bytes, y cuánto recibirlo.
fn armar_y_recibir(cuantos: c_int) -> (Duration, Duration) {
    let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
    let envia = TcpStream::connect(escucha.local_addr().unwrap()).unwrap();
    let (recibe, _) = escucha.accept().unwrap();
    let comienzo = Instant::now();
    // SAFETY: no tiene condiciones.
    let paquete = unsafe { crear_paquete() };
    for valor in 0..i64::from(cuantos) {
        // SAFETY: el valor mide 8 bytes.
        assert_eq!(unsafe { agregar_a_paquete(paquete, (&raw const valor).cast(), 8) }, 0);
    }
    let armado = comienzo.elapsed();
    let direccion = paquete.expose_provenance();
    let hilo = thread::spawn(move || {
        let paquete = std::ptr::with_exposed_provenance_mut(direccion);
        // SAFETY: el paquete está bien formado, y sólo este hilo lo usa.
        assert_eq!(unsafe { enviar_paquete(paquete, envia.as_raw_fd()) }, 0);
        // SAFETY: no se usa más.
        unsafe { eliminar_paquete(paquete) };
    });
    let comienzo = Instant::now();
    // SAFETY: está abierto.
    assert_eq!(unsafe { recibir_operacion(recibe.as_raw_fd()) }, 1);
    // SAFETY: está abierto.
    let lista = unsafe { recibir_paquete(recibe.as_raw_fd()) };
    let recibido = comienzo.elapsed();
    // SAFETY: nunca es NULL si hay memoria.
    assert_eq!(unsafe { (*lista).cuantos }, cuantos);
    // SAFETY: no se usa más.
    unsafe { tp0_liberar_lista(lista) };
    hilo.join().unwrap();
    (armado, recibido)
}

/// Lo mejor de varias veces: lo que tarda cuando nadie molesta.
fn lo_mejor(cuantos: c_int) -> (Duration, Duration) {
    let veces: Vec<_> = (0..5).map(|_| armar_y_recibir(cuantos)).collect();
    (veces.iter().map(|(armado, _)| *armado).min().unwrap(), veces.iter().map(|(_, recibido)| *recibido).min().unwrap())
}

#[test]
fn un_millon_de_valores_cuesta_diez_veces_lo_que_cien_mil() {
    let (armar_pocos, recibir_pocos) = lo_mejor(100_000);
    let (armar, recibir) = lo_mejor(1_000_000);
    let _ = writeln!(
        io::stderr(),
        "un millón de valores: armar {armar:?}, recibir {recibir:?}; cien mil: {armar_pocos:?} y {recibir_pocos:?}"
    );
    assert!(armar < Duration::from_secs(1), "armar un millón de valores tardó {armar:?}");
    assert!(recibir < Duration::from_secs(1), "recibir un millón de valores tardó {recibir:?}");
    // Diez veces, y margen para lo que la memoria tarda de más cuando ya no entra en el caché. Cuadrático daría cien.
    assert!(armar < armar_pocos * 25, "armar: {armar:?} contra {armar_pocos:?}");
    assert!(recibir < recibir_pocos * 25, "recibir: {recibir:?} contra {recibir_pocos:?}");
}

fn biblioteca_de_release() -> PathBuf {
    let target = comun::dir_biblioteca().ancestors().nth(2).unwrap().to_path_buf();
    let biblioteca = target.join("release/libtp0.so");
    assert!(biblioteca.exists(), "falta {}: corré make", biblioteca.display());
    biblioteca
}

#[test]
fn cargarla_tarda_menos_de_un_milisegundo() {
    let ruta = CString::new(biblioteca_de_release().to_str().unwrap()).unwrap();
    let ejecutable = comun::compilar("cargar", &["cargar.c"], &["-ldl"]);
    // Cada vez en un proceso nuevo: una vez cargada, ya está. La mejor de varias, que es lo que tarda cuando nadie molesta.
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

/// Que no engorde sin que nadie se entere. Un enlace dinámico mínimo con la biblioteca estándar de Rust mide 277 kB.
#[test]
fn la_biblioteca_no_engorda() {
    const TOPE: u64 = 660_000;
    let mide = fs::metadata(biblioteca_de_release()).unwrap().len();
    assert!(mide <= TOPE, "libtp0.so mide {mide} bytes");
}
