//! Lo que se cuenta mal de los sockets, puesto a prueba contra el kernel: cada frase de «Lo que se cuenta mal», en
//! docs/sockets-y-protocolo.md, nombra la prueba de acá que la muestra. Sólo el sistema: la biblioteca se usa donde la frase habla de ella.

use crate::comun;
use std::ffi::{CString, c_int, c_void};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::comun::{PLAZO, Proceso, compilar, esperar_que, exigir, orden};
use socket2::{Domain, SockAddr, Socket, Type};
use tp0::{Conexion, Error};

fn escuchar() -> (TcpListener, SocketAddr) {
    let oyente = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let direccion = oyente.local_addr().unwrap();
    (oyente, direccion)
}

/// Los dos extremos de una conexión: el que se conectó y el que aceptó.
fn conectados() -> (TcpStream, TcpStream) {
    let (oyente, direccion) = escuchar();
    let cliente = TcpStream::connect_timeout(&direccion, PLAZO).unwrap();
    let (aceptado, _) = oyente.accept().unwrap();
    for extremo in [&cliente, &aceptado] {
        extremo.set_read_timeout(Some(PLAZO)).unwrap();
        extremo.set_nodelay(true).unwrap();
    }
    (cliente, aceptado)
}

/// recv(2), con las banderas que sean: lo que dio, y `errno` si fue -1.
fn recv(fd: RawFd, lugar: &mut [u8], banderas: c_int) -> io::Result<usize> {
    // SAFETY: `lugar` es memoria propia de ese tamaño.
    let dio = unsafe { libc::recv(fd, lugar.as_mut_ptr().cast::<c_void>(), lugar.len(), banderas) };
    usize::try_from(dio).map_err(|_| io::Error::last_os_error())
}

/// Cuántos bytes hay para leer, sin sacarlos.
fn esperando(fd: RawFd) -> usize {
    recv(fd, &mut [0; 64], libc::MSG_PEEK | libc::MSG_DONTWAIT).unwrap_or(0)
}

/// socket, las opciones que se pidan, bind y listen.
fn levantar(puerto: u16, opcion: Option<fn(&Socket) -> io::Result<()>>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(opcion) = opcion {
        opcion(&socket)?;
    }
    socket.bind(&SockAddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, puerto)))?;
    socket.listen(1)?;
    Ok(socket)
}

/// El puerto en el que escucha: pedir el 0 es la manera de que no se lo quede otro.
fn el_de(servidor: &Socket) -> u16 {
    servidor.local_addr().unwrap().as_socket().unwrap().port()
}

const REUSEADDR: fn(&Socket) -> io::Result<()> = |socket| socket.set_reuse_address(true);
const REUSEPORT: fn(&Socket) -> io::Result<()> = |socket| socket.set_reuse_port(true);

/// getaddrinfo(3), sin preguntarle a nadie por nombres: el puerto, o `None` si la IP no lo es.
fn resolver(ip: &str, puerto: &str) -> Option<u16> {
    let (ip, puerto) = (CString::new(ip).unwrap(), CString::new(puerto).unwrap());
    // SAFETY: todo en cero es un `addrinfo` que no pide nada.
    let mut pedido: libc::addrinfo = unsafe { mem::zeroed() };
    pedido.ai_family = libc::AF_INET;
    pedido.ai_flags = libc::AI_NUMERICHOST;
    let mut hallada = ptr::null_mut();
    // SAFETY: dos textos terminados en '\0', un pedido y lugar para la lista.
    if unsafe { libc::getaddrinfo(ip.as_ptr(), puerto.as_ptr(), &raw const pedido, &raw mut hallada) } != 0 {
        return None;
    }
    // SAFETY: sin error, la lista tiene al menos una dirección.
    let direccion = unsafe { (*hallada).ai_addr }.cast::<libc::sockaddr_in>();
    // SAFETY: se pidió de IPv4.
    let puerto = u16::from_be(unsafe { (*direccion).sin_port });
    // SAFETY: la lista que dio getaddrinfo, una sola vez.
    unsafe { libc::freeaddrinfo(hallada) };
    Some(puerto)
}

#[test]
fn un_octeto_llega_a_255() {
    assert_eq!(resolver("255.255.255.255", "1"), Some(1));
    assert_eq!(resolver("192.168.0.255", "1"), Some(1));
    assert_eq!(resolver("192.168.0.256", "1"), None);
    assert_eq!(resolver("256.0.0.1", "1"), None);
    // Y no es sólo texto: con 255 se puede escuchar.
    TcpListener::bind("127.255.255.254:0").unwrap();
}

#[test]
fn un_puerto_llega_a_65535_y_getaddrinfo_no_avisa() {
    // En una dirección que no usa nadie más.
    TcpListener::bind("127.65.5.35:65535").unwrap();

    // Los 16 bits de un puerto no guardan más, y getaddrinfo corta lo que sobra sin decir nada.
    assert_eq!(resolver("127.0.0.1", "65535"), Some(65535));
    assert_eq!(resolver("127.0.0.1", "99999"), Some(34463));
    assert_eq!(99999 % 65536, 34463);

    // La biblioteca sí avisa.
    assert!(matches!(Conexion::conectar("127.0.0.1", "65536"), Err(Error::Puerto { .. })));
}

/// Corre algo en un hilo con la red de una máquina recién instalada, si se puede (y entonces el resultado es `true`), y sin permiso para
/// los puertos reservados.
fn sin_privilegios<T: Send + 'static>(tarea: impl FnOnce() -> T + Send + 'static) -> (bool, T) {
    let correr = || {
        // SAFETY: sólo cambia de red a este hilo. Sin permiso no la cambia: vale la que hay.
        let red_nueva = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
        // La versión 3 de los permisos; los de este hilo, y ninguno.
        let mut cabecera: [u32; 2] = [0x2008_0522, 0];
        let ninguno = [0_u32; 6];
        // SAFETY: capset(2) lee una cabecera y dos ternas de 32 bits.
        let dio = unsafe { libc::syscall(libc::SYS_capset, cabecera.as_mut_ptr(), ninguno.as_ptr()) };
        assert_eq!(dio, 0, "capset: {}", io::Error::last_os_error());
        (red_nueva, tarea())
    };
    thread::spawn(correr).join().unwrap()
}

/// Lo que vale una opción de red del kernel, para la red de este hilo.
fn del_kernel(opcion: &str) -> Vec<u16> {
    let valor = fs::read_to_string(format!("/proc/sys/net/ipv4/{opcion}")).unwrap();
    valor.split_whitespace().map(|numero| numero.parse().unwrap()).collect()
}

#[test]
fn los_reservados_son_1024_del_0_al_1023() {
    let (_, (primero_libre, el_1023, el_1024)) = sin_privilegios(|| {
        let escuchar = |puerto: u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, puerto)).map(drop).map_err(|e| e.kind());
        (del_kernel("ip_unprivileged_port_start"), escuchar(1023), escuchar(1024))
    });
    // En una red nueva vale lo de fábrica. En la de un contenedor puede valer otra cosa, y sin permiso no hay otra.
    if primero_libre != [1024] {
        return comun::saltear(&format!("acá ip_unprivileged_port_start vale {primero_libre:?}"));
    }
    assert_eq!(el_1023, Err(ErrorKind::PermissionDenied), "es el último reservado");
    // En la red de todos puede estar ocupado: lo que importa es que no falte permiso.
    assert!(matches!(el_1024, Ok(()) | Err(ErrorKind::AddrInUse)), "{el_1024:?}");
}

#[test]
fn los_efimeros_son_los_de_ip_local_port_range() {
    let rango = del_kernel("ip_local_port_range");
    let (oyente, direccion) = escuchar();
    for _ in 0..200 {
        let cliente = TcpStream::connect_timeout(&direccion, PLAZO).unwrap();
        let propio = cliente.local_addr().unwrap().port();
        assert!((rango[0]..=rango[1]).contains(&propio), "{propio} no está entre {rango:?}");
        drop(oyente.accept().unwrap());
    }
    // Lo de fábrica se ve en una red nueva.
    if let (true, de_fabrica) = sin_privilegios(|| del_kernel("ip_local_port_range")) {
        assert_eq!(de_fabrica, [32768, 60999]);
    }
}

#[test]
fn connect_vuelve_aunque_nadie_llame_a_accept() {
    let (oyente, direccion) = escuchar();
    let mut cliente = TcpStream::connect_timeout(&direccion, PLAZO).unwrap();
    // Y hasta se puede enviar: lo guarda el kernel del otro lado.
    cliente.write_all(b"hola").unwrap();
    let (mut aceptado, _) = oyente.accept().unwrap();
    let mut recibido = [0; 4];
    aceptado.read_exact(&mut recibido).unwrap();
    assert_eq!(&recibido, b"hola");

    // Sin listen no hay a quién: bind solo no alcanza.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))).unwrap();
    let direccion = socket.local_addr().unwrap().as_socket().unwrap();
    assert_eq!(TcpStream::connect(direccion).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn con_la_biblioteca_crear_conexion_espera_a_esperar_cliente() {
    let (_oyente, direccion) = escuchar();
    let opciones = tp0::Opciones::nuevas().espera(Some(Duration::from_millis(100)));
    let error = Conexion::conectar_con("127.0.0.1", direccion.port(), &opciones).unwrap_err();
    assert!(matches!(error, Error::PlazoDeHandshake { .. }), "{error}");
}

extern "C" fn no_hacer_nada(_: c_int) {}

#[test]
fn msg_waitall_puede_volver_con_menos() {
    for banderas in [0, libc::SA_RESTART] {
        // SAFETY: todo en cero es una `sigaction` válida: sin máscara.
        let mut accion: libc::sigaction = unsafe { mem::zeroed() };
        accion.sa_sigaction = no_hacer_nada as extern "C" fn(c_int) as usize;
        accion.sa_flags = banderas;
        // SAFETY: el manejador no hace nada, y nadie más en esta prueba usa SIGUSR2.
        assert_eq!(unsafe { libc::sigaction(libc::SIGUSR2, &raw const accion, ptr::null_mut()) }, 0);

        let (mut cliente, aceptado) = conectados();
        let fd = aceptado.as_raw_fd();
        cliente.write_all(b"tre").unwrap();
        esperar_que("que lleguen los tres bytes", PLAZO, || esperando(fd) == 3);
        let (avisar, avisado) = mpsc::channel();
        let receptor = thread::spawn(move || {
            // SAFETY: no hace más que decir quién es.
            avisar.send(unsafe { libc::pthread_self() }).unwrap();
            recv(aceptado.as_raw_fd(), &mut [0; 10], libc::MSG_WAITALL)
        });
        let hilo = avisado.recv_timeout(PLAZO).unwrap();
        esperar_que("que recv vuelva", PLAZO, || {
            // SAFETY: el hilo no se juntó todavía: su identificador vale.
            unsafe { libc::pthread_kill(hilo, libc::SIGUSR2) };
            thread::sleep(Duration::from_millis(20));
            receptor.is_finished()
        });
        // Se pidieron 10 y vinieron 3, con SA_RESTART o sin él. No es un error ni el final: faltan 7.
        assert_eq!(receptor.join().unwrap().unwrap(), 3);
    }
    // También cuando el otro cierra.
    let (mut cliente, aceptado) = conectados();
    cliente.write_all(b"tre").unwrap();
    drop(cliente);
    assert_eq!(recv(aceptado.as_raw_fd(), &mut [0; 10], libc::MSG_WAITALL).unwrap(), 3);
}

#[test]
fn reuseport_no_es_reuseaddr() {
    // Con SO_REUSEPORT dos servidores vivos comparten el puerto, y ninguno se entera.
    let uno = levantar(0, Some(REUSEPORT)).unwrap();
    let puerto = el_de(&uno);
    let otro = levantar(puerto, Some(REUSEPORT)).expect("los dos escuchan");
    // A cada uno le tocan algunos clientes, según de qué puerto vengan.
    let tocaron = |servidor: &Socket| {
        servidor.set_nonblocking(true).unwrap();
        std::iter::from_fn(|| servidor.accept().ok()).count()
    };
    let (mut de_uno, mut de_otro) = (0, 0);
    for van in 1..=100 {
        let _cliente = TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).unwrap();
        esperar_que("que lo acepten", PLAZO, || {
            de_uno += tocaron(&uno);
            de_otro += tocaron(&otro);
            de_uno + de_otro == van
        });
    }
    assert!(de_uno > 0 && de_otro > 0, "{de_uno} y {de_otro}");

    // Con SO_REUSEADDR el segundo se entera.
    let uno = levantar(0, Some(REUSEADDR)).unwrap();
    let puerto = el_de(&uno);
    assert_eq!(levantar(puerto, Some(REUSEADDR)).unwrap_err().kind(), ErrorKind::AddrInUse);
}

/// Deja en un puerto una conexión en TIME_WAIT: cierra primero el lado del servidor.
fn dejar_en_time_wait(opcion: Option<fn(&Socket) -> io::Result<()>>) -> u16 {
    let servidor = levantar(0, opcion).unwrap();
    let puerto = el_de(&servidor);
    let mut cliente = TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).unwrap();
    drop(servidor.accept().unwrap());
    assert_eq!(cliente.read(&mut [0]).unwrap(), 0);
    puerto
}

#[test]
fn reuseaddr_es_para_volver_a_levantar_enseguida() {
    // Sólo anda si la tuvo el de antes y la tiene el de ahora.
    for (antes, ahora) in [(None, None), (None, Some(REUSEADDR)), (Some(REUSEADDR), None)] {
        let puerto = dejar_en_time_wait(antes);
        assert_eq!(levantar(puerto, ahora).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
    let puerto = dejar_en_time_wait(Some(REUSEADDR));
    // Un proceso que otra prueba lance justo ahora tiene, hasta su exec, una copia del que escuchaba. Mucho menos que TIME_WAIT, un minuto.
    esperar_que("que se pueda levantar", Duration::from_secs(10), || levantar(puerto, Some(REUSEADDR)).is_ok());
}

#[test]
fn el_primer_envio_a_quien_ya_cerro_sale_bien() {
    let (mut cliente, aceptado) = conectados();
    drop(aceptado);
    assert_eq!(cliente.read(&mut [0]).unwrap(), 0, "ya se sabe que cerró");
    assert_eq!(cliente.write(b"x").unwrap(), 1, "y el primer envío dice que salió bien");
    esperar_que("que falle un envío", PLAZO, || cliente.write(b"x").is_err_and(|e| e.kind() == ErrorKind::BrokenPipe));

    // La biblioteca mira antes.
    let (oyente, direccion) = escuchar();
    let opciones = tp0::Opciones::nuevas().sin_handshake();
    let conexion = Conexion::conectar_con("127.0.0.1", direccion.port(), &opciones).unwrap();
    drop(oyente.accept().unwrap());
    esperar_que("que se vea el cierre", PLAZO, || !conexion.activa());
    // Mira a lo sumo una vez por milisegundo: que haya pasado más.
    thread::sleep(Duration::from_millis(20));
    assert!(matches!(conexion.enviar_mensaje("hola"), Err(Error::ParIdo)));
}

#[test]
fn el_segundo_envio_mata_al_programa_con_sigpipe() {
    if !exigir("gcc") {
        return;
    }
    let (oyente, direccion) = escuchar();
    let mut programa = orden(compilar("mitos_sigpipe", &["mitos_sigpipe.c"], &["-D_GNU_SOURCE"]));
    programa.arg(direccion.port().to_string());
    let programa = Proceso::lanzar(programa);
    drop(oyente.accept().unwrap());
    let salida = programa.terminar(PLAZO);
    assert_eq!(salida.senial, Some(libc::SIGPIPE), "{salida}");
    assert!(salida.stderr.starts_with("send dio 1\n"), "el primero sale bien: {salida}");
}

#[test]
fn recv_da_0_al_final_y_menos_1_si_hubo_un_error() {
    // El otro cerró: 0, siempre.
    let (cliente, aceptado) = conectados();
    drop(cliente);
    for _ in 0..3 {
        assert_eq!(recv(aceptado.as_raw_fd(), &mut [0; 8], 0).unwrap(), 0);
    }

    // Enviar cero bytes no es nada: no le llega un 0 a nadie.
    let (mut cliente, aceptado) = conectados();
    assert_eq!(cliente.write(b"").unwrap(), 0);
    cliente.write_all(b"x").unwrap();
    assert_eq!(recv(aceptado.as_raw_fd(), &mut [0; 8], 0).unwrap(), 1);

    // Cortó: -1 y ECONNRESET. Alcanza con cerrar sin haber leído todo.
    let (mut cliente, aceptado) = conectados();
    cliente.write_all(b"esto no se lee").unwrap();
    esperar_que("que llegue", PLAZO, || esperando(aceptado.as_raw_fd()) > 0);
    drop(aceptado);
    assert_eq!(recv(cliente.as_raw_fd(), &mut [0; 8], 0).unwrap_err().kind(), ErrorKind::ConnectionReset);

    // No hay nada todavía y no se quiere esperar: -1 y EAGAIN. La conexión sigue.
    let (mut cliente, aceptado) = conectados();
    let sin_esperar = |fd| recv(fd, &mut [0; 8], libc::MSG_DONTWAIT);
    assert_eq!(sin_esperar(aceptado.as_raw_fd()).unwrap_err().kind(), ErrorKind::WouldBlock);
    cliente.write_all(b"x").unwrap();
    assert_eq!(recv(aceptado.as_raw_fd(), &mut [0; 8], 0).unwrap(), 1);
}

#[test]
fn tcp_es_una_corriente_y_no_mensajes() {
    let (mut cliente, mut aceptado) = conectados();
    let fd = aceptado.as_raw_fd();
    // Dos envíos, una recepción.
    cliente.write_all(b"ho").unwrap();
    cliente.write_all(b"la").unwrap();
    esperar_que("que llegue todo", PLAZO, || esperando(fd) == 4);
    let mut lugar = [0; 64];
    assert_eq!(recv(fd, &mut lugar, 0).unwrap(), 4);
    assert_eq!(&lugar[..4], b"hola");

    // Un envío, muchas recepciones: diez millones de bytes no entran juntos.
    let total = 10_000_000;
    let emisor = thread::spawn(move || cliente.write_all(&vec![7; total]).map(|()| cliente));
    let (mut veces, mut juntados, mut lugar) = (0, 0, vec![0; total]);
    while juntados < total {
        let leidos = aceptado.read(&mut lugar).unwrap();
        assert!(leidos > 0);
        juntados += leidos;
        veces += 1;
    }
    emisor.join().unwrap().unwrap();
    assert!(veces > 1, "llegaron {total} bytes en una sola recepción");
}

#[test]
fn un_puerto_alcanza_para_todos_los_clientes() {
    let (oyente, direccion) = escuchar();
    let clientes: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect_timeout(&direccion, PLAZO).unwrap()).collect();
    let aceptados: Vec<(TcpStream, SocketAddr)> = clientes.iter().map(|_| oyente.accept().unwrap()).collect();
    for (aceptado, _) in &aceptados {
        assert_eq!(aceptado.local_addr().unwrap(), direccion, "el aceptado tiene el puerto del que escucha");
    }
    // Lo que los distingue es el otro extremo.
    let mut puertos: Vec<u16> = aceptados.iter().map(|(_, quien)| quien.port()).collect();
    puertos.sort_unstable();
    puertos.dedup();
    assert_eq!(puertos.len(), 5);
    // Y dejar de escuchar no termina lo ya aceptado.
    drop(oyente);
    for (cliente, (aceptado, _)) in clientes.iter().zip(&aceptados) {
        (&mut &*cliente).write_all(b"x").unwrap();
        aceptado.set_read_timeout(Some(PLAZO)).unwrap();
        assert_eq!((&mut &*aceptado).read(&mut [0]).unwrap(), 1);
    }
}

#[test]
fn todas_las_direcciones_no_es_esta_maquina() {
    // 127.0.0.2 también es esta máquina: hace de otra de sus direcciones.
    let otra = Ipv4Addr::new(127, 0, 0, 2);
    let solo_en_una = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let puerto = solo_en_una.local_addr().unwrap().port();
    TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).unwrap();
    assert_eq!(TcpStream::connect((otra, puerto)).unwrap_err().kind(), ErrorKind::ConnectionRefused);

    let en_todas = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let puerto = en_todas.local_addr().unwrap().port();
    TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).unwrap();
    TcpStream::connect((otra, puerto)).unwrap();
}
