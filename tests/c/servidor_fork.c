/*
 * Un servidor con un proceso por cliente, como en los libros: el hijo cierra el socket de escucha y conversa; el padre
 * cierra su copia de la conexión y vuelve a esperar. Los dos cierran con liberar_conexion o con close.
 *
 *   servidor_fork CANTIDAD liberar|close
 */
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void conversar(int cliente, int orden)
{
	char respuesta[32];

	snprintf(respuesta, sizeof respuesta, "hijo %d", orden);
	while (recibir_operacion(cliente) == MENSAJE) {
		recibir_mensaje(cliente);
		enviar_mensaje(respuesta, cliente);
	}
}

int main(int argc, char **argv)
{
	int servidor, cantidad, fallidos = 0;
	void (*cerrar)(int);

	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	cantidad = atoi(argv[1]);
	/* close devuelve int: por eso no entra en la misma variable. */
	cerrar = strcmp(argv[2], "liberar") == 0 ? liberar_conexion : NULL;
	logger = log_create(NULL, "Fork", true, LOG_LEVEL_INFO);
	servidor = iniciar_servidor();
	if (servidor < 0)
		return EXIT_FAILURE;

	for (int i = 1; i <= cantidad; i++) {
		int cliente = esperar_cliente(servidor);
		pid_t hijo;

		if (cliente < 0)
			return EXIT_FAILURE;
		hijo = fork();
		if (hijo == 0) {
			if (cerrar != NULL)
				cerrar(servidor);
			else
				close(servidor);
			conversar(cliente, i);
			if (cerrar != NULL)
				cerrar(cliente);
			else
				close(cliente);
			log_destroy(logger);
			exit(EXIT_SUCCESS);
		}
		if (cerrar != NULL)
			cerrar(cliente);
		else
			close(cliente);
		printf("padre listo tras %d\n", i);
	}
	for (int i = 0; i < cantidad; i++) {
		int estado;

		if (wait(&estado) < 0 || estado != 0)
			fallidos++;
	}
	printf("hijos fallidos: %d\n", fallidos);
	log_destroy(logger);
	return EXIT_SUCCESS;
}
