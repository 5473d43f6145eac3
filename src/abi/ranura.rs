//! Lo que se recuerda de un número de descriptor, y de qué socket es todo eso.
//!
//! Hay un solo lugar que sabe si el número sigue siendo del mismo socket ([`Ranura::de_quien_es`]) y un solo olvido, de todo junto
//! ([`Ranura::olvidar`]): un `close(2)` del programa no se ve, y nada de lo que se recuerda de un socket se usa en otro.

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use super::memoria::Pagina;
use super::vecinos;
use super::vuelo::{Vuelo, Vuelta};
use crate::atencion::Atencion;
use crate::error::{Error, Resultado};
use crate::escucha::Escucha;
use crate::mensaje::Envio;
use crate::opciones;
use crate::ritmo::Ritmo;
use crate::sincronia::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::sistema::{Cerrojo, Compartido, Guarda, HijoConUnHilo, Poner, cerrar, identidad, leidos_por_alguien};

/// Lo que se recuerda de un número. Todo en cero es una ranura nueva.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Ranura {
    pub(super) vuelo: Vuelo,
    /// De qué socket es todo lo que sigue. 0: de ninguno que se conozca.
    identidad: AtomicU64,
    /// El código de operación leído y todavía no usado, empacado.
    codigo: AtomicU64,
    /// El mayor payload. 0: todavía no se sabe.
    limite: AtomicU32,
    /// Hasta cuánto está permitido sin duda, sea de quien sea el número: lo menor entre ese límite y el del entorno.
    sin_duda: AtomicU32,
    pub(super) ritmo: Ritmo,
    /// Si lo hizo la biblioteca.
    propio: AtomicBool,
    /// Si se sabe cuál es, y el kernel cuenta cuánto se leyó de él: es TCP.
    cuenta_lo_leido: AtomicBool,
    /// Si quedaron llamadas de otra vuelta, que pueden estar dormidas en este socket.
    con_ajenas: AtomicBool,
    /// Cuántas veces se había bifurcado el proceso cuando se hizo.
    bifurcacion: AtomicU32,
    /// La cuántas fue, si es una tumba; 0 si no.
    tumba: AtomicU64,
    /// El valor con que se saludaron, empacado; 0: ninguno.
    handshake: AtomicU64,
    /// El envío que falló y nadie miró, entre los olvidos. 0: ninguno.
    envio_fallido: AtomicU64,
    pub(super) envio: Envio,
    /// Lo toma quien va a cambiar de quién es, para que no cambie entre que se lo mira y se lo anota.
    candado: Cerrojo<()>,
    escucha: Cerrojo<Option<Pagina<Escucha>>>,
    pub(super) atencion: Cerrojo<Option<Compartido<Atencion>>>,
}

/// Cuántas veces se bifurcó este proceso (fork).
static BIFURCACIONES: AtomicU32 = AtomicU32::new(0);

pub(super) fn contar_bifurcacion() {
    BIFURCACIONES.fetch_add(1, Ordering::AcqRel);
}

/// De quién es lo que una ranura recuerda.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeQuien {
    /// Del socket que hay ahora en el número.
    DeEste,
    /// No se recordaba ninguno: desde ahora, éste.
    DeNadie,
    /// Era de otro: ya se olvidó, y desde ahora se recuerda a éste, en otra vuelta.
    DeOtro(Vuelta),
    /// En el número no hay un socket.
    NoHay,
}

/// Un socket que hizo la biblioteca, con lo que hay que recordar de él.
#[derive(Debug)]
pub(super) struct Recuerdo {
    pub(super) identidad: u64,
    pub(super) tamanio_maximo: u32,
    pub(super) handshake: Option<i32>,
    pub(super) escucha: Option<Pagina<Escucha>>,
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

impl Ranura {
    /// Para mirar de quién es y cambiarlo, en un solo paso.
    pub(super) fn candado(&self) -> Guarda<'_, ()> {
        self.candado.tomar()
    }

    /// De quién es lo que se recuerda de `descriptor`, que es el número de esta ranura. Cuesta una llamada al sistema.
    pub(super) fn de_quien_es(&self, descriptor: c_int) -> DeQuien {
        let es_el_de_ahora = || identidad(descriptor).map(|ahora| ahora == self.identidad.load(Ordering::Acquire));
        match es_el_de_ahora() {
            Ok(true) => return DeQuien::DeEste,
            Ok(false) => {}
            Err(_) => return DeQuien::NoHay,
        }
        let _candado = self.candado();
        // Otra vez: puede haberlo hecho otro hilo.
        let Ok(ahora) = identidad(descriptor) else { return DeQuien::NoHay };
        match self.identidad.load(Ordering::Acquire) {
            0 => {
                self.recordar_a(descriptor, ahora);
                DeQuien::DeNadie
            }
            anotada if anotada == ahora => DeQuien::DeEste,
            _ => {
                let vuelta = self.olvidar(descriptor, 1);
                self.recordar_a(descriptor, ahora);
                DeQuien::DeOtro(vuelta)
            }
        }
    }

    pub(super) fn identidad(&self) -> u64 {
        self.identidad.load(Ordering::Acquire)
    }

    /// Desde ahora recuerda a uno que no hizo la biblioteca.
    fn recordar_a(&self, descriptor: c_int, este: u64) {
        // SAFETY: sólo se le pregunta, y si no está abierto dice EBADF.
        let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
        self.cuenta_lo_leido.poner(leidos_por_alguien(&socket).is_some());
        self.identidad.poner(este);
    }

    pub(super) fn cuenta_lo_leido(&self) -> bool {
        self.cuenta_lo_leido.load(Ordering::Relaxed)
    }

    /// Si en `descriptor` sigue estando el socket que se recuerda. No cambia nada.
    pub(super) fn sigue_en(&self, descriptor: c_int) -> bool {
        identidad(descriptor).is_ok_and(|ahora| ahora == self.identidad.load(Ordering::Acquire))
    }

    /// Olvida todo, con el candado tomado: el número es de otro socket, o de nadie. Empieza otra vuelta, con ese comienzo.
    pub(super) fn olvidar(&self, descriptor: c_int, comienzo: u64) -> Vuelta {
        let escucha = self.escucha.tomar().take();
        let atencion = self.atencion.tomar().take();
        let (vuelta, quedaron) = self.vuelo.dar_otra_vuelta(comienzo);
        let hay_ajenas = quedaron > 0;
        self.identidad.poner(0);
        self.codigo.poner(0);
        self.limite.poner(0);
        self.sin_duda.poner(0);
        self.propio.poner(false);
        self.cuenta_lo_leido.poner(false);
        self.con_ajenas.poner(hay_ajenas);
        self.bifurcacion.poner(0);
        self.tumba.poner(0);
        self.handshake.poner(0);
        self.envio_fallido.poner(0);
        self.ritmo.renovar();
        self.envio.renovar();
        drop(atencion);
        if let Some(escucha) = escucha {
            vecinos::quitar(descriptor);
            soltar_escucha(escucha, hay_ajenas);
        }
        vuelta
    }

    /// El número es de un socket que la biblioteca acaba de hacer: empieza de cero.
    pub(super) fn estrenar(&self, descriptor: c_int, recuerdo: Recuerdo) -> Vuelta {
        let _candado = self.candado();
        let vuelta = self.olvidar(descriptor, 0);
        self.identidad.poner(recuerdo.identidad);
        self.anotar_limite(recuerdo.tamanio_maximo, opciones::tamanio_maximo_del_entorno().unwrap_or(0));
        self.propio.poner(true);
        self.cuenta_lo_leido.poner(true);
        self.con_ajenas.poner(false);
        self.bifurcacion.poner(BIFURCACIONES.load(Ordering::Acquire));
        self.handshake.poner(recuerdo.handshake.map_or(0, empacar));
        if recuerdo.escucha.is_some() {
            *self.escucha.tomar() = recuerdo.escucha;
            vecinos::sumar(descriptor);
        }
        vuelta
    }

    /// El número pasa a ser una tumba, con ese socket muerto.
    pub(super) fn enterrar(&self, muerto: u64, orden: u64) {
        self.codigo.poner(0);
        self.identidad.poner(muerto);
        self.tumba.poner(orden);
    }

    /// Si se recuerda una tumba, la cuántas es. Con el candado tomado.
    pub(super) fn tumba(&self) -> Option<u64> {
        Some(self.tumba.load(Ordering::Acquire)).filter(|orden| *orden != 0)
    }

    pub(super) fn anotar_codigo(&self, codigo: i32) {
        self.codigo.poner(empacar(codigo));
    }

    /// El código anotado, que deja de estarlo.
    pub(super) fn tomar_codigo(&self) -> Option<i32> {
        let anotado = self.codigo.load(Ordering::Acquire);
        if anotado != 0 {
            self.codigo.poner(0);
        }
        desempacar(anotado)
    }

    /// El envío que falló y todavía no se contó, si lo hay.
    pub(super) fn envio_fallido(&self) -> u64 {
        self.envio_fallido.load(Ordering::Relaxed)
    }

    /// Cambia el envío que falló; uno que ya se contó es [`CONTADO`](Self::CONTADO), y queda.
    pub(super) fn anotar_envio_fallido(&self, id: u64) {
        self.envio_fallido.poner(id);
    }

    /// De cada conexión se cuenta uno solo.
    pub(super) const CONTADO: u64 = u64::MAX;

    pub(super) fn handshake(&self) -> Option<i32> {
        desempacar(self.handshake.load(Ordering::Acquire))
    }

    /// Hasta cuánto está permitido sin duda. 0: no se sabe.
    pub(super) fn sin_duda(&self) -> u32 {
        self.sin_duda.load(Ordering::Acquire)
    }

    /// El límite de un socket que no hizo la biblioteca es el del entorno.
    pub(super) fn limite(&self) -> Resultado<u32> {
        match self.limite.load(Ordering::Acquire) {
            0 => {
                let del_entorno = opciones::tamanio_maximo_del_entorno()?;
                self.anotar_limite(del_entorno, del_entorno);
                Ok(del_entorno)
            }
            limite => Ok(limite),
        }
    }

    fn anotar_limite(&self, limite: u32, del_entorno: u32) {
        self.limite.poner(limite);
        self.sin_duda.poner(limite.min(del_entorno));
    }

    /// Si lo hizo la biblioteca, y lo que se recuerda es de él.
    pub(super) fn es_propio(&self, descriptor: c_int) -> bool {
        self.propio.load(Ordering::Acquire) && self.sigue_en(descriptor)
    }

    /// Si, siendo lo que se recuerda, otro proceso puede tenerlo también.
    pub(super) fn es_compartida(&self) -> bool {
        self.bifurcada() || !self.propio.load(Ordering::Acquire)
    }

    /// Si puede haber alguien más dormido en él: una llamada de esta vuelta que no es la que pregunta, o de otra.
    pub(super) fn hay_otras_llamadas(&self) -> bool {
        self.vuelo.cuantas() > 1 || self.con_ajenas.load(Ordering::Acquire)
    }

    /// Si el proceso se bifurcó desde que se hizo este socket: puede haber otra copia de él en otro proceso. De uno que no hizo la biblioteca no
    /// se sabe cuándo.
    pub(super) fn bifurcada(&self) -> bool {
        self.bifurcacion.load(Ordering::Acquire) != BIFURCACIONES.load(Ordering::Acquire)
    }

    /// Lo que recuerda como socket que escucha. Vale mientras haya una llamada en vuelo.
    pub(super) fn escucha(&self) -> Option<*const Escucha> {
        self.escucha.tomar().as_ref().map(|pagina| pagina.puntero().as_ptr().cast_const())
    }

    /// Lo mismo; si no recordaba nada, empieza con las opciones del entorno.
    pub(super) fn escucha_o_nueva(&self, descriptor: c_int) -> Resultado<*const Escucha> {
        if let Some(escucha) = self.escucha() {
            return Ok(escucha);
        }
        let nueva = Pagina::nueva(Escucha::nueva(opciones::Opciones::del_entorno()?))?;
        let mut lugar = self.escucha.tomar();
        let puntero = lugar.get_or_insert(nueva).puntero().as_ptr().cast_const();
        drop(lugar);
        vecinos::sumar(descriptor);
        Ok(puntero)
    }

    /// Comienza una atención.
    ///
    /// # Errors
    /// [`Error::Argumento`] si ya hay una.
    pub(super) fn comenzar_atencion(&self, descriptor: c_int, nueva: &Compartido<Atencion>) -> Resultado<()> {
        let mut atencion = self.atencion.tomar();
        if atencion.is_some() {
            let texto = crate::memoria::texto!("{descriptor} ya lo está atendiendo otro hilo con tp0_atender.");
            return Err(Error::Argumento(texto));
        }
        *atencion = Some(nueva.clone());
        Ok(())
    }

    /// En el hijo de un fork no hay nadie más: lo que los otros tenían tomado se abre, y sus llamadas no cuentan. Tampoco las de este mismo
    /// hilo, si se bifurcó el manejador de una señal en medio de una.
    pub(super) fn despues_en_el_hijo(&self, descriptor: c_int, hijo: &HijoConUnHilo) {
        self.candado.abrir_en_el_hijo(hijo);
        self.escucha.abrir_en_el_hijo(hijo);
        let se_estaba_cerrando = self.vuelo.esta_liberado();
        let (_, habia) = self.vuelo.dar_otra_vuelta(0);
        if habia > 0 {
            self.envio.renovar();
            // Los hilos que atendían quedaron en el padre.
            self.atencion.olvidar_en_el_hijo(None, hijo);
        }
        if se_estaba_cerrando && self.sigue_en(descriptor) {
            cerrar(descriptor);
        }
        if let Some(escucha) = self.escucha.tomar().as_ref() {
            // SAFETY: la página existe mientras esté en la ranura, y no hay otro hilo que la saque.
            unsafe { escucha.puntero().as_ref() }.despues_en_el_hijo(hijo);
        }
    }
}

/// Si otro hilo puede estar usándola todavía, queda para siempre.
fn soltar_escucha(escucha: Pagina<Escucha>, la_usan: bool) {
    if la_usan {
        escucha.dejar();
    } else {
        // SAFETY: la página existe: la tiene `escucha`.
        unsafe { escucha.puntero().as_ref() }.ordenar_el_final();
    }
}
