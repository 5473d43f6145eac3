//! Lo que se ve de un proceso desde afuera, en /proc. Un proceso puede terminar mientras se lo mira: lo que ya no está, no se ve.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::guardian::MARCA;

/// Los procesos que hay ahora.
fn todos() -> impl Iterator<Item = i32> {
    let entradas = fs::read_dir("/proc").into_iter().flatten().flatten();
    entradas.filter_map(|entrada| entrada.file_name().to_str()?.parse().ok())
}

/// Los de una corrida: los que llevan su marca en el entorno.
pub(crate) fn marcados(marca: &str) -> Vec<i32> {
    let buscada = format!("{MARCA}={marca}");
    let propio = i32::try_from(std::process::id()).unwrap_or(0);
    let la_lleva = |pid: &i32| {
        let entorno = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        entorno.split(|byte| *byte == 0).any(|variable| variable.starts_with(buscada.as_bytes()))
    };
    todos().filter(|pid| *pid != propio).filter(la_lleva).collect()
}

/// Termina los de una corrida, y los que ellos hayan arrancado mientras tanto.
pub(crate) fn terminar_marcados(marca: &str) {
    for _ in 0..50 {
        let quedan = marcados(marca);
        if quedan.is_empty() {
            return;
        }
        for pid in quedan {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Los números de `/proc/PID/stat` que importan.
struct Stat {
    estado: char,
    padre: i32,
    /// En tics del reloj.
    procesador: u64,
}

fn stat(camino: &str) -> Option<Stat> {
    let texto = fs::read_to_string(camino).ok()?;
    // El nombre va entre paréntesis y puede tener cualquier cosa, paréntesis también.
    let mut campos = texto.get(texto.rfind(')')? + 1..)?.split_whitespace();
    let estado = campos.next()?.chars().next()?;
    let padre = campos.next()?.parse().ok()?;
    let usuario: u64 = campos.nth(9)?.parse().ok()?;
    let sistema: u64 = campos.next()?.parse().ok()?;
    Some(Stat { estado, padre, procesador: usuario + sistema })
}

/// El proceso y todos sus descendientes.
pub(crate) fn familia(pid: i32) -> Vec<i32> {
    let mut familia = vec![pid];
    let mut mirados = 0;
    while let Some(actual) = familia.get(mirados).copied() {
        familia.extend(hijos(actual));
        mirados += 1;
    }
    familia
}

/// Los hijos de cada hilo; donde el núcleo no los cuenta, los que dicen que él es su padre.
fn hijos(pid: i32) -> Vec<i32> {
    let mut hijos = Vec::new();
    for hilo in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let Ok(texto) = fs::read_to_string(hilo.path().join("children")) else {
            let de_este = |otro: &i32| stat(&format!("/proc/{otro}/stat")).is_some_and(|stat| stat.padre == pid);
            return todos().filter(de_este).collect();
        };
        hijos.extend(texto.split_whitespace().filter_map(|hijo| hijo.parse::<i32>().ok()));
    }
    hijos
}

/// Si terminó y nadie lo esperó todavía (un zombi).
pub(crate) fn es_zombi(pid: i32) -> bool {
    stat(&format!("/proc/{pid}/stat")).is_some_and(|stat| stat.estado == 'Z')
}

/// Qué hace una familia de procesos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actividad {
    /// Procesador usado hasta ahora.
    pub(crate) procesador: Duration,
    /// Alguno de sus hilos corre, o quiere correr.
    pub(crate) corre: bool,
    /// Cada hilo.
    hilos: BTreeMap<i32, Turnos>,
}

/// Lo que un hilo usó un procesador, y lo que esperó a que le tocara uno.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Turnos {
    usado: Duration,
    demorado: Duration,
}

impl Actividad {
    /// De lo que pasó desde entonces, qué parte quiso correr el hilo que más quiso: 1 es todo el tiempo. Lo que esperó a que le tocara un
    /// procesador no cuenta, así que da lo mismo cuántos más haya corriendo.
    pub(crate) fn empenio(&self, antes: &Self, paso: Duration) -> f64 {
        let de_un_hilo = |(hilo, ahora): (&i32, &Turnos)| {
            let antes = antes.hilos.get(hilo).copied().unwrap_or_default();
            let usado = ahora.usado.saturating_sub(antes.usado);
            let pudo = paso.saturating_sub(ahora.demorado.saturating_sub(antes.demorado)).max(usado);
            if usado.is_zero() { 0.0 } else { usado.as_secs_f64() / pudo.as_secs_f64() }
        };
        self.hilos.iter().map(de_un_hilo).fold(0.0, f64::max)
    }
}

/// La de esos procesos.
pub(crate) fn actividad(familia: &[i32]) -> Actividad {
    let mut actividad = Actividad { procesador: Duration::ZERO, corre: false, hilos: BTreeMap::new() };
    for pid in familia {
        actividad.procesador +=
            stat(&format!("/proc/{pid}/stat")).map_or(Duration::ZERO, |stat| en_tiempo(stat.procesador));
        for hilo in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let carpeta = hilo.path();
            let Some(stat) = stat(&format!("{}/stat", carpeta.display())) else { continue };
            actividad.corre |= matches!(stat.estado, 'R' | 'D');
            let numero = hilo.file_name().to_str().and_then(|nombre| nombre.parse().ok()).unwrap_or(0);
            // Donde el núcleo no cuenta lo que esperó, se sabe al menos lo que usó.
            let turnos = fs::read_to_string(carpeta.join("schedstat")).ok().and_then(|texto| leer_turnos(&texto));
            let los_del_stat = || Turnos { usado: en_tiempo(stat.procesador), demorado: Duration::ZERO };
            actividad.hilos.insert(numero, turnos.unwrap_or_else(los_del_stat));
        }
    }
    actividad
}

/// Los dos primeros números de `schedstat`, en nanosegundos.
fn leer_turnos(texto: &str) -> Option<Turnos> {
    let mut numeros = texto.split_whitespace().map(|numero| numero.parse().map(Duration::from_nanos));
    Some(Turnos { usado: numeros.next()?.ok()?, demorado: numeros.next()?.ok()? })
}

fn en_tiempo(tics: u64) -> Duration {
    Duration::from_millis(tics.saturating_mul(1000 / tics_por_segundo()))
}

fn tics_por_segundo() -> u64 {
    let tics = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
    tics.and_then(|tics| u64::try_from(tics).ok()).filter(|tics| *tics > 0).unwrap_or(100)
}

/// Una cantidad de `/proc/PID/status`, en bytes si trae unidad: `VmPeak`, `VmRSS`, `Threads`.
pub(crate) fn cantidad(pid: i32, cual: &str) -> Option<u64> {
    let estado = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let renglon = estado.lines().find_map(|renglon| renglon.strip_prefix(cual)?.strip_prefix(':'))?;
    let mut partes = renglon.split_whitespace();
    let numero: u64 = partes.next()?.parse().ok()?;
    Some(if partes.next() == Some("kB") { numero * 1024 } else { numero })
}

/// El nombre corto de un proceso.
pub(crate) fn nombre(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).map_or_else(|_| "?".to_owned(), |nombre| nombre.trim().to_owned())
}

/// A qué apunta cada descriptor abierto.
pub(crate) fn descriptores(pid: i32) -> Vec<PathBuf> {
    let entradas = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entradas.filter_map(|entrada| fs::read_link(entrada.path()).ok()).collect()
}

/// El número de los sockets que tiene abiertos.
pub(crate) fn sockets(pid: i32) -> BTreeSet<u64> {
    let numero = |destino: PathBuf| destino.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    descriptores(pid).into_iter().filter_map(numero).collect()
}

/// Un socket TCP de la red de un proceso.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) local: u16,
    pub(crate) remoto: u16,
    /// El número del núcleo: 1 conectado, 6 en reposo (TIME_WAIT), 10 escucha.
    pub(crate) estado: u8,
    /// Bytes que llegaron y el programa todavía no leyó.
    pub(crate) sin_leer: u64,
    pub(crate) numero: u64,
}

pub(crate) const EN_REPOSO: u8 = 6;
pub(crate) const ESCUCHA: u8 = 10;

/// Los de la red en la que está ese proceso (`"thread-self"` es este hilo).
pub(crate) fn tcp(de_quien: &str) -> Vec<Tcp> {
    let leer = |tabla: &str| fs::read_to_string(format!("/proc/{de_quien}/net/{tabla}")).unwrap_or_default();
    [leer("tcp"), leer("tcp6")].iter().flat_map(|texto| texto.lines().skip(1)).filter_map(renglon_de_tcp).collect()
}

fn renglon_de_tcp(renglon: &str) -> Option<Tcp> {
    let campos: Vec<&str> = renglon.split_whitespace().collect();
    let hexa = |campo: usize| {
        let numero = campos.get(campo)?.rsplit(':').next()?;
        u64::from_str_radix(numero, 16).ok()
    };
    Some(Tcp {
        local: u16::try_from(hexa(1)?).ok()?,
        remoto: u16::try_from(hexa(2)?).ok()?,
        estado: u8::try_from(hexa(3)?).ok()?,
        sin_leer: hexa(4)?,
        numero: campos.get(9)?.parse().ok()?,
    })
}

/// Los puertos en los que escucha una familia de procesos.
pub(crate) fn puertos(familia: &[i32]) -> BTreeSet<u16> {
    let Some(primero) = familia.first() else { return BTreeSet::new() };
    let suyos: BTreeSet<u64> = familia.iter().flat_map(|pid| sockets(*pid)).collect();
    let escuchan = tcp(&primero.to_string()).into_iter().filter(|tcp| tcp.estado == ESCUCHA);
    escuchan.filter(|tcp| suyos.contains(&tcp.numero)).map(|tcp| tcp.local).collect()
}

/// Quién escucha en un puerto de la red de este hilo: su PID y su nombre.
pub(crate) fn ocupante(puerto: u16) -> Option<(i32, String)> {
    let numeros: BTreeSet<u64> = tcp("thread-self")
        .iter()
        .filter(|tcp| tcp.estado == ESCUCHA && tcp.local == puerto)
        .map(|tcp| tcp.numero)
        .collect();
    let pid = todos().find(|pid| !numeros.is_disjoint(&sockets(*pid)))?;
    Some((pid, nombre(pid)))
}

/// Los archivos en los que escribe: abiertos, comunes y no de sólo lectura.
pub(crate) fn archivos_que_escribe(pid: i32) -> Vec<PathBuf> {
    let entradas = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let escribe = |descriptor: &str| {
        let datos = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).ok()?;
        let modo = datos.lines().find_map(|renglon| renglon.strip_prefix("flags:"))?.trim().to_owned();
        Some(u32::from_str_radix(&modo, 8).ok()? & 3 != 0)
    };
    entradas
        .filter_map(|entrada| {
            let destino = fs::read_link(entrada.path()).ok()?;
            let comun = fs::metadata(&destino).ok()?.is_file();
            (comun && escribe(entrada.file_name().to_str()?)?).then_some(destino)
        })
        .collect()
}
