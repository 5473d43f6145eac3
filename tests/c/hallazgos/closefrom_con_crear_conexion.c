/* Un hilo en crear_conexion, esperando el handshake de uno que no contesta; el programa hace close_range de todo lo que tenia y abre lo suyo en esos
   numeros. Al vencer el plazo crear_conexion falla: sin leer, escribir ni cerrar nada de lo nuevo. */
#include "comun.h"
#include <sys/stat.h>
static char p[8]; static volatile int r = 99; static void *conecta(void *x) { r = crear_conexion("127.0.0.1", p); return x; }
int main(void) {
    setenv("TP0_ESPERA_MS", "1500", 1); int puerto, escucha = escuchar_a_mano(&puerto); snprintf(p, 8, "%d", puerto); dup2(escucha, 300); close(escucha);
    pthread_t t; pthread_create(&t, NULL, conecta, NULL); hasta_que_duerman(1); close_range(3, 299, 0); enum { N = 12 }; int fd[N], otro[N]; struct stat a[N], b; char x[8];
    for (int i = 0; i < N; i++) { int v[2]; if (i % 3 == 0) { fd[i] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); otro[i] = -1; if (write(fd[i], "\0\0\0\0", 4)) {} lseek(fd[i], 0, SEEK_SET); }
        else { socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); otro[i] = fcntl(v[1], F_DUPFD_CLOEXEC, 400); close(v[1]); fd[i] = v[0]; mandar(otro[i], "\0\0\0\0", 4); } fstat(fd[i], &a[i]); }
    HASTA(20, r != 99); ESPERO(r == -1, "crear_conexion: %d (99: no volvio)", r);
    for (int i = 0; i < N; i++) {
        ESPERO(fstat(fd[i], &b) == 0 && a[i].st_ino == b.st_ino && a[i].st_size == b.st_size, "%s en %d: cerrado, reemplazado o escrito", i % 3 ? "par UNIX" : "archivo", fd[i]);
        if (i % 3) { ssize_t k = recv(otro[i], x, 8, MSG_DONTWAIT); ESPERO(k == -1 && errno == EAGAIN, "par en %d: al otro extremo le llego %zd", fd[i], k); k = recv(fd[i], x, 8, MSG_DONTWAIT); ESPERO(k == 4, "par en %d: de sus 4 bytes quedan %zd", fd[i], k); }
    }
    _exit(fallas != 0);
}
