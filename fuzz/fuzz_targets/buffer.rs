//! Leer y escribir buffers: el Lector y el Escritor de Rust y las `buffer_*` de C, sobre los mismos bytes y con las mismas
//! operaciones, contra una posición llevada aparte.
//!
//! Entrada: operaciones de lectura | operaciones de escritura | offset | el payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tp0::{Error, Escritor, Lector};
use tp0_fuzz::c::{self, Buffer, Fijo};
use tp0_fuzz::guion::Guion;

fuzz_target!(|entrada: &[u8]| {
    let mut guion = Guion(entrada);
    let lecturas = guion.lista(24);
    let escrituras = guion.lista(24);
    let offset = guion.entero();
    leer(lecturas, guion.0);
    leer_desde(offset, lecturas, guion.0);
    escribir(escrituras, guion);
});

/// Las operaciones de largo fijo, por su número. El dato son los bytes de `datos`, que alcanzan.
fn fijo(operacion: u8, datos: [u8; 8]) -> Option<(Fijo, usize)> {
    let [a, b, c, d, ..] = datos;
    let (cuatro, ocho) = (u32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(datos));
    Some(match operacion % 10 {
        0 => (Fijo::U8(a), 1),
        1 => (Fijo::Bool(a != 0), 1),
        2 => (Fijo::U32(cuatro), 4),
        3 => (Fijo::I32(cuatro as i32), 4),
        4 => (Fijo::U64(ocho), 8),
        5 => (Fijo::I64(ocho as i64), 8),
        6 => (Fijo::F64(ocho), 8),
        _ => return None,
    })
}

fn hasta_ocho(bytes: &[u8]) -> [u8; 8] {
    let mut ocho = [0; 8];
    let cuantos = bytes.len().min(8);
    ocho[..cuantos].copy_from_slice(&bytes[..cuantos]);
    ocho
}

fn por_rust(lector: &mut Lector<'_>, como: Fijo) -> Result<Fijo, Error> {
    Ok(match como {
        Fijo::U8(_) => Fijo::U8(lector.u8()?),
        Fijo::Bool(_) => Fijo::Bool(lector.bool()?),
        Fijo::U32(_) => Fijo::U32(lector.u32()?),
        Fijo::I32(_) => Fijo::I32(lector.i32()?),
        Fijo::U64(_) => Fijo::U64(lector.u64()?),
        Fijo::I64(_) => Fijo::I64(lector.i64()?),
        Fijo::F64(_) => Fijo::F64(lector.f64()?.to_bits()),
    })
}

fn exigir_corto<T>(leido: Result<T, Error>, quedan: usize, pedidos: usize) {
    match leido {
        Err(Error::BufferCorto { quedan: q, pedidos: p, .. }) => assert_eq!((q, p), (quedan, pedidos)),
        Err(otro) => panic!("{otro:?}"),
        Ok(_) => panic!("leyó {pedidos} bytes y quedaban {quedan}"),
    }
}

/// Después de una lectura de C: si anduvo, ni errno ni texto; si no, los del contrato.
fn exigir_c(anduvo: bool) {
    if anduvo {
        assert_eq!((c::errno(), c::error()), (libc::EXFULL, None));
    } else {
        assert_eq!(c::errno(), libc::EPROTO);
        assert!(c::error().is_some());
    }
}

fn leer(operaciones: &[u8], payload: &[u8]) {
    let mut lector = Lector::de(payload);
    let mut buffer = Buffer::con(payload, 0);
    let mut en = 0;
    for operacion in operaciones {
        let resto = &payload[en..];
        c::ensuciar_errno();
        let avanza = match (fijo(*operacion, hasta_ocho(resto)), operacion % 10) {
            (Some((dato, mide)), _) => {
                let anda = mide <= resto.len();
                let leido = buffer.leer_fijo(dato);
                exigir_c(anda);
                if anda {
                    assert_eq!((por_rust(&mut lector, dato).unwrap(), leido), (dato, dato));
                    mide
                } else {
                    exigir_corto(por_rust(&mut lector, dato), resto.len(), mide);
                    assert_eq!(leido, fijo(*operacion, [0; 8]).unwrap().0, "lo que no se pudo leer es 0");
                    0
                }
            }
            (None, 7) => leer_bytes(&mut lector, &mut buffer, usize::from(*operacion) / 10, resto),
            (None, cual) => leer_texto(&mut lector, &mut buffer, cual == 8, resto),
        };
        en += avanza;
        assert_eq!((lector.quedan(), buffer.offset() as usize), (payload.len() - en, en));
    }
    assert_eq!(buffer.bytes(), payload, "leer no cambia el payload");
}

fn leer_bytes(lector: &mut Lector<'_>, buffer: &mut Buffer, cuantos: usize, resto: &[u8]) -> usize {
    let leidos = buffer.leer(cuantos);
    exigir_c(cuantos <= resto.len());
    if cuantos > resto.len() {
        assert_eq!(leidos, None);
        exigir_corto(lector.bytes(cuantos), resto.len(), cuantos);
        return 0;
    }
    assert_eq!(leidos.as_deref(), Some(&resto[..cuantos]));
    assert_eq!(lector.bytes(cuantos).unwrap(), &resto[..cuantos]);
    cuantos
}

fn leer_texto(lector: &mut Lector<'_>, buffer: &mut Buffer, con_largo: bool, resto: &[u8]) -> usize {
    let por_c = buffer.leer_texto(con_largo);
    let por_rust = lector.texto().map(str::to_owned);
    let Some((largo, sigue)) = resto.split_first_chunk::<4>() else {
        exigir_corto(por_rust, resto.len(), 4);
        exigir_c(false);
        assert_eq!(por_c, None);
        return 0;
    };
    let largo = u32::from_le_bytes(*largo) as usize;
    if largo > sigue.len() {
        exigir_corto(por_rust, sigue.len(), largo);
        exigir_c(false);
        assert_eq!(por_c, None);
        return 0;
    }
    exigir_c(true);
    let texto = &sigue[..largo];
    let hasta_el_cero = texto.iter().position(|byte| *byte == 0).unwrap_or(largo);
    // Sin el largo, para C el texto es hasta su primer '\0'.
    assert_eq!(por_c.as_deref(), Some(if con_largo { texto } else { &texto[..hasta_el_cero] }));
    let sin_cero = if texto.last() == Some(&0) { &texto[..largo - 1] } else { texto };
    match (por_rust, std::str::from_utf8(sin_cero)) {
        (Ok(leido), Ok(esperado)) => assert_eq!(leido, esperado),
        (Err(Error::Texto { .. }), Err(_)) => {}
        (leido, esperado) => panic!("{leido:?} y se esperaba {esperado:?}"),
    }
    4 + largo
}

/// Un `offset` cualquiera, que puede venir de un programa: nunca se lee fuera del stream.
fn leer_desde(offset: u32, operaciones: &[u8], payload: &[u8]) {
    let offset = if offset & 1 == 0 { offset } else { offset % (payload.len() as u32 + 2) };
    let mut buffer = Buffer::con(payload, offset);
    let resto = payload.get(offset as usize..).unwrap_or_default();
    c::ensuciar_errno();
    match fijo(operaciones.first().copied().unwrap_or(0), hasta_ocho(resto)) {
        Some((dato, mide)) if mide <= resto.len() => {
            assert_eq!(buffer.leer_fijo(dato), dato);
            exigir_c(true);
            assert_eq!(buffer.offset(), offset + mide as u32);
        }
        Some((dato, _)) => {
            buffer.leer_fijo(dato);
            exigir_c(false);
            assert_eq!(buffer.offset(), offset, "lo que no entra no avanza");
        }
        None => {
            let antes = buffer.offset();
            if buffer.leer_texto(true).is_none() {
                assert_eq!(buffer.offset(), antes);
            }
        }
    }
}

/// Escribir: C y Rust arman los mismos bytes, y C además pisa desde cualquier offset como lo haría un Vec.
fn escribir(operaciones: &[u8], mut guion: Guion<'_>) {
    let reservado = guion.byte();
    let mut buffer = Buffer::nuevo(u32::from(reservado));
    let mut modelo = vec![0; usize::from(reservado)];
    let mut en = 0;
    let mut escritor = Escritor::nuevo();
    let mut seguido = true;
    for operacion in operaciones {
        if *operacion > 240 {
            seguido = false;
            en = usize::from(guion.byte());
            buffer.mover(en as u32);
        }
        let datos = guion.tramo(8);
        let (nuevos, salida) = match (fijo(*operacion, hasta_ocho(datos)), operacion % 10) {
            (Some((dato, mide)), _) => {
                let mut bytes = hasta_ocho(datos)[..mide].to_vec();
                if let Fijo::Bool(dato) = dato {
                    bytes = vec![u8::from(dato)];
                }
                agregar(&mut escritor, dato);
                (bytes, buffer.agregar_fijo(dato))
            }
            (None, 7) => {
                escritor.bytes(datos);
                (datos.to_vec(), buffer.agregar(datos))
            }
            (None, _) => {
                let largo = (datos.len() as u32).to_le_bytes();
                escritor.bytes(&largo).bytes(datos);
                ([&largo, datos].concat(), buffer.agregar_texto(datos))
            }
        };
        if en > modelo.len() {
            assert_eq!((salida, c::errno()), (-1, libc::EINVAL), "un offset más allá del final");
            assert_eq!(buffer.offset() as usize, en);
        } else {
            assert_eq!((salida, c::error()), (0, None));
            let hasta = en + nuevos.len();
            modelo.resize(modelo.len().max(hasta), 0);
            modelo[en..hasta].copy_from_slice(&nuevos);
            en = hasta;
        }
        assert_eq!(buffer.bytes(), modelo);
        assert_eq!(buffer.offset() as usize, en);
    }
    if seguido {
        assert_eq!(escritor.terminar(), &modelo[..en], "Rust y C escriben lo mismo");
    }
}

fn agregar(escritor: &mut Escritor, dato: Fijo) {
    match dato {
        Fijo::U8(dato) => escritor.u8(dato),
        Fijo::Bool(dato) => escritor.bool(dato),
        Fijo::U32(dato) => escritor.u32(dato),
        Fijo::I32(dato) => escritor.i32(dato),
        Fijo::U64(dato) => escritor.u64(dato),
        Fijo::I64(dato) => escritor.i64(dato),
        Fijo::F64(dato) => escritor.f64(f64::from_bits(dato)),
    };
}
