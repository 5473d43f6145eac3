//! Una conversación llevada a mano, de un lado: se muestra lo que llega, y se manda lo que se pide.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::time::Duration;

use crate::cable::{Ancho, Cable};
use crate::falla::{Falla, Resultado, en_castellano};
use crate::lector::{Lado, Lector, Saludo, Suceso};
use crate::traza::Traza;

/// Por qué se terminó.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fin {
    /// El otro cerró entre dos mensajes.
    EnOrden,
    /// Se cortó por la mitad, o dijo algo que no puede ser.
    Mal,
}

/// Lo que llegó de una sola vez.
#[derive(Debug)]
pub(crate) struct Llegada {
    pub(crate) sucesos: Vec<Suceso>,
    pub(crate) fin: Option<Fin>,
}

/// Un lado de una conexión.
#[derive(Debug)]
pub(crate) struct Charla<'a> {
    socket: TcpStream,
    traza: &'a Traza,
    cable: &'a Cable,
    llegadas: Lector,
    salidas: Lector,
}

impl<'a> Charla<'a> {
    /// `otro` es el que está del otro lado. A quien no lee se lo espera, al mandar, lo que diga `espera`.
    pub(crate) fn nueva(
        socket: TcpStream,
        otro: Lado,
        saludo: &Saludo,
        cable: &'a Cable,
        espera: Duration,
        traza: &'a Traza,
    ) -> Resultado<Self> {
        let propio = if otro == Lado::Cliente { Lado::Servidor } else { Lado::Cliente };
        let preparar = |causa| Falla::del_sistema("No pude preparar el socket", causa);
        socket.set_write_timeout(Some(espera)).map_err(preparar)?;
        let lector = |lado| Lector::nuevo(cable, lado, saludo);
        Ok(Self { socket, traza, cable, llegadas: lector(otro), salidas: lector(propio) })
    }

    /// Su número, como lo dice la traza.
    pub(crate) fn numero(&self) -> i32 {
        self.socket.as_raw_fd()
    }

    /// Lee lo que haya y lo muestra. Se llama cuando hay algo.
    pub(crate) fn leer(&mut self) -> Llegada {
        let mut pedazo = vec![0; 64 * 1024];
        let leido = self.socket.read(&mut pedazo);
        let (numero, nada) = (self.numero(), Vec::new());
        match leido {
            Ok(0) => Llegada { sucesos: nada, fin: Some(self.contar_el_fin()) },
            Ok(leidos) => {
                let sucesos = self.llegadas.leer(pedazo.get(..leidos).unwrap_or_default());
                sucesos.iter().for_each(|suceso| self.traza.llega(numero, self.llegadas.contar(suceso)));
                let sin_sentido = sucesos.iter().any(|suceso| matches!(suceso, Suceso::NoCierra(_)));
                Llegada { sucesos, fin: sin_sentido.then_some(Fin::Mal) }
            }
            Err(causa) if causa.kind() == ErrorKind::Interrupted => Llegada { sucesos: nada, fin: None },
            Err(causa) => {
                self.traza.llega(numero, format_args!("corte: {}", en_castellano(&causa)));
                Llegada { sucesos: nada, fin: Some(Fin::Mal) }
            }
        }
    }

    fn contar_el_fin(&self) -> Fin {
        let numero = self.numero();
        self.traza.llega(numero, "fin: el otro lado cerró");
        match self.llegadas.a_medias() {
            None => Fin::EnOrden,
            Some(donde) => {
                self.traza.falla(format_args!("=> Se cortó {donde}."));
                Fin::Mal
            }
        }
    }

    /// El handshake, o su respuesta.
    pub(crate) fn saludar(&mut self, valor: i32) -> Result<(), Fin> {
        let bits = u64::from(u32::from_ne_bytes(valor.to_ne_bytes()));
        self.mandar(&self.cable.entero(Ancho::U32, bits))
    }

    /// Manda un mensaje ya armado y lo muestra.
    pub(crate) fn mandar(&mut self, bytes: &[u8]) -> Result<(), Fin> {
        let numero = self.numero();
        match self.socket.write_all(bytes) {
            Ok(()) => {
                let sucesos = self.salidas.leer(bytes);
                sucesos.iter().for_each(|suceso| self.traza.sale(numero, self.salidas.contar(suceso)));
                Ok(())
            }
            Err(causa) => {
                let causa = match causa.kind() {
                    ErrorKind::WouldBlock => "el otro lado no lee".to_owned(),
                    _ => en_castellano(&causa),
                };
                self.traza.sale(numero, format_args!("corte: {causa}"));
                Err(Fin::Mal)
            }
        }
    }

    /// No se manda más: el otro lado lo va a saber cuando lea todo.
    pub(crate) fn dejar_de_mandar(&self) {
        // Si ya no está, no hay a quién decirle.
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

impl Drop for Charla<'_> {
    fn drop(&mut self) {
        self.traza.llamada(format_args!("close({})", self.numero()));
    }
}

impl AsFd for Charla<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
