/* "Liberar despierta a los que duermen, salvo que el proceso haya hecho fork despues de crearlo: entonces solo cierra su copia". Vale para el
   socket que hay ahora en el numero, no para el que hubo: uno nuevo despierta, uno viejo pisado con dup2 no se le corta al hijo. */
#include "comun.h"
static int n; static volatile int r = 99; static void *recibe(void *x) { int k = recibir_operacion(n); r = k; return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), st; char b; pthread_t t;
    for (int propia = 0; propia < 2; propia++) { /* el viejo es anterior al fork; el nuevo, posterior */
        int a = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); aceptar_a_mano(escucha); pid_t k = fork(); if (!k) { alarm(60); pause(); _exit(0); }
        close(a); n = propia ? conectar_a_mano(puerto) : crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha); if (n != a) { puts("el numero no se reuso"); return 2; }
        r = 99; if (!propia) { pthread_create(&t, NULL, recibe, NULL); hasta_que_duerman(1); }
        liberar_conexion(n); if (!propia) ESPERO(HASTA(20, r != 99) && r == -1, "la conexion posterior al fork no desperto al que recibia");
        ESPERO(llega(par, &b, 1) == 0, "%d: al par no le llego el fin", propia); kill(k, SIGKILL); waitpid(k, &st, 0); if (abierto(n)) close(n);
    }
    for (int propia = 0; propia < 2; propia++) { /* el nuevo (pisado con dup2) es anterior al fork */
        int v = propia ? conectar_a_mano(puerto) : crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par = aceptar_a_mano(escucha), va[2]; if (pipe(va)) return 2;
        pid_t k = fork(); if (!k) { if (read(va[0], &b, 1)) {} if (send(v, "sigo", 4, MSG_NOSIGNAL)) {} _exit(0); }
        int a = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); aceptar_a_mano(escucha); dup2(v, a); close(v); int l = liberar_conexion(a); ESPERO(l == 0 && !abierto(a), "liberar: %d", l);
        if (write(va[1], "x", 1)) {}
        waitpid(k, &st, 0); char q[5] = {0}; ssize_t z = recv(par, q, 4, MSG_DONTWAIT); ESPERO(z == 4, "%s: al hijo le cortaron su copia (el par lee %zd)", propia ? "del programa" : "de la biblioteca", z);
    }
    _exit(fallas != 0);
}
