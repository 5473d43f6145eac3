#!/usr/bin/env bash
# confianza.sh -- la tabla de docs/confianza.md: la escribe esto, no una persona.
#
#   tests/confianza.sh             corre todo lo que deja una fila y escribe la tabla
#   tests/confianza.sh --mostrar   no corre nada ni escribe nada: muestra la tabla de lo que ya corrió (CONFIANZA_DIR)
#
# Con CONFIANZA_DIR, sin --mostrar, tampoco corre nada: escribe lo que haya en esa carpeta. Cada comprobación deja ahí CLAVE.tsv, con un
# renglón: clave, casos, cuántos terminaron bien y un detalle. Termina mal si alguno no.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# La clave, su título y de qué son los casos, en el orden de la tabla.
filas() {
    cat <<'FIN'
falla_cierra|el otro lado cierra, en cada fase de la conversación|fases
falla_resetea|... corta con un reset|fases
falla_traba|... se queda callado|fases
falla_gotea|... manda de a un byte|fases
falla_basura|... manda basura|fases
falla_medio_cierra|... cierra a medias|fases
falla_detenido|... queda detenido (SIGSTOP)|fases
seniales|una tormenta de señales|situaciones
hilos|hilos: mensajes que no se mezclan, números que se reusan|pruebas
procesos|procesos: fork con hilos y conexiones abiertas|pruebas
recursos|sin memoria, sin descriptores, inundado|pruebas
carga_conexiones|carga: diez mil conexiones a la vez, de dos maneras|conexiones
carga_ciclos|carga: conectar, saludar y cerrar|veces
dos_hosts|dos máquinas: cable malo, cable cortado|pruebas
haproxy|tres servidores detrás de HAProxy, uno que se cae, se cuelga y vuelve|conexiones
tunel|un túnel con TLS|pruebas
fuzz_cable|fuzzing: lo que llega por el cable|entradas
fuzz_buffer|fuzzing: leer un buffer|entradas
fuzz_handshake|fuzzing: el handshake|entradas
fuzz_servidor|fuzzing: un servidor entero|entradas
memcheck|valgrind memcheck|procesos
helgrind|valgrind helgrind|procesos
asan|AddressSanitizer|procesos
tsan|ThreadSanitizer|procesos
miri|Miri|pruebas
modelos|loom: los protocolos sin cerrojos|órdenes
unsafe|cada unsafe, con su razón|bloques
debiles|la .a, con programas que definen lo suyo|programas
aarch64|ARM de 64 bits (aarch64)|etapas
musl|musl, enlazada estática|etapas
i686|32 bits: no va, y lo dice|pruebas
windows|otro sistema (Windows): no va, y lo dice|pruebas
abi|la ABI es la de siempre|nombres
FIN
}

# La tabla y, debajo, cuándo y dónde. Una fila que falta se dice; una que nadie espera, también.
tabla() {
    filas | awk -F'|' -v carpeta="$CONFIANZA_DIR" -v cuando="$(date +%F)" -v procesador="$(procesador)" \
        -v nucleos="$(nproc)" -v nucleo="$(uname -r)" '
        function numero(cuanto,    texto) {
            texto = cuanto ""
            while (match(texto, /[0-9][0-9][0-9][0-9]($|[.,])/))
                texto = substr(texto, 1, RSTART) "." substr(texto, RSTART + 1)
            return texto
        }
        BEGIN {
            print "| qué | cuánto | y además |"
            print "| --- | ---: | --- |"
        }
        {
            archivo = carpeta "/" $1 ".tsv"
            if ((getline renglon < archivo) > 0) {
                split(renglon, campos, "\t")
                mal = campos[3] == campos[2] ? "" : "**bien, sólo " numero(campos[3]) "** "
                print "| " $2 " | " numero(campos[2]) " " $3 " | " mal campos[4] " |"
            } else {
                print "| " $2 " | no se corrió | |"
            }
            close(archivo)
        }
        END {
            printf "\nDel %s, en una máquina con %d núcleos (%s) y Linux %s.\n", cuando, nucleos, procesador, nucleo
        }'
}

procesador() {
    local nombre
    nombre=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
    echo "${nombre:-$(uname -m)}"
}

# Cambia lo que hay entre las dos marcas, que tienen que estar.
escribir() {
    local archivo=docs/confianza.md nuevo
    nuevo=$(mktemp) || return 1
    if [ "$(grep -cxE '<!-- /?confianza -->' "$archivo")" -ne 2 ]; then
        echo "$archivo no tiene las marcas <!-- confianza --> y <!-- /confianza -->." >&2
        return 1
    fi
    # Los renglones en blanco, para que sea una tabla en cualquier visor de Markdown.
    sed '/^<!-- confianza -->$/q' "$archivo" >"$nuevo" && { echo && tabla && echo; } >>"$nuevo" &&
        sed -n '/^<!-- \/confianza -->$/,$p' "$archivo" >>"$nuevo" && cat "$nuevo" >"$archivo"
    local resultado=$?
    rm -f "$nuevo"
    return $resultado
}

# Los renglones que no cierran: mal escritos, de una clave que la tabla no tiene, o con casos que no terminaron bien.
malas() {
    local archivo clave
    for archivo in "$CONFIANZA_DIR"/*.tsv; do
        [ -e "$archivo" ] || continue
        clave=$(basename "$archivo" .tsv)
        filas | grep -q "^$clave|" || echo "$clave: la tabla no tiene esa fila"
        awk -F'\t' -v clave="$clave" '
            NF != 4 || $1 != clave || $2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/ { print clave ": renglón mal escrito: " $0; next }
            $2 == 0 || $2 != $3 { print clave ": de " $2 " casos terminaron bien " $3 }
            END { if (NR != 1) print clave ": tiene que ser un renglón, y son " NR }' "$archivo"
    done
}

# Todo lo que deja una fila. Sigue aunque algo falle: la tabla también sirve entonces.
correr() {
    local tema resultado=0
    local pruebas=()
    for tema in $(grep -lE '\b(confianza|contar|detallar)\(' tests/*/*.rs | cut -d / -f 2 | sort -u); do
        [ ! -f "tests/$tema/main.rs" ] || pruebas+=(--test "$tema")
    done
    cargo test --no-fail-fast "${pruebas[@]}" || resultado=1
    tests/fuzz.sh || resultado=1
    tests/verificadores.sh || resultado=1
    tests/maquinas.sh || resultado=1
    tests/miri.sh || resultado=1
    tests/modelos.sh || resultado=1
    return $resultado
}

resultado=0
if [ "${1:-}" = --mostrar ]; then
    : "${CONFIANZA_DIR:?--mostrar es de lo que ya corrió: CONFIANZA_DIR dice dónde está}"
    tabla
else
    if [ -z "${CONFIANZA_DIR:-}" ]; then
        CONFIANZA_DIR=$(mktemp -d) || exit 1
        trap 'rm -rf "$CONFIANZA_DIR"' EXIT
        export CONFIANZA_DIR
        correr || resultado=1
    fi
    escribir || resultado=1
fi

no_cierran=$(malas)
if [ -n "$no_cierran" ]; then
    printf '%s\n' "$no_cierran" >&2
    resultado=1
fi
exit $resultado
