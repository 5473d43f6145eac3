//! La biblioteca instalada, usada por un programa de verdad: con la `.so`, con la `.a` y con lo que diga pkg-config, una
//! conversación entera contra un par que no comparte código con ella. (Qué copia `make install` y qué dice cuando algo
//! falta se prueba en `instalar.rs`.)

use crate::comun;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::comun::{ejecutar, exigir, orden, raiz, ruta_nueva};
use crate::hostil::{Conductor, Oyente, mensaje, paquete};

/// `make` en la raíz, sin nada de lo que `cargo test` le pasa a sus hijos y con un cargo que delata a quien lo llame.
fn make(argumentos: &[String]) -> String {
    let casa = ruta_nueva("casa");
    let binarios = ruta_nueva("binarios");
    fs::create_dir_all(&casa).unwrap();
    fs::create_dir_all(&binarios).unwrap();
    let marca = casa.join("llamaron-a-cargo");
    for nombre in ["cargo", "rustup"] {
        let guion = binarios.join(nombre);
        comun::ejecutables::escribir_guion(&guion, &format!("#!/bin/sh\ntouch '{}'\nexit 99\n", marca.display()));
    }
    // La primera carpeta gana, aunque en otra del PATH haya uno de verdad.
    let camino = env::join_paths(std::iter::once(binarios).chain(env::split_paths(&comun::camino()))).unwrap();
    let dicho = ejecutar(
        Command::new("make").arg("-C").arg(raiz()).args(argumentos).env_clear().env("PATH", camino).env("HOME", casa),
    );
    assert!(!marca.exists(), "make {argumentos:?} llamó a cargo:\n{dicho}");
    dicho
}

/// Lo que deja `make`, con la biblioteca de esta compilación: las dos bibliotecas y la lista de lo que necesita la `.a`.
fn construido() -> PathBuf {
    let carpeta = ruta_nueva("construido");
    fs::create_dir_all(&carpeta).unwrap();
    for archivo in ["libtp0.so", "libtp0.a"] {
        symlink(comun::dir_biblioteca().join(archivo), carpeta.join(archivo)).unwrap();
    }
    ejecutar(orden("make").arg("-C").arg(raiz()).args(["instalable", &format!("CONSTRUIDO={}", carpeta.display())]));
    carpeta
}

/// Todo lo que hay adentro de una carpeta, carpetas incluidas.
fn contenido(carpeta: &Path) -> Vec<PathBuf> {
    let mut todo = Vec::new();
    for entrada in fs::read_dir(carpeta).into_iter().flatten().flatten() {
        if entrada.file_type().unwrap().is_dir() {
            todo.extend(contenido(&entrada.path()));
        } else {
            todo.push(entrada.path());
        }
    }
    todo
}

/// Una conversación de ida y vuelta, de los dos lados, con un conductor compilado contra lo instalado.
fn conversar(programa: &Path, entorno: &[(&str, &Path)]) {
    let mut orden = orden(programa);
    orden.env_remove("LD_LIBRARY_PATH").envs(entorno.iter().copied());
    let c = Conductor::de(orden);
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&paquete(&[b"uno\0", b"dos\0"]));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 1);
    c.pedir(&format!("paquete {cliente}")).lista(&[b"uno", b"dos"]);
    let oyente = Oyente::nuevo();
    let (par, conexion) = c.conectado(&oyente);
    c.bien(&format!("mensaje {conexion} hola"));
    par.espera(&mensaje("hola"));
    c.pedir("conectar 192.168.0.256 4444").mal("EINVAL", &["192.168.0.256"]);
    c.terminar();
}

#[test]
fn instalada_en_usr_se_usa_y_se_va_sin_dejar_nada() {
    if !exigir("make") || !exigir("gcc") {
        return;
    }
    let destino = ruta_nueva("raiz");
    let argumentos = [
        format!("CONSTRUIDO={}", construido().display()),
        format!("DESTDIR={}", destino.display()),
        "PREFIX=/usr".to_owned(),
    ];
    let con = |objetivo: &str| [&[objetivo.to_owned()], &argumentos[..]].concat();
    make(&con("install"));

    let (include, lib) = (destino.join("usr/include"), destino.join("usr/lib"));
    let incluir = format!("-I{}", include.display());
    let lugar = format!("-L{}", lib.display());

    let dinamico = comun::compilar("instalada-so", &["hostil_conductor.c"], &[&incluir, "-pthread", &lugar, "-ltp0"]);
    conversar(&dinamico, &[("LD_LIBRARY_PATH", &lib)]);
    let pide = ejecutar(Command::new("readelf").args(["-dW"]).arg(&dinamico));
    assert!(pide.contains(&format!("[{}]", comun::soname())), "{pide}");

    let archivo = lib.join("libtp0.a");
    let estatico = comun::compilar(
        "instalada-a",
        &["hostil_conductor.c"],
        &[&incluir, "-pthread", archivo.to_str().unwrap(), "-lgcc_s", "-lm", "-ldl"],
    );
    conversar(&estatico, &[]);
    let pide = ejecutar(Command::new("readelf").args(["-dW"]).arg(&estatico));
    assert!(!pide.contains("libtp0"), "el programa estático necesita la .so: {pide}");

    if exigir("pkg-config") {
        // El .pc dice /usr; el prefijo del DESTDIR lo agrega pkg-config, como hace quien arma un paquete.
        let opciones = ejecutar(
            Command::new("pkg-config")
                .args(["--cflags", "--libs", "tp0"])
                .env("PKG_CONFIG_LIBDIR", lib.join("pkgconfig"))
                .env("PKG_CONFIG_SYSROOT_DIR", &destino)
                .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
                .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1"),
        );
        let opciones: Vec<&str> = opciones.split_whitespace().chain(["-pthread"]).collect();
        let programa = comun::compilar("instalada-pc", &["hostil_conductor.c"], &opciones);
        conversar(&programa, &[("LD_LIBRARY_PATH", &lib)]);
    }

    make(&con("uninstall"));
    assert_eq!(contenido(&destino), Vec::<PathBuf>::new());
}
