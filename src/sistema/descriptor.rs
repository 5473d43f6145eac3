//! De un descriptor: qué socket es, y cerrarlo sólo si lo sigue siendo.
//!
//! Un número no es un socket: el programa lo puede cerrar con `close(2)`, o todos juntos con `closefrom(3)`, y el kernel se lo da a otro.

use std::io;
use std::mem::{ManuallyDrop, MaybeUninit, size_of};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use socket2::Socket;

use super::cerrojo::HijoConUnHilo;
use super::poner::Poner;

/// Lo que distingue a un socket de todos los demás que hubo o habrá en esta máquina; nunca es 0.
///
/// # Errors
/// EBADF si el descriptor está cerrado, y ENOTSOCK si es otra cosa.
pub(crate) fn identidad(descriptor: RawFd) -> io::Result<u64> {
    let mut galleta = 0u64;
    let mut largo = libc::socklen_t::try_from(size_of::<u64>()).map_err(io::Error::other)?;
    let lugar = (&raw mut galleta).cast();
    // SAFETY: `lugar` apunta a un u64 vivo, que es lo que dice `largo`.
    let salida = unsafe { libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_COOKIE, lugar, &raw mut largo) };
    if salida == 0 {
        return Ok(galleta);
    }
    let causa = io::Error::last_os_error();
    match causa.raw_os_error() {
        Some(libc::EBADF | libc::ENOTSOCK) => Err(causa),
        // Un kernel, o un emulador, que no la tiene: el inodo también los distingue, mientras no dé la vuelta.
        _ => inodo(descriptor),
    }
}

fn inodo(descriptor: RawFd) -> io::Result<u64> {
    let mut datos = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `datos` es un lugar válido para escribir.
    if unsafe { libc::fstat(descriptor, datos.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: todo en cero es un `stat` válido, y la llamada lo llenó.
    Ok(unsafe { datos.assume_init() }.st_ino)
}

/// Cierra un número que no es de nadie más.
pub(crate) fn cerrar(descriptor: RawFd) {
    // SAFETY: no toca memoria, y de quién es el número lo sabe quien llama.
    unsafe { libc::close(descriptor) };
}

/// Pone en `destino` una copia de `origen`, y cierra lo que hubiera ahí. Dice si se pudo.
pub(crate) fn copiar_en(origen: RawFd, destino: RawFd) -> bool {
    // SAFETY: no toca memoria, y de quién es el número lo sabe quien llama.
    unsafe { libc::dup3(origen, destino, libc::O_CLOEXEC) == destino }
}

/// Nadie ocupa ese lugar: el 0 nunca es de la biblioteca.
const LIBRE: RawFd = 0;

/// Un descriptor que no se hereda, y de qué socket es.
#[derive(Debug)]
struct Marca {
    descriptor: AtomicI32,
    identidad: AtomicU64,
}

/// Los descriptores guardados. Con más que éstos a la vez, los hijos heredan los que sobran.
static MARCAS: [Marca; 1024] =
    [const { Marca { descriptor: AtomicI32::new(LIBRE), identidad: AtomicU64::new(0) } }; 1024];

/// Un socket que la biblioteca guarda, sin que el programa lo sepa. Un hijo que nazca mientras tanto cierra su copia: ahí no va a haber quien lo
/// atienda. Lo que quede guardado entre una llamada y otra se [fija](Self::fijar): si el programa igual cerró su número, lo que haya ahí no se
/// toca.
#[derive(Debug)]
pub(crate) struct Guardado {
    socket: ManuallyDrop<Socket>,
    /// 0: todavía no se fijó.
    identidad: u64,
    marca: Option<&'static Marca>,
    /// Se la llama con su número, si se lo cierra.
    al_cerrar: fn(RawFd),
}

impl Guardado {
    pub(crate) fn nuevo(socket: Socket, al_cerrar: fn(RawFd)) -> Self {
        let ocupar = |marca: &&Marca| {
            let (nuevo, orden) = (socket.as_raw_fd(), Ordering::AcqRel);
            marca.descriptor.compare_exchange(LIBRE, nuevo, orden, Ordering::Acquire).is_ok()
        };
        let marca = MARCAS.iter().find(ocupar);
        Self { socket: ManuallyDrop::new(socket), identidad: 0, marca, al_cerrar }
    }

    pub(crate) fn fijar(&mut self) {
        self.identidad = identidad(self.socket.as_raw_fd()).unwrap_or(0);
        if let Some(marca) = self.marca {
            marca.identidad.poner(self.identidad);
        }
    }

    /// Lo mismo, de paso.
    pub(crate) fn fijado(mut self) -> Self {
        self.fijar();
        self
    }

    /// Si en su número sigue estando él.
    pub(crate) fn sigue(&self) -> bool {
        es_o_no_se_sabe(self.socket.as_raw_fd(), self.identidad)
    }

    /// Lo entrega: de ahora en más es de quien lo recibe.
    pub(crate) fn entregar(self) -> Socket {
        let mut este = ManuallyDrop::new(self);
        este.desmarcar();
        // SAFETY: se lo toma una sola vez: `este` no se suelta.
        unsafe { ManuallyDrop::take(&mut este.socket) }
    }

    fn desmarcar(&self) {
        if let Some(marca) = self.marca {
            marca.identidad.poner(0);
            marca.descriptor.poner(LIBRE);
        }
    }

    /// En el hijo de un fork: lo olvida. Su copia se cierra con las demás que están marcadas.
    pub(crate) fn olvidar_en_el_hijo(self, _hijo: &HijoConUnHilo) {
        let este = ManuallyDrop::new(self);
        if este.marca.is_none() && este.sigue() {
            cerrar(este.socket.as_raw_fd());
        }
    }
}

fn es_o_no_se_sabe(descriptor: RawFd, este: u64) -> bool {
    este == 0 || identidad(descriptor).is_ok_and(|ahora| ahora == este)
}

impl Deref for Guardado {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl AsFd for Guardado {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Guardado {
    fn drop(&mut self) {
        self.desmarcar();
        if self.sigue() {
            (self.al_cerrar)(self.socket.as_raw_fd());
            cerrar(self.socket.as_raw_fd());
        }
    }
}

/// En el hijo, cierra lo que estaba guardado.
pub(super) fn despues_en_el_hijo(_hijo: &HijoConUnHilo) {
    for marca in &MARCAS {
        let descriptor = marca.descriptor.swap(LIBRE, Ordering::AcqRel);
        if descriptor != LIBRE && es_o_no_se_sabe(descriptor, marca.identidad.swap(0, Ordering::AcqRel)) {
            cerrar(descriptor);
        }
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn dos_sockets_se_distinguen_y_una_copia_no() {
        let (uno, otro) = UnixStream::pair().unwrap();
        let de = |socket: &dyn AsRawFd| identidad(socket.as_raw_fd()).unwrap();
        assert_ne!(de(&uno), de(&otro));
        assert_eq!(de(&uno), de(&uno.try_clone().unwrap()));
        assert_ne!(de(&uno), de(&UdpSocket::bind("127.0.0.1:0").unwrap()));
    }

    #[test]
    fn lo_que_no_es_un_socket_no_tiene_identidad() {
        let archivo = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(identidad(archivo.as_raw_fd()).unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
        assert_eq!(identidad(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_ne!(inodo(archivo.as_raw_fd()).unwrap(), 0);
    }

    fn guardado() -> Guardado {
        Guardado::nuevo(TcpListener::bind("127.0.0.1:0").unwrap().into(), |_| {})
    }

    #[test]
    fn guardado_no_cierra_lo_que_el_programa_puso_en_su_numero() {
        let guardado = guardado().fijado();
        let numero = guardado.as_raw_fd();
        let otro = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(copiar_en(otro.as_raw_fd(), numero), "como un close y un socket del programa");
        assert!(!guardado.sigue());
        drop(guardado);
        assert_eq!(identidad(numero).unwrap(), identidad(otro.as_raw_fd()).unwrap());
        cerrar(numero);
    }

    #[test]
    fn guardado_cierra_lo_suyo_y_entrega_lo_suyo() {
        let este = identidad(guardado().as_raw_fd()).unwrap();
        let socket = guardado().fijado().entregar();
        let numero = socket.into_raw_fd();
        assert_ne!(identidad(numero).unwrap(), este);
        cerrar(numero);
    }
}
