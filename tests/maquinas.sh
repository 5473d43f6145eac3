#!/usr/bin/env bash
# Las otras máquinas: aarch64, emulada con qemu; musl, enlazada estática; y las de 32 bits y los otros sistemas, que no van y lo dicen.
#
#   tests/maquinas.sh                  todas (necesita make antes)
#   tests/maquinas.sh aarch64 musl     sólo esas
#
# En aarch64: las pruebas unitarias, la demo de los ejemplos en C, la matriz de fallas, y los hallazgos que no necesitan root. La prueba corre
# acá; lo emulado es la biblioteca y cada programa C. qemu traduce para un procesador que ordena la memoria mejor que un ARM: lo que
# puede verse de eso lo ven los modelos, no esto.
#
# Cada máquina demuestra primero que ve lo que acá no se ve: un defecto plantado (tests/c/plantado_maquina.c).
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh

unset TP0_IP TP0_PUERTO TP0_HANDSHAKE TP0_ESPERA_MS TP0_TAMANIO_MAXIMO TP0_TRAZA MAKEFLAGS MAKELEVEL
con_temporal

# Donde compila cargo: las pruebas lo buscan por su camino entero.
case ${CARGO_TARGET_DIR:=$PWD/target} in /*) ;; *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac
export CARGO_TARGET_DIR

ARM=aarch64-unknown-linux-gnu
MUSL=x86_64-unknown-linux-musl
I686=i686-unknown-linux-gnu
WINDOWS=x86_64-pc-windows-gnu

# Los hallazgos que no se corren emulados, y por qué: NOMBRE|RAZÓN
SIN_EMULAR=(
    'dos_direcciones|necesita un /etc/hosts propio, y eso, ser root'
    'dos_en_localhost|necesita un /etc/hosts propio, y eso, ser root'
    'paquete_de_vacios|recorre decenas de millones de valores: emulado no termina en dos minutos'
    'fork_en_manejador|se da nueve segundos, y sus pausas ya son ocho'
    'numeros_limite_y_codigo|qemu contesta TCP_INFO cortada en 4 bytes, y de ahí sale si alguien leyó'
    'sigterm_perdido|emulado se pierde alguna señal, y no se sabe por qué; acá anda'
)

fallas=0
casos=0
bien=0
# caso QUÉ ORDEN...: cuenta, y dice cuánto tardó; si falla, muestra el final de lo que dijo y sigue.
caso() {
    local que=$1 desde=$SECONDS
    shift
    casos=$((casos + 1))
    if "$@" >"$t/dicho" 2>&1; then
        bien=$((bien + 1))
        echo "$que: bien, en $((SECONDS - desde)) s"
        grep '^anduvieron a la segunda' "$t/dicho" || :
    else
        tail -n 80 "$t/dicho" >&2
        echo "FALLÓ: $que, en $((SECONDS - desde)) s" >&2
        fallas=$((fallas + 1))
    fi
}

# hace_falta MÁQUINA TARGET COMANDO:PAQUETE...: si está todo; lo que falta se dice por su nombre.
hace_falta() {
    local maquina=$1 target=$2 par
    shift 2
    if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
        saltear "$maquina" "falta la biblioteca de Rust de esa máquina: rustup target add $target"
        return 1
    fi
    for par in "$@"; do
        command -v "${par%%:*}" >/dev/null || { saltear "$maquina" "falta ${par%%:*}: sudo apt install ${par##*:}"; return 1; }
    done
}

# plantado DEFECTO COMPILAR...: acá no se ve, y en la otra máquina sí. COMPILAR lo deja en $t/alla; se lo corre con $EMULADOR.
plantado() {
    caso "el defecto plantado «$1»: en esta máquina no se ve" en_esta "$1"
    caso "el defecto plantado «$1»: en la otra, sí" en_la_otra "$@"
}

en_esta() {
    gcc -pthread -Iinclude -o "$t/aca" tests/c/plantado_maquina.c -L"$CARGO_TARGET_DIR/release" -ltp0 \
        -Wl,-rpath,"$CARGO_TARGET_DIR/release" && "$t/aca" "$1"
}

# Con un defecto que no existe termina con 2: así se sabe que corre, y que es el defecto lo que falla.
en_la_otra() {
    local defecto=$1 salida=0
    shift
    "$@" || return
    # Sin comillas: son varias palabras.
    # shellcheck disable=SC2086
    $EMULADOR "$t/alla" ninguno || salida=$?
    [ "$salida" -eq 2 ] || { echo "no corre: terminó con $salida"; return 1; }
    # shellcheck disable=SC2086
    ! $EMULADOR "$t/alla" "$defecto" || { echo 'el defecto plantado no se ve'; return 1; }
}

# ejemplos CC LIBDIR VARIABLES DE MAKE...: los ejemplos en C, para esa máquina.
ejemplos() {
    local cc=$1 libdir=$2
    shift 2
    rm -rf "$t/bin"
    make -C c_examples all CC="$cc" LIBDIR="$libdir" INCLUDE=../include BIN="$t/bin" "$@"
}

# emuladas FILTRO [ARGUMENTOS]: pruebas de tests/fallas con los programas emulados. La que falla se corre otra vez, sola: qemu es tan lento que a
# veces no llega a un plazo, y un defecto falla siempre. La que anduvo a la segunda se dice.
emuladas() {
    local fallaron
    env -u CONFIANZA_DIR cargo test --test fallas -- "$@" >"$t/primera" 2>&1 && return 0
    fallaron=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$t/primera")
    [ -n "$fallaron" ] || { cat "$t/primera"; return 1; }
    # Sin comillas: son varias palabras.
    # shellcheck disable=SC2086
    env -u CONFIANZA_DIR cargo test --test fallas -- --exact --test-threads=1 $fallaron || return 1
    echo "anduvieron a la segunda:" $fallaron
}

demo() { BIN=$t/bin PREFIJO=$EMULADOR PLAZO=120 sh c_examples/demo.sh; }

# --- aarch64 -----------------------------------------------------------------------------------------------------------

aarch64() {
    casos=0 bien=0
    hace_falta aarch64 "$ARM" aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64:qemu-user || return 0
    [ -f /usr/aarch64-linux-gnu/include/stdio.h ] || { saltear aarch64 'falta libc: sudo apt install libc6-dev-arm64-cross'; return 0; }
    EMULADOR='qemu-aarch64 -L /usr/aarch64-linux-gnu'
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=$EMULADOR
    local lib=$CARGO_TARGET_DIR/$ARM/debug nombres=() excluido

    caso 'aarch64: compila' cargo build --lib --target "$ARM"
    plantado signo aarch64-linux-gnu-gcc -pthread -Iinclude -o "$t/alla" tests/c/plantado_maquina.c -L"$lib" -ltp0 -Wl,-rpath,"$lib"
    caso 'aarch64: las pruebas unitarias' cargo test --lib --target "$ARM"
    caso 'aarch64: compila los ejemplos en C' ejemplos aarch64-linux-gnu-gcc "$lib" CFLAGS='-g -Werror'
    caso 'aarch64: la demo' demo

    export MAQUINA_CC=aarch64-linux-gnu-gcc MAQUINA_BIBLIOTECA=$lib MAQUINA_EMULADOR=$EMULADOR
    caso 'aarch64: la matriz de fallas' emuladas matriz::
    for excluido in "${SIN_EMULAR[@]}"; do
        saltear_siempre "aarch64: ${excluido%%|*}" "${excluido#*|}"
        nombres+=(--skip "${excluido%%|*}")
    done
    caso 'aarch64: los hallazgos' emuladas hallazgos:: "${nombres[@]}"
    unset MAQUINA_CC MAQUINA_BIBLIOTECA MAQUINA_EMULADOR
    fila aarch64 "$casos" "$bien" 'etapas bajo qemu; un defecto plantado, visto'
}

# --- musl --------------------------------------------------------------------------------------------------------------

# sin_interprete: cada ejemplo es estático, y de glibc no tiene nada.
sin_interprete() {
    local programa
    for programa in "$t"/bin/*; do
        ! readelf -lW "$programa" | grep -q 'INTERP' || { echo "$programa no es estático"; return 1; }
        ! grep -aq 'GNU C Library' "$programa" || { echo "$programa tiene glibc adentro"; return 1; }
    done
}

musl() {
    casos=0 bien=0
    hace_falta musl "$MUSL" musl-gcc:musl-tools || return 0
    EMULADOR=
    local lib=$CARGO_TARGET_DIR/$MUSL/debug/libtp0.a de_rust
    # El libunwind de Rust: el de gcc que usaría musl-gcc está hecho para glibc.
    de_rust=$(rustc --print sysroot)/lib/rustlib/$MUSL/lib/self-contained
    local enlace=(-static -no-pie "$lib" "-L$de_rust" -lunwind)
    caso 'musl: compila' cargo rustc --lib --target "$MUSL" --crate-type staticlib
    plantado pila musl-gcc -pthread -Iinclude -o "$t/alla" tests/c/plantado_maquina.c "${enlace[@]}"
    caso 'musl: compila los ejemplos en C' ejemplos musl-gcc "${lib%/*}" CFLAGS='-g -Werror' ENLACE="-I../include ${enlace[*]}"
    caso 'musl: son estáticos' sin_interprete
    caso 'musl: la demo' demo
    fila musl "$casos" "$bien" 'etapas, con programas estáticos; un defecto plantado, visto'
}

# --- 32 bits, y otros sistemas -----------------------------------------------------------------------------------------

# un_error TARGET POR_QUÉ OPCIONES DE CARGO...: el que nombra a la máquina, y el de cargo, que dice que no siguió: ningún otro.
un_error() {
    local target=$1 por_que=$2
    shift 2
    ! cargo check --lib --target "$target" "$@" >"$t/no_va" 2>&1 || return 1
    cat "$t/no_va"
    [ "$(grep -c '^error' "$t/no_va")" -eq 2 ] && grep -q "^error: tp0@.*$por_que, y $target no lo es" "$t/no_va" &&
        grep -q '^error: build script logged errors' "$t/no_va"
}

# no_va MÁQUINA TARGET POR_QUÉ: con la cara para C y sin ella.
no_va() {
    casos=0 bien=0
    hace_falta "$1" "$2" || return 0
    caso "$1: no compila, y dice por qué en un renglón" un_error "$2" "$3"
    caso "$1, desde Rust: lo mismo" un_error "$2" "$3" --no-default-features
    fila "$1" "$casos" "$bien" 'no compila, y dice por qué'
}

i686() { no_va i686 "$I686" 'es para máquinas de 64 bits'; }

windows() { no_va windows "$WINDOWS" 'anda sólo en Linux'; }

if [ $# -eq 0 ]; then set -- aarch64 musl i686 windows; fi
for maquina in "$@"; do
    case $maquina in
    aarch64 | musl | i686 | windows) "$maquina" ;;
    *) echo "no conozco la máquina $maquina" >&2; exit 2 ;;
    esac
done
exit $((fallas > 0))
