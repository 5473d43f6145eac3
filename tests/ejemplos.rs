//! Los ejemplos de `c_examples/`: la demo anda con la biblioteca recién construida, falla cuando tiene que fallar,
//! y cada programa hace lo que dice su comentario.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "andamio de pruebas: fallar con un texto claro es su manera de avisar"
)]

mod comun;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use comun::{PLAZO, Proceso, dir_biblioteca, exigir, orden, raiz, ruta_nueva};

/// Las opciones con que se compila cada ejemplo además de las de su Makefile: acá una advertencia es una falla.
const CFLAGS: &str = "-g -Werror -Wshadow -Wconversion -Wstrict-prototypes";

/// `make OBJETIVO` en la carpeta dada (los ejemplos, o una copia saboteada), con la biblioteca de esta compilación.
fn hacer(carpeta: &Path, objetivo: &str, bin: &Path, salida: &Path) -> Output {
    orden("make")
        .arg("-C")
        .arg(carpeta)
        .arg(objetivo)
        .arg(format!("LIBDIR={}", dir_biblioteca().display()))
        .arg(format!("INCLUDE={}", raiz().join("include").display()))
        .arg(format!("BIN={}", bin.display()))
        .arg(format!("SALIDA={}", salida.display()))
        .arg(format!("CFLAGS={CFLAGS}"))
        // Si las pruebas corren dentro de un make, sus variables no tienen que entrar en éste.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .unwrap()
}

fn texto(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ejemplos() -> PathBuf {
    raiz().join("c_examples")
}

/// Compila los ejemplos en una carpeta nueva y la devuelve.
fn compilados() -> PathBuf {
    let bin = ruta_nueva("bin");
    let salida = hacer(&ejemplos(), "all", &bin, &ruta_nueva("salida"));
    assert!(salida.status.success(), "{}{}", texto(&salida.stdout), texto(&salida.stderr));
    bin
}

/// Lo que se exige de una demo que anduvo, mirando lo que quedó en la carpeta de salida y no sólo su veredicto.
fn exigir_demo(demo: &Output, salida: &Path) {
    let (dicho, quejas) = (texto(&demo.stdout), texto(&demo.stderr));
    assert!(demo.status.success(), "la demo falló:\n{dicho}\n{quejas}");
    assert!(!dicho.contains('\u{1b}'), "hay colores y la salida no es una terminal:\n{dicho}");

    let mandadas = ["lineas-1", "lineas-2"].map(|nombre| fs::read_to_string(salida.join(nombre)).unwrap());
    let mostradas: Vec<&str> = dicho.lines().filter_map(|linea| linea.strip_prefix("[servidor]   - ")).collect();
    assert_eq!(mostradas, mandadas.iter().flat_map(|texto| texto.lines()).collect::<Vec<_>>(), "\n{dicho}");

    for (cliente, lineas) in mandadas.iter().enumerate() {
        let cuantas = lineas.lines().count();
        assert!(cuantas > 0, "no se sorteó ninguna línea");
        let respuesta = format!("[cliente-{}] El servidor contestó: Valores recibidos: {cuantas}.", cliente + 1);
        assert!(dicho.contains(&respuesta), "falta «{respuesta}»:\n{dicho}");
    }
    let rechazo = dicho.lines().find(|linea| linea.starts_with("[rechazado] ")).unwrap_or_default();
    assert!(rechazo.contains("rechazó el handshake") && rechazo.contains('7'), "{rechazo:?}\n{dicho}");
    assert!(dicho.contains("terminó con código 0"), "\n{dicho}");
    assert!(dicho.contains("[seis-cliente] Me contestaron: "), "\n{dicho}");
}

#[test]
fn la_demo_anda() {
    let salida = ruta_nueva("salida");
    exigir_demo(&hacer(&ejemplos(), "demo", &ruta_nueva("bin"), &salida), &salida);
}

#[test]
fn la_demo_anda_bajo_valgrind_sin_un_solo_error() {
    if !exigir("valgrind") {
        return;
    }
    let salida = ruta_nueva("salida");
    exigir_demo(&hacer(&ejemplos(), "valgrind", &ruta_nueva("bin"), &salida), &salida);
}

/// Copia los ejemplos cambiando un texto de uno, y exige que la demo falle por esa razón.
fn exigir_que_falle(archivo: &str, este: &str, por: &str, queja: &str) {
    let copia = ruta_nueva("saboteados");
    fs::create_dir_all(&copia).unwrap();
    for nombre in ["Makefile", "demo.sh", "servidor.c", "cliente.c", "rechazado.c", "seis_funciones.c"] {
        let mut contenido = fs::read_to_string(ejemplos().join(nombre)).unwrap();
        if nombre == archivo {
            assert!(contenido.contains(este), "{archivo} ya no dice {este:?}: actualizá esta prueba");
            contenido = contenido.replace(este, por);
        }
        fs::write(copia.join(nombre), contenido).unwrap();
    }
    let demo = hacer(&copia, "demo", &copia.join("bin"), &ruta_nueva("salida"));
    let quejas = texto(&demo.stderr);
    assert!(!demo.status.success(), "la demo pasó con {archivo} saboteado:\n{}", texto(&demo.stdout));
    assert!(quejas.contains(queja), "falló por otra cosa, no por «{queja}»:\n{quejas}");
}

#[test]
fn la_demo_falla_si_el_servidor_muestra_otras_lineas() {
    exigir_que_falle("servidor.c", "  - %s\\n", "  - %.3s\\n", "no son las que se mandaron");
}

#[test]
fn la_demo_falla_si_la_respuesta_es_otra() {
    exigir_que_falle("servidor.c", "Valores recibidos: %d.", "Valores recibidos: %d", "no le llegó la respuesta");
}

#[test]
fn la_demo_falla_si_el_intruso_entra() {
    exigir_que_falle("rechazado.c", "\"TP0_HANDSHAKE\", \"7\"", "\"TP0_HANDSHAKE\", \"1\"", "no rechazó");
}

#[test]
fn la_demo_falla_si_el_servidor_no_termina_bien() {
    exigir_que_falle("servidor.c", "    return salida;\n", "    return salida + 3;\n", "terminó con código 3");
}

#[test]
fn la_demo_falla_si_en_las_seis_funciones_vuelve_otro_texto() {
    exigir_que_falle("seis_funciones.c", "enviar_mensaje(texto, ", "enviar_mensaje(\"eco\", ", "no le volvió");
}

/// El servidor de ejemplo, escuchando; y su puerto, leído de lo que dice.
fn servidor(bin: &Path) -> (Proceso, u16) {
    let mut arranque = orden(bin.join("servidor"));
    arranque.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", "0");
    let servidor = Proceso::lanzar(arranque);
    let linea = servidor.esperar_linea("Escucho en el puerto ", PLAZO);
    let puerto = linea.trim_end_matches('.').rsplit(' ').next().unwrap().parse().unwrap();
    (servidor, puerto)
}

#[test]
fn el_servidor_termina_bien_con_sigterm_aunque_haya_un_cliente_callado() {
    let (servidor, puerto) = servidor(&compilados());
    let mut callado = TcpStream::connect(("127.0.0.1", puerto)).unwrap();
    callado.set_read_timeout(Some(PLAZO)).unwrap();
    callado.write_all(&1_i32.to_le_bytes()).unwrap();
    let mut respuesta = [0xff; 4];
    callado.read_exact(&mut respuesta).unwrap();
    assert_eq!(respuesta, [0; 4], "el handshake");
    servidor.esperar_linea("Se conectó un cliente.", PLAZO);

    servidor.senial(libc::SIGTERM);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    assert_eq!(salida.lineas().last(), Some(&"Cerré todo. ¡Hasta luego!"), "{salida}");
    assert_eq!(callado.read(&mut respuesta).unwrap(), 0, "el cliente tiene que ver el cierre");
}

#[test]
fn el_servidor_saltea_un_codigo_que_no_conoce_y_sigue_con_el_mismo_cliente() {
    let (servidor, puerto) = servidor(&compilados());
    let mut cliente = TcpStream::connect(("127.0.0.1", puerto)).unwrap();
    cliente.set_read_timeout(Some(PLAZO)).unwrap();
    cliente.write_all(&1_i32.to_le_bytes()).unwrap();
    let mut respuesta = [0xff; 4];
    cliente.read_exact(&mut respuesta).unwrap();

    // Código 77 con un payload que parece un mensaje, uno de puro header, y uno de verdad.
    let mut bytes = Vec::new();
    for entero in [77, 12, 0, 4, 0x0021_6f4e, 78, 0, 0, 5] {
        bytes.extend_from_slice(&i32::to_le_bytes(entero));
    }
    bytes.extend_from_slice(b"hola\0");
    cliente.write_all(&bytes).unwrap();
    servidor.esperar_linea("No conozco la operación 77: la salteo (12 bytes).", PLAZO);
    servidor.esperar_linea("No conozco la operación 78: la salteo (0 bytes).", PLAZO);
    servidor.esperar_linea("Me llego el mensaje hola", PLAZO);
    drop(cliente);
    servidor.esperar_linea("El cliente se fue.", PLAZO);
}

#[test]
fn el_servidor_explica_por_que_no_puede_escuchar() {
    let (_servidor, puerto) = servidor(&compilados());
    let mut segundo = orden(compilados().join("servidor"));
    segundo.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let salida = Proceso::lanzar(segundo).terminar(PLAZO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stderr.contains(&puerto.to_string()) && salida.stderr.contains("en uso"), "{salida}");
}

#[test]
fn el_cliente_explica_lo_que_no_puede_hacer() {
    let bin = compilados();
    let puerto = comun::puerto_libre();
    let casos = [
        ("IP=127.0.0.1\nPUERTO=4444\n".to_owned(), "falta la clave CLAVE"),
        ("CLAVE=a\nIP=127.0.0.1\n".to_owned(), "falta la clave PUERTO"),
        ("CLAVE=a\nIP=127.0.0.1\nPUERTO=cuatro\n".to_owned(), "\"cuatro\" no es un puerto"),
        ("CLAVE=a\nIP=192.168.0.256\nPUERTO=4444\n".to_owned(), "192.168.0.256"),
        (format!("CLAVE=a\nIP=127.0.0.1\nPUERTO={puerto}\n"), "no hay nadie escuchando"),
    ];
    for (config, queja) in casos {
        let archivo = ruta_nueva("config");
        fs::write(&archivo, &config).unwrap();
        let mut cliente = orden(bin.join("cliente"));
        cliente.arg(&archivo);
        let salida = Proceso::lanzar(cliente).terminar(PLAZO);
        assert_eq!(salida.codigo, Some(1), "{config:?}: {salida}");
        assert!(salida.stderr.contains(queja), "{config:?} tenía que decir «{queja}»: {salida}");
    }
    let mut cliente = orden(bin.join("cliente"));
    cliente.arg("/no/existe.config");
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stderr.contains("/no/existe.config"), "{salida}");
}

#[test]
fn un_paquete_sin_lineas_tambien_se_contesta() {
    let bin = compilados();
    let (_servidor, puerto) = servidor(&bin);
    let config = ruta_nueva("config");
    fs::write(&config, format!("CLAVE=\nIP=127.0.0.1\nPUERTO={puerto}\n")).unwrap();
    let mut cliente = orden(bin.join("cliente"));
    cliente.arg(&config);
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    salida.exigir_exito("el cliente");
    assert!(salida.stdout.contains("El servidor contestó: Valores recibidos: 0."), "{salida}");
}

#[test]
fn rechazado_no_confunde_un_rechazo_con_que_no_haya_servidor() {
    let mut cliente = orden(compilados().join("rechazado"));
    cliente.args(["127.0.0.1", &comun::puerto_libre().to_string()]);
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stdout.contains("no hay nadie escuchando"), "{salida}");
}

/// Los símbolos que lista `nm -D` con la opción dada.
fn simbolos(opcion: &str, archivo: &Path) -> Vec<String> {
    let lista = comun::ejecutar(Command::new("nm").args(["-D", opcion]).arg(archivo));
    lista.lines().filter_map(|linea| linea.split_whitespace().last()).map(str::to_owned).collect()
}

#[test]
fn seis_funciones_usa_seis_funciones() {
    if !exigir("nm") {
        return;
    }
    let nuestros = simbolos("--defined-only", &dir_biblioteca().join("libtp0.so"));
    let mut usados = simbolos("--undefined-only", &compilados().join("seis_funciones"));
    usados.retain(|simbolo| nuestros.contains(simbolo));
    usados.sort();
    let seis = [
        "crear_conexion",
        "enviar_mensaje",
        "esperar_cliente",
        "iniciar_servidor",
        "liberar_conexion",
        "recibir_paquete",
        "tp0_error",
    ];
    assert_eq!(usados, seis);
}
