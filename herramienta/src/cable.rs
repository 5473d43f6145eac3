//! Cómo habla un programa por el cable: los anchos, el orden de los bytes, los códigos y el handshake; y los bytes de cada cosa
//! según esa descripción.

use clap::ValueEnum;
use serde::Deserialize;

use crate::falla::{Falla, Resultado};

/// Cuántos bytes tiene un entero del cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ancho {
    U8,
    U16,
    U32,
    U64,
}

impl Ancho {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 => 8,
        }
    }

    /// El mayor que entra sin signo.
    pub(crate) fn tope(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes())
    }
}

/// Qué byte de un entero va primero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Orden {
    /// El menos significativo: el de las PC, sin htonl.
    Little,
    /// El más significativo: el de la red, con htonl.
    Big,
}

/// Si al conectar hay handshake, y con qué valor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    No,
    /// El cliente manda este entero de 4 bytes y el servidor contesta 0, o -1.
    Con(i32),
    /// Se averigua hablando con el programa.
    Auto,
}

impl std::str::FromStr for Handshake {
    type Err = String;

    fn from_str(texto: &str) -> Result<Self, String> {
        match texto {
            "no" => Ok(Self::No),
            "auto" => Ok(Self::Auto),
            numero => numero.parse().map(Self::Con).map_err(|_| format!("«{texto}» no es no, auto ni un entero")),
        }
    }
}

/// La descripción entera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cable {
    pub(crate) codigo: Ancho,
    pub(crate) tamanio: Ancho,
    /// El largo que va adelante de cada valor de un paquete.
    pub(crate) largo: Ancho,
    pub(crate) orden: Orden,
    pub(crate) handshake: Handshake,
    /// El código de un mensaje de texto.
    pub(crate) mensaje: u64,
    /// El de un paquete de valores.
    pub(crate) paquete: u64,
    /// Los demás que el programa conoce.
    pub(crate) codigos: Vec<u64>,
}

impl Default for Cable {
    /// El del TP0.
    fn default() -> Self {
        Self {
            codigo: Ancho::U32,
            tamanio: Ancho::U32,
            largo: Ancho::U32,
            orden: Orden::Little,
            handshake: Handshake::Con(tp0::HANDSHAKE),
            mensaje: u64::from(tp0::MENSAJE.unsigned_abs()),
            paquete: u64::from(tp0::PAQUETE.unsigned_abs()),
            codigos: Vec::new(),
        }
    }
}

/// El header de un mensaje, recién leído: nada se le cree todavía.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) codigo: u64,
    pub(crate) tamanio: u64,
}

impl Cable {
    /// Que no se contradiga.
    pub(crate) fn comprobar(&self) -> Resultado<()> {
        let tope = self.codigo.tope();
        if self.mensaje == self.paquete {
            return Err(Falla::nueva(format!(
                "La descripción del cable se contradice: el código {} es a la vez el de un mensaje y el de un paquete.",
                self.mensaje
            )));
        }
        match [self.mensaje, self.paquete].iter().chain(&self.codigos).find(|codigo| **codigo > tope) {
            Some(codigo) => Err(Falla::nueva(format!(
                "La descripción del cable se contradice: el código {codigo} no entra en {} (hasta {tope}).",
                en_bytes(self.codigo.bytes())
            ))),
            None => Ok(()),
        }
    }

    /// Un entero, con su ancho y en el orden del cable. Del valor van los bytes que entran: un -1 es todo unos.
    pub(crate) fn entero(&self, ancho: Ancho, valor: u64) -> Vec<u8> {
        let little = valor.to_le_bytes();
        let mut bytes: Vec<u8> = little.into_iter().take(ancho.bytes()).collect();
        if self.orden == Orden::Big {
            bytes.reverse();
        }
        bytes
    }

    /// El entero de esos bytes, que son los de su ancho.
    pub(crate) fn leer(&self, bytes: &[u8]) -> u64 {
        let juntar = |valor: u64, byte: &u8| valor << 8 | u64::from(*byte);
        match self.orden {
            Orden::Big => bytes.iter().fold(0, juntar),
            Orden::Little => bytes.iter().rev().fold(0, juntar),
        }
    }

    /// Código y tamaño, aunque mientan.
    pub(crate) fn header(&self, codigo: u64, tamanio: u64) -> Vec<u8> {
        let mut bytes = self.entero(self.codigo, codigo);
        bytes.extend(self.entero(self.tamanio, tamanio));
        bytes
    }

    pub(crate) fn largo_del_header(&self) -> usize {
        self.codigo.bytes() + self.tamanio.bytes()
    }

    /// El header de esos bytes; `None` si no alcanzan.
    pub(crate) fn leer_header(&self, bytes: &[u8]) -> Option<Header> {
        let (codigo, resto) = bytes.split_at_checked(self.codigo.bytes())?;
        let (tamanio, _) = resto.split_at_checked(self.tamanio.bytes())?;
        Some(Header { codigo: self.leer(codigo), tamanio: self.leer(tamanio) })
    }

    /// Un mensaje con cualquier código y ese payload.
    pub(crate) fn con_payload(&self, codigo: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = self.header(codigo, en_u64(payload.len()));
        bytes.extend_from_slice(payload);
        bytes
    }

    /// Un texto, con su `'\0'`.
    pub(crate) fn texto(&self, texto: &str) -> Vec<u8> {
        self.con_payload(self.mensaje, &con_fin(texto))
    }

    /// Los bytes de los valores: cada uno con su largo adelante.
    pub(crate) fn valores(&self, valores: &[&[u8]]) -> Vec<u8> {
        let mut payload = Vec::new();
        for valor in valores {
            payload.extend(self.entero(self.largo, en_u64(valor.len())));
            payload.extend_from_slice(valor);
        }
        payload
    }

    /// Un paquete de textos, cada uno con su `'\0'`.
    pub(crate) fn paquete_de_textos(&self, textos: &[&str]) -> Vec<u8> {
        let con_fines: Vec<Vec<u8>> = textos.iter().map(|texto| con_fin(texto)).collect();
        let prestados: Vec<&[u8]> = con_fines.iter().map(Vec::as_slice).collect();
        self.con_payload(self.paquete, &self.valores(&prestados))
    }

    /// Los valores de un payload; un renglón que dice qué no cierra, si algo no cierra.
    pub(crate) fn separar<'a>(&self, payload: &'a [u8]) -> Result<Vec<&'a [u8]>, String> {
        let mut valores = Vec::new();
        let mut resto = payload;
        while !resto.is_empty() {
            let Some((largo, detras)) = resto.split_at_checked(self.largo.bytes()) else {
                return Err(format!("sobran {} bytes, que no alcanzan para un largo", resto.len()));
            };
            let largo = self.leer(largo);
            let Some((valor, detras)) = usize::try_from(largo).ok().and_then(|largo| detras.split_at_checked(largo))
            else {
                return Err(format!("un valor dice medir {largo} bytes y quedan {}", detras.len()));
            };
            valores.push(valor);
            resto = detras;
        }
        Ok(valores)
    }
}

/// Un texto con su `'\0'`.
pub(crate) fn con_fin(texto: &str) -> Vec<u8> {
    let mut bytes = texto.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// Un largo de memoria, como viaja: en este sistema siempre entra.
pub(crate) fn en_u64(largo: usize) -> u64 {
    u64::try_from(largo).unwrap_or(u64::MAX)
}

/// «1 byte», «4 bytes».
pub(crate) fn en_bytes(cuantos: usize) -> String {
    if cuantos == 1 { "1 byte".to_owned() } else { format!("{cuantos} bytes") }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn el_del_tp0_es_el_de_la_biblioteca() {
        let cable = Cable::default();
        let mut paquete = tp0::Paquete::nuevo();
        paquete.agregar(b"uno\0").unwrap().agregar(b"\0").unwrap();
        let header = tp0::Header::nuevo(tp0::PAQUETE, paquete.payload().len(), tp0::TAMANIO_MAXIMO).unwrap();
        assert_eq!(cable.paquete_de_textos(&["uno", ""]), [&header.a_bytes()[..], paquete.payload()].concat());
        assert_eq!(cable.separar(paquete.payload()).unwrap(), [b"uno\0".as_slice(), b"\0"]);
    }

    #[test]
    fn anchos_y_orden() {
        let cable = Cable { codigo: Ancho::U8, tamanio: Ancho::U16, orden: Orden::Big, ..Cable::default() };
        assert_eq!(cable.header(7, 0x0102), [7, 1, 2]);
        assert_eq!(cable.leer_header(&[7, 1, 2, 99]), Some(Header { codigo: 7, tamanio: 0x0102 }));
        assert_eq!(cable.leer_header(&[7, 1]), None);
        assert_eq!(cable.entero(Ancho::U16, u64::MAX), [255, 255]);
    }

    #[test]
    fn un_largo_que_miente_se_dice() {
        let cable = Cable::default();
        assert_eq!(cable.separar(&[9, 0, 0, 0, 1]).unwrap_err(), "un valor dice medir 9 bytes y quedan 1");
        assert_eq!(cable.separar(&[9, 0]).unwrap_err(), "sobran 2 bytes, que no alcanzan para un largo");
    }

    #[test]
    fn una_descripcion_que_se_contradice() {
        assert!(Cable { mensaje: 1, ..Cable::default() }.comprobar().is_err());
        assert!(Cable { codigo: Ancho::U8, codigos: vec![256], ..Cable::default() }.comprobar().is_err());
        assert!(Cable::default().comprobar().is_ok());
    }
}
