/* Con 16, 32 y 48 descriptores, un servidor con su propio accept que nunca cierra (u olvida a veces, o siempre cierra), mezclado con conexiones de
   la biblioteca que tampoco se cierran: atiende a doscientos, y un archivo y un par suyos siguen abiertos e iguales. */
#include "comun.h"
#include <sys/stat.h>
static int caso(int limite, int habito) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), p2, e2 = escuchar_a_mano(&p2), st; pid_t k = fork();
    if (!k) { pid_t j = fork(); for (int i = 0; i < 250; i++) if (j) { int s = conectar_a_mano(puerto); char b; shutdown(s, SHUT_WR); if (recv(s, &b, 1, 0)) {} close(s); } else { int s = aceptar_a_mano(e2); close(s); } _exit(0); }
    close(e2); struct rlimit l = {(rlim_t)limite, (rlim_t)limite}; setrlimit(RLIMIT_NOFILE, &l); int v[2], f = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), n = 0; socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v);
    struct stat a[3], b; fstat(f, &a[0]); fstat(v[0], &a[1]); fstat(v[1], &a[2]); int mios[3] = {f, v[0], v[1]};
    for (; n < 200; n++) {
        int c = aceptar_a_mano(escucha); if (c < 0) { printf("MAL limite %d, habito %d: accept propio numero %d: %s\n", limite, habito, n, strerror(errno)); fallas++; break; }
        while (recibir_operacion(c) != -1) {}
        if (habito == 2 || (habito == 1 && n % 3 == 0)) close(c);
        if (n % 4 == 0) { int q = crear_conexion("127.0.0.1", texto_del_puerto(p2)); if (q < 0) { printf("MAL limite %d, habito %d: crear_conexion en %d: %s\n", limite, habito, n, tp0_error()); fallas++; break; } while (recibir_operacion(q) != -1) {} if (n % 8 == 0 && habito) liberar_conexion(q); }
        for (int i = 0; i < 3; i++) if (fstat(mios[i], &b) || b.st_ino != a[i].st_ino) { printf("MAL limite %d: cerraron lo del programa en %d\n", limite, n); return 1; }
    }
    char x; ESPERO(recv(v[0], &x, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "el par UNIX quedo cortado"); kill(k, SIGKILL); waitpid(k, &st, 0); return fallas != 0;
}
int main(void) { int r = 0, st, limites[] = {16, 32, 48}; for (int i = 0; i < 9; i++) { pid_t k = fork(); if (!k) { setpgid(0, 0); int q = caso(limites[i / 3], i % 3); fflush(stdout); _exit(q); } waitpid(k, &st, 0); kill(-k, SIGKILL); r |= st != 0; } return r; }
