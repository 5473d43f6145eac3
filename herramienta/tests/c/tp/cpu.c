/* La cpu: cliente de la memoria, y servidor del kernel. */
#include "comun.h"

enum { EJECUTAR = 5 };
enum { LEER = 2 };

static int memoria;
static pthread_mutex_t de_a_uno = PTHREAD_MUTEX_INITIALIZER;

/* Le pregunta algo a la memoria y espera lo que diga. */
static int leer_memoria(uint32_t direccion)
{
	t_mensaje respuesta;
	int salida = -1;

	pthread_mutex_lock(&de_a_uno);
	if (mandar_mensaje(memoria, 1, LEER, &direccion, sizeof(direccion)) == 0 && recibir_uno(memoria, 1, &respuesta) == 0) {
		anotar("la memoria dijo: %s", respuesta.payload);
		free(respuesta.payload);
		salida = 0;
	}
	pthread_mutex_unlock(&de_a_uno);
	return salida;
}

static int atender(int cliente, const t_mensaje *mensaje)
{
	switch (mensaje->codigo) {
	case MENSAJE:
		anotar("mensaje: %s", mensaje->payload);
		return 0;
	case PAQUETE:
		return mostrar_paquete(mensaje);
	case EJECUTAR:
		if (leer_memoria(64) == -1)
			return mandar_mensaje(cliente, 4, MENSAJE, "sin memoria", sizeof("sin memoria"));
		return mandar_mensaje(cliente, 4, MENSAJE, "ejecutado", sizeof("ejecutado"));
	default:
		anotar("codigo %d, que no conozco", mensaje->codigo);
		return 0;
	}
}

int main(int argc, char **argv)
{
	const char *archivo = argc > 1 ? argv[1] : "cpu.config";
	const char lista[] = "\3\0\0\0r0\0\3\0\0\0r1";

	empezar(archivo);
	memoria = conectar_como(SOY_CPU, configurado(archivo, "IP_MEMORIA"), configurado(archivo, "PUERTO_MEMORIA"));
	if (mandar_mensaje(memoria, 1, MENSAJE, "cpu lista", sizeof("cpu lista")) == -1 ||
	    mandar_mensaje(memoria, 1, PAQUETE, lista, sizeof(lista)) == -1 || leer_memoria(0) == -1) {
		fprintf(stderr, "la memoria se fue\n");
		return EXIT_FAILURE;
	}
	return atender_a_todos(configurado(archivo, "PUERTO"), SOY_KERNEL, 4, atender);
}
