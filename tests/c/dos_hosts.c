/*
 * dos_hosts: un mensaje grande, de una máquina a otra, con el cable que se corta en el medio.
 *
 *   dos_hosts servidor KEEPALIVE                     (TP0_IP y TP0_PUERTO dicen dónde)
 *   dos_hosts entrega KEEPALIVE IP PUERTO BYTES      manda un mensaje de ese tamaño y espera el recibo
 *   dos_hosts pedido KEEPALIVE IP PUERTO BYTES       pide uno: el servidor manda la mitad, y el resto cuando se lo dicen
 *   dos_hosts eco KEEPALIVE IP PUERTO TEXTO          manda un texto y espera que vuelva
 *
 * KEEPALIVE en segundos; 0, sin keepalive. Lo último que dice cada uno es cómo terminó, con el errno que le quedó.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TP0_SIN_OP_CODE
typedef enum { MENSAJE, PAQUETE, ENTREGA = 10, PEDIDO } op_code;
#include <tp0.h>

/* Cuánto tarda el servidor en empezar a leer una entrega: el que manda ya llenó todo lo que se puede llenar. */
#define PAUSA_US 500000

static char *dibujo(uint32_t bytes) {
	char *todo = malloc(bytes);

	for (uint32_t i = 0; todo != NULL && i < bytes; i++) todo[i] = (char)(i * 31 + (i >> 8) * 7);
	return todo;
}

static bool es_el_dibujo(const char *recibido, int bytes) {
	char *esperado = dibujo((uint32_t)bytes);
	bool igual = esperado != NULL && memcmp(recibido, esperado, (size_t)bytes) == 0;

	free(esperado);
	return igual;
}

static int fallar(const char *quien) {
	int causa = errno;
	const char *texto = tp0_error();

	printf("%s: %s %s\n", quien, causa == 0 ? "0" : strerrorname_np(causa), texto != NULL ? texto : "");
	return EXIT_FAILURE;
}

static bool escribir(int conexion, const char *bytes, size_t cuantos) {
	while (cuantos > 0) {
		ssize_t enviados = send(conexion, bytes, cuantos, MSG_NOSIGNAL);

		if (enviados <= 0) return false;
		bytes += enviados;
		cuantos -= (size_t)enviados;
	}
	return true;
}

/* La mitad, y el resto cuando alguien lo diga: la biblioteca no sabe mandar medio mensaje, así que va a mano. */
static void dar_en_dos_mitades(int cliente, uint32_t bytes) {
	char *todo = dibujo(bytes);
	int32_t header[2] = {PEDIDO, (int32_t)bytes};

	if (todo != NULL && escribir(cliente, (const char *)header, sizeof(header)) && escribir(cliente, todo, bytes / 2)) {
		printf("di la mitad\n");
		if (getchar() != EOF && escribir(cliente, todo + bytes / 2, bytes - bytes / 2)) printf("di el resto\n");
	}
	free(todo);
}

static void atender(int cliente, void *contexto) {
	int codigo, bytes;
	char *recibido;

	(void)contexto;
	while ((codigo = recibir_operacion(cliente)) != -1) {
		if (codigo == ENTREGA) {
			printf("empieza una entrega\n");
			usleep(PAUSA_US);
		}
		recibido = recibir_buffer(&bytes, cliente);
		if (recibido == NULL) break;
		if (codigo == PEDIDO) {
			dar_en_dos_mitades(cliente, *(uint32_t *)(void *)recibido);
		} else if (codigo == ENTREGA) {
			bool igual = es_el_dibujo(recibido, bytes);
			printf("entrega de %d bytes: %s\n", bytes, igual ? "igual" : "distinta");
			enviar_mensaje(igual ? "recibo" : "otra cosa", cliente);
		} else {
			enviar_mensaje(recibido, cliente);
		}
		free(recibido);
	}
	fallar("se fue un cliente");
}

static int mandar(int conexion, op_code codigo, char *bytes, uint32_t cuantos) {
	t_buffer buffer = {.size = (int)cuantos, .stream = bytes};
	t_paquete paquete = {.codigo_operacion = codigo, .buffer = &buffer};

	return enviar_paquete(&paquete, conexion);
}

static int esperar_texto(int conexion, const char *esperado) {
	char *texto = tp0_recibir_mensaje(conexion);

	if (texto == NULL) return fallar("recibir");
	printf("%s\n", strcmp(texto, esperado) == 0 ? "bien" : texto);
	free(texto);
	return EXIT_SUCCESS;
}

static int entregar(int conexion, uint32_t bytes) {
	char *todo = dibujo(bytes);
	int resultado = mandar(conexion, ENTREGA, todo, bytes);

	if (resultado == -1) fallar("enviar");
	free(todo);
	return resultado == -1 ? EXIT_FAILURE : esperar_texto(conexion, "recibo");
}

static int pedir(int conexion, uint32_t bytes) {
	int llegaron;
	char *todo;

	if (mandar(conexion, PEDIDO, (char *)&bytes, sizeof(bytes)) == -1) return fallar("enviar");
	if (recibir_operacion(conexion) == -1) return fallar("recibir");
	todo = recibir_buffer(&llegaron, conexion);
	if (todo == NULL) return fallar("recibir");
	printf("%s\n", llegaron == (int)bytes && es_el_dibujo(todo, llegaron) ? "bien" : "llegó otra cosa");
	free(todo);
	return EXIT_SUCCESS;
}

static int servir(const tp0_opciones *opciones) {
	int servidor = tp0_iniciar_servidor_con(NULL, NULL, opciones);

	if (servidor == -1) return fallar("escuchar");
	printf("Escucho en el puerto %d.\n", tp0_puerto(servidor));
	return tp0_atender(servidor, atender, NULL) == -1 ? fallar("atender") : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
	tp0_opciones *opciones = tp0_opciones_crear();
	int conexion, resultado;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Recién vuelto el cable puede no haber camino por un momento: hay que insistir. */
	if (argc < 3 || tp0_opciones_keepalive(opciones, atoi(argv[2])) == -1 ||
	    tp0_opciones_reintentos_ms(opciones, 20000) == -1)
		return fallar("opciones");
	if (argc < 6) {
		resultado = servir(opciones);
		tp0_opciones_destruir(opciones);
		return resultado;
	}
	conexion = tp0_crear_conexion(argv[3], argv[4], opciones);
	if (conexion == -1) return fallar("conectar");
	tp0_opciones_destruir(opciones);
	if (strcmp(argv[1], "eco") == 0)
		resultado = enviar_mensaje(argv[5], conexion) == -1 ? fallar("enviar") : esperar_texto(conexion, argv[5]);
	else
		resultado = (strcmp(argv[1], "entrega") == 0 ? entregar : pedir)(conexion, (uint32_t)strtoul(argv[5], NULL, 10));
	liberar_conexion(conexion);
	return resultado;
}
