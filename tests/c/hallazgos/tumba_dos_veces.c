/* Un numero que fue tumba, lo cerro el programa, y despues de otras 40 terminadas es tumba otra vez: sigue reservado hasta que terminen 64 despues
   de la segunda vez (recv da 0, nadie recibe ese numero), no despues de la primera; y pasadas esas, se cierra y el numero vuelve. */
#include "comun.h"
static int escucha, puerto, n; static int muere(void) { int x = conectar_a_mano(puerto), y = aceptar_a_mano(escucha), q = x; recibir_operacion((close(x), y)); return q == n || y == n; }
int main(void) {
    escucha = escuchar_a_mano(&puerto); int x = conectar_a_mano(puerto); n = aceptar_a_mano(escucha); close(x); recibir_operacion(n); close(n);
    int tapon = open("/dev/null", O_RDONLY | O_CLOEXEC); dup2(tapon, n); close(tapon); /* ocupa n */
    for (int i = 0; i < 40; i++) muere();
    x = conectar_a_mano(puerto); int y = aceptar_a_mano(escucha); close(x); dup2(y, n); close(y); recibir_operacion(n); /* la segunda vez */
    int k = 1; while (k <= 100 && !muere()) k++; /* el menor numero libre es n apenas se la entierra */
    ESPERO(k > 64, "la tumba se cerro cuando habian terminado %d despues (son 64)", k - 1); ESPERO(k <= 70, "terminadas 70, sigue reservada");
    return fallas != 0;
}
