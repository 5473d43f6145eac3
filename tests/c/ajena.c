/*
 * Una conexión que hizo el programa, con su propio accept o socketpair: desde su primer mensaje se la recibe como a
 * cualquiera, aunque el número haya sido antes de otro socket.
 */
#include <tp0.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIGIR(que) \
	do { \
		if (!(que)) { \
			fprintf(stderr, "%d: %s (errno %d, %s)\n", __LINE__, #que, errno, tp0_error()); \
			exit(1); \
		} \
	} while (0)

/* Un PAQUETE vacío, y detrás el MENSAJE «ok». */
static const unsigned char MANDADO[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'o', 'k', 0};

/* Devuelve siempre el mismo número, que en cada llamada es de otro socket. */
static int nueva(void)
{
	int par[2];

	EXIGIR(socketpair(AF_UNIX, SOCK_STREAM, 0, par) == 0);
	EXIGIR(write(par[1], MANDADO, sizeof MANDADO) == (ssize_t)sizeof MANDADO);
	close(par[1]);
	return par[0];
}

static void terminar(int conexion, int con_close)
{
	char *texto = tp0_recibir_mensaje(conexion);

	EXIGIR(texto != NULL && strcmp(texto, "ok") == 0);
	free(texto);
	EXIGIR(recibir_operacion(conexion) == -1 && errno == 0);
	if (con_close)
		close(conexion);
	else
		EXIGIR(liberar_conexion(conexion) == 0);
}

static void con_recibir_paquete(int con_close)
{
	int conexion = nueva();
	t_list *valores;

	EXIGIR(recibir_operacion(conexion) == PAQUETE);
	valores = recibir_paquete(conexion);
	EXIGIR(tp0_error() == NULL && valores->elements_count == 0);
	tp0_liberar_lista(valores);
	terminar(conexion, con_close);
}

static void con_recibir(int con_close)
{
	int conexion = nueva();
	t_paquete *paquete;

	EXIGIR(recibir_operacion(conexion) == PAQUETE);
	paquete = tp0_recibir(conexion);
	EXIGIR(paquete != NULL && (int)paquete->codigo_operacion == PAQUETE && paquete->buffer->size == 0);
	eliminar_paquete(paquete);
	terminar(conexion, con_close);
}

int main(void)
{
	for (int con_close = 0; con_close <= 1; con_close++) {
		con_recibir_paquete(con_close);
		con_recibir(con_close);
	}
	return puts("todo bien") == EOF;
}
