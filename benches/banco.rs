//! Cuánto tarda: `make bench`. Las mismas cargas con la biblioteca desde C, con ella desde Rust, con la implementación de manual
//! (`manual.c`) y con el límite: llamadas al sistema sin nada en el medio.
//!
//! Cada muestra son dos procesos, el que espera clientes y el que los hace. Se intercalan (una ronda es una muestra de cada una), se
//! informan medianas, y siempre se comparan cosas medidas en la misma corrida. Con `BANCO_ESCRIBIR=1` la tabla queda en
//! docs/velocidad.md.

#![allow(
    unsafe_code,
    unreachable_pub,
    missing_debug_implementations,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_safety_doc,
    reason = "es un programa para medir: si algo falla, se cae y lo dice"
)]

#[path = "banco/cargas.rs"]
mod cargas;
#[path = "banco/de_c.rs"]
mod de_c;
#[path = "banco/limite.rs"]
mod limite;
#[path = "banco/nativo.rs"]
mod nativo;
#[path = "banco/tabla.rs"]
mod tabla;

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cargas::Carga;
use tabla::{Demoras, Tabla};

/// Qué se mide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cual {
    /// La implementación de manual.
    Manual,
    /// Esta biblioteca, por sus funciones de C.
    C,
    /// Lo mismo, con `tp0_recibir` o `tp0_atender` donde se puede.
    CEntera,
    /// Esta biblioteca, desde Rust.
    Rust,
    /// Lo mismo, encolando los envíos.
    RustEncolando,
    /// Llamadas al sistema: una escritura por mensaje, lecturas grandes.
    Limite,
    /// Lo mismo, juntando mensajes en cada escritura.
    LimiteJuntando,
}

const TODAS: [Cual; 7] =
    [Cual::Manual, Cual::C, Cual::CEntera, Cual::Rust, Cual::RustEncolando, Cual::Limite, Cual::LimiteJuntando];

impl Cual {
    fn nombre(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::C => "C",
            Self::CEntera => "C, `tp0_*`",
            Self::Rust => "Rust",
            Self::RustEncolando => "Rust, encolando",
            Self::Limite => "límite",
            Self::LimiteJuntando => "límite, juntando",
        }
    }

    /// Si esta carga le dice algo: las demás serían una repetición de otra columna.
    fn corre(self, carga: Carga) -> bool {
        match self {
            Self::Manual | Self::C | Self::Rust | Self::Limite => true,
            Self::CEntera => matches!(carga, Carga::Mensajes | Carga::MilClientes),
            Self::RustEncolando | Self::LimiteJuntando => matches!(carga, Carga::Mensajes | Carga::Paquetes),
        }
    }

    fn servir(self, carga: Carga, cuantos: usize) {
        match self {
            Self::Manual => carga.servir(&de_c::Biblioteca::manual(), cuantos),
            Self::C => carga.servir(&de_c::Biblioteca::tp0(), cuantos),
            Self::CEntera => carga.servir(&de_c::Entera::tp0(), cuantos),
            Self::Rust => carga.servir(&nativo::Nativo { encola: false }, cuantos),
            Self::RustEncolando => carga.servir(&nativo::Nativo { encola: true }, cuantos),
            Self::Limite => carga.servir(&limite::Directo { junta: false, nagle: carga.va_en_un_sentido() }, cuantos),
            Self::LimiteJuntando => {
                carga.servir(&limite::Directo { junta: true, nagle: carga.va_en_un_sentido() }, cuantos)
            }
        }
    }

    fn llamar(self, carga: Carga, cuantos: usize, puerto: u16) -> Duration {
        match self {
            Self::Manual => carga.llamar(&de_c::Biblioteca::manual(), cuantos, puerto),
            Self::C => carga.llamar(&de_c::Biblioteca::tp0(), cuantos, puerto),
            Self::CEntera => carga.llamar(&de_c::Entera::tp0(), cuantos, puerto),
            Self::Rust => carga.llamar(&nativo::Nativo { encola: false }, cuantos, puerto),
            Self::RustEncolando => carga.llamar(&nativo::Nativo { encola: true }, cuantos, puerto),
            Self::Limite => {
                carga.llamar(&limite::Directo { junta: false, nagle: carga.va_en_un_sentido() }, cuantos, puerto)
            }
            Self::LimiteJuntando => {
                carga.llamar(&limite::Directo { junta: true, nagle: carga.va_en_un_sentido() }, cuantos, puerto)
            }
        }
    }
}

/// No hay muestra que tarde tanto: la que no terminó, falló.
const TOPE: Duration = Duration::from_secs(30);
/// En cuánto tiene que estar toda la tabla.
const PRESUPUESTO: Duration = Duration::from_secs(100);
const RONDAS: usize = 7;

fn main() {
    let argumentos: Vec<String> = env::args().skip(1).filter(|argumento| argumento != "--bench").collect();
    let argumentos: Vec<&str> = argumentos.iter().map(String::as_str).collect();
    match argumentos.as_slice() {
        [papel @ ("servidor" | "cliente"), cual, carga, cuantos, resto @ ..] => {
            let cual = TODAS[cual.parse::<usize>().unwrap()];
            let carga = Carga::TODAS[carga.parse::<usize>().unwrap()];
            let cuantos = cuantos.parse().unwrap();
            limite::terminar_dentro_de(TOPE);
            match (*papel, resto) {
                ("cliente", [puerto]) => {
                    limite::fijar_al_nucleo(carga.un_hilo_de_cada_lado(), 1);
                    println!("{}", cual.llamar(carga, cuantos, puerto.parse().unwrap()).as_nanos());
                }
                _ => {
                    limite::fijar_al_nucleo(carga.un_hilo_de_cada_lado(), 0);
                    cual.servir(carga, cuantos);
                }
            }
        }
        [] => medir(),
        otros => panic!("¿{otros:?}? Se corre con «make bench»"),
    }
}

fn medir() {
    de_c::compilar_manual();
    let mut tabla = Tabla::nueva();
    let comienzo = Instant::now();
    for ronda in 0..RONDAS {
        if comienzo.elapsed() > PRESUPUESTO * (RONDAS - 1) as u32 / RONDAS as u32 {
            break;
        }
        eprintln!("ronda {} de {RONDAS}, a lo sumo", ronda + 1);
        for carga in Carga::TODAS {
            for cual in TODAS.into_iter().filter(|cual| cual.corre(carga)) {
                let cuantos = carga.cuantos(matches!(cual, Cual::RustEncolando | Cual::LimiteJuntando));
                let (tardo, demoras) = muestra(cual, carga, cuantos);
                tabla.anotar(carga, cual, microsegundos(tardo) / cuantos as f64, demoras);
            }
        }
    }
    print!("{}", tabla.escrita());
    if env::var_os("BANCO_ESCRIBIR").is_some() {
        tabla.poner_en_el_documento();
    }
}

fn microsegundos(tardo: Duration) -> f64 {
    tardo.as_secs_f64() * 1e6
}

/// Una muestra: cuánto tardó el cliente y, donde se mide, cuánto tardaron los mensajes.
fn muestra(cual: Cual, carga: Carga, cuantos: usize) -> (Duration, Option<Demoras>) {
    let orden = |papel: &str| {
        let mut orden = Command::new(env::current_exe().unwrap());
        let lugar_de_cual = TODAS.iter().position(|otra| *otra == cual).unwrap();
        let lugar_de_carga = Carga::TODAS.iter().position(|otra| *otra == carga).unwrap();
        orden.args([papel, &lugar_de_cual.to_string(), &lugar_de_carga.to_string(), &cuantos.to_string()]);
        orden.env("TP0_PUERTO", "0").env("TP0_IP", "127.0.0.1");
        orden
    };
    let mut servidor = orden("servidor").stdout(Stdio::piped()).spawn().unwrap();
    let (mut puerto, mut demoras) = (String::new(), String::new());
    let mut dicho = BufReader::new(servidor.stdout.take().unwrap());
    dicho.read_line(&mut puerto).unwrap();
    let cliente = orden("cliente").arg(puerto.trim()).output().unwrap();
    dicho.read_to_string(&mut demoras).unwrap();
    let servidor = servidor.wait().unwrap();
    assert!(
        cliente.status.success() && servidor.success(),
        "{} no terminó bien: {}",
        cual.nombre(),
        String::from_utf8_lossy(&cliente.stderr)
    );
    let tardo = Duration::from_nanos(String::from_utf8(cliente.stdout).unwrap().trim().parse().unwrap());
    (tardo, (!demoras.is_empty()).then(|| demoras.parse().unwrap()))
}

/// La carpeta del ejecutable, donde cargo deja también las bibliotecas.
fn aca() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_path_buf()
}
