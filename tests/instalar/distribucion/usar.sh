# usar.sh EJEMPLOS -- con la biblioteca recién instalada: cada manera de compilar con ella, el manual y los ejemplos.
. /pruebas/comun.sh

for programa in cargo rustc rustup; do
    if command -v $programa; then fallar "en la jaula hay $programa: no se probaría nada"; fi
done
ldconfig -p | grep -qF "$SONAME " || fallar "ldconfig no ve $SONAME"

t=$(mktemp -d)
cd "$t"
cp /pruebas/charla.c x.c

gcc x.c -ltp0 -o solo
conversa ./solo
pide solo || fallar "no es con la .so"

dice "$VERSION" pkg-config --modversion tp0
gcc x.c $(pkg-config --cflags --libs tp0) -o con_pkg_config
conversa ./con_pkg_config

gcc x.c $(pkg-config --cflags --libs --static tp0 | sed 's/-ltp0/-l:libtp0.a/') -o estatico
conversa ./estatico
if pide estatico; then fallar "el programa estático pide la .so"; fi
# Los símbolos de la .a siguen siendo débiles: el programa puede tener lo suyo.
printf '#include <tp0.h>\nt_log *logger;\nt_paquete *crear_paquete(void) { return NULL; }\n' >propias.c
gcc -DTP0_SIN_LOGGER x.c propias.c $(pkg-config --cflags --libs --static tp0 | sed 's/-ltp0/-l:libtp0.a/') -o con_lo_suyo
conversa ./con_lo_suyo

# Con la menor (o desde la 1.0, la mayor) cambia la ABI: la que sigue no sirve.
mkdir cmake
cat >cmake/CMakeLists.txt <<'FIN'
cmake_minimum_required(VERSION 3.16)
project(x C)
find_package(Threads REQUIRED)
find_package(tp0 ${VERSION} EXACT REQUIRED)
find_package(tp0 ${SERIE} REQUIRED)
add_executable(con_cmake ../x.c)
target_link_libraries(con_cmake tp0::tp0 Threads::Threads)
foreach(otra 0.0 0.2 ${SERIE}.999 1 2.0)
  set(tp0_DIR)
  find_package(tp0 ${otra} QUIET)
  if(tp0_FOUND)
    message(FATAL_ERROR "dice servir para la ${otra}")
  endif()
endforeach()
find_package(PkgConfig REQUIRED)
pkg_check_modules(PC REQUIRED IMPORTED_TARGET tp0)
add_executable(con_pc ../x.c)
target_link_libraries(con_pc PkgConfig::PC Threads::Threads)
FIN
cmake -S cmake -B armado -DVERSION="$VERSION" -DSERIE="${SONAME#libtp0.so.}" >registro 2>&1 && cmake --build armado >>registro 2>&1 ||
    { cat registro && fallar "no anduvo con CMake"; }
conversa armado/con_cmake
conversa armado/con_pc
pide armado/con_cmake || fallar "no es con la .so"

cp -r "$1" ejemplos
make -C ejemplos demo >registro 2>&1 || { cat registro && fallar "no anduvo la demo"; }
pide ejemplos/bin/servidor || fallar "los ejemplos no son con la .so"

# La herramienta, con su manual y su completado.
dice "tp0 $VERSION" tp0 --version
tp0 --ayuda | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' >ordenes
[ -s ordenes ] || fallar "tp0 no dice qué órdenes tiene"
while read -r una; do
    man -w 1 "tp0-$una" >/dev/null || fallar "man no encuentra tp0-$una"
    dice "$una" bash -c '. /usr/share/bash-completion/completions/tp0; COMP_WORDS=(tp0 "$1"); COMP_CWORD=1; _tp0 tp0 "$1" tp0; echo "${COMPREPLY[*]}"' - "$una"
done <ordenes
tp0 trazar -- ejemplos/bin/cliente no-esta.config >registro 2>&1 || [ $? -eq 1 ] || { cat registro && fallar "tp0 trazar no pudo"; }

# Todas las páginas del manual del repositorio, con su nombre.
while read -r pagina; do
    nombre=${pagina%.*}
    man -w "${pagina##*.}" "$nombre" >/dev/null || fallar "man no encuentra $pagina"
done </pruebas/paginas
rm -rf "$t"
