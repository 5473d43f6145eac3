# install y uninstall: lo mismo en el repositorio y en la carpeta que arma «make dist».
#
# Quien lo incluye dice INSTALAR, la carpeta de este archivo, y BIBLIOTECA y HERRAMIENTA, las de lo compilado.

PREFIX     ?= /usr
DESTDIR    ?=
bindir     ?= $(PREFIX)/bin
libdir     ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
mandir     ?= $(PREFIX)/share/man

ifeq ($(origin CC),default)
CC = gcc
endif

# Entre comillas, porque puede haber espacios.
install uninstall:
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" bindir="$(bindir)" libdir="$(libdir)" includedir="$(includedir)" mandir="$(mandir)" \
	    BIBLIOTECA="$(BIBLIOTECA)" HERRAMIENTA="$(HERRAMIENTA)" CC="$(CC)" sh "$(INSTALAR)/instalar.sh" $@

.PHONY: install uninstall
