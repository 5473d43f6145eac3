//! La matriz de fallas: en cada fase de una conversación, el otro lado hace cada cosa que un par puede hacer mal. La
//! llamada devuelve lo que dice el contrato, a tiempo, y el que sigue se atiende como si nada. El par no comparte
//! código con la biblioteca.
//!
//! Cada caso tiene nombre, y al pasar imprime `caso <lado>/<fase>/<falla>: ok`.

use crate::comun;
use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::comun::{PLAZO, Proceso};
use crate::hostil::{ACEPTADO, Conductor, HOLA, Oyente, Par, Pendiente, RECHAZADO, Respuesta, hexa, mensaje, paquete};

fn ms(cuantos: u64) -> Duration {
    Duration::from_millis(cuantos)
}

/// El plazo del handshake donde se lo tiene que ver vencer.
const ESPERA: Duration = Duration::from_millis(400);
/// El plazo del handshake donde nadie lo tiene que esperar: quien lo espere no llega a `PLAZO`, el de la prueba.
const NUNCA: Duration = Duration::from_secs(600);
/// Cuánto se mira que algo siga trabado.
const UN_RATO: Duration = Duration::from_millis(150);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lado {
    Servidor,
    Cliente,
}

/// Hasta dónde llegó la conversación cuando el par falla.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fase {
    /// Conectó, y ni un byte.
    Conexion,
    /// Mandó dos bytes de su parte del handshake.
    Handshake,
    /// Mandó dos bytes de un código de operación.
    Codigo,
    /// El código, y dos bytes del tamaño.
    Tamanio,
    /// El header, y una parte del payload.
    Payload,
    /// El header de un PAQUETE, y dos bytes del largo de su primer valor.
    Interno,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Falla {
    Cierra,
    Resetea,
    Traba,
    Gotea,
    Basura,
    MedioCierra,
    Detenido,
}

const FASES: [Fase; 6] = [Fase::Conexion, Fase::Handshake, Fase::Codigo, Fase::Tamanio, Fase::Payload, Fase::Interno];
const FALLAS: [Falla; 7] =
    [Falla::Cierra, Falla::Resetea, Falla::Traba, Falla::Gotea, Falla::Basura, Falla::MedioCierra, Falla::Detenido];

#[derive(Debug, Clone, Copy)]
struct Caso {
    lado: Lado,
    fase: Fase,
    falla: Falla,
}

impl Caso {
    /// Su fila en la tabla de confianza: una por falla.
    fn fila(self) -> &'static str {
        match self.falla {
            Falla::Cierra => "falla_cierra",
            Falla::Resetea => "falla_resetea",
            Falla::Traba => "falla_traba",
            Falla::Gotea => "falla_gotea",
            Falla::Basura => "falla_basura",
            Falla::MedioCierra => "falla_medio_cierra",
            Falla::Detenido => "falla_detenido",
        }
    }

    /// El plazo del handshake.
    fn espera(self) -> Duration {
        let se_queda = matches!(self.falla, Falla::Traba | Falla::Detenido);
        if se_queda && matches!(self.fase, Fase::Handshake | Fase::Conexion) { ESPERA } else { NUNCA }
    }
}

impl fmt::Display for Caso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lado = match self.lado {
            Lado::Servidor => "servidor",
            Lado::Cliente => "cliente",
        };
        let fase = match self.fase {
            Fase::Conexion => "conexion",
            Fase::Handshake => "handshake",
            Fase::Codigo => "codigo",
            Fase::Tamanio => "tamanio",
            Fase::Payload => "payload",
            Fase::Interno => "largo_interno",
        };
        let falla = match self.falla {
            Falla::Cierra => "cierra",
            Falla::Resetea => "resetea",
            Falla::Traba => "se_traba",
            Falla::Gotea => "gotea",
            Falla::Basura => "basura",
            Falla::MedioCierra => "medio_cierra",
            Falla::Detenido => "detenido",
        };
        write!(f, "{lado}/{fase}/{falla}")
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// El par en otro proceso
// ---------------------------------------------------------------------------------------------------------------------

fn par_aparte(pasos: &[String]) -> Proceso {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    let programa = PROGRAMA.get_or_init(|| comun::compilar("matriz_par", &["matriz_par.c"], &[]));
    let mut orden = comun::orden(programa);
    orden.args(pasos);
    Proceso::lanzar(orden)
}

#[track_caller]
fn esperar_detenido(proceso: &Proceso) {
    comun::esperar_que("que el par quede detenido", PLAZO, || {
        let estado = fs::read_to_string(format!("/proc/{}/stat", proceso.pid())).unwrap();
        estado.rsplit(')').next().unwrap().trim_start().starts_with('T')
    });
}

/// Lo deja seguir, y devuelve lo que recibió hasta el fin.
#[track_caller]
fn dejar_seguir(proceso: Proceso) -> String {
    proceso.senial(libc::SIGCONT);
    let recibido = proceso.esperar_linea("recibido ", PLAZO);
    proceso.terminar(PLAZO).exigir_exito("el par");
    recibido
}

// ---------------------------------------------------------------------------------------------------------------------
// Los que siguen
// ---------------------------------------------------------------------------------------------------------------------

/// El lado de la biblioteca, con lo que haga falta para atender o conectarse otra vez.
struct Mesa {
    c: Conductor,
    lado: Lado,
    espera: Duration,
    servidor: i64,
    puerto: u16,
    /// Los descriptores de antes de empezar.
    descriptores: usize,
}

fn descriptores_de(c: &Conductor) -> usize {
    fs::read_dir(format!("/proc/{}/fd", c.pid())).unwrap().count()
}

impl Mesa {
    fn nueva(caso: Caso) -> Self {
        Self::con(caso.lado, caso.espera())
    }

    fn con(lado: Lado, espera: Duration) -> Self {
        let c = Conductor::con(&[("TP0_ESPERA_MS", &espera.as_millis().to_string())]);
        let (servidor, puerto) = c.servidor();
        let descriptores = descriptores_de(&c);
        Self { c, lado, espera, servidor, puerto, descriptores }
    }

    /// De nada de lo que pasó quedó un descriptor abierto; y no abortó, ni lo mató una señal.
    #[track_caller]
    fn levantar(self) {
        comun::esperar_que("que no quede ningún descriptor de más", PLAZO, || {
            descriptores_de(&self.c) == self.descriptores
        });
        self.c.terminar();
    }

    /// Una conversación entera con un par sano, por una conexión ya saludada.
    #[track_caller]
    fn conversar(&self, par: &Par, conexion: i64) {
        par.mandar(&mensaje("ida"));
        assert_eq!(self.c.bien(&format!("operacion {conexion}")), 0);
        let recibido = self.c.pedir(&format!("buffer {conexion}"));
        recibido.bien();
        assert_eq!(recibido.campo("bytes"), hexa(b"ida\0"));
        self.c.bien(&format!("mensaje {conexion} vuelta"));
        par.espera(&mensaje("vuelta"));
    }

    /// Con el que sigue no pasa nada: entra y conversa.
    #[track_caller]
    fn el_que_sigue(&self) {
        let (par, conexion) = match self.lado {
            Lado::Servidor => self.c.atender(self.servidor, self.puerto),
            Lado::Cliente => self.c.conectado(&Oyente::nuevo()),
        };
        self.conversar(&par, conexion);
        self.c.bien(&format!("liberar {conexion}"));
    }

    fn esperar(&self) -> Pendiente {
        self.c.lanzar(&format!("esperar {}", self.servidor))
    }

    /// Con una espera ya en marcha, entra uno sano.
    #[track_caller]
    fn entra_un_bueno(&self, espera: Pendiente) {
        let par = Par::saludo(self.puerto);
        par.espera(&ACEPTADO);
        let conexion = self.c.resultado(espera).bien();
        self.conversar(&par, conexion);
        self.c.bien(&format!("liberar {conexion}"));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Antes de la conversación
// ---------------------------------------------------------------------------------------------------------------------

fn saludo_del_servidor(m: &Mesa, fase: Fase, falla: Falla) {
    let van = if fase == Fase::Conexion { 0 } else { 2 };
    let espera = m.esperar();
    if falla == Falla::Detenido {
        let malo = par_aparte(&[
            format!("conectar:{}", m.puerto),
            format!("mandar:{}", hexa(&HOLA[..van])),
            "detenerse".to_owned(),
            "hasta_el_fin".to_owned(),
        ]);
        esperar_detenido(&malo);
        m.entra_un_bueno(espera);
        let espera = m.esperar();
        m.c.advierte("no terminó el handshake a tiempo");
        m.entra_un_bueno(espera);
        assert_eq!(dejar_seguir(malo), "recibido ffffffff.");
        return;
    }
    let desde = Instant::now();
    let malo = Par::mudo(m.puerto);
    malo.mandar(&HOLA[..van]);
    malo.leido();
    let direccion = malo.direccion();
    let se_fue = || m.c.advierte(&format!("{direccion}: se fue antes de terminar el handshake"));
    match falla {
        Falla::Cierra => {
            drop(malo);
            se_fue();
        }
        Falla::Resetea => {
            malo.resetear();
            // Del que no había mandado nada, el núcleo ni siquiera avisa.
            if van > 0 {
                se_fue();
            }
        }
        Falla::MedioCierra => {
            malo.no_mando_mas();
            assert_eq!(malo.hasta_el_fin(), RECHAZADO);
            se_fue();
        }
        Falla::Basura => {
            malo.mandar(b"GET / HTTP/1.1\r\nHost: tp0\r\n\r\n");
            assert_eq!(malo.hasta_el_fin(), RECHAZADO);
            m.c.advierte(&malo.direccion().to_string());
        }
        Falla::Gotea => {
            malo.gotear(&HOLA[van..]);
            malo.espera(&ACEPTADO);
            let conexion = m.c.resultado(espera).bien();
            m.conversar(&malo, conexion);
            m.c.bien(&format!("liberar {conexion}"));
            m.el_que_sigue();
            return;
        }
        Falla::Traba => {
            nadie_lo_espera(van);
            // Y al trabado se le acaba su plazo, con una espera en marcha.
            assert_eq!(malo.hasta_el_fin(), RECHAZADO);
            // Al que no mandó nada lo esconde el núcleo (TCP_DEFER_ACCEPT, de a segundos), y después corre su plazo.
            assert!(desde.elapsed() >= m.espera, "{:?}", desde.elapsed());
            m.c.advierte(&format!("{}: no terminó el handshake a tiempo", malo.direccion()));
            m.entra_un_bueno(espera);
            return;
        }
        Falla::Detenido => unreachable!(),
    }
    m.entra_un_bueno(espera);
    m.el_que_sigue();
}

/// Con uno a medias al que no se le va a vencer el plazo, el que sigue entra.
fn nadie_lo_espera(van: usize) {
    let m = Mesa::con(Lado::Servidor, NUNCA);
    let espera = m.esperar();
    let trabado = Par::mudo(m.puerto);
    trabado.mandar(&HOLA[..van]);
    trabado.leido();
    m.entra_un_bueno(espera);
    assert!(trabado.callado(ms(10)), "a él no se lo cortó");
    drop(trabado);
    m.c.terminar();
}

fn saludo_del_cliente(m: &Mesa, fase: Fase, falla: Falla) {
    let van = if fase == Fase::Conexion { 0 } else { 2 };
    if falla == Falla::Detenido {
        let puerto = comun::puerto_libre();
        let escuchar = [format!("escuchar:{puerto}")];
        let resto: &[&str] = match fase {
            Fase::Conexion => &["detenerse", "aceptar", "hasta_el_fin"],
            _ => &["aceptar", "leer:01000000", "mandar:0000", "detenerse", "hasta_el_fin"],
        };
        let malo =
            par_aparte(&[&escuchar[..], &resto.iter().map(|paso| (*paso).to_owned()).collect::<Vec<_>>()].concat());
        malo.esperar_linea("escucho", PLAZO);
        let (respuesta, tardo) = m.c.cronometrar(m.c.lanzar(&format!("conectar 127.0.0.1 {puerto}")));
        respuesta.mal("ETIMEDOUT", &[&puerto.to_string(), &ESPERA.as_millis().to_string()]);
        assert!(tardo >= ESPERA, "{tardo:?}");
        esperar_detenido(&malo);
        m.el_que_sigue();
        let saludo = if fase == Fase::Conexion { "recibido 01000000." } else { "recibido ." };
        assert_eq!(dejar_seguir(malo), saludo);
        return;
    }
    let oyente = Oyente::nuevo();
    let conectar = m.c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let malo = oyente.aceptar();
    malo.espera(&HOLA);
    malo.mandar(&ACEPTADO[..van]);
    let puerto = oyente.puerto.to_string();
    let errno = match falla {
        Falla::Cierra => {
            drop(malo);
            "ECONNRESET"
        }
        Falla::Resetea => {
            malo.resetear();
            "ECONNRESET"
        }
        Falla::MedioCierra => {
            malo.no_mando_mas();
            assert!(malo.hasta_el_fin().is_empty());
            "ECONNRESET"
        }
        Falla::Basura => {
            malo.mandar(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            "EPROTO"
        }
        Falla::Traba => {
            assert!(malo.hasta_el_fin().is_empty(), "el que se cansó cierra");
            "ETIMEDOUT"
        }
        Falla::Gotea => {
            malo.de_a_uno(&ACEPTADO[van..]);
            let conexion = m.c.resultado(conectar).bien();
            m.conversar(&malo, conexion);
            m.c.bien(&format!("liberar {conexion}"));
            m.el_que_sigue();
            return;
        }
        Falla::Detenido => unreachable!(),
    };
    let (respuesta, tardo) = m.c.cronometrar(conectar);
    respuesta.mal(errno, &[&puerto]);
    assert!(errno != "ETIMEDOUT" || tardo >= ESPERA, "{respuesta}: {tardo:?}");
    m.el_que_sigue();
}

// ---------------------------------------------------------------------------------------------------------------------
// En la conversación
// ---------------------------------------------------------------------------------------------------------------------

/// El mensaje entero, y cuántos de sus bytes manda el par antes de fallar.
fn guion(fase: Fase) -> (Vec<u8>, usize) {
    match fase {
        Fase::Codigo => (mensaje("hasta acá"), 2),
        Fase::Tamanio => (mensaje("hasta acá"), 6),
        Fase::Payload => (mensaje("hasta acá"), 12),
        _ => (paquete(&[b"uno", b"dos"]), 10),
    }
}

/// La llamada que el par va a dejar por la mitad. Las anteriores ya anduvieron.
#[track_caller]
fn llamar(m: &Mesa, fase: Fase, conexion: i64) -> Pendiente {
    let funcion = match fase {
        Fase::Codigo => "operacion",
        Fase::Tamanio | Fase::Payload => "buffer",
        _ => "paquete",
    };
    if fase != Fase::Codigo {
        let codigo = i64::from(fase == Fase::Interno);
        assert_eq!(m.c.bien(&format!("operacion {conexion}")), codigo);
    }
    m.c.en_hilo(&format!("{funcion} {conexion}"))
}

/// El mensaje terminó de llegar: la llamada devuelve lo que se mandó.
#[track_caller]
fn completo(m: &Mesa, fase: Fase, conexion: i64, respuesta: &Respuesta) {
    let payload = &guion(Fase::Codigo).0[8..];
    let recibido = match fase {
        Fase::Interno => return respuesta.lista(&[b"uno", b"dos"]),
        Fase::Codigo => {
            assert_eq!(respuesta.bien(), 0);
            &m.c.pedir(&format!("buffer {conexion}"))
        }
        _ => respuesta,
    };
    recibido.bien();
    assert_eq!(recibido.campo("bytes"), hexa(payload));
}

/// La llamada falló con ese errno, y la conversación terminó.
#[track_caller]
fn cortado(m: &Mesa, fase: Fase, conexion: i64, respuesta: &Respuesta, errno: &str) {
    if fase == Fase::Interno {
        respuesta.lista_con_error(errno, &[]);
    } else {
        respuesta.mal(errno, &[]);
    }
    let despues = m.c.pedir(&format!("operacion {conexion}"));
    assert!(despues.ret == -1 && despues.texto.is_some(), "{despues}");
}

/// Todavía está adentro de la llamada, y a los demás no les importa. Lo despierta quien libera.
#[track_caller]
fn trabado(m: &Mesa, fase: Fase, (par, conexion): (&Par, i64), pendiente: Pendiente) {
    assert!(par.callado(UN_RATO), "nadie la cortó: el par sólo es lento");
    m.el_que_sigue();
    assert!(par.callado(ms(10)));
    m.c.bien(&format!("liberar {conexion}"));
    let respuesta = m.c.resultado(pendiente);
    let ret = if fase == Fase::Interno { 0 } else { -1 };
    assert!(respuesta.ret == ret && respuesta.texto.is_some(), "{respuesta}");
    assert!(par.hasta_el_fin().is_empty());
}

fn conversacion_con_detenido(m: &Mesa, fase: Fase) {
    let (enviado, van) = guion(fase);
    let [antes, despues] = [&enviado[..van], &enviado[van..]].map(|bytes| format!("mandar:{}", hexa(bytes)));
    let puerto = comun::puerto_libre();
    let comienzo = match m.lado {
        Lado::Servidor => {
            [format!("conectar:{}", m.puerto), format!("mandar:{}", hexa(&HOLA)), format!("leer:{}", hexa(&ACEPTADO))]
        }
        Lado::Cliente => [format!("escuchar:{puerto}"), "aceptar".to_owned(), format!("mandar:{}", hexa(&ACEPTADO))],
    };
    let resto = [antes, "detenerse".to_owned(), despues, "hasta_el_fin".to_owned()];
    let malo = par_aparte(&[&comienzo[..], &resto[..]].concat());
    let conexion = match m.lado {
        Lado::Servidor => m.c.resultado(m.esperar()).bien(),
        Lado::Cliente => {
            malo.esperar_linea("escucho", PLAZO);
            m.c.bien(&format!("conectar 127.0.0.1 {puerto}"))
        }
    };
    esperar_detenido(&malo);
    let pendiente = llamar(m, fase, conexion);
    m.c.adentro(&pendiente);
    m.el_que_sigue();
    // Cuando lo dejan seguir termina su mensaje, y llega entero.
    malo.senial(libc::SIGCONT);
    let respuesta = m.c.resultado(pendiente);
    completo(m, fase, conexion, &respuesta);
    m.c.bien(&format!("mensaje {conexion} vuelta"));
    m.c.bien(&format!("liberar {conexion}"));
    let saludo = if m.lado == Lado::Cliente { hexa(&HOLA) } else { String::new() };
    let esperado = format!("recibido {saludo}{}.", hexa(&mensaje("vuelta")));
    assert_eq!(malo.esperar_linea("recibido ", PLAZO), esperado);
    malo.terminar(PLAZO).exigir_exito("el par");
    m.el_que_sigue();
}

fn conversacion(m: &Mesa, fase: Fase, falla: Falla) {
    if falla == Falla::Detenido {
        return conversacion_con_detenido(m, fase);
    }
    let (malo, conexion) = match m.lado {
        Lado::Servidor => m.c.atender(m.servidor, m.puerto),
        Lado::Cliente => m.c.conectado(&Oyente::nuevo()),
    };
    let (enviado, van) = guion(fase);
    malo.mandar(&enviado[..van]);
    let pendiente = llamar(m, fase, conexion);
    m.c.adentro(&pendiente);
    match falla {
        Falla::Cierra => {
            drop(malo);
            cortado(m, fase, conexion, &m.c.resultado(pendiente), "ECONNRESET");
        }
        Falla::Resetea => {
            malo.resetear();
            cortado(m, fase, conexion, &m.c.resultado(pendiente), "ECONNRESET");
        }
        Falla::MedioCierra => {
            malo.no_mando_mas();
            cortado(m, fase, conexion, &m.c.resultado(pendiente), "ECONNRESET");
            assert!(malo.hasta_el_fin().is_empty(), "el fin de un lado termina la conversación");
        }
        Falla::Traba => return trabado(m, fase, (&malo, conexion), pendiente),
        Falla::Gotea => {
            // Lo del mensaje que la llamada no pide queda sin leer hasta la que sigue.
            malo.de_a_uno(&enviado[van..]);
            completo(m, fase, conexion, &m.c.resultado(pendiente));
            m.conversar(&malo, conexion);
        }
        Falla::Basura if fase == Fase::Payload => {
            // Un payload no tiene forma: se entrega tal cual, y la conversación sigue.
            let resto = vec![0xfe; enviado.len() - van];
            malo.mandar(&resto);
            let respuesta = m.c.resultado(pendiente);
            respuesta.bien();
            assert_eq!(respuesta.campo("bytes"), hexa(&[&enviado[8..van], &resto].concat()));
            m.conversar(&malo, conexion);
        }
        Falla::Basura => {
            // Lo que completa el entero lo hace negativo, o un largo imposible.
            malo.mandar(&[0xff; 64]);
            cortado(m, fase, conexion, &m.c.resultado(pendiente), "EPROTO");
            assert!(malo.hasta_el_fin().is_empty());
        }
        Falla::Detenido => unreachable!(),
    }
    m.c.pedir(&format!("liberar {conexion}")).bien();
    m.el_que_sigue();
}

// ---------------------------------------------------------------------------------------------------------------------
// Todos
// ---------------------------------------------------------------------------------------------------------------------

fn correr(caso: Caso) {
    let _contado = comun::contar(caso.fila());
    let m = Mesa::nueva(caso);
    match (caso.fase, caso.lado) {
        (Fase::Conexion | Fase::Handshake, Lado::Servidor) => saludo_del_servidor(&m, caso.fase, caso.falla),
        (Fase::Conexion | Fase::Handshake, Lado::Cliente) => saludo_del_cliente(&m, caso.fase, caso.falla),
        _ => conversacion(&m, caso.fase, caso.falla),
    }
    m.levantar();
}

/// Corre los casos de a varios a la vez: casi todos esperan más de lo que trabajan.
fn la_matriz(lado: Lado) {
    const A_LA_VEZ: usize = 8;
    let casos: VecDeque<Caso> = FASES
        .iter()
        .flat_map(|fase| FALLAS.iter().map(move |falla| Caso { lado, fase: *fase, falla: *falla }))
        .collect();
    assert_eq!(casos.len(), 42);
    let casos = Mutex::new(casos);
    let fallaron = Mutex::new(Vec::new());
    thread::scope(|ambito| {
        for _ in 0..A_LA_VEZ {
            ambito.spawn(|| {
                loop {
                    let Some(caso) = casos.lock().unwrap().pop_front() else { break };
                    let salio = catch_unwind(AssertUnwindSafe(|| correr(caso)));
                    // Directo a la salida: el arnés no la captura, y de ahí la lee quien arma la tabla.
                    let resultado = if salio.is_ok() { "ok" } else { "FALLÓ" };
                    // Derecho a la salida: println! se perdería en lo que libtest guarda.
                    let mut salida = io::stdout().lock();
                    writeln!(salida, "caso {caso}: {resultado}").unwrap();
                    if salio.is_err() {
                        fallaron.lock().unwrap().push(caso.to_string());
                    }
                }
            });
        }
    });
    let fallaron = fallaron.into_inner().unwrap();
    assert!(fallaron.is_empty(), "fallaron {} de 42: {fallaron:?}", fallaron.len());
}

#[test]
fn la_matriz_del_servidor() {
    la_matriz(Lado::Servidor);
}

#[test]
fn la_matriz_del_cliente() {
    la_matriz(Lado::Cliente);
}
