#!/bin/sh
# instalar.sh install | uninstall -- lo que hace make, en el repositorio y en la carpeta de «make dist».
#
# Se corre desde la carpeta que tiene include/ y man/, con estas variables, que pone instalar.mk: PREFIX, DESTDIR, bindir, libdir,
# includedir, mandir, CC, BIBLIOTECA (la carpeta con libtp0.so.VERSIÓN, libtp0.a y libtp0.estaticas) y HERRAMIENTA (la que tiene tp0,
# libtp0_trazar.so, tp0.bash y man1; si no está, se instala lo demás).
#
# O queda entera o no queda nada: primero se mira todo, después se copia cada archivo al lado de su lugar con otro nombre, y
# recién cuando están todos se les pone el suyo, que ya no necesita espacio.
set -u
umask 022
export LC_ALL=C

aca=$(dirname "$0")
objetivo=$1
completado=$PREFIX/share/bash-completion/completions
# Donde tp0 la busca, que no es donde buscan los programas: no es una biblioteca para enlazar.
precarga=$PREFIX/lib/tp0/libtp0_trazar.so
version=$(sed -n 's/^#define TP0_VERSION "\(.*\)"$/\1/p' include/tp0.h)

# El SONAME cambia cuando cambia la ABI: con 0.x, la versión menor; desde 1.0, la mayor.
case $version in
    0.*) menor=${version#0.} && soname=libtp0.so.0.${menor%%.*} ;;
    *) soname=libtp0.so.${version%%.*} ;;
esac

quejarse() {
    echo "$*" >&2
    exit 1
}

# Para recorrer $(lista) aunque un camino tenga espacios o asteriscos. No con «lista | while»: ahí adentro, quejarse no terminaría
# con el guion.
por_renglon() {
    set -f
    IFS='
'
}

por_palabra() {
    set +f
    unset IFS
}

# Todo lo que se instala, un camino por renglón y sin DESTDIR. Es también lo que se borra. (Siempre se la llama en otro
# shell, con $() o |: su set no toca al de afuera.)
lista() {
    set +f
    printf '%s\n' \
        "$libdir/libtp0.so.$version" "$libdir/$soname" "$libdir/libtp0.so" "$libdir/libtp0.a" \
        "$libdir/pkgconfig/tp0.pc" "$libdir/cmake/tp0/tp0Config.cmake" "$libdir/cmake/tp0/tp0ConfigVersion.cmake" \
        "$includedir/tp0.h"
    for pagina in man/man[1-9]/*.[1-9]; do
        [ ! -e "$pagina" ] || echo "$mandir/${pagina#man/}"
    done
    [ -e "$HERRAMIENTA/tp0" ] || return 0
    printf '%s\n' "$bindir/tp0" "$precarga" "$completado/tp0"
    for pagina in "$HERRAMIENTA"/man1/*.1; do echo "$mandir/man1/${pagina##*/}"; done
}

# fabricar CAMINO ARCHIVO: deja en ARCHIVO lo que va en ese CAMINO de la lista.
fabricar() {
    case $1 in
        "$precarga") cp "$HERRAMIENTA/libtp0_trazar.so" "$2" && chmod 644 "$2" ;;
        */"$soname") ln -s "libtp0.so.$version" "$2" ;;
        */libtp0.so) ln -s "$soname" "$2" ;;
        */libtp0.so.*) cp "$BIBLIOTECA/libtp0.so.$version" "$2" && chmod 755 "$2" ;;
        */libtp0.a) cp "$BIBLIOTECA/libtp0.a" "$2" && chmod 644 "$2" ;;
        */tp0.h) cp include/tp0.h "$2" && chmod 644 "$2" ;;
        */tp0.pc | *.cmake) completar "$aca/$(basename "$1")" >"$2" && chmod 644 "$2" ;;
        "$bindir/tp0") cp "$HERRAMIENTA/tp0" "$2" && chmod 755 "$2" ;;
        "$completado/tp0") cp "$HERRAMIENTA/tp0.bash" "$2" && chmod 644 "$2" ;;
        "$mandir"/man1/*) cp "$HERRAMIENTA/${1#"$mandir/"}" "$2" && chmod 644 "$2" ;;
        *) cp "man/${1#"$mandir/"}" "$2" && chmod 644 "$2" ;;
    esac
}

completar() {
    sed -e "s|@version@|$version|" -e "s|@soname@|$soname|" \
        -e "s|@prefix@|$(para_sed "$PREFIX")|" -e "s|@libdir@|$(para_sed "$libdir")|" \
        -e "s|@includedir@|$(para_sed "$includedir")|" -e "s|@estaticas@|$(cat "$BIBLIOTECA/libtp0.estaticas")|" \
        -e "s|@hasta_include@|$(para_sed "$(realpath -ms --relative-to="$libdir/cmake/tp0" "$includedir")")|" "$1"
}

para_sed() { printf '%s' "$1" | sed 's/[&|\\]/\\&/g'; }

# Con qué nombre espera un archivo, al lado de su lugar. Siempre el mismo: si algo tan brusco como un corte de luz los deja ahí,
# los pisa la próxima instalación.
en_espera() { echo "$DESTDIR$(dirname "$1")/.$(basename "$1").instalando"; }

# --- Lo que se mira antes -----------------------------------------------------------------------------------------------------

exigir_caminos_absolutos() {
    for camino in "$PREFIX" "$bindir" "$libdir" "$includedir" "$mandir"; do
        case $camino in
            /*) ;;
            *) quejarse "«$camino» tiene que ser un camino completo, que empiece con /: por ejemplo PREFIX=$HOME/.local" ;;
        esac
    done
}

exigir_biblioteca() {
    for archivo in "libtp0.so.$version" libtp0.a libtp0.estaticas; do
        [ -s "$BIBLIOTECA/$archivo" ] ||
            quejarse "Falta $BIBLIOTECA/$archivo: o está incompleto lo que bajaste, o falta correr make."
    done
}

# exigir_lugar CARPETA: mira el primer directorio que ya existe yendo hacia arriba; los que faltan los crea install.
exigir_lugar() {
    d=$1
    while [ ! -e "$d" ] && [ ! -L "$d" ]; do d=$(dirname "$d"); done
    [ -d "$d" ] || quejarse "No puedo escribir en $1: $d no es una carpeta; elegí otro lugar con PREFIX o DESTDIR."
    [ -w "$d" ] && [ -x "$d" ] || no_se_puede "$d"
}

no_se_puede() {
    if [ "$(id -u)" -eq 0 ]; then
        quejarse "No puedo escribir en $1, ni siendo root: ¿es de sólo lectura? Elegí otro lugar con PREFIX=\$HOME/.local"
    fi
    quejarse "No puedo escribir en $1: probá «sudo make $objetivo», o elegí otro lugar con PREFIX=\$HOME/.local"
}

# es_ajeno ARCHIVO: ya hay uno con ese nombre y no es nuestro. En todos los que no se llaman libtp0.* está escrito libtp0.
es_ajeno() {
    case $1 in */libtp0.* | "$DESTDIR$precarga") return 1 ;; esac
    [ -f "$1" ] && ! grep -q libtp0 "$1"
}

# Un paquete .deb y esto pondrían el mismo archivo, y desinstalar uno rompería el otro.
exigir_que_no_sea_de_un_paquete() {
    [ -z "$DESTDIR" ] && command -v dpkg-query >/dev/null || return 0
    for archivo in "$includedir/tp0.h" "$bindir/tp0"; do
        paquete=$(dpkg-query -S "$archivo" 2>/dev/null) || continue
        quejarse "$archivo es del paquete ${paquete%%:*}: antes, «sudo apt remove ${paquete%%:*}»; o elegí otro PREFIX."
    done
}

# --- install ------------------------------------------------------------------------------------------------------------------

# Las carpetas que hubo que crear, de afuera hacia adentro.
creadas=

crear_carpeta() {
    [ -d "$1" ] && return
    crear_carpeta "$(dirname "$1")"
    # Se la anota antes: si justo acá se lo interrumpe, deshacer la busca.
    creadas="$1
$creadas"
    intentar "$1" mkdir "$1"
}

# intentar CAMINO ORDEN...: si falla, dice por qué no se pudo escribir ahí; deshacer se encarga de lo demás.
intentar() {
    donde=$1
    shift
    error=$("$@" 2>&1) && return
    case $error in
        *"No space left"* | *"quota exceeded"*) error="no queda lugar en el disco (mirá «df -h»)" ;;
        *"Read-only"*) error="el disco está montado de sólo lectura" ;;
        *"Permission denied"* | *"not permitted"*) error="sin permiso (probá con sudo)" ;;
        *) error=${error##*: } ;;
    esac
    quejarse "No puedo escribir en $donde: $error. No instalé nada."
}

deshacer() {
    trap '' INT TERM HUP
    lista | while read -r camino; do rm -f "$(en_espera "$camino")"; done
    printf '%s' "$creadas" | while read -r carpeta; do rmdir "$carpeta" 2>/dev/null; done
}

instalar() {
    por_renglon
    for camino in $(lista); do
        exigir_lugar "$DESTDIR$(dirname "$camino")"
        [ ! -d "$DESTDIR$camino" ] || [ -L "$DESTDIR$camino" ] ||
            quejarse "$DESTDIR$camino es una carpeta, y ahí va un archivo: movela, o elegí otro PREFIX."
        ! es_ajeno "$DESTDIR$camino" || quejarse "$DESTDIR$camino ya está y no es de libtp0: movelo, o elegí otro PREFIX."
    done

    trap deshacer EXIT
    # A un kill, make lo repite: la segunda señal no tiene que interrumpir a deshacer.
    trap 'trap "" INT TERM HUP; quejarse "Interrumpido: no instalé nada."' INT TERM HUP
    for camino in $(lista); do
        crear_carpeta "$DESTDIR$(dirname "$camino")"
        rm -f "$(en_espera "$camino")"
        intentar "$DESTDIR$camino" fabricar "$camino" "$(en_espera "$camino")"
    done

    # De acá en más no se interrumpe. Que mv falle con todo ya copiado sería muy raro: se arregla volviendo a instalar.
    trap '' INT TERM HUP
    for camino in $(lista); do
        mv -fT "$(en_espera "$camino")" "$DESTDIR$camino" ||
            quejarse "No pude poner $DESTDIR$camino en su lugar: arreglá eso y volvé a correr «make install»."
    done
    trap - EXIT INT TERM HUP
    por_palabra
    # La versión que ésta reemplaza: si quedara, ldconfig podría volver a elegirla después de un uninstall.
    for vieja in "$DESTDIR$libdir/$soname".[0-9]*; do
        # Con algo más que números no es una versión: es una copia de alguien.
        case ${vieja##*/libtp0.so.} in *[!0-9.]*) continue ;; esac
        [ "$vieja" = "$DESTDIR$libdir/libtp0.so.$version" ] || rm -f "$vieja"
    done

    echo "Instalé libtp0 $version:"
    lista | grep -vF "$mandir/" | sed "s|^|  $(para_sed "$DESTDIR")|"
    echo "  y $(lista | grep -cF "$mandir/") páginas del manual en $DESTDIR$mandir"
}

# ldconfig es para el sistema de verdad, y sólo root puede.
actualizar_loader() {
    [ -z "$DESTDIR" ] && [ "$(id -u)" -eq 0 ] || return 0
    PATH="$PATH:/sbin:/usr/sbin"
    ! command -v ldconfig >/dev/null || ldconfig
}

# Tres líneas de C contra lo que quedó instalado, con la .so y con la .a. Si está donde gcc y el loader buscan solos no se les
# indica nada: es lo que va a hacer cada TP.
probar() {
    command -v "${CC%% *}" >/dev/null || {
        echo "No probé compilar un programa con ella, porque no hay ${CC%% *}."
        return
    }
    t=$(mktemp -d) || exit 1
    trap 'rm -rf "$t"' EXIT
    case $DESTDIR$libdir in
        /usr/lib | /usr/local/lib | "/usr/lib/$($CC -print-multiarch 2>/dev/null)") set -- ;;
        *)
            set -- "-I$DESTDIR$includedir" "-L$DESTDIR$libdir"
            export LD_LIBRARY_PATH="$DESTDIR$libdir"
            ;;
    esac
    for enlace in "-ltp0" "-l:libtp0.a $(cat "$BIBLIOTECA/libtp0.estaticas")"; do
        # shellcheck disable=SC2086 # CC y el enlace son varias palabras
        $CC "$aca/prueba.c" -o "$t/prueba" "$@" $enlace && [ "$("$t/prueba")" = "$version" ] ||
            quejarse "Quedó copiada, pero un programa de tres líneas no anda con $enlace."
    done
    echo "Compilé y corrí un programa de tres líneas con ella."
    if [ $# -eq 0 ] || [ -n "$DESTDIR" ]; then
        echo "listo: agregá tp0 a LIBS"
    else
        echo "listo: como no está en /usr, compilá con $* -ltp0 y corré con LD_LIBRARY_PATH=$libdir"
    fi
}

# --- uninstall ----------------------------------------------------------------------------------------------------------------

desinstalar() {
    por_renglon
    for camino in $(lista); do
        [ ! -e "$DESTDIR$camino" ] && [ ! -L "$DESTDIR$camino" ] || exigir_lugar "$DESTDIR$(dirname "$camino")"
    done
    for camino in $(lista); do
        if es_ajeno "$DESTDIR$camino"; then
            echo "Dejé $DESTDIR$camino: no es de libtp0."
        else
            rm -f "$DESTDIR$camino" || exit 1
        fi
    done
    por_palabra
    # Las únicas carpetas que son sólo de la biblioteca.
    for carpeta in "$DESTDIR$libdir/cmake/tp0" "$DESTDIR${precarga%/*}"; do
        [ ! -d "$carpeta" ] || rmdir --ignore-fail-on-non-empty "$carpeta"
    done
}

exigir_caminos_absolutos
exigir_que_no_sea_de_un_paquete
case $objetivo in
    install)
        exigir_biblioteca
        instalar
        actualizar_loader
        probar
        ;;
    uninstall)
        desinstalar
        actualizar_loader
        ;;
esac
