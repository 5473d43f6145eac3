/* Un servidor de TP0 escrito a mano: atiende a un cliente, le contesta cuántos mensajes recibió, y termina. Dice en qué puerto escucha. */
#include "a_mano.h"

int main(int argc, char **argv)
{
	struct sockaddr_in donde = direccion(argc > 1 ? argv[1] : "0");
	socklen_t mide = sizeof donde;
	int si = 1, saludo, respuesta, codigo, size, cuantos = 0;
	int servidor = socket(AF_INET, SOCK_STREAM, 0), cliente;
	char *payload;

	if (servidor < 0 || setsockopt(servidor, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si) != 0 ||
	    bind(servidor, (struct sockaddr *)&donde, sizeof donde) != 0 || listen(servidor, SOMAXCONN) != 0 ||
	    getsockname(servidor, (struct sockaddr *)&donde, &mide) != 0) {
		perror("servidor");
		return 1;
	}
	printf("puerto %d\n", ntohs(donde.sin_port));
	fflush(stdout);
	cliente = accept(servidor, NULL, NULL);
	close(servidor);
	if (cliente < 0 || recibir_todo(cliente, &saludo, sizeof saludo) != 0)
		return 1;
	respuesta = saludo == 1 ? 0 : -1;
	mandar_todo(cliente, &respuesta, sizeof respuesta);
	while ((payload = recibir_mensaje(cliente, &codigo, &size)) != NULL) {
		char texto[32];

		cuantos++;
		free(payload);
		snprintf(texto, sizeof texto, "van %d", cuantos);
		if (mandar_mensaje(cliente, 0, texto, (int)strlen(texto) + 1) != 0)
			break;
	}
	close(cliente);
	printf("recibí %d\n", cuantos);
	return 0;
}
