//! Lo que la biblioteca deja hacer desde varios hilos, mirado por helgrind y por memcheck: ni una carrera ni un byte perdido,
//! y sin pedirle a valgrind que calle nada. Es lo que ve quien corre su TP con las herramientas que enseña el curso.

use crate::comun::{Proceso, Salida, compilar, enlace_tp0, exigir, orden, orden_valgrind, raiz, valgrind};

use std::path::{Path, PathBuf};
use std::time::Duration;

/// De sobra: la pasada más lenta tarda unos segundos.
const PLAZO: Duration = Duration::from_secs(90);

/// Cuántas veces lo mira helgrind: qué hilo llega primero cambia de una a otra, y con eso lo que se ve.
const PASADAS: usize = 2;

fn compilar_carreras(nombre: &str, definiciones: &[&str]) -> PathBuf {
    let mut args = vec![format!("-I{}", raiz().join("include").display())];
    args.extend(definiciones.iter().map(|definicion| format!("-D{definicion}")));
    args.extend(enlace_tp0());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    compilar(nombre, &["muchos_carreras.c"], &args)
}

/// Corre el programa bajo helgrind, sin lo que digan el entorno o los archivos de configuración del usuario.
fn con_helgrind(programa: &Path, mas: &[&str]) -> Salida {
    let mut comando = valgrind();
    comando.env_remove("VALGRIND_OPTS");
    comando.args(["--command-line-only=yes", "--tool=helgrind", "--error-exitcode=9", "-s"]).args(mas).arg(programa);
    Proceso::lanzar(comando).terminar(PLAZO)
}

/// Las supresiones que se usaron. valgrind trae las suyas para el interior de glibc, que salta hasta con un programa de diez líneas
/// sin ninguna biblioteca; ninguna otra puede aparecer.
fn supresiones_ajenas(salida: &Salida) -> Vec<&str> {
    let usadas = salida.stderr.lines().filter(|linea| linea.contains("used_suppression:"));
    usadas.filter(|linea| !(linea.contains(" helgrind-") && linea.contains("/default.supp:"))).collect()
}

#[track_caller]
fn exigir_sin_carreras(salida: &Salida) {
    salida.exigir_exito("helgrind no tenía que ver ninguna carrera; el programa");
    assert!(salida.stderr.contains("ERROR SUMMARY: 0 errors from 0 contexts"), "{salida}");
    assert_eq!(salida.stdout, "todo bien\n", "{salida}");
    let ajenas = supresiones_ajenas(salida);
    assert!(ajenas.is_empty(), "se calló algo que no es de glibc: {ajenas:?}\n{salida}");
}

#[test]
fn helgrind_no_ve_ninguna_carrera() {
    if !exigir("valgrind") || !exigir("gcc") {
        return;
    }
    let programa = compilar_carreras("carreras", &[]);
    for _ in 0..PASADAS {
        exigir_sin_carreras(&con_helgrind(&programa, &[]));
    }
    // Con los hilos turnándose parejo salen otros órdenes.
    exigir_sin_carreras(&con_helgrind(&programa, &["--fair-sched=try"]));
}

#[test]
fn y_si_hubiera_una_la_veria() {
    if !exigir("valgrind") || !exigir("gcc") {
        return;
    }
    let salida = con_helgrind(&compilar_carreras("con_carrera", &["CON_CARRERA"]), &[]);
    assert_eq!(salida.codigo, Some(9), "la carrera puesta a propósito tenía que verse:\n{salida}");
    assert!(salida.stderr.contains("Possible data race"), "{salida}");
    assert!(salida.stderr.contains("muchos_carreras.c"), "{salida}");
    assert_eq!(salida.stdout, "todo bien\n", "la carrera es sólo de un contador: lo demás anda igual\n{salida}");
}

#[test]
fn memcheck_no_ve_ni_un_error_ni_un_byte_perdido() {
    if !exigir("valgrind") || !exigir("gcc") {
        return;
    }
    let salida = Proceso::lanzar(orden_valgrind(compilar_carreras("memoria", &[]), &[])).terminar(PLAZO);
    salida.exigir_exito("memcheck no tenía que ver ningún error; el programa");
    assert_eq!(salida.stdout, "todo bien\n", "{salida}");
    assert_eq!(salida.stderr, "", "ni una línea: la biblioteca no tiene de qué avisar\n{salida}");
}

#[test]
fn sin_valgrind_anda_siempre() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_carreras("carreras_solo", &[]);
    for _ in 0..5 {
        let salida = Proceso::lanzar(orden(&programa)).terminar(PLAZO);
        salida.exigir_exito("el programa");
        assert_eq!(salida.stdout, "todo bien\n", "{salida}");
        assert_eq!(salida.stderr, "", "{salida}");
    }
}
