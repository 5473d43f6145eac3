//! `pthread_cancel` de un hilo que está dentro de la biblioteca: espera a que la llamada vuelva. Los casos están en `tests/c/cancelar.c`.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::comun::{PLAZO, Proceso, compilar_con_tp0, exigir, orden};

fn correr(caso: &str) {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    if !exigir("gcc") {
        return;
    }
    let mut orden = orden(PROGRAMA.get_or_init(|| compilar_con_tp0("cancelar", &["cancelar.c"])));
    orden.arg(caso);
    let salida = Proceso::lanzar(orden).terminar(PLAZO);
    salida.exigir_exito(caso);
    assert_eq!((salida.stdout.as_str(), salida.stderr.as_str()), ("bien\n", ""), "{caso}");
}

#[test]
fn al_recibir() {
    correr("recibir");
}

#[test]
fn al_enviar_con_todo_lleno() {
    correr("enviar");
}

#[test]
fn al_esperar_clientes() {
    correr("esperar");
}

#[test]
fn al_conectar() {
    correr("conectar");
}

#[test]
fn al_atender() {
    correr("atender");
}

#[test]
fn al_que_atiende_tp0_atender() {
    correr("atendido");
}
