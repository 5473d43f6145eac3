/*
 * Un programa con funciones propias del mismo nombre que las de la biblioteca (y su propio logger): las suyas valen para
 * él, y la biblioteca no las llama nunca por su cuenta.
 *
 *   propias servidor            propias cliente IP PUERTO
 */
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

t_log *logger;

static int paquetes_creados;

/* Con un código propio, como el crear_paquete(codigo) de tantos grupos: en la red se nota cuál de las dos corrió. */
t_paquete *crear_paquete(void)
{
	t_paquete *paquete = calloc(1, sizeof *paquete);

	paquete->codigo_operacion = (op_code)42;
	paquete->buffer = calloc(1, sizeof *paquete->buffer);
	paquetes_creados++;
	return paquete;
}

/* Estas tres no se usan: si la biblioteca las llamara desde adentro, se vería. */
void eliminar_paquete(t_paquete *paquete)
{
	printf("la biblioteca llamo a mi eliminar_paquete\n");
	(void)paquete;
}

void *serializar_paquete(t_paquete *paquete, int bytes);
void *serializar_paquete(t_paquete *paquete, int bytes)
{
	printf("la biblioteca llamo a mi serializar_paquete\n");
	(void)paquete;
	return malloc((size_t)bytes);
}

void *recibir_buffer(int *size, int socket_cliente)
{
	printf("la biblioteca llamo a mi recibir_buffer\n");
	(void)socket_cliente;
	*size = 0;
	return NULL;
}

static int como_cliente(char *ip, char *puerto)
{
	int conexion = crear_conexion(ip, puerto);
	t_paquete *paquete;

	if (conexion < 0)
		return EXIT_FAILURE;
	enviar_mensaje("hola", conexion);
	paquete = crear_paquete();
	agregar_a_paquete(paquete, "propio", 7);
	enviar_paquete(paquete, conexion);
	free(paquete->buffer->stream);
	free(paquete->buffer);
	free(paquete);
	liberar_conexion(conexion);
	printf("crear_paquete propio: %d\n", paquetes_creados);
	return EXIT_SUCCESS;
}

static int como_servidor(void)
{
	int servidor, cliente;
	t_list *lista;

	logger = log_create(NULL, "Propio", true, LOG_LEVEL_TRACE);
	servidor = iniciar_servidor();
	cliente = esperar_cliente(servidor);
	printf("operacion %d\n", recibir_operacion(cliente));
	recibir_mensaje(cliente);
	printf("operacion %d\n", recibir_operacion(cliente));
	lista = recibir_paquete(cliente);
	printf("valor %s\n", (char *)list_get(lista, 0));
	list_destroy_and_destroy_elements(lista, free);
	liberar_conexion(cliente);
	liberar_conexion(servidor);
	log_destroy(logger);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "servidor") == 0)
		return como_servidor();
	if (argc == 4 && strcmp(argv[1], "cliente") == 0)
		return como_cliente(argv[2], argv[3]);
	return 2;
}
