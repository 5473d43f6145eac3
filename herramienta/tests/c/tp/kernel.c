/* El kernel: cliente de la cpu, y servidor de las consolas. */
#include "comun.h"

enum { CREAR_PROCESO = 2 };
enum { EJECUTAR = 5 };

static int cpu;
static pthread_mutex_t de_a_uno = PTHREAD_MUTEX_INITIALIZER;

static int ejecutar(void)
{
	t_mensaje respuesta;
	int salida = -1;

	pthread_mutex_lock(&de_a_uno);
	if (mandar_mensaje(cpu, 4, EJECUTAR, NULL, 0) == 0 && recibir_uno(cpu, 4, &respuesta) == 0) {
		anotar("la cpu dijo: %s", respuesta.payload);
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
	case CREAR_PROCESO:
		if (ejecutar() == -1)
			return mandar_mensaje(cliente, 4, MENSAJE, "sin cpu", sizeof("sin cpu"));
		return mandar_mensaje(cliente, 4, MENSAJE, "proceso terminado", sizeof("proceso terminado"));
	default:
		anotar("codigo %d, que no conozco", mensaje->codigo);
		return 0;
	}
}

int main(int argc, char **argv)
{
	const char *archivo = argc > 1 ? argv[1] : "kernel.config";

	empezar(archivo);
	cpu = conectar_como(SOY_KERNEL, configurado(archivo, "IP_CPU"), configurado(archivo, "PUERTO_CPU"));
	if (ejecutar() == -1) {
		fprintf(stderr, "la cpu se fue\n");
		return EXIT_FAILURE;
	}
	return atender_a_todos(configurado(archivo, "PUERTO"), SOY_CONSOLA, 4, atender);
}
