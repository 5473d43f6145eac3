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

/// Un texto de una sola línea que no pide memoria: lo que no entra en `N - 1` bytes se corta entre dos letras. Detrás hay siempre un `'\0'`.
#[derive(Debug)]
pub(crate) struct Renglon<const N: usize> {
    bytes: [u8; N],
    largo: usize,
}

impl<const N: usize> Renglon<N> {
    pub(crate) fn vacio() -> Self {
        Self { bytes: [0; N], largo: 0 }
    }

    pub(crate) fn texto(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.largo).unwrap_or_default()
    }

    /// Todo el lugar, con el `'\0'` detrás del texto.
    pub(crate) fn con_final(&self) -> [u8; N] {
        self.bytes
    }

    /// Agrega algo propio, que puede tener caracteres de control.
    pub(crate) fn agregar_tal_cual(&mut self, parte: &str) {
        for letra in parte.chars() {
            let _ = self.agregar_letra(letra);
        }
    }

    /// Agrega `parte` al final, aunque para eso haya que cortar lo que estaba.
    pub(crate) fn terminar_con(&mut self, parte: &str) {
        let mut entra = N.saturating_sub(parte.len() + 1).min(self.largo);
        while !self.texto().is_char_boundary(entra) {
            entra -= 1;
        }
        self.largo = entra;
        self.agregar_tal_cual(parte);
    }

    fn agregar_letra(&mut self, letra: char) -> fmt::Result {
        let hasta = self.largo + letra.len_utf8();
        if hasta >= N {
            return Err(fmt::Error);
        }
        if let Some(lugar) = self.bytes.get_mut(self.largo..hasta) {
            letra.encode_utf8(lugar);
        }
        self.largo = hasta;
        Ok(())
    }
}

impl<const N: usize> Write for Renglon<N> {
    fn write_str(&mut self, texto: &str) -> fmt::Result {
        texto.chars().map(|letra| if letra.is_control() { ' ' } else { letra }).try_for_each(|l| self.agregar_letra(l))
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
    fn un_renglon_es_uno_solo_y_se_corta_entre_letras() {
        let mut renglon = Renglon::<10>::vacio();
        assert!(write!(renglon, "a\nñññññ").is_err());
        assert_eq!(renglon.texto(), "a ñññ");
        assert_eq!(renglon.con_final().last(), Some(&0));
        renglon.terminar_con("\n");
        assert_eq!(renglon.texto(), "a ñññ\n");
        renglon.terminar_con("...\n");
        assert_eq!(renglon.texto(), "a ñ...\n");
    }

    #[test]
    fn lo_que_no_entra_en_memoria_es_un_error() {
        let error = juntar(std::iter::repeat_n(0u64, usize::MAX)).unwrap_err();
        assert!(matches!(error, Error::SinMemoria { .. }));
    }
}
