#!/usr/bin/env bash
# Los verificadores: memcheck y helgrind sobre cada ejemplo en C, AddressSanitizer y ThreadSanitizer sobre la biblioteca, la cuenta de
# los unsafe, y la biblioteca estática débil con programas que definen lo suyo.
#
#   tests/verificadores.sh              todos (necesita make antes)
#   tests/verificadores.sh asan tsan    sólo esos
#
# Cada sanitizador demuestra primero que está prendido: un error puesto a propósito (tests/c/plantado.c) se tiene que ver.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh

# El entorno de quien los corre no tiene que cambiarlos.
unset TP0_IP TP0_PUERTO TP0_HANDSHAKE TP0_ESPERA_MS TP0_TAMANIO_MAXIMO TP0_TRAZA VALGRIND_OPTS MAKEFLAGS MAKELEVEL
con_temporal

fallas=0
fallar() {
    echo "FALLÓ: $1" >&2
    fallas=$((fallas + 1))
}

# callado ARCHIVO ORDEN...: su salida queda en el archivo, y se muestra sólo si falla.
callado() {
    local archivo=$1
    shift
    "$@" >"$archivo" 2>&1 && return
    tail -n 60 "$archivo" >&2
    return 1
}

# --- valgrind: cada ejemplo en C, con lo que enseña el curso -------------------------------------------------------

# con_valgrind CLAVE OPCIONES...: la demo entera, cada programa bajo valgrind.
con_valgrind() {
    local clave=$1 logs=$t/$1 casos bien ejemplo
    shift
    command -v valgrind >/dev/null || { saltear "$clave" 'falta valgrind'; return; }
    mkdir -p "$logs"
    PREFIJO="valgrind $* --error-exitcode=9 --command-line-only=yes --log-file=$logs/%p.log" BIN="$t/bin" PLAZO=180 SALIDA="$logs/salida" \
        callado "$logs/demo" sh c_examples/demo.sh || fallar "la demo bajo $clave"
    casos=$(find "$logs" -name '*.log' | wc -l)
    bien=$(grep -l 'ERROR SUMMARY: 0 errors from 0 contexts' "$logs"/*.log | wc -l)
    for ejemplo in c_examples/*.c; do
        ejemplo=$(basename "$ejemplo" .c)
        grep -q "Command: $t/bin/$ejemplo\( \|$\)" "$logs"/*.log || fallar "$clave no miró a $ejemplo"
    done
    [ "$casos" -eq "$bien" ] || {
        grep -L 'ERROR SUMMARY: 0 errors from 0 contexts' "$logs"/*.log | xargs cat >&2
        fallar "$clave: $((casos - bien)) de $casos procesos con errores"
    }
    echo "$clave: $casos procesos de los ejemplos en C, $((casos - bien)) con errores"
    fila "$clave" "$casos" "$bien" "de los ejemplos en C; $((casos - bien)) hallazgos"
}

memcheck() {
    ejemplos
    con_valgrind memcheck --leak-check=full --track-origins=yes --show-leak-kinds=all --errors-for-leak-kinds=all
}

helgrind() {
    ejemplos
    con_valgrind helgrind --tool=helgrind
}

ejemplos() { callado "$t/ejemplos" make -C c_examples BIN="$t/bin"; }

# --- Sanitizadores -----------------------------------------------------------------------------------------------------

# Todo corre con setarch -R: su mapa de memoria no admite cualquier azar del kernel.
#
# Lo que se le exige al C, con el sanitizador que sea.
CFLAGS=(-std=gnu11 -g -O1 -pthread -Wall -Wextra -Werror)

# construir SANITIZADOR OPCIONES...: deja la biblioteca en $t/SANITIZADOR, y comprueba que llame al sanitizador.
construir() {
    local nombre=$1 destino
    shift
    destino=$PWD/target/sanitizadores
    # Con --target, las opciones no alcanzan a lo que corre al compilar.
    RUSTFLAGS="$*" CARGO_TARGET_DIR=$destino callado "$t/compilar" cargo +nightly build --lib --target "$(anfitrion)"
    mkdir -p "$t/$nombre"
    cp "$destino/$(anfitrion)/debug/libtp0.so" "$t/$nombre/libtp0.so.0.1"
    ln -sf libtp0.so.0.1 "$t/$nombre/libtp0.so"
    callado "$t/gcc" gcc "${CFLAGS[@]}" -fno-builtin -c -o "$t/$nombre/puente.o" tests/c/puente_tsan.c
}

# referencias SANITIZADOR PATRÓN: cuántas funciones del sanitizador llama la biblioteca que se construyó con él.
referencias() { nm -D --undefined-only "$t/$1/libtp0.so" | grep -c "$2" || :; }

# compilar_c SANITIZADOR OPCIÓN FUENTE: el programa queda en $t/SANITIZADOR, con el nombre de la fuente.
compilar_c() {
    callado "$t/gcc" gcc "${CFLAGS[@]}" -fno-builtin "$2" -Iinclude -o "$t/$1/$(basename "$3" .c)" "$3" "$t/$1/puente.o" \
        -L"$t/$1" -ltp0 -Wl,-rpath,"$t/$1"
}

# Programas de las pruebas que terminan solos y controlan lo que hacen. Los de muchos_atencion son sólo para AddressSanitizer: cuentan los
# hilos del proceso, y ThreadSanitizer tiene uno suyo; o cierran por su cuenta números que la biblioteca recuerda, ordenados por sleep.
TODOS=('ajena' 'muchos_carreras' 'muchos_carreras' 'muchos_difusion malos' 'muchos_difusion por_la_mitad' 'muchos_opciones rangos'
       'muchos_opciones tamanio' 'serializacion_buffers')
SOLO_ASAN=('muchos_atencion mil 50 20' 'muchos_atencion liberados' 'muchos_atencion finales')

# programas SANITIZADOR OPCIÓN PROGRAMAS...: los compila y los corre; suma a $casos y a $bien los que anduvieron sin que dijera nada.
programas() {
    local nombre=$1 opcion=$2 programa salida
    shift 2
    for programa in "$@"; do
        [ -x "$t/$nombre/${programa%% *}" ] || compilar_c "$nombre" "$opcion" "tests/c/${programa%% *}.c"
        casos=$((casos + 1))
        salida=0
        # Sin comillas: son un programa y sus argumentos.
        # shellcheck disable=SC2086
        (cd "$t/$nombre" && timeout -k 5 180 setarch -R ./$programa) >"$t/$nombre/dicho" 2>&1 || salida=$?
        if [ "$salida" -eq 0 ] && ! grep -q Sanitizer "$t/$nombre/dicho"; then
            bien=$((bien + 1))
        else
            tail -n 60 "$t/$nombre/dicho" >&2
            fallar "$nombre: $programa terminó con código $salida"
        fi
    done
}

# demo SANITIZADOR OPCIÓN: los ejemplos de c_examples, instrumentados, conversan; suma un caso.
demo() {
    casos=$((casos + 1))
    callado "$t/$1/make" make -C c_examples BIN="$t/$1/bin" LIBDIR="$t/$1" INCLUDE=../include CFLAGS="-g -fno-builtin $2 $t/$1/puente.o"
    if BIN=$t/$1/bin SALIDA=$t/$1/salida PREFIJO='setarch -R' PLAZO=90 callado "$t/$1/demo" sh c_examples/demo.sh &&
        ! grep -rq Sanitizer "$t/$1/salida"; then
        bien=$((bien + 1))
    else
        grep -rh -A 30 'ERROR: \|WARNING: ' "$t/$1/salida" | head -n 60 >&2
        fallar "$1: la demo"
    fi
}

# exigir_denuncia SANITIZADOR MODO TEXTO: lo plantado se ve, y se ve adentro de la biblioteca.
exigir_denuncia() {
    local salida=0
    setarch -R "$t/$1/plantado" "$2" >"$t/$1/denuncia" 2>&1 || salida=$?
    if [ "$salida" -eq 0 ] || ! grep -q "$3" "$t/$1/denuncia" || ! grep -q 'libtp0\.so\|src/abi/' "$t/$1/denuncia"; then
        cat "$t/$1/denuncia" >&2
        fallar "$1 está apagado: no denunció «$2»"
    fi
}

asan() {
    local casos=0 bien=0 cuantas
    hay_nightly || { saltear asan 'falta Rust nightly'; return; }
    construir asan -Zsanitizer=address
    cuantas=$(referencias asan __asan_report)
    [ "$cuantas" -gt 0 ] || fallar 'la biblioteca no llama a AddressSanitizer'
    compilar_c asan -fsanitize=address tests/c/plantado.c
    setarch -R "$t/asan/plantado" ninguno || fallar 'asan: sin errores tiene que terminar bien'
    exigir_denuncia asan usado_despues heap-use-after-free
    exigir_denuncia asan pasado heap-buffer-overflow
    exigir_denuncia asan perdido 'detected memory leaks'
    programas asan -fsanitize=address "${TODOS[@]}" "${SOLO_ASAN[@]}"
    demo asan -fsanitize=address
    pruebas_de_rust
    echo "asan: $casos casos, $((casos - bien)) con errores; la biblioteca llama a $cuantas funciones suyas; 3 errores plantados, vistos"
    fila asan "$casos" "$bien" "$((casos - bien)) hallazgos; con 3 errores plantados, los ve"
}

# Las pruebas de Rust, unitarias y de la interfaz nativa, con todo instrumentado. Menos la que mide la memoria: ASan guarda la que se libera.
pruebas_de_rust() {
    local suman
    RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=$PWD/target/sanitizadores \
        callado "$t/asan/rust" cargo +nightly test --target "$(anfitrion)" --lib --test rust -- --skip programas:: --skip dependiente:: --skip la_memoria_es \
        || fallar 'asan: las pruebas de Rust'
    suman=$(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed.*/\1 + \2/p' "$t/asan/rust" | paste -sd+)
    casos=$((casos + ${suman:-0}))
    suman=$(sed -n 's/^test result: .* \([0-9]*\) passed;.*/\1/p' "$t/asan/rust" | paste -sd+)
    bien=$((bien + ${suman:-0}))
}

tsan() {
    local casos=0 bien=0 cuantas
    hay_nightly || { saltear_siempre tsan 'falta Rust nightly'; return; }
    # La biblioteca estándar no está instrumentada (haría falta rust-src); los cerrojos de acá son de pthread, y ésos los ve igual.
    construir tsan -Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer
    cuantas=$(referencias tsan __tsan_)
    [ "$cuantas" -gt 0 ] || fallar 'la biblioteca no llama a ThreadSanitizer'
    compilar_c tsan -fsanitize=thread tests/c/plantado.c
    setarch -R "$t/tsan/plantado" ninguno || fallar 'tsan: sin errores tiene que terminar bien'
    exigir_denuncia tsan carrera 'data race'
    programas tsan -fsanitize=thread "${TODOS[@]}"
    demo tsan -fsanitize=thread
    echo "tsan: $casos casos, $((casos - bien)) con errores; la biblioteca llama a $cuantas funciones suyas; la carrera plantada, vista"
    fila tsan "$casos" "$bien" "$((casos - bien)) hallazgos; con una carrera plantada, la ve"
}

# --- unsafe ------------------------------------------------------------------------------------------------------------

# Que cada bloque tenga su razón y una sola operación lo exige clippy; acá se mira que nadie lo apague, que clippy lo exija de verdad, y
# se cuentan.
unsafe() {
    local bloques razones sin_razon
    bloques=$(grep -rhE '\bunsafe (\{|impl\b)' src | grep -vcE '^\s*//')
    razones=$(grep -rhE '^\s*// SAFETY: .' src | wc -l)
    sin_razon=$(grep -rlE '\bunsafe\b' src | grep -v '^src/\(abi\|sistema\)/' | xargs -r grep -HE '^[^/]*\bunsafe (\{|impl|fn|extern)' || :)
    [ -z "$sin_razon" ] || fallar "hay unsafe fuera de src/abi y src/sistema: $sin_razon"
    for lint in undocumented_unsafe_blocks multiple_unsafe_ops_per_block; do
        grep -q "^$lint = \"deny\"" Cargo.toml || fallar "Cargo.toml ya no exige $lint"
        ! grep -rn "$lint\|allow(clippy::all\|allow(clippy::restriction" src || fallar "alguien apaga $lint"
    done
    [ "$(grep -rlE '(allow|expect)\(unsafe_code' src | sort | tr '\n' ' ')" = 'src/abi/mod.rs src/sistema/mod.rs ' ] ||
        fallar 'unsafe_code se permite en otro lado que src/abi y src/sistema'
    # Lo que prometen todos está dicho una vez, en src/abi/mod.rs.
    ! grep -rn 'SAFETY: lo promete quien llama\.$' src || fallar 'una razón no dice lo que es de ese bloque'
    callado "$t/clippy" cargo clippy --lib -- -D warnings || fallar clippy
    [ "$razones" -ge "$bloques" ] || fallar "hay $bloques bloques unsafe y $razones razones"
    echo "unsafe: $bloques bloques, todos con su razón ($razones comentarios SAFETY) y una sola operación"
    fila unsafe "$bloques" "$((razones < bloques ? razones : bloques))" 'con su razón y una sola operación'
}

# --- La biblioteca estática débil ------------------------------------------------------------------------------------------

debiles() {
    local casos=0 bien=0 puerto lib=$t/instalada/usr/lib
    callado "$t/instalar" make install DESTDIR="$t/instalada"
    callado "$t/gcc" gcc "${CFLAGS[@]}" -fPIC -shared -Itests/c -o "$t/libcommons.so" tests/c/commons/commons.c

    # Lo que hace falta para que lo débil sirva: sin debilitar, el mismo programa no enlaza.
    casos=$((casos + 1))
    if enlazar "$t/no" "${CARGO_TARGET_DIR:-target}/release/libtp0.a" tests/c/propias.c 2>"$t/error"; then
        fallar 'la .a sin debilitar tenía que chocar con lo que define el programa'
    else
        grep -q 'multiple definition of .crear_paquete' "$t/error" && bien=$((bien + 1))
    fi

    # Un programa con su logger, su crear_paquete y otras cuatro: conversa consigo mismo, y cada uno usa lo suyo.
    casos=$((casos + 1))
    enlazar "$t/propias" "$lib/libtp0.a" tests/c/propias.c
    for puerto in $((10000 + RANDOM % 20000)) $((10000 + RANDOM % 20000)) $((10000 + RANDOM % 20000)); do
        TP0_IP=127.0.0.1 TP0_PUERTO=$puerto timeout 60 "$t/propias" servidor >"$t/servidor" 2>&1 &
        if charlar "$puerto"; then break; fi
        kill %% 2>/dev/null || :
        wait %% || :
    done
    wait %% || fallar 'el servidor con lo suyo'
    printf '%s\n' '[TRACE] Propio: Listo para escuchar a mi cliente' '[INFO] Propio: Se conecto un cliente!' 'operacion 0' \
        '[INFO] Propio: Me llego el mensaje hola' 'operacion 42' 'valor propio' >"$t/esperado"
    if diff "$t/esperado" "$t/servidor" && [ "$(cat "$t/cliente")" = 'crear_paquete propio: 1' ]; then
        bien=$((bien + 1))
    else
        fallar 'debiles: el programa no usó lo suyo'
    fi

    # Y uno que no define nada enlaza y usa lo de la biblioteca.
    casos=$((casos + 1))
    if enlazar "$t/plantado" "$lib/libtp0.a" tests/c/plantado.c && "$t/plantado" ninguno; then bien=$((bien + 1)); fi

    [ "$casos" -eq "$bien" ] || fallar debiles
    echo "debiles: $bien de $casos programas con la .a instalada"
    fila debiles "$casos" "$bien" 'con su logger y su crear_paquete'
}

# enlazar DESTINO ARCHIVO FUENTE: con la estática y las commons de las pruebas.
enlazar() {
    gcc "${CFLAGS[@]}" -Itests/c -I"$t/instalada/usr/include" -o "$1" "$3" "$2" -L"$t" -lcommons -Wl,-rpath,"$t" -lpthread -ldl -lm
}

# charlar PUERTO: el cliente, en cuanto haya quien escuche.
charlar() {
    local veces
    for veces in $(seq 100); do
        if timeout 20 "$t/propias" cliente 127.0.0.1 "$1" >"$t/cliente" 2>&1; then return; fi
        sleep 0.05
    done
    return 1
}

if [ $# -eq 0 ]; then set -- memcheck helgrind asan tsan unsafe debiles; fi
for verificador in "$@"; do
    case $verificador in
    memcheck | helgrind | asan | tsan | unsafe | debiles) "$verificador" ;;
    *) echo "no conozco el verificador $verificador" >&2; exit 2 ;;
    esac
done
exit $((fallas > 0))
