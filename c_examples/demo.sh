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

set -u

BIN=${BIN:-bin}
PREFIJO=${PREFIJO:-}
PLAZO=30

# El entorno de quien corre la demo no tiene que cambiarla. Bajo valgrind todo
# tarda más: el handshake también merece un plazo más largo.
unset TP0_PUERTO TP0_HANDSHAKE TP0_TAMANIO_MAXIMO TP0_TRAZA
TP0_IP=127.0.0.1
TP0_ESPERA_MS=20000
export TP0_IP TP0_ESPERA_MS

propia=
if [ -z "${SALIDA:-}" ]; then
    SALIDA=$(mktemp -d) || exit 1
    propia=si
fi
mkdir -p "$SALIDA" || exit 1
rm -f "$SALIDA"/*.txt

servidor=
# Pase lo que pase no queda ningún servidor suelto ni archivos en /tmp.
limpiar() {
    [ -n "$servidor" ] && kill -KILL "$servidor" 2>/dev/null
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

# mostrar ETIQUETA COLOR: lo que dijo un programa, con su nombre en cada línea.
mostrar() {
    while IFS= read -r linea || [ -n "$linea" ]; do
        printf '%s[%s]%s %s\n' "$2" "$1" "$normal" "$linea"
    done <"$SALIDA/$1.txt"
}

fallar() {
    for actor in servidor cliente-1 rechazado cliente-2 seis-servidor seis-cliente; do
        [ -f "$SALIDA/$actor.txt" ] && mostrar "$actor" "$rojo"
    done >&2
    printf '%sLa demo falló: %s%s\n' "$rojo" "$1" "$normal" >&2
    exit 1
}

# --- Esperar sin dormir de más --------------------------------------------------

# Un proceso terminado que nadie esperó (Z) ya no vive, aunque tenga PID.
vive() {
    [ -r "/proc/$1/status" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
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

# Un par de palabras, con acentos y espacios a propósito, y un número irrepetible.
frase() {
    set -- mate ñandú colectivo pingüino 'dulce de leche' alfajor murciélago 'ómnibus 60' truco
    shift $(($(azar) % $#))
    printf '%s %s' "$1" "$(azar)"
}

# lineas ARCHIVO: entre una y seis frases, una por línea.
lineas() {
    cuantas=$(($(azar) % 6 + 1))
    while [ "$cuantas" -gt 0 ]; do
        frase
        echo
        cuantas=$((cuantas - 1))
    done >"$1"
}

# correr ETIQUETA PROGRAMA...: con plazo, y guardando todo lo que dijo.
correr() {
    actor=$1
    shift
    # $PREFIJO va sin comillas: son varias palabras.
    timeout -k 5 "$PLAZO" $PREFIJO "$@" >"$SALIDA/$actor.txt" 2>&1
}

# --- El servidor ----------------------------------------------------------------

# El puerto 0 le pide al kernel uno libre: la demo anda aunque el 4444 esté ocupado.
TP0_PUERTO=0 $PREFIJO "$BIN/servidor" >"$SALIDA/servidor.txt" 2>&1 &
servidor=$!
esperar_que "$servidor" dijo servidor '^Escucho en el puerto [0-9]*\.$' || fallar 'el servidor no arrancó.'
puerto=$(sed -n 's/^Escucho en el puerto \([0-9]*\)\.$/\1/p' "$SALIDA/servidor.txt")

# --- Dos clientes, y en el medio uno que no sabe presentarse ----------------------

# cliente NUMERO FORMATO: sortea una clave y unas líneas, escribe el .config y corre.
cliente() {
    clave=$(frase)
    lineas "$SALIDA/lineas-$1"
    # shellcheck disable=SC2059 -- el formato es nuestro: cambia cómo está escrito el .config
    printf "$2" "$clave" 127.0.0.1 "$puerto" >"$SALIDA/cliente-$1.config"
    # La línea vacía termina el paquete; lo que sigue ya no se tiene que mandar.
    { cat "$SALIDA/lineas-$1" && printf '\nesto no viaja\n'; } >"$SALIDA/consola-$1"

    correr "cliente-$1" "$BIN/cliente" "$SALIDA/cliente-$1.config" <"$SALIDA/consola-$1" ||
        fallar "el cliente $1 terminó con código $?."
    dijo_exacto "cliente-$1" "El servidor contestó: Valores recibidos: $(($(wc -l <"$SALIDA/lineas-$1")))." ||
        fallar "al cliente $1 no le llegó la respuesta."
    esperar_que "$servidor" dijo_exacto servidor "Me llego el mensaje $clave" ||
        fallar "al servidor no le llegó el mensaje del cliente $1."
}

cliente 1 'CLAVE=%s\nIP=%s\nPUERTO=%s\n'

correr rechazado "$BIN/rechazado" 127.0.0.1 "$puerto" || fallar 'el servidor no rechazó al que mostraba otro handshake.'
dijo rechazado '^No me dejaron pasar: ' || fallar 'el rechazado no supo por qué.'
esperar_que "$servidor" dijo servidor 'mostr.* 7 ' || fallar 'el servidor no dijo a quién rechazó.'

# El mismo .config como lo dejaría un editor de Windows, con blancos de más.
cliente 2 '# configuración\r\nCLAVE = %s \r\n\r\n  IP=%s\r\nPUERTO= %s\r\n'

# --- El final: Ctrl-C, y que lo recibido sea lo mandado ---------------------------

kill -INT "$servidor"
esperar_que "$servidor" termino "$servidor" || fallar 'el servidor no terminó con SIGINT.'
wait "$servidor"
codigo=$?
servidor=
[ "$codigo" -eq 0 ] || fallar "el servidor terminó con código $codigo."

# Las mismas líneas, todas, en el mismo orden y ninguna más.
cat "$SALIDA/lineas-1" "$SALIDA/lineas-2" >"$SALIDA/mandadas"
sed -n 's/^  - //p' "$SALIDA/servidor.txt" >"$SALIDA/recibidas"
cmp -s "$SALIDA/mandadas" "$SALIDA/recibidas" || fallar 'las líneas que mostró el servidor no son las que se mandaron.'
[ "$(grep -Fxc 'El cliente se fue.' "$SALIDA/servidor.txt")" -eq 2 ] || fallar 'el servidor no vio irse a los dos clientes.'

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
    puerto=$(($(azar) % 20000 + 10000))
    TP0_PUERTO=$puerto $PREFIJO "$BIN/seis_funciones" servidor >"$SALIDA/seis-servidor.txt" 2>&1 &
    servidor=$!
    esperar_que "$servidor" dijo_exacto seis-servidor 'Espero a un cliente.' && break
    kill -KILL "$servidor" 2>/dev/null
    wait "$servidor"
    servidor=
    intento=$((intento + 1))
    [ "$intento" -lt 10 ] || fallar 'seis_funciones no pudo escuchar en ningún puerto.'
done

uno=$(frase) dos=$(frase) tres=$(frase)
correr seis-cliente "$BIN/seis_funciones" cliente 127.0.0.1 "$puerto" "$uno" "$dos" "$tres" ||
    fallar "el cliente de seis_funciones terminó con código $?."
esperar_que "$servidor" termino "$servidor" || fallar 'el servidor de seis_funciones no terminó.'
wait "$servidor"
codigo=$?
servidor=
[ "$codigo" -eq 0 ] || fallar "el servidor de seis_funciones terminó con código $codigo."

# Ida y vuelta: cada texto en los dos lados, y el final ordenado.
for texto in "$uno" "$dos" "$tres"; do
    dijo_exacto seis-servidor "Me dijeron: $texto" || fallar "al servidor no le llegó «$texto»."
    dijo_exacto seis-cliente "Me contestaron: $texto" || fallar "al cliente no le volvió «$texto»."
done
dijo_exacto seis-servidor 'El cliente se despidió.' || fallar 'el servidor no vio el final de la charla.'

mostrar seis-servidor "$verde"
mostrar seis-cliente "$azul"
echo

echo "${verde}Anduvo:${normal} todo lo que se mandó llegó, todo lo que se contestó volvió, y el intruso quedó afuera."
