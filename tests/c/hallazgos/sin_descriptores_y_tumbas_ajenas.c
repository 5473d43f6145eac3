/* Limite 32. Cuatro tumbas: a dos el programa las cerro y puso ahi sus archivos; despues agota los descriptores. crear_conexion e iniciar_servidor
   ("none where a new descriptor is needed and there is no other") entierran las dos que quedan, y jamas los archivos. */
#include "comun.h"
#include <sys/stat.h>
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); struct rlimit l = {32, 32}; setrlimit(RLIMIT_NOFILE, &l); int puerto, escucha = escuchar_a_mano(&puerto), n[4], x[4]; struct stat a[40], b;
    for (int i = 0; i < 4; i++) { n[i] = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); x[i] = aceptar_a_mano(escucha); }
    for (int i = 0; i < 4; i++) { close(x[i]); recibir_operacion(n[i]); }
    for (int i = 0; i < 4; i++) ESPERO(abierto(n[i]), "la tumba %d no quedo reservada", i);
    int f[40], c = 0; close(n[0]); close(n[2]); while (c < 40 && (f[c] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) >= 0) { fstat(f[c], &a[c]); c++; }
    int q = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); ESPERO(q >= 0, "crear_conexion con dos tumbas por enterrar: %s", tp0_error());
    int s = tp0_iniciar_servidor("127.0.0.1", "0"); ESPERO(s >= 0, "iniciar_servidor con una tumba por enterrar: %s", tp0_error());
    int z = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); ESPERO(z == -1 && errno == EMFILE, "sin tumbas dio %d: %s", z, strerror(errno));
    for (int i = 0; i < c; i++) ESPERO(fstat(f[i], &b) == 0 && b.st_ino == a[i].st_ino, "el archivo en %d: cerrado o reemplazado", f[i]);
    ESPERO(q < 0 || enviar_mensaje("x", q) == 0, "la conexion no anda: %s", tp0_error()); return fallas != 0;
}
