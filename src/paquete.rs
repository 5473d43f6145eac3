//! Armar paquetes: valores uno detrás de otro, cada uno con su largo.

use crate::error::{Error, Resultado};
use crate::protocolo::{self, Header, Valores};

/// Un mensaje con valores, listo para enviar.
///
/// ```
/// use tp0::Paquete;
///
/// let mut paquete = Paquete::nuevo();
/// paquete.agregar(b"uno\0")?.agregar(b"")?;
/// assert_eq!(paquete.payload(), [4, 0, 0, 0, b'u', b'n', b'o', 0, 0, 0, 0, 0]);
/// assert_eq!(paquete.valores().collect::<Vec<_>>(), [b"uno\0".as_slice(), b""]);
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paquete {
    codigo: i32,
    payload: Vec<u8>,
}

impl Default for Paquete {
    fn default() -> Self {
        Self::nuevo()
    }
}

impl Paquete {
    /// Un PAQUETE vacío.
    pub fn nuevo() -> Self {
        Self { codigo: protocolo::PAQUETE, payload: Vec::new() }
    }

    /// Un paquete vacío con un código de operación propio.
    ///
    /// # Errors
    /// [`Error::Argumento`] si el código es negativo.
    pub fn con_codigo(codigo: i32) -> Resultado<Self> {
        Header::nuevo(codigo, 0, 0)?;
        Ok(Self { codigo, payload: Vec::new() })
    }

    /// Agrega un valor al final. Agregar n valores cuesta O(n).
    ///
    /// # Errors
    /// [`Error::DemasiadoGrande`] si no entra en un `int`, y entonces el paquete queda como estaba.
    pub fn agregar(&mut self, valor: &[u8]) -> Resultado<&mut Self> {
        let largo = largo_en_el_cable(self.payload.len(), valor.len())?;
        self.payload.extend_from_slice(&largo);
        self.payload.extend_from_slice(valor);
        Ok(self)
    }

    /// El código de operación.
    pub fn codigo(&self) -> i32 {
        self.codigo
    }

    /// El payload, como va a viajar.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Los valores agregados, en orden.
    pub fn valores(&self) -> impl Iterator<Item = &[u8]> {
        Valores::de(&self.payload).map_while(Result::ok)
    }
}

/// Los 4 bytes del largo de un valor, si con él un payload de `hay` bytes sigue entrando en un `int`.
pub(crate) fn largo_en_el_cable(hay: usize, valor: usize) -> Resultado<[u8; protocolo::LARGO_DE_ENTERO]> {
    let tamanio = hay.saturating_add(protocolo::LARGO_DE_ENTERO).saturating_add(valor);
    let limite = i32::MAX.unsigned_abs();
    match (i32::try_from(tamanio), i32::try_from(valor)) {
        (Ok(_), Ok(largo)) => Ok(largo.to_le_bytes()),
        _ => Err(Error::DemasiadoGrande { tamanio, limite }),
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lo_que_se_agrega_es_lo_que_hay(valores in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let mut paquete = Paquete::nuevo();
            for valor in &valores {
                paquete.agregar(valor).unwrap();
            }
            let leidos: Vec<Vec<u8>> = paquete.valores().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(leidos, valores);
        }
    }

    #[test]
    fn no_pasa_de_un_int() {
        let tope = usize::try_from(i32::MAX).unwrap();
        assert!(largo_en_el_cable(tope - 8, 4).is_ok());
        assert!(largo_en_el_cable(tope - 8, 5).is_err());
        assert!(largo_en_el_cable(usize::MAX, usize::MAX).is_err());
    }

    #[test]
    fn un_codigo_negativo_no_es_un_paquete() {
        assert!(matches!(Paquete::con_codigo(-1), Err(Error::Argumento(_))));
        assert_eq!(Paquete::con_codigo(7).unwrap().codigo(), 7);
    }
}
