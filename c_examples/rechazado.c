/* rechazado.c -- un cliente que se presenta mal y al que el servidor no deja pasar.
 * Enseña qué se ve cuando los dos lados no muestran el mismo handshake: crear_conexion
 * devuelve -1, errno dice EPROTO y tp0_error() lo explica en palabras. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <tp0.h>

int main(int argc, char **argv) {
    const char *ip = argc > 1 ? argv[1] : "127.0.0.1";
    const char *puerto = argc > 2 ? argv[2] : "4444";
    int conexion, codigo;

    /* El servidor espera un 1. La biblioteca lee el entorno en cada conexión,
     * así que alcanza con cambiarlo antes; desde la consola sería lo mismo que
     * correr el programa con «TP0_HANDSHAKE=7 ./cliente». */
    setenv("TP0_HANDSHAKE", "7", 1);

    conexion = crear_conexion(ip, puerto);
    codigo = errno; /* lo guardamos ya: el próximo printf puede pisarlo */
    if (conexion != -1) {
        printf("¡Me dejaron pasar con un 7! El servidor no controla el handshake.\n");
        liberar_conexion(conexion);
        return EXIT_FAILURE;
    }

    printf("No me dejaron pasar: %s\n", tp0_error());

    /* Que no haya servidor también es un -1, pero no lo que vinimos a mostrar. */
    return codigo == EPROTO ? EXIT_SUCCESS : EXIT_FAILURE;
}
