//! Capítulo 2 del header: el cliente, y terminar.

use std::ffi::{c_char, c_int};

use super::descriptores::{self, Entrega, con_descriptores, usar};
use super::guardia::{con_dos_nombres, guardia, guardia_de_descriptor};
use super::servidor::AvisosDeC;
use super::{olvidos, punteros, vecinos};
use crate::conectar::{self, Hecha};
use crate::error::Resultado;
use crate::opciones::Opciones;
use crate::vecinos::Vecinos;

/// Qué mirar cuando la IP o el puerto son NULL.
pub(super) const PISTA: &str = ": ¿existe esa clave en el .config?, ¿llamaste a config_destroy antes de usarla?";

/// Los sockets de este proceso que escuchan y los hizo la biblioteca.
#[derive(Debug)]
struct VecinosDeC;

impl Vecinos for VecinosDeC {
    fn hay(&self) -> bool {
        vecinos::hay()
    }

    fn adelantar(&self) {
        for uso in vecinos::todos().filter_map(|vecino| usar(vecino).ok()) {
            if let Some(escucha) = uso.escucha_si_es_suya() {
                escucha.adelantar(uso.puerta(&uso.socket()), &mut AvisosDeC);
            }
        }
    }
}

/// Conecta y entrega la conexión.
pub(super) fn conectar(ip: &str, puerto: &str, opciones: &Opciones) -> Resultado<c_int> {
    olvidos::distinguir((ip, puerto));
    let Hecha { socket, handshake, .. } = con_descriptores(|| conectar::conectar(ip, puerto, opciones, &VecinosDeC))?;
    let entrega = Entrega { socket, tamanio_maximo: opciones.tamanio_maximo, handshake, escucha: None };
    descriptores::entregar(entrega).map(|entregado| entregado.descriptor)
}

/// TITULO: 2. El cliente
///
/// @brief Conecta con un servidor y hace el handshake: `socket`, `connect`, enviar 1, recibir 0.
///
/// Anda recién cuando el servidor llega a `esperar_cliente()`: si no llega en `TP0_ESPERA_MS` (5 segundos), falla con ETIMEDOUT. Es la
/// única diferencia de esta función con la del TP0, que no tiene handshake; con `TP0_HANDSHAKE=no` tampoco lo hay.
///
/// Si la respuesta tarda, mientras la espera contesta los handshakes que lleguen a los servidores de este mismo proceso, y esos clientes
/// quedan en fila para `esperar_cliente()`: dos servidores se pueden conectar entre sí antes de esperar clientes. Select y poll no avisan
/// de esos clientes: un servidor que los usa, mejor que se conecte con los otros antes de `iniciar_servidor()`.
///
/// @param ip La IP del servidor o su nombre, como "127.0.0.1".
/// @param puerto Su puerto, de "1" a "65535".
/// @return El descriptor de la conexión (nunca 0, 1 ni 2), o -1.
/// @note errno: EINVAL (NULL, IP o puerto mal escritos, variable de entorno que no se entiende), EHOSTUNREACH (nombre desconocido,
///       o no hay camino), ECONNREFUSED (nadie escucha), ETIMEDOUT (no contestó, o no contestó el handshake), EPROTO (rechazó el
///       handshake, o habla otro protocolo), ECONNRESET (cerró antes de contestar el handshake), EMFILE.
/// @note Hilos: la puede llamar cualquiera. Bloquea a lo sumo `TP0_ESPERA_MS`, sin contar lo que tarde en buscarse un nombre. Si el nombre tiene
///       varias direcciones, el plazo se reparte entre las que faltan probar.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `liberar_conexion()`. Los textos se recortan (blancos y fines de línea) y
///       no se guardan.
/// @note Fuente: es la función del TP0, más el handshake.
///
/// @code
/// int conexion = crear_conexion("127.0.0.1", "4444");
/// if (conexion == -1) {
///     fprintf(stderr, "%s\n", tp0_error());
///     return EXIT_FAILURE;
/// }
/// @endcode
///
/// # Safety
/// Cada argumento es NULL o un texto terminado en `'\0'`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn crear_conexion(ip: *const c_char, puerto: *const c_char) -> c_int {
    guardia_de_descriptor(|| {
        // SAFETY: `ip`, si no es NULL, es un texto que termina en cero.
        let ip = unsafe { punteros::texto(ip, "ip", PISTA) }?;
        // SAFETY: `puerto`, si no es NULL, es un texto que termina en cero.
        let puerto = unsafe { punteros::texto(puerto, "puerto", PISTA) }?;
        conectar(&ip.to_string_lossy(), &puerto.to_string_lossy(), &Opciones::del_entorno()?)
    })
}

/// @brief Termina una conexión o un servidor: `close`. El puerto queda libre.
///
/// Los hilos que estén bloqueados en él despiertan con -1 (salvo que el proceso haya hecho fork después de crearlo: entonces sólo
/// cierra su copia, y el otro proceso conserva la suya). Si hay una llamada en vuelo, cierra cuando ella sale.
///
/// @param descriptor Lo que devolvió `iniciar_servidor()`, `esperar_cliente()` o `crear_conexion()`.
/// @return 0, o -1.
/// @note errno: EBADF si no es un socket abierto, o si ya se liberó: no pasa nada.
/// @note Hilos: la puede llamar cualquiera. No bloquea.
/// @note Después de que `recibir_operacion()` devolvió -1, llamarla está bien y no llamarla también.
/// @note Fuente: es la función del TP0 (ahí no devuelve nada).
#[unsafe(no_mangle)]
pub extern "C-unwind" fn liberar_conexion(descriptor: c_int) -> c_int {
    con_dos_nombres!(liberar_conexion, tp0_liberar_conexion, |descriptor: c_int| -> c_int {
        guardia(|| descriptores::liberar(descriptor).map(|()| 0))
    })
}
