/* Un servidor con un log, y una salida que nadie lee. */
#include "utils_servidor.h"

#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	int cliente, tubo[2];

	if (pipe(tubo) != 0 || dup2(tubo[1], STDOUT_FILENO) == -1)
		return EXIT_FAILURE;
	close(tubo[0]);
	logger = log_create(NULL, "Servidor", true, LOG_LEVEL_DEBUG);
	cliente = esperar_cliente(iniciar_servidor());
	return recibir_operacion(cliente) == PAQUETE ? EXIT_SUCCESS : EXIT_FAILURE;
}
