/* Lo que comparten estos ataques, ademas de comun.h: un vigilante, esperar condiciones, clientes a mano, mirar /proc. */
#include "comun.h"
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
/* Corre la prueba en otro proceso (y grupo): si se cuelga o muere, lo dice. */
static inline int vigilar(int (*prueba)(void)) {
    pid_t k = fork(); if (!k) { setpgid(0, 0); prctl(PR_SET_PDEATHSIG, SIGKILL); int r = prueba(); fflush(stdout); _exit(r); }
    int st, seg = 100; setpgid(k, k);
    if (!HASTA(seg, waitpid(k, &st, WNOHANG) == k)) { kill(-k, SIGKILL); waitpid(k, &st, 0); printf("MAL colgado: paso de %d s\n", seg); return 1; }
    kill(-k, SIGKILL);
    if (WIFSIGNALED(st)) { printf("MAL murio con la senial %d\n", WTERMSIG(st)); return 1; }
    return WEXITSTATUS(st);
}
static inline int mi_tid(void) { return (int)syscall(SYS_gettid); }
static inline char estado(int pid, int tid) { char n[64], b[512] = {0}; snprintf(n, sizeof n, "/proc/%d/task/%d/stat", pid, tid); int f = open(n, O_RDONLY | O_CLOEXEC); if (f < 0) return 0; if (read(f, b, 511)) {} close(f); char *p = strrchr(b, ')'); return p ? p[2] : 0; }
/* Espera a que ese hilo duerma de corrido (20 miradas, 2 ms): esta bloqueado. */
static inline int dormido(int pid, int tid, double seg) { int v = 0; double h = ahora() + seg; while (v < 20 && ahora() < h) { v = estado(pid, tid) == 'S' ? v + 1 : 0; usleep(2000); } return v >= 20; }
/* Segundos de CPU del proceso. */
static inline double cpu(void) { struct rusage u; getrusage(RUSAGE_SELF, &u); return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6; }
/* La respuesta al handshake en ese plazo: 0, -1, 77 si no llego nada, 78 si cerro. */
static inline int respuesta(int s, int ms) { int r = 79; plazo(s, ms); ssize_t k = recv(s, &r, 4, MSG_WAITALL); return k == 4 ? r : k == 0 || errno == ECONNRESET ? 78 : 77; }
static inline int saludar(int puerto) { int s = conectar_a_mano(puerto), uno = 1; mandar(s, &uno, 4); return s; }
/* Manda a uno malo y espera a que lo rechacen. */
static inline void uno_malo(int puerto) { int s = conectar_a_mano(puerto), malo = 77; char b[8]; mandar(s, &malo, 4); plazo(s, 1000); while (recv(s, b, 8, 0) > 0) {} close(s); }
static inline void medio(int s, int h, int parte) { mandar(s, (char *)&h + 2 * parte, 2); }
static inline void manejar(int senial, void (*f)(int), int banderas) { struct sigaction a = {.sa_handler = f, .sa_flags = banderas}; sigaction(senial, &a, NULL); }
static inline void mensaje_a_mano(int s, const char *t) { int c[2] = {0, (int)strlen(t) + 1}; mandar(s, c, 8); mandar(s, t, strlen(t) + 1); }
/* La biblioteca sigue andando: un servidor, un cliente, un mensaje. */
static int usar_servidor_;
static inline void *usar_cliente_(void *x) { int c = crear_conexion("127.0.0.1", texto_del_puerto(tp0_puerto(usar_servidor_))); enviar_mensaje("hola", c); recibir_operacion(c); liberar_conexion(c); return x; }
static inline int usar(void) {
    pthread_t t; usar_servidor_ = tp0_iniciar_servidor("127.0.0.1", "0"); pthread_create(&t, NULL, usar_cliente_, NULL);
    int c = esperar_cliente(usar_servidor_); char *m = tp0_recibir_mensaje(c); int bien = m && !strcmp(m, "hola"); free(m);
    liberar_conexion(c); pthread_join(t, NULL); liberar_conexion(usar_servidor_); return bien;
}
