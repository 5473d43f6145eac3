/*
 * serializacion_buffers: las funciones buffer_* de la guía, sin red. Cada byte donde la guía lo pone, escrituras que agrandan,
 * lecturas que no se pasan, y ningún argumento que haga caer al programa.
 */
#include "muchos_comun.h"

#include <math.h>

/* Los bytes del buffer son exactamente éstos. */
#define SON_BYTES(buffer, ...)                                                                                                 \
	do {                                                                                                                       \
		static const unsigned char esperados[] = {__VA_ARGS__};                                                                \
		EXIGIR((buffer)->size == (int)sizeof esperados);                                                                       \
		EXIGIR(memcmp((buffer)->stream, esperados, sizeof esperados) == 0);                                                    \
	} while (0)

/* La lectura da cero, con EPROTO y ese texto, y no avanza ni un byte. */
#define NO_ALCANZA(buffer, texto, llamada)                                                                                     \
	do {                                                                                                                       \
		uint32_t antes = (buffer)->offset;                                                                                     \
		errno = 0;                                                                                                             \
		EXIGIR((llamada) == 0);                                                                                                \
		EXIGIR(errno == EPROTO);                                                                                               \
		EXIGIR(tp0_error() != NULL && strcmp(tp0_error(), (texto)) == 0);                                                      \
		EXIGIR((buffer)->offset == antes);                                                                                     \
	} while (0)

static void persona_de_la_guia(void) {
	const char *nombre = "Ana";
	char *leido;
	uint32_t largo = (uint32_t)strlen(nombre) + 1, otro = 99;
	t_buffer *buffer = buffer_create((uint32_t)(sizeof(uint32_t) * 3 + sizeof(uint8_t)) + largo);

	EXIGIR(buffer != NULL && buffer->size == 17 && buffer->offset == 0);
	ANDA(0, buffer_add_uint32(buffer, 0x01020304));
	ANDA(0, buffer_add_uint8(buffer, 25));
	ANDA(0, buffer_add_uint32(buffer, 7));
	ANDA(0, buffer_add_string(buffer, largo, nombre));
	EXIGIR(buffer->offset == 17);
	SON_BYTES(buffer, 4, 3, 2, 1, 25, 7, 0, 0, 0, 4, 0, 0, 0, 'A', 'n', 'a', 0);

	buffer->offset = 0;
	ANDA(0x01020304, buffer_read_uint32(buffer));
	ANDA(25, buffer_read_uint8(buffer));
	ANDA(7, buffer_read_uint32(buffer));
	leido = buffer_read_string(buffer, &otro);
	EXIGIR(leido != NULL && tp0_error() == NULL && strcmp(leido, nombre) == 0 && otro == 4);
	EXIGIR(buffer->offset == 17);
	free(leido);
	NO_ALCANZA(buffer, "Quedan 0 bytes y pediste 1: ¿mismo orden de lectura que de escritura?", buffer_read_uint8(buffer));
	buffer_destroy(buffer);
}

static void todos_los_anchos(void) {
	const double menos_cero = -0.0;
	double leido;
	t_buffer *b = buffer_create(0);

	EXIGIR(b != NULL && b->size == 0 && b->offset == 0);
	ANDA(0, buffer_add_uint8(b, 255));
	ANDA(0, buffer_add_bool(b, true));
	ANDA(0, buffer_add_bool(b, false));
	ANDA(0, buffer_add_uint32(b, UINT32_MAX - 1));
	ANDA(0, buffer_add_int32(b, INT32_MIN));
	ANDA(0, buffer_add_uint64(b, 0x0102030405060708));
	ANDA(0, buffer_add_int64(b, -2));
	ANDA(0, buffer_add_double(b, 1.0));
	ANDA(0, buffer_add_double(b, menos_cero));
	SON_BYTES(b, 255, 1, 0, 0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0x80, 8, 7, 6, 5, 4, 3, 2, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff,
	          0xff, 0xff, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x80);

	b->offset = 0;
	ANDA(255, buffer_read_uint8(b));
	ANDA(true, buffer_read_bool(b));
	ANDA(false, buffer_read_bool(b));
	ANDA(UINT32_MAX - 1, buffer_read_uint32(b));
	ANDA(INT32_MIN, buffer_read_int32(b));
	ANDA(0x0102030405060708, buffer_read_uint64(b));
	ANDA(-2, buffer_read_int64(b));
	leido = buffer_read_double(b);
	EXIGIR(tp0_error() == NULL && leido >= 1.0 && leido <= 1.0);
	leido = buffer_read_double(b);
	EXIGIR(tp0_error() == NULL && leido >= 0.0 && leido <= 0.0 && signbit(leido));
	EXIGIR(b->offset == (uint32_t)b->size);
	buffer_destroy(b);

	/* Un byte que no es 0 ni 1 también es verdadero, como en C. */
	b = buffer_create(0);
	ANDA(0, buffer_add_uint8(b, 2));
	b->offset = 0;
	ANDA(true, buffer_read_bool(b));
	buffer_destroy(b);
}

static void lo_reservado_va_en_cero_y_crece(void) {
	static char mucho[100000];
	t_buffer *b = buffer_create(6);

	EXIGIR(b != NULL && b->size == 6);
	SON_BYTES(b, 0, 0, 0, 0, 0, 0);
	ANDA(0, buffer_add_uint8(b, 9));
	SON_BYTES(b, 9, 0, 0, 0, 0, 0);
	EXIGIR(b->offset == 1);
	/* Entra justo hasta lo reservado, y a caballo del final lo agranda sólo lo que falta. */
	ANDA(0, buffer_add_uint32(b, 0xaabbccdd));
	SON_BYTES(b, 9, 0xdd, 0xcc, 0xbb, 0xaa, 0);
	ANDA(0, buffer_add_uint32(b, 0x01020304));
	SON_BYTES(b, 9, 0xdd, 0xcc, 0xbb, 0xaa, 4, 3, 2, 1);

	memset(mucho, 'x', sizeof mucho);
	ANDA(0, buffer_add(b, mucho, (uint32_t)sizeof mucho));
	EXIGIR(b->size == 9 + (int)sizeof mucho && b->offset == (uint32_t)b->size);
	EXIGIR(memcmp((char *)b->stream + 9, mucho, sizeof mucho) == 0);
	EXIGIR(((unsigned char *)b->stream)[0] == 9);

	/* De a un byte: agrandar no puede costar copiar todo cada vez. */
	for (int i = 0; i < 50000; i++)
		EXIGIR(buffer_add_uint8(b, (uint8_t)i) == 0);
	EXIGIR(b->size == 9 + (int)sizeof mucho + 50000);
	for (int i = 0; i < 50000; i++)
		EXIGIR(((unsigned char *)b->stream)[9 + (int)sizeof mucho + i] == (uint8_t)i);
	buffer_destroy(b);

	/* Escribir en el medio pisa, no inserta. */
	b = buffer_create(0);
	ANDA(0, buffer_add_uint32(b, 0));
	ANDA(0, buffer_add_uint32(b, 0));
	b->offset = 2;
	ANDA(0, buffer_add_uint32(b, UINT32_MAX));
	SON_BYTES(b, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0);
	EXIGIR(b->offset == 6);
	buffer_destroy(b);
}

static void leer_de_mas(void) {
	unsigned char lugar[8];
	t_buffer *b = buffer_create(0);

	ANDA(0, buffer_add(b, "\1\2\3", 3));
	b->offset = 0;
	NO_ALCANZA(b, "Quedan 3 bytes y pediste 4: ¿mismo orden de lectura que de escritura?", buffer_read_uint32(b));
	NO_ALCANZA(b, "Quedan 3 bytes y pediste 4: ¿mismo orden de lectura que de escritura?", buffer_read_int32(b));
	NO_ALCANZA(b, "Quedan 3 bytes y pediste 8: ¿mismo orden de lectura que de escritura?", buffer_read_uint64(b));
	NO_ALCANZA(b, "Quedan 3 bytes y pediste 8: ¿mismo orden de lectura que de escritura?", buffer_read_int64(b));
	NO_ALCANZA(b, "Quedan 3 bytes y pediste 8: ¿mismo orden de lectura que de escritura?", (int)buffer_read_double(b));
	NO_ALCANZA(b, "Quedan 3 bytes y pediste 4: ¿mismo orden de lectura que de escritura?", buffer_read_string(b, NULL));

	memset(lugar, 0x5a, sizeof lugar);
	FALLA(-1, EPROTO, buffer_read(b, lugar, 5));
	EXIGIR(strcmp(tp0_error(), "Quedan 3 bytes y pediste 5: ¿mismo orden de lectura que de escritura?") == 0);
	for (size_t i = 0; i < sizeof lugar; i++)
		EXIGIR(lugar[i] == 0x5a);
	EXIGIR(b->offset == 0);
	FALLA(-1, EPROTO, buffer_read(b, lugar, UINT32_MAX));
	EXIGIR(b->offset == 0);

	/* Lo que no entró sigue ahí. */
	ANDA(0, buffer_read(b, lugar, 3));
	EXIGIR(memcmp(lugar, "\1\2\3", 3) == 0 && lugar[3] == 0x5a && b->offset == 3);
	NO_ALCANZA(b, "Quedan 0 bytes y pediste 1: ¿mismo orden de lectura que de escritura?", buffer_read_bool(b));
	ANDA(0, buffer_read(b, lugar, 0));

	/* Un offset que quedó pasado del final tampoco lee. */
	b->offset = 1000;
	NO_ALCANZA(b, "Quedan 0 bytes y pediste 4: ¿mismo orden de lectura que de escritura?", buffer_read_uint32(b));
	b->offset = UINT32_MAX;
	NO_ALCANZA(b, "Quedan 0 bytes y pediste 4: ¿mismo orden de lectura que de escritura?", buffer_read_uint32(b));
	buffer_destroy(b);
}

static void largos_que_mienten(void) {
	static const uint32_t mentiras[] = {3, 200, 0x7fffffff, 0x80000000, UINT32_MAX};
	char esperado[128];
	char *texto;
	uint32_t largo;

	for (size_t i = 0; i < sizeof mentiras / sizeof *mentiras; i++) {
		t_buffer *b = buffer_create(0);
		ANDA(0, buffer_add_uint32(b, mentiras[i]));
		ANDA(0, buffer_add(b, "xy", 2));
		b->offset = 0;
		largo = 77;
		snprintf(esperado, sizeof esperado, "Quedan 2 bytes y pediste %u: ¿mismo orden de lectura que de escritura?", mentiras[i]);
		NO_ALCANZA(b, esperado, buffer_read_string(b, &largo));
		EXIGIR(largo == 0);
		ANDA(mentiras[i], buffer_read_uint32(b));
		buffer_destroy(b);
	}

	/* Un texto de largo 0, y uno sin su '\0': los dos vuelven terminados. */
	t_buffer *b = buffer_create(0);
	ANDA(0, buffer_add_string(b, 0, ""));
	ANDA(0, buffer_add_string(b, 2, "abc"));
	SON_BYTES(b, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 'b');
	b->offset = 0;
	texto = buffer_read_string(b, &largo);
	EXIGIR(texto != NULL && tp0_error() == NULL && largo == 0 && texto[0] == '\0');
	free(texto);
	texto = buffer_read_string(b, NULL);
	EXIGIR(texto != NULL && tp0_error() == NULL && strcmp(texto, "ab") == 0);
	free(texto);
	buffer_destroy(b);
}

/* Se pregunta al final: faltó algo, sobró algo, o está todo. */
static void si_estaba_todo(void) {
	t_buffer *b = buffer_create(0), *otro;
	t_buffer propio;
	char lugar[8];

	ANDA(0, buffer_quedan(b));
	ANDA(0, buffer_add_uint32(b, 7));
	ANDA(0, buffer_add_uint8(b, 25));
	ANDA(0, buffer_quedan(b));
	b->offset = 0;
	ANDA(5, buffer_quedan(b));
	ANDA(7, buffer_read_uint32(b));
	ANDA(1, buffer_quedan(b));
	/* La del medio no entra, la que le sigue sí, y no queda nada: hay que notarlo igual. */
	NO_ALCANZA(b, "Quedan 1 bytes y pediste 8: ¿mismo orden de lectura que de escritura?", buffer_read_uint64(b));
	NO_ALCANZA(b, "Quedan 1 bytes y pediste 4: ¿mismo orden de lectura que de escritura?", buffer_read_string(b, NULL));
	ANDA(25, buffer_read_uint8(b));
	for (int vez = 0; vez < 2; vez++) {
		FALLA(-1, EPROTO, buffer_quedan(b));
		EXIGIR(strcmp(tp0_error(), "Quedan 1 bytes y pediste 8: ¿mismo orden de lectura que de escritura?") == 0);
		EXIGIR(b->offset == 5);
	}
	/* Los demás buffers no tienen la culpa: ni otro struct sobre los mismos bytes, ni el mismo sobre otros. */
	propio = *b;
	ANDA(0, buffer_quedan(&propio));
	FALLA(-1, EPROTO, buffer_read(b, lugar, sizeof lugar));
	propio.stream = lugar;
	propio.size = sizeof lugar;
	propio.offset = 6;
	ANDA(2, buffer_quedan(&propio));
	FALLA(0, EPROTO, buffer_read_uint32(&propio));
	FALLA(-1, EPROTO, buffer_quedan(&propio));
	propio.stream = b->stream;
	ANDA(2, buffer_quedan(&propio));

	/* Donde estaba el que falló puede haber otro: crear y liberar empiezan de nuevo. */
	FALLA(-1, EPROTO, buffer_read(b, lugar, sizeof lugar));
	FALLA(-1, EPROTO, buffer_quedan(b));
	otro = buffer_create(0);
	ANDA(0, buffer_quedan(b));
	FALLA(-1, EPROTO, buffer_read(b, lugar, sizeof lugar));
	buffer_destroy(otro);
	ANDA(0, buffer_quedan(b));
	FALLA(-1, EPROTO, buffer_read(b, lugar, sizeof lugar));
	eliminar_paquete(crear_paquete());
	ANDA(0, buffer_quedan(b));

	/* Un argumento malo no es una lectura que no entró; un offset pasado del final, tampoco. */
	FALLA(-1, EINVAL, buffer_read(b, NULL, 1));
	ANDA(0, buffer_quedan(b));
	b->offset = UINT32_MAX;
	ANDA(0, buffer_quedan(b));
	FALLA(-1, EINVAL, buffer_quedan(NULL));
	propio.size = -1;
	FALLA(-1, EINVAL, buffer_quedan(&propio));
	buffer_destroy(b);
}

static void argumentos_malos(void) {
	char lugar[4] = {1, 2, 3, 4};
	uint32_t largo = 5;
	t_buffer sin_stream = {.size = 4, .offset = 0, .stream = NULL};
	t_buffer negativo = {.size = -1, .offset = 0, .stream = lugar};
	t_buffer *b;

	FALLA(-1, EINVAL, buffer_add(NULL, lugar, 4));
	FALLA(-1, EINVAL, buffer_add_uint8(NULL, 1));
	FALLA(-1, EINVAL, buffer_add_bool(NULL, true));
	FALLA(-1, EINVAL, buffer_add_uint32(NULL, 1));
	FALLA(-1, EINVAL, buffer_add_int32(NULL, 1));
	FALLA(-1, EINVAL, buffer_add_uint64(NULL, 1));
	FALLA(-1, EINVAL, buffer_add_int64(NULL, 1));
	FALLA(-1, EINVAL, buffer_add_double(NULL, 1));
	FALLA(-1, EINVAL, buffer_add_string(NULL, 2, "a"));
	FALLA(-1, EINVAL, buffer_read(NULL, lugar, 4));
	FALLA(0, EINVAL, buffer_read_uint8(NULL));
	FALLA(false, EINVAL, buffer_read_bool(NULL));
	FALLA(0, EINVAL, buffer_read_uint32(NULL));
	FALLA(0, EINVAL, buffer_read_int32(NULL));
	FALLA(0, EINVAL, buffer_read_uint64(NULL));
	FALLA(0, EINVAL, buffer_read_int64(NULL));
	FALLA(0, EINVAL, (int)buffer_read_double(NULL));
	FALLA(NULL, EINVAL, buffer_read_string(NULL, &largo));
	EXIGIR(largo == 0);
	buffer_destroy(NULL);

	FALLA(0, EINVAL, buffer_read_uint32(&sin_stream));
	FALLA(-1, EINVAL, buffer_add_uint32(&sin_stream, 1));
	FALLA(0, EINVAL, buffer_read_uint32(&negativo));
	FALLA(-1, EINVAL, buffer_add_uint32(&negativo, 1));
	EXIGIR(sin_stream.size == 4 && sin_stream.offset == 0 && negativo.size == -1 && lugar[0] == 1);

	/* Más de lo que entra en un int, ni al crear ni al agrandar; y lo que falla deja el buffer como estaba. */
	FALLA(NULL, EMSGSIZE, buffer_create(0x80000000));
	FALLA(NULL, EMSGSIZE, buffer_create(UINT32_MAX));
	b = buffer_create(0);
	ANDA(0, buffer_add_uint8(b, 8));
	FALLA(-1, EINVAL, buffer_add(b, NULL, 4));
	FALLA(-1, EINVAL, buffer_add_string(b, 4, NULL));
	FALLA(-1, EINVAL, buffer_read(b, NULL, 1));
	SON_BYTES(b, 8);
	EXIGIR(b->offset == 1);
	FALLA(-1, EMSGSIZE, buffer_add(b, lugar, 0x7fffffff));
	FALLA(-1, EMSGSIZE, buffer_add(b, lugar, UINT32_MAX));
	FALLA(-1, EMSGSIZE, buffer_add_string(b, 0x7fffffff, lugar));
	SON_BYTES(b, 8);
	EXIGIR(b->offset == 1);
	/* Un offset pasado del final no deja un agujero: es un buffer mal armado. */
	b->offset = 2;
	FALLA(-1, EINVAL, buffer_add_uint32(b, 1));
	b->offset = UINT32_MAX;
	FALLA(-1, EINVAL, buffer_add_uint32(b, 1));
	SON_BYTES(b, 8);
	EXIGIR(b->offset == UINT32_MAX);
	buffer_destroy(b);
}

/* Un buffer es el payload de un paquete, y sale por la red tal cual. */
static void adentro_de_un_paquete(void) {
	t_paquete paquete = {.codigo_operacion = (op_code)7, .buffer = buffer_create(0)};
	static const unsigned char esperado[] = {7, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2};
	void *bytes;

	ANDA(0, buffer_add_uint32(paquete.buffer, 1));
	ANDA(0, buffer_add_uint8(paquete.buffer, 2));
	bytes = serializar_paquete(&paquete, paquete.buffer->size + 2 * (int)sizeof(int));
	EXIGIR(bytes != NULL && memcmp(bytes, esperado, sizeof esperado) == 0);
	free(bytes);
	buffer_destroy(paquete.buffer);
}

int main(void) {
	persona_de_la_guia();
	todos_los_anchos();
	lo_reservado_va_en_cero_y_crece();
	leer_de_mas();
	largos_que_mienten();
	si_estaba_todo();
	argumentos_malos();
	adentro_de_un_paquete();
	decir("todo bien");
	return 0;
}
