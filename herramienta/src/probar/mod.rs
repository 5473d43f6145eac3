//! `probar`: corre un programa, le hace de cliente o de servidor, y dice qué falla y por qué.
//!
//! ```text
//! mod            lo que se pide, y una corrida de punta a punta
//! informe        lo que se cuenta
//! servidor, cliente    la tabla de casos: cada uno, su texto y una función corta
//! banco          arrancar, hablar, mirar: lo que usan los casos
//! par            el otro lado, que puede portarse mal
//! caso, memcheck
//! ```

mod banco;
mod caso;
mod cliente;
mod informe;
mod memcheck;
mod par;
mod servidor;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use clap::{Args, Subcommand};

use crate::Salida;
use crate::cable::Handshake;
use crate::descripcion::{Descripcion, Opciones};
use crate::estilo::{self, con};
use crate::falla::{Falla, Resultado};
use crate::sistema::aislar::Aislamiento;
use crate::sistema::guardian::Guardian;
use crate::sistema::proc;
use crate::sistema::programa::{Arranque, Fin, Programa};
use banco::{Banco, Plan};
use caso::{Caso, Corrido, Lado, Veredicto};
use cliente::NoVino;

/// Cuántos casos van a la vez, donde cada uno tiene su red.
const A_LA_VEZ: usize = 6;

#[derive(Debug, Subcommand)]
pub(crate) enum Probar {
    /// Corre un servidor y le hace de clientes
    #[command(override_usage = "tp0 probar servidor [OPCIONES] -- ORDEN...")]
    Servidor(Pedido),
    /// Corre un cliente y le hace de servidor
    #[command(override_usage = "tp0 probar cliente [OPCIONES] -- ORDEN...")]
    Cliente(Pedido),
}

#[derive(Debug, Args)]
pub(crate) struct Pedido {
    #[command(flatten)]
    opciones: Opciones,
    /// Sólo estos casos, separados por comas: S11,S12
    #[arg(long, value_name = "CASOS", value_delimiter = ',')]
    caso: Vec<String>,
    /// Muestra los casos que hay, y no corre nada
    #[arg(long)]
    lista: bool,
    /// Con cada falla, lo que mostró el programa
    #[arg(long)]
    mostrar: bool,
    /// Corre cada caso tantas veces; queda la peor, y cuántas fallaron
    #[arg(long, value_name = "N")]
    repetir: Option<u32>,
    /// Corre el programa adentro de valgrind y cuenta sus errores por caso
    #[arg(long)]
    valgrind: bool,
    /// Escribe el resultado en este archivo, en JSON
    #[arg(long, value_name = "ARCHIVO")]
    json: Option<PathBuf>,
    /// Escribe el resultado en este archivo, en JUnit
    #[arg(long, value_name = "ARCHIVO")]
    junit: Option<PathBuf>,
    /// Lo que se escribe en la terminal del programa (con \n y \t)
    #[arg(long, value_name = "TEXTO")]
    entrada: Option<String>,
    /// No usa espacios de nombres: los casos van de a uno, en la red de la máquina
    #[arg(long)]
    sin_aislar: bool,
    /// El programa que se prueba y sus argumentos
    #[arg(last = true, value_name = "ORDEN")]
    programa: Vec<OsString>,
}

/// Lo que se escribe en la terminal de un cliente si no se dice otra cosa: algo para su log, algo para su paquete, y nada más.
const ENTRADA: &str = "hola\n\nuno\ndos\n\n\u{4}\u{4}\u{4}";

/// Palabras de quien avisa que algo no pudo.
const AVISOS: [&str; 13] = [
    "error",
    "no se pudo",
    "no pude",
    "in use",
    "en uso",
    "ocupado",
    "refused",
    "fall",
    "imposible",
    "failed",
    "errno",
    "tomado",
    "nadie",
];

/// Si alguno de esos renglones avisa que algo no pudo.
pub(crate) fn avisa(renglones: &[String]) -> bool {
    renglones.iter().any(|renglon| {
        let renglon = renglon.to_lowercase();
        AVISOS.iter().any(|palabra| renglon.contains(palabra))
    })
}

pub(crate) fn hacer(probar: Probar) -> Resultado<Salida> {
    let (lado, pedido) = match probar {
        Probar::Servidor(pedido) => (Lado::Servidor, pedido),
        Probar::Cliente(pedido) => (Lado::Cliente, pedido),
    };
    if pedido.lista {
        listar(&elegir(lado, &pedido.caso)?);
        return Ok(Salida::Bien);
    }
    let hecho = probar_todo(lado, &pedido);
    if let Err(falla) = &hecho {
        // Si es que no se puede escribir, ya lo dice la falla.
        let _ = dejar_dicho(lado, &pedido, &falla.to_string(), true);
    }
    hecho
}

fn probar_todo(lado: Lado, pedido: &Pedido) -> Resultado<Salida> {
    dejar_dicho(lado, pedido, "La prueba no llegó a terminar.", false)?;
    let casos = elegir(lado, &pedido.caso)?;
    if pedido.programa.is_empty() {
        return Err(Falla::nueva(format!("Falta el programa: tp0 probar {} [OPCIONES] -- ORDEN...", lado.nombre())));
    }
    if pedido.repetir == Some(0) {
        return Err(Falla::nueva("--repetir va de 1 en adelante, y se pidió 0: no se correría ningún caso."));
    }
    let descripcion = pedido.opciones.describir()?;
    let carpeta = pedido.valgrind.then(Temporal::nueva).transpose()?;
    let _guardian = Guardian::poner(carpeta.as_ref().map(|carpeta| carpeta.0.as_path()))?;
    let aislamiento = if pedido.sin_aislar { Aislamiento::Ninguno } else { Aislamiento::preparar() };
    if aislamiento == Aislamiento::Ninguno {
        puerto_libre(descripcion.puerto)?;
    }
    let mut plan = planear(pedido, lado, descripcion, aislamiento, carpeta.as_ref().map(|carpeta| carpeta.0.clone()));
    let generales = reconocer(&mut plan, lado, pedido.opciones.handshake_dicho())?;
    encabezar(&pedido.programa, &plan, lado);
    let mut corridos = correr(&plan, &casos, pedido.repetir.unwrap_or(1));
    perdonar_lo_que_nunca_hace(&mut corridos);
    informe::contar(&corridos, &generales, pedido.mostrar);
    if let Some(archivo) = &pedido.json {
        escribir(archivo, &informe::en_json(&pedido.programa, lado, &corridos, &generales))?;
    }
    if let Some(archivo) = &pedido.junit {
        escribir(archivo, &informe::en_junit(lado, &corridos))?;
    }
    let mal = corridos.iter().any(|corrido| corrido.veredicto.resultado.es_mal());
    Ok(if mal { Salida::Mal } else { Salida::Bien })
}

/// Deja escrito por qué no hay resultado, donde se lo pidió: quien junta muchos se entera. De paso se sabe, antes de correr nada, si ahí se
/// puede escribir. Lo que va a un tubo no se borra: ahí, sólo si es lo último.
fn dejar_dicho(lado: Lado, pedido: &Pedido, por_que: &str, es_lo_ultimo: bool) -> Resultado<()> {
    let textos =
        [(&pedido.json, informe::falla_en_json(por_que)), (&pedido.junit, informe::falla_en_junit(lado, por_que))];
    for (archivo, texto) in textos {
        let Some(archivo) = archivo else { continue };
        let abierto = fs::OpenOptions::new().create(true).append(true).open(archivo);
        let datos = abierto.and_then(|abierto| abierto.metadata()).map_err(|causa| no_se_escribe(archivo, causa))?;
        if datos.is_file() || es_lo_ultimo {
            escribir(archivo, &texto)?;
        }
    }
    Ok(())
}

fn no_se_escribe(archivo: &Path, causa: std::io::Error) -> Falla {
    Falla::del_sistema(format!("No pude escribir {}", archivo.display()), causa)
}

fn escribir(archivo: &Path, texto: &str) -> Resultado<()> {
    fs::write(archivo, texto).map_err(|causa| no_se_escribe(archivo, causa))
}

/// La carpeta donde escribe memcheck, que se borra al terminar.
#[derive(Debug)]
struct Temporal(PathBuf);

impl Temporal {
    fn nueva() -> Resultado<Self> {
        let carpeta = nix::unistd::mkdtemp(&std::env::temp_dir().join("tp0-XXXXXX"));
        carpeta
            .map(Self)
            .map_err(|causa| Falla::del_sistema("No pude hacer una carpeta para lo que diga valgrind", causa))
    }
}

impl Drop for Temporal {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn todos(lado: Lado) -> Vec<&'static Caso> {
    match lado {
        Lado::Servidor => servidor::casos(),
        Lado::Cliente => cliente::CASOS.iter().collect(),
    }
}

fn elegir(lado: Lado, pedidos: &[String]) -> Resultado<Vec<&'static Caso>> {
    let todos = todos(lado);
    if pedidos.is_empty() {
        return Ok(todos);
    }
    for pedido in pedidos {
        if !todos.iter().any(|caso| caso.numero.eq_ignore_ascii_case(pedido)) {
            return Err(Falla::nueva(format!(
                "No hay un caso «{pedido}»: los muestra «tp0 probar {} --lista».",
                lado.nombre()
            )));
        }
    }
    Ok(todos.into_iter().filter(|caso| pedidos.iter().any(|pedido| caso.numero.eq_ignore_ascii_case(pedido))).collect())
}

fn listar(casos: &[&'static Caso]) {
    for caso in casos {
        let perfil = if caso.perfil.is_some() { " (perfil tp)" } else { "" };
        estilo::decir(&format!("{}  {}{perfil}", con(estilo::FUERTE, caso.numero), caso.titulo));
        estilo::decir(&con(estilo::TENUE, &format!("     {}; {}", caso.hace, caso.pide)));
    }
}

/// En la red de la máquina, el puerto tiene que estar libre.
fn puerto_libre(puerto: u16) -> Resultado<()> {
    if !proc::tcp("thread-self").iter().any(|tcp| tcp.local == puerto && tcp.estado == proc::ESCUCHA) {
        return Ok(());
    }
    let quien = proc::ocupante(puerto)
        .map_or_else(|| "otro programa".to_owned(), |(pid, nombre)| format!("el proceso {pid} ({nombre})"));
    Err(Falla::nueva(format!("El puerto {puerto} lo tiene {quien}: terminalo, o probá con --puerto.")))
}

fn planear(
    pedido: &Pedido,
    lado: Lado,
    descripcion: Descripcion,
    aislamiento: Aislamiento,
    memcheck: Option<PathBuf>,
) -> Plan {
    let escrita = pedido.entrada.as_ref().map(|texto| texto.replace("\\n", "\n").replace("\\t", "\t"));
    let entrada = escrita.unwrap_or_else(|| if lado == Lado::Cliente { ENTRADA } else { "" }.to_owned());
    let handshake = match descripcion.cable.handshake {
        Handshake::No => None,
        Handshake::Con(valor) => Some(valor),
        Handshake::Auto => Some(tp0::HANDSHAKE),
    };
    let arranque = Arranque {
        orden: pedido.programa.clone(),
        entrada: entrada.into_bytes(),
        registros: descripcion.registros.clone(),
        ..Arranque::default()
    };
    Plan { descripcion, handshake, arranque, aislamiento, memcheck, mensajes_del_cliente: None }
}

/// Corre algo en un hilo propio, separado de lo demás.
fn aparte<T: Send>(aislamiento: Aislamiento, hacer: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|alcance| alcance.spawn(|| aislamiento.entrar().then(hacer)).join().ok().flatten())
}

/// Lo primero: que el programa arranque y llegue a su puerto, y qué handshake tiene. Si no llega, no hay nada que probar.
fn reconocer(plan: &mut Plan, lado: Lado, dicho: bool) -> Resultado<Vec<String>> {
    let no_pude = || Falla::nueva("No pude separar la red del programa: probá con --sin-aislar.");
    match lado {
        Lado::Servidor => {
            let averiguar = plan.handshake.is_some() && !dicho;
            let contesta = aparte(plan.aislamiento, || reconocer_servidor(plan, averiguar)).ok_or_else(no_pude)??;
            if !averiguar || contesta {
                return Ok(Vec::new());
            }
            let con_handshake = plan.handshake.take();
            if aparte(plan.aislamiento, || muestra_sin_handshake(plan)).unwrap_or(false) {
                return Ok(vec![SIN_HANDSHAKE.to_owned()]);
            }
            plan.handshake = con_handshake;
            Ok(Vec::new())
        }
        Lado::Cliente => {
            let visto = aparte(plan.aislamiento, || {
                let mut banco = Banco::nuevo(plan, "C00");
                let visto = cliente::reconocer(&mut banco);
                (visto, banco.salida)
            });
            let (visto, salida) = visto.ok_or_else(no_pude)?;
            let conocido = visto.map_err(|no_vino| por_que_no_vino(plan, no_vino, &salida))?;
            plan.mensajes_del_cliente = conocido.mensajes;
            if dicho || plan.handshake.is_none() || !conocido.sin_handshake {
                return Ok(Vec::new());
            }
            plan.handshake = None;
            Ok(vec![SIN_HANDSHAKE.to_owned()])
        }
    }
}

/// Qué le pasó a un cliente que no se conectó; y a dónde se quería conectar, si era a otro lado.
fn por_que_no_vino(plan: &Plan, no_vino: NoVino, salida: &[String]) -> Falla {
    let Descripcion { puerto, espera, .. } = plan.descripcion;
    let que = match no_vino {
        NoVino::NoPude(que) => return Falla::nueva(que),
        NoVino::Termino(Fin::Codigo(codigo)) => format!("terminó con {codigo} sin conectarse"),
        NoVino::Termino(Fin::Senial(senial)) => {
            format!("se cayó ({}) sin haberse conectado", Veredicto::senial(senial, "").detalle)
        }
        NoVino::NoSeConecto => format!("corre y en {} ms no se conectó", espera.as_millis()),
    };
    let adonde = aparte(plan.aislamiento, || Programa::a_donde_se_conecta(&plan.arranque, espera)).flatten();
    let pista = match adonde {
        Some(otro) if otro.port() != puerto => format!(
            "se quiso conectar a {otro}; se esperaba 127.0.0.1:{puerto}. Cambiá el puerto en su config, o probá con --puerto {}.",
            otro.port()
        ),
        Some(otro) if !otro.ip().is_loopback() => {
            format!("se quiso conectar a {otro}; se esperaba 127.0.0.1:{puerto}. Cambiá la IP en su config.")
        }
        _ => format!("¿en su config, la IP es 127.0.0.1 y el puerto {puerto}?"),
    };
    Falla::nueva(format!("El cliente {que}: {pista}{}", lo_ultimo(salida)))
}

const SIN_HANDSHAKE: &str = "el programa no tiene handshake: se probó sin él (con --handshake 1 se exige)";

fn lo_ultimo(salida: &[String]) -> String {
    salida
        .last()
        .map(|renglon| format!(" Lo último que mostró: «{}».", renglon.chars().take(120).collect::<String>()))
        .unwrap_or_default()
}

/// Que escuche; y si hay que averiguarlo, si contesta el handshake.
fn reconocer_servidor(plan: &Plan, averiguar: bool) -> Resultado<bool> {
    let mut banco = Banco::nuevo(plan, "S00");
    if plan.aislamiento == Aislamiento::Ninguno {
        par::sacar_del_reposo(plan.descripcion.puerto);
    }
    let mut programa = banco.programa(false).map_err(|veredicto| Falla::nueva(veredicto.detalle))?;
    if !banco.esperar_que_escuche(&mut programa, banco.espera()) {
        let puerto = plan.descripcion.puerto;
        // En el suyo puede escuchar desde recién: entonces lo que faltó es tiempo.
        let otro = proc::puertos(&programa.familia()).into_iter().find(|otro| *otro != puerto);
        let mostro = lo_ultimo(&programa.renglones());
        let por_que = match (programa.fin(), otro) {
            (_, Some(otro)) => {
                format!("El programa escucha en el puerto {otro}, y no en el {puerto}: probá con --puerto {otro}.")
            }
            (Some(Fin::Codigo(codigo)), _) => {
                let bajo = if puerto < 1024 { " (los menores que 1024 son de root)" } else { "" };
                format!("El programa terminó con {codigo} sin escuchar en el puerto {puerto}{bajo}.{mostro}")
            }
            (Some(Fin::Senial(senial)), _) => {
                format!(
                    "El programa se cayó ({}) sin escuchar en el puerto {puerto}.{mostro}",
                    Veredicto::senial(senial, "").detalle
                )
            }
            (None, None) => format!(
                "El programa corre y en {} ms no escuchó en el puerto {puerto}: ¿llama a listen? ¿Necesita más --espera?{mostro}",
                plan.descripcion.espera.as_millis()
            ),
        };
        return Err(Falla::nueva(por_que));
    }
    if !averiguar {
        return Ok(true);
    }
    match banco.cliente() {
        Ok(_) => Ok(true),
        Err(veredicto) if veredicto.detalle.contains("contestó ff ff ff ff") => Err(Falla::nueva(
            "El servidor rechazó el handshake 1, el de las guías: decí cuál es el suyo con --handshake N.",
        )),
        Err(_) => Ok(false),
    }
}

fn muestra_sin_handshake(plan: &Plan) -> bool {
    let mut banco = Banco::nuevo(plan, "S00");
    let texto = banco.texto();
    let Ok(mut programa) = banco.servidor() else { return false };
    let Ok(mut par) = banco.cliente() else { return false };
    banco.mandar_texto(&mut par, &texto);
    banco.se_vio(&mut programa, &texto)
}

fn encabezar(orden: &[OsString], plan: &Plan, lado: Lado) {
    let orden: Vec<String> = orden.iter().map(|parte| parte.to_string_lossy().into_owned()).collect();
    estilo::decir(&con(estilo::FUERTE, &format!("{} {}", lado.nombre(), orden.join(" "))));
    let handshake = plan.handshake.map_or_else(|| "sin handshake".to_owned(), |valor| format!("handshake {valor}"));
    let red = match plan.aislamiento {
        Aislamiento::Ninguno => "en la red de la máquina, de a un caso",
        Aislamiento::Red => "cada caso en su red, de a uno",
        Aislamiento::RedYCarpeta => "cada caso en su red y en una copia de la carpeta",
    };
    let perfil = if plan.descripcion.perfil == crate::descripcion::Perfil::Tp { "tp" } else { "tp0" };
    let puerto = plan.descripcion.puerto;
    estilo::decir(&con(estilo::TENUE, &format!("perfil {perfil}, puerto {puerto}, {handshake}; {red}\n")));
}

/// Corre los casos: a la vez si cada uno tiene su red y su carpeta, si no de a uno.
fn correr(plan: &Plan, casos: &[&'static Caso], veces: u32) -> Vec<Corrido> {
    let avance = avance(casos.len());
    let pendientes: Mutex<VecDeque<&'static Caso>> = Mutex::new(casos.iter().copied().collect());
    let corridos = Mutex::new(Vec::new());
    let hilos = match plan.aislamiento {
        // memcheck ocupa un procesador por corrida.
        Aislamiento::RedYCarpeta if plan.memcheck.is_some() => 2,
        Aislamiento::RedYCarpeta => A_LA_VEZ,
        Aislamiento::Red | Aislamiento::Ninguno => 1,
    };
    thread::scope(|alcance| {
        for _ in 0..hilos {
            alcance.spawn(|| {
                loop {
                    let Some(caso) = pendientes.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else {
                        break;
                    };
                    avance.set_message(format!("{} {}", caso.numero, caso.titulo));
                    let corrido = correr_uno(plan, caso, veces);
                    corridos.lock().unwrap_or_else(PoisonError::into_inner).push(corrido);
                    avance.inc(1);
                }
            });
        }
    });
    avance.finish_and_clear();
    let mut corridos = corridos.into_inner().unwrap_or_else(PoisonError::into_inner);
    corridos.sort_by_key(|corrido| corrido.caso.numero);
    corridos
}

/// El renglón de avance, sólo en una terminal.
fn avance(casos: usize) -> indicatif::ProgressBar {
    let barra = indicatif::ProgressBar::new(crate::cable::en_u64(casos));
    if let Ok(estilo) = indicatif::ProgressStyle::with_template("{pos}/{len} [{bar:20}] {msg}") {
        barra.set_style(estilo);
    }
    barra
}

/// Un caso, tantas veces: queda la peor, y cuántas fueron malas.
fn correr_uno(plan: &Plan, caso: &'static Caso, veces: u32) -> Corrido {
    let desde = Instant::now();
    let mut peor: Option<Corrido> = None;
    let mut malas = 0;
    for _ in 0..veces {
        let corrido = aparte(plan.aislamiento, || una_vez(plan, caso)).unwrap_or_else(|| Corrido {
            caso,
            veredicto: Veredicto::no_se_probo("no pude separar la red del programa"),
            enviado: Vec::new(),
            observaciones: Vec::new(),
            salida: Vec::new(),
            duracion: desde.elapsed(),
        });
        malas += u32::from(corrido.veredicto.resultado.es_mal());
        match &peor {
            Some(otro) if otro.veredicto.resultado >= corrido.veredicto.resultado => {}
            _ => peor = Some(corrido),
        }
    }
    // Se corre al menos una vez.
    let mut peor = peor.unwrap_or_else(|| una_vez(plan, caso));
    if veces > 1 && malas > 0 {
        peor.veredicto.detalle = format!("{}; falló {malas} de {veces}", peor.veredicto.detalle);
    }
    peor.duracion = desde.elapsed();
    peor
}

fn una_vez(plan: &Plan, caso: &'static Caso) -> Corrido {
    let desde = Instant::now();
    let mut banco = Banco::nuevo(plan, caso.numero);
    let veredicto = match caso.perfil {
        Some(perfil) if perfil != plan.descripcion.perfil => Veredicto::no_se_probo("es del perfil tp: --perfil tp"),
        _ if caso.con_paquete && !plan.descripcion.con_paquetes => {
            Veredicto::no_se_probo("el programa no usa paquetes")
        }
        _ => (caso.correr)(&mut banco).unwrap_or_else(|veredicto| *veredicto),
    };
    if let Some(carpeta) = &plan.memcheck {
        let errores = memcheck::errores(carpeta, caso.numero);
        errores.into_iter().for_each(|error| banco.observar(format!("memcheck: {error}")));
    }
    Corrido {
        caso,
        veredicto,
        enviado: banco.enviado,
        observaciones: banco.observaciones,
        salida: banco.salida,
        duracion: desde.elapsed(),
    }
}

/// Lo que un programa no hace nunca se dice una vez, en su caso (el handshake en S02 o C01, mostrar un texto en S03, o los valores en S04, y
/// atender a otro cliente en S24): en los demás no se puede saber.
fn perdonar_lo_que_nunca_hace(corridos: &mut [Corrido]) {
    let falla = |cual: &str, como: fn(&Veredicto) -> bool| {
        corridos.iter().any(|corrido| corrido.caso.numero == cual && como(&corrido.veredicto))
    };
    let sin_saludo = falla("S02", |veredicto| veredicto.por_el_handshake);
    let sin_saludar = falla("C01", |veredicto| veredicto.por_el_handshake);
    let sin_textos = falla("S03", |veredicto| veredicto.por_no_mostrar);
    let sin_valores = falla("S04", |veredicto| veredicto.por_no_mostrar);
    let sin_seguir = !sin_saludo && !sin_textos && falla("S24", por_no_seguir);
    for corrido in corridos {
        let (numero, veredicto) = (corrido.caso.numero, &corrido.veredicto);
        let por_que = if sin_saludo && veredicto.por_el_handshake && numero != "S02" {
            "depende de S02: no se pasa del handshake"
        } else if sin_saludar && veredicto.por_el_handshake && numero != "C01" {
            "depende de C01: no se pasa del handshake"
        } else if sin_seguir
            && (veredicto.por_no_seguir || por_no_seguir(veredicto) && corrido.caso.perfil.is_some())
            && numero != "S24"
        {
            "depende de S24: no sigue después de su primer cliente"
        } else if sin_valores && veredicto.por_no_mostrar && numero == "S06" {
            "depende de S04: no muestra los valores de un paquete"
        } else if sin_textos && veredicto.por_no_mostrar && !["S03", "S04", "S06"].contains(&numero) {
            "depende de S03: no muestra los textos"
        } else {
            continue;
        };
        corrido.veredicto = Veredicto::no_se_probo(por_que);
    }
}

/// Terminó en orden, o vive y no atendió: no lo mató una señal, ni gira.
fn por_no_seguir(veredicto: &Veredicto) -> bool {
    veredicto.por_no_seguir || veredicto.resultado == caso::Resultado::Pierde
}
