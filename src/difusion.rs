//! Enviar lo mismo a muchos, sin que el que no lee demore a los demás.

use std::io::{ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::error::{Error, Resultado};
use crate::memoria::juntar;
use crate::mensaje::{Envio, error_de_envio};
use crate::red::{self, Causa, Corte};
use crate::sistema::{self, Interes, MiTurno, Sentido};
use crate::traza;

/// A quién se le envía.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Destino<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) envio: &'a Envio,
}

/// Cuánto se espera a que otro hilo termine de enviar por la misma conexión.
const ESPERA_DE_TURNO: Duration = Duration::from_millis(20);

/// Cuánto puede pasar sin avanzar un envío que ya empezó, antes de darlo por perdido.
const SIN_AVANZAR: Duration = Duration::from_millis(1000);

/// En qué anda el envío a cada uno.
enum Estado<'a> {
    /// Otro hilo está enviando por ahí.
    SinTurno,
    Enviando {
        turno: MiTurno<'a>,
        movidos: usize,
        avanzo: Instant,
    },
    Terminado(Resultado<()>),
}

/// Envía `header` y `payload` a todos, de a ratos y sin esperar a ninguno en particular. Dice cómo le fue con cada uno.
///
/// # Errors
/// [`Error::SinMemoria`], antes de enviarle nada a nadie.
pub(crate) fn difundir(destinos: &[Destino<'_>], header: &[u8], payload: &[u8]) -> Resultado<Vec<Resultado<()>>> {
    let comienzo = Instant::now();
    let mut estados = juntar(destinos.iter().map(|_| Estado::SinTurno))?;
    let mut intereses = Vec::new();
    intereses.try_reserve_exact(destinos.len()).map_err(|_| Error::SinMemoria { bytes: 0 })?;
    loop {
        for (estado, destino) in estados.iter_mut().zip(destinos) {
            *estado = avanzar(std::mem::replace(estado, Estado::SinTurno), *destino, header, payload, comienzo);
        }
        if !esperar_novedades(&estados, destinos, &mut intereses) {
            return juntar(estados.into_iter().map(Estado::resultado));
        }
    }
}

impl Estado<'_> {
    fn resultado(self) -> Resultado<()> {
        match self {
            Self::Terminado(resultado) => resultado,
            Self::SinTurno | Self::Enviando { .. } => Err(Error::NoLee { en_el_medio: false }),
        }
    }
}

fn avanzar<'a>(
    estado: Estado<'a>,
    destino: Destino<'a>,
    header: &[u8],
    payload: &[u8],
    comienzo: Instant,
) -> Estado<'a> {
    match estado {
        Estado::SinTurno => match destino.envio.intentar() {
            Some(turno) => match destino.envio.controlar_al_par(destino.socket.as_fd()) {
                Ok(()) => enviar_lo_que_entre(turno, 0, Instant::now(), destino, header, payload),
                Err(error) => Estado::Terminado(Err(error)),
            },
            None if comienzo.elapsed() > ESPERA_DE_TURNO => Estado::Terminado(Err(Error::NoLee { en_el_medio: false })),
            None => Estado::SinTurno,
        },
        Estado::Enviando { turno, movidos, avanzo } => {
            enviar_lo_que_entre(turno, movidos, avanzo, destino, header, payload)
        }
        terminado => terminado,
    }
}

fn enviar_lo_que_entre<'a>(
    turno: MiTurno<'a>,
    mut movidos: usize,
    mut avanzo: Instant,
    destino: Destino<'a>,
    header: &[u8],
    payload: &[u8],
) -> Estado<'a> {
    let total = header.len() + payload.len();
    while movidos < total {
        let del_header = header.get(movidos..).unwrap_or_default();
        let del_payload = payload.get(movidos.saturating_sub(header.len())..).unwrap_or_default();
        match red::enviar_sin_esperar(destino.socket, &[IoSlice::new(del_header), IoSlice::new(del_payload)]) {
            Ok(enviados) => {
                movidos += enviados;
                avanzo = Instant::now();
            }
            Err(causa) if causa.kind() == ErrorKind::Interrupted => {}
            Err(causa) if causa.kind() == ErrorKind::WouldBlock => {
                if movidos > 0 && avanzo.elapsed() < SIN_AVANZAR {
                    return Estado::Enviando { turno, movidos, avanzo };
                }
                return abandonar(destino.socket, movidos > 0, Error::NoLee { en_el_medio: movidos > 0 });
            }
            Err(causa) => {
                let corte = Corte { movidos, causa: Causa::Sistema(causa) };
                return abandonar(destino.socket, movidos > 0, error_de_envio(destino.socket, corte));
            }
        }
    }
    if traza::activa() {
        traza::contar_mensaje_enviado(destino.socket, [header, payload]);
    }
    Estado::Terminado(Ok(()))
}

/// Un mensaje a medio enviar termina la conexión; si no salió nada, la conexión sigue.
fn abandonar<'a>(socket: &Socket, en_el_medio: bool, error: Error) -> Estado<'a> {
    if en_el_medio {
        red::terminar(socket);
    }
    Estado::Terminado(Err(error))
}

/// Espera a que a alguno de los que faltan se le pueda enviar más. `false`: no falta ninguno.
fn esperar_novedades<'a>(estados: &[Estado<'_>], destinos: &[Destino<'a>], intereses: &mut Vec<Interes<'a>>) -> bool {
    const UN_RATO: Duration = Duration::from_millis(1);
    intereses.clear();
    let mut hasta: Option<Instant> = None;
    for (estado, destino) in estados.iter().zip(destinos) {
        let este = match estado {
            Estado::Terminado(_) => continue,
            // A un cerrojo no se lo puede esperar con poll.
            Estado::SinTurno => Instant::now() + UN_RATO,
            Estado::Enviando { avanzo, .. } => {
                intereses.push(Interes::en(destino.socket, Sentido::Escritura));
                *avanzo + SIN_AVANZAR
            }
        };
        hasta = Some(hasta.map_or(este, |antes| antes.min(este)));
    }
    // Una señal o un error sólo adelantan la vuelta siguiente.
    hasta.is_some_and(|hasta| sistema::esperar(intereses, Some(hasta)).map_or(true, |_| true))
}
