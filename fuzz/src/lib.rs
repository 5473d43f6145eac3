//! Lo que comparten los objetivos: la cara de C de la biblioteca, los guiones y una segunda lectura del protocolo.
//!
//! Cada objetivo compara lo que hizo la biblioteca con lo que tenía que hacer, calculado aparte: que no se caiga no alcanza.

pub mod c;
pub mod cliente;
pub mod esperado;
pub mod guion;
pub mod modelo;
pub mod salida;
