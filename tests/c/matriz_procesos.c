/*
 * matriz_procesos: bifurcarse con hilos metidos en la biblioteca. El hijo tiene que poder usarla entera sin trabarse, y cada
 * proceso conserva sus copias de lo que estaba abierto.
 */
#define _GNU_SOURCE
#include "matriz_comun.h"

static atomic_int fin;
static int servidor;
static char puerto_texto[8];

/* Todo lo que un hijo puede querer: escuchar, aceptar, conversar, conectarse y soltar. */
static void usar_la_biblioteca(void) {
	int cliente, otro = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(otro > 2);
	int par = par_aceptado(otro, &cliente);
	conversar(par, cliente);
	close(par);
	EXIGIR(recibir_operacion(cliente) == -1 && errno == 0);
	EXIGIR(crear_conexion("127.0.0.1", "no es un puerto") == -1 && errno == EINVAL);
	EXIGIR(liberar_conexion(otro) == 0);
}

/* Espera a un hijo que tiene que salir bien dentro del plazo. */
static void hijo_sano(pid_t hijo) {
	long limite = ahora_ms() + 30000;
	int estado = 0;
	pid_t r;
	while ((r = waitpid(hijo, &estado, WNOHANG)) == 0 && ahora_ms() < limite)
		dormir_ms(1);
	if (r == 0) {
		kill(hijo, SIGKILL);
		waitpid(hijo, &estado, 0);
		dprintf(2, "el hijo quedó trabado\n");
		_exit(4);
	}
	if (!WIFEXITED(estado) || WEXITSTATUS(estado) != 0) {
		dprintf(2, "el hijo terminó con estado %#x\n", (unsigned)estado);
		_exit(5);
	}
}

/* Se bifurca tantas veces como entren en el tiempo, y exige un mínimo para que la prueba signifique algo. */
static void bifurcar(int ms, int minimo, void (*en_el_hijo)(void)) {
	long limite = ahora_ms() + ms;
	int cuantos = 0;
	for (; ahora_ms() < limite || cuantos < minimo; cuantos++) {
		pid_t hijo = fork();
		EXIGIR(hijo >= 0);
		if (hijo == 0) {
			en_el_hijo();
			_exit(0);
		}
		hijo_sano(hijo);
	}
	printf("%d hijos\n", cuantos);
}

/* ------------------------------------------------------------------ con hilos conectándose */

/* Muchos números, también los que en el padre no eran de nadie: alguien los pudo estar mirando justo al bifurcarse. */
static void usar_muchos_numeros(void) {
	int servidores[50];
	for (int i = 0; i < 50; i++) {
		servidores[i] = tp0_iniciar_servidor("127.0.0.1", "0");
		EXIGIR(servidores[i] > 2);
	}
	for (int i = 0; i < 50; i++)
		EXIGIR(liberar_conexion(servidores[i]) == 0);
	setenv("TP0_ESPERA_MS", "3000", 1);
	usar_la_biblioteca();
}

static void *conectar_sin_parar(void *x) {
	(void)x;
	while (!fin) {
		int c = crear_conexion("127.0.0.1", puerto_texto);
		EXIGIR(c == -1 && errno == ETIMEDOUT); /* nadie acepta */
	}
	return NULL;
}

static void caso_conectando(void) {
	int puerto;
	/* Con un servidor propio, quien espera que le contesten mira de paso si alguien se conectó a él. */
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	escuchar_a_secas(&puerto);
	snprintf(puerto_texto, sizeof puerto_texto, "%d", puerto);
	/* Antes que los hilos: el entorno no se puede cambiar mientras otro lo lee. */
	setenv("TP0_ESPERA_MS", "1", 1);
	setenv("TP0_IP", "127.0.0.1", 1);
	pthread_t h[4];
	for (int i = 0; i < 4; i++)
		h[i] = hilo(conectar_sin_parar, NULL);
	bifurcar(3000, 50, usar_muchos_numeros);
	fin = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(h[i], NULL);
}

/* ------------------------------------------------------------------ con hilos bloqueados en todo lo que bloquea */

static int conexion_que_envia, conexion_que_recibe, servidor_atendido;
static char *mensaje_largo;
enum { LARGO = 8000000 };

static void *esperar_uno(void *x) {
	int *cliente = x;
	*cliente = esperar_cliente(servidor);
	return NULL;
}

static void *enviar_largo(void *x) {
	int *resultado = x;
	*resultado = enviar_mensaje(mensaje_largo, conexion_que_envia);
	return NULL;
}

static void *recibir_uno(void *x) {
	int *codigo = x;
	*codigo = recibir_operacion(conexion_que_recibe);
	return NULL;
}

static void eco(int cliente, void *x) {
	(void)x;
	while (recibir_operacion(cliente) != -1) {
		int tamanio;
		char *texto = recibir_buffer(&tamanio, cliente);
		if (texto != NULL)
			enviar_mensaje(texto, cliente);
		free(texto);
	}
}

static void *atender(void *x) {
	int *resultado = x;
	*resultado = tp0_atender(servidor_atendido, eco, NULL);
	return NULL;
}

/* El hijo, además de usarla, suelta sus copias de lo que los hilos del padre tienen en uso. */
static void usar_y_soltar_lo_heredado(void) {
	usar_la_biblioteca();
	liberar_conexion(servidor);
	liberar_conexion(conexion_que_envia);
	liberar_conexion(conexion_que_recibe);
	liberar_conexion(servidor_atendido);
}

static void caso_bloqueados(void) {
	int aceptado = -2, enviado = -2, codigo = -2, atendido = -2;
	int32_t si = 1, respuesta;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	servidor_atendido = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(servidor > 2 && servidor_atendido > 2);
	int lee_tarde = par_aceptado(servidor, &conexion_que_envia);
	int habla_tarde = par_aceptado(servidor, &conexion_que_recibe);
	mensaje_largo = malloc(LARGO + 1);
	memset(mensaje_largo, 'x', LARGO);
	mensaje_largo[LARGO] = '\0';
	pthread_t h[4] = {hilo(esperar_uno, &aceptado), hilo(enviar_largo, &enviado), hilo(recibir_uno, &codigo),
	                  hilo(atender, &atendido)};
	/* Uno a medio handshake para esperar_cliente, y uno en conversación dentro de tp0_atender. */
	int a_medias = conectar_a_secas(tp0_puerto(servidor));
	mandar_a_secas(a_medias, &si, 1);
	int conversa = conectar_a_secas(tp0_puerto(servidor_atendido));
	mandar_a_secas(conversa, &si, 4);
	recibir_a_secas(conversa, &respuesta, 4);
	EXIGIR(respuesta == 0);
	/* Los cuatro, y el del cliente de tp0_atender. */
	hasta_que_duerman(5);
	bifurcar(3000, 50, usar_y_soltar_lo_heredado);
	EXIGIR(aceptado == -2 && enviado == -2 && codigo == -2 && atendido == -2); /* nadie despertó a los hilos del padre */
	/* Y cada uno termina lo suyo. */
	mandar_a_secas(a_medias, (char *)&si + 1, 3);
	recibir_a_secas(a_medias, &respuesta, 4);
	EXIGIR(respuesta == 0);
	pthread_join(h[0], NULL);
	EXIGIR(aceptado > 2);
	conversar(a_medias, aceptado);
	char *todo = malloc(8 + LARGO + 1);
	recibir_a_secas(lee_tarde, todo, 8 + LARGO + 1);
	EXIGIR(memcmp(todo + 8, mensaje_largo, LARGO + 1) == 0);
	pthread_join(h[1], NULL);
	EXIGIR(enviado == 0);
	int32_t mensaje[3] = {9, 4, 0x00414141};
	mandar_a_secas(habla_tarde, mensaje, sizeof mensaje);
	pthread_join(h[2], NULL);
	EXIGIR(codigo == 9);
	mandar_a_secas(conversa, mensaje, sizeof mensaje);
	recibir_a_secas(conversa, todo, 12);
	EXIGIR(memcmp(todo + 8, "AAA", 4) == 0);
	close(conversa);
	EXIGIR(tp0_detener(servidor_atendido) == 0);
	pthread_join(h[3], NULL);
	EXIGIR(atendido == 0);
	free(todo);
	free(mensaje_largo);
}

/* ------------------------------------------------------------------ desde la función de un cliente de tp0_atender */

static atomic_int bifurcaciones, conversaciones;
static int el_hijo_vuelve;
enum { BIFURCARSE = 5 };

static void bifurcarse(int cliente, void *x) {
	(void)x;
	if (recibir_operacion(cliente) != BIFURCARSE)
		return;
	pid_t hijo = fork();
	EXIGIR(hijo >= 0);
	if (hijo == 0) {
		usar_la_biblioteca();
		if (el_hijo_vuelve)
			return; /* era su único hilo: el proceso termina con 0, sin trabarse en los clientes del padre */
		_exit(0);
	}
	hijo_sano(hijo);
	bifurcaciones++;
}

static void *ir_y_venir(void *x) {
	int codigo = *(int *)x;
	while (!fin) {
		int c = crear_conexion("127.0.0.1", puerto_texto);
		EXIGIR(c > 2);
		mandar_a_secas(c, &codigo, 4);
		EXIGIR(recibir_operacion(c) == -1);
		liberar_conexion(c);
		conversaciones++;
	}
	return NULL;
}

static void *atender_bifurcando(void *x) {
	int *resultado = x;
	*resultado = tp0_atender(servidor, bifurcarse, NULL);
	return NULL;
}

static void caso_atendiendo(void) {
	static int codigos[2] = {BIFURCARSE, 6};
	int atendido = -2;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	snprintf(puerto_texto, sizeof puerto_texto, "%d", tp0_puerto(servidor));
	pthread_t h = hilo(atender_bifurcando, &atendido), clientes[10];
	for (int i = 0; i < 10; i++)
		clientes[i] = hilo(ir_y_venir, &codigos[i >= 2]);
	long limite = ahora_ms() + 60000;
	dormir_ms(3000);
	while (bifurcaciones < 20 && ahora_ms() < limite)
		dormir_ms(10);
	fin = 1;
	for (int i = 0; i < 10; i++)
		pthread_join(clientes[i], NULL);
	printf("%d hijos, %d conversaciones\n", bifurcaciones, conversaciones);
	EXIGIR(bifurcaciones >= 20 && conversaciones > bifurcaciones);
	EXIGIR(tp0_detener(servidor) == 0);
	pthread_join(h, NULL);
	EXIGIR(atendido == 0);
}

/* ------------------------------------------------------------------ lo que el hijo hereda y lo que no */

static void *esperar_y_liberar(void *x) {
	int *cliente = x;
	*cliente = esperar_cliente(servidor);
	liberar_conexion(*cliente);
	return NULL;
}

static void caso_pendientes(void) {
	/* El hijo nace mientras un cliente está a medio handshake: no se queda con una copia que le impida ver el fin. */
	int aceptado = -2;
	int32_t si = 1, respuesta;
	char nada;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	pthread_t h = hilo(esperar_y_liberar, &aceptado);
	hasta_que_duerman(1);
	int antes = descriptores_abiertos(), par = conectar_a_secas(tp0_puerto(servidor));
	mandar_a_secas(par, &si, 1);
	/* El que esperaba ya lo aceptó: hay dos descriptores más, y volvió a dormir. */
	for (long limite = ahora_ms() + 20000; descriptores_abiertos() < antes + 2; hasta_que_duerman(1))
		EXIGIR(ahora_ms() < limite);
	pid_t hijo = fork();
	if (hijo == 0) {
		alarm(60);
		pause();
		_exit(0);
	}
	mandar_a_secas(par, (char *)&si + 1, 3);
	recibir_a_secas(par, &respuesta, 4);
	EXIGIR(respuesta == 0);
	pthread_join(h, NULL);
	EXIGIR(aceptado > 2);
	/* El hijo sigue vivo: con una copia suya, el fin no llegaría. */
	EXIGIR(recv(par, &nada, 1, 0) == 0);
	kill(hijo, SIGKILL);
	waitpid(hijo, NULL, 0);
}

static void caso_copias(void) {
	/* El padre libera sus copias: el hijo sigue conversando y aceptando por las suyas. */
	int cliente, tubo[2];
	char permiso;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	int puerto = tp0_puerto(servidor);
	int par = par_aceptado(servidor, &cliente);
	EXIGIR(pipe(tubo) == 0);
	pid_t hijo = fork();
	if (hijo == 0) {
		EXIGIR(read(tubo[0], &permiso, 1) == 1);
		int32_t codigo = recibir_operacion(cliente);
		EXIGIR(codigo == 7);
		int tamanio;
		free(recibir_buffer(&tamanio, cliente));
		EXIGIR(enviar_mensaje("sigo acá", cliente) == 0);
		int nuevo = esperar_cliente(servidor);
		EXIGIR(nuevo > 2 && enviar_mensaje("sigo acá", nuevo) == 0);
		_exit(0);
	}
	EXIGIR(liberar_conexion(cliente) == 0 && liberar_conexion(servidor) == 0);
	EXIGIR(liberar_conexion(cliente) == -1 && errno == EBADF);
	EXIGIR(write(tubo[1], "x", 1) == 1);
	int32_t mensaje[2] = {7, 0};
	char recibido[8 + sizeof "sigo acá"];
	mandar_a_secas(par, mensaje, sizeof mensaje);
	recibir_a_secas(par, recibido, sizeof recibido);
	EXIGIR(strcmp(recibido + 8, "sigo acá") == 0);
	int32_t si = 1;
	int otro = conectar_a_secas(puerto);
	mandar_a_secas(otro, &si, 4);
	recibir_a_secas(otro, &si, 4);
	EXIGIR(si == 0);
	recibir_a_secas(otro, recibido, sizeof recibido);
	EXIGIR(strcmp(recibido + 8, "sigo acá") == 0);
	hijo_sano(hijo);
	/* Y al revés: el hijo libera y termina, y la conexión del padre sigue. */
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	close(par);
	par = par_aceptado(servidor, &cliente);
	hijo = fork();
	if (hijo == 0) {
		EXIGIR(liberar_conexion(cliente) == 0 && liberar_conexion(servidor) == 0);
		_exit(0);
	}
	hijo_sano(hijo);
	conversar(par, cliente);
	close(par_aceptado(servidor, &cliente));
}

/* Lo mismo, con hilos del padre en el medio de una llamada: liberar no los despierta, porque sería cortar también la copia del hijo. */
static int recibir_saludo(int s) {
	char recibido[8 + sizeof "sigo acá"];
	recibir_a_secas(s, recibido, sizeof recibido);
	return strcmp(recibido + 8, "sigo acá") == 0;
}

static void *saludar_a_uno(void *x) {
	int cliente = esperar_cliente(servidor);
	EXIGIR(cliente > 2 && enviar_mensaje("sigo acá", cliente) == 0);
	return x;
}

static void caso_copias_en_uso(void) {
	int enviado = -2, tubo[2];
	char permiso;
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	int puerto = tp0_puerto(servidor), par = par_aceptado(servidor, &conexion_que_envia);
	mensaje_largo = malloc(LARGO + 1);
	memset(mensaje_largo, 'x', LARGO);
	mensaje_largo[LARGO] = '\0';
	pthread_t h[2] = {hilo(enviar_largo, &enviado), hilo(saludar_a_uno, NULL)};
	hasta_que_duerman(2);
	EXIGIR(pipe(tubo) == 0);
	pid_t hijo = fork();
	if (hijo == 0) {
		EXIGIR(recibir_operacion(conexion_que_envia) == 7); /* lo que el padre no está recibiendo */
		EXIGIR(read(tubo[0], &permiso, 1) == 1);
		EXIGIR(enviar_mensaje("sigo acá", conexion_que_envia) == 0);
		saludar_a_uno(NULL);
		_exit(0);
	}
	EXIGIR(liberar_conexion(conexion_que_envia) == 0 && liberar_conexion(servidor) == 0);
	int32_t siete = 7, si = 1;
	mandar_a_secas(par, &siete, 4);
	char *todo = malloc(8 + LARGO + 1);
	recibir_a_secas(par, todo, 8 + LARGO + 1);
	EXIGIR(memcmp(todo + 8, mensaje_largo, LARGO + 1) == 0);
	pthread_join(h[0], NULL);
	EXIGIR(enviado == 0);
	EXIGIR(write(tubo[1], "x", 1) == 1);
	EXIGIR(recibir_saludo(par));
	/* Dos clientes: uno para la espera que el padre ya tenía en marcha, y otro para la del hijo. */
	int clientes[2];
	for (int i = 0; i < 2; i++) {
		clientes[i] = conectar_a_secas(puerto);
		mandar_a_secas(clientes[i], &si, 4);
	}
	for (int i = 0; i < 2; i++) {
		int32_t respuesta = -2;
		recibir_a_secas(clientes[i], &respuesta, 4);
		EXIGIR(respuesta == 0 && recibir_saludo(clientes[i]));
	}
	pthread_join(h[1], NULL);
	hijo_sano(hijo);
	free(todo);
	free(mensaje_largo);
}

int main(int argc, char **argv) {
	const char *caso = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(caso, "conectando") == 0)
		caso_conectando();
	else if (strcmp(caso, "bloqueados") == 0)
		caso_bloqueados();
	else if (strcmp(caso, "atendiendo") == 0)
		caso_atendiendo();
	else if (strcmp(caso, "atendiendo_y_vuelve") == 0)
		el_hijo_vuelve = 1, caso_atendiendo();
	else if (strcmp(caso, "pendientes") == 0)
		caso_pendientes();
	else if (strcmp(caso, "copias") == 0)
		caso_copias();
	else if (strcmp(caso, "copias_en_uso") == 0)
		caso_copias_en_uso();
	else
		return 64;
	printf("bien\n");
	fflush(stdout);
	return 0;
}
