//! Lo que encontraron el fuzzing y los verificadores: cada hallazgo, una prueba.

mod comun;

use comun::{PLAZO, Proceso, compilar_con_tp0, exigir, orden};

/// Lo encontró `fuzz/fuzz_targets/cable.rs`: en un socket que no hizo la biblioteca, el primer código leído se olvidaba.
#[test]
fn en_una_conexion_que_hizo_el_programa_el_primer_codigo_no_se_olvida() {
    if !exigir("gcc") {
        return;
    }
    let salida = Proceso::lanzar(orden(compilar_con_tp0("ajena", &["ajena.c"]))).terminar(PLAZO);
    salida.exigir_exito("ajena");
    assert_eq!(salida.stdout, "todo bien\n", "{salida}");
}
