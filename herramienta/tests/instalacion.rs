//! El manual y el completado que `tp0` escribe de sí misma, y `make install` con la herramienta.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "andamio de pruebas: fallar con un texto claro es su manera de avisar"
)]

#[path = "../../tests/comun/mod.rs"]
mod comun;
#[path = "comun/interpositor.rs"]
mod interpositor;
#[path = "comun/manos.rs"]
mod manos;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use comun::{PLAZO, Proceso, dir_biblioteca, ejecutar, exigir, orden, raiz, ruta_nueva};
use manos::{PROGRAMA, tp0};

fn generado() -> PathBuf {
    let carpeta = ruta_nueva("generado");
    ejecutar(tp0(&["generar"]).arg(&carpeta));
    carpeta
}

/// Las órdenes que muestra la ayuda.
fn ordenes() -> Vec<String> {
    let ayuda = ejecutar(&mut tp0(&["--ayuda"]));
    let (_, lista) = ayuda.split_once("Órdenes:\n").unwrap();
    lista.lines().map_while(|renglon| Some(renglon.strip_prefix("  ")?.split(' ').next()?.to_owned())).collect()
}

#[test]
fn cada_orden_tiene_su_pagina_y_esta_en_castellano() {
    let carpeta = generado().join("man1");
    let ordenes = ordenes();
    assert!(ordenes.iter().any(|una| una == "enviar"), "{ordenes:?}");
    let nombres = ordenes.iter().map(|una| format!("tp0-{una}")).chain(["tp0".to_owned()]);
    for nombre in nombres {
        let pagina = fs::read_to_string(carpeta.join(&nombre).with_extension("1")).unwrap();
        let titulos: Vec<&str> = pagina.lines().filter(|renglon| renglon.starts_with(".SH ")).collect();
        assert!(titulos.starts_with(&[".SH NOMBRE", ".SH SINOPSIS"]), "{nombre}: {titulos:?}");
        for ingles in ["OPTIONS", "SUBCOMMANDS", "DESCRIPTION", "Print help", "[possible", "[default", "Options"] {
            assert!(!pagina.contains(ingles), "{nombre} dice {ingles}: {pagina}");
        }
        assert!(pagina.contains("libtp0"), "{nombre}: sin eso, uninstall la toma por ajena");
    }
    if exigir("man") {
        let mut man = orden("man");
        man.args(["-l", "--warnings=w"])
            .arg(carpeta.join("tp0-enviar.1"))
            .env("LC_ALL", "C.UTF-8")
            .env("MANWIDTH", "120");
        let salida = Proceso::lanzar(man).terminar(PLAZO);
        assert!(salida.exigir_exito("man").stdout.contains("--respuestas") && salida.stderr.is_empty(), "{salida}");
    }
}

#[test]
fn bash_completa_ordenes_y_opciones() {
    let carpeta = generado();
    let completar = |palabras: &[&str]| {
        let guion = ". \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _tp0 tp0 \"${!#}\" \"${@: -2:1}\"; echo \"${COMPREPLY[*]}\"";
        ejecutar(orden("bash").args(["-c", guion]).arg(carpeta.join("tp0.bash")).args(palabras)).trim().to_owned()
    };
    for una in ordenes() {
        assert_eq!(completar(&["tp0", &una]), una);
    }
    assert_eq!(completar(&["tp0", "intermediario", "--reb"]), "--rebanar");
}

/// Los archivos de una carpeta, con caminos relativos a ella.
fn archivos(carpeta: &Path) -> Vec<String> {
    let listados = ejecutar(orden("find").arg(carpeta).args(["!", "-type", "d", "-printf", "%P\n"]));
    listados.lines().map(str::to_owned).collect()
}

#[test]
fn make_install_la_instala_si_esta_y_uninstall_la_saca() {
    if !["make", "gcc", "nm", "objcopy"].into_iter().all(exigir) {
        return;
    }
    let construido = ruta_nueva("construido");
    fs::create_dir_all(&construido).unwrap();
    for archivo in ["libtp0.so", "libtp0.a"] {
        symlink(dir_biblioteca().join(archivo), construido.join(archivo)).unwrap();
    }
    let destino = ruta_nueva("destino con espacios");
    let make = |objetivo: &str| {
        let variables = [format!("CONSTRUIDO={}", construido.display()), format!("DESTDIR={}", destino.display())];
        ejecutar(orden("make").arg("-C").arg(raiz()).arg(objetivo).args(variables))
    };
    make("instalable");
    fs::rename(generado(), construido.join("herramienta")).unwrap();
    symlink(PROGRAMA, construido.join("herramienta/tp0")).unwrap();
    interpositor::compilarlo();
    let precarga = Path::new(PROGRAMA).with_file_name("libtp0_trazar.so");
    symlink(precarga, construido.join("herramienta/libtp0_trazar.so")).unwrap();

    let dicho = make("install");
    let mut instalados = archivos(&destino);
    for archivo in ["usr/bin/tp0", "usr/lib/tp0/libtp0_trazar.so", "usr/share/bash-completion/completions/tp0"] {
        assert!(dicho.contains(archivo) && instalados.iter().any(|uno| uno == archivo), "{archivo}: {dicho}");
    }
    instalados.retain(|uno| uno.starts_with("usr/share/man/man1/"));
    assert_eq!(instalados.len(), archivos(&construido.join("herramienta/man1")).len());
    let version = concat!("tp0 ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(ejecutar(orden(destino.join("usr/bin/tp0")).arg("--version")), version);

    let mut trazado = orden(destino.join("usr/bin/tp0"));
    let salida = trazado.args(["trazar", "--", "true"]).output().unwrap();
    assert_eq!(salida.status.code(), Some(0), "{}", String::from_utf8_lossy(&salida.stderr));

    fs::write(destino.join("usr/bin/de_otro"), "").unwrap();
    make("uninstall");
    assert_eq!(archivos(&destino), ["usr/bin/de_otro"]);
    assert!(!destino.join("usr/lib/tp0").exists());
}
