//! La biblioteca, probada por la herramienta: sus ejemplos en C pasan todo; y el mismo TP0, con una capa de sockets de manual y con libtp0, muestra
//! qué cambia.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "pruebas")]

mod comun;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use comun::{Carpeta, texto, tp0};

fn raiz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// La biblioteca para C, compilada una vez: dónde está.
fn biblioteca() -> &'static Path {
    static LUGAR: OnceLock<PathBuf> = OnceLock::new();
    LUGAR.get_or_init(|| {
        let destino = Path::new(env!("CARGO_TARGET_TMPDIR")).join("biblioteca");
        let salida = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "tp0", "--lib", "--manifest-path"])
            .arg(raiz().join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&destino)
            .output()
            .unwrap();
        assert!(salida.status.success(), "{}", texto(&salida.stderr));
        destino.join("debug")
    })
}

fn compilar(carpeta: &Path, nombre: &str, fuentes: &[PathBuf], con_biblioteca: bool) -> PathBuf {
    let programa = carpeta.join(nombre);
    let mut orden = Command::new("cc");
    orden.args(["-std=gnu17", "-g", "-pthread", "-w", "-o"]).arg(&programa).args(fuentes);
    orden.arg("-I").arg(raiz().join("include")).arg("-I").arg(raiz().join("tests/c"));
    if con_biblioteca {
        let lugar = biblioteca();
        orden.arg("-L").arg(lugar).arg("-ltp0").arg(format!("-Wl,-rpath,{}", lugar.display()));
    }
    let salida = orden.output().unwrap();
    assert!(salida.status.success(), "{}", texto(&salida.stderr));
    programa
}

/// Los casos que fallan y los que están bien.
fn probar(carpeta: &Path, argumentos: &[&str]) -> (Vec<String>, usize) {
    let json = carpeta.join("resultado.json");
    let mut orden = tp0(carpeta);
    orden.args(["probar", argumentos[0], "--json"]).arg(&json).args(&argumentos[1..]);
    let salida = comun::correr(orden);
    let contado = texto(&salida.stdout) + &texto(&salida.stderr);
    let leido: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).expect(&contado);
    let casos = leido["casos"].as_array().unwrap().iter();
    let mal = casos
        .filter(|caso| !["bien", "no se probó"].contains(&caso["resultado"].as_str().unwrap()))
        .map(|caso| format!("{} {} ({})", caso["caso"], caso["resultado"], caso["detalle"]).replace('"', ""))
        .collect();
    (mal, usize::try_from(leido["resumen"]["bien"].as_u64().unwrap()).unwrap())
}

/// Un ejemplo: el lado, las opciones, su orden, cuántos casos tiene bien, y los que no son para él.
type Ejemplo = (&'static str, &'static str, &'static str, usize, &'static [&'static str]);

const EJEMPLOS: &[Ejemplo] = &[
    ("servidor", "", "servidor", 25, &[]),
    ("cliente", "", "cliente", 11, &[]),
    // Recibe los textos sin mirar antes el código: uno desconocido lo toma por un tamaño.
    ("servidor", "--sin-paquetes", "seis_funciones servidor", 17, &["S18"]),
    ("cliente", "", "seis_funciones cliente 127.0.0.1 4444 uno dos", 11, &[]),
    ("cliente", "--handshake 7", "rechazado", 11, &[]),
    // Sólo muestra los nombres, que son el primer mensaje y no pueden ser muy largos.
    ("servidor", "--perfil tp --espera 1500", "chat_servidor", 25, &["S04", "S07", "S08"]),
    ("cliente", "", "chat_cliente ana 127.0.0.1 4444", 11, &[]),
    ("servidor", "--perfil tp --sin-paquetes", "cadena C 4444", 22, &[]),
    // Muestra familias, y no textos.
    ("servidor", "--codigos 2,3,4,5,6,7 --espera 1500", "persona_servidor", 17, &["S03", "S04"]),
    ("cliente", "--codigos 2,3,4,5,6,7", "persona_cliente 127.0.0.1 4444 Apellido Calle 12 1 30 2 Ana", 11, &[]),
    ("servidor", "--perfil tp --sin-paquetes --handshake 101", "quien_soy servidor", 22, &[]),
    // Si no hay nadie, insiste diez segundos.
    ("cliente", "--handshake 101 --espera 6000", "quien_soy kernel 127.0.0.1 4444 hola", 11, &[]),
];

#[test]
fn los_ejemplos_de_la_biblioteca_pasan_todo() {
    let carpeta = Carpeta::nueva();
    let de_c = raiz().join("c_examples");
    let mut nombres: Vec<&str> = EJEMPLOS.iter().map(|(_, _, orden, ..)| orden.split(' ').next().unwrap()).collect();
    nombres.sort_unstable();
    nombres.dedup();
    let mut hay: Vec<String> = fs::read_dir(&de_c)
        .unwrap()
        .filter_map(|entrada| entrada.unwrap().file_name().to_str()?.strip_suffix(".c").map(str::to_owned))
        .collect();
    hay.sort();
    assert_eq!(nombres, hay, "cada ejemplo se prueba");
    for nombre in nombres {
        compilar(carpeta.camino(), nombre, &[de_c.join(nombre).with_extension("c")], true);
    }
    fs::copy(de_c.join("cliente.config"), carpeta.camino().join("cliente.config")).unwrap();
    let mut distintos = Vec::new();
    for (lado, opciones, orden, bien, salvo) in EJEMPLOS {
        let orden = format!("./{orden}");
        let palabras = [*lado].into_iter().chain(opciones.split_whitespace()).chain(["--"]).chain(orden.split(' '));
        let (mal, bien_visto) = probar(carpeta.camino(), &palabras.collect::<Vec<_>>());
        let numeros: Vec<&str> = mal.iter().map(|caso| &caso[..3]).collect();
        if (numeros.as_slice(), bien_visto) != (*salvo, *bien) {
            distintos.push(format!("{orden}: {bien_visto} bien, mal {mal:?}; se esperaba {bien}, salvo {salvo:?}"));
        }
    }
    assert!(distintos.is_empty(), "{}", distintos.join("\n"));
}

/// El TP0 de manual, con su capa de sockets o con libtp0: `servidor` y `cliente`.
fn compilar_el_de_manual(carpeta: &Path, con_biblioteca: bool) {
    let de_c = raiz().join("tests/c");
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/utils_de_manual.c");
    for nombre in ["servidor", "cliente"] {
        let mut fuentes = vec![de_c.join(nombre).with_extension("c"), de_c.join("commons/commons.c")];
        if !con_biblioteca {
            fuentes.push(manual.clone());
        }
        compilar(carpeta, nombre, &fuentes, con_biblioteca);
    }
}

/// Lo que cambia de una corrida a otra, que son los puertos que elige el sistema: cinco cifras o más son un número cualquiera.
fn sin_azar(renglon: &str) -> String {
    let mut limpio = String::new();
    let mut cifras = String::new();
    for letra in renglon.trim_end().chars().chain(['\0']) {
        if letra.is_ascii_digit() {
            cifras.push(letra);
            continue;
        }
        limpio += if cifras.len() >= 5 { "#" } else { &cifras };
        cifras.clear();
        limpio.extend((letra != '\0').then_some(letra));
    }
    limpio
}

/// Los renglones de lo que se muestra están en lo que salió, seguidos, y lo que falta está marcado con `...`.
fn es_lo_que_salio(mostrado: &[&str], salio: &str) {
    let salio: Vec<String> = salio.lines().map(sin_azar).collect();
    let mut desde = 0;
    let mut salteado = false;
    for parte in mostrado.split(|renglon| *renglon == "...") {
        let parte: Vec<String> = parte.iter().map(|renglon| sin_azar(renglon)).collect();
        if !parte.is_empty() {
            let lugar = salio[desde..].windows(parte.len()).position(|ventana| ventana == parte);
            let lugar = lugar.unwrap_or_else(|| panic!("no salió: {parte:#?}\nsino: {:#?}", &salio[desde..]));
            assert!(salteado || lugar == 0, "falta el ... antes de {parte:#?}");
            desde += lugar + parte.len();
        }
        salteado = true;
    }
    assert_eq!(desde, salio.len(), "falta el final: {:#?}", &salio[desde..]);
}

/// El mismo TP0, antes y después: los dos informes que muestra la guía son los que salen.
#[test]
fn el_mismo_tp0_antes_y_despues() {
    let guia = fs::read_to_string(raiz().join("docs/probar.md")).unwrap();
    for (marca, con_biblioteca) in [("antes", false), ("despues", true)] {
        let carpeta = Carpeta::nueva();
        compilar_el_de_manual(carpeta.camino(), con_biblioteca);
        let bloque = guia.split_once(&format!("```{marca}\n")).unwrap().1.split_once("\n```").unwrap().0;
        let corridas: Vec<&str> = bloque.split("\n\n$ ").collect();
        assert_eq!(corridas.len(), 2, "una del servidor y una del cliente");
        for corrida in corridas {
            let (pedida, mostrado) = corrida.trim_start_matches("$ ").split_once('\n').unwrap();
            let mut orden = tp0(carpeta.camino());
            orden.args(pedida.split(' ').skip(1));
            let salida = comun::correr(orden);
            assert_eq!(salida.status.code(), Some(i32::from(!con_biblioteca)), "{}", texto(&salida.stderr));
            // El encabezado dice dónde corre, que no es igual en todas las máquinas.
            let dicho = texto(&salida.stdout);
            es_lo_que_salio(&mostrado.lines().collect::<Vec<_>>(), dicho.split_once("\n\n").unwrap().1);
        }
    }
}

/// El dibujo de la guía es de una corrida de verdad, en una terminal. Lo escribe `make retrato`.
#[test]
fn el_retrato_de_la_guia_es_de_una_corrida() {
    let carpeta = Carpeta::nueva();
    compilar_el_de_manual(carpeta.camino(), false);
    fs::create_dir(carpeta.camino().join("bin")).unwrap();
    fs::rename(carpeta.camino().join("servidor"), carpeta.camino().join("bin/server")).unwrap();
    let mut orden = tp0(carpeta.camino());
    let pedida = "tp0 probar servidor --caso S01,S02,S03,S04,S07,S10,S11,S17,S22 -- ./bin/server";
    let con_camino = pedida.replacen("tp0", &format!("'{}'", env!("CARGO_BIN_EXE_tp0")), 1);
    orden = {
        let mut en_terminal = Command::new("script");
        en_terminal.current_dir(orden.get_current_dir().unwrap());
        en_terminal.args(["-qec", &format!("{con_camino} 2>/dev/null"), "/dev/null"]);
        en_terminal.env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("LD_LIBRARY_PATH");
        en_terminal
    };
    let salida = orden.stdin(std::process::Stdio::null()).output().expect("hace falta script (util-linux o bsdutils)");
    let dicho = texto(&salida.stdout).replace('\r', "");
    assert!(dicho.contains('\u{1b}'), "con colores: {dicho}");
    let ansi = format!("$ {pedida}\n{dicho}");
    let dibujo = raiz().join("docs/probar.svg");
    let svg = anstyle_svg::Term::new().render_svg(&ansi);
    if std::env::var_os("TP0_ESCRIBIR_RETRATO").is_some() {
        fs::write(&dibujo, &svg).unwrap();
    }
    let en_texto = |svg: &str| -> Vec<String> {
        let xml = roxmltree::Document::parse(svg).unwrap();
        let renglones = xml.descendants().filter(|nodo| nodo.has_tag_name("tspan") && nodo.has_attribute("y"));
        let texto_de =
            |nodo: roxmltree::Node<'_, '_>| nodo.descendants().filter_map(|hijo| hijo.text()).collect::<String>();
        renglones
            .map(|renglon| sin_azar(&texto_de(renglon)))
            .filter(|renglon| !renglon.contains("perfil tp0, puerto"))
            .collect()
    };
    let (guardado, visto) = (en_texto(&fs::read_to_string(&dibujo).unwrap()), en_texto(&svg));
    assert!(visto.len() > 20, "{visto:?}");
    assert_eq!(guardado, visto, "docs/probar.svg no es lo que sale: make retrato");
}
