//! Cada dolor de la tabla tiene su prueba y su sección en la guía, y los índices de la guía llevan a donde dicen.

use crate::guia::{GUIA, TABLA, secciones};
use crate::markdown::{ancla, leer};

/// Dónde están las pruebas.
const MODULOS: [&str; 6] = ["compilar", "conectar", "hablar", "levantar", "memoria", "trazar"];

/// Cuántos dolores se juntaron del foro.
const DOLORES: usize = 31;

/// Las columnas de las filas de las tablas de un texto que empiezan con `comienzo`, sin los títulos.
fn filas(texto: &str) -> Vec<Vec<String>> {
    texto
        .lines()
        .filter_map(|linea| linea.strip_prefix("| ")?.strip_suffix(" |"))
        .filter(|fila| !fila.starts_with("---"))
        .map(|fila| fila.split(" | ").map(|columna| columna.trim().to_owned()).collect())
        .collect()
}

/// Los `[nombre](destino)` de una celda.
fn enlaces(celda: &str) -> Vec<(String, String)> {
    let partes = celda.split('[').skip(1);
    let enlace = |parte: &str| {
        let (nombre, resto) = parte.split_once("](")?;
        Some((nombre.trim_matches('`').to_owned(), resto.split_once(')')?.0.to_owned()))
    };
    partes.filter_map(enlace).collect()
}

#[test]
fn cada_dolor_tiene_su_prueba_y_su_seccion() {
    let tabla = leer(TABLA);
    let filas: Vec<Vec<String>> = filas(&tabla).into_iter().filter(|fila| fila[0].parse::<usize>().is_ok()).collect();
    let numeros: Vec<usize> = filas.iter().map(|fila| fila[0].parse().unwrap()).collect();
    assert_eq!(numeros, (1..=DOLORES).collect::<Vec<_>>());
    let anclas: Vec<String> = secciones().into_iter().map(|seccion| seccion.ancla).collect();
    for fila in filas {
        let [numero, dolor, hilos, pruebas, seccion] = fila.as_slice() else { panic!("columnas de más: {fila:?}") };
        assert!(!dolor.is_empty());
        for (hilo, destino) in enlaces(hilos) {
            let foro = "https://github.com/sisoputnfrba/foro/issues/";
            assert_eq!(destino, format!("{foro}{}", hilo.trim_start_matches('#')), "dolor {numero}");
        }
        assert!(!enlaces(hilos).is_empty(), "dolor {numero}: ¿quién lo tuvo?");

        for (prueba, destino) in enlaces(pruebas) {
            let (archivo, funcion) = prueba.split_once("::").unwrap_or_else(|| panic!("dolor {numero}: {prueba}"));
            assert_eq!(destino, format!("../{archivo}"), "dolor {numero}");
            let texto = leer(archivo);
            // Sin #[ignore] ni nada en el medio.
            assert!(
                texto.contains(&format!("#[test]\nfn {funcion}() {{")),
                "dolor {numero}: {archivo} no tiene {funcion}"
            );
        }
        let de_otro = pruebas.starts_with("no es de la biblioteca: ");
        assert!(de_otro || !enlaces(pruebas).is_empty(), "dolor {numero}: no tiene prueba ni dice de quién es");

        let lleva = enlaces(seccion);
        assert_eq!(lleva.len(), 1, "dolor {numero}: una sección");
        let ancla = lleva[0].1.strip_prefix("por-que-no-anda.md#").unwrap_or_else(|| panic!("dolor {numero}"));
        assert!(anclas.iter().any(|una| una == ancla), "dolor {numero}: la guía no tiene {ancla}");
    }
}

/// Toda prueba de los dolores está en la tabla: si alguien agrega una, que se encuentre.
#[test]
fn cada_prueba_esta_en_la_tabla() {
    let tabla = leer(TABLA);
    let mut vistas = 0;
    for modulo in MODULOS {
        let archivo = format!("tests/documentos/dolores/{modulo}.rs");
        for resto in leer(&archivo).split("#[test]\nfn ").skip(1) {
            let nombre = resto.split('(').next().unwrap();
            assert!(tabla.contains(&format!("[`{archivo}::{nombre}`]")), "{TABLA} no nombra {archivo}::{nombre}");
            vistas += 1;
        }
    }
    assert!(vistas > 25, "{vistas}");
}

/// Cada renglón de los índices lleva a una sección que existe; el que es por texto, a una en la que ese texto está.
#[test]
fn los_indices_llevan_a_donde_dicen() {
    let guia = leer(GUIA);
    let secciones = secciones();
    let seccion = |ancla: &str| {
        secciones.iter().find(|una| una.ancla == ancla).unwrap_or_else(|| panic!("{GUIA} no tiene #{ancla}"))
    };
    let por_texto = &secciones.iter().find(|una| una.ancla == "por-lo-que-dice").unwrap().filas_de_su_tabla();
    assert!(por_texto.len() > 20, "{}", por_texto.len());
    for fila in por_texto {
        let lleva = enlaces(&fila[1]);
        let adonde = seccion(lleva[0].1.strip_prefix('#').unwrap());
        for dicho in fila[0].split('`').skip(1).step_by(2) {
            let esta = adonde.lineas.iter().any(|linea| linea.contains(dicho));
            assert!(esta, "«{dicho}» no está en #{}", adonde.ancla);
        }
    }
    // Y a cada sección de problemas la nombra algún índice.
    let con_indice: Vec<String> =
        guia.split("](#").skip(1).filter_map(|resto| resto.split(')').next()).map(str::to_owned).collect();
    for ancla in &con_indice {
        seccion(ancla);
    }
    let de_problemas = guia.lines().filter_map(|linea| linea.strip_prefix("### ")).map(ancla);
    for ancla in de_problemas {
        assert!(con_indice.contains(&ancla), "ningún índice lleva a #{ancla}");
    }
}

impl crate::guia::Seccion {
    /// Las filas de su tabla, sin los títulos.
    fn filas_de_su_tabla(&self) -> Vec<Vec<String>> {
        filas(&self.lineas.join("\n")).split_off(1)
    }
}

/// Lo escrito en la guía no es de adorno: cada renglón lo pide alguna prueba, por una parte suya, para compararlo con lo que salió.
#[test]
fn cada_texto_de_la_guia_lo_compara_una_prueba() {
    const COMILLA: &str = "\u{1}";
    let pruebas =
        MODULOS.map(|modulo| leer(&format!("tests/documentos/dolores/{modulo}.rs"))).concat().replace("\\\"", COMILLA);
    // Lo segundo de cada `texto(SECCION, "parte", ...)`.
    let pedida = |llamada: &str| {
        let parte = llamada.split_once(',')?.1.trim_start().strip_prefix('"')?.split_once('"')?.0;
        Some(parte.replace(COMILLA, "\""))
    };
    let pedidas: Vec<String> = pruebas.split("texto(").skip(1).filter_map(pedida).collect();
    let mut vistos = 0;
    for seccion in secciones().iter().filter(|seccion| seccion.ancla != "cómo-mirar") {
        for linea in seccion.en_bloques("text") {
            let comparado = pedidas.iter().any(|parte| linea.contains(parte.as_str()));
            assert!(comparado, "#{}: ninguna prueba compara {linea:?}", seccion.ancla);
            vistos += 1;
        }
    }
    assert!(vistos > 40, "{vistos}");
}
