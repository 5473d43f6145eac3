//! `tp0 escuchar`: un servidor correcto llevado a mano. Muestra todo lo que le dicen, y le manda a quienes estén conectados lo que se escriba.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use clap::Args;

use crate::Salida;
use crate::cable::Handshake;
use crate::charla::Charla;
use crate::descripcion::{Descripcion, Opciones};
use crate::dichos;
use crate::falla::Resultado;
use crate::lector::{Lado, Saludo, Suceso};
use crate::red::{self, Entrada, Interrupcion, Lugar};
use crate::traza::Traza;

/// Cuántos clientes puede haber a la vez.
const MAXIMO: usize = 256;

/// Lo que se pidió.
#[derive(Debug, Args)]
#[command(override_usage = "tp0 escuchar [OPCIONES] [PUERTO]", after_help = dichos::COMO)]
pub(crate) struct Pedido {
    /// Puerto, o IP:PUERTO (si no se dice, el de la descripción; si no, 4444); con 0, uno libre cualquiera
    #[arg(value_name = "PUERTO")]
    lugar: Option<String>,
    /// Archivo donde dejar además lo que se muestra, para dibujarlo con «tp0 diagrama»
    #[arg(long, value_name = "ARCHIVO")]
    traza: Option<PathBuf>,
    #[command(flatten)]
    opciones: Opciones,
}

/// Un cliente conectado.
struct Cliente<'a> {
    charla: Charla<'a>,
    quien: SocketAddr,
}

/// Escucha hasta que lo corten con Ctrl-C.
pub(crate) fn hacer(pedido: &Pedido) -> Resultado<Salida> {
    let descripcion = pedido.opciones.describir()?;
    let lugar = pedido.lugar.clone().unwrap_or_else(|| descripcion.puerto.to_string());
    let lugar = Lugar::leer(&lugar, "0.0.0.0")?;
    let interrupcion = Interrupcion::preparar()?;
    let traza = Traza::nueva("escuchar", pedido.traza.as_deref())?;
    let escucha = lugar.escuchar(&traza)?;
    let teclado = io::stdin();
    let mut entrada = Entrada::nueva();
    let mut clientes: Vec<Cliente<'_>> = Vec::new();
    loop {
        let mut cosas = vec![interrupcion.as_fd(), escucha.as_fd()];
        cosas.extend(clientes.iter().map(|cliente| cliente.charla.as_fd()));
        if entrada.abierta() {
            cosas.push(teclado.as_fd());
        }
        let mut hay = red::esperar(&cosas, None)?.into_iter();
        if hay.next() == Some(true) {
            return Ok(Salida::Bien);
        }
        let alguien_llama = hay.next() == Some(true);
        clientes.retain_mut(|cliente| hay.next() != Some(true) || cliente.atender(&descripcion, &traza));
        if hay.next() == Some(true) {
            for mensaje in entrada.leer(&descripcion.cable)? {
                if clientes.is_empty() {
                    traza.falla("=> No hay ningún cliente a quien mandárselo.");
                }
                clientes.retain_mut(|cliente| cliente.charla.mandar(&mensaje).is_ok());
            }
        }
        let llego = alguien_llama.then(|| red::aceptar(&escucha, &traza)).flatten();
        if let Some((socket, quien)) = llego {
            if clientes.len() == MAXIMO {
                traza.falla(format_args!("se rechaza a {quien}: ya hay {MAXIMO} clientes"));
                continue;
            }
            let saludo = Saludo::segun(descripcion.cable.handshake);
            let (cable, espera) = (&descripcion.cable, descripcion.espera);
            let charla = Charla::nueva(socket, Lado::Cliente, &saludo, cable, espera, &traza)?;
            clientes.push(Cliente { charla, quien });
        }
    }
}

impl Cliente<'_> {
    /// Lee lo que dijo. Si sigue.
    fn atender(&mut self, descripcion: &Descripcion, traza: &Traza) -> bool {
        let llegada = self.charla.leer();
        for suceso in &llegada.sucesos {
            let Suceso::Handshake(valor) = suceso else { continue };
            match descripcion.cable.handshake {
                Handshake::Con(esperado) if esperado != *valor => {
                    let _ = self.charla.saludar(-1);
                    let quien = self.quien;
                    traza.falla(format_args!("se rechaza a {quien}: mostró {valor} y se espera {esperado} (--handshake auto acepta cualquiera, o ninguno)"));
                    return false;
                }
                _ => {
                    if self.charla.saludar(0).is_err() {
                        return false;
                    }
                }
            }
        }
        llegada.fin.is_none()
    }
}
