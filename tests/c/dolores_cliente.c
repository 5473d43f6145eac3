/*
 * Clientes con los errores de siempre.
 *
 *   dolores_cliente CASO IP PUERTO
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <tp0.h>

static char *ip, *puerto;

static void contar(const char *que)
{
	const char *error = tp0_error();

	printf("%s: %s\n", que, error == NULL ? "bien" : error);
	fflush(stdout);
}

static int conectado(void)
{
	int conexion = crear_conexion(ip, puerto);

	if (conexion == -1) {
		contar("crear_conexion");
		exit(EXIT_FAILURE);
	}
	return conexion;
}

/* Espera a que la prueba cierre la entrada: mientras tanto, el otro se va. */
static void esperar_a_la_prueba(void)
{
	char byte;

	puts("listo");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
}

/* El otro módulo se murió: ¿cuándo me entero? */
static void se_murio(void)
{
	int conexion = conectado();

	printf("descriptor: %d\n", conexion);
	printf("activa: %d\n", tp0_conexion_activa(conexion));
	esperar_a_la_prueba();
	printf("activa: %d\n", tp0_conexion_activa(conexion));
	enviar_mensaje("hola", conexion);
	printf("EPIPE: %s\n", errno == EPIPE ? "sí" : "no");
	contar("enviar_mensaje");
	liberar_conexion(conexion);
	liberar_conexion(conexion);
	contar("liberar_conexion");
}

/* El otro se va mientras le mandan algo grande. */
static void se_va_en_el_medio(void)
{
	int conexion = conectado();
	char *grande = malloc(30000001);

	memset(grande, 'x', 30000000);
	grande[30000000] = '\0';
	enviar_mensaje(grande, conexion);
	contar("enviar_mensaje");
	enviar_mensaje("otra vez", conexion);
	contar("enviar_mensaje");
	free(grande);
}

/* El otro se va en el medio de una ráfaga de mensajes chicos. */
static void se_va_en_una_rafaga(void)
{
	int conexion = conectado();

	while (enviar_mensaje("hola", conexion) != -1)
		continue;
	contar("enviar_mensaje");
}

/* Se olvidó de connect(), y en otro lado la variable quedó en 0. */
static void sin_conectar(void)
{
	int conexion = socket(AF_INET, SOCK_STREAM, 0), sin_usar = 0;

	printf("descriptor %d\n", conexion);
	enviar_mensaje("hola", conexion);
	contar("enviar_mensaje");
	close(conexion);
	enviar_mensaje("hola", sin_usar);
	contar("enviar_mensaje");
}

/* sizeof de un puntero, y strlen sin el '\0'. */
static void textos(void)
{
	int conexion = conectado();
	const char *texto = "hola que tal";
	t_paquete *paquete = crear_paquete();

	agregar_a_paquete(paquete, texto, sizeof(texto));
	agregar_a_paquete(paquete, texto, (int)strlen(texto));
	agregar_a_paquete(paquete, texto, (int)strlen(texto) + 1);
	enviar_paquete(paquete, conexion);
	eliminar_paquete(paquete);
	liberar_conexion(conexion);
}

/* Una conexión nueva por mensaje, y ninguna se libera. */
static void sin_liberar(void)
{
	struct rlimit limite = {24, 24};
	int cuantas = 0;

	setrlimit(RLIMIT_NOFILE, &limite);
	while (crear_conexion(ip, puerto) != -1)
		cuantas++;
	printf("EMFILE: %s, después de %s\n", errno == EMFILE ? "sí" : "no", cuantas > 15 ? "muchas" : "pocas");
	contar("crear_conexion");
}

/* Sin la biblioteca, y el código de operación en un byte: el que dice la guía de serialización, no el TP0. */
static void codigo_de_un_byte(void)
{
	struct sockaddr_in direccion;
	int conexion = socket(AF_INET, SOCK_STREAM, 0);
	uint8_t codigo = 1, edades[] = {0, 0, 8};
	uint32_t tamanio = 20, resto[5] = {0};

	memset(&direccion, 0, sizeof direccion);
	direccion.sin_family = AF_INET;
	direccion.sin_port = htons((uint16_t)atoi(puerto));
	inet_pton(AF_INET, ip, &direccion.sin_addr);
	if (connect(conexion, (struct sockaddr *)&direccion, sizeof direccion) == -1)
		exit(EXIT_FAILURE);
	send(conexion, &codigo, sizeof codigo, MSG_NOSIGNAL);
	send(conexion, &tamanio, sizeof tamanio, MSG_NOSIGNAL);
	send(conexion, edades, sizeof edades, MSG_NOSIGNAL);
	send(conexion, resto, 17, MSG_NOSIGNAL);
	esperar_a_la_prueba();
	close(conexion);
}

/* El servidor todavía no está. */
static void insiste(void)
{
	tp0_opciones *opciones = tp0_opciones_crear();
	int conexion;

	tp0_opciones_reintentos_ms(opciones, 20000);
	conexion = tp0_crear_conexion(ip, puerto, opciones);
	tp0_opciones_destruir(opciones);
	if (conexion == -1) {
		contar("tp0_crear_conexion");
		exit(EXIT_FAILURE);
	}
	enviar_mensaje("por fin", conexion);
	liberar_conexion(conexion);
}

static void eco(void)
{
	int conexion = conectado();
	char *texto;

	enviar_mensaje("eco", conexion);
	texto = tp0_recibir_mensaje(conexion);
	printf("eco: %s\n", texto);
	free(texto);
	esperar_a_la_prueba();
	liberar_conexion(conexion);
}

static int compartida;

/* Cincuenta mensajes: la letra del hilo, cada vez diez mil más. */
static void *un_hilo(void *letra)
{
	char *texto = calloc(1, 500001);

	for (int i = 0; i < 50; i++) {
		memset(texto, *(const char *)letra, (size_t)(i + 1) * 10000);
		if (enviar_mensaje(texto, compartida) == -1)
			exit(EXIT_FAILURE);
	}
	free(texto);
	return NULL;
}

static void hilos(void)
{
	static char letras[] = "abcdefgh";
	pthread_t hilo[8];

	compartida = conectado();
	for (int i = 0; i < 8; i++)
		pthread_create(&hilo[i], NULL, un_hilo, &letras[i]);
	for (int i = 0; i < 8; i++)
		pthread_join(hilo[i], NULL);
	liberar_conexion(compartida);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *nombre;
		void (*funcion)(void);
	} casos[] = {{"se_murio", se_murio},
	             {"se_va_en_el_medio", se_va_en_el_medio},
	             {"se_va_en_una_rafaga", se_va_en_una_rafaga},
	             {"sin_conectar", sin_conectar},
	             {"textos", textos},
	             {"sin_liberar", sin_liberar},
	             {"codigo_de_un_byte", codigo_de_un_byte},
	             {"insiste", insiste},
	             {"eco", eco},
	             {"hilos", hilos}};

	if (argc != 4)
		return 2;
	ip = argv[2];
	puerto = argv[3];
	for (size_t i = 0; i < sizeof casos / sizeof *casos; i++)
		if (strcmp(argv[1], casos[i].nombre) == 0) {
			casos[i].funcion();
			return EXIT_SUCCESS;
		}
	return 2;
}
