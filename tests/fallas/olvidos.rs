//! Una falla que nadie miró se cuenta una vez: cuál, dónde y cuántas veces. Los programas están en `tests/c/olvidos.c`.

use crate::comun;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::comun::{PLAZO, Proceso, Salida, compilar_con_tp0, compilar_modulo, exigir, orden, puerto_libre, raiz};

/// Corre un caso; si falta gcc, `None`.
fn correr(caso: &str) -> Option<Salida> {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    if !exigir("gcc") {
        return None;
    }
    let mut orden = orden(PROGRAMA.get_or_init(|| compilar_con_tp0("olvidos", &["olvidos.c"])));
    orden.arg(caso);
    // Un puerto ocupado, para quien inicie el servidor de siempre.
    let ocupado = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    orden.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", ocupado.local_addr().unwrap().port().to_string());
    let salida = Proceso::lanzar(orden).terminar(PLAZO);
    salida.exigir_exito(caso);
    Some(salida)
}

/// Corre un caso y compara cada renglón con su comienzo.
#[track_caller]
fn cuenta(caso: &str, comienzos: &[&str]) {
    let Some(salida) = correr(caso) else { return };
    let renglones: Vec<&str> = salida.stderr.lines().collect();
    let bien = renglones.len() == comienzos.len()
        && renglones.iter().zip(comienzos).all(|(renglon, comienzo)| renglon.starts_with(comienzo));
    assert!(bien, "{caso}: se esperaba {comienzos:#?} y salió\n{salida}");
}

#[test]
fn el_cliente_que_no_mira() {
    cuenta("cliente", &["tp0: crear_conexion: Conexión rechazada: no hay nadie escuchando en 127.0.0.1:"]);
}

#[test]
fn el_servidor_que_no_mira_cuenta_una_sola_causa() {
    cuenta("servidor", &["tp0: iniciar_servidor: El puerto "]);
}

#[test]
fn el_que_lee_tp0_error_no_ve_nada_mas() {
    cuenta("lee", &[]);
    cuenta("lee_otro_hilo", &[]);
}

#[test]
fn la_use_quien_la_use_se_cuenta_una_vez() {
    cuenta("la_usa_otro_hilo", &["tp0: crear_conexion: Conexión rechazada"]);
}

#[test]
fn el_que_reintenta_no_ve_nada_y_el_que_se_cansa_ve_el_ultimo_intento() {
    cuenta("reintenta", &[]);
    cuenta("se_cansa", &["tp0: crear_conexion: Conexión rechazada"]);
}

#[test]
fn dos_fallas_distintas_son_dos_renglones() {
    cuenta("dos", &["tp0: crear_conexion: \"no es una ip\"", "tp0: crear_conexion: Conexión rechazada"]);
}

#[test]
fn de_una_conexion_a_la_que_se_le_sigue_enviando_se_cuenta_uno_solo() {
    cuenta("envios", &["tp0: enviar_mensaje: "]);
}

#[test]
fn que_ande_otra_conexion_no_es_que_ande_esta() {
    cuenta("otra_anda", &["tp0: crear_conexion: Conexión rechazada"]);
}

#[test]
fn un_null_de_cada_cosa() {
    cuenta("paquete", &["tp0: crear_paquete: "]);
    cuenta("super_paquete", &["tp0: crear_super_paquete: "]);
    cuenta("opciones", &["tp0: tp0_opciones_crear: La variable de entorno TP0_ESPERA_MS vale \"mucho\""]);
    cuenta("buffers", &["tp0: buffer_create: "]);
    cuenta("textos", &["tp0: tp0_recibir_mensaje: "]);
    cuenta("tp0_recibidos", &["tp0: tp0_recibir: "]);
    cuenta("buffer_recibido", &["tp0: recibir_buffer: "]);
    cuenta("texto_leido", &["tp0: buffer_read_string: "]);
    cuenta("serializado", &["tp0: serializar_paquete: "]);
}

#[test]
fn donde_null_esta_bien_no_se_cuenta_nada() {
    cuenta("nulos", &[]);
    cuenta("valores", &[]);
}

#[test]
fn el_menos_uno_de_cada_funcion() {
    cuenta(
        "con_opciones",
        &[
            "tp0: tp0_iniciar_servidor_con: \"no es un puerto\"",
            "tp0: tp0_crear_conexion: Conexión rechazada",
            "tp0: tp0_iniciar_servidor: \"70000\"",
            "tp0: esperar_cliente: 77 no es",
            "tp0: tp0_esperar_cliente: 78 no es",
            "tp0: crear_conexion: ip es NULL",
        ],
    );
    cuenta("ip_nula", &["tp0: crear_conexion: ip es NULL"]);
    cuenta("difundir", &["tp0: crear_conexion: Conexión rechazada"]);
}

#[test]
fn el_hijo_de_un_fork_cuenta_la_de_su_padre() {
    cuenta("en_el_hijo", &["tp0: crear_conexion: Conexión rechazada"]);
}

#[test]
fn esperar_clientes_donde_no_se_escucha_no_quema_un_nucleo() {
    correr("girar");
    correr("la_primera_es_inmediata");
}

/// Las funciones que dan un descriptor o un puntero, según el header, son las que las pruebas de arriba nombran.
#[test]
fn no_falta_ninguna_funcion() {
    let header = fs::read_to_string(raiz().join("include/tp0.h")).unwrap();
    let prueba = fs::read_to_string(raiz().join("tests/fallas/olvidos.rs")).unwrap();
    let mut dan = BTreeSet::new();
    for (comentario, prototipo) in header.split("/**").skip(1).filter_map(|parte| parte.split_once("*/")) {
        let linea = prototipo.trim_start().lines().next().unwrap_or_default();
        let Some((tipo_y_nombre, _)) = linea.split_once('(') else { continue };
        let nombre = tipo_y_nombre.rsplit([' ', '*']).next().unwrap();
        let da_un_descriptor = comentario.contains("@return El descriptor");
        if comentario.contains("con otro nombre") {
            continue; // Es el código de la otra, y se cuenta con su nombre.
        }
        if da_un_descriptor || (tipo_y_nombre.contains('*') && !tipo_y_nombre.starts_with("typedef")) {
            dan.insert(nombre.to_owned());
        }
    }
    assert!(dan.contains("crear_conexion") && dan.contains("buffer_create"), "{dan:?}");
    // No fallan, o dan la lista vacía, o nadie recibe lo que dan.
    for otra in ["tp0_error", "tp0_version", "recibir_paquete", "tp0_valores"] {
        assert!(dan.remove(otra), "{otra}");
    }
    let faltan: Vec<_> = dan.iter().filter(|nombre| !prueba.contains(&format!("tp0: {nombre}: "))).collect();
    assert!(faltan.is_empty(), "no hay prueba de que se cuente lo que falla en {faltan:?}");
}

/// El nombre que se cuenta sale del tipo del cierre que corre la función: cada exportada tiene el suyo en la biblioteca.
#[test]
fn cada_exportada_se_llama_como_se_llama() {
    let biblioteca = fs::read(comun::dir_biblioteca().join("libtp0.so")).unwrap();
    let biblioteca = String::from_utf8_lossy(&biblioteca);
    let simbolos = fs::read_to_string(raiz().join("tests/simbolos.txt")).unwrap();
    let header = fs::read_to_string(raiz().join("include/tp0.h")).unwrap();
    let comparten = |nombre: &str| nombre.starts_with("tp0_opciones_") || nombre.starts_with("buffer_read_");
    let sin_cierre = |nombre: &&str| {
        // Con otro nombre, el código es el de la que lleva el suyo.
        let es_otro = |suyo: &&str| header.contains(&format!("`{suyo}()`, con otro nombre"));
        let nombre = nombre.strip_prefix("tp0_").filter(es_otro).unwrap_or(nombre);
        // No pasan por la guardia, o comparten una que no da ni descriptores ni punteros.
        let otras = ["logger", "tp0_error", "tp0_version"].contains(&nombre);
        !otras && !comparten(nombre) && !biblioteca.contains(&format!("::{nombre}::{{{{closure}}}}"))
    };
    let faltan: Vec<_> = simbolos.lines().filter(sin_cierre).collect();
    assert!(faltan.is_empty(), "{faltan:?}");
}

/// El del TP0 destruye su log y después libera la conexión: `logger` apunta a lo que ya no está.
#[test]
fn al_terminar_no_se_usa_un_log_que_puede_no_estar() {
    if !exigir("gcc") || !exigir("valgrind") {
        return;
    }
    let programa = compilar_modulo("terminar-sin-mirar", &["terminar_sin_mirar.c"], &[]);
    let mut orden = comun::orden_valgrind(&programa, &[]);
    orden.args(["127.0.0.1", &puerto_libre().to_string()]);
    let salida = Proceso::lanzar(orden).terminar(PLAZO);
    salida.exigir_exito("el que termina");
    assert!(salida.stderr.starts_with("tp0: crear_conexion: ") && salida.stderr.lines().count() == 1, "{salida}");
    assert_eq!(salida.stdout, "[INFO] Cliente: sin conexion\n");
}

/// Los de un TP0, sin cambiarles nada y con commons: el renglón va a su log.
fn esqueleto(mut orden: Command, entorno: &[(&str, &str)]) -> Salida {
    orden.envs(entorno.iter().copied());
    Proceso::lanzar(orden).terminar(PLAZO)
}

#[test]
fn el_servidor_del_tp0_con_el_puerto_ocupado_se_entera() {
    if !exigir("gcc") {
        return;
    }
    // El del TP0 no mira lo que da iniciar_servidor.
    let programa = compilar_modulo("servidor-que-no-mira", &["servidor_que_no_mira.c"], &[]);
    let ocupado = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let puerto = ocupado.local_addr().unwrap().port().to_string();
    let salida = esqueleto(orden(&programa), &[("TP0_IP", "127.0.0.1"), ("TP0_PUERTO", &puerto)]);
    salida.exigir_exito("el servidor");
    let lineas = salida.lineas();
    assert_eq!(lineas.len(), 3, "{salida}");
    assert_eq!(lineas[0], "[INFO] Servidor: Servidor listo para recibir al cliente");
    assert!(lineas[1].starts_with(&format!("[ERROR] Servidor: iniciar_servidor: El puerto {puerto} ")), "{salida}");
    assert_eq!(lineas[2], "[ERROR] Servidor: el cliente se desconecto. Terminando servidor");
    assert_eq!(salida.stderr, "", "con log, nada por ahí");
}

#[test]
fn el_cliente_del_tp0_sin_servidor_se_entera() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("cliente-que-no-mira", &["cliente_que_no_mira.c"], &[]);
    let puerto = puerto_libre().to_string();
    let mut sin_logger = orden(&programa);
    sin_logger.args(["127.0.0.1", &puerto]);
    let salida = esqueleto(sin_logger, &[]);
    salida.exigir_exito("el cliente");
    let comienzo = format!("tp0: crear_conexion: Conexión rechazada: no hay nadie escuchando en 127.0.0.1:{puerto}");
    assert!(salida.stderr.starts_with(&comienzo) && salida.stderr.lines().count() == 1, "{salida}");
}
