//! Los comandos que muestran los documentos: cada uno existe, y existen los objetivos de make, los ejemplos y los archivos que nombra. Los
//! que además se corren, con lo que dicen, están en documentos.rs y seguridad.rs.

#![allow(unreachable_pub, reason = "andamio de pruebas")]

use std::process::Command;

use crate::comun::{VARIABLES, raiz};
use crate::markdown::{Bloque, bloques_de, leer};

/// Los que no son del repositorio, y por qué alcanza con saber que así se llaman.
const DEL_SISTEMA: &[(&str, &str)] = &[
    ("gcc", "lo corre documentos.rs"),
    ("socat", "lo corre seguridad.rs"),
    ("openssl", "lo corre seguridad.rs"),
    ("cat", "está en todos lados; lo corre seguridad.rs"),
    ("mkdir", "está en todos lados"),
    ("cp", "está en todos lados"),
    ("cd", "es del intérprete"),
    ("python3", "lo que corre es un bloque de la misma página, que se corre en guias.rs"),
    ("apt", "instala, y usa la red"),
    ("rustup", "instala, y usa la red"),
    ("ssh", "hace falta otra máquina"),
    ("ss", "lo corre dolores/levantar.rs"),
    ("tar", "lo corre distribucion.rs"),
    ("tshark", "lo corre wireshark.rs"),
    ("tp0", "la herramienta: sus órdenes las corren sus pruebas, en herramienta/tests"),
];

/// Cuántos comandos tiene el bloque, o qué tiene de malo.
pub fn comprobar(bloque: &Bloque) -> Result<usize, String> {
    let texto = bloque.texto();
    let forma = Command::new("bash").args(["-n", "-c", &texto]).output().unwrap();
    if !forma.status.success() {
        return Err(String::from_utf8_lossy(&forma.stderr).into_owned());
    }
    let comandos = separar(&texto);
    for comando in &comandos {
        comprobar_uno(comando, &texto).map_err(|causa| format!("{}: {causa}", comando.join(" ")))?;
    }
    if comandos.is_empty() { Err("no tiene ningún comando".to_owned()) } else { Ok(comandos.len()) }
}

/// Los comandos, en palabras. Un `for` o un `|` separan; los comentarios no cuentan.
fn separar(texto: &str) -> Vec<Vec<String>> {
    let mut comandos = Vec::new();
    for linea in texto.replace("\\\n", " ").lines() {
        let linea = linea.split(" #").next().unwrap_or_default();
        for pedazo in linea.split("&&").flat_map(|pedazo| pedazo.split([';', '|'])) {
            let palabras: Vec<String> = pedazo.split_whitespace().map(str::to_owned).collect();
            let de_control = |palabra: &str| ["for", "done", "do", "{", "}"].contains(&palabra);
            match palabras.first().map(String::as_str) {
                None | Some("#") => {}
                Some("do" | "{") if palabras.len() > 1 => comandos.push(palabras[1..].to_vec()),
                Some(palabra) if de_control(palabra) => {}
                Some(_) => comandos.push(palabras),
            }
        }
    }
    comandos
}

fn comprobar_uno(comando: &[String], bloque: &str) -> Result<(), String> {
    let mut palabras = comando.iter().map(String::as_str).skip_while(|palabra| {
        let es_variable = palabra.split_once('=').is_some_and(|(nombre, _)| {
            nombre.chars().all(|letra| letra.is_ascii_uppercase() || letra.is_ascii_digit() || letra == '_')
        });
        es_variable || *palabra == "sudo"
    });
    let variables = comando.iter().filter_map(|palabra| palabra.split_once('=')).map(|(nombre, _)| nombre);
    for variable in variables.filter(|nombre| nombre.starts_with("TP0_")) {
        if !VARIABLES.contains(&variable) {
            return Err(format!("{variable} no es una variable de la biblioteca"));
        }
    }
    let programa = palabras.next().ok_or("no llama a nada")?;
    let argumentos: Vec<&str> = palabras.collect();
    match programa {
        "make" => de_make(&argumentos)?,
        "cargo" => de_cargo(&argumentos)?,
        _ if programa.contains('/') => de_camino(programa, bloque)?,
        _ if DEL_SISTEMA.iter().any(|(nombre, _)| *nombre == programa) => {}
        _ => return Err("no se sabe qué es ese comando: agregalo a tests/comun/comandos.rs, con su razón".to_owned()),
    }
    argumentos.iter().try_for_each(|argumento| existe(argumento))
}

fn de_make(argumentos: &[&str]) -> Result<(), String> {
    let makefile = leer("makefile") + &leer("paquetes/instalar/instalar.mk");
    for objetivo in argumentos.iter().filter(|argumento| !argumento.contains('=')) {
        let lo_hace =
            |linea: &str| linea.split_once(':').is_some_and(|(de, _)| de.split(' ').any(|uno| uno == *objetivo));
        if !makefile.lines().any(lo_hace) {
            return Err(format!("el makefile no tiene {objetivo}"));
        }
    }
    Ok(())
}

fn de_cargo(argumentos: &[&str]) -> Result<(), String> {
    let argumentos: Vec<&str> = argumentos.iter().copied().filter(|argumento| !argumento.starts_with('+')).collect();
    let archivo = match argumentos.as_slice() {
        ["run", "--example", ejemplo, ..] if raiz().join(format!("examples/{ejemplo}")).is_dir() => {
            format!("examples/{ejemplo}/main.rs")
        }
        ["run", "--example", ejemplo, ..] => format!("examples/{ejemplo}.rs"),
        ["test", "--test", tema, ..] => format!("tests/{tema}/main.rs"),
        ["bench", "--bench", banco, ..] => format!("benches/{banco}.rs"),
        ["fuzz", "run" | "tmin" | "cmin", objetivo, ..] => format!("fuzz/fuzz_targets/{objetivo}.rs"),
        ["install" | "doc" | "build" | "test", ..] => return Ok(()),
        _ => return Err("no se sabe qué le pide a cargo".to_owned()),
    };
    if raiz().join(&archivo).exists() { Ok(()) } else { Err(format!("no está {archivo}")) }
}

/// Un programa que se llama por su camino: un ejemplo, lo que compiló el mismo bloque, o el de quien lee.
fn de_camino(programa: &str, bloque: &str) -> Result<(), String> {
    let hecho_aca = |nombre: &str| bloque.contains(&format!("-o {nombre} "));
    match programa.strip_prefix("./") {
        Some(nombre) if nombre.starts_with("bin/") || hecho_aca(nombre) => Ok(()),
        Some(nombre) => Err(format!("nadie compila {nombre}")),
        None => existe(programa),
    }
}

/// Un argumento que nombra algo del repositorio: tiene que estar, o ser algo que se compila.
fn existe(argumento: &str) -> Result<(), String> {
    let camino = argumento.trim_end_matches("...").trim_end_matches('*');
    let Some((carpeta, _)) = camino.split_once('/') else { return Ok(()) };
    if carpeta.is_empty() || !raiz().join(carpeta).exists() || camino.starts_with("target/") {
        return Ok(());
    }
    // Lo que aparece al fuzzear, lo que dejan make dist y make deb, y el programa de quien lee.
    if camino.starts_with("./bin/") || camino.starts_with("fuzz/artifacts/") || camino.starts_with("./libtp0-") {
        return Ok(());
    }
    let fuente = camino.strip_prefix("c_examples/bin/").map(|nombre| format!("c_examples/{nombre}.c"));
    let fuente = fuente.as_deref().unwrap_or(camino);
    if raiz().join(fuente).exists() { Ok(()) } else { Err(format!("no está {fuente}")) }
}

#[test]
fn un_comando_que_no_existe_se_nota() {
    let probar = |texto: &str| comprobar(&bloques_de("x.md", &format!("```sh\n{texto}\n```")).remove(0));
    for bien in [
        "make demo    # compila",
        "sudo make install PREFIX=/x && c_examples/bin/cliente c_examples/cliente.config",
        "gcc eco.c -o eco -ltp0 && LD_LIBRARY_PATH=x ./eco",
        "for x in a b; do\n    cat $x\ndone",
        "cargo +nightly fuzz run servidor fuzz/corpus/servidor/*",
    ] {
        assert!(probar(bien).is_ok(), "{bien}: {:?}", probar(bien));
    }
    for mal in [
        "make demos",
        "c_examples/bin/clientes c_examples/cliente.config",
        "c_examples/bin/cliente c_examples/otro.config",
        "./eco",
        "TP0_PUERTOS=1 ./bin/server",
        "cargo run --example chats",
        "cargo fuzz run servidores",
        "cargo bailar",
        "bailar",
        "for x in a b; do",
        "# nada",
    ] {
        assert!(probar(mal).is_err(), "{mal}");
    }
}
