//! Lo que se encuentra en un fuente.

use serde::Serialize;

/// Qué clase de cosa es, para quien lee el JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Clase {
    Prototipo,
    Devuelve,
    FinDeConversacion,
    Codigo,
    Hilo,
    Sizeof,
    Punteros,
    SinMirar,
    Waitall,
    Reuso,
}

/// Algo que importa, en un renglón de un archivo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Hallazgo {
    pub(super) archivo: String,
    pub(super) linea: usize,
    pub(super) clase: Clase,
    /// Qué hay escrito, y qué tiene.
    pub(super) que: String,
    /// Lo que pasa por eso.
    pub(super) pasa: String,
    /// Lo que hay que escribir.
    pub(super) en_su_lugar: String,
    /// Los demás lugares donde está lo mismo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tambien: Vec<String>,
}

/// Algo que no se pudo leer o entender.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct SinEntender {
    pub(super) archivo: String,
    /// 0: el archivo entero.
    pub(super) linea: usize,
    pub(super) que: String,
}
