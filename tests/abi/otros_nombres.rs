//! Un programa cuyas funciones se llaman como las del TP0 y tienen otros argumentos: trabaja sobre la biblioteca con los otros nombres, y ni
//! el header ni el enlazador mezclan unas con otras.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::comun::{self, PLAZO, Proceso, dir_biblioteca, ejecutar, exigir, orden, raiz, ruta_nueva};
use crate::hostil::header;

/// Las del TP0 cuyo nombre con `tp0_` ya era de otra función, que es la que sirve.
const YA_ESTABAN: [&str; 4] = ["iniciar_servidor", "esperar_cliente", "crear_conexion", "recibir_mensaje"];

/// Las del TP0, según el header.
fn del_tp0() -> Vec<String> {
    let nombres = header::prototipos().into_iter().map(|prototipo| prototipo.nombre);
    nombres.filter(|nombre| !nombre.starts_with("tp0_") && !nombre.starts_with("buffer_")).collect()
}

/// Lo que el programa tiene que contar, en algún orden: son dos hilos.
const CUENTA: [&str; 10] = [
    "servidor escucha: 1",
    "servidor recibe a 1",
    "mensaje: hola",
    "paquete de 1: un valor",
    "sigue: 1",
    "código 3: un valor",
    "sigue: 0",
    "al final: 1",
    "crear_paquete pone 1",
    "y el logger es el mío",
];

fn verificar(programa: &Path) {
    let salida = Proceso::lanzar(orden(programa)).terminar(PLAZO);
    salida.exigir_exito("otros_nombres");
    assert!(salida.stderr.is_empty(), "{salida}");
    let (mut dicho, mut esperado) = (salida.lineas(), CUENTA.to_vec());
    dicho.sort_unstable();
    esperado.sort_unstable();
    assert_eq!(dicho, esperado, "{salida}");
}

#[test]
fn el_programa_con_todos_los_nombres_ocupados_trabaja_sobre_la_biblioteca() {
    if !exigir("gcc") {
        return;
    }
    verificar(&comun::compilar_con_tp0("otros-nombres", &["otros_nombres.c"]));
}

/// En la estática instalada los símbolos son débiles y ganan los del programa: las de otro nombre tienen que seguir siendo las nuestras.
#[test]
fn con_la_estatica_debil_tambien() {
    if !exigir("gcc") || !exigir("nm") || !exigir("objcopy") {
        return;
    }
    let exportados =
        ejecutar(Command::new("nm").args(["-D", "--defined-only", "-j"]).arg(dir_biblioteca().join("libtp0.so")));
    let lista = ruta_nueva("exportados");
    std::fs::write(&lista, exportados).unwrap();
    let debil = ruta_nueva("debil").with_extension("a");
    let mut objcopy = Command::new("objcopy");
    objcopy.arg(format!("--weaken-symbols={}", lista.display()));
    ejecutar(objcopy.args([dir_biblioteca().join("libtp0.a"), debil.clone()]));
    let incluye = format!("-I{}", raiz().join("include").display());
    let args = [&incluye, debil.to_str().unwrap(), "-lpthread", "-ldl", "-lm"];
    verificar(&comun::compilar("otros-nombres-estatico", &["otros_nombres.c"], &args));
}

/// El programa de prueba no se olvidó de ninguna: define las dieciséis.
#[test]
fn el_programa_define_todos_los_nombres_del_tp0() {
    if !exigir("gcc") || !exigir("nm") {
        return;
    }
    let programa = comun::compilar_con_tp0("otros-nombres", &["otros_nombres.c"]);
    let definidos = ejecutar(Command::new("nm").args(["--defined-only", "-j"]).arg(programa));
    let del_tp0 = del_tp0();
    assert_eq!(del_tp0.len(), 16, "{del_tp0:?}");
    for nombre in &del_tp0 {
        assert!(definidos.lines().any(|definido| definido == nombre), "el programa no define {nombre}");
    }
}

#[test]
fn cada_una_esta_con_los_dos_nombres_y_el_mismo_prototipo() {
    let prototipos: BTreeMap<_, _> = header::prototipos().into_iter().map(|uno| (uno.nombre.clone(), uno)).collect();
    for nombre in del_tp0() {
        let (una, otra) = (&prototipos[&nombre], &prototipos[&format!("tp0_{nombre}")]);
        if !YA_ESTABAN.contains(&nombre.as_str()) {
            assert_eq!((&una.devuelve, &una.parametros), (&otra.devuelve, &otra.parametros), "{nombre}");
            assert!(otra.comentario.contains(&format!("`{nombre}()`, con otro nombre")), "{nombre}");
        }
    }
}

/// Un solo código: los dos nombres llevan al mismo lugar, o uno salta al del otro sin pasar por un símbolo que el programa pueda tener.
#[test]
fn la_biblioteca_que_se_instala_no_tiene_dos_copias() {
    if !exigir("nm") {
        return;
    }
    let tabla =
        ejecutar(Command::new("nm").args(["-D", "-S", "--defined-only"]).arg(dir_biblioteca().join("libtp0.so")));
    let mide: BTreeMap<&str, u64> = tabla
        .lines()
        .filter_map(|linea| {
            let campos: Vec<&str> = linea.split_whitespace().collect();
            Some((*campos.get(3)?, u64::from_str_radix(campos[1], 16).unwrap()))
        })
        .collect();
    for nombre in del_tp0().iter().filter(|nombre| !YA_ESTABAN.contains(&nombre.as_str())) {
        for cual in [nombre.clone(), format!("tp0_{nombre}")] {
            assert!(mide[cual.as_str()] <= 64, "{cual} mide {} bytes: no es sólo una puerta", mide[cual.as_str()]);
        }
    }
}

/// Sin los nombres del TP0 el header compila en todos lados, y no deja ninguno: quien los quiera, los tiene para él.
#[test]
fn sin_nombres_no_queda_ninguno() {
    for (compilador, opciones) in [
        ("gcc", &["-std=c89", "-pedantic"][..]),
        ("gcc", &["-std=c11"]),
        ("gcc", &["-std=c11", "-DTP0_SIN_LOGGER", "-DTP0_SIN_OP_CODE"]),
        ("g++", &["-std=c++17", "-x", "c++"]),
    ] {
        if !exigir(compilador) {
            continue;
        }
        let fuente = ruta_nueva("sin-nombres").with_extension("c");
        let suyos: String = del_tp0().iter().map(|nombre| format!("typedef int {nombre};\n")).collect();
        let mas = "typedef char op_code; typedef char logger; typedef char MENSAJE; typedef char PAQUETE;\n";
        std::fs::write(&fuente, format!("#include <tp0.h>\n{suyos}{mas}")).unwrap();
        let mut orden = Command::new(compilador);
        orden.args(opciones).args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"]).arg(raiz().join("include"));
        let con_ellos = orden.arg(&fuente).output().unwrap();
        assert!(!con_ellos.status.success(), "sin TP0_SIN_NOMBRES tendrían que chocar");
        ejecutar(orden.arg("-DTP0_SIN_NOMBRES"));
    }
}
