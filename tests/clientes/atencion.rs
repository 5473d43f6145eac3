//! Atender a muchos clientes a la vez, desde C (`tp0_atender`, `tp0_detener`) y desde Rust (`Servidor::atender`): con clientes de toda
//! clase, con límites, sin descriptores, y terminando de todas las maneras.

use crate::comun;
use crate::comun::{Proceso, Salida, compilar_con_tp0, exigir, orden, orden_valgrind};

use std::collections::HashSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use tp0::{Conexion, Error, Opciones, Recibido, Servidor};

/// De sobra: con la máquina ocupada, lo más lento tarda unos segundos.
const PLAZO: Duration = Duration::from_secs(100);

/// Lo que se dice al terminar cada prueba en C.
const BIEN: &str = "todo bien\n";

fn programa() -> &'static Path {
    static PROGRAMA: OnceLock<std::path::PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("muchos_atencion", &["muchos_atencion.c"]))
}

fn correr(args: &[&str]) -> Salida {
    let mut comando = orden(programa());
    comando.args(args);
    Proceso::lanzar(comando).terminar(PLAZO)
}

/// Una prueba en C que no tiene que decir nada más que su final.
#[track_caller]
fn en_c(args: &[&str]) {
    if !exigir("gcc") {
        return;
    }
    let salida = correr(args);
    salida.exigir_exito(args[0]);
    assert_eq!(salida.stdout, BIEN, "{salida}");
    assert_eq!(salida.stderr, "", "la biblioteca no tiene de qué avisar:\n{salida}");
}

/// Una prueba en C en la que falta con qué aceptar clientes: eso se dice, y nada más.
#[track_caller]
fn en_c_sin_descriptores(args: &[&str]) {
    if !exigir("gcc") {
        return;
    }
    let salida = correr(args);
    salida.exigir_exito(args[0]);
    assert_eq!(salida.stdout, BIEN, "{salida}");
    let de_eso = |linea: &str| {
        linea.starts_with("tp0: No quedan descriptores") && linea.ends_with("Espero a que se libere alguno.")
    };
    assert!(!salida.stderr.is_empty() && salida.stderr.lines().all(de_eso), "{salida}");
}

/// Lo mismo bajo valgrind: ni un error, ni un byte perdido, ni un descriptor abierto al final.
#[track_caller]
fn con_valgrind(args: &[&str]) {
    if !exigir("valgrind") || !exigir("gcc") {
        return;
    }
    let mut comando = orden_valgrind(programa(), &["--track-fds=yes", "--child-silent-after-fork=yes"]);
    comando.env_remove("VALGRIND_OPTS").args(args);
    let salida = Proceso::lanzar(comando).terminar(PLAZO);
    salida.exigir_exito(args[0]);
    assert_eq!(salida.stdout, BIEN, "{salida}");
    // Los que heredó de quien lo lanzó no son suyos.
    let lineas: Vec<&str> = salida.stderr.lines().collect();
    for (i, linea) in lineas.iter().enumerate().filter(|(_, linea)| linea.contains("Open ")) {
        let heredado = lineas.get(i + 1).is_some_and(|siguiente| siguiente.contains("<inherited from parent>"));
        assert!(heredado, "quedó abierto {linea}\n{salida}");
    }
}

#[test]
fn cada_cliente_en_su_hilo() {
    en_c(&["concurrentes"]);
}

#[test]
fn el_descriptor_se_libera_una_vez_y_el_que_reciba_su_numero_no_se_entera() {
    en_c(&["liberados"]);
}

#[test]
fn la_funcion_vuelve_cuando_quiere_o_termina_su_hilo() {
    en_c(&["finales"]);
}

#[test]
fn al_volver_la_funcion_despierta_quien_recibia_de_su_cliente() {
    en_c(&["con_otro_recibiendo"]);
}

#[test]
fn cincuenta_clientes_no_notan_a_los_malos() {
    if !exigir("gcc") {
        return;
    }
    let salida = correr(&["malos"]);
    salida.exigir_exito("malos");
    assert_eq!(salida.stdout, BIEN, "{salida}");
    // De los cuatro que no eran de este protocolo se avisa, y de nada más.
    assert_eq!(salida.stderr.lines().count(), 4, "{salida}");
    assert_eq!(salida.stderr.matches("tp0: Se rechazó al cliente 127.0.0.1:").count(), 4, "{salida}");
}

#[test]
fn con_limite_los_demas_esperan_en_la_cola() {
    en_c(&["limite"]);
}

#[test]
fn sin_descriptores_espera_sin_gastar_procesador_y_sigue() {
    en_c_sin_descriptores(&["sin_descriptores"]);
}

#[test]
fn se_lo_detiene_tambien_mientras_espera_lugar() {
    en_c_sin_descriptores(&["detener_sin_lugar"]);
}

#[test]
fn detener_despierta_da_su_plazo_corta_y_deja_libre_el_puerto() {
    if !exigir("gcc") {
        return;
    }
    let salida = correr(&["detener"]);
    salida.exigir_exito("detener");
    assert_eq!(salida.stdout, BIEN, "{salida}");
}

#[test]
fn mal_usado_es_un_error_y_nada_mas() {
    en_c(&["mal_usado"]);
}

#[test]
fn una_senial_sin_restart_lo_termina_este_esperando_lo_que_este() {
    en_c_sin_descriptores(&["seniales"]);
}

#[test]
fn cualquier_hilo_envia_a_cualquier_cliente_guardado() {
    en_c(&["guardadas"]);
}

#[test]
fn seiscientos_clientes_uno_tras_otro_no_dejan_nada() {
    en_c(&["uno_tras_otro"]);
}

#[test]
fn mil_clientes_a_la_vez_en_c() {
    en_c(&["mil", "1000", "100"]);
}

#[test]
fn cincuenta_clientes_bajo_valgrind() {
    con_valgrind(&["mil", "50", "20"]);
}

#[test]
fn de_quien_es_el_descriptor_bajo_valgrind() {
    con_valgrind(&["liberados"]);
}

#[test]
fn las_maneras_de_terminar_bajo_valgrind() {
    con_valgrind(&["finales"]);
    con_valgrind(&["mal_usado"]);
}

// ---------------------------------------------------------------------------------------------------------------------
// Desde Rust
// ---------------------------------------------------------------------------------------------------------------------

/// Un servidor que se atiende en otro hilo.
struct Atendido {
    servidor: Arc<Servidor>,
    puerto: String,
    hilo: JoinHandle<tp0::Resultado<()>>,
}

impl Atendido {
    fn nuevo(opciones: &Opciones, funcion: impl Fn(Conexion) + Send + Sync + 'static) -> Self {
        let servidor = Arc::new(Servidor::iniciar_con("127.0.0.1", "0", opciones).unwrap());
        let puerto = servidor.puerto().unwrap().to_string();
        let propio = Arc::clone(&servidor);
        let hilo = thread::spawn(move || propio.atender(funcion));
        Self { servidor, puerto, hilo }
    }

    fn conectar(&self) -> Conexion {
        Conexion::conectar("127.0.0.1", &self.puerto).unwrap()
    }

    /// Lo detiene, y exige que haya terminado bien y que el puerto esté libre en ese mismo momento. Dice cuánto tardó.
    fn detener(self) -> Duration {
        let desde = Instant::now();
        self.servidor.detener().unwrap();
        let tardo = desde.elapsed();
        self.hilo.join().unwrap().unwrap();
        let puerto = self.servidor.puerto();
        drop(self.servidor);
        TcpListener::bind(("127.0.0.1", self.puerto.parse().unwrap())).unwrap_or_else(|e| panic!("{puerto:?}: {e}"));
        tardo
    }
}

fn eco(mut cliente: Conexion) {
    while let Ok(Some(Recibido::Mensaje(texto))) = cliente.recibir() {
        let texto = texto.to_owned();
        if cliente.enviar_mensaje(&texto).is_err() {
            break;
        }
    }
}

#[track_caller]
fn conversar(conexion: &mut Conexion, texto: &str) {
    conexion.enviar_mensaje(texto).unwrap();
    match conexion.recibir().unwrap() {
        Some(Recibido::Mensaje(vuelta)) => assert_eq!(vuelta, texto),
        otro => panic!("esperaba el eco de {texto:?} y llegó {otro:?}"),
    }
}

#[test]
fn mil_clientes_a_la_vez_en_rust() {
    const CLIENTES: usize = 1000;
    const MENSAJES: usize = 100;
    if !exigir("gcc") {
        return;
    }
    assert!(comun::permitir_descriptores(2500), "hacen falta 2500 descriptores: ulimit -Hn");
    let adentro = Arc::new(AtomicUsize::new(0));
    let mayor = Arc::new(AtomicUsize::new(0));
    let contestados = Arc::new(AtomicUsize::new(0));
    let hilos: Arc<Mutex<HashSet<ThreadId>>> = Arc::default();
    let (suyo, su_mayor, sus_contestados, sus_hilos) =
        (Arc::clone(&adentro), Arc::clone(&mayor), Arc::clone(&contestados), Arc::clone(&hilos));
    let atendido = Atendido::nuevo(&Opciones::nuevas().plazo_de_cierre(PLAZO), move |mut cliente| {
        let ahora = suyo.fetch_add(1, Ordering::SeqCst) + 1;
        su_mayor.fetch_max(ahora, Ordering::SeqCst);
        sus_hilos.lock().unwrap().insert(thread::current().id());
        while let Ok(Some(Recibido::Mensaje(texto))) = cliente.recibir() {
            let texto = texto.to_owned();
            cliente.enviar_mensaje(&texto).unwrap();
            sus_contestados.fetch_add(1, Ordering::SeqCst);
        }
        suyo.fetch_sub(1, Ordering::SeqCst);
    });
    let clientes = correr(&["clientes", &atendido.puerto, &CLIENTES.to_string(), &MENSAJES.to_string()]);
    clientes.exigir_exito("los mil clientes");
    assert_eq!(clientes.stdout, BIEN, "{clientes}");
    comun::esperar_que("que salgan todos", comun::PLAZO, || adentro.load(Ordering::SeqCst) == 0);
    assert_eq!(mayor.load(Ordering::SeqCst), CLIENTES, "estuvieron todos a la vez");
    assert_eq!(contestados.load(Ordering::SeqCst), CLIENTES * MENSAJES);
    assert_eq!(hilos.lock().unwrap().len(), CLIENTES, "cada uno en su hilo");
    assert!(atendido.detener() < PLAZO, "no queda ninguno que esperar");
}

#[test]
fn el_panico_de_uno_no_molesta_a_los_demas() {
    let entraron = Arc::new(AtomicUsize::new(0));
    let suyo = Arc::clone(&entraron);
    let atendido = Atendido::nuevo(&Opciones::nuevas().plazo_de_cierre(PLAZO), move |mut cliente| {
        suyo.fetch_add(1, Ordering::SeqCst);
        match cliente.recibir() {
            Ok(Some(Recibido::Mensaje("romperse"))) => panic!("a propósito: lo dice la prueba"),
            Ok(Some(Recibido::Mensaje("volver"))) => {}
            _ => {
                cliente.enviar_mensaje("te escucho").unwrap();
                eco(cliente);
            }
        }
    });
    let mut testigos: Vec<Conexion> = (0..5).map(|_| atendido.conectar()).collect();
    for testigo in &mut testigos {
        testigo.enviar_mensaje("quedarse").unwrap();
        assert!(matches!(testigo.recibir().unwrap(), Some(Recibido::Mensaje("te escucho"))));
    }
    for i in 0..10 {
        let mut otro = atendido.conectar();
        otro.enviar_mensaje(if i % 2 == 0 { "romperse" } else { "volver" }).unwrap();
        assert!(otro.recibir().unwrap().is_none(), "su conexión se cerró en orden");
        testigos.iter_mut().for_each(|testigo| conversar(testigo, "a mí no me cambia nada"));
    }
    drop(testigos);
    assert!(atendido.detener() < PLAZO, "no queda ninguno que esperar");
    assert_eq!(entraron.load(Ordering::SeqCst), 15);
}

#[test]
fn en_rust_el_limite_y_el_plazo_de_cierre() {
    const PLAZO_DE_CIERRE: Duration = Duration::from_millis(300);
    let adentro = Arc::new(AtomicUsize::new(0));
    let mayor = Arc::new(AtomicUsize::new(0));
    let (suyo, su_mayor) = (Arc::clone(&adentro), Arc::clone(&mayor));
    let opciones = Opciones::nuevas().clientes_maximos(Some(2)).unwrap().plazo_de_cierre(PLAZO_DE_CIERRE);
    let atendido = Atendido::nuevo(&opciones, move |cliente| {
        su_mayor.fetch_max(suyo.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // El primero espera al segundo: que coincidan no depende de la suerte.
        comun::esperar_que("que haya dos a la vez", comun::PLAZO, || su_mayor.load(Ordering::SeqCst) >= 2);
        eco(cliente);
        suyo.fetch_sub(1, Ordering::SeqCst);
    });
    thread::scope(|hilos| {
        for _ in 0..12 {
            hilos.spawn(|| conversar(&mut atendido.conectar(), "mi turno"));
        }
    });
    comun::esperar_que("que salgan todos", comun::PLAZO, || adentro.load(Ordering::SeqCst) == 0);
    assert_eq!(mayor.load(Ordering::SeqCst), 2);

    // Uno que no se va: se lo corta al vencer el plazo.
    let mut queda = atendido.conectar();
    conversar(&mut queda, "me quedo");
    let tardo = atendido.detener();
    assert!(tardo >= PLAZO_DE_CIERRE, "tardó {tardo:?}");
    assert_eq!(adentro.load(Ordering::SeqCst), 0, "su función ya volvió");
    assert!(queda.recibir().unwrap().is_none());
}

#[test]
fn en_rust_dos_a_la_vez_dos_veces_desde_adentro_y_antes() {
    // Desde adentro sólo lo pide: si lo esperara, se esperaría a sí mismo.
    let servidor = Arc::new(Servidor::iniciar("127.0.0.1", "0").unwrap());
    let puerto = servidor.puerto().unwrap().to_string();
    let (propio, de_adentro) = (Arc::clone(&servidor), Arc::clone(&servidor));
    let volvio = Arc::new(AtomicBool::new(false));
    let su_volvio = Arc::clone(&volvio);
    let hilo = thread::spawn(move || {
        propio.atender(move |mut cliente| {
            let _ = cliente.recibir();
            de_adentro.detener().unwrap();
            de_adentro.detener().unwrap();
            su_volvio.store(true, Ordering::SeqCst);
            cliente.enviar_mensaje("me despido").unwrap();
        })
    });
    let mut conexion = Conexion::conectar("127.0.0.1", &puerto).unwrap();

    // Mientras, otro no lo puede atender.
    let desde_otro = servidor.atender(|_| {});
    assert!(matches!(desde_otro, Err(Error::Argumento(_))), "{desde_otro:?}");

    conexion.enviar_mensaje("terminemos").unwrap();
    assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Mensaje("me despido"))));
    hilo.join().unwrap().unwrap();
    assert!(volvio.load(Ordering::SeqCst));

    // Ya detenido: detenerlo otra vez no hace nada, y atenderlo termina enseguida, sin atender a nadie.
    servidor.detener().unwrap();
    assert!(servidor.atender(|_| -> () { panic!("no hay a quién") }).is_ok());
    assert!(matches!(servidor.esperar_cliente(), Err(Error::Liberado)));

    let nuevo = Servidor::iniciar("127.0.0.1", "0").unwrap();
    nuevo.detener().unwrap();
    assert!(nuevo.atender(|_| -> () { panic!("no hay a quién") }).is_ok());
}

#[test]
fn en_rust_los_malos_no_molestan_y_se_le_envia_a_cualquiera() {
    // El que entra a la lista sigue siendo atendido por su hilo: otro le envía por su emisor.
    let emisores: Arc<Mutex<Vec<tp0::Emisor>>> = Arc::default();
    let suyos = Arc::clone(&emisores);
    let opciones = Opciones::nuevas().plazo_de_cierre(Duration::from_millis(200));
    let atendido = Atendido::nuevo(&opciones, move |cliente| {
        suyos.lock().unwrap().push(cliente.emisor());
        eco(cliente);
    });
    let mut clientes: Vec<Conexion> = (0..4).map(|_| atendido.conectar()).collect();
    comun::esperar_que("que estén los cuatro", comun::PLAZO, || emisores.lock().unwrap().len() == 4);

    // Uno deja un mensaje por la mitad y otro muere; los cuatro siguen.
    let mut a_medias = std::net::TcpStream::connect(("127.0.0.1", atendido.puerto.parse::<u16>().unwrap())).unwrap();
    std::io::Write::write_all(&mut a_medias, &[1, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, b'a']).unwrap();
    drop(atendido.conectar());
    clientes.iter_mut().for_each(|cliente| conversar(cliente, "sigo"));

    // Tres hilos a todos: a cada uno le llegan enteros, y los de cada hilo en orden.
    let largo = |hilo: usize, numero: usize| if numero % 10 == 0 { 200_000 + hilo } else { 1 + numero * 37 };
    thread::scope(|hilos| {
        for cliente in &mut clientes {
            hilos.spawn(move || {
                let mut proximo = [0; 3];
                for _ in 0..3 * 40 {
                    let Some(Recibido::Mensaje(texto)) = cliente.recibir().unwrap() else { panic!("no es un texto") };
                    let quien = usize::from(texto.as_bytes()[0] - b'a');
                    assert_eq!(texto.len(), largo(quien, proximo[quien]));
                    assert!(texto.bytes().all(|byte| byte == texto.as_bytes()[0]), "entero, sin mezclarse");
                    proximo[quien] += 1;
                }
            });
        }
        for (hilo, letra) in ["a", "b", "c"].into_iter().enumerate() {
            let emisores = emisores.lock().unwrap()[..4].to_vec();
            hilos.spawn(move || {
                for numero in 0..40 {
                    for emisor in &emisores {
                        emisor.enviar_mensaje(&letra.repeat(largo(hilo, numero))).unwrap();
                    }
                }
            });
        }
    });
    emisores.lock().unwrap().clear();
    drop(clientes);
    atendido.detener();
    let abiertos = fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(abiertos > 0);
}
