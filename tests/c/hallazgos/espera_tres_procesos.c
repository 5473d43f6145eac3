/* Tres procesos esperan en el mismo socket: uno con esperar_cliente, otro con tp0_atender, otro con select y despues esperar_cliente. Los
   handshakes llegan en dos pedazos, entreverados con clientes enteros: todos tienen respuesta.
   "Several processes may wait on one listener: whoever loses the race for a client goes on with its pending handshakes." */
#include "mas.h"
#include <sys/select.h>
static void nada(int c, void *x) { (void)x; recibir_operacion(c); }
static int prueba(void) {
    setenv("TP0_ESPERA_MS", "60000", 1); int s = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(s), malas = 0, todas = 0;
    pid_t k[3]; for (int i = 0; i < 3; i++) if ((k[i] = fork()) == 0) {
        if (i == 1) { tp0_atender(s, nada, NULL); _exit(9); }
        for (;;) {
            if (i == 2) { fd_set f; FD_ZERO(&f); FD_SET(s, &f); struct timeval t = {0, 50000}; select(s + 1, &f, NULL, NULL, &t); }
            int c = esperar_cliente(s); if (c > 0) close(c);
        }
    }
    for (int i = 0; i < 3; i++) dormido(k[i], k[i], 20);
    for (int r = 0; r < 50; r++) {
        int m[3], e[3]; for (int i = 0; i < 3; i++) { m[i] = conectar_a_mano(puerto); medio(m[i], 1, 0); usleep(2000); e[i] = saludar(puerto); usleep(r % 4 * 2000); }
        for (int i = 0; i < 3; i++) medio(m[i], 1, 1);
        for (int i = 0; i < 3; i++) { todas += 2; malas += respuesta(m[i], 20000) != 0; malas += respuesta(e[i], 20000) != 0; close(m[i]); close(e[i]); }
        if (malas) break;
    }
    for (int i = 0; i < 3; i++) ESPERO(waitpid(k[i], NULL, WNOHANG) == 0, "el proceso %d termino (tp0_atender es el 1)", i);
    ESPERO(malas == 0, "%d handshakes de %d sin respuesta en 20 s", malas, todas); return fallas != 0;
}
int main(void) { return vigilar(prueba); }
