/* Una conexion de la biblioteca cerrada con close(), y su numero usado por un socket del programa: no hereda ni su limite, ni su codigo,
   ni su handshake. El codigo que se lee de el, en cambio, es suyo, aunque sea lo primero que se hace con el. */
#include "comun.h"
static int servidor;
static void *aceptar(void *x) { while (esperar_cliente(servidor) >= 0) {} return x; }
int main(void) {
    servidor = tp0_iniciar_servidor("127.0.0.1", "0"); pthread_t t; pthread_create(&t, NULL, aceptar, NULL);
    char p[8]; snprintf(p, sizeof p, "%d", tp0_puerto(servidor));
    int puerto, escucha = escuchar_a_mano(&puerto);
    tp0_opciones *o = tp0_opciones_crear(); tp0_opciones_tamanio_maximo(o, 10);
    int fd = tp0_crear_conexion("127.0.0.1", p, o); hasta_que_duerman(1); close(fd);
    int f2 = conectar_a_mano(puerto), par = aceptar_a_mano(escucha);
    if (f2 != fd) { puts("el numero no se reuso"); return 2; }
    ESPERO(enviar_mensaje("0123456789ABCDEF", f2) == 0, "el limite de 10 era de la otra: %s", tp0_error());
    char b[13] = {0, 0, 0, 0, 5, 0, 0, 0, 'h', 'o', 'l', 'a', 0}; mandar(par, b, 13);
    int codigo = recibir_operacion(f2); char *s = tp0_recibir_mensaje(f2);
    ESPERO(codigo == 0 && s && !strcmp(s, "hola"), "codigo %d, texto %s: %s", codigo, s ? s : "NULL", tp0_error()); free(s);
    fd = crear_conexion("127.0.0.1", p); hasta_que_duerman(1); close(fd); int f4 = conectar_a_mano(puerto), par4 = aceptar_a_mano(escucha); if (f4 != fd) { puts("el numero no se reuso"); return 2; }
    mandar(par4, b, 13); codigo = recibir_operacion(f4); s = tp0_recibir_mensaje(f4); ESPERO(codigo == 0 && s && !strcmp(s, "hola"), "lo primero: codigo %d, texto %s: %s", codigo, s ? s : "NULL", tp0_error()); free(s);
    int32_t h = 77; fd = crear_conexion("127.0.0.1", p); hasta_que_duerman(1); liberar_conexion(fd);
    int f3 = conectar_a_mano(puerto); aceptar_a_mano(escucha);
    for (int vez = 1; vez <= 2; vez++) ESPERO(tp0_handshake(f3, &h) == 0, "vez %d: dice que hubo handshake, %d", vez, h);
    return fallas != 0;
}
