/* Envía sin MSG_NOSIGNAL a un par que ya cerró: mitos_sigpipe PUERTO. El segundo envío lo mata con SIGPIPE. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in servidor = { .sin_family = AF_INET };
	int conexion = socket(AF_INET, SOCK_STREAM, 0);
	char byte;

	if (argc != 2)
		return 2;
	servidor.sin_port = htons((in_port_t)atoi(argv[1]));
	inet_pton(AF_INET, "127.0.0.1", &servidor.sin_addr);
	if (connect(conexion, (struct sockaddr *)&servidor, sizeof(servidor)) != 0)
		return 3;
	/* 0: el otro ya cerró. */
	if (recv(conexion, &byte, 1, 0) != 0)
		return 4;
	for (int i = 0; i < 100; i++) {
		fprintf(stderr, "send dio %zd\n", send(conexion, "x", 1, 0));
		usleep(20000);
	}
	return 5;
}
