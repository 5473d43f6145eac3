//! Lo que memcheck escribió de cada corrida de un caso, en un renglón por error.

use std::fs;
use std::path::Path;

/// Con qué empiezan los títulos de sus errores.
const TITULOS: [&str; 7] = [
    "Invalid ",
    "Conditional jump",
    "Use of uninitialised",
    "Syscall param",
    "Mismatched free",
    "Source and destination overlap",
    "Argument '",
];

/// Los errores de un caso, sin repetir: el título y el primer renglón del programa que lo hizo.
pub(crate) fn errores(carpeta: &Path, numero: &str) -> Vec<String> {
    let archivos = fs::read_dir(carpeta).into_iter().flatten().flatten();
    let suyos = archivos.filter(|archivo| archivo.file_name().to_string_lossy().starts_with(&format!("{numero}-")));
    let mut errores: Vec<String> = suyos
        .filter_map(|archivo| fs::read(archivo.path()).ok())
        .flat_map(|bytes| leer(&String::from_utf8_lossy(&bytes)))
        .collect();
    errores.sort();
    errores.dedup();
    errores
}

fn leer(texto: &str) -> Vec<String> {
    // ==PID== lo que dice
    let dicho = |renglon: &str| renglon.splitn(3, "==").nth(2).map_or(String::new(), |dicho| dicho.trim().to_owned());
    let renglones: Vec<String> = texto.lines().map(dicho).collect();
    let mut errores = Vec::new();
    for (indice, renglon) in renglones.iter().enumerate() {
        if TITULOS.iter().any(|titulo| renglon.starts_with(titulo)) {
            let pila = renglones.iter().skip(indice + 1).take_while(|marco| !marco.is_empty());
            // El primer marco con archivo y renglón es del programa; los de libc no los tienen.
            let donde = pila.filter_map(|marco| marco.rsplit_once('(')?.1.strip_suffix(')')).find(|donde| {
                donde
                    .rsplit_once(':')
                    .is_some_and(|(archivo, _)| archivo.ends_with(".c") && !archivo.starts_with("vg_"))
            });
            errores.push(donde.map_or_else(|| renglon.clone(), |donde| format!("{renglon} ({donde})")));
        }
    }
    errores
}

#[cfg(test)]
mod pruebas {
    #[test]
    fn el_titulo_y_el_renglon_del_programa() {
        let texto = "==7== Invalid read of size 8\n==7==    at 0x48: memcpy (vg_replace_strmem.c:1121)\n\
                     ==7==    by 0x10: recibir_paquete (utils.c:80)\n==7== \n";
        assert_eq!(super::leer(texto), ["Invalid read of size 8 (utils.c:80)"]);
    }
}
