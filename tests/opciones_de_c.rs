//! Las opciones, desde C: lo que aceptan, lo que rechazan y lo que hacen. Lo que prueba cada caso está en `muchos_opciones.c`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "las ayudas de las pruebas fallan con un texto claro"
)]

mod comun;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use comun::{Proceso, compilar, enlace_tp0, exigir, orden, orden_valgrind, raiz};

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    let compilarlo = || {
        let mut args = vec![format!("-I{}", raiz().join("include").display())];
        args.extend(enlace_tp0());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        compilar("muchos_opciones", &["muchos_opciones.c"], &args)
    };
    PROGRAMA.get_or_init(compilarlo).clone()
}

#[track_caller]
fn bien(mut comando: Command, caso: &str) {
    comando.arg(caso);
    let salida = Proceso::lanzar(comando).terminar(Duration::from_secs(60));
    salida.exigir_exito(&format!("muchos_opciones {caso}"));
    assert_eq!(salida.lineas().last(), Some(&"todo bien"), "{salida}");
}

#[test]
fn cada_opcion_acepta_su_rango_y_nada_mas() {
    bien(orden(programa()), "rangos");
}

#[test]
fn el_keepalive_se_cumple_en_los_segundos_pedidos() {
    bien(orden(programa()), "keepalive");
}

#[test]
fn el_tamanio_maximo_vale_para_esa_conexion_en_los_dos_sentidos() {
    bien(orden(programa()), "tamanio");
}

#[test]
fn se_insiste_hasta_que_el_servidor_se_levanta_o_pasa_el_plazo() {
    bien(orden(programa()), "reintentos");
}

#[test]
fn no_se_pierde_un_byte_de_memoria() {
    if exigir("valgrind") {
        bien(orden_valgrind(programa(), &[]), "rangos");
        bien(orden_valgrind(programa(), &[]), "tamanio");
    }
}
