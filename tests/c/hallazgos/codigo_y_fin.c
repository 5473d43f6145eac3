/* El codigo que se leyo y no se uso muere con su conexion: despues del fin, tp0_recibir dice que la conversacion termino (errno 0), y no que se
   corto en el medio de un mensaje. */
#include "comun.h"
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), codigo = 7;
    int n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par = aceptar_a_mano(escucha); mandar(par, &codigo, 4); close(par);
    ESPERO(recibir_operacion(n) == 7, "el codigo: %s", tp0_error());
    int r = recibir_operacion(n), e = errno; ESPERO(r == -1 && e == 0, "el fin: %d, %s", r, strerror(e));
    t_paquete *p = tp0_recibir(n); e = errno; ESPERO(!p && e == 0, "despues del fin: %s", strerror(e));
    return fallas != 0;
}
