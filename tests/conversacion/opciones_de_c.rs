//! Las opciones, desde C: lo que aceptan, lo que rechazan y lo que hacen. Lo que prueba cada caso está en `muchos_opciones.c`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::comun::{compilar_con_tp0, correr_caso, exigir, orden, orden_valgrind};

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("muchos_opciones", &["muchos_opciones.c"])).clone()
}

#[track_caller]
fn bien(comando: Command, caso: &str) {
    correr_caso(comando, caso, "todo bien", Duration::from_secs(60));
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
