//! libtp0: la capa de sockets del TP0 de Sistemas Operativos (UTN FRBA), para programas en Rust.
//!
//! Dos procesos se hablan y se entienden, por TCP: un servidor escucha y espera clientes, y los que hablan otro protocolo se
//! rechazan en el **handshake**. Los mensajes son un **header** (código de operación y tamaño) y un **payload**: lo mismo que
//! manda cualquier TP0 en C, que puede estar del otro lado.
//!
//! *The socket layer of the "TP0", an operating systems course's assignment, for Rust programs: a client-server handshake and
//! length-prefixed messages over TCP, wire-compatible with the C programs. Blocking, thread-friendly, Linux only. Names and docs are in
//! Spanish; searching these docs for `connect`, `accept`, `recv` or `shutdown` finds theirs.*
//!
//! ```
//! use std::sync::Arc;
//! use tp0::{Conexion, Recibido, Resultado, Servidor};
//!
//! fn eco(mut cliente: Conexion) -> Resultado<()> {
//!     let (receptor, emisor) = cliente.mitades();
//!     while let Some(Recibido::Mensaje(texto)) = receptor.recibir()? {
//!         emisor.enviar_mensaje(texto)?; // prestado: no se copia
//!     }
//!     Ok(())
//! }
//!
//! let servidor = Arc::new(Servidor::iniciar("127.0.0.1", 0)?); // 0: un puerto libre cualquiera
//! let otro = Arc::clone(&servidor);
//! let hilo = std::thread::spawn(move || otro.atender(eco)); // un hilo por cliente
//!
//! let mut conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
//! conexion.enviar_mensaje("hola")?;
//! assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("hola"))));
//!
//! drop(conexion);
//! servidor.detener()?;
//! # hilo.join().unwrap()?;
//! # Ok::<(), tp0::Error>(())
//! ```
//!
//! Un programa en Rust no necesita la cara para C, que es la característica `capi` y viene puesta:
//!
//! ```toml
//! tp0 = { version = "0.1", default-features = false }
//! ```
//!
//! # Quiero... usá...
//!
//! | quiero | usá |
//! |---|---|
//! | escuchar, y atender a muchos a la vez | [`Servidor::iniciar`], [`Servidor::atender`] |
//! | atender de a uno | [`Servidor::clientes`], [`Servidor::esperar_cliente`] |
//! | conectarme; insistir si todavía no está | [`Conexion::conectar`]; [`Opciones::reintentos`] |
//! | mandar un texto, varios valores, lo que sea | [`Conexion::enviar_mensaje`], [`Conexion::enviar_paquete`], [`Conexion::enviar`] |
//! | mandar un struct | [`Escritor`] y [`Lector`], con [`Conexion::enviar`] y un código propio |
//! | recibir, y contestar mientras miro lo recibido | [`Conexion::recibir`], [`Conexion::mitades`] |
//! | recibir en un hilo y enviar en otros | [`Conexion::separar`], [`Conexion::emisor`] |
//! | no esperar más que un rato; mio, epoll | [`Conexion::recibir_hasta`], [`Conexion::enviar_hasta`], [`Servidor::esperar_cliente_hasta`] |
//! | reenviar o anotar sin mirar | [`Conexion::recibir_crudo`] |
//! | guardar lo recibido, o mandarlo por un canal | [`Recibido::a_propio`] |
//! | enviarles lo mismo a muchos | [`difundir`] |
//! | juntar muchos mensajes chicos en un envío | [`Emisor::encolar_mensaje`], [`Emisor::vaciar`] |
//! | saber quién es cada cliente | [`Opciones::handshakes`], [`Conexion::handshake`] |
//! | un socket que ya tengo conectado | [`Conexion::adoptar`] |
//! | decidir qué hacer con un error | [`Error::es_transitorio`], [`Error::termina_la_conexion`] |
//!
//! # Qué espera
//!
//! Esperan lo que haga falta, y ninguna señal los corta: [`recibir`](Conexion::recibir), y los envíos si el otro no lee y se llenan los
//! buffers del sistema. [`esperar_cliente`](Servidor::esperar_cliente) y [`atender`](Servidor::atender), también; a ellos los corta una
//! señal cuyo manejador se instaló sin SA_RESTART. [`conectar`](Conexion::conectar) tiene su plazo, [`Opciones::espera`]: 5 segundos si
//! no se pide otro. [`difundir`] no espera al que no lee. No hay hilos escondidos: sólo los de `atender`, uno por cliente.
//!
//! Un envío que no puede esperar a quien no lee es [`enviar_hasta`](Conexion::enviar_hasta); uno que ya espera lo corta otro hilo, con
//! [`Emisor::cortar`]. Un SO_SNDTIMEO puesto en el socket no es un tope: vuelve a empezar con cada byte que sale.
//!
//! # Entre hilos
//!
//! [`Servidor`] y [`Emisor`] son `Send` y `Sync`: se comparten, y los mensajes de varios hilos no se mezclan. [`Conexion`] y
//! [`Receptor`] pasan de un hilo a otro, y recibe uno por vez: hace falta `&mut`.
//!
//! # Cómo se para
//!
//! A un servidor, desde cualquier hilo, [`Servidor::detener`]: quien espera clientes vuelve con [`Error::Liberado`], y a los que se
//! atienden les da un plazo, entero si están callados ([`Opciones::plazo_de_cierre`]), y después los corta. Con Ctrl-C lo hace
//! `examples/ctrl_c.rs`. A una conexión, [`Conexion::cortar`] o [`Emisor::cortar`]: quien espera en ella
//! vuelve con [`Error::Cortada`]. Que el otro terminó es `None`, y no es un error. De una conexión no se cierra un solo sentido: para el
//! otro sería que te fuiste, y no te contestaría; que no vas a mandar más se dice con un código propio.
//!
//! # Con tokio
//!
//! Esta biblioteca espera en hilos. Para hablar el protocolo con otro motor están las piezas que no tocan ningún socket: [`HANDSHAKE`],
//! [`Header`], [`Enviable::a_bytes`], [`Crudo::de_bytes`] y [`Recibido::de`]; `examples/con_tokio.rs` lo hace en veinte líneas. Con
//! mio no hace falta: `examples/con_mio.rs`.
//!
//! # Verlo
//!
//! Con `TP0_TRAZA=1` en el entorno, cada paso de los sockets es un renglón en la salida de errores: quién se conectó, qué handshake mostró, qué
//! mensaje salió o llegó, por qué falló lo que falló. Se mira al iniciar un servidor y al conectar, con las opciones que sean.

#![cfg_attr(not(feature = "capi"), allow(dead_code, unused_imports, reason = "hay piezas que usa sólo la cara para C"))]

#[cfg(feature = "capi")]
mod abi;
mod atencion;
mod buffer;
mod conectar;
mod conexion;
mod difusion;
mod direccion;
mod error;
mod escucha;
mod handshake;
mod invariante;
mod maquina;
mod memoria;
mod mensaje;
mod ocupante;
mod opciones;
mod paquete;
mod pendiente;
mod protocolo;
mod rechazo;
mod recibido;
mod red;
mod renglon;
mod ritmo;
mod servidor;
mod sincronia;
mod sistema;
mod traza;
mod vecinos;
mod vivos;

pub use buffer::{Escritor, Lector};
pub use conexion::{Conexion, Emisor, Receptor};
// Acá, y no en la función: de una función que se reexporta, el buscador de rustdoc no ve los suyos.
#[doc(alias = "broadcast")]
pub use conexion::difundir;
pub use direccion::Puerto;
pub use error::{BytesDeHeader, Error, Ocupante, Parte, Resultado};
pub use handshake::{HANDSHAKE, HANDSHAKE_ERROR, HANDSHAKE_OK};
pub use opciones::Opciones;
pub use paquete::Paquete;
pub use protocolo::{Header, LARGO_DE_HEADER, MENSAJE, PAQUETE, TAMANIO_MAXIMO, Valores};
pub use rechazo::{MotivoDeRechazo, Rechazo, Vistos};
pub use recibido::{Crudo, Enviable, Novedad, PaqueteRecibido, Recibido, RecibidoPropio};
pub use servidor::{Clientes, Desenlace, Servidor};
