//! Mensajes por un socket: une el formato del cable con los envíos y recepciones, y dice en palabras por qué se cortó uno.
//!
//! Lo usan [`Conexion`](crate::Conexion), que es dueña de su socket, y la cara para C, que lo presta por su número.

use std::io::IoSlice;
use std::os::fd::AsRawFd;

use socket2::Socket;

use crate::error::{BytesDeHeader, Error, Parte, Resultado};
use crate::protocolo::{self, Header, LARGO_DE_HEADER};
use crate::red::{self, Causa, Corte};
use crate::sistema;

/// Los bytes ya recibidos y todavía no entregados.
#[derive(Debug, Default)]
pub(crate) struct Lectura {
    bytes: Vec<u8>,
    desde: usize,
    hasta: usize,
}

/// Cuánto se pide por vez al sistema: muchos mensajes chicos entran en una sola recepción.
const TRAMO: usize = 16 * 1024;

/// Cuánto se conserva entre mensajes.
const MUCHO: usize = 1024 * 1024;

impl Lectura {
    /// El próximo mensaje entero: su código y su payload. `None` si la conversación terminó.
    pub(crate) fn mensaje(&mut self, socket: &Socket, limite: u32) -> Resultado<Option<(i32, &[u8])>> {
        match self.juntar(socket, LARGO_DE_HEADER) {
            Ok(()) => {}
            Err(corte) => return fin_o_error(error_de_header(socket, corte, self.hay())),
        }
        let header = Header::de_bytes(self.primeros(), limite)?;
        let tamanio = usize::try_from(header.tamanio()).unwrap_or(usize::MAX);
        self.desde += LARGO_DE_HEADER;
        if let Err(corte) = self.juntar(socket, tamanio) {
            let corte = Corte { movidos: self.hay(), ..corte };
            return Err(error_de_recepcion(socket, corte, Parte::Payload, tamanio));
        }
        let inicio = self.desde;
        self.desde += tamanio;
        Ok(self.bytes.get(inicio..self.desde).map(|payload| (header.codigo(), payload)))
    }

    fn hay(&self) -> usize {
        self.hasta - self.desde
    }

    fn primeros(&self) -> [u8; LARGO_DE_HEADER] {
        let bytes = self.bytes.get(self.desde..self.hasta).unwrap_or_default();
        bytes.first_chunk().copied().unwrap_or_default()
    }

    /// Recibe hasta que haya `cantidad` bytes seguidos sin entregar.
    fn juntar(&mut self, socket: &Socket, cantidad: usize) -> Result<(), Corte> {
        if self.hay() >= cantidad {
            return Ok(());
        }
        self.bytes.copy_within(self.desde..self.hasta, 0);
        self.hasta -= self.desde;
        self.desde = 0;
        if self.hasta == 0 && self.bytes.len() > MUCHO {
            // Un solo mensaje enorme no deja su memoria pedida para siempre.
            self.bytes = Vec::new();
        }
        while self.hasta < cantidad {
            self.hacer_lugar(cantidad)?;
            let libre = self.bytes.get_mut(self.hasta..).unwrap_or_default();
            self.hasta += red::recibir_algo(socket, libre)?;
        }
        Ok(())
    }

    /// Crece de a poco, con lo que de verdad llega: un tamaño anunciado no reserva memoria.
    fn hacer_lugar(&mut self, cantidad: usize) -> Result<(), Corte> {
        if self.hasta < self.bytes.len() {
            return Ok(());
        }
        let nuevo = TRAMO.max(self.bytes.len() * 2).min(TRAMO.max(cantidad));
        let falta = nuevo - self.bytes.len();
        let sin_memoria =
            |_| Corte { movidos: self.hasta, causa: Causa::Sistema(std::io::Error::from_raw_os_error(libc::ENOMEM)) };
        self.bytes.try_reserve_exact(falta).map_err(sin_memoria)?;
        self.bytes.resize(nuevo, 0);
        Ok(())
    }
}

fn fin_o_error<T>(error: Error) -> Resultado<Option<T>> {
    if matches!(error, Error::Fin) { Ok(None) } else { Err(error) }
}

/// El error de un header que no llegó entero, del que llegaron `hay` bytes.
fn error_de_header(socket: &Socket, corte: Corte, hay: usize) -> Error {
    let (parte, movidos) = match hay.checked_sub(protocolo::LARGO_DE_ENTERO) {
        Some(del_tamanio) => (Parte::Tamanio, del_tamanio),
        None => (Parte::Codigo, hay),
    };
    error_de_recepcion(socket, Corte { movidos, ..corte }, parte, protocolo::LARGO_DE_ENTERO)
}

/// Lo que un hilo tiene que tomar para enviar. Todo en cero es uno nuevo.
#[derive(Debug)]
pub(crate) struct Envio {
    /// Cuándo se preguntó por última vez si el otro seguía ahí.
    controlado_us: u64,
}

/// Cada cuánto se le pregunta al kernel si el otro cerró, en microsegundos.
const CONTROL_US: u64 = 1000;

impl Envio {
    pub(crate) const fn nuevo() -> Self {
        Self { controlado_us: 0 }
    }

    /// Sin esto, el primer envío a quien ya cerró parece andar y sólo falla el segundo.
    pub(crate) fn controlar_al_par(&mut self, socket: &Socket) -> Resultado<()> {
        let ahora = sistema::ahora_us();
        if ahora.wrapping_sub(self.controlado_us) < CONTROL_US {
            return Ok(());
        }
        if sistema::el_par_cerro(socket) {
            return Err(por_que_no_se_puede_enviar(socket));
        }
        self.controlado_us = ahora;
        Ok(())
    }
}

/// Envía `partes` como un solo mensaje. Si falla a medio enviar, la conexión se termina: lo que siguiera sería basura para el otro.
pub(crate) fn enviar(socket: &Socket, envio: &mut Envio, partes: &mut [IoSlice<'_>]) -> Resultado<()> {
    envio.controlar_al_par(socket)?;
    red::enviar_todo(socket, partes).map_err(|corte| {
        if corte.movidos > 0 {
            red::terminar(socket);
        }
        error_de_envio(socket, corte)
    })
}

pub(crate) fn error_de_envio(socket: &Socket, corte: Corte) -> Error {
    match corte.causa {
        Causa::TiempoDelPrograma | Causa::Plazo => Error::TiempoDelPrograma { en_el_medio: corte.movidos > 0 },
        Causa::Fin => Error::ParIdo,
        Causa::Sistema(causa) => match causa.raw_os_error() {
            Some(libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN) => por_que_no_se_puede_enviar(socket),
            _ => Error::de_socket(socket.as_raw_fd(), "send", causa),
        },
    }
}

/// El otro ya no está, o nunca hubo otro.
fn por_que_no_se_puede_enviar(socket: &Socket) -> Error {
    match nunca_se_conecto(socket) {
        Some(error) => error,
        None => Error::ParIdo,
    }
}

/// Si `socket` no es una conexión ni lo fue: escucha, nunca se conectó, o ni siquiera es un socket.
fn nunca_se_conecto(socket: &Socket) -> Option<Error> {
    let descriptor = socket.as_raw_fd();
    match socket.is_listener() {
        Ok(true) => return Some(Error::Escucha { descriptor }),
        Ok(false) => {}
        Err(causa) => return Some(Error::de_socket(socket.as_raw_fd(), "getsockopt", causa)),
    }
    let local = socket.local_addr().ok().and_then(|direccion| direccion.as_socket());
    // Uno que estuvo conectado conserva su puerto.
    local.filter(|local| local.port() == 0).map(|_| Error::SinConectar { descriptor })
}

/// Si el otro lado de `socket` sigue ahí.
pub(crate) fn activa(socket: &Socket) -> Resultado<bool> {
    if !sistema::el_par_cerro(socket) {
        return Ok(true);
    }
    nunca_se_conecto(socket).map_or(Ok(false), Err)
}

/// El error de una recepción cortada en `parte`, de la que se esperaban `esperados` bytes.
pub(crate) fn error_de_recepcion(socket: &Socket, corte: Corte, parte: Parte, esperados: usize) -> Error {
    let empezado = parte != Parte::Codigo || corte.movidos > 0;
    match corte.causa {
        Causa::Fin if !empezado => Error::Fin,
        Causa::Fin => Error::FinEnElMedio { parte, llegaron: corte.movidos, esperados },
        Causa::TiempoDelPrograma | Causa::Plazo => Error::TiempoDelPrograma { en_el_medio: empezado },
        Causa::Sistema(causa) => match causa.raw_os_error() {
            Some(libc::ECONNRESET | libc::EPIPE) => Error::Reset,
            Some(libc::ENOTCONN) => nunca_se_conecto(socket).unwrap_or(Error::Reset),
            _ => Error::de_socket(socket.as_raw_fd(), "recv", causa),
        },
    }
}

/// Recibe un header entero.
pub(crate) fn recibir_header(socket: &Socket, limite: u32) -> Resultado<Header> {
    let mut bytes = [0; LARGO_DE_HEADER];
    red::recibir_todo(socket, &mut bytes).map_err(|corte| {
        let hay = corte.movidos;
        error_de_header(socket, corte, hay)
    })?;
    Header::de_bytes(bytes, limite)
}

/// Lee un tamaño con el límite dado, sabiendo qué código lo precedió si la biblioteca lo leyó.
pub(crate) fn recibir_tamanio(socket: &Socket, codigo: Option<[u8; 4]>, limite: u32) -> Resultado<u32> {
    let mut tamanio = [0; protocolo::LARGO_DE_ENTERO];
    red::recibir_todo(socket, &mut tamanio)
        .map_err(|corte| error_de_recepcion(socket, corte, Parte::Tamanio, tamanio.len()))?;
    protocolo::leer_tamanio(BytesDeHeader { codigo, tamanio }, limite)
}
