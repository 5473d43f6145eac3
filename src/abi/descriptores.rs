//! Lo que se recuerda de cada descriptor: una ranura por número.
//!
//! C pasa números, y los números se reusan. Las reglas que hacen eso inofensivo:
//!
//! * Cada llamada se anota en la ranura mientras dura ([`usar`]). Liberar marca la ranura y despierta a los que esperan; el último
//!   en salir cierra. Así un número no se reusa mientras alguien lo está usando.
//! * Lo que hace la biblioteca empieza de cero ([`entregar`]). Un `close(fd)` del programa no se ve, así que donde importa
//!   se compara el inodo: dos sockets distintos nunca comparten uno.
//! * Las ranuras viven en páginas del kernel, que nacen en cero y no se devuelven: todo en cero es una ranura nueva, y
//!   ningún hilo llega a una que ya no está.

use std::ffi::c_int;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use socket2::{SockRef, Socket};

use super::guardia::este_hilo;
use super::memoria::{self, Pagina};
use super::{registro, tumbas};
use crate::atencion::Atencion;
use crate::error::{Error, Resultado};
use crate::escucha::{Escucha, Vecinos};
use crate::memoria::texto;
use crate::mensaje::{self, Envio};
use crate::opciones;
use crate::protocolo::LARGO_DE_HEADER;
use crate::red;
use crate::ritmo::Ritmo;
use crate::sistema::{self, Cerrojo, Compartido, HijoConUnHilo};
use crate::traza::paso;

/// Ranuras que se piden juntas.
const POR_TROZO: usize = 64;
/// Trozos posibles: hasta el descriptor 1.048.575.
const TROZOS: usize = 16 * 1024;

/// Alguien liberó el número; el último en salir lo cierra.
const LIBERADA: u64 = 1 << 32;
/// Alguien lo está cerrando.
const CERRANDO: u64 = 1 << 33;
/// Cuántas llamadas hay en vuelo.
const EN_VUELO: u64 = LIBERADA - 1;

/// Lo que se recuerda de un número. Todo en cero es una ranura nueva.
#[derive(Debug)]
#[repr(C, align(64))]
struct Ranura {
    /// Llamadas en vuelo, LIBERADA y CERRANDO.
    estado: AtomicU64,
    /// El código de operación leído y todavía no usado, y qué hilo lo leyó.
    codigo: AtomicU64,
    /// El inodo del socket la última vez que se miró.
    inodo: AtomicU64,
    /// Si es una tumba, cuál; 0 si no.
    tumba: AtomicU64,
    /// El valor con que se saludaron, empacado; 0: ninguno.
    handshake: AtomicU64,
    /// El mayor payload; 0: todavía no se sabe.
    tamanio_maximo: AtomicU32,
    /// Cuántas veces se había bifurcado el proceso cuando se hizo.
    bifurcacion: AtomicU32,
    /// De qué vez que la biblioteca entregó un socket es éste; 0 si no lo hizo ella, o si ya se cerró.
    serie: AtomicU64,
    /// Lo toman liberar y enterrar, para que el socket no cambie entre que se lo mira y se lo anota.
    identidad: Cerrojo<()>,
    envio: Envio,
    ritmo: Ritmo,
    escucha: Cerrojo<Option<Pagina<Escucha>>>,
    atencion: Cerrojo<Option<Compartido<Atencion>>>,
}

static TABLA: [AtomicPtr<Ranura>; TROZOS] = [const { AtomicPtr::new(ptr::null_mut()) }; TROZOS];
/// Cuántos trozos del comienzo de la tabla pueden existir.
static TROZOS_EN_USO: AtomicUsize = AtomicUsize::new(0);
/// Cuántas veces se bifurcó este proceso (fork).
static BIFURCACIONES: AtomicU32 = AtomicU32::new(0);
/// Sockets que escuchan que se recuerdan a la vez, para adelantarlos.
const VECINOS: usize = 64;

/// Lo que se toma para entregar un número o dejar de escuchar en él.
static ALTAS: Cerrojo<Altas> = Cerrojo::nuevo(Altas { avisado: false, vecinos: [-1; VECINOS] });

#[derive(Debug)]
struct Altas {
    /// Si ya se pidió avisar de cada fork.
    avisado: bool,
    /// Los números en los que se escucha; -1: ninguno.
    vecinos: [c_int; VECINOS],
}

impl Altas {
    fn cambiar_vecino(&mut self, viejo: c_int, nuevo: c_int) {
        if let Some(lugar) = self.vecinos.iter_mut().find(|vecino| **vecino == viejo) {
            *lugar = nuevo;
        }
    }
}

/// Una llamada en vuelo sobre un descriptor. Al soltarla, si era la última y el número se liberó, se cierra.
#[derive(Debug)]
pub(super) struct Uso {
    ranura: &'static Ranura,
    fd: BorrowedFd<'static>,
}

/// Los sockets de este proceso que escuchan y los hizo la biblioteca.
#[derive(Debug)]
pub(super) struct VecinosDeC;

impl Vecinos for VecinosDeC {
    fn hay(&self) -> bool {
        ALTAS.tomar().vecinos.iter().any(|vecino| *vecino >= 0)
    }

    fn adelantar(&self) {
        let vecinos = ALTAS.tomar().vecinos;
        for uso in vecinos.iter().filter(|vecino| **vecino >= 0).filter_map(|vecino| usar(*vecino).ok()) {
            if let Some(escucha) = uso.escucha().filter(|_| uso.es_el_mismo_socket()) {
                escucha.adelantar(&uso.socket(), &mut |rechazo| registro::advertencia(rechazo));
            }
        }
    }
}

fn descriptor_invalido(descriptor: c_int, motivo: &'static str) -> Error {
    Error::Descriptor { descriptor, motivo }
}

/// Anota una llamada sobre `descriptor`.
#[inline(always)]
pub(super) fn usar(descriptor: c_int) -> Resultado<Uso> {
    let (uso, antes) = anotar_llamada(descriptor)?;
    if antes & (LIBERADA | CERRANDO) == 0 { Ok(uso) } else { esperar_cierre(uso, antes) }
}

/// Una llamada en vuelo más, y cómo estaba la ranura antes de ella.
#[inline(always)]
fn anotar_llamada(descriptor: c_int) -> Resultado<(Uso, u64)> {
    let ranura = ranura(descriptor)?;
    let antes = ranura.estado.fetch_add(1, Ordering::AcqRel);
    // SAFETY: no es negativo (`ranura` lo comprobó). Si no está abierto, las llamadas darán EBADF, que es un error más.
    let fd = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok((Uso { ranura, fd }, antes))
}

/// El número está liberado: no se lo puede usar, salvo que en otro hilo el cierre ya esté en marcha; cuando termine, podrá ser de
/// otra conexión, o de nadie.
#[cold]
#[inline(never)]
fn esperar_cierre(mut uso: Uso, mut antes: u64) -> Resultado<Uso> {
    let descriptor = uso.descriptor();
    while antes & (LIBERADA | CERRANDO) != 0 {
        drop(uso);
        if antes & CERRANDO == 0 {
            return Err(descriptor_invalido(descriptor, "ya se liberó."));
        }
        thread::sleep(Duration::from_micros(20));
        (uso, antes) = anotar_llamada(descriptor)?;
    }
    Ok(uso)
}

/// Como [`usar`], comprobando que sea un socket abierto: para las que no lo descubren al usarlo.
pub(super) fn usar_abierto(descriptor: c_int) -> Resultado<Uso> {
    let uso = usar(descriptor)?;
    comprobar_socket(descriptor).map(|_| uso)
}

/// Un socket que hizo la biblioteca, para entregárselo a C.
#[derive(Debug)]
pub(super) struct Entrega {
    pub(super) socket: Socket,
    pub(super) tamanio_maximo: u32,
    /// El valor con que se saludaron.
    pub(super) handshake: Option<i32>,
    /// Lo que recuerda, si es uno que escucha.
    pub(super) escucha: Option<Escucha>,
}

/// Lo entregado: su número, y qué vez es que ese número se entrega.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entregado {
    pub(super) descriptor: c_int,
    pub(super) serie: u64,
}

/// Entrega un socket a C: su ranura empieza de cero.
pub(super) fn entregar(entrega: Entrega) -> Resultado<Entregado> {
    static SERIES: AtomicU64 = AtomicU64::new(0);
    preparar(entrega.socket.as_raw_fd())?;
    let Entrega { socket, tamanio_maximo, handshake, escucha } = entrega;
    let escucha = escucha.map(Pagina::nueva).transpose()?;
    let uso = usar_nuevo(socket.as_raw_fd())?;
    let ranura = uso.ranura;
    let serie = SERIES.fetch_add(1, Ordering::AcqRel) + 1;
    ranura.codigo.swap(0, Ordering::AcqRel);
    ranura.tumba.swap(0, Ordering::AcqRel);
    ranura.inodo.swap(inodo(socket.as_raw_fd()).unwrap_or(0), Ordering::AcqRel);
    ranura.serie.swap(serie, Ordering::AcqRel);
    ranura.handshake.swap(handshake.map_or(0, empacar), Ordering::AcqRel);
    ranura.tamanio_maximo.swap(tamanio_maximo, Ordering::AcqRel);
    ranura.bifurcacion.swap(BIFURCACIONES.load(Ordering::Acquire), Ordering::AcqRel);
    ranura.envio.renovar();
    ranura.ritmo.renovar();
    uso.cambiar_escucha(escucha);
    Ok(Entregado { descriptor: socket.into_raw_fd(), serie })
}

/// Un entero que puede faltar, en un número donde 0 es que falta.
fn empacar(valor: i32) -> u64 {
    (1 << 32) | u64::from(u32::from_ne_bytes(valor.to_ne_bytes()))
}

/// El entero empacado, si está.
fn desempacar(empacado: u64) -> Option<i32> {
    let [.., a, b, c, d] = empacado.to_be_bytes();
    (empacado != 0).then(|| i32::from_be_bytes([a, b, c, d]))
}

/// Como [`usar`], para un número que el kernel acaba de dar: si la ranura dice que está liberado, es de antes.
fn usar_nuevo(descriptor: RawFd) -> Resultado<Uso> {
    match usar(descriptor) {
        Err(Error::Descriptor { .. }) => {
            // El programa lo cerró por su cuenta mientras otra llamada seguía en vuelo.
            ranura(descriptor)?.estado.fetch_and(!LIBERADA, Ordering::AcqRel);
            usar(descriptor)
        }
        usado => usado,
    }
}

/// Libera `descriptor`: despierta a los que esperan en él, y lo cierra el último en salir.
pub(super) fn liberar(descriptor: c_int) -> Resultado<()> {
    let uso = usar(descriptor)?;
    let ocupada = uso.marcar_liberada(|_| true)?;
    if ocupada && !uso.bifurcada() {
        uso.despertar();
    }
    Ok(())
}

/// Libera `descriptor` si sigue siendo el que se entregó con esa serie.
pub(super) fn liberar_serie(descriptor: c_int, serie: u64) {
    let Ok(uso) = usar(descriptor) else { return };
    if uso.marcar_liberada(|uso| uso.es_de_la_serie(serie)).is_ok_and(|ocupada| ocupada) && !uso.bifurcada() {
        uso.despertar();
    }
}

/// Libera `descriptor` si sigue siendo la tumba `orden`.
fn liberar_tumba(descriptor: c_int, orden: u64) {
    let Ok(uso) = usar(descriptor) else { return };
    let es_la_misma = |uso: &Uso| uso.ranura.tumba.load(Ordering::Acquire) == orden;
    // Si no lo es, no hay nada que hacer.
    let _ = uso.marcar_liberada(|uso| es_la_misma(uso) && uso.es_el_mismo_socket());
}

impl Uso {
    pub(super) fn descriptor(&self) -> c_int {
        self.fd.as_raw_fd()
    }

    /// El descriptor, prestado.
    #[inline(always)]
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd
    }

    /// Lo mismo, con la forma de un socket: no se cierra al soltarlo.
    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    /// Envía un mensaje, sin mezclarlo con el de otro hilo.
    #[inline(always)]
    pub(super) fn enviar(&self, header: [u8; LARGO_DE_HEADER], payload: &[u8]) -> Resultado<()> {
        let alguien_recibe = || !self.es_solo_de_esta_llamada();
        mensaje::enviar(self.fd, self.ritmo(), &self.ranura.envio, alguien_recibe, [&header, payload])
    }

    /// Si lo hizo la biblioteca y no hay otra llamada en vuelo sobre él. De uno del programa no se tocan sus opciones.
    fn es_solo_de_esta_llamada(&self) -> bool {
        let en_vuelo = self.ranura.estado.load(Ordering::SeqCst) & EN_VUELO;
        en_vuelo == 1 && self.ranura.serie.load(Ordering::Acquire) != 0 && self.es_el_mismo_socket()
    }

    /// Lo que hay que saber antes de esperar algo del otro.
    #[inline(always)]
    pub(super) fn ritmo(&self) -> &Ritmo {
        &self.ranura.ritmo
    }

    /// El mayor payload de esta conexión. El de una que no hizo la biblioteca es el del entorno.
    #[inline(always)]
    pub(super) fn tamanio_maximo(&self) -> Resultado<u32> {
        match self.ranura.tamanio_maximo.load(Ordering::Acquire) {
            0 => self.tamanio_maximo_del_entorno(),
            bytes => Ok(bytes),
        }
    }

    #[cold]
    #[inline(never)]
    fn tamanio_maximo_del_entorno(&self) -> Resultado<u32> {
        let del_entorno = opciones::tamanio_maximo_del_entorno()?;
        self.ranura.tamanio_maximo.swap(del_entorno, Ordering::AcqRel);
        Ok(del_entorno)
    }

    /// Recuerda el código de operación que este hilo acaba de leer. Si el socket no lo entregó la biblioteca, también cuál es: el número
    /// pudo ser antes de otro, y al usar el código se los compara.
    #[inline(always)]
    pub(super) fn anotar_codigo(&self, codigo: i32) {
        if self.ranura.serie.load(Ordering::Acquire) == 0 {
            self.es_el_mismo_socket();
        }
        let anotado = (u64::from(este_hilo()) << 32) | u64::from(codigo.unsigned_abs());
        self.ranura.codigo.swap(anotado, Ordering::AcqRel);
    }

    /// Usa el código que este hilo leyó, si leyó uno y no lo usó.
    #[inline(always)]
    pub(super) fn usar_codigo(&self) -> Option<i32> {
        let anotado = self.ranura.codigo.load(Ordering::Acquire);
        if anotado == 0 {
            return None;
        }
        self.ranura.codigo.swap(0, Ordering::AcqRel);
        desempacar(anotado).filter(|_| anotado >> 32 == u64::from(este_hilo()))
    }

    /// El valor con que se saludaron, si la biblioteca hizo esta conexión y hubo handshake.
    pub(super) fn handshake(&self) -> Option<i32> {
        desempacar(self.ranura.handshake.load(Ordering::Acquire)).filter(|_| self.es_el_mismo_socket())
    }

    /// Lo que se toma para enviar.
    pub(super) fn envio(&self) -> &Envio {
        &self.ranura.envio
    }

    /// Si sigue siendo lo que se entregó con esa serie.
    pub(super) fn es_de_la_serie(&self, serie: u64) -> bool {
        self.ranura.serie.load(Ordering::Acquire) == serie && self.es_el_mismo_socket()
    }

    /// La atención en curso, si la hay.
    pub(super) fn atencion(&self) -> Option<Compartido<Atencion>> {
        self.ranura.atencion.tomar().clone()
    }

    /// Comienza una atención.
    ///
    /// # Errors
    /// [`Error::Argumento`] si ya hay una.
    pub(super) fn comenzar_atencion(&self, nueva: &Compartido<Atencion>) -> Resultado<()> {
        let mut atencion = self.ranura.atencion.tomar();
        if atencion.is_some() {
            let texto = texto!("{} ya lo está atendiendo otro hilo con tp0_atender.", self.descriptor());
            return Err(Error::Argumento(texto));
        }
        *atencion = Some(nueva.clone());
        Ok(())
    }

    /// Termina la atención en curso.
    pub(super) fn terminar_atencion(&self) {
        let terminada = self.ranura.atencion.tomar().take();
        drop(terminada);
    }

    /// Deja de esperar clientes, aunque el proceso se haya bifurcado.
    pub(super) fn detener(&self) {
        if let Some(escucha) = self.escucha() {
            escucha.liberar(&self.socket());
        }
    }

    /// Si el número sigue siendo del socket que se anotó. Si no, lo es de ahora en más.
    pub(super) fn es_el_mismo_socket(&self) -> bool {
        let anotado = self.ranura.inodo.load(Ordering::Acquire);
        let ahora = inodo(self.descriptor()).unwrap_or(0);
        if anotado != ahora {
            // Si en el medio otro hilo anotó algo (una tumba), vale lo de él.
            let _ = self.ranura.inodo.compare_exchange(anotado, ahora, Ordering::AcqRel, Ordering::Acquire);
        }
        anotado == ahora
    }

    /// Lo que este socket recuerda si es uno que escucha. Si el número cambió de dueño, o no lo hizo la biblioteca, empieza de cero
    /// con las opciones del entorno.
    pub(super) fn escucha_o_nueva(&self) -> Resultado<&Escucha> {
        if self.es_el_mismo_socket() {
            if let Some(escucha) = self.escucha() {
                return Ok(escucha);
            }
        }
        let nueva = Pagina::nueva(Escucha::nueva(opciones::Opciones::del_entorno()?))?;
        self.cambiar_escucha(Some(nueva));
        self.escucha().ok_or(Error::Liberado)
    }

    /// Cambia lo que recuerda como socket que escucha.
    fn cambiar_escucha(&self, nueva: Option<Pagina<Escucha>>) {
        let (este, hay_nueva) = (self.descriptor(), nueva.is_some());
        let Some(vieja) = std::mem::replace(&mut *self.ranura.escucha.tomar(), nueva) else {
            if hay_nueva {
                ALTAS.tomar().cambiar_vecino(-1, este);
            }
            return;
        };
        if !hay_nueva {
            ALTAS.tomar().cambiar_vecino(este, -1);
        }
        // El programa pudo cerrar el número por su cuenta con otro hilo todavía esperando ahí.
        if self.ranura.estado.load(Ordering::Acquire) & EN_VUELO > 1 {
            vieja.dejar();
        } else {
            // SAFETY: la página existe: la tiene `vieja`.
            unsafe { vieja.puntero().as_ref() }.ordenar_el_final();
        }
    }

    fn escucha(&self) -> Option<&Escucha> {
        let lugar = self.ranura.escucha.tomar().as_ref().map(Pagina::puntero)?;
        // SAFETY: la página sólo se suelta al cerrar el número, cuando no quedan llamadas en vuelo, y ésta es una.
        Some(unsafe { lugar.as_ref() })
    }

    /// Si el proceso se bifurcó desde que se hizo este socket: puede haber otra copia de él en otro proceso.
    fn bifurcada(&self) -> bool {
        self.ranura.bifurcacion.load(Ordering::Acquire) != BIFURCACIONES.load(Ordering::Acquire)
    }

    /// Marca el número como liberado, si es un socket abierto y `corresponde`: lo cierra el último en salir. Dice si hay otras llamadas
    /// en vuelo.
    fn marcar_liberada(&self, corresponde: impl FnOnce(&Self) -> bool) -> Resultado<bool> {
        let _identidad = self.ranura.identidad.tomar();
        let inodo = comprobar_socket(self.descriptor())?;
        if !corresponde(self) {
            return Err(descriptor_invalido(self.descriptor(), "ya es otra."));
        }
        let antes = self.ranura.estado.fetch_or(LIBERADA, Ordering::AcqRel);
        if antes & LIBERADA != 0 {
            return Err(descriptor_invalido(self.descriptor(), "ya se liberó."));
        }
        self.ranura.inodo.swap(inodo, Ordering::AcqRel);
        Ok(antes & EN_VUELO > 1)
    }

    /// Despierta a los hilos que esperan en este socket.
    fn despertar(&self) {
        match self.escucha() {
            Some(escucha) => {
                if let Some(atencion) = self.atencion() {
                    atencion.pedir_fin();
                }
                escucha.liberar(&self.socket());
            }
            None => self.terminar(),
        }
    }

    /// Termina la conversación, para los dos lados y para todos los hilos.
    pub(super) fn terminar(&self) {
        red::terminar(&self.socket());
    }

    /// Termina la conversación y deja en el número una tumba.
    pub(super) fn enterrar(&self) {
        let hay_otras_llamadas = self.ranura.estado.load(Ordering::Acquire) & EN_VUELO > 1;
        if hay_otras_llamadas && !self.bifurcada() {
            self.terminar();
        }
        if let Some((descriptor, orden)) = self.cavar() {
            liberar_tumba(descriptor, orden);
        }
    }

    /// Pone la tumba, salvo que ya lo sea o que otro hilo haya liberado el número. Devuelve la tumba que deja de estar reservada.
    fn cavar(&self) -> Option<(c_int, u64)> {
        let _identidad = self.ranura.identidad.tomar();
        if self.ranura.estado.load(Ordering::Acquire) & LIBERADA != 0 || self.es_una_tumba() {
            return None;
        }
        let Some(tumba) = tumbas::cavar(self.descriptor()) else {
            // Sin descriptores para una tumba: al menos, que nadie siga hablando por aquí.
            self.terminar();
            return None;
        };
        self.ranura.codigo.swap(0, Ordering::AcqRel);
        self.ranura.inodo.swap(tumba.inodo, Ordering::AcqRel);
        self.ranura.tumba.swap(tumba.orden, Ordering::AcqRel);
        paso!("close({})", self.descriptor());
        tumba.reemplaza_a
    }

    fn es_una_tumba(&self) -> bool {
        self.ranura.tumba.load(Ordering::Acquire) != 0 && self.es_el_mismo_socket()
    }

    #[cold]
    #[inline(never)]
    fn cerrar_si_nadie_se_adelanta(&self) {
        let estado = &self.ranura.estado;
        if estado.compare_exchange(LIBERADA, LIBERADA | CERRANDO, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.cerrar();
        }
    }

    /// Cierra de verdad. Sólo lo corre quien puso CERRANDO.
    fn cerrar(&self) {
        let ranura = self.ranura;
        self.cambiar_escucha(None);
        // Si el programa ya lo había cerrado por su cuenta, el número puede ser de otro.
        if inodo(self.descriptor()) == Some(ranura.inodo.load(Ordering::Acquire)) {
            match ranura.tumba.load(Ordering::Acquire) {
                0 => {
                    // Antes: después, otro hilo puede tener ya el mismo número.
                    paso!("close({})", self.descriptor());
                    cerrar_ya(self.descriptor());
                }
                orden => tumbas::cerrar(self.descriptor(), orden),
            }
        }
        ranura.codigo.swap(0, Ordering::AcqRel);
        ranura.tumba.swap(0, Ordering::AcqRel);
        ranura.inodo.swap(0, Ordering::AcqRel);
        ranura.tamanio_maximo.swap(0, Ordering::AcqRel);
        ranura.serie.swap(0, Ordering::AcqRel);
        ranura.ritmo.renovar();
        // Último: quien espere para usar el número nuevo ya puede.
        ranura.estado.fetch_and(!(LIBERADA | CERRANDO), Ordering::AcqRel);
    }
}

impl Drop for Uso {
    #[inline(always)]
    fn drop(&mut self) {
        if self.ranura.estado.fetch_sub(1, Ordering::AcqRel) == LIBERADA | 1 {
            self.cerrar_si_nadie_se_adelanta();
        }
    }
}

/// La ranura de un número. Si su trozo no existe, lo pide.
#[inline(always)]
fn ranura(descriptor: c_int) -> Resultado<&'static Ranura> {
    let Some((numero, lugar)) = lugar_de(descriptor) else { return Err(fuera_de_la_tabla(descriptor)) };
    let mut trozo = lugar.load(Ordering::Acquire);
    if trozo.is_null() {
        trozo = agregar_trozo(lugar, numero / POR_TROZO)?;
    }
    // SAFETY: un trozo tiene POR_TROZO ranuras seguidas.
    let ranura = unsafe { trozo.add(numero % POR_TROZO) };
    // SAFETY: las páginas nacen en cero, que es una ranura válida, y nunca se devuelven.
    Ok(unsafe { &*ranura })
}

/// El lugar de la tabla donde está el trozo de un número.
#[inline(always)]
fn lugar_de(descriptor: c_int) -> Option<(usize, &'static AtomicPtr<Ranura>)> {
    let numero = usize::try_from(descriptor).ok()?;
    TABLA.get(numero / POR_TROZO).map(|lugar| (numero, lugar))
}

#[cold]
#[inline(never)]
fn fuera_de_la_tabla(descriptor: c_int) -> Error {
    let motivo = if descriptor < 0 {
        "falló la llamada que lo dio. Fijate ahí si da -1, y mostrá tp0_error()."
    } else {
        "es demasiado grande. ¿Es una variable sin inicializar?"
    };
    descriptor_invalido(descriptor, motivo)
}

#[cold]
#[inline(never)]
fn agregar_trozo(lugar: &AtomicPtr<Ranura>, orden: usize) -> Resultado<*mut Ranura> {
    const BYTES: usize = POR_TROZO * size_of::<Ranura>();
    let paginas = memoria::pedir_paginas(BYTES)?;
    // Antes: si el proceso se bifurca justo acá, el hijo ya lo recorre.
    TROZOS_EN_USO.fetch_max(orden + 1, Ordering::AcqRel);
    let nuevo = paginas.cast().as_ptr();
    match lugar.compare_exchange(ptr::null_mut(), nuevo, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(nuevo),
        Err(de_otro_hilo) => {
            // SAFETY: se acaban de pedir, con ese largo, y nadie las vio.
            unsafe { memoria::devolver_paginas(paginas, BYTES) };
            Ok(de_otro_hilo)
        }
    }
}

/// Cierra un número que la biblioteca entregó y ya nadie usa.
pub(super) fn cerrar_ya(descriptor: c_int) {
    // SAFETY: es el socket que se liberó, y no queda ninguna llamada que lo use.
    unsafe { libc::close(descriptor) };
}

fn consultar(descriptor: c_int) -> Option<libc::stat> {
    let mut datos = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `datos` es un lugar válido para escribir.
    let salida = unsafe { libc::fstat(descriptor, datos.as_mut_ptr()) };
    // SAFETY: todo en cero es un `stat` válido, y la llamada lo llenó.
    (salida == 0).then(|| unsafe { datos.assume_init() })
}

/// El inodo de lo que haya en `descriptor`, si está abierto.
pub(super) fn inodo(descriptor: c_int) -> Option<u64> {
    consultar(descriptor).map(|datos| datos.st_ino)
}

/// El inodo, si es un socket abierto.
fn comprobar_socket(descriptor: c_int) -> Resultado<u64> {
    match consultar(descriptor) {
        None => Err(descriptor_invalido(descriptor, "está cerrado, o ya se liberó.")),
        Some(datos) if datos.st_mode & libc::S_IFMT != libc::S_IFSOCK => Err(Error::no_es_socket(descriptor)),
        Some(datos) => Ok(datos.st_ino),
    }
}

/// Lo que hace falta antes de entregar un número: avisar de cada fork, y que su trozo exista. Con el cerrojo tomado: así helgrind
/// ve que las páginas se pidieron antes de que las usara cualquier otro hilo.
fn preparar(descriptor: c_int) -> Resultado<()> {
    let mut altas = ALTAS.tomar();
    if !altas.avisado {
        // SAFETY: las dos funciones viven tanto como el proceso: la biblioteca nunca se descarga (nodelete).
        altas.avisado = unsafe { libc::pthread_atfork(Some(contar), Some(contar), Some(despues_en_el_hijo)) } == 0;
    }
    ranura(descriptor).map(|_| ())
}

/// Antes y después, en el padre: así, lo que se libera mientras tanto en otro hilo ya sabe que puede haber una copia, y lo que se hace
/// mientras tanto, también.
extern "C" fn contar() {
    BIFURCACIONES.fetch_add(1, Ordering::AcqRel);
}

/// En el hijo sólo existe el hilo que se bifurcó: lo que los otros tenían tomado se abre, y sus llamadas ya no están en vuelo.
extern "C" fn despues_en_el_hijo() {
    BIFURCACIONES.fetch_add(1, Ordering::AcqRel);
    // SAFETY: pthread_atfork corre esta función en el hijo, antes de que fork vuelva.
    let hijo = unsafe { HijoConUnHilo::constancia() };
    ALTAS.abrir_en_el_hijo(&hijo);
    tumbas::despues_en_el_hijo(&hijo);
    for lugar in TABLA.iter().take(TROZOS_EN_USO.load(Ordering::Acquire)) {
        let Some(trozo) = NonNull::new(lugar.load(Ordering::Acquire)) else { continue };
        // SAFETY: un trozo tiene POR_TROZO ranuras seguidas, que nunca se devuelven.
        let ranuras = unsafe { std::slice::from_raw_parts(trozo.as_ptr(), POR_TROZO) };
        ranuras.iter().for_each(|ranura| ranura.despues_en_el_hijo(&hijo));
    }
    // Último: ya se cerraron los que todavía tenían dueño.
    sistema::despues_en_el_hijo(&hijo);
}

impl Ranura {
    fn despues_en_el_hijo(&self, hijo: &HijoConUnHilo) {
        // Éste también se toma para mirar, sin una llamada en vuelo.
        self.escucha.abrir_en_el_hijo(hijo);
        if self.estado.load(Ordering::Acquire) != 0 {
            self.estado.swap(0, Ordering::AcqRel);
            self.identidad.abrir_en_el_hijo(hijo);
            self.envio.renovar_en_el_hijo(hijo);
            // Los hilos que atendían quedaron en el padre, que es quien los une.
            self.atencion.olvidar_en_el_hijo(None, hijo);
        }
        if let Some(escucha) = self.escucha.tomar().as_ref() {
            // SAFETY: la página existe mientras esté en la ranura, y no hay otro hilo que la saque.
            unsafe { escucha.puntero().as_ref() }.despues_en_el_hijo(hijo);
        }
    }
}
