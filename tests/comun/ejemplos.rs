//! Compilar, encontrar y lanzar los ejemplos: los de C (`c_examples/`) y los de Rust (`examples/`).

#![allow(dead_code, unreachable_pub, reason = "andamio de pruebas: cada archivo usa una parte")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::comun::{PLAZO, Proceso, dir_biblioteca, orden, raiz, ruta_nueva};

/// Las opciones con que se compila cada ejemplo además de las de su Makefile: acá una advertencia es una falla.
const CFLAGS: &str = "-g -Werror -Wshadow -Wconversion -Wstrict-prototypes";

/// Dónde están los ejemplos en C.
pub fn dir_ejemplos() -> PathBuf {
    raiz().join("c_examples")
}

/// `make OBJETIVO` en la carpeta dada (los ejemplos, o una copia saboteada), con la biblioteca de esta compilación.
pub fn hacer(carpeta: &Path, objetivo: &str, bin: &Path, salida: &Path) -> Output {
    orden_de_hacer(carpeta, objetivo, bin, salida).output().unwrap()
}

/// La orden de [`hacer`], para cambiarle algo antes de correrla.
pub fn orden_de_hacer(carpeta: &Path, objetivo: &str, bin: &Path, salida: &Path) -> Command {
    let mut make = orden("make");
    make.arg("-C")
        .arg(carpeta)
        .arg(objetivo)
        .arg(format!("LIBDIR={}", dir_biblioteca().display()))
        .arg(format!("INCLUDE={}", raiz().join("include").display()))
        .arg(format!("BIN={}", bin.display()))
        .arg(format!("SALIDA={}", salida.display()))
        .arg(format!("CFLAGS={CFLAGS}"));
    make
}

/// Los ejemplos en C, compilados una vez por proceso.
pub fn compilados() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let bin = ruta_nueva("bin");
        let salida = hacer(&dir_ejemplos(), "all", &bin, &ruta_nueva("salida"));
        let dicho = [salida.stdout, salida.stderr].concat();
        assert!(salida.status.success(), "{}", String::from_utf8_lossy(&dicho));
        bin
    })
}

/// Un ejemplo en Rust. Los construye `cargo test` a secas; `cargo test --test ALGO`, no.
fn ejemplo_de_rust(nombre: &str) -> PathBuf {
    let ejecutable = env::current_exe().unwrap();
    let programa = ejecutable.ancestors().nth(2).unwrap().join("examples").join(nombre);
    let hecho = |archivo: &Path| fs::metadata(archivo).and_then(|datos| datos.modified()).ok();
    let fuente = raiz().join("examples").join(nombre).with_extension("rs");
    assert!(
        hecho(&programa).is_some() && hecho(&programa) >= hecho(&fuente),
        "{} no está, o es más viejo que {}: primero, cargo build --examples",
        programa.display(),
        fuente.display()
    );
    programa
}

/// En qué lenguaje está escrito un ejemplo. Cada historia está en los dos, y cualquiera habla con cualquiera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengua {
    C,
    Rust,
}

/// Las cuatro maneras de elegir dos.
pub const PAREJAS: [(Lengua, Lengua); 4] =
    [(Lengua::C, Lengua::C), (Lengua::C, Lengua::Rust), (Lengua::Rust, Lengua::C), (Lengua::Rust, Lengua::Rust)];

/// La orden para correr un ejemplo.
pub fn ejemplo(lengua: Lengua, nombre: &str) -> Command {
    match lengua {
        Lengua::C => orden(compilados().join(nombre)),
        Lengua::Rust => orden(ejemplo_de_rust(nombre)),
    }
}

/// El puerto que un servidor de ejemplo dice que eligió.
pub fn puerto_de(servidor: &Proceso) -> u16 {
    let linea = servidor.esperar_linea("scucho en el puerto ", PLAZO);
    linea.trim_end_matches('.').rsplit(' ').next().unwrap().parse().unwrap()
}

/// Lanza un servidor de ejemplo, en 127.0.0.1 y en cualquier puerto. Los de C lo leen del entorno; los de Rust, de sus argumentos.
pub fn lanzar_servidor(lengua: Lengua, nombre: &str, argumentos: &[&str]) -> (Proceso, u16) {
    let mut servidor = ejemplo(lengua, nombre);
    servidor.args(argumentos);
    match lengua {
        Lengua::C => servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", "0"),
        Lengua::Rust => servidor.args(["127.0.0.1", "0"]),
    };
    let servidor = Proceso::lanzar(servidor);
    let puerto = puerto_de(&servidor);
    (servidor, puerto)
}
