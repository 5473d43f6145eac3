/* Lo que comparten los programas de la matriz de fallas: reloj, par por sockets a secas y cómo se avisa que algo salió mal. */
#ifndef MATRIZ_COMUN_H
#define MATRIZ_COMUN_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <tp0.h>
#include "dormidos.h"

/* Termina el proceso diciendo qué no se cumplió. Escribe sin stdio: también sirve sin memoria y en el hijo de un fork. */
#define EXIGIR(condicion)                                                                                                  \
	do {                                                                                                                    \
		if (!(condicion)) {                                                                                                 \
			int guardado_ = errno;                                                                                          \
			const char *texto_ = tp0_error();                                                                               \
			dprintf(2, "%s:%d: no se cumple %s (errno %d, %s)\n", __FILE__, __LINE__, #condicion, guardado_,                \
			        texto_ == NULL ? "sin texto" : texto_);                                                                 \
			_exit(3);                                                                                                       \
		}                                                                                                                   \
	} while (0)

static inline long ahora_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void dormir_ms(long ms) {
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		;
}

/* Se conecta a 127.0.0.1 sin la biblioteca; lo que espere de esa conexión tiene plazo. */
static inline int conectar_a_secas(int puerto) {
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)puerto)};
	struct timeval plazo = {.tv_sec = 10};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXIGIR(s >= 0);
	EXIGIR(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &plazo, sizeof plazo) == 0);
	EXIGIR(connect(s, (struct sockaddr *)&a, sizeof a) == 0);
	return s;
}

/* Escucha en un puerto libre y no acepta a nadie. */
static inline int escuchar_a_secas(int *puerto) {
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t largo = sizeof a;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXIGIR(s >= 0 && bind(s, (struct sockaddr *)&a, sizeof a) == 0 && listen(s, 1000) == 0);
	EXIGIR(getsockname(s, (struct sockaddr *)&a, &largo) == 0);
	*puerto = ntohs(a.sin_port);
	return s;
}

static inline void mandar_a_secas(int s, const void *datos, size_t cuantos) {
	EXIGIR(send(s, datos, cuantos, MSG_NOSIGNAL) == (ssize_t)cuantos);
}

static inline void recibir_a_secas(int s, void *datos, size_t cuantos) {
	size_t van = 0;
	while (van < cuantos) {
		ssize_t n = recv(s, (char *)datos + van, cuantos - van, 0);
		if (n == -1 && errno == EINTR)
			continue;
		EXIGIR(n > 0);
		van += (size_t)n;
	}
}

/* Un par ya aceptado: su lado a secas y, en `cliente`, el de la biblioteca. */
static inline int par_aceptado(int servidor, int *cliente) {
	int32_t handshake = 1;
	int par = conectar_a_secas(tp0_puerto(servidor));
	mandar_a_secas(par, &handshake, 4);
	*cliente = esperar_cliente(servidor);
	EXIGIR(*cliente > 2);
	recibir_a_secas(par, &handshake, 4);
	EXIGIR(handshake == 0);
	return par;
}

/* Ida y vuelta de un mensaje por una conexión de la biblioteca cuyo otro lado es `par`. */
static inline void conversar(int par, int cliente) {
	int32_t ida[3] = {7, 4, 0x01020304};
	struct {
		int32_t codigo, tamanio;
		char texto[5];
	} vuelta;
	int tamanio = -1;
	char *recibido;
	mandar_a_secas(par, ida, sizeof ida);
	EXIGIR(recibir_operacion(cliente) == 7);
	recibido = recibir_buffer(&tamanio, cliente);
	EXIGIR(recibido != NULL && tamanio == 4 && memcmp(recibido, &ida[2], 4) == 0);
	free(recibido);
	EXIGIR(enviar_mensaje("hola", cliente) == 0);
	recibir_a_secas(par, &vuelta, 13);
	EXIGIR(vuelta.codigo == 0 && vuelta.tamanio == 5 && strcmp(vuelta.texto, "hola") == 0);
}

/* El servidor sigue atendiendo: un cliente nuevo entra y conversa. */
static inline void entra_uno_mas(int servidor) {
	int cliente = -1;
	int par = par_aceptado(servidor, &cliente);
	conversar(par, cliente);
	close(par);
	EXIGIR(liberar_conexion(cliente) == 0);
}

static inline pthread_t hilo(void *(*funcion)(void *), void *parametro) {
	pthread_t h;
	EXIGIR(pthread_create(&h, NULL, funcion, parametro) == 0);
	return h;
}

#endif
