//! El conductor: un programa C que cumple órdenes sobre la biblioteca y cuenta qué devolvió cada una, qué `errno` dejó
//! y qué dice `tp0_error()`. La prueba hace de par por la red, con `std::net`, sin compartir código con la biblioteca.

#![allow(dead_code, unreachable_pub, reason = "andamio de pruebas: cada archivo usa una parte")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::comun::{self, PLAZO, Proceso};

pub mod header;

/// Lo que manda un cliente con el handshake de fábrica.
pub const HOLA: [u8; 4] = [1, 0, 0, 0];
/// Lo que contesta el servidor a quien acepta.
pub const ACEPTADO: [u8; 4] = [0; 4];
/// Lo que contesta el servidor a quien rechaza, antes de cerrar.
pub const RECHAZADO: [u8; 4] = [0xff; 4];

// ---------------------------------------------------------------------------------------------------------------------
// Bytes del protocolo, escritos a mano
// ---------------------------------------------------------------------------------------------------------------------

/// Código, tamaño y payload.
pub fn trama(codigo: i32, payload: &[u8]) -> Vec<u8> {
    encabezado(codigo, i32::try_from(payload.len()).unwrap()).into_iter().chain(payload.iter().copied()).collect()
}

/// Un header solo, con el tamaño que se le pida (aunque mienta).
pub fn encabezado(codigo: i32, tamanio: i32) -> Vec<u8> {
    [codigo.to_le_bytes(), tamanio.to_le_bytes()].concat()
}

/// Un MENSAJE con su '\0'.
pub fn mensaje(texto: &str) -> Vec<u8> {
    trama(0, &[texto.as_bytes(), b"\0"].concat())
}

/// Un PAQUETE con esos valores, tal cual.
pub fn paquete(valores: &[&[u8]]) -> Vec<u8> {
    trama(1, &payload_de_paquete(valores))
}

/// El payload de un PAQUETE.
pub fn payload_de_paquete(valores: &[&[u8]]) -> Vec<u8> {
    let mut payload = Vec::new();
    for valor in valores {
        payload.extend(i32::try_from(valor.len()).unwrap().to_le_bytes());
        payload.extend_from_slice(valor);
    }
    payload
}

/// Los bytes como los muestra el conductor.
pub fn hexa(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// ---------------------------------------------------------------------------------------------------------------------
// El par
// ---------------------------------------------------------------------------------------------------------------------

/// Una conexión del lado de la prueba, con plazos: nada de lo que se espera de ella puede colgar la prueba.
pub struct Par(pub TcpStream);

impl Par {
    /// Conecta y no dice nada.
    pub fn mudo(puerto: u16) -> Self {
        Self::de(TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).unwrap())
    }

    /// Conecta y manda el handshake de fábrica, sin esperar la respuesta.
    pub fn saludo(puerto: u16) -> Self {
        let par = Self::mudo(puerto);
        par.mandar(&HOLA);
        par
    }

    pub fn de(conexion: TcpStream) -> Self {
        conexion.set_read_timeout(Some(PLAZO)).unwrap();
        conexion.set_write_timeout(Some(PLAZO)).unwrap();
        conexion.set_nodelay(true).unwrap();
        Self(conexion)
    }

    #[track_caller]
    pub fn mandar(&self, bytes: &[u8]) {
        (&self.0).write_all(bytes).unwrap();
    }

    /// Exactamente esa cantidad de bytes.
    #[track_caller]
    pub fn recibir(&self, cuantos: usize) -> Vec<u8> {
        let mut bytes = vec![0; cuantos];
        (&self.0).read_exact(&mut bytes).unwrap_or_else(|error| panic!("esperaba {cuantos} bytes: {error}"));
        bytes
    }

    #[track_caller]
    pub fn espera(&self, esperado: &[u8]) {
        assert_eq!(hexa(&self.recibir(esperado.len())), hexa(esperado));
    }

    /// Una lectura. Con un plazo puesto, las señales de otra prueba la cortan aunque tengan SA_RESTART.
    fn leer(&self, destino: &mut [u8]) -> io::Result<usize> {
        loop {
            match (&self.0).read(destino) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                leido => return leido,
            }
        }
    }

    /// Todo lo que llega hasta que el otro lado termina (por fin de archivo o por reset).
    #[track_caller]
    pub fn hasta_el_fin(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut pedazo = [0; 4096];
        loop {
            match self.leer(&mut pedazo) {
                Ok(0) => return bytes,
                Ok(leidos) => bytes.extend_from_slice(&pedazo[..leidos]),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return bytes;
                }
                Err(error) => panic!("esperaba el fin de la conexión y no llegó: {error}"),
            }
        }
    }

    /// Si en ese tiempo no llega nada y la conexión sigue abierta.
    pub fn callado(&self, cuanto: Duration) -> bool {
        self.0.set_read_timeout(Some(cuanto)).unwrap();
        let nada = matches!(self.leer(&mut [0]), Err(error) if es_plazo(&error));
        self.0.set_read_timeout(Some(PLAZO)).unwrap();
        nada
    }

    /// De a un byte: ninguno sale hasta que el otro lado tiene, leído o no, el anterior.
    #[track_caller]
    pub fn de_a_uno(&self, bytes: &[u8]) {
        for byte in bytes {
            self.mandar(&[*byte]);
            comun::esperar_que("que llegue lo que se mandó", PLAZO, || {
                comun::pendientes(&self.0, libc::TIOCOUTQ) == 0
            });
        }
    }

    /// Espera a que el otro lado haya leído todo lo que se le mandó.
    #[track_caller]
    pub fn leido(&self) {
        comun::esperar_leido(&self.0);
    }

    /// De a un byte: ninguno sale hasta que el otro lado leyó el anterior.
    #[track_caller]
    pub fn gotear(&self, bytes: &[u8]) {
        for byte in bytes {
            self.mandar(&[*byte]);
            self.leido();
        }
    }

    /// Se va (por su FIN), y el otro lado ya lo puede ver.
    pub fn irse(self) {
        let (propio, otro) = (self.direccion().port(), self.otro_puerto());
        drop(self);
        esperar_que_se_vea_ido(propio, otro);
    }

    /// Espera a que el otro lado ya pueda ver que este no manda más.
    #[track_caller]
    pub fn se_ve_ido(&self) {
        esperar_que_se_vea_ido(self.direccion().port(), self.otro_puerto());
    }

    /// No escribe más: el otro lado ve fin de archivo, y este todavía puede leer.
    pub fn no_mando_mas(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Termina con un RST en vez de un fin ordenado.
    pub fn resetear(self) {
        socket2::SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
        self.irse();
    }

    fn otro_puerto(&self) -> u16 {
        self.0.peer_addr().map_or(0, |otro| otro.port())
    }

    pub fn direccion(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

/// El otro extremo dejó de ser una conexión entera: el núcleo ya le contó que su par se fue.
fn esperar_que_se_vea_ido(propio: u16, otro: u16) {
    comun::esperar_que("que se vea que se fue", PLAZO, || {
        let enteras = comun::sockets_del_nucleo().into_iter().filter(|socket| socket.estado == 1);
        !enteras.into_iter().any(|socket| (socket.local, socket.remoto) == (otro, propio))
    });
}

/// Si la lectura terminó por su plazo.
pub fn es_plazo(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Un servidor de la prueba: acepta con plazo.
pub struct Oyente {
    socket: TcpListener,
    pub puerto: u16,
}

impl Oyente {
    pub fn nuevo() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let puerto = socket.local_addr().unwrap().port();
        Self { socket, puerto }
    }

    /// El próximo que se conecta, sin handshake.
    #[track_caller]
    pub fn aceptar(&self) -> Par {
        let limite = Instant::now() + PLAZO;
        self.aceptar_mientras(|| Instant::now() < limite).expect("nadie se conectó")
    }

    /// El próximo que se conecta, o `None` cuando ya basta.
    pub fn aceptar_o(&self, basta: &AtomicBool) -> Option<Par> {
        self.aceptar_mientras(|| !basta.load(Ordering::Relaxed))
    }

    fn aceptar_mientras(&self, seguir: impl Fn() -> bool) -> Option<Par> {
        self.socket.set_nonblocking(true).unwrap();
        while seguir() {
            match self.socket.accept() {
                Ok((conexion, _)) => {
                    conexion.set_nonblocking(false).unwrap();
                    return Some(Par::de(conexion));
                }
                Err(error) if es_plazo(&error) => thread::sleep(Duration::from_micros(300)),
                Err(error) => panic!("accept: {error}"),
            }
        }
        None
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// El conductor
// ---------------------------------------------------------------------------------------------------------------------

/// El programa C, compilado una sola vez por proceso.
pub fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA
        .get_or_init(|| {
            let mut args = vec![format!("-I{}", comun::raiz().join("include").display()), "-pthread".to_owned()];
            args.extend(comun::enlace_tp0());
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            comun::compilar("hostil_conductor", &["hostil_conductor.c"], &args)
        })
        .clone()
}

/// Lo que se vio de una llamada.
pub struct Respuesta {
    orden: String,
    pub ret: i64,
    pub errno: String,
    pub texto: Option<String>,
    campos: HashMap<String, String>,
}

impl fmt::Display for Respuesta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> ret={} errno={} {:?} texto={:?}", self.orden, self.ret, self.errno, self.campos, self.texto)
    }
}

impl Respuesta {
    fn leer(orden: &str, linea: &str) -> Self {
        let (datos, texto) = linea.split_once(" texto=").unwrap_or_else(|| panic!("respuesta sin texto: {linea}"));
        let mut campos: HashMap<String, String> = datos
            .split_whitespace()
            .skip(1)
            .map(|campo| campo.split_once('=').unwrap())
            .map(|(nombre, valor)| (nombre.to_owned(), valor.to_owned()))
            .collect();
        let ret = campos.remove("ret").unwrap().parse().unwrap();
        let errno = campos.remove("errno").unwrap();
        let texto = (texto != "(NULL)").then(|| texto.to_owned());
        Self { orden: orden.to_owned(), ret, errno, texto, campos }
    }

    /// La llamada salió bien: `ret` no es negativo y no quedó ningún texto de error. Devuelve `ret`.
    #[track_caller]
    pub fn bien(&self) -> i64 {
        assert!(self.ret >= 0 && self.texto.is_none(), "tenía que salir bien: {self}");
        self.ret
    }

    /// La llamada falló con ese errno, y el texto (una línea, en forma de oración) nombra todo lo pedido.
    #[track_caller]
    pub fn mal(&self, errno: &str, nombra: &[&str]) {
        assert_eq!(self.ret, -1, "tenía que fallar: {self}");
        self.con_error(errno, nombra);
    }

    /// Como [`Respuesta::mal`] para las funciones que no devuelven -1: `recibir_mensaje` y `recibir_paquete`.
    #[track_caller]
    pub fn con_error(&self, errno: &str, nombra: &[&str]) {
        assert_eq!(self.errno, errno, "errno equivocado: {self}");
        let texto = self.texto.as_deref().unwrap_or_else(|| panic!("falta el texto de tp0_error(): {self}"));
        assert!(!texto.contains('\u{b}'), "el texto es de una sola línea: {self}");
        assert!(texto.chars().count() >= 10, "un texto que explique algo: {self}");
        for parte in nombra {
            assert!(texto.contains(parte), "el texto tenía que nombrar {parte:?}: {self}");
        }
    }

    #[track_caller]
    pub fn campo(&self, nombre: &str) -> &str {
        self.campos.get(nombre).unwrap_or_else(|| panic!("falta el campo {nombre}: {self}"))
    }

    /// La llamada devolvió una lista con exactamente estos textos.
    #[track_caller]
    pub fn lista(&self, valores: &[&[u8]]) {
        assert_eq!(self.bien(), i64::try_from(valores.len()).unwrap(), "{self}");
        assert_eq!(self.campo("nodos"), valores.len().to_string(), "{self}");
        for (i, valor) in valores.iter().enumerate().take(8) {
            assert_eq!(self.campo(&format!("valor{i}")), hexa(valor), "{self}");
            assert_eq!(self.campo(&format!("fin{i}")), "0", "falta el '\\0' escondido: {self}");
        }
    }

    /// La lista vacía de un `recibir_paquete` que falló.
    #[track_caller]
    pub fn lista_con_error(&self, errno: &str, nombra: &[&str]) {
        assert_eq!(self.ret, 0, "con error la lista viene vacía, nunca NULL: {self}");
        assert_eq!(self.campo("nodos"), "0", "{self}");
        self.con_error(errno, nombra);
    }
}

/// Una orden que todavía no respondió.
#[must_use]
pub struct Pendiente {
    orden: String,
    id: u32,
    marca: String,
    desde: Instant,
}

/// El programa C andando.
pub struct Conductor {
    proceso: RefCell<Proceso>,
    proximo: Cell<u32>,
}

impl Conductor {
    /// Lanzado sin ninguna variable `TP0_*`.
    pub fn nuevo() -> Self {
        Self::con(&[])
    }

    /// Lanzado con esas variables de entorno.
    pub fn con(entorno: &[(&str, &str)]) -> Self {
        let mut orden = comun::orden(programa());
        orden.envs(entorno.iter().copied());
        Self::de(orden)
    }

    /// Lanzado por otra orden (la que haga falta, que termine ejecutando [`programa`]).
    pub fn de(orden: Command) -> Self {
        Self { proceso: RefCell::new(Proceso::lanzar_interactivo(orden)), proximo: Cell::new(0) }
    }

    pub fn pid(&self) -> u32 {
        self.proceso.borrow().pid()
    }

    /// Pide la llamada y sigue: ver [`Conductor::resultado`]. El conductor la cumple en su hilo principal.
    pub fn lanzar(&self, orden: &str) -> Pendiente {
        self.despachar("", orden)
    }

    /// Como [`Conductor::lanzar`], pero el conductor la cumple en otro hilo y puede atender otras mientras tanto.
    pub fn en_hilo(&self, orden: &str) -> Pendiente {
        self.despachar("&", orden)
    }

    fn despachar(&self, prefijo: &str, orden: &str) -> Pendiente {
        let id = self.proximo.get();
        self.proximo.set(id + 1);
        self.proceso.borrow_mut().escribir(&format!("{prefijo}{id} {orden}\n"));
        Pendiente { orden: orden.to_owned(), id, marca: format!("#{id}# ret="), desde: Instant::now() }
    }

    /// Espera a que el hilo que cumple la orden esté dormido adentro de la llamada.
    #[track_caller]
    pub fn adentro(&self, pendiente: &Pendiente) {
        let anuncio = format!("#{}# hilo=", pendiente.id);
        let linea = self.proceso.borrow().esperar_linea(&anuncio, PLAZO);
        let hilo = linea.strip_prefix(&anuncio).unwrap().parse().unwrap();
        comun::esperar_dormido(self.pid(), hilo);
    }

    /// Espera la respuesta; si no llega dentro del plazo, falla.
    #[track_caller]
    pub fn resultado(&self, pendiente: Pendiente) -> Respuesta {
        let linea = self.proceso.borrow().esperar_linea(&pendiente.marca, PLAZO);
        Respuesta::leer(&pendiente.orden, &linea)
    }

    /// Como [`Conductor::resultado`], y cuánto pasó desde que se pidió.
    #[track_caller]
    pub fn cronometrar(&self, pendiente: Pendiente) -> (Respuesta, Duration) {
        let desde = pendiente.desde;
        (self.resultado(pendiente), desde.elapsed())
    }

    /// Pide la llamada y espera su respuesta.
    #[track_caller]
    pub fn pedir(&self, orden: &str) -> Respuesta {
        let pendiente = self.lanzar(orden);
        self.resultado(pendiente)
    }

    /// Pide una llamada que tiene que salir bien y devuelve su resultado.
    #[track_caller]
    pub fn bien(&self, orden: &str) -> i64 {
        self.pedir(orden).bien()
    }

    /// Espera a que el hilo principal vuelva a dormirse: la señal no lo sacó de su llamada.
    pub fn adentro_otra_vez(&self) {
        comun::esperar_dormido(self.pid(), self.pid());
    }

    /// Con el hilo principal dormido adentro de esa llamada, le manda la señal del manejador y espera a que lo haya corrido.
    #[track_caller]
    pub fn interrumpir(&self, pendiente: &Pendiente) {
        self.adentro(pendiente);
        self.senial(libc::SIGALRM);
        comun::esperar_que("que la señal llegue", PLAZO, || {
            let datos = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
            let sin_tomar = datos.lines().find_map(|linea| linea.strip_prefix("ShdPnd:")).map(str::trim);
            sin_tomar.is_none_or(|bits| u64::from_str_radix(bits, 16) == Ok(0))
        });
    }

    #[track_caller]
    pub fn entorno(&self, variable: &str, valor: &str) {
        self.bien(&format!("entorno {variable} {}", valor.replace('%', "%25").replace(' ', "%20")));
    }

    /// Un servidor en un puerto libre de 127.0.0.1: su descriptor y su puerto.
    #[track_caller]
    pub fn servidor(&self) -> (i64, u16) {
        let servidor = self.bien("iniciar_en 127.0.0.1 0");
        let puerto = u16::try_from(self.bien(&format!("puerto {servidor}"))).unwrap();
        (servidor, puerto)
    }

    /// Un cliente de la prueba atendido por el conductor: el par y el descriptor del otro lado.
    #[track_caller]
    pub fn atender(&self, servidor: i64, puerto: u16) -> (Par, i64) {
        let par = Par::saludo(puerto);
        let cliente = self.bien(&format!("esperar {servidor}"));
        par.espera(&ACEPTADO);
        (par, cliente)
    }

    /// El conductor conectado, como cliente, a un oyente de la prueba: el par y el descriptor.
    #[track_caller]
    pub fn conectado(&self, oyente: &Oyente) -> (Par, i64) {
        let pendiente = self.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
        let par = oyente.aceptar();
        par.espera(&HOLA);
        par.mandar(&ACEPTADO);
        let conexion = self.resultado(pendiente).bien();
        (par, conexion)
    }

    /// Espera una línea de la salida estándar (lo que imprime `recibir_mensaje`).
    #[track_caller]
    pub fn imprime(&self, texto: &str) -> String {
        self.proceso.borrow().esperar_linea(texto, PLAZO)
    }

    /// Espera una advertencia por la salida de error.
    #[track_caller]
    pub fn advierte(&self, texto: &str) -> String {
        self.proceso.borrow().esperar_error(texto, PLAZO)
    }

    pub fn senial(&self, senial: i32) {
        self.proceso.borrow().senial(senial);
    }

    /// Le cierra la entrada y comprueba que haya terminado bien por su cuenta: ni abortado ni por una señal.
    #[track_caller]
    pub fn terminar(self) -> comun::Salida {
        let salida = self.proceso.into_inner().terminar(PLAZO);
        salida.exigir_exito("el conductor");
        salida
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Otro usuario
// ---------------------------------------------------------------------------------------------------------------------

/// El conductor como un usuario sin nombre ni permisos. Copia todo adonde ese usuario lo pueda leer: el repositorio
/// puede estar en la carpeta privada de root.
pub fn sin_privilegios(antes: &[&str]) -> Conductor {
    static CUENTA: AtomicU32 = AtomicU32::new(0);
    let numero = CUENTA.fetch_add(1, Ordering::Relaxed);
    let carpeta = std::env::temp_dir().join(format!("tp0-pruebas-{}-{numero}", std::process::id()));
    fs::create_dir_all(&carpeta).unwrap();
    fs::set_permissions(&carpeta, fs::Permissions::from_mode(0o755)).unwrap();
    let programa = copiar(&programa(), &carpeta.join("hostil_conductor"));
    copiar(&comun::dir_biblioteca().join(comun::soname()), &carpeta.join(comun::soname()));
    let mut partes: Vec<&str> = antes.to_vec();
    partes.extend(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    let mut orden = comun::orden(partes[0]);
    orden.args(&partes[1..]).arg(&programa).env("LD_LIBRARY_PATH", &carpeta).current_dir("/");
    let c = Conductor::de(orden);
    // Ya está cargado cuando contesta la primera orden: los archivos sobran.
    c.bien("dormir 0");
    fs::remove_dir_all(&carpeta).unwrap();
    c
}

fn copiar(desde: &Path, hasta: &Path) -> PathBuf {
    comun::ejecutables::copiar_programa(desde, hasta);
    fs::set_permissions(hasta, fs::Permissions::from_mode(0o755)).unwrap();
    hasta.to_path_buf()
}
