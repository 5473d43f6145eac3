/* stdout es un FILE sin descriptor (open_memstream): "Me llego el mensaje ..." va por stdio, como siempre. Y con stdout cerrado, nada se cae. */
#include "comun.h"
static void recibir(const int *v) {
    ESPERO(enviar_mensaje("hola", v[0]) == 0, "no se envio"); ESPERO(recibir_operacion(v[1]) == 0, "no llego"); recibir_mensaje(v[1]);
}
int main(void) {
    FILE *antes = stdout; char *texto = NULL; size_t largo = 0; int v[2]; if (socketpair(AF_UNIX, SOCK_STREAM, 0, v)) return 2;
    FILE *en_memoria = open_memstream(&texto, &largo); stdout = en_memoria; recibir(v); fflush(en_memoria); stdout = antes;
    ESPERO(texto && strcmp(texto, "Me llego el mensaje hola\n") == 0, "en memoria quedo «%s»", texto ? texto : "(nada)");
    fclose(en_memoria); free(texto); fflush(stdout); close(1); recibir(v); return fallas != 0;
}
