/* Sin un solo descriptor para reservar el numero, un error de protocolo igual termina la conversacion: el otro se entera, y por aca no se habla mas. */
#include "comun.h"
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), malo = -5, ultimo = -1, otro; char b;
    int c = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par = aceptar_a_mano(escucha); struct rlimit r = {64, 64}; setrlimit(RLIMIT_NOFILE, &r);
    while ((otro = dup(0)) != -1) ultimo = otro;
    mandar(par, &malo, 4); ESPERO(recibir_operacion(c) == -1 && errno == EPROTO, "un codigo negativo: %s", tp0_error());
    ESPERO(llega(par, &b, 1) == 0, "el otro no se entero"); ESPERO(enviar_mensaje("x", c) == -1, "se sigue hablando"); close(ultimo);
    return fallas != 0;
}
