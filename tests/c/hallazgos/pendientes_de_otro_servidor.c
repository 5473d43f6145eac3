/* Un servidor con un handshake a medias, cerrado con close(); su numero, otro servidor. Cuando el cliente viejo termina su handshake, no es cliente
   del nuevo: esperar_cliente devuelve al del nuevo. Lo mismo con un cliente que quedo en la fila de crear_conexion. */
#include "comun.h"
static int puerto_de(int c) { struct sockaddr_in a; socklen_t l = sizeof a; return getpeername(c, (void *)&a, &l) ? -1 : ntohs(a.sin_port); }
static char pp[8]; static void *conecta(void *x) { crear_conexion("127.0.0.1", pp); return x; }
int main(void) {
    setenv("TP0_ESPERA_MS", "1500", 1); int uno = 1, r, puerto, mudo = escuchar_a_mano(&puerto); (void)mudo; snprintf(pp, 8, "%d", puerto);
    for (int caso = 0; caso < 3; caso++) {
        int s = tp0_iniciar_servidor("127.0.0.1", "0"), viejo = -1, p = tp0_puerto(s); pthread_t t;
        if (caso < 2) { viejo = conectar_a_mano(p); mandar(viejo, "\1\0", 2); int bueno = conectar_a_mano(p); mandar(bueno, &uno, 4); int b = esperar_cliente(s); if (b < 0) return 2; }
        else { pthread_create(&t, NULL, conecta, NULL); hasta_que_duerman(1); viejo = conectar_a_mano(p); mandar(viejo, &uno, 4); plazo(viejo, 1000); r = 9; recv(viejo, &r, 4, MSG_WAITALL); if (r != 0) puts("(no se contesto el handshake: no es el caso)"); pthread_join(t, NULL); }
        int pv = -1; { struct sockaddr_in a; socklen_t l = sizeof a; getsockname(viejo, (void *)&a, &l); pv = ntohs(a.sin_port); }
        tp0_opciones *o = tp0_opciones_crear(); if (caso == 1) tp0_opciones_sin_handshake(o); else tp0_opciones_handshake(o, caso == 0 ? 1 : 5);
        close(s); int n = tp0_iniciar_servidor_con("127.0.0.1", "0", o); if (n != s) { puts("el numero no se reuso"); return 2; }
        mandar(viejo, "\0\0", 2); usleep(50000); int c = conectar_a_mano(tp0_puerto(n)), h = caso == 0 ? 1 : 5; if (caso != 1) mandar(c, &h, 4);
        plazo(n, 20000); int32_t q = 99; int a = tp0_esperar_cliente(n, &q);
        ESPERO(a >= 0 && puerto_de(a) != pv, "caso %d: en el servidor nuevo salio %s (handshake %d): %s", caso, a < 0 ? "error" : "el cliente del viejo", q, tp0_error() ? tp0_error() : "");
        if (caso != 1) ESPERO(q == h, "caso %d: handshake %d", caso, q);
        ESPERO(tp0_puerto(a) == tp0_puerto(n), "caso %d: el cliente es de otro puerto", caso);
    }
    _exit(fallas != 0);
}
