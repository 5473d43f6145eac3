//! Capítulo 4 del header: enviar.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::descriptores;
use super::guardia::{con_dos_nombres, guardia, guardia_con_aviso};
use super::lecturas::olvidar_lecturas;
use super::memoria::{self, Bloque};
use super::punteros;
use super::tipos::{t_buffer, t_paquete};
use crate::difusion::{self, Destino};
use crate::error::{Error, Resultado};
use crate::invariante::invariante;
use crate::memoria::{juntar, texto};
use crate::mensaje;
use crate::paquete::largo_en_el_cable;
use crate::protocolo::{Header, LARGO_DE_HEADER, MENSAJE, PAQUETE};

/// El mayor payload que, con su header, entra en un `int`.
const MAYOR_PAYLOAD: u32 = i32::MAX.unsigned_abs() - 8;

/// Lo menos que se pide para un stream que crece, en bytes: un paquete de pocos valores chicos no se agranda nunca.
const STREAM_MINIMO: usize = 256;

/// TITULO: 4. Enviar
///
/// @brief Envía un texto: un MENSAJE, con su `'\0'`.
///
/// @param mensaje El texto. Puede ser vacío.
/// @param conexion La conexión.
/// @return 0, o -1.
/// @note errno: EPIPE si el otro ya no está (nunca SIGPIPE), EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si el otro dejó de
///       responder (`tp0_opciones_keepalive()`), EINVAL (NULL, o es el que escucha), EBADF si no es un socket abierto, ENOTCONN si nunca se
///       conectó, EAGAIN si venció el SO_SNDTIMEO que puso el programa. Si falló a medio enviar, la conexión se termina.
/// @note Hilos: bloquea mientras el otro no reciba y no haya más lugar. Varios pueden enviar por la misma conexión: cada mensaje sale
///       entero (no si usan dos números del mismo socket, hechos con `dup()`: ahí se mezclan).
/// @note Memoria: no se queda con lo que se le da.
/// @note Fuente: es la función del TP0 (ahí no devuelve nada).
///
/// @code
/// if (enviar_mensaje("hola", conexion) == -1)
///     fprintf(stderr, "%s\n", tp0_error());
/// @endcode
///
/// # Safety
/// `mensaje` es NULL o un texto terminado en `'\0'`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn enviar_mensaje(mensaje: *const c_char, conexion: c_int) -> c_int {
    con_dos_nombres!(enviar_mensaje, tp0_enviar_mensaje, |mensaje: *const c_char, conexion: c_int| -> c_int {
        guardia(|| {
            // SAFETY: `mensaje`, si no es NULL, es un texto que termina en cero.
            let mensaje = unsafe { punteros::texto(mensaje, "mensaje", ": no hay nada que enviar.") }?;
            enviar(conexion, MENSAJE, mensaje.to_bytes_with_nul())
        })
    })
}

/// @brief Un PAQUETE vacío, al que se le agregan valores.
///
/// Para un código de operación propio, cambiar `codigo_operacion`.
///
/// @return El paquete, o NULL.
/// @note errno: ENOMEM.
/// @note Hilos: la puede llamar cualquiera. No bloquea. Un paquete es de un hilo por vez.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `eliminar_paquete()`.
/// @note Fuente: es la función del TP0.
///
/// @code
/// t_paquete *paquete = crear_paquete();
/// agregar_a_paquete(paquete, "hola", strlen("hola") + 1);
/// agregar_a_paquete(paquete, &edad, sizeof(edad));
/// enviar_paquete(paquete, conexion);
/// eliminar_paquete(paquete);
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crear_paquete() -> *mut t_paquete {
    con_dos_nombres!(crear_paquete, tp0_crear_paquete, || -> *mut t_paquete { guardia(|| paquete_vacio(PAQUETE)) })
}

/// @brief El nombre de `crear_paquete()` en un TP0 más viejo.
///
/// @return El paquete, o NULL.
/// @note errno: ENOMEM.
/// @note Hilos: como `crear_paquete()`.
/// @note Memoria: como `crear_paquete()`.
/// @note Fuente: es la función de un TP0 más viejo.
///
/// @code
/// t_paquete *paquete = crear_super_paquete();
/// agregar_a_paquete(paquete, &edad, sizeof(edad));
/// enviar_paquete(paquete, conexion);
/// eliminar_paquete(paquete);
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crear_super_paquete() -> *mut t_paquete {
    con_dos_nombres!(crear_super_paquete, tp0_crear_super_paquete, || -> *mut t_paquete {
        guardia(|| paquete_vacio(PAQUETE))
    })
}

/// @brief Le pone a un paquete un buffer nuevo y vacío. El que tuviera no se libera. `crear_paquete()` ya lo hace.
///
/// @param paquete El paquete. Si falla, su buffer queda en NULL.
/// @note errno: ENOMEM, EINVAL (NULL).
/// @note Hilos: como `crear_paquete()`.
/// @note Memoria: lo libera `eliminar_paquete()`, si los dos son de malloc.
/// @note Fuente: es la función del TP0.
///
/// @code
/// t_paquete *paquete = malloc(sizeof(t_paquete));
/// paquete->codigo_operacion = PAQUETE;
/// crear_buffer(paquete);
/// @endcode
///
/// # Safety
/// `paquete` es NULL o un paquete que sólo este hilo usa.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn crear_buffer(paquete: *mut t_paquete) {
    con_dos_nombres!(crear_buffer, tp0_crear_buffer, |paquete: *mut t_paquete| {
        guardia(|| {
            // SAFETY: `paquete`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
            let paquete = unsafe { punteros::prestado(paquete, "paquete") }?;
            paquete.buffer = ptr::null_mut();
            paquete.buffer = buffer_vacio()?;
            Ok(())
        });
    })
}

/// @brief Agrega un valor al final de un paquete: su tamaño y sus bytes. Se copian.
///
/// Agregar n valores cuesta O(n).
///
/// @param paquete El paquete.
/// @param valor Los bytes. Si el tamaño es 0 no se mira.
/// @param tamanio Cuántos son. De un texto, `strlen(texto) + 1`: con `sizeof` de un puntero siempre son 8.
/// @return 0, o -1 (y entonces el paquete queda como estaba).
/// @note errno: EINVAL (NULL, tamaño negativo, paquete mal armado), EMSGSIZE si el total no entra en un `int`, ENOMEM.
/// @note Hilos: como `crear_paquete()`.
/// @note Memoria: no se queda con lo que se le da.
/// @note Fuente: es la función del TP0 (ahí no devuelve nada).
///
/// # Safety
/// `paquete` es NULL o un paquete bien formado que sólo este hilo usa, con su stream de malloc; `valor` es NULL o apunta a `tamanio` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn agregar_a_paquete(
    paquete: *mut t_paquete,
    valor: *const c_void,
    tamanio: c_int,
) -> c_int {
    con_dos_nombres!(agregar_a_paquete, tp0_agregar_a_paquete, |paquete: *mut t_paquete,
                                                                valor: *const c_void,
                                                                tamanio: c_int|
     -> c_int {
        guardia(|| {
            // SAFETY: `paquete`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
            let paquete = unsafe { punteros::prestado(paquete, "paquete") }?;
            // SAFETY: `paquete.buffer`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
            let buffer = unsafe { punteros::prestado(paquete.buffer, "paquete->buffer") }?;
            // SAFETY: `valor`, si no es NULL, mide `tamanio` bytes.
            let valor = unsafe { punteros::bytes(valor, tamanio, "valor") }?;
            // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
            unsafe { agregar(buffer, valor) }?;
            Ok(0)
        })
    })
}

/// @brief Envía un paquete.
///
/// @param paquete El paquete. Después de enviarlo se puede volver a usar.
/// @param conexion La conexión.
/// @return 0, o -1.
/// @note errno: los de `enviar_mensaje()`; EINVAL también si el paquete no tiene buffer o su código de operación es negativo.
/// @note Hilos: como `enviar_mensaje()`.
/// @note Memoria: no libera el paquete.
/// @note Fuente: es la función del TP0 (ahí no devuelve nada).
///
/// # Safety
/// `paquete` es NULL o un paquete bien formado que nadie cambia mientras dura la llamada.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn enviar_paquete(paquete: *mut t_paquete, conexion: c_int) -> c_int {
    con_dos_nombres!(enviar_paquete, tp0_enviar_paquete, |paquete: *mut t_paquete, conexion: c_int| -> c_int {
        guardia(|| {
            // SAFETY: `paquete`, si no es NULL, es de la biblioteca, y su buffer mide lo que dice.
            let (codigo, payload) = unsafe { partes(paquete) }?;
            enviar(conexion, codigo, payload)
        })
    })
}

/// @brief Libera un paquete y su buffer.
///
/// @param paquete El paquete, con todo de malloc. NULL no hace nada.
/// @note errno: no falla.
/// @note Hilos: la puede llamar cualquiera, con un paquete que nadie más usa. No bloquea.
/// @note Fuente: es la función del TP0.
///
/// # Safety
/// `paquete` es NULL, o un paquete con todo de malloc que nadie usa más.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eliminar_paquete(paquete: *mut t_paquete) {
    con_dos_nombres!(eliminar_paquete, tp0_eliminar_paquete, |paquete: *mut t_paquete| {
        guardia(|| {
            olvidar_lecturas();
            // SAFETY: `paquete`, si no es NULL, es de la biblioteca y nadie lo cambia.
            let Some(contenido) = (unsafe { paquete.as_ref() }) else {
                return Ok(());
            };
            // SAFETY: `contenido.buffer`, si no es NULL, es de la biblioteca y nadie lo cambia.
            if let Some(buffer) = unsafe { contenido.buffer.as_ref() } {
                // SAFETY: `buffer.stream` es de malloc, y nadie más lo usa.
                unsafe { memoria::liberar(buffer.stream) };
            }
            // SAFETY: `contenido.buffer` es de malloc, y nadie más lo usa.
            unsafe { memoria::liberar(contenido.buffer) };
            // SAFETY: `paquete` es de malloc, y nadie más lo usa.
            unsafe { memoria::liberar(paquete) };
            Ok(())
        });
    })
}

/// @brief Envía el mismo paquete a muchas conexiones, sin que la que no lee demore a las demás.
///
/// A la que no le entra nada ahora no se le envía, y sigue abierta (EAGAIN); la que pasa un segundo sin avanzar, a medio recibir, se
/// termina (ETIMEDOUT). A la que está más de una vez, también con otro número (un `dup()`), le llega una sola: las demás fallan (EINVAL).
///
/// @param conexiones Los descriptores.
/// @param cantidad Cuántos son.
/// @param paquete El paquete. No lo libera.
/// @param errores Donde se deja el errno de cada una, en el mismo orden; 0 es que anduvo. NULL: no interesa.
/// @return Cuántas fallaron, o -1 si no se pudo ni empezar. `tp0_error()` dice qué le pasó a la primera que falló.
/// @note errno: EINVAL (NULL, cantidad negativa, paquete mal armado), ENOMEM. Los de cada conexión, en `errores`, son los de
///       `enviar_mensaje()`.
/// @note Hilos: la puede llamar cualquiera. Bloquea mientras alguna siga recibiendo su parte.
///
/// @code
/// int errores[cantidad];
/// if (tp0_difundir(clientes, cantidad, paquete, errores) > 0)
///     for (int i = 0; i < cantidad; i++)
///         if (errores[i] != 0)
///             printf("al %d, no: %s\n", clientes[i], strerror(errores[i]));
/// @endcode
///
/// # Safety
/// `conexiones` y `errores` son NULL o apuntan a `cantidad` enteros; `paquete` es NULL o un paquete bien formado que nadie cambia.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_difundir(
    conexiones: *const c_int,
    cantidad: c_int,
    paquete: *mut t_paquete,
    errores: *mut c_int,
) -> c_int {
    guardia_con_aviso(|| {
        // SAFETY: `conexiones`, si no es NULL, tiene `cantidad` elementos.
        let conexiones = unsafe { punteros::arreglo(conexiones, cantidad, "conexiones") }?;
        // SAFETY: `paquete`, si no es NULL, es de la biblioteca, y su buffer mide lo que dice.
        let (codigo, payload) = unsafe { partes(paquete) }?;
        let resultados = difundir(conexiones, codigo, payload)?;
        if !errores.is_null() {
            // SAFETY: lo promete quien llama: mide lo mismo que `conexiones`.
            let lugares = unsafe { punteros::arreglo_mut(errores, conexiones.len()) };
            for (lugar, resultado) in lugares.iter_mut().zip(&resultados) {
                *lugar = resultado.as_ref().map_or_else(Error::errno, |()| 0);
            }
        }
        let cuantas = resultados.iter().filter(|resultado| resultado.is_err()).count();
        let primera = resultados.into_iter().find_map(Result::err);
        Ok((invariante!(c_int::try_from(cuantas).ok()), primera))
    })
}

/// @brief Si el otro lado sigue ahí. No consume nada ni espera.
///
/// @param conexion La conexión.
/// @return 1 si sigue, 0 si ya cerró (puede quedar algo suyo por recibir), o -1.
/// @note errno: EBADF si no es un socket abierto, EINVAL si es el que escucha, ENOTCONN si nunca se conectó.
/// @note Hilos: la puede llamar cualquiera. No bloquea.
///
/// @code
/// if (tp0_conexion_activa(cliente) != 1)
///     puts("el cliente se fue");
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn tp0_conexion_activa(conexion: c_int) -> c_int {
    guardia(|| {
        let uso = descriptores::usar_abierto(conexion)?;
        Ok(c_int::from(mensaje::activa(&uso.socket())?))
    })
}

/// @brief Un paquete como va a viajar: código de operación, tamaño y payload.
///
/// Para enviar no hace falta: está `enviar_paquete()`.
///
/// @param paquete El paquete.
/// @param bytes Cuánto mide: `paquete->buffer->size + 2 * sizeof(int)`. Si es más, lo que sobra va en 0.
/// @return Los bytes, o NULL.
/// @note errno: EINVAL (NULL, paquete mal armado, o `bytes` no alcanza), ENOMEM.
/// @note Hilos: como `crear_paquete()`.
/// @note Memoria: una vez que se dejen de usar, se deben liberar con `free()`.
/// @note Fuente: es la función del TP0.
///
/// @code
/// int bytes = paquete->buffer->size + 2 * sizeof(int);
/// void *a_enviar = serializar_paquete(paquete, bytes);
/// send(conexion, a_enviar, bytes, MSG_NOSIGNAL);
/// free(a_enviar);
/// @endcode
///
/// # Safety
/// `paquete` es NULL o un paquete bien formado que nadie cambia mientras dura la llamada.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn serializar_paquete(paquete: *mut t_paquete, bytes: c_int) -> *mut c_void {
    con_dos_nombres!(serializar_paquete, tp0_serializar_paquete, |paquete: *mut t_paquete,
                                                                  bytes: c_int|
     -> *mut c_void {
        guardia(|| {
            // SAFETY: `paquete`, si no es NULL, es de la biblioteca, y su buffer mide lo que dice.
            let (codigo, payload) = unsafe { partes(paquete) }?;
            let header = Header::nuevo(codigo, payload.len(), MAYOR_PAYLOAD)?.a_bytes();
            let mide = usize::try_from(bytes).unwrap_or(0);
            let hacen_falta = payload.len().saturating_add(LARGO_DE_HEADER);
            if mide < hacen_falta {
                return Err(Error::Argumento(texto!(
                    "serializar_paquete: pediste {bytes} bytes y el paquete mide {hacen_falta} (buffer->size + 2 * sizeof(int))."
                )));
            }
            let mut bloque = Bloque::en_cero(mide)?;
            bloque.escribir(0, &header);
            bloque.escribir(LARGO_DE_HEADER, payload);
            Ok(bloque.entregar())
        })
    })
}

#[inline(always)]
fn enviar(conexion: c_int, codigo: i32, payload: &[u8]) -> Resultado<c_int> {
    descriptores::usar(conexion)?.enviar(codigo, payload)?;
    Ok(0)
}

/// Cómo le fue a cada conexión, en orden. Una repetida, o que no se puede usar, falla sola.
fn difundir(conexiones: &[c_int], codigo: i32, payload: &[u8]) -> Resultado<Vec<Resultado<()>>> {
    let header = Header::nuevo(codigo, payload.len(), MAYOR_PAYLOAD)?.a_bytes();
    let usos = juntar(conexiones.iter().map(|conexion| {
        let uso = descriptores::usar_abierto(*conexion)?;
        Header::nuevo(codigo, payload.len(), uso.limite_para(payload.len())?)?;
        Ok(uso)
    }))?;
    let destinos = juntar(usos.iter().flatten().map(|uso| Destino { canal: uso, envio: uso.envio() }))?;
    let mut enviados = difusion::difundir(&destinos, &header, payload)?.into_iter();
    drop(destinos);
    juntar(usos.into_iter().map(|uso| uso.and_then(|_| invariante!(enviados.next()))))
}

fn buffer_vacio() -> Resultado<*mut t_buffer> {
    memoria::nuevo(t_buffer { size: 0, offset: 0, stream: ptr::null_mut() })
}

fn paquete_vacio(codigo_operacion: i32) -> Resultado<*mut t_paquete> {
    let buffer = buffer_vacio()?;
    memoria::nuevo(t_paquete { codigo_operacion, buffer }).inspect_err(|_| {
        // SAFETY: se acaba de pedir y nadie más lo tiene.
        unsafe { memoria::liberar(buffer) };
    })
}

/// El código y el payload de un paquete, comprobados.
///
/// # Safety
/// `paquete` es NULL o un paquete bien formado que nadie cambia mientras se usan.
#[inline(always)]
pub(super) unsafe fn partes<'a>(paquete: *const t_paquete) -> Resultado<(i32, &'a [u8])> {
    // SAFETY: `paquete`, si no es NULL, es de ese tipo y nadie lo cambia.
    let paquete = unsafe { punteros::visto(paquete, "paquete") }?;
    // SAFETY: `paquete.buffer`, si no es NULL, es de ese tipo y nadie lo cambia.
    let buffer = unsafe { punteros::visto(paquete.buffer, "paquete->buffer") }?;
    // SAFETY: lo promete quien llama: el stream mide `size` bytes.
    let payload = unsafe { punteros::bytes(buffer.stream, buffer.size, "paquete->buffer->stream") }?;
    Ok((paquete.codigo_operacion, payload))
}

/// Agrega `valor`, con su largo, al final de `buffer`.
///
/// # Safety
/// El stream de `buffer` es NULL o de malloc, y mide al menos `size` bytes.
#[inline(always)]
unsafe fn agregar(buffer: &mut t_buffer, valor: &[u8]) -> Resultado<()> {
    let hay = match usize::try_from(buffer.size) {
        Ok(hay) if hay == 0 || !buffer.stream.is_null() => hay,
        _ => return Err(sin_stream(buffer.size)),
    };
    let largo = largo_en_el_cable(hay, valor.len())?;
    let total = hay + largo.len() + valor.len();
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    unsafe { hacer_lugar(buffer, total) }?;
    let stream: *mut u8 = buffer.stream.cast();
    // SAFETY: el stream mide al menos `total` bytes, y `hay` es menor.
    let final_ = unsafe { stream.add(hay) };
    // SAFETY: desde ahí entran el largo y el valor; el valor no es parte del lugar nuevo.
    unsafe { final_.copy_from_nonoverlapping(largo.as_ptr(), largo.len()) };
    // SAFETY: detrás del largo queda lugar justo para el valor.
    let lugar = unsafe { final_.add(largo.len()) };
    // SAFETY: la misma razón.
    unsafe { lugar.copy_from_nonoverlapping(valor.as_ptr(), valor.len()) };
    buffer.size = invariante!(c_int::try_from(total).ok());
    Ok(())
}

#[cold]
#[inline(never)]
fn sin_stream(size: c_int) -> Error {
    Error::Argumento(if size < 0 {
        texto!("paquete->buffer->size es {size} y no puede ser negativo.")
    } else {
        texto!("paquete->buffer->stream es NULL y size dice {size} bytes.")
    })
}

/// Lleva el stream a `total` bytes o más, que no son menos que los que tiene escritos. Crece a potencias de dos: agregar n valores cuesta
/// O(n), también si la capacidad no se conoce, porque entonces casi siempre se pide lo mismo que ya hay.
///
/// # Safety
/// El stream de `buffer` es NULL o de malloc.
#[inline(always)]
pub(super) unsafe fn hacer_lugar(buffer: &mut t_buffer, total: usize) -> Resultado<()> {
    // SAFETY: `buffer.stream`, si no es NULL, es de malloc.
    if total <= unsafe { memoria::capacidad(buffer.stream) } {
        return Ok(());
    }
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    unsafe { crecer(buffer, total) }
}

/// # Safety
/// El stream de `buffer` es NULL o de malloc.
#[cold]
#[inline(never)]
unsafe fn crecer(buffer: &mut t_buffer, total: usize) -> Resultado<()> {
    // SAFETY: el stream es NULL o de malloc, y si anda, nadie más tiene el viejo.
    let nuevo = unsafe { libc::realloc(buffer.stream, total.next_power_of_two().max(STREAM_MINIMO)) };
    if nuevo.is_null() {
        return Err(Error::SinMemoria { bytes: total });
    }
    buffer.stream = nuevo;
    Ok(())
}
