/* Con un manejador que corta, esperar_cliente duerme en algo de su pila. Después de que volvió, en el hijo de un fork nadie escribe ahí: ya es de otro. */
#include "mas.h"
static void nada(int s) { (void)s; }
__attribute__((noinline)) static int bifurcarse(void) {
    volatile char suyo[1 << 16]; int st; memset((void *)suyo, 7, sizeof suyo);
    pid_t k = fork(); if (!k) { for (size_t i = 0; i < sizeof suyo; i++) if (suyo[i] != 7) _exit(1); _exit(0); }
    return waitpid(k, &st, 0) == k && st == 0;
}
int main(void) {
    manejar(SIGUSR1, nada, 0); int s = tp0_iniciar_servidor("127.0.0.1", "0"); saludar(tp0_puerto(s));
    ESPERO(esperar_cliente(s) > 0, "esperar: %s", tp0_error()); ESPERO(bifurcarse(), "el hijo encontro su pila cambiada");
    return fallas != 0;
}
