#!/usr/bin/env bash
# Instala lo que las pruebas usan y no está (Debian o Ubuntu). Dice qué va a instalar antes de pedir permiso; si no falta nada, no hace nada.
#
#   tests/preparar.sh              lo de make test, make test-herramienta y make test-entrega
#   tests/preparar.sh --con-rust   y además lo de make verificadores, fuzz, maquinas, modelos, miri y publico, que usan otros Rust
set -euo pipefail

# herramienta que se busca : paquete que la trae
DE_LAS_PRUEBAS=(gcc:gcc g++:g++ make:make git:git valgrind:valgrind pkg-config:pkg-config nm:binutils objcopy:binutils readelf:binutils awk:mawk setarch:util-linux
    ip:iproute2 tc:iproute2 ss:iproute2 socat:socat openssl:openssl haproxy:haproxy abidw:abigail-tools abidiff:abigail-tools man:man-db groff:groff-base python3:python3
    debootstrap:debootstrap dpkg-buildpackage:dpkg-dev dh:debhelper tshark:tshark dumpcap:wireshark-common gdb:gdb jq:jq)
DE_OTRAS_MAQUINAS=(aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64:qemu-user musl-gcc:musl-tools)
# Lo que gcc y valgrind recomiendan y una imagen mínima puede no tener: los encabezados de C y los símbolos de depuración de libc. Con
# las claves de Debian controla debootstrap lo que baja.
SIN_PROGRAMA=(libc6-dev libc6-dbg debian-archive-keyring)

export PATH=$PATH:/usr/sbin:/sbin
con_rust=0
case ${1:-} in
    '') ;;
    --con-rust) con_rust=1 ;;
    *) echo "tests/preparar.sh: «$1» no es --con-rust" >&2; exit 2 ;;
esac
[ "$con_rust" -eq 0 ] || { DE_LAS_PRUEBAS+=("${DE_OTRAS_MAQUINAS[@]}"); SIN_PROGRAMA+=(libc6-dev-arm64-cross); }

command -v apt-get >/dev/null || { echo "Acá no hay apt-get: instalá a mano ${DE_LAS_PRUEBAS[*]%%:*}" >&2; exit 1; }
faltan=()
for par in "${DE_LAS_PRUEBAS[@]}"; do
    command -v "${par%%:*}" >/dev/null || faltan+=("${par##*:}")
done
for paquete in "${SIN_PROGRAMA[@]}"; do
    dpkg-query -W -f '${Status}' "$paquete" 2>/dev/null | grep -q 'ok installed' || faltan+=("$paquete")
done
if [ "${#faltan[@]}" -eq 0 ]; then
    echo 'No falta ningún paquete.'
else
    echo "Se instala: ${faltan[*]}"
    como=()
    [ "$(id -u)" -eq 0 ] || como=(sudo)
    "${como[@]}" apt-get update
    "${como[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${faltan[@]}"
fi

[ "$con_rust" -eq 1 ] || exit 0
# Lo que no se pueda bajar lo dice, por su nombre, la etapa que lo usa.
cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal || :
cargo +nightly miri --version >/dev/null 2>&1 || rustup component add miri rust-src --toolchain nightly || :
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz --version 0.13.2 || :
cargo public-api --version >/dev/null 2>&1 || cargo install --locked cargo-public-api --version 0.52.0 || :
rustup target add aarch64-unknown-linux-gnu x86_64-unknown-linux-musl i686-unknown-linux-gnu x86_64-pc-windows-gnu || :
