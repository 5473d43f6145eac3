/*
 * muchos_difusion: tp0_difundir, de a una cosa por corrida (el argumento dice cuál). Los clientes son sockets comunes.
 */
#include "muchos_comun.h"

#define CUANTOS 6

static int par[CUANTOS], conexion[CUANTOS], servidor;

static void *conectar(void *yo) {
	(void)yo;
	for (int i = 0; i < CUANTOS; i++)
		par[i] = par_conectado(tp0_puerto(servidor));
	return NULL;
}

/* Seis conexiones, con sus dos extremos en este proceso. */
static void levantar(void) {
	pthread_t hilo;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(servidor != -1);
	EXIGIR(pthread_create(&hilo, NULL, conectar, NULL) == 0);
	for (int i = 0; i < CUANTOS; i++) {
		conexion[i] = esperar_cliente(servidor);
		EXIGIR(conexion[i] != -1);
	}
	pthread_join(hilo, NULL);
}

static void bajar(void) {
	for (int i = 0; i < CUANTOS; i++) {
		close(par[i]);
		ANDA(0, liberar_conexion(conexion[i]));
	}
	ANDA(0, liberar_conexion(servidor));
}

static t_paquete *con(int codigo, const void *bytes, int largo) {
	t_paquete *paquete = crear_paquete();
	EXIGIR(paquete != NULL);
	paquete->codigo_operacion = (op_code)codigo;
	if (largo > 0)
		ANDA(0, agregar_a_paquete(paquete, bytes, largo));
	return paquete;
}

/* Lo que todos tienen que recibir: PAQUETE con el valor "a todos". */
static void exigir_que_llego(int s) {
	char esperado[] = {1, 0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 'a', ' ', 't', 'o', 'd', 'o', 's', 0}, leido[sizeof esperado];
	EXIGIR(par_leer(s, leido, sizeof leido));
	EXIGIR(memcmp(leido, esperado, sizeof leido) == 0);
}

/* El que está en ese orden entre los que esperan el mismo puerto: el par de cada conexión, por sus números de puerto. */
static int par_de(int una) {
	struct sockaddr_in suyo, mio;
	socklen_t largo = sizeof suyo;
	EXIGIR(getpeername(una, (struct sockaddr *)&suyo, &largo) == 0);
	for (int i = 0; i < CUANTOS; i++) {
		largo = sizeof mio;
		EXIGIR(getsockname(par[i], (struct sockaddr *)&mio, &largo) == 0);
		if (mio.sin_port == suyo.sin_port)
			return par[i];
	}
	EXIGIR(!"el par de la conexión");
	return -1;
}

static void no_lee(void) {
	int errores[CUANTOS], trabada = 2;
	levantar();
	/* Mensajes de 8 bytes hasta que no entra ninguno más: entran enteros o no entran. */
	t_paquete *vacio = con(7, NULL, 0);
	int vueltas = 0, fallaron = 0;
	while (fallaron == 0 && vueltas++ < 5000000)
		fallaron = tp0_difundir(&conexion[trabada], 1, vacio, NULL);
	EXIGIR(fallaron == 1 && tp0_error() != NULL);
	eliminar_paquete(vacio);

	t_paquete *paquete = con(PAQUETE, "a todos", 8);
	long antes = ahora_ms();
	EXIGIR(tp0_difundir(conexion, CUANTOS, paquete, errores) == 1);
	/* A uno a medias se lo espera un segundo; a éste no le entró ni un byte. */
	EXIGIR(ahora_ms() - antes < 1000);
	EXIGIR(strstr(tp0_error(), "no está leyendo") != NULL || errores[trabada] == EPIPE);
	for (int i = 0; i < CUANTOS; i++) {
		if (i == trabada) {
			EXIGIR(errores[i] == EAGAIN || errores[i] == EPIPE);
			continue;
		}
		EXIGIR(errores[i] == 0);
		exigir_que_llego(par_de(conexion[i]));
	}
	eliminar_paquete(paquete);
	bajar();
}

static void por_la_mitad(void) {
	int errores[CUANTOS], lento = 1;
	levantar();
	/* 32 MiB no entran en ningún buffer: al que no lee le queda por la mitad; los demás los leen otros hilos. */
	int tamanio = 32 * 1024 * 1024;
	char *mucho = calloc(1, (size_t)tamanio);
	EXIGIR(mucho != NULL);
	t_paquete *paquete = con(PAQUETE, mucho, tamanio);
	free(mucho);
	long antes = ahora_ms();
	EXIGIR(tp0_difundir(&conexion[lento], 1, paquete, errores) == 1);
	long tardo = ahora_ms() - antes;
	EXIGIR(errores[0] == ETIMEDOUT);
	EXIGIR(tardo >= 900);
	eliminar_paquete(paquete);
	FALLA(-1, EPIPE, enviar_mensaje("ya no", conexion[lento]));
	paquete = con(PAQUETE, "a todos", 8);
	EXIGIR(tp0_difundir(conexion, CUANTOS, paquete, errores) == 1);
	EXIGIR(errores[lento] == EPIPE);
	for (int i = 0; i < CUANTOS; i++)
		if (i != lento)
			exigir_que_llego(par_de(conexion[i]));
	eliminar_paquete(paquete);
	bajar();
}

static void malos(void) {
	levantar();
	t_paquete *paquete = con(PAQUETE, "a todos", 8);
	int mezcla[] = {conexion[0], -1, 0, conexion[1], servidor, 100000}, errores[6];
	FALLA(-1, EINVAL, tp0_difundir(NULL, 3, paquete, NULL));
	FALLA(-1, EINVAL, tp0_difundir(mezcla, -1, paquete, NULL));
	FALLA(-1, EINVAL, tp0_difundir(mezcla, 1, NULL, NULL));
	ANDA(0, tp0_difundir(NULL, 0, paquete, NULL));
	ANDA(0, tp0_difundir(mezcla, 0, paquete, errores));
	EXIGIR(tp0_difundir(mezcla, 6, paquete, errores) == 4);
	EXIGIR(errores[0] == 0 && errores[3] == 0);
	EXIGIR(errores[1] == EBADF && errores[2] == EBADF && errores[5] == EBADF);
	EXIGIR(errores[4] == EINVAL);
	exigir_que_llego(par_de(conexion[0]));
	exigir_que_llego(par_de(conexion[1]));
	eliminar_paquete(paquete);
	bajar();
}

/* Al que está más de una vez, con su número o con un dup, el mensaje le llega una sola. */
static void repetidas(void) {
	levantar();
	t_paquete *paquete = con(PAQUETE, "a todos", 8);
	int otro_numero = dup(conexion[0]), errores[6], nombrados = 0;
	int mezcla[] = {conexion[0], conexion[1], conexion[0], otro_numero, conexion[2], conexion[1]};
	const int esperados[] = {0, 0, EINVAL, EINVAL, 0, EINVAL};
	EXIGIR(tp0_difundir(mezcla, 6, paquete, errores) == 3);
	EXIGIR(memcmp(errores, esperados, sizeof errores) == 0);
	EXIGIR(sscanf(tp0_error(), "%d está repetida", &nombrados) == 1 && nombrados == conexion[0]);
	EXIGIR(tp0_difundir(&mezcla[3], 2, paquete, NULL) == 0);
	int con_dup[] = {otro_numero, conexion[0]}, este, aquel;
	EXIGIR(tp0_difundir(con_dup, 2, paquete, errores) == 1 && errores[0] == 0 && errores[1] == EINVAL);
	EXIGIR(sscanf(tp0_error(), "%d es la misma conexión que %d", &este, &aquel) == 2);
	EXIGIR(este == conexion[0] && aquel == otro_numero);
	const int llegan[] = {3, 1, 2};
	for (int i = 0; i < 3; i++) {
		char de_mas;
		for (int j = 0; j < llegan[i]; j++)
			exigir_que_llego(par_de(conexion[i]));
		EXIGIR(recv(par_de(conexion[i]), &de_mas, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	}
	close(otro_numero);
	eliminar_paquete(paquete);
	bajar();
}

#define MUCHO (16 * 1024 * 1024)

static void *enviar_mucho(void *a_quien) {
	char *mucho = malloc(MUCHO);
	EXIGIR(mucho != NULL);
	memset(mucho, 'x', MUCHO - 1);
	mucho[MUCHO - 1] = '\0';
	intptr_t salida = enviar_mensaje(mucho, *(int *)a_quien);
	free(mucho);
	return (void *)salida;
}

/* A la conexión por la que otro hilo está enviando se la espera un rato, y no más; su mensaje sigue, y no se le mezcla nada. */
static void con_otro_enviando(void) {
	int errores[CUANTOS], ocupada = 3, header[2];
	levantar();
	int su_par = par_de(conexion[ocupada]);
	pthread_t otro = hilo(enviar_mucho, &conexion[ocupada]);
	/* Llegó su comienzo, y lo demás no entra hasta que alguien lo lea: está adentro. */
	EXIGIR(par_leer(su_par, header, sizeof header) && header[0] == MENSAJE && header[1] == MUCHO);
	t_paquete *paquete = con(PAQUETE, "a todos", 8);
	long antes = ahora_ms();
	EXIGIR(tp0_difundir(conexion, CUANTOS, paquete, errores) == 1);
	EXIGIR(ahora_ms() - antes >= 20);
	for (int i = 0; i < CUANTOS; i++) {
		EXIGIR(errores[i] == (i == ocupada ? EAGAIN : 0));
		if (i != ocupada)
			exigir_que_llego(par_de(conexion[i]));
	}
	char *mucho = malloc(MUCHO);
	EXIGIR(mucho != NULL && par_leer(su_par, mucho, MUCHO));
	EXIGIR(strspn(mucho, "x") == MUCHO - 1);
	free(mucho);
	EXIGIR(unir(otro) == NULL);
	ANDA(0, tp0_difundir(&conexion[ocupada], 1, paquete, NULL));
	exigir_que_llego(su_par);
	eliminar_paquete(paquete);
	bajar();
}

static void *leer_de_a_poco(void *de_quien) {
	static char pedazo[512 * 1024];
	int header[3];
	EXIGIR(par_leer(*(int *)de_quien, header, sizeof header));
	EXIGIR(header[0] == PAQUETE && header[2] == 2 * MUCHO && header[1] == header[2] + 4);
	for (int leidos = 0; leidos < header[2]; leidos += (int)sizeof pedazo) {
		dormir_ms(40);
		EXIGIR(par_leer(*(int *)de_quien, pedazo, sizeof pedazo));
		EXIGIR(pedazo[0] == leidos / (int)sizeof pedazo && pedazo[sizeof pedazo - 1] == 0);
	}
	return NULL;
}

/* Quien lee despacio y sin parar recibe todo, aunque en total tarde más de lo que se espera sin que avance nada. */
static void de_a_poco(void) {
	int errores[1];
	levantar();
	char *mucho = calloc(1, 2 * MUCHO);
	EXIGIR(mucho != NULL);
	for (int i = 0; i < 64; i++)
		mucho[i * 512 * 1024] = (char)i;
	t_paquete *paquete = con(PAQUETE, mucho, 2 * MUCHO);
	free(mucho);
	int su_par = par_de(conexion[0]);
	pthread_t lector = hilo(leer_de_a_poco, &su_par);
	long antes = ahora_ms();
	ANDA(0, tp0_difundir(conexion, 1, paquete, errores));
	EXIGIR(ahora_ms() - antes > 1000);
	unir(lector);
	eliminar_paquete(paquete);
	bajar();
}

/* Cada falla queda en el lugar de su conexión: la que tiene un límite menor, la que no es, la que se fue y la repetida. */
static void cada_falla_en_su_lugar(void) {
	int errores[7], en_otro_servidor, largo_del_aviso = -1;
	levantar();
	tp0_opciones *opciones = tp0_opciones_crear();
	EXIGIR(tp0_opciones_tamanio_maximo(opciones, 11) == 0);
	int otro = tp0_iniciar_servidor_con("127.0.0.1", "0", opciones);
	int32_t saludo = 1;
	EXIGIR(otro != -1 && (en_otro_servidor = par_conectar(tp0_puerto(otro))) != -1);
	par_mandar(en_otro_servidor, &saludo, 4);
	int chica = esperar_cliente(otro);
	EXIGIR(chica != -1 && par_leer(en_otro_servidor, &saludo, 4) && saludo == 0);
	shutdown(par_de(conexion[1]), SHUT_RDWR);
	while (tp0_conexion_activa(conexion[1]) == 1)
		dormir_ms(1);
	/* El valor y su largo son 12 bytes, y en la chica entran 11. */
	t_paquete *paquete = con(PAQUETE, "a todos", 8), *justo = con(PAQUETE, "a todo", 7);
	const int mezcla[] = {conexion[0], chica, conexion[1], conexion[2], -1, conexion[0], conexion[3]};
	const int esperados[] = {0, EMSGSIZE, EPIPE, 0, EBADF, EINVAL, 0};
	EXIGIR(tp0_difundir(mezcla, 7, paquete, errores) == 4);
	EXIGIR(memcmp(errores, esperados, sizeof errores) == 0);
	EXIGIR(strstr(tp0_error(), "12") != NULL && strstr(tp0_error(), "11") != NULL);
	for (int i = 0; i < 4; i++)
		if (i != 1)
			exigir_que_llego(par_de(conexion[i]));
	/* A la chica no le salió nada, y sigue. */
	ANDA(0, tp0_difundir(&chica, 1, justo, NULL));
	free(par_recibir(en_otro_servidor, &saludo, &largo_del_aviso));
	EXIGIR(saludo == PAQUETE && largo_del_aviso == 11);
	close(en_otro_servidor);
	ANDA(0, liberar_conexion(chica));
	ANDA(0, liberar_conexion(otro));
	tp0_opciones_destruir(opciones);
	eliminar_paquete(paquete);
	eliminar_paquete(justo);
	bajar();
}

int main(int cantidad, char **valores) {
	EXIGIR(cantidad == 2);
	alarm(80);
	if (strcmp(valores[1], "no_lee") == 0)
		no_lee();
	else if (strcmp(valores[1], "por_la_mitad") == 0)
		por_la_mitad();
	else if (strcmp(valores[1], "malos") == 0)
		malos();
	else if (strcmp(valores[1], "repetidas") == 0)
		repetidas();
	else if (strcmp(valores[1], "con_otro_enviando") == 0)
		con_otro_enviando();
	else if (strcmp(valores[1], "de_a_poco") == 0)
		de_a_poco();
	else if (strcmp(valores[1], "cada_falla_en_su_lugar") == 0)
		cada_falla_en_su_lugar();
	else
		return 2;
	decir("todo bien");
	return 0;
}
