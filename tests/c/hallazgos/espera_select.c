/* select y poll sobre el que escucha: no avisan de un callado; con tres buenos en la cola avisan tres veces, uno por llamada; despues de cada uno
   no avisan de mas; y cuando avisan, esperar_cliente vuelve. "`select`/`poll` on the listener stay truthful: take one client at a time and leave
   the rest in the kernel's queue (TCP_DEFER_ACCEPT hides silent clients while a handshake is on)". */
#include "mas.h"
static int listo(int s, int ms) { struct pollfd p = {.fd = s, .events = POLLIN}; return poll(&p, 1, ms); }
static int prueba(void) {
    for (int v = 0; v < 3; v++) {
        if (v) setenv("TP0_HANDSHAKE", v == 1 ? "no" : "opcional", 1);
        int s = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(s), c[5], f[5], callado = -1; plazo(s, 20000);
        ESPERO(listo(s, 0) == 0, "caso %d: avisa, y no hay nadie", v);
        if (v == 0) { /* el núcleo lo esconde un segundo; después se va con un RST */ double t = ahora(); callado = conectar_a_mano(puerto); ESPERO(listo(s, 300) == 0 || ahora() - t > .9, "avisa de un callado"); struct linger l = {1, 0}; setsockopt(callado, SOL_SOCKET, SO_LINGER, &l, sizeof l); close(callado); }
        for (int i = 0; i < 5; i++) { c[i] = v == 2 ? conectar_a_mano(puerto) : saludar(puerto); if (v == 2) mensaje_a_mano(c[i], "hola"); }
        for (int i = 0; i < 5; i++) {
            ESPERO(listo(s, 20000) == 1, "caso %d: quedan %d en la cola y no avisa", v, 5 - i);
            f[i] = esperar_cliente(s); ESPERO(f[i] > 0, "caso %d: avisa y esperar_cliente da -1: %s", v, tp0_error());
        }
        ESPERO(listo(s, 200) == 0, "caso %d: avisa, y ya no queda nadie", v);
        for (int i = 0; i < 5; i++) { struct sockaddr_in a, b; socklen_t l = sizeof a, m = sizeof b; getsockname(c[i], (void *)&a, &l); getpeername(f[i], (void *)&b, &m); ESPERO(a.sin_port == b.sin_port, "caso %d: el %d no salio en orden", v, i); close(c[i]); liberar_conexion(f[i]); }
        liberar_conexion(s);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
