/*
 * Un cliente con la forma del de un TP0, que termina como él: primero el log, y después la conexión, haya o no.
 *
 *   terminar_sin_mirar IP PUERTO
 */
#include "utils.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	int conexion;

	if (argc != 3)
		return 2;
	logger = log_create(NULL, "Cliente", true, LOG_LEVEL_INFO);
	conexion = crear_conexion(argv[1], argv[2]);
	if (conexion == -1)
		log_info(logger, "sin conexion");
	log_destroy(logger);
	liberar_conexion(conexion);
	return EXIT_SUCCESS;
}
