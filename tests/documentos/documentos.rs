//! Los README no se pueden pudrir: sus comandos se corren, su código se compila, y los dos dicen lo mismo.

use crate::comun;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::comun::{PLAZO, Proceso, dir_biblioteca, ejecutar, exigir, orden, puerto_libre, raiz, ruta_nueva};
use crate::markdown::{anclas, bloques_de, documentos, enlaces, leer};

/// Los bloques de código de un texto: su lenguaje y sus líneas.
fn bloques(texto: &str) -> Vec<(String, Vec<String>)> {
    bloques_de("el documento", texto).into_iter().map(|bloque| (bloque.lenguaje, bloque.lineas)).collect()
}

/// El único bloque del README en castellano que contiene ese texto.
fn bloque_con(texto: &str) -> String {
    let mut hallados: Vec<String> = bloques(&leer("README.md"))
        .into_iter()
        .map(|(_, lineas)| lineas.join("\n"))
        .filter(|bloque| bloque.contains(texto))
        .collect();
    assert_eq!(hallados.len(), 1, "bloques con {texto:?}");
    hallados.remove(0)
}

/// Saca los comentarios de una línea de consola: es lo único que se traduce.
fn sin_comentario(linea: &str) -> String {
    linea.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

#[test]
fn los_dos_readme_tienen_el_mismo_codigo_y_la_misma_forma() {
    let [castellano, ingles] = ["README.md", "README.en.md"].map(leer);
    let codigo = |texto: &str| {
        let mut bloques = bloques(texto);
        for (_, lineas) in bloques.iter_mut().filter(|(lenguaje, _)| lenguaje == "sh") {
            lineas.iter_mut().for_each(|linea| *linea = sin_comentario(linea));
        }
        bloques
    };
    assert!(!codigo(&castellano).is_empty());
    assert_eq!(codigo(&castellano), codigo(&ingles));

    let forma = |texto: &str| {
        let cuantas = |inicio: &str| texto.lines().filter(|linea| linea.starts_with(inicio)).count();
        ["# ", "## ", "### ", "| ", "- ", "0. ", "1. ", "2. ", "3. "].map(cuantas)
    };
    assert_eq!(forma(&castellano), forma(&ingles), "títulos, filas de tablas o puntos de listas");

    // Lo que está entre comillas de código (comandos, funciones, variables) no se traduce.
    let nombres = |texto: &str| -> BTreeSet<String> {
        let texto = texto.replace("puerto)", "port)");
        texto.split('`').skip(1).step_by(2).filter(|nombre| !nombre.contains('\n')).map(str::to_owned).collect()
    };
    assert_eq!(nombres(&castellano), nombres(&ingles));
}

/// Los enlaces del repositorio llevan a un archivo y a un título que están; los de afuera, que no se siguen, están bien escritos.
#[test]
fn los_enlaces_llevan_a_algun_lado() {
    let (mut rotos, mut vistos) = (Vec::new(), 0);
    for documento in documentos() {
        for (linea, destino) in enlaces(&documento, &leer(&documento)) {
            vistos += 1;
            if let Err(causa) = seguir(&documento, &destino) {
                rotos.push(format!("{documento}:{linea}: ({destino}) {causa}"));
            }
        }
    }
    assert!(vistos > 100, "sólo se vieron {vistos} enlaces");
    assert!(rotos.is_empty(), "{}", rotos.join("\n"));
}

fn seguir(documento: &str, destino: &str) -> Result<(), &'static str> {
    if let Some(afuera) = destino.strip_prefix("https://") {
        let sitio = afuera.split(['/', '?', '#']).next().unwrap_or_default();
        let de_sitio = |letra: char| letra.is_ascii_alphanumeric() || letra == '-';
        let bien = sitio.split('.').count() > 1 && sitio.split('.').all(|p| !p.is_empty() && p.chars().all(de_sitio));
        return if bien && afuera.is_ascii() { Ok(()) } else { Err("no es una dirección bien escrita") };
    }
    let (archivo, ancla) = destino.split_once('#').map_or((destino, None), |(a, ancla)| (a, Some(ancla)));
    let camino = if archivo.is_empty() {
        raiz().join(documento)
    } else {
        raiz().join(documento).parent().unwrap().join(archivo)
    };
    // Lo que está afuera del repositorio, o lo dejó una compilación, no está en la página de nadie.
    let camino = camino.canonicalize().map_err(|_| "no existe")?;
    let relativo = camino.strip_prefix(raiz().canonicalize().unwrap()).map_err(|_| "está afuera del repositorio")?;
    if ["target", "c_examples/bin"].iter().any(|hecho| relativo.starts_with(hecho)) {
        return Err("es algo compilado");
    }
    let Some(ancla) = ancla else { return Ok(()) };
    if relativo.extension() != Some("md".as_ref()) {
        return Err("sólo los documentos tienen títulos a los que ir");
    }
    let relativo = relativo.to_str().unwrap();
    if anclas(relativo, &leer(relativo)).iter().any(|una| una == ancla) { Ok(()) } else { Err("no tiene ese título") }
}

#[test]
fn un_enlace_roto_se_nota() {
    for (destino, causa) in [
        ("SEGURIDAD.md", None),
        ("#probarla", None),
        ("docs/fuzzing.md#por-horas", None),
        ("SEGURIDAD.md#qué-promete-la-biblioteca", None),
        ("https://rustup.rs", None),
        ("SEGURIDA.md", Some("no existe")),
        ("#provarla", Some("no tiene ese título")),
        ("SEGURIDAD.md#que-promete-la-biblioteca", Some("no tiene ese título")),
        ("src/lib.rs#L10", Some("sólo los documentos tienen títulos a los que ir")),
        ("../", Some("está afuera del repositorio")),
        ("https://", Some("no es una dirección bien escrita")),
        ("https://rustup", Some("no es una dirección bien escrita")),
        ("http://rustup.rs", Some("no existe")),
    ] {
        assert_eq!(seguir("README.md", destino).err(), causa, "{destino}");
    }
}

/// Lo que se afirma dice qué prueba lo muestra: `[`prueba`](archivo)`.
#[test]
fn las_pruebas_que_se_nombran_existen() {
    let mut vistas = 0;
    for documento in documentos() {
        for nombrada in leer(&documento).split("[`").skip(1) {
            let Some((prueba, resto)) = nombrada.split_once("`](") else { continue };
            let archivo = resto.split(')').next().unwrap_or_default();
            if !(archivo.contains("tests/") && archivo.ends_with(".rs")) {
                continue;
            }
            let camino = raiz().join(&documento).parent().unwrap().join(archivo);
            let fuente = fs::read_to_string(&camino).unwrap_or_else(|error| panic!("{}: {error}", camino.display()));
            // Donde hay pruebas de muchos archivos, con el suyo adelante.
            let funcion = prueba.rsplit("::").next().unwrap_or_default();
            assert!(
                fuente.contains(&format!("#[test]\nfn {funcion}() {{")) || archivo.ends_with(&format!("/{prueba}")),
                "{documento}: {archivo} no tiene la prueba {prueba}"
            );
            vistas += 1;
        }
    }
    assert!(vistas > 20, "{vistas}");
}

/// Las filas de una tabla de un texto, sin su encabezado.
fn filas(texto: &str) -> impl Iterator<Item = &str> {
    texto.lines().filter(|linea| linea.starts_with("| ") && !linea.starts_with("| ---")).skip(1)
}

#[test]
fn ninguna_promesa_de_seguridad_esta_sin_prueba() {
    for fila in filas(&leer("SEGURIDAD.md")) {
        assert!(fila.contains("[`"), "una promesa sin prueba: {fila}");
    }
}

/// Ninguna frase de las que corrigen lo que se cuenta mal está sin su prueba, ni hay prueba que no diga de qué frase es.
#[test]
fn lo_que_se_cuenta_mal_y_sus_pruebas_son_lo_mismo() {
    let guia = leer("docs/sockets-y-protocolo.md");
    let tabla = guia.split("## Lo que se cuenta mal").nth(1).expect("el título");
    assert!(filas(tabla).count() > 10);
    for fila in filas(tabla) {
        assert!(fila.contains("](../tests/documentos/mitos.rs)"), "una frase sin prueba: {fila}");
    }
    for prueba in
        leer("tests/documentos/mitos.rs").split("#[test]\nfn ").skip(1).filter_map(|resto| resto.split('(').next())
    {
        assert!(tabla.contains(&format!("[`{prueba}`](../tests/documentos/mitos.rs)")), "la guía no nombra {prueba}");
    }
}

#[test]
fn cada_guia_esta_en_el_indice() {
    let indice = leer("docs/LEEME.md");
    for guia in documentos().iter().filter_map(|documento| documento.strip_prefix("docs/")) {
        assert!(guia == "LEEME.md" || indice.contains(&format!("]({guia})")), "docs/LEEME.md no lleva a {guia}");
    }
}

/// Lo que una prueba pide con exigir, `make preparar` lo instala.
#[test]
fn lo_que_piden_las_pruebas_se_instala() {
    let preparar = leer("tests/preparar.sh");
    let fuentes = ejecutar(orden("find").current_dir(raiz()).args(["tests", "herramienta/tests", "-name", "*.rs"]));
    let mut pedidos = BTreeSet::new();
    for fuente in fuentes.lines() {
        // Los nombres entre comillas de un renglón que exige.
        for renglon in leer(fuente).lines().filter(|renglon| renglon.contains("exigir(") && !renglon.contains("fn ")) {
            let entre_comillas = renglon.split('"').skip(1).step_by(2).map(str::to_owned);
            pedidos.extend(entre_comillas.filter(|nombre| !nombre.contains(' ') && !nombre.starts_with('-')));
        }
    }
    assert!(pedidos.len() > 15, "{pedidos:?}");
    // Los que trae cualquier Debian, por mínimo que sea.
    const DE_SIEMPRE: [&str; 11] =
        ["bash", "unshare", "mount", "setpriv", "script", "sh", "find", "tar", "gzip", "ldconfig", "dpkg-deb"];
    pedidos.retain(|programa| !DE_SIEMPRE.contains(&programa.as_str()) && !preparar.contains(&format!("{programa}:")));
    assert!(pedidos.is_empty(), "tests/preparar.sh no instala {pedidos:?}");
}

#[test]
fn los_readme_se_leen_de_una_vez() {
    for archivo in ["README.md", "README.en.md"] {
        let texto = leer(archivo);
        assert!(texto.lines().count() <= 150, "{archivo} tiene {} líneas", texto.lines().count());
        let larga = texto.lines().find(|linea| linea.chars().count() > 140);
        assert_eq!(larga, None, "{archivo}");
    }
}

/// Lo escrito y lo que corre la integración continua son los mismos comandos.
#[test]
fn la_integracion_continua_corre_los_dos_comandos_del_readme() {
    let comandos: Vec<String> = bloque_con("make demo").lines().map(sin_comentario).collect();
    assert_eq!(comandos, ["make demo", "make test"]);
    let corridas = leer(".ci/run");
    for comando in comandos {
        let es_una_etapa =
            |linea: &str| linea.strip_prefix("etapa ").is_some_and(|etapa| etapa.ends_with(&format!(" {comando}")));
        assert!(corridas.lines().any(es_una_etapa), ".ci/run no corre {comando:?}");
    }
}

#[test]
fn el_primer_programa_compila_y_corre_como_esta_escrito() {
    // Una carpeta con la forma del repositorio después de `make demo`, pero con la biblioteca de esta compilación.
    let carpeta = ruta_nueva("repositorio");
    fs::create_dir_all(carpeta.join("target")).unwrap();
    fs::create_dir_all(carpeta.join("c_examples")).unwrap();
    symlink(raiz().join("include"), carpeta.join("include")).unwrap();
    symlink(dir_biblioteca(), carpeta.join("target/release")).unwrap();
    ejecutar(
        Command::new("make")
            .arg("-C")
            .arg(raiz().join("c_examples"))
            .arg(format!("BIN={}", carpeta.join("c_examples/bin").display()))
            .arg(format!("LIBDIR={}", dir_biblioteca().display()))
            .env_remove("MAKEFLAGS"),
    );
    // El puerto es lo único que se cambia: el 4444 puede estar ocupado.
    let puerto = puerto_libre();
    let config = leer("c_examples/cliente.config");
    assert!(config.contains("PUERTO=4444"), "{config}");
    fs::write(carpeta.join("c_examples/cliente.config"), config.replace("PUERTO=4444", &format!("PUERTO={puerto}")))
        .unwrap();

    let programa = bloque_con("int main(void)");
    assert_eq!(programa.lines().filter(|linea| !linea.is_empty()).count(), 8, "{programa}");
    fs::write(carpeta.join("eco.c"), programa).unwrap();
    let comandos = bloque_con("gcc eco.c");
    let [compilar, llamar] = [0, 1].map(|cual| comandos.lines().nth(cual).map(sin_comentario).expect("dos comandos"));
    let (compilar, correr) = compilar.split_once(" && ").expect("compila && corre");
    ejecutar(Command::new("sh").current_dir(&carpeta).args(["-c", &format!("{compilar} -Wall -Wextra -Werror")]));

    let mut servidor = orden("sh");
    // exec: que el proceso sea el programa, para que terminarlo lo termine.
    let (entorno, programa) = correr.split_once(' ').expect("VARIABLE=valor programa");
    servidor.current_dir(&carpeta).args(["-c", &format!("export {entorno}; exec {programa}")]);
    servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let servidor = Proceso::lanzar(servidor);
    comun::esperar_que("que eco escuche", PLAZO, || comun::escuchando(puerto));

    let mut cliente = orden("sh");
    cliente.current_dir(&carpeta).args(["-c", &format!("exec {llamar}")]);
    let dicho = Proceso::lanzar(cliente).terminar(PLAZO);
    dicho.exigir_exito("el cliente");
    assert!(dicho.stdout.contains("El servidor contestó: recibido"), "{dicho}");

    let dicho = servidor.terminar(PLAZO);
    dicho.exigir_exito("eco");
    assert_eq!(dicho.stdout.trim_end(), bloque_con("Me llego el mensaje"), "{dicho}");
}

#[test]
fn cada_ejemplo_esta_en_el_indice() {
    let (indice, mut vistos) = (leer("docs/LEEME.md"), 0);
    for entrada in fs::read_dir(raiz().join("c_examples")).unwrap() {
        let nombre = entrada.unwrap().file_name().into_string().unwrap();
        if nombre.ends_with(".c") || nombre.ends_with(".h") {
            assert!(indice.contains(&format!("](../c_examples/{nombre})")), "docs/LEEME.md no lleva a {nombre}");
            vistos += 1;
        }
    }
    assert!(vistos > 10, "{vistos}");
}

/// Un proyecto con lo que el README muestra, la línea de `[dependencies]` y el programa: se compila y contesta.
#[test]
fn el_programa_en_rust_compila_y_corre_como_esta_escrito() {
    let carpeta = ruta_nueva("proyecto");
    fs::create_dir_all(carpeta.join("src")).unwrap();
    let dependencias = bloque_con("[dependencies]").replace("../libtp0", raiz().to_str().unwrap());
    let paquete = "[package]\nname = \"eco\"\nedition = \"2024\"\n\n[workspace]\n\n";
    fs::write(carpeta.join("Cargo.toml"), format!("{paquete}{dependencias}\n")).unwrap();
    // Las mismas versiones que acá: sin red.
    fs::copy(raiz().join("Cargo.lock"), carpeta.join("Cargo.lock")).unwrap();
    // El puerto es lo único que se cambia: el 4444 puede estar ocupado.
    let (programa, puerto) = (bloque_con("fn main() -> Resultado<()>"), puerto_libre());
    assert!(programa.contains("4444"), "{programa}");
    fs::write(carpeta.join("src/main.rs"), programa.replace("4444", &puerto.to_string())).unwrap();
    // Lo compilado queda para la próxima corrida: sólo la primera tarda.
    let destino = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("proyecto-del-readme");
    ejecutar(
        orden(env!("CARGO"))
            .args(["build", "--quiet", "--offline"])
            .current_dir(&carpeta)
            .env("CARGO_TARGET_DIR", &destino)
            .env("RUSTFLAGS", "-D warnings"),
    );

    let _servidor = Proceso::lanzar(orden(destino.join("debug/eco")));
    comun::esperar_que("que eco escuche", PLAZO, || comun::escuchando(puerto));
    let mut conexion = tp0::Conexion::conectar("127.0.0.1", puerto).unwrap();
    conexion.enviar_mensaje("hola").unwrap();
    assert!(matches!(conexion.recibir().unwrap(), Some(tp0::Recibido::Mensaje("hola"))));
    conexion.enviar(2, b"hola").unwrap();
    let respuesta = conexion.recibir().unwrap();
    assert!(matches!(respuesta, Some(tp0::Recibido::Otro { codigo: 2, payload: b"HOLA" })), "{respuesta:?}");
}

#[test]
fn los_prototipos_para_comparar_son_de_funciones_que_existen() {
    if !exigir("nm") {
        return;
    }
    let tabla = ejecutar(Command::new("nm").args(["-D", "--defined-only"]).arg(dir_biblioteca().join("libtp0.so")));
    let exportados: BTreeSet<&str> = tabla.lines().filter_map(|linea| linea.split_whitespace().last()).collect();
    let guia = bloques(&leer("docs/de-utils-a-libtp0.md")).into_iter().map(|(_, lineas)| lineas.join("\n"));
    let prototipos = guia.into_iter().find(|bloque| bloque.contains("int crear_conexion(")).expect("los prototipos");
    assert!(prototipos.lines().count() > 10);
    for prototipo in prototipos.lines() {
        let nombre = prototipo.split('(').next().and_then(|antes| antes.rsplit([' ', '*']).next()).unwrap();
        assert!(exportados.contains(nombre), "la biblioteca no exporta {nombre}");
    }
}

/// Las palabras `TP0_...` de un texto que son variables de entorno.
fn variables(texto: &str) -> BTreeSet<String> {
    texto
        .split(|letra: char| !(letra.is_ascii_uppercase() || letra.is_ascii_digit() || letra == '_'))
        .filter(|palabra| palabra.starts_with("TP0_") && !palabra.starts_with("TP0_SIN_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn la_tabla_del_entorno_esta_completa() {
    let codigo = leer("src/opciones.rs");
    let leidas = variables(codigo.split("#[cfg(test)]").next().unwrap_or_default());
    assert!(leidas.contains("TP0_PUERTO"), "{leidas:?}");
    for archivo in ["README.md", "README.en.md"] {
        let texto = leer(archivo);
        let tabla: String = texto.lines().filter(|linea| linea.starts_with("| `TP0_")).collect();
        assert_eq!(variables(&tabla), leidas, "{archivo}");
        assert_eq!(variables(&texto), leidas, "{archivo} nombra otra variable");
    }
}

#[test]
fn el_changelog_cuenta_esta_version() {
    let titulo = format!("## {}", env!("CARGO_PKG_VERSION"));
    assert!(leer("CHANGELOG.md").lines().any(|linea| linea == titulo), "falta «{titulo}»");
}

#[test]
fn el_changelog_nombra_todo_lo_que_se_exporta() {
    let texto = leer("CHANGELOG.md");
    let exportados = leer("tests/simbolos.txt");
    assert!(exportados.lines().count() > 50);
    for simbolo in exportados.lines() {
        assert!(texto.contains(&format!("`{simbolo}`")), "el CHANGELOG no nombra {simbolo}");
    }
}

/// El mapa de CONTRIBUTING dice la verdad: están todas las salas, y ninguna nombra a una que tenga arriba.
#[test]
fn el_mapa_de_las_salas_no_miente() {
    let texto = leer("CONTRIBUTING.md");
    let mut renglon_de = BTreeMap::new();
    for (numero, renglon) in texto.lines().filter(|renglon| renglon.starts_with("| `")).enumerate() {
        for sala in renglon.split('|').nth(1).unwrap().split('`').skip(1).step_by(2) {
            renglon_de.insert(sala.trim_end_matches('/').to_owned(), numero);
        }
    }
    let fuentes =
        ejecutar(orden("find").current_dir(raiz()).args(["src", "-name", "*.rs", "!", "-path", "src/lib.rs"]));
    let mut salas = BTreeSet::new();
    for fuente in fuentes.lines() {
        let sala = fuente.split('/').nth(1).unwrap().trim_end_matches(".rs");
        salas.insert(sala.to_owned());
        // Sin lo que es de las pruebas, y sin comentarios.
        let codigo = leer(fuente);
        let codigo =
            codigo.split("#[cfg(test)]").next().unwrap().lines().filter(|linea| !linea.trim().starts_with("//"));
        for nombrada in codigo.flat_map(|linea| linea.split("crate::").skip(1)) {
            let nombrada: String =
                nombrada.chars().take_while(|letra| letra.is_alphanumeric() || *letra == '_').collect();
            let arriba = renglon_de.get(&nombrada).is_some_and(|su| renglon_de.get(sala).is_some_and(|mio| su < mio));
            assert!(!arriba, "{fuente} conoce a {nombrada}, que en el mapa está más arriba");
        }
    }
    assert_eq!(salas, renglon_de.into_keys().collect());
}
