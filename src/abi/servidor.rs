//! Capítulo 1 del header: el servidor.

use std::borrow::Cow;
use std::ffi::{c_char, c_int};

use super::descriptores::{self, Entrega, Entregado, Uso};
use super::guardia::guardia;
use super::{punteros, registro};
use crate::error::Resultado;
use crate::escucha::Llegada;
use crate::opciones::Opciones;
use crate::servidor;

/// TITULO: 1. El servidor
///
/// @brief Crea el socket del servidor, lo asocia a un puerto y lo deja escuchando: `socket`, `bind` y `listen`.
///
/// Escucha en todas las interfaces IPv4, o en la IP de `TP0_IP`; en el puerto 4444, o en el de `TP0_PUERTO` (0: uno libre
/// cualquiera; cuál, lo dice `tp0_puerto()`). Pone SO_REUSEADDR: se puede volver a levantar enseguida en el mismo puerto.
///
/// @return El descriptor que escucha (nunca 0, 1 ni 2), o -1.
/// @note errno: EADDRINUSE (el texto de `tp0_error()` nombra al proceso que tiene el puerto), EACCES (puerto menor que 1024 sin
///       permiso), EADDRNOTAVAIL (`TP0_IP` no es de esta máquina), EINVAL (variable de entorno que no se entiende), EMFILE.
/// @note Hilos: la puede llamar cualquiera. No bloquea.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `liberar_conexion()`.
/// @note Lo escribe en el log: `Listo para escuchar a mi cliente` (trace).
/// @note Fuente: es la función del TP0.
///
/// @code
/// int servidor = iniciar_servidor();
/// if (servidor == -1) {
///     fprintf(stderr, "%s\n", tp0_error());
///     return EXIT_FAILURE;
/// }
/// @endcode
#[unsafe(no_mangle)]
pub extern "C" fn iniciar_servidor() -> c_int {
    guardia(|| iniciar(None, None, Opciones::del_entorno()?))
}

/// @brief Como `iniciar_servidor()`, donde se le diga.
///
/// @param ip Una IP de esta máquina o un nombre, como "127.0.0.1". NULL: la de `TP0_IP`, o todas las interfaces IPv4.
/// @param puerto Un puerto, de "0" (uno libre cualquiera) a "65535". NULL: el de `TP0_PUERTO`, o 4444.
/// @return El descriptor que escucha, o -1.
/// @note errno: los de `iniciar_servidor()`; EADDRNOTAVAIL también si `ip` no es de esta máquina, EINVAL también si `ip` o `puerto` no lo
///       son, EHOSTUNREACH si el nombre no se conoce.
/// @note Hilos: como `iniciar_servidor()`.
/// @note Memoria: como `iniciar_servidor()`. Los textos se recortan (blancos y fines de línea) y no se guardan: se pueden liberar enseguida.
///
/// @code
/// char *puerto = config_get_string_value(config, "PUERTO_ESCUCHA");
/// int servidor = tp0_iniciar_servidor(NULL, puerto);
/// @endcode
///
/// # Safety
/// Cada argumento es NULL o un texto terminado en `'\0'`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tp0_iniciar_servidor(ip: *const c_char, puerto: *const c_char) -> c_int {
    guardia(|| {
        // SAFETY: lo promete quien llama.
        let ip = unsafe { texto_opcional(ip) };
        // SAFETY: lo promete quien llama.
        let puerto = unsafe { texto_opcional(puerto) };
        iniciar(ip.as_deref(), puerto.as_deref(), Opciones::del_entorno()?)
    })
}

/// @brief El puerto de un descriptor: en el que escucha un servidor, o el propio de una conexión.
///
/// @param descriptor Lo que devolvió `iniciar_servidor()`, `esperar_cliente()` o `crear_conexion()`.
/// @return El puerto, de 1 a 65535, o -1.
/// @note errno: EBADF si no es un socket abierto, EINVAL si no es de internet.
/// @note Hilos: la puede llamar cualquiera. No bloquea.
///
/// @code
/// printf("escuchando en el puerto %d\n", tp0_puerto(servidor));
/// @endcode
#[unsafe(no_mangle)]
pub extern "C" fn tp0_puerto(descriptor: c_int) -> c_int {
    guardia(|| {
        let uso = descriptores::usar(descriptor)?;
        Ok(c_int::from(servidor::direccion_local(&uso.socket())?.port()))
    })
}

/// @brief Espera a que un cliente se conecte y pase el handshake: `accept`.
///
/// Al que muestra otro handshake, o no lo termina a tiempo (`TP0_ESPERA_MS`), se le contesta -1, se lo cierra, se lo anota en el log
/// (warning) y se sigue esperando. Los clientes mudos o lentos no demoran a los demás.
///
/// @param servidor Lo que devolvió `iniciar_servidor()`.
/// @return El descriptor del cliente (nunca 0, 1 ni 2), o -1.
/// @note errno: ECANCELED si otro hilo liberó el servidor, EINTR si corrió un manejador de señal instalado sin SA_RESTART (así Ctrl-C
///       puede terminar un while), EMFILE si no quedan descriptores, EBADF si no es un socket, EINVAL si no escucha, EAGAIN si venció el
///       SO_RCVTIMEO que puso el programa.
/// @note Hilos: bloquea. La pueden llamar varios a la vez: cada cliente le toca a uno. Con `select` o `poll` sobre `servidor`, llamarla
///       una vez por aviso.
/// @note Memoria: el cliente, una vez que se deje de usar, se debe liberar con `liberar_conexion()`.
/// @note Lo escribe en el log: `Se conecto un cliente!` (info).
/// @note Fuente: es la función del TP0.
///
/// @code
/// while (1) {
///     int cliente = esperar_cliente(servidor);
///     if (cliente == -1) break;
///     conversar(cliente);      // recibe y contesta por el mismo descriptor
///     liberar_conexion(cliente);
/// }
/// liberar_conexion(servidor);
/// @endcode
#[unsafe(no_mangle)]
pub extern "C" fn esperar_cliente(servidor: c_int) -> c_int {
    guardia(|| esperar(&descriptores::usar(servidor)?).map(|(cliente, _)| cliente.descriptor))
}

/// @brief Como `esperar_cliente()`, y dice qué valor de handshake mostró el cliente: quién es.
///
/// Para un servidor que acepta varios (`tp0_opciones_handshakes()`): el kernel, una CPU, la memoria.
///
/// @param servidor El descriptor que escucha.
/// @param handshake Donde se deja el valor. NULL: no interesa. Si el cliente no hizo handshake, 0.
/// @return El descriptor del cliente, o -1 (y entonces `handshake` queda como estaba).
/// @note errno: los de `esperar_cliente()`.
/// @note Hilos: como `esperar_cliente()`.
/// @note Memoria: como `esperar_cliente()`.
///
/// @code
/// int32_t quien;
/// int cliente = tp0_esperar_cliente(servidor, &quien);
/// if (cliente != -1 && quien == SOY_CPU) conversar(cliente);
/// @endcode
///
/// # Safety
/// `handshake` es NULL o un entero que sólo este hilo usa.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tp0_esperar_cliente(servidor: c_int, handshake: *mut i32) -> c_int {
    guardia(|| {
        let (cliente, mostrado) = esperar(&descriptores::usar(servidor)?)?;
        // SAFETY: lo promete quien llama; NULL es que no interesa.
        if let Some(handshake) = unsafe { handshake.as_mut() } {
            *handshake = mostrado.unwrap_or(0);
        }
        Ok(cliente.descriptor)
    })
}

/// @brief Con qué valor de handshake se saludaron los dos lados de una conexión: en la función de `tp0_atender()`, quién es el cliente.
///
/// @param conexion La conexión.
/// @param handshake Donde se deja el valor. Si no hubo handshake, 0.
/// @return 1 si hubo handshake, 0 si no, o -1.
/// @note errno: EBADF si no es un socket abierto, EINVAL si `handshake` es NULL.
/// @note Hilos: la puede llamar cualquiera. No bloquea.
///
/// @code
/// int32_t quien;
/// if (tp0_handshake(cliente, &quien) == 1 && quien == SOY_CPU)
///     conversar(cliente);
/// @endcode
///
/// # Safety
/// `handshake` es NULL o un entero que sólo este hilo usa.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tp0_handshake(conexion: c_int, handshake: *mut i32) -> c_int {
    guardia(|| {
        // SAFETY: lo promete quien llama.
        let handshake = unsafe { punteros::prestado(handshake, "handshake") }?;
        let uso = descriptores::usar_abierto(conexion)?;
        *handshake = uso.handshake().unwrap_or(0);
        Ok(c_int::from(uso.handshake().is_some()))
    })
}

/// Espera un cliente y lo entrega, con el valor que mostró.
pub(super) fn esperar(uso: &Uso) -> Resultado<(Entregado, Option<i32>)> {
    let escucha = uso.escucha_o_nueva()?;
    let Llegada { socket, handshake, .. } =
        escucha.esperar(&uso.socket(), &mut |rechazo| registro::advertencia(rechazo))?;
    let tamanio_maximo = escucha.opciones().tamanio_maximo;
    let cliente = descriptores::entregar(Entrega { socket, tamanio_maximo, handshake, escucha: None })?;
    registro::cliente_conectado();
    Ok((cliente, handshake))
}

/// Inicia un servidor donde se pide y lo entrega.
pub(super) fn iniciar(ip: Option<&str>, puerto: Option<&str>, opciones: Opciones) -> Resultado<c_int> {
    let tamanio_maximo = opciones.tamanio_maximo;
    let (socket, escucha) = servidor::iniciar(ip, puerto, opciones)?;
    let entrega = Entrega { socket, tamanio_maximo, handshake: None, escucha: Some(escucha) };
    let entregado = descriptores::entregar(entrega)?;
    registro::servidor_listo();
    Ok(entregado.descriptor)
}

/// # Safety
/// El puntero es NULL o un texto terminado en `'\0'`.
pub(super) unsafe fn texto_opcional<'a>(puntero: *const c_char) -> Option<Cow<'a, str>> {
    // SAFETY: lo promete quien llama; NULL es simplemente que no hay.
    let texto = unsafe { punteros::texto(puntero, "", "") }.ok()?;
    Some(texto.to_string_lossy())
}
