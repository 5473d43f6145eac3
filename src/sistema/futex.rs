//! Dormir y despertar en un entero, con `futex(2)`.

use std::io;
use std::ptr;
use std::time::Duration;

use super::espera::timespec;
use crate::sincronia::atomic::AtomicU32;

const ESPERAR: libc::c_int = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
const DESPERTAR: libc::c_int = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
const MUDAR: libc::c_int = libc::FUTEX_REQUEUE | libc::FUTEX_PRIVATE_FLAG;
/// A cuántos despertar, para que no quede ninguno.
pub(super) const TODOS: libc::c_int = libc::c_int::MAX;

/// Duerme en `lugar` mientras valga `visto`, a lo sumo `un_rato`. Puede volver antes: hay que mirar.
///
/// # Errors
/// `Interrupted`. Sin plazo, sólo si la cortó una señal cuyo manejador no tiene SA_RESTART: lo decide el kernel, como en `accept(2)`.
pub(super) fn dormir_mientras(lugar: &AtomicU32, visto: u32, un_rato: Option<Duration>) -> io::Result<()> {
    let plazo = un_rato.map(timespec);
    let plazo: *const libc::timespec = plazo.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: la dirección es de un entero vivo, que el kernel sólo lee; el plazo es NULL o está vivo.
    let salida = unsafe { libc::syscall(libc::SYS_futex, lugar.as_ptr(), ESPERAR, visto, plazo) };
    match io::Error::last_os_error() {
        // A quien otro despertó no lo interrumpe nada: el kernel da una cosa o la otra, y ningún aviso se pierde.
        causa if salida != 0 && causa.kind() == io::ErrorKind::Interrupted => Err(causa),
        _ => Ok(()),
    }
}

#[cold]
pub(super) fn despertar(lugar: &AtomicU32, cuantos: libc::c_int) {
    // SAFETY: la dirección es de un entero vivo, que el kernel usa sólo para buscar a quien espera en ella.
    unsafe { libc::syscall(libc::SYS_futex, lugar.as_ptr(), DESPERTAR, cuantos) };
}

/// A quien duerma en `desde`, lo pasa a `hasta` sin despertarlo. Dice si había alguien.
pub(super) fn mudar(desde: &AtomicU32, hasta: &AtomicU32) -> bool {
    const A_NADIE: libc::c_int = 0;
    const A_UNO: libc::c_long = 1;
    // SAFETY: las direcciones son de enteros vivos, que el kernel usa sólo para buscar y anotar a quien espera en ellas.
    unsafe { libc::syscall(libc::SYS_futex, desde.as_ptr(), MUDAR, A_NADIE, A_UNO, hasta.as_ptr()) == 1 }
}
