//! Las páginas de manual, escritas con los mismos comentarios que el header: `man 3` de cada función y cada tipo, y `man 7 tp0`.
//!
//! De un comentario, el `@brief` es el nombre y empieza la descripción; las `@note` que empiezan con una etiqueta (`errno:`, `Hilos:`,
//! `Memoria:`, `Fuente:`) tienen su sección. «como `otra()`» y «los de `otra()`» se completan con lo que dice la otra, y quien no
//! tiene ejemplo muestra el primero que la usa: cada página se basta sola.

use std::collections::BTreeMap;

use crate::comentario::{Comentario, Parte};
use crate::errores::{Errores, oracion};
use crate::header::{self, Declaracion, identificadores};
use crate::roff::{Pagina, cursiva, escapar, negrita, referencia};

/// Columnas para un prototipo, en una pantalla de 80 con la sangría de man.
const ANCHO_DE_PROTOTIPO: usize = 72;

/// Cuántas funciones puede llevar a otras una cadena de «como»: más que eso es un círculo.
const PASOS: usize = 8;

/// Las páginas que salen de un header: la ruta de cada una (`man3/crear_conexion.3`) y su texto.
pub(crate) fn paginas(header: &str, version: &str) -> Result<BTreeMap<String, String>, String> {
    let (comienzo, declaraciones) = header::leer(header);
    let manual = Manual { version, comienzo: &comienzo, declaraciones: &declaraciones };
    let mut paginas = BTreeMap::from([("man7/tp0.7".to_owned(), manual.general())]);
    for declaracion in &declaraciones {
        paginas.insert(format!("man3/{}.3", declaracion.nombre), manual.pagina(declaracion)?);
    }
    Ok(paginas)
}

struct Manual<'a> {
    version: &'a str,
    comienzo: &'a Comentario,
    declaraciones: &'a [Declaracion],
}

impl Manual<'_> {
    fn pagina(&self, de: &Declaracion) -> Result<String, String> {
        let doc = &de.comentario;
        let mut pagina = self.nueva(&de.nombre, 3, &doc.resumen);
        pagina.seccion("SINOPSIS");
        pagina.declaracion(&["#include <tp0.h>".to_owned()]);
        pagina.declaracion(&de.prototipo(ANCHO_DE_PROTOTIPO));
        pagina.parrafo(&format!("Enlazar con {}.", cursiva("-ltp0")));
        pagina.seccion("DESCRIPCIÓN");
        pagina.parrafo(&self.en_linea(&doc.resumen, doc));
        self.partes(&mut pagina, doc, doc.cuerpo.iter().filter(|parte| !matches!(parte, Parte::Codigo(_))));
        self.terminos(&mut pagina, "PARÁMETROS", doc, &doc.parametros);
        self.terminos(&mut pagina, "CAMPOS", doc, &de.campos);
        self.textos(&mut pagina, "VALOR DEVUELTO", doc, doc.devuelve.as_deref());
        self.errores(&mut pagina, de)?;
        self.textos(&mut pagina, "MEMORIA", doc, self.nota(de, "Memoria")?.as_deref());
        self.textos(&mut pagina, "HILOS", doc, self.nota(de, "Hilos")?.as_deref());
        self.textos(&mut pagina, "NOTAS", doc, doc.notas_sueltas(&["errno", "Memoria", "Hilos", "Fuente"]));
        self.textos(&mut pagina, "ADVERTENCIAS", doc, doc.advertencias.iter().map(String::as_str));
        pagina.seccion("EJEMPLO");
        pagina.codigo(self.ejemplo(de).ok_or_else(|| format!("ningún @code de src/abi usa {}", de.nombre))?);
        self.textos(&mut pagina, "FUENTE", doc, doc.nota("Fuente").map(oracion).as_deref());
        pagina.seccion("VÉASE TAMBIÉN");
        pagina.texto(&self.vease(de));
        Ok(pagina.terminar())
    }

    /// tp0(7): lo que dice el comienzo del header, y la lista de lo que hay.
    fn general(&self) -> String {
        let doc = self.comienzo;
        let resumen = doc.resumen.rsplit(": ").next().unwrap_or_default();
        let mut pagina = self.nueva("tp0", 7, resumen);
        pagina.seccion("SINOPSIS");
        pagina.declaracion(&["#include <tp0.h>".to_owned()]);
        pagina.parrafo(&format!("{} {} {}", negrita("gcc"), cursiva("programa.c"), negrita("-ltp0")));
        pagina.seccion("DESCRIPCIÓN");
        self.partes(&mut pagina, doc, &doc.cuerpo);
        for (titulo, partes) in &doc.secciones {
            pagina.seccion(&titulo.to_uppercase());
            self.partes(&mut pagina, doc, partes);
            if titulo == "Errores" {
                self.lo_que_hay(&mut pagina);
            }
        }
        pagina.seccion("VÉASE TAMBIÉN");
        let primeras = ["iniciar_servidor", "crear_conexion", "recibir_operacion", "enviar_mensaje", "tp0_error"];
        pagina.texto(&primeras.map(|nombre| referencia(nombre, 3)).join(", "));
        pagina.terminar()
    }

    fn nueva(&self, nombre: &str, seccion: u8, resumen: &str) -> Pagina {
        let mut pagina = Pagina::nueva(nombre, seccion, self.version);
        pagina.seccion("NOMBRE");
        pagina.nombre(nombre, &corto(resumen));
        pagina.seccion("BIBLIOTECA");
        pagina.parrafo(&format!("libtp0, la capa de sockets del TP0 ({})", cursiva("-ltp0")));
        pagina
    }

    /// Las funciones de cada capítulo, y los tipos.
    fn lo_que_hay(&self, pagina: &mut Pagina) {
        let mut grupos: Vec<(&str, Vec<String>)> = Vec::new();
        for de in self.declaraciones {
            let titulo = de.capitulo.as_deref().unwrap_or("Tipos y variables");
            match grupos.iter_mut().find(|(otro, _)| *otro == titulo) {
                Some((_, nombres)) => nombres.push(referencia(&de.nombre, 3)),
                None => grupos.push((titulo, vec![referencia(&de.nombre, 3)])),
            }
        }
        grupos.rotate_left(1); // Los tipos están antes en el header; acá, al final.
        pagina.seccion("FUNCIONES");
        for (titulo, nombres) in &grupos {
            pagina.termino(&escapar(titulo), &nombres.join(", "));
        }
    }

    fn partes<'p>(&self, pagina: &mut Pagina, doc: &Comentario, partes: impl IntoIterator<Item = &'p Parte>) {
        for parte in partes {
            match parte {
                Parte::Parrafo(texto) => pagina.parrafo(&self.en_linea(texto, doc)),
                Parte::Punto(termino, texto) => {
                    let termino = if termino.contains('`') { self.en_linea(termino, doc) } else { negrita(termino) };
                    pagina.termino(&termino, &self.en_linea(&oracion(texto), doc));
                }
                Parte::Codigo(lineas) => pagina.codigo(lineas),
            }
        }
    }

    fn terminos(&self, pagina: &mut Pagina, titulo: &str, doc: &Comentario, terminos: &[(String, String)]) {
        if !terminos.is_empty() {
            pagina.seccion(titulo);
        }
        for (termino, texto) in terminos {
            pagina.termino(&cursiva(termino), &self.en_linea(texto, doc));
        }
    }

    fn textos<'t>(
        &self,
        pagina: &mut Pagina,
        titulo: &str,
        doc: &Comentario,
        textos: impl IntoIterator<Item = &'t str>,
    ) {
        for (cual, texto) in textos.into_iter().enumerate() {
            if cual == 0 {
                pagina.seccion(titulo);
            }
            pagina.parrafo(&self.en_linea(texto, doc));
        }
    }

    fn errores(&self, pagina: &mut Pagina, de: &Declaracion) -> Result<(), String> {
        let (mut lista, mut despues) = (BTreeMap::new(), Vec::new());
        self.reunir_errores(de, &mut lista, &mut despues, PASOS)?;
        if !lista.is_empty() || !despues.is_empty() {
            pagina.seccion("ERRORES");
        }
        for (numero, cuando) in &lista {
            let cuando = if cuando.is_empty() { self.que_quiere_decir(numero)? } else { cuando.join(" ") };
            pagina.termino(&negrita(numero), &self.en_linea(&cuando, &de.comentario));
        }
        for texto in &despues {
            pagina.parrafo(&self.en_linea(texto, &de.comentario));
        }
        Ok(())
    }

    /// Los de la función, después de los de las que ella nombra.
    fn reunir_errores(
        &self,
        de: &Declaracion,
        lista: &mut BTreeMap<String, Vec<String>>,
        despues: &mut Vec<String>,
        pasos: usize,
    ) -> Result<(), String> {
        let Some(nota) = de.comentario.nota("errno") else { return Ok(()) };
        let errores = Errores::leer(nota);
        for otra in &errores.como {
            let pasos = pasos.checked_sub(1).ok_or_else(|| format!("{}: «los de» da vueltas", de.nombre))?;
            self.reunir_errores(self.funcion(otra)?, lista, despues, pasos)?;
        }
        for (numero, cuando) in errores.lista {
            let textos = lista.entry(numero).or_default();
            textos.extend(Some(cuando).filter(|cuando| !cuando.is_empty() && !textos.contains(cuando)));
        }
        despues.extend(Some(errores.despues).filter(|texto| !texto.is_empty()));
        Ok(())
    }

    /// Lo que dice de un errno la lista de tp0(7).
    fn que_quiere_decir(&self, numero: &str) -> Result<String, String> {
        let puntos = self.comienzo.secciones.iter().flat_map(|(_, partes)| partes);
        let hallado = puntos.into_iter().find_map(|parte| match parte {
            Parte::Punto(termino, texto) if termino == numero => Some(oracion(texto)),
            _ => None,
        });
        hallado.ok_or_else(|| format!("{numero} no está en los errores de src/abi/comienzo.h"))
    }

    /// Una nota con etiqueta, con el «como `otra()`» completado.
    fn nota(&self, de: &Declaracion, etiqueta: &str) -> Result<Option<String>, String> {
        let Some(mut texto) = de.comentario.nota(etiqueta).map(oracion) else { return Ok(None) };
        for _ in 0..PASOS {
            let Some((otra, resto)) = texto.strip_prefix("Como `").and_then(|resto| resto.split_once("`.")) else {
                return Ok(Some(texto));
            };
            let nota = self.funcion(otra)?.comentario.nota(etiqueta);
            let nota = nota.ok_or_else(|| format!("{}: «{etiqueta}: como {otra}», que no lo dice", de.nombre))?;
            texto = oracion(nota) + resto;
        }
        Err(format!("{}: «como» da vueltas", de.nombre))
    }

    fn funcion(&self, llamada: &str) -> Result<&Declaracion, String> {
        let hallada = self.declaraciones.iter().find(|de| llamada.strip_suffix("()") == Some(&*de.nombre));
        hallada.ok_or_else(|| format!("los comentarios nombran {llamada}, que no está en el header"))
    }

    /// El ejemplo propio, o el primero que la usa: mejor si es de su capítulo. De un tipo, también el de quien lo recibe.
    fn ejemplo<'d>(&'d self, de: &'d Declaracion) -> Option<&'d [String]> {
        let usa = |codigo: &&[String]| codigo.iter().any(|linea| identificadores(linea).any(|n| n == de.nombre));
        let cercanas = self.declaraciones.iter().filter(|otra| otra.capitulo == de.capitulo);
        let en_orden = std::iter::once(de).chain(cercanas).chain(self.declaraciones);
        let prestado = en_orden.filter_map(|otra| otra.comentario.codigo()).find(usa);
        let lo_recibe = |otra: &&Declaracion| otra.es_funcion() && otra.nombra(&de.nombre);
        let de_quien_lo_recibe = || self.declaraciones.iter().find(lo_recibe)?.comentario.codigo();
        de.comentario.codigo().or(prestado).or_else(de_quien_lo_recibe)
    }

    /// Las que nombra, las de su capítulo y los tipos que usa; de un tipo, quienes lo usan.
    fn vease(&self, de: &Declaracion) -> String {
        let doc = format!("{:?}", de.comentario);
        let tiene_que_ver = |otra: &&Declaracion| {
            let vecina = de.es_funcion() && otra.capitulo == de.capitulo;
            let nombrada = doc.contains(&format!("`{}()`", otra.nombre)) || doc.contains(&format!("`{}`", otra.nombre));
            otra.nombre != de.nombre && (vecina || nombrada || de.nombra(&otra.nombre) || otra.nombra(&de.nombre))
        };
        let otras = self.declaraciones.iter().filter(tiene_que_ver).map(|otra| referencia(&otra.nombre, 3));
        otras.chain([referencia("tp0", 7)]).collect::<Vec<_>>().join(", ")
    }

    /// Un texto con código entre comillas invertidas: las funciones llevan su sección, y los parámetros van en cursiva.
    fn en_linea(&self, texto: &str, doc: &Comentario) -> String {
        let mut salida = String::new();
        for (cual, trozo) in texto.split('`').enumerate() {
            salida += &if cual % 2 == 0 {
                escapar(trozo).replace("tp0(7)", &referencia("tp0", 7))
            } else if let Ok(funcion) = self.funcion(trozo) {
                referencia(&funcion.nombre, 3)
            } else if doc.parametros.iter().any(|(nombre, _)| nombre == trozo) {
                cursiva(trozo)
            } else {
                negrita(trozo)
            };
        }
        salida
    }
}

/// La primera oración, como va en NOMBRE: sin mayúscula ni punto ni comillas de código.
fn corto(resumen: &str) -> String {
    let primera = resumen.split(". ").next().unwrap_or_default().trim_end_matches('.').replace('`', "");
    let mut letras = primera.chars();
    letras.next().map(|letra| letra.to_lowercase().to_string()).unwrap_or_default() + letras.as_str()
}
