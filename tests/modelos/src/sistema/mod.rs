//! La sala del sistema, con lo mínimo cambiado para que quien decide cuándo sigue cada hilo sea loom. Lo demás es lo de la biblioteca.

#[path = "../../../../src/sistema/caja.rs"]
mod caja;
mod cerrojo;
#[path = "../../../../src/sistema/compartido.rs"]
mod compartido;
mod condicion;
#[path = "../../../../src/sistema/consultas.rs"]
mod consultas;
mod descriptor;
#[path = "../../../../src/sistema/descriptor.rs"]
mod descriptor_de_verdad;
mod espera;
#[path = "../../../../src/sistema/espera.rs"]
mod espera_de_verdad;
pub(crate) mod futex;
#[path = "../../../../src/sistema/generacion.rs"]
mod generacion;
#[path = "../../../../src/sistema/hijo.rs"]
mod hijo;
#[path = "../../../../src/sistema/hilo.rs"]
mod hilo;
pub(crate) mod nucleo;
#[path = "../../../../src/sistema/pedido.rs"]
mod pedido;
#[path = "../../../../src/sistema/poner.rs"]
mod poner;
mod poner_en_std;
#[path = "../../../../src/sistema/salida.rs"]
mod salida;
#[path = "../../../../src/sistema/seniales.rs"]
mod seniales;
mod sockets;
#[path = "../../../../src/sistema/sockets.rs"]
mod sockets_de_verdad;
#[path = "../../../../src/sistema/timbre.rs"]
mod timbre;
#[path = "../../../../src/sistema/turno.rs"]
mod turno;
mod unible;

pub(crate) use caja::caja;
pub(crate) use cerrojo::{Cerrojo, Guarda, HijoConUnHilo};
pub(crate) use compartido::Compartido;
pub(crate) use condicion::Condicion;
pub(crate) use consultas::{ahora_ns, limite_de_descriptores, variable};
pub(crate) use descriptor::{Guardado, cerrar, copiar_en, identidad};
pub(crate) use espera::{Interes, Sentido, dentro_de, el_par_cerro, esperar, esperar_a};
pub(crate) use hijo::despues_en_el_hijo;
pub(crate) use hilo::{Hilo, Puesto, Tarea};
pub(crate) use pedido::{Pedido, Suenio, mientras_duerme};
pub(crate) use poner::Poner;
pub(crate) use salida::{Aviso, ERRORES, ESTANDAR, SinSeniales, hay_terminal};
pub(crate) use seniales::alguna_senial_corta;
pub(crate) use sockets::{
    Byte, Mirada, diferir_aceptacion, enviar_ya, leidos_por_alguien, poner_sin_bloqueo, recibir, recibir_ya,
    umbral_de_lectura,
};
pub(crate) use timbre::Timbre;
pub(crate) use turno::{MiTurno, Turno};
