#!/usr/bin/env bash
# La biblioteca compila con la versión más vieja que dice aceptar de cada dependencia: lo que puede tener quien ya usa otra cosa que la pide.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh

hay_nightly || { saltear 'las versiones mínimas' 'falta Rust nightly: rustup toolchain install nightly --profile minimal'; exit 0; }
con_temporal

# Sola, como la ve quien depende de ella: la herramienta es otro programa, y no se publica.
cp -r Cargo.toml build.rs build cbindgen.toml src include man examples benches "$t"
sed -i '/^members = /d; /^default-members = /d' "$t/Cargo.toml"
export CARGO_TARGET_DIR=$t/target
cd "$t"
cargo +nightly update --quiet -Z direct-minimal-versions
cargo check --locked --quiet --lib --no-default-features
cargo check --locked --quiet --lib --examples
echo "las versiones mínimas: compila, con y sin la cara para C"
