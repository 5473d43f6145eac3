//! Tres cosas que Cargo no sabe: el SONAME, el enlace con ese nombre, y el header.

#[path = "comentario.rs"]
#[allow(dead_code, reason = "lo demás lo usa el manual")]
mod comentario;
#[path = "header.rs"]
#[allow(dead_code, reason = "lo demás lo usa el manual")]
mod header;
#[path = "nombres.rs"]
mod nombres;

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs, io, os::unix::fs::symlink};

type Salida<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) fn hacer() -> Salida {
    for cambio in ["src", "cbindgen.toml", "build.rs", "build", "include/tp0.h"] {
        println!("cargo::rerun-if-changed={cambio}");
    }
    println!("cargo::rerun-if-env-changed=TP0_ESCRIBIR_HEADER");
    enlazar()?;
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

/// Genera el header en OUT_DIR; las pruebas lo comparan con `include/tp0.h`, que sólo se reescribe si se lo pide.
fn escribir_header() -> Salida {
    let raiz = env::var("CARGO_MANIFEST_DIR")?;
    let texto = match generar(&raiz)? {
        Some(texto) => texto,
        None => return Ok(()), // rustc va a decir mejor qué está mal escrito
    };
    let texto = nombres::que_se_esconden(&texto);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("tp0.h"), &texto)?;
    if env::var_os("TP0_ESCRIBIR_HEADER").is_some() {
        fs::write(Path::new(&raiz).join("include/tp0.h"), &texto)?;
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
    let texto = sin_notas_de_rust(&en_c89(&String::from_utf8(texto)?));
    // Dos veces: hay que leer los capítulos para saber qué es una función, y lo que se agrega es un capítulo.
    let entero = nombres::con_otros_nombres(&con_titulos(&texto)).ok_or("el header no termina como se esperaba")?;
    Ok(Some(con_titulos(&entero)))
}

/// Los comentarios con que cbindgen cierra su `extern "C"` no existen en C89.
fn en_c89(header: &str) -> String {
    ["__cplusplus", "extern \"C\""]
        .iter()
        .fold(header.to_owned(), |texto, que| texto.replace(&format!("// {que}"), &format!("/* {que} */")))
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
