/*
 * muchos_carreras: todo lo que la biblioteca deja hacer desde varios hilos, para que helgrind y memcheck lo miren.
 *
 * Un servidor con tp0_atender; muchos clientes; varios hilos que envían por una misma conexión; uno que libera la conexión en
 * la que otro espera; tp0_difundir a los clientes guardados; tp0_detener. Lo que es de este programa lo protege él.
 */
#include "muchos_comun.h"

#define CLIENTES 6
#define ENVIOS 20
#define EMISORES 3
#define OBREROS 16

/*
 * Los hilos de este programa se crean todos antes que los de la biblioteca y se unen después. glibc guarda las pilas de los hilos
 * que terminaron, y que las reuse otro hilo que el que las unió le parece a helgrind una carrera, aunque el programa no use
 * ninguna biblioteca.
 */
static struct obrero {
	pthread_t hilo;
	void *(*tarea)(void *);
	void *argumento;
	void *valor;
	int terminar;
} obreros[OBREROS];
static pthread_mutex_t mutex_obreros = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cambio_obreros = PTHREAD_COND_INITIALIZER;

static void *trabajar(void *yo) {
	struct obrero *obrero = yo;
	pthread_mutex_lock(&mutex_obreros);
	while (!obrero->terminar) {
		if (obrero->tarea == NULL) {
			pthread_cond_wait(&cambio_obreros, &mutex_obreros);
			continue;
		}
		pthread_mutex_unlock(&mutex_obreros);
		void *valor = obrero->tarea(obrero->argumento);
		pthread_mutex_lock(&mutex_obreros);
		obrero->valor = valor;
		obrero->tarea = NULL;
		pthread_cond_broadcast(&cambio_obreros);
	}
	pthread_mutex_unlock(&mutex_obreros);
	return NULL;
}

static struct obrero *encargar(void *(*tarea)(void *), void *argumento) {
	struct obrero *libre = NULL;
	pthread_mutex_lock(&mutex_obreros);
	for (int i = 0; i < OBREROS; i++)
		if (obreros[i].tarea == NULL)
			libre = &obreros[i];
	EXIGIR(libre != NULL);
	libre->argumento = argumento;
	libre->tarea = tarea;
	pthread_cond_broadcast(&cambio_obreros);
	pthread_mutex_unlock(&mutex_obreros);
	return libre;
}

static void *terminado(struct obrero *obrero) {
	pthread_mutex_lock(&mutex_obreros);
	while (obrero->tarea != NULL)
		pthread_cond_wait(&cambio_obreros, &mutex_obreros);
	void *valor = obrero->valor;
	pthread_mutex_unlock(&mutex_obreros);
	return valor;
}

static int servidor;
static char puerto[8];

/* Los clientes que el servidor guarda, para hablarles desde otro hilo. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cambio = PTHREAD_COND_INITIALIZER;
static int guardados[64];
static int cantidad;

static void guardar(int cliente) {
	pthread_mutex_lock(&mutex);
	guardados[cantidad++] = cliente;
	pthread_cond_broadcast(&cambio);
	pthread_mutex_unlock(&mutex);
}

static void olvidar(int cliente) {
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < cantidad; i++)
		if (guardados[i] == cliente)
			guardados[i--] = guardados[--cantidad];
	pthread_cond_broadcast(&cambio);
	pthread_mutex_unlock(&mutex);
}

static void esperar_cantidad(int cuantos) {
	pthread_mutex_lock(&mutex);
	while (cantidad != cuantos)
		pthread_cond_wait(&cambio, &mutex);
	pthread_mutex_unlock(&mutex);
}

/* Contesta cada texto. Termina de las tres maneras posibles: volviendo, con pthread_exit, y habiendo liberado antes. */
static void atender(int cliente, void *contexto) {
	char *texto;
	int fin = 0;
	EXIGIR(contexto == &servidor);
#ifdef CON_CARRERA
	/* Para saber que helgrind mira de verdad: esto es una carrera. */
	static long sin_cuidado;
	sin_cuidado++;
#endif
	guardar(cliente);
	while (fin == 0 && (texto = tp0_recibir_mensaje(cliente)) != NULL) {
		EXIGIR(enviar_mensaje(texto, cliente) == 0);
		fin = strcmp(texto, "chau") == 0 ? 1 : strcmp(texto, "salir") == 0 ? 2 : 0;
		free(texto);
	}
	olvidar(cliente);
	if (fin == 1)
		liberar_conexion(cliente);
	if (fin == 2)
		pthread_exit(NULL);
}

static void *atender_en_hilo(void *nada) {
	(void)nada;
	EXIGIR(tp0_atender(servidor, atender, &servidor) == 0);
	return NULL;
}

static void *cliente_comun(void *numero) {
	char texto[32];
	const char *despedidas[] = {"chau", "salir", "nada especial"};
	int conexion = crear_conexion("127.0.0.1", puerto);
	EXIGIR(conexion != -1);
	for (int i = 0; i < ENVIOS; i++) {
		snprintf(texto, sizeof texto, "%ld %d", (long)(intptr_t)numero, i);
		EXIGIR(enviar_mensaje(texto, conexion) == 0);
		char *vuelta = tp0_recibir_mensaje(conexion);
		EXIGIR(vuelta != NULL && strcmp(vuelta, texto) == 0);
		free(vuelta);
	}
	EXIGIR(enviar_mensaje(despedidas[(intptr_t)numero % 3], conexion) == 0);
	free(tp0_recibir_mensaje(conexion));
	EXIGIR(liberar_conexion(conexion) == 0);
	return NULL;
}

static void *enviar_muchos(void *conexion) {
	for (int i = 0; i < ENVIOS; i++) {
		t_paquete *paquete = crear_paquete();
		agregar_a_paquete(paquete, &i, sizeof i);
		paquete->codigo_operacion = MENSAJE;
		EXIGIR(enviar_mensaje("uno de tantos", *(int *)conexion) == 0);
		eliminar_paquete(paquete);
	}
	return NULL;
}

/* Varios hilos envían por la misma conexión mientras uno recibe lo que vuelve. */
static void emisores_concurrentes(void) {
	struct obrero *hilos[EMISORES];
	int conexion = crear_conexion("127.0.0.1", puerto);
	EXIGIR(conexion != -1);
	for (int i = 0; i < EMISORES; i++)
		hilos[i] = encargar(enviar_muchos, &conexion);
	for (int i = 0; i < EMISORES * ENVIOS; i++) {
		char *texto = tp0_recibir_mensaje(conexion);
		EXIGIR(texto != NULL && strcmp(texto, "uno de tantos") == 0);
		free(texto);
	}
	for (int i = 0; i < EMISORES; i++)
		terminado(hilos[i]);
	EXIGIR(liberar_conexion(conexion) == 0);
}

static void *recibir_hasta_el_fin(void *conexion) {
	while (recibir_operacion(*(int *)conexion) != -1)
		free(recibir_buffer(&(int){0}, *(int *)conexion));
	return NULL;
}

/* Un hilo espera un mensaje que no va a llegar; otro libera la conexión, y el primero despierta. */
static void liberar_desde_otro_hilo(void) {
	int conexion = crear_conexion("127.0.0.1", puerto);
	EXIGIR(conexion != -1);
	struct obrero *receptor = encargar(recibir_hasta_el_fin, &conexion);
	hasta_que_duerman(1);
	EXIGIR(liberar_conexion(conexion) == 0);
	terminado(receptor);
}

static void *contar_difundidos(void *conexion) {
	intptr_t cuantos = 0;
	t_paquete *paquete;
	while ((paquete = tp0_recibir(*(int *)conexion)) != NULL) {
		EXIGIR(paquete->codigo_operacion == 7);
		eliminar_paquete(paquete);
		cuantos++;
	}
	return (void *)cuantos;
}

static void *difundir(void *paquete) {
	for (int i = 0; i < ENVIOS; i++) {
		pthread_mutex_lock(&mutex);
		EXIGIR(tp0_difundir(guardados, cantidad, paquete, NULL) == 0);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void difusion(void) {
	int conexiones[CLIENTES];
	struct obrero *hilos[CLIENTES];
	t_paquete *paquete = crear_paquete();
	paquete->codigo_operacion = 7;
	agregar_a_paquete(paquete, "a todos", 8);
	esperar_cantidad(0);
	for (int i = 0; i < CLIENTES; i++) {
		conexiones[i] = crear_conexion("127.0.0.1", puerto);
		EXIGIR(conexiones[i] != -1);
		hilos[i] = encargar(contar_difundidos, &conexiones[i]);
	}
	esperar_cantidad(CLIENTES);
	struct obrero *otro = encargar(difundir, paquete);
	difundir(paquete);
	terminado(otro);
	eliminar_paquete(paquete);
	/* Se queda en el hilo de cada uno hasta que el servidor se detenga y los corte. */
	EXIGIR(tp0_detener(servidor) == 0);
	for (int i = 0; i < CLIENTES; i++) {
		EXIGIR((intptr_t)terminado(hilos[i]) == 2 * ENVIOS);
		EXIGIR(tp0_conexion_activa(conexiones[i]) == 0);
		EXIGIR(liberar_conexion(conexiones[i]) == 0);
	}
}

/* Dos hilos esperan clientes en el mismo servidor, que un tercero libera. */
static void *esperar_hasta_el_fin(void *escucha) {
	intptr_t cuantos = 0;
	int cliente;
	while ((cliente = esperar_cliente(*(int *)escucha)) != -1) {
		cuantos++;
		EXIGIR(recibir_operacion(cliente) == -1);
	}
	EXIGIR(errno == ECANCELED);
	return (void *)cuantos;
}

static void varios_esperan(void) {
	char otro_puerto[8];
	int escucha = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(escucha != -1);
	snprintf(otro_puerto, sizeof otro_puerto, "%d", tp0_puerto(escucha));
	struct obrero *uno = encargar(esperar_hasta_el_fin, &escucha), *otro = encargar(esperar_hasta_el_fin, &escucha);
	/* Más de 64: las tumbas de recibir_operacion se reusan. */
	for (int i = 0; i < 70; i++) {
		int conexion = crear_conexion("127.0.0.1", otro_puerto);
		EXIGIR(conexion != -1);
		EXIGIR(liberar_conexion(conexion) == 0);
	}
	/* Los dos esperan, y ya no queda nadie por entrar. */
	hasta_que_duerman(2);
	EXIGIR(liberar_conexion(escucha) == 0);
	EXIGIR((intptr_t)terminado(uno) + (intptr_t)terminado(otro) == 70);
}

/* Nadie acepta todavía: los que esperan su respuesta contestan, entre ellos, los handshakes de su propio proceso. */
static void *conectar(void *lugar) {
	char otro_puerto[8];
	snprintf(otro_puerto, sizeof otro_puerto, "%d", tp0_puerto(*(int *)lugar));
	int conexion = crear_conexion("127.0.0.1", otro_puerto);
	EXIGIR(conexion != -1);
	EXIGIR(enviar_mensaje("antes de que acepten", conexion) == 0);
	EXIGIR(liberar_conexion(conexion) == 0);
	return NULL;
}

static void vecinos(void) {
	struct obrero *hilos[EMISORES];
	int escucha = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(escucha != -1);
	for (int i = 0; i < EMISORES; i++)
		hilos[i] = encargar(conectar, &escucha);
	for (int i = 0; i < EMISORES; i++)
		terminado(hilos[i]);
	for (int i = 0; i < EMISORES; i++) {
		int cliente = esperar_cliente(escucha);
		EXIGIR(cliente != -1);
		char *texto = tp0_recibir_mensaje(cliente);
		EXIGIR(texto != NULL && strcmp(texto, "antes de que acepten") == 0);
		free(texto);
		EXIGIR(liberar_conexion(cliente) == 0);
	}
	EXIGIR(liberar_conexion(escucha) == 0);
}

/*
 * Un hilo usa un servidor y, sin decirle nada a éste, éste lo libera: lo que el servidor recordaba se suelta acá. Que uno vino
 * después del otro lo sabe el reloj; helgrind, sólo si la biblioteca se lo muestra.
 */
static void *esperar_uno(void *escucha) {
	int cliente = esperar_cliente(*(int *)escucha);
	EXIGIR(cliente != -1);
	recibir_hasta_el_fin(&cliente);
	EXIGIR(liberar_conexion(cliente) == 0);
	return NULL;
}

static void usado_en_otro_hilo(void) {
	int escucha = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(escucha != -1);
	struct obrero *servido = encargar(esperar_uno, &escucha), *cliente = encargar(conectar, &escucha);
	hasta_que_duerman(OBREROS);
	EXIGIR(liberar_conexion(escucha) == 0);
	terminado(servido);
	terminado(cliente);
}

/* Descriptores cada vez más altos, pedidos por hilos que no se hablan: lo que se recuerda de cada uno crece de a tramos. */
static void *conectar_y_esperar(void *demora) {
	dormir_ms((intptr_t)demora);
	int conexion = crear_conexion("127.0.0.1", puerto);
	EXIGIR(conexion != -1);
	EXIGIR(enviar_mensaje("alto", conexion) == 0);
	free(tp0_recibir_mensaje(conexion));
	dormir_ms(300 - (intptr_t)demora);
	EXIGIR(liberar_conexion(conexion) == 0);
	return NULL;
}

static void descriptores_altos(void) {
	int rellenos[1100], cuantos = 0;
	permitir_descriptores(1200);
	int nulo = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int limite = 63; limite < 1100; limite = limite == 63 ? 127 : limite == 127 ? 1023 : 1100) {
		struct obrero *obreros_de_aca[EMISORES];
		do
			EXIGIR((rellenos[cuantos] = dup(nulo)) != -1);
		while (rellenos[cuantos++] < limite);
		for (intptr_t i = 0; i < EMISORES; i++)
			obreros_de_aca[i] = encargar(conectar_y_esperar, (void *)(i * 100));
		for (int i = 0; i < EMISORES; i++)
			terminado(obreros_de_aca[i]);
	}
	while (cuantos > 0)
		close(rellenos[--cuantos]);
	close(nulo);
}

/* Un cliente pide el fin desde su función mientras otro hilo también lo pide. */
static pthread_barrier_t los_dos;

static void detener_desde_un_cliente(int cliente, void *escucha) {
	free(tp0_recibir_mensaje(cliente));
	pthread_barrier_wait(&los_dos);
	tp0_detener(*(int *)escucha);
}

static void *detener_a_la_vez(void *escucha) {
	pthread_barrier_wait(&los_dos);
	tp0_detener(*(int *)escucha);
	return NULL;
}

static void fin_desde_dos_lados(void) {
	int escucha = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(escucha != -1 && pthread_barrier_init(&los_dos, NULL, 2) == 0);
	struct obrero *cliente = encargar(conectar, &escucha), *otro = encargar(detener_a_la_vez, &escucha);
	EXIGIR(tp0_atender(escucha, detener_desde_un_cliente, &escucha) == 0);
	terminado(cliente);
	terminado(otro);
}

int main(void) {
	struct obrero *hilos[CLIENTES], *atencion;
	for (int i = 0; i < OBREROS; i++)
		obreros[i].hilo = hilo(trabajar, &obreros[i]);
	tp0_opciones *opciones = tp0_opciones_crear();
	EXIGIR(opciones != NULL);
	EXIGIR(tp0_opciones_cierre_ms(opciones, 300) == 0);
	servidor = tp0_iniciar_servidor_con("127.0.0.1", "0", opciones);
	tp0_opciones_destruir(opciones);
	EXIGIR(servidor != -1);
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	atencion = encargar(atender_en_hilo, NULL);
	for (intptr_t i = 0; i < CLIENTES; i++)
		hilos[i] = encargar(cliente_comun, (void *)i);
	descriptores_altos();
	emisores_concurrentes();
	liberar_desde_otro_hilo();
	for (int i = 0; i < CLIENTES; i++)
		terminado(hilos[i]);
	varios_esperan();
	vecinos();
	usado_en_otro_hilo();
	difusion();
	terminado(atencion);
	fin_desde_dos_lados();
	pthread_mutex_lock(&mutex_obreros);
	for (int i = 0; i < OBREROS; i++)
		obreros[i].terminar = 1;
	pthread_cond_broadcast(&cambio_obreros);
	pthread_mutex_unlock(&mutex_obreros);
	for (int i = 0; i < OBREROS; i++)
		unir(obreros[i].hilo);
	decir("todo bien");
	return 0;
}
