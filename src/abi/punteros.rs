//! Lo que viene de C: punteros y largos, comprobados antes de mirar nada.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::slice;

use super::olvidos;
use crate::error::{Error, Resultado};
use crate::memoria::texto;

/// El NULL puede ser el de una llamada que falló y nadie miró.
#[cold]
#[inline(never)]
fn nulo<T: 'static>(nombre: &str, pista: &str) -> Error {
    olvidos::culpar::<T>();
    Error::Argumento(texto!("{nombre} es NULL{pista}"))
}

/// Un texto. NULL es un error que nombra al argumento y dice qué mirar.
///
/// # Safety
/// Si no es NULL, apunta a un texto terminado en `'\0'` que nadie cambia mientras dura la llamada.
#[inline(always)]
pub(super) unsafe fn texto<'a>(puntero: *const c_char, nombre: &str, pista: &str) -> Resultado<&'a CStr> {
    if puntero.is_null() {
        return Err(nulo::<c_char>(nombre, pista));
    }
    // SAFETY: no es NULL, y lo demás lo promete quien llama.
    Ok(unsafe { CStr::from_ptr(puntero) })
}

/// `largo` bytes. Con largo 0 el puntero no se mira: C pasa NULL ahí.
///
/// # Safety
/// Si `largo` es positivo y el puntero no es NULL, apunta a `largo` bytes que nadie cambia mientras dura la llamada.
#[inline(always)]
pub(super) unsafe fn bytes<'a>(puntero: *const c_void, largo: c_int, nombre: &str) -> Resultado<&'a [u8]> {
    match usize::try_from(largo) {
        Ok(0) => Ok(&[]),
        // SAFETY: no es NULL y mide `medida` bytes, según promete quien llama; un int no pasa de isize::MAX.
        Ok(medida) if !puntero.is_null() => Ok(unsafe { slice::from_raw_parts(puntero.cast(), medida) }),
        _ => Err(sin_bytes(largo, nombre)),
    }
}

#[cold]
#[inline(never)]
fn sin_bytes(largo: c_int, nombre: &str) -> Error {
    if largo < 0 {
        return Error::Argumento(texto!("El tamaño de {nombre} es {largo} y no puede ser negativo."));
    }
    nulo::<c_void>(nombre, &texto!(" y dice medir {largo} bytes."))
}

/// `cantidad` elementos. Con 0 el puntero no se mira.
///
/// # Safety
/// Si `cantidad` es positiva y el puntero no es NULL, apunta a esos elementos, que nadie cambia mientras dura la llamada.
pub(super) unsafe fn arreglo<'a, T: 'static>(puntero: *const T, cantidad: c_int, nombre: &str) -> Resultado<&'a [T]> {
    let Ok(medida) = usize::try_from(cantidad) else {
        return Err(Error::Argumento(texto!("La cantidad de {nombre} es {cantidad} y no puede ser negativa.")));
    };
    if medida == 0 {
        return Ok(&[]);
    }
    if puntero.is_null() {
        return Err(nulo::<T>(nombre, &texto!(" y dice tener {cantidad} elementos.")));
    }
    // SAFETY: no es NULL y tiene `medida` elementos, según promete quien llama.
    Ok(unsafe { slice::from_raw_parts(puntero, medida) })
}

/// `cantidad` elementos donde escribir.
///
/// # Safety
/// Si `cantidad` es positiva, apunta a esos elementos, que sólo este hilo usa mientras dura la llamada. No es NULL.
pub(super) unsafe fn arreglo_mut<'a, T>(puntero: *mut T, cantidad: usize) -> &'a mut [T] {
    if cantidad == 0 {
        return &mut [];
    }
    // SAFETY: tiene `cantidad` elementos, y los usa sólo este hilo.
    unsafe { slice::from_raw_parts_mut(puntero, cantidad) }
}

/// Algo que se puede leer.
///
/// # Safety
/// Si no es NULL, apunta a un `T` bien alineado que nadie cambia mientras dura la llamada.
#[inline(always)]
pub(super) unsafe fn visto<'a, T: 'static>(puntero: *const T, nombre: &str) -> Resultado<&'a T> {
    // SAFETY: lo promete quien llama; `as_ref` comprueba que no sea NULL.
    unsafe { puntero.as_ref() }.ok_or_else(|| nulo::<T>(nombre, "."))
}

/// Algo que se puede leer y escribir.
///
/// # Safety
/// Si no es NULL, apunta a un `T` bien alineado que sólo este hilo usa mientras dura la llamada.
#[inline(always)]
pub(super) unsafe fn prestado<'a, T: 'static>(puntero: *mut T, nombre: &str) -> Resultado<&'a mut T> {
    // SAFETY: lo promete quien llama; `as_mut` comprueba que no sea NULL.
    unsafe { puntero.as_mut() }.ok_or_else(|| nulo::<T>(nombre, "."))
}
