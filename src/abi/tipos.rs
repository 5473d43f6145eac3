//! Los tipos que C ve, con la forma fija del contrato.

use std::ffi::{c_int, c_void};
use std::mem::{offset_of, size_of};

/// El código de operación de C: un `enum` abierto, que aquí es siempre un entero. Los grupos tienen los suyos.
pub type CodigoDeC = c_int;

/// @brief Un payload que se arma o se lee.
///
/// `stream` es de malloc y mide, al menos, `size` bytes.
///
/// @note Fuente: sirve a la vez como el del TP0 y el de la guía de serialización.
#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[derive(Debug)]
#[repr(C)]
pub struct t_buffer {
    /// Bytes del payload.
    pub size: c_int,
    /// Dónde se lee o se escribe: sólo lo usan las funciones buffer_*. Los paquetes lo ignoran.
    pub offset: u32,
    /// El payload.
    pub stream: *mut c_void,
}

/// @brief Un mensaje: el código de operación y su payload.
///
/// @note Fuente: es el tipo del TP0.
#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[derive(Debug)]
#[repr(C)]
pub struct t_paquete {
    /// Qué es: MENSAJE, PAQUETE o uno propio. Nunca negativo.
    pub codigo_operacion: CodigoDeC,
    /// El payload.
    pub buffer: *mut t_buffer,
}

/// Un nodo de una lista de commons.
#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[derive(Debug)]
#[repr(C)]
pub struct t_link_element {
    pub(super) data: *mut c_void,
    pub(super) next: *mut t_link_element,
}

/// Una lista de commons.
#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[derive(Debug)]
#[repr(C)]
pub struct t_list {
    pub(super) head: *mut t_link_element,
    pub(super) elements_count: c_int,
}

const _: () = {
    assert!(size_of::<t_buffer>() == 16 && offset_of!(t_buffer, stream) == 8 && offset_of!(t_buffer, offset) == 4);
    assert!(size_of::<t_paquete>() == 16 && offset_of!(t_paquete, buffer) == 8);
    assert!(size_of::<t_list>() == 16 && offset_of!(t_list, elements_count) == 8);
    assert!(size_of::<t_link_element>() == 16 && offset_of!(t_link_element, next) == 8);
};
