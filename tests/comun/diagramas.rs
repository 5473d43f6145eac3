//! Lo que se puede comprobar de un diagrama de Mermaid sin Mermaid: que sus renglones tengan la forma que se usa acá, y que lo que nombran
//! esté declarado.

#![allow(unreachable_pub, reason = "andamio de pruebas")]

use std::collections::BTreeSet;

pub fn comprobar(lineas: &[String]) -> Result<(), String> {
    let primera = lineas.first().map(|linea| linea.trim()).unwrap_or_default();
    let resto = lineas.iter().skip(1).map(|linea| linea.trim()).filter(|linea| !linea.is_empty());
    match primera {
        "sequenceDiagram" => secuencia(resto),
        "flowchart LR" | "flowchart TD" => flujo(resto),
        otra => Err(format!("no es un diagrama de los que se usan acá: {otra:?}")),
    }
}

fn secuencia<'a>(lineas: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let (mut declarados, mut abiertos, mut flechas) = (BTreeSet::new(), 0_usize, 0);
    for linea in lineas {
        let declarado = |quien: &str| {
            let quien = quien.trim();
            if declarados.contains(quien) { Ok(()) } else { Err(format!("{quien:?} no está declarado: {linea:?}")) }
        };
        if let Some(quien) = linea.strip_prefix("participant ") {
            let nombre = quien.split_once(" as ").map_or(quien, |(nombre, _)| nombre);
            declarados.insert(nombre.to_owned());
        } else if let Some(nota) = linea.strip_prefix("Note over ") {
            let (quienes, _) = nota.split_once(": ").ok_or_else(|| format!("una nota sin texto: {linea:?}"))?;
            quienes.split(',').try_for_each(declarado)?;
        } else if ["loop ", "alt ", "opt "].iter().any(|inicio| linea.starts_with(inicio)) {
            abiertos += 1;
        } else if linea == "end" || linea.starts_with("else ") {
            let cierra = usize::from(linea == "end");
            abiertos = abiertos.checked_sub(cierra).ok_or("hay un end de más")?;
        } else {
            let (flecha, texto) = linea.split_once(": ").ok_or_else(|| format!("no se entiende {linea:?}"))?;
            let (de, a) = flecha
                .split_once("-->>")
                .or_else(|| flecha.split_once("->>"))
                .or_else(|| flecha.split_once("--x"))
                .ok_or_else(|| format!("no se entiende {linea:?}"))?;
            declarado(de)?;
            declarado(a)?;
            // Para Mermaid un punto y coma termina el renglón, y un # empieza un carácter especial.
            if texto.contains([';', '#']) {
                return Err(format!("un ; o un # cortan el texto: {linea:?}"));
            }
            flechas += 1;
        }
    }
    if abiertos > 0 || flechas == 0 { Err("falta un end, o no hay flechas".to_owned()) } else { Ok(()) }
}

fn flujo<'a>(lineas: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let (mut con_texto, mut usados) = (BTreeSet::new(), BTreeSet::new());
    for linea in lineas {
        let lados: Vec<&str> = linea.split("-->").collect();
        let [de, a] = lados.as_slice() else { return Err(format!("una flecha por renglón: {linea:?}")) };
        let a = a.trim();
        let a = match a.strip_prefix('|') {
            Some(resto) => resto.split_once('|').ok_or_else(|| format!("una flecha sin cerrar su texto: {linea:?}"))?.1,
            None => a,
        };
        for lado in [de.trim().trim_end_matches('<'), a] {
            let lado = lado.trim();
            let (nombre, texto) = lado.split_once('[').map_or((lado, None), |(nombre, texto)| (nombre, Some(texto)));
            if nombre.is_empty() || !nombre.chars().all(|letra| letra.is_ascii_alphanumeric()) {
                return Err(format!("no se entiende {lado:?} en {linea:?}"));
            }
            if let Some(texto) = texto {
                let adentro = texto.strip_suffix(']').ok_or_else(|| format!("un [ sin cerrar: {linea:?}"))?;
                if adentro.contains(['(', ')', '[', ']', '{', '}', '"']) {
                    return Err(format!("Mermaid no acepta esos signos sin comillas: {linea:?}"));
                }
                con_texto.insert(nombre.to_owned());
            }
            usados.insert(nombre.to_owned());
        }
    }
    match usados.difference(&con_texto).next() {
        Some(sin) => Err(format!("{sin:?} no está declarado: le falta su [texto]")),
        None if usados.is_empty() => Err("no hay nada".to_owned()),
        None => Ok(()),
    }
}

/// Las llamadas (`nombre()`) de cada renglón que tiene alguna, en cualquier orden adentro del renglón.
pub fn llamadas(lineas: &[String]) -> Vec<BTreeSet<String>> {
    let de_linea = |linea: &String| -> BTreeSet<String> {
        let palabras = linea.split(|letra: char| letra.is_whitespace() || letra == ',');
        palabras.filter_map(|palabra| palabra.strip_suffix("()")).map(str::to_owned).collect()
    };
    lineas.iter().map(de_linea).filter(|llamadas| !llamadas.is_empty()).collect()
}

#[test]
fn un_diagrama_mal_escrito_se_nota() {
    let lineas = |texto: &str| texto.split('\n').map(str::to_owned).collect::<Vec<_>>();
    for bien in [
        "sequenceDiagram\nparticipant A as Ana\nparticipant B\nA->>B: hola\nloop siempre\nB-->>A: chau\nend",
        "flowchart LR\nA[uno] -->|va| B[dos]\nB <-->|y vuelve| A",
    ] {
        assert_eq!(comprobar(&lineas(bien)), Ok(()), "{bien}");
    }
    for mal in [
        "pie\n\"a\": 1",
        "sequenceDiagram\nparticipant A\nA->>B: hola",
        "sequenceDiagram\nparticipant A\nA->>A hola",
        "sequenceDiagram\nparticipant A\nA->>A: hola; chau",
        "sequenceDiagram\nparticipant A\nloop x\nA->>A: hola",
        "sequenceDiagram\nparticipant A",
        "flowchart LR\nA[uno] --> B",
        "flowchart LR\nA[uno] -->|x B[dos]",
        "flowchart LR\nA[uno (1)] --> B[dos]",
    ] {
        assert!(comprobar(&lineas(mal)).is_err(), "{mal}");
    }
    assert_eq!(llamadas(&lineas("a() b()\nnada\nc()")), llamadas(&lineas("b() <-- a()\nc() x")));
    assert_ne!(llamadas(&lineas("a()\nb()")), llamadas(&lineas("b()\na()")));
}
