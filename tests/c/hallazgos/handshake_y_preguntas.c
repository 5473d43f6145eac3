/* tp0_handshake, tp0_puerto y tp0_conexion_activa, en numeros cerrados con close() y reusados: lo que dicen es de lo que hay ahora. */
#include "mas.h"
static int a, b; static volatile int atendidos, espera; static void *acepta(void *x) { espera = mi_tid(); while (esperar_cliente(a) >= 0) atendidos++; return x; }
static int contesta; /* Con poll primero: un accept que espera ya tiene tomado su número. */
static void *contestar(void *x) { struct pollfd p = {contesta, POLLIN, 0}; poll(&p, 1, 20000); int c = accept4(contesta, NULL, NULL, SOCK_CLOEXEC), h, cero = 0; recv(c, &h, 4, MSG_WAITALL); mandar(c, &cero, 4); return x; }
int main(void) {
    int puerto, escucha = escuchar_a_mano(&puerto), pc, v[2]; contesta = escuchar_a_mano(&pc); tp0_opciones *sin = tp0_opciones_crear(), *siete = tp0_opciones_crear(); tp0_opciones_sin_handshake(sin); tp0_opciones_handshake(siete, 7);
    a = tp0_iniciar_servidor("127.0.0.1", "0"); b = tp0_iniciar_servidor_con("127.0.0.1", "0", sin); char pa[8]; snprintf(pa, 8, "%d", tp0_puerto(a)); pthread_t t; pthread_create(&t, NULL, acepta, NULL);
    int32_t h = 99; int reservas[8], r;
    for (int caso = 0; caso < 8; caso++) {
        int n = crear_conexion("127.0.0.1", pa), m = -1; for (double d = ahora(); atendidos <= caso && ahora() - d < 9;) usleep(200); /* y que vuelva a dormir: al esperar abre y cierra números */ dormido(getpid(), espera, 9); if (tp0_handshake(n, &h) != 1) { puts("sin handshake?"); return 2; }
        if (caso == 5) { close(n); socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); m = v[0]; }
        else close(n);
        if (caso == 0) { int c = conectar_a_mano(tp0_puerto(b)); m = c; if (m == n) { dup2(c, 200); close(c); m = esperar_cliente(b); } }
        if (caso == 1) { m = tp0_crear_conexion("127.0.0.1", texto_del_puerto(puerto), sin); close(aceptar_a_mano(escucha)); for (double d = ahora(); tp0_conexion_activa(m) != 0 && ahora() - d < 9;) usleep(200); }
        if (caso == 2) { pthread_create(&t, NULL, contestar, NULL); m = tp0_crear_conexion("127.0.0.1", texto_del_puerto(pc), siete); }
        if (caso == 3) { if (pipe2(v, O_CLOEXEC)) return 2; m = v[0]; }
        if (caso == 4) m = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (caso == 6) m = escuchar_a_mano(&r);
        if (caso == 7) { m = conectar_a_mano(puerto); reservas[7] = aceptar_a_mano(escucha); }
        if (m != n) { printf("caso %d: el numero no se reuso (%d, %d)\n", caso, n, m); return 2; }
        h = 99; int k = tp0_handshake(m, &h), e = errno;
        if (caso == 2) ESPERO(k == 1 && h == 7, "caso 2: %d, valor %d", k, h); else if (caso == 3) ESPERO(k == -1 && e == EBADF, "tubo: tp0_handshake dio %d (%s)", k, strerror(e));
        else ESPERO(k == 0 && h == 0, "caso %d: tp0_handshake dio %d, valor %d", caso, k, h);
        if (caso == 1) ESPERO((r = tp0_conexion_activa(m)) == 0, "caso 1, par que se fue: activa dio %d", r);
        if (caso == 3) { r = tp0_puerto(m); e = errno; ESPERO(r == -1 && e == EBADF, "tubo: tp0_puerto dio %d", r); r = tp0_conexion_activa(m); e = errno; ESPERO(r == -1 && e == EBADF, "tubo: activa dio %d (%s)", r, strerror(e)); }
        if (caso == 5) { r = tp0_puerto(m); e = errno; ESPERO(r == -1 && e == EINVAL, "UNIX: tp0_puerto dio %d (%s)", r, strerror(e)); ESPERO((r = tp0_conexion_activa(m)) == 1, "UNIX: activa dio %d", r); }
        if (caso == 6) { r = tp0_conexion_activa(m); e = errno; ESPERO(r == -1 && e == EINVAL, "que escucha: activa dio %d (%s)", r, strerror(e)); }
        if (caso == 7) ESPERO((r = tp0_conexion_activa(m)) == 1, "TCP: activa dio %d", r);
        dup2(m, 100 + caso);   /* se queda con ese numero: el siguiente caso usa otro */
    }
    (void)reservas; _exit(fallas != 0);
}
