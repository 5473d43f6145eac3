/* tp0_atender(N) andando; el programa cierra N, y N es un socket suyo que escucha: sus clientes son del programa. Y si N pasa a ser un servidor
   nuevo de la biblioteca, se lo puede atender y detener: "ya se lo esta atendiendo" era del viejo. */
#include "comun.h"
#include <poll.h>
static int servidor, n; static volatile int r = 99, e, atendidos; static void f(int c, void *x) { (void)c; (void)x; atendidos++; }
static void *atiende(void *x) { tp0_atender(servidor, f, NULL); return x; }
static void *atiende2(void *x) { int k = tp0_atender(n, f, NULL); e = errno; r = k; return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); pthread_t t;
    for (int goteo = 0; goteo < 2; goteo++) {
        if (goteo) unsetenv("TP0_HANDSHAKE");
        servidor = tp0_iniciar_servidor("127.0.0.1", "0"); int g = -1, p2; if (goteo) { g = conectar_a_mano(tp0_puerto(servidor)); mandar(g, "\1\0", 2); }
        pthread_create(&t, NULL, atiende, NULL); hasta_que_duerman(1); close(servidor); n = escuchar_a_mano(&p2); if (n != servidor) { puts("el numero no se reuso"); return 2; }
        for (int i = 0; i < 5; i++) {
            int c = conectar_a_mano(p2); struct pollfd q = {n, POLLIN, 0}; usleep(50000);
            int a = poll(&q, 1, 20000) == 1 ? accept4(n, NULL, NULL, SOCK_NONBLOCK) : -1; ESPERO(a >= 0, "goteo %d: el cliente %d del programa no le llego (atendidos %d)", goteo, i, atendidos); if (a >= 0) close(a); close(c);
        }
        ESPERO(atendidos == 0, "atendio a %d del programa", atendidos); close(n);
    }
    setenv("TP0_HANDSHAKE", "no", 1); servidor = tp0_iniciar_servidor("127.0.0.1", "0"); pthread_create(&t, NULL, atiende, NULL); hasta_que_duerman(1); close(servidor);
    n = tp0_iniciar_servidor("127.0.0.1", "0"); if (n != servidor) { puts("el numero no se reuso"); return 2; }
    pthread_create(&t, NULL, atiende2, NULL); hasta_que_duerman(1); ESPERO(r == 99, "atender el servidor nuevo dio %d: %s", r, strerror(e));
    atendidos = 0; int c = conectar_a_mano(tp0_puerto(n)); ESPERO(HASTA(20, atendidos == 1), "el cliente del nuevo: %d atendidos", atendidos); close(c);
    static volatile int d = 99; void *detiene(void *x) { d = tp0_detener(n); return x; }
    pthread_t u; pthread_create(&u, NULL, detiene, NULL); HASTA(20, d != 99 && r != 99); ESPERO(d == 0, "tp0_detener del nuevo: %d (99: no volvio)", d); ESPERO(r == 0, "tp0_atender del nuevo: %d", r);
    _exit(fallas != 0);
}
