/*
 * Un servidor que atiende a muchos clientes, uno atrás del otro, con cada costumbre de cierre que se ve en los TP,
 * mientras uno permanente sigue conectado: nadie debe cortarlo, y los descriptores abiertos no deben crecer sin fin.
 *
 *   cierres COSTUMBRE CANTIDAD
 *
 *   liberar           liberar_conexion cuando recibir_operacion da -1
 *   close             close en ese momento
 *   nada              nunca cierra
 *   tarde             libera el anterior recién con el próximo conectado
 *   sin_fin           close sin haber visto nunca el -1
 *   liberar_sin_fin   lo mismo con liberar_conexion
 *
 * Antes del permanente pasan tres clientes cerrados con close después del -1: así el permanente recibe un número que la
 * biblioteca conoció como terminado.
 */
#include "utils.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int abiertos(void)
{
	DIR *carpeta = opendir("/proc/self/fd");
	int cantidad = 0;

	while (readdir(carpeta) != NULL)
		cantidad++;
	closedir(carpeta);
	return cantidad - 3; /* ".", ".." y la carpeta misma */
}

/* Un mensaje de ida y uno de vuelta. */
static void atender(int cliente)
{
	int size;

	if (recibir_operacion(cliente) != MENSAJE)
		printf("no llego el mensaje por %d\n", cliente);
	free(recibir_buffer(&size, cliente));
	enviar_mensaje("visto", cliente);
}

static void esperar_el_fin(int cliente)
{
	if (recibir_operacion(cliente) != -1)
		printf("no llego el fin por %d\n", cliente);
}

int main(int argc, char **argv)
{
	int servidor, permanente, cantidad, anterior = -1, maximo = 0;
	const char *costumbre;

	if (argc != 3)
		return 2;
	costumbre = argv[1];
	cantidad = atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	servidor = iniciar_servidor();

	for (int i = 0; i < 3; i++) {
		int cliente = esperar_cliente(servidor);

		atender(cliente);
		esperar_el_fin(cliente);
		close(cliente);
	}
	permanente = esperar_cliente(servidor);
	atender(permanente);

	for (int i = 0; i < cantidad; i++) {
		int cliente = esperar_cliente(servidor);

		if (cliente < 0 || cliente == permanente || cliente == servidor) {
			printf("numero repetido: %d\n", cliente);
			return EXIT_FAILURE;
		}
		if (strcmp(costumbre, "tarde") == 0 && anterior != -1)
			liberar_conexion(anterior);
		anterior = cliente;
		atender(cliente);
		if (strcmp(costumbre, "sin_fin") == 0) {
			close(cliente);
		} else if (strcmp(costumbre, "liberar_sin_fin") == 0) {
			liberar_conexion(cliente);
		} else {
			esperar_el_fin(cliente);
			if (strcmp(costumbre, "liberar") == 0)
				liberar_conexion(cliente);
			else if (strcmp(costumbre, "close") == 0)
				close(cliente);
		}
		if (abiertos() > maximo)
			maximo = abiertos();
		if ((i + 1) % 100 == 0)
			atender(permanente);
	}
	esperar_el_fin(permanente);
	printf("maximo de descriptores: %d\n", maximo);
	return EXIT_SUCCESS;
}
