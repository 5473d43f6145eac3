/*
 * matriz_par: un par que no comparte ni una línea con la biblioteca y hace, en orden, lo que dicen sus argumentos. Es un
 * proceso aparte para poder detenerlo (SIGSTOP) en cualquier punto de la conversación.
 *
 *     conectar:PUERTO  escuchar:PUERTO  aceptar  mandar:HEXA  leer:HEXA (exactamente eso)  detenerse  hasta_el_fin
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void exigir(int condicion, const char *que) {
	if (!condicion) {
		fprintf(stderr, "matriz_par: %s: %s\n", que, strerror(errno));
		exit(3);
	}
}

static struct sockaddr_in direccion(const char *puerto) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(puerto))};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static size_t de_hexa(const char *hexa, unsigned char *bytes) {
	size_t n = strlen(hexa) / 2;
	for (size_t i = 0; i < n; i++) {
		char par[3] = {hexa[2 * i], hexa[2 * i + 1], '\0'};
		bytes[i] = (unsigned char)strtoul(par, NULL, 16);
	}
	return n;
}

static void hasta_el_fin(int s) {
	unsigned char byte;
	printf("recibido ");
	while (recv(s, &byte, 1, 0) == 1)
		printf("%02x", byte);
	printf(".\n");
}

int main(int argc, char **argv) {
	static unsigned char bytes[4096], leidos[4096];
	int s = -1, escucha = -1, si = 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		char *parametro = strchr(argv[i], ':');
		parametro = parametro == NULL ? argv[i] + strlen(argv[i]) : parametro + 1;
		struct sockaddr_in a = direccion(parametro);
		if (strncmp(argv[i], "conectar:", 9) == 0) {
			s = socket(AF_INET, SOCK_STREAM, 0);
			exigir(connect(s, (struct sockaddr *)&a, sizeof a) == 0, argv[i]);
		} else if (strncmp(argv[i], "escuchar:", 9) == 0) {
			escucha = socket(AF_INET, SOCK_STREAM, 0);
			setsockopt(escucha, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si);
			exigir(bind(escucha, (struct sockaddr *)&a, sizeof a) == 0 && listen(escucha, 5) == 0, argv[i]);
			puts("escucho");
		} else if (strcmp(argv[i], "aceptar") == 0) {
			s = accept(escucha, NULL, NULL);
			exigir(s >= 0, argv[i]);
		} else if (strncmp(argv[i], "mandar:", 7) == 0) {
			size_t n = de_hexa(parametro, bytes);
			exigir(send(s, bytes, n, MSG_NOSIGNAL) == (ssize_t)n, argv[i]);
		} else if (strncmp(argv[i], "leer:", 5) == 0) {
			size_t n = de_hexa(parametro, bytes);
			exigir(recv(s, leidos, n, MSG_WAITALL) == (ssize_t)n && memcmp(bytes, leidos, n) == 0, argv[i]);
		} else if (strcmp(argv[i], "detenerse") == 0) {
			raise(SIGSTOP);
			puts("sigo");
		} else if (strcmp(argv[i], "hasta_el_fin") == 0) {
			hasta_el_fin(s);
		} else {
			return 64;
		}
	}
	return 0;
}
