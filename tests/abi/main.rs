//! La cara para C: lo que se exporta, lo que declara el header, lo que dice el manual y cómo se ve.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "fallar con un texto claro es la manera de avisar de una prueba"
)]

#[path = "../comun/mod.rs"]
mod comun;
#[path = "../hostil/mod.rs"]
mod hostil;

mod abi;
mod header;
mod otros_nombres;
mod paginas;
mod simbolos;
