//! La cara para C. Cada función exportada comprueba punteros, llama al núcleo y traduce el resultado; nada más.
//!
//! * [`guardia`]: ningún panic cruza el borde, y todo error deja su `errno` y su texto.
//! * [`cancelacion`]: `pthread_cancel` espera a que la llamada vuelva.
//! * [`punteros`], [`memoria`], [`tipos`]: lo que entra y lo que sale, con malloc y con la forma que C conoce.
//! * [`descriptores`], [`ranura`], [`tabla`], [`vuelo`], [`tumbas`], [`vecinos`]: los descriptores, que C pasa por su número: lo que se recuerda de
//!   cada uno, quién lo está usando y cómo termina.
//! * [`registro`], [`inundacion`]: el `logger` del programa y las funciones de log de commons, si están; que lo repetido no tape el resto.
//! * [`lecturas`]: si un buffer se pudo leer entero.
//! * [`textos`]: los errores que en C se cuentan con otras palabras.
//! * [`olvidos`]: las fallas que nadie miró, que se cuentan una vez.
//! * Las demás son las funciones, una sala por capítulo del header, en su orden.
//!
//! # Lo que promete quien llama
//!
//! Es lo mismo para todas, y lo que dicen en su `# Safety`; en cada bloque `unsafe` va sólo lo que él necesita. Lo que no es NULL apunta a algo
//! vivo, del tipo que dice el header, que nadie cambia mientras dura la llamada; si la función lo cambia, tampoco lo mira otro hilo. Un texto termina en
//! cero, y un tamaño es el que se dice. Lo que se libera lo dio la biblioteca, y no se usa más.
//!
//! Las funciones exportadas nunca se llaman entre sí: el programa puede tener una propia con el mismo nombre.
#![expect(unsafe_code, reason = "es el borde con C")]
#![allow(unreachable_pub, reason = "lo que es de C es público para C, no para Rust")]

mod cancelacion;
mod guardia;
mod inundacion;
mod lecturas;
mod memoria;
mod olvidos;
mod punteros;
mod registro;
mod textos;
mod tipos;

mod descriptores;
mod ranura;
mod tabla;
mod tumbas;
mod vecinos;
mod vuelo;

// El orden de estos es el orden del header. Los renglones en blanco lo cuidan: rustfmt ordena los que están juntos.
mod servidor;

mod cliente;

mod recepcion;

mod paquete;

mod errores;

mod opciones;

mod atencion;

mod buffer;
