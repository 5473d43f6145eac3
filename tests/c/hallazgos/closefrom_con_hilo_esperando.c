/* closefrom(3) mientras un hilo esta en esperar_cliente (o en tp0_atender) con handshakes a medias, y otro recibiendo; el programa abre lo suyo en
   esos numeros. Pase lo que pase con esos hilos, lo del programa sigue abierto e igual. */
#include "comun.h"
#include <sys/stat.h>
static int s, con; static void f(int c, void *x) { (void)x; while (recibir_operacion(c) != -1) {} }
static void *espera(void *x) { if (x) tp0_atender(s, f, NULL); else esperar_cliente(s); return NULL; } static void *recibe(void *x) { recibir_operacion(con); return x; }
static int caso(long atender) {
    setenv("TP0_ESPERA_MS", "500", 1); int escucha, puerto; escucha = escuchar_a_mano(&puerto); s = tp0_iniciar_servidor("127.0.0.1", "0"); int p = tp0_puerto(s), listo[2]; char x[8]; if (pipe(listo)) return 1; pid_t k = fork();
    if (!k) { dup2(listo[1], 1); closefrom(3); for (int i = 0; i < 6; i++) mandar(conectar_a_mano(p), "\1\0", 2); int c = conectar_a_mano(p), uno = 1; if (atender) mandar(c, &uno, 4); if (write(1, "x", 1) == 1) sleep(2); _exit(0); }
    tp0_opciones *o = tp0_opciones_crear(); tp0_opciones_sin_handshake(o); con = tp0_crear_conexion("127.0.0.1", texto_del_puerto(puerto), o); int par = aceptar_a_mano(escucha), lejos = fcntl(par, F_DUPFD_CLOEXEC, 500); (void)lejos;
    pthread_t t, u; pthread_create(&t, NULL, espera, (void *)atender); pthread_create(&u, NULL, recibe, NULL);
    /* Los clientes ya llamaron, y no queda nadie aceptando: accept(2) puede devolver un numero que justo se cierra, y eso no lo puede saber nadie. */
    if (read(listo[0], x, 1) != 1) return 1;
    close(listo[0]); close(listo[1]); hasta_que_duerman(2);
    close_range(3, 499, 0); enum { N = 30 }; int fd[N], par2[N]; struct stat a[N], b;
    for (int i = 0; i < N; i++) { int v[2] = {-1, -1}; par2[i] = -1; if (i % 2) { socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); par2[i] = fcntl(v[1], F_DUPFD_CLOEXEC, 100); close(v[1]); } else v[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); fd[i] = v[0]; fstat(fd[i], &a[i]); }
    usleep(300000); shutdown(500, SHUT_RDWR); close(500); usleep(900000); kill(k, SIGKILL); waitpid(k, NULL, 0); usleep(300000);
    for (int i = 0; i < N; i++) {
        ESPERO(fstat(fd[i], &b) == 0 && b.st_ino == a[i].st_ino && b.st_dev == a[i].st_dev, "%s, %s en %d: cerrado o reemplazado", atender ? "atender" : "esperar", i % 2 ? "par UNIX" : "archivo", fd[i]);
        if (i % 2 == 0) ESPERO(b.st_size == 0, "archivo en %d: le escribieron %ld bytes", fd[i], (long)b.st_size);
        else { ssize_t l = recv(par2[i], x, 8, MSG_DONTWAIT); ESPERO(l == -1 && errno == EAGAIN, "%s, par UNIX en %d: por el otro extremo se lee %zd", atender ? "atender" : "esperar", fd[i], l); }
    }
    return fallas != 0;
}
int main(void) { int r = 0, st; for (long a = 0; a < 2; a++) { pid_t k = fork(); if (!k) _exit(caso(a)); waitpid(k, &st, 0); r |= !WIFEXITED(st) || WEXITSTATUS(st); if (WIFSIGNALED(st)) printf("MAL senial %d\n", WTERMSIG(st)); } return r; }
