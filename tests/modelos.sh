#!/usr/bin/env bash
# Los protocolos sin cerrojos, en todos los órdenes posibles: corre los modelos de tests/modelos con loom y después planta en el código, de a uno, los
# errores de abajo: cada uno lo tiene que ver el modelo que se dice, y con esas palabras.
#
#   tests/modelos.sh           los modelos, y los plantados
#   tests/modelos.sh modelos   sólo los modelos
#
# Un error se planta en una copia: el código del repositorio no se toca.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh

if ! cargo --version >/dev/null 2>&1; then
    saltear modelos 'falta cargo'
    exit 0
fi

con_temporal
# Siempre en la misma ruta: así, de un plantado al otro, sólo se compila lo que cambió.
copia=${CARGO_TARGET_DIR:-$PWD/target}/modelos
export CARGO_TARGET_DIR=$copia/target CARGO_INCREMENTAL=1
fallas=0

# compilar DESTINO: el programa de los modelos, con lo que haya en la copia.
compilar() {
    if ! cargo build --quiet --release --manifest-path "$copia/tests/modelos/Cargo.toml" >"$t/compilar" 2>&1; then
        tail -n 60 "$t/compilar" >&2
        return 1
    fi
    cp "$CARGO_TARGET_DIR/release/tp0-modelos" "$1"
}

# plantar NOMBRE MODELO DICE ARCHIVO VIEJO NUEVO: VIEJO tiene que estar una sola vez. El modelo tiene que fallar, y decir DICE.
plantar() {
    local nombre=$1 archivo=$4
    plantados=$((plantados + 1))
    if ! cambiar "$archivo" "$copia/$archivo" "$5" "$6"; then
        fallar "$nombre no se puede plantar"
        return
    fi
    if compilar "$t/$nombre"; then
        exigir "$nombre" "$2" "$3" "$archivo" &
        esperan+=($!)
    else
        fallar "$nombre: así no compila"
    fi
    cp "$archivo" "$copia/$archivo"
    if [ "${#esperan[@]}" -ge 2 ]; then juntar; fi
}

exigir() {
    if RUST_BACKTRACE=0 timeout -k 5 120 "$t/$1" "$2" >"$t/$1.log" 2>&1 || ! grep -qF "$3" "$t/$1.log"; then
        tail -n 20 "$t/$1.log" >&2
        echo "FALLÓ: plantado $1: el modelo $2 no dijo «$3»" >&2
        return 1
    fi
    echo "plantado $1 ($4): lo ve $2: «$3»"
}

# juntar: espera a los plantados que estén corriendo.
juntar() {
    local pid
    for pid in "${esperan[@]}"; do wait "$pid" || fallas=$((fallas + 1)); done
    esperan=()
}

fallar() {
    echo "FALLÓ: $1" >&2
    fallas=$((fallas + 1))
}

mkdir -p "$copia/tests/modelos"
rm -rf "$copia/src" "$copia/tests/modelos/src"
cp -r src "$copia/src"
cp -r tests/modelos/src tests/modelos/Cargo.toml tests/modelos/Cargo.lock "$copia/tests/modelos"

compilar "$t/modelos"
if ! RUST_BACKTRACE=0 timeout -k 5 300 "$t/modelos" >"$t/salida" 2>"$t/error"; then
    cat "$t/salida" "$t/error" >&2
    echo 'FALLÓ: un modelo' >&2
    exit 1
fi
awk -F'\t' '{ printf "modelo %-20s %7d órdenes (%s), %s s\n", $1, $2, $3, $4 }' "$t/salida"
ordenes=$(awk -F'\t' '{ suma += $2 } END { print suma }' "$t/salida")
modelos=$(wc -l <"$t/salida")
[ "${1:-}" != modelos ] || exit 0

plantados=0 esperan=()
. tests/modelos/plantados.sh
juntar
echo "modelos: $modelos, $ordenes órdenes; $((plantados - fallas)) de $plantados errores plantados, vistos"
fila modelos "$ordenes" "$ordenes" "de $modelos modelos; con $plantados errores plantados, los ve"
exit $((fallas > 0))
