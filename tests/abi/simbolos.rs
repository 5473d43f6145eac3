//! Lo que la biblioteca compartida ofrece y pide: sus símbolos, su nombre y sus dependencias.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::comun::{dir_biblioteca, ejecutar, exigir, raiz};
use crate::hostil::header;

/// La glibc de Ubuntu 22.04, la más vieja donde se ofrece usar la biblioteca ya compilada.
const GLIBC: (u32, u32) = (2, 35);

fn sobre_la_so(programa: &str, opciones: &[&str]) -> String {
    ejecutar(Command::new(programa).args(opciones).arg(dir_biblioteca().join("libtp0.so")))
}

/// Los nombres que exporta, con la letra que `nm` le da a cada uno.
fn exportados() -> Vec<(String, String)> {
    sobre_la_so("nm", &["-D", "--defined-only"])
        .lines()
        .map(|linea| {
            let campos: Vec<&str> = linea.split_whitespace().collect();
            (campos[2].to_owned(), campos[1].to_owned())
        })
        .collect()
}

fn esperados() -> BTreeSet<String> {
    fs::read_to_string(raiz().join("tests/simbolos.txt")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn exporta_lo_del_contrato_y_nada_mas() {
    if !exigir("nm") {
        return;
    }
    let exporta: BTreeSet<String> = exportados().into_iter().map(|(nombre, _)| nombre).collect();
    let esperados = esperados();
    let faltan: Vec<_> = esperados.difference(&exporta).collect();
    let sobran: Vec<_> = exporta.difference(&esperados).collect();
    assert!(
        faltan.is_empty() && sobran.is_empty(),
        "libtp0.so y tests/simbolos.txt no coinciden: faltan {faltan:?}, sobran {sobran:?}. Un símbolo que se va rompe \
         programas ya compilados; uno nuevo es para siempre. Si es a propósito, va en tests/simbolos.txt y en el CHANGELOG."
    );
}

#[test]
fn el_header_declara_lo_mismo() {
    let mut declarados: BTreeSet<String> = header::prototipos().into_iter().map(|p| p.nombre).collect();
    declarados.insert("logger".to_owned());
    assert!(header::leer().contains("extern t_log *logger;"), "falta la declaración de logger");
    assert_eq!(declarados, esperados(), "el header y tests/simbolos.txt no coinciden");
}

#[test]
fn logger_es_un_dato_y_lo_demas_codigo() {
    if !exigir("nm") {
        return;
    }
    for (nombre, letra) in exportados() {
        let esperadas: &[&str] = if nombre == "logger" { &["B", "D", "V"] } else { &["T"] };
        assert!(esperadas.contains(&letra.as_str()), "{nombre} es de la clase {letra}");
    }
    // Protegido u oculto, el logger del programa y el de la biblioteca serían dos.
    let tabla = sobre_la_so("readelf", &["--dyn-syms", "-W"]);
    let fila = tabla.lines().find(|linea| linea.split_whitespace().last() == Some("logger")).unwrap();
    let campos: Vec<&str> = fila.split_whitespace().collect();
    assert_eq!((campos[2], campos[3], campos[5]), ("8", "OBJECT", "DEFAULT"), "{fila}");
}

#[test]
fn nombre_dependencias_y_secciones() {
    if !exigir("readelf") {
        return;
    }
    let dinamica = sobre_la_so("readelf", &["-dW"]);
    let entre_corchetes = |clave: &str| -> Vec<String> {
        dinamica
            .lines()
            .filter(|linea| linea.contains(clave))
            .map(|linea| linea.split(['[', ']']).nth(1).unwrap().to_owned())
            .collect()
    };
    assert_eq!(entre_corchetes("(SONAME)"), [crate::comun::soname()]);
    let necesita = entre_corchetes("(NEEDED)");
    assert!(necesita.contains(&"libc.so.6".to_owned()), "{necesita:?}");
    for biblioteca in &necesita {
        let conocida =
            ["libc.so.6", "libgcc_s.so.1"].contains(&biblioteca.as_str()) || biblioteca.starts_with("ld-linux");
        assert!(conocida, "pide {biblioteca}: con las commons, pthread o dl no puede contar");
    }
    assert!(!dinamica.contains("TEXTREL"), "hay relocaciones en el código");
    assert!(!dinamica.contains("RPATH") && !dinamica.contains("RUNPATH"), "recuerda carpetas de esta máquina");
    assert!(dinamica.contains("NODELETE"), "dlclose descargaría código que todavía puede correr");
    // -Bsymbolic a secas ataría también a logger.
    assert!(!dinamica.lines().any(|l| l.contains("(SYMBOLIC)") || l.contains("Flags: SYMBOLIC")), "{dinamica}");
    let segmentos = sobre_la_so("readelf", &["-lW"]);
    let pila = segmentos.lines().find(|linea| linea.contains("GNU_STACK")).unwrap();
    assert!(!pila.contains("RWE"), "pide una pila ejecutable: {pila}");
}

#[test]
fn anda_con_la_glibc_de_ubuntu_22() {
    if !exigir("nm") {
        return;
    }
    // Los débiles (w) pueden faltar: std pregunta por ellos y se arregla sin ellos.
    let pedidos = sobre_la_so("nm", &["-D", "--undefined-only"]);
    let nuevos: Vec<&str> = pedidos
        .lines()
        .filter(|linea| linea.split_whitespace().next() == Some("U"))
        .filter(|linea| version_de_glibc(linea).is_some_and(|version| version > GLIBC))
        .collect();
    assert!(nuevos.is_empty(), "piden una glibc más nueva que {GLIBC:?}: {nuevos:?}");
    assert!(
        pedidos.lines().any(|linea| version_de_glibc(linea).is_some()),
        "no se pudo leer ninguna versión: {pedidos}"
    );
}

/// De `U recv@GLIBC_2.2.5`, el 2 y el 2.
fn version_de_glibc(linea: &str) -> Option<(u32, u32)> {
    let (_, version) = linea.split_once("@GLIBC_")?;
    let mut partes = version.split('.');
    Some((partes.next()?.parse().ok()?, partes.next()?.parse().ok()?))
}
