/*
 * Errores puestos a propósito, que cruzan el borde con la biblioteca: el verificador que no los denuncie está apagado.
 *
 *   plantado ninguno | usado_despues | pasado | perdido | carrera
 */
#include <tp0.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* La biblioteca lee un valor que el programa ya liberó. */
static void usado_despues(void)
{
	t_buffer *buffer = buffer_create(0);
	char *volatile valor = strdup("ya no está");

	free(valor);
	buffer_add(buffer, valor, 4);
	buffer_destroy(buffer);
}

/* La biblioteca lee más de lo que el valor mide. */
static void pasado(void)
{
	t_buffer *buffer = buffer_create(0);
	char *volatile valor = calloc(4, 1);

	buffer_add(buffer, valor, 12);
	free(valor);
	buffer_destroy(buffer);
}

/* Un paquete que nadie elimina. */
static void perdido(void)
{
	agregar_a_paquete(crear_paquete(), "perdido", 8);
}

/* Dos hilos agregan al mismo paquete, que es de un hilo por vez. */
static void *agregar(void *paquete)
{
	for (int i = 0; i < 100; i++)
		agregar_a_paquete(paquete, "x", 1);
	return NULL;
}

static void carrera(void)
{
	t_paquete *paquete = crear_paquete();
	pthread_t hilos[2];

	/* Con lugar de sobra: que haya carrera y no un realloc a la vez. */
	free(paquete->buffer->stream);
	paquete->buffer->stream = malloc(4096);
	for (int i = 0; i < 2; i++)
		pthread_create(&hilos[i], NULL, agregar, paquete);
	for (int i = 0; i < 2; i++)
		pthread_join(hilos[i], NULL);
	eliminar_paquete(paquete);
}

int main(int argc, char **argv)
{
	const char *cual = argc == 2 ? argv[1] : "";

	if (strcmp(cual, "usado_despues") == 0)
		usado_despues();
	else if (strcmp(cual, "pasado") == 0)
		pasado();
	else if (strcmp(cual, "perdido") == 0)
		perdido();
	else if (strcmp(cual, "carrera") == 0)
		carrera();
	else
		return strcmp(cual, "ninguno") != 0;
	return 0;
}
