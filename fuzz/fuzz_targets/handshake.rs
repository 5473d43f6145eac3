//! La máquina de estados del handshake, con cualquier lista de valores y con bytes cortados de cualquier manera.
//!
//! Entrada: cuántos valores | los valores | largos de los pedazos | los bytes que muestra el cliente.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tp0_fuzz::esperado::entero_en;
use tp0_fuzz::guion::{Guion, cortar};

// Es privada y no tiene entrada ni salida: se la compila acá, tal cual, en vez de abrirle una puerta en la biblioteca.
#[allow(dead_code, unreachable_pub, reason = "lo usa la biblioteca, no este objetivo")]
#[path = "../../src/handshake.rs"]
mod handshake;

/// Lo que la máquina pide de su vecino.
mod protocolo {
    pub(crate) use tp0::Header;
    pub(crate) const LARGO_DE_ENTERO: usize = 4;
}

use handshake::{
    Aceptados, MAXIMO_DE_VALORES, Recepcion, Respuesta, Veredicto, juzgar_opcional, leer_respuesta, respuesta,
};

/// El límite de tamaño con el que se juzga si 8 bytes pueden ser un header.
const LIMITE: u32 = 1000;

fuzz_target!(|entrada: &[u8]| {
    let mut guion = Guion(entrada);
    let cuantos = usize::from(guion.byte()) % (MAXIMO_DE_VALORES + 8);
    // Chicos y a veces negativos: los que se usan, y los que se confunden con OK y ERROR.
    let valores: Vec<i32> = (0..cuantos).map(|_| i32::from(guion.byte() as i8)).collect();
    let largos = guion.lista(8);
    let bytes = guion.0;

    let Some(aceptados) = Aceptados::nuevos(&valores) else {
        assert!(valores.is_empty() || valores.len() > MAXIMO_DE_VALORES);
        return;
    };
    assert!(!valores.is_empty() && valores.len() <= MAXIMO_DE_VALORES);
    assert_eq!(aceptados.primero(), valores[0]);
    exigido(&aceptados, &valores, &cortar(bytes, largos));
    opcional(&aceptados, &valores, bytes);
    el_cliente(bytes);
});

/// De a pedazos: se decide justo en el cuarto byte, y nada de lo que sigue cambia la decisión.
fn exigido(aceptados: &Aceptados, valores: &[i32], pedazos: &[&[u8]]) {
    let mut recepcion = Recepcion::default();
    let mut vistos = Vec::new();
    assert!(recepcion.en_silencio() && recepcion.faltan() == 4);
    for pedazo in pedazos {
        let veredicto = recepcion.agregar(pedazo, aceptados);
        vistos.extend_from_slice(pedazo);
        assert_eq!(recepcion.faltan(), 4 - vistos.len().min(4));
        assert!(!recepcion.en_silencio(), "los pedazos nunca son vacíos");
        assert_eq!(veredicto, esperado(&vistos, valores));
    }
}

fn esperado(vistos: &[u8], valores: &[i32]) -> Veredicto {
    match entero_en(vistos, 0) {
        None => Veredicto::Falta,
        Some(valor) if valores.contains(&valor) => Veredicto::Bienvenido(valor),
        Some(valor) => Veredicto::Rechazado(valor),
    }
}

/// Donde es opcional: con cada comienzo de lo que mandó.
fn opcional(aceptados: &Aceptados, valores: &[i32], bytes: &[u8]) {
    for hasta in 0..=bytes.len().min(12) {
        let vistos = &bytes[..hasta];
        let (primero, segundo) = (entero_en(vistos, 0), entero_en(vistos, 4));
        let que_es = match (primero, segundo) {
            (Some(codigo), Some(tamanio)) if codigo >= 0 && (0..=i64::from(LIMITE)).contains(&i64::from(tamanio)) => {
                Veredicto::SinHandshake
            }
            (Some(_), Some(_)) => Veredicto::OtroProtocolo,
            (Some(valor), None) if hasta == 4 && valores.contains(&valor) => Veredicto::Bienvenido(valor),
            _ => Veredicto::Falta,
        };
        assert_eq!(juzgar_opcional(vistos, aceptados, LIMITE), que_es, "{vistos:?}");
    }
}

/// Lo que un cliente entiende de 4 bytes cualesquiera, y de las dos respuestas de verdad.
fn el_cliente(bytes: &[u8]) {
    assert_eq!((respuesta(true), respuesta(false)), ([0; 4], [0xff; 4]));
    let Some(cuatro) = bytes.first_chunk::<4>() else { return };
    let que_es = match entero_en(cuatro, 0) {
        Some(0) => Respuesta::Aceptado,
        Some(-1) => Respuesta::Rechazado,
        otra => Respuesta::Ajena(otra.unwrap()),
    };
    assert_eq!(leer_respuesta(*cuatro), que_es);
}
