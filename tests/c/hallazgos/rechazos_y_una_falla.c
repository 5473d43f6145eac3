/* Una racha de rechazos no tapa una falla que nadie miro: cada cosa tiene su limite. */
#include "mas.h"
static int servidor; static void *espera(void *x) { esperar_cliente(servidor); return x; }
int main(void) {
    int tubo[2], puerto, malo = 77, hay = 0; char dicho[8192]; pthread_t t; if (pipe(tubo)) return 2;
    dup2(tubo[1], 2); servidor = tp0_iniciar_servidor("127.0.0.1", "0"); puerto = tp0_puerto(servidor); pthread_create(&t, NULL, espera, NULL);
    for (int i = 0; i < 30; i++) { int s = conectar_a_mano(puerto); mandar(s, &malo, 4); ESPERO(respuesta(s, 20000) == -1, "no lo rechazo"); close(s); }
    enviar_mensaje("x", crear_conexion("127.0.0.1", "no es un puerto")); close(tubo[1]); dup2(1, 2);
    FILE *f = fdopen(tubo[0], "r"); while (fgets(dicho, sizeof dicho, f)) hay += strstr(dicho, "crear_conexion") != NULL;
    ESPERO(hay == 1, "la falla se conto %d veces", hay); liberar_conexion(servidor); pthread_join(t, NULL); return fallas != 0;
}
