/*
 * matriz_reuso: muchos hilos que se conectan, conversan y terminan de todas las maneras que un programa conoce, así que cada
 * número de descriptor pasa enseguida a otra conexión. Ninguna conversación puede recibir un byte de otra, ni cortarse porque otro
 * soltó su número viejo.
 *
 * El par es otro proceso, con sockets a secas: contesta lo mismo que le llega y controla que por cada conexión llegue una sola
 * conversación.
 */
#define _GNU_SOURCE
#include "matriz_comun.h"

/*
 * Un número terminado queda reservado hasta que terminen otros 64: el programa que lo suelta después de eso, pierde. Por eso los
 * hilos avanzan juntos: entre barrera y barrera terminan a lo sumo 8 * 7.
 */
enum { HILOS = 8, POR_TRAMO = 7, VUELTAS = 3, NUMEROS = 4096 };
/* Cómo tiene que terminar el par: el código de un mensaje sin payload. */
enum { SEGUIR = 7, CERRAR = 8, RESETEAR = 9, DEJAR_A_MEDIAS = 10 };

/* ------------------------------------------------------------------ el par */

static void *atender_a_uno(void *x) {
	int s = (int)(intptr_t)x;
	int32_t saludo, header[2], numero, suyo = -1;
	recibir_a_secas(s, &saludo, 4);
	EXIGIR(saludo == 1);
	saludo = 0;
	mandar_a_secas(s, &saludo, 4);
	while (recv(s, header, 8, MSG_WAITALL) == 8) {
		if (header[0] == SEGUIR) {
			EXIGIR(header[1] == 4);
			recibir_a_secas(s, &numero, 4);
			EXIGIR(suyo == -1 || suyo == numero); /* por acá conversa uno solo */
			suyo = numero;
			int32_t eco[3] = {SEGUIR, 4, numero};
			mandar_a_secas(s, eco, sizeof eco);
			continue;
		}
		EXIGIR(header[1] == 4 && header[0] >= CERRAR && header[0] <= DEJAR_A_MEDIAS);
		recibir_a_secas(s, &numero, 4);
		EXIGIR(suyo == numero);
		if (header[0] == DEJAR_A_MEDIAS)
			mandar_a_secas(s, header, 2);
		struct linger ya = {.l_onoff = header[0] == RESETEAR};
		setsockopt(s, SOL_SOCKET, SO_LINGER, &ya, sizeof ya);
		break;
	}
	close(s);
	return NULL;
}

static void hacer_de_par(int escucha) {
	for (;;) {
		int s = accept(escucha, NULL, NULL);
		pthread_t h;
		EXIGIR(s >= 0);
		EXIGIR(pthread_create(&h, NULL, atender_a_uno, (void *)(intptr_t)s) == 0);
		pthread_detach(h);
	}
}

/* ------------------------------------------------------------------ los que conversan */

static char puerto[8];
static long hasta_ms;
static int fin;
static pthread_barrier_t juntos;
static atomic_int proximo, reusos, terminados_por_el_par, usos[NUMEROS];

static void mandar(int conexion, int codigo, int numero) {
	t_buffer *buffer = buffer_create(4);
	buffer_add(buffer, &numero, 4);
	t_paquete mensaje = {.codigo_operacion = codigo, .buffer = buffer};
	EXIGIR(enviar_paquete(&mensaje, conexion) == 0);
	buffer_destroy(buffer);
}

static void ida_y_vuelta(int conexion, int numero) {
	int tamanio = -1;
	mandar(conexion, SEGUIR, numero);
	EXIGIR(recibir_operacion(conexion) == SEGUIR);
	int *eco = recibir_buffer(&tamanio, conexion);
	EXIGIR(eco != NULL && tamanio == 4 && *eco == numero);
	free(eco);
}

/* El par termina, y recibir_operacion lo dice. */
static void hasta_menos_uno(int conexion, int como, int numero) {
	mandar(conexion, como, numero);
	EXIGIR(recibir_operacion(conexion) == -1);
	EXIGIR(errno == (como == CERRAR ? 0 : ECONNRESET));
	terminados_por_el_par++;
}

/* Lo que un programa puede hacer con un número que ya terminó: a nadie le llega. */
static void insistir_con_un_muerto(int conexion) {
	int tamanio = -1;
	char nada;
	EXIGIR(enviar_mensaje("¿hay alguien?", conexion) == -1 && errno == EPIPE);
	EXIGIR(recibir_buffer(&tamanio, conexion) == NULL && tamanio == 0);
	/* Insistir no cuenta como otro final: los que ya estaban reservados lo siguen estando. */
	for (int i = 0; i < 20; i++)
		EXIGIR(recibir_operacion(conexion) == -1);
	EXIGIR(recv(conexion, &nada, 1, MSG_DONTWAIT) == 0);
}

static void conversar_y_terminar(int vuelta) {
	int numero = proximo++, conexion = crear_conexion("127.0.0.1", puerto);
	EXIGIR(conexion > 2 && conexion < NUMEROS);
	reusos += usos[conexion]++ > 0;
	for (int i = 0; i < VUELTAS; i++)
		ida_y_vuelta(conexion, numero);
	switch (vuelta % 7) {
	case 0: /* como el esqueleto: -1, y además se la libera */
		hasta_menos_uno(conexion, CERRAR, numero);
		EXIGIR(liberar_conexion(conexion) == 0);
		break;
	case 1: /* -1, y no se la libera nunca */
		hasta_menos_uno(conexion, CERRAR, numero);
		break;
	case 2: /* -1, y se la sigue usando un rato */
		hasta_menos_uno(conexion, DEJAR_A_MEDIAS, numero);
		insistir_con_un_muerto(conexion);
		EXIGIR(liberar_conexion(conexion) == 0);
		break;
	case 3: /* -1, y la cierra el programa por su cuenta */
		hasta_menos_uno(conexion, RESETEAR, numero);
		EXIGIR(close(conexion) == 0);
		break;
	case 4: /* se va sin esperar a nadie, con la biblioteca o por su cuenta */
		EXIGIR(liberar_conexion(conexion) == 0);
		break;
	case 5:
		EXIGIR(close(conexion) == 0);
		break;
	default: /* el par se va mientras acá se la libera */
		mandar(conexion, CERRAR, numero);
		EXIGIR(liberar_conexion(conexion) == 0);
	}
}

static void *insistir(void *x) {
	int vuelta = (int)(intptr_t)x;
	while (!fin) {
		for (int i = 0; i < POR_TRAMO; i++)
			conversar_y_terminar(vuelta++);
		if (pthread_barrier_wait(&juntos) == PTHREAD_BARRIER_SERIAL_THREAD)
			fin = ahora_ms() >= hasta_ms;
		pthread_barrier_wait(&juntos);
		vuelta++; /* que no coincidan siempre las mismas */
	}
	return NULL;
}

int main(int argc, char **argv) {
	int numero_de_puerto, escucha = escuchar_a_secas(&numero_de_puerto);
	pthread_t h[HILOS];
	pid_t hijo = fork();
	EXIGIR(hijo >= 0);
	if (hijo == 0) {
		alarm(80);
		hacer_de_par(escucha);
	}
	close(escucha);
	snprintf(puerto, sizeof puerto, "%d", numero_de_puerto);
	hasta_ms = ahora_ms() + (argc > 1 ? atoi(argv[1]) : 1000);
	pthread_barrier_init(&juntos, NULL, HILOS);
	for (int i = 0; i < HILOS; i++)
		h[i] = hilo(insistir, (void *)(intptr_t)i);
	for (int i = 0; i < HILOS; i++)
		pthread_join(h[i], NULL);
	/* El par sólo termina si algo se mezcló. */
	EXIGIR(waitpid(hijo, NULL, WNOHANG) == 0);
	kill(hijo, SIGKILL);
	waitpid(hijo, NULL, 0);
	printf("conversaciones=%d reusos=%d terminadas=%d\nbien\n", proximo, reusos, terminados_por_el_par);
	fflush(stdout);
	return 0;
}
