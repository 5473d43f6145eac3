/* La memoria: atiende a la cpu. El código viaja en un byte. */
#include "comun.h"

enum { LEER = 2, ESCRIBIR };

static int atender(int cliente, const t_mensaje *mensaje)
{
	switch (mensaje->codigo) {
	case MENSAJE:
		anotar("mensaje: %s", mensaje->payload);
		return 0;
	case PAQUETE:
		return mostrar_paquete(mensaje);
	case LEER:
		return mandar_mensaje(cliente, 1, MENSAJE, "OK", sizeof("OK"));
	case ESCRIBIR:
		anotar("escribir %u bytes", mensaje->size);
		return 0;
	default:
		anotar("codigo %d, que no conozco", mensaje->codigo);
		return 0;
	}
}

int main(int argc, char **argv)
{
	const char *archivo = argc > 1 ? argv[1] : "memoria.config";

	empezar(archivo);
	return atender_a_todos(configurado(archivo, "PUERTO"), SOY_CPU, 1, atender);
}
