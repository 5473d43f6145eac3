/*
 * Servidores con los errores de siempre. El puerto sale de TP0_PUERTO, salvo el del que es a mano, que lo dice.
 *
 *   dolores_servidor manual      a mano y sin SO_REUSEADDR; atiende a un cliente y cierra primero
 *   dolores_servidor sin_mirar   nadie mira si iniciar_servidor anduvo
 *   dolores_servidor sin_salida  un while que no sale con -1: gira y gira
 *   dolores_servidor sin_logger  se olvidó de crear el logger
 *   dolores_servidor por_el_otro lee y escribe por el descriptor que escucha
 *   dolores_servidor recibe_uno  recibe un mensaje de quien sea
 *   dolores_servidor un_mensaje  espera un MENSAJE, y llega otra cosa
 *   dolores_servidor atender     éste está bien: a todos a la vez, y a cada uno lo que dijo
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <tp0.h>

static void contar(const char *que)
{
	const char *error = tp0_error();

	printf("%s: %s\n", que, error == NULL ? "bien" : error);
	fflush(stdout);
}

static int manual(void)
{
	struct sockaddr_in direccion;
	int servidor = socket(AF_INET, SOCK_STREAM, 0), cliente, puerto = 10000 + getpid() % 20000;
	char byte;

	memset(&direccion, 0, sizeof direccion);
	direccion.sin_family = AF_INET;
	direccion.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Debajo de los que el sistema les da a los clientes, el primero que no tenga nadie. */
	do
		direccion.sin_port = htons((in_port_t)puerto++);
	while (bind(servidor, (struct sockaddr *)&direccion, sizeof direccion) == -1 && puerto < 32768);
	if (listen(servidor, 5) == -1) {
		perror("listen");
		return EXIT_FAILURE;
	}
	printf("puerto %d\n", ntohs(direccion.sin_port));
	fflush(stdout);
	cliente = accept(servidor, NULL, NULL);
	puts("llegó");
	fflush(stdout);
	/* Si la prueba escribe algo, deja de escuchar y sigue atendiendo: lo que hace el hijo de un servidor que murió. */
	while (read(STDIN_FILENO, &byte, 1) > 0) {
		close(servidor);
		puts("no escucho");
		fflush(stdout);
	}
	close(cliente);
	return EXIT_SUCCESS;
}

static int sin_mirar(void)
{
	int servidor = iniciar_servidor(), cliente;

	contar("iniciar_servidor");
	cliente = esperar_cliente(servidor);
	contar("esperar_cliente");
	recibir_operacion(cliente);
	contar("recibir_operacion");
	puts("termine");
	return EXIT_SUCCESS;
}

static int sin_salida(void)
{
	int servidor = iniciar_servidor(), cliente = esperar_cliente(servidor), otro, vueltas = 0;

	while (vueltas < 1000) {
		switch (recibir_operacion(cliente)) {
		case MENSAJE:
			recibir_mensaje(cliente);
			break;
		default:
			/* «Operación desconocida»: ni mira que es -1. */
			vueltas++;
			break;
		}
	}
	printf("errno %d\n", errno);
	contar("recibir_operacion");
	/* El que entra después no paga las vueltas que el while siga dando. */
	otro = esperar_cliente(servidor);
	for (vueltas = 0; vueltas < 1000; vueltas++)
		recibir_operacion(cliente);
	printf("otro número: %s\n", otro != cliente ? "sí" : "no");
	enviar_mensaje("acá estoy", otro);
	contar("enviar_mensaje");
	liberar_conexion(otro);
	liberar_conexion(servidor);
	return EXIT_SUCCESS;
}

static int sin_logger(void)
{
	int servidor = iniciar_servidor(), cliente = esperar_cliente(servidor);

	/* `logger` vale NULL. */
	while (recibir_operacion(cliente) == MENSAJE)
		recibir_mensaje(cliente);
	puts("termine");
	return EXIT_SUCCESS;
}

static int por_el_otro(void)
{
	int servidor = iniciar_servidor(), cliente = esperar_cliente(servidor);

	printf("%d %d\n", servidor, cliente);
	recibir_operacion(servidor);
	contar("recibir_operacion");
	enviar_mensaje("hola", servidor);
	contar("enviar_mensaje");
	esperar_cliente(cliente);
	contar("esperar_cliente");
	enviar_mensaje("ahora sí", cliente);
	contar("enviar_mensaje");
	return EXIT_SUCCESS;
}

static int recibe_uno(void)
{
	int servidor = iniciar_servidor(), cliente = esperar_cliente(servidor), size;

	printf("código: %d\n", recibir_operacion(cliente));
	free(recibir_buffer(&size, cliente));
	contar("recibir_buffer");
	printf("después: %d\n", recibir_operacion(cliente));
	return EXIT_SUCCESS;
}

static int un_mensaje(void)
{
	int cliente = esperar_cliente(iniciar_servidor());
	char *texto = tp0_recibir_mensaje(cliente);

	contar("tp0_recibir_mensaje");
	free(texto);
	/* Se descartó entero: lo que sigue se recibe bien. */
	texto = tp0_recibir_mensaje(cliente);
	puts(texto == NULL ? tp0_error() : texto);
	free(texto);
	return EXIT_SUCCESS;
}

static void repetir(int cliente, void *contexto)
{
	char *texto;

	(void)contexto;
	while ((texto = tp0_recibir_mensaje(cliente)) != NULL) {
		enviar_mensaje(texto, cliente);
		free(texto);
	}
}

static int atender(void)
{
	return tp0_atender(iniciar_servidor(), repetir, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *nombre;
		int (*funcion)(void);
	} casos[] = {{"manual", manual},
	             {"sin_mirar", sin_mirar},
	             {"sin_salida", sin_salida},
	             {"sin_logger", sin_logger},
	             {"por_el_otro", por_el_otro},
	             {"recibe_uno", recibe_uno},
	             {"un_mensaje", un_mensaje},
	             {"atender", atender}};

	for (size_t i = 0; i < sizeof casos / sizeof *casos; i++)
		if (argc == 2 && strcmp(argv[1], casos[i].nombre) == 0)
			return casos[i].funcion();
	return 2;
}
