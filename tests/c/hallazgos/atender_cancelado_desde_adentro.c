/* El unico hilo del programa llama a tp0_atender, y la funcion de un cliente lo cancela (pthread_cancel) y lo detiene: el que atendia espera a los que quedan, y
   recien al salir de la biblioteca se va; su puerto queda libre. "Cancellation is put off while a thread is inside the library". */
#include "mas.h"
static pthread_t principal; static int puerto, s;
static void *juez(void *x) {
    void *salida = NULL; pthread_join(principal, &salida); ESPERO(salida == PTHREAD_CANCELED, "no lo cancelaron"); ESPERO(!abierto(s), "se fue sin terminar lo suyo");
    int o = tp0_iniciar_servidor("127.0.0.1", texto_del_puerto(puerto)); ESPERO(o > 0, "el puerto no quedo libre: %s", tp0_error()); fflush(stdout); _exit(fallas != 0); return x;
}
static void cliente(int c, void *x) {
    (void)x; (void)c; pthread_t t; pthread_create(&t, NULL, juez, NULL); pthread_detach(t); pthread_cancel(principal); tp0_detener(s);
    /* Que lo encuentre esperando a este cliente. */
    dormido(getpid(), getpid(), 20);
}
static int prueba(void) {
    principal = pthread_self(); s = tp0_iniciar_servidor("127.0.0.1", "0"); puerto = tp0_puerto(s); pid_t k = fork();
    if (!k) { int c = saludar(puerto); char b[8]; plazo(c, 9000); while (recv(c, b, 8, 0) > 0) {} _exit(0); }
    tp0_atender(s, cliente, NULL); pthread_testcancel(); ESPERO(0, "volvio y no se fue"); return fallas != 0;
}
int main(void) { return vigilar(prueba); }
