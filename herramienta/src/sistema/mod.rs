//! Lo que hace falta del sistema: correr un programa sin que se escape, mirarlo desde afuera y darle una red para él solo.
//!
//! ```text
//! programa       una corrida: su terminal, su salida, cómo terminó
//! conexiones     a dónde se conecta
//! proc           lo que se ve de un proceso en /proc
//! aislar         redes y carpetas propias, donde el sistema las deja hacer
//! relevo         que el programa ocupe el lugar de la herramienta
//! guardian       quien termina todo si la herramienta se muere
//! ```

pub(crate) mod aislar;
mod conexiones;
pub(crate) mod guardian;
pub(crate) mod proc;
pub(crate) mod programa;
pub(crate) mod relevo;
