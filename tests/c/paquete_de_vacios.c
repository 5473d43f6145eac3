/*
 * paquete_de_vacios: un paquete que en el cable mide lo permitido, y que con cada valor en su propia memoria ocuparía dieciséis veces más.
 * Se lo rechaza al llegar a cuatro, y lo que ya ocupaba vuelve al sistema.
 */
#include "muchos_comun.h"

enum { MIB = 1024 * 1024, CABEN = 4 * 64 * MIB / 64 };

static int servidor, par, conexion;

/* Un campo de /proc/self/status, en MiB. */
static long memoria(const char *campo) {
	char linea[200];
	long kb = -1;
	FILE *estado = fopen("/proc/self/status", "r");
	EXIGIR(estado != NULL);
	while (kb == -1 && fgets(linea, sizeof linea, estado) != NULL)
		if (strncmp(linea, campo, strlen(campo)) == 0)
			kb = strtol(linea + strlen(campo) + 1, NULL, 10);
	fclose(estado);
	return kb / 1024;
}

static void *conectar(void *x) {
	par = par_conectado(tp0_puerto(servidor));
	return x;
}

static void entre_dos(const char *limite) {
	pthread_t hilo;
	if (limite != NULL)
		setenv("TP0_TAMANIO_MAXIMO", limite, 1);
	else
		unsetenv("TP0_TAMANIO_MAXIMO");
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(servidor != -1 && pthread_create(&hilo, NULL, conectar, NULL) == 0);
	conexion = esperar_cliente(servidor);
	EXIGIR(conexion != -1 && pthread_join(hilo, NULL) == 0);
}

static void terminar(void) {
	close(par);
	liberar_conexion(conexion);
	ANDA(0, liberar_conexion(servidor));
}

struct envio {
	int cuantos, largo;
};

/* Un PAQUETE de valores iguales. Si del otro lado ya no lo quieren, no importa. */
static void *mandar(void *x) {
	struct envio *e = x;
	int cada = 4 + e->largo, mide = e->cuantos * cada, header[2] = {PAQUETE, mide};
	char *payload = malloc((size_t)mide);
	memset(payload, 'x', (size_t)mide);
	for (int i = 0; i < e->cuantos; i++)
		memcpy(payload + i * cada, &e->largo, 4);
	par_mandar(par, header, 8);
	for (int mandados = 0; mandados < mide;) {
		ssize_t n = send(par, payload + mandados, (size_t)(mide - mandados), MSG_NOSIGNAL);
		if (n <= 0)
			break;
		mandados += (int)n;
	}
	free(payload);
	return NULL;
}

static pthread_t empezar_a_mandar(struct envio *e) {
	pthread_t hilo;
	EXIGIR(pthread_create(&hilo, NULL, mandar, e) == 0);
	return hilo;
}

static t_list *recibir(int cuantos, int largo) {
	struct envio e = {cuantos, largo};
	pthread_t hilo = empezar_a_mandar(&e);
	t_list *valores = recibir_paquete(conexion);
	int numero = errno;
	if (tp0_error() == NULL)
		EXIGIR(pthread_join(hilo, NULL) == 0);
	else
		pthread_detach(hilo);
	errno = numero;
	return valores;
}

static void exigir_demasiados(const char *cuantos) {
	EXIGIR(errno == EMSGSIZE);
	EXIGIR(strstr(tp0_error(), cuantos) != NULL && strstr(tp0_error(), "TP0_TAMANIO_MAXIMO") != NULL);
}

static void *vacios(void *x) {
	char cuantos[20];
	entre_dos(NULL);
	/* Lo que ocupa el que manda no es lo que se mide. */
	struct envio e = {16 * MIB, 0};
	pid_t hijo = fork();
	if (hijo == 0) {
		mandar(&e);
		_exit(0);
	}
	long antes = memoria("VmRSS");
	t_list *valores = recibir_paquete(conexion);
	snprintf(cuantos, sizeof cuantos, "Llegaron %d ", CABEN + 1);
	exigir_demasiados(cuantos);
	EXIGIR(valores->elements_count == 0);
	long pico = memoria("VmHWM") - antes, quedan = memoria("VmRSS") - antes;
	printf("16 millones de valores vacios: hasta %ld MiB, y despues quedan %ld\n", pico, quedan);
	EXIGIR(pico > 200 && pico < 280 && quedan < 20);
	tp0_liberar_lista(valores);
	EXIGIR(recibir_operacion(conexion) == -1);
	terminar();
	return x;
}

/* Recibir el payload no es separarlo en valores: la conexión sigue. */
static void de_a_dos_pasos(void) {
	entre_dos(NULL);
	struct envio e = {16 * MIB, 0};
	pthread_t hilo = empezar_a_mandar(&e);
	t_paquete *paquete = tp0_recibir(conexion);
	EXIGIR(paquete != NULL && paquete->buffer->size == 64 * MIB && pthread_join(hilo, NULL) == 0);
	EXIGIR(tp0_valores(paquete) == NULL);
	exigir_demasiados("Llegaron 4194305 ");
	eliminar_paquete(paquete);
	EXIGIR(memoria("VmRSS") < 60);
	ANDA(0, enviar_mensaje("sigue", conexion));
	terminar();
}

static void con_limite(const char *limite, int entran, int largo, int no_entran) {
	entre_dos(limite);
	t_list *valores = recibir(entran, largo);
	EXIGIR(tp0_error() == NULL && valores->elements_count == entran);
	tp0_liberar_lista(valores);
	if (no_entran > 0) {
		valores = recibir(no_entran, largo);
		char cuantos[40];
		snprintf(cuantos, sizeof cuantos, "Llegaron %d ", entran + 1);
		exigir_demasiados(cuantos);
		EXIGIR(valores->elements_count == 0);
		tp0_liberar_lista(valores);
	}
	terminar();
}

/* De los tamaños en que se pide más memoria, justo antes y justo después: cada valor llega entero y con su cero escondido. */
static void bordes(void) {
	static const int lugares[] = {16 * 1024, MIB, 2 * MIB, 4 * MIB};
	entre_dos(NULL);
	for (int i = 0; i < 4 * 5; i++) {
		int largo = lugares[i / 5] - 2 + i % 5;
		t_list *valores = recibir(2, largo);
		EXIGIR(tp0_error() == NULL && valores->elements_count == 2);
		EXIGIR(strlen(valores->head->data) == (size_t)largo && strlen(valores->head->next->data) == (size_t)largo);
		tp0_liberar_lista(valores);
		struct envio e = {1, largo - 4};
		pthread_t hilo = empezar_a_mandar(&e);
		EXIGIR(recibir_operacion(conexion) == PAQUETE);
		int mide;
		char *payload = recibir_buffer(&mide, conexion);
		EXIGIR(payload != NULL && mide == largo && strlen(payload + 4) == (size_t)largo - 4);
		free(payload);
		EXIGIR(pthread_join(hilo, NULL) == 0);
	}
	terminar();
}

int main(int cantidad, char **valores) {
	EXIGIR(cantidad == 2);
	alarm(50);
	if (strcmp(valores[1], "vacios") == 0)
		vacios(NULL);
	else if (strcmp(valores[1], "vacios_en_un_hilo") == 0) {
		/* Ahí malloc saca la memoria de otro lado. */
		pthread_t hilo;
		EXIGIR(pthread_create(&hilo, NULL, vacios, NULL) == 0 && pthread_join(hilo, NULL) == 0);
	} else if (strcmp(valores[1], "de_a_dos_pasos") == 0)
		de_a_dos_pasos();
	else if (strcmp(valores[1], "bordes") == 0)
		bordes();
	else if (strcmp(valores[1], "limites") == 0) {
		con_limite("10", 2, 0, 0);
		con_limite("4096", 1024, 0, 0);
		con_limite("16384", 1024, 0, 1025);
		/* Con 12 bytes o más cada uno, siempre entran: con su largo son 16, y ocupa 64. */
		con_limite("1000000", 4000000 / 64, 12, 0);
		con_limite("2000000", 8000000 / 64, 11, 8000000 / 64 + 1);
		con_limite(NULL, 1000000, 8, 0);
	} else
		return 2;
	decir("todo bien");
	return 0;
}
