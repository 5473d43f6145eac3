/*
 * Lo que rompe el heap, o lo pierde, cuando la memoria la maneja cada uno. Se corre bajo valgrind.
 *
 *   dolores_memoria servidor_que_pierde   recibe un paquete y no lo libera
 *   dolores_memoria servidor_que_libera   lo mismo, liberado
 *   dolores_memoria otro_orden            lee un buffer en otro orden que el que se escribió
 *   dolores_memoria dos_veces             libera dos veces lo que se puede
 *   dolores_memoria relleno IP PUERTO     manda un struct entero, con el relleno sin inicializar
 *   dolores_memoria campos IP PUERTO      manda sus campos, de a uno
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tp0.h>

typedef struct {
	uint8_t edad;
	uint32_t dni;
} t_persona;

static void contar(const char *que)
{
	const char *error = tp0_error();

	printf("%s: %s\n", que, error == NULL ? "bien" : error);
	fflush(stdout);
}

static int servidor(int libera)
{
	int escucha = iniciar_servidor(), cliente = esperar_cliente(escucha);

	while (recibir_operacion(cliente) == PAQUETE) {
		t_list *lista = recibir_paquete(cliente);

		printf("%d valores\n", lista->elements_count);
		if (libera)
			tp0_liberar_lista(lista);
	}
	liberar_conexion(cliente);
	liberar_conexion(escucha);
	return EXIT_SUCCESS;
}

static int otro_orden(void)
{
	t_buffer *buffer = buffer_create(0);
	uint32_t dni;
	char *nombre;

	buffer_add_uint32(buffer, 30123456);
	buffer_add_uint8(buffer, 25);
	buffer_add_string(buffer, 4, "Ana");
	buffer->offset = 0;

	/* Se escribió dni, edad, nombre; se lee nombre, edad, dni. */
	nombre = buffer_read_string(buffer, NULL);
	printf("nombre: %s, EPROTO: %s\n", nombre == NULL ? "NULL" : nombre, errno == EPROTO ? "sí" : "no");
	contar("buffer_read_string");
	/* Y se lee de más. */
	buffer->offset = (uint32_t)buffer->size - 3;
	dni = buffer_read_uint32(buffer);
	printf("dni: %u\n", dni);
	contar("buffer_read_uint32");
	buffer_destroy(buffer);
	return EXIT_SUCCESS;
}

static int dos_veces(void)
{
	int escucha = tp0_iniciar_servidor("127.0.0.1", "0");
	t_paquete *paquete = crear_paquete();

	liberar_conexion(escucha);
	liberar_conexion(escucha);
	contar("liberar_conexion");
	eliminar_paquete(paquete);
	paquete = NULL;
	eliminar_paquete(paquete);
	contar("eliminar_paquete");
	buffer_destroy(NULL);
	contar("buffer_destroy");
	tp0_liberar_lista(NULL);
	contar("tp0_liberar_lista");
	return EXIT_SUCCESS;
}

static int mandar(const char *ip, const char *puerto, int entero)
{
	int conexion = crear_conexion(ip, puerto);
	t_persona *persona = malloc(sizeof(t_persona));
	t_paquete *paquete = crear_paquete();

	persona->edad = 25;
	persona->dni = 30123456;
	if (entero) {
		agregar_a_paquete(paquete, persona, sizeof(t_persona));
	} else {
		agregar_a_paquete(paquete, &persona->edad, sizeof persona->edad);
		agregar_a_paquete(paquete, &persona->dni, sizeof persona->dni);
	}
	enviar_paquete(paquete, conexion);
	eliminar_paquete(paquete);
	free(persona);
	liberar_conexion(conexion);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *caso = argc > 1 ? argv[1] : "";

	if (strcmp(caso, "servidor_que_pierde") == 0)
		return servidor(0);
	if (strcmp(caso, "servidor_que_libera") == 0)
		return servidor(1);
	if (strcmp(caso, "otro_orden") == 0)
		return otro_orden();
	if (strcmp(caso, "dos_veces") == 0)
		return dos_veces();
	if (argc == 4)
		return mandar(argv[2], argv[3], strcmp(caso, "relleno") == 0);
	return 2;
}
