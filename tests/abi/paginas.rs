//! Las páginas de manual: están al día, man, apropos y groff las leen sin una queja, y dicen lo mismo que el header.

use crate::comun;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::comun::{ejecutar, exigir, orden, raiz, ruta_nueva};
use crate::hostil::header::{self, Prototipo};

/// Las columnas de una terminal.
const ANCHO: usize = 80;

/// Cada página que hay bajo una carpeta, con su texto: `man3/crear_conexion.3`.
fn paginas(carpeta: &Path) -> BTreeMap<String, String> {
    let mut halladas = BTreeMap::new();
    for seccion in ["man3", "man7"] {
        for entrada in fs::read_dir(carpeta.join(seccion)).into_iter().flatten() {
            let ruta = entrada.unwrap().path();
            let nombre = format!("{seccion}/{}", ruta.file_name().unwrap().to_str().unwrap());
            halladas.insert(nombre, fs::read_to_string(&ruta).unwrap());
        }
    }
    halladas
}

fn guardadas() -> BTreeMap<String, String> {
    let guardadas = paginas(&raiz().join("man"));
    assert!(guardadas.len() > 60, "en man/ hay {} páginas", guardadas.len());
    guardadas
}

/// `man`, que no mira la configuración ni el idioma de quien corre la prueba.
fn man() -> Command {
    // Una imagen mínima de Ubuntu pone en su lugar un guión que sólo dice que no hay manuales.
    let desviado = "/usr/bin/man.REAL";
    let mut man = orden(if Path::new(desviado).exists() { desviado } else { "man" });
    for variable in ["MANPATH", "MANOPT", "MANSECT", "MANROFFOPT", "LESS", "GROFF_SGR"] {
        man.env_remove(variable);
    }
    man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", ANCHO.to_string()).env("MANPAGER", "cat").env("PAGER", "cat");
    man
}

/// Cómo se ve una página del repositorio. No tiene que haber una sola advertencia.
fn vista(pagina: &str) -> String {
    let salida = man().args(["--warnings", "-E", "UTF-8", "-l"]).arg(raiz().join("man").join(pagina)).output().unwrap();
    let quejas = String::from_utf8(salida.stderr).unwrap();
    assert!(salida.status.success() && quejas.is_empty(), "{pagina}: {quejas}");
    String::from_utf8(salida.stdout).expect("lo que se ve es UTF-8")
}

/// Las secciones de una página ya vista: cada título y su texto, sin la sangría.
fn secciones(vista: &str) -> BTreeMap<String, String> {
    let mut halladas: BTreeMap<String, String> = BTreeMap::new();
    let mut titulo = String::new();
    for linea in vista.lines() {
        if linea.starts_with(' ') || linea.is_empty() {
            *halladas.entry(titulo.clone()).or_default() += &format!("{}\n", linea.trim());
        } else {
            titulo = linea.to_owned();
        }
    }
    halladas
}

fn sin_blancos(texto: &str) -> String {
    texto.split_whitespace().collect()
}

/// Las palabras de un texto que son nombres de errno.
fn nombres_de_errno(texto: &str) -> BTreeSet<String> {
    texto
        .split(|letra: char| !letra.is_ascii_alphanumeric() && letra != '_')
        .filter(|palabra| palabra.len() > 3 && palabra.starts_with('E'))
        .filter(|palabra| palabra.chars().all(|letra| letra.is_ascii_uppercase() || letra.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

/// Lo que el comentario de una función dice en su `@note` con esa etiqueta, en una línea.
fn nota(comentario: &str, etiqueta: &str) -> Option<String> {
    let desde = comentario.split_once(&format!("@note {etiqueta}: "))?.1;
    let lineas = desde.lines().map(|linea| linea.trim_start().trim_start_matches('*').trim());
    let suyas = lineas.take_while(|linea| !linea.is_empty() && !linea.starts_with('@'));
    Some(suyas.collect::<Vec<_>>().join(" "))
}

fn prototipos() -> BTreeMap<String, Prototipo> {
    header::prototipos().into_iter().map(|prototipo| (prototipo.nombre.clone(), prototipo)).collect()
}

#[test]
fn las_paginas_estan_al_dia() {
    let (destino, target) = (ruta_nueva("man"), comun::dir_biblioteca().ancestors().nth(2).unwrap().to_path_buf());
    let mut cargo = orden(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(raiz()).args(["run", "--quiet", "--locked", "-p", "tp0-manual", "--target-dir"]).arg(target);
    ejecutar(cargo.args(["--", "include/tp0.h"]).arg(&destino));
    let generadas = paginas(&destino);
    let guardadas = paginas(&raiz().join("man"));
    assert!(generadas.len() > 60, "{}", generadas.len());
    let rutas: BTreeSet<&String> = generadas.keys().chain(guardadas.keys()).collect();
    let distintas: Vec<_> = rutas.into_iter().filter(|ruta| generadas.get(*ruta) != guardadas.get(*ruta)).collect();
    assert!(
        distintas.is_empty(),
        "{distintas:?} de man/ no son las que se generan de src/abi. Son archivos generados: cambiá los textos en src/abi y \
         actualizalas con\n\n    TP0_ESCRIBIR_HEADER=1 cargo build && make manual\n"
    );
}

#[test]
fn todo_lo_que_se_exporta_tiene_su_pagina() {
    let guardadas = guardadas();
    for simbolo in fs::read_to_string(raiz().join("tests/simbolos.txt")).unwrap().lines() {
        assert!(guardadas.contains_key(&format!("man3/{simbolo}.3")), "{simbolo} no tiene página");
    }
    assert!(guardadas.contains_key("man7/tp0.7"));
}

/// Ni man ni groff tienen nada que decir; se ve en 80 columnas, sin cortar palabras, y los acentos y los signos de C se ven como son.
#[test]
fn se_ven_bien() {
    if !exigir("man") || !exigir("groff") {
        return;
    }
    let mut acentos = BTreeSet::new();
    for (pagina, texto) in &guardadas() {
        let ruta = raiz().join("man").join(pagina);
        let groff =
            Command::new("groff").args(["-man", "-Tutf8", "-ww", "-K", "utf8", "-z"]).arg(ruta).output().unwrap();
        assert!(groff.status.success() && groff.stderr.is_empty(), "{}", String::from_utf8_lossy(&groff.stderr));
        // Debian lo perdona, otros no: sin la barra, un guión de C se vería como el de cortar palabras.
        assert!(texto.starts_with(".\\\" -*- coding: utf-8 -*-\n"), "{pagina}: la primera línea dice la codificación");
        let escritas = texto.lines().filter(|linea| !linea.starts_with(".\\\""));
        let con_guion = escritas.flat_map(|linea| linea.match_indices('-').map(move |(lugar, _)| (linea, lugar)));
        for (linea, lugar) in con_guion {
            assert!(linea[..lugar].ends_with('\\'), "{pagina}, un guión sin barra: {linea}");
        }
        let vista = vista(pagina);
        for linea in vista.lines() {
            assert!(linea.chars().count() <= ANCHO, "{pagina}, más de {ANCHO} columnas: {linea}");
        }
        let titulos = secciones(&vista);
        assert!(titulos.contains_key("VÉASE TAMBIÉN") && titulos.contains_key("DESCRIPCIÓN"), "{:?}", titulos.keys());
        let raras: BTreeSet<char> =
            vista.chars().filter(|letra| !letra.is_ascii() && !"áéíóúñÁÉÍÓÚÑü«»¿¡".contains(*letra)).collect();
        assert!(raras.is_empty(), "{pagina}: un guión, una comilla o una marca que no estaba: {raras:?}");
        acentos.extend(vista.chars().filter(|letra| !letra.is_ascii()));
    }
    assert!("áéíóúñÉÓ".chars().all(|letra| acentos.contains(&letra)), "{acentos:?}");
}

#[test]
fn cada_pagina_dice_lo_que_el_header() {
    if !exigir("man") {
        return;
    }
    let prototipos = prototipos();
    let texto = sin_blancos(&header::leer());
    for prototipo in prototipos.values() {
        let nombre = &prototipo.nombre;
        let secciones = secciones(&vista(&format!("man3/{nombre}.3")));
        let seccion = |titulo: &str| secciones.get(titulo).map(String::as_str).unwrap_or_default();

        let sinopsis = sin_blancos(seccion("SINOPSIS"));
        let declarado =
            sinopsis.strip_prefix("#include<tp0.h>").and_then(|resto| resto.strip_suffix("Enlazarcon-ltp0."));
        let declarado = declarado.unwrap_or_else(|| panic!("{nombre}: {sinopsis}"));
        assert!(declarado.contains(nombre.as_str()) && texto.contains(declarado), "{nombre}: {declarado}");

        for parametro in &prototipo.parametros {
            assert!(
                seccion("PARÁMETROS").lines().any(|linea| linea.split(' ').next() == Some(parametro)),
                "{nombre}: {parametro}"
            );
        }
        assert_eq!(secciones.contains_key("VALOR DEVUELTO"), prototipo.devuelve != "void", "{nombre}");
        assert!(seccion("EJEMPLO").contains('('), "{nombre} no tiene un ejemplo");

        // Los errno del comentario y los de las funciones a las que manda («los de `otra()`»).
        let errores = seccion("ERRORES");
        let mut notas = vec![nota(&prototipo.comentario, "errno").unwrap_or_else(|| panic!("{nombre} no dice errno"))];
        while let Some(texto) = notas.pop() {
            for numero in nombres_de_errno(&texto) {
                assert!(errores.lines().any(|linea| linea.split(' ').any(|p| p == numero)), "{nombre}: falta {numero}");
            }
            let lista = texto.split(". ").next().unwrap_or_default();
            for otra in lista.split("los de `").skip(1).filter_map(|resto| resto.split("()").next()) {
                notas.extend(nota(&prototipos[otra].comentario, "errno"));
            }
        }
    }
}

/// Lo que pide la casa de un comentario: errores, hilos, quién libera, y de dónde sale lo que es de la cátedra.
#[test]
fn a_ningun_comentario_le_falta_nada() {
    for Prototipo { nombre, devuelve, comentario, .. } in prototipos().values() {
        let dice = |etiqueta: &str| nota(comentario, etiqueta).is_some_and(|texto| texto.len() > 5);
        assert!(dice("errno") && dice("Hilos"), "{nombre}: @note errno: y @note Hilos:");
        let descriptor = comentario.contains("@return El descriptor");
        assert!(!(descriptor || devuelve.contains('*')) || dice("Memoria"), "{nombre}: quién libera lo que devuelve");
        let ajena = !nombre.starts_with("tp0_")
            && !["_int32", "_int64", "_uint64", "_double", "_bool", "_quedan"].iter().any(|t| nombre.ends_with(t));
        assert_eq!(ajena, dice("Fuente"), "{nombre}: @note Fuente: si y sólo si es de la cátedra");
    }
}

#[test]
fn las_referencias_llevan_a_algun_lado() {
    let guardadas = guardadas();
    let mut vistas = 0;
    for (pagina, texto) in &guardadas {
        for (antes, despues) in texto.match_indices("\\fP(").map(|(lugar, _)| (&texto[..lugar], &texto[lugar + 4..])) {
            let Some((seccion @ ("3" | "7"), _)) = despues.split_once(')') else { continue };
            let nombre = antes.rsplit("\\fB").next().unwrap();
            let ruta = format!("man{seccion}/{nombre}.{seccion}");
            assert!(guardadas.contains_key(&ruta), "{pagina} manda a {ruta}");
            vistas += 1;
        }
    }
    assert!(vistas > 300, "{vistas}");
}

/// tp0(7) explica cada errno y nombra cada página.
#[test]
fn la_general_esta_completa() {
    let guardadas = guardadas();
    let general = &guardadas["man7/tp0.7"];
    let errores = general.split(".SH ERRORES").nth(1).and_then(|resto| resto.split(".SH").next()).unwrap();
    let explicados = nombres_de_errno(&errores.replace("\\fB", " "));
    for prototipo in prototipos().values() {
        for numero in nombres_de_errno(&nota(&prototipo.comentario, "errno").unwrap_or_default()) {
            assert!(explicados.contains(&numero), "tp0(7) no explica {numero}, de {}", prototipo.nombre);
        }
    }
    for pagina in guardadas.keys().filter_map(|ruta| ruta.strip_prefix("man3/")?.strip_suffix(".3")) {
        assert!(general.contains(&format!("\\fB{pagina}\\fP(3)")), "tp0(7) no nombra {pagina}");
    }
}

/// Un árbol como el que queda instalado, con su índice.
fn instaladas() -> PathBuf {
    let arbol = ruta_nueva("man");
    fs::create_dir_all(&arbol).unwrap();
    for seccion in ["man3", "man7"] {
        symlink(raiz().join("man").join(seccion), arbol.join(seccion)).unwrap();
    }
    arbol
}

#[test]
fn instaladas_se_encuentran() {
    if !["man", "mandb", "lexgrog", "whatis", "apropos"].into_iter().all(exigir) {
        return;
    }
    let arbol = instaladas();
    let con = |programa: &str, argumentos: &[&str]| {
        let mut una = if programa == "man" { man() } else { orden(programa) };
        ejecutar(una.args(argumentos).env("MANPATH", &arbol).env("LC_ALL", "C.UTF-8"))
    };
    assert!(con("man", &["-w", "3", "crear_conexion"]).trim_end().ends_with("man3/crear_conexion.3"));
    assert!(con("man", &["3", "crear_conexion"]).contains("int crear_conexion(const char *ip, const char *puerto);"));
    assert!(con("man", &["tp0"]).contains("la capa de sockets del TP0"));

    con("mandb", &["--quiet", "--no-purge", arbol.to_str().unwrap()]);
    for ruta in guardadas().keys() {
        let leido = ejecutar(orden("lexgrog").arg(raiz().join("man").join(ruta)).env("LC_ALL", "C.UTF-8"));
        let nombre = ruta.split(['/', '.']).nth(1).unwrap();
        assert!(leido.contains(&format!("\"{nombre} - ")), "lexgrog: {leido}");
        let dicho = con("whatis", &["-l", nombre]);
        let (_, descripcion) = dicho.trim_end().split_once(" - ").unwrap_or_else(|| panic!("whatis {nombre}: {dicho}"));
        assert!(leido.contains(descripcion), "whatis: {dicho}; lexgrog: {leido}");
    }
    let halladas = con("apropos", &["-l", "tp0"]);
    assert!(halladas.lines().any(|linea| linea.starts_with("tp0 (7)")), "{halladas}");
    assert!(halladas.lines().any(|linea| linea.starts_with("tp0_atender (3)")), "{halladas}");
    assert!(con("apropos", &["-l", "handshake"]).contains("crear_conexion (3)"));
}

/// Lo que los ejemplos dan por sentado: las commons, y los códigos y los structs de un grupo.
const CONTEXTO: &str = r#"
#define TP0_SIN_OP_CODE
typedef enum { MENSAJE, PAQUETE, PERSONA, CREAR_PROCESO } op_code;
#include <errno.h>
#include <tp0.h>
typedef struct config t_config;
char *config_get_string_value(t_config *, const char *);
#ifndef TP0_CON_COMMONS
enum { LOG_LEVEL_INFO = 2 };
t_log *log_create(const char *, const char *, bool, int);
#endif
typedef struct { uint32_t dni; uint8_t edad; char *nombre; } t_persona;
typedef struct {
    int32_t prioridad; uint64_t bytes_de_memoria; int64_t desplazamiento; double rafaga_estimada; bool suspendido;
} t_proceso;
enum { SOY_KERNEL = 2, SOY_CPU };
void conversar(int);
void crear_proceso(uint32_t);
"#;

/// Los nombres que un ejemplo usa sin declararlos.
const NOMBRES: &[&str] = &[
    "int servidor",
    "int cliente",
    "int conexion",
    "int cantidad",
    "int edad",
    "int *clientes",
    "char *ip",
    "char *puerto",
    "t_config *config",
    "t_buffer *buffer",
    "t_paquete *paquete",
    "t_persona *persona",
    "t_proceso *proceso",
];

/// Un ejemplo, hecho un archivo de C: ya lo es, o son funciones, o es el cuerpo de una a la que le llega lo que no declara.
fn archivo(ejemplo: &str) -> String {
    if ejemplo.contains("#include") {
        ejemplo.to_owned()
    } else if ejemplo.starts_with("static ") {
        format!("{CONTEXTO}{ejemplo}\n")
    } else {
        // En un bloque propio, porque algunos declaran los mismos nombres.
        format!("{CONTEXTO}static int ejemplo({}) {{ {{\n{ejemplo}\n}} return 0; }}\n", NOMBRES.join(", "))
    }
}

#[test]
fn cada_ejemplo_compila() {
    if !exigir("gcc") {
        return;
    }
    let texto = header::leer();
    let ejemplos: Vec<&str> =
        texto.split("@code\n").skip(1).filter_map(|resto| resto.split(" * @endcode").next()).collect();
    assert!(ejemplos.len() > 30, "{}", ejemplos.len());
    for (cual, ejemplo) in ejemplos.into_iter().enumerate() {
        let lineas = ejemplo.lines().map(|linea| linea.strip_prefix(" * ").unwrap_or_default());
        let fuente = ruta_nueva(&format!("ejemplo{cual}")).with_extension("c");
        fs::write(&fuente, archivo(&lineas.collect::<Vec<_>>().join("\n"))).unwrap();
        // Son pedazos: lo que falta es quien usa lo que declaran.
        let sin_usar =
            ["parameter", "variable", "but-set-variable", "function"].map(|que| format!("-Wno-unused-{que}"));
        ejecutar(
            Command::new("gcc")
                .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-c", "-o", "/dev/null", "-I"])
                .arg(raiz().join("include"))
                .args(sin_usar)
                .arg(&fuente),
        );
    }
}
