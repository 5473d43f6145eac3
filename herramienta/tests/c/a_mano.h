/*
 * La capa de sockets de un TP0 escrita a mano y bien: la usan a_mano_servidor.c y a_mano_cliente.c, que de libtp0 no saben nada.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAXIMO 1048576

static int mandar_todo(int fd, const void *datos, size_t cuantos)
{
	size_t van = 0;

	while (van < cuantos) {
		ssize_t n = send(fd, (const char *)datos + van, cuantos - van, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		van += (size_t)n;
	}
	return 0;
}

static int recibir_todo(int fd, void *datos, size_t cuantos)
{
	return recv(fd, datos, cuantos, MSG_WAITALL) == (ssize_t)cuantos ? 0 : -1;
}

static inline int mandar_mensaje(int fd, int codigo, const void *payload, int size)
{
	char *todo = malloc(8 + (size_t)size);
	int salio;

	memcpy(todo, &codigo, 4);
	memcpy(todo + 4, &size, 4);
	memcpy(todo + 8, payload, (size_t)size);
	salio = mandar_todo(fd, todo, 8 + (size_t)size);
	free(todo);
	return salio;
}

/* El payload, que hay que liberar; NULL si el otro lado terminó, o mandó algo que no va. */
static inline char *recibir_mensaje(int fd, int *codigo, int *size)
{
	char *payload;

	if (recibir_todo(fd, codigo, sizeof *codigo) != 0 || recibir_todo(fd, size, sizeof *size) != 0)
		return NULL;
	if (*size < 0 || *size > MAXIMO)
		return NULL;
	payload = calloc(1, (size_t)*size + 1);
	if (recibir_todo(fd, payload, (size_t)*size) != 0) {
		free(payload);
		return NULL;
	}
	return payload;
}

static inline struct sockaddr_in direccion(const char *puerto)
{
	struct sockaddr_in donde = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(puerto))};

	donde.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return donde;
}
