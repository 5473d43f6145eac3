/* Un hilo duerme en recibir_operacion(N), o en esperar_cliente(N); el programa cierra N y N es otra conexion, u otro servidor. liberar_conexion(N)
   lo cierra de verdad, sin esperar al hilo viejo: el par ve el fin, el numero y el puerto quedan libres; y lo que espera en el nuevo despierta. */
#include "comun.h"
static int fd, s; static volatile int r = 99, e; static void *recibe(void *x) { recibir_operacion(fd); return x; } static void *espera(void *x) { esperar_cliente(s); return x; }
static void *espera2(void *x) { int k = esperar_cliente(s); e = errno; r = k; return x; } static void *recibe2(void *x) { int k = recibir_operacion(fd); e = errno; r = k; return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); pthread_t t; char b;
    for (int modo = 0; modo < 3; modo++) {
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); aceptar_a_mano(escucha); pthread_create(&t, NULL, recibe, NULL); hasta_que_duerman(1);
        close(fd); int n = modo == 1 ? conectar_a_mano(puerto) : crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par = aceptar_a_mano(escucha); if (n != fd) { puts("el numero no se reuso"); return 2; }
        if (modo == 2) { r = 99; pthread_create(&t, NULL, recibe2, NULL); hasta_que_duerman(1); }
        int l = liberar_conexion(n); ESPERO(l == 0, "modo %d: liberar dio %d: %s", modo, l, tp0_error()); ssize_t k = llega(par, &b, 1);
        ESPERO(k == 0, "modo %d: al par de la nueva no le llego el fin (%zd)", modo, k); ESPERO(HASTA(20, !abierto(n)), "modo %d: el numero sigue abierto", modo);
        if (modo == 2) ESPERO(HASTA(20, r != 99) && r == -1, "el que recibia de la nueva: %d (99: sigue dormido)", r);
        if (abierto(n)) close(n);
    }
    for (int modo = 0; modo < 2; modo++) {
        s = tp0_iniciar_servidor("127.0.0.1", "0"); pthread_create(&t, NULL, espera, NULL); hasta_que_duerman(1); close(s);
        int n = tp0_iniciar_servidor("127.0.0.1", "0"), p = tp0_puerto(n); if (n != s) { puts("el numero no se reuso (servidor)"); return 2; }
        if (modo) { r = 99; pthread_create(&t, NULL, espera2, NULL); hasta_que_duerman(1); }
        int l = liberar_conexion(n); ESPERO(l == 0, "servidor, modo %d: liberar dio %d", modo, l); ESPERO(HASTA(20, !abierto(n)), "servidor, modo %d: el numero sigue abierto", modo);
        if (modo) ESPERO(HASTA(20, r != 99) && r == -1 && e == ECANCELED, "el que esperaba en el nuevo: %d (99: dormido), %s", r, strerror(e));
        int o = tp0_iniciar_servidor("127.0.0.1", texto_del_puerto(p)); ESPERO(o >= 0, "el puerto no quedo libre: %s", tp0_error()); if (o >= 0) close(o);
        if (abierto(n)) close(n);
    }
    _exit(fallas != 0);
}
