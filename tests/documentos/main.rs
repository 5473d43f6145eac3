//! Lo que se lee: guías, ejemplos, README, el disector de Wireshark y VS Code hacen lo que dicen.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "fallar con un texto claro es la manera de avisar de una prueba"
)]

#[path = "../comun/captura.rs"]
mod captura;
#[path = "../comun/citas.rs"]
mod citas;
#[path = "../comun/comandos.rs"]
mod comandos;
#[path = "../comun/mod.rs"]
mod comun;
#[path = "../comun/diagramas.rs"]
mod diagramas;
#[path = "../comun/ejemplos.rs"]
mod ejemplos;
#[path = "../comun/guia.rs"]
mod guia;
#[path = "../hostil/mod.rs"]
mod hostil;
#[path = "../comun/markdown.rs"]
mod markdown;
#[path = "../comun/redes.rs"]
mod redes;

mod confianza;
mod documentos;
mod dolores;
mod guias;
mod mitos;
mod vscode;
mod wireshark;
