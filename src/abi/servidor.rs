//! Capítulo 1 del header: el servidor.

use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::descriptores::{self, Entrega, Entregado, Uso, ceder_una_tumba, con_descriptores};
use super::guardia::{guardia, guardia_de_descriptor};
use super::textos::EnC;
use super::{olvidos, punteros, registro};
use crate::error::{Error, Resultado};
use crate::escucha::{Avisos, Escucha};
use crate::opciones::Opciones;
use crate::pendiente::Llegada;
use crate::rechazo::Rechazo;
use crate::servidor;
use crate::sistema::{self, Suenio, alguna_senial_corta, dentro_de, mientras_duerme};

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
pub extern "C-unwind" fn iniciar_servidor() -> c_int {
    guardia_de_descriptor(|| iniciar(None, None, Opciones::del_entorno()?))
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
pub unsafe extern "C-unwind" fn tp0_iniciar_servidor(ip: *const c_char, puerto: *const c_char) -> c_int {
    guardia_de_descriptor(|| {
        // SAFETY: `ip`, si no es NULL, es un texto que termina en cero.
        let ip = unsafe { texto_opcional(ip) };
        // SAFETY: `puerto`, si no es NULL, es un texto que termina en cero.
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
pub extern "C-unwind" fn tp0_puerto(descriptor: c_int) -> c_int {
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
/// Si falla una y otra vez (no es un servidor, está cerrado), sólo la primera vez vuelve enseguida; las que siguen esperan 100 ms, o una señal.
///
/// @param servidor Lo que devolvió `iniciar_servidor()`.
/// @return El descriptor del cliente (nunca 0, 1 ni 2), o -1.
/// Si no quedan descriptores, espera a que se libere alguno, y lo dice una vez en el log (warning). Sobre lo que no escucha, sólo la primera
/// respuesta es inmediata: un while que no mira el -1 no quema un núcleo.
///
/// @note errno: ECANCELED si otro hilo liberó el servidor, EINTR si corrió un manejador de señal instalado sin SA_RESTART (así Ctrl-C
///       puede terminar un while; uno con SA_RESTART nunca la corta), EBADF si no es un socket, EINVAL si no escucha, EAGAIN si venció el
///       SO_RCVTIMEO que puso el programa.
/// @note Hilos: bloquea. La pueden llamar varios a la vez, y varios procesos (fork): cada cliente le toca a uno. No se puede salir de ella con
///       `siglongjmp()`. Mientras espera puede trabajar en un hilo propio, que no recibe señales.
/// @note Con `select` o `poll` sobre `servidor`, llamarla una vez por aviso, y ponerle un SO_RCVTIMEO: el aviso puede ser de uno que manda
///       medio handshake y se calla, y con él la espera da EAGAIN en vez de quedarse con el programa. Si el programa hace fork con el servidor
///       abierto, el socket puede quedar sin bloqueo: su propio `accept()` daría EAGAIN.
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
pub extern "C-unwind" fn esperar_cliente(servidor: c_int) -> c_int {
    guardia_de_descriptor(|| esperar_en(servidor).map(|(cliente, _)| cliente.descriptor))
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
pub unsafe extern "C-unwind" fn tp0_esperar_cliente(servidor: c_int, handshake: *mut i32) -> c_int {
    guardia_de_descriptor(|| {
        let (cliente, mostrado) = esperar_en(servidor)?;
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
pub unsafe extern "C-unwind" fn tp0_handshake(conexion: c_int, handshake: *mut i32) -> c_int {
    guardia(|| {
        // SAFETY: `handshake`, si no es NULL, es de ese tipo y lo usa sólo este hilo.
        let handshake = unsafe { punteros::prestado(handshake, "handshake") }?;
        let uso = descriptores::usar_abierto(conexion)?;
        *handshake = uso.handshake().unwrap_or(0);
        Ok(c_int::from(uso.handshake().is_some()))
    })
}

/// Lo que se cuenta mientras se espera un cliente.
#[derive(Debug)]
pub(super) struct AvisosDeC;

impl Avisos for AvisosDeC {
    fn rechazo(&mut self, rechazo: Rechazo) {
        registro::advertencia(rechazo);
    }

    /// Espera, como `tp0_atender`: un bucle que no mira el -1 no gira en falso.
    fn falta(&mut self, error: Error) -> Resultado<bool> {
        if ceder_una_tumba() {
            return Ok(true);
        }
        registro::faltan(format_args!("{} Espero a que se libere alguno.", EnC(&error)));
        Ok(false)
    }
}

/// Espera un cliente en `servidor`. Sobre lo que no escucha, sólo la primera respuesta es inmediata: hay programas que insisten para siempre, y no
/// tienen que quemar un núcleo.
fn esperar_en(servidor: c_int) -> Resultado<(Entregado, Option<i32>)> {
    const DEMORA: Duration = Duration::from_millis(100);
    thread_local! { static INSISTE: Cell<bool> = const { Cell::new(false) } }
    olvidos::distinguir(servidor);
    let salida = descriptores::usar(servidor).and_then(|uso| esperar(&uso));
    let no_escucha = salida.as_ref().is_err_and(|error| !matches!(error.errno(), libc::EINTR | libc::EAGAIN));
    if INSISTE.replace(no_escucha) && no_escucha {
        // Una señal la corta, y está bien: el programa tiene algo que hacer.
        let _ = sistema::esperar(&mut [], dentro_de(DEMORA));
    }
    salida
}

/// Espera un cliente y lo entrega, con el valor que mostró.
fn esperar(uso: &Uso) -> Resultado<(Entregado, Option<i32>)> {
    let (escucha, socket) = (uso.escucha_o_nueva()?, uso.socket());
    let puerta = uso.puerta(&socket);
    let vence = puerta.tiempo_del_programa().and_then(dentro_de);
    let avisos = &mut AvisosDeC;
    Escucha::contar_espera(puerta);
    // Donde ninguna señal corta, ninguna se puede perder: alcanza con accept(2).
    let mut llegada = if alguna_senial_corta() { None } else { escucha.esperar_en_accept(puerta, avisos)? };
    loop {
        if let Some(llegada) = llegada {
            return entregar(escucha, llegada);
        }
        llegada = match mientras_duerme(|pedido| escucha.esperar(puerta, pedido, vence, avisos)) {
            Suenio::Hecho(salida) => Some(salida?),
            Suenio::EnElHijo => None,
        };
    }
}

/// Entrega a C un cliente que llegó, con el valor que mostró.
pub(super) fn entregar(escucha: &Escucha, llegada: Llegada) -> Resultado<(Entregado, Option<i32>)> {
    let Llegada { socket, handshake, .. } = llegada;
    let (socket, tamanio_maximo) = (socket.entregar(), escucha.opciones().tamanio_maximo);
    let cliente = descriptores::entregar(Entrega { socket, tamanio_maximo, handshake, escucha: None })?;
    registro::cliente_conectado();
    Ok((cliente, handshake))
}

/// Inicia un servidor donde se pide y lo entrega.
pub(super) fn iniciar(ip: Option<&str>, puerto: Option<&str>, opciones: Opciones) -> Resultado<c_int> {
    olvidos::distinguir((ip, puerto));
    let tamanio_maximo = opciones.tamanio_maximo;
    let (socket, escucha) = con_descriptores(|| servidor::iniciar(ip, puerto, opciones.clone()))?;
    let entrega = Entrega { socket, tamanio_maximo, handshake: None, escucha: Some(escucha) };
    let entregado = descriptores::entregar(entrega)?;
    registro::servidor_listo();
    Ok(entregado.descriptor)
}

/// # Safety
/// El puntero es NULL o un texto terminado en `'\0'`.
pub(super) unsafe fn texto_opcional<'a>(puntero: *const c_char) -> Option<Cow<'a, str>> {
    if puntero.is_null() {
        return None;
    }
    // SAFETY: `puntero`, si no es NULL, es un texto que termina en cero.
    let texto = unsafe { punteros::texto(puntero, "", "") }.ok()?;
    Some(texto.to_string_lossy())
}
