//! Un socket, como el de socket2: lo que cambia algo en el kernel, o depende de lo que otro hilo cambia, cuando loom diga.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use socket2_de_verdad as de_verdad;
use socket2_de_verdad::{Domain, Protocol, SockAddr, Type};

use crate::sistema::nucleo::llamar;

#[derive(Debug)]
#[repr(transparent)] // así, uno prestado de verdad se presta como éste
pub struct Socket(de_verdad::Socket);

impl Deref for Socket {
    type Target = de_verdad::Socket;

    fn deref(&self) -> &de_verdad::Socket {
        &self.0
    }
}

impl Socket {
    pub fn new(familia: Domain, clase: Type, protocolo: Option<Protocol>) -> io::Result<Self> {
        de_verdad::Socket::new(familia, clase, protocolo).map(Self)
    }

    pub fn accept(&self) -> io::Result<(Self, SockAddr)> {
        llamar(|| self.0.accept()).map(|(socket, par)| (Self(socket), par))
    }

    pub fn accept4(&self, opciones: i32) -> io::Result<(Self, SockAddr)> {
        llamar(|| self.0.accept4(opciones)).map(|(socket, par)| (Self(socket), par))
    }

    pub fn shutdown(&self, cual: Shutdown) -> io::Result<()> {
        llamar(|| self.0.shutdown(cual))
    }

    pub fn set_tcp_nodelay(&self, enseguida: bool) -> io::Result<()> {
        llamar(|| self.0.set_tcp_nodelay(enseguida))
    }

    pub fn set_tcp_quickack(&self, enseguida: bool) -> io::Result<()> {
        llamar(|| self.0.set_tcp_quickack(enseguida))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl IntoRawFd for Socket {
    fn into_raw_fd(self) -> RawFd {
        self.0.into_raw_fd()
    }
}

impl FromRawFd for Socket {
    unsafe fn from_raw_fd(numero: RawFd) -> Self {
        // SAFETY: lo promete quien llama.
        Self(unsafe { de_verdad::Socket::from_raw_fd(numero) })
    }
}

macro_rules! desde {
    ($($otro:ty),*) => {$(
        impl From<$otro> for Socket {
            fn from(otro: $otro) -> Self {
                Self(otro.into())
            }
        }
    )*};
}
desde!(OwnedFd, TcpListener, TcpStream, UnixStream);

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0.into()
    }
}

/// Uno prestado.
#[derive(Debug)]
pub struct SockRef<'a>(de_verdad::SockRef<'a>);

impl<'a, S: AsFd> From<&'a S> for SockRef<'a> {
    fn from(socket: &'a S) -> Self {
        Self(de_verdad::SockRef::from(socket))
    }
}

impl Deref for SockRef<'_> {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        // SAFETY: tiene la misma forma (repr(transparent)), y se lo presta lo mismo.
        unsafe { &*std::ptr::from_ref::<de_verdad::Socket>(&self.0).cast() }
    }
}
