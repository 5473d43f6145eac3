/*
 * Todo lo que un programa puede ver de sus llamadas: con tp0 trazar y sin él tiene que mostrar exactamente lo mismo. Cada renglón es una cosa.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../tests/c/dormidos.h"

/* Cuánta memoria se pidió: la precargada no tiene que pedir nada. */
static volatile int pedidos;
extern void *__libc_malloc(size_t);

void *malloc(size_t cuantos)
{
	__atomic_fetch_add(&pedidos, 1, __ATOMIC_RELAXED);
	return __libc_malloc(cuantos);
}

#define VER(que) \
	do { \
		long dio; \
		int causa; \
		errno = 77; \
		dio = (long)(que); \
		causa = errno; \
		printf("%d %s = %ld, errno %d\n", __LINE__, #que, dio, causa); \
	} while (0)

/* Una dirección que no es de nadie, sin que el compilador lo sepa. */
static void *volatile mala = (void *)8;

static int uno, otro;
static volatile sig_atomic_t en_el_manejador;

static struct sockaddr_in loopback(void)
{
	struct sockaddr_in donde = {.sin_family = AF_INET};

	donde.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return donde;
}

static void conectar(void)
{
	struct sockaddr_in donde = loopback();
	socklen_t mide = sizeof donde;
	int escucha = socket(AF_INET, SOCK_STREAM, 0);

	VER(bind(escucha, (struct sockaddr *)&donde, sizeof donde));
	VER(listen(escucha, 5));
	getsockname(escucha, (struct sockaddr *)&donde, &mide);
	VER(uno = socket(AF_INET, SOCK_STREAM, 0));
	VER(connect(uno, (struct sockaddr *)&donde, sizeof donde));
	VER(otro = accept4(escucha, NULL, NULL, SOCK_CLOEXEC));
	VER(fcntl(otro, F_GETFD));
	VER(close(escucha));
}

static void llamadas(void)
{
	char lugar[64];
	struct iovec partes[2] = {{"ab", 2}, {"cde", 3}}, donde = {lugar, sizeof lugar};
	struct msghdr mensaje = {.msg_iov = partes, .msg_iovlen = 2}, llega = {.msg_iov = &donde, .msg_iovlen = 1};
	int si = 1;

	VER(send(uno, "hola", 4, MSG_NOSIGNAL));
	VER(recv(otro, lugar, 2, MSG_PEEK));
	VER(recv(otro, lugar, sizeof lugar, 0));
	VER(recv(otro, lugar, sizeof lugar, MSG_DONTWAIT));
	VER(sendto(uno, "x", 1, 0, NULL, 0));
	VER(recvfrom(otro, lugar, 1, 0, NULL, NULL));
	VER(write(uno, "yz", 2));
	VER(read(otro, lugar, 2));
	VER(writev(uno, partes, 2));
	VER(readv(otro, &donde, 1));
	VER(sendmsg(uno, &mensaje, 0));
	VER(recvmsg(otro, &llega, 0));
	VER(send(uno, mala, 4, MSG_NOSIGNAL));
	VER(write(uno, mala, 4));
	VER(writev(uno, mala, 2));
	VER(sendmsg(uno, mala, 0));
	VER(connect(uno, mala, 16));
	VER(bind(uno, NULL, 16));
	VER(setsockopt(uno, SOL_SOCKET, SO_KEEPALIVE, &si, sizeof si));
	VER(setsockopt(uno, SOL_SOCKET, SO_KEEPALIVE, mala, sizeof si));
	VER(setsockopt(uno, SOL_SOCKET, SO_KEEPALIVE, &si, 1));
	VER(send(-1, "x", 1, 0));
	VER(close(-1));
	VER(close(500));
	VER(dup(uno));
	VER(dup2(uno, 20));
	VER(dup2(uno, uno));
	VER(dup3(uno, uno, 0));
	VER(close(20));
	VER(socket(AF_INET, 99, 0));
	VER(socket(AF_UNIX, SOCK_STREAM, 0));
	VER(accept(uno, NULL, NULL));
	VER(shutdown(-1, SHUT_WR));
}

static void manejador(int senial)
{
	char letra;

	(void)senial;
	errno = 55;
	en_el_manejador = (int)send(uno, "m", 1, MSG_NOSIGNAL) + (int)recv(otro, &letra, 1, 0) + (errno == 55);
}

static void *avisar(void *quien)
{
	hasta_que_duerman(1);
	pthread_kill(*(pthread_t *)quien, SIGUSR1);
	return NULL;
}

/* Una señal corta el recv, y su manejador usa los mismos sockets. */
static void seniales(void)
{
	struct sigaction accion = {.sa_handler = manejador};
	pthread_t yo = pthread_self(), hilo;
	char letra;

	sigaction(SIGUSR1, &accion, NULL);
	pthread_create(&hilo, NULL, avisar, &yo);
	VER(recv(otro, &letra, 1, 0));
	VER(en_el_manejador);
	pthread_join(hilo, NULL);
}

static void limpiar(void *nada)
{
	(void)nada;
	printf("limpia\n");
}

static void *dormir(void *nada)
{
	char letra;

	pthread_cleanup_push(limpiar, nada);
	recv(otro, &letra, 1, 0);
	pthread_cleanup_pop(0);
	return NULL;
}

/* recv es un punto de cancelación: el hilo termina adentro, y corre lo que dejó para el final. */
static void cancelar(void)
{
	pthread_t hilo;
	void *fin;

	pthread_create(&hilo, NULL, dormir, NULL);
	hasta_que_duerman(1);
	VER(pthread_cancel(hilo) + pthread_join(hilo, &fin));
	VER(fin == PTHREAD_CANCELED);
}

static void *pila_chica(void *nada)
{
	char letra;

	send(uno, "p", 1, MSG_NOSIGNAL);
	recv(otro, &letra, 1, 0);
	return nada;
}

static void hilos(void)
{
	pthread_attr_t atributos;
	pthread_t hilo;
	int antes;

	pthread_attr_init(&atributos);
	VER(pthread_attr_setstacksize(&atributos, 16384));
	VER(pthread_create(&hilo, &atributos, pila_chica, NULL));
	VER(pthread_join(hilo, NULL));
	antes = pedidos;
	pila_chica(NULL);
	VER(pedidos - antes);
}

static void hijos(void)
{
	int estado;
	pid_t hijo;
	char letra;

	fflush(stdout);
	hijo = fork();
	if (hijo == 0) {
		VER(send(uno, "h", 1, MSG_NOSIGNAL));
		VER(close(uno));
		fflush(stdout);
		_exit(5);
	}
	VER(recv(otro, &letra, 1, 0));
	VER(waitpid(hijo, &estado, 0) == hijo);
	VER(WEXITSTATUS(estado));
	/* No hay otros hijos. */
	VER(waitpid(-1, &estado, 0));
	fflush(stdout);
	VER(system("echo hola"));
}

static void descriptores(void)
{
	struct rlimit limite = {6, 64};
	int fd;

	for (fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("está %d\n", fd);
	closefrom(3);
	VER(setrlimit(RLIMIT_NOFILE, &limite));
	VER(socket(AF_INET, SOCK_STREAM, 0));
	VER(socket(AF_INET, SOCK_STREAM, 0));
	VER(socket(AF_INET, SOCK_STREAM, 0));
	VER(socket(AF_INET, SOCK_STREAM, 0));
	VER(close(2));
	VER(socket(AF_INET, SOCK_STREAM, 0));
}

int main(void)
{
	/* Lo que heredó de quien lo corre no es suyo, y cambiaría los números. */
	closefrom(3);
	conectar();
	llamadas();
	seniales();
	cancelar();
	hilos();
	hijos();
	descriptores();
	fflush(stdout);
	VER(close(1));
	return 7;
}
