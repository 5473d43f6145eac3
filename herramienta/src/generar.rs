//! `tp0 generar CARPETA`: el manual y el completado de bash, de la misma definición que la ayuda. La usa quien arma los paquetes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::aot::{Shell, generate};
use clap_mangen::Man;

use crate::Salida;
use crate::falla::{Falla, Resultado};
use crate::orden;

/// Lo que se pidió.
#[derive(Debug, Args)]
pub(crate) struct Pedido {
    /// Dónde dejarlos: man1/*.1 y tp0.bash
    #[arg(value_name = "CARPETA")]
    carpeta: PathBuf,
}

/// Los títulos que clap_mangen pone en inglés.
const TITULOS: [(&str, &str); 7] = [
    (".SH NAME\n", ".SH NOMBRE\n"),
    (".SH SYNOPSIS\n", ".SH SINOPSIS\n"),
    (".SH DESCRIPTION\n", ".SH DESCRIPCIÓN\n"),
    (".SH OPTIONS\n", ".SH OPCIONES\n"),
    (".SH SUBCOMMANDS\n", ".SH ÓRDENES\n"),
    (".SH VERSION\n", ".SH VERSIÓN\n"),
    (".SH EXTRA\n", ".SH MÁS\n"),
];

/// Los escribe.
pub(crate) fn hacer(pedido: &Pedido) -> Resultado<Salida> {
    let manual = pedido.carpeta.join("man1");
    fs::create_dir_all(&manual).map_err(|causa| no_pude(&manual, causa))?;
    let mut definicion = orden::definicion();
    let mut completado =
        b"# Completado de tp0, la herramienta de libtp0. Lo escribe \xc2\xabtp0 generar\xc2\xbb.\n".to_vec();
    generate(Shell::Bash, &mut definicion, "tp0", &mut completado);
    escribir(&pedido.carpeta.join("tp0.bash"), &completado)?;
    paginas(&definicion, "tp0", &manual)?;
    Ok(Salida::Bien)
}

/// La página de una orden, y las de las que tiene adentro.
fn paginas(orden: &Command, nombre: &str, carpeta: &Path) -> Resultado<()> {
    for interna in orden.get_subcommands().filter(|interna| !interna.is_hide_set()) {
        paginas(interna, &format!("{nombre}-{}", interna.get_name()), carpeta)?;
    }
    let archivo = carpeta.join(format!("{nombre}.1"));
    let version = env!("CARGO_PKG_VERSION");
    let con_nombre = orden.clone().name(nombre.to_owned()).display_name(nombre.to_owned()).version(version);
    let pagina =
        Man::new(con_nombre).title(nombre).date("").source(format!("libtp0 {version}")).manual("Manual de libtp0");
    let mut texto = Vec::new();
    pagina.render(&mut texto).map_err(|causa| no_pude(&archivo, causa))?;
    let texto = TITULOS.iter().fold(String::from_utf8_lossy(&texto).into_owned(), |texto, (ingles, castellano)| {
        texto.replace(ingles, castellano)
    });
    escribir(&archivo, texto.as_bytes())
}

fn escribir(archivo: &Path, texto: &[u8]) -> Resultado<()> {
    fs::write(archivo, texto).map_err(|causa| no_pude(archivo, causa))
}

fn no_pude(archivo: &Path, causa: std::io::Error) -> Falla {
    Falla::del_sistema(format!("No pude escribir {}", archivo.display()), causa)
}
