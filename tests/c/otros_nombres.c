/*
 * Un programa con las funciones de un TP: todas se llaman como las del TP0 y ninguna tiene sus argumentos. Tiene además su
 * t_paquete, con otra forma, su op_code, en otro orden, y su logger. Trabaja sobre la biblioteca con los nombres que empiezan con tp0_.
 *
 * Un servidor y un cliente conversan, y se cuenta lo que pasó.
 */
#define TP0_SIN_NOMBRES
#define t_paquete tp0_paquete
#define t_buffer tp0_buffer
#include <tp0.h>
#undef t_paquete
#undef t_buffer

#include <pthread.h>

typedef enum { HANDSHAKE_CPU, PAQUETE, MENSAJE, FIN } op_code;

typedef struct {
	uint32_t tamanio;
	char *datos;
} t_buffer;

typedef struct {
	t_buffer *buffer;
	op_code codigo;
} t_paquete;

static const char *logger = "el mío";

/* ------------------------------------------------------------------ las del grupo */

int iniciar_servidor(const char *nombre, const char *ip, const char *puerto);
int esperar_cliente(const char *nombre, int servidor, int *quien);
int crear_conexion(const char *nombre, const char *ip, int puerto);
void liberar_conexion(int *conexion);
void enviar_mensaje(int conexion, const char *texto);
t_paquete *crear_paquete(op_code codigo);
t_paquete *crear_super_paquete(op_code codigo, t_buffer *buffer);
t_buffer *crear_buffer(void);
void agregar_a_paquete(const char *texto, t_paquete *paquete);
int enviar_paquete(int conexion, t_paquete *paquete);
void eliminar_paquete(t_paquete **paquete);
char *serializar_paquete(const t_paquete *paquete, size_t *cuanto);
int recibir_operacion(int conexion, op_code *codigo);
char *recibir_buffer(int conexion);
char *recibir_mensaje(const char *nombre, int conexion);
t_list *recibir_paquete(const char *nombre, int conexion);

int iniciar_servidor(const char *nombre, const char *ip, const char *puerto)
{
	int servidor = tp0_iniciar_servidor(ip, puerto);

	printf("%s escucha: %d\n", nombre, servidor > 2);
	return servidor;
}

int esperar_cliente(const char *nombre, int servidor, int *quien)
{
	int32_t handshake = 0;
	int cliente = tp0_esperar_cliente(servidor, &handshake);

	printf("%s recibe a %d\n", nombre, handshake);
	*quien = handshake;
	return cliente;
}

int crear_conexion(const char *nombre, const char *ip, int puerto)
{
	char texto[16];

	snprintf(texto, sizeof texto, "%d", puerto);
	(void)nombre;
	return tp0_crear_conexion(ip, texto, NULL);
}

void liberar_conexion(int *conexion)
{
	tp0_liberar_conexion(*conexion);
	*conexion = -1;
}

void enviar_mensaje(int conexion, const char *texto)
{
	if (tp0_enviar_mensaje(texto, conexion) == -1)
		puts(tp0_error());
}

t_buffer *crear_buffer(void)
{
	return calloc(1, sizeof(t_buffer));
}

t_paquete *crear_super_paquete(op_code codigo, t_buffer *buffer)
{
	t_paquete *paquete = malloc(sizeof *paquete);

	paquete->codigo = codigo;
	paquete->buffer = buffer;
	return paquete;
}

t_paquete *crear_paquete(op_code codigo)
{
	return crear_super_paquete(codigo, crear_buffer());
}

void agregar_a_paquete(const char *texto, t_paquete *paquete)
{
	t_buffer *buffer = paquete->buffer;
	uint32_t mide = (uint32_t)strlen(texto) + 1;

	buffer->datos = realloc(buffer->datos, buffer->tamanio + mide);
	memcpy(buffer->datos + buffer->tamanio, texto, mide);
	buffer->tamanio += mide;
}

/* El paquete de la biblioteca, que es como viaja el nuestro. El orden de su enum no es el nuestro: PAQUETE acá es 1, y allá también. */
static tp0_paquete *de_la_biblioteca(const t_paquete *paquete)
{
	tp0_paquete *suyo = malloc(sizeof *suyo);

	tp0_crear_buffer(suyo);
	suyo->codigo_operacion = paquete->codigo;
	tp0_agregar_a_paquete(suyo, paquete->buffer->datos, (int)paquete->buffer->tamanio);
	return suyo;
}

int enviar_paquete(int conexion, t_paquete *paquete)
{
	tp0_paquete *suyo = de_la_biblioteca(paquete);
	int salida = tp0_enviar_paquete(suyo, conexion);

	tp0_eliminar_paquete(suyo);
	return salida;
}

char *serializar_paquete(const t_paquete *paquete, size_t *cuanto)
{
	tp0_paquete *suyo = de_la_biblioteca(paquete);
	int bytes = suyo->buffer->size + 2 * (int)sizeof(int);
	char *salida = tp0_serializar_paquete(suyo, bytes);

	*cuanto = (size_t)bytes;
	tp0_eliminar_paquete(suyo);
	return salida;
}

void eliminar_paquete(t_paquete **paquete)
{
	free((*paquete)->buffer->datos);
	free((*paquete)->buffer);
	free(*paquete);
	*paquete = NULL;
}

int recibir_operacion(int conexion, op_code *codigo)
{
	int leido = tp0_recibir_operacion(conexion);

	*codigo = leido == -1 ? FIN : (op_code)leido;
	return leido != -1;
}

char *recibir_buffer(int conexion)
{
	int size;

	return tp0_recibir_buffer(&size, conexion);
}

char *recibir_mensaje(const char *nombre, int conexion)
{
	(void)nombre;
	return tp0_recibir_mensaje(conexion);
}

/* NULL al final, que es lo que miran los que la llaman. */
t_list *recibir_paquete(const char *nombre, int conexion)
{
	t_list *lista = tp0_recibir_paquete(conexion);

	(void)nombre;
	if (lista != NULL && tp0_error() != NULL) {
		tp0_liberar_lista(lista);
		return NULL;
	}
	return lista;
}

/* ------------------------------------------------------------------ la conversación */

static void *cliente(void *puerto)
{
	int conexion = crear_conexion("cliente", "127.0.0.1", *(int *)puerto);
	t_paquete *paquete = crear_paquete(PAQUETE);
	size_t bytes;

	enviar_mensaje(conexion, "hola");

	agregar_a_paquete("un valor", paquete);
	if (enviar_paquete(conexion, paquete) == -1)
		puts(tp0_error());

	paquete->codigo = FIN;
	char *serializado = serializar_paquete(paquete, &bytes);
	if (send(conexion, serializado, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		puts("send");
	free(serializado);
	eliminar_paquete(&paquete);

	/* Y uno armado entero por la biblioteca, con el nombre del TP0 más viejo. */
	tp0_paquete *otro = tp0_crear_super_paquete();
	tp0_eliminar_paquete(otro);
	otro = tp0_crear_paquete();
	printf("crear_paquete pone %d\n", otro->codigo_operacion);
	tp0_eliminar_paquete(otro);

	liberar_conexion(&conexion);
	return NULL;
}

int main(void)
{
	int servidor = iniciar_servidor("servidor", "127.0.0.1", "0");
	int puerto = tp0_puerto(servidor), quien;
	pthread_t hilo;
	op_code codigo;

	pthread_create(&hilo, NULL, cliente, &puerto);
	int conexion = esperar_cliente("servidor", servidor, &quien);

	char *texto = recibir_mensaje("servidor", conexion);
	printf("mensaje: %s\n", texto);
	free(texto);

	t_list *valores = recibir_paquete("servidor", conexion);
	printf("paquete de %d: %s\n", valores->elements_count, (char *)valores->head->data);
	tp0_liberar_lista(valores);

	/* El último: código y payload, que es un largo y un texto. */
	printf("sigue: %d\n", recibir_operacion(conexion, &codigo));
	char *payload = recibir_buffer(conexion);
	printf("código %u: %s\n", codigo, payload + sizeof(int));
	free(payload);

	printf("sigue: %d\n", recibir_operacion(conexion, &codigo));
	printf("al final: %d\n", recibir_paquete("servidor", conexion) == NULL);
	pthread_join(hilo, NULL);
	liberar_conexion(&conexion);
	liberar_conexion(&servidor);
	printf("y el logger es %s\n", logger);
	return conexion == -1 && servidor == -1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
