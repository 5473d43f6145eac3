/*
 * Un servidor que atiende de a uno: a cada mensaje lo recibe con recibir_mensaje, imprime un renglón propio y contesta. Con el código 2, se va.
 */
#include <stdio.h>
#include <tp0.h>

int main(void)
{
	int servidor = iniciar_servidor();

	for (;;) {
		int cliente = esperar_cliente(servidor), codigo;

		if (cliente == -1)
			return 1;
		while ((codigo = recibir_operacion(cliente)) == MENSAJE) {
			printf("antes\n");
			recibir_mensaje(cliente);
			enviar_mensaje("listo", cliente);
		}
		liberar_conexion(cliente);
		if (codigo == 2) {
			liberar_conexion(servidor);
			return 0;
		}
	}
}
