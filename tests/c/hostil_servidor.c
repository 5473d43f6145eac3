/*
 * hostil_servidor: un servidor con la forma del de cualquier TP0, que atiende a un cliente tras otro.
 *
 * No incluye tp0.h: declara lo que usa como lo hace el utils.h de un grupo, y no comprueba nada de lo que recibe. La
 * prueba le manda basura; lo único que se le pide a la biblioteca es que este programa, tal cual, siga andando.
 */
#include <stdio.h>
#include <stdlib.h>

typedef enum { MENSAJE, PAQUETE, TERMINAR = 50 } op_code;

typedef struct nodo {
	void *data;
	struct nodo *next;
} t_nodo;

typedef struct {
	t_nodo *head;
	int elements_count;
} t_list;

int iniciar_servidor(void);
int esperar_cliente(int socket_servidor);
int recibir_operacion(int socket_cliente);
void *recibir_buffer(int *size, int socket_cliente);
void recibir_mensaje(int socket_cliente);
t_list *recibir_paquete(int socket_cliente);

static void mostrar_y_liberar(t_list *lista) {
	t_nodo *nodo = lista->head;
	printf("Me llegaron %d valores\n", lista->elements_count);
	while (nodo != NULL) {
		t_nodo *siguiente = nodo->next;
		printf("Valor: %s\n", (char *)nodo->data);
		free(nodo->data);
		free(nodo);
		nodo = siguiente;
	}
	free(lista);
}

static void otra_cosa(int cliente) {
	int tamanio;
	char *payload = recibir_buffer(&tamanio, cliente);
	/* Sin preguntar si es NULL, pero respetando el tamaño: es lo que hace un TP con sus propios códigos. */
	int suma = 0;
	for (int i = 0; i < tamanio; i++)
		suma += payload[i];
	printf("Otra cosa: %d bytes que suman %d\n", tamanio, suma);
	free(payload);
}

int main(void) {
	int servidor = iniciar_servidor();
	puts("Listo");
	fflush(stdout);
	for (;;) {
		int cliente = esperar_cliente(servidor);
		int conectado = 1;
		while (conectado) {
			int codigo = recibir_operacion(cliente);
			switch (codigo) {
			case MENSAJE:
				recibir_mensaje(cliente);
				break;
			case PAQUETE:
				mostrar_y_liberar(recibir_paquete(cliente));
				break;
			case TERMINAR:
				return EXIT_SUCCESS;
			case -1:
				puts("El cliente se desconecto");
				conectado = 0;
				break;
			default:
				otra_cosa(cliente);
				break;
			}
			fflush(stdout);
		}
	}
}
