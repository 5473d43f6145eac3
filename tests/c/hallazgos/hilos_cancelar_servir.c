/* pthread_cancel en esperar_cliente (con un handshake a medio hacer, y de varios hilos el que tiene el turno), tp0_atender y tp0_detener. Ver
   cancelar_comun.h. Otro hilo que esperaba en el mismo servidor sigue sirviendo. */
#include "cancelar_comun.h"
static volatile int seguir, otro_r; static void cli(int c, void *x) { (void)c; (void)x; while (!seguir) usleep(1000); }
static void s1(void) { int c = esperar_cliente(servidor); if (c > 0) liberar_conexion(c); } static void s2(void) { int32_t h; int c = tp0_esperar_cliente(servidor, &h); if (c > 0) liberar_conexion(c); }
static void s3(void) { tp0_atender(servidor, cli, NULL); } static void s4(void) { tp0_detener(servidor); }
static void libera(void) { liberar_conexion(servidor); } static void detiene(void) { seguir = 1; tp0_detener(servidor); } static void deja(void) { seguir = 1; }
static int fd2; static void cliente(void) { fd2 = saludar(tp0_puerto(servidor)); }
static void *atiende(void *x) { tp0_atender(servidor, cli, NULL); return x; } static void *espera(void *x) { int c = esperar_cliente(servidor); otro_r = c < 0 ? -errno : c; return x; }
static int prueba(void) {
    if (!freopen("/dev/null", "w", stderr)) return 2;
    struct llamada q[] = {{"esperar_cliente/liberar", s1, libera}, {"tp0_esperar_cliente/cliente", s2, cliente}, {"esperar_cliente con otro hilo", s1, cliente}, {"tp0_atender", s3, detiene}, {"tp0_detener", s4, deja}};
    tp0_opciones *o = tp0_opciones_crear(); tp0_opciones_cierre_ms(o, 60000);
    for (int v = 0; v < 5; v++) for (long modo = 0; modo < 3; modo++) {
        servidor = tp0_iniciar_servidor_con("127.0.0.1", "0", o); int p = tp0_puerto(servidor), c = -1, d = -1; pthread_t t; seguir = otro_r = 0; fd2 = -1;
        if (v < 2) { c = conectar_a_mano(p); medio(c, 1, 0); }
        if (v == 4) pthread_create(&t, NULL, atiende, NULL);
        if (v >= 3) { c = saludar(p); if (v == 4) ESPERO(respuesta(c, 20000) == 0, "no lo atienden"); }
        if (v != 2) cancelar(q + v, modo);
        else { /* dos hilos esperan; se cancela a uno; llegan dos clientes: el otro recibe uno */
            pthread_t a; void *x[2] = {q + v, (void *)modo}; tid = 0; pthread_create(&a, NULL, cuerpo, x); HASTA(20, tid); dormido(getpid(), tid, 20); pthread_create(&t, NULL, espera, NULL); hasta_que_duerman(2); pthread_cancel(a); usleep(50000);
            c = saludar(p); d = saludar(p); ESPERO(HASTA(20, otro_r > 0), "modo %ld: se cancelo a uno, y el otro no recibe a ninguno de dos clientes (%d)", modo, otro_r); struct timespec h; clock_gettime(CLOCK_REALTIME, &h); h.tv_sec += 20; void *r = 0;
            ESPERO(pthread_timedjoin_np(a, &r, &h) == 0 && (r == PTHREAD_CANCELED) == (modo != 2), "modo %ld: el cancelado no termina bien", modo);
        }
        if (v == 4 || v == 2) { if (v == 2) liberar_conexion(servidor); struct timespec h; clock_gettime(CLOCK_REALTIME, &h); h.tv_sec += 20; ESPERO(pthread_timedjoin_np(t, NULL, &h) == 0, "%s: el otro hilo no termina", q[v].n); if (otro_r > 0) liberar_conexion(otro_r); }
        close(c); close(d); close(fd2); liberar_conexion(servidor); if (fallas > 5) return 1;
        int again = tp0_iniciar_servidor("127.0.0.1", texto_del_puerto(p)); ESPERO(again > 0, "%s, modo %ld: el puerto no quedo libre", q[v].n, modo); liberar_conexion(again);
    }
    tp0_opciones_destruir(o); ESPERO(usar(), "despues, la biblioteca no anda"); return fallas != 0;
}
int main(void) { return vigilar(prueba); }
