/*
 * Las commons de reemplazo: lo justo para que corra un TP0. Cada línea de log sale de una sola escritura, con la forma
 * [NIVEL] programa: texto (sin hora ni PID, para poder comparar salidas), y no lleva ningún color.
 */
#define _GNU_SOURCE

#include <commons/collections/list.h>
#include <commons/log.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ log */

static char *copiar(const char *texto)
{
	size_t largo = strlen(texto) + 1;
	char *copia = malloc(largo);

	if (copia != NULL)
		memcpy(copia, texto, largo);
	return copia;
}

t_log *log_create(char *file, char *process_name, bool is_active_console, t_log_level level)
{
	t_log *nuevo = calloc(1, sizeof *nuevo);

	if (nuevo == NULL)
		return NULL;
	nuevo->file = file == NULL ? NULL : fopen(file, "a");
	if (file != NULL && nuevo->file == NULL) {
		free(nuevo);
		return NULL;
	}
	nuevo->is_active_console = is_active_console;
	nuevo->detail = level;
	nuevo->pid = getpid();
	nuevo->program_name = copiar(process_name);
	return nuevo;
}

void log_destroy(t_log *logger)
{
	if (logger == NULL)
		return;
	if (logger->file != NULL)
		fclose(logger->file);
	free(logger->program_name);
	free(logger);
}

static void anotar(t_log *logger, t_log_level nivel, const char *nombre, const char *message, va_list args)
{
	char *texto = NULL;

	if (logger == NULL || nivel < logger->detail)
		return;
	if (vasprintf(&texto, message, args) < 0)
		return;
	if (logger->is_active_console) {
		printf("[%s] %s: %s\n", nombre, logger->program_name, texto);
		fflush(stdout);
	}
	if (logger->file != NULL) {
		fprintf(logger->file, "[%s] %s: %s\n", nombre, logger->program_name, texto);
		fflush(logger->file);
	}
	free(texto);
}

#define FUNCION_DE_LOG(nombre, nivel, etiqueta)                   \
	void nombre(t_log *logger, const char *message, ...)      \
	{                                                         \
		va_list args;                                     \
		va_start(args, message);                          \
		anotar(logger, nivel, etiqueta, message, args);   \
		va_end(args);                                     \
	}

FUNCION_DE_LOG(log_trace, LOG_LEVEL_TRACE, "TRACE")
FUNCION_DE_LOG(log_debug, LOG_LEVEL_DEBUG, "DEBUG")
FUNCION_DE_LOG(log_info, LOG_LEVEL_INFO, "INFO")
FUNCION_DE_LOG(log_warning, LOG_LEVEL_WARNING, "WARNING")
FUNCION_DE_LOG(log_error, LOG_LEVEL_ERROR, "ERROR")

/* ---------------------------------------------------------------- listas */

t_list *list_create(void)
{
	return calloc(1, sizeof(t_list));
}

int list_add(t_list *self, void *data)
{
	t_link_element *nuevo = malloc(sizeof *nuevo);
	t_link_element **lugar = &self->head;

	if (nuevo == NULL)
		return -1;
	nuevo->data = data;
	nuevo->next = NULL;
	while (*lugar != NULL)
		lugar = &(*lugar)->next;
	*lugar = nuevo;
	return self->elements_count++;
}

void *list_get(t_list *self, int index)
{
	t_link_element *nodo = self->head;

	if (index < 0 || index >= self->elements_count)
		return NULL;
	while (index-- > 0)
		nodo = nodo->next;
	return nodo->data;
}

int list_size(t_list *self)
{
	return self->elements_count;
}

void list_iterate(t_list *self, void (*closure)(void *))
{
	t_link_element *nodo = self->head;

	while (nodo != NULL) {
		t_link_element *siguiente = nodo->next;
		closure(nodo->data);
		nodo = siguiente;
	}
}

static void vaciar(t_list *self, void (*element_destroyer)(void *))
{
	while (self->head != NULL) {
		t_link_element *nodo = self->head;
		self->head = nodo->next;
		if (element_destroyer != NULL)
			element_destroyer(nodo->data);
		free(nodo);
	}
	self->elements_count = 0;
}

void list_clean_and_destroy_elements(t_list *self, void (*element_destroyer)(void *))
{
	vaciar(self, element_destroyer);
}

void list_destroy(t_list *self)
{
	vaciar(self, NULL);
	free(self);
}

void list_destroy_and_destroy_elements(t_list *self, void (*element_destroyer)(void *))
{
	vaciar(self, element_destroyer);
	free(self);
}
