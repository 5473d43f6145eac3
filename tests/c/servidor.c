/*
 * Un servidor con la forma del de un TP0: atiende a un cliente hasta que se va. Solo conoce utils_servidor.h, así que
 * sirve igual enlazado con libtp0 o con cualquier otra implementación (manual.c).
 *
 *   servidor [archivo de log]
 */
#include "utils_servidor.h"

#include <stdlib.h>
#include <unistd.h>

#ifdef LOGGER_PROPIO
/* Muchos TP0 lo definen en su main: tiene que ganarle al de la biblioteca. */
t_log *logger;
#endif

static void mostrar(void *valor)
{
	log_info(logger, "Valor: %s", (char *)valor);
}

static void atender_paquete(int cliente)
{
	t_list *lista = recibir_paquete(cliente);

	log_info(logger, "Paquete de %d valores", list_size(lista));
	list_iterate(lista, mostrar);
	list_destroy_and_destroy_elements(lista, free);
}

static void atender_otra(int codigo, int cliente)
{
	int size = -1;
	void *payload = recibir_buffer(&size, cliente);

	log_info(logger, "Operacion %d de %d bytes: %s", codigo, size, payload == NULL ? "(nada)" : (char *)payload);
	free(payload);
}

int main(int argc, char **argv)
{
	int servidor, cliente, codigo;

	logger = log_create(argc > 1 ? argv[1] : NULL, "Servidor", true, LOG_LEVEL_TRACE);
	servidor = iniciar_servidor();
	if (servidor < 0) {
		log_error(logger, "No se pudo iniciar el servidor");
		log_destroy(logger);
		return EXIT_FAILURE;
	}
	log_info(logger, "Servidor listo para recibir al cliente");
	cliente = esperar_cliente(servidor);

	while ((codigo = recibir_operacion(cliente)) != -1) {
		switch (codigo) {
		case MENSAJE:
			recibir_mensaje(cliente);
			break;
		case PAQUETE:
			atender_paquete(cliente);
			break;
		default:
			atender_otra(codigo, cliente);
			break;
		}
	}

	log_error(logger, "El cliente se desconecto");
	close(servidor);
	log_destroy(logger);
	return EXIT_SUCCESS;
}
