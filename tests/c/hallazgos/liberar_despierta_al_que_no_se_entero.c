/* Una conexion de la biblioteca cerrada con close(), y su numero usado por un socket del programa. El hilo que duerme en recibir_operacion(N) empezo
   sin que nadie notara el cambio: liberar_conexion(N) lo despierta igual. */
#include "mas.h"
static int fd; static volatile int tid, r = 99; static void *recibe(void *x) { tid = mi_tid(); r = recibir_operacion(fd); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); pthread_t t;
    fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); close(fd);
    int n = conectar_a_mano(puerto); if (n != fd) { puts("el numero no se reuso"); return 2; }
    aceptar_a_mano(escucha); aceptar_a_mano(escucha);
    pthread_create(&t, NULL, recibe, NULL); if (!HASTA(60, tid) || !dormido(getpid(), tid, 60)) return 2;
    ESPERO(liberar_conexion(n) == 0, "liberar: %s", tp0_error());
    ESPERO(HASTA(60, r != 99), "el que recibia sigue dormido"); ESPERO(r == -1, "recibio %d", r);
    _exit(fallas != 0);
}
