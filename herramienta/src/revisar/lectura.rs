//! Encontrar los fuentes de una carpeta y leerlos, estén como estén: lo que no se puede leer se dice, y se sigue.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::arbol::Fuente;
use super::hallazgo::SinEntender;
use crate::falla::{Falla, Resultado, en_castellano};

/// Más que esto no lo escribió nadie.
const TOPE: u64 = 1 << 20;

/// Los fuentes de esas carpetas, por orden de nombre y una vez cada uno. Un archivo suelto vale por su carpeta.
pub(super) fn leer(carpetas: &[PathBuf], sin_entender: &mut Vec<SinEntender>) -> Resultado<Vec<Fuente>> {
    let (mut fuentes, mut vistos) = (Vec::new(), BTreeSet::new());
    for carpeta in carpetas {
        fs::metadata(carpeta)
            .map_err(|causa| Falla::del_sistema(format!("No pude leer {}", carpeta.display()), causa))?;
        let camino = WalkDir::new(carpeta).follow_links(true).sort_by_file_name();
        for entrada in camino.into_iter().filter_entry(|entrada| !escondida(entrada)) {
            match entrada {
                Ok(entrada) if es_de_c(&entrada) => match uno(entrada.path(), &mut vistos) {
                    Ok(fuente) => fuentes.extend(fuente),
                    Err(que) => sin_entender.push(entero(entrada.path(), que)),
                },
                Ok(_) => {}
                // Un enlace que vuelve a una carpeta en la que se está: lo que hay ahí ya se mira.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => {
                    let donde = error.path().unwrap_or(carpeta).to_owned();
                    sin_entender.push(entero(&donde, error.io_error().map_or_else(|| error.to_string(), causa)));
                }
            }
        }
    }
    Ok(fuentes)
}

fn entero(camino: &Path, que: String) -> SinEntender {
    SinEntender { archivo: camino.display().to_string(), linea: 0, que }
}

fn causa(error: &io::Error) -> String {
    en_castellano(error)
}

/// `.git`, y otras así. La que se pidió, no, se llame como se llame.
fn escondida(entrada: &DirEntry) -> bool {
    entrada.depth() > 0 && entrada.file_name().as_encoded_bytes().starts_with(b".")
}

fn es_de_c(entrada: &DirEntry) -> bool {
    let extension = entrada.path().extension().and_then(|extension| extension.to_str());
    // Un tubo o un dispositivo con nombre de fuente no se abre: podría no terminar nunca.
    entrada.file_type().is_file() && matches!(extension, Some("c" | "h"))
}

/// Un archivo, si no se leyó ya con otro nombre; o por qué no se pudo.
fn uno(camino: &Path, vistos: &mut BTreeSet<PathBuf>) -> Result<Option<Fuente>, String> {
    let verdadero = fs::canonicalize(camino).map_err(|error| causa(&error))?;
    if !vistos.insert(verdadero) {
        return Ok(None);
    }
    let mide = fs::metadata(camino).map_err(|error| causa(&error))?.len();
    if mide > TOPE {
        return Err(format!("mide {mide} bytes, y se leen hasta {TOPE}"));
    }
    let bytes = fs::read(camino).map_err(|error| causa(&error))?;
    let texto = en_texto(bytes)?;
    Fuente::leer(camino.display().to_string(), texto).map(Some).map_err(|falla| falla.to_string())
}

/// UTF-8, o Latin-1, en el que cada byte es una letra.
fn en_texto(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.contains(&0) {
        return Err("tiene bytes en 0: no es un texto, o está en UTF-16".to_owned());
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect()))
}
