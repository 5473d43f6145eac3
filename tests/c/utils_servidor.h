/*
 * Los prototipos que conoce el servidor de un TP0, y nada más: así se compila un programa que nunca oyó hablar de tp0.h.
 */
#ifndef UTILS_SERVIDOR_H_
#define UTILS_SERVIDOR_H_

#include <commons/collections/list.h>
#include <commons/log.h>

typedef enum {
	MENSAJE,
	PAQUETE
} op_code;

extern t_log *logger;

void *recibir_buffer(int *size, int socket_cliente);

int iniciar_servidor(void);
int esperar_cliente(int socket_servidor);
t_list *recibir_paquete(int socket_cliente);
void recibir_mensaje(int socket_cliente);
int recibir_operacion(int socket_cliente);

#endif
