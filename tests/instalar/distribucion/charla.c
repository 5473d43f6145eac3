/* Un servidor y un cliente que se hablan, y la versión de la biblioteca: si anda, está bien enlazada, o bien instalada. */
#include <pthread.h>
#include <stdio.h>
#include <tp0.h>

static char puerto[16];

static void *cliente(void *nada) {
    int conexion = crear_conexion("127.0.0.1", puerto);
    enviar_mensaje("hola desde una linea de gcc", conexion);
    liberar_conexion(conexion);
    return nada;
}

int main(void) {
    int servidor = tp0_iniciar_servidor("127.0.0.1", "0");
    pthread_t hilo;
    snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
    pthread_create(&hilo, NULL, cliente, NULL);
    int conexion = esperar_cliente(servidor);
    if (recibir_operacion(conexion) == MENSAJE) recibir_mensaje(conexion);
    pthread_join(hilo, NULL);
    liberar_conexion(conexion);
    liberar_conexion(servidor);
    return puts(tp0_version()) < 0;
}
