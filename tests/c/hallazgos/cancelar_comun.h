/* Cancelar un hilo que esta en una llamada que bloquea: mientras sigue adentro no pasa nada ("is put off while a thread is inside the library"); al
   salir termina cancelado ("takes effect on leaving"); y el proceso sigue usando la biblioteca. Tipo diferido, asincronico, y cancelacion
   inhabilitada por el programa (que asi tiene que quedar). */
#include "mas.h"
static int fd, par, escucha, mudo, servidor, otro; static volatile int tid, salio, quedo;
static int valor_tras_salir(int v) { return v; }
struct llamada { const char *n; void (*hacer)(void); void (*despertar)(void); };
static void *cuerpo(void *x) {
    struct llamada *q = ((void **)x)[0]; long modo = (long)((void **)x)[1]; int v;
    pthread_setcanceltype(modo == 1 ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, NULL);
    if (modo == 2) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    tid = mi_tid(); q->hacer(); salio = 1;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &v); quedo = valor_tras_salir(v); salio = 2; pthread_setcancelstate(v, NULL);
    for (int i = 0; i < 20; i++) { pthread_testcancel(); usleep(1000); }
    return NULL;
}
static void cancelar(struct llamada *q, long modo) {
    void *x[2] = {q, (void *)modo}, *r = NULL; pthread_t t; tid = salio = 0; quedo = -1; double desde = ahora(); pthread_create(&t, NULL, cuerpo, x); HASTA(20, tid);
    if (!dormido(getpid(), tid, 20)) { ESPERO(0, "%s: no se bloqueo", q->n); }
    pthread_cancel(t); usleep(80000);
    /* La que sale sola al segundo, en una máquina muy ocupada, ya pudo haber salido. */
    int ya = pthread_tryjoin_np(t, &r) == 0; ESPERO(!ya || ahora() - desde > .9, "%s, modo %ld: la cancelacion no espero a que saliera de la biblioteca", q->n, modo);
    q->despertar(); struct timespec h; clock_gettime(CLOCK_REALTIME, &h); h.tv_sec += 20;
    ESPERO(ya || pthread_timedjoin_np(t, &r, &h) == 0, "%s, modo %ld: el hilo no termina", q->n, modo);
    ESPERO((r == PTHREAD_CANCELED) == (modo != 2), "%s, modo %ld: termino %s", q->n, modo, r == PTHREAD_CANCELED ? "cancelado" : "sin cancelarse");
    ESPERO(modo != 2 || quedo == PTHREAD_CANCEL_DISABLE, "%s: el programa la habia inhabilitado, y quedo habilitada", q->n);
}
