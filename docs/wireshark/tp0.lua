-- tp0.lua -- Wireshark y tshark entienden el protocolo del TP0: handshake, MENSAJE, PAQUETE y códigos propios.
--
-- Instalarlo es copiar este archivo (y, con Wireshark abierto, Ctrl+Shift+L):
--
--     mkdir -p ~/.local/lib/wireshark/plugins && cp docs/wireshark/tp0.lua ~/.local/lib/wireshark/plugins
--
-- Anda con Wireshark 3.6, 4.x y los que sigan, con su Lua, sea 5.2, 5.3 o 5.4. Para usarlo una vez sin instalarlo:
--
--     tshark -X lua_script:docs/wireshark/tp0.lua -r captura.pcapng
--
-- Mira el puerto 4444. Para otro: «Decode As...» > TCP port > TP0, o las preferencias del protocolo (Edit > Preferences > Protocols > TP0;
-- en tshark, -o tp0.puertos:4444,5001-5003):
--
--     tp0.puertos         en qué puertos escuchan los servidores                    4444
--     tp0.handshake       si, no o automatico                                       automatico
--     tp0.tamanio_maximo  el mayor payload, como TP0_TAMANIO_MAXIMO                 67108864
--     tp0.heuristica      reconocerlo también en otros puertos, por lo que dice     FALSE
--
-- Con handshake automatico, lo hay si lo primero que manda el cliente son 4 bytes y el servidor contesta otros 4, que son 0 o -1. Si lo primero
-- son 8 bytes o más que pueden ser un header, no lo hay; salvo que sólo se entiendan como un handshake y lo que sigue. Al cliente que no espera
-- la respuesta para mandar el primer mensaje, en otro segmento, se lo toma por uno sin handshake: ahí, elegí «si».
--
-- Lo que se puede filtrar, o mostrar con tshark -T fields -e:
--
--     tp0.resumen         un renglón por handshake, respuesta o mensaje: lo mismo que la columna Info, sin cortar
--     tp0.handshake       lo que mostró el cliente
--     tp0.respuesta       lo que contestó el servidor: 0 (OK) o -1 (ERROR)
--     tp0.codigo          el código de operación: 0 es MENSAJE, 1 es PAQUETE
--     tp0.tamanio         los bytes del payload
--     tp0.texto           el texto de un MENSAJE, sin su '\0'
--     tp0.valores         cuántos valores trae un PAQUETE
--     tp0.valor           los bytes de cada valor; .largo, .texto (si se puede leer) y .entero (si son 4 bytes)
--     tp0.payload         los bytes de un mensaje con otro código, o los que no se pudieron interpretar
--     tp0.malformado      lo que el protocolo no permite, explicado
--     tp0.aviso           lo que permite pero llama la atención: un texto sin '\0', una conexión sin handshake...
--
-- Por ejemplo: tp0.texto contains "hola", tp0.valor.entero == 7, tp0.respuesta == -1, tp0.malformado.
--
-- Qué no puede saber:
--  * Si la captura empezó con la conexión ya abierta (no está su SYN) no da por hecho que haya handshake, y lo que no puede ser un header se
--    muestra en bytes hasta que aparezca uno. Lo mismo si a la captura se le perdieron segmentos.
--  * Los segmentos que llegaron desordenados se juntan si está puesta la preferencia de TCP «Reassemble out-of-order segments»
--    (tshark -o tcp.reassemble_out_of_order:TRUE). No viene puesta.
--  * Mientras el servidor no contesta, no se sabe si los primeros 4 bytes eran un handshake: si no lo eran, se corrige al volver a mirar el paquete.
--  * Que una captura sin FIN ni RST termina a mitad de un mensaje se sabe recién al final: lo dice Wireshark cuando la terminó de leer, y tshark -2
--    (en Wireshark 4.0 y anteriores, tshark -2 -Y tp0: sin un filtro no mira los campos la primera vez).
--  * De un PAQUETE se muestran los primeros 10000 valores; tp0.valores los cuenta a todos.
--  * Lo que tarda TCP en juntar un mensaje crece más que el mensaje: 64 MiB en segmentos de 1400 bytes, un minuto y medio, con éste o con
--    cualquier otro disector. Por la interfaz lo, donde los segmentos son grandes, un segundo.

local ENTERO, HEADER = 4, 8
local MENSAJE, PAQUETE = 0, 1
local AUTOMATICO, SI, NO = 1, 2, 3
local VALORES_A_MOSTRAR = 10000
-- Wireshark abandona el paquete que tiene un millón de renglones.
local RENGLONES_A_MOSTRAR = 200000
local LARGO_DE_INFO, LARGO_DE_TEXTO = 2000, 160
local VALOR_LEGIBLE = 65536

local tp0 = Proto("tp0", "TP0")
-- Mira todos los paquetes después que los demás: los que no traen datos también cuentan (SYN, FIN, RST).
local extremos = Proto("tp0_extremos", "TP0: principio y fin de las conexiones")

tp0.prefs.puertos = Pref.range("Puertos", "4444", "En qué puertos escuchan los servidores", 65535)
tp0.prefs.handshake = Pref.enum("Handshake", AUTOMATICO, "Si las conexiones empiezan con un handshake", {
    { 1, "automatico", AUTOMATICO },
    { 2, "si", SI },
    { 3, "no", NO },
}, false)
tp0.prefs.tamanio_maximo = Pref.uint("Tamaño máximo", 67108864, "El mayor payload, en bytes, como TP0_TAMANIO_MAXIMO")
tp0.prefs.heuristica = Pref.bool("En cualquier puerto", false, "Reconocer el TP0 en otros puertos por lo que dice")

local campo = {
    resumen = ProtoField.string("tp0.resumen", "Resumen"),
    handshake = ProtoField.int32("tp0.handshake", "Handshake"),
    respuesta = ProtoField.int32("tp0.respuesta", "Respuesta al handshake"),
    codigo = ProtoField.int32("tp0.codigo", "Código de operación"),
    tamanio = ProtoField.int32("tp0.tamanio", "Tamaño"),
    texto = ProtoField.string("tp0.texto", "Texto"),
    valores = ProtoField.uint32("tp0.valores", "Valores"),
    valor = ProtoField.bytes("tp0.valor", "Valor"),
    valor_largo = ProtoField.int32("tp0.valor.largo", "Largo"),
    valor_texto = ProtoField.string("tp0.valor.texto", "Texto"),
    valor_entero = ProtoField.int32("tp0.valor.entero", "Entero"),
    payload = ProtoField.bytes("tp0.payload", "Bytes"),
    malformado = ProtoField.string("tp0.malformado", "Malformado"),
    aviso = ProtoField.string("tp0.aviso", "Aviso"),
}
local lista = {}
for _, uno in pairs(campo) do lista[#lista + 1] = uno end
tp0.fields = lista

local experto = {
    malformado = ProtoExpert.new("tp0.experto.malformado", "Malformado", expert.group.MALFORMED, expert.severity.ERROR),
    aviso = ProtoExpert.new("tp0.experto.aviso", "Aviso", expert.group.PROTOCOL, expert.severity.WARN),
}
tp0.experts = { experto.malformado, experto.aviso }

-- Un campo de otro protocolo, del paquete que se está mirando: una función que da su valor, o nil si no lo tiene.
local function campo_ajeno(nombre)
    local leer = Field.new(nombre)
    return function()
        local anduvo, campo_leido = pcall(leer)
        return anduvo and campo_leido and campo_leido.value or nil
    end
end
local tcp_corriente = campo_ajeno("tcp.stream")
local tcp_numero = campo_ajeno("tcp.seq_raw")
local tcp_largo = campo_ajeno("tcp.len")
local tcp_banderas = campo_ajeno("tcp.flags")

-- Esos campos existen sólo si Wireshark arma el árbol del paquete, y la primera vez que lo recorre puede no armarlo, si nadie lo necesita.
-- Escuchar algo con un filtro es la manera de decir que se lo necesita.
local oyente = Listener.new("frame", "tcp")
function oyente.packet() end

-- --- Lo que se sabe de cada conexión --------------------------------------------------------------------------------
--
-- Wireshark muestra un paquete todas las veces que haga falta y en cualquier orden, pero la primera vez los recorre a todos en el orden en que
-- llegaron. Ahí se decide, y queda anotado por paquete: después sólo se lee. Las posiciones son números de secuencia de TCP.

local conexiones = {}

function tp0.init() conexiones = {} end

local function conexion_de(corriente)
    local conexion = conexiones[corriente]
    if not conexion then
        conexion = { lados = {}, decisiones = {} }
        conexiones[corriente] = conexion
    end
    return conexion
end

local function lado_de(conexion, direccion, puerto)
    local clave = tostring(direccion) .. " " .. puerto
    local lado = conexion.lados[clave]
    if not lado then
        lado = { fase = "inicio" }
        conexion.lados[clave] = lado
    end
    return lado
end

-- Cuánto hay de una posición a otra; dan la vuelta en 2^32.
local function distancia(desde, hasta)
    local cuanto = (hasta - desde) % 4294967296
    return cuanto < 2147483648 and cuanto or cuanto - 4294967296
end

local function avanzar(posicion, cuanto) return (posicion + cuanto) % 4294967296 end

local function bytes_que_faltan(cuantos) return cuantos == 1 and "falta 1 byte" or string.format("faltan %d bytes", cuantos) end

-- --- Leer bytes -----------------------------------------------------------------------------------------------------

local function entero(tvb, desde) return tvb(desde, ENTERO):le_int() end

-- Por qué esos dos números no pueden ser un header; nil si pueden.
local function queja_del_header(codigo, tamanio)
    if codigo < 0 then return string.format("código de operación %d: no puede ser negativo", codigo) end
    if tamanio < 0 then return string.format("tamaño %d: no puede ser negativo", tamanio) end
    local limite = tp0.prefs.tamanio_maximo
    if tamanio > limite then return string.format("tamaño %d: es más que el máximo, %d", tamanio, limite) end
end

-- Si todo lo que hay desde ahí se entiende como mensajes, aunque el último no esté entero. Cada vuelta avanza.
local function coherente(tvb, desde)
    local hay = tvb:len()
    while hay - desde >= HEADER do
        local tamanio = entero(tvb, desde + ENTERO)
        if queja_del_header(entero(tvb, desde), tamanio) then return false end
        desde = desde + HEADER + tamanio
    end
    return true
end

-- Cuántos bytes ocupa el carácter de UTF-8 que empieza ahí; nil si no es uno.
local function largo_utf8(bytes, donde)
    local primero, segundo = bytes:byte(donde, donde + 1)
    if primero < 0x80 then return 1 end
    local largo = primero < 0xc2 and 0 or primero < 0xe0 and 2 or primero < 0xf0 and 3 or primero < 0xf5 and 4 or 0
    if largo == 0 or not bytes:find("^" .. string.rep("[\128-\191]", largo - 1), donde + 1) then return nil end
    -- Los que se podían escribir más corto, los sustitutos de UTF-16 y los que pasan de U+10FFFF no valen.
    local malo = primero == 0xe0 and segundo < 0xa0 or primero == 0xed and segundo > 0x9f
        or primero == 0xf0 and segundo < 0x90 or primero == 0xf4 and segundo > 0x8f
    return not malo and largo or nil
end

-- El texto de unos bytes para un renglón: entre comillas, sin caracteres de control, y cortado si es muy largo. (TvbRange:string() no sirve:
-- si reemplaza algo, corta el final.)
local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }
local function citar(bytes)
    local partes, donde = {}, 1
    while donde <= #bytes and donde <= LARGO_DE_TEXTO do
        local largo = largo_utf8(bytes, donde)
        local letra = largo and bytes:sub(donde, donde + largo - 1) or "\239\191\189"
        if letra:find('^[%c"\\]') then letra = ESCAPES[letra] or string.format("\\x%02x", letra:byte()) end
        partes[#partes + 1] = letra
        donde = donde + (largo or 1)
    end
    return '"' .. table.concat(partes) .. (donde <= #bytes and '…"' or '"')
end

-- El texto que hay en esos bytes, sin el '\0' del final, si se puede leer.
local function texto_legible(bytes)
    local texto = bytes:sub(-1) == "\0" and bytes:sub(1, -2) or bytes
    if #texto == 0 or #texto > VALOR_LEGIBLE or texto:find("[\0-\8\11\12\14-\31\127]") then return nil end
    local donde = 1
    while donde <= #texto do
        local largo = largo_utf8(texto, donde)
        if not largo then return nil end
        donde = donde + largo
    end
    return texto
end

-- --- Escribir en el árbol y en las columnas -----------------------------------------------------------------------

local function marcar(arbol, cual, texto)
    local item = arbol:add(campo[cual], texto)
    item:set_generated()
    item:add_proto_expert_info(experto[cual], texto)
end

-- Lo que se va escribiendo de un paquete, que puede traer muchos mensajes y llegar acá de a pedazos.
local function anotar(pinfo, texto)
    local escrito = tonumber(pinfo.private.tp0_info or "0")
    if escrito > LARGO_DE_INFO then return end
    if escrito + #texto > LARGO_DE_INFO then texto = "…" end
    if escrito == 0 then
        pinfo.cols.protocol = "TP0"
        pinfo.cols.info = texto
    else
        pinfo.cols.info:append("; " .. texto)
    end
    pinfo.private.tp0_info = tostring(texto == "…" and LARGO_DE_INFO + 1 or escrito + #texto)
end

-- El renglón del protocolo aparece con lo primero que haya para poner debajo.
local function raiz_de(escena)
    escena.arbol = escena.arbol or escena.padre:add(tp0, escena.tvb())
    return escena.arbol
end

-- Abre el renglón de un handshake, una respuesta o un mensaje.
local function abrir(escena, desde, largo, texto)
    anotar(escena.pinfo, texto)
    escena.renglones = escena.renglones + 5
    if escena.renglones > RENGLONES_A_MOSTRAR then
        if not escena.lleno then marcar(raiz_de(escena), "aviso", "el paquete trae más mensajes de los que se pueden mostrar") end
        escena.lleno = true
        return nil
    end
    local rama = raiz_de(escena):add(tp0, escena.tvb(desde, largo), texto)
    rama:add(campo.resumen, escena.tvb(desde, largo), texto):set_generated()
    return rama
end

-- Bytes que no se pudieron interpretar.
local function mostrar_bytes(escena, desde, cual, texto)
    local largo = escena.tvb:len() - desde
    local rama = abrir(escena, desde, largo, (cual == "malformado" and "malformado: " or "") .. texto)
    if not rama then return end
    marcar(rama, cual, texto)
    if largo > 0 then rama:add(campo.payload, escena.tvb(desde, largo)) end
end

-- --- Los mensajes ---------------------------------------------------------------------------------------------------

local function mostrar_texto(escena, rama, desde, tamanio, hay, bytes)
    local cero = bytes:find("\0", 1, true)
    local largo = cero and cero - 1 or hay
    if largo > 0 then
        rama:add_packet_field(campo.texto, escena.tvb(desde, largo), ENC_UTF_8)
    else
        rama:add(campo.texto, escena.tvb(desde, 0), "")
    end
    if hay < tamanio then return end
    if not cero then
        marcar(rama, "aviso", "al texto le falta el '\\0' del final")
    elseif cero < tamanio then
        marcar(rama, "aviso", string.format("hay %d bytes después del '\\0'", tamanio - cero))
    end
end

-- Recorre los valores de un PAQUETE: cuántos son, y qué tienen de malo. Con `ver`, le pasa cada uno.
local function recorrer_valores(bytes, ver)
    local desde, cuantos = 1, 0
    while desde <= #bytes do
        local quedan = #bytes - desde + 1
        if quedan < ENTERO then return cuantos, string.format("sobran %d bytes después del último valor", quedan) end
        local a, b, c, d = bytes:byte(desde, desde + 3)
        local largo = a + b * 256 + c * 65536 + d * 16777216
        if largo >= 2147483648 then largo = largo - 4294967296 end
        quedan = quedan - ENTERO
        if largo < 0 or largo > quedan then
            return cuantos, string.format("el valor %d dice tener %d bytes y quedan %d", cuantos + 1, largo, quedan)
        end
        cuantos = cuantos + 1
        if ver then ver(cuantos, desde - 1, largo) end
        desde = desde + ENTERO + largo
    end
    return cuantos, nil
end

local function mostrar_valor(escena, padre, numero, inicio, largo, bytes)
    local tvb, datos = escena.tvb, inicio + ENTERO
    local legible = texto_legible(bytes)
    local que = legible and citar(legible) or largo == ENTERO and entero(tvb, datos) or string.format("%d bytes", largo)
    local rama = padre:add(tp0, tvb(inicio, ENTERO + largo), string.format("Valor %d: %s", numero, que))
    rama:add_le(campo.valor_largo, tvb(inicio, ENTERO))
    rama:add(campo.valor, tvb(datos, largo))
    if legible then rama:add_packet_field(campo.valor_texto, tvb(datos, #legible), ENC_UTF_8) end
    if largo == ENTERO then rama:add_le(campo.valor_entero, tvb(datos, ENTERO)) end
    escena.renglones = escena.renglones + 5
end

local function mostrar_valores(escena, rama, desde, bytes)
    local function ver(numero, donde, largo)
        if numero > VALORES_A_MOSTRAR or escena.renglones > RENGLONES_A_MOSTRAR then return end
        mostrar_valor(escena, rama, numero, desde + donde, largo, bytes:sub(donde + ENTERO + 1, donde + ENTERO + largo))
    end
    local cuantos, queja = recorrer_valores(bytes, ver)
    rama:add(campo.valores, escena.tvb(desde, #bytes), cuantos):set_generated()
    if queja then marcar(rama, "malformado", queja) end
    if cuantos > VALORES_A_MOSTRAR then
        marcar(rama, "aviso", string.format("se muestran los primeros %d valores de %d", VALORES_A_MOSTRAR, cuantos))
    end
end

local function resumir(codigo, tamanio, hay, bytes)
    if codigo == MENSAJE then
        local cero = bytes:find("\0", 1, true)
        return "MENSAJE " .. citar(bytes:sub(1, cero and cero - 1 or hay))
    elseif codigo == PAQUETE then
        local cuantos, queja = recorrer_valores(bytes)
        local texto = string.format(cuantos == 1 and "PAQUETE, %d valor" or "PAQUETE, %d valores", cuantos)
        return queja and hay == tamanio and texto .. ", malformado: " .. queja or texto
    end
    return string.format(tamanio == 1 and "código %d, %d byte" or "código %d, %d bytes", codigo, tamanio)
end

-- Un mensaje cuyo payload empieza en `desde` y del que hay `hay` bytes: menos que su tamaño sólo si no se van a poder juntar.
local function mostrar_mensaje(escena, inicio, codigo, codigo_previo, tamanio, hay)
    local tvb = escena.tvb
    local desde = inicio + (codigo_previo and ENTERO or HEADER)
    local bytes = (codigo == MENSAJE or codigo == PAQUETE) and hay > 0 and tvb:raw(desde, hay) or ""
    local rama = abrir(escena, inicio, desde + hay - inicio, resumir(codigo, tamanio, hay, bytes))
    if not rama then return end
    local item
    if codigo_previo then
        item = rama:add(campo.codigo, codigo)
        item:set_generated()
    else
        item = rama:add_le(campo.codigo, tvb(inicio, ENTERO))
    end
    item:append_text(codigo == MENSAJE and " (MENSAJE)" or codigo == PAQUETE and " (PAQUETE)" or "")
    rama:add_le(campo.tamanio, tvb(desde - ENTERO, ENTERO))
    if codigo == MENSAJE then
        mostrar_texto(escena, rama, desde, tamanio, hay, bytes)
    elseif codigo == PAQUETE and hay == tamanio then
        mostrar_valores(escena, rama, desde, bytes)
    elseif hay > 0 then
        rama:add(campo.payload, tvb(desde, hay))
    end
    if hay < tamanio then
        marcar(rama, "aviso", bytes_que_faltan(tamanio - hay) .. " de este mensaje: no están en la captura, o TCP no los junta")
    end
end

-- Los mensajes desde ahí hasta el final. Devuelve hasta dónde llegó, cuántos bytes faltan para seguir (0 si ninguno) y si se encontró
-- con algo que no es un header.
local function mostrar_mensajes(escena, desde, codigo_previo)
    local tvb, total = escena.tvb, escena.tvb:len()
    while desde < total do
        local header = codigo_previo and ENTERO or HEADER
        if total - desde < header then return desde, header - (total - desde), false end
        local codigo = codigo_previo or entero(tvb, desde)
        local tamanio = entero(tvb, desde + header - ENTERO)
        local queja = queja_del_header(codigo, tamanio)
        if queja then
            mostrar_bytes(escena, desde, "malformado", queja)
            return total, 0, true
        end
        local hay = math.min(tamanio, total - desde - header)
        if hay < tamanio and escena.se_junta then return desde, tamanio - hay, false end
        mostrar_mensaje(escena, desde, codigo, codigo_previo, tamanio, hay)
        desde = desde + header + tamanio
        codigo_previo = nil
    end
    return desde, 0, false
end

-- --- El handshake -------------------------------------------------------------------------------------------------

local function mostrar_handshake(escena, conexion)
    local valor = entero(escena.tvb, 0)
    if conexion.handshake == "no" then
        local rama = abrir(escena, 0, ENTERO, string.format("comienzo de un header: código %d", valor))
        if rama then marcar(rama, "aviso", "conexión sin handshake, con el primer header partido") end
        return
    end
    local rama = abrir(escena, 0, ENTERO, string.format("handshake %d", valor))
    if rama then rama:add_le(campo.handshake, escena.tvb(0, ENTERO)) end
end

local function mostrar_respuesta(escena)
    local valor = entero(escena.tvb, 0)
    local nombre = valor == 0 and "OK" or valor == -1 and "ERROR"
    local rama = abrir(escena, 0, ENTERO, nombre and "handshake " .. nombre or string.format("malformado: respuesta al handshake %d", valor))
    if not rama then return end
    local item = rama:add_le(campo.respuesta, escena.tvb(0, ENTERO))
    if nombre then item:append_text(" (" .. nombre .. ")") end
    if not nombre then marcar(rama, "malformado", string.format("respuesta al handshake %d: tenía que ser 0 (OK) o -1 (ERROR)", valor)) end
end

-- --- Decidir, la primera vez que se ve un paquete -------------------------------------------------------------------

-- Lo primero que dice el cliente. Devuelve la decisión, o cuántos bytes faltan para tomarla.
local function primera_del_cliente(conexion, lado, tvb)
    local hay = tvb:len()
    local modo = tp0.prefs.handshake
    -- Sin el SYN no se sabe si esto es lo primero: «si» no alcanza para darlo por hecho.
    if modo == SI and lado.syn then
        if hay < ENTERO then return nil, ENTERO - hay end
        conexion.handshake = "si"
        return { que = "handshake" }
    end
    if hay < ENTERO then return nil, ENTERO - hay end
    if hay == ENTERO then
        conexion.handshake = "pendiente"
        return { que = "handshake" }
    end
    if hay < HEADER then return nil, HEADER - hay end
    if lado.syn and not coherente(tvb, 0) and coherente(tvb, ENTERO) then
        conexion.handshake = "si"
        return { que = "handshake" }
    end
    conexion.handshake = "no"
    lado.por_avisar = lado.syn
    return { que = "mensajes" }
end

-- Lo primero que dice el servidor.
local function primera_del_servidor(conexion, lado, tvb)
    local hay = tvb:len()
    -- Un -1 no puede ser un código: es que espera un handshake, y el cliente no lo hizo.
    if conexion.handshake == "no" and lado.syn and hay >= ENTERO and entero(tvb, 0) == -1 then
        return { que = "respuesta" }
    end
    if conexion.handshake ~= "si" and conexion.handshake ~= "pendiente" then
        conexion.handshake = "no"
        return { que = "mensajes" }
    end
    if hay < ENTERO then return nil, ENTERO - hay end
    local valor = entero(tvb, 0)
    local creible = (valor == 0 or valor == -1) and (lado.syn or coherente(tvb, ENTERO))
    if conexion.handshake == "si" or hay == ENTERO or creible then
        conexion.handshake = "si"
        return { que = "respuesta" }
    end
    conexion.handshake = "no"
    return { que = "mensajes" }
end

-- Cuando se perdió el hilo: un pedazo que empieza con lo que puede ser un header lo retoma.
local function retomar(lado, tvb)
    if tvb:len() < HEADER then return nil, HEADER - tvb:len() end
    if coherente(tvb, 0) then
        lado.fase = "mensajes"
        return { que = "mensajes" }
    end
    return { que = "bytes", cual = "aviso", texto = "no se ve dónde empieza un mensaje: faltan datos anteriores en la captura" }
end

local function decidir(conexion, lado, es_cliente, tvb)
    if lado.fase == "roto" then
        return { que = "bytes", cual = "aviso", texto = "datos después de algo malformado: no se sabe dónde empieza otro mensaje" }
    end
    local decision, faltan
    if lado.fase == "inicio" and tp0.prefs.handshake ~= NO then
        if es_cliente then
            decision, faltan = primera_del_cliente(conexion, lado, tvb)
        else
            decision, faltan = primera_del_servidor(conexion, lado, tvb)
        end
        if not decision then return nil, faltan end
    end
    decision = decision or { que = "mensajes" }
    if lado.fase == "inicio" then
        lado.fase = "mensajes"
        if not lado.syn and decision.que == "mensajes" then lado.fase = "perdido" end
    end
    if lado.fase == "perdido" then return retomar(lado, tvb) end
    -- El cliente siguió hablando sin que le contestaran: aquellos 4 bytes no eran un handshake, eran medio header.
    if es_cliente and conexion.handshake == "pendiente" and decision.que == "mensajes" then conexion.handshake = "no" end
    if es_cliente and conexion.handshake == "no" and lado.previo then decision.codigo = lado.previo end
    decision.sin_handshake = lado.por_avisar
    return decision
end

-- Dónde empieza un pedazo respecto de lo que se esperaba. Devuelve una decisión si ya no hay nada que decidir.
local function ubicar(lado, posicion, largo)
    if not lado.siguiente then
        lado.siguiente = posicion
        return
    end
    local corrido = distancia(lado.siguiente, posicion)
    if corrido > 0 then
        lado.fase = lado.fase == "roto" and "roto" or "perdido"
        lado.previo = nil
        lado.siguiente = posicion
    elseif corrido < 0 and corrido + largo <= 0 then
        local nuevo = not lado.visto or distancia(lado.visto, avanzar(posicion, largo)) > 0
        local texto = nuevo and "continuación de un mensaje" or "retransmisión: ya se mostró"
        return { que = "nada", texto = texto }
    elseif corrido < 0 then
        return nil, -corrido
    end
end

-- --- Mostrar lo decidido ------------------------------------------------------------------------------------------

-- Devuelve hasta dónde llegó, cuántos bytes faltan para seguir, y si lo que sigue ya no se va a entender.
local function mostrar(escena, conexion, decision)
    local desde = decision.desde or 0
    if decision.que == "bytes" then
        mostrar_bytes(escena, desde, decision.cual, decision.texto)
        return escena.tvb:len(), 0, false
    elseif decision.que == "handshake" then
        mostrar_handshake(escena, conexion)
        desde = ENTERO
    elseif decision.que == "respuesta" then
        mostrar_respuesta(escena)
        desde = ENTERO
    end
    local hasta, faltan, roto = mostrar_mensajes(escena, desde, decision.codigo)
    if decision.sin_handshake and escena.arbol and not roto then marcar(escena.arbol, "aviso", "conexión sin handshake") end
    return hasta, faltan, roto
end

-- Quién es el servidor: el que tiene el puerto por el que llegamos acá; si no se puede saber, el que no habló primero.
local function es_cliente(conexion, pinfo, lado)
    local puerto = pinfo.match_uint
    if pinfo.dst_port == puerto and pinfo.src_port ~= puerto then return true end
    if pinfo.src_port == puerto and pinfo.dst_port ~= puerto then return false end
    conexion.primero = conexion.primero or lado
    return conexion.primero == lado
end

-- La primera vez: qué es este pedazo. Devuelve la decisión, o cuántos bytes faltan para tomarla.
local function decidir_y_anotar(conexion, lado, pinfo, tvb, posicion, clave)
    local decision, salteados, faltan
    if posicion then
        decision, salteados = ubicar(lado, posicion, tvb:reported_len())
    end
    if not decision then
        if salteados and salteados >= tvb:len() then return { que = "nada", texto = "retransmisión: ya se mostró" } end
        local pedazo = salteados and tvb(salteados):tvb() or tvb
        decision, faltan = decidir(conexion, lado, es_cliente(conexion, pinfo, lado), pedazo)
        if not decision then return nil, faltan, salteados or 0 end
        decision.desde = salteados
    end
    conexion.decisiones[clave] = decision
    return decision
end

-- Le pide a TCP que junte. Si falta menos que un header se le pide un segmento más, entero: pedirle unos pocos bytes y después, en el mismo
-- segmento, los del payload, hace que la segunda vez que muestra el paquete se los saltee.
local function pedir_mas(pinfo, lado, desde, faltan, fin)
    pinfo.desegment_offset = desde
    pinfo.desegment_len = faltan < HEADER and DESEGMENT_ONE_MORE_SEGMENT or faltan
    if not pinfo.visited then lado.hasta = avanzar(fin, faltan) end
end

function tp0.dissector(tvb, pinfo, arbol)
    local total = tvb:len()
    local corriente, numero, largo = tcp_corriente(), tcp_numero(), tcp_largo()
    if total == 0 or not (corriente and numero and largo) then return 0 end
    local conexion = conexion_de(corriente)
    local lado = lado_de(conexion, pinfo.src, pinfo.src_port)

    -- Lo que TCP juntó de varios segmentos empieza donde se le pidió. Lo demás termina donde termina su segmento, y está adentro del paquete:
    -- nunca al principio. En un paquete hay un solo pedazo juntado, y la segunda vez puede venir más corto: sin lo que no se usó.
    local juntado = tvb:offset() == 0
    local posicion = not juntado and avanzar(numero, largo - tvb:reported_len()) or nil
    local clave = pinfo.number .. (juntado and " juntado" or " " .. posicion)

    local escena = {
        tvb = tvb, pinfo = pinfo, padre = arbol, renglones = 0,
        se_junta = pinfo.can_desegment > 0 and total == tvb:reported_len(),
    }
    local decision, faltan, salteados
    if pinfo.visited then
        decision = conexion.decisiones[clave]
    else
        conexion.vista = true
        decision, faltan, salteados = decidir_y_anotar(conexion, lado, pinfo, tvb, posicion, clave)
    end
    posicion = posicion or lado.siguiente or 0
    local fin = avanzar(posicion, tvb:reported_len())

    if not decision then
        if pinfo.visited then
            -- Hasta Wireshark 4.0, tshark -2 no arma el árbol la primera vez si no hay un filtro.
            if not conexion.vista then
                local texto = "esta conexión no se pudo seguir desde el principio: con tshark -2, agregá -Y tp0"
                mostrar_bytes(escena, 0, "aviso", texto)
            end
            return total
        end
        if escena.se_junta then
            pedir_mas(pinfo, lado, salteados, faltan, fin)
            return total
        end
        lado.fase = "perdido"
        decision = { que = "bytes", cual = "aviso", texto = "faltan datos, o TCP no los junta: no se puede interpretar" }
        conexion.decisiones[clave] = decision
    end
    if decision.que == "nada" then
        arbol:add(tp0, tvb(), "TP0, " .. decision.texto)
        return total
    end

    local hasta, mas, roto = mostrar(escena, conexion, decision)
    if not pinfo.visited then
        if roto then lado.fase = "roto" end
        -- Si lo que hay es un handshake solo, puede resultar que no lo era.
        local provisorio = decision.que == "handshake" and conexion.handshake == "pendiente"
        if provisorio then
            lado.previo = entero(tvb, 0)
        elseif hasta > (decision.desde or 0) then
            lado.previo, lado.por_avisar = nil, nil
        end
        lado.siguiente = avanzar(posicion, hasta)
        lado.hasta = hasta > total and lado.siguiente or lado.hasta
    end
    if mas > 0 then
        if escena.se_junta then
            pedir_mas(pinfo, lado, hasta, mas, fin)
        else
            mostrar_bytes(escena, hasta, "aviso", "medio header: faltan datos, o TCP no los junta")
            if not pinfo.visited then
                lado.fase = "perdido"
                lado.siguiente = fin
            end
        end
    end
    return total
end

-- --- El principio y el final ----------------------------------------------------------------------------------------

-- Cuántos bytes le faltan a lo último que mandó un lado.
local function incompleto(lado)
    if not (lado.hasta and lado.visto) then return 0 end
    return math.max(0, distancia(lado.visto, lado.hasta))
end

local function anotar_extremos(conexion, lado, pinfo, banderas)
    local numero, largo = tcp_numero(), tcp_largo()
    if not (numero and largo) then return end
    local posicion = numero
    if banderas.syn then
        lado.syn = true
        posicion = avanzar(posicion, 1)
        lado.siguiente = lado.siguiente or posicion
        lado.visto = lado.visto or posicion
    end
    local fin = avanzar(posicion, largo)
    -- Un FIN que se adelantó a los datos no dice nada de ellos todavía.
    local adelantado = lado.visto and distancia(lado.visto, posicion) > 0
    -- Sólo los datos cuentan: después de un FIN, que ocupa un número, puede haber todavía segmentos vacíos.
    if largo > 0 then
        if not lado.visto or distancia(lado.visto, fin) > 0 then lado.visto = fin end
        lado.ultimo = pinfo.number
    end
    if banderas.fin and not adelantado then lado.final = lado.final or pinfo.number end
    if banderas.rst then
        for _, otro in pairs(conexion.lados) do otro.final = otro.final or pinfo.number end
    end
end

function extremos.dissector(_, pinfo, arbol)
    local corriente, flags = tcp_corriente(), tcp_banderas()
    if not (corriente and flags) then return end
    local valor = flags
    local banderas = { fin = valor % 2 == 1, syn = math.floor(valor / 2) % 2 == 1, rst = math.floor(valor / 4) % 2 == 1 }
    local conexion = conexion_de(corriente)
    local propio = lado_de(conexion, pinfo.src, pinfo.src_port)
    if not pinfo.visited then anotar_extremos(conexion, propio, pinfo, banderas) end
    for _, lado in pairs(conexion.lados) do
        local faltan = incompleto(lado)
        local texto
        if faltan > 0 and lado.final == pinfo.number then
            texto = "la conexión termina a mitad de un mensaje: " .. bytes_que_faltan(faltan)
        elseif faltan > 0 and not lado.final and pinfo.visited and lado.ultimo == pinfo.number then
            texto = "la captura termina a mitad de un mensaje: " .. bytes_que_faltan(faltan)
        end
        if texto then
            local rama = arbol:add(tp0, "TP0, " .. texto)
            rama:add(campo.resumen, "malformado: " .. texto):set_generated()
            marcar(rama, "malformado", texto)
            anotar(pinfo, "malformado: " .. texto)
        end
    end
end

register_postdissector(extremos)

-- --- En qué puertos -------------------------------------------------------------------------------------------------

local tabla = DissectorTable.get("tcp.port")
local puertos

local function registrar_puertos()
    local nuevos = tostring(tp0.prefs.puertos)
    if nuevos == puertos then return end
    if puertos and puertos ~= "" then tabla:remove(puertos, tp0) end
    if nuevos ~= "" then tabla:add(nuevos, tp0) end
    puertos = nuevos
end

tp0.prefs_changed = registrar_puertos
registrar_puertos()
tabla:add_for_decode_as(tp0)

-- Lo que un desconocido tiene que decir para que se lo tome por un TP0: un handshake 1, o mensajes del TP0 enteros.
local function parece_tp0(tvb)
    local hay = tvb:len()
    if hay == ENTERO then return entero(tvb, 0) == 1 end
    if hay < HEADER then return false end
    local codigo, tamanio = entero(tvb, 0), entero(tvb, ENTERO)
    if queja_del_header(codigo, tamanio) or tamanio == 0 or HEADER + tamanio > hay then return false end
    if codigo == PAQUETE then return select(2, recorrer_valores(tvb:raw(HEADER, tamanio))) == nil end
    local texto = codigo == MENSAJE and texto_legible(tvb:raw(HEADER, tamanio))
    return texto and #texto == tamanio - 1
end

tp0:register_heuristic("tcp", function(tvb, pinfo, arbol)
    if not tp0.prefs.heuristica or not parece_tp0(tvb) then return false end
    pinfo.conversation = tp0
    tp0.dissector(tvb, pinfo, arbol)
    return true
end)
