/*
 * pthread_cancel en cada llamada que bloquea: el hilo no se va en el medio; se va al volver de la biblioteca, y lo que sigue a la llamada no
 * corre. El proceso sigue entero.
 *
 *   cancelar CASO
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <tp0.h>
#include "dormidos.h"
#include <unistd.h>

static void *bloquear(void *caso);
static int servidor, conexion, cliente;
static volatile int llego, limpio;
static char puerto[8];

static void exigir(int condicion, const char *que)
{
	if (!condicion) {
		printf("MAL: %s (%s)\n", que, tp0_error() == NULL ? "sin error" : tp0_error());
		exit(1);
	}
}

static void limpiar(void *nada)
{
	(void)nada;
	limpio = 1;
}

static void enviar_mucho(void)
{
	static char texto[16 * 1024 * 1024];

	memset(texto, 'a', sizeof texto - 1);
	enviar_mensaje(texto, conexion);
}

/* Un hilo de tp0_atender al que se cancela mientras recibe. */
static pthread_t atendiendo;

static void conversar(int fd, void *nada)
{
	(void)nada;
	atendiendo = pthread_self();
	pthread_cleanup_push(limpiar, NULL);
	recibir_operacion(fd);
	llego = 1;
	pthread_cleanup_pop(0);
}

static void cancelar_al_que_atiende(void)
{
	pthread_t hilo;
	int otro;

	setenv("TP0_HANDSHAKE", "no", 1);
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	exigir(pthread_create(&hilo, NULL, bloquear, "atender") == 0, "pthread_create");
	conexion = crear_conexion("127.0.0.1", puerto);
	/* El que atiende, y el hilo de su cliente. */
	hasta_que_duerman(2);
	exigir(pthread_cancel(atendiendo) == 0, "pthread_cancel");
	hasta_que_duerman(2);
	exigir(!limpio && !llego, "no se tenia que ir en el medio de la llamada");
	enviar_mensaje("hola", conexion);
	exigir(recibir_operacion(conexion) == -1, "al irse su hilo, la conexion se libera");
	exigir(limpio && !llego, "lo que sigue a la llamada no corre");

	/* A los demas se los sigue atendiendo. */
	limpio = 0;
	otro = crear_conexion("127.0.0.1", puerto);
	enviar_mensaje("hola", otro);
	exigir(recibir_operacion(otro) == -1 && llego && !limpio, "otro cliente");
	exigir(tp0_detener(servidor) == 0, "detener");
	pthread_join(hilo, NULL);
	liberar_conexion(conexion);
	liberar_conexion(otro);
	puts("bien");
}

static void *bloquear(void *caso)
{
	pthread_cleanup_push(limpiar, NULL);
	if (strcmp(caso, "recibir") == 0)
		recibir_operacion(conexion);
	else if (strcmp(caso, "enviar") == 0)
		enviar_mucho();
	else if (strcmp(caso, "esperar") == 0)
		esperar_cliente(servidor);
	else if (strcmp(caso, "conectar") == 0)
		crear_conexion("127.0.0.1", puerto);
	else
		tp0_atender(servidor, conversar, NULL);
	llego = 1;
	pthread_cleanup_pop(0);
	return NULL;
}

/* A quien se conecte ahi, nadie le contesta el handshake. */
static void escuchar_sin_aceptar(void)
{
	struct sockaddr_in donde = {.sin_family = AF_INET};
	socklen_t largo = sizeof donde;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	donde.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	exigir(bind(fd, (struct sockaddr *)&donde, largo) == 0 && listen(fd, 1) == 0, "listen");
	exigir(getsockname(fd, (struct sockaddr *)&donde, &largo) == 0, "getsockname");
	snprintf(puerto, sizeof puerto, "%d", ntohs(donde.sin_port));
}

/* Un cliente y un servidor que ya se hablan, sin handshake: en un solo hilo. */
static void conectar(void)
{
	setenv("TP0_HANDSHAKE", "no", 1);
	conexion = crear_conexion("127.0.0.1", puerto);
	exigir(conexion > 2, "conectar");
	cliente = esperar_cliente(servidor);
	exigir(cliente > 2, "esperar");
}

int main(int argc, char **argv)
{
	pthread_t hilo;
	void *salida = NULL;

	exigir(argc == 2, "uso: cancelar CASO");
	if (strcmp(argv[1], "atendido") == 0) {
		cancelar_al_que_atiende();
		return 0;
	}
	if (strcmp(argv[1], "recibir") == 0 || strcmp(argv[1], "enviar") == 0)
		setenv("TP0_HANDSHAKE", "no", 1);
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	exigir(servidor > 2, "iniciar");
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	setenv("TP0_ESPERA_MS", "3000", 1);
	if (strcmp(argv[1], "recibir") == 0 || strcmp(argv[1], "enviar") == 0)
		conectar();
	if (strcmp(argv[1], "conectar") == 0)
		escuchar_sin_aceptar();

	exigir(pthread_create(&hilo, NULL, bloquear, argv[1]) == 0, "pthread_create");
	hasta_que_duerman(1);
	exigir(pthread_cancel(hilo) == 0, "pthread_cancel");
	/* Sigue adentro: duerme en su llamada, y no en lo que limpia, que no espera a nadie. */
	hasta_que_duerman(1);
	exigir(!limpio && !llego, "no se tenia que ir en el medio de la llamada");

	/* Lo que despierta a una llamada bloqueada. */
	if (strcmp(argv[1], "recibir") == 0 || strcmp(argv[1], "enviar") == 0)
		liberar_conexion(conexion);
	else if (strcmp(argv[1], "atender") == 0)
		tp0_detener(servidor);
	else if (strcmp(argv[1], "esperar") == 0)
		liberar_conexion(servidor);
	exigir(pthread_join(hilo, &salida) == 0, "pthread_join");
	exigir(salida == PTHREAD_CANCELED, "se tenia que ir, cancelado, al volver");
	exigir(limpio && !llego, "lo que sigue a la llamada no corre");

	/* Y la biblioteca sigue entera. */
	setenv("TP0_HANDSHAKE", "no", 1);
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	conectar();
	exigir(enviar_mensaje("hola", conexion) == 0 && recibir_operacion(cliente) == MENSAJE, "conversar");
	liberar_conexion(conexion);
	liberar_conexion(cliente);
	liberar_conexion(servidor);
	puts("bien");
	return 0;
}
