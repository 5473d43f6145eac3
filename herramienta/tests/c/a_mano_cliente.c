/* Un cliente de TP0 escrito a mano: se presenta, manda un texto y un paquete, y espera la respuesta de cada uno. Puede repetir, para medir. */
#include "a_mano.h"

#include <time.h>

static int ida_y_vuelta(int fd, int codigo, const void *payload, int size)
{
	int de, mide;
	char *respuesta;

	if (mandar_mensaje(fd, codigo, payload, size) != 0 || (respuesta = recibir_mensaje(fd, &de, &mide)) == NULL)
		return -1;
	free(respuesta);
	return 0;
}

int main(int argc, char **argv)
{
	static const char paquete[] = "\4\0\0\0uno\0\4\0\0\0dos";
	struct sockaddr_in donde = direccion(argc > 1 ? argv[1] : "4444");
	int saludo = 1, respuesta, vueltas = argc > 2 ? atoi(argv[2]) : 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timespec antes, despues;

	if (fd < 0 || connect(fd, (struct sockaddr *)&donde, sizeof donde) != 0) {
		perror("cliente");
		return 1;
	}
	if (mandar_todo(fd, &saludo, sizeof saludo) != 0 || recibir_todo(fd, &respuesta, sizeof respuesta) != 0 || respuesta != 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &antes);
	for (int i = 0; i < vueltas; i++)
		if (ida_y_vuelta(fd, 0, "hola", 5) != 0 || ida_y_vuelta(fd, 1, paquete, sizeof paquete) != 0)
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &despues);
	close(fd);
	printf("%.3f us por ida y vuelta\n",
	       ((double)(despues.tv_sec - antes.tv_sec) * 1e6 + (double)(despues.tv_nsec - antes.tv_nsec) / 1e3) / (2.0 * vueltas));
	return 0;
}
