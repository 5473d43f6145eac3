//! `tp0 intermediario`: lo que muestra, lo que no cambia, y cada una de sus fallas.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "andamio de pruebas: fallar con un texto claro es su manera de avisar"
)]

#[path = "../../tests/comun/mod.rs"]
mod comun;
#[path = "../../tests/comun/ejemplos.rs"]
mod ejemplos;
#[path = "comun/manos.rs"]
mod manos;

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::{Duration, Instant};

use comun::ajeno::{Ajeno, Oyente, mensaje, operacion, paquete};
use comun::{PLAZO, Proceso, exigir, ruta_nueva};
use ejemplos::{Lengua, ejemplo, puerto_de};
use manos::{escuchando_en, tp0};

/// Un intermediario delante de ese puerto.
fn delante_de(puerto: u16, fallas: &[&str]) -> (Proceso, u16) {
    escuchando_en(tp0(&[&["intermediario", "127.0.0.1:0", &puerto.to_string()], fallas].concat()))
}

/// Los dos extremos de una conexión que pasa por un intermediario con esas fallas: quien llamó y quien atendió.
fn a_traves(fallas: &[&str]) -> (Proceso, Ajeno, Ajeno) {
    let oyente = Oyente::nuevo();
    let (intermediario, puerto) = delante_de(oyente.puerto, fallas);
    let cliente = Ajeno::conectar(puerto);
    let servidor = oyente.aceptar();
    (intermediario, cliente, servidor)
}

/// Presentados, además.
fn saludados(fallas: &[&str]) -> (Proceso, Ajeno, Ajeno) {
    let (intermediario, mut cliente, mut servidor) = a_traves(fallas);
    cliente.escribir(&[1, 0, 0, 0]);
    assert_eq!(servidor.leer(4), [1, 0, 0, 0]);
    servidor.escribir(&[0; 4]);
    assert_eq!(cliente.leer(4), [0; 4]);
    (intermediario, cliente, servidor)
}

/// Lee hasta que corten, y cómo cortaron.
fn hasta_el_corte(ajeno: &Ajeno) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let fin = ajeno.socket().read_to_end(&mut bytes);
    (bytes, fin.err().map(|error| error.kind()))
}

#[test]
fn muestra_los_mensajes_de_los_dos_y_no_les_cambia_un_byte() {
    let (intermediario, mut cliente, mut servidor) = saludados(&[]);
    let ida = [mensaje("hola"), paquete(&[b"uno\0", b"\0"]), operacion(9, &[1, 2, 3])].concat();
    cliente.escribir(&ida);
    assert_eq!(servidor.leer(ida.len()), ida);
    servidor.escribir(&mensaje("chau"));
    assert_eq!(cliente.leer(13), mensaje("chau"));
    // Quien termina de hablar todavía puede escuchar.
    cliente.no_escribo_mas();
    assert_eq!(servidor.leer_hasta_el_fin(), []);
    servidor.escribir(&mensaje("lo último"));
    assert_eq!(cliente.leer(mensaje("lo último").len()), mensaje("lo último"));
    drop(servidor);
    assert_eq!(cliente.leer_hasta_el_fin(), []);
    for visto in [
        "<- handshake 1",
        "-> handshake 1",
        "<- handshake 0 (OK)",
        "<- MENSAJE (0), 5 bytes: \"hola\"",
        "-> MENSAJE (0), 5 bytes: \"hola\"",
        "<- PAQUETE (1), 13 bytes, 2 valores: \"uno\", \"\"",
        "<- código 9, 3 bytes: 01 02 03",
        "-> MENSAJE (0), 5 bytes: \"chau\"",
        "] close(",
    ] {
        intermediario.esperar_linea(visto, PLAZO);
    }
    intermediario.senial(libc::SIGINT);
    intermediario.terminar(PLAZO).exigir_exito("el intermediario");
}

/// Bytes cualesquiera, que no son de este protocolo, y muchos: pasan igual.
#[test]
fn lo_que_no_entiende_pasa_igual() {
    let (intermediario, cliente, servidor) = a_traves(&["--handshake", "no"]);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|numero| numero.to_le_bytes()[0] ^ 0xa5).collect();
    let (mut de, esperados) = (cliente.socket(), bytes.clone());
    let manda = thread::spawn(move || {
        de.write_all(&bytes).unwrap();
        de.shutdown(Shutdown::Write).unwrap();
    });
    let (llegaron, corte) = hasta_el_corte(&servidor);
    manda.join().unwrap();
    assert!(corte.is_none() && llegaron == esperados, "llegaron {} bytes; {corte:?}", llegaron.len());
    intermediario.esperar_linea("=> De ahí en más pasa sin mostrarse", PLAZO);
}

#[test]
fn entre_dos_programas_de_la_biblioteca_y_el_diagrama_de_los_tres() {
    if !exigir("gcc") {
        return;
    }
    let mut servidor = ejemplo(Lengua::C, "cadena");
    servidor.args(["C", "0"]).env("TP0_IP", "127.0.0.1").env("TP0_TRAZA", "1");
    let servidor = Proceso::lanzar(servidor);
    let trazas = ["cliente", "medio", "servidor"].map(|quien| ruta_nueva(quien).with_extension("traza"));
    let (intermediario, puerto) =
        delante_de(puerto_de(&servidor), &["--rebanar", "--sentido", "ambos", "--traza", trazas[1].to_str().unwrap()]);
    let mut cliente = ejemplo(Lengua::C, "seis_funciones");
    cliente.args(["cliente", "127.0.0.1", &puerto.to_string(), "hola"]).env("TP0_TRAZA", "1");
    let cliente = Proceso::lanzar(cliente).terminar(PLAZO);
    assert!(cliente.exigir_exito("el cliente").stdout.contains("hola > C"), "{cliente}");
    intermediario.esperar_linea("] close(", PLAZO);
    intermediario.senial(libc::SIGINT);
    intermediario.terminar(PLAZO).exigir_exito("el intermediario");
    servidor.senial(libc::SIGINT);
    fs::write(&trazas[0], cliente.stderr).unwrap();
    fs::write(&trazas[2], servidor.terminar(PLAZO).exigir_exito("el servidor").stderr.as_bytes()).unwrap();
    let dibujo = ruta_nueva("dibujo");
    let mut diagrama = tp0(&["diagrama", "-o"]);
    diagrama.arg(&dibujo).args(&trazas);
    Proceso::lanzar(diagrama).terminar(PLAZO).exigir_exito("el diagrama");
    let mermaid = fs::read_to_string(dibujo.with_extension("mmd")).unwrap();
    let ida_y_vuelta = [
        "P0->>P1: MENSAJE (0), 5 bytes",
        "P1->>P2: MENSAJE (0), 5 bytes",
        "P2->>P1: MENSAJE (0), 9 bytes",
        "P1->>P0: MENSAJE (0), 9 bytes",
    ];
    let lugares: Vec<Option<usize>> = ida_y_vuelta.iter().map(|flecha| mermaid.find(flecha)).collect();
    assert!(lugares.iter().all(Option::is_some) && lugares.is_sorted(), "{lugares:?}\n{mermaid}");
    assert!(!mermaid.contains("P3"), "son tres columnas: {mermaid}");
}

#[test]
fn corta_o_resetea_justo_despues_de_tantos_bytes() {
    for (falla, esperado, dicho) in [
        ("--cortar", None, "falla: se cierra después de 10 bytes"),
        ("--resetear", Some(ErrorKind::ConnectionReset), "falla: RST después de 10 bytes"),
    ] {
        let (intermediario, mut cliente, servidor) = saludados(&[falla, "10"]);
        cliente.escribir(&mensaje("hola"));
        // De los 10, 4 son del handshake. Un RST descarta lo que todavía no se leyó.
        let (llegaron, corte) = hasta_el_corte(&servidor);
        assert_eq!(corte, esperado, "{falla}");
        assert!(mensaje("hola")[..6].starts_with(&llegaron), "{falla}: {llegaron:?}");
        if falla == "--cortar" {
            assert_eq!(llegaron.len(), 6);
        }
        assert_eq!(hasta_el_corte(&cliente).1, esperado, "{falla}");
        intermediario.esperar_linea(dicho, PLAZO);
    }
}

#[test]
fn en_la_vuelta_tambien() {
    let (_intermediario, mut cliente, mut servidor) = saludados(&["--cortar", "7", "--sentido", "vuelta"]);
    cliente.escribir(&mensaje("la ida pasa entera"));
    assert_eq!(servidor.leer(27), mensaje("la ida pasa entera"));
    servidor.escribir(&mensaje("hola"));
    assert_eq!(cliente.leer_hasta_el_fin(), mensaje("hola")[..3]);
}

#[test]
fn miente_en_el_tamanio_de_un_mensaje_y_en_nada_mas() {
    let (intermediario, mut cliente, mut servidor) = saludados(&["--mentir", "-1", "--en", "2"]);
    cliente.escribir(&[mensaje("uno"), mensaje("dos"), mensaje("tres")].concat());
    let mut mentido = mensaje("dos");
    mentido[4..8].fill(255);
    let esperado = [mensaje("uno"), mentido, mensaje("tres")].concat();
    assert_eq!(servidor.leer(esperado.len()), esperado);
    intermediario.esperar_linea("-> un header que no puede ser: MENSAJE (0) y tamaño -1", PLAZO);
    cliente.no_escribo_mas();
    assert_eq!(servidor.leer_hasta_el_fin(), []);
}

/// Los segmentos con datos que le llegaron a un socket, según el kernel.
fn segmentos(ajeno: &Ajeno) -> u32 {
    // El lugar de tcpi_data_segs_in en el tcp_info de Linux, que sólo crece por el final.
    const DONDE: usize = 152;
    let mut datos = [0_u8; 256];
    let mut largo = libc::socklen_t::try_from(datos.len()).unwrap();
    let socket = ajeno.socket();
    // SAFETY: el kernel escribe a lo sumo `largo` bytes, que son los de `datos`, y los dos viven durante la llamada.
    let leido = unsafe {
        let (datos, largo) = (datos.as_mut_ptr().cast(), &raw mut largo);
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, datos, largo)
    };
    assert_eq!(leido, 0);
    u32::from_ne_bytes(datos[DONDE..DONDE + 4].try_into().unwrap())
}

#[test]
fn rebana_de_a_un_byte() {
    let contar = |fallas: &[&str]| {
        let (_intermediario, mut cliente, mut servidor) = saludados(fallas);
        cliente.escribir(&mensaje("de a uno"));
        assert_eq!(servidor.leer(17), mensaje("de a uno"));
        segmentos(&servidor)
    };
    assert_eq!(contar(&[]), 2, "el handshake y el mensaje");
    // Lo que no entra en la ventana del comienzo, el kernel lo puede juntar.
    let rebanado = contar(&["--rebanar"]);
    assert!((10..=21).contains(&rebanado), "{rebanado}");
}

#[test]
fn demora_y_ritmo_dejan_pasar_todo_pero_no_antes() {
    // Cotas de abajo: una máquina ocupada sólo puede tardar más.
    let (_intermediario, mut cliente, mut servidor) = saludados(&["--demora", "150", "--sentido", "vuelta"]);
    let antes = Instant::now();
    cliente.escribir(&mensaje("ida"));
    servidor.leer(12);
    servidor.escribir(&mensaje("vuelta"));
    assert_eq!(cliente.leer(15), mensaje("vuelta"));
    assert!(antes.elapsed() >= Duration::from_millis(150), "{:?}", antes.elapsed());

    let (_intermediario, mut cliente, mut servidor) = saludados(&["--ritmo", "1000"]);
    let antes = Instant::now();
    let texto = "a".repeat(491);
    cliente.escribir(&mensaje(&texto));
    assert_eq!(servidor.leer(500), mensaje(&texto));
    // La última porción, de 100, ya se leyó cuando se espera por ella.
    assert!(antes.elapsed() >= Duration::from_millis(390), "{:?}", antes.elapsed());
}

/// Lo que hace uno de los dos le llega al otro igual: también un RST.
#[test]
fn un_rst_pasa_como_rst() {
    let (intermediario, cliente, servidor) = saludados(&[]);
    socket2::SockRef::from(&cliente.socket()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(cliente);
    assert_eq!(hasta_el_corte(&servidor).1, Some(ErrorKind::ConnectionReset));
    intermediario.esperar_linea("<- corte: el otro lado cortó la conexión (RST)", PLAZO);
}

/// Cincuenta a la vez, cada una con lo suyo; y una demorada no demora a las demás.
#[test]
fn muchas_conexiones_a_la_vez() {
    const CUANTAS: usize = 50;
    let oyente = Oyente::nuevo();
    let (intermediario, puerto) = delante_de(oyente.puerto, &[]);
    let pares: Vec<(Ajeno, Ajeno)> = (0..CUANTAS)
        .map(|_| {
            let cliente = Ajeno::conectar(puerto);
            (cliente, oyente.aceptar())
        })
        .collect();
    thread::scope(|hilos| {
        for (numero, (mut cliente, mut servidor)) in pares.into_iter().enumerate() {
            hilos.spawn(move || {
                cliente.escribir(&[1, 0, 0, 0]);
                servidor.leer(4);
                servidor.escribir(&[0; 4]);
                cliente.leer(4);
                for vez in 0..5 {
                    let texto = mensaje(&format!("{numero} {vez}"));
                    cliente.escribir(&texto);
                    assert_eq!(servidor.leer(texto.len()), texto);
                    servidor.escribir(&texto);
                    assert_eq!(cliente.leer(texto.len()), texto);
                }
            });
        }
    });
    for numero in 0..CUANTAS {
        intermediario.esperar_linea(
            &format!("<- MENSAJE (0), {} bytes: \"{numero} 4\"", format!("{numero} 4").len() + 1),
            PLAZO,
        );
    }
}

/// Ctrl-C con una conexión abierta, otra que nadie lee y otra demorada: termina con 0 y suelta el puerto.
#[test]
fn ctrl_c_con_conexiones_abiertas() {
    let oyente = Oyente::nuevo();
    let (intermediario, puerto) = delante_de(oyente.puerto, &["--demora", "600000"]);
    let mut demorada = Ajeno::conectar(puerto);
    let del_otro_lado = oyente.aceptar();
    demorada.escribir(&[1, 0, 0, 0]);
    intermediario.esperar_linea("<- handshake 1", PLAZO);
    intermediario.senial(libc::SIGINT);
    let salida = intermediario.terminar(PLAZO);
    salida.exigir_exito("el intermediario");
    assert_eq!(hasta_el_corte(&del_otro_lado), (Vec::new(), None));
    TcpListener::bind((Ipv4Addr::LOCALHOST, puerto)).expect("el puerto quedó libre");
}

/// Se conecta a quien enseguida va a cortar con un RST: puede verse ya al conectarse, o al leer.
fn llamar_a_quien_corta(puerto: u16) {
    let corte = TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).and_then(|mut socket| {
        socket.set_read_timeout(Some(PLAZO))?;
        socket.read(&mut [0])
    });
    assert_eq!(corte.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}

#[test]
fn sin_destino_dice_que_no_esta() {
    let nadie = comun::puerto_libre();
    let (intermediario, puerto) = delante_de(nadie, &[]);
    llamar_a_quien_corta(puerto);
    let salida = intermediario.terminar(PLAZO);
    assert_eq!(salida.codigo, Some(2), "{salida}");
    assert_eq!(salida.stderr, format!("tp0: No pude conectarme con 127.0.0.1:{nadie}: nadie escucha ahí.\n"));

    // El que estuvo y se fue puede volver: se sigue.
    let oyente = Oyente::nuevo();
    let destino = oyente.puerto;
    let (intermediario, puerto) = delante_de(destino, &[]);
    let _primera = (Ajeno::conectar(puerto), oyente.aceptar());
    drop(oyente);
    llamar_a_quien_corta(puerto);
    intermediario.esperar_linea("y no pude conectarme con 127.0.0.1:", PLAZO);
    intermediario.senial(libc::SIGINT);
    intermediario.terminar(PLAZO).exigir_exito("el intermediario");
}

#[test]
fn las_fallas_que_no_pueden_ser_se_dicen() {
    for (fallas, razon) in [
        (&["--cortar", "1", "--resetear", "1"][..], "no va con las demás"),
        (&["--ritmo", "0"], "«0» no vale para «--ritmo <BYTES>»"),
        (&["--mentir", "hola"], "«hola» no es un tamaño de 4 bytes"),
        (&["--tamanio", "u8", "--mentir", "256"], "«256» no es un tamaño de 1 byte"),
        (&["--mentir", "1", "--en", "0"], "con --en se pidió el 0"),
        (&["--sentido", "arriba"], "«arriba» no vale para «--sentido <SENTIDO>»"),
        (&["--mensaje", "1"], "La descripción del cable se contradice"),
    ] {
        let orden = tp0(&[&["intermediario", "127.0.0.1:0", "4444"], fallas].concat());
        let salida = Proceso::lanzar(orden).terminar(PLAZO);
        assert_eq!(salida.codigo, Some(2), "{fallas:?}: {salida}");
        assert!(salida.stderr.contains(razon) && salida.stderr.lines().count() == 1, "{fallas:?}: {salida}");
        assert_eq!(salida.stdout, "");
    }
}
