# Lo que comparten los guiones que corren en la jaula. Quien los lanza pone VERSION y SONAME.
set -eu

fallar() {
    echo "$*" >&2
    exit 1
}

# dice TEXTO ORDEN...: exige que la orden salga bien y diga exactamente eso.
dice() {
    esperado=$1
    shift
    dicho=$("$@") || fallar "«$*» terminó mal: $dicho"
    [ "$dicho" = "$esperado" ] || fallar "«$*» tenía que decir «$esperado», y dijo «$dicho»"
}

# queja TEXTO ORDEN...: exige que la orden falle diciendo en un solo renglón (sin contar el de make) algo que contenga ese texto.
queja() {
    esperado=$1
    shift
    if dicho=$("$@" 2>&1 >/dev/null); then fallar "«$*» tenía que fallar"; fi
    dicho=$(printf '%s\n' "$dicho" | grep -v '^make')
    [ "$(printf '%s\n' "$dicho" | wc -l)" -eq 1 ] || fallar "«$*» se quejó en más de un renglón: $dicho"
    case $dicho in
        *"$esperado"*) ;;
        *) fallar "«$*» tenía que decir «$esperado», y dijo «$dicho»" ;;
    esac
}

# conversa PROGRAMA: una charla con la versión que se instaló.
conversa() {
    dice "Me llego el mensaje hola desde una linea de gcc
$VERSION" "$1"
}

# pide PROGRAMA: si necesita la .so.
pide() { readelf -d "$1" | grep -qF "[$SONAME]"; }

# Los archivos del sistema y lo que hay en cada uno, menos lo que cambia solo.
inventario() {
    find / -xdev \( -path /tmp -o -path /proc -o -path /var/cache -o -path /var/log -o -path /var/lib/dpkg -o -path /root \) -prune \
        -o ! -type d ! -name ld.so.cache -print | sort
}

sin_rastros() {
    inventario | diff "$1" - >&2 || fallar "quedaron (>) o se fueron (<) esos archivos"
    if ldconfig -p | grep tp0 >&2; then fallar "ldconfig la sigue viendo"; fi
    for carpeta in /usr/lib/cmake/tp0 /usr/lib/*/cmake/tp0; do
        [ ! -e "$carpeta" ] || fallar "quedó $carpeta"
    done
}
