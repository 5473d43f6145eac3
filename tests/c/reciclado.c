/*
 * Toma el código de un paquete, abandona esa conexión con close y recibe, en el mismo número de descriptor, un mensaje
 * entero de otro cliente: el código viejo no puede valer para el nuevo.
 *
 *   reciclado           al segundo lo acepta la biblioteca
 *   reciclado propio    lo acepta el programa, con su accept: la biblioteca no se entera de que el número cambió de dueño
 */
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int servidor, primero, segundo;
	t_list *lista;

	(void)argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	servidor = iniciar_servidor();
	primero = esperar_cliente(servidor);
	printf("codigo %d\n", recibir_operacion(primero));
	close(primero);
	segundo = argc > 1 ? accept(servidor, NULL, NULL) : esperar_cliente(servidor);
	printf("%s\n", primero == segundo ? "mismo numero" : "otro numero");
	lista = recibir_paquete(segundo);
	printf("%d valores: %s\n", list_size(lista), list_size(lista) == 1 ? (char *)list_get(lista, 0) : "?");
	list_destroy_and_destroy_elements(lista, free);
	return EXIT_SUCCESS;
}
