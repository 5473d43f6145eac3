/* esperar_cliente sin descriptores: espera uno, sin volver y sin quemar un nucleo; lo corta una senial sin SA_RESTART, el SO_RCVTIMEO, o
   liberar_conexion; y cuando otro hilo libera uno, sigue y entrega al cliente que esperaba. "a loop that nobody leaves burns no core:
   esperar_cliente without descriptors waits for one as tp0_atender does"; "one without it always ends esperar_cliente". Lo dice una vez, y otra si vuelve a faltar despues de que entro alguno. */
#include "mas.h"
static int s; static volatile int r, e, listo, tid; static void in(int x) { (void)x; }
static void *hacer(void *x) { tid = mi_tid(); r = esperar_cliente(s); e = errno; listo = 1; return x; }
static int prueba(void) {
    manejar(SIGINT, in, 0); struct rlimit l = {60, 20000}; int dicho = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); if (dicho < 0 || dup2(dicho, 2) < 0) return 2;
    for (int v = 0; v < 5; v++) {
        if (v == 4) setenv("TP0_HANDSHAKE", "no", 1);
        l.rlim_cur = 20000; setrlimit(RLIMIT_NOFILE, &l); s = tp0_iniciar_servidor("127.0.0.1", "0"); if (v == 2) plazo(s, 1200);
        int c[2] = {saludar(tp0_puerto(s)), saludar(tp0_puerto(s))}, f[60], n = 0; l.rlim_cur = 60; setrlimit(RLIMIT_NOFILE, &l);
        while ((f[n] = open("/dev/null", O_RDONLY)) != -1) n++;
        pthread_t t; listo = tid = 0; double u = cpu(), d = ahora(); pthread_create(&t, NULL, hacer, NULL); HASTA(20, tid);
        HASTA(v == 2 ? 20 : 1, listo); u = cpu() - u; d = ahora() - d;
        ESPERO(u < .3 * d, "caso %d: uso %.2f s de CPU en %.2f", v, u, d);
        if (v == 2) ESPERO(listo && r == -1 && e == EAGAIN && d > 1, "SO_RCVTIMEO: %d, %s, a los %.1f s", r, listo ? strerror(e) : "sigue", d);
        else ESPERO(!listo, "caso %d: volvio: %d, %s", v, r, strerror(e));
        if (v == 1 && !listo) { pthread_kill(t, SIGINT); ESPERO(HASTA(20, listo) && r == -1 && e == EINTR, "SIGINT: %d, %s", r, listo ? strerror(e) : "sigue"); }
        if (v == 3 && !listo) { liberar_conexion(s); ESPERO(HASTA(20, listo) && r == -1 && e == ECANCELED, "liberar_conexion: %d, %s", r, listo ? strerror(e) : "sigue"); }
        close(f[--n]); close(f[--n]);
        if ((v == 0 || v == 4) && !listo) { ESPERO(HASTA(20, listo) && r > 0, "caso %d: hay descriptores y no sigue", v); if (v == 0) ESPERO(respuesta(c[0], 20000) == 0, "al cliente no le contestaron"); }
        if (!listo) return 1;
        pthread_join(t, NULL); if (r > 0) close(r);
        while (n) close(f[--n]);
        close(c[0]); close(c[1]); liberar_conexion(s);
    }
    /* Entro uno en el caso 0; despues falta en el 1, y hasta el ultimo no entra nadie mas. */
    static char b[9999]; int veces = 0; if (pread(dicho, b, sizeof b - 1, 0) < 0) return 2;
    for (char *p = b; (p = strstr(p, "No quedan descriptores")); p++) veces++;
    ESPERO(veces == 2, "lo dijo %d veces:\n%s", veces, b);
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
