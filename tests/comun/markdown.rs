//! Lo que hay que saber de Markdown para comprobar los documentos: sus bloques de código, sus títulos y sus enlaces.

#![allow(dead_code, unreachable_pub, reason = "andamio de pruebas: cada archivo usa una parte")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::comun::raiz;

/// El texto de un archivo del repositorio.
pub fn leer(archivo: &str) -> String {
    fs::read_to_string(raiz().join(archivo)).unwrap_or_else(|error| panic!("{archivo}: {error}"))
}

/// Todos los documentos del repositorio, por su camino desde la raíz: uno nuevo se comprueba sin anotarlo en ningún lado.
pub fn documentos() -> Vec<String> {
    fn juntar(carpeta: &Path, hallados: &mut Vec<String>) {
        for entrada in fs::read_dir(carpeta).unwrap() {
            let camino = entrada.unwrap().path();
            let nombre = camino.file_name().unwrap().to_str().unwrap();
            // Lo compilado, lo de git, y las entradas del fuzzing, que son bytes cualesquiera.
            if nombre.starts_with('.') || ["target", "bin", "corpus", "artifacts", "coverage"].contains(&nombre) {
                continue;
            }
            if camino.is_dir() {
                juntar(&camino, hallados);
            } else if nombre.ends_with(".md") {
                hallados.push(camino.strip_prefix(raiz()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut hallados = Vec::new();
    juntar(&raiz(), &mut hallados);
    hallados.sort();
    hallados
}

/// Un bloque de código. Lo que sigue al lenguaje (` ```c corre `) no se ve en la página: dice cómo se lo comprueba.
#[derive(Clone)]
pub struct Bloque {
    pub documento: String,
    pub linea: usize,
    /// El título debajo del que está; antes del primero, vacío.
    pub titulo: String,
    pub lenguaje: String,
    pub marcas: Vec<String>,
    pub lineas: Vec<String>,
}

impl Bloque {
    pub fn texto(&self) -> String {
        self.lineas.iter().flat_map(|linea| [linea, "\n"]).collect()
    }

    /// Dónde está, para decirlo si algo falla.
    pub fn lugar(&self) -> String {
        format!("{}:{} (```{} {})", self.documento, self.linea, self.lenguaje, self.marcas.join(" "))
    }

    pub fn es(&self, lenguaje: &str, marcas: &[&str]) -> bool {
        self.lenguaje == lenguaje && self.marcas == marcas
    }
}

/// Una línea de un documento, según esté o no en un bloque de código.
enum Linea<'a> {
    Texto(&'a str),
    Abre { sangria: usize, info: &'a str },
    Codigo(&'a str),
    Cierra,
}

/// Recorre las líneas. Lo que Markdown toma por código y estas pruebas no verían es una falla.
fn lineas(documento: &str, texto: &str, mut ver: impl FnMut(usize, Linea<'_>)) {
    let mut abierto = None;
    let (mut en_lista, mut vacia) = (false, true);
    for (i, linea) in texto.lines().enumerate() {
        let numero = i + 1;
        let recortada = linea.trim_start();
        let sangria = linea.len() - recortada.len();
        if let Some(de) = abierto {
            if recortada.starts_with("```") {
                assert_eq!(recortada, "```", "{documento}:{numero}: el bloque que empieza en {de} no está cerrado");
                abierto = None;
                ver(numero, Linea::Cierra);
            } else {
                ver(numero, Linea::Codigo(linea));
            }
            continue;
        }
        if let Some(info) = recortada.strip_prefix("```") {
            assert!(!info.contains('`'), "{documento}:{numero}: los bloques se abren con tres comillas y el lenguaje");
            abierto = Some(numero);
            ver(numero, Linea::Abre { sangria, info });
            continue;
        }
        assert!(!recortada.starts_with("~~~"), "{documento}:{numero}: los bloques se abren con ```");
        if sangria == 0 && !recortada.is_empty() {
            let numerada = recortada.split_once(". ").is_some_and(|(n, _)| n.parse::<u32>().is_ok());
            en_lista = numerada || recortada.starts_with("- ") || recortada.starts_with("* ");
        }
        let es_codigo = vacia && !en_lista && sangria >= 4 && !recortada.is_empty();
        assert!(!es_codigo, "{documento}:{numero}: un bloque con sangría no dice su lenguaje: usá ```");
        vacia = recortada.is_empty();
        ver(numero, Linea::Texto(linea));
    }
    assert!(abierto.is_none(), "{documento}: el bloque que empieza en la línea {abierto:?} no está cerrado");
}

/// Los bloques de código de un texto, sin la sangría que los pone adentro de una lista.
pub fn bloques_de(documento: &str, texto: &str) -> Vec<Bloque> {
    let mut hallados: Vec<Bloque> = Vec::new();
    let (mut titulo, mut sacar) = (String::new(), 0);
    lineas(documento, texto, |linea, que| match que {
        Linea::Texto(texto) if texto.starts_with('#') => titulo = texto.trim_start_matches('#').trim().to_owned(),
        Linea::Texto(_) | Linea::Cierra => {}
        Linea::Abre { sangria, info } => {
            let mut palabras = info.split_whitespace().map(str::to_owned);
            sacar = sangria;
            hallados.push(Bloque {
                documento: documento.to_owned(),
                linea,
                titulo: titulo.clone(),
                lenguaje: palabras.next().unwrap_or_default(),
                marcas: palabras.collect(),
                lineas: Vec::new(),
            });
        }
        Linea::Codigo(texto) => {
            hallados.last_mut().unwrap().lineas.push(texto.get(sacar..).unwrap_or_default().to_owned());
        }
    });
    hallados
}

/// Los bloques de un documento.
pub fn bloques(documento: &str) -> Vec<Bloque> {
    bloques_de(documento, &leer(documento))
}

/// Los párrafos de un documento, sin sus bloques de código: el número de su primera línea, y sus líneas en una sola.
pub fn parrafos(documento: &str, texto: &str) -> Vec<(usize, String)> {
    let mut hallados: Vec<(usize, String)> = Vec::new();
    let mut seguir = false;
    lineas(documento, texto, |numero, que| match que {
        Linea::Texto(linea) if !linea.trim().is_empty() => {
            // Una fila de una tabla y un título son párrafos enteros.
            let suelta = linea.starts_with('|') || linea.starts_with('#');
            match hallados.last_mut() {
                Some((_, parrafo)) if seguir && !suelta => *parrafo += &format!(" {}", linea.trim()),
                _ => hallados.push((numero, linea.trim().to_owned())),
            }
            seguir = !suelta;
        }
        _ => seguir = false,
    });
    hallados
}

/// Un párrafo sin lo que hay entre comillas de código; las comillas quedan.
pub fn sin_codigo(parrafo: &str) -> String {
    let mut queda = parrafo;
    let mut limpio = String::new();
    while let Some(inicio) = queda.find('`') {
        let comillas: String = queda[inicio..].chars().take_while(|letra| *letra == '`').collect();
        limpio += &queda[..inicio];
        let resto = &queda[inicio + comillas.len()..];
        let Some(fin) = resto.find(&comillas) else { return limpio + resto };
        limpio += "``";
        queda = &resto[fin + comillas.len()..];
    }
    limpio + queda
}

/// A dónde llevan los enlaces de un documento, con el número de línea de su párrafo.
pub fn enlaces(documento: &str, texto: &str) -> Vec<(usize, String)> {
    let mut hallados = Vec::new();
    for (linea, parrafo) in parrafos(documento, texto) {
        let parrafo = sin_codigo(&parrafo);
        let minusculas = parrafo.to_lowercase();
        for html in ["href=", "src=", "<a "] {
            assert!(!minusculas.contains(html), "{documento}:{linea}: los enlaces, con [texto](destino)");
        }
        // [texto](destino "título"), ![imagen](destino) y [texto]: destino.
        let directos = parrafo.split("](").skip(1).map(|resto| resto.split([')', ' ']).next().unwrap_or_default());
        let definido = parrafo.strip_prefix('[').and_then(|resto| resto.split_once("]: ")).map(|(_, a)| a.trim());
        hallados.extend(directos.chain(definido).map(|destino| (linea, destino.to_owned())));
        assert!(!parrafo.contains("]["), "{documento}:{linea}: los enlaces, con [texto](destino)");
    }
    hallados
}

/// Las anclas de un documento, como las pone GitHub: el título en minúsculas, sin signos, con guiones por espacios; y al repetido, un número.
pub fn anclas(documento: &str, texto: &str) -> Vec<String> {
    let mut vistas: BTreeMap<String, usize> = BTreeMap::new();
    parrafos(documento, texto)
        .into_iter()
        .filter(|(_, parrafo)| parrafo.starts_with('#'))
        .map(|(_, parrafo)| {
            let ancla = ancla(parrafo.trim_start_matches('#'));
            let veces = vistas.entry(ancla.clone()).or_default();
            *veces += 1;
            if *veces == 1 { ancla } else { format!("{ancla}-{}", *veces - 1) }
        })
        .collect()
}

/// El ancla de un título que no se repite.
pub fn ancla(titulo: &str) -> String {
    // De un enlace se ve el texto.
    let mut visible = String::new();
    let mut resto = titulo.trim();
    while let Some((antes, despues)) = resto.split_once("](") {
        visible += &antes.replacen('[', "", 1);
        resto = despues.split_once(')').map_or("", |(_, resto)| resto);
    }
    visible += resto;
    let letras = visible.chars().filter(|letra| letra.is_alphanumeric() || [' ', '-', '_'].contains(letra));
    letras.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn las_anclas_son_las_de_github() {
    let texto = "# Título con Ñ\n## ¿Qué pasa cuando...?\n## `recv` y [un enlace](x.md)\n## Otro\n```sh\n# no es\n```\n## Otro\n### SO_REUSEADDR, sí\n";
    let esperadas =
        ["título-con-ñ", "qué-pasa-cuando", "recv-y-un-enlace", "otro", "otro-1", "so_reuseaddr-sí"].map(str::to_owned);
    assert_eq!(anclas("x.md", texto), esperadas);
}

#[test]
fn los_enlaces_se_ven_y_los_del_codigo_no() {
    let texto = "uno [`a`](b.c), `[no](es)` y ![dos](c.png \"t\")\n[tres](d#e)\n\n```c\nx[i](no);\n```\n\n[f]: g.md\n";
    let vistos: Vec<String> = enlaces("x.md", texto).into_iter().map(|(_, destino)| destino).collect();
    assert_eq!(vistos, ["b.c", "c.png", "d#e", "g.md"]);
}
