/* Una tumba que el programa cerro y donde abrio otra cosa; despues, la costumbre de siempre: liberar_conexion(N). Si es un archivo o un tubo:
   "not a socket: nothing happens, EBADF". Si es un socket suyo, se cierra ese, de verdad y una vez. */
#include "comun.h"
#include <sys/stat.h>
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto); const char *que[] = {"archivo", "tubo", "par UNIX", "TCP", "que escucha", "de la biblioteca"};
    for (int i = 0; i < 6; i++) for (int tumba = 0; tumba < 3; tumba++) {
        int n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), x = aceptar_a_mano(escucha), p2 = 0, v[2] = {-1, -1}; close(x);
        if (tumba == 1) recibir_operacion(n);
        if (tumba == 2) liberar_conexion(n); else close(n);
        if (i == 0) v[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (i == 1 && pipe2(v, O_CLOEXEC)) return 2;
        if (i == 2) socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v);
        if (i == 3) { v[0] = conectar_a_mano(puerto); v[1] = aceptar_a_mano(escucha); }
        if (i == 4) v[0] = escuchar_a_mano(&p2);
        if (i == 5) { v[0] = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); v[1] = aceptar_a_mano(escucha); }
        if (v[0] != n) { puts("el numero no se reuso"); return 2; }
        struct stat antes, luego = {0}; fstat(n, &antes); int r = liberar_conexion(n), e = errno, sigue = fstat(n, &luego) == 0 && luego.st_ino == antes.st_ino; char b;
        if (i < 2) { ESPERO(sigue && r == -1 && e == EBADF, "%s (modo %d): %s, liberar dio %d (%s)", que[i], tumba, sigue ? "sigue" : "lo cerro", r, strerror(e)); close(n); }
        else {
            ESPERO(r == 0 && !sigue, "%s (modo %d): %s, liberar dio %d (%s)", que[i], tumba, sigue ? "quedo abierto" : "cerrado", r, strerror(e));
            if (v[1] >= 0) { ssize_t k = llega(v[1], &b, 1); ESPERO(k == 0, "%s (modo %d): al par no le llego el fin (%zd)", que[i], tumba, k); }
            r = liberar_conexion(n); e = errno; ESPERO(r == -1 && e == EBADF, "%s: liberado dos veces dio %d", que[i], r); if (sigue) close(n);
        }
        if (v[1] >= 0) close(v[1]);
    }
    return fallas != 0;
}
