#!/usr/bin/env bash
# Lo público de la cara de Rust es lo que dice tests/publico.txt: si un cambio la toca, se ve acá y en la revisión.
#
#   tests/publico.sh              compara
#   tests/publico.sh --escribir   la anota, cuando el cambio es a propósito (y va también en el CHANGELOG)
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh

if ! hay_nightly || ! cargo public-api --version >/dev/null 2>&1; then
    saltear 'lo público de Rust' "falta Rust nightly o cargo-public-api (cargo install --locked cargo-public-api)"
    exit 0
fi

con_temporal

# Sin la cara para C, que es otra lista; y sin lo que cualquier tipo tiene (-sss).
if ! cargo +nightly public-api -sss --no-default-features --color never >"$t/publico" 2>"$t/error"; then
    if grep -qi 'rustdoc json\|format version' "$t/error"; then
        saltear_siempre 'lo público de Rust' 'este cargo-public-api no entiende lo que escribe este nightly'
        exit 0
    fi
    cat "$t/error" >&2
    exit 1
fi
if [ "${1:-}" = --escribir ]; then
    cp "$t/publico" tests/publico.txt
elif ! diff -u tests/publico.txt "$t/publico"; then
    echo 'Cambió lo público de la cara de Rust. Si es a propósito: tests/publico.sh --escribir, y el CHANGELOG.' >&2
    exit 1
fi
echo "lo público de Rust: $(wc -l <tests/publico.txt) renglones, los de siempre"
