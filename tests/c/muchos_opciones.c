/*
 * muchos_opciones: las tp0_opciones, una por una: lo que aceptan, lo que rechazan y lo que hacen.
 */
#include "muchos_comun.h"

static void rangos(void) {
	int32_t valores[40] = {1, 2, 3};
	tp0_opciones *o = tp0_opciones_crear();
	EXIGIR(o != NULL);
	ANDA(0, tp0_opciones_handshake(o, -7));
	ANDA(0, tp0_opciones_handshakes(o, valores, 32));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(o, valores, 33));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(o, valores, 0));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(o, valores, -1));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(o, NULL, 2));
	ANDA(0, tp0_opciones_handshake_opcional(o, 5));
	ANDA(0, tp0_opciones_sin_handshake(o));
	ANDA(0, tp0_opciones_espera_ms(o, 0));
	ANDA(0, tp0_opciones_espera_ms(o, 2147483647));
	FALLA(-1, EINVAL, tp0_opciones_espera_ms(o, -1));
	ANDA(0, tp0_opciones_tamanio_maximo(o, 1));
	FALLA(-1, EINVAL, tp0_opciones_tamanio_maximo(o, 0));
	FALLA(-1, EINVAL, tp0_opciones_tamanio_maximo(o, -5));
	ANDA(0, tp0_opciones_reintentos_ms(o, 0));
	FALLA(-1, EINVAL, tp0_opciones_reintentos_ms(o, -1));
	ANDA(0, tp0_opciones_keepalive(o, 0));
	ANDA(0, tp0_opciones_keepalive(o, 32767));
	FALLA(-1, EINVAL, tp0_opciones_keepalive(o, 2));
	FALLA(-1, EINVAL, tp0_opciones_keepalive(o, 32768));
	FALLA(-1, EINVAL, tp0_opciones_keepalive(o, -3));
	ANDA(0, tp0_opciones_clientes_maximos(o, 0));
	FALLA(-1, EINVAL, tp0_opciones_clientes_maximos(o, -1));
	ANDA(0, tp0_opciones_cierre_ms(o, 0));
	FALLA(-1, EINVAL, tp0_opciones_cierre_ms(o, -1));
	FALLA(-1, EINVAL, tp0_opciones_handshake(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(NULL, valores, 1));
	FALLA(-1, EINVAL, tp0_opciones_handshake_opcional(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_sin_handshake(NULL));
	FALLA(-1, EINVAL, tp0_opciones_espera_ms(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_tamanio_maximo(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_reintentos_ms(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_keepalive(NULL, 5));
	FALLA(-1, EINVAL, tp0_opciones_clientes_maximos(NULL, 1));
	FALLA(-1, EINVAL, tp0_opciones_cierre_ms(NULL, 1));
	tp0_opciones_destruir(o);
	tp0_opciones_destruir(NULL);
}

static int servidor, puerto;
static char puerto_texto[8];

static void *aceptar(void *yo) {
	*(int *)yo = esperar_cliente(servidor);
	return NULL;
}

/* Conecta con el servidor de este proceso, con esas opciones en los dos lados. */
static void conectarse(tp0_opciones *o, int *cliente, int *en_el_servidor) {
	pthread_t hilo;
	servidor = tp0_iniciar_servidor_con("127.0.0.1", "0", o);
	EXIGIR(servidor != -1);
	snprintf(puerto_texto, sizeof puerto_texto, "%d", puerto = tp0_puerto(servidor));
	EXIGIR(pthread_create(&hilo, NULL, aceptar, en_el_servidor) == 0);
	*cliente = tp0_crear_conexion("127.0.0.1", puerto_texto, o);
	EXIGIR(*cliente != -1);
	pthread_join(hilo, NULL);
	EXIGIR(*en_el_servidor != -1);
}

static int opcion(int s, int nivel, int cual) {
	int valor = -1;
	socklen_t largo = sizeof valor;
	EXIGIR(getsockopt(s, nivel, cual, &valor, &largo) == 0);
	return valor;
}

/* El kernel mira al cumplirse el tiempo callado y cada intervalo, y puede atrasarse un octavo; se rinde la primera vez que ya
 * pasó el límite. Eso tiene que entrar en los segundos pedidos. */
static void keepalive_entra_en(int s, int segundos) {
	int callada = opcion(s, IPPROTO_TCP, TCP_KEEPIDLE), entre = opcion(s, IPPROTO_TCP, TCP_KEEPINTVL);
	int limite = opcion(s, IPPROTO_TCP, TCP_USER_TIMEOUT), cuando = callada;
	EXIGIR(opcion(s, SOL_SOCKET, SO_KEEPALIVE) == 1);
	do
		cuando += entre;
	while (cuando * 1000 < limite);
	EXIGIR(limite > 0 && cuando * 9 <= segundos * 8 + 8);
	EXIGIR(cuando * 9.0 / 8 <= segundos);
}

static void keepalive(void) {
	int pedidos[] = {3, 4, 5, 10, 30, 60, 3600};
	for (size_t i = 0; i < sizeof pedidos / sizeof *pedidos; i++) {
		int cliente, en_el_servidor;
		tp0_opciones *o = tp0_opciones_crear();
		ANDA(0, tp0_opciones_keepalive(o, pedidos[i]));
		conectarse(o, &cliente, &en_el_servidor);
		keepalive_entra_en(cliente, pedidos[i]);
		keepalive_entra_en(en_el_servidor, pedidos[i]);
		liberar_conexion(cliente);
		liberar_conexion(en_el_servidor);
		liberar_conexion(servidor);
		tp0_opciones_destruir(o);
	}
	int cliente, en_el_servidor;
	tp0_opciones *o = tp0_opciones_crear();
	conectarse(o, &cliente, &en_el_servidor);
	EXIGIR(opcion(cliente, SOL_SOCKET, SO_KEEPALIVE) == 0);
	liberar_conexion(cliente);
	liberar_conexion(en_el_servidor);
	liberar_conexion(servidor);
	tp0_opciones_destruir(o);
}

static void tamanio(void) {
	int cliente, en_el_servidor;
	tp0_opciones *o = tp0_opciones_crear();
	ANDA(0, tp0_opciones_tamanio_maximo(o, 5));
	conectarse(o, &cliente, &en_el_servidor);
	ANDA(0, enviar_mensaje("1234", cliente));
	FALLA(-1, EMSGSIZE, enviar_mensaje("12345", cliente));
	char *texto = tp0_recibir_mensaje(en_el_servidor);
	EXIGIR(texto != NULL && strcmp(texto, "1234") == 0);
	free(texto);
	/* Por su cuenta, un mensaje de 6 bytes. */
	EXIGIR(write(cliente, "\0\0\0\0\6\0\0\0abcdef", 14) == 14);
	FALLA(NULL, EMSGSIZE, tp0_recibir(en_el_servidor));
	liberar_conexion(cliente);
	liberar_conexion(en_el_servidor);
	liberar_conexion(servidor);
	tp0_opciones_destruir(o);
}

static void *levantar_despues(void *nada) {
	(void)nada;
	/* Ya lo rechazaron, y duerme hasta el próximo intento. */
	hasta_que_duerman(1);
	servidor = tp0_iniciar_servidor("127.0.0.1", puerto_texto);
	EXIGIR(servidor != -1);
	int cliente = esperar_cliente(servidor);
	EXIGIR(cliente != -1);
	liberar_conexion(cliente);
	return NULL;
}

static void reintentos(void) {
	pthread_t hilo;
	/* Un puerto en el que nadie escucha y que nadie más recibe: lo tiene éste, y el servidor lo puede levantar igual. */
	struct sockaddr_in direccion = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t largo = sizeof direccion;
	int si = 1, tomado = par_socket();
	EXIGIR(bind(tomado, (struct sockaddr *)&direccion, largo) == 0);
	EXIGIR(setsockopt(tomado, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si) == 0);
	EXIGIR(getsockname(tomado, (struct sockaddr *)&direccion, &largo) == 0);
	snprintf(puerto_texto, sizeof puerto_texto, "%d", ntohs(direccion.sin_port));
	tp0_opciones *o = tp0_opciones_crear();
	/* El plazo pasa: sigue diciendo que no hay nadie, y no antes. */
	ANDA(0, tp0_opciones_reintentos_ms(o, 600));
	long antes = ahora_ms();
	FALLA(-1, ECONNREFUSED, tp0_crear_conexion("127.0.0.1", puerto_texto, o));
	EXIGIR(ahora_ms() - antes >= 400);
	/* El servidor se levanta en el medio. */
	ANDA(0, tp0_opciones_reintentos_ms(o, 60000));
	EXIGIR(pthread_create(&hilo, NULL, levantar_despues, NULL) == 0);
	int conexion = tp0_crear_conexion("127.0.0.1", puerto_texto, o);
	EXIGIR(conexion != -1);
	pthread_join(hilo, NULL);
	liberar_conexion(conexion);
	liberar_conexion(servidor);
	close(tomado);
	tp0_opciones_destruir(o);
}

int main(int cantidad, char **valores) {
	EXIGIR(cantidad == 2);
	alarm(80);
	if (strcmp(valores[1], "rangos") == 0)
		rangos();
	else if (strcmp(valores[1], "keepalive") == 0)
		keepalive();
	else if (strcmp(valores[1], "tamanio") == 0)
		tamanio();
	else if (strcmp(valores[1], "reintentos") == 0)
		reintentos();
	else
		return 2;
	decir("todo bien");
	return 0;
}
