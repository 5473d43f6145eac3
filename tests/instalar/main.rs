//! Lo que se instala: make install, los paquetes y el tarball, y que se van sin dejar nada.

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
#[path = "../comun/markdown.rs"]
mod markdown;

mod distribucion;
mod enlazado;
mod instalacion;
mod instalar;
