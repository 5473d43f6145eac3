/*
 * matriz_seniales: una tormenta de SIGALRM, con y sin SA_RESTART, sobre todo lo que bloquea. Nada se pierde, ningún plazo se
 * estira y esperar_cliente hace lo que dice el contrato.
 *
 * El par es otro proceso, nacido antes de la tormenta, que usa sockets a secas.
 */
#define _GNU_SOURCE
#include "matriz_comun.h"
#include <fcntl.h>
#include <netinet/tcp.h>

static atomic_int seniales, fin;
static pthread_t blancos[4];
static int cuantos_blancos;

static void al_llegar(int senial) {
	(void)senial;
	seniales++;
}

static void *tronar(void *x) {
	struct timespec pausa = {.tv_nsec = *(long *)x};
	sigset_t todas;
	sigfillset(&todas);
	pthread_sigmask(SIG_BLOCK, &todas, NULL);
	while (!fin) {
		for (int i = 0; i < cuantos_blancos; i++)
			pthread_kill(blancos[i], SIGALRM);
		nanosleep(&pausa, NULL);
	}
	return NULL;
}

/* Si el caso lo pide, el programa deja sin bloqueo el descriptor: la biblioteca espera igual. */
static int sin_bloqueo;

static int preparado(int descriptor) {
	EXIGIR(descriptor > 2);
	if (sin_bloqueo)
		EXIGIR(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0);
	return descriptor;
}

static void manejar(int opciones) {
	struct sigaction accion = {.sa_handler = al_llegar, .sa_flags = opciones};
	EXIGIR(sigaction(SIGALRM, &accion, NULL) == 0);
}

/* Un SIGALRM a cada blanco, una y otra vez, y además los del reloj del proceso. */
static pthread_t desatar(int opciones, long cada_us) {
	static long pausa;
	struct timeval cada = {.tv_usec = cada_us};
	struct itimerval reloj = {.it_interval = cada, .it_value = cada};
	manejar(opciones);
	pausa = cada_us * 1000;
	pthread_t h = hilo(tronar, &pausa);
	EXIGIR(setitimer(ITIMER_REAL, &reloj, NULL) == 0);
	return h;
}

static void amainar(pthread_t tormenta, int minimo) {
	struct itimerval nada = {.it_value = {.tv_sec = 0}};
	fin = 1;
	pthread_join(tormenta, NULL);
	setitimer(ITIMER_REAL, &nada, NULL);
	EXIGIR(seniales >= minimo);
	printf("%d señales\n", seniales);
}

static void hijo_sano(pid_t hijo) {
	int estado = -1;
	pid_t r;
	while ((r = waitpid(hijo, &estado, 0)) == -1 && errno == EINTR)
		;
	EXIGIR(r == hijo && estado == 0);
}

/* ------------------------------------------------------------------ envíos y recepciones grandes */

enum { MENSAJES = 12, GRANDE = 3000000 };
static int conexion;

static unsigned char byte_de(int mensaje, int i) {
	return (unsigned char)(1 + (unsigned)(mensaje * 31 + i + i / 251) % 255);
}

static int tamanio_de(int mensaje) {
	return mensaje % 3 == 0 ? mensaje : GRANDE + mensaje * 1001;
}

static void *mandar_todo(void *x) {
	unsigned char *datos = malloc(2 * GRANDE);
	for (int m = 0; m < MENSAJES; m++) {
		int t = tamanio_de(m);
		for (int i = 0; i < t; i++)
			datos[i] = byte_de(m, i);
		if (m % 2 == 0) {
			datos[t] = '\0';
			EXIGIR(enviar_mensaje((char *)datos, conexion) == 0);
		} else {
			t_paquete *paquete = crear_paquete();
			EXIGIR(agregar_a_paquete(paquete, datos, t) == 0 && enviar_paquete(paquete, conexion) == 0);
			eliminar_paquete(paquete);
		}
	}
	free(datos);
	return x;
}

static void exigir_contenido(int m, const unsigned char *datos) {
	for (int i = 0; i < tamanio_de(m); i++)
		EXIGIR(datos[i] == byte_de(m, i));
}

static void recibir_todo(void) {
	for (int m = 0; m < MENSAJES; m++) {
		if (m % 2 == 0) {
			int tamanio;
			EXIGIR(recibir_operacion(conexion) == 0);
			unsigned char *datos = recibir_buffer(&tamanio, conexion);
			EXIGIR(datos != NULL && tamanio == tamanio_de(m) + 1);
			exigir_contenido(m, datos);
			free(datos);
		} else {
			t_list *lista = recibir_paquete(conexion);
			EXIGIR(tp0_error() == NULL && lista->elements_count == 1);
			exigir_contenido(m, lista->head->data);
			tp0_liberar_lista(lista);
		}
	}
}

/* Devuelve cada byte que le llega, de a pedazos y con pausas: los dos lados se llenan y se bloquean muchas veces. */
static void hacer_eco(int s) {
	static char pedazo[50000];
	ssize_t n;
	for (int vuelta = 0; (n = recv(s, pedazo, sizeof pedazo, 0)) > 0; vuelta++) {
		mandar_a_secas(s, pedazo, (size_t)n);
		if (vuelta % 16 == 0)
			dormir_ms(1);
	}
	EXIGIR(n == 0);
}

static void caso_grandes(void) {
	int servidor = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(servidor);
	pid_t hijo = fork();
	if (hijo == 0) {
		int32_t si = 1;
		int s = conectar_a_secas(puerto);
		mandar_a_secas(s, &si, 4);
		recibir_a_secas(s, &si, 4);
		EXIGIR(si == 0);
		hacer_eco(s);
		_exit(0);
	}
	conexion = preparado(esperar_cliente(servidor));
	manejar(0);
	pthread_t h = hilo(mandar_todo, NULL);
	blancos[0] = pthread_self();
	cuantos_blancos = 1; /* el que envía puede haber terminado: a él le toca el otro caso */
	pthread_t tormenta = desatar(0, 150);
	recibir_todo();
	amainar(tormenta, 500);
	pthread_join(h, NULL);
	liberar_conexion(conexion);
	hijo_sano(hijo);
}

/* Como el anterior, pero la tormenta le llega al hilo que envía. */
static void caso_grandes_al_enviar(void) {
	int poco = 200000; /* que entre poco: así casi todo el envío es esperar lugar, y ahí le llegan las señales */
	int servidor = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(servidor);
	pid_t hijo = fork();
	if (hijo == 0) {
		int32_t si = 1;
		int s = conectar_a_secas(puerto);
		unsigned char *datos = malloc(2 * GRANDE);
		mandar_a_secas(s, &si, 4);
		recibir_a_secas(s, &si, 4);
		EXIGIR(si == 0);
		for (int m = 0; m < MENSAJES; m++) {
			int32_t cabeza[3];
			int t = tamanio_de(m);
			recibir_a_secas(s, cabeza, m % 2 == 0 ? 8 : 12);
			EXIGIR(cabeza[0] == m % 2 && cabeza[1] == (m % 2 == 0 ? t + 1 : t + 4) && (m % 2 == 0 || cabeza[2] == t));
			dormir_ms(5); /* que el otro se bloquee */
			recibir_a_secas(s, datos, (size_t)(m % 2 == 0 ? t + 1 : t));
			exigir_contenido(m, datos);
		}
		EXIGIR(recv(s, datos, 1, 0) == 0);
		_exit(0);
	}
	conexion = preparado(esperar_cliente(servidor));
	EXIGIR(setsockopt(conexion, SOL_SOCKET, SO_SNDBUF, &poco, sizeof poco) == 0);
	blancos[0] = pthread_self();
	cuantos_blancos = 1;
	pthread_t tormenta = desatar(0, 100);
	mandar_todo(NULL);
	amainar(tormenta, 100);
	liberar_conexion(conexion);
	hijo_sano(hijo);
}

/* ------------------------------------------------------------------ esperar clientes */

enum { CLIENTES = 60 };

static void conectarse_de_a_poco(int puerto) {
	int pares[CLIENTES];
	int32_t si = 1, respuesta;
	for (int i = 0; i < CLIENTES; i++) {
		pares[i] = conectar_a_secas(puerto);
		/* Uno de cada tres manda su handshake en dos veces, y el resto llega mientras se atiende a otros. */
		mandar_a_secas(pares[i], &si, i % 3 == 0 ? 2 : 4);
		dormir_ms(2);
	}
	for (int i = 0; i < CLIENTES; i += 3)
		mandar_a_secas(pares[i], (char *)&si + 2, 2);
	for (int i = 0; i < CLIENTES; i++) {
		int32_t mensaje[2] = {100 + i, 0};
		recibir_a_secas(pares[i], &respuesta, 4);
		EXIGIR(respuesta == 0);
		mandar_a_secas(pares[i], mensaje, 8);
	}
	for (int i = 0; i < CLIENTES; i++)
		EXIGIR(recv(pares[i], &respuesta, 4, 0) == 0);
}

static atomic_int cortes;
static int permiso[2];

/* Los clientes vienen después de un rato de señales sin nadie, ni a medio handshake: cuando ya cortaron varias esperas, o con SA_RESTART, que no corta
 * ninguna, cuando ya llegaron muchas. */
static void *permitir(void *opciones) {
	sigset_t todas;
	sigfillset(&todas);
	pthread_sigmask(SIG_BLOCK, &todas, NULL);
	while (*(int *)opciones == SA_RESTART ? seniales < 100 : cortes <= 5)
		dormir_ms(1);
	EXIGIR(write(permiso[1], "x", 1) == 1);
	return NULL;
}

static void esperar_clientes(int opciones) {
	static int aceptados[CLIENTES], visto[CLIENTES];
	int servidor = preparado(tp0_iniciar_servidor("127.0.0.1", "0")), puerto = tp0_puerto(servidor);
	EXIGIR(pipe(permiso) == 0);
	pid_t hijo = fork();
	if (hijo == 0) {
		char nada;
		EXIGIR(read(permiso[0], &nada, 1) == 1);
		conectarse_de_a_poco(puerto);
		_exit(0);
	}
	blancos[0] = pthread_self();
	cuantos_blancos = 1;
	pthread_t tormenta = desatar(opciones, 500), permite = hilo(permitir, &opciones);
	for (int i = 0; i < CLIENTES;) {
		int c = esperar_cliente(servidor);
		if (c == -1) {
			EXIGIR(errno == EINTR && tp0_error() != NULL);
			cortes++;
		} else {
			aceptados[i++] = c;
		}
	}
	/* Con SA_RESTART, ni una; sin él, cada señal corta la espera, y nadie se pierde. */
	EXIGIR(opciones == SA_RESTART ? cortes == 0 : cortes > 5);
	for (int i = 0; i < CLIENTES; i++) {
		int codigo = recibir_operacion(aceptados[i]);
		EXIGIR(codigo >= 100 && codigo < 100 + CLIENTES && !visto[codigo - 100]);
		visto[codigo - 100] = 1;
		int tamanio = -1;
		free(recibir_buffer(&tamanio, aceptados[i]));
		EXIGIR(tamanio == 0 && tp0_error() == NULL);
	}
	pthread_join(permite, NULL);
	amainar(tormenta, 100);
	printf("%d esperas cortadas\n", cortes);
	for (int i = 0; i < CLIENTES; i++)
		liberar_conexion(aceptados[i]);
	hijo_sano(hijo);
}

/* ------------------------------------------------------------------ los plazos */

/* Tarda lo que dice el plazo. Una máquina ocupada lo puede atrasar alguna vez; las señales lo estirarían todas. */
static void exigir_plazo(void (*esperar)(void *), void *que, long plazo) {
	for (int vez = 0;; vez++) {
		long desde = ahora_ms();
		esperar(que);
		long tardo = ahora_ms() - desde;
		EXIGIR(tardo >= plazo - 10 && (tardo < 3 * plazo || vez < 10));
		if (tardo < 3 * plazo)
			return;
	}
}

static void no_contesta(void *puerto) {
	EXIGIR(crear_conexion("127.0.0.1", puerto) == -1 && errno == ETIMEDOUT);
}

static void no_llega(void *cliente) {
	EXIGIR(recibir_operacion(*(int *)cliente) == -1 && errno == EAGAIN);
}

/* ------------------------------------------------------------------ conectarse */

static void caso_conectarse(void) {
	enum { VECES = 30 };
	int puerto, mudo, s = escuchar_a_secas(&puerto);
	char texto[8];
	snprintf(texto, sizeof texto, "%d", puerto);
	pid_t hijo = fork();
	if (hijo == 0) {
		int aceptados[VECES];
		for (int i = 0; i < VECES; i++) {
			int32_t si = 0;
			aceptados[i] = accept(s, NULL, NULL);
			EXIGIR(aceptados[i] >= 0);
			recibir_a_secas(aceptados[i], &si, 4);
			EXIGIR(si == 1);
			si = 0;
			for (int b = 0; b < 4; b++) {
				int ya = 1;
				setsockopt(aceptados[i], IPPROTO_TCP, TCP_NODELAY, &ya, sizeof ya);
				dormir_ms(3);
				mandar_a_secas(aceptados[i], (char *)&si + b, 1);
			}
		}
		_exit(0);
	}
	close(s);
	int otro = escuchar_a_secas(&mudo);
	blancos[0] = pthread_self();
	cuantos_blancos = 1;
	pthread_t tormenta = desatar(0, 300);
	for (int i = 0; i < VECES; i++) {
		int c = crear_conexion("127.0.0.1", texto);
		EXIGIR(c > 2);
		EXIGIR(liberar_conexion(c) == 0);
	}
	/* Y el plazo es el plazo: las señales no lo estiran ni lo acortan. */
	setenv("TP0_ESPERA_MS", "500", 1);
	snprintf(texto, sizeof texto, "%d", mudo);
	exigir_plazo(no_contesta, texto, 500);
	amainar(tormenta, 100);
	close(otro);
	hijo_sano(hijo);
}

/* ------------------------------------------------------------------ los plazos que puso el programa */

static void plazos_del_programa(int opciones) {
	enum { PLAZO = 300, LARGO = 30000000 };
	struct timeval plazo = {.tv_usec = PLAZO * 1000};
	int cliente, servidor = tp0_iniciar_servidor("127.0.0.1", "0"), par = par_aceptado(servidor, &cliente);
	EXIGIR(setsockopt(cliente, SOL_SOCKET, SO_RCVTIMEO, &plazo, sizeof plazo) == 0);
	EXIGIR(setsockopt(cliente, SOL_SOCKET, SO_SNDTIMEO, &plazo, sizeof plazo) == 0);
	char *largo = malloc(LARGO + 1);
	memset(largo, 'x', LARGO);
	largo[LARGO] = '\0';
	cuantos_blancos = 0;
	/* Más seguido que el plazo: si cada señal lo hiciera empezar de nuevo, no se cumpliría nunca. */
	pthread_t tormenta = desatar(opciones, 20000);
	for (int i = 0; i < 2; i++) {
		exigir_plazo(no_llega, &cliente, PLAZO);
		conversar(par, cliente); /* no se había movido ni un byte: sigue */
	}
	long desde = ahora_ms();
	EXIGIR(enviar_mensaje(largo, cliente) == -1 && errno == EAGAIN && tp0_error() != NULL);
	long tardo = ahora_ms() - desde;
	EXIGIR(tardo >= PLAZO - 10);
	EXIGIR(enviar_mensaje("a medias ya no hay vuelta", cliente) == -1 && errno == EPIPE);
	amainar(tormenta, 20);
	free(largo);
	close(par);
}

int main(int argc, char **argv) {
	static char caso[64];
	snprintf(caso, sizeof caso, "%s", argc > 1 ? argv[1] : "");
	char *variante = strstr(caso, "_sin_bloqueo");
	sin_bloqueo = variante != NULL;
	if (sin_bloqueo)
		*variante = '\0';
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(caso, "grandes") == 0)
		caso_grandes();
	else if (strcmp(caso, "grandes_al_enviar") == 0)
		caso_grandes_al_enviar();
	else if (strcmp(caso, "esperar_con_restart") == 0)
		esperar_clientes(SA_RESTART);
	else if (strcmp(caso, "esperar_sin_restart") == 0)
		esperar_clientes(0);
	else if (strcmp(caso, "conectarse") == 0)
		caso_conectarse();
	else if (strcmp(caso, "plazos_con_restart") == 0)
		plazos_del_programa(SA_RESTART);
	else if (strcmp(caso, "plazos_sin_restart") == 0)
		plazos_del_programa(0);
	else
		return 64;
	printf("bien\n");
	fflush(stdout);
	return 0;
}
