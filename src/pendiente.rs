//! Un cliente que llegó y todavía no terminó su handshake: qué mandó, qué se hace con él y qué se le contesta.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Instant;

use socket2::Socket;

use crate::handshake::{self, Aceptados, Recepcion, Veredicto};
use crate::opciones::{Handshake, Opciones};
use crate::protocolo::{LARGO_DE_ENTERO, LARGO_DE_HEADER};
use crate::rechazo::{MotivoDeRechazo, Rechazo, Vistos};
use crate::sistema::{self, Guardado, Mirada};
use crate::traza::{llega, paso, sale};

/// Un cliente que pasó el handshake.
#[derive(Debug)]
pub(crate) struct Llegada {
    pub(crate) socket: Guardado,
    pub(crate) par: SocketAddr,
    /// El valor que mostró. `None`: no hizo handshake.
    pub(crate) handshake: Option<i32>,
}

#[derive(Debug)]
pub(crate) struct Pendiente {
    pub(crate) socket: Guardado,
    par: SocketAddr,
    /// Cuándo llegó.
    pub(crate) desde: Instant,
    pub(crate) vence: Option<Instant>,
    recepcion: Recepcion,
    /// Los bytes vistos y no consumidos, donde el handshake es opcional.
    vistos: Vistos,
}

/// Qué se hace con un pendiente.
pub(crate) enum Destino {
    Espera,
    Pasa(Option<i32>),
    NoPasa(MotivoDeRechazo),
}

impl Pendiente {
    pub(crate) fn nuevo(socket: Guardado, par: SocketAddr, opciones: &Opciones) -> Self {
        let vence = opciones.espera.and_then(sistema::dentro_de);
        Self { socket, par, desde: Instant::now(), vence, recepcion: Recepcion::default(), vistos: Vistos::de(&[]) }
    }

    /// Queda para después, entre una llamada y otra.
    pub(crate) fn guardar(self) -> Self {
        Self { socket: self.socket.fijado(), ..self }
    }

    pub(crate) fn en_silencio(&self) -> bool {
        self.recepcion.en_silencio() && self.vistos.bytes().is_empty()
    }

    /// Mira lo que llegó, sin esperar, y decide.
    pub(crate) fn avanzar(&mut self, opciones: &Opciones, aceptados: &Aceptados) -> Destino {
        let leido = match opciones.handshake {
            Handshake::Opcional(_) => self.mirar(aceptados, opciones.tamanio_maximo),
            _ => self.leer(aceptados),
        };
        if let Ok(Veredicto::Bienvenido(valor) | Veredicto::Rechazado(valor)) = leido {
            llega!(&self.socket, "handshake {valor}");
        }
        match leido {
            Ok(Veredicto::Falta) => Destino::Espera,
            Ok(Veredicto::SinHandshake) => Destino::Pasa(None),
            // Un cliente que esperó a un servidor ocupado puede haberse cansado.
            Ok(Veredicto::Bienvenido(_)) if sistema::el_par_cerro(&self.socket) => {
                Destino::NoPasa(MotivoDeRechazo::SeFue)
            }
            Ok(Veredicto::Bienvenido(valor)) => Destino::Pasa(Some(valor)),
            Ok(Veredicto::OtroProtocolo) => Destino::NoPasa(MotivoDeRechazo::OtroProtocolo(self.vistos)),
            Ok(Veredicto::Rechazado(valor)) => Destino::NoPasa(MotivoDeRechazo::OtroValor(valor)),
            Err(_) => Destino::NoPasa(MotivoDeRechazo::SeFue),
        }
    }

    /// Con handshake exigido: consume los bytes que faltan y ni uno más.
    fn leer(&mut self, aceptados: &Aceptados) -> io::Result<Veredicto> {
        let mut lugar = [0; LARGO_DE_ENTERO];
        let libre = lugar.get_mut(..self.recepcion.faltan()).unwrap_or_default();
        match sistema::recibir_ya(&self.socket, libre, Mirada::Consume)? {
            None => Ok(Veredicto::Falta),
            Some(0) => Err(ErrorKind::UnexpectedEof.into()),
            Some(cuantos) => Ok(self.recepcion.agregar(libre.get(..cuantos).unwrap_or_default(), aceptados)),
        }
    }

    /// Con handshake opcional: mira sin consumir, y sólo consume los 4 bytes si son un handshake.
    fn mirar(&mut self, aceptados: &Aceptados, limite: u32) -> io::Result<Veredicto> {
        let mut lugar = [0; LARGO_DE_HEADER];
        let vistos = match sistema::recibir_ya(&self.socket, &mut lugar, Mirada::Deja)? {
            None => return Ok(Veredicto::Falta),
            Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Some(cuantos) => lugar.get(..cuantos).unwrap_or_default(),
        };
        let veredicto = handshake::juzgar_opcional(vistos, aceptados, limite);
        self.vistos = Vistos::de(vistos);
        match veredicto {
            // Que poll avise recién cuando haya más de lo ya visto; si no, giraría en falso.
            Veredicto::Falta => {
                sistema::umbral_de_lectura(&self.socket, i32::try_from(vistos.len() + 1).unwrap_or(1))?;
            }
            Veredicto::Bienvenido(_) => {
                let mut handshake = [0; LARGO_DE_ENTERO];
                sistema::recibir_ya(&self.socket, &mut handshake, Mirada::Consume)?;
            }
            Veredicto::Rechazado(_) | Veredicto::OtroProtocolo | Veredicto::SinHandshake => {}
        }
        Ok(veredicto)
    }

    /// Lo que se hace con quien no mandó nada decisivo: si se fue o se le venció el plazo, no espera más.
    pub(crate) fn sin_novedad(&self, cerro: bool, ahora: Instant, opciones: &Opciones) -> Destino {
        let vencio = self.vence.is_some_and(|vence| vence <= ahora);
        match opciones.handshake {
            _ if cerro => Destino::NoPasa(MotivoDeRechazo::SeFue),
            Handshake::Opcional(_) if vencio && self.en_silencio() => Destino::Pasa(None),
            Handshake::Opcional(_) if vencio => Destino::NoPasa(MotivoDeRechazo::MedioHeader(self.vistos)),
            _ if vencio => Destino::NoPasa(MotivoDeRechazo::SeLeVencio),
            _ => Destino::Espera,
        }
    }

    /// Le contesta OK, si mostró un handshake, y deja el socket como nuevo. `None`: se fue justo ahora.
    pub(crate) fn recibir_como_cliente(self, handshake: Option<i32>) -> Option<Llegada> {
        let Self { socket, par, vistos, .. } = self;
        if !vistos.bytes().is_empty() {
            sistema::umbral_de_lectura(&socket, 1).ok()?;
        }
        match handshake {
            Some(_) => responder(&socket, true).ok()?,
            None => paso!("{}: cliente sin handshake", socket.as_raw_fd()),
        }
        Some(Llegada { socket, par, handshake })
    }

    /// Le contesta ERROR y cierra.
    pub(crate) fn rechazar(self, motivo: MotivoDeRechazo) -> Rechazo {
        paso!("se rechaza a {}: {}", self.par, motivo);
        let _ = responder(&self.socket, false);
        let _ = self.socket.shutdown(Shutdown::Write);
        self.descartar_lo_que_mando();
        Rechazo { par: self.par, motivo }
    }

    /// Cerrar con algo sin leer manda un reset, y el reset puede llegarle antes que la respuesta.
    fn descartar_lo_que_mando(&self) {
        const VECES: usize = 16;
        let mut basura = [0; 1024];
        for _ in 0..VECES {
            match sistema::recibir_ya(&self.socket, &mut basura, Mirada::Consume) {
                Ok(Some(cuantos)) if cuantos == basura.len() => {}
                _ => return,
            }
        }
    }
}

/// Cuatro bytes en una conexión recién hecha siempre entran: no espera.
fn responder(socket: &Socket, aceptado: bool) -> io::Result<()> {
    let respuesta = handshake::respuesta(aceptado);
    socket.send_with_flags(&respuesta, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)?;
    sale!(socket, "handshake {}", handshake::leer_respuesta(respuesta));
    Ok(())
}
