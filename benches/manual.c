/*
 * El punto de comparación: la interfaz del TP0 como se escribe a partir de un manual de sockets. Un malloc y una copia por envío, tres
 * recv por mensaje, y una lista que se recorre entera para agregar al final. No comprueba nada.
 */
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct { int size; void *stream; } t_buffer;
typedef struct { int codigo_operacion; t_buffer *buffer; } t_paquete;
typedef struct nodo { void *data; struct nodo *next; } t_nodo;
typedef struct { t_nodo *head; int elements_count; } t_list;

static struct addrinfo *resolver(const char *ip, const char *puerto, int banderas) {
	struct addrinfo pistas = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = banderas}, *hallada;
	return getaddrinfo(ip, puerto, &pistas, &hallada) == 0 ? hallada : NULL;
}

int iniciar_servidor(void) {
	struct addrinfo *direccion = resolver(NULL, getenv("TP0_PUERTO"), AI_PASSIVE);
	int escucha = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);
	bind(escucha, direccion->ai_addr, direccion->ai_addrlen);
	listen(escucha, SOMAXCONN);
	freeaddrinfo(direccion);
	return escucha;
}

int esperar_cliente(int escucha) {
	int32_t mostrado = 0, respuesta;
	int cliente = accept(escucha, NULL, NULL);
	recv(cliente, &mostrado, sizeof mostrado, MSG_WAITALL);
	respuesta = mostrado == 1 ? 0 : -1;
	send(cliente, &respuesta, sizeof respuesta, 0);
	return cliente;
}

int crear_conexion(const char *ip, const char *puerto) {
	int32_t handshake = 1, respuesta = -1;
	struct addrinfo *direccion = resolver(ip, puerto, 0);
	int conexion = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);
	connect(conexion, direccion->ai_addr, direccion->ai_addrlen);
	freeaddrinfo(direccion);
	send(conexion, &handshake, sizeof handshake, 0);
	recv(conexion, &respuesta, sizeof respuesta, MSG_WAITALL);
	return respuesta == 0 ? conexion : -1;
}

void eliminar_paquete(t_paquete *paquete) {
	free(paquete->buffer->stream);
	free(paquete->buffer);
	free(paquete);
}

t_paquete *crear_paquete(void) {
	t_paquete *paquete = malloc(sizeof *paquete);
	paquete->codigo_operacion = 1;
	paquete->buffer = malloc(sizeof *paquete->buffer);
	paquete->buffer->size = 0;
	paquete->buffer->stream = NULL;
	return paquete;
}

void agregar_a_paquete(t_paquete *paquete, const void *valor, int tamanio) {
	t_buffer *buffer = paquete->buffer;
	buffer->stream = realloc(buffer->stream, (size_t)buffer->size + sizeof tamanio + (size_t)tamanio);
	char *final = (char *)buffer->stream + buffer->size;
	memcpy(final, &tamanio, sizeof tamanio);
	memcpy(final + sizeof tamanio, valor, (size_t)tamanio);
	buffer->size += (int)sizeof tamanio + tamanio;
}

int enviar_paquete(t_paquete *paquete, int conexion) {
	size_t mide = 2 * sizeof(int) + (size_t)paquete->buffer->size;
	char *todo = malloc(mide);
	memcpy(todo, &paquete->codigo_operacion, sizeof(int));
	memcpy(todo + sizeof(int), &paquete->buffer->size, sizeof(int));
	memcpy(todo + 2 * sizeof(int), paquete->buffer->stream, (size_t)paquete->buffer->size);
	send(conexion, todo, mide, 0);
	free(todo);
	return 0;
}

int enviar_mensaje(const char *texto, int conexion) {
	t_paquete *paquete = crear_paquete();
	paquete->codigo_operacion = 0;
	paquete->buffer->size = (int)strlen(texto) + 1;
	paquete->buffer->stream = malloc((size_t)paquete->buffer->size);
	memcpy(paquete->buffer->stream, texto, (size_t)paquete->buffer->size);
	enviar_paquete(paquete, conexion);
	eliminar_paquete(paquete);
	return 0;
}

int recibir_operacion(int conexion) {
	int codigo;
	if (recv(conexion, &codigo, sizeof codigo, MSG_WAITALL) > 0)
		return codigo;
	close(conexion);
	return -1;
}

void *recibir_buffer(int *size, int conexion) {
	recv(conexion, size, sizeof *size, MSG_WAITALL);
	void *payload = malloc((size_t)*size);
	recv(conexion, payload, (size_t)*size, MSG_WAITALL);
	return payload;
}

t_list *recibir_paquete(int conexion) {
	int size;
	char *payload = recibir_buffer(&size, conexion);
	t_list *lista = calloc(1, sizeof *lista);
	for (int desde = 0, largo; desde < size; desde += largo) {
		memcpy(&largo, payload + desde, sizeof largo);
		desde += (int)sizeof largo;
		t_nodo *nodo = calloc(1, sizeof *nodo), **final = &lista->head;
		nodo->data = malloc((size_t)largo);
		memcpy(nodo->data, payload + desde, (size_t)largo);
		while (*final != NULL)
			final = &(*final)->next;
		*final = nodo;
		lista->elements_count++;
	}
	free(payload);
	return lista;
}

int liberar_conexion(int conexion) {
	return close(conexion);
}
