/*
 * matriz_recursos: llamar a la biblioteca cuando al proceso ya no le queda memoria (RLIMIT_AS) o descriptores. Ninguna llamada
 * puede hacerlo caer; la que falla lo dice, y cuando vuelve a haber lugar todo anda como antes.
 */
#define _GNU_SOURCE
#include "matriz_comun.h"
#include <malloc.h>

static int servidor, cliente, par, segundo_par;
static char puerto[8];
static t_paquete *paquete;
static volatile sig_atomic_t seniales;

static void al_llegar(int senial) {
	(void)senial;
	seniales = seniales + 1;
}

/* ------------------------------------------------------------------ las llamadas */

static long conectar(void) { return crear_conexion("127.0.0.1", puerto); }
static long conectar_por_nombre(void) { return crear_conexion("localhost", puerto); }
static long ip_mala(void) { return crear_conexion("1.2.3.400", puerto); }
static long puerto_malo(void) { return crear_conexion("127.0.0.1", "cuatro mil"); }
static long iniciar(void) { return tp0_iniciar_servidor("127.0.0.1", "0"); }
static long en_uso(void) { return tp0_iniciar_servidor("127.0.0.1", puerto); }
static long del_entorno(void) { return iniciar_servidor(); }
static long esperar(void) { return esperar_cliente(servidor); }
static long enviar(void) { return enviar_mensaje("hola", cliente); }
static long enviar_nulo(void) { return enviar_mensaje(NULL, cliente); }
static long enviar_un_paquete(void) { return enviar_paquete(paquete, cliente); }
static long crear(void) { return crear_paquete() == NULL ? -1 : 0; }
static long agregar(void) {
	static char valor[4096];
	int antes = paquete->buffer->size;
	long r = agregar_a_paquete(paquete, valor, sizeof valor);
	EXIGIR(r == 0 || paquete->buffer->size == antes);
	return r;
}
static long serializar(void) { return serializar_paquete(paquete, 8 + paquete->buffer->size) == NULL ? -1 : 0; }
static long crear_opciones(void) { return tp0_opciones_crear() == NULL ? -1 : 0; }
static long crear_un_buffer(void) { return buffer_create(100000) == NULL ? -1 : 0; }
static long difundir(void) {
	int errores[1] = {0};
	return tp0_difundir(&cliente, 1, paquete, errores);
}
static void nada(int c, void *x) {
	(void)c;
	(void)x;
}
static long atender_sin_servidor(void) { return tp0_atender(cliente, nada, NULL); }
static long descriptor_alto(void) { return recibir_operacion(15000); }
static long liberar(void) {
	long r = liberar_conexion(cliente);
	cliente = -1;
	return r;
}

/* Las que reciben dejan un mensaje de 60 000 bytes esperando: no hay dónde ponerlo. */
enum { MUCHO = 60000 };
static void mandar_mucho(int32_t codigo) {
	static char datos[12 + MUCHO];
	int32_t cabeza[3] = {codigo, codigo == 1 ? MUCHO + 4 : MUCHO, MUCHO};
	size_t van = codigo == 1 ? 12 : 8;
	memcpy(datos, cabeza, van);
	mandar_a_secas(par, datos, van + MUCHO);
}
static long recibir_un_buffer(void) {
	int tamanio = 77;
	mandar_mucho(9);
	EXIGIR(recibir_operacion(cliente) == 9);
	if (recibir_buffer(&tamanio, cliente) != NULL)
		return 0;
	int guardado = errno;
	EXIGIR(tamanio == 0);
	errno = guardado;
	return -1;
}
static long recibir_un_mensaje(void) {
	mandar_mucho(0);
	EXIGIR(recibir_operacion(cliente) == 0);
	return recibir_mensaje(cliente);
}
static long recibir_un_paquete(void) {
	mandar_mucho(1);
	t_list *lista = recibir_paquete(cliente);
	EXIGIR(lista == NULL || lista->elements_count == 0);
	return lista == NULL || tp0_error() != NULL ? -1 : 0;
}
static long recibir_entero(void) {
	mandar_mucho(9);
	return tp0_recibir(cliente) == NULL ? -1 : 0;
}
static long recibir_texto(void) {
	mandar_mucho(0);
	return tp0_recibir_mensaje(cliente) == NULL ? -1 : 0;
}

/* Qué puede pasar: PUEDE admite que le alcance la memoria; los errno, con cuáles puede fallar. */
enum { FALLA, PUEDE };
/* Después: si la conexión de antes tiene que seguir, haber terminado, o da lo mismo. */
enum { SIGUE, TERMINA, DA_IGUAL };
static const struct {
	const char *nombre;
	long (*llamada)(void);
	int exito, conexion;
	int errnos[2];
} casos[] = {
    {"conectar", conectar, FALLA, SIGUE, {ENOMEM, ENOMEM}},
    {"conectar_por_nombre", conectar_por_nombre, FALLA, SIGUE, {ENOMEM, EHOSTUNREACH}},
    {"ip_mala", ip_mala, FALLA, SIGUE, {EINVAL, ENOMEM}},
    {"puerto_malo", puerto_malo, FALLA, SIGUE, {EINVAL, ENOMEM}},
    {"iniciar", iniciar, FALLA, SIGUE, {ENOMEM, ENOMEM}},
    {"en_uso", en_uso, FALLA, SIGUE, {EADDRINUSE, ENOMEM}},
    {"del_entorno", del_entorno, FALLA, SIGUE, {ENOMEM, EINVAL}},
    {"esperar", esperar, PUEDE, SIGUE, {ENOMEM, EINTR}},
    {"pendiente", esperar, FALLA, SIGUE, {ENOMEM, EINTR}},
    {"enviar", enviar, PUEDE, DA_IGUAL, {ENOMEM, ENOMEM}},
    {"enviar_nulo", enviar_nulo, FALLA, SIGUE, {EINVAL, EINVAL}},
    {"enviar_paquete", enviar_un_paquete, PUEDE, DA_IGUAL, {ENOMEM, ENOMEM}},
    {"crear", crear, FALLA, SIGUE, {ENOMEM, ENOMEM}},
    {"agregar", agregar, FALLA, SIGUE, {ENOMEM, ENOMEM}},
    {"serializar", serializar, PUEDE, SIGUE, {ENOMEM, ENOMEM}},
    {"opciones", crear_opciones, FALLA, SIGUE, {ENOMEM, ENOMEM}},
    {"buffer", crear_un_buffer, FALLA, SIGUE, {ENOMEM, ENOMEM}},
    {"difundir", difundir, FALLA, DA_IGUAL, {ENOMEM, ENOMEM}},
    {"atender", atender_sin_servidor, FALLA, SIGUE, {EINVAL, ENOMEM}},
    {"descriptor_alto", descriptor_alto, FALLA, SIGUE, {EBADF, EBADF}},
    {"liberar", liberar, PUEDE, DA_IGUAL, {ENOMEM, ENOMEM}},
    {"recibir_buffer", recibir_un_buffer, FALLA, TERMINA, {ENOMEM, ENOMEM}},
    {"recibir_mensaje", recibir_un_mensaje, FALLA, TERMINA, {ENOMEM, ENOMEM}},
    {"recibir_paquete", recibir_un_paquete, FALLA, TERMINA, {ENOMEM, ENOMEM}},
    {"tp0_recibir", recibir_entero, FALLA, TERMINA, {ENOMEM, ENOMEM}},
    {"tp0_recibir_mensaje", recibir_texto, FALLA, TERMINA, {ENOMEM, ENOMEM}},
};

/* ------------------------------------------------------------------ sin memoria */

typedef struct bloque {
	struct bloque *anterior;
} t_bloque;

static t_bloque *agotar(struct rlimit *antes) {
	long paginas = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	EXIGIR(f != NULL && fscanf(f, "%ld", &paginas) == 1);
	fclose(f);
	EXIGIR(getrlimit(RLIMIT_AS, antes) == 0);
	struct rlimit poco = {.rlim_cur = (rlim_t)(paginas * sysconf(_SC_PAGESIZE) + (1 << 16)), .rlim_max = antes->rlim_max};
	EXIGIR(setrlimit(RLIMIT_AS, &poco) == 0);
	t_bloque *ultimo = NULL;
	for (size_t t = 1 << 20; t >= sizeof(t_bloque);) {
		t_bloque *nuevo = malloc(t);
		if (nuevo == NULL) {
			t /= 2;
			continue;
		}
		nuevo->anterior = ultimo;
		ultimo = nuevo;
	}
	return ultimo;
}

static void sin_memoria(size_t i) {
	static char fuera_del_heap[1024];
	const char *nombre = casos[i].nombre;
	int32_t si = 1;
	struct rlimit antes;
	setvbuf(stderr, NULL, _IONBF, 0);
	mallopt(M_ARENA_MAX, 1); /* que ningún hilo tenga una reserva propia */
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(servidor > 2);
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	par = par_aceptado(servidor, &cliente);
	if (strncmp(nombre, "conectar", 8) != 0) {
		segundo_par = conectar_a_secas(tp0_puerto(servidor));
		mandar_a_secas(segundo_par, &si, strcmp(nombre, "pendiente") == 0 ? 1 : 4);
	}
	paquete = crear_paquete();
	EXIGIR(agregar_a_paquete(paquete, "hola", 5) == 0);
	/* Al que espera lo despierta una señal: sin memoria, un cliente a medias se pierde y la espera sigue. */
	struct sigaction accion = {.sa_handler = al_llegar};
	sigaction(SIGALRM, &accion, NULL);
	struct itimerval alarma = {.it_value = {.tv_sec = 1}};
	if (casos[i].llamada == conectar_por_nombre) {
		/* La primera vez que se resuelve un nombre sin memoria es la glibc la que se cae: que no sea la primera. */
		int c = crear_conexion("localhost", "1");
		EXIGIR(c == -1 && errno == ECONNREFUSED);
	}
	t_bloque *ocupado = agotar(&antes);
	if (casos[i].llamada == esperar)
		setitimer(ITIMER_REAL, &alarma, NULL);
	errno = EDOM;
	long r = casos[i].llamada();
	int e = errno;
	const char *texto = tp0_error();
	if (texto != NULL)
		snprintf(fuera_del_heap, sizeof fuera_del_heap, "%s", texto);
	setrlimit(RLIMIT_AS, &antes);
	while (ocupado != NULL) {
		t_bloque *anterior = ocupado->anterior;
		free(ocupado);
		ocupado = anterior;
	}
	printf("%s: %ld errno=%d %s\n", nombre, r, e, fuera_del_heap);
	fflush(stdout);
	if (r >= 0 && texto == NULL) {
		EXIGIR(casos[i].exito == PUEDE);
	} else {
		EXIGIR(texto != NULL && strlen(fuera_del_heap) >= 10);
		/* tp0_difundir devuelve cuántas fallaron. */
		EXIGIR(r == -1 || (casos[i].llamada == difundir && r == 1));
		EXIGIR(e == casos[i].errnos[0] || e == casos[i].errnos[1] || casos[i].llamada == difundir);
	}
	/* Con memoria otra vez, todo anda: lo de antes y lo nuevo. */
	if (casos[i].conexion == SIGUE)
		conversar(par, cliente);
	else if (casos[i].conexion == TERMINA)
		EXIGIR(recibir_operacion(cliente) == -1);
	int otro_servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(otro_servidor > 2);
	entra_uno_mas(otro_servidor);
	if (segundo_par != 0)
		close(segundo_par);
	if (casos[i].llamada == conectar || strcmp(nombre, "pendiente") == 0)
		entra_uno_mas(servidor);
}

/* ------------------------------------------------------------------ atendiendo a muchos */

static atomic_int atendidos;

static void contestar(int c, void *x) {
	(void)x;
	EXIGIR(recibir_operacion(c) == 7);
	int tamanio;
	free(recibir_buffer(&tamanio, c));
	EXIGIR(enviar_mensaje("listo", c) == 0);
	dormir_ms(20);
	atendidos++;
}

static void *atender(void *x) {
	int *r = x;
	*r = tp0_atender(servidor, contestar, NULL);
	return NULL;
}

/* Sin memoria llega un cliente nuevo: ni el que ya conversaba ni el servidor se enteran, y cuando vuelve a haber, entra. */
static void sin_memoria_atendiendo(void) {
	int atendido = -2;
	int32_t si[3] = {1, 0, 0}, mensaje[2] = {7, 0};
	char recibido[14];
	struct rlimit antes;
	mallopt(M_ARENA_MAX, 1);
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	pthread_t h = hilo(atender, &atendido);
	int viejo = conectar_a_secas(tp0_puerto(servidor)), nuevo = conectar_a_secas(tp0_puerto(servidor));
	mandar_a_secas(viejo, si, 4);
	recibir_a_secas(viejo, si, 4);
	EXIGIR(si[0] == 0);
	hasta_que_duerman(2);
	t_bloque *ocupado = agotar(&antes);
	si[0] = 1;
	mandar_a_secas(nuevo, si, 4);
	mandar_a_secas(nuevo, mensaje, 8);
	dormir_ms(300); /* sin memoria no se puede mirar /proc */
	EXIGIR(atendido == -2);
	setrlimit(RLIMIT_AS, &antes);
	while (ocupado != NULL) {
		t_bloque *anterior = ocupado->anterior;
		free(ocupado);
		ocupado = anterior;
	}
	mandar_a_secas(viejo, mensaje, 8);
	recibir_a_secas(viejo, recibido, 14);
	EXIGIR(strcmp(recibido + 8, "listo") == 0);
	/* Al que llegó sin memoria se lo pudo haber cerrado; al que llega ahora, no. */
	int otro = conectar_a_secas(tp0_puerto(servidor));
	mandar_a_secas(otro, si, 4);
	mandar_a_secas(otro, mensaje, 8);
	recibir_a_secas(otro, si, 4);
	EXIGIR(si[0] == 0);
	recibir_a_secas(otro, recibido, 14);
	EXIGIR(strcmp(recibido + 8, "listo") == 0);
	EXIGIR(tp0_detener(servidor) == 0);
	pthread_join(h, NULL);
	EXIGIR(atendido == 0);
}

/* ------------------------------------------------------------------ sin descriptores */

/* El servidor, con lugar para unos pocos; los clientes son de otro proceso. Los atiende a todos, de a tandas. */
static void sin_descriptores_atendiendo(void) {
	enum { CLIENTES = 120 };
	int atendido = -2;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	int p = tp0_puerto(servidor);
	pid_t hijo = fork();
	if (hijo == 0) {
		static int pares[CLIENTES];
		int32_t si[3] = {1, 0, 0}, mensaje[2] = {7, 0};
		char recibido[14];
		for (int i = 0; i < CLIENTES; i++) {
			pares[i] = conectar_a_secas(p);
			mandar_a_secas(pares[i], si, 4);
		}
		for (int i = 0; i < CLIENTES; i++)
			mandar_a_secas(pares[i], mensaje, 8);
		for (int i = 0; i < CLIENTES; i++) {
			recibir_a_secas(pares[i], si, 4);
			EXIGIR(si[0] == 0);
			recibir_a_secas(pares[i], recibido, 14);
			EXIGIR(strcmp(recibido + 8, "listo") == 0);
		}
		_exit(0);
	}
	struct rlimit limite = {.rlim_cur = 16, .rlim_max = 16};
	EXIGIR(setrlimit(RLIMIT_NOFILE, &limite) == 0);
	pthread_t h = hilo(atender, &atendido);
	int estado = 0;
	EXIGIR(waitpid(hijo, &estado, 0) == hijo && estado == 0);
	EXIGIR(tp0_detener(servidor) == 0);
	pthread_join(h, NULL);
	EXIGIR(atendido == 0 && atendidos == CLIENTES);
}

static void *esperar_otro(void *x) {
	int *r = x;
	*r = esperar_cliente(servidor);
	return NULL;
}

/* Cien veces sin descriptores y cien veces con: las mismas llamadas, y ni uno de más al terminar. */
static void sin_descriptores_y_de_nuevo(void) {
	int ocupados[64], cuantos, aceptado;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	struct rlimit limite = {.rlim_cur = 40, .rlim_max = 40};
	EXIGIR(setrlimit(RLIMIT_NOFILE, &limite) == 0);
	int primero = dup(0);
	close(primero);
	for (int vuelta = 0; vuelta < 100; vuelta++) {
		for (cuantos = 0; cuantos < 64 && (ocupados[cuantos] = dup(0)) >= 0; cuantos++)
			;
		EXIGIR(cuantos > 10 && errno == EMFILE);
		EXIGIR(crear_conexion("127.0.0.1", puerto) == -1 && errno == EMFILE && strstr(tp0_error(), "40") != NULL);
		EXIGIR(tp0_iniciar_servidor("127.0.0.1", "0") == -1 && errno == EMFILE && strstr(tp0_error(), "40") != NULL);
		close(ocupados[--cuantos]);
		int llega = conectar_a_secas(tp0_puerto(servidor)); /* justo el último descriptor */
		int32_t si = 1;
		mandar_a_secas(llega, &si, 4);
		/* Quien espera clientes espera también el descriptor, y el que llegó mientras no había lugar no se pierde. */
		pthread_t espera = hilo(esperar_otro, &aceptado);
		/* Sin descriptores no se puede mirar /proc. Si el hilo llega tarde, también vale: es la otra mitad de lo que se prueba. */
		usleep(10000);
		while (cuantos > 0)
			close(ocupados[--cuantos]);
		pthread_join(espera, NULL);
		EXIGIR(aceptado > 2);
		recibir_a_secas(llega, &si, 4);
		EXIGIR(si == 0);
		conversar(llega, aceptado);
		liberar_conexion(aceptado);
		close(llega);
		pthread_t h = hilo(esperar_otro, &aceptado);
		int conexion = crear_conexion("127.0.0.1", puerto);
		EXIGIR(conexion > 2);
		pthread_join(h, NULL);
		EXIGIR(aceptado > 2 && enviar_mensaje("x", conexion) == 0 && recibir_operacion(aceptado) == 0);
		liberar_conexion(conexion);
		liberar_conexion(aceptado);
	}
	int ultimo = dup(0);
	EXIGIR(ultimo == primero);
}

int main(int argc, char **argv) {
	const char *caso = argc > 1 ? argv[1] : "";
	if (strcmp(caso, "casos") == 0) {
		for (size_t i = 0; i < sizeof casos / sizeof *casos; i++)
			puts(casos[i].nombre);
		return 0;
	}
	if (strcmp(caso, "memoria_atendiendo") == 0)
		sin_memoria_atendiendo();
	else if (strcmp(caso, "descriptores_atendiendo") == 0)
		sin_descriptores_atendiendo();
	else if (strcmp(caso, "descriptores_y_de_nuevo") == 0)
		sin_descriptores_y_de_nuevo();
	else {
		size_t i = 0;
		while (i < sizeof casos / sizeof *casos && strcmp(casos[i].nombre, caso) != 0)
			i++;
		if (i == sizeof casos / sizeof *casos)
			return 64;
		sin_memoria(i);
	}
	printf("bien\n");
	fflush(stdout);
	_exit(0);
}
