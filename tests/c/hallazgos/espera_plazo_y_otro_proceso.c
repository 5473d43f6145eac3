/* crear_conexion contesta, mientras espera, los handshakes de los servidores de su proceso; seis procesos hacen eso con el mismo socket, y dos mas
   esperan en el: al que pierde la carrera por un cliente igual le vence el plazo. "connect with a deadline"; header: "Bloquea a lo sumo
   TP0_ESPERA_MS"; "whoever loses the race for a client goes on". */
#include "mas.h"
static int prueba(void) {
    setenv("TP0_ESPERA_MS", "600", 1); int mudo, s = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(s), n = 0; escuchar_a_mano(&mudo);
    pid_t k[2], a[6]; for (int i = 0; i < 2; i++) if ((k[i] = fork()) == 0) for (;;) { int c = esperar_cliente(s); if (c > 0) liberar_conexion(c); }
    double desde = ahora(); for (int v = 0; ahora() - desde < 6; v++) {
        for (int i = 0; i < 6; i++) if ((a[i] = fork()) == 0) {
            double t = ahora(); int c = crear_conexion("127.0.0.1", texto_del_puerto(mudo)), e = errno; t = ahora() - t;
            _exit(c != -1 || e != ETIMEDOUT ? 2 : t > 20 ? 3 : 0);
        }
        for (int i = 0; i < 6; i++) dormido(a[i], a[i], .1);
        for (int i = 0; i < 4; i++) { int c = saludar(puerto); ESPERO(respuesta(c, 20000) == 0, "un cliente sin respuesta"); close(c); usleep(1000); }
        for (int i = 0; i < 6; i++) {
            int st = 0, fin = HASTA(30, waitpid(a[i], &st, WNOHANG) == a[i]); n++; if (!fin) { kill(a[i], SIGKILL); waitpid(a[i], NULL, 0); }
            ESPERO(fin && st == 0, "de %d: %s", n, !fin ? "a los 30 s sigue en crear_conexion, y el plazo era de 0,6" : WEXITSTATUS(st) == 3 ? "tardo mas de 20 s" : "no dio ETIMEDOUT");
        }
        if (fallas > 3) break;
    }
    for (int i = 0; i < 2; i++) kill(k[i], SIGKILL);
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
