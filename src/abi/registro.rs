//! El `logger` del programa y las funciones de log de commons, que se buscan en el proceso mientras corre.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::{self, Display, Write};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::inundacion::Limitador;
use super::olvidos;
use crate::renglon::Renglon;
use crate::sistema::{self, Aviso, Cerrojo, ERRORES, ESTANDAR, HijoConUnHilo, Poner, SinSeniales};

/// El `t_log` de commons: aquí sólo se pasa de mano en mano.
pub type Log = c_void;

/// El logger global del TP0. Si el programa define el suyo, gana el suyo: por eso se lee siempre por su símbolo.
#[allow(non_upper_case_globals, reason = "es el nombre que C conoce")]
#[unsafe(no_mangle)]
pub static logger: AtomicPtr<Log> = AtomicPtr::new(ptr::null_mut());

type FuncionDeLog = unsafe extern "C" fn(*mut Log, *const c_char, ...);

#[allow(improper_ctypes, reason = "es FILE, y sólo se pasa de mano en mano")]
unsafe extern "C" {
    static stdout: *mut libc::FILE;
    fn ftrylockfile(archivo: *mut libc::FILE) -> c_int;
    fn funlockfile(archivo: *mut libc::FILE);
    fn __fpending(archivo: *mut libc::FILE) -> usize;
}

/// Una función de log de commons y el logger, si el proceso tiene las dos cosas.
fn log_de_commons(nombre: &CStr) -> Option<(FuncionDeLog, *mut Log)> {
    let log = logger.load(Ordering::Relaxed);
    if log.is_null() {
        return None;
    }
    // SAFETY: busca un símbolo por su nombre; no corre nada.
    let simbolo = unsafe { libc::dlsym(libc::RTLD_DEFAULT, nombre.as_ptr()) };
    if simbolo.is_null() {
        return None;
    }
    // SAFETY: las cuatro funciones de log de commons tienen este tipo desde 2012.
    Some((unsafe { mem::transmute::<*mut c_void, FuncionDeLog>(simbolo) }, log))
}

/// Lo que dice el log del programa.
enum Nivel {
    Trace,
    Info,
    Warning,
    Error,
}

/// Anota `texto` en el log, con `delante` antes. Dice si lo hay.
fn en_el_log(nivel: &Nivel, delante: &CStr, texto: &CStr) -> bool {
    let nombre = match nivel {
        Nivel::Trace => c"log_trace",
        Nivel::Info => c"log_info",
        Nivel::Warning => c"log_warning",
        Nivel::Error => c"log_error",
    };
    let Some((anotar, log)) = log_de_commons(nombre) else { return false };
    // El log también escribe en la salida del programa, y ahí puede no haber quien lea.
    let _sin_seniales = SinSeniales::nuevo();
    // SAFETY: el logger es el que el programa puso, y el formato pide justo dos textos.
    unsafe { anotar(log, c"%s%s".as_ptr(), delante.as_ptr(), texto.as_ptr()) };
    true
}

/// `Listo para escuchar a mi cliente`
pub(super) fn servidor_listo() {
    en_el_log(&Nivel::Trace, c"", c"Listo para escuchar a mi cliente");
}

/// `Se conecto un cliente!`
pub(super) fn cliente_conectado() {
    SE_DIJO_QUE_FALTA.poner(false);
    en_el_log(&Nivel::Info, c"", c"Se conecto un cliente!");
}

/// `Me llego el mensaje ...`: en el log, o en la salida del programa, que es para lo que está `recibir_mensaje`.
pub(super) fn mensaje_recibido(texto: &CStr) {
    const QUE: &CStr = c"Me llego el mensaje ";
    if !en_el_log(&Nivel::Info, QUE, texto) {
        en_la_salida([QUE.to_bytes(), texto.to_bytes(), b"\n"]);
    }
}

/// Si ya se dijo que falta algo para aceptar clientes, y todavía no entró ninguno.
static SE_DIJO_QUE_FALTA: AtomicBool = AtomicBool::new(false);

/// Falta algo para atender a quien llega: se dice una vez, hasta que entre alguno.
pub(super) fn faltan(que: impl Display) {
    if !SE_DIJO_QUE_FALTA.swap(true, Ordering::AcqRel) {
        advertencia(que);
    }
}

/// Un cliente rechazado: en el log, o en la salida de errores.
pub(super) fn advertencia(que: impl Display) {
    un_renglon(Some(&Nivel::Warning), &RECHAZOS, format_args!("{que}"));
}

/// Una falla que nadie miró: lo mismo, o sólo en la salida de errores.
pub(super) fn olvido(con_log: bool, funcion: &str, texto: &str) {
    un_renglon(con_log.then_some(&Nivel::Error), &FALLAS, format_args!("{funcion}: {texto}"));
}

static RECHAZOS: Cerrojo<Limitador> = Cerrojo::nuevo(Limitador::nuevo());
static FALLAS: Cerrojo<Limitador> = Cerrojo::nuevo(Limitador::nuevo());

fn un_renglon(nivel: Option<&Nivel>, racha: &Cerrojo<Limitador>, que: fmt::Arguments<'_>) {
    let Some(callados) = racha.tomar().pasa(sistema::ahora_ns()) else { return };
    let mut renglon = Renglon::<LARGO>::vacio();
    // Si no entra, se corta.
    let _ = write!(renglon, "{que}");
    if callados > 0 {
        let mut cuenta = Renglon::<64>::vacio();
        let _ = write!(cuenta, " (y {callados} más como éste, que no se escribieron)");
        renglon.terminar_con(cuenta.texto());
    }
    let bytes = renglon.con_final();
    let Ok(texto) = CStr::from_bytes_until_nul(&bytes) else { return };
    if !nivel.is_some_and(|nivel| en_el_log(nivel, c"", texto)) {
        let perdidos =
            |cuantos| aviso(format_args!("tp0: antes de este renglón se perdieron {cuantos}: nadie los leía."));
        // Si no se pudo, el próximo lo dice.
        let partes = [&b"tp0: "[..], texto.to_bytes(), b"\n"];
        let _ = ERRORES.escribir(libc::STDERR_FILENO, partes, Duration::ZERO, perdidos);
    }
}

/// Lo que entra en un renglón: el texto más largo de un error, y el resto.
const LARGO: usize = 1280;

fn aviso(que: fmt::Arguments<'_>) -> Aviso {
    let mut aviso = Aviso::vacio();
    let _ = write!(aviso, "{que}");
    aviso.terminar_con("\n");
    aviso
}

/// Cuánto se espera a que quien lee la salida del programa haga lugar.
const PACIENCIA: Duration = Duration::from_secs(1);

/// Escribe un renglón en la salida del programa, después de lo que él ya dijo con printf.
fn en_la_salida(partes: [&[u8]; 3]) {
    // SAFETY: `stdout` es una variable de la biblioteca de C, puesta desde antes de main.
    let salida = unsafe { stdout };
    let _sin_seniales = SinSeniales::nuevo();
    let Some(tomada) = Tomada::antes_de(salida, ESTANDAR.paciencia(PACIENCIA)) else { return ESTANDAR.perder() };
    // SAFETY: es un FILE abierto, o cerrado por el programa: entonces da -1.
    let fd = unsafe { libc::fileno(salida) };
    if fd < 0 {
        return tomada.guardar(partes);
    }
    if !tomada.vaciar(fd) {
        return ESTANDAR.perder();
    }
    let perdidos = |cuantos| aviso(format_args!("(tp0: se perdieron {cuantos} mensajes: nadie leía esta salida)"));
    // Si no se pudo, el próximo lo dice.
    let _ = ESTANDAR.escribir(fd, partes, PACIENCIA, perdidos);
}

/// La salida del programa, que ningún otro hilo usa mientras tanto.
struct Tomada(*mut libc::FILE);

impl Tomada {
    /// Sin quedarse esperando a uno que se quedó escribiendo: quizá nadie lee.
    fn antes_de(salida: *mut libc::FILE, paciencia: Duration) -> Option<Self> {
        let comienzo = Instant::now();
        loop {
            // SAFETY: es un FILE de la biblioteca de C.
            if unsafe { ftrylockfile(salida) } == 0 {
                return Some(Self(salida));
            }
            if comienzo.elapsed() >= paciencia {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// En una que no tiene descriptor (`open_memstream`, `fopencookie`), lo escribe stdio: no hay tubo que se llene.
    fn guardar(&self, partes: [&[u8]; 3]) {
        for parte in partes {
            // SAFETY: es un FILE que sólo este hilo usa, y la parte está viva. Si falla, no hay a quién decírselo.
            let _: usize = unsafe { libc::fwrite(parte.as_ptr().cast(), 1, parte.len(), self.0) };
        }
    }

    /// Escribe lo que el programa dijo y quedó guardado, si hay lugar.
    fn vaciar(&self, fd: c_int) -> bool {
        // SAFETY: es un FILE que sólo este hilo usa.
        if unsafe { __fpending(self.0) } == 0 {
            return true;
        }
        if !ESTANDAR.hay_lugar(fd, PACIENCIA) {
            return false;
        }
        // SAFETY: la misma razón. Si falla, lo que sigue va a fallar igual.
        let _: c_int = unsafe { libc::fflush(self.0) };
        true
    }
}

impl Drop for Tomada {
    fn drop(&mut self) {
        // SAFETY: la tomó este hilo, en `antes_de`.
        unsafe { funlockfile(self.0) };
    }
}

/// En el hijo de un fork no están los hilos que los tenían.
pub(super) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    RECHAZOS.abrir_en_el_hijo(hijo);
    FALLAS.abrir_en_el_hijo(hijo);
    olvidos::despues_en_el_hijo(hijo);
}
