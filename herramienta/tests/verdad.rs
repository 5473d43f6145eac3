//! La verdad de `tp0 probar`: cada caso de la tabla, con una falla plantada que se tiene que ver y nombrar, y con programas sanos (y lo que se
//! parece a una falla y no lo es), que tienen que pasar. Deja la tabla en `verdad.md`, en la carpeta temporal de cargo; la muestra
//! `make verdad`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "pruebas")]

mod comun;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// Una falla plantada: el caso, las opciones de `tp0`, los argumentos del programa, y el resultado y el detalle que se tienen que ver.
type Plantada = (&'static str, &'static str, &'static str, &'static str, &'static str);

const PLANTADAS: &[Plantada] = &[
    ("S02", "", "acepta-cualquiera", "pierde", "aceptó el handshake 77777"),
    ("S02", "--handshake 1 --espera 500", "mudo", "pierde", "no contestó el handshake"),
    ("S03", "--espera 500", "no-muestra", "pierde", "no mostró"),
    ("S04", "--espera 500", "pierde-el-ultimo", "pierde", "no mostró el valor 3 de 3"),
    ("S05", "--espera 500", "sin-waitall", "pierde", "no mostró"),
    ("S06", "--espera 500", "sin-waitall", "pierde", "no mostró"),
    ("S07", "--espera 500", "come-el-siguiente", "pierde", "no mostró el mensaje 2 de 4"),
    ("S08", "--espera 500", "buffer-fijo", "pierde", "no mostró el final del texto, y el principio sí"),
    ("S09", "", "cree-el-tamanio", "se cae", "SIGSEGV"),
    ("S10", "", "cree-el-tamanio", "memoria", "pidió 204"),
    ("S11", "", "cree-el-largo", "se cae", "SIGSEGV"),
    ("S12", "", "cree-el-largo", "se cae", "SIG"),
    ("S13", "", "cae-si-sobra", "se cae", "SIGABRT"),
    ("S14", "", "cae-en-el-corte", "se cae", "SIGSEGV"),
    ("S15", "", "cae-en-el-corte", "se cae", "SIGSEGV"),
    ("S16", "", "gira", "gira", "quemó un procesador"),
    ("S16", "", "gira-mostrando", "gira", "quemó un procesador"),
    ("S17", "", "gira-con-rst", "gira", "quemó un procesador"),
    ("S18", "--espera 500", "ignora-el-payload", "pierde", "no mostró el mensaje que vino después"),
    ("S19", "", "cae-con-vacio", "se cae", "SIGFPE"),
    ("S20", "", "cae-con-paquete-vacio", "se cae", "SIGSEGV"),
    ("S21", "", "cae-sin-saludo", "se cae", "SIGSEGV"),
    ("S22", "--espera 500", "sin-reuseaddr", "puerto", "terminó con 1"),
    ("S23", "--espera 500", "reuseport", "puerto", "comparten el puerto"),
    ("S23", "--espera 500", "no-mira-bind", "puerto", "escucha en otro"),
    ("S24", "--perfil tp", "muchos atiende-a-uno y-termina", "se cae", "terminó, con 0, cuando se fue el cliente 1"),
    ("S24", "--perfil tp --espera 500", "muchos atiende-a-uno y-se-queda", "pierde", "con el cliente 2 de 3"),
    ("S25", "--perfil tp --espera 500", "muchos atiende-a-uno", "pierde", "con 1 ya conectados, al 2"),
    ("S26", "--perfil tp", "muchos no-cierra", "pierde", "descriptores abiertos de más"),
    ("S26", "--perfil tp", "muchos no-libera", "pierde", "KiB de memoria"),
    ("S27", "--perfil tp --espera 500", "muchos saluda-en-el-accept", "pierde", "con otro conectado, callado"),
    ("S28", "", "sigpipe", "se cae", "SIGPIPE"),
    ("S29", "--espera 500", "ignora-sigint", "no termina", "siguió después de SIGINT"),
    ("S29", "--espera 500", "sa-restart", "no termina", "siguió después de SIGINT"),
    ("C01", "--handshake 1", "otro-saludo", "pierde", "el handshake es 02 00 00 00"),
    (
        "C01",
        "",
        "saludo-de-8",
        "pierde",
        "el handshake mide 8 bytes, 01 00 00 00 00 00 00 00 (8 bytes); se esperaba 01 00 00 00",
    ),
    (
        "C01",
        "--espera 500",
        "saludo-de-1",
        "pierde",
        "llegó 01 (1 byte); se esperaba el handshake 01 00 00 00 (4 bytes)",
    ),
    ("C01", "", "saludo-al-reves", "pierde", "el handshake llegó al revés, 00 00 00 01"),
    ("C01", "", "tamanio-de-8", "pierde", "se entiende con --tamanio u64"),
    ("C01", "", "codigo-de-1", "pierde", "se entiende con --codigo u8"),
    ("C01", "", "sin-fin", "pierde", "sin su '\\0'"),
    ("C01", "", "tamanio-de-mas", "pierde", "después del '\\0' de un texto van bytes de más"),
    ("C01", "", "largo-de-mas", "pierde", "en un paquete, un valor dice medir"),
    ("C02", "", "sigpipe", "se cae", "SIGPIPE"),
    ("C02", "--espera 500", "espera-para-siempre", "no termina", "sin servidor, siguió corriendo"),
    ("C03", "", "gira-mostrando", "gira", "quemó un procesador"),
    ("C03", "", "sigpipe", "se cae", "SIGPIPE"),
    ("C04", "", "sigpipe", "se cae", "SIGPIPE"),
    ("C05", "", "sigpipe", "se cae", "SIGPIPE"),
    ("C06", "", "cae-si-lo-rechazan", "se cae", "SIGSEGV"),
    ("C06", "", "sigpipe", "se cae", "SIGPIPE"),
    ("C07", "", "gira-esperando", "gira", "quemó un procesador"),
    ("C08", "", "sin-waitall", "pierde", "mandó 0 de los 2 mensajes"),
    ("C09", "", "lee-respuesta cree-el-tamanio", "se cae", "SIGSEGV"),
    ("C10", "", "mucho no-insiste", "pierde", "header"),
    ("C11", "", "no-cierra", "pierde", "terminó con un socket abierto"),
];

/// Lo sano: las opciones, los argumentos, y los casos que no se le prueban porque ahí sí es una falla, con su razón a la vista arriba.
const SANOS: &[(char, &str, &str, &[&str])] = &[
    ('S', "", "", &[]),
    ('S', "", "a-un-log", &[]),
    ('S', "", "muestra-al-final", &[]),
    ('S', "", "tarda", &[]),
    ('S', "", "tarda-en-escuchar", &[]),
    ('S', "", "mira-a-ratos", &[]),
    ('S', "", "muestra-a-ratos", &[]),
    ('S', "", "sale-con-uno", &[]),
    ('S', "", "sin-reuseaddr", &["S22"]),
    ('S', "", "avisa-y-sigue", &[]),
    ('S', "", "solo-codigo", &[]),
    ('S', "--espera 1000", "sin-handshake", &[]),
    ('S', "--handshake 7", "saludo-7", &[]),
    ('S', "--codigo u8 --orden big", "otro-cable", &[]),
    ('S', "", "ignora-sigterm", &[]),
    ('S', "", "deja-un-nieto", &[]),
    ('S', "--perfil tp", "muchos", &[]),
    ('S', "--perfil tp", "muchos con-fork", &[]),
    ('S', "--perfil tp", "muchos con-fork deja-zombis", &[]),
    ('C', "", "", &[]),
    ('C', "", "lee-respuesta", &[]),
    ('C', "", "pregunta lee-respuesta", &[]),
    ('C', "", "mucho", &[]),
    ('C', "", "reintenta", &[]),
    ('C', "", "ignora-el-rechazo", &[]),
    ('C', "--codigo u8 --tamanio u64", "codigo-de-1 tamanio-de-8", &[]),
    ('C', "", "sin-palabras sale-con-cero", &[]),
    ('C', "--espera 1000", "sin-handshake", &[]),
];

fn palabras(texto: &str) -> Vec<&str> {
    texto.split_whitespace().collect()
}

/// Corre `tp0 probar` y devuelve su JSON.
fn probar(carpeta: &Path, lado: char, opciones: &str, casos: Option<&str>, argumentos: &str) -> Value {
    // Cada corrida, en su carpeta: de a varias a la vez, ninguna ve los archivos de otra.
    let propia = comun::Carpeta::nueva();
    let json = propia.camino().join("resultado.json");
    let programa = if lado == 'S' { "servidor" } else { "cliente" };
    let mut orden = comun::tp0(propia.camino());
    orden.args(["probar", programa, "--json"]).arg(&json).args(palabras(opciones));
    orden.args(casos.iter().flat_map(|casos| ["--caso", casos]));
    orden.arg("--").arg(carpeta.join(programa)).args(palabras(argumentos));
    let salida = comun::correr(orden);
    let mal = comun::texto(&salida.stdout) + &comun::texto(&salida.stderr);
    let leido: Value =
        serde_json::from_slice(&fs::read(&json).unwrap()).unwrap_or_else(|_| panic!("{argumentos}: {mal}"));
    let fallas = leido["resumen"]["mal"].as_u64().unwrap_or_else(|| panic!("{argumentos}: {mal}"));
    assert_eq!(salida.status.code(), Some(i32::from(fallas > 0)), "el código de salida dice si hubo fallas: {mal}");
    leido
}

fn resultados(json: &Value) -> BTreeMap<String, (String, String)> {
    let texto = |valor: &Value| valor.as_str().unwrap().to_owned();
    let casos = json["casos"].as_array().unwrap().iter();
    casos.map(|caso| (texto(&caso["caso"]), (texto(&caso["resultado"]), texto(&caso["detalle"])))).collect()
}

/// Lo que va de a varios a la vez.
fn de_a_varios<T: Sync>(lista: &[T], hacer: impl Fn(&T) + Sync) {
    let proximo = Mutex::new(lista.iter());
    thread::scope(|alcance| {
        for _ in 0..3 {
            alcance.spawn(|| {
                while let Some(uno) = { proximo.lock().unwrap().next() } {
                    hacer(uno)
                }
            });
        }
    });
}

#[test]
fn cada_falla_se_ve_y_lo_sano_pasa() {
    let carpeta = comun::Carpeta::nueva();
    for programa in ["servidor", "cliente"] {
        comun::compilar(carpeta.camino(), programa);
    }
    let filas: Mutex<BTreeMap<&str, Vec<String>>> = Mutex::default();
    let malas: Mutex<Vec<String>> = Mutex::default();
    de_a_varios(PLANTADAS, |(caso, opciones, falla, resultado, detalle)| {
        let lado = caso.chars().next().unwrap();
        let json = probar(carpeta.camino(), lado, opciones, Some(caso), falla);
        let visto = resultados(&json)[*caso].clone();
        let como = format!("{caso} con «{falla}»: {}: {}", visto.0, visto.1);
        if visto.0 != *resultado || !visto.1.contains(detalle) {
            malas.lock().unwrap().push(format!("{como}; se esperaba {resultado}: {detalle}"));
        }
        filas.lock().unwrap().entry(caso).or_default().push(format!("`{falla}`: {} ({})", visto.0, visto.1));
    });
    let sanas: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let sin_probar: Mutex<Vec<String>> = Mutex::default();
    de_a_varios(SANOS, |(lado, opciones, argumentos, salvo)| {
        let json = probar(carpeta.camino(), *lado, opciones, None, argumentos);
        for (caso, (resultado, detalle)) in resultados(&json) {
            match resultado.as_str() {
                "bien" => *sanas.lock().unwrap().entry(caso).or_default() += 1,
                "no se probó" if detalle.contains("perfil tp") || detalle.contains("no tiene handshake") => {}
                _ if salvo.contains(&caso.as_str()) => {}
                "no se probó" => sin_probar.lock().unwrap().push(format!("{caso} con «{argumentos}»: {detalle}")),
                _ => malas
                    .lock()
                    .unwrap()
                    .push(format!("falsa alarma, {caso} con «{argumentos}»: {resultado}: {detalle}")),
            }
        }
    });
    let (filas, sanas) = (filas.into_inner().unwrap(), sanas.into_inner().unwrap());
    let mut tabla = "| caso | plantada | sano |\n|---|---|---|\n".to_owned();
    for (caso, plantadas) in &filas {
        let _ = writeln!(
            tabla,
            "| {caso} | {} | bien en {} programas |",
            plantadas.join("; "),
            sanas.get(*caso).unwrap_or(&0)
        );
    }
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("verdad.md"), &tabla).unwrap();
    println!("{tabla}");
    let (malas, sin_probar) = (malas.into_inner().unwrap(), sin_probar.into_inner().unwrap());
    assert!(malas.is_empty(), "{}", malas.join("\n"));
    assert!(sin_probar.is_empty(), "lo sano se tiene que poder probar: {}", sin_probar.join("\n"));
    // S01 no está: quien no escucha no se puede probar, y es una de las entradas malas.
    let todos: Vec<String> = (2..=29).map(|n| format!("S{n:02}")).chain((1..=11).map(|n| format!("C{n:02}"))).collect();
    for caso in &todos {
        assert!(filas.contains_key(caso.as_str()), "{caso} no tiene una falla plantada");
        assert!(sanas.contains_key(caso), "{caso} no tiene un programa sano");
    }
    assert!(sanas.contains_key("S01"));
}

/// El del libro: casi todas las fallas de siempre juntas.
const DE_MANUAL: &str = "sin-waitall cree-el-tamanio cree-el-largo sigpipe sin-reuseaddr no-mira-bind";

/// Corre todos los casos de un servidor con otro usuario, otras opciones u otro puerto; nada más que los resultados, sin los detalles que
/// dicen números; y lo que contó.
fn todos_de(orden: std::process::Command, json: &Path) -> (BTreeMap<String, String>, String) {
    let salida = comun::correr(orden);
    let mal = comun::texto(&salida.stdout) + &comun::texto(&salida.stderr);
    let leido: Value = serde_json::from_slice(&fs::read(json).expect(&mal)).expect(&mal);
    (resultados(&leido).into_iter().map(|(caso, (resultado, _))| (caso, resultado)).collect(), mal)
}

/// Corre lo que sigue donde no se puede hacer ningún espacio de nombres.
const SIN_ESPACIOS: &str =
    "for cual in user net mnt; do echo 0 >/proc/sys/user/max_${cual}_namespaces || exit 9; done; exec \"$@\"";

/// Con espacios de nombres, como root o como un usuario cualquiera, y sin ellos: los mismos veredictos.
#[test]
fn con_y_sin_espacios_de_nombres_es_lo_mismo() {
    let carpeta = comun::Carpeta::nueva();
    let propia = std::env::temp_dir().join(format!("tp0-verdad-{}", std::process::id()));
    fs::create_dir_all(&propia).unwrap();
    let _borrar = Borrar(&propia);
    comun::compilar(&propia, "servidor");
    comun::compilar(carpeta.camino(), "servidor");
    let herramienta = propia.join("tp0");
    comun::ejecutables::copiar_programa(env!("CARGO_BIN_EXE_tp0"), &herramienta);
    let es_root = fs::metadata("/proc/self").is_ok_and(|datos| std::os::unix::fs::MetadataExt::uid(&datos) == 0);
    let libre = &comun::puerto_sin_duenio();
    let armar = |delante: &[&str], como_nadie: bool, opciones: &[&str], json: &Path| {
        let con_todo = [delante, &[herramienta.to_str().unwrap()]].concat();
        let mut orden = std::process::Command::new(con_todo[0]);
        orden.args(&con_todo[1..]).current_dir(&propia).env("NO_COLOR", "1").env("PUERTO_DE_PRUEBA", libre);
        orden.args(["probar", "servidor", "--espera", "1500", "--puerto", libre, "--json"]).arg(json).args(opciones);
        orden.arg("--").arg("./servidor").args(palabras(DE_MANUAL));
        if como_nadie {
            std::os::unix::process::CommandExt::uid(&mut orden, 65534);
        }
        todos_de(orden, json)
    };
    let json = propia.join("resultado.json");
    let (con, _) = armar(&[], false, &[], &json);
    assert!(con.values().filter(|resultado| *resultado == "se cae").count() >= 4, "{con:?}");
    assert_eq!(con, armar(&[], false, &["--sin-aislar"], &json).0, "con espacios y sin ellos");
    // Donde el sistema no los da, sin que nadie lo diga: adentro de uno que no deja hacer otros.
    let sin_espacios = ["unshare", "--user", "--map-root-user", "sh", "-c", SIN_ESPACIOS, "sh"];
    let se_puede = std::process::Command::new(sin_espacios[0]).args(&sin_espacios[1..]).arg("true").output();
    if se_puede.is_ok_and(|salida| salida.status.success()) {
        let (sin, dicho) = armar(&sin_espacios, false, &[], &json);
        assert!(dicho.contains("en la red de la máquina, de a un caso"), "{dicho}");
        assert_eq!(con, sin, "donde el sistema no da espacios de nombres");
    } else {
        eprintln!("salteado: acá no se puede correr algo sin espacios de nombres (unshare --user)");
        assert!(std::env::var_os("CI").is_none(), "en CI no se saltea");
    }
    if es_root {
        for opciones in [&[] as &[&str], &["--sin-aislar"]] {
            // Lo que escribe un usuario cualquiera, en un lugar suyo.
            let suya = propia.join("suya");
            fs::create_dir_all(&suya).unwrap();
            std::os::unix::fs::chown(&suya, Some(65534), None).unwrap();
            assert_eq!(
                con,
                armar(&[], true, opciones, &suya.join("resultado.json")).0,
                "como un usuario cualquiera, {opciones:?}"
            );
        }
    }
}

struct Borrar<'a>(&'a Path);

impl Drop for Borrar<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0);
    }
}

/// Diez corridas de lo mismo, con los dos procesadores ocupados: diez veces los mismos veredictos.
#[test]
fn diez_veces_lo_mismo() {
    let carpeta = comun::Carpeta::nueva();
    let _ocupada = Ocupada::nueva(2);
    for (lado, programa, fallas) in [('S', "servidor", DE_MANUAL), ('C', "cliente", "sigpipe no-cierra")] {
        comun::compilar(carpeta.camino(), programa);
        let una = || {
            let json = probar(carpeta.camino(), lado, "--espera 2000", None, fallas);
            resultados(&json).into_iter().map(|(caso, (resultado, _))| (caso, resultado)).collect::<BTreeMap<_, _>>()
        };
        let corridas: Vec<BTreeMap<String, String>> = (0..10).map(|_| una()).collect();
        for (vez, corrida) in corridas.iter().enumerate() {
            assert_eq!(*corrida, corridas[0], "la corrida {vez}, del {programa}");
        }
    }
}

/// Hilos que no hacen más que ocupar procesadores, hasta que se sueltan.
struct Ocupada(Arc<AtomicBool>);

impl Ocupada {
    fn nueva(hilos: usize) -> Self {
        let basta = Arc::new(AtomicBool::new(false));
        for _ in 0..hilos {
            let basta = Arc::clone(&basta);
            thread::spawn(move || {
                while !basta.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(basta)
    }
}

impl Drop for Ocupada {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
