/* La funcion de tp0_atender cierra su cliente (con close o con liberar_conexion: "si lo hace, no pasa nada"), abre algo que cae en ese numero,
   lo deja en una global y vuelve. La biblioteca "libera la conexion cuando ella vuelve": no lo que ahora hay ahi. */
#include "comun.h"
#include <sys/stat.h>
static int servidor, puerto2, otro[6]; static volatile int num[6], mismo[6], hechos; static struct stat antes[6];
static void f(int c, void *x) {
    (void)x; int i = hechos, v[2] = {-1, -1}; if (i % 2) liberar_conexion(c); else close(c);
    if (i / 2 == 0) v[0] = open("/tmp", O_TMPFILE | O_RDWR, 0600); else if (i / 2 == 1) socketpair(AF_UNIX, SOCK_STREAM, 0, v); else v[0] = conectar_a_mano(puerto2);
    mismo[i] = v[0] == c; num[i] = v[0]; otro[i] = v[1]; fstat(v[0], &antes[i]); hechos++;
}
static void *atiende(void *x) { tp0_atender(servidor, f, NULL); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int escucha = escuchar_a_mano(&puerto2); servidor = tp0_iniciar_servidor("127.0.0.1", "0"); int p = tp0_puerto(servidor), iguales = 0;
    pthread_t t; pthread_create(&t, NULL, atiende, NULL); const char *que[] = {"archivo", "par UNIX", "TCP"}; struct sockaddr_in a = en("127.0.0.1", p);
    for (int i = 0; i < 6; i++) {
        int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); connect(c, (void *)&a, sizeof a); 
        if (!HASTA(20, hechos > i)) { puts("no atendio"); return 2; }
        hasta_que_duerman(1); iguales += mismo[i]; struct stat s = {0}; char b; int fd = num[i];
        ESPERO(fstat(fd, &s) == 0 && s.st_ino == antes[i].st_ino && s.st_dev == antes[i].st_dev, "%s (numero %d, %s): la biblioteca lo cerro", que[i / 2], fd, i % 2 ? "liberar_conexion" : "close");
        if (i / 2) { int par = i / 2 == 1 ? otro[i] : aceptar_a_mano(escucha); ssize_t k = recv(par, &b, 1, MSG_DONTWAIT); ESPERO(k == -1 && errno == EAGAIN, "%s: cortado", que[i / 2]); }
    }
    if (!iguales) { puts("ningun numero se reuso"); return 2; }
    _exit(fallas != 0);
}
