//! Cuatro cosas que Cargo no sabe: el SONAME, el enlace con ese nombre, el header, y el manual, que sale del header.
#![allow(clippy::print_stdout, reason = "así se le habla a Cargo")]

#[path = "build/manual.rs"]
mod manual;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs, io, os::unix::fs::symlink};

type Salida<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Salida {
    for cambio in ["src", "cbindgen.toml", "build.rs", "build", "include/tp0.h", "man"] {
        println!("cargo::rerun-if-changed={cambio}");
    }
    println!("cargo::rerun-if-env-changed=TP0_ESCRIBIR_HEADER");
    if env::var("CARGO_CFG_TARGET_OS")? == "linux" {
        enlazar()?;
    }
    escribir_header()
}

/// El SONAME, con la regla de cargo-c: `MAYOR`, o `0.MENOR` mientras la mayor es 0.
fn enlazar() -> Salida {
    let (mayor, menor) = (env::var("CARGO_PKG_VERSION_MAJOR")?, env::var("CARGO_PKG_VERSION_MINOR")?);
    let soname = if mayor == "0" { format!("libtp0.so.0.{menor}") } else { format!("libtp0.so.{mayor}") };
    // -Bsymbolic-functions: un programa con su propia crear_paquete no cambia lo que hace la biblioteca por dentro; sólo para
    // funciones, porque logger tiene que poder ser el del programa. nodelete: dlclose no descarga código con pthread_atfork.
    for opcion in [format!("-soname,{soname}"), "-Bsymbolic-functions".into(), "-z,nodelete".into()] {
        println!("cargo::rustc-cdylib-link-arg=-Wl,{opcion}");
    }
    // Un programa enlazado busca el archivo con el nombre del SONAME: sin este enlace, compilado con -Ltarget/release no correría.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let perfil = out.ancestors().nth(3).ok_or("OUT_DIR sin la carpeta del perfil")?;
    fs::create_dir_all(perfil.join("deps"))?;
    for carpeta in [perfil.to_path_buf(), perfil.join("deps")] {
        match symlink("libtp0.so", carpeta.join(&soname)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Genera el header y las páginas de manual en OUT_DIR; las pruebas los comparan con `include/tp0.h` y con `man`, que sólo se reescriben
/// si se lo pide.
fn escribir_header() -> Salida {
    let raiz = env::var("CARGO_MANIFEST_DIR")?;
    let texto = match generar(&raiz)? {
        Some(texto) => texto,
        None => return Ok(()), // rustc va a decir mejor qué está mal escrito
    };
    let paginas = manual::paginas(&texto, &env::var("CARGO_PKG_VERSION")?)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("tp0.h"), &texto)?;
    escribir_paginas(&out.join("man"), &paginas)?;
    if env::var_os("TP0_ESCRIBIR_HEADER").is_some() {
        fs::write(Path::new(&raiz).join("include/tp0.h"), &texto)?;
        escribir_paginas(&Path::new(&raiz).join("man"), &paginas)?;
    }
    Ok(())
}

/// Deja en `destino` esas páginas y ninguna otra.
fn escribir_paginas(destino: &Path, paginas: &BTreeMap<String, String>) -> Salida {
    for seccion in ["man3", "man7"] {
        match fs::remove_dir_all(destino.join(seccion)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(destino.join(seccion))?,
        }
    }
    for (ruta, texto) in paginas {
        fs::write(destino.join(ruta), texto)?;
    }
    Ok(())
}

fn generar(raiz: &str) -> Salida<Option<String>> {
    let mut config = cbindgen::Config::from_file(Path::new(raiz).join("cbindgen.toml"))?;
    let comienzo = fs::read_to_string(Path::new(raiz).join("src/abi/comienzo.h"))?;
    let mut comienzo = comienzo.replace("@VERSION@", &env::var("CARGO_PKG_VERSION")?);
    for parte in ["MAJOR", "MINOR", "PATCH"] {
        comienzo = comienzo.replace(&format!("@{parte}@"), &env::var(format!("CARGO_PKG_VERSION_{parte}"))?);
    }
    let (manual, tipos) = comienzo.split_once("@CORTE@\n").ok_or("falta @CORTE@ en src/abi/comienzo.h")?;
    config.header = Some(manual.to_owned());
    config.include_guard = Some("LIBTP0_TP0_H".to_owned());
    config.after_includes = Some(tipos.trim_end().to_owned());
    let mut texto = Vec::new();
    match cbindgen::generate_with_config(raiz, config) {
        Ok(header) => header.write(&mut texto),
        Err(cbindgen::Error::ParseSyntaxError { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    Ok(Some(con_titulos(&sin_notas_de_rust(&String::from_utf8(texto)?))))
}

/// La sección `# Safety` es de Rust: lo que pide ya está dicho en cada `@param`.
fn sin_notas_de_rust(header: &str) -> String {
    let mut partes = header.split("\n *\n * # Safety\n");
    let primera = partes.next().unwrap_or_default().to_owned();
    partes.fold(primera, |salida, parte| salida + "\n */" + parte.split_once("\n */").map_or("", |(_, sigue)| sigue))
}

/// Una línea `TITULO: texto` al comienzo de un comentario pasa a ser el título de lo que sigue.
fn con_titulos(header: &str) -> String {
    let mut salida = String::new();
    let mut resto = header;
    while let Some((antes, despues)) = resto.split_once("/**\n * TITULO: ") {
        let (titulo, sigue) = despues.split_once('\n').unwrap_or((despues, ""));
        let barra = "=".repeat(92);
        salida += &format!("{antes}/* {barra}\n *  {titulo}\n * {barra} */\n\n/**\n");
        resto = sigue.strip_prefix(" *\n").unwrap_or(sigue);
    }
    salida + resto
}
