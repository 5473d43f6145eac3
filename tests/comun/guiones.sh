# Lo que comparten los guiones de tests/: saltear por su nombre y dejar filas para `make confianza`.

# saltear QUÉ RAZÓN: lo dice por su nombre. Con CI=true nada se saltea, salvo lo que depende de la herramienta de Rust que haya, que
# va con saltear_siempre.
saltear() {
    saltear_siempre "$1" "$2"
    if [ "${CI:-}" = true ]; then
        echo "y con CI=true nada se saltea" >&2
        exit 1
    fi
}

saltear_siempre() { echo "salteado: $1: $2"; }

# fila CLAVE CASOS BIEN DETALLE DETAIL: una fila de la tabla de confianza, si se la está armando.
fila() {
    [ -z "${CONFIANZA_DIR:-}" ] || printf '%s\t%s\t%s\t%s\t%s\n' "$@" >"$CONFIANZA_DIR/$1.tsv"
}

hay_nightly() { cargo +nightly --version >/dev/null 2>&1; }

anfitrion() { rustc +nightly -vV | sed -n 's/^host: //p'; }
