//! De los bytes de un sentido de la conversación a lo que dicen, según la descripción del cable. Los bytes pueden venir de a uno o todos juntos.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::cable::{Ancho, Cable, Handshake, Header, en_u64};

/// Cuánto se guarda de un payload para mostrarlo: del resto sólo se cuentan los bytes.
pub(crate) const MUESTRA: usize = 64 * 1024;
/// Lo que se muestra de cada cosa.
const LETRAS: usize = 200;
const VALORES: usize = 16;
const BYTES: usize = 32;
/// Lo que ocupa un handshake, y su respuesta.
const SALUDO: usize = 4;

/// Quién dice los bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lado {
    Cliente,
    Servidor,
}

/// Si en una conexión hubo handshake: lo averigua quien lee al cliente, y lo tienen que saber los dos sentidos.
#[derive(Debug, Clone)]
pub(crate) struct Saludo(Arc<AtomicU8>);

impl Saludo {
    const NO_SE_SABE: u8 = 0;
    const HUBO: u8 = 1;
    const NO_HUBO: u8 = 2;

    pub(crate) fn segun(handshake: Handshake) -> Self {
        Self(Arc::new(AtomicU8::new(match handshake {
            Handshake::No => Self::NO_HUBO,
            Handshake::Con(_) => Self::HUBO,
            Handshake::Auto => Self::NO_SE_SABE,
        })))
    }

    /// `None`: todavía no se sabe.
    pub(crate) fn hubo(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            Self::NO_SE_SABE => None,
            visto => Some(visto == Self::HUBO),
        }
    }

    pub(crate) fn anotar(&self, hubo: bool) {
        self.0.store(if hubo { Self::HUBO } else { Self::NO_HUBO }, Ordering::Relaxed);
    }
}

/// Algo que se dijo, entero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suceso {
    /// El handshake de un cliente, o la respuesta de un servidor.
    Handshake(i32),
    /// Un mensaje. Del payload, el comienzo.
    Mensaje { header: Header, payload: Vec<u8> },
    /// Algo que no puede ser: de ahí en más no se sabe dónde empieza cada mensaje.
    NoCierra(Header),
}

#[derive(Debug, Clone, Copy)]
enum Estado {
    Saludo,
    Header,
    Payload { header: Header, falta: u64 },
    SinSentido,
}

/// Lee un sentido.
#[derive(Debug)]
pub(crate) struct Lector {
    cable: Cable,
    lado: Lado,
    saludo: Saludo,
    estado: Estado,
    /// Lo que llegó de lo que se está leyendo.
    juntado: Vec<u8>,
}

impl Lector {
    pub(crate) fn nuevo(cable: &Cable, lado: Lado, saludo: &Saludo) -> Self {
        let (cable, saludo) = (cable.clone(), saludo.clone());
        Self { cable, lado, saludo, estado: Estado::Saludo, juntado: Vec::new() }
    }

    /// Lo que se terminó de decir con estos bytes.
    pub(crate) fn leer(&mut self, mut bytes: &[u8]) -> Vec<Suceso> {
        let mut sucesos = Vec::new();
        while !bytes.is_empty() {
            match self.estado {
                Estado::Saludo => self.leer_saludo(&mut bytes, &mut sucesos),
                Estado::Header => self.leer_header(&mut bytes, &mut sucesos),
                Estado::Payload { header, falta } => self.leer_payload(header, falta, &mut bytes, &mut sucesos),
                Estado::SinSentido => break,
            }
        }
        sucesos
    }

    fn leer_saludo(&mut self, bytes: &mut &[u8], sucesos: &mut Vec<Suceso>) {
        match self.saludo.hubo() {
            Some(false) => self.estado = Estado::Header,
            Some(true) => {
                if self.juntar_hasta(SALUDO, bytes) {
                    sucesos.push(Suceso::Handshake(self.entero_juntado()));
                    self.juntado.clear();
                    self.estado = Estado::Header;
                }
            }
            // Un servidor que habla antes de que se sepa: nadie espera una respuesta suya.
            None if self.lado == Lado::Servidor => self.estado = Estado::Header,
            None => self.averiguar_el_saludo(bytes, sucesos),
        }
    }

    /// Quien se presenta manda 4 bytes y espera la respuesta; quien no, manda ya un mensaje. Se equivoca con el que manda los dos juntos y
    /// con el que parte el header justo ahí.
    fn averiguar_el_saludo(&mut self, bytes: &mut &[u8], sucesos: &mut Vec<Suceso>) {
        self.juntado.extend_from_slice(bytes);
        *bytes = &[];
        let largo = self.cable.largo_del_header();
        let hubo = if self.juntado.len() == SALUDO {
            largo > SALUDO || self.entero_juntado() == tp0::HANDSHAKE
        } else if self.juntado.len() >= largo.max(SALUDO) {
            !self.cable.leer_header(&self.juntado).is_some_and(|header| self.es_conocido(header))
        } else {
            return;
        };
        self.saludo.anotar(hubo);
        let juntado = std::mem::take(&mut self.juntado);
        sucesos.extend(self.leer(&juntado));
    }

    fn es_conocido(&self, header: Header) -> bool {
        self.conoce_el_codigo(header) && header.tamanio <= u64::from(tp0::TAMANIO_MAXIMO)
    }

    pub(crate) fn conoce_el_codigo(&self, header: Header) -> bool {
        let Cable { mensaje, paquete, codigos, .. } = &self.cable;
        header.codigo == *mensaje || header.codigo == *paquete || codigos.contains(&header.codigo)
    }

    /// Si esos bytes pueden ser el comienzo de un mensaje.
    pub(crate) fn parece_un_mensaje(&self, bytes: &[u8]) -> bool {
        self.cable.leer_header(bytes).is_some_and(|header| self.es_conocido(header))
    }

    /// Los lugares en los que termina algo, contados desde acá: lo que un programa pide de una vez. Ninguno, si no se sabe qué se está leyendo.
    pub(crate) fn bordes(&self) -> Vec<u64> {
        let del_header = [self.cable.codigo.bytes(), self.cable.largo_del_header()];
        let partes = match self.estado {
            Estado::SinSentido => vec![],
            Estado::Payload { falta, .. } => return vec![falta],
            Estado::Saludo if self.saludo.hubo() == Some(true) => vec![SALUDO],
            Estado::Saludo if self.saludo.hubo().is_none() => [&[SALUDO], &del_header[..]].concat(),
            Estado::Saludo | Estado::Header => del_header.to_vec(),
        };
        partes.iter().filter_map(|parte| parte.checked_sub(self.juntado.len())).map(en_u64).collect()
    }

    fn leer_header(&mut self, bytes: &mut &[u8], sucesos: &mut Vec<Suceso>) {
        if !self.juntar_hasta(self.cable.largo_del_header(), bytes) {
            return;
        }
        let Some(header) = self.cable.leer_header(&self.juntado) else { return };
        self.juntado.clear();
        if header.tamanio > u64::from(tp0::TAMANIO_MAXIMO) {
            self.estado = Estado::SinSentido;
            sucesos.push(Suceso::NoCierra(header));
        } else if header.tamanio == 0 {
            self.estado = Estado::Header;
            sucesos.push(Suceso::Mensaje { header, payload: Vec::new() });
        } else {
            self.estado = Estado::Payload { header, falta: header.tamanio };
        }
    }

    fn leer_payload(&mut self, header: Header, falta: u64, bytes: &mut &[u8], sucesos: &mut Vec<Suceso>) {
        let hay = usize::try_from(falta).unwrap_or(usize::MAX).min(bytes.len());
        let (suyos, resto) = bytes.split_at(hay);
        *bytes = resto;
        let lugar = MUESTRA.saturating_sub(self.juntado.len());
        self.juntado.extend(suyos.iter().take(lugar));
        let falta = falta.saturating_sub(en_u64(hay));
        if falta == 0 {
            self.estado = Estado::Header;
            sucesos.push(Suceso::Mensaje { header, payload: std::mem::take(&mut self.juntado) });
        } else {
            self.estado = Estado::Payload { header, falta };
        }
    }

    /// Pasa bytes a lo juntado hasta tener tantos. Si ya están.
    fn juntar_hasta(&mut self, cuantos: usize, bytes: &mut &[u8]) -> bool {
        let (suyos, resto) = bytes.split_at(cuantos.saturating_sub(self.juntado.len()).min(bytes.len()));
        self.juntado.extend_from_slice(suyos);
        *bytes = resto;
        self.juntado.len() == cuantos
    }

    fn entero_juntado(&self) -> i32 {
        let bits = self.cable.leer(self.juntado.get(..SALUDO).unwrap_or_default());
        i32::try_from(con_signo(Ancho::U32, bits)).unwrap_or_default()
    }

    /// Si termina acá, qué quedó por la mitad.
    pub(crate) fn a_medias(&self) -> Option<String> {
        self.quedo("llegaron")
    }

    fn quedo(&self, llegaron: &str) -> Option<String> {
        let cuantos = self.juntado.len();
        match self.estado {
            Estado::Payload { header, falta } => {
                Some(format!("en el payload: {llegaron} {} de {} bytes", header.tamanio - falta, header.tamanio))
            }
            Estado::Header if cuantos > 0 => {
                Some(format!("en el header: {llegaron} {cuantos} de {} bytes", self.cable.largo_del_header()))
            }
            Estado::Saludo if cuantos > 0 => Some(format!("en el handshake: {llegaron} {cuantos} de {SALUDO} bytes")),
            Estado::Saludo | Estado::Header | Estado::SinSentido => None,
        }
    }

    /// Lo mismo, con el comienzo de los bytes. Si el código no se conoce, también los que parecían un header.
    pub(crate) fn a_medias_con_bytes(&self, llegaron: &str) -> Option<String> {
        let quedo = self.quedo(llegaron)?;
        let Estado::Payload { header, .. } = self.estado else {
            return Some(format!("{quedo}: {}", self.valor(&self.juntado)));
        };
        let (nombre, payload) = (self.nombre(header), &self.juntado);
        Some(if !self.conoce_el_codigo(header) {
            let bytes = [&self.cable.header(header.codigo, header.tamanio), &payload[..]].concat();
            format!("{quedo} de {nombre} (sin formato: {})", self.valor(&bytes))
        } else if payload.is_empty() {
            format!("{quedo} de {nombre}")
        } else {
            format!("{quedo} de {nombre}: {}", self.valor(payload))
        })
    }

    /// El mensaje cuyo payload quedó por la mitad: cuánto anunció, y cuánto hay. Ninguno, si no se conoce su código.
    pub(crate) fn payload_a_medias(&self) -> Option<(u64, u64)> {
        match self.estado {
            Estado::Payload { header, falta } if self.conoce_el_codigo(header) => {
                Some((header.tamanio, header.tamanio - falta))
            }
            _ => None,
        }
    }

    /// Cuántos bytes ocupó en el cable. De lo que no puede ser, su header.
    pub(crate) fn ocupa(&self, suceso: &Suceso) -> usize {
        match suceso {
            Suceso::Handshake(_) => SALUDO,
            Suceso::Mensaje { header, .. } => {
                self.cable.largo_del_header().saturating_add(usize::try_from(header.tamanio).unwrap_or(usize::MAX))
            }
            Suceso::NoCierra(_) => self.cable.largo_del_header(),
        }
    }

    /// Lo que se dijo, en un renglón de la traza.
    pub(crate) fn contar(&self, suceso: &Suceso) -> String {
        match suceso {
            Suceso::Handshake(valor) => match (self.lado, valor) {
                (Lado::Servidor, 0) => "handshake 0 (OK)".to_owned(),
                (Lado::Servidor, -1) => "handshake -1 (ERROR)".to_owned(),
                _ => format!("handshake {valor}"),
            },
            Suceso::Mensaje { header, payload } => self.contar_mensaje(*header, payload),
            Suceso::NoCierra(header) => {
                let tamanio = con_signo(self.cable.tamanio, header.tamanio);
                let bytes = self.cable.header(header.codigo, header.tamanio);
                format!("un header que no puede ser: {} y tamaño {tamanio} ({})", self.nombre(*header), hexa(&bytes))
            }
        }
    }

    fn nombre(&self, header: Header) -> String {
        match header.codigo {
            codigo if codigo == self.cable.mensaje => format!("MENSAJE ({codigo})"),
            codigo if codigo == self.cable.paquete => format!("PAQUETE ({codigo})"),
            codigo => format!("código {}", con_signo(self.cable.codigo, codigo)),
        }
    }

    fn contar_mensaje(&self, header: Header, payload: &[u8]) -> String {
        let mut texto = format!("{}, {} bytes", self.nombre(header), header.tamanio);
        let entero = en_u64(payload.len()) == header.tamanio;
        let _ = match payload {
            [] => Ok(()),
            _ if header.codigo == self.cable.paquete && entero => match self.cable.separar(payload) {
                Ok(valores) => write!(texto, ", {}", self.contar_valores(&valores)),
                Err(causa) => write!(texto, ", no cierra ({causa}): {}", hexa(payload)),
            },
            _ if header.codigo == self.cable.paquete => write!(texto, ", que empieza con {}", hexa(payload)),
            _ => write!(texto, ": {}", self.valor(payload)),
        };
        texto
    }

    fn contar_valores(&self, valores: &[&[u8]]) -> String {
        let primeros: Vec<String> = valores.iter().take(VALORES).map(|valor| self.valor(valor)).collect();
        let siguen = if valores.len() > VALORES { ", ..." } else { "" };
        let cuantos = if valores.len() == 1 { "1 valor".to_owned() } else { format!("{} valores", valores.len()) };
        format!("{cuantos}: {}{siguen}", primeros.join(", "))
    }

    /// Unos bytes, sin peligro para la terminal: el texto que parezcan o, si no, en hexadecimal y el entero que pueden ser.
    pub(crate) fn valor(&self, bytes: &[u8]) -> String {
        if let Some(texto) = texto_de(bytes.strip_suffix(b"\0").unwrap_or(bytes)) {
            return match texto.char_indices().nth(LETRAS) {
                Some((corte, _)) => format!("{:?}...", texto.get(..corte).unwrap_or_default()),
                None => format!("{texto:?}"),
            };
        }
        let ancho = match bytes.len() {
            1 => Ancho::U8,
            2 => Ancho::U16,
            4 => Ancho::U32,
            8 => Ancho::U64,
            _ => return hexa(bytes),
        };
        format!("{} ({})", hexa(bytes), con_signo(ancho, self.cable.leer(bytes)))
    }
}

/// El texto que son esos bytes, si lo parecen: nadie escribe un texto con caracteres de control, salvo fines de línea.
fn texto_de(bytes: &[u8]) -> Option<&str> {
    let es_raro = |letra: char| letra.is_control() && !"\n\r\t".contains(letra);
    // Lo que se guardó de un payload enorme puede cortar una letra por la mitad.
    let texto = match std::str::from_utf8(bytes) {
        Ok(texto) => texto,
        Err(error) if bytes.len() >= MUESTRA - 1 && error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    (!texto.contains(es_raro)).then_some(texto)
}

/// Los primeros bytes, en hexadecimal.
fn hexa(bytes: &[u8]) -> String {
    let primeros: Vec<String> = bytes.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect();
    let siguen = if bytes.len() > BYTES { " ..." } else { "" };
    format!("{}{siguen}", primeros.join(" "))
}

/// El entero que son esos bits para quien lo declaró con signo: el -1 de un programa en C llega como todo unos.
pub(crate) fn con_signo(ancho: Ancho, bits: u64) -> i64 {
    let sobran = 64 - 8 * u32::try_from(ancho.bytes()).unwrap_or(8);
    i64::from_ne_bytes((bits << sobran).to_ne_bytes()) >> sobran
}

#[cfg(test)]
mod pruebas {
    use super::*;

    fn de_a_uno(lector: &mut Lector, bytes: &[u8]) -> Vec<Suceso> {
        bytes.iter().flat_map(|byte| lector.leer(std::slice::from_ref(byte))).collect()
    }

    fn contados(lector: &Lector, sucesos: &[Suceso]) -> Vec<String> {
        sucesos.iter().map(|suceso| lector.contar(suceso)).collect()
    }

    #[test]
    fn de_a_un_byte_y_todo_junto_es_lo_mismo() {
        let cable = Cable::default();
        let saludo = Saludo::segun(cable.handshake);
        let bytes = [
            &[1, 0, 0, 0][..],
            &cable.texto("hola"),
            &cable.paquete_de_textos(&["uno", ""]),
            &cable.con_payload(7, &[5, 0, 0, 0]),
            &cable.header(1, 0),
        ]
        .concat();
        let mut uno = Lector::nuevo(&cable, Lado::Cliente, &saludo);
        let mut otro = Lector::nuevo(&cable, Lado::Cliente, &saludo);
        let juntos = uno.leer(&bytes);
        assert_eq!(juntos, de_a_uno(&mut otro, &bytes));
        assert_eq!(
            contados(&uno, &juntos),
            [
                "handshake 1",
                "MENSAJE (0), 5 bytes: \"hola\"",
                "PAQUETE (1), 13 bytes, 2 valores: \"uno\", \"\"",
                "código 7, 4 bytes: 05 00 00 00 (5)",
                "PAQUETE (1), 0 bytes",
            ]
        );
        assert_eq!(uno.a_medias(), None);
    }

    #[test]
    fn lo_que_queda_por_la_mitad() {
        let cable = Cable::default();
        let leido = |bytes: &[u8]| {
            let mut lector = Lector::nuevo(&cable, Lado::Cliente, &Saludo::segun(cable.handshake));
            lector.leer(bytes);
            lector.a_medias().unwrap_or_default()
        };
        assert_eq!(leido(&[1, 0]), "en el handshake: llegaron 2 de 4 bytes");
        assert_eq!(leido(&[1, 0, 0, 0, 9]), "en el header: llegaron 1 de 8 bytes");
        assert_eq!(
            leido(&[&[1, 0, 0, 0], cable.texto("hola").get(..10).unwrap()].concat()),
            "en el payload: llegaron 2 de 5 bytes"
        );
        assert_eq!(leido(&[1, 0, 0, 0]), "");
    }

    #[test]
    fn lo_que_queda_por_la_mitad_se_muestra() {
        let cable = Cable { handshake: Handshake::No, ..Cable::default() };
        let leido = |bytes: &[u8]| {
            let mut lector = Lector::nuevo(&cable, Lado::Servidor, &Saludo::segun(cable.handshake));
            lector.leer(bytes);
            (lector.a_medias_con_bytes("salieron").unwrap_or_default(), lector.payload_a_medias())
        };
        let con = |codigo, payload: &[u8]| leido(&[&cable.header(codigo, 100), payload].concat());
        assert_eq!(leido(b"hola"), ("en el header: salieron 4 de 8 bytes: \"hola\"".to_owned(), None));
        assert_eq!(con(0, &[]), ("en el payload: salieron 0 de 100 bytes de MENSAJE (0)".to_owned(), Some((100, 0))));
        assert_eq!(
            con(1, b"diez bytes"),
            ("en el payload: salieron 10 de 100 bytes de PAQUETE (1): \"diez bytes\"".to_owned(), Some((100, 10)))
        );
        assert_eq!(
            leido("ñandú\0".as_bytes()),
            (
                "en el payload: salieron 0 de 12239716 bytes de código 1851896259 (sin formato: \"ñandú\")".to_owned(),
                None
            )
        );
    }

    #[test]
    fn un_tamanio_que_no_puede_ser_se_muestra_con_su_signo() {
        let cable = Cable::default();
        let mut lector = Lector::nuevo(&cable, Lado::Cliente, &Saludo::segun(Handshake::No));
        let sucesos = lector.leer(&[&cable.header(0, u64::from(u32::MAX))[..], b"lo que sigue"].concat());
        assert_eq!(
            contados(&lector, &sucesos),
            ["un header que no puede ser: MENSAJE (0) y tamaño -1 (00 00 00 00 ff ff ff ff)"]
        );
    }

    #[test]
    fn si_hubo_handshake_se_averigua_y_los_dos_sentidos_lo_saben() {
        let cable = Cable { handshake: Handshake::Auto, ..Cable::default() };
        for (dicho, hubo) in [(vec![1, 0, 0, 0], true), (cable.texto("hola"), false), (cable.header(77, 3), true)] {
            let saludo = Saludo::segun(cable.handshake);
            Lector::nuevo(&cable, Lado::Cliente, &saludo).leer(&dicho);
            assert_eq!(saludo.hubo(), Some(hubo), "{dicho:?}");
            let respuesta = Lector::nuevo(&cable, Lado::Servidor, &saludo).leer(&[0, 0, 0, 0]);
            assert_eq!(respuesta, if hubo { vec![Suceso::Handshake(0)] } else { vec![] });
        }
    }

    #[test]
    fn otros_anchos_y_el_orden_de_la_red() {
        let cable = Cable {
            codigo: Ancho::U8,
            tamanio: Ancho::U16,
            orden: crate::cable::Orden::Big,
            handshake: Handshake::No,
            ..Cable::default()
        };
        let mut lector = Lector::nuevo(&cable, Lado::Servidor, &Saludo::segun(cable.handshake));
        let sucesos = lector.leer(&[0, 0, 3, b's', 0xc3, 0xad, 255, 0, 0]);
        assert_eq!(contados(&lector, &sucesos), ["MENSAJE (0), 3 bytes: \"sí\"", "código -1, 0 bytes"]);
    }
}
