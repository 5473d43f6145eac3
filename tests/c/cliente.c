/*
 * Un cliente con la forma del de un TP0: manda un mensaje y después, como un paquete, las líneas de la entrada hasta
 * una vacía. Solo conoce utils_cliente.h.
 *
 *   cliente IP PUERTO MENSAJE
 */
#include "utils_cliente.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	char *linea = NULL;
	size_t capacidad = 0;
	ssize_t largo;
	int conexion, cantidad = 0;
	t_paquete *paquete;

	if (argc != 4) {
		fprintf(stderr, "uso: %s IP PUERTO MENSAJE\n", argv[0]);
		return 2;
	}
	conexion = crear_conexion(argv[1], argv[2]);
	if (conexion < 0) {
		printf("Sin conexion\n");
		return EXIT_FAILURE;
	}
	enviar_mensaje(argv[3], conexion);

	paquete = crear_paquete();
	while ((largo = getline(&linea, &capacidad, stdin)) > 0) {
		if (linea[largo - 1] == '\n')
			linea[--largo] = '\0';
		if (largo == 0)
			break;
		agregar_a_paquete(paquete, linea, (int)largo + 1);
		cantidad++;
	}
	free(linea);
	enviar_paquete(paquete, conexion);
	printf("Mande %d lineas\n", cantidad);

	eliminar_paquete(paquete);
	liberar_conexion(conexion);
	return EXIT_SUCCESS;
}
