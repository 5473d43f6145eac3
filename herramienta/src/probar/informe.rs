//! Lo que se cuenta de una corrida: para leer, y en JSON y JUnit para otros programas.

use std::ffi::OsString;
use std::fmt::Write as _;

use serde::Serialize;

use crate::estilo::{self, con};
use crate::probar::caso::{Consejo, Corrido, Lado, Resultado};
use crate::probar::cliente::SIGPIPE_CAUSA;

#[derive(Debug, Serialize)]
struct Json<'a> {
    programa: Vec<String>,
    lado: &'a str,
    casos: Vec<CasoEnJson<'a>>,
    observaciones: Vec<String>,
    resumen: Resumen,
}

#[derive(Debug, Serialize)]
struct CasoEnJson<'a> {
    caso: &'a str,
    titulo: &'a str,
    resultado: &'a str,
    detalle: &'a str,
    /// Lo que se mandó, en palabras y en bytes.
    enviado: &'a [String],
    /// De una falla, por qué puede ser y qué cambiar.
    causa: Option<&'a str>,
    arreglo: Option<&'a str>,
    guia: String,
    duracion_ms: u128,
}

/// Cuántos salieron de cada manera.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Resumen {
    pub(crate) bien: usize,
    pub(crate) mal: usize,
    pub(crate) sin_probar: usize,
}

impl Resumen {
    pub(crate) fn de(corridos: &[Corrido]) -> Self {
        let contar = |cual: fn(Resultado) -> bool| corridos.iter().filter(|c| cual(c.veredicto.resultado)).count();
        Self {
            bien: contar(|resultado| resultado == Resultado::Bien),
            mal: contar(Resultado::es_mal),
            sin_probar: contar(|resultado| resultado == Resultado::NoSeProbo),
        }
    }
}

/// Las observaciones, cada una con su caso, y una sola vez las que varios repiten.
fn observaciones(corridos: &[Corrido], generales: &[String]) -> Vec<String> {
    let mut juntas: Vec<(String, Vec<&str>)> = Vec::new();
    for corrido in corridos {
        for que in &corrido.observaciones {
            match juntas.iter_mut().find(|(otra, _)| otra == que) {
                Some((_, casos)) if casos.last() == Some(&corrido.caso.numero) => {}
                Some((_, casos)) => casos.push(corrido.caso.numero),
                None => juntas.push((que.clone(), vec![corrido.caso.numero])),
            }
        }
    }
    let con_casos = juntas.into_iter().map(|(que, casos)| format!("{}: {que}", casos.join(", ")));
    generales.iter().cloned().chain(con_casos).collect()
}

fn en_textos(orden: &[OsString]) -> Vec<String> {
    orden.iter().map(|parte| parte.to_string_lossy().into_owned()).collect()
}

/// El JSON, con su forma fija.
pub(crate) fn en_json(orden: &[OsString], lado: Lado, corridos: &[Corrido], generales: &[String]) -> String {
    let casos = corridos.iter().map(|corrido| {
        let consejo = corrido.veredicto.resultado.es_mal().then(|| consejo(corrido));
        CasoEnJson {
            caso: corrido.caso.numero,
            titulo: corrido.caso.titulo,
            resultado: corrido.veredicto.resultado.nombre(),
            detalle: &corrido.veredicto.detalle,
            enviado: &corrido.enviado,
            causa: consejo.map(|consejo| consejo.causa),
            arreglo: consejo.map(|consejo| consejo.cambiar),
            guia: corrido.caso.guia.to_string(),
            duracion_ms: corrido.duracion.as_millis(),
        }
    });
    let todo = Json {
        programa: en_textos(orden),
        lado: lado.nombre(),
        casos: casos.collect(),
        observaciones: observaciones(corridos, generales),
        resumen: Resumen::de(corridos),
    };
    // Sólo textos y números: no hay con qué fallar.
    serde_json::to_string_pretty(&todo).unwrap_or_default() + "\n"
}

/// En vez del resultado, por qué no lo hay.
pub(crate) fn falla_en_json(por_que: &str) -> String {
    serde_json::json!({ "error": por_que }).to_string() + "\n"
}

/// Lo mismo, en JUnit.
pub(crate) fn falla_en_junit(lado: Lado, por_que: &str) -> String {
    let (lado, por_que) = (lado.nombre(), en_xml(por_que));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"tp0 probar {lado}\" tests=\"1\" errors=\"1\">\n\
         <testcase classname=\"{lado}\" name=\"tp0 probar {lado}\"><error message=\"{por_que}\">{por_que}</error></testcase>\n\
         </testsuite>\n</testsuites>\n"
    )
}

fn en_xml(texto: &str) -> String {
    let limpio: String = texto.chars().filter(|letra| !letra.is_control() || *letra == '\n').collect();
    estilo::con_entidades(&limpio)
}

/// El JUnit que muestran los servicios de integración continua.
pub(crate) fn en_junit(lado: Lado, corridos: &[Corrido]) -> String {
    let resumen = Resumen::de(corridos);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"tp0 probar {}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
        lado.nombre(),
        corridos.len(),
        resumen.mal,
        resumen.sin_probar
    );
    for corrido in corridos {
        let _ = write!(
            xml,
            "<testcase classname=\"{}\" name=\"{} {}\" time=\"{:.3}\">",
            lado.nombre(),
            corrido.caso.numero,
            en_xml(corrido.caso.titulo),
            corrido.duracion.as_secs_f64()
        );
        let que = en_xml(&resultado_y_detalle(corrido));
        if corrido.veredicto.resultado.es_mal() {
            let _ = write!(
                xml,
                "<failure message=\"{que}\">{}</failure>",
                en_xml(&sin_estilo(&explicacion(corrido, false).join("\n")))
            );
        } else if corrido.veredicto.resultado == Resultado::NoSeProbo {
            let _ = write!(xml, "<skipped message=\"{que}\"/>");
        }
        xml.push_str("</testcase>\n");
    }
    xml.push_str("</testsuite>\n</testsuites>\n");
    xml
}

/// Para lo que no es una terminal.
fn sin_estilo(texto: &str) -> String {
    anstream::adapter::strip_str(texto).to_string()
}

fn resultado_y_detalle(corrido: &Corrido) -> String {
    let nombre = corrido.veredicto.resultado.nombre();
    if corrido.veredicto.detalle.is_empty() {
        nombre.to_owned()
    } else {
        format!("{nombre}: {}", corrido.veredicto.detalle)
    }
}

/// La causa más probable y qué cambiar: las del caso, salvo que lo que se vio diga otra cosa.
fn consejo(corrido: &Corrido) -> Consejo {
    let veredicto = &corrido.veredicto;
    let del_caso = Consejo { causa: corrido.caso.causa, cambiar: corrido.caso.cambiar };
    // Un caso que ya habla de eso sabe más.
    let ya_lo_dice = |palabras: &str| del_caso.causa.contains(palabras);
    match (veredicto.consejo, veredicto.resultado, veredicto.senial) {
        (Some(consejo), ..) => consejo,
        (_, Resultado::SeCae, Some(libc::SIGPIPE)) if !ya_lo_dice("SIGPIPE") => {
            Consejo { causa: SIGPIPE_CAUSA, cambiar: "pasale MSG_NOSIGNAL a cada send y mirá si devolvió -1" }
        }
        (_, Resultado::SeCae, Some(libc::SIGABRT)) if !ya_lo_dice("malloc") => Consejo {
            causa: "free de algo que ya se liberó o que no es de malloc, o escritura pasada del final de lo reservado; lo detecta la libc al usar el heap",
            cambiar: "corré este caso con --valgrind: dice el renglón que lo rompió, que suele ser anterior",
        },
        (_, Resultado::Gira, _) if !ya_lo_dice("una y otra vez") => Consejo {
            causa: "recv devuelve 0 (el otro cerró) o -1 una y otra vez, y el while no termina",
            cambiar: "salí del while cuando recv devuelve 0 o -1; revisá el default del switch",
        },
        (_, Resultado::Memoria, _) => Consejo {
            causa: "malloc con el tamaño que vino en el header, sin mirarlo",
            cambiar: "poné un tope a lo que se acepta, y cerrá la conexión si lo pasa",
        },
        _ => del_caso,
    }
}

/// Una falla, explicada.
fn explicacion(corrido: &Corrido, mostrar: bool) -> Vec<String> {
    let rotulo = |nombre: &str, texto: &str| format!("  {} {texto}", con(estilo::FUERTE, &format!("{nombre:<15}")));
    let seguir = |texto: &str| format!("  {:15} {texto}", "");
    let mut renglones = Vec::new();
    renglones.push(rotulo("Qué se hizo", corrido.caso.hace));
    const SE_VEN: usize = 6;
    let desde = corrido.enviado.len().saturating_sub(SE_VEN);
    for (indice, enviado) in corrido.enviado.iter().skip(desde).enumerate() {
        renglones.push(if indice == 0 { rotulo("Se mandó", enviado) } else { seguir(enviado) });
    }
    let Consejo { causa, cambiar } = consejo(corrido);
    renglones.push(rotulo("Se esperaba", corrido.caso.pide));
    renglones.push(rotulo("Se vio", &resultado_y_detalle(corrido)));
    renglones.push(rotulo("Causa probable", causa));
    renglones.push(rotulo("Qué cambiar", cambiar));
    renglones.push(rotulo("Para leer", &corrido.caso.guia.to_string()));
    if mostrar {
        if corrido.salida.is_empty() {
            renglones.push(rotulo("Mostró", "nada"));
        }
        const FINAL: usize = 15;
        let desde = corrido.salida.len().saturating_sub(FINAL);
        for (indice, renglon) in corrido.salida.iter().skip(desde).enumerate() {
            let corto: String = renglon.chars().take(160).collect();
            renglones.push(if indice == 0 {
                rotulo("Mostró", &format!("| {corto}"))
            } else {
                seguir(&format!("| {corto}"))
            });
        }
    }
    renglones
}

fn color(resultado: Resultado) -> anstyle::Style {
    match resultado {
        Resultado::Bien => estilo::BIEN,
        Resultado::NoSeProbo => estilo::AVISO,
        _ => estilo::MAL,
    }
}

/// El informe para leer.
pub(crate) fn contar(corridos: &[Corrido], generales: &[String], mostrar: bool) {
    for corrido in corridos {
        let resultado = corrido.veredicto.resultado;
        let nombre = con(color(resultado), &format!("{:<11}", resultado.nombre()));
        let detalle = match corrido.veredicto.detalle.as_str() {
            "" => String::new(),
            detalle => con(estilo::TENUE, &format!(" ({detalle})")),
        };
        estilo::decir(&format!("{}  {nombre}  {}{detalle}", corrido.caso.numero, corrido.caso.titulo));
    }
    for corrido in corridos.iter().filter(|corrido| corrido.veredicto.resultado.es_mal()) {
        let titulo = format!("{} {}", corrido.caso.numero, corrido.caso.titulo);
        estilo::decir(&format!("\n{}", con(estilo::MAL, &titulo)));
        explicacion(corrido, mostrar).iter().for_each(|renglon| estilo::decir(renglon));
    }
    let observaciones = observaciones(corridos, generales);
    if !observaciones.is_empty() {
        estilo::decir(&format!("\n{}", con(estilo::AVISO, "Para mirar (no son fallas)")));
        observaciones.iter().for_each(|observacion| estilo::decir(&format!("  {observacion}")));
    }
    let Resumen { bien, mal, sin_probar } = Resumen::de(corridos);
    let estilo_del_final = if mal == 0 { estilo::BIEN } else { estilo::MAL };
    estilo::decir(&format!("\n{}", con(estilo_del_final, &format!("{bien} bien, {mal} mal, {sin_probar} sin probar"))));
}
