# libtp0: la capa de sockets del TP0.
#
#   make               compila la biblioteca (en target/release)
#   make debug         la compila para seguirla con gdb (en target/debug)
#   make demo          compila los ejemplos, los hace conversar y controla lo que se dijeron
#   make test          corre todas las pruebas; las de lo que se instala, como root, en un Debian que arman en target/tmp/jaulas
#   make confianza     corre todo lo que cuenta la tabla de confianza de los README, y la escribe
#   make valgrind      la demo con cada programa bajo valgrind, sin tolerar un solo error
#   make fuzz          le da bytes cualesquiera, un minuto por objetivo (fuzz/LEEME.md)
#   make verificadores memcheck, helgrind, AddressSanitizer, ThreadSanitizer y Miri
#   make diagrama      dibuja, de las trazas de la demo, el diagrama de secuencia que muestra el README
#   make bench         mide, contra una implementación de manual y contra el límite; no llega a dos minutos
#   make install       instala lo ya compilado; hace falta poder escribir: sudo make install
#   make uninstall     borra exactamente lo que instaló
#   make dist          arma el .tar.gz que se instala sin Rust (en target/dist)
#   make deb           arma los paquetes de Debian y Ubuntu (en target/dist)
#   make clean         borra lo compilado
#
# install no llama a cargo ni usa la red. Para instalar en otro lado:
#   make install PREFIX=$HOME/.local

# El nombre, la versión y el Rust mínimo están escritos una sola vez, en Cargo.toml.
dato    = $(shell sed -n '/^\[package\]/,/^\[[^p]/s/^$(1) *= *"\([^"]*\)".*/\1/p' Cargo.toml)
NOMBRE  := $(call dato,name)
VERSION := $(call dato,version)
MINIMO  := $(call dato,rust-version)
LIB     := lib$(NOMBRE)

# Dónde compila cargo, y qué se instala: lo de release, o lo de debug si es lo único que hay.
DESTINO    := $(or $(CARGO_TARGET_DIR),target)
CONSTRUIDO ?= $(DESTINO)/$(if $(wildcard $(DESTINO)/release/$(LIB).so),release,$(if $(wildcard $(DESTINO)/debug/$(LIB).so),debug,release))

# rustup deja cargo ahí, y una terminal abierta desde antes no se entera.
export PATH := $(PATH):$(HOME)/.cargo/bin

all: con-cargo
	cargo build --release
	@$(MAKE) --no-print-directory instalable CONSTRUIDO="$(DESTINO)/release"

debug: con-cargo
	cargo build
	@$(MAKE) --no-print-directory instalable CONSTRUIDO="$(DESTINO)/debug"

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

# --- Instalar y empaquetar --------------------------------------------------------

INSTALAR   = paquetes/instalar
BIBLIOTECA = $(CONSTRUIDO)/instalable
include $(INSTALAR)/instalar.mk

# Lo que install copia y lo que llevan los paquetes. Los símbolos de la .a se vuelven
# débiles para que enlace también un programa que define su propio logger o su propia
# crear_paquete. Sólo los que exporta la .so: --weaken a secas debilita también las
# referencias de Rust, y los programas enlazan y después se caen.
instalable: estaticas
	@for programa in nm objcopy; do \
	    command -v $$programa >/dev/null || { \
	        echo "Falta $$programa: sudo apt install binutils" >&2; exit 1; }; \
	done
	@$(al_dia) || { \
	    set -e; t=$$(mktemp -d "$(BIBLIOTECA).XXXXXX"); trap 'rm -rf "$$t"' EXIT; \
	    nm -D --defined-only "$(CONSTRUIDO)/$(LIB).so" | awk '{ print $$NF }' >"$$t/exportados"; \
	    test -s "$$t/exportados"; \
	    objcopy --strip-debug --enable-deterministic-archives --weaken-symbols="$$t/exportados" \
	        "$(CONSTRUIDO)/$(LIB).a" "$$t/$(LIB).a"; \
	    rm "$$t/exportados"; \
	    cp "$(CONSTRUIDO)/$(LIB).estaticas" "$$t"; \
	    cp "$(CONSTRUIDO)/$(LIB).so" "$$t/$(LIB).so.$(VERSION)"; \
	    chmod 755 "$$t"; rm -rf "$(BIBLIOTECA)"; mv -T "$$t" "$(BIBLIOTECA)"; \
	}

al_dia = [ -f "$(BIBLIOTECA)/$(LIB).a" ] && [ ! "$(CONSTRUIDO)/$(LIB).a" -nt "$(BIBLIOTECA)/$(LIB).a" ]

install: compilada

compilada:
	@$(al_dia) || { echo "Todavía no está compilada, o cambió desde entonces: primero corré make." >&2; exit 1; }

# DIST es dónde quedan.
dist: all
	@DIST="$(or $(DIST),$(DESTINO)/dist)" BIBLIOTECA="$(DESTINO)/release/instalable" paquetes/armar.sh tarball

deb: all
	@DIST="$(or $(DIST),$(DESTINO)/dist)" BIBLIOTECA="$(DESTINO)/release/instalable" paquetes/armar.sh deb

clean:
	@$(MAKE) --no-print-directory -C c_examples clean
	@if command -v cargo >/dev/null; then cargo clean; else rm -rf target; fi

.PHONY: all debug demo diagrama test fuzz verificadores confianza bench valgrind dist deb clean con-cargo estaticas instalable compilada
