//! Capítulo 5 del header: qué salió mal.

use std::ffi::{CStr, c_char};

use super::guardia;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// TITULO: 5. Qué salió mal
///
/// @brief Qué salió mal en la última llamada de este hilo, en una línea: los valores, la causa y qué probar.
///
/// Con un final normal de la conversación también hay texto, y errno es 0.
///
/// La falla que nadie leyó se cuenta sola, una vez, cuando el programa usa el -1 o el NULL que le dieron: `crear_conexion: ...`, con log_error
/// si hay commons y `logger`; si no (o si quien lo usa es `liberar_conexion()` o `tp0_detener()`), en la salida de errores.
///
/// @return El texto, o NULL si esa llamada anduvo.
/// @note errno: no falla, y no cambia `errno`.
/// @note Hilos: cada uno tiene el suyo. No bloquea. Se puede llamar varias veces.
/// @note Memoria: no se libera; vale hasta la próxima llamada de este hilo que falle.
///
/// @code
/// if (recibir_operacion(conexion) == -1 && errno != 0)
///     fprintf(stderr, "%s\n", tp0_error());
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn tp0_error() -> *const c_char {
    guardia::ultimo_error()
}

/// @brief La versión de la biblioteca que está corriendo, como "0.1.0". La del header con que se compiló es `TP0_VERSION`.
///
/// @return El texto.
/// @note errno: no falla, y no cambia `errno`.
/// @note Hilos: la puede llamar cualquiera. No bloquea.
/// @note Memoria: no se libera.
///
/// @code
/// if (strcmp(tp0_version(), TP0_VERSION) != 0)
///     printf("compilado con %s, corre %s\n", TP0_VERSION, tp0_version());
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn tp0_version() -> *const c_char {
    VERSION.as_ptr()
}
