/*
 * Programas que no miran lo que falla, o que sí lo miran: qué se cuenta lo dice tests/fallas/olvidos.rs.
 *
 *   olvidos CASO
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <tp0.h>
#include <unistd.h>

/* Lo que falla, sin que el compilador lo sepa. */
static t_paquete *volatile sin_paquete;
static t_buffer *volatile sin_buffer;

static double segundos(clockid_t reloj)
{
	struct timespec t;

	clock_gettime(reloj, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void exigir(int condicion, const char *que)
{
	if (!condicion) {
		printf("MAL: %s\n", que);
		exit(1);
	}
}

/* Donde nadie escucha. */
static const char *nadie(void)
{
	static char texto[2][8];
	static int cual;
	struct sockaddr_in donde = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t mide = sizeof donde;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cual = !cual;
	/* Queda tomado por uno que no escucha, lejos de los números de los demás. */
	if (bind(fd, (struct sockaddr *)&donde, mide) != 0 || getsockname(fd, (struct sockaddr *)&donde, &mide) != 0 ||
	    fcntl(fd, F_DUPFD_CLOEXEC, 700) == -1)
		abort();
	close(fd);
	snprintf(texto[cual], sizeof texto[cual], "%d", ntohs(donde.sin_port));
	return texto[cual];
}

static void sin_memoria(void)
{
	struct rlimit nada = {0, 0};
	size_t tamanio;

	setrlimit(RLIMIT_AS, &nada);
	for (tamanio = 1 << 20; tamanio >= 8; tamanio /= 2)
		while (malloc(tamanio) != NULL)
			continue;
}

static void cliente(void)
{
	int conexion = crear_conexion("127.0.0.1", nadie());
	t_paquete *paquete = crear_paquete();

	enviar_mensaje("hola", conexion);
	agregar_a_paquete(paquete, "uno", 4);
	enviar_paquete(paquete, conexion);
	eliminar_paquete(paquete);
	liberar_conexion(conexion);
}

static void servidor(void)
{
	int fd = iniciar_servidor();
	int con = esperar_cliente(fd);
	t_list *lista;

	exigir(recibir_operacion(con) == -1, "no habia nadie");
	lista = recibir_paquete(con);
	tp0_liberar_lista(lista);
	recibir_mensaje(con);
	liberar_conexion(con);
	liberar_conexion(fd);
}

static void lee(void)
{
	int conexion = crear_conexion("127.0.0.1", nadie());

	exigir(conexion == -1 && tp0_error() != NULL, "tenia que fallar");
	enviar_mensaje("hola", conexion);
	enviar_mensaje("hola", conexion);
	liberar_conexion(conexion);
	exigir(buffer_create(4000000000u) == NULL && tp0_error() != NULL, "no hay tanta memoria");
	buffer_add_uint8(sin_buffer, 1);
}

static void *conectar_y_leer(void *nada)
{
	exigir(crear_conexion("127.0.0.1", nadie()) == -1 && tp0_error() != NULL, "tenia que fallar");
	return nada;
}

/* Leerla en el hilo que fallo alcanza, la use quien la use. */
static void lee_otro_hilo(void)
{
	pthread_t hilo;

	pthread_create(&hilo, NULL, conectar_y_leer, NULL);
	pthread_join(hilo, NULL);
	enviar_mensaje("hola", -1);
}

static void *conectar_sin_leer(void *nada)
{
	crear_conexion("127.0.0.1", nadie());
	return nada;
}

static void la_usa_otro_hilo(void)
{
	pthread_t hilo;

	pthread_create(&hilo, NULL, conectar_sin_leer, NULL);
	pthread_join(hilo, NULL);
	enviar_mensaje("hola", -1);
	enviar_mensaje("hola", -1);
}

static void reintenta(void)
{
	char texto[8];
	int fd = tp0_iniciar_servidor("127.0.0.1", "0"), vuelta, conexion = -1;

	setenv("TP0_HANDSHAKE", "no", 1);
	snprintf(texto, sizeof texto, "%d", tp0_puerto(fd));
	liberar_conexion(fd);
	for (vuelta = 0; vuelta < 50 && conexion == -1; vuelta++) {
		if (vuelta == 20)
			fd = tp0_iniciar_servidor("127.0.0.1", texto);
		conexion = crear_conexion("127.0.0.1", texto);
	}
	exigir(conexion > 2, "al final habia alguien");
	exigir(enviar_mensaje("hola", conexion) == 0, "enviar");
	enviar_mensaje("hola", -1);
	liberar_conexion(conexion);
	liberar_conexion(fd);
}

/* Reintenta, se cansa, y usa el -1: se cuenta el ultimo intento, una vez. */
static void se_cansa(void)
{
	const char *donde = nadie();
	int vuelta, conexion = -1;

	for (vuelta = 0; vuelta < 5; vuelta++)
		conexion = crear_conexion("127.0.0.1", donde);
	for (vuelta = 0; vuelta < 5; vuelta++)
		enviar_mensaje("hola", conexion);
}

static void dos(void)
{
	int una = crear_conexion("127.0.0.1", nadie()), otra = crear_conexion("no es una ip", "4444");

	enviar_mensaje("hola", otra);
	enviar_mensaje("hola", una);
	enviar_mensaje("hola", una);
}

/* El otro se fue, y se le sigue enviando. */
static void envios(void)
{
	char texto[8];
	int fd = tp0_iniciar_servidor("127.0.0.1", "0"), vuelta, conexion;

	setenv("TP0_HANDSHAKE", "no", 1);
	snprintf(texto, sizeof texto, "%d", tp0_puerto(fd));
	conexion = crear_conexion("127.0.0.1", texto);
	liberar_conexion(fd);
	for (vuelta = 0; vuelta < 8; vuelta++)
		enviar_mensaje("hola", conexion);
	liberar_conexion(conexion);
}

/* Que despues ande otra conexion no es que ande esta. */
static void otra_anda(void)
{
	char texto[8];
	int fd = tp0_iniciar_servidor("127.0.0.1", "0"), mala, buena;

	setenv("TP0_HANDSHAKE", "no", 1);
	snprintf(texto, sizeof texto, "%d", tp0_puerto(fd));
	mala = crear_conexion("127.0.0.1", nadie());
	buena = crear_conexion("127.0.0.1", texto);
	enviar_mensaje("hola", buena);
	enviar_mensaje("hola", mala);
	liberar_conexion(buena);
	liberar_conexion(fd);
}

static void paquete(void)
{
	sin_memoria();
	sin_paquete = crear_paquete();
	agregar_a_paquete(sin_paquete, "uno", 4);
	enviar_paquete(sin_paquete, -2);
	eliminar_paquete(sin_paquete);
}

static void super_paquete(void)
{
	sin_memoria();
	sin_paquete = crear_super_paquete();
	agregar_a_paquete(sin_paquete, "uno", 4);
}

static void opciones(void)
{
	setenv("TP0_ESPERA_MS", "mucho", 1);
	tp0_opciones_handshake(tp0_opciones_crear(), 7);
}

static void buffers(void)
{
	sin_buffer = buffer_create(4000000000u);
	buffer_add_uint32(sin_buffer, 1);
	exigir(buffer_read_uint8(sin_buffer) == 0, "no hay buffer");
	buffer_destroy(sin_buffer);
}

/* Donde NULL esta bien, no se cuenta nada. */
static void nulos(void)
{
	sin_buffer = buffer_create(4000000000u);
	buffer_destroy(sin_buffer);
	eliminar_paquete(NULL);
	tp0_liberar_lista(NULL);
	tp0_opciones_destruir(NULL);
}

/* Un par ajeno que ya cerro, o que dejo un mensaje por la mitad. */
static int par(const void *bytes, size_t cuantos)
{
	int fds[2];

	exigir(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && write(fds[1], bytes, cuantos) == (ssize_t)cuantos, "par");
	close(fds[1]);
	return fds[0];
}

static void textos(void)
{
	int otro = par("", 0);

	/* Un fin en orden no es una falla. */
	enviar_mensaje(tp0_recibir_mensaje(otro), otro);
	enviar_mensaje(tp0_recibir_mensaje(par("\0\0\0\0\x05\0\0\0ho", 10)), otro);
}

static void tp0_recibidos(void)
{
	t_list *valores = tp0_valores(tp0_recibir(par("\1\0\0\0\x05\0\0\0ho", 10)));

	exigir(valores == NULL, "no hay nada");
	agregar_a_paquete(tp0_recibir(par("", 0)), "a", 2);
}

static void buffer_recibido(void)
{
	int tamanio;
	t_paquete *uno = crear_paquete();
	void *bytes = recibir_buffer(&tamanio, par("\x05\0\0\0ho", 6));

	agregar_a_paquete(uno, bytes, 5);
	eliminar_paquete(uno);
}

static void texto_leido(void)
{
	t_buffer *buffer = buffer_create(2);

	buffer_add_string(buffer, 5, buffer_read_string(buffer, NULL));
	buffer_destroy(buffer);
}

static void serializado(void)
{
	t_paquete *uno = crear_paquete();

	agregar_a_paquete(uno, serializar_paquete(uno, 3), 8);
	eliminar_paquete(uno);
}

static void valores(void)
{
	t_buffer buffer = {.size = 2, .stream = (void *)"aa"};
	t_paquete uno = {.codigo_operacion = PAQUETE, .buffer = &buffer};

	/* Nadie mas recibe una lista: no hay a quien contarle. */
	exigir(tp0_valores(&uno) == NULL, "no cierra");
	eliminar_paquete(NULL);
}

static void con_opciones(void)
{
	int fd = tp0_iniciar_servidor_con("127.0.0.1", "no es un puerto", NULL);

	tp0_esperar_cliente(fd, NULL);
	enviar_mensaje("hola", tp0_crear_conexion("127.0.0.1", nadie(), NULL));
	tp0_atender(tp0_iniciar_servidor("127.0.0.1", "70000"), NULL, NULL);
	tp0_detener(tp0_iniciar_servidor("127.0.0.1", "70000"));
	recibir_operacion(esperar_cliente(77));
	recibir_operacion(tp0_esperar_cliente(78, NULL));
	recibir_operacion(crear_conexion(NULL, "4444"));
}

/* Una ip que no esta no viene de lo que no se recibio. */
static void ip_nula(void)
{
	int tamanio;

	exigir(recibir_buffer(&tamanio, par("\x05\0\0\0ho", 6)) == NULL, "estaba cortado");
	recibir_operacion(crear_conexion(NULL, "4444"));
}

static void difundir(void)
{
	int conexiones[] = {-1, -1};
	t_paquete *uno = crear_paquete();

	conexiones[0] = crear_conexion("127.0.0.1", nadie());
	exigir(tp0_difundir(conexiones, 2, uno, NULL) == 2, "ninguna anda");
	eliminar_paquete(uno);
}

static void en_el_hijo(void)
{
	int conexion = crear_conexion("127.0.0.1", nadie());

	if (fork() == 0) {
		enviar_mensaje("hola", conexion);
		exit(0);
	}
	wait(NULL);
}

/* La que nadie deja: no quema un nucleo, y una senial la despierta. */
static void girar(void)
{
	int esta_cerrado = dup(0), no_es_socket = dup(0), no_escucha = socket(AF_INET, SOCK_STREAM, 0), i;
	int sobre[] = {-1, esta_cerrado, no_es_socket, no_escucha};

	close(esta_cerrado);
	for (i = 0; i < 4; i++) {
		double comienzo = segundos(CLOCK_MONOTONIC), cpu = segundos(CLOCK_PROCESS_CPUTIME_ID);
		int vueltas = 0;

		while (segundos(CLOCK_MONOTONIC) - comienzo < 0.55) {
			exigir(esperar_cliente(sobre[i]) == -1, "no hay cliente");
			vueltas++;
		}
		exigir(vueltas >= 3 && vueltas <= 8, "entre 3 y 8 vueltas en medio segundo");
		exigir(segundos(CLOCK_PROCESS_CPUTIME_ID) - cpu < 0.1, "un nucleo al cuete");
	}
}

/* La primera es inmediata, y despues de una que anda, tambien. */
static void la_primera_es_inmediata(void)
{
	char texto[8];
	int fd = tp0_iniciar_servidor("127.0.0.1", "0"), vuelta, conexion, con;
	double comienzo = segundos(CLOCK_MONOTONIC);

	setenv("TP0_HANDSHAKE", "no", 1);
	liberar_conexion(fd);
	fd = tp0_iniciar_servidor("127.0.0.1", "0");
	snprintf(texto, sizeof texto, "%d", tp0_puerto(fd));
	for (vuelta = 0; vuelta < 10; vuelta++) {
		exigir(esperar_cliente(-1) == -1, "no hay nadie");
		conexion = crear_conexion("127.0.0.1", texto);
		con = esperar_cliente(fd);
		exigir(con > 2, "un cliente");
		liberar_conexion(con);
		liberar_conexion(conexion);
	}
	exigir(segundos(CLOCK_MONOTONIC) - comienzo < 0.5, "se espero de mas");
	liberar_conexion(fd);
}

static const struct {
	const char *nombre;
	void (*caso)(void);
} CASOS[] = {
	{"cliente", cliente}, {"servidor", servidor}, {"lee", lee}, {"lee_otro_hilo", lee_otro_hilo},
	{"la_usa_otro_hilo", la_usa_otro_hilo}, {"reintenta", reintenta}, {"se_cansa", se_cansa}, {"dos", dos},
	{"envios", envios}, {"otra_anda", otra_anda}, {"paquete", paquete}, {"super_paquete", super_paquete}, {"opciones", opciones},
	{"buffers", buffers}, {"nulos", nulos}, {"textos", textos}, {"tp0_recibidos", tp0_recibidos},
	{"buffer_recibido", buffer_recibido}, {"texto_leido", texto_leido}, {"serializado", serializado},
	{"valores", valores}, {"con_opciones", con_opciones}, {"ip_nula", ip_nula}, {"difundir", difundir}, {"en_el_hijo", en_el_hijo},
	{"girar", girar}, {"la_primera_es_inmediata", la_primera_es_inmediata},
};

int main(int argc, char **argv)
{
	size_t i;

	exigir(argc >= 2, "uso: olvidos CASO");
	for (i = 0; i < sizeof CASOS / sizeof *CASOS; i++)
		if (strcmp(CASOS[i].nombre, argv[1]) == 0) {
			CASOS[i].caso();
			return 0;
		}
	exigir(0, "no hay tal caso");
	return 1;
}
