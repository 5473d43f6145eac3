/* Un hilo recibe por N un mensaje de 1 MB del que llego la mitad. El programa cierra N, N es otro socket, y por el viejo llega un poco mas: lo
   que falta no se lee del nuevo (un recv MSG_WAITALL sigue en el viejo). Despues el viejo se corta: el nuevo sigue vivo. */
#include "comun.h"
static int fd; static void *recibe(void *x) { int z; recibir_operacion(fd); free(recibir_buffer(&z, fd)); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); static char medio[500000];
    for (int que = 0; que < 3; que++) {
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha), cab[2] = {5, 1000000}, v[2], n, otro;
        mandar(par, cab, 8); mandar(par, medio, sizeof medio); pthread_t t; pthread_create(&t, NULL, recibe, NULL); hasta_que_duerman(1); close(fd);
        if (que == 0) { n = conectar_a_mano(puerto); otro = aceptar_a_mano(escucha); }
        else if (que == 1) { n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); otro = aceptar_a_mano(escucha); }
        else { socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); n = v[0]; otro = v[1]; }
        if (n != fd) { puts("el numero no se reuso"); return 2; }
        char b[64]; mandar(otro, "0123456789", 10); mandar(par, medio, 10); usleep(100000); mandar(par, medio, 10); usleep(100000);
        ssize_t k = recv(n, b, sizeof b, MSG_DONTWAIT); ESPERO(k == 10, "caso %d: de los 10 bytes del nuevo quedaron %zd", que, k);
        close(par); pthread_join(t, NULL); mandar(otro, "0123456789", 10); usleep(50000);
        k = recv(n, b, sizeof b, MSG_DONTWAIT); ESPERO(k == 10, "caso %d: cortado el viejo, el nuevo da %zd", que, k);
        close(n); close(otro);
    }
    _exit(fallas != 0);
}
