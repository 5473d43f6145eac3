/* Un hilo en esperar_cliente(N), o tp0_atender(N), con un handshake a medias; el programa cierra N y es un archivo, un tubo, un par UNIX o una
   conexion suya con datos. Vencido el plazo del handshake, lo suyo sigue abierto, igual, y con sus datos. */
#include "comun.h"
#include <sys/stat.h>
static int s; static void nada(int c, void *x) { (void)c; (void)x; } static void *espera(void *x) { if (x) tp0_atender(s, nada, NULL); else esperar_cliente(s); return NULL; }
int main(void) {
    setenv("TP0_ESPERA_MS", "400", 1); int puerto, escucha = escuchar_a_mano(&puerto); const char *que[] = {"archivo", "tubo", "par UNIX", "TCP"};
    for (int caso = 0; caso < 8; caso++) {
        int i = caso % 4; s = tp0_iniciar_servidor("127.0.0.1", "0"); int g = conectar_a_mano(tp0_puerto(s)), v[2] = {-1, -1}; mandar(g, "\1\0", 2); pthread_t t; pthread_create(&t, NULL, espera, (void *)(long)(caso / 4)); hasta_que_duerman(1); close(s);
        if (i == 0) v[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (i == 1 && pipe2(v, O_CLOEXEC)) return 2;
        if (i == 2) socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v);
        if (i == 3) { v[0] = conectar_a_mano(puerto); v[1] = aceptar_a_mano(escucha); }
        if (v[0] != s) { puts("el numero no se reuso"); return 2; }
        struct stat a, b = {0}; fstat(s, &a); if (i) { if (write(v[1], "\1\0\0\0abcd", 8)) {} } usleep(700000); char x[16]; fcntl(s, F_SETFL, O_NONBLOCK);
        ESPERO(fstat(s, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_size == b.st_size, "%s, caso %d: cerrado, reemplazado o escrito", que[i], caso);
        if (i) { ssize_t k = read(s, x, 16); ESPERO(k == 8, "%s, caso %d: de 8 bytes quedan %zd", que[i], caso, k); }
        if (i > 1) { ssize_t k = recv(v[1], x, 8, MSG_DONTWAIT); ESPERO(k == -1 && errno == EAGAIN, "%s, caso %d: al otro extremo le llego %zd", que[i], caso, k); }
        /* queda abierto: el siguiente usa otro numero */
    }
    _exit(fallas != 0);
}
