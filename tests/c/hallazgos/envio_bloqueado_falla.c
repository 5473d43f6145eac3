/* Un envio de 16 MB bloqueado en N (el par no lee). El programa cierra N y N pasa a ser una conexion suya. El par viejo se corta: el envio a
   medias falla, y lo que termina ("a message that fails half-sent ends the connection") no es la conexion nueva. */
#include "comun.h"
static int fd; static char *gordo; static void *envia(void *x) { enviar_mensaje(gordo, fd); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); gordo = malloc(16 << 20); memset(gordo, 'x', 16 << 20); gordo[(16 << 20) - 1] = 0;
    for (int propia = 0; propia < 2; propia++) {
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha);
        pthread_t t; pthread_create(&t, NULL, envia, NULL); hasta_que_duerman(1);
        close(fd); int n = propia ? conectar_a_mano(puerto) : crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par2 = aceptar_a_mano(escucha);
        if (n != fd) { puts("el numero no se reuso"); return 2; }
        close(par); pthread_join(t, NULL);
        char b[64]; ssize_t k = recv(par2, b, sizeof b, MSG_DONTWAIT);
        ESPERO(k == -1 && errno == EAGAIN, "al par de la nueva (%s) le llego algo o un fin: %zd", propia ? "del programa" : "de la biblioteca", k);
        mandar(par2, "si", 2); k = llega(n, b, 2);
        ESPERO(k == 2, "la nueva no recibe: %zd", k); ESPERO(send(n, "hola", 4, MSG_NOSIGNAL | MSG_DONTWAIT) == 4, "la nueva no envia: %s", strerror(errno));
        close(n); close(par2);
    }
    _exit(fallas != 0);
}
