//! La cara para C. Cada función exportada comprueba punteros, llama al núcleo y traduce el resultado; nada más.
//!
//! * [`guardia`]: ningún panic cruza el borde, y todo error deja su `errno` y su texto.
//! * [`punteros`], [`memoria`], [`tipos`]: lo que entra y lo que sale, con malloc y con la forma que C conoce.
//! * [`descriptores`], [`tumbas`]: lo que se recuerda de cada número de descriptor, y cómo termina.
//! * [`registro`]: el `logger` del programa y las funciones de log de commons, si están.
//! * Las demás son las funciones, una sala por capítulo del header, en su orden.
//!
//! Las funciones exportadas nunca se llaman entre sí: el programa puede tener una propia con el mismo nombre.
#![expect(unsafe_code, reason = "es el borde con C")]
#![allow(unreachable_pub, reason = "lo que es de C es público para C, no para Rust")]

mod guardia;
mod memoria;
mod punteros;
mod registro;
mod tipos;

mod descriptores;
mod tumbas;

// El orden de estos es el orden del header. Los renglones en blanco lo cuidan: rustfmt ordena los que están juntos.
mod servidor;

mod cliente;

mod recepcion;

mod paquete;

mod errores;

mod opciones;

mod atencion;

mod buffer;
