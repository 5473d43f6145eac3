/* El tipo de cancelacion que el programa eligio es el mismo despues de cada llamada: con la asincronica, a un hilo que calcula se lo puede cancelar. */
#include "comun.h"
static int quedo = -1; static void *usa(void *x) { pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL); liberar_conexion(-1); pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &quedo); return x; }
int main(void) { pthread_t t; pthread_create(&t, NULL, usa, NULL); pthread_join(t, NULL); ESPERO(quedo == PTHREAD_CANCEL_ASYNCHRONOUS, "quedo la diferida"); return fallas != 0; }
