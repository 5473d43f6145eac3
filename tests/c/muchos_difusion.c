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
	EXIGIR(ahora_ms() - antes < 500);
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
	EXIGIR(tardo >= 900 && tardo < 5000);
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

int main(int cantidad, char **valores) {
	EXIGIR(cantidad == 2);
	alarm(50);
	if (strcmp(valores[1], "no_lee") == 0)
		no_lee();
	else if (strcmp(valores[1], "por_la_mitad") == 0)
		por_la_mitad();
	else if (strcmp(valores[1], "malos") == 0)
		malos();
	else
		return 2;
	decir("todo bien");
	return 0;
}
