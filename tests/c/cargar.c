/*
 * cargar: cuántos microsegundos de trabajo da cargar la biblioteca que se le dice.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

int main(int argc, char **argv) {
	struct timespec antes, despues;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &antes);
	void *manija = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &despues);
	long us = (despues.tv_sec - antes.tv_sec) * 1000000 + (despues.tv_nsec - antes.tv_nsec) / 1000;
	return manija == NULL || printf("%ld\n", us) < 0;
}
