/* kill -STOP y -CONT (Ctrl-Z y fg) a un proceso que espera con SO_RCVTIMEO, sin manejador ninguno: EAGAIN en su tiempo, nunca EINTR. Un cliente
   a medio saludar, varios hilos, el que recibe, el que conecta. "a timeout that the program set with SO_RCVTIMEO is its error to get: EAGAIN";
   EINTR sólo si "a signal handler without SA_RESTART ran"; issue: "Ctrl-Z and fg on a listener with SO_RCVTIMEO blames a handler that does not exist". */
#include "mas.h"
static int s, par, mudo; struct hilo { pthread_t t; int que; volatile int e; volatile double d; };
static void *hacer(void *x) {
    struct hilo *h = x; double t = ahora(); int n = 0, r = -1; void *p = NULL;
    if (h->que < 3) r = esperar_cliente(s); else if (h->que == 3) r = recibir_operacion(par); else if (h->que == 4) p = tp0_recibir(par); else r = crear_conexion("127.0.0.1", texto_del_puerto(mudo));
    h->e = r == -1 && !p ? errno : n; h->d = ahora() - t; return NULL;
}
static int caso(int v) {
    setenv("TP0_ESPERA_MS", v == 5 ? "1200" : "0", 1); if (v == 2) setenv("TP0_HANDSHAKE", "no", 1); else unsetenv("TP0_HANDSHAKE");
    s = tp0_iniciar_servidor("127.0.0.1", "0"); plazo(s, 1200); int escucha = escuchar_a_mano(&mudo);
    if (v == 1) { int m = conectar_a_mano(tp0_puerto(s)); medio(m, 1, 0); }
    if (v == 3 || v == 4) { setenv("TP0_HANDSHAKE", "no", 1); par = crear_conexion("127.0.0.1", texto_del_puerto(mudo)); aceptar_a_mano(escucha); plazo(par, 1200); }
    struct hilo h[3] = {0}; int n = v == 3 || v == 4 ? 1 : 3;
    for (int i = 0; i < n; i++) { h[i].que = v; pthread_create(&h[i].t, NULL, hacer, h + i); }
    for (int i = 0; i < n; i++) { pthread_join(h[i].t, NULL); ESPERO(h[i].e == (v == 5 ? ETIMEDOUT : EAGAIN) && h[i].d > 1 && h[i].d < 20, "caso %d: %s, a los %.1f s", v, strerror(h[i].e), h[i].d); }
    return fallas != 0;
}
int main(void) {
    for (int v = 0; v < 6; v++) {
        pid_t k = fork(); if (!k) exit(caso(v));
        usleep(300000); for (int i = 0; i < 6; i++) { kill(k, SIGSTOP); usleep(40000); kill(k, SIGCONT); usleep(60000); }
        int st = 0; if (!HASTA(30, waitpid(k, &st, WNOHANG) == k)) { ESPERO(0, "caso %d: colgado", v); kill(k, SIGKILL); waitpid(k, &st, 0); } else fallas += st != 0;
    }
    return fallas != 0;
}
