/*
 * serializacion_codigos: mensajes con códigos de operación propios, de un proceso a otro y vuelta.
 *
 *   serializacion_codigos servidor                escucha (TP0_PUERTO), atiende a un cliente con un switch y termina
 *   serializacion_codigos cliente PUERTO          le manda de todo y comprueba lo que vuelve
 *   serializacion_codigos sueltas PUERTO          tp0_recibir_mensaje y tp0_valores, con lo que mande un par cualquiera
 */
#define TP0_SIN_OP_CODE
typedef enum { MENSAJE, PAQUETE, PERSONA, SUMAR, RESULTADO, LATIDO, NO_ENTENDI } op_code;
#include "muchos_comun.h"

typedef struct {
	uint32_t dni;
	uint8_t edad;
	uint32_t pasaporte;
	char *nombre;
} t_persona;

static t_buffer *serializar(const t_persona *persona) {
	uint32_t largo = (uint32_t)strlen(persona->nombre) + 1;
	t_buffer *buffer = buffer_create((uint32_t)(3 * sizeof(uint32_t) + sizeof(uint8_t)) + largo);
	EXIGIR(buffer != NULL);
	EXIGIR(buffer_add_uint32(buffer, persona->dni) == 0);
	EXIGIR(buffer_add_uint8(buffer, persona->edad) == 0);
	EXIGIR(buffer_add_uint32(buffer, persona->pasaporte) == 0);
	EXIGIR(buffer_add_string(buffer, largo, persona->nombre) == 0);
	return buffer;
}

static t_persona deserializar(t_buffer *buffer) {
	t_persona persona;
	uint32_t largo;
	persona.dni = buffer_read_uint32(buffer);
	persona.edad = buffer_read_uint8(buffer);
	persona.pasaporte = buffer_read_uint32(buffer);
	persona.nombre = buffer_read_string(buffer, &largo);
	EXIGIR(persona.nombre != NULL && largo == strlen(persona.nombre) + 1);
	EXIGIR(buffer->offset == (uint32_t)buffer->size);
	return persona;
}

static void mandar(int conexion, op_code codigo, t_buffer *buffer) {
	t_paquete paquete = {.codigo_operacion = codigo, .buffer = buffer};
	EXIGIR(enviar_paquete(&paquete, conexion) == 0);
	buffer_destroy(buffer);
}

static void sumar(int conexion, const t_paquete *pedido) {
	t_buffer *resultado = buffer_create(0);
	t_list *sumandos = tp0_valores(pedido);
	int64_t total = 0;
	EXIGIR(sumandos != NULL);
	for (t_link_element *e = sumandos->head; e != NULL; e = e->next) {
		int32_t sumando;
		memcpy(&sumando, e->data, sizeof sumando);
		total += sumando;
	}
	EXIGIR(buffer_add_int32(resultado, sumandos->elements_count) == 0);
	EXIGIR(buffer_add_int64(resultado, total) == 0);
	tp0_liberar_lista(sumandos);
	mandar(conexion, RESULTADO, resultado);
}

static int servir(void) {
	int servidor = iniciar_servidor(), cliente;
	t_paquete *paquete;
	EXIGIR(servidor != -1);
	cliente = esperar_cliente(servidor);
	EXIGIR(cliente != -1);
	while ((paquete = tp0_recibir(cliente)) != NULL) {
		EXIGIR(paquete->buffer->offset == 0);
		switch (paquete->codigo_operacion) {
		case MENSAJE:
			EXIGIR(enviar_mensaje(paquete->buffer->stream, cliente) == 0);
			break;
		case PAQUETE:
			EXIGIR(enviar_paquete(paquete, cliente) == 0);
			break;
		case PERSONA: {
			t_persona persona = deserializar(paquete->buffer);
			persona.edad++;
			mandar(cliente, PERSONA, serializar(&persona));
			free(persona.nombre);
			break;
		}
		case SUMAR:
			sumar(cliente, paquete);
			break;
		case LATIDO:
			EXIGIR(paquete->buffer->size == 0);
			EXIGIR(enviar_paquete(paquete, cliente) == 0);
			break;
		default:
			mandar(cliente, NO_ENTENDI, buffer_create(0));
		}
		eliminar_paquete(paquete);
	}
	EXIGIR(errno == 0 && tp0_error() != NULL);
	liberar_conexion(cliente);
	liberar_conexion(servidor);
	decir("servido");
	return 0;
}

/* El próximo mensaje, que tiene que traer ese código. */
static t_paquete *esperar(int conexion, op_code codigo) {
	t_paquete *paquete = tp0_recibir(conexion);
	EXIGIR(paquete != NULL && tp0_error() == NULL);
	EXIGIR(paquete->codigo_operacion == codigo);
	return paquete;
}

static int pedir(const char *puerto) {
	static const int32_t sumandos[] = {1, -50, INT32_MAX, INT32_MAX};
	t_persona ana = {30123456, 25, 7, "Ana \xc3\x91" "and\xc3\xba"}, vuelta;
	int conexion = crear_conexion("127.0.0.1", puerto);
	t_paquete *paquete;
	EXIGIR(conexion != -1);

	mandar(conexion, PERSONA, serializar(&ana));
	paquete = esperar(conexion, PERSONA);
	vuelta = deserializar(paquete->buffer);
	EXIGIR(vuelta.dni == ana.dni && vuelta.edad == ana.edad + 1 && vuelta.pasaporte == ana.pasaporte);
	EXIGIR(strcmp(vuelta.nombre, ana.nombre) == 0);
	/* Byte por byte: sólo cambió la edad. */
	t_buffer *original = serializar(&ana);
	((unsigned char *)original->stream)[4]++;
	EXIGIR(original->size == paquete->buffer->size);
	EXIGIR(memcmp(original->stream, paquete->buffer->stream, (size_t)original->size) == 0);
	buffer_destroy(original);
	free(vuelta.nombre);
	eliminar_paquete(paquete);

	/* Un paquete armado con agregar_a_paquete lleva el código que uno quiera. */
	paquete = crear_paquete();
	paquete->codigo_operacion = SUMAR;
	for (size_t i = 0; i < sizeof sumandos / sizeof *sumandos; i++)
		EXIGIR(agregar_a_paquete(paquete, &sumandos[i], (int)sizeof sumandos[i]) == 0);
	EXIGIR(enviar_paquete(paquete, conexion) == 0);
	eliminar_paquete(paquete);
	paquete = esperar(conexion, RESULTADO);
	EXIGIR(buffer_read_int32(paquete->buffer) == 4);
	EXIGIR(buffer_read_int64(paquete->buffer) == 2 * (int64_t)INT32_MAX - 49);
	eliminar_paquete(paquete);

	/* Sólo el header. */
	mandar(conexion, LATIDO, buffer_create(0));
	paquete = esperar(conexion, LATIDO);
	EXIGIR(paquete->buffer->size == 0);
	EXIGIR(buffer_read_uint8(paquete->buffer) == 0 && errno == EPROTO);
	eliminar_paquete(paquete);

	mandar(conexion, (op_code)1000, buffer_create(3));
	eliminar_paquete(esperar(conexion, NO_ENTENDI));

	/* Con recibir_operacion antes, recibe sólo lo que falta. */
	EXIGIR(enviar_mensaje("hola", conexion) == 0);
	EXIGIR(recibir_operacion(conexion) == MENSAJE);
	paquete = esperar(conexion, MENSAJE);
	EXIGIR(paquete->buffer->size == 5 && strcmp(paquete->buffer->stream, "hola") == 0);
	eliminar_paquete(paquete);

	paquete = crear_paquete();
	EXIGIR(agregar_a_paquete(paquete, "uno", 4) == 0 && agregar_a_paquete(paquete, NULL, 0) == 0);
	EXIGIR(enviar_paquete(paquete, conexion) == 0);
	eliminar_paquete(paquete);
	paquete = esperar(conexion, PAQUETE);
	t_list *valores = tp0_valores(paquete);
	EXIGIR(valores != NULL && valores->elements_count == 2);
	EXIGIR(strcmp(valores->head->data, "uno") == 0 && *(char *)valores->head->next->data == '\0');
	EXIGIR(valores->head->next->next == NULL);
	tp0_liberar_lista(valores);
	eliminar_paquete(paquete);

	liberar_conexion(conexion);
	decir("pedido");
	return 0;
}

/* El par manda: MENSAJE "uno", código 7, espera un mensaje, PAQUETE, MENSAJE "dos", PAQUETE que no cierra, MENSAJE sin '\0', y cierra. */
static int sueltas(const char *puerto) {
	int conexion = crear_conexion("127.0.0.1", puerto);
	char *texto;
	t_paquete *paquete;
	EXIGIR(conexion != -1);

	texto = tp0_recibir_mensaje(conexion);
	EXIGIR(texto != NULL && tp0_error() == NULL && strcmp(texto, "uno") == 0);
	free(texto);
	FALLA(NULL, EPROTO, tp0_recibir_mensaje(conexion));
	EXIGIR(strcmp(tp0_error(), "Se esperaba un mensaje con código de operación 0 y llegó uno con código 7: se lo descartó. "
	                           "Si puede llegar cualquiera, recibilo con tp0_recibir.") == 0);
	/* La conexión sigue, en los dos sentidos: el par no manda lo que falta hasta que se lo digan. */
	ANDA(1, tp0_conexion_activa(conexion));
	ANDA(0, enviar_mensaje("sigo aca", conexion));
	EXIGIR(recibir_operacion(conexion) == PAQUETE);
	FALLA(NULL, EPROTO, tp0_recibir_mensaje(conexion));
	EXIGIR(strstr(tp0_error(), "código 1") != NULL);
	EXIGIR(recibir_operacion(conexion) == MENSAJE);
	texto = tp0_recibir_mensaje(conexion);
	EXIGIR(texto != NULL && strcmp(texto, "dos") == 0);
	free(texto);

	/* Los largos de adentro se miran recién en tp0_valores, y no cambian el paquete. */
	paquete = tp0_recibir(conexion);
	EXIGIR(paquete != NULL && paquete->codigo_operacion == PAQUETE && paquete->buffer->size == 6);
	FALLA(NULL, EPROTO, tp0_valores(paquete));
	EXIGIR(strstr(tp0_error(), "un valor dice medir 100 bytes y quedan 2") != NULL);
	EXIGIR(buffer_read_uint32(paquete->buffer) == 100);
	eliminar_paquete(paquete);
	FALLA(NULL, EINVAL, tp0_valores(NULL));
	paquete = calloc(1, sizeof *paquete);
	FALLA(NULL, EINVAL, tp0_valores(paquete));
	free(paquete);

	texto = tp0_recibir_mensaje(conexion);
	EXIGIR(texto != NULL && strcmp(texto, "sin final") == 0);
	free(texto);

	EXIGIR(tp0_recibir_mensaje(conexion) == NULL && errno == 0 && tp0_error() != NULL);
	liberar_conexion(conexion);
	FALLA(NULL, EBADF, tp0_recibir(conexion));
	FALLA(NULL, EBADF, tp0_recibir_mensaje(-1));
	decir("todo bien");
	return 0;
}

int main(int argc, char **argv) {
	if (argc == 2 && strcmp(argv[1], "servidor") == 0)
		return servir();
	if (argc == 3 && strcmp(argv[1], "cliente") == 0)
		return pedir(argv[2]);
	if (argc == 3 && strcmp(argv[1], "sueltas") == 0)
		return sueltas(argv[2]);
	fprintf(stderr, "Uso: %s servidor | cliente PUERTO | sueltas PUERTO\n", argv[0]);
	return 2;
}
