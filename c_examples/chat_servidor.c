/* chat_servidor.c -- un chat: muchos clientes a la vez, y lo que dice uno les llega a los
 * demás. Enseña tp0_atender (un hilo por cliente), una tabla compartida con su mutex,
 * tp0_difundir (el que no lee no demora a nadie) y a terminar bien con Ctrl-C. */

#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp0.h>

/* Lo que se dicen. El cliente manda mensajes: primero su nombre, después una línea en
 * cada uno. El servidor manda paquetes de dos textos: quién habla y qué dice. Cuando
 * habla el propio servidor, quien habla es «*». */

#define MAXIMO 100

typedef struct {
    int conexion;
    const char *nombre; /* es del hilo que lo atiende: vive mientras esté en la tabla */
} t_conectado;

/* La tabla la usan todos los hilos a la vez: sólo se la toca con el mutex tomado. */
typedef struct {
    pthread_mutex_t mutex;
    t_conectado conectados[MAXIMO];
    int cantidad;
} t_sala;

/* ---------------------------------------------------------------------------
 * Hablar.
 * ------------------------------------------------------------------------- */

/* tp0_difundir, aunque sea para uno solo: enviar_paquete esperaría al que no lee, y acá
 * nadie puede frenar a los demás. El que no lee se pierde el mensaje. */
static void enviar(const int *conexiones, int cantidad, const char *quien, const char *texto) {
    t_paquete *paquete = crear_paquete();

    if (paquete == NULL || agregar_a_paquete(paquete, quien, (int)strlen(quien) + 1) != 0 ||
        agregar_a_paquete(paquete, texto, (int)strlen(texto) + 1) != 0 ||
        tp0_difundir(conexiones, cantidad, paquete, NULL) != 0)
        printf("A alguno no le llegó: %s\n", tp0_error());
    eliminar_paquete(paquete);
}

/* A todos menos al que habla. Con el mutex tomado hasta el final: si alguno pudiera irse
 * en el medio, su descriptor se cerraría y el número podría tocarle a otro. */
static void decir_a_los_demas(t_sala *sala, int menos, const char *quien, const char *texto) {
    int conexiones[MAXIMO], cantidad = 0;

    pthread_mutex_lock(&sala->mutex);
    for (int i = 0; i < sala->cantidad; i++)
        if (sala->conectados[i].conexion != menos)
            conexiones[cantidad++] = sala->conectados[i].conexion;
    enviar(conexiones, cantidad, quien, texto);
    pthread_mutex_unlock(&sala->mutex);
}

/* A uno, por su nombre. Devuelve si estaba. */
static bool decir_a(t_sala *sala, const char *nombre, const char *quien, const char *texto) {
    bool esta = false;

    pthread_mutex_lock(&sala->mutex);
    for (int i = 0; i < sala->cantidad && !esta; i++) {
        esta = strcmp(sala->conectados[i].nombre, nombre) == 0;
        if (esta) enviar(&sala->conectados[i].conexion, 1, quien, texto);
    }
    pthread_mutex_unlock(&sala->mutex);
    return esta;
}

/* Le contesta al cliente de este hilo quiénes están. */
static void decir_quienes_estan(t_sala *sala, int cliente) {
    char *texto = NULL;
    size_t largo;
    FILE *lista = open_memstream(&texto, &largo); /* un archivo en memoria: crece solo */

    if (lista == NULL) return;
    pthread_mutex_lock(&sala->mutex);
    for (int i = 0; i < sala->cantidad; i++)
        fprintf(lista, "%s%s", i == 0 ? "Están: " : ", ", sala->conectados[i].nombre);
    pthread_mutex_unlock(&sala->mutex);
    fclose(lista);
    /* Ya sin el mutex: el que se podría ir es el de este hilo, que está acá. */
    enviar(&cliente, 1, "*", texto);
    free(texto);
}

/* ---------------------------------------------------------------------------
 * Entrar, conversar y salir.
 * ------------------------------------------------------------------------- */

/* Buscar y agregar van bajo el mismo mutex: en el medio podría entrar un tocayo. */
static bool entrar(t_sala *sala, int cliente, const char *nombre) {
    bool sirve = nombre[0] != '\0' && strchr(nombre, ' ') == NULL;

    pthread_mutex_lock(&sala->mutex);
    for (int i = 0; i < sala->cantidad; i++)
        if (strcmp(sala->conectados[i].nombre, nombre) == 0) sirve = false;
    sirve = sirve && sala->cantidad < MAXIMO;
    if (sirve) sala->conectados[sala->cantidad++] = (t_conectado){cliente, nombre};
    pthread_mutex_unlock(&sala->mutex);
    return sirve;
}

/* Sólo la llama quien entró: que está en la tabla es seguro. */
static void salir(t_sala *sala, int cliente) {
    int i = 0;

    pthread_mutex_lock(&sala->mutex);
    while (sala->conectados[i].conexion != cliente) i++;
    sala->conectados[i] = sala->conectados[--sala->cantidad]; /* el último tapa el hueco */
    pthread_mutex_unlock(&sala->mutex);
}

/* Hace lo que pide una línea. Devuelve si la charla sigue. */
static bool atender_linea(t_sala *sala, int cliente, const char *nombre, char *linea) {
    char *comando, *resto;

    if (linea[0] != '/') {
        decir_a_los_demas(sala, cliente, nombre, linea);
        return true;
    }
    /* strtok_r y no strtok, que guarda por dónde iba en una sola variable para todos. */
    comando = strtok_r(linea, " ", &resto);
    if (strcmp(comando, "/chau") == 0) return false;
    if (strcmp(comando, "/quienes") == 0) {
        decir_quienes_estan(sala, cliente);
    } else if (strcmp(comando, "/a") == 0) {
        char *destino = strtok_r(NULL, " ", &resto), firma[100];

        snprintf(firma, sizeof(firma), "%s (sólo a vos)", nombre);
        if (destino == NULL || !decir_a(sala, destino, firma, resto))
            enviar(&cliente, 1, "*", "No está.");
    } else {
        enviar(&cliente, 1, "*", "Los comandos son /quienes, /a NOMBRE TEXTO y /chau.");
    }
    return true;
}

/* La corre un hilo por cada cliente. El descriptor llega por valor: es de este hilo y de
 * nadie más, y lo libera tp0_atender cuando la función vuelve. */
static void atender(int cliente, void *contexto) {
    t_sala *sala = contexto; /* lo que se le dio a tp0_atender */
    char aviso[200], *linea, *nombre = tp0_recibir_mensaje(cliente);
    bool sigue = true;

    if (nombre == NULL) return; /* se fue sin presentarse */
    if (!entrar(sala, cliente, nombre)) {
        enviar(&cliente, 1, "*", "Ese nombre no sirve, o ya está: probá con otro.");
        free(nombre);
        return;
    }
    /* printf no necesita el mutex: cada llamada escribe su línea entera. */
    printf("Entró %s.\n", nombre);
    snprintf(aviso, sizeof(aviso), "%s entró.", nombre);
    decir_a_los_demas(sala, cliente, "*", aviso);
    decir_quienes_estan(sala, cliente);

    /* El NULL es que se fue, o que mandó algo que no es un mensaje: chau en los dos casos. */
    while (sigue && (linea = tp0_recibir_mensaje(cliente)) != NULL) {
        sigue = atender_linea(sala, cliente, nombre, linea);
        free(linea);
    }

    /* Primero afuera de la tabla y después volver: que nadie use un descriptor cerrado. */
    salir(sala, cliente);
    printf("Se fue %s.\n", nombre);
    snprintf(aviso, sizeof(aviso), "%s se fue.", nombre);
    decir_a_los_demas(sala, cliente, "*", aviso);
    free(nombre);
}

/* ---------------------------------------------------------------------------
 * Arrancar y terminar.
 * ------------------------------------------------------------------------- */

typedef struct {
    int servidor;
    sigset_t seniales;
} t_final;

/* Habiendo hilos, en vez de un manejador de señales conviene un hilo que las espere: acá
 * se puede llamar a cualquier función. tp0_detener hace volver a tp0_atender. */
static void *esperar_el_final(void *contexto) {
    t_final *final = contexto;
    int senial;

    sigwait(&final->seniales, &senial);
    tp0_detener(final->servidor);
    return NULL;
}

int main(void) {
    t_sala sala = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    t_final final;
    pthread_t hilo;
    tp0_opciones *opciones = tp0_opciones_crear();
    int salida = EXIT_FAILURE;

    /* Línea por línea aunque la salida vaya a un archivo: así se la puede seguir. */
    setvbuf(stdout, NULL, _IOLBF, 0);

    /* Ctrl-C y kill se bloquean antes de crear hilos, que lo heredan: así no interrumpen a
     * cualquiera, y quedan para el que las espera con sigwait. */
    sigemptyset(&final.seniales);
    sigaddset(&final.seniales, SIGINT);
    sigaddset(&final.seniales, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &final.seniales, NULL);

    /* Al terminar, a los que sigan conectados se les da este tiempo y se los corta. */
    tp0_opciones_cierre_ms(opciones, 300);
    final.servidor = tp0_iniciar_servidor_con(NULL, NULL, opciones);
    if (final.servidor == -1) fprintf(stderr, "%s\n", tp0_error());
    tp0_opciones_destruir(opciones); /* el servidor ya las copió */
    if (final.servidor == -1) return EXIT_FAILURE;
    printf("Escucho en el puerto %d.\n", tp0_puerto(final.servidor));

    if (pthread_create(&hilo, NULL, esperar_el_final, &final) == 0) {
        /* Bloquea. La sala puede ser una variable de main porque, cuando vuelve, ya no
         * queda ningún hilo que la use. */
        if (tp0_atender(final.servidor, atender, &sala) == 0)
            salida = EXIT_SUCCESS;
        else
            fprintf(stderr, "%s\n", tp0_error());
        /* Si volvió por un error, el otro hilo sigue esperando su señal. */
        pthread_kill(hilo, SIGTERM);
        pthread_join(hilo, NULL);
    }
    printf("Cerré todo; quedaban %d en la sala.\n", sala.cantidad);
    return salida;
}
