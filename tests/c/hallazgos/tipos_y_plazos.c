/* Lo que era un numero (escuchaba, no bloqueaba, tenia SO_RCVTIMEO, era UNIX, se libero con alguien adentro) no es lo que es ahora. */
#include "comun.h"
#include <sys/stat.h>
static int fd; static volatile int r = 99; static void *recibe(void *x) { int k = recibir_operacion(fd); r = k; return x; }
static int par; static void *manda(void *x) { int m[2] = {7, 0}; usleep(400000); mandar(par, m, 8); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), z, k, e; pthread_t t; struct timeval tv = {0, 100000}; double d;
    int s = tp0_iniciar_servidor("127.0.0.1", "0"); enviar_mensaje("x", s); recibir_operacion(s); close(s); /* 1: escuchaba; ahora es una conexion */
    int n = conectar_a_mano(puerto); par = aceptar_a_mano(escucha); if (n != s) return 2;
    ESPERO(enviar_mensaje("x", n) == 0, "1: enviar: %s", tp0_error()); pthread_create(&t, NULL, manda, NULL); k = recibir_operacion(n); ESPERO(k == 7, "1: recibir: %d", k); pthread_join(t, NULL); free(recibir_buffer(&z, n));
    close(n); s = tp0_iniciar_servidor("127.0.0.1", "0"); if (n != s) return 2; /* 2: era una conexion; ahora escucha */
    k = enviar_mensaje("x", s); e = errno; ESPERO(k == -1 && e == EINVAL, "2: enviar por uno que escucha: %d (%s)", k, strerror(e)); k = recibir_operacion(s); e = errno; ESPERO(k == -1 && e == EINVAL, "2: recibir: %d (%s)", k, strerror(e));
    int c = conectar_a_mano(tp0_puerto(s)); k = esperar_cliente(s); ESPERO(k >= 0, "2: ya no escucha: %s", tp0_error()); close(k); close(c); close(s);
    n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int p1 = aceptar_a_mano(escucha); setsockopt(n, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv); recibir_operacion(n); close(n); /* 3: tenia plazo; ahora no */
    fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); par = aceptar_a_mano(escucha); if (fd != n) return 2;
    pthread_create(&t, NULL, manda, NULL); k = recibir_operacion(fd); ESPERO(k == 7, "3: sin plazo propio dio %d: %s", k, tp0_error()); pthread_join(t, NULL); free(recibir_buffer(&z, fd)); close(fd);
    n = conectar_a_mano(puerto); par = aceptar_a_mano(escucha); setsockopt(n, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv); d = ahora(); k = recibir_operacion(n); e = errno; d = ahora() - d; /* 4: no tenia; ahora si */
    ESPERO(k == -1 && e == EAGAIN && d < 20, "4: con plazo dio %d (%s) en %.1f s", k, strerror(e), d); pthread_create(&t, NULL, manda, NULL); pthread_join(t, NULL); k = recibir_operacion(n); ESPERO(k == 7, "4: despues del plazo la conexion sigue: %d", k); close(n);
    n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); aceptar_a_mano(escucha); liberar_conexion(n); /* 5: liberada; ahora, del programa, en uso por un hilo, y se libera otra vez */
    fd = conectar_a_mano(puerto); par = aceptar_a_mano(escucha); if (fd != n) return 2;
    pthread_create(&t, NULL, recibe, NULL); hasta_que_duerman(1); k = liberar_conexion(fd); HASTA(20, r != 99); char b; ESPERO(k == 0 && r == -1 && !abierto(fd), "5: liberar %d, el que recibia %d (99: dormido), %s", k, r, abierto(fd) ? "abierto" : "cerrado"); ESPERO(llega(par, &b, 1) == 0, "5: al par no le llego el fin");
    k = liberar_conexion(fd); e = errno; ESPERO(k == -1 && e == EBADF, "5: dos veces: %d", k); (void)p1; close(p1);
    s = tp0_iniciar_servidor("127.0.0.1", "0"); tv.tv_usec = 20000; setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv); double menor = 9; /* 6: la demora de quien insiste con lo que no escucha no se suma al plazo */
    for (z = 0; z < 20; z++) { d = ahora(); k = esperar_cliente(s); e = errno; d = ahora() - d; ESPERO(k == -1 && e == EAGAIN, "6: dio %d (%s)", k, strerror(e)); if (z > 1 && d < menor) menor = d; }
    ESPERO(menor < .1, "6: con un plazo de 20 ms ninguna tardo menos de %.3f s", menor); close(s);
    _exit(fallas != 0);
}
