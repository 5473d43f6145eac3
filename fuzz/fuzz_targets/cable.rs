//! El decodificador del cable: headers y valores, leídos por Rust, por `tp0_valores` y por `recibir_paquete`, contra la
//! segunda lectura.
//!
//! Entrada: límite (2 bytes) | los 8 bytes de un header | cuántas veces va el payload | en qué pedazos llega | el payload.
#![no_main]

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;

use libfuzzer_sys::fuzz_target;
use tp0::{Error, Header, PAQUETE, Paquete, TAMANIO_MAXIMO, Valores};
use tp0_fuzz::c;
use tp0_fuzz::cliente::repartir;
use tp0_fuzz::esperado::{Final, Lectura, entero_en, leer_valores};
use tp0_fuzz::guion::{Guion, cortar};

/// Cuántas veces se repite un payload para que sea grande.
const MUCHAS: usize = 64;
/// Hasta este número, un payload llega de una vez.
const ENTERO: u8 = 191;

fuzz_target!(|entrada: &[u8]| {
    let mut guion = Guion(entrada);
    let limite = u32::from(guion.byte()) | u32::from(guion.byte()) << 8;
    if let Ok(header) = guion.tramo(8).try_into() {
        un_header(header, limite);
        un_header(header, TAMANIO_MAXIMO);
    }
    // Los payloads grandes se reciben de otra manera que los chicos: repetir uno chico hace uno grande sin entradas enormes.
    let veces = if guion.byte() & 3 == 3 { MUCHAS } else { 1 };
    let pedazo = guion.byte().saturating_sub(ENTERO);
    let payload = guion.0.repeat(veces);
    let esperado = leer_valores(&payload, payload.len());
    por_rust(&payload, &esperado);
    por_c(&payload, &esperado);
    por_un_socket(&payload, pedazo, &esperado);
});

fn un_header(bytes: [u8; 8], limite: u32) {
    let (codigo, tamanio) = (entero_en(&bytes, 0).unwrap(), entero_en(&bytes, 4).unwrap());
    match Header::de_bytes(bytes, limite) {
        Ok(header) => {
            assert!(codigo >= 0 && tamanio >= 0 && i64::from(tamanio) <= i64::from(limite), "creyó {bytes:?}");
            assert_eq!((header.codigo(), i64::from(header.tamanio())), (codigo, i64::from(tamanio)));
            assert_eq!(header.a_bytes(), bytes);
            assert_eq!(Header::nuevo(codigo, tamanio as usize, limite).unwrap(), header);
        }
        Err(Error::CodigoNegativo { codigo: visto, .. }) => assert!(visto < 0 && visto == codigo),
        Err(Error::TamanioNegativo { tamanio: visto, .. }) => assert!(codigo >= 0 && visto < 0 && visto == tamanio),
        Err(Error::LlegaDemasiado { tamanio: visto, limite: dicho, .. }) => {
            assert!(codigo >= 0 && i64::from(visto) == i64::from(tamanio) && visto > limite && dicho == limite);
        }
        Err(otro) => panic!("{otro:?}"),
    }
}

fn por_rust(payload: &[u8], esperado: &Lectura) {
    let mut valores = Valores::de(payload);
    for valor in &esperado.valores {
        assert_eq!(valores.next().expect("faltan valores").expect("un error antes de tiempo"), valor);
    }
    match (valores.next(), esperado.final_) {
        (None, Final::Cierra) => {}
        (Some(Err(Error::LargoMentiroso { largo, quedan, .. })), Final::Miente { largo: l, quedan: q }) => {
            assert_eq!((largo, quedan), (l, q));
        }
        (Some(Err(Error::SobranBytes { sobran, .. })), Final::Sobran(s)) => assert_eq!(sobran, s),
        (otro, esperado) => panic!("{otro:?} y se esperaba {esperado:?}"),
    }
    assert!(valores.next().is_none(), "después del final no hay nada");

    // Lo que se leyó, vuelto a armar, son los mismos bytes.
    let leidos: usize = esperado.valores.iter().map(|valor| valor.len() + 4).sum();
    let mut paquete = Paquete::nuevo();
    for valor in &esperado.valores {
        paquete.agregar(valor).unwrap();
    }
    assert_eq!(paquete.payload(), &payload[..leidos]);
}

fn por_c(payload: &[u8], esperado: &Lectura) {
    let leidos: usize = esperado.valores.iter().map(|valor| valor.len() + 4).sum();
    assert_eq!(c::armar_paquete(esperado.valores.iter().map(Vec::as_slice)), &payload[..leidos]);

    c::ensuciar_errno();
    match c::valores_de(payload, &largos(esperado)) {
        Some(valores) => {
            assert!(esperado.final_ == Final::Cierra, "{:?}", esperado.final_);
            assert_eq!(valores, esperado.valores);
            assert_eq!((c::errno(), c::error()), (libc::EXFULL, None));
        }
        None => {
            assert!(esperado.final_ != Final::Cierra);
            assert_eq!(c::errno(), libc::EPROTO);
            assert!(c::error().is_some());
        }
    }
}

fn largos(esperado: &Lectura) -> Vec<usize> {
    esperado.valores.iter().map(Vec::len).collect()
}

fn por_un_socket(payload: &[u8], pedazo: u8, esperado: &Lectura) {
    let (cliente, servidor) = UnixStream::pair().unwrap();
    let servidor = servidor.into_raw_fd();
    let header = Header::nuevo(PAQUETE, payload.len(), TAMANIO_MAXIMO).unwrap();
    let entrega = repartir(cliente.into(), &cortar(&[&header.a_bytes(), payload].concat(), &[pedazo]), true);

    assert_eq!(c::recibir_operacion(servidor), PAQUETE);
    if esperado.final_ == Final::Cierra {
        assert_eq!(c::recibir_paquete_en(servidor, &largos(esperado)), esperado.valores);
        assert_eq!(c::error(), None);
        assert_eq!((c::recibir_operacion(servidor), c::errno()), (-1, 0), "la conversación terminó bien");
    } else {
        assert!(c::recibir_paquete_en(servidor, &[]).is_empty());
        assert_eq!(c::errno(), libc::EPROTO);
        assert!(c::error().is_some());
        assert_eq!(c::recibir_operacion(servidor), -1, "se terminó");
    }
    assert_eq!(c::liberar_conexion(servidor), 0);
    drop(entrega);
}
