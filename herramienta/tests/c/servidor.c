/*
 * Un servidor de TP0 entero, sano, con fallas que se plantan por su nombre: es la verdad de «tp0 probar». Cada caso de la tabla tiene una
 * falla que tiene que verse, y cada parecido que no es falla, su nombre también.
 *
 *   servidor [FALLA...]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPE (1 << 20)

static int argumentos;
static char **argumento;
static FILE *registro;

static int hay(const char *falla)
{
	for (int i = 1; i < argumentos; i++)
		if (strcmp(argumento[i], falla) == 0)
			return 1;
	return 0;
}

/* ---------------------------------------------------------------------------------------------------- mostrar */

static void mostrar(const char *formato, ...)
{
	va_list lista;

	if (hay("callado"))
		return;
	va_start(lista, formato);
	vfprintf(registro, formato, lista);
	va_end(lista);
	fputc('\n', registro);
	if (!hay("muestra-al-final"))
		fflush(registro);
}

/* ------------------------------------------------------------------------------------------------------ bytes */

static int leer(int fd, void *destino, int cuantos)
{
	char *lugar = destino;

	if (hay("sin-waitall") && cuantos > 0)
		return recv(fd, destino, (size_t)cuantos, 0) > 0 ? 0 : -1;
	while (cuantos > 0) {
		ssize_t n = recv(fd, lugar, (size_t)cuantos, hay("mira-a-ratos") ? MSG_DONTWAIT : 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			usleep(500);
			continue;
		}
		if (n <= 0)
			return -1;
		lugar += n;
		cuantos -= (int)n;
	}
	return 0;
}

/* Con «otro-cable», el código es de 1 byte y lo demás va con htonl. */
static int leer_entero(int fd, int32_t *valor)
{
	if (leer(fd, valor, sizeof *valor) != 0)
		return -1;
	if (hay("otro-cable"))
		*valor = (int32_t)ntohl((uint32_t)*valor);
	return 0;
}

static int leer_codigo(int fd, int32_t *codigo)
{
	unsigned char byte;

	if (!hay("otro-cable"))
		return leer_entero(fd, codigo);
	if (leer(fd, &byte, sizeof byte) != 0)
		return -1;
	*codigo = byte;
	return 0;
}

static void contestar(int fd, int32_t valor)
{
	send(fd, &valor, sizeof valor, hay("sigpipe") ? 0 : MSG_NOSIGNAL);
}

static void morir_de(int senial)
{
	signal(senial, SIG_DFL);
	raise(senial);
}

/* -------------------------------------------------------------------------------------------------- conversar */

/* El payload de un mensaje; NULL si no vino entero o no se le cree. */
static char *payload(int fd, int32_t *tamanio)
{
	char *bytes;

	if (leer_entero(fd, tamanio) != 0)
		return NULL;
	if (hay("cree-el-tamanio")) {
		if (*tamanio < 0)
			morir_de(SIGSEGV);
		bytes = malloc((size_t)*tamanio + 1);
	} else {
		if (*tamanio < 0 || *tamanio > TOPE)
			return NULL;
		bytes = malloc((size_t)*tamanio + 1);
	}
	if (bytes == NULL)
		return NULL;
	if (hay("buffer-fijo") && *tamanio > 1000) {
		/* Lee los primeros, y lo demás lo tira. */
		char nada;
		leer(fd, bytes, 1000);
		for (int i = 1000; i < *tamanio; i++)
			leer(fd, &nada, 1);
		*tamanio = 1000;
	} else if (leer(fd, bytes, *tamanio) != 0) {
		if (hay("cae-en-el-corte"))
			morir_de(SIGSEGV);
		free(bytes);
		return NULL;
	}
	bytes[*tamanio] = '\0';
	return bytes;
}

static int mostrar_valores(const char *bytes, int32_t tamanio)
{
	int32_t lugar = 0, largo;

	if (tamanio == 0 && hay("cae-con-paquete-vacio"))
		morir_de(SIGSEGV);
	while (tamanio - lugar >= (int32_t)sizeof largo) {
		memcpy(&largo, bytes + lugar, sizeof largo);
		if (hay("otro-cable"))
			largo = (int32_t)ntohl((uint32_t)largo);
		lugar += (int32_t)sizeof largo;
		if (largo < 0 || largo > tamanio - lugar) {
			if (hay("cree-el-largo")) {
				char *copia = malloc((size_t)largo + 1);
				memcpy(copia, bytes + lugar, (size_t)largo);
				mostrar("%p", (void *)copia);
			}
			if (hay("cae-si-sobra"))
				morir_de(SIGABRT);
			return -1;
		}
		if (!(hay("pierde-el-ultimo") && lugar + largo == tamanio))
			mostrar("valor: %.*s", (int)largo, bytes + lugar);
		lugar += largo;
	}
	return lugar == tamanio ? 0 : -1;
}

/* Habla con uno hasta que se va. */
static void conversar(int fd)
{
	int32_t codigo, tamanio = 0;

	for (;;) {
		char *bytes;

		if (leer_codigo(fd, &codigo) != 0) {
			if (hay("gira") || (hay("gira-con-rst") && errno == ECONNRESET))
				for (;;)
					;
			while (hay("gira-mostrando"))
				printf("Operacion desconocida: no quieras meter la pata\n");
			break;
		}
		if (hay("solo-codigo") && codigo != 0 && codigo != 1)
			continue;
		if (hay("ignora-el-payload") && codigo != 0 && codigo != 1) {
			/* Ni lee el tamaño ni cierra; y lo que sigue ya no lo entiende. */
			char nada[64];
			while (recv(fd, nada, sizeof nada, 0) > 0)
				;
			break;
		}
		bytes = payload(fd, &tamanio);
		if (bytes == NULL)
			break;
		if (hay("tarda"))
			sleep(1);
		if (hay("cae-con-vacio") && codigo == 0 && tamanio == 0)
			morir_de(SIGFPE);
		if (hay("come-el-siguiente")) {
			char nada[4096];
			recv(fd, nada, sizeof nada, MSG_DONTWAIT);
		}
		if (codigo == 0 && tamanio > 0 && !hay("no-muestra"))
			mostrar("mensaje: %s", bytes);
		if (codigo == 1 && mostrar_valores(bytes, tamanio) != 0) {
			free(bytes);
			break;
		}
		if (!hay("no-libera"))
			free(bytes);
		contestar(fd, 0);
		contestar(fd, 2);
	}
	if (hay("cae-al-irse"))
		morir_de(SIGSEGV);
	if (hay("sale-con-uno")) {
		fprintf(stderr, "error: perdí al cliente\n");
		exit(1);
	}
}

/* Si mostró el handshake. */
static int saludar(int fd)
{
	int32_t valor = 0;

	if (hay("sin-handshake"))
		return 1;
	if (hay("mudo")) {
		pause();
		return 0;
	}
	if (leer_entero(fd, &valor) != 0) {
		if (hay("cae-sin-saludo"))
			morir_de(SIGSEGV);
		return 0;
	}
	if (hay("tarda"))
		sleep(1);
	if (valor != (hay("saludo-7") ? 7 : 1) && !hay("acepta-cualquiera")) {
		contestar(fd, -1);
		return 0;
	}
	contestar(fd, 0);
	return 1;
}

static void cerrar(int fd)
{
	if (!hay("no-cierra"))
		close(fd);
}

static void *atender(void *dato)
{
	int fd = (int)(intptr_t)dato;

	if (hay("saluda-en-el-accept") || saludar(fd))
		conversar(fd);
	cerrar(fd);
	return NULL;
}

/* ---------------------------------------------------------------------------------------------------- escuchar */

static int puerto(void)
{
	const char *dicho = getenv("PUERTO_DE_PRUEBA");

	return dicho == NULL ? 4444 : atoi(dicho);
}

static int escuchar(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), si = 1;
	struct sockaddr_in lugar = {.sin_family = AF_INET};

	lugar.sin_port = htons((uint16_t)(hay("otro-puerto") ? 4555 : puerto()));
	if (!hay("sin-reuseaddr"))
		setsockopt(fd, SOL_SOCKET, hay("reuseport") ? SO_REUSEPORT : SO_REUSEADDR, &si, sizeof si);
	if (hay("reuseport"))
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si);
	if (hay("nunca-escucha"))
		for (;;)
			pause();
	if (bind(fd, (struct sockaddr *)&lugar, sizeof lugar) != 0 && !hay("no-mira-bind")) {
		perror("error: bind");
		if (hay("avisa-y-sigue"))
			for (;;)
				pause();
		exit(1);
	}
	listen(fd, SOMAXCONN);
	return fd;
}

/* Muestra mientras el programa anda: sin parar, o cada tanto, como quien avisa que sigue ahí. */
static void *inundar(void *nada)
{
	for (;;) {
		printf("%049d\n", 0);
		if (hay("muestra-a-ratos"))
			usleep(20000);
	}
	return nada;
}

static void no_hacer_nada(int senial)
{
	(void)senial;
}

static void atender_a_muchos(int servidor)
{
	for (;;) {
		int fd = accept(servidor, NULL, NULL);
		pthread_t hilo;

		if (fd < 0)
			continue;
		if (hay("atiende-a-uno")) {
			atender((void *)(intptr_t)fd);
			if (hay("y-termina"))
				exit(0);
			while (hay("y-se-queda"))
				pause();
		} else if (hay("con-fork")) {
			if (fork() == 0) {
				close(servidor);
				atender((void *)(intptr_t)fd);
				exit(0);
			}
			close(fd);
			if (!hay("deja-zombis"))
				signal(SIGCHLD, SIG_IGN);
		} else {
			if (hay("saluda-en-el-accept") && !saludar(fd)) {
				close(fd);
				continue;
			}
			pthread_create(&hilo, NULL, atender, (void *)(intptr_t)fd);
			pthread_detach(hilo);
		}
	}
}

int main(int argc, char **argv)
{
	int servidor, cliente;

	argumentos = argc;
	argumento = argv;
	registro = hay("a-un-log") ? fopen("servidor.log", "a") : stdout;
	if (registro == NULL)
		return 1;
	if (hay("ignora-sigint"))
		signal(SIGINT, SIG_IGN);
	if (hay("sa-restart")) {
		struct sigaction accion = {.sa_handler = no_hacer_nada, .sa_flags = SA_RESTART};
		sigaction(SIGINT, &accion, NULL);
	}
	if (hay("ignora-sigterm"))
		signal(SIGTERM, SIG_IGN);
	if (hay("deja-un-nieto") && fork() == 0) {
		setsid();
		for (;;)
			pause();
	}
	if (hay("tarda-en-escuchar"))
		sleep(1);
	servidor = escuchar();
	if (hay("inunda") || hay("muestra-a-ratos")) {
		pthread_t hilo;
		pthread_create(&hilo, NULL, inundar, NULL);
	}
	if (hay("muchos"))
		atender_a_muchos(servidor);
	do {
		cliente = accept(servidor, NULL, NULL);
		if (cliente < 0)
			return 1;
		if (!saludar(cliente)) {
			cerrar(cliente);
			cliente = -1;
		}
	} while (cliente < 0);
	conversar(cliente);
	cerrar(cliente);
	close(servidor);
	return 0;
}
