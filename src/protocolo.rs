//! El formato en el cable, como funciones puras sobre bytes.
//!
//! Todos los enteros son de 4 bytes, complemento a dos, little-endian:
//!
//! ```text
//! mensaje   | código >= 0 | tamaño >= 0 | tamaño bytes de payload |
//! MENSAJE   payload = | el texto, con su '\0' |
//! PAQUETE   payload = | largo | largo bytes | largo | largo bytes | ...
//! ```
//!
//! Aquí no hay sockets ni `unsafe`: quien lea esto puede escribir otra implementación.

use crate::error::{BytesDeHeader, Error, Resultado};
use crate::invariante::invariante;
use crate::memoria::texto;

/// Código de operación de un texto.
///
/// ```
/// use tp0::{Header, MENSAJE, TAMANIO_MAXIMO};
///
/// // «hola» viaja como un MENSAJE de 5 bytes: sus letras y el '\0'.
/// let header = Header::nuevo(MENSAJE, "hola\0".len(), TAMANIO_MAXIMO)?;
/// assert_eq!(header.a_bytes(), [0, 0, 0, 0, 5, 0, 0, 0]);
/// # Ok::<(), tp0::Error>(())
/// ```
pub const MENSAJE: i32 = 0;
/// Código de operación de una lista de valores.
///
/// ```
/// assert_eq!(tp0::Paquete::nuevo().codigo(), tp0::PAQUETE);
/// ```
pub const PAQUETE: i32 = 1;
/// Lo que mide un header: código de operación y tamaño, en bytes.
///
/// ```
/// use tp0::{Header, LARGO_DE_HEADER};
///
/// let llego = [1, 0, 0, 0, 2, 0, 0, 0, b'o', b'k'];
/// let (header, payload) = llego.split_first_chunk::<LARGO_DE_HEADER>().unwrap();
/// assert_eq!(Header::de_bytes(*header, 100)?.tamanio(), 2);
/// assert_eq!(payload, b"ok");
/// # Ok::<(), tp0::Error>(())
/// ```
pub const LARGO_DE_HEADER: usize = 8;
/// El mayor payload, en bytes, si no se pide otro: 64 MiB.
///
/// ```
/// use tp0::{Opciones, TAMANIO_MAXIMO};
///
/// assert_eq!(TAMANIO_MAXIMO, 67_108_864);
/// assert_eq!(Opciones::nuevas(), Opciones::nuevas().tamanio_maximo(TAMANIO_MAXIMO)?);
/// # Ok::<(), tp0::Error>(())
/// ```
pub const TAMANIO_MAXIMO: u32 = 64 * 1024 * 1024;
/// Un tamaño del cable, para medir memoria.
pub(crate) fn en_memoria(tamanio: u32) -> usize {
    invariante!(usize::try_from(tamanio).ok())
}

/// Lo que mide un entero en el cable, en bytes.
pub(crate) const LARGO_DE_ENTERO: usize = 4;

/// El header de un mensaje: lo que viaja antes del payload.
///
/// ```
/// use tp0::Header;
///
/// let header = Header::nuevo(0, 5, tp0::TAMANIO_MAXIMO)?;
/// assert_eq!(header.a_bytes(), [0, 0, 0, 0, 5, 0, 0, 0]);
/// assert_eq!(Header::de_bytes(header.a_bytes(), tp0::TAMANIO_MAXIMO)?, header);
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    codigo: i32,
    tamanio: u32,
}

impl Header {
    /// El header de un payload de `tamanio` bytes, si no pasa de `limite`.
    ///
    /// ```
    /// use tp0::{Error, Header};
    ///
    /// assert_eq!(Header::nuevo(7, 10, 10)?.tamanio(), 10, "el límite es inclusivo");
    /// assert!(matches!(Header::nuevo(7, 11, 10), Err(Error::DemasiadoGrande { tamanio: 11, limite: 10, .. })));
    /// assert!(matches!(Header::nuevo(-7, 0, 10), Err(Error::Argumento(_))));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si el código es negativo; [`Error::DemasiadoGrande`] si el tamaño pasa de `limite`.
    #[inline]
    pub fn nuevo(codigo: i32, tamanio: usize, limite: u32) -> Resultado<Self> {
        match u32::try_from(tamanio) {
            Ok(tamanio) if codigo >= 0 && tamanio <= limite && i32::try_from(tamanio).is_ok() => {
                Ok(Self { codigo, tamanio })
            }
            _ => Err(Self::por_que_no(codigo, tamanio, limite)),
        }
    }

    #[cold]
    #[inline(never)]
    fn por_que_no(codigo: i32, tamanio: usize, limite: u32) -> Error {
        if codigo < 0 {
            return Error::Argumento(texto!(
                "El código de operación es {codigo} y no puede ser negativo: -1 es la señal de fin."
            ));
        }
        Error::DemasiadoGrande { tamanio, limite }
    }

    /// Lee un header, y dice si se le puede creer: con `limite` se decide antes de reservar memoria para el payload.
    ///
    /// ```
    /// use tp0::{Error, Header};
    ///
    /// let header = Header::de_bytes([7, 0, 0, 0, 0, 1, 0, 0], 1024)?;
    /// assert_eq!((header.codigo(), header.tamanio()), (7, 256));
    ///
    /// // Los mismos ocho bytes, de alguien que manda los enteros al revés (big-endian).
    /// let error = Header::de_bytes([0, 0, 0, 7, 0, 0, 1, 0], 1024).unwrap_err();
    /// assert!(matches!(error, Error::LlegaDemasiado { tamanio: 65536, limite: 1024, .. }));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::CodigoNegativo`], [`Error::TamanioNegativo`], o [`Error::LlegaDemasiado`] si el tamaño pasa de `limite`.
    pub fn de_bytes(bytes: [u8; LARGO_DE_HEADER], limite: u32) -> Resultado<Self> {
        let [a, b, c, d, e, f, g, h] = bytes;
        let codigo = leer_codigo([a, b, c, d])?;
        let leidos = BytesDeHeader { codigo: Some([a, b, c, d]), tamanio: [e, f, g, h] };
        Ok(Self { codigo, tamanio: leer_tamanio(leidos, limite)? })
    }

    /// Los ocho bytes que viajan.
    ///
    /// ```
    /// let header = tp0::Header::nuevo(3, 0x0102, 1024)?;
    /// assert_eq!(header.a_bytes(), [3, 0, 0, 0, 2, 1, 0, 0]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn a_bytes(self) -> [u8; LARGO_DE_HEADER] {
        // El primero queda en los bytes de menos peso, que son los que se escriben primero.
        let codigo = u32::from_ne_bytes(self.codigo.to_ne_bytes());
        (u64::from(codigo) | u64::from(self.tamanio) << 32).to_le_bytes()
    }

    /// El código de operación: nunca negativo.
    ///
    /// ```
    /// assert_eq!(tp0::Header::de_bytes([3, 0, 0, 0, 0, 0, 0, 0], 0)?.codigo(), 3);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn codigo(self) -> i32 {
        self.codigo
    }

    /// Bytes de payload que siguen.
    ///
    /// ```
    /// assert_eq!(tp0::Header::nuevo(3, 500, 1024)?.tamanio(), 500);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn tamanio(self) -> u32 {
        self.tamanio
    }
}

/// El código de operación que llegó en 4 bytes.
#[inline(always)]
pub(crate) fn leer_codigo(bytes: [u8; LARGO_DE_ENTERO]) -> Resultado<i32> {
    match i32::from_le_bytes(bytes) {
        codigo @ 0.. => Ok(codigo),
        codigo => Err(Error::CodigoNegativo { codigo }),
    }
}

/// El tamaño que llegó en 4 bytes, si se le puede creer.
#[inline(always)]
pub(crate) fn leer_tamanio(bytes: BytesDeHeader, limite: u32) -> Resultado<u32> {
    let tamanio = i32::from_le_bytes(bytes.tamanio);
    match u32::try_from(tamanio) {
        Err(_) => Err(Error::TamanioNegativo { tamanio, bytes }),
        Ok(tamanio) if tamanio > limite => Err(Error::LlegaDemasiado { tamanio, limite, bytes }),
        Ok(tamanio) => Ok(tamanio),
    }
}

/// El largo de un valor que llegó en 4 bytes, si entra en los `quedan` bytes que le siguen.
#[inline(always)]
pub(crate) fn leer_largo(bytes: [u8; LARGO_DE_ENTERO], quedan: usize) -> Resultado<usize> {
    let largo = i32::from_le_bytes(bytes);
    match usize::try_from(largo) {
        Ok(medida) if medida <= quedan => Ok(medida),
        _ => Err(Error::LargoMentiroso { largo, quedan }),
    }
}

/// Los valores del payload de un PAQUETE, prestados y en orden.
///
/// Si un largo no cierra con los bytes que quedan, el último elemento es el error: [`Error::LargoMentiroso`], o
/// [`Error::SobranBytes`] si no alcanzan ni para un largo.
///
/// ```
/// use tp0::Valores;
///
/// let payload = [2, 0, 0, 0, b'o', b'k', 0, 0, 0, 0];
/// let valores: Vec<&[u8]> = Valores::de(&payload).collect::<Result<_, _>>()?;
/// assert_eq!(valores, [b"ok".as_slice(), b""]);
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Valores<'a> {
    resto: &'a [u8],
}

impl<'a> Valores<'a> {
    /// Los valores de `payload`, que presta: nada se copia.
    ///
    /// ```
    /// use tp0::{Error, Valores};
    ///
    /// // El segundo dice medir 9 bytes y queda uno.
    /// let mut valores = Valores::de(&[1, 0, 0, 0, b'a', 9, 0, 0, 0, b'b']);
    /// assert_eq!(valores.next().unwrap()?, b"a");
    /// assert!(matches!(valores.next(), Some(Err(Error::LargoMentiroso { largo: 9, quedan: 1, .. }))));
    /// assert!(valores.next().is_none());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn de(payload: &'a [u8]) -> Self {
        Self { resto: payload }
    }

    /// El próximo, si está entero.
    #[inline(always)]
    fn separar(&mut self) -> Option<&'a [u8]> {
        let (largo, resto) = self.resto.split_first_chunk::<LARGO_DE_ENTERO>()?;
        let largo = usize::try_from(i32::from_le_bytes(*largo)).ok()?;
        let (valor, resto) = resto.split_at_checked(largo)?;
        self.resto = resto;
        Some(valor)
    }

    /// Lo que queda no es un valor entero: qué tiene de malo.
    #[cold]
    #[inline(never)]
    fn por_que_no(&mut self) -> Error {
        let resto = std::mem::take(&mut self.resto);
        match resto.split_first_chunk::<LARGO_DE_ENTERO>() {
            None => Error::SobranBytes { sobran: resto.len() },
            Some((largo, resto)) => Error::LargoMentiroso { largo: i32::from_le_bytes(*largo), quedan: resto.len() },
        }
    }

    /// Que todos estén enteros, sin entregar ninguno.
    pub(crate) fn comprobar(mut self) -> Resultado<()> {
        while self.separar().is_some() {}
        if self.resto.is_empty() { Ok(()) } else { Err(self.por_que_no()) }
    }

    /// Los de un payload que ya se comprobó, o que se armó acá.
    #[inline]
    pub(crate) fn comprobados(mut self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::from_fn(move || self.separar())
    }
}

impl<'a> Iterator for Valores<'a> {
    type Item = Resultado<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.separar() {
            Some(valor) => Some(Ok(valor)),
            None if self.resto.is_empty() => None,
            None => Some(Err(self.por_que_no())),
        }
    }
}

impl std::iter::FusedIterator for Valores<'_> {}

#[cfg(test)]
mod pruebas {
    use super::*;
    use proptest::prelude::*;

    fn armar(valores: &[Vec<u8>]) -> Vec<u8> {
        let mut payload = Vec::new();
        for valor in valores {
            payload.extend_from_slice(&i32::try_from(valor.len()).unwrap().to_le_bytes());
            payload.extend_from_slice(valor);
        }
        payload
    }

    proptest! {
        #[test]
        fn un_header_va_y_vuelve_igual(codigo in 0..=i32::MAX, tamanio in 0..=TAMANIO_MAXIMO) {
            let header = Header::nuevo(codigo, usize::try_from(tamanio).unwrap(), TAMANIO_MAXIMO).unwrap();
            prop_assert_eq!(Header::de_bytes(header.a_bytes(), TAMANIO_MAXIMO).unwrap(), header);
            prop_assert_eq!(header.a_bytes()[..4].to_vec(), codigo.to_le_bytes().to_vec());
            prop_assert_eq!(header.a_bytes()[4..].to_vec(), tamanio.to_le_bytes().to_vec());
        }

        #[test]
        fn ocho_bytes_cualesquiera_se_aceptan_o_se_rechazan_segun_el_contrato(bytes: [u8; 8], limite in 0..=TAMANIO_MAXIMO) {
            let codigo = i32::from_le_bytes(bytes[..4].try_into().unwrap());
            let tamanio = i32::from_le_bytes(bytes[4..].try_into().unwrap());
            let valido = codigo >= 0 && tamanio >= 0 && i64::from(tamanio) <= i64::from(limite);
            prop_assert_eq!(Header::de_bytes(bytes, limite).is_ok(), valido);
        }

        #[test]
        fn los_valores_van_y_vuelven_iguales(valores in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..30)) {
            let payload = armar(&valores);
            let leidos: Vec<Vec<u8>> = Valores::de(&payload).map(|v| v.unwrap().to_vec()).collect();
            prop_assert_eq!(leidos, valores);
        }

        #[test]
        fn bytes_cualesquiera_nunca_dan_mas_de_lo_que_hay(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut largo_total = 0;
            let mut errores = 0;
            for valor in Valores::de(&bytes) {
                match valor {
                    Ok(valor) => largo_total += valor.len() + LARGO_DE_ENTERO,
                    Err(_) => errores += 1,
                }
            }
            prop_assert!(errores <= 1);
            prop_assert_eq!(errores == 0, largo_total == bytes.len());
        }
    }

    #[test]
    fn el_limite_es_inclusivo() {
        assert!(Header::nuevo(0, 10, 10).is_ok());
        assert!(matches!(Header::nuevo(0, 11, 10), Err(Error::DemasiadoGrande { tamanio: 11, limite: 10 })));
        assert!(Header::de_bytes([0, 0, 0, 0, 10, 0, 0, 0], 10).is_ok());
        assert!(matches!(
            Header::de_bytes([0, 0, 0, 0, 11, 0, 0, 0], 10),
            Err(Error::LlegaDemasiado { tamanio: 11, limite: 10, .. })
        ));
    }

    #[test]
    fn un_tamanio_demasiado_grande_muestra_los_ocho_bytes() {
        let error = Header::de_bytes([1, 0x14, 0, 0, 0, 0, 0, 8], TAMANIO_MAXIMO).unwrap_err();
        assert!(error.to_string().contains("bytes 01 14 00 00 | 00 00 00 08"), "{error}");
    }

    #[test]
    fn un_largo_negativo_o_que_se_pasa_corta_la_lista() {
        for payload in [&[255u8, 255, 255, 255][..], &[5, 0, 0, 0, b'x'][..], &[0, 0, 0, 128, 0][..]] {
            let valores: Vec<_> = Valores::de(payload).collect();
            assert!(matches!(valores.as_slice(), [Err(Error::LargoMentiroso { .. })]), "{payload:?}");
        }
    }

    #[test]
    fn uno_a_tres_bytes_de_sobra_son_un_error() {
        for sobran in 1..4 {
            let payload = vec![0; LARGO_DE_ENTERO + sobran];
            let valores: Vec<_> = Valores::de(&payload).collect();
            assert!(matches!(valores.as_slice(), [Ok(b""), Err(Error::SobranBytes { sobran: s })] if *s == sobran));
        }
    }
}
