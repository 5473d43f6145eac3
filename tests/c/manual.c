/*
 * La implementación de manual: lo que hacen las funciones de un TP0 escrito como lo enseña cualquier texto de sockets,
 * con el handshake de las guías (1 -> 0 o -1). No comparte una línea con la biblioteca: es la vara con que se la mide.
 */
#include "utils.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKE_ESPERADO 1

t_log *logger;

/* ------------------------------------------------------------------------------------------------------ bytes */

static int leer_todo(int fd, void *destino, int cantidad)
{
	char *lugar = destino;

	while (cantidad > 0) {
		ssize_t leidos = recv(fd, lugar, (size_t)cantidad, 0);
		if (leidos <= 0)
			return -1;
		lugar += leidos;
		cantidad -= (int)leidos;
	}
	return 0;
}

static int mandar_todo(int fd, const void *origen, int cantidad)
{
	const char *lugar = origen;

	while (cantidad > 0) {
		ssize_t mandados = send(fd, lugar, (size_t)cantidad, MSG_NOSIGNAL);
		if (mandados < 0)
			return -1;
		lugar += mandados;
		cantidad -= (int)mandados;
	}
	return 0;
}

static struct addrinfo *resolver(const char *ip, const char *puerto, int flags)
{
	struct addrinfo pista, *resultado = NULL;

	memset(&pista, 0, sizeof pista);
	pista.ai_family = AF_INET;
	pista.ai_socktype = SOCK_STREAM;
	pista.ai_flags = flags;
	return getaddrinfo(ip, puerto, &pista, &resultado) == 0 ? resultado : NULL;
}

/* --------------------------------------------------------------------------------------------------- servidor */

int iniciar_servidor(void)
{
	const char *puerto = getenv("TP0_PUERTO");
	struct addrinfo *direccion = resolver(getenv("TP0_IP"), puerto == NULL ? "4444" : puerto, AI_PASSIVE);
	int fd, si = 1;

	if (direccion == NULL)
		return -1;
	fd = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si);
	if (bind(fd, direccion->ai_addr, direccion->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(direccion);
	if (fd != -1)
		log_trace(logger, "Listo para escuchar a mi cliente");
	return fd;
}

int esperar_cliente(int socket_servidor)
{
	for (;;) {
		int fd = accept(socket_servidor, NULL, NULL);
		int mostrado, respuesta;

		if (fd < 0)
			return -1;
		if (leer_todo(fd, &mostrado, sizeof mostrado) == 0) {
			respuesta = mostrado == HANDSHAKE_ESPERADO ? 0 : -1;
			mandar_todo(fd, &respuesta, sizeof respuesta);
			if (respuesta == 0) {
				log_info(logger, "Se conecto un cliente!");
				return fd;
			}
		}
		close(fd);
	}
}

int recibir_operacion(int socket_cliente)
{
	int codigo;

	if (leer_todo(socket_cliente, &codigo, sizeof codigo) != 0) {
		close(socket_cliente);
		return -1;
	}
	return codigo;
}

void *recibir_buffer(int *size, int socket_cliente)
{
	char *buffer;

	if (leer_todo(socket_cliente, size, sizeof *size) != 0 || *size < 0) {
		*size = 0;
		return NULL;
	}
	buffer = malloc((size_t)*size + 1);
	if (leer_todo(socket_cliente, buffer, *size) != 0) {
		free(buffer);
		*size = 0;
		return NULL;
	}
	buffer[*size] = '\0';
	return buffer;
}

void recibir_mensaje(int socket_cliente)
{
	int size;
	char *texto = recibir_buffer(&size, socket_cliente);

	if (texto != NULL)
		log_info(logger, "Me llego el mensaje %s", texto);
	free(texto);
}

t_list *recibir_paquete(int socket_cliente)
{
	int size, leido = 0;
	char *buffer = recibir_buffer(&size, socket_cliente);
	t_list *valores = list_create();

	while (leido + (int)sizeof(int) <= size) {
		int largo;
		char *valor;

		memcpy(&largo, buffer + leido, sizeof largo);
		leido += (int)sizeof largo;
		if (largo < 0 || largo > size - leido)
			break;
		valor = malloc((size_t)largo + 1);
		memcpy(valor, buffer + leido, (size_t)largo);
		valor[largo] = '\0';
		list_add(valores, valor);
		leido += largo;
	}
	free(buffer);
	return valores;
}

/* ---------------------------------------------------------------------------------------------------- cliente */

int crear_conexion(char *ip, char *puerto)
{
	struct addrinfo *direccion = resolver(ip, puerto, 0);
	int fd, mostrado = HANDSHAKE_ESPERADO, respuesta = -1;

	if (direccion == NULL)
		return -1;
	fd = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);
	if (connect(fd, direccion->ai_addr, direccion->ai_addrlen) == 0
	    && mandar_todo(fd, &mostrado, sizeof mostrado) == 0)
		leer_todo(fd, &respuesta, sizeof respuesta);
	freeaddrinfo(direccion);
	if (respuesta != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

t_paquete *crear_paquete(void)
{
	t_paquete *paquete = malloc(sizeof *paquete);

	paquete->codigo_operacion = PAQUETE;
	paquete->buffer = malloc(sizeof *paquete->buffer);
	paquete->buffer->size = 0;
	paquete->buffer->stream = NULL;
	return paquete;
}

void agregar_a_paquete(t_paquete *paquete, void *valor, int tamanio)
{
	t_buffer *buffer = paquete->buffer;
	char *stream = realloc(buffer->stream, (size_t)buffer->size + sizeof tamanio + (size_t)tamanio);

	memcpy(stream + buffer->size, &tamanio, sizeof tamanio);
	memcpy(stream + buffer->size + sizeof tamanio, valor, (size_t)tamanio);
	buffer->stream = stream;
	buffer->size += (int)sizeof tamanio + tamanio;
}

void enviar_paquete(t_paquete *paquete, int socket_cliente)
{
	int cabecera[2] = { (int)paquete->codigo_operacion, paquete->buffer->size };
	int total = (int)sizeof cabecera + paquete->buffer->size;
	char *todo = malloc((size_t)total);

	memcpy(todo, cabecera, sizeof cabecera);
	if (paquete->buffer->size > 0)
		memcpy(todo + sizeof cabecera, paquete->buffer->stream, (size_t)paquete->buffer->size);
	mandar_todo(socket_cliente, todo, total);
	free(todo);
}

void eliminar_paquete(t_paquete *paquete)
{
	free(paquete->buffer->stream);
	free(paquete->buffer);
	free(paquete);
}

void enviar_mensaje(char *mensaje, int socket_cliente)
{
	t_buffer buffer = { (int)strlen(mensaje) + 1, mensaje };
	t_paquete paquete = { MENSAJE, &buffer };

	enviar_paquete(&paquete, socket_cliente);
}

void liberar_conexion(int socket_cliente)
{
	close(socket_cliente);
}
