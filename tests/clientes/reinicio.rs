//! El servidor muere con un cliente conectado y se lo levanta de inmediato en el mismo puerto: la queja más repetida
//! ("Address already in use") no tiene que poder pasar.

use crate::comun::ajeno::{Ajeno, mensaje};
use crate::comun::{PLAZO, Proceso, compilar_modulo, exigir, orden, puerto_libre};

use std::path::Path;

const VECES: usize = 10;

/// Qué hace el cliente cuando el servidor muere; las dos cosas dejan al puerto con restos de la conexión.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cliente {
    /// Ni se entera: el kernel retiene el extremo del muerto en FIN_WAIT2.
    SigueConectado,
    /// Cierra después, así que el extremo del muerto queda en TIME_WAIT.
    SeVaDespues,
}

fn reiniciar(programa: &Path, costumbre: Cliente) {
    let puerto = puerto_libre();
    let mut conectados = Vec::new();
    for vez in 1..=VECES {
        let mut comando = orden(programa);
        comando.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
        let servidor = Proceso::lanzar(comando);
        // Si el bind fallara, esta línea no llega nunca y el fallo muestra todo lo que dijo el servidor.
        servidor.esperar_linea("Listo para escuchar a mi cliente", PLAZO);
        let mut ajeno = Ajeno::con_handshake(puerto);
        ajeno.escribir(&mensaje(&format!("vez {vez}")));
        servidor.esperar_linea(&format!("Me llego el mensaje vez {vez}"), PLAZO);
        let salida = servidor.matar();
        assert_eq!(
            salida.senial,
            Some(libc::SIGKILL),
            "{costumbre:?}, vez {vez}: tenía que seguir atendiendo\n{salida}"
        );
        if costumbre == Cliente::SeVaDespues {
            // Leer el fin asegura que el que cerró primero fue el servidor.
            assert_eq!(ajeno.leer_hasta_el_fin(), [], "{costumbre:?}, vez {vez}");
            drop(ajeno);
        } else {
            conectados.push(ajeno);
        }
    }
}

#[test]
fn diez_reinicios_seguidos_con_un_cliente_todavia_conectado() {
    if exigir("gcc") {
        reiniciar(&compilar_modulo("servidor", &["servidor.c"], &[]), Cliente::SigueConectado);
    }
}

#[test]
fn diez_reinicios_seguidos_con_restos_en_time_wait() {
    if exigir("gcc") {
        reiniciar(&compilar_modulo("servidor", &["servidor.c"], &[]), Cliente::SeVaDespues);
    }
}
