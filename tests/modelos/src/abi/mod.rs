//! De la cara para C, lo que hay debajo de sus funciones.

#[path = "../../../../src/abi/descriptores.rs"]
mod descriptores;
#[path = "../../../../src/abi/inundacion.rs"]
mod inundacion;
#[path = "../../../../src/abi/memoria.rs"]
mod memoria;
pub(crate) mod modelo_de_ranura;
pub(crate) mod modelo_de_tabla;
#[path = "../../../../src/abi/olvidos.rs"]
mod olvidos;
#[path = "../../../../src/abi/ranura.rs"]
mod ranura;
#[path = "../../../../src/abi/registro.rs"]
mod registro;
#[path = "../../../../src/abi/tabla.rs"]
mod tabla;
#[path = "../../../../src/abi/textos.rs"]
mod textos;
#[path = "../../../../src/abi/tipos.rs"]
mod tipos;
#[path = "../../../../src/abi/tumbas.rs"]
mod tumbas;
#[path = "../../../../src/abi/vecinos.rs"]
mod vecinos;
#[path = "../../../../src/abi/vuelo.rs"]
mod vuelo;
