/* "Cuando vuelve, ya no queda ningun hilo suyo": tampoco uno al que le falta correr los destructores del programa. La clave se hace despues que la de la
   biblioteca, y corre despues. */
#include "mas.h"
static pthread_key_t clave; static pthread_once_t una = PTHREAD_ONCE_INIT; static volatile int servidor, terminado;
static void al_final(void *x) { (void)x; usleep(5000); terminado = 1; }
static void hacer(void) { pthread_key_create(&clave, al_final); }
static void f(int c, void *x) { (void)c; (void)x; pthread_once(&una, hacer); pthread_setspecific(clave, &clave); tp0_detener(servidor); }
int main(void) {
    int bien = 0, veces = 20;
    for (int i = 0; i < veces; i++) { terminado = 0; servidor = tp0_iniciar_servidor("127.0.0.1", "0"); int c = saludar(tp0_puerto(servidor)); ESPERO(tp0_atender(servidor, f, NULL) == 0, "atender: %s", tp0_error()); bien += terminado; HASTA(20, terminado); close(c); }
    ESPERO(bien > veces / 2, "de %d veces, solo %d espero al hilo", veces, bien); /* al que tarda de mas no se lo espera para siempre */
    return fallas != 0;
}
