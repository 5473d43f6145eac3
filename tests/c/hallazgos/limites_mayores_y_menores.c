/* Limite del entorno: 100. Una conexion con limite 1 MB (o 10), cerrada; su numero, un socket del programa (TCP o UNIX): tiene el del entorno, ni
   mas ni menos, al enviar y al recibir. */
#include "comun.h"
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); setenv("TP0_TAMANIO_MAXIMO", "100", 1); int puerto, escucha = escuchar_a_mano(&puerto), z; static char b[1008];
    for (int caso = 0; caso < 16; caso++) {
        int mayor = caso & 1, unix_ = caso & 2, recibir = caso & 4, dup = caso & 8, v[2]; tp0_opciones *o = tp0_opciones_crear(); tp0_opciones_tamanio_maximo(o, mayor ? 1 << 20 : 10);
        int n = tp0_crear_conexion("127.0.0.1", texto_del_puerto(puerto), o); aceptar_a_mano(escucha); tp0_opciones_destruir(o);
        if (!dup) close(n);
        if (unix_) socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v); else { v[0] = conectar_a_mano(puerto); v[1] = aceptar_a_mano(escucha); }
        if (dup) { dup2(v[0], n); close(v[0]); } else if (v[0] != n) { puts("el numero no se reuso"); return 2; }
        int bytes = mayor ? 1000 : 50, e; const char *q = mayor ? "mayor" : "menor";
        if (!recibir) {
            t_paquete *p = crear_paquete(); agregar_a_paquete(p, b, bytes - 4); int r = enviar_paquete(p, n); e = errno; ESPERO(r == (mayor ? -1 : 0) && (!mayor || e == EMSGSIZE), "%s, enviar %d por %s%s: %d (%s)", q, bytes, unix_ ? "UNIX" : "TCP", dup ? " con dup2" : "", r, tp0_error());
            int errores[1] = {0}; r = tp0_difundir(&n, 1, p, errores); ESPERO(errores[0] == (mayor ? EMSGSIZE : 0), "%s, difundir: %d", q, errores[0]); eliminar_paquete(p);
        } else {
            int cab[2] = {9, bytes}; memcpy(b, cab, 8); mandar(v[1], b, (size_t)bytes + 8); int c = recibir_operacion(n); char *s = recibir_buffer(&z, n); e = errno;
            ESPERO(c == 9 && (mayor ? s == NULL && e == EMSGSIZE : s != NULL && z == bytes), "%s, recibir %d por %s%s: codigo %d, %s (%s)", q, bytes, unix_ ? "UNIX" : "TCP", dup ? " con dup2" : "", c, s ? "anduvo" : "NULL", tp0_error() ? tp0_error() : ""); free(s);
        }
        close(n); close(v[1]);
    }
    return fallas != 0;
}
