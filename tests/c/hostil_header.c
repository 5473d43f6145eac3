/*
 * hostil_header: lo que un programa compilado da por sentado. Si algo de esto cambia, los programas que ya existen dejan
 * de andar sin que nadie los toque: la forma de los structs, los números de las enumeraciones y cada prototipo.
 *
 * Compila igual como C y como C++. Se puede definir DOS_VECES (el header incluido dos veces) y SIN_MAIN (para enlazarlo
 * en un programa con otra unidad que también lo incluye).
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <tp0.h>
#ifdef DOS_VECES
#include <tp0.h>
#endif

/* ------------------------------------------------------------------ formas (LP64, que es donde corre todo TP0) */

static_assert(sizeof(t_buffer) == 16, "t_buffer");
static_assert(offsetof(t_buffer, size) == 0, "t_buffer.size");
static_assert(sizeof(((t_buffer *)0)->size) == sizeof(int), "t_buffer.size es un int");
static_assert(offsetof(t_buffer, offset) == 4, "t_buffer.offset vive en el relleno del t_buffer del TP0");
static_assert(sizeof(((t_buffer *)0)->offset) == sizeof(uint32_t), "t_buffer.offset es un uint32_t");
static_assert(offsetof(t_buffer, stream) == 8, "t_buffer.stream");

static_assert(sizeof(t_paquete) == 16, "t_paquete");
static_assert(offsetof(t_paquete, codigo_operacion) == 0, "t_paquete.codigo_operacion");
static_assert(sizeof(((t_paquete *)0)->codigo_operacion) == 4, "un op_code mide lo que un int");
static_assert(offsetof(t_paquete, buffer) == 8, "t_paquete.buffer");

static_assert(sizeof(t_list) == 16, "t_list");
static_assert(offsetof(t_list, head) == 0, "t_list.head");
static_assert(offsetof(t_list, elements_count) == 8, "t_list.elements_count");
static_assert(sizeof(t_link_element) == 16, "t_link_element");
static_assert(offsetof(t_link_element, data) == 0, "t_link_element.data");
static_assert(offsetof(t_link_element, next) == 8, "t_link_element.next");

static_assert(MENSAJE == 0, "MENSAJE");
static_assert(PAQUETE == 1, "PAQUETE");
static_assert(sizeof(op_code) == 4, "op_code");

static_assert(TP0_VERSION_MAYOR >= 0 && TP0_VERSION_MENOR >= 0 && TP0_VERSION_PARCHE >= 0, "la versión en números");

/* ------------------------------------------------------------------ prototipos: cada uno, exactamente */

typedef struct {
	int (*iniciar_servidor)(void);
	int (*esperar_cliente)(int);
	int (*crear_conexion)(const char *, const char *);
	int (*enviar_mensaje)(const char *, int);
	t_paquete *(*crear_paquete)(void);
	t_paquete *(*crear_super_paquete)(void);
	void (*crear_buffer)(t_paquete *);
	int (*agregar_a_paquete)(t_paquete *, const void *, int);
	int (*enviar_paquete)(t_paquete *, int);
	void (*eliminar_paquete)(t_paquete *);
	void *(*serializar_paquete)(t_paquete *, int);
	int (*recibir_operacion)(int);
	void *(*recibir_buffer)(int *, int);
	int (*recibir_mensaje)(int);
	t_list *(*recibir_paquete)(int);
	int (*liberar_conexion)(int);
	int (*tp0_iniciar_servidor)(const char *, const char *);
	int (*tp0_puerto)(int);
	const char *(*tp0_error)(void);
	void (*tp0_liberar_lista)(t_list *);
	const char *(*tp0_version)(void);
	t_log **logger;
	int (*tp0_esperar_cliente)(int, int32_t *);
	int (*tp0_handshake)(int, int32_t *);
	t_paquete *(*tp0_recibir)(int);
	char *(*tp0_recibir_mensaje)(int);
	t_list *(*tp0_valores)(const t_paquete *);
	int (*tp0_difundir)(const int *, int, t_paquete *, int *);
	int (*tp0_conexion_activa)(int);
	tp0_opciones *(*tp0_opciones_crear)(void);
	void (*tp0_opciones_destruir)(tp0_opciones *);
	int (*tp0_opciones_handshake)(tp0_opciones *, int32_t);
	int (*tp0_opciones_handshakes)(tp0_opciones *, const int32_t *, int);
	int (*tp0_opciones_handshake_opcional)(tp0_opciones *, int32_t);
	int (*tp0_opciones_sin_handshake)(tp0_opciones *);
	int (*tp0_opciones_espera_ms)(tp0_opciones *, int);
	int (*tp0_opciones_tamanio_maximo)(tp0_opciones *, int);
	int (*tp0_opciones_reintentos_ms)(tp0_opciones *, int);
	int (*tp0_opciones_keepalive)(tp0_opciones *, int);
	int (*tp0_opciones_clientes_maximos)(tp0_opciones *, int);
	int (*tp0_opciones_cierre_ms)(tp0_opciones *, int);
	int (*tp0_iniciar_servidor_con)(const char *, const char *, const tp0_opciones *);
	int (*tp0_crear_conexion)(const char *, const char *, const tp0_opciones *);
	int (*tp0_atender)(int, tp0_funcion_de_cliente, void *);
	int (*tp0_detener)(int);
	t_buffer *(*buffer_create)(uint32_t);
	void (*buffer_destroy)(t_buffer *);
	int (*buffer_add)(t_buffer *, const void *, uint32_t);
	int (*buffer_read)(t_buffer *, void *, uint32_t);
	int (*buffer_add_uint32)(t_buffer *, uint32_t);
	int (*buffer_add_uint8)(t_buffer *, uint8_t);
	int (*buffer_add_int32)(t_buffer *, int32_t);
	int (*buffer_add_uint64)(t_buffer *, uint64_t);
	int (*buffer_add_int64)(t_buffer *, int64_t);
	int (*buffer_add_double)(t_buffer *, double);
	int (*buffer_add_bool)(t_buffer *, bool);
	int (*buffer_add_string)(t_buffer *, uint32_t, const char *);
	uint32_t (*buffer_read_uint32)(t_buffer *);
	uint8_t (*buffer_read_uint8)(t_buffer *);
	int32_t (*buffer_read_int32)(t_buffer *);
	uint64_t (*buffer_read_uint64)(t_buffer *);
	int64_t (*buffer_read_int64)(t_buffer *);
	double (*buffer_read_double)(t_buffer *);
	bool (*buffer_read_bool)(t_buffer *);
	char *(*buffer_read_string)(t_buffer *, uint32_t *);
	int (*buffer_quedan)(t_buffer *);
	int (*tp0_enviar_mensaje)(const char *, int);
	t_paquete *(*tp0_crear_paquete)(void);
	t_paquete *(*tp0_crear_super_paquete)(void);
	void (*tp0_crear_buffer)(t_paquete *);
	int (*tp0_agregar_a_paquete)(t_paquete *, const void *, int);
	int (*tp0_enviar_paquete)(t_paquete *, int);
	void (*tp0_eliminar_paquete)(t_paquete *);
	void *(*tp0_serializar_paquete)(t_paquete *, int);
	int (*tp0_recibir_operacion)(int);
	void *(*tp0_recibir_buffer)(int *, int);
	t_list *(*tp0_recibir_paquete)(int);
	int (*tp0_liberar_conexion)(int);
} t_interfaz;

const t_interfaz *interfaz(void);

const t_interfaz *interfaz(void) {
	static const t_interfaz todas = {
		iniciar_servidor,
		esperar_cliente,
		crear_conexion,
		enviar_mensaje,
		crear_paquete,
		crear_super_paquete,
		crear_buffer,
		agregar_a_paquete,
		enviar_paquete,
		eliminar_paquete,
		serializar_paquete,
		recibir_operacion,
		recibir_buffer,
		recibir_mensaje,
		recibir_paquete,
		liberar_conexion,
		tp0_iniciar_servidor,
		tp0_puerto,
		tp0_error,
		tp0_liberar_lista,
		tp0_version,
		&logger,
		tp0_esperar_cliente,
		tp0_handshake,
		tp0_recibir,
		tp0_recibir_mensaje,
		tp0_valores,
		tp0_difundir,
		tp0_conexion_activa,
		tp0_opciones_crear,
		tp0_opciones_destruir,
		tp0_opciones_handshake,
		tp0_opciones_handshakes,
		tp0_opciones_handshake_opcional,
		tp0_opciones_sin_handshake,
		tp0_opciones_espera_ms,
		tp0_opciones_tamanio_maximo,
		tp0_opciones_reintentos_ms,
		tp0_opciones_keepalive,
		tp0_opciones_clientes_maximos,
		tp0_opciones_cierre_ms,
		tp0_iniciar_servidor_con,
		tp0_crear_conexion,
		tp0_atender,
		tp0_detener,
		buffer_create,
		buffer_destroy,
		buffer_add,
		buffer_read,
		buffer_add_uint32,
		buffer_add_uint8,
		buffer_add_int32,
		buffer_add_uint64,
		buffer_add_int64,
		buffer_add_double,
		buffer_add_bool,
		buffer_add_string,
		buffer_read_uint32,
		buffer_read_uint8,
		buffer_read_int32,
		buffer_read_uint64,
		buffer_read_int64,
		buffer_read_double,
		buffer_read_bool,
		buffer_read_string,
		buffer_quedan,
		tp0_enviar_mensaje,
		tp0_crear_paquete,
		tp0_crear_super_paquete,
		tp0_crear_buffer,
		tp0_agregar_a_paquete,
		tp0_enviar_paquete,
		tp0_eliminar_paquete,
		tp0_serializar_paquete,
		tp0_recibir_operacion,
		tp0_recibir_buffer,
		tp0_recibir_paquete,
		tp0_liberar_conexion,
	};
	return &todas;
}

#ifndef SIN_MAIN
int main(void) {
	return interfaz()->tp0_error() != NULL || interfaz()->tp0_version() == NULL;
}
#endif
