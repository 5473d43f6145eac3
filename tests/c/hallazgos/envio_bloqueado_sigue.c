/* Como envio_bloqueado_falla, pero el par viejo al fin lee: lo que falta del mensaje viejo (un send(2) bloqueado lo manda por el socket viejo)
   no sale jamas por el socket nuevo. Tampoco si al que envia lo corta una senial y vuelve a la biblioteca por la mitad. */
#include "comun.h"
static int fd; static char *gordo; static void *envia(void *x) { enviar_mensaje(gordo, fd); return x; } static void nada(int x) { (void)x; }
int main(void) {
    struct sigaction a = {.sa_handler = nada}; sigaction(SIGUSR1, &a, NULL);
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); gordo = malloc(16 << 20); memset(gordo, 'x', 16 << 20); gordo[(16 << 20) - 1] = 0;
    for (int senial = 0; senial < 2; senial++) {
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha);
        pthread_t t; pthread_create(&t, NULL, envia, NULL); hasta_que_duerman(1);
        close(fd); int n = conectar_a_mano(puerto), par2 = aceptar_a_mano(escucha);
        if (n != fd) { puts("el numero no se reuso"); return 2; }
        if (senial) pthread_kill(t, SIGUSR1);
        static char b[1 << 16]; size_t total = 0, robado = 0; struct timeval tv = {0, 500000}; setsockopt(par, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        for (ssize_t k; (k = recv(par, b, sizeof b, 0)) > 0;) total += (size_t)k;
        for (ssize_t k; (k = recv(par2, b, sizeof b, MSG_DONTWAIT)) > 0;) robado += (size_t)k;
        ESPERO(robado == 0, "%s: por la conexion nueva salieron %zu bytes del mensaje viejo (por la vieja, %zu)", senial ? "con una senial" : "sin seniales", robado, total);
        ESPERO(send(n, "hola", 4, MSG_NOSIGNAL) == 4 && llega(par2, b, 4) == 4, "la nueva no anda: %s", strerror(errno));
        close(n); close(par); close(par2); pthread_join(t, NULL);
    }
    _exit(fallas != 0);
}
