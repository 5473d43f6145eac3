//! Lo que comparten las pruebas de integración: compilar programas C contra la biblioteca recién construida,
//! lanzarlos, mirar qué imprimen y asegurarse de que ninguno quede vivo.

#![allow(
    dead_code,
    unreachable_pub,
    unsafe_code,
    reason = "andamio de pruebas: cada archivo usa una parte, y mandar una señal necesita kill(2)"
)]

pub mod ajeno;
pub mod ejecutables;

use std::collections::{BTreeMap, HashSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// Plazo generoso para cualquier espera: solo se agota cuando algo anda mal (valgrind en dos núcleos ocupados es muy lento). No mide nada.
pub const PLAZO: Duration = Duration::from_secs(90);

/// Cada cuánto se vuelve a mirar una condición que no avisa sola.
const PASO: Duration = Duration::from_millis(3);

/// Lo que se le exige a todo el C de este repositorio.
pub const ESTRICTO: &[&str] = &[
    "-std=gnu11",
    "-g",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wstrict-prototypes",
    "-Werror",
];

/// Las variables de entorno de la biblioteca: un valor puesto por quien corre las pruebas no debe cambiar su resultado.
pub const VARIABLES: &[&str] =
    &["TP0_IP", "TP0_PUERTO", "TP0_HANDSHAKE", "TP0_ESPERA_MS", "TP0_TAMANIO_MAXIMO", "TP0_TRAZA"];

// ---------------------------------------------------------------------------------------------------------------------
// Lugares
// ---------------------------------------------------------------------------------------------------------------------

/// La raíz del repositorio, también para las pruebas de la herramienta.
pub fn raiz() -> PathBuf {
    let propia = Path::new(env!("CARGO_MANIFEST_DIR"));
    propia.ancestors().find(|carpeta| carpeta.join("cbindgen.toml").is_file()).unwrap().to_owned()
}

/// La carpeta de los programas C de las pruebas.
pub fn dir_c() -> PathBuf {
    raiz().join("tests/c")
}

/// Con qué nombre la busca un programa enlazado: la regla de cargo-c.
pub fn soname() -> String {
    let (mayor, menor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    if mayor == "0" { format!("libtp0.so.0.{menor}") } else { format!("libtp0.so.{mayor}") }
}

/// La carpeta con `libtp0.so`, el enlace con su SONAME y `libtp0.a` de esta misma compilación: bajo `cargo test` solo están
/// al lado del ejecutable de la prueba.
pub fn dir_biblioteca() -> PathBuf {
    if let Some(dir) = env::var_os("MAQUINA_BIBLIOTECA") {
        return PathBuf::from(dir);
    }
    let dir = env::current_exe().unwrap().parent().unwrap().to_path_buf();
    for archivo in ["libtp0.so", &soname(), "libtp0.a"] {
        assert!(
            dir.join(archivo).exists(),
            "falta {}: esta prueba se corre con `cargo test`, que construye la biblioteca al lado; si ya lo hiciste \
             así, mirá build/capi.rs, que crea el enlace con el nombre del SONAME",
            dir.join(archivo).display()
        );
    }
    dir
}

/// Una carpeta temporal solo de este proceso. Borra, de paso, las que dejaron las corridas anteriores.
pub fn dir_temporal() -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        for entrada in fs::read_dir(&base).into_iter().flatten().flatten() {
            let nombre = entrada.file_name();
            let duenio = nombre.to_str().and_then(|n| n.strip_prefix("pruebas-")).and_then(|n| n.parse::<u32>().ok());
            if duenio.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                // Si otro proceso la borra a la vez, mejor: ya no está.
                let _ = fs::remove_dir_all(entrada.path());
            }
        }
        let dir = base.join(format!("pruebas-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    })
    .clone()
}

/// Un camino nuevo dentro de la carpeta temporal: dos pruebas que corren a la vez nunca reciben el mismo.
pub fn ruta_nueva(nombre: &str) -> PathBuf {
    static CUENTA: AtomicU32 = AtomicU32::new(0);
    dir_temporal().join(format!("{nombre}-{}", CUENTA.fetch_add(1, Ordering::Relaxed)))
}

// ---------------------------------------------------------------------------------------------------------------------
// Herramientas y compilación
// ---------------------------------------------------------------------------------------------------------------------

/// Si la herramienta está en el PATH. Cuando falta lo dice por su nombre (aun con la salida capturada) y devuelve
/// `false`; con `CI=true` no se puede saltear nada: falla.
pub fn exigir(herramienta: &str) -> bool {
    if env::split_paths(&camino()).any(|carpeta| carpeta.join(herramienta).is_file()) {
        return true;
    }
    saltear(&format!("falta {herramienta}"));
    false
}

/// Si se puede correr algo en una red nueva, que es sólo de él: hace falta unshare, y permiso para usarlo.
pub fn red_propia() -> bool {
    if !exigir("unshare") {
        return false;
    }
    let puede = orden("unshare").args(["-n", "true"]).output().unwrap().status.success();
    if !puede {
        saltear("acá no se puede crear una red propia (unshare -n): hace falta ser root");
    }
    puede
}

/// Dónde se buscan los programas: en el PATH, y en las carpetas de los que suele correr root, que en Debian no son del PATH de los demás.
pub fn camino() -> OsString {
    let propio = env::var_os("PATH").unwrap_or_default();
    let carpetas = env::split_paths(&propio).chain(["/usr/sbin".into(), "/sbin".into()]);
    env::join_paths(carpetas).unwrap()
}

/// Si las corre la integración continua: ahí nada se saltea, y lo que lleva mucho se corre entero.
pub fn en_integracion() -> bool {
    env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Una prueba que acá no se puede correr lo dice por su nombre, aun con la salida capturada; con `CI=true`, falla.
pub fn saltear(causa: &str) {
    let prueba = thread::current().name().unwrap_or("?").to_owned();
    assert!(!en_integracion(), "{causa}, y con CI=true nada se saltea");
    // No es eprintln!: el arnés captura esa macro cuando la prueba pasa, y un salteo no debe ser silencioso.
    let _ = writeln!(io::stderr(), "salteado: {causa} (prueba {prueba})");
}

/// Si estas pruebas las corre root.
pub fn es_root() -> bool {
    fs::metadata("/proc/self").map(|datos| datos.uid()).unwrap() == 0
}

/// Dice, aunque la prueba pase, un renglón con lo que midió: println! se perdería en lo que guarda el arnés.
pub fn decir(renglon: &str) {
    writeln!(io::stdout().lock(), "{renglon}").unwrap();
}

/// Un número con punto entre los miles y coma decimal.
pub fn cifra(valor: f64, decimales: usize) -> String {
    let simple = format!("{valor:.decimales$}");
    let (entera, resto) = simple.split_once('.').map_or((simple.as_str(), ""), |partes| partes);
    let grupos: Vec<_> = entera.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let en_miles = grupos.join(".");
    if resto.is_empty() { en_miles } else { en_miles + "," + resto }
}

/// El mayor límite de descriptores que este proceso puede pedir.
pub fn descriptores_posibles() -> usize {
    let limites = fs::read_to_string("/proc/self/limits").unwrap();
    let maximo = limites.lines().find_map(|linea| linea.strip_prefix("Max open files")).unwrap();
    // El blando y el duro; «unlimited» no es un número.
    maximo.split_whitespace().nth(1).unwrap().parse().unwrap_or(usize::MAX)
}

/// Sube el límite de descriptores de este proceso y de los que lance, si hace falta. `false`: no se puede.
pub fn permitir_descriptores(hacen_falta: usize) -> bool {
    let hacen_falta = u64::try_from(hacen_falta).unwrap();
    let mut limite = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limite` es un lugar válido.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limite) }, 0);
    if limite.rlim_cur < hacen_falta {
        limite.rlim_cur = hacen_falta.min(limite.rlim_max);
        // SAFETY: `limite` es un lugar válido.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limite) }, 0);
    }
    limite.rlim_cur >= hacen_falta
}

/// Deja una fila de la tabla de docs/confianza.md, si se la está armando (`make confianza`): cuántos casos se probaron, cuántos salieron
/// bien, y un detalle.
pub fn confianza(clave: &str, casos: usize, bien: usize, detalle: &str) {
    if let Some(carpeta) = env::var_os("CONFIANZA_DIR") {
        let fila = format!("{clave}\t{casos}\t{bien}\t{detalle}\n");
        fs::write(Path::new(&carpeta).join(format!("{clave}.tsv")), fila).unwrap();
    }
}

/// Lo que va de cada fila que se cuenta de a un caso.
#[derive(Default)]
struct Fila {
    casos: usize,
    bien: usize,
    detalles: Vec<String>,
}

static FILAS: Mutex<BTreeMap<&'static str, Fila>> = Mutex::new(BTreeMap::new());

fn en_fila(clave: &'static str, cambio: impl FnOnce(&mut Fila)) {
    let mut filas = FILAS.lock().unwrap_or_else(|veneno| veneno.into_inner());
    let fila = filas.entry(clave).or_default();
    cambio(fila);
    fila.detalles.sort();
    confianza(clave, fila.casos, fila.bien, &fila.detalles.join("; "));
}

/// Un caso de una fila de la tabla de confianza, mientras dura: al terminar se cuenta, y salió bien si no hubo un panic. La
/// fila de una clave se cuenta en un solo archivo de pruebas, que es un proceso.
#[must_use]
pub struct Contado(&'static str);

pub fn contar(clave: &'static str) -> Contado {
    Contado(clave)
}

impl Drop for Contado {
    fn drop(&mut self) {
        sumar(self.0, 1, usize::from(!thread::panicking()));
    }
}

/// Suma a una fila muchos casos de una vez.
pub fn sumar(clave: &'static str, casos: usize, bien: usize) {
    en_fila(clave, |fila| {
        fila.casos += casos;
        fila.bien += bien;
    });
}

/// Agrega un detalle a la fila que se está contando.
pub fn detallar(clave: &'static str, detalle: String) {
    en_fila(clave, |fila| fila.detalles.push(detalle));
}

/// El compilador de C de las pruebas. El de otra máquina, si `tests/maquinas.sh` las corre para ella: con MAQUINA_CC la elige,
/// MAQUINA_BIBLIOTECA es la carpeta de la biblioteca compilada para ella, y MAQUINA_EMULADOR, lo que va delante de cada programa de allá.
pub fn compilador_de_c() -> Command {
    Command::new(env::var_os("MAQUINA_CC").unwrap_or_else(|| "gcc".into()))
}

/// Por cuánto se multiplica un tiempo medido: lo que puede tardar de más un programa emulado.
pub fn lentitud() -> u32 {
    if env::var_os("MAQUINA_EMULADOR").is_some() { 6 } else { 1 }
}

/// La orden de correr `programa`: si es de los que compilan las pruebas, con el emulador de su máquina.
fn emulado(programa: &OsStr) -> Command {
    let emulador = env::var("MAQUINA_EMULADOR").unwrap_or_default();
    match emulador.split_whitespace().collect::<Vec<_>>()[..] {
        [comando, ref args @ ..] if Path::new(programa).starts_with(dir_temporal()) => {
            let mut orden = Command::new(comando);
            orden.args(args).arg(programa);
            orden
        }
        _ => Command::new(programa),
    }
}

/// Compila con gcc y las advertencias como errores. Las fuentes son relativas a `tests/c` (o caminos absolutos);
/// `args` va al final, así que puede enlazar bibliotecas o cambiar cualquier opción anterior.
pub fn compilar(nombre: &str, fuentes: &[&str], args: &[&str]) -> PathBuf {
    let destino = ruta_nueva(nombre);
    let mut orden = compilador_de_c();
    orden.args(ESTRICTO).arg("-o").arg(&destino);
    orden.args(fuentes.iter().map(|fuente| dir_c().join(fuente)));
    orden.args(args);
    ejecutar(&mut orden);
    destino
}

/// Lo que hay que pasarle a gcc, después de las fuentes, para enlazar con la `libtp0.so` de esta compilación.
pub fn enlace_tp0() -> Vec<String> {
    let dir = dir_biblioteca();
    let dir = dir.to_str().unwrap();
    vec![format!("-L{dir}"), "-ltp0".to_owned(), format!("-Wl,-rpath,{dir}")]
}

/// Compila contra `libtp0.so`, con `include/` entre las carpetas de encabezados.
pub fn compilar_con_tp0(nombre: &str, fuentes: &[&str]) -> PathBuf {
    let mut args = vec![format!("-I{}", raiz().join("include").display())];
    args.extend(enlace_tp0());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    compilar(nombre, fuentes, &args)
}

/// Lo que hay que pasarle a gcc para usar las commons de reemplazo (`tests/c/commons`): sus encabezados y su
/// `libcommons.so`, que se construye una vez por proceso.
pub fn enlace_commons() -> Vec<String> {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    let dir = DIR.get_or_init(|| {
        let dir = dir_temporal().join("commons");
        fs::create_dir_all(&dir).unwrap();
        let mut orden = Command::new("gcc");
        orden.args(ESTRICTO).args(["-fPIC", "-shared", "-o"]).arg(dir.join("libcommons.so"));
        orden.arg("-I").arg(dir_c()).arg(dir_c().join("commons/commons.c"));
        ejecutar(&mut orden);
        dir
    });
    let dir = dir.to_str().unwrap();
    vec![format!("-I{}", dir_c().display()), format!("-L{dir}"), "-lcommons".to_owned(), format!("-Wl,-rpath,{dir}")]
}

/// Corre una orden que tiene que salir bien; si no, falla mostrando la orden y todo lo que dijo.
pub fn ejecutar(orden: &mut Command) -> String {
    let salida = orden.output().unwrap_or_else(|error| panic!("no se pudo ejecutar {orden:?}: {error}"));
    assert!(
        salida.status.success(),
        "falló ({}): {orden:?}\n{}{}",
        salida.status,
        String::from_utf8_lossy(&salida.stdout),
        String::from_utf8_lossy(&salida.stderr)
    );
    String::from_utf8_lossy(&salida.stdout).into_owned()
}

/// Una orden sin las variables de la biblioteca: cada prueba pone las suyas.
pub fn orden(programa: impl AsRef<OsStr>) -> Command {
    let mut orden = emulado(programa.as_ref());
    // Cargo pone ahí target/debug, donde puede haber una biblioteca de otro día: vale la del rpath.
    orden.env_remove("LD_LIBRARY_PATH").env("PATH", camino());
    // Y si las pruebas las corre make, un make de ellas no es parte de ése.
    for variable in VARIABLES.iter().chain(&["MAKEFLAGS", "MAKELEVEL", "MFLAGS"]) {
        orden.env_remove(variable);
    }
    orden
}

/// Corre un caso de un programa de las pruebas: termina bien, y lo último que dice es `dice`.
#[track_caller]
pub fn correr_caso(mut comando: Command, caso: &str, dice: &str, plazo: Duration) -> Salida {
    comando.arg(caso);
    let salida = Proceso::lanzar(comando).terminar(plazo);
    salida.exigir_exito(caso);
    assert_eq!(salida.lineas().last(), Some(&dice), "{salida}");
    salida
}

/// Los argumentos de valgrind que usan las pruebas: todo bloque perdido o alcanzable es un error.
pub const VALGRIND: &[&str] =
    &["--quiet", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all", "--error-exitcode=9"];

/// valgrind, con su límite de descriptores lo más alto que se pueda, porque el programa de adentro no lo puede subir; y sin los que dejó abiertos la
/// terminal de quien corre las pruebas, que `--track-fds` cuenta, desde valgrind 3.24, como errores.
pub fn valgrind() -> Command {
    permitir_descriptores(4096);
    let mut valgrind = orden("valgrind");
    let no_heredar = || {
        // SAFETY: no toca memoria. Si este núcleo no la tiene, se heredan.
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        Ok(())
    };
    // SAFETY: entre fork y exec sólo hace una llamada al sistema.
    unsafe { valgrind.pre_exec(no_heredar) };
    valgrind
}

/// La orden para correr un programa bajo valgrind (que antes hay que [`exigir`]).
pub fn orden_valgrind(programa: impl AsRef<OsStr>, mas: &[&str]) -> Command {
    let mut orden = valgrind();
    orden.args(VALGRIND).args(mas).arg(programa);
    orden
}

/// Como [`compilar`], con las commons de reemplazo y la `libtp0.so` de esta compilación, y sin `include/`: el programa
/// no sabe que existe `tp0.h`, que es como queda un TP0 al que se le borró su `utils.c`.
pub fn compilar_modulo(nombre: &str, fuentes: &[&str], mas: &[&str]) -> PathBuf {
    let mut args: Vec<String> = mas.iter().map(|arg| (*arg).to_owned()).collect();
    args.extend(enlace_tp0());
    args.extend(enlace_commons());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    compilar(nombre, fuentes, &args)
}

// ---------------------------------------------------------------------------------------------------------------------
// Puertos
// ---------------------------------------------------------------------------------------------------------------------

/// Un puerto de 127.0.0.1 en el que nadie escucha, y que no recibe nadie más mientras viva este proceso: queda tomado por un socket
/// que no escucha. Quien se conecte ahí recibe ECONNREFUSED, y un servidor que use SO_REUSEADDR lo puede levantar igual. Soltarlo para que lo
/// tome otro no sirve: entre el fork y el exec de cualquier proceso que se esté lanzando queda una copia de lo que escuchaba. Entre 10000 y
/// 32000: debajo de los que el sistema les da a los clientes, que la biblioteca desaconseja.
pub fn puerto_libre() -> u16 {
    const DESDE: u16 = 10_000;
    const CANTIDAD: u16 = 22_000;
    static TOMADOS: Mutex<Vec<Socket>> = Mutex::new(Vec::new());
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let inicio = u16::try_from(RandomState::new().hash_one(0_u8) % u64::from(CANTIDAD)).unwrap();
    let puerto = (0..CANTIDAD)
        .map(|i| DESDE + (inicio + i) % CANTIDAD)
        .find(|puerto| socket.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, *puerto).into()).is_ok())
        .expect("no hay ningún puerto libre entre 10000 y 32000");
    // Recién ahora: al pedirlo no se lo comparte con nadie.
    socket.set_reuse_address(true).unwrap();
    TOMADOS.lock().unwrap_or_else(|veneno| veneno.into_inner()).push(socket);
    puerto
}

/// Un renglón de `/proc/net/tcp` (IPv4): lo que el núcleo sabe de un socket, sin tocarlo.
pub struct EnElNucleo {
    pub local: u16,
    pub remoto: u16,
    /// Como lo numera el núcleo: 1 es establecida, 10 escucha.
    pub estado: u8,
    /// Los bytes que llegaron y nadie leyó.
    pub sin_leer: usize,
}

pub fn sockets_del_nucleo() -> Vec<EnElNucleo> {
    let puerto = |campo: &str| u16::from_str_radix(campo.rsplit(':').next()?, 16).ok();
    let leer = |linea: &str| {
        let campos: Vec<&str> = linea.split_whitespace().collect();
        let [_, local, remoto, estado, colas, ..] = campos.as_slice() else { return None };
        Some(EnElNucleo {
            local: puerto(local)?,
            remoto: puerto(remoto)?,
            estado: u8::from_str_radix(estado, 16).ok()?,
            sin_leer: usize::from_str_radix(colas.split_once(':')?.1, 16).ok()?,
        })
    };
    fs::read_to_string("/proc/net/tcp").unwrap().lines().filter_map(leer).collect()
}

/// Si alguien escucha en ese puerto (IPv4): preguntar conectándose contaría como un cliente.
pub fn escuchando(puerto: u16) -> bool {
    sockets_del_nucleo().iter().any(|socket| socket.local == puerto && socket.estado == 10)
}

/// Espera a que se cumpla una condición; si no llega dentro del plazo, falla diciendo qué se esperaba.
pub fn esperar_que(que: &str, plazo: Duration, mut condicion: impl FnMut() -> bool) {
    let limite = Instant::now() + plazo;
    while !condicion() {
        assert!(Instant::now() < limite, "pasaron {plazo:?} y no se cumplió: {que}");
        thread::sleep(PASO);
    }
}

/// Cuántos bytes tiene el núcleo de ese socket: los que no leyó este lado (FIONREAD), o los que el otro todavía no recibió (TIOCOUTQ).
pub fn pendientes(socket: &impl AsFd, cuales: libc::c_ulong) -> usize {
    let mut cuantos: libc::c_int = 0;
    // SAFETY: las dos escriben un int, y el descriptor está prestado mientras dura la llamada.
    assert_eq!(unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), cuales, &raw mut cuantos) }, 0);
    usize::try_from(cuantos).unwrap()
}

/// Lo que el núcleo sabe del otro extremo de una conexión de esta máquina; `None` si ya no está.
pub fn otro_extremo(socket: &TcpStream) -> Option<EnElNucleo> {
    let (propio, otro) = (socket.local_addr().ok()?.port(), socket.peer_addr().ok()?.port());
    sockets_del_nucleo().into_iter().find(|uno| (uno.local, uno.remoto) == (otro, propio))
}

/// Espera a que el otro extremo haya leído todo lo que se le mandó.
pub fn esperar_leido(socket: &TcpStream) {
    esperar_que("que lean lo que se mandó", PLAZO, || {
        pendientes(socket, libc::TIOCOUTQ) == 0 && otro_extremo(socket).is_none_or(|otro| otro.sin_leer == 0)
    });
}

/// Las llamadas al sistema en las que duerme quien espera algo de un socket, de otro hilo o del reloj.
const BLOQUEAN: &[i64] = &[
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_accept4,
    libc::SYS_accept,
    libc::SYS_connect,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_futex,
    libc::SYS_clock_nanosleep,
];

/// Si ese hilo está dormido adentro de una llamada de las que bloquean.
fn duerme(pid: u32, hilo: u32) -> bool {
    let de = |archivo: &str| fs::read_to_string(format!("/proc/{pid}/task/{hilo}/{archivo}")).ok();
    let bloquea = |texto: String| {
        let numero = texto.split_whitespace().next().and_then(|numero| numero.parse().ok());
        numero.is_some_and(|numero: i64| BLOQUEAN.contains(&numero))
    };
    // Donde no dejan mirar en qué llamada está, alcanza con que duerma.
    let adentro = de("syscall").is_none_or(bloquea);
    adentro && de("stat").is_some_and(|datos| datos.rsplit_once(") ").is_some_and(|(_, resto)| resto.starts_with('S')))
}

/// Espera a que ese hilo de ese proceso esté dormido adentro de una llamada, y no de paso: lo que siga lo encuentra ahí.
pub fn esperar_dormido(pid: u32, hilo: u32) {
    let mut seguidas = 0;
    esperar_que(&format!("que el hilo {hilo} del proceso {pid} se duerma"), PLAZO, || {
        seguidas = if duerme(pid, hilo) { seguidas + 1 } else { 0 };
        seguidas == 3
    });
}

/// El número de este hilo, para que otro espere a que se duerma.
pub fn este_hilo() -> u32 {
    // SAFETY: no tiene condiciones.
    u32::try_from(unsafe { libc::gettid() }).unwrap()
}

/// Lanza un programa que escucha (TP0_IP y TP0_PUERTO en su entorno) y espera a que esté escuchando.
pub fn lanzar_servidor(mut orden: Command) -> (Proceso, u16) {
    let puerto = puerto_libre();
    orden.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let mut servidor = Proceso::lanzar(orden);
    let limite = Instant::now() + PLAZO;
    while !escuchando(puerto) {
        let sigue = servidor.vivo();
        if !sigue || Instant::now() >= limite {
            panic!(
                "el servidor {} y no escucha en {puerto}:\n{}",
                if sigue { "vive" } else { "terminó" },
                servidor.matar()
            );
        }
        thread::sleep(PASO);
    }
    (servidor, puerto)
}

// ---------------------------------------------------------------------------------------------------------------------
// Procesos
// ---------------------------------------------------------------------------------------------------------------------

/// Lo que va diciendo un proceso por una de sus salidas.
#[derive(Default)]
struct Captura {
    estado: Mutex<Dicho>,
    cambio: Condvar,
}

#[derive(Default)]
struct Dicho {
    bytes: Vec<u8>,
    /// Las líneas que ya respondió una espera: la misma no vale dos veces.
    usadas: HashSet<usize>,
    fin: bool,
}

impl Captura {
    fn de(mut origen: impl Read + Send + 'static) -> Arc<Self> {
        let captura = Arc::new(Self::default());
        let propia = Arc::clone(&captura);
        thread::spawn(move || {
            let mut pedazo = [0_u8; 4096];
            loop {
                let leidos = origen.read(&mut pedazo).unwrap_or(0);
                let mut dicho = propia.estado.lock().unwrap();
                dicho.bytes.extend_from_slice(&pedazo[..leidos]);
                dicho.fin = leidos == 0;
                propia.cambio.notify_all();
                if dicho.fin {
                    break;
                }
            }
        });
        captura
    }

    /// La primera línea completa, todavía no usada, que contiene el texto.
    fn esperar(&self, texto: &str, plazo: Duration) -> Result<String, &'static str> {
        let limite = Instant::now() + plazo;
        let mut dicho = self.estado.lock().unwrap();
        loop {
            let hasta = dicho.bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
            let completo = String::from_utf8_lossy(&dicho.bytes[..hasta]).into_owned();
            let hallada = completo
                .lines()
                .enumerate()
                .find(|(i, linea)| linea.contains(texto) && !dicho.usadas.contains(i))
                .map(|(i, linea)| (i, linea.to_owned()));
            if let Some((i, linea)) = hallada {
                dicho.usadas.insert(i);
                return Ok(linea);
            }
            if dicho.fin {
                return Err("el programa cerró esa salida (¿terminó?)");
            }
            let resta = limite.saturating_duration_since(Instant::now());
            if resta.is_zero() {
                return Err("se agotó el plazo");
            }
            dicho = self.cambio.wait_timeout(dicho, resta).unwrap().0;
        }
    }

    /// Todo lo dicho; antes espera el fin, con límite: un nieto que sigue vivo puede tener la tubería abierta.
    fn todo(&self, limite: Instant) -> String {
        let mut dicho = self.estado.lock().unwrap();
        while !dicho.fin {
            let resta = limite.saturating_duration_since(Instant::now());
            if resta.is_zero() {
                break;
            }
            dicho = self.cambio.wait_timeout(dicho, resta).unwrap().0;
        }
        String::from_utf8_lossy(&dicho.bytes).into_owned()
    }

    fn hasta_ahora(&self) -> String {
        self.todo(Instant::now())
    }
}

/// Cómo terminó un proceso y qué dijo.
#[derive(Debug)]
pub struct Salida {
    /// El código de salida; `None` si lo terminó una señal.
    pub codigo: Option<i32>,
    /// La señal que lo terminó, si fue una señal.
    pub senial: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Salida {
    /// Falla, mostrando todo lo que dijo el programa, si no terminó con código 0.
    pub fn exigir_exito(&self, quien: &str) -> &Self {
        assert!(self.codigo == Some(0), "{quien} tenía que terminar bien:\n{self}");
        self
    }

    pub fn lineas(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

impl fmt::Display for Salida {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "código {:?}, señal {:?}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.codigo, self.senial, self.stdout, self.stderr
        )
    }
}

/// Un proceso hijo con sus dos salidas capturadas. Al soltarlo se lo mata y se lo espera: ninguno queda vivo.
pub struct Proceso {
    hijo: Child,
    entrada: Option<ChildStdin>,
    salida: Arc<Captura>,
    error: Arc<Captura>,
    nombre: String,
}

impl Proceso {
    /// Lanza la orden con la entrada vacía.
    pub fn lanzar(mut orden: Command) -> Self {
        orden.stdin(Stdio::null());
        Self::arrancar(orden)
    }

    /// Lanza la orden con la entrada abierta: ver [`Proceso::escribir`].
    pub fn lanzar_interactivo(mut orden: Command) -> Self {
        orden.stdin(Stdio::piped());
        Self::arrancar(orden)
    }

    fn arrancar(mut orden: Command) -> Self {
        let nombre = format!("{orden:?}");
        let mut hijo = orden
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("no se pudo lanzar {nombre}: {error}"));
        let salida = Captura::de(hijo.stdout.take().unwrap());
        let error = Captura::de(hijo.stderr.take().unwrap());
        let entrada = hijo.stdin.take();
        Self { hijo, entrada, salida, error, nombre }
    }

    pub fn pid(&self) -> u32 {
        self.hijo.id()
    }

    /// Escribe en la entrada del programa (lanzado con [`Proceso::lanzar_interactivo`]).
    pub fn escribir(&mut self, texto: &str) {
        let entrada = self.entrada.as_mut().expect("la entrada está cerrada: lanzalo con lanzar_interactivo");
        entrada.write_all(texto.as_bytes()).and_then(|()| entrada.flush()).unwrap();
    }

    /// Cierra la entrada: el programa lee fin de archivo.
    pub fn cerrar_entrada(&mut self) {
        self.entrada = None;
    }

    /// Espera una línea de stdout que contenga el texto y la devuelve. Cada línea responde a una sola espera, así
    /// que pedir dos veces el mismo texto espera dos líneas.
    pub fn esperar_linea(&self, texto: &str, plazo: Duration) -> String {
        self.salida.esperar(texto, plazo).unwrap_or_else(|causa| self.no_llego(texto, "stdout", causa))
    }

    /// Como [`Proceso::esperar_linea`], por stderr.
    pub fn esperar_error(&self, texto: &str, plazo: Duration) -> String {
        self.error.esperar(texto, plazo).unwrap_or_else(|causa| self.no_llego(texto, "stderr", causa))
    }

    fn no_llego(&self, texto: &str, donde: &str, causa: &str) -> ! {
        panic!(
            "no llegó una línea con {texto:?} por {donde}: {causa}\nprograma: {}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.nombre,
            self.salida.hasta_ahora(),
            self.error.hasta_ahora()
        )
    }

    /// Lo que dijo por stdout hasta ahora, sin esperar nada.
    pub fn dicho(&self) -> String {
        self.salida.hasta_ahora()
    }

    /// Si todavía no terminó.
    pub fn vivo(&mut self) -> bool {
        self.hijo.try_wait().unwrap().is_none()
    }

    /// Le manda una señal. El hijo no fue esperado todavía, así que su PID no puede ser de otro.
    pub fn senial(&self, senial: i32) {
        let pid = i32::try_from(self.hijo.id()).unwrap();
        // SAFETY: kill(2) no toca memoria de este proceso, y el PID es de un hijo nuestro sin esperar.
        let resultado = unsafe { libc::kill(pid, senial) };
        assert_eq!(resultado, 0, "kill({pid}, {senial}): {}", io::Error::last_os_error());
    }

    /// Espera a que termine solo y devuelve lo que dijo. Si no termina dentro del plazo, lo mata y falla.
    pub fn terminar(mut self, plazo: Duration) -> Salida {
        self.entrada = None;
        let limite = Instant::now() + plazo;
        loop {
            if let Some(estado) = self.hijo.try_wait().unwrap() {
                return self.recoger(estado);
            }
            if Instant::now() >= limite {
                let nombre = self.nombre.clone();
                let salida = self.matar();
                panic!("pasaron {plazo:?} y no terminó: {nombre}\n{salida}");
            }
            thread::sleep(PASO);
        }
    }

    /// Lo mata (SIGKILL) y devuelve lo que llegó a decir.
    pub fn matar(mut self) -> Salida {
        // Si ya había terminado no hay a quién matar: alcanza con esperarlo.
        let _ = self.hijo.kill();
        let estado = self.hijo.wait().unwrap();
        self.recoger(estado)
    }

    fn recoger(&self, estado: ExitStatus) -> Salida {
        let limite = Instant::now() + Duration::from_secs(2);
        Salida {
            codigo: estado.code(),
            senial: estado.signal(),
            stdout: self.salida.todo(limite),
            stderr: self.error.todo(limite),
        }
    }
}

impl Drop for Proceso {
    fn drop(&mut self) {
        let _ = self.hijo.kill();
        let _ = self.hijo.wait();
    }
}
