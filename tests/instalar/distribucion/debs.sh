# debs.sh -- los paquetes (/entrega/*.deb): se instalan, se usan, se vuelven a instalar, se actualizan y se van.
. /pruebas/comun.sh

paquete=libtp0-${SONAME#libtp0.so.}
inventario >/root/antes
cd /entrega
dpkg -i "$paquete"_*-1_*.deb libtp0-dev_*-1_*.deb tp0_*-1_*.deb >/root/registro 2>&1 || { cat /root/registro; fallar "no se instalaron"; }
doc=/usr/share/doc/libtp0-dev
sh /pruebas/usar.sh $doc/c_examples
for archivo in copyright changelog.Debian.gz; do
    [ -s "/usr/share/doc/$paquete/$archivo" ] || fallar "falta $archivo"
done
for archivo in README.md README.en.md SEGURIDAD.md CHANGELOG.md LICENSE-MIT include/tp0.h docs/LEEME.md docs/demo.svg examples/.vscode/tasks.json; do
    [ -s "$doc/$archivo" ] || fallar "falta $archivo"
done
# Corre tal cual quedó: lo que le falta es tshark, que acá no está.
queja "ver.sh: falta tshark" $doc/docs/wireshark/ver.sh /pruebas/charla.c
dice "" dpkg -V "$paquete" libtp0-dev tp0

# Con los paquetes puestos, el .tar.gz no pisa lo suyo ni lo borra.
queja "/usr/include/tp0.h es del paquete libtp0-dev" make -C /entrega/clon install
queja "/usr/include/tp0.h es del paquete libtp0-dev" make -C /entrega/clon uninstall
dice "" dpkg -V "$paquete" libtp0-dev

for vez in 1 2; do
    dpkg -i "$paquete"_*-$vez"_"*.deb libtp0-dev_*-$vez"_"*.deb tp0_*-$vez"_"*.deb >/root/registro 2>&1 || { cat /root/registro; fallar "la -$vez no"; }
    dice "$VERSION-$vez" dpkg-query -W -f '${Version}' libtp0-dev
    dice "" dpkg -V "$paquete" libtp0-dev
done

# El que compila necesita al otro.
if dpkg -r "$paquete" >/dev/null 2>&1; then fallar "se pudo sacar $paquete con libtp0-dev instalado"; fi
dpkg -r libtp0-dev >/dev/null
ldconfig -p | grep -qF "$SONAME " || fallar "sin libtp0-dev, un programa ya compilado no la encuentra"
dpkg -r "$paquete" >/dev/null

# La herramienta no necesita a la biblioteca, y tampoco a ella la pisa el .tar.gz.
dice "tp0 $VERSION" tp0 --version
queja "/usr/bin/tp0 es del paquete tp0" make -C /entrega/clon install
dpkg -r tp0 >/dev/null
sin_rastros /root/antes
