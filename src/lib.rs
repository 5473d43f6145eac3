//! libtp0: la capa de sockets del TP0 de Sistemas Operativos (UTN FRBA).
//!
//! Dos procesos se hablan y se entienden, por TCP, en un modelo cliente-servidor. Un servidor escucha y espera clientes;
//! los que hablan otro protocolo se rechazan en el **handshake**. Los mensajes son un **header** (código de operación y tamaño)
//! y un **payload**.
//!
//! ```
//! use tp0::{Conexion, Paquete, Recibido, Servidor};
//!
//! let servidor = Servidor::iniciar("127.0.0.1", "0")?;
//! let puerto = servidor.puerto()?.to_string();
//!
//! let cliente = std::thread::spawn(move || {
//!     let conexion = Conexion::conectar("127.0.0.1", &puerto)?;
//!     conexion.enviar_mensaje("hola")?;
//!     conexion.enviar_paquete(Paquete::nuevo().agregar(b"uno")?.agregar(b"dos")?)
//! });
//!
//! let mut conexion = servidor.esperar_cliente()?;
//! while let Some(recibido) = conexion.recibir()? {
//!     match recibido {
//!         Recibido::Mensaje(texto) => assert_eq!(texto, "hola"),
//!         Recibido::Paquete(paquete) => assert_eq!(paquete.valores().count(), 2),
//!         otro => panic!("no se esperaba {otro:?}"),
//!     }
//! }
//! # cliente.join().unwrap()?;
//! # Ok::<(), tp0::Error>(())
//! ```
//!
//! La misma biblioteca se usa desde C con `-ltp0`: su manual es `include/tp0.h`.
//!
//! Con `TP0_TRAZA=1` en el entorno, cada paso de los sockets es un renglón en la salida de errores: quién se conectó, qué handshake mostró, qué
//! mensaje salió o llegó, por qué falló lo que falló. Se mira al iniciar un servidor y al conectar, con las opciones que sean.
//!
//! # Cómo está hecha
//!
//! Cada archivo conoce sólo a los de su renglón y a los que tiene debajo:
//!
//! ```text
//! abi                      la cara para C: punteros, malloc, errno, descriptores por número
//! servidor                 el que escucha
//! conexion                 con quien se habla
//! conectar, difusion       llamar a un servidor; enviar lo mismo a muchos
//! atencion                 muchos clientes: un hilo para cada uno
//! escucha                  aceptar y saludar sin que los lentos demoren a nadie
//! mensaje                  un mensaje por un socket, entero o con la razón por la que no
//! opciones, direccion, ocupante, maquina
//! handshake, protocolo, paquete, buffer    bytes, sin entrada ni salida
//! red, ritmo               los sockets; cuándo conviene juntar, esperar o confirmar
//! traza                    TP0_TRAZA: contar cada paso
//! memoria, error           pedir memoria sin abortar; la causa, su texto y su errno
//! sistema                  lo que hace falta del sistema y std no ofrece
//! ```

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
mod maquina;
mod memoria;
mod mensaje;
mod ocupante;
mod opciones;
mod paquete;
mod protocolo;
mod red;
mod ritmo;
mod servidor;
mod sistema;
mod traza;

pub use buffer::{Escritor, Lector};
pub use conexion::{Conexion, Emisor, PaqueteRecibido, Receptor, Recibido, difundir};
pub use error::{BytesDeHeader, Error, Ocupante, Parte, Resultado};
pub use escucha::{MotivoDeRechazo, Rechazo};
pub use handshake::HANDSHAKE;
pub use opciones::Opciones;
pub use paquete::Paquete;
pub use protocolo::{Header, LARGO_DE_HEADER, MENSAJE, PAQUETE, TAMANIO_MAXIMO, Valores};
pub use servidor::{Clientes, Servidor};
