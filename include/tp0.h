/**
 * @file tp0.h
 * @brief `#include <tp0.h>` - libtp0 0.1.0: la capa de sockets del TP0 de Sistemas Operativos (UTN FRBA).
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


#ifndef LIBTP0_TP0_H
#define LIBTP0_TP0_H

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

#define TP0_VERSION "0.1.0"
#define TP0_VERSION_MAYOR 0
#define TP0_VERSION_MENOR 1
#define TP0_VERSION_PARCHE 0

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

/**
 * @brief Cómo se conecta un cliente o atiende un servidor. Opaca: se hace con `tp0_opciones_crear()` y se cambia con sus funciones.
 */
typedef struct tp0_opciones tp0_opciones;

/**
 * @brief Un payload que se arma o se lee.
 *
 * `stream` es de malloc y mide, al menos, `size` bytes.
 *
 * @note Fuente: sirve a la vez como el del TP0 y el de la guía de serialización.
 */
typedef struct {
    /**
     * Bytes del payload.
     */
    int size;
    /**
     * Dónde se lee o se escribe: sólo lo usan las funciones buffer_*. Los paquetes lo ignoran.
     */
    uint32_t offset;
    /**
     * El payload.
     */
    void *stream;
} t_buffer;

/**
 * @brief Un mensaje: el código de operación y su payload.
 *
 * @note Fuente: es el tipo del TP0.
 */
typedef struct {
    /**
     * Qué es: MENSAJE, PAQUETE o uno propio. Nunca negativo.
     */
#ifdef TP0_SIN_NOMBRES
    int codigo_operacion;
#else
    op_code codigo_operacion;
#endif
    /**
     * El payload.
     */
    t_buffer *buffer;
} t_paquete;

/**
 * @brief Lo que se hace con cada cliente: recibe su descriptor, y lo que se le dio a `tp0_atender()`.
 */
typedef void (*tp0_funcion_de_cliente)(int cliente, void *contexto);

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* ============================================================================================
 *  1. El servidor
 * ============================================================================================ */

#ifndef TP0_SIN_NOMBRES
/**
 * @brief Crea el socket del servidor, lo asocia a un puerto y lo deja escuchando: `socket`, `bind` y `listen`.
 *
 * Escucha en todas las interfaces IPv4, o en la IP de `TP0_IP`; en el puerto 4444, o en el de `TP0_PUERTO` (0: uno libre
 * cualquiera; cuál, lo dice `tp0_puerto()`). Pone SO_REUSEADDR: se puede volver a levantar enseguida en el mismo puerto.
 *
 * @return El descriptor que escucha (nunca 0, 1 ni 2), o -1.
 * @note errno: EADDRINUSE (el texto de `tp0_error()` nombra al proceso que tiene el puerto), EACCES (puerto menor que 1024 sin
 *       permiso), EADDRNOTAVAIL (`TP0_IP` no es de esta máquina), EINVAL (variable de entorno que no se entiende), EMFILE.
 * @note Hilos: la puede llamar cualquiera. No bloquea.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `liberar_conexion()`.
 * @note Lo escribe en el log: `Listo para escuchar a mi cliente` (trace).
 * @note Fuente: es la función del TP0.
 *
 * @code
 * int servidor = iniciar_servidor();
 * if (servidor == -1) {
 *     fprintf(stderr, "%s\n", tp0_error());
 *     return EXIT_FAILURE;
 * }
 * @endcode
 */
int iniciar_servidor(void);

#endif

/**
 * @brief Como `iniciar_servidor()`, donde se le diga.
 *
 * @param ip Una IP de esta máquina o un nombre, como "127.0.0.1". NULL: la de `TP0_IP`, o todas las interfaces IPv4.
 * @param puerto Un puerto, de "0" (uno libre cualquiera) a "65535". NULL: el de `TP0_PUERTO`, o 4444.
 * @return El descriptor que escucha, o -1.
 * @note errno: los de `iniciar_servidor()`; EADDRNOTAVAIL también si `ip` no es de esta máquina, EINVAL también si `ip` o `puerto` no lo
 *       son, EHOSTUNREACH si el nombre no se conoce.
 * @note Hilos: como `iniciar_servidor()`.
 * @note Memoria: como `iniciar_servidor()`. Los textos se recortan (blancos y fines de línea) y no se guardan: se pueden liberar enseguida.
 *
 * @code
 * char *puerto = config_get_string_value(config, "PUERTO_ESCUCHA");
 * int servidor = tp0_iniciar_servidor(NULL, puerto);
 * @endcode
 */
int tp0_iniciar_servidor(const char *ip,
                         const char *puerto);

/**
 * @brief El puerto de un descriptor: en el que escucha un servidor, o el propio de una conexión.
 *
 * @param descriptor Lo que devolvió `iniciar_servidor()`, `esperar_cliente()` o `crear_conexion()`.
 * @return El puerto, de 1 a 65535, o -1.
 * @note errno: EBADF si no es un socket abierto, EINVAL si no es de internet.
 * @note Hilos: la puede llamar cualquiera. No bloquea.
 *
 * @code
 * printf("escuchando en el puerto %d\n", tp0_puerto(servidor));
 * @endcode
 */
int tp0_puerto(int descriptor);

#ifndef TP0_SIN_NOMBRES
/**
 * @brief Espera a que un cliente se conecte y pase el handshake: `accept`.
 *
 * Al que muestra otro handshake, o no lo termina a tiempo (`TP0_ESPERA_MS`), se le contesta -1, se lo cierra, se lo anota en el log
 * (warning) y se sigue esperando. Los clientes mudos o lentos no demoran a los demás.
 *
 * Si falla una y otra vez (no es un servidor, está cerrado), sólo la primera vez vuelve enseguida; las que siguen esperan 100 ms, o una señal.
 *
 * @param servidor Lo que devolvió `iniciar_servidor()`.
 * @return El descriptor del cliente (nunca 0, 1 ni 2), o -1.
 * Si no quedan descriptores, espera a que se libere alguno, y lo dice una vez en el log (warning). Sobre lo que no escucha, sólo la primera
 * respuesta es inmediata: un while que no mira el -1 no quema un núcleo.
 *
 * @note errno: ECANCELED si otro hilo liberó el servidor, EINTR si corrió un manejador de señal instalado sin SA_RESTART (así Ctrl-C
 *       puede terminar un while; uno con SA_RESTART nunca la corta), EBADF si no es un socket, EINVAL si no escucha, EAGAIN si venció el
 *       SO_RCVTIMEO que puso el programa.
 * @note Hilos: bloquea. La pueden llamar varios a la vez, y varios procesos (fork): cada cliente le toca a uno. No se puede salir de ella con
 *       `siglongjmp()`. Mientras espera puede trabajar en un hilo propio, que no recibe señales.
 * @note Con `select` o `poll` sobre `servidor`, llamarla una vez por aviso, y ponerle un SO_RCVTIMEO: el aviso puede ser de uno que manda
 *       medio handshake y se calla, y con él la espera da EAGAIN en vez de quedarse con el programa. Si el programa hace fork con el servidor
 *       abierto, el socket puede quedar sin bloqueo: su propio `accept()` daría EAGAIN.
 * @note Memoria: el cliente, una vez que se deje de usar, se debe liberar con `liberar_conexion()`.
 * @note Lo escribe en el log: `Se conecto un cliente!` (info).
 * @note Fuente: es la función del TP0.
 *
 * @code
 * while (1) {
 *     int cliente = esperar_cliente(servidor);
 *     if (cliente == -1) break;
 *     conversar(cliente);      // recibe y contesta por el mismo descriptor
 *     liberar_conexion(cliente);
 * }
 * liberar_conexion(servidor);
 * @endcode
 */
int esperar_cliente(int servidor);

#endif

/**
 * @brief Como `esperar_cliente()`, y dice qué valor de handshake mostró el cliente: quién es.
 *
 * Para un servidor que acepta varios (`tp0_opciones_handshakes()`): el kernel, una CPU, la memoria.
 *
 * @param servidor El descriptor que escucha.
 * @param handshake Donde se deja el valor. NULL: no interesa. Si el cliente no hizo handshake, 0.
 * @return El descriptor del cliente, o -1 (y entonces `handshake` queda como estaba).
 * @note errno: los de `esperar_cliente()`.
 * @note Hilos: como `esperar_cliente()`.
 * @note Memoria: como `esperar_cliente()`.
 *
 * @code
 * int32_t quien;
 * int cliente = tp0_esperar_cliente(servidor, &quien);
 * if (cliente != -1 && quien == SOY_CPU) conversar(cliente);
 * @endcode
 */
int tp0_esperar_cliente(int servidor, int32_t *handshake);

/**
 * @brief Con qué valor de handshake se saludaron los dos lados de una conexión: en la función de `tp0_atender()`, quién es el cliente.
 *
 * @param conexion La conexión.
 * @param handshake Donde se deja el valor. Si no hubo handshake, 0.
 * @return 1 si hubo handshake, 0 si no, o -1.
 * @note errno: EBADF si no es un socket abierto, EINVAL si `handshake` es NULL.
 * @note Hilos: la puede llamar cualquiera. No bloquea.
 *
 * @code
 * int32_t quien;
 * if (tp0_handshake(cliente, &quien) == 1 && quien == SOY_CPU)
 *     conversar(cliente);
 * @endcode
 */
int tp0_handshake(int conexion,
                  int32_t *handshake);

/* ============================================================================================
 *  2. El cliente
 * ============================================================================================ */

#ifndef TP0_SIN_NOMBRES
/**
 * @brief Conecta con un servidor y hace el handshake: `socket`, `connect`, enviar 1, recibir 0.
 *
 * Anda recién cuando el servidor llega a `esperar_cliente()`: si no llega en `TP0_ESPERA_MS` (5 segundos), falla con ETIMEDOUT. Es la
 * única diferencia de esta función con la del TP0, que no tiene handshake; con `TP0_HANDSHAKE=no` tampoco lo hay.
 *
 * Si la respuesta tarda, mientras la espera contesta los handshakes que lleguen a los servidores de este mismo proceso, y esos clientes
 * quedan en fila para `esperar_cliente()`: dos servidores se pueden conectar entre sí antes de esperar clientes. Select y poll no avisan
 * de esos clientes: un servidor que los usa, mejor que se conecte con los otros antes de `iniciar_servidor()`.
 *
 * @param ip La IP del servidor o su nombre, como "127.0.0.1".
 * @param puerto Su puerto, de "1" a "65535".
 * @return El descriptor de la conexión (nunca 0, 1 ni 2), o -1.
 * @note errno: EINVAL (NULL, IP o puerto mal escritos, variable de entorno que no se entiende), EHOSTUNREACH (nombre desconocido,
 *       o no hay camino), ECONNREFUSED (nadie escucha), ETIMEDOUT (no contestó, o no contestó el handshake), EPROTO (rechazó el
 *       handshake, o habla otro protocolo), ECONNRESET (cerró antes de contestar el handshake), EMFILE.
 * @note Hilos: la puede llamar cualquiera. Bloquea a lo sumo `TP0_ESPERA_MS`, sin contar lo que tarde en buscarse un nombre. Si el nombre tiene
 *       varias direcciones, el plazo se reparte entre las que faltan probar.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `liberar_conexion()`. Los textos se recortan (blancos y fines de línea) y
 *       no se guardan.
 * @note Fuente: es la función del TP0, más el handshake.
 *
 * @code
 * int conexion = crear_conexion("127.0.0.1", "4444");
 * if (conexion == -1) {
 *     fprintf(stderr, "%s\n", tp0_error());
 *     return EXIT_FAILURE;
 * }
 * @endcode
 */
int crear_conexion(const char *ip,
                   const char *puerto);

/**
 * @brief Termina una conexión o un servidor: `close`. El puerto queda libre.
 *
 * Los hilos que estén bloqueados en él despiertan con -1 (salvo que el proceso haya hecho fork después de crearlo: entonces sólo
 * cierra su copia, y el otro proceso conserva la suya). Si hay una llamada en vuelo, cierra cuando ella sale.
 *
 * @param descriptor Lo que devolvió `iniciar_servidor()`, `esperar_cliente()` o `crear_conexion()`.
 * @return 0, o -1.
 * @note errno: EBADF si no es un socket abierto, o si ya se liberó: no pasa nada.
 * @note Hilos: la puede llamar cualquiera. No bloquea.
 * @note Después de que `recibir_operacion()` devolvió -1, llamarla está bien y no llamarla también.
 * @note Fuente: es la función del TP0 (ahí no devuelve nada).
 */
int liberar_conexion(int descriptor);

/* ============================================================================================
 *  3. Recibir
 * ============================================================================================ */

/**
 * @brief Espera el próximo mensaje y dice qué es: su código de operación. Lee esos 4 bytes y ni uno más.
 *
 * -1 quiere decir que la conversación terminó: hay que salir del while. El descriptor queda reservado (recv en él da 0)
 * hasta que terminen otras 64 conexiones, o antes si hace falta el lugar (nunca son más de un cuarto de los descriptores del proceso):
 * liberarlo con `liberar_conexion()` está bien, y no liberarlo también.
 *
 * @param conexion Lo que devolvió `esperar_cliente()` o `crear_conexion()`.
 * @return MENSAJE, PAQUETE u otro código (nunca negativo), o -1.
 * @note errno: 0 si el otro terminó entre un mensaje y otro (no es de temer), ECONNRESET si se cortó, EPROTO si llegó un código
 *       negativo, ETIMEDOUT si el otro dejó de responder (`tp0_opciones_keepalive()`), EBADF si no es un socket abierto, ENOTCONN si
 *       nunca se conectó, EINVAL si es el que escucha, EAGAIN si venció el SO_RCVTIMEO que puso el programa (y entonces la conexión sigue).
 * @note Hilos: bloquea. Uno solo por vez recibe de una conexión, y no hace falta que sea siempre el mismo; otro puede estar enviando.
 * @note Fuente: es la función del TP0.
 *
 * @code
 * int codigo;
 * while ((codigo = recibir_operacion(cliente)) != -1) {
 *     switch (codigo) {
 *     case MENSAJE:
 *         recibir_mensaje(cliente);
 *         break;
 *     case PAQUETE: {
 *         t_list *valores = recibir_paquete(cliente);
 *         // ... usarlos ...
 *         tp0_liberar_lista(valores);
 *         break;
 *     }
 *     default: {               // un código que no se conoce: se descarta
 *         int tamanio;
 *         free(recibir_buffer(&tamanio, cliente));
 *     }
 *     }
 * }
 * liberar_conexion(cliente);
 * @endcode
 */
int recibir_operacion(int conexion);

/**
 * @brief Recibe un payload entero: después de `recibir_operacion()`, para los códigos propios del programa.
 *
 * @param size Donde se deja el tamaño del payload, en bytes. Ante un error, 0.
 * @param conexion La conexión.
 * @return El payload, o NULL. Lleva un `'\0'` escondido detrás, que no se cuenta: si es un texto, se puede imprimir.
 * @note errno: ECONNRESET si se cortó, EPROTO si llegó un tamaño negativo, EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si
 *       el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el SO_RCVTIMEO que puso el programa, ENOMEM,
 *       EBADF, ENOTCONN si nunca se conectó, EINVAL (`size` es NULL, o es el socket que escucha). Ante un error, la conexión se termina: el
 *       próximo `recibir_operacion()` da -1.
 * @note Hilos: como `recibir_operacion()`.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `free()`.
 * @note Fuente: es la función del TP0.
 *
 * @code
 * if (recibir_operacion(cliente) == CREAR_PROCESO) {
 *     int tamanio;
 *     void *payload = recibir_buffer(&tamanio, cliente);
 *     if (payload != NULL) printf("llegaron %d bytes\n", tamanio);
 *     free(payload);
 * }
 * @endcode
 */
void *recibir_buffer(int *size,
                     int conexion);

/**
 * @brief Recibe el texto de un MENSAJE y lo anota en el log: `Me llego el mensaje ...` (info).
 *
 * Sin commons o sin `logger`, lo imprime en la salida del programa. Para quedarse con el texto está `tp0_recibir_mensaje()`.
 *
 * @param conexion La conexión, después de que `recibir_operacion()` dio MENSAJE.
 * @return 0, o -1.
 * @note errno: ECONNRESET si se cortó, EPROTO si llegó un tamaño negativo, EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si
 *       el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el SO_RCVTIMEO que puso el programa, ENOMEM,
 *       EBADF, ENOTCONN si nunca se conectó, EINVAL si es el que escucha. Ante un error, la conexión se termina.
 * @note Hilos: como `recibir_operacion()`.
 * @note Memoria: no hay nada que liberar.
 * @note Fuente: es la función del TP0 (ahí no devuelve nada).
 */
int recibir_mensaje(int conexion);

/**
 * @brief Recibe los valores de un PAQUETE, como una lista de commons.
 *
 * Después de `recibir_operacion()` lee lo que falta. Sin ella recibe un mensaje entero: de un PAQUETE, sus valores; de un
 * MENSAJE, una lista con su texto. Así alcanza con seis funciones para conversar.
 *
 * La lista no dice cuánto mide cada valor: si no son textos, tienen que ser de un tamaño conocido.
 *
 * @param conexion La conexión.
 * @return La lista, con cada valor en su propia memoria y un `'\0'` escondido detrás. Nunca NULL (salvo que no haya memoria): ante
 *         un error, o cuando el otro terminó, es la lista vacía y `tp0_error()` no es NULL.
 * @note errno: 0 si el otro terminó entre un mensaje y otro, ECONNRESET si se cortó, EPROTO si los largos no cierran, EMSGSIZE si pasa de
 *       `TP0_TAMANIO_MAXIMO` (64 MiB) o si sus valores, cada uno en su propia memoria, ocuparían más de cuatro veces eso, ETIMEDOUT si el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el SO_RCVTIMEO
 *       que puso el programa, ENOMEM, EBADF, ENOTCONN si nunca se conectó, EINVAL si es el que escucha. Ante un error, la conexión se
 *       termina.
 * @note Hilos: como `recibir_operacion()`.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `tp0_liberar_lista()` o con
 *       `list_destroy_and_destroy_elements(lista, free)`.
 * @note Fuente: es la función del TP0.
 * @warning Si el programa lee por su cuenta el código de operación de un PAQUETE vacío, se lo confunde con el comienzo de otro mensaje.
 *
 * @code
 * t_list *valores = recibir_paquete(conexion);
 * while (tp0_error() == NULL) {       // hasta que el otro termine
 *     for (t_link_element *v = valores->head; v != NULL; v = v->next)
 *         puts(v->data);
 *     tp0_liberar_lista(valores);
 *     valores = recibir_paquete(conexion);
 * }
 * tp0_liberar_lista(valores);
 * @endcode
 */
t_list *recibir_paquete(int conexion);

#endif

/**
 * @brief Recibe un mensaje entero, en una sola llamada: código de operación y payload.
 *
 * Después de `recibir_operacion()` recibe sólo lo que falta.
 *
 * @param conexion La conexión.
 * @return El mensaje, o NULL cuando el otro terminó o hubo un error. Detrás de su payload hay un `'\0'` escondido.
 * @note errno: 0 si el otro terminó entre un mensaje y otro, ECONNRESET si se cortó, EPROTO si llegó un código o un tamaño negativo, EMSGSIZE
 *       si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el
 *       SO_RCVTIMEO que puso el programa (y si había llegado algo, la conexión se termina), ENOMEM, EBADF, ENOTCONN si nunca se conectó,
 *       EINVAL si es el que escucha. Ante un error que no sea EAGAIN, la conexión se termina.
 * @note Hilos: como `recibir_operacion()`.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `eliminar_paquete()`.
 * @note Sus datos se leen con `tp0_valores()` o con las funciones `buffer_read_*` sobre su `buffer`, o como texto.
 *
 * @code
 * t_paquete *paquete;
 * while ((paquete = tp0_recibir(cliente)) != NULL) {
 *     switch ((int)paquete->codigo_operacion) {
 *     case MENSAJE:
 *         puts(paquete->buffer->stream);
 *         break;
 *     case CREAR_PROCESO:
 *         crear_proceso(buffer_read_uint32(paquete->buffer));
 *         break;
 *     }
 *     eliminar_paquete(paquete);
 * }
 * @endcode
 */
t_paquete *tp0_recibir(int conexion);

/**
 * @brief Recibe un MENSAJE entero y devuelve su texto.
 *
 * Después de `recibir_operacion()` recibe sólo lo que falta.
 *
 * @param conexion La conexión.
 * @return El texto, o NULL cuando el otro terminó o hubo un error.
 * @note errno: los de `tp0_recibir()`; EPROTO también si llegó un mensaje con otro código: se lo descarta y la conexión sigue.
 * @note Hilos: como `recibir_operacion()`.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `free()`.
 *
 * @code
 * char *texto;
 * while ((texto = tp0_recibir_mensaje(conexion)) != NULL) {
 *     puts(texto);
 *     free(texto);
 * }
 * @endcode
 */
char *tp0_recibir_mensaje(int conexion);

/**
 * @brief Los valores de un PAQUETE ya recibido, como una lista de commons. Se copian.
 *
 * @param paquete Lo que devolvió `tp0_recibir()`. No lo cambia ni lo libera.
 * @return La lista, o NULL. Cada valor lleva un `'\0'` escondido detrás.
 * @note errno: EPROTO si los largos no cierran, EMSGSIZE si sus valores ocuparían más de cuatro veces `TP0_TAMANIO_MAXIMO` (64 MiB), EINVAL
 *       (NULL, o mal armado, o la variable lo está), ENOMEM.
 * @note Hilos: como `crear_paquete()`.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `tp0_liberar_lista()`.
 *
 * @code
 * t_paquete *paquete = tp0_recibir(cliente);
 * t_list *valores = tp0_valores(paquete);
 * if (valores != NULL)
 *     printf("llegaron %d valores\n", valores->elements_count);
 * tp0_liberar_lista(valores);
 * eliminar_paquete(paquete);
 * @endcode
 */
t_list *tp0_valores(const t_paquete *paquete);

/**
 * @brief Libera una lista de las que devuelve `recibir_paquete()`: la lista, sus nodos y sus valores.
 *
 * @param lista La lista. NULL no hace nada.
 * @note errno: no falla.
 * @note Hilos: la puede llamar cualquiera, con una lista que nadie más usa. No bloquea.
 */
void tp0_liberar_lista(t_list *lista);

/* ============================================================================================
 *  4. Enviar
 * ============================================================================================ */

#ifndef TP0_SIN_NOMBRES
/**
 * @brief Envía un texto: un MENSAJE, con su `'\0'`.
 *
 * @param mensaje El texto. Puede ser vacío.
 * @param conexion La conexión.
 * @return 0, o -1.
 * @note errno: EPIPE si el otro ya no está (nunca SIGPIPE), EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si el otro dejó de
 *       responder (`tp0_opciones_keepalive()`), EINVAL (NULL, o es el que escucha), EBADF si no es un socket abierto, ENOTCONN si nunca se
 *       conectó, EAGAIN si venció el SO_SNDTIMEO que puso el programa. Si falló a medio enviar, la conexión se termina.
 * @note Hilos: bloquea mientras el otro no reciba y no haya más lugar. Varios pueden enviar por la misma conexión: cada mensaje sale
 *       entero (no si usan dos números del mismo socket, hechos con `dup()`: ahí se mezclan).
 * @note Memoria: no se queda con lo que se le da.
 * @note Fuente: es la función del TP0 (ahí no devuelve nada).
 *
 * @code
 * if (enviar_mensaje("hola", conexion) == -1)
 *     fprintf(stderr, "%s\n", tp0_error());
 * @endcode
 */
int enviar_mensaje(const char *mensaje,
                   int conexion);

/**
 * @brief Un PAQUETE vacío, al que se le agregan valores.
 *
 * Para un código de operación propio, cambiar `codigo_operacion`.
 *
 * @return El paquete, o NULL.
 * @note errno: ENOMEM.
 * @note Hilos: la puede llamar cualquiera. No bloquea. Un paquete es de un hilo por vez.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `eliminar_paquete()`.
 * @note Fuente: es la función del TP0.
 *
 * @code
 * t_paquete *paquete = crear_paquete();
 * agregar_a_paquete(paquete, "hola", strlen("hola") + 1);
 * agregar_a_paquete(paquete, &edad, sizeof(edad));
 * enviar_paquete(paquete, conexion);
 * eliminar_paquete(paquete);
 * @endcode
 */
t_paquete *crear_paquete(void);

/**
 * @brief El nombre de `crear_paquete()` en un TP0 más viejo.
 *
 * @return El paquete, o NULL.
 * @note errno: ENOMEM.
 * @note Hilos: como `crear_paquete()`.
 * @note Memoria: como `crear_paquete()`.
 * @note Fuente: es la función de un TP0 más viejo.
 *
 * @code
 * t_paquete *paquete = crear_super_paquete();
 * agregar_a_paquete(paquete, &edad, sizeof(edad));
 * enviar_paquete(paquete, conexion);
 * eliminar_paquete(paquete);
 * @endcode
 */
t_paquete *crear_super_paquete(void);

/**
 * @brief Le pone a un paquete un buffer nuevo y vacío. El que tuviera no se libera. `crear_paquete()` ya lo hace.
 *
 * @param paquete El paquete. Si falla, su buffer queda en NULL.
 * @note errno: ENOMEM, EINVAL (NULL).
 * @note Hilos: como `crear_paquete()`.
 * @note Memoria: lo libera `eliminar_paquete()`, si los dos son de malloc.
 * @note Fuente: es la función del TP0.
 *
 * @code
 * t_paquete *paquete = malloc(sizeof(t_paquete));
 * paquete->codigo_operacion = PAQUETE;
 * crear_buffer(paquete);
 * @endcode
 */
void crear_buffer(t_paquete *paquete);

/**
 * @brief Agrega un valor al final de un paquete: su tamaño y sus bytes. Se copian.
 *
 * Agregar n valores cuesta O(n).
 *
 * @param paquete El paquete.
 * @param valor Los bytes. Si el tamaño es 0 no se mira.
 * @param tamanio Cuántos son. De un texto, `strlen(texto) + 1`: con `sizeof` de un puntero siempre son 8.
 * @return 0, o -1 (y entonces el paquete queda como estaba).
 * @note errno: EINVAL (NULL, tamaño negativo, paquete mal armado), EMSGSIZE si el total no entra en un `int`, ENOMEM.
 * @note Hilos: como `crear_paquete()`.
 * @note Memoria: no se queda con lo que se le da.
 * @note Fuente: es la función del TP0 (ahí no devuelve nada).
 */
int agregar_a_paquete(t_paquete *paquete,
                      const void *valor,
                      int tamanio);

/**
 * @brief Envía un paquete.
 *
 * @param paquete El paquete. Después de enviarlo se puede volver a usar.
 * @param conexion La conexión.
 * @return 0, o -1.
 * @note errno: los de `enviar_mensaje()`; EINVAL también si el paquete no tiene buffer o su código de operación es negativo.
 * @note Hilos: como `enviar_mensaje()`.
 * @note Memoria: no libera el paquete.
 * @note Fuente: es la función del TP0 (ahí no devuelve nada).
 */
int enviar_paquete(t_paquete *paquete,
                   int conexion);

/**
 * @brief Libera un paquete y su buffer.
 *
 * @param paquete El paquete, con todo de malloc. NULL no hace nada.
 * @note errno: no falla.
 * @note Hilos: la puede llamar cualquiera, con un paquete que nadie más usa. No bloquea.
 * @note Fuente: es la función del TP0.
 */
void eliminar_paquete(t_paquete *paquete);

#endif

/**
 * @brief Envía el mismo paquete a muchas conexiones, sin que la que no lee demore a las demás.
 *
 * A la que no le entra nada ahora no se le envía, y sigue abierta (EAGAIN); la que pasa un segundo sin avanzar, a medio recibir, se
 * termina (ETIMEDOUT). A la que está más de una vez, también con otro número (un `dup()`), le llega una sola: las demás fallan (EINVAL).
 *
 * @param conexiones Los descriptores.
 * @param cantidad Cuántos son.
 * @param paquete El paquete. No lo libera.
 * @param errores Donde se deja el errno de cada una, en el mismo orden; 0 es que anduvo. NULL: no interesa.
 * @return Cuántas fallaron, o -1 si no se pudo ni empezar. `tp0_error()` dice qué le pasó a la primera que falló.
 * @note errno: EINVAL (NULL, cantidad negativa, paquete mal armado), ENOMEM. Los de cada conexión, en `errores`, son los de
 *       `enviar_mensaje()`.
 * @note Hilos: la puede llamar cualquiera. Bloquea mientras alguna siga recibiendo su parte.
 *
 * @code
 * int errores[cantidad];
 * if (tp0_difundir(clientes, cantidad, paquete, errores) > 0)
 *     for (int i = 0; i < cantidad; i++)
 *         if (errores[i] != 0)
 *             printf("al %d, no: %s\n", clientes[i], strerror(errores[i]));
 * @endcode
 */
int tp0_difundir(const int *conexiones,
                 int cantidad,
                 t_paquete *paquete,
                 int *errores);

/**
 * @brief Si el otro lado sigue ahí. No consume nada ni espera.
 *
 * @param conexion La conexión.
 * @return 1 si sigue, 0 si ya cerró (puede quedar algo suyo por recibir), o -1.
 * @note errno: EBADF si no es un socket abierto, EINVAL si es el que escucha, ENOTCONN si nunca se conectó.
 * @note Hilos: la puede llamar cualquiera. No bloquea.
 *
 * @code
 * if (tp0_conexion_activa(cliente) != 1)
 *     puts("el cliente se fue");
 * @endcode
 */
int tp0_conexion_activa(int conexion);

#ifndef TP0_SIN_NOMBRES
/**
 * @brief Un paquete como va a viajar: código de operación, tamaño y payload.
 *
 * Para enviar no hace falta: está `enviar_paquete()`.
 *
 * @param paquete El paquete.
 * @param bytes Cuánto mide: `paquete->buffer->size + 2 * sizeof(int)`. Si es más, lo que sobra va en 0.
 * @return Los bytes, o NULL.
 * @note errno: EINVAL (NULL, paquete mal armado, o `bytes` no alcanza), ENOMEM.
 * @note Hilos: como `crear_paquete()`.
 * @note Memoria: una vez que se dejen de usar, se deben liberar con `free()`.
 * @note Fuente: es la función del TP0.
 *
 * @code
 * int bytes = paquete->buffer->size + 2 * sizeof(int);
 * void *a_enviar = serializar_paquete(paquete, bytes);
 * send(conexion, a_enviar, bytes, MSG_NOSIGNAL);
 * free(a_enviar);
 * @endcode
 */
void *serializar_paquete(t_paquete *paquete,
                         int bytes);

#endif

/* ============================================================================================
 *  5. Qué salió mal
 * ============================================================================================ */

/**
 * @brief Qué salió mal en la última llamada de este hilo, en una línea: los valores, la causa y qué probar.
 *
 * Con un final normal de la conversación también hay texto, y errno es 0.
 *
 * La falla que nadie leyó se cuenta sola, una vez, cuando el programa usa el -1 o el NULL que le dieron: `crear_conexion: ...`, con log_error
 * si hay commons y `logger`; si no (o si quien lo usa es `liberar_conexion()` o `tp0_detener()`), en la salida de errores.
 *
 * @return El texto, o NULL si esa llamada anduvo.
 * @note errno: no falla, y no cambia `errno`.
 * @note Hilos: cada uno tiene el suyo. No bloquea. Se puede llamar varias veces.
 * @note Memoria: no se libera; vale hasta la próxima llamada de este hilo que falle.
 *
 * @code
 * if (recibir_operacion(conexion) == -1 && errno != 0)
 *     fprintf(stderr, "%s\n", tp0_error());
 * @endcode
 */
const char *tp0_error(void);

/**
 * @brief La versión de la biblioteca que está corriendo, como "0.1.0". La del header con que se compiló es `TP0_VERSION`.
 *
 * @return El texto.
 * @note errno: no falla, y no cambia `errno`.
 * @note Hilos: la puede llamar cualquiera. No bloquea.
 * @note Memoria: no se libera.
 *
 * @code
 * if (strcmp(tp0_version(), TP0_VERSION) != 0)
 *     printf("compilado con %s, corre %s\n", TP0_VERSION, tp0_version());
 * @endcode
 */
const char *tp0_version(void);

/* ============================================================================================
 *  6. Opciones
 * ============================================================================================ */

/**
 * @brief Opciones nuevas, con lo que diga el entorno (`TP0_HANDSHAKE`, `TP0_ESPERA_MS`, `TP0_TAMANIO_MAXIMO`).
 *
 * @return Las opciones, o NULL.
 * @note errno: EINVAL (variable de entorno que no se entiende), ENOMEM.
 * @note Hilos: la puede llamar cualquiera. No bloquea. Unas opciones son de un hilo por vez.
 * @note Memoria: una vez que se dejen de usar, se deben liberar con `tp0_opciones_destruir()`. Las funciones que las reciben no se las
 *       quedan.
 *
 * @code
 * tp0_opciones *opciones = tp0_opciones_crear();
 * tp0_opciones_handshake(opciones, SOY_CPU);
 * tp0_opciones_espera_ms(opciones, 2000);
 * tp0_opciones_reintentos_ms(opciones, 10000);   // por si no se levantó
 * tp0_opciones_keepalive(opciones, 30);
 * int kernel = tp0_crear_conexion(ip, puerto, opciones);
 * tp0_opciones_destruir(opciones);
 * @endcode
 */
tp0_opciones *tp0_opciones_crear(void);

/**
 * @brief Libera unas opciones.
 *
 * @param opciones Las opciones. NULL no hace nada.
 * @note errno: no falla.
 * @note Hilos: como `tp0_opciones_crear()`.
 */
void tp0_opciones_destruir(tp0_opciones *opciones);

/**
 * @brief Un solo valor de handshake: el que muestra el cliente, o el único que acepta el servidor. Sin esto, 1.
 *
 * @param opciones Las opciones.
 * @param valor El valor.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL).
 * @note Hilos: como `tp0_opciones_crear()`.
 */
int tp0_opciones_handshake(tp0_opciones *opciones,
                           int32_t valor);

/**
 * @brief Los valores de handshake que acepta un servidor: `tp0_esperar_cliente()` y `tp0_handshake()` dicen cuál mostró cada cliente.
 *
 * @param opciones Las opciones. De un cliente, muestra el primer valor.
 * @param valores Los valores. Se copian.
 * @param cantidad Cuántos: de 1 a 32.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL o cantidad fuera de rango).
 * @note Hilos: como `tp0_opciones_crear()`.
 *
 * @code
 * const int32_t modulos[] = { SOY_KERNEL, SOY_CPU };
 * tp0_opciones *opciones = tp0_opciones_crear();
 * tp0_opciones_handshakes(opciones, modulos, 2);
 * tp0_opciones_clientes_maximos(opciones, 10);
 * tp0_opciones_cierre_ms(opciones, 500);
 * int servidor = tp0_iniciar_servidor_con(NULL, puerto, opciones);
 * tp0_opciones_destruir(opciones);
 * @endcode
 */
int tp0_opciones_handshakes(tp0_opciones *opciones,
                            const int32_t *valores,
                            int cantidad);

/**
 * @brief Un servidor que acepta clientes con handshake y sin él.
 *
 * Exactamente los 4 bytes de `valor` son un handshake; un header posible, o silencio hasta que venza la espera, un cliente sin
 * handshake.
 *
 * @param opciones Las opciones. De un cliente, muestra el valor.
 * @param valor El valor.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL).
 * @note Hilos: como `tp0_opciones_crear()`.
 * @warning Un handshake enviado junto con el primer mensaje, o un header partido justo después de 4 bytes, se confunden.
 *
 * @code
 * tp0_opciones *opciones = tp0_opciones_crear();
 * tp0_opciones_handshake_opcional(opciones, 1);
 * int servidor = tp0_iniciar_servidor_con(NULL, puerto, opciones);
 * tp0_opciones_destruir(opciones);
 * @endcode
 */
int tp0_opciones_handshake_opcional(tp0_opciones *opciones,
                                    int32_t valor);

/**
 * @brief Sin handshake, de ningún lado: para hablar con un TP0 que no lo tiene.
 *
 * @param opciones Las opciones.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL).
 * @note Hilos: como `tp0_opciones_crear()`.
 *
 * @code
 * tp0_opciones *opciones = tp0_opciones_crear();
 * tp0_opciones_sin_handshake(opciones);
 * tp0_opciones_tamanio_maximo(opciones, 1024 * 1024);      // 1 MiB
 * int conexion = tp0_crear_conexion(ip, puerto, opciones);
 * tp0_opciones_destruir(opciones);
 * @endcode
 */
int tp0_opciones_sin_handshake(tp0_opciones *opciones);

/**
 * @brief Cuánto se espera a que se conecte y a que termine el handshake. Sin esto, 5000.
 *
 * @param opciones Las opciones.
 * @param ms Milisegundos; 0: lo que haga falta.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL o negativo).
 * @note Hilos: como `tp0_opciones_crear()`.
 */
int tp0_opciones_espera_ms(tp0_opciones *opciones, int ms);

/**
 * @brief El mayor payload que se envía o recibe. Sin esto, 67108864 (64 MiB).
 *
 * @param opciones Las opciones.
 * @param bytes Desde 1.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL o fuera de rango).
 * @note Hilos: como `tp0_opciones_crear()`.
 */
int tp0_opciones_tamanio_maximo(tp0_opciones *opciones, int bytes);

/**
 * @brief Si nadie escucha todavía, cuánto se sigue intentando: el servidor puede no estar levantado. Sin esto, no se reintenta.
 *
 * @param opciones Las opciones, de un cliente.
 * @param ms Milisegundos.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL o negativo).
 * @note Hilos: como `tp0_opciones_crear()`.
 */
int tp0_opciones_reintentos_ms(tp0_opciones *opciones,
                               int ms);

/**
 * @brief En cuántos segundos, a lo sumo, se nota que el otro lado desapareció sin avisar (un cable desconectado): recibir da -1 con
 * ETIMEDOUT. Sin esto, nunca.
 *
 * También termina la conexión con quien, en ese tiempo, no lee nada de lo que se le manda.
 *
 * @param opciones Las opciones.
 * @param segundos De 3 a 32767; 0: nunca.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL o fuera de rango).
 * @note Hilos: como `tp0_opciones_crear()`.
 */
int tp0_opciones_keepalive(tp0_opciones *opciones,
                           int segundos);

/**
 * @brief Cuántos clientes atiende `tp0_atender()` a la vez, a lo sumo: los demás esperan en la cola del sistema. Sin esto, los que haya.
 *
 * @param opciones Las opciones, de un servidor.
 * @param cuantos Desde 1; 0: los que haya.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL o negativo).
 * @note Hilos: como `tp0_opciones_crear()`.
 */
int tp0_opciones_clientes_maximos(tp0_opciones *opciones,
                                  int cuantos);

/**
 * @brief Cuánto da `tp0_detener()` a los clientes que quedan antes de cortarlos. Sin esto, 2000.
 *
 * @param opciones Las opciones, de un servidor.
 * @param ms Milisegundos.
 * @return 0, o -1.
 * @note errno: EINVAL (NULL o negativo).
 * @note Hilos: como `tp0_opciones_crear()`.
 */
int tp0_opciones_cierre_ms(tp0_opciones *opciones, int ms);

/**
 * @brief Como `tp0_iniciar_servidor()`, con opciones.
 *
 * @param ip La IP donde escuchar, o NULL.
 * @param puerto El puerto, o NULL.
 * @param opciones Las opciones, o NULL: las del entorno. Se copian: se pueden liberar enseguida.
 * @return El descriptor que escucha, o -1.
 * @note errno: los de `tp0_iniciar_servidor()`.
 * @note Hilos: como `tp0_iniciar_servidor()`.
 * @note Memoria: como `tp0_iniciar_servidor()`.
 */
int tp0_iniciar_servidor_con(const char *ip,
                             const char *puerto,
                             const tp0_opciones *opciones);

/**
 * @brief Como `crear_conexion()`, con opciones.
 *
 * @param ip La IP del servidor o su nombre.
 * @param puerto Su puerto.
 * @param opciones Las opciones, o NULL: las del entorno. Se copian: se pueden liberar enseguida.
 * @return El descriptor de la conexión, o -1.
 * @note errno: los de `crear_conexion()`.
 * @note Hilos: la puede llamar cualquiera. Bloquea a lo sumo lo que digan `tp0_opciones_reintentos_ms()` y `tp0_opciones_espera_ms()`.
 * @note Memoria: como `crear_conexion()`.
 */
int tp0_crear_conexion(const char *ip,
                       const char *puerto,
                       const tp0_opciones *opciones);

/* ============================================================================================
 *  7. Muchos clientes a la vez
 * ============================================================================================ */

/**
 * @brief Atiende a muchos clientes a la vez: llama a `funcion` con cada uno, en un hilo propio, y libera su conexión cuando ella vuelve.
 *
 * Un cliente lento, caído o que manda basura no molesta a los demás. Si se acaban los descriptores o los hilos, espera a que
 * se libere alguno (lo dice una vez en el log), sin saludar a quien nadie puede atender, y sigue. Vuelve cuando otro hilo llama a
 * `tp0_detener()`, que además libera el servidor; si vuelve por otra cosa, también por una señal, el servidor sigue escuchando: se lo puede
 * volver a atender, y si no, hay que liberarlo con `liberar_conexion()`.
 *
 * @param servidor Lo que devolvió `iniciar_servidor()`.
 * @param funcion Lo que se hace con cada cliente. Corre en varios hilos a la vez: lo que compartan se protege. Puede volver cuando quiera, o
 *        terminar su hilo con `pthread_exit()`, o separarlo con `pthread_detach()`. No hace falta que libere el descriptor; si lo hace, no pasa nada.
 * @param contexto Se le pasa a cada una, tal cual. Puede ser NULL.
 * @return 0 cuando se la detuvo, o -1.
 * @note errno: EINTR si corrió un manejador de señal instalado sin SA_RESTART (así Ctrl-C puede terminar un servidor), EINVAL (función
 *       NULL, ya se lo está atendiendo, o no es un servidor), EBADF si no es un socket abierto, o si ya se lo detuvo, ENOMEM. También con
 *       error, antes de volver da a los clientes que quedan el plazo de cierre, los corta y espera a sus hilos.
 * @note Hilos: bloquea. Cuando vuelve, ya no queda ningún hilo suyo.
 *
 * @code
 * static void atender(int cliente, void *contexto) {
 *     char *texto;
 *     (void)contexto;
 *     while ((texto = tp0_recibir_mensaje(cliente)) != NULL) {
 *         enviar_mensaje(texto, cliente);
 *         free(texto);
 *     }
 * }
 *
 * int main(void) {
 *     int servidor = iniciar_servidor();
 *     if (tp0_atender(servidor, atender, NULL) == 0) return 0;
 *     fprintf(stderr, "%s\n", tp0_error());
 *     liberar_conexion(servidor);    // nadie la detuvo: sigue abierto
 *     return 1;
 * }
 * @endcode
 */
int tp0_atender(int servidor,
                tp0_funcion_de_cliente funcion,
                void *contexto);

/**
 * @brief Detiene un servidor y lo libera. Si lo está atendiendo `tp0_atender()`, la termina.
 *
 * Ya no acepta a nadie; a los clientes que quedan les da un plazo (`tp0_opciones_cierre_ms()`, 2 segundos), después los corta, espera a que
 * sus funciones vuelvan, y el puerto queda libre.
 *
 * @param servidor El descriptor que escucha. Queda liberado.
 * @return 0, o -1.
 * @note errno: EBADF si no es un socket abierto, o si ya se lo detuvo.
 * @note Hilos: bloquea hasta que todo terminó; llamada desde la función de un cliente, del servidor que sea, sólo lo pide. No se puede llamar desde un manejador
 *       de señal: ahí alcanza con instalarlo sin SA_RESTART.
 *
 * @code
 * static void *hasta_enter(void *servidor) {       // en otro hilo
 *     getchar();
 *     tp0_detener(*(int *)servidor);
 *     return NULL;
 * }
 * @endcode
 */
int tp0_detener(int servidor);

/* ============================================================================================
 *  8. Serializar
 * ============================================================================================ */

/**
 * @brief Un buffer con lugar para `size` bytes, en 0, listo para escribir desde el comienzo.
 *
 * Escribir más de lo reservado lo agranda; con `buffer_create(0)` no hace falta sumar tamaños.
 *
 * @param size Bytes reservados. Los que no se escriban viajan en 0.
 * @return El buffer, o NULL.
 * @note errno: ENOMEM, EMSGSIZE si no entra en un `int`.
 * @note Hilos: la puede llamar cualquiera. No bloquea. Un buffer es de un hilo por vez.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `buffer_destroy()`.
 * @note Fuente: es la función de la guía de serialización.
 * @warning Un payload se arma con estas funciones o con `agregar_a_paquete()`, no con las dos: éstas escriben en `offset` y aquélla al final.
 *
 * @code
 * t_buffer *buffer = buffer_create(0);
 * buffer_add_uint32(buffer, persona->dni);
 * buffer_add_uint8(buffer, persona->edad);
 * buffer_add_string(buffer, strlen(persona->nombre) + 1, persona->nombre);
 * t_paquete paquete = { .codigo_operacion = PERSONA, .buffer = buffer };
 * enviar_paquete(&paquete, conexion);
 * buffer_destroy(buffer);
 * @endcode
 */
t_buffer *buffer_create(uint32_t size);

/**
 * @brief Libera un buffer y su stream.
 *
 * @param buffer El buffer, con todo de malloc. NULL no hace nada.
 * @note errno: no falla.
 * @note Hilos: la puede llamar cualquiera, con un buffer que nadie más usa. No bloquea.
 * @note Fuente: es la función de la guía de serialización.
 */
void buffer_destroy(t_buffer *buffer);

/**
 * @brief Escribe bytes en `offset`, y lo avanza. Si no entran, agranda el buffer.
 *
 * @param buffer El buffer.
 * @param data Los bytes. Se copian.
 * @param size Cuántos.
 * @return 0, o -1 (y entonces el buffer queda como estaba).
 * @note errno: EINVAL (NULL, buffer mal armado), EMSGSIZE si no entra en un `int`, ENOMEM.
 * @note Hilos: como `buffer_create()`.
 * @note Fuente: es la función de la guía de serialización.
 * @warning Un struct no se escribe entero: tiene relleno entre sus campos, y sus punteros no valen en otro proceso.
 *
 * @code
 * uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
 * buffer_add(buffer, mac, sizeof(mac));
 * @endcode
 */
int buffer_add(t_buffer *buffer,
               const void *data,
               uint32_t size);

/**
 * @brief Lee bytes desde `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data Donde se dejan. Si no quedan tantos no se escribe nada.
 * @param size Cuántos.
 * @return 0, o -1.
 * @note errno: EPROTO si no quedan tantos (el texto dice cuántos quedaban), EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 * @note Fuente: es la función de la guía de serialización.
 *
 * @code
 * uint8_t mac[6];
 * if (buffer_read(paquete->buffer, mac, sizeof(mac)) == -1)
 *     fprintf(stderr, "%s\n", tp0_error());
 * @endcode
 */
int buffer_read(t_buffer *buffer,
                void *data,
                uint32_t size);

/**
 * @brief Escribe un `uint32_t`: 4 bytes, en `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data El dato.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 * @note Fuente: es la función de la guía de serialización.
 */
int buffer_add_uint32(t_buffer *buffer, uint32_t data);

/**
 * @brief Escribe un `uint8_t`: 1 byte, en `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data El dato.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 * @note Fuente: es la función de la guía de serialización.
 */
int buffer_add_uint8(t_buffer *buffer, uint8_t data);

/**
 * @brief Escribe un `int32_t`: 4 bytes, en `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data El dato.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 *
 * @code
 * t_buffer *buffer = buffer_create(0);
 * buffer_add_int32(buffer, proceso->prioridad);
 * buffer_add_uint64(buffer, proceso->bytes_de_memoria);
 * buffer_add_int64(buffer, proceso->desplazamiento);
 * buffer_add_double(buffer, proceso->rafaga_estimada);
 * buffer_add_bool(buffer, proceso->suspendido);
 * t_paquete paquete = { CREAR_PROCESO, buffer };
 * enviar_paquete(&paquete, conexion);
 * buffer_destroy(buffer);
 * @endcode
 */
int buffer_add_int32(t_buffer *buffer, int32_t data);

/**
 * @brief Escribe un `uint64_t`: 8 bytes, en `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data El dato.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 */
int buffer_add_uint64(t_buffer *buffer, uint64_t data);

/**
 * @brief Escribe un `int64_t`: 8 bytes, en `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data El dato.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 */
int buffer_add_int64(t_buffer *buffer, int64_t data);

/**
 * @brief Escribe un `double`: 8 bytes (IEEE 754), en `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data El dato.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 */
int buffer_add_double(t_buffer *buffer, double data);

/**
 * @brief Escribe un `bool`: 1 byte, 0 o 1, en `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @param data El dato.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 */
int buffer_add_bool(t_buffer *buffer, bool data);

/**
 * @brief Escribe un texto: su largo, en un `uint32_t`, y sus bytes.
 *
 * @param buffer El buffer.
 * @param length Cuántos bytes del texto: `strlen(string) + 1`, para que viaje también su `'\0'`.
 * @param string El texto. Se copia.
 * @return 0, o -1.
 * @note errno: los de `buffer_add()`.
 * @note Hilos: como `buffer_create()`.
 * @note Fuente: es la función de la guía de serialización.
 */
int buffer_add_string(t_buffer *buffer, uint32_t length, const char *string);

/**
 * @brief Lee un `uint32_t` desde `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
 * @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 * @note Fuente: es la función de la guía de serialización.
 *
 * @code
 * t_paquete *paquete = tp0_recibir(cliente);     // una PERSONA
 * if (paquete != NULL) {
 *     persona->dni = buffer_read_uint32(paquete->buffer);
 *     persona->edad = buffer_read_uint8(paquete->buffer);
 *     persona->nombre = buffer_read_string(paquete->buffer, NULL);
 * }
 * if (tp0_error() != NULL) puts(tp0_error());    // no estaba entera
 * eliminar_paquete(paquete);
 * @endcode
 */
uint32_t buffer_read_uint32(t_buffer *buffer);

/**
 * @brief Lee un `uint8_t` desde `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
 * @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 * @note Fuente: es la función de la guía de serialización.
 */
uint8_t buffer_read_uint8(t_buffer *buffer);

/**
 * @brief Lee un `int32_t` desde `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
 * @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 *
 * @code
 * t_buffer *buffer = paquete->buffer;    // se lee como se escribió
 * proceso->prioridad = buffer_read_int32(buffer);
 * proceso->bytes_de_memoria = buffer_read_uint64(buffer);
 * proceso->desplazamiento = buffer_read_int64(buffer);
 * proceso->rafaga_estimada = buffer_read_double(buffer);
 * proceso->suspendido = buffer_read_bool(buffer);
 * @endcode
 */
int32_t buffer_read_int32(t_buffer *buffer);

/**
 * @brief Lee un `uint64_t` desde `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
 * @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 */
uint64_t buffer_read_uint64(t_buffer *buffer);

/**
 * @brief Lee un `int64_t` desde `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
 * @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 */
int64_t buffer_read_int64(t_buffer *buffer);

/**
 * @brief Lee un `double` desde `offset`, y lo avanza.
 *
 * @param buffer El buffer.
 * @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
 * @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 */
double buffer_read_double(t_buffer *buffer);

/**
 * @brief Lee un `bool` desde `offset`, y lo avanza: cualquier byte que no sea 0 es verdadero.
 *
 * @param buffer El buffer.
 * @return El dato, o 0 si no se pudo, y entonces no lee nada: `tp0_error()` no es NULL.
 * @note errno: EPROTO si no quedan tantos bytes, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`.
 */
bool buffer_read_bool(t_buffer *buffer);

/**
 * @brief Lee un texto: su largo y sus bytes.
 *
 * @param buffer El buffer.
 * @param length Donde se deja su largo, con el `'\0'` si vino. NULL: no interesa. Ante un error, 0.
 * @return El texto, con un `'\0'` escondido detrás, o NULL.
 * @note errno: EPROTO si el largo dice más de lo que queda (y no lee ni el largo), EINVAL (NULL, buffer mal armado), ENOMEM.
 * @note Hilos: como `buffer_create()`.
 * @note Memoria: una vez que se deje de usar, se debe liberar con `free()`.
 * @note Fuente: es la función de la guía de serialización.
 */
char *buffer_read_string(t_buffer *buffer,
                         uint32_t *length);

/**
 * @brief Cuántos bytes quedan por leer; o -1, si alguna lectura del buffer no entró. Alcanza con preguntarlo al final.
 *
 * Si al final da 0, todo lo que se leyó estaba, y no sobró nada. No lee ni cambia nada.
 *
 * @param buffer El buffer.
 * @return Los bytes entre `offset` y el final, o -1 si falló alguna `buffer_read_*` de este hilo sobre él. No se olvida por volver atrás el `offset`:
 *         sí cuando el hilo crea o libera otro buffer o paquete, o recibe.
 * @note errno: EPROTO si una lectura no entró (el texto dice cuántos bytes quedaban y cuántos pedía la primera), ENOMEM si fue un texto para el que no
 *       hubo memoria, EINVAL (NULL, buffer mal armado).
 * @note Hilos: como `buffer_create()`. De a un buffer por vez: de dos que se leen mezclados, y en los que falla algo, se acuerda del último.
 *
 * @code
 * persona->dni = buffer_read_uint32(buffer);
 * persona->edad = buffer_read_uint8(buffer);
 * persona->nombre = buffer_read_string(buffer, NULL);
 * if (buffer_quedan(buffer) != 0) {    // faltó algo, o sobró
 *     free(persona->nombre);
 *     persona->nombre = NULL;
 * }
 * @endcode
 */
int buffer_quedan(t_buffer *buffer);

/* ============================================================================================
 *  9. Las del TP0, con otro nombre
 * ============================================================================================ */

/**
 * @brief `liberar_conexion()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param descriptor Lo que devolvió `iniciar_servidor()`, `esperar_cliente()` o `crear_conexion()`.
 * @return 0, o -1.
 * @note errno: los de `liberar_conexion()`.
 * @note Hilos: como `liberar_conexion()`.
 *
 * @code
 * #define TP0_SIN_NOMBRES
 * #include <tp0.h>
 *
 * // Las de un grupo, con sus argumentos de siempre.
 * int enviar_paquete(int conexion, t_paquete *paquete) {
 *     return tp0_enviar_paquete(paquete, conexion);
 * }
 *
 * void liberar_conexion(int *conexion) {
 *     tp0_liberar_conexion(*conexion);
 *     *conexion = -1;
 * }
 * @endcode
 */
int tp0_liberar_conexion(int descriptor);

/**
 * @brief `recibir_operacion()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param conexion Lo que devolvió `esperar_cliente()` o `crear_conexion()`.
 * @return MENSAJE, PAQUETE u otro código (nunca negativo), o -1.
 * @note errno: los de `recibir_operacion()`.
 * @note Hilos: como `recibir_operacion()`.
 */
int tp0_recibir_operacion(int conexion);

/**
 * @brief `recibir_buffer()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param size Donde se deja el tamaño del payload, en bytes. Ante un error, 0.
 * @param conexion La conexión.
 * @return El payload, o NULL. Lleva un `'\0'` escondido detrás, que no se cuenta: si es un texto, se puede imprimir.
 * @note errno: los de `recibir_buffer()`.
 * @note Hilos: como `recibir_buffer()`.
 * @note Memoria: como `recibir_buffer()`.
 *
 * @code
 * if (tp0_recibir_operacion(cliente) == CREAR_PROCESO) {
 *     int tamanio;
 *     void *payload = tp0_recibir_buffer(&tamanio, cliente);
 *     if (payload != NULL) printf("llegaron %d bytes\n", tamanio);
 *     free(payload);
 * }
 * @endcode
 */
void *tp0_recibir_buffer(int *size, int conexion);

/**
 * @brief `recibir_paquete()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param conexion La conexión.
 * @return La lista, con cada valor en su propia memoria y un `'\0'` escondido detrás. Nunca NULL (salvo que no haya memoria): ante un
 *        error, o cuando el otro terminó, es la lista vacía y `tp0_error()` no es NULL.
 * @note errno: los de `recibir_paquete()`.
 * @note Hilos: como `recibir_paquete()`.
 * @note Memoria: como `recibir_paquete()`.
 *
 * @code
 * t_list *valores = tp0_recibir_paquete(conexion);
 * while (tp0_error() == NULL) {       // hasta que el otro termine
 *     for (t_link_element *v = valores->head; v != NULL; v = v->next)
 *         puts(v->data);
 *     tp0_liberar_lista(valores);
 *     valores = tp0_recibir_paquete(conexion);
 * }
 * tp0_liberar_lista(valores);
 * @endcode
 */
t_list *tp0_recibir_paquete(int conexion);

/**
 * @brief `enviar_mensaje()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param mensaje El texto. Puede ser vacío.
 * @param conexion La conexión.
 * @return 0, o -1.
 * @note errno: los de `enviar_mensaje()`.
 * @note Hilos: como `enviar_mensaje()`.
 * @note Memoria: como `enviar_mensaje()`.
 *
 * @code
 * if (tp0_enviar_mensaje("hola", conexion) == -1)
 *     fprintf(stderr, "%s\n", tp0_error());
 * @endcode
 */
int tp0_enviar_mensaje(const char *mensaje, int conexion);

/**
 * @brief `crear_paquete()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @return El paquete, o NULL.
 * @note errno: los de `crear_paquete()`.
 * @note Hilos: como `crear_paquete()`.
 * @note Memoria: como `crear_paquete()`.
 *
 * @code
 * t_paquete *paquete = tp0_crear_paquete();
 * tp0_agregar_a_paquete(paquete, "hola", strlen("hola") + 1);
 * tp0_agregar_a_paquete(paquete, &edad, sizeof(edad));
 * tp0_enviar_paquete(paquete, conexion);
 * tp0_eliminar_paquete(paquete);
 * @endcode
 */
t_paquete *tp0_crear_paquete(void);

/**
 * @brief `crear_super_paquete()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @return El paquete, o NULL.
 * @note errno: los de `crear_super_paquete()`.
 * @note Hilos: como `crear_super_paquete()`.
 * @note Memoria: como `crear_super_paquete()`.
 *
 * @code
 * t_paquete *paquete = tp0_crear_super_paquete();
 * tp0_agregar_a_paquete(paquete, &edad, sizeof(edad));
 * tp0_enviar_paquete(paquete, conexion);
 * tp0_eliminar_paquete(paquete);
 * @endcode
 */
t_paquete *tp0_crear_super_paquete(void);

/**
 * @brief `crear_buffer()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param paquete El paquete. Si falla, su buffer queda en NULL.
 * @note errno: los de `crear_buffer()`.
 * @note Hilos: como `crear_buffer()`.
 * @note Memoria: como `crear_buffer()`.
 *
 * @code
 * t_paquete *paquete = malloc(sizeof(t_paquete));
 * paquete->codigo_operacion = PAQUETE;
 * tp0_crear_buffer(paquete);
 * @endcode
 */
void tp0_crear_buffer(t_paquete *paquete);

/**
 * @brief `agregar_a_paquete()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param paquete El paquete.
 * @param valor Los bytes. Si el tamaño es 0 no se mira.
 * @param tamanio Cuántos son. De un texto, `strlen(texto) + 1`: con `sizeof` de un puntero siempre son 8.
 * @return 0, o -1 (y entonces el paquete queda como estaba).
 * @note errno: los de `agregar_a_paquete()`.
 * @note Hilos: como `agregar_a_paquete()`.
 * @note Memoria: como `agregar_a_paquete()`.
 */
int tp0_agregar_a_paquete(t_paquete *paquete, const void *valor, int tamanio);

/**
 * @brief `enviar_paquete()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param paquete El paquete. Después de enviarlo se puede volver a usar.
 * @param conexion La conexión.
 * @return 0, o -1.
 * @note errno: los de `enviar_paquete()`.
 * @note Hilos: como `enviar_paquete()`.
 * @note Memoria: como `enviar_paquete()`.
 */
int tp0_enviar_paquete(t_paquete *paquete, int conexion);

/**
 * @brief `eliminar_paquete()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param paquete El paquete, con todo de malloc. NULL no hace nada.
 * @note errno: los de `eliminar_paquete()`.
 * @note Hilos: como `eliminar_paquete()`.
 */
void tp0_eliminar_paquete(t_paquete *paquete);

/**
 * @brief `serializar_paquete()`, con otro nombre: para el programa que tiene una suya con ése.
 *
 * @param paquete El paquete.
 * @param bytes Cuánto mide: `paquete->buffer->size + 2 * sizeof(int)`. Si es más, lo que sobra va en 0.
 * @return Los bytes, o NULL.
 * @note errno: los de `serializar_paquete()`.
 * @note Hilos: como `serializar_paquete()`.
 * @note Memoria: como `serializar_paquete()`.
 *
 * @code
 * int bytes = paquete->buffer->size + 2 * sizeof(int);
 * void *a_enviar = tp0_serializar_paquete(paquete, bytes);
 * send(conexion, a_enviar, bytes, MSG_NOSIGNAL);
 * free(a_enviar);
 * @endcode
 */
void *tp0_serializar_paquete(t_paquete *paquete, int bytes);

#ifdef __cplusplus
}  /* extern "C" */
#endif  /* __cplusplus */

#endif  /* LIBTP0_TP0_H */
