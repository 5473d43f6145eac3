/* crear_conexion (handshake que no llega; conectar que no contesta) con seniales con y sin SA_RESTART cada 50 ms: da ETIMEDOUT en su plazo; y una
   recepcion y un envio bloqueados no se cortan. Header: "Una senial no corta un envio ni una recepcion; si a esperar_cliente()"; crear_conexion
   no tiene EINTR entre sus errores; "deadline passed: ETIMEDOUT". */
#include "mas.h"
static int mudo, fd; static volatile int listo, r, e, tid, corrio; static volatile double d; static void nada(int x) { (void)x; corrio++; }
static void *hacer(void *x) {
    tid = mi_tid(); double t = ahora(); long v = (long)x; char *m = NULL; errno = 0;
    if (v < 2) r = crear_conexion("127.0.0.1", texto_del_puerto(mudo)); else if (v == 2) r = recibir_operacion(fd); else if (v == 3) { m = malloc(8 << 20); memset(m, 'a', (8 << 20) - 1); m[(8 << 20) - 1] = 0; r = enviar_mensaje(m, fd); }
    e = errno; d = ahora() - t; listo = 1; return NULL;
}
static int prueba(void) {
    for (long v = 0; v < 4; v++) {
        setenv("TP0_ESPERA_MS", "3000", 1); if (v >= 2) setenv("TP0_HANDSHAKE", "no", 1);
        int es = escuchar_a_mano(&mudo), par = -1; manejar(SIGUSR1, nada, SA_RESTART); manejar(SIGINT, nada, 0);
        if (v == 1) { close(es); int o = 0; es = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = en("127.0.0.1", 0); socklen_t l = sizeof a; bind(es, (void *)&a, l); listen(es, 0); getsockname(es, (void *)&a, &l); mudo = ntohs(a.sin_port);
            for (; o < 4; o++) { int q = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); connect(q, (void *)&a, sizeof a); } usleep(50000); } /* la cola llena: el SYN no se contesta */
        if (v >= 2) { fd = crear_conexion("127.0.0.1", texto_del_puerto(mudo)); par = aceptar_a_mano(es); }
        pthread_t t; listo = tid = corrio = 0; pthread_create(&t, NULL, hacer, (void *)v); HASTA(20, tid); double h = ahora();
        for (int i = 0; !listo && (v < 2 ? ahora() - h < 20 : corrio <= 3 || ahora() - h < 1); i++) { usleep(50000); if (!listo) pthread_kill(t, i & 1 ? SIGUSR1 : SIGINT); }
        ESPERO(corrio > 3, "caso %ld: los manejadores no corrieron", v);
        if (v < 2) ESPERO(listo && r == -1 && e == ETIMEDOUT && d > 2.9 && d < 20, "caso %ld: %d, %s, a los %.1f s", v, r, listo ? strerror(e) : "sigue", d);
        else { ESPERO(!listo, "caso %ld: lo corto una senial: %s", v, strerror(e)); if (v == 2) mensaje_a_mano(par, "x"); else { static char b[1 << 20]; size_t n = 0; ssize_t k; plazo(par, 20000); while (n < 8 + (8 << 20) && (k = recv(par, b, sizeof b, 0)) > 0) n += (size_t)k; ESPERO(n == 8 + (8 << 20), "llegaron %zu", n); }
            ESPERO(HASTA(20, listo) && r == 0, "caso %ld: despues dio %d, %s", v, r, strerror(e)); }
        if (!listo) return 1;
        pthread_join(t, NULL); close(es);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
