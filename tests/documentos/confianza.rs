//! La tabla de confianza la escribe `tests/confianza.sh`: dice lo que falta, escribe en docs/confianza.md, y termina mal si algo terminó
//! mal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::comun::{raiz, ruta_nueva};

const DOCUMENTO: &str = "docs/confianza.md";

/// Una carpeta con lo que el script usa: él mismo, y el documento.
fn repositorio() -> PathBuf {
    let carpeta = ruta_nueva("repositorio");
    for archivo in ["tests/confianza.sh", DOCUMENTO] {
        fs::create_dir_all(carpeta.join(archivo).parent().unwrap()).unwrap();
        fs::copy(raiz().join(archivo), carpeta.join(archivo)).unwrap();
    }
    carpeta
}

/// Una carpeta con esas filas.
fn filas(filas: &[(&str, &str)]) -> PathBuf {
    let carpeta = ruta_nueva("filas");
    fs::create_dir_all(&carpeta).unwrap();
    for (clave, fila) in filas {
        fs::write(carpeta.join(format!("{clave}.tsv")), format!("{clave}\t{fila}\n")).unwrap();
    }
    carpeta
}

/// Si terminó bien, y lo que dijo por cada salida.
fn correr(repositorio: &Path, filas: &Path, args: &[&str]) -> (bool, String, String) {
    let mut script = Command::new(repositorio.join("tests/confianza.sh"));
    let salida = script.args(args).env("CONFIANZA_DIR", filas).output().unwrap();
    let texto = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (salida.status.success(), texto(&salida.stdout), texto(&salida.stderr))
}

fn entre_las_marcas(archivo: &Path) -> String {
    let texto = fs::read_to_string(archivo).unwrap();
    let (_, resto) = texto.split_once("<!-- confianza -->\n").expect("la primera marca");
    resto.split_once("<!-- /confianza -->\n").expect("la segunda marca").0.to_owned()
}

const BUENAS: [(&str, &str); 2] = [("falla_cierra", "1234567\t1234567\ten 1,5 ms"), ("abi", "66\t66\tsesenta y seis")];

#[test]
fn escribe_la_tabla_y_nada_mas() {
    let (repositorio, filas) = (repositorio(), filas(&BUENAS));
    for _ in 0..2 {
        let (bien, _, queja) = correr(&repositorio, &filas, &[]);
        assert!(bien, "{queja}");
    }
    let tabla = entre_las_marcas(&repositorio.join(DOCUMENTO));
    for buscada in ["| 1.234.567 fases | en 1,5 ms |", "| 66 nombres | sesenta y seis |", "| Miri | no se corrió | |"]
    {
        assert!(tabla.contains(buscada), "no dice {buscada:?}:\n{tabla}");
    }
    assert_eq!(tabla.lines().filter(|linea| linea.starts_with("| ")).count(), 2 + 33, "{tabla}");
    let [antes, despues] = [raiz(), repositorio].map(|donde| {
        let documento = donde.join(DOCUMENTO);
        fs::read_to_string(&documento).unwrap().replace(&entre_las_marcas(&documento), "")
    });
    assert!(antes == despues, "cambió algo fuera de la tabla");
}

#[test]
fn mostrarla_no_escribe_nada() {
    let (repositorio, filas) = (repositorio(), filas(&BUENAS));
    let (bien, tabla, _) = correr(&repositorio, &filas, &["--mostrar"]);
    assert!(
        bien && tabla.contains("| 66 nombres | sesenta y seis |") && tabla.contains("| no se corrió | |"),
        "{tabla}"
    );
    assert_eq!(fs::read(raiz().join(DOCUMENTO)).unwrap(), fs::read(repositorio.join(DOCUMENTO)).unwrap());
}

#[test]
fn termina_mal_si_algo_no_cierra() {
    for (clave, fila, queja) in [
        ("abi", "66\t65\t", "abi: de 66 casos terminaron bien 65"),
        ("abi", "0\t0\t", "abi: de 0 casos terminaron bien 0"),
        ("abi", "66\t66", "abi: renglón mal escrito"),
        ("inventada", "1\t1\t", "inventada: la tabla no tiene esa fila"),
    ] {
        let (bien, tabla, dicho) = correr(&repositorio(), &filas(&[(clave, fila)]), &["--mostrar"]);
        assert!(!bien && dicho.contains(queja), "tenía que decir {queja:?}: {dicho}");
        assert!(tabla.contains("| no se corrió | |"), "la tabla se muestra igual: {tabla}");
    }
}

#[test]
fn lo_que_termino_mal_se_ve_en_la_tabla() {
    let (_, tabla, _) = correr(&repositorio(), &filas(&[("abi", "66\t65\tcosas")]), &["--mostrar"]);
    assert!(tabla.contains("| 66 nombres | **bien, sólo 65** cosas |"), "{tabla}");
}

#[test]
fn sin_marcas_no_toca_el_documento() {
    let repositorio = repositorio();
    let documento = repositorio.join(DOCUMENTO);
    let sin = fs::read_to_string(&documento).unwrap().replace("<!-- /confianza -->\n", "");
    fs::write(&documento, &sin).unwrap();
    let (bien, _, queja) = correr(&repositorio, &filas(&BUENAS), &[]);
    assert!(!bien && queja.contains("docs/confianza.md no tiene las marcas"), "{queja}");
    assert_eq!(fs::read_to_string(&documento).unwrap(), sin);
}
