/*
 * pila_minima: cada función de la biblioteca, cuando anda y cuando falla, en un hilo con la menor pila que se puede pedir. La pila se
 * pinta antes, y después se mira hasta dónde llegó; si se pasa, se dice qué caso fue. Falta conectarse por nombre: resolverlo es de la
 * biblioteca de C, que ahí necesita más pila.
 */
#include "muchos_comun.h"
#include <limits.h>
#include <sys/mman.h>

static int servidor, cliente, otro, par, par_del_otro;
static t_paquete *paquete;
static const char *caso = "ninguno";
static char puerto[16];

/* ------------------------------------------------------------------ lo que se hace antes, con la pila de siempre */

static void mandar_valores(int codigo, int cuantos, int largo) {
	int mide = cuantos * (4 + largo);
	char *payload = calloc(1, (size_t)mide);
	EXIGIR(payload != NULL);
	for (int i = 0; i < cuantos; i++)
		memcpy(payload + i * (4 + largo), &largo, 4);
	par_mensaje(par, codigo, payload, mide);
	free(payload);
}

static void llega_mensaje(void) { par_mensaje(par, MENSAJE, "hola", 5); }
static void llega_largo(void) {
	char texto[1000] = {0};
	memset(texto, 'x', sizeof texto - 1);
	par_mensaje(par, MENSAJE, texto, sizeof texto);
}
static void llegan_cien(void) { mandar_valores(PAQUETE, 100, 16); }
static void llegan_muchos(void) { mandar_valores(PAQUETE, 2000, 16); }
static void llegan_medianos(void) { mandar_valores(PAQUETE, 500, 16); }
static void llegan_grandes(void) { mandar_valores(PAQUETE, 3, 20000); }
static void llega_el_codigo(void) {
	llegan_muchos();
	EXIGIR(recibir_operacion(cliente) == PAQUETE);
}
static void llega_un_payload(void) {
	llega_largo();
	EXIGIR(recibir_operacion(cliente) == MENSAJE);
}
static void no_cierra(void) { par_mensaje(par, PAQUETE, "\377\377\377\377abc", 7); }
static void llega_negativo(void) { par_mandar(par, "\377\377\377\377", 4); }
static void llega_enorme(void) { par_mandar(par, "\1\0\0\0\377\377\377\177", 8); }
/* Que el cliente ya lo pueda ver: la biblioteca mira a lo sumo una vez por milisegundo. */
static void se_ve_ido(void) {
	struct pollfd fin = {.fd = cliente, .events = POLLIN | POLLRDHUP};
	EXIGIR(poll(&fin, 1, 20000) == 1);
	dormir_ms(5);
}
static void se_va(void) {
	close(par);
	se_ve_ido();
}
static void se_va_en_el_medio(void) {
	par_mandar(par, "\1\0\0\0\12\0\0\0abc", 11);
	close(par);
}
static void corta(void) {
	struct linger enseguida = {1, 0};
	EXIGIR(setsockopt(par, SOL_SOCKET, SO_LINGER, &enseguida, sizeof enseguida) == 0);
	close(par);
	se_ve_ido();
}
static void queda_un_valor(void) { ANDA(0, agregar_a_paquete(paquete, "hola", 5)); }
static void entorno_malo(void) { setenv("TP0_ESPERA_MS", "mucho", 1); }

static void *saludar(void *valor) {
	int32_t respuesta;
	close(par_saludar(atoi(puerto), *(int32_t *)valor, &respuesta));
	return NULL;
}

static pthread_t ayudante;
static int32_t bueno = 1, malo = 77;

static void viene_uno(void) { EXIGIR(pthread_create(&ayudante, NULL, saludar, &bueno) == 0); }
static void viene_uno_malo(void) {
	EXIGIR(pthread_create(&ayudante, NULL, saludar, &malo) == 0);
	hasta_que_duerman(1); /* ya mandó, y espera su respuesta */
	pthread_t suelto;
	EXIGIR(pthread_create(&suelto, NULL, saludar, &bueno) == 0);
	pthread_detach(suelto);
}
static void *aceptar(void *x) {
	liberar_conexion(esperar_cliente(servidor));
	return x;
}
static void lo_esperan(void) { EXIGIR(pthread_create(&ayudante, NULL, aceptar, NULL) == 0); }
static void *conversar_y_detener(void *x) {
	int s = par_conectado(atoi(puerto));
	par_mensaje(s, MENSAJE, "hola", 5);
	close(s);
	ANDA(0, tp0_detener(servidor));
	return x;
}
static void vendra_uno(void) { EXIGIR(pthread_create(&ayudante, NULL, conversar_y_detener, NULL) == 0); }

/* ------------------------------------------------------------------ lo que se hace con la pila mínima */

static void probar_servidor(void) {
	int uno = tp0_iniciar_servidor("127.0.0.1", "0");
	EXIGIR(uno != -1 && tp0_puerto(uno) > 0);
	EXIGIR(liberar_conexion(uno) == 0 && liberar_conexion(uno) == -1);
	uno = iniciar_servidor();
	EXIGIR(uno != -1 && liberar_conexion(uno) == 0);
}
static void probar_opciones(void) {
	tp0_opciones *o = tp0_opciones_crear();
	int32_t valores[] = {1, 2, 3};
	ANDA(0, tp0_opciones_handshake(o, 3));
	ANDA(0, tp0_opciones_handshakes(o, valores, 3));
	ANDA(0, tp0_opciones_handshake_opcional(o, 1));
	ANDA(0, tp0_opciones_sin_handshake(o));
	ANDA(0, tp0_opciones_espera_ms(o, 1000));
	ANDA(0, tp0_opciones_tamanio_maximo(o, 100000));
	ANDA(0, tp0_opciones_reintentos_ms(o, 30));
	ANDA(0, tp0_opciones_keepalive(o, 10));
	ANDA(0, tp0_opciones_clientes_maximos(o, 10));
	ANDA(0, tp0_opciones_cierre_ms(o, 10));
	FALLA(-1, EINVAL, tp0_opciones_keepalive(o, -10));
	FALLA(-1, EINVAL, tp0_opciones_handshakes(o, NULL, 3));
	int s = tp0_iniciar_servidor_con("127.0.0.1", "0", o);
	EXIGIR(s != -1);
	char numero[16];
	snprintf(numero, sizeof numero, "%d", tp0_puerto(s));
	int c = tp0_crear_conexion("127.0.0.1", numero, o);
	EXIGIR(c != -1 && liberar_conexion(c) == 0 && liberar_conexion(s) == 0);
	FALLA(-1, ECONNREFUSED, tp0_crear_conexion("127.0.0.1", "1", o));
	tp0_opciones_destruir(o);
}
static void probar_en_uso(void) { FALLA(-1, EADDRINUSE, tp0_iniciar_servidor("127.0.0.1", puerto)); }
static void probar_direccion_ajena(void) { FALLA(-1, EADDRNOTAVAIL, tp0_iniciar_servidor("192.0.2.1", "0")); }
static void probar_entorno_malo(void) {
	FALLA(-1, EINVAL, iniciar_servidor());
	FALLA(-1, EINVAL, crear_conexion("127.0.0.1", puerto));
}
static void probar_esperar(void) {
	int32_t cual = 0;
	int c = esperar_cliente(servidor);
	EXIGIR(c != -1 && tp0_handshake(c, &cual) == 1 && cual == 1 && liberar_conexion(c) == 0);
}
static void probar_esperar_cual(void) {
	int32_t cual = 0;
	int c = tp0_esperar_cliente(servidor, &cual);
	EXIGIR(c != -1 && cual == 1 && liberar_conexion(c) == 0);
}
static void probar_esperar_mal(void) {
	FALLA(-1, EBADF, esperar_cliente(-1));
	FALLA(-1, EINVAL, esperar_cliente(cliente));
}
static void probar_conectar(void) {
	int c = crear_conexion("127.0.0.1", puerto);
	EXIGIR(c != -1 && liberar_conexion(c) == 0);
}
static void probar_conectar_mal(void) {
	FALLA(-1, ECONNREFUSED, crear_conexion("127.0.0.1", "1"));
	FALLA(-1, EINVAL, crear_conexion("127.0.0.256", puerto));
	FALLA(-1, EINVAL, crear_conexion("127.0.0.1", "cuatro mil"));
	FALLA(-1, EINVAL, crear_conexion(NULL, puerto));
}
static void atender_a_uno(int c, void *x) {
	(void)x;
	while (recibir_operacion(c) != -1)
		recibir_mensaje(c);
}
static void probar_atender(void) { EXIGIR(tp0_atender(servidor, atender_a_uno, NULL) == 0); }
static void probar_atender_mal(void) {
	FALLA(-1, EINVAL, tp0_atender(cliente, atender_a_uno, NULL));
	FALLA(-1, EBADF, tp0_detener(-1));
}
static void probar_enviar(void) {
	static char mucho[5000];
	memset(mucho, 'x', sizeof mucho - 1);
	ANDA(0, enviar_mensaje("hola", cliente));
	ANDA(0, enviar_mensaje(mucho, cliente));
	ANDA(0, enviar_paquete(paquete, cliente));
	EXIGIR(tp0_conexion_activa(cliente) == 1);
}
static void probar_enviar_mal(void) {
	FALLA(-1, EPIPE, enviar_mensaje("hola", cliente));
	FALLA(-1, EINVAL, enviar_mensaje("hola", servidor));
	FALLA(-1, EBADF, enviar_mensaje("hola", 9999));
	FALLA(-1, EBADF, enviar_mensaje("hola", 1));
	EXIGIR(tp0_conexion_activa(cliente) == 0);
}
static void probar_difundir(void) {
	int a[] = {cliente, otro, cliente, -1}, e[4];
	EXIGIR(tp0_difundir(a, 4, paquete, e) == 2 && e[0] == 0 && e[1] == 0 && e[2] == EINVAL && e[3] == EBADF);
}
static void probar_paquete(void) {
	static char valor[3000];
	t_paquete *p = crear_super_paquete();
	EXIGIR(p != NULL);
	for (int i = 0; i < 100; i++)
		ANDA(0, agregar_a_paquete(p, valor, i * 30));
	FALLA(-1, EINVAL, agregar_a_paquete(p, valor, -1));
	int bytes = p->buffer->size + 8;
	FALLA(NULL, EINVAL, serializar_paquete(p, bytes - 1));
	free(serializar_paquete(p, bytes));
	t_list *valores = tp0_valores(p);
	EXIGIR(valores != NULL && valores->elements_count == 100);
	tp0_liberar_lista(valores);
	p->buffer->size--;
	FALLA(NULL, EPROTO, tp0_valores(p));
	eliminar_paquete(p);
	t_paquete a_mano;
	crear_buffer(&a_mano);
	free(a_mano.buffer);
}
static void probar_buffer(void) {
	t_buffer *b = buffer_create(4);
	char leido[10];
	uint32_t largo;
	ANDA(0, buffer_add(b, "hola", 4));
	ANDA(0, buffer_add_uint32(b, 1));
	ANDA(0, buffer_add_uint8(b, 1));
	ANDA(0, buffer_add_int32(b, 1));
	ANDA(0, buffer_add_uint64(b, 1));
	ANDA(0, buffer_add_int64(b, 1));
	ANDA(0, buffer_add_double(b, 1));
	ANDA(0, buffer_add_bool(b, true));
	ANDA(0, buffer_add_string(b, 5, "hola"));
	FALLA(-1, EINVAL, buffer_add(b, NULL, 4));
	b->offset = 0;
	ANDA(0, buffer_read(b, leido, 4));
	EXIGIR(buffer_read_uint32(b) == 1 && buffer_read_uint8(b) == 1 && buffer_read_int32(b) == 1 && buffer_read_uint64(b) == 1);
	EXIGIR(buffer_read_int64(b) == 1 && (int)buffer_read_double(b) == 1 && buffer_read_bool(b));
	char *texto = buffer_read_string(b, &largo);
	EXIGIR(texto != NULL && largo == 5);
	free(texto);
	FALLA(0, EPROTO, buffer_read_uint64(b));
	FALLA(NULL, EPROTO, buffer_read_string(b, &largo));
	buffer_destroy(b);
	EXIGIR(strlen(tp0_version()) > 0);
}
static void probar_recibir_mensaje(void) {
	EXIGIR(recibir_operacion(cliente) == MENSAJE);
	ANDA(0, recibir_mensaje(cliente));
}
static void probar_recibir_buffer(void) {
	int tamanio = 0;
	void *payload = recibir_buffer(&tamanio, cliente);
	EXIGIR(payload != NULL && tamanio > 0);
	free(payload);
}
static void probar_recibir_texto(void) {
	char *texto = tp0_recibir_mensaje(cliente);
	EXIGIR(texto != NULL);
	free(texto);
}
static void probar_recibir_entero(void) {
	t_paquete *p = tp0_recibir(cliente);
	EXIGIR(p != NULL);
	eliminar_paquete(p);
}
static void probar_recibir_paquete(void) {
	t_list *valores = recibir_paquete(cliente);
	EXIGIR(valores->elements_count > 0 && tp0_error() == NULL);
	tp0_liberar_lista(valores);
}
static void probar_recibir_paquete_mal(void) {
	t_list *valores = recibir_paquete(cliente);
	EXIGIR(valores->elements_count == 0 && tp0_error() != NULL);
	tp0_liberar_lista(valores);
	EXIGIR(recibir_operacion(cliente) == -1);
}
static void probar_operacion_mal(void) {
	int tamanio;
	EXIGIR(recibir_operacion(cliente) == -1 && tp0_error() != NULL);
	EXIGIR(recibir_operacion(cliente) == -1 && recibir_mensaje(cliente) == -1);
	EXIGIR(recibir_buffer(&tamanio, cliente) == NULL && tp0_recibir(cliente) == NULL && tp0_recibir_mensaje(cliente) == NULL);
}
static void probar_liberar_mal(void) {
	FALLA(-1, EBADF, liberar_conexion(-1));
	FALLA(-1, EBADF, liberar_conexion(1));
	FALLA(-1, EBADF, liberar_conexion(9999));
}

static const struct {
	const char *nombre;
	void (*antes)(void);
	void (*probar)(void);
} casos[] = {
	{"servidor", NULL, probar_servidor},
	{"opciones", NULL, probar_opciones},
	{"en uso", NULL, probar_en_uso},
	{"direccion ajena", NULL, probar_direccion_ajena},
	{"entorno malo", entorno_malo, probar_entorno_malo},
	{"esperar", viene_uno, probar_esperar},
	{"esperar, y cual es", viene_uno, probar_esperar_cual},
	{"esperar, tras un rechazo", viene_uno_malo, probar_esperar},
	{"esperar mal", NULL, probar_esperar_mal},
	{"conectar", lo_esperan, probar_conectar},
	{"conectar mal", NULL, probar_conectar_mal},
	{"atender", vendra_uno, probar_atender},
	{"atender mal", NULL, probar_atender_mal},
	{"enviar", NULL, probar_enviar},
	{"enviar a quien se fue", se_va, probar_enviar_mal},
	{"difundir", queda_un_valor, probar_difundir},
	{"paquete", NULL, probar_paquete},
	{"buffer", NULL, probar_buffer},
	{"mensaje", llega_mensaje, probar_recibir_mensaje},
	{"mensaje largo", llega_largo, probar_recibir_mensaje},
	{"payload", llega_un_payload, probar_recibir_buffer},
	{"texto", llega_largo, probar_recibir_texto},
	{"mensaje entero", llegan_grandes, probar_recibir_entero},
	{"cien valores", llegan_cien, probar_recibir_paquete},
	{"valores en 10 KB", llegan_medianos, probar_recibir_paquete},
	{"dos mil valores", llegan_muchos, probar_recibir_paquete},
	{"dos mil valores, con el codigo leido", llega_el_codigo, probar_recibir_paquete},
	{"valores grandes", llegan_grandes, probar_recibir_paquete},
	{"un mensaje como paquete", llega_mensaje, probar_recibir_paquete},
	{"paquete que no cierra", no_cierra, probar_recibir_paquete_mal},
	{"paquete enorme", llega_enorme, probar_recibir_paquete_mal},
	{"paquete cortado", se_va_en_el_medio, probar_recibir_paquete_mal},
	{"nadie", se_va, probar_recibir_paquete_mal},
	{"codigo negativo", llega_negativo, probar_operacion_mal},
	{"reset", corta, probar_operacion_mal},
	{"liberar mal", NULL, probar_liberar_mal},
};
#define CASOS (sizeof casos / sizeof *casos)

/* ------------------------------------------------------------------ la pila */

static void se_paso(int senial) {
	static const char que[] = ": no le alcanza la pila minima\n";
	(void)senial;
	(void)!write(STDERR_FILENO, caso, strlen(caso));
	(void)!write(STDERR_FILENO, que, sizeof que - 1);
	_exit(71);
}

static void *en_la_pila(void *i) {
	stack_t aparte = {.ss_size = 65536, .ss_sp = malloc(65536)};
	EXIGIR(aparte.ss_sp != NULL && sigaltstack(&aparte, NULL) == 0);
	casos[*(size_t *)i].probar();
	stack_t ninguna = {.ss_flags = SS_DISABLE};
	EXIGIR(sigaltstack(&ninguna, NULL) == 0);
	free(aparte.ss_sp);
	return NULL;
}

/* Corre el caso, y dice cuántos bytes de la pila le sobraron. */
static size_t correr(size_t i) {
	const size_t pagina = 4096, mide = (size_t)PTHREAD_STACK_MIN;
	unsigned char *lugar = mmap(NULL, pagina + mide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXIGIR(lugar != MAP_FAILED && mprotect(lugar, pagina, PROT_NONE) == 0);
	memset(lugar + pagina, 0xA5, mide);
	pthread_attr_t forma;
	pthread_t hilo;
	EXIGIR(pthread_attr_init(&forma) == 0 && pthread_attr_setstack(&forma, lugar + pagina, mide) == 0);
	EXIGIR(pthread_create(&hilo, &forma, en_la_pila, &i) == 0 && pthread_join(hilo, NULL) == 0);
	size_t sobran = 0;
	while (sobran < mide && lugar[pagina + sobran] == 0xA5)
		sobran++;
	pthread_attr_destroy(&forma);
	munmap(lugar, pagina + mide);
	return sobran;
}

static int entre(int *suyo) {
	*suyo = par_socket();
	struct sockaddr_in d = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t largo = sizeof d;
	int escucha = socket(AF_INET, SOCK_STREAM, 0);
	EXIGIR(bind(escucha, (struct sockaddr *)&d, largo) == 0 && listen(escucha, 1) == 0);
	EXIGIR(getsockname(escucha, (struct sockaddr *)&d, &largo) == 0);
	char numero[16];
	snprintf(numero, sizeof numero, "%d", ntohs(d.sin_port));
	tp0_opciones *sin = tp0_opciones_crear();
	ANDA(0, tp0_opciones_sin_handshake(sin));
	int mio = tp0_crear_conexion("127.0.0.1", numero, sin);
	EXIGIR(mio != -1);
	close(*suyo);
	*suyo = accept(escucha, NULL, NULL);
	EXIGIR(*suyo != -1);
	close(escucha);
	tp0_opciones_destruir(sin);
	return mio;
}

int main(void) {
	alarm(50);
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct sigaction accion = {.sa_handler = se_paso, .sa_flags = SA_ONSTACK};
	sigaction(SIGSEGV, &accion, NULL);
	setenv("TP0_IP", "127.0.0.1", 1);
	setenv("TP0_PUERTO", "0", 1);
	for (size_t i = 0; i < CASOS; i++) {
		caso = casos[i].nombre;
		setenv("TP0_ESPERA_MS", "3000", 1);
		servidor = iniciar_servidor();
		EXIGIR(servidor != -1);
		snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
		cliente = entre(&par);
		otro = entre(&par_del_otro);
		paquete = crear_paquete();
		ayudante = 0;
		if (casos[i].antes != NULL)
			casos[i].antes();
		size_t sobran = correr(i);
		if (ayudante != 0)
			pthread_join(ayudante, NULL);
		printf("%s: sobran %zu\n", caso, sobran);
		eliminar_paquete(paquete);
		liberar_conexion(cliente);
		liberar_conexion(otro);
		liberar_conexion(servidor);
		close(par);
		close(par_del_otro);
	}
	decir("todo bien");
	return 0;
}
