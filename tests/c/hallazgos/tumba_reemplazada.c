/* Una tumba (recibir_operacion dio -1) que el programa cierra, o pisa con dup2, poniendo ahi otra cosa; despues terminan otras 70. Lo suyo sigue
   abierto e igual: tambien un socket que parece una tumba (recv da 0) y no lo es. */
#include "comun.h"
#include <sys/stat.h>
int main(void) {
    signal(SIGPIPE, SIG_IGN); int puerto, escucha = escuchar_a_mano(&puerto); const char *que[] = {"archivo", "tubo", "UDP", "que escucha", "par UNIX cuyo par se fue", "TCP con shutdown", "el otro extremo TCP, con par que se fue"};
    for (int dup = 0; dup < 2; dup++) for (int i = 0; i < 7; i++) {
        int c = conectar_a_mano(puerto), n = aceptar_a_mano(escucha); close(c); recibir_operacion(n);
        int v[2] = {-1, -1}, p2; if (!dup) close(n); 
        if (i == 0) v[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (i == 1 && pipe2(v, O_CLOEXEC)) return 2;
        if (i == 2) v[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (i == 3) v[0] = escuchar_a_mano(&p2);
        if (i == 4) { socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); close(v[1]); }
        if (i >= 5) { v[0] = conectar_a_mano(puerto); v[1] = aceptar_a_mano(escucha); if (i == 5) shutdown(v[0], SHUT_RDWR); else close(v[1]); }
        if (v[0] != n) { dup2(v[0], n); close(v[0]); }
        struct stat antes, luego = {0}; fstat(n, &antes);
        for (int k = 0; k < 70; k++) { int x = conectar_a_mano(puerto), y = aceptar_a_mano(escucha); close(x); recibir_operacion(y); if (k % 2) close(y); }
        ESPERO(fstat(n, &luego) == 0 && luego.st_ino == antes.st_ino && luego.st_dev == antes.st_dev, "%s, con %s: la biblioteca lo cerro", que[i], dup ? "dup2" : "close");
        close(n);
    }
    return fallas != 0;
}
