//! `tp0 diagrama`: el diagrama de secuencia que dibuja de las trazas de la demo de verdad.

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

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use comun::{PLAZO, Proceso, ejecutar, exigir, orden, raiz, ruta_nueva};
use ejemplos::{Lengua, compilados, dir_ejemplos, ejemplo, puerto_de};

/// Las trazas de una corrida de la demo, una por programa.
fn trazas() -> &'static Path {
    static TRAZAS: OnceLock<PathBuf> = OnceLock::new();
    TRAZAS.get_or_init(|| {
        let trazas = ruta_nueva("trazas");
        let mut demo = orden("sh");
        demo.arg("demo.sh").current_dir(dir_ejemplos()).env("BIN", compilados()).env("TRAZAS", &trazas);
        ejecutar(&mut demo);
        trazas
    })
}

fn traza(nombre: &str) -> PathBuf {
    trazas().join(format!("{nombre}.traza"))
}

fn dibujar(nombre: &Path, trazas: &[PathBuf]) -> Output {
    orden(env!("CARGO_BIN_EXE_tp0")).args(["diagrama", "-o"]).arg(nombre).args(trazas).output().unwrap()
}

/// Un diagrama dibujado, como Mermaid y como SVG.
struct Dibujo {
    mermaid: String,
    svg: String,
}

#[track_caller]
fn dibujo(nombres: &[&str]) -> Dibujo {
    let donde = ruta_nueva("dibujo");
    let salida = dibujar(&donde, &nombres.iter().map(|nombre| traza(nombre)).collect::<Vec<_>>());
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
    let leer = |extension: &str| fs::read_to_string(format!("{}.{extension}", donde.display())).unwrap();
    Dibujo { mermaid: leer("mmd"), svg: leer("svg") }
}

/// De quién a quién va cada flecha, y qué lleva, sin lo que cambia en cada corrida.
fn flechas(mermaid: &str) -> Vec<String> {
    let sin_contenido = |renglon: &str| {
        let (quienes, que) = renglon.trim().split_once(": ")?;
        (quienes.starts_with('P') && quienes.contains('-')).then(|| {
            let clase = que.split([',', ':']).next().unwrap_or_default();
            format!("{quienes} {clase}")
        })
    };
    mermaid.lines().filter_map(sin_contenido).collect()
}

/// Los textos del dibujo: los que van del lado de una flecha son los que están centrados y no son un título.
fn textos_de_flechas(svg: &str) -> usize {
    let documento = roxmltree::Document::parse(svg).expect("el SVG es XML bien formado");
    let es_de_flecha = |nodo: &roxmltree::Node<'_, '_>| {
        nodo.has_tag_name(("http://www.w3.org/2000/svg", "text"))
            && nodo.attribute("text-anchor") == Some("middle")
            && nodo.attribute("font-weight").is_none()
    };
    documento.descendants().filter(es_de_flecha).count()
}

const LA_DEMO: [&str; 4] = ["cliente-1", "servidor", "rechazado", "cliente-2"];

#[test]
fn la_charla_del_tp0_se_ve_entera_y_en_orden() {
    if !exigir("gcc") {
        return;
    }
    let dibujo = dibujo(&LA_DEMO);
    let de_un_cliente = |cliente: &str| {
        [
            format!("{cliente}-->>P1 connect"),
            format!("{cliente}-->>P1 handshake 1"),
            format!("P1-->>{cliente} handshake 0 (OK)"),
            format!("{cliente}->>P1 MENSAJE (0)"),
            format!("{cliente}->>P1 PAQUETE (1)"),
            format!("P1->>{cliente} MENSAJE (0)"),
            format!("{cliente}--)P1 close"),
        ]
    };
    let del_rechazado = ["P2-->>P1 connect", "P2-->>P1 handshake 7", "P1->>P2 handshake -1 (ERROR)"].map(str::to_owned);
    let esperadas: Vec<String> =
        de_un_cliente("P0").into_iter().chain(del_rechazado).chain(de_un_cliente("P3")).collect();
    assert_eq!(flechas(&dibujo.mermaid), esperadas, "{}", dibujo.mermaid);
    assert!(dibujo.mermaid.starts_with("sequenceDiagram\n    participant P0 as cliente ("), "{}", dibujo.mermaid);
    assert!(dibujo.mermaid.contains(
        "Note over P1: socket() = 3<br/>setsockopt(3, SO_REUSEADDR)<br/>bind(3, 127.0.0.1:0)<br/>listen(3)<br/>"
    ));
    assert!(dibujo.mermaid.contains("Note over P1: se rechaza a 127.0.0.1:"), "{}", dibujo.mermaid);
    assert_eq!(textos_de_flechas(&dibujo.svg), esperadas.len());
    for texto in ["servidor (", "handshake 0 (OK)", "PAQUETE (1)", "accept(3): espera un cliente"] {
        assert!(dibujo.svg.contains(texto), "{texto}");
    }
}

/// El dibujo del README es de una corrida como ésta.
#[test]
fn el_dibujo_del_readme_es_el_de_la_demo() {
    if !exigir("gcc") {
        return;
    }
    let guardado = |extension: &str| fs::read_to_string(raiz().join("docs/demo").with_extension(extension)).unwrap();
    let ahora = flechas(&dibujo(&LA_DEMO).mermaid);
    assert_eq!(flechas(&guardado("mmd")), ahora, "para volver a dibujarlo: make diagrama");
    assert_eq!(textos_de_flechas(&guardado("svg")), ahora.len(), "para volver a dibujarlo: make diagrama");
}

#[test]
fn una_cadena_de_servidores_son_tantas_columnas_como_procesos() {
    if !exigir("gcc") {
        return;
    }
    let dibujo = dibujo(&["pregunta", "eslabon-A", "eslabon-B", "eslabon-C"]);
    let mensajes: Vec<String> =
        flechas(&dibujo.mermaid).into_iter().filter(|flecha| flecha.ends_with("MENSAJE (0)")).collect();
    let ida_y_vuelta = ["P0->>P1", "P1->>P2", "P2->>P3", "P3->>P2", "P2->>P1", "P1->>P0"];
    assert_eq!(mensajes[..6], ida_y_vuelta.map(|flecha| format!("{flecha} MENSAJE (0)")));
    // La segunda pregunta es de un proceso cuya traza no se dio: es una columna con su dirección.
    assert!(dibujo.mermaid.contains("participant P4 as 127.0.0.1:"), "{}", dibujo.mermaid);
    assert_eq!(mensajes[6..], ["P4->>P1 MENSAJE (0)", "P1->>P4 MENSAJE (0)"]);
}

/// Con los relojes corridos una hora, como en dos máquinas, el orden es el mismo: lo da quién le habló a quién.
#[test]
fn el_orden_no_depende_de_los_relojes() {
    if !exigir("gcc") {
        return;
    }
    let corrida = ruta_nueva("corrida");
    let texto = fs::read_to_string(traza("cliente-1")).unwrap();
    let (antes, resto) = texto.split_once(", reloj ").unwrap();
    let (segundos, sigue) = resto.split_once('.').unwrap();
    let una_hora_antes = segundos.parse::<u64>().unwrap() - 3600;
    fs::write(&corrida, format!("{antes}, reloj {una_hora_antes}.{sigue}")).unwrap();
    let donde = ruta_nueva("dibujo");
    assert!(dibujar(&donde, &[corrida, traza("servidor")]).status.success());
    let corrido = fs::read_to_string(format!("{}.mmd", donde.display())).unwrap();
    assert_eq!(flechas(&corrido), flechas(&dibujo(&["cliente-1", "servidor"]).mermaid));
}

/// Un rechazo: un renglón que dice qué y por qué, un código que no es 0, y ningún archivo a medias.
#[track_caller]
fn se_rechaza(trazas: &[PathBuf], razon: &str) {
    let donde = ruta_nueva("no-dibujo");
    let salida = dibujar(&donde, trazas);
    let queja = String::from_utf8(salida.stderr).unwrap();
    assert_eq!(salida.status.code(), Some(2), "{queja}");
    assert!(queja.contains(razon) && queja.lines().count() == 1, "no dice {razon:?}: {queja}");
    let nombre = donde.file_name().unwrap().to_str().unwrap().to_owned() + ".";
    let quedaron = fs::read_dir(donde.parent().unwrap()).unwrap().flatten();
    assert_eq!(quedaron.filter(|archivo| archivo.file_name().to_str().unwrap().starts_with(&nombre)).count(), 0);
}

#[test]
fn una_traza_cortada_en_cualquier_byte_no_se_dibuja_a_medias() {
    if !exigir("gcc") {
        return;
    }
    let entera = fs::read(traza("cliente-1")).unwrap();
    let cortada = ruta_nueva("cortada.traza");
    let nombre = cortada.display().to_string();
    for largo in (1..entera.len()).step_by(7) {
        fs::write(&cortada, &entera[..largo]).unwrap();
        if entera[largo - 1] == b'\n' {
            continue;
        }
        let renglon = entera[..largo].iter().filter(|byte| **byte == b'\n').count() + 1;
        se_rechaza(&[cortada.clone(), traza("servidor")], &format!("{nombre} está cortada en el renglón {renglon}:"));
    }
    // Cortada justo entre dos renglones: al servidor le llegó algo que ella no cuenta haber mandado.
    let texto = String::from_utf8(entera).unwrap();
    let hasta_conectar: Vec<&str> = texto.split_inclusive('\n').take(3).collect();
    assert!(hasta_conectar[2].contains("] connect("), "{texto}");
    fs::write(&cortada, hasta_conectar.concat()).unwrap();
    se_rechaza(
        &[cortada.clone(), traza("servidor")],
        &format!("{nombre} está cortada: le falta el envío de lo que llegó en"),
    );
    // Sin el comienzo.
    let (_, sin_presentarse) = texto.split_once('\n').unwrap();
    fs::write(&cortada, sin_presentarse).unwrap();
    se_rechaza(&[cortada, traza("servidor")], "a la traza de cliente le falta el comienzo.");
}

#[test]
fn lo_que_no_es_una_traza_lo_dice() {
    if !exigir("gcc") {
        return;
    }
    se_rechaza(&[raiz().join("README.md")], "no tiene ninguna traza. Se consigue así: TP0_TRAZA=1 ./programa 2>");
    se_rechaza(&[PathBuf::from("/no/existe")], "No pude leer /no/existe: ");
    se_rechaza(&[], "Falta <TRAZA>.");
    let salida = dibujar(Path::new("/no/hay/tal/lugar"), &[traza("servidor")]);
    assert_eq!(salida.status.code(), Some(2));
    assert!(String::from_utf8(salida.stderr).unwrap().starts_with("tp0: No pude escribir /no/hay/tal/lugar.svg: "));
}

/// Un servidor con un hilo por cliente, y números de descriptor que se reusan mientras otros hilos cuentan lo suyo.
#[test]
fn con_muchos_hilos_cada_flecha_va_a_donde_fue() {
    if !exigir("gcc") {
        return;
    }
    let mut eslabon = ejemplo(Lengua::C, "cadena");
    eslabon.args(["C", "0"]).env("TP0_IP", "127.0.0.1").env("TP0_TRAZA", "1");
    let servidor = Proceso::lanzar(eslabon);
    let puerto = puerto_de(&servidor).to_string();
    let mut de_clientes = Vec::new();
    for tanda in 0..6 {
        let clientes: Vec<Proceso> = (0..4)
            .map(|cual| {
                let mut cliente = ejemplo(Lengua::C, "seis_funciones");
                cliente.args(["cliente", "127.0.0.1", &puerto, &format!("texto {tanda}-{cual}")]).env("TP0_TRAZA", "1");
                Proceso::lanzar(cliente)
            })
            .collect();
        for cliente in clientes {
            let archivo = ruta_nueva("cliente.traza");
            fs::write(&archivo, cliente.terminar(PLAZO).exigir_exito("el cliente").stderr.as_bytes()).unwrap();
            de_clientes.push(archivo);
        }
    }
    servidor.senial(libc::SIGINT);
    let del_servidor = ruta_nueva("servidor.traza");
    fs::write(&del_servidor, servidor.terminar(PLAZO).exigir_exito("el servidor").stderr.as_bytes()).unwrap();
    let cuantos = de_clientes.len();
    let donde = ruta_nueva("dibujo");
    let salida = dibujar(&donde, &[vec![del_servidor], de_clientes].concat());
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
    let mermaid = fs::read_to_string(format!("{}.mmd", donde.display())).unwrap();
    let flechas = flechas(&mermaid);
    for cliente in 1..=cuantos {
        let suyas = |que: &str| flechas.iter().filter(|flecha| **flecha == que).count();
        assert_eq!(suyas(&format!("P{cliente}->>P0 MENSAJE (0)")), 1, "{mermaid}");
        assert_eq!(suyas(&format!("P0->>P{cliente} MENSAJE (0)")), 1, "{mermaid}");
    }
    assert!(!mermaid.contains("-x"), "nada se perdió: {mermaid}");
}

/// Lo que diga el archivo: se dibuja bien formado, o se dice por qué no; nunca se cae.
#[test]
fn una_traza_hostil_no_lo_hace_caer() {
    let comienzo = "[a 1 +0.000000] libtp0 0.1.0, reloj 1.000000\n";
    let casos = [
        "[a 1 +9223372036854.000000] libtp0 0.1.0, reloj 1.000000\n[a 1 +9223372036854.999999] socket() = 3\n"
            .to_owned(),
        format!("[a 1 +0.000000] libtp0 0.1.0, reloj -9223372036854.999999\n{comienzo}"),
        format!("{comienzo}[a 1 +0.000001] 3 -> \x1b[31m<&>\"\x01\n"),
        format!("{comienzo}conectando... [a 1 +0.000001] close(3)\n"),
        format!("{comienzo}[a 1 +0.000001] accept(3) = 4, de \n[a 1 +0.000002] 4 <- MENSAJE (0), 5 bytes: \"x\"\n"),
        format!("{comienzo}[a 1 +0.000001] connect(, ), desde \n[b 2 +0.0] nada\n"),
    ];
    for caso in casos {
        let archivo = ruta_nueva("hostil.traza");
        fs::write(&archivo, &caso).unwrap();
        let donde = ruta_nueva("hostil");
        let salida = dibujar(&donde, &[archivo]);
        let queja = String::from_utf8_lossy(&salida.stderr).into_owned();
        match salida.status.code() {
            Some(0) => {
                let svg = fs::read_to_string(format!("{}.svg", donde.display())).unwrap();
                roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{caso:?}: {error}"));
            }
            Some(2) => assert_eq!(queja.lines().count(), 1, "{caso:?}: {queja}"),
            otro => panic!("{caso:?}: {otro:?} {queja}"),
        }
    }
}
