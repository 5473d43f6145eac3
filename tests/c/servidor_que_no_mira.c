/*
 * Un servidor con la forma del de un TP0, que no mira lo que le devuelven: sólo si hay una operación más.
 */
#include "utils_servidor.h"

#include <stdlib.h>

int main(void)
{
	int servidor, cliente;

	logger = log_create(NULL, "Servidor", true, LOG_LEVEL_DEBUG);
	servidor = iniciar_servidor();
	log_info(logger, "Servidor listo para recibir al cliente");
	cliente = esperar_cliente(servidor);
	for (;;) {
		int codigo = recibir_operacion(cliente);

		if (codigo == MENSAJE)
			recibir_mensaje(cliente);
		else if (codigo == PAQUETE)
			list_destroy_and_destroy_elements(recibir_paquete(cliente), free);
		else if (codigo == -1) {
			log_error(logger, "el cliente se desconecto. Terminando servidor");
			log_destroy(logger);
			return EXIT_SUCCESS;
		}
	}
}
