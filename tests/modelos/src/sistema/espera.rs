//! Esperar con `ppoll(2)`: el de verdad, que aquí nunca duerme.

use std::io;
use std::time::Instant;

use super::espera_de_verdad;
pub(crate) use super::espera_de_verdad::{Interes, Sentido, dentro_de, el_par_cerro, esperar_a};
use super::nucleo::{dormir_en, llamar};

/// Con plazo, ya venció.
pub(crate) fn esperar(intereses: &mut [Interes<'_>], vence: Option<Instant>) -> io::Result<usize> {
    let mut mirar = || espera_de_verdad::esperar(intereses, Some(Instant::now()));
    if vence.is_some() {
        return llamar(mirar);
    }
    dormir_en("poll", || match mirar() {
        Ok(0) => None,
        salida => Some(salida),
    })
}
