#!/bin/sh
# demo.sh -- hace conversar a los ejemplos y falla si no se entendieron.
#
# Lo que se manda se sortea en cada corrida, así que no hay forma de acertar sin que
# los datos hayan pasado de verdad por los sockets. Lo usa el Makefile; a mano:
#   BIN=bin ./demo.sh
#
#   BIN      dónde están los programas
#   PREFIJO  con qué correrlos (por ejemplo valgrind); vacío, directamente
#   SALIDA   dónde dejar lo que dijo cada uno; vacío, en un temporal que se borra
#   TRAZAS   dónde dejar la traza de cada uno (TP0_TRAZA=1); vacío, sin trazas
#   PLAZO    cuántos segundos se espera, a lo sumo, a cada programa

set -u

BIN=${BIN:-bin}
PREFIJO=${PREFIJO:-}
# Con valgrind, y en una máquina que hace otras cosas, lo que tarda un segundo puede tardar un minuto.
PLAZO=${PLAZO:-$([ -z "$PREFIJO" ] && echo 30 || echo 120)}

# El entorno de quien corre la demo no tiene que cambiarla. Bajo valgrind todo
# tarda más: el handshake también merece un plazo más largo. El puerto 0 le pide al
# kernel uno libre: la demo anda aunque el 4444 esté ocupado.
unset TP0_HANDSHAKE TP0_TAMANIO_MAXIMO TP0_TRAZA
TP0_IP=127.0.0.1
TP0_PUERTO=0
TP0_ESPERA_MS=20000
export TP0_IP TP0_PUERTO TP0_ESPERA_MS
if [ -n "${TRAZAS:-}" ]; then
    mkdir -p "$TRAZAS" || exit 1
    TP0_TRAZA=1
    export TP0_TRAZA
fi

propia=
if [ -z "${SALIDA:-}" ]; then
    SALIDA=$(mktemp -d) || exit 1
    propia=si
fi
mkdir -p "$SALIDA" || exit 1
rm -f "$SALIDA"/*.txt "$SALIDA"/*.pid "$SALIDA"/consola-*

# Pase lo que pase no queda ningún programa suelto ni archivos en /tmp.
limpiar() {
    for archivo in "$SALIDA"/*.pid; do
        [ -f "$archivo" ] && kill -KILL "$(cat "$archivo")" 2>/dev/null
    done
    [ -n "$propia" ] && rm -rf "$SALIDA"
}
trap limpiar EXIT
trap 'exit 130' INT TERM

# --- Mostrar ------------------------------------------------------------------

# Colores para una terminal; en un archivo son basura.
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    verde=$(printf '\033[32m') azul=$(printf '\033[36m') rojo=$(printf '\033[31m')
    normal=$(printf '\033[0m')
else
    verde='' azul='' rojo='' normal=''
fi

# Así empieza un renglón de la traza: [programa pid +segundos.micros]
de_la_traza='^\[[^ ]* [0-9]* +[0-9]*\.[0-9]*\] '

# mostrar ETIQUETA COLOR: lo que dijo un programa, con su nombre en cada línea.
mostrar() {
    grep -av "$de_la_traza" "$SALIDA/$1.txt" |
    while IFS= read -r linea || [ -n "$linea" ]; do
        printf '%s[%s]%s %s\n' "$2" "$1" "$normal" "$linea"
    done
}

fallar() {
    for archivo in "$SALIDA"/*.txt; do
        [ -f "$archivo" ] && mostrar "$(basename "$archivo" .txt)" "$rojo"
    done >&2
    printf '%sLa demo falló: %s%s\n' "$rojo" "$1" "$normal" >&2
    exit 1
}

# --- Esperar sin dormir de más --------------------------------------------------

# Un proceso terminado que nadie esperó (Z) ya no vive, aunque tenga PID.
# Se lo lee de una vez: entre mirar si está y leerlo, el shell lo puede dar por esperado.
vive() {
    case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null) in '' | Z*) return 1 ;; esac
}

# esperar_que PID CONDICION...: la prueba hasta que se cumpla, muera PID o venza el plazo.
esperar_que() {
    pid=$1
    shift
    limite=$(($(date +%s) + PLAZO))
    until "$@"; do
        # Si murió puede haber escrito justo antes: una última mirada.
        vive "$pid" || { "$@"; return; }
        [ "$(date +%s)" -lt "$limite" ] || return 1
        sleep 0.05
    done
}

dijo() { grep -q -- "$2" "$SALIDA/$1.txt"; }
dijo_exacto() { grep -Fxq -- "$2" "$SALIDA/$1.txt"; }
termino() { ! vive "$1"; }

# --- Sortear --------------------------------------------------------------------

azar() { od -An -N4 -tu4 /dev/urandom | tr -d ' \n'; }

# hasta N: un número de 0 a N - 1.
hasta() { echo $(($(azar) % $1)); }

# Un par de palabras, con acentos y espacios a propósito, y un número irrepetible.
frase() {
    set -- mate ñandú colectivo pingüino 'dulce de leche' alfajor murciélago 'ómnibus 60' truco
    shift "$(hasta $#)"
    printf '%s %s' "$1" "$(azar)"
}

# lineas ARCHIVO: entre una y seis frases, una por línea.
lineas() {
    cuantas=$(($(hasta 6) + 1))
    while [ "$cuantas" -gt 0 ]; do
        frase
        echo
        cuantas=$((cuantas - 1))
    done >"$1"
}

# --- Correr ---------------------------------------------------------------------

# correr ETIQUETA PROGRAMA...: con plazo, y guardando todo lo que dijo.
correr() {
    actor=$1
    shift
    # $PREFIJO va sin comillas: son varias palabras.
    timeout -k 5 "$PLAZO" $PREFIJO "$@" >"$SALIDA/$actor.txt" 2>&1
}

# lanzar ETIQUETA PROGRAMA...: lo deja corriendo. Si hay una consola-ETIQUETA, lee de ahí.
lanzar() {
    actor=$1
    shift
    consola=/dev/null
    [ -p "$SALIDA/consola-$actor" ] && consola=$SALIDA/consola-$actor
    $PREFIJO "$@" <"$consola" >"$SALIDA/$actor.txt" 2>&1 &
    echo $! >"$SALIDA/$actor.pid"
}

pid_de() { cat "$SALIDA/$1.pid"; }

# esperar_linea ETIQUETA LÍNEA QUEJA: que la diga, entera, un programa que está corriendo.
esperar_linea() {
    esperar_que "$(pid_de "$1")" dijo_exacto "$1" "$2" || fallar "$3"
}

# puerto_de ETIQUETA: lo deja en $puerto, leído de lo que dijo.
puerto_de() {
    esperar_que "$(pid_de "$1")" dijo "$1" 'scucho en el puerto [0-9]*\.$' || fallar "$1 no arrancó."
    puerto=$(sed -n 's/^.*scucho en el puerto \([0-9]*\)\.$/\1/p' "$SALIDA/$1.txt")
}

# esperar_final ETIQUETA: que termine por su cuenta, y bien.
esperar_final() {
    pid=$(pid_de "$1")
    esperar_que "$pid" termino "$pid" || fallar "$1 no terminó."
    wait "$pid"
    codigo=$?
    rm "$SALIDA/$1.pid"
    [ "$codigo" -eq 0 ] || fallar "$1 terminó con código $codigo."
}

# interrumpir ETIQUETA: Ctrl-C, y que termine bien.
interrumpir() {
    kill -INT "$(pid_de "$1")"
    esperar_final "$1"
}

capitulo() { printf '%s--- %s%s\n' "$verde" "$1" "$normal"; }

# --- El TP0: un servidor, dos clientes, y en el medio uno que no sabe presentarse --------

lanzar servidor "$BIN/servidor"
puerto_de servidor

# cliente NUMERO FORMATO: sortea una clave y unas líneas, escribe el .config y corre.
cliente() {
    clave=$(frase)
    lineas "$SALIDA/lineas-$1"
    # shellcheck disable=SC2059 -- el formato es nuestro: cambia cómo está escrito el .config
    printf "$2" "$clave" 127.0.0.1 "$puerto" >"$SALIDA/cliente-$1.config"
    # La línea vacía termina el paquete; lo que sigue ya no se tiene que mandar.
    { cat "$SALIDA/lineas-$1" && printf '\nesto no viaja\n'; } >"$SALIDA/entrada-$1"

    correr "cliente-$1" "$BIN/cliente" "$SALIDA/cliente-$1.config" <"$SALIDA/entrada-$1" ||
        fallar "el cliente $1 terminó con código $?."
    dijo_exacto "cliente-$1" "El servidor contestó: Valores recibidos: $(($(wc -l <"$SALIDA/lineas-$1")))." ||
        fallar "al cliente $1 no le llegó la respuesta, o el ejemplo ya no la dice con las palabras de siempre."
    esperar_linea servidor "Me llego el mensaje $clave" "al servidor no le llegó el mensaje del cliente $1."
}

cliente 1 'CLAVE=%s\nIP=%s\nPUERTO=%s\n'

correr rechazado "$BIN/rechazado" 127.0.0.1 "$puerto" || fallar 'el servidor no rechazó al que mostraba otro handshake.'
dijo rechazado '^No me dejaron pasar: ' || fallar 'el rechazado no supo por qué.'
esperar_que "$(pid_de servidor)" dijo servidor 'mostr.* 7 ' || fallar 'el servidor no dijo a quién rechazó.'

# El mismo .config como lo dejaría un editor de Windows, con blancos de más.
cliente 2 '# configuración\r\nCLAVE = %s \r\n\r\n  IP=%s\r\nPUERTO= %s\r\n'

interrumpir servidor

# Las mismas líneas, todas, en el mismo orden y ninguna más.
cat "$SALIDA/lineas-1" "$SALIDA/lineas-2" >"$SALIDA/mandadas"
sed -n 's/^  - //p' "$SALIDA/servidor.txt" >"$SALIDA/recibidas"
cmp -s "$SALIDA/mandadas" "$SALIDA/recibidas" || fallar 'las líneas que mostró el servidor no son las que se mandaron.'
[ "$(grep -Fxc 'El cliente se fue.' "$SALIDA/servidor.txt")" -eq 2 ] || fallar 'el servidor no vio irse a los dos clientes.'

capitulo 'El TP0'
mostrar servidor "$verde"
mostrar cliente-1 "$azul"
mostrar rechazado "$azul"
mostrar cliente-2 "$azul"
echo "El servidor recibió SIGINT y terminó con código $codigo."
echo

# --- Las seis funciones solas -----------------------------------------------------

# Con seis funciones no hay cómo preguntar el puerto: se sortea uno, y si justo está
# ocupado, otro. Debajo de 32768, donde el kernel no reparte puertos por su cuenta.
intento=0
while :; do
    puerto=$(($(hasta 20000) + 10000))
    TP0_PUERTO=$puerto
    lanzar seis-servidor "$BIN/seis_funciones" servidor
    TP0_PUERTO=0
    esperar_que "$(pid_de seis-servidor)" dijo_exacto seis-servidor 'Espero a un cliente.' && break
    kill -KILL "$(pid_de seis-servidor)" 2>/dev/null
    wait "$(pid_de seis-servidor)"
    intento=$((intento + 1))
    [ "$intento" -lt 10 ] || fallar 'seis_funciones no pudo escuchar en ningún puerto.'
done

uno=$(frase) dos=$(frase) tres=$(frase)
correr seis-cliente "$BIN/seis_funciones" cliente 127.0.0.1 "$puerto" "$uno" "$dos" "$tres" ||
    fallar "el cliente de seis_funciones terminó con código $?."
esperar_final seis-servidor

# Ida y vuelta: cada texto en los dos lados, y el final ordenado.
for texto in "$uno" "$dos" "$tres"; do
    dijo_exacto seis-servidor "Me dijeron: $texto" || fallar "al servidor no le llegó «$texto»."
    dijo_exacto seis-cliente "Me contestaron: $texto" || fallar "al cliente no le volvió «$texto»."
done
dijo_exacto seis-servidor 'El cliente se despidió.' || fallar 'el servidor no vio el final de la charla.'

capitulo 'Seis funciones'
mostrar seis-servidor "$verde"
mostrar seis-cliente "$azul"
echo

# --- Muchos clientes: un chat -----------------------------------------------------

# entra ETIQUETA NOMBRE: un cliente del chat con una consola en la que se puede escribir.
# Abrirla para leer y escribir no espera al otro lado, que todavía no existe.
entra() {
    mkfifo "$SALIDA/consola-$1" || fallar 'no pude crear una consola.'
    case $1 in
    ana) exec 3<>"$SALIDA/consola-$1" ;;
    beto) exec 4<>"$SALIDA/consola-$1" ;;
    caro) exec 5<>"$SALIDA/consola-$1" ;;
    esac
    lanzar "$1" "$BIN/chat_cliente" "$2" 127.0.0.1 "$puerto"
    esperar_linea chat "Entró $2." "el chat no vio entrar a $1."
}

lanzar chat "$BIN/chat_servidor"
puerto_de chat
ana=ana-$(azar) beto=beto-$(azar) caro=caro-$(azar)
entra ana "$ana"
entra beto "$beto"
esperar_linea ana "*: $beto entró." 'ana no se enteró de que entró beto.'
entra caro "$caro"
esperar_linea caro "*: Están: $ana, $beto, $caro" 'a caro no le dijeron quiénes están.'

# El mismo nombre dos veces no entra: se lo dicen, y se va.
correr tocayo "$BIN/chat_cliente" "$ana" 127.0.0.1 "$puerto" </dev/null || fallar 'el tocayo no terminó bien.'
dijo_exacto tocayo '*: Ese nombre no sirve, o ya está: probá con otro.' || fallar 'el tocayo entró.'

# Uno a todos, y uno a otro: eso último no lo tiene que ver nadie más.
todos=$(frase) secreto=$(frase)
echo "$todos" >&3
for otro in beto caro; do
    esperar_linea $otro "$ana: $todos" "a $otro no le llegó lo que ana les dijo a todos."
done
echo "/a $ana $secreto" >&4
esperar_linea ana "$beto (sólo a vos): $secreto" 'a ana no le llegó lo que beto le dijo a ella.'

# Beto se va, y los demás se enteran.
echo /chau >&4
esperar_final beto
for otro in ana caro; do
    esperar_linea $otro "*: $beto se fue." "$otro no se enteró de que se fue beto."
done
echo /quienes >&5
esperar_linea caro "*: Están: $ana, $caro" 'caro ve a uno que se fue.'

# El servidor termina con dos clientes adentro: los corta, y ellos se dan cuenta.
interrumpir chat
dijo_exacto chat 'Cerré todo; quedaban 0 en la sala.' || fallar 'el chat no esperó a sus hilos.'
for otro in ana caro; do
    esperar_final $otro
    dijo $otro '^Se terminó: ' || fallar "$otro no vio que el chat terminó."
done
exec 3>&- 4>&- 5>&-
! grep -Fq -- "$secreto" "$SALIDA/caro.txt" || fallar 'caro vio lo que beto le dijo sólo a ana.'
! dijo_exacto ana "$ana: $todos" || fallar 'a ana le volvió lo que ella dijo.'

capitulo 'Un chat'
mostrar chat "$verde"
for actor in ana beto caro tocayo; do mostrar $actor "$azul"; done
echo

# --- Servidores que son clientes de otros: una cadena -------------------------------

lanzar eslabon-C "$BIN/cadena" C 0
puerto_de eslabon-C
lanzar eslabon-B "$BIN/cadena" B 0 127.0.0.1 "$puerto"
puerto_de eslabon-B
lanzar eslabon-A "$BIN/cadena" A 0 127.0.0.1 "$puerto"
puerto_de eslabon-A

texto=$(frase)
correr pregunta "$BIN/seis_funciones" cliente 127.0.0.1 "$puerto" "$texto" ||
    fallar "el que le pregunta a la cadena terminó con código $?."
dijo_exacto pregunta "Me contestaron: $texto > A > B > C < B < A" || fallar 'la cadena no dio toda la vuelta.'
dijo_exacto eslabon-C "C: me llegó «$texto > A > B»." || fallar 'al último eslabón le llegó otra cosa.'

# Sin el del medio, la respuesta es la causa; y los demás siguen.
interrumpir eslabon-B
correr pregunta-2 "$BIN/seis_funciones" cliente 127.0.0.1 "$puerto" "$texto" ||
    fallar "con la cadena rota, el que pregunta terminó con código $?."
dijo pregunta-2 '^Me contestaron: A no pudo seguir: .*no hay nadie escuchando' ||
    fallar 'con la cadena rota, el que pregunta no supo por qué.'
interrumpir eslabon-A
interrumpir eslabon-C

capitulo 'Una cadena'
for actor in eslabon-A eslabon-B eslabon-C; do mostrar $actor "$verde"; done
mostrar pregunta "$azul"
mostrar pregunta-2 "$azul"
echo

# --- Quién es cada cliente -----------------------------------------------------------

lanzar quien "$BIN/quien_soy" servidor
puerto_de quien
for modulo in kernel cpu memoria; do
    texto=$(frase)
    correr "$modulo" "$BIN/quien_soy" "$modulo" 127.0.0.1 "$puerto" "$texto" || fallar "$modulo no pudo conversar."
    dijo_exacto "$modulo" "El servidor dice: Hola, $modulo." || fallar "a $modulo lo saludaron como a otro."
    esperar_linea quien "$modulo dice: $texto" "el servidor no supo qué dijo $modulo."
    esperar_linea quien "Se fue: $modulo." "el servidor no vio irse a $modulo."
done
correr desconocido "$BIN/quien_soy" consola 127.0.0.1 "$puerto" nada && fallar 'entró uno que no está en la lista.'
dijo desconocido 'rechazó el handshake' || fallar 'el desconocido no supo por qué no entró.'
interrumpir quien

capitulo '¿Quién es?'
mostrar quien "$verde"
for actor in kernel cpu memoria desconocido; do mostrar $actor "$azul"; done
echo

# --- Serializar ------------------------------------------------------------------------

lanzar familia-servidor "$BIN/persona_servidor"
puerto_de familia-servidor

# Entre una y cuatro personas al azar; el resumen que tiene que volver se saca acá.
apellido=$(frase) numero=$(azar) cuantas=$(($(hasta 4) + 1))
suma=0 menores='no hay' mayor='' edad_mayor=-1 primera=''
set --
: >"$SALIDA/esperadas"
while [ $# -lt $((cuantas * 4)) ]; do
    dni=$(azar) edad=$(hasta 100) pasaporte=$(azar) nombre=$(frase)
    set -- "$@" "$dni" "$edad" "$pasaporte" "$nombre"
    echo "$nombre, $edad años, dni $dni, pasaporte $pasaporte" >>"$SALIDA/esperadas"
    suma=$((suma + edad))
    [ "$edad" -ge 18 ] || menores=hay
    [ "$edad" -le "$edad_mayor" ] || { mayor=$nombre edad_mayor=$edad; }
    [ -n "$primera" ] || primera="$nombre (dni $dni, pasaporte $pasaporte) ahora tiene $((edad + 1))."
done
promedio=$(LC_ALL=C awk "BEGIN { printf \"%.1f\", $suma / $cuantas }")

correr familia "$BIN/persona_cliente" 127.0.0.1 "$puerto" "$apellido" 'Av. Medrano' "$numero" "$@" ||
    fallar "el que manda la familia terminó con código $?."
dijo_exacto familia "En promedio, $promedio años; $menores menores. La persona mayor: $mayor, de $edad_mayor." ||
    fallar 'el resumen de la familia no es el que corresponde.'
dijo_exacto familia "$primera" || fallar 'la persona que cumplió años no volvió igual.'
dijo_exacto familia-servidor "Familia $apellido, de Av. Medrano $numero:" || fallar 'al servidor le llegó otra familia.'
sed -n 's/^  - //p' "$SALIDA/familia-servidor.txt" | cmp -s - "$SALIDA/esperadas" ||
    fallar 'las personas que mostró el servidor no son las que se mandaron.'

correr apagar "$BIN/persona_cliente" 127.0.0.1 "$puerto" apagar || fallar 'no se pudo pedir que se apague.'
esperar_final familia-servidor

capitulo 'Serializar'
mostrar familia-servidor "$verde"
mostrar familia "$azul"
echo

# La traza de cada uno, que salió mezclada con lo que dijo, a su archivo.
if [ -n "${TRAZAS:-}" ]; then
    for archivo in "$SALIDA"/*.txt; do
        grep -a "$de_la_traza" "$archivo" >"$TRAZAS/$(basename "$archivo" .txt).traza"
    done
fi

echo "${verde}Anduvo:${normal} todo lo que se mandó llegó, todo lo que se contestó volvió, y los intrusos quedaron afuera."
