//! Todo lo que puede venir mal, del programa, del entorno o de la red: cada caso con su `errno` y con un texto que diga
//! qué pasó. Nada de esto puede terminar el proceso.

use crate::comun;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::comun::{PLAZO, Proceso};
use crate::hostil::{
    ACEPTADO, Conductor, HOLA, Oyente, Par, encabezado, hexa, mensaje, paquete, payload_de_paquete, sin_privilegios,
    trama,
};

const fn ms(cuantos: u64) -> Duration {
    Duration::from_millis(cuantos)
}

/// El plazo si nadie pide otro.
const DE_FABRICA: Duration = ms(5_000);

const LIMITE: i32 = 64 * 1024 * 1024;

/// Los bytes separados por espacios, como se leen en un texto de error.
fn hexa_legible(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// La conexión sigue sana: va y viene un mensaje.
#[track_caller]
fn sigue_viva(c: &Conductor, par: &Par, conexion: i64) {
    c.bien(&format!("mensaje {conexion} ida"));
    par.espera(&mensaje("ida"));
    par.mandar(&mensaje("vuelta"));
    assert_eq!(c.bien(&format!("operacion {conexion}")), 0);
    c.bien(&format!("recibir_mensaje {conexion}"));
    c.imprime("Me llego el mensaje vuelta");
}

/// La conversación terminó: lo próximo que se reciba es -1, y el par se entera.
#[track_caller]
fn termino(c: &Conductor, par: &Par, conexion: i64) {
    assert_eq!(c.pedir(&format!("operacion {conexion}")).ret, -1, "después de un error no hay más conversación");
    par.hasta_el_fin();
    c.bien(&format!("liberar {conexion}"));
}

// ---------------------------------------------------------------------------------------------------------------------
// crear_conexion
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn conectar_con_argumentos_malos() {
    let c = Conductor::nuevo();
    let casos: &[(&str, &str, &str, &[&str])] = &[
        ("NULL", "4444", "EINVAL", &["ip", "NULL"]),
        ("127.0.0.1", "NULL", "EINVAL", &["puerto", "NULL"]),
        ("NULL", "NULL", "EINVAL", &["NULL"]),
        ("192.168.0.256", "4444", "EINVAL", &["192.168.0.256", "255"]),
        ("1.2.3.4.5", "4444", "EINVAL", &["1.2.3.4.5"]),
        ("127.0.0", "4444", "EINVAL", &["127.0.0"]),
        ("%20", "4444", "EINVAL", &["IP"]),
        ("127.0.0.1", "99999", "EINVAL", &["99999", "65535"]),
        ("127.0.0.1", "65536", "EINVAL", &["65536", "65535"]),
        ("127.0.0.1", "0", "EINVAL", &["0", "65535"]),
        ("127.0.0.1", "-1", "EINVAL", &["-1", "65535"]),
        ("127.0.0.1", "abc", "EINVAL", &["abc"]),
        ("127.0.0.1", "4444x", "EINVAL", &["4444x"]),
        ("127.0.0.1", "44%2044", "EINVAL", &["44 44"]),
        ("127.0.0.1", "%20%0D%0A", "EINVAL", &["puerto"]),
        ("127.0.0.1", "99999999999999999999", "EINVAL", &["99999999999999999999"]),
    ];
    for (ip, puerto, errno, nombra) in casos {
        c.pedir(&format!("conectar {ip} {puerto}")).mal(errno, nombra);
    }
    c.terminar();
}

#[test]
fn conectar_a_un_nombre_que_no_existe() {
    let c = Conductor::nuevo();
    // «valor» es lo que devuelve config_get_string_value cuando se lee la clave equivocada. «.invalid» no existe nunca.
    c.pedir("conectar valor.invalid 4444").mal("EHOSTUNREACH", &["valor.invalid"]);
    c.pedir("conectar valor 4444").mal("EHOSTUNREACH", &["valor"]);
    c.terminar();
}

#[test]
fn conectar_con_blancos_alrededor() {
    let c = Conductor::nuevo();
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto;
    for (ip, puerto) in [
        ("127.0.0.1", format!("{puerto}%0D")),
        ("%20127.0.0.1%0A", puerto.to_string()),
        ("%09127.0.0.1%0D%0A", format!("%20{puerto}%20%0D%0A")),
        ("localhost", puerto.to_string()),
    ] {
        let conectar = c.lanzar(&format!("conectar {ip} {puerto}"));
        let par = oyente.aceptar();
        par.espera(&HOLA);
        par.mandar(&ACEPTADO);
        let conexion = c.resultado(conectar).bien();
        sigue_viva(&c, &par, conexion);
    }
    c.terminar();
}

#[test]
fn conectar_donde_nadie_escucha() {
    let c = Conductor::nuevo();
    let puerto = comun::puerto_libre();
    let respuesta = c.pedir(&format!("conectar 127.0.0.1 {puerto}"));
    respuesta.mal("ECONNREFUSED", &[&format!("127.0.0.1:{puerto}"), "servidor", "?"]);
    c.terminar();
}

#[test]
fn conectar_a_quien_no_acepta() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", "400")]);
    // Escucha y nunca llama a accept: el núcleo completa la conexión, el handshake no.
    let oyente = Oyente::nuevo();
    let (respuesta, tardo) = c.cronometrar(c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto)));
    respuesta.mal("ETIMEDOUT", &[&oyente.puerto.to_string(), "400"]);
    assert!(tardo >= ms(400) && tardo < DE_FABRICA, "{tardo:?}");

    // Con la cola llena ni siquiera se completa la conexión.
    let lleno = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    lleno.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    lleno.listen(0).unwrap();
    let puerto = lleno.local_addr().unwrap().as_socket().unwrap().port();
    let _ocupa_el_lugar = Par::mudo(puerto);
    let (respuesta, tardo) = c.cronometrar(c.lanzar(&format!("conectar 127.0.0.1 {puerto}")));
    respuesta.mal("ETIMEDOUT", &[&puerto.to_string(), "400"]);
    assert!(tardo >= ms(400) && tardo < DE_FABRICA, "{tardo:?}");
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// iniciar_servidor
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn iniciar_con_argumentos_malos() {
    let c = Conductor::nuevo();
    for (ip, puerto, nombra) in [
        ("300.1.1.1", "0", &["300.1.1.1"][..]),
        ("127.0.0.1", "abc", &["abc"]),
        ("127.0.0.1", "70000", &["70000", "65535"]),
        ("127.0.0.1", "-1", &["-1"]),
        ("127.0.0.1", "%20", &["puerto"]),
    ] {
        c.pedir(&format!("iniciar_en {ip} {puerto}")).mal("EINVAL", nombra);
    }
    // Una IP bien escrita que no es de esta máquina: la red de documentación (RFC 5737).
    c.pedir("iniciar_en 192.0.2.1 0").mal("EADDRNOTAVAIL", &["192.0.2.1"]);
    c.terminar();
}

#[test]
fn el_entorno_dice_donde_escuchar() {
    let puerto = comun::puerto_libre();
    let c = Conductor::con(&[("TP0_IP", "127.0.0.1"), ("TP0_PUERTO", &puerto.to_string())]);
    let servidor = c.bien("iniciar");
    assert_eq!(c.bien(&format!("puerto {servidor}")), i64::from(puerto));
    // Solo en esa IP.
    let otra = std::net::TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), puerto));
    assert!(otra.is_err(), "escucha también en otra IP");
    let (_par, _) = c.atender(servidor, puerto);

    // NULL es «lo que diga el entorno», y el puerto 0 cualquiera que esté libre.
    c.entorno("TP0_PUERTO", "0");
    let cualquiera = c.bien("iniciar_en NULL NULL");
    let elegido = u16::try_from(c.bien(&format!("puerto {cualquiera}"))).unwrap();
    assert_ne!(elegido, 0);
    let (_par, _) = c.atender(cualquiera, elegido);
    // Un argumento le gana al entorno.
    c.entorno("TP0_PUERTO", &puerto.to_string());
    c.bien("iniciar_en 127.0.0.1 0");
    c.terminar();
}

#[test]
fn entorno_malo() {
    let c = Conductor::nuevo();
    let oyente = Oyente::nuevo();
    let conectar = format!("conectar 127.0.0.1 {}", oyente.puerto);
    for (variable, valores, tambien_al_conectar) in [
        ("TP0_IP", &["300.1.1.1", "1.2.3", ""][..], false),
        ("TP0_PUERTO", &["abc", "-1", "65536", "", "44 44"], false),
        ("TP0_ESPERA_MS", &["abc", "-1", "", "1.5", "99999999999999999999"], true),
        ("TP0_TAMANIO_MAXIMO", &["abc", "-1", "", "64M", "99999999999999999999"], true),
    ] {
        for valor in valores {
            c.entorno(variable, valor);
            c.pedir("iniciar").mal("EINVAL", &[variable, valor]);
            if tambien_al_conectar {
                c.pedir(&conectar).mal("EINVAL", &[variable, valor]);
            }
        }
        c.bien(&format!("sin_entorno {variable}"));
    }
    c.bien("iniciar_en 127.0.0.1 0");
    c.terminar();
}

#[test]
fn puerto_en_uso() {
    let duenio = Conductor::nuevo();
    let (servidor, puerto) = duenio.servidor();
    let nombre = fs::read_to_string(format!("/proc/{}/comm", duenio.pid())).unwrap();
    let otro = Conductor::nuevo();
    let pid = duenio.pid().to_string();
    let respuesta = otro.pedir(&format!("iniciar_en 127.0.0.1 {puerto}"));
    respuesta.mal("EADDRINUSE", &[&puerto.to_string(), &pid, nombre.trim()]);
    // Por todas las interfaces también choca.
    let respuesta = otro.pedir(&format!("iniciar_en 0.0.0.0 {puerto}"));
    respuesta.mal("EADDRINUSE", &[&puerto.to_string(), &pid]);
    // El mismo programa dos veces.
    duenio.pedir(&format!("iniciar_en 127.0.0.1 {puerto}")).mal("EADDRINUSE", &[&puerto.to_string(), &pid]);
    // Y el primero sigue atendiendo.
    let _ = duenio.atender(servidor, puerto);
    // Liberado, se puede volver a usar enseguida.
    duenio.bien(&format!("liberar {servidor}"));
    otro.bien(&format!("iniciar_en 127.0.0.1 {puerto}"));
    otro.terminar();
    duenio.terminar();
}

#[test]
fn puerto_en_uso_por_un_proceso_de_otro_usuario() {
    if !comun::es_root() || !comun::exigir("setpriv") {
        return salteada("puerto_en_uso_por_un_proceso_de_otro_usuario", "solo root puede correr como otro usuario");
    }
    // /proc no deja mirar los descriptores de un proceso ajeno: el texto, entonces, dice con qué averiguarlo.
    let duenio = Conductor::nuevo();
    let (_, puerto) = duenio.servidor();
    let otro = sin_privilegios(&[]);
    otro.pedir(&format!("iniciar_en 127.0.0.1 {puerto}")).mal("EADDRINUSE", &[&puerto.to_string(), "lsof"]);
    otro.terminar();
    duenio.terminar();
}

#[test]
fn puerto_privilegiado_sin_permiso() {
    const PRUEBA: &str = "puerto_privilegiado_sin_permiso";
    let desde: u16 =
        fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap().trim().parse().unwrap();
    let c = match (comun::es_root(), desde >= 82) {
        (true, true) => sin_privilegios(&[]),
        // Una red nueva y vacía trae el valor de fábrica.
        (true, false) if comun::exigir("unshare") => sin_privilegios(&["unshare", "-n"]),
        (true, false) => return,
        (false, true) => Conductor::nuevo(),
        (false, false) => return salteada(PRUEBA, "acá cualquiera puede escuchar debajo de 1024"),
    };
    for puerto in ["80", "81"] {
        c.pedir(&format!("iniciar_en 0.0.0.0 {puerto}")).mal("EACCES", &[puerto, "1024"]);
    }
    c.terminar();
}

/// Lo que no depende de una herramienta sino de la máquina: se dice por su nombre, sin captura.
fn salteada(prueba: &str, por_que: &str) {
    let _ = writeln!(std::io::stderr(), "salteada {prueba}: {por_que}");
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes que mienten
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn codigos_de_operacion_negativos() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    for codigo in [-1_i32, -2, i32::MIN] {
        let (par, cliente) = c.atender(servidor, puerto);
        par.mandar(&codigo.to_le_bytes());
        let respuesta = c.pedir(&format!("operacion {cliente}"));
        respuesta.mal("EPROTO", &[&codigo.to_string()]);
        termino(&c, &par, cliente);

        let (par, cliente) = c.atender(servidor, puerto);
        par.mandar(&trama(codigo, b"hola\0"));
        c.pedir(&format!("paquete {cliente}")).lista_con_error("EPROTO", &[]);
        termino(&c, &par, cliente);
    }
    c.terminar();
}

#[test]
fn tamanios_que_mienten() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    for (tamanio, errno) in [
        (-1, "EPROTO"),
        (i32::MIN, "EPROTO"),
        (LIMITE + 1, "EMSGSIZE"),
        (i32::MAX, "EMSGSIZE"),
        // El de la guía: un código de un byte corre todo y 8 se lee como 0x08000000.
        (0x0800_0000, "EMSGSIZE"),
    ] {
        for codigo in [0, 1, 9] {
            let header = encabezado(codigo, tamanio);
            for funcion in ["recibir_mensaje", "buffer", "paquete"] {
                let (par, cliente) = c.atender(servidor, puerto);
                par.mandar(&header);
                assert_eq!(c.bien(&format!("operacion {cliente}")), i64::from(codigo));
                let respuesta = c.pedir(&format!("{funcion} {cliente}"));
                let nombra = [tamanio.to_string(), hexa_legible(&header[4..])];
                let nombra: Vec<&str> = nombra.iter().map(String::as_str).collect();
                respuesta.con_error(errno, &nombra);
                if errno == "EMSGSIZE" {
                    respuesta.con_error(errno, &[&hexa_legible(&header[..4])]);
                }
                match funcion {
                    "buffer" => assert_eq!((respuesta.ret, respuesta.campo("tamanio")), (-1, "0")),
                    "paquete" => respuesta.lista_con_error(errno, &[]),
                    _ => (),
                }
                termino(&c, &par, cliente);
            }
        }
        // Un mensaje entero, recibido sin recibir_operacion; y detrás, uno bueno que ya no se puede creer.
        let (par, cliente) = c.atender(servidor, puerto);
        par.mandar(&[encabezado(1, tamanio), mensaje("después de una mentira")].concat());
        c.pedir(&format!("paquete {cliente}")).lista_con_error(errno, &[&tamanio.to_string()]);
        termino(&c, &par, cliente);
    }
    c.terminar();
}

#[test]
fn el_limite_justo_y_el_del_entorno() {
    let c = Conductor::con(&[("TP0_TAMANIO_MAXIMO", "1000")]);
    let (servidor, puerto) = c.servidor();
    let oyente = Oyente::nuevo();
    let (par_a, a) = c.atender(servidor, puerto);
    let (par_b, b) = c.conectado(&oyente);
    // Uno que la biblioteca no hizo tiene el límite del entorno.
    let propio = c.bien(&format!("socket_propio 127.0.0.1 {}", oyente.puerto));
    let par_propio = oyente.aceptar();
    for (par, conexion) in [(&par_a, a), (&par_b, b), (&par_propio, propio)] {
        par.mandar(&trama(9, &[7; 1000]));
        assert_eq!(c.bien(&format!("operacion {conexion}")), 9);
        assert_eq!(c.pedir(&format!("buffer {conexion}")).campo("tamanio"), "1000");
        // Mandar uno justo, y uno de más (999 letras y el '\0' son 1000 bytes).
        c.bien(&format!("mensaje_largo {conexion} 999"));
        assert_eq!(par.recibir(1008)[..8], encabezado(0, 1000));
        c.pedir(&format!("mensaje_largo {conexion} 1000")).mal("EMSGSIZE", &["1001", "1000"]);
        sigue_viva(&c, par, conexion);
        par.mandar(&encabezado(9, 1001));
        assert_eq!(c.bien(&format!("operacion {conexion}")), 9);
        let respuesta = c.pedir(&format!("buffer {conexion}"));
        respuesta.mal("EMSGSIZE", &["1001", "1000", "TP0_TAMANIO_MAXIMO"]);
        termino(&c, par, conexion);
    }
    c.terminar();
}

#[test]
fn el_limite_de_fabrica() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    // 64 MiB contando el '\0': uno de más no sale, ni se lo copia a ningún lado.
    c.pedir(&format!("mensaje_largo {cliente} {LIMITE}")).mal("EMSGSIZE", &[&(LIMITE + 1).to_string()]);
    sigue_viva(&c, &par, cliente);
    // Un tamaño legal del que después llega poco: no es EMSGSIZE, es una conversación cortada.
    par.mandar(&encabezado(9, LIMITE));
    par.mandar(&[0; 5000]);
    assert_eq!(c.bien(&format!("operacion {cliente}")), 9);
    drop(par);
    c.pedir(&format!("buffer {cliente}")).mal("ECONNRESET", &[]);
    c.terminar();
}

#[test]
fn largos_internos_que_no_cierran() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let largo = |n: i32| n.to_le_bytes().to_vec();
    let sano = payload_de_paquete(&[b"hola\0"]);
    // Lo que no entra en una sola lectura (16 KiB) se recibe de a un valor, por otro camino.
    let largos = payload_de_paquete(&[&[b'x'; 30_000], &[b'y'; 3]]);
    let casos: Vec<(&str, Vec<u8>)> = vec![
        ("negativo", largo(-1)),
        ("el más negativo", [largo(i32::MIN), vec![0; 8]].concat()),
        ("más allá del final", [largo(6), b"hola\0".to_vec()].concat()),
        ("muchísimo más allá", [largo(i32::MAX), b"hola\0".to_vec()].concat()),
        ("el del foro", [largo(251_658_292), b"abc".to_vec()].concat()),
        ("sobra un byte", [sano.clone(), vec![1]].concat()),
        ("sobran dos", [sano.clone(), vec![1, 0]].concat()),
        ("sobran tres", [sano.clone(), vec![1, 0, 0]].concat()),
        ("el segundo miente", [sano.clone(), largo(1)].concat()),
        ("el segundo es negativo", [sano, largo(-4)].concat()),
        ("un solo byte", vec![1]),
        ("un texto pelado", b"hola\0".to_vec()),
    ];
    let con_los_de_antes = |(nombre, payload): &(&'static str, Vec<u8>)| (*nombre, [&largos[..], payload].concat());
    let detras_de_largos: Vec<_> = casos.iter().map(con_los_de_antes).collect();
    for (nombre, payload) in casos.into_iter().chain(detras_de_largos) {
        let (par, cliente) = c.atender(servidor, puerto);
        // El par se queda: si la llamada esperara los bytes que dice el largo, no volvería.
        par.mandar(&trama(1, &payload));
        assert_eq!(c.bien(&format!("operacion {cliente}")), 1, "{nombre}");
        c.pedir(&format!("paquete {cliente}")).lista_con_error("EPROTO", &[]);
        termino(&c, &par, cliente);

        // Lo que haya quedado detrás, leído o no, ya no es parte de ninguna conversación.
        let (par, cliente) = c.atender(servidor, puerto);
        par.mandar(&[trama(1, &payload), vec![0; 40_000]].concat());
        c.pedir(&format!("paquete {cliente}")).lista_con_error("EPROTO", &[]);
        termino(&c, &par, cliente);
    }
    // Y el que sí cierra: valores vacíos, y un paquete sin ninguno.
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&paquete(&[b"", b"x", b""]));
    c.pedir(&format!("paquete {cliente}")).lista(&[b"", b"x", b""]);
    par.mandar(&paquete(&[]));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 1);
    c.pedir(&format!("paquete {cliente}")).lista(&[]);
    // Valores binarios: cada uno con exactamente sus bytes y un '\0' de más después.
    par.mandar(&paquete(&[&[1, 0, 2, 0], &[0xff; 3]]));
    let respuesta = c.pedir(&format!("paquete {cliente} 4 3"));
    respuesta.lista(&[&[1, 0, 2, 0], &[0xff; 3]]);
    c.terminar();
}

#[test]
fn doscientos_mil_valores_vacios() {
    // Que cueste lo que la cantidad lo mide tests/rapidez/rapidez.rs.
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    let mandado = paquete(&vec![&b""[..]; 200_000]);
    let respuesta = thread::scope(|hilos| {
        hilos.spawn(|| par.mandar(&mandado));
        c.pedir(&format!("paquete {cliente}"))
    });
    assert_eq!(respuesta.bien(), 200_000);
    c.terminar();
}

#[test]
fn textos_raros() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    for (payload, imprime) in [
        (&b"sin fin"[..], "Me llego el mensaje sin fin"),
        (b"", "Me llego el mensaje "),
        (b"\0", "Me llego el mensaje "),
        (b"hasta\0basura", "Me llego el mensaje hasta"),
        (b"%s%n%d%99999d\0", "Me llego el mensaje %s%n%d%99999d"),
        (b"\xff\xfe acentos rotos\0", " acentos rotos"),
    ] {
        par.mandar(&trama(0, payload));
        assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
        c.bien(&format!("recibir_mensaje {cliente}"));
        let linea = c.imprime(imprime);
        assert!(linea.ends_with(imprime), "{payload:?} se imprimió como {linea:?}");
    }
    // Con recibir_buffer: los bytes tal cual, y el '\0' escondido que no cuenta.
    par.mandar(&trama(0, b"sin fin"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    let respuesta = c.pedir(&format!("buffer {cliente}"));
    assert_eq!(respuesta.campo("tamanio"), "7");
    assert_eq!(respuesta.campo("bytes"), hexa(b"sin fin"));
    assert_eq!(respuesta.campo("fin"), "0");
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// Argumentos malos en todas las demás
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn un_puntero_nulo_se_nombra_y_no_toca_la_conexion() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    c.pedir(&format!("mensaje {cliente} NULL")).mal("EINVAL", &["NULL"]);
    c.pedir(&format!("roto enviar nulo {cliente}")).mal("EINVAL", &["NULL"]);
    c.pedir("roto agregar nulo").mal("EINVAL", &["NULL"]);
    c.pedir("roto serializar nulo 8").mal("EINVAL", &["NULL"]);
    c.pedir("crear_buffer_nulo").con_error("EINVAL", &["NULL"]);
    c.pedir("agregar NULL 4").mal("EINVAL", &["NULL"]);
    // Nada que liberar no es un error.
    c.bien("roto eliminar nulo");
    c.bien("liberar_lista_nula");
    // Sin bytes no hace falta un puntero.
    let respuesta = c.pedir("agregar NULL 0");
    respuesta.bien();
    assert_eq!(respuesta.campo("size"), "4");
    // Nada de eso tocó la conexión.
    sigue_viva(&c, &par, cliente);
    // Sin dónde decir el tamaño no hay manera de usar lo recibido, y nadie sabe por dónde va la conversación: se termina.
    par.mandar(&trama(9, b"hola"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 9);
    c.pedir(&format!("buffer_sin_tamanio {cliente}")).mal("EINVAL", &["NULL"]);
    termino(&c, &par, cliente);
    c.terminar();
}

/// Cada función del header con algún puntero, y su llamada con todos sus punteros en NULL. El resto de lo que pide es bueno: un servidor, una
/// conexión, un tamaño.
fn llamadas_con_nulos() -> Vec<(String, String)> {
    let header = fs::read_to_string(comun::raiz().join("include/tp0.h")).unwrap();
    let sin_comentarios: String =
        header.split("/*").map(|parte| parte.split_once("*/").map_or(parte, |(_, resto)| resto)).collect();
    let sin_macros: Vec<&str> = sin_comentarios.lines().filter(|linea| !linea.starts_with('#')).collect();
    let prototipos = sin_macros.join(" ");
    let mut llamadas = Vec::new();
    for prototipo in prototipos.split([';', '}', '{']) {
        let Some((antes, parametros)) = prototipo.split_once('(') else { continue };
        let nombre = antes.rsplit([' ', '*']).next().unwrap();
        let es_puntero = |uno: &&str| uno.contains('*') || uno.contains("tp0_funcion_de_cliente");
        let parametros: Vec<&str> = parametros.split(')').next().unwrap().split(',').collect();
        if antes.contains("typedef") || nombre.is_empty() || !parametros.iter().any(es_puntero) {
            continue;
        }
        let valor = |uno: &&str| match uno.rsplit(' ').next().unwrap() {
            _ if es_puntero(uno) => "NULL",
            "servidor" => "servidor",
            "conexion" => "conexion",
            _ => "4",
        };
        let valores: Vec<&str> = parametros.iter().map(valor).collect();
        llamadas.push((nombre.to_owned(), format!("{nombre}({})", valores.join(", "))));
    }
    llamadas
}

/// Las que documentan que NULL vale: no hay nada que liberar, o vale lo que diga el entorno, o no interesa el dato.
const CON_NULL_ANDAN: &[&str] = &[
    "buffer_destroy",
    "eliminar_paquete",
    "tp0_eliminar_paquete",
    "tp0_esperar_cliente",
    "tp0_iniciar_servidor",
    "tp0_iniciar_servidor_con",
    "tp0_liberar_lista",
    "tp0_opciones_destruir",
];

#[test]
fn ninguna_funcion_del_header_muere_con_punteros_nulos() {
    let llamadas = llamadas_con_nulos();
    assert!(llamadas.len() > 40, "{llamadas:?}");
    // Cada una en su proceso: ninguna hereda lo que dejó la anterior.
    let casos: String = llamadas
        .iter()
        .map(|(nombre, llamada)| {
            format!("\tif (strcmp(caso, \"{nombre}\") == 0) {{ errno = EDOM; (void){llamada}; }}\n")
        })
        .collect();
    let fuente = comun::ruta_nueva("nulos").with_extension("c");
    fs::write(
        &fuente,
        format!(
            "#include <stdio.h>\n#include <string.h>\n#include <stdlib.h>\n#include <unistd.h>\n#include <tp0.h>\n#include <errno.h>\n\
             int main(int argc, char **argv)\n{{\n\tconst char *caso = argc > 1 ? argv[1] : \"\";\n\tchar puerto[8];\n\talarm(80);\n\
             \tint servidor = tp0_iniciar_servidor(\"127.0.0.1\", \"0\");\n\
             \tsnprintf(puerto, sizeof puerto, \"%d\", tp0_puerto(servidor));\n\
             \tint conexion = crear_conexion(\"127.0.0.1\", puerto);\n\
             {casos}\
             \tint e = errno;\n\tconst char *texto = tp0_error();\n\
             \tprintf(\"%s %s\\n\", strerrorname_np(e), texto == NULL ? \"(bien)\" : texto);\n\
             \treturn conexion < 0;\n}}\n"
        ),
    )
    .unwrap();
    let include = format!("-I{}", comun::raiz().join("include").display());
    let mut args = vec!["-D_GNU_SOURCE", "-Wno-nonnull", include.as_str()];
    let enlace = comun::enlace_tp0();
    args.extend(enlace.iter().map(String::as_str));
    let programa = comun::compilar("nulos", &[fuente.to_str().unwrap()], &args);
    for (nombre, llamada) in &llamadas {
        let mut orden = comun::orden(&programa);
        orden.arg(nombre).env("TP0_HANDSHAKE", "no").env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", "0");
        let salida = Proceso::lanzar(orden).terminar(PLAZO);
        salida.exigir_exito(llamada);
        let dicho = salida.stdout.trim_end();
        if CON_NULL_ANDAN.contains(&nombre.as_str()) {
            assert_eq!(dicho, "EDOM (bien)", "{llamada}");
        } else {
            assert!(dicho.starts_with("EINVAL ") && dicho.contains("NULL"), "{llamada}: {dicho}");
        }
    }
}

#[test]
fn tamanios_malos_al_agregar() {
    let c = Conductor::nuevo();
    for (tamanio, errno) in [(-1, "EINVAL"), (i32::MIN, "EINVAL"), (i32::MAX, "EMSGSIZE"), (i32::MAX - 3, "EMSGSIZE")] {
        // El valor tiene 5 bytes: si la biblioteca los copiara antes de mirar el tamaño, este programa moriría.
        let respuesta = c.pedir(&format!("agregar hola {tamanio}"));
        let negativo = tamanio.to_string();
        respuesta.mal(errno, &[if tamanio < 0 { &negativo } else { "" }]);
        assert_eq!(respuesta.campo("size"), "0", "el paquete quedó como estaba");
    }
    c.terminar();
}

#[test]
fn paquetes_mal_armados() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    for (clase, errno) in [
        ("sin_buffer", "EINVAL"),
        ("sin_stream", "EINVAL"),
        ("negativo", "EINVAL"),
        ("minimo", "EINVAL"),
        ("enorme", "EMSGSIZE"),
    ] {
        c.pedir(&format!("roto enviar {clase} {cliente}")).mal(errno, &[]);
        c.pedir(&format!("roto agregar {clase}")).mal(errno, &[]);
        c.pedir(&format!("roto serializar {clase} 24")).mal(errno, &[]);
        c.bien(&format!("roto eliminar {clase}"));
        // Nada de eso mandó un byte.
        sigue_viva(&c, &par, cliente);
    }
    c.pedir(&format!("roto enviar codigo_negativo {cliente}")).mal("EINVAL", &["-1"]);
    // `offset` es basura en los programas de verdad: no se mira.
    c.bien(&format!("roto enviar offset {cliente}"));
    par.espera(&paquete(&[]));
    c.bien("roto agregar offset");
    c.bien("roto eliminar offset");
    sigue_viva(&c, &par, cliente);
    c.terminar();
}

const CON_DESCRIPTOR: &[&str] =
    &["operacion {}", "buffer {}", "recibir_mensaje {}", "paquete {}", "mensaje {} hola", "enviar_paquete {} hola"];

#[track_caller]
fn con_todas(c: &Conductor, descriptor: i64, errno: &str, nombra: &[&str]) {
    for orden in CON_DESCRIPTOR {
        let respuesta = c.pedir(&orden.replace("{}", &descriptor.to_string()));
        respuesta.con_error(errno, nombra);
        match orden.split(' ').next().unwrap() {
            "paquete" => respuesta.lista_con_error(errno, nombra),
            _ => assert_eq!(respuesta.ret, -1, "{respuesta}"),
        }
    }
}

#[test]
fn descriptores_que_no_son() {
    let c = Conductor::nuevo();
    // Nunca lo fueron.
    for descriptor in [-1, -77, i64::from(i32::MIN), 9_999, i64::from(i32::MAX)] {
        con_todas(&c, descriptor, "EBADF", &[&descriptor.to_string()]);
        c.pedir(&format!("liberar {descriptor}")).con_error("EBADF", &[&descriptor.to_string()]);
        c.pedir(&format!("esperar {descriptor}")).mal("EBADF", &[&descriptor.to_string()]);
        c.pedir(&format!("puerto {descriptor}")).mal("EBADF", &[&descriptor.to_string()]);
    }
    // Un archivo: ni se lo usa ni se lo cierra.
    let archivo = c.bien("archivo");
    con_todas(&c, archivo, "EBADF", &[&archivo.to_string()]);
    c.pedir(&format!("liberar {archivo}")).con_error("EBADF", &[&archivo.to_string()]);
    c.pedir(&format!("esperar {archivo}")).mal("EBADF", &[]);
    c.pedir(&format!("puerto {archivo}")).mal("EBADF", &[]);
    assert!(c.bien(&format!("abierto {archivo}")) >= 0, "lo que no es un socket queda abierto");
    // Ni los tres de siempre.
    for estandar in 0..3 {
        c.pedir(&format!("liberar {estandar}")).con_error("EBADF", &[]);
        assert!(c.bien(&format!("abierto {estandar}")) >= 0);
    }
    c.terminar();
}

#[test]
fn liberado_dos_veces() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    c.bien(&format!("liberar {cliente}"));
    assert!(par.hasta_el_fin().is_empty());
    c.pedir(&format!("liberar {cliente}")).con_error("EBADF", &[&cliente.to_string()]);
    con_todas(&c, cliente, "EBADF", &[&cliente.to_string()]);
    c.bien(&format!("liberar {servidor}"));
    c.pedir(&format!("liberar {servidor}")).con_error("EBADF", &[]);
    c.pedir(&format!("esperar {servidor}")).mal("EBADF", &[]);
    // Cerrado por el programa con close(): lo mismo.
    let (servidor, puerto) = c.servidor();
    let (_par, cliente) = c.atender(servidor, puerto);
    c.bien(&format!("cerrar {cliente}"));
    con_todas(&c, cliente, "EBADF", &[]);
    c.pedir(&format!("liberar {cliente}")).con_error("EBADF", &[]);
    c.terminar();
}

#[test]
fn mandar_o_recibir_por_el_que_escucha() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    for orden in CON_DESCRIPTOR {
        let respuesta = c.pedir(&orden.replace("{}", &servidor.to_string()));
        let texto = respuesta.texto.clone().unwrap_or_else(|| panic!("tenía que fallar: {respuesta}"));
        assert!(texto.contains("escucha") && texto.contains("esperar_cliente"), "{respuesta}");
        assert_ne!(respuesta.errno, "EDOM", "{respuesta}");
        assert!(respuesta.ret <= 0, "{respuesta}");
    }
    // Equivocarse de descriptor no rompe el servidor.
    let (par, cliente) = c.atender(servidor, puerto);
    sigue_viva(&c, &par, cliente);
    // Y al revés: esperar clientes en una conexión.
    let respuesta = c.pedir(&format!("esperar {cliente}"));
    respuesta.mal("EINVAL", &["iniciar_servidor"]);
    sigue_viva(&c, &par, cliente);
    c.terminar();
}

#[test]
fn un_socket_sin_conectar_es_enotconn_y_no_mata_a_nadie() {
    // El `int socket_cliente = socket(...)` de quien no miró si connect() había fallado: sin SIGPIPE, con su texto.
    let c = Conductor::nuevo();
    for orden in CON_DESCRIPTOR {
        let suelto = c.bien("socket_suelto");
        let respuesta = c.pedir(&orden.replace("{}", &suelto.to_string()));
        respuesta.con_error("ENOTCONN", &[&suelto.to_string(), "conect"]);
        assert_eq!(respuesta.ret, if orden.starts_with("paquete") { 0 } else { -1 }, "{respuesta}");
        c.bien(&format!("cerrar {suelto}"));
    }
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// El par se fue
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn el_primer_envio_a_quien_se_fue_ya_falla() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let oyente = Oyente::nuevo();
    for (vuelta, orden) in
        ["mensaje {} hola", "enviar_paquete {} hola", "mensaje {} hola", "mensaje {} hola"].into_iter().enumerate()
    {
        for del_servidor in [true, false] {
            let (par, conexion) = if del_servidor { c.atender(servidor, puerto) } else { c.conectado(&oyente) };
            // La conexión se usó hace menos de un milisegundo, y también así se nota.
            c.bien(&format!("mensaje {conexion} antes"));
            par.espera(&mensaje("antes"));
            let par = match vuelta {
                2 => {
                    par.no_mando_mas();
                    Some(par)
                }
                3 => {
                    par.0.shutdown(std::net::Shutdown::Both).unwrap();
                    Some(par)
                }
                _ => {
                    par.irse();
                    None
                }
            };
            par.iter().for_each(Par::se_ve_ido);
            // El contrato: si llegó hace más de un milisegundo.
            thread::sleep(ms(2));
            let respuesta = c.pedir(&orden.replace("{}", &conexion.to_string()));
            respuesta.mal("EPIPE", &[]);
            // Insistir no cambia nada, y sobre todo no mata a nadie (SIGPIPE está como viene de fábrica).
            for _ in 0..3 {
                c.pedir(&orden.replace("{}", &conexion.to_string())).mal("EPIPE", &[]);
            }
            c.bien(&format!("liberar {conexion}"));
            drop(par);
        }
    }
    c.terminar();
}

#[test]
fn el_par_resetea_mientras_le_mandan() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    // Más de lo que entra en los buffers del núcleo: queda trabado hasta que el par se va.
    let envio = c.lanzar(&format!("mensaje_largo {cliente} 30000000"));
    par.recibir(1000);
    par.resetear();
    let respuesta = c.resultado(envio);
    assert_eq!(respuesta.ret, -1, "{respuesta}");
    assert!(["EPIPE", "ECONNRESET"].contains(&respuesta.errno.as_str()), "{respuesta}");
    assert!(respuesta.texto.is_some(), "{respuesta}");
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// Descriptores con opciones del programa
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn descriptor_no_bloqueante() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    c.bien(&format!("no_bloqueante {cliente}"));
    // Recibe a cuentagotas.
    let operacion = c.lanzar(&format!("operacion {cliente}"));
    let enviado = mensaje("de a poco");
    par.gotear(&enviado[..4]);
    assert_eq!(c.resultado(operacion).bien(), 0);
    let recibir = c.lanzar(&format!("recibir_mensaje {cliente}"));
    par.gotear(&enviado[4..]);
    c.resultado(recibir).bien();
    c.imprime("Me llego el mensaje de a poco");
    // Manda más de lo que entra en los buffers a un par que tarda en leer.
    let envio = c.lanzar(&format!("mensaje_largo {cliente} 8000000"));
    c.adentro(&envio);
    let recibido = par.recibir(8 + 8_000_001);
    assert_eq!(recibido[..8], encabezado(0, 8_000_001));
    assert!(recibido[8..8_000_008].iter().all(|byte| *byte == b'x'));
    c.resultado(envio).bien();
    // Y el que escucha también puede serlo.
    c.bien(&format!("no_bloqueante {servidor}"));
    let espera = c.lanzar(&format!("esperar {servidor}"));
    c.adentro(&espera);
    let par = Par::saludo(puerto);
    par.espera(&ACEPTADO);
    c.resultado(espera).bien();
    c.terminar();
}

#[test]
fn plazo_de_recepcion_del_programa() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    for funcion in ["operacion", "paquete"] {
        let (par, cliente) = c.atender(servidor, puerto);
        c.bien(&format!("plazo_recepcion {cliente} 100"));
        let (respuesta, tardo) = c.cronometrar(c.lanzar(&format!("{funcion} {cliente}")));
        respuesta.con_error("EAGAIN", &[]);
        assert!(tardo >= ms(100), "{tardo:?}");
        // No se había movido ni un byte: la conversación sigue.
        sigue_viva(&c, &par, cliente);
        // A mitad de un código ya no hay vuelta atrás.
        par.mandar(&[0, 0]);
        c.pedir(&format!("operacion {cliente}")).mal("EAGAIN", &[]);
        let respuesta = c.pedir(&format!("operacion {cliente}"));
        assert!(respuesta.ret == -1 && respuesta.errno != "EAGAIN", "{respuesta}");
        par.hasta_el_fin();
    }
    c.terminar();
}

#[test]
fn plazo_de_recepcion_del_programa_en_el_que_escucha() {
    const DEL_HANDSHAKE: Duration = ms(20_000);
    let c = Conductor::con(&[("TP0_ESPERA_MS", "20000")]);
    let (servidor, puerto) = c.servidor();
    c.bien(&format!("plazo_recepcion {servidor} 150"));
    let a_tiempo = || {
        let (respuesta, tardo) = c.cronometrar(c.lanzar(&format!("esperar {servidor}")));
        respuesta.mal("EAGAIN", &[]);
        assert!(tardo >= ms(150) && tardo < DEL_HANDSHAKE, "{tardo:?}");
    };
    a_tiempo();
    // Con un handshake sin terminar también, y no se lo pierde.
    let lento = Par::mudo(puerto);
    lento.mandar(&HOLA[..1]);
    a_tiempo();
    a_tiempo();
    lento.mandar(&HOLA[1..]);
    let cliente = c.bien(&format!("esperar {servidor}"));
    lento.espera(&ACEPTADO);
    sigue_viva(&c, &lento, cliente);
    c.terminar();
}

#[test]
fn plazo_de_envio_del_programa() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    c.bien(&format!("plazo_envio {cliente} 150"));
    let respuesta = c.pedir(&format!("mensaje_largo {cliente} 30000000"));
    respuesta.mal("EAGAIN", &[]);
    // Salió a medias: la conexión terminó, y el par ve un mensaje cortado, nunca uno mezclado.
    c.pedir(&format!("mensaje {cliente} hola")).mal("EPIPE", &[]);
    let recibido = par.hasta_el_fin();
    assert!(recibido.len() < 30_000_009);
    assert_eq!(recibido[..8], encabezado(0, 30_000_001));
    assert!(recibido[8..].iter().all(|byte| *byte == b'x'));
    c.terminar();
}

#[test]
fn las_seniales_no_cortan_una_conversacion() {
    // Un manejador sin SA_RESTART hace que recv y send vuelvan con EINTR: la biblioteca sigue donde estaba.
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&[0, 0]);
    c.bien("manejador corta");
    let operacion = c.lanzar(&format!("operacion {cliente}"));
    c.interrumpir(&operacion);
    par.mandar(&mensaje("con señales")[2..]);
    assert_eq!(c.resultado(operacion).bien(), 0);
    c.bien(&format!("recibir_mensaje {cliente}"));
    c.imprime("Me llego el mensaje con señales");
    let envio = c.lanzar(&format!("mensaje_largo {cliente} 8000000"));
    c.interrumpir(&envio);
    assert_eq!(par.recibir(8 + 8_000_001)[..8], encabezado(0, 8_000_001));
    c.resultado(envio).bien();
    // Ni el handshake de quien se conecta.
    let oyente = Oyente::nuevo();
    let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let par = oyente.aceptar();
    par.espera(&HOLA);
    c.interrumpir(&conectar);
    par.mandar(&ACEPTADO);
    let conexion = c.resultado(conectar).bien();
    assert_eq!(c.bien("seniales"), 3, "las tres llegaron de verdad");
    sigue_viva(&c, &par, conexion);
    c.terminar();
}

#[test]
fn sin_descriptores_libres() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    let oyente = Oyente::nuevo();
    let esperando = Par::saludo(puerto);
    c.bien("limite_descriptores 12");
    let mut archivos = Vec::new();
    loop {
        let abierto = c.pedir("archivo");
        if abierto.ret < 0 {
            break;
        }
        archivos.push(abierto.ret);
    }
    assert!(!archivos.is_empty());
    c.pedir(&format!("conectar 127.0.0.1 {}", oyente.puerto)).mal("EMFILE", &["12"]);
    c.pedir("iniciar_en 127.0.0.1 0").mal("EMFILE", &["12"]);
    // Quien espera clientes, espera también el descriptor.
    let espera = c.en_hilo(&format!("esperar {servidor}"));
    // Lo que ya está abierto sigue andando, y termina como siempre.
    sigue_viva(&c, &par, cliente);
    drop(par);
    c.pedir(&format!("operacion {cliente}")).mal("0", &[]);
    assert_eq!(c.pedir(&format!("recv {cliente} 4")).ret, 0);
    c.pedir(&format!("operacion {cliente}")).mal("0", &[]);
    c.bien(&format!("liberar {cliente}"));
    // Con lugar de nuevo, quien esperaba entra.
    c.bien(&format!("cerrar {}", archivos[0]));
    c.resultado(espera).bien();
    esperando.espera(&ACEPTADO);
    c.terminar();
}

#[test]
fn sin_descriptores_estandar() {
    let programa = comun::compilar_con_tp0("hostil_sin_estandar", &["hostil_sin_estandar.c"]);
    // Los tres; el 1 y el 2; o sólo el 2.
    for desde in ["0", "1", "2"] {
        let informe = comun::ruta_nueva("informe");
        let mut orden = comun::orden(&programa);
        orden.arg(&informe).arg(desde);
        let salida = Proceso::lanzar(orden).terminar(PLAZO);
        let dicho = fs::read_to_string(&informe).unwrap_or_default();
        assert_eq!(salida.codigo, Some(0), "desde {desde}: {dicho}\n{salida}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Un servidor con la forma del esqueleto, sin cambiarle nada
// ---------------------------------------------------------------------------------------------------------------------

/// Lo que manda un par hostil después de un handshake bueno: cada caso, escrito a mano.
fn escritas_a_mano() -> Vec<Vec<u8>> {
    let largo = |n: i32| n.to_le_bytes().to_vec();
    let mut casos = vec![
        vec![],
        vec![0],
        vec![0xff; 3],
        vec![0xff; 64],
        vec![0; 64],
        b"GET / HTTP/1.1\r\nHost: tp0\r\n\r\n".to_vec(),
        encabezado(-1, -1),
        encabezado(i32::MAX, i32::MAX),
        encabezado(7, -1),
        encabezado(7, 0),
        encabezado(7, 1_000_000),
        trama(99, b"algo"),
        trama(0, b"sin fin"),
        trama(0, b"%n%n%n%s%s%s"),
        trama(0, b""),
        trama(0, &[b'%'; 5000]),
        trama(1, &largo(-1)),
        trama(1, &largo(0)),
        trama(1, &largo(i32::MIN)),
        trama(1, &[largo(i32::MAX), largo(i32::MAX)].concat()),
        trama(1, b"abc"),
        trama(1, &vec![0; 40_000]),
        [mensaje("bien"), encabezado(0, i32::MIN)].concat(),
        [paquete(&[b"bien\0"]), encabezado(1, LIMITE + 1)].concat(),
        [mensaje("dos"), mensaje("seguidos"), paquete(&[b"x"]), vec![1, 0]].concat(),
    ];
    for tamanio in [-1, i32::MIN, LIMITE, LIMITE + 1, i32::MAX, 0x0800_0000, 5] {
        for codigo in 0..2 {
            casos.push(encabezado(codigo, tamanio));
            casos.push([encabezado(codigo, tamanio), vec![0xff; 40]].concat());
        }
    }
    casos
}

/// Bytes al azar, siempre los mismos: con enteros chicos a propósito, para que los headers sean creíbles.
fn al_azar() -> Vec<Vec<u8>> {
    let mut semilla = 0x2545_f491_4f6c_dd1d_u64;
    let mut azar = move || {
        semilla ^= semilla << 13;
        semilla ^= semilla >> 7;
        semilla ^= semilla << 17;
        semilla
    };
    let mut casos = Vec::new();
    for _ in 0..150 {
        let palabras = azar() % 12;
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 0..palabras {
            let n = azar();
            let palabra = if n % 4 == 0 { n >> 32 } else { (n >> 8) % 12 };
            bytes.extend(&palabra.to_le_bytes()[..4]);
        }
        bytes.truncate(bytes.len().saturating_sub(usize::try_from(azar() % 4).unwrap()));
        // El 50 es el código con el que este servidor termina: que no lo adivine el azar.
        if !bytes.contains(&50) {
            casos.push(bytes);
        }
    }
    casos
}

fn maltratar(orden: Command, puerto: u16, casos: &[Vec<u8>]) {
    let servidor = Proceso::lanzar(orden);
    servidor.esperar_linea("Listo", PLAZO);
    for caso in casos {
        let par = Par::saludo(puerto);
        par.espera(&ACEPTADO);
        // El servidor puede cortar antes de que se termine de mandar: también es una respuesta.
        let _ = (&par.0).write_all(caso);
        if caso.len() % 3 == 2 {
            par.resetear();
        }
    }
    let bueno = Par::saludo(puerto);
    bueno.espera(&ACEPTADO);
    bueno.mandar(&mensaje("todavía andás"));
    servidor.esperar_linea("Me llego el mensaje todavía andás", PLAZO);
    bueno.mandar(&paquete(&[b"uno\0", b"dos\0"]));
    servidor.esperar_linea("Me llegaron 2 valores", PLAZO);
    servidor.esperar_linea("Valor: uno", PLAZO);
    servidor.esperar_linea("Valor: dos", PLAZO);
    bueno.mandar(&50_i32.to_le_bytes());
    servidor.terminar(PLAZO).exigir_exito("el servidor maltratado");
}

fn orden_servidor(mut orden: Command, puerto: u16) -> Command {
    orden.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    orden
}

#[test]
fn un_servidor_del_esqueleto_sobrevive_a_todo() {
    let programa = comun::compilar_con_tp0("hostil_servidor", &["hostil_servidor.c"]);
    let puerto = comun::puerto_libre();
    maltratar(orden_servidor(comun::orden(programa), puerto), puerto, &[escritas_a_mano(), al_azar()].concat());
}

#[test]
fn un_servidor_del_esqueleto_sobrevive_bajo_valgrind() {
    if !comun::exigir("valgrind") {
        return;
    }
    let programa = comun::compilar_con_tp0("hostil_servidor", &["hostil_servidor.c"]);
    let puerto = comun::puerto_libre();
    // Los escritos a mano alcanzan: valgrind es lento y lo que se busca es una lectura de más.
    maltratar(orden_servidor(comun::orden_valgrind(programa, &[]), puerto), puerto, &escritas_a_mano());
}
