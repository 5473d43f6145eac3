//! Compilar, enlazar, cargar e instalar: los textos son los de gcc, el enlazador, el loader y make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::comun::{
    PLAZO, dir_biblioteca, dir_c, ejecutar, enlace_commons, es_root, exigir, lanzar_servidor, orden, raiz, red_propia,
    ruta_nueva, saltear,
};
use crate::guia::texto;
use crate::hostil::{Par, mensaje};

/// Un cliente de un renglón.
const CLIENTE: &str = "#include <tp0.h>\nint main(void) { return crear_conexion(\"127.0.0.1\", \"4444\") != -1; }\n";

fn fuente(nombre: &str, texto: &str) -> PathBuf {
    let camino = ruta_nueva(nombre).with_extension("c");
    fs::write(&camino, texto).unwrap();
    camino
}

/// gcc, en inglés, con esos argumentos: lo que produjo y lo que dijo.
fn gcc(argumentos: &[&str]) -> (PathBuf, Output) {
    let destino = ruta_nueva("programa");
    let mut gcc = orden("gcc");
    // Una biblioteca instalada en esta máquina no cuenta.
    gcc.env("LC_ALL", "C").env_remove("CPATH").env_remove("LIBRARY_PATH").arg("-o").arg(&destino).args(argumentos);
    let salida = gcc.output().unwrap();
    (destino, salida)
}

#[track_caller]
fn falla(argumentos: &[&str], esperado: &str) {
    let (_, salida) = gcc(argumentos);
    let dicho = String::from_utf8_lossy(&salida.stderr);
    assert!(!salida.status.success() && dicho.contains(esperado), "tenía que decir {esperado:?}: {dicho}");
}

fn incluir() -> String {
    format!("-I{}", raiz().join("include").display())
}

fn buscar() -> String {
    format!("-L{}", dir_biblioteca().display())
}

fn instalada_en_esta_maquina() -> bool {
    ["/usr/lib", "/usr/local/lib", "/lib"].iter().any(|carpeta| Path::new(carpeta).join("libtp0.so").exists())
        || Path::new("/usr/include/tp0.h").exists()
}

#[test]
fn el_loader_no_la_encuentra() {
    if !exigir("gcc") || instalada_en_esta_maquina() {
        return saltear("falta gcc, o libtp0 está instalada en esta máquina");
    }
    let archivo = fuente("server", CLIENTE);
    let (programa, salida) = gcc(&[archivo.to_str().unwrap(), &incluir(), &buscar(), "-ltp0"]);
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
    let salida = orden(&programa).env("LC_ALL", "C").output().unwrap();
    assert_eq!(salida.status.code(), Some(127));
    let esperado = texto("no-encuentra-libtp0so", "cannot open", &[("./bin/server", programa.to_str().unwrap())]);
    assert_eq!(String::from_utf8_lossy(&salida.stderr).trim_end(), esperado);
    // Y con la variable, anda.
    let mut bien = orden(&programa);
    ejecutar(bien.env("LD_LIBRARY_PATH", dir_biblioteca()).env("TP0_ESPERA_MS", "100"));
}

#[test]
fn el_enlazador_no_la_encuentra() {
    const SECCION: &str = "undefined-reference";
    if !exigir("gcc") || instalada_en_esta_maquina() {
        return saltear("falta gcc, o libtp0 está instalada en esta máquina");
    }
    let archivo = fuente("client", CLIENTE);
    let archivo = archivo.to_str().unwrap();
    let sin_definir = texto(SECCION, "undefined", &[]);
    falla(&[archivo, &incluir()], &sin_definir);
    // La biblioteca antes del .c, con el --as-needed que Ubuntu trae puesto.
    falla(&["-Wl,--as-needed", &incluir(), &buscar(), "-ltp0", archivo], &sin_definir);
    falla(&[archivo, &incluir(), "-ltp0"], &texto(SECCION, "cannot find", &[]));

    // Después del .c, en cualquier orden con las otras.
    let commons = enlace_commons();
    let commons: Vec<&str> = commons.iter().map(String::as_str).collect();
    let (incluir, buscar) = (incluir(), buscar());
    let tp0 = [buscar.as_str(), "-ltp0"];
    let otras = ["-lpthread", "-lm"];
    for orden_de_enlace in [[&tp0[..], &commons, &otras], [&commons, &otras, &tp0], [&otras, &commons, &tp0]] {
        let argumentos = [&["-Wl,--as-needed", archivo, &incluir][..], &orden_de_enlace.concat()].concat();
        let (_, salida) = gcc(&argumentos);
        assert!(salida.status.success(), "{argumentos:?}: {}", String::from_utf8_lossy(&salida.stderr));
    }
}

#[test]
fn gcc_no_encuentra_el_header() {
    if !exigir("gcc") || instalada_en_esta_maquina() {
        return saltear("falta gcc, o libtp0 está instalada en esta máquina");
    }
    let archivo = fuente("client", CLIENTE);
    falla(&["-c", archivo.to_str().unwrap()], &texto("no-encuentra-tp0h", "tp0.h", &[]));
    let (_, salida) = gcc(&["-c", archivo.to_str().unwrap(), "-Wall", "-Wextra", "-Werror", &incluir()]);
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
}

/// tp0.h además del header que el programa ya tenía.
#[test]
fn los_dos_headers_a_la_vez() {
    const SECCION: &str = "utilsh-y-tp0h-juntos";
    if !exigir("gcc") {
        return;
    }
    let archivo = fuente("dos", "#include \"utils.h\"\n#include <tp0.h>\n");
    let sus_headers = format!("-I{}", dir_c().display());
    let argumentos = ["-c", archivo.to_str().unwrap(), &incluir(), &sus_headers];
    falla(&argumentos, &texto(SECCION, "redeclaration of enumerator", &[]));
    falla(&argumentos, &texto(SECCION, "'t_buffer'", &[]));

    // Con un op_code propio, alcanza con avisarlo.
    let propio = "typedef enum { MENSAJE, PAQUETE, OTRO } op_code;\n#include <tp0.h>\n";
    let archivo = fuente("propio", propio);
    falla(&["-c", archivo.to_str().unwrap(), &incluir()], &texto(SECCION, "redeclaration of enumerator", &[]));
    let (_, salida) = gcc(&["-c", archivo.to_str().unwrap(), &incluir(), "-DTP0_SIN_OP_CODE", "-Wall", "-Werror"]);
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
}

/// `make install` en la raíz, sin red, con lo que se le pida.
fn hacer(objetivo: &str, variables: &[String]) -> Output {
    // Un espacio de nombres nuevo no tiene ni una interfaz levantada.
    let mut make = orden("unshare");
    make.args(["-n", "make", "-C"]).arg(raiz()).arg(objetivo).args(variables);
    make.env("LC_ALL", "C").output().unwrap()
}

/// Como un usuario cualquiera, desde una carpeta que pueda leer: el repositorio puede estar en la privada de root.
fn instalar_sin_permiso(instalable: &Path) -> Output {
    let carpeta = std::env::temp_dir().join(format!("tp0-instalar-{}", std::process::id()));
    fs::create_dir_all(&carpeta).unwrap();
    let mut copiar = Command::new("cp");
    copiar.arg("-r").args(["include", "paquetes/instalar", "paquetes/tarball/makefile"]).current_dir(raiz());
    ejecutar(copiar.arg(&carpeta));
    ejecutar(Command::new("cp").arg("-r").arg(instalable).arg(carpeta.join("lib")));
    ejecutar(Command::new("chmod").args(["-R", "a+rX"]).arg(&carpeta));
    let mut make = orden(if es_root() { "setpriv" } else { "env" });
    make.args(if es_root() { &["--reuid=65534", "--regid=65534", "--clear-groups"][..] } else { &[] });
    make.args(["make", "-C"]).arg(&carpeta).args(["install", "PREFIX=/proc/tp0"]);
    let salida = make.env("LC_ALL", "C").output().unwrap();
    fs::remove_dir_all(&carpeta).unwrap();
    salida
}

#[test]
fn instalar_sin_red() {
    const SECCION: &str = "instalar";
    if !["make", "gcc", "nm", "objcopy"].iter().all(|herramienta| exigir(herramienta)) {
        return;
    }
    if !red_propia() {
        return;
    }
    let (vacia, construido) = (ruta_nueva("vacia"), ruta_nueva("construido"));
    let dicho = |salida: &Output| String::from_utf8_lossy(&salida.stderr).lines().next().unwrap_or_default().to_owned();
    fs::create_dir_all(&vacia).unwrap();
    let salida = hacer("install", &[format!("CONSTRUIDO={}", vacia.display())]);
    assert_eq!(dicho(&salida), texto(SECCION, "primero corré make", &[]));

    fs::create_dir_all(&construido).unwrap();
    for archivo in ["libtp0.so", "libtp0.a"] {
        std::os::unix::fs::symlink(dir_biblioteca().join(archivo), construido.join(archivo)).unwrap();
    }
    fs::write(construido.join("libtp0.estaticas"), "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc").unwrap();
    let instalable = construido.join("instalable");
    let construido = format!("CONSTRUIDO={}", construido.display());
    let salida = hacer("instalable", std::slice::from_ref(&construido));
    assert!(salida.status.success(), "{salida:?}");
    assert_eq!(
        dicho(&instalar_sin_permiso(&instalable)),
        texto(SECCION, "No puedo escribir", &[("/usr/lib/pkgconfig", "/proc")])
    );
    let destino = ruta_nueva("destino");
    let salida = hacer("install", &[construido, format!("DESTDIR={}", destino.display())]);
    assert!(salida.status.success(), "{salida:?}");
    assert!(
        destino.join("usr/include/tp0.h").exists() && destino.join("usr/lib").join(crate::comun::soname()).exists()
    );
}

/// El logger que nadie creó no rompe nada; y los dos errores de quien declara otro.
#[test]
fn el_logger() {
    const SECCION: &str = "el-logger";
    if !exigir("gcc") {
        return;
    }
    let (servidor, puerto) = lanzar_servidor(super::orden_de("dolores_servidor", &["sin_logger"]));
    let par = Par::saludo(puerto);
    par.espera(&[0; 4]);
    par.mandar(&mensaje("hola"));
    drop(par);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor sin logger");
    assert_eq!(salida.stdout, "Me llego el mensaje hola\ntermine\n");

    let propio = "#include <tp0.h>\nvoid *logger;\nint main(void) { return iniciar_servidor() == -1; }\n";
    let archivo = fuente("propio", propio);
    falla(&["-c", archivo.to_str().unwrap(), &incluir()], &texto(SECCION, "conflicting", &[]));
    let (_, salida) = gcc(&["-c", "-DTP0_SIN_LOGGER", archivo.to_str().unwrap(), &incluir()]);
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));

    // El `t_log *logger;` de un .h que incluyen dos .c.
    let en_el_header = "#include <commons/log.h>\nt_log *logger;\n";
    let [uno, otro] = ["int main(void) { return 0; }", "void nada(void) {}"]
        .map(|resto| fuente("dos", &format!("{en_el_header}{resto}\n")));
    let commons = format!("-I{}", dir_c().display());
    falla(&[uno.to_str().unwrap(), otro.to_str().unwrap(), &commons], &texto(SECCION, "multiple definition", &[]));
}

/// No es de la biblioteca, pero lo encuentra quien usa sus listas.
#[test]
fn el_iterator_de_list_iterate() {
    if !exigir("gcc") {
        return;
    }
    let con = |llamada: &str| {
        let texto = format!(
            "#include <commons/collections/list.h>\nvoid iterator(char *texto);\nvoid mostrar(t_list *lista) {{ {llamada}; }}\n"
        );
        fuente("iterar", &texto)
    };
    let commons = format!("-I{}", dir_c().display());
    let mal = con("list_iterate(lista, iterator)");
    let esperado = texto("el-iterator-de-list_iterate", "passing", &[]);
    falla(&["-c", "-Wall", "-Werror", mal.to_str().unwrap(), &commons], &esperado);
    let bien = con("list_iterate(lista, (void *)iterator)");
    let (_, salida) = gcc(&["-c", "-Wall", "-Werror", bien.to_str().unwrap(), &commons]);
    assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
}
