/* Un hilo bloqueado enviando por N; el programa cierra N y N es otra conexion. Enviar y recibir por la nueva no espera a la llamada vieja. */
#include "comun.h"
static int fd, n; static char *gordo; static volatile int listo; static void *envia(void *x) { enviar_mensaje(gordo, fd); return x; }
static void *nueva(void *x) { int r = enviar_mensaje("hola", n); listo = r == 0 ? 1 : -1; return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); gordo = malloc(16 << 20); memset(gordo, 'x', 16 << 20); gordo[(16 << 20) - 1] = 0;
    for (int propia = 0; propia < 2; propia++) {
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); aceptar_a_mano(escucha); pthread_t t; pthread_create(&t, NULL, envia, NULL); hasta_que_duerman(1);
        close(fd); n = propia ? conectar_a_mano(puerto) : crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha); char b[13];
        if (n != fd) { puts("el numero no se reuso"); return 2; }
        listo = 0; pthread_create(&t, NULL, nueva, NULL); 
        ESPERO(HASTA(20, listo) && listo == 1, "enviar por la nueva (%s): %s", propia ? "del programa" : "de la biblioteca", listo ? "error" : "sigue esperando despues de 20 s");
        ESPERO(llega(par, b, 13) == 13, "al par no le llego el mensaje entero");
    }
    _exit(fallas != 0);
}
