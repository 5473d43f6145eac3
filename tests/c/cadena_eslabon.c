/*
 * cadena_eslabon: un servidor que es, a la vez, cliente de otros. A cada pregunta contesta NOMBRE y, entre paréntesis, lo que
 * contestaron los suyos: una cadena dice A(B(C)), un árbol A(B(D,E),C).
 *
 *   cadena_eslabon atender NOMBRE PUERTO [SIGUIENTE...]   muchos clientes a la vez, con tp0_atender; si uno de los suyos no
 *                                                         contesta, contesta con el código FALLO y el porqué
 *   cadena_eslabon esqueleto NOMBRE PUERTO [SIGUIENTE]    sólo funciones del TP0, un cliente; si el siguiente no contesta, se va
 *   cadena_eslabon preguntar PUERTO TEXTO...              el cliente de la punta: imprime cada respuesta, o por qué no la hubo
 *
 * La hoja a la que le preguntan «demorate» no contesta en mucho tiempo.
 */
#define TP0_SIN_OP_CODE
typedef enum { MENSAJE, PAQUETE, FALLO = 99 } op_code;
#include "muchos_comun.h"

#define LARGO 4096

typedef struct {
	const char *nombre;
	int cuantos;
	char **siguientes;
} t_eslabon;

static void demorarse(const t_eslabon *yo, const char *pregunta) {
	if (yo->cuantos == 0 && strcmp(pregunta, "demorate") == 0) {
		decir("me demoro");
		dormir_ms(600000);
	}
}

static void agregar(char *respuesta, const char *que) {
	strncat(respuesta, que, LARGO - 1 - strlen(respuesta));
}

/* ------------------------------------------------------------------ con tp0_atender */

static int fallar(int cliente, const char *yo, const char *porque) {
	char texto[LARGO];
	t_paquete paquete = {.codigo_operacion = FALLO, .buffer = buffer_create(0)};
	int salida;
	snprintf(texto, sizeof texto, "%s: %s", yo, porque != NULL ? porque : "sin texto");
	EXIGIR(paquete.buffer != NULL);
	EXIGIR(buffer_add(paquete.buffer, texto, (uint32_t)strlen(texto) + 1) == 0);
	salida = enviar_paquete(&paquete, cliente);
	buffer_destroy(paquete.buffer);
	return salida;
}

/* Le pregunta a uno de los suyos y agrega lo que contesta. 0: no contestó, y ya se dijo por qué. */
static int consultar(const t_eslabon *yo, int cliente, int *conexion, const char *puerto, const char *pregunta, char *respuesta) {
	t_paquete *paquete = NULL;
	if (*conexion == -1)
		*conexion = crear_conexion("127.0.0.1", puerto);
	if (*conexion != -1 && enviar_mensaje(pregunta, *conexion) == 0)
		paquete = tp0_recibir(*conexion);
	if (paquete == NULL) {
		fallar(cliente, yo->nombre, tp0_error());
		if (*conexion != -1)
			liberar_conexion(*conexion);
		*conexion = -1;
		return 0;
	}
	if (paquete->codigo_operacion == FALLO) {
		fallar(cliente, yo->nombre, paquete->buffer->stream);
		eliminar_paquete(paquete);
		return 0;
	}
	EXIGIR(paquete->codigo_operacion == MENSAJE);
	agregar(respuesta, paquete->buffer->stream);
	eliminar_paquete(paquete);
	return 1;
}

static void atender(int cliente, void *contexto) {
	const t_eslabon *yo = contexto;
	int conexiones[16], i;
	char *pregunta;
	for (i = 0; i < yo->cuantos; i++)
		conexiones[i] = -1;
	while ((pregunta = tp0_recibir_mensaje(cliente)) != NULL) {
		char respuesta[LARGO] = "";
		demorarse(yo, pregunta);
		agregar(respuesta, yo->nombre);
		for (i = 0; i < yo->cuantos; i++) {
			agregar(respuesta, i == 0 ? "(" : ",");
			if (!consultar(yo, cliente, &conexiones[i], yo->siguientes[i], pregunta, respuesta))
				break;
		}
		if (i == yo->cuantos) {
			agregar(respuesta, i > 0 ? ")" : "");
			enviar_mensaje(respuesta, cliente);
		}
		free(pregunta);
	}
	for (i = 0; i < yo->cuantos; i++)
		if (conexiones[i] != -1)
			liberar_conexion(conexiones[i]);
}

/* ------------------------------------------------------------------ con las funciones del TP0 */

/* El texto del próximo MENSAJE, o NULL. */
static char *recibir_texto(int conexion) {
	int tamanio;
	if (recibir_operacion(conexion) != MENSAJE)
		return NULL;
	return recibir_buffer(&tamanio, conexion);
}

static int esqueleto(const t_eslabon *yo, int servidor) {
	int siguiente = -1, cliente;
	char *pregunta;
	if (yo->cuantos == 1) {
		siguiente = crear_conexion("127.0.0.1", yo->siguientes[0]);
		EXIGIR(siguiente != -1);
	}
	cliente = esperar_cliente(servidor);
	EXIGIR(cliente != -1);
	while ((pregunta = recibir_texto(cliente)) != NULL) {
		char respuesta[LARGO] = "";
		demorarse(yo, pregunta);
		agregar(respuesta, yo->nombre);
		if (siguiente != -1) {
			char *suya = NULL;
			if (enviar_mensaje(pregunta, siguiente) == 0)
				suya = recibir_texto(siguiente);
			if (suya == NULL) {
				fprintf(stderr, "%s se va: %s\n", yo->nombre, tp0_error());
				free(pregunta);
				break;
			}
			agregar(respuesta, "(");
			agregar(respuesta, suya);
			agregar(respuesta, ")");
			free(suya);
		}
		EXIGIR(enviar_mensaje(respuesta, cliente) == 0);
		free(pregunta);
	}
	liberar_conexion(cliente);
	if (siguiente != -1)
		liberar_conexion(siguiente);
	liberar_conexion(servidor);
	return 0;
}

/* ------------------------------------------------------------------ la punta */

static int preguntar(const char *puerto, int cuantas, char **textos) {
	int conexion = crear_conexion("127.0.0.1", puerto), salida = 0;
	EXIGIR(conexion != -1);
	for (int i = 0; i < cuantas && salida == 0; i++) {
		t_paquete *paquete = NULL;
		if (enviar_mensaje(textos[i], conexion) == 0)
			paquete = tp0_recibir(conexion);
		if (paquete == NULL) {
			printf("terminó: %s\n", tp0_error());
			salida = 1;
		} else {
			printf("%s%s\n", paquete->codigo_operacion == FALLO ? "falló: " : "", (char *)paquete->buffer->stream);
			eliminar_paquete(paquete);
		}
		fflush(stdout);
	}
	liberar_conexion(conexion);
	return salida;
}

int main(int argc, char **argv) {
	t_eslabon yo;
	int servidor;
	if (argc >= 4 && strcmp(argv[1], "preguntar") == 0)
		return preguntar(argv[2], argc - 3, argv + 3);
	if (argc < 4 || argc > 20)
		return 2;
	yo = (t_eslabon){.nombre = argv[2], .cuantos = argc - 4, .siguientes = argv + 4};
	servidor = tp0_iniciar_servidor("127.0.0.1", argv[3]);
	EXIGIR(servidor != -1);
	decir("escucho");
	if (strcmp(argv[1], "esqueleto") == 0)
		return esqueleto(&yo, servidor);
	EXIGIR(strcmp(argv[1], "atender") == 0);
	return tp0_atender(servidor, atender, &yo) == 0 ? 0 : 1;
}
