//! `include/tp0.h`: está al día, compila sin una advertencia en cualquier C y en C++, y promete exactamente lo que los
//! programas ya compilados dan por sentado.

use crate::comun;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::comun::{dir_c, ejecutar, exigir, raiz, ruta_nueva};
use crate::hostil::header::{self, Prototipo};

const ADVERTENCIAS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// Cada lenguaje: el compilador y lo que hay que decirle.
const LENGUAJES: &[(&str, &[&str])] = &[
    ("gcc", &["-std=c11", "-Wstrict-prototypes"]),
    ("gcc", &["-std=gnu17", "-Wstrict-prototypes"]),
    ("gcc", &["-std=gnu2x", "-Wstrict-prototypes"]),
    ("g++", &["-std=c++17", "-x", "c++"]),
];

/// El C más viejo en el que el header tiene que servir: sin comentarios de C++, ni nada de C99.
const C89: (&str, &[&str]) = ("gcc", &["-std=c89", "-pedantic"]);

/// Con qué commons: las del sistema si están (casi nunca, fuera de la VM de la cátedra), o las de reemplazo.
fn commons() -> [Vec<String>; 2] {
    [vec![], vec![format!("-I{}", dir_c().display())]]
}

fn compilador(lenguaje: &(&str, &[&str]), commons: &[String]) -> Command {
    let mut orden = Command::new(lenguaje.0);
    orden.args(lenguaje.1).args(ADVERTENCIAS).arg("-I").arg(raiz().join("include")).args(commons);
    orden
}

#[test]
fn el_header_esta_al_dia() {
    let generado = fs::read_to_string(Path::new(env!("OUT_DIR")).join("tp0.h")).unwrap();
    let guardado = fs::read_to_string(raiz().join("include/tp0.h")).unwrap_or_default();
    let distinta = generado.lines().zip(guardado.lines()).position(|(nueva, vieja)| nueva != vieja);
    assert!(
        generado == guardado,
        "include/tp0.h no es el que se genera de src/abi (se distinguen desde la línea {}). Es un archivo generado: \
         cambiá los textos en src/abi y actualizalo con\n\n    TP0_ESCRIBIR_HEADER=1 cargo build\n",
        distinta.unwrap_or(generado.lines().count().min(guardado.lines().count())) + 1
    );
}

#[test]
fn compila_sin_una_advertencia() {
    for lenguaje in LENGUAJES {
        if !exigir(lenguaje.0) {
            continue;
        }
        for commons in commons() {
            for mas in [&[][..], &["-DDOS_VECES"], &["-O2"]] {
                ejecutar(
                    compilador(lenguaje, &commons).arg("-fsyntax-only").args(mas).arg(dir_c().join("hostil_header.c")),
                );
            }
        }
    }
}

/// El header es lo primero y lo único que el archivo incluye: no puede apoyarse en lo que otro haya incluido antes.
#[test]
fn se_basta_solo() {
    let vacio = ruta_nueva("solo").with_extension("c");
    fs::write(&vacio, "#include <tp0.h>\n").unwrap();
    for lenguaje in LENGUAJES.iter().chain([&C89]) {
        if !exigir(lenguaje.0) {
            continue;
        }
        for commons in commons() {
            for mas in [&[][..], &["-DTP0_SIN_LOGGER"]] {
                ejecutar(compilador(lenguaje, &commons).arg("-fsyntax-only").args(mas).arg(&vacio));
            }
        }
    }
}

/// Un programa de 32 bits: un error, uno solo, que dice qué pasa. Los encabezados de libc para 32 bits casi nunca están, y no hacen falta: sirven
/// los de 64 y un `stubs-32.h` vacío.
#[test]
fn con_32_bits_hay_un_solo_error_y_se_entiende() {
    if !exigir("gcc") {
        return;
    }
    let carpeta = ruta_nueva("de-32");
    fs::create_dir_all(carpeta.join("gnu")).unwrap();
    fs::write(carpeta.join("gnu/stubs-32.h"), "").unwrap();
    let fuente = carpeta.join("solo.c");
    fs::write(&fuente, "#include <tp0.h>\n").unwrap();
    let donde = ejecutar(Command::new("gcc").arg("-print-multiarch"));
    let compilar = |bits: &str| {
        let mut gcc = compilador(&LENGUAJES[0], &[]);
        gcc.args([bits, "-fsyntax-only", "-isystem"]).arg(&carpeta);
        gcc.arg("-isystem").arg(Path::new("/usr/include").join(donde.trim())).arg(&fuente);
        gcc.env("LC_ALL", "C").output().unwrap()
    };
    assert!(compilar("-m64").status.success());
    let salida = compilar("-m32");
    let dicho = String::from_utf8_lossy(&salida.stderr).into_owned();
    assert!(!salida.status.success(), "compiló con -m32");
    assert_eq!(dicho.matches("error: ").count(), 1, "{dicho}");
    assert!(dicho.contains("libtp0 es para programas de 64 bits, con punteros y size_t de 8 bytes"), "{dicho}");
}

#[test]
fn en_dos_unidades_enlaza_y_corre() {
    for (numero, lenguaje) in LENGUAJES.iter().enumerate() {
        if !exigir(lenguaje.0) {
            continue;
        }
        for (con_main, sin_main) in
            [("hostil_header.c", "hostil_header_otra.c"), ("hostil_header_otra.c", "hostil_header.c")]
        {
            let mut objetos = Vec::new();
            for (fuente, mas) in [(con_main, &[][..]), (sin_main, &["-DSIN_MAIN"])] {
                let objeto = ruta_nueva(&format!("{fuente}-{numero}")).with_extension("o");
                ejecutar(
                    compilador(lenguaje, &[]).args(mas).arg("-c").arg(dir_c().join(fuente)).arg("-o").arg(&objeto),
                );
                objetos.push(objeto);
            }
            let programa = ruta_nueva("dos-unidades");
            ejecutar(Command::new(lenguaje.0).args(&objetos).args(comun::enlace_tp0()).arg("-o").arg(&programa));
            ejecutar(&mut comun::orden(&programa));
        }
    }
}

#[test]
fn deja_lugar_al_logger_y_al_op_code_propios() {
    for lenguaje in LENGUAJES {
        if !exigir(lenguaje.0) {
            continue;
        }
        // En C++ una enumeración no se mezcla con otra: el programa con códigos propios es C, como todos los TP.
        if lenguaje.0 == "g++" {
            continue;
        }
        for commons in commons() {
            let programa = ruta_nueva("propio");
            ejecutar(
                compilador(lenguaje, &commons)
                    .arg(dir_c().join("hostil_header_propio.c"))
                    .args(comun::enlace_tp0())
                    .arg("-o")
                    .arg(&programa),
            );
            ejecutar(&mut comun::orden(&programa));
        }
    }
}

#[test]
fn la_version_es_la_del_crate() {
    let texto = header::leer();
    for (parte, valor) in [
        ("MAYOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MENOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PARCHE", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let macro_ = format!("#define TP0_VERSION_{parte} ");
        let dicho = texto.lines().find_map(|linea| linea.strip_prefix(&macro_)).map(str::trim);
        assert_eq!(dicho, Some(valor), "{macro_}");
    }
    assert!(texto.contains(&format!("#define TP0_VERSION \"{}\"", env!("CARGO_PKG_VERSION"))));
    // TP0_H_ es la guarda del utils.h de muchos grupos: no puede ser la nuestra.
    assert!(!texto.contains("#ifndef TP0_H_\n") && !texto.contains("#define TP0_H_\n"));
}

/// Se lee de arriba para abajo, en el orden en que se usan las cosas. (Ojo con rustfmt, que ordena los `mod` seguidos.)
#[test]
fn los_capitulos_van_en_orden() {
    let texto = header::leer();
    let numeros: Vec<u32> =
        texto.lines().filter_map(|linea| linea.strip_prefix(" *  ")?.split_once(". ")?.0.parse().ok()).collect();
    assert_eq!(numeros, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let nombres: Vec<String> = header::prototipos().into_iter().map(|prototipo| prototipo.nombre).collect();
    let lugar = |nombre: &str| nombres.iter().position(|otro| otro == nombre).unwrap();
    let usadas = [
        "iniciar_servidor",
        "esperar_cliente",
        "crear_conexion",
        "recibir_operacion",
        "enviar_mensaje",
        "tp0_error",
        "tp0_opciones_crear",
        "tp0_atender",
        "buffer_create",
    ];
    assert!(usadas.windows(2).all(|par| lugar(par[0]) < lugar(par[1])), "{nombres:?}");
}

/// Una macro pisa ese nombre en todo el programa que incluye el header: las nuestras llevan el prefijo.
#[test]
fn no_define_macros_con_nombres_ajenos() {
    let texto = header::leer();
    let ajenas: Vec<&str> = texto
        .lines()
        .filter_map(|linea| linea.trim_start().strip_prefix("#define "))
        .filter(|resto| !resto.starts_with("TP0_") && !resto.starts_with("LIBTP0_"))
        .collect();
    assert!(ajenas.is_empty(), "{ajenas:?}");
}

/// El header es el manual: cada función dice qué hace, qué es cada parámetro y qué devuelve.
#[test]
fn cada_funcion_esta_explicada() {
    let prototipos = header::prototipos();
    assert!(prototipos.len() >= 64, "se leyeron solo {} prototipos", prototipos.len());
    for Prototipo { nombre, parametros, devuelve, comentario } in &prototipos {
        assert!(comentario.contains("@brief"), "{nombre} no tiene @brief");
        for parametro in parametros {
            assert!(
                comentario.contains(&format!("@param {parametro} ")),
                "{nombre} no explica su parámetro {parametro} (@param {parametro})"
            );
        }
        assert_eq!(comentario.contains("@return"), devuelve != "void", "{nombre}: @return si y solo si devuelve algo");
    }
}
