//! La tabla de confianza la escribe `tests/confianza.sh`: dice lo que falta, escribe en los dos README, y termina mal si algo no
//! sobrevivió.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "andamio de pruebas: fallar con un texto claro es su manera de avisar"
)]

mod comun;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use comun::{raiz, ruta_nueva};

/// Una carpeta con lo que el script usa: él mismo, y los README.
fn repositorio() -> PathBuf {
    let carpeta = ruta_nueva("repositorio");
    fs::create_dir_all(carpeta.join("tests")).unwrap();
    for archivo in ["tests/confianza.sh", "README.md", "README.en.md"] {
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

const BUENAS: [(&str, &str); 2] =
    [("falla_cierra", "1234567\t1234567\ten 1,5 ms\tin 1.5 ms"), ("abi", "66\t66\tsesenta y seis\tsixty-six")];

#[test]
fn escribe_la_tabla_en_los_dos_readme_y_nada_mas() {
    let (repositorio, filas) = (repositorio(), filas(&BUENAS));
    for _ in 0..2 {
        let (bien, _, queja) = correr(&repositorio, &filas, &[]);
        assert!(bien, "{queja}");
    }
    for (archivo, buscadas) in [
        (
            "README.md",
            ["| 1.234.567 | 1.234.567 | en 1,5 ms |", "| 66 | 66 | sesenta y seis |", "| no se corrió | | |"],
        ),
        ("README.en.md", ["| 1,234,567 | 1,234,567 | in 1.5 ms |", "| 66 | 66 | sixty-six |", "| not run | | |"]),
    ] {
        let tabla = entre_las_marcas(&repositorio.join(archivo));
        for buscada in buscadas {
            assert!(tabla.contains(buscada), "{archivo} no dice {buscada:?}:\n{tabla}");
        }
        assert_eq!(tabla.lines().filter(|linea| linea.starts_with("| ")).count(), 2 + 28, "{archivo}:\n{tabla}");
        let [antes, despues] = [raiz(), repositorio.clone()].map(|donde| {
            let tabla = entre_las_marcas(&donde.join(archivo));
            let marcada = format!("<!-- confianza -->\n{tabla}<!-- /confianza -->");
            fs::read_to_string(donde.join(archivo)).unwrap().replace(&marcada, "")
        });
        assert!(antes == despues, "{archivo}: cambió algo fuera de la tabla");
    }
}

#[test]
fn mostrarla_no_escribe_nada() {
    let (repositorio, filas) = (repositorio(), filas(&BUENAS));
    let (bien, tabla, _) = correr(&repositorio, &filas, &["--mostrar"]);
    assert!(
        bien && tabla.contains("| 66 | 66 | sesenta y seis |") && tabla.contains("| no se corrió | | |"),
        "{tabla}"
    );
    for archivo in ["README.md", "README.en.md"] {
        assert_eq!(fs::read(raiz().join(archivo)).unwrap(), fs::read(repositorio.join(archivo)).unwrap());
    }
}

#[test]
fn termina_mal_si_algo_no_cierra() {
    for (clave, fila, queja) in [
        ("abi", "66\t65\t\t", "abi: de 66 casos sobrevivieron 65"),
        ("abi", "0\t0\t\t", "abi: de 0 casos sobrevivieron 0"),
        ("abi", "66\t66", "abi: renglón mal escrito"),
        ("inventada", "1\t1\t\t", "inventada: la tabla no tiene esa fila"),
    ] {
        let (bien, tabla, dicho) = correr(&repositorio(), &filas(&[(clave, fila)]), &["--mostrar"]);
        assert!(!bien && dicho.contains(queja), "tenía que decir {queja:?}: {dicho}");
        assert!(tabla.contains("| no se corrió | | |"), "la tabla se muestra igual: {tabla}");
    }
}

#[test]
fn sin_marcas_no_toca_el_readme() {
    let repositorio = repositorio();
    let ingles = repositorio.join("README.en.md");
    let sin = fs::read_to_string(&ingles).unwrap().replace("<!-- /confianza -->\n", "");
    fs::write(&ingles, &sin).unwrap();
    let (bien, _, queja) = correr(&repositorio, &filas(&BUENAS), &[]);
    assert!(!bien && queja.contains("README.en.md no tiene las marcas"), "{queja}");
    assert_eq!(fs::read_to_string(&ingles).unwrap(), sin);
}
