//! Bifurcarse con la biblioteca en uso: ni un hijo trabado por lo que hacían los hilos del padre, ni un proceso que
//! corte lo que el otro conserva. Los casos están en `tests/c/matriz_procesos.c`.

use crate::comun;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::comun::PLAZO;

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| comun::compilar_con_tp0("matriz_procesos", &["matriz_procesos.c"])).clone()
}

#[track_caller]
fn correr(caso: &str) {
    let _contado = comun::contar("procesos");
    let salida = comun::correr_caso(comun::orden(programa()), caso, "bien", PLAZO);
    assert_eq!(salida.stderr, "", "nada de qué avisar");
}

#[test]
fn un_hijo_nacido_mientras_otros_hilos_se_conectan_la_usa_sin_trabarse() {
    correr("conectando");
}

#[test]
fn un_hijo_nacido_con_hilos_bloqueados_en_ella_la_usa_y_no_los_despierta() {
    correr("bloqueados");
}

#[test]
fn un_hijo_nacido_en_la_funcion_de_un_cliente_la_usa_sin_trabarse() {
    correr("atendiendo");
}

#[test]
fn un_hijo_nacido_en_la_funcion_de_un_cliente_puede_volver_de_ella() {
    correr("atendiendo_y_vuelve");
}

#[test]
fn un_hijo_no_se_queda_con_los_que_estaban_a_medio_handshake() {
    correr("pendientes");
}

#[test]
fn cada_proceso_conserva_su_copia_cuando_el_otro_la_libera() {
    correr("copias");
}

#[test]
fn liberar_mientras_otro_hilo_la_usa_no_le_corta_la_copia_al_hijo() {
    correr("copias_en_uso");
}
