//! Lo que dos se dicen: los programas que ya existen, los de otros y los de acá, lo que se serializa, lo que la traza cuenta y cómo se termina.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "fallar con un texto claro es la manera de avisar de una prueba"
)]

#[path = "../comun/mod.rs"]
mod comun;
#[path = "../comun/ejemplos.rs"]
mod ejemplos;
#[path = "../hostil/mod.rs"]
mod hostil;

mod cadena;
mod diferencial;
mod esqueleto;
mod fin_de_conversacion;
mod helgrind;
mod historias;
mod interposicion;
mod los_de_c_examples;
mod multiplexado;
mod opciones_de_c;
mod par_ajeno;
mod quien_es;
mod serializacion;
mod traza;
