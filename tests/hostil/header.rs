//! Leer `include/tp0.h` como lo lee una persona: cada prototipo con el comentario que lo precede.

use std::fs;

use crate::comun;

/// Una función del header.
pub struct Prototipo {
    pub nombre: String,
    pub devuelve: String,
    pub parametros: Vec<String>,
    pub comentario: String,
}

/// El header guardado en el repositorio.
pub fn leer() -> String {
    let ruta = comun::raiz().join("include/tp0.h");
    fs::read_to_string(&ruta).unwrap_or_else(|error| panic!("{}: {error}", ruta.display()))
}

/// Todas las funciones que declara, en orden.
pub fn prototipos() -> Vec<Prototipo> {
    let texto = leer();
    let mut hallados = Vec::new();
    let mut comentario = String::new();
    let mut declaracion = String::new();
    let mut resto = texto.as_str();
    // Se avanza de a una línea o de a un comentario entero; lo que no es comentario ni directiva es declaración.
    while !resto.is_empty() {
        if let Some(desde) = resto.strip_prefix("/*") {
            let fin = desde.find("*/").unwrap();
            comentario = desde[..fin].to_owned();
            resto = &desde[fin + 2..];
            continue;
        }
        let hasta_comentario = resto.find("/*").unwrap_or(resto.len());
        let hasta_linea = resto.find('\n').map_or(resto.len(), |i| i + 1);
        let pedazo = &resto[..hasta_comentario.min(hasta_linea)];
        resto = &resto[pedazo.len()..];
        if pedazo.trim_start().starts_with('#') || pedazo.trim_start().starts_with("extern \"C\"") {
            declaracion.clear();
            continue;
        }
        declaracion.push_str(pedazo);
        if pedazo.trim_end().ends_with(';') || pedazo.trim_end().ends_with('}') || pedazo.trim_end().ends_with('{') {
            hallados.extend(prototipo(&declaracion, &comentario));
            declaracion.clear();
            comentario.clear();
        }
    }
    hallados
}

fn prototipo(declaracion: &str, comentario: &str) -> Option<Prototipo> {
    let junta = declaracion.split_whitespace().collect::<Vec<_>>().join(" ");
    if junta.starts_with("typedef") {
        return None;
    }
    let sin_fin = junta.strip_suffix(");")?;
    let (antes, parametros) = sin_fin.split_once('(')?;
    let corte = antes.rfind(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (devuelve, nombre) = antes.split_at(corte + 1);
    let ultimo = |parametro: &str| {
        parametro.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
    };
    Some(Prototipo {
        nombre: nombre.to_owned(),
        devuelve: devuelve.trim().to_owned(),
        parametros: parametros.split(',').map(ultimo).filter(|p| p != "void").collect(),
        comentario: comentario.to_owned(),
    })
}
