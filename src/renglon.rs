//! Un renglón que se arma sin pedir memoria.

use std::fmt::{self, Write};

use crate::invariante::invariante;

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
        invariante!(std::str::from_utf8(self.bytes()).ok())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        invariante!(self.bytes.get(..self.largo))
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
        letra.encode_utf8(invariante!(self.bytes.get_mut(self.largo..hasta)));
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
}
