/*
 * quien_es: un servidor que acepta varios valores de handshake, y con él sabe quién es cada cliente.
 *
 *   quien_es esperar CUANTOS         acepta 10, 20 y los extremos de int32_t; espera a esa cantidad con tp0_esperar_cliente y dice
 *                                    quién fue cada uno
 *   quien_es atender                 lo mismo con tp0_atender: la función pregunta con tp0_handshake. "basta" lo detiene
 *   quien_es opcional CUANTOS        el handshake 10 es opcional
 *   quien_es cliente PUERTO VALOR... se conecta con cada valor ("no": sin handshake) y dice qué pasó
 *   quien_es argumentos              lo que no se puede pedir
 * Los servidores leen TP0_IP y TP0_PUERTO.
 */
#include "muchos_comun.h"

#include <inttypes.h>

static const int32_t ACEPTADOS[] = {10, 20, INT32_MAX, INT32_MIN};

static tp0_opciones *opciones_nuevas(void) {
	tp0_opciones *opciones = tp0_opciones_crear();
	EXIGIR(opciones != NULL);
	return opciones;
}

static int escuchar(int opcional) {
	tp0_opciones *opciones = opciones_nuevas();
	int servidor;
	if (opcional) {
		ANDA(0, tp0_opciones_handshake_opcional(opciones, 10));
		ANDA(0, tp0_opciones_espera_ms(opciones, 300));
	} else {
		ANDA(0, tp0_opciones_handshakes(opciones, ACEPTADOS, (int)(sizeof ACEPTADOS / sizeof *ACEPTADOS)));
	}
	servidor = tp0_iniciar_servidor_con(NULL, NULL, opciones);
	EXIGIR(servidor != -1);
	tp0_opciones_destruir(opciones);
	return servidor;
}

static int esperar(int cuantos, int opcional) {
	int servidor = escuchar(opcional);
	for (int i = 0; i < cuantos; i++) {
		int32_t quien = 12345, otra_vez = 54321;
		int cliente = tp0_esperar_cliente(servidor, &quien), hubo;
		char *texto;
		EXIGIR(cliente != -1);
		hubo = tp0_handshake(cliente, &otra_vez);
		EXIGIR((hubo == 1 || (opcional && hubo == 0)) && otra_vez == quien);
		texto = tp0_recibir_mensaje(cliente);
		EXIGIR(texto != NULL);
		printf("%" PRId32 " %d %s\n", quien, hubo, texto);
		fflush(stdout);
		free(texto);
		liberar_conexion(cliente);
		FALLA(-1, EBADF, tp0_handshake(cliente, &otra_vez));
	}
	liberar_conexion(servidor);
	int32_t intacto = 99;
	FALLA(-1, EBADF, tp0_esperar_cliente(servidor, &intacto));
	EXIGIR(intacto == 99);
	return 0;
}

static void responder(int cliente, void *contexto) {
	int32_t quien;
	char *texto, respuesta[64];
	ANDA(1, tp0_handshake(cliente, &quien));
	while ((texto = tp0_recibir_mensaje(cliente)) != NULL) {
		if (strcmp(texto, "basta") == 0)
			EXIGIR(tp0_detener(*(int *)contexto) == 0);
		snprintf(respuesta, sizeof respuesta, "sos %" PRId32, quien);
		EXIGIR(enviar_mensaje(respuesta, cliente) == 0);
		free(texto);
	}
}

static int atender(void) {
	int servidor = escuchar(0);
	EXIGIR(tp0_atender(servidor, responder, &servidor) == 0);
	decir("detenido");
	return 0;
}

static int cliente(const char *puerto, int cuantos, char **valores) {
	for (int i = 0; i < cuantos; i++) {
		tp0_opciones *opciones = opciones_nuevas();
		int conexion;
		if (strcmp(valores[i], "no") == 0)
			ANDA(0, tp0_opciones_sin_handshake(opciones));
		else
			ANDA(0, tp0_opciones_handshake(opciones, (int32_t)strtol(valores[i], NULL, 10)));
		conexion = tp0_crear_conexion("127.0.0.1", puerto, opciones);
		if (conexion == -1) {
			EXIGIR(errno == EPROTO);
			printf("%s: %s\n", valores[i], tp0_error());
		} else {
			char *texto;
			EXIGIR(enviar_mensaje(valores[i], conexion) == 0);
			texto = tp0_recibir_mensaje(conexion);
			printf("%s: %s\n", valores[i], texto != NULL ? texto : "terminó");
			free(texto);
			liberar_conexion(conexion);
		}
		tp0_opciones_destruir(opciones);
		fflush(stdout);
	}
	return 0;
}

static int argumentos(void) {
	int32_t muchos[33] = {0}, valor = 77;
	tp0_opciones *opciones = opciones_nuevas();
	int servidor = tp0_iniciar_servidor("127.0.0.1", "0"), tuberia[2];
	EXIGIR(servidor != -1 && pipe(tuberia) == 0);

	FALLA(-1, EINVAL, tp0_opciones_handshakes(opciones, NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(opciones, muchos, 0));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(opciones, muchos, -1));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(opciones, muchos, 33));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(opciones, muchos, INT32_MAX));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(NULL, muchos, 1));
	FALLA(-1, EINVAL, tp0_opciones_handshake(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_handshake_opcional(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_sin_handshake(NULL));
	ANDA(0, tp0_opciones_handshakes(opciones, muchos, 32));
	ANDA(0, tp0_opciones_handshakes(opciones, muchos, 1));
	tp0_opciones_destruir(opciones);
	tp0_opciones_destruir(NULL);

	FALLA(-1, EBADF, tp0_handshake(-1, &valor));
	FALLA(-1, EBADF, tp0_handshake(1000000, &valor));
	FALLA(-1, EBADF, tp0_handshake(tuberia[0], &valor));
	FALLA(-1, EINVAL, tp0_handshake(servidor, NULL));
	FALLA(-1, EBADF, tp0_esperar_cliente(-1, &valor));
	FALLA(-1, EBADF, tp0_esperar_cliente(tuberia[0], NULL));
	EXIGIR(valor == 77);
	close(tuberia[0]);
	close(tuberia[1]);
	liberar_conexion(servidor);
	decir("todo bien");
	return 0;
}

int main(int argc, char **argv) {
	if (argc == 3 && strcmp(argv[1], "esperar") == 0)
		return esperar(atoi(argv[2]), 0);
	if (argc == 3 && strcmp(argv[1], "opcional") == 0)
		return esperar(atoi(argv[2]), 1);
	if (argc == 2 && strcmp(argv[1], "atender") == 0)
		return atender();
	if (argc >= 4 && strcmp(argv[1], "cliente") == 0)
		return cliente(argv[2], argc - 3, argv + 3);
	if (argc == 2 && strcmp(argv[1], "argumentos") == 0)
		return argumentos();
	return 2;
}
