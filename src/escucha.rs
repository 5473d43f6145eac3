//! Esperar clientes: aceptar, saludar y dejar pasar sólo a los que hablan este protocolo, sin que los lentos demoren a nadie.
//!
//! Se toma un cliente por vez: los demás siguen en la cola del kernel, para que `select` sobre el socket que escucha
//! diga la verdad. El que todavía no terminó su handshake pasa a la lista de pendientes, con su propio plazo.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use socket2::Socket;

use crate::error::{Error, Resultado};
use crate::handshake::{self, Aceptados, Recepcion, Veredicto};
use crate::memoria::juntar;
use crate::opciones::{Handshake, Opciones};
use crate::protocolo::{LARGO_DE_HEADER, MENSAJE};
use crate::red;
use crate::sistema::{self, Cerrojo, Guarda, HijoConUnHilo, Interes, Mirada, NoSeHereda, Sentido, Timbre};
use crate::traza::{llega, paso, sale};

/// Un cliente que pasó el handshake.
#[derive(Debug)]
pub(crate) struct Llegada {
    pub(crate) socket: Socket,
    pub(crate) par: SocketAddr,
    /// El valor que mostró. `None`: no hizo handshake.
    pub(crate) handshake: Option<i32>,
}

/// Un cliente que no pasó: lo entrega [`Servidor::esperar_cliente_avisando`](crate::Servidor::esperar_cliente_avisando). Su
/// texto es una línea para el log, sin acentos, como las del TP0:
///
/// ```
/// use tp0::{MotivoDeRechazo, Rechazo};
///
/// let rechazo = Rechazo { par: ([192, 168, 0, 5], 40_000).into(), motivo: MotivoDeRechazo::OtroValor(7) };
/// assert_eq!(
///     rechazo.to_string(),
///     "Se rechazo al cliente 192.168.0.5:40000: mostro 7 (0x00000007) como handshake y no es el que se espera"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rechazo {
    /// Quién era.
    pub par: SocketAddr,
    /// Por qué.
    pub motivo: MotivoDeRechazo,
}

/// Por qué no pasó un cliente.
///
/// ```
/// use std::io::Write;
/// use tp0::{Error, MotivoDeRechazo, Servidor};
///
/// let servidor = Servidor::iniciar("127.0.0.1", "0")?;
///
/// // Manda medio handshake y se va.
/// std::net::TcpStream::connect(servidor.direccion()?)?.write_all(&[1, 0])?;
///
/// let mut motivos = Vec::new();
/// let salida = servidor.esperar_cliente_avisando(|rechazo| {
///     motivos.push(rechazo.motivo);
///     servidor.detener(); // para el ejemplo, con uno alcanza
/// });
/// assert!(matches!(salida, Err(Error::Liberado)));
/// assert_eq!(motivos, [MotivoDeRechazo::SeFue]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MotivoDeRechazo {
    /// Mostró un valor que este servidor no acepta.
    OtroValor(i32),
    /// Donde el handshake es opcional: lo que mandó no es un handshake ni un header.
    OtroProtocolo,
    /// Se fue antes de terminar el handshake.
    SeFue,
    /// No lo terminó a tiempo.
    SeLeVencio,
    /// Había demasiados handshakes sin terminar (512, o la mitad de los descriptores del proceso) y era el que más llevaba callado.
    SobraronPendientes,
}

impl fmt::Display for Rechazo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Se rechazo al cliente {}: {}", self.par, self.motivo)
    }
}

impl fmt::Display for MotivoDeRechazo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OtroValor(valor) => {
                write!(f, "mostro {valor} (0x{valor:08x}) como handshake y no es el que se espera")?;
                // Lo primero que manda un TP0 sin handshake es el código de un MENSAJE.
                if valor == MENSAJE { f.write_str(". Si no hace handshake: TP0_HANDSHAKE=no") } else { Ok(()) }
            }
            Self::OtroProtocolo => f.write_str("lo que mando no es un handshake ni un header"),
            Self::SeFue => f.write_str("se fue antes de terminar el handshake"),
            Self::SeLeVencio => f.write_str("no termino el handshake a tiempo"),
            Self::SobraronPendientes => f.write_str("habia demasiados handshakes sin terminar"),
        }
    }
}

/// A quién se le cuenta cada rechazo.
pub(crate) type Aviso<'a> = &'a mut dyn FnMut(Rechazo);

/// Los sockets de este mismo proceso que escuchan, para adelantarlos mientras se espera una respuesta de afuera.
pub(crate) trait Vecinos {
    /// Si hay alguno.
    fn hay(&self) -> bool;
    /// Contesta los handshakes que ya les llegaron, sin esperar.
    fn adelantar(&self);
}

/// Los servidores hechos desde Rust en este proceso.
#[derive(Debug)]
pub(crate) struct VecinosDeRust;

static DE_RUST: Cerrojo<Vec<Weak<Vecino>>> = Cerrojo::nuevo(Vec::new());

/// Un socket que escucha, con lo que recuerda.
#[derive(Debug)]
pub(crate) struct Vecino {
    pub(crate) socket: Socket,
    pub(crate) escucha: Escucha,
}

impl Drop for Vecino {
    fn drop(&mut self) {
        paso!("close({})", self.socket.as_raw_fd());
    }
}

impl VecinosDeRust {
    /// Suma uno, hasta que se lo suelte.
    pub(crate) fn sumar(vecino: Vecino) -> Arc<Vecino> {
        let vecino = Arc::new(vecino);
        let mut todos = DE_RUST.tomar();
        todos.retain(|otro| otro.strong_count() > 0);
        todos.push(Arc::downgrade(&vecino));
        vecino
    }
}

impl Vecinos for VecinosDeRust {
    fn hay(&self) -> bool {
        DE_RUST.tomar().iter().any(|vecino| vecino.strong_count() > 0)
    }

    fn adelantar(&self) {
        let vivos: Vec<_> = DE_RUST.tomar().iter().filter_map(Weak::upgrade).collect();
        for vecino in vivos {
            vecino.escucha.adelantar(&vecino.socket, &mut |_| {});
        }
    }
}

/// El mayor número de handshakes sin terminar a la vez.
const MAXIMO_DE_PENDIENTES: u64 = 512;

/// Lo que un socket que escucha recuerda entre un cliente y otro.
#[derive(Debug)]
pub(crate) struct Escucha {
    opciones: Opciones,
    liberada: AtomicBool,
    /// Si los clientes heredan del que escucha lo que necesitan.
    heredan: AtomicBool,
    turnos: Cerrojo<Turnos>,
    pendientes: Cerrojo<Vec<Pendiente>>,
    /// Los que ya pasaron, mientras este proceso esperaba otra cosa.
    listos: Cerrojo<VecDeque<Llegada>>,
}

/// Un solo hilo a la vez espera en el socket; los demás, su turno.
#[derive(Debug, Default)]
struct Turnos {
    ocupado: bool,
    esperando: usize,
    timbre: Option<Timbre>,
}

#[derive(Debug)]
struct Pendiente {
    _marca: NoSeHereda,
    socket: Socket,
    par: SocketAddr,
    vence: Option<Instant>,
    recepcion: Recepcion,
    /// Los bytes vistos y no consumidos, donde el handshake es opcional.
    vistos: usize,
}

/// Qué se hace con un pendiente.
enum Destino {
    Espera,
    Pasa(Option<i32>),
    NoPasa(MotivoDeRechazo),
}

impl Escucha {
    pub(crate) fn nueva(opciones: Opciones) -> Self {
        Self {
            opciones,
            liberada: AtomicBool::new(false),
            heredan: AtomicBool::new(false),
            turnos: Cerrojo::nuevo(Turnos::default()),
            pendientes: Cerrojo::nuevo(Vec::new()),
            listos: Cerrojo::nuevo(VecDeque::new()),
        }
    }

    /// Antes de soltarla: helgrind no ve el orden que da la cuenta de llamadas en vuelo, y sí el de cada cerrojo.
    pub(crate) fn ordenar_el_final(&self) {
        drop(self.turnos.tomar());
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
        self.heredan.swap(true, Ordering::AcqRel);
        if !matches!(self.opciones.handshake, Handshake::Exigido(_)) {
            return Ok(());
        }
        let segundos = self.opciones.espera.map_or(u64::MAX, |espera| espera.as_secs().saturating_add(1));
        sistema::diferir_aceptacion(socket, i32::try_from(segundos).unwrap_or(i32::MAX))
    }

    /// Despierta a los hilos que esperan clientes: no van a venir más.
    pub(crate) fn liberar(&self, socket: &Socket) {
        self.liberada.swap(true, Ordering::AcqRel);
        let _ = socket.shutdown(Shutdown::Both);
        let turnos = self.turnos.tomar();
        for _ in 0..turnos.esperando {
            turnos.tocar_timbre();
        }
        drop(turnos);
        if let Some(mut turno) = self.tomar_turno_libre() {
            self.despedir_a_todos(&mut turno.pendientes);
        }
    }

    /// Cierra a los que todavía no llegaron a nadie: ya no va a haber quien los atienda.
    fn despedir_a_todos(&self, pendientes: &mut Vec<Pendiente>) {
        for pendiente in pendientes.drain(..) {
            paso!("close({})", pendiente.socket.as_raw_fd());
        }
        *self.listos.tomar() = VecDeque::new();
    }

    /// En el hijo de un fork, los pendientes son del padre, que los sigue atendiendo: aquí sólo se cierran las copias.
    pub(crate) fn despues_en_el_hijo(&self, hijo: &HijoConUnHilo) {
        let turnos = self.turnos.renovar_en_el_hijo(Turnos::default(), hijo);
        let pendientes = self.pendientes.renovar_en_el_hijo(Vec::new(), hijo).unwrap_or_default();
        let listos = self.listos.renovar_en_el_hijo(VecDeque::new(), hijo).unwrap_or_default();
        if let Some(timbre) = turnos.and_then(|turnos| turnos.timbre) {
            timbre.cerrar_en_el_hijo(hijo);
        }
        let de_los_pendientes = pendientes.into_iter().map(|pendiente| pendiente.socket);
        let de_los_listos = listos.into_iter().map(|llegada| llegada.socket);
        de_los_pendientes.chain(de_los_listos).for_each(|socket| sistema::cerrar_copia(socket, hijo));
    }

    /// Espera un cliente que pase el handshake.
    pub(crate) fn esperar(&self, socket: &Socket, avisar: Aviso<'_>) -> Resultado<Llegada> {
        let mut turno = self.tomar_turno()?;
        paso!("accept({}): espera un cliente", socket.as_raw_fd());
        let salida = self.esperar_en_turno(socket, &mut turno.pendientes, avisar);
        if matches!(salida, Err(Error::Liberado)) {
            self.despedir_a_todos(&mut turno.pendientes);
        }
        salida
    }

    fn esperar_en_turno(
        &self,
        socket: &Socket,
        pendientes: &mut Vec<Pendiente>,
        avisar: Aviso<'_>,
    ) -> Resultado<Llegada> {
        let mut vence_el_programa = None;
        loop {
            if self.liberada.load(Ordering::Acquire) {
                return Err(Error::Liberado);
            }
            if let Some(llegada) = self.sacar_listo() {
                return Ok(llegada);
            }
            let mut hasta = None;
            let llegada = if pendientes.is_empty() {
                self.aceptar(socket, pendientes, avisar)?
            } else {
                // El tiempo que el programa le puso al socket lo cuenta accept; poll no lo mira.
                hasta = *vence_el_programa.get_or_insert_with(|| vencimiento_del_programa(socket));
                self.repasar(socket, pendientes, hasta, avisar)?
            };
            if let Some(llegada) = llegada {
                return Ok(llegada);
            }
            if hasta.is_some_and(|hasta| hasta <= Instant::now()) {
                return Err(Error::TiempoDelPrograma { en_el_medio: false });
            }
        }
    }

    /// Contesta, sin esperar, los handshakes que ya llegaron; sus clientes quedan en fila para [`esperar`](Self::esperar).
    ///
    /// Es lo que un proceso hace mientras él mismo espera que otro le conteste: dos servidores que se conectan entre sí antes
    /// de aceptar se esperarían para siempre. Si otro hilo está esperando clientes, no hace falta: los contesta él.
    pub(crate) fn adelantar(&self, socket: &Socket, avisar: Aviso<'_>) {
        const A_LA_VEZ: usize = 64;
        if self.valores().is_none() {
            // Sin handshake nadie espera una respuesta: que sigan en la cola del kernel.
            return;
        }
        let Some(mut turno) = self.tomar_turno_libre() else { return };
        for _ in 0..A_LA_VEZ {
            if self.liberada.load(Ordering::Acquire) || !algo_paso(socket, &turno.pendientes) {
                return;
            }
            match self.repasar(socket, &mut turno.pendientes, Some(Instant::now()), avisar) {
                Ok(Some(llegada)) => {
                    let mut listos = self.listos.tomar();
                    // Sin memoria para anotarlo, se lo cierra.
                    if listos.try_reserve(1).is_ok() {
                        listos.push_back(llegada);
                    }
                }
                Ok(None) => {}
                Err(_) => return,
            }
        }
    }

    /// El siguiente de los que ya pasaron.
    fn sacar_listo(&self) -> Option<Llegada> {
        let mut listos = self.listos.tomar();
        let listo = listos.pop_front();
        if listos.is_empty() {
            // Sin esto, su memoria quedaría pedida hasta el fin del programa.
            *listos = VecDeque::new();
        }
        listo
    }

    /// Acepta uno y mira si ya mostró su handshake; si no, queda pendiente.
    fn aceptar(
        &self,
        escucha: &Socket,
        pendientes: &mut Vec<Pendiente>,
        avisar: Aviso<'_>,
    ) -> Resultado<Option<Llegada>> {
        let (socket, par) = match red::aceptar(escucha) {
            Ok(aceptado) => aceptado,
            Err(causa) => return self.por_que_no_acepta(escucha, causa, pendientes.is_empty()).map(|()| None),
        };
        if !self.heredan.load(Ordering::Acquire) {
            // Falla sólo si el programa escucha en algo que no es TCP, donde no hace falta.
            let _ = red::preparar(&socket, self.opciones.keepalive);
        }
        let Some(aceptados) = self.valores() else {
            return Ok(Some(Llegada { socket, par, handshake: None }));
        };
        let vence = self.opciones.espera.and_then(sistema::dentro_de);
        let _marca = NoSeHereda::marcar(&socket);
        let mut pendiente = Pendiente { _marca, socket, par, vence, recepcion: Recepcion::default(), vistos: 0 };
        match pendiente.avanzar(&self.opciones, &aceptados) {
            Destino::Pasa(handshake) => Ok(pendiente.recibir_como_cliente(handshake)),
            Destino::NoPasa(motivo) => {
                pendiente.rechazar(motivo, avisar);
                Ok(None)
            }
            Destino::Espera => {
                agregar_pendiente(pendientes, pendiente, avisar);
                Ok(None)
            }
        }
    }

    /// Los valores que se aceptan, si hay handshake.
    fn valores(&self) -> Option<Aceptados> {
        match &self.opciones.handshake {
            Handshake::Ninguno => None,
            Handshake::Exigido(aceptados) | Handshake::Opcional(aceptados) => Some(*aceptados),
        }
    }

    /// `Ok`: no es de parar, hay que volver a intentar. Si no hay a quién más esperar, en un socket sin bloqueo se espera aquí.
    fn por_que_no_acepta(&self, escucha: &Socket, causa: io::Error, sin_pendientes: bool) -> Resultado<()> {
        if self.liberada.load(Ordering::Acquire) {
            return Err(Error::Liberado);
        }
        match (causa.kind(), causa.raw_os_error()) {
            (ErrorKind::Interrupted, _) => Err(Error::Interrumpido),
            (ErrorKind::WouldBlock, _) if escucha.nonblocking().unwrap_or(false) => {
                let mut en_el_que_escucha = [Interes::en(escucha, Sentido::Lectura)];
                if sin_pendientes { esperar_sockets(&mut en_el_que_escucha, None) } else { Ok(()) }
            }
            (ErrorKind::WouldBlock, _) => Err(Error::TiempoDelPrograma { en_el_medio: false }),
            (_, Some(libc::EINVAL | libc::EOPNOTSUPP)) => Err(Error::NoEscucha { descriptor: escucha.as_raw_fd() }),
            _ => Err(Error::de_socket(escucha.as_raw_fd(), "accept", causa)),
        }
    }

    /// Con handshakes sin terminar: espera, a lo sumo `hasta`, a cualquiera de ellos o a uno nuevo, y mira qué pasó.
    fn repasar(
        &self,
        escucha: &Socket,
        pendientes: &mut Vec<Pendiente>,
        hasta: Option<Instant>,
        avisar: Aviso<'_>,
    ) -> Resultado<Option<Llegada>> {
        let vence = pendientes.iter().filter_map(|pendiente| pendiente.vence).chain(hasta).min();
        let mut intereses = intereses_de(escucha, pendientes)?;
        esperar_sockets(&mut intereses, vence)?;
        let hay_nuevo = intereses.pop().is_some_and(|interes| interes.listo());
        let novedades = juntar(intereses.iter().map(|interes| (interes.listo(), interes.cerro())))?;
        drop(intereses);
        if let Some(llegada) = self.atender_novedades(pendientes, &novedades, avisar) {
            return Ok(Some(llegada));
        }
        if hay_nuevo { self.aceptar(escucha, pendientes, avisar) } else { Ok(None) }
    }

    /// Recorre los pendientes con algo nuevo o ya vencidos. Al primero que pasa lo devuelve; los otros quedan para la próxima.
    fn atender_novedades(
        &self,
        pendientes: &mut Vec<Pendiente>,
        novedades: &[(bool, bool)],
        avisar: Aviso<'_>,
    ) -> Option<Llegada> {
        let aceptados = self.valores()?;
        let ahora = Instant::now();
        // De atrás para adelante: sacar uno no mueve a los que faltan.
        for (lugar, (listo, cerro)) in novedades.iter().enumerate().rev() {
            let Some(pendiente) = pendientes.get_mut(lugar) else { continue };
            let mut destino = Destino::Espera;
            if *listo {
                destino = pendiente.avanzar(&self.opciones, &aceptados);
            }
            if matches!(destino, Destino::Espera) {
                destino = pendiente.sin_novedad(*cerro, ahora, &self.opciones);
            }
            match destino {
                Destino::Espera => {}
                Destino::NoPasa(motivo) => pendientes.remove(lugar).rechazar(motivo, avisar),
                Destino::Pasa(handshake) => {
                    if let Some(llegada) = pendientes.remove(lugar).recibir_como_cliente(handshake) {
                        return Some(llegada);
                    }
                }
            }
        }
        None
    }

    fn tomar_turno(&self) -> Resultado<Turno<'_>> {
        loop {
            let timbre = {
                let mut turnos = self.turnos.tomar();
                if self.liberada.load(Ordering::Acquire) {
                    return Err(Error::Liberado);
                }
                if !turnos.ocupado {
                    turnos.ocupado = true;
                    None
                } else {
                    let timbre = turnos.oido().map_err(|causa| Error::sistema("socketpair", causa))?;
                    turnos.esperando += 1;
                    Some(timbre)
                }
            };
            let Some(timbre) = timbre else { return Ok(self.turno()) };
            let salida = esperar_sockets(&mut [Interes::en(&timbre, Sentido::Lectura)], None);
            let mut turnos = self.turnos.tomar();
            turnos.esperando -= 1;
            let _ = sistema::recibir_ya(&timbre, &mut [0], Mirada::Consume);
            drop(turnos);
            salida?;
        }
    }

    fn tomar_turno_libre(&self) -> Option<Turno<'_>> {
        let estaba_ocupado = std::mem::replace(&mut self.turnos.tomar().ocupado, true);
        (!estaba_ocupado).then(|| self.turno())
    }

    /// Los pendientes sólo los toma quien tiene el turno: este cerrojo nunca espera.
    fn turno(&self) -> Turno<'_> {
        Turno { pendientes: self.pendientes.tomar(), _boleto: Boleto { turnos: &self.turnos } }
    }
}

/// Cuándo se cumple, si se empieza a esperar ahora, el tiempo que el programa le puso al socket (SO_RCVTIMEO).
fn vencimiento_del_programa(socket: &Socket) -> Option<Instant> {
    socket.read_timeout().ok().flatten().and_then(sistema::dentro_de)
}

/// Lo que se espera: cada pendiente y, al final, el que escucha.
fn intereses_de<'a>(escucha: &'a Socket, pendientes: &'a [Pendiente]) -> Resultado<Vec<Interes<'a>>> {
    let de_pendientes = pendientes.iter().map(|pendiente| Interes::en(&pendiente.socket, Sentido::Lectura));
    juntar(de_pendientes.chain([Interes::en(escucha, Sentido::Lectura)]))
}

/// Si hay un cliente nuevo, o un pendiente con algo nuevo.
fn algo_paso(escucha: &Socket, pendientes: &[Pendiente]) -> bool {
    let ahora = Some(Instant::now());
    intereses_de(escucha, pendientes)
        .is_ok_and(|mut intereses| sistema::esperar(&mut intereses, ahora).is_ok_and(|cuantos| cuantos > 0))
}

/// Espera a los sockets. Una señal la corta sólo si el programa instaló algún manejador que lo pide.
fn esperar_sockets(intereses: &mut [Interes<'_>], vence: Option<Instant>) -> Resultado<()> {
    sistema::esperar_o_interrumpirse(intereses, vence).map_err(|causa| Error::sistema("poll", causa))
}

/// Agrega un pendiente. Si ya son demasiados, se va el que más tiempo lleva callado.
fn agregar_pendiente(pendientes: &mut Vec<Pendiente>, nuevo: Pendiente, avisar: Aviso<'_>) {
    let limite = MAXIMO_DE_PENDIENTES.min(sistema::limite_de_descriptores() / 2).max(1);
    if u64::try_from(pendientes.len()).is_ok_and(|cantidad| cantidad >= limite) {
        let mas_callado = pendientes.iter().position(Pendiente::en_silencio).unwrap_or(0);
        pendientes.remove(mas_callado).rechazar(MotivoDeRechazo::SobraronPendientes, avisar);
    }
    if pendientes.try_reserve(1).is_err() {
        return nuevo.rechazar(MotivoDeRechazo::SobraronPendientes, avisar);
    }
    pendientes.push(nuevo);
}

impl Turnos {
    /// Otro oído del timbre, que se hace la primera vez que hay más de un hilo esperando.
    fn oido(&mut self) -> io::Result<UnixStream> {
        if let Some(timbre) = &self.timbre {
            return timbre.otro_oido();
        }
        let timbre = Timbre::nuevo()?;
        let oido = timbre.otro_oido();
        self.timbre = Some(timbre);
        oido
    }

    /// Despierta a uno de los que esperan su turno.
    fn tocar_timbre(&self) {
        if let Some(timbre) = &self.timbre {
            timbre.tocar();
        }
    }
}

/// El derecho de esperar en el socket y de usar sus pendientes, hasta que se suelta: primero los pendientes, después el turno.
struct Turno<'a> {
    pendientes: Guarda<'a, Vec<Pendiente>>,
    _boleto: Boleto<'a>,
}

impl Drop for Turno<'_> {
    fn drop(&mut self) {
        if self.pendientes.is_empty() {
            // Sin esto, su memoria quedaría pedida hasta el fin del programa.
            *self.pendientes = Vec::new();
        }
    }
}

/// Al soltarlo, le toca al siguiente.
struct Boleto<'a> {
    turnos: &'a Cerrojo<Turnos>,
}

impl Drop for Boleto<'_> {
    fn drop(&mut self) {
        let mut turnos = self.turnos.tomar();
        turnos.ocupado = false;
        if turnos.esperando > 0 {
            turnos.tocar_timbre();
        }
    }
}

impl Pendiente {
    fn en_silencio(&self) -> bool {
        self.recepcion.en_silencio() && self.vistos == 0
    }

    /// Mira lo que llegó, sin esperar, y decide.
    fn avanzar(&mut self, opciones: &Opciones, aceptados: &Aceptados) -> Destino {
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
            Ok(Veredicto::OtroProtocolo) => Destino::NoPasa(MotivoDeRechazo::OtroProtocolo),
            Ok(Veredicto::Rechazado(valor)) => Destino::NoPasa(MotivoDeRechazo::OtroValor(valor)),
            Err(_) => Destino::NoPasa(MotivoDeRechazo::SeFue),
        }
    }

    /// Con handshake exigido: consume los bytes que faltan y ni uno más.
    fn leer(&mut self, aceptados: &Aceptados) -> io::Result<Veredicto> {
        let mut lugar = [0; crate::protocolo::LARGO_DE_ENTERO];
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
        match veredicto {
            // Que poll avise recién cuando haya más de lo ya visto; si no, giraría en falso.
            Veredicto::Falta => {
                self.vistos = vistos.len();
                sistema::umbral_de_lectura(&self.socket, i32::try_from(vistos.len() + 1).unwrap_or(1))?;
            }
            Veredicto::Bienvenido(_) => {
                let mut handshake = [0; crate::protocolo::LARGO_DE_ENTERO];
                sistema::recibir_ya(&self.socket, &mut handshake, Mirada::Consume)?;
            }
            Veredicto::Rechazado(_) | Veredicto::OtroProtocolo | Veredicto::SinHandshake => {}
        }
        Ok(veredicto)
    }

    /// Lo que se hace con quien no mandó nada decisivo: si se fue o se le venció el plazo, no espera más.
    fn sin_novedad(&self, cerro: bool, ahora: Instant, opciones: &Opciones) -> Destino {
        let vencio = self.vence.is_some_and(|vence| vence <= ahora);
        match opciones.handshake {
            _ if cerro => Destino::NoPasa(MotivoDeRechazo::SeFue),
            Handshake::Opcional(_) if vencio && self.en_silencio() => Destino::Pasa(None),
            _ if vencio => Destino::NoPasa(MotivoDeRechazo::SeLeVencio),
            _ => Destino::Espera,
        }
    }

    /// Le contesta OK, si mostró un handshake, y deja el socket como nuevo. `None`: se fue justo ahora.
    fn recibir_como_cliente(self, handshake: Option<i32>) -> Option<Llegada> {
        let Self { socket, par, vistos, .. } = self;
        if vistos > 0 {
            sistema::umbral_de_lectura(&socket, 1).ok()?;
        }
        match handshake {
            Some(_) => responder(&socket, true).ok()?,
            None => paso!("{}: cliente sin handshake", socket.as_raw_fd()),
        }
        Some(Llegada { socket, par, handshake })
    }

    /// Le contesta ERROR y cierra.
    fn rechazar(self, motivo: MotivoDeRechazo, avisar: Aviso<'_>) {
        paso!("se rechaza a {}: {}", self.par, motivo);
        let _ = responder(&self.socket, false);
        let _ = self.socket.shutdown(Shutdown::Write);
        self.descartar_lo_que_mando();
        paso!("close({})", self.socket.as_raw_fd());
        avisar(Rechazo { par: self.par, motivo });
    }

    /// Cerrar con algo sin leer manda un reset, y el reset puede llegarle antes que la respuesta.
    fn descartar_lo_que_mando(&self) {
        const VECES: usize = 16;
        let mut basura = [0; 4096];
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
