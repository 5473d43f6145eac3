//! Lo que se muestra: con colores en una terminal, plano en un tubo o con NO_COLOR, y sin que un tubo que nadie lee sea un error.

use std::io::Write as _;
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};

/// Todo anduvo.
pub(crate) const BIEN: Style = AnsiColor::Green.on_default().bold();
/// Algo está mal en el programa que se prueba.
pub(crate) const MAL: Style = AnsiColor::Red.on_default().bold();
/// Ni bien ni mal.
pub(crate) const AVISO: Style = AnsiColor::Yellow.on_default();
/// Lo que se lee después de lo demás.
pub(crate) const TENUE: Style = Style::new().dimmed();
/// Un nombre, un título.
pub(crate) const FUERTE: Style = Style::new().bold();

/// `texto` con un estilo.
pub(crate) fn con(estilo: Style, texto: &str) -> String {
    format!("{estilo}{texto}{estilo:#}")
}

/// Lo que en XML tiene otro significado, escrito para que sea texto.
pub(crate) fn con_entidades(texto: &str) -> String {
    texto.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Por qué no se pudo mostrar algo, la primera vez.
static PERDIDO: OnceLock<std::io::Error> = OnceLock::new();

/// Un renglón a la salida. Si nadie la lee más (`| head`), se sigue sin ella.
pub(crate) fn decir(renglon: &str) {
    let mut salida = anstream::stdout().lock();
    if let Err(causa) = writeln!(salida, "{renglon}").and_then(|()| salida.flush()) {
        if causa.kind() != std::io::ErrorKind::BrokenPipe {
            let _ = PERDIDO.set(causa);
        }
    }
}

/// Si algo de lo que se tenía que mostrar no salió, y no porque no lo leyera nadie: un archivo en un disco lleno.
pub(crate) fn se_perdio() -> Option<&'static std::io::Error> {
    PERDIDO.get()
}

/// Un renglón a la salida de errores.
pub(crate) fn avisar(renglon: &str) {
    let mut salida = anstream::stderr().lock();
    let _ = writeln!(salida, "{renglon}").and_then(|()| salida.flush());
}
