# libtp0: la capa de sockets del TP0.
#
#   make               compila la biblioteca (en target/release)
#   make debug         la compila para seguirla con gdb (en target/debug)
#   make demo          compila los ejemplos, los hace conversar y controla lo que se dijeron
#   make test          corre todas las pruebas
#   make confianza     corre todo lo que cuenta la tabla de confianza de los README, y la escribe
#   make valgrind      la demo con cada programa bajo valgrind, sin tolerar un solo error
#   make fuzz          le da bytes cualesquiera, un minuto por objetivo (fuzz/LEEME.md)
#   make verificadores memcheck, helgrind, AddressSanitizer, ThreadSanitizer y Miri
#   make diagrama      dibuja, de las trazas de la demo, el diagrama de secuencia que muestra el README
#   make bench         mide, contra una implementación de manual y contra el límite; no llega a dos minutos
#   make install       instala lo ya compilado; hace falta poder escribir: sudo make install
#   make uninstall     borra exactamente lo que instaló
#   make clean         borra lo compilado
#
# install no llama a cargo ni usa la red. Para instalar en otro lado:
#   make install PREFIX=$HOME/.local

PREFIX     ?= /usr
DESTDIR    ?=
libdir     ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include

# El nombre, la versión y el Rust mínimo están escritos una sola vez, en Cargo.toml.
dato    = $(shell sed -n '/^\[package\]/,/^\[[^p]/s/^$(1) *= *"\([^"]*\)".*/\1/p' Cargo.toml)
NOMBRE  := $(call dato,name)
VERSION := $(call dato,version)
MINIMO  := $(call dato,rust-version)

# El SONAME cambia cuando cambia la ABI: con 0.x, la versión menor; desde 1.0, la mayor.
mayor  := $(word 1,$(subst ., ,$(VERSION)))
menor  := $(word 2,$(subst ., ,$(VERSION)))
LIB    := lib$(NOMBRE)
SONAME := $(LIB).so.$(if $(filter 0,$(mayor)),0.$(menor),$(mayor))

# Dónde compila cargo, y qué se instala: lo de release, o lo de debug si es lo único que hay.
DESTINO    := $(or $(CARGO_TARGET_DIR),target)
CONSTRUIDO ?= $(DESTINO)/$(if $(wildcard $(DESTINO)/release/$(LIB).so),release,$(if $(wildcard $(DESTINO)/debug/$(LIB).so),debug,release))

ifeq ($(origin CC),default)
CC = gcc
endif

# rustup deja cargo ahí, y una terminal abierta desde antes no se entera.
export PATH := $(PATH):$(HOME)/.cargo/bin

all: con-cargo
	cargo build --release
	@$(MAKE) --no-print-directory estaticas CONSTRUIDO="$(DESTINO)/release"

debug: con-cargo
	cargo build
	@$(MAKE) --no-print-directory estaticas CONSTRUIDO="$(DESTINO)/debug"

demo:
	@$(MAKE) --no-print-directory -C c_examples demo

# El cliente, el servidor, el que no sabe presentarse y otro cliente: cada uno, una columna.
DE_LA_DEMO = cliente-1 servidor rechazado cliente-2

diagrama: con-cargo
	@set -e; trazas=$$(mktemp -d); trap 'rm -rf "$$trazas"' EXIT; \
	TRAZAS=$$trazas $(MAKE) --no-print-directory -C c_examples demo >/dev/null; \
	cargo run --quiet --example secuencia -- -o docs/demo $(DE_LA_DEMO:%="$$trazas/%.traza")

valgrind:
	@$(MAKE) --no-print-directory -C c_examples valgrind

# Hay pruebas que instalan la biblioteca de release: tiene que estar compilada y al día.
test: all
	cargo test

# Con CONFIANZA_DIR no corre nada: escribe en los README lo que ya dejó ahí otra corrida.
confianza: $(if $(CONFIANZA_DIR),,all)
	tests/confianza.sh

fuzz:
	@tests/fuzz.sh

# Lo que se compila para medir no cuenta como tiempo de la medición.
bench: con-cargo
	cargo bench --bench banco

verificadores: all
	@tests/verificadores.sh

# Quien enlaza $(LIB).a tiene que agregar lo que usa la biblioteca estándar de Rust, y
# eso depende del compilador: se le pregunta al compilar, porque install no puede.
estaticas:
	@[ -s "$(CONSTRUIDO)/$(LIB).estaticas" ] && \
	 [ ! "$(CONSTRUIDO)/$(LIB).a" -nt "$(CONSTRUIDO)/$(LIB).estaticas" ] || { \
	    t=$$(mktemp -d) && trap 'rm -rf "$$t"' EXIT && : >"$$t/vacia.rs" && \
	    $${RUSTC:-rustc} --crate-type staticlib -o "$$t/vacia.a" "$$t/vacia.rs" \
	        --print native-static-libs="$(CONSTRUIDO)/$(LIB).estaticas" 2>"$$t/error" && \
	    [ -s "$(CONSTRUIDO)/$(LIB).estaticas" ] || { cat "$$t/error" >&2; exit 1; }; \
	}

con-cargo:
	@version=$$(cargo --version 2>/dev/null | cut -d ' ' -f 2); \
	printf '%s\n' "$(MINIMO)" "$${version:-0}" | sort -VC || { \
	    echo "Para compilar hace falta cargo $(MINIMO) o más nuevo (acá: $${version:-ninguno})." \
	         "Debian 13: «sudo apt install cargo»; Debian 12: «sudo apt install cargo-web»;" \
	         "Ubuntu 24.04 o más: «sudo apt install rustup && rustup default stable»;" \
	         "si no, https://rustup.rs" >&2; \
	    exit 1; \
	}

# --- Instalar ---------------------------------------------------------------------

# Entre comillas, porque un DESTDIR puede tener espacios.
INSTALADOS = \
    "$(DESTDIR)$(libdir)/$(LIB).so.$(VERSION)" \
    "$(DESTDIR)$(libdir)/$(SONAME)" \
    "$(DESTDIR)$(libdir)/$(LIB).so" \
    "$(DESTDIR)$(libdir)/$(LIB).a" \
    "$(DESTDIR)$(libdir)/pkgconfig/$(NOMBRE).pc" \
    "$(DESTDIR)$(includedir)/$(NOMBRE).h"

# Lo que va en $(NOMBRE).pc; cada @estaticas@ se completa al instalar.
define PC
prefix=$(PREFIX)
libdir=$(libdir)
includedir=$(includedir)

Name: $(LIB)
Description: La capa de sockets del TP0, con interfaz de C
Version: $(VERSION)
Libs: -L$${libdir} -l$(NOMBRE)
Libs.private: @estaticas@
Cflags: -I$${includedir}
endef

define PROGRAMA
#include <stdio.h>
#include <$(NOMBRE).h>
int main(void) { return puts(tp0_version()) == EOF; }
endef

export PC PROGRAMA

# Define sin_permiso y exigir_permiso, que mira el primer directorio que ya existe
# yendo hacia arriba: los que faltan los crea install.
define permisos
sin_permiso() { \
    echo "No puedo escribir en $$1: probá «sudo make $@», o elegí otro lugar con PREFIX=\$$HOME/.local" >&2; \
    exit 1; \
}; \
exigir_permiso() { \
    d=$$1; while [ ! -e "$$d" ]; do d=$$(dirname "$$d"); done; \
    [ -d "$$d" ] && [ -w "$$d" ] || sin_permiso "$$d"; \
}
endef

# Primero se mira todo lo que podría faltar y se arma todo en un temporal; recién
# entonces se copia: o queda entera o no queda nada.
#
# Los símbolos de la .a se vuelven débiles para que enlace también un programa que define
# su propio logger o su propia crear_paquete. Sólo los que exporta la .so: --weaken a secas
# debilita también las referencias de Rust, y los programas enlazan y después se caen.
install:
	@[ -f "$(CONSTRUIDO)/$(LIB).so" ] && [ -f "$(CONSTRUIDO)/$(LIB).a" ] && \
	 [ -s "$(CONSTRUIDO)/$(LIB).estaticas" ] || { \
	    echo "Todavía no está compilada: primero corré make." >&2; exit 1; }
	@for programa in $(CC) nm objcopy; do \
	    command -v $$programa >/dev/null || { \
	        echo "Falta $$programa: sudo apt install gcc binutils" >&2; exit 1; }; \
	done
	@$(permisos); \
	for directorio in "$(DESTDIR)$(libdir)/pkgconfig" "$(DESTDIR)$(libdir)" "$(DESTDIR)$(includedir)"; do \
	    exigir_permiso "$$directorio"; \
	done; \
	set -e; t=$$(mktemp -d); trap 'rm -rf "$$t"' EXIT; \
	nm -D --defined-only "$(CONSTRUIDO)/$(LIB).so" | awk '{ print $$NF }' >"$$t/exportados"; \
	test -s "$$t/exportados"; \
	objcopy --strip-debug --weaken-symbols="$$t/exportados" "$(CONSTRUIDO)/$(LIB).a" "$$t/$(LIB).a"; \
	printf '%s\n' "$$PC" | sed "s|@estaticas@|$$(cat "$(CONSTRUIDO)/$(LIB).estaticas")|" >"$$t/$(NOMBRE).pc"; \
	for directorio in "$(DESTDIR)$(libdir)/pkgconfig" "$(DESTDIR)$(includedir)"; do \
	    mkdir -p "$$directorio" 2>/dev/null || sin_permiso "$$directorio"; \
	done; \
	install -m 755 "$(CONSTRUIDO)/$(LIB).so" "$(DESTDIR)$(libdir)/$(LIB).so.$(VERSION)"; \
	ln -sfn $(LIB).so.$(VERSION) "$(DESTDIR)$(libdir)/$(SONAME)"; \
	ln -sfn $(SONAME) "$(DESTDIR)$(libdir)/$(LIB).so"; \
	install -m 644 "$$t/$(LIB).a" "$(DESTDIR)$(libdir)/$(LIB).a"; \
	install -m 644 "$$t/$(NOMBRE).pc" "$(DESTDIR)$(libdir)/pkgconfig/$(NOMBRE).pc"; \
	install -m 644 include/$(NOMBRE).h "$(DESTDIR)$(includedir)/$(NOMBRE).h"; \
	echo "Instalé lo que había en $(CONSTRUIDO):"; \
	printf '  %s\n' $(INSTALADOS)
	@$(actualizar_loader)
	@$(probar_instalada)

# ldconfig es para el sistema de verdad, y sólo root puede.
define actualizar_loader
if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then \
    PATH="$$PATH:/sbin:/usr/sbin"; ! command -v ldconfig >/dev/null || ldconfig; \
fi
endef

# Tres líneas de C contra lo que quedó instalado, con la .so y con la .a. Si está donde
# gcc y el loader buscan solos no se les indica nada: es lo que va a hacer cada TP.
define probar_instalada
t=$$(mktemp -d) || exit 1; trap 'rm -rf "$$t"' EXIT; \
printf '%s\n' "$$PROGRAMA" >"$$t/prueba.c"; \
case "$(DESTDIR)$(libdir)" in \
    /usr/lib|/usr/local/lib) set --;; \
    *) set -- "-I$(DESTDIR)$(includedir)" "-L$(DESTDIR)$(libdir)"; \
       export LD_LIBRARY_PATH="$(DESTDIR)$(libdir)";; \
esac; \
for enlace in "-l$(NOMBRE)" "-l:$(LIB).a $$(cat "$(CONSTRUIDO)/$(LIB).estaticas")"; do \
    $(CC) "$$t/prueba.c" -o "$$t/prueba" "$$@" $$enlace && \
    [ "$$("$$t/prueba")" = "$(VERSION)" ] || { \
        echo "Quedó copiada, pero un programa de tres líneas no anda con $$enlace." >&2; exit 1; }; \
done; \
echo "Compilé y corrí un programa de tres líneas con ella."; \
[ $$# -eq 0 ] || [ -n "$(DESTDIR)" ] || \
    echo "Como no está en /usr: compilá con $$* -l$(NOMBRE) y corré con LD_LIBRARY_PATH=$(libdir)"; \
echo "listo: agregá $(NOMBRE) a LIBS"
endef

uninstall:
	@$(permisos); \
	for archivo in $(INSTALADOS); do \
	    [ ! -e "$$archivo" ] && [ ! -L "$$archivo" ] || exigir_permiso "$$(dirname "$$archivo")"; \
	done; \
	rm -f $(INSTALADOS)
	@$(actualizar_loader)

clean:
	@$(MAKE) --no-print-directory -C c_examples clean
	@if command -v cargo >/dev/null; then cargo clean; else rm -rf target; fi

.PHONY: all debug demo diagrama test fuzz verificadores confianza bench install uninstall valgrind clean con-cargo estaticas
