/* Con un limite chico de descriptores, un servidor como el del esqueleto (que no libera despues del -1) atiende a doscientos, y los numeros
   reservados son a lo sumo un cuarto. */
#include "comun.h"
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); struct rlimit l = {48, 48}; int n = 0;
    int servidor = tp0_iniciar_servidor("127.0.0.1", "0"), puerto = tp0_puerto(servidor); pid_t k = fork();
    if (!k) { for (int i = 0; i < 200; i++) { int s = conectar_a_mano(puerto); char b; shutdown(s, SHUT_WR); if (recv(s, &b, 1, 0)) {} close(s); } _exit(0); }
    setrlimit(RLIMIT_NOFILE, &l); int antes = 0; for (int i = 0; i < 48; i++) antes += abierto(i);
    for (; n < 200; n++) { int c = esperar_cliente(servidor); if (c < 0) break; while (recibir_operacion(c) != -1) {} }
    int abiertos = 0; for (int i = 0; i < 48; i++) abiertos += abierto(i);
    ESPERO(abiertos <= antes + 48 / 4, "quedan %d abiertos, y antes de los clientes habia %d", abiertos, antes);
    ESPERO(n == 200, "despues de %d clientes: %s", n, tp0_error()); kill(k, SIGKILL); return fallas != 0;
}
