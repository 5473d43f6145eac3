//! Capítulo 6 del header: las opciones.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::cliente::{PISTA, conectar};
use super::guardia::{guardia, guardia_de_descriptor};
use super::servidor::{iniciar, texto_opcional};
use super::{memoria, punteros};
use crate::error::{Error, Resultado};
use crate::memoria::texto;
use crate::opciones::Opciones;

/// @brief Cómo se conecta un cliente o atiende un servidor. Opaca: se hace con `tp0_opciones_crear()` y se cambia con sus funciones.
#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[derive(Debug)]
pub struct tp0_opciones {
    opciones: Opciones,
}

/// TITULO: 6. Opciones
///
/// @brief Opciones nuevas, con lo que diga el entorno (`TP0_HANDSHAKE`, `TP0_ESPERA_MS`, `TP0_TAMANIO_MAXIMO`).
///
/// @return Las opciones, o NULL.
/// @note errno: EINVAL (variable de entorno que no se entiende), ENOMEM.
/// @note Hilos: la puede llamar cualquiera. No bloquea. Unas opciones son de un hilo por vez.
/// @note Memoria: una vez que se dejen de usar, se deben liberar con `tp0_opciones_destruir()`. Las funciones que las reciben no se las
///       quedan.
///
/// @code
/// tp0_opciones *opciones = tp0_opciones_crear();
/// tp0_opciones_handshake(opciones, SOY_CPU);
/// tp0_opciones_espera_ms(opciones, 2000);
/// tp0_opciones_reintentos_ms(opciones, 10000);   // por si no se levantó
/// tp0_opciones_keepalive(opciones, 30);
/// int kernel = tp0_crear_conexion(ip, puerto, opciones);
/// tp0_opciones_destruir(opciones);
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn tp0_opciones_crear() -> *mut tp0_opciones {
    guardia(|| memoria::nuevo(tp0_opciones { opciones: Opciones::del_entorno()? }))
}

/// @brief Libera unas opciones.
///
/// @param opciones Las opciones. NULL no hace nada.
/// @note errno: no falla.
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// `opciones` es NULL, o de `tp0_opciones_crear` y nadie las usa más.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_destruir(opciones: *mut tp0_opciones) {
    guardia(|| {
        // SAFETY: lo promete quien llama; adentro no hay nada más que liberar.
        unsafe { memoria::liberar(opciones) };
        Ok(())
    });
}

/// @brief Un solo valor de handshake: el que muestra el cliente, o el único que acepta el servidor. Sin esto, 1.
///
/// @param opciones Las opciones.
/// @param valor El valor.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// `opciones` es NULL, o de `tp0_opciones_crear` y sólo este hilo las usa.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_handshake(opciones: *mut tp0_opciones, valor: i32) -> c_int {
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, |opciones| Ok(opciones.handshake(valor))) }
}

/// @brief Los valores de handshake que acepta un servidor: `tp0_esperar_cliente()` y `tp0_handshake()` dicen cuál mostró cada cliente.
///
/// @param opciones Las opciones. De un cliente, muestra el primer valor.
/// @param valores Los valores. Se copian.
/// @param cantidad Cuántos: de 1 a 32.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL o cantidad fuera de rango).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// @code
/// const int32_t modulos[] = { SOY_KERNEL, SOY_CPU };
/// tp0_opciones *opciones = tp0_opciones_crear();
/// tp0_opciones_handshakes(opciones, modulos, 2);
/// tp0_opciones_clientes_maximos(opciones, 10);
/// tp0_opciones_cierre_ms(opciones, 500);
/// int servidor = tp0_iniciar_servidor_con(NULL, puerto, opciones);
/// tp0_opciones_destruir(opciones);
/// @endcode
///
/// # Safety
/// `opciones` como en `tp0_opciones_handshake`; `valores` es NULL o apunta a `cantidad` enteros.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_handshakes(
    opciones: *mut tp0_opciones,
    valores: *const i32,
    cantidad: c_int,
) -> c_int {
    // SAFETY: `valores`, si no es NULL, tiene `cantidad` elementos.
    let valores = unsafe { punteros::arreglo(valores, cantidad, "valores") };
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, |opciones| opciones.handshakes(valores?)) }
}

/// @brief Un servidor que acepta clientes con handshake y sin él.
///
/// Exactamente los 4 bytes de `valor` son un handshake; un header posible, o silencio hasta que venza la espera, un cliente sin
/// handshake.
///
/// @param opciones Las opciones. De un cliente, muestra el valor.
/// @param valor El valor.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL).
/// @note Hilos: como `tp0_opciones_crear()`.
/// @warning Un handshake enviado junto con el primer mensaje, o un header partido justo después de 4 bytes, se confunden.
///
/// @code
/// tp0_opciones *opciones = tp0_opciones_crear();
/// tp0_opciones_handshake_opcional(opciones, 1);
/// int servidor = tp0_iniciar_servidor_con(NULL, puerto, opciones);
/// tp0_opciones_destruir(opciones);
/// @endcode
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_handshake_opcional(opciones: *mut tp0_opciones, valor: i32) -> c_int {
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, |opciones| Ok(opciones.handshake_opcional(valor))) }
}

/// @brief Sin handshake, de ningún lado: para hablar con un TP0 que no lo tiene.
///
/// @param opciones Las opciones.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// @code
/// tp0_opciones *opciones = tp0_opciones_crear();
/// tp0_opciones_sin_handshake(opciones);
/// tp0_opciones_tamanio_maximo(opciones, 1024 * 1024);      // 1 MiB
/// int conexion = tp0_crear_conexion(ip, puerto, opciones);
/// tp0_opciones_destruir(opciones);
/// @endcode
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_sin_handshake(opciones: *mut tp0_opciones) -> c_int {
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, |opciones| Ok(opciones.sin_handshake())) }
}

/// @brief Cuánto se espera a que se conecte y a que termine el handshake. Sin esto, 5000.
///
/// @param opciones Las opciones.
/// @param ms Milisegundos; 0: lo que haga falta.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL o negativo).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_espera_ms(opciones: *mut tp0_opciones, ms: c_int) -> c_int {
    let con_espera = |opciones: Opciones| {
        let espera = milisegundos(ms, "La espera")?;
        Ok(opciones.espera((!espera.is_zero()).then_some(espera)))
    };
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, con_espera) }
}

/// @brief El mayor payload que se envía o recibe. Sin esto, 67108864 (64 MiB).
///
/// @param opciones Las opciones.
/// @param bytes Desde 1.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL o fuera de rango).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_tamanio_maximo(opciones: *mut tp0_opciones, bytes: c_int) -> c_int {
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, |opciones| opciones.tamanio_maximo(natural(bytes, "El tamaño máximo")?)) }
}

/// @brief Si nadie escucha todavía, cuánto se sigue intentando: el servidor puede no estar levantado. Sin esto, no se reintenta.
///
/// @param opciones Las opciones, de un cliente.
/// @param ms Milisegundos.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL o negativo).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_reintentos_ms(opciones: *mut tp0_opciones, ms: c_int) -> c_int {
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, |opciones| Ok(opciones.reintentos(milisegundos(ms, "El plazo de reintentos")?))) }
}

/// @brief En cuántos segundos, a lo sumo, se nota que el otro lado desapareció sin avisar (un cable desconectado): recibir da -1 con
/// ETIMEDOUT. Sin esto, nunca.
///
/// También termina la conexión con quien, en ese tiempo, no lee nada de lo que se le manda.
///
/// @param opciones Las opciones.
/// @param segundos De 3 a 32767; 0: nunca.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL o fuera de rango).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_keepalive(opciones: *mut tp0_opciones, segundos: c_int) -> c_int {
    let con_keepalive = |opciones: Opciones| {
        let segundos = natural(segundos, "El keepalive")?;
        opciones.keepalive((segundos > 0).then(|| Duration::from_secs(u64::from(segundos))))
    };
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, con_keepalive) }
}

/// @brief Cuántos clientes atiende `tp0_atender()` a la vez, a lo sumo: los demás esperan en la cola del sistema. Sin esto, los que haya.
///
/// @param opciones Las opciones, de un servidor.
/// @param cuantos Desde 1; 0: los que haya.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL o negativo).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_clientes_maximos(opciones: *mut tp0_opciones, cuantos: c_int) -> c_int {
    let con_limite = |opciones: Opciones| {
        let cuantos = usize::try_from(natural(cuantos, "El máximo de clientes")?).unwrap_or(usize::MAX);
        opciones.clientes_maximos((cuantos > 0).then_some(cuantos))
    };
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, con_limite) }
}

/// @brief Cuánto da `tp0_detener()` a los clientes que quedan antes de cortarlos. Sin esto, 2000.
///
/// @param opciones Las opciones, de un servidor.
/// @param ms Milisegundos.
/// @return 0, o -1.
/// @note errno: EINVAL (NULL o negativo).
/// @note Hilos: como `tp0_opciones_crear()`.
///
/// # Safety
/// La de `tp0_opciones_handshake`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_opciones_cierre_ms(opciones: *mut tp0_opciones, ms: c_int) -> c_int {
    // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
    unsafe { cambiar(opciones, |opciones| Ok(opciones.plazo_de_cierre(milisegundos(ms, "El plazo de cierre")?))) }
}

/// @brief Como `tp0_iniciar_servidor()`, con opciones.
///
/// @param ip La IP donde escuchar, o NULL.
/// @param puerto El puerto, o NULL.
/// @param opciones Las opciones, o NULL: las del entorno. Se copian: se pueden liberar enseguida.
/// @return El descriptor que escucha, o -1.
/// @note errno: los de `tp0_iniciar_servidor()`.
/// @note Hilos: como `tp0_iniciar_servidor()`.
/// @note Memoria: como `tp0_iniciar_servidor()`.
///
/// # Safety
/// Los textos son NULL o terminan en `'\0'`; `opciones` es NULL, o de `tp0_opciones_crear` y nadie las cambia mientras dura la llamada.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_iniciar_servidor_con(
    ip: *const c_char,
    puerto: *const c_char,
    opciones: *const tp0_opciones,
) -> c_int {
    guardia_de_descriptor(|| {
        // SAFETY: `ip`, si no es NULL, es un texto que termina en cero.
        let ip = unsafe { texto_opcional(ip) };
        // SAFETY: `puerto`, si no es NULL, es un texto que termina en cero.
        let puerto = unsafe { texto_opcional(puerto) };
        // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
        iniciar(ip.as_deref(), puerto.as_deref(), unsafe { copia(opciones) }?)
    })
}

/// @brief Como `crear_conexion()`, con opciones.
///
/// @param ip La IP del servidor o su nombre.
/// @param puerto Su puerto.
/// @param opciones Las opciones, o NULL: las del entorno. Se copian: se pueden liberar enseguida.
/// @return El descriptor de la conexión, o -1.
/// @note errno: los de `crear_conexion()`.
/// @note Hilos: la puede llamar cualquiera. Bloquea a lo sumo lo que digan `tp0_opciones_reintentos_ms()` y `tp0_opciones_espera_ms()`.
/// @note Memoria: como `crear_conexion()`.
///
/// # Safety
/// La de `tp0_iniciar_servidor_con`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_crear_conexion(
    ip: *const c_char,
    puerto: *const c_char,
    opciones: *const tp0_opciones,
) -> c_int {
    guardia_de_descriptor(|| {
        // SAFETY: `ip`, si no es NULL, es un texto que termina en cero.
        let ip = unsafe { punteros::texto(ip, "ip", PISTA) }?;
        // SAFETY: `puerto`, si no es NULL, es un texto que termina en cero.
        let puerto = unsafe { punteros::texto(puerto, "puerto", PISTA) }?;
        // SAFETY: `opciones`, si no es NULL, es de tp0_opciones_crear.
        conectar(&ip.to_string_lossy(), &puerto.to_string_lossy(), &unsafe { copia(opciones) }?)
    })
}

/// Cambia unas opciones. Si el cambio no vale, quedan como estaban.
///
/// # Safety
/// `puntero` es NULL, o de `tp0_opciones_crear` y sólo este hilo las usa.
unsafe fn cambiar(puntero: *mut tp0_opciones, cambio: impl FnOnce(Opciones) -> Resultado<Opciones>) -> c_int {
    guardia(|| {
        // SAFETY: `puntero`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
        let lugar = unsafe { punteros::prestado(puntero, "opciones") }?;
        lugar.opciones = cambio(lugar.opciones.clone())?;
        Ok(0)
    })
}

/// Una copia de las opciones, o las del entorno si es NULL.
///
/// # Safety
/// `puntero` es NULL, o de `tp0_opciones_crear` y nadie las cambia mientras dura la llamada.
unsafe fn copia(puntero: *const tp0_opciones) -> Resultado<Opciones> {
    // SAFETY: `puntero`, si no es NULL, es de la biblioteca y nadie lo cambia.
    match unsafe { puntero.as_ref() } {
        Some(opciones) => Ok(opciones.opciones.clone()),
        None => Opciones::del_entorno(),
    }
}

fn natural(valor: c_int, que: &str) -> Resultado<u32> {
    u32::try_from(valor).map_err(|_| Error::Argumento(texto!("{que} es {valor} y no puede ser un número negativo.")))
}

fn milisegundos(ms: c_int, que: &str) -> Resultado<Duration> {
    natural(ms, que).map(|ms| Duration::from_millis(u64::from(ms)))
}
