/*
 * Un par con la biblioteca, para el de Python de docs/sockets-y-protocolo.md.
 *
 *   guias_par                     a cada mensaje contesta con uno igual, a un cliente tras otro
 *   guias_par IP PUERTO           manda de todo y controla que vuelva igual
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp0.h>

static int servidor(void)
{
	int escucha = iniciar_servidor(), cliente;

	while ((cliente = esperar_cliente(escucha)) != -1) {
		t_paquete *recibido;

		while ((recibido = tp0_recibir(cliente)) != NULL) {
			enviar_paquete(recibido, cliente);
			eliminar_paquete(recibido);
		}
		liberar_conexion(cliente);
	}
	return EXIT_FAILURE;
}

/* Lo manda y controla que lo que vuelve sea igual. */
static int ida_y_vuelta(int conexion, t_paquete *paquete)
{
	t_paquete *vuelta;
	int iguales;

	if (enviar_paquete(paquete, conexion) != 0 || (vuelta = tp0_recibir(conexion)) == NULL) {
		printf("%s\n", tp0_error());
		return 0;
	}
	iguales = vuelta->codigo_operacion == paquete->codigo_operacion && vuelta->buffer->size == paquete->buffer->size &&
		  (vuelta->buffer->size == 0 ||
		   memcmp(vuelta->buffer->stream, paquete->buffer->stream, (size_t)vuelta->buffer->size) == 0);
	printf("operacion %d de %d bytes: %s\n", (int)vuelta->codigo_operacion, vuelta->buffer->size,
	       iguales ? "igual" : "DISTINTA");
	eliminar_paquete(vuelta);
	return iguales;
}

static int cliente(const char *ip, const char *puerto)
{
	int conexion = crear_conexion(ip, puerto), bien;
	t_paquete *paquete;
	char *texto, *grande;

	if (conexion == -1) {
		printf("%s\n", tp0_error());
		return EXIT_FAILURE;
	}
	paquete = crear_paquete();
	grande = calloc(1, 3000000);
	enviar_mensaje("hola, ñandú", conexion);
	texto = tp0_recibir_mensaje(conexion);
	bien = texto != NULL && strcmp(texto, "hola, ñandú") == 0;
	free(texto);

	bien = ida_y_vuelta(conexion, paquete) && bien;
	agregar_a_paquete(paquete, "uno", 4);
	agregar_a_paquete(paquete, NULL, 0);
	agregar_a_paquete(paquete, grande, 3000000);
	bien = ida_y_vuelta(conexion, paquete) && bien;
	paquete->codigo_operacion = (op_code)2147483647;
	bien = ida_y_vuelta(conexion, paquete) && bien;
	eliminar_paquete(paquete);
	free(grande);
	liberar_conexion(conexion);
	printf(bien ? "todo igual\n" : "algo no volvio igual\n");
	return bien ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	return argc == 3 ? cliente(argv[1], argv[2]) : servidor();
}
