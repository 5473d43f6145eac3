/* Un manejador con SA_RESTART hace fork en medio de recibir_operacion, o de esperar_cliente. Padre e hijo siguen: cada uno recibe lo suyo, el hijo
   libera y abre otra conexion en ese numero, y la del padre no se entera. */
#include "mas.h"
#include <sys/mman.h>
static volatile pid_t hijo = -1, *nacido; static void parte(int s) { (void)s; int e = errno; hijo = fork(); if (hijo) *nacido = hijo; else alarm(60); errno = e; }
int main(void) {
    struct sigaction a = {.sa_handler = parte, .sa_flags = SA_RESTART}; sigaction(SIGUSR1, &a, NULL); alarm(100); nacido = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); int puerto, escucha = escuchar_a_mano(&puerto), st;
    for (int modo = 0; modo < 6; modo++) { /* 0, 1: recibir (sin y con mensaje antes); 2, 3: esperar (sin y con handshake); 4, 5: lo mismo, con otro manejador que corta */
        if (modo == 4) { a.sa_flags = 0; sigaction(SIGUSR2, &a, NULL); }
        setenv("TP0_HANDSHAKE", modo > 1 && modo % 2 == 1 ? "1" : "no", 1); hijo = -1; *nacido = 0; pid_t yo = getpid(); int n, par = -1, m[2] = {7, 0}, z;
        if (modo < 2) { n = crear_conexion("127.0.0.1", texto_del_puerto(puerto)); par = aceptar_a_mano(escucha); if (modo) { mandar(par, m, 8); recibir_operacion(n); free(recibir_buffer(&z, n)); enviar_mensaje("x", n); } }
        else n = tp0_iniciar_servidor("127.0.0.1", "0");
        int p = modo < 2 ? 0 : tp0_puerto(n); pid_t k = fork();
        if (!k) { alarm(60); dormido(yo, yo, 20); kill(yo, SIGUSR1); HASTA(20, *nacido > 0); dormido(yo, yo, 20); dormido(*nacido, *nacido, 20); for (int i = 0; i < 2; i++) { if (modo < 2) mandar(par, m, 4); else { int c = conectar_a_mano(p), uno = 1, q; if (modo % 2 == 1) { mandar(c, &uno, 4); if (llega(c, &q, 4) != 4) { puts("MAL un cliente sin respuesta"); fflush(stdout); } } if (i == 0) usleep(100000); } usleep(200000); } pause(); _exit(0); }
        int c = modo < 2 ? recibir_operacion(n) : esperar_cliente(n), bien = modo < 2 ? c == 7 : c >= 0; int soy_hijo = hijo == 0; setenv("TP0_HANDSHAKE", "no", 1);
        if (!bien) { printf("MAL modo %d, %s: %d: %s\n", modo, soy_hijo ? "hijo" : "padre", c, tp0_error()); fflush(stdout); }
        int q = modo < 2 ? n : c;
        if (soy_hijo) { bien &= liberar_conexion(q) == 0; int o = crear_conexion("127.0.0.1", texto_del_puerto(puerto)), x = aceptar_a_mano(escucha); bien &= o == q && enviar_mensaje("hijo", o) == 0; mandar(x, m, 4); bien &= recibir_operacion(o) == 7; if (!bien) { printf("MAL modo %d: el hijo no pudo seguir: %s\n", modo, tp0_error()); fflush(stdout); } _exit(!bien); }
        fallas += !bien; if (hijo <= 0) { puts("MAL no hubo fork"); return 1; }
        waitpid(hijo, &st, 0); fallas += st != 0; ESPERO(enviar_mensaje("padre", q) == 0, "modo %d: la del padre quedo cortada: %s", modo, tp0_error()); kill(k, SIGKILL); waitpid(k, &st, 0); liberar_conexion(q); if (modo > 1) liberar_conexion(n);
    }
    return fallas != 0;
}
