#!/usr/bin/env bash
# armar.sh tarball | deb -- lo que se instala sin Rust: un .tar.gz, y los paquetes de Debian y Ubuntu.
#
# Lo llaman «make dist» y «make deb», con DIST (dónde dejarlo), y BIBLIOTECA y HERRAMIENTA (lo que dejó make). Sale igual, byte por byte, cada vez
# que se arma lo mismo: todo lleva la fecha del último commit, o la de SOURCE_DATE_EPOCH.
set -euo pipefail
umask 022
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."

version=$(sed -n 's/^#define TP0_VERSION "\(.*\)"$/\1/p' include/tp0.h)
carpeta=libtp0-$version-linux-$(uname -m)

quejarse() {
    echo "$*" >&2
    exit 1
}

# exigir PROGRAMA:PAQUETE...
exigir() {
    local par
    for par in "$@"; do
        command -v "${par%%:*}" >/dev/null || quejarse "Falta ${par%%:*}: sudo apt install ${par##*:}"
    done
}

del_commit() { git log -1 --format="$1" 2>/dev/null || :; }

fecha() {
    local segundos=${SOURCE_DATE_EPOCH:-$(del_commit %ct)}
    echo "${segundos:-$(stat -c %Y CHANGELOG.md)}"
}

# arbol CARPETA: lo que va en el .tar.gz.
arbol() {
    mkdir -p "$1/lib" "$1/include" "$1/c_examples"
    cp "$BIBLIOTECA"/* "$1/lib"
    cp -r "$HERRAMIENTA" "$1/herramienta"
    cp include/tp0.h "$1/include"
    cp -r man docs "$1"
    cp -r c_examples/*.{c,h,sh,cfg,config} c_examples/{Makefile,.vscode} "$1/c_examples"
    cp -r paquetes/instalar "$1"
    cp paquetes/tarball/{makefile,LEEME.md} README.md README.en.md SEGURIDAD.md CHANGELOG.md LICENSE-* "$1"
    cp paquetes/tarball/gitignore "$1/.gitignore"
    sin_enlaces_rotos "$1"
    find "$1" -exec touch -h -d "@$(fecha)" {} +
}

# sin_enlaces_rotos CARPETA: lo que en el repositorio lleva a algo que acá no va (una prueba, el código) queda como texto.
sin_enlaces_rotos() {
    local documento destino
    find "$1" -name '*.md' | while read -r documento; do
        { grep -o '](\([^)#:]*\)[^):]*)' "$documento" || :; } | sed 's/^](//; s/)$//' | sort -u | while read -r destino; do
            [ -e "$(dirname "$documento")/${destino%%#*}" ] && continue
            sed -i "s|\[\([^]]*\)\]($(sed 's/[.*|]/\\&/g' <<<"$destino"))|\1|g" "$documento"
        done
    done
}

# Se arma con otro nombre: si se interrumpe, no queda uno a medias con el suyo.
tarball() {
    exigir tar:tar gzip:gzip
    arbol "$t/$carpeta"
    tar -C "$t" --sort=name --owner=0 --group=0 --numeric-owner --mode=u+w,go=rX --format=gnu -cf - "$carpeta" | gzip -9n >"$t/listo"
    mv "$t/listo" "$DIST/$carpeta.tar.gz"
    echo "Listo: $DIST/$carpeta.tar.gz"
}

deb() {
    exigir dpkg-buildpackage:dpkg-dev dh:debhelper make:make gcc:gcc
    arbol "$t/$carpeta"
    plantillas "$t/$carpeta/debian"
    (cd "$t/$carpeta" && SOURCE_DATE_EPOCH=$(fecha) dpkg-buildpackage -b --no-sign) >"$t/registro" 2>&1 || {
        cat "$t/registro" >&2
        quejarse "No pude armar los paquetes: arriba está lo que dijo dpkg-buildpackage."
    }
    local archivo
    for archivo in "$t"/*.deb; do
        mv "$archivo" "$DIST"
        echo "Listo: $DIST/$(basename "$archivo")"
    done
}

# plantillas CARPETA: la carpeta debian/, con los nombres de esta versión.
plantillas() {
    local suf=${version%%.*} quien archivo
    [ "$suf" != 0 ] || suf=${version%.*}
    quien="${DEBFULLNAME:-Los autores de libtp0} <${DEBEMAIL:-libtp0@localhost}>"
    cp -r paquetes/debian "$1"
    # El texto de la licencia, como lo pide ese formato: con un espacio adelante, y un punto donde no hay nada.
    sed '1,/^Copyright/d; s/^$/./; s/^/ /' LICENSE-MIT | sed 1d >"$t/mit"
    sed -i -e "s|@version@|$version|; s|@revision@|${REVISION:-1}|; s|@suf@|$suf|g; s|@quien@|$quien|" \
        -e "s|@fecha@|$(date -uRd "@$(fecha)")|; s|@copyright@|$(sed -n 's/^Copyright (c) //p' LICENSE-MIT)|" \
        -e "/@mit@/{r $t/mit" -e 'd}' "$1"/*
    # Los símbolos de este SONAME: dpkg-gensymbols se queja si la biblioteca exporta otros.
    {
        echo "libtp0.so.$suf libtp0-$suf #MINVER#"
        echo "* Build-Depends-Package: libtp0-dev"
        sed "s/.*/ &@Base $version/" tests/simbolos.txt
    } >"$1/libtp0-$suf.symbols"
}

mkdir -p "$DIST" 2>/dev/null && t=$(mktemp -d "$DIST/.armando.XXXXXX" 2>/dev/null) ||
    quejarse "No puedo escribir en $DIST: elegí otro lugar con DIST=carpeta."
trap 'rm -rf "$t"' EXIT
trap 'exit 130' INT TERM HUP
"$1"
