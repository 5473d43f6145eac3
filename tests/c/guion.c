/*
 * Un cliente que obedece órdenes, una por línea de la entrada, para poner en la red cualquier cosa que un TP0 sepa
 * mandar, y leer las respuestas. Solo conoce utils.h.
 *
 *   guion IP PUERTO
 *
 *   m TEXTO   un mensaje          p         empieza un paquete        c N       le pone ese código de operación
 *   v TEXTO   agrega el texto con su '\0'   s TEXTO   sin su '\0'     z         agrega un valor de largo cero
 *   b N       agrega N bytes seguidos       e         lo envía y lo elimina     r         recibe y muestra
 */
#include "utils.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void agregar_bytes(t_paquete *paquete, int cantidad)
{
	char *bytes = malloc((size_t)cantidad);

	for (int i = 0; i < cantidad; i++)
		bytes[i] = (char)(i % 251);
	agregar_a_paquete(paquete, bytes, cantidad);
	free(bytes);
}

static void recibir(int conexion)
{
	int codigo = recibir_operacion(conexion);
	int size = 0;
	char *payload = codigo < 0 ? NULL : recibir_buffer(&size, conexion);

	printf("recibido: operacion %d de %d bytes: %s\n", codigo, size, payload == NULL ? "(nada)" : payload);
	free(payload);
}

int main(int argc, char **argv)
{
	char *linea = NULL;
	size_t capacidad = 0;
	ssize_t largo;
	int conexion;
	t_paquete *paquete = NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3) {
		fprintf(stderr, "uso: %s IP PUERTO\n", argv[0]);
		return 2;
	}
	conexion = crear_conexion(argv[1], argv[2]);
	if (conexion < 0) {
		printf("sin conexion\n");
		return EXIT_FAILURE;
	}
	printf("conectado\n");

	while ((largo = getline(&linea, &capacidad, stdin)) > 0) {
		char *texto;

		if (linea[largo - 1] == '\n')
			linea[largo - 1] = '\0';
		texto = strlen(linea) > 1 ? linea + 2 : linea + 1;
		switch (linea[0]) {
		case 'm':
			enviar_mensaje(texto, conexion);
			break;
		case 'p':
			paquete = crear_paquete();
			break;
		case 'c':
			paquete->codigo_operacion = (op_code)atoi(texto);
			break;
		case 'v':
			agregar_a_paquete(paquete, texto, (int)strlen(texto) + 1);
			break;
		case 's':
			agregar_a_paquete(paquete, texto, (int)strlen(texto));
			break;
		case 'z':
			agregar_a_paquete(paquete, texto, 0);
			break;
		case 'b':
			agregar_bytes(paquete, atoi(texto));
			break;
		case 'r':
			recibir(conexion);
			break;
		case 'e':
			enviar_paquete(paquete, conexion);
			eliminar_paquete(paquete);
			paquete = NULL;
			break;
		default:
			fprintf(stderr, "orden desconocida: %s\n", linea);
			return 2;
		}
		printf("hecho: %c\n", linea[0]);
	}
	free(linea);
	liberar_conexion(conexion);
	return EXIT_SUCCESS;
}
