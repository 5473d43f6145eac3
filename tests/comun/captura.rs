//! Capturas de red para probar el disector: escribirlas a mano, tomarlas de la interfaz lo, y leer lo que tshark entendió.

#![allow(dead_code, unreachable_pub, reason = "andamio de pruebas: cada archivo usa una parte")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use roxmltree::{Document, Node, ParsingOptions};
use socket2::{Domain, Socket, Type};

use crate::comun::{PLAZO, Proceso, exigir, orden, raiz, ruta_nueva, saltear};

/// El puerto del servidor en las capturas escritas a mano.
pub const SERVIDOR: u16 = 4444;

pub fn dir_disector() -> PathBuf {
    raiz().join("docs/wireshark")
}

// --- Escribir una captura -------------------------------------------------------------------------------------------

/// Quién manda un segmento.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lado {
    Cliente,
    Servidor,
}

use Lado::{Cliente, Servidor};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Un segmento de TCP adentro de IPv4 y Ethernet.
#[derive(Debug, Clone)]
pub struct Segmento(Vec<u8>);

/// Una conexión que se va escribiendo: lleva los números de secuencia de los dos lados.
#[derive(Debug)]
pub struct Cinta {
    puertos: [u16; 2],
    siguientes: [u32; 2],
    pub segmentos: Vec<Segmento>,
}

impl Cinta {
    /// Ya abierta: en la captura no está su SYN.
    pub fn empezada(puerto_cliente: u16, secuencias: [u32; 2]) -> Self {
        Self { puertos: [puerto_cliente, SERVIDOR], siguientes: secuencias, segmentos: Vec::new() }
    }

    /// Con su saludo de TCP.
    pub fn nueva(puerto_cliente: u16) -> Self {
        Self::con_secuencias(puerto_cliente, [1000, 9000])
    }

    pub fn con_secuencias(puerto_cliente: u16, secuencias: [u32; 2]) -> Self {
        Self::empezada(puerto_cliente, secuencias).saludar()
    }

    /// Con un servidor en otro puerto.
    pub fn en_puerto(servidor: u16) -> Self {
        Self { puertos: [20_000, servidor], siguientes: [1, 1], segmentos: Vec::new() }.saludar()
    }

    fn saludar(self) -> Self {
        let mut cinta = self;
        cinta.mandar(Cliente, SYN, &[]);
        cinta.mandar(Servidor, SYN | ACK, &[]);
        cinta.mandar(Cliente, ACK, &[]);
        cinta
    }

    fn segmento(&self, lado: Lado, secuencia: u32, banderas: u8, datos: &[u8]) -> Segmento {
        let (yo, otro) = if lado == Cliente { (0, 1) } else { (1, 0) };
        let ips = [[10, 0, 0, 1], [10, 0, 0, 2]];
        let largo = u16::try_from(40 + datos.len()).unwrap();
        let mut bytes = vec![0; 12];
        bytes.extend([8, 0, 0x45, 0]);
        bytes.extend(largo.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        bytes.extend(ips[yo]);
        bytes.extend(ips[otro]);
        bytes.extend(self.puertos[yo].to_be_bytes());
        bytes.extend(self.puertos[otro].to_be_bytes());
        bytes.extend(secuencia.to_be_bytes());
        bytes.extend(self.siguientes[otro].to_be_bytes());
        bytes.extend([0x50, banderas, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(datos);
        Segmento(bytes)
    }

    /// Un segmento con lo que sigue. Devuelve el número de secuencia con que salió.
    fn mandar(&mut self, lado: Lado, banderas: u8, datos: &[u8]) -> u32 {
        let cual = usize::from(lado == Servidor);
        let secuencia = self.siguientes[cual];
        let segmento = self.segmento(lado, secuencia, banderas, datos);
        self.segmentos.push(segmento);
        let avance = u32::try_from(datos.len()).unwrap() + u32::from(banderas & (SYN | FIN) != 0);
        self.siguientes[cual] = secuencia.wrapping_add(avance);
        secuencia
    }

    pub fn datos(&mut self, lado: Lado, datos: &[u8]) -> u32 {
        self.mandar(lado, ACK, datos)
    }

    /// Otra vez unos bytes que ya salieron, o antes de tiempo otros que van a salir.
    pub fn repetir(&mut self, lado: Lado, secuencia: u32, datos: &[u8]) {
        let segmento = self.segmento(lado, secuencia, ACK, datos);
        self.segmentos.push(segmento);
    }

    /// Todo en segmentos de ese tamaño, a lo sumo.
    pub fn de_a(&mut self, lado: Lado, tamanio: usize, datos: &[u8]) {
        for pedazo in datos.chunks(tamanio) {
            self.datos(lado, pedazo);
        }
    }

    pub fn handshake(&mut self) {
        self.datos(Cliente, &1_i32.to_le_bytes());
        self.datos(Servidor, &0_i32.to_le_bytes());
    }

    /// Saltea bytes, como si la captura los hubiera perdido.
    pub fn perder(&mut self, lado: Lado, cuantos: u32) {
        let cual = usize::from(lado == Servidor);
        self.siguientes[cual] = self.siguientes[cual].wrapping_add(cuantos);
    }

    pub fn fin(&mut self, lado: Lado) {
        self.mandar(lado, FIN | ACK, &[]);
    }

    pub fn reset(&mut self, lado: Lado) {
        self.mandar(lado, RST, &[]);
    }
}

/// Escribe un .pcap con esos segmentos, de los que se guardan a lo sumo `tope` bytes.
pub fn escribir(segmentos: &[Segmento], tope: usize) -> PathBuf {
    let mut bytes = Vec::new();
    for numero in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        bytes.extend(numero.to_le_bytes());
    }
    for (cuando, Segmento(segmento)) in segmentos.iter().enumerate() {
        let guardados = segmento.len().min(tope);
        let cuando = u32::try_from(cuando).unwrap();
        for numero in [cuando / 1000, cuando % 1000 * 1000, u32::try_from(guardados).unwrap()] {
            bytes.extend(numero.to_le_bytes());
        }
        bytes.extend(u32::try_from(segmento.len()).unwrap().to_le_bytes());
        bytes.extend(&segmento[..guardados]);
    }
    let archivo = ruta_nueva("captura").with_extension("pcap");
    fs::write(&archivo, bytes).unwrap();
    archivo
}

pub fn entera(segmentos: &[Segmento]) -> PathBuf {
    escribir(segmentos, usize::MAX)
}

// --- Tomar una captura ----------------------------------------------------------------------------------------------

/// Una captura en marcha de la interfaz lo.
pub struct EnVivo {
    tshark: Proceso,
    archivo: PathBuf,
    puerto: u16,
}

/// Se conecta a un puerto en el que no escucha nadie, desde otro que devuelve: deja en la captura un SYN y un RST, sin datos.
fn golpear(puerto: u16) -> u16 {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let propio = socket.local_addr().unwrap().as_socket().unwrap().port();
    let destino = SocketAddr::from((Ipv4Addr::LOCALHOST, puerto));
    assert!(socket.connect(&destino.into()).is_err(), "en {puerto} escucha alguien");
    propio
}

impl EnVivo {
    /// Empieza a capturar lo de un puerto en el que todavía no escucha nadie. `None`: acá no se puede, y ya se dijo por qué.
    pub fn de(puerto: u16) -> Option<Self> {
        if !exigir("tshark") || !exigir("dumpcap") {
            return None;
        }
        let archivo = ruta_nueva("en-vivo").with_extension("pcapng");
        let mut tshark = orden("tshark");
        tshark
            .args(["-n", "-l", "-P", "-B", "32", "-i", "lo", "-f", &format!("tcp port {puerto}"), "-w"])
            .arg(&archivo);
        let mut tshark = Proceso::lanzar(tshark);
        // Que diga que empezó no alcanza: se golpea hasta que uno de los golpes aparezca.
        let limite = Instant::now() + PLAZO;
        loop {
            if !tshark.vivo() {
                saltear(&format!("acá tshark no puede capturar ({})", tshark.matar().stderr.trim()));
                return None;
            }
            golpear(puerto);
            std::thread::sleep(Duration::from_millis(100));
            if !tshark.dicho().is_empty() {
                return Some(Self { tshark, archivo, puerto });
            }
            assert!(Instant::now() < limite, "tshark no empezó a capturar:\n{}", tshark.matar());
        }
    }

    /// Termina, cuando todo lo anterior ya está en el archivo.
    pub fn terminar(self) -> PathBuf {
        let propio = golpear(self.puerto);
        self.tshark.esperar_linea(&format!(" {} → {propio} ", self.puerto), PLAZO);
        self.tshark.senial(libc::SIGINT);
        self.tshark.terminar(PLAZO).exigir_exito("tshark");
        self.archivo
    }
}

// --- Lo que tshark entendió -----------------------------------------------------------------------------------------

/// Un handshake, una respuesta, un mensaje, o lo que no se pudo interpretar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visto {
    pub cuadro: u32,
    pub corriente: u32,
    /// El puerto de quien lo mandó.
    pub desde: u16,
    pub resumen: String,
    pub handshake: Option<i32>,
    pub respuesta: Option<i32>,
    pub codigo: Option<i32>,
    pub tamanio: Option<i32>,
    pub texto: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub cuantos: Option<usize>,
    pub valores: Vec<Vec<u8>>,
    pub largos: Vec<i32>,
    pub enteros: Vec<i32>,
    pub textos: Vec<String>,
    pub malformado: Vec<String>,
    pub avisos: Vec<String>,
}

/// tshark con el disector, y sin las preferencias de nadie.
pub fn tshark(captura: &Path, opciones: &[&str]) -> Command {
    let mut tshark = orden("tshark");
    let casa = ruta_nueva("casa");
    tshark.env("HOME", &casa).env("XDG_CONFIG_HOME", &casa).env("LC_ALL", "C.UTF-8");
    tshark.arg("-X").arg(format!("lua_script:{}", dir_disector().join("tp0.lua").display()));
    tshark.args(["-n", "-o", "tcp.reassemble_out_of_order:TRUE", "-r"]).arg(captura).args(opciones);
    tshark
}

/// Corre tshark con plazo. Devuelve lo que dijo; si se quejó de Lua, falla.
pub fn correr(tshark: Command) -> String {
    let salida = Proceso::lanzar(tshark).terminar(PLAZO * 4);
    salida.exigir_exito("tshark");
    assert!(!salida.stderr.contains("Lua"), "{salida}");
    assert!(!salida.stdout.contains("Lua Error"), "{}", salida.stdout);
    salida.stdout
}

/// Todo lo que el disector encontró en una captura, en orden.
pub fn disecar(captura: &Path, opciones: &[&str]) -> Vec<Visto> {
    let mut tshark = tshark(captura, opciones);
    tshark.args(["-Y", "tp0 || _ws.lua.error", "-T", "pdml", "-J", "tp0 tcp _ws.lua.error"]);
    let xml = correr(tshark);
    let opciones = ParsingOptions { nodes_limit: u32::MAX, ..ParsingOptions::default() };
    let documento = Document::parse_with_options(&xml, opciones).unwrap_or_else(|error| panic!("{error}"));
    let cuadros = documento.descendants().filter(|nodo| nodo.has_tag_name("packet"));
    cuadros.flat_map(|cuadro| vistos_en(&cuadro)).collect()
}

fn campos<'a>(nodo: &Node<'a, 'a>, nombre: &'a str) -> impl Iterator<Item = Node<'a, 'a>> + use<'a> {
    nodo.descendants().filter(move |hijo| hijo.attribute("name") == Some(nombre) && hijo.has_tag_name("field"))
}

fn numero<T: std::str::FromStr<Err: std::fmt::Debug>>(campo: Node<'_, '_>) -> T {
    campo.attribute("show").unwrap().parse().unwrap()
}

fn bytes(campo: Node<'_, '_>) -> Vec<u8> {
    let hexa = campo.attribute("value").unwrap_or_default().as_bytes();
    let digito = |cual: u8| u8::try_from(char::from(cual).to_digit(16).unwrap()).unwrap();
    hexa.chunks(2).map(|par| digito(par[0]) << 4 | digito(par[1])).collect()
}

fn vistos_en<'a>(cuadro: &Node<'a, 'a>) -> Vec<Visto> {
    let uno = |nodo: &Node<'a, 'a>, nombre| campos(nodo, nombre).next();
    let protocolos = |nodo: &Node<'a, 'a>| -> Vec<Node<'a, 'a>> {
        let hijos = nodo.children().filter(|hijo| hijo.has_tag_name("proto") && hijo.attribute("name") == Some("tp0"));
        hijos.collect()
    };
    let propio = |nodo: &Node<'a, 'a>| nodo.children().any(|hijo| hijo.attribute("name") == Some("tp0.resumen"));
    let mut vistos = Vec::new();
    for raiz in protocolos(cuadro) {
        let ramas = if propio(&raiz) { vec![raiz] } else { protocolos(&raiz) };
        for rama in ramas.iter().filter(|rama| propio(rama)) {
            let textos =
                |nombre| campos(rama, nombre).map(|campo| campo.attribute("show").unwrap().to_owned()).collect();
            vistos.push(Visto {
                cuadro: numero(uno(cuadro, "num").unwrap()),
                corriente: numero(uno(cuadro, "tcp.stream").unwrap()),
                desde: numero(uno(cuadro, "tcp.srcport").unwrap()),
                resumen: uno(rama, "tp0.resumen").unwrap().attribute("show").unwrap().to_owned(),
                handshake: uno(rama, "tp0.handshake").map(numero),
                respuesta: uno(rama, "tp0.respuesta").map(numero),
                codigo: uno(rama, "tp0.codigo").map(numero),
                tamanio: uno(rama, "tp0.tamanio").map(numero),
                texto: uno(rama, "tp0.texto").map(bytes),
                payload: uno(rama, "tp0.payload").map(bytes),
                cuantos: uno(rama, "tp0.valores").map(numero),
                valores: campos(rama, "tp0.valor").map(bytes).collect(),
                largos: campos(rama, "tp0.valor.largo").map(numero).collect(),
                enteros: campos(rama, "tp0.valor.entero").map(numero).collect(),
                textos: textos("tp0.valor.texto"),
                malformado: textos("tp0.malformado"),
                avisos: textos("tp0.aviso"),
            });
        }
        // Los avisos que son de la conexión y no de un mensaje.
        for campo in raiz.children().filter(|hijo| hijo.attribute("name") == Some("tp0.aviso") && !propio(&raiz)) {
            let primero = vistos.first_mut().expect("un aviso sin nada a qué referirse");
            primero.avisos.push(campo.attribute("show").unwrap().to_owned());
        }
    }
    vistos
}

/// Un renglón por cosa vista, para comparar charlas enteras: > es del cliente.
pub fn renglones(vistos: &[Visto], puerto: u16) -> Vec<String> {
    vistos.iter().map(|uno| format!("{} {}", if uno.desde == puerto { '<' } else { '>' }, uno.resumen)).collect()
}
