/*
 * La capa de sockets de un TP0 como sale la primera vez: anda, y se cae con lo que se caen casi todas. No mira lo que devuelven las llamadas,
 * le cree a cada tamaño que llega, y se olvida de SO_REUSEADDR y de MSG_NOSIGNAL. Los programas de ../../../tests/c que sólo conocen los
 * prototipos se enlazan con esto o con libtp0: el mismo TP0, antes y después.
 */
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

	memset(&pista, 0, sizeof pista);
	pista.ai_family = AF_INET;
	pista.ai_socktype = SOCK_STREAM;
	pista.ai_flags = AI_PASSIVE;
	getaddrinfo(ip, puerto, &pista, &direccion);
	return direccion;
}

/* --------------------------------------------------------------------------------------------------- servidor */

int iniciar_servidor(void)
{
	struct addrinfo *direccion = direccion_de(NULL, "4444");
	int fd = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);

	bind(fd, direccion->ai_addr, direccion->ai_addrlen);
	listen(fd, SOMAXCONN);
	freeaddrinfo(direccion);
	log_trace(logger, "Listo para escuchar a mi cliente");
	return fd;
}

int esperar_cliente(int servidor)
{
	int cliente = accept(servidor, NULL, NULL), saludo, respuesta;

	recv(cliente, &saludo, sizeof saludo, MSG_WAITALL);
	respuesta = saludo == 1 ? 0 : -1;
	send(cliente, &respuesta, sizeof respuesta, 0);
	log_info(logger, "Se conecto un cliente!");
	return cliente;
}

int recibir_operacion(int cliente)
{
	int codigo;

	if (recv(cliente, &codigo, sizeof codigo, MSG_WAITALL) > 0)
		return codigo;
	close(cliente);
	return -1;
}

void *recibir_buffer(int *size, int cliente)
{
	void *buffer;

	recv(cliente, size, sizeof *size, MSG_WAITALL);
	buffer = malloc((size_t)*size);
	recv(cliente, buffer, (size_t)*size, MSG_WAITALL);
	return buffer;
}

void recibir_mensaje(int cliente)
{
	int size;
	char *texto = recibir_buffer(&size, cliente);

	log_info(logger, "Me llego el mensaje %s", texto);
	free(texto);
}

t_list *recibir_paquete(int cliente)
{
	t_list *valores = list_create();
	int size, lugar = 0, largo;
	char *buffer = recibir_buffer(&size, cliente);

	while (lugar < size) {
		char *valor;

		memcpy(&largo, buffer + lugar, sizeof largo);
		lugar += (int)sizeof largo;
		valor = malloc((size_t)largo);
		memcpy(valor, buffer + lugar, (size_t)largo);
		lugar += largo;
		list_add(valores, valor);
	}
	free(buffer);
	return valores;
}

/* ---------------------------------------------------------------------------------------------------- cliente */

int crear_conexion(char *ip, char *puerto)
{
	struct addrinfo *direccion = direccion_de(ip, puerto);
	int fd = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);
	int saludo = 1, respuesta;

	connect(fd, direccion->ai_addr, direccion->ai_addrlen);
	freeaddrinfo(direccion);
	send(fd, &saludo, sizeof saludo, 0);
	recv(fd, &respuesta, sizeof respuesta, MSG_WAITALL);
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

	buffer->stream = realloc(buffer->stream, (size_t)buffer->size + sizeof tamanio + (size_t)tamanio);
	memcpy((char *)buffer->stream + buffer->size, &tamanio, sizeof tamanio);
	memcpy((char *)buffer->stream + buffer->size + sizeof tamanio, valor, (size_t)tamanio);
	buffer->size += (int)sizeof tamanio + tamanio;
}

static void mandar(int codigo, const void *payload, int size, int fd)
{
	char *todo = malloc(2 * sizeof(int) + (size_t)size);

	memcpy(todo, &codigo, sizeof codigo);
	memcpy(todo + sizeof codigo, &size, sizeof size);
	if (size > 0)
		memcpy(todo + sizeof codigo + sizeof size, payload, (size_t)size);
	send(fd, todo, 2 * sizeof(int) + (size_t)size, 0);
	free(todo);
}

void enviar_mensaje(char *mensaje, int fd)
{
	mandar(MENSAJE, mensaje, (int)strlen(mensaje) + 1, fd);
}

void enviar_paquete(t_paquete *paquete, int fd)
{
	mandar((int)paquete->codigo_operacion, paquete->buffer->stream, paquete->buffer->size, fd);
}

void eliminar_paquete(t_paquete *paquete)
{
	free(paquete->buffer->stream);
	free(paquete->buffer);
	free(paquete);
}

void liberar_conexion(int fd)
{
	close(fd);
}
