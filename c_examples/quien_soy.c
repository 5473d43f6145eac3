/* quien_soy.c -- un servidor que, antes del primer mensaje, ya sabe quién es cada cliente.
 * Enseña a aceptar varios valores de handshake, uno por módulo; a preguntar cuál mostró el
 * que llegó; y las opciones: qué valor mostrar, y cuánto insistir si no hay nadie. */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp0.h>

/* Los módulos y sus valores: es lo que el servidor y los clientes tienen que acordar. El 1,
 * que es el del TP0, no está: un cliente que no sea de éstos queda afuera. */
static const char *const modulos[] = {"kernel", "cpu", "memoria"};
static const int32_t valores[] = {101, 102, 103};
#define CANTIDAD ((int)(sizeof(valores) / sizeof(valores[0])))

/* Qué módulo muestra ese valor. */
static const char *modulo(int32_t valor) {
    for (int i = 0; i < CANTIDAD; i++)
        if (valores[i] == valor) return modulos[i];
    return "nadie"; /* no pasa: la biblioteca sólo deja entrar a los de la lista */
}

static int fallar(void) {
    fprintf(stderr, "%s\n", tp0_error());
    return EXIT_FAILURE;
}

/* ---------------------------------------------------------------------------
 * El servidor.
 * ------------------------------------------------------------------------- */

/* El handshake terminó antes de que esta función empiece: acá sólo se pregunta cuál fue.
 * Atendiendo de a uno se pregunta al esperarlo: tp0_esperar_cliente(servidor, &valor). */
static void atender(int cliente, void *contexto) {
    int32_t valor = 0;
    char *texto, saludo[64];

    (void)contexto;
    if (tp0_handshake(cliente, &valor) != 1) return; /* 0 sería un cliente sin handshake */
    printf("Se conectó: %s.\n", modulo(valor));
    snprintf(saludo, sizeof(saludo), "Hola, %s.", modulo(valor));
    if (enviar_mensaje(saludo, cliente) == -1) return;

    /* Acá un servidor de verdad haría, con un switch (valor), lo que toca a cada módulo. */
    while ((texto = tp0_recibir_mensaje(cliente)) != NULL) {
        printf("%s dice: %s\n", modulo(valor), texto);
        free(texto);
    }
    printf("Se fue: %s.\n", modulo(valor));
}

/* Instalada sin SA_RESTART: Ctrl-C hace volver a tp0_atender, con EINTR. (Cómo hacer que
 * tampoco se pierda la que cae justo antes de esperar, en servidor.c.) */
static void al_interrumpir(int senial) {
    (void)senial;
}

static int ser_servidor(void) {
    struct sigaction accion = {.sa_handler = al_interrumpir};
    tp0_opciones *opciones = tp0_opciones_crear();
    int servidor = -1, salida = EXIT_SUCCESS;

    sigaction(SIGINT, &accion, NULL);
    sigaction(SIGTERM, &accion, NULL);

    if (tp0_opciones_handshakes(opciones, valores, CANTIDAD) == 0)
        servidor = tp0_iniciar_servidor_con(NULL, NULL, opciones);
    if (servidor == -1) salida = fallar(); /* antes de destruir, que es otra llamada */
    tp0_opciones_destruir(opciones);       /* el servidor ya las copió */
    if (servidor == -1) return salida;
    printf("Escucho en el puerto %d.\n", tp0_puerto(servidor));

    if (tp0_atender(servidor, atender, NULL) == -1 && errno != EINTR) salida = fallar();
    liberar_conexion(servidor);
    return salida;
}

/* ---------------------------------------------------------------------------
 * Un cliente.
 * ------------------------------------------------------------------------- */

/* Con qué valor se presenta un módulo. Los que no existen, con un 1: los van a rechazar. */
static int32_t valor_de(const char *nombre) {
    for (int i = 0; i < CANTIDAD; i++)
        if (strcmp(modulos[i], nombre) == 0) return valores[i];
    return 1;
}

static int ser_cliente(const char *yo, const char *ip, const char *puerto, const char *texto) {
    tp0_opciones *opciones = tp0_opciones_crear();
    int conexion = -1, salida = EXIT_FAILURE;
    char *saludo = NULL;

    /* Los módulos se levantan en cualquier orden: si todavía no hay nadie escuchando,
     * insiste 10 segundos. Un rechazo, en cambio, falla enseguida: insistir no lo cambia. */
    if (tp0_opciones_handshake(opciones, valor_de(yo)) == 0 &&
        tp0_opciones_reintentos_ms(opciones, 10000) == 0)
        conexion = tp0_crear_conexion(ip, puerto, opciones);
    if (conexion == -1) fallar();
    tp0_opciones_destruir(opciones);
    if (conexion == -1) return EXIT_FAILURE;

    saludo = tp0_recibir_mensaje(conexion);
    if (saludo != NULL && enviar_mensaje(texto, conexion) == 0) {
        printf("El servidor dice: %s\n", saludo);
        salida = EXIT_SUCCESS;
    } else {
        fallar(); /* de la última de las dos que se llamó */
    }
    free(saludo);
    liberar_conexion(conexion);
    return salida;
}

/* El mismo programa es el servidor y cualquiera de sus clientes. */
int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "servidor") == 0) return ser_servidor();
    if (argc == 5) return ser_cliente(argv[1], argv[2], argv[3], argv[4]);

    fprintf(stderr, "Uso: %s servidor\n     %s kernel|cpu|memoria IP PUERTO TEXTO\n", argv[0],
            argv[0]);
    return EXIT_FAILURE;
}
