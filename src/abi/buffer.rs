//! Capítulo 8 del header: serializar, con los nombres de la guía del curso.

use std::ffi::{c_char, c_int, c_void};
use std::mem::size_of;
use std::slice;

use super::guardia::guardia;
use super::lecturas::{Fallida, olvidar_lecturas};
use super::memoria::{self, Bloque};
use super::paquete::hacer_lugar;
use super::punteros;
use super::tipos::t_buffer;
use crate::buffer::tramo;
use crate::error::{Error, Resultado};
use crate::invariante::invariante;
use crate::memoria::texto;
use crate::protocolo::en_memoria;

/// TITULO: 8. Serializar
///
/// @brief Un buffer con lugar para `size` bytes, en 0, listo para escribir desde el comienzo.
///
/// Escribir más de lo reservado lo agranda; con `buffer_create(0)` no hace falta sumar tamaños.
///
/// @param size Bytes reservados. Los que no se escriban viajan en 0.
/// @return El buffer, o NULL.
/// @note errno: ENOMEM, EMSGSIZE si no entra en un `int`.
/// @note Hilos: la puede llamar cualquiera. No bloquea. Un buffer es de un hilo por vez.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `buffer_destroy()`.
/// @note Fuente: es la función de la guía de serialización.
/// @warning Un payload se arma con estas funciones o con `agregar_a_paquete()`, no con las dos: éstas escriben en `offset` y aquélla al final.
///
/// @code
/// t_buffer *buffer = buffer_create(0);
/// buffer_add_uint32(buffer, persona->dni);
/// buffer_add_uint8(buffer, persona->edad);
/// buffer_add_string(buffer, strlen(persona->nombre) + 1, persona->nombre);
/// t_paquete paquete = { .codigo_operacion = PERSONA, .buffer = buffer };
/// enviar_paquete(&paquete, conexion);
/// buffer_destroy(buffer);
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn buffer_create(size: u32) -> *mut t_buffer {
    guardia(|| {
        let limite = i32::MAX.unsigned_abs();
        let medida = en_memoria(size);
        let size = c_int::try_from(size).map_err(|_| Error::DemasiadoGrande { tamanio: medida, limite })?;
        olvidar_lecturas();
        let (stream, buffer) = (Bloque::en_cero(medida)?, Bloque::nuevo(size_of::<t_buffer>())?);
        Ok(buffer.entregar_con(t_buffer { size, offset: 0, stream: stream.entregar() }))
    })
}

/// @brief Libera un buffer y su stream.
///
/// @param buffer El buffer, con todo de malloc. NULL no hace nada.
/// @note errno: no falla.
/// @note Hilos: la puede llamar cualquiera, con un buffer que nadie más usa. No bloquea.
/// @note Fuente: es la función de la guía de serialización.
///
/// # Safety
/// `buffer` es NULL, o con todo de malloc y nadie lo usa más.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_destroy(buffer: *mut t_buffer) {
    guardia(|| {
        olvidar_lecturas();
        // SAFETY: `buffer`, si no es NULL, es de la biblioteca y nadie lo cambia.
        if let Some(contenido) = unsafe { buffer.as_ref() } {
            // SAFETY: `contenido.stream` es de malloc, y nadie más lo usa.
            unsafe { memoria::liberar(contenido.stream) };
        }
        // SAFETY: `buffer` es de malloc, y nadie más lo usa.
        unsafe { memoria::liberar(buffer) };
        Ok(())
    });
}

/// @brief Escribe bytes en `offset`, y lo avanza. Si no entran, agranda el buffer.
///
/// @param buffer El buffer.
/// @param data Los bytes. Se copian.
/// @param size Cuántos.
/// @return 0, o -1 (y entonces el buffer queda como estaba).
/// @note errno: EINVAL (NULL, buffer mal armado), EMSGSIZE si no entra en un `int`, ENOMEM.
/// @note Hilos: como `buffer_create()`.
/// @note Fuente: es la función de la guía de serialización.
/// @warning Un struct no se escribe entero: tiene relleno entre sus campos, y sus punteros no valen en otro proceso.
///
/// @code
/// uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
/// buffer_add(buffer, mac, sizeof(mac));
/// @endcode
///
/// # Safety
/// `buffer` es NULL, o bien formado, con stream de malloc, y sólo este hilo lo usa; `data` es NULL o apunta a `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add(buffer: *mut t_buffer, data: *const c_void, size: u32) -> c_int {
    guardia(|| {
        let limite = i32::MAX.unsigned_abs();
        let medida = c_int::try_from(size).map_err(|_| Error::DemasiadoGrande { tamanio: en_memoria(size), limite })?;
        // SAFETY: `data`, si no es NULL, mide `medida` bytes.
        let data = unsafe { punteros::bytes(data, medida, "data") }?;
        // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
        unsafe { escribir(buffer, &[data]) }
    })
}

/// @brief Lee bytes desde `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data Donde se dejan. Si no quedan tantos no se escribe nada.
/// @param size Cuántos.
/// @return 0, o -1.
/// @note errno: EPROTO si no quedan tantos (el texto dice cuántos quedaban), EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
/// @note Fuente: es la función de la guía de serialización.
///
/// @code
/// uint8_t mac[6];
/// if (buffer_read(paquete->buffer, mac, sizeof(mac)) == -1)
///     fprintf(stderr, "%s\n", tp0_error());
/// @endcode
///
/// # Safety
/// `buffer` es NULL, o bien formado y sólo este hilo lo usa; `data` es NULL o apunta a `size` bytes, que no son del buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read(buffer: *mut t_buffer, data: *mut c_void, size: u32) -> c_int {
    guardia(|| {
        let medida = en_memoria(size);
        if data.is_null() && medida > 0 {
            return Err(Error::Argumento(texto!("data es NULL: no hay dónde dejar lo que se lea.")));
        }
        // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
        let leidos = unsafe { leer(buffer, medida) }?;
        if medida > 0 {
            // SAFETY: `data` mide `size` bytes y no es del buffer, según promete quien llama; `leidos` mide lo mismo.
            unsafe { data.cast::<u8>().copy_from_nonoverlapping(leidos.as_ptr(), medida) };
        }
        Ok(0)
    })
}

/// @brief Escribe un `uint32_t`: 4 bytes, en `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data El dato.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
/// @note Fuente: es la función de la guía de serialización.
///
/// # Safety
/// La de `buffer_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_uint32(buffer: *mut t_buffer, data: u32) -> c_int {
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    guardia(|| unsafe { escribir(buffer, &[&data.to_le_bytes()]) })
}

/// @brief Escribe un `uint8_t`: 1 byte, en `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data El dato.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
/// @note Fuente: es la función de la guía de serialización.
///
/// # Safety
/// La de `buffer_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_uint8(buffer: *mut t_buffer, data: u8) -> c_int {
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    guardia(|| unsafe { escribir(buffer, &[&[data]]) })
}

/// @brief Escribe un `int32_t`: 4 bytes, en `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data El dato.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
///
/// @code
/// t_buffer *buffer = buffer_create(0);
/// buffer_add_int32(buffer, proceso->prioridad);
/// buffer_add_uint64(buffer, proceso->bytes_de_memoria);
/// buffer_add_int64(buffer, proceso->desplazamiento);
/// buffer_add_double(buffer, proceso->rafaga_estimada);
/// buffer_add_bool(buffer, proceso->suspendido);
/// t_paquete paquete = { CREAR_PROCESO, buffer };
/// enviar_paquete(&paquete, conexion);
/// buffer_destroy(buffer);
/// @endcode
///
/// # Safety
/// La de `buffer_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_int32(buffer: *mut t_buffer, data: i32) -> c_int {
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    guardia(|| unsafe { escribir(buffer, &[&data.to_le_bytes()]) })
}

/// @brief Escribe un `uint64_t`: 8 bytes, en `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data El dato.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_uint64(buffer: *mut t_buffer, data: u64) -> c_int {
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    guardia(|| unsafe { escribir(buffer, &[&data.to_le_bytes()]) })
}

/// @brief Escribe un `int64_t`: 8 bytes, en `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data El dato.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_int64(buffer: *mut t_buffer, data: i64) -> c_int {
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    guardia(|| unsafe { escribir(buffer, &[&data.to_le_bytes()]) })
}

/// @brief Escribe un `double`: 8 bytes (IEEE 754), en `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data El dato.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_double(buffer: *mut t_buffer, data: f64) -> c_int {
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    guardia(|| unsafe { escribir(buffer, &[&data.to_le_bytes()]) })
}

/// @brief Escribe un `bool`: 1 byte, 0 o 1, en `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @param data El dato.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_bool(buffer: *mut t_buffer, data: bool) -> c_int {
    // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
    guardia(|| unsafe { escribir(buffer, &[&[u8::from(data)]]) })
}

/// @brief Escribe un texto: su largo, en un `uint32_t`, y sus bytes.
///
/// @param buffer El buffer.
/// @param length Cuántos bytes del texto: `strlen(string) + 1`, para que viaje también su `'\0'`.
/// @param string El texto. Se copia.
/// @return 0, o -1.
/// @note errno: los de `buffer_add()`.
/// @note Hilos: como `buffer_create()`.
/// @note Fuente: es la función de la guía de serialización.
///
/// # Safety
/// La de `buffer_add`; `string` es NULL o apunta a `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_add_string(buffer: *mut t_buffer, length: u32, string: *const c_char) -> c_int {
    guardia(|| {
        let limite = i32::MAX.unsigned_abs();
        let medida =
            c_int::try_from(length).map_err(|_| Error::DemasiadoGrande { tamanio: en_memoria(length), limite })?;
        // SAFETY: `string`, si no es NULL, mide `medida` bytes.
        let texto = unsafe { punteros::bytes(string.cast(), medida, "string") }?;
        // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
        unsafe { escribir(buffer, &[&length.to_le_bytes(), texto]) }
    })
}

/// @brief Lee un `uint32_t` desde `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
/// @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
/// @note Fuente: es la función de la guía de serialización.
///
/// @code
/// t_paquete *paquete = tp0_recibir(cliente);     // una PERSONA
/// if (paquete != NULL) {
///     persona->dni = buffer_read_uint32(paquete->buffer);
///     persona->edad = buffer_read_uint8(paquete->buffer);
///     persona->nombre = buffer_read_string(paquete->buffer, NULL);
/// }
/// if (tp0_error() != NULL) puts(tp0_error());    // no estaba entera
/// eliminar_paquete(paquete);
/// @endcode
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_uint32(buffer: *mut t_buffer) -> u32 {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    u32::from_le_bytes(unsafe { leer_fijos(buffer) })
}

/// @brief Lee un `uint8_t` desde `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
/// @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
/// @note Fuente: es la función de la guía de serialización.
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_uint8(buffer: *mut t_buffer) -> u8 {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    u8::from_le_bytes(unsafe { leer_fijos(buffer) })
}

/// @brief Lee un `int32_t` desde `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
/// @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
///
/// @code
/// t_buffer *buffer = paquete->buffer;    // se lee como se escribió
/// proceso->prioridad = buffer_read_int32(buffer);
/// proceso->bytes_de_memoria = buffer_read_uint64(buffer);
/// proceso->desplazamiento = buffer_read_int64(buffer);
/// proceso->rafaga_estimada = buffer_read_double(buffer);
/// proceso->suspendido = buffer_read_bool(buffer);
/// @endcode
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_int32(buffer: *mut t_buffer) -> i32 {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    i32::from_le_bytes(unsafe { leer_fijos(buffer) })
}

/// @brief Lee un `uint64_t` desde `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
/// @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_uint64(buffer: *mut t_buffer) -> u64 {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    u64::from_le_bytes(unsafe { leer_fijos(buffer) })
}

/// @brief Lee un `int64_t` desde `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
/// @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_int64(buffer: *mut t_buffer) -> i64 {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    i64::from_le_bytes(unsafe { leer_fijos(buffer) })
}

/// @brief Lee un `double` desde `offset`, y lo avanza.
///
/// @param buffer El buffer.
/// @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
/// @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_double(buffer: *mut t_buffer) -> f64 {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    f64::from_le_bytes(unsafe { leer_fijos(buffer) })
}

/// @brief Lee un `bool` desde `offset`, y lo avanza: cualquier byte que no sea 0 es verdadero.
///
/// @param buffer El buffer.
/// @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
/// @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`.
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_bool(buffer: *mut t_buffer) -> bool {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    u8::from_le_bytes(unsafe { leer_fijos(buffer) }) != 0
}

/// @brief Lee un texto: su largo y sus bytes.
///
/// @param buffer El buffer.
/// @param length Donde se deja su largo, con el `'\0'` si vino. NULL: no interesa. Ante un error, 0.
/// @return El texto, con un `'\0'` escondido detrás, o NULL.
/// @note errno: EPROTO si el largo dice más de lo que queda (y no lee ni el largo), EINVAL (NULL, buffer mal armado), ENOMEM.
/// @note Hilos: como `buffer_create()`.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `free()`.
/// @note Fuente: es la función de la guía de serialización.
///
/// # Safety
/// La de `buffer_read`; `length` es NULL o un entero que sólo este hilo usa.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_read_string(buffer: *mut t_buffer, length: *mut u32) -> *mut c_char {
    guardia(|| {
        // SAFETY: lo promete quien llama; NULL es que no interesa.
        let mut length = unsafe { length.as_mut() };
        if let Some(length) = &mut length {
            **length = 0;
        }
        // SAFETY: `buffer`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
        let comienzo = unsafe { punteros::prestado(buffer, "buffer") }?.offset;
        // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
        let texto = unsafe { leer_texto(buffer) };
        let (largo, bloque) = texto.inspect_err(|error| {
            // SAFETY: lo promete quien llama; ya se comprobó que no es NULL.
            if let Some(buffer) = unsafe { buffer.as_mut() } {
                buffer.offset = comienzo;
                // Estaba, pero no hubo memoria: quien lee tampoco lo tiene.
                if matches!(error, Error::SinMemoria { .. }) {
                    Fallida::anotar(buffer, 0, 0);
                }
            }
        })?;
        if let Some(length) = length {
            *length = largo;
        }
        Ok(bloque.entregar().cast())
    })
}

/// @brief Cuántos bytes quedan por leer; o -1, si alguna lectura del buffer no entró. Alcanza con preguntarlo al final.
///
/// Si al final da 0, todo lo que se leyó estaba, y no sobró nada. No lee ni cambia nada.
///
/// @param buffer El buffer.
/// @return Los bytes entre `offset` y el final, o -1 si falló alguna `buffer_read_*` de este hilo sobre él. No se olvida por volver atrás el `offset`:
///         sí cuando el hilo crea o libera otro buffer o paquete, o recibe.
/// @note errno: EPROTO si una lectura no entró (el texto dice cuántos bytes quedaban y cuántos pedía la primera), ENOMEM si fue un texto para el que no
///       hubo memoria, EINVAL (NULL, buffer mal armado).
/// @note Hilos: como `buffer_create()`. De a un buffer por vez: de dos que se leen mezclados, y en los que falla algo, se acuerda del último.
///
/// @code
/// persona->dni = buffer_read_uint32(buffer);
/// persona->edad = buffer_read_uint8(buffer);
/// persona->nombre = buffer_read_string(buffer, NULL);
/// if (buffer_quedan(buffer) != 0) {    // faltó algo, o sobró
///     free(persona->nombre);
///     persona->nombre = NULL;
/// }
/// @endcode
///
/// # Safety
/// La de `buffer_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn buffer_quedan(buffer: *mut t_buffer) -> c_int {
    guardia(|| {
        // SAFETY: `buffer`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
        let buffer = unsafe { punteros::prestado(buffer, "buffer") }?;
        // SAFETY: lo promete quien llama: el stream mide `size` bytes.
        let hay = unsafe { punteros::bytes(buffer.stream, buffer.size, "buffer->stream") }?.len();
        match Fallida::de(buffer) {
            None => Ok(invariante!(c_int::try_from(hay.saturating_sub(en_memoria(buffer.offset))).ok())),
            Some(Fallida { quedan, pedidos, .. }) if pedidos > quedan => Err(Error::BufferCorto { quedan, pedidos }),
            Some(_) => Err(Error::SinMemoria { bytes: 0 }),
        }
    })
}

/// # Safety
/// `buffer` es NULL, o bien formado y sólo este hilo lo usa.
unsafe fn leer_texto(buffer: *mut t_buffer) -> Resultado<(u32, Bloque)> {
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    let largo = u32::from_le_bytes(*invariante!(unsafe { leer(buffer, size_of::<u32>()) }?.first_chunk()));
    // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
    let texto = unsafe { leer(buffer, en_memoria(largo)) }?;
    Ok((largo, Bloque::con(texto)?))
}

/// Lee N bytes, o ceros si no quedan; entonces el error queda anotado.
///
/// # Safety
/// `buffer` es NULL, o bien formado y sólo este hilo lo usa.
unsafe fn leer_fijos<const N: usize>(buffer: *mut t_buffer) -> [u8; N] {
    let mut bytes = [0; N];
    guardia(|| {
        // SAFETY: `buffer`, si no es NULL, mide lo que dice y lo usa sólo este hilo.
        bytes.copy_from_slice(unsafe { leer(buffer, N) }?);
        Ok(())
    });
    bytes
}

/// Los próximos `pedidos` bytes, y avanza.
///
/// # Safety
/// `buffer` es NULL, o bien formado y sólo este hilo lo usa mientras existan los bytes.
unsafe fn leer<'a>(buffer: *mut t_buffer, pedidos: usize) -> Resultado<&'a [u8]> {
    // SAFETY: `buffer`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
    let buffer = unsafe { punteros::prestado(buffer, "buffer") }?;
    // SAFETY: lo promete quien llama: el stream mide `size` bytes.
    let payload = unsafe { punteros::bytes(buffer.stream, buffer.size, "buffer->stream") }?;
    let tramo = tramo(en_memoria(buffer.offset), pedidos, payload.len()).inspect_err(|error| {
        if let Error::BufferCorto { quedan, pedidos } = error {
            Fallida::anotar(buffer, *quedan, *pedidos);
        }
    })?;
    buffer.offset = invariante!(u32::try_from(tramo.end).ok());
    Ok(invariante!(payload.get(tramo)))
}

/// Escribe `partes` en `offset`, agrandando si hace falta, y avanza. Si no se puede, todo queda como estaba.
///
/// # Safety
/// `buffer` es NULL, o bien formado, con stream NULL o de malloc, y sólo este hilo lo usa; las partes no son del stream.
unsafe fn escribir(buffer: *mut t_buffer, partes: &[&[u8]]) -> Resultado<c_int> {
    // SAFETY: `buffer`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
    let buffer = unsafe { punteros::prestado(buffer, "buffer") }?;
    // SAFETY: lo promete quien llama: el stream mide `size` bytes.
    let hay = unsafe { punteros::bytes(buffer.stream, buffer.size, "buffer->stream") }?.len();
    let desde = en_memoria(buffer.offset);
    if desde > hay {
        let texto = texto!("buffer->offset es {desde} y el buffer mide {hay} bytes: ¿se hizo con buffer_create?");
        return Err(Error::Argumento(texto));
    }
    let hasta = partes.iter().fold(desde, |total, parte| total.saturating_add(parte.len()));
    let (size, offset) = match (c_int::try_from(hasta.max(hay)), u32::try_from(hasta)) {
        (Ok(size), Ok(offset)) => (size, offset),
        _ => return Err(Error::DemasiadoGrande { tamanio: hasta, limite: i32::MAX.unsigned_abs() }),
    };
    if hasta > hay {
        // SAFETY: `buffer`, si no es NULL, es de la biblioteca y lo usa sólo este hilo.
        unsafe { hacer_lugar(buffer, hasta) }?;
    }
    if hasta > desde {
        // SAFETY: el stream mide al menos `hasta` bytes, y `desde` es menor.
        let comienzo = unsafe { buffer.stream.cast::<u8>().add(desde) };
        // SAFETY: son bytes del stream, que sólo este hilo usa; los que estén sin escribir se escriben abajo sin leerlos.
        let lugares = unsafe { slice::from_raw_parts_mut(comienzo.cast::<std::mem::MaybeUninit<u8>>(), hasta - desde) };
        for (lugar, byte) in lugares.iter_mut().zip(partes.iter().copied().flatten()) {
            lugar.write(*byte);
        }
    }
    buffer.size = size;
    buffer.offset = offset;
    Ok(0)
}
