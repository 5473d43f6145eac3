#!/usr/bin/env bash
# Los dos comandos del README, como los corre quien recién llega: un Debian con sólo lo que el README pide, un clon limpio, un usuario sin
# permisos, sin sbin en el PATH y con 1024 descriptores. Los Debian se arman en target/tmp/de_cero y quedan para la próxima.
#
#   tests/de_cero.sh                        bookworm y trixie
#   tests/de_cero.sh bookworm               sólo ése
#   tests/de_cero.sh --armar                arma lo que falte y no corre nada
#   tests/de_cero.sh --preparado trixie     y después, con lo que instala make preparar, otra vez
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/comun/guiones.sh
export PATH=$PATH:/usr/sbin:/sbin

# versión : cómo la llama la tabla del README
declare -A NOMBRE=([bookworm]='Debian 12' [trixie]='Debian 13')
JAULAS=${CARGO_TARGET_DIR:-target}/tmp/de_cero
ESPEJO=${ESPEJO:-http://deb.debian.org/debian}

correr=1 preparado=0 versiones=()
for argumento in "$@"; do
    case $argumento in
        --armar) correr=0 ;;
        --preparado) preparado=1 ;;
        bookworm | trixie) versiones+=("$argumento") ;;
        *) echo "tests/de_cero.sh: «$argumento» no es bookworm ni trixie" >&2; exit 2 ;;
    esac
done
[ "${#versiones[@]}" -gt 0 ] || versiones=(bookworm trixie)

[ "$(id -u)" -eq 0 ] || { saltear 'de cero' 'armar un Debian necesita root'; exit 0; }
command -v debootstrap >/dev/null || { saltear 'de cero' 'falta debootstrap: sudo apt install debootstrap'; exit 0; }

# paquetes VERSIÓN: los de la tabla del README, y lo que apt instala con ellos porque lo recomiendan y debootstrap no.
paquetes() {
    local lista
    lista=$(sed -n "s/^| ${NOMBRE[$1]} | .sudo apt install \(.*\). |\$/\1/p" README.md)
    [ -n "$lista" ] || { echo "el README no dice qué instalar en ${NOMBRE[$1]}" >&2; return 1; }
    echo "$lista libc6-dev ca-certificates" | tr ' ' ,
}

# armar VERSIÓN: con otro nombre hasta que esté entero.
armar() {
    local lista jaula=$JAULAS/$1
    lista=$(paquetes "$1")
    [ "$(cat "$jaula/.paquetes" 2>/dev/null || :)" != "$lista" ] || return 0
    rm -rf "$jaula" "$jaula.armando"
    mkdir -p "$JAULAS"
    echo "$1: armando un Debian con $lista"
    # En espacios propios: el /proc que monta adentro se va con él.
    unshare --mount --pid --mount-proc --fork --kill-child debootstrap --variant=minbase --include="$lista" "$1" "$jaula.armando" "$ESPEJO" \
        >"$jaula.registro" 2>&1 || { tail -n 5 "$jaula.registro" >&2; return 1; }
    chroot "$jaula.armando" useradd --create-home --shell /bin/bash ana
    echo "$lista" >"$jaula.armando/.paquetes"
    mv "$jaula.armando" "$jaula"
}

# adentro VERSIÓN ORDEN...: como root, con /proc y /dev, en espacios que se van con la orden.
adentro() {
    local jaula=$JAULAS/$1
    shift
    # Se va también con quien la lanzó, si lo matan.
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child bash -c '
        jaula=$1; shift
        mount -t proc proc "$jaula/proc" && mount --rbind /dev "$jaula/dev" && exec chroot "$jaula" "$@"' - "$jaula" "$@"
}

# como_ana VERSIÓN ORDEN: en una sesión nueva de ella, sin nada del entorno de acá.
como_ana() { adentro "$1" su - ana -c "ulimit -Sn 1024; cd libtp0 && $2"; }

# Los del README, sin sus comentarios.
comandos() { awk '/^```/ { adentro = !adentro } adentro && /^make (demo|test) / { sub(/ *#.*/, ""); print }' README.md; }

# probar VERSIÓN: cada comando, cuánto tardó y sus últimos renglones.
probar() {
    local jaula=$JAULAS/$1 orden desde fallas=0 cuantos=0
    # Un clon de lo que está en el repositorio, y la red de acá.
    rm -rf "$jaula/home/ana/libtp0"
    git clone --quiet --no-local . "$jaula/home/ana/libtp0"
    chroot "$jaula" chown -R ana: /home/ana
    # Lo que escribe el instalador de Debian, y debootstrap no.
    printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' >"$jaula/etc/hosts"
    cp /etc/resolv.conf "$jaula/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$jaula/etc/ssl/certs/ca-certificates.crt"
    env | grep -iE '^(https?|no)_proxy=' | sed 's/^/export /' >"$jaula/etc/profile.d/red.sh" || :
    while read -r orden; do
        cuantos=$((cuantos + 1))
        desde=$SECONDS
        if como_ana "$1" "$orden" >"$t/$1.dicho" 2>&1; then
            echo "$1: $orden: bien, en $((SECONDS - desde)) s; termina con"
        else
            fallas=$((fallas + 1))
            echo "FALLÓ: $1: $orden, en $((SECONDS - desde)) s"
            sed -n '/^---- .* stdout ----$/,/^$/p; /^error/,+3p' "$t/$1.dicho" | head -n 60
        fi
        tail -n 12 "$t/$1.dicho" | sed 's/^/    /'
    done
    [ "$cuantos" -gt 0 ] || { echo "$1: no había nada que correr"; return 1; }
    return "$fallas"
}

# recorrer VERSIÓN: antes y, si se pidió, después de make preparar.
recorrer() {
    local fallas=0
    probar "$1" < <(comandos) || fallas=$((fallas + 1))
    if [ "$preparado" -eq 1 ]; then
        adentro "$1" /home/ana/libtp0/tests/preparar.sh >"$t/$1.preparar" 2>&1 || { tail -n 5 "$t/$1.preparar" >&2; return 1; }
        echo "$1: con lo que instala make preparar"
        probar "$1" < <(comandos) || fallas=$((fallas + 1))
    fi
    return "$fallas"
}

con_temporal
fallas=0
for version in "${versiones[@]}"; do
    armar "$version" || fallas=$((fallas + 1))
done
[ "$correr" -eq 1 ] && [ "$fallas" -eq 0 ] || exit "$fallas"

[ "$(comandos | wc -l)" -eq 2 ] || { echo 'el README ya no dice los dos comandos' >&2; exit 1; }
# A la vez: casi siempre esperan. Se muestra cada una entera, cuando terminan todas las de antes.
echo "corriendo los dos comandos del README en: ${versiones[*]}"
pids=()
for version in "${versiones[@]}"; do
    recorrer "$version" >"$t/$version.todo" 2>&1 &
    pids+=($!)
done
for i in "${!versiones[@]}"; do
    wait "${pids[i]}" || fallas=$((fallas + 1))
    cat "$t/${versiones[i]}.todo"
done
exit $((fallas > 0))
