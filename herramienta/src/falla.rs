//! Por qué la herramienta no pudo trabajar: un renglón, en castellano.

use std::fmt;

/// Algo que no es culpa del programa que se prueba: se cuenta en un renglón y se termina con 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Falla(String);

impl Falla {
    /// Con su texto, que se aplana: nunca es más de un renglón.
    pub(crate) fn nueva(texto: impl Into<String>) -> Self {
        let texto: String = texto.into();
        Self(texto.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// La de una llamada al sistema: qué se quería hacer, y la causa.
    pub(crate) fn del_sistema(que: impl fmt::Display, causa: impl Into<std::io::Error>) -> Self {
        Self::nueva(format!("{que}: {}.", en_castellano(&causa.into())))
    }
}

impl fmt::Display for Falla {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Falla {}

/// Lo que se pudo hacer, o por qué no.
pub(crate) type Resultado<T> = Result<T, Falla>;

/// La causa de un error del sistema. Los que más se ven tienen texto propio; los demás, el del sistema.
pub(crate) fn en_castellano(causa: &std::io::Error) -> String {
    let texto = match causa.raw_os_error() {
        Some(libc::ENOENT) => "no existe",
        Some(libc::EACCES) => "no hay permiso",
        Some(libc::EPERM) => "el sistema no lo permite",
        Some(libc::ENOTDIR) => "parte del camino no es una carpeta",
        Some(libc::EISDIR) => "es una carpeta",
        Some(libc::ENOEXEC) => "no es un programa que este sistema sepa ejecutar",
        Some(libc::ENOSPC) => "el disco está lleno",
        Some(libc::EROFS) => "el disco es de sólo lectura",
        Some(libc::ECONNREFUSED) => "nadie escucha ahí",
        Some(libc::ECONNRESET) => "el otro lado cortó la conexión (RST)",
        Some(libc::EPIPE) => "el otro lado ya se había ido",
        Some(libc::ETIMEDOUT) => "no contestó a tiempo",
        Some(libc::EHOSTUNREACH | libc::ENETUNREACH) => "no hay camino hasta esa dirección",
        Some(libc::EADDRINUSE) => "el puerto está en uso",
        Some(libc::EADDRNOTAVAIL) => "esa dirección no es de esta máquina",
        Some(libc::EMFILE | libc::ENFILE) => "no quedan descriptores",
        Some(libc::EBADF) => "ese descriptor no está abierto",
        Some(libc::ENOTSOCK) => "ese descriptor no es un socket",
        Some(libc::ENOTCONN) => "no está conectado",
        Some(libc::EINVAL) => "el sistema no acepta ese pedido",
        Some(libc::EFAULT) => "esa dirección de memoria no es del programa",
        Some(libc::ENOMEM) => "no hay memoria",
        Some(libc::EAGAIN) => "no hay recursos por ahora",
        _ => return causa.to_string(),
    };
    texto.to_owned()
}
