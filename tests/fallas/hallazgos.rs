//! Lo que rompieron quienes no escribieron la biblioteca: cada hallazgo es un programa de `tests/c/hallazgos`, y una prueba. El comienzo de cada
//! programa dice qué muestra.

use crate::comun;
use std::time::Duration;

use crate::comun::{
    PLAZO, Proceso, compilador_de_c, compilar_con_tp0, dir_c, enlace_tp0, es_root, exigir, orden, raiz, ruta_nueva,
    saltear,
};

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

/// De sobra: el más largo busca una carrera durante diez segundos.
const PACIENCIA: Duration = Duration::from_secs(110);

/// Las opciones con las que se compila: sin las advertencias de la casa, que no son lo que se prueba.
fn compilar_hallazgo(nombre: &str) -> std::path::PathBuf {
    let (carpeta, destino) = (dir_c().join("hallazgos"), ruta_nueva(nombre));
    let mut gcc = compilador_de_c();
    // Los que reemplazan a malloc no quieren que gcc suponga qué hace.
    gcc.args(["-g", "-O1", "-Wall", "-fno-builtin-malloc", "-I"]).arg(&carpeta);
    gcc.arg("-I").arg(raiz().join("include")).arg(carpeta.join(format!("{nombre}.c"))).arg("-o").arg(&destino);
    comun::ejecutar(gcc.args(enlace_tp0()).arg("-lpthread"));
    destino
}

fn correr(nombre: &str) {
    if exigir("gcc") {
        Proceso::lanzar(orden(compilar_hallazgo(nombre))).terminar(PACIENCIA).exigir_exito(nombre);
    }
}

/// Con un `/etc/hosts` propio, en un espacio de montaje: hay un nombre con dos direcciones IPv4, y `localhost` tiene también la IPv6.
fn correr_con_nombres(nombre: &str) {
    const NOMBRES: &str = "127.0.0.1 localhost\n::1 localhost\n127.0.0.2 dosdirecciones\n127.0.0.3 dosdirecciones\n";
    if !exigir("gcc") || !exigir("unshare") {
        return;
    }
    if !es_root() {
        return saltear("los nombres con varias direcciones necesitan un /etc/hosts propio, y eso, ser root");
    }
    let nombres = ruta_nueva("hosts");
    if let Err(error) = std::fs::write(&nombres, NOMBRES) {
        return saltear(&format!("no se pudo escribir {}: {error}", nombres.display()));
    }
    let mut comando = orden("unshare");
    comando.args(["-m", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$1\""]);
    comando.arg(nombres).arg(compilar_hallazgo(nombre));
    Proceso::lanzar(comando).terminar(PACIENCIA).exigir_exito(nombre);
}

macro_rules! hallazgos {
    ($($como:ident: $($nombre:ident)*;)*) => {
        $($(#[test] fn $nombre() { $como(stringify!($nombre)); })*)*

        #[test]
        fn cada_programa_es_una_prueba() {
            let en_la_lista = [$($(stringify!($nombre)),*),*];
            let carpeta = std::fs::read_dir(dir_c().join("hallazgos")).unwrap();
            for archivo in carpeta.map(|entrada| entrada.unwrap().path()) {
                let nombre = archivo.file_stem().unwrap().to_str().unwrap();
                let es_un_programa = archivo.extension().is_some_and(|tipo| tipo == "c");
                assert!(!es_un_programa || en_la_lista.contains(&nombre), "{nombre} no está en la lista");
            }
        }
    };
}

hallazgos! {
    correr:
        adelantado_que_se_fue anulado_y_detenido atender_cliente_cerrado_por_otro atender_cliente_que_cierra
        atender_en_vuelo_y_otro_que_escucha aviso_de_otra_conexion aviso_y_sigpipe atender_cancelado_desde_adentro espera_accept_que_falla espera_adelantados espera_callados
        espera_conectar_con_seniales espera_dos_manejadores espera_hilos_y_seniales espera_liberar_despierta_a_todos espera_mascara
        espera_opcional_en_pedazos espera_plazo_con_hilos_y_seniales espera_plazo_y_otro_proceso espera_rafaga espera_select espera_sigint_al_proceso
        espera_sin_descriptores espera_stop_cont espera_tres_procesos hilos_cancelar_enviar hilos_cancelar_recibir hilos_cancelar_servir cancelar cien_servidores
        closefrom_con_crear_conexion closefrom_con_hilo_esperando closefrom_con_pendientes codigo_y_dup2 codigo_y_fin desprender
        detener_corta_otra_cosa detenerse_mutuamente difundir_repetido difundir_y_numero envio_bloqueado_falla
        envio_bloqueado_sigue envio_no_espera_al_viejo espera_despertar_perdido espera_dos_procesos
        espera_en_vuelo_y_otra_cosa espera_en_vuelo_y_otro_que_escucha fork_en_manejador fork_y_numero_nuevo
        handshake_y_preguntas liberado_y_reemplazado liberar_con_hilo_viejo liberar_despierta_al_que_no_se_entero
        liberar_dos_hilos_y_archivos liberar_tumba_reemplazada
        limite_chico_accept_propio limites_mayores_y_menores mensaje_largo_roba numeros_entierro_tardio
        numeros_limite_y_codigo numeros_tumba opciones_del_programa otro_asignador otro_hilo paquete_de_vacios
        pendientes_de_otro_servidor recepcion_en_vuelo_y_otra_cosa ritmo_heredado salida_sin_descriptor senial_antes_de_dormir seniales_de_fallas sigterm_perdido
        atender_une_a_sus_hilos cancelar_tipo envio_en_la_fila error_sin_descriptores espera_sin_descriptores_y_con_tumbas
        fork_con_uno_que_se_cierra fork_despues_de_esperar rechazos_y_una_falla vecino_a_mano
        sin_descriptores_y_tumbas_ajenas tipos_y_plazos tumba_dos_veces tumba_reemplazada tumbas_y_limite;
    correr_con_nombres:
        dos_direcciones dos_en_localhost;
}
