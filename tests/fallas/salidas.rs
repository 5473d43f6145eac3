//! Lo que la biblioteca escribe no le hace nada al programa: quien no lee, quien se fue y quien no tiene lugar pierden renglones, y nada más.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::comun::ajeno::{Ajeno, entero, mensaje, operacion};
use crate::comun::{
    EnElNucleo, PLAZO, compilar_con_tp0, compilar_modulo, escuchando, esperar_dormido, esperar_que, exigir,
    lanzar_servidor, orden, puerto_libre, ruta_nueva, sockets_del_nucleo,
};

/// Lo que tardan, a lo sumo, treinta respuestas de un servidor al que nada lo demora: si a cada una la demorara quien no lee, serían treinta segundos.
const ENSEGUIDA: Duration = Duration::from_secs(25);

/// Los estados de un cliente sin liberar, como los numera el núcleo.
const ESTABLECIDA: u8 = 1;
const CERRO_EL_OTRO: u8 = 8;

struct Servidor {
    hijo: Child,
    puerto: u16,
}

impl Servidor {
    /// Con esas salidas; `None` si falta gcc.
    fn con(preparar: impl FnOnce(&mut Command)) -> Option<Self> {
        static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
        if !exigir("gcc") {
            return None;
        }
        let mut orden = orden(PROGRAMA.get_or_init(|| compilar_con_tp0("salidas", &["salidas.c"])));
        let puerto = puerto_libre();
        orden.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
        orden.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        preparar(&mut orden);
        let hijo = orden.spawn().unwrap();
        esperar_que("el servidor escucha", PLAZO, || escuchando(puerto));
        Some(Self { hijo, puerto })
    }

    /// A tantos se los rechaza, por su handshake.
    fn rechazar(&self, cuantos: usize) {
        for _ in 0..cuantos {
            let mut malo = Ajeno::conectar(self.puerto);
            malo.escribir(&entero(77));
            assert_eq!(malo.leer(4), entero(-1), "se lo tenía que rechazar");
        }
    }

    /// Le manda un mensaje y espera su respuesta; dice cuánto tardó.
    fn conversar(&self, texto: &str) -> Duration {
        let comienzo = Instant::now();
        let mut bueno = Ajeno::con_handshake(self.puerto);
        bueno.escribir(&mensaje(texto));
        assert_eq!(bueno.leer(14), mensaje("listo"));
        comienzo.elapsed()
    }

    /// Espera a que haya liberado a los clientes que se fueron, y a que duerma hasta el próximo: no tiene nada más que decir.
    fn soltar_a_todos(&self) {
        let suyo =
            |socket: &EnElNucleo| socket.local == self.puerto && [ESTABLECIDA, CERRO_EL_OTRO].contains(&socket.estado);
        esperar_que("que suelte a sus clientes", PLAZO, || !sockets_del_nucleo().iter().any(suyo));
        esperar_dormido(self.hijo.id(), self.hijo.id());
    }

    /// Le pide que termine, y que lo haga bien.
    #[track_caller]
    fn terminar(mut self) {
        assert!(self.hijo.try_wait().unwrap().is_none(), "ya había terminado: {:?}", self.hijo.wait());
        let mut ultimo = Ajeno::con_handshake(self.puerto);
        ultimo.escribir(&operacion(2, b""));
        let mut estado = None;
        esperar_que("que termine", PLAZO, || {
            estado = self.hijo.try_wait().unwrap();
            estado.is_some()
        });
        assert!(estado.unwrap().success(), "{estado:?}");
    }
}

impl Drop for Servidor {
    fn drop(&mut self) {
        let _ = self.hijo.kill();
        let _ = self.hijo.wait();
    }
}

/// Un tubo: de dónde se lee y dónde se escribe.
fn tubo() -> (File, File) {
    let mut fds = [0; 2];
    // SAFETY: hay lugar para dos números.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: se acaban de abrir, y no son de nadie más.
    let [lee, escribe] = fds.map(|fd| unsafe { File::from_raw_fd(fd) });
    (lee, escribe)
}

/// Cambia si se bloquea, en ese descriptor.
fn sin_bloqueo(archivo: &impl AsRawFd, si: bool) {
    // SAFETY: el descriptor está abierto.
    let antes = unsafe { libc::fcntl(archivo.as_raw_fd(), libc::F_GETFL) };
    let ahora = if si { antes | libc::O_NONBLOCK } else { antes & !libc::O_NONBLOCK };
    // SAFETY: la misma razón.
    assert_eq!(unsafe { libc::fcntl(archivo.as_raw_fd(), libc::F_SETFL, ahora) }, 0);
}

fn es_sin_bloqueo(archivo: &impl AsRawFd) -> bool {
    // SAFETY: el descriptor está abierto.
    unsafe { libc::fcntl(archivo.as_raw_fd(), libc::F_GETFL) & libc::O_NONBLOCK != 0 }
}

/// Lo llena hasta que no le entra más.
fn llenar(archivo: &mut (impl Write + AsRawFd)) {
    sin_bloqueo(archivo, true);
    for tamanio in [65536, 4096, 1] {
        while archivo.write(&vec![b'x'; tamanio]).is_ok() {}
    }
    sin_bloqueo(archivo, false);
}

/// Todo lo que hay para leer ahora.
fn vaciar(archivo: &mut (impl Read + AsRawFd)) -> String {
    sin_bloqueo(archivo, true);
    let (mut leido, mut pedazo) = (Vec::new(), [0; 65536]);
    while let Ok(cuantos @ 1..) = archivo.read(&mut pedazo) {
        leido.extend_from_slice(&pedazo[..cuantos]);
    }
    sin_bloqueo(archivo, false);
    String::from_utf8_lossy(&leido).trim_start_matches('x').to_owned()
}

fn hasta_el_fin(mut archivo: impl Read) -> String {
    let mut leido = Vec::new();
    archivo.read_to_end(&mut leido).unwrap();
    String::from_utf8(leido).unwrap()
}

/// Con esa salida de errores, muchos rechazos ni matan ni demoran al servidor.
#[track_caller]
fn sobrevive_a_los_rechazos(errores: impl Into<Stdio>) {
    let Some(servidor) = Servidor::con(|orden| _ = orden.stderr(errores)) else { return };
    servidor.rechazar(650);
    assert!(servidor.conversar("hola") < ENSEGUIDA);
    servidor.terminar();
}

#[test]
fn sin_lector() {
    sobrevive_a_los_rechazos(tubo().1);
    sobrevive_a_los_rechazos(OwnedFd::from(UnixStream::pair().unwrap().1));
}

#[test]
fn sin_lugar() {
    sobrevive_a_los_rechazos(File::options().write(true).open("/dev/full").unwrap());
}

#[test]
fn cerrada() {
    let cerrar = || {
        // SAFETY: en el hijo, antes de ejecutar el programa.
        unsafe { libc::close(2) };
        Ok(())
    };
    let con = |orden: &mut Command| {
        use std::os::unix::process::CommandExt;
        // SAFETY: sólo cierra un descriptor.
        unsafe { orden.pre_exec(cerrar) };
    };
    let Some(servidor) = Servidor::con(con) else { return };
    servidor.rechazar(50);
    servidor.conversar("hola");
    servidor.terminar();
}

#[test]
fn un_tubo_lleno_pierde_los_renglones_y_el_proximo_dice_cuantos() {
    let (mut lee, mut escribe) = tubo();
    llenar(&mut escribe);
    let Some(servidor) = Servidor::con(|orden| _ = orden.stderr(escribe.try_clone().unwrap())) else { return };
    servidor.rechazar(650);
    assert!(servidor.conversar("hola") < ENSEGUIDA);
    assert!(!es_sin_bloqueo(&escribe), "la descripción es también de otros");
    assert_eq!(vaciar(&mut lee), "", "no había lugar");
    // El limitador deja pasar uno por segundo.
    thread::sleep(Duration::from_millis(1100));
    servidor.rechazar(1);
    let mut dicho = String::new();
    esperar_que("el aviso", PLAZO, || {
        dicho += &vaciar(&mut lee);
        dicho.ends_with('\n')
    });
    let renglones: Vec<&str> = dicho.lines().collect();
    assert_eq!(renglones.len(), 2, "{dicho}");
    let perdidos: u32 = renglones[0]
        .strip_prefix("tp0: antes de este renglón se perdieron ")
        .and_then(|resto| resto.strip_suffix(": nadie los leía."))
        .and_then(|numero| numero.parse().ok())
        .unwrap_or_else(|| panic!("{dicho}"));
    let callados: u32 = renglones[1]
        .split_once(" (y ")
        .and_then(|(_, resto)| resto.split_once(" más como éste"))
        .and_then(|(numero, _)| numero.parse().ok())
        .unwrap_or_else(|| panic!("{dicho}"));
    assert!(perdidos >= 10 && perdidos + callados <= 650 && renglones[1].contains("77"), "{dicho}");
    servidor.terminar();
}

#[test]
fn un_socket_lleno_tampoco_lo_demora() {
    let (mut lee, mut escribe) = UnixStream::pair().unwrap();
    llenar(&mut escribe);
    sobrevive_a_los_rechazos(OwnedFd::from(escribe));
    assert_eq!(vaciar(&mut lee), "");
}

/// Una terminal: lo que ve quien está sentado, y donde escribe el programa.
fn terminal() -> (File, File) {
    let (mut maestro, mut esclavo) = (0, 0);
    let nada: *mut libc::c_void = std::ptr::null_mut();
    // SAFETY: hay lugar para los dos números; lo demás no interesa.
    assert_eq!(unsafe { libc::openpty(&raw mut maestro, &raw mut esclavo, nada.cast(), nada.cast(), nada.cast()) }, 0);
    // SAFETY: se acaban de abrir, y no son de nadie más.
    let [maestro, esclavo] = [maestro, esclavo].map(|fd| unsafe { File::from_raw_fd(fd) });
    (maestro, esclavo)
}

#[test]
fn una_terminal_parada_tampoco() {
    let (mut maestro, mut esclavo) = terminal();
    llenar(&mut esclavo);
    sobrevive_a_los_rechazos(esclavo.try_clone().unwrap());
    vaciar(&mut maestro);
    // SAFETY: es una terminal abierta.
    assert_eq!(unsafe { libc::tcflow(esclavo.as_raw_fd(), libc::TCOOFF) }, 0);
    sobrevive_a_los_rechazos(esclavo.try_clone().unwrap());
    // SAFETY: la misma razón.
    assert_eq!(unsafe { libc::tcflow(esclavo.as_raw_fd(), libc::TCOON) }, 0);
    let Some(servidor) = Servidor::con(|orden| _ = orden.stderr(esclavo.try_clone().unwrap())) else { return };
    servidor.rechazar(1);
    esperar_que("el aviso, en la terminal", PLAZO, || vaciar(&mut maestro).contains("tp0: Se rechazó al cliente"));
    servidor.terminar();
}

#[test]
fn en_una_conexion_no_se_escribe() {
    let oyente = TcpListener::bind("127.0.0.1:0").unwrap();
    let conexion = TcpStream::connect(oyente.local_addr().unwrap()).unwrap();
    let (mut par, _) = oyente.accept().unwrap();
    let Some(servidor) = Servidor::con(|orden| _ = orden.stderr(OwnedFd::from(conexion))) else { return };
    servidor.rechazar(20);
    servidor.terminar();
    assert_eq!(vaciar(&mut par), "");
}

#[test]
fn de_una_racha_de_rechazos_diez_renglones_y_despues_uno_por_segundo() {
    let (lee, escribe) = tubo();
    let Some(servidor) = Servidor::con(|orden| _ = orden.stderr(escribe)) else { return };
    let comienzo = Instant::now();
    servidor.rechazar(600);
    let segundos = usize::try_from(comienzo.elapsed().as_secs()).unwrap();
    servidor.terminar();
    let dicho = hasta_el_fin(lee);
    let cuantos = dicho.lines().count();
    assert!((10..=11 + segundos).contains(&cuantos), "{cuantos} renglones en {segundos} s:\n{dicho}");
    assert!(dicho.lines().all(|renglon| renglon.starts_with("tp0: Se rechazó al cliente")), "{dicho}");
}

#[test]
fn con_stdout_lleno_recibir_mensaje_no_se_queda() {
    let (mut lee, mut escribe) = tubo();
    llenar(&mut escribe);
    let Some(servidor) = Servidor::con(|orden| _ = orden.stdout(escribe.try_clone().unwrap())) else { return };
    // La paciencia se gasta una vez, y no por mensaje.
    let total: Duration = (0..30).map(|i| servidor.conversar(&format!("perdido {i}"))).sum();
    assert!(total < ENSEGUIDA, "{total:?}");
    assert_eq!(vaciar(&mut lee), "");
    servidor.conversar("éste entra");
    let dicho = vaciar(&mut lee);
    let esperado = "antes\n".repeat(31)
        + "(tp0: se perdieron 30 mensajes: nadie leía esta salida)\nMe llego el mensaje éste entra\n";
    assert_eq!(dicho, esperado);
    servidor.terminar();
    assert!(!es_sin_bloqueo(&escribe));
}

#[test]
fn con_stdout_sin_lector_ni_recibir_ni_terminar_lo_matan() {
    let (lee, escribe) = tubo();
    let Some(servidor) = Servidor::con(|orden| _ = orden.stdout(escribe)) else { return };
    drop(lee);
    servidor.conversar("hola");
    servidor.conversar(&"largo".repeat(100_000));
    servidor.terminar();
}

/// El log del programa también escribe ahí.
#[test]
fn con_stdout_sin_lector_el_log_no_lo_mata() {
    if !exigir("gcc") {
        return;
    }
    let (servidor, puerto) = lanzar_servidor(orden(compilar_modulo("log-sin-lector", &["log_sin_lector.c"], &[])));
    let mut cliente = Ajeno::con_handshake(puerto);
    cliente.escribir(&operacion(1, b""));
    servidor.terminar(PLAZO).exigir_exito("el que anota donde nadie lee");
}

/// Uno más largo que lo que entra en el tubo, con quien lee despacio; y con un archivo.
#[test]
fn un_mensaje_largo_sale_entero() {
    let largo = "ñandú ".repeat(200_000);
    let esperado = format!("antes\nMe llego el mensaje {largo}\nantes\nMe llego el mensaje chau\n");
    let (lee, escribe) = tubo();
    let Some(servidor) = Servidor::con(|orden| _ = orden.stdout(escribe)) else { return };
    let lector = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        hasta_el_fin(lee)
    });
    servidor.conversar(&largo);
    servidor.conversar("chau");
    servidor.terminar();
    assert!(lector.join().unwrap() == esperado, "por el tubo no salió igual");

    let ruta = ruta_nueva("salida");
    let archivo = File::create(&ruta).unwrap();
    let Some(servidor) = Servidor::con(|orden| _ = orden.stdout(archivo)) else { return };
    servidor.conversar(&largo);
    servidor.conversar("chau");
    servidor.terminar();
    assert!(fs::read_to_string(ruta).unwrap() == esperado, "en el archivo no salió igual");
}

/// Si se abandona uno largo por la mitad, lo que sigue empieza en otro renglón.
#[test]
fn un_mensaje_largo_que_nadie_lee_se_abandona() {
    let (mut lee, escribe) = tubo();
    let Some(servidor) = Servidor::con(|orden| _ = orden.stdout(escribe)) else { return };
    assert!(servidor.conversar(&"a".repeat(1_000_000)) < ENSEGUIDA);
    assert!(servidor.conversar("perdido") < ENSEGUIDA);
    vaciar(&mut lee);
    servidor.conversar("chau");
    let dicho = vaciar(&mut lee);
    assert_eq!(
        dicho,
        "antes\nantes\n\n(tp0: se perdieron 2 mensajes: nadie leía esta salida)\nMe llego el mensaje chau\n"
    );
    servidor.terminar();
}

#[test]
fn la_traza_que_nadie_lee_pierde_renglones_y_sigue() {
    let (mut lee, mut escribe) = tubo();
    llenar(&mut escribe);
    let con = |orden: &mut Command| _ = orden.env("TP0_TRAZA", "1").stderr(escribe.try_clone().unwrap());
    let Some(servidor) = Servidor::con(con) else { return };
    let total: Duration = (0..30).map(|_| servidor.conversar("hola")).sum();
    assert!(total < ENSEGUIDA, "{total:?}");
    vaciar(&mut lee);
    servidor.conversar("ahora sí");
    esperar_que("la traza vuelve", PLAZO, || vaciar(&mut lee).contains("ahora sí"));
    servidor.conversar("y sigue");
    let mut dicho = String::new();
    esperar_que("y sigue", PLAZO, || {
        dicho += &vaciar(&mut lee);
        dicho.contains("y sigue")
    });
    servidor.terminar();
}

#[test]
fn la_traza_dice_cuantos_renglones_faltan() {
    let (mut lee, mut escribe) = tubo();
    llenar(&mut escribe);
    let con = |orden: &mut Command| _ = orden.env("TP0_TRAZA", "1").stderr(escribe.try_clone().unwrap());
    let Some(servidor) = Servidor::con(con) else { return };
    servidor.conversar("hola");
    servidor.soltar_a_todos();
    vaciar(&mut lee);
    servidor.conversar("chau");
    let mut dicho = String::new();
    esperar_que("lo que falta", PLAZO, || {
        dicho += &vaciar(&mut lee);
        dicho.contains("chau")
    });
    let primero = dicho.lines().next().unwrap();
    assert!(primero.contains("] faltan ") && primero.ends_with(" renglones: nadie los leía"), "{dicho}");
    assert!(dicho.lines().nth(1).unwrap().contains("] libtp0 "), "con qué reloj se cuenta: {dicho}");
    servidor.terminar();
}

#[test]
fn la_traza_sin_lector_se_apaga_y_el_servidor_sigue() {
    let (lee, escribe) = tubo();
    let con = |orden: &mut Command| _ = orden.env("TP0_TRAZA", "1").stderr(escribe.try_clone().unwrap());
    let Some(servidor) = Servidor::con(con) else { return };
    drop((lee, escribe));
    servidor.conversar("hola");
    servidor.terminar();
}
