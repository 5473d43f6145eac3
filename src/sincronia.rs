//! Con qué se sincronizan los hilos donde no hay cerrojos: lo de std.
//!
//! Los protocolos sin cerrojos lo toman de acá, y no de std, para que los modelos de `tests/modelos` puedan correr este mismo código con los de
//! loom, que prueba todos los órdenes posibles.

pub(crate) use std::sync::atomic;
pub(crate) use std::thread;
