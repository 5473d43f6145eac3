//! El ritmo de una conversación: cuándo conviene que el kernel junte lo chico, y que nadie se quede esperando por eso.
//!
//! El algoritmo de Nagle retiene lo que se escribe mientras falte confirmar algo anterior, y el kernel del otro lado demora la
//! confirmación hasta 40 ms, por si sale junto con una respuesta. Así se juntan muchos mensajes chicos en pocos segmentos, que es lo
//! que conviene a quien manda muchos seguidos; y así espera 40 ms quien manda dos y se queda esperando la respuesta. Las reglas que dan
//! lo primero sin lo segundo:
//!
//! * Se envía sin Nagle. Recién después de [`RAFAGA`] envíos sin recibir nada, y si ningún otro hilo está recibiendo, se lo deja juntar.
//! * Antes de recibir vuelve a estar sin Nagle, y con eso sale lo retenido: ninguna respuesta espera por algo que no salió.
//! * Quien recibe por segunda vez sin haber enviado nada, o se queda esperando lo que falta de un mensaje, le pide al kernel que
//!   confirme ya, y al terminar de leer las veces que sigan. Así tampoco espera el que habla sin esta biblioteca, con Nagle siempre.
//! * [`Conexion`](crate::Conexion), que lee muchos mensajes por vez, en medio de una corriente deja que se junten unos microsegundos.
//!
//! En una ida y vuelta no hay ni una llamada al sistema de más.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;

use socket2::SockRef;

use crate::sincronia::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::sistema::{self, Poner};
use crate::traza;

/// Cuántos envíos sin recibir nada son una ráfaga.
const RAFAGA: u8 = 16;
/// Hubo una ráfaga, y el kernel junta lo que se envía.
const JUNTANDO: u8 = 100;
/// Se recibió algo desde el último envío, y su confirmación puede estar demorada.
const DEMORADO: u8 = 200;
/// Se recibió algo desde el último envío, y lo que se recibe se confirma enseguida.
const ENSEGUIDA: u8 = 201;

/// El de una conexión. Todo en cero es el de una nueva.
#[derive(Debug)]
pub(crate) struct Ritmo {
    /// Cuántos envíos van desde la última recepción, o una de las constantes.
    estado: AtomicU8,
    /// En cuántos de los próximos mensajes se va a esperar sin mirar antes un rato.
    sin_mirar: AtomicU8,
    /// Cuántas se dejan pasar después de haber mirado en vano.
    desconfianza: AtomicU8,
    /// Si alguien avisó que está recibiendo ([`recibiendo`](Self::recibiendo)).
    reciben: AtomicBool,
}

/// Qué parte de un mensaje se va a recibir.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tramo {
    /// El comienzo de uno nuevo.
    Comienzo,
    /// Lo que falta de uno que ya empezó.
    Resto,
}

impl Ritmo {
    pub(crate) const fn nuevo() -> Self {
        Self {
            estado: AtomicU8::new(0),
            sin_mirar: AtomicU8::new(0),
            desconfianza: AtomicU8::new(0),
            reciben: AtomicBool::new(false),
        }
    }

    /// Empieza una conexión nueva.
    pub(crate) fn renovar(&self) {
        self.estado.poner(0);
        self.sin_mirar.poner(0);
        self.desconfianza.poner(0);
    }

    #[inline(always)]
    fn estado(&self) -> u8 {
        self.estado.load(Ordering::Relaxed)
    }

    /// Antes de enviar. `alguien_recibe`: si otro hilo está esperando algo por esta conexión.
    #[inline(always)]
    pub(crate) fn al_enviar(&self, fd: BorrowedFd<'_>, alguien_recibe: impl Fn() -> bool) {
        match self.estado() {
            JUNTANDO => {}
            envios @ 0..RAFAGA => {
                self.estado.poner(envios + 1);
            }
            RAFAGA if !alguien_recibe() => self.juntar(fd, alguien_recibe),
            _ => {
                self.estado.poner(1);
            }
        }
    }

    /// Desde ahora el kernel junta lo que se envía, salvo que justo alguien esté por recibir.
    #[cold]
    #[inline(never)]
    fn juntar(&self, fd: BorrowedFd<'_>, alguien_recibe: impl Fn() -> bool) {
        // Primero se anuncia y después se vuelve a mirar. Quien recibe hace las dos cosas al revés: avisa que está (`recibiendo`, o la llamada en
        // vuelo) y después mira si se junta (`al_recibir`). Que alguno de los dos vea al otro lo da SeqCst, y sólo si es SeqCst cada una de las
        // cuatro: con menos, en ARM, cada uno puede ver lo de antes del otro, y lo que se envía queda retenido mientras los dos esperan.
        self.estado.swap(JUNTANDO, Ordering::SeqCst);
        if alguien_recibe() {
            self.estado.swap(1, Ordering::SeqCst);
            return;
        }
        // Falla sólo si no es TCP, donde nada se retiene.
        let _ = SockRef::from(&fd).set_tcp_nodelay(false);
        // Si quien recibe soltó antes de que se juntara, acá se ve: lo ordena el kernel, que cambia las opciones de un socket de a una.
        if self.estado.load(Ordering::SeqCst) != JUNTANDO {
            let _ = SockRef::from(&fd).set_tcp_nodelay(true);
        }
    }

    /// Avisa que un hilo está recibiendo, mientras no se suelte lo que devuelve.
    pub(crate) fn recibiendo(&self) -> Recibiendo<'_> {
        self.reciben.swap(true, Ordering::SeqCst);
        Recibiendo { ritmo: self }
    }

    /// Si alguien avisó que está recibiendo.
    pub(crate) fn alguien_recibe(&self) -> bool {
        self.reciben.load(Ordering::SeqCst)
    }

    /// Para quien lee de a muchos mensajes. En medio de una corriente, leer apenas llega algo es leer de a uno, y confirmar de a uno es
    /// hacer que el otro mande de a uno: si la última recepción fue recién, se deja pasar [`PAUSA_NS`].
    pub(crate) fn dejar_que_se_junte(&self, ultima_ns: i64) {
        let ahora = sistema::ahora_ns();
        if self.estado() == ENSEGUIDA && ahora.wrapping_sub(ultima_ns) < RECIEN_NS {
            esperar_girando(ahora.wrapping_add(PAUSA_NS));
        }
    }

    /// Antes de recibir: si conviene mirar primero si hay algo, sin esperar. `es_suyo`: si este ritmo
    /// es el de este socket; si no, no se le cambia nada.
    #[inline(always)]
    pub(crate) fn al_recibir(&self, fd: BorrowedFd<'_>, tramo: Tramo, es_suyo: impl Fn() -> bool) -> bool {
        // SeqCst: es la otra mitad del cruce de `juntar`. En x86-64 cuesta lo mismo.
        match self.estado.load(Ordering::SeqCst) {
            JUNTANDO if es_suyo() => self.soltar(fd),
            DEMORADO if tramo == Tramo::Comienzo && es_suyo() => self.confirmar(fd),
            _ if tramo == Tramo::Comienzo => return self.conviene_mirar(),
            _ => {}
        }
        true
    }

    /// Lo que sigue de un mensaje casi siempre ya está; el comienzo de uno, a veces.
    #[inline(always)]
    fn conviene_mirar(&self) -> bool {
        let faltan = self.sin_mirar.load(Ordering::Relaxed);
        if faltan > 0 {
            self.sin_mirar.poner(faltan - 1);
        }
        faltan == 0
    }

    /// Sale lo retenido.
    #[cold]
    #[inline(never)]
    fn soltar(&self, fd: BorrowedFd<'_>) {
        self.estado.poner(0);
        let _ = SockRef::from(&fd).set_tcp_nodelay(true);
    }

    #[cold]
    #[inline(never)]
    fn confirmar(&self, fd: BorrowedFd<'_>) {
        self.estado.poner(ENSEGUIDA);
        let _ = SockRef::from(&fd).set_tcp_quickack(true);
    }

    /// Después de recibir algo.
    #[inline(always)]
    pub(crate) fn anotar_recepcion(&self) {
        if self.estado() < JUNTANDO {
            self.estado.poner(DEMORADO);
        }
    }

    /// No había nada: mira un rato más, y si tampoco, confirma lo que haga falta antes de que se espere durmiendo.
    ///
    /// Dormir y despertar cuesta más que una respuesta que ya viene, y en una máquina virtual, varias veces más. Mirar en vano cuesta hasta
    /// [`UN_RATO_NS`] de procesador; cada vez que pasa, se dejan pasar más mensajes antes de volver a intentarlo.
    #[cold]
    #[inline(never)]
    pub(crate) fn antes_de_dormir(
        &self,
        fd: BorrowedFd<'_>,
        es_suyo: impl Fn() -> bool,
        mut mirar: impl FnMut() -> io::Result<usize>,
    ) -> Option<io::Result<usize>> {
        if self.estado() == DEMORADO && es_suyo() {
            self.confirmar(fd);
        }
        if self.sin_mirar.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let mirado = mirar_un_rato(|| match mirar() {
            Err(causa) if causa.kind() == ErrorKind::WouldBlock => None,
            salida => Some(salida),
        });
        if mirado.is_some() {
            self.desconfianza.poner(0);
            return mirado;
        }
        if traza::activa() {
            // Cada espera se cuenta: hay que volver a mirar antes de la próxima.
            return None;
        }
        let desconfianza = self.desconfianza.load(Ordering::Relaxed);
        let desconfianza = desconfianza.saturating_mul(8).clamp(4, DESCONFIANZA_MAXIMA);
        self.desconfianza.poner(desconfianza);
        self.sin_mirar.poner(desconfianza);
        None
    }
}

/// Mira una y otra vez hasta que haya algo, o hasta que pase [`UN_RATO_NS`].
pub(crate) fn mirar_un_rato<T>(mut mirar: impl FnMut() -> Option<T>) -> Option<T> {
    let hasta = sistema::ahora_ns().wrapping_add(UN_RATO_NS);
    while sistema::ahora_ns() < hasta {
        if let Some(visto) = mirar() {
            return Some(visto);
        }
        std::hint::spin_loop();
    }
    None
}

fn esperar_girando(hasta: i64) {
    while sistema::ahora_ns() < hasta {
        std::hint::spin_loop();
    }
}

/// La constancia de que un hilo está recibiendo.
#[derive(Debug)]
pub(crate) struct Recibiendo<'a> {
    ritmo: &'a Ritmo,
}

impl Drop for Recibiendo<'_> {
    fn drop(&mut self) {
        self.ritmo.reciben.swap(false, Ordering::SeqCst);
    }
}

/// Cuánto se mira antes de dormir, como mucho.
const UN_RATO_NS: i64 = 20_000;
const DESCONFIANZA_MAXIMA: u8 = 128;
/// Hace cuánto fue algo que recién fue: lo que se tarda en ocuparse de un mensaje chico, y poco más.
const RECIEN_NS: i64 = 5_000;
/// Lo que se deja juntar: una corriente de mensajes chicos llega el doble de rápido, y nadie nota lo que se demora.
const PAUSA_NS: i64 = 10_000;

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::thread;

    /// En una máquina con el orden de memoria de x86-64 esto anda casi con cualquier orden; Miri, en cambio, muestra lo que ARM puede mostrar.
    #[test]
    fn quien_recibe_y_quien_junta_no_se_pierden_los_dos() {
        const VECES: u32 = if cfg!(miri) { 10 } else { 500 };
        // Nada es TCP: no se cambia ninguna opción, y se mira lo que quedó anunciado.
        let (socket, _otro) = UnixStream::pair().unwrap();
        for _ in 0..VECES {
            let ritmo = Ritmo::nuevo();
            (0..RAFAGA).for_each(|_| ritmo.al_enviar(socket.as_fd(), || true));
            let _recibiendo = thread::scope(|hilos| {
                hilos.spawn(|| ritmo.al_enviar(socket.as_fd(), || ritmo.alguien_recibe()));
                let recibe = hilos.spawn(|| {
                    let recibiendo = ritmo.recibiendo();
                    ritmo.al_recibir(socket.as_fd(), Tramo::Comienzo, || true);
                    recibiendo
                });
                recibe.join().unwrap()
            });
            assert_ne!(ritmo.estado(), JUNTANDO, "alguien recibe, y el kernel junta");
        }
    }
}
