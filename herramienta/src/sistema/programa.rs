//! Una corrida del programa que se prueba: en su propia sesión y su propia terminal, con lo que muestra guardado hasta un tope, su memoria y
//! sus hilos vigilados, y terminada entera al soltarla.

#![allow(unsafe_code, reason = "lo que se hace entre fork y exec: std lo deja en manos de quien llama")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::termios::{self, LocalFlags, OutputFlags, SetArg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::conexiones;
use super::guardian::{MARCA, marca_propia};
use super::proc::{self, Actividad};
use crate::falla::{Falla, Resultado, en_castellano};

/// Cada cuánto se mira.
const PASO: Duration = Duration::from_millis(10);
/// Cuánto se guarda del principio y del final de lo que muestra.
const PRINCIPIO: usize = 64 << 10;
const FINAL: usize = 1 << 20;
/// Un programa que ocupa más que esto se termina antes de que la máquina lo sufra.
const TOPE_DE_MEMORIA: u64 = 2 << 30;
const TOPE_DE_HILOS: u64 = 2000;
/// Al que se lo mira tantas veces seguidas sin que haga nada, terminó de hacer lo que hacía: unos 150 ms, y más si la máquina está ocupada y
/// también la herramienta espera su turno.
const MIRADAS: u32 = 14;

/// Quien quiere correr más que esta parte del tiempo no está esperando nada. Uno que mira y se duerme 100 microsegundos no llega a la mitad.
const EMPENIO: f64 = 0.2;
/// Y quien muestra más que esto, en bytes, tampoco.
const MUCHO_POR_SEGUNDO: u64 = 256 << 10;

/// Hasta cuándo se lo mira; sólo llega quien no se calla y casi no consigue procesador.
const TOPE_DE_REPOSO: Duration = Duration::from_secs(60);

/// Un proceso recién nacido tiene, hasta su exec, todo lo que la herramienta tiene abierto: lo que otro hilo cierre en ese momento no se
/// cierra del todo, y no sale ni el FIN ni el RST. Por eso se arranca con esto tomado, y se cierra también.
pub(crate) fn sin_arrancar_a_nadie() -> MutexGuard<'static, ()> {
    static TURNO: Mutex<()> = Mutex::new(());
    TURNO.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cómo terminó un proceso.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fin {
    Codigo(i32),
    Senial(i32),
}

/// Por qué hubo que terminarlo antes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceso {
    /// Ocupó más de esta memoria, en bytes.
    Memoria(u64),
    /// Tenía esta cantidad de hilos.
    Hilos(u64),
}

/// En qué quedó después de un rato.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reposo {
    Termino,
    /// Espera algo, sin gastar procesador.
    Calmo,
    /// Quemó un procesador por el tiempo que se tolera.
    Gira,
}

/// Lo que mostró: el principio y el final, y cuánto fue.
#[derive(Debug, Default)]
struct Mostrado {
    principio: Vec<u8>,
    fin: Vec<u8>,
    total: u64,
    /// Lo último, para no perder un texto que llega partido.
    cola: Vec<u8>,
    /// Los textos que se buscan, y si ya aparecieron: aunque después venga tanto que no se guarde.
    buscados: Vec<(Vec<u8>, bool)>,
}

/// Los textos que se buscan son más cortos que esto.
const COLA: usize = 256;

impl Mostrado {
    fn agregar(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(crate::cable::en_u64(bytes.len()));
        self.cola.extend_from_slice(bytes);
        for (buscado, visto) in self.buscados.iter_mut().filter(|(_, visto)| !visto) {
            *visto = contiene(&self.cola, buscado);
        }
        self.cola.drain(..self.cola.len().saturating_sub(COLA));
        let falta = PRINCIPIO.saturating_sub(self.principio.len()).min(bytes.len());
        let (al_principio, resto) = bytes.split_at(falta);
        self.principio.extend_from_slice(al_principio);
        self.fin.extend_from_slice(resto);
        if self.fin.len() > 2 * FINAL {
            self.fin.drain(..self.fin.len() - FINAL);
        }
    }

    fn aparecio(&mut self, texto: &[u8]) -> bool {
        if let Some((_, visto)) = self.buscados.iter().find(|(buscado, _)| buscado == texto) {
            return *visto;
        }
        let visto = contiene(&self.todo(), texto);
        self.buscados.push((texto.to_vec(), visto));
        visto
    }

    fn todo(&self) -> Vec<u8> {
        [self.principio.as_slice(), self.fin.as_slice()].concat()
    }
}

/// Cómo se lo corre.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arranque {
    pub(crate) orden: Vec<OsString>,
    /// Lo que se escribe en su terminal.
    pub(crate) entrada: Vec<u8>,
    /// Otros archivos donde escribe.
    pub(crate) registros: Vec<PathBuf>,
    /// Los errores de memcheck van a este archivo, y el programa corre adentro de valgrind.
    pub(crate) memcheck: Option<PathBuf>,
    pub(crate) seguido: Seguido,
}

/// Si se lo sigue con ptrace, y qué se mira.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Seguido {
    #[default]
    No,
    /// Se lo detiene cuando está por terminar, para mirar lo que dejó abierto.
    AlFinal,
    /// Se lo detiene en cada llamada al sistema, para mirar a dónde se conecta.
    EnCadaLlamada,
}

/// La corrida.
#[derive(Debug)]
pub(crate) struct Programa {
    pid: i32,
    marca: String,
    mostrado: Arc<Mutex<Mostrado>>,
    /// Quien lee lo que muestra; `None`, ya se lo esperó.
    lector: Option<JoinHandle<()>>,
    /// Mantiene abierta la terminal: si se cerrara, el programa recibiría un SIGHUP.
    terminal: File,
    fin: Option<Fin>,
    exceso: Option<Exceso>,
    /// Los `.log` de la carpeta y cuánto medían al empezar, y los que se lo vio escribir.
    registros: Vec<(PathBuf, u64)>,
    /// El mayor tamaño que pidió, y el que tenía cuando se empezó a contar, si se cuenta.
    pico: u64,
    pico_previo: Option<u64>,
    tolerancia: Duration,
    trazado: bool,
    /// Los sockets que tenía abiertos cuando estaba por terminar.
    abiertos_al_final: Option<usize>,
}

impl Programa {
    /// Lo arranca.
    pub(crate) fn arrancar(arranque: &Arranque, nombre: &str) -> Resultado<Self> {
        let marca = format!("{}{nombre}", marca_propia());
        let (terminal, esclava) = terminal()?;
        let registros = registros_de_antes(&arranque.registros);
        let mut orden = armar_orden(arranque)?;
        let dos =
            |de: &OwnedFd| de.try_clone().map_err(|causa| Falla::del_sistema("No pude darle una terminal", causa));
        let (entrada, salida) = (dos(&esclava)?, dos(&esclava)?);
        orden.stdin(Stdio::from(entrada)).stdout(Stdio::from(salida)).stderr(Stdio::from(esclava));
        orden.env(MARCA, &marca).env("TERM", "dumb");
        let trazado = arranque.seguido != Seguido::No;
        // SAFETY: sólo llamadas al sistema, que se pueden hacer entre fork y exec; no pide memoria ni toma cerrojos.
        unsafe { orden.pre_exec(move || apartarse(trazado)) };
        let hijo = {
            let _nadie_cierra = sin_arrancar_a_nadie();
            orden.spawn().map_err(|causa| no_arranca(arranque, &causa))?
        };
        let pid = i32::try_from(hijo.id()).unwrap_or(0);
        // La orden tiene las otras puntas de la terminal: hasta que no se suelta, leerla no termina.
        drop(orden);
        let mostrado = Arc::default();
        let lector = leer_en_otro_hilo(&terminal, &mostrado)?;
        let mut programa = Self {
            pid,
            marca,
            mostrado,
            lector: Some(lector),
            terminal,
            fin: None,
            exceso: None,
            registros,
            pico: 0,
            pico_previo: None,
            tolerancia: Duration::from_secs(if arranque.memcheck.is_some() { 20 } else { 1 }),
            trazado,
            abiertos_al_final: None,
        };
        if trazado {
            programa.trazar(arranque.seguido);
        }
        programa.escribir(&arranque.entrada);
        Ok(programa)
    }

    /// Escribe en su terminal. Si no lee, se pierde: nadie se queda esperándolo.
    pub(crate) fn escribir(&mut self, texto: &[u8]) {
        let _ = self.terminal.write_all(texto);
    }

    /// Cómo terminó, si terminó.
    pub(crate) fn fin(&mut self) -> Option<Fin> {
        while self.fin.is_none() {
            match waitpid(Pid::from_raw(self.pid), Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(_, codigo)) => self.fin = Some(de_quien_espero(codigo)),
                Ok(WaitStatus::Signaled(_, senial, _)) => self.fin = Some(Fin::Senial(senial as i32)),
                Ok(WaitStatus::PtraceEvent(pid, _, libc::PTRACE_EVENT_EXIT)) => {
                    if pid.as_raw() == self.pid {
                        self.abiertos_al_final = Some(self.sockets_abiertos());
                    }
                    let _ = nix::sys::ptrace::cont(pid, None);
                }
                Ok(WaitStatus::PtraceEvent(pid, ..)) => {
                    let _ = nix::sys::ptrace::cont(pid, None);
                }
                Ok(WaitStatus::Stopped(pid, senial)) if self.trazado => {
                    let _ = nix::sys::ptrace::cont(pid, senial);
                }
                Ok(_) => break,
                // Otro lo recogió, o nunca fue: no hay cómo saber.
                Err(nix::Error::ECHILD) => self.fin = Some(Fin::Codigo(0)),
                Err(_) => break,
            }
        }
        self.fin
    }

    fn sockets_abiertos(&self) -> usize {
        let suyos = proc::sockets(self.pid);
        let de_la_red = proc::tcp(&self.pid.to_string());
        de_la_red.iter().filter(|tcp| suyos.contains(&tcp.numero)).count()
    }

    /// Los sockets TCP que dejó abiertos al terminar; `None` si no se pudo mirar.
    pub(crate) fn abiertos_al_final(&self) -> Option<usize> {
        self.abiertos_al_final
    }

    /// Lo espera recién nacido, detenido por su exec, y pide que se detenga también donde se lo mira.
    fn trazar(&mut self, seguido: Seguido) {
        let pid = Pid::from_raw(self.pid);
        let nacio = matches!(waitpid(pid, Some(WaitPidFlag::__WALL)), Ok(WaitStatus::Stopped(..)));
        let en_cada_llamada = seguido == Seguido::EnCadaLlamada;
        let opciones =
            if en_cada_llamada { conexiones::opciones() } else { nix::sys::ptrace::Options::PTRACE_O_TRACEEXIT };
        self.trazado = nacio && nix::sys::ptrace::setoptions(pid, opciones).is_ok();
        let _ = if en_cada_llamada { nix::sys::ptrace::syscall(pid, None) } else { nix::sys::ptrace::cont(pid, None) };
    }

    /// Arranca otra corrida nada más que para ver a dónde se quiere conectar.
    pub(crate) fn a_donde_se_conecta(arranque: &Arranque, plazo: Duration) -> Option<SocketAddr> {
        let arranque = Arranque { seguido: Seguido::EnCadaLlamada, memcheck: None, ..arranque.clone() };
        let programa = Self::arrancar(&arranque, "connect").ok()?;
        programa.trazado.then(|| conexiones::primera(plazo)).flatten()
    }

    /// El proceso y sus descendientes.
    pub(crate) fn familia(&self) -> Vec<i32> {
        proc::familia(self.pid)
    }

    /// Mira cuánto ocupa, y lo termina si se desmide.
    fn vigilar(&mut self) {
        for pid in self.familia() {
            self.pico = self.pico.max(proc::cantidad(pid, "VmPeak").unwrap_or(0));
            let ocupa = proc::cantidad(pid, "VmRSS").unwrap_or(0);
            let hilos = proc::cantidad(pid, "Threads").unwrap_or(0);
            let exceso = match (ocupa > TOPE_DE_MEMORIA, hilos > TOPE_DE_HILOS) {
                (true, _) => Exceso::Memoria(ocupa),
                (_, true) => Exceso::Hilos(hilos),
                _ => continue,
            };
            self.exceso = Some(exceso);
            self.terminar();
        }
    }

    /// De acá en adelante se cuenta lo que pida.
    pub(crate) fn contar_memoria(&mut self) {
        self.vigilar();
        self.pico_previo = Some(self.pico);
    }

    /// Cuánta memoria más pidió desde entonces; nada, si no se cuenta: los hilos reservan la suya, y mucha.
    pub(crate) fn memoria_pedida(&self) -> u64 {
        self.pico_previo.map_or(0, |previo| self.pico.saturating_sub(previo))
    }

    pub(crate) fn exceso(&self) -> Option<Exceso> {
        self.exceso
    }

    /// Espera a que pase algo, mirando; `None` si se acabó el plazo o el programa.
    pub(crate) fn hasta_que<T>(&mut self, plazo: Duration, mut mirar: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let desde = Instant::now();
        loop {
            let terminado = self.fin().is_some();
            if let Some(visto) = mirar(self) {
                return Some(visto);
            }
            if terminado || desde.elapsed() >= plazo {
                return None;
            }
            self.vigilar();
            thread::sleep(PASO);
        }
    }

    /// Espera a que termine.
    pub(crate) fn hasta_el_final(&mut self, plazo: Duration) -> Option<Fin> {
        self.hasta_que(plazo, Self::fin)
    }

    /// Espera a que no haga nada más: a que termine, se calme, o se note que gira. Mientras tanto nadie le manda nada. Una máquina ocupada
    /// sólo lo demora: se cuenta el procesador que usó, y no el tiempo que pasó.
    pub(crate) fn reposar(&mut self) -> Reposo {
        let desde = Instant::now();
        let al_empezar = self.actividad();
        let mostrado = self.bytes_mostrados();
        let (mut antes, mut quieto) = (al_empezar.clone(), 0);
        loop {
            if self.fin().is_some() {
                return Reposo::Termino;
            }
            let ahora = self.actividad();
            let gastado = ahora.procesador.saturating_sub(al_empezar.procesador);
            if gastado >= self.tolerancia {
                return Reposo::Gira;
            }
            let hizo_algo = ahora.corre || ahora.procesador != antes.procesador || self.queda_por_leer();
            quieto = if hizo_algo { 0 } else { quieto + 1 };
            // Uno que se despierta a cada rato a mirar nunca está quieto, pero tampoco gira. Uno que muestra sin parar también se duerme, en
            // cada write: a ése se lo sigue mirando hasta que se calle o haya usado lo que se tolera.
            let paso = desde.elapsed();
            let mostro = self.bytes_mostrados().saturating_sub(mostrado);
            let sin_parar = ahora.empenio(&al_empezar, paso) > EMPENIO || mostro > MUCHO_POR_SEGUNDO * paso.as_secs();
            let a_ratos = paso > 2 * self.tolerancia && !ahora.corre && !sin_parar;
            if quieto > MIRADAS || a_ratos || paso > TOPE_DE_REPOSO + 5 * self.tolerancia {
                return Reposo::Calmo;
            }
            antes = ahora;
            self.vigilar();
            thread::sleep(PASO);
        }
    }

    /// Espera a que deje de usar el procesador, y no sólo a que duerma: uno que hace algo, duerme un milisegundo y sigue, con la máquina
    /// ocupada parece que espera. A lo sumo, `tope`.
    pub(crate) fn aquietarse(&mut self, tope: Duration) {
        const RATO: Duration = Duration::from_millis(300);
        let desde = Instant::now();
        loop {
            self.reposar();
            let antes = self.actividad().procesador;
            thread::sleep(RATO);
            if self.actividad().procesador == antes || desde.elapsed() > tope {
                return;
            }
        }
    }

    /// Si mostró algo que todavía no se leyó: puede estar dormido en un write, y no en un recv.
    fn queda_por_leer(&self) -> bool {
        let mut terminal = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        poll(&mut terminal, PollTimeout::ZERO).is_ok_and(|cuantos| cuantos > 0)
    }

    fn actividad(&self) -> Actividad {
        proc::actividad(&self.familia())
    }

    /// Manda una señal a todo su grupo.
    pub(crate) fn senial(&self, senial: Signal) {
        let _ = killpg(Pid::from_raw(self.pid), senial);
    }

    /// Si terminó, lo último que mostró puede estar todavía en la terminal: se espera a que se lea, o un rato si alguien más la tiene.
    fn leer_lo_ultimo(&mut self) {
        if self.fin.is_none() {
            return;
        }
        if let Some(lector) = self.lector.take() {
            let desde = Instant::now();
            while !lector.is_finished() && desde.elapsed() < Duration::from_millis(500) {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Si mostró este texto: en su terminal, o en un archivo donde escribe.
    pub(crate) fn mostro(&mut self, texto: &str) -> bool {
        self.leer_lo_ultimo();
        let texto = texto.as_bytes();
        if self.mostrado.lock().unwrap_or_else(PoisonError::into_inner).aparecio(texto) {
            return true;
        }
        self.anotar_registros();
        self.registros.iter().any(|(archivo, desde)| contiene(&leer_final(archivo, *desde), texto))
    }

    /// Suma los archivos en los que se lo ve escribir, y los `.log` que hayan aparecido.
    fn anotar_registros(&mut self) {
        let escritos: Vec<PathBuf> = self.familia().into_iter().flat_map(proc::archivos_que_escribe).collect();
        for archivo in escritos.into_iter().chain(los_log_de_la_carpeta()) {
            let archivo = fs::canonicalize(&archivo).unwrap_or(archivo);
            if !self.registros.iter().any(|(otro, _)| *otro == archivo) {
                self.registros.push((archivo, 0));
            }
        }
    }

    /// Lo que mostró en su terminal, en renglones sin caracteres de control.
    pub(crate) fn renglones(&mut self) -> Vec<String> {
        self.leer_lo_ultimo();
        let todo = self.mostrado.lock().unwrap_or_else(PoisonError::into_inner).todo();
        let texto = String::from_utf8_lossy(&todo);
        let limpio = |renglon: &str| renglon.chars().filter(|letra| !letra.is_control()).collect::<String>();
        texto.lines().map(limpio).filter(|renglon| !renglon.trim().is_empty()).collect()
    }

    /// Cuántos bytes mostró en total, aunque no se hayan guardado todos.
    pub(crate) fn bytes_mostrados(&self) -> u64 {
        self.mostrado.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// Lo termina entero, con lo que haya arrancado.
    pub(crate) fn terminar(&mut self) {
        if self.fin().is_none() {
            let _ = killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
            let desde = Instant::now();
            while self.fin().is_none() && desde.elapsed() < Duration::from_secs(5) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        proc::terminar_marcados(&self.marca);
    }
}

impl Drop for Programa {
    fn drop(&mut self) {
        self.terminar();
    }
}

/// Un guion de shell termina con 128 más la señal que mató a su programa: se cayó el programa.
fn de_quien_espero(codigo: i32) -> Fin {
    let caidas = [libc::SIGSEGV, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGPIPE];
    match codigo - 128 {
        senial if caidas.contains(&senial) => Fin::Senial(senial),
        _ => Fin::Codigo(codigo),
    }
}

fn contiene(bytes: &[u8], buscado: &[u8]) -> bool {
    memchr::memmem::find(bytes, buscado).is_some()
}

/// Una terminal que no repite lo que se escribe en ella ni cambia los fines de renglón: la punta de la herramienta y la del programa.
fn terminal() -> Resultado<(File, OwnedFd)> {
    let ancha = Winsize { ws_row: 50, ws_col: 2000, ws_xpixel: 0, ws_ypixel: 0 };
    let no_pude = |causa: nix::Error| Falla::del_sistema("No pude abrir una terminal para el programa", causa);
    let puntas = openpty(Some(&ancha), None).map_err(no_pude)?;
    for punta in [&puntas.master, &puntas.slave] {
        nix::fcntl::fcntl(punta, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC)).map_err(no_pude)?;
    }
    let mut modo = termios::tcgetattr(&puntas.slave).map_err(no_pude)?;
    modo.local_flags.remove(LocalFlags::ECHO);
    modo.output_flags.remove(OutputFlags::OPOST);
    termios::tcsetattr(&puntas.slave, SetArg::TCSANOW, &modo).map_err(no_pude)?;
    Ok((File::from(puntas.master), puntas.slave))
}

fn armar_orden(arranque: &Arranque) -> Resultado<Command> {
    let (programa, argumentos) =
        arranque.orden.split_first().ok_or_else(|| Falla::nueva("Falta decir qué programa probar, después de --."))?;
    let mut orden = match &arranque.memcheck {
        None => Command::new(programa),
        Some(archivo) => {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--quiet", "--trace-children=yes", "--error-limit=no", "--vgdb=no"]);
            valgrind.arg(format!("--log-file={}.%p", archivo.display())).arg(programa);
            valgrind
        }
    };
    orden.args(argumentos);
    Ok(orden)
}

/// Lo que hace el hijo antes de ser el programa: sesión y terminal propias, morir con quien lo arrancó, y límites.
fn apartarse(trazado: bool) -> std::io::Result<()> {
    nix::unistd::setsid()?;
    // SAFETY: el descriptor 0 es su terminal; TIOCSCTTY no lee memoria.
    if unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: sin punteros.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let nada = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: el límite vive durante la llamada.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const nada) };
    let procesador = libc::rlimit { rlim_cur: 120, rlim_max: 120 };
    // SAFETY: el límite vive durante la llamada.
    unsafe { libc::setrlimit(libc::RLIMIT_CPU, &raw const procesador) };
    // Rust ignora SIGPIPE, y el shell, SIGINT y SIGQUIT de lo que se lanza con «&», y eso se hereda: el programa tiene que verlas como en la
    // terminal de quien lo escribió.
    for senial in [libc::SIGPIPE, libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: es la disposición de siempre, no código.
        unsafe { libc::signal(senial, libc::SIG_DFL) };
    }
    if trazado {
        nix::sys::ptrace::traceme()?;
    }
    Ok(())
}

fn no_arranca(arranque: &Arranque, causa: &std::io::Error) -> Falla {
    let programa = arranque.orden.first().map(|programa| programa.to_string_lossy().into_owned()).unwrap_or_default();
    if arranque.memcheck.is_some() && causa.kind() == std::io::ErrorKind::NotFound {
        return Falla::nueva("Para --valgrind hace falta valgrind, y no está: sudo apt install valgrind.");
    }
    let es_carpeta = Path::new(&programa).is_dir();
    let que = if es_carpeta { "es una carpeta".to_owned() } else { en_castellano(causa) };
    Falla::nueva(format!("No pude ejecutar «{programa}»: {que}.{}", pista(&programa, es_carpeta, causa)))
}

/// Qué se quiso decir, quizás.
fn pista(programa: &str, es_carpeta: bool, causa: &std::io::Error) -> String {
    if es_carpeta {
        let adentro = fs::read_dir(programa).into_iter().flatten().flatten().map(|entrada| entrada.path());
        let ejecutables: Vec<PathBuf> = adentro.filter(|archivo| es_ejecutable(archivo)).collect();
        return match ejecutables.as_slice() {
            [uno] => format!(" ¿Quisiste decir «{}»?", con_camino(&uno.display().to_string())),
            _ => " Decí cuál de sus programas, como «./bin/server».".to_owned(),
        };
    }
    match (causa.raw_os_error(), programa.split_once(' ')) {
        (Some(libc::ENOENT), _) if !programa.contains('/') && Path::new(programa).is_file() => {
            format!(" ¿Quisiste decir «./{programa}»?")
        }
        (Some(libc::ENOENT), Some((primera, _))) if Path::new(primera).is_file() => {
            format!(" La orden va sin comillas: -- {}", con_camino(programa))
        }
        (Some(libc::ENOENT), _) => " ¿Compilaste? ¿Estás en la carpeta del programa?".to_owned(),
        (Some(libc::EACCES), _) => " ¿Es el ejecutable?".to_owned(),
        _ => String::new(),
    }
}

/// Lo que está en esta carpeta se ejecuta con su camino.
fn con_camino(programa: &str) -> String {
    let tiene = programa.split(' ').next().is_some_and(|primera| primera.contains('/'));
    if tiene && (programa.starts_with('.') || programa.starts_with('/')) {
        programa.to_owned()
    } else {
        format!("./{programa}")
    }
}

fn es_ejecutable(archivo: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(archivo).is_ok_and(|datos| datos.is_file() && datos.permissions().mode() & 0o111 != 0)
}

fn leer_en_otro_hilo(terminal: &File, mostrado: &Arc<Mutex<Mostrado>>) -> Resultado<JoinHandle<()>> {
    let mut lee = terminal.try_clone().map_err(|causa| Falla::del_sistema("No pude leer al programa", causa))?;
    let mostrado = Arc::clone(mostrado);
    Ok(thread::spawn(move || {
        let mut bytes = [0_u8; 16 << 10];
        loop {
            match lee.read(&mut bytes) {
                Ok(0) => break,
                Ok(cuantos) => {
                    let nuevos = bytes.get(..cuantos).unwrap_or_default();
                    mostrado.lock().unwrap_or_else(PoisonError::into_inner).agregar(nuevos);
                }
                Err(causa) if causa.kind() == std::io::ErrorKind::Interrupted => {}
                // EIO: del otro lado no queda nadie.
                Err(_) => break,
            }
        }
    }))
}

fn los_log_de_la_carpeta() -> Vec<PathBuf> {
    let entradas = fs::read_dir(".").into_iter().flatten().flatten();
    entradas.map(|entrada| entrada.path()).filter(|archivo| archivo.extension().is_some_and(|e| e == "log")).collect()
}

/// Lo que había antes de empezar no lo escribió esta corrida.
fn registros_de_antes(nombrados: &[PathBuf]) -> Vec<(PathBuf, u64)> {
    let medir = |archivo: PathBuf| {
        let archivo = fs::canonicalize(&archivo).unwrap_or(archivo);
        let mide = fs::metadata(&archivo).map_or(0, |datos| datos.len());
        (archivo, mide)
    };
    los_log_de_la_carpeta().into_iter().chain(nombrados.iter().cloned()).map(medir).collect()
}

/// Los últimos bytes de un archivo, desde donde estaba; todo, si lo empezaron de nuevo.
fn leer_final(archivo: &Path, desde: u64) -> Vec<u8> {
    use std::io::Seek as _;
    let Ok(mut abierto) = File::open(archivo) else { return Vec::new() };
    let mide = abierto.metadata().map_or(0, |datos| datos.len());
    let desde = if mide < desde { 0 } else { desde }.max(mide.saturating_sub(crate::cable::en_u64(2 * FINAL)));
    let mut bytes = Vec::new();
    let _ = abierto.seek(std::io::SeekFrom::Start(desde)).and_then(|_| abierto.read_to_end(&mut bytes));
    bytes
}
