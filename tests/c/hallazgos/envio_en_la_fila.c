/* Un hilo espera su turno para enviar por N, que el programa cierra y pasa a ser otra conexion. Ese mensaje no sale por la nueva. */
#include "mas.h"
static int fd, r; static volatile int tid[2]; static char *grande; static void *llena(void *x) { tid[0] = mi_tid(); enviar_mensaje(grande, fd); return x; }
static void *sigue(void *x) { tid[1] = mi_tid(); r = enviar_mensaje("intruso", fd); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); char b[64]; pthread_t t[2]; grande = calloc(1, 32 << 20); memset(grande, 'x', (32 << 20) - 1);
    fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha);
    for (int i = 0; i < 2; i++) { pthread_create(&t[i], NULL, i ? sigue : llena, NULL); if (!HASTA(60, tid[i]) || !dormido(getpid(), tid[i], 60)) return 2; }
    close(fd); int n = conectar_a_mano(puerto), suyo = aceptar_a_mano(escucha); if (n != fd) { puts("el numero no se reuso"); return 2; }
    ESPERO(enviar_mensaje("mio", n) == 0, "por la nueva: %s", tp0_error()); pthread_join(t[1], NULL); ESPERO(r == -1, "el intruso salio");
    ESPERO(llega(suyo, b, 12) == 12 && !strcmp(b + 8, "mio"), "no llego el de la nueva"); ESPERO(recv(suyo, b, 1, MSG_DONTWAIT) == -1, "llego algo mas"); close(par); pthread_join(t[0], NULL); return fallas != 0;
}
