/*
 * muchos_comun: lo que comparten los programas muchos_*.c. Comprobar y decir qué falló, medir el tiempo, y hacer de par por
 * la red con sockets comunes, sin una línea de la biblioteca.
 */
#ifndef MUCHOS_COMUN_H
#define MUCHOS_COMUN_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <tp0.h>
#include "dormidos.h"

/* Como assert, pero vale siempre y cuenta qué se veía. */
#define EXIGIR(condicion)                                                                                                      \
	do {                                                                                                                       \
		if (!(condicion)) {                                                                                                    \
			int errno_visto = errno;                                                                                           \
			const char *texto_visto = tp0_error();                                                                             \
			fprintf(stderr, "%s:%d: no se cumple %s\n  errno %d (%s), tp0_error: %s\n", __FILE__, __LINE__, #condicion,        \
			        errno_visto, strerror(errno_visto), texto_visto != NULL ? texto_visto : "NULL");                           \
			fflush(NULL);                                                                                                      \
			_exit(70);                                                                                                         \
		}                                                                                                                      \
	} while (0)

/* La llamada falla con ese valor y ese errno, y deja un texto. */
#define FALLA(valor, numero, llamada)                                                                                          \
	do {                                                                                                                       \
		errno = 0;                                                                                                             \
		EXIGIR((llamada) == (valor));                                                                                          \
		EXIGIR(errno == (numero));                                                                                             \
		EXIGIR(tp0_error() != NULL);                                                                                           \
	} while (0)

/* La llamada da ese valor sin tocar errno ni dejar un texto. */
#define ANDA(valor, llamada)                                                                                                   \
	do {                                                                                                                       \
		errno = EDOM;                                                                                                          \
		EXIGIR((llamada) == (valor));                                                                                          \
		EXIGIR(errno == EDOM);                                                                                                 \
		EXIGIR(tp0_error() == NULL);                                                                                           \
	} while (0)

static inline void decir(const char *linea) {
	printf("%s\n", linea);
	fflush(stdout);
}

static inline long ahora_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void dormir_ms(long ms) {
	struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		;
}

/* El tiempo de procesador que gastó este proceso, en milisegundos. */
static inline long procesador_ms(void) {
	struct rusage uso;
	getrusage(RUSAGE_SELF, &uso);
	return (uso.ru_utime.tv_sec + uso.ru_stime.tv_sec) * 1000 + (uso.ru_utime.tv_usec + uso.ru_stime.tv_usec) / 1000;
}

static inline int hilos_vivos(void) {
	return entradas_de("/proc/self/task");
}

/* El fin de un hijo. Lo que heredó y queda abierto, valgrind lo cuenta, desde 3.24, como un error. */
static inline void terminar_sin_nada_abierto(void) {
	closefrom(3);
	_exit(0);
}

/* Deja el límite de descriptores en el máximo permitido: mil clientes no entran en los 1024 de costumbre. */
static inline void permitir_descriptores(rlim_t hacen_falta) {
	struct rlimit limite;
	EXIGIR(getrlimit(RLIMIT_NOFILE, &limite) == 0);
	if (limite.rlim_cur < hacen_falta) {
		limite.rlim_cur = limite.rlim_max < hacen_falta ? limite.rlim_max : hacen_falta;
		EXIGIR(setrlimit(RLIMIT_NOFILE, &limite) == 0);
	}
	EXIGIR(limite.rlim_cur >= hacen_falta);
}

/* ------------------------------------------------------------------ un par con sockets comunes */

/* Un socket común, todavía sin conectar. Ninguna lectura ni escritura suya espera más de 20 segundos. */
static inline int par_socket(void) {
	struct timeval plazo = {20, 0};
	int uno = 1;
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXIGIR(s != -1);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &plazo, sizeof plazo);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &plazo, sizeof plazo);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &uno, sizeof uno);
	return s;
}

static inline int par_conectar_ese(int s, int puerto) {
	struct sockaddr_in direccion = {.sin_family = AF_INET, .sin_port = htons((uint16_t)puerto)};
	direccion.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(s, (struct sockaddr *)&direccion, sizeof direccion);
}

/* Una conexión común con 127.0.0.1: sin handshake. */
static inline int par_conectar(int puerto) {
	int s = par_socket();
	if (par_conectar_ese(s, puerto) == -1) {
		int causa = errno;
		close(s);
		errno = causa;
		return -1;
	}
	return s;
}

static inline void par_mandar(int s, const void *bytes, size_t cuantos) {
	size_t mandados = 0;
	while (mandados < cuantos) {
		ssize_t n = send(s, (const char *)bytes + mandados, cuantos - mandados, MSG_NOSIGNAL);
		EXIGIR(n > 0);
		mandados += (size_t)n;
	}
}

/* Exactamente esa cantidad de bytes, o 0 si antes terminó la conexión. */
static inline int par_leer(int s, void *bytes, size_t cuantos) {
	size_t leidos = 0;
	while (leidos < cuantos) {
		ssize_t n = recv(s, (char *)bytes + leidos, cuantos - leidos, 0);
		if (n <= 0)
			return 0;
		leidos += (size_t)n;
	}
	return 1;
}

/* Conecta y hace el handshake con ese valor. Devuelve lo que se contestó por `respuesta`. */
static inline int par_saludar(int puerto, int32_t valor, int32_t *respuesta) {
	int s = par_conectar(puerto);
	EXIGIR(s != -1);
	par_mandar(s, &valor, 4);
	EXIGIR(par_leer(s, respuesta, 4));
	return s;
}

static inline int par_conectado(int puerto) {
	int32_t respuesta = -2;
	int s = par_saludar(puerto, 1, &respuesta);
	EXIGIR(respuesta == 0);
	return s;
}

/* Un mensaje entero, con el código que sea. */
static inline void par_mensaje(int s, int32_t codigo, const void *payload, int32_t tamanio) {
	char *todo = malloc(8 + (size_t)tamanio);
	EXIGIR(todo != NULL);
	memcpy(todo, &codigo, 4);
	memcpy(todo + 4, &tamanio, 4);
	if (tamanio > 0)
		memcpy(todo + 8, payload, (size_t)tamanio);
	par_mandar(s, todo, 8 + (size_t)tamanio);
	free(todo);
}

static inline void par_texto(int s, const char *texto) {
	par_mensaje(s, 0, texto, (int32_t)strlen(texto) + 1);
}

/* El próximo mensaje, en memoria nueva, o NULL si la conexión terminó. */
static inline char *par_recibir(int s, int32_t *codigo, int32_t *tamanio) {
	char *payload;
	if (!par_leer(s, codigo, 4) || !par_leer(s, tamanio, 4))
		return NULL;
	EXIGIR(*tamanio >= 0);
	payload = calloc(1, (size_t)*tamanio + 1);
	EXIGIR(payload != NULL);
	if (!par_leer(s, payload, (size_t)*tamanio)) {
		free(payload);
		return NULL;
	}
	return payload;
}

/* El próximo mensaje es ese texto. */
static inline void par_exigir_texto(int s, const char *texto) {
	int32_t codigo = -1, tamanio = -1;
	char *payload = par_recibir(s, &codigo, &tamanio);
	EXIGIR(payload != NULL);
	EXIGIR(codigo == 0 && tamanio == (int32_t)strlen(texto) + 1 && strcmp(payload, texto) == 0);
	free(payload);
}

/* Cierra con un reset, como si el proceso se hubiera caído con algo sin leer. */
static inline void par_resetear(int s) {
	struct linger ya = {1, 0};
	setsockopt(s, SOL_SOCKET, SO_LINGER, &ya, sizeof ya);
	close(s);
}

/* ------------------------------------------------------------------ hilos */

static inline pthread_t hilo(void *(*funcion)(void *), void *argumento) {
	pthread_t nuevo;
	EXIGIR(pthread_create(&nuevo, NULL, funcion, argumento) == 0);
	return nuevo;
}

static inline void *unir(pthread_t h) {
	void *valor = NULL;
	EXIGIR(pthread_join(h, &valor) == 0);
	return valor;
}

#endif
