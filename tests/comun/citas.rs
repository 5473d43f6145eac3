//! Los textos de error que citan las guías, entre «comillas»: cada uno es, letra por letra, parte de un texto de `src/`. Donde el texto
//! lleva un valor, la cita puede llevar cualquiera, o puntos suspensivos.

#![allow(unreachable_pub, reason = "andamio de pruebas")]

use std::fs;
use std::path::Path;

use crate::comun::raiz;
use crate::markdown::{leer, parrafos, sin_codigo};

/// Las citas de un documento, con el número de línea de su párrafo: en las guías, todo lo que está entre «comillas»; en los demás, lo que
/// tiene una tabla en su primera columna, que es lo que alguien ve y va a buscar.
pub fn citas(documento: &str) -> Vec<(usize, String)> {
    let mut halladas = Vec::new();
    for (linea, parrafo) in parrafos(documento, &leer(documento)) {
        if !documento.starts_with("docs/") && !parrafo.starts_with("| «") {
            continue;
        }
        let parrafo = sin_codigo(&parrafo);
        for resto in parrafo.split('«').skip(1) {
            let (cita, _) = resto.split_once('»').unwrap_or_else(|| panic!("{documento}:{linea}: falta cerrar «"));
            halladas.push((linea, cita.to_owned()));
        }
    }
    halladas
}

/// Todos los textos literales de la biblioteca, partidos en lo que está escrito: entre parte y parte va un valor.
pub fn de_la_biblioteca() -> Vec<Vec<String>> {
    fn juntar(carpeta: &Path, textos: &mut Vec<Vec<String>>) {
        for entrada in fs::read_dir(carpeta).unwrap() {
            let camino = entrada.unwrap().path();
            if camino.is_dir() {
                juntar(&camino, textos);
            } else {
                let fuente = fs::read_to_string(&camino).unwrap();
                // Ni los comentarios, que no son lo que se dice, ni las pruebas de adentro.
                let codigo = fuente.split("#[cfg(test)]").next().unwrap_or_default();
                let codigo: Vec<&str> = codigo.lines().filter(|linea| !linea.trim_start().starts_with("//")).collect();
                textos.extend(literales(&codigo.join("\n")).iter().map(|literal| partes(literal)));
            }
        }
    }
    let mut textos = Vec::new();
    juntar(&raiz().join("src"), &mut textos);
    assert!(textos.len() > 100, "sólo se vieron {} textos", textos.len());
    textos
}

fn literales(codigo: &str) -> Vec<String> {
    let mut hallados = Vec::new();
    let mut letras = codigo.chars().peekable();
    while let Some(letra) = letras.next() {
        match letra {
            // Un carácter, como '"': no abre un texto.
            '\'' if letras.peek() == Some(&'"') => {
                letras.next();
            }
            '"' => {
                let mut texto = String::new();
                while let Some(letra) = letras.next().filter(|letra| *letra != '"') {
                    match (letra, letra == '\\') {
                        (_, true) => match letras.next() {
                            // Una barra al final del renglón se come la sangría del que sigue.
                            Some('\n') => while letras.next_if(|letra| letra.is_whitespace()).is_some() {},
                            Some('n') => texto.push('\n'),
                            Some(escapada) => texto.push(escapada),
                            None => {}
                        },
                        (letra, false) => texto.push(letra),
                    }
                }
                hallados.push(texto);
            }
            _ => {}
        }
    }
    hallados
}

/// Lo que queda escrito de un texto con `{valores}`.
fn partes(literal: &str) -> Vec<String> {
    let (mut hechas, mut parte, mut adentro) = (Vec::new(), String::new(), false);
    for letra in literal.chars() {
        match letra {
            '{' => {
                adentro = true;
                hechas.push(std::mem::take(&mut parte));
            }
            '}' => adentro = false,
            letra if !adentro => parte.push(letra),
            _ => {}
        }
    }
    hechas.push(parte);
    hechas
}

/// Si la cita es un pedazo de alguno de los textos. Los puntos suspensivos de las puntas no cuentan.
pub fn esta(cita: &str, textos: &[Vec<String>]) -> bool {
    let cita = cita.trim().trim_matches('…').trim_end_matches("...").trim();
    textos.iter().any(|partes| es_pedazo(cita, partes))
}

/// Si la cita empieza en alguna parte del texto y sigue hasta terminarse. Lo que tenga de valores no puede ser casi todo.
fn es_pedazo(cita: &str, partes: &[String]) -> bool {
    partes.iter().enumerate().any(|(i, parte)| {
        // Adentro de una sola parte; o empieza con el final de una y sigue con la otra; o empieza con un valor.
        if cita.len() >= 8 && parte.contains(cita) {
            return true;
        }
        let finales = parte.char_indices().map(|(desde, _)| &parte[desde..]).chain([""]);
        finales
            .filter_map(|fin| Some((fin.len(), cita.strip_prefix(fin)?)))
            .any(|(literal, resto)| i + 1 < partes.len() && sigue(resto, &partes[i + 1..], literal, cita.len()))
    })
}

/// Un valor, una parte, otro valor...: si así se llega al final de la cita. `literal` es cuánto se lleva sin contar los valores.
fn sigue(resto: &str, partes: &[String], literal: usize, largo: usize) -> bool {
    let bastante = |literal: usize| literal >= 8 && literal * 2 >= largo;
    let Some((parte, siguientes)) = partes.split_first() else { return false };
    resto.char_indices().map(|(donde, _)| donde).chain([resto.len()]).any(|valor| {
        let queda = &resto[valor..];
        // La cita termina en el valor, o en el medio de la parte; o la parte está entera y sigue.
        (queda.is_empty() && bastante(literal))
            || (!queda.is_empty() && parte.starts_with(queda) && bastante(literal + queda.len()))
            || (!parte.is_empty()
                && queda.strip_prefix(parte.as_str()).is_some_and(|despues| {
                    (despues.is_empty() && bastante(literal + parte.len()))
                        || sigue(despues, siguientes, literal + parte.len(), largo)
                }))
    })
}

#[test]
fn una_cita_inventada_se_nota() {
    let textos = de_la_biblioteca();
    for bien in [
        "aceptó la conexión pero no contestó el handshake",
        "El puerto 4444 ya está en uso",
        "El puerto … ya está en uso",
        "no hay nadie escuchando en 127.0.0.1:4444. ¿Levantaste primero el servidor?",
        "127.0.0.1:80 rechazó el handshake: le mostramos 2 y contestó -1...",
    ] {
        assert!(esta(bien, &textos), "{bien}");
    }
    for mal in [
        "aceptó la conexión pero no contesto el handshake",
        "El puerto 4444 está ocupado",
        "no hay nadie escuchando en 127.0.0.1:4444. ¿Prendiste el servidor?",
        "hola",
        "Address already in use",
        "un texto cualquiera, largo, que no dice nadie en ninguna parte de la biblioteca.",
    ] {
        assert!(!esta(mal, &textos), "{mal}");
    }
}
