/*
 * hostil_sin_estandar: los descriptores de la biblioteca cuando el programa cerró 0, 1 y 2 (como hace un demonio), o sólo los últimos de ellos.
 *
 * Si el núcleo le diera el 0 a un socket, un programa que toma 0 por error lo perdería; si le diera el 2, cualquier
 * mensaje a stderr saldría por la red. Y todos tienen que cerrarse solos al hacer exec. Sale con 0 si todo está bien;
 * si no, explica qué vio en el archivo que recibe como argumento. El otro argumento es desde cuál se cierran.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tp0.h>

static FILE *informe;
static int fallas, desde;
static char puerto[16];

static void revisar(int descriptor, const char *de_quien) {
	if (descriptor < 3) {
		fprintf(informe, "%s: descriptor %d (errno %d: %s)\n", de_quien, descriptor, errno,
		        tp0_error() == NULL ? "-" : tp0_error());
		fallas++;
	}
}

/* Todo lo abierto, sea de quien sea: también lo que la biblioteca abre para sí. */
static void revisar_todos(const char *cuando) {
	DIR *carpeta = opendir("/proc/self/fd");
	if (carpeta == NULL) {
		fprintf(informe, "%s: no se pudo abrir /proc/self/fd\n", cuando);
		fallas++;
		return;
	}
	struct dirent *entrada;
	while ((entrada = readdir(carpeta)) != NULL) {
		int descriptor = atoi(entrada->d_name);
		if (entrada->d_name[0] == '.' || descriptor < desde || descriptor == dirfd(carpeta))
			continue;
		int banderas = fcntl(descriptor, F_GETFD);
		if (descriptor < 3 || banderas < 0 || (banderas & FD_CLOEXEC) == 0) {
			fprintf(informe, "%s: el descriptor %d quedó abierto con banderas %d\n", cuando, descriptor, banderas);
			fallas++;
		}
	}
	closedir(carpeta);
}

static void *cliente(void *parametro) {
	int *conexion = parametro;
	*conexion = crear_conexion("127.0.0.1", puerto);
	revisar(*conexion, "crear_conexion");
	return NULL;
}

int main(int argc, char **argv) {
	if (argc != 3)
		return 70;
	desde = atoi(argv[2]);
	int archivo = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int alto = fcntl(archivo, F_DUPFD_CLOEXEC, 100);
	informe = fdopen(alto, "w");
	if (informe == NULL)
		return 71;
	/* Los tres de siempre, y también lo que haya heredado de quien lo lanzó. */
	for (int i = desde; i < 4096; i++)
		if (i != alto)
			close(i);

	int servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	revisar(servidor, "tp0_iniciar_servidor");
	revisar_todos("después de iniciar");
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));

	int conexion = -1;
	pthread_t hilo;
	if (pthread_create(&hilo, NULL, cliente, &conexion) != 0)
		return 72;
	int atendido = esperar_cliente(servidor);
	revisar(atendido, "esperar_cliente");
	pthread_join(hilo, NULL);
	revisar_todos("con una conexión");

	/* El que termina por recibir_operacion deja su número reservado: también ese. */
	liberar_conexion(conexion);
	if (recibir_operacion(atendido) != -1) {
		fprintf(informe, "recibir_operacion no vio el fin\n");
		fallas++;
	}
	revisar_todos("con una conversación terminada");
	liberar_conexion(atendido);
	liberar_conexion(servidor);
	revisar_todos("con todo liberado");
	fclose(informe);
	return fallas == 0 ? 0 : 1;
}
