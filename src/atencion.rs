//! Atender a muchos clientes a la vez, cada uno en su hilo, y saber terminar.
//!
//! Este motor no sabe de sockets: cuenta hilos, los une y espera. Lo usan [`Servidor`](crate::Servidor) y la cara para C.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::error::{Error, Resultado};
use crate::memoria::juntar;
use crate::sistema::{self, Cerrojo, Compartido, Condicion, Hilo, Pedido, Puesto, Tarea, Timbre};

/// Cuánto se espera cuando falta un recurso (descriptores, memoria, hilos) antes de volver a probar.
const SIN_RECURSOS: Duration = Duration::from_millis(50);

thread_local! {
    static ATIENDE_A_UN_CLIENTE: Cell<bool> = const { Cell::new(false) };
}

/// Si este hilo atiende a un cliente, de la atención que sea. Uno así no puede esperar el final de ninguna: dos que se detuvieran uno al otro se
/// esperarían para siempre.
pub(crate) fn este_hilo_atiende_a_un_cliente() -> bool {
    ATIENDE_A_UN_CLIENTE.get()
}

/// De aquí en más, este hilo atiende a un cliente.
pub(crate) fn entrar() {
    ATIENDE_A_UN_CLIENTE.set(true);
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
    /// Espera un cliente, mientras no baste con el `pedido`, y dice qué hacer con él y qué después: lo primero entra en la cuenta, y lo último
    /// sale de ella.
    ///
    /// # Errors
    /// [`Error::Liberado`] si ya no va a haber más, y lo que diga el sistema.
    fn esperar(&self, cuenta: &Cuenta, pedido: &Pedido) -> Resultado<Tarea>;
    /// No hay hilos: hasta que los haya no se espera a nadie, y los que llegan quedan sin saludar.
    fn sin_hilos(&self);
    /// Corta a los clientes que quedan: lo que tengan en vuelo vuelve con error.
    fn cortar(&self);
    /// Hasta cuándo se espera, después de cortar, a los que quedan. `None`: lo que haga falta.
    fn hasta_cuando(&self) -> Option<Instant> {
        None
    }
}

/// La cuenta de los clientes de una atención.
#[derive(Clone)]
pub(crate) struct Cuenta {
    atencion: Compartido<Atencion>,
}

impl Cuenta {
    /// Este cliente terminó.
    pub(crate) fn salir(&self) {
        self.atencion.anotar_terminado();
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
        // Si no hay memoria para anotarlo, nadie lo espera: le falta muy poco.
        if estado.terminados.try_reserve(1).is_ok() {
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

    /// Deja de contar a los hilos que ya terminaron del todo.
    fn olvidar_terminados(&self) {
        self.estado.tomar().terminados.retain(|hilo| !hilo.termino());
    }

    /// Espera a que terminen del todo los que ya avisaron.
    fn unir_terminados(&self) {
        let terminados = std::mem::take(&mut self.estado.tomar().terminados);
        terminados.into_iter().for_each(Hilo::unir);
    }

    /// Espera a que haya lugar para otro cliente. `false`: hay que terminar.
    ///
    /// # Errors
    /// [`Error::Interrumpido`], como al esperar un cliente.
    fn esperar_lugar(&self, limite: Option<usize>, pedido: &Pedido) -> Resultado<bool> {
        loop {
            {
                let mut estado = self.estado.tomar();
                let hay_lugar = limite.is_none_or(|limite| estado.clientes < limite);
                estado.esperando = !estado.deteniendo && !hay_lugar;
                if !estado.esperando {
                    return Ok(!estado.deteniendo);
                }
            }
            self.esperar_timbre(None, pedido)?;
        }
    }

    /// Espera un rato, o a que termine algún cliente, que puede devolver lo que falta.
    ///
    /// # Errors
    /// [`Error::Interrumpido`], como al esperar un cliente.
    fn esperar_recursos(&self, pedido: &Pedido) -> Resultado<()> {
        self.estado.tomar().esperando = true;
        self.esperar_timbre(sistema::dentro_de(SIN_RECURSOS), pedido)
    }

    fn esperar_timbre(&self, vence: Option<Instant>, pedido: &Pedido) -> Resultado<()> {
        let interes = self.timbre.interes();
        // Sin timbre, hay que mirar cada tanto.
        let vence = if interes.is_some() { vence } else { sistema::dentro_de(SIN_RECURSOS) };
        let salida = pedido.esperar(&mut juntar(interes.into_iter())?, vence);
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

/// Da a los clientes que quedan `plazo_de_cierre`, corta a los que siguen y espera a que terminen todos los hilos, hasta donde diga el
/// servicio. Quien llama anuncia el fin.
pub(crate) fn despedir(atencion: &Atencion, servicio: &dyn Servicio, plazo_de_cierre: Duration) {
    if !atencion.esperar_a_los_clientes(sistema::dentro_de(plazo_de_cierre)) {
        servicio.cortar();
        atencion.esperar_a_los_clientes(servicio.hasta_cuando());
    }
    atencion.unir_terminados();
}

/// Atiende hasta que se pida el fin, baste con el `pedido` o falle la espera. Después hay que [`despedir`] a los que quedan.
///
/// # Errors
/// Los de [`Servicio::esperar`], salvo que se haya pedido el fin o que falte un recurso, que se espera.
pub(crate) fn atender(
    atencion: &Compartido<Atencion>,
    servicio: &dyn Servicio,
    clientes_maximos: Option<usize>,
    pedido: &Pedido,
) -> Resultado<()> {
    let cuenta = Cuenta { atencion: atencion.clone() };
    // El hilo del próximo cliente se lanza antes de esperarlo: a quien nadie puede atender no se lo saluda.
    let mut puesto = None;
    let mut faltan_hilos = false;
    while atencion.esperar_lugar(clientes_maximos, pedido)? {
        atencion.olvidar_terminados();
        let Some(listo) = puesto.take().or_else(|| Puesto::abrir(pedido.del_programa())) else {
            if !std::mem::replace(&mut faltan_hilos, true) {
                servicio.sin_hilos();
            }
            atencion.esperar_recursos(pedido)?;
            continue;
        };
        faltan_hilos = false;
        match servicio.esperar(&cuenta, pedido) {
            Ok(tarea) => {
                atencion.estado.tomar().clientes += 1;
                listo.ocupar(tarea);
            }
            Err(error) if error.es_falta_de_recursos() => {
                puesto = Some(listo);
                atencion.esperar_recursos(pedido)?;
            }
            Err(Error::Liberado) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
