/* Un hilo en esperar_cliente(N), con un handshake a medias y sin el; el programa cierra N, y N es un socket suyo que escucha. Los clientes de
   este son del programa: la espera vieja (que en el manual es un accept dormido en el viejo) no los acepta. */
#include "comun.h"
#include <poll.h>
static int servidor; static void *espera(void *x) { esperar_cliente(servidor); return x; }
int main(void) {
    setenv("TP0_ESPERA_MS", "700", 1);
    for (int caso = 0; caso < 2; caso++) {
        servidor = tp0_iniciar_servidor("127.0.0.1", "0"); int p = tp0_puerto(servidor), p2, goteo = caso ? conectar_a_mano(p) : -1;
        if (caso) mandar(goteo, "\1\0", 2);
        pthread_t t; pthread_create(&t, NULL, espera, NULL); hasta_que_duerman(1);
        close(servidor); int n = escuchar_a_mano(&p2); if (n != servidor) { puts("el numero no se reuso"); return 2; }
        usleep(100000);
        for (int i = 0; i < 12; i++) {
            int c = conectar_a_mano(p2), uno = 1; mandar(c, &uno, 4); struct pollfd q = {n, POLLIN, 0}; usleep(50000);
            int r = poll(&q, 1, 20000), a = r == 1 ? accept4(n, NULL, NULL, SOCK_NONBLOCK) : -1; char b[8];
            ESPERO(a >= 0, "caso %d: el cliente %d del programa no le llego", caso, i); usleep(20000);
            ssize_t k = recv(c, b, 8, MSG_DONTWAIT); ESPERO(k == -1 && errno == EAGAIN, "caso %d: al cliente %d del programa le escribieron o lo cerraron (%zd)", caso, i, k);
            if (a >= 0) { k = recv(a, b, 8, 0); ESPERO(k == 4, "caso %d: del cliente %d se leen %zd", caso, i, k); close(a); }
            close(c); if (fallas > 3) break;
        }
        ESPERO(abierto(n), "cerraron el que escucha"); struct pollfd q = {n, 0, 0}; poll(&q, 1, 0); ESPERO(!(q.revents & POLLHUP), "el que escucha quedo cortado"); close(n);
    }
    _exit(fallas != 0);
}
