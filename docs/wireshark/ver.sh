#!/bin/sh
# ver.sh -- qué se dijeron los que hablan el TP0 en una captura: un renglón por handshake, respuesta o mensaje.
#
#   docs/wireshark/ver.sh captura.pcapng          los que usan el puerto 4444
#   docs/wireshark/ver.sh captura.pcapng 5001     los de otro; también 5001-5003,6000
#
# O muestra la captura entera o no muestra nada: si no puede, dice por qué en un renglón y termina con 1.
# Hace falta tshark (sudo apt install tshark). Para capturar: tshark -i any -f 'tcp port 4444' -w captura.pcapng

set -u
export LC_ALL=C.UTF-8

fallar() {
    echo "ver.sh: $1" >&2
    exit 1
}

[ $# -eq 1 ] || [ $# -eq 2 ] || fallar 'se usa así: ver.sh CAPTURA [PUERTO], por ejemplo ver.sh captura.pcapng 4444'
captura=$1
puertos=${2:-4444}
case $puertos in
'' | *[!0-9,-]*) fallar "el puerto «$puertos» no es un número, ni una lista como 5001-5003,6000" ;;
esac
disector=$(cd "$(dirname "$0")" && pwd)/tp0.lua

[ -e "$captura" ] || fallar "no existe $captura: ¿está en otra carpeta?"
[ -f "$captura" ] || fallar "$captura no es un archivo"
[ -s "$captura" ] || fallar "$captura está vacía"
[ -r "$captura" ] || fallar "no puedo leer $captura: mirá sus permisos con ls -l"
[ -f "$disector" ] || fallar "falta $disector: tiene que estar al lado de ver.sh"
command -v tshark >/dev/null || fallar 'falta tshark: sudo apt install tshark'

t=$(mktemp -d) || exit 1
trap 'rm -rf "$t"' EXIT
trap 'exit 130' INT TERM

# Los mensajes de un mismo paquete se separan con un carácter que el disector nunca deja pasar. Dos pasadas, para saber también cómo terminó
# cada conexión. $t como carpeta personal: las preferencias y los agregados de quien lo corre no lo cambian.
HOME=$t XDG_CONFIG_HOME=$t tshark -n -2 -r "$captura" -X "lua_script:$disector" -o "tp0.puertos:$puertos" \
    -o tcp.reassemble_out_of_order:TRUE -o tcp.desegment_tcp_streams:TRUE -Y 'tp0.resumen || _ws.lua.error' \
    -T fields -E separator=/t -E aggregator="$(printf '\037')" \
    -e frame.number -e frame.time_relative -e ip.src -e ipv6.src -e tcp.srcport -e ip.dst -e ipv6.dst -e tcp.dstport \
    -e _ws.lua.error -e tp0.resumen >"$t/salida" 2>"$t/quejas"
codigo=$?

# Lo primero que dijo tshark, sin lo que avisa siempre.
queja=$(grep -v -e '^Running as user' -e '^ *$' "$t/quejas" | head -n 1)
case $(cat "$t/quejas") in
*'lua_script'* | *'Lua: '*) fallar "tshark no pudo usar tp0.lua: $queja" ;;
*'flag "tp0.puertos:'*) fallar "«$puertos» no son puertos: van de 1 a 65535" ;;
*'damaged or corrupt'*) fallar "$captura está dañada: hay un paquete que no se puede leer" ;;
*'cut short in the middle'*) fallar "$captura está cortada en medio de un paquete: ¿se copió entera?, ¿se la guardó mientras se capturaba?" ;;
*"isn't a capture file"*) fallar "$captura no es una captura: hace falta un .pcap o un .pcapng" ;;
esac
[ "$codigo" -eq 0 ] || fallar "tshark no pudo con $captura: ${queja:-código $codigo}"
roto=$(awk -F '\t' '$9 != "" { print $1; exit }' "$t/salida")
[ -z "$roto" ] || fallar "el disector falló en el paquete $roto: avisanos, con esa captura"
[ -s "$t/salida" ] || fallar "en $captura no hay nada del TP0 en el puerto $puertos: si el servidor usa otro, ver.sh CAPTURA PUERTO"

awk -F '\t' '{
    desde = $3 $4; hasta = $6 $7
    cuantos = split($10, dichos, "\037")
    for (i = 1; i <= cuantos; i++)
        printf "%6d %11.6f  %s:%s → %s:%s  %s\n", $1, $2, desde, $5, hasta, $8, dichos[i]
}' "$t/salida"
