/* El que escucha tiene SO_RCVTIMEO de 3 s; cuatro hilos esperan a la vez, y a todos les llega cada 100 ms una senial CON SA_RESTART: cada uno
   da EAGAIN en su tiempo: ni EINTR, ni uno despues de otro, ni el plazo de nuevo con cada senial. Sin nadie, y con uno a medio saludar.
   "a timeout that the program set with SO_RCVTIMEO is its error to get: EAGAIN"; "a handler with SA_RESTART never causes EINTR". */
#include "mas.h"
static int s; static volatile int corrio; struct hilo { pthread_t t; volatile int e, listo; volatile double d; };
static void cuenta(int x) { (void)x; __sync_fetch_and_add(&corrio, 1); }
static void *espera(void *x) { struct hilo *h = x; double t = ahora(); int c = esperar_cliente(s); h->e = c < 0 ? errno : 0; h->d = ahora() - t; h->listo = 1; return NULL; }
static int prueba(void) {
    manejar(SIGUSR1, cuenta, SA_RESTART);
    for (int v = 0; v < 3; v++) {
        if (v == 2) setenv("TP0_HANDSHAKE", "no", 1);
        s = tp0_iniciar_servidor("127.0.0.1", "0"); plazo(s, 3000); struct hilo h[4] = {0}; int m = -1;
        if (v == 1) { m = conectar_a_mano(tp0_puerto(s)); medio(m, 1, 0); }
        for (int i = 0; i < 4; i++) pthread_create(&h[i].t, NULL, espera, h + i);
        double t = ahora(); while (ahora() - t < 20 && !(h[0].listo && h[1].listo && h[2].listo && h[3].listo)) { usleep(100000); for (int i = 0; i < 4; i++) if (!h[i].listo) pthread_kill(h[i].t, SIGUSR1); }
        for (int i = 0; i < 4; i++) ESPERO(h[i].listo && h[i].e == EAGAIN && h[i].d > 2.9 && h[i].d < 5.5, "caso %d, hilo %d: %s, a los %.1f s", v, i, h[i].listo ? strerror(h[i].e) : "sigue esperando", h[i].listo ? h[i].d : 20.);
        if (!fallas) ESPERO(corrio > 0, "el manejador no corrio");
        liberar_conexion(s); for (int i = 0; i < 4; i++) pthread_join(h[i].t, NULL);
        close(m);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
