/*
 * muchos_atencion: tp0_atender y tp0_detener, de a una cosa por corrida (el primer argumento dice cuál).
 *
 * Los clientes son sockets comunes (muchos_comun.h): lo que se prueba es sólo el servidor. Donde el servidor se queda sin
 * descriptores, o son mil, los clientes van en un proceso hijo.
 */
#include "muchos_comun.h"

#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define BUENOS 50
#define RONDAS 40

static int servidor = -1;
static int puerto;

/* ------------------------------------------------------------------ andamio */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cambio = PTHREAD_COND_INITIALIZER;

/* Lo que las funciones de los clientes cuentan. */
static struct {
	int adentro, mayor, llegaron, terminaron;
	int descriptor; /* el del último que llegó */
	long mensajes;
	int paso;
} cuenta;

/* Cambia un contador y avisa. */
#define CONTAR(cosa)                                                                                                           \
	do {                                                                                                                       \
		pthread_mutex_lock(&mutex);                                                                                            \
		cosa;                                                                                                                  \
		pthread_cond_broadcast(&cambio);                                                                                       \
		pthread_mutex_unlock(&mutex);                                                                                          \
	} while (0)

/* Espera a que se cumpla algo de la cuenta, a lo sumo 20 segundos. */
#define HASTA_QUE(condicion)                                                                                                   \
	do {                                                                                                                       \
		struct timespec limite_;                                                                                               \
		clock_gettime(CLOCK_REALTIME, &limite_);                                                                               \
		limite_.tv_sec += 20;                                                                                                  \
		pthread_mutex_lock(&mutex);                                                                                            \
		int espera_ = 0;                                                                                                       \
		while (!(condicion) && espera_ == 0)                                                                                   \
			espera_ = pthread_cond_timedwait(&cambio, &mutex, &limite_);                                                       \
		int cumplida_ = (condicion);                                                                                           \
		pthread_mutex_unlock(&mutex);                                                                                          \
		EXIGIR(cumplida_ && #condicion);                                                                                       \
	} while (0)

static void entrar(int cliente) {
	CONTAR(cuenta.adentro++; cuenta.llegaron++; cuenta.descriptor = cliente;
	       if (cuenta.adentro > cuenta.mayor) cuenta.mayor = cuenta.adentro);
}

static void salir(void) {
	CONTAR(cuenta.adentro--; cuenta.terminaron++);
}

/* Contesta cada mensaje con otro igual. */
static void eco(int cliente, void *contexto) {
	t_paquete *paquete;
	(void)contexto;
	entrar(cliente);
	while ((paquete = tp0_recibir(cliente)) != NULL) {
		int salida = enviar_paquete(paquete, cliente);
		eliminar_paquete(paquete);
		if (salida == -1)
			break;
		CONTAR(cuenta.mensajes++);
	}
	salir();
}

struct atencion {
	pthread_t hilo;
	void (*funcion)(int, void *);
	void *contexto;
	int salida, causa;
};

static void *atender_en_hilo(void *yo) {
	struct atencion *a = yo;
	a->salida = tp0_atender(servidor, a->funcion, a->contexto);
	a->causa = errno;
	EXIGIR((tp0_error() == NULL) == (a->salida == 0));
	return NULL;
}

/* Un servidor con esas opciones (NULL: ninguna), sin atender todavía. */
static void levantar(tp0_opciones *opciones) {
	memset(&cuenta, 0, sizeof cuenta);
	servidor = tp0_iniciar_servidor_con("127.0.0.1", "0", opciones);
	EXIGIR(servidor != -1);
	tp0_opciones_destruir(opciones);
	puerto = tp0_puerto(servidor);
	EXIGIR(puerto > 0);
}

static void atender(struct atencion *a, void (*funcion)(int, void *), void *contexto) {
	*a = (struct atencion){.funcion = funcion, .contexto = contexto, .salida = -2};
	a->hilo = hilo(atender_en_hilo, a);
}

/* Espera a que tp0_atender vuelva, a lo sumo 20 segundos. */
static void exigir_que_vuelva(struct atencion *a) {
	struct timespec limite;
	clock_gettime(CLOCK_REALTIME, &limite);
	limite.tv_sec += 20;
	EXIGIR(pthread_timedjoin_np(a->hilo, NULL, &limite) == 0);
}

static void parar(struct atencion *a) {
	ANDA(0, tp0_detener(servidor));
	exigir_que_vuelva(a);
	EXIGIR(a->salida == 0);
}

static tp0_opciones *con_cierre(int ms) {
	tp0_opciones *opciones = tp0_opciones_crear();
	EXIGIR(opciones != NULL);
	EXIGIR(tp0_opciones_cierre_ms(opciones, ms) == 0);
	return opciones;
}

static tp0_opciones *con_limite(int cuantos, int cierre_ms) {
	tp0_opciones *opciones = con_cierre(cierre_ms);
	EXIGIR(tp0_opciones_clientes_maximos(opciones, cuantos) == 0);
	return opciones;
}

static void exigir_fin(int s) {
	char byte;
	EXIGIR(recv(s, &byte, 1, 0) == 0);
}

/* El servidor la cortó, con un fin o con un reset. */
static void exigir_cortada(int s) {
	char bytes[4096];
	ssize_t n;
	while ((n = recv(s, bytes, sizeof bytes, 0)) > 0)
		;
	EXIGIR(n == 0 || errno == ECONNRESET);
}

/* Si en ese tiempo llega algo, o el fin. */
static int llega_algo(int s, int ms) {
	struct pollfd p = {.fd = s, .events = POLLIN};
	int n = poll(&p, 1, ms);
	EXIGIR(n != -1);
	return n;
}

static void conversar(int s, const char *texto) {
	par_texto(s, texto);
	par_exigir_texto(s, texto);
}

/* ------------------------------------------------------------------ lo de todos los días */

static pthread_barrier_t encuentro;
static pthread_t hilos_de_clientes[8];

static void encontrarse(int cliente, void *contexto) {
	EXIGIR(contexto == &encuentro);
	entrar(cliente);
	/* Nadie pasa hasta que estén los ocho adentro: tienen que estar a la vez. */
	pthread_barrier_wait(&encuentro);
	CONTAR(hilos_de_clientes[cuenta.paso++] = pthread_self());
	EXIGIR(enviar_mensaje("todos juntos", cliente) == 0);
	free(tp0_recibir_mensaje(cliente));
	salir();
}

static void concurrentes(void) {
	struct atencion a;
	int s[8];
	levantar(NULL);
	pthread_barrier_init(&encuentro, NULL, 8);
	int antes = descriptores_abiertos(), hilos_antes = hilos_vivos();
	atender(&a, encontrarse, &encuentro);
	for (int i = 0; i < 8; i++)
		s[i] = par_conectado(puerto);
	for (int i = 0; i < 8; i++)
		par_exigir_texto(s[i], "todos juntos");
	HASTA_QUE(cuenta.paso == 8);
	EXIGIR(cuenta.mayor == 8 && hilos_vivos() >= hilos_antes + 9);
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < i; j++)
			EXIGIR(!pthread_equal(hilos_de_clientes[i], hilos_de_clientes[j]));
	for (int i = 0; i < 8; i++) {
		par_texto(s[i], "chau");
		/* La función volvió y ella no liberó nada: lo hizo tp0_atender. */
		exigir_fin(s[i]);
		close(s[i]);
	}
	HASTA_QUE(cuenta.terminaron == 8);
	/* Mientras atiende, tp0_atender tiene cuatro propios: con ellos se despierta. */
	EXIGIR(descriptores_abiertos() <= antes + 4);
	parar(&a);
	EXIGIR(descriptores_abiertos() == antes - 1);
	EXIGIR(hilos_vivos() == hilos_antes);
	pthread_barrier_destroy(&encuentro);
}

/* ------------------------------------------------------------------ de quién es el descriptor */

/* Cómo se deshace del descriptor la función del primer cliente, antes de volver. */
enum manera { LIBERARLO, TERMINADO, TERMINADO_Y_LIBERARLO, CERRARLO };
/* En qué se convierte el número después. */
enum destino { OTRO_CLIENTE, UNA_TUBERIA, UN_SOCKET, UNA_CONEXION, NADA };

static enum manera manera;
static enum destino destino;
static int primero, propio, otro_extremo, escucha_ajena;

static void deshacerse(int cliente, void *contexto) {
	int tubo[2];
	if (cuenta.llegaron > 0) {
		eco(cliente, contexto);
		return;
	}
	entrar(cliente);
	primero = cliente;
	if (manera == TERMINADO || manera == TERMINADO_Y_LIBERARLO)
		EXIGIR(recibir_operacion(cliente) == -1 && errno == 0);
	else
		free(tp0_recibir_mensaje(cliente));
	if (manera == LIBERARLO || manera == TERMINADO_Y_LIBERARLO)
		EXIGIR(liberar_conexion(cliente) == 0);
	if (manera == CERRARLO)
		EXIGIR(close(cliente) == 0);
	if (destino == UNA_TUBERIA) {
		EXIGIR(pipe(tubo) == 0);
		propio = tubo[0];
		otro_extremo = tubo[1];
	}
	if (destino == UN_SOCKET) {
		EXIGIR(socketpair(AF_UNIX, SOCK_STREAM, 0, tubo) == 0);
		propio = tubo[0];
		otro_extremo = tubo[1];
	}
	if (destino == UNA_CONEXION) {
		char texto[8];
		tp0_opciones *opciones = tp0_opciones_crear();
		snprintf(texto, sizeof texto, "%d", tp0_puerto(escucha_ajena));
		EXIGIR(tp0_opciones_sin_handshake(opciones) == 0);
		propio = tp0_crear_conexion("127.0.0.1", texto, opciones);
		EXIGIR(propio != -1);
		tp0_opciones_destruir(opciones);
		otro_extremo = accept(escucha_ajena, NULL, NULL);
	}
	CONTAR(cuenta.paso = 1);
	HASTA_QUE(cuenta.paso == 2);
	salir();
}

static void saludar_por(int s) {
	int32_t uno = 1, respuesta = -2;
	EXIGIR(par_conectar_ese(s, puerto) == 0);
	par_mandar(s, &uno, 4);
	EXIGIR(par_leer(s, &respuesta, 4) && respuesta == 0);
}

/* El cliente que recibió el mismo número, o lo que abrió el programa, sobrevive a que la primera función vuelva. */
static void un_destino(enum manera como, enum destino en_que) {
	struct atencion a;
	int segundo = -1;
	manera = como;
	destino = en_que;
	primero = propio = otro_extremo = -1;
	levantar(con_cierre(300));
	escucha_ajena = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXIGIR(escucha_ajena != -1 && listen(escucha_ajena, 4) == 0);
	int antes = descriptores_abiertos();
	atender(&a, deshacerse, NULL);
	int s = par_conectado(puerto);
	HASTA_QUE(cuenta.llegaron == 1);
	/* Se pide antes: el hueco que deje el primero tiene que ser para aceptar. */
	if (en_que == OTRO_CLIENTE)
		segundo = par_socket();
	if (como == TERMINADO || como == TERMINADO_Y_LIBERARLO)
		shutdown(s, SHUT_WR);
	else
		par_texto(s, "chau");
	HASTA_QUE(cuenta.paso == 1);
	if (en_que == OTRO_CLIENTE) {
		saludar_por(segundo);
		HASTA_QUE(cuenta.llegaron == 2);
		EXIGIR(cuenta.descriptor == primero);
		conversar(segundo, "soy otro, con el mismo numero");
	} else if (en_que != NADA) {
		EXIGIR(propio == primero);
	}
	CONTAR(cuenta.paso = 2);
	HASTA_QUE(cuenta.terminaron == 1);
	/* El hilo del primero terminó: tp0_atender ya soltó lo suyo. */
	hasta_que_duerman(1);
	if (en_que == OTRO_CLIENTE) {
		conversar(segundo, "y sigo aca");
		close(segundo);
		HASTA_QUE(cuenta.terminaron == 2);
	} else if (en_que == UNA_CONEXION) {
		EXIGIR(enviar_mensaje("sigo aca", propio) == 0);
		par_exigir_texto(otro_extremo, "sigo aca");
		EXIGIR(liberar_conexion(propio) == 0);
		close(otro_extremo);
	} else if (en_que != NADA) {
		char byte = 0;
		EXIGIR(write(otro_extremo, "x", 1) == 1);
		EXIGIR(read(propio, &byte, 1) == 1 && byte == 'x');
		EXIGIR(close(propio) == 0 && close(otro_extremo) == 0);
	}
	exigir_fin(s);
	close(s);
	parar(&a);
	close(escucha_ajena);
	EXIGIR(descriptores_abiertos() == antes - 2);
}

static void liberados(void) {
	un_destino(LIBERARLO, NADA);
	un_destino(LIBERARLO, OTRO_CLIENTE);
	un_destino(LIBERARLO, UNA_TUBERIA);
	un_destino(LIBERARLO, UN_SOCKET);
	un_destino(LIBERARLO, UNA_CONEXION);
	un_destino(TERMINADO, NADA);
	un_destino(TERMINADO_Y_LIBERARLO, OTRO_CLIENTE);
	un_destino(TERMINADO_Y_LIBERARLO, UN_SOCKET);
	un_destino(CERRARLO, NADA);
	un_destino(CERRARLO, OTRO_CLIENTE);
	un_destino(CERRARLO, UNA_TUBERIA);
	un_destino(CERRARLO, UN_SOCKET);
	un_destino(CERRARLO, UNA_CONEXION);
}

/* ------------------------------------------------------------------ de qué maneras termina una función */

static void terminar_como_pida(int cliente, void *contexto) {
	(void)contexto;
	entrar(cliente);
	char *texto = tp0_recibir_mensaje(cliente);
	int sale_del_hilo = texto != NULL && strcmp(texto, "salir del hilo") == 0;
	int sigue = texto != NULL && strcmp(texto, "seguir") == 0;
	free(texto);
	salir();
	if (sale_del_hilo)
		pthread_exit(NULL);
	if (sigue)
		eco(cliente, NULL);
}

static void finales(void) {
	struct atencion a;
	levantar(con_cierre(300));
	int antes = descriptores_abiertos(), hilos_antes = hilos_vivos();
	atender(&a, terminar_como_pida, NULL);
	int testigo = par_conectado(puerto);
	par_texto(testigo, "seguir");
	for (int i = 0; i < 20; i++) {
		int s = par_conectado(puerto);
		par_texto(s, i % 2 == 0 ? "salir del hilo" : "volver ya");
		exigir_fin(s);
		close(s);
		conversar(testigo, "a mi no me cambia nada");
	}
	close(testigo);
	parar(&a);
	EXIGIR(descriptores_abiertos() == antes - 1);
	EXIGIR(hilos_vivos() == hilos_antes);
}

static void *recibir_de(void *cliente) {
	return (void *)(intptr_t)recibir_operacion(*(int *)cliente);
}

/* Deja a otro hilo recibiendo de su cliente, y vuelve. */
static void dejar_a_otro_recibiendo(int cliente, void *el_otro) {
	static int suyo;
	int quedan = 1;
	suyo = cliente;
	EXIGIR(enviar_mensaje("mandame medio codigo", cliente) == 0);
	while (recv(cliente, &quedan, 1, MSG_PEEK) != 1)
		;
	*(pthread_t *)el_otro = hilo(recibir_de, &suyo);
	/* Cuando ya se llevó ese medio código, está adentro. */
	do
		EXIGIR(ioctl(cliente, FIONREAD, &quedan) == 0);
	while (quedan > 0);
	CONTAR(cuenta.terminaron++);
}

/* Al volver la función, su conexión se libera: quien recibía de ella despierta, y el otro lado ve el fin. */
static void con_otro_recibiendo(void) {
	struct atencion a;
	pthread_t el_otro;
	levantar(con_cierre(60000));
	atender(&a, dejar_a_otro_recibiendo, &el_otro);
	int s = par_conectado(puerto);
	par_exigir_texto(s, "mandame medio codigo");
	par_mandar(s, "\7\0", 2);
	HASTA_QUE(cuenta.terminaron == 1);
	exigir_fin(s);
	EXIGIR((intptr_t)unir(el_otro) == -1);
	close(s);
	parar(&a);
}

/* ------------------------------------------------------------------ malos entre cincuenta buenos */

#define INUNDAR 9

static void eco_o_inundar(int cliente, void *contexto) {
	static char mucho[1 << 20];
	t_buffer relleno = {.size = sizeof mucho, .stream = mucho};
	t_paquete inundacion = {.codigo_operacion = (op_code)INUNDAR, .buffer = &relleno};
	t_paquete *paquete;
	(void)contexto;
	entrar(cliente);
	while ((paquete = tp0_recibir(cliente)) != NULL) {
		int salida = 0;
		if ((int)paquete->codigo_operacion == INUNDAR)
			while (salida == 0)
				salida = enviar_paquete(&inundacion, cliente);
		else
			salida = enviar_paquete(paquete, cliente);
		eliminar_paquete(paquete);
		if (salida == -1)
			break;
	}
	salir();
}

static void *cliente_bueno(void *numero) {
	char texto[64];
	int s = par_conectado(puerto);
	for (int i = 0; i < RONDAS; i++) {
		snprintf(texto, sizeof texto, "cliente %ld, mensaje %d", (long)(intptr_t)numero, i);
		conversar(s, texto);
		dormir_ms(5);
	}
	par_texto(s, "y nada mas");
	par_exigir_texto(s, "y nada mas");
	close(s);
	return NULL;
}

static void malos(void) {
	struct atencion a;
	pthread_t buenos[BUENOS];
	int nunca_lee[4], nunca_termina[4];
	int32_t numeros[4];
	permitir_descriptores(1024);
	levantar(con_cierre(300));
	int antes = descriptores_abiertos();
	atender(&a, eco_o_inundar, NULL);
	for (int i = 0; i < 4; i++) {
		/* Pide muchísimo y no lee nunca: el servidor queda con los buffers llenos. */
		nunca_lee[i] = par_conectado(puerto);
		par_mensaje(nunca_lee[i], INUNDAR, "", 0);
	}
	for (intptr_t i = 0; i < BUENOS; i++)
		buenos[i] = hilo(cliente_bueno, (void *)i);
	for (int i = 0; i < 4; i++) {
		/* Anuncia mil bytes y manda tres. */
		nunca_termina[i] = par_conectado(puerto);
		numeros[0] = 0;
		numeros[1] = 1000;
		par_mandar(nunca_termina[i], numeros, 8);
		par_mandar(nunca_termina[i], "abc", 3);
		/* Muere con un header por la mitad, y con un payload por la mitad; de las dos maneras de morir. */
		for (int largo = 1; largo <= 11; largo += 5) {
			char mensaje[11] = {0, 0, 0, 0, 100, 0, 0, 0, 'a', 'b', 'c'};
			int s = par_conectado(puerto);
			par_mandar(s, mensaje, (size_t)largo);
			if ((i + largo) % 2 == 0)
				close(s);
			else
				par_resetear(s);
		}
		/* Un código que nadie espera es un mensaje más; uno negativo, y un tamaño que no puede ser, terminan con ése. */
		int otro_codigo = par_conectado(puerto);
		par_mensaje(otro_codigo, 12345, "????", 4);
		int32_t codigo = -1, tamanio = -1;
		char *vuelta = par_recibir(otro_codigo, &codigo, &tamanio);
		EXIGIR(vuelta != NULL && codigo == 12345 && tamanio == 4 && memcmp(vuelta, "????", 4) == 0);
		free(vuelta);
		numeros[0] = i % 2 == 0 ? -5 : 0;
		numeros[1] = i % 2 == 0 ? 4 : i == 1 ? -1 : INT32_MAX;
		par_mandar(otro_codigo, numeros, 8);
		exigir_cortada(otro_codigo);
		close(otro_codigo);
		/* Y uno que no es de este protocolo. */
		int ajeno = par_conectar(puerto);
		par_mandar(ajeno, "GET / HTTP/1.0\r\n\r\n", 18);
		exigir_cortada(ajeno);
		close(ajeno);
	}
	/* Los que no leen y los que no terminan siguen ahí, y ningún bueno los esperó; al detener se los corta. */
	for (int i = 0; i < BUENOS; i++)
		unir(buenos[i]);
	HASTA_QUE(cuenta.adentro == 8);
	long desde = ahora_ms();
	parar(&a);
	EXIGIR(ahora_ms() - desde >= 290);
	for (int i = 0; i < 4; i++) {
		exigir_cortada(nunca_lee[i]);
		exigir_cortada(nunca_termina[i]);
		close(nunca_lee[i]);
		close(nunca_termina[i]);
	}
	EXIGIR(descriptores_abiertos() == antes - 1);
}

/* ------------------------------------------------------------------ límites */

static void *entrar_hablar_y_salir(void *nada) {
	(void)nada;
	int s = par_conectado(puerto);
	conversar(s, "mi turno");
	dormir_ms(10);
	close(s);
	return NULL;
}

static void limite(void) {
	struct atencion a;
	int s[3];
	int32_t uno = 1, respuesta = -2;
	pthread_t muchos[30];
	levantar(con_limite(3, 300));
	atender(&a, eco, NULL);
	for (int i = 0; i < 3; i++)
		conversar(s[i] = par_conectado(puerto), "entre");
	/* El cuarto se conecta, pero nadie le contesta el handshake hasta que otro se va. */
	int cuarto = par_conectar(puerto);
	EXIGIR(cuarto != -1);
	par_mandar(cuarto, &uno, 4);
	EXIGIR(llega_algo(cuarto, 300) == 0);
	long procesador = procesador_ms();
	EXIGIR(llega_algo(cuarto, 400) == 0);
	EXIGIR(procesador_ms() - procesador < 100);
	conversar(s[2], "los de adentro siguen");
	close(s[1]);
	EXIGIR(par_leer(cuarto, &respuesta, 4) && respuesta == 0);
	conversar(cuarto, "ahora si");
	/* Lleno otra vez, después de un aviso: también se espera durmiendo. */
	int quinto = par_conectar(puerto);
	EXIGIR(quinto != -1);
	par_mandar(quinto, &uno, 4);
	procesador = procesador_ms();
	EXIGIR(llega_algo(quinto, 400) == 0);
	EXIGIR(procesador_ms() - procesador < 100);
	close(s[0]);
	EXIGIR(par_leer(quinto, &respuesta, 4) && respuesta == 0);
	close(quinto);
	close(s[2]);
	close(cuarto);
	for (int i = 0; i < 30; i++)
		muchos[i] = hilo(entrar_hablar_y_salir, NULL);
	for (int i = 0; i < 30; i++)
		unir(muchos[i]);
	HASTA_QUE(cuenta.terminaron == 35);
	EXIGIR(cuenta.mayor == 3);
	parar(&a);
}

struct orden {
	char que;
	int al_menos;
};

/* Un proceso con esos clientes. Cada uno que fue atendido conversa. A cada orden contesta cuántos van atendidos, cuando son al menos tantos y por un
 * rato no entra otro. */
static void clientes_de_otro_proceso(int ordenes, int respuestas, int cuantos) {
	int s[64], atendido[64] = {0}, van = 0, cerrados = 0;
	struct orden orden;
	for (int i = 0; i < cuantos; i++) {
		int32_t uno = 1;
		s[i] = par_conectar(puerto);
		EXIGIR(s[i] != -1);
		par_mandar(s[i], &uno, 4);
	}
	while (read(ordenes, &orden, sizeof orden) == sizeof orden) {
		if (orden.que == 'c') /* que se vaya uno de los atendidos */
			for (int i = 0; i < cuantos; i++)
				if (atendido[i] && s[i] != -1) {
					close(s[i]);
					s[i] = -1;
					cerrados++;
					break;
				}
		long ultimo = ahora_ms();
		while ((van < orden.al_menos || ahora_ms() - ultimo < 400) && van < cuantos)
			for (int i = 0; i < cuantos; i++)
				if (s[i] != -1 && !atendido[i] && llega_algo(s[i], 1)) {
					int32_t respuesta = -2;
					EXIGIR(par_leer(s[i], &respuesta, 4) && respuesta == 0);
					conversar(s[i], "me atienden");
					atendido[i] = 1;
					van++;
					ultimo = ahora_ms();
				}
		EXIGIR(write(respuestas, &van, sizeof van) == sizeof van);
	}
	terminar_sin_nada_abierto();
}

struct hijo {
	pid_t pid;
	int ordenes, respuestas;
};

static struct hijo nacer(int cuantos) {
	struct hijo hijo;
	int ida[2], vuelta[2];
	EXIGIR(pipe(ida) == 0 && pipe(vuelta) == 0);
	hijo.pid = fork();
	EXIGIR(hijo.pid != -1);
	if (hijo.pid == 0) {
		close(ida[1]);
		close(vuelta[0]);
		alarm(80);
		clientes_de_otro_proceso(ida[0], vuelta[1], cuantos);
	}
	close(ida[0]);
	close(vuelta[1]);
	hijo.ordenes = ida[1];
	hijo.respuestas = vuelta[0];
	return hijo;
}

static int pedirle(struct hijo *hijo, char que, int al_menos) {
	struct orden orden = {que, al_menos};
	int van = -1;
	EXIGIR(write(hijo->ordenes, &orden, sizeof orden) == sizeof orden);
	EXIGIR(read(hijo->respuestas, &van, sizeof van) == sizeof van);
	return van;
}

static void exigir_que_termine_bien(pid_t pid) {
	int estado = -1;
	EXIGIR(waitpid(pid, &estado, 0) == pid);
	EXIGIR(WIFEXITED(estado) && WEXITSTATUS(estado) == 0);
}

/* Lugar para esa cantidad de descriptores más. */
static struct rlimit dejar_descriptores(int mas) {
	struct rlimit antes, ahora;
	int proximo = dup(0);
	EXIGIR(proximo != -1);
	close(proximo);
	EXIGIR(getrlimit(RLIMIT_NOFILE, &antes) == 0);
	ahora = antes;
	ahora.rlim_cur = (rlim_t)(proximo + mas);
	EXIGIR(setrlimit(RLIMIT_NOFILE, &ahora) == 0);
	return antes;
}

/* Los números que se pueden usar, de a uno. */
static int hay_lugar(void) {
	struct rlimit limite;
	EXIGIR(getrlimit(RLIMIT_NOFILE, &limite) == 0);
	for (int i = 0; i < (int)limite.rlim_cur; i++)
		if (fcntl(i, F_GETFD) == -1)
			return 1;
	return 0;
}

/* Cuántos descriptores son clientes del servidor. */
static int aceptados(void) {
	struct rlimit limite;
	int cuantos = 0;
	EXIGIR(getrlimit(RLIMIT_NOFILE, &limite) == 0);
	for (int i = 0; i < (int)limite.rlim_cur; i++) {
		struct sockaddr_in suyo;
		socklen_t largo = sizeof suyo;
		cuantos += i != servidor && getpeername(i, (struct sockaddr *)&suyo, &largo) == 0 && suyo.sin_family == AF_INET;
	}
	return cuantos;
}

static int adentro(void) {
	pthread_mutex_lock(&mutex);
	int cuantos = cuenta.adentro;
	pthread_mutex_unlock(&mutex);
	return cuantos;
}

static void sin_descriptores(void) {
	struct atencion a;
	levantar(con_cierre(300));
	struct hijo hijo = nacer(30);
	struct rlimit antes = dejar_descriptores(8);
	atender(&a, eco, NULL);
	/* Hasta que no le quede lugar, y los que aceptó estén adentro de su función. */
	while (hay_lugar() || aceptados() == 0 || aceptados() != adentro())
		dormir_ms(1);
	int van = adentro();
	EXIGIR(van > 0 && van <= 8);
	EXIGIR(pedirle(&hijo, 'm', van) == van);
	long procesador = procesador_ms();
	dormir_ms(1000);
	EXIGIR(procesador_ms() - procesador < 150);
	EXIGIR(pedirle(&hijo, 'm', van) == van);
	/* Se va uno y entra otro. */
	EXIGIR(pedirle(&hijo, 'c', van + 1) == van + 1);
	/* Vuelve a haber lugar y entran todos, sin que nadie se vaya. */
	EXIGIR(setrlimit(RLIMIT_NOFILE, &antes) == 0);
	EXIGIR(pedirle(&hijo, 'm', 30) == 30);
	close(hijo.ordenes);
	exigir_que_termine_bien(hijo.pid);
	close(hijo.respuestas);
	HASTA_QUE(cuenta.terminaron == 30);
	parar(&a);
}

/* Detenerlo también se puede mientras espera descriptores, o lugar. */
static void detener_sin_lugar(void) {
	struct atencion a;
	levantar(con_cierre(200));
	struct hijo hijo = nacer(12);
	struct rlimit antes = dejar_descriptores(5);
	atender(&a, eco, NULL);
	EXIGIR(pedirle(&hijo, 'm', 1) < 12);
	parar(&a);
	EXIGIR(setrlimit(RLIMIT_NOFILE, &antes) == 0);
	close(hijo.ordenes);
	exigir_que_termine_bien(hijo.pid);
	close(hijo.respuestas);

	levantar(con_limite(1, 200));
	atender(&a, eco, NULL);
	int s = par_conectado(puerto);
	HASTA_QUE(cuenta.adentro == 1);
	parar(&a);
	exigir_cortada(s);
	close(s);
}

/* ------------------------------------------------------------------ terminar */

static void en_el_mismo_puerto(void) {
	char texto[8];
	snprintf(texto, sizeof texto, "%d", puerto);
	int otro = tp0_iniciar_servidor("127.0.0.1", texto);
	EXIGIR(otro != -1);
	ANDA(0, tp0_detener(otro));
}

static void *callarse_despues(void *s) {
	hasta_que_duerman(3); /* el que detiene, el que atiende y el cliente */
	conversar(*(int *)s, "lo ultimo");
	close(*(int *)s);
	return NULL;
}

static void *detener_otro(void *nada) {
	(void)nada;
	return (void *)(intptr_t)(tp0_detener(servidor) == 0 ? 0 : errno);
}

static void pedir_el_fin(int cliente, void *contexto) {
	(void)contexto;
	entrar(cliente);
	free(tp0_recibir_mensaje(cliente));
	/* No espera nada: se esperaría a sí mismo, el minuto del plazo. */
	long desde = ahora_ms();
	ANDA(0, tp0_detener(servidor));
	EXIGIR(ahora_ms() - desde < 60000);
	FALLA(-1, EBADF, tp0_detener(servidor));
	/* Lo pidió, pero a él todavía le queda el plazo. */
	EXIGIR(enviar_mensaje("me despido", cliente) == 0);
	salir();
}

static void *esperar_uno(void *nada) {
	(void)nada;
	FALLA(-1, ECANCELED, esperar_cliente(servidor));
	return NULL;
}

static void detener(void) {
	struct atencion a;
	long desde, tardo;
	int s;

	/* Sin clientes: enseguida. */
	levantar(con_cierre(60000));
	atender(&a, eco, NULL);
	hasta_que_duerman(1);
	/* Sin esperar su plazo, que es de un minuto. */
	desde = ahora_ms();
	parar(&a);
	EXIGIR(ahora_ms() - desde < 60000);
	en_el_mismo_puerto();
	FALLA(-1, EBADF, tp0_detener(servidor));
	FALLA(-1, EBADF, tp0_atender(servidor, eco, NULL));

	/* Con uno que no termina: al vencer el plazo se lo corta. */
	levantar(con_cierre(400));
	atender(&a, eco, NULL);
	s = par_conectado(puerto);
	conversar(s, "hola");
	long procesador = procesador_ms();
	desde = ahora_ms();
	ANDA(0, tp0_detener(servidor));
	tardo = ahora_ms() - desde;
	EXIGIR(tardo >= 395);
	/* Lo esperó durmiendo. */
	EXIGIR(procesador_ms() - procesador < 100);
	/* Ya no queda nadie adentro, ni hace falta esperar nada. */
	EXIGIR(cuenta.adentro == 0 && cuenta.terminaron == 1);
	en_el_mismo_puerto();
	exigir_cortada(s);
	close(s);
	exigir_que_vuelva(&a);
	EXIGIR(a.salida == 0);

	/* Plazo cero: se lo corta ya. */
	levantar(con_cierre(0));
	atender(&a, eco, NULL);
	s = par_conectado(puerto);
	conversar(s, "hola");
	parar(&a);
	exigir_cortada(s);
	close(s);

	/* Con uno que termina solo, dentro del plazo: se lo espera, y no más que eso. */
	levantar(con_cierre(60000));
	atender(&a, eco, NULL);
	s = par_conectado(puerto);
	conversar(s, "hola");
	pthread_t otro = hilo(callarse_despues, &s);
	desde = ahora_ms();
	parar(&a);
	EXIGIR(ahora_ms() - desde < 60000);
	unir(otro);

	/* Los que no terminaron su handshake, y los que nadie aceptó, también se enteran. */
	levantar(con_limite(1, 100));
	atender(&a, eco, NULL);
	s = par_conectado(puerto);
	HASTA_QUE(cuenta.adentro == 1);
	int en_la_cola = par_conectar(puerto);
	par_mandar(en_la_cola, "\1\0\0\0", 4);
	parar(&a);
	exigir_cortada(s);
	exigir_cortada(en_la_cola);
	close(s);
	close(en_la_cola);
	levantar(con_cierre(100));
	atender(&a, eco, NULL);
	int a_medias = par_conectar(puerto);
	par_mandar(a_medias, "\1\0", 2);
	conversar(s = par_conectado(puerto), "para que lo vea");
	parar(&a);
	exigir_cortada(a_medias);
	close(a_medias);
	close(s);

	/* Dos a la vez: uno lo detiene; al otro se le dice que ya estaba, o espera con él. */
	levantar(con_cierre(200));
	atender(&a, eco, NULL);
	conversar(s = par_conectado(puerto), "hola");
	pthread_t uno = hilo(detener_otro, NULL), dos = hilo(detener_otro, NULL);
	intptr_t r1 = (intptr_t)unir(uno), r2 = (intptr_t)unir(dos);
	EXIGIR(r1 == 0 || r2 == 0);
	EXIGIR((r1 == 0 || r1 == EBADF) && (r2 == 0 || r2 == EBADF));
	exigir_que_vuelva(&a);
	EXIGIR(a.salida == 0);
	close(s);

	/* Desde adentro de una función: sólo lo pide. */
	levantar(con_cierre(60000));
	atender(&a, pedir_el_fin, NULL);
	s = par_conectado(puerto);
	par_texto(s, "terminemos");
	par_exigir_texto(s, "me despido");
	exigir_fin(s);
	exigir_que_vuelva(&a);
	EXIGIR(a.salida == 0);
	close(s);
	en_el_mismo_puerto();

	/* Antes de atender: lo libera, y despierta a quien espera un cliente. */
	levantar(NULL);
	ANDA(0, tp0_detener(servidor));
	FALLA(-1, EBADF, tp0_atender(servidor, eco, NULL));
	FALLA(-1, EBADF, tp0_detener(servidor));
	en_el_mismo_puerto();
	levantar(NULL);
	pthread_t espera = hilo(esperar_uno, NULL);
	hasta_que_duerman(1);
	ANDA(0, tp0_detener(servidor));
	unir(espera);

	/* liberar_conexion en lugar de tp0_detener: también termina, esperando un cliente o esperando lugar. */
	for (int con_uno = 0; con_uno < 2; con_uno++) {
		levantar(con_limite(1, 200));
		atender(&a, eco, NULL);
		if (con_uno) {
			s = par_conectado(puerto);
			HASTA_QUE(cuenta.adentro == 1);
		}
		hasta_que_duerman(1);
		ANDA(0, liberar_conexion(servidor));
		exigir_que_vuelva(&a);
		EXIGIR(a.salida == 0);
		en_el_mismo_puerto();
		if (con_uno)
			close(s);
	}
}

/* ------------------------------------------------------------------ mal usado */

static void mal_usado(void) {
	struct atencion a;
	levantar(NULL);
	int archivo = open("/dev/null", O_RDONLY | O_CLOEXEC), cerrado = dup(0);
	close(cerrado);
	FALLA(-1, EINVAL, tp0_atender(servidor, NULL, NULL));
	FALLA(-1, EBADF, tp0_atender(-1, eco, NULL));
	FALLA(-1, EBADF, tp0_atender(cerrado, eco, NULL));
	FALLA(-1, EBADF, tp0_atender(archivo, eco, NULL));
	FALLA(-1, EBADF, tp0_detener(-1));
	FALLA(-1, EBADF, tp0_detener(cerrado));
	FALLA(-1, EBADF, tp0_detener(archivo));
	FALLA(-1, EBADF, tp0_detener(1 << 30));
	EXIGIR(fcntl(archivo, F_GETFD) != -1);
	close(archivo);

	/* Una conexión no es un servidor, y lo sigue siendo. */
	atender(&a, eco, NULL);
	char texto[8];
	snprintf(texto, sizeof texto, "%d", puerto);
	int conexion = crear_conexion("127.0.0.1", texto);
	EXIGIR(conexion != -1);
	FALLA(-1, EINVAL, tp0_atender(conexion, eco, NULL));
	EXIGIR(enviar_mensaje("sigo siendo una conexion", conexion) == 0);
	char *vuelta = tp0_recibir_mensaje(conexion);
	EXIGIR(vuelta != NULL && strcmp(vuelta, "sigo siendo una conexion") == 0);
	free(vuelta);
	EXIGIR(liberar_conexion(conexion) == 0);
	int sin_escuchar = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FALLA(-1, EINVAL, tp0_atender(sin_escuchar, eco, NULL));
	close(sin_escuchar);

	/* Dos a la vez: el segundo se entera, el primero ni lo nota. */
	FALLA(-1, EINVAL, tp0_atender(servidor, eco, NULL));
	int s = par_conectado(puerto);
	conversar(s, "aca no paso nada");
	close(s);
	parar(&a);

	/* Un socket que escucha y no hizo la biblioteca sirve igual. */
	struct sockaddr_in direccion = {.sin_family = AF_INET};
	socklen_t largo = sizeof direccion;
	direccion.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	servidor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXIGIR(bind(servidor, (struct sockaddr *)&direccion, largo) == 0 && listen(servidor, 4) == 0);
	EXIGIR(getsockname(servidor, (struct sockaddr *)&direccion, &largo) == 0);
	puerto = ntohs(direccion.sin_port);
	atender(&a, eco, NULL);
	s = par_conectado(puerto);
	conversar(s, "un socket de otro lado");
	close(s);
	parar(&a);
}

/* ------------------------------------------------------------------ señales */

static volatile sig_atomic_t sonaron;

static void manejador(int senial) {
	(void)senial;
	sonaron++;
}

static void manejar(int opciones) {
	struct sigaction accion = {.sa_handler = manejador, .sa_flags = opciones};
	EXIGIR(sigaction(SIGUSR1, &accion, NULL) == 0);
}

static void exigir_eintr(struct atencion *a) {
	sonaron = 0;
	EXIGIR(pthread_kill(a->hilo, SIGUSR1) == 0);
	exigir_que_vuelva(a);
	EXIGIR(sonaron == 1);
	EXIGIR(a->salida == -1 && a->causa == EINTR);
}

static void hacer_sonar(pthread_t en) {
	sonaron = 0;
	EXIGIR(pthread_kill(en, SIGUSR1) == 0);
	for (int i = 0; i < 20000 && sonaron == 0; i++)
		dormir_ms(1);
	EXIGIR(sonaron == 1);
}

static void exigir_que_no_le_importe(struct atencion *a) {
	struct timespec limite;
	hacer_sonar(a->hilo);
	clock_gettime(CLOCK_REALTIME, &limite);
	limite.tv_nsec += 300000000;
	limite.tv_sec += limite.tv_nsec / 1000000000;
	limite.tv_nsec %= 1000000000;
	EXIGIR(pthread_timedjoin_np(a->hilo, NULL, &limite) == ETIMEDOUT);
}

static pthread_t con_nombre;

static void eco_con_nombre(int cliente, void *contexto) {
	con_nombre = pthread_self();
	eco(cliente, contexto);
}

static void seniales(void) {
	struct atencion a;
	int s;

	/* Esperando un cliente. Después de volver con error no queda nadie adentro, y el servidor se puede volver a atender. */
	levantar(con_cierre(200));
	manejar(SA_RESTART);
	atender(&a, eco, NULL);
	conversar(s = par_conectado(puerto), "hola");
	exigir_que_no_le_importe(&a);
	conversar(s, "sigo");
	manejar(0);
	exigir_eintr(&a);
	EXIGIR(cuenta.adentro == 0);
	exigir_cortada(s);
	close(s);
	atender(&a, eco, NULL);
	conversar(s = par_conectado(puerto), "otra vez");
	close(s);
	parar(&a);

	/* Con el límite de clientes alcanzado. */
	levantar(con_limite(1, 200));
	manejar(SA_RESTART);
	atender(&a, eco, NULL);
	conversar(s = par_conectado(puerto), "el unico");
	hasta_que_duerman(2);
	exigir_que_no_le_importe(&a);
	manejar(0);
	exigir_eintr(&a);
	exigir_cortada(s);
	close(s);
	ANDA(0, tp0_detener(servidor));

	/* Sin descriptores. */
	levantar(con_cierre(200));
	struct hijo hijo = nacer(12);
	struct rlimit antes = dejar_descriptores(5);
	manejar(SA_RESTART);
	atender(&a, eco, NULL);
	EXIGIR(pedirle(&hijo, 'm', 1) < 12);
	exigir_que_no_le_importe(&a);
	manejar(0);
	exigir_eintr(&a);
	EXIGIR(setrlimit(RLIMIT_NOFILE, &antes) == 0);
	ANDA(0, tp0_detener(servidor));
	close(hijo.ordenes);
	exigir_que_termine_bien(hijo.pid);
	close(hijo.respuestas);

	/* Una señal en el hilo de un cliente no corta nada, ni suyo ni de los demás. */
	levantar(con_cierre(200));
	atender(&a, eco_con_nombre, NULL);
	conversar(s = par_conectado(puerto), "hola");
	for (int i = 0; i < 5; i++) {
		hacer_sonar(con_nombre);
		conversar(s, "como si nada");
	}
	close(s);
	parar(&a);
}

/* ------------------------------------------------------------------ mil */

/* Esa cantidad de clientes a la vez, desde este proceso y sin hilos: todos mandan, todos reciben, tantas veces. */
static void muchos_clientes(int cuantos, int mensajes) {
	char texto[64];
	int *s = calloc((size_t)cuantos, sizeof *s);
	EXIGIR(s != NULL);
	permitir_descriptores((rlim_t)cuantos + 100);
	for (int i = 0; i < cuantos; i++) {
		int32_t uno = 1;
		s[i] = par_conectar(puerto);
		EXIGIR(s[i] != -1);
		par_mandar(s[i], &uno, 4);
	}
	for (int i = 0; i < cuantos; i++) {
		int32_t respuesta = -2;
		EXIGIR(par_leer(s[i], &respuesta, 4) && respuesta == 0);
	}
	for (int m = 0; m < mensajes; m++) {
		for (int i = 0; i < cuantos; i++) {
			snprintf(texto, sizeof texto, "cliente %d, mensaje %d", i, m);
			par_texto(s[i], texto);
		}
		for (int i = 0; i < cuantos; i++) {
			snprintf(texto, sizeof texto, "cliente %d, mensaje %d", i, m);
			par_exigir_texto(s[i], texto);
		}
	}
	for (int i = 0; i < cuantos; i++)
		close(s[i]);
	free(s);
}

static void mil(int cuantos, int mensajes) {
	struct atencion a;
	permitir_descriptores((rlim_t)cuantos + 100);
	levantar(NULL);
	int antes = descriptores_abiertos(), hilos_antes = hilos_vivos();
	pid_t hijo = fork();
	EXIGIR(hijo != -1);
	if (hijo == 0) {
		alarm(100);
		muchos_clientes(cuantos, mensajes);
		terminar_sin_nada_abierto();
	}
	atender(&a, eco, NULL);
	exigir_que_termine_bien(hijo);
	HASTA_QUE(cuenta.terminaron == cuantos);
	EXIGIR(cuenta.mayor == cuantos && cuenta.llegaron == cuantos);
	EXIGIR(cuenta.mensajes == (long)cuantos * mensajes);
	parar(&a);
	EXIGIR(hilos_vivos() == hilos_antes);
	EXIGIR(descriptores_abiertos() == antes - 1);
}

/* ------------------------------------------------------------------ uno tras otro */

/* La memoria virtual de este proceso, en MiB: ahí se ve la pila de un hilo (8 MiB) que terminó y nadie soltó. */
static long virtual_mib(void) {
	long paginas = 0;
	FILE *archivo = fopen("/proc/self/statm", "r");
	EXIGIR(archivo != NULL && fscanf(archivo, "%ld", &paginas) == 1);
	fclose(archivo);
	return paginas / 1024 * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Seiscientos clientes, de a uno: los hilos de los que se van no dejan nada, y al detenerlo no queda ninguno. */
static void uno_tras_otro(void) {
	struct atencion a;
	long al_principio = 0;
#ifdef M_ARENA_MAX
	/* Si no, malloc aparta 64 MiB para cada hilo que justo coincide con otro: no son de ningún cliente. */
	EXIGIR(mallopt(M_ARENA_MAX, 1) == 1);
#endif
	levantar(NULL);
	int hilos = hilos_vivos(), descriptores = 0;
	atender(&a, eco, NULL);
	for (int i = 0; i < 650; i++) {
		int s = par_conectado(puerto);
		conversar(s, "hola y chau");
		close(s);
		HASTA_QUE(cuenta.terminaron == i + 1);
		/* Los primeros no cuentan: las pilas de los que recién terminaron se vuelven a usar. */
		if (i == 50) {
			al_principio = virtual_mib();
			descriptores = descriptores_abiertos();
		}
	}
	EXIGIR(virtual_mib() - al_principio < 100);
	/* El del último puede no haberse cerrado todavía. */
	EXIGIR(descriptores_abiertos() <= descriptores + 2);
	parar(&a);
	EXIGIR(hilos_vivos() == hilos);
}

/* ------------------------------------------------------------------ enviar a las guardadas */

#define GUARDADAS 6
#define EMISORES 4
#define POR_EMISOR 60

static int guardadas[GUARDADAS];

static void guardarse(int cliente, void *contexto) {
	CONTAR(guardadas[cuenta.llegaron] = cliente);
	eco(cliente, contexto);
}

/* Un largo que no se adivina, a veces mucho mayor que los buffers del socket. */
static int largo_de(int emisor, int numero) {
	return (numero % 10 == 0 ? 300000 : 1) + (emisor * 7919 + numero * 104729) % 5000;
}

static void *emisor(void *yo) {
	int quien = (int)(intptr_t)yo;
	for (int n = 0; n < POR_EMISOR; n++) {
		int largo = largo_de(quien, n);
		char *bytes = malloc((size_t)largo);
		memset(bytes, 'a' + quien, (size_t)largo);
		t_buffer buffer = {.size = largo, .stream = bytes};
		t_paquete paquete = {.codigo_operacion = (op_code)(100 + quien), .buffer = &buffer};
		for (int i = 0; i < GUARDADAS; i++)
			EXIGIR(enviar_paquete(&paquete, guardadas[(i + quien) % GUARDADAS]) == 0);
		free(bytes);
	}
	return NULL;
}

static void *receptor(void *s) {
	int proximo[EMISORES] = {0};
	for (int i = 0; i < EMISORES * POR_EMISOR; i++) {
		int32_t codigo = -1, tamanio = -1;
		char *bytes = par_recibir(*(int *)s, &codigo, &tamanio);
		EXIGIR(bytes != NULL && codigo >= 100 && codigo < 100 + EMISORES);
		int quien = codigo - 100;
		/* Entero, sin mezclarse, y en el orden en que lo envió ese hilo. */
		EXIGIR(tamanio == largo_de(quien, proximo[quien]++));
		for (int j = 0; j < tamanio; j++)
			EXIGIR(bytes[j] == 'a' + quien);
		free(bytes);
	}
	return NULL;
}

static void enviar_a_las_guardadas(void) {
	struct atencion a;
	int s[GUARDADAS];
	pthread_t emisores[EMISORES], receptores[GUARDADAS];
	levantar(con_cierre(300));
	atender(&a, guardarse, NULL);
	for (int i = 0; i < GUARDADAS; i++) {
		s[i] = par_conectado(puerto);
		HASTA_QUE(cuenta.llegaron == i + 1);
	}
	for (int i = 0; i < GUARDADAS; i++)
		receptores[i] = hilo(receptor, &s[i]);
	for (intptr_t i = 0; i < EMISORES; i++)
		emisores[i] = hilo(emisor, (void *)i);
	for (int i = 0; i < EMISORES; i++)
		unir(emisores[i]);
	for (int i = 0; i < GUARDADAS; i++)
		unir(receptores[i]);
	for (int i = 0; i < GUARDADAS; i++) {
		conversar(s[i], "y lo de siempre, igual");
		close(s[i]);
	}
	parar(&a);
}

int main(int cantidad, char **valores) {
	struct {
		const char *nombre;
		void (*prueba)(void);
	} pruebas[] = {
	    {"concurrentes", concurrentes},
	    {"liberados", liberados},
	    {"finales", finales},
	    {"con_otro_recibiendo", con_otro_recibiendo},
	    {"malos", malos},
	    {"limite", limite},
	    {"sin_descriptores", sin_descriptores},
	    {"detener_sin_lugar", detener_sin_lugar},
	    {"detener", detener},
	    {"mal_usado", mal_usado},
	    {"seniales", seniales},
	    {"uno_tras_otro", uno_tras_otro},
	    {"guardadas", enviar_a_las_guardadas},
	};
	int hechas = 0;
	EXIGIR(cantidad >= 2);
	alarm(110);
	for (size_t i = 0; i < sizeof pruebas / sizeof *pruebas; i++)
		if (strcmp(valores[1], pruebas[i].nombre) == 0) {
			pruebas[i].prueba();
			hechas++;
		}
	if (strcmp(valores[1], "mil") == 0 && cantidad == 4) {
		mil(atoi(valores[2]), atoi(valores[3]));
		hechas++;
	}
	if (strcmp(valores[1], "clientes") == 0 && cantidad == 5) {
		puerto = atoi(valores[2]);
		muchos_clientes(atoi(valores[3]), atoi(valores[4]));
		hechas++;
	}
	EXIGIR(hechas == 1);
	decir("todo bien");
	return 0;
}
