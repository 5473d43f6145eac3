/* Tres hilos esperan clientes. A uno lo despierta una senial justo cuando el que tenia el turno se va: el otro no puede quedar dormido
   con un cliente en la cola. */
#include "comun.h"
static int servidor; static void nada(int s) { (void)s; }
struct salida { volatile int r, listo; };
static void *uno(void *x) { struct salida *q = x; int c = esperar_cliente(servidor); q->r = c < 0 ? -errno : c; q->listo = 1; return NULL; }
int main(void) {
    struct sigaction a = {.sa_handler = nada}; sigaction(SIGUSR1, &a, NULL); setenv("TP0_HANDSHAKE", "no", 1);
    int perdidos = 0, utiles = 0; double desde = ahora();
    for (int i = 0; ahora() - desde < 10 && !perdidos; i++) {
        servidor = tp0_iniciar_servidor("127.0.0.1", "0"); int puerto = tp0_puerto(servidor);
        pthread_t h, w1, w2; struct salida rh = {0}, r1 = {0}, r2 = {0};
        pthread_create(&h, NULL, uno, &rh); usleep(500); pthread_create(&w1, NULL, uno, &r1); usleep(300); pthread_create(&w2, NULL, uno, &r2); usleep(800);
        pthread_kill(w1, SIGUSR1); double t = ahora(); while ((ahora() - t) * 1e9 < (i % 40) * 1500) {}
        int c1 = conectar_a_mano(puerto); usleep(3000); int c2 = conectar_a_mano(puerto);
        double d = ahora(); while (!r1.listo && ahora() - d < .05) usleep(200);
        if (r1.listo && r1.r == -EINTR) { utiles++; perdidos += !HASTA(20, r2.listo) && rh.listo; }
        liberar_conexion(servidor); pthread_join(h, NULL); pthread_join(w1, NULL); pthread_join(w2, NULL);
        if (rh.r > 0) liberar_conexion(rh.r);
        if (r1.r > 0) liberar_conexion(r1.r);
        if (r2.r > 0) liberar_conexion(r2.r);
        close(c1); close(c2);
    }
    ESPERO(perdidos == 0, "%d despertares perdidos de %d", perdidos, utiles);
    return fallas != 0;
}
