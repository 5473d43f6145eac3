/* Esperar a que los demás hilos estén adentro de su llamada, en vez de dormir y suponerlo. */
#ifndef DORMIDOS_H
#define DORMIDOS_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* El estado de un hilo de este proceso, como lo dice /proc: 'S' si duerme; '\0' si ya no está. */
static inline char estado_de(const char *hilo) {
	char camino[64], datos[512], *despues;
	size_t leidos;
	FILE *f;
	snprintf(camino, sizeof camino, "/proc/self/task/%.20s/stat", hilo);
	if ((f = fopen(camino, "re")) == NULL)
		return '\0';
	leidos = fread(datos, 1, sizeof datos - 1, f);
	fclose(f);
	datos[leidos] = '\0';
	/* El nombre va entre paréntesis, y puede tener cualquier cosa adentro. */
	despues = strrchr(datos, ')');
	return despues == NULL ? '\0' : despues[2];
}

/* Cuántas entradas tiene una carpeta de /proc/self (fd, task), o -1. */
static inline int entradas_de(const char *carpeta) {
	DIR *dir = opendir(carpeta);
	int cuantas = 0;
	if (dir == NULL)
		return -1;
	for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
		cuantas += e->d_name[0] != '.';
	closedir(dir);
	return cuantas;
}

/* Los descriptores abiertos, sin contar el de mirarlos. */
static inline int descriptores_abiertos(void) {
	return entradas_de("/proc/self/fd") - 1;
}

/* Si duermen todos los hilos de este proceso menos el que pregunta, y son al menos esa cantidad. */
static inline int duermen(int cuantos) {
	long yo = syscall(SYS_gettid);
	DIR *hilos = opendir("/proc/self/task");
	int van = 0;
	if (hilos == NULL)
		return 0;
	for (struct dirent *e = readdir(hilos); e != NULL; e = readdir(hilos)) {
		if (e->d_name[0] == '.' || atol(e->d_name) == yo)
			continue;
		char estado = estado_de(e->d_name);
		if (estado == 'S')
			van++;
		else if (estado != '\0') {
			van = -1;
			break;
		}
	}
	closedir(hilos);
	return van >= cuantos;
}

/* Valgrind corre de a un hilo, y los demás parecen dormidos siempre: ahí sólo queda darles un rato. */
static inline void dar_un_rato_bajo_valgrind(void) {
	const char *precargadas = getenv("LD_PRELOAD");
	struct timespec rato = {0, 300000000};
	if (precargadas != NULL && strstr(precargadas, "vgpreload") != NULL)
		nanosleep(&rato, NULL);
}

/* Espera a que los demás hilos, al menos esa cantidad, duerman de corrido: cada uno en lo que espera, y no en algo de paso. Se cansa a los 20 segundos. */
static inline void hasta_que_duerman(int cuantos) {
	struct timespec paso = {0, 1000000};
	int seguidas = 0;
	for (int vez = 0; vez < 20000; vez++) {
		seguidas = duermen(cuantos) ? seguidas + 1 : 0;
		if (seguidas == 5) {
			dar_un_rato_bajo_valgrind();
			return;
		}
		nanosleep(&paso, NULL);
	}
	fprintf(stderr, "los otros hilos no se durmieron\n");
	_exit(3);
}

#endif
