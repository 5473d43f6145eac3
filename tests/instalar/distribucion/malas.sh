# malas.sh -- instalar donde no se puede: lo dice en un renglón, con la causa, y no deja nada a medias.
. /pruebas/comun.sh

inventario >/root/antes
cd /entrega/clon
sin_ser_root() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
vacia() { [ -z "$(find "$1" -mindepth 1)" ] || fallar "en $1 quedó $(find "$1" -mindepth 1)"; }
huella() { (cd "$1" && find . ! -type d | sort | xargs md5sum); }

queja "No puedo escribir en /usr/lib: probá «sudo make install»" sin_ser_root make install
sin_rastros /root/antes

mkdir /root/lectura /root/chica
mount -t tmpfs -o ro,size=1m lectura /root/lectura
queja "No puedo escribir en /root/lectura, ni siendo root: ¿es de sólo lectura?" make install PREFIX=/root/lectura
queja "No puedo escribir en /root/lectura, ni siendo root: ¿es de sólo lectura?" make install DESTDIR=/root/lectura/d

mount -t tmpfs -o size=1m chica /root/chica
queja "no queda lugar en el disco (mirá «df -h»). No instalé nada." make install PREFIX=/root/chica
vacia /root/chica

# Lugar para una, pero no para la vieja y la nueva a la vez: la vieja tiene que quedar entera.
mount -o remount,size=24m /root/chica
make install PREFIX=/root/chica >/dev/null
huella /root/chica >/root/huella
queja "no queda lugar en el disco" make install PREFIX=/root/chica
huella /root/chica | diff /root/huella - || fallar "cambió la que estaba"
chmod a+rx /root
queja "No puedo escribir en /root/chica/lib: probá «sudo make uninstall»" sin_ser_root make uninstall PREFIX=/root/chica
huella /root/chica | diff /root/huella - || fallar "borró algo"
mount -o remount,ro /root/chica
queja "ni siendo root: ¿es de sólo lectura?" make uninstall PREFIX=/root/chica

touch /root/archivo
queja "/root/archivo no es una carpeta" make install DESTDIR=/root/archivo
queja "/root/archivo no es una carpeta" make install PREFIX=/root/archivo/x
ln -s /no/existe /root/enlace
queja "/root/enlace no es una carpeta" make install DESTDIR=/root/enlace
[ ! -s /root/archivo ] || fallar "escribió en el archivo"
queja "«prefijo» tiene que ser un camino completo" make install PREFIX=prefijo
mkdir -p /root/ocupada/lib/libtp0.so
queja "/root/ocupada/lib/libtp0.so es una carpeta" make install PREFIX=/root/ocupada
[ -z "$(find /root/ocupada ! -type d)" ] || fallar "quedó algo"

# Lo que tiene un nombre nuestro y es de otro no se pisa ni se borra.
paginas=/root/compartida/share/man/man3
mkdir -p "$paginas"
echo "de otro" >"$paginas/logger.3"
queja "$paginas/logger.3 ya está y no es de libtp0" make install PREFIX=/root/compartida
[ ! -e /root/compartida/lib ] || fallar "quedó algo"
rm "$paginas/logger.3"
make install PREFIX=/root/compartida >/dev/null
cp "/root/compartida/lib/libtp0.so.$VERSION" "/root/compartida/lib/libtp0.so.$VERSION.mio"
make install PREFIX=/root/compartida >/dev/null
[ -e "/root/compartida/lib/libtp0.so.$VERSION.mio" ] || fallar "borró una copia de alguien"
echo "de otro" >"$paginas/logger.3"
make uninstall PREFIX=/root/compartida | grep -qF "Dejé $paginas/logger.3: no es de libtp0." || fallar "no dice qué dejó"
[ -e "$paginas/logger.3" ] || fallar "borró lo de otro"
rm -r /root/compartida

for falta in "libtp0.so.$VERSION" libtp0.a libtp0.estaticas; do
    rm -rf /root/incompleta
    cp -r /entrega/clon /root/incompleta
    rm "/root/incompleta/lib/$falta"
    queja "Falta lib/$falta" make -C /root/incompleta install PREFIX=/root/nada
done
[ ! -e /root/nada ] || fallar "quedó /root/nada"

# Ctrl-C, o un kill, en medio de cada copia: a todo el grupo, como hace la terminal. Con lugar nuevo y con otra ya puesta.
# Quien corre las pruebas de fondo las deja sordas a Ctrl-C, y eso se hereda: por eso --default-signal.
mkdir /root/falso
cat >/root/falso/cp <<'FIN'
#!/bin/sh
echo . >>/root/cuenta
[ "$(wc -l </root/cuenta)" -ne "$CUAL" ] || kill -"$SENIAL" 0
exec /bin/cp "$@"
FIN
chmod +x /root/falso/cp
make install PREFIX=/root/puesta >/dev/null
huella /root/puesta >/root/huella
for SENIAL in INT TERM; do
    for CUAL in 1 2 3; do
        export SENIAL CUAL
        for lugar in /root/nueva /root/puesta; do
            : >/root/cuenta
            if PATH=/root/falso:$PATH setsid -w env --default-signal make install PREFIX=$lugar >/root/dicho 2>&1; then fallar "no se interrumpió"; fi
            [ "$(wc -l </root/cuenta)" -ge "$CUAL" ] || fallar "nunca llegó a la copia $CUAL"
            # A un TERM, make se va sin esperar a que el guion termine de limpiar.
            for intento in $(seq 100); do
                [ -e /root/nueva ] || [ -n "$(find /root/puesta -name '*.instalando')" ] || break
                sleep 0.05
            done
            grep -qF "Interrumpido: no instalé nada." /root/dicho || fallar "no dice que se interrumpió: $(cat /root/dicho)"
            [ ! -e /root/nueva ] || fallar "quedó $(find /root/nueva)"
            huella /root/puesta | diff /root/huella - || fallar "cambió la que estaba"
        done
    done
done
sin_rastros /root/antes
