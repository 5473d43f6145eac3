/* persona_servidor.c -- recibe structs serializados y contesta con otros (ver persona.h).
 * Enseña los códigos de operación propios: tp0_recibir trae el mensaje entero, un switch
 * elige qué hacer y las buffer_read_* lo desarman. Lo mal armado no lo hace caer. */

#include <stdio.h>
#include <stdlib.h>
#include "persona.h"

/* No es razón para cortarle: ese mensaje ya se leyó entero, y el próximo va a empezar donde
 * tiene que empezar. */
static void no_entendi(int cliente, const char *que) {
    printf("No entendí %s. ¿El mismo orden y los mismos tipos de los dos lados?\n", que);
    mandar_codigo(cliente, NO_ENTENDI);
}

/* Se llama apenas falla algo, porque tp0_error() habla de la última llamada. Si el cliente
 * ya no está, además lo va a decir el próximo tp0_recibir. */
static void no_pude_contestar(void) {
    printf("No pude contestar: %s\n", tp0_error());
}

/* ---------------------------------------------------------------------------
 * Las operaciones.
 * ------------------------------------------------------------------------- */

/* El nombre del resumen es el de la familia: no se copia, y no hay que liberarlo. */
static t_resumen resumir(const t_familia *familia) {
    t_resumen resumen = {.mayor = familia->integrantes[0]};
    double suma = 0;

    for (uint32_t i = 0; i < familia->cantidad; i++) {
        t_persona una = familia->integrantes[i];

        suma += una.edad;
        if (una.edad < 18) resumen.hay_menores = true;
        if (una.edad > resumen.mayor.edad) resumen.mayor = una;
    }
    resumen.edad_promedio = suma / familia->cantidad; /* una familia vacía no se lee */
    return resumen;
}

/* Lo leído es una familia común y corriente: de acá en más los bytes no importan. */
static void mostrar(const t_familia *familia) {
    printf("Familia %s, de %s %u:\n", familia->apellido, familia->domicilio.calle,
           familia->domicilio.numero);
    for (uint32_t i = 0; i < familia->cantidad; i++) {
        t_persona una = familia->integrantes[i];

        printf("  - %s, %u años, dni %u, pasaporte %u\n", una.nombre, una.edad, una.dni,
               una.pasaporte);
    }
}

/* Una operación entera: leer, hacer, contestar y liberar. El payload recibido no se libera
 * acá, porque es del paquete; la familia sí, porque buffer_read_string copia los textos. */
static void atender_familia(int cliente, t_buffer *recibido) {
    t_familia familia = {0}; /* en cero: se la libera igual si se lee a medias */

    if (leer_familia(recibido, &familia)) {
        t_resumen resumen = resumir(&familia);
        t_buffer *payload = buffer_create(0); /* 0: crece solo, no hay tamaños que sumar */

        mostrar(&familia);
        /* Si faltara memoria a mitad de camino no se manda nada: un resumen incompleto
         * sería, para el que lo lee, un mensaje mal armado. */
        if (!escribir_resumen(payload, &resumen) || !mandar(cliente, RESUMEN, payload))
            no_pude_contestar();
        buffer_destroy(payload);
    } else {
        no_entendi(cliente, "a la familia");
    }
    liberar_familia(&familia);
}

/* La persona vuelve con un año más. Una edad de 255 volvería en 0: es un uint8_t, y lo es en
 * los dos lados; que el tipo alcance se decide al elegirlo, antes de serializar. */
static void atender_cumpleanios(int cliente, t_buffer *recibido) {
    t_persona persona;

    if (leer_persona(recibido, &persona)) {
        t_buffer *payload = buffer_create(0);

        persona.edad++;
        printf("%s cumplió %u.\n", persona.nombre, persona.edad);
        if (!escribir_persona(payload, &persona) || !mandar(cliente, PERSONA, payload))
            no_pude_contestar();
        buffer_destroy(payload);
    } else {
        no_entendi(cliente, "a la persona");
    }
    free(persona.nombre); /* NULL si no se la pudo leer, y entonces no hace nada */
}

/* ---------------------------------------------------------------------------
 * Los clientes.
 * ------------------------------------------------------------------------- */

/* Atiende a un cliente hasta que se va: el NULL de tp0_recibir es que terminó o que se cayó,
 * y en los dos casos no hay más que hacer con él. Devuelve si hay que seguir con otros. */
static bool atender(int cliente) {
    t_paquete *paquete;
    bool seguir = true;

    while (seguir && (paquete = tp0_recibir(cliente)) != NULL) {
        switch (paquete->codigo_operacion) {
        case FAMILIA:
            atender_familia(cliente, paquete->buffer);
            break;
        case CUMPLEANIOS:
            atender_cumpleanios(cliente, paquete->buffer);
            break;
        case APAGARSE:
            seguir = false;
            break;
        default:
            /* Su payload ya se leyó: para saltearlo alcanza con no usarlo. */
            printf("La operación %d no es para mí.\n", (int)paquete->codigo_operacion);
            mandar_codigo(cliente, NO_ENTENDI);
        }
        eliminar_paquete(paquete); /* el código y el payload; lo leído son copias */
    }
    return seguir;
}

int main(void) {
    int servidor, cliente;
    bool seguir = true;

    setvbuf(stdout, NULL, _IOLBF, 0);
    servidor = iniciar_servidor(); /* el puerto es TP0_PUERTO, o 4444 */
    if (servidor == -1) {
        fprintf(stderr, "%s\n", tp0_error());
        return EXIT_FAILURE;
    }
    printf("Escucho en el puerto %d.\n", tp0_puerto(servidor));

    /* De a un cliente por vez; para atender a muchos juntos, chat_servidor.c. */
    while (seguir && (cliente = esperar_cliente(servidor)) != -1) {
        seguir = atender(cliente);
        liberar_conexion(cliente);
    }
    /* Si nadie lo pidió, se rompió el socket que escucha. */
    if (seguir)
        fprintf(stderr, "%s\n", tp0_error());
    else
        printf("Me pidieron que me apague.\n");
    liberar_conexion(servidor);
    return seguir ? EXIT_FAILURE : EXIT_SUCCESS;
}
