/* Tras un fork, liberar_conexion(N) no despierta al hilo que recibe por N. El programa cierra N por su cuenta, y N pasa a ser otra conexion: cuando
   ese hilo sale, no la cierra. */
#include "mas.h"
static int fd; static volatile int tid; static void *recibe(void *x) { tid = mi_tid(); recibir_operacion(fd); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), m[2] = {7, 0}; pthread_t t;
    fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha);
    pthread_create(&t, NULL, recibe, NULL); if (!HASTA(60, tid) || !dormido(getpid(), tid, 60)) return 2;
    pid_t hijo = fork(); if (!hijo) _exit(0);
    waitpid(hijo, NULL, 0); ESPERO(liberar_conexion(fd) == 0, "liberar: %s", tp0_error());
    close(fd); int n = conectar_a_mano(puerto), suyo = aceptar_a_mano(escucha); if (n != fd) { puts("el numero no se reuso"); return 2; }
    mandar(par, m, 4); pthread_join(t, NULL); ESPERO(abierto(n), "el hilo viejo cerro la conexion nueva");
    mandar(suyo, m, 8); ESPERO(recibir_operacion(n) == 7, "la nueva ya no anda: %s", tp0_error());
    return fallas != 0;
}
