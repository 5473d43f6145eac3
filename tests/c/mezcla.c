/*
 * Un programa que mezcla la biblioteca con sus propios recv() y send() sobre la misma conexión. El otro lado escribe
 * todo de una vez, así que una función que leyera un byte de más dejaría al recv() siguiente sin lo suyo.
 *
 *   mezcla servidor            mezcla cliente IP PUERTO
 */
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int leer_entero(int fd)
{
	int valor = -12345;

	if (recv(fd, &valor, sizeof valor, MSG_WAITALL) != sizeof valor)
		printf("el recv propio no encontro su entero\n");
	return valor;
}

static void mandar_entero(int fd, int valor)
{
	if (send(fd, &valor, sizeof valor, MSG_NOSIGNAL) != sizeof valor)
		printf("el send propio fallo\n");
}

static void mostrar_lista(const char *que, t_list *lista)
{
	printf("%s: %d valores", que, list_size(lista));
	for (int i = 0; i < list_size(lista); i++)
		printf(" [%s]", (char *)list_get(lista, i));
	printf("\n");
	list_destroy_and_destroy_elements(lista, free);
}

static void como_servidor(void)
{
	int cliente = esperar_cliente(iniciar_servidor());
	int espiado[2] = { -1, -1 };
	char cuerpo[64] = "";
	int size;
	void *buffer;

	printf("codigo propio %d\n", leer_entero(cliente));
	recibir_mensaje(cliente);
	mandar_entero(cliente, 101);

	printf("codigo propio %d\n", leer_entero(cliente));
	mostrar_lista("paquete con codigo propio", recibir_paquete(cliente));
	mandar_entero(cliente, 102);

	printf("operacion %d\n", recibir_operacion(cliente));
	size = leer_entero(cliente);
	if (size > 0 && size < (int)sizeof cuerpo && recv(cliente, cuerpo, (size_t)size, MSG_WAITALL) == size)
		printf("payload propio de %d: %s\n", size, cuerpo);
	mandar_entero(cliente, 103);

	if (recv(cliente, espiado, sizeof espiado, MSG_PEEK | MSG_WAITALL) == sizeof espiado)
		printf("espiado %d %d\n", espiado[0], espiado[1]);
	printf("operacion %d\n", recibir_operacion(cliente));
	buffer = recibir_buffer(&size, cliente);
	printf("buffer de %d: %s\n", size, (char *)buffer);
	free(buffer);
	mandar_entero(cliente, 104);

	printf("entero suelto %d\n", leer_entero(cliente));
	printf("operacion %d\n", recibir_operacion(cliente));
	mostrar_lista("paquete", recibir_paquete(cliente));
	enviar_mensaje("listo", cliente);
	mandar_entero(cliente, 105);

	printf("ultima operacion %d\n", recibir_operacion(cliente));
	liberar_conexion(cliente);
}

static void como_cliente(char *ip, char *puerto)
{
	int conexion = crear_conexion(ip, puerto);
	t_paquete *paquete = crear_paquete();

	enviar_mensaje("uno", conexion);
	printf("propio %d\n", leer_entero(conexion));
	mandar_entero(conexion, 202);
	agregar_a_paquete(paquete, "dos", 4);
	enviar_paquete(paquete, conexion);
	eliminar_paquete(paquete);
	printf("operacion %d\n", recibir_operacion(conexion));
	recibir_mensaje(conexion);
	printf("propio %d\n", leer_entero(conexion));
	mandar_entero(conexion, 203);
	mostrar_lista("entero", recibir_paquete(conexion));
	liberar_conexion(conexion);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	logger = log_create(NULL, "Mezcla", true, LOG_LEVEL_INFO);
	if (argc == 2 && strcmp(argv[1], "servidor") == 0)
		como_servidor();
	else if (argc == 4 && strcmp(argv[1], "cliente") == 0)
		como_cliente(argv[2], argv[3]);
	else
		return 2;
	log_destroy(logger);
	return EXIT_SUCCESS;
}
