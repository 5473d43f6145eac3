//! Lo que comparten las dos mitades de una conexión: el socket, lo encolado y si se cortó.
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::Socket;

use crate::error::{Error, Resultado};
use crate::mensaje::{self, Envio};
use crate::red::{self, Canal};
use crate::ritmo::Ritmo;
use crate::sistema::Cerrojo;
use crate::traza;
use crate::vivos::Cortable;

/// Lo que las dos mitades comparten. Al soltarlo se envía lo encolado y se cierra.
pub(crate) struct Extremo {
    pub(super) socket: Socket,
    pub(super) par: SocketAddr,
    pub(super) handshake: Option<i32>,
    pub(super) tamanio_maximo: u32,
    /// Si este programa la cortó.
    pub(super) cortada: AtomicBool,
    pub(super) envio: Envio,
    pub(super) ritmo: Ritmo,
    /// Mensajes enteros que esperan salir juntos.
    pub(super) cola: Cerrojo<Vec<u8>>,
    /// Si hay algo encolado, para no tomar el cerrojo cuando no lo hay. Cambia con el cerrojo tomado.
    pub(super) hay_cola: AtomicBool,
}

impl Extremo {
    #[inline]
    pub(super) fn cortada(&self) -> bool {
        self.cortada.load(Ordering::Acquire)
    }

    /// El error de un envío o una recepción: si la conexión se cortó, es por eso.
    #[cold]
    pub(super) fn por_que(&self, error: Error) -> Error {
        let error = if self.cortada() { Error::Cortada } else { error };
        traza::contar_falla(&error);
        error
    }

    pub(super) fn mostrar<'a, 'b>(&self, f: &'a mut fmt::Formatter<'b>, nombre: &str) -> fmt::DebugStruct<'a, 'b> {
        let mut estructura = f.debug_struct(nombre);
        estructura.field("par", &self.par).field("handshake", &self.handshake);
        estructura
    }

    /// Envía lo encolado. Quien corta la conexión lo puede cortar mientras espera.
    pub(crate) fn vaciar_cola(&self) -> Resultado<()> {
        if self.hay_cola.load(Ordering::Acquire) { self.vaciar(&mut self.cola.tomar()) } else { Ok(()) }
    }

    /// Como [`vaciar_cola`](Self::vaciar_cola), sin esperar: si otro hilo está enviando, lo encolado ya sale con lo de él; esperarlo podría
    /// ser esperar a quien no lee.
    pub(super) fn vaciar_si_se_puede(&self) -> Resultado<()> {
        if !self.hay_cola.load(Ordering::Acquire) {
            return Ok(());
        }
        self.cola.intentar().map_or(Ok(()), |mut cola| self.vaciar(&mut cola))
    }

    pub(super) fn vaciar(&self, cola: &mut Vec<u8>) -> Resultado<()> {
        if cola.is_empty() {
            return Ok(());
        }
        let salida = mensaje::enviar_armados(self, &self.envio, cola).map_err(|error| self.por_que(error));
        cola.clear();
        // Después de enviarla: quien envía por su cuenta mientras tanto tiene que salir detrás.
        self.hay_cola.store(false, Ordering::Release);
        salida
    }
}

impl Cortable for Extremo {
    /// Termina la conversación: lo que esté en vuelo, en cualquier hilo, vuelve con [`Error::Cortada`].
    fn cortar(&self) {
        if !self.cortada.swap(true, Ordering::AcqRel) {
            red::terminar(&self.socket);
        }
    }
}

impl Canal for Extremo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn ritmo(&self) -> &Ritmo {
        &self.ritmo
    }

    fn alguien_recibe(&self) -> bool {
        self.ritmo.alguien_recibe()
    }
}

impl Drop for Extremo {
    fn drop(&mut self) {
        let mut cola = std::mem::take(&mut *self.cola.tomar());
        // Como BufWriter: no hay a quién contarle un error.
        let _ = self.vaciar(&mut cola);
        traza::contar_cierre(self.socket.as_raw_fd());
    }
}
