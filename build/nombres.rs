//! Las funciones del TP0 tienen otro nombre, con `tp0_` adelante, y las suyas se pueden esconder: lo que de eso va en el header.
//!
//! Todo sale del header mismo. Si `tp0_` y el nombre ya es otra función, ésa sirve, y no hay nada que agregar.

use super::header::{self, Declaracion, identificadores};

/// Cómo dice un comentario que la función es otra, con otro nombre.
const OTRO_NOMBRE: &str = "con otro nombre";

/// Letras en un renglón de comentario.
const ANCHO: usize = 135;

const TITULO: &str = "9. Las del TP0, con otro nombre";

/// El ejemplo de la primera: por qué hacen falta.
const EJEMPLO: &str = r"
#define TP0_SIN_NOMBRES
#include <tp0.h>

// Las de un grupo, con sus argumentos de siempre.
int enviar_paquete(int conexion, t_paquete *paquete) {
    return tp0_enviar_paquete(paquete, conexion);
}

void liberar_conexion(int *conexion) {
    tp0_liberar_conexion(*conexion);
    *conexion = -1;
}";

/// El header, con el último capítulo: cada función del TP0 con `tp0_` adelante.
pub(crate) fn con_otros_nombres(texto: &str) -> Option<String> {
    let (_, declaraciones) = header::leer(texto);
    let faltan: Vec<&Declaracion> = declaraciones
        .iter()
        .filter(|de| es_del_tp0(de) && !declaraciones.iter().any(|otra| otra.nombre == con_prefijo(&de.nombre)))
        .collect();
    let (antes, final_) = texto.rsplit_once("\n#ifdef __cplusplus\n}")?;
    let mut salida = antes.to_owned();
    for (cual, de) in faltan.iter().enumerate() {
        salida += if cual == 0 { "\n/**\n * TITULO: " } else { "\n/**" };
        salida += if cual == 0 { TITULO } else { "" };
        salida += "\n";
        for linea in comentario(de, if cual == 0 { EJEMPLO } else { "" }, &faltan).lines() {
            salida += &en_renglones(linea);
        }
        salida += &format!(" */\n{}\n", prefijadas(&en_una(&de.lineas), &faltan));
    }
    Some(format!("{salida}\n#ifdef __cplusplus\n}}{final_}"))
}

/// El comentario de una: lo que dice la del TP0, y a lo demás manda.
fn comentario(de: &Declaracion, ejemplo: &str, faltan: &[&Declaracion]) -> String {
    let (nombre, doc) = (&de.nombre, &de.comentario);
    let mut lineas = vec![
        format!("@brief `{nombre}()`, {OTRO_NOMBRE}: para el programa que tiene una suya con ése."),
        String::new(),
    ];
    lineas.extend(doc.parametros.iter().map(|(parametro, texto)| format!("@param {parametro} {texto}")));
    lineas.extend(doc.devuelve.iter().map(|texto| format!("@return {texto}")));
    lineas.push(format!("@note errno: los de `{nombre}()`."));
    lineas.push(format!("@note Hilos: como `{nombre}()`."));
    lineas.extend(doc.nota("Memoria").map(|_| format!("@note Memoria: como `{nombre}()`.")));
    // El suyo, si no usa otra que con el prefijo es distinta.
    let suyo = doc
        .codigo()
        .map(|lineas| prefijadas(&lineas.join("\n"), faltan))
        .filter(|suyo| !suyo.contains("recibir_mensaje"));
    let ejemplo = suyo.unwrap_or_else(|| ejemplo.trim_start().to_owned());
    if !ejemplo.is_empty() {
        lineas.extend([String::new(), "@code".to_owned(), ejemplo, "@endcode".to_owned()]);
    }
    lineas.join("\n")
}

/// Un renglón de comentario, o los que hagan falta.
fn en_renglones(linea: &str) -> String {
    let mut salida = String::from(" *");
    let mut largo = 0;
    for palabra in linea.split_inclusive(' ') {
        if largo + palabra.trim_end().chars().count() > ANCHO {
            salida.truncate(salida.trim_end().len());
            salida += "\n *       ";
            largo = 0;
        }
        salida += if largo == 0 { " " } else { "" };
        salida += palabra;
        largo += palabra.chars().count();
    }
    salida.trim_end().to_owned() + "\n"
}

/// Una declaración, en un renglón.
fn en_una(lineas: &[String]) -> String {
    lineas.iter().map(|linea| linea.trim()).collect::<Vec<_>>().join(" ")
}

/// Con los nombres del TP0 que tienen otro cambiados por ése.
fn prefijadas(codigo: &str, faltan: &[&Declaracion]) -> String {
    let mut salida = String::new();
    let mut resto = codigo;
    for palabra in identificadores(codigo) {
        let (antes, despues) = resto.split_once(palabra).unwrap_or((resto, ""));
        let cambia = faltan.iter().any(|de| de.nombre == palabra);
        salida += antes;
        salida += &if cambia { con_prefijo(palabra) } else { palabra.to_owned() };
        resto = despues;
    }
    salida + resto
}

fn con_prefijo(nombre: &str) -> String {
    format!("tp0_{nombre}")
}

/// Las de la guía de serialización no son de él.
fn es_del_tp0(de: &Declaracion) -> bool {
    de.es_funcion() && !de.nombre.starts_with("tp0_") && !de.nombre.starts_with("buffer_")
}

/// El header, con lo que `TP0_SIN_NOMBRES` esconde: las funciones del TP0, cada grupo de las que van juntas, y su `op_code`.
pub(crate) fn que_se_esconden(texto: &str) -> String {
    let (_, declaraciones) = header::leer(texto);
    let del_tp0: Vec<String> =
        declaraciones.iter().filter(|de| es_del_tp0(de)).map(|de| format!(" {}(", de.nombre)).collect();
    let (mut salida, mut escondiendo) = (String::new(), false);
    // Un bloque es un comentario y lo que declara.
    for bloque in texto.split_inclusive(";\n\n") {
        let firma = bloque.rsplit_once("*/\n").map_or(bloque, |(_, firma)| firma).replace('*', " ");
        let suya = del_tp0.iter().any(|nombre| firma.contains(nombre.as_str()));
        if suya != escondiendo {
            let (antes, comentario) =
                if suya { bloque.rsplit_once("/**\n").unwrap_or(("", bloque)) } else { ("", bloque) };
            salida += antes;
            salida += if suya { "#ifndef TP0_SIN_NOMBRES\n/**\n" } else { "#endif\n\n" };
            salida += comentario;
        } else {
            salida += bloque;
        }
        escondiendo = suya;
    }
    let campo = "    op_code codigo_operacion;\n";
    let abierto = format!("#ifdef TP0_SIN_NOMBRES\n{}#else\n{campo}#endif\n", campo.replace("op_code ", "int "));
    salida.replace(campo, &abierto)
}
