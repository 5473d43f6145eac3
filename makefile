# libtp0: la capa de sockets del TP0.
#
#   make               compila la biblioteca (en target/release)
#   make herramienta   compila tp0, la que prueba, muestra y estorba a cualquier TP0; si está, install también la instala
#   make debug         la compila para seguirla con gdb (en target/debug)
#   make demo          compila los ejemplos, los hace conversar y controla lo que se dijeron
#   make test          corre las pruebas de la biblioteca; al final dice qué se salteó, y cómo instalar lo que falta
#   make test-herramienta  las de tp0, que también compila
#   make test-entrega  las de los documentos, los editores y los paquetes; como root, instala en un Debian que arma en target/tmp/jaulas
#   make de-cero       demo y test en Debian 12 y 13 recién instalados, sin permisos; hace falta ser root, y lleva diez minutos
#   make preparar      instala, con sudo, los programas que las pruebas usan y no están
#   make verdad        prueba a la herramienta: cada caso, con una falla plantada y con programas sanos, y muestra la tabla
#   make confianza     corre todo lo que cuenta la tabla de docs/confianza.md, y la escribe
#   make valgrind      la demo con cada programa bajo valgrind, sin tolerar un solo error
#   make fuzz          le da bytes cualesquiera, un minuto por objetivo (docs/fuzzing.md)
#   make verificadores memcheck, helgrind, AddressSanitizer y ThreadSanitizer
#   make miri          las pruebas que Miri puede seguir, y errores plantados que tiene que ver
#   make modelos       los protocolos sin cerrojos en todos los órdenes posibles, con loom, y errores plantados que tiene que ver
#   make maquinas      las otras: aarch64 (con qemu), musl (estática), y las de 32 bits y Windows, que no van
#   make manual        escribe man/ con lo que dicen los comentarios de include/tp0.h
#   make diagrama      dibuja, de las trazas de la demo, el diagrama de secuencia que muestra el README; y el de docs/trazar.md
#   make retrato       dibuja, de una corrida de tp0 en una terminal, la que muestra docs/probar.md
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

# La herramienta es otro crate, para que la biblioteca siga con las dependencias que tiene; y lo que precarga tp0 trazar, otro. Su manual
# y su completado salen de ella misma. Se arman aparte y se ponen en su lugar de una vez.
herramienta: con-cargo
	cargo build --release -p tp0-herramienta -p tp0-interposicion
	@set -e; t=$$(mktemp -d "$(DESTINO)/release/herramienta.XXXXXX"); trap 'rm -rf "$$t"' EXIT; \
	cp "$(DESTINO)/release/tp0" "$(DESTINO)/release/libtp0_trazar.so" "$$t"; "$$t/tp0" generar "$$t"; \
	chmod 755 "$$t"; rm -rf "$(DESTINO)/release/herramienta"; mv -T "$$t" "$(DESTINO)/release/herramienta"
	@echo 'Ya se puede usar: $(DESTINO)/release/tp0. Para escribir sólo «tp0», sudo make install, o make install PREFIX=$$HOME/.local.'

debug: con-cargo
	cargo build
	@$(MAKE) --no-print-directory instalable CONSTRUIDO="$(DESTINO)/debug"

demo:
	@$(MAKE) --no-print-directory -C c_examples demo
	@echo 'Ahora a mano: «c_examples/bin/servidor», que se termina con Ctrl-C, y en otra terminal «c_examples/bin/cliente c_examples/cliente.config».'

# El cliente, el servidor, el que no sabe presentarse y otro cliente: cada uno, una columna.
DE_LA_DEMO = cliente-1 servidor rechazado cliente-2

diagrama: con-cargo
	@set -e; trazas=$$(mktemp -d); trap 'rm -rf "$$trazas"' EXIT; \
	TRAZAS=$$trazas $(MAKE) --no-print-directory -C c_examples demo >/dev/null; \
	cargo run --quiet -p tp0-herramienta -- diagrama -o docs/demo $(DE_LA_DEMO:%="$$trazas/%.traza")
	@cargo build --quiet -p tp0-herramienta -p tp0-interposicion
	@DESTINO="$(abspath $(DESTINO))" herramienta/tests/c/a_mano.sh docs/trazar

retrato: con-cargo
	TP0_ESCRIBIR_RETRATO=1 cargo test --quiet -p tp0-herramienta --test ejemplos el_retrato

valgrind:
	@$(MAKE) --no-print-directory -C c_examples valgrind

# Hay pruebas que usan la biblioteca de release: tiene que estar compilada y al día.
test: all
	@tests/correr.sh biblioteca

test-herramienta: all
	@tests/correr.sh herramienta

test-entrega: all
	@tests/correr.sh entrega

manual: con-cargo
	cargo run --quiet -p tp0-manual -- include/tp0.h man

preparar:
	@tests/preparar.sh

de-cero:
	@tests/de_cero.sh

verdad: con-cargo
	@cargo test --quiet -p tp0-herramienta --test verdad -- --nocapture

# Con CONFIANZA_DIR no corre nada: escribe en docs/confianza.md lo que ya dejó ahí otra corrida.
confianza: $(if $(CONFIANZA_DIR),,all)
	tests/confianza.sh

fuzz:
	@tests/fuzz.sh

# Lo que se compila para medir no cuenta como tiempo de la medición.
bench: con-cargo
	cargo bench --bench banco

verificadores: all
	@tests/verificadores.sh

maquinas: all
	@tests/maquinas.sh

modelos:
	@tests/modelos.sh

miri:
	@tests/miri.sh

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

INSTALAR    = paquetes/instalar
BIBLIOTECA  = $(CONSTRUIDO)/instalable
HERRAMIENTA = $(CONSTRUIDO)/herramienta
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
dist: all herramienta
	@DIST="$(or $(DIST),$(DESTINO)/dist)" BIBLIOTECA="$(DESTINO)/release/instalable" HERRAMIENTA="$(DESTINO)/release/herramienta" \
	    paquetes/armar.sh tarball

deb: all herramienta
	@DIST="$(or $(DIST),$(DESTINO)/dist)" BIBLIOTECA="$(DESTINO)/release/instalable" HERRAMIENTA="$(DESTINO)/release/herramienta" \
	    paquetes/armar.sh deb

clean:
	@$(MAKE) --no-print-directory -C c_examples clean
	@if command -v cargo >/dev/null; then cargo clean; else rm -rf target; fi

.PHONY: all debug demo diagrama test test-herramienta test-entrega manual preparar de-cero herramienta verdad fuzz verificadores maquinas modelos miri confianza bench valgrind dist deb clean con-cargo estaticas instalable compilada
