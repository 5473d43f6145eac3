//! El makefile de la raíz: `install` y `uninstall` con lo ya compilado, sin cargo ni red; y qué dice cuando falta algo.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::comun::{dir_biblioteca, ejecutar, exigir, orden, raiz, ruta_nueva};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Un programa que no sabe de libtp0 y define cosas con los nombres de las suyas.
const PROPIAS: &str = r#"
#include <stdio.h>
#include <tp0.h>
t_log *logger = NULL;
t_paquete *crear_paquete(void) { return (t_paquete *)0x2a; }
int main(void) {
    printf("%d %d\n", crear_paquete() == (t_paquete *)0x2a, iniciar_servidor() == -1 && tp0_error() != NULL);
    return 0;
}
"#;

fn texto(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `make` en la raíz, con el PATH dado y una carpeta personal vacía (en la de verdad puede estar `~/.cargo/bin`).
fn make(camino: &str, argumentos: &[&str]) -> Output {
    let casa = ruta_nueva("casa");
    fs::create_dir_all(&casa).unwrap();
    orden(herramienta("make"))
        .arg("-C")
        .arg(raiz())
        .args(argumentos)
        .env_clear()
        .env("PATH", camino)
        .env("HOME", casa)
        .output()
        .unwrap()
}

/// Dónde está un programa, según el PATH de verdad.
fn herramienta(nombre: &str) -> PathBuf {
    let camino = env::var_os("PATH").unwrap();
    env::split_paths(&camino)
        .map(|carpeta| carpeta.join(nombre))
        .find(|archivo| archivo.is_file())
        .unwrap_or_else(|| panic!("falta {nombre} en el PATH"))
}

/// Una carpeta para poner primera en el PATH, con un `cargo` y un `rustc` que dejan una marca si alguien los llama.
fn trampa() -> (String, PathBuf) {
    let carpeta = ruta_nueva("trampa");
    fs::create_dir_all(&carpeta).unwrap();
    let marca = carpeta.join("llamaron");
    for nombre in ["cargo", "rustc"] {
        guion(&carpeta.join(nombre), &format!("echo {nombre} \"$@\" >>'{}'\nexit 1", marca.display()));
    }
    (format!("{}:{}", carpeta.display(), env::var("PATH").unwrap()), marca)
}

fn guion(archivo: &Path, cuerpo: &str) {
    crate::comun::ejecutables::escribir_guion(archivo, &format!("#!/bin/sh\n{cuerpo}\n"));
}

/// Una carpeta como `target/release` después de `make`, con la biblioteca de esta compilación.
fn construido() -> PathBuf {
    let carpeta = ruta_nueva("construido");
    fs::create_dir_all(&carpeta).unwrap();
    for archivo in ["libtp0.so", "libtp0.a"] {
        symlink(dir_biblioteca().join(archivo), carpeta.join(archivo)).unwrap();
    }
    let estaticas = orden("make")
        .arg("-C")
        .arg(raiz())
        .args(["instalable", &format!("CONSTRUIDO={}", carpeta.display())])
        .output()
        .unwrap();
    assert!(estaticas.status.success(), "{}", texto(&estaticas.stderr));
    carpeta
}

/// Todos los archivos y enlaces de una carpeta, con caminos relativos a ella y ordenados.
fn archivos(carpeta: &Path) -> Vec<String> {
    let mut hallados = Vec::new();
    let mut pendientes = vec![carpeta.to_path_buf()];
    while let Some(actual) = pendientes.pop() {
        for entrada in fs::read_dir(&actual).into_iter().flatten().flatten() {
            if entrada.file_type().unwrap().is_dir() {
                pendientes.push(entrada.path());
            } else {
                hallados.push(entrada.path().strip_prefix(carpeta).unwrap().display().to_string());
            }
        }
    }
    hallados.sort();
    hallados
}

/// El SONAME con la regla de cargo-c.
fn soname() -> String {
    let partes: Vec<&str> = VERSION.split('.').collect();
    if partes[0] == "0" { format!("libtp0.so.0.{}", partes[1]) } else { format!("libtp0.so.{}", partes[0]) }
}

#[test]
fn instala_lo_compilado_sin_llamar_a_cargo_y_desinstala_exactamente_eso() {
    // Con un espacio en el camino: sin comillas, uninstall borraría otra cosa.
    let destino = ruta_nueva("destino con espacios");
    let (camino, marca) = trampa();
    let donde = [format!("CONSTRUIDO={}", construido().display()), format!("DESTDIR={}", destino.display())];
    let [construido, destdir] = &donde;

    let salida = make(&camino, &["install", construido, destdir]);
    let dicho = texto(&salida.stdout);
    assert!(salida.status.success(), "{dicho}{}", texto(&salida.stderr));
    assert!(dicho.contains("listo: agregá tp0 a LIBS"), "{dicho}");
    assert!(!marca.exists(), "install llamó a {}", fs::read_to_string(&marca).unwrap_or_default());

    let mut esperados = vec![
        "usr/include/tp0.h".to_owned(),
        "usr/lib/cmake/tp0/tp0Config.cmake".to_owned(),
        "usr/lib/cmake/tp0/tp0ConfigVersion.cmake".to_owned(),
        "usr/lib/libtp0.a".to_owned(),
        "usr/lib/libtp0.so".to_owned(),
        format!("usr/lib/{}", soname()),
        format!("usr/lib/libtp0.so.{VERSION}"),
        "usr/lib/pkgconfig/tp0.pc".to_owned(),
    ];
    for archivo in &esperados {
        assert!(dicho.contains(archivo.as_str()), "no dijo que instaló {archivo}:\n{dicho}");
    }
    // Las páginas del manual son muchas: dice cuántas.
    let paginas = archivos(&raiz().join("man"));
    assert!(dicho.contains(&format!("y {} páginas del manual", paginas.len())), "{dicho}");
    esperados.extend(paginas.iter().map(|pagina| format!("usr/share/man/{pagina}")));
    esperados.sort();
    assert_eq!(archivos(&destino), esperados);

    let lib = destino.join("usr/lib");
    let enlaces = [("libtp0.so".to_owned(), soname()), (soname(), format!("libtp0.so.{VERSION}"))];
    for (enlace, apunta) in enlaces {
        assert_eq!(fs::read_link(lib.join(&enlace)).unwrap(), PathBuf::from(apunta), "{enlace}");
    }
    let dinamico = ejecutar(Command::new("readelf").arg("-dW").arg(lib.join("libtp0.so")));
    assert!(dinamico.contains(&format!("Library soname: [{}]", soname())), "{dinamico}");

    fs::write(lib.join("ajena.so"), "no es nuestra").unwrap();
    let salida = make(&camino, &["uninstall", construido, destdir]);
    assert!(salida.status.success(), "{}", texto(&salida.stderr));
    assert_eq!(archivos(&destino), ["usr/lib/ajena.so"]);
    assert!(!marca.exists(), "uninstall llamó a {}", fs::read_to_string(&marca).unwrap_or_default());

    // Desinstalar lo que no está no es un error.
    assert!(make(&camino, &["uninstall", construido, destdir]).status.success());
}

#[test]
fn lo_instalado_sirve_con_pkg_config_y_deja_definir_lo_propio() {
    let prefijo = ruta_nueva("prefijo");
    let opciones = [format!("CONSTRUIDO={}", construido().display()), format!("PREFIX={}", prefijo.display())];
    let salida = make(&env::var("PATH").unwrap(), &["install", &opciones[0], &opciones[1]]);
    let dicho = texto(&salida.stdout);
    assert!(salida.status.success(), "{dicho}{}", texto(&salida.stderr));
    // No es donde gcc busca solo: tiene que decir cómo usarla.
    assert!(dicho.contains(&format!("LD_LIBRARY_PATH={}", prefijo.join("lib").display())), "{dicho}");

    // Todo lo que exporta la .so, logger incluido, es débil en la .a; y nada más: los de Rust no se tocan.
    let exportados = ejecutar(Command::new("nm").args(["-D", "--defined-only"]).arg(prefijo.join("lib/libtp0.so")));
    let exportados: Vec<&str> = exportados.lines().filter_map(|linea| linea.split_whitespace().last()).collect();
    assert!(exportados.contains(&"logger") && exportados.contains(&"recibir_paquete"), "{exportados:?}");
    let tabla = Command::new("readelf").arg("-sW").arg(prefijo.join("lib/libtp0.a")).output().unwrap();
    let tabla = texto(&tabla.stdout);
    for simbolo in &exportados {
        // Num, Value, Size, Type, Bind, Vis, Ndx, Name
        let definiciones: Vec<&str> = tabla
            .lines()
            .map(|linea| linea.split_whitespace().collect::<Vec<_>>())
            .filter(|campos| campos.len() == 8 && campos[7] == *simbolo && campos[6] != "UND")
            .map(|campos| campos[4])
            .collect();
        assert_eq!(definiciones, ["WEAK"], "{simbolo} en libtp0.a");
    }

    if !exigir("pkg-config") {
        return;
    }
    let fuente = ruta_nueva("propias").with_extension("c");
    fs::write(&fuente, PROPIAS).unwrap();
    let lib = prefijo.join("lib");
    let pkg_config = |mas: &[&str]| {
        let dicho =
            ejecutar(Command::new("pkg-config").args(mas).arg("tp0").env("PKG_CONFIG_PATH", lib.join("pkgconfig")));
        dicho.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(pkg_config(&["--modversion"]), [VERSION]);
    for estatica in [false, true] {
        let mut opciones =
            pkg_config(if estatica { &["--cflags", "--libs", "--static"] } else { &["--cflags", "--libs"] });
        if estatica {
            for opcion in opciones.iter_mut().filter(|opcion| *opcion == "-ltp0") {
                "-l:libtp0.a".clone_into(opcion);
            }
        }
        let programa = ruta_nueva("propias");
        ejecutar(Command::new("gcc").args(["-Wall", "-Werror", "-o"]).arg(&programa).arg(&fuente).args(&opciones));
        let dicho = ejecutar(
            orden(&programa)
                .env("LD_LIBRARY_PATH", if estatica { Path::new("/") } else { &lib })
                .env("TP0_PUERTO", "nada"),
        );
        assert_eq!(dicho, "1 1\n", "estática: {estatica}");
    }
}

/// Exige que falle con esa queja, en un solo renglón (el otro es el de make), y sin haber dejado nada.
fn exigir_queja(salida: &Output, queja: &str, destino: &Path) {
    let quejas = texto(&salida.stderr);
    assert!(!salida.status.success(), "no falló:\n{}", texto(&salida.stdout));
    let propias: Vec<&str> = quejas.lines().filter(|linea| !linea.starts_with("make")).collect();
    assert_eq!(propias.len(), 1, "{quejas}");
    assert!(propias[0].contains(queja), "tenía que decir «{queja}»: {quejas}");
    assert_eq!(archivos(destino), Vec::<String>::new(), "quedó algo a medio instalar");
}

#[test]
fn install_sin_compilar_dice_que_primero_make() {
    let (camino, marca) = trampa();
    let (vacia, destino) = (ruta_nueva("vacia"), ruta_nueva("destino"));
    fs::create_dir_all(&vacia).unwrap();
    let opciones = [format!("CONSTRUIDO={}", vacia.display()), format!("DESTDIR={}", destino.display())];
    exigir_queja(&make(&camino, &["install", &opciones[0], &opciones[1]]), "primero corré make", &destino);
    assert!(!marca.exists(), "install llamó a {}", fs::read_to_string(&marca).unwrap_or_default());
}

#[test]
fn install_donde_no_se_puede_escribir_lo_dice_y_no_deja_nada() {
    let construido = format!("CONSTRUIDO={}", construido().display());
    let camino = env::var("PATH").unwrap();

    // Un archivo donde tendría que haber una carpeta, y /proc: no se puede ni siendo root.
    let base = ruta_nueva("base");
    fs::create_dir_all(&base).unwrap();
    let archivo = base.join("archivo");
    fs::write(&archivo, "").unwrap();
    let salida = make(&camino, &["install", &construido, &format!("PREFIX={}", archivo.display())]);
    exigir_queja(&salida, "No puedo escribir en", &base.join("nada"));
    assert_eq!(archivos(&base), ["archivo"]);
    exigir_queja(
        &make(&camino, &["install", &construido, "PREFIX=/proc/tp0"]),
        "No puedo escribir en /proc",
        &base.join("nada"),
    );

    // Una carpeta sin permiso de escritura detiene a cualquiera menos a root.
    let cerrada = ruta_nueva("cerrada");
    fs::create_dir_all(cerrada.join("lib")).unwrap();
    fs::create_dir_all(cerrada.join("include")).unwrap();
    fs::set_permissions(cerrada.join("include"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(cerrada.join("include/sonda"), "").is_ok() {
        fs::remove_file(cerrada.join("include/sonda")).unwrap();
    } else {
        let salida = make(&camino, &["install", &construido, &format!("PREFIX={}", cerrada.display())]);
        exigir_queja(&salida, "include", &cerrada);
    }
    fs::set_permissions(cerrada.join("include"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn sin_cargo_o_con_uno_viejo_dice_como_conseguirlo() {
    // Un PATH con lo justo: en /usr/bin puede haber un cargo de verdad.
    let carpeta = ruta_nueva("justo");
    fs::create_dir_all(&carpeta).unwrap();
    for nombre in ["sh", "sed", "cut", "sort"] {
        symlink(herramienta(nombre), carpeta.join(nombre)).unwrap();
    }
    let camino = carpeta.to_str().unwrap();
    for objetivo in ["all", "debug", "demo", "test", "valgrind"] {
        let salida = make(camino, &[objetivo]);
        exigir_queja(&salida, "acá: ninguno", &carpeta.join("nada"));
        let quejas = texto(&salida.stderr);
        for pista in ["1.85", "apt install cargo", "https://rustup.rs"] {
            assert!(quejas.contains(pista), "{objetivo} no menciona {pista}: {quejas}");
        }
    }
    guion(&carpeta.join("cargo"), "echo cargo 1.75.0");
    exigir_queja(&make(camino, &["all"]), "acá: 1.75.0", &carpeta.join("nada"));
}
