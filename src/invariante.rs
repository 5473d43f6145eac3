//! Lo que no puede faltar, y qué pasa si falta.

use std::panic::Location;

/// Lo que no puede faltar. Si falta, el error es nuestro: sigue un panic, que el borde con C convierte en ENOTRECOVERABLE. Un valor plausible
/// en su lugar lo taparía.
macro_rules! invariante {
    ($valor:expr) => {
        match $valor {
            Some(valor) => valor,
            None => $crate::invariante::invariante_rota(stringify!($valor)),
        }
    };
}
pub(crate) use invariante;

#[track_caller]
#[expect(clippy::panic, reason = "es el único lugar: una invariante rota no tiene cómo seguir")]
pub(crate) fn invariante_rota(cual: &str) -> ! {
    panic!("en {} falta {cual}", Location::caller())
}

#[cfg(test)]
mod pruebas {
    #[test]
    fn una_invariante_rota_dice_donde_y_cual() {
        assert_eq!(invariante!([1].first()), &1);
        let vacio: [u8; 0] = [];
        let panico = std::panic::catch_unwind(|| *invariante!(vacio.first())).unwrap_err();
        let texto = panico.downcast_ref::<String>().unwrap();
        assert!(texto.contains("src/invariante.rs:") && texto.contains("vacio.first()"), "{texto}");
    }
}
