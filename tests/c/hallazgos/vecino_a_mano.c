/* Un servidor que hizo el programa, si ya espero clientes con la biblioteca, tambien contesta mientras el proceso se conecta: aca, consigo mismo. */
#include "mas.h"
int main(void) {
    int puerto, s = escuchar_a_mano(&puerto), a, b; saludar(puerto); ESPERO((a = esperar_cliente(s)) > 0, "esperar: %s", tp0_error());
    ESPERO((a = crear_conexion("127.0.0.1", texto_del_puerto(puerto))) > 0, "nadie contesto: %s", tp0_error()); if (a < 0) return 1; ESPERO((b = esperar_cliente(s)) > 0, "no quedo en fila: %s", tp0_error());
    enviar_mensaje("hola", a); char *m = tp0_recibir_mensaje(b); ESPERO(m && !strcmp(m, "hola"), "llego %s", m); free(m); return fallas != 0;
}
