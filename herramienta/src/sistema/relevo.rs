//! El proceso de la herramienta pasa a ser el programa, y ella sigue en otro, que no es hijo de nadie que le importe: a quien lo lanzó, el programa
//! le queda con el mismo número, el mismo padre y los mismos hijos que si lo hubiera lanzado él.

#![allow(unsafe_code, reason = "fork, antes de que haya otro hilo, y lo que se hace entre fork y exec")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, getpid, pipe2, setsid};

use crate::falla::{Falla, Resultado};

/// Arranca un programa que recibe estas señales, aunque acá estén bloqueadas: eso se hereda.
pub(crate) fn arrancar(mut comando: Command, seniales: SigSet) -> std::io::Result<Child> {
    // SAFETY: entre fork y exec sólo hace una llamada al sistema.
    unsafe { comando.pre_exec(move || Ok(seniales.thread_unblock()?)) };
    comando.spawn()
}

/// El programa, mirado desde el proceso en el que sigue la herramienta.
#[derive(Debug)]
pub(crate) struct Relevado {
    vida: OwnedFd,
}

impl Relevado {
    /// Si terminó, después de esperarlo a lo sumo ese rato.
    pub(crate) fn termino(&self, milisegundos: u16) -> bool {
        let mut cosas = [PollFd::new(self.vida.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut cosas, PollTimeout::from(milisegundos)), Ok(1))
    }
}

/// `ser_el_programa` recibe en qué proceso sigue la herramienta, y sólo vuelve si no pudo. De acá se vuelve en el otro. Se llama antes de
/// crear hilos.
pub(crate) fn relevar(ser_el_programa: impl FnOnce(u32) -> Falla) -> Resultado<Relevado> {
    let no_pude = |causa: nix::Error| Falla::del_sistema("No pude dejarle el lugar al programa", causa);
    let (lee, escribe) = pipe2(OFlag::O_CLOEXEC).map_err(no_pude)?;
    let programa = getpid();
    // SAFETY: todavía hay un solo hilo, así que el hijo puede usar cualquier función.
    if let ForkResult::Parent { child } = unsafe { fork() }.map_err(no_pude)? {
        drop(escribe);
        let _ = waitpid(child, None);
        let mut pid = [0; 4];
        return Err(match File::from(lee).read_exact(&mut pid) {
            Ok(()) => ser_el_programa(u32::from_ne_bytes(pid)),
            Err(causa) => Falla::del_sistema("No pude dejarle el lugar al programa", causa),
        });
    }
    // SAFETY: sigue habiendo un solo hilo. El del medio termina enseguida: el programa no queda con un hijo que no lanzó.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {}
        // SAFETY: termina sin correr lo que quedó registrado para el final de la herramienta, que ya no es asunto suyo.
        _ => unsafe { libc::_exit(0) },
    }
    let _ = setsid();
    if let Ok(nada) = File::options().read(true).write(true).open("/dev/null") {
        let _ = dup2_stdin(&nada).and_then(|()| dup2_stdout(&nada)).and_then(|()| dup2_stderr(&nada));
    }
    // SAFETY: pidfd_open no usa memoria.
    let vida = unsafe { libc::syscall(libc::SYS_pidfd_open, programa.as_raw(), 0) };
    let vida = i32::try_from(vida).ok().filter(|vida| *vida >= 0).ok_or_else(|| no_pude(nix::Error::last()))?;
    // SAFETY: lo acaba de dar el sistema, y es sólo de acá.
    let vida = unsafe { OwnedFd::from_raw_fd(vida) };
    File::from(escribe)
        .write_all(&std::process::id().to_ne_bytes())
        .map_err(|causa| Falla::del_sistema("No pude dejarle el lugar al programa", causa))?;
    Ok(Relevado { vida })
}
