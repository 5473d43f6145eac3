# debs.sh -- los paquetes (/entrega/*.deb): se instalan, se usan, se vuelven a instalar, se actualizan y se van.
. /pruebas/comun.sh

paquete=libtp0-${SONAME#libtp0.so.}
inventario >/root/antes
cd /entrega
dpkg -i "$paquete"_*-1_*.deb libtp0-dev_*-1_*.deb >/root/registro 2>&1 || { cat /root/registro; fallar "no se instalaron"; }
sh /pruebas/usar.sh /usr/share/doc/libtp0-dev/examples
for archivo in copyright changelog.Debian.gz; do
    [ -s "/usr/share/doc/$paquete/$archivo" ] || fallar "falta $archivo"
done
for archivo in LEEME.md demo.svg wireshark/tp0.lua wireshark/ver.sh; do
    [ -s "/usr/share/doc/libtp0-dev/docs/$archivo" ] || fallar "falta docs/$archivo"
done
[ -s /usr/share/doc/libtp0-dev/examples/.vscode/tasks.json ] || fallar "los ejemplos no tienen lo de VS Code"
dice "" dpkg -V "$paquete" libtp0-dev

# Con los paquetes puestos, el .tar.gz no pisa lo suyo ni lo borra.
queja "/usr/include/tp0.h es del paquete libtp0-dev" make -C /entrega/clon install
queja "/usr/include/tp0.h es del paquete libtp0-dev" make -C /entrega/clon uninstall
dice "" dpkg -V "$paquete" libtp0-dev

for vez in 1 2; do
    dpkg -i "$paquete"_*-$vez"_"*.deb libtp0-dev_*-$vez"_"*.deb >/root/registro 2>&1 || { cat /root/registro; fallar "la -$vez no"; }
    dice "$VERSION-$vez" dpkg-query -W -f '${Version}' libtp0-dev
    dice "" dpkg -V "$paquete" libtp0-dev
done

# El que compila necesita al otro.
if dpkg -r "$paquete" >/dev/null 2>&1; then fallar "se pudo sacar $paquete con libtp0-dev instalado"; fi
dpkg -r libtp0-dev >/dev/null
ldconfig -p | grep -qF "$SONAME " || fallar "sin libtp0-dev, un programa ya compilado no la encuentra"
dpkg -r "$paquete" >/dev/null
sin_rastros /root/antes
