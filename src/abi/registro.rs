//! El `logger` del programa y las funciones de log de commons, que se buscan en el proceso mientras corre.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Display;
use std::io::Write;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// El `t_log` de commons: aquí sólo se pasa de mano en mano.
pub type Log = c_void;

/// El logger global del TP0. Si el programa define el suyo, gana el suyo: por eso se lee siempre por su símbolo.
#[allow(non_upper_case_globals, reason = "es el nombre que C conoce")]
#[unsafe(no_mangle)]
pub static logger: AtomicPtr<Log> = AtomicPtr::new(ptr::null_mut());

type FuncionDeLog = unsafe extern "C" fn(*mut Log, *const c_char, ...);

#[allow(improper_ctypes, reason = "es FILE, y sólo se pasa de mano en mano")]
unsafe extern "C" {
    static stderr: *mut libc::FILE;
}

/// Una función de log de commons y el logger, si el proceso tiene las dos cosas.
fn log_de_commons(nombre: &CStr) -> Option<(FuncionDeLog, *mut Log)> {
    let log = logger.load(Ordering::Relaxed);
    if log.is_null() {
        return None;
    }
    // SAFETY: busca un símbolo por su nombre; no corre nada.
    let simbolo = unsafe { libc::dlsym(libc::RTLD_DEFAULT, nombre.as_ptr()) };
    if simbolo.is_null() {
        return None;
    }
    // SAFETY: las tres funciones de log de commons tienen este tipo desde 2012.
    Some((unsafe { mem::transmute::<*mut c_void, FuncionDeLog>(simbolo) }, log))
}

/// `Listo para escuchar a mi cliente`
pub(super) fn servidor_listo() {
    if let Some((log_trace, log)) = log_de_commons(c"log_trace") {
        // SAFETY: el logger es el que el programa puso, y el formato no pide argumentos.
        unsafe { log_trace(log, c"Listo para escuchar a mi cliente".as_ptr()) };
    }
}

/// `Se conecto un cliente!`
pub(super) fn cliente_conectado() {
    if let Some((log_info, log)) = log_de_commons(c"log_info") {
        // SAFETY: el logger es el que el programa puso, y el formato no pide argumentos.
        unsafe { log_info(log, c"Se conecto un cliente!".as_ptr()) };
    }
}

/// `Me llego el mensaje ...`: en el log, o en la salida del programa, que es para lo que está `recibir_mensaje`.
pub(super) fn mensaje_recibido(texto: &CStr) {
    match log_de_commons(c"log_info") {
        // SAFETY: el logger es el que el programa puso, y el formato pide justo un texto.
        Some((log_info, log)) => unsafe { log_info(log, c"Me llego el mensaje %s".as_ptr(), texto.as_ptr()) },
        None => {
            // SAFETY: el formato pide justo un texto. Por stdio de C, para que salga en orden con lo del programa.
            let _: c_int = unsafe { libc::printf(c"Me llego el mensaje %s\n".as_ptr(), texto.as_ptr()) };
        }
    }
}

/// Un cliente rechazado: en el log, o en la salida de errores.
pub(super) fn advertencia(que: impl Display) {
    let mut linea = [0; 256];
    if let Some((_, mut lugar)) = linea.split_last_mut() {
        // Si no entra, se corta; siempre queda al menos un '\0' detrás.
        let _ = write!(lugar, "{que}");
    }
    let Ok(texto) = CStr::from_bytes_until_nul(&linea) else { return };
    match log_de_commons(c"log_warning") {
        // SAFETY: el logger es el que el programa puso, y el formato pide justo un texto.
        Some((log_warning, log)) => unsafe { log_warning(log, c"%s".as_ptr(), texto.as_ptr()) },
        None => {
            // SAFETY: `stderr` es una variable de la biblioteca de C, puesta desde antes de main.
            let salida = unsafe { stderr };
            // SAFETY: el formato pide justo un texto.
            let _: c_int = unsafe { libc::fprintf(salida, c"tp0: %s\n".as_ptr(), texto.as_ptr()) };
        }
    }
}
