/*
 * Un cliente como el de cualquier TP: lee la IP y el puerto de su .config, se conecta, y sigue sin mirar si pudo.
 *
 *   dolores_config ARCHIVO CLAVE_DE_LA_IP CLAVE_DEL_PUERTO
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp0.h>

/* Como config_get_string_value: lo que sigue al '=', con los blancos y el '\r' que tenga; NULL si la clave no está. */
static char *leer(const char *archivo, const char *clave)
{
	static char lineas[2][256];
	static int usadas;
	char *linea = lineas[usadas++ % 2];
	FILE *config = fopen(archivo, "r");
	size_t largo = strlen(clave);

	if (config == NULL)
		return NULL;
	while (fgets(linea, 256, config) != NULL) {
		linea[strcspn(linea, "\n")] = '\0';
		if (strncmp(linea, clave, largo) == 0 && linea[largo] == '=') {
			fclose(config);
			return linea + largo + 1;
		}
	}
	fclose(config);
	return NULL;
}

static void contar(const char *que)
{
	const char *error = tp0_error();

	printf("%s: %s\n", que, error == NULL ? "bien" : error);
}

int main(int argc, char **argv)
{
	int conexion;

	if (argc != 4)
		return 2;
	conexion = crear_conexion(leer(argv[1], argv[2]), leer(argv[1], argv[3]));
	contar("crear_conexion");
	enviar_mensaje("hola", conexion);
	contar("enviar_mensaje");
	liberar_conexion(conexion);
	puts("sigo vivo");
	return EXIT_SUCCESS;
}
