/* Cien servidores que ya se liberaron no le quitan el lugar al que sigue: el programa que se conecta consigo mismo antes de esperar clientes
   contesta su propio handshake, tenga ese servidor el numero que tenga. */
#include "comun.h"
int main(void) {
    int s, c; for (int i = 0; i < 100; i++) { s = tp0_iniciar_servidor("127.0.0.1", "0"); ESPERO(liberar_conexion(s) == 0, "liberar el %d: %s", i, tp0_error()); }
    dup2(0, s); /* el numero de todos esos, ocupado */
    int n = tp0_iniciar_servidor("127.0.0.1", "0"); if (n == s) { puts("el numero se reuso"); return 2; }
    c = crear_conexion("127.0.0.1", texto_del_puerto(tp0_puerto(n))); ESPERO(c >= 0, "conectar: %s", tp0_error());
    ESPERO(c < 0 || esperar_cliente(n) >= 0, "esperar: %s", tp0_error());
    return fallas != 0;
}
