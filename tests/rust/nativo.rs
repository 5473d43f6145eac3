//! La biblioteca desde Rust, por su cara pública: iteradores, `AsFd`, mitades que se separan, envíos encolados, errores que se pueden
//! distinguir y un servidor que se detiene a tiempo aunque haya quien no lea.

use std::io::{Read, Write};
use std::iter::FusedIterator;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::comun::ajeno::{Ajeno, entero, mensaje, operacion, paquete, valores};
use crate::comun::{PLAZO, esperar_dormido, esperar_leido, esperar_que, este_hilo, pendientes, puerto_libre};
use tp0::{
    Conexion, Emisor, Error, Escritor, Lector, Ocupante, Opciones, Paquete, Parte, Receptor, Recibido, Servidor,
};

/// De sobra para lo que no tiene que esperar a nadie.
const PRONTO: Duration = Duration::from_secs(60);

/// Para mirar que algo no pasa.
const UN_RATO: Duration = Duration::from_millis(60);

/// Mientras un hilo está en `conectar`, los que escuchan en este mismo proceso contestan handshakes: con las pruebas de a una,
/// cada una ve sólo lo suyo.
fn de_a_una() -> MutexGuard<'static, ()> {
    static TURNO: Mutex<()> = Mutex::new(());
    TURNO.lock().unwrap_or_else(|veneno| veneno.into_inner())
}

/// Corre eso en otro hilo; si no termina a tiempo, la prueba falla en vez de quedar colgada.
#[track_caller]
fn a_tiempo<T: Send + 'static>(que: &str, plazo: Duration, cuerpo: impl FnOnce() -> T + Send + 'static) -> T {
    let (aviso, llegada) = mpsc::channel();
    let hilo = thread::spawn(move || {
        let _ = aviso.send(cuerpo());
    });
    match llegada.recv_timeout(plazo) {
        Ok(valor) => valor,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("pasaron {plazo:?} y no terminó: {que}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{que}: {:?}", hilo.join().unwrap_err()),
    }
}

/// Si en ese plazo pasa alguno de esos eventos.
fn listo(socket: &impl AsFd, eventos: i16, plazo: Duration) -> bool {
    let mut interes = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events: eventos, revents: 0 };
    let ms = i32::try_from(plazo.as_millis()).unwrap();
    // SAFETY: el arreglo es de uno, y el descriptor está prestado mientras dura la llamada.
    let cuantos = unsafe { libc::poll(&raw mut interes, 1, ms) };
    assert!(cuantos >= 0, "{}", std::io::Error::last_os_error());
    cuantos > 0
}

fn servidor_con(opciones: &Opciones) -> (Arc<Servidor>, String) {
    let servidor = Servidor::iniciar_con("127.0.0.1", "0", opciones).unwrap();
    let puerto = servidor.puerto().unwrap().to_string();
    (Arc::new(servidor), puerto)
}

/// Los dos lados de una conexión: el que se conectó y el que lo aceptó.
fn pareja() -> (Conexion, Conexion) {
    let (servidor, puerto) = servidor_con(&Opciones::nuevas());
    let cliente = Conexion::conectar("127.0.0.1", &puerto).unwrap();
    (cliente, servidor.esperar_cliente().unwrap())
}

/// Un par que escribe sus bytes a mano, y la conexión del otro lado.
fn con_un_ajeno(opciones: &Opciones) -> (Ajeno, Conexion) {
    let (servidor, puerto) = servidor_con(opciones);
    let mut ajeno = Ajeno::presentarse(puerto.parse().unwrap());
    let conexion = servidor.esperar_cliente().unwrap();
    assert_eq!(ajeno.leer(4), entero(0));
    (ajeno, conexion)
}

#[track_caller]
fn exigir_texto(conexion: &mut Conexion, esperado: &str) {
    match conexion.recibir() {
        Ok(Some(Recibido::Mensaje(texto))) => assert_eq!(texto, esperado),
        otro => panic!("se esperaba «{esperado}» y llegó {otro:?}"),
    }
}

#[test]
fn lo_que_se_comparte_entre_hilos() {
    fn pasa_de_hilo<T: Send + 'static>() {}
    fn se_comparte<T: Send + Sync + 'static>() {}
    fn termina_una_vez<T: FusedIterator>() {}
    pasa_de_hilo::<Conexion>();
    pasa_de_hilo::<Receptor>();
    se_comparte::<Emisor>();
    se_comparte::<Servidor>();
    se_comparte::<Opciones>();
    se_comparte::<Paquete>();
    se_comparte::<Error>();
    termina_una_vez::<tp0::Clientes<'_>>();
    let de_std: Box<dyn std::error::Error + Send + Sync> = Error::Fin.into();
    assert!(de_std.downcast_ref::<Error>().is_some_and(|error| matches!(error, Error::Fin)));
}

#[test]
fn los_clientes_uno_tras_otro_hasta_que_se_lo_detiene() {
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas());
    let otro = Arc::clone(&servidor);
    let (aviso, llegadas) = mpsc::channel();
    let hilo = thread::spawn(move || {
        let mut clientes = otro.clientes();
        for cliente in clientes.by_ref() {
            let Ok(mut cliente) = cliente else {
                aviso.send(format!("{:#?}", cliente.unwrap_err())).unwrap();
                break;
            };
            let Some(Recibido::Mensaje(texto)) = cliente.recibir().unwrap() else { panic!("no era un mensaje") };
            aviso.send(texto.to_owned()).unwrap();
        }
        assert!(clientes.next().is_none() && clientes.next().is_none(), "después del error no hay más");
    });
    for i in 0..5 {
        let conexion = Conexion::conectar("127.0.0.1", &puerto).unwrap();
        conexion.enviar_mensaje(&format!("soy {i}")).unwrap();
        assert_eq!(llegadas.recv_timeout(PRONTO).unwrap(), format!("soy {i}"));
    }
    servidor.detener().unwrap();
    assert_eq!(llegadas.recv_timeout(PRONTO).unwrap(), "Liberado");
    hilo.join().unwrap();
    servidor.detener().unwrap();
    assert!(matches!(servidor.clientes().next(), Some(Err(Error::Liberado))));
}

#[test]
fn sin_handshake_nadie_sale_de_la_cola_mientras_el_proceso_se_conecta() {
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas().sin_handshake());
    let _llego = TcpStream::connect(("127.0.0.1", puerto.parse().unwrap())).unwrap();
    let mudo = TcpListener::bind("127.0.0.1:0").unwrap();
    // Da lugar a más de una mirada a los vecinos.
    let opciones = Opciones::nuevas().espera(Some(Duration::from_millis(700)));
    let error = Conexion::conectar_a(mudo.local_addr().unwrap(), &opciones).unwrap_err();
    assert!(matches!(error, Error::PlazoDeHandshake { .. }), "{error}");
    assert!(listo(&*servidor, libc::POLLIN, Duration::ZERO), "el que llegó ya no se ve");
}

/// La biblioteca de Rust pone los suyos, sin SA_RESTART, para las señales de las fallas: no son del programa.
#[test]
fn una_senial_con_sa_restart_no_corta_la_espera() {
    extern "C" fn nada(_senial: libc::c_int) {}
    let manejador: extern "C" fn(libc::c_int) = nada;
    // SAFETY: todo en cero es una acción válida.
    let mut accion: libc::sigaction = unsafe { std::mem::zeroed() };
    (accion.sa_sigaction, accion.sa_flags) = (manejador as usize, libc::SA_RESTART);
    // SAFETY: la acción está viva, y el manejador no hace nada.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &raw const accion, std::ptr::null_mut()) }, 0);
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas());
    let (aviso, quien) = mpsc::channel();
    let espera = thread::spawn(move || {
        aviso.send(este_hilo()).unwrap();
        servidor.esperar_cliente_hasta(PLAZO).map(|cliente| cliente.is_some())
    });
    let quien = quien.recv_timeout(PRONTO).unwrap();
    // La primera lo puede encontrar durmiendo en otra cosa.
    for _ in 0..5 {
        if !espera.is_finished() {
            esperar_dormido(std::process::id(), quien);
            // SAFETY: si todavía está, es un hilo de este proceso, y la señal tiene quien la maneje.
            unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), quien, libc::SIGUSR1) };
        }
    }
    let _cliente = Ajeno::presentarse(puerto.parse().unwrap());
    assert!(matches!(a_tiempo("esperar", PLAZO, move || espera.join().unwrap()), Ok(true)));
}

#[test]
fn poll_dice_la_verdad() {
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas());
    assert!(!listo(&*servidor, libc::POLLIN, UN_RATO), "no llegó nadie");
    let mut ajenos = [Ajeno::presentarse(puerto.parse().unwrap()), Ajeno::presentarse(puerto.parse().unwrap())];
    for quedan in [1, 0] {
        assert!(listo(&*servidor, libc::POLLIN, PRONTO), "llegaron dos");
        let otro = Arc::clone(&servidor);
        let mut cliente = a_tiempo("aceptar al que avisó poll", PRONTO, move || otro.esperar_cliente().unwrap());
        assert_eq!(listo(&*servidor, libc::POLLIN, UN_RATO), quedan > 0, "quedan {quedan}");

        let ajeno = &mut ajenos[1 - quedan];
        assert_eq!(ajeno.leer(4), entero(0));
        assert!(listo(&cliente, libc::POLLOUT, PRONTO));
        assert!(!listo(&cliente, libc::POLLIN, UN_RATO), "no mandó nada");
        ajeno.escribir(&mensaje("uno"));
        assert!(listo(&cliente, libc::POLLIN, PRONTO));
        exigir_texto(&mut cliente, "uno");
        assert!(!listo(&cliente, libc::POLLIN, UN_RATO), "ya se leyó");
        ajeno.escribir(&[0, 0]);
        assert!(listo(&cliente, libc::POLLIN, PRONTO), "un pedazo de header también avisa");
        ajeno.escribir(&mensaje("dos")[2..]);
        exigir_texto(&mut cliente, "dos");

        let (mut receptor, emisor) = cliente.separar();
        assert!(!listo(&receptor, libc::POLLIN, Duration::ZERO) && listo(&emisor, libc::POLLOUT, Duration::ZERO));
        ajeno.no_escribo_mas();
        assert!(listo(&receptor, libc::POLLIN, PRONTO), "el final también avisa");
        assert!(receptor.recibir().unwrap().is_none());
    }
}

#[test]
fn las_dos_mitades_en_dos_hilos() {
    const MENSAJES: usize = 300;
    let _turno = de_a_una();
    let (cliente, servidor) = pareja();
    // Los dos lados mandan más de lo que entra en el medio, a la vez: si uno no leyera mientras manda, se trabarían.
    let lados: Vec<_> = [cliente, servidor]
        .into_iter()
        .map(|lado| {
            let (mut receptor, emisor) = lado.separar();
            let manda = thread::spawn(move || {
                for i in 0..MENSAJES {
                    let byte = u8::try_from(i % 251).unwrap();
                    emisor.enviar(i32::try_from(i).unwrap() + 2, &vec![byte; 40_000]).unwrap();
                }
                emisor
            });
            let recibe = thread::spawn(move || {
                for i in 0..MENSAJES {
                    let Ok(Some(Recibido::Otro { codigo, payload })) = receptor.recibir() else {
                        panic!("falta el {i}")
                    };
                    assert_eq!((codigo, payload.len()), (i32::try_from(i).unwrap() + 2, 40_000));
                    assert!(payload.iter().all(|byte| usize::from(*byte) == i % 251));
                }
                receptor
            });
            (manda, recibe)
        })
        .collect();
    let mitades = a_tiempo("ir y venir a la vez", PLAZO, move || {
        lados.into_iter().map(|(manda, recibe)| (manda.join().unwrap(), recibe.join().unwrap())).collect::<Vec<_>>()
    });
    // El socket se cierra con la última mitad, no con la primera.
    let [(emisor, receptor), (otro_emisor, mut otro_receptor)] = <[_; 2]>::try_from(mitades).unwrap();
    drop(receptor);
    emisor.enviar_mensaje("todavía").unwrap();
    assert!(matches!(otro_receptor.recibir().unwrap(), Some(Recibido::Mensaje("todavía"))));
    assert!(otro_emisor.activa());
    drop(emisor);
    assert!(otro_receptor.recibir().unwrap().is_none());
    assert!(!otro_emisor.activa());
}

#[test]
fn lo_encolado_sale_en_orden_y_cuando_tiene_que_salir() {
    let _turno = de_a_una();
    let (mut conexion, mut otro) = pareja();
    let (uno, dos) = (conexion.emisor(), conexion.emisor());

    uno.encolar_mensaje("1").unwrap();
    dos.encolar(7, b"2").unwrap();
    uno.encolar_paquete(Paquete::nuevo().agregar(b"3").unwrap()).unwrap();
    assert!(!listo(&otro, libc::POLLIN, UN_RATO), "encolado no es enviado");
    conexion.enviar_mensaje("4").unwrap();
    exigir_texto(&mut otro, "1");
    assert!(matches!(otro.recibir().unwrap(), Some(Recibido::Otro { codigo: 7, payload: b"2" })));
    assert!(matches!(otro.recibir().unwrap(), Some(Recibido::Paquete(p)) if p.valores().eq([b"3"])));
    exigir_texto(&mut otro, "4");

    uno.encolar_mensaje("5").unwrap();
    dos.vaciar().unwrap();
    exigir_texto(&mut otro, "5");
    dos.vaciar().unwrap();
    assert!(!listo(&otro, libc::POLLIN, UN_RATO), "no sale dos veces");

    // Recibir también vacía, de cualquiera de las dos maneras: quien encola una pregunta y espera su respuesta no queda colgado.
    let maneras: [fn(&mut Conexion); 2] = [
        |conexion| exigir_texto(conexion, "seis"),
        |conexion| assert!(matches!(conexion.recibir_crudo(), Ok(Some(crudo)) if crudo.payload() == b"seis\0")),
    ];
    for recibir in maneras {
        uno.encolar_mensaje("¿seis?").unwrap();
        let eco = thread::spawn(move || {
            exigir_texto(&mut otro, "¿seis?");
            otro.enviar_mensaje("seis").unwrap();
            otro
        });
        (conexion, otro) = a_tiempo("la respuesta a lo encolado", PRONTO, move || {
            recibir(&mut conexion);
            (conexion, eco.join().unwrap())
        });
    }

    // Difundir no adelanta lo encolado.
    uno.encolar_mensaje("8").unwrap();
    assert!(tp0::difundir(std::slice::from_ref(&dos), Paquete::nuevo().agregar(b"7").unwrap()).is_empty());
    assert!(matches!(otro.recibir().unwrap(), Some(Recibido::Paquete(p)) if p.valores().eq([b"7"])));

    // Al soltar la última mitad, y ninguna antes, sale lo que quedaba.
    let (receptor, tres) = conexion.separar();
    tres.encolar_mensaje("9").unwrap();
    drop((receptor, uno, tres));
    assert!(!listo(&otro, libc::POLLIN, UN_RATO));
    drop(dos);
    exigir_texto(&mut otro, "8");
    exigir_texto(&mut otro, "9");
    assert!(otro.recibir().unwrap().is_none());
}

#[test]
fn lo_encolado_no_crece_sin_fin_aunque_el_otro_no_lea() {
    const MENSAJE: usize = 1_000;
    const CABEN: usize = 64 * 1024;
    let _turno = de_a_una();
    let (conexion, otro) = pareja();
    let (emisor, encolados) = (conexion.emisor(), Arc::new(AtomicUsize::new(0)));
    let cuenta = Arc::clone(&encolados);
    let (aviso, quien) = mpsc::channel();
    let hilo = thread::spawn(move || {
        aviso.send(este_hilo()).unwrap();
        // Mucho más de lo que el núcleo guarda de los dos lados.
        (0..64_000).find_map(|_| {
            cuenta.fetch_add(MENSAJE, Ordering::SeqCst);
            emisor.encolar(3, &[0; MENSAJE - 8]).err()
        })
    });
    // Se traba al enviar, con la cola llena: el otro no lee.
    esperar_dormido(std::process::id(), quien.recv_timeout(PRONTO).unwrap());
    // Lo que no está en el núcleo, de un lado o del otro, está en la cola. Lo que llegó y todavía no se confirmó se cuenta dos veces: se espera.
    let en_el_nucleo = || pendientes(&conexion, libc::TIOCOUTQ) + pendientes(&otro, libc::FIONREAD);
    let en_la_cola = || encolados.load(Ordering::SeqCst).checked_sub(en_el_nucleo());
    esperar_que("la cola no pase de lo que le cabe", PRONTO, || en_la_cola().is_some_and(|hay| hay <= CABEN + MENSAJE));
    assert!(!hilo.is_finished());
    drop(otro);
    assert!(a_tiempo("el que encolaba", PRONTO, move || hilo.join().unwrap()).is_some(), "se entera de que se fue");
}

#[test]
fn nadie_se_adelanta_a_lo_encolado_que_espera_su_turno() {
    let _turno = de_a_una();
    let (conexion, mut otro) = pareja();
    let dormido = |hacer: fn(&Emisor) -> tp0::Resultado<()>| {
        let (emisor, (aviso, quien)) = (conexion.emisor(), mpsc::channel());
        let hilo = thread::spawn(move || {
            aviso.send(este_hilo()).unwrap();
            hacer(&emisor).unwrap();
        });
        let quien = quien.recv_timeout(PRONTO).unwrap();
        esperar_dormido(std::process::id(), quien);
        (hilo, quien)
    };
    // No entra en el núcleo: tiene el turno hasta que el otro lea.
    let (traba, _) = dormido(|emisor| emisor.enviar(7, &vec![0; 12 * 1024 * 1024]));
    conexion.emisor().encolar(8, b"").unwrap();
    let (vacia, quien) = dormido(Emisor::vaciar);
    let (envia, _) = dormido(|emisor| emisor.enviar(9, b""));
    // A quien duerme, una señal lo manda al final de la fila.
    let corrio = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(libc::SIGUSR1, Arc::clone(&corrio)).unwrap();
    // SAFETY: no toca memoria; el hilo es de este proceso, y no terminó.
    assert_eq!(unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), quien, libc::SIGUSR1) }, 0);
    esperar_que("corra el manejador", PLAZO, || corrio.load(Ordering::SeqCst));
    esperar_dormido(std::process::id(), quien);
    for esperado in [7, 8, 9] {
        assert!(matches!(otro.recibir(), Ok(Some(Recibido::Otro { codigo, .. })) if codigo == esperado), "{esperado}");
    }
    for hilo in [traba, vacia, envia] {
        hilo.join().unwrap();
    }
}

#[test]
fn mucho_encolado_sale_entero_y_en_orden() {
    let _turno = de_a_una();
    let (conexion, mut otro) = pareja();
    let emisor = conexion.emisor();
    let hilo = thread::spawn(move || {
        for i in 0..20_000_u32 {
            emisor.encolar(3, &Escritor::nuevo().u32(i).texto("relleno").unwrap().terminar()).unwrap();
        }
        emisor.encolar(4, &vec![9; 300_000]).unwrap();
        drop(conexion);
    });
    for i in 0..20_000 {
        let Some(Recibido::Otro { codigo: 3, payload }) = otro.recibir().unwrap() else { panic!("falta el {i}") };
        let mut lector = Lector::de(payload);
        assert_eq!((lector.u32().unwrap(), lector.texto().unwrap()), (i, "relleno"));
    }
    assert!(
        matches!(otro.recibir().unwrap(), Some(Recibido::Otro { codigo: 4, payload }) if payload == vec![9; 300_000])
    );
    assert!(otro.recibir().unwrap().is_none());
    hilo.join().unwrap();
}

#[test]
fn cada_error_se_distingue_y_se_explica() {
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas());
    let libre = puerto_libre().to_string();
    let rechazado = {
        let (otro, de_otro) = servidor_con(&Opciones::nuevas().handshake(8));
        let error = Conexion::conectar("127.0.0.1", &de_otro).unwrap_err();
        drop(otro);
        error
    };
    let limite = Opciones::nuevas().tamanio_maximo(10).unwrap();
    let _cliente = Conexion::conectar_con("127.0.0.1", &puerto, &limite).unwrap();
    let errores = [
        (
            Servidor::iniciar("127.0.0.1", &puerto).unwrap_err(),
            libc::EADDRINUSE,
            format!("lo tiene este mismo proceso ({})", std::process::id()),
        ),
        (
            Conexion::conectar("127.0.0.1", &libre).unwrap_err(),
            libc::ECONNREFUSED,
            format!("no hay nadie escuchando en 127.0.0.1:{libre}"),
        ),
        (Conexion::conectar("127.0.0.300", "4444").unwrap_err(), libc::EINVAL, "127.0.0.300".to_owned()),
        (Conexion::conectar("127.0.0.1", "puerto").unwrap_err(), libc::EINVAL, "puerto".to_owned()),
        (Conexion::conectar("127.0.0.1", "65536").unwrap_err(), libc::EINVAL, "65536".to_owned()),
        (rechazado, libc::EPROTO, "le mostramos 1 y contestó -1".to_owned()),
        (
            _cliente.enviar(5, &[0; 11]).unwrap_err(),
            libc::EMSGSIZE,
            "El payload tiene 11 bytes y el límite es 10".to_owned(),
        ),
        (_cliente.enviar(-5, b"").unwrap_err(), libc::EINVAL, "-5".to_owned()),
        (
            Lector::de(&[1, 2, 3]).u32().unwrap_err(),
            libc::EPROTO,
            "Quedan 3 bytes y pediste 4: ¿mismo orden de lectura".to_owned(),
        ),
    ];
    for (error, errno, texto) in &errores {
        assert_eq!(error.errno(), *errno, "{error:?}");
        let dicho = error.to_string();
        assert!(dicho.contains(texto) && !dicho.contains('\n'), "«{dicho}» no dice «{texto}»");
    }
    let ocupante = Ocupante::Proceso { pid: std::process::id(), nombre: String::new() };
    let [en_uso, nadie, ip, texto, rango, rechazado, grande, negativo, corto] = errores.map(|(error, ..)| error);
    assert!(
        matches!(en_uso, Error::PuertoEnUso { ocupante: Some(o), .. } if std::mem::discriminant(&o) == std::mem::discriminant(&ocupante))
    );
    assert!(matches!(nadie, Error::NadieEscucha { direccion, .. } if direccion.port().to_string() == libre));
    assert!(matches!((ip, texto, rango), (Error::Ip { .. }, Error::Puerto { .. }, Error::Puerto { .. })));
    assert!(matches!(rechazado, Error::HandshakeRechazado { mostrado: 1, .. }));
    assert!(matches!(grande, Error::DemasiadoGrande { tamanio: 11, limite: 10, .. }));
    assert!(matches!(negativo, Error::Argumento(_)));
    assert!(matches!(corto, Error::BufferCorto { quedan: 3, pedidos: 4, .. }));
    drop(servidor);
}

/// Después de cada final malo la conexión no sirve más, y lo dice igual todas las veces.
#[test]
fn despues_de_un_error_de_protocolo_la_conexion_esta_terminada() {
    let _turno = de_a_una();
    type EsElEsperado = fn(&Error) -> bool;
    let casos: [(Vec<u8>, bool, EsElEsperado); 6] = [
        (entero(-2), false, |e| matches!(e, Error::CodigoNegativo { codigo: -2, .. })),
        ([entero(0), entero(-1)].concat(), false, |e| matches!(e, Error::TamanioNegativo { tamanio: -1, .. })),
        ([entero(9), entero(1001)].concat(), false, |e| {
            matches!(e, Error::LlegaDemasiado { tamanio: 1001, limite: 1000, .. })
        }),
        (vec![0, 0, 0], true, |e| {
            matches!(e, Error::FinEnElMedio { parte: Parte::Codigo, llegaron: 3, esperados: 4, .. })
        }),
        ([entero(0), vec![5, 0]].concat(), true, |e| {
            matches!(e, Error::FinEnElMedio { parte: Parte::Tamanio, llegaron: 2, esperados: 4, .. })
        }),
        (mensaje("hola")[..10].to_vec(), true, |e| {
            matches!(e, Error::FinEnElMedio { parte: Parte::Payload, llegaron: 2, esperados: 5, .. })
        }),
    ];
    for (bytes, cierra, es_el_esperado) in casos {
        let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas().tamanio_maximo(1000).unwrap());
        ajeno.escribir(&[mensaje("antes"), bytes.clone()].concat());
        if cierra {
            ajeno.no_escribo_mas();
        } else {
            ajeno.escribir(&mensaje("después"));
        }
        let recibidos = a_tiempo("el error", PRONTO, move || {
            exigir_texto(&mut conexion, "antes");
            let primero = conexion.recibir().unwrap_err();
            let despues: Vec<_> = (0..3).map(|_| conexion.recibir().unwrap_err()).collect();
            (primero, despues, conexion.enviar_mensaje("¿hola?"))
        });
        let (primero, despues, envio) = recibidos;
        assert!(es_el_esperado(&primero), "{bytes:?}: {primero:?}");
        assert!(despues.iter().all(|error| matches!(error, Error::Terminada)), "{bytes:?}: {despues:?}");
        assert!(envio.is_err(), "{bytes:?}: por una conexión terminada no se envía");
    }
}

#[test]
fn un_mensaje_que_no_se_entiende_no_termina_la_conexion() {
    let _turno = de_a_una();
    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
    let largo_que_miente = operacion(1, &[valores(&[b"bien"]), entero(50), b"x".to_vec()].concat());
    let largo_negativo = operacion(1, &entero(-4));
    let sobran = operacion(1, &[valores(&[b"bien"]), b"abc".to_vec()].concat());
    let no_utf8 = operacion(0, b"\xff\xfe\0");
    let todo =
        [no_utf8.clone(), mensaje("1"), largo_que_miente, largo_negativo, sobran, no_utf8, mensaje("2")].concat();
    ajeno.escribir(&todo);

    let error = conexion.recibir().unwrap_err();
    assert!(matches!(error, Error::Texto { .. }) && error.errno() == libc::EPROTO);
    assert!(error.to_string().starts_with("Llegó un texto que no es UTF-8: "), "{error}");
    exigir_texto(&mut conexion, "1");
    assert!(matches!(conexion.recibir(), Err(Error::LargoMentiroso { largo: 50, quedan: 1, .. })));
    assert!(matches!(conexion.recibir(), Err(Error::LargoMentiroso { largo: -4, quedan: 0, .. })));
    assert!(matches!(conexion.recibir(), Err(Error::SobranBytes { sobran: 3, .. })));
    assert!(matches!(conexion.recibir(), Err(Error::Texto { .. })));
    exigir_texto(&mut conexion, "2");
    conexion.enviar_mensaje("y en el otro sentido").unwrap();
    let esperado = mensaje("y en el otro sentido");
    assert_eq!(ajeno.leer(esperado.len()), esperado);
    ajeno.no_escribo_mas();
    assert!(conexion.recibir().unwrap().is_none());
    assert!(conexion.recibir().unwrap().is_none(), "el final es el final todas las veces");
}

#[test]
fn mensajes_grandes_y_mensajes_que_son_solo_su_header() {
    const GRANDE: usize = 5 * 1024 * 1024;
    let _turno = de_a_una();
    let (mut conexion, mut otro) = pareja();
    let valor: Vec<u8> = (0..GRANDE).map(|i| u8::try_from(i % 253).unwrap()).collect();
    let texto = "ñ".repeat(GRANDE / 2);
    let eco = thread::spawn(move || {
        let emisor = otro.emisor();
        while let Some(recibido) = otro.recibir().unwrap() {
            match recibido {
                Recibido::Mensaje(texto) => emisor.enviar_mensaje(texto).unwrap(),
                Recibido::Otro { codigo, payload } => emisor.enviar(codigo, payload).unwrap(),
                Recibido::Paquete(paquete) => {
                    let mut vuelta = Paquete::nuevo();
                    paquete.valores().for_each(|valor| vuelta.agregar(valor).map(|_| ()).unwrap());
                    emisor.enviar_paquete(&vuelta).unwrap();
                }
                otro => panic!("{otro:?}"),
            }
        }
    });
    a_tiempo("el eco", PLAZO, move || {
        conexion
            .enviar_paquete(Paquete::nuevo().agregar(b"").unwrap().agregar(&valor).unwrap().agregar(b"fin").unwrap())
            .unwrap();
        let Some(Recibido::Paquete(vuelta)) = conexion.recibir().unwrap() else { panic!("no era un paquete") };
        assert!(vuelta.valores().eq([b"".as_slice(), &valor, b"fin"]));
        conexion.enviar_mensaje(&texto).unwrap();
        assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Mensaje(vuelta)) if vuelta == texto));
        conexion.enviar(i32::MAX, &valor).unwrap();
        assert!(
            matches!(conexion.recibir().unwrap(), Some(Recibido::Otro { codigo: i32::MAX, payload }) if payload == valor)
        );

        conexion.enviar(7, b"").unwrap();
        assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Otro { codigo: 7, payload: b"" })));
        conexion.enviar_mensaje("").unwrap();
        exigir_texto(&mut conexion, "");
        conexion.enviar(0, b"").unwrap();
        exigir_texto(&mut conexion, "");
        conexion.enviar_paquete(&Paquete::nuevo()).unwrap();
        assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Paquete(p)) if p.valores().next().is_none()));
    });
    eco.join().unwrap();
}

/// Un campo de `/proc/self/status`, en MiB.
fn mib(campo: &str) -> i64 {
    let estado = std::fs::read_to_string("/proc/self/status").unwrap();
    let linea = estado.lines().find_map(|linea| linea.strip_prefix(campo)).unwrap();
    linea.trim_matches(|c: char| !c.is_ascii_digit()).parse::<i64>().unwrap() / 1024
}

/// Lo que este proceso llega a ocupar de más mientras corre eso, y lo que le queda ocupado después; en MiB.
fn lo_que_ocupa(cuerpo: impl FnOnce()) -> (i64, i64) {
    let antes = mib("VmRSS:");
    // El máximo se vuelve a contar desde lo que ocupa ahora.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    cuerpo();
    (mib("VmHWM:") - antes, mib("VmRSS:") - antes)
}

#[test]
fn la_memoria_es_la_de_lo_que_llega_y_la_de_uno_enorme_se_devuelve() {
    const ANUNCIADO: usize = 64 * 1024 * 1024;
    /// Más de lo que se pide de entrada.
    const LLEGA: usize = 20_000;
    const ENORME: usize = 50 * 1024 * 1024;
    let _turno = de_a_una();
    let mut conexiones = Vec::new();
    let (llego_a, _) = lo_que_ocupa(|| {
        for _ in 0..10 {
            let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
            ajeno.escribir(&[entero(9), entero(i32::try_from(ANUNCIADO).unwrap()), vec![7; LLEGA]].concat());
            ajeno.no_escribo_mas();
            let error = conexion.recibir().unwrap_err();
            assert!(matches!(error, Error::FinEnElMedio { llegaron: LLEGA, esperados: ANUNCIADO, .. }), "{error:?}");
            conexiones.push(conexion);
        }
    });
    assert!(llego_a < 32, "con diez anuncios de 64 MiB y 20 kB de cada uno, la memoria creció {llego_a} MiB");

    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
    let envia = thread::spawn(move || {
        ajeno.escribir(&[entero(9), entero(i32::try_from(ENORME).unwrap())].concat());
        let pedazo = vec![7; 1024 * 1024];
        (0..50).for_each(|_| ajeno.escribir(&pedazo));
        ajeno.escribir(&mensaje("y otro"));
        ajeno
    });
    let (llego_a, quedo) = lo_que_ocupa(|| {
        let Ok(Some(Recibido::Otro { codigo: 9, payload })) = conexion.recibir() else { panic!("no llegó el enorme") };
        assert!(payload.len() == ENORME && payload.iter().all(|byte| *byte == 7));
        exigir_texto(&mut conexion, "y otro");
    });
    envia.join().unwrap();
    assert!(llego_a < 150, "para uno de 50 MiB la memoria creció {llego_a} MiB");
    assert!(quedo < 32, "con el siguiente quedan {quedo} MiB del enorme");
}

#[test]
fn un_error_de_protocolo_despierta_a_quien_envia() {
    let _turno = de_a_una();
    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
    let emisor = conexion.emisor();
    let trabado = thread::spawn(move || emisor.enviar(9, &vec![5; 30_000_000]));
    assert_eq!(ajeno.leer(4), entero(9), "ya está adentro, y lo demás no entra");
    ajeno.escribir(&entero(-2));
    ajeno.escribir(&entero(-2));
    assert!(matches!(conexion.recibir(), Err(Error::CodigoNegativo { codigo: -2, .. })));
    let enviado = a_tiempo("el que envía", PLAZO, move || trabado.join().unwrap());
    assert!(matches!(enviado, Err(Error::ParIdo)), "{enviado:?}");
}

#[test]
fn lo_que_llega_de_a_un_byte_se_arma_igual() {
    let _turno = de_a_una();
    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
    let hilo = thread::spawn(move || {
        for byte in [mensaje("gota a gota"), operacion(9, b""), paquete(&[b"a", b"", b"bc"])].concat() {
            ajeno.escribir(&[byte]);
            thread::sleep(Duration::from_millis(1));
        }
    });
    exigir_texto(&mut conexion, "gota a gota");
    assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Otro { codigo: 9, payload: b"" })));
    assert!(
        matches!(conexion.recibir().unwrap(), Some(Recibido::Paquete(p)) if p.valores().eq([b"a".as_slice(), b"", b"bc"]))
    );
    assert!(conexion.recibir().unwrap().is_none());
    hilo.join().unwrap();
}

#[test]
fn los_plazos_mas_largos_que_se_pueden_escribir() {
    let _turno = de_a_una();
    let eternas =
        Opciones::nuevas().espera(Some(Duration::MAX)).reintentos(Duration::MAX).plazo_de_cierre(Duration::MAX);
    let eternas =
        eternas.keepalive(Some(Duration::from_secs(32_767))).unwrap().clientes_maximos(Some(usize::MAX)).unwrap();
    for segundos in [0, 1, 2, 32_768, u64::MAX] {
        assert!(
            matches!(Opciones::nuevas().keepalive(Some(Duration::from_secs(segundos))), Err(Error::Argumento(_))),
            "{segundos}"
        );
    }
    assert!(matches!(Opciones::nuevas().clientes_maximos(Some(0)), Err(Error::Argumento(_))));
    assert!(matches!(Opciones::nuevas().tamanio_maximo(0), Err(Error::Argumento(_))));

    // El servidor todavía no está: se reintenta hasta que aparece.
    let puerto = puerto_libre().to_string();
    let (el_puerto, opciones) = (puerto.clone(), eternas.clone());
    let (aviso, quien) = mpsc::channel();
    let cliente = thread::spawn(move || {
        aviso.send(este_hilo()).unwrap();
        Conexion::conectar_con("127.0.0.1", &el_puerto, &opciones)
    });
    // Ya lo rechazaron: duerme hasta el próximo intento.
    esperar_dormido(std::process::id(), quien.recv_timeout(PRONTO).unwrap());
    let servidor = Arc::new(Servidor::iniciar_con("127.0.0.1", &puerto, &eternas).unwrap());
    let otro = Arc::clone(&servidor);
    let atiende = thread::spawn(move || {
        otro.atender(|mut cliente| {
            while let Ok(Some(Recibido::Mensaje(texto))) = cliente.recibir() {
                let texto = texto.to_owned();
                cliente.enviar_mensaje(&texto).unwrap();
            }
        })
    });
    let mut cliente = a_tiempo("conectar", PRONTO, move || cliente.join().unwrap().unwrap());
    cliente.enviar_mensaje("hola").unwrap();
    exigir_texto(&mut cliente, "hola");

    // Detener espera para siempre, si hace falta; pero no después de que el último se fue.
    let otro = Arc::clone(&servidor);
    let detiene = thread::spawn(move || otro.detener().unwrap());
    esperar_que("detener deja de escuchar", PRONTO, || {
        TcpStream::connect(("127.0.0.1", puerto.parse().unwrap())).is_err()
    });
    cliente.enviar_mensaje("sigo").unwrap();
    exigir_texto(&mut cliente, "sigo");
    assert!(!detiene.is_finished(), "hay un cliente, y el plazo no vence nunca");
    drop(cliente);
    a_tiempo("detener", PRONTO, move || (detiene.join().unwrap(), atiende.join().unwrap().unwrap()));

    // Cero también vale: no espera nada.
    let (servidor, puerto) = servidor_con(&Opciones::nuevas().plazo_de_cierre(Duration::ZERO));
    let otro = Arc::clone(&servidor);
    let atiende = thread::spawn(move || otro.atender(|mut cliente| assert!(!matches!(cliente.recibir(), Ok(Some(_))))));
    let mut cliente =
        Conexion::conectar_con("127.0.0.1", &puerto, &Opciones::nuevas().reintentos(Duration::ZERO)).unwrap();
    a_tiempo("detener sin plazo", PRONTO, move || servidor.detener().unwrap());
    atiende.join().unwrap().unwrap();
    assert!(!matches!(cliente.recibir(), Ok(Some(_))));
}

/// Manda hasta que no entra más: el otro lado no lee.
fn llenar(conexion: &Conexion) {
    // Con poco lugar de este lado, lo que falte para llenarse es mucho menos que lo que se encola después.
    socket2::SockRef::from(conexion).set_send_buffer_size(4096).unwrap();
    let limite = Instant::now() + PRONTO;
    while listo(conexion, libc::POLLOUT, Duration::from_millis(100)) {
        assert!(Instant::now() < limite, "nunca se llena");
        conexion.enviar(9, &[0; 512]).unwrap();
    }
}

/// Lo que quedaba por leer hasta el final, que puede ser un corte.
fn lo_que_quedaba(mut socket: &TcpStream) -> Vec<u8> {
    let mut todo = Vec::new();
    let _ = socket.read_to_end(&mut todo);
    todo
}

#[test]
fn detener_no_espera_al_que_no_lee_lo_que_quedo_encolado() {
    const PLAZO_DE_CIERRE: Duration = Duration::from_millis(300);
    const ENCOLADO: usize = 60_000;
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas().plazo_de_cierre(PLAZO_DE_CIERRE));
    let otro = Arc::clone(&servidor);
    let (aviso, vuelta) = mpsc::channel();
    let atiende = thread::spawn(move || {
        otro.atender(move |cliente| {
            llenar(&cliente);
            cliente.emisor().encolar(9, &[1; ENCOLADO]).unwrap();
            aviso.send(este_hilo()).unwrap();
        })
    });
    let ajeno = Ajeno::con_handshake(puerto.parse().unwrap());
    let quien = vuelta.recv_timeout(PLAZO).expect("la función tenía que volver");
    // Volvió, y su hilo quedó enviando lo encolado.
    esperar_dormido(std::process::id(), quien);
    a_tiempo("detener", PLAZO_DE_CIERRE + PRONTO, move || servidor.detener().unwrap());
    a_tiempo("atender", PRONTO, move || atiende.join().unwrap().unwrap());
    // Y al que no leía lo cortó: lo que ya estaba en camino se lee, y ahí termina; lo encolado no llega entero.
    let quedaba = a_tiempo("el final", PRONTO, move || lo_que_quedaba(&ajeno.socket()));
    assert!(!quedaba.is_empty() && !quedaba.ends_with(&[1; ENCOLADO]));
}

#[test]
fn recibir_no_espera_al_emisor_que_quedo_trabado() {
    const GRANDE: usize = 3 * 1024 * 1024;
    let _turno = de_a_una();
    // Enviando uno, o lo que tenía encolado.
    for encolado in [false, true] {
        let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
        socket2::SockRef::from(&conexion).set_send_buffer_size(64 * 1024).unwrap();
        ajeno.escribir(&mensaje("ya había llegado"));
        let emisor = conexion.emisor();
        emisor.encolar_mensaje("primero").unwrap();
        let trabado = thread::spawn(move || match encolado {
            false => emisor.enviar(9, &vec![5; GRANDE]),
            true => emisor.encolar(9, &vec![5; GRANDE]).and_then(|()| emisor.vaciar()),
        });
        esperar_que("el emisor se traba", PRONTO, || !listo(&conexion, libc::POLLOUT, Duration::from_millis(200)));
        assert!(!trabado.is_finished());

        let mut conexion = a_tiempo("recibir lo que ya estaba", PRONTO, move || {
            exigir_texto(&mut conexion, "ya había llegado");
            conexion
        });
        ajeno.escribir(&mensaje("y esto llegó después"));
        let conexion = a_tiempo("recibir lo que llega", PRONTO, move || {
            exigir_texto(&mut conexion, "y esto llegó después");
            conexion
        });
        assert!(!trabado.is_finished(), "sigue esperando que lean");

        // Cuando por fin lee, le llega todo, entero y en orden.
        let primero = mensaje("primero");
        assert_eq!(ajeno.leer(primero.len()), primero);
        assert_eq!(ajeno.leer(8), [entero(9), entero(i32::try_from(GRANDE).unwrap())].concat());
        assert!(ajeno.leer(GRANDE).iter().all(|byte| *byte == 5));
        trabado.join().unwrap().unwrap();
        drop(conexion);
    }
}

#[test]
fn enviar_con_plazo_no_espera_mas_que_eso() {
    let _turno = de_a_una();
    a_tiempo("enviar con plazo", PLAZO, enviar_con_plazo);
}

fn enviar_con_plazo() {
    const CORTO: Duration = Duration::from_millis(50);
    const GRANDE: usize = 16 * 1024 * 1024;
    // Donde hay lugar, sale ya: hasta con plazo cero, y con uno que no entra en el reloj.
    let (mut ajeno, conexion) = con_un_ajeno(&Opciones::nuevas());
    conexion.enviar_hasta("ya", Duration::ZERO).unwrap();
    conexion.enviar_hasta(&(7, b"nunca"), Duration::MAX).unwrap();
    let esperado = [mensaje("ya"), [entero(7), entero(5)].concat(), b"nunca".to_vec()].concat();
    assert_eq!(ajeno.leer(esperado.len()), esperado);
    assert!(matches!(conexion.enviar_hasta(&(-1, b""), CORTO), Err(Error::Argumento(_))));

    // Donde no, se cumple el plazo, y la conexión sigue: cuando lee, lo que sigue llega entero.
    llenar(&conexion);
    let (mut entraron, limite) = (0, Instant::now() + PLAZO);
    // Que poll no avise no es que no entre nada más. De a un header, que no se parte.
    let (error, tardo) = loop {
        assert!(Instant::now() < limite, "nunca se llena");
        let antes = Instant::now();
        match conexion.enviar_hasta(&(8, b""), CORTO) {
            Ok(()) => entraron += 1,
            Err(error) => break (error, antes.elapsed()),
        }
    };
    assert!(matches!(error, Error::NoLee { en_el_medio: false, .. }) && error.es_transitorio(), "{error:?}");
    assert!(!error.termina_la_conexion() && tardo >= CORTO, "{tardo:?}");
    let lee = thread::spawn(move || {
        let mut headers = 0;
        loop {
            let header = ajeno.leer(8);
            match i32::from_le_bytes(header[..4].try_into().unwrap()) {
                9 => drop(ajeno.leer(512)),
                8 => headers += 1,
                _ => return (headers, [header, ajeno.leer("y esto sí".len() + 1)].concat()),
            }
        }
    });
    conexion.enviar_hasta("y esto sí", PLAZO).unwrap();
    let (headers, ultimo) = a_tiempo("leer lo que faltaba", PLAZO, || lee.join().unwrap());
    assert_eq!((headers, ultimo), (entraron, mensaje("y esto sí")));

    // Por la mitad, la conexión se termina.
    let (_ajeno, conexion) = con_un_ajeno(&Opciones::nuevas());
    let error = conexion.enviar_hasta(&(9, vec![0; GRANDE]), CORTO).unwrap_err();
    assert!(matches!(error, Error::NoLee { en_el_medio: true, .. }) && error.termina_la_conexion(), "{error:?}");
    assert!(matches!(conexion.enviar_mensaje("basta"), Err(Error::ParIdo)));

    // Tampoco espera de más a otro hilo que está enviando; y cortarla lo despierta, como a él.
    let (_ajeno, conexion) = con_un_ajeno(&Opciones::nuevas());
    let emisor = conexion.emisor();
    let trabado = thread::spawn(move || emisor.enviar(9, &vec![5; GRANDE]));
    esperar_que("el emisor se traba", PRONTO, || !listo(&conexion, libc::POLLOUT, Duration::from_millis(200)));
    assert!(matches!(conexion.enviar_hasta("¿y yo?", CORTO), Err(Error::NoLee { en_el_medio: false, .. })));
    assert!(!trabado.is_finished());
    let emisor = conexion.emisor();
    let (aviso, quien) = mpsc::channel();
    let espera = thread::spawn(move || {
        aviso.send(este_hilo()).unwrap();
        emisor.enviar_hasta("espero mi turno", Duration::MAX)
    });
    esperar_dormido(std::process::id(), quien.recv().unwrap());
    conexion.cortar();
    for hilo in [trabado, espera] {
        let salida = a_tiempo("volver del corte", PRONTO, || hilo.join().unwrap());
        assert!(matches!(salida, Err(Error::Cortada)), "{salida:?}");
    }
}

#[test]
fn lo_que_se_muestra_para_depurar_no_es_lo_que_llego() {
    let (mut cliente, conexion) = pareja();
    conexion.enviar(9, b"secreto").unwrap();
    let crudo = cliente.recibir_crudo().unwrap().unwrap();
    assert_eq!(format!("{crudo:?}"), "Crudo { codigo: 9, bytes: 7 }");
    let mut lector = Lector::de(crudo.payload());
    lector.u16().unwrap();
    assert_eq!(format!("{lector:?}"), "Lector { leidos: 2, quedan: 5 }");
    let opciones = format!("{:?}", Opciones::nuevas().handshakes(&[10, 20]).unwrap());
    assert!(opciones.contains("handshake: Exigido([10, 20]), espera: Some(5s)"), "{opciones}");
}

/// Lo que un socket común ve al final: que cerraron, o que cortaron.
fn ve_el_final(mut socket: &TcpStream) -> bool {
    socket.set_read_timeout(Some(PRONTO)).unwrap();
    match socket.read(&mut [0; 64]) {
        Ok(leidos) => leidos == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn al_detenerlo_se_cierran_los_que_estaban_por_entrar() {
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas());
    let numero: u16 = puerto.parse().unwrap();

    // Uno al que ya se le contestó, porque este proceso estaba conectándose; y uno que nadie miró, en la cola del sistema.
    let mut contestado = Conexion::conectar("127.0.0.1", &puerto).unwrap();
    contestado.enviar_mensaje("hola").unwrap();
    let mut en_la_cola = TcpStream::connect(("127.0.0.1", numero)).unwrap();
    en_la_cola.write_all(&[1, 0, 0, 0]).unwrap();
    assert!(listo(&*servidor, libc::POLLIN, PRONTO));
    servidor.detener().unwrap();
    assert!(a_tiempo("el contestado ve el final", PRONTO, move || !matches!(contestado.recibir(), Ok(Some(_)))));
    assert!(ve_el_final(&en_la_cola));
    let _de_nuevo = TcpListener::bind(("127.0.0.1", numero)).expect("el puerto quedó libre");

    // Y los que estaban a mitad del handshake mientras otro hilo esperaba: que no se les venza porque la máquina está ocupada.
    // Cuál de los dos hilos los cierra cambia de una vez a otra.
    for _ in 0..8 {
        let (servidor, puerto) = servidor_con(&Opciones::nuevas().espera(Some(PLAZO)));
        let numero: u16 = puerto.parse().unwrap();
        let otro = Arc::clone(&servidor);
        let (aviso, quien) = mpsc::channel();
        let espera = thread::spawn(move || {
            aviso.send(este_hilo()).unwrap();
            otro.esperar_cliente()
        });
        let mut callado = TcpStream::connect(("127.0.0.1", numero)).unwrap();
        let mut a_medias = TcpStream::connect(("127.0.0.1", numero)).unwrap();
        a_medias.write_all(&[1, 0]).unwrap();
        esperar_leido(&a_medias);
        esperar_dormido(std::process::id(), quien.recv_timeout(PRONTO).unwrap());
        servidor.detener().unwrap();
        let salida = a_tiempo("el que esperaba", PRONTO, move || espera.join().unwrap());
        assert!(matches!(salida, Err(Error::Liberado)));
        // Antes de cerrar se le puede haber contestado -1.
        let mut respuesta = [0; 4];
        a_medias.set_read_timeout(Some(PRONTO)).unwrap();
        if a_medias.read_exact(&mut respuesta).is_ok() {
            assert_eq!(respuesta, [0xff; 4]);
        }
        assert!(ve_el_final(&a_medias));
        // Del que no mandó ni un byte el sistema no le contó al servidor: se entera en cuanto manda algo.
        callado.write_all(&[1, 0, 0, 0]).unwrap();
        assert!(ve_el_final(&callado));
    }
}

#[test]
fn el_que_falla_atendiendo_no_molesta_a_nadie() {
    let _turno = de_a_una();
    let (servidor, puerto) = servidor_con(&Opciones::nuevas());
    let otro = Arc::clone(&servidor);
    let atendidos = Arc::new(AtomicUsize::new(0));
    let cuenta = Arc::clone(&atendidos);
    let atiende = thread::spawn(move || {
        otro.atender(move |mut cliente| {
            cuenta.fetch_add(1, Ordering::SeqCst);
            while let Ok(Some(Recibido::Mensaje(texto))) = cliente.recibir() {
                assert_ne!(texto, "rompete", "a propósito");
                let texto = texto.to_owned();
                cliente.enviar_mensaje(&texto).unwrap();
            }
        })
    });
    let mut sano = Conexion::conectar("127.0.0.1", &puerto).unwrap();
    for vuelta in 0..3 {
        let mut roto = Conexion::conectar("127.0.0.1", &puerto).unwrap();
        roto.enviar_mensaje("rompete").unwrap();
        assert!(!matches!(roto.recibir(), Ok(Some(_))), "se lo cierra");
        sano.enviar_mensaje(&vuelta.to_string()).unwrap();
        exigir_texto(&mut sano, &vuelta.to_string());
    }
    assert!(matches!(servidor.atender(|_| {}), Err(Error::Argumento(_))), "ya está atendiendo");
    drop(sano);
    a_tiempo("detener", PRONTO, move || servidor.detener().unwrap());
    atiende.join().unwrap().unwrap();
    assert_eq!(atendidos.load(Ordering::SeqCst), 4);
}
