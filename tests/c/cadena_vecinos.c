/*
 * cadena_vecinos: conectarse a alguien que todavía no espera clientes, porque está haciendo lo mismo.
 *
 *   cadena_vecinos rueda YO PUERTO SIGUIENTE   escucha, y al leer una línea de la entrada se conecta con el siguiente; recién
 *                                              después espera a su cliente. Se saludan, y termina
 *   cadena_vecinos solo                        se conecta varias veces consigo mismo, con un solo hilo, y recién después espera
 *   cadena_vecinos valores                     lo mismo, con varios valores de handshake y uno que se rechaza
 */
#include "muchos_comun.h"

/* El puerto del otro lado de una conexión: con él se sabe quién es quién. */
static int puerto_del_par(int conexion) {
	struct sockaddr_in direccion;
	socklen_t largo = sizeof direccion;
	EXIGIR(getpeername(conexion, (struct sockaddr *)&direccion, &largo) == 0);
	return ntohs(direccion.sin_port);
}

static void exigir_texto(int conexion, const char *esperado) {
	char *texto = tp0_recibir_mensaje(conexion);
	EXIGIR(texto != NULL);
	EXIGIR(strcmp(texto, esperado) == 0);
	free(texto);
}

static void exigir_fin(int conexion) {
	EXIGIR(tp0_recibir_mensaje(conexion) == NULL && errno == 0 && tp0_error() != NULL);
}

static int rueda(const char *yo, const char *puerto, const char *siguiente) {
	int servidor = tp0_iniciar_servidor("127.0.0.1", puerto), hacia, desde;
	char *texto;
	EXIGIR(servidor != -1);
	decir("escucho");
	EXIGIR(getchar() == '\n');

	hacia = crear_conexion("127.0.0.1", siguiente);
	EXIGIR(hacia != -1);
	decir("conectado");
	EXIGIR(enviar_mensaje(yo, hacia) == 0);

	desde = esperar_cliente(servidor);
	EXIGIR(desde != -1);
	texto = tp0_recibir_mensaje(desde);
	EXIGIR(texto != NULL);
	printf("me saludó %s\n", texto);
	EXIGIR(enviar_mensaje(texto, desde) == 0);
	free(texto);
	exigir_texto(hacia, yo);
	liberar_conexion(hacia);
	exigir_fin(desde);
	liberar_conexion(desde);
	liberar_conexion(servidor);
	return 0;
}

static int solo(void) {
	enum { TODOS = 8 };
	int servidor = tp0_iniciar_servidor("127.0.0.1", "0"), conexiones[TODOS], puertos[TODOS], clientes[TODOS];
	char puerto[16], texto[32];
	EXIGIR(servidor != -1);
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));

	for (int i = 0; i < TODOS; i++) {
		conexiones[i] = crear_conexion("127.0.0.1", puerto);
		EXIGIR(conexiones[i] != -1);
		puertos[i] = tp0_puerto(conexiones[i]);
		/* De cada cuatro: uno no dice nada, uno manda, uno manda y cierra, uno sólo cierra. Al último ya no se lo entrega: se fue. */
		snprintf(texto, sizeof texto, "soy el %d", i);
		if (i % 4 == 1 || i % 4 == 2) {
			EXIGIR(enviar_mensaje(texto, conexiones[i]) == 0);
			EXIGIR(enviar_mensaje("y nada más", conexiones[i]) == 0);
		}
		if (i % 4 >= 2)
			EXIGIR(liberar_conexion(conexiones[i]) == 0);
	}
	for (int i = 0; i < TODOS; i++) {
		if (i % 4 == 3)
			continue;
		clientes[i] = esperar_cliente(servidor);
		EXIGIR(clientes[i] > 2);
		EXIGIR(puerto_del_par(clientes[i]) == puertos[i]);
		if (i % 4 < 2)
			ANDA(1, tp0_conexion_activa(clientes[i]));
	}
	for (int i = 0; i < TODOS; i++) {
		if (i % 4 == 3)
			continue;
		snprintf(texto, sizeof texto, "soy el %d", i);
		if (i % 4 == 1 || i % 4 == 2) {
			exigir_texto(clientes[i], texto);
			exigir_texto(clientes[i], "y nada más");
		}
		if (i % 4 < 2) {
			EXIGIR(enviar_mensaje("te vi", clientes[i]) == 0);
			exigir_texto(conexiones[i], "te vi");
			liberar_conexion(conexiones[i]);
		}
		exigir_fin(clientes[i]);
		liberar_conexion(clientes[i]);
	}

	/* A los que quedaron en la fila, liberar el servidor los cierra. */
	conexiones[0] = crear_conexion("127.0.0.1", puerto);
	EXIGIR(conexiones[0] != -1);
	EXIGIR(liberar_conexion(servidor) == 0);
	EXIGIR(recibir_operacion(conexiones[0]) == -1 && (errno == 0 || errno == ECONNRESET));
	liberar_conexion(conexiones[0]);
	decir("todo bien");
	return 0;
}

static int valores(void) {
	static const int32_t aceptados[] = {10, 20, -7};
	tp0_opciones *opciones = tp0_opciones_crear();
	int servidor, conexiones[3], rechazada, de_siempre;
	char puerto[16];
	EXIGIR(opciones != NULL);
	EXIGIR(tp0_opciones_handshakes(opciones, aceptados, 3) == 0);
	servidor = tp0_iniciar_servidor_con("127.0.0.1", "0", opciones);
	EXIGIR(servidor != -1);
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));

	/* Otro servidor del mismo proceso: cada uno se queda con los suyos. */
	de_siempre = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(de_siempre != -1);

	for (int i = 2; i >= 0; i--) {
		EXIGIR(tp0_opciones_handshake(opciones, aceptados[i]) == 0);
		conexiones[i] = tp0_crear_conexion("127.0.0.1", puerto, opciones);
		EXIGIR(conexiones[i] != -1);
		if (i == 1) {
			errno = 0;
			rechazada = crear_conexion("127.0.0.1", puerto);
			EXIGIR(rechazada == -1 && errno == EPROTO);
			EXIGIR(strstr(tp0_error(), "le mostramos 1 y contestó -1") != NULL);
		}
	}
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(de_siempre));
	rechazada = crear_conexion("127.0.0.1", puerto);
	EXIGIR(rechazada != -1);

	int cliente = esperar_cliente(de_siempre);
	EXIGIR(cliente != -1 && puerto_del_par(cliente) == tp0_puerto(rechazada));
	liberar_conexion(cliente);
	liberar_conexion(rechazada);
	for (int i = 2; i >= 0; i--) {
		int32_t mostrado = 0;
		cliente = tp0_esperar_cliente(servidor, &mostrado);
		EXIGIR(cliente != -1 && mostrado == aceptados[i]);
		EXIGIR(puerto_del_par(cliente) == tp0_puerto(conexiones[i]));
		ANDA(1, tp0_handshake(cliente, &mostrado));
		EXIGIR(mostrado == aceptados[i]);
		ANDA(1, tp0_handshake(conexiones[i], &mostrado));
		EXIGIR(mostrado == aceptados[i]);
		liberar_conexion(cliente);
		liberar_conexion(conexiones[i]);
	}
	liberar_conexion(de_siempre);
	liberar_conexion(servidor);
	tp0_opciones_destruir(opciones);
	decir("todo bien");
	return 0;
}

int main(int argc, char **argv) {
	if (argc == 5 && strcmp(argv[1], "rueda") == 0)
		return rueda(argv[2], argv[3], argv[4]);
	if (argc == 2 && strcmp(argv[1], "solo") == 0)
		return solo();
	if (argc == 2 && strcmp(argv[1], "valores") == 0)
		return valores();
	fprintf(stderr, "Uso: %s rueda YO PUERTO SIGUIENTE | solo | valores\n", argv[0]);
	return 2;
}
