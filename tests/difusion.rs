//! Enviar lo mismo a muchos, desde C y desde Rust: el que no lee no demora a nadie, y se sabe cuál fue.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "las ayudas de las pruebas fallan con un texto claro"
)]

mod comun;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use comun::{Proceso, compilar, enlace_tp0, exigir, orden, orden_valgrind, raiz};
use tp0::{Conexion, Emisor, Error, Paquete, Recibido, Servidor};

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    let compilarlo = || {
        let mut args = vec![format!("-I{}", raiz().join("include").display())];
        args.extend(enlace_tp0());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        compilar("muchos_difusion", &["muchos_difusion.c"], &args)
    };
    PROGRAMA.get_or_init(compilarlo).clone()
}

#[track_caller]
fn bien(mut comando: std::process::Command, caso: &str) {
    comando.arg(caso);
    let salida = Proceso::lanzar(comando).terminar(Duration::from_secs(60));
    salida.exigir_exito(&format!("muchos_difusion {caso}"));
    assert_eq!(salida.lineas().last(), Some(&"todo bien"), "{salida}");
}

#[test]
fn en_c_el_que_no_lee_no_demora_y_se_sabe_cual_fue() {
    bien(orden(programa()), "no_lee");
}

#[test]
fn en_c_lo_que_queda_por_la_mitad_termina_esa_conexion() {
    bien(orden(programa()), "por_la_mitad");
}

#[test]
fn en_c_los_argumentos_malos_fallan_sin_enviar_nada() {
    bien(orden(programa()), "malos");
}

#[test]
fn en_c_no_se_pierde_un_byte_de_memoria() {
    if exigir("valgrind") {
        bien(orden_valgrind(programa(), &[]), "malos");
    }
}

/// Una conexión con un servidor de este mismo proceso: los dos extremos.
fn par(servidor: &Servidor) -> (Conexion, Conexion) {
    let puerto = servidor.puerto().unwrap().to_string();
    let cliente = std::thread::spawn(move || Conexion::conectar("127.0.0.1", &puerto).unwrap());
    let en_el_servidor = servidor.esperar_cliente().unwrap();
    (en_el_servidor, cliente.join().unwrap())
}

#[test]
fn en_rust_el_que_no_lee_no_demora_y_se_sabe_cual_fue() {
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let mut pares: Vec<_> = (0..5).map(|_| par(&servidor)).collect();
    // Mensajes de 8 bytes hasta que no le entra ninguno más.
    let trabado = pares[2].0.emisor();
    let vacio = Paquete::nuevo();
    let lleno = (0..5_000_000)
        .map(|_| tp0::difundir(std::slice::from_ref(&trabado), &vacio))
        .find(|fallaron| !fallaron.is_empty())
        .expect("nunca se llenó");
    assert!(matches!(lleno.as_slice(), [(0, Error::NoLee { .. })]), "{lleno:?}");

    let emisores: Vec<Emisor> = pares.iter().map(|(en_el_servidor, _)| en_el_servidor.emisor()).collect();
    let mut paquete = Paquete::nuevo();
    paquete.agregar(b"a todos").unwrap();
    let antes = Instant::now();
    let fallaron = tp0::difundir(&emisores, &paquete);
    assert!(antes.elapsed() < Duration::from_millis(500), "tardó {:?}", antes.elapsed());
    assert!(matches!(fallaron.as_slice(), [(2, _)]), "{fallaron:?}");
    for (lugar, (_, cliente)) in pares.iter_mut().enumerate().filter(|(lugar, _)| *lugar != 2) {
        match cliente.recibir().unwrap() {
            Some(Recibido::Paquete(paquete)) => assert!(paquete.valores().eq([b"a todos".as_slice()]), "{lugar}"),
            otro => panic!("{otro:?}"),
        }
    }
}

#[test]
fn en_rust_a_nadie_no_falla_nadie() {
    assert!(tp0::difundir(&[], &Paquete::nuevo()).is_empty());
}
