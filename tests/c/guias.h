/*
 * Lo que tienen adelante los pedazos de C sueltos de las guías y los README: los headers que un programa de verdad incluiría, y
 * los códigos que nombran. Los que están marcados «comun» traen los suyos.
 */
#ifndef TP0_PRUEBAS_GUIAS_H_
#define TP0_PRUEBAS_GUIAS_H_

#include <commons/collections/list.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#ifndef TP0_GUIA_CON_LO_SUYO
#define TP0_SIN_OP_CODE
typedef enum { MENSAJE, PAQUETE, PERSONA, FIN_DE_ARCHIVO = 7 } op_code;
#include <tp0.h>
#endif

#endif
