/* persona.h -- lo que comparten persona_servidor.c y persona_cliente.c: qué se mandan y cómo.
 * Enseña a serializar con buffer_*: campo por campo, en el mismo orden de los dos lados; un
 * struct adentro de otro; y una lista de structs, que viaja con su cantidad adelante. */

#ifndef PERSONA_H
#define PERSONA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Nuestros códigos de operación, a continuación de los dos del TP0. Con la #define, tp0.h
 * no declara los suyos. Todos los programas que se hablan tienen que usar los mismos. */
#define TP0_SIN_OP_CODE
typedef enum {
    MENSAJE,
    PAQUETE,
    FAMILIA,     /* t_familia; se contesta con RESUMEN */
    RESUMEN,     /* t_resumen */
    CUMPLEANIOS, /* t_persona; se contesta con PERSONA */
    PERSONA,     /* t_persona, un año más grande */
    NO_ENTENDI,  /* sin payload: un mensaje puede ser sólo su código */
    APAGARSE     /* sin payload, ni respuesta */
} op_code;
#include <tp0.h>

typedef struct {
    uint32_t dni;
    uint8_t edad;
    uint32_t pasaporte;
    char *nombre;
} t_persona;

typedef struct {
    uint32_t numero;
    char *calle;
} t_domicilio;

typedef struct {
    char *apellido;
    t_domicilio domicilio; /* un struct adentro de otro */
    uint32_t cantidad;
    t_persona *integrantes; /* y una lista de ellos */
} t_familia;

typedef struct {
    double edad_promedio;
    bool hay_menores;
    t_persona mayor;
} t_resumen;

/* ---------------------------------------------------------------------------
 * Cada escribir_ tiene al lado su leer_, con el mismo orden y los mismos tipos. Un struct
 * nunca se manda entero: entre sus campos hay relleno, y sus punteros no apuntan a nada en
 * otro proceso.
 * ------------------------------------------------------------------------- */

static inline bool escribir_texto(t_buffer *buffer, const char *texto) {
    /* + 1: que viaje también el '\0'. Con sizeof(texto) serían los 8 bytes del puntero. */
    return buffer_add_string(buffer, (uint32_t)strlen(texto) + 1, texto) == 0;
}

/* La persona de la guía. Viaja así, sin nada entre un dato y otro:
 *     | dni: 4 bytes | edad: 1 | pasaporte: 4 | largo: 4 | nombre: largo bytes | */
static inline bool escribir_persona(t_buffer *buffer, const t_persona *persona) {
    return buffer_add_uint32(buffer, persona->dni) == 0 &&
           buffer_add_uint8(buffer, persona->edad) == 0 &&
           buffer_add_uint32(buffer, persona->pasaporte) == 0 &&
           escribir_texto(buffer, persona->nombre);
}

/* Una lectura por renglón: en un { inicializador } C no promete en qué orden las haría. Y
 * alcanza con mirar la última: si a un número le faltaron bytes, al texto también. */
static inline bool leer_persona(t_buffer *buffer, t_persona *persona) {
    persona->dni = buffer_read_uint32(buffer);
    persona->edad = buffer_read_uint8(buffer);
    persona->pasaporte = buffer_read_uint32(buffer);
    persona->nombre = buffer_read_string(buffer, NULL); /* de malloc: se libera con free */
    return persona->nombre != NULL;
}

static inline bool escribir_familia(t_buffer *buffer, const t_familia *familia) {
    bool bien = escribir_texto(buffer, familia->apellido) &&
                buffer_add_uint32(buffer, familia->domicilio.numero) == 0 &&
                escribir_texto(buffer, familia->domicilio.calle) &&
                buffer_add_uint32(buffer, familia->cantidad) == 0;

    for (uint32_t i = 0; bien && i < familia->cantidad; i++)
        bien = escribir_persona(buffer, &familia->integrantes[i]);
    return bien;
}

/* La familia llega en cero, y se la libera con liberar_familia aunque se lea a medias. */
static inline bool leer_familia(t_buffer *buffer, t_familia *familia) {
    const uint32_t persona_minima = 4 + 1 + 4 + 4; /* con el nombre vacío */
    uint32_t cantidad, quedan;

    familia->apellido = buffer_read_string(buffer, NULL);
    familia->domicilio.numero = buffer_read_uint32(buffer);
    familia->domicilio.calle = buffer_read_string(buffer, NULL);
    cantidad = buffer_read_uint32(buffer);
    if (familia->apellido == NULL || familia->domicilio.calle == NULL) return false;

    /* A la cantidad no se le cree: si miente, un mensaje de 40 bytes haría reservar gigas. */
    quedan = (uint32_t)buffer->size - buffer->offset;
    if (cantidad == 0 || cantidad > quedan / persona_minima) return false;
    familia->integrantes = calloc(cantidad, sizeof(t_persona));
    if (familia->integrantes == NULL) return false;

    familia->cantidad = cantidad;
    for (uint32_t i = 0; i < cantidad; i++)
        if (!leer_persona(buffer, &familia->integrantes[i])) return false;
    return true;
}

static inline void liberar_familia(t_familia *familia) {
    for (uint32_t i = 0; i < familia->cantidad; i++) free(familia->integrantes[i].nombre);
    free(familia->integrantes);
    free(familia->domicilio.calle);
    free(familia->apellido);
}

static inline bool escribir_resumen(t_buffer *buffer, const t_resumen *resumen) {
    return buffer_add_double(buffer, resumen->edad_promedio) == 0 &&
           buffer_add_bool(buffer, resumen->hay_menores) == 0 &&
           escribir_persona(buffer, &resumen->mayor);
}

static inline bool leer_resumen(t_buffer *buffer, t_resumen *resumen) {
    resumen->edad_promedio = buffer_read_double(buffer);
    resumen->hay_menores = buffer_read_bool(buffer);
    return leer_persona(buffer, &resumen->mayor);
}

/* ---------------------------------------------------------------------------
 * Mandar. Un t_paquete es un código y un payload: no hace falta pedírselo a crear_paquete,
 * que arma los de valores sueltos. El payload sigue siendo de quien lo armó.
 * ------------------------------------------------------------------------- */

static inline bool mandar(int conexion, op_code codigo, t_buffer *payload) {
    t_paquete paquete = {.codigo_operacion = codigo, .buffer = payload};

    return enviar_paquete(&paquete, conexion) == 0;
}

/* Sólo el código: un payload de 0 bytes. */
static inline bool mandar_codigo(int conexion, op_code codigo) {
    t_buffer vacio = {0};

    return mandar(conexion, codigo, &vacio);
}

#endif
