/*
 * Los prototipos de un módulo que escucha y también se conecta: los del cliente y los del servidor juntos, como los
 * junta cualquier grupo después del TP0.
 */
#ifndef UTILS_H_
#define UTILS_H_

#include "utils_cliente.h"

#include <commons/collections/list.h>
#include <commons/log.h>

extern t_log *logger;

void *recibir_buffer(int *size, int socket_cliente);

int iniciar_servidor(void);
int esperar_cliente(int socket_servidor);
t_list *recibir_paquete(int socket_cliente);
void recibir_mensaje(int socket_cliente);
int recibir_operacion(int socket_cliente);

#endif
