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

/// Lo que se reserva con el primer valor: un paquete de pocos valores chicos no se agranda nunca.
const BYTES_DE_ENTRADA: usize = 256;

impl Default for Paquete {
    fn default() -> Self {
        Self::nuevo()
    }
}

impl Paquete {
    /// Un PAQUETE vacío.
    ///
    /// ```
    /// use tp0::{PAQUETE, Paquete};
    ///
    /// let paquete = Paquete::nuevo();
    /// assert_eq!((paquete.codigo(), paquete.payload()), (PAQUETE, [].as_slice()));
    /// ```
    #[must_use]
    pub fn nuevo() -> Self {
        Self { codigo: protocolo::PAQUETE, payload: Vec::new() }
    }

    /// Un paquete vacío con un código de operación propio. A quien lo reciba le llega como
    /// [`Recibido::Otro`](crate::Recibido::Otro), y [`Valores`] lo separa.
    ///
    /// ```
    /// use tp0::{Error, Paquete};
    ///
    /// const PEDIR_ARCHIVO: i32 = 12;
    /// let mut paquete = Paquete::con_codigo(PEDIR_ARCHIVO)?;
    /// paquete.agregar(b"/home/utnso/a.txt\0")?;
    /// assert_eq!(paquete.codigo(), 12);
    ///
    /// assert!(matches!(Paquete::con_codigo(-1), Err(Error::Argumento(_))), "-1 es la señal de fin");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si el código es negativo.
    pub fn con_codigo(codigo: i32) -> Resultado<Self> {
        Header::nuevo(codigo, 0, 0)?;
        Ok(Self { codigo, payload: Vec::new() })
    }

    /// Un paquete con un payload que ya está armado.
    pub(crate) fn armado(codigo: i32, payload: Vec<u8>) -> Self {
        Self { codigo, payload }
    }

    /// Agrega una copia de un valor al final, con su largo (4 bytes) adelante. Agregar n valores cuesta O(n).
    ///
    /// El `'\0'` de un texto no se agrega solo, y un programa en C sin libtp0 lo necesita: para eso está
    /// [`agregar_texto`](Self::agregar_texto).
    ///
    /// ```
    /// let mut paquete = tp0::Paquete::nuevo();
    /// paquete.agregar("hola")?.agregar(7_i32.to_le_bytes())?.agregar(vec![1, 2, 3])?;
    /// assert_eq!(paquete.payload().len(), (4 + 4) + (4 + 4) + (4 + 3));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::DemasiadoGrande`] si con él el payload no entra en un `int` (2147483647 bytes), y [`Error::SinMemoria`]; entonces el paquete queda
    /// como estaba. El límite de la conexión, que es menor, se mira al enviar.
    pub fn agregar(&mut self, valor: impl AsRef<[u8]>) -> Resultado<&mut Self> {
        self.agregar_partes(valor.as_ref(), b"")
    }

    /// Agrega un texto, con su `'\0'` al final: como lo espera un programa en C.
    ///
    /// ```
    /// let mut paquete = tp0::Paquete::nuevo();
    /// for texto in ["uno", "dos"] {
    ///     paquete.agregar_texto(texto)?;
    /// }
    /// assert!(paquete.valores().eq([b"uno\0", b"dos\0"]));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`agregar`](Self::agregar).
    pub fn agregar_texto(&mut self, texto: impl AsRef<str>) -> Resultado<&mut Self> {
        self.agregar_partes(texto.as_ref().as_bytes(), b"\0")
    }

    fn agregar_partes(&mut self, valor: &[u8], final_: &[u8]) -> Resultado<&mut Self> {
        let tamanio = valor.len().saturating_add(final_.len());
        let largo = largo_en_el_cable(self.payload.len(), tamanio)?;
        let hacen_falta = largo.len() + tamanio;
        let de_entrada = if self.payload.capacity() == 0 { BYTES_DE_ENTRADA } else { 0 };
        let sin_memoria = |_| Error::SinMemoria { bytes: hacen_falta };
        self.payload.try_reserve(hacen_falta.max(de_entrada)).map_err(sin_memoria)?;
        self.payload.extend_from_slice(&largo);
        self.payload.extend_from_slice(valor);
        self.payload.extend_from_slice(final_);
        Ok(self)
    }

    /// El código de operación.
    ///
    /// ```
    /// use tp0::{PAQUETE, Paquete};
    ///
    /// assert_eq!(Paquete::nuevo().codigo(), PAQUETE);
    /// assert_eq!(Paquete::con_codigo(40)?.codigo(), 40);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn codigo(&self) -> i32 {
        self.codigo
    }

    /// El payload, como va a viajar: sin el header.
    ///
    /// ```
    /// let mut paquete = tp0::Paquete::nuevo();
    /// paquete.agregar(b"ok")?;
    /// assert_eq!(paquete.payload(), [2, 0, 0, 0, b'o', b'k']);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Los valores agregados, en orden.
    ///
    /// ```
    /// let mut paquete = tp0::Paquete::nuevo();
    /// paquete.agregar(b"uno")?.agregar(b"")?.agregar(b"tres")?;
    /// let largos: Vec<usize> = paquete.valores().map(<[u8]>::len).collect();
    /// assert_eq!(largos, [3, 0, 4]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn valores(&self) -> impl Iterator<Item = &[u8]> {
        Valores::de(&self.payload).comprobados()
    }
}

/// Los 4 bytes del largo de un valor, si con él un payload de `hay` bytes sigue entrando en un `int`.
#[inline]
pub(crate) fn largo_en_el_cable(hay: usize, valor: usize) -> Resultado<[u8; protocolo::LARGO_DE_ENTERO]> {
    let tamanio = hay.saturating_add(protocolo::LARGO_DE_ENTERO).saturating_add(valor);
    match (i32::try_from(tamanio), i32::try_from(valor)) {
        (Ok(_), Ok(largo)) => Ok(largo.to_le_bytes()),
        _ => Err(no_entra_en_un_int(tamanio)),
    }
}

#[cold]
#[inline(never)]
fn no_entra_en_un_int(tamanio: usize) -> Error {
    Error::DemasiadoGrande { tamanio, limite: i32::MAX.unsigned_abs() }
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
