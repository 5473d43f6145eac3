//! Un intermediario transparente: lo que llega de un lado sale igual del otro, byte por byte, en los dos sentidos. Enseña
//! `recibir_crudo`, que no mira lo que pasa, y `cortar`, que despierta a quien espera del otro lado.
//!
//! `cargo run --example intermediario -- IP PUERTO IP_DEL_SERVIDOR PUERTO_DEL_SERVIDOR`.

#![allow(clippy::print_stdout, reason = "un ejemplo le habla a quien lo corre")]

use std::{env, thread};

use tp0::{Conexion, Emisor, Error, Opciones, Receptor, Resultado, Servidor};

/// Pasa todo lo que llega, y al final se despide. Eso despierta al que pasa en el otro sentido, que recibe de la misma conexión.
fn pasar(mut de: Receptor, a: &Emisor) {
    while let Ok(Some(mensaje)) = de.recibir_crudo() {
        if a.enviar(mensaje.codigo(), mensaje.payload()).is_err() {
            break;
        }
    }
    a.cortar();
}

fn intermediar(cliente: Conexion, ip: &str, puerto: &str) -> Resultado<()> {
    // Al servidor se le muestra lo mismo que mostró el cliente.
    let opciones = Opciones::del_entorno()?;
    let opciones = cliente.handshake().map_or(opciones.clone(), |valor| opciones.handshake(valor));
    let servidor = Conexion::conectar_con(ip, puerto, &opciones)?;

    let (del_cliente, al_cliente) = cliente.separar();
    let (del_servidor, al_servidor) = servidor.separar();
    thread::scope(|hilos| {
        hilos.spawn(|| pasar(del_servidor, &al_cliente));
        pasar(del_cliente, &al_servidor);
    });
    Ok(())
}

fn main() -> Resultado<()> {
    let argumentos: Vec<String> = env::args().skip(1).collect();
    let [ip, puerto, otra_ip, otro_puerto] = argumentos.as_slice() else {
        return Err(Error::Argumento("Uso: intermediario IP PUERTO IP_DEL_SERVIDOR PUERTO_DEL_SERVIDOR".to_owned()));
    };
    let (otra_ip, otro_puerto) = (otra_ip.clone(), otro_puerto.clone());
    let servidor = Servidor::iniciar(ip, puerto)?;
    println!("Escucho en el puerto {}.", servidor.puerto()?);
    servidor.atender_avisando(
        move |cliente| intermediar(cliente, &otra_ip, &otro_puerto),
        |par, error| println!("No pude intermediar para {par}: {error}"),
    )
}
