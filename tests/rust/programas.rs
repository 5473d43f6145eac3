//! Los programas que alguien escribiría en Rust sobre la biblioteca, corridos de verdad; y lo que necesitan de ella: esperar con plazo,
//! cortar desde afuera, los bytes como vinieron, y errores que dicen qué hacer.

use crate::ejemplos;
use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::comun::ajeno::{Ajeno, Oyente, entero, mensaje, operacion, paquete};
use crate::comun::{PLAZO, Proceso, esperar_dormido, este_hilo, puerto_libre};
use crate::ejemplos::{Lengua, ejemplo, lanzar_servidor};
use tp0::{
    Conexion, Crudo, Emisor, Enviable, Error, Novedad, Opciones, PAQUETE, Paquete, Receptor, Recibido, RecibidoPropio,
    Resultado, Servidor, TAMANIO_MAXIMO,
};

/// Mientras un hilo está en `conectar`, los que escuchan en este mismo proceso contestan handshakes: de a una, cada prueba ve lo suyo.
fn de_a_una() -> MutexGuard<'static, ()> {
    static TURNO: Mutex<()> = Mutex::new(());
    TURNO.lock().unwrap_or_else(|veneno| veneno.into_inner())
}

/// Los dos lados de una conexión.
fn pareja() -> (Conexion, Conexion) {
    let servidor = Servidor::iniciar_con("127.0.0.1", 0, &Opciones::nuevas()).unwrap();
    let cliente = Conexion::conectar_a(servidor.direccion().unwrap(), &Opciones::nuevas()).unwrap();
    (cliente, servidor.esperar_cliente().unwrap())
}

/// Un par que escribe sus bytes a mano, y la conexión del otro lado.
fn con_un_ajeno(opciones: &Opciones) -> (Ajeno, Conexion) {
    let servidor = Servidor::iniciar_con("127.0.0.1", 0, opciones).unwrap();
    let mut ajeno = Ajeno::presentarse(servidor.puerto().unwrap());
    let conexion = servidor.esperar_cliente().unwrap();
    assert_eq!(ajeno.leer(4), entero(0));
    (ajeno, conexion)
}

/// Lo que un hilo tiene que terminar; si no, la prueba falla en vez de quedar colgada.
#[track_caller]
fn a_tiempo<T: Send + 'static>(que: &str, cuerpo: impl FnOnce() -> T + Send + 'static) -> T {
    let (aviso, llegada) = mpsc::channel();
    thread::spawn(move || aviso.send(cuerpo()));
    llegada.recv_timeout(PLAZO).unwrap_or_else(|_| panic!("no terminó, o falló: {que}"))
}

/// Un hilo, cuando ya duerme en lo que espera.
fn en_un_hilo<T: Send + 'static>(cuerpo: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    let (aviso, quien) = mpsc::channel();
    let hilo = thread::spawn(move || {
        aviso.send(este_hilo()).unwrap();
        cuerpo()
    });
    esperar_dormido(std::process::id(), quien.recv_timeout(PLAZO).unwrap());
    hilo
}

// Esperar no más que lo que se dice.

#[test]
fn recibir_hasta_no_pierde_lo_que_llega_por_la_mitad() {
    let _turno = de_a_una();
    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
    let bytes = [mensaje("de a un byte"), operacion(9, &[7; 300])].concat();
    let (ultimo, menos_el_ultimo) = bytes.split_last().unwrap();
    let primero = mensaje("de a un byte").len();
    for (i, byte) in menos_el_ultimo.iter().enumerate() {
        if i == primero {
            assert_eq!(conexion.recibir_hasta(PLAZO).unwrap(), Novedad::Llego(Recibido::Mensaje("de a un byte")));
        }
        assert_eq!(conexion.recibir_hasta(Duration::ZERO).unwrap(), Novedad::Nada, "faltan bytes: van {i}");
        ajeno.escribir(&[*byte]);
    }
    let antes = Instant::now();
    assert_eq!(conexion.recibir_hasta(Duration::from_millis(30)).unwrap(), Novedad::Nada);
    assert!(antes.elapsed() >= Duration::from_millis(30), "esperó lo que se le dijo");
    assert!(format!("{conexion:?}").contains("pendientes: 307"), "{conexion:?}");
    ajeno.escribir(&[*ultimo]);
    assert!(matches!(
        conexion.recibir_hasta(Duration::MAX).unwrap(),
        Novedad::Llego(Recibido::Otro { codigo: 9, payload }) if payload == [7; 300]
    ));

    // De una sola lectura salen varios, y el que espera para siempre sigue desde donde quedó el que no.
    ajeno.escribir(&[mensaje("1"), mensaje("2"), mensaje("3")[..9].to_vec()].concat());
    assert_eq!(conexion.recibir_hasta(PLAZO).unwrap(), Novedad::Llego(Recibido::Mensaje("1")));
    assert_eq!(conexion.recibir_hasta(PLAZO).unwrap(), Novedad::Llego(Recibido::Mensaje("2")));
    assert_eq!(conexion.recibir_crudo_hasta(Duration::from_millis(1)).unwrap(), Novedad::Nada);
    ajeno.escribir(&mensaje("3")[9..]);
    assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Mensaje("3"))));

    ajeno.escribir(&mensaje("a medias")[..10]);
    ajeno.no_escribo_mas();
    let error = conexion.recibir_hasta(PLAZO).unwrap_err();
    assert!(matches!(error, Error::FinEnElMedio { llegaron: 2, esperados: 9, .. }), "{error:#?}");
    assert!(matches!(conexion.recibir_hasta(Duration::ZERO), Err(Error::Terminada)));

    let (cliente, mut servidor) = pareja();
    drop(cliente);
    assert_eq!(servidor.recibir_hasta(PLAZO).unwrap(), Novedad::Fin);
    assert_eq!(servidor.recibir_hasta(Duration::ZERO).unwrap(), Novedad::Fin);
}

#[test]
fn el_tiempo_y_el_modo_del_socket_no_cambian_los_plazos() {
    let _turno = de_a_una();
    let (cliente, mut conexion) = pareja();
    let socket = socket2::SockRef::from(&conexion).try_clone().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let antes = Instant::now();
    assert_eq!(conexion.recibir_hasta(Duration::from_millis(40)).unwrap(), Novedad::Nada);
    assert!(antes.elapsed() >= Duration::from_millis(40));
    assert!(matches!(conexion.recibir(), Err(error) if error.es_transitorio() && !error.termina_la_conexion()));

    // Sin bloqueo: recibir espera igual, y recibir_hasta con cero prueba.
    socket.set_nonblocking(true).unwrap();
    assert_eq!(conexion.recibir_hasta(Duration::ZERO).unwrap(), Novedad::Nada);
    let recibe = en_un_hilo(move || conexion.recibir().map(|recibido| recibido.map(|r| r.a_propio())));
    cliente.enviar_mensaje("tarde").unwrap();
    let recibido = a_tiempo("recibir sin bloqueo", move || recibe.join().unwrap());
    assert_eq!(recibido.unwrap(), Some(RecibidoPropio::Mensaje("tarde".to_owned())));
}

#[test]
fn esperar_cliente_hasta_da_al_que_esta_y_no_espera_de_mas() {
    let _turno = de_a_una();
    let servidor = Servidor::iniciar("127.0.0.1", 0).unwrap();
    let puerto = servidor.puerto().unwrap();
    let antes = Instant::now();
    assert!(servidor.esperar_cliente_hasta(Duration::from_millis(30)).unwrap().is_none());
    assert!(antes.elapsed() >= Duration::from_millis(30));

    // Uno a mitad del handshake no es un cliente; cuando termina, sí.
    let mut lento = Ajeno::conectar(puerto);
    lento.escribir(&[1, 0]);
    assert!(servidor.esperar_cliente_hasta(Duration::from_millis(20)).unwrap().is_none());
    lento.escribir(&[0, 0]);
    let mut cliente = servidor.esperar_cliente_hasta(Duration::MAX).unwrap().expect("terminó su handshake");
    assert_eq!(lento.leer(4), entero(0));
    lento.escribir(&mensaje("acá estoy"));
    assert!(matches!(cliente.recibir().unwrap(), Some(Recibido::Mensaje("acá estoy"))));

    servidor.detener().unwrap();
    assert!(matches!(servidor.esperar_cliente_hasta(Duration::ZERO), Err(Error::Liberado)));
}

// Cortar desde afuera.

#[test]
fn cortar_despierta_a_quien_espera_y_no_parece_el_final_del_otro() {
    let _turno = de_a_una();
    let (mut cliente, mut conexion) = pareja();
    let emisor = conexion.emisor();
    let recibe = en_un_hilo(move || {
        let primero = conexion.recibir().map(|_| ());
        (primero, conexion.recibir().map(|_| ()), conexion)
    });
    emisor.cortar();
    emisor.cortar();
    let (primero, segundo, conexion) = a_tiempo("recibir después de cortar", move || recibe.join().unwrap());
    assert!(matches!((primero, segundo), (Err(Error::Cortada), Err(Error::Cortada))));
    conexion.cortar();
    for salida in
        [conexion.enviar_mensaje("x"), emisor.enviar(7, b"y"), emisor.encolar_mensaje("z").and(emisor.vaciar())]
    {
        assert!(matches!(salida, Err(Error::Cortada)), "{salida:?}");
    }
    let fallaron = tp0::difundir([&emisor], "x");
    assert!(matches!(fallaron.as_slice(), [(0, Error::Cortada)]), "{fallaron:?}");
    assert!(cliente.recibir().unwrap().is_none(), "para el otro es el final de siempre");

    // Lo que ya había llegado no se entrega: la conversación terminó.
    let (cliente, mut conexion) = pareja();
    cliente.enviar_mensaje("tarde").unwrap();
    conexion.cortar();
    assert!(matches!(conexion.recibir_hasta(PLAZO), Err(Error::Cortada)));

    // Y a quien está enviando a uno que no lee también lo despierta.
    let (_no_lee, conexion) = pareja();
    let (emisor, otro) = (conexion.emisor(), conexion.emisor());
    let envia = en_un_hilo(move || {
        loop {
            if let Err(error) = otro.enviar(9, &[0; 100_000]) {
                break error;
            }
        }
    });
    emisor.cortar();
    assert!(matches!(a_tiempo("enviar después de cortar", move || envia.join().unwrap()), Error::Cortada));
}

/// El hilo que atiende, y el servidor.
fn atendido<R: tp0::Desenlace + 'static>(
    opciones: &Opciones,
    funcion: impl Fn(Conexion) -> R + Send + Sync + 'static,
) -> (Arc<Servidor>, thread::JoinHandle<Resultado<()>>) {
    let servidor = Arc::new(Servidor::iniciar_con("127.0.0.1", 0, opciones).unwrap());
    let otro = Arc::clone(&servidor);
    (servidor, thread::spawn(move || otro.atender(funcion)))
}

const CORTO: Duration = Duration::from_millis(100);

/// Un intermediario espera en dos conexiones: la del cliente y la que hizo él.
#[test]
fn detener_corta_tambien_las_conexiones_que_hizo_la_funcion() {
    let _turno = de_a_una();
    let lejos = Oyente::nuevo();
    let puerto = lejos.puerto;
    let (aviso, cortes) = mpsc::channel();
    let (servidor, hilo) = atendido(&Opciones::nuevas().plazo_de_cierre(CORTO), move |_cliente| -> Resultado<()> {
        let mut del_otro = Conexion::conectar("127.0.0.1", puerto)?;
        aviso.send(del_otro.recibir().map(|_| ())).unwrap();
        // Y la que haga después, también: el servidor ya se detuvo.
        Conexion::adoptar(TcpStream::connect(("127.0.0.1", puerto)).unwrap(), &Opciones::nuevas())?
            .recibir()
            .map(|_| ())
            .inspect_err(|error| aviso.send(Err(Error::Argumento(error.to_string()))).unwrap())
    });
    let cliente = Conexion::conectar("127.0.0.1", servidor.puerto().unwrap()).unwrap();
    let _otro = lejos.aceptar_con_handshake();
    let otro = Arc::clone(&servidor);
    a_tiempo("detener", move || otro.detener()).unwrap();
    hilo.join().unwrap().unwrap();
    assert!(matches!(cortes.recv().unwrap(), Err(Error::Cortada)));
    assert!(cortes.recv().unwrap().unwrap_err().to_string().contains("cortó la conexión"));
    assert!(!cliente.activa());
}

/// Aunque sean muchas, y de la que espera quede sólo la mitad que recibe.
#[test]
fn detener_corta_la_que_quedo_por_la_mitad() {
    let _turno = de_a_una();
    let lejos = Oyente::nuevo();
    let puerto = lejos.puerto;
    let (aviso, corte) = mpsc::channel();
    let (servidor, hilo) = atendido(&Opciones::nuevas().plazo_de_cierre(CORTO), move |_cliente| -> Resultado<()> {
        let otra =
            || Conexion::adoptar(TcpStream::connect(("127.0.0.1", puerto)).unwrap(), &Opciones::nuevas()).unwrap();
        let (mut receptor, _) = otra().separar();
        let _mas: Vec<Conexion> = (0..20).map(|_| otra()).collect();
        aviso.send(receptor.recibir().map(|_| ())).unwrap();
        Ok(())
    });
    let _cliente = Conexion::conectar("127.0.0.1", servidor.puerto().unwrap()).unwrap();
    let otro = Arc::clone(&servidor);
    a_tiempo("detener", move || otro.detener()).unwrap();
    hilo.join().unwrap().unwrap();
    assert!(matches!(corte.recv().unwrap(), Err(Error::Cortada)));
}

#[test]
fn detener_dice_que_funcion_no_volvio_y_no_la_espera_para_siempre() {
    let _turno = de_a_una();
    let (soltar, espera) = mpsc::channel::<()>();
    let espera = Mutex::new(espera);
    let (servidor, hilo) = atendido(&Opciones::nuevas().plazo_de_cierre(CORTO), move |cliente| {
        cliente.enviar_mensaje("entré").unwrap();
        let _ = espera.lock().unwrap().recv(); // nada que ver con una conexión
    });
    let mut cliente = Conexion::conectar("127.0.0.1", servidor.puerto().unwrap()).unwrap();
    assert!(cliente.recibir().unwrap().is_some());
    let quien = socket2::SockRef::from(&cliente).local_addr().unwrap().as_socket().unwrap();
    let otro = Arc::clone(&servidor);
    let error = a_tiempo("detener", move || otro.detener()).unwrap_err();
    assert!(matches!(&error, Error::SinTerminar { clientes, .. } if *clientes == [quien]), "{error:#?}");
    assert!(error.to_string().contains(&format!("queda sin volver la función de {quien}")), "{error}");
    assert!(matches!(hilo.join().unwrap(), Err(Error::SinTerminar { .. })));
    drop(soltar);
}

// El mensaje como vino.

#[test]
fn lo_crudo_se_reenvia_igual() {
    let _turno = de_a_una();
    let raros: [(i32, &[u8]); 7] = [
        (0, b"a\xf1o\0"),
        (0, b"con un\0adentro\0"),
        (0, b""),
        (1, b"no es un paquete"),
        (1, &[255, 255, 255, 255]),
        (i32::MAX, b"\0\xff"),
        (7, b""),
    ];
    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
    let todo: Vec<u8> = raros.iter().flat_map(|(codigo, payload)| operacion(*codigo, payload)).collect();
    ajeno.escribir(&todo);
    let (receptor, emisor) = conexion.mitades();
    for (codigo, payload) in raros {
        let crudo = receptor.recibir_crudo().unwrap().unwrap();
        assert_eq!((crudo.codigo(), crudo.payload()), (codigo, payload));
        assert_eq!(crudo.a_bytes(TAMANIO_MAXIMO).unwrap(), operacion(codigo, payload));
        emisor.enviar(crudo.codigo(), crudo.payload()).unwrap();
    }
    assert_eq!(ajeno.leer(todo.len()), todo);

    let mut resto = todo.as_slice();
    for (codigo, payload) in raros {
        let (crudo, sigue) = Crudo::de_bytes(resto, TAMANIO_MAXIMO).unwrap().unwrap();
        assert_eq!((crudo.codigo(), crudo.payload()), (codigo, payload));
        resto = sigue;
    }
    assert!(Crudo::de_bytes(resto, 0).unwrap().is_none());

    // Un payload por encima del límite no se recibe, ni crudo.
    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas().tamanio_maximo(10).unwrap());
    ajeno.escribir(&operacion(7, &[0; 11]));
    let error = conexion.recibir_crudo().unwrap_err();
    assert!(matches!(error, Error::LlegaDemasiado { tamanio: 11, limite: 10, .. }) && error.termina_la_conexion());
    assert!(matches!(conexion.recibir_crudo(), Err(Error::Terminada)));
    assert!(matches!((7, [0; 11]).a_bytes(10), Err(Error::DemasiadoGrande { .. })));
    assert!(matches!((-7, b"").a_bytes(10), Err(Error::Argumento(_))));
}

#[test]
fn lo_propio_va_por_un_canal_y_se_vuelve_a_enviar() {
    let _turno = de_a_una();
    let (cliente, mut conexion) = pareja();
    let mut armado = Paquete::nuevo();
    for valor in ["uno", "dós"] {
        armado.agregar_texto(valor).unwrap().agregar(valor).unwrap();
    }
    cliente.enviar_mensaje("hola").unwrap();
    cliente.enviar_paquete(&armado).unwrap();
    cliente.enviar(7, b"\0\xff").unwrap();
    cliente.enviar_paquete(Paquete::nuevo().agregar(b"\xff").unwrap()).unwrap();
    let (canal, llegados) = mpsc::channel();
    let emisor = conexion.emisor();
    let hilo = thread::spawn(move || {
        for _ in 0..3 {
            canal.send(conexion.recibir().unwrap().unwrap().a_propio()).unwrap();
        }
        let Some(Recibido::Paquete(paquete)) = conexion.recibir().unwrap() else { panic!("no era un paquete") };
        assert!(matches!(paquete.textos().next(), Some(Err(Error::Texto { .. }))));
    });
    let propios: Vec<RecibidoPropio> = llegados.iter().collect();
    hilo.join().unwrap();
    assert_eq!(propios[0], RecibidoPropio::Mensaje("hola".to_owned()));
    assert_eq!(propios[1], RecibidoPropio::Paquete(armado.clone()));
    assert_eq!(propios[2].prestado().codigo(), 7);
    let Recibido::Paquete(prestado) = propios[1].prestado() else { panic!("{propios:?}") };
    let textos: Vec<&str> = prestado.textos().collect::<Resultado<_>>().unwrap();
    assert_eq!(textos, ["uno", "uno", "dós", "dós"]);

    let mut cliente = cliente;
    for propio in &propios {
        assert!(tp0::difundir([&emisor], propio).is_empty());
    }
    for propio in &propios {
        assert_eq!(cliente.recibir().unwrap().unwrap().a_propio(), *propio);
    }
    assert!(tp0::difundir([&emisor], &(9, b"x")).is_empty() && tp0::difundir([&emisor], &"chau".to_owned()).is_empty());
    assert!(matches!(cliente.recibir().unwrap(), Some(Recibido::Otro { codigo: 9, payload: b"x" })));
    assert!(matches!(cliente.recibir().unwrap(), Some(Recibido::Mensaje("chau"))));
}

// Los errores, como los ordena quien llama.

#[test]
fn un_error_es_una_oracion_una_estructura_y_un_error_de_io() {
    let puerto = puerto_libre();
    let error = Conexion::conectar("127.0.0.1", puerto).unwrap_err();
    assert!(error.es_transitorio());
    assert_eq!(format!("{error:?}"), error.to_string(), "lo que muestra un main que devuelve Result");
    let estructura = format!("{error:#?}");
    assert!(estructura.starts_with("NadieEscucha {\n    direccion: 127.0.0.1:"), "{estructura}");
    assert_eq!(format!("{:#?}", Error::Fin), "Fin");
    assert!(format!("{:#?}", Error::Argumento("x".to_owned())).starts_with("Argumento(\n"));

    let texto = error.to_string();
    let de_io: io::Error = error.into();
    assert_eq!((de_io.kind(), de_io.to_string()), (io::ErrorKind::ConnectionRefused, texto));
    assert!(matches!(de_io.get_ref().unwrap().downcast_ref(), Some(Error::NadieEscucha { .. })));
    assert_eq!(io::Error::from(Error::Fin).kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(io::Error::from(Error::ParIdo).kind(), io::ErrorKind::BrokenPipe);

    // La causa está en el texto, y por eso no en source().
    let error = Conexion::adoptar(UdpSocket::bind("127.0.0.1:0").unwrap(), &Opciones::nuevas()).unwrap_err();
    assert!(std::error::Error::source(&error).is_none());
    let error = Recibido::de(0, b"\xff").unwrap_err();
    let Error::Texto { causa, .. } = &error else { panic!("{error:#?}") };
    assert!(error.to_string().contains(&causa.to_string()) && std::error::Error::source(&error).is_none());

    // Ninguno nombra una función de C.
    let servidor = Servidor::iniciar("127.0.0.1", 0).unwrap();
    let errores = [
        Error::Fin,
        Error::ParIdo,
        Error::Liberado,
        Error::Cortada,
        Recibido::de(PAQUETE, &[9, 0, 0, 0]).unwrap_err(),
        Recibido::de(PAQUETE, &[9]).unwrap_err(),
        Servidor::iniciar("127.0.0.1", servidor.puerto().unwrap()).unwrap_err(),
    ];
    for texto in errores.map(|error| error.to_string()) {
        for de_c in ["liberar_conexion", "Liberala", "crear_conexion", "iniciar_servidor", "agregar_a_paquete", "tp0_"]
        {
            assert!(!texto.contains(de_c), "«{texto}» nombra {de_c}");
        }
    }
}

#[test]
fn lo_que_se_muestra_de_una_conexion_no_es_lo_que_llego() {
    let _turno = de_a_una();
    let (mut ajeno, mut conexion) = con_un_ajeno(&Opciones::nuevas());
    ajeno.escribir(&[mensaje("uno"), mensaje("la clave es 1234")].concat());
    assert!(conexion.recibir().unwrap().is_some());
    let par = conexion.par();
    assert!(format!("{conexion:?}").contains("pendientes: 25"), "{conexion:?}");
    for visto in [format!("{conexion:?}"), format!("{conexion:#?}")] {
        assert!(
            visto.contains(&par.to_string()) && visto.contains("handshake") && visto.contains("pendientes"),
            "{visto}"
        );
        assert!(!visto.contains("1234") && !visto.contains("108, 97"), "{visto}");
    }
    let (receptor, emisor) = conexion.separar();
    assert!(format!("{receptor:?}{emisor:?}").contains("Receptor { par"));
}

#[test]
fn se_pueden_usar_despues_de_un_panic() {
    fn sobrevive<T: UnwindSafe + RefUnwindSafe>() {}
    sobrevive::<Conexion>();
    sobrevive::<Receptor>();
    sobrevive::<Emisor>();
    sobrevive::<Servidor>();
}

// Lo que entra mal.

#[test]
fn adoptar_lo_que_no_es_una_conexion() {
    let _turno = de_a_una();
    let opciones = Opciones::nuevas();
    let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
    let direccion = escucha.local_addr().unwrap();
    let sin_conectar = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let atado = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    atado.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(direccion).unwrap();
    assert!(matches!(Conexion::adoptar(File::open("/dev/null").unwrap(), &opciones), Err(Error::Descriptor { .. })));
    assert!(matches!(Conexion::adoptar(sin_conectar, &opciones), Err(Error::SinConectar { .. })));
    assert!(matches!(Conexion::adoptar(atado, &opciones), Err(Error::SinConectar { .. })));
    assert!(matches!(Conexion::adoptar(udp, &opciones), Err(Error::Argumento(_))));
    assert!(matches!(Conexion::adoptar(UnixStream::pair().unwrap().0, &opciones), Err(Error::Argumento(_))));
    assert!(matches!(Conexion::adoptar(escucha, &opciones), Err(Error::Escucha { .. })));
    // Era suyo desde que se lo dio: también si falló, se cerró.
    assert!(TcpStream::connect(direccion).is_err());
}

#[test]
fn un_puerto_que_no_es_un_puerto() {
    let _turno = de_a_una();
    for puerto in ["", "x", "0", "65536", "-1"] {
        assert!(matches!(Conexion::conectar("127.0.0.1", puerto), Err(Error::Puerto { .. })), "{puerto}");
    }
    assert!(matches!(Conexion::conectar("127.0.0.1", 0), Err(Error::Puerto { .. })));
    let cero = "127.0.0.1:0".parse().unwrap();
    assert!(matches!(Conexion::conectar_a(cero, &Opciones::nuevas()), Err(Error::Puerto { .. })));
    assert!(matches!(Servidor::iniciar("127.0.0.1", "70000".to_owned()), Err(Error::Puerto { .. })));
    let servidor = Servidor::iniciar_en("[::1]:0".parse().unwrap(), &Opciones::nuevas()).unwrap();
    let cliente = Conexion::conectar_a(servidor.direccion().unwrap(), &Opciones::nuevas()).unwrap();
    assert!(cliente.par().is_ipv6() && servidor.esperar_cliente().unwrap().activa());
    let ocupado = Servidor::iniciar_en(servidor.direccion().unwrap(), &Opciones::nuevas());
    assert!(matches!(ocupado, Err(Error::PuertoEnUso { .. })));
}

#[test]
fn el_error_de_una_funcion_termina_a_ese_cliente_y_se_cuenta() {
    let _turno = de_a_una();
    let servidor = Arc::new(Servidor::iniciar("127.0.0.1", 0).unwrap());
    let otro = Arc::clone(&servidor);
    let (aviso, avisos) = mpsc::channel();
    let hilo = thread::spawn(move || {
        otro.atender_avisando(
            |mut cliente| match cliente.recibir().map_err(|error| error.to_string())? {
                Some(recibido) => Err(format!("no entiendo {recibido:?}")),
                None => Ok(()),
            },
            move |par, error| aviso.send((par, error)).unwrap(),
        )
    });
    let cliente = Conexion::conectar("127.0.0.1", servidor.puerto().unwrap()).unwrap();
    drop(Conexion::conectar("127.0.0.1", servidor.puerto().unwrap()).unwrap());
    cliente.enviar_mensaje("¿eh?").unwrap();
    let (par, error) = avisos.recv_timeout(PLAZO).unwrap();
    assert_eq!(Some(par), socket2::SockRef::from(&cliente).local_addr().unwrap().as_socket());
    assert!(error.contains("no entiendo"), "{error}");
    servidor.detener().unwrap();
    hilo.join().unwrap().unwrap();
    assert!(avisos.try_recv().is_err(), "el que terminó bien no se cuenta");
}

// Los programas.

fn conversar(cliente: &mut Conexion, texto: &str) {
    cliente.enviar_mensaje(texto).unwrap();
    assert!(matches!(cliente.recibir().unwrap(), Some(Recibido::Mensaje(vuelta)) if vuelta == texto), "{texto}");
}

/// Muchos a la vez, intercalados, con mensajes grandes, y uno que se va por la mitad.
fn probar_eco(nombre: &str) {
    let (servidor, puerto) = lanzar_servidor(Lengua::Rust, nombre, &[]);
    let mut clientes: Vec<Conexion> = (0..20).map(|_| Conexion::conectar("127.0.0.1", puerto).unwrap()).collect();
    for vuelta in 0..3 {
        for (i, cliente) in clientes.iter_mut().enumerate() {
            conversar(cliente, &format!("{vuelta} de {i} {}", "x".repeat(i * 500)));
        }
    }
    let mut ajeno = Ajeno::con_handshake(puerto);
    ajeno.escribir(&mensaje("a medias")[..9]);
    drop(ajeno);
    // De una sola vez, y uno partido: lo que ya se leyó no lo vuelve a avisar nadie.
    let mut ajeno = Ajeno::con_handshake(puerto);
    let varios = [mensaje("uno"), operacion(9, b"\xff\0"), paquete(&[b"a", b""]), mensaje("dos")].concat();
    ajeno.escribir(&varios[..varios.len() - 1]);
    ajeno.escribir(&varios[varios.len() - 1..]);
    assert_eq!(ajeno.leer(varios.len()), varios);
    clientes.truncate(10);
    clientes.iter_mut().for_each(|cliente| conversar(cliente, "sigo"));
    servidor.matar();
}

#[test]
fn el_eco_con_muchos_clientes() {
    let _turno = de_a_una();
    probar_eco("eco");
}

#[test]
fn el_eco_con_mio() {
    let _turno = de_a_una();
    probar_eco("con_mio");
}

#[test]
fn el_cliente_con_tokio() {
    let _turno = de_a_una();
    let (servidor, puerto) = lanzar_servidor(Lengua::Rust, "eco", &[]);
    let mut cliente = ejemplo(Lengua::Rust, "con_tokio");
    cliente.args(["¿qué tal?", &format!("127.0.0.1:{puerto}")]);
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    salida.exigir_exito("el de tokio");
    assert_eq!(salida.lineas(), ["Contestó: ¿qué tal?"]);
    servidor.matar();
}

#[test]
fn la_reconexion_sobrevive_a_que_el_servidor_se_caiga() {
    let _turno = de_a_una();
    let puerto = puerto_libre().to_string();
    let levantar = || {
        let mut servidor = ejemplo(Lengua::Rust, "eco");
        servidor.args(["127.0.0.1", &puerto]);
        let servidor = Proceso::lanzar(servidor);
        servidor.esperar_linea("Escucho en el puerto", PLAZO);
        servidor
    };
    let mut cliente = ejemplo(Lengua::Rust, "reconexion");
    cliente.args(["127.0.0.1", &puerto]);
    let mut cliente = Proceso::lanzar_interactivo(cliente);
    cliente.escribir("antes de que haya servidor\n");
    let primero = levantar();
    cliente.esperar_linea("antes de que haya servidor", PLAZO);
    primero.matar();
    cliente.escribir("sin servidor\n");
    cliente.esperar_linea("Me quedé sin servidor: ", PLAZO);
    let segundo = levantar();
    cliente.esperar_linea("sin servidor", PLAZO);
    cliente.cerrar_entrada();
    cliente.terminar(PLAZO).exigir_exito("el cliente");
    segundo.matar();
}

#[test]
fn el_intermediario_no_cambia_ni_un_byte() {
    let _turno = de_a_una();
    let lejos = Oyente::nuevo();
    let mut orden = ejemplo(Lengua::Rust, "intermediario");
    orden.args(["127.0.0.1", "0", "127.0.0.1", &lejos.puerto.to_string()]);
    let intermediario = Proceso::lanzar(orden);
    let puerto = ejemplos::puerto_de(&intermediario);
    let mut cliente = Ajeno::con_handshake(puerto);
    let mut servidor = lejos.aceptar_con_handshake();
    let todo = [
        operacion(0, b"a\xf1o\0"),
        operacion(0, b"con un\0adentro\0"),
        operacion(1, b"no cierra"),
        operacion(77, &vec![9; 300_000]),
        operacion(5, b""),
    ]
    .concat();
    cliente.escribir(&todo);
    assert_eq!(servidor.leer(todo.len()), todo, "de ida");
    servidor.escribir(&todo);
    assert_eq!(cliente.leer(todo.len()), todo, "de vuelta");
    servidor.escribir(&mensaje("chau"));
    drop(servidor);
    assert_eq!(cliente.leer_hasta_el_fin(), mensaje("chau"), "el final también pasa");

    // Y en el otro sentido.
    let cliente = Ajeno::con_handshake(puerto);
    let mut servidor = lejos.aceptar_con_handshake();
    drop(cliente);
    assert!(servidor.leer_hasta_el_fin().is_empty());
    intermediario.matar();
}

#[test]
fn con_ctrl_c_termina_bien() {
    let _turno = de_a_una();
    let (servidor, puerto) = lanzar_servidor(Lengua::Rust, "ctrl_c", &[]);
    let mut cliente = Conexion::conectar("127.0.0.1", puerto).unwrap();
    cliente.enviar_mensaje("hola").unwrap();
    assert!(matches!(cliente.recibir().unwrap(), Some(Recibido::Mensaje("recibido: hola"))));
    servidor.senial(libc::SIGINT);
    servidor.esperar_linea("Termino: espero a los que están.", PLAZO);
    // El que se queda no lo cuelga: a su plazo lo cortan.
    assert!(cliente.recibir().unwrap().is_none());
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    assert!(salida.stdout.ends_with("Terminé.\n"), "{salida}");
}
