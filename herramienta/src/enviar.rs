//! `tp0 enviar`: un cliente correcto llevado a mano. Manda lo que dicen los argumentos, después lo que se escriba, y muestra lo que contesten.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Salida;
use crate::cable::{Cable, Handshake};
use crate::charla::{Charla, Fin, Llegada};
use crate::descripcion::{Descripcion, Opciones};
use crate::dichos;
use crate::falla::{Falla, Resultado};
use crate::lector::{Lado, Saludo, Suceso};
use crate::red::{self, Entrada, Interrupcion, Lugar};
use crate::traza::Traza;

/// Lo que se pidió.
#[derive(Debug, Args)]
#[command(override_usage = "tp0 enviar [OPCIONES] IP PUERTO [mensaje TEXTO] [paquete VALOR...] [codigo N CAMPO...]...", after_help = dichos::COMO)]
pub(crate) struct Pedido {
    /// IP o nombre de la máquina del servidor
    #[arg(value_name = "IP")]
    ip: String,
    /// Puerto del servidor
    #[arg(value_name = "PUERTO")]
    numero: String,
    /// Lo que se manda al conectarse, en ese orden; las opciones van antes
    #[arg(value_name = "QUÉ", trailing_var_arg = true, allow_hyphen_values = true)]
    dichos: Vec<String>,
    /// Mensajes que se esperan de respuesta antes de cerrar, cuando no queda nada por mandar (si no se dice, 0)
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    respuestas: usize,
    /// Archivo donde dejar además lo que se muestra, para dibujarlo con «tp0 diagrama»
    #[arg(long, value_name = "ARCHIVO")]
    traza: Option<PathBuf>,
    #[command(flatten)]
    opciones: Opciones,
}

/// Cómo salió el saludo.
enum Saludado<'a> {
    Si(Box<Charla<'a>>),
    /// Contestó otra cosa, o nada: con `auto`, no tiene handshake.
    No(String),
    Interrumpido,
}

/// Conversa hasta que termine alguno de los dos.
pub(crate) fn hacer(pedido: &Pedido) -> Resultado<Salida> {
    let descripcion = pedido.opciones.describir()?;
    let mensajes = dichos::leer(&pedido.dichos, &descripcion.cable)?;
    let destino = Lugar::nuevo(&pedido.ip, &pedido.numero)?.como_destino()?;
    let interrupcion = Interrupcion::preparar()?;
    let traza = Traza::nueva("enviar", pedido.traza.as_deref())?;
    let Some(charla) = presentarse(&destino, &descripcion, &interrupcion, &traza)? else { return Ok(Salida::Bien) };
    let (cable, espera) = (&descripcion.cable, descripcion.espera);
    Conversacion { charla, cable, espera, interrupcion: &interrupcion, faltan: pedido.respuestas }
        .llevar(&mensajes, &traza)
}

/// Se conecta y pasa el handshake. `None`: lo cortaron con Ctrl-C.
fn presentarse<'a>(
    destino: &[SocketAddr],
    descripcion: &'a Descripcion,
    interrupcion: &Interrupcion,
    traza: &'a Traza,
) -> Resultado<Option<Charla<'a>>> {
    let conectar = |handshake| {
        let socket = red::conectar(destino, descripcion.espera, traza)?;
        let saludo = Saludo::segun(handshake);
        Charla::nueva(socket, Lado::Servidor, &saludo, &descripcion.cable, descripcion.espera, traza)
    };
    let (valor, es_seguro) = match descripcion.cable.handshake {
        Handshake::No => return conectar(Handshake::No).map(Some),
        Handshake::Con(valor) => (valor, true),
        Handshake::Auto => (tp0::HANDSHAKE, false),
    };
    match saludar(conectar(Handshake::Con(valor))?, valor, descripcion.espera, interrupcion)? {
        Saludado::Si(charla) => Ok(Some(*charla)),
        Saludado::Interrumpido => Ok(None),
        Saludado::No(causa) if es_seguro => {
            Err(Falla::nueva(format!("El servidor {causa}. Si el tuyo no tiene handshake: --handshake no.")))
        }
        Saludado::No(causa) => {
            traza.llamada(format_args!("sin handshake: el servidor {causa}"));
            conectar(Handshake::No).map(Some)
        }
    }
}

fn saludar<'a>(
    mut charla: Charla<'a>,
    valor: i32,
    espera: Duration,
    interrupcion: &Interrupcion,
) -> Resultado<Saludado<'a>> {
    let no = |causa: String| Ok(Saludado::No(causa));
    if charla.saludar(valor).is_err() {
        return no("cortó antes de que le llegara el handshake".to_owned());
    }
    let limite = Instant::now() + espera;
    loop {
        let resta = limite.saturating_duration_since(Instant::now());
        let hay = red::esperar(&[interrupcion.as_fd(), charla.as_fd()], Some(resta))?;
        match hay.as_slice() {
            [true, _] => return Ok(Saludado::Interrumpido),
            [_, true] => {}
            _ if resta.is_zero() => return no(format!("no contestó el handshake en {} ms", espera.as_millis())),
            _ => continue,
        }
        let Llegada { sucesos, fin } = charla.leer();
        match sucesos.first() {
            Some(Suceso::Handshake(0)) => return Ok(Saludado::Si(Box::new(charla))),
            Some(Suceso::Handshake(-1)) => {
                return Err(Falla::nueva(format!("El servidor rechazó el handshake {valor}.")));
            }
            Some(Suceso::Handshake(otro)) => return no(format!("contestó {otro} al handshake, que no es 0 ni -1")),
            _ if fin.is_some() => return no("cerró sin contestar el handshake".to_owned()),
            _ => {}
        }
    }
}

/// Lo que sigue al handshake.
struct Conversacion<'a> {
    charla: Charla<'a>,
    cable: &'a Cable,
    espera: Duration,
    interrupcion: &'a Interrupcion,
    /// Las respuestas que todavía se esperan.
    faltan: usize,
}

impl Conversacion<'_> {
    fn llevar(mut self, mensajes: &[Vec<u8>], traza: &Traza) -> Resultado<Salida> {
        let teclado = io::stdin();
        let mut entrada = Entrada::nueva();
        if let Err(fin) = self.mandar(mensajes) {
            return Ok(segun(fin));
        }
        while entrada.abierta() {
            let hay = red::esperar(&[self.interrupcion.as_fd(), self.charla.as_fd(), teclado.as_fd()], None)?;
            if hay.first() == Some(&true) {
                return Ok(Salida::Bien);
            }
            let fin = if hay.get(1) == Some(&true) { self.leer() } else { None };
            if let Some(fin) = fin {
                return Ok(segun(fin));
            }
            let escrito = if hay.get(2) == Some(&true) { entrada.leer(self.cable)? } else { Vec::new() };
            if let Err(fin) = self.mandar(&escrito) {
                return Ok(segun(fin));
            }
        }
        self.terminar(traza)
    }

    fn mandar(&mut self, mensajes: &[Vec<u8>]) -> Result<(), Fin> {
        mensajes.iter().try_for_each(|mensaje| self.charla.mandar(mensaje))
    }

    fn leer(&mut self) -> Option<Fin> {
        let Llegada { sucesos, fin } = self.charla.leer();
        let mensajes = sucesos.iter().filter(|suceso| matches!(suceso, Suceso::Mensaje { .. })).count();
        self.faltan = self.faltan.saturating_sub(mensajes);
        fin
    }

    /// No queda nada por mandar: se esperan las respuestas pedidas, se avisa que no hay más y se lee lo que quede.
    fn terminar(mut self, traza: &Traza) -> Resultado<Salida> {
        let mut limite = Instant::now() + self.espera;
        let mut avisado = false;
        loop {
            if self.faltan == 0 && !avisado {
                self.charla.dejar_de_mandar();
                avisado = true;
                limite = Instant::now() + self.espera;
            }
            let resta = limite.saturating_duration_since(Instant::now());
            let hay = red::esperar(&[self.interrupcion.as_fd(), self.charla.as_fd()], Some(resta))?;
            match hay.as_slice() {
                [true, _] => return Ok(Salida::Bien),
                [_, true] => match self.leer() {
                    Some(fin) if self.faltan == 0 => return Ok(segun(fin)),
                    Some(_) => break,
                    None => {}
                },
                _ if !resta.is_zero() => {}
                // Se va quien llamó: que el servidor no cierre enseguida no es una falta.
                _ if avisado => return Ok(Salida::Bien),
                _ => break,
            }
        }
        let faltaron = if self.faltan == 1 {
            "Faltó 1 respuesta".to_owned()
        } else {
            format!("Faltaron {} respuestas", self.faltan)
        };
        traza.falla(format_args!("=> {faltaron}."));
        Ok(Salida::Mal)
    }
}

fn segun(fin: Fin) -> Salida {
    match fin {
        Fin::EnOrden => Salida::Bien,
        Fin::Mal => Salida::Mal,
    }
}
