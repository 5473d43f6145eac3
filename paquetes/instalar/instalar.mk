# install y uninstall: lo mismo en el repositorio y en la carpeta que arma «make dist».
#
# Quien lo incluye dice INSTALAR, la carpeta de este archivo, y BIBLIOTECA, la de lo compilado.

PREFIX     ?= /usr
DESTDIR    ?=
libdir     ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
mandir     ?= $(PREFIX)/share/man

ifeq ($(origin CC),default)
CC = gcc
endif

# Entre comillas, porque puede haber espacios.
install uninstall:
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" libdir="$(libdir)" includedir="$(includedir)" mandir="$(mandir)" \
	    BIBLIOTECA="$(BIBLIOTECA)" CC="$(CC)" sh "$(INSTALAR)/instalar.sh" $@

.PHONY: install uninstall
