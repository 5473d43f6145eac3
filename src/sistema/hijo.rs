//! Lo que hacen en el hijo de un fork las demás partes de esta sala.

use super::cerrojo::HijoConUnHilo;
use super::{descriptor, generacion, hilo, pedido};

/// En el hijo: pasa a otra generación, y cierra lo que no se hereda.
pub(crate) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    generacion::pasar_a_otra();
    hilo::despues_en_el_hijo(hijo);
    pedido::despues_en_el_hijo(hijo);
    descriptor::despues_en_el_hijo(hijo);
}
