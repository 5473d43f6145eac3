/* servidor.c -- el servidor del TP0: atiende a un cliente tras otro, para siempre.
 * Enseña el ciclo entero: escuchar, esperar, recibir según el código de operación,
 * contestar por el mismo socket y terminar bien con Ctrl-C, sin dejar nada abierto. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <tp0.h>

/* Lo único global: lo que el manejador de señales necesita ver. */
static volatile sig_atomic_t terminar = 0;
static volatile sig_atomic_t servidor = -1;
static volatile sig_atomic_t cliente = -1;

/* Ctrl-C (SIGINT) y kill (SIGTERM) llegan acá. Un manejador puede llamar a muy
 * pocas funciones: printf no, shutdown sí. Con ella despertamos al accept o al
 * recv que esté esperando, aunque la señal caiga justo antes de que se bloquee. */
static void al_interrumpir(int senial) {
    int errno_previo = errno; /* el programa interrumpido quizás lo esté por mirar */

    (void)senial;
    terminar = 1;
    if (cliente != -1) shutdown(cliente, SHUT_RDWR);
    if (servidor != -1) shutdown(servidor, SHUT_RDWR);
    errno = errno_previo;
}

/* Sin SA_RESTART: queremos que esperar_cliente vuelva con -1 y errno EINTR,
 * y no que el kernel siga esperando como si nada. */
static void preparar_seniales(void) {
    struct sigaction accion;

    memset(&accion, 0, sizeof(accion));
    accion.sa_handler = al_interrumpir;
    sigemptyset(&accion.sa_mask);
    sigaction(SIGINT, &accion, NULL);
    sigaction(SIGTERM, &accion, NULL);
}

/* Recibe un paquete de textos, los muestra y contesta cuántos eran. Si algo sale
 * mal la biblioteca ya cortó la conexión: el próximo recibir_operacion da -1. */
static void atender_paquete(int socket_cliente) {
    char respuesta[64];
    t_list *valores = recibir_paquete(socket_cliente);

    /* La lista vacía puede ser un paquete vacío, que es legal. Quien distingue
     * un error es tp0_error(). */
    if (tp0_error() == NULL) {
        printf("Me llegaron los siguientes valores:\n");
        for (t_link_element *nodo = valores->head; nodo != NULL; nodo = nodo->next)
            printf("  - %s\n", (char *)nodo->data);

        snprintf(respuesta, sizeof(respuesta), "Valores recibidos: %d.", valores->elements_count);
        if (enviar_mensaje(respuesta, socket_cliente) == -1)
            printf("No pude contestar: %s\n", tp0_error());
    }
    tp0_liberar_lista(valores);
}

/* Habla con un cliente hasta que se va. El -1 de recibir_operacion es el final
 * de la conversación: quien lo ignora gira en el while al 100 % de CPU. */
static void atender(int socket_cliente) {
    int codigo, tamanio;

    while ((codigo = recibir_operacion(socket_cliente)) != -1) {
        switch (codigo) {
        case MENSAJE:
            recibir_mensaje(socket_cliente); /* muestra «Me llego el mensaje ...» */
            break;
        case PAQUETE:
            atender_paquete(socket_cliente);
            break;
        default:
            /* No es nuestro, pero su payload hay que leerlo igual: si quedara
             * ahí, el próximo "código" saldría del medio de estos bytes. */
            free(recibir_buffer(&tamanio, socket_cliente));
            printf("No conozco la operación %d: la salteo (%d bytes).\n", codigo, tamanio);
        }
    }

    /* errno 0: se despidió como corresponde. Cualquier otro: se cayó. */
    if (errno == 0)
        printf("El cliente se fue.\n");
    else
        printf("Perdí al cliente: %s\n", tp0_error());
}

int main(void) {
    /* Línea por línea aunque la salida vaya a un archivo: así se la puede seguir. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    preparar_seniales();

    servidor = iniciar_servidor(); /* el puerto es TP0_PUERTO, o 4444 */
    if (servidor == -1) {
        fprintf(stderr, "%s\n", tp0_error());
        return EXIT_FAILURE;
    }
    /* Con TP0_PUERTO=0 el puerto lo elige el kernel: le preguntamos cuál fue. */
    printf("Escucho en el puerto %d.\n", tp0_puerto(servidor));

    while (!terminar) {
        int nuevo = esperar_cliente(servidor); /* el handshake ya está hecho */

        if (nuevo == -1) break; /* una señal, o se rompió: abajo se ve cuál */
        cliente = nuevo;
        printf("Se conectó un cliente.\n");
        /* La señal pudo caer antes de la asignación: entonces nadie lo despertaría. */
        if (!terminar) atender(nuevo);
        cliente = -1; /* antes de liberar: el número se puede volver a usar */
        liberar_conexion(nuevo);
    }

    /* Que nos pidan terminar no es un error; que se rompa el socket, sí. */
    int salida = EXIT_SUCCESS;
    if (!terminar) {
        fprintf(stderr, "%s\n", tp0_error());
        salida = EXIT_FAILURE;
    }
    int escucha = servidor;
    servidor = -1;
    liberar_conexion(escucha);
    printf("Cerré todo. ¡Hasta luego!\n");
    return salida;
}
