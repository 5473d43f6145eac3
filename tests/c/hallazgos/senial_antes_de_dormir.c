/* Una SIGINT sin SA_RESTART llega cuando esperar_cliente, o tp0_atender, ya empezo y todavia no duerme (aca, al lanzar el hilo que trabaja): la corta
   igual. "One without it always ends esperar_cliente and tp0_atender". Este programa define su propio pthread_create. */
#include "mas.h"
#include <dlfcn.h>
static volatile int corrio, falta; static void in(int x) { (void)x; corrio++; } static void cli(int c, void *x) { (void)c; (void)x; }
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) {
    int (*de_veras)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    if (falta) { falta = 0; pthread_kill(pthread_self(), SIGINT); }
    return de_veras(t, a, f, x);
}
static int prueba(void) {
    manejar(SIGINT, in, 0);
    for (int v = 0; v < 2; v++) {
        int s = tp0_iniciar_servidor("127.0.0.1", "0"); corrio = 0; falta = 1; int r = v ? tp0_atender(s, cli, NULL) : esperar_cliente(s), e = errno;
        ESPERO(falta == 0 && corrio == 1 && r == -1 && e == EINTR, "%s: %d, %s, el manejador corrio %d veces", v ? "tp0_atender" : "esperar_cliente", r, strerror(e), corrio); liberar_conexion(s);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
