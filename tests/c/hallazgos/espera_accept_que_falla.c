/* accept(2) falla por un cliente que se cayo en la cola (ECONNABORTED, EPROTO y las de la red), o porque por un rato no hay con que (ENFILE, ENOBUFS, ENOMEM):
   esperar_cliente y tp0_atender siguen, y el que viene despues es atendido. "accept: go on". Este programa define su propio accept4. */
#include "mas.h"
static volatile int fallan, cual; static int s; static volatile int atendidos;
int accept4(int f, struct sockaddr *a, socklen_t *l, int b) { if (fallan > 0) { fallan--; errno = cual; return -1; } return (int)syscall(SYS_accept4, f, a, l, b); }
static void cli(int c, void *x) { (void)x; (void)c; atendidos++; } static void *atiende(void *x) { tp0_atender(s, cli, NULL); return x; }
static int prueba(void) {
    int causas[] = {ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM}; pthread_t t; if (!freopen("/dev/null", "w", stderr)) return 2;
    for (size_t i = 0; i < sizeof causas / sizeof *causas; i++) {
        s = tp0_iniciar_servidor("127.0.0.1", "0"); cual = causas[i]; fallan = 3; int c = saludar(tp0_puerto(s)), f = esperar_cliente(s);
        ESPERO(f > 0 && fallan == 0, "con %s, esperar_cliente dio %d (quedan %d): %s", strerror(cual), f, fallan, tp0_error()); ESPERO(respuesta(c, 20000) == 0, "con %s no se lo saluda", strerror(cual));
        liberar_conexion(f); close(c); pthread_create(&t, NULL, atiende, NULL); fallan = 3; atendidos = 0; c = saludar(tp0_puerto(s));
        ESPERO(respuesta(c, 20000) == 0 && HASTA(20, atendidos == 1) && fallan == 0, "con %s, tp0_atender no sigue (quedan %d)", strerror(cual), fallan); tp0_detener(s); pthread_join(t, NULL); close(c);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
