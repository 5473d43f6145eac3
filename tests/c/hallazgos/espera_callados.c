/* Casi cuatrocientos clientes que mandan dos bytes y callan, otros cien que ni eso, y uno bueno entre ellos: el bueno es atendido, y a nadie se lo
   rechaza antes de un segundo. Limite de 20.000 descriptores. "Silent or dripping clients delay nobody"; "while the oldest silent client is
   younger than a second none is turned away for being one too many". Sólo se juzga lo que se vio antes de un segundo. */
#include "mas.h"
static void cli(int c, void *x) { (void)x; recibir_operacion(c); }
static int prueba(void) {
    struct rlimit l = {20000, 20000}; setrlimit(RLIMIT_NOFILE, &l); if (!freopen("/dev/null", "w", stderr)) return 2;
    setenv("TP0_ESPERA_MS", "600000", 1);
    for (int v = 0; v < 4; v++) {
        if (v & 2) setenv("TP0_HANDSHAKE", "opcional", 1);
        int s = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(s); pid_t k = fork();
        if (!k) { if (v & 1) tp0_atender(s, cli, NULL); for (;;) { int c = esperar_cliente(s); if (c == -1) _exit(9); } }
        dormido(k, k, 20); int n = 480, c[480], bueno = -1, antes = 0; double t = ahora();
        for (int i = 0; i < n; i++) { c[i] = conectar_a_mano(puerto); if (i % 9 < 7) medio(c[i], 1, 0); if (i == 400) bueno = saludar(puerto); }
        double h = ahora() - t; int r = respuesta(bueno, 20000); double hb = ahora() - t;
        ESPERO(r == 0, "caso %d: al bueno, %d a los %.2f s (los 480 en %.2f)", v, r, hb, h);
        for (int i = 0; i < n; i++) { char b[4]; ssize_t q = recv(c[i], b, 4, MSG_DONTWAIT); if (ahora() - t < .95) antes += q >= 0 || errno != EAGAIN; }
        ESPERO(antes == 0, "caso %d: %d rechazados antes de un segundo", v, antes);
        if (v == 3 && ahora() - t > .95) puts("(muy lento: los callados no se juzgaron)");
        int b2 = saludar(puerto); ESPERO(respuesta(b2, 20000) == 0, "caso %d: otro bueno, despues, no", v); usleep(1100000);
        int b3 = saludar(puerto); ESPERO(respuesta(b3, 20000) == 0, "caso %d: otro bueno, al segundo y pico, no", v);
        ESPERO(waitpid(k, NULL, WNOHANG) == 0, "caso %d: el servidor termino", v); kill(k, SIGKILL); waitpid(k, NULL, 0);
        for (int i = 0; i < n; i++) close(c[i]);
        close(bueno); close(b2); close(b3); liberar_conexion(s);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
