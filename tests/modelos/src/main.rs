//! Los protocolos sin cerrojos de libtp0, en todos los órdenes posibles.
//!
//!     modelos            corre todos los modelos, y dice cuántos órdenes probó de cada uno
//!     modelos NOMBRE...  corre ésos
//!
//! El código es el de la biblioteca, el mismo: aquí se lo incluye por su ruta, y lo único que se cambia es lo que decide cuándo sigue cada hilo. Los
//! atómicos, los cerrojos de pthread, el futex y los hilos son de loom; los descriptores y los sockets son los del kernel de verdad, pero loom dice
//! cuándo, y ninguna llamada duerme. Que nadie quede dormido para siempre lo mira loom: si todos los hilos duermen, el modelo falla.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "de la biblioteca se usa lo que un modelo necesita")]
#![allow(unfulfilled_lint_expectations, reason = "los lints de la biblioteca se miran al compilar la biblioteca")]

// Así, `socket2` es este mismo crate: todo lo de socket2, menos los sockets.
extern crate self as socket2;
pub use socket::{SockRef, Socket};
pub use socket2_de_verdad::*;

mod abi;
#[path = "../../../src/atencion.rs"]
mod atencion;
#[path = "../../../src/buffer.rs"]
mod buffer;
#[path = "../../../src/conectar.rs"]
mod conectar;
#[path = "../../../src/conexion/mod.rs"]
mod conexion;
#[path = "../../../src/difusion.rs"]
mod difusion;
#[path = "../../../src/direccion.rs"]
mod direccion;
#[path = "../../../src/error.rs"]
mod error;
#[path = "../../../src/escucha.rs"]
mod escucha;
#[path = "../../../src/handshake.rs"]
mod handshake;
#[path = "../../../src/maquina.rs"]
mod maquina;
#[path = "../../../src/invariante.rs"]
mod invariante;
#[path = "../../../src/memoria.rs"]
mod memoria;
#[path = "../../../src/renglon.rs"]
mod renglon;
#[path = "../../../src/mensaje.rs"]
mod mensaje;
mod modelo_de_ritmo;
mod modelo_de_timbre;
mod modelo_de_turno;
#[path = "../../../src/ocupante.rs"]
mod ocupante;
#[path = "../../../src/opciones.rs"]
mod opciones;
#[path = "../../../src/paquete.rs"]
mod paquete;
#[path = "../../../src/pendiente.rs"]
mod pendiente;
#[path = "../../../src/protocolo.rs"]
mod protocolo;
#[path = "../../../src/rechazo.rs"]
mod rechazo;
#[path = "../../../src/recibido.rs"]
mod recibido;
#[path = "../../../src/red.rs"]
mod red;
#[path = "../../../src/ritmo.rs"]
mod ritmo;
#[path = "../../../src/servidor.rs"]
mod servidor;
mod sincronia;
mod sistema;
mod socket;
#[path = "../../../src/traza.rs"]
mod traza;
#[path = "../../../src/vecinos.rs"]
mod vecinos;
#[path = "../../../src/vivos.rs"]
mod vivos;
mod vuelta;

pub use buffer::{Escritor, Lector};
pub use conexion::{Conexion, Emisor, Receptor, difundir};
pub use direccion::Puerto;
pub use error::{BytesDeHeader, Error, Ocupante, Parte, Resultado};
pub use handshake::{HANDSHAKE, HANDSHAKE_ERROR, HANDSHAKE_OK};
pub use opciones::Opciones;
pub use paquete::Paquete;
pub use protocolo::{Header, LARGO_DE_HEADER, MENSAJE, PAQUETE, TAMANIO_MAXIMO, Valores};
pub use rechazo::{MotivoDeRechazo, Rechazo, Vistos};
pub use recibido::{Crudo, Enviable, Novedad, PaqueteRecibido, Recibido, RecibidoPropio};
pub use servidor::{Clientes, Desenlace, Servidor};

use vuelta::Mitad;

/// Un modelo: un puñado de hilos que usan un protocolo, y lo que tiene que ser cierto en cualquier orden.
struct Modelo {
    nombre: &'static str,
    /// Cuántas veces, como mucho, un hilo sigue en lugar de otro que podía seguir. `None`: cualquier cantidad, o sea todos los órdenes.
    interrupciones: Option<usize>,
    vuelta: fn(),
}

const MODELOS: &[Modelo] = &[
    modelo_de_turno::EXCLUSION,
    modelo_de_turno::RENOVADO,
    modelo_de_ritmo::EN_C,
    modelo_de_ritmo::EN_RUST,
    modelo_de_timbre::UNA_SENIAL,
    modelo_de_timbre::LIBERADA,
    abi::modelo_de_tabla::UN_SOLO_TROZO,
    abi::modelo_de_ranura::LIBERAR,
    abi::modelo_de_ranura::DOS_LIBERAN,
    abi::modelo_de_ranura::ENTERRAR,
    abi::modelo_de_ranura::CERRADO_POR_EL_PROGRAMA,
];

impl Modelo {
    /// Prueba todos los órdenes. Al primero en que algo no es cierto, termina el programa con un panic que lo dice.
    fn correr(&self) {
        let desde = std::time::Instant::now();
        let antes = vuelta::cuantas();
        for mitad in [Mitad::Antes, Mitad::Despues] {
            vuelta::elegir(mitad);
            let mut loom = loom::model::Builder::new();
            loom.preemption_bound = self.interrupciones;
            loom.max_branches = 20_000;
            let vuelta = self.vuelta;
            loom.check(move || {
                vuelta::empezar();
                vuelta();
            });
        }
        let cuantas = vuelta::cuantas() - antes;
        let hasta =
            self.interrupciones.map_or("todos".to_owned(), |veces| format!("los de hasta {veces} interrupciones"));
        println!("{}\t{cuantas}\t{hasta}\t{:.1}", self.nombre, desde.elapsed().as_secs_f64());
    }
}

fn main() {
    let pedidos: Vec<String> = std::env::args().skip(1).collect();
    for pedido in &pedidos {
        assert!(MODELOS.iter().any(|modelo| modelo.nombre == pedido), "no conozco el modelo {pedido}");
    }
    for modelo in MODELOS {
        if pedidos.is_empty() || pedidos.iter().any(|pedido| modelo.nombre == pedido) {
            modelo.correr();
        }
    }
}
