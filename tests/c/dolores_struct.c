/*
 * Un proceso con una lista y textos adentro: lo que no se puede mandar con memcpy. Y enteros, por las dos maneras.
 *
 *   dolores_struct servidor
 *   dolores_struct cliente IP PUERTO
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define TP0_SIN_OP_CODE
typedef enum { MENSAJE, PAQUETE, PROCESO } op_code;
#include <tp0.h>

typedef struct {
	uint32_t pid;
	uint8_t prioridad;
	char *archivo;
	uint32_t cantidad;
	char **instrucciones;
} t_proceso;

static void mandar_proceso(int conexion, const t_proceso *proceso)
{
	t_buffer *buffer = buffer_create(0);
	t_paquete paquete = {.codigo_operacion = PROCESO, .buffer = buffer};

	buffer_add_uint32(buffer, proceso->pid);
	buffer_add_uint8(buffer, proceso->prioridad);
	buffer_add_string(buffer, (uint32_t)strlen(proceso->archivo) + 1, proceso->archivo);
	buffer_add_uint32(buffer, proceso->cantidad);
	for (uint32_t i = 0; i < proceso->cantidad; i++)
		buffer_add_string(buffer, (uint32_t)strlen(proceso->instrucciones[i]) + 1, proceso->instrucciones[i]);
	enviar_paquete(&paquete, conexion);
	buffer_destroy(buffer);
}

static void mostrar_proceso(t_buffer *buffer)
{
	uint32_t pid = buffer_read_uint32(buffer);
	uint8_t prioridad = buffer_read_uint8(buffer);
	char *archivo = buffer_read_string(buffer, NULL);
	uint32_t cantidad = buffer_read_uint32(buffer);

	printf("proceso %u, prioridad %u, %s, %u instrucciones\n", pid, prioridad, archivo, cantidad);
	free(archivo);
	for (uint32_t i = 0; i < cantidad; i++) {
		char *instruccion = buffer_read_string(buffer, NULL);
		printf("  %s\n", instruccion);
		free(instruccion);
	}
}

static int cliente(const char *ip, const char *puerto)
{
	char *instrucciones[] = {"SUM AX BX", "", "EXIT"};
	t_proceso proceso = {7, 3, "/home/utnso/ñandú.txt", 3, instrucciones};
	int conexion = crear_conexion(ip, puerto), enteros[] = {-5, 1 << 30};
	t_paquete *paquete = crear_paquete();

	mandar_proceso(conexion, &proceso);
	/* Enteros en un paquete del TP0: cada uno, un valor de 4 bytes. */
	for (int i = 0; i < 2; i++)
		agregar_a_paquete(paquete, &enteros[i], sizeof(int));
	enviar_paquete(paquete, conexion);
	eliminar_paquete(paquete);
	liberar_conexion(conexion);
	return EXIT_SUCCESS;
}

static int servidor(void)
{
	int escucha = iniciar_servidor(), conexion = esperar_cliente(escucha);
	t_paquete *paquete;

	while ((paquete = tp0_recibir(conexion)) != NULL) {
		if (paquete->codigo_operacion == PROCESO) {
			mostrar_proceso(paquete->buffer);
		} else {
			t_list *valores = tp0_valores(paquete);
			for (t_link_element *nodo = valores->head; nodo != NULL; nodo = nodo->next) {
				int entero;
				memcpy(&entero, nodo->data, sizeof entero);
				printf("entero %d\n", entero);
			}
			tp0_liberar_lista(valores);
		}
		eliminar_paquete(paquete);
	}
	liberar_conexion(conexion);
	liberar_conexion(escucha);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "cliente") == 0)
		return cliente(argv[2], argv[3]);
	return servidor();
}
