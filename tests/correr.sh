#!/usr/bin/env bash
# Corre un grupo de pruebas, aunque alguna falle, y termina con lo que hay que saber: cuántas pasaron, cuáles no, cuáles se saltearon y
# por qué, y qué hacer.
#
#   tests/correr.sh biblioteca    las de la biblioteca, desde C y desde Rust, y los ejemplos de su documentación
#   tests/correr.sh herramienta   las de tp0
#   tests/correr.sh entrega       las de los documentos, los editores y los paquetes
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/comun/guiones.sh

# Muchas esperan más de lo que calculan: de a dos por núcleo no se quedan mirando.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}
de_quien=
case ${1:-} in
    biblioteca)
        # Los programas de tests/ que no son de la entrega: uno nuevo entra solo.
        programas=()
        for tema in tests/*/main.rs; do
            case $tema in tests/documentos/* | tests/instalar/*) ;; *) tema=${tema#tests/}; programas+=(--test "${tema%/main.rs}") ;; esac
        done
        # Las historias de los ejemplos los corren también en Rust.
        cargo build --examples || exit
        ordenes=("--lib ${programas[*]}" '--doc') ;;
    herramienta) de_quien='-p tp0-herramienta '; ordenes=("$de_quien") ;;
    # Las que instalan compilan y empaquetan: de a una por núcleo.
    entrega) ordenes=('--test documentos' "--test instalar -- --test-threads=$(nproc)") ;;
    *) echo "tests/correr.sh: «${1:-}» no es biblioteca, herramienta ni entrega" >&2; exit 2 ;;
esac

con_temporal
desde=$SECONDS
salida=0
for orden in "${ordenes[@]}"; do
    # Sin comillas: son varias palabras.
    # shellcheck disable=SC2086
    cargo test --no-fail-fast $orden 2>&1 | tee -a "$t/dicho" || salida=1
done

# Lo que se lee al final. De cada salteo, la causa una sola vez, con cuántas pruebas la tuvieron.
bien=$(sed -n 's/^test result: .* \([0-9]*\) passed;.*/\1/p' "$t/dicho" | awk '{ n += $1 } END { print n + 0 }')
fallas=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$t/dicho")
salteos=$(grep -o 'salteado: .* (prueba .*)' "$t/dicho" | sed 's/^salteado: //; s/ (prueba .*//' | sort | uniq -c | sort -rn)
echo
echo "Pasaron $bien pruebas, en $((SECONDS - desde)) s."
if [ -n "$salteos" ]; then
    echo 'No se pudieron correr enteras:'
    awk '{ n = $1; $1 = ""; printf "  %s prueba%s:%s\n", n, (n > 1 ? "s" : ""), $0 }' <<<"$salteos"
    if grep -q ' falta ' <<<"$salteos"; then echo 'Lo que falta lo instala, con sudo: make preparar'; fi
fi
if [ -n "$fallas" ]; then
    echo 'Fallaron:'
    # Con la orden que corre sólo esa.
    sed 's/^/  /' <<<"$fallas"
    echo "Para correr sólo una: cargo test $de_quien-- --exact $(head -n 1 <<<"$fallas")"
elif [ "$salida" -ne 0 ]; then
    echo 'Pero cargo terminó mal: la causa está más arriba.'
fi
exit "$salida"
