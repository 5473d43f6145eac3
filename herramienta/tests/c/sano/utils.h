#ifndef UTILS_H_
#define UTILS_H_

#ifdef __cplusplus
extern "C" {
#endif

#include <commons/collections/list.h>
#include <commons/log.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum { MENSAJE, PAQUETE, PERSONA } op_code;

typedef struct {
	int size;
	void *stream;
} t_buffer;

typedef struct {
	op_code codigo_operacion;
	t_buffer *buffer;
} t_paquete;

typedef struct {
	uint32_t dni;
	char *nombre;
} t_persona;

extern t_log *logger;

int iniciar_servidor(void);
int esperar_cliente(int socket_servidor);
int crear_conexion(char *ip, char *puerto);
void liberar_conexion(int socket_cliente);
int recibir_operacion(int socket_cliente);
void *recibir_buffer(int *size, int socket_cliente);
void recibir_mensaje(int socket_cliente);
void enviar_mensaje(char *mensaje, int socket_cliente);
t_paquete *crear_paquete(void);
void crear_buffer(t_paquete *paquete);
void agregar_a_paquete(t_paquete *paquete, void *valor, int tamanio);
void enviar_paquete(t_paquete *paquete, int socket_cliente);
void eliminar_paquete(t_paquete *paquete);
void *serializar_paquete(t_paquete *paquete, int bytes);
t_persona *copiar_persona(const t_persona *persona);
int enviar_persona(const t_persona *persona, int socket_cliente);

#ifdef __cplusplus
}
#endif

#endif
