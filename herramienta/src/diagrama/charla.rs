//! De las trazas de varios procesos a una sola historia: qué salida de uno es la llegada de otro, y en qué orden pasó todo.

use std::collections::{HashMap, VecDeque};

use super::traza::{Que, Traza};

/// Una columna del dibujo.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Participante {
    pub(crate) nombre: String,
    /// `None`: no hay traza suya.
    pub(crate) pid: Option<u32>,
}

/// Lo que va en un renglón del dibujo.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Escena {
    /// Lo que un participante hizo sin que otro intervenga.
    Solo { quien: usize, que: Vec<String>, clase: Clase },
    /// Algo que fue de uno a otro.
    Flecha { de: usize, a: usize, que: String, clase: Clase },
}

/// Cómo se dibuja.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clase {
    Llamada,
    Conexion,
    Handshake,
    Mensaje,
    /// Un mensaje que nadie contó haber recibido.
    Perdido,
    Fin,
    Falla,
}

/// La historia.
#[derive(Debug)]
pub(crate) struct Charla {
    pub(crate) participantes: Vec<Participante>,
    pub(crate) escenas: Vec<Escena>,
}

/// Un paso, por su traza y su lugar en ella.
type Lugar = (usize, usize);

/// Un extremo de una conexión: dónde empezó, y los lugares de lo que le llegó y de lo que mandó, en orden.
#[derive(Debug, Default)]
struct Extremo {
    comienzo: Lugar,
    salidas: Vec<Lugar>,
    llegadas: Vec<Lugar>,
    cierre: Option<Lugar>,
    fin: Option<Lugar>,
}

/// Una conexión: quién llamó y quién atendió, si están sus trazas.
#[derive(Debug, Default)]
struct Conexion {
    servidor: String,
    cliente: String,
    llamo: Option<Extremo>,
    atendio: Option<Extremo>,
}

/// A qué va unido un paso.
#[derive(Debug, Clone, Copy)]
enum Union {
    /// Es la llegada de ese otro paso.
    Es(Lugar),
    /// Es la llegada de algo de un participante sin traza.
    Viene { de: usize },
    /// Salió, y su llegada es ésa; o nadie la contó.
    Va { a: usize, llegada: Option<Lugar> },
}

impl Charla {
    pub(crate) fn de(trazas: &[Traza]) -> Result<Self, String> {
        let conexiones = buscar_conexiones(trazas);
        let mut participantes: Vec<Participante> =
            trazas.iter().map(|traza| Participante { nombre: traza.programa.clone(), pid: Some(traza.pid) }).collect();
        let uniones = unir(trazas, &conexiones, &mut participantes)?;
        let mut escenas = Vec::new();
        for lugar in ordenar(trazas, &uniones) {
            agregar_escena(&mut escenas, trazas, &uniones, lugar);
        }
        Ok(Self { participantes, escenas })
    }

    pub(crate) fn resumen(&self) -> String {
        let flechas = self.escenas.iter().filter(|escena| matches!(escena, Escena::Flecha { .. })).count();
        let contar = |cuantos: usize, uno: &str| format!("{cuantos} {uno}{}", if cuantos == 1 { "" } else { "s" });
        format!("{} y {}", contar(self.participantes.len(), "participante"), contar(flechas, "flecha"))
    }
}

fn que_paso(trazas: &[Traza], (traza, paso): Lugar) -> Option<&Que> {
    Some(&trazas.get(traza)?.pasos.get(paso)?.que)
}

/// Las conexiones de todas las trazas. Un cliente se reconoce por su dirección, que el servidor ve; si la usó más de una vez, por orden.
fn buscar_conexiones(trazas: &[Traza]) -> Vec<Conexion> {
    let mut conexiones: Vec<Conexion> = Vec::new();
    for (numero, traza) in trazas.iter().enumerate() {
        // Qué conexión hay ahora en cada descriptor, y si es del que llamó.
        let mut abiertas: HashMap<u32, (usize, bool)> = HashMap::new();
        let escucha = donde_escucha(traza);
        for (lugar, paso) in traza.pasos.iter().enumerate() {
            let lugar = (numero, lugar);
            match &paso.que {
                Que::Conecto { descriptor, servidor, propia } => {
                    let cual = buscar_o_agregar(&mut conexiones, servidor, propia, |conexion| conexion.llamo.is_none());
                    if let Some(conexion) = conexiones.get_mut(cual) {
                        conexion.servidor.clone_from(servidor);
                        conexion.llamo = Some(Extremo::desde(lugar));
                    }
                    abiertas.insert(*descriptor, (cual, true));
                }
                Que::Acepto { descriptor, cliente } => {
                    let cual =
                        buscar_o_agregar(&mut conexiones, &escucha, cliente, |conexion| conexion.atendio.is_none());
                    if let Some(conexion) = conexiones.get_mut(cual) {
                        conexion.atendio = Some(Extremo::desde(lugar));
                    }
                    abiertas.insert(*descriptor, (cual, false));
                }
                Que::Sale { descriptor, .. }
                | Que::Llega { descriptor, .. }
                | Que::LlegaElCodigo { descriptor, .. }
                | Que::Fin { descriptor }
                | Que::Cerro { descriptor } => {
                    let Some((cual, llamo)) = abiertas.get(descriptor).copied() else { continue };
                    let Some(conexion) = conexiones.get_mut(cual) else { continue };
                    let extremo = if llamo { &mut conexion.llamo } else { &mut conexion.atendio };
                    if let Some(extremo) = extremo {
                        extremo.anotar(&paso.que, lugar);
                    }
                    if matches!(paso.que, Que::Cerro { .. }) {
                        abiertas.remove(descriptor);
                    }
                }
                Que::Termino { .. } | Que::Espera | Que::Llamada { .. } => {}
            }
        }
    }
    conexiones
}

/// Su dirección, si escucha en una sola; si no, nada: no se sabe por cuál llegó cada cliente.
fn donde_escucha(traza: &Traza) -> String {
    let mut escuchas = traza.pasos.iter().filter_map(|paso| match &paso.que {
        Que::Llamada { que } => que.strip_prefix("escucha en ")?.split(';').next(),
        _ => None,
    });
    match (escuchas.next(), escuchas.next()) {
        (Some(unica), None) => unica.to_owned(),
        _ => String::new(),
    }
}

fn buscar_o_agregar(
    conexiones: &mut Vec<Conexion>,
    servidor: &str,
    cliente: &str,
    libre: impl Fn(&Conexion) -> bool,
) -> usize {
    // El sistema repite el puerto de un cliente para hablar con dos servidores: entonces los distingue el del servidor.
    let puerto_de = |direccion: &str| direccion.rsplit_once(':').map(|(_, puerto)| puerto.to_owned());
    let mismo_servidor = |otro: &str| match (puerto_de(servidor), puerto_de(otro)) {
        (Some(uno), Some(otro)) => uno == otro,
        _ => true,
    };
    let es_ella =
        |conexion: &Conexion| conexion.cliente == cliente && mismo_servidor(&conexion.servidor) && libre(conexion);
    conexiones.iter().position(es_ella).unwrap_or_else(|| {
        conexiones.push(Conexion { servidor: servidor.to_owned(), cliente: cliente.to_owned(), ..Conexion::default() });
        conexiones.len() - 1
    })
}

impl Extremo {
    fn desde(comienzo: Lugar) -> Self {
        Self { comienzo, ..Self::default() }
    }

    /// De qué traza es.
    fn traza(&self) -> usize {
        self.comienzo.0
    }

    /// Si en su archivo hay otro proceso del mismo programa: la conversación pudo seguirla un hijo.
    fn se_bifurco(&self, trazas: &[Traza]) -> bool {
        let Some(esta) = trazas.get(self.traza()) else { return false };
        let es_pariente = |otra: &&Traza| otra.archivo == esta.archivo && otra.programa == esta.programa;
        trazas.iter().filter(es_pariente).count() > 1
    }

    /// Si su traza termina con esta conexión abierta y sin contar nada más: le falta el final.
    fn esta_cortado(&self, trazas: &[Traza]) -> bool {
        let pasos = trazas.get(self.traza()).map_or(0, |traza| traza.pasos.len());
        let ultimo = self.salidas.iter().chain(&self.llegadas).chain(&self.fin).map(|(_, paso)| *paso).max();
        self.cierre.is_none() && ultimo.unwrap_or(self.comienzo.1) + 1 == pasos && !self.se_bifurco(trazas)
    }

    fn anotar(&mut self, que: &Que, lugar: Lugar) {
        match que {
            Que::Sale { .. } => self.salidas.push(lugar),
            Que::Llega { .. } | Que::LlegaElCodigo { .. } => self.llegadas.push(lugar),
            Que::Fin { .. } => self.fin = Some(lugar),
            Que::Cerro { .. } => self.cierre = Some(lugar),
            _ => {}
        }
    }
}

/// Une cada salida con su llegada.
fn unir(
    trazas: &[Traza],
    conexiones: &[Conexion],
    participantes: &mut Vec<Participante>,
) -> Result<HashMap<Lugar, Union>, String> {
    let mut uniones = HashMap::new();
    for conexion in conexiones {
        match (&conexion.llamo, &conexion.atendio) {
            (Some(cliente), Some(servidor)) => {
                unir_una(cliente.comienzo, servidor.comienzo, &mut uniones);
                unir_sentido(trazas, cliente, servidor, &mut uniones)?;
                unir_sentido(trazas, servidor, cliente, &mut uniones)?;
            }
            // De un solo lado hay traza: el otro es una columna con su dirección.
            (Some(cliente), None) => {
                let otro = participante_sin_traza(participantes, &conexion.servidor);
                uniones.insert(cliente.comienzo, Union::Va { a: otro, llegada: None });
                unir_con_nadie(cliente, otro, &mut uniones);
            }
            (None, Some(servidor)) => {
                let otro = participante_sin_traza(participantes, &conexion.cliente);
                uniones.insert(servidor.comienzo, Union::Viene { de: otro });
                unir_con_nadie(servidor, otro, &mut uniones);
            }
            (None, None) => {}
        }
    }
    Ok(uniones)
}

fn participante_sin_traza(participantes: &mut Vec<Participante>, direccion: &str) -> usize {
    let este = Participante { nombre: direccion.to_owned(), pid: None };
    participantes.iter().position(|otro| *otro == este).unwrap_or_else(|| {
        participantes.push(este);
        participantes.len() - 1
    })
}

fn unir_con_nadie(extremo: &Extremo, otro: usize, uniones: &mut HashMap<Lugar, Union>) {
    for salida in extremo.salidas.iter().chain(&extremo.cierre) {
        uniones.insert(*salida, Union::Va { a: otro, llegada: None });
    }
    for llegada in extremo.llegadas.iter().chain(&extremo.fin) {
        uniones.insert(*llegada, Union::Viene { de: otro });
    }
}

/// Esa salida es esa llegada.
fn unir_una(salida: Lugar, llegada: Lugar, uniones: &mut HashMap<Lugar, Union>) {
    uniones.insert(salida, Union::Va { a: llegada.0, llegada: Some(llegada) });
    uniones.insert(llegada, Union::Es(salida));
}

/// La salida número `cual` es esa llegada; a las de antes ya no les llega ninguna.
fn unir_hasta(salidas: &mut VecDeque<Lugar>, cual: usize, llegada: Lugar, uniones: &mut HashMap<Lugar, Union>) {
    if let Some(salida) = salidas.drain(..=cual).next_back() {
        unir_una(salida, llegada, uniones);
    }
}

/// Lo que salió en ese lugar.
fn lo_que_salio(trazas: &[Traza], lugar: Lugar) -> Option<&String> {
    match que_paso(trazas, lugar) {
        Some(Que::Sale { que, .. }) => Some(que),
        _ => None,
    }
}

/// Lo que salió de `de` y llegó a `a`. Los dos lo cuentan en el mismo orden; el que recibe puede no contarlo, si leyó por su cuenta.
fn unir_sentido(
    trazas: &[Traza],
    de: &Extremo,
    a: &Extremo,
    uniones: &mut HashMap<Lugar, Union>,
) -> Result<(), String> {
    let mut salidas: VecDeque<Lugar> = de.salidas.iter().copied().collect();
    for salida in &salidas {
        uniones.insert(*salida, Union::Va { a: a.traza(), llegada: None });
    }
    let mut codigo = None;
    for llegada in a.llegadas.iter().copied() {
        let Some(que) = que_paso(trazas, llegada) else { continue };
        if let Que::LlegaElCodigo { que, .. } = que {
            // Del anterior no se contó más: lo que le seguía lo leyó el programa por su cuenta.
            unir_codigo(trazas, codigo.replace((llegada, que)), &mut salidas, uniones);
            continue;
        }
        let Que::Llega { que, .. } = que else { continue };
        // Un error al recibir no lo mandó nadie.
        let Some(esta) = Llamado::leer(que) else { continue };
        // Si hay una igual del todo, es ésa: las de antes las leyó el programa por su cuenta.
        let salio = salidas.iter().position(|salida| lo_que_salio(trazas, *salida) == Some(que)).or_else(|| {
            let puede_ser =
                |salida: &Lugar| Llamado::leer(lo_que_salio(trazas, *salida)?).filter(|otra| otra.puede_ser(&esta));
            salidas.iter().position(|salida| puede_ser(salida).is_some())
        });
        codigo = None;
        let Some(salio) = salio else {
            if de.esta_cortado(trazas) {
                return Err(falta_la_salida(trazas, de, llegada, que));
            }
            // Lo mandó el programa por su cuenta.
            uniones.insert(llegada, Union::Viene { de: de.traza() });
            continue;
        };
        unir_hasta(&mut salidas, salio, llegada, uniones);
    }
    unir_codigo(trazas, codigo, &mut salidas, uniones);
    if let (Some(cierre), Some(fin)) = (de.cierre, a.fin) {
        unir_una(cierre, fin, uniones);
    }
    Ok(())
}

/// El código que llegó sin que se contara su mensaje, con la primera salida que lo lleva.
fn unir_codigo(
    trazas: &[Traza],
    codigo: Option<(Lugar, &String)>,
    salidas: &mut VecDeque<Lugar>,
    uniones: &mut HashMap<Lugar, Union>,
) {
    let Some((codigo, llamado)) = codigo else { return };
    let lo_lleva = |salida: &Lugar| {
        let resto = lo_que_salio(trazas, *salida).and_then(|que| que.strip_prefix(llamado.as_str()));
        resto.is_some_and(|resto| resto.starts_with(','))
    };
    if let Some(cual) = salidas.iter().position(lo_lleva) {
        unir_hasta(salidas, cual, codigo, uniones);
    }
}

fn falta_la_salida(trazas: &[Traza], de: &Extremo, (traza, paso): Lugar, que: &str) -> String {
    let cual = |traza: usize| trazas.get(traza).map_or("?", |traza| traza.archivo.as_str());
    let renglon = trazas.get(traza).and_then(|traza| traza.pasos.get(paso)).map_or(0, |paso| paso.renglon);
    format!(
        "{} está cortada: le falta el envío de lo que llegó en {}, renglón {renglon} ({que}).",
        cual(de.traza()),
        cual(traza)
    )
}

/// Lo que distingue a un mensaje de otro en las dos puntas.
#[derive(Debug, PartialEq, Eq)]
enum Llamado<'a> {
    Handshake(&'a str),
    Mensaje { codigo: &'a str, tamanio: &'a str },
}

impl<'a> Llamado<'a> {
    fn leer(que: &'a str) -> Option<Self> {
        if let Some(valor) = que.strip_prefix("handshake ") {
            return Some(Self::Handshake(valor));
        }
        // Lo que quedó por la mitad no es un mensaje, diga lo que diga su comienzo.
        let (codigo, resto) = que.split_once(", ").filter(|_| !que.starts_with("quedó "))?;
        let (tamanio, _) = resto.split_once(" bytes")?;
        tamanio.parse::<u64>().ok().map(|_| Self::Mensaje { codigo, tamanio })
    }

    /// El que recibe no sabe el código si lo leyó el programa por su cuenta.
    fn puede_ser(&self, llegada: &Self) -> bool {
        match (self, llegada) {
            (Self::Mensaje { tamanio, .. }, Self::Mensaje { codigo: "payload", tamanio: otro }) => tamanio == otro,
            _ => self == llegada,
        }
    }
}

/// El orden en que pasó todo: cada proceso en el suyo, y nada llega antes de salir. Los relojes, que pueden ser de dos máquinas, sólo
/// eligen entre lo que puede ir primero.
fn ordenar(trazas: &[Traza], uniones: &HashMap<Lugar, Union>) -> Vec<Lugar> {
    let mut siguientes: Vec<usize> = vec![0; trazas.len()];
    let mut orden = Vec::new();
    loop {
        let candidatos = || {
            trazas.iter().zip(&siguientes).enumerate().filter_map(|(numero, (traza, siguiente))| {
                traza.pasos.get(*siguiente).map(|paso| (paso.instante, (numero, *siguiente)))
            })
        };
        let ya_puede = |(_, lugar): &(i64, Lugar)| match uniones.get(lugar) {
            Some(Union::Es((traza, paso))) => siguientes.get(*traza).is_some_and(|siguiente| siguiente > paso),
            _ => true,
        };
        // Con varios hilos, un renglón puede haberse escrito después de lo que causó: entonces decide el reloj.
        let Some((_, lugar)) = candidatos().filter(ya_puede).min().or_else(|| candidatos().min()) else { return orden };
        orden.push(lugar);
        if let Some(siguiente) = siguientes.get_mut(lugar.0) {
            *siguiente += 1;
        }
    }
}

fn agregar_escena(escenas: &mut Vec<Escena>, trazas: &[Traza], uniones: &HashMap<Lugar, Union>, lugar: Lugar) {
    let Some(que) = que_paso(trazas, lugar) else { return };
    let quien = lugar.0;
    match uniones.get(&lugar) {
        // La flecha ya se dibujó cuando salió; de lo que llegó, sólo aceptar es además un paso propio.
        Some(Union::Es(_)) if !matches!(que, Que::Acepto { .. }) => {}
        Some(Union::Va { a, llegada }) => {
            let se_perdio = llegada.is_none() && *a < trazas.len();
            if let Some((que, clase)) = flecha(que, se_perdio) {
                escenas.push(Escena::Flecha { de: quien, a: *a, que, clase });
            } else {
                agregar_solo(escenas, quien, que);
            }
        }
        Some(Union::Viene { de }) => {
            if let Some((que, clase)) = flecha(que, false) {
                escenas.push(Escena::Flecha { de: *de, a: quien, que, clase });
            }
            if matches!(que, Que::Acepto { .. }) {
                agregar_solo(escenas, quien, que);
            }
        }
        _ => agregar_solo(escenas, quien, que),
    }
}

/// Cómo se dibuja lo que va de uno a otro. `None`: quiso ir, y no salió.
fn flecha(que: &Que, se_perdio: bool) -> Option<(String, Clase)> {
    match que {
        Que::Conecto { .. } | Que::Acepto { .. } => Some(("connect".to_owned(), Clase::Conexion)),
        Que::Cerro { .. } | Que::Fin { .. } => Some(("close".to_owned(), Clase::Fin)),
        Que::Sale { que, .. } | Que::Llega { que, .. } => {
            let clase = match Llamado::leer(que)? {
                Llamado::Handshake(valor) if valor.starts_with("-1") => Clase::Falla,
                Llamado::Handshake(_) => Clase::Handshake,
                Llamado::Mensaje { .. } if se_perdio => Clase::Perdido,
                Llamado::Mensaje { .. } => Clase::Mensaje,
            };
            Some((que.clone(), clase))
        }
        _ => None,
    }
}

fn agregar_solo(escenas: &mut Vec<Escena>, quien: usize, que: &Que) {
    let (que, clase) = match que {
        Que::Espera | Que::LlegaElCodigo { .. } => return,
        Que::Conecto { servidor, .. } => (format!("connect({servidor})"), Clase::Llamada),
        Que::Acepto { descriptor, cliente } => (format!("accept() = {descriptor}, de {cliente}"), Clase::Llamada),
        Que::Cerro { descriptor } => (format!("close({descriptor})"), Clase::Llamada),
        Que::Fin { .. } => ("el otro lado cerró".to_owned(), Clase::Fin),
        Que::Termino { que } if que.contains("(normal)") => (que.clone(), Clase::Llamada),
        Que::Termino { que } => (que.clone(), Clase::Falla),
        Que::Sale { que, .. } | Que::Llega { que, .. } => {
            (que.clone(), if Llamado::leer(que).is_some() { Clase::Mensaje } else { Clase::Falla })
        }
        Que::Llamada { que } => {
            let fallo = que.contains(" = -1: ") || que.starts_with("se rechaza");
            (que.clone(), if fallo { Clase::Falla } else { Clase::Llamada })
        }
    };
    solo(escenas, quien, que, clase);
}

/// Lo que hace uno solo va en el mismo cuadro que lo que venía haciendo.
fn solo(escenas: &mut Vec<Escena>, quien: usize, que: String, clase: Clase) {
    match escenas.last_mut() {
        Some(Escena::Solo { quien: el_mismo, que: antes, clase: la_misma })
            if *el_mismo == quien && *la_misma == clase =>
        {
            antes.push(que);
        }
        _ => escenas.push(Escena::Solo { quien, que: vec![que], clase }),
    }
}
