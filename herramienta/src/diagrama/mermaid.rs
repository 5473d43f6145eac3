//! La charla, como un `sequenceDiagram` de Mermaid.

use std::fmt::Write;

use super::charla::{Charla, Clase, Escena};

pub(crate) fn escribir(charla: &Charla) -> String {
    let mut salida = String::from("sequenceDiagram\n");
    for (numero, participante) in charla.participantes.iter().enumerate() {
        let pid = participante.pid.map_or(String::new(), |pid| format!(" ({pid})"));
        let _ = writeln!(salida, "    participant P{numero} as {}{pid}", escapar(&participante.nombre));
    }
    for escena in &charla.escenas {
        let _ = match escena {
            Escena::Solo { quien, que, .. } => {
                let renglones: Vec<String> = que.iter().map(|que| escapar(que)).collect();
                writeln!(salida, "    Note over P{quien}: {}", renglones.join("<br/>"))
            }
            Escena::Flecha { de, a, que, clase } => {
                writeln!(salida, "    P{de}{}P{a}: {}", punta(*clase), escapar(que))
            }
        };
    }
    salida
}

fn punta(clase: Clase) -> &'static str {
    match clase {
        Clase::Perdido => "-x",
        Clase::Fin => "--)",
        Clase::Conexion | Clase::Handshake => "-->>",
        Clase::Mensaje | Clase::Falla | Clase::Llamada => "->>",
    }
}

/// Lo que para Mermaid quiere decir otra cosa, por su número.
fn escapar(texto: &str) -> String {
    texto.chars().fold(String::new(), |mut salida, letra| {
        let _ = match letra {
            '#' | ';' | '<' | '>' | '"' | '&' | '%' | '\\' | '`' | '{' | '}' => {
                write!(salida, "#{};", u32::from(letra))
            }
            _ => write!(salida, "{letra}"),
        };
        salida
    })
}
