//! La charla, dibujada en SVG.

use crate::estilo::con_entidades;
use std::fmt::Write;

use super::charla::{Charla, Clase, Escena};

/// Medidas, en píxeles.
const ALTO_DE_RENGLON: usize = 18;
const ENTRE_ESCENAS: usize = 14;
const BORDE: usize = 20;
const ALTO_DE_TITULO: usize = 38;
/// Lo que mide una letra, más o menos: la fuente es de ancho fijo.
const ANCHO_DE_LETRA: usize = 7;
const RELLENO: usize = 10;
/// Letras que se muestran de un texto: los demás se cortan.
const LETRAS: usize = 56;

/// Dónde va cada columna.
struct Hoja {
    centros: Vec<usize>,
    ancho: usize,
}

impl Hoja {
    /// Cada columna es tan ancha como el mayor de sus cuadros, y entre dos entra la mayor de sus flechas.
    fn para(charla: &Charla) -> Self {
        let titulos = charla.participantes.iter().map(|p| ancho_de_titulo(&titulo(&p.nombre, p.pid)) + BORDE);
        let mut anchos: Vec<usize> = titulos.collect();
        let mut separaciones: Vec<usize> = vec![0; anchos.len()];
        for escena in &charla.escenas {
            match escena {
                Escena::Solo { quien, que, .. } => {
                    let mayor =
                        que.iter().flat_map(|que| en_renglones(que)).map(|que| ancho_de(&que)).max().unwrap_or(0);
                    agrandar(&mut anchos, *quien, mayor);
                }
                // La de dos columnas que no están juntas pasa por arriba de las otras: con la primera separación alcanza.
                Escena::Flecha { de, a, que, .. } => {
                    let (primera, ultima) = (*de.min(a), *de.max(a));
                    agrandar(&mut separaciones, primera, ancho_de(que) / (ultima - primera).max(1));
                }
            }
        }
        let mut centros = Vec::new();
        let mut izquierda = BORDE;
        let mut anterior: Option<(usize, usize)> = None;
        for (ancho, separacion) in anchos.iter().zip(&separaciones) {
            let por_los_cuadros = izquierda + ancho / 2;
            let por_las_flechas = anterior.map_or(0, |(centro, separacion)| centro + separacion);
            let centro = por_los_cuadros.max(por_las_flechas);
            centros.push(centro);
            izquierda = centro + ancho / 2 + BORDE;
            anterior = Some((centro, *separacion));
        }
        Self { centros, ancho: izquierda }
    }

    fn centro(&self, de: usize) -> usize {
        self.centros.get(de).copied().unwrap_or(BORDE)
    }
}

fn agrandar(medidas: &mut [usize], cual: usize, a: usize) {
    if let Some(medida) = medidas.get_mut(cual) {
        *medida = a.max(*medida);
    }
}

fn titulo(nombre: &str, pid: Option<u32>) -> String {
    pid.map_or_else(|| nombre.to_owned(), |pid| format!("{nombre} ({pid})"))
}

fn ancho_de(texto: &str) -> usize {
    cortar(texto).chars().count() * ANCHO_DE_LETRA + 2 * RELLENO
}

fn ancho_de_titulo(titulo: &str) -> usize {
    titulo.chars().count() * (ANCHO_DE_LETRA + 1) + 2 * RELLENO
}

fn cortar(texto: &str) -> String {
    cortar_en(texto, LETRAS)
}

fn cortar_en(texto: &str, letras: usize) -> String {
    match texto.char_indices().nth(letras) {
        Some((corte, _)) => format!("{}...", texto.get(..corte).unwrap_or_default()),
        None => texto.to_owned(),
    }
}

/// Un texto largo, cortado entre palabras; los renglones que siguen, un poco más adentro.
fn en_renglones(texto: &str) -> Vec<String> {
    const SANGRIA: &str = "    ";
    let mut renglones = vec![String::new()];
    for palabra in texto.split(' ') {
        let Some(renglon) = renglones.last_mut() else { break };
        if renglon.is_empty() {
            renglon.push_str(&cortar(palabra));
        } else if renglon.chars().count() + 1 + palabra.chars().count() <= LETRAS {
            renglon.push(' ');
            renglon.push_str(palabra);
        } else {
            renglones.push(SANGRIA.to_owned() + &cortar(palabra));
        }
    }
    renglones
}

fn color(clase: Clase) -> &'static str {
    match clase {
        Clase::Llamada | Clase::Conexion => "#57606a",
        Clase::Handshake => "#8250df",
        Clase::Mensaje => "#0969da",
        Clase::Perdido | Clase::Fin => "#9a6700",
        Clase::Falla => "#cf222e",
    }
}

pub(crate) fn dibujar(charla: &Charla) -> String {
    let hoja = Hoja::para(charla);
    let (cuerpo, alto) = dibujar_escenas(charla, &hoja);
    let mut salida = String::new();
    let ancho = hoja.ancho;
    let nombres: Vec<String> = charla.participantes.iter().map(|p| escapar(&titulo(&p.nombre, p.pid))).collect();
    let _ = writeln!(
        salida,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {ancho} {alto}\" width=\"{ancho}\" height=\"{alto}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', monospace\" font-size=\"11.5\" role=\"img\">\n\
         <title>Diagrama de secuencia: {}</title>\n\
         <rect width=\"{ancho}\" height=\"{alto}\" fill=\"#ffffff\"/>",
        nombres.join(", ")
    );
    dibujar_columnas(&mut salida, &nombres, &hoja, alto);
    salida + &cuerpo + "</svg>\n"
}

fn dibujar_columnas(salida: &mut String, nombres: &[String], hoja: &Hoja, alto: usize) {
    for (numero, nombre) in nombres.iter().enumerate() {
        let (x, ancho) = (hoja.centro(numero), ancho_de_titulo(nombre));
        let abajo = alto - BORDE;
        let _ = writeln!(
            salida,
            "<line x1=\"{x}\" y1=\"{ALTO_DE_TITULO}\" x2=\"{x}\" y2=\"{abajo}\" stroke=\"#d0d7de\" stroke-dasharray=\"4 4\"/>\n\
             <rect x=\"{}\" y=\"10\" width=\"{ancho}\" height=\"28\" rx=\"6\" fill=\"#24292f\"/>\n\
             <text x=\"{x}\" y=\"29\" text-anchor=\"middle\" fill=\"#ffffff\" font-weight=\"bold\" font-size=\"13\">{nombre}</text>",
            x.saturating_sub(ancho / 2)
        );
    }
}

/// El dibujo de todas las escenas, y hasta dónde llega.
fn dibujar_escenas(charla: &Charla, hoja: &Hoja) -> (String, usize) {
    let mut salida = String::new();
    let mut y = ALTO_DE_TITULO + ENTRE_ESCENAS;
    for escena in &charla.escenas {
        y = match escena {
            Escena::Solo { quien, que, clase } => dibujar_cuadro(&mut salida, hoja.centro(*quien), y, que, *clase),
            // Un servidor que es cliente de sí mismo.
            Escena::Flecha { de, a, que, clase } if de == a => {
                dibujar_cuadro(&mut salida, hoja.centro(*de), y, std::slice::from_ref(que), *clase)
            }
            Escena::Flecha { de, a, que, clase } => {
                dibujar_flecha(&mut salida, hoja.centro(*de), hoja.centro(*a), y, que, *clase)
            }
        };
    }
    (salida, y + BORDE)
}

fn dibujar_cuadro(salida: &mut String, x: usize, y: usize, que: &[String], clase: Clase) -> usize {
    let que: Vec<String> = que.iter().flat_map(|que| en_renglones(que)).collect();
    let ancho = que.iter().map(|que| ancho_de(que)).max().unwrap_or(0);
    let alto = que.len() * ALTO_DE_RENGLON + RELLENO;
    let fondo = if clase == Clase::Falla { "#ffebe9" } else { "#f6f8fa" };
    let izquierda = x.saturating_sub(ancho / 2);
    let _ = writeln!(
        salida,
        "<rect x=\"{izquierda}\" y=\"{y}\" width=\"{ancho}\" height=\"{alto}\" rx=\"4\" fill=\"{fondo}\" stroke=\"{}\" stroke-opacity=\"0.4\"/>",
        color(clase)
    );
    for (renglon, texto) in que.iter().enumerate() {
        let base = y + RELLENO / 2 + 13 + renglon * ALTO_DE_RENGLON;
        let _ = writeln!(
            salida,
            "<text x=\"{}\" y=\"{base}\" fill=\"#24292f\">{}</text>",
            izquierda + RELLENO,
            escapar(texto)
        );
    }
    y + alto + ENTRE_ESCENAS
}

fn dibujar_flecha(salida: &mut String, de: usize, a: usize, y: usize, que: &str, clase: Clase) -> usize {
    const PUNTA: usize = 8;
    let base = y + ALTO_DE_RENGLON;
    let (color, va_a_la_derecha) = (color(clase), a >= de);
    let punta = if va_a_la_derecha { a.saturating_sub(PUNTA) } else { a + PUNTA };
    let raya =
        if matches!(clase, Clase::Conexion | Clase::Fin | Clase::Perdido) { " stroke-dasharray=\"5 4\"" } else { "" };
    let (arriba, abajo) = (base - 4, base + 4);
    let _ = writeln!(
        salida,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{color}\" stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\">{}</text>\n\
         <line x1=\"{de}\" y1=\"{base}\" x2=\"{punta}\" y2=\"{base}\" stroke=\"{color}\" stroke-width=\"1.5\"{raya}/>",
        usize::midpoint(de, a),
        base - 5,
        con_texto_entero(que, (de.abs_diff(a) / ANCHO_DE_LETRA).saturating_sub(4).max(LETRAS))
    );
    let _ = if clase == Clase::Perdido {
        writeln!(
            salida,
            "<path d=\"M{} {arriba} L{} {abajo} M{} {abajo} L{} {arriba}\" stroke=\"{color}\" stroke-width=\"2\"><title>nadie contó que le llegara</title></path>",
            punta - 4,
            punta + 4,
            punta - 4,
            punta + 4
        )
    } else {
        writeln!(salida, "<path d=\"M{punta} {arriba} L{a} {base} L{punta} {abajo} Z\" fill=\"{color}\"/>")
    };
    base + ENTRE_ESCENAS
}

/// El texto que entra y, al dejar el puntero arriba, entero.
fn con_texto_entero(texto: &str, entran: usize) -> String {
    let corto = cortar_en(texto, entran);
    let entero = if corto == texto { String::new() } else { format!("<title>{}</title>", escapar(texto)) };
    escapar(&corto) + &entero
}

fn escapar(texto: &str) -> String {
    con_entidades(&texto.replace(char::is_control, "\u{fffd}"))
}
