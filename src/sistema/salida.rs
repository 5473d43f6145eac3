//! Lo que la biblioteca escribe, sin que eso le haga nada al programa: ni una señal, ni quedarse esperando a quien no lee.
//!
//! Los descriptores 1 y 2 son del programa, y su descripción abierta puede ser también de otros procesos: no se les cambia nada.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef};

use super::espera::{Sentido, dentro_de, esperar_a};
use super::seniales::Conjunto;
use crate::renglon::Renglon;

/// Lo que un tubo toma de una vez, o no toma.
const DE_UNA_VEZ: usize = libc::PIPE_BUF;

/// Si la salida de errores es una terminal.
pub(crate) fn hay_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Adónde se escribe: cuántos renglones se perdieron ahí desde el último que entró.
#[derive(Debug)]
pub(crate) struct Salida {
    perdidos: AtomicU32,
    /// Si el último quedó por la mitad.
    cortado: AtomicBool,
}

/// La salida de errores.
pub(crate) static ERRORES: Salida = Salida::nueva();
/// La salida del programa.
pub(crate) static ESTANDAR: Salida = Salida::nueva();

/// Cómo se cuenta que se perdieron renglones.
pub(crate) type Aviso = Renglon<256>;

impl Salida {
    const fn nueva() -> Self {
        Self { perdidos: AtomicU32::new(0), cortado: AtomicBool::new(false) }
    }

    /// Escribe un renglón, dado en partes. Si quien lee no hace lugar en `paciencia`, se pierde; y mientras siga sin leer, los que vienen
    /// se pierden enseguida. El primero que vuelve a entrar lleva delante lo que `aviso` diga de cuántos fueron.
    ///
    /// # Errors
    /// `WouldBlock` si no hay lugar; si no, los de `write(2)`. En los dos casos el renglón se perdió, y ya está contado.
    pub(crate) fn escribir(
        &self,
        fd: RawFd,
        partes: [&[u8]; 3],
        paciencia: Duration,
        aviso: impl FnOnce(u32) -> Aviso,
    ) -> io::Result<()> {
        let _sin_seniales = SinSeniales::nuevo();
        let perdidos = self.perdidos.swap(0, Ordering::Relaxed);
        let aviso = if perdidos == 0 { Aviso::vacio() } else { aviso(perdidos) };
        let cortado = self.cortado.swap(false, Ordering::Relaxed);
        let [a, b, c] = partes.map(IoSlice::new);
        let mut partes = [IoSlice::new(if cortado { b"\n" } else { b"" }), IoSlice::new(aviso.bytes()), a, b, c];
        let antes: usize = partes.iter().map(|parte| parte.len()).sum();
        let (escrito, faltan) = Destino::de(fd).map_or_else(
            |causa| (Err(causa), antes),
            |mut destino| destino.escribir(&mut partes, if perdidos == 0 { paciencia } else { Duration::ZERO }),
        );
        if escrito.is_err() {
            self.perdidos.fetch_add(perdidos.saturating_add(1), Ordering::Relaxed);
            self.cortado.fetch_or(faltan < antes || cortado, Ordering::Relaxed);
        }
        escrito
    }

    /// Si en `fd` entra algo, o se hace lugar antes de que se acabe la paciencia.
    pub(crate) fn hay_lugar(&self, fd: RawFd, paciencia: Duration) -> bool {
        Destino::de(fd).is_ok_and(|destino| destino.espera_lugar(self.paciencia(paciencia)))
    }

    /// La paciencia que queda: con quien ya no leyó, ninguna.
    pub(crate) fn paciencia(&self, toda: Duration) -> Duration {
        if self.perdidos.load(Ordering::Relaxed) == 0 { toda } else { Duration::ZERO }
    }

    /// Cuenta un renglón que ni se intentó escribir.
    pub(crate) fn perder(&self) {
        self.perdidos.fetch_add(1, Ordering::Relaxed);
    }
}

/// Un descriptor del programa donde escribir: se lo usa, y no se lo cierra.
struct Destino {
    archivo: ManuallyDrop<File>,
    clase: Clase,
}

enum Clase {
    /// Un archivo o un dispositivo de bloques: siempre hay lugar, o es un error.
    Archivo,
    /// Un socket entre procesos de esta máquina.
    Socket,
    /// Un tubo, una terminal u otro dispositivo; si hizo falta, vuelto a abrir sin bloqueo.
    Otro { sin_bloqueo: Option<File> },
}

impl Destino {
    /// # Errors
    /// Si no está abierto, o es una conexión de internet: lo que se escriba ahí es parte de una conversación del programa.
    fn de(fd: RawFd) -> io::Result<Self> {
        if fd < 0 {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        // SAFETY: no se cierra al soltarlo. Si no está abierto, las llamadas lo dicen; si es de otra cosa, es lo que el programa quiso.
        let archivo = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
        let tipo = archivo.metadata()?.file_type();
        let clase = if tipo.is_file() || tipo.is_block_device() {
            Clase::Archivo
        } else if tipo.is_socket() {
            if SockRef::from(&*archivo).domain()? != Domain::UNIX {
                return Err(io::Error::other("es una conexión del programa"));
            }
            Clase::Socket
        } else {
            Clase::Otro { sin_bloqueo: None }
        };
        Ok(Self { archivo, clase })
    }

    /// Escribe todo, o lo que entre. Dice también cuántos bytes quedaron sin escribir.
    fn escribir(&mut self, mut partes: &mut [IoSlice<'_>], paciencia: Duration) -> (io::Result<()>, usize) {
        IoSlice::advance_slices(&mut partes, 0);
        let mut vence = dentro_de(paciencia);
        while !partes.is_empty() {
            let causa = match self.escribir_ya(partes) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(escritos) => {
                    IoSlice::advance_slices(&mut partes, escritos);
                    vence = dentro_de(paciencia);
                    continue;
                }
                Err(causa) if causa.kind() == ErrorKind::Interrupted => continue,
                Err(causa) if causa.kind() == ErrorKind::WouldBlock && self.espera_hasta(vence) => continue,
                Err(causa) => causa,
            };
            return (Err(causa), partes.iter().map(|parte| parte.len()).sum());
        }
        (Ok(()), 0)
    }

    fn escribir_ya(&mut self, partes: &[IoSlice<'_>]) -> io::Result<usize> {
        let Self { archivo, clase } = self;
        match clase {
            Clase::Archivo => (&**archivo).write_vectored(partes),
            Clase::Socket => {
                SockRef::from(&**archivo).send_vectored_with_flags(partes, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            }
            Clase::Otro { sin_bloqueo: Some(sin_bloqueo) } => (&*sin_bloqueo).write_vectored(partes),
            Clase::Otro { sin_bloqueo } => match escribir_sin_esperar(archivo, partes) {
                Err(causa) if no_se_puede_pedir(&causa) => {
                    *sin_bloqueo = otra_vez_sin_bloqueo(archivo);
                    match sin_bloqueo {
                        Some(sin_bloqueo) => (&*sin_bloqueo).write_vectored(partes),
                        None => escribir_si_hay_lugar(archivo, partes),
                    }
                }
                salida => salida,
            },
        }
    }

    fn espera_lugar(&self, paciencia: Duration) -> bool {
        matches!(self.clase, Clase::Archivo) || self.espera_lugar_hasta(dentro_de(paciencia))
    }

    /// Espera a que haya lugar. Si ya venció, no: lo que dice poll puede no alcanzar para lo que falta.
    fn espera_hasta(&self, vence: Option<Instant>) -> bool {
        vence.is_none_or(|vence| Instant::now() < vence) && self.espera_lugar_hasta(vence)
    }

    fn espera_lugar_hasta(&self, vence: Option<Instant>) -> bool {
        esperar_a(&self.archivo.as_fd(), Sentido::Escritura, vence).unwrap_or(false)
    }
}

/// `pwritev2(2)` con RWF_NOWAIT: lo que entre ya, sin tocar el O_NONBLOCK del descriptor. A mano: musl viejo no la tiene.
fn escribir_sin_esperar(archivo: &File, partes: &[IoSlice<'_>]) -> io::Result<usize> {
    const RWF_NOWAIT: libc::c_long = 8;
    const DONDE_ESTE: libc::c_long = -1;
    let (fd, cuantas) = (libc::c_long::from(archivo.as_raw_fd()), partes.len());
    // SAFETY: un IoSlice tiene la forma de un iovec, y los bytes están prestados mientras dura la llamada.
    let salida =
        unsafe { libc::syscall(libc::SYS_pwritev2, fd, partes.as_ptr(), cuantas, DONDE_ESTE, DONDE_ESTE, RWF_NOWAIT) };
    usize::try_from(salida).map_err(|_| io::Error::last_os_error())
}

/// Si ese núcleo, o ese dispositivo (una terminal), no sabe escribir sin esperar.
fn no_se_puede_pedir(causa: &io::Error) -> bool {
    matches!(causa.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL | libc::ESPIPE | libc::EPERM))
}

/// El mismo tubo o la misma terminal, en una descripción propia y sin bloqueo. Puede no dejarse.
fn otra_vez_sin_bloqueo(archivo: &File) -> Option<File> {
    let tipo = archivo.metadata().ok()?.file_type();
    if !tipo.is_fifo() && !archivo.is_terminal() {
        return None;
    }
    let mut camino = Renglon::<40>::vacio();
    std::fmt::Write::write_fmt(&mut camino, format_args!("/proc/self/fd/{}", archivo.as_raw_fd())).ok()?;
    let abierto =
        OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(camino.texto()).ok()?;
    // Los tres primeros números, aunque estén libres, son para otra cosa.
    (abierto.as_raw_fd() > libc::STDERR_FILENO).then_some(abierto)
}

/// Lo que queda cuando no hay otra: preguntar y escribir. De a poco, que es lo que seguro entra si hay lugar.
fn escribir_si_hay_lugar(archivo: &File, partes: &[IoSlice<'_>]) -> io::Result<usize> {
    if !esperar_a(&archivo.as_fd(), Sentido::Escritura, Some(Instant::now()))? {
        return Err(ErrorKind::WouldBlock.into());
    }
    let mut archivo = archivo;
    if partes.iter().map(|parte| parte.len()).sum::<usize>() <= DE_UNA_VEZ {
        return archivo.write_vectored(partes);
    }
    let primera = partes.first().map_or(&[][..], |parte| parte);
    archivo.write(primera.get(..DE_UNA_VEZ).unwrap_or(primera))
}

/// Lo que `write(2)` manda, además de su error, cuando del otro lado no hay nadie o el archivo llegó a su límite; y cuando un programa que
/// corre de fondo escribe en una terminal que pidió que no (sin ella, escribe).
const SENIALES: [libc::c_int; 3] = [libc::SIGPIPE, libc::SIGXFSZ, libc::SIGTTOU];

/// Mientras exista, esas señales de este hilo no llegan a nadie: `write(2)` no tiene el MSG_NOSIGNAL de los sockets.
pub(crate) struct SinSeniales {
    /// Las señales que este hilo ya bloqueaba.
    antes: Conjunto,
    /// Cuáles ya estaban esperando: ésas son del programa.
    esperaban: Conjunto,
}

impl SinSeniales {
    pub(crate) fn nuevo() -> Self {
        let esperaban = Conjunto::de_las_que_esperan();
        Self { antes: Conjunto::de(SENIALES).poner_en_este_hilo(libc::SIG_BLOCK), esperaban }
    }
}

impl Drop for SinSeniales {
    fn drop(&mut self) {
        let esperan = Conjunto::de_las_que_esperan();
        for senial in SENIALES {
            if esperan.tiene(senial) && !self.esperaban.tiene(senial) {
                Conjunto::de([senial]).sacar_una();
            }
        }
        self.antes.poner_en_este_hilo(libc::SIG_SETMASK);
    }
}
