//! Enviar lo mismo a muchos, sin que el que no lee demore a los demás.

use std::io::{ErrorKind, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::error::{Error, Resultado};
use crate::invariante::invariante;
use crate::memoria::{juntar, texto};
use crate::mensaje::{Envio, error_de_envio};
use crate::red::{self, Canal, Causa, Corte};
use crate::sistema::{self, Interes, MiTurno, Sentido};
use crate::traza;

/// A quién se le envía.
#[derive(Debug)]
pub(crate) struct Destino<'a, C> {
    pub(crate) canal: &'a C,
    pub(crate) envio: &'a Envio,
}

impl<C: Canal> AsFd for Destino<'_, C> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.canal.fd()
    }
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

/// Envía `header` y `payload` a todos, de a ratos y sin esperar a ninguno en particular. Dice cómo le fue con cada uno; uno repetido falla
/// solo.
///
/// # Errors
/// [`Error::SinMemoria`], antes de enviarle nada a nadie.
pub(crate) fn difundir<C: Canal>(
    destinos: &[Destino<'_, C>],
    header: &[u8],
    payload: &[u8],
) -> Resultado<Vec<Resultado<()>>> {
    destinos.iter().for_each(|destino| destino.canal.antes_de_dormir());
    let comienzo = Instant::now();
    let mut estados = juntar(destinos.iter().map(|_| Estado::SinTurno))?;
    apartar_repetidos(destinos, &mut estados)?;
    let mut intereses = Vec::new();
    intereses.try_reserve_exact(destinos.len()).map_err(|_| Error::SinMemoria { bytes: 0 })?;
    loop {
        for (estado, destino) in estados.iter_mut().zip(destinos) {
            *estado = avanzar(std::mem::replace(estado, Estado::SinTurno), destino, header, payload, comienzo);
        }
        if !esperar_novedades(&estados, destinos, &mut intereses) {
            return juntar(estados.into_iter().map(Estado::resultado));
        }
    }
}

/// A quien está más de una vez, también con otro número (un dup), el mensaje le sale sólo por la primera.
fn apartar_repetidos<C: Canal>(destinos: &[Destino<'_, C>], estados: &mut [Estado<'_>]) -> Resultado<()> {
    let conocidos = destinos.iter().zip(estados).enumerate();
    let mut conocidos = juntar(conocidos.map(|(lugar, (destino, estado))| {
        let numero = destino.as_fd().as_raw_fd();
        // Lo que no es un socket ya va a fallar por su cuenta.
        (sistema::identidad(numero).map_err(|_| numero), lugar, numero, estado)
    }))?;
    conocidos.sort_unstable_by_key(|(cual, lugar, ..)| (*cual, *lugar));
    for iguales in conocidos.chunk_by_mut(|(uno, ..), (otro, ..)| uno == otro) {
        let [(_, _, primero, _), repetidos @ ..] = iguales else { continue };
        for (_, _, numero, estado) in repetidos {
            **estado = Estado::Terminado(Err(repetido(*primero, *numero)));
        }
    }
    Ok(())
}

fn repetido(primero: RawFd, numero: RawFd) -> Error {
    let de_quien =
        if numero == primero { texto!("está repetida") } else { texto!("es la misma conexión que {primero}") };
    Error::Argumento(texto!("{numero} {de_quien}: el mensaje le sale una sola vez. Sacá la que sobra."))
}

impl Estado<'_> {
    fn resultado(self) -> Resultado<()> {
        match self {
            Self::Terminado(resultado) => resultado,
            Self::SinTurno | Self::Enviando { .. } => Err(Error::NoLee { en_el_medio: false }),
        }
    }
}

fn avanzar<'a, C: Canal>(
    estado: Estado<'a>,
    destino: &'a Destino<'_, C>,
    header: &[u8],
    payload: &[u8],
    comienzo: Instant,
) -> Estado<'a> {
    match estado {
        Estado::SinTurno => match destino.envio.intentar() {
            Some(turno) => match destino.envio.controlar_al_par(destino.as_fd()) {
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

fn enviar_lo_que_entre<'a, C: Canal>(
    turno: MiTurno<'a>,
    mut movidos: usize,
    mut avanzo: Instant,
    destino: &Destino<'_, C>,
    header: &[u8],
    payload: &[u8],
) -> Estado<'a> {
    let total = header.len() + payload.len();
    let socket = SockRef::from(destino);
    if let Err(corte) = destino.canal.exigir_que_siga(movidos) {
        return Estado::Terminado(Err(error_de_envio(destino.canal, corte)));
    }
    while movidos < total {
        let del_header = header.get(movidos..).unwrap_or_default(); // ya salió entero
        let del_payload = invariante!(payload.get(movidos.saturating_sub(header.len())..));
        match red::enviar_sin_esperar(&socket, &[IoSlice::new(del_header), IoSlice::new(del_payload)]) {
            Ok(enviados) => {
                movidos += enviados;
                avanzo = Instant::now();
            }
            Err(causa) if causa.kind() == ErrorKind::Interrupted => {}
            Err(causa) if causa.kind() == ErrorKind::WouldBlock => {
                if movidos > 0 && avanzo.elapsed() < SIN_AVANZAR {
                    return Estado::Enviando { turno, movidos, avanzo };
                }
                return abandonar(&socket, movidos > 0, Error::NoLee { en_el_medio: movidos > 0 });
            }
            Err(causa) => {
                let corte = Corte { movidos, causa: Causa::Sistema(causa) };
                return abandonar(&socket, movidos > 0, error_de_envio(destino.canal, corte));
            }
        }
    }
    if traza::activa() {
        traza::contar_mensaje_enviado(destino, [header, payload]);
    }
    Estado::Terminado(Ok(()))
}

/// Un mensaje a medio enviar termina la conexión; si no salió nada, la conexión sigue.
fn abandonar<'a>(socket: &SockRef<'_>, en_el_medio: bool, error: Error) -> Estado<'a> {
    if en_el_medio {
        red::terminar(socket);
    }
    Estado::Terminado(Err(error))
}

/// Espera a que a alguno de los que faltan se le pueda enviar más. `false`: no falta ninguno.
fn esperar_novedades<'a, C: Canal>(
    estados: &[Estado<'_>],
    destinos: &'a [Destino<'_, C>],
    intereses: &mut Vec<Interes<'a>>,
) -> bool {
    const UN_RATO: Duration = Duration::from_millis(1);
    intereses.clear();
    let mut hasta: Option<Instant> = None;
    for (estado, destino) in estados.iter().zip(destinos) {
        let este = match estado {
            Estado::Terminado(_) => continue,
            // A un cerrojo no se lo puede esperar con poll.
            Estado::SinTurno => Instant::now() + UN_RATO,
            Estado::Enviando { avanzo, .. } => {
                intereses.push(Interes::en(destino, Sentido::Escritura));
                *avanzo + SIN_AVANZAR
            }
        };
        hasta = Some(hasta.map_or(este, |antes| antes.min(este)));
    }
    // Una señal o un error sólo adelantan la vuelta siguiente.
    hasta.is_some_and(|hasta| sistema::esperar(intereses, Some(hasta)).map_or(true, |_| true))
}
