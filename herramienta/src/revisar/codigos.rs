//! El `enum` de los códigos: MENSAJE es 0 y PAQUETE es 1, que es lo que ponen `enviar_mensaje` y `crear_paquete`.

use tree_sitter::Node;

use super::arbol::{Fuente, adentro, hijos, linea};
use super::hallazgo::{Clase, Hallazgo, SinEntender};

/// Los del TP0, y qué función los pone.
const DEL_TP0: [(&str, i64, &str); 2] = [("MENSAJE", 0, "enviar_mensaje()"), ("PAQUETE", 1, "crear_paquete()")];

pub(super) fn revisar(fuente: &Fuente, hallazgos: &mut Vec<Hallazgo>, sin_entender: &mut Vec<SinEntender>) {
    for lista in adentro(fuente.raiz()).filter(|nodo| nodo.kind() == "enumerator_list") {
        let mut valor = Some(0);
        for hijo in hijos(lista) {
            if hijo.kind() != "enumerator" {
                valor = None; // Un #ifdef: desde ahí no se sabe cuánto vale cada uno.
                continue;
            }
            if let Some(escrito) = hijo.child_by_field_name("value") {
                valor = numero(fuente.de(escrito));
            }
            let nombre = fuente.campo(hijo, "name");
            if let Some((_, cual, quien)) = DEL_TP0.into_iter().find(|(suyo, ..)| *suyo == nombre) {
                match valor {
                    Some(valor) if valor != cual => hallazgos.push(hallazgo(fuente, hijo, valor, cual, quien)),
                    Some(_) => {}
                    None => sin_entender.push(SinEntender {
                        archivo: fuente.archivo.clone(),
                        linea: linea(hijo),
                        que: format!("cuánto vale {nombre} en este enum: tendría que ser {cual}"),
                    }),
                }
            }
            valor = valor.and_then(|valor: i64| valor.checked_add(1));
        }
    }
}

fn hallazgo(fuente: &Fuente, nodo: Node<'_>, valor: i64, cual: i64, quien: &str) -> Hallazgo {
    let nombre = fuente.campo(nodo, "name");
    Hallazgo {
        archivo: fuente.archivo.clone(),
        linea: linea(nodo),
        clase: Clase::Codigo,
        que: format!("{nombre} vale {valor} en este enum, y en el TP0 es {cual}."),
        pasa: format!(
            "{quien} pone {cual}: el otro lado, que compara con {nombre}, no lo reconoce, o lo toma por el que vale {cual}."
        ),
        en_su_lugar: "El enum empieza con MENSAJE, PAQUETE, en ese orden, y los propios van detrás.".to_owned(),
        tambien: Vec::new(),
    }
}

/// El número que dice un literal.
fn numero(texto: &str) -> Option<i64> {
    let limpio = texto.trim_matches(['(', ')', ' ']).trim_end_matches(['u', 'U', 'l', 'L']);
    match limpio.strip_prefix("0x").or_else(|| limpio.strip_prefix("0X")) {
        Some(cifras) => i64::from_str_radix(cifras, 16).ok(),
        None if limpio.len() > 1 && limpio.starts_with('0') => i64::from_str_radix(limpio, 8).ok(),
        None => limpio.parse().ok(),
    }
}
