/*
 * haproxy: los servidores y los clientes de tests/fallas/haproxy.rs.
 *
 *   haproxy servidor NOMBRE              atiende a muchos y firma lo que contesta (TP0_IP y TP0_PUERTO dicen dónde)
 *   haproxy cliente PUERTO CUANTAS       se conecta tantas veces, una tras otra, y muestra quién le contestó cada vez
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp0.h>

/* Lo que muestra un cliente, y lo que muestra HAProxy cuando pregunta si está vivo. */
enum { CLIENTE = 1, CONTROL = 1000 };

static void atender(int cliente, void *nombre) {
	int32_t quien = 0;
	char *texto, respuesta[256];

	if (tp0_handshake(cliente, &quien) == 1 && quien == CONTROL) return;
	while ((texto = tp0_recibir_mensaje(cliente)) != NULL) {
		snprintf(respuesta, sizeof(respuesta), "%s: %s", (const char *)nombre, texto);
		enviar_mensaje(respuesta, cliente);
		free(texto);
	}
}

static int servir(char *nombre) {
	int32_t valores[] = {CLIENTE, CONTROL};
	tp0_opciones *opciones = tp0_opciones_crear();
	int servidor = -1;

	if (tp0_opciones_handshakes(opciones, valores, 2) == 0) servidor = tp0_iniciar_servidor_con(NULL, NULL, opciones);
	if (servidor == -1) {
		fprintf(stderr, "%s\n", tp0_error());
		return EXIT_FAILURE;
	}
	tp0_opciones_destruir(opciones);
	printf("Escucho en el puerto %d.\n", tp0_puerto(servidor));
	return tp0_atender(servidor, atender, nombre) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int fallar(const char *que, int vez) {
	int causa = errno;
	const char *texto = tp0_error();

	printf("%d: no pude %s: %s %s\n", vez, que, strerrorname_np(causa), texto != NULL ? texto : "");
	return EXIT_FAILURE;
}

static int preguntar(const char *puerto, int vez) {
	char texto[32], *respuesta;
	int conexion = crear_conexion("127.0.0.1", puerto), resultado = EXIT_SUCCESS;

	if (conexion == -1) return fallar("conectarme", vez);
	snprintf(texto, sizeof(texto), "pregunta %d", vez);
	if (enviar_mensaje(texto, conexion) == -1) {
		resultado = fallar("enviar", vez);
	} else if ((respuesta = tp0_recibir_mensaje(conexion)) == NULL) {
		resultado = fallar("recibir", vez);
	} else {
		printf("%s\n", respuesta);
		free(respuesta);
	}
	liberar_conexion(conexion);
	return resultado;
}

int main(int argc, char **argv) {
	int resultado = EXIT_SUCCESS;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3) return servir(argv[2]);
	for (int vez = 0; argc == 4 && vez < atoi(argv[3]); vez++)
		if (preguntar(argv[2], vez) != EXIT_SUCCESS) resultado = EXIT_FAILURE;
	return resultado;
}
