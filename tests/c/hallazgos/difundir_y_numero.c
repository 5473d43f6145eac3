/* tp0_difundir con una conexion trabada a medio recibir ("la que pasa un segundo sin avanzar se termina"). Mientras, el programa la cierra y su
   numero es otra: ni le llegan los bytes que faltaban ni se la termina. */
#include "comun.h"
static int fd, errores[1]; static t_paquete *p; static void *difunde(void *x) { tp0_difundir(&fd, 1, p, errores); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); static char gordo[8 << 20]; p = crear_paquete(); agregar_a_paquete(p, gordo, sizeof gordo);
    for (int propia = 0; propia < 2; propia++) {
        fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); int par = aceptar_a_mano(escucha); (void)par; pthread_t t; pthread_create(&t, NULL, difunde, NULL); hasta_que_duerman(1);
        close(fd); int n = propia ? conectar_a_mano(puerto) : crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par2 = aceptar_a_mano(escucha); if (n != fd) { puts("el numero no se reuso"); return 2; }
        pthread_join(t, NULL); static char b[1 << 20]; ssize_t k = recv(par2, b, sizeof b, MSG_DONTWAIT); ESPERO(k == -1 && errno == EAGAIN, "propia %d: por la nueva llego %zd (0: fin)", propia, k);
        ESPERO(abierto(n) && send(n, "hola", 4, MSG_NOSIGNAL | MSG_DONTWAIT) == 4, "propia %d: la nueva no envia: %s", propia, strerror(errno)); close(n); close(par2); close(par);
    }
    _exit(fallas != 0);
}
