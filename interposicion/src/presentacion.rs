//! Cuando el programa empieza y cuando termina en orden: quién es, qué tiene cargado, y qué le quedó abierto.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};

use crate::anillo::{self, Partes, contar, errno, poner_errno};
use crate::que_es;
use crate::quienes::{EJECUTABLE, PROPIO};
use crate::registro::{DATOS, Que, Registro, SALE, TCP, VARIABLE};

/// El mayor descriptor que se vio: hasta ahí se mira al terminar.
static MAYOR: AtomicI32 = AtomicI32::new(2);

pub(crate) fn anotar_descriptor(fd: c_int) {
    MAYOR.fetch_max(fd, Ordering::Relaxed);
}

/// El cargador llama a lo que hay acá antes que a main, y a lo otro cuando el programa termina con exit o volviendo de main.
#[used]
#[unsafe(link_section = ".init_array")]
static AL_EMPEZAR: extern "C" fn() = empezar;
#[used]
#[unsafe(link_section = ".fini_array")]
static AL_TERMINAR: extern "C" fn() = terminar;

extern "C" fn empezar() {
    let antes = errno();
    crate::buscar_todas();
    let mut nombre = [0_u8; 32];
    for (lugar, letra) in nombre.iter_mut().zip(VARIABLE.bytes()) {
        *lugar = letra;
    }
    // SAFETY: el nombre es más corto que su lugar: termina en cero.
    let camino = unsafe { libc::getenv(nombre.as_ptr().cast::<c_char>()) };
    if !camino.is_null() {
        // SAFETY: es un texto del entorno, que termina en cero.
        anillo::abrir(unsafe { CStr::from_ptr(camino) });
    }
    if anillo::hay() {
        presentarse();
    }
    poner_errno(antes);
}

fn presentarse() {
    let mut nombre = [0_u8; 16];
    // SAFETY: escribe a lo sumo 16 bytes.
    unsafe { libc::prctl(libc::PR_GET_NAME, nombre.as_mut_ptr()) };
    let mut registro = Registro::nuevo(Que::Comienzo, SALE);
    // SAFETY: no toca memoria.
    registro.pedido[0] = i64::from(unsafe { libc::getppid() });
    contar_con(registro, &nombre);
    // SAFETY: la función sólo lee lo que el cargador le muestra.
    unsafe { libc::dl_iterate_phdr(Some(modulo), ptr::null_mut()) };
    contar(Registro::nuevo(Que::Listo, SALE), Partes::ninguna());
}

unsafe extern "C" fn modulo(datos: *mut libc::dl_phdr_info, _tamanio: usize, _nada: *mut c_void) -> c_int {
    // SAFETY: el cargador da uno que vale durante esta llamada.
    let datos = unsafe { &*datos };
    let base = usize::try_from(datos.dlpi_addr).unwrap_or(0);
    let (mut desde, mut hasta) = (usize::MAX, 0);
    for numero in 0..usize::from(datos.dlpi_phnum) {
        // SAFETY: hay dlpi_phnum.
        let parte = unsafe { datos.dlpi_phdr.add(numero) };
        // SAFETY: el cargador la tiene en memoria.
        let parte = unsafe { &*parte };
        if parte.p_type == libc::PT_LOAD {
            let comienzo = base.wrapping_add(usize::try_from(parte.p_vaddr).unwrap_or(0));
            desde = desde.min(comienzo);
            hasta = hasta.max(comienzo.wrapping_add(usize::try_from(parte.p_memsz).unwrap_or(0)));
        }
    }
    if (desde..hasta).contains(&(empezar as *const () as usize)) {
        PROPIO.anotar(desde, hasta);
    }
    // El ejecutable es el que el cargador muestra sin nombre (el vdso también, y viene después).
    // SAFETY: el nombre termina en cero.
    let nombre = if datos.dlpi_name.is_null() { c"" } else { unsafe { CStr::from_ptr(datos.dlpi_name) } };
    let mut registro = Registro::nuevo(Que::Modulo, SALE);
    let numero = |lugar| i64::try_from(lugar).unwrap_or(0);
    registro.pedido = [numero(base), numero(desde), numero(hasta)];
    if !nombre.is_empty() {
        contar_con(registro, nombre.to_bytes());
    } else if EJECUTABLE.vacio() {
        EJECUTABLE.anotar(desde, hasta);
        let mut camino = [0_u8; 4096];
        // SAFETY: escribe a lo sumo lo que mide el camino.
        let mide = unsafe { libc::readlink(c"/proc/self/exe".as_ptr(), camino.as_mut_ptr().cast(), camino.len()) };
        contar_con(registro, camino.get(..usize::try_from(mide).unwrap_or(0)).unwrap_or_default());
    }
    0
}

/// Con esos bytes.
fn contar_con(registro: Registro, bytes: &[u8]) {
    let parte = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    contar(registro, Partes::de(&[parte], bytes.len()));
}

/// El hijo del fork que hizo ese hilo.
pub(crate) fn soy_hijo(hilo: u32) {
    let mut registro = Registro::nuevo(Que::Hijo, SALE);
    // SAFETY: no toca memoria.
    registro.pedido = [i64::from(unsafe { libc::getppid() }), i64::from(hilo), 0];
    contar(registro, Partes::ninguna());
}

extern "C" fn terminar() {
    if !anillo::hay() {
        return;
    }
    let antes = errno();
    let mut quedan = [0_u8; DATOS];
    let mut libres = quedan.chunks_exact_mut(4);
    let mut cuantos = 0;
    for fd in 0..=MAYOR.load(Ordering::Relaxed) {
        if que_es(fd) == TCP {
            let Some(libre) = libres.next() else { break };
            libre.copy_from_slice(&fd.to_le_bytes());
            cuantos += 4;
        }
    }
    contar_con(Registro::nuevo(Que::Fin, SALE), quedan.get(..cuantos).unwrap_or_default());
    poner_errno(antes);
}
