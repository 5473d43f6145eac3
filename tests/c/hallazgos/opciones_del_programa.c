/* "A un socket que hizo el programa no se le cambian las opciones": tampoco si su numero fue una conexion de la biblioteca con una rafaga a medio
   juntar, ni si un hilo viejo sigue recibiendo en ella. */
#include "comun.h"
static int fd; static void *recibe(void *x) { recibir_operacion(fd); return x; }
static int op(int s, int o) { int v = -1; socklen_t l = sizeof v; getsockopt(s, IPPROTO_TCP, o, &v, &l); return v; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), ops[] = {TCP_NODELAY, TCP_CORK, TCP_QUICKACK}; const char *nom[] = {"TCP_NODELAY", "TCP_CORK", "TCP_QUICKACK"};
    for (int caso = 0; caso < 16; caso++) {
        int nodelay = caso & 1, dup = caso & 2, hilo = caso & 4, rafaga = caso & 8, antes[3]; char b[64]; pthread_t t;
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha);
        if (rafaga) for (int i = 0; i < 40; i++) enviar_mensaje("x", fd);
        if (hilo) { pthread_create(&t, NULL, recibe, NULL); hasta_que_duerman(1); }
        if (!dup) close(fd);
        int n = conectar_a_mano(puerto), par2 = aceptar_a_mano(escucha); setsockopt(n, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
        for (int i = 0; i < 3; i++) antes[i] = op(n, ops[i]);
        if (dup) { dup2(n, fd); close(n); n = fd; } else if (n != fd) { puts("el numero no se reuso"); return 2; }
        for (int vuelta = 0; vuelta < 3; vuelta++) {
            for (int i = 0; i < 2 + 20 * vuelta; i++) enviar_mensaje("x", n);
            if (vuelta == 1) { if (hilo) { close(par); pthread_join(t, NULL); } }
            for (int i = 0; i < 2; i++) { int v = op(n, ops[i]); ESPERO(v == antes[i], "caso %d (%s%s%s), vuelta %d: %s era %d y es %d", caso, dup ? "dup2" : "close", hilo ? ", hilo viejo" : "", rafaga ? ", rafaga" : "", vuelta, nom[i], antes[i], v); if (v != antes[i]) vuelta = 9; }
            if (vuelta < 3 && !hilo) { int m[2] = {7, 0}; mandar(par2, m, 8); int z, c = recibir_operacion(n); ESPERO(c == 7, "recibir: %d", c); free(recibir_buffer(&z, n)); while (recv(par2, b, 64, MSG_DONTWAIT) > 0) {} }
        }
        close(n); close(par2); if (!hilo) close(par);
    }
    _exit(fallas != 0);
}
