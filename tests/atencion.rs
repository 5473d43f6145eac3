//! Muchos clientes a la vez, desde C (`tp0_atender`, `tp0_detener`: lo que prueba cada caso está en `muchos_atencion.c`) y desde
//! Rust (`Servidor::atender`, `detener`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "las ayudas de las pruebas fallan con un texto claro"
)]

mod comun;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use comun::{Proceso, compilar, enlace_tp0, exigir, orden, orden_valgrind, raiz};
use tp0::{Conexion, Error, Opciones, Recibido, Servidor};

const PLAZO: Duration = Duration::from_secs(110);

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    let compilarlo = || {
        let mut args = vec![format!("-I{}", raiz().join("include").display())];
        args.extend(enlace_tp0());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        compilar("muchos_atencion", &["muchos_atencion.c"], &args)
    };
    PROGRAMA.get_or_init(compilarlo).clone()
}

/// Miden tiempos, hilos y descriptores: de a una.
fn de_a_una() -> MutexGuard<'static, ()> {
    static TURNO: Mutex<()> = Mutex::new(());
    TURNO.lock().unwrap_or_else(|roto| roto.into_inner())
}

#[track_caller]
fn bien(mut comando: Command, args: &[&str]) {
    let salida = Proceso::lanzar({
        comando.args(args);
        comando
    })
    .terminar(PLAZO);
    salida.exigir_exito(&format!("muchos_atencion {args:?}"));
    assert_eq!(salida.lineas().last(), Some(&"todo bien"), "{salida}");
}

macro_rules! casos_en_c {
    ($($nombre:ident: $caso:literal,)*) => {$(
        #[test]
        fn $nombre() {
            let _turno = de_a_una();
            bien(orden(programa()), &[$caso]);
        }
    )*};
}

casos_en_c! {
    cada_cliente_tiene_su_hilo_y_su_descriptor: "concurrentes",
    el_descriptor_se_libera_al_volver_y_nunca_el_de_otro: "liberados",
    volver_antes_o_terminar_el_hilo_no_molesta_a_nadie: "finales",
    los_clientes_malos_no_molestan_a_cincuenta_buenos: "malos",
    con_limite_los_demas_esperan_su_lugar: "limite",
    sin_descriptores_espera_sin_girar_y_sigue: "sin_descriptores",
    detener_anda_aunque_no_haya_lugar: "detener_sin_lugar",
    detener_despierta_da_un_plazo_corta_une_y_libera_el_puerto: "detener",
    lo_mal_usado_falla_con_su_errno: "mal_usado",
    una_senial_sin_sa_restart_la_termina: "seniales",
    cualquier_hilo_envia_a_cualquier_conexion_guardada: "guardadas",
}

#[test]
fn mil_clientes_a_la_vez_cien_mensajes_cada_uno() {
    let _turno = de_a_una();
    bien(orden(programa()), &["mil", "1000", "100"]);
}

#[test]
fn bajo_valgrind_no_se_pierde_un_byte() {
    if !exigir("valgrind") {
        return;
    }
    let _turno = de_a_una();
    for args in [&["mil", "40", "5"][..], &["finales"], &["concurrentes"]] {
        bien(orden_valgrind(programa(), &["--trace-children=no"]), args);
    }
}

/// Un servidor de Rust que atiende en otro hilo.
fn atendiendo(
    opciones: &Opciones,
    funcion: impl Fn(Conexion) + Send + Sync + 'static,
) -> (Arc<Servidor>, String, thread::JoinHandle<tp0::Resultado<()>>) {
    let servidor = Arc::new(Servidor::iniciar_con("127.0.0.1", "0", opciones).unwrap());
    let puerto = servidor.puerto().unwrap().to_string();
    let otro = Arc::clone(&servidor);
    (servidor, puerto, thread::spawn(move || otro.atender(funcion)))
}

fn eco(mut conexion: Conexion) {
    loop {
        let texto = match conexion.recibir() {
            Ok(Some(Recibido::Mensaje(texto))) => texto.to_owned(),
            _ => return,
        };
        if conexion.enviar_mensaje(&texto).is_err() {
            return;
        }
    }
}

#[track_caller]
fn conversar(conexion: &mut Conexion, texto: &str) {
    conexion.enviar_mensaje(texto).unwrap();
    match conexion.recibir().unwrap() {
        Some(Recibido::Mensaje(vuelta)) => assert_eq!(vuelta, texto),
        otro => panic!("se esperaba {texto:?} y llegó {otro:?}"),
    }
}

#[test]
fn en_rust_mil_clientes_a_la_vez_cien_mensajes_cada_uno() {
    let _turno = de_a_una();
    let terminados = Arc::new(AtomicUsize::new(0));
    let contador = Arc::clone(&terminados);
    let (servidor, puerto, hilo) = atendiendo(&Opciones::nuevas(), move |conexion| {
        eco(conexion);
        contador.fetch_add(1, Ordering::SeqCst);
    });
    let mut clientes: Vec<Conexion> = (0..1000).map(|_| Conexion::conectar("127.0.0.1", &puerto).unwrap()).collect();
    for mensaje in 0..100 {
        for (cliente, conexion) in clientes.iter_mut().enumerate() {
            conexion.enviar_mensaje(&format!("{cliente}-{mensaje}")).unwrap();
        }
        for (cliente, conexion) in clientes.iter_mut().enumerate() {
            let esperado = format!("{cliente}-{mensaje}");
            assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Mensaje(texto)) if texto == esperado));
        }
    }
    drop(clientes);
    servidor.detener();
    hilo.join().unwrap().unwrap();
    assert_eq!(terminados.load(Ordering::SeqCst), 1000);
}

#[test]
fn en_rust_un_panic_es_de_un_solo_cliente() {
    let _turno = de_a_una();
    let (servidor, puerto, hilo) = atendiendo(&Opciones::nuevas(), |mut conexion| {
        if matches!(conexion.recibir(), Ok(Some(Recibido::Mensaje("romper")))) {
            panic!("a propósito");
        }
        eco(conexion);
    });
    let mut bueno = Conexion::conectar("127.0.0.1", &puerto).unwrap();
    bueno.enviar_mensaje("primero").unwrap();
    for _ in 0..5 {
        let mut roto = Conexion::conectar("127.0.0.1", &puerto).unwrap();
        roto.enviar_mensaje("romper").unwrap();
        assert!(matches!(roto.recibir(), Ok(None) | Err(Error::Reset)), "su conexión se cierra");
        conversar(&mut bueno, "sigo acá");
    }
    drop(bueno);
    servidor.detener();
    hilo.join().unwrap().unwrap();
}

#[test]
fn en_rust_detener_corta_al_que_no_termina_y_lo_que_queda_encolado() {
    let _turno = de_a_una();
    let opciones = Opciones::nuevas().plazo_de_cierre(Duration::from_millis(200));
    let (servidor, puerto, hilo) = atendiendo(&opciones, |mut conexion| {
        let _ = conexion.recibir();
        // Vuelve con mucho encolado para alguien que no lee: soltarlo no puede esperar para siempre.
        for _ in 0..400 {
            let _ = conexion.emisor().encolar(7, &[0; 60_000]);
        }
    });
    let callado = Conexion::conectar("127.0.0.1", &puerto).unwrap();
    let no_lee = Conexion::conectar("127.0.0.1", &puerto).unwrap();
    no_lee.enviar_mensaje("empezá").unwrap();
    thread::sleep(Duration::from_millis(100));
    let antes = Instant::now();
    servidor.detener();
    assert!(antes.elapsed() < Duration::from_secs(3), "tardó {:?}", antes.elapsed());
    hilo.join().unwrap().unwrap();
    assert!(matches!(Conexion::conectar("127.0.0.1", &puerto), Err(Error::NadieEscucha { .. })));
    drop((callado, no_lee));
}

#[test]
fn en_rust_el_limite_de_clientes_se_respeta() {
    let _turno = de_a_una();
    let adentro = Arc::new(AtomicUsize::new(0));
    let mayor = Arc::new(AtomicUsize::new(0));
    let (dentro, maximo) = (Arc::clone(&adentro), Arc::clone(&mayor));
    let opciones = Opciones::nuevas().clientes_maximos(Some(3)).unwrap();
    let (servidor, puerto, hilo) = atendiendo(&opciones, move |conexion| {
        maximo.fetch_max(dentro.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        eco(conexion);
        dentro.fetch_sub(1, Ordering::SeqCst);
    });
    let clientes: Vec<_> = (0..12)
        .map(|numero| {
            let puerto = puerto.clone();
            thread::spawn(move || {
                let mut conexion = Conexion::conectar("127.0.0.1", &puerto).unwrap();
                for mensaje in 0..5 {
                    conversar(&mut conexion, &format!("{numero}-{mensaje}"));
                }
            })
        })
        .collect();
    clientes.into_iter().for_each(|cliente| cliente.join().unwrap());
    servidor.detener();
    hilo.join().unwrap().unwrap();
    assert!((1..=3).contains(&mayor.load(Ordering::SeqCst)));
}

#[test]
fn en_rust_otro_hilo_recibe_aunque_un_emisor_este_trabado() {
    let _turno = de_a_una();
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let puerto = servidor.puerto().unwrap().to_string();
    let cliente = thread::spawn(move || {
        let conexion = Conexion::conectar("127.0.0.1", &puerto).unwrap();
        conexion.enviar_mensaje("hola").unwrap();
        conexion
    });
    let mut conexion = servidor.esperar_cliente().unwrap();
    let par = cliente.join().unwrap();
    let emisor = conexion.emisor();
    // El par no lee: esto se traba hasta que cierre.
    let trabado = thread::spawn(move || emisor.enviar(9, &vec![0; 32 * 1024 * 1024]));
    thread::sleep(Duration::from_millis(100));
    assert!(matches!(conexion.recibir(), Ok(Some(Recibido::Mensaje("hola")))));
    drop(par);
    assert!(trabado.join().unwrap().is_err());
}
