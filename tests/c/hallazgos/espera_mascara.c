/* La mascara de seniales del programa: igual antes y despues de esperar_cliente, vuelva como vuelva; una senial que el programa bloqueo no
   corre durante la espera y queda pendiente despues; la funcion de tp0_atender ve la mascara del hilo que la llamo (la herencia de
   pthread_create). Lo que ganaria un programa de manual; "Code may change freely behind it": la mascara es del programa. */
#include "mas.h"
static int s, puerto; static volatile int usr2, ints; static pthread_t yo; static int mi, caso; static volatile int visto = -1;
static void u2(int x) { (void)x; usr2++; } static void in(int x) { (void)x; ints++; }
static sigset_t mia; static int iguales(void) { sigset_t b; pthread_sigmask(SIG_SETMASK, NULL, &b); for (int i = 1; i < 65; i++) if (i != 32 && i != 33 && sigismember(&b, i) != sigismember(&mia, i)) return 0; return 1; }
static void cli(int c, void *x) { (void)c; (void)x; visto = iguales(); pthread_kill(yo, SIGINT); }
static void *otro(void *x) {
    dormido(getpid(), mi, 20); int m = -1; if (caso & 4) { m = conectar_a_mano(puerto); medio(m, 1, 0); usleep(50000); }
    pthread_kill(yo, SIGUSR2); kill(getpid(), SIGUSR2); usleep(50000);
    if ((caso & 3) == 0) saludar(puerto); else if ((caso & 3) == 1) pthread_kill(yo, SIGINT); else if ((caso & 3) == 2) liberar_conexion(s);
    return x;
}
static int prueba(void) {
    manejar(SIGUSR2, u2, SA_RESTART); manejar(SIGINT, in, 0); yo = pthread_self(); mi = mi_tid();
    pthread_sigmask(SIG_SETMASK, NULL, &mia); sigaddset(&mia, SIGUSR2); sigaddset(&mia, SIGPIPE); sigaddset(&mia, SIGWINCH); sigaddset(&mia, SIGRTMIN + 3); pthread_sigmask(SIG_SETMASK, &mia, NULL);
    for (caso = 0; caso < 8; caso++) {
        s = tp0_iniciar_servidor("127.0.0.1", "0"); puerto = tp0_puerto(s); if ((caso & 3) == 3) plazo(s, 3000);
        pthread_t t; pthread_create(&t, NULL, otro, NULL); int c = esperar_cliente(s), e = errno; sigset_t p; sigpending(&p);
        int quiero[] = {0, EINTR, ECANCELED, EAGAIN}; ESPERO(c > 0 ? (caso & 3) == 0 : e == quiero[caso & 3], "caso %d: %d, %s", caso, c, strerror(e));
        ESPERO(iguales(), "caso %d: volvio con otra mascara", caso); ESPERO(usr2 == 0, "caso %d: corrio una senial bloqueada", caso);
        ESPERO(sigismember(&p, SIGUSR2), "caso %d: la senial bloqueada no quedo pendiente", caso); ESPERO(ints == caso / 4 + ((caso & 3) >= 1), "caso %d: %d SIGINT", caso, ints);
        pthread_join(t, NULL); liberar_conexion(s); liberar_conexion(c);
        while (sigismember(&p, SIGUSR2)) { int q; sigset_t u; sigemptyset(&u); sigaddset(&u, SIGUSR2); sigwait(&u, &q); sigpending(&p); }
    }
    s = tp0_iniciar_servidor("127.0.0.1", "0"); puerto = tp0_puerto(s); pthread_t t; caso = 7; ints = 0; pthread_create(&t, NULL, otro, NULL);
    int d = saludar(puerto);
    int r = tp0_atender(s, cli, NULL); ESPERO(r == -1 && errno == EINTR, "tp0_atender: %d", r); ESPERO(iguales(), "tp0_atender volvio con otra mascara");
    ESPERO(visto == 1, visto ? "nadie atendio" : "la funcion del cliente corre con otra mascara"); close(d); return fallas != 0;
}
int main(void) { return vigilar(prueba); }
