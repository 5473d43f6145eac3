/* Un servidor liberado con un hilo esperando (ECANCELED), o detenido (EBADF desde entonces): el servidor que sigue en ese numero, de la biblioteca
   o del programa, no hereda nada de eso. */
#include "comun.h"
static int s; static void nada(int c, void *x) { (void)c; (void)x; } static void *atiende(void *x) { tp0_atender(s, nada, NULL); return x; } static void *espera(void *x) { esperar_cliente(s); return x; }
static int n; static volatile int r, e; static void *espera2(void *x) { int k = esperar_cliente(n); e = errno; r = k; return x; } static void *atiende2(void *x) { int k = tp0_atender(n, nada, NULL); e = errno; r = k; return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); pthread_t t;
    for (int caso = 0; caso < 12; caso++) {
        int final = caso % 3, propio = caso / 3 % 2, atender = caso / 6, p; s = tp0_iniciar_servidor("127.0.0.1", "0"); usleep(1000);
        if (final == 0) { pthread_create(&t, NULL, espera, NULL); hasta_que_duerman(1); liberar_conexion(s); pthread_join(t, NULL); }
        if (final == 1) { pthread_create(&t, NULL, atiende, NULL); hasta_que_duerman(1); tp0_detener(s); pthread_join(t, NULL); }
        if (final == 2) tp0_detener(s);
        if (propio) n = escuchar_a_mano(&p); else { n = tp0_iniciar_servidor("127.0.0.1", "0"); p = tp0_puerto(n); }
        if (n != s) { printf("el numero no se reuso (%d, %d)\n", s, n); return 2; }
        r = 99; pthread_create(&t, NULL, atender ? atiende2 : espera2, NULL); hasta_que_duerman(1);
        ESPERO(r == 99, "caso %d: la espera en el nuevo dio %d (%s)", caso, r, strerror(e)); int c = conectar_a_mano(p);
        if (atender) hasta_que_duerman(1); else ESPERO(HASTA(20, r != 99) && r >= 0, "caso %d: el cliente del nuevo: %d", caso, r);
        int l = atender ? tp0_detener(n) : liberar_conexion(n); ESPERO(l == 0, "caso %d: %s dio %d", caso, atender ? "detener" : "liberar", l); pthread_join(t, NULL); close(c);
        if (abierto(n)) { ESPERO(0, "caso %d: quedo abierto", caso); close(n); }
        if (r >= 0 && r != 99 && !atender) close(r);
    }
    _exit(fallas != 0);
}
