/*
 * Un servidor de un solo hilo que multiplexa con select(): mira el socket de escucha y todos los clientes, y llama a la
 * biblioteca solo cuando select() dice que hay algo. A cada mensaje le contesta "visto"; la operación 99 lo termina.
 */
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

#define TERMINAR 99

static int numero[FD_SETSIZE];

static void avisar(const char *que, int fd)
{
	printf("%s %d\n", que, numero[fd]);
}

int main(void)
{
	fd_set vigilados;
	int servidor, clientes = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	logger = log_create(NULL, "Select", true, LOG_LEVEL_INFO);
	servidor = iniciar_servidor();
	if (servidor < 0)
		return EXIT_FAILURE;
	FD_ZERO(&vigilados);
	FD_SET(servidor, &vigilados);

	for (;;) {
		fd_set listos = vigilados;

		if (select(FD_SETSIZE, &listos, NULL, NULL, NULL) < 0)
			return EXIT_FAILURE;
		if (FD_ISSET(servidor, &listos)) {
			int nuevo = esperar_cliente(servidor);

			if (nuevo < 0)
				return EXIT_FAILURE;
			numero[nuevo] = ++clientes;
			FD_SET(nuevo, &vigilados);
			avisar("entra", nuevo);
		}
		for (int fd = 0; fd < FD_SETSIZE; fd++) {
			t_list *lista;
			int codigo, size;

			if (fd == servidor || !FD_ISSET(fd, &listos))
				continue;
			codigo = recibir_operacion(fd);
			switch (codigo) {
			case MENSAJE:
				avisar("mensaje de", fd);
				recibir_mensaje(fd);
				enviar_mensaje("visto", fd);
				break;
			case PAQUETE:
				lista = recibir_paquete(fd);
				avisar("paquete de", fd);
				printf("valores: %d\n", list_size(lista));
				list_destroy_and_destroy_elements(lista, free);
				break;
			case TERMINAR:
				/* Irse con algo sin leer sería cortar en seco (RST), no terminar. */
				free(recibir_buffer(&size, fd));
				log_destroy(logger);
				return EXIT_SUCCESS;
			default:
				avisar("se va", fd);
				FD_CLR(fd, &vigilados);
				liberar_conexion(fd);
				break;
			}
		}
	}
}
