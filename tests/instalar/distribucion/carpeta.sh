# carpeta.sh -- el .tar.gz, puesto en un repositorio y clonado (/entrega): lo que corre el script de despliegue de la cátedra.
. /pruebas/comun.sh

inventario >/root/antes
cd /entrega/clon
dice "No hay nada que compilar: seguí con «sudo make install»." make
dice "No hay nada que compilar: seguí con «sudo make install»." make all
for vez in primera segunda; do
    make install >/root/registro || fallar "la $vez vez no se instaló"
    grep -qF "listo: agregá tp0 a LIBS" /root/registro || fallar "no probó lo que instaló: $(cat /root/registro)"
done
sh /pruebas/usar.sh /entrega/clon/c_examples
make uninstall
sin_rastros /root/antes

# Una versión más nueva con el mismo SONAME reemplaza a la otra. (La de adentro sigue siendo la misma: con gcc se daría cuenta.)
make install >/dev/null
cp -r /entrega/clon /root/nueva
cd /root/nueva
sed -i "s/^#define TP0_VERSION .*/#define TP0_VERSION \"${VERSION%.*}.99\"/" include/tp0.h
mv "lib/libtp0.so.$VERSION" "lib/libtp0.so.${VERSION%.*}.99"
make install CC=no-hay | grep -qF "No probé compilar un programa con ella, porque no hay no-hay." || fallar "no dice que no probó"
dice "libtp0.so.${VERSION%.*}.99" readlink "/usr/lib/$SONAME"
[ ! -e "/usr/lib/libtp0.so.$VERSION" ] || fallar "quedó la versión anterior"
make uninstall
sin_rastros /root/antes

# Cada cosa en un lugar raro, sin ser root: hay que decirlo, y alcanza.
cp -r /entrega/clon /tmp/clon
lugar="/tmp/un lugar & otro|[a-z]*"
mkdir "$lugar"
chown -R nobody "$lugar"
cat >/tmp/raro.sh <<'FIN'
. /pruebas/comun.sh
make -C /tmp/clon install PREFIX="$1" libdir="$1/l/64" includedir="$1/i/tp0" mandir="$1/m" >/tmp/dicho
grep -qF "como no está en /usr, compilá con -I$1/i/tp0 -L$1/l/64 -ltp0" /tmp/dicho || fallar "no dice cómo usarla: $(cat /tmp/dicho)"
export PKG_CONFIG_PATH="$1/l/64/pkgconfig"
dice "$1/l/64" pkg-config --variable=libdir tp0
dice "$1/i/tp0" pkg-config --variable=includedir tp0
make -C /tmp/clon uninstall PREFIX="$1" libdir="$1/l/64" includedir="$1/i/tp0" mandir="$1/m"
[ -z "$(find "$1" ! -type d)" ] || fallar "quedó $(find "$1" ! -type d)"

# Y en la carpeta personal, con CMake y los ejemplos.
export HOME=/tmp/casa PKG_CONFIG_PATH=/tmp/casa/.local/lib/pkgconfig
make -C /tmp/clon install PREFIX=$HOME/.local >/tmp/dicho
mkdir /tmp/cmake && cd /tmp/cmake
printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(x C)' 'find_package(tp0 REQUIRED)' 'add_executable(x /pruebas/charla.c)' \
    'target_link_libraries(x tp0::tp0)' >CMakeLists.txt
cmake -DCMAKE_PREFIX_PATH=$HOME/.local . >registro 2>&1 && make >>registro 2>&1 || { cat registro; fallar "no anduvo con CMake"; }
conversa ./x
cp -r /tmp/clon/c_examples ~/ejemplos
make -C ~/ejemplos >/dev/null
env -u LD_LIBRARY_PATH ~/ejemplos/bin/cliente nada 2>&1 | grep -q nada || fallar "el ejemplo no corre"
FIN
mkdir -m 777 /tmp/casa
chmod 1777 /tmp
setpriv --reuid=nobody --regid=nogroup --clear-groups sh /tmp/raro.sh "$lugar"
sin_rastros /root/antes
