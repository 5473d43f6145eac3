/*
 * hostil_conductor: un intérprete de una orden por línea sobre las funciones de la biblioteca.
 *
 * La prueba (en Rust) hace de par por la red y maneja este programa por la entrada estándar. Por cada orden responde una
 * línea con todo lo que un programa C puede ver de la llamada:
 *
 *     orden:      [&]ID NOMBRE ARGUMENTO...       (& = en otro hilo; %XX en un argumento es un byte; NULL es NULL)
 *     anuncio:    #ID# hilo=TID, antes de hacer la llamada
 *     respuesta:  #ID# ret=N errno=NOMBRE [campo=valor]... texto=LO QUE DICE tp0_error()
 *
 * Antes de cada llamada errno vale EDOM: así se nota si la biblioteca lo puso o lo dejó como estaba.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <tp0.h>

#define MAXIMO_ARGUMENTOS 64

typedef struct {
	char *linea;
	char *id;
	int en_hilo;
	int cantidad;
	char *argumentos[MAXIMO_ARGUMENTOS];
} t_orden;

/* Lo que se vio inmediatamente después de una llamada. */
typedef struct {
	long ret;
	int error;
	char *texto;
	char *campos;
} t_visto;

static volatile sig_atomic_t seniales;

static void morir(const char *que) {
	fprintf(stderr, "hostil_conductor: %s\n", que);
	exit(70);
}

/* ------------------------------------------------------------------ argumentos */

static int valor_hexa(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodifica los %XX en el lugar. */
static void decodificar(char *texto) {
	char *destino = texto;
	for (char *origen = texto; *origen != '\0'; origen++) {
		if (*origen == '%' && valor_hexa(origen[1]) >= 0 && valor_hexa(origen[2]) >= 0) {
			*destino++ = (char)(valor_hexa(origen[1]) * 16 + valor_hexa(origen[2]));
			origen += 2;
		} else {
			*destino++ = *origen;
		}
	}
	*destino = '\0';
}

static t_orden *leer_orden(char *linea) {
	t_orden *orden = calloc(1, sizeof *orden);
	char *resto = NULL;
	orden->linea = linea;
	if (linea[0] == '&') {
		orden->en_hilo = 1;
		linea++;
	}
	orden->id = strtok_r(linea, " \n", &resto);
	char *argumento;
	while ((argumento = strtok_r(NULL, " \n", &resto)) != NULL) {
		if (orden->cantidad == MAXIMO_ARGUMENTOS)
			morir("demasiados argumentos");
		decodificar(argumento);
		orden->argumentos[orden->cantidad++] = argumento;
	}
	if (orden->id == NULL || orden->cantidad == 0)
		morir("una orden vacía");
	return orden;
}

static char *texto(const t_orden *orden, int i) {
	if (i >= orden->cantidad)
		morir("faltan argumentos");
	return strcmp(orden->argumentos[i], "NULL") == 0 ? NULL : orden->argumentos[i];
}

static int numero(const t_orden *orden, int i) {
	if (i >= orden->cantidad)
		morir("faltan argumentos");
	return (int)strtol(orden->argumentos[i], NULL, 0);
}

/* ------------------------------------------------------------------ respuestas */

/* Guarda errno y el texto antes de que cualquier otra llamada los cambie. */
static void ver(t_visto *visto, long ret) {
	visto->error = errno;
	visto->ret = ret;
	const char *dicho = tp0_error();
	visto->texto = dicho == NULL ? NULL : strdup(dicho);
}

#define LLAMAR(visto, llamada)                                                                                         \
	do {                                                                                                           \
		errno = EDOM;                                                                                          \
		long ret_llamada = (llamada);                                                                          \
		ver(visto, ret_llamada);                                                                               \
	} while (0)

#define LLAMAR_VOID(visto, llamada)                                                                                    \
	do {                                                                                                           \
		errno = EDOM;                                                                                          \
		(void)(llamada);                                                                                       \
		ver(visto, 0);                                                                                         \
	} while (0)

/* Las llamadas al sistema del propio programa: nada que ver con tp0_error(). */
#define DIRECTA(visto, llamada)                                                                                        \
	do {                                                                                                           \
		errno = EDOM;                                                                                          \
		(visto)->ret = (long)(llamada);                                                                        \
		(visto)->error = errno;                                                                                \
	} while (0)

__attribute__((format(printf, 2, 3))) static void campo(t_visto *visto, const char *formato, ...) {
	char *nuevo = NULL;
	char *todo = NULL;
	va_list argumentos;
	va_start(argumentos, formato);
	if (vasprintf(&nuevo, formato, argumentos) < 0)
		morir("sin memoria");
	va_end(argumentos);
	if (asprintf(&todo, "%s %s", visto->campos == NULL ? "" : visto->campos, nuevo) < 0)
		morir("sin memoria");
	free(nuevo);
	free(visto->campos);
	visto->campos = todo;
}

static char *en_hexa(const void *bytes, size_t cantidad) {
	char *hexa = malloc(cantidad * 2 + 1);
	for (size_t i = 0; i < cantidad; i++)
		snprintf(hexa + i * 2, 3, "%02x", ((const unsigned char *)bytes)[i]);
	hexa[cantidad * 2] = '\0';
	return hexa;
}

/* En una sola escritura, para que la línea salga entera. */
static void decir(const char *linea) {
	flockfile(stdout);
	fputs(linea, stdout);
	fflush(stdout);
	funlockfile(stdout);
}

static void anunciar(const t_orden *orden) {
	char linea[64];
	snprintf(linea, sizeof linea, "#%s# hilo=%d\n", orden->id, (int)gettid());
	decir(linea);
}

static void responder(const t_orden *orden, t_visto *visto) {
	char *dicho = visto->texto;
	char *linea = NULL;
	/* Los textos son de una línea: si alguno trae un salto, que la prueba lo vea en vez de romper el protocolo. */
	for (char *c = dicho; c != NULL && *c != '\0'; c++)
		if (*c == '\n' || *c == '\r')
			*c = '\v';
	const char *nombre = visto->error == 0 ? "0" : strerrorname_np(visto->error);
	if (asprintf(&linea, "#%s# ret=%ld errno=%s%s texto=%s\n", orden->id, visto->ret, nombre == NULL ? "?" : nombre,
	             visto->campos == NULL ? "" : visto->campos, dicho == NULL ? "(NULL)" : dicho) < 0)
		morir("sin memoria");
	decir(linea);
	free(linea);
	free(visto->texto);
	free(visto->campos);
}

/* ------------------------------------------------------------------ órdenes con algo más que una llamada */

/* buffer FD: además del tamaño, los bytes y el byte que sigue al último (siempre tiene que ser '\0'). */
static void orden_buffer(const t_orden *orden, t_visto *visto) {
	int tamanio = -77;
	char *bytes = NULL;
	errno = EDOM;
	bytes = recibir_buffer(&tamanio, numero(orden, 1));
	ver(visto, bytes == NULL ? -1 : 0);
	campo(visto, "tamanio=%d", tamanio);
	if (bytes != NULL) {
		size_t muestra = tamanio > 64 ? 64 : (size_t)tamanio;
		char *hexa = en_hexa(bytes, muestra);
		campo(visto, "bytes=%s fin=%d", hexa, bytes[tamanio]);
		free(hexa);
	}
	free(bytes);
}

/* paquete FD [largo...]: con largos, muestra exactamente esos bytes de cada valor y el que sigue; sin ellos, el texto. */
static void orden_paquete(const t_orden *orden, t_visto *visto) {
	t_list *lista = NULL;
	errno = EDOM;
	lista = recibir_paquete(numero(orden, 1));
	ver(visto, lista == NULL ? -1 : lista->elements_count);
	if (lista == NULL)
		return;
	int i = 0;
	size_t suma = 0;
	for (t_link_element *nodo = lista->head; nodo != NULL; nodo = nodo->next, i++) {
		const char *valor = nodo->data;
		size_t largo = 2 + i < orden->cantidad ? (size_t)numero(orden, 2 + i) : strlen(valor);
		suma += largo;
		if (i < 8) {
			char *hexa = en_hexa(valor, largo > 64 ? 64 : largo);
			campo(visto, "valor%d=%s fin%d=%d", i, hexa, i, valor[largo]);
			free(hexa);
		}
	}
	campo(visto, "nodos=%d suma=%zu", i, suma);
	tp0_liberar_lista(lista);
}

/* enviar_paquete FD valor...: el ciclo de siempre, cada valor con su '\0'. */
static void orden_enviar_paquete(const t_orden *orden, t_visto *visto) {
	t_paquete *paquete = crear_paquete();
	for (int i = 2; i < orden->cantidad; i++)
		agregar_a_paquete(paquete, orden->argumentos[i], (int)strlen(orden->argumentos[i]) + 1);
	LLAMAR(visto, enviar_paquete(paquete, numero(orden, 1)));
	eliminar_paquete(paquete);
}

/* Un paquete mal armado, como puede quedar el de un programa con un error. El stream, cuando hay, es de malloc. */
static t_paquete *paquete_roto(const char *clase) {
	if (strcmp(clase, "nulo") == 0)
		return NULL;
	t_paquete *paquete = malloc(sizeof *paquete);
	paquete->codigo_operacion = PAQUETE;
	paquete->buffer = malloc(sizeof *paquete->buffer);
	paquete->buffer->size = 0;
	paquete->buffer->offset = 0;
	paquete->buffer->stream = NULL;
	if (strcmp(clase, "sin_buffer") == 0) {
		free(paquete->buffer);
		paquete->buffer = NULL;
	} else if (strcmp(clase, "sin_stream") == 0) {
		paquete->buffer->size = 16;
	} else if (strcmp(clase, "negativo") == 0) {
		paquete->buffer->stream = malloc(16);
		paquete->buffer->size = -5;
	} else if (strcmp(clase, "minimo") == 0) {
		paquete->buffer->stream = malloc(16);
		paquete->buffer->size = (int)0x80000000;
	} else if (strcmp(clase, "enorme") == 0) {
		paquete->buffer->stream = malloc(16);
		paquete->buffer->size = 0x7fffffff;
	} else if (strcmp(clase, "codigo_negativo") == 0) {
		paquete->codigo_operacion = (op_code)-1;
	} else if (strcmp(clase, "offset") == 0) {
		/* offset es basura de malloc en los programas de verdad: nadie lo pone y nadie lo mira. */
		paquete->buffer->offset = 0xdeadbeef;
	} else {
		morir("clase de paquete desconocida");
	}
	return paquete;
}

static void soltar_paquete(t_paquete *paquete) {
	if (paquete == NULL)
		return;
	if (paquete->buffer != NULL)
		free(paquete->buffer->stream);
	free(paquete->buffer);
	free(paquete);
}

static void orden_roto(const t_orden *orden, t_visto *visto) {
	const char *funcion = texto(orden, 1);
	t_paquete *paquete = paquete_roto(orden->argumentos[2]);
	if (strcmp(funcion, "enviar") == 0) {
		LLAMAR(visto, enviar_paquete(paquete, numero(orden, 3)));
	} else if (strcmp(funcion, "agregar") == 0) {
		LLAMAR(visto, agregar_a_paquete(paquete, "hola", 5));
	} else if (strcmp(funcion, "serializar") == 0) {
		void *bytes = NULL;
		errno = EDOM;
		bytes = serializar_paquete(paquete, numero(orden, 3));
		ver(visto, bytes == NULL ? -1 : 0);
		free(bytes);
	} else if (strcmp(funcion, "eliminar") == 0) {
		/* Un stream que no existe o un tamaño que miente no cambian qué bloques hay que liberar. */
		LLAMAR_VOID(visto, eliminar_paquete(paquete));
		return;
	} else {
		morir("función de paquete desconocida");
	}
	soltar_paquete(paquete);
}

/* agregar NULL|VALOR TAMANIO: sobre un paquete sano; muestra cuánto quedó adentro. */
static void orden_agregar(const t_orden *orden, t_visto *visto) {
	t_paquete *paquete = crear_paquete();
	LLAMAR(visto, agregar_a_paquete(paquete, texto(orden, 1), numero(orden, 2)));
	campo(visto, "size=%d", paquete->buffer->size);
	eliminar_paquete(paquete);
}

static void orden_mensaje_largo(const t_orden *orden, t_visto *visto) {
	size_t largo = (size_t)numero(orden, 2);
	char *mensaje = malloc(largo + 1);
	memset(mensaje, 'x', largo);
	mensaje[largo] = '\0';
	LLAMAR(visto, enviar_mensaje(mensaje, numero(orden, 1)));
	free(mensaje);
}

/* Un socket del propio programa, sin pasar por la biblioteca. */
static int conexion_propia(const char *ip, int puerto) {
	struct sockaddr_in direccion;
	memset(&direccion, 0, sizeof direccion);
	direccion.sin_family = AF_INET;
	direccion.sin_port = htons((in_port_t)puerto);
	inet_pton(AF_INET, ip, &direccion.sin_addr);
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	if (descriptor >= 0 && connect(descriptor, (struct sockaddr *)&direccion, sizeof direccion) < 0) {
		close(descriptor);
		return -1;
	}
	return descriptor;
}

static void orden_recv(const t_orden *orden, t_visto *visto) {
	char bytes[64];
	size_t cuanto = (size_t)numero(orden, 2);
	DIRECTA(visto, recv(numero(orden, 1), bytes, cuanto > sizeof bytes ? sizeof bytes : cuanto, MSG_WAITALL));
	char *hexa = en_hexa(bytes, visto->ret > 0 ? (size_t)visto->ret : 0);
	campo(visto, "bytes=%s", hexa);
	free(hexa);
}

static long con_plazo(int descriptor, int opcion, int milisegundos) {
	struct timeval plazo = { .tv_sec = milisegundos / 1000, .tv_usec = (milisegundos % 1000) * 1000 };
	return setsockopt(descriptor, SOL_SOCKET, opcion, &plazo, sizeof plazo);
}

static void al_llegar(int senial) {
	(void)senial;
	seniales = seniales + 1;
}

/* manejador reinicia|corta: el de SIGALRM, que las cuenta, con SA_RESTART o sin él. */
static long poner_manejador(const char *modo) {
	struct sigaction accion;
	memset(&accion, 0, sizeof accion);
	accion.sa_handler = al_llegar;
	accion.sa_flags = strcmp(modo, "reinicia") == 0 ? SA_RESTART : 0;
	return sigaction(SIGALRM, &accion, NULL);
}

/* ------------------------------------------------------------------ martillos */

/* martillo_envio FD HILOS CANTIDAD TAMANIO: cada hilo manda paquetes llenos de su propia letra por la misma conexión. */
typedef struct {
	int descriptor;
	char letra;
	int cantidad;
	int tamanio;
	int fallas;
} t_emisor;

static void *emitir(void *parametro) {
	t_emisor *emisor = parametro;
	char *valor = malloc((size_t)emisor->tamanio);
	memset(valor, emisor->letra, (size_t)emisor->tamanio);
	for (int i = 0; i < emisor->cantidad; i++) {
		t_paquete *paquete = crear_paquete();
		if (agregar_a_paquete(paquete, valor, emisor->tamanio) < 0 || enviar_paquete(paquete, emisor->descriptor) < 0)
			emisor->fallas++;
		eliminar_paquete(paquete);
	}
	free(valor);
	return NULL;
}

static void orden_martillo_envio(const t_orden *orden, t_visto *visto) {
	int hilos = numero(orden, 2);
	pthread_t *identificadores = calloc((size_t)hilos, sizeof *identificadores);
	t_emisor *emisores = calloc((size_t)hilos, sizeof *emisores);
	long fallas = 0;
	for (int i = 0; i < hilos; i++) {
		emisores[i] = (t_emisor){ numero(orden, 1), (char)('a' + i), numero(orden, 3), numero(orden, 4), 0 };
		if (pthread_create(&identificadores[i], NULL, emitir, &emisores[i]) != 0)
			morir("no se pudo crear un hilo");
	}
	for (int i = 0; i < hilos; i++) {
		pthread_join(identificadores[i], NULL);
		fallas += emisores[i].fallas;
	}
	DIRECTA(visto, fallas);
	free(identificadores);
	free(emisores);
}

/*
 * martillo_reuso IP PUERTO HILOS MS: muchos hilos abren, usan y liberan conexiones a la vez, así que un número recién
 * liberado lo recibe enseguida otro hilo. De cada tres vueltas:
 *   una es una conversación, que tiene que recibir exactamente su eco;
 *   en otra, la conexión se libera mientras otro hilo está adentro de recibir_operacion con ese número: ese hilo tiene
 *   que recibir -1, y jamás un byte de la conexión que reciba después el mismo número;
 *   y en otra, además, el par se va al mismo tiempo: el que recibe entierra el número mientras el otro lo libera.
 *
 * El par (la prueba) manda, pegados a su respuesta al handshake, los dos primeros bytes de un código; cuando recibe un
 * entero completa el código (7) y devuelve ese entero como payload, o se va si el entero es TE_PODES_IR. Por eso FIONREAD
 * en 0 prueba que quien espera en recibir_operacion ya se llevó los dos bytes y está adentro de la llamada.
 */
#define TE_PODES_IR (-2)

typedef struct {
	const char *ip;
	const char *puerto;
	long hasta_ms;
	int numero;
	int vueltas;
	int cortes;
	int fallas;
	char motivo[160];
} t_obrero;

typedef struct {
	int descriptor;
	int resultado;
} t_espera;

static long ahora_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *esperar_operacion(void *parametro) {
	t_espera *espera = parametro;
	espera->resultado = recibir_operacion(espera->descriptor);
	return NULL;
}

static void anotar(t_obrero *obrero, const char *que, int valor) {
	obrero->fallas++;
	const char *dicho = tp0_error();
	snprintf(obrero->motivo, sizeof obrero->motivo, "%s(%d):%s", que, valor, dicho == NULL ? "-" : dicho);
}

/* Espera a que haya exactamente esos bytes por leer; 0 si en dos segundos no pasa. */
static int esperar_pendientes(int descriptor, int cuantos) {
	long limite = ahora_ms() + 2000;
	int pendientes = -1;
	while (ahora_ms() < limite) {
		if (ioctl(descriptor, FIONREAD, &pendientes) == 0 && pendientes == cuantos)
			return 1;
		usleep(200);
	}
	return 0;
}

static void una_vuelta(t_obrero *obrero) {
	int descriptor = crear_conexion(obrero->ip, obrero->puerto);
	if (descriptor < 0) {
		anotar(obrero, "crear_conexion", descriptor);
		return;
	}
	if (obrero->vueltas % 3 == 0) {
		/* Una conversación entera: lo que vuelve tiene que ser lo que salió por esta conexión y por ninguna otra. */
		int propio = (int)((unsigned)obrero->numero << 20 | (unsigned)obrero->vueltas);
		if (send(descriptor, &propio, sizeof propio, MSG_NOSIGNAL) != (ssize_t)sizeof propio)
			anotar(obrero, "send", errno);
		int codigo = recibir_operacion(descriptor);
		int tamanio = 0;
		int *eco = codigo == 7 ? recibir_buffer(&tamanio, descriptor) : NULL;
		if (codigo != 7)
			anotar(obrero, "codigo", codigo);
		else if (eco == NULL || tamanio != (int)sizeof propio || *eco != propio)
			anotar(obrero, "eco", eco == NULL ? -1 : *eco);
		free(eco);
		liberar_conexion(descriptor);
		return;
	}
	t_espera espera = { descriptor, 0 };
	pthread_t hilo;
	if (!esperar_pendientes(descriptor, 2))
		anotar(obrero, "saludo", descriptor);
	if (pthread_create(&hilo, NULL, esperar_operacion, &espera) != 0)
		morir("no se pudo crear un hilo");
	if (!esperar_pendientes(descriptor, 0))
		anotar(obrero, "adentro", descriptor);
	if (obrero->vueltas % 3 == 2) {
		int vayase = TE_PODES_IR;
		if (send(descriptor, &vayase, sizeof vayase, MSG_NOSIGNAL) != (ssize_t)sizeof vayase)
			anotar(obrero, "send", errno);
		/* Lo que tarda el fin en llegar, más o menos: las dos cosas se tienen que cruzar de todas las maneras. */
		for (volatile int i = 0; i < obrero->vueltas % 97 * 400; i++)
			continue;
	}
	liberar_conexion(descriptor);
	pthread_join(hilo, NULL);
	if (espera.resultado != -1)
		anotar(obrero, "corte", espera.resultado);
	obrero->cortes++;
}

static void *obrar(void *parametro) {
	t_obrero *obrero = parametro;
	while (ahora_ms() < obrero->hasta_ms && obrero->fallas == 0) {
		una_vuelta(obrero);
		obrero->vueltas++;
	}
	return NULL;
}

static void orden_martillo_reuso(const t_orden *orden, t_visto *visto) {
	int hilos = numero(orden, 3);
	pthread_t *identificadores = calloc((size_t)hilos, sizeof *identificadores);
	t_obrero *obreros = calloc((size_t)hilos, sizeof *obreros);
	long fallas = 0;
	long vueltas = 0;
	long cortes = 0;
	for (int i = 0; i < hilos; i++) {
		obreros[i].ip = texto(orden, 1);
		obreros[i].puerto = texto(orden, 2);
		obreros[i].hasta_ms = ahora_ms() + numero(orden, 4);
		obreros[i].numero = i;
		obreros[i].vueltas = i;
		if (pthread_create(&identificadores[i], NULL, obrar, &obreros[i]) != 0)
			morir("no se pudo crear un hilo");
	}
	for (int i = 0; i < hilos; i++) {
		pthread_join(identificadores[i], NULL);
		fallas += obreros[i].fallas;
		vueltas += obreros[i].vueltas - i;
		cortes += obreros[i].cortes;
		if (obreros[i].fallas > 0)
			visto->texto = strdup(obreros[i].motivo);
	}
	visto->ret = fallas;
	campo(visto, "vueltas=%ld cortes=%ld", vueltas, cortes);
	free(identificadores);
	free(obreros);
}

/* ------------------------------------------------------------------ tabla */

static int es(const t_orden *orden, const char *nombre) {
	return strcmp(orden->argumentos[0], nombre) == 0;
}

static int orden_de_biblioteca(const t_orden *orden, t_visto *visto) {
	if (es(orden, "iniciar"))
		LLAMAR(visto, iniciar_servidor());
	else if (es(orden, "iniciar_en"))
		LLAMAR(visto, tp0_iniciar_servidor(texto(orden, 1), texto(orden, 2)));
	else if (es(orden, "puerto"))
		LLAMAR(visto, tp0_puerto(numero(orden, 1)));
	else if (es(orden, "esperar"))
		LLAMAR(visto, esperar_cliente(numero(orden, 1)));
	else if (es(orden, "conectar"))
		LLAMAR(visto, crear_conexion(texto(orden, 1), texto(orden, 2)));
	else if (es(orden, "mensaje"))
		LLAMAR(visto, enviar_mensaje(texto(orden, 2), numero(orden, 1)));
	else if (es(orden, "mensaje_largo"))
		orden_mensaje_largo(orden, visto);
	else if (es(orden, "operacion"))
		LLAMAR(visto, recibir_operacion(numero(orden, 1)));
	else if (es(orden, "buffer"))
		orden_buffer(orden, visto);
	else if (es(orden, "buffer_sin_tamanio"))
		LLAMAR(visto, recibir_buffer(NULL, numero(orden, 1)) == NULL ? -1 : 0);
	else if (es(orden, "recibir_mensaje"))
		LLAMAR(visto, recibir_mensaje(numero(orden, 1)));
	else if (es(orden, "paquete"))
		orden_paquete(orden, visto);
	else if (es(orden, "enviar_paquete"))
		orden_enviar_paquete(orden, visto);
	else if (es(orden, "roto"))
		orden_roto(orden, visto);
	else if (es(orden, "agregar"))
		orden_agregar(orden, visto);
	else if (es(orden, "crear_buffer_nulo"))
		LLAMAR_VOID(visto, crear_buffer(NULL));
	else if (es(orden, "liberar_lista_nula"))
		LLAMAR_VOID(visto, tp0_liberar_lista(NULL));
	else if (es(orden, "liberar"))
		LLAMAR(visto, liberar_conexion(numero(orden, 1)));
	else if (es(orden, "martillo_envio"))
		orden_martillo_envio(orden, visto);
	else if (es(orden, "martillo_reuso"))
		orden_martillo_reuso(orden, visto);
	else
		return 0;
	return 1;
}

static int orden_del_sistema(const t_orden *orden, t_visto *visto) {
	if (es(orden, "entorno"))
		DIRECTA(visto, setenv(orden->argumentos[1], orden->cantidad > 2 ? orden->argumentos[2] : "", 1));
	else if (es(orden, "sin_entorno"))
		DIRECTA(visto, unsetenv(orden->argumentos[1]));
	else if (es(orden, "cerrar"))
		DIRECTA(visto, close(numero(orden, 1)));
	else if (es(orden, "abierto"))
		DIRECTA(visto, fcntl(numero(orden, 1), F_GETFD));
	else if (es(orden, "no_bloqueante"))
		DIRECTA(visto, fcntl(numero(orden, 1), F_SETFL, O_NONBLOCK));
	else if (es(orden, "archivo"))
		DIRECTA(visto, open("/dev/null", O_RDWR));
	else if (es(orden, "socket_propio"))
		DIRECTA(visto, conexion_propia(texto(orden, 1), numero(orden, 2)));
	else if (es(orden, "socket_suelto"))
		DIRECTA(visto, socket(AF_INET, SOCK_STREAM, 0));
	else if (es(orden, "recv"))
		orden_recv(orden, visto);
	else if (es(orden, "send"))
		DIRECTA(visto, send(numero(orden, 1), texto(orden, 2), strlen(texto(orden, 2)), MSG_NOSIGNAL));
	else if (es(orden, "poll")) {
		struct pollfd consulta = { .fd = numero(orden, 1), .events = POLLIN, .revents = 0 };
		DIRECTA(visto, poll(&consulta, 1, numero(orden, 2)));
	} else if (es(orden, "plazo_recepcion"))
		DIRECTA(visto, con_plazo(numero(orden, 1), SO_RCVTIMEO, numero(orden, 2)));
	else if (es(orden, "plazo_envio"))
		DIRECTA(visto, con_plazo(numero(orden, 1), SO_SNDTIMEO, numero(orden, 2)));
	else if (es(orden, "manejador"))
		DIRECTA(visto, poner_manejador(orden->argumentos[1]));
	else if (es(orden, "seniales"))
		DIRECTA(visto, seniales);
	else if (es(orden, "limite_descriptores")) {
		struct rlimit limite = { .rlim_cur = (rlim_t)numero(orden, 1), .rlim_max = (rlim_t)numero(orden, 1) };
		DIRECTA(visto, setrlimit(RLIMIT_NOFILE, &limite));
	} else if (es(orden, "dormir"))
		DIRECTA(visto, poll(NULL, 0, numero(orden, 1)));
	else
		return 0;
	return 1;
}

static void *cumplir(void *parametro) {
	t_orden *orden = parametro;
	t_visto visto = { 0, 0, NULL, NULL };
	anunciar(orden);
	if (!orden_de_biblioteca(orden, &visto) && !orden_del_sistema(orden, &visto))
		morir("orden desconocida");
	responder(orden, &visto);
	free(orden->linea);
	free(orden);
	return NULL;
}

int main(void) {
	char *linea = NULL;
	size_t capacidad = 0;
	/* SIGPIPE queda con su acción de fábrica a propósito: si la biblioteca lo provoca, este programa muere. */
	while (getline(&linea, &capacidad, stdin) > 0) {
		t_orden *orden = leer_orden(linea);
		linea = NULL;
		capacidad = 0;
		if (orden->en_hilo) {
			pthread_t hilo;
			if (pthread_create(&hilo, NULL, cumplir, orden) != 0)
				morir("no se pudo crear un hilo");
			pthread_detach(hilo);
		} else {
			cumplir(orden);
		}
	}
	free(linea);
	return 0;
}
