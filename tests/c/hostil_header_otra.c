/*
 * hostil_header_otra: la segunda unidad de un programa en el que dos archivos incluyen tp0.h. Si el header definiera algo
 * en vez de declararlo, este programa no enlazaría.
 */
#include <tp0.h>

#ifdef __cplusplus
extern "C" {
#endif
int usar_otra(void);
#ifdef __cplusplus
}
#endif

int usar_otra(void) {
	t_paquete *paquete = crear_paquete();
	int salida = agregar_a_paquete(paquete, "hola", 5);
	if (logger != NULL || paquete->codigo_operacion != PAQUETE || paquete->buffer->size != 9)
		salida = -1;
	eliminar_paquete(paquete);
	return salida;
}

#ifndef SIN_MAIN
int main(void) {
	return usar_otra();
}
#endif
