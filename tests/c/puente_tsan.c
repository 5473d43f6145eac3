/*
 * LLVM, con el que se compila la biblioteca, llama así a tres funciones que el ThreadSanitizer de gcc intercepta por su
 * nombre de siempre.
 */
#include <string.h>

void *__tsan_memcpy(void *destino, const void *origen, size_t cuantos);
void *__tsan_memmove(void *destino, const void *origen, size_t cuantos);
void *__tsan_memset(void *destino, int byte, size_t cuantos);

void *__tsan_memcpy(void *destino, const void *origen, size_t cuantos)
{
	return memcpy(destino, origen, cuantos);
}

void *__tsan_memmove(void *destino, const void *origen, size_t cuantos)
{
	return memmove(destino, origen, cuantos);
}

void *__tsan_memset(void *destino, int byte, size_t cuantos)
{
	return memset(destino, byte, cuantos);
}
