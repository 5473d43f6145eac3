/*
 * Cada cosa sospechosa que tp0 trazar tiene que ver, una por corrida, en el renglón que dice ACA con su nombre: sospechas NOMBRE. Las dos puntas de
 * cada conexión están en este proceso. Fuera de ese renglón, todo está bien hecho.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../tests/c/dormidos.h"

static struct sockaddr_in loopback(int puerto)
{
	struct sockaddr_in donde = {.sin_family = AF_INET, .sin_port = htons((uint16_t)puerto)};

	donde.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return donde;
}

static void exigir(int bien, const char *que)
{
	if (!bien) {
		perror(que);
		exit(99);
	}
}

/* Uno que escucha en un puerto cualquiera, y dónde. */
static int escuchar(struct sockaddr_in *donde)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), si = 1;
	socklen_t mide = sizeof *donde;

	*donde = loopback(0);
	exigir(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si) == 0, "socket");
	exigir(bind(fd, (struct sockaddr *)donde, sizeof *donde) == 0 && listen(fd, 5) == 0, "bind");
	exigir(getsockname(fd, (struct sockaddr *)donde, &mide) == 0, "getsockname");
	return fd;
}

/* Las dos puntas de una conexión. */
static void conectar(int *uno, int *otro)
{
	struct sockaddr_in donde;
	int escucha = escuchar(&donde);

	*uno = socket(AF_INET, SOCK_STREAM, 0);
	exigir(*uno >= 0 && connect(*uno, (struct sockaddr *)&donde, sizeof donde) == 0, "connect");
	*otro = accept(escucha, NULL, NULL);
	exigir(*otro >= 0, "accept");
	close(escucha);
}

static void mandar(int fd, const void *datos, size_t cuantos)
{
	exigir(send(fd, datos, cuantos, MSG_NOSIGNAL) == (ssize_t)cuantos, "send");
}

/* Las dos puntas, ya presentadas: otro es el que atendió. */
static void saludar(int *uno, int *otro)
{
	int saludo;

	conectar(uno, otro);
	mandar(*uno, "\1\0\0\0", 4);
	exigir(recv(*otro, &saludo, 4, MSG_WAITALL) == 4, "recv");
	mandar(*otro, "\0\0\0\0", 4);
	exigir(recv(*uno, &saludo, 4, MSG_WAITALL) == 4, "recv");
}

/* Un mensaje de 100 bytes, y sólo 10. */
static void mandar_la_mitad(int fd)
{
	mandar(fd, "\0\0\0\0\144\0\0\0", 8);
	mandar(fd, "diez bytes", 10);
}

static void sigue_bind(void)
{
	struct sockaddr_in donde;
	int otro = escuchar(&donde), fd = socket(AF_INET, SOCK_STREAM, 0);

	bind(fd, (struct sockaddr *)&donde, sizeof donde); /* ACA sigue_bind */
	exigir(listen(fd, 5) == 0, "listen");
	close(fd);
	close(otro);
}

static void sigue_listen(void)
{
	struct sockaddr_in donde;
	int otro = escuchar(&donde), fd = socket(AF_INET, SOCK_STREAM, 0);

	exigir(fd >= 0 && connect(fd, (struct sockaddr *)&donde, sizeof donde) == 0, "connect");
	listen(fd, 5); /* ACA sigue_listen */
	exigir(accept(fd, NULL, NULL) < 0, "accept");
	close(fd);
	close(otro);
}

static void sigue_connect(void)
{
	struct sockaddr_in donde;
	int fd = escuchar(&donde);

	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	connect(fd, (struct sockaddr *)&donde, sizeof donde); /* ACA sigue_connect */
	exigir(send(fd, "hola", 4, MSG_NOSIGNAL) < 0, "send");
	close(fd);
}

static void menos_uno(void)
{
	struct sockaddr_in donde;
	int escucha = escuchar(&donde), fd;

	exigir(fcntl(escucha, F_SETFL, O_NONBLOCK) == 0, "fcntl");
	fd = accept(escucha, NULL, NULL);
	exigir(send(fd, "hola", 4, MSG_NOSIGNAL) < 0, "send"); /* ACA menos_uno */
	close(escucha);
}

static void sin_nosignal(void)
{
	int uno, otro;
	char nada;

	conectar(&uno, &otro);
	close(otro);
	exigir(recv(uno, &nada, 1, 0) == 0, "recv");
	send(uno, "hola", 4, 0); /* ACA sin_nosignal */
	close(uno);
}

static void sigpipe(void)
{
	int uno, otro;

	conectar(&uno, &otro);
	close(otro);
	/* El primero sale bien, y le contestan con un RST: cuando llega, el que sigue lo mata. */
	for (int i = 0; i < 20000; i++) {
		send(uno, "hola", 4, 0); /* ACA sigpipe */
		usleep(1000);
	}
	close(uno);
}

static void envio_corto(void)
{
	int uno, otro;
	char *mucho = malloc(1 << 26);

	memset(mucho, 'x', 1 << 26);
	conectar(&uno, &otro);
	exigir(fcntl(uno, F_SETFL, O_NONBLOCK) == 0, "fcntl");
	exigir(send(uno, mucho, 1 << 26, MSG_NOSIGNAL) < 1 << 26, "send"); /* ACA envio_corto */
	close(uno);
	close(otro);
	free(mucho);
}

static void recibe_corto(void)
{
	int uno, otro, codigo, size;
	char texto[10];

	conectar(&uno, &otro);
	mandar(uno, "\0\0\0\0\12\0\0\0hola", 12);
	exigir(recv(otro, &codigo, 4, MSG_WAITALL) == 4 && recv(otro, &size, 4, MSG_WAITALL) == 4, "recv");
	exigir(recv(otro, texto, sizeof texto, 0) == 4, "recv"); /* ACA recibe_corto */
	mandar(uno, " mundo", 6);
	exigir(recv(otro, &codigo, 4, MSG_WAITALL) == 4, "recv");
	close(uno);
	close(otro);
}

static void abandona_corto(void)
{
	int uno, otro, codigo, sin_leer = 0;

	conectar(&uno, &otro);
	mandar(uno, "\0\0", 2);
	exigir(recv(otro, &codigo, 4, 0) == 2, "recv"); /* ACA abandona_corto */
	mandar(uno, "\0\0\5\0\0\0hola", 11);
	for (int i = 0; i < 20000 && sin_leer < 11; i++) {
		usleep(1000);
		exigir(ioctl(otro, FIONREAD, &sin_leer) == 0, "ioctl");
	}
	close(otro);
	close(uno);
}

/* Otro protocolo: un código de un byte, y el tamaño en dos, como lo deja htons. */
static void recibe_corto_crudo(void)
{
	int uno, otro;
	unsigned char texto[10], codigo, size[2];

	conectar(&uno, &otro);
	mandar(uno, "\5\0\12hola", 7);
	exigir(recv(otro, &codigo, 1, 0) == 1 && recv(otro, size, 2, MSG_WAITALL) == 2, "recv");
	exigir(recv(otro, texto, size[1], 0) == 4, "recv"); /* ACA recibe_corto_crudo */
	mandar(uno, " mundo", 6);
	exigir(recv(otro, &codigo, 1, 0) == 1, "recv");
	close(uno);
	close(otro);
}

static void waitall_corto(void)
{
	int uno, otro, codigo, size;
	char texto[10];

	conectar(&uno, &otro);
	mandar(uno, "\0\0\0\0\12\0\0\0hola", 12);
	shutdown(uno, SHUT_WR);
	exigir(recv(otro, &codigo, 4, MSG_WAITALL) == 4 && recv(otro, &size, 4, MSG_WAITALL) == 4, "recv");
	exigir(recv(otro, texto, sizeof texto, MSG_WAITALL) == 4, "recv"); /* ACA waitall_corto */
	exigir(recv(otro, &codigo, 4, MSG_WAITALL) == 0, "recv");
	close(uno);
	close(otro);
}

static void tamanio(void)
{
	int uno, otro, codigo, size;
	char texto[16];

	conectar(&uno, &otro);
	mandar(uno, "\0\0\0\0\377\377\377\377hola", 12);
	exigir(recv(otro, &codigo, 4, MSG_WAITALL) == 4 && recv(otro, &size, 4, MSG_WAITALL) == 4, "recv");
	recv(otro, texto, (size_t)size, 0); /* ACA tamanio */
	close(uno);
	close(otro);
}

static void opcion(void)
{
	struct sockaddr_in donde = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0), si = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT, &si, sizeof si); /* ACA opcion */
	exigir(bind(fd, (struct sockaddr *)&donde, sizeof donde) == 0, "bind");
	close(fd);
}

static void opcion_tarde(void)
{
	struct sockaddr_in donde = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0), si = 1;

	exigir(bind(fd, (struct sockaddr *)&donde, sizeof donde) == 0, "bind");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si); /* ACA opcion_tarde */
	close(fd);
}

static void cierra_dos(void)
{
	int uno, otro;

	conectar(&uno, &otro);
	close(uno);
	close(uno); /* ACA cierra_dos */
	close(otro);
}

static void cierra_nada(void)
{
	int uno, otro;

	conectar(&uno, &otro);
	close(uno);
	close(otro);
	close(-1); /* ACA cierra_nada */
}

static void cerrado(void)
{
	int uno, otro;

	conectar(&uno, &otro);
	close(uno);
	exigir(send(uno, "hola", 4, MSG_NOSIGNAL) < 0, "send"); /* ACA cerrado */
	close(otro);
}

struct envio {
	int fd;
	size_t cuantos;
};

static void *mandar_mucho(void *dato)
{
	struct envio *envio = dato;
	char *mucho = malloc(envio->cuantos);

	memset(mucho, 'x', envio->cuantos);
	exigir(send(envio->fd, mucho, envio->cuantos, MSG_NOSIGNAL) == (ssize_t)envio->cuantos, "send"); /* ACA encimados */
	free(mucho);
	return NULL;
}

static void encimados(void)
{
	pthread_t hilos[2];
	struct envio envio = {.cuantos = 1 << 24};
	int otro;
	size_t faltan = 2 * envio.cuantos;
	char *lugar = malloc(1 << 20);

	conectar(&envio.fd, &otro);
	for (int i = 0; i < 2; i++)
		exigir(pthread_create(&hilos[i], NULL, mandar_mucho, &envio) == 0, "pthread_create");
	/* Los dos llenan lo que entra, y se quedan adentro. */
	hasta_que_duerman(2);
	while (faltan > 0) {
		ssize_t n = recv(otro, lugar, 1 << 20, 0);

		exigir(n > 0, "recv");
		faltan -= (size_t)n;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(hilos[i], NULL);
	close(envio.fd);
	close(otro);
	free(lugar);
}

static void abierto(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0); /* ACA abierto */

	exigir(fd >= 0, "socket");
}

static void en_un_hijo(void)
{
	int uno, otro, estado;
	pid_t hijo;

	conectar(&uno, &otro);
	hijo = fork();
	if (hijo == 0) {
		close(uno);
		close(uno); /* ACA en_un_hijo */
		exit(0);
	}
	close(uno);
	exigir(waitpid(hijo, &estado, 0) == hijo && estado == 0, "waitpid");
	close(otro);
}

static void mensaje_corto(void)
{
	int uno, otro;

	saludar(&uno, &otro);
	mandar(otro, "\0\0\0\0\144\0\0\0", 8);
	exigir(send(otro, "diez bytes", 10, MSG_NOSIGNAL) == 10, "send"); /* ACA mensaje_corto */
	close(otro);
	close(uno);
}

/* Lo que se dijo por la mitad, sin que sea sospechoso. */

static void eco_sin_header(void)
{
	int uno, otro;
	char texto[9];

	saludar(&uno, &otro);
	mandar(otro, "ñandú", 8);
	close(otro);
	exigir(recv(uno, texto, 8, MSG_WAITALL) == 8 && recv(uno, texto, 1, 0) == 0, "recv");
	close(uno);
}

static void menos_que_un_header(void)
{
	int uno, otro;
	char texto[16];

	saludar(&uno, &otro);
	mandar(otro, "hola", 5);
	exigir(recv(uno, texto, sizeof texto, 0) == 5, "recv");
	close(uno);
	close(otro);
}

/* Uno entero y el comienzo de otro, juntos. */
static void sobra_un_pedazo(void)
{
	int uno, otro;

	saludar(&uno, &otro);
	mandar(otro, "\0\0\0\0\5\0\0\0hola\0\377\377\377", 16);
	close(otro);
	close(uno);
}

/* Detrás de uno entero, lo que no puede ser; y lo que le sigue. */
static void header_imposible(void)
{
	int uno, otro;

	saludar(&uno, &otro);
	mandar(uno, "\0\0\0\0\5\0\0\0hola\0chau, chau", 23);
	mandar(otro, "\0\0\0\0\377\377\377\377hola", 13);
	close(otro);
	close(uno);
}

static void a_medias_y_lo_matan(void)
{
	int uno, otro;
	char texto[12];

	saludar(&uno, &otro);
	mandar_la_mitad(otro);
	exigir(recv(uno, texto, sizeof texto, MSG_WAITALL) == sizeof texto, "recv");
	raise(SIGKILL);
}

static void a_medias_y_exec(void)
{
	int uno, otro;

	saludar(&uno, &otro);
	mandar_la_mitad(otro);
	execl("/bin/true", "true", (char *)NULL);
	exigir(0, "execl");
}

/* El que termina con lo que heredó. */
static void a_medias_y_termina(void)
{
	int uno, otro, estado, solo[2];
	pid_t hijo;
	char nada;

	saludar(&uno, &otro);
	exigir(pipe(solo) == 0, "pipe");
	hijo = fork();
	if (hijo == 0) {
		close(solo[1]);
		exigir(read(solo[0], &nada, 1) == 0, "read");
		close(uno);
		mandar_la_mitad(otro);
		exit(0);
	}
	close(otro);
	close(solo[1]);
	exigir(waitpid(hijo, &estado, 0) == hijo && estado == 0, "waitpid");
	close(uno);
}

static void a_medias_y_se_fue(void)
{
	int uno, otro;
	struct pollfd fin = {.events = POLLRDHUP};

	saludar(&uno, &otro);
	mandar_la_mitad(otro);
	shutdown(uno, SHUT_WR);
	fin.fd = otro;
	exigir(poll(&fin, 1, -1) == 1, "poll");
	close(otro);
	close(uno);
}

static void a_medias_y_corte(void)
{
	int uno, otro;
	struct linger ya = {.l_onoff = 1};
	char nada;

	saludar(&uno, &otro);
	mandar_la_mitad(otro);
	exigir(setsockopt(uno, SOL_SOCKET, SO_LINGER, &ya, sizeof ya) == 0, "setsockopt");
	close(uno);
	exigir(recv(otro, &nada, 1, 0) < 0 && errno == ECONNRESET, "recv");
	exigir(send(otro, "y el resto", 10, MSG_NOSIGNAL) < 0 && errno == EPIPE, "send");
	close(otro);
}

/* El que corta a propósito, y el que no pudo mandar más. */
static void a_medias_a_proposito(void)
{
	int uno, otro;
	struct linger ya = {.l_onoff = 1};

	saludar(&uno, &otro);
	mandar_la_mitad(otro);
	exigir(setsockopt(otro, SOL_SOCKET, SO_LINGER, &ya, sizeof ya) == 0, "setsockopt");
	close(otro);
	close(uno);
	saludar(&uno, &otro);
	mandar_la_mitad(otro);
	shutdown(otro, SHUT_WR);
	exigir(send(otro, "y el resto", 10, MSG_NOSIGNAL) < 0 && errno == EPIPE, "send");
	close(otro);
	close(uno);
}

static void opciones(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), si = 1;

	exigir(setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &si, sizeof si) == 0, "setsockopt");
	exigir(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &si, sizeof si) == 0, "setsockopt");
	exigir(setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &si, sizeof si) == 0, "setsockopt");
	exigir(setsockopt(fd, IPPROTO_TCP, 99, &si, sizeof si) < 0, "setsockopt");
	close(fd);
}

/* Lo que parece y no es. */
static void nada(void)
{
	int uno, otro, copia;
	char texto[4096];
	struct iovec partes[2] = {{"hola", 4}, {" mundo", 6}};

	signal(SIGPIPE, SIG_IGN);
	conectar(&uno, &otro);
	/* Un buffer donde entra lo que venga. */
	mandar(uno, "\0\0\0\0\5\0\0\0ho", 10);
	exigir(recv(otro, texto, sizeof texto, 0) == 10, "recv");
	mandar(uno, "la", 3);
	exigir(recv(otro, texto, sizeof texto, 0) == 3, "recv");
	/* De a un pedazo, y se pide el resto. */
	mandar(uno, "\0\0", 2);
	exigir(recv(otro, texto, 4, 0) == 2, "recv");
	mandar(uno, "\0\0\12\0\0\0", 6);
	exigir(recv(otro, texto + 2, 2, 0) == 2 && recv(otro, texto, 4, 0) == 4, "recv");
	exigir(writev(uno, partes, 2) == 10 && readv(otro, (struct iovec[]){{texto, 10}}, 1) == 10, "writev");
	copia = dup(otro);
	close(otro);
	exigir(recv(copia, texto, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "recv");
	/* El resto no llegó nunca, y se cansó de esperarlo. */
	mandar(uno, "\0\0", 2);
	exigir(recv(copia, texto, 4, 0) == 2, "recv");
	close(copia);
	/* A quien se fue, con SIGPIPE ignorada. */
	exigir(recv(uno, texto, 1, 0) == 0, "recv");
	for (int i = 0; i < 3; i++)
		if (send(uno, "hola", 4, 0) < 0)
			break;
	close(uno);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
}

#define CASO(nombre) {#nombre, nombre}

int main(int argc, char **argv)
{
	static const struct {
		const char *nombre;
		void (*hacer)(void);
	} casos[] = {CASO(sigue_bind), CASO(sigue_listen), CASO(sigue_connect), CASO(menos_uno), CASO(sin_nosignal), CASO(sigpipe),
		     CASO(envio_corto), CASO(recibe_corto), CASO(abandona_corto), CASO(recibe_corto_crudo), CASO(waitall_corto), CASO(tamanio), CASO(opcion),
		     CASO(opcion_tarde), CASO(cierra_dos), CASO(cierra_nada), CASO(cerrado), CASO(encimados), CASO(abierto),
		     CASO(en_un_hijo), CASO(mensaje_corto), CASO(eco_sin_header), CASO(menos_que_un_header), CASO(sobra_un_pedazo), CASO(header_imposible),
		     CASO(a_medias_y_lo_matan), CASO(a_medias_y_exec), CASO(a_medias_y_termina), CASO(a_medias_y_se_fue), CASO(a_medias_y_corte),
		     CASO(a_medias_a_proposito), CASO(opciones), CASO(nada)};

	for (size_t i = 0; i < sizeof casos / sizeof *casos; i++)
		if (argc > 1 && strcmp(argv[1], casos[i].nombre) == 0) {
			casos[i].hacer();
			return 0;
		}
	fprintf(stderr, "sospechas NOMBRE\n");
	return 98;
}
