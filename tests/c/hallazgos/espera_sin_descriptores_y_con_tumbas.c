/* Sin descriptores y con tumbas, al que llega se le hace lugar enterrando una: no falta nada, y en la salida de errores no se dice que falte. */
#include "comun.h"
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, s = tp0_iniciar_servidor("127.0.0.1", "0"), escucha = escuchar_a_mano(&puerto), tubo[2]; char b[512]; struct rlimit l = {64, 64};
    int c = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); close(aceptar_a_mano(escucha)); ESPERO(recibir_operacion(c) == -1, "no termino");
    conectar_a_mano(tp0_puerto(s)); if (pipe2(tubo, O_NONBLOCK)) return 2;
    dup2(tubo[1], 2); setrlimit(RLIMIT_NOFILE, &l); while (dup(0) != -1) {}
    ESPERO(esperar_cliente(s) > 0, "esperar: %s", tp0_error()); ssize_t k = read(tubo[0], b, sizeof b); ESPERO(k == -1, "dijo: %.*s", (int)k, b);
    return fallas != 0;
}
