/* Liberada tras un fork, la conexion la cierra el hilo que recibia por ella, cuando sale. Un hijo nacido en el medio no se queda con una copia. */
#include "mas.h"
static int fd; static volatile int tid; static void *recibe(void *x) { tid = mi_tid(); recibir_operacion(fd); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), siete = 7, st; char b; pthread_t t;
    fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha);
    pthread_create(&t, NULL, recibe, NULL); if (!HASTA(60, tid) || !dormido(getpid(), tid, 60)) return 2;
    pid_t k = fork(); if (!k) _exit(0);
    waitpid(k, &st, 0); ESPERO(liberar_conexion(fd) == 0, "liberar: %s", tp0_error());
    k = fork(); if (!k) { close(par); alarm(100); pause(); _exit(0); }
    mandar(par, &siete, 4); pthread_join(t, NULL); ESPERO(llega(par, &b, 1) == 0, "el hijo se quedo con una copia");
    kill(k, SIGKILL); waitpid(k, &st, 0); return fallas != 0;
}
