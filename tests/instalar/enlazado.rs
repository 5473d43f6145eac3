//! Lo primero que alguien prueba: `cargo build --release`, una línea de gcc y correr.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::comun::{ejecutar, exigir, orden, raiz, ruta_nueva, soname};

/// Un programa chico que habla consigo mismo: un servidor y un cliente de verdad, no solo un símbolo que resuelve.
const PROGRAMA: &str = include_str!("distribucion/charla.c");

#[test]
fn la_linea_del_readme() {
    if !exigir("gcc") {
        return;
    }
    // Donde `cargo test` compila es donde va a compilar `cargo build --release`.
    let destino = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    ejecutar(
        Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
            .args(["build", "--release", "--quiet", "--offline"])
            .current_dir(raiz())
            .env("CARGO_TARGET_DIR", destino),
    );

    // Una carpeta que parece el repositorio recién compilado, para no ensuciar el de verdad con un a.out.
    let carpeta = ruta_nueva("clon");
    fs::create_dir_all(carpeta.join("target")).unwrap();
    symlink(raiz().join("include"), carpeta.join("include")).unwrap();
    symlink(destino.join("release"), carpeta.join("target/release")).unwrap();
    fs::write(carpeta.join("x.c"), PROGRAMA).unwrap();

    let linea = "gcc x.c -Iinclude -Ltarget/release -ltp0 && LD_LIBRARY_PATH=target/release ./a.out";
    let dicho = ejecutar(orden("sh").args(["-c", linea]).current_dir(&carpeta));
    assert_eq!(
        dicho.lines().collect::<Vec<_>>(),
        ["Me llego el mensaje hola desde una linea de gcc", env!("CARGO_PKG_VERSION")]
    );

    // De verdad fue con la de release, y con su nombre de siempre.
    let dinamica = ejecutar(Command::new("readelf").args(["-dW", "a.out"]).current_dir(&carpeta));
    assert!(dinamica.contains(&format!("[{}]", soname())), "{dinamica}");
    let sin_camino = orden("./a.out").current_dir(&carpeta).env_remove("LD_LIBRARY_PATH").output().unwrap();
    assert!(
        !sin_camino.status.success(),
        "encontró otra libtp0 instalada en esta máquina: esta prueba no probaría nada"
    );
}
