/* pthread_cancel en lo que envia con el buffer lleno, en tp0_difundir a uno trabado, y en crear_conexion. Ver cancelar_comun.h. Con el envio por la
   mitad, otro hilo que esperaba para enviar por la misma conexion tampoco se queda. */
#include "cancelar_comun.h"
static char *m; static t_paquete *pq; static volatile int otro_listo;
static void e1(void) { enviar_mensaje(m, fd); } static void e2(void) { enviar_paquete(pq, fd); } static void e3(void) { int e; tp0_difundir(&fd, 1, pq, &e); }
static void e4(void) { int c = crear_conexion("127.0.0.1", texto_del_puerto(otro)); if (c > 0) liberar_conexion(c); }
static void *tambien(void *x) { enviar_mensaje("detras", fd); otro_listo = 1; return x; }
static void lee(void) { static char b[1 << 20]; plazo(par, 20000); size_t van = 0; for (ssize_t k; van < 8 + (16 << 20) && (k = recv(par, b, sizeof b, 0)) > 0;) van += (size_t)k; } static void libera(void) { liberar_conexion(fd); } static void nada(void) {}
static int prueba(void) {
    setenv("TP0_HANDSHAKE", "no", 1); escucha = escuchar_a_mano(&mudo); int n = 16 << 20; m = malloc((size_t)n); memset(m, 'a', (size_t)n - 1); m[n - 1] = 0; if (!freopen("/dev/null", "w", stderr)) return 2;
    pq = crear_paquete(); agregar_a_paquete(pq, m, n); struct llamada q[] = {{"enviar_mensaje", e1, lee}, {"enviar_paquete", e2, libera}, {"tp0_difundir", e3, nada}, {"crear_conexion", e4, nada}};
    escuchar_a_mano(&otro);
    for (int v = 0; v < 4; v++) for (long modo = 0; modo < 3; modo++) {
        setenv("TP0_HANDSHAKE", "no", 1); fd = crear_conexion("127.0.0.1", texto_del_puerto(mudo)); par = aceptar_a_mano(escucha); pthread_t t; otro_listo = 0;
        if (v == 3) { unsetenv("TP0_HANDSHAKE"); setenv("TP0_ESPERA_MS", "1500", 1); }
        if (v < 2 && modo == 0) { pthread_t c; struct llamada *x[2] = {q + v, 0}; tid = salio = 0; pthread_create(&c, NULL, cuerpo, x); HASTA(20, tid); dormido(getpid(), tid, 20); pthread_create(&t, NULL, tambien, NULL); hasta_que_duerman(2); pthread_cancel(c); usleep(50000); q[v].despertar(); pthread_join(c, NULL); ESPERO(HASTA(20, otro_listo), "%s: otro que enviaba quedo trabado", q[v].n); if (!otro_listo) return 1; pthread_join(t, NULL); }
        else cancelar(q + v, modo);
        liberar_conexion(fd); close(par);
    }
    unsetenv("TP0_HANDSHAKE"); setenv("TP0_ESPERA_MS", "5000", 1); ESPERO(usar(), "despues, la biblioteca no anda"); return fallas != 0;
}
int main(void) { return vigilar(prueba); }
