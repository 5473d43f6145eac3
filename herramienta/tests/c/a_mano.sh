#!/bin/sh
# a_mano.sh NOMBRE -- corre con tp0 trazar un servidor y un cliente escritos a mano, y dibuja su charla en NOMBRE.svg y NOMBRE.mmd.
#
# DESTINO es la carpeta de cargo en la que están tp0 y el interpositor.
set -eu
tp0=$DESTINO/debug/tp0
aca=$(dirname "$0")
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
for lado in servidor cliente; do
    gcc -std=gnu11 -g -o "$t/$lado" "$aca/a_mano_$lado.c"
done
: >"$t/dicho"
"$tp0" trazar -o "$t/servidor.traza" -- "$t/servidor" >"$t/dicho" 2>"$t/resumen" &
until grep -q puerto "$t/dicho"; do sleep 0.05; done
"$tp0" trazar -o "$t/cliente.traza" -- "$t/cliente" "$(sed -n 's/puerto //p' "$t/dicho")" >/dev/null 2>&1
wait
"$tp0" diagrama -o "$1" "$t/cliente.traza" "$t/servidor.traza"
