/* SIGINT (sin SA_RESTART) dirigida al PROCESO, que tiene otros hilos sin bloquearla, mientras el hilo principal espera en medio de una
   inundacion de clientes malos y de SIGUSR1 con SA_RESTART (que no cortan). En un programa de manual la recibe el principal, que no la
   bloqueo; aca tambien, y la espera termina. "one without it always ends esperar_cliente and tp0_atender, also when it ran while clients
   were being turned away". */
#include "mas.h"
static volatile int corrio; static void in(int x) { (void)x; corrio = mi_tid(); } static void us(int x) { (void)x; }
static void cli(int c, void *x) { (void)x; recibir_operacion(c); }
static void *otro(void *x) { for (;;) sleep(1000); return x; }
static void servidor(int s, int v) {
    manejar(SIGUSR1, us, SA_RESTART); manejar(SIGINT, in, 0); pthread_t t; for (int i = 0; i < 3; i++) pthread_create(&t, NULL, otro, NULL);
    int r = v & 1 ? tp0_atender(s, cli, NULL) : esperar_cliente(s), e = errno; sigset_t b; sigemptyset(&b); pthread_sigmask(SIG_SETMASK, NULL, &b);
    _exit(!corrio ? 10 : r != -1 || e != EINTR ? 11 : corrio != mi_tid() ? 12 : sigismember(&b, SIGINT) ? 13 : 0);
}
static int prueba(void) {
    if (!freopen("/dev/null", "w", stderr)) return 2;
    for (int v = 0; v < 16 && fallas < 4; v++) {
        int s = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(s), st; pid_t k = fork(), m[2]; if (!k) servidor(s, v);
        dormido(k, k, 20);
        for (int i = 0; i < 2; i++) if ((m[i] = fork()) == 0) for (;;) uno_malo(puerto);
        double t = ahora(); while (ahora() - t < .2 + v * .0007) { kill(k, SIGUSR1); usleep(500); }
        ESPERO(waitpid(k, &st, WNOHANG) == 0, "vuelta %d: SIGUSR1 la termino (%d)", v, WEXITSTATUS(st));
        dormido(k, k, 2);   /* si llega adentro del manejador de la otra no corta nada, tampoco a un accept */
        kill(k, SIGINT); usleep(150000); for (int i = 0; i < 2; i++) { kill(m[i], SIGKILL); waitpid(m[i], NULL, 0); }
        int fin = HASTA(20, waitpid(k, &st, WNOHANG) == k);
        ESPERO(fin, "vuelta %d, %s: SIGINT no la termino", v, v & 1 ? "tp0_atender" : "esperar_cliente");
        ESPERO(!fin || st == 0, "vuelta %d, %s: %s", v, v & 1 ? "tp0_atender" : "esperar_cliente", WEXITSTATUS(st) == 10 ? "volvio sin que corriera" : WEXITSTATUS(st) == 11 ? "no dio EINTR" : WEXITSTATUS(st) == 12 ? "corrio en otro hilo" : "SIGINT quedo bloqueada");
        if (!fin) { kill(k, SIGKILL); waitpid(k, &st, 0); }
        liberar_conexion(s);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
