//! El disector de Wireshark (`docs/wireshark/tp0.lua`) entiende lo que de verdad se dice: capturas de los ejemplos y de pares a mano, y
//! conversaciones al azar, cortadas, repetidas y desordenadas como puede hacerlo una red.

use crate::captura;
use crate::comun;
use crate::ejemplos;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::captura::Lado::{Cliente, Servidor};
use crate::captura::{
    Cinta, EnVivo, Lado, SERVIDOR, Segmento, Visto, correr, dir_disector, disecar, entera, escribir, renglones,
};
use crate::comun::ajeno::{Ajeno, entero, mensaje, operacion, paquete};
use crate::comun::{PLAZO, Proceso, Salida, exigir, puerto_libre, red_propia, ruta_nueva};
use crate::ejemplos::compilados;

/// Las opciones de tshark para un servidor en ese puerto.
fn en_puerto(puerto: u16) -> String {
    format!("tp0.puertos:{puerto}")
}

// --- En vivo: los ejemplos ------------------------------------------------------------------------------------------

fn ejemplo(nombre: &str, puerto: u16) -> Command {
    let mut orden = comun::orden(compilados().join(nombre));
    orden.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    orden
}

fn escuchar(orden: Command, puerto: u16) -> Proceso {
    let servidor = Proceso::lanzar(orden);
    comun::esperar_que("que el ejemplo escuche", PLAZO, || comun::escuchando(puerto));
    servidor
}

fn terminar(servidor: Proceso) {
    servidor.senial(libc::SIGINT);
    servidor.terminar(PLAZO).exigir_exito("el servidor");
}

#[test]
fn el_tp0_de_los_ejemplos() {
    let puerto = puerto_libre();
    let Some(captura) = EnVivo::de(puerto) else { return };
    let servidor = escuchar(ejemplo("servidor", puerto), puerto);
    let config = ruta_nueva("cliente.config");
    fs::write(&config, format!("CLAVE=mate con «ñandú»\nIP=127.0.0.1\nPUERTO={puerto}\n")).unwrap();
    let mut cliente = ejemplo("cliente", puerto);
    cliente.arg(&config);
    let mut cliente = Proceso::lanzar_interactivo(cliente);
    cliente.escribir("uno\ndos tres\nabcd\n\n");
    cliente.terminar(PLAZO).exigir_exito("el cliente");
    let mut rechazado = ejemplo("rechazado", puerto);
    rechazado.args(["127.0.0.1", &puerto.to_string()]);
    Proceso::lanzar(rechazado).terminar(PLAZO).exigir_exito("el rechazado");
    terminar(servidor);

    let vistos = disecar(&captura.terminar(), &["-o", &en_puerto(puerto)]);
    assert_eq!(
        renglones(&vistos, puerto),
        [
            "> handshake 1",
            "< handshake OK",
            "> MENSAJE \"mate con «ñandú»\"",
            "> PAQUETE, 3 valores",
            "< MENSAJE \"Valores recibidos: 3.\"",
            "> handshake 7",
            "< handshake ERROR",
        ],
        "{vistos:#?}"
    );
    let valores: Vec<_> = [b"uno\0".to_vec(), b"dos tres\0".to_vec(), b"abcd\0".to_vec()].to_vec();
    assert_eq!((vistos[0].handshake, vistos[1].respuesta), (Some(1), Some(0)));
    assert_eq!((vistos[2].codigo, vistos[2].tamanio), (Some(0), Some(21)));
    assert_eq!(vistos[2].texto.as_deref(), Some("mate con «ñandú»".as_bytes()));
    assert_eq!((vistos[3].codigo, vistos[3].tamanio, vistos[3].cuantos), (Some(1), Some(30), Some(3)));
    assert_eq!((&vistos[3].valores, &vistos[3].largos), (&valores, &vec![4, 9, 5]));
    assert_eq!(vistos[3].textos, ["uno", "dos tres", "abcd"]);
    // «uno» son 4 bytes con su '\0': también se lo puede leer como un entero.
    assert_eq!(vistos[3].enteros, [i32::from_le_bytes(*b"uno\0")]);
    assert_eq!((vistos[5].handshake, vistos[6].respuesta), (Some(7), Some(-1)));
    assert!(vistos.iter().all(|uno| uno.malformado.is_empty() && uno.avisos.is_empty()), "{vistos:#?}");
}

/// Corre la demo entera en una red que es sólo de ella, capturando todo lo que pasa por su lo, con las trazas de cada programa.
const DEMO_CAPTURADA: &str = r#"
trap 'kill "${tshark:-}" 2>/dev/null' EXIT
ip link set lo up || exit 3
golpear() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# visto PUERTO: lo golpea hasta que tshark lo vea.
visto() {
    for _ in $(seq 300); do
        golpear "$1"
        ! grep -q " $1 → " "$LUGAR/visto" || return 0
        kill -0 "$tshark" || return 1
        sleep 0.1
    done
    return 1
}
tshark -n -l -P -B 32 -i lo -f tcp -w "$LUGAR/demo.pcapng" >"$LUGAR/visto" 2>"$LUGAR/quejas" &
tshark=$!
visto 9 || { cat "$LUGAR/quejas" >&2; exit 3; }
TRAZAS=$LUGAR/trazas sh demo.sh >"$LUGAR/dicho" 2>&1 || { kill "$tshark"; cat "$LUGAR/dicho" >&2; exit 1; }
visto 10 || exit 1
kill -INT "$tshark"
wait "$tshark"
"#;

/// Lo que las trazas de la demo dicen que salió, y dónde escucharon los servidores.
fn segun_las_trazas(carpeta: &Path) -> (BTreeMap<String, usize>, Vec<String>) {
    let (mut salieron, mut puertos) = (BTreeMap::new(), Vec::new());
    for archivo in fs::read_dir(carpeta).unwrap().flatten() {
        for linea in fs::read_to_string(archivo.path()).unwrap().lines() {
            let que = linea.split_once("] ").unwrap().1;
            if let Some(donde) = que.strip_prefix("escucha en 127.0.0.1:") {
                puertos.push(donde.split(';').next().unwrap_or_default().to_owned());
            }
            let Some((_, que)) = que.split_once(" -> ").filter(|(descriptor, _)| descriptor.parse::<u32>().is_ok())
            else {
                continue;
            };
            let que = match que.strip_prefix("handshake ") {
                Some(valor) => format!("handshake {}", valor.split(' ').next().unwrap_or_default()),
                None => que.split(" bytes").next().unwrap_or_default().to_owned(),
            };
            *salieron.entry(que).or_default() += 1;
        }
    }
    (salieron, puertos)
}

/// Lo que el disector vio en el cable, con las mismas palabras.
fn segun_el_cable(vistos: &[Visto]) -> BTreeMap<String, usize> {
    let mut salieron = BTreeMap::new();
    for visto in vistos {
        assert!(visto.malformado.is_empty(), "{visto:?}");
        let que = match (visto.handshake.or(visto.respuesta), visto.codigo, visto.tamanio) {
            (Some(valor), ..) => format!("handshake {valor}"),
            (None, Some(0), Some(tamanio)) => format!("MENSAJE (0), {tamanio}"),
            (None, Some(1), Some(tamanio)) => format!("PAQUETE (1), {tamanio}"),
            (None, Some(codigo), Some(tamanio)) => format!("código {codigo}, {tamanio}"),
            _ => panic!("{visto:?}"),
        };
        *salieron.entry(que).or_default() += 1;
    }
    salieron
}

/// La demo entera: lo que viajó por el cable, según tshark, es lo que cada programa contó que mandaba.
#[test]
fn en_la_demo_entera_el_cable_y_las_trazas_dicen_lo_mismo() {
    if !["tshark", "dumpcap", "ip", "bash"].iter().all(|herramienta| exigir(herramienta)) || !red_propia() {
        return;
    }
    let lugar = ruta_nueva("demo");
    fs::create_dir_all(&lugar).unwrap();
    let mut demo = comun::orden("unshare");
    demo.args(["-n", "bash", "-c", DEMO_CAPTURADA]).current_dir(ejemplos::dir_ejemplos());
    demo.env("BIN", compilados()).env("LUGAR", &lugar).env("LC_ALL", "C.UTF-8");
    let salida = Proceso::lanzar(demo).terminar(PLAZO * 4);
    salida.exigir_exito("la demo capturada");
    let (segun_las_trazas, puertos) = segun_las_trazas(&lugar.join("trazas"));
    let vistos = disecar(&lugar.join("demo.pcapng"), &["-o", &format!("tp0.puertos:{}", puertos.join(","))]);
    assert_eq!(segun_el_cable(&vistos), segun_las_trazas);
    assert!(vistos.len() > 80, "{}", vistos.len());
}

#[test]
fn codigos_propios_y_handshakes_con_nombre() {
    let puerto = puerto_libre();
    let Some(captura) = EnVivo::de(puerto) else { return };
    let mut servidor = ejemplo("quien_soy", puerto);
    servidor.arg("servidor");
    let servidor = escuchar(servidor, puerto);
    for modulo in ["kernel", "cpu"] {
        let mut cliente = ejemplo("quien_soy", puerto);
        cliente.args([modulo, "127.0.0.1", &puerto.to_string(), &format!("soy {modulo}")]);
        Proceso::lanzar(cliente).terminar(PLAZO).exigir_exito(modulo);
    }
    terminar(servidor);
    let servidor = escuchar(ejemplo("persona_servidor", puerto), puerto);
    let mut cliente = ejemplo("persona_cliente", puerto);
    cliente.args(["127.0.0.1", &puerto.to_string(), "Gómez", "Av. Medrano", "951", "7", "30", "9", "Ana"]);
    Proceso::lanzar(cliente).terminar(PLAZO).exigir_exito("persona_cliente");
    drop(servidor);

    let vistos = disecar(&captura.terminar(), &["-o", &en_puerto(puerto)]);
    assert!(vistos.iter().all(|uno| uno.malformado.is_empty() && uno.avisos.is_empty()), "{vistos:#?}");
    let charla = renglones(&vistos, puerto);
    for dicho in
        ["> MENSAJE \"soy kernel\"", "< MENSAJE \"Hola, kernel.\"", "> MENSAJE \"soy cpu\"", "< MENSAJE \"Hola, cpu.\""]
    {
        assert!(charla.iter().any(|uno| uno == dicho), "falta {dicho}: {charla:#?}");
    }
    let handshakes: Vec<_> = vistos.iter().filter_map(|uno| uno.handshake).collect();
    assert_eq!(handshakes.len(), 3);
    assert!(handshakes[0] != handshakes[1], "{handshakes:?}");
    assert_eq!(vistos.iter().filter_map(|uno| uno.respuesta).collect::<Vec<_>>(), [0, 0, 0]);
    let propios: Vec<_> = vistos.iter().filter(|uno| uno.codigo.is_some_and(|codigo| codigo > 1)).collect();
    let ana = propios
        .iter()
        .find(|uno| uno.payload.as_ref().is_some_and(|bytes| bytes.windows(3).any(|tres| tres == b"Ana")));
    let ana = ana.unwrap_or_else(|| panic!("no está la persona: {vistos:#?}"));
    assert_eq!(ana.payload.as_ref().map(Vec::len), ana.tamanio.map(|tamanio| usize::try_from(tamanio).unwrap()));
}

// --- En vivo: pares a mano ------------------------------------------------------------------------------------------

/// Atiende una conexión: contesta el handshake, si se lo pide, y lee hasta el final.
fn atender_a_mano(puerto: u16, contestar: Option<Vec<u8>>) -> thread::JoinHandle<()> {
    use std::io::{Read, Write};
    let servidor = TcpListener::bind((Ipv4Addr::LOCALHOST, puerto)).unwrap();
    thread::spawn(move || {
        let (mut cliente, _) = servidor.accept().unwrap();
        cliente.set_read_timeout(Some(PLAZO)).unwrap();
        if let Some(respuesta) = contestar {
            cliente.read_exact(&mut [0; 4]).unwrap();
            cliente.write_all(&respuesta).unwrap();
        }
        let _ = cliente.read_to_end(&mut Vec::new());
    })
}

#[test]
fn lo_que_mandan_pares_a_mano() {
    let puerto = puerto_libre();
    let Some(captura) = EnVivo::de(puerto) else { return };
    let charlar = |contestar: Option<i32>, pedazos: &[&[u8]]| {
        let hilo = atender_a_mano(puerto, contestar.map(entero));
        let mut cliente = Ajeno::conectar(puerto);
        if let Some(respuesta) = contestar {
            cliente.escribir(&entero(1));
            assert_eq!(cliente.leer(4), entero(respuesta));
        }
        pedazos.iter().for_each(|pedazo| cliente.escribir(pedazo));
        cliente.no_escribo_mas();
        drop(cliente.leer_hasta_el_fin());
        hilo.join().unwrap();
    };
    // 0: de a un byte por segmento. 1: cientos en uno. 2: un paquete de 1 MiB. 3 a 9: lo que no se puede.
    let lento = [mensaje("de a un byte"), paquete(&[b"a", b""]), operacion(9, b"xyz")].concat();
    charlar(Some(0), &lento.chunks(1).collect::<Vec<_>>());
    let juntos: Vec<u8> = (0..400).flat_map(|cual| mensaje(&format!("texto {cual}"))).collect();
    charlar(Some(0), &[&juntos]);
    let grande = paquete(&[&vec![7; 1 << 20]]);
    charlar(Some(0), &[&grande]);
    charlar(Some(0), &[&[entero(0), entero(-3), b"abc".to_vec()].concat()]);
    charlar(Some(0), &[&operacion(1, &[entero(5), b"ab".to_vec()].concat())]);
    charlar(Some(-1), &[]);
    charlar(None, &[b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
    charlar(None, &[&mensaje("sin handshake")]);
    charlar(Some(0), &[&entero(-7), &entero(2), b"ab"]);
    charlar(Some(0), &[&mensaje("cortado")[..12]]);

    let archivo = captura.terminar();
    let vistos = disecar(&archivo, &["-2", "-o", &en_puerto(puerto)]);
    // Los golpes con que se espera a tshark también son conexiones: cuentan sólo las que dijeron algo.
    let mut charlas: BTreeMap<u32, Vec<Visto>> = BTreeMap::new();
    for visto in vistos {
        charlas.entry(visto.corriente).or_default().push(visto);
    }
    let charlas: Vec<_> = charlas.into_values().collect();
    assert_eq!(charlas.len(), 10, "{charlas:#?}");
    let dichos = |cual: usize| renglones(&charlas[cual], puerto);
    let saludo = ["> handshake 1", "< handshake OK"];

    assert_eq!(
        dichos(0),
        [&saludo[..], &["> MENSAJE \"de a un byte\"", "> PAQUETE, 2 valores", "> código 9, 3 bytes"]].concat()
    );
    assert_eq!(charlas[0][3].valores, [b"a".to_vec(), vec![]]);
    assert_eq!(charlas[0][4].payload.as_deref(), Some(&b"xyz"[..]));
    let esperados: Vec<_> = saludo
        .iter()
        .map(|uno| (*uno).to_owned())
        .chain((0..400).map(|c| format!("> MENSAJE \"texto {c}\"")))
        .collect();
    assert_eq!(dichos(1), esperados);
    assert_eq!(dichos(2), [&saludo[..], &["> PAQUETE, 1 valor"]].concat());
    assert_eq!(charlas[2][2].valores, [vec![7; 1 << 20]]);
    assert_eq!(dichos(3), [&saludo[..], &["> malformado: tamaño -3: no puede ser negativo"]].concat());
    let mentira = "el valor 1 dice tener 5 bytes y quedan 2";
    assert_eq!(dichos(4), [&saludo[..], &[format!("> PAQUETE, 0 valores, malformado: {mentira}").as_str()]].concat());
    assert_eq!(charlas[4][2].malformado, [mentira]);
    assert_eq!(dichos(5), ["> handshake 1", "< handshake ERROR"]);
    assert_eq!(dichos(6), ["> malformado: tamaño 1414012975: es más que el máximo, 67108864"]);
    assert_eq!(dichos(7), ["> MENSAJE \"sin handshake\""]);
    assert_eq!(charlas[7][0].avisos, ["conexión sin handshake"]);
    assert_eq!(dichos(8)[2], "> malformado: código de operación -7: no puede ser negativo");
    assert_eq!(
        dichos(9),
        [&saludo[..], &["> malformado: la conexión termina a mitad de un mensaje: faltan 4 bytes"]].concat()
    );

    // La columna Info junta lo de un paquete.
    let mut tshark = captura::tshark(&archivo, &["-o", &en_puerto(puerto), "-Y", "tp0.texto == \"texto 1\""]);
    tshark.args(["-T", "fields", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info"]);
    let info = correr(tshark);
    assert!(info.starts_with("TP0\tMENSAJE \"texto 0\"; MENSAJE \"texto 1\"; MENSAJE \"texto 2\"; "), "{info}");
    assert!(info.trim_end().ends_with("; …"), "{info}");
}

// --- Al azar, contra lo que se escribió -----------------------------------------------------------------------------

/// xorshift: siempre la misma serie para la misma semilla.
struct Azar(u64);

impl Azar {
    fn hasta(&mut self, cuantos: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % cuantos
    }

    fn bytes(&mut self, cuantos: usize) -> Vec<u8> {
        (0..cuantos).map(|_| u8::try_from(self.hasta(256)).unwrap()).collect()
    }

    fn entero(&mut self) -> i32 {
        i32::try_from(self.hasta(1 << 20)).unwrap()
    }
}

/// Lo que se dijo, y lo que el disector tiene que ver.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Dicho {
    Handshake(i32),
    Respuesta(i32),
    Mensaje(String),
    Paquete(Vec<Vec<u8>>),
    Otro(i32, Vec<u8>),
}

impl Dicho {
    fn al_azar(azar: &mut Azar) -> Self {
        match azar.hasta(10) {
            0..4 => {
                let letras = ["a", "ñ", "€", " ", "\"", "𝄞", "z", "\\", ",", "<&>"];
                let largo = if azar.hasta(8) == 0 { azar.hasta(4000) } else { azar.hasta(40) };
                Self::Mensaje((0..largo).map(|_| letras[azar.hasta(letras.len())]).collect())
            }
            4..8 => {
                let cuantos = azar.hasta(12);
                let largo = |azar: &mut Azar| [0, 1, 4, 4, 30, 700][azar.hasta(6)];
                Self::Paquete(
                    (0..cuantos)
                        .map(|_| {
                            let largo = largo(azar);
                            azar.bytes(largo)
                        })
                        .collect(),
                )
            }
            _ => {
                let largo = azar.hasta(200);
                Self::Otro(2 + azar.entero(), azar.bytes(largo))
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Handshake(valor) | Self::Respuesta(valor) => entero(*valor),
            Self::Mensaje(texto) => mensaje(texto),
            Self::Paquete(valores) => paquete(&valores.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            Self::Otro(codigo, payload) => operacion(*codigo, payload),
        }
    }

    /// Lo mismo, leído de lo que vio tshark.
    fn de(visto: &Visto) -> Self {
        assert!(visto.malformado.is_empty(), "{visto:?}");
        let largo = |bytes: &[u8]| Some(i32::try_from(bytes.len()).unwrap());
        if let Some(valor) = visto.handshake {
            return Self::Handshake(valor);
        } else if let Some(valor) = visto.respuesta {
            return Self::Respuesta(valor);
        }
        match visto.codigo.unwrap_or_else(|| panic!("{visto:?}")) {
            0 => {
                let texto = String::from_utf8(visto.texto.clone().unwrap()).unwrap();
                assert_eq!(visto.tamanio, largo(&[texto.as_bytes(), b"\0"].concat()));
                Self::Mensaje(texto)
            }
            1 => {
                assert_eq!(visto.cuantos, Some(visto.valores.len()));
                assert_eq!(visto.largos, visto.valores.iter().map(|uno| largo(uno).unwrap()).collect::<Vec<_>>());
                let de_cuatro =
                    visto.valores.iter().filter_map(|uno| Some(i32::from_le_bytes(uno.as_slice().try_into().ok()?)));
                assert_eq!(visto.enteros, de_cuatro.collect::<Vec<_>>());
                Self::Paquete(visto.valores.clone())
            }
            codigo => {
                let payload = visto.payload.clone().unwrap_or_default();
                assert_eq!(visto.tamanio, largo(&payload));
                Self::Otro(codigo, payload)
            }
        }
    }
}

/// Una conversación al azar: sus segmentos, en el orden en que se capturaron, y lo que dijo cada lado.
fn conversacion(azar: &mut Azar, puerto: u16) -> (Vec<Segmento>, BTreeMap<Lado, Vec<Dicho>>) {
    let mut cinta = Cinta::con_secuencias(puerto, [u32::MAX - 3000, 12345]);
    let mut dichos: BTreeMap<Lado, Vec<Dicho>> = BTreeMap::new();
    let partir = |azar: &mut Azar, bytes: &[u8]| {
        let mut pedazos = Vec::new();
        let mut resto = bytes;
        while !resto.is_empty() {
            let tope = [1, 3, 9, 100, 1400][azar.hasta(5)];
            let (pedazo, otro) = resto.split_at((1 + azar.hasta(tope)).min(resto.len()));
            pedazos.push(pedazo.to_vec());
            resto = otro;
        }
        pedazos
    };
    if azar.hasta(4) > 0 {
        let valor = azar.entero();
        for (lado, dicho) in [(Cliente, Dicho::Handshake(valor)), (Servidor, Dicho::Respuesta(0))] {
            for pedazo in partir(azar, &dicho.bytes()) {
                let secuencia = cinta.datos(lado, &pedazo);
                if azar.hasta(5) == 0 {
                    cinta.repetir(lado, secuencia, &pedazo);
                }
            }
            dichos.entry(lado).or_default().push(dicho);
        }
    } else {
        // Sin handshake, lo primero es un mensaje en un segmento: si no, hasta que contesten no hay cómo saberlo.
        let dicho = Dicho::Mensaje("sin handshake".to_owned());
        cinta.datos(Cliente, &dicho.bytes());
        dichos.entry(Cliente).or_default().push(dicho);
    }
    for _ in 0..6 {
        let lado = if azar.hasta(2) == 0 { Cliente } else { Servidor };
        let tanda: Vec<_> = (0..1 + azar.hasta(5)).map(|_| Dicho::al_azar(azar)).collect();
        let bytes: Vec<u8> = tanda.iter().flat_map(Dicho::bytes).collect();
        dichos.entry(lado).or_default().extend(tanda);
        let desde = cinta.segmentos.len();
        for pedazo in partir(azar, &bytes) {
            let secuencia = cinta.datos(lado, &pedazo);
            if azar.hasta(12) == 0 {
                cinta.repetir(lado, secuencia, &pedazo);
            }
        }
        // La red desordena: algunos se adelantan un lugar, o dos.
        for lugar in desde..cinta.segmentos.len() {
            if azar.hasta(6) == 0 {
                let otro = desde.max(lugar.saturating_sub(1 + azar.hasta(2)));
                cinta.segmentos.swap(lugar, otro);
            }
        }
    }
    cinta.fin(Cliente);
    cinta.fin(Servidor);
    (cinta.segmentos, dichos)
}

#[test]
fn conversaciones_al_azar() {
    if !exigir("tshark") {
        return;
    }
    const CUANTAS: usize = 60;
    let mut azar = Azar(0x7470_3020_2026);
    let mut dichas = Vec::new();
    let mut pendientes = Vec::new();
    for cual in 0..CUANTAS {
        let (segmentos, dichos) = conversacion(&mut azar, 20_000 + u16::try_from(cual).unwrap());
        pendientes.push(segmentos.into_iter());
        dichas.push(dichos);
    }
    // Se hablan todas a la vez. Empiezan en orden, así que la corriente de cada una es su número.
    let mut segmentos: Vec<_> = pendientes.iter_mut().filter_map(Iterator::next).collect();
    while !pendientes.is_empty() {
        let cual = azar.hasta(pendientes.len());
        match pendientes[cual].next() {
            Some(segmento) => segmentos.push(segmento),
            None => drop(pendientes.swap_remove(cual)),
        }
    }
    let captura = entera(&segmentos);
    let vistos = disecar(&captura, &[]);
    for (cual, dichos) in dichas.iter().enumerate() {
        for (lado, esperados) in dichos {
            let suyo = |uno: &&Visto| uno.corriente as usize == cual && (uno.desde == SERVIDOR) == (*lado == Servidor);
            let hallados: Vec<_> = vistos.iter().filter(suyo).map(Dicho::de).collect();
            assert_eq!(&hallados, esperados, "la conversación {cual}, {lado:?}");
        }
    }
    let cuantos: usize = dichas.iter().flat_map(BTreeMap::values).map(Vec::len).sum();
    assert_eq!(vistos.len(), cuantos);
    let otra_vez = disecar(&captura, &["-2"]);
    for (una, otra) in vistos.iter().zip(&otra_vez) {
        assert_eq!(una, otra, "la segunda pasada muestra otra cosa que la primera");
    }
    assert_eq!(vistos.len(), otra_vez.len());
    comun::decir(&format!(
        "disector: {cuantos} mensajes de {CUANTAS} conversaciones, en {} segmentos",
        segmentos.len()
    ));
}

/// Bytes cualesquiera, y conversaciones de verdad con bytes cambiados: tshark termina, y el disector no se cae nunca.
#[test]
fn con_basura_no_se_cae_ni_se_cuelga() {
    if !exigir("tshark") {
        return;
    }
    let mut azar = Azar(0xba5_u64);
    let mut segmentos = Vec::new();
    for cual in 0..150 {
        let mut cinta =
            if cual % 3 == 0 { Cinta::empezada(20_000 + cual, [7, 9]) } else { Cinta::nueva(20_000 + cual) };
        for _ in 0..20 {
            let lado = if azar.hasta(2) == 0 { Cliente } else { Servidor };
            let cuantos = 1 + azar.hasta(60);
            let mut bytes = if cual % 2 == 0 { azar.bytes(cuantos) } else { Dicho::al_azar(&mut azar).bytes() };
            bytes.truncate(4000);
            if azar.hasta(3) == 0 {
                let lugar = azar.hasta(bytes.len());
                bytes[lugar] = u8::try_from(azar.hasta(256)).unwrap();
            }
            match azar.hasta(8) {
                0 => cinta.perder(lado, 3),
                1 => cinta.repetir(lado, u32::try_from(1000 + azar.hasta(200)).unwrap(), &bytes),
                _ => drop(cinta.datos(lado, &bytes)),
            }
        }
        if azar.hasta(2) == 0 {
            cinta.reset(Cliente)
        } else {
            cinta.fin(Servidor)
        }
        segmentos.extend(cinta.segmentos);
    }
    let captura = entera(&segmentos);
    let mut hallados = Vec::new();
    for opciones in [
        &[][..],
        &["-2", "-o", "tp0.handshake:si"],
        &["-o", "tp0.handshake:no", "-o", "tp0.tamanio_maximo:50"],
        &["-2", "-o", "tcp.reassemble_out_of_order:FALSE"],
        &["-o", "tcp.desegment_tcp_streams:FALSE"],
        &["-o", "tp0.puertos:1", "-o", "tp0.heuristica:TRUE"],
    ] {
        hallados.push(disecar(&captura, opciones).len());
    }
    assert!(hallados.iter().all(|cuantos| *cuantos > 100), "{hallados:?}");
    // Y cada paquete cortado, como los deja tshark -s.
    assert!(disecar(&escribir(&segmentos, 70), &[]).len() > 100);
}

/// Lo más grande que admite el protocolo, y lo más menudo: tarda lo que pesa.
#[test]
fn lo_grande_y_lo_menudo_tardan_lo_que_pesan() {
    if !exigir("tshark") {
        return;
    }
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    cinta.de_a(Cliente, 60_000, &operacion(0, &[vec![b'x'; (64 << 20) - 1], vec![0]].concat()));
    cinta.de_a(Servidor, 60_000, &operacion(1, &vec![0; 1 << 22]));
    cinta.datos(Cliente, &operacion(0, b"").repeat(8000));
    cinta.datos(Cliente, &mensaje("fin"));
    cinta.datos(Servidor, &entero(0));
    let mut tshark = captura::tshark(&entera(&cinta.segmentos), &["-Y", "tp0.resumen"]);
    tshark.args(["-T", "fields", "-E", "aggregator=;", "-e", "tp0.tamanio", "-e", "tp0.valores", "-e", "tp0.aviso"]);
    let dicho = correr(tshark);
    let lineas: Vec<&str> = dicho.lines().skip(2).collect();
    let todos = 1 << 20;
    assert_eq!(lineas[0], "67108864\t\t");
    assert_eq!(lineas[1], format!("4194304\t{todos}\tse muestran los primeros 10000 valores de {todos}"));
    let (tamanios, avisos) = lineas[2].split_once("\t\t").unwrap();
    assert_eq!(tamanios.split(';').count(), 8000);
    assert!(tamanios.split(';').all(|uno| uno == "0"));
    assert_eq!(avisos.split(';').count(), 8000, "a cada uno le falta el '\\0'");
    assert_eq!(lineas[3], "4\t\t");
}

/// Lo que llega junto porque faltaba el primer segmento puede ser más de lo que Wireshark admite mostrar en un paquete.
#[test]
fn un_paquete_con_demasiados_mensajes_se_muestra_hasta_donde_se_puede() {
    if !exigir("tshark") {
        return;
    }
    let tanda = operacion(0, b"").repeat(7500);
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    let primera = cinta.datos(Cliente, &tanda);
    let adelantada = cinta.segmentos.pop().unwrap();
    for _ in 0..10 {
        cinta.datos(Cliente, &tanda);
    }
    cinta.segmentos.push(adelantada);
    cinta.repetir(Cliente, primera, &tanda);
    cinta.datos(Cliente, &mensaje("fin"));
    let mut tshark = captura::tshark(&entera(&cinta.segmentos), &["-Y", "tp0.resumen || _ws.lua.error"]);
    tshark.args(["-T", "fields", "-e", "tp0.resumen", "-e", "tp0.aviso"]);
    let dicho = correr(tshark);
    let lineas: Vec<&str> = dicho.lines().collect();
    assert_eq!(lineas.len(), 4, "{}", lineas.len());
    assert!(lineas[2].contains("el paquete trae más mensajes de los que se pueden mostrar"));
    assert_eq!(lineas[3], "MENSAJE \"fin\"\t");
}

// --- Lo que puede pasarle a una captura -------------------------------------------------------------------------------

/// Los renglones de una captura de una sola conexión, escrita con esa función.
fn de(cinta: &Cinta, opciones: &[&str]) -> Vec<String> {
    renglones(&disecar(&entera(&cinta.segmentos), opciones), SERVIDOR)
}

const PERDIDO: &str = "no se ve dónde empieza un mensaje: faltan datos anteriores en la captura";

#[test]
fn una_captura_que_empieza_tarde_o_con_huecos_retoma_el_hilo() {
    if !exigir("tshark") {
        return;
    }
    let mut cinta = Cinta::empezada(20_000, [5, 6]);
    cinta.datos(Cliente, b"la mitad de un texto\0");
    cinta.datos(Cliente, &mensaje("desde acá"));
    cinta.datos(Servidor, &mensaje("sí"));
    let esperados = [format!("> {PERDIDO}"), "> MENSAJE \"desde acá\"".into(), "< MENSAJE \"sí\"".into()];
    // Aunque se diga que hay handshake: lo que no se vio no se inventa.
    for handshake in ["si", "no", "automatico"] {
        assert_eq!(de(&cinta, &["-o", &format!("tp0.handshake:{handshake}")]), esperados, "{handshake}");
    }

    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    cinta.datos(Cliente, &mensaje("antes"));
    cinta.perder(Cliente, 100);
    cinta.datos(Cliente, b"fin de algo que no se ve");
    cinta.datos(Cliente, &mensaje("después"));
    let dichos = de(&cinta, &["-o", "tcp.reassemble_out_of_order:FALSE"]);
    assert_eq!(dichos[2..], ["> MENSAJE \"antes\"", &format!("> {PERDIDO}"), "> MENSAJE \"después\""]);

    // Cuando cada paquete se guardó cortado, se dice cuánto falta y se sigue con el que viene.
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    cinta.datos(Cliente, &mensaje(&"z".repeat(99)));
    cinta.datos(Cliente, &mensaje("corto"));
    let vistos = disecar(&escribir(&cinta.segmentos, 80), &["-o", "tcp.reassemble_out_of_order:FALSE"]);
    assert_eq!(
        renglones(&vistos, SERVIDOR)[2..],
        [&format!("> MENSAJE \"{}\"", "z".repeat(18)), "> MENSAJE \"corto\""]
    );
    assert_eq!(vistos[2].avisos, ["faltan 82 bytes de este mensaje: no están en la captura, o TCP no los junta"]);

    // Y con la preferencia de TCP que no deja juntar.
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    cinta.de_a(Cliente, 15, &[mensaje("partido en tres pedazos"), mensaje("a")].concat());
    let dichos = de(&cinta, &["-o", "tcp.desegment_tcp_streams:FALSE"]);
    assert_eq!(dichos[2], "> MENSAJE \"partido\"", "{dichos:?}");
}

#[test]
fn los_finales_a_mitad_de_un_mensaje_se_avisan() {
    if !exigir("tshark") {
        return;
    }
    let medio = mensaje("medio mensaje")[..15].to_vec();
    let avisa = |que: &str| format!("> malformado: {que} a mitad de un mensaje: faltan 7 bytes");
    for (como, que) in
        [("fin", "la conexión termina"), ("reset", "la conexión termina"), ("nada", "la captura termina")]
    {
        let mut cinta = Cinta::nueva(20_000);
        cinta.handshake();
        cinta.datos(Cliente, &medio);
        match como {
            "fin" => cinta.fin(Cliente),
            "reset" => cinta.reset(Cliente),
            _ => {}
        }
        assert_eq!(de(&cinta, &["-2"]).last(), Some(&avisa(que)), "{como}");
        // De lo que todavía puede seguir no se dice nada.
        assert_eq!(de(&cinta, &[]).len(), if como == "nada" { 2 } else { 3 }, "{como}");
    }
    // Un handshake cortado, también.
    let mut cinta = Cinta::nueva(20_000);
    cinta.datos(Cliente, &[1, 0, 0]);
    cinta.fin(Cliente);
    assert_eq!(de(&cinta, &["-2"]), ["> malformado: la conexión termina a mitad de un mensaje: falta 1 byte"]);
}

#[test]
fn los_tres_modos_del_handshake() {
    if !exigir("tshark") {
        return;
    }
    let modo = |cual: &str, cinta: &Cinta| de(cinta, &["-2", "-o", &format!("tp0.handshake:{cual}")]);
    // Pegado al primer mensaje, en el mismo segmento.
    let mut pegado = Cinta::nueva(20_000);
    pegado.datos(Cliente, &[entero(1), mensaje("hola")].concat());
    pegado.datos(Servidor, &[entero(0), mensaje("qué tal")].concat());
    let con = ["> handshake 1", "> MENSAJE \"hola\"", "< handshake OK", "< MENSAJE \"qué tal\""];
    assert_eq!(modo("si", &pegado), con);
    assert_eq!(modo("automatico", &pegado), con);
    assert_eq!(modo("no", &pegado)[0], "> PAQUETE, 0 valores");

    // Sin esperar la respuesta: sólo «si» lo sabe.
    let mut apurado = Cinta::nueva(20_000);
    apurado.datos(Cliente, &entero(1));
    apurado.datos(Cliente, &mensaje("hola"));
    apurado.datos(Servidor, &entero(0));
    assert_eq!(modo("si", &apurado), ["> handshake 1", "> MENSAJE \"hola\"", "< handshake OK"]);

    // Sin handshake y con el primer header partido justo ahí.
    let mut partido = Cinta::nueva(20_000);
    partido.de_a(Cliente, 4, &paquete(&[b"uno", b"dos"]));
    partido.datos(Servidor, &mensaje("sí"));
    let vistos = disecar(&entera(&partido.segmentos), &["-2"]);
    assert_eq!(
        renglones(&vistos, SERVIDOR),
        ["> comienzo de un header: código 1", "> PAQUETE, 2 valores", "< MENSAJE \"sí\""]
    );
    assert_eq!(vistos[0].avisos, ["conexión sin handshake, con el primer header partido"]);
    assert_eq!((vistos[1].codigo, &vistos[1].valores), (Some(1), &vec![b"uno".to_vec(), b"dos".to_vec()]));
    assert_eq!(modo("no", &partido), ["> PAQUETE, 2 valores", "< MENSAJE \"sí\""]);

    // Un cliente sin handshake contra un servidor que lo espera.
    let mut viejo = Cinta::nueva(20_000);
    viejo.datos(Cliente, &mensaje("hola"));
    viejo.datos(Servidor, &entero(-1));
    viejo.fin(Servidor);
    let vistos = disecar(&entera(&viejo.segmentos), &["-2"]);
    assert_eq!(renglones(&vistos, SERVIDOR), ["> MENSAJE \"hola\"", "< handshake ERROR"]);
    assert!(vistos[1].malformado.is_empty(), "{vistos:?}");

    // Una respuesta que no es ni 0 ni -1.
    let mut rara = Cinta::nueva(20_000);
    rara.datos(Cliente, &entero(1));
    rara.datos(Servidor, &entero(5));
    let vistos = disecar(&entera(&rara.segmentos), &[]);
    assert_eq!(vistos[1].malformado, ["respuesta al handshake 5: tenía que ser 0 (OK) o -1 (ERROR)"]);
}

#[test]
fn textos_raros_y_el_tamanio_maximo() {
    if !exigir("tshark") {
        return;
    }
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    cinta.datos(Cliente, &operacion(0, b"sin cero"));
    cinta.datos(Cliente, &operacion(0, b"cero\0en el medio"));
    cinta.datos(Cliente, &operacion(0, b"\xff\xfe\x01\n\xc3\xb1\xe2\0"));
    cinta.datos(Cliente, &operacion(1, &[&entero(0)[..], b"abc"].concat()));
    let vistos = disecar(&entera(&cinta.segmentos), &[]);
    assert_eq!(vistos[2].avisos, ["al texto le falta el '\\0' del final"]);
    assert_eq!(vistos[2].texto.as_deref(), Some(&b"sin cero"[..]));
    assert_eq!(
        (vistos[3].texto.as_deref(), &vistos[3].avisos[0][..]),
        (Some(&b"cero"[..]), "hay 11 bytes después del '\\0'")
    );
    assert_eq!(vistos[4].resumen, "MENSAJE \"\u{fffd}\u{fffd}\\x01\\nñ\u{fffd}\"");
    assert_eq!(vistos[4].texto.as_deref(), Some(&b"\xff\xfe\x01\n\xc3\xb1\xe2"[..]));
    assert_eq!((vistos[5].cuantos, &vistos[5].malformado[0][..]), (Some(1), "sobran 3 bytes después del último valor"));

    let vistos = disecar(&entera(&cinta.segmentos), &["-o", "tp0.tamanio_maximo:8"]);
    assert_eq!(vistos[3].malformado, ["tamaño 16: es más que el máximo, 8"]);
    assert_eq!(vistos[4].avisos, ["datos después de algo malformado: no se sabe dónde empieza otro mensaje"]);
}

#[test]
fn otros_puertos_y_puertos_que_se_vuelven_a_usar() {
    if !exigir("tshark") {
        return;
    }
    let mut una = Cinta::con_secuencias(20_000, [1, 1]);
    una.handshake();
    una.datos(Cliente, &mensaje("una")[..10]);
    let mut otra = Cinta::con_secuencias(20_000, [900_000_000, 800_000_000]);
    otra.datos(Cliente, &mensaje("otra"));
    let captura = entera(&[una.segmentos, otra.segmentos].concat());
    let vistos = disecar(&captura, &["-2"]);
    let dichos = [
        "> handshake 1",
        "< handshake OK",
        "> malformado: la captura termina a mitad de un mensaje: faltan 2 bytes",
        "> MENSAJE \"otra\"",
    ];
    assert_eq!(renglones(&vistos, SERVIDOR), dichos);
    assert_eq!(vistos.iter().map(|uno| uno.corriente).collect::<Vec<_>>(), [0, 0, 0, 1]);

    // En otro puerto: nada, salvo que se lo pida, o que se lo reconozca por lo que dice.
    let mut cinta = Cinta::en_puerto(5001);
    cinta.handshake();
    cinta.datos(Cliente, &mensaje("hola"));
    let captura = entera(&cinta.segmentos);
    assert_eq!(disecar(&captura, &["-o", "tp0.puertos:1-5000,5002"]), []);
    for opciones in [
        &["-2", "-d", "tcp.port==5001,tp0"][..],
        &["-2", "-o", "tp0.heuristica:TRUE"],
        &["-2", "-o", "tp0.puertos:1,5000-6000"],
    ] {
        let dichos = renglones(&disecar(&captura, opciones), 5001);
        assert_eq!(dichos, ["> handshake 1", "< handshake OK", "> MENSAJE \"hola\""], "{opciones:?}");
    }
}

/// Lo que TCP vuelve a mandar no se dijo dos veces, tampoco si viene junto con lo que sigue.
#[test]
fn lo_retransmitido_se_muestra_una_vez() {
    if !exigir("tshark") {
        return;
    }
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    let una = cinta.datos(Cliente, &mensaje("una"));
    cinta.repetir(Cliente, una, &mensaje("una"));
    cinta.repetir(Cliente, una, &[mensaje("una"), mensaje("dos")].concat());
    cinta.perder(Cliente, u32::try_from(mensaje("dos").len()).unwrap());
    cinta.datos(Cliente, &mensaje("tres"));
    let todos = ["> MENSAJE \"una\"", "> MENSAJE \"dos\"", "> MENSAJE \"tres\""];
    assert_eq!(de(&cinta, &["-2"])[2..], todos);
    // Sin esa preferencia es TCP el que se saltea entero al que repite algo, y acá se retoma el hilo.
    assert_eq!(de(&cinta, &["-2", "-o", "tcp.reassemble_out_of_order:FALSE"])[2..], [todos[0], todos[2]]);
}

// --- Instalarlo, y ver.sh ----------------------------------------------------------------------------------------------

/// El comentario del disector dice cómo se lo instala y qué se puede filtrar: las dos cosas son ciertas.
#[test]
fn se_instala_como_dice_y_sus_campos_son_los_que_dice() {
    if !exigir("tshark") {
        return;
    }
    let fuente = fs::read_to_string(dir_disector().join("tp0.lua")).unwrap();
    let comando = fuente.lines().find_map(|linea| linea.strip_prefix("--     mkdir -p ")).expect("cómo se instala");
    let casa = ruta_nueva("casa");
    fs::create_dir(&casa).unwrap();
    let mut instalar = Command::new("sh");
    instalar.current_dir(comun::raiz()).env("HOME", &casa).args(["-c", &format!("mkdir -p {comando}")]);
    comun::ejecutar(&mut instalar);

    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    let mut tshark = comun::orden("tshark");
    tshark
        .env("HOME", &casa)
        .env_remove("XDG_CONFIG_HOME")
        .args(["-n", "-Y", "tp0", "-r"])
        .arg(entera(&cinta.segmentos));
    let dicho = correr(tshark);
    assert!(dicho.contains("TP0 58 handshake 1") && dicho.contains("TP0 58 handshake OK"), "{dicho}");

    let mut tshark = comun::orden("tshark");
    tshark.env("HOME", &casa).env_remove("XDG_CONFIG_HOME").args(["-G", "fields"]);
    let campos = comun::ejecutar(&mut tshark);
    let campos: Vec<_> =
        campos.lines().filter_map(|linea| linea.split('\t').nth(2)).filter(|uno| uno.starts_with("tp0.")).collect();
    assert!(campos.len() > 12, "{campos:?}");
    for campo in campos {
        assert!(campo.is_ascii(), "{campo}");
        let escrito =
            campo.strip_prefix("tp0.valor.").map_or(format!("--     {campo} "), |ultimo| format!(".{ultimo}"));
        assert!(campo.starts_with("tp0.experto") || fuente.contains(&escrito), "el comentario no cuenta {campo}");
    }
}

fn ver(argumentos: &[&str], camino: Option<&str>) -> Salida {
    let mut ver = comun::orden(dir_disector().join("ver.sh"));
    ver.args(argumentos);
    if let Some(camino) = camino {
        ver.env("PATH", camino);
    }
    Proceso::lanzar(ver).terminar(PLAZO)
}

#[test]
fn ver_cuenta_la_conversacion() {
    if !exigir("tshark") {
        return;
    }
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    cinta.datos(Cliente, &[mensaje("a\tb"), paquete(&[b"x"])].concat());
    let salida = ver(&[entera(&cinta.segmentos).to_str().unwrap()], None);
    salida.exigir_exito("ver.sh");
    let ida = "10.0.0.1:20000 → 10.0.0.2:4444";
    assert_eq!(
        salida.lineas(),
        [
            format!("     4    0.003000  {ida}  handshake 1"),
            "     5    0.004000  10.0.0.2:4444 → 10.0.0.1:20000  handshake OK".to_owned(),
            format!("     6    0.005000  {ida}  MENSAJE \"a\\tb\""),
            format!("     6    0.005000  {ida}  PAQUETE, 1 valor"),
        ]
    );
}

/// Cuando no puede, dice por qué en un renglón, no muestra nada más y termina con error.
#[test]
fn ver_dice_por_que_no_puede() {
    if !exigir("tshark") {
        return;
    }
    let quejarse = |argumentos: &[&str], camino: Option<&str>, queja: &str| {
        let salida = ver(argumentos, camino);
        assert_eq!(salida.codigo, Some(1), "{queja}: {salida}");
        assert_eq!(salida.stdout, "", "{queja}: {salida}");
        assert_eq!(salida.stderr.lines().count(), 1, "{queja}: {salida}");
        assert!(salida.stderr.starts_with("ver.sh: ") && salida.stderr.contains(queja), "{queja}: {salida}");
    };
    let mut cinta = Cinta::nueva(20_000);
    cinta.handshake();
    for cual in 0..20 {
        cinta.datos(Cliente, &mensaje(&format!("mensaje {cual}")));
    }
    let captura = entera(&cinta.segmentos);
    let captura = captura.to_str().unwrap();
    ver(&[captura], None).exigir_exito("ver.sh con la captura entera");

    let archivo = |nombre: &str, bytes: &[u8]| {
        let ruta = ruta_nueva(nombre);
        fs::write(&ruta, bytes).unwrap();
        ruta.to_str().unwrap().to_owned()
    };
    let bytes = fs::read(captura).unwrap();
    for cortado in [bytes.len() - 1, bytes.len() - 30, bytes.len() / 2] {
        quejarse(&[&archivo("cortada", &bytes[..cortado])], None, "está cortada en medio de un paquete");
    }
    // También si la guardó tshark, en pcapng.
    let pcapng = ruta_nueva("captura").with_extension("pcapng");
    comun::ejecutar(Command::new("tshark").args(["-F", "pcapng", "-r", captura, "-w"]).arg(&pcapng));
    ver(&[pcapng.to_str().unwrap()], None).exigir_exito("ver.sh con el pcapng");
    let bytes_ng = fs::read(pcapng).unwrap();
    quejarse(&[&archivo("cortada", &bytes_ng[..bytes_ng.len() / 2])], None, "está cortada en medio de un paquete");

    quejarse(&["/no/existe.pcap"], None, "no existe /no/existe.pcap");
    quejarse(&["/tmp"], None, "no es un archivo");
    quejarse(&[&archivo("vacía", b"")], None, "está vacía");
    quejarse(&[&archivo("texto", "no es una captura\n".repeat(50).as_bytes())], None, "no es una captura");
    let mut rota = bytes.clone();
    rota[200..280].fill(0xff);
    quejarse(&[&archivo("rota", &rota)], None, "está dañada");
    quejarse(&[captura, "5555"], None, "no hay nada del TP0 en el puerto 5555");
    quejarse(&[captura, "99999"], None, "van de 1 a 65535");
    quejarse(&[captura, "cuatro"], None, "no es un número");
    quejarse(&[], None, "se usa así");

    // Sin tshark: una carpeta con lo demás que usa.
    let camino = ruta_nueva("camino");
    fs::create_dir(&camino).unwrap();
    for programa in ["sh", "dirname", "mktemp", "rm", "cat", "grep", "head", "awk"] {
        let donde = comun::ejecutar(Command::new("sh").args(["-c", &format!("command -v {programa}")]));
        std::os::unix::fs::symlink(donde.trim(), camino.join(programa)).unwrap();
    }
    quejarse(&[captura], camino.to_str(), "falta tshark: sudo apt install tshark");

    // Un tshark que falla por otra cosa: se cuenta la suya.
    let falso = ruta_nueva("falso");
    fs::create_dir(&falso).unwrap();
    fs::write(
        falso.join("tshark"),
        "#!/bin/sh\necho algo que no es de la captura\necho tshark: algo raro >&2\nexit 3\n",
    )
    .unwrap();
    comun::ejecutar(Command::new("chmod").arg("+x").arg(falso.join("tshark")));
    let camino = format!("{}:{}", falso.display(), std::env::var("PATH").unwrap());
    quejarse(&[captura], Some(&camino), "tshark no pudo con");

    // Con un disector que falla, o que ni siquiera se puede cargar.
    let copia = ruta_nueva("copia");
    fs::create_dir(&copia).unwrap();
    comun::ejecutables::copiar_programa(dir_disector().join("ver.sh"), copia.join("ver.sh"));
    let fuente = fs::read_to_string(dir_disector().join("tp0.lua")).unwrap();
    let principio = "function tp0.dissector(tvb, pinfo, arbol)\n";
    assert!(fuente.contains(principio));
    for (sano, roto, queja) in [
        (principio, format!("{principio} error('roto')\n"), "el disector falló en el paquete 4"),
        ("local ENTERO", "local local ENTERO".to_owned(), "tshark no pudo usar tp0.lua"),
    ] {
        fs::write(copia.join("tp0.lua"), fuente.replacen(sano, &roto, 1)).unwrap();
        let salida = Proceso::lanzar({
            let mut ver = comun::orden(copia.join("ver.sh"));
            ver.arg(captura);
            ver
        })
        .terminar(PLAZO);
        assert!(
            salida.codigo == Some(1) && salida.stdout.is_empty() && salida.stderr.contains(queja),
            "{queja}: {salida}"
        );
        assert_eq!(salida.stderr.lines().count(), 1, "{salida}");
    }
}
