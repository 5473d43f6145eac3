//! Una caja que puede no caber: la de std aborta.

use std::alloc::{Layout, alloc};

/// Un `Box` con `valor`, o el valor de vuelta si no hay memoria.
pub(crate) fn caja<T>(valor: T) -> Result<Box<T>, T> {
    let forma = Layout::new::<T>();
    if forma.size() == 0 {
        // No pide memoria.
        return Ok(Box::new(valor));
    }
    // SAFETY: la forma no mide 0.
    let lugar = unsafe { alloc(forma) }.cast::<T>();
    if lugar.is_null() {
        return Err(valor);
    }
    // SAFETY: el lugar es nuevo y tiene la forma de un T.
    unsafe { lugar.write(valor) };
    // SAFETY: se pidió como lo hace Box, con la forma de un T, y ya está escrito.
    Ok(unsafe { Box::from_raw(lugar) })
}
