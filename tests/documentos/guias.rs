//! Lo que muestran los documentos es cierto: el C se compila, los programas se corren y dicen lo que la página dice que dicen, los bytes son los
//! que viajan, los comandos y los textos de error existen.
//!
//! Lo que sigue al lenguaje en un bloque (no se ve en la página) dice cómo se lo comprueba:
//!
//! ```text
//! c                 compila; si tiene main, entero y enlazado; si no, con tests/c/guias.h adelante
//! c adentro         el cuerpo de una función: compila
//! c comun           va adelante de los bloques de C que le siguen en el mismo documento
//! c manda, c recibe el cuerpo de una función que tiene `conexion`: corren en dos procesos, y juntos dicen el text que sigue
//! c bytes           ídem: lo que manda son los bytes del text que sigue (en hexadecimal; después de dos espacios, un comentario)
//! c principal       el main de los bloques `c servir` del mismo documento, que definen `servir(servidor)`
//! c servir          contesta a cada cliente lo mismo que él dice; `c servir todos`, a todos
//! c no-compila      gcc da todos los renglones del text que sigue
//! python            se corre, y dice el text que sigue; `python par`, contra la biblioteca y de los dos lados
//! sh                cada comando, y lo que nombra, existe
//! console           se corre: a cada comando (`$ `) le siguen los renglones que dice; … es cualquier cosa
//! make              make lo entiende, y pone `tp0` en LIBS
//! mermaid           usa lo que declara; el text diagrama que sigue nombra las mismas llamadas, en el mismo orden
//! text eco          lo que imprime el primer programa del README: lo corre documentos.rs, como a su toml y a su rust
//! toml tp0          un tp0.toml: lo usa una prueba de la herramienta
//! text traza        los renglones que salen con TP0_TRAZA=1: los compara traza.rs
//! text              en por-que-no-anda.md, lo comparan las pruebas de dolores.rs; en los demás, lo comprueba el bloque que tiene antes; `text handshake` son los bytes del saludo; si no, son errores que existen
//! ```

use crate::citas;
use crate::comandos;
use crate::comun;
use crate::diagramas;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::comun::ajeno::{Ajeno, Oyente, mensaje, operacion, paquete};
use crate::comun::{
    PLAZO, Proceso, compilar_con_tp0, dir_biblioteca, dir_c, enlace_commons, enlace_tp0, exigir, lanzar_servidor,
    orden, puerto_libre, raiz, ruta_nueva,
};
use crate::markdown::{Bloque, bloques, bloques_de, documentos, leer};

/// Con qué se comprueba cada bloque. El que no cae en ninguno es una falla: ninguno queda sin comprobar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Como {
    Compila,
    Adentro,
    Comun,
    Manda,
    Recibe,
    Bytes,
    Principal,
    Servir,
    NoCompila,
    Python,
    Par,
    Comandos,
    Consola,
    Make,
    Mermaid,
    /// Un text: lo comprueba el de antes.
    DelAnterior,
    Diagrama,
    Saludo,
    Errores,
    /// Lo comprueba otra prueba, que se nombra en [`DE_OTRAS`].
    DeOtra,
}

/// Quién compara los renglones de una traza con los que salen de verdad.
const DE_LA_TRAZA: (&str, &str) = ("tests/conversacion/traza.rs", "la_guia_muestra_la_traza_que_sale");
/// Quién usa el tp0.toml que muestra la guía.
const DE_LA_DESCRIPCION: (&str, &str) =
    ("herramienta/tests/tp_entero.rs", "la_descripcion_de_la_guia_es_la_de_la_memoria");
/// Quién compara los textos de la guía de los dolores con los que recibe quien los sufre.
const DE_LOS_DOLORES: (&str, &str, &str) =
    ("docs/por-que-no-anda.md", "tests/documentos/dolores/tabla.rs", "cada_texto_de_la_guia_lo_compara_una_prueba");

/// Quién corre los programas del README.
const DEL_README: [(&str, &str, &str); 3] = [
    ("text", "tests/documentos/documentos.rs", "el_primer_programa_compila_y_corre_como_esta_escrito"),
    ("toml", "tests/documentos/documentos.rs", "el_programa_en_rust_compila_y_corre_como_esta_escrito"),
    ("rust", "tests/documentos/documentos.rs", "el_programa_en_rust_compila_y_corre_como_esta_escrito"),
];

/// Los que corren las pruebas de la herramienta, y cuál.
const DE_LA_HERRAMIENTA: [(&str, &str, &str); 2] = [
    ("docs/probar.md", "herramienta/tests/entradas.rs", "lo_que_muestra_la_guia_anda"),
    ("docs/trazar.md", "herramienta/tests/trazar.rs", "lo_que_muestra_la_guia_de_trazar_anda"),
];

/// Los documentos que se comprueban acá. Los de la herramienta los corre ella.
fn por_comprobar() -> Vec<String> {
    let es_de_ella = |nombre: &str| {
        DE_LA_HERRAMIENTA.iter().any(|(de, archivo, prueba)| *de == nombre && hay_prueba(archivo, prueba))
    };
    documentos().into_iter().filter(|nombre| !es_de_ella(nombre)).collect()
}

fn hay_prueba(archivo: &str, prueba: &str) -> bool {
    leer(archivo).contains(&format!("#[test]\nfn {prueba}() {{"))
}

/// Los bloques que comprueba otra prueba: un texto que tienen, y quién.
const DE_OTRAS: &[(&str, &str, &str)] = &[(
    "void eliminar_paquete(t_paquete *",
    "tests/documentos/documentos.rs",
    "los_prototipos_para_comparar_son_de_funciones_que_existen",
)];

fn como(bloque: &Bloque, anterior: Option<Como>) -> Result<Como, String> {
    let marcas: Vec<&str> = bloque.marcas.iter().map(String::as_str).collect();
    let texto = bloque.texto();
    let de_otra = |(tiene, archivo, prueba): &(&str, &str, &str)| {
        texto.contains(tiene) && !texto.contains('{') && hay_prueba(archivo, prueba)
    };
    Ok(match (bloque.lenguaje.as_str(), marcas.as_slice()) {
        (lenguaje @ "text", ["eco"]) | (lenguaje @ ("toml" | "rust"), [])
            if bloque.documento.starts_with("README")
                && DEL_README.iter().any(|(de, archivo, prueba)| *de == lenguaje && hay_prueba(archivo, prueba)) =>
        {
            Como::DeOtra
        }
        ("toml", ["tp0"]) if hay_prueba(DE_LA_DESCRIPCION.0, DE_LA_DESCRIPCION.1) => Como::DeOtra,
        ("c", []) if DE_OTRAS.iter().any(de_otra) => Como::DeOtra,
        ("c", []) => Como::Compila,
        ("c", ["comun"]) => Como::Comun,
        ("c", ["adentro"]) => Como::Adentro,
        ("c", ["manda"]) => Como::Manda,
        ("c", ["recibe"]) => Como::Recibe,
        ("c", ["bytes"]) => Como::Bytes,
        ("c", ["principal"]) => Como::Principal,
        ("c", ["servir"] | ["servir", "todos"]) => Como::Servir,
        ("c", ["no-compila"]) => Como::NoCompila,
        ("python", []) => Como::Python,
        ("python", ["par"]) => Como::Par,
        ("sh", []) => Como::Comandos,
        ("console", []) => Como::Consola,
        ("make", []) => Como::Make,
        ("mermaid", []) => Como::Mermaid,
        ("text", ["diagrama"]) if anterior == Some(Como::Mermaid) => Como::Diagrama,
        ("text", ["handshake"]) => Como::Saludo,
        ("text", ["traza"]) if hay_prueba(DE_LA_TRAZA.0, DE_LA_TRAZA.1) => Como::DeOtra,
        ("text", []) if bloque.documento == DE_LOS_DOLORES.0 && hay_prueba(DE_LOS_DOLORES.1, DE_LOS_DOLORES.2) => {
            Como::DeOtra
        }
        ("text", []) => match anterior {
            Some(Como::Recibe | Como::Bytes | Como::NoCompila | Como::Python | Como::Par) => Como::DelAnterior,
            _ => Como::Errores,
        },
        ("", _) => return Err("no dice en qué lenguaje está".to_owned()),
        (lenguaje, marcas) => return Err(format!("no hay con qué comprobar «{lenguaje} {}»", marcas.join(" "))),
    })
}

/// Todos los bloques de un documento, con la manera de comprobarlos.
fn clasificados(bloques: Vec<Bloque>) -> Result<Vec<(Bloque, Como)>, String> {
    let mut hechos: Vec<(Bloque, Como)> = Vec::new();
    for bloque in bloques {
        let anterior = hechos.last().map(|(_, como)| *como);
        let como = como(&bloque, anterior).map_err(|causa| format!("{}: {causa}", bloque.lugar()))?;
        // Lo que compara un text tiene que tenerlo después.
        let falta = anterior.filter(|como| matches!(como, Como::Recibe | Como::Bytes | Como::NoCompila | Como::Par));
        if falta.is_some() && como != Como::DelAnterior {
            return Err(format!(
                "{}: antes tiene que ir lo que muestra el bloque anterior, en un text",
                bloque.lugar()
            ));
        }
        if (anterior == Some(Como::Manda)) != (como == Como::Recibe) {
            return Err(format!("{}: a cada «manda» le sigue su «recibe»", bloque.lugar()));
        }
        hechos.push((bloque, como));
    }
    match hechos.last() {
        Some((bloque, Como::Manda | Como::Recibe | Como::Bytes | Como::NoCompila | Como::Par)) => {
            Err(format!("{}: falta lo que le sigue", bloque.lugar()))
        }
        _ => Ok(hechos),
    }
}

/// Los de todos los documentos que se entienden: del que no, falla una sola prueba.
fn todos() -> Vec<(Bloque, Como)> {
    por_comprobar().iter().filter_map(|documento| clasificados(bloques(documento)).ok()).flatten().collect()
}

/// Los bloques de una clase, que tienen que ser varios: si dejara de encontrarlos, la prueba no probaría nada.
fn de(clase: Como, al_menos: usize) -> Vec<(Bloque, Vec<Bloque>)> {
    let todos = todos();
    let hallados: Vec<_> = todos
        .iter()
        .enumerate()
        .filter(|(_, (_, como))| *como == clase)
        .map(|(i, (bloque, _))| {
            let siguientes = todos[i + 1..].iter().map(|(bloque, _)| bloque);
            (bloque.clone(), siguientes.take_while(|otro| otro.documento == bloque.documento).cloned().collect())
        })
        .collect();
    assert!(hallados.len() >= al_menos, "sólo hay {} bloques {clase:?}", hallados.len());
    hallados
}

#[test]
fn todo_bloque_tiene_con_que_comprobarlo() {
    let mut cuantos: BTreeMap<Como, usize> = BTreeMap::new();
    for documento in por_comprobar() {
        for (_, como) in clasificados(bloques(&documento)).unwrap_or_else(|causa| panic!("{causa}")) {
            *cuantos.entry(como).or_default() += 1;
        }
    }
    assert!(cuantos.values().sum::<usize>() > 80, "{cuantos:?}");
}

#[test]
fn un_bloque_sin_con_que_comprobarlo_se_nota() {
    for (texto, causa) in [
        ("```\nhola\n```", "no dice en qué lenguaje está"),
        ("```cobol\nDISPLAY\n```", "no hay con qué comprobar"),
        ("```c corre\nint main(void) {}\n```", "no hay con qué comprobar"),
        ("```c manda\nx();\n```\n\n```text\ny\n```", "le sigue su «recibe»"),
        ("```c recibe\nx();\n```\n\n```text\ny\n```", "le sigue su «recibe»"),
        ("```c bytes\nx();\n```", "falta lo que le sigue"),
        ("```c bytes\nx();\n```\n\n```c\nint a;\n```", "antes tiene que ir"),
        ("```text diagrama\nx()\n```", "no hay con qué comprobar"),
    ] {
        let error = clasificados(bloques_de("x.md", texto)).err().unwrap_or_default();
        assert!(error.contains(causa), "{texto}: {error}");
    }
    for mal_escrito in ["```c\nsin cerrar", "~~~c\nx\n~~~", "algo\n\n    int con_sangria;\n"] {
        assert!(std::panic::catch_unwind(|| bloques_de("x.md", mal_escrito)).is_err(), "{mal_escrito}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// C
// ---------------------------------------------------------------------------------------------------------------------

/// gcc como se lo enseña, con las advertencias por errores. `sueltas`: si puede haber funciones que nadie llama.
fn gcc(fuente: &str, nombre: &str, sueltas: bool, mas: &[&str]) -> (Output, PathBuf) {
    let archivo = ruta_nueva(nombre).with_extension("c");
    fs::write(&archivo, fuente).unwrap();
    let destino = archivo.with_extension("");
    let mut gcc = Command::new("gcc");
    // En castellano los textos serían otros.
    gcc.env("LC_ALL", "C").args(["-std=gnu17", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]).arg(&destino);
    gcc.args(if sueltas { &["-Wno-unused-function"][..] } else { &[] });
    gcc.arg("-I").arg(raiz().join("include")).arg(&archivo).args(mas).args(enlace_tp0()).args(enlace_commons());
    (gcc.output().unwrap(), destino)
}

/// Compila, o dice qué bloque no.
fn compilar_bloque(bloque: &Bloque, fuente: &str, sueltas: bool, mas: &[&str]) -> PathBuf {
    let (salida, destino) = gcc(fuente, "guia", sueltas, mas);
    assert!(salida.status.success(), "{} no compila:\n{}", bloque.lugar(), String::from_utf8_lossy(&salida.stderr));
    destino
}

/// Lo que tiene adelante un pedazo suelto: los «comun» que ya pasaron en su documento, o los códigos de tests/c/guias.h.
fn adelante(bloque: &Bloque) -> String {
    let todos = bloques(&bloque.documento).into_iter();
    let comunes = todos.take_while(|otro| otro.linea < bloque.linea).filter(|otro| otro.es("c", &["comun"]));
    let comunes: String = comunes.map(|otro| otro.texto()).collect();
    let propios = if comunes.contains("<tp0.h>") { "#define TP0_GUIA_CON_LO_SUYO\n" } else { "" };
    format!("#define _GNU_SOURCE\n{propios}#include \"{}\"\n{comunes}", dir_c().join("guias.h").display())
}

#[test]
fn el_c_compila() {
    if !exigir("gcc") {
        return;
    }
    let mut vistos = BTreeSet::new();
    for (bloque, _) in de(Como::Compila, 5).into_iter().chain(de(Como::Principal, 1)) {
        // Los dos README muestran el mismo código.
        if !vistos.insert(bloque.texto()) {
            continue;
        }
        if bloque.texto().contains("int main(") {
            let sin_enlazar: &[&str] = if bloque.es("c", &["principal"]) { &["-c"] } else { &[] };
            compilar_bloque(&bloque, &bloque.texto(), false, sin_enlazar);
        } else {
            compilar_bloque(&bloque, &(adelante(&bloque) + &bloque.texto()), true, &["-c"]);
        }
    }
}

#[test]
fn lo_que_va_adentro_de_una_funcion_compila() {
    if !exigir("gcc") {
        return;
    }
    for (bloque, _) in de(Como::Adentro, 8) {
        let fuente = format!("{}static void adentro(void) {{\n{}}}\n", adelante(&bloque), bloque.texto());
        compilar_bloque(&bloque, &fuente, true, &["-c"]);
    }
}

#[test]
fn lo_que_no_compila_no_compila() {
    if !exigir("gcc") {
        return;
    }
    for (bloque, siguientes) in de(Como::NoCompila, 1) {
        let (salida, _) = gcc(&bloque.texto(), "no-compila", false, &["-c"]);
        let dicho = String::from_utf8_lossy(&salida.stderr);
        assert!(!salida.status.success(), "{} compila", bloque.lugar());
        for renglon in &siguientes[0].lineas {
            assert!(dicho.contains(renglon.as_str()), "{}: gcc no dice {renglon:?}:\n{dicho}", bloque.lugar());
        }
    }
}

/// Lo que se aprende copiando tiene que liberar lo que pide y no leer lo que no es suyo: si no, el programa termina mal.
const VIGILADO: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];

/// El programa de un «manda» y su «recibe»: con un argumento, el puerto, es el que manda.
const DE_IDA: &str = r#"
int main(int argc, char **argv) {
    int servidor = argc == 1 ? iniciar_servidor() : -1;
    int conexion = argc == 1 ? esperar_cliente(servidor) : crear_conexion("127.0.0.1", argv[1]);
    if (conexion == -1) {
        fprintf(stderr, "%s\n", tp0_error());
        return 1;
    }
    (argc == 1 ? recibe : manda)(conexion);
    liberar_conexion(conexion);
    if (argc == 1) liberar_conexion(servidor);
    return 0;
}
"#;

fn cuerpo(funcion: &str, bloque: &Bloque) -> String {
    format!("static void {funcion}(int conexion) {{\n{}}}\n", bloque.texto())
}

#[test]
fn lo_que_se_manda_llega() {
    if !exigir("gcc") {
        return;
    }
    for (manda, siguientes) in de(Como::Manda, 10) {
        let [recibe, dice, ..] = siguientes.as_slice() else { panic!("{}", manda.lugar()) };
        assert_eq!(manda.titulo, dice.titulo, "{}: lo que muestra está en otra parte", manda.lugar());
        let fuente = adelante(&manda) + &cuerpo("manda", &manda) + &cuerpo("recibe", recibe) + DE_IDA;
        let programa = compilar_bloque(&manda, &fuente, true, VIGILADO);

        let carpeta = ruta_nueva("carpeta");
        fs::create_dir_all(&carpeta).unwrap();
        let apunte: Vec<u8> = (0..10_000_u32).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
        fs::write(carpeta.join("apunte.txt"), &apunte).unwrap();
        let mut receptor = orden(&programa);
        receptor.current_dir(&carpeta);
        let (receptor, puerto) = lanzar_servidor(receptor);
        let mut emisor = orden(&programa);
        emisor.current_dir(&carpeta).arg(puerto.to_string());
        let emisor = Proceso::lanzar(emisor).terminar(PLAZO);
        emisor.exigir_exito(&manda.lugar());
        let receptor = receptor.terminar(PLAZO);
        receptor.exigir_exito(&recibe.lugar());
        assert_eq!(receptor.stdout + &emisor.stdout, dice.texto(), "{}", manda.lugar());
        assert_eq!((receptor.stderr.as_str(), emisor.stderr.as_str()), ("", ""), "{}", manda.lugar());
        if let Ok(copia) = fs::read(carpeta.join("copia.txt")) {
            assert_eq!(copia, apunte, "{}: el archivo no llegó igual", manda.lugar());
        }
    }
}

/// Los bytes en hexadecimal con que empieza cada renglón; después de dos espacios, un comentario.
fn bytes(bloque: &Bloque) -> Vec<u8> {
    let de_renglon = |renglon: &String| {
        let hexa = renglon.split("  ").next().unwrap_or_default().to_owned();
        let valor = |par: &str| u8::from_str_radix(par, 16).ok().filter(|_| par.len() == 2);
        let valores = hexa.split(' ').map(valor).collect::<Option<Vec<u8>>>();
        valores.unwrap_or_else(|| panic!("{}: {renglon:?} no empieza con bytes", bloque.lugar()))
    };
    bloque.lineas.iter().flat_map(de_renglon).collect()
}

#[test]
fn los_bytes_son_los_que_viajan() {
    if !exigir("gcc") {
        return;
    }
    for (bloque, siguientes) in de(Como::Bytes, 4) {
        let sin_recibir = "static void recibe(int conexion) { (void)conexion; }\n";
        let fuente = adelante(&bloque) + &cuerpo("manda", &bloque) + sin_recibir + DE_IDA;
        let programa = compilar_bloque(&bloque, &fuente, true, &[]);
        let oyente = Oyente::nuevo();
        let mut emisor = orden(programa);
        emisor.arg(oyente.puerto.to_string());
        let emisor = Proceso::lanzar(emisor);
        let viajaron = oyente.aceptar_con_handshake().leer_hasta_el_fin();
        emisor.terminar(PLAZO).exigir_exito(&bloque.lugar());
        assert_eq!(viajaron, bytes(&siguientes[0]), "{}", bloque.lugar());
    }
}

/// Los dos lados de la biblioteca, contra los bytes escritos: el servidor que espera 1, y el cliente que muestra lo que sea.
#[test]
fn el_saludo_es_como_esta_escrito() {
    for (bloque, _) in de(Como::Saludo, 2) {
        let renglones: BTreeMap<&str, Vec<u8>> = bloque
            .lineas
            .iter()
            .filter_map(|renglon| renglon.split_once(':'))
            .map(|(quien, hexa)| {
                (quien, hexa.split_whitespace().map(|par| u8::from_str_radix(par, 16).unwrap()).collect())
            })
            .collect();
        let (cliente, servidor) = (&renglones["cliente"], &renglones["servidor"]);
        assert_eq!(renglones.len(), bloque.lineas.len());

        let escucha = tp0::Servidor::iniciar("127.0.0.1", "0").unwrap();
        let puerto = escucha.puerto().unwrap();
        let esperando = std::thread::spawn(move || escucha.esperar_cliente().map(|_| ()));
        let mut ajeno = Ajeno::conectar(puerto);
        ajeno.escribir(cliente);
        assert_eq!(&ajeno.leer(servidor.len()), servidor, "{}", bloque.lugar());
        if servidor != &[0; 4] {
            assert_eq!(ajeno.leer_hasta_el_fin(), [], "y cierra");
            Ajeno::con_handshake(puerto);
        }
        esperando.join().unwrap().unwrap();

        let oyente = Oyente::nuevo();
        let puerto = oyente.puerto.to_string();
        let muestra = i32::from_le_bytes(cliente.as_slice().try_into().unwrap());
        let opciones = tp0::Opciones::nuevas().handshake(muestra);
        let llamando = std::thread::spawn(move || tp0::Conexion::conectar_con("127.0.0.1", &puerto, &opciones));
        let mut ajeno = oyente.aceptar();
        assert_eq!(&ajeno.leer(4), cliente, "{}", bloque.lugar());
        ajeno.escribir(servidor);
        assert_eq!(llamando.join().unwrap().is_ok(), servidor == &[0; 4], "{}", bloque.lugar());
    }
}

/// El eco de un cliente.
fn preguntar(cliente: &mut Ajeno, texto: &str) {
    cliente.escribir(&mensaje(texto));
    oir(cliente, texto);
}

fn oir(cliente: &mut Ajeno, texto: &str) {
    let esperado = mensaje(texto);
    assert_eq!(cliente.leer(esperado.len()), esperado, "{texto}");
}

#[test]
fn los_servidores_de_muchos_sirven() {
    if !exigir("gcc") {
        return;
    }
    for (bloque, _) in de(Como::Servir, 4) {
        let hermanos = bloques(&bloque.documento);
        let principal = hermanos.iter().find(|otro| otro.es("c", &["principal"])).expect("falta el c principal");
        let fuente = adelante(&bloque) + &bloque.texto() + &principal.texto();
        let mut servidor = orden(compilar_bloque(&bloque, &fuente, false, VIGILADO));
        servidor.env("TP0_IP", "127.0.0.1");
        let (servidor, puerto) = lanzar_servidor(servidor);

        let mut clientes: Vec<Ajeno> = (0..3).map(|_| Ajeno::con_handshake(puerto)).collect();
        if bloque.es("c", &["servir", "todos"]) {
            // Que estén los tres adentro: a cada uno le vuelve lo suyo, y a los que ya estaban también.
            for i in 0..3 {
                clientes[i].escribir(&mensaje(&format!("entra {i}")));
                clientes[..=i].iter_mut().for_each(|cliente| oir(cliente, &format!("entra {i}")));
                if i < 2 {
                    // El que sigue pudo entrar antes de oír esto: se lo cambia por uno nuevo.
                    clientes[i + 1] = Ajeno::con_handshake(puerto);
                }
            }
        } else {
            // En cualquier orden, y sin que el callado demore a nadie.
            for (i, vuelta) in [2, 0, 0, 1, 2, 1].into_iter().zip(0..) {
                preguntar(&mut clientes[i], &format!("vuelta {vuelta}, cliente {i}"));
            }
        }
        // Uno se va; otro saluda mal; otro, después de saludar, manda basura; los demás siguen y entra uno nuevo.
        drop(clientes.remove(1));
        let mut equivocado = Ajeno::conectar(puerto);
        equivocado.escribir(&[9, 0, 0, 0]);
        assert_eq!(equivocado.leer_hasta_el_fin(), [0xff; 4]);
        Ajeno::con_handshake(puerto).escribir(&[0xff; 8]);
        let mut nuevo = Ajeno::con_handshake(puerto);
        preguntar(&mut nuevo, "recién llego");
        if bloque.es("c", &["servir"]) {
            preguntar(&mut clientes[0], "sigo acá");
        } else {
            oir(&mut clientes[0], "recién llego");
        }
        servidor.senial(libc::SIGINT);
        let salida = servidor.terminar(PLAZO);
        salida.exigir_exito(&bloque.lugar());
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Python
// ---------------------------------------------------------------------------------------------------------------------

fn python(bloque: &Bloque) -> PathBuf {
    let archivo = ruta_nueva("guia").with_extension("py");
    fs::write(&archivo, bloque.texto()).unwrap();
    archivo
}

#[test]
fn el_python_dice_lo_que_se_muestra() {
    for (bloque, siguientes) in de(Como::Python, 0) {
        if !exigir("python3") {
            return;
        }
        let mut corrida = orden("python3");
        corrida.arg(python(&bloque));
        let salida = Proceso::lanzar(corrida).terminar(PLAZO);
        salida.exigir_exito(&bloque.lugar());
        let dice = siguientes.first().filter(|sigue| sigue.es("text", &[])).map(Bloque::texto);
        assert_eq!(salida.stdout, dice.unwrap_or_default(), "{}", bloque.lugar());
    }
}

fn orden_python(programa: &Path, argumentos: &[&str]) -> Command {
    let mut orden = orden("python3");
    orden.arg("-u").arg(programa).args(argumentos);
    orden
}

/// El servidor de la guía, escuchando.
fn servidor_en_python(programa: &Path) -> (Proceso, u16) {
    let puerto = puerto_libre();
    let servidor = Proceso::lanzar(orden_python(programa, &["servidor", &puerto.to_string()]));
    comun::esperar_que("que el de Python escuche", PLAZO, || comun::escuchando(puerto));
    (servidor, puerto)
}

/// El que escribe el protocolo desde la guía se entiende con la biblioteca, de los dos lados.
#[test]
fn el_par_en_python_conversa_con_la_biblioteca() {
    if !exigir("gcc") || !exigir("python3") {
        return;
    }
    let biblioteca = compilar_con_tp0("guias_par", &["guias_par.c"]);
    for (bloque, siguientes) in de(Como::Par, 1) {
        let programa = python(&bloque);

        let (_servidor, puerto) = lanzar_servidor(orden(&biblioteca));
        let cliente = orden_python(&programa, &["cliente", "127.0.0.1", &puerto.to_string()]);
        let dicho = Proceso::lanzar(cliente).terminar(PLAZO);
        dicho.exigir_exito("el cliente en Python");
        assert_eq!(dicho.stdout, siguientes[0].texto());

        let (_servidor, puerto) = servidor_en_python(&programa);
        let mut cliente = orden(&biblioteca);
        cliente.args(["127.0.0.1", &puerto.to_string()]);
        let dicho = Proceso::lanzar(cliente).terminar(PLAZO);
        dicho.exigir_exito("el cliente con la biblioteca");
        assert_eq!(dicho.lineas().last(), Some(&"todo igual"), "{dicho}");

        let mut cliente = orden(&biblioteca);
        cliente.args(["127.0.0.1", &puerto.to_string()]).env("TP0_HANDSHAKE", "2");
        let dicho = Proceso::lanzar(cliente).terminar(PLAZO);
        assert!(dicho.stdout.contains("rechazó el handshake: le mostramos 2 y contestó -1"), "{dicho}");
    }
}

/// Lo que la guía dice que hay que hacer con lo que llega mal, lo hace el servidor que ella muestra.
#[test]
fn el_par_en_python_aguanta_la_basura() {
    if !exigir("python3") {
        return;
    }
    for (bloque, _) in de(Como::Par, 1) {
        let (_servidor, puerto) = servidor_en_python(&python(&bloque));
        let mut callado = Ajeno::conectar(puerto);
        let entero = |valor: i32| valor.to_le_bytes();
        for basura in [
            [entero(-5), entero(0)].concat(),
            [entero(0), entero(-1)].concat(),
            [entero(0), entero(64 * 1024 * 1024 + 1)].concat(),
            operacion(1, &entero(5)),
            operacion(1, &[entero(-4), entero(0)].concat()),
            operacion(1, b"abc"),
        ] {
            let mut ajeno = Ajeno::con_handshake(puerto);
            ajeno.escribir(&basura);
            assert_eq!(ajeno.leer_hasta_el_fin(), [], "{basura:?}");
        }
        // Cortado en el medio del payload.
        let mut ajeno = Ajeno::con_handshake(puerto);
        ajeno.escribir(&[&entero(0)[..], &entero(10), b"abc"].concat());
        ajeno.no_escribo_mas();
        assert_eq!(ajeno.leer_hasta_el_fin(), []);
        // Los demás no se enteran, y un código que no conoce vuelve igual.
        let mut bueno = Ajeno::con_handshake(puerto);
        for bien in [mensaje("hola"), paquete(&[b"uno", b""]), operacion(99, b""), operacion(0, &[7; 100_000])] {
            bueno.escribir(&bien);
            assert_eq!(bueno.leer(bien.len()), bien);
        }
        // El que no saludó tuvo su plazo.
        assert_eq!(callado.leer_hasta_el_fin(), [0xff; 4]);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Lo demás
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn los_comandos_existen() {
    let mut vistos = 0;
    for (bloque, _) in de(Como::Comandos, 10) {
        vistos += comandos::comprobar(&bloque).unwrap_or_else(|causa| panic!("{}: {causa}", bloque.lugar()));
    }
    assert!(vistos > 20, "{vistos}");
}

/// Una carpeta con la forma del repositorio compilado, y la biblioteca de esta compilación.
fn repositorio() -> PathBuf {
    let carpeta = ruta_nueva("repositorio");
    fs::create_dir_all(carpeta.join("target")).unwrap();
    fs::create_dir_all(carpeta.join("c_examples")).unwrap();
    symlink(raiz().join("include"), carpeta.join("include")).unwrap();
    symlink(dir_biblioteca(), carpeta.join("target/release")).unwrap();
    let mut make = orden("make");
    make.arg("-C").arg(raiz().join("c_examples")).arg(format!("BIN={}", carpeta.join("c_examples/bin").display()));
    comun::ejecutar(make.arg(format!("LIBDIR={}", dir_biblioteca().display())));
    carpeta
}

/// Si lo dicho es lo escrito, donde `…` es cualquier cosa.
fn coincide(escrito: &str, dicho: &str) -> bool {
    let mut partes = escrito.split('…');
    let Some(mut queda) = dicho.strip_prefix(partes.next().unwrap_or_default()) else { return false };
    let mut partes: Vec<&str> = partes.collect();
    let Some(ultima) = partes.pop() else { return queda.is_empty() };
    for parte in partes {
        let Some((_, resto)) = queda.split_once(parte) else { return false };
        queda = resto;
    }
    queda.ends_with(ultima)
}

#[test]
fn la_consola_muestra_lo_que_pasa() {
    for (esta, escrito, dicho) in
        [(true, "a…b", "a, b"), (true, "ab", "ab"), (false, "a…b", "a, c"), (false, "a", "ab")]
    {
        assert_eq!(coincide(escrito, dicho), esta, "{escrito} {dicho}");
    }
    // Con gcc se compilan los ejemplos; nm lo usa una de las consolas.
    if !["gcc", "make", "nm"].iter().all(|herramienta| exigir(herramienta)) {
        return;
    }
    let (bloques, mut corridos) = (de(Como::Consola, 2), 0);
    let carpeta = repositorio();
    for (bloque, _) in bloques {
        assert!(
            bloque.lineas.first().is_some_and(|linea| linea.starts_with("$ ")),
            "{}: empieza con $",
            bloque.lugar()
        );
        for pedazo in format!("\n{}", bloque.texto()).split("\n$ ").skip(1) {
            let (comando, escrito) = pedazo.split_once('\n').unwrap_or((pedazo, ""));
            let mut bash = orden("bash");
            bash.current_dir(&carpeta).args(["-c", &format!("{{ {comando}; }} 2>&1")]);
            let dicho = Proceso::lanzar(bash).terminar(PLAZO).stdout;
            assert!(coincide(escrito.trim_end(), dicho.trim_end()), "{}: {comando}\n{dicho}", bloque.lugar());
            corridos += 1;
        }
    }
    assert!(corridos > 1);
}

#[test]
fn lo_de_make_se_entiende() {
    if !exigir("make") {
        return;
    }
    for (bloque, _) in de(Como::Make, 1) {
        let archivo = ruta_nueva("settings.mk");
        fs::write(&archivo, bloque.texto() + "revisar:\n\t@echo $(LIBS)\n").unwrap();
        let dicho = comun::ejecutar(orden("make").arg("-f").arg(archivo).arg("revisar"));
        assert_eq!(dicho.split_whitespace().next(), Some("tp0"), "{}: {dicho}", bloque.lugar());
        assert!(leer("README.md").contains(bloque.lineas[0].as_str()), "{}: el README dice otra cosa", bloque.lugar());
    }
}

#[test]
fn los_diagramas_usan_lo_que_declaran() {
    for (bloque, siguientes) in de(Como::Mermaid, 2) {
        diagramas::comprobar(&bloque.lineas).unwrap_or_else(|causa| panic!("{}: {causa}", bloque.lugar()));
        if let Some(texto) = siguientes.first().filter(|sigue| sigue.es("text", &["diagrama"])) {
            assert_eq!(
                diagramas::llamadas(&bloque.lineas),
                diagramas::llamadas(&texto.lineas),
                "{}: los dos diagramas",
                bloque.lugar()
            );
        }
    }
    // Una secuencia sin su texto no la lee quien no ve el dibujo.
    de(Como::Diagrama, 1);
}

#[test]
fn los_errores_que_se_citan_existen() {
    let textos = citas::de_la_biblioteca();
    // También vale lo que muestra un bloque que se corre: lo que dicen gcc o el sistema.
    let corridos = todos().into_iter().filter(|(_, como)| matches!(como, Como::DelAnterior | Como::Consola));
    let corridos: String = corridos.map(|(bloque, _)| bloque.texto()).collect();
    let mut vistas = 0;
    for documento in por_comprobar() {
        for (linea, cita) in citas::citas(&documento) {
            vistas += 1;
            let esta = citas::esta(&cita, &textos) || (cita.len() >= 8 && corridos.contains(&cita));
            assert!(esta, "{documento}:{linea}: ningún error dice «{cita}»");
        }
    }
    for (bloque, _) in de(Como::Errores, 0) {
        for renglon in bloque.lineas.iter().filter(|renglon| !renglon.trim().is_empty()) {
            assert!(citas::esta(renglon, &textos), "{}: ningún error dice {renglon:?}", bloque.lugar());
        }
    }
    assert!(vistas > 0);
}
