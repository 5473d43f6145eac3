#!/usr/bin/env bash
# confianza.sh -- la tabla de la sección «Confianza» de los README: la escribe esto, no una persona.
#
#   tests/confianza.sh             corre todo lo que deja una fila y escribe la tabla en los dos README
#   tests/confianza.sh --mostrar   no corre nada ni escribe nada: muestra la tabla de lo que ya corrió (CONFIANZA_DIR)
#
# Con CONFIANZA_DIR, sin --mostrar, tampoco corre nada: escribe en los README lo que haya en esa carpeta. Cada comprobación deja ahí
# CLAVE.tsv, con un renglón: clave, casos, cuántos sobrevivieron, detalle en castellano y en inglés. Termina mal si alguno no sobrevivió.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# La clave y su título en los dos idiomas, en el orden de la tabla.
filas() {
    cat <<'FIN'
falla_cierra|el otro lado cierra, en cada fase de la conversación|the peer closes, at each stage of the conversation
falla_resetea|... corta con un reset|... cuts with a reset
falla_traba|... se queda callado|... falls silent
falla_gotea|... manda de a un byte|... sends one byte at a time
falla_basura|... manda basura|... sends garbage
falla_medio_cierra|... cierra a medias|... half-closes
falla_detenido|... queda detenido (SIGSTOP)|... is stopped (SIGSTOP)
seniales|una tormenta de señales|a storm of signals
hilos|hilos: mensajes que no se mezclan, números que se reusan|threads: messages that do not interleave, numbers reused
procesos|procesos: fork con hilos y conexiones abiertas|processes: fork with threads and open connections
recursos|sin memoria, sin descriptores, inundado|no memory, no descriptors, flooded
carga_conexiones|carga: diez mil conexiones a la vez, de dos maneras|load: ten thousand connections at once, in two ways
carga_ciclos|carga: conectar, saludar y cerrar|load: connect, handshake and close
dos_hosts|dos máquinas: cable malo, cable cortado|two hosts: a bad cable, a cut cable
haproxy|tres servidores detrás de HAProxy|three servers behind HAProxy
tunel|un túnel con TLS|a tunnel over TLS
fuzz_cable|fuzzing: lo que llega por el cable|fuzzing: what arrives on the wire
fuzz_buffer|fuzzing: leer un buffer|fuzzing: reading a buffer
fuzz_handshake|fuzzing: el handshake|fuzzing: the handshake
fuzz_servidor|fuzzing: un servidor entero|fuzzing: a whole server
memcheck|valgrind memcheck|valgrind memcheck
helgrind|valgrind helgrind|valgrind helgrind
asan|AddressSanitizer|AddressSanitizer
tsan|ThreadSanitizer|ThreadSanitizer
miri|Miri|Miri
unsafe|cada unsafe, con su razón|each unsafe, with its reason
debiles|la .a, con programas que definen lo suyo|the .a, with programs that define their own
abi|la ABI es la de siempre|the ABI is kept
FIN
}

# tabla IDIOMA: la tabla y, debajo, cuándo y dónde. Una fila que falta se dice; una que nadie espera, también.
tabla() {
    filas | awk -F'|' -v idioma="$1" -v carpeta="$CONFIANZA_DIR" -v cuando="$(date +%F)" -v procesador="$(procesador)" \
        -v nucleos="$(nproc)" -v nucleo="$(uname -r)" '
        function numero(cuanto,    texto) {
            texto = cuanto ""
            while (match(texto, /[0-9][0-9][0-9][0-9]($|[.,])/))
                texto = substr(texto, 1, RSTART) (idioma == "es" ? "." : ",") substr(texto, RSTART + 1)
            return texto
        }
        BEGIN {
            es = idioma == "es"
            print es ? "| qué | casos | sobrevivieron | |" : "| what | cases | survived | |"
            print "| --- | ---: | ---: | --- |"
        }
        {
            titulo = es ? $2 : $3
            archivo = carpeta "/" $1 ".tsv"
            if ((getline renglon < archivo) > 0) {
                split(renglon, campos, "\t")
                print "| " titulo " | " numero(campos[2]) " | " numero(campos[3]) " | " (es ? campos[4] : campos[5]) " |"
            } else {
                print "| " titulo " | " (es ? "no se corrió" : "not run") " | | |"
            }
            close(archivo)
        }
        END {
            print ""
            if (es)
                printf "Del %s, en una máquina con %d núcleos (%s) y Linux %s.\n", cuando, nucleos, procesador, nucleo
            else
                printf "On %s, on a machine with %d cores (%s) and Linux %s.\n", cuando, nucleos, procesador, nucleo
        }'
}

procesador() {
    local nombre
    nombre=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
    echo "${nombre:-$(uname -m)}"
}

# escribir ARCHIVO IDIOMA: cambia lo que hay entre las dos marcas, que tienen que estar.
escribir() {
    local archivo=$1 idioma=$2 nuevo
    nuevo=$(mktemp) || return 1
    if [ "$(grep -cxE '<!-- /?confianza -->' "$archivo")" -ne 2 ]; then
        echo "$archivo no tiene las marcas <!-- confianza --> y <!-- /confianza -->." >&2
        return 1
    fi
    # Los renglones en blanco, para que sea una tabla en cualquier visor de Markdown.
    sed '/^<!-- confianza -->$/q' "$archivo" >"$nuevo" && { echo && tabla "$idioma" && echo; } >>"$nuevo" &&
        sed -n '/^<!-- \/confianza -->$/,$p' "$archivo" >>"$nuevo" && cat "$nuevo" >"$archivo"
    local resultado=$?
    rm -f "$nuevo"
    return $resultado
}

# Los renglones que no cierran: mal escritos, de una clave que la tabla no tiene, o con casos que no sobrevivieron.
malas() {
    local archivo clave
    for archivo in "$CONFIANZA_DIR"/*.tsv; do
        [ -e "$archivo" ] || continue
        clave=$(basename "$archivo" .tsv)
        filas | grep -q "^$clave|" || echo "$clave: la tabla no tiene esa fila"
        awk -F'\t' -v clave="$clave" '
            NF != 5 || $1 != clave || $2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/ { print clave ": renglón mal escrito: " $0; next }
            $2 == 0 || $2 != $3 { print clave ": de " $2 " casos sobrevivieron " $3 }
            END { if (NR != 1) print clave ": tiene que ser un renglón, y son " NR }' "$archivo"
    done
}

# Todo lo que deja una fila. Sigue aunque algo falle: la tabla también sirve entonces.
correr() {
    local archivo resultado=0
    local pruebas=()
    for archivo in $(grep -lE '\b(confianza|contar|detallar)\(' tests/*.rs); do
        pruebas+=(--test "$(basename "$archivo" .rs)")
    done
    cargo test --no-fail-fast "${pruebas[@]}" || resultado=1
    tests/fuzz.sh || resultado=1
    tests/verificadores.sh || resultado=1
    return $resultado
}

resultado=0
if [ "${1:-}" = --mostrar ]; then
    : "${CONFIANZA_DIR:?--mostrar es de lo que ya corrió: CONFIANZA_DIR dice dónde está}"
    tabla es
else
    if [ -z "${CONFIANZA_DIR:-}" ]; then
        CONFIANZA_DIR=$(mktemp -d) || exit 1
        trap 'rm -rf "$CONFIANZA_DIR"' EXIT
        export CONFIANZA_DIR
        correr || resultado=1
    fi
    escribir README.md es && escribir README.en.md en || resultado=1
fi

no_cierran=$(malas)
if [ -n "$no_cierran" ]; then
    printf '%s\n' "$no_cierran" >&2
    resultado=1
fi
exit $resultado
