//! Dos máquinas de mentira: dos espacios de nombres de red, con un cable entre ellos que se puede empeorar y cortar.
//!
//! Hay dos cables. El de veth es el del sistema, y lo empeora `tc netem` donde el núcleo lo trae. El de paquetes pasa por acá: cada
//! máquina tiene una interfaz tun (la maneja socat) y esta prueba lleva los paquetes IP de una a la otra. Anda en cualquier núcleo, y
//! se sabe exactamente cuántos perdió.

#![allow(dead_code, unreachable_pub, reason = "andamio de pruebas: cada archivo usa una parte")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::comun::{PLAZO, Proceso, ejecutar, esperar_que, exigir, orden, saltear};

/// La IP de cada máquina: existen sólo adentro de sus espacios de nombres.
pub const IPS: [&str; 2] = ["10.77.0.1", "10.77.0.2"];

/// Cómo se llama la interfaz, en las dos.
const INTERFAZ: &str = "cable";

/// Con qué empiezan los nombres de todos los espacios; sigue el PID de quien los hizo.
const PREFIJO: &str = "tp0-prueba-";

/// Qué tan malo es un cable.
#[derive(Debug, Clone, Copy)]
pub struct Condiciones {
    pub mtu: u32,
    /// Cuánto tarda un paquete, y cuánto más o menos: si es bastante, se desordenan.
    pub demora: Duration,
    pub variacion: Duration,
    /// De cada cien paquetes, cuántos se pierden.
    pub perdida: u64,
    /// De cada cien paquetes, cuántos pasan sin demora, adelantándose a los anteriores.
    pub adelantados: u64,
}

impl Condiciones {
    /// Un cable bueno, de paquetes chicos.
    pub const CHICO: Self =
        Self { mtu: 576, demora: Duration::ZERO, variacion: Duration::ZERO, perdida: 0, adelantados: 0 };

    /// Uno malo.
    pub const MALO: Self = Self {
        mtu: 576,
        demora: Duration::from_millis(20),
        variacion: Duration::from_millis(8),
        perdida: 4,
        adelantados: 15,
    };
}

/// De qué está hecho el cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Material {
    Veth,
    Paquetes,
}

/// Cuántos paquetes pasaron por el cable, y qué les pasó.
#[derive(Debug, Default)]
pub struct Cuentas {
    pub pasaron: AtomicU64,
    pub perdidos: AtomicU64,
    pub desordenados: AtomicU64,
}

/// Un espacio de nombres: al soltarlo, se borra.
struct Maquina {
    nombre: String,
}

impl Maquina {
    fn nueva(cual: &str) -> Result<Self, String> {
        static CUENTA: AtomicU32 = AtomicU32::new(0);
        let nombre = format!("{PREFIJO}{}-{}-{cual}", std::process::id(), CUENTA.fetch_add(1, Ordering::Relaxed));
        // Hacerlo y entrar: hay lugares donde se puede lo primero y no lo segundo.
        for args in [vec!["netns", "add", &nombre], vec!["-n", &nombre, "link", "set", "lo", "up"]] {
            let salida = orden("ip").args(args).output().unwrap();
            if !salida.status.success() {
                borrar(&nombre);
                return Err(String::from_utf8_lossy(&salida.stderr).trim().to_owned());
            }
        }
        Ok(Self { nombre })
    }

    fn ip(&self, args: &[&str]) {
        ejecutar(orden("ip").args(["-n", &self.nombre]).args(args));
    }

    /// La misma orden, adentro.
    fn adentro(&self, una: &Command) -> Command {
        let mut otra = orden("ip");
        otra.args(["netns", "exec", &self.nombre]).arg(una.get_program()).args(una.get_args());
        for (variable, valor) in una.get_envs() {
            match valor {
                Some(valor) => otra.env(variable, valor),
                None => otra.env_remove(variable),
            };
        }
        otra
    }
}

impl Drop for Maquina {
    fn drop(&mut self) {
        borrar(&self.nombre);
    }
}

/// Borra un espacio nuestro, y a los procesos que hayan quedado adentro, que también lo son. Si otra prueba lo borra a la vez, mejor:
/// ya no está.
fn borrar(nombre: &str) {
    if let Ok(adentro) = orden("ip").args(["netns", "pids", nombre]).output() {
        for pid in String::from_utf8_lossy(&adentro.stdout).split_whitespace() {
            let _ = Command::new("kill").args(["-KILL", pid]).output();
        }
    }
    let _ = orden("ip").args(["netns", "del", nombre]).output();
}

/// Borra lo que dejó una corrida que ya no existe: sus espacios y sus sockets de unix.
fn barrer() {
    let abandonados = |carpeta: &Path| -> Vec<PathBuf> {
        let entradas = fs::read_dir(carpeta).into_iter().flatten().flatten().map(|entrada| entrada.path());
        let sin_duenio = |camino: &PathBuf| {
            let nombre = camino.file_name().and_then(|nombre| nombre.to_str());
            let duenio = nombre.and_then(|nombre| nombre.strip_prefix(PREFIJO)?.split('-').next());
            duenio.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
        };
        entradas.filter(sin_duenio).collect()
    };
    for espacio in abandonados(Path::new("/run/netns")) {
        borrar(espacio.file_name().and_then(|nombre| nombre.to_str()).unwrap());
    }
    for carpeta in abandonados(&std::env::temp_dir()) {
        let _ = fs::remove_dir_all(carpeta);
    }
}

/// Las dos máquinas y el cable. El orden de los campos es el de su final: el relevo, y después las máquinas.
pub struct DosMaquinas {
    relevo: Option<Relevo>,
    maquinas: [Maquina; 2],
}

impl DosMaquinas {
    /// Con el cable que se pide, o `None` si acá no se puede: ya dijo por qué (y con `CI=true` falló).
    pub fn nuevas(material: Material, condiciones: Condiciones) -> Option<Self> {
        if !exigir("ip") || (material == Material::Paquetes && !exigir("socat")) {
            return None;
        }
        barrer();
        let maquinas = match (Maquina::nueva("a"), Maquina::nueva("b")) {
            (Ok(una), Ok(otra)) => [una, otra],
            (Err(causa), _) | (_, Err(causa)) => {
                saltear(&format!("acá no se pueden hacer espacios de nombres de red ({causa})"));
                return None;
            }
        };
        let relevo = match material {
            Material::Veth => {
                Self::tender_veth(&maquinas);
                None
            }
            Material::Paquetes => match Relevo::nuevo(&maquinas, condiciones) {
                Ok(relevo) => Some(relevo),
                Err(causa) => {
                    saltear(&format!("acá socat no puede abrir una tun ({causa})"));
                    return None;
                }
            },
        };
        for (maquina, ip) in maquinas.iter().zip(IPS) {
            if material == Material::Veth {
                maquina.ip(&["address", "add", &format!("{ip}/24"), "dev", INTERFAZ]);
            }
            maquina.ip(&["link", "set", INTERFAZ, "mtu", &condiciones.mtu.to_string(), "up"]);
        }
        Some(Self { relevo, maquinas })
    }

    fn tender_veth([una, otra]: &[Maquina; 2]) {
        let par = ["netns", &una.nombre, "type", "veth", "peer", "name", INTERFAZ, "netns", &otra.nombre];
        ejecutar(orden("ip").args(["link", "add", INTERFAZ]).args(par));
    }

    /// Empeora un cable de veth con `tc netem`. `None`: el núcleo no lo trae.
    pub fn empeorar(self, condiciones: Condiciones) -> Option<Self> {
        let (demora, variacion) = (condiciones.demora.as_millis(), condiciones.variacion.as_millis());
        let pedido = format!(
            "delay {demora}ms {variacion}ms loss {}% reorder {}% 25%",
            condiciones.perdida, condiciones.adelantados
        );
        for maquina in &self.maquinas {
            let mut tc = orden("tc");
            tc.args(["-n", &maquina.nombre, "qdisc", "add", "dev", INTERFAZ, "root", "netem"]);
            let salida = tc.args(pedido.split(' ')).output().unwrap();
            let queja = String::from_utf8_lossy(&salida.stderr).into_owned();
            if queja.contains("qdisc kind is unknown") {
                return None;
            }
            assert!(salida.status.success(), "{tc:?}: {queja}");
        }
        Some(self)
    }

    /// Cuántos paquetes perdió `tc netem`.
    pub fn perdidos_por_netem(&self) -> u64 {
        let perdidos = |maquina: &Maquina| -> u64 {
            let tabla = ejecutar(orden("tc").args(["-n", &maquina.nombre, "-s", "qdisc", "show", "dev", INTERFAZ]));
            tabla.split("dropped ").nth(1).and_then(|resto| resto.split(',').next()).unwrap().parse().unwrap()
        };
        self.maquinas.iter().map(perdidos).sum()
    }

    /// La misma orden, en una de las dos.
    pub fn en(&self, cual: usize, orden: &Command) -> Command {
        self.maquinas.get(cual).unwrap().adentro(orden)
    }

    /// Corta el cable, o lo vuelve a enchufar. En el de veth la que se queda sin interfaz es la segunda máquina; a la primera se le va
    /// la portadora. En el de paquetes ninguna ve nada: los paquetes no llegan.
    pub fn cortar(&self, cortado: bool) {
        match &self.relevo {
            Some(relevo) => relevo.cortado.store(cortado, Ordering::Relaxed),
            None => self.maquinas[1].ip(&["link", "set", INTERFAZ, if cortado { "down" } else { "up" }]),
        }
    }

    /// Lo que pasó por un cable de paquetes.
    pub fn cuentas(&self) -> &Cuentas {
        &self.relevo.as_ref().expect("las cuentas son del cable de paquetes").cuentas
    }
}

/// El cable de paquetes: dos socat con una tun cada uno, y dos hilos que llevan los paquetes de acá para allá.
struct Relevo {
    carpeta: PathBuf,
    cortado: Arc<AtomicBool>,
    cuentas: Arc<Cuentas>,
    basta: Arc<AtomicBool>,
    hilos: Vec<JoinHandle<()>>,
    _socats: Vec<Proceso>,
}

impl Relevo {
    fn nuevo(maquinas: &[Maquina; 2], condiciones: Condiciones) -> Result<Self, String> {
        // El nombre de un socket de unix no puede ser largo, y la carpeta temporal de las pruebas puede serlo.
        let carpeta = std::env::temp_dir().join(&maquinas[0].nombre);
        fs::create_dir(&carpeta).unwrap();
        let mut socats = Vec::new();
        let mut puntas = Vec::new();
        for ((maquina, ip), lado) in maquinas.iter().zip(IPS).zip(["a", "b"]) {
            let (nuestra, suya) = (carpeta.join(format!("{lado}.acá")), carpeta.join(format!("{lado}.allá")));
            let punta = UnixDatagram::bind(&nuestra).unwrap();
            let mut socat = Command::new("socat");
            socat.args(["-b", "65536"]);
            socat.arg(format!("TUN:{ip}/24,tun-name={INTERFAZ},iff-no-pi,iff-up"));
            socat.arg(format!("UNIX-SENDTO:{},bind={}", nuestra.display(), suya.display()));
            let mut proceso = Proceso::lanzar(maquina.adentro(&socat));
            let mut murio = false;
            esperar_que("que socat abra su tun", PLAZO, || {
                murio = !proceso.vivo();
                murio || punta.connect(&suya).is_ok()
            });
            if murio {
                let _ = fs::remove_dir_all(&carpeta);
                return Err(proceso.matar().stderr.trim().to_owned());
            }
            socats.push(proceso);
            puntas.push(punta);
        }
        let (cortado, basta) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let cuentas = Arc::new(Cuentas::default());
        let hilos = [(0, 1), (1, 0)]
            .map(|(desde, hasta)| {
                let sentido = Sentido {
                    de: puntas[desde].try_clone().unwrap(),
                    a: puntas[hasta].try_clone().unwrap(),
                    condiciones,
                    cortado: Arc::clone(&cortado),
                    basta: Arc::clone(&basta),
                    cuentas: Arc::clone(&cuentas),
                    azar: 0x9e37_79b9_7f4a_7c15 + desde as u64,
                };
                thread::spawn(move || sentido.llevar())
            })
            .into();
        Ok(Self { carpeta, cortado, cuentas, basta, hilos, _socats: socats })
    }
}

impl Drop for Relevo {
    fn drop(&mut self) {
        self.basta.store(true, Ordering::Relaxed);
        for hilo in self.hilos.drain(..) {
            let _ = hilo.join();
        }
        let _ = fs::remove_dir_all(&self.carpeta);
    }
}

/// Un sentido del cable.
struct Sentido {
    de: UnixDatagram,
    a: UnixDatagram,
    condiciones: Condiciones,
    cortado: Arc<AtomicBool>,
    basta: Arc<AtomicBool>,
    cuentas: Arc<Cuentas>,
    azar: u64,
}

impl Sentido {
    /// Cada paquete que llega se pierde o espera su momento. Los relojes de las dos máquinas son uno: se puede medir.
    fn llevar(mut self) {
        const SIN_NADA: Duration = Duration::from_millis(20);
        let mut esperando: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>> = BinaryHeap::new();
        let (mut numero, mut ultimo) = (0, 0);
        let mut paquete = vec![0; 65_536];
        while !self.basta.load(Ordering::Relaxed) {
            let ahora = Instant::now();
            while esperando.peek().is_some_and(|Reverse((cuando, ..))| *cuando <= ahora) {
                let Some(Reverse((_, cual, bytes))) = esperando.pop() else { break };
                if self.cortado.load(Ordering::Relaxed) {
                    continue;
                }
                if cual < ultimo {
                    self.cuentas.desordenados.fetch_add(1, Ordering::Relaxed);
                }
                ultimo = ultimo.max(cual);
                self.cuentas.pasaron.fetch_add(1, Ordering::Relaxed);
                // Si la otra punta no da abasto se pierde, como en cualquier cable.
                let _ = self.a.send(&bytes);
            }
            let hasta = esperando.peek().map_or(SIN_NADA, |Reverse((cuando, ..))| *cuando - ahora);
            self.de.set_read_timeout(Some(hasta.clamp(Duration::from_micros(100), SIN_NADA))).unwrap();
            let Ok(largo) = self.de.recv(&mut paquete) else { continue };
            numero += 1;
            match self.suerte() {
                Some(cuando) => esperando.push(Reverse((cuando, numero, paquete[..largo].to_vec()))),
                None => {
                    self.cuentas.perdidos.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Cuándo tiene que llegar un paquete, o `None` si se pierde.
    fn suerte(&mut self) -> Option<Instant> {
        let Condiciones { demora, variacion, perdida, adelantados, .. } = self.condiciones;
        if self.sortear(100) < perdida {
            return None;
        }
        if self.sortear(100) < adelantados {
            return Some(Instant::now());
        }
        let micros = u64::try_from(2 * variacion.as_micros()).unwrap();
        let extra = if micros == 0 { 0 } else { self.sortear(micros) };
        Some(Instant::now() + demora.saturating_sub(variacion) + Duration::from_micros(extra))
    }

    /// Un número menor que `cuantos`: xorshift, siempre la misma serie.
    fn sortear(&mut self, cuantos: u64) -> u64 {
        self.azar ^= self.azar << 13;
        self.azar ^= self.azar >> 7;
        self.azar ^= self.azar << 17;
        self.azar % cuantos
    }
}
