#!/usr/bin/env bash
# Las pruebas unitarias que Miri puede seguir: lo que no toca el sistema, y de la sala del sistema lo que Miri conoce (mutex y condiciones de
# pthread, futex). Las que usan varios hilos corren con muchas semillas: cada una es otro orden, y otra memoria de las que el modelo admite.
#
#   SEMILLAS   cuántas (4)
#
# Después planta en una copia del código los errores de abajo, de a uno, y exige que Miri los vea.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh

SEMILLAS=${SEMILLAS:-4}
# Sin las de abi::memoria: preguntan a libc cuánto mide un bloque de malloc, y Miri no es libc.
DE_BYTES=(buffer:: direccion:: error:: handshake:: memoria:: opciones:: paquete:: protocolo:: abi::inundacion:: --skip abi::memoria::)
DE_HILOS=(abi::vuelo:: ritmo:: sistema::turno:: sistema::cerrojo:: sistema::compartido::)

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    saltear miri 'falta su componente (rustup component add miri rust-src --toolchain nightly)'
    exit 0
fi

con_temporal
copia=${CARGO_TARGET_DIR:-$PWD/target}/miri
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/sanitizadores PROPTEST_CASES=1
fallas=0

# con_miri CARPETA OPCIONES PRUEBAS...: las corre.
con_miri() {
    local carpeta=$1 opciones=$2
    shift 2
    (cd "$carpeta" && RUST_BACKTRACE=0 MIRIFLAGS="-Zmiri-disable-isolation $opciones" cargo +nightly miri test --quiet --lib -- "$@")
}

# pasaron ARCHIVO: cuántas pruebas, sumadas todas las semillas.
pasaron() { grep -o '[0-9]* passed;' "$1" | awk '{ suma += $1 } END { print suma + 0 }'; }

# correr CLAVE OPCIONES PRUEBAS...
correr() {
    local clave=$1
    shift
    if ! con_miri . "$@" >"$t/$clave" 2>&1; then
        tail -n 60 "$t/$clave" >&2
        echo "FALLÓ: miri: $clave" >&2
        exit 1
    fi
}

# plantar NOMBRE DICE OPCIONES PRUEBA ARCHIVO VIEJO NUEVO
plantar() {
    local nombre=$1 dice=$2 opciones=$3 prueba=$4 archivo=$5
    plantados=$((plantados + 1))
    cambiar "$archivo" "$copia/tp0/$archivo" "$6" "$7"
    if con_miri "$copia/tp0" "$opciones" "$prueba" >"$t/$nombre" 2>&1 || ! grep -qF "$dice" "$t/$nombre"; then
        tail -n 40 "$t/$nombre" >&2
        echo "FALLÓ: plantado $nombre: Miri no dijo «$dice»" >&2
        fallas=$((fallas + 1))
    else
        echo "plantado $nombre ($archivo): lo ve $prueba: «$dice»"
    fi
    cp "$archivo" "$copia/tp0/$archivo"
}

con_semillas=-Zmiri-many-seeds=0..$SEMILLAS
# Primero se compila: después corren las dos a la vez.
correr compilar '' ninguna_prueba_se_llama_asi
correr bytes '' "${DE_BYTES[@]}" &
correr hilos "$con_semillas" "${DE_HILOS[@]}"
wait $!
de_bytes=$(pasaron "$t/bytes")
de_hilos=$(pasaron "$t/hilos")
echo "miri: $de_bytes pruebas de bytes; $de_hilos corridas de las que usan hilos, con $SEMILLAS semillas"

mkdir -p "$copia/tp0"
tar --exclude=./target --exclude=./.git --exclude=./fuzz --exclude=./tests/modelos -cf - . | tar -xf - -C "$copia/tp0"

plantados=0
plantar mirar_relaxed 'alguien recibe, y el kernel junta' "$con_semillas" ritmo:: src/ritmo.rs \
    'match self.estado.load(Ordering::SeqCst) {' 'match self.estado.load(Ordering::Relaxed) {'
plantar soltar_relaxed 'assertion `left == right` failed' "$con_semillas" sistema::turno:: src/sistema/turno.rs \
    'compare_exchange(mio, libre, Ordering::Release, Ordering::Relaxed)' \
    'compare_exchange(mio, libre, Ordering::Relaxed, Ordering::Relaxed)'
plantar soltar_de_mas 'Undefined Behavior' '' sistema::compartido:: src/sistema/compartido.rs 'if quedan == 0 {' 'if quedan <= 1 {'

echo "miri: $((plantados - fallas)) de $plantados errores plantados, vistos"
casos=$((de_bytes + de_hilos))
fila miri "$casos" "$casos" "bytes, y de las que usan hilos, con $SEMILLAS semillas; con $plantados errores plantados, los ve"
exit $((fallas > 0))
