//! El anillo compartido con la herramienta: pedir lugares, escribirlos y decir que están. Nada de acá pide memoria, toma un cerrojo ni es un punto
//! de cancelación, y `errno` queda como estaba.

use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::registro::{
    DATOS, EN_CABEZA, EN_COLA, EN_DATOS, EN_PERDIDOS, EN_REGISTRO, EN_SORDO, LUGAR, LUGARES, MARCA, PRIMERO, Que,
    Registro, SALE, TOTAL,
};

/// Dónde está; nulo mientras no haya a quién contarle.
static ANILLO: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// Cuánto se espera a que la herramienta lea algo, en pasos de un milisegundo. Después se pierde, y no se espera más hasta que lea.
const PASOS: u32 = 2000;
/// Los lugares que se piden de una vez, a lo sumo.
const TRAMO: u64 = 1024;

pub(crate) fn errno() -> c_int {
    // SAFETY: siempre da el lugar del errno de este hilo.
    let lugar = unsafe { libc::__errno_location() };
    // SAFETY: ese lugar es de este hilo y vive tanto como él.
    unsafe { *lugar }
}

pub(crate) fn poner_errno(valor: c_int) {
    // SAFETY: siempre da el lugar del errno de este hilo.
    let lugar = unsafe { libc::__errno_location() };
    // SAFETY: ese lugar es de este hilo y vive tanto como él.
    unsafe { *lugar = valor }
}

/// Si hay a quién contarle.
pub(crate) fn hay() -> bool {
    !ANILLO.load(Ordering::Relaxed).is_null()
}

/// Lo pone en la memoria del programa. El descriptor se usa sólo acá: el programa no puede cerrarlo, ni nota que falte su número.
pub(crate) fn abrir(camino: &CStr) {
    // SAFETY: el camino termina en cero.
    let fd = unsafe { libc::open(camino.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    if fd < 0 {
        return;
    }
    let permiso = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: sin dirección pedida, mmap no pisa nada.
    let lugar = unsafe { libc::mmap(ptr::null_mut(), TOTAL, permiso, libc::MAP_SHARED, fd, 0) };
    // Derecho al sistema: la close de este archivo es la que se cuenta.
    // SAFETY: es el que se acaba de abrir.
    unsafe { libc::syscall(libc::SYS_close, fd) };
    if lugar == libc::MAP_FAILED {
        return;
    }
    let lugar = lugar.cast::<u8>();
    if palabra(lugar, 0).load(Ordering::Relaxed) == MARCA {
        ANILLO.store(lugar, Ordering::Release);
        return;
    }
    // SAFETY: es lo que dio mmap, y nadie lo usa.
    unsafe { libc::munmap(lugar.cast::<c_void>(), TOTAL) };
}

/// La palabra que está a tantos bytes del comienzo, que es múltiplo de 8 y menor que `TOTAL`.
fn palabra<'a>(anillo: *mut u8, donde: usize) -> &'a AtomicU64 {
    // SAFETY: está adentro de lo que dio mmap.
    let lugar = unsafe { anillo.add(donde) };
    // SAFETY: alineada, y nunca se saca de la memoria: vive tanto como el proceso.
    unsafe { AtomicU64::from_ptr(lugar.cast::<u64>()) }
}

fn sordo<'a>(anillo: *mut u8) -> &'a AtomicU32 {
    // SAFETY: está adentro de lo que dio mmap.
    let lugar = unsafe { anillo.add(EN_SORDO) };
    // SAFETY: alineada, y nunca se saca de la memoria.
    unsafe { AtomicU32::from_ptr(lugar.cast::<u32>()) }
}

/// Pide tantos lugares seguidos. Desde qué turno; `None` si no hubo lugar a tiempo.
fn pedir(anillo: *mut u8, cuantos: u64) -> Option<u64> {
    let (cabeza, cola) = (palabra(anillo, EN_CABEZA), palabra(anillo, EN_COLA));
    let (mut pasos, mut antes) = (0, 0);
    loop {
        let (desde, leidos) = (cabeza.load(Ordering::Relaxed), cola.load(Ordering::Acquire));
        if leidos != antes {
            (pasos, antes) = (0, leidos);
        }
        let ocupados = desde.wrapping_add(cuantos).wrapping_sub(leidos);
        if ocupados <= LUGARES {
            let hasta = desde.wrapping_add(cuantos);
            if cabeza.compare_exchange_weak(desde, hasta, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return Some(desde);
            }
        } else if pasos == PASOS || sordo(anillo).load(Ordering::Relaxed) != 0 {
            sordo(anillo).store(1, Ordering::Relaxed);
            palabra(anillo, EN_PERDIDOS).fetch_add(1, Ordering::Relaxed);
            return None;
        } else {
            pasos += 1;
            dormir_un_milisegundo();
        }
    }
}

fn dormir_un_milisegundo() {
    let lapso = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    // Derecho al sistema: la nanosleep de la biblioteca de C es un punto de cancelación.
    // SAFETY: el lapso vive durante la llamada, y lo que falte no se pide.
    unsafe { libc::syscall(libc::SYS_nanosleep, &raw const lapso, ptr::null_mut::<libc::timespec>()) };
}

/// Escribe el lugar de ese turno: el registro y sus datos.
fn escribir(anillo: *mut u8, turno: u64, registro: Registro, partes: &mut Partes<'_>) {
    let donde = PRIMERO + usize::try_from(turno % LUGARES).unwrap_or(0) * LUGAR;
    let bytes = registro.a_bytes();
    // SAFETY: `donde` es el comienzo de un lugar, adentro de lo que dio mmap.
    let lugar = unsafe { anillo.add(donde) };
    // SAFETY: el registro está adentro del lugar.
    let suyo = unsafe { lugar.add(EN_REGISTRO) };
    // SAFETY: el lugar es sólo de este turno, y el registro, de esta función.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), suyo, bytes.len()) };
    // SAFETY: los datos están adentro del lugar.
    partes.copiar(unsafe { lugar.add(EN_DATOS) }, DATOS);
    palabra(anillo, donde).store(turno.wrapping_add(1), Ordering::Release);
}

/// Los bytes que acompañan a un registro, en los pedazos en que los tiene el programa.
pub(crate) struct Partes<'a> {
    partes: &'a [libc::iovec],
    /// Cuánto se copió de la primera.
    van: usize,
    faltan: usize,
}

impl<'a> Partes<'a> {
    /// Los primeros `cuantos` bytes de esas partes, que se tienen que poder leer.
    pub(crate) fn de(partes: &'a [libc::iovec], cuantos: usize) -> Self {
        Self { partes, van: 0, faltan: cuantos }
    }

    pub(crate) fn ninguna() -> Self {
        Self { partes: &[], van: 0, faltan: 0 }
    }

    fn copiar(&mut self, mut destino: *mut u8, mut lugar: usize) {
        while let Some((parte, siguientes)) = self.partes.split_first() {
            let hay = parte.iov_len.saturating_sub(self.van).min(self.faltan).min(lugar);
            // SAFETY: quien las dio dice que esos bytes se pueden leer.
            let origen = unsafe { parte.iov_base.cast::<u8>().add(self.van) };
            // SAFETY: en el destino hay lugar para `lugar` bytes, y `hay` no es mayor; no se pisan.
            unsafe { ptr::copy_nonoverlapping(origen, destino, hay) };
            // SAFETY: sigue adentro del destino, o justo en su final.
            destino = unsafe { destino.add(hay) };
            (self.van, self.faltan, lugar) = (self.van + hay, self.faltan - hay, lugar - hay);
            if self.faltan == 0 || lugar == 0 {
                return;
            }
            (self.partes, self.van) = (siguientes, 0);
        }
    }
}

/// Cuenta un suceso: le pone la hora, el proceso y el hilo.
pub(crate) fn contar(mut registro: Registro, mut partes: Partes<'_>) {
    let anillo = ANILLO.load(Ordering::Acquire);
    if anillo.is_null() {
        return;
    }
    let antes = errno();
    registro.instante = ahora();
    // SAFETY: no toca memoria. Se pregunta cada vez: el hijo de un fork, o de un vfork, es otro.
    registro.pid = u32::try_from(unsafe { libc::getpid() }).unwrap_or(0);
    registro.tid = hilo();
    registro.largo = u32::try_from(partes.faltan).unwrap_or(u32::MAX);
    let mut faltan = 1 + u64::try_from(partes.faltan.saturating_sub(1) / DATOS).unwrap_or(0);
    while faltan > 0 {
        let cuantos = faltan.min(TRAMO);
        let Some(desde) = pedir(anillo, cuantos) else { break };
        for turno in 0..cuantos {
            escribir(anillo, desde.wrapping_add(turno), registro, &mut partes);
            registro.que = Que::Mas;
            registro.momento = SALE;
        }
        faltan -= cuantos;
    }
    poner_errno(antes);
}

pub(crate) fn hilo() -> u32 {
    // SAFETY: no toca memoria.
    u32::try_from(unsafe { libc::syscall(libc::SYS_gettid) }).unwrap_or(0)
}

fn ahora() -> u64 {
    let mut hora = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: la hora vive durante la llamada.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut hora) };
    u64::try_from(hora.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(hora.tv_nsec).unwrap_or(0)
}
