//! Una red para cada caso, y la carpeta del programa tal como está pero sin que lo que escriba quede: espacios de nombres, de root o de un
//! usuario cualquiera donde el sistema lo permite. Cada hilo que corre un caso entra a los suyos.

#![allow(unsafe_code, reason = "levantar la interfaz lo pide con un ioctl")]

use std::env;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{ForkResult, fork, getgid, getuid};

/// Hasta dónde se puede separar un caso de los demás.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aislamiento {
    /// Nada: los casos van de a uno, en la red de la máquina.
    Ninguno,
    /// Cada caso tiene su red, y la carpeta es de todos.
    Red,
    /// Su red y su copia de la carpeta.
    RedYCarpeta,
}

impl Aislamiento {
    /// Averigua qué se puede y deja al proceso listo. Se llama antes de crear hilos, porque entrar a un espacio de usuario lo pide.
    pub(crate) fn preparar() -> Self {
        if !en_un_hijo(|| entrar_al_de_usuario() && unshare(CloneFlags::CLONE_NEWNET).is_ok() && levantar_lo()) {
            return Self::Ninguno;
        }
        if !entrar_al_de_usuario() {
            return Self::Ninguno;
        }
        if en_un_hijo(|| unshare(CloneFlags::CLONE_NEWNS).is_ok() && carpeta_propia()) {
            Self::RedYCarpeta
        } else {
            Self::Red
        }
    }

    /// Separa a este hilo. Lo que arranque, nace adentro.
    pub(crate) fn entrar(self) -> bool {
        let red = || unshare(CloneFlags::CLONE_NEWNET).is_ok() && levantar_lo();
        match self {
            Self::Ninguno => true,
            Self::Red => red(),
            Self::RedYCarpeta => red() && unshare(CloneFlags::CLONE_NEWNS).is_ok() && carpeta_propia(),
        }
    }
}

/// Si algo se puede, probado en un hijo para que no quede hecho.
fn en_un_hijo(intento: impl FnOnce() -> bool) -> bool {
    // SAFETY: todavía hay un solo hilo, así que el hijo puede usar cualquier función.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let salida = i32::from(!intento());
            // SAFETY: termina el hijo sin correr lo que el padre dejó para su final.
            unsafe { libc::_exit(salida) }
        }
        Ok(ForkResult::Parent { child }) => {
            matches!(nix::sys::wait::waitpid(child, None), Ok(nix::sys::wait::WaitStatus::Exited(_, 0)))
        }
        Err(_) => false,
    }
}

/// Quien no es root necesita ser dueño de los espacios que hace; sigue siendo el mismo usuario. Root ya lo es, salvo en un contenedor que no lo deja.
fn entrar_al_de_usuario() -> bool {
    if getuid().is_root() && en_un_hijo(|| unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).is_ok()) {
        return true;
    }
    let (usuario, grupo) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER).is_ok()
        && fs::write("/proc/self/setgroups", "deny").is_ok()
        && fs::write("/proc/self/uid_map", format!("{usuario} {usuario} 1")).is_ok()
        && fs::write("/proc/self/gid_map", format!("{grupo} {grupo} 1")).is_ok()
}

/// En una red nueva, 127.0.0.1 no contesta hasta que se levanta su interfaz.
fn levantar_lo() -> bool {
    let Ok(socket) = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None) else { return false };
    // SAFETY: todo ceros es un ifreq válido.
    let mut pedido: libc::ifreq = unsafe { std::mem::zeroed() };
    for (lugar, letra) in pedido.ifr_name.iter_mut().zip(b"lo") {
        *lugar = libc::c_char::from_ne_bytes([*letra]);
    }
    pedido.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: el pedido vive durante la llamada, y es el que SIOCSIFFLAGS lee.
    unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const pedido) == 0 }
}

/// Encima de la carpeta de trabajo, otra igual que guarda lo que se escriba en memoria, y no más de 256 MiB.
fn carpeta_propia() -> bool {
    let Ok(carpeta) = env::current_dir() else { return false };
    if carpeta == Path::new("/") {
        return false;
    }
    let Ok(abajo) = File::open(&carpeta) else { return false };
    let nada: Option<&str> = None;
    let montar = || -> nix::Result<()> {
        mount(nada, "/", nada, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nada)?;
        mount(Some("tmpfs"), &carpeta, Some("tmpfs"), MsFlags::empty(), Some("size=256m"))?;
        let (arriba, trabajo) = (carpeta.join("arriba"), carpeta.join("trabajo"));
        for nueva in [&arriba, &trabajo] {
            fs::create_dir(nueva).map_err(|_| nix::Error::EIO)?;
        }
        let opciones = format!(
            "lowerdir=/proc/self/fd/{},upperdir={},workdir={}",
            abajo.as_raw_fd(),
            arriba.display(),
            trabajo.display()
        );
        mount(Some("overlay"), &carpeta, Some("overlay"), MsFlags::empty(), Some(opciones.as_str()))
    };
    // La carpeta de antes sigue siendo la de trabajo hasta que se vuelve a entrar por su nombre.
    montar().is_ok() && env::set_current_dir(&carpeta).is_ok()
}
