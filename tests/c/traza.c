/*
 * Lo que la traza no puede arruinar: una conversación, aunque quien la lee desaparezca, o aunque nunca se haya podido escribir.
 *
 *   traza iniciar     inicia un servidor y dice cómo le fue
 *   traza muchos      conversa consigo mismo
 *   traza sin_lector  conversa consigo mismo con la salida de errores en un tubo del que nadie lee más
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <tp0.h>

#define MENSAJES 50

static void exigir(int condicion, const char *que)
{
	if (!condicion) {
		printf("mal: %s (errno %d: %s)\n", que, errno, tp0_error() == NULL ? "sin texto" : tp0_error());
		exit(EXIT_FAILURE);
	}
}

static int iniciar(void)
{
	int servidor = tp0_iniciar_servidor("127.0.0.1", "0");

	if (servidor == -1) {
		printf("%d: %s\n", errno, tp0_error());
		return EXIT_FAILURE;
	}
	printf("bien\n");
	liberar_conexion(servidor);
	return EXIT_SUCCESS;
}

static void *mandar(void *puerto)
{
	int conexion = crear_conexion("127.0.0.1", puerto);

	exigir(conexion != -1, "el cliente se conecta igual");
	for (int i = 0; i < MENSAJES; i++)
		exigir(enviar_mensaje("hola", conexion) == 0, "el cliente envía igual");
	liberar_conexion(conexion);
	return NULL;
}

static int sigpipe_pendiente(void)
{
	sigset_t pendientes;

	sigpending(&pendientes);
	return sigismember(&pendientes, SIGPIPE);
}

/* Recibe todo lo que manda el otro hilo. Si hay que cerrar algo, ya con el cliente adentro. */
static void conversar(int servidor, int para_cerrar)
{
	char puerto[16];
	pthread_t hilo;
	int cliente, recibidos = 0;

	snprintf(puerto, sizeof puerto, "%d", tp0_puerto(servidor));
	exigir(pthread_create(&hilo, NULL, mandar, puerto) == 0, "hay un hilo");
	cliente = esperar_cliente(servidor);
	exigir(cliente != -1, "llega un cliente");
	if (para_cerrar != -1)
		close(para_cerrar);
	while (recibir_operacion(cliente) == MENSAJE) {
		char *texto;
		int tamanio;

		texto = recibir_buffer(&tamanio, cliente);
		exigir(texto != NULL && strcmp(texto, "hola") == 0, "el mensaje llega igual");
		free(texto);
		recibidos++;
	}
	pthread_join(hilo, NULL);
	exigir(recibidos == MENSAJES, "llegan todos");
}

static int muchos(void)
{
	int servidor = tp0_iniciar_servidor("127.0.0.1", "0");

	exigir(servidor != -1, "el servidor arranca");
	conversar(servidor, -1);
	liberar_conexion(servidor);
	return EXIT_SUCCESS;
}

static int sin_lector(void)
{
	int tubo[2], servidor;
	sigset_t sigpipe, ahora;

	exigir(pipe(tubo) == 0 && dup2(tubo[1], STDERR_FILENO) == STDERR_FILENO, "un tubo por salida de errores");
	close(tubo[1]);
	servidor = tp0_iniciar_servidor("127.0.0.1", "0");
	exigir(servidor != -1, "el servidor arranca");
	/* Con la disposición de siempre, un SIGPIPE mataría al proceso acá adentro. */
	conversar(servidor, tubo[0]);
	exigir(!sigpipe_pendiente(), "no queda un SIGPIPE pendiente");

	/* El que ya estaba pendiente es del programa: tiene que seguir estando. */
	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &sigpipe, NULL);
	raise(SIGPIPE);
	exigir(liberar_conexion(tp0_iniciar_servidor("127.0.0.1", "0")) == 0, "lo que sigue anda, sin traza");
	exigir(sigpipe_pendiente(), "el SIGPIPE del programa sigue pendiente");
	pthread_sigmask(SIG_BLOCK, NULL, &ahora);
	exigir(sigismember(&ahora, SIGPIPE) == 1, "sigue bloqueado");
	liberar_conexion(servidor);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "iniciar") == 0)
		return iniciar();
	if (argc == 2 && strcmp(argv[1], "muchos") == 0)
		return muchos();
	if (argc == 2 && strcmp(argv[1], "sin_lector") == 0)
		return sin_lector();
	return 2;
}
