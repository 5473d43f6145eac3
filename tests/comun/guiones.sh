# Lo que comparten los guiones de tests/: una carpeta temporal, saltear por su nombre y dejar filas para `make confianza`.

# con_temporal: una carpeta en $t. Al terminar, como sea, se la borra y se termina lo que este guion haya lanzado y siga corriendo.
con_temporal() {
    t=$(mktemp -d)
    trap limpiar EXIT
    trap 'exit 130' INT TERM
}

limpiar() {
    local pid
    for pid in $(jobs -pr); do kill "$pid" 2>/dev/null || :; done
    rm -rf "$t"
}

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

# fila CLAVE CASOS BIEN DETALLE: una fila de la tabla de confianza, si se la está armando.
fila() {
    [ -z "${CONFIANZA_DIR:-}" ] || printf '%s\t%s\t%s\t%s\n' "$@" >"$CONFIANZA_DIR/$1.tsv"
}

hay_nightly() { cargo +nightly --version >/dev/null 2>&1; }

anfitrion() { rustc +nightly -vV | sed -n 's/^host: //p'; }

# cambiar ORIGEN DESTINO VIEJO NUEVO: deja en DESTINO lo de ORIGEN con VIEJO, que tiene que estar una sola vez, cambiado por NUEVO.
cambiar() {
    local texto antes despues
    texto=$(cat "$1")
    antes=${texto%%"$3"*}
    despues=${texto#*"$3"}
    if [ "$antes" = "$texto" ] || [ "${despues#*"$3"}" != "$despues" ]; then
        echo "en $1 tiene que estar, una sola vez, «$3»" >&2
        return 1
    fi
    printf '%s%s%s\n' "$antes" "$4" "$despues" >"$2"
}
