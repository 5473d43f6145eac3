//! Atender a muchos clientes a la vez, cada uno en su hilo, y saber terminar.
//!
//! Este motor no sabe de sockets: cuenta hilos, los une y espera. Lo usan [`Servidor`](crate::Servidor) y la cara para C.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::error::{Error, Resultado};
use crate::sistema::{self, Cerrojo, Compartido, Condicion, Hilo, Interes, Sentido, Tarea, Timbre};

/// Cuánto se espera cuando falta un recurso (descriptores, memoria, hilos) antes de volver a probar.
const SIN_RECURSOS: Duration = Duration::from_millis(50);

thread_local! {
    /// A qué atención pertenece este hilo, si atiende a un cliente: su dirección, que no se desreferencia.
    static DE_QUIEN: Cell<usize> = const { Cell::new(0) };
}

/// Los hilos de un servidor que atiende.
#[derive(Debug)]
pub(crate) struct Atencion {
    estado: Cerrojo<Estado>,
    /// Para quien espera el final: no hay señal que valga.
    cambio: Condicion,
    /// Para quien atiende, que tiene que oír también las señales.
    timbre: Timbre,
}

#[derive(Debug, Default)]
struct Estado {
    deteniendo: bool,
    terminada: bool,
    /// Si quien atiende está esperando el timbre.
    esperando: bool,
    /// Cuántos clientes se atienden ahora.
    clientes: usize,
    /// Los hilos que ya terminaron y falta unir.
    terminados: Vec<Hilo>,
}

/// Lo que el motor le pide a quien sabe de sockets.
pub(crate) trait Servicio {
    /// Espera un cliente y dice qué hacer con él y qué después: lo primero entra en la cuenta, y lo último sale de ella.
    ///
    /// # Errors
    /// [`Error::Liberado`] si ya no va a haber más, y lo que diga el sistema.
    fn esperar(&self, cuenta: &Cuenta) -> Resultado<Tarea>;
    /// Corta a los clientes que quedan: lo que tengan en vuelo vuelve con error.
    fn cortar(&self);
}

/// La cuenta de los clientes de una atención.
#[derive(Clone)]
pub(crate) struct Cuenta {
    atencion: Compartido<Atencion>,
}

/// La entrada a una cuenta: se puede copiar, porque no es dueña de nada.
#[derive(Clone, Copy)]
pub(crate) struct Entrada {
    direccion: usize,
}

impl Cuenta {
    pub(crate) fn entrada(&self) -> Entrada {
        Entrada { direccion: self.atencion.direccion() }
    }

    /// Este cliente terminó.
    pub(crate) fn salir(&self) {
        self.atencion.anotar_terminado();
    }
}

impl Entrada {
    /// Este hilo es el de un cliente de esta cuenta.
    pub(crate) fn entrar(self) {
        DE_QUIEN.set(self.direccion);
    }
}

impl Atencion {
    /// # Errors
    /// Si no hay descriptores para el timbre, o memoria.
    pub(crate) fn nueva() -> Resultado<Compartido<Self>> {
        let timbre = Timbre::nuevo().map_err(|causa| Error::sistema("socketpair", causa))?;
        let atencion = Condicion::nueva()
            .and_then(|cambio| Compartido::nuevo(Self { estado: Cerrojo::nuevo(Estado::default()), cambio, timbre }));
        atencion.ok_or(Error::SinMemoria { bytes: 0 })
    }

    /// Si el hilo que pregunta es de un cliente de esta atención.
    pub(crate) fn es_de_un_cliente(&self) -> bool {
        DE_QUIEN.get() == self.direccion()
    }

    /// Si `otra` no es ésta misma.
    pub(crate) fn es_otra(&self, otra: &Self) -> bool {
        self.direccion() != otra.direccion()
    }

    fn direccion(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Pide que termine. Quien atiende se entera cuando su espera vuelve.
    pub(crate) fn pedir_fin(&self) {
        let mut estado = self.estado.tomar();
        estado.deteniendo = true;
        self.avisar(&estado);
    }

    /// Espera a que haya terminado del todo.
    pub(crate) fn esperar_fin(&self) {
        let mut estado = self.estado.tomar();
        while !estado.terminada {
            self.cambio.esperar(&mut estado);
        }
    }

    fn anotar_terminado(&self) {
        let mut estado = self.estado.tomar();
        estado.clientes -= 1;
        // Si no se lo pudo lanzar, corre en el hilo del servidor, que no se une a sí mismo.
        if self.es_de_un_cliente() {
            estado.terminados.push(Hilo::actual());
        }
        self.avisar(&estado);
    }

    /// Avisa un cambio a todos los que lo esperan.
    fn avisar(&self, estado: &Estado) {
        self.cambio.avisar();
        if estado.esperando {
            self.timbre.tocar();
        }
    }

    /// Une los hilos que ya terminaron: sin esto, cada cliente dejaría su pila.
    fn unir_terminados(&self) {
        let terminados = std::mem::take(&mut self.estado.tomar().terminados);
        terminados.into_iter().for_each(Hilo::unir);
    }

    /// Espera a que haya lugar para otro cliente. `false`: hay que terminar.
    ///
    /// # Errors
    /// [`Error::Interrumpido`], como al esperar un cliente.
    fn esperar_lugar(&self, limite: Option<usize>) -> Resultado<bool> {
        loop {
            {
                let mut estado = self.estado.tomar();
                let hay_lugar = limite.is_none_or(|limite| estado.clientes < limite);
                estado.esperando = !estado.deteniendo && !hay_lugar;
                if !estado.esperando {
                    return Ok(!estado.deteniendo);
                }
            }
            self.esperar_timbre(None)?;
        }
    }

    /// Espera un rato, o a que termine algún cliente, que puede devolver lo que falta.
    ///
    /// # Errors
    /// [`Error::Interrumpido`], como al esperar un cliente.
    fn esperar_recursos(&self) -> Resultado<()> {
        self.estado.tomar().esperando = true;
        self.esperar_timbre(sistema::dentro_de(SIN_RECURSOS))
    }

    fn esperar_timbre(&self, vence: Option<Instant>) -> Resultado<()> {
        let salida = sistema::esperar_o_interrumpirse(&mut [Interes::en(&self.timbre, Sentido::Lectura)], vence);
        self.timbre.oir();
        salida.map_err(|causa| Error::sistema("poll", causa))
    }

    /// Espera a que no quede ningún cliente, hasta `vence`. Dice si lo logró.
    fn esperar_a_los_clientes(&self, vence: Option<Instant>) -> bool {
        let mut estado = self.estado.tomar();
        while estado.clientes > 0 {
            match vence.map(|vence| vence.saturating_duration_since(Instant::now())) {
                None => self.cambio.esperar(&mut estado),
                Some(Duration::ZERO) => return false,
                Some(falta) => self.cambio.esperar_a_lo_sumo(&mut estado, falta),
            }
        }
        true
    }

    /// Avisa a quien pidió el fin. Es lo último: lo que se libere antes, ya está liberado cuando él sigue.
    pub(crate) fn anunciar_fin(&self) {
        let mut estado = self.estado.tomar();
        estado.terminada = true;
        self.cambio.avisar();
    }
}

/// Atiende hasta que se pida el fin o falle la espera; entonces da a los clientes que quedan `plazo_de_cierre`, corta a los que
/// siguen y une todos los hilos. Quien llama anuncia el fin.
///
/// # Errors
/// Los de [`Servicio::esperar`], salvo que se haya pedido el fin o que falte un recurso, que se espera.
pub(crate) fn atender(
    atencion: &Compartido<Atencion>,
    servicio: &dyn Servicio,
    clientes_maximos: Option<usize>,
    plazo_de_cierre: Duration,
) -> Resultado<()> {
    let salida = atender_hasta_el_fin(atencion, servicio, clientes_maximos);
    if !atencion.esperar_a_los_clientes(sistema::dentro_de(plazo_de_cierre)) {
        servicio.cortar();
        atencion.esperar_a_los_clientes(None);
    }
    atencion.unir_terminados();
    salida
}

fn atender_hasta_el_fin(
    atencion: &Compartido<Atencion>,
    servicio: &dyn Servicio,
    clientes_maximos: Option<usize>,
) -> Resultado<()> {
    let cuenta = Cuenta { atencion: atencion.clone() };
    while atencion.esperar_lugar(clientes_maximos)? {
        atencion.unir_terminados();
        match servicio.esperar(&cuenta) {
            Ok(tarea) => lanzar(atencion, tarea)?,
            Err(error) if falta_un_recurso(&error) => atencion.esperar_recursos()?,
            Err(Error::Liberado) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn falta_un_recurso(error: &Error) -> bool {
    match error {
        Error::SinDescriptores { .. } | Error::SinMemoria { .. } => true,
        Error::Sistema { causa, .. } => causa.raw_os_error() == Some(libc::ENFILE),
        _ => false,
    }
}

/// Lanza el hilo de un cliente. Si no hay hilos, espera a que los haya; si mientras tanto hay que terminar, al cliente se lo despide.
fn lanzar(atencion: &Compartido<Atencion>, mut tarea: Tarea) -> Resultado<()> {
    atencion.estado.tomar().clientes += 1;
    while let Err(sin_lanzar) = Hilo::lanzar(tarea) {
        tarea = sin_lanzar;
        atencion.unir_terminados();
        let sigue = atencion.esperar_recursos().and_then(|()| atencion.esperar_lugar(None));
        if !matches!(sigue, Ok(true)) {
            (tarea.al_terminar)();
            return sigue.map(|_| ());
        }
    }
    Ok(())
}
