/* TP0_HANDSHAKE=opcional: clientes sin handshake cuyo primer header llega en pedazos (6 y 2 bytes; 2 y 6; de a uno desde el quinto): llegan
   enteros al programa; mientras tanto otro, con handshake, es atendido enseguida; y el que muestra el handshake en dos pedazos tambien.
   "a plausible 8-byte header ... is a client without one, nothing of it consumed"; "Silent or dripping clients delay nobody". Al programa le llegan con
   SO_RCVLOWAT en 1: con otro, su select no avisaria de lo que manden de a pocos bytes. Y el que escucha queda bloqueante, o no, como lo tenia el programa. */
#include "mas.h"
static void umbral(int f, int caso) { int u = -1; socklen_t l = sizeof u; getsockopt(f, SOL_SOCKET, SO_RCVLOWAT, &u, &l); ESPERO(u == 1, "caso %d: llego con SO_RCVLOWAT en %d", caso, u); }
static int prueba(void) {
    setenv("TP0_HANDSHAKE", "opcional", 1); setenv("TP0_ESPERA_MS", "60000", 1); char b[13] = {0, 0, 0, 0, 5, 0, 0, 0, 'h', 'o', 'l', 'a', 0};
    int cortes[][4] = {{6, 8, 13, 13}, {2, 8, 9, 13}, {5, 6, 7, 13}, {7, 13, 13, 13}, {8, 13, 13, 13}};
    int s = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(s), dos; plazo(s, 40000);
    for (int v = 0; v < 5; v++) {
        int lento = conectar_a_mano(puerto), hecho = 0, partido = conectar_a_mano(puerto); mandar(lento, b, (size_t)cortes[v][0]); hecho = cortes[v][0]; medio(partido, 1, 0); usleep(30000);
        int c = saludar(puerto); double t = ahora(); int f = hecho < 8 ? esperar_cliente(s) : -1; t = ahora() - t; int32_t h = 9;
        if (hecho < 8) { ESPERO(f > 0 && t < 30 && tp0_handshake(f, &h) == 1 && h == 1, "caso %d: el bueno, a los %.1f s: %d", v, t, f); ESPERO(respuesta(c, 20000) == 0, "caso %d: sin respuesta", v); liberar_conexion(f); close(c); }
        for (int i = 1; i < 4 && hecho < 8; i++) { mandar(lento, b + hecho, (size_t)(cortes[v][i] - hecho)); hecho = cortes[v][i]; usleep(30000); }
        f = esperar_cliente(s); ESPERO(f > 0 && (cortes[v][0] >= 8 || tp0_handshake(f, &h) == 0), "caso %d: el del header en pedazos: %d (%s)", v, f, tp0_error()); umbral(f, v);
        if (cortes[v][0] < 8) { mandar(lento, b + hecho, (size_t)(13 - hecho)); char *m = tp0_recibir_mensaje(f); ESPERO(m && !strcmp(m, "hola"), "caso %d: llego %s", v, m ? m : tp0_error()); free(m); liberar_conexion(f); }
        else { ESPERO(tp0_handshake(f, &h) == 0, "caso %d: salio otro antes", v); mandar(lento, b + hecho, (size_t)(13 - hecho)); char *m = tp0_recibir_mensaje(f); ESPERO(m && !strcmp(m, "hola"), "caso %d: llego %s", v, m ? m : tp0_error()); free(m); liberar_conexion(f); dos = esperar_cliente(s); liberar_conexion(dos); close(c); }
        medio(partido, 1, 1); f = esperar_cliente(s); ESPERO(f > 0 && tp0_handshake(f, &h) == 1, "caso %d: el handshake en dos pedazos: %d", v, f); ESPERO(respuesta(partido, 20000) == 0, "caso %d: sin respuesta el partido", v); umbral(f, v);
        liberar_conexion(f); close(partido); close(lento);
        int modo = fcntl(s, F_GETFL); ESPERO(!(modo & O_NONBLOCK) == !(v & 1), "caso %d: el que escucha quedo %s", v, modo & O_NONBLOCK ? "sin bloqueo" : "bloqueante"); fcntl(s, F_SETFL, modo ^ O_NONBLOCK);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
