//! La memoria y los descriptores.

use std::process::Command;

use super::{correr, dijo, orden_de, programa};
use crate::comun::{PLAZO, Proceso, Salida, exigir, lanzar_servidor, orden, orden_valgrind};
use crate::guia::texto;

/// Un caso de `dolores_memoria` bajo valgrind, con la lista de llamadas entera.
fn bajo_valgrind(argumentos: &[&str]) -> Command {
    let mut orden = orden_valgrind(programa("dolores_memoria"), &["--num-callers=40", "--track-origins=yes"]);
    orden.args(argumentos);
    orden
}

/// Leer de más, en otro orden, y liberar dos veces: ni un error del heap, y se explica.
#[test]
fn el_heap_no_se_rompe() {
    const SECCION: &str = "el-heap-se-rompe";
    if !exigir("valgrind") {
        return;
    }
    let salida = correr(bajo_valgrind(&["otro_orden"]));
    assert!(salida.lineas().contains(&"nombre: NULL, EPROTO: sí"), "{salida}");
    let quedan = texto(SECCION, "Quedan 3", &[("3", "9"), ("4", "30123456")]);
    assert_eq!(dijo(&salida, "buffer_read_string"), [quedan]);
    assert_eq!(dijo(&salida, "dni"), ["0"]);
    assert_eq!(dijo(&salida, "buffer_read_uint32"), [texto(SECCION, "Quedan 3", &[])]);
    assert_eq!(salida.stderr, "", "valgrind encontró algo");

    let salida = correr(bajo_valgrind(&["dos_veces"]));
    assert!(dijo(&salida, "liberar_conexion")[0].ends_with("está cerrado, o ya se liberó."), "{salida}");
    for funcion in ["eliminar_paquete", "buffer_destroy", "tp0_liberar_lista"] {
        assert_eq!(dijo(&salida, funcion), ["bien"], "{funcion}");
    }
    assert_eq!(salida.stderr, "", "valgrind encontró algo");
}

/// El servidor recibe un paquete de quien manda los dos campos de una persona.
fn recibir(servidor: Command, cliente: Command) -> (Salida, Salida) {
    let (servidor, puerto) = lanzar_servidor(servidor);
    let mut cliente = cliente;
    cliente.args(["127.0.0.1", &puerto.to_string()]);
    let del_cliente = Proceso::lanzar(cliente).terminar(PLAZO);
    (servidor.terminar(PLAZO), del_cliente)
}

#[test]
fn lo_que_se_pierde_es_de_quien_lo_recibio() {
    const SECCION: &str = "valgrind-dice-que-pierdo-memoria";
    if !exigir("valgrind") {
        return;
    }
    let (pierde, _) = recibir(bajo_valgrind(&["servidor_que_pierde"]), orden_de("dolores_memoria", &["campos"]));
    assert_eq!(pierde.codigo, Some(9), "{pierde}");
    // Con el nombre de la función que lo dio, y el renglón de quien la llamó.
    for parte in [&texto(SECCION, "definitely", &[]), &texto(SECCION, "recibir_paquete", &[]), "dolores_memoria.c:"] {
        assert!(pierde.stderr.contains(parte), "{parte}: {pierde}");
    }
    let (libera, _) = recibir(bajo_valgrind(&["servidor_que_libera"]), orden_de("dolores_memoria", &["campos"]));
    libera.exigir_exito("el que libera");
    assert_eq!((libera.stdout.as_str(), libera.stderr.as_str()), ("2 valores\n", ""), "ni siquiera still reachable");
}

#[test]
fn el_relleno_de_un_struct() {
    if !exigir("valgrind") {
        return;
    }
    let servidor = || orden_de("dolores_memoria", &["servidor_que_libera"]);
    let (_, relleno) = recibir(servidor(), bajo_valgrind(&["relleno"]));
    assert_eq!(relleno.codigo, Some(9), "{relleno}");
    let dicho = texto("valgrind-dice-uninitialised", "uninitialised", &[]);
    assert!(relleno.stderr.contains(&dicho) && relleno.stderr.contains("dolores_memoria.c:"), "{relleno}");
    // Los mismos datos, de a un campo.
    let (_, campos) = recibir(servidor(), bajo_valgrind(&["campos"]));
    campos.exigir_exito("el que manda los campos");
    assert_eq!(campos.stderr, "");
}

/// Una conexión por mensaje, y ninguna liberada.
#[test]
fn se_acaban_los_descriptores() {
    let (_servidor, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["atender"]));
    let mut cliente = orden(programa("dolores_cliente"));
    cliente.args(["sin_liberar", "127.0.0.1", &puerto.to_string()]);
    let salida = correr(cliente);
    assert_eq!(dijo(&salida, "EMFILE"), ["sí, después de muchas"]);
    assert_eq!(dijo(&salida, "crear_conexion"), [texto("se-acaban-los-descriptores", "No quedan", &[])]);
}
