/* La funcion de tp0_atender duerme en recibir_operacion(c); el hilo principal hace close(c) y abre lo suyo en ese numero. El cliente viejo se va, la
   funcion vuelve, y la biblioteca libera "su conexion": no lo del programa, que sigue abierto, sin cortar. */
#include "comun.h"
#include <sys/stat.h>
static int servidor; static volatile int el = -1, vueltas; static void f(int c, void *x) { (void)x; el = c; recibir_operacion(c); vueltas++; }
static void *atiende(void *x) { tp0_atender(servidor, f, NULL); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), reusos = 0; servidor = tp0_iniciar_servidor("127.0.0.1", "0"); int p = tp0_puerto(servidor); pthread_t t; pthread_create(&t, NULL, atiende, NULL);
    const char *que[] = {"archivo", "par UNIX", "TCP", "de la biblioteca"};
    for (int i = 0; i < 4; i++) {
        el = -1; int c = conectar_a_mano(p), v[2] = {-1, -1}; if (!HASTA(20, el >= 0)) { puts("no atendio"); return 2; }
        int n = el; hasta_que_duerman(2);
        close(n);
        if (i == 0) v[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (i == 1) socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v);
        if (i == 2) { v[0] = conectar_a_mano(puerto); v[1] = aceptar_a_mano(escucha); }
        if (i == 3) { v[0] = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); v[1] = aceptar_a_mano(escucha); }
        reusos += v[0] == n; struct stat a, b; fstat(v[0], &a); int antes = vueltas; close(c); ESPERO(HASTA(20, vueltas > antes), "la funcion no volvio"); hasta_que_duerman(1);
        ESPERO(fstat(v[0], &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev, "%s en %d (cliente %d): cerrado o reemplazado", que[i], v[0], n);
        char x[8]; if (i) { ssize_t k = recv(v[1], x, 8, MSG_DONTWAIT); ESPERO(k == -1 && errno == EAGAIN, "%s: al otro extremo le llego el fin (%zd)", que[i], k); ESPERO(send(v[0], "hola", 4, MSG_NOSIGNAL) == 4, "%s: no envia: %s", que[i], strerror(errno)); }
    }
    if (reusos < 4) { printf("solo %d numeros se reusaron\n", reusos); if (!reusos) return 2; }
    _exit(fallas != 0);
}
