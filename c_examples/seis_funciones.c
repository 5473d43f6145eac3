/* seis_funciones.c -- una charla entera con seis funciones de la biblioteca y nada más.
 * Enseña que alcanza con iniciar_servidor, esperar_cliente, crear_conexion, enviar_mensaje,
 * recibir_paquete y liberar_conexion (más tp0_error para saber qué pasó). */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp0.h>

/* Toda función que falla deja su explicación en tp0_error(). */
static int fallar(void) {
    fprintf(stderr, "%s\n", tp0_error());
    return EXIT_FAILURE;
}

/* recibir_paquete sin recibir_operacion recibe un mensaje entero por su cuenta: si
 * es un texto, viene como lista de un solo elemento. Lo devolvemos suelto, para
 * liberar con free; NULL es que la charla terminó. */
static char *recibir_texto(int conexion) {
    char *texto = NULL;
    t_list *lista = recibir_paquete(conexion);
    int codigo = errno; /* free puede cambiarlo, y quien nos llama lo mira */

    if (lista == NULL) return NULL;
    for (t_link_element *nodo = lista->head, *siguiente; nodo != NULL; nodo = siguiente) {
        siguiente = nodo->next;
        /* Nos quedamos con el primero; el resto, si hubiera, se libera. */
        if (texto == NULL)
            texto = nodo->data;
        else
            free(nodo->data);
        free(nodo);
    }
    free(lista);
    errno = codigo;
    return texto;
}

/* Atiende a un solo cliente: muestra cada texto, lo contesta y termina con él. */
static int ser_servidor(void) {
    int servidor, cliente;
    char *texto;

    /* Escucha donde diga TP0_PUERTO, o en el 4444: no hay nada que pasarle. */
    servidor = iniciar_servidor();
    if (servidor == -1) return fallar();
    printf("Espero a un cliente.\n");

    /* Vuelve cuando alguien se conectó y pasó el handshake, no antes. */
    cliente = esperar_cliente(servidor);
    if (cliente == -1) {
        int salida = fallar(); /* antes de liberar, que cambia tp0_error() */
        liberar_conexion(servidor);
        return salida;
    }

    while ((texto = recibir_texto(cliente)) != NULL) {
        printf("Me dijeron: %s\n", texto);
        /* Devolvemos el mismo texto: así el cliente sabe que llegó sano. Si el
         * cliente se fue, el próximo recibir_texto va a decirlo. */
        enviar_mensaje(texto, cliente);
        free(texto);
    }
    /* errno 0 es el final ordenado: el cliente liberó su conexión. */
    int salida = errno == 0 ? EXIT_SUCCESS : fallar();
    if (salida == EXIT_SUCCESS) printf("El cliente se despidió.\n");

    /* Son dos sockets distintos: el de la charla y el que escuchaba. */
    liberar_conexion(cliente);
    liberar_conexion(servidor);
    return salida;
}

/* Manda cada texto y espera su respuesta antes de mandar el siguiente. */
static int ser_cliente(const char *ip, const char *puerto, char **textos) {
    int salida = EXIT_SUCCESS;
    int conexion = crear_conexion(ip, puerto);

    if (conexion == -1) return fallar();

    /* argv termina en NULL: no hace falta llevar la cuenta de los textos. */
    for (; *textos != NULL && salida == EXIT_SUCCESS; textos++) {
        char *respuesta = NULL;

        /* Si el envío falla no hay respuesta que esperar: nos quedaríamos clavados. */
        if (enviar_mensaje(*textos, conexion) == 0) respuesta = recibir_texto(conexion);
        if (respuesta != NULL)
            printf("Me contestaron: %s\n", respuesta);
        else
            salida = fallar();
        free(respuesta);
    }
    /* Liberar es despedirse: el servidor lo ve como el final ordenado. */
    liberar_conexion(conexion);
    return salida;
}

/* El mismo programa hace de los dos lados: se corre en dos terminales. */
int main(int argc, char **argv) {
    /* Línea por línea aunque la salida vaya a un archivo: así se la puede seguir. */
    setvbuf(stdout, NULL, _IOLBF, 0);

    if (argc == 2 && strcmp(argv[1], "servidor") == 0) return ser_servidor();
    if (argc > 4 && strcmp(argv[1], "cliente") == 0)
        return ser_cliente(argv[2], argv[3], argv + 4);

    fprintf(stderr, "Uso: %s servidor\n     %s cliente IP PUERTO TEXTO...\n", argv[0], argv[0]);
    return EXIT_FAILURE;
}
