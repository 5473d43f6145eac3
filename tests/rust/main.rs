//! La cara de Rust: sus funciones, los programas que se escriben con ella, y lo que paga quien depende de ella.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "fallar con un texto claro es la manera de avisar de una prueba"
)]

#[path = "../comun/mod.rs"]
mod comun;
#[path = "../comun/ejemplos.rs"]
mod ejemplos;
#[path = "../comun/markdown.rs"]
mod markdown;

mod dependiente;
mod nativo;
mod programas;
