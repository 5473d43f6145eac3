//! Lo que comparten escuchar, enviar e intermediario: dónde, conectarse, esperar varias cosas a la vez, y los renglones de la entrada.

use std::io::{ErrorKind, IsTerminal as _, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::cable::Cable;
use crate::dichos;
use crate::estilo;
use crate::falla::{Falla, Resultado};
use crate::traza::Traza;

/// Un lugar de la red, tal como se lo escribió: `PUERTO` o `IP:PUERTO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lugar {
    ip: String,
    puerto: u16,
}

impl Lugar {
    /// `sin_ip` es la IP si sólo se dice el puerto.
    pub(crate) fn leer(texto: &str, sin_ip: &str) -> Resultado<Self> {
        let (ip, puerto) = match texto.rsplit_once(':') {
            Some((ip, puerto)) => (ip.trim_matches(['[', ']']), puerto),
            None => (sin_ip, texto),
        };
        let numero = puerto.parse().map_err(|_| {
            Falla::nueva(format!(
                "«{puerto}» no es un puerto: es un número hasta 65535, solo o detrás de la IP (127.0.0.1:4444)."
            ))
        })?;
        Ok(Self { ip: ip.to_owned(), puerto: numero })
    }

    /// Ese lugar de la red de uno.
    pub(crate) fn nuevo(ip: &str, puerto: &str) -> Resultado<Self> {
        Self::leer(puerto, ip)
    }

    fn direcciones(&self) -> Resultado<Vec<SocketAddr>> {
        let resueltas = (self.ip.as_str(), self.puerto).to_socket_addrs();
        let direcciones: Vec<SocketAddr> = resueltas.map(Iterator::collect).unwrap_or_default();
        if direcciones.is_empty() {
            return Err(Falla::nueva(format!("«{}» no es una IP ni un nombre conocido.", self.ip)));
        }
        Ok(direcciones)
    }

    /// Para conectarse hace falta un puerto, y se lo puede resolver antes de que haga falta.
    pub(crate) fn como_destino(&self) -> Resultado<Vec<SocketAddr>> {
        if self.puerto == 0 {
            return Err(Falla::nueva("Para conectarse el puerto va de 1 a 65535, y se pidió el 0."));
        }
        self.direcciones()
    }

    /// Escucha. Con el puerto 0, en uno libre.
    pub(crate) fn escuchar(&self, traza: &Traza) -> Resultado<TcpListener> {
        let direcciones = self.direcciones()?;
        let escucha = TcpListener::bind(direcciones.as_slice()).map_err(|causa| self.por_que_no(causa))?;
        // Quien se va antes de que lo acepten no puede dejarlo esperando.
        escucha.set_nonblocking(true).map_err(|causa| Falla::del_sistema("No pude preparar el socket", causa))?;
        let numero = escucha.as_raw_fd();
        if let Ok(direccion) = escucha.local_addr() {
            traza.llamada(format_args!("bind({numero}, {direccion})"));
            traza.llamada(format_args!("listen({numero})"));
            traza.llamada(format_args!("escucha en {direccion}"));
        }
        Ok(escucha)
    }

    /// La biblioteca sabe decir quién tiene un puerto, y qué puertos son del sistema.
    fn por_que_no(&self, causa: std::io::Error) -> Falla {
        let opciones = tp0::Opciones::nuevas().sin_handshake();
        match tp0::Servidor::iniciar_con(&self.ip, self.puerto.to_string(), &opciones) {
            Err(error) => Falla::nueva(error.to_string()),
            Ok(_) => Falla::del_sistema(format!("No pude escuchar en {}:{}", self.ip, self.puerto), causa),
        }
    }
}

/// Acepta a quien espera. `None`: ya se había ido.
pub(crate) fn aceptar(escucha: &TcpListener, traza: &Traza) -> Option<(TcpStream, SocketAddr)> {
    match escucha.accept() {
        Ok((socket, quien)) => {
            // Lo que se acepta puede heredar del que escucha no bloquearse.
            let _ = socket.set_nonblocking(false).and_then(|()| socket.set_nodelay(true));
            traza.llamada(format_args!("accept({}) = {}, de {quien}", escucha.as_raw_fd(), socket.as_raw_fd()));
            Some((socket, quien))
        }
        Err(causa) if causa.kind() == ErrorKind::WouldBlock => None,
        Err(causa) => {
            let causa = crate::falla::en_castellano(&causa);
            traza.falla(format_args!("accept({}) = -1: {causa}", escucha.as_raw_fd()));
            None
        }
    }
}

/// Se conecta con la primera dirección que conteste.
pub(crate) fn conectar(direcciones: &[SocketAddr], espera: Duration, traza: &Traza) -> Resultado<TcpStream> {
    let mut falla = Falla::nueva("No hay ninguna dirección con la que conectarse.");
    for direccion in direcciones {
        match TcpStream::connect_timeout(direccion, espera) {
            Ok(socket) => {
                let _ = socket.set_nodelay(true);
                let propia = socket.local_addr().map(|propia| propia.to_string()).unwrap_or_default();
                traza.llamada(format_args!("connect({}, {direccion}), desde {propia}", socket.as_raw_fd()));
                return Ok(socket);
            }
            Err(causa) if causa.kind() == ErrorKind::TimedOut => {
                let espera = espera.as_millis();
                falla = Falla::nueva(format!("No pude conectarme con {direccion}: nadie contestó en {espera} ms."));
            }
            Err(causa) => falla = Falla::del_sistema(format!("No pude conectarme con {direccion}"), causa),
        }
    }
    Err(falla)
}

/// Ctrl-C, o que alguien pida que se termine: se lo espera como a un socket más, y así se termina en orden.
#[derive(Debug)]
pub(crate) struct Interrupcion(SignalFd);

impl Interrupcion {
    /// Se llama antes de crear hilos, que nacen con lo mismo.
    pub(crate) fn preparar() -> Resultado<Self> {
        let seniales = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        let listo = seniales.thread_block().and_then(|()| SignalFd::with_flags(&seniales, SfdFlags::SFD_CLOEXEC));
        listo.map(Self).map_err(|causa| Falla::del_sistema("No pude preparar el final con Ctrl-C", causa))
    }
}

impl AsFd for Interrupcion {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Espera a que de alguno haya algo para leer, o a que pase el tiempo. De cuáles.
pub(crate) fn esperar(cosas: &[BorrowedFd<'_>], cuanto: Option<Duration>) -> Resultado<Vec<bool>> {
    let mut pedidos: Vec<PollFd<'_>> = cosas.iter().map(|cosa| PollFd::new(*cosa, PollFlags::POLLIN)).collect();
    let cuanto = cuanto.map_or(PollTimeout::NONE, |cuanto| {
        // Para arriba: si no, el último milisegundo se esperaría dando vueltas.
        PollTimeout::try_from(cuanto.saturating_add(Duration::from_micros(999))).unwrap_or(PollTimeout::MAX)
    });
    match poll(&mut pedidos, cuanto) {
        Ok(_) | Err(nix::Error::EINTR) => {}
        Err(causa) => return Err(Falla::del_sistema("No pude esperar", causa)),
    }
    Ok(pedidos.iter().map(|pedido| pedido.any().unwrap_or(false)).collect())
}

/// Lo que se va escribiendo en la entrada, renglón por renglón.
#[derive(Debug)]
pub(crate) struct Entrada {
    abierta: bool,
    /// El renglón que todavía no terminó.
    juntado: Vec<u8>,
    renglones: usize,
}

/// Hasta dónde puede llegar un renglón de la entrada: lo que la biblioteca acepta como payload.
const RENGLON: usize = tp0::TAMANIO_MAXIMO as usize;

impl Entrada {
    pub(crate) fn nueva() -> Self {
        Self { abierta: true, juntado: Vec::new(), renglones: 0 }
    }

    pub(crate) fn abierta(&self) -> bool {
        self.abierta
    }

    /// Los mensajes de los renglones que se completaron, cuando [`esperar`] dice que hay algo.
    ///
    /// Lo que no se entiende, a quien escribe a mano se le dice y se sigue; en un archivo o en un tubo es una falla.
    pub(crate) fn leer(&mut self, cable: &Cable) -> Resultado<Vec<Vec<u8>>> {
        let mut pedazo = vec![0; 64 * 1024];
        match std::io::stdin().lock().read(&mut pedazo) {
            Ok(0) => {
                self.abierta = false;
                if !self.juntado.is_empty() {
                    self.juntado.push(b'\n');
                }
            }
            Ok(leidos) => self.juntado.extend(pedazo.iter().take(leidos)),
            Err(causa) if causa.kind() == ErrorKind::Interrupted => {}
            Err(causa) => return Err(Falla::del_sistema("No pude leer la entrada", causa)),
        }
        let mut mensajes = Vec::new();
        while let Some(fin) = self.juntado.iter().position(|byte| *byte == b'\n') {
            let renglon: Vec<u8> = self.juntado.drain(..=fin).take(fin).collect();
            self.renglones += 1;
            match self.entender(&renglon, cable) {
                Ok(mensaje) => mensajes.extend(mensaje),
                Err(falla) if std::io::stdin().is_terminal() => estilo::avisar(&format!("tp0: {falla}")),
                Err(falla) => return Err(falla),
            }
        }
        if self.juntado.len() > RENGLON {
            return Err(Falla::nueva(format!(
                "El renglón {} de la entrada pasa de {RENGLON} bytes.",
                self.renglones + 1
            )));
        }
        Ok(mensajes)
    }

    fn entender(&self, renglon: &[u8], cable: &Cable) -> Resultado<Option<Vec<u8>>> {
        let numero = self.renglones;
        let texto = std::str::from_utf8(renglon)
            .map_err(|_| Falla::nueva(format!("El renglón {numero} de la entrada no es texto UTF-8.")))?;
        dichos::leer_renglon(texto, cable)
            .map_err(|falla| Falla::nueva(format!("En el renglón {numero} de la entrada: {falla}")))
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn un_lugar_es_un_puerto_con_o_sin_ip() {
        let lugar = |ip: &str, puerto| Lugar { ip: ip.to_owned(), puerto };
        assert_eq!(Lugar::leer("4444", "0.0.0.0").unwrap(), lugar("0.0.0.0", 4444));
        assert_eq!(Lugar::leer("otra:8002", "0.0.0.0").unwrap(), lugar("otra", 8002));
        assert_eq!(Lugar::leer("[::1]:8002", "0.0.0.0").unwrap(), lugar("::1", 8002));
        for malo in ["", "hola", "127.0.0.1", "70000", "127.0.0.1:"] {
            assert!(Lugar::leer(malo, "0.0.0.0").is_err(), "{malo}");
        }
        assert!(Lugar::leer("0", "127.0.0.1").unwrap().como_destino().is_err());
    }
}
