/* Dos hilos liberan a la vez el mismo socket mientras un tercero abre archivos: "released twice, or not a socket: nothing happens, EBADF". El
   archivo que cae en el numero no se cierra nunca, y una sola de las dos da 0. */
#include "comun.h"
#include <sys/stat.h>
static int fd, r[2]; static pthread_barrier_t ba, bb; static volatile int fin, hechos;
static void *libera(void *x) { for (;;) { pthread_barrier_wait(&ba); if (fin) return x; r[(long)x] = liberar_conexion(fd); __sync_fetch_and_add(&hechos, 1); pthread_barrier_wait(&bb); } }
int main(void) {
    pthread_barrier_init(&ba, NULL, 3); pthread_barrier_init(&bb, NULL, 3); pthread_t t[2]; for (long i = 0; i < 2; i++) pthread_create(&t[i], NULL, libera, (void *)i);
    int archivo = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), cerrados = 0, mal = 0, reusos = 0, veces = 0; struct stat a, s; fstat(archivo, &a);
    for (double desde = ahora(); ahora() - desde < 4; veces++) {
        int v[2], m; socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); fd = v[0]; hechos = 0; pthread_barrier_wait(&ba);
        while ((m = fcntl(archivo, F_DUPFD_CLOEXEC, fd)) != fd && hechos < 2) close(m);
        pthread_barrier_wait(&bb); reusos += m == fd; int vivo = fstat(m, &s) == 0 && s.st_ino == a.st_ino;
        cerrados += !vivo; mal += (r[0] == 0) + (r[1] == 0) != 1; if (vivo) close(m);
        close(v[1]);
    }
    fin = 1; pthread_barrier_wait(&ba);
    ESPERO(cerrados == 0, "el archivo del programa quedo cerrado %d veces de %d (%d reusos)", cerrados, veces, reusos); ESPERO(mal == 0, "%d veces de %d no fue exactamente una la que dio 0", mal, veces);
    printf("%d veces, %d reusos\n", veces, reusos); return fallas != 0;
}
