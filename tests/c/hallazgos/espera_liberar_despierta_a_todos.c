/* liberar_conexion (o tp0_detener) de un servidor con ocho hilos esperando, justo cuando llegan clientes y handshakes a medio hacer: todos
   vuelven con ECANCELED (o con un cliente). "listener released by another thread: ECANCELED"; "wakes the threads blocked on it". */
#include "mas.h"
static int s; struct hilo { pthread_t t; int tid; volatile int r, listo; };
static void *espera(void *x) { struct hilo *h = x; h->tid = mi_tid(); int c = esperar_cliente(s); h->r = c < 0 ? -errno : c; h->listo = 1; return NULL; }
static int prueba(void) {
    for (int v = 0; v < 40 && !fallas; v++) {
        if (v & 1) setenv("TP0_HANDSHAKE", "no", 1); else unsetenv("TP0_HANDSHAKE");
        s = tp0_iniciar_servidor("127.0.0.1", "0"); int puerto = tp0_puerto(s), c[4]; struct hilo h[8] = {0};
        for (int i = 0; i < 8; i++) pthread_create(&h[i].t, NULL, espera, h + i);
        for (int i = 0; i < 8; i++) HASTA(20, h[i].tid);
        if (v & 4) for (int i = 0; i < 8; i++) dormido(getpid(), h[i].tid, 20);
        for (int i = 0; i < 4; i++) { c[i] = conectar_a_mano(puerto); medio(c[i], 1, 0); if (i & 1) medio(c[i], 1, 1); }
        if (v & 2) tp0_detener(s); else liberar_conexion(s);
        for (int i = 0; i < 8; i++) { ESPERO(HASTA(20, h[i].listo), "vuelta %d: un hilo sigue esperando", v); ESPERO(!h[i].listo || h[i].r > 0 || h[i].r == -ECANCELED || h[i].r == -EBADF, "vuelta %d: dio %d", v, h[i].r); if (h[i].listo) { pthread_join(h[i].t, NULL); if (h[i].r > 0) liberar_conexion(h[i].r); } }
        for (int i = 0; i < 4; i++) close(c[i]);
        int o = tp0_iniciar_servidor("127.0.0.1", texto_del_puerto(puerto)); ESPERO(o > 0, "vuelta %d: el puerto no quedo libre: %s", v, tp0_error()); liberar_conexion(o);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
