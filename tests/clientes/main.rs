//! El que escucha y sus clientes: el handshake, atender a muchos, avisarles a todos, volver a levantar, y de quién es cada número.

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

mod atencion;
mod descriptores;
mod difusion;
mod handshake;
mod procesos;
mod reinicio;
