/* Cuatro clientes saludados mientras el proceso estaba en crear_conexion: uno que se fue, uno que mando un mensaje y se fue, uno que hizo RST, y
   uno que sigue. esperar_cliente entrega al del mensaje (con su mensaje: no se pierde) y al que sigue, en orden, y a los otros no.
   "A client that waited while the program was busy is served when the call comes, if it is still there"; issue: "nothing of it may ... lose a message". */
#include "mas.h"
static int puerto, lejos, c[4], r[4];
static void *clientes(void *x) {
    hasta_que_duerman(1); for (int i = 0; i < 4; i++) { c[i] = saludar(puerto); r[i] = respuesta(c[i], 20000); }
    mensaje_a_mano(c[1], "me voy"); irse(c[0]); irse(c[1]); struct linger l = {1, 0}; setsockopt(c[2], SOL_SOCKET, SO_LINGER, &l, sizeof l); close(c[2]); close(lejos); return x;
}
static int prueba(void) {
    setenv("TP0_ESPERA_MS", "60000", 1); int mudo;
    for (int v = 0; v < 2; v++) {
        lejos = escuchar_a_mano(&mudo); int s = tp0_iniciar_servidor("127.0.0.1", "0"); puerto = tp0_puerto(s); pthread_t t; pthread_create(&t, NULL, clientes, NULL);
        crear_conexion("127.0.0.1", texto_del_puerto(mudo)); pthread_join(t, NULL); usleep(100000); plazo(s, 1000);
        for (int i = 0; i < 4; i++) ESPERO(r[i] == 0, "al %d no se lo saludo mientras tanto: %d", i, r[i]);
        int a = esperar_cliente(s); char *m = tp0_recibir_mensaje(a); ESPERO(m && !strcmp(m, "me voy"), "el primero no es el del mensaje: %s", m ? m : tp0_error()); free(m);
        ESPERO(recibir_operacion(a) == -1 && errno == 0, "el del mensaje se fue bien, y dice: %s", tp0_error()); liberar_conexion(a);
        int b = esperar_cliente(s); mensaje_a_mano(c[3], "sigo"); m = b > 0 ? tp0_recibir_mensaje(b) : NULL; ESPERO(m && !strcmp(m, "sigo"), "el segundo no es el que sigue: %d, %s", b, m ? m : tp0_error()); free(m); liberar_conexion(b);
        b = esperar_cliente(s); ESPERO(b == -1 && errno == EAGAIN, "entrego a otro, que ya se habia ido (activa: %d)", tp0_conexion_activa(b)); close(c[3]); liberar_conexion(s);
    }
    return fallas != 0;
}
int main(void) { return vigilar(prueba); }
