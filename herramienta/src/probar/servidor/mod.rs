//! Los casos del servidor, agrupados por lo que se le hace. El orden de la tabla es el de sus números.

mod cortes;
mod mensajes;
mod mentiras;
mod muchos;
mod puerto;

use crate::probar::caso::Caso;

/// Todos, por número.
pub(crate) fn casos() -> Vec<&'static Caso> {
    let mut casos: Vec<&Caso> =
        [mensajes::CASOS, mentiras::CASOS, cortes::CASOS, puerto::CASOS, muchos::CASOS].into_iter().flatten().collect();
    casos.sort_by_key(|caso| caso.numero);
    casos
}
