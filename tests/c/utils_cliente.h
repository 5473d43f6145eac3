/*
 * Los prototipos que conoce el cliente de un TP0, y nada más.
 */
#ifndef UTILS_CLIENTE_H_
#define UTILS_CLIENTE_H_

typedef enum {
	MENSAJE,
	PAQUETE
} op_code;

typedef struct {
	int size;
	void *stream;
} t_buffer;

typedef struct {
	op_code codigo_operacion;
	t_buffer *buffer;
} t_paquete;

int crear_conexion(char *ip, char *puerto);
void enviar_mensaje(char *mensaje, int socket_cliente);
t_paquete *crear_paquete(void);
void agregar_a_paquete(t_paquete *paquete, void *valor, int tamanio);
void enviar_paquete(t_paquete *paquete, int socket_cliente);
void liberar_conexion(int socket_cliente);
void eliminar_paquete(t_paquete *paquete);

#endif
