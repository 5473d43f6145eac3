//! Escribe las páginas de manual de la biblioteca, que salen de los comentarios de su header: `make manual`.

// Las lee el que arma el header, en build.rs, y las lee éste.
#[path = "../../build/comentario.rs"]
mod comentario;
#[path = "../../build/header.rs"]
mod header;

mod errores;
mod paginas;
mod roff;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let argumentos: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [header, destino] = argumentos.as_slice() else {
        return Err("uso: tp0-manual HEADER CARPETA".into());
    };
    let texto = fs::read_to_string(header).map_err(|error| format!("{}: {error}", header.display()))?;
    let version = texto.lines().find_map(|linea| linea.strip_prefix("#define TP0_VERSION \"")?.strip_suffix('"'));
    let paginas = paginas::paginas(&con_sus_nombres(&texto), version.ok_or("el header no dice TP0_VERSION")?)?;
    escribir(destino, &paginas)
}

/// Lo que ve quien no define TP0_SIN_NOMBRES.
fn con_sus_nombres(header: &str) -> String {
    let mut partes = header.split("#ifdef TP0_SIN_NOMBRES\n");
    let primera = partes.next().unwrap_or_default().to_owned();
    partes.fold(primera, |salida, parte| {
        let (_, parte) = parte.split_once("#else\n").unwrap_or(("", parte));
        salida + &parte.replacen("#endif\n", "", 1)
    })
}

/// Deja en `destino` esas páginas y ninguna otra.
fn escribir(destino: &Path, paginas: &BTreeMap<String, String>) -> Result<(), Box<dyn Error>> {
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
