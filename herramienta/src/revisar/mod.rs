//! `tp0 revisar`: lee los fuentes en C de un TP, con la gramática de C, y dice lo que chocaría con libtp0 y lo que corriendo no se ve.
//!
//! Una alarma falsa es peor que un silencio: lo que no se entiende se dice que no se entendió, y de lo que no importa no se habla (devolver
//! `void` o `int`, un `const`, el nombre de un parámetro).
//!
//! * [`lectura`] y [`arbol`]: de una carpeta a sus árboles.
//! * [`tipos`] y [`firma`]: qué declara cada uno.
//! * [`prototipos`], [`codigos`] y [`sospechas`]: lo que se busca.

mod arbol;
mod codigos;
mod firma;
mod hallazgo;
mod lectura;
mod prototipos;
mod sospechas;
mod tipos;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::Salida;
use crate::estilo::{self, AVISO, FUERTE, TENUE};
use crate::falla::{Falla, Resultado};
use hallazgo::{Hallazgo, SinEntender};
use prototipos::Nuestras;
use tipos::Tipos;

/// De lo que no se entiende de un archivo, cuántos lugares se dicen.
const SIN_ENTENDER_POR_ARCHIVO: usize = 3;

/// Lo que se pidió.
#[derive(Debug, Args)]
#[command(override_usage = "tp0 revisar [--json] CARPETA...")]
pub(crate) struct Pedido {
    /// Muestra lo mismo en JSON
    #[arg(long)]
    json: bool,
    /// Las carpetas con los fuentes (.c y .h), con todo lo que tengan adentro
    #[arg(value_name = "CARPETA", required = true)]
    carpetas: Vec<PathBuf>,
}

/// Lo que se encontró.
#[derive(Debug, Serialize)]
struct Informe {
    archivos: usize,
    hallazgos: Vec<Hallazgo>,
    sin_entender: Vec<SinEntender>,
}

/// Revisa.
pub(crate) fn hacer(pedido: &Pedido) -> Resultado<Salida> {
    let informe = revisar(pedido)?;
    if pedido.json {
        let texto =
            serde_json::to_string_pretty(&informe).map_err(|causa| Falla::nueva(format!("El JSON: {causa}.")))?;
        estilo::decir(&texto);
    } else {
        mostrar(&informe);
    }
    Ok(if informe.hallazgos.is_empty() { Salida::Bien } else { Salida::Mal })
}

fn revisar(pedido: &Pedido) -> Resultado<Informe> {
    let mut sin_entender = Vec::new();
    let fuentes = lectura::leer(&pedido.carpetas, &mut sin_entender)?;
    if fuentes.is_empty() {
        let por_que = sin_entender.first().map(|uno| format!(" {}: {}.", uno.archivo, uno.que)).unwrap_or_default();
        let donde = pedido.carpetas.iter().map(|una| una.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Falla::nueva(format!("No hay ningún fuente de C (.c o .h) que pueda leer en {donde}.{por_que}")));
    }
    let nuestras = Nuestras::leer()?;
    let tipos = Tipos::de(&fuentes);
    // El que la define ya escribió las suyas sobre las que tienen otro nombre.
    let con_las_suyas = fuentes.iter().any(|fuente| fuente.define("TP0_SIN_NOMBRES"));
    let mut hallazgos = if con_las_suyas { Vec::new() } else { prototipos::revisar(&fuentes, &tipos, &nuestras) };
    let da_una_lista = prototipos::da_una_lista(&fuentes, &tipos);
    for fuente in &fuentes {
        codigos::revisar(fuente, &mut hallazgos, &mut sin_entender);
        sospechas::revisar(fuente, &tipos, &mut hallazgos);
        if da_una_lista {
            sospechas::fin_de_conversacion(fuente, &tipos, &mut hallazgos);
        }
        let lugares =
            sospechas::sin_entender(fuente, SIN_ENTENDER_POR_ARCHIVO, |nombre| nuestras.del_tp0(nombre).is_some());
        sin_entender.extend(lugares.into_iter().map(|(linea, que)| SinEntender {
            archivo: fuente.archivo.clone(),
            linea,
            que,
        }));
    }
    hallazgos.sort();
    sin_entender.sort();
    Ok(Informe { archivos: fuentes.len(), hallazgos, sin_entender })
}

fn mostrar(informe: &Informe) {
    for uno in &informe.hallazgos {
        estilo::decir(&format!("{}:{}: {}", estilo::con(FUERTE, &uno.archivo), uno.linea, uno.que));
        estilo::decir(&format!("    {}", uno.pasa));
        estilo::decir(&format!("    En su lugar: {}", uno.en_su_lugar));
        if !uno.tambien.is_empty() {
            estilo::decir(&format!("    {}", estilo::con(TENUE, &format!("También en {}.", uno.tambien.join(", ")))));
        }
        estilo::decir("");
    }
    for uno in &informe.sin_entender {
        let donde = if uno.linea == 0 { uno.archivo.clone() } else { format!("{}:{}", uno.archivo, uno.linea) };
        estilo::decir(&format!("{} {donde}: {}.", estilo::con(AVISO, "No entendí"), uno.que));
    }
    let archivos =
        if informe.archivos == 1 { "1 archivo".to_owned() } else { format!("{} archivos", informe.archivos) };
    estilo::decir(&match informe.hallazgos.len() {
        0 => format!("{archivos}: nada que decir."),
        1 => format!("{archivos}: 1 cosa."),
        cuantas => format!("{archivos}: {cuantas} cosas."),
    });
}
