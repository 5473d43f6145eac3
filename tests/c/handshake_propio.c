/*
 * Un programa que ya hacía su propio handshake, con send y recv después de conectar: tiene que seguir andando a
 * continuación del de la biblioteca, y también solo (TP0_HANDSHAKE=no).
 *
 *   handshake_propio servidor            handshake_propio cliente IP PUERTO
 */
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int como_servidor(void)
{
	int servidor = iniciar_servidor();
	int cliente = esperar_cliente(servidor);
	int mostrado = -7, respuesta;

	if (recv(cliente, &mostrado, sizeof mostrado, MSG_WAITALL) != sizeof mostrado)
		printf("no llego el handshake propio\n");
	printf("me mostraron %d\n", mostrado);
	respuesta = mostrado == 1 ? 0 : -1;
	send(cliente, &respuesta, sizeof respuesta, MSG_NOSIGNAL);
	printf("operacion %d\n", recibir_operacion(cliente));
	recibir_mensaje(cliente);
	liberar_conexion(cliente);
	liberar_conexion(servidor);
	return EXIT_SUCCESS;
}

static int como_cliente(char *ip, char *puerto)
{
	int conexion = crear_conexion(ip, puerto);
	int mostrado = 1, respuesta = -7;

	send(conexion, &mostrado, sizeof mostrado, MSG_NOSIGNAL);
	if (recv(conexion, &respuesta, sizeof respuesta, MSG_WAITALL) != sizeof respuesta)
		printf("no llego la respuesta propia\n");
	printf("me respondieron %d\n", respuesta);
	enviar_mensaje("despues de dos handshakes", conexion);
	liberar_conexion(conexion);
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
