/* pthread_cancel en cada funcion que recibe, tambien a mitad de un mensaje. Ver cancelar_comun.h. */
#include "cancelar_comun.h"
static int tam; static void abrir(void) { fd = crear_conexion("127.0.0.1", texto_del_puerto(mudo)); par = aceptar_a_mano(escucha); }
static void r1(void) { recibir_operacion(fd); } static void r2(void) { free(recibir_buffer(&tam, fd)); } static void r3(void) { recibir_mensaje(fd); }
static void r4(void) { tp0_liberar_lista(recibir_paquete(fd)); } static void r5(void) { eliminar_paquete(tp0_recibir(fd)); } static void r6(void) { free(tp0_recibir_mensaje(fd)); }
static void cierra(void) { close(par); } static void libera(void) { liberar_conexion(fd); } static void manda(void) { char b[20] = {1, 0, 0, 0, 4, 0, 0, 0}; mandar(par, b, 20); usleep(50000); close(par); }
static int prueba(void) {
    setenv("TP0_HANDSHAKE", "no", 1); escucha = escuchar_a_mano(&mudo); void (*f[])(void) = {r1, r2, r3, r4, r5, r6}, (*d[])(void) = {cierra, libera, manda};
    const char *n[] = {"recibir_operacion", "recibir_buffer", "recibir_mensaje", "recibir_paquete", "tp0_recibir", "tp0_recibir_mensaje"}; if (!freopen("/dev/null", "w", stderr)) return 2;
    for (long v = 0; v < 6; v++) for (long modo = 0; modo < 3; modo++) {
        abrir(); if (v && modo == 1) mandar(par, "\1\0", 2); /* a medio numero */
        struct llamada q = {n[v], f[v], d[(v + modo) % 3]}; cancelar(&q, modo); liberar_conexion(fd); close(par);
    }
    unsetenv("TP0_HANDSHAKE"); ESPERO(usar(), "despues, la biblioteca no anda"); return fallas != 0;
}
int main(void) { return vigilar(prueba); }
