//! La única sala con `unsafe` fuera del borde con C: lo que hace falta del sistema y ni std ni socket2 ofrecen.
//!
//! * [`Cerrojo`]: un mutex de pthread. El de std está hecho con futex y helgrind, que el curso enseña, no lo ve: toma por
//!   carreras los accesos que protege. Uno de pthread sí lo ve. Por lo mismo, [`Condicion`], [`Compartido`] y [`Hilo`].
//! * [`Turno`]: un turno, para enviar o para esperar clientes. No cuida memoria, así que helgrind no tiene que verlo: es un futex.
//! * [`mientras_duerme`]: que las señales corten una espera larga como cortan una sola llamada al sistema.
//! * [`identidad`]: qué socket hay en un número; y [`Guardado`], uno que no se toca si el número ya es de otro.
//! * [`esperar`] y compañía: `poll(2)`, la única forma de esperar a varios sockets a la vez y de saber si el otro cerró
//!   sin leerle nada.
//! * Qué hacer en el hijo de un fork, donde los hilos del padre no existen.
//! * Escribir en las salidas del programa sabiendo si salió, y sin que eso mande una señal ni espere a quien no lee.
//! * Tres consultas chicas: manejadores de señales, límite de descriptores, reloj.
//! * TCP_DEFER_ACCEPT, SO_RCVLOWAT y FIONBIO, que socket2 no tiene, y `recv(2)` con sus opciones sobre bytes comunes.
//!
//! Cada función de aquí es segura de llamar con cualquier argumento.
#![expect(unsafe_code, reason = "es la sala documentada para lo que std y socket2 no ofrecen")]

mod caja;
mod cerrojo;
mod compartido;
mod condicion;
mod consultas;
mod descriptor;
mod espera;
mod futex;
mod generacion;
mod hijo;
mod hilo;
mod pedido;
mod poner;
mod salida;
mod seniales;
mod sockets;
mod timbre;
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
