/* Seis hilos esperan; una senial sin SA_RESTART dirigida a tres los saca con EINTR a esos tres, y sólo a esos; los otros reciben a los tres
   clientes que vienen. Con y sin handshakes a medio hacer. "or a signal handler without SA_RESTART ran (EINTR..."; header: "La pueden llamar
   varios a la vez: cada cliente le toca a uno". */
#include "mas.h"
static int s; struct hilo { pthread_t t; int tid; volatile int r, listo; };
static void nada(int x) { (void)x; }
static void *espera(void *x) { struct hilo *h = x; h->tid = mi_tid(); int c = esperar_cliente(s); h->r = c < 0 ? -errno : c; h->listo = 1; return NULL; }
static int prueba(void) {
    manejar(SIGUSR1, nada, 0); setenv("TP0_ESPERA_MS", "0", 1);
    for (int v = 0; v < 24 && !fallas; v++) {
        s = tp0_iniciar_servidor("127.0.0.1", "0"); int puerto = tp0_puerto(s), m[2], c[3], servidos = 0; struct hilo h[6] = {0};
        for (int i = 0; i < 6; i++) pthread_create(&h[i].t, NULL, espera, h + i);
        for (int i = 0; i < 6; i++) { HASTA(20, h[i].tid); dormido(getpid(), h[i].tid, 20); }
        if (v & 1) for (int i = 0; i < 2; i++) { m[i] = conectar_a_mano(puerto); medio(m[i], 1, 0); }
        if (v & 2) usleep(20000);
        for (int i = 0; i < 3; i++) pthread_kill(h[(v + 2 * i) % 6].t, SIGUSR1);
        for (int i = 0; i < 3; i++) { struct hilo *q = h + (v + 2 * i) % 6; ESPERO(HASTA(20, q->listo) && q->r == -EINTR, "vuelta %d: al de la senial le dio %d", v, q->listo ? q->r : 0); }
        for (int i = 0; i < 3; i++) c[i] = saludar(puerto);
        for (int i = 0; i < 3; i++) { int q = (v + 2 * i + 1) % 6; HASTA(20, h[q].listo); servidos += h[q].r > 0; if (h[q].r < 0) ESPERO(0, "vuelta %d: a uno sin senial le dio %d", v, h[q].r); }
        ESPERO(servidos == 3, "vuelta %d: 3 hilos, 3 clientes, y recibieron %d", v, servidos);
        liberar_conexion(s); for (int i = 0; i < 6; i++) { pthread_join(h[i].t, NULL); if (h[i].r > 0) liberar_conexion(h[i].r); }
        for (int i = 0; i < 3; i++) close(c[i]);
        if (v & 1) for (int i = 0; i < 2; i++) close(m[i]);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
