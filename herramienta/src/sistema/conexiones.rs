//! A dónde se quiere conectar un programa: lo que le pasa a su primer connect, aunque ahí no escuche nadie. Se lo sigue con ptrace, con los
//! procesos y los hilos que haga.

#![allow(unsafe_code, reason = "lo que el núcleo dice de una llamada es una unión")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Las opciones con que se lo empieza a seguir.
pub(super) fn opciones() -> ptrace::Options {
    use ptrace::Options as O;
    O::PTRACE_O_TRACESYSGOOD
        | O::PTRACE_O_TRACEFORK
        | O::PTRACE_O_TRACEVFORK
        | O::PTRACE_O_TRACECLONE
        | O::PTRACE_O_TRACEEXEC
}

/// El puerto de los que preguntan por un nombre: esa conexión no es la del programa.
const DNS: u16 = 53;

/// La dirección del primer connect, o `None` si no llamó, o no se lo pudo seguir. Lo llama el hilo que arrancó al programa, que ya está
/// detenido en cada llamada al sistema.
pub(super) fn primera(plazo: Duration) -> Option<SocketAddr> {
    let hasta = Instant::now() + plazo;
    // Sólo lo de este hilo: lo que otro arrancó no es suyo.
    let de_este_hilo = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    while Instant::now() < hasta {
        match waitpid(None, Some(de_este_hilo)) {
            Ok(WaitStatus::PtraceSyscall(pid)) => {
                if let Some(direccion) = direccion(pid).filter(|direccion| ![0, DNS].contains(&direccion.port())) {
                    return Some(direccion);
                }
                let _ = ptrace::syscall(pid, None);
            }
            Ok(WaitStatus::PtraceEvent(pid, ..) | WaitStatus::Stopped(pid, Signal::SIGSTOP | Signal::SIGTRAP)) => {
                let _ = ptrace::syscall(pid, None);
            }
            Ok(WaitStatus::Stopped(pid, senial)) => {
                let _ = ptrace::syscall(pid, senial);
            }
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(1)),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}

/// En qué llamada está detenido. La de nix dice que hay lugar para 0 bytes, y el núcleo no escribe nada.
fn llamada(pid: Pid) -> Option<libc::ptrace_syscall_info> {
    // SAFETY: todo ceros es uno válido: `op` dice que no hay nada en la unión.
    let mut llamada: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let mide = size_of_val(&llamada);
    // SAFETY: el núcleo escribe hasta `mide` bytes, que son los de `llamada`.
    let escritos = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid.as_raw(), mide, &raw mut llamada) };
    (escritos > 0).then_some(llamada)
}

/// Si está por llamar a connect, con qué dirección.
fn direccion(pid: Pid) -> Option<SocketAddr> {
    let llamada = llamada(pid)?;
    if llamada.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return None;
    }
    // SAFETY: con ese `op`, de la unión vale `entry`.
    let entrada = unsafe { llamada.u.entry };
    if i64::try_from(entrada.nr).ok()? != libc::SYS_connect {
        return None;
    }
    let [_, donde, ..] = entrada.args;
    let mut bytes = Vec::new();
    // Un sockaddr_in6 mide 28; a uno más corto le sobra, si lo que sigue se puede leer.
    for lugar in (0..28).step_by(size_of::<libc::c_long>()) {
        let Ok(palabra) = ptrace::read(pid, usize::try_from(donde).ok()?.checked_add(lugar)? as ptrace::AddressType)
        else {
            break;
        };
        bytes.extend(palabra.to_ne_bytes());
    }
    let [a, b, p, q, resto @ ..] = bytes.as_slice() else { return None };
    let puerto = u16::from_be_bytes([*p, *q]);
    match i32::from(u16::from_ne_bytes([*a, *b])) {
        libc::AF_INET => {
            let ip: [u8; 4] = resto.get(..4)?.try_into().ok()?;
            Some(SocketAddr::from((Ipv4Addr::from(ip), puerto)))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = resto.get(4..20)?.try_into().ok()?;
            Some(SocketAddr::from((Ipv6Addr::from(ip), puerto)))
        }
        _ => None,
    }
}
