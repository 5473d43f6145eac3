//! Esperar clientes: aceptar, saludar y dejar pasar sólo a los que hablan este protocolo, sin que los lentos demoren a nadie.
//!
//! Se toma un cliente por vez: los demás siguen en la cola del kernel, para que `select` sobre el socket que escucha diga la verdad. El que
//! todavía no terminó su handshake pasa a la lista de pendientes, con su propio plazo.
//!
//! Mientras quien llega pasa enseguida, se duerme en `accept(2)`, y es el kernel quien decide qué señales lo cortan. Cuando hay a quién rechazar
//! o dejar para después, dentro de una misma llamada se duerme muchas veces, en `ppoll(2)`: de las señales se ocupa quien hizo el [`Pedido`].

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::mem;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::error::{Error, Resultado};
use crate::handshake::Aceptados;
use crate::memoria::juntar;
use crate::opciones::{Handshake, Opciones};
use crate::pendiente::{Destino, Llegada, Pendiente};
use crate::rechazo::{MotivoDeRechazo, Rechazo};
use crate::red;
use crate::sincronia::atomic::{AtomicBool, Ordering};
use crate::sistema::{
    self, Cerrojo, Guarda, Guardado, HijoConUnHilo, Interes, MiTurno, Mirada, Pedido, Poner, Sentido, Turno,
};
use crate::traza::{self, paso};

/// A quién se le cuenta lo que pasa mientras se espera.
pub(crate) trait Avisos {
    /// Un cliente no pasó.
    fn rechazo(&mut self, rechazo: Rechazo);

    /// Falta algo para aceptar a quien llega: descriptores, memoria. Con `Ok` se sigue esperando; `true`: hay con qué volver a probar ya.
    ///
    /// # Errors
    /// El mismo, si no se va a esperar.
    fn falta(&mut self, error: Error) -> Resultado<bool> {
        Err(error)
    }
}

impl<F: FnMut(Rechazo)> Avisos for F {
    fn rechazo(&mut self, rechazo: Rechazo) {
        self(rechazo);
    }
}

/// Por donde entran los clientes: un socket que escucha.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Puerta<'a> {
    pub(crate) socket: &'a Socket,
    /// Si otro proceso puede estar esperando en él.
    pub(crate) compartida: bool,
    /// Qué socket es. `None`: no hace falta saberlo, porque el número no puede ser de otro.
    pub(crate) identidad: Option<u64>,
}

impl<'a> Puerta<'a> {
    /// La de un socket que es de la biblioteca, y de nadie más.
    pub(crate) fn propia(socket: &'a Socket) -> Self {
        Self { socket, compartida: false, identidad: None }
    }

    /// Si en su número sigue estando él.
    fn sigue(&self) -> bool {
        self.identidad.is_none_or(|este| sistema::identidad(self.socket.as_raw_fd()).is_ok_and(|ahora| ahora == este))
    }

    /// El tiempo que el programa le puso (SO_RCVTIMEO).
    pub(crate) fn tiempo_del_programa(&self) -> Option<Duration> {
        self.socket.read_timeout().ok().flatten()
    }
}

/// El mayor número de handshakes sin terminar a la vez.
const MAXIMO_DE_PENDIENTES: u64 = 512;

/// A quien lleva callado menos que esto no se lo despide por ser uno de más: puede haber llegado en medio de una multitud.
const PACIENCIA: Duration = Duration::from_secs(1);

/// Cuánto se deja de aceptar cuando falta con qué.
const DESCANSO: Duration = Duration::from_millis(50);

/// Lo que un socket que escucha recuerda entre un cliente y otro.
#[derive(Debug)]
pub(crate) struct Escucha {
    opciones: Opciones,
    liberada: AtomicBool,
    /// Si los clientes heredan del que escucha lo que necesitan.
    heredan: AtomicBool,
    /// Un solo hilo a la vez espera en el socket; los demás, su turno.
    turno: Turno,
    pendientes: Cerrojo<Vec<Pendiente>>,
    /// Los que ya pasaron, mientras este proceso esperaba otra cosa.
    listos: Cerrojo<VecDeque<Llegada>>,
}

impl Escucha {
    pub(crate) fn nueva(opciones: Opciones) -> Self {
        Self {
            opciones,
            liberada: AtomicBool::new(false),
            heredan: AtomicBool::new(false),
            turno: Turno::nuevo(),
            pendientes: Cerrojo::nuevo(Vec::new()),
            listos: Cerrojo::nuevo(VecDeque::new()),
        }
    }

    /// Antes de soltarla: helgrind no ve el orden que da la cuenta de llamadas en vuelo, y sí el de cada cerrojo.
    pub(crate) fn ordenar_el_final(&self) {
        drop(self.pendientes.tomar());
        drop(self.listos.tomar());
    }

    pub(crate) fn opciones(&self) -> &Opciones {
        &self.opciones
    }

    /// Prepara el socket: con handshake exigido, los clientes mudos esperan en el kernel.
    ///
    /// Los clientes heredan lo que se le pone al que escucha: es una llamada menos por cada uno.
    pub(crate) fn preparar(&self, socket: &Socket) -> io::Result<()> {
        red::preparar(socket, self.opciones.keepalive)?;
        self.heredan.poner(true);
        if !matches!(self.opciones.handshake, Handshake::Exigido(_)) {
            return Ok(());
        }
        let segundos = self.opciones.espera.map_or(u64::MAX, |espera| espera.as_secs().saturating_add(1));
        sistema::diferir_aceptacion(socket, i32::try_from(segundos).unwrap_or(i32::MAX))
    }

    /// Si ya no se espera a nadie.
    pub(crate) fn liberada(&self) -> bool {
        self.liberada.load(Ordering::Acquire)
    }

    /// Despierta a los hilos que esperan clientes: no van a venir más.
    pub(crate) fn liberar(&self, socket: &Socket) {
        self.liberada.poner(true);
        let _ = socket.shutdown(Shutdown::Both);
        self.turno.despertar_a_todos();
        if let Some(mio) = self.turno.intentar() {
            self.despedir_a_todos(&mut self.con(mio).pendientes);
        }
    }

    /// Cierra a los que todavía no llegaron a nadie: ya no va a haber quien los atienda.
    fn despedir_a_todos(&self, pendientes: &mut Vec<Pendiente>) {
        pendientes.clear();
        // Se sueltan sin el cerrojo: contarlo puede esperar.
        let _listos = mem::take(&mut *self.listos.tomar());
    }

    /// En el hijo de un fork, los pendientes son del padre, que los sigue atendiendo: aquí sólo se cierran las copias.
    pub(crate) fn despues_en_el_hijo(&self, hijo: &HijoConUnHilo) {
        self.turno.renovar();
        let pendientes = self.pendientes.renovar_en_el_hijo(Vec::new(), hijo).unwrap_or_default();
        let listos = self.listos.renovar_en_el_hijo(VecDeque::new(), hijo).unwrap_or_default();
        let de_los_pendientes = pendientes.into_iter().map(|pendiente| pendiente.socket);
        let de_los_listos = listos.into_iter().map(|llegada| llegada.socket);
        de_los_pendientes.chain(de_los_listos).for_each(|socket| socket.olvidar_en_el_hijo(hijo));
    }

    /// Espera un cliente que pase el handshake, hasta `vence` o hasta que baste con el `pedido`.
    pub(crate) fn esperar(
        &self,
        puerta: Puerta<'_>,
        pedido: &Pedido,
        vence: Option<Instant>,
        avisos: &mut dyn Avisos,
    ) -> Resultado<Llegada> {
        let mut turno = self.esperar_turno(pedido, vence)?;
        let salida = self.en(puerta, &mut turno, avisos).hasta_que_pase_uno(pedido, vence);
        if matches!(salida, Err(Error::Liberado | Error::Descriptor { .. })) {
            self.despedir_a_todos(&mut turno.pendientes);
        }
        salida
    }

    /// Lo de siempre: nadie está a medio entrar, y quien llega pasa. Duerme en `accept(2)`. `None`: hay que [`esperar`](Self::esperar).
    pub(crate) fn esperar_en_accept(&self, puerta: Puerta<'_>, avisos: &mut dyn Avisos) -> Resultado<Option<Llegada>> {
        if self.liberada() {
            return Err(Error::Liberado);
        }
        // Con un plazo del programa, accept(2) da EINTR por cualquier señal, y hasta por un Ctrl-Z.
        let Some(mio) = self.turno.intentar().filter(|_| puerta.tiempo_del_programa().is_none()) else {
            return Ok(None);
        };
        let mut turno = self.con(mio);
        if let Some(listo) = self.sacar_listo() {
            return Ok(Some(listo));
        }
        let hay_pendientes = !turno.pendientes.is_empty();
        if hay_pendientes { Ok(None) } else { self.en(puerta, &mut turno, avisos).aceptar() }
    }

    /// Las dos cosas, en este mismo hilo.
    pub(crate) fn esperar_en_este_hilo(&self, puerta: Puerta<'_>, avisos: &mut dyn Avisos) -> Resultado<Llegada> {
        let vence = puerta.tiempo_del_programa().and_then(sistema::dentro_de);
        Self::contar_espera(puerta);
        match self.esperar_en_accept(puerta, avisos)? {
            Some(llegada) => Ok(llegada),
            None => self.esperar(puerta, &Pedido::en_este_hilo(), vence, avisos),
        }
    }

    /// Cuenta que alguien empieza a esperar.
    pub(crate) fn contar_espera(puerta: Puerta<'_>) {
        paso!("accept({}): espera un cliente", puerta.socket.as_raw_fd());
    }

    fn en<'a>(&'a self, puerta: Puerta<'a>, turno: &'a mut EnTurno<'_>, avisos: &'a mut dyn Avisos) -> Espera<'a> {
        Espera {
            escucha: self,
            puerta,
            pendientes: &mut turno.pendientes,
            avisos,
            descansa: None,
            hay_novedades: false,
        }
    }

    /// Contesta, sin esperar, los handshakes que ya llegaron; sus clientes quedan en fila para [`esperar`](Self::esperar).
    ///
    /// Es lo que un proceso hace mientras él mismo espera que otro le conteste: dos servidores que se conectan entre sí antes
    /// de aceptar se esperarían para siempre. Si otro hilo está esperando clientes, no hace falta: los contesta él.
    pub(crate) fn adelantar(&self, puerta: Puerta<'_>, avisos: &mut dyn Avisos) {
        if self.valores().is_none() {
            // Sin handshake nadie espera una respuesta: que sigan en la cola del kernel.
            return;
        }
        let Some(mio) = self.turno.intentar() else { return };
        let mut turno = self.con(mio);
        let mut espera = self.en(puerta, &mut turno, avisos);
        // Sin memoria para anotarlo, se lo cierra.
        espera.sin_esperar(|llegada| {
            let mut listos = self.listos.tomar();
            if listos.try_reserve(1).is_ok() {
                listos.push_back(Llegada { socket: llegada.socket.fijado(), ..llegada });
            }
        });
    }

    /// El siguiente de los que ya pasaron y todavía siguen ahí.
    fn sacar_listo(&self) -> Option<Llegada> {
        let mut listos = self.listos.tomar();
        while let Some(listo) = listos.pop_front() {
            if listos.is_empty() {
                // Sin esto, su memoria quedaría pedida hasta el fin del programa.
                *listos = VecDeque::new();
            }
            if listo.socket.sigue() && !se_fue_sin_decir_nada(&listo.socket) {
                return Some(listo);
            }
        }
        None
    }

    /// Los valores que se aceptan, si hay handshake.
    fn valores(&self) -> Option<Aceptados> {
        match &self.opciones.handshake {
            Handshake::Ninguno => None,
            Handshake::Exigido(aceptados) | Handshake::Opcional(aceptados) => Some(*aceptados),
        }
    }

    fn esperar_turno(&self, pedido: &Pedido, vence: Option<Instant>) -> Resultado<EnTurno<'_>> {
        let mut mio = self.turno.intentar();
        loop {
            if self.liberada() {
                return Err(Error::Liberado);
            }
            match mio {
                Some(mio) => return Ok(self.con(mio)),
                None if pedido.basta() => return Err(Error::Interrumpido),
                None if vence.is_some_and(|vence| vence <= Instant::now()) => {
                    return Err(Error::TiempoDelPrograma { en_el_medio: false });
                }
                None => mio = self.turno.esperar_a_lo_sumo(Pedido::un_rato(vence)),
            }
        }
    }

    /// Los pendientes sólo los toma quien tiene el turno: este cerrojo nunca espera.
    fn con<'a>(&'a self, mio: MiTurno<'a>) -> EnTurno<'a> {
        EnTurno { pendientes: self.pendientes.tomar(), _mio: mio }
    }
}

/// Si el otro cerró y no dejó nada por leer. A quien dejó un mensaje y se fue, se le recibe el mensaje.
fn se_fue_sin_decir_nada(socket: &Socket) -> bool {
    !matches!(sistema::recibir_ya(socket, &mut [0], Mirada::Deja), Ok(None | Some(1)))
}

/// El derecho de esperar en el socket y de usar sus pendientes, hasta que se suelta: primero los pendientes, después el turno.
struct EnTurno<'a> {
    pendientes: Guarda<'a, Vec<Pendiente>>,
    _mio: MiTurno<'a>,
}

impl Drop for EnTurno<'_> {
    fn drop(&mut self) {
        if self.pendientes.is_empty() {
            // Sin esto, su memoria quedaría pedida hasta el fin del programa.
            *self.pendientes = Vec::new();
        }
    }
}

/// Mientras existe, aceptar no duerme: quien duerme es `ppoll(2)`, que mira también a los pendientes y abre las señales. A quien avisó
/// `ppoll(2)` se lo puede llevar otro.
struct SinBloqueo<'a> {
    puerta: Puerta<'a>,
    al_terminar_duerme: bool,
}

impl<'a> SinBloqueo<'a> {
    fn poner(puerta: Puerta<'a>) -> Resultado<Self> {
        let en_el_socket = |causa| Error::de_socket(puerta.socket.as_raw_fd(), "fcntl", causa);
        let ya_estaba = puerta.socket.nonblocking().map_err(en_el_socket)?;
        if !ya_estaba {
            sistema::poner_sin_bloqueo(puerta.socket, true).map_err(en_el_socket)?;
        }
        // El modo es de todos los que comparten el socket: otro proceso puede estar contando con él.
        Ok(Self { puerta, al_terminar_duerme: !ya_estaba && !puerta.compartida })
    }
}

impl Drop for SinBloqueo<'_> {
    fn drop(&mut self) {
        if self.al_terminar_duerme && self.puerta.sigue() {
            let _ = sistema::poner_sin_bloqueo(self.puerta.socket, false);
        }
    }
}

/// Una espera en curso.
struct Espera<'a> {
    escucha: &'a Escucha,
    puerta: Puerta<'a>,
    pendientes: &'a mut Vec<Pendiente>,
    avisos: &'a mut dyn Avisos,
    /// Hasta cuándo no se acepta a nadie, porque faltó con qué.
    descansa: Option<Instant>,
    /// Si la última vez que se miró había pasado algo.
    hay_novedades: bool,
}

impl Espera<'_> {
    fn hasta_que_pase_uno(&mut self, pedido: &Pedido, vence: Option<Instant>) -> Resultado<Llegada> {
        self.comprobar_la_puerta()?;
        let _sin_bloqueo = SinBloqueo::poner(self.puerta)?;
        let mut llegada = self.escucha.sacar_listo();
        // Aceptar es lo que dice si el socket escucha. Con pendientes ya se sabe, y pasan antes: si no, mientras siga llegando gente nadie los mira.
        if llegada.is_none() && self.pendientes.is_empty() && self.sin_lugar_hasta().is_none() {
            llegada = self.aceptar()?;
        }
        loop {
            // Al que ya se saludó se lo entrega, aunque recién ahora se libere.
            if let Some(llegada) = llegada {
                return Ok(llegada);
            }
            if self.escucha.liberada() {
                return Err(Error::Liberado);
            }
            if let Some(listo) = self.escucha.sacar_listo() {
                return Ok(listo);
            }
            llegada = self.repasar(vence, Some(pedido))?;
            self.comprobar_la_puerta()?;
            if llegada.is_none() && vence.is_some_and(|vence| vence <= Instant::now()) {
                return Err(Error::TiempoDelPrograma { en_el_medio: false });
            }
        }
    }

    /// Atiende lo que ya pasó, y nada más.
    fn sin_esperar(&mut self, mut pasa: impl FnMut(Llegada)) {
        const A_LA_VEZ: usize = 64;
        let Ok(_sin_bloqueo) = SinBloqueo::poner(self.puerta) else { return };
        for _ in 0..A_LA_VEZ {
            match self.repasar(None, None) {
                Ok(Some(llegada)) if !self.escucha.liberada() => pasa(llegada),
                Ok(None) if self.hay_novedades => {}
                _ => return,
            }
        }
    }

    fn comprobar_la_puerta(&self) -> Resultado<()> {
        let descriptor = self.puerta.socket.as_raw_fd();
        if self.puerta.sigue() { Ok(()) } else { Err(Error::cerrado_por_el_programa(descriptor)) }
    }

    /// Espera, a lo sumo `hasta`, a cualquiera de los pendientes o a uno nuevo, y mira qué pasó. Sin `pedido`, no espera.
    fn repasar(&mut self, hasta: Option<Instant>, pedido: Option<&Pedido>) -> Resultado<Option<Llegada>> {
        let sin_lugar_hasta = self.sin_lugar_hasta();
        let de_pendientes = self.pendientes.iter().filter_map(|pendiente| pendiente.vence);
        let vence = de_pendientes.chain(hasta).chain(sin_lugar_hasta).min();
        let en = |socket| Interes::en(socket, Sentido::Lectura);
        let nuevo = sin_lugar_hasta.is_none().then_some(self.puerta.socket);
        let de_pendientes = self.pendientes.iter().map(|pendiente| en(&*pendiente.socket));
        let mut intereses = juntar(de_pendientes.chain(nuevo.map(en)))?;
        let salida = match pedido {
            Some(pedido) => pedido.esperar(&mut intereses, vence),
            None => sistema::esperar(&mut intereses, Some(Instant::now())).map(|_| ()),
        };
        salida.map_err(|causa| Error::sistema("poll", causa))?;
        let hay_nuevo = nuevo.is_some() && intereses.pop().is_some_and(|interes| interes.listo());
        let novedades = juntar(intereses.iter().map(|interes| (interes.listo(), interes.cerro())))?;
        drop(intereses);
        self.hay_novedades = hay_nuevo || novedades.iter().any(|(listo, _)| *listo);
        if let Some(llegada) = self.atender_novedades(&novedades) {
            return Ok(Some(llegada));
        }
        if !hay_nuevo {
            return Ok(None);
        }
        // poll vuelve a buscar por su número al que mira: puede haber visto al nuevo dueño.
        self.comprobar_la_puerta()?;
        self.aceptar()
    }

    /// Recorre los pendientes con algo nuevo o ya vencidos. Al primero que pasa lo devuelve; los otros quedan para la próxima.
    fn atender_novedades(&mut self, novedades: &[(bool, bool)]) -> Option<Llegada> {
        let (opciones, aceptados) = (&self.escucha.opciones, self.escucha.valores()?);
        let ahora = Instant::now();
        // De atrás para adelante: sacar uno no mueve a los que faltan.
        for (lugar, (listo, cerro)) in novedades.iter().enumerate().rev() {
            let Some(pendiente) = self.pendientes.get_mut(lugar) else { continue };
            if !listo && pendiente.vence.is_none_or(|vence| vence > ahora) {
                continue;
            }
            if !pendiente.socket.sigue() {
                // El programa cerró su número: lo que haya ahí es de otro.
                self.pendientes.remove(lugar);
                continue;
            }
            let mut destino = Destino::Espera;
            if *listo {
                destino = pendiente.avanzar(opciones, &aceptados);
            }
            if matches!(destino, Destino::Espera) {
                destino = pendiente.sin_novedad(*cerro, ahora, opciones);
            }
            match destino {
                Destino::Espera => {}
                Destino::NoPasa(motivo) => self.rechazar(lugar, motivo),
                Destino::Pasa(handshake) => {
                    if let Some(llegada) = self.pendientes.remove(lugar).recibir_como_cliente(handshake) {
                        return Some(llegada);
                    }
                }
            }
        }
        None
    }

    /// Acepta uno y mira si ya mostró su handshake; si no, queda pendiente.
    fn aceptar(&mut self) -> Resultado<Option<Llegada>> {
        let (socket, par) = match red::aceptar(self.puerta.socket) {
            Ok(aceptado) => aceptado,
            Err(causa) => return self.por_que_no_acepta(causa).map(|()| None),
        };
        let opciones = &self.escucha.opciones;
        if !self.escucha.heredan.load(Ordering::Acquire) {
            // Falla sólo si el programa escucha en algo que no es TCP, donde no hace falta.
            let _ = red::preparar(&socket, opciones.keepalive);
        }
        let socket = Guardado::nuevo(socket, traza::contar_cierre);
        let Some(aceptados) = self.escucha.valores() else {
            return Ok(Some(Llegada { socket, par, handshake: None }));
        };
        let mut pendiente = Pendiente::nuevo(socket, par, opciones);
        match pendiente.avanzar(opciones, &aceptados) {
            Destino::Pasa(handshake) => return Ok(pendiente.recibir_como_cliente(handshake)),
            Destino::NoPasa(motivo) => self.avisos.rechazo(pendiente.rechazar(motivo)),
            Destino::Espera => self.dejar_para_despues(pendiente),
        }
        Ok(None)
    }

    /// `Ok`: no es de parar, hay que volver a intentar.
    fn por_que_no_acepta(&mut self, causa: io::Error) -> Resultado<()> {
        let descriptor = self.puerta.socket.as_raw_fd();
        match (causa.kind(), causa.raw_os_error()) {
            _ if self.escucha.liberada() => Err(Error::Liberado),
            (ErrorKind::WouldBlock, _) => Ok(()),
            (_, Some(libc::EINVAL | libc::EOPNOTSUPP)) => Err(Error::NoEscucha { descriptor }),
            _ => match Error::de_socket(descriptor, "accept", causa) {
                error if error.es_falta_de_recursos() => {
                    let enseguida = self.avisos.falta(error)?;
                    self.descansa = if enseguida { None } else { sistema::dentro_de(DESCANSO) };
                    Ok(())
                }
                error => Err(error),
            },
        }
    }

    fn dejar_para_despues(&mut self, nuevo: Pendiente) {
        if self.sobran() {
            self.rechazar(self.el_que_sobra(), MotivoDeRechazo::SobraronPendientes);
        }
        if self.pendientes.try_reserve(1).is_ok() {
            self.pendientes.push(nuevo.guardar());
        } else {
            self.avisos.rechazo(nuevo.rechazar(MotivoDeRechazo::SobraronPendientes));
        }
    }

    fn rechazar(&mut self, lugar: usize, motivo: MotivoDeRechazo) {
        let rechazo = self.pendientes.remove(lugar).rechazar(motivo);
        self.avisos.rechazo(rechazo);
    }

    /// Si con uno más serían demasiados.
    fn sobran(&self) -> bool {
        let limite = MAXIMO_DE_PENDIENTES.min(sistema::limite_de_descriptores() / 2).max(1);
        u64::try_from(self.pendientes.len()).is_ok_and(|cantidad| cantidad >= limite)
    }

    /// El que más tiempo lleva callado.
    fn el_que_sobra(&self) -> usize {
        self.pendientes.iter().position(Pendiente::en_silencio).unwrap_or(0)
    }

    /// Hasta cuándo no se acepta a nadie más: sigue en la cola del kernel. `None`: hay lugar.
    fn sin_lugar_hasta(&self) -> Option<Instant> {
        let despedible = || self.pendientes.get(self.el_que_sobra())?.desde.checked_add(PACIENCIA);
        let lleno = if !self.pendientes.is_empty() && self.sobran() { despedible() } else { None };
        let ahora = Instant::now();
        lleno.into_iter().chain(self.descansa).filter(|hasta| *hasta > ahora).max()
    }
}
