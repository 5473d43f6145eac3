/* Tres mil clientes buenos se conectan a la vez (sin bloquear) y mandan su handshake en cuanto estan: ninguno es rechazado, con esperar_cliente y
   con tp0_atender. "A burst larger than the kernel hides (syncookies): while the oldest silent client is younger than a second none is turned
   away for being one too many"; issue: "With 5,000 connecting at once good clients are turned away". */
#include "mas.h"
#define N 3000
static void cli(int c, void *x) { (void)c; (void)x; usleep(1000); }
static int prueba(void) {
    struct rlimit l = {20000, 20000}; setrlimit(RLIMIT_NOFILE, &l); setenv("TP0_ESPERA_MS", "60000", 1); static struct pollfd p[N]; static char que[N];
    for (int v = 0; v < 2; v++) {
        int s = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(s), uno = 1, r, bien = 0, mal = 0; pid_t k = fork(); struct sockaddr_in a = en("127.0.0.1", puerto);
        if (!k) { if (v) tp0_atender(s, cli, NULL); for (;;) if (esperar_cliente(s) == -1) _exit(9); }
        dormido(k, k, 20); memset(que, 0, N); double t = ahora();
        for (int i = 0; i < N; i++) { p[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); p[i].events = POLLOUT; connect(p[i].fd, (void *)&a, sizeof a); }
        while (bien + mal < N && ahora() - t < 40) {
            poll(p, N, 100); for (int i = 0; i < N; i++) if (p[i].fd >= 0 && p[i].revents) {
                if (!que[i] && p[i].revents & POLLOUT) { mandar(p[i].fd, &uno, 4); que[i] = 1; p[i].events = POLLIN; continue; }
                r = -9; ssize_t q = recv(p[i].fd, &r, 4, MSG_DONTWAIT); if (q == 4 && r == 0) bien++; else mal++;
                p[i].fd = -p[i].fd - 1;
            }
        }
        ESPERO(mal == 0, "%s: %d rechazados o cortados de %d", v ? "tp0_atender" : "esperar_cliente", mal, N); ESPERO(bien + mal == N, "%s: %d sin respuesta en 40 s", v ? "tp0_atender" : "esperar_cliente", N - bien - mal);
        kill(k, SIGKILL); waitpid(k, NULL, 0); for (int i = 0; i < N; i++) close(p[i].fd < 0 ? -p[i].fd - 1 : p[i].fd);
        liberar_conexion(s);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
