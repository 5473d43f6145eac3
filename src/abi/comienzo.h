/**
 * @file tp0.h
 * @brief `#include <tp0.h>` - libtp0 @VERSION@: la capa de sockets del TP0 de Sistemas Operativos (UTN FRBA).
 *
 * @note Este archivo es el manual, y lo escribe la compilación de la biblioteca: se lee de arriba para abajo. Lo mismo, en páginas:
 *       `man 7 tp0`, y `man 3` con el nombre de cada función. Se enlaza con `-ltp0`.
 *
 * Son las funciones del TP0, con sus nombres y los mismos bytes en el cable, las de la guía de serialización, y algunas más.
 *
 * @par Ejemplo
 * Un servidor entero:
 * @code
 * int servidor = iniciar_servidor();
 * int cliente = esperar_cliente(servidor);
 * while (recibir_operacion(cliente) == MENSAJE) {
 *     recibir_mensaje(cliente);
 *     enviar_mensaje("chau", cliente);
 * }
 * liberar_conexion(cliente);
 * liberar_conexion(servidor);
 * @endcode
 *
 * Y su cliente:
 * @code
 * int conexion = crear_conexion("127.0.0.1", "4444");
 * enviar_mensaje("hola", conexion);
 * recibir_operacion(conexion);
 * recibir_mensaje(conexion);
 * liberar_conexion(conexion);
 * @endcode
 *
 * @par Reglas
 * Para todas las funciones:
 *  - Errores: devuelven -1 o NULL (`recibir_paquete()`, la lista vacía), ponen `errno` y dejan en `tp0_error()` una línea que dice qué
 *    pasó y qué probar. Nada que llegue por la red puede hacer caer al programa, ni un NULL, un descriptor o un tamaño inválidos.
 *  - Lecturas: las `buffer_read_*` que no pueden leer devuelven 0, false o NULL (`buffer_read()`, -1), que también pueden ser datos. Si
 *    estaba todo se pregunta una sola vez, al final: `buffer_quedan()` da 0.
 *  - Memoria: lo que devuelven es de malloc y lo libera quien llama, con lo que cada función dice. No se quedan con nada.
 *  - Hilos: se pueden llamar desde cualquiera. Por una conexión pueden enviar varios a la vez (cada mensaje sale entero) y
 *    recibir uno.
 *  - Señales: nunca hay SIGPIPE. Una señal no corta un envío ni una recepción; sí a `esperar_cliente()` y a `tp0_atender()`, según
 *    SA_RESTART, y el servidor sigue escuchando.
 *  - Descriptores: son los de siempre, sirven para select, poll, send, recv y close; se cierran solos en exec; nunca son 0, 1 ni 2.
 *  - Demoras: lo que se envía sale enseguida. Sólo las ráfagas se juntan (más de 16 envíos sin recibir nada), y lo retenido sale al recibir:
 *    ninguna respuesta espera al algoritmo de Nagle, tampoco si el otro no usa esta biblioteca. Antes de dormir se mira hasta 20
 *    microsegundos si ya llega algo. A un socket que hizo el programa no se le cambian las opciones.
 *  - close(2): el programa puede cerrar por su cuenta lo que quiera, también con otro hilo adentro de una función: lo que la biblioteca
 *    recordaba de ese número se olvida, y nada de eso se usa en lo que él ponga ahí.
 *  - Hilos: pthread_cancel espera a que la función vuelva; lo que despierta a la que está esperando es `liberar_conexion()`.
 *  - Límite: un payload mide a lo sumo 64 MiB (`TP0_TAMANIO_MAXIMO`).
 *
 * @par Protocolo
 * Lo que viaja (enteros de 4 bytes, little-endian):
 * @code{.unparsed}
 * handshake  cliente -> servidor | 1 |
 *            servidor -> cliente | 0 |  o  | -1 | y cierra
 * mensaje    | código de operación | tamaño | tamaño bytes de payload |
 * MENSAJE    payload = | texto con su '\0' |
 * PAQUETE    payload = | largo | bytes | largo | bytes | ...
 * @endcode
 *
 * @par Entorno
 * Se lee en cada `iniciar_servidor()` y `crear_conexion()`; un valor que no se entiende es un error, EINVAL:
 *  - `TP0_IP`, `TP0_PUERTO`: dónde escucha `iniciar_servidor()` (todas las interfaces, 4444). Puerto 0: uno libre cualquiera.
 *  - `TP0_HANDSHAKE`: otro valor (1); `no`: sin handshake, de ningún lado; `opcional`: el servidor acepta clientes con y sin él
 *    (no si el programa se saluda a su manera, con otros 4 bytes: entonces, `no`).
 *  - `TP0_ESPERA_MS`: plazo de conexión y handshake, en milisegundos (5000); 0: sin plazo. No cuenta lo que tarde en buscarse un nombre.
 *  - `TP0_TAMANIO_MAXIMO`: el mayor payload, en bytes (67108864).
 *  - `TP0_TRAZA`: 1 cuenta cada paso de los sockets, un renglón por paso, en la salida de errores; si ahí no se puede escribir, es un error,
 *    con el `errno` de `write`. 0: nada.
 *
 * @par Log
 * Si el programa usa las commons y su `logger` no es NULL, ahí se anota:
 *  - trace: `Listo para escuchar a mi cliente`, cuando el servidor ya escucha.
 *  - info: `Se conecto un cliente!`, y por cada `recibir_mensaje()`, `Me llego el mensaje ...` con su texto.
 *  - warning: el cliente rechazado, con su dirección y la causa; y que faltan descriptores o hilos para atender a quien llega.
 *  - error: una falla que nadie miró. Si a una función se le da el -1 o el NULL de otra que falló, o se vuelve a enviar por una conexión en la que
 *    falló un envío, y nadie leyó esa falla con `tp0_error()`: una vez por falla, con el nombre de la función que falló y su texto. Enviar por una que
 *    el programa ya liberó no es de ésas: se ve con `TP0_TRAZA=1`.
 *
 * Si no, `Me llego el mensaje ...` va a la salida del programa; lo demás, a la de errores, con `tp0:` adelante; y lo que es trace o info, a ningún
 * lado. Nada de eso espera a quien no lee ni manda SIGPIPE: el renglón se pierde, y el próximo que entra dice cuántos fueron. De rechazos seguidos se
 * escriben los primeros diez, y después uno por segundo, con la cuenta.
 *
 * @par Errores
 * Qué quiere decir cada `errno`; cada función dice cuáles da. ENOMEM y ENOTRECOVERABLE los puede dar cualquiera.
 *  - 0: el otro terminó la conversación entre un mensaje y otro. No es de temer.
 *  - EACCES: no hay permiso.
 *  - EADDRINUSE: el puerto ya lo usa otro.
 *  - EADDRNOTAVAIL: la IP no es de esta máquina.
 *  - EAGAIN: venció el tiempo que el programa le puso al socket.
 *  - EBADF: no es un socket abierto.
 *  - ECANCELED: otro hilo liberó el servidor.
 *  - ECONNREFUSED: nadie escucha en esa IP y ese puerto.
 *  - ECONNRESET: la conexión se cortó.
 *  - EHOSTUNREACH: el nombre no se conoce, o no hay camino.
 *  - EINTR: corrió un manejador de señal.
 *  - EINVAL: un argumento, o una variable de entorno, que no va.
 *  - EMFILE: no quedan descriptores.
 *  - EMSGSIZE: es demasiado grande.
 *  - ENOMEM: no hay memoria.
 *  - ENOTCONN: el socket nunca se conectó.
 *  - ENOTRECOVERABLE: falló la propia biblioteca. Avisanos.
 *  - EPIPE: el otro ya no está: no se le puede enviar.
 *  - EPROTO: lo que llegó no es de este protocolo.
 *  - ETIMEDOUT: no contestó a tiempo, o dejó de responder.
 *
 * @par Notas
 * Antes de incluir el header se puede definir `TP0_SIN_LOGGER` o `TP0_SIN_OP_CODE`, si el programa tiene su propio `logger` u `op_code`.
 *
 * Si lo que tiene son funciones con los nombres del TP0 y otros argumentos, `TP0_SIN_NOMBRES` esconde las de acá, y también su `op_code` y su
 * `logger`; `codigo_operacion` es entonces un `int`. Cada una está además con `tp0_` adelante (`tp0_enviar_paquete()`), que es el mismo
 * código; y donde ese nombre ya era de otra, ésa sirve: `tp0_iniciar_servidor()`, `tp0_esperar_cliente()`, `tp0_crear_conexion()` y
 * `tp0_recibir_mensaje()`.
 *
 * @par Fuente
 * El TP0 de la cátedra, https://docs.utnso.com.ar/primeros-pasos/tp0, y su guía de serialización,
 * https://docs.utnso.com.ar/guias/linux/serializacion
 */
@CORTE@
/* Un programa de 32 bits (gcc -m32) tendría los mismos tipos con otra forma, y ni enlazaría. Se dice antes que nada. */
#if defined(__SIZEOF_POINTER__) && (__SIZEOF_POINTER__ != 8 || __SIZEOF_SIZE_T__ != 8)
#error "libtp0 es para programas de 64 bits, con punteros y size_t de 8 bytes: compilalo sin -m32 ni -mx32."
#endif

#include <assert.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TP0_VERSION "@VERSION@"
#define TP0_VERSION_MAYOR @MAJOR@
#define TP0_VERSION_MENOR @MINOR@
#define TP0_VERSION_PARCHE @PATCH@

/* Donde están las commons se usan sus tipos; si no, se declaran los mismos. La biblioteca no las necesita. */
#if defined(__has_include)
#if __has_include(<commons/log.h>) && __has_include(<commons/collections/list.h>)
#include <commons/log.h>
#include <commons/collections/list.h>
#define TP0_CON_COMMONS 1
#endif
#endif

#ifndef TP0_CON_COMMONS
typedef struct link_element {
    void *data;
    struct link_element *next;
} t_link_element;

typedef struct {
    t_link_element *head;
    int elements_count;
} t_list;

typedef struct tp0_log t_log;
#endif

/**
 * @brief Los códigos de operación del TP0. Un programa puede tener más: cualquier entero que no sea negativo.
 *
 * Los propios se declaran antes de incluir el header, con `TP0_SIN_OP_CODE`.
 *
 * @note Fuente: es el tipo del TP0.
 *
 * @code
 * #define TP0_SIN_OP_CODE
 * typedef enum { MENSAJE, PAQUETE, PERSONA } op_code;
 * #include <tp0.h>
 * @endcode
 */
#if !defined(TP0_SIN_OP_CODE) && !defined(TP0_SIN_NOMBRES)
typedef enum {
    MENSAJE,
    PAQUETE
} op_code;
#endif

/**
 * @brief El logger global del TP0: si no es NULL y el programa usa las commons, ahí se anota lo que pasa.
 *
 * Después de `log_destroy(logger)`, si quedan llamadas por hacer o hilos adentro de la biblioteca: `logger = NULL`. Ella lo usa sin avisar,
 * cuando rechaza a un cliente.
 *
 * Si el programa define el suyo (con `TP0_SIN_LOGGER`), se usa ése. Qué se anota, y qué pasa sin él, está en tp0(7).
 *
 * @note Hilos: se lo asigna antes de crearlos.
 * @note Memoria: lo libera el programa, con `log_destroy()`.
 * @note Fuente: es la variable del TP0.
 *
 * @code
 * logger = log_create("servidor.log", "SERVIDOR", true, LOG_LEVEL_INFO);
 * int servidor = iniciar_servidor();
 * @endcode
 */
#if !defined(TP0_SIN_LOGGER) && !defined(TP0_SIN_NOMBRES)
#ifdef __cplusplus
extern "C" {
#endif
extern t_log *logger;
#ifdef __cplusplus
}
#endif
#endif
