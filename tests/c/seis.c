/*
 * Las seis funciones del TP y tp0_error(), y nada más de la biblioteca: dos programas que se mandan textos en los dos
 * sentidos y terminan en orden. Escrito mirando solamente tp0.h.
 *
 *   seis servidor                contesta "eco: TEXTO" a cada texto; con "chau" es él quien corta
 *   seis cliente IP PUERTO       manda cada línea de la entrada y muestra la respuesta
 */
#include <tp0.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* El texto recibido (se libera con free), o NULL cuando la conversación terminó. */
static char *recibir_texto(int conexion)
{
	t_list *lista = recibir_paquete(conexion);
	int codigo = errno;
	char *texto = NULL;

	if (lista->elements_count == 0)
		printf("fin: errno %d, tp0_error %s\n", codigo, tp0_error() == NULL ? "NULL" : "explica");
	else if (lista->elements_count == 1 && tp0_error() == NULL)
		texto = lista->head->data;
	else
		printf("no esperaba %d textos\n", lista->elements_count);

	while (lista->head != NULL) {
		t_link_element *nodo = lista->head;
		lista->head = nodo->next;
		if (nodo->data != texto)
			free(nodo->data);
		free(nodo);
	}
	free(lista);
	return texto;
}

static int fallo(void)
{
	fprintf(stderr, "errno %d: %s\n", errno, tp0_error());
	return EXIT_FAILURE;
}

static int servir(void)
{
	int servidor = iniciar_servidor();
	int cliente = esperar_cliente(servidor);
	char *texto;

	if (servidor < 0 || cliente < 0)
		return fallo();
	while ((texto = recibir_texto(cliente)) != NULL) {
		size_t largo = strlen(texto) + sizeof "eco: ";
		char *eco = malloc(largo);
		int chau = strcmp(texto, "chau") == 0;

		printf("recibi: %s\n", texto);
		snprintf(eco, largo, "eco: %s", texto);
		enviar_mensaje(eco, cliente);
		free(eco);
		free(texto);
		if (chau)
			break;
	}
	liberar_conexion(cliente);
	liberar_conexion(servidor);
	return EXIT_SUCCESS;
}

static int conversar(const char *ip, const char *puerto)
{
	int conexion = crear_conexion(ip, puerto);
	char linea[256];

	if (conexion < 0)
		return fallo();
	while (fgets(linea, sizeof linea, stdin) != NULL) {
		char *respuesta;

		linea[strcspn(linea, "\n")] = '\0';
		enviar_mensaje(linea, conexion);
		respuesta = recibir_texto(conexion);
		if (respuesta == NULL)
			break;
		printf("%s\n", respuesta);
		if (strcmp(linea, "chau") == 0) {
			/* El servidor ya se despidió: lo que sigue es el fin en orden, visto de este lado. */
			free(respuesta);
			free(recibir_texto(conexion));
			break;
		}
		free(respuesta);
	}
	liberar_conexion(conexion);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "servidor") == 0)
		return servir();
	if (argc == 4 && strcmp(argv[1], "cliente") == 0)
		return conversar(argv[2], argv[3]);
	fprintf(stderr, "uso: %s servidor | cliente IP PUERTO\n", argv[0]);
	return 2;
}
