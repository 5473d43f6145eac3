//! Los descriptores que C pasa por su número, mientras se los usa.
//!
//! * Cada llamada se anota en la ranura del número mientras dura ([`usar`]). Liberar la marca y despierta a los que esperan; el último en salir
//!   cierra. Así un número no se reusa mientras alguien lo está usando.
//! * Antes de dormir, una llamada se fija en qué socket duerme; al despertar, si el número ya es de otro, no lo toca.
//! * Lo que se recuerda de un número, y si sigue siendo suyo, lo sabe [`ranura`](super::ranura).

use std::cell::Cell;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};
use std::time::Duration;

use socket2::{SockRef, Socket};

use super::memoria::Pagina;
use super::ranura::{DeQuien, Ranura, Recuerdo, contar_bifurcacion};
use super::tumbas::Tumba;
use super::vuelo::{CERRANDO, Vuelta};
use super::{olvidos, registro, tabla, tumbas, vecinos};
use crate::atencion::Atencion;
use crate::error::{Error, Resultado};
use crate::escucha::{Escucha, Puerta};
use crate::mensaje::{self, Envio};
use crate::protocolo::{Header, en_memoria};
use crate::red::{self, Canal};
use crate::ritmo::Ritmo;
use crate::sincronia::thread;
use crate::sistema::{self, Cerrojo, Compartido, HijoConUnHilo, cerrar, identidad};
use crate::traza;

/// Una llamada en vuelo sobre un descriptor. Al soltarla, si era la última y el número se liberó, se cierra.
#[derive(Debug)]
pub(super) struct Uso {
    ranura: &'static Ranura,
    fd: BorrowedFd<'static>,
    /// De qué vuelta del número es.
    vuelta: Cell<Vuelta>,
    /// Sobre qué socket es, si ya se fijó; si no, 0.
    socket: Cell<u64>,
}

/// Anota una llamada sobre `descriptor`.
#[inline(always)]
pub(super) fn usar(descriptor: c_int) -> Resultado<Uso> {
    let ranura = tabla::ranura(descriptor)?;
    let (vuelta, liberado) = ranura.vuelo.despegar();
    // SAFETY: no es negativo (`tabla` lo comprobó). Si no está abierto, las llamadas darán EBADF, que es un error más.
    let fd = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let uso = Uso { ranura, fd, vuelta: Cell::new(vuelta), socket: Cell::new(0) };
    if liberado {
        uso.exigir_que_ya_sea_otro()?;
    }
    Ok(uso)
}

/// Como [`usar`], comprobando que sea un socket abierto: para las que no lo descubren al usarlo.
pub(super) fn usar_abierto(descriptor: c_int) -> Resultado<Uso> {
    let uso = usar(descriptor)?;
    uso.socket.set(socket_en(descriptor)?);
    Ok(uso)
}

/// El socket que hay en `descriptor`, si lo hay.
fn socket_en(descriptor: c_int) -> Resultado<u64> {
    identidad(descriptor).map_err(|causa| Error::de_socket(descriptor, "getsockopt", causa))
}

fn descriptor_invalido(descriptor: c_int, motivo: &'static str) -> Error {
    Error::Descriptor { descriptor, motivo }
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

/// Lo entregado: su número, y en qué vuelta de él. También es suya la tumba que haya después.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entregado {
    pub(super) descriptor: c_int,
    vuelta: Vuelta,
}

/// Entrega un socket a C: su ranura empieza de cero.
pub(super) fn entregar(entrega: Entrega) -> Resultado<Entregado> {
    let Entrega { socket, tamanio_maximo, handshake, escucha } = entrega;
    let escucha = escucha.map(Pagina::nueva).transpose()?;
    let identidad = socket_en(socket.as_raw_fd())?;
    let ranura = ranura_nueva(socket.as_raw_fd())?;
    let vuelta = ranura.estrenar(socket.as_raw_fd(), Recuerdo { identidad, tamanio_maximo, handshake, escucha });
    Ok(Entregado { descriptor: socket.into_raw_fd(), vuelta })
}

/// Libera `descriptor`: despierta a los que esperan en él, y lo cierra el último en salir.
pub(super) fn liberar(descriptor: c_int) -> Resultado<()> {
    let uso = usar(descriptor)?;
    if let DeQuien::NoHay = uso.de_quien_es() {
        return Err(socket_en(descriptor).err().unwrap_or_else(|| descriptor_invalido(descriptor, "ya se liberó.")));
    }
    uso.marcar_liberado(|_| true)?;
    // Otro hilo puede haberlo liberado y cerrado entre que se lo miró y se lo marcó.
    if !uso.ranura.sigue_en(descriptor) {
        return Err(descriptor_invalido(descriptor, "ya se liberó."));
    }
    uso.despertar_a_los_demas();
    Ok(())
}

/// Libera lo entregado, si su número sigue siendo suyo.
pub(super) fn liberar_entregado(entregado: Entregado) {
    let Ok(uso) = usar(entregado.descriptor) else { return };
    if uso.marcar_liberado(|uso| uso.es(entregado)).is_ok() {
        uso.despertar_a_los_demas();
    }
}

/// Cierra una tumba que deja de estar reservada, si lo sigue siendo.
fn liberar_tumba(tumba: Tumba) {
    let Ok(uso) = usar(tumba.descriptor) else { return };
    let es_esa = |uso: &Uso| uso.ranura.tumba() == Some(tumba.orden) && uso.ranura.sigue_en(tumba.descriptor);
    // Si no lo es, no hay nada que hacer.
    let _ = uso.marcar_liberado(es_esa);
}

/// Cierra la tumba más vieja, porque hace falta un descriptor. `false`: no hay ninguna.
pub(super) fn ceder_una_tumba() -> bool {
    tumbas::la_que_se_cede().map(liberar_tumba).is_some()
}

/// Hace algo que pide descriptores. Si no quedan, se los ceden las tumbas, de a una.
pub(super) fn con_descriptores<T>(mut hacer: impl FnMut() -> Resultado<T>) -> Resultado<T> {
    loop {
        match hacer() {
            Err(Error::SinDescriptores { .. }) if ceder_una_tumba() => {}
            hecho => return hecho,
        }
    }
}

impl Uso {
    pub(super) fn descriptor(&self) -> c_int {
        self.fd.as_raw_fd()
    }

    /// El descriptor, con la forma de un socket: no se cierra al soltarlo.
    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    /// De quién es lo que se recuerda del número. Si era de otro, esta llamada pasa a ser de la vuelta nueva.
    #[cold]
    #[inline(never)]
    fn de_quien_es(&self) -> DeQuien {
        if !self.sigue() {
            return DeQuien::NoHay;
        }
        let de_quien = self.ranura.de_quien_es(self.descriptor());
        if let DeQuien::DeOtro(vuelta) = de_quien {
            self.vuelta.set(vuelta);
        }
        if de_quien != DeQuien::NoHay && self.socket.get() == 0 {
            self.socket.set(self.ranura.identidad());
        }
        de_quien
    }

    /// Si lo que se recuerda es de este socket.
    fn es_suyo(&self) -> bool {
        self.de_quien_es() == DeQuien::DeEste
    }

    /// El número estaba liberado: no se lo puede usar, salvo que en otro hilo el cierre ya termine, o que el programa lo haya cerrado por su cuenta
    /// y ya sea de otro.
    #[cold]
    #[inline(never)]
    fn exigir_que_ya_sea_otro(&self) -> Resultado<()> {
        const VECES: u32 = 50;
        for _ in 0..VECES {
            match self.ranura.de_quien_es(self.descriptor()) {
                DeQuien::DeOtro(vuelta) => {
                    self.vuelta.set(vuelta);
                    return Ok(());
                }
                DeQuien::DeEste => break,
                _ if !self.ranura.vuelo.esta_liberado() => return Ok(()),
                _ => thread::sleep(Duration::from_micros(20)),
            }
        }
        Err(descriptor_invalido(self.descriptor(), "ya se liberó."))
    }

    /// Envía un mensaje, sin mezclarlo con el de otro hilo.
    #[inline(always)]
    pub(super) fn enviar(&self, codigo: i32, payload: &[u8]) -> Resultado<()> {
        if self.ranura.envio_fallido() != 0 {
            self.contar_el_envio_fallido();
        }
        let header = self.limite_para(payload.len()).and_then(|limite| Header::nuevo(codigo, payload.len(), limite));
        let enviado = header.and_then(|header| mensaje::enviar(self, &self.ranura.envio, [&header.a_bytes(), payload]));
        enviado.inspect_err(|error| self.anotar_el_envio_fallido(error))
    }

    /// Se vuelve a enviar por una conexión en la que falló un envío: si nadie miró esa falla, se cuenta.
    #[cold]
    #[inline(never)]
    fn contar_el_envio_fallido(&self) {
        let id = self.ranura.envio_fallido();
        if id != Ranura::CONTADO && self.es_suyo() {
            self.ranura.anotar_envio_fallido(if olvidos::contar(id) { Ranura::CONTADO } else { 0 });
        }
    }

    #[cold]
    #[inline(never)]
    fn anotar_el_envio_fallido(&self, error: &Error) {
        let es_de_la_conexion = !matches!(error, Error::Descriptor { .. } | Error::Entorno { .. });
        if es_de_la_conexion && self.ranura.envio_fallido() != Ranura::CONTADO {
            self.de_quien_es();
            self.ranura.anotar_envio_fallido(olvidos::anotar_envio(error));
        }
    }

    /// Lo que se toma para enviar.
    pub(super) fn envio(&self) -> &Envio {
        &self.ranura.envio
    }

    /// El límite con el que se compara un payload de `tamanio` bytes. Sólo si no entra sin duda hay que ver si el que se recuerda es el suyo; el de
    /// una conexión que no hizo la biblioteca es el del entorno.
    #[inline(always)]
    pub(super) fn limite_para(&self, tamanio: usize) -> Resultado<u32> {
        let sin_duda = self.ranura.sin_duda();
        if tamanio <= en_memoria(sin_duda) && sin_duda != 0 { Ok(sin_duda) } else { self.tamanio_maximo() }
    }

    /// El mayor payload de esta conexión.
    #[cold]
    #[inline(never)]
    fn tamanio_maximo(&self) -> Resultado<u32> {
        self.de_quien_es();
        self.ranura.limite()
    }

    /// Recuerda el código de operación que se acaba de leer: es de la conexión, lo haya leído el hilo que sea.
    #[inline(always)]
    pub(super) fn anotar_codigo(&self, codigo: i32) {
        // Si no, después no se va a saber si lo que se leyó era de éste.
        if !self.ranura.cuenta_lo_leido() {
            self.de_quien_es();
        }
        self.ranura.anotar_codigo(codigo);
    }

    /// El código que se leyó y no se usó, para contarlo.
    #[inline(always)]
    pub(super) fn tomar_codigo(&self) -> Option<i32> {
        self.ranura.tomar_codigo()
    }

    /// El mismo, si es de este socket: de él depende qué se lee después.
    #[inline(always)]
    pub(super) fn usar_codigo(&self) -> Option<i32> {
        self.ranura.tomar_codigo().filter(|_| self.es_suyo_el_codigo())
    }

    /// Si lo que se recordaba era de otro socket, el código pudo leerse antes o después de que el número cambiara: si de éste no se leyó nada
    /// todavía, fue antes.
    #[cold]
    #[inline(never)]
    fn es_suyo_el_codigo(&self) -> bool {
        const LARGO_DE_UN_CODIGO: u64 = 4;
        match self.de_quien_es() {
            DeQuien::DeEste | DeQuien::DeNadie => true,
            DeQuien::DeOtro(_) => {
                sistema::leidos_por_alguien(&self.fd).is_some_and(|bytes| bytes >= LARGO_DE_UN_CODIGO)
            }
            DeQuien::NoHay => false,
        }
    }

    /// El valor con que se saludaron, si la biblioteca hizo esta conexión y hubo handshake.
    pub(super) fn handshake(&self) -> Option<i32> {
        if self.es_suyo() { self.ranura.handshake() } else { None }
    }

    /// Si sigue siendo lo que se entregó.
    pub(super) fn es(&self, entregado: Entregado) -> bool {
        self.ranura.vuelo.es_la_vuelta(entregado.vuelta) && self.ranura.sigue_en(entregado.descriptor)
    }

    /// La atención en curso, si la hay.
    pub(super) fn atencion(&self) -> Option<Compartido<Atencion>> {
        if self.es_suyo() { self.ranura.atencion.tomar().clone() } else { None }
    }

    pub(super) fn comenzar_atencion(&self, nueva: &Compartido<Atencion>) -> Resultado<()> {
        self.ranura.comenzar_atencion(self.descriptor(), nueva)
    }

    /// Termina la atención en curso, si todavía es de ella.
    pub(super) fn terminar_atencion(&self, terminada: &Compartido<Atencion>) {
        let mut atencion = self.ranura.atencion.tomar();
        let soltada =
            if atencion.as_ref().is_some_and(|esta| !esta.es_otra(terminada)) { atencion.take() } else { None };
        drop(atencion);
        drop(soltada);
    }

    /// Deja de esperar clientes, aunque el proceso se haya bifurcado.
    pub(super) fn detener(&self) {
        if let Some(escucha) = self.escucha_si_es_suya() {
            escucha.liberar(&self.socket());
        }
    }

    /// Lo que este socket recuerda si es uno que escucha.
    pub(super) fn escucha_si_es_suya(&self) -> Option<&Escucha> {
        let escucha = if self.es_suyo() { self.ranura.escucha() } else { None };
        // SAFETY: la página no se suelta mientras haya llamadas en vuelo, y ésta es una.
        escucha.map(|escucha| unsafe { &*escucha })
    }

    /// Lo mismo. Si el número cambió de dueño, o no lo hizo la biblioteca, empieza de cero con las opciones del entorno.
    pub(super) fn escucha_o_nueva(&self) -> Resultado<&Escucha> {
        if let DeQuien::NoHay = self.de_quien_es() {
            socket_en(self.descriptor())?;
            return Err(Error::cerrado_por_el_programa(self.descriptor()));
        }
        let escucha = self.ranura.escucha_o_nueva(self.descriptor())?;
        // SAFETY: la página no se suelta mientras haya llamadas en vuelo, y ésta es una.
        Ok(unsafe { &*escucha })
    }

    /// Lo mismo, como el lugar por donde entran los clientes.
    pub(super) fn puerta<'a>(&self, socket: &'a Socket) -> Puerta<'a> {
        let identidad = Some(self.socket.get()).filter(|este| *este != 0);
        Puerta { socket, compartida: self.ranura.es_compartida(), identidad }
    }

    /// Marca el número como liberado, si `corresponde`: lo cierra el último en salir.
    fn marcar_liberado(&self, corresponde: impl FnOnce(&Self) -> bool) -> Resultado<()> {
        let _candado = self.ranura.candado();
        if !corresponde(self) {
            return Err(descriptor_invalido(self.descriptor(), "ya es otra."));
        }
        if self.ranura.vuelo.liberar() { Ok(()) } else { Err(descriptor_invalido(self.descriptor(), "ya se liberó.")) }
    }

    /// Despierta a los demás hilos que esperan en este socket. Si el proceso se bifurcó no se puede: sería terminar la copia del otro.
    fn despertar_a_los_demas(&self) {
        if !self.ranura.hay_otras_llamadas() || self.ranura.bifurcada() {
            return;
        }
        match self.ranura.escucha() {
            Some(escucha) => {
                if let Some(atencion) = &*self.ranura.atencion.tomar() {
                    atencion.pedir_fin();
                }
                // SAFETY: la página no se suelta mientras haya llamadas en vuelo, y ésta es una.
                unsafe { &*escucha }.liberar(&self.socket());
            }
            None => self.terminar(),
        }
    }

    /// Termina la conversación, para los dos lados y para todos los hilos.
    pub(super) fn terminar(&self) {
        red::terminar(&self.socket());
    }

    /// Termina la conversación y deja en el número una tumba, si sigue siendo de este socket.
    pub(super) fn enterrar(&self) {
        self.de_quien_es();
        while !self.cavar() {
            if !ceder_una_tumba() {
                // Sin descriptores para una tumba: al menos, que nadie siga hablando por aquí.
                return self.terminar();
            }
        }
        while let Some(sobra) = tumbas::la_que_sobra() {
            liberar_tumba(sobra);
        }
    }

    /// Pone la tumba, salvo que ya lo sea, que otro hilo haya liberado el número, o que sea de otro. `false`: no hay con qué.
    fn cavar(&self) -> bool {
        let ranura = self.ranura;
        let _candado = ranura.candado();
        let es_una_tumba = ranura.tumba().is_some() && ranura.sigue_en(self.descriptor());
        if es_una_tumba || ranura.vuelo.esta_liberado() || !self.sigue() {
            return true;
        }
        if ranura.hay_otras_llamadas() && !ranura.bifurcada() {
            self.terminar();
        }
        let Some((tumba, muerto)) = tumbas::cavar(self.descriptor()) else { return false };
        ranura.enterrar(muerto, tumba.orden);
        traza::contar_cierre(self.descriptor());
        true
    }

    /// Cierra, si el número quedó liberado y sin nadie.
    #[cold]
    #[inline(never)]
    fn cerrar_si_nadie_se_adelanta(&self) {
        let (ranura, descriptor) = (self.ranura, self.descriptor());
        let (tumba, es_nuestro, vuelta) = {
            let _candado = ranura.candado();
            if !ranura.vuelo.hay_que_cerrar(self.vuelta.get()) {
                return;
            }
            let (tumba, es_nuestro) = (ranura.tumba(), ranura.sigue_en(descriptor));
            // Antes de cerrar: después, otro hilo puede tener ya el mismo número.
            let vuelta = ranura.olvidar(descriptor, CERRANDO);
            (tumba, es_nuestro, vuelta)
        };
        match tumba {
            // Si el programa ya lo había cerrado por su cuenta, el número puede ser de otro.
            _ if !es_nuestro => {}
            Some(_) => tumbas::cerrar_tumba(descriptor),
            None => {
                traza::contar_cierre(descriptor);
                cerrar(descriptor);
            }
        }
        ranura.vuelo.terminar_de_cerrar(vuelta);
    }
}

impl Canal for Uso {
    #[inline(always)]
    fn fd(&self) -> BorrowedFd<'_> {
        self.fd
    }

    #[inline(always)]
    fn ritmo(&self) -> &Ritmo {
        &self.ranura.ritmo
    }

    /// De un socket del programa no se tocan sus opciones: es como si alguien recibiera siempre.
    #[cold]
    #[inline(never)]
    fn alguien_recibe(&self) -> bool {
        self.ranura.vuelo.cuantas() != 1 || !self.ranura.es_propio(self.descriptor())
    }

    fn es_suyo_el_ritmo(&self) -> bool {
        matches!(self.de_quien_es(), DeQuien::DeEste | DeQuien::DeNadie)
    }

    fn antes_de_dormir(&self) {
        if self.socket.get() == 0 {
            self.socket.set(identidad(self.descriptor()).unwrap_or(0));
            if self.ranura.identidad() == 0 {
                self.de_quien_es();
            }
        }
    }

    fn sigue(&self) -> bool {
        match self.socket.get() {
            0 => self.ranura.vuelo.es_la_vuelta(self.vuelta.get()),
            este => identidad(self.descriptor()).is_ok_and(|ahora| ahora == este),
        }
    }

    /// Con el candado: quien la pone primero cambia lo que hay en el número, y después lo anota.
    fn es_su_tumba(&self) -> bool {
        let _candado = self.ranura.candado();
        let de_esta_vuelta = self.ranura.vuelo.es_la_vuelta(self.vuelta.get());
        de_esta_vuelta && self.ranura.tumba().is_some() && self.ranura.sigue_en(self.descriptor())
    }
}

impl Drop for Uso {
    #[inline(always)]
    fn drop(&mut self) {
        if self.ranura.vuelo.aterrizar(self.vuelta.get()) {
            self.cerrar_si_nadie_se_adelanta();
        }
    }
}

/// Si ya se pidió avisar de cada fork. Se lo toma para entregar.
static ENTREGAS: Cerrojo<bool> = Cerrojo::nuevo(false);

/// La ranura del número que se va a entregar. Con el cerrojo tomado: así helgrind ve que sus páginas se pidieron antes de que las usara cualquier
/// otro hilo.
fn ranura_nueva(descriptor: c_int) -> Resultado<&'static Ranura> {
    let mut avisado = ENTREGAS.tomar();
    if !*avisado {
        let en_el_padre: unsafe extern "C" fn() = antes_y_despues_en_el_padre;
        // SAFETY: las funciones viven tanto como el proceso: la biblioteca nunca se descarga (nodelete).
        let salida = unsafe { libc::pthread_atfork(Some(en_el_padre), Some(en_el_padre), Some(despues_en_el_hijo)) };
        *avisado = salida == 0;
    }
    tabla::ranura(descriptor)
}

/// Antes y después, en el padre: así, lo que se libera mientras tanto en otro hilo ya sabe que puede haber una copia, y lo que se hace
/// mientras tanto, también.
extern "C" fn antes_y_despues_en_el_padre() {
    contar_bifurcacion();
}

/// En el hijo sólo existe el hilo que se bifurcó: lo que los otros tenían tomado se abre, y sus llamadas ya no están en vuelo.
extern "C" fn despues_en_el_hijo() {
    contar_bifurcacion();
    // SAFETY: pthread_atfork corre esta función en el hijo, antes de que fork vuelva.
    let hijo = unsafe { HijoConUnHilo::constancia() };
    ENTREGAS.abrir_en_el_hijo(&hijo);
    tumbas::despues_en_el_hijo(&hijo);
    registro::despues_en_el_hijo(&hijo);
    vecinos::despues_en_el_hijo(&hijo);
    tabla::todas().for_each(|(descriptor, ranura)| ranura.despues_en_el_hijo(descriptor, &hijo));
    // Último: ya se cerraron los que todavía tenían dueño.
    sistema::despues_en_el_hijo(&hijo);
}
