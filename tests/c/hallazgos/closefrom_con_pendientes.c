/* Un servidor con handshakes a medias hace closefrom(3) (se reinicia) y abre archivos, tubos y sockets en todos esos numeros. Cuando a los handshakes
   viejos se les vence el plazo, la biblioteca no cierra ni escribe nada de eso; y un servidor nuevo anda. */
#include "comun.h"
#include <sys/stat.h>
static char puerto2[8]; static volatile int r = -9; static void *cliente(void *x) { usleep(900000); tp0_opciones *o = tp0_opciones_crear(); tp0_opciones_espera_ms(o, 20000); r = tp0_crear_conexion("127.0.0.1", puerto2, o); return x; }
static int caso(int primero) {
    setenv("TP0_ESPERA_MS", "600", 1); int s = tp0_iniciar_servidor("127.0.0.1", "0"), p = tp0_puerto(s), fuera[2], st; if (pipe(fuera)) return 2;
    pid_t k = fork(); /* los clientes, en otro proceso: siete a medias y uno bueno */
    if (!k) { closefrom(3); for (int i = 0; i < 7; i++) mandar(conectar_a_mano(p), "\1\0", 2); int c = conectar_a_mano(p), uno = 1; mandar(c, &uno, 4); sleep(4); _exit(0); }
    int bueno = esperar_cliente(s); if (bueno < 0) { puts("no llego el bueno"); return 2; }
    closefrom(3); int n = primero ? tp0_iniciar_servidor("127.0.0.1", "0") : -1; enum { N = 30 }; int fd[N], par[N]; struct stat a[N], b;
    for (int i = 0; i < N; i++) { int v[2] = {-1, -1}; /* los pares, lejos */
        if (i % 3 == 0) v[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); else if (i % 3 == 1) socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); else { if (pipe2(v, O_CLOEXEC)) return 2; int x = v[0]; v[0] = v[1]; v[1] = x; }
        par[i] = -1; if (i % 3) { par[i] = fcntl(v[1], F_DUPFD_CLOEXEC, 100); close(v[1]); if (v[0] > v[1]) { dup2(v[0], v[1]); close(v[0]); v[0] = v[1]; } } fd[i] = v[0]; fstat(fd[i], &a[i]); }
    if (!primero) n = tp0_iniciar_servidor("127.0.0.1", "0");
    snprintf(puerto2, 8, "%d", tp0_puerto(n)); pthread_t t; pthread_create(&t, NULL, cliente, NULL);
    int c = esperar_cliente(n); ESPERO(c >= 0, "el servidor nuevo: %s", tp0_error()); pthread_join(t, NULL); ESPERO(r >= 0, "su cliente: %d", r);
    for (int i = 0; i < N; i++) {
        const char *q = i % 3 == 0 ? "archivo" : i % 3 == 1 ? "par UNIX" : "tubo"; char x[8]; ESPERO(fstat(fd[i], &b) == 0 && b.st_ino == a[i].st_ino && b.st_dev == a[i].st_dev, "%s en %d: cerrado o reemplazado", q, fd[i]);
        if (i % 3 == 0) ESPERO(b.st_size == 0, "archivo en %d: le escribieron %ld bytes", fd[i], (long)b.st_size);
        else { fcntl(par[i], F_SETFL, O_NONBLOCK); ssize_t l = read(par[i], x, 8); ESPERO(l == -1 && errno == EAGAIN, "%s en %d: por el otro extremo se lee %zd", q, fd[i], l); }
    }
    kill(k, SIGKILL); waitpid(k, &st, 0); return fallas != 0;
}
int main(void) { int r = 0, st; for (int a = 0; a < 2; a++) { pid_t k = fork(); if (!k) _exit(caso(a)); waitpid(k, &st, 0); r |= st != 0; if (WIFSIGNALED(st)) printf("MAL senial %d\n", WTERMSIG(st)); } return r; }
