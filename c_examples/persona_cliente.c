/* persona_cliente.c -- manda una familia serializada y muestra lo que contesta el servidor.
 * Enseña a armar un payload con buffer_* (cómo, en persona.h) y mandarlo con un código
 * propio, a controlar que la respuesta sea la esperada, y a mandar sólo un código. */

#include <stdio.h>
#include <stdlib.h>
#include "persona.h"

/* De los argumentos: si no es un número, 0. En un programa de verdad habría que mirar. */
static uint32_t numero(const char *texto) {
    return (uint32_t)strtoul(texto, NULL, 10);
}

/* Toda función que falla deja su explicación en tp0_error(). Devuelve siempre false para
 * poder escribir «hacer algo o fallar»: algo() || fallar(). */
static bool fallar(void) {
    fprintf(stderr, "%s\n", tp0_error());
    return false;
}

/* Manda un payload y espera la respuesta, que tiene que ser de ese código. NULL: no se
 * pudo, el servidor se fue, o contestó otra cosa. Se libera con eliminar_paquete. */
static t_paquete *preguntar(int conexion, op_code codigo, t_buffer *payload, op_code esperada) {
    t_paquete *respuesta = mandar(conexion, codigo, payload) ? tp0_recibir(conexion) : NULL;

    if (respuesta == NULL) {
        fallar(); /* mandar o tp0_recibir: habla de la última que se llamó */
    } else if (respuesta->codigo_operacion != esperada) {
        /* El código se mira antes que el payload: si no, se leería una cosa como si fuera
         * otra, y hasta podría parecer que salió bien. */
        fprintf(stderr, "Esperaba la operación %d y me contestó la %d.\n", (int)esperada,
                (int)respuesta->codigo_operacion);
        eliminar_paquete(respuesta);
        respuesta = NULL;
    }
    return respuesta;
}

/* ---------------------------------------------------------------------------
 * La conversación. Las dos preguntas son iguales: armar el payload, mandarlo con su código,
 * controlar el código de la respuesta, leerla, y liberar lo propio.
 * ------------------------------------------------------------------------- */

/* Manda la familia y muestra el resumen que vuelve. */
static bool presentar(int conexion, const t_familia *familia) {
    t_buffer *payload = buffer_create(0); /* 0: crece solo, no hay tamaños que sumar */
    t_paquete *respuesta = NULL;
    t_resumen resumen;
    bool bien;

    if (escribir_familia(payload, familia) || fallar())
        respuesta = preguntar(conexion, FAMILIA, payload, RESUMEN);
    buffer_destroy(payload); /* mandarlo no lo libera: sigue siendo nuestro */
    if (respuesta == NULL) return false;

    bien = leer_resumen(respuesta->buffer, &resumen) || fallar();
    if (bien)
        printf("En promedio, %.1f años; %s menores. La persona mayor: %s, de %u.\n",
               resumen.edad_promedio, resumen.hay_menores ? "hay" : "no hay",
               resumen.mayor.nombre, resumen.mayor.edad);
    /* El texto leído es una copia: no se va con el paquete, hay que liberarlo aparte. */
    free(resumen.mayor.nombre);
    eliminar_paquete(respuesta);
    return bien;
}

/* La persona va, cumple años del otro lado, y vuelve. */
static bool cumplir_anios(int conexion, const t_persona *persona) {
    t_buffer *payload = buffer_create(0);
    t_paquete *respuesta = NULL;
    t_persona vuelta;
    bool bien;

    if (escribir_persona(payload, persona) || fallar())
        respuesta = preguntar(conexion, CUMPLEANIOS, payload, PERSONA);
    buffer_destroy(payload);
    if (respuesta == NULL) return false;

    bien = leer_persona(respuesta->buffer, &vuelta) || fallar();
    /* Menos la edad, todo tiene que volver como se fue. Si los dos lados no escribieran y
     * leyeran en el mismo orden, es acá donde se empezaría a notar. */
    if (bien && (vuelta.dni != persona->dni || vuelta.pasaporte != persona->pasaporte ||
                 strcmp(vuelta.nombre, persona->nombre) != 0)) {
        fprintf(stderr, "¡Volvió otra persona!\n");
        bien = false;
    }
    if (bien)
        printf("%s (dni %u, pasaporte %u) ahora tiene %u.\n", vuelta.nombre, vuelta.dni,
               vuelta.pasaporte, vuelta.edad);
    free(vuelta.nombre);
    eliminar_paquete(respuesta);
    return bien;
}

/* ---------------------------------------------------------------------------
 * Los argumentos.
 * ------------------------------------------------------------------------- */

/* Arma la familia con los argumentos del programa, que la sobreviven: no hace falta copiar
 * los textos, y por eso tampoco se usa liberar_familia, que los liberaría. */
static bool conversar(int conexion, int cantidad, char **argumentos) {
    t_familia familia = {
        .apellido = argumentos[0],
        .domicilio = {.calle = argumentos[1], .numero = numero(argumentos[2])},
        .integrantes = calloc((size_t)cantidad, sizeof(t_persona)),
    };
    bool bien = familia.integrantes != NULL;

    /* Después del domicilio, de a cuatro: los de cada persona. */
    for (argumentos += 3; bien && familia.cantidad < (uint32_t)cantidad; argumentos += 4)
        familia.integrantes[familia.cantidad++] =
            (t_persona){.dni = numero(argumentos[0]),
                        .edad = (uint8_t)numero(argumentos[1]),
                        .pasaporte = numero(argumentos[2]),
                        .nombre = argumentos[3]};

    bien = bien && presentar(conexion, &familia) &&
           cumplir_anios(conexion, &familia.integrantes[0]);
    free(familia.integrantes);
    return bien;
}

int main(int argc, char **argv) {
    int de_personas = argc - 6; /* cuántos argumentos hablan de personas */
    bool apagar = argc == 4 && strcmp(argv[3], "apagar") == 0, bien;
    int conexion;

    if (!apagar && (de_personas < 4 || de_personas % 4 != 0)) {
        fprintf(stderr,
                "Uso: %s IP PUERTO APELLIDO CALLE NUMERO DNI EDAD PASAPORTE NOMBRE...\n"
                "     %s IP PUERTO apagar\n", argv[0], argv[0]);
        return EXIT_FAILURE;
    }
    conexion = crear_conexion(argv[1], argv[2]);
    if (conexion == -1) {
        fallar();
        return EXIT_FAILURE;
    }
    /* «apagar» es un mensaje sin payload: con el código está todo dicho. */
    if (apagar)
        bien = mandar_codigo(conexion, APAGARSE) || fallar();
    else
        bien = conversar(conexion, de_personas / 4, argv + 3);
    liberar_conexion(conexion);
    return bien ? EXIT_SUCCESS : EXIT_FAILURE;
}
