/*
 * Un servidor que nunca asignó el logger (o que ni siquiera tiene commons): la única línea que sigue saliendo es la de
 * recibir_mensaje, por el stdout de C y en el orden en que el programa imprime las suyas.
 */
#include <stdio.h>

int iniciar_servidor(void);
int esperar_cliente(int socket_servidor);
int recibir_operacion(int socket_cliente);
void recibir_mensaje(int socket_cliente);

#ifdef CON_COMMONS
/* Obliga a enlazar con commons: el logger sigue en NULL igual. */
#include <commons/log.h>
void (*volatile usada)(t_log *) = log_destroy;
#endif

int main(void)
{
	int servidor = iniciar_servidor();
	int cliente = esperar_cliente(servidor);

	printf("antes\n");
	while (recibir_operacion(cliente) == 0) {
		recibir_mensaje(cliente);
		printf("despues\n");
	}
	return 0;
}
