/* SIGUSR1 con SA_RESTART y SIGINT sin el, instalados a la vez: SIGUSR1 nunca da EINTR y su manejador corre enseguida aunque el hilo duerma
   esperando; SIGINT siempre corta. Sin pendientes, con pendientes, sin handshake, y tp0_atender.
   "a handler with SA_RESTART never causes EINTR...; one without it always ends esperar_cliente and tp0_atender". */
#include "mas.h"
static int s; static volatile int usr, r, e, listo, tid; static int que;
static void us(int x) { (void)x; usr++; } static void in(int x) { (void)x; }
static void cli(int c, void *x) { (void)x; recibir_operacion(c); }
static void *hacer(void *x) { tid = mi_tid(); r = que == 3 ? tp0_atender(s, cli, NULL) : esperar_cliente(s); e = errno; listo = 1; return x; }
static int prueba(void) {
    manejar(SIGUSR1, us, SA_RESTART); manejar(SIGINT, in, 0); setenv("TP0_ESPERA_MS", "0", 1);
    for (int v = 0; v < 16; v++) {
        que = v & 3; if (que == 2) setenv("TP0_HANDSHAKE", "no", 1); else unsetenv("TP0_HANDSHAKE");
        tp0_opciones *o = tp0_opciones_crear(); tp0_opciones_cierre_ms(o, 50); s = tp0_iniciar_servidor_con("127.0.0.1", "0", o); tp0_opciones_destruir(o);
        pthread_t t; usr = listo = tid = 0; pthread_create(&t, NULL, hacer, NULL); HASTA(20, tid); dormido(getpid(), tid, 20);
        int m[2] = {-1, -1}; if (que == 1 || v >= 8) for (int i = 0; i < 2 && que != 2; i++) { m[i] = conectar_a_mano(tp0_puerto(s)); medio(m[i], 1, 0); usleep(5000); }
        for (int i = 1; i <= 25 && !listo; i++) { pthread_kill(t, SIGUSR1); ESPERO(HASTA(20, usr == i), "caso %d: el manejador no corre mientras espera", v); usleep(i * 100); }
        ESPERO(!listo, "caso %d: SIGUSR1, con SA_RESTART, lo corto: %s", v, strerror(e));
        if (!listo) { pthread_kill(t, SIGINT); ESPERO(HASTA(20, listo), "caso %d: SIGINT no lo corta", v); ESPERO(!listo || (r == -1 && e == EINTR), "caso %d: dio %d, %s", v, r, strerror(e)); }
        if (listo) pthread_join(t, NULL);
        else return 1;
        if (que != 3) liberar_conexion(s); else tp0_detener(s);
        close(m[0]); close(m[1]);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
