/**
 * @file tp0.h
 * @brief `#include <tp0.h>` - libtp0 0.1.0: la capa de sockets del TP0 de Sistemas Operativos (UTN FRBA).
 *
 * Este archivo es el manual, y lo escribe la compilación de la biblioteca: se lee de arriba para abajo. Se enlaza con `-ltp0`.
 *
 * Un servidor y un cliente enteros:
 * @code
 * int servidor = iniciar_servidor();                          int conexion = crear_conexion("127.0.0.1", "4444");
 * int cliente = esperar_cliente(servidor);                    enviar_mensaje("hola", conexion);
 * while (recibir_operacion(cliente) == MENSAJE)               recibir_operacion(conexion);
 *     recibir_mensaje(cliente), enviar_mensaje("chau", cliente);   recibir_mensaje(conexion);
 * liberar_conexion(cliente);                                  liberar_conexion(conexion);
 * liberar_conexion(servidor);
 * @endcode
 *
 * Reglas, para todas las funciones:
 *  - Errores: devuelven -1 o NULL (`recibir_paquete`, la lista vacía), ponen `errno` y dejan en `tp0_error()` una línea que dice qué
 *    pasó y qué probar. Ningún argumento y nada que llegue por la red puede hacer caer al programa.
 *  - Memoria: lo que devuelven es de malloc y lo libera quien llama, con lo que cada función dice. No se quedan con nada.
 *  - Hilos: se pueden llamar desde cualquiera. Por una conexión pueden enviar varios a la vez (cada mensaje sale entero) y
 *    recibir uno.
 *  - Señales: nunca hay SIGPIPE. Una señal no corta un envío ni una recepción; sí a `esperar_cliente`, según SA_RESTART.
 *  - Descriptores: son los de siempre, sirven para select, poll, send, recv y close; se cierran solos en exec; nunca son 0, 1 ni 2.
 *  - Límite: un payload mide a lo sumo 64 MiB (`TP0_TAMANIO_MAXIMO`).
 *
 * Lo que viaja (enteros de 4 bytes, little-endian):
 * @code
 *  handshake   cliente -> servidor  | 1 |        servidor -> cliente  | 0 |  o  | -1 | y cierra
 *  mensaje     | código de operación | tamaño | tamaño bytes de payload |
 *  MENSAJE     payload = | texto con su '\0' |
 *  PAQUETE     payload = | largo | bytes | largo | bytes | ...
 * @endcode
 *
 * El entorno, que se lee en cada `iniciar_servidor` y `crear_conexion` (un valor que no se entiende es un error, EINVAL):
 *  - `TP0_IP`, `TP0_PUERTO`: dónde escucha `iniciar_servidor` (todas las interfaces, 4444). Puerto 0: uno libre cualquiera.
 *  - `TP0_HANDSHAKE`: otro valor (1); `no`: sin handshake, de ningún lado; `opcional`: el servidor acepta clientes con y sin él.
 *  - `TP0_ESPERA_MS`: plazo de conexión y handshake, en milisegundos (5000); 0: sin plazo.
 *  - `TP0_TAMANIO_MAXIMO`: el mayor payload, en bytes (67108864).
 *
 * Antes de incluirlo se puede definir `TP0_SIN_LOGGER` o `TP0_SIN_OP_CODE`, si el programa tiene su propio `logger` u `op_code`.
 */


#ifndef LIBTP0_TP0_H
#define LIBTP0_TP0_H

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

/** @brief Los códigos de operación del TP0. Un programa puede tener más: cualquier entero que no sea negativo. */
#ifndef TP0_SIN_OP_CODE
typedef enum {
    MENSAJE,
    PAQUETE
} op_code;
#endif

/**
 * @brief El logger global del TP0: si no es NULL y el programa usa las commons, ahí se anota lo que pasa.
 * @note Lo asigna el programa, antes de crear hilos, y lo libera él. Si define el suyo (con `TP0_SIN_LOGGER`), se usa ése.
 */
#ifndef TP0_SIN_LOGGER
#ifdef __cplusplus
extern "C" {
#endif
extern t_log *logger;
#ifdef __cplusplus
}
#endif
#endif

/**
 * @brief Un payload que se arma o se lee.
 *
 * `stream` es de malloc y mide, al menos, `size` bytes.
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
 */
typedef struct {
    /**
     * Qué es: MENSAJE, PAQUETE o uno propio. Nunca negativo.
     */
    op_code codigo_operacion;
    /**
     * El payload.
     */
    t_buffer *buffer;
} t_paquete;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ============================================================================================
 *  1. El servidor
 * ============================================================================================ */

/**
 * @brief Crea el socket del servidor, lo asocia a un puerto y lo deja escuchando: `socket`, `bind` y `listen`.
 *
 * Escucha en todas las interfaces IPv4, o en la IP de `TP0_IP`; en el puerto 4444, o en el de `TP0_PUERTO` (0: uno libre
 * cualquiera; cuál, lo dice `tp0_puerto()`). Pone SO_REUSEADDR: se puede volver a levantar enseguida en el mismo puerto.
 *
 * @return El descriptor que escucha (nunca 0, 1 ni 2), o -1.
 * @note errno: EADDRINUSE (el texto de `tp0_error()` nombra al proceso que tiene el puerto), EACCES (puerto menor que 1024 sin
 *       permiso), EADDRNOTAVAIL (`TP0_IP` no es de esta máquina), EINVAL (variable de entorno que no se entiende), EMFILE.
 * @note No bloquea. La puede llamar cualquier hilo. Una vez que se deje de usar, se debe liberar con `liberar_conexion()`.
 * @note Lo escribe en el log: `Listo para escuchar a mi cliente` (trace). Es la función del TP0.
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

/**
 * @brief Como `iniciar_servidor()`, donde se le diga.
 *
 * @param ip Una IP de esta máquina o un nombre, como "127.0.0.1". NULL: la de `TP0_IP`, o todas las interfaces IPv4.
 * @param puerto Un puerto, de "0" (uno libre cualquiera) a "65535". NULL: el de `TP0_PUERTO`, o 4444.
 * @return El descriptor que escucha, o -1.
 * @note errno: los de `iniciar_servidor()`; EINVAL también si `ip` o `puerto` no lo son; EHOSTUNREACH si el nombre no se conoce.
 * @note Las dos se recortan (blancos y fines de línea) y no se guardan: se pueden liberar enseguida.
 *
 * @code
 * int servidor = tp0_iniciar_servidor(NULL, config_get_string_value(config, "PUERTO_ESCUCHA"));
 * @endcode
 */
int tp0_iniciar_servidor(const char *ip,
                         const char *puerto);

/**
 * @brief El puerto de un descriptor: en el que escucha un servidor, o el propio de una conexión.
 *
 * @param descriptor Lo que devolvió `iniciar_servidor()`, `esperar_cliente()` o `crear_conexion()`.
 * @return El puerto, de 1 a 65535, o -1.
 * @note errno: EBADF si no es un socket abierto, EINVAL si no es de internet. No bloquea; la puede llamar cualquier hilo.
 *
 * @code
 * printf("escuchando en el puerto %d\n", tp0_puerto(servidor));
 * @endcode
 */
int tp0_puerto(int descriptor);

/**
 * @brief Espera a que un cliente se conecte y pase el handshake: `accept`.
 *
 * Al que muestra otro handshake, o no lo termina a tiempo (`TP0_ESPERA_MS`), se le contesta -1, se lo cierra, se lo anota en el log
 * (warning) y se sigue esperando. Los clientes mudos o lentos no demoran a los demás.
 *
 * @param servidor Lo que devolvió `iniciar_servidor()`.
 * @return El descriptor del cliente (nunca 0, 1 ni 2), o -1.
 * @note errno: ECANCELED si otro hilo liberó el servidor, EINTR si corrió un manejador de señal instalado sin SA_RESTART (así Ctrl-C
 *       puede terminar un while), EMFILE si no quedan descriptores, EBADF si no es un socket, EINVAL si no escucha.
 * @note Bloquea. La pueden llamar varios hilos a la vez: cada cliente le toca a uno. Con `select` o `poll` sobre `servidor`, llamarla
 *       una vez por aviso. El cliente, una vez que se deje de usar, se debe liberar con `liberar_conexion()`.
 * @note Lo escribe en el log: `Se conecto un cliente!` (info). Es la función del TP0.
 *
 * @code
 * while (1) {
 *     int cliente = esperar_cliente(servidor);
 *     if (cliente == -1) break;
 *     atender(cliente);            // recibe y contesta por el mismo descriptor
 *     liberar_conexion(cliente);
 * }
 * liberar_conexion(servidor);
 * @endcode
 */
int esperar_cliente(int servidor);

/* ============================================================================================
 *  2. El cliente
 * ============================================================================================ */

/**
 * @brief Conecta con un servidor y hace el handshake: `socket`, `connect`, enviar 1, recibir 0.
 *
 * Anda recién cuando el servidor llega a `esperar_cliente()`: si no llega en `TP0_ESPERA_MS` (5 segundos), falla con ETIMEDOUT. Es la
 * única diferencia con el TP0, que no tiene handshake; con `TP0_HANDSHAKE=no` tampoco lo hay.
 *
 * @param ip La IP del servidor o su nombre, como "127.0.0.1".
 * @param puerto Su puerto, de "1" a "65535".
 * @return El descriptor de la conexión (nunca 0, 1 ni 2), o -1.
 * @note errno: EINVAL (NULL, IP o puerto mal escritos, variable de entorno que no se entiende), EHOSTUNREACH (nombre desconocido,
 *       o no hay camino), ECONNREFUSED (nadie escucha), ETIMEDOUT (no contestó, o no contestó el handshake), EPROTO (rechazó el
 *       handshake, o habla otro protocolo), ECONNRESET (cerró antes de contestarlo), EMFILE.
 * @note Bloquea a lo sumo `TP0_ESPERA_MS`. La puede llamar cualquier hilo. Los textos se recortan (blancos y fines de línea) y no se
 *       guardan. Una vez que se deje de usar, se debe liberar con `liberar_conexion()`. Es la función del TP0.
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
 * @note No bloquea. La puede llamar cualquier hilo. Después de que `recibir_operacion()` devolvió -1, llamarla está bien y no
 *       llamarla también. Es la función del TP0.
 */
int liberar_conexion(int descriptor);

/* ============================================================================================
 *  3. Recibir
 * ============================================================================================ */

/**
 * @brief Espera el próximo mensaje y dice qué es: su código de operación. Lee esos 4 bytes y ni uno más.
 *
 * -1 quiere decir que la conversación terminó: hay que salir del while. El descriptor queda reservado (recv en él da 0)
 * hasta que terminen otras 64 conexiones: liberarlo con `liberar_conexion()` está bien, y no liberarlo también.
 *
 * @param conexion Lo que devolvió `esperar_cliente()` o `crear_conexion()`.
 * @return MENSAJE, PAQUETE u otro código (nunca negativo), o -1.
 * @note errno: 0 si el otro terminó entre un mensaje y otro (no es de temer), ECONNRESET si se cortó, EPROTO si llegó un código
 *       negativo, EBADF si no es un socket abierto, EINVAL si es el que escucha, EAGAIN si venció el SO_RCVTIMEO que puso el
 *       programa (y entonces la conexión sigue).
 * @note Bloquea. Un solo hilo por vez recibe de una conexión; otro puede estar enviando. Es la función del TP0.
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
 *     default: {                    // un código que no se conoce: se descarta su payload
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
 * @note errno: ECONNRESET si se cortó, EPROTO si llegó un tamaño negativo, EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ENOMEM,
 *       EBADF, EINVAL (`size` es NULL). Ante un error, la conexión se termina: el próximo `recibir_operacion()` da -1.
 * @note Bloquea. Una vez que se deje de usar, se debe liberar con `free()`. Es la función del TP0.
 */
void *recibir_buffer(int *size,
                     int conexion);

/**
 * @brief Recibe el texto de un MENSAJE y lo anota en el log: `Me llego el mensaje ...` (info).
 *
 * Sin commons o sin `logger`, lo imprime en la salida del programa.
 *
 * @param conexion La conexión, después de que `recibir_operacion()` dio MENSAJE.
 * @return 0, o -1.
 * @note errno: los de `recibir_buffer()`. Ante un error, la conexión se termina.
 * @note Bloquea. No hay nada que liberar. Es la función del TP0.
 */
int recibir_mensaje(int conexion);

/**
 * @brief Recibe los valores de un PAQUETE, como una lista de commons.
 *
 * Después de `recibir_operacion()` lee lo que falta. Sin ella recibe un mensaje entero: de un PAQUETE, sus valores; de un
 * MENSAJE, una lista con su texto. Así alcanza con seis funciones para conversar.
 *
 * @param conexion La conexión.
 * @return La lista, con cada valor en su propia memoria y un `'\0'` escondido detrás. Nunca NULL (salvo que no haya memoria): ante
 *         un error, o cuando el otro terminó, es la lista vacía y `tp0_error()` no es NULL.
 * @note errno: 0 si el otro terminó entre un mensaje y otro, ECONNRESET si se cortó, EPROTO si los largos no cierran, EMSGSIZE si pasa de
 *       `TP0_TAMANIO_MAXIMO`, ENOMEM, EBADF, EINVAL. Ante un error, la conexión se termina.
 * @note Bloquea. La lista no dice cuánto mide cada valor: si no son textos, tienen que ser de un tamaño conocido.
 * @note Una vez que se deje de usar, se debe liberar con `tp0_liberar_lista()` o con `list_destroy_and_destroy_elements(lista, free)`.
 * @warning Si el programa lee por su cuenta el código de operación de un PAQUETE vacío, se lo confunde con el comienzo de otro mensaje.
 *
 * @code
 * t_list *valores = recibir_paquete(conexion);
 * if (tp0_error() != NULL) {       // terminó
 *     tp0_liberar_lista(valores);
 *     break;
 * }
 * @endcode
 */
t_list *recibir_paquete(int conexion);

/**
 * @brief Libera una lista de las que devuelve `recibir_paquete()`: la lista, sus nodos y sus valores.
 *
 * @param lista La lista. NULL no hace nada.
 */
void tp0_liberar_lista(t_list *lista);

/* ============================================================================================
 *  4. Enviar
 * ============================================================================================ */

/**
 * @brief Envía un texto: un MENSAJE, con su `'\0'`.
 *
 * @param mensaje El texto. Puede ser vacío.
 * @param conexion La conexión.
 * @return 0, o -1.
 * @note errno: EPIPE si el otro ya no está (nunca SIGPIPE), EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), EINVAL (NULL, o es el que
 *       escucha), EBADF si no es un socket abierto, EAGAIN si venció el SO_SNDTIMEO que puso el programa. Si falló a medio
 *       enviar, la conexión se termina.
 * @note Bloquea mientras el otro no reciba y no haya más lugar. Varios hilos pueden enviar por la misma conexión: cada mensaje sale
 *       entero. No se queda con el texto. Es la función del TP0 (ahí no devuelve nada).
 */
int enviar_mensaje(const char *mensaje,
                   int conexion);

/**
 * @brief Un PAQUETE vacío, al que se le agregan valores.
 *
 * @return El paquete, o NULL (errno ENOMEM).
 * @note Una vez que se deje de usar, se debe liberar con `eliminar_paquete()`. Para un código de operación propio, cambiar
 *       `codigo_operacion`. Es la función del TP0.
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
 * @return El paquete, o NULL (errno ENOMEM). Se libera con `eliminar_paquete()`.
 */
t_paquete *crear_super_paquete(void);

/**
 * @brief Le pone a un paquete un buffer nuevo y vacío. El que tuviera no se libera. `crear_paquete()` ya lo hace.
 *
 * @param paquete El paquete.
 * @note errno, si falla (y entonces el buffer queda en NULL): ENOMEM, EINVAL (NULL). Es la función del TP0.
 */
void crear_buffer(t_paquete *paquete);

/**
 * @brief Agrega un valor al final de un paquete: su tamaño y sus bytes. Se copian.
 *
 * @param paquete El paquete.
 * @param valor Los bytes. Si el tamaño es 0 no se mira.
 * @param tamanio Cuántos son. De un texto, `strlen(texto) + 1`: con `sizeof` de un puntero siempre son 8.
 * @return 0, o -1 (y entonces el paquete queda como estaba).
 * @note errno: EINVAL (NULL, tamaño negativo), EMSGSIZE si el total no entra en un `int`, ENOMEM.
 * @note Agregar n valores cuesta O(n). Un paquete es de un hilo por vez. Es la función del TP0 (ahí no devuelve nada).
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
 * @note Bloquea y admite varios hilos como `enviar_mensaje()`. No libera el paquete. Es la función del TP0 (ahí no devuelve nada).
 */
int enviar_paquete(t_paquete *paquete,
                   int conexion);

/**
 * @brief Libera un paquete y su buffer.
 *
 * @param paquete El paquete. NULL no hace nada. Es la función del TP0.
 */
void eliminar_paquete(t_paquete *paquete);

/**
 * @brief Un paquete como va a viajar: código de operación, tamaño y payload.
 *
 * @param paquete El paquete.
 * @param bytes Cuánto mide: `paquete->buffer->size + 2 * sizeof(int)`. Si es más, lo que sobra va en 0.
 * @return Los bytes, o NULL. Una vez que se dejen de usar, se deben liberar con `free()`.
 * @note errno: EINVAL (NULL, o `bytes` no alcanza), ENOMEM. Para enviar no hace falta: está `enviar_paquete()`. Es la función del TP0.
 */
void *serializar_paquete(t_paquete *paquete,
                         int bytes);

/* ============================================================================================
 *  5. Qué salió mal
 * ============================================================================================ */

/**
 * @brief Qué salió mal en la última llamada de este hilo, en una línea: los valores, la causa y qué probar.
 *
 * @return El texto, o NULL si esa llamada anduvo. No se libera; vale hasta la próxima llamada de este hilo que falle.
 * @note No cambia nada: se puede llamar varias veces. Cada hilo tiene el suyo. Con un final normal de la conversación también hay
 *       texto, y errno es 0.
 */
const char *tp0_error(void);

/**
 * @brief La versión de la biblioteca que está corriendo, como "0.1.0". La del header con que se compiló es `TP0_VERSION`.
 *
 * @return El texto, que no se libera.
 */
const char *tp0_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LIBTP0_TP0_H */
