//! Lo que comparten las pruebas de la herramienta: los programas en C, compilados una vez, y correr `tp0`.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "andamio de pruebas: fallar con un texto claro es su manera de avisar"
)]

#[path = "../../../tests/comun/ejecutables.rs"]
pub mod ejecutables;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// Una carpeta nueva, que se borra al soltarla.
pub struct Carpeta(PathBuf);

impl Carpeta {
    pub fn nueva() -> Self {
        static CUENTA: AtomicU32 = AtomicU32::new(0);
        let nombre = format!("{}-{}", std::process::id(), CUENTA.fetch_add(1, Ordering::Relaxed));
        let carpeta = Path::new(env!("CARGO_TARGET_TMPDIR")).join(nombre);
        fs::create_dir_all(&carpeta).unwrap();
        Self(carpeta)
    }

    pub fn camino(&self) -> &Path {
        &self.0
    }
}

impl Drop for Carpeta {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Un puerto que tiene un socket que no escucha: mientras viva no lo recibe nadie más, y quien ponga SO_REUSEADDR lo puede levantar igual.
pub struct PuertoLibre {
    pub numero: String,
    _tomado: Socket,
}

impl PuertoLibre {
    pub fn nuevo() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        // Recién ahora: al pedirlo no se lo comparte con nadie.
        socket.set_reuse_address(true).unwrap();
        let numero = socket.local_addr().unwrap().as_socket().unwrap().port().to_string();
        Self { numero, _tomado: socket }
    }
}

/// Un puerto que ahora no tiene nadie, para quien exige que esté libre del todo: debajo de los que reparte el sistema, que no se lo va a dar a otro.
pub fn puerto_sin_duenio() -> String {
    let al_azar = RandomState::new().hash_one(0);
    let puertos = (0..20_000).map(|i| 10_000 + (al_azar.wrapping_add(i) % 20_000) as u16);
    let libre = |puerto: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *puerto)).is_ok();
    puertos.into_iter().find(libre).unwrap().to_string()
}

/// Compila uno de `tests/c` en esa carpeta.
pub fn compilar(carpeta: &Path, nombre: &str) -> PathBuf {
    let fuente = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(nombre).with_extension("c");
    let programa = carpeta.join(nombre);
    let salida = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread", "-o"])
        .args([&programa, &fuente])
        .output()
        .expect("para probar la herramienta hace falta un compilador de C (cc)");
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
    programa
}

/// `tp0` en esa carpeta.
pub fn tp0(carpeta: &Path) -> Command {
    let mut orden = Command::new(env!("CARGO_BIN_EXE_tp0"));
    // Cargo pone ahí la biblioteca que compiló para sí, sin la cara para C: el programa que se prueba tiene que encontrar la suya.
    orden.current_dir(carpeta).env("NO_COLOR", "1").env_remove("TP0_PUERTO").env_remove("LD_LIBRARY_PATH");
    orden
}

pub fn texto(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Los procesos que arrancó esa ejecución de la herramienta y siguen vivos: llevan su marca en el entorno.
pub fn quedaron(pid: u32) -> Vec<String> {
    let marca = format!("TP0_HERRAMIENTA={pid}-");
    let procesos = fs::read_dir("/proc").unwrap().flatten();
    procesos
        .filter(|proceso| {
            let entorno = fs::read(proceso.path().join("environ")).unwrap_or_default();
            entorno.split(|byte| *byte == 0).any(|variable| variable.starts_with(marca.as_bytes()))
        })
        .map(|proceso| texto(&fs::read(proceso.path().join("cmdline")).unwrap_or_default()).replace('\0', " "))
        .collect()
}

/// Que no quede nada de esa ejecución: a quien limpia se lo espera.
pub fn que_no_quede_nada(pid: u32) {
    let hasta = Instant::now() + Duration::from_secs(20);
    while !quedaron(pid).is_empty() {
        assert!(Instant::now() < hasta, "quedó corriendo: {:?}", quedaron(pid));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Corre la herramienta, y que no deje nada.
pub fn correr(mut orden: Command) -> Output {
    orden.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let hijo = orden.spawn().unwrap();
    let pid = hijo.id();
    let salida = hijo.wait_with_output().unwrap();
    que_no_quede_nada(pid);
    salida
}
