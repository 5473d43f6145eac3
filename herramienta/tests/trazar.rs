//! `tp0 trazar`: cada cosa sospechosa plantada, vista, nombrada y en su renglón; de lo que está bien, nada; el programa no nota nada; y lo que no se
//! puede trazar.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "andamio de pruebas: fallar con un texto claro es su manera de avisar, y una terminal propia necesita setsid"
)]

#[path = "../../tests/comun/mod.rs"]
mod comun;
#[path = "../../tests/comun/ejemplos.rs"]
mod ejemplos;
#[path = "comun/interpositor.rs"]
mod interpositor;

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use comun::ejecutables::{copiar_programa, escribir_guion};
use comun::{PLAZO, Proceso, cifra, decir, ejecutar, exigir, orden, raiz, ruta_nueva};
use ejemplos::{compilados, dir_ejemplos};

const TP0: &str = env!("CARGO_BIN_EXE_tp0");

/// Un programa de `tests/c`, compilado una vez.
fn programa(nombre: &'static str) -> PathBuf {
    compilar(nombre, &[])
}

fn compilar(nombre: &str, opciones: &[&str]) -> PathBuf {
    let (hecho, fuente) = (ruta_nueva(nombre), fuente(nombre));
    let mut cc = Command::new("gcc");
    cc.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread", "-o"]).arg(&hecho).arg(fuente);
    ejecutar(cc.args(opciones));
    hecho
}

fn fuente(nombre: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(nombre).with_extension("c")
}

/// Los programas que usan casi todas.
fn sospechas() -> &'static Path {
    static HECHO: OnceLock<PathBuf> = OnceLock::new();
    HECHO.get_or_init(|| programa("sospechas"))
}

/// `tp0 trazar` con esas opciones.
fn trazar(opciones: &[&str]) -> Command {
    interpositor::compilarlo();
    let mut tp0 = orden(TP0);
    tp0.arg("trazar").args(opciones).current_dir(env!("CARGO_TARGET_TMPDIR")).env("NO_COLOR", "1").stdin(Stdio::null());
    tp0
}

/// Lo corre, con la traza en un archivo: qué dijo, y la traza.
fn trazado(programa: impl AsRef<Path>, argumentos: &[&str]) -> (Output, String) {
    let traza = ruta_nueva("traza");
    let mut tp0 = trazar(&["-o"]);
    let salida = tp0.arg(&traza).arg("--").arg(programa.as_ref()).args(argumentos).output().unwrap();
    (salida, fs::read_to_string(&traza).unwrap_or_default())
}

fn texto(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lo_sospechoso(traza: &str) -> Vec<String> {
    traza.lines().filter_map(|renglon| Some(renglon.split_once("=> sospecha, ")?.1.to_owned())).collect()
}

/// Lo que cuenta la traza, sin lo que cambia en cada corrida.
fn contado(traza: &str) -> Vec<&str> {
    traza.lines().filter_map(|renglon| Some(renglon.split_once("] ")?.1)).collect()
}

/// Cada una, y con qué palabras se la nombra.
const PLANTADAS: &[(&str, &str)] = &[
    ("sigue_bind", "dio -1 (el puerto está en uso), y el programa siguió: listen(4) en "),
    ("sigue_listen", "dio -1 (el sistema no acepta ese pedido), y el programa siguió: accept(4) en "),
    ("sigue_connect", "dio -1 (nadie escucha ahí), y el programa siguió: send(3) en "),
    ("menos_uno", "send(-1) sobre un -1, y antes accept(3) = -1"),
    ("sin_nosignal", "send(4) sin MSG_NOSIGNAL, y el otro lado ya se fue"),
    ("sigpipe", "send(4) sin MSG_NOSIGNAL, y el otro lado ya se había ido: SIGPIPE mató al programa"),
    ("envio_corto", "de 67108864 bytes, y nadie mandó el resto"),
    ("recibe_corto", "recv(5) pidió 10 bytes sin MSG_WAITALL, llegaron 4, y se siguió"),
    ("abandona_corto", "recv(5) pidió 4 bytes sin MSG_WAITALL, llegaron 2, y se siguió"),
    ("recibe_corto_crudo", "recv(5) pidió 10 bytes sin MSG_WAITALL, llegaron 4, y se siguió"),
    ("waitall_corto", "recv(5) pidió 10 bytes con MSG_WAITALL, llegaron 4, y se siguió"),
    ("tamanio", "recv(5) pide -1 (y como size_t, 18446744073709551615) bytes, el tamaño que acaba de llegar"),
    ("opcion", "setsockopt(3, SO_REUSEPORT): ésa es la 15"),
    ("opcion_tarde", "setsockopt(3, SO_REUSEADDR) después de bind"),
    ("cierra_dos", "close(4) otra vez: ya se había cerrado en "),
    ("cierra_nada", "close(-1): nunca se abrió"),
    ("cerrado", "send(4) sobre un socket que ya se había cerrado en "),
    ("encimados", "dos hilos mandan a la vez por 4"),
    ("abierto", "socket dio 3, y al terminar seguía abierto"),
    ("en_un_hijo", "close(4) otra vez: ya se había cerrado en "),
    ("mensaje_corto", "send(5): el header anunció 100 bytes, salieron 10, y se cerró en "),
];

const LA_MITAD: &str = "5 -> quedó en el payload: salieron 10 de 100 bytes de MENSAJE (0): \"diez bytes\"";

/// Lo que se cuenta y no es sospechoso: el caso, con qué termina la traza entera, y lo que se cuenta seguido.
const NO_SOSPECHOSAS: &[(&str, &str, &[&str])] = &[
    (
        "eco_sin_header",
        "terminó con 0",
        &[
            "5 -> quedó en el payload: salieron 0 de 12239716 bytes de código 1851896259 (sin formato: \"ñandú\")",
            "close(5)",
            "4 <- fin: el otro lado cerró, y quedó en el payload: llegaron 0 de 12239716 bytes de código 1851896259 (sin formato: \"ñandú\")",
            "close(4)",
        ],
    ),
    (
        "menos_que_un_header",
        "terminó con 0",
        &[
            "4 <- quedó en el header: llegaron 5 de 8 bytes: \"hola\"",
            "close(4)",
            "5 -> quedó en el header: salieron 5 de 8 bytes: \"hola\"",
            "close(5)",
        ],
    ),
    (
        "sobra_un_pedazo",
        "terminó con 0",
        &[
            "5 -> MENSAJE (0), 5 bytes: \"hola\"",
            "5 -> quedó en el header: salieron 3 de 8 bytes: ff ff ff",
            "close(5)",
        ],
    ),
    (
        "header_imposible",
        "terminó con 0",
        &[
            "4 -> MENSAJE (0), 5 bytes: \"hola\"",
            "4 -> sin formato, 10 bytes: \"chau, chau\"",
            "5 -> un header que no puede ser: MENSAJE (0) y tamaño -1 (00 00 00 00 ff ff ff ff)",
            "5 -> sin formato, 5 bytes: \"hola\"",
            "close(5)",
        ],
    ),
    (
        "a_medias_y_lo_matan",
        "murió por SIGKILL",
        &["4 <- quedó en el payload: llegaron 4 de 100 bytes de MENSAJE (0): \"diez\"", LA_MITAD],
    ),
    ("a_medias_y_exec", "terminó con 0", &[LA_MITAD]),
    ("a_medias_y_termina", "terminó con 0", &[LA_MITAD]),
    ("a_medias_y_se_fue", "terminó con 0", &["shutdown(4)", LA_MITAD, "close(5)"]),
    (
        "a_medias_y_corte",
        "terminó con 0",
        &[
            "recv(5) = -1: el otro lado cortó la conexión (RST)",
            LA_MITAD,
            "send(5) = -1: el otro lado ya se había ido",
            "close(5)",
        ],
    ),
    (
        "a_medias_a_proposito",
        "terminó con 0",
        &["send(5) = -1: el otro lado ya se había ido", LA_MITAD, "close(5)", "close(4)"],
    ),
    (
        "opciones",
        "terminó con 0",
        &["setsockopt(3, TCP_DEFER_ACCEPT)", "setsockopt(3, TCP_KEEPIDLE)", "setsockopt(3, nivel 6, opción 99) = -1: "],
    ),
];

#[test]
fn cada_cosa_sospechosa_se_ve_se_nombra_y_dice_su_renglon() {
    if !exigir("gcc") {
        return;
    }
    let programa = fs::read_to_string(fuente("sospechas")).unwrap();
    let casos = programa.matches("CASO(").count() - 1;
    assert_eq!(casos, PLANTADAS.len() + NO_SOSPECHOSAS.len() + 1, "todas las de sospechas.c, y la que no tiene nada");
    for (caso, que) in PLANTADAS {
        let marca = format!("/* ACA {caso} */");
        let renglon = 1 + programa.lines().position(|renglon| renglon.contains(&marca)).expect(caso);
        let (salida, traza) = trazado(sospechas(), &[caso]);
        let dicho = texto(&salida.stderr);
        let vistas = lo_sospechoso(&traza);
        assert!(
            vistas.len() == 1 && vistas[0].contains(&format!("sospechas.c:{renglon}: ")) && vistas[0].contains(que),
            "{caso}, renglón {renglon}: {vistas:?}\n{traza}{dicho}"
        );
        assert!(dicho.contains("; 1 cosa sospechosa:") && dicho.contains(que), "{caso}: {dicho}");
        assert_eq!(salida.status.code(), Some(1), "{caso}: {dicho}");
    }
}

#[test]
fn la_misma_en_el_mismo_lugar_se_dice_una_vez() {
    let (salida, traza) =
        trazado("/bin/sh", &["-c", &format!("{0} cierra_dos; {0} cierra_dos", sospechas().display())]);
    assert_eq!(lo_sospechoso(&traza).len(), 1, "{traza}");
    assert!(texto(&salida.stderr).contains(" (2 veces)"), "{}", texto(&salida.stderr));
}

#[test]
fn de_lo_que_parece_y_no_es_no_se_sospecha() {
    let (salida, traza) = trazado(sospechas(), &["nada"]);
    assert!(lo_sospechoso(&traza).is_empty(), "{traza}");
    assert_eq!(salida.status.code(), Some(0), "{}", texto(&salida.stderr));
    assert!(texto(&salida.stderr).contains("terminó con 0; nada sospechoso"));
    assert!(!traza.contains("espera"), "{traza}");
}

#[test]
fn lo_que_queda_por_la_mitad_se_cuenta_se_dibuja_y_no_es_sospechoso() {
    if !exigir("gcc") {
        return;
    }
    for (caso, fin, renglones) in NO_SOSPECHOSAS {
        let (salida, traza) = trazado(sospechas(), &[caso]);
        assert!(lo_sospechoso(&traza).is_empty(), "{caso}: {traza}");
        let dicho = texto(&salida.stderr);
        assert!(salida.status.code() == Some(0) && dicho.contains(&format!("{fin}; n")), "{caso}: {dicho}");
        let seguidos = |este: &[&str]| este.iter().zip(*renglones).all(|(uno, otro)| uno.starts_with(otro));
        assert!(contado(&traza).windows(renglones.len()).any(seguidos), "{caso}: {traza}");
        // El final se cuenta una vez.
        assert!(traza.matches(LA_MITAD).count() <= 1 || *caso == "a_medias_a_proposito", "{caso}: {traza}");
        let dibujo = dibujar(&[&traza]);
        assert_eq!(dibujo.contains("quedó en el"), traza.contains("quedó en el"), "{caso}: {dibujo}");
    }
}

/// Un servidor y un cliente escritos a mano, cada uno con su traza.
fn charla_a_mano(vueltas: &str) -> [String; 2] {
    let trazas = [ruta_nueva("servidor.traza"), ruta_nueva("cliente.traza")];
    let mut servidor = trazar(&["-o"]);
    servidor.arg(&trazas[0]).arg("--").arg(programa("a_mano_servidor"));
    let servidor = Proceso::lanzar(servidor);
    let puerto = servidor.esperar_linea("puerto ", PLAZO).replace("puerto ", "");
    let mut cliente = trazar(&["-o"]);
    cliente.arg(&trazas[1]).arg("--").arg(programa("a_mano_cliente")).args([&puerto, vueltas]);
    Proceso::lanzar(cliente).terminar(PLAZO).exigir_exito("el cliente");
    servidor.terminar(PLAZO).exigir_exito("el servidor");
    trazas.map(|traza| fs::read_to_string(traza).unwrap())
}

fn dibujar(trazas: &[&str]) -> String {
    let nombre = ruta_nueva("dibujo");
    let mut tp0 = orden(TP0);
    tp0.args(["diagrama", "-o"]).arg(&nombre);
    for traza in trazas {
        let archivo = ruta_nueva("traza");
        fs::write(&archivo, traza).unwrap();
        tp0.arg(archivo);
    }
    ejecutar(&mut tp0);
    let dibujo = fs::read_to_string(nombre.with_extension("svg")).unwrap();
    roxmltree::Document::parse(&dibujo).expect("el SVG es XML bien formado");
    fs::read_to_string(nombre.with_extension("mmd")).unwrap()
}

/// De quién a quién va cada flecha, y qué lleva.
fn flechas(dibujo: &str) -> Vec<String> {
    let es_flecha = |renglon: &&str| renglon.starts_with('P') && renglon.contains(": ");
    dibujo
        .lines()
        .map(str::trim)
        .filter(es_flecha)
        .map(|renglon| {
            renglon
                .replace("#34;", "\"")
                .replace("-->>", " ")
                .replace("->>", " ")
                .replace("--)", " ")
                .replace("--x", " se pierde ")
        })
        .collect()
}

#[test]
fn dos_escritos_a_mano_se_dibujan_y_no_hay_nada_que_sospechar() {
    if !exigir("gcc") {
        return;
    }
    let [servidor, cliente] = charla_a_mano("1");
    assert!(lo_sospechoso(&servidor).is_empty() && lo_sospechoso(&cliente).is_empty(), "{servidor}{cliente}");
    assert_eq!(
        contado(&cliente)[3..],
        [
            "3 -> handshake 1",
            "3 <- handshake 0 (OK)",
            "3 -> MENSAJE (0), 5 bytes: \"hola\"",
            "3 <- MENSAJE (0), 6 bytes: \"van 1\"",
            "3 -> PAQUETE (1), 16 bytes, 2 valores: \"uno\", \"dos\"",
            "3 <- MENSAJE (0), 6 bytes: \"van 2\"",
            "close(3)",
        ],
        "{cliente}"
    );
    assert_eq!(
        flechas(&dibujar(&[&servidor, &cliente])),
        [
            "P1 P0: connect",
            "P1 P0: handshake 1",
            "P0 P1: handshake 0 (OK)",
            "P1 P0: MENSAJE (0), 5 bytes: \"hola\"",
            "P0 P1: MENSAJE (0), 6 bytes: \"van 1\"",
            "P1 P0: PAQUETE (1), 16 bytes, 2 valores: \"uno\", \"dos\"",
            "P0 P1: MENSAJE (0), 6 bytes: \"van 2\"",
            "P1 P0: close",
        ]
    );
}

/// Uno de manual, visto desde afuera, con uno de libtp0, que se cuenta solo: una sola forma de traza.
#[test]
fn uno_a_mano_con_uno_de_libtp0_se_dibujan() {
    if !exigir("gcc") || !exigir("make") {
        return;
    }
    let mut servidor = orden(compilados().join("servidor"));
    servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", "0").env("TP0_TRAZA", "1");
    let servidor = Proceso::lanzar(servidor);
    let puerto = ejemplos::puerto_de(&servidor).to_string();
    let archivo = ruta_nueva("cliente.traza");
    let mut cliente = trazar(&["-o"]);
    // El servidor contesta sólo a los paquetes: al de manual, que espera una respuesta por mensaje, lo deja esperando.
    let guion = format!("timeout 2 {} {puerto}", programa("a_mano_cliente").display());
    cliente.arg(&archivo).args(["--", "sh", "-c", &guion]);
    Proceso::lanzar(cliente).terminar(PLAZO);
    servidor.esperar_linea("Me llego el mensaje hola", PLAZO);
    servidor.senial(libc::SIGINT);
    let servidor = servidor.terminar(PLAZO).stderr;
    let cliente = fs::read_to_string(&archivo).unwrap();
    assert!(cliente.contains("recv(3): espera"), "{cliente}");
    let flechas = flechas(&dibujar(&[&servidor, &cliente]));
    for una in
        ["P1 P0: connect", "P1 P0: handshake 1", "P0 P1: handshake 0 (OK)", "P1 P0: MENSAJE (0), 5 bytes: \"hola\""]
    {
        assert!(flechas.iter().any(|flecha| flecha == una), "{una}: {flechas:?}\n{servidor}{cliente}");
    }
}

/// Una orden que deja la traza de cada programa en esa carpeta y le deja su lugar.
fn prefijo() -> (PathBuf, PathBuf) {
    interpositor::compilarlo();
    let (carpeta, guion) = (ruta_nueva("trazas"), ruta_nueva("prefijo"));
    fs::create_dir_all(&carpeta).unwrap();
    let texto = format!("#!/bin/sh\nexec '{TP0}' trazar --en-su-lugar -o '{}'/$$ -- \"$@\"\n", carpeta.display());
    escribir_guion(&guion, &texto);
    (guion, carpeta)
}

/// Todas las trazas que quedaron, cuando ya nadie las escribe. Cuántas, y juntas.
fn juntar(carpeta: &Path) -> (usize, String) {
    let leer = || -> Vec<String> {
        fs::read_dir(carpeta)
            .unwrap()
            .flatten()
            .map(|traza| fs::read_to_string(traza.path()).unwrap_or_default())
            .collect()
    };
    comun::esperar_que("que cada traza tenga su primer renglón", PLAZO, || {
        leer().iter().all(|traza| !traza.is_empty())
    });
    (leer().len(), leer().concat())
}

/// La demo entera, con cada programa trazado: se hacen los mismos controles que sin trazar.
#[test]
fn la_demo_de_la_biblioteca_anda_igual_y_no_tiene_nada_sospechoso() {
    if !exigir("gcc") || !exigir("make") {
        return;
    }
    let (prefijo, carpeta) = prefijo();
    let mut demo = orden("sh");
    demo.arg("demo.sh").current_dir(dir_ejemplos()).env("BIN", compilados()).env("PREFIJO", prefijo);
    ejecutar(&mut demo);
    let (cuantas, trazas) = juntar(&carpeta);
    assert!(cuantas >= 20, "{cuantas}");
    assert!(lo_sospechoso(&trazas).is_empty(), "{:?}", lo_sospechoso(&trazas));
    for dicho in ["<- handshake 1", "-> handshake 0 (OK)", "-> PAQUETE (1), ", "<- MENSAJE (0), ", "<- código "] {
        assert!(trazas.contains(dicho), "falta {dicho}");
    }
}

/// La matriz de fallas y lo multiplexado de la biblioteca, con cada programa trazado.
#[test]
fn las_pruebas_de_la_biblioteca_pasan_con_todo_trazado() {
    let (prefijo, carpeta) = prefijo();
    let mut cargo = orden(env!("CARGO"));
    cargo.args(["test", "--quiet", "--package", "tp0", "--test", "fallas", "--test", "conversacion", "--target-dir"]);
    // Aparte: si no, mientras otra prueba corre un programa, le cambiaría la biblioteca.
    cargo
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("biblioteca"))
        .args(["--", "matriz::", "multiplexado::"])
        .current_dir(raiz());
    cargo.env("MAQUINA_EMULADOR", prefijo).env_remove("CONFIANZA_DIR");
    let salida = cargo.output().unwrap();
    assert!(salida.status.success(), "{}{}", texto(&salida.stdout), texto(&salida.stderr));
    let (cuantas, trazas) = juntar(&carpeta);
    assert!(cuantas >= 100 && trazas.contains("<- handshake 1"), "se trazaron {cuantas}");
}

#[test]
fn el_programa_no_nota_nada() {
    if !exigir("gcc") {
        return;
    }
    let programa = programa("igual");
    let solo = Command::new(&programa).output().unwrap();
    assert_eq!((solo.status.code(), texto(&solo.stdout).lines().count()), (Some(7), 71), "{}", texto(&solo.stdout));
    let (afuera, traza) = trazado(&programa, &[]);
    assert_eq!(texto(&afuera.stdout), texto(&solo.stdout));
    assert!(traza.contains("] fork() = "), "{traza}");
    let (prefijo, _) = prefijo();
    let en_su_lugar = Command::new(prefijo).arg(&programa).output().unwrap();
    assert_eq!(texto(&en_su_lugar.stdout), texto(&solo.stdout));
    assert_eq!(en_su_lugar.status.code(), Some(7), "termina como él");
    assert_eq!(texto(&en_su_lugar.stderr), "", "nada más que lo suyo");
}

#[test]
fn lo_que_no_se_puede_trazar_se_dice_en_un_renglon() {
    if !exigir("gcc") {
        return;
    }
    let estatico = compilar("sospechas", &["-static"]);
    let setuid = ruta_nueva("setuid");
    copiar_programa(sospechas(), &setuid);
    let sin_permiso = ruta_nueva("sin-permiso");
    fs::write(&sin_permiso, "").unwrap();
    let sin_interprete = ruta_nueva("sin-interprete");
    escribir_guion(&sin_interprete, "#!/no/hay\n");
    let no_esta = ruta_nueva("no-esta");
    let mut casos = vec![
        (estatico.as_path(), "enlazado estáticamente"),
        (&no_esta, "no existe"),
        (&sin_permiso, "no tiene permiso de ejecución"),
        (&sin_interprete, "no existe"),
        (Path::new("/tmp"), "es una carpeta"),
    ];
    // De otro, y con su permiso: sólo root puede dejarlo así.
    let de_otro = Command::new("chown").arg("65534").arg(&setuid).stderr(Stdio::null()).status().unwrap().success();
    fs::set_permissions(&setuid, Permissions::from_mode(0o4755)).unwrap();
    if de_otro {
        casos.push((&setuid, "es setuid"));
    } else {
        comun::saltear("lo setuid lo prepara root");
    }
    for (programa, porque) in casos {
        let (salida, _) = trazado(programa, &["cierra_dos"]);
        let dicho = texto(&salida.stderr);
        assert!(
            dicho.lines().count() == 1 && dicho.starts_with("tp0: No p") && dicho.contains(porque),
            "{porque}: {dicho}"
        );
        assert_eq!((salida.status.code(), salida.stdout.len()), (Some(2), 0), "{dicho}");
    }
    // Un guion puede arrancar uno que no se puede: se cuenta lo demás.
    let (salida, traza) =
        trazado("/bin/sh", &["-c", &format!("{} nada; {} abierto", estatico.display(), sospechas().display())]);
    assert_eq!((salida.status.code(), lo_sospechoso(&traza).len()), (Some(1), 1), "{traza}");
}

#[test]
fn guiones_precargas_y_sanitizadores() {
    if !exigir("gcc") {
        return;
    }
    let guion = ruta_nueva("guion");
    escribir_guion(&guion, &format!("#!/usr/bin/env sh\n{} cierra_dos\nexit 4\n", sospechas().display()));
    let (salida, traza) = trazado(&guion, &[]);
    assert_eq!(lo_sospechoso(&traza).len(), 1, "{traza}");
    assert!(texto(&salida.stderr).contains("terminó con 4; 1 cosa sospechosa:"), "{}", texto(&salida.stderr));

    // Lo que ya precargaba va adelante, y anda: su close es la que ve el programa, y llama a la que se cuenta.
    let (otra, fuente) = (ruta_nueva("otra.so"), ruta_nueva("otra.c"));
    // La carga también tp0, que no es de quien se cuenta.
    let texto_de_otra = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <errno.h>\n#include <string.h>\n#include <unistd.h>\n\
        int close(int fd)\n{\n\tint (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, \"close\");\n\
        \tif (strncmp(program_invocation_short_name, \"sospechas\", 9) == 0)\n\t\twrite(1, \"c\", 1);\n\treturn real(fd);\n}\n";
    fs::write(&fuente, texto_de_otra).unwrap();
    ejecutar(Command::new("gcc").args(["-shared", "-fPIC", "-w", "-x", "c", "-o"]).arg(&otra).arg(&fuente).arg("-ldl"));
    let archivo = ruta_nueva("traza");
    let mut tp0 = trazar(&["-o"]);
    let salida =
        tp0.arg(&archivo).arg("--").arg(sospechas()).arg("cierra_dos").env("LD_PRELOAD", &otra).output().unwrap();
    assert_eq!(texto(&salida.stdout), "cccc", "{}", texto(&salida.stderr));
    assert_eq!(lo_sospechoso(&fs::read_to_string(&archivo).unwrap()).len(), 1);

    let con_asan = compilar("sospechas", &["-fsanitize=address"]);
    let (salida, traza) = trazado(&con_asan, &["cierra_dos"]);
    assert_eq!(lo_sospechoso(&traza).len(), 1, "{traza}{}", texto(&salida.stderr));

    // Sin -g no hay renglón, y con -D_FORTIFY_SOURCE el compilador llama a otras funciones.
    let (_, traza) = trazado(compilar("sospechas", &["-g0"]), &["cierra_dos"]);
    let vistas = lo_sospechoso(&traza);
    assert!(vistas.len() == 1 && vistas[0].contains("sospechas-") && vistas[0].contains("+0x"), "{vistas:?}");
    let (_, traza) = trazado(compilar("sospechas", &["-O2", "-D_FORTIFY_SOURCE=2"]), &["recibe_corto"]);
    assert_eq!(lo_sospechoso(&traza).len(), 1, "{traza}");

    let (salida, _) = trazado("/bin/true", &[]);
    assert!(texto(&salida.stderr).contains("no llamó a ningún socket de TCP"), "{}", texto(&salida.stderr));
}

/// La instalada en una carpeta con espacios: el cargador no entiende un camino así.
#[test]
fn anda_desde_una_carpeta_con_espacios() {
    interpositor::compilarlo();
    let carpeta = ruta_nueva("una carpeta: con espacios");
    fs::create_dir_all(carpeta.join("bin")).unwrap();
    fs::create_dir_all(carpeta.join("lib/tp0")).unwrap();
    copiar_programa(TP0, carpeta.join("bin/tp0"));
    let interpositor = Path::new(TP0).with_file_name("libtp0_trazar.so");
    let correr = || {
        let mut tp0 = orden(carpeta.join("bin/tp0"));
        tp0.args(["trazar", "--"]).arg(sospechas()).arg("cierra_dos").env("NO_COLOR", "1").output().unwrap()
    };
    let sin_el = correr();
    assert_eq!((sin_el.status.code(), texto(&sin_el.stderr).lines().count()), (Some(2), 1));
    assert!(texto(&sin_el.stderr).contains("Falta libtp0_trazar.so"), "{}", texto(&sin_el.stderr));
    fs::copy(interpositor, carpeta.join("lib/tp0/libtp0_trazar.so")).unwrap();
    let con_el = correr();
    assert_eq!(con_el.status.code(), Some(1), "{}", texto(&con_el.stderr));
    assert_eq!(lo_sospechoso(&texto(&con_el.stderr)).len(), 1, "sin -o, la traza va a la salida de errores");
}

/// Lo que se llegó a contar de uno al que matan en el medio está, y también dónde estaba.
#[test]
fn de_uno_que_matan_queda_todo_lo_anterior() {
    let archivo = ruta_nueva("traza");
    let mut tp0 = trazar(&["-o"]);
    tp0.arg(&archivo).arg("--").arg(programa("a_mano_servidor"));
    let servidor = Proceso::lanzar(tp0);
    servidor.esperar_linea("puerto ", PLAZO);
    comun::esperar_que("que espere", PLAZO, || {
        fs::read_to_string(&archivo).unwrap_or_default().contains("accept(3): espera")
    });
    let hijos = fs::read_to_string(format!("/proc/{0}/task/{0}/children", servidor.pid())).unwrap();
    let pid = nix::unistd::Pid::from_raw(hijos.trim().parse().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let salida = servidor.terminar(PLAZO);
    assert!(salida.stderr.contains("murió por SIGKILL; nada sospechoso"), "{salida}");
    let traza = fs::read_to_string(&archivo).unwrap();
    assert!(contado(&traza).last().unwrap().starts_with("accept(3): espera un cliente"), "{traza}");
    assert!(traza.contains("escucha en 127.0.0.1:"), "{traza}");
}

/// Un Ctrl-C en la terminal es para el programa, y le llega una sola vez; la señal que otro le manda a `tp0`, también.
#[test]
fn ctrl_c_es_para_el_programa() {
    let guion = "trap 'echo llegó' INT TERM; echo listo; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 0.1; done; exit 6";
    // De a pasos: las de openpty las heredaría lo que otra prueba lance justo ahora.
    let modo = nix::fcntl::OFlag::O_RDWR | nix::fcntl::OFlag::O_NOCTTY | nix::fcntl::OFlag::O_CLOEXEC;
    let master = nix::pty::posix_openpt(modo).unwrap();
    nix::pty::grantpt(&master).unwrap();
    nix::pty::unlockpt(&master).unwrap();
    let slave = File::options().read(true).write(true).open(nix::pty::ptsname_r(&master).unwrap()).unwrap();
    let mut tp0 = trazar(&[]);
    let terminal = || Stdio::from(slave.try_clone().unwrap());
    tp0.args(["--", "sh", "-c", guion]).stdin(terminal()).stdout(terminal()).stderr(terminal());
    let adoptar = || {
        nix::unistd::setsid()?;
        // Si a las pruebas se las lanzó con «&», la heredan ignorada, y un shell no deja ponerle un trap.
        // SAFETY: la acción de siempre no tiene manejador.
        unsafe { nix::sys::signal::signal(nix::sys::signal::Signal::SIGINT, nix::sys::signal::SigHandler::SigDfl) }?;
        // SAFETY: el descriptor 0 es su terminal; TIOCSCTTY no lee memoria.
        if unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: entre fork y exec sólo hace dos llamadas al sistema.
    unsafe { tp0.pre_exec(adoptar) };
    let mut hijo = tp0.spawn().unwrap();
    drop(slave);
    drop(tp0);
    let mut mostrado = String::new();
    let mut master = File::from(OwnedFd::from(master));
    let mut leer = |mostrado: &mut String, hasta: &str| {
        let mut bytes = [0; 512];
        while !mostrado.contains(hasta) {
            match master.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(cuantos) => mostrado.push_str(&texto(&bytes[..cuantos])),
            }
        }
        master.try_clone().unwrap()
    };
    leer(&mut mostrado, "listo").write_all(b"\x03").unwrap();
    leer(&mut mostrado, "llegó");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(hijo.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    leer(&mut mostrado, "no lo va a decir nunca");
    assert_eq!(hijo.wait().unwrap().into_raw(), 0, "{mostrado}");
    assert_eq!(mostrado.matches("llegó").count(), 2, "{mostrado}");
    assert!(mostrado.contains("sh terminó con 6;"), "{mostrado}");
}

/// Lo que no es este protocolo se muestra como está; y con otro cable, se lo entiende si se dice cómo es.
#[test]
fn lo_que_no_es_este_protocolo_se_muestra_como_esta() {
    let (_, traza) = trazado(sospechas(), &["recibe_corto_crudo"]);
    assert!(contado(&traza).contains(&"4 -> sin formato, 13 bytes: 05 00 0a 68 6f 6c 61 20 6d 75 6e 64 6f"), "{traza}");
    let archivo = ruta_nueva("traza");
    let mut tp0 = trazar(&["--codigo", "u8", "--tamanio", "u16", "--orden", "big", "--handshake", "no", "-o"]);
    tp0.arg(&archivo).arg("--").arg(sospechas()).arg("recibe_corto_crudo").output().unwrap();
    let traza = fs::read_to_string(&archivo).unwrap();
    assert!(contado(&traza).contains(&"4 -> código 5, 10 bytes: \"hola mundo\""), "{traza}");
}

/// Lo que cuesta: una ida y vuelta por loopback, con las dos puntas trazadas y sin trazar.
#[test]
fn lo_que_cuesta_una_ida_y_vuelta() {
    if !exigir("gcc") {
        return;
    }
    let (servidor, cliente) = (programa("a_mano_servidor"), programa("a_mano_cliente"));
    let (prefijo, _) = prefijo();
    let medir = |trazado: bool| -> f64 {
        let orden_de = |programa: &Path| {
            let mut orden = Command::new(if trazado { prefijo.as_path() } else { programa });
            if trazado {
                orden.arg(programa);
            }
            orden
        };
        let proceso = Proceso::lanzar(orden_de(&servidor));
        let puerto = proceso.esperar_linea("puerto ", PLAZO).replace("puerto ", "");
        let mut de_cliente = orden_de(&cliente);
        de_cliente.args([&puerto, "2000"]);
        let dicho = Proceso::lanzar(de_cliente).terminar(PLAZO);
        proceso.terminar(PLAZO);
        dicho.stdout.split_once(" us").unwrap().0.parse().unwrap()
    };
    let desde = Instant::now();
    let mut medidas: Vec<(f64, f64)> = (0..5).map(|_| (medir(false), medir(true))).collect();
    medidas.sort_by(|una, otra| (una.1 / una.0).total_cmp(&(otra.1 / otra.0)));
    let (sin, con) = medidas[2];
    decir(&format!(
        "una ida y vuelta: {} us sola, {} us trazada, {} veces (en {} s)",
        cifra(sin, 1),
        cifra(con, 1),
        cifra(con / sin, 2),
        cifra(desde.elapsed().as_secs_f64(), 1)
    ));
    assert!(con / sin < 100.0, "la demora sola no prueba nada, pero esto es demasiado: {sin} y {con}");
}

/// Lo que cambia en cada corrida, igual en todas: el proceso, los tiempos y el puerto.
fn sin_lo_que_cambia(texto: &str, puerto: &str) -> String {
    let renglones = texto.replace(puerto, "4444");
    let renglones = renglones.trim().lines().map(|renglon| match renglon.split_once("] ") {
        Some((adelante, que)) if adelante.starts_with('[') => {
            let programa = adelante.split(' ').next().unwrap_or_default();
            format!("{programa}] {}", que.split(", reloj ").next().unwrap_or_default())
        }
        _ => renglon.to_owned(),
    });
    renglones.collect::<Vec<_>>().join("\n")
}

/// El programa de la guía compila, y trazado muestra lo que ella dice; y cada consejo está en su tabla.
#[test]
fn lo_que_muestra_la_guia_de_trazar_anda() {
    if !exigir("gcc") {
        return;
    }
    let guia = fs::read_to_string(raiz().join("docs/trazar.md")).unwrap();
    let bloque = |lenguaje: &str| {
        let (_, resto) = guia.split_once(&format!("```{lenguaje}\n")).unwrap();
        resto.split_once("```").unwrap().0.to_owned()
    };
    interpositor::compilarlo();
    let (carpeta, puerto) = (ruta_nueva("guia"), comun::puerto_libre().to_string());
    fs::create_dir_all(&carpeta).unwrap();
    fs::write(carpeta.join("saludo.c"), bloque("c").replace("4444", &puerto)).unwrap();
    let camino = format!("{}:{}", Path::new(TP0).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut sh = orden("sh");
    sh.args(["-c", &bloque("sh")]).current_dir(&carpeta).env("PATH", camino).env("NO_COLOR", "1");
    let salida = sh.output().unwrap();
    assert_eq!(sin_lo_que_cambia(&texto(&salida.stderr), &puerto), sin_lo_que_cambia(&bloque("text"), "4444"));
    assert_eq!(salida.status.code(), Some(1));

    let fuente = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/trazar/sospechas.rs")).unwrap();
    let (_, consejos) = fuente.split_once("fn consejo").unwrap();
    let consejos: Vec<&str> = consejos.split('"').skip(1).step_by(2).take_while(|consejo| consejo.len() > 40).collect();
    assert!(consejos.len() >= 14, "{consejos:?}");
    for consejo in consejos {
        assert!(guia.contains(&format!("| {consejo} |")), "docs/trazar.md no tiene: {consejo}");
    }
}
