//! Serialización: datos de a uno, en el orden en que se escriben, sin relleno entre ellos.
//!
//! | dato | bytes |
//! |---|---|
//! | `u8`, `i8`, `bool` (0 o 1) | 1 |
//! | `u16`, `i16` | 2 |
//! | `u32`, `i32`, `f32` (IEEE 754) | 4 |
//! | `u64`, `i64`, `f64` (IEEE 754) | 8 |
//! | texto | `u32` con su largo, contando el `'\0'`, y sus bytes con el `'\0'` |
//!
//! Todo little-endian: es la disposición de la guía de serialización del curso en una x86-64.

use std::fmt;
use std::ops::Range;

use crate::error::{Error, Resultado};
use crate::invariante::invariante;
use crate::protocolo::en_memoria;

/// Arma un payload, dato por dato. Se encadena por `&mut`: lo que se guarda es el escritor, y no lo que devuelve la última llamada.
///
/// ```
/// use tp0::{Escritor, Lector};
///
/// // La persona de la guía: dni, edad, pasaporte y nombre.
/// let payload = Escritor::nuevo().u32(30_123_456).u8(25).u32(7).texto("Ana")?.terminar();
/// assert_eq!(payload.len(), 4 + 1 + 4 + 4 + 4);
///
/// let mut lector = Lector::de(&payload);
/// assert_eq!((lector.u32()?, lector.u8()?, lector.u32()?, lector.texto()?), (30_123_456, 25, 7, "Ana"));
///
/// // De a pedazos, en un ciclo:
/// let mut escritor = Escritor::nuevo();
/// escritor.u32(2);
/// for nota in [7, 10] {
///     escritor.u8(nota);
/// }
/// assert_eq!(escritor.terminar(), [2, 0, 0, 0, 7, 10]);
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escritor {
    bytes: Vec<u8>,
}

impl Escritor {
    /// Un payload vacío.
    ///
    /// ```
    /// assert!(tp0::Escritor::nuevo().terminar().is_empty());
    /// ```
    #[must_use]
    pub fn nuevo() -> Self {
        Self::default()
    }

    /// Agrega bytes tal cual, sin su largo: quien los lea tiene que saber cuántos son.
    ///
    /// ```
    /// let payload = tp0::Escritor::nuevo().u8(3).bytes(b"abc").terminar();
    /// assert_eq!(payload, [3, b'a', b'b', b'c']);
    /// ```
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Agrega un entero de 1 byte.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().u8(25).terminar(), [25]);
    /// ```
    pub fn u8(&mut self, dato: u8) -> &mut Self {
        self.bytes(&[dato])
    }

    /// Agrega un booleano: 1 byte, 0 o 1.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().bool(true).bool(false).terminar(), [1, 0]);
    /// ```
    pub fn bool(&mut self, dato: bool) -> &mut Self {
        self.u8(u8::from(dato))
    }

    /// Agrega un entero sin signo de 4 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().u32(0x0102_0304).terminar(), [4, 3, 2, 1], "el byte menos significativo va primero");
    /// ```
    pub fn u32(&mut self, dato: u32) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un entero con signo de 4 bytes, en complemento a dos.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().i32(-2).terminar(), [0xfe, 0xff, 0xff, 0xff]);
    /// ```
    pub fn i32(&mut self, dato: i32) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un entero sin signo de 8 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().u64(258).terminar(), [2, 1, 0, 0, 0, 0, 0, 0]);
    /// ```
    pub fn u64(&mut self, dato: u64) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un entero con signo de 8 bytes, en complemento a dos.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().i64(-1).terminar(), [0xff; 8]);
    /// ```
    pub fn i64(&mut self, dato: i64) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un real de 8 bytes: el `double` de C.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().f64(1.0).terminar(), [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    /// ```
    pub fn f64(&mut self, dato: f64) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un entero con signo de 1 byte.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().i8(-1).terminar(), [0xff]);
    /// ```
    pub fn i8(&mut self, dato: i8) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un entero sin signo de 2 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().u16(0x0102).terminar(), [2, 1]);
    /// ```
    pub fn u16(&mut self, dato: u16) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un entero con signo de 2 bytes, en complemento a dos.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().i16(-2).terminar(), [0xfe, 0xff]);
    /// ```
    pub fn i16(&mut self, dato: i16) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un real de 4 bytes: el `float` de C.
    ///
    /// ```
    /// assert_eq!(tp0::Escritor::nuevo().f32(1.0).terminar(), [0, 0, 0x80, 0x3f]);
    /// ```
    pub fn f32(&mut self, dato: f32) -> &mut Self {
        self.bytes(&dato.to_le_bytes())
    }

    /// Agrega un texto: su largo en 4 bytes, contando el `'\0'`, y sus bytes con el `'\0'`.
    ///
    /// ```
    /// let payload = tp0::Escritor::nuevo().texto("Ana")?.terminar();
    /// assert_eq!(payload, [4, 0, 0, 0, b'A', b'n', b'a', 0]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::DemasiadoGrande`] si el largo no entra en un `u32`.
    pub fn texto(&mut self, texto: &str) -> Resultado<&mut Self> {
        let largo = u32::try_from(texto.len().saturating_add(1))
            .map_err(|_| Error::DemasiadoGrande { tamanio: texto.len(), limite: u32::MAX })?;
        Ok(self.u32(largo).bytes(texto.as_bytes()).u8(0))
    }

    /// El payload armado, para [`Conexion::enviar`](crate::Conexion::enviar). El escritor queda vacío, listo para otro.
    ///
    /// ```
    /// # use tp0::{Conexion, Escritor, Lector, Recibido, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// # let mut del_otro_lado = servidor.esperar_cliente()?;
    /// const PERSONA: i32 = 7;
    /// conexion.enviar(PERSONA, &Escritor::nuevo().u32(30_123_456).texto("Ana")?.terminar())?;
    ///
    /// let Some(Recibido::Otro { codigo: PERSONA, payload }) = del_otro_lado.recibir()? else { panic!() };
    /// let mut lector = Lector::de(payload);
    /// assert_eq!((lector.u32()?, lector.texto()?), (30_123_456, "Ana"));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn terminar(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// Lee un payload, dato por dato, en el orden en que se lo escribió. Una lectura que no entra no lee nada.
///
/// ```
/// use tp0::{Error, Lector};
///
/// let mut lector = Lector::de(&[25, 1, 2]);
/// assert_eq!(lector.u8()?, 25);
/// assert!(matches!(lector.u32(), Err(Error::BufferCorto { quedan: 2, pedidos: 4, .. })));
/// assert_eq!(lector.bytes(2)?, [1, 2], "lo que no entró sigue ahí");
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Clone)]
pub struct Lector<'a> {
    bytes: &'a [u8],
    leidos: usize,
}

impl fmt::Debug for Lector<'_> {
    /// Cuánto leyó y cuánto queda; nunca qué.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lector").field("leidos", &self.leidos).field("quedan", &self.quedan()).finish()
    }
}

impl<'a> Lector<'a> {
    /// Lee desde el comienzo de `payload`, que presta: nada se copia.
    ///
    /// ```
    /// let mut lector = tp0::Lector::de(&[7, 8]);
    /// assert_eq!((lector.u8()?, lector.u8()?), (7, 8));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn de(payload: &'a [u8]) -> Self {
        Self { bytes: payload, leidos: 0 }
    }

    /// Cuántos bytes quedan por leer. Sirve para leer una lista hasta el final:
    ///
    /// ```
    /// let mut lector = tp0::Lector::de(&[1, 0, 0, 0, 2, 0, 0, 0]);
    /// let mut numeros = Vec::new();
    /// while lector.quedan() > 0 {
    ///     numeros.push(lector.u32()?);
    /// }
    /// assert_eq!(numeros, [1, 2]);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn quedan(&self) -> usize {
        self.bytes.len() - self.leidos
    }

    /// Los próximos `cantidad` bytes, prestados.
    ///
    /// ```
    /// let mut lector = tp0::Lector::de(b"\x03abc");
    /// let largo = lector.u8()?;
    /// assert_eq!(lector.bytes(usize::from(largo))?, b"abc");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si no quedan tantos.
    pub fn bytes(&mut self, cantidad: usize) -> Resultado<&'a [u8]> {
        let tramo = tramo(self.leidos, cantidad, self.bytes.len())?;
        self.leidos = tramo.end;
        Ok(invariante!(self.bytes.get(tramo)))
    }

    fn fijos<const N: usize>(&mut self) -> Resultado<[u8; N]> {
        let bytes = self.bytes(N)?;
        Ok(*invariante!(bytes.first_chunk()))
    }

    /// Un entero de 1 byte.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[255]).u8()?, 255);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si no queda ninguno.
    pub fn u8(&mut self) -> Resultado<u8> {
        self.fijos().map(u8::from_le_bytes)
    }

    /// Un booleano: cualquier byte que no sea 0 es verdadero, como en C.
    ///
    /// ```
    /// let mut lector = tp0::Lector::de(&[0, 1, 2]);
    /// assert_eq!((lector.bool()?, lector.bool()?, lector.bool()?), (false, true, true));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si no queda ningún byte.
    pub fn bool(&mut self) -> Resultado<bool> {
        self.u8().map(|dato| dato != 0)
    }

    /// Un entero sin signo de 4 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[4, 3, 2, 1]).u32()?, 0x0102_0304);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 4 bytes.
    pub fn u32(&mut self) -> Resultado<u32> {
        self.fijos().map(u32::from_le_bytes)
    }

    /// Un entero con signo de 4 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[0xfe, 0xff, 0xff, 0xff]).i32()?, -2);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 4 bytes.
    pub fn i32(&mut self) -> Resultado<i32> {
        self.fijos().map(i32::from_le_bytes)
    }

    /// Un entero sin signo de 8 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[2, 1, 0, 0, 0, 0, 0, 0]).u64()?, 258);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 8 bytes.
    pub fn u64(&mut self) -> Resultado<u64> {
        self.fijos().map(u64::from_le_bytes)
    }

    /// Un entero con signo de 8 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[0xff; 8]).i64()?, -1);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 8 bytes.
    pub fn i64(&mut self) -> Resultado<i64> {
        self.fijos().map(i64::from_le_bytes)
    }

    /// Un real de 8 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]).f64()?, 1.0);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 8 bytes.
    pub fn f64(&mut self) -> Resultado<f64> {
        self.fijos().map(f64::from_le_bytes)
    }

    /// Un entero con signo de 1 byte.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[0xff]).i8()?, -1);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si no queda ninguno.
    pub fn i8(&mut self) -> Resultado<i8> {
        self.fijos().map(i8::from_le_bytes)
    }

    /// Un entero sin signo de 2 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[2, 1]).u16()?, 0x0102);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 2 bytes.
    pub fn u16(&mut self) -> Resultado<u16> {
        self.fijos().map(u16::from_le_bytes)
    }

    /// Un entero con signo de 2 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[0xfe, 0xff]).i16()?, -2);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 2 bytes.
    pub fn i16(&mut self) -> Resultado<i16> {
        self.fijos().map(i16::from_le_bytes)
    }

    /// Un real de 4 bytes.
    ///
    /// ```
    /// assert_eq!(tp0::Lector::de(&[0, 0, 0x80, 0x3f]).f32()?, 1.0);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si quedan menos de 4 bytes.
    pub fn f32(&mut self) -> Resultado<f32> {
        self.fijos().map(f32::from_le_bytes)
    }

    /// Un texto, prestado y sin el `'\0'` del final.
    ///
    /// ```
    /// use tp0::{Error, Lector};
    ///
    /// let mut lector = Lector::de(b"\x04\0\0\0Ana\0\xc8\0\0\0x");
    /// assert_eq!(lector.texto()?, "Ana");
    ///
    /// // El segundo dice medir 200 bytes y queda uno.
    /// assert!(matches!(lector.texto(), Err(Error::BufferCorto { quedan: 1, pedidos: 200, .. })));
    /// assert_eq!(lector.quedan(), 5);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferCorto`] si su largo dice más de lo que queda, y entonces no lee ni el largo; [`Error::Texto`] si no es
    /// UTF-8, y entonces ya lo pasó: lo próximo que se lea es lo que sigue.
    pub fn texto(&mut self) -> Resultado<&'a str> {
        let comienzo = self.leidos;
        let bytes = self.u32().and_then(|largo| self.bytes(en_memoria(largo)));
        let bytes = bytes.inspect_err(|_| self.leidos = comienzo)?;
        std::str::from_utf8(bytes.strip_suffix(b"\0").unwrap_or(bytes)).map_err(|causa| Error::Texto { causa })
    }

    /// Que no quede nada por leer: lo que sobra es que se lee otra cosa que la que se escribió.
    ///
    /// ```
    /// use tp0::{Error, Lector};
    ///
    /// let mut lector = Lector::de(&[25, 1]);
    /// assert_eq!(lector.u8()?, 25);
    /// assert!(matches!(lector.terminar(), Err(Error::QuedanBytes { quedan: 1, .. })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::QuedanBytes`].
    pub fn terminar(self) -> Resultado<()> {
        match self.quedan() {
            0 => Ok(()),
            quedan => Err(Error::QuedanBytes { quedan }),
        }
    }
}

/// El lugar de `pedidos` bytes desde `desde`, en un payload de `tamanio`.
pub(crate) fn tramo(desde: usize, pedidos: usize, tamanio: usize) -> Resultado<Range<usize>> {
    let quedan = tamanio.saturating_sub(desde);
    if pedidos > quedan {
        return Err(Error::BufferCorto { quedan, pedidos });
    }
    Ok(desde..desde + pedidos)
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn la_persona_de_la_guia_byte_por_byte() {
        let payload = Escritor::nuevo().u32(0x0102_0304).u8(25).u32(7).texto("Ana").unwrap().terminar();
        assert_eq!(payload, [4, 3, 2, 1, 25, 7, 0, 0, 0, 4, 0, 0, 0, b'A', b'n', b'a', 0]);
    }

    #[test]
    fn leer_de_mas_dice_cuanto_quedaba_y_no_lee_nada() {
        let mut lector = Lector::de(&[1, 2, 3]);
        let error = lector.u32().unwrap_err();
        assert_eq!(error.to_string(), "Quedan 3 bytes y pediste 4: ¿mismo orden de lectura que de escritura?");
        assert_eq!(lector.quedan(), 3);
        assert_eq!(lector.u8().unwrap(), 1);
    }

    #[test]
    fn un_largo_de_texto_que_miente_no_lee_nada() {
        let mut lector = Lector::de(&[200, 0, 0, 0, b'x']);
        assert!(matches!(lector.texto(), Err(Error::BufferCorto { quedan: 1, pedidos: 200 })));
        assert_eq!(lector.quedan(), 5);
    }

    proptest! {
        #[test]
        fn lo_que_se_escribe_se_lee(a: u8, b: bool, c: u32, d: i32, e: u64, f: i64, g: f64, h in "[^\0]*", i: (i8, u16, i16, f32)) {
            let mut escritor = Escritor::nuevo();
            escritor.u8(a).bool(b).u32(c).i32(d).u64(e).i64(f).f64(g).texto(&h).unwrap();
            let payload = escritor.i8(i.0).u16(i.1).i16(i.2).f32(i.3).terminar();
            let mut lector = Lector::de(&payload);
            prop_assert_eq!(lector.u8().unwrap(), a);
            prop_assert_eq!(lector.bool().unwrap(), b);
            prop_assert_eq!(lector.u32().unwrap(), c);
            prop_assert_eq!(lector.i32().unwrap(), d);
            prop_assert_eq!(lector.u64().unwrap(), e);
            prop_assert_eq!(lector.i64().unwrap(), f);
            prop_assert_eq!(lector.f64().unwrap().to_bits(), g.to_bits());
            prop_assert_eq!(lector.texto().unwrap(), h);
            prop_assert_eq!((lector.i8().unwrap(), lector.u16().unwrap(), lector.i16().unwrap()), (i.0, i.1, i.2));
            prop_assert!(lector.clone().terminar().is_err());
            prop_assert_eq!(lector.f32().unwrap().to_bits(), i.3.to_bits());
            lector.terminar().unwrap();
        }

        #[test]
        fn ninguna_lectura_se_pasa(bytes in proptest::collection::vec(any::<u8>(), 0..64), pedidos in proptest::collection::vec(0usize..20, 0..10)) {
            let mut lector = Lector::de(&bytes);
            for pedido in pedidos {
                let antes = lector.quedan();
                match lector.bytes(pedido) {
                    Ok(leidos) => { prop_assert_eq!(leidos.len(), pedido); prop_assert_eq!(lector.quedan(), antes - pedido); }
                    Err(_) => { prop_assert!(pedido > antes); prop_assert_eq!(lector.quedan(), antes); }
                }
            }
        }
    }
}
