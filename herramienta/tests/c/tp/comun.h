/*
 * La capa de sockets de un TP chico, escrita a mano y sana: tres módulos que se saludan diciendo quiénes son, con un archivo de configuración cada uno.
 * El ancho del código lo dice cada módulo: en la memoria viaja en un byte.
 */
#ifndef TP_COMUN_H_
#define TP_COMUN_H_

#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Quién es cada uno: lo primero que dice el que se conecta. Se le contesta 0, o -1 y se cierra. */
enum { SOY_CPU = 7, SOY_KERNEL, SOY_CONSOLA };

/* Los que entienden todos; los demás son de cada módulo. */
enum { MENSAJE, PAQUETE };

#define TOPE (1 << 20)
#define MAYOR_VALOR 200

typedef struct {
	int codigo;
	uint32_t size;
	char *payload;
} t_mensaje;

static FILE *registro;

/* ------------------------------------------------------------------ lo que muestra, y su configuración */

__attribute__((format(printf, 1, 2))) static inline void anotar(const char *formato, ...)
{
	va_list lista;

	va_start(lista, formato);
	vfprintf(registro, formato, lista);
	va_end(lista);
	fputc('\n', registro);
	fflush(registro);
}

/* El valor de una clave, CLAVE=valor, en memoria que no se libera: se lee una vez, al empezar. */
static inline char *configurado(const char *archivo, const char *clave)
{
	FILE *config = fopen(archivo, "r");
	char renglon[MAYOR_VALOR];
	char *valor = NULL;

	while (config != NULL && valor == NULL && fgets(renglon, sizeof(renglon), config) != NULL) {
		char *igual = strchr(renglon, '=');

		renglon[strcspn(renglon, "\r\n")] = '\0';
		if (igual != NULL && (size_t)(igual - renglon) == strlen(clave) && strncmp(renglon, clave, strlen(clave)) == 0)
			valor = strdup(igual + 1);
	}
	if (config != NULL)
		fclose(config);
	if (valor == NULL) {
		fprintf(stderr, "%s: falta %s\n", archivo, clave);
		exit(EXIT_FAILURE);
	}
	return valor;
}

static inline void empezar(const char *archivo)
{
	const char *nombre = configurado(archivo, "LOG");

	registro = fopen(nombre, "a");
	if (registro == NULL) {
		perror(nombre);
		exit(EXIT_FAILURE);
	}
}

/* ------------------------------------------------------------------ bytes */

static inline int mandar(int conexion, const void *bytes, size_t cuantos)
{
	const char *lugar = bytes;

	while (cuantos > 0) {
		ssize_t enviados = send(conexion, lugar, cuantos, MSG_NOSIGNAL);

		if (enviados <= 0)
			return -1;
		lugar += enviados;
		cuantos -= (size_t)enviados;
	}
	return 0;
}

static inline int leer(int conexion, void *bytes, size_t cuantos)
{
	return cuantos == 0 || recv(conexion, bytes, cuantos, MSG_WAITALL) == (ssize_t)cuantos ? 0 : -1;
}

/* Un mensaje entero, con `ancho` bytes de código. */
static inline int mandar_mensaje(int conexion, size_t ancho, int codigo, const void *payload, uint32_t size)
{
	char *todo = malloc(ancho + sizeof(size) + size);
	int salida;

	if (todo == NULL)
		return -1;
	memcpy(todo, &codigo, ancho);
	memcpy(todo + ancho, &size, sizeof(size));
	if (size > 0)
		memcpy(todo + ancho + sizeof(size), payload, size);
	salida = mandar(conexion, todo, ancho + sizeof(size) + size);
	free(todo);
	return salida;
}

static inline int recibir_uno(int conexion, size_t ancho, t_mensaje *mensaje)
{
	mensaje->codigo = 0;
	mensaje->payload = NULL;
	if (leer(conexion, &mensaje->codigo, ancho) == -1 || leer(conexion, &mensaje->size, sizeof(mensaje->size)) == -1)
		return -1;
	if (mensaje->size > TOPE)
		return -1;
	mensaje->payload = malloc(mensaje->size + 1);
	if (mensaje->payload == NULL || leer(conexion, mensaje->payload, mensaje->size) == -1) {
		free(mensaje->payload);
		return -1;
	}
	mensaje->payload[mensaje->size] = '\0';
	return 0;
}

/* Muestra los valores de un paquete; -1 si los largos no cierran. */
static inline int mostrar_paquete(const t_mensaje *mensaje)
{
	uint32_t lugar = 0, largo;

	while (lugar < mensaje->size) {
		if (mensaje->size - lugar < sizeof(largo))
			return -1;
		memcpy(&largo, mensaje->payload + lugar, sizeof(largo));
		lugar += sizeof(largo);
		if (largo > mensaje->size - lugar)
			return -1;
		anotar("valor: %.*s", (int)largo, mensaje->payload + lugar);
		lugar += largo;
	}
	return 0;
}

/* ------------------------------------------------------------------ de un lado */

static inline struct addrinfo *direccion_de(const char *ip, const char *puerto)
{
	struct addrinfo pista, *direccion = NULL;

	memset(&pista, 0, sizeof(pista));
	pista.ai_family = AF_INET;
	pista.ai_socktype = SOCK_STREAM;
	pista.ai_flags = ip == NULL ? AI_PASSIVE : 0;
	return getaddrinfo(ip, puerto, &pista, &direccion) == 0 ? direccion : NULL;
}

/* El otro módulo puede estar levantándose: se insiste unos segundos, y no más: si no hay nadie, hay que decirlo. */
static inline int llegar(const struct addrinfo *direccion)
{
	for (int vuelta = 0; direccion != NULL && vuelta < 80; vuelta++) {
		int conexion = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);

		if (conexion == -1 || connect(conexion, direccion->ai_addr, direccion->ai_addrlen) == 0)
			return conexion;
		close(conexion);
		usleep(50000);
	}
	return -1;
}

/* Conecta y dice quién es; si no se puede, el módulo no tiene nada que hacer. */
static inline int conectar_como(int32_t quien, const char *ip, const char *puerto)
{
	struct addrinfo *direccion = direccion_de(ip, puerto);
	int conexion = llegar(direccion);
	int32_t respuesta = -1;

	if (conexion == -1 || mandar(conexion, &quien, sizeof(quien)) == -1 ||
	    leer(conexion, &respuesta, sizeof(respuesta)) == -1 || respuesta != 0) {
		fprintf(stderr, "no pude conectar con %s:%s\n", ip, puerto);
		exit(EXIT_FAILURE);
	}
	freeaddrinfo(direccion);
	return conexion;
}

/* ------------------------------------------------------------------ del otro */

/* Lo que hace el módulo con un mensaje; -1: la charla no puede seguir. */
typedef int (*t_atender)(int cliente, const t_mensaje *mensaje);

typedef struct {
	int cliente;
	int32_t espera;
	size_t ancho;
	t_atender atender;
} t_visita;

static inline void *recibir_visita(void *argumento)
{
	t_visita *visita = argumento;
	int32_t quien, respuesta;
	t_mensaje mensaje;

	/* El saludo, en el hilo del cliente: uno callado no demora a los demás. */
	if (leer(visita->cliente, &quien, sizeof(quien)) == 0) {
		respuesta = quien == visita->espera ? 0 : -1;
		if (mandar(visita->cliente, &respuesta, sizeof(respuesta)) == 0 && respuesta == 0) {
			int sigue = 0;

			while (sigue == 0 && recibir_uno(visita->cliente, visita->ancho, &mensaje) == 0) {
				sigue = visita->atender(visita->cliente, &mensaje);
				free(mensaje.payload);
			}
		}
	}
	close(visita->cliente);
	free(visita);
	return NULL;
}

/* Atiende para siempre, un hilo por cliente. */
static inline int atender_a_todos(const char *puerto, int32_t espera, size_t ancho, t_atender atender)
{
	struct addrinfo *direccion = direccion_de(NULL, puerto);
	int si = 1, servidor = -1;

	if (direccion != NULL)
		servidor = socket(direccion->ai_family, direccion->ai_socktype, direccion->ai_protocol);
	if (servidor == -1 || setsockopt(servidor, SOL_SOCKET, SO_REUSEADDR, &si, sizeof(si)) == -1 ||
	    bind(servidor, direccion->ai_addr, direccion->ai_addrlen) == -1 || listen(servidor, SOMAXCONN) == -1) {
		perror(puerto);
		return EXIT_FAILURE;
	}
	freeaddrinfo(direccion);
	for (;;) {
		t_visita *visita = malloc(sizeof(*visita));
		pthread_t hilo;

		if (visita == NULL)
			return EXIT_FAILURE;
		*visita = (t_visita){.cliente = accept(servidor, NULL, NULL), .espera = espera, .ancho = ancho, .atender = atender};
		if (visita->cliente == -1) {
			free(visita);
			return EXIT_FAILURE;
		}
		if (pthread_create(&hilo, NULL, recibir_visita, visita) != 0) {
			close(visita->cliente);
			free(visita);
			continue;
		}
		pthread_detach(hilo);
	}
}

#endif
