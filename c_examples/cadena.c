/* cadena.c -- un eslabón: servidor de los que llegan y, a la vez, cliente del siguiente.
 * Enseña que un servidor puede ser cliente de otro, a cualquier profundidad, y que si uno
 * del medio se cae, al que preguntó le llega una explicación: nadie queda colgado. */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tp0.h>

/* Una cadena de tres, cada uno en su terminal y en cualquier orden:
 *     ./cadena C 5003
 *     ./cadena B 5002 127.0.0.1 5003
 *     ./cadena A 5001 127.0.0.1 5002
 * El que pregunta no sabe que hay una cadena. Le vuelve «hola > A > B > C < B < A»:
 *     ./seis_funciones cliente 127.0.0.1 5001 hola */

typedef struct {
    const char *nombre;
    const char *ip; /* dónde está el siguiente; NULL si éste es el último */
    const char *puerto;
} t_eslabon;

/* «texto > nombre», en memoria nueva; libera el texto. Con un NULL no hace nada. */
static char *firmar(char *texto, const char *flecha, const char *nombre) {
    char *firmado = NULL;

    if (texto != NULL && asprintf(&firmado, "%s %s %s", texto, flecha, nombre) == -1)
        firmado = NULL; /* asprintf reserva lo justo; si no pudo, no promete qué deja */
    free(texto);
    return firmado;
}

/* Le pregunta al siguiente y espera su respuesta. Se conecta la primera vez, y también si
 * se había caído: quizás ya lo volvieron a levantar. */
static char *preguntar(const t_eslabon *yo, int *siguiente, const char *pregunta) {
    char *respuesta = NULL;

    if (*siguiente == -1) *siguiente = crear_conexion(yo->ip, yo->puerto);
    if (*siguiente != -1 && enviar_mensaje(pregunta, *siguiente) == 0)
        respuesta = tp0_recibir_mensaje(*siguiente);
    if (respuesta != NULL) return firmar(respuesta, "<", yo->nombre);

    /* Alguien espera una respuesta: que sea la causa. Se la pide antes de liberar, porque
     * tp0_error() habla siempre de la última llamada. */
    if (asprintf(&respuesta, "%s no pudo seguir: %s", yo->nombre, tp0_error()) == -1)
        respuesta = NULL;
    if (*siguiente != -1) liberar_conexion(*siguiente);
    *siguiente = -1;
    return respuesta;
}

/* Corre en un hilo por cliente, y cada uno tiene su propia conexión con el siguiente: si la
 * compartieran, uno podría llevarse la respuesta del otro. */
static void atender(int cliente, void *contexto) {
    const t_eslabon *yo = contexto; /* el mismo para todos: nadie lo cambia, no hay mutex */
    int siguiente = -1;
    char *texto;

    while ((texto = tp0_recibir_mensaje(cliente)) != NULL) {
        printf("%s: me llegó «%s».\n", yo->nombre, texto);
        texto = firmar(texto, ">", yo->nombre);
        if (texto != NULL && yo->ip != NULL) {
            char *pregunta = texto;

            texto = preguntar(yo, &siguiente, pregunta);
            free(pregunta);
        }
        /* Si el cliente ya no está, lo dirá el próximo tp0_recibir_mensaje. Y si no hay
         * memoria para contestarle, mejor irse que dejarlo esperando. */
        if (texto == NULL) break;
        enviar_mensaje(texto, cliente);
        free(texto);
    }
    /* Al cliente lo libera tp0_atender; la conexión con el siguiente la hicimos nosotros. */
    if (siguiente != -1) liberar_conexion(siguiente);
}

/* No hace nada, y alcanza: instalada sin SA_RESTART, Ctrl-C hace que tp0_atender corte a
 * los clientes que queden y vuelva con EINTR. (La que cae justo antes de que se ponga a
 * esperar se pierde: servidor.c muestra cómo cubrir también ese instante.) */
static void al_interrumpir(int senial) {
    (void)senial;
}

int main(int argc, char **argv) {
    struct sigaction accion = {.sa_handler = al_interrumpir};
    int servidor, salida = EXIT_SUCCESS;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "Uso: %s NOMBRE PUERTO [IP PUERTO]\n", argv[0]);
        return EXIT_FAILURE;
    }
    t_eslabon yo = {.nombre = argv[1]};
    if (argc == 5) yo.ip = argv[3], yo.puerto = argv[4];

    sigaction(SIGINT, &accion, NULL);
    sigaction(SIGTERM, &accion, NULL);

    servidor = tp0_iniciar_servidor(NULL, argv[2]);
    if (servidor == -1) {
        fprintf(stderr, "%s\n", tp0_error());
        return EXIT_FAILURE;
    }
    /* Con el puerto 0 lo elige el kernel: acá se sabe cuál fue. */
    printf("%s: escucho en el puerto %d.\n", yo.nombre, tp0_puerto(servidor));

    if (tp0_atender(servidor, atender, &yo) == -1 && errno != EINTR) {
        fprintf(stderr, "%s\n", tp0_error());
        salida = EXIT_FAILURE;
    }
    liberar_conexion(servidor);
    return salida;
}
