//! `tp0 trazar`: corre cualquier programa y cuenta cada llamada de sus sockets, con la forma de la traza de la biblioteca, y al lado lo que tiene de
//! sospechosa.
//!
//! Adentro del programa, `libtp0_trazar.so` (el crate `interposicion`) escribe cada llamada en una memoria compartida. De este lado:
//!
//! ```text
//! ejecutable     qué programa es, y si se lo puede trazar
//! precarga       arrancarlo con el interpositor
//! anillo         leer lo que cuenta
//! procesos       qué tiene abierto cada proceso, qué se escribe y qué se sospecha de cada llamada
//! conexion       un socket: en qué anda, y qué se dice por él
//! lugares        de una dirección al renglón del fuente
//! sospechas      cada una una vez por lugar, y qué cambiar
//! renglones      escribir la traza
//! registro       lo que se cuenta: es el archivo del interpositor
//! ```

mod anillo;
mod conexion;
mod ejecutable;
mod lugares;
mod precarga;
mod procesos;
#[path = "../../../interposicion/src/registro.rs"]
#[allow(dead_code, reason = "la otra mitad la usa el interpositor")]
mod registro;
mod renglones;
mod sospechas;

use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::Salida;
use crate::cable::Handshake;
use crate::descripcion::Opciones;
use crate::estilo::{self, AVISO, BIEN, FUERTE, MAL};
use crate::falla::{Falla, Resultado, en_castellano};
use crate::sistema::relevo::{arrancar, relevar};
use anillo::Anillo;
use precarga::Precarga;
use procesos::Procesos;
use renglones::Renglones;

/// Lo que se pidió.
#[derive(Debug, Args)]
#[command(override_usage = "tp0 trazar [OPCIONES] -- ORDEN...")]
pub(crate) struct Pedido {
    /// Archivo donde dejar la traza (si no se dice, va a la salida de errores)
    #[arg(short = 'o', long, value_name = "ARCHIVO")]
    traza: Option<PathBuf>,
    /// El programa ocupa el lugar de tp0: termina como él y recibe sus señales; lo sospechoso se ve en la traza
    #[arg(long, requires = "traza")]
    en_su_lugar: bool,
    #[command(flatten)]
    opciones: Opciones,
    /// El programa, con sus argumentos
    #[arg(value_name = "ORDEN", required = true, last = true)]
    programa: Vec<OsString>,
}

/// Corre el programa y cuenta lo que hace.
pub(crate) fn hacer(pedido: &Pedido) -> Resultado<Salida> {
    let mut cable = pedido.opciones.describir()?.cable;
    if !pedido.opciones.handshake_dicho() {
        cable.handshake = Handshake::Auto;
    }
    let programa =
        pedido.programa.first().ok_or_else(|| Falla::nueva("Falta decir qué programa trazar, después de --."))?;
    let ejecutable = ejecutable::mirar(programa)?;
    let precarga = Precarga::buscar()?;
    let mut anillo = Anillo::nuevo()?;
    let mut procesos = Procesos::nuevos(cable, Renglones::nuevos(pedido.traza.as_deref())?);
    let no_arranca = |causa: &std::io::Error| {
        Falla::nueva(format!("No pude ejecutar «{}»: {}.", programa.to_string_lossy(), en_castellano(causa)))
    };
    if pedido.en_su_lugar {
        let relevado =
            relevar(|pid| no_arranca(&precarga.preparar(&pedido.programa, &ejecutable, &anillo, pid).exec()))?;
        mirar(&mut anillo, &mut procesos, |rato| relevado.termino(rato).then_some(()));
        procesos.terminar_todos(ahora());
        return Ok(Salida::Bien);
    }
    let seniales = Seniales::tomar()?;
    let comando = precarga.preparar(&pedido.programa, &ejecutable, &anillo, std::process::id());
    let mut hijo = arrancar(comando, seniales.cuales).map_err(|causa| no_arranca(&causa))?;
    let fin = mirar(&mut anillo, &mut procesos, |rato| seniales.esperar(rato, &mut hijo));
    let nombre = programa.to_string_lossy();
    if fin.signal() == Some(libc::SIGPIPE) {
        procesos.murio_por_sigpipe(hijo.id());
    }
    procesos.terminar_todos(ahora());
    informar(procesos.nombre(hijo.id()).unwrap_or(&nombre), fin, &procesos)
}

/// Lee hasta que el programa termine. Da lo que dio `esperar`, que espera a lo sumo tantos milisegundos.
fn mirar<T>(anillo: &mut Anillo, procesos: &mut Procesos, mut esperar: impl FnMut(u16) -> Option<T>) -> T {
    let mut rato = 1;
    loop {
        let fin = esperar(rato);
        let hubo = anillo.leer(fin.is_some(), |registro, datos| procesos.anotar(registro, datos));
        let perdidos = anillo.perdidos();
        if perdidos > 0 {
            estilo::avisar(&format!("tp0: no llegué a contar {perdidos} llamadas: faltan en la traza."));
        }
        if let Some(fin) = fin {
            return fin;
        }
        procesos.contar_esperas(ahora());
        // Mientras pasan cosas se mira seguido; si no, cada vez menos.
        rato = if hubo { 1 } else { (rato * 2).min(40) };
    }
}

fn ahora() -> u64 {
    let ahora = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(ahora.as_nanos()).unwrap_or(u64::MAX)
}

/// Las señales que son del programa, y el aviso de que terminó.
struct Seniales {
    cuales: SigSet,
    llegan: SignalFd,
}

impl Seniales {
    fn tomar() -> Resultado<Self> {
        let cuales = [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP];
        let cuales: SigSet = cuales.into_iter().collect();
        let tomar = || -> nix::Result<SignalFd> {
            cuales.thread_block()?;
            SignalFd::with_flags(&cuales, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        };
        tomar()
            .map(|llegan| Self { cuales, llegan })
            .map_err(|causa| Falla::del_sistema("No pude preparar las señales", causa))
    }

    /// Espera ese rato. Si el programa terminó, cómo. Una señal que mandó otro proceso es para él; las de la terminal ya le llegaron.
    fn esperar(&self, rato: u16, hijo: &mut Child) -> Option<ExitStatus> {
        let _ = poll(&mut [PollFd::new(self.llegan.as_fd(), PollFlags::POLLIN)], PollTimeout::from(rato));
        while let Ok(Some(senial)) = self.llegan.read_signal() {
            let mandada = senial.ssi_code == libc::SI_USER || senial.ssi_code == libc::SI_QUEUE;
            let cual = i32::try_from(senial.ssi_signo).ok().and_then(|cual| Signal::try_from(cual).ok());
            if let (true, Some(cual), Ok(pid)) = (mandada, cual, i32::try_from(hijo.id())) {
                let _ = kill(Pid::from_raw(pid), cual);
            }
        }
        hijo.try_wait().ok().flatten()
    }
}

/// Con estas señales se le pide a un programa que termine: no es una falla suya.
const PEDIDAS: [i32; 5] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP, libc::SIGKILL];

/// Cómo terminó, y lo sospechoso que hubo.
fn informar(nombre: &str, fin: ExitStatus, procesos: &Procesos) -> Resultado<Salida> {
    let como = match (fin.code(), fin.signal().map(|cual| (cual, Signal::try_from(cual)))) {
        (Some(codigo), _) => format!("terminó con {codigo}"),
        (_, Some((_, Ok(senial)))) => format!("murió por {senial}"),
        (_, Some((cual, _))) => format!("murió por la señal {cual}"),
        _ => "terminó".to_owned(),
    };
    if !procesos.hubo() {
        return Err(Falla::nueva(format!(
            "{nombre} {como}, y no cargó lo que hace falta para verlo: ¿es estático lo que arranca, o le borra LD_PRELOAD al entorno?"
        )));
    }
    let se_cayo = fin.signal().is_some_and(|cual| !PEDIDAS.contains(&cual));
    let cuantas = procesos.sospechas.cuantas();
    let (estilo, resumen) = match cuantas {
        0 if !procesos.hubo_sockets() => (AVISO, "no llamó a ningún socket de TCP".to_owned()),
        0 => (BIEN, "nada sospechoso".to_owned()),
        1 => (AVISO, "1 cosa sospechosa:".to_owned()),
        _ => (AVISO, format!("{cuantas} cosas sospechosas:")),
    };
    let como = if se_cayo { estilo::con(MAL, &como) } else { como };
    estilo::avisar(&format!("\n{} {como}; {}", estilo::con(FUERTE, nombre), estilo::con(estilo, &resumen)));
    for (lugar, que, consejo) in procesos.sospechas.contar() {
        estilo::avisar(&format!("\n{}  {que}\n    {consejo}", estilo::con(FUERTE, lugar)));
    }
    Ok(if cuantas > 0 || se_cayo { Salida::Mal } else { Salida::Bien })
}
