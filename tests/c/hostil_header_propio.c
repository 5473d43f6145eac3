/*
 * hostil_header_propio: un programa que ya tiene su logger y su op_code, con códigos que la biblioteca no conoce.
 */
#include <stdlib.h>

typedef enum { MENSAJE, PAQUETE, HANDSHAKE = 7, SEGMENTO = 8 } op_code;

#define TP0_SIN_LOGGER
#define TP0_SIN_OP_CODE
#include <tp0.h>

/* Ni siquiera del mismo tipo: con TP0_SIN_LOGGER el nombre es todo suyo. */
static const char *logger = "el mío";

int main(void) {
	t_paquete *paquete = crear_paquete();
	paquete->codigo_operacion = SEGMENTO;
	int salida = paquete->codigo_operacion == SEGMENTO && logger[0] == 'e' && agregar_a_paquete(paquete, "x", 2) >= 0;
	eliminar_paquete(paquete);
	return salida ? EXIT_SUCCESS : EXIT_FAILURE;
}
