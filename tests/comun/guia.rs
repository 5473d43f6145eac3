//! La guía de los dolores (`docs/por-que-no-anda.md`) y la tabla que los ata a sus pruebas (`docs/dolores.md`): los textos que ahí están
//! escritos son los que tienen que salir, y se los toma de ahí.

#![allow(dead_code, unreachable_pub, reason = "andamio de pruebas: cada archivo usa una parte")]

use crate::markdown::{ancla, leer};

pub const GUIA: &str = "docs/por-que-no-anda.md";
pub const TABLA: &str = "docs/dolores.md";

/// Una sección de la guía: su ancla y lo que dice hasta el título siguiente.
pub struct Seccion {
    pub ancla: String,
    pub lineas: Vec<String>,
}

impl Seccion {
    /// Las líneas de sus bloques de ese lenguaje.
    pub fn en_bloques(&self, lenguaje: &str) -> Vec<&str> {
        let (mut adentro, mut halladas) = (false, Vec::new());
        for linea in &self.lineas {
            match linea.strip_prefix("```") {
                Some(comienzo) => adentro = comienzo == lenguaje,
                None if adentro => halladas.push(linea.as_str()),
                None => {}
            }
        }
        halladas
    }
}

/// Todas las secciones de la guía, en orden.
pub fn secciones() -> Vec<Seccion> {
    let mut secciones = Vec::<Seccion>::new();
    let mut en_bloque = false;
    for linea in leer(GUIA).lines() {
        en_bloque ^= linea.starts_with("```");
        match linea.strip_prefix('#').filter(|_| !en_bloque) {
            Some(titulo) => {
                let ancla = ancla(titulo.trim_start_matches('#').trim());
                secciones.push(Seccion { ancla, lineas: Vec::new() });
            }
            None => {
                if let Some(seccion) = secciones.last_mut() {
                    seccion.lineas.push(linea.to_owned());
                }
            }
        }
    }
    secciones
}

/// El único renglón de los bloques `text` de esa sección que es `parte`, o que la contiene, con los valores de ejemplo cambiados por los de verdad.
#[track_caller]
pub fn texto(ancla: &str, parte: &str, cambios: &[(&str, &str)]) -> String {
    let secciones = secciones();
    let seccion = secciones.iter().find(|seccion| seccion.ancla == ancla).unwrap_or_else(|| panic!("{GUIA}#{ancla}"));
    let escritos = seccion.en_bloques("text");
    let es_justo = escritos.contains(&parte);
    let hallados: Vec<&&str> =
        escritos.iter().filter(|linea| if es_justo { **linea == parte } else { linea.contains(parte) }).collect();
    assert_eq!(hallados.len(), 1, "{GUIA}#{ancla}: renglones con {parte:?}, entre {escritos:#?}");
    cambiar(hallados[0], cambios)
}

/// Cambia todos los ejemplos a la vez: lo que ya se cambió no se vuelve a mirar.
fn cambiar(linea: &str, cambios: &[(&str, &str)]) -> String {
    let (mut resto, mut cambiada) = (linea, String::new());
    for (ejemplo, _) in cambios {
        assert!(linea.contains(ejemplo), "{ejemplo:?} no está en {linea:?}");
    }
    while let Some(letra) = resto.chars().next() {
        let largo = match cambios.iter().find(|(ejemplo, _)| resto.starts_with(ejemplo)) {
            Some((ejemplo, real)) => {
                cambiada.push_str(real);
                ejemplo.len()
            }
            None => {
                cambiada.push(letra);
                letra.len_utf8()
            }
        };
        resto = &resto[largo..];
    }
    cambiada
}
