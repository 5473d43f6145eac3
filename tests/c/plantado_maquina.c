/* Dos defectos de programas de verdad que en x86-64 con glibc no se ven, para mostrar que tests/maquinas.sh los vería. Termina con 0
 * donde no se ven.
 *
 *   plantado_maquina signo   guarda en un char el -1 del final: en ARM un char no tiene signo, y queda 255
 *   plantado_maquina pila    usa un mega de pila en un hilo: glibc le da 8, y musl 128 KiB */
#include <pthread.h>
#include <string.h>

#include <tp0.h>

static int signo(void) {
    char codigo = (char)recibir_operacion(-1);

    return codigo == -1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void *gastar(void *contexto) {
    volatile char pila[1024 * 1024];
    size_t i;

    for (i = 0; i < sizeof pila; i += 1024) pila[i] = 1;
    tp0_error();
    return contexto;
}

static int pila(void) {
    pthread_t hilo;

    if (pthread_create(&hilo, NULL, gastar, NULL) != 0) return EXIT_FAILURE;
    pthread_join(hilo, NULL);
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
    if (argc == 2 && strcmp(argv[1], "signo") == 0) return signo();
    if (argc == 2 && strcmp(argv[1], "pila") == 0) return pila();
    return 2;
}
