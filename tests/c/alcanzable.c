/*
 * Termina con un bloque todavía alcanzable y un socket abierto: si valgrind no los denuncia, las pruebas que le creen no
 * prueban nada.
 */
#include <stdlib.h>
#include <sys/socket.h>

void *global;

int main(void)
{
	global = malloc(17);
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}
