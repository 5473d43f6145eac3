/*
 * Un cliente de TP0 entero, sano, con fallas que se plantan por su nombre: la verdad de «tp0 probar cliente».
 *
 *   cliente [FALLA...]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOPE (1 << 20)

static int argumentos;
static char **argumento;

static int hay(const char *falla)
{
	for (int i = 1; i < argumentos; i++)
		if (strcmp(argumento[i], falla) == 0)
			return 1;
	return 0;
}

/* Algo falló: el sano lo dice y termina. */
static void fallar(const char *que)
{
	if (hay("sigpipe"))
		return;
	if (!hay("sin-palabras"))
		fprintf(stderr, "error: %s: %s\n", que, strerror(errno));
	exit(hay("sale-con-cero") ? 0 : 1);
}

static void mandar(int fd, const void *origen, size_t cuantos)
{
	const char *lugar = origen;

	while (cuantos > 0) {
		ssize_t n = send(fd, lugar, cuantos, hay("sigpipe") ? 0 : MSG_NOSIGNAL);
		if (n < 0) {
			if (hay("no-insiste"))
				return;
			fallar("send");
			return;
		}
		lugar += n;
		cuantos -= (size_t)n;
		if (hay("no-insiste"))
			return;
	}
}

static int leer(int fd, void *destino, size_t cuantos)
{
	ssize_t n;

	if (hay("gira-esperando"))
		while ((n = recv(fd, destino, cuantos, MSG_DONTWAIT)) < 0)
			;
	n = recv(fd, destino, cuantos, hay("sin-waitall") ? 0 : MSG_WAITALL);
	if (n < 0 || (size_t)n != cuantos) {
		while (hay("gira-mostrando"))
			printf("Operacion desconocida: no quieras meter la pata\n");
		if (!hay("sin-waitall") && !hay("ignora-el-rechazo"))
			fallar("el servidor se fue");
		return n > 0 ? 0 : -1;
	}
	return 0;
}

/* ---------------------------------------------------------------------------------------------------- mensajes */

static void mandar_mensaje(int fd, int32_t codigo, const void *payload, int32_t tamanio)
{
	size_t del_codigo = hay("codigo-de-1") ? 1 : 4, del_tamanio = hay("tamanio-de-8") ? 8 : 4;
	size_t header = del_codigo + del_tamanio;
	char *todo = malloc(header + (size_t)tamanio);
	int64_t dicho = tamanio + (hay("tamanio-de-mas") ? 4 : 0);

	memcpy(todo, &codigo, del_codigo);
	memcpy(todo + del_codigo, &dicho, del_tamanio);
	memcpy(todo + header, payload, (size_t)tamanio);
	mandar(fd, todo, header + (size_t)tamanio);
	free(todo);
}

static void mandar_texto(int fd, const char *texto)
{
	mandar_mensaje(fd, 0, texto, (int32_t)strlen(texto) + (hay("sin-fin") ? 0 : 1));
}

/* Ocho MiB, de a poco: a quien los lee enseguida le llegan todos; sin insistir, al que lee despacio, no. */
static void mandar_mucho(int fd)
{
	char texto[16384];

	memset(texto, 'x', sizeof texto);
	texto[sizeof texto - 1] = '\0';
	if (hay("no-insiste"))
		fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 512; i++) {
		mandar_texto(fd, texto);
		usleep(1000);
	}
}

static void mandar_valores(int fd)
{
	char payload[64];
	int32_t largo = 4, lugar = 0;

	for (int i = 0; i < 2; i++) {
		int32_t dicho = largo + (hay("largo-de-mas") ? 1 : 0);
		memcpy(payload + lugar, &dicho, 4);
		memcpy(payload + lugar + 4, "uno", 4);
		lugar += 4 + largo;
	}
	mandar_mensaje(fd, 1, payload, lugar);
}

/* Una respuesta cualquiera: un header y lo que diga. */
static void leer_respuesta(int fd)
{
	int32_t header[2] = {0, 0};
	char *bytes;

	if (leer(fd, header, sizeof header) != 0)
		return;
	if (!hay("cree-el-tamanio") && (header[1] < 0 || header[1] > TOPE)) {
		fprintf(stderr, "error: un tamaño de %d no puede ser\n", header[1]);
		exit(1);
	}
	if (header[1] < 0) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	bytes = malloc((size_t)header[1] + 1);
	if (leer(fd, bytes, (size_t)header[1]) == 0)
		printf("respuesta de %d bytes\n", header[1]);
	free(bytes);
}

static int puerto(void)
{
	const char *dicho = getenv("PUERTO_DE_PRUEBA");

	return dicho == NULL ? 4444 : atoi(dicho);
}

static int conectar(void)
{
	struct sockaddr_in lugar = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(hay("otro-puerto") ? 4555 : puerto()))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, hay("otra-ip") ? "192.0.2.7" : "127.0.0.1", &lugar.sin_addr);
	for (int intento = 0; connect(fd, (struct sockaddr *)&lugar, sizeof lugar) != 0; intento++) {
		if (hay("espera-para-siempre") || (hay("reintenta") && intento < 2)) {
			sleep(1);
			continue;
		}
		fallar("no me pude conectar");
		break;
	}
	return fd;
}

static void saludar(int fd)
{
	int64_t saludo = hay("otro-saludo") ? 2 : 1, respuesta = -1;
	size_t mide = hay("saludo-de-8") ? 8 : hay("saludo-de-1") ? 1 : 4;

	if (hay("saludo-al-reves"))
		saludo = htonl(1);
	mandar(fd, &saludo, mide);
	if (leer(fd, &respuesta, mide) != 0 || (mide == 4 && (int32_t)respuesta != 0)) {
		if (hay("ignora-el-rechazo"))
			return;
		errno = EPROTO;
		if (hay("cae-si-lo-rechazan")) {
			signal(SIGSEGV, SIG_DFL);
			raise(SIGSEGV);
		}
		fallar("me rechazaron");
	}
}

int main(int argc, char **argv)
{
	char linea[256];
	int fd;

	argumentos = argc;
	argumento = argv;
	if (hay("no-se-conecta"))
		return 3;
	while (hay("pregunta") && fgets(linea, sizeof linea, stdin) != NULL && linea[0] != '\n')
		printf("leí %s", linea);
	if (hay("se-cae-sin-conectarse"))
		raise(SIGSEGV);
	fd = conectar();
	while (hay("no-manda-nada"))
		pause();
	if (!hay("sin-handshake"))
		saludar(fd);
	mandar_texto(fd, "hola");
	if (hay("mucho"))
		mandar_mucho(fd);
	mandar_valores(fd);
	if (hay("lee-respuesta"))
		leer_respuesta(fd);
	printf("listo\n");
	if (!hay("no-cierra"))
		close(fd);
	return 0;
}
