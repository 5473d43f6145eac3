//! `tp0 escuchar` y `tp0 enviar` contra los ejemplos de la biblioteca y contra sockets crudos, y lo que dicen de cada dato malo.

#![allow(
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

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;

use comun::ajeno::{Ajeno, Oyente, mensaje, operacion, paquete, valores};
use comun::{PLAZO, Proceso, Salida, es_root, esperar_que, exigir, orden, ruta_nueva, saltear};
use ejemplos::{Lengua, ejemplo, puerto_de};
use manos::{PROGRAMA, escuchando_en, sin_prefijo, tp0};

/// Un `tp0 escuchar` en un puerto libre, y con la entrada abierta.
fn escuchar(opciones: &[&str]) -> (Proceso, u16) {
    escuchando_en(tp0(&[&["escuchar", "127.0.0.1:0"], opciones].concat()))
}

#[test]
fn escuchar_es_un_servidor_correcto_para_un_cliente_de_la_biblioteca() {
    if !exigir("gcc") {
        return;
    }
    let (mut servidor, puerto) = escuchar(&[]);
    let mut cliente = ejemplo(Lengua::C, "seis_funciones");
    cliente.args(["cliente", "127.0.0.1", &puerto.to_string(), "hola, ñandú"]);
    let cliente = Proceso::lanzar(cliente);
    servidor.esperar_linea("<- handshake 1", PLAZO);
    servidor.esperar_linea("-> handshake 0 (OK)", PLAZO);
    servidor.esperar_linea("<- MENSAJE (0), 14 bytes: \"hola, ñandú\"", PLAZO);
    servidor.escribir("respuesta de la otra punta\n");
    let cliente = cliente.terminar(PLAZO);
    assert!(cliente.exigir_exito("el cliente").stdout.contains("respuesta de la otra punta"), "{cliente}");
    servidor.esperar_linea("<- fin: el otro lado cerró", PLAZO);
    servidor.senial(libc::SIGINT);
    servidor.terminar(PLAZO).exigir_exito("tp0 escuchar");
}

#[test]
fn enviar_es_un_cliente_correcto_para_un_servidor_de_la_biblioteca() {
    if !exigir("gcc") {
        return;
    }
    let mut servidor = ejemplo(Lengua::C, "cadena");
    servidor.args(["C", "0"]).env("TP0_IP", "127.0.0.1");
    let servidor = Proceso::lanzar(servidor);
    let puerto = puerto_de(&servidor);
    let salida = enviar_con_respuestas(puerto, &["mensaje", "hola"]);
    assert!(salida.exigir_exito("tp0 enviar").stdout.contains("<- MENSAJE (0), 9 bytes: \"hola > C\""), "{salida}");
    servidor.senial(libc::SIGINT);
    servidor.terminar(PLAZO).exigir_exito("el servidor");
}

fn enviar_con_respuestas(puerto: u16, dichos: &[&str]) -> Salida {
    let puerto = puerto.to_string();
    let adelante = ["enviar", "--respuestas", "1", "--espera", "30000", "127.0.0.1", &puerto];
    Proceso::lanzar(tp0(&[&adelante, dichos].concat())).terminar(PLAZO * 2)
}

/// Los bytes exactos, en el orden de los argumentos, y después los de la entrada.
#[test]
fn lo_que_se_manda_son_esos_bytes() {
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto.to_string();
    let dichos = ["mensaje", "hola", "paquete", "uno", "u16:7", "codigo", "9", "u32:5", "str:hola", "i64:-1"];
    let mut cliente = Proceso::lanzar_interactivo(tp0(&[&["enviar", "127.0.0.1", &puerto][..], &dichos].concat()));
    let mut par = oyente.aceptar_con_handshake();
    cliente.escribir("lo que se escribe\npaquete \"dos palabras\" \"\"\n\ncodigo 3 hex:ff00\nsin fin de renglón");
    cliente.cerrar_entrada();
    let campos = [&[5, 0, 0, 0][..], &valores(&[b"hola\0"]), &[255; 8]].concat();
    let esperado = [
        mensaje("hola"),
        paquete(&[b"uno\0", &[7, 0]]),
        operacion(9, &campos),
        mensaje("lo que se escribe"),
        paquete(&[b"dos palabras\0", b"\0"]),
        operacion(3, &[255, 0]),
        mensaje("sin fin de renglón"),
    ];
    assert_eq!(par.leer_hasta_el_fin(), esperado.concat());
    drop(par);
    cliente.terminar(PLAZO).exigir_exito("tp0 enviar");
}

#[test]
fn otro_cable_con_otros_anchos_otro_orden_y_otros_codigos() {
    let opciones = [
        "--codigo",
        "u8",
        "--tamanio",
        "u16",
        "--largo",
        "u8",
        "--orden",
        "big",
        "--handshake",
        "no",
        "--mensaje",
        "7",
        "--paquete",
        "8",
    ];
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto.to_string();
    let dichos = ["127.0.0.1", &puerto, "mensaje", "a", "paquete", "b", "u16:258", "codigo", "-1"];
    let cliente = Proceso::lanzar(tp0(&[&["enviar"], &opciones[..], &dichos].concat()));
    let mut par = oyente.aceptar();
    let bytes = [7, 0, 2, b'a', 0, 8, 0, 6, 2, b'b', 0, 2, 1, 2, 255, 0, 0];
    assert_eq!(par.leer_hasta_el_fin(), bytes);
    drop(par);
    let salida = cliente.terminar(PLAZO);
    let dicho = sin_prefijo(&salida.exigir_exito("tp0 enviar").stdout);
    assert!(dicho.contains(&"4 -> PAQUETE (8), 6 bytes, 2 valores: \"b\", 01 02 (258)".to_owned()), "{salida}");

    let (servidor, puerto) = escuchar(&opciones);
    let mut par = Ajeno::conectar(puerto);
    for byte in bytes {
        par.escribir(&[byte]);
    }
    for dicho in
        ["MENSAJE (7), 2 bytes: \"a\"", "PAQUETE (8), 6 bytes, 2 valores: \"b\", 01 02 (258)", "código -1, 0 bytes"]
    {
        servidor.esperar_linea(dicho, PLAZO);
    }
}

#[test]
fn escuchar_rechaza_otro_handshake_y_corta_lo_que_no_puede_ser_sin_molestar_a_los_demas() {
    let (mut servidor, puerto) = escuchar(&[]);
    let mut bueno = Ajeno::con_handshake(puerto);
    let mut otro = Ajeno::conectar(puerto);
    otro.escribir(&[7, 0, 0, 0]);
    assert_eq!(otro.leer_hasta_el_fin(), [255; 4]);
    servidor.esperar_linea("mostró 7 y se espera 1", PLAZO);
    let mut mentiroso = Ajeno::con_handshake(puerto);
    mentiroso.escribir(&[0, 0, 0, 0, 255, 255, 255, 255]);
    assert_eq!(mentiroso.leer_hasta_el_fin(), []);
    servidor.esperar_linea("un header que no puede ser: MENSAJE (0) y tamaño -1", PLAZO);
    let mut cortado = Ajeno::con_handshake(puerto);
    cortado.escribir(&mensaje("hola")[..10]);
    cortado.no_escribo_mas();
    servidor.esperar_linea("=> Se cortó en el payload: llegaron 2 de 5 bytes.", PLAZO);
    bueno.escribir(&paquete(&[b"uno\0", &[255; 3]]));
    servidor.esperar_linea("PAQUETE (1), 15 bytes, 2 valores: \"uno\", ff ff ff", PLAZO);
    servidor.escribir("codigo 5\n");
    assert_eq!(bueno.leer(8), operacion(5, &[]));
}

#[test]
fn con_auto_se_averigua_si_hay_handshake() {
    let (servidor, puerto) = escuchar(&["--handshake", "auto"]);
    let mut con = Ajeno::con_handshake(puerto);
    con.escribir(&mensaje("con"));
    servidor.esperar_linea("MENSAJE (0), 4 bytes: \"con\"", PLAZO);
    Ajeno::conectar(puerto).escribir(&mensaje("sin"));
    servidor.esperar_linea("MENSAJE (0), 4 bytes: \"sin\"", PLAZO);

    // Un servidor sin handshake no contesta nada, o cierra: se vuelve a llamar sin él.
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto.to_string();
    let cliente = Proceso::lanzar(tp0(&["enviar", "--handshake", "auto", "127.0.0.1", &puerto, "mensaje", "hola"]));
    assert_eq!(oyente.aceptar().leer(4), [1, 0, 0, 0]);
    let mut par = oyente.aceptar();
    assert_eq!(par.leer_hasta_el_fin(), mensaje("hola"));
    drop(par);
    cliente.terminar(PLAZO).exigir_exito("tp0 enviar");
}

#[test]
fn lo_que_falta_o_se_corta_no_esta_bien() {
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto.to_string();
    let cliente = Proceso::lanzar(tp0(&["enviar", "--respuestas", "2", "127.0.0.1", &puerto, "mensaje", "hola"]));
    let mut par = oyente.aceptar_con_handshake();
    par.leer(13);
    par.escribir(&mensaje("una"));
    par.no_escribo_mas();
    let salida = cliente.terminar(PLAZO);
    assert!(salida.codigo == Some(1) && salida.stdout.contains("=> Faltó 1 respuesta."), "{salida}");

    let cliente = Proceso::lanzar_interactivo(tp0(&["enviar", "127.0.0.1", &puerto]));
    let mut par = oyente.aceptar_con_handshake();
    par.escribir(&mensaje("hola")[..7]);
    drop(par);
    let salida = cliente.terminar(PLAZO);
    assert!(
        salida.codigo == Some(1) && salida.stdout.contains("=> Se cortó en el header: llegaron 7 de 8"),
        "{salida}"
    );
}

/// Ctrl-C con clientes conectados: termina con 0, y el puerto queda libre para quien venga.
#[test]
fn ctrl_c_termina_en_orden_y_suelta_el_puerto() {
    let (servidor, puerto) = escuchar(&[]);
    let mut par = Ajeno::con_handshake(puerto);
    servidor.senial(libc::SIGINT);
    let salida = servidor.terminar(PLAZO);
    assert!(salida.exigir_exito("tp0 escuchar").stdout.lines().last().unwrap().contains("] close("), "{salida}");
    assert_eq!(par.leer_hasta_el_fin(), []);
    TcpListener::bind((Ipv4Addr::LOCALHOST, puerto)).expect("el puerto quedó libre");
    let oyente = Oyente::nuevo();
    let cliente = Proceso::lanzar_interactivo(tp0(&["enviar", "127.0.0.1", &oyente.puerto.to_string()]));
    let mut par = oyente.aceptar_con_handshake();
    cliente.esperar_linea("handshake 0 (OK)", PLAZO);
    cliente.senial(libc::SIGTERM);
    cliente.terminar(PLAZO).exigir_exito("tp0 enviar");
    assert_eq!(par.leer_hasta_el_fin(), []);
}

/// Lo que se muestra es una traza: se la dibuja, también junto con la de un programa de la biblioteca.
#[test]
fn lo_que_muestran_se_dibuja() {
    if !exigir("gcc") {
        return;
    }
    let del_servidor = ruta_nueva("servidor.traza");
    let (mut servidor, puerto) = escuchar(&["--traza", del_servidor.to_str().unwrap()]);
    let mut cliente = ejemplo(Lengua::C, "seis_funciones");
    cliente.args(["cliente", "127.0.0.1", &puerto.to_string(), "hola"]).env("TP0_TRAZA", "1");
    let cliente = Proceso::lanzar(cliente);
    servidor.esperar_linea("MENSAJE (0)", PLAZO);
    servidor.escribir("chau\n");
    let del_cliente = ruta_nueva("cliente.traza");
    fs::write(&del_cliente, cliente.terminar(PLAZO).exigir_exito("el cliente").stderr.as_bytes()).unwrap();
    servidor.esperar_linea("fin: el otro lado cerró", PLAZO);
    servidor.senial(libc::SIGINT);
    let salida = servidor.terminar(PLAZO);
    assert_eq!(fs::read_to_string(&del_servidor).unwrap(), salida.stdout, "el archivo es lo mismo que se muestra");
    let dibujo = ruta_nueva("dibujo");
    let caminos = [dibujo.to_str().unwrap(), del_servidor.to_str().unwrap(), del_cliente.to_str().unwrap()];
    Proceso::lanzar(tp0(&[&["diagrama", "-o"], &caminos[..]].concat())).terminar(PLAZO).exigir_exito("tp0 diagrama");
    let mermaid = fs::read_to_string(dibujo.with_extension("mmd")).unwrap();
    for flecha in ["P1-->>P0: handshake 1", "P1->>P0: MENSAJE (0)", "P0->>P1: MENSAJE (0)", "P1--)P0: close"] {
        assert!(mermaid.contains(flecha), "{flecha}: {mermaid}");
    }
}

/// Con colores sólo en una terminal, y no si se pide que no.
#[test]
fn colores_solo_en_una_terminal() {
    if !exigir("script") {
        return;
    }
    let en_una_terminal = |no_color: &str| {
        let linea = format!("{no_color} {PROGRAMA} escuchar 127.0.0.1:0 </dev/null");
        let mut script = orden("script");
        script.args(["-qefc", &linea, "/dev/null"]).env_remove("NO_COLOR").env("TERM", "xterm");
        let terminal = Proceso::lanzar_interactivo(script);
        let dicho = terminal.esperar_linea("escucha en", PLAZO);
        terminal.senial(libc::SIGTERM);
        terminal.terminar(PLAZO);
        dicho
    };
    assert!(en_una_terminal("").contains('\x1b'));
    assert!(!en_una_terminal("NO_COLOR=1").contains('\x1b'));
    let (servidor, _) = escuchar(&[]);
    assert!(!servidor.dicho().contains('\x1b'));
}

// --- Datos malos ------------------------------------------------------------------------------------------------------

/// Un renglón en la salida de errores, nada en la otra, y termina con 2.
#[track_caller]
fn se_queja(salida: &Salida, razon: &str) {
    assert_eq!(salida.codigo, Some(2), "{salida}");
    assert!(salida.stderr.starts_with("tp0: ") && salida.stderr.lines().count() == 1, "{salida}");
    assert!(salida.stderr.contains(razon), "no dice {razon:?}: {salida}");
}

#[track_caller]
fn se_queja_de(argumentos: &[impl AsRef<OsStr>], razon: &str) {
    let salida = Proceso::lanzar(tp0(argumentos)).terminar(PLAZO);
    se_queja(&salida, razon);
    assert_eq!(salida.stdout, "", "{salida}");
}

#[test]
fn lo_que_no_se_puede_se_dice_en_un_renglon() {
    let oyente = Oyente::nuevo();
    let tomado = format!("127.0.0.1:{}", oyente.puerto);
    let quien = format!("lo tiene el proceso {} (", std::process::id());
    se_queja_de(&["escuchar", &tomado], &quien);
    se_queja_de(&["intermediario", &tomado, "4444"], &quien);
    se_queja_de(&["escuchar", "hola"], "«hola» no es un puerto");
    se_queja_de(&["escuchar", "no.existe.invalid:4444"], "«no.existe.invalid» no es una IP ni un nombre conocido.");
    se_queja_de(&["enviar", "127.0.0.1", "0"], "el puerto va de 1 a 65535");
    se_queja_de(&["enviar", "127.0.0.1"], "Falta <PUERTO>.");
    let libre = comun::puerto_libre().to_string();
    se_queja_de(
        &["enviar", "127.0.0.1", &libre],
        &format!("No pude conectarme con 127.0.0.1:{libre}: nadie escucha ahí."),
    );
    se_queja_de(&["enviar", "127.0.0.1", &libre, "mensage", "hola"], "No sé mandar «mensage»");
    se_queja_de(&["enviar", "127.0.0.1", &libre, "codigo", "7", "u8:256"], "«256» no es un u8.");
    se_queja_de(&["escuchar", "--mensaje", "1"], "La descripción del cable se contradice: el código 1 es a la vez");
    se_queja_de(
        &["enviar", "--tamanio", "u8", "127.0.0.1", &libre, "mensaje", &"a".repeat(300)],
        "El payload mide 301 bytes",
    );
    se_queja_de(&["escuchar", "0", "--traza", "/no/existe/t"], "No pude escribir /no/existe/t: no existe.");
    let no_es_texto =
        [OsStr::new("enviar"), OsStr::new("::1"), OsStr::new("1"), OsStr::new("mensaje"), OsStr::from_bytes(b"\xff")];
    se_queja_de(&no_es_texto, "no es texto UTF-8.");
}

#[test]
fn un_puerto_del_sistema_sin_permiso() {
    if es_root() && !exigir("setpriv") {
        return;
    }
    let minimo = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if minimo.trim() == "0" {
        return saltear("acá cualquiera puede escuchar en cualquier puerto");
    }
    let mut escuchar = if es_root() {
        let mut como_otro = orden("setpriv");
        como_otro.args(["--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]);
        como_otro.arg(PROGRAMA);
        como_otro
    } else {
        orden(PROGRAMA)
    };
    escuchar.args(["escuchar", "127.0.0.1:80"]);
    let salida = Proceso::lanzar(escuchar).terminar(PLAZO);
    if salida.stderr.contains("setpriv: ") {
        return saltear(&format!("otro usuario no puede correr {PROGRAMA}"));
    }
    se_queja(&salida, "No hay permiso para escuchar en 127.0.0.1:80: los puertos menores que 1024 son del sistema.");
}

#[test]
fn un_servidor_que_no_quiere_o_no_contesta() {
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto.to_string();
    let contestar = |respuesta: Option<&[u8]>, razon: &str| {
        let cliente = Proceso::lanzar_interactivo(tp0(&["enviar", "--espera", "500", "127.0.0.1", &puerto]));
        let mut par = oyente.aceptar();
        par.leer(4);
        par.escribir(respuesta.unwrap_or_default());
        let callado = respuesta.is_none().then_some(par);
        let salida = cliente.terminar(PLAZO);
        se_queja(&salida, razon);
        drop(callado);
    };
    contestar(Some(&[255; 4]), "El servidor rechazó el handshake 1.");
    contestar(
        Some(&[]),
        "El servidor cerró sin contestar el handshake. Si el tuyo no tiene handshake: --handshake no.",
    );
    contestar(Some(&[9, 0, 0, 0]), "El servidor contestó 9 al handshake, que no es 0 ni -1.");
    contestar(None, "El servidor no contestó el handshake en 500 ms.");
}

#[test]
fn una_entrada_que_no_se_entiende_o_que_esta_cerrada() {
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto.to_string();
    for (escrito, razon) in [
        (&b"hola\n\xff\xfe\n"[..], "El renglón 2 de la entrada no es texto UTF-8."),
        (b"paquete \"uno\n", "En el renglón 1 de la entrada: En «\"uno» hay una comilla que no se cierra."),
        (b"codigo x\n", "En el renglón 1 de la entrada: «x» no es un código de 4 bytes."),
    ] {
        let archivo = ruta_nueva("entrada");
        fs::write(&archivo, escrito).unwrap();
        let mut enviar = tp0(&["enviar", "127.0.0.1", &puerto]);
        let cliente = std::thread::scope(|hilos| {
            let par = hilos.spawn(|| oyente.aceptar_con_handshake());
            let salida = enviar.stdin(fs::File::open(&archivo).unwrap()).output().unwrap();
            drop(par.join());
            salida
        });
        let salida = Salida {
            codigo: cliente.status.code(),
            senial: None,
            stdout: String::from_utf8(cliente.stdout).unwrap(),
            stderr: String::from_utf8(cliente.stderr).unwrap(),
        };
        se_queja(&salida, razon);
    }
    // Sin entrada, enviar manda lo de sus argumentos y termina; escuchar sigue escuchando.
    let mut sh = orden("sh");
    sh.args(["-c", "exec \"$0\" \"$@\" <&-", PROGRAMA, "enviar", "127.0.0.1", &puerto, "mensaje", "hola"]);
    let cliente = Proceso::lanzar(sh);
    let mut par = oyente.aceptar_con_handshake();
    assert_eq!(par.leer_hasta_el_fin(), mensaje("hola"));
    drop(par);
    cliente.terminar(PLAZO).exigir_exito("tp0 enviar");
    let mut sh = orden("sh");
    sh.args(["-c", "exec \"$0\" \"$@\" <&-", PROGRAMA, "escuchar", "127.0.0.1:0"]);
    let (servidor, puerto) = escuchando_en(sh);
    Ajeno::con_handshake(puerto).escribir(&mensaje("hola"));
    servidor.esperar_linea("MENSAJE (0), 5 bytes: \"hola\"", PLAZO);
}

/// Quien lee deja de leer: se sigue sin él.
#[test]
fn un_tubo_que_nadie_lee_no_es_un_error() {
    let mut sh = orden("sh");
    let puerto = comun::puerto_libre();
    sh.args(["-c", "\"$0\" escuchar 127.0.0.1:$1 --traza \"$2\" | head -n 1", PROGRAMA, &puerto.to_string()]);
    let traza = ruta_nueva("traza");
    sh.arg(&traza).process_group(0);
    let tuberia = Proceso::lanzar_interactivo(sh);
    let contado = |que: &str| fs::read_to_string(&traza).is_ok_and(|texto| texto.contains(que));
    esperar_que("escucha", PLAZO, || contado("escucha en"));
    let mut par = Ajeno::con_handshake(puerto);
    par.escribir(&mensaje("sigue"));
    esperar_que("sigue", PLAZO, || contado("sigue"));
    let pid = fs::read_to_string(&traza).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    terminar_a(pid);
    tuberia.terminar(PLAZO).exigir_exito("la tubería");
}

fn terminar_a(pid: i32) {
    let kill = orden("kill").arg(pid.to_string()).status().unwrap();
    assert!(kill.success());
}
