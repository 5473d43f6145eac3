//! Una tormenta de señales sobre todo lo que bloquea: nada se pierde, ningún plazo se estira, y a `esperar_cliente` la
//! corta sólo un manejador sin SA_RESTART. Los casos están en `tests/c/matriz_seniales.c`.

use crate::comun;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::comun::PLAZO;

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| comun::compilar_con_tp0("matriz_seniales", &["matriz_seniales.c"])).clone()
}

#[track_caller]
fn correr(caso: &str) {
    let _contado = comun::contar("seniales");
    let salida = comun::correr_caso(comun::orden(programa()), caso, "bien", PLAZO);
    assert_eq!(salida.stderr, "", "nadie tenía que ser rechazado");
}

#[test]
fn ni_un_byte_se_pierde_si_las_seniales_llegan_al_que_recibe() {
    correr("grandes");
}

#[test]
fn ni_un_byte_se_pierde_si_las_seniales_llegan_al_que_envia() {
    correr("grandes_al_enviar");
}

#[test]
fn ni_un_byte_se_pierde_aunque_el_descriptor_sea_no_bloqueante() {
    correr("grandes_sin_bloqueo");
    correr("grandes_al_enviar_sin_bloqueo");
}

#[test]
fn con_sa_restart_ninguna_senial_corta_la_espera_de_clientes() {
    correr("esperar_con_restart");
}

#[test]
fn sin_sa_restart_la_cortan_y_ningun_cliente_se_pierde() {
    correr("esperar_sin_restart");
}

#[test]
fn lo_mismo_si_el_que_escucha_es_no_bloqueante() {
    correr("esperar_con_restart_sin_bloqueo");
    correr("esperar_sin_restart_sin_bloqueo");
}

#[test]
fn las_seniales_no_cortan_una_conexion_ni_estiran_su_plazo() {
    correr("conectarse");
}

#[test]
fn los_plazos_que_puso_el_programa_se_cumplen_con_sa_restart() {
    correr("plazos_con_restart");
}

#[test]
fn los_plazos_que_puso_el_programa_se_cumplen_sin_sa_restart() {
    correr("plazos_sin_restart");
}
