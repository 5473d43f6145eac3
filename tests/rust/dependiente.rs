//! Un programa en Rust que usa el crate y nada de C: lo que compila, lo que enlaza y lo que se escribe. Y lo que lleva el paquete.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::comun::{ejecutar, exigir, raiz, ruta_nueva};
use crate::markdown::{enlaces, leer};

/// Un programa que tiene funciones propias con los nombres de las de C, y otra vida para ellas.
const PROGRAMA: &str = r#"
use tp0::{Conexion, Recibido, Servidor};

#[unsafe(no_mangle)]
pub extern "C" fn enviar_mensaje(largo: usize) -> usize {
    largo + 1
}

fn main() -> tp0::Resultado<()> {
    let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    let cliente = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    cliente.enviar_mensaje("hola")?;
    let mut conexion = servidor.esperar_cliente()?;
    assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("hola"))));
    println!("{}", enviar_mensaje(41));
    Ok(())
}
"#;

/// Cargo, sin red y sin nada de lo que esta compilación le pasa a sus hijos.
fn cargo(carpeta: &Path, argumentos: &[&str]) -> String {
    let mut orden = Command::new(env!("CARGO"));
    orden.current_dir(carpeta).args(argumentos).env("CARGO_NET_OFFLINE", "true");
    for variable in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "TP0_ESCRIBIR_HEADER"] {
        orden.env_remove(variable);
    }
    ejecutar(&mut orden)
}

/// Los archivos de una carpeta, y los de las suyas.
fn archivos(carpeta: &Path) -> Vec<PathBuf> {
    let mut todos = Vec::new();
    for entrada in fs::read_dir(carpeta).into_iter().flatten().flatten() {
        let camino = entrada.path();
        if camino.is_dir() && !camino.is_symlink() {
            todos.extend(archivos(&camino));
        } else {
            todos.push(camino);
        }
    }
    todos
}

#[test]
fn un_programa_en_rust_no_paga_nada_de_c() {
    let carpeta = ruta_nueva("dependiente");
    fs::create_dir_all(carpeta.join("src")).unwrap();
    let raiz = raiz();
    let manifiesto = format!(
        "[package]\nname = \"dependiente\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         tp0 = {{ path = {raiz:?}, default-features = false }}\n\n[workspace]\n"
    );
    fs::write(carpeta.join("Cargo.toml"), manifiesto).unwrap();
    fs::write(carpeta.join("src/main.rs"), PROGRAMA).unwrap();
    // Las mismas versiones que ya están bajadas.
    fs::copy(raiz.join("Cargo.lock"), carpeta.join("Cargo.lock")).unwrap();

    let crates = cargo(&carpeta, &["tree", "--prefix", "none", "--edges", "normal,build", "--no-dedupe"]);
    let crates: BTreeSet<&str> = crates.lines().filter(|linea| !linea.starts_with("dependiente ")).collect();
    assert!(crates.iter().any(|uno| uno.starts_with("tp0 ")), "{crates:?}");
    assert!(crates.len() <= 11, "son {}: {crates:#?}", crates.len());
    assert!(!crates.iter().any(|uno| uno.starts_with("cbindgen")), "{crates:?}");

    // En el repositorio, y donde compila: en OUT_DIR y en ningún otro lado.
    let antes: BTreeSet<PathBuf> =
        ["src", "include", "man", "build"].iter().flat_map(|c| archivos(&raiz.join(c))).collect();
    let salida = cargo(&carpeta, &["run", "--quiet"]);
    assert_eq!(salida.trim(), "42", "la función propia es la propia");
    let despues: BTreeSet<PathBuf> =
        ["src", "include", "man", "build"].iter().flat_map(|c| archivos(&raiz.join(c))).collect();
    assert_eq!(antes, despues);
    let hechos = archivos(&carpeta.join("target"));
    let ajenos: Vec<_> = hechos
        .iter()
        .filter(|camino| {
            let nombre = camino.file_name().unwrap().to_string_lossy();
            camino.is_symlink() || nombre.starts_with("libtp0.so.") || nombre.ends_with(".h") || nombre.ends_with(".3")
        })
        .collect();
    assert!(ajenos.is_empty(), "{ajenos:?}");

    if !exigir("nm") {
        return;
    }
    let rlib = hechos
        .iter()
        .find(|camino| {
            let nombre = camino.file_name().unwrap().to_string_lossy();
            nombre.starts_with("libtp0") && nombre.ends_with(".rlib")
        })
        .expect("la biblioteca para Rust");
    let definidos = ejecutar(Command::new("nm").args(["--defined-only", "-g"]).arg(rlib));
    let de_c: BTreeSet<String> = leer("tests/simbolos.txt").lines().map(str::to_owned).collect();
    let hay: Vec<&str> = definidos
        .lines()
        .filter_map(|linea| linea.split_whitespace().last())
        .filter(|uno| de_c.contains(*uno))
        .collect();
    assert!(de_c.len() > 50 && hay.is_empty(), "el rlib trae {hay:?}");
}

/// Lo que se publica se puede leer solo: sus documentos no llevan a archivos que quedaron afuera.
#[test]
fn el_paquete_lleva_lo_que_sus_documentos_nombran() {
    let lista = cargo(&raiz(), &["package", "--list", "--allow-dirty"]);
    let lleva: BTreeSet<&str> = lista.lines().collect();
    for archivo in
        ["README.md", "README.en.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs"]
    {
        assert!(lleva.contains(archivo), "falta {archivo}");
    }
    assert!(!lleva.iter().any(|uno| uno.starts_with("target/") || uno.starts_with("c_examples/bin")), "{lleva:?}");
    let mut rotos = Vec::new();
    for documento in lleva.iter().filter(|uno| uno.ends_with(".md")) {
        for (linea, destino) in enlaces(documento, &leer(documento)) {
            let camino = destino.split('#').next().unwrap();
            if camino.is_empty() || camino.contains("://") {
                continue;
            }
            let desde = Path::new(documento).parent().unwrap().join(camino);
            let mut partes: Vec<&str> = Vec::new();
            for parte in desde.to_str().unwrap().split('/') {
                match parte {
                    ".." => drop(partes.pop()),
                    "." | "" => {}
                    parte => partes.push(parte),
                }
            }
            let destino = partes.join("/");
            if !lleva.iter().any(|uno| *uno == destino || uno.starts_with(&format!("{destino}/"))) {
                rotos.push(format!("{documento}:{linea}: {destino}"));
            }
        }
    }
    assert!(rotos.is_empty(), "{rotos:#?}");
}
