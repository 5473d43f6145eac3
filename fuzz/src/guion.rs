//! Los primeros bytes de cada entrada dicen qué se hace; los demás son los datos.

/// Lo que queda de la entrada.
#[derive(Debug, Clone, Copy)]
pub struct Guion<'a>(pub &'a [u8]);

impl<'a> Guion<'a> {
    /// El próximo byte; 0 si no hay más.
    pub fn byte(&mut self) -> u8 {
        self.tramo(1).first().copied().unwrap_or(0)
    }

    /// Un entero little-endian; lo que falte es 0.
    pub fn entero(&mut self) -> u32 {
        let mut bytes = [0; 4];
        let hay = self.tramo(4);
        bytes[..hay.len()].copy_from_slice(hay);
        u32::from_le_bytes(bytes)
    }

    /// A lo sumo los próximos `cuantos`.
    pub fn tramo(&mut self, cuantos: usize) -> &'a [u8] {
        let (tramo, resto) = self.0.split_at(cuantos.min(self.0.len()));
        self.0 = resto;
        tramo
    }

    /// Una lista corta: su largo en un byte, de 0 a `maximo`, y los que sean.
    pub fn lista(&mut self, maximo: usize) -> &'a [u8] {
        let cuantos = usize::from(self.byte()) % (maximo + 1);
        self.tramo(cuantos)
    }
}

/// `bytes` cortados en pedazos de los largos dados, que se repiten. Sin largos, o con puros ceros, va entero.
pub fn cortar<'a>(bytes: &'a [u8], largos: &[u8]) -> Vec<&'a [u8]> {
    let mut largos = largos.iter().map(|largo| usize::from(*largo)).filter(|largo| *largo > 0).cycle();
    let mut resto = bytes;
    let mut pedazos = Vec::new();
    while !resto.is_empty() {
        let (pedazo, cola) = resto.split_at(largos.next().unwrap_or(usize::MAX).min(resto.len()));
        pedazos.push(pedazo);
        resto = cola;
    }
    pedazos
}
