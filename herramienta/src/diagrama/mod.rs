//! `tp0 diagrama`: el diagrama de secuencia de una conversación de verdad, dibujado de las trazas de los programas que conversaron, o del
//! intermediario que estuvo entre ellos: cada proceso es una columna. Escribe `NOMBRE.svg`, que se abre con el navegador, y `NOMBRE.mmd`, que
//! es Mermaid.
//!
//! Las trazas pueden ser de dos máquinas distintas: el orden lo da quién le habló a quién, y los relojes sólo desempatan.

mod charla;
mod mermaid;
mod svg;
mod traza;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::Salida;
use crate::estilo;
use crate::falla::{Falla, Resultado};
use charla::Charla;
use traza::Traza;

/// Lo que se pidió.
#[derive(Debug, Args)]
#[command(override_usage = "tp0 diagrama [-o NOMBRE] TRAZA...")]
pub(crate) struct Pedido {
    /// Cómo se llaman los dos dibujos, NOMBRE.svg y NOMBRE.mmd (si no se dice, secuencia)
    #[arg(short = 'o', long, value_name = "NOMBRE", default_value = "secuencia", hide_default_value = true)]
    nombre: String,
    /// Lo que un programa contó con TP0_TRAZA=1, o lo que mostraron escuchar, enviar o intermediario
    #[arg(value_name = "TRAZA", required = true)]
    trazas: Vec<PathBuf>,
}

/// Dibuja.
pub(crate) fn hacer(pedido: &Pedido) -> Resultado<Salida> {
    let mut trazas = Vec::new();
    for archivo in &pedido.trazas {
        let texto = fs::read(archivo)
            .map_err(|causa| Falla::del_sistema(format!("No pude leer {}", archivo.display()), causa))?;
        let leidas = Traza::leer(&archivo.display().to_string(), &String::from_utf8_lossy(&texto));
        trazas.extend(leidas.map_err(Falla::nueva)?);
    }
    let charla = Charla::de(&trazas).map_err(Falla::nueva)?;
    let (en_svg, en_mermaid) = (format!("{}.svg", pedido.nombre), format!("{}.mmd", pedido.nombre));
    escribir_todos(&[(&en_svg, svg::dibujar(&charla)), (&en_mermaid, mermaid::escribir(&charla))])?;
    estilo::decir(&format!("{}: {en_svg} y {en_mermaid}", charla.resumen()));
    Ok(Salida::Bien)
}

/// Escribe todos o ninguno: primero, cada uno en otro archivo, al lado; cuando están todos, se les pone su nombre.
fn escribir_todos(archivos: &[(&str, String)]) -> Resultado<()> {
    let al_lado = |destino: &str| format!("{destino}.{}", std::process::id());
    let queja = |destino: &str, causa| Falla::del_sistema(format!("No pude escribir {destino}"), causa);
    let escritos = archivos.iter().try_for_each(|(destino, texto)| {
        if Path::new(destino).is_dir() {
            return Err(Falla::nueva(format!("No pude escribir {destino}: es una carpeta.")));
        }
        fs::write(al_lado(destino), texto).map_err(|causa| queja(destino, causa))
    });
    let puestos = escritos.and_then(|()| {
        let mut todos = archivos.iter();
        todos.try_for_each(|(destino, _)| fs::rename(al_lado(destino), destino).map_err(|causa| queja(destino, causa)))
    });
    if puestos.is_err() {
        archivos.iter().for_each(|(destino, _)| drop(fs::remove_file(al_lado(destino))));
    }
    puestos
}
