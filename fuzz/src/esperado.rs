//! Una segunda lectura del protocolo, hecha aparte de la de la biblioteca y de otra manera: por posiciones y en i64.

/// Lo que dice un PAQUETE.
#[derive(Debug, PartialEq, Eq)]
pub struct Lectura {
    /// Los valores que se entienden, hasta el primer problema.
    pub valores: Vec<Vec<u8>>,
    /// Cómo termina.
    pub final_: Final,
}

/// Cómo termina un PAQUETE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Final {
    /// Justo.
    Cierra,
    /// Un largo dice más de lo que queda, o es negativo.
    Miente { largo: i32, quedan: usize },
    /// Quedan de 1 a 3 bytes.
    Sobran(usize),
    /// Lo que llegó es menos que lo anunciado, y hasta ahí no miente.
    Cortado,
}

/// El entero que hay en `en`, si está entero.
pub fn entero_en(bytes: &[u8], en: usize) -> Option<i32> {
    let mut valor: i64 = 0;
    for lugar in (0..4).rev() {
        valor = valor * 256 + i64::from(*bytes.get(en + lugar)?);
    }
    Some(if valor >= 1 << 31 { valor - (1 << 32) } else { valor } as i32)
}

/// Lee los valores de un payload de `tamanio` bytes, de los que llegaron los de `bytes`.
pub fn leer_valores(bytes: &[u8], tamanio: usize) -> Lectura {
    let bytes = &bytes[..bytes.len().min(tamanio)];
    let mut valores = Vec::new();
    let mut en = 0;
    let final_ = loop {
        if en == tamanio {
            break Final::Cierra;
        }
        if tamanio - en < 4 {
            break Final::Sobran(tamanio - en);
        }
        let Some(largo) = entero_en(bytes, en) else { break Final::Cortado };
        let quedan = tamanio - en - 4;
        if i64::from(largo) < 0 || i64::from(largo) > quedan as i64 {
            break Final::Miente { largo, quedan };
        }
        let hasta = en + 4 + largo as usize;
        if hasta > bytes.len() {
            break Final::Cortado;
        }
        valores.push(bytes[en + 4..hasta].to_vec());
        en = hasta;
    };
    Lectura { valores, final_ }
}
