/*
 * Reemplazo de <commons/log.h> para las pruebas: la interfaz que usa un TP0, con el mismo ABI, escrita por nosotros.
 */
#ifndef TP0_PRUEBAS_COMMONS_LOG_H_
#define TP0_PRUEBAS_COMMONS_LOG_H_

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

typedef enum {
	LOG_LEVEL_TRACE,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR
} t_log_level;

typedef struct {
	FILE *file;
	bool is_active_console;
	t_log_level detail;
	char *program_name;
	pid_t pid;
} t_log;

t_log *log_create(char *file, char *process_name, bool is_active_console, t_log_level level);
void log_destroy(t_log *logger);

void log_trace(t_log *logger, const char *message, ...) __attribute__((format(printf, 2, 3)));
void log_debug(t_log *logger, const char *message, ...) __attribute__((format(printf, 2, 3)));
void log_info(t_log *logger, const char *message, ...) __attribute__((format(printf, 2, 3)));
void log_warning(t_log *logger, const char *message, ...) __attribute__((format(printf, 2, 3)));
void log_error(t_log *logger, const char *message, ...) __attribute__((format(printf, 2, 3)));

#endif
