/* La funcion de tp0_atender cierra su cliente, abre una conexion propia que cae en ese numero, y sigue un rato. tp0_detener, vencido el plazo de
   cierre, corta a los clientes que quedan: no a la conexion del programa. */
#include "comun.h"
static int servidor, puerto2, igual; static volatile int mia = -1, se_detiene; static void f(int c, void *x) { (void)x; close(c); int n = conectar_a_mano(puerto2); igual = n == c; mia = n; while (!se_detiene) usleep(1000); usleep(1200000); }
static void *atiende(void *x) { tp0_atender(servidor, f, NULL); return x; }
int main(void) {
    setenv("TP0_HANDSHAKE", "no", 1); int escucha = escuchar_a_mano(&puerto2); tp0_opciones *o = tp0_opciones_crear(); tp0_opciones_sin_handshake(o); tp0_opciones_cierre_ms(o, 200);
    servidor = tp0_iniciar_servidor_con("127.0.0.1", "0", o); pthread_t t; pthread_create(&t, NULL, atiende, NULL);
    conectar_a_mano(tp0_puerto(servidor)); int par = aceptar_a_mano(escucha); if (!HASTA(20, mia >= 0) || !igual) { puts("el numero no se reuso"); return 2; }
    se_detiene = 1; int r = tp0_detener(servidor); char b[8]; ESPERO(r == 0, "tp0_detener: %d", r); pthread_join(t, NULL);
    ssize_t k = recv(par, b, 8, MSG_DONTWAIT); ESPERO(k == -1 && errno == EAGAIN, "al par de la conexion del programa le llego un fin (%zd)", k);
    ESPERO(send(mia, "hola", 4, MSG_NOSIGNAL) == 4, "la conexion del programa no envia: %s", strerror(errno));
    ESPERO(llega(par, b, 4) == 4, "no llego lo enviado"); return fallas != 0;
}
