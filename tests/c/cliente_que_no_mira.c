/*
 * Un cliente con la forma del de un TP0, que no mira lo que le devuelven.
 *
 *   cliente_que_no_mira IP PUERTO
 */
#include "utils_cliente.h"

int main(int argc, char **argv)
{
	int conexion;
	t_paquete *paquete;

	if (argc != 3)
		return 2;
	conexion = crear_conexion(argv[1], argv[2]);
	enviar_mensaje("hola", conexion);
	paquete = crear_paquete();
	agregar_a_paquete(paquete, "uno", 4);
	enviar_paquete(paquete, conexion);
	eliminar_paquete(paquete);
	liberar_conexion(conexion);
	return 0;
}
