//! Lo que una prueba deja para ejecutar. Lo escribe otro proceso: si lo escribiera éste, lo que otra prueba lance justo ahora tendría, hasta su
//! exec, una copia del descriptor, y ejecutarlo daría ETXTBSY.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Copia un programa, con sus permisos.
#[track_caller]
pub fn copiar_programa(de: impl AsRef<Path>, a: impl AsRef<Path>) {
    let salida = Command::new("cp").arg("--").arg(de.as_ref()).arg(a.as_ref()).status().unwrap();
    assert!(salida.success(), "cp {} {}", de.as_ref().display(), a.as_ref().display());
}

/// Escribe un guion que se puede ejecutar.
#[track_caller]
pub fn escribir_guion(donde: impl AsRef<Path>, texto: &str) {
    let mut sh = Command::new("sh");
    sh.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(donde.as_ref()).stdin(Stdio::piped());
    let mut hijo = sh.spawn().unwrap();
    hijo.stdin.take().unwrap().write_all(texto.as_bytes()).unwrap();
    assert!(hijo.wait().unwrap().success(), "{}", donde.as_ref().display());
}
