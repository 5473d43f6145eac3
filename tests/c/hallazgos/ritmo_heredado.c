/* Una rafaga por N (las rafagas se juntan: mas de 16 envios sin recibir). Cerrada N con close(), la conexion nueva del mismo numero empieza de
   cero: sus primeros envios salen enseguida, y sus rafagas se vuelven a juntar. */
#include "comun.h"
static double demora(int n, int par) { char b[13]; double peor = 0; for (int i = 0; i < 6; i++) { double t = ahora(); enviar_mensaje("hola", n); if (llega(par, b, 13) != 13) return 9; t = ahora() - t; if (t > peor) peor = t; } return peor; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), lentas = 0; double peor = 0;
    for (int i = 0; i < 20; i++) {
        int fd = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par = aceptar_a_mano(escucha); for (int k = 0; k < 15 + 20 * (i % 3); k++) enviar_mensaje("x", fd);
        close(fd); int n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par2 = aceptar_a_mano(escucha); if (n != fd) { puts("el numero no se reuso"); return 2; }
        double d = demora(n, par2); if (d > peor) peor = d; lentas += d > .03;
        for (int k = 0; k < 20; k++) enviar_mensaje("x", n); int sin_juntar = -1; socklen_t l = sizeof sin_juntar; getsockopt(n, IPPROTO_TCP, TCP_NODELAY, &sin_juntar, &l); ESPERO(sin_juntar == 0, "vuelta %d: la rafaga de la nueva no se junta", i); close(n); close(par); close(par2);
    }
    /* Las que heredaran la rafaga serian dos de cada tres; una maquina ocupada demora alguna. */
    ESPERO(lentas < 10, "%d de 20 conexiones nuevas demoran sus primeros envios: la peor, %.0f ms", lentas, peor * 1e3); return fallas != 0;
}
