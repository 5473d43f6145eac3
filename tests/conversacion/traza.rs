//! `TP0_TRAZA=1`: qué se cuenta, en qué orden, y que contarlo no cambie nada.

use crate::comun;
use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;

use crate::comun::ajeno::Ajeno;
use crate::comun::{
    PLAZO, Proceso, Salida, compilar_con_tp0, compilar_modulo, exigir, lanzar_servidor, orden, orden_valgrind,
    puerto_libre,
};
use crate::ejemplos::{Lengua, ejemplo};

/// Un renglón de la traza: quién, cuándo y qué.
#[derive(Debug, Clone)]
struct Renglon {
    programa: String,
    pid: u32,
    segundos: f64,
    que: String,
}

impl Renglon {
    fn leer(linea: &str) -> Option<Self> {
        let (adelante, que) = linea.strip_prefix('[')?.split_once("] ")?;
        let partes: Vec<&str> = adelante.split(' ').collect();
        let [programa, pid, hace] = partes.as_slice() else { return None };
        let segundos = hace.strip_prefix('+')?.parse().ok()?;
        Some(Self { programa: (*programa).to_owned(), pid: pid.parse().ok()?, segundos, que: que.to_owned() })
    }
}

/// La traza, comprobando que no haya nada más en la salida de errores.
#[track_caller]
fn traza_de(salida: &Salida) -> Vec<Renglon> {
    let leer = |linea: &str| Renglon::leer(linea).unwrap_or_else(|| panic!("no es un renglón de la traza: {linea:?}"));
    let renglones: Vec<Renglon> = salida.stderr.lines().map(leer).collect();
    let primero = renglones.first().expect("no hay traza");
    assert!(primero.que.starts_with("libtp0 0.") && primero.que.contains(", reloj 1"), "{primero:?}");
    assert!(renglones.windows(2).all(|dos| dos[0].segundos <= dos[1].segundos), "el reloj no retrocede: {salida}");
    renglones
}

/// Lo que pasó sin las esperas: si hay que esperar un mensaje depende de quién llegue primero. De las esperas es
/// `cada_vez_que_hubo_que_esperar_se_cuenta`.
#[track_caller]
fn pasos(salida: &Salida, puerto: u16) -> Vec<String> {
    pasos_y_esperas(salida, puerto).into_iter().filter(|que| !que.starts_with("recv(")).collect()
}

/// Lo que pasó, con cada puerto libre del sistema en la forma `LIBRE`: cambia en cada corrida.
#[track_caller]
fn pasos_y_esperas(salida: &Salida, puerto: u16) -> Vec<String> {
    let sin_libre = |que: &str| {
        let mut partes = que.split("127.0.0.1:");
        let mut limpio = partes.next().unwrap_or_default().to_owned();
        for parte in partes {
            let numero: String = parte.chars().take_while(char::is_ascii_digit).collect();
            let visible = if numero == puerto.to_string() { "PUERTO" } else { "LIBRE" };
            limpio += &format!("127.0.0.1:{visible}{}", &parte[numero.len()..]);
        }
        limpio
    };
    traza_de(salida).iter().skip(1).map(|renglon| sin_libre(&renglon.que)).collect()
}

/// Un servidor que recibió a su primer cliente, y lo que sigue.
fn con_comienzo(sigue: &[&'static str]) -> Vec<&'static str> {
    let comienzo = [
        "socket() = 3",
        "setsockopt(3, SO_REUSEADDR)",
        "bind(3, 127.0.0.1:PUERTO)",
        "listen(3)",
        "escucha en 127.0.0.1:PUERTO",
        "accept(3): espera un cliente",
        "accept(3) = 4, de 127.0.0.1:LIBRE",
        "4 <- handshake 1",
        "4 -> handshake 0 (OK)",
    ];
    [&comienzo, sigue].concat()
}

fn trazado(mut orden: Command) -> Command {
    orden.env("TP0_TRAZA", "1");
    orden
}

/// Un servidor con la forma del de un TP0, que no sabe que existe la traza, y su cliente, que obedece un guión.
fn charla(guion: &str) -> (Salida, Salida, u16) {
    let servidor = compilar_modulo("servidor", &["servidor.c"], &[]);
    let (servidor, puerto) = lanzar_servidor(trazado(orden(servidor)));
    let mut cliente = trazado(orden(compilar_modulo("guion", &["guion.c"], &[])));
    cliente.args(["127.0.0.1", &puerto.to_string()]);
    let mut cliente = Proceso::lanzar_interactivo(cliente);
    cliente.escribir(guion);
    let cliente = cliente.terminar(PLAZO);
    (servidor.terminar(PLAZO), cliente, puerto)
}

#[test]
fn un_tp0_sin_cambios_cuenta_cada_paso_en_orden() {
    if !exigir("gcc") {
        return;
    }
    let (servidor, cliente, puerto) = charla("m hola\np\nv uno\nv dos\ne\n");
    servidor.exigir_exito("el servidor");
    assert_eq!(
        pasos(&servidor, puerto),
        con_comienzo(&[
            "4 <- código de operación: MENSAJE (0)",
            "4 <- MENSAJE (0), 5 bytes: \"hola\"",
            "4 <- código de operación: PAQUETE (1)",
            "4 <- PAQUETE (1), 16 bytes, 2 valores: \"uno\", \"dos\"",
            "4 <- fin: el otro lado cerró",
            "close(4)",
            "=> El otro lado terminó la conversación (normal): salí del while y liberá la conexión.",
        ])
    );
    assert_eq!(
        pasos(&cliente, puerto),
        [
            "socket() = 3",
            "connect(3, 127.0.0.1:PUERTO), desde 127.0.0.1:LIBRE, un puerto libre cualquiera",
            "3 -> handshake 1",
            "3 <- handshake 0 (OK)",
            "3 -> MENSAJE (0), 5 bytes: \"hola\"",
            "3 -> PAQUETE (1), 16 bytes, 2 valores: \"uno\", \"dos\"",
            "close(3)",
        ]
    );
    assert!(traza_de(&servidor)[0].programa.starts_with("servidor-"), "{servidor}");
}

#[test]
fn cada_vez_que_hubo_que_esperar_se_cuenta() {
    if !exigir("gcc") {
        return;
    }
    let espera = "recv(4): espera";
    let (servidor, puerto) = lanzar_servidor(trazado(orden(compilar_modulo("servidor", &["servidor.c"], &[]))));
    let mut cliente = Ajeno::con_handshake(puerto);
    let mensaje = comun::ajeno::mensaje("hola");
    // Cada pedazo sale recién cuando el servidor contó que lo espera.
    servidor.esperar_error(espera, PLAZO);
    cliente.escribir(&mensaje[..4]);
    servidor.esperar_error(espera, PLAZO);
    cliente.escribir(&mensaje[4..]);
    servidor.esperar_error(espera, PLAZO);
    drop(cliente);
    let que_paso = pasos_y_esperas(servidor.terminar(PLAZO).exigir_exito("el servidor"), puerto);
    let esperado = con_comienzo(&[
        espera,
        "4 <- código de operación: MENSAJE (0)",
        espera,
        "4 <- MENSAJE (0), 5 bytes: \"hola\"",
        espera,
        "4 <- fin: el otro lado cerró",
        "close(4)",
    ]);
    assert_eq!(que_paso[..esperado.len()], esperado);

    // Y lo que ya había llegado no se espera.
    let (servidor, puerto) = lanzar_servidor(trazado(orden(compilar_modulo("servidor", &["servidor.c"], &[]))));
    let mut cliente = Ajeno::conectar(puerto);
    cliente.escribir(&[&[1, 0, 0, 0], &mensaje[..]].concat());
    servidor.esperar_error("5 bytes: \"hola\"", PLAZO);
    drop(cliente);
    let que_paso = pasos_y_esperas(servidor.terminar(PLAZO).exigir_exito("el servidor"), puerto);
    let esperado = con_comienzo(&["4 <- código de operación: MENSAJE (0)", "4 <- MENSAJE (0), 5 bytes: \"hola\""]);
    assert_eq!(que_paso[..esperado.len()], esperado);
}

/// Lo que muestra `docs/verlo.md` es lo que sale, salvo los números que cambian en cada corrida.
#[test]
fn la_guia_muestra_la_traza_que_sale() {
    if !exigir("gcc") {
        return;
    }
    let guia = std::fs::read_to_string(comun::raiz().join("docs/verlo.md")).unwrap();
    let bloques: Vec<&str> =
        guia.split("```text traza\n").skip(1).filter_map(|resto| resto.split("```").next()).collect();
    let [del_servidor, del_cliente] = bloques.as_slice() else { panic!("{bloques:?}") };
    let (servidor, cliente, puerto) = charla("m hola\n");
    for (escrito, salida) in [(del_servidor, servidor), (del_cliente, cliente)] {
        let como_salida = Salida {
            stderr: format!("[x 1 +0.000000] libtp0 0.1.0, reloj 1.000000\n{escrito}"),
            stdout: String::new(),
            codigo: None,
            senial: None,
        };
        let en_la_guia = pasos(&como_salida, 4444).into_iter().map(|que| {
            // El de la guía escucha en todas las direcciones; el de esta prueba, en una.
            let en_una = que.split("; las IP").next().unwrap_or_default();
            en_una.replace("0.0.0.0:4444", "127.0.0.1:PUERTO")
        });
        assert_eq!(en_la_guia.collect::<Vec<_>>(), pasos(&salida, puerto));
    }
}

#[test]
fn desde_rust_se_cuenta_lo_mismo() {
    let mut servidor = trazado(ejemplo(Lengua::Rust, "servidor"));
    let puerto = puerto_libre();
    servidor.args(["127.0.0.1", &puerto.to_string()]);
    let servidor = Proceso::lanzar(servidor);
    servidor.esperar_linea("scucho en el puerto", PLAZO);
    let mut cliente = trazado(ejemplo(Lengua::Rust, "cliente"));
    cliente.args(["hola", "127.0.0.1", &puerto.to_string()]);
    let mut cliente = Proceso::lanzar_interactivo(cliente);
    cliente.escribir("uno\ndos\n\n");
    let cliente = cliente.terminar(PLAZO);
    servidor.esperar_error("] close(", PLAZO);
    let servidor = servidor.matar();
    let del_servidor = pasos(&servidor, puerto);
    let como_en_c = con_comienzo(&[
        "4 <- MENSAJE (0), 5 bytes: \"hola\"",
        "4 <- PAQUETE (1), 16 bytes, 2 valores: \"uno\", \"dos\"",
        "4 -> MENSAJE (0), 22 bytes: \"Valores recibidos: 2.\"",
        "4 <- fin: el otro lado cerró",
        "close(4)",
    ]);
    assert_eq!(del_servidor[..como_en_c.len()], como_en_c);
    let del_cliente = pasos(&cliente, puerto);
    assert_eq!(del_cliente.last().unwrap(), "close(3)");
    assert!(del_cliente.contains(&"3 <- MENSAJE (0), 22 bytes: \"Valores recibidos: 2.\"".to_owned()), "{cliente}");
}

#[test]
fn se_dice_por_que_se_rechaza_a_un_cliente_y_se_sigue() {
    if !exigir("gcc") {
        return;
    }
    let servidor = compilar_modulo("servidor", &["servidor.c"], &[]);
    let (servidor, puerto) = lanzar_servidor(trazado(orden(servidor)));
    let mut otro = trazado(orden(compilar_modulo("guion", &["guion.c"], &[])));
    otro.args(["127.0.0.1", &puerto.to_string()]).env("TP0_HANDSHAKE", "7");
    let rechazado = Proceso::lanzar(otro).terminar(PLAZO);
    servidor.esperar_error("] se rechaza a 127.0.0.1:", PLAZO);
    let mut navegador = Ajeno::conectar(puerto);
    navegador.escribir(b"GET / HTTP/1.1\r\n\r\n");
    navegador.leer_hasta_el_fin();
    drop(Ajeno::con_handshake(puerto));
    let servidor = servidor.terminar(PLAZO);
    let del_servidor: Vec<Renglon> =
        servidor.stderr.lines().filter(|linea| !linea.starts_with("tp0: ")).filter_map(Renglon::leer).collect();
    let motivos: Vec<&str> =
        del_servidor.iter().filter_map(|renglon| renglon.que.strip_prefix("se rechaza a 127.0.0.1:")).collect();
    assert!(motivos[0].ends_with(": mostró 7 (0x00000007) como handshake y no es el que se espera"), "{motivos:?}");
    assert!(motivos[1].ends_with("(0x20544547) como handshake y no es el que se espera"), "{motivos:?}");
    assert_eq!(
        del_servidor.iter().filter(|renglon| renglon.que == "4 -> handshake -1 (ERROR)").count(),
        2,
        "{servidor}"
    );
    assert!(del_servidor.iter().any(|renglon| renglon.que == "4 -> handshake 0 (OK)"), "{servidor}");

    let del_rechazado = pasos(&rechazado, puerto);
    let comienzo = ["3 -> handshake 7", "3 <- handshake -1 (ERROR)", "close(3)"];
    assert_eq!(del_rechazado[2..5], comienzo);
    assert!(del_rechazado[5].starts_with("=> 127.0.0.1:PUERTO rechazó el handshake: le mostramos 7"), "{rechazado}");
}

#[test]
fn cada_llamada_que_falla_dice_cual_y_por_que() {
    if !exigir("gcc") {
        return;
    }
    let cliente = compilar_modulo("guion", &["guion.c"], &[]);
    let puerto = puerto_libre();
    let mut nadie = trazado(orden(&cliente));
    nadie.args(["127.0.0.1", &puerto.to_string()]);
    let nadie = pasos(&Proceso::lanzar(nadie).terminar(PLAZO), puerto);
    assert_eq!(
        nadie[..3],
        ["socket() = 3", "connect(3, 127.0.0.1:PUERTO) = -1: Connection refused (os error 111)", "close(3)"]
    );
    assert!(nadie[3].starts_with("=> Conexión rechazada: no hay nadie escuchando en 127.0.0.1:PUERTO."), "{nadie:?}");

    let servidor = compilar_modulo("servidor", &["servidor.c"], &[]);
    let (_ocupante, puerto) = lanzar_servidor(orden(&servidor));
    let mut tarde = trazado(orden(&servidor));
    tarde.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let tarde = pasos(&Proceso::lanzar(tarde).terminar(PLAZO), puerto);
    assert_eq!(tarde[2..4], ["bind(3, 127.0.0.1:PUERTO) = -1: Address already in use (os error 98)", "close(3)"]);
    assert!(tarde[4].starts_with(&format!("=> El puerto {puerto} ya está en uso")), "{tarde:?}");
}

#[test]
fn lo_que_llega_se_muestra_corto_y_sin_peligro_para_la_terminal() {
    if !exigir("gcc") {
        return;
    }
    let largo = "x".repeat(100);
    let guion = format!("m \x1b[31mrojo\x07\nm {largo}\nm \np\nb 4\nz\nv ñandú\nv b\nv c\ne\np\nc 9\nb 20\ne\np\ne\n");
    let (servidor, cliente, puerto) = charla(&guion);
    servidor.exigir_exito("el servidor");
    let esperados = [
        "MENSAJE (0), 11 bytes: 1b 5b 33 31 6d 72 6f 6a 6f 07 00".to_owned(),
        format!("MENSAJE (0), 101 bytes: \"{}\"...", "x".repeat(32)),
        "PAQUETE (1), 36 bytes, 5 valores: 00 01 02 03 (50462976), \"\", \"ñandú\", \"b\", ...".to_owned(),
        "PAQUETE (1), 0 bytes".to_owned(),
    ];
    for (salida, flecha) in [(&cliente, "3 -> "), (&servidor, "4 <- ")] {
        let pasos = pasos(salida, puerto);
        for esperado in &esperados {
            assert!(pasos.contains(&format!("{flecha}{esperado}")), "falta {esperado}\n{salida}");
        }
        assert!(
            pasos.iter().any(|paso| paso.starts_with(&format!("{flecha}código 9, 24 bytes: 14 00 00 00 00"))),
            "{salida}"
        );
        assert!(!salida.stderr.contains(['\x1b', '\x07']), "{salida}");
    }
}

#[test]
fn un_paquete_enorme_tambien_se_muestra() {
    if !exigir("gcc") {
        return;
    }
    let (servidor, cliente, puerto) = charla("p\nv primero\nb 300000\nv c\nv d\nv e\ne\n");
    servidor.exigir_exito("el servidor");
    let que =
        "PAQUETE (1), 300034 bytes, 5 valores: \"primero\", 00 01 02 03 04 05 06 07 08 09 0a 0b ..., \"c\", \"d\", ...";
    assert!(pasos(&servidor, puerto).contains(&format!("4 <- {que}")), "{servidor}");
    assert!(pasos(&cliente, puerto).contains(&format!("3 -> {que}")), "{cliente}");
}

#[test]
fn apagada_no_dice_nada_y_un_valor_raro_es_un_error() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_con_tp0("traza", &["traza.c"]);
    let con = |valor: &str| {
        let mut orden = orden(&programa);
        orden.arg("iniciar").env("TP0_TRAZA", valor);
        Proceso::lanzar(orden).terminar(PLAZO)
    };
    let mut sin_ella = orden(&programa);
    sin_ella.arg("iniciar");
    for salida in [Proceso::lanzar(sin_ella).terminar(PLAZO), con("0")] {
        assert_eq!((salida.codigo, salida.stdout.as_str(), salida.stderr.as_str()), (Some(0), "bien\n", ""));
    }
    for valor in ["sí", "2", ""] {
        let salida = con(valor);
        let texto = format!(
            "22: La variable de entorno TP0_TRAZA vale {valor:?} y tiene que ser 1 (contar cada paso en la salida de errores) o 0.\n"
        );
        assert_eq!((salida.codigo, salida.stdout, salida.stderr.as_str()), (Some(1), texto, ""));
    }
}

/// Una traza que no se puede escribir: un renglón que lo dice, y un código que no es 0.
#[test]
fn donde_no_se_puede_escribir_es_un_error_que_lo_dice() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_con_tp0("traza", &["traza.c"]);
    let mut cerrada = trazado(orden("sh"));
    cerrada.args(["-c", "exec \"$0\" iniciar 2>&-"]).arg(&programa);
    let mut llena = trazado(orden(&programa));
    llena.arg("iniciar").stderr(File::options().write(true).open("/dev/full").unwrap());
    for (mut orden, numero, causa) in [(cerrada, 9, "Bad file descriptor"), (llena, 28, "No space left on device")] {
        let salida = orden.output().unwrap();
        let texto = String::from_utf8(salida.stdout).unwrap();
        assert_eq!(salida.status.code(), Some(1), "{texto}");
        let comienzo = format!(
            "{numero}: TP0_TRAZA=1 pide contar cada paso en la salida de errores, y ahí no se puede escribir ({causa}"
        );
        assert!(texto.starts_with(&comienzo) && texto.lines().count() == 1, "{texto}");
        assert!(texto.contains("Probá con 2>traza.txt, o sin TP0_TRAZA."), "{texto}");
    }
}

#[test]
fn si_nadie_lee_mas_la_traza_la_conversacion_sigue_y_no_hay_sigpipe() {
    if !exigir("gcc") {
        return;
    }
    let mut orden = trazado(orden(compilar_con_tp0("traza", &["traza.c"])));
    orden.arg("sin_lector");
    Proceso::lanzar(orden).terminar(PLAZO).exigir_exito("traza sin_lector");
}

/// Un límite de tamaño del archivo manda SIGXFSZ, que termina al programa: a la traza, no.
#[test]
fn si_el_archivo_de_la_traza_llega_a_su_limite_el_programa_sigue() {
    if !exigir("gcc") {
        return;
    }
    let mut orden = trazado(orden("bash"));
    let archivo = comun::ruta_nueva("chica.traza");
    orden.args(["-c", "ulimit -f 1; exec \"$0\" muchos 2>\"$1\""]).arg(compilar_con_tp0("traza", &["traza.c"]));
    orden.arg(&archivo);
    Proceso::lanzar(orden).terminar(PLAZO).exigir_exito("traza muchos");
    assert_eq!(std::fs::metadata(archivo).unwrap().len(), 1024, "llegó al límite");
}

#[test]
fn el_hijo_de_un_fork_se_presenta() {
    if !exigir("gcc") {
        return;
    }
    let mut programa = trazado(orden(compilar_modulo("fork", &["servidor_fork.c"], &[])));
    programa.args(["2", "liberar"]);
    let (servidor, puerto) = lanzar_servidor(programa);
    for _ in 0..2 {
        let mut cliente = Ajeno::con_handshake(puerto);
        cliente.escribir(&comun::ajeno::mensaje("hola"));
        cliente.leer(8);
    }
    let salida = servidor.terminar(PLAZO);
    let renglones: Vec<Renglon> = salida.stderr.lines().filter_map(Renglon::leer).collect();
    let pids: BTreeSet<u32> = renglones.iter().map(|renglon| renglon.pid).collect();
    assert_eq!(pids.len(), 3, "{salida}");
    for pid in pids {
        let suyos: Vec<&Renglon> = renglones.iter().filter(|renglon| renglon.pid == pid).collect();
        assert!(suyos[0].que.starts_with("libtp0 "), "{salida}");
        assert_eq!(suyos.iter().filter(|renglon| renglon.que.starts_with("libtp0 ")).count(), 1, "{salida}");
    }
}

#[test]
fn en_una_terminal_hay_colores_y_en_un_archivo_no() {
    if !exigir("gcc") || !exigir("script") {
        return;
    }
    let programa = compilar_con_tp0("traza", &["traza.c"]);
    let en_terminal = |no_color: &str| {
        let mut orden = trazado(orden("script"));
        orden.args(["-qec", &format!("{} iniciar", programa.display()), "/dev/null"]).env("NO_COLOR", no_color);
        Proceso::lanzar(orden).terminar(PLAZO).exigir_exito("script").stdout.clone()
    };
    let colorida = en_terminal("");
    assert!(colorida.contains("\x1b[2m[traza") && colorida.contains(" socket() = 3\x1b[0m"), "{colorida:?}");
    let lisa = en_terminal("1");
    assert!(lisa.contains("] socket() = 3\r\n") && !lisa.contains('\x1b'), "{lisa:?}");
}

#[test]
fn bajo_valgrind_tampoco_hay_errores() {
    if !exigir("gcc") || !exigir("valgrind") {
        return;
    }
    let programa = compilar_con_tp0("traza", &["traza.c"]);
    let mut memcheck = trazado(orden_valgrind(&programa, &[]));
    memcheck.arg("iniciar");
    let salida = Proceso::lanzar(memcheck).terminar(PLAZO);
    salida.exigir_exito("memcheck");
    assert!(salida.stderr.contains("] close(3)"), "{salida}");

    let mut helgrind = trazado(comun::valgrind());
    helgrind.args(["--quiet", "--tool=helgrind", "--error-exitcode=9"]).arg(&programa).arg("sin_lector");
    Proceso::lanzar(helgrind).terminar(PLAZO).exigir_exito("helgrind");
}
