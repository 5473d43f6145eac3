/*
 * otro_asignador: un programa que reemplaza malloc, free, calloc y realloc, que es lo que glibc pide para reemplazarlos, y ninguna otra.
 * Cada bloque lleva su medida y una marca; uno que no es suyo, o una marca pisada, terminan el programa.
 */
#include "muchos_comun.h"

#define MARCA 0x4d4152434153ul

struct cuenta {
	size_t mide, marca;
};

static _Alignas(16) char lugar[1 << 28];
static size_t hasta, copiados;

static struct cuenta *de(void *p) {
	static const char ajeno[] = "un bloque ajeno, o pisado\n";
	struct cuenta *c = (struct cuenta *)p - 1;
	if ((char *)p < lugar || (char *)p >= lugar + sizeof lugar || c->marca != MARCA) {
		(void)!write(STDERR_FILENO, ajeno, sizeof ajeno - 1);
		_exit(72);
	}
	return c;
}

void *malloc(size_t n) {
	n = (n + 15) & ~15ul;
	size_t desde = __atomic_fetch_add(&hasta, sizeof(struct cuenta) + n, __ATOMIC_SEQ_CST);
	if (n > sizeof lugar || desde + sizeof(struct cuenta) + n > sizeof lugar) {
		errno = ENOMEM;
		return NULL;
	}
	struct cuenta *c = (struct cuenta *)(void *)(lugar + desde);
	c->mide = n;
	c->marca = MARCA;
	return c + 1;
}

void free(void *p) {
	if (p != NULL)
		de(p);
}

void *calloc(size_t a, size_t b) { return malloc(a * b); } /* lo que nunca se usó está en cero */

/* El que pide mucho menos se queda sólo con eso. */
void *realloc(void *p, size_t n) {
	size_t habia = p != NULL ? de(p)->mide : 0, quedan = n < habia ? n : habia;
	if (n <= habia && n > habia / 2)
		return p;
	void *q = malloc(n);
	if (p != NULL && q != NULL)
		memcpy(q, p, quedan);
	copiados += quedan;
	return q;
}

/* Todas las marcas, una detrás de otra. */
static void exigir_que_nadie_piso(void) {
	for (char *p = lugar; p < lugar + hasta;) {
		struct cuenta *c = (struct cuenta *)(void *)p;
		EXIGIR(c->marca == MARCA);
		p += sizeof *c + c->mide;
	}
}

static int servidor;

static void atender_a_uno(int c, void *x) {
	(void)x;
	int codigo, tamanio;
	while ((codigo = recibir_operacion(c)) != -1) {
		if (codigo == PAQUETE)
			tp0_liberar_lista(recibir_paquete(c));
		else if (codigo == MENSAJE)
			recibir_mensaje(c);
		else
			free(recibir_buffer(&tamanio, c));
		enviar_mensaje("listo", c);
	}
}

static void *atender(void *x) {
	EXIGIR(tp0_atender(servidor, atender_a_uno, NULL) == 0);
	return x;
}

static void mandar_y_esperar(t_paquete *paquete, int conexion) {
	EXIGIR(tp0_difundir(&conexion, 1, paquete, NULL) == 0 || enviar_paquete(paquete, conexion) == 0);
	char *texto = tp0_recibir_mensaje(conexion);
	EXIGIR(texto != NULL && strcmp(texto, "listo") == 0);
	free(texto);
}

static void *conversar(void *x) {
	char puerto[16], valor[100];
	memset(valor, 'A', sizeof valor);
	pthread_t hilo;
	servidor = tp0_iniciar_servidor(NULL, "0");
	EXIGIR(servidor != -1 && pthread_create(&hilo, NULL, atender, NULL) == 0);
	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	int conexion = crear_conexion("localhost", puerto);
	EXIGIR(conexion != -1 && crear_conexion("127.0.0.1", "1") == -1 && tp0_iniciar_servidor(NULL, puerto) == -1);
	EXIGIR(crear_conexion("no es una direccion", puerto) == -1);

	/* Agregar de a uno: lo que se copia no crece más que lo que hay. */
	size_t antes = copiados;
	t_paquete *paquete = crear_paquete();
	for (int i = 0; i < 20000; i++)
		ANDA(0, agregar_a_paquete(paquete, valor, 100));
	EXIGIR(copiados - antes < 3 * (size_t)paquete->buffer->size);
	mandar_y_esperar(paquete, conexion);
	eliminar_paquete(paquete);

	/* Un stream del programa, justo lleno, con un vecino al lado. */
	t_buffer lleno = {.size = 1000, .stream = calloc(1000, 1)};
	t_paquete propio = {.codigo_operacion = (op_code)77, .buffer = &lleno};
	free(malloc(1));
	ANDA(0, agregar_a_paquete(&propio, valor, 100));
	mandar_y_esperar(&propio, conexion);
	exigir_que_nadie_piso();

	/* Uno con más lugar reservado que lo escrito: no se lo achica. */
	t_buffer *buffer = buffer_create(5000);
	((char *)buffer->stream)[4999] = 'z';
	ANDA(0, buffer_add(buffer, valor, 100));
	EXIGIR(buffer->size == 5000 && ((char *)buffer->stream)[4999] == 'z');
	for (int i = 0; i < 1000; i++)
		ANDA(0, buffer_add_uint64(buffer, 7));
	EXIGIR(buffer->size == 8100);
	propio.buffer = buffer;
	mandar_y_esperar(&propio, conexion);
	buffer_destroy(buffer);

	liberar_conexion(conexion);
	ANDA(0, tp0_detener(servidor));
	EXIGIR(pthread_join(hilo, NULL) == 0);
	liberar_conexion(servidor);
	return x;
}

int main(void) {
	alarm(80);
	pthread_t hilo;
	EXIGIR(pthread_create(&hilo, NULL, conversar, NULL) == 0 && pthread_join(hilo, NULL) == 0);
	exigir_que_nadie_piso();
	decir("todo bien");
	return 0;
}
