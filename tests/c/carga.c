/*
 * carga: mucho a la vez, y muchas veces. El servidor usa la biblioteca; los clientes son de otro proceso.
 *
 *     carga sondeo CONEXIONES MENSAJES     un solo hilo, con su propio epoll y esperar_cliente
 *     carga atender CONEXIONES MENSAJES    un hilo por cliente, con tp0_atender; los clientes, con sockets a secas
 *     carga hilos CANTIDAD                 cuántos hilos a la vez deja crear este sistema, hasta esa cantidad
 *     carga ciclos CANTIDAD                conectarse, saludarse y cerrar, con la biblioteca de los dos lados
 *
 * Al terminar bien dice, en un renglón de campo=valor, lo que midió. Que alcance lo decide quien lo corre.
 */
#include "muchos_comun.h"
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int servidor;

static void exigir_que_termine_bien(pid_t hijo) {
	int estado = -1;
	EXIGIR(waitpid(hijo, &estado, 0) == hijo);
	EXIGIR(WIFEXITED(estado) && WEXITSTATUS(estado) == 0);
}

/* La memoria residente de este proceso, en bytes. */
static long residente(void) {
	long paginas = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	EXIGIR(f != NULL && fscanf(f, "%*d %ld", &paginas) == 1);
	fclose(f);
	return paginas * sysconf(_SC_PAGESIZE);
}

/* ------------------------------------------------------------------ los clientes, con sockets a secas */

/* Lo que los dos procesos comparten: quién llegó hasta dónde. */
enum { NACIENDO, CONECTADOS, HABLARON, PUEDEN_IRSE };
static struct compartido {
	atomic_int etapa;
	/* Las conexiones que se aceptaron y a las que se les contestó todo bien. */
	atomic_int conectadas, buenas;
	atomic_long contestados;
	atomic_long conectarse_ms, hablar_ms;
} *compartido;

static void esperar_etapa(int etapa) {
	while (compartido->etapa < etapa)
		dormir_ms(2);
}

/* El mensaje de un cliente: ninguno se repite, y los hay de muchos largos. */
static int escribir_mensaje(char *texto, int cliente, int numero) {
	int largo = sprintf(texto, "cliente %d, mensaje %d: ", cliente, numero);
	int relleno = (cliente * 7 + numero * 131) % 600;
	for (int i = 0; i < relleno; i++)
		texto[largo++] = (char)('a' + (cliente + numero + i) % 26);
	texto[largo] = '\0';
	return largo + 1;
}

enum { MENSAJE_MAYOR = 700 };

/* Si el próximo mensaje es exactamente ese. */
static int llega_el_mismo(int s, const char *texto, int bytes) {
	char recibido[8 + MENSAJE_MAYOR];
	int32_t header[2] = {0, bytes};
	if (!par_leer(s, recibido, 8 + (size_t)bytes))
		return 0;
	return memcmp(recibido, header, 8) == 0 && memcmp(recibido + 8, texto, (size_t)bytes) == 0;
}

/* Todos conectados a la vez: todos mandan, todos reciben lo suyo, tantas veces. */
static void clientes(int puerto, int cuantos, int mensajes) {
	enum { TANDA = 500 };
	char texto[MENSAJE_MAYOR];
	int *s = calloc((size_t)cuantos, sizeof *s), *mal = calloc((size_t)cuantos, sizeof *mal);
	EXIGIR(s != NULL && mal != NULL);
	long desde = ahora_ms();
	/* De a tandas, que entren en la cola del servidor: si se desborda, el kernel reintenta al segundo. */
	for (int primero = 0; primero < cuantos; primero += TANDA) {
		int fin = primero + TANDA < cuantos ? primero + TANDA : cuantos;
		for (int i = primero; i < fin; i++) {
			int32_t uno = 1;
			s[i] = par_conectar(puerto);
			EXIGIR(s[i] != -1);
			par_mandar(s[i], &uno, 4);
		}
		for (int i = primero; i < fin; i++) {
			int32_t respuesta = -2;
			mal[i] = !par_leer(s[i], &respuesta, 4) || respuesta != 0;
			compartido->conectadas += !mal[i];
		}
	}
	compartido->conectarse_ms = ahora_ms() - desde;
	compartido->etapa = CONECTADOS;
	desde = ahora_ms();
	for (int m = 0; m < mensajes; m++) {
		for (int i = 0; i < cuantos; i++)
			if (!mal[i])
				par_mensaje(s[i], 0, texto, escribir_mensaje(texto, i, m));
		for (int i = 0; i < cuantos; i++) {
			if (mal[i])
				continue;
			int bytes = escribir_mensaje(texto, i, m);
			mal[i] = !llega_el_mismo(s[i], texto, bytes);
			compartido->contestados += !mal[i];
		}
	}
	for (int i = 0; i < cuantos; i++) {
		char sobra;
		/* Ni un byte de más, y sigue abierta. */
		mal[i] = mal[i] || recv(s[i], &sobra, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN;
		compartido->buenas += !mal[i];
	}
	compartido->hablar_ms = ahora_ms() - desde;
	compartido->etapa = HABLARON;
	esperar_etapa(PUEDEN_IRSE);
	for (int i = 0; i < cuantos; i++)
		close(s[i]);
}

static void levantar(int cuantos) {
	compartido = mmap(NULL, sizeof *compartido, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXIGIR(compartido != MAP_FAILED);
	permitir_descriptores((rlim_t)cuantos + 100);
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(servidor != -1);
}

static pid_t lanzar_clientes(int cuantos, int mensajes) {
	int puerto = tp0_puerto(servidor);
	pid_t hijo = fork();
	EXIGIR(hijo != -1);
	if (hijo == 0) {
		alarm(280);
		clientes(puerto, cuantos, mensajes);
		_exit(0);
	}
	return hijo;
}

static void decir_lo_medido(int cuantos, long antes, long despues) {
	printf("conexiones=%d buenas=%d contestados=%ld conectarse_ms=%ld hablar_ms=%ld bytes_por_conexion=%ld\n",
	       compartido->conectadas, compartido->buenas, compartido->contestados, compartido->conectarse_ms,
	       compartido->hablar_ms, (despues - antes) / cuantos);
	fflush(stdout);
}

/* ------------------------------------------------------------------ un solo hilo */

/* Lo que haya para leer de un cliente es un mensaje: se le contesta lo mismo. 0 si terminó. */
static int contestar(int cliente) {
	char *texto = tp0_recibir_mensaje(cliente);
	if (texto == NULL) {
		EXIGIR(errno == 0);
		return 0;
	}
	EXIGIR(enviar_mensaje(texto, cliente) == 0);
	free(texto);
	return 1;
}

static void mirar(int epoll, int fd) {
	struct epoll_event interes = {.events = EPOLLIN, .data.fd = fd};
	EXIGIR(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interes) == 0);
}

static void sondeo(int cuantos, int mensajes) {
	static struct epoll_event avisos[256];
	int aceptados = 0, terminados = 0, epoll = epoll_create1(EPOLL_CLOEXEC);
	long conversando = 0;
	levantar(cuantos);
	mirar(epoll, servidor);
	pid_t hijo = lanzar_clientes(cuantos, mensajes);
	int descriptores = descriptores_abiertos();
	long antes = residente();
	while (terminados < cuantos) {
		int n = epoll_wait(epoll, avisos, 256, 50);
		EXIGIR(n >= 0);
		for (int i = 0; i < n; i++) {
			int fd = avisos[i].data.fd;
			if (fd == servidor) {
				int cliente = esperar_cliente(servidor);
				EXIGIR(cliente != -1);
				mirar(epoll, cliente);
				aceptados++;
			} else if (!contestar(fd)) {
				EXIGIR(liberar_conexion(fd) == 0);
				terminados++;
			}
		}
		if (conversando == 0 && compartido->etapa == HABLARON) {
			conversando = residente();
			EXIGIR(descriptores_abiertos() == descriptores + cuantos);
			compartido->etapa = PUEDEN_IRSE;
		}
	}
	exigir_que_termine_bien(hijo);
	EXIGIR(aceptados == cuantos && conversando != 0);
	EXIGIR(descriptores_abiertos() == descriptores);
	EXIGIR(liberar_conexion(servidor) == 0);
	decir_lo_medido(cuantos, antes, conversando);
}

/* ------------------------------------------------------------------ un hilo por cliente */

static atomic_int adentro, mayor;

static void eco(int cliente, void *contexto) {
	(void)contexto;
	int soy = ++adentro, visto = mayor;
	while (soy > visto && !atomic_compare_exchange_weak(&mayor, &visto, soy))
		;
	while (contestar(cliente))
		;
	adentro--;
}

static void *atender(void *resultado) {
	*(int *)resultado = tp0_atender(servidor, eco, NULL);
	return NULL;
}

static void con_atender(int cuantos, int mensajes) {
	int resultado = -2;
	levantar(cuantos);
	pid_t hijo = lanzar_clientes(cuantos, mensajes);
	int descriptores = descriptores_abiertos(), hilos_antes = hilos_vivos();
	long antes = residente();
	pthread_t h = hilo(atender, &resultado);
	esperar_etapa(HABLARON);
	long conversando = residente();
	EXIGIR(mayor == cuantos && hilos_vivos() >= hilos_antes + cuantos);
	compartido->etapa = PUEDEN_IRSE;
	exigir_que_termine_bien(hijo);
	long limite = ahora_ms() + 60000;
	while (adentro > 0 && ahora_ms() < limite)
		dormir_ms(5);
	EXIGIR(adentro == 0);
	EXIGIR(tp0_detener(servidor) == 0);
	unir(h);
	EXIGIR(resultado == 0);
	EXIGIR(hilos_vivos() == hilos_antes && descriptores_abiertos() == descriptores - 1);
	decir_lo_medido(cuantos, antes, conversando);
}

/* ------------------------------------------------------------------ cuántos hilos se puede */

static pthread_mutex_t portero = PTHREAD_MUTEX_INITIALIZER;

static void *quedarse(void *nada) {
	pthread_mutex_lock(&portero);
	pthread_mutex_unlock(&portero);
	return nada;
}

static void cuantos_hilos(int cantidad) {
	pthread_t *hilos = calloc((size_t)cantidad, sizeof *hilos);
	int creados = 0;
	EXIGIR(hilos != NULL);
	pthread_mutex_lock(&portero);
	while (creados < cantidad && pthread_create(&hilos[creados], NULL, quedarse, NULL) == 0)
		creados++;
	pthread_mutex_unlock(&portero);
	for (int i = 0; i < creados; i++)
		unir(hilos[i]);
	printf("hilos=%d\n", creados);
}

/* ------------------------------------------------------------------ conectarse, saludarse y cerrar */

/*
 * Un puerto propio por conexión, y el que cierra primero lo deja ocupado un minuto: con una sola dirección, cien mil no entran. En
 * 127.0.0.0/8 sobran.
 */
enum { DIRECCIONES = 6 };
static int servidores[DIRECCIONES];
static char puertos[DIRECCIONES][8];

static void levantar_en_todas(void) {
	for (int i = 0; i < DIRECCIONES; i++) {
		char ip[16];
		snprintf(ip, sizeof ip, "127.0.0.%d", i + 1);
		servidores[i] = tp0_iniciar_servidor(ip, "0");
		EXIGIR(servidores[i] != -1);
		snprintf(puertos[i], sizeof puertos[i], "%d", tp0_puerto(servidores[i]));
	}
}

struct medida {
	long memoria;
	int descriptores;
};

static struct medida medir(void) {
	struct medida m = {residente(), descriptores_abiertos()};
	return m;
}

/* Cada uno se cierra de una manera distinta: el fin lo ve el otro, y los dos sueltan lo suyo. */
static void ir_y_volver(int cuantos, int primero) {
	for (int i = primero; i < primero + cuantos; i++) {
		char ip[16];
		snprintf(ip, sizeof ip, "127.0.0.%d", i % DIRECCIONES + 1);
		int conexion = crear_conexion(ip, puertos[i % DIRECCIONES]);
		EXIGIR(conexion != -1);
		if (i % 2 == 0)
			EXIGIR(recibir_operacion(conexion) == -1 && errno == 0);
		/* Terminada o no, se la libera; o ya quedó enterrada, y se la deja. */
		if (i % 4 != 0)
			EXIGIR(liberar_conexion(conexion) == 0);
	}
}

/* Del otro lado: con los pares cierra primero el servidor; con los impares, el cliente. */
static void recibir_y_cerrar(int cuantos) {
	struct pollfd intereses[DIRECCIONES];
	for (int i = 0; i < DIRECCIONES; i++)
		intereses[i] = (struct pollfd){.fd = servidores[i], .events = POLLIN, .revents = 0};
	for (int atendidos = 0; atendidos < cuantos;) {
		EXIGIR(poll(intereses, DIRECCIONES, 20000) > 0);
		for (int i = 0; i < DIRECCIONES; i++) {
			if (intereses[i].revents == 0)
				continue;
			int cliente = esperar_cliente(servidores[i]);
			EXIGIR(cliente != -1);
			/* DIRECCIONES es par: la dirección dice la paridad. */
			if (i % 2 != 0)
				EXIGIR(recibir_operacion(cliente) == -1 && errno == 0);
			if (i % 4 != 1)
				EXIGIR(liberar_conexion(cliente) == 0);
			atendidos++;
		}
	}
}

/* Lo que creció este proceso desde que entró en calor, en bytes y en descriptores. */
static void decir_crecimiento(const char *quien, struct medida tibio) {
	struct medida final = medir();
	printf("%s_crecio=%ld %s_descriptores=%d\n", quien, final.memoria - tibio.memoria, quien,
	       final.descriptores - tibio.descriptores);
	fflush(stdout);
}

static void ciclos(int cuantos) {
	/* Lo que dura el calentamiento: las 64 tumbas, los búferes de stdio, las reservas de malloc. */
	int de_entrada = cuantos / 10;
	levantar_en_todas();
	long desde = ahora_ms();
	pid_t hijo = fork();
	EXIGIR(hijo != -1);
	if (hijo == 0) {
		alarm(280);
		for (int i = 0; i < DIRECCIONES; i++)
			EXIGIR(liberar_conexion(servidores[i]) == 0);
		ir_y_volver(de_entrada, 0);
		struct medida tibio = medir();
		ir_y_volver(cuantos - de_entrada, de_entrada);
		decir_crecimiento("cliente", tibio);
		_exit(0);
	}
	alarm(280);
	recibir_y_cerrar(de_entrada);
	struct medida tibio = medir();
	recibir_y_cerrar(cuantos - de_entrada);
	exigir_que_termine_bien(hijo);
	decir_crecimiento("servidor", tibio);
	printf("ciclos=%d ms=%ld\n", cuantos, ahora_ms() - desde);
}

int main(int cantidad, char **valores) {
	const char *cual = cantidad > 1 ? valores[1] : "";
	int primero = cantidad > 2 ? atoi(valores[2]) : 0, segundo = cantidad > 3 ? atoi(valores[3]) : 0;
	if (strcmp(cual, "sondeo") == 0 && segundo > 0)
		sondeo(primero, segundo);
	else if (strcmp(cual, "atender") == 0 && segundo > 0)
		con_atender(primero, segundo);
	else if (strcmp(cual, "hilos") == 0)
		cuantos_hilos(primero);
	else if (strcmp(cual, "ciclos") == 0)
		ciclos(primero);
	else
		return 64;
	return 0;
}
