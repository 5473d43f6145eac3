//! Pedir memoria sin que su falta haga caer al programa: `Vec` y `String` abortan, y esto es una biblioteca ajena en casa ajena.

use std::fmt::{self, Write};

use crate::error::{Error, Resultado};

/// Junta lo que da un iterador, o dice que no hay memoria.
pub(crate) fn juntar<T>(elementos: impl Iterator<Item = T>) -> Resultado<Vec<T>> {
    let mut juntos = Vec::new();
    juntos.try_reserve(elementos.size_hint().0).map_err(|_| sin_memoria::<T>(elementos.size_hint().0))?;
    for elemento in elementos {
        juntos.try_reserve(1).map_err(|_| sin_memoria::<T>(1))?;
        juntos.push(elemento);
    }
    Ok(juntos)
}

fn sin_memoria<T>(cuantos: usize) -> Error {
    Error::SinMemoria { bytes: cuantos.saturating_mul(size_of::<T>()) }
}

/// Una copia de `texto`, o lo que entre de él: es para contar un error, y uno cortado es mejor que ninguno.
pub(crate) fn copiar(texto: &str) -> String {
    escribir(format_args!("{texto}"))
}

/// Como `format!`, con la misma salvedad que [`copiar`].
pub(crate) fn escribir(que: fmt::Arguments<'_>) -> String {
    let mut texto = Texto(String::new());
    let _ = texto.write_fmt(que);
    texto.0
}

/// [`escribir`], con la forma de `format!`.
macro_rules! texto {
    ($($partes:tt)*) => { $crate::memoria::escribir(format_args!($($partes)*)) };
}
pub(crate) use texto;

struct Texto(String);

impl Write for Texto {
    fn write_str(&mut self, parte: &str) -> fmt::Result {
        self.0.try_reserve(parte.len()).map_err(|_| fmt::Error)?;
        self.0.push_str(parte);
        Ok(())
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn junta_y_escribe_como_los_de_std() {
        assert_eq!(juntar([1, 2, 3].into_iter()).unwrap(), [1, 2, 3]);
        assert_eq!(escribir(format_args!("{}-{:?}", 1, "a")), "1-\"a\"");
        assert_eq!(copiar("hola"), "hola");
    }

    #[test]
    fn lo_que_no_entra_en_memoria_es_un_error() {
        let error = juntar(std::iter::repeat_n(0u64, usize::MAX)).unwrap_err();
        assert!(matches!(error, Error::SinMemoria { .. }));
    }
}
