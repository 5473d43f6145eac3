//! Lo que sale mal: pares que mienten o se van, señales, recursos que faltan, redes que pierden, y programas que no miran lo que falla.

#![allow(
    clippy::expect_used,
    clippy::explicit_write,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    unsafe_code,
    reason = "fallar con un texto claro es la manera de avisar de una prueba"
)]

#[path = "../comun/mod.rs"]
mod comun;
#[path = "../comun/ejemplos.rs"]
mod ejemplos;
#[path = "../hostil/mod.rs"]
mod hostil;
#[path = "../comun/redes.rs"]
mod redes;

mod cancelar;
mod dos_hosts;
mod entradas_malas;
mod hallazgos;
mod haproxy;
mod matriz;
mod olvidos;
mod recursos;
mod salidas;
mod seguridad;
mod seniales;
