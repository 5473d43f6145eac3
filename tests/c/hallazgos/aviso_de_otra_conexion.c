/* "Una conexion a la que se le vuelve a enviar despues de un envio que fallo" se avisa una vez por conexion. La nueva de ese numero no es esa: su
   primer envio no avisa nada; y si despues falla ella, y se insiste, se avisa de ella. */
#include "comun.h"
#include <sys/stat.h>
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int archivo = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); dup2(archivo, 2); int puerto, escucha = escuchar_a_mano(&puerto); struct stat a, b;
    for (int caso = 0; caso < 3; caso++) {
        int n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par = aceptar_a_mano(escucha); irse(par); usleep(10000); enviar_mensaje("x", n); /* falla: EPIPE; nadie mira tp0_error() */
        if (caso == 2) enviar_mensaje("x", n); /* insiste: se avisa de esta */
        close(n); int m = caso ? crear_conexion("127.0.0.1", texto_del_puerto(puerto)) : conectar_a_mano(puerto); par = aceptar_a_mano(escucha); if (m != n) { puts("el numero no se reuso"); return 2; }
        fstat(2, &a); int r = enviar_mensaje("hola", m); fstat(2, &b); ESPERO(r == 0, "caso %d: la nueva no envia", caso); ESPERO(a.st_size == b.st_size, "caso %d: al enviar por la nueva se aviso un fallo de la vieja", caso);
        irse(par); usleep(10000); r = enviar_mensaje("x", m); ESPERO(r == -1, "caso %d: el par se fue y el primer envio dio %d", caso, r); enviar_mensaje("x", m); fstat(2, &b);
        ESPERO(b.st_size > a.st_size, "caso %d: fallo la nueva, se insistio, y no se aviso", caso); close(m);
    }
    return fallas != 0;
}
