//! Preguntas al sistema que no cambian nada.

use std::collections::TryReserveError;
use std::ffi::CStr;

/// Nanosegundos de un reloj que nunca retrocede.
#[inline(always)]
pub(crate) fn ahora_ns() -> i64 {
    let mut tiempo = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `tiempo` es un lugar válido para escribir.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut tiempo) };
    tiempo.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(tiempo.tv_nsec)
}

/// El valor de una variable de entorno.
///
/// # Errors
/// Los de [`String::try_reserve`]: `std::env` abortaría.
pub(crate) fn variable(nombre: &CStr) -> Result<Option<String>, TryReserveError> {
    // SAFETY: el nombre termina en '\0'.
    let valor = unsafe { libc::getenv(nombre.as_ptr()) };
    if valor.is_null() {
        return Ok(None);
    }
    // SAFETY: si está, es un texto terminado en '\0'; que nadie cambie el entorno mientras se lo lee lo pide getenv a todo el programa.
    let valor = unsafe { CStr::from_ptr(valor) }.to_string_lossy();
    let mut copia = String::new();
    copia.try_reserve_exact(valor.len())?;
    copia.push_str(&valor);
    Ok(Some(copia))
}

/// Cuántos descriptores puede tener abiertos este proceso.
pub(crate) fn limite_de_descriptores() -> u64 {
    let mut limite = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limite` es un lugar válido para escribir.
    let salida = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limite) };
    if salida == 0 { limite.rlim_cur } else { 1024 }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn el_reloj_avanza() {
        let antes = ahora_ns();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(ahora_ns() - antes >= 2_000_000);
    }

    #[test]
    fn hay_limite_de_descriptores() {
        assert!(limite_de_descriptores() > 3);
    }
}
