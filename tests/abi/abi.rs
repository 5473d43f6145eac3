//! La ABI no cambia sin que se note: símbolos, prototipos y forma de los structs, comparados por libabigail con `tests/abi.xml`.
//!
//! `abidw` lee la información de depuración de la biblioteca; de lo que dice queda sólo lo que ve un programa en C (la de Rust arrastra
//! medio compilador), y `abidiff` compara.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::comun::{confianza, dir_biblioteca, ejecutar, exigir, raiz, ruta_nueva, saltear};
use roxmltree::{Document, Node};

/// Cómo empieza el nombre de los tipos que para C son sólo eso, y cuál es allá: lo que tienen adentro puede cambiar. `logger` es
/// un puntero atómico, que cada versión de Rust hace a su manera; cuánto mide lo dice su símbolo.
const OPACOS: [(&str, &str); 3] = [("tp0_opciones", "tp0_opciones"), ("c_void", "void"), ("Atomic", "t_log *")];

/// La variable que manda escribir la línea de base en vez de compararla.
const ESCRIBIR: &str = "TP0_ESCRIBIR_ABI";

fn linea_de_base() -> PathBuf {
    raiz().join("tests/abi.xml")
}

/// Si acá se puede: están las herramientas, y la línea de base es de esta arquitectura.
fn se_puede() -> bool {
    if !exigir("abidw") || !exigir("abidiff") {
        return false;
    }
    if !cfg!(target_arch = "x86_64") {
        saltear("la línea de base de la ABI es de x86-64");
        return false;
    }
    true
}

/// La ABI de la biblioteca de esta compilación.
fn actual() -> String {
    let biblioteca = dir_biblioteca().join("libtp0.so");
    let secciones = ejecutar(Command::new("readelf").arg("-SW").arg(&biblioteca));
    assert!(
        secciones.contains(".debug_info"),
        "la biblioteca no tiene información de depuración, y sin ella no se ve la forma de los structs: cargo test, sin --release"
    );
    let salida = ruta_nueva("abidw");
    ejecutar(
        Command::new("abidw")
            .args(["--no-show-locs", "--no-comp-dir-path", "--no-corpus-path", "--no-architecture", "--no-elf-needed"])
            .args(["--no-parameter-names", "--type-id-style", "hash", "--out-file"])
            .args([&salida, &biblioteca]),
    );
    solo_lo_de_c(&fs::read_to_string(salida).unwrap())
}

// ---------------------------------------------------------------------------------------------------------------------
// Lo que dice abidw, podado
// ---------------------------------------------------------------------------------------------------------------------

fn solo_lo_de_c(abidw: &str) -> String {
    let documento = Document::parse(abidw).unwrap();
    let corpus = documento.root_element();
    let declaradas = declaradas(corpus);
    let visibles = alcanzables(&declaradas, corpus);

    let soname = corpus.attribute("soname").expect("la biblioteca tiene SONAME");
    let mut texto = format!("<abi-corpus version='2.1' soname='{soname}'>\n");
    for simbolos in corpus.children().filter(|nodo| nodo.tag_name().name().ends_with("-symbols")) {
        escribir(simbolos, 1, &mut texto);
    }
    // Sin el nombre ni el orden de los archivos de Rust, que cambian en cada compilación.
    let mut partes: BTreeSet<String> = BTreeSet::new();
    for nodo in corpus.descendants().filter(|nodo| es_visible(*nodo, &visibles)) {
        let mut parte = String::new();
        escribir(nodo, 2, &mut parte);
        partes.insert(parte);
    }
    texto += "  <abi-instr address-size='64' path='tp0' language='LANG_C99'>\n";
    texto.extend(partes);
    texto + "  </abi-instr>\n</abi-corpus>\n"
}

/// Los tipos que se declaran, por su id. Uno declarado adentro de otro vale por el de afuera.
fn declaradas<'d>(corpus: Node<'d, 'd>) -> BTreeMap<&'d str, Node<'d, 'd>> {
    corpus.descendants().filter_map(|nodo| Some((nodo.attribute("id")?, el_de_afuera(nodo)))).collect()
}

fn el_de_afuera<'d>(nodo: Node<'d, 'd>) -> Node<'d, 'd> {
    nodo.ancestors().filter(|nodo| nodo.tag_name().name() == "class-decl").last().unwrap_or(nodo)
}

/// El nombre en C de un tipo opaco.
fn opaco(nodo: Node<'_, '_>) -> Option<&'static str> {
    let nombre = nodo.attribute("id").and_then(|_| nodo.attribute("name"))?;
    OPACOS.into_iter().find_map(|(comienzo, en_c)| nombre.starts_with(comienzo).then_some(en_c))
}

/// Lo que se exporta, y todos los tipos a los que se llega desde ahí.
fn alcanzables<'d>(declaradas: &BTreeMap<&'d str, Node<'d, 'd>>, corpus: Node<'d, 'd>) -> HashSet<roxmltree::NodeId> {
    let mut pendientes: Vec<Node<'d, 'd>> =
        corpus.descendants().filter(|nodo| nodo.has_attribute("elf-symbol-id")).collect();
    let mut visibles = HashSet::new();
    while let Some(nodo) = pendientes.pop() {
        if visibles.insert(nodo.id()) && opaco(nodo).is_none() {
            let usados =
                nodo.descendants().filter(|hijo| !es_de_rust(*hijo)).filter_map(|hijo| hijo.attribute("type-id"));
            pendientes.extend(usados.filter_map(|id| declaradas.get(id).copied()));
        }
    }
    visibles
}

fn es_visible(nodo: Node<'_, '_>, visibles: &HashSet<roxmltree::NodeId>) -> bool {
    visibles.contains(&nodo.id())
}

/// Los métodos de un tipo no son de su forma.
fn es_de_rust(nodo: Node<'_, '_>) -> bool {
    nodo.ancestors().any(|nodo| nodo.tag_name().name() == "member-function")
}

fn escribir(nodo: Node<'_, '_>, nivel: usize, texto: &mut String) {
    if !nodo.is_element() || es_de_rust(nodo) {
        return;
    }
    let (sangria, etiqueta) = ("  ".repeat(nivel), nodo.tag_name().name());
    if let Some(nombre) = opaco(nodo) {
        let id = nodo.attribute("id").unwrap();
        writeln!(texto, "{sangria}<class-decl name='{nombre}' is-struct='yes' is-declaration-only='yes' id='{id}'/>")
            .unwrap();
        return;
    }
    write!(texto, "{sangria}<{etiqueta}").unwrap();
    // Qué símbolos comparten código lo decide el compilador.
    for atributo in nodo.attributes().filter(|atributo| atributo.name() != "alias") {
        let valor =
            atributo.value().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;");
        write!(texto, " {}='{valor}'", atributo.name()).unwrap();
    }
    if !nodo.children().any(|hijo| hijo.is_element()) {
        *texto += "/>\n";
        return;
    }
    *texto += ">\n";
    nodo.children().for_each(|hijo| escribir(hijo, nivel + 1, texto));
    writeln!(texto, "{sangria}</{etiqueta}>").unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// Comparar
// ---------------------------------------------------------------------------------------------------------------------

/// Lo que dice `abidiff`, o `None` si son la misma ABI.
fn diferencias(base: &Path, otra: &str) -> Option<String> {
    let archivo = ruta_nueva("otra").with_extension("xml");
    fs::write(&archivo, otra).unwrap();
    let mut abidiff = Command::new("abidiff");
    abidiff.arg("--no-architecture").arg(base).arg(&archivo);
    let salida = abidiff.output().unwrap();
    let dicho = String::from_utf8_lossy(&salida.stdout).into_owned();
    // Los bits 1 y 2 son que la herramienta no pudo; el 4, que algo cambió; el 8, que lo que cambió rompe seguro.
    match salida.status.code() {
        Some(0) => None,
        Some(4 | 8 | 12) => Some(dicho),
        otro => panic!("{abidiff:?} no pudo comparar ({otro:?}):\n{dicho}{}", String::from_utf8_lossy(&salida.stderr)),
    }
}

/// Cuántas funciones o variables dijo `abidiff` que se van o cambian.
fn rotas(dicho: &str) -> usize {
    let partes = dicho
        .lines()
        .filter_map(|linea| linea.split_once("changes summary: "))
        .flat_map(|(_, resto)| resto.split(", "));
    let malas = partes.filter(|parte| parte.contains("Removed") || parte.contains("Changed"));
    malas.filter_map(|parte| parte.split(' ').next()?.parse::<usize>().ok()).sum()
}

/// Si en lo que dijo `abidiff` no hay más que agregados.
fn solo_agrega(dicho: &str) -> bool {
    rotas(dicho) == 0 && !dicho.contains("SONAME")
}

fn soname(abi: &str) -> &str {
    abi.split("soname='").nth(1).and_then(|resto| resto.split('\'').next()).unwrap()
}

#[test]
fn la_abi_es_la_de_siempre() {
    if !se_puede() {
        return;
    }
    let (actual, archivo) = (actual(), linea_de_base());
    let base = fs::read_to_string(&archivo).ok();
    let cambio = base.as_ref().and_then(|_| diferencias(&archivo, &actual));
    let compatible = cambio.as_deref().is_none_or(solo_agrega);
    let otro_soname = base.as_deref().is_none_or(|base| soname(base) != soname(&actual));
    if std::env::var_os(ESCRIBIR).is_some() {
        assert!(
            compatible || otro_soname,
            "esto rompe a los programas ya compilados y el SONAME sigue siendo {}: subí la versión en Cargo.toml (0.MENOR; desde \
             1.0, MAYOR) y volvé a escribir la línea de base.\n{}",
            soname(&actual),
            cambio.unwrap_or_default()
        );
        fs::write(&archivo, &actual).unwrap();
        return;
    }
    let cuantas = |etiqueta: &str| actual.matches(etiqueta).count();
    let (funciones, structs) = (cuantas("<function-decl "), cuantas("<class-decl "));
    assert!(funciones > 60 && structs >= 4, "abidw vio {funciones} funciones y {structs} structs");
    let (vistas, rotas) = (funciones + 1, cambio.as_deref().map_or(0, rotas));
    confianza(
        "abi",
        vistas,
        vistas.saturating_sub(rotas),
        &format!("{funciones} funciones, logger y los structs que se ven, comparados con libabigail"),
    );
    if let Some(cambio) = cambio {
        let gravedad = if compatible {
            "Sólo se agregó algo: los programas ya compilados siguen andando."
        } else {
            "Los programas ya compilados dejan de andar: tiene que cambiar el SONAME, que sale de la versión en Cargo.toml (0.MENOR; \
             desde 1.0, MAYOR)."
        };
        panic!(
            "cambió la ABI:\n{cambio}\n{gravedad} Si es a propósito: {ESCRIBIR}=1 cargo test --test abi, y contalo en el CHANGELOG. Si \
             sólo cambió el compilador y para C todo es lo mismo, borrá antes tests/abi.xml."
        );
    }
    assert!(base.is_some(), "falta tests/abi.xml: {ESCRIBIR}=1 cargo test --test abi");
}

/// Un cambio a propósito en la ABI: en el primer renglón que contiene `donde`, y a partir de ahí, `este` por `por`.
fn con_cambio(abi: &str, donde: &str, este: &str, por: &str) -> String {
    let desde = abi.find(donde).unwrap_or_else(|| panic!("la ABI no tiene {donde:?}"));
    let (antes, despues) = abi.split_at(desde);
    assert!(despues.contains(este), "después de {donde:?} no hay {este:?}");
    format!("{antes}{}", despues.replacen(este, por, 1))
}

/// El id del tipo de Rust con ese nombre.
fn id_de<'a>(abi: &'a str, nombre: &str) -> &'a str {
    let linea = abi.lines().find(|linea| linea.contains(&format!("<type-decl name='{nombre}'"))).unwrap();
    linea.split(" id='").nth(1).and_then(|resto| resto.split('\'').next()).unwrap()
}

#[test]
fn un_cambio_no_pasa_sin_que_se_vea() {
    if !se_puede() {
        return;
    }
    let base = linea_de_base();
    let abi = fs::read_to_string(&base).unwrap();
    assert_eq!(diferencias(&base, &abi), None, "la línea de base es igual a sí misma");

    let (i32_, i64_) = (id_de(&abi, "i32"), id_de(&abi, "i64"));
    let un_i32 = format!("type-id='{i32_}'");
    let un_i64 = format!("type-id='{i64_}'");
    let campo = format!(
        "<data-member access='public' layout-offset-in-bits='128'>\n<var-decl name='nuevo' type-id='{i64_}' \
         visibility='default'/>\n</data-member>\n</class-decl>"
    );
    let simbolo = abi.lines().find(|linea| linea.contains("<elf-symbol name='tp0_puerto'")).unwrap();
    let (_, funcion) = abi.split_once("    <function-decl name='tp0_puerto'").unwrap();
    let (funcion, _) = funcion.split_once("</function-decl>\n").unwrap();
    let funcion = format!("    <function-decl name='tp0_puerto'{funcion}</function-decl>\n");
    let sin_puerto = abi.replace(&format!("{simbolo}\n"), "").replace(&funcion, "");
    let agrandado = con_cambio(&abi, "<class-decl name='t_buffer'", "size-in-bits='128'", "size-in-bits='192'");
    let casos = [
        (
            "un campo más en t_buffer",
            con_cambio(&agrandado, "<class-decl name='t_buffer'", "</class-decl>", &campo),
            "nuevo",
        ),
        (
            "un campo corrido",
            con_cambio(&abi, "<class-decl name='t_list'", "bits='64'>", "bits='96'>"),
            "elements_count",
        ),
        ("un símbolo que se va", sin_puerto, "tp0_puerto"),
        (
            "un argumento de otro tipo",
            con_cambio(&abi, "<function-decl name='enviar_mensaje'", &un_i32, &un_i64),
            "enviar_mensaje",
        ),
        ("otro SONAME", abi.replace("soname='libtp0.so.", "soname='libtp0.so.9"), "SONAME"),
    ];
    for (que, cambiada, nombra) in casos {
        let dicho = diferencias(&base, &cambiada).unwrap_or_else(|| panic!("{que}: abidiff no lo vio"));
        assert!(dicho.contains(nombra), "{que}: tenía que nombrar {nombra:?}\n{dicho}");
        assert!(!solo_agrega(&dicho), "{que}: no es un agregado\n{dicho}");
    }

    // Al revés, lo que se agrega también se ve, y se distingue de lo que rompe.
    let base = ruta_nueva("sin_puerto").with_extension("xml");
    fs::write(&base, abi.replace(&format!("{simbolo}\n"), "").replace(&funcion, "")).unwrap();
    let dicho = diferencias(&base, &abi).expect("abidiff no vio la función nueva");
    assert!(dicho.contains("tp0_puerto") && solo_agrega(&dicho), "{dicho}");
}
