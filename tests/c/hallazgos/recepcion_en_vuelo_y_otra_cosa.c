/* Un hilo en recibir_operacion(N); el programa cierra N y N pasa a ser un par UNIX, un tubo, un UDP, un archivo o uno que escucha. El par
   viejo se va: nada de eso se cierra, se reemplaza ni se corta. */
#include "comun.h"
#include <sys/stat.h>
#include <poll.h>
static int fd; static void *recibe(void *x) { recibir_operacion(fd); return x; }
int main(void) { signal(SIGPIPE, SIG_IGN);
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); const char *que[] = {"par UNIX", "tubo", "UDP", "archivo", "que escucha"};
    for (int i = 0; i < 5; i++) {
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha), v[2] = {-1, -1}, p2 = 0; pthread_t t; pthread_create(&t, NULL, recibe, NULL);
        hasta_que_duerman(1); close(fd); struct sockaddr_in a = en("127.0.0.1", 0); socklen_t l = sizeof a; char b[4];
        if (i == 0) socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v);
        if (i == 1) { if (pipe2(v, O_CLOEXEC)) return 2; }
        if (i == 2) { v[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); bind(v[0], (void *)&a, l); getsockname(v[0], (void *)&a, &l); connect(v[0], (void *)&a, l); }
        if (i == 3) v[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (i == 4) v[0] = escuchar_a_mano(&p2);
        if (v[0] != fd) { puts("el numero no se reuso"); return 2; }
        struct stat antes, luego = {0}; fstat(fd, &antes); close(par); pthread_join(t, NULL); usleep(20000);
        ESPERO(fstat(fd, &luego) == 0 && antes.st_ino == luego.st_ino && antes.st_dev == luego.st_dev && antes.st_size == luego.st_size, "%s: cerrado o cambiado", que[i]);
        int ok = 0; struct pollfd q = {fd, POLLIN, 0};
        if (i < 2) ok = write(v[1], "abc", 3) == 3 && poll(&q, 1, 20000) == 1 && read(fd, b, 3) == 3;
        if (i == 2) ok = send(fd, "abc", 3, MSG_NOSIGNAL) == 3 && poll(&q, 1, 20000) == 1 && recv(fd, b, 3, 0) == 3;
        if (i == 3) ok = write(fd, "abc", 3) == 3;
        if (i == 4) { int c = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in d = en("127.0.0.1", p2); ok = connect(c, (void *)&d, sizeof d) == 0 && poll(&q, 1, 20000) == 1 && accept(fd, NULL, NULL) >= 0; }
        ESPERO(ok, "%s: ya no anda: %s", que[i], strerror(errno)); close(fd); if (v[1] >= 0) close(v[1]);
    }
    return fallas != 0;
}
