/* El codigo leido por recibir_operacion(N) es de esa conexion. Si N pasa a ser otra (close y otra, o dup2 encima), recibir_paquete, tp0_recibir y
   tp0_recibir_mensaje reciben de la nueva un mensaje entero. */
#include "comun.h"
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int puerto, escucha = escuchar_a_mano(&puerto), m[2] = {1, 0}, v[2];
    struct { int c, t, l; char s[5]; } paq = {1, 9, 5, "hola"}; char msj[13] = {0, 0, 0, 0, 5, 0, 0, 0, 'h', 'o', 'l', 'a', 0};
    for (int caso = 0; caso < 18; caso++) {
        int que = caso % 3, forma = caso / 3 % 3, dup = caso / 9; int n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), par = aceptar_a_mano(escucha);
        m[0] = que == 2 ? 0 : 1; mandar(par, m, 8); if (recibir_operacion(n) != m[0]) return 2;
        if (!dup) close(n);
        if (que == 0) { v[0] = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); v[1] = aceptar_a_mano(escucha); }
        if (que == 1) { v[0] = conectar_a_mano(puerto); v[1] = aceptar_a_mano(escucha); }
        if (que == 2) socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v);
        if (dup) { dup2(v[0], n); close(v[0]); } else if (v[0] != n) { puts("el numero no se reuso"); return 2; }
        plazo(n, 20000); const char *como = dup ? "dup2" : "close";
        if (forma == 0) { mandar(v[1], &paq, 17); t_list *l = recibir_paquete(n); ESPERO(l->elements_count == 1 && !strcmp(l->head->data, "hola"), "recibir_paquete, %s, %d: %d valores (%s)", como, que, l->elements_count, tp0_error()); tp0_liberar_lista(l); }
        if (forma == 1) { mandar(v[1], &paq, 17); t_paquete *p = tp0_recibir(n); ESPERO(p && p->codigo_operacion == 1 && p->buffer->size == 9, "tp0_recibir, %s, %d: %s", como, que, p ? "otro codigo o tamanio" : tp0_error()); eliminar_paquete(p); }
        if (forma == 2) { mandar(v[1], msj, 13); char *s = tp0_recibir_mensaje(n); ESPERO(s && !strcmp(s, "hola"), "tp0_recibir_mensaje, %s, %d: %s", como, que, s ? s : tp0_error()); free(s); }
        close(n); close(v[1]); close(par);
    }
    return fallas != 0;
}
