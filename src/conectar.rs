//! Conectar: buscar al servidor, insistir si hace falta y saludarlo, todo dentro de un plazo.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::direccion::{self, Puerto};
use crate::error::{Error, Resultado};
use crate::handshake::{self, Respuesta};
use crate::memoria::texto;
use crate::ocupante;
use crate::opciones::{Handshake, Opciones};
use crate::protocolo::LARGO_DE_ENTERO;
use crate::red::{self, Causa, Corte, SinConexion};
use crate::ritmo;
use crate::sistema::{self, Guardado, Mirada, Sentido};
use crate::traza::{self, llega, sale};
use crate::vecinos::Vecinos;

/// Un socket conectado y saludado, y con quién.
#[derive(Debug)]
pub(crate) struct Hecha {
    pub(crate) socket: Socket,
    pub(crate) par: SocketAddr,
    pub(crate) handshake: Option<i32>,
}

/// Cada cuánto se vuelve a intentar con un servidor que todavía no escucha.
const ENTRE_INTENTOS: Duration = Duration::from_millis(100);

/// Cuánto se espera una respuesta antes de pensar en los vecinos. Lo normal es que llegue enseguida, y un cliente adelantado ya no está en
/// la cola del kernel, que es la que miran select y poll.
const ANTES_DE_ADELANTAR: Duration = Duration::from_millis(250);

/// Conecta con la primera dirección de `ip` que responda y hace el handshake. El plazo es de todas juntas.
///
/// Mientras espera la respuesta, los `vecinos` (los servidores de este mismo proceso) contestan los handshakes que les lleguen.
pub(crate) fn conectar(ip: &str, puerto: impl Puerto, opciones: &Opciones, vecinos: &dyn Vecinos) -> Resultado<Hecha> {
    traza::segun_el_entorno()?;
    let puerto = puerto.leer(1)?;
    insistir(&direccion::resolver(ip, puerto)?, opciones, vecinos)
}

/// Lo mismo, con una dirección que no hay que buscar.
pub(crate) fn conectar_a(par: SocketAddr, opciones: &Opciones, vecinos: &dyn Vecinos) -> Resultado<Hecha> {
    traza::segun_el_entorno()?;
    direccion::comprobar_puerto(par.port(), 1)?;
    insistir(&[par], opciones, vecinos)
}

fn insistir(direcciones: &[SocketAddr], opciones: &Opciones, vecinos: &dyn Vecinos) -> Resultado<Hecha> {
    let insistir_hasta = sistema::dentro_de(opciones.reintentos);
    loop {
        let error = match intentar(direcciones, opciones, vecinos) {
            Ok(hecha) => return Ok(hecha),
            Err(error) => error,
        };
        let puede_levantarse = matches!(error, Error::NadieEscucha { .. } | Error::SinRuta { .. });
        let ya_es_tarde = insistir_hasta.is_some_and(|hasta| Instant::now() + ENTRE_INTENTOS > hasta);
        if !puede_levantarse || ya_es_tarde {
            return Err(error);
        }
        std::thread::sleep(ENTRE_INTENTOS);
    }
}

fn intentar(direcciones: &[SocketAddr], opciones: &Opciones, vecinos: &dyn Vecinos) -> Resultado<Hecha> {
    let vence = opciones.espera.and_then(sistema::dentro_de);
    let mut ultimo = Error::Argumento(texto!("No hay ninguna dirección a la que conectar."));
    for (par, faltan) in direcciones.iter().zip((1..=direcciones.len()).rev()) {
        // Lo que queda se reparte: la que no contesta no le gasta el plazo a las demás.
        let es_la_primera = faltan == direcciones.len();
        let ahora = || vence.map(|vence| vence.saturating_duration_since(Instant::now()));
        let queda = if es_la_primera { opciones.espera } else { ahora() };
        let plazo = queda.and_then(|queda| queda.checked_div(u32::try_from(faltan).ok()?));
        let intento = Intento { opciones, vecinos, plazo, vence: plazo.and_then(sistema::dentro_de) };
        match intento.con(*par) {
            Ok(hecha) => return Ok(hecha),
            Err(error) => ultimo = error,
        }
    }
    Err(ultimo)
}

/// Un intento de conexión con su plazo.
struct Intento<'a> {
    opciones: &'a Opciones,
    vecinos: &'a dyn Vecinos,
    plazo: Option<Duration>,
    vence: Option<Instant>,
}

impl Intento<'_> {
    fn con(&self, par: SocketAddr) -> Resultado<Hecha> {
        let mut socket = red::conectar(par, self.vence).map_err(|causa| self.sin_conexion(par, causa))?;
        let handshake = self.presentarse(&mut socket, par)?;
        Ok(Hecha { socket: socket.entregar(), par, handshake })
    }

    /// Deja lista la conexión, y hace el handshake. Dice qué valor mostró, si lo hay.
    fn presentarse(&self, socket: &mut Guardado, par: SocketAddr) -> Resultado<Option<i32>> {
        let preparar = |causa| Error::sistema("setsockopt", causa);
        red::preparar(socket, self.opciones.keepalive).map_err(preparar)?;
        let handshake = match &self.opciones.handshake {
            Handshake::Ninguno => {
                self.comprobar_que_haya_alguien(socket, par)?;
                None
            }
            Handshake::Exigido(valores) | Handshake::Opcional(valores) => {
                self.saludar(socket, par, valores.primero())?;
                Some(valores.primero())
            }
        };
        red::dejar_bloqueante(socket).map_err(preparar)?;
        Ok(handshake)
    }

    fn comprobar_que_haya_alguien(&self, socket: &Socket, direccion: SocketAddr) -> Resultado<()> {
        if red::es_uno_mismo(socket, direccion) { Err(nadie_escucha(direccion)) } else { Ok(()) }
    }

    fn plazo(&self) -> Duration {
        self.plazo.unwrap_or_default()
    }

    fn sin_conexion(&self, direccion: SocketAddr, causa: SinConexion) -> Error {
        match causa {
            SinConexion::Plazo => Error::PlazoDeConexion { direccion, plazo: self.plazo() },
            SinConexion::Sistema(causa) => match causa.raw_os_error() {
                Some(libc::ECONNREFUSED) => nadie_escucha(direccion),
                Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::ETIMEDOUT) => Error::SinRuta { direccion, causa },
                _ => Error::sistema("connect", causa),
            },
        }
    }

    fn saludar(&self, socket: &mut Guardado, direccion: SocketAddr, mostrado: i32) -> Resultado<()> {
        let valor = mostrado.to_le_bytes();
        // Cuatro bytes en una conexión recién hecha siempre entran.
        sistema::enviar_ya(socket.as_fd(), &valor)
            .map_err(|causa| self.sin_handshake(direccion, Corte { movidos: 0, causa: Causa::Sistema(causa) }))?;
        sale!(socket, "handshake {mostrado}");
        let respuesta = self.recibir_respuesta(socket).map_err(|corte| {
            llega!(socket, "{}", corte.causa);
            self.sin_handshake(direccion, corte)
        })?;
        llega!(socket, "handshake {}", handshake::leer_respuesta(respuesta));
        // Con uno mismo, lo que se recibe es lo que se mandó.
        if respuesta == valor {
            self.comprobar_que_haya_alguien(socket, direccion)?;
        }
        match handshake::leer_respuesta(respuesta) {
            Respuesta::Aceptado => Ok(()),
            Respuesta::Rechazado => Err(Error::HandshakeRechazado { direccion, mostrado }),
            Respuesta::Ajena(respuesta) => Err(Error::OtroProtocolo { direccion, respuesta }),
        }
    }

    fn recibir_respuesta(&self, socket: &mut Guardado) -> Result<[u8; LARGO_DE_ENTERO], Corte> {
        let mut respuesta = [0; LARGO_DE_ENTERO];
        // El que está esperando clientes contesta enseguida.
        let enseguida =
            ritmo::mirar_un_rato(|| sistema::recibir_ya(&*socket, &mut respuesta, Mirada::Consume).transpose());
        let hay = match enseguida {
            Some(Ok(0)) => return Err(Corte { movidos: 0, causa: Causa::Fin }),
            Some(Ok(recibidos)) => recibidos,
            Some(Err(causa)) => return Err(Corte { movidos: 0, causa: Causa::Sistema(causa) }),
            None => self.esperar_respuesta(socket).map(|()| 0)?,
        };
        red::recibir_todo_antes_de(socket, respuesta.get_mut(hay..).unwrap_or_default(), self.vence)?;
        Ok(respuesta)
    }

    /// Espera a que haya algo para leer o a que venza el plazo; si tarda, cada tanto adelanta a los vecinos.
    fn esperar_respuesta(&self, socket: &mut Guardado) -> Result<(), Corte> {
        traza::contar_espera(&socket);
        socket.fijar();
        while self.vecinos.hay() && self.vence.is_none_or(|vence| Instant::now() < vence) {
            let un_rato = Instant::now() + ANTES_DE_ADELANTAR;
            match sistema::esperar_a(&*socket, Sentido::Lectura, Some(un_rato)) {
                Ok(false) => self.vecinos.adelantar(),
                Ok(true) => break,
                Err(causa) => return Err(Corte { movidos: 0, causa: Causa::Sistema(causa) }),
            }
        }
        Ok(())
    }

    fn sin_handshake(&self, direccion: SocketAddr, corte: Corte) -> Error {
        match corte.causa {
            Causa::TiempoDelPrograma | Causa::Plazo => Error::PlazoDeHandshake { direccion, plazo: self.plazo() },
            Causa::Fin | Causa::Cambio => Error::HandshakeCortado { direccion, detalle: "fin" },
            Causa::Sistema(causa) => match causa.raw_os_error() {
                Some(libc::ECONNRESET | libc::EPIPE) => Error::HandshakeCortado { direccion, detalle: "reset" },
                _ => Error::sistema("handshake", causa),
            },
        }
    }
}

fn nadie_escucha(direccion: SocketAddr) -> Error {
    Error::NadieEscucha { direccion, en_otra: ocupante::donde_escuchan(direccion) }
}
