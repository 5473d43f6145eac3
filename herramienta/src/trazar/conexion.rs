//! Un socket de un programa: en qué anda, qué se dijo por él, y lo que falta para que una sospecha lo sea.

use super::lugares::Desde;
use crate::cable::{Ancho, Cable};
use crate::lector::{Lado, Lector, MUESTRA, Saludo, Suceso, con_signo};

/// Lo que ocupa un handshake.
const SALUDO: usize = 4;

/// Cuántas cosas de las que se dijeron con una sola llamada se muestran.
const DE_UNA_VEZ: usize = 64;

/// Algo que se movió por la mitad, y todavía puede seguir.
#[derive(Debug, Clone)]
pub(crate) struct Corto {
    pub(crate) que: String,
    pub(crate) desde: Desde,
    /// Los bytes que faltan, y dónde los espera o los tiene el programa.
    resto: i64,
    puntero: u64,
    pub(crate) con_waitall: bool,
    /// Se pidió justo hasta el final de algo del protocolo: no es un buffer donde entre lo que venga.
    exacto: bool,
}

impl Corto {
    pub(crate) fn nuevo(
        que: String,
        desde: Desde,
        (resto, puntero): (i64, u64),
        exacto: bool,
        con_waitall: bool,
    ) -> Self {
        Self { que, desde, resto, puntero, con_waitall, exacto }
    }

    /// Si la llamada que viene es la que termina ésta.
    pub(crate) fn sigue_en(&self, largo: i64, puntero: u64) -> bool {
        largo == self.resto || puntero == self.puntero
    }

    /// Si lo que falta no era lo que entrara en un buffer: el programa lo contaba entero.
    pub(crate) fn se_contaba_entero(&self) -> bool {
        self.exacto
    }

    /// Si se la dejó así: el resto llegó, y se cerró sin leerlo.
    pub(crate) fn se_abandono(&self, sin_leer: i64) -> bool {
        self.exacto && !self.con_waitall && sin_leer > 0
    }
}

/// Un hilo que manda: cuándo entró, y si ya salió.
#[derive(Debug, Clone)]
struct Envio {
    hilo: (u32, u32),
    desde: Desde,
    salio: bool,
}

/// Un sentido de la conversación.
#[derive(Debug)]
struct Sentido {
    lector: Lector,
    /// No es este protocolo: se muestra lo que pasa, sin separarlo.
    crudo: bool,
    /// Lo que pasó desde lo último que se entendió, y cuánto es.
    sin_entender: Vec<u8>,
    cuanto: usize,
    /// Se entendió algo que es de este protocolo, y no números sueltos.
    entendio: bool,
    /// Ya se contó lo que quedó por la mitad.
    conto_lo_que_quedo: bool,
}

impl Sentido {
    fn nuevo(cable: &Cable, lado: Lado, saludo: &Saludo) -> Self {
        Self {
            lector: Lector::nuevo(cable, lado, saludo),
            crudo: false,
            sin_entender: Vec::new(),
            cuanto: 0,
            entendio: false,
            conto_lo_que_quedo: false,
        }
    }

    fn leer(&mut self, bytes: &[u8]) -> Vec<String> {
        let lugar = MUESTRA.saturating_sub(self.sin_entender.len());
        self.sin_entender.extend(bytes.iter().take(lugar));
        self.cuanto += bytes.len();
        self.conto_lo_que_quedo = false;
        if self.crudo {
            return vec![self.en_crudo()];
        }
        let mut dichos = Vec::new();
        let mut de_mas = 0;
        for suceso in self.lector.leer(bytes) {
            self.entendio |= self.es_de_este_protocolo(&suceso);
            // Con un código desconocido, lo que no puede ser es que esto sea un header.
            self.crudo = matches!(suceso, Suceso::NoCierra(_));
            if !matches!(suceso, Suceso::NoCierra(header) if !self.lector.conoce_el_codigo(header)) {
                self.cuanto = self.cuanto.saturating_sub(self.lector.ocupa(&suceso));
                if dichos.len() < DE_UNA_VEZ {
                    dichos.push(self.lector.contar(&suceso));
                } else {
                    de_mas += 1;
                }
            }
        }
        if de_mas > 0 {
            dichos.push(format!("y {de_mas} mensajes más, en la misma llamada"));
        }
        if self.cuanto <= bytes.len() {
            let resto = bytes.get(bytes.len() - self.cuanto..).unwrap_or_default();
            self.sin_entender = resto.iter().copied().take(MUESTRA).collect();
        }
        if self.crudo && self.cuanto > 0 {
            dichos.push(self.en_crudo());
        }
        dichos
    }

    fn es_de_este_protocolo(&self, suceso: &Suceso) -> bool {
        match suceso {
            Suceso::Handshake(valor) => *valor == tp0::HANDSHAKE,
            Suceso::Mensaje { header, .. } => header.tamanio > 0 && self.lector.conoce_el_codigo(*header),
            Suceso::NoCierra(_) => false,
        }
    }

    /// Lo que quedó por la mitad, una vez.
    fn lo_que_quedo(&mut self, como: &str) -> Option<String> {
        if self.crudo || std::mem::replace(&mut self.conto_lo_que_quedo, true) {
            return None;
        }
        self.lector.a_medias_con_bytes(como)
    }

    fn en_crudo(&mut self) -> String {
        let (bytes, cuanto) = (std::mem::take(&mut self.sin_entender), std::mem::take(&mut self.cuanto));
        format!("sin formato, {cuanto} bytes: {}", self.lector.valor(&bytes))
    }
}

#[derive(Debug)]
struct Charla {
    /// De qué lado está el programa.
    lado: Lado,
    saludo: Saludo,
    sale: Sentido,
    llega: Sentido,
    /// Los primeros bytes del cliente, mientras no se sepa si son un handshake o un código: lo dice lo que venga después.
    dudoso: Vec<u8>,
}

/// Un socket, que pueden tener varios descriptores y varios procesos.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    charla: Option<Charla>,
    /// La llamada que dio -1, y desde dónde.
    pub(crate) fallo: Option<(Fallo, String, Desde)>,
    pub(crate) con_nombre: bool,
    pub(crate) reuseaddr: bool,
    pub(crate) reuseport: Option<(String, Desde)>,
    /// El connect que no esperó a que lo atiendan, con la dirección y la propia.
    pub(crate) conectando: Option<String>,
    pub(crate) se_fue: bool,
    pub(crate) conto_el_fin: bool,
    pub(crate) envio_corto: Option<Corto>,
    /// El último envío que anduvo, y si después falló otro.
    pub(crate) ultimo_envio: Option<(String, Desde)>,
    pub(crate) envio_fallido: bool,
    /// Si un mensaje queda por la mitad, ya se sabe por qué.
    pub(crate) excusado: bool,
    pub(crate) recepcion_corta: Option<Corto>,
    envios: Vec<Envio>,
    /// Los últimos bytes que llegaron: puede ser un tamaño.
    ultimos: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallo {
    Bind,
    Listen,
    Connect,
}

impl Socket {
    /// Desde ahora es una conversación.
    pub(crate) fn conversar(&mut self, cable: &Cable, lado: Lado) {
        let saludo = Saludo::segun(cable.handshake);
        let otro = if lado == Lado::Cliente { Lado::Servidor } else { Lado::Cliente };
        self.charla = Some(Charla {
            lado,
            sale: Sentido::nuevo(cable, lado, &saludo),
            llega: Sentido::nuevo(cable, otro, &saludo),
            saludo,
            dudoso: Vec::new(),
        });
    }

    pub(crate) fn conversa(&self) -> bool {
        self.charla.is_some()
    }

    /// Lo que se terminó de decir con estos bytes: si salió, y qué.
    pub(crate) fn decir(&mut self, sale: bool, bytes: &[u8]) -> Vec<(bool, String)> {
        if !sale {
            self.ultimos.extend_from_slice(bytes.get(bytes.len().saturating_sub(8)..).unwrap_or_default());
            self.ultimos.drain(..self.ultimos.len().saturating_sub(8));
        }
        self.charla.as_mut().map_or_else(Vec::new, |charla| charla.decir(sale, bytes))
    }

    /// La conversación terminó: lo que faltaba entender se entiende como esté.
    pub(crate) fn cerrar(&mut self) -> Vec<(bool, String)> {
        let Some(charla) = self.charla.as_mut() else { return Vec::new() };
        charla.resolver(es_un_saludo(&charla.dudoso))
    }

    /// Lo que quedó por la mitad de lo que sale, o de lo que llega. Se dice una vez.
    pub(crate) fn lo_que_quedo(&mut self, sale: bool) -> Option<String> {
        let charla = self.charla.as_mut()?;
        if sale { charla.sale.lo_que_quedo("salieron") } else { charla.llega.lo_que_quedo("llegaron") }
    }

    /// El mensaje que el programa anunció y no terminó de mandar, sin que nada se lo impidiera: el último envío, cuánto anunció y cuánto mandó.
    pub(crate) fn mensaje_corto(&self) -> Option<(&(String, Desde), u64, u64)> {
        let charla = self.charla.as_ref().filter(|charla| charla.sale.entendio || charla.llega.entendio)?;
        let enviando = self.envios.iter().any(|envio| !envio.salio);
        if self.se_fue || self.excusado || self.envio_fallido || enviando {
            return None;
        }
        let (anuncio, mando) = charla.sale.lector.payload_a_medias()?;
        // Si no mandó nada, pudo mandarlo de otra manera (sendfile, stdio), que no se ve.
        self.ultimo_envio.as_ref().filter(|_| mando > 0).map(|envio| (envio, anuncio, mando))
    }

    /// Dónde termina algo de lo que llega, contado desde acá. Vacío: no se entiende qué llega.
    fn bordes(&self) -> Vec<u64> {
        match &self.charla {
            Some(charla) if charla.llega.crudo => Vec::new(),
            Some(charla) if charla.dudoso.is_empty() => charla.llega.lector.bordes(),
            Some(charla) => {
                [4_u64, 8].iter().filter_map(|borde| borde.checked_sub(charla.sobra_del_saludo())).collect()
            }
            None => Vec::new(),
        }
    }

    /// Si ese largo es el que acaba de llegar por el cable, con cualquier ancho y en cualquier orden.
    pub(crate) fn vino_del_cable(&self, largo: i64) -> bool {
        [Ancho::U8, Ancho::U16, Ancho::U32, Ancho::U64].into_iter().any(|ancho| {
            let Some(bytes) = self.ultimos.len().checked_sub(ancho.bytes()).and_then(|desde| self.ultimos.get(desde..))
            else {
                return false;
            };
            let juntar = |valor: u64, byte: &u8| valor << 8 | u64::from(*byte);
            let leidos = [bytes.iter().fold(0, juntar), bytes.iter().rev().fold(0, juntar)];
            // Uno negativo, pasado a size_t, es enorme.
            let lo_pide = |leido: u64| i64::try_from(leido) == Ok(largo) || con_signo(ancho, leido) == largo;
            leidos.into_iter().any(lo_pide)
        })
    }

    /// Si pedir tanto es pedir algo entero: hasta donde termina una parte de lo que llega, lo que dijo el cable, o un número.
    pub(crate) fn es_algo_entero(&self, largo: i64) -> bool {
        self.bordes().iter().any(|borde| i64::try_from(*borde) == Ok(largo))
            || self.vino_del_cable(largo)
            || (0..=8).contains(&largo)
    }

    pub(crate) fn empieza_envio(&mut self, hilo: (u32, u32), desde: &Desde) {
        self.envios.retain(|envio| envio.hilo != hilo || envio.salio);
        self.envios.push(Envio { hilo, desde: desde.clone(), salio: false });
    }

    /// Los que empezaron mientras éste estaba adentro: que haya salido prueba que estaban juntos.
    pub(crate) fn termina_envio(&mut self, hilo: (u32, u32), mando: bool) -> Vec<Desde> {
        let Some(este) = self.envios.iter().position(|envio| envio.hilo == hilo && !envio.salio) else {
            return Vec::new();
        };
        let otros = self.envios.iter().skip(este + 1).filter(|otro| otro.hilo != hilo && mando);
        let encimados: Vec<Desde> = otros.map(|otro| otro.desde.clone()).collect();
        self.excusado |= !encimados.is_empty();
        match self.envios.get_mut(este) {
            Some(envio) if mando => envio.salio = true,
            _ => drop(self.envios.remove(este)),
        }
        // El que salió sólo le importa a uno que haya entrado antes y siga adentro.
        let primero = self.envios.iter().position(|envio| !envio.salio).unwrap_or(self.envios.len());
        self.envios.drain(..primero);
        encimados
    }
}

/// Si empieza con el handshake de siempre, en cualquiera de los dos órdenes.
fn es_un_saludo(bytes: &[u8]) -> bool {
    let esperado = tp0::HANDSHAKE;
    bytes.first_chunk().is_some_and(|bytes| [esperado.to_le_bytes(), esperado.to_be_bytes()].contains(bytes))
}

impl Charla {
    fn decir(&mut self, sale: bool, bytes: &[u8]) -> Vec<(bool, String)> {
        let del_cliente = sale == (self.lado == Lado::Cliente);
        let mut dichos = Vec::new();
        let mut bytes = bytes.to_vec();
        if self.saludo.hubo().is_none() && (del_cliente || !self.dudoso.is_empty()) {
            if del_cliente && self.dudoso.len() < SALUDO {
                self.dudoso.append(&mut bytes);
                if self.dudoso.len() <= SALUDO {
                    return dichos;
                }
                bytes = std::mem::take(&mut self.dudoso);
                let con_otro_mensaje =
                    bytes.get(SALUDO..).is_some_and(|resto| self.del_cliente().lector.parece_un_mensaje(resto));
                let solo = self.del_cliente().lector.parece_un_mensaje(&bytes);
                self.saludo.anotar(!solo && (es_un_saludo(&bytes) || con_otro_mensaje));
            } else {
                // El que se presentó espera la respuesta, o manda ya un mensaje entero; lo que sigue a un código es su tamaño.
                let hubo = !del_cliente || self.del_cliente().lector.parece_un_mensaje(&bytes);
                dichos = self.resolver(hubo);
            }
        }
        let sentido = if sale { &mut self.sale } else { &mut self.llega };
        dichos.extend(sentido.leer(&bytes).into_iter().map(|dicho| (sale, dicho)));
        dichos
    }

    fn del_cliente(&mut self) -> &mut Sentido {
        if self.lado == Lado::Cliente { &mut self.sale } else { &mut self.llega }
    }

    fn resolver(&mut self, hubo: bool) -> Vec<(bool, String)> {
        let dudoso = std::mem::take(&mut self.dudoso);
        if dudoso.is_empty() {
            return Vec::new();
        }
        self.saludo.anotar(hubo);
        let sale = self.lado == Lado::Cliente;
        self.del_cliente().leer(&dudoso).into_iter().map(|dicho| (sale, dicho)).collect()
    }

    fn sobra_del_saludo(&self) -> u64 {
        crate::cable::en_u64(self.dudoso.len() % SALUDO)
    }
}
