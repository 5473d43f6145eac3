#include <stdio.h>
#include <tp0.h>
int main(void) { return puts(tp0_version()) == EOF; }
