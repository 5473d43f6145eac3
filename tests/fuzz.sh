#!/usr/bin/env bash
# Corre cada objetivo de fuzz/ un rato acotado, sobre una copia de su corpus, y exige que ninguna entrada lo haga caer, que
# haya corrido una cantidad de entradas y que haya llegado a cubrir lo de siempre.
#
#   SEGUNDOS   cuánto corre cada uno (60)
#   A_LA_VEZ   cuántos corren a la vez (2)
#
# Lo que hace caer a uno queda en fuzz/artifacts/. Para correrlos por horas: docs/fuzzing.md
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh

SEGUNDOS=${SEGUNDOS:-60}
A_LA_VEZ=${A_LA_VEZ:-2}

# Los pisos. Entradas por minuto: bastante menos que en cualquier máquina, porque sólo dicen que corrió. Bordes cubiertos: nueve de cada diez.
declare -A ENTRADAS=([cable]=3000 [buffer]=20000 [handshake]=60000 [servidor]=3000)
declare -A COBERTURA=([cable]=920 [buffer]=860 [handshake]=166 [servidor]=2150)
OBJETIVOS=(servidor cable buffer handshake)

if ! hay_nightly || ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    saltear fuzzing "falta Rust nightly o cargo-fuzz (cargo install --locked cargo-fuzz --version 0.13.2)"
    exit 0
fi

con_temporal

if ! cargo +nightly fuzz build --target-dir fuzz/target >"$t/compilar" 2>&1; then
    cat "$t/compilar" >&2
    exit 1
fi
BIN=fuzz/target/$(anfitrion)/release

# correr OBJETIVO: lo que dice libFuzzer queda en $t/OBJETIVO.log.
correr() {
    mkdir -p "$t/$1" "fuzz/artifacts/$1"
    cp -r "fuzz/corpus/$1/." "$t/$1"
    # El plazo de afuera es por si se cuelga el propio libFuzzer: el suyo, por entrada, es timeout=10.
    timeout -k 10 $((SEGUNDOS + 120)) "$BIN/$1" "$t/$1" -artifact_prefix="fuzz/artifacts/$1/" -max_total_time="$SEGUNDOS" \
        -max_len=1024 -timeout=10 -rss_limit_mb=2048 -print_funcs=0 -print_final_stats=1 >"$t/$1.log" 2>&1
}

# numero PATRÓN ARCHIVO: el de la última línea que lo tenga; 0 si no está.
numero() { sed -n "s/.*$1.*/\1/p" "$2" | tail -n 1 | grep . || echo 0; }

# juzgar OBJETIVO SALIDA: muestra sus números, deja su fila y dice si alcanzan.
juzgar() {
    local log=$t/$1.log bien=0 entradas cubiertos bordes rasgos piso
    entradas=$(numero 'stat::number_of_executed_units: *\([0-9]*\)' "$log")
    cubiertos=$(numero ' cov: \([0-9]*\)' "$log")
    rasgos=$(numero ' ft: \([0-9]*\)' "$log")
    bordes=$(numero 'Loaded 1 modules *(\([0-9]*\) inline' "$log")
    piso=$((ENTRADAS[$1] * SEGUNDOS / 60))
    printf '%-10s %8d entradas (piso %d), cov: %d (piso %d; %d %% de %d bordes), ft: %d\n' "$1" "$entradas" "$piso" \
        "$cubiertos" "${COBERTURA[$1]}" $((cubiertos * 100 / (bordes > 0 ? bordes : 1))) "$bordes" "$rasgos"
    if [ "$2" -ne 0 ]; then
        bien=1
        grep -v '^#[0-9]' "$log" | tail -n 60 >&2
        echo "$1: falló con código $2; la entrada quedó en fuzz/artifacts/$1/" >&2
    fi
    fila "fuzz_$1" "$entradas" $((entradas - bien)) "cobertura: $cubiertos bordes"
    if [ "$entradas" -lt "$piso" ]; then echo "$1: corrieron menos entradas que el piso" >&2; bien=1; fi
    if [ "$cubiertos" -lt "${COBERTURA[$1]}" ]; then echo "$1: cubrió menos que el piso" >&2; bien=1; fi
    return $bien
}

declare -A PID
for objetivo in "${OBJETIVOS[@]}"; do
    while [ "$(jobs -pr | wc -l)" -ge "$A_LA_VEZ" ]; do wait -n || :; done
    correr "$objetivo" &
    PID[$objetivo]=$!
done

fallas=0
for objetivo in "${OBJETIVOS[@]}"; do
    salida=0
    wait "${PID[$objetivo]}" || salida=$?
    juzgar "$objetivo" "$salida" || fallas=$((fallas + 1))
done
exit $((fallas > 0))
