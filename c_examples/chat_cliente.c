/* chat_cliente.c -- el otro lado del chat: manda lo que se escribe y muestra lo que llega.
 * Enseña a esperar dos cosas a la vez con poll, la consola y el servidor: los descriptores
 * de la biblioteca son los de siempre, y como nunca lee de más, poll dice la verdad. */

#define _GNU_SOURCE
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tp0.h>

/* Muestra un paquete del servidor: quién habla y qué dice. Devuelve si la charla sigue. */
static bool mostrar(int conexion) {
    t_list *textos = recibir_paquete(conexion);
    bool sigue = tp0_error() == NULL; /* ya: habla sólo de la última llamada */

    if (!sigue)
        printf("Se terminó: %s\n", tp0_error());
    else if (textos->elements_count == 2) /* lo que llega de la red se mira antes de usarlo */
        printf("%s: %s\n", (char *)textos->head->data, (char *)textos->head->next->data);
    tp0_liberar_lista(textos);
    return sigue;
}

/* Manda una línea de la consola. Devuelve si la charla sigue. */
static bool mandar(int conexion) {
    char *linea = NULL;
    size_t capacidad = 0;
    bool sigue = getline(&linea, &capacidad, stdin) != -1; /* -1: Ctrl-D */

    if (sigue) {
        linea[strcspn(linea, "\r\n")] = '\0';
        if (linea[0] != '\0' && enviar_mensaje(linea, conexion) == -1) {
            fprintf(stderr, "%s\n", tp0_error());
            sigue = false;
        }
    }
    free(linea);
    return sigue;
}

/* Uso: ./chat_cliente NOMBRE [IP PUERTO] */
int main(int argc, char **argv) {
    int conexion;
    bool sigue;

    setvbuf(stdout, NULL, _IOLBF, 0);
    /* La consola, sin buffer: si stdio se adelantara a leer dos líneas, poll no se
     * enteraría de la segunda. Con las commons y readline pasa lo mismo. */
    setvbuf(stdin, NULL, _IONBF, 0);

    if (argc != 2 && argc != 4) {
        fprintf(stderr, "Uso: %s NOMBRE [IP PUERTO]\n", argv[0]);
        return EXIT_FAILURE;
    }
    conexion = crear_conexion(argc == 4 ? argv[2] : "127.0.0.1", argc == 4 ? argv[3] : "4444");
    if (conexion == -1 || enviar_mensaje(argv[1], conexion) == -1) {
        fprintf(stderr, "%s\n", tp0_error());
        liberar_conexion(conexion); /* con -1 no pasa nada */
        return EXIT_FAILURE;
    }

    /* El servidor contesta quiénes están; o por qué no nos deja entrar, y cierra. Recién
     * después se lee la consola: lo que se mande a quien cerró haría perder esa respuesta. */
    sigue = mostrar(conexion);
    while (sigue) {
        struct pollfd novedades[] = {{conexion, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};

        if (poll(novedades, 2, -1) == -1) break;
        /* Cualquier novedad, no sólo POLLIN: del final y de los errores también se entera
         * el que lee. Primero el servidor: si se fue, no hay a quién mandarle. */
        if (novedades[0].revents != 0)
            sigue = mostrar(conexion);
        else if (novedades[1].revents != 0)
            sigue = mandar(conexion);
    }
    liberar_conexion(conexion); /* irse es esto: el servidor les avisa a los demás */
    return EXIT_SUCCESS;
}
