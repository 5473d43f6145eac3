#include "utils.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

static void *atender(void *argumento)
{
	int cliente = *(int *)argumento;

	free(argumento);
	while (recibir_operacion(cliente) == MENSAJE)
		recibir_mensaje(cliente);
	return NULL;
}

int main(void)
{
	int servidor = iniciar_servidor();

	while (servidor != -1) {
		int *cliente = malloc(sizeof(int));
		pthread_t hilo;

		*cliente = esperar_cliente(servidor);
		if (*cliente == -1 || pthread_create(&hilo, NULL, atender, cliente) != 0) {
			free(cliente);
			continue;
		}
		pthread_detach(hilo);
	}
	return EXIT_SUCCESS;
}
