/* cliente.c -- el cliente del TP0: manda un mensaje y un paquete, y lee la respuesta.
 * Enseña a leer un .config, conectarse (el handshake va incluido), armar un paquete
 * con lo que se escribe en la consola y esperar que el servidor conteste. */

#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tp0.h>

/* ---------------------------------------------------------------------------
 * El .config: una línea CLAVE=valor por dato. En el TP de verdad esto lo hace
 * config_create de las commons; acá va a mano para no depender de nada.
 * ------------------------------------------------------------------------- */

/* Saca los blancos de las dos puntas. También el '\r' que dejan los editores de
 * Windows: invisible, y suficiente para que "4444\r" no sea un puerto. */
static char *recortar(char *texto) {
    char *fin = texto + strlen(texto);

    while (isspace((unsigned char)*texto)) texto++;
    while (fin > texto && isspace((unsigned char)fin[-1])) fin--;
    *fin = '\0'; /* escribe sobre la línea leída, que es nuestra */
    return texto;
}

/* Devuelve el valor de una clave, para liberar con free, o NULL si no está.
 * Abre el archivo en cada llamada: son tres claves, no vale la pena más. */
static char *leer_config(const char *archivo, const char *clave) {
    FILE *config = fopen(archivo, "r");
    char *linea = NULL, *valor = NULL;
    size_t capacidad = 0;

    if (config == NULL) {
        perror(archivo);
        return NULL;
    }
    /* getline agranda la línea sola: no hay un largo máximo que adivinar. */
    while (valor == NULL && getline(&linea, &capacidad, config) != -1) {
        char *igual = strchr(linea, '=');

        /* Las líneas sin '=' son comentarios o blancos: seguimos de largo. */
        if (igual == NULL) continue;
        *igual = '\0';
        /* strdup: la próxima vuelta pisa la línea, y valor tiene que sobrevivirla. */
        if (strcmp(recortar(linea), clave) == 0) valor = strdup(recortar(igual + 1));
    }
    if (valor == NULL) fprintf(stderr, "%s: falta la clave %s.\n", archivo, clave);
    free(linea);
    fclose(config);
    return valor;
}

/* ---------------------------------------------------------------------------
 * La conversación.
 * ------------------------------------------------------------------------- */

/* Junta líneas de la consola hasta una vacía (o el fin de la entrada) y las manda
 * en un solo paquete. Cada valor viaja con su '\0', así el otro lo imprime. */
static int enviar_lineas(int conexion) {
    t_paquete *paquete = crear_paquete();
    char *linea = NULL;
    size_t capacidad = 0;
    int resultado = paquete == NULL ? -1 : 0;

    while (resultado == 0) {
        /* El "> " es para una persona: si la entrada es un archivo, molesta. */
        if (isatty(STDIN_FILENO)) {
            printf("> ");
            fflush(stdout);
        }
        if (getline(&linea, &capacidad, stdin) == -1) break;
        linea[strcspn(linea, "\r\n")] = '\0';
        if (linea[0] == '\0') break;
        /* + 1 para que viaje el '\0'; sizeof(linea) mandaría los 8 bytes del puntero. */
        resultado = agregar_a_paquete(paquete, linea, (int)strlen(linea) + 1);
    }
    free(linea);

    /* Un paquete sin líneas también se manda: vacío es legal. Y se elimina siempre,
     * se haya podido mandar o no. */
    if (resultado == 0) resultado = enviar_paquete(paquete, conexion);
    eliminar_paquete(paquete);
    return resultado;
}

/* El servidor contesta con un MENSAJE: primero el código, después el texto, que
 * recibir_buffer devuelve en memoria nuestra. */
static int leer_respuesta(int conexion) {
    int tamanio;
    char *respuesta;

    if (recibir_operacion(conexion) != MENSAJE) return -1;
    respuesta = recibir_buffer(&tamanio, conexion);
    if (respuesta == NULL) return -1;
    printf("El servidor contestó: %s\n", respuesta);
    free(respuesta);
    return 0;
}

/* Los tres pasos, en orden; el primero que falla corta la cadena. */
static int conversar(const char *clave, const char *ip, const char *puerto) {
    int conexion = crear_conexion(ip, puerto);
    int resultado = -1;

    if (conexion != -1) {
        printf("Me conecté a %s:%s.\n", ip, puerto);
        if (enviar_mensaje(clave, conexion) == 0 && enviar_lineas(conexion) == 0)
            resultado = leer_respuesta(conexion);
    }
    /* tp0_error() cuenta la última llamada: se lo pregunta antes de liberar. */
    if (resultado == -1) {
        const char *causa = tp0_error();
        fprintf(stderr, "%s\n", causa != NULL ? causa : "El servidor contestó otra cosa.");
    }
    if (conexion != -1) liberar_conexion(conexion);
    return resultado;
}

/* Uso: ./cliente [archivo.config] */
int main(int argc, char **argv) {
    const char *archivo = argc > 1 ? argv[1] : "cliente.config";
    char *clave = leer_config(archivo, "CLAVE");
    /* Si faltó una, leer_config ya dijo cuál: no hay con quién hablar. */
    char *ip = clave == NULL ? NULL : leer_config(archivo, "IP");
    char *puerto = ip == NULL ? NULL : leer_config(archivo, "PUERTO");
    int resultado = -1;

    if (puerto != NULL)
        resultado = conversar(clave, ip, puerto);

    /* free(NULL) no hace nada, así que no hace falta preguntar cuál llegó a estar. */
    free(clave);
    free(ip);
    free(puerto);
    return resultado == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
