//! `tp0 intermediario`: se pone entre dos programas, muestra cada mensaje que pasa, y puede estorbarlos.
//!
//! Cada conexión tiene un hilo por sentido. Lo que llega y lo que sale se leen por separado: lo que se muestra que salió es lo que salió de
//! verdad, con sus estorbos.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use socket2::SockRef;

use crate::Salida;
use crate::cable::{Cable, en_bytes, en_u64};
use crate::descripcion::{Descripcion, Opciones};
use crate::dichos;
use crate::falla::{Falla, Resultado, en_castellano};
use crate::lector::{Lado, Lector, Saludo, Suceso};
use crate::red::{self, Interrupcion, Lugar};
use crate::traza::Traza;

/// Lo que se pidió.
#[derive(Debug, Args)]
#[command(override_usage = "tp0 intermediario [OPCIONES] ESCUCHA DESTINO")]
pub(crate) struct Pedido {
    /// Dónde escuchar: PUERTO o IP:PUERTO; con 0, uno libre cualquiera
    #[arg(value_name = "ESCUCHA")]
    escucha: String,
    /// Con quién conectarse por cada uno que llega: PUERTO (de esta máquina) o IP:PUERTO
    #[arg(value_name = "DESTINO")]
    destino: String,
    #[command(flatten)]
    fallas: Fallas,
    /// Archivo donde dejar además lo que se muestra, para dibujarlo con «tp0 diagrama»
    #[arg(long, value_name = "ARCHIVO")]
    traza: Option<PathBuf>,
    #[command(flatten)]
    opciones: Opciones,
}

/// En qué se los estorba.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Fallas")]
struct Fallas {
    /// Demora lo que pasa, en milisegundos
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(..=600_000))]
    demora: Option<u64>,
    /// Deja pasar, a lo sumo, tantos bytes por segundo
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    ritmo: Option<u64>,
    /// Manda de a un byte
    #[arg(long)]
    rebanar: bool,
    /// Cierra la conexión después de tantos bytes
    #[arg(long, value_name = "N", conflicts_with = "resetear")]
    cortar: Option<u64>,
    /// La corta con un RST después de tantos bytes
    #[arg(long, value_name = "N")]
    resetear: Option<u64>,
    /// Cambia por éste el tamaño que dice el header de un mensaje
    #[arg(long, value_name = "TAMAÑO", allow_hyphen_values = true)]
    mentir: Option<String>,
    /// De qué mensaje se cambia el tamaño (si no se dice, del primero)
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true, requires = "mentir")]
    en: u64,
    /// A qué se estorba: ida (lo que dice el que llama; si no se dice), vuelta o ambos
    #[arg(long, value_name = "SENTIDO", default_value = "ida", hide_default_value = true, hide_possible_values = true)]
    sentido: Sentidos,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sentidos {
    Ida,
    Vuelta,
    Ambos,
}

/// Lo que comparten los hilos.
struct Puente {
    descripcion: Descripcion,
    destino: Vec<SocketAddr>,
    fallas: Fallas,
    /// El tamaño falso, ya en bits del cable.
    mentira: Option<u64>,
    traza: Traza,
    fin: Mutex<bool>,
    cambio: Condvar,
    /// Los pares de sockets que hay, para poder despertar a quien los lee.
    abiertos: Mutex<BTreeMap<u64, Arc<Par>>>,
    /// Si alguna vez se llegó al destino.
    hubo_destino: AtomicBool,
    /// Por qué no se puede seguir, y por dónde despertar a quien acepta.
    sin_destino: Mutex<Option<Falla>>,
    timbre: UnixStream,
}

/// Los dos sockets de una conexión que pasa por acá.
struct Par {
    cliente: TcpStream,
    servidor: TcpStream,
    /// La cortó una falla: ya no se copia nada.
    cortado: AtomicBool,
    /// Uno de los dos lados ya dijo que terminó.
    terminado: AtomicBool,
}

fn tomar<T>(cerrojo: &Mutex<T>) -> MutexGuard<'_, T> {
    cerrojo.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Está en el medio hasta que lo corten con Ctrl-C.
pub(crate) fn hacer(pedido: &Pedido) -> Resultado<Salida> {
    let descripcion = pedido.opciones.describir()?;
    let mentira = pedido.fallas.mentira(&descripcion.cable)?;
    let lugar = Lugar::leer(&pedido.escucha, "0.0.0.0")?;
    let destino = Lugar::leer(&pedido.destino, "127.0.0.1")?.como_destino()?;
    let interrupcion = Interrupcion::preparar()?;
    let traza = Traza::nueva("intermediario", pedido.traza.as_deref())?;
    let escucha = lugar.escuchar(&traza)?;
    let (timbre, campana) =
        UnixStream::pair().map_err(|causa| Falla::del_sistema("No pude preparar los hilos", causa))?;
    let puente = Arc::new(Puente {
        descripcion,
        destino,
        fallas: pedido.fallas.clone(),
        mentira,
        traza,
        fin: Mutex::new(false),
        cambio: Condvar::new(),
        abiertos: Mutex::default(),
        hubo_destino: AtomicBool::new(false),
        sin_destino: Mutex::new(None),
        timbre,
    });
    let mut hilos = Vec::new();
    let resultado = aceptar(&puente, &escucha, &interrupcion, &campana, &mut hilos);
    drop(escucha);
    puente.terminar();
    for hilo in hilos {
        let _: thread::Result<()> = hilo.join();
    }
    resultado
}

fn aceptar(
    puente: &Arc<Puente>,
    escucha: &TcpListener,
    interrupcion: &Interrupcion,
    campana: &UnixStream,
    hilos: &mut Vec<thread::JoinHandle<()>>,
) -> Resultado<Salida> {
    for numero in 0.. {
        let hay = red::esperar(&[interrupcion.as_fd(), campana.as_fd(), escucha.as_fd()], None)?;
        match hay.as_slice() {
            [true, ..] => return Ok(Salida::Bien),
            [_, true, _] => {
                let falla = tomar(&puente.sin_destino).take();
                return falla.map_or(Ok(Salida::Bien), Err);
            }
            _ => {}
        }
        hilos.retain(|hilo| !hilo.is_finished());
        let llego = (hay.get(2) == Some(&true)).then(|| red::aceptar(escucha, &puente.traza)).flatten();
        if let Some((cliente, quien)) = llego {
            let propio = Arc::clone(puente);
            let hilo = thread::Builder::new().spawn(move || propio.unir(numero, cliente, quien));
            match hilo {
                Ok(hilo) => hilos.push(hilo),
                Err(causa) => {
                    puente.traza.falla(format_args!("=> No pude atender a {quien}: {}.", en_castellano(&causa)))
                }
            }
        }
    }
    Ok(Salida::Bien)
}

impl Puente {
    /// Une a un cliente con el destino, y copia hasta que terminen.
    fn unir(self: Arc<Self>, numero: u64, cliente: TcpStream, quien: SocketAddr) {
        let servidor = match red::conectar(&self.destino, self.descripcion.espera, &self.traza) {
            Ok(servidor) => servidor,
            Err(falla) => return self.sin_destino(cliente, quien, &falla),
        };
        self.hubo_destino.store(true, Ordering::Relaxed);
        let falso = || AtomicBool::new(false);
        let par = Arc::new(Par { cliente, servidor, cortado: falso(), terminado: falso() });
        tomar(&self.abiertos).insert(numero, Arc::clone(&par));
        // Si se pidió terminar mientras se conectaba, nadie vio este par.
        if *tomar(&self.fin) {
            par.despertar();
        }
        let saludo = Saludo::segun(self.descripcion.cable.handshake);
        thread::scope(|hilos| {
            let vuelta = thread::Builder::new().spawn_scoped(hilos, || self.copiar(&par, Lado::Servidor, &saludo));
            if let Err(causa) = vuelta {
                self.traza.falla(format_args!("=> No pude atender a {quien}: {}.", en_castellano(&causa)));
                return;
            }
            self.copiar(&par, Lado::Cliente, &saludo);
        });
        tomar(&self.abiertos).remove(&numero);
        // Los números se dicen cerrados recién cuando nadie más los usa: hasta acá no los puede tener otro.
        for socket in [&par.servidor, &par.cliente] {
            self.traza.llamada(format_args!("close({})", socket.as_raw_fd()));
        }
    }

    /// Al que llega se lo corta, como si nadie escuchara. Si nunca hubo destino, no hay nada que hacer acá.
    fn sin_destino(&self, cliente: TcpStream, quien: SocketAddr, falla: &Falla) {
        let _ = SockRef::from(&cliente).set_linger(Some(Duration::ZERO));
        let numero = cliente.as_raw_fd();
        drop(cliente);
        self.traza.llamada(format_args!("close({numero})"));
        if self.hubo_destino.load(Ordering::Relaxed) {
            self.traza.falla(format_args!("=> Llegó {quien} y {}", con_minuscula(&falla.to_string())));
            return;
        }
        tomar(&self.sin_destino).get_or_insert_with(|| falla.clone());
        let _ = (&self.timbre).write_all(b"!");
    }

    fn terminar(&self) {
        *tomar(&self.fin) = true;
        self.cambio.notify_all();
        tomar(&self.abiertos).values().for_each(|par| par.despertar());
    }

    /// Deja pasar el tiempo. Si no, es que hay que terminar.
    fn esperar(&self, cuanto: Duration) -> bool {
        let fin = tomar(&self.fin);
        let (fin, _) = self.cambio.wait_timeout_while(fin, cuanto, |fin| !*fin).unwrap_or_else(PoisonError::into_inner);
        !*fin
    }

    /// Copia lo que dice `lado`, con sus fallas, hasta que se calle.
    fn copiar(&self, par: &Par, lado: Lado, saludo: &Saludo) {
        let (de, a) = match lado {
            Lado::Cliente => (&par.cliente, &par.servidor),
            Lado::Servidor => (&par.servidor, &par.cliente),
        };
        let lector = || Lector::nuevo(&self.descripcion.cable, lado, saludo);
        let mut sentido = Sentido {
            puente: self,
            par,
            de,
            a,
            llegadas: lector(),
            salidas: lector(),
            estorbado: matches!(
                (self.fallas.sentido, lado),
                (Sentidos::Ambos, _) | (Sentidos::Ida, Lado::Cliente) | (Sentidos::Vuelta, Lado::Servidor)
            ),
            pasaron: 0,
            mentira: self
                .mentira
                .map(|tamanio| Mentira::nueva(&self.descripcion.cable, saludo, self.fallas.en, tamanio)),
        };
        sentido.copiar();
    }
}

/// «No pude...» en medio de una oración.
fn con_minuscula(texto: &str) -> String {
    let mut letras = texto.chars();
    letras.next().map(|primera| primera.to_lowercase().chain(letras).collect()).unwrap_or_default()
}

impl Par {
    /// Quien esté leyendo o mandando deja de esperar.
    fn despertar(&self) {
        for socket in [&self.cliente, &self.servidor] {
            // Si el otro ya se fue, ya está despierto.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Los dos sockets se van a cerrar con un RST, cuando los suelte el último que los usa; para eso se lo despierta sin mandar nada.
    fn cortar_con_rst(&self) {
        self.cortado.store(true, Ordering::Relaxed);
        for socket in [&self.cliente, &self.servidor] {
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
            let _ = socket.shutdown(Shutdown::Read);
        }
    }

    fn cortar(&self) {
        self.cortado.store(true, Ordering::Relaxed);
        self.despertar();
    }
}

/// Uno de los dos sentidos de una conexión.
struct Sentido<'a> {
    puente: &'a Puente,
    par: &'a Par,
    de: &'a TcpStream,
    a: &'a TcpStream,
    llegadas: Lector,
    salidas: Lector,
    /// Si las fallas son para él.
    estorbado: bool,
    /// Cuántos bytes dejó pasar.
    pasaron: u64,
    mentira: Option<Mentira>,
}

impl Sentido<'_> {
    fn copiar(&mut self) {
        let mut pedazo = vec![0; 16 * 1024];
        loop {
            let leido = (&mut &*self.de).read(&mut pedazo);
            if self.par.cortado.load(Ordering::Relaxed) || *tomar(&self.puente.fin) {
                return;
            }
            match leido {
                Ok(0) => return self.terminar(),
                Ok(leidos) => {
                    if !self.pasar(pedazo.get(..leidos).unwrap_or_default()) {
                        return;
                    }
                }
                Err(causa) if causa.kind() == ErrorKind::Interrupted => {}
                Err(causa) => {
                    let numero = self.de.as_raw_fd();
                    self.puente.traza.llega(numero, format_args!("corte: {}", en_castellano(&causa)));
                    self.par.cortar_con_rst();
                    return;
                }
            }
        }
    }

    /// Pasa lo que llegó. Si se sigue.
    fn pasar(&mut self, bytes: &[u8]) -> bool {
        let numero = self.de.as_raw_fd();
        for suceso in self.llegadas.leer(bytes) {
            self.puente.traza.llega(numero, self.llegadas.contar(&suceso));
            self.avisar_si_no_cierra(&suceso);
        }
        if !self.estorbado {
            return self.mandar(bytes);
        }
        let demora = self.puente.fallas.demora.map(Duration::from_millis);
        if demora.is_some_and(|demora| !self.puente.esperar(demora)) {
            return false;
        }
        match self.mentira.as_mut() {
            Some(mentira) => {
                let bytes = mentira.pasar(bytes);
                self.estorbar(&bytes)
            }
            None => self.estorbar(bytes),
        }
    }

    fn avisar_si_no_cierra(&self, suceso: &Suceso) {
        if matches!(suceso, Suceso::NoCierra(_)) {
            self.puente.traza.falla("=> De ahí en más pasa sin mostrarse: no se sabe dónde empieza cada mensaje.");
        }
    }

    /// Manda con el ritmo, las rebanadas y el corte que se pidieron.
    fn estorbar(&mut self, bytes: &[u8]) -> bool {
        let fallas = &self.puente.fallas;
        let corte = fallas.cortar.or(fallas.resetear);
        let quedan = corte.map_or(u64::MAX, |corte| corte.saturating_sub(self.pasaron));
        let entran = usize::try_from(quedan).unwrap_or(usize::MAX).min(bytes.len());
        // Diez porciones por segundo: así se ve que va lento, y no a los saltos.
        let porcion = match fallas.ritmo {
            _ if fallas.rebanar => 1,
            Some(ritmo) => usize::try_from(ritmo.div_ceil(10)).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        for parte in bytes.get(..entran).unwrap_or_default().chunks(porcion) {
            if !self.mandar(parte) {
                return false;
            }
            if let Some(ritmo) = fallas.ritmo {
                let dura = Duration::from_micros((en_u64(parte.len()).saturating_mul(1_000_000)) / ritmo);
                if !self.puente.esperar(dura) {
                    return false;
                }
            }
        }
        let Some(corte) = corte.filter(|corte| self.pasaron >= *corte) else { return true };
        self.cortar(corte);
        false
    }

    fn cortar(&self, corte: u64) {
        let cuanto = en_bytes(usize::try_from(corte).unwrap_or(usize::MAX));
        if self.puente.fallas.resetear.is_some() {
            self.puente.traza.falla(format_args!("falla: RST después de {cuanto}"));
            self.par.cortar_con_rst();
        } else {
            self.puente.traza.falla(format_args!("falla: se cierra después de {cuanto}"));
            self.par.cortar();
        }
    }

    /// Manda, y muestra lo que se terminó de mandar.
    fn mandar(&mut self, bytes: &[u8]) -> bool {
        let numero = self.a.as_raw_fd();
        if let Err(causa) = (&mut &*self.a).write_all(bytes) {
            let avisar = !self.par.cortado.load(Ordering::Relaxed) && !*tomar(&self.puente.fin);
            if avisar {
                self.puente.traza.sale(numero, format_args!("corte: {}", en_castellano(&causa)));
            }
            self.par.cortar_con_rst();
            return false;
        }
        self.pasaron = self.pasaron.saturating_add(en_u64(bytes.len()));
        for suceso in self.salidas.leer(bytes) {
            self.puente.traza.sale(numero, self.salidas.contar(&suceso));
        }
        true
    }

    /// El que habla cerró: se le dice al otro, que todavía puede contestar.
    fn terminar(&mut self) {
        let resto = self.mentira.as_mut().map(Mentira::terminar).unwrap_or_default();
        if !self.mandar(&resto) {
            return;
        }
        if !self.par.terminado.swap(true, Ordering::Relaxed) {
            self.puente.traza.llega(self.de.as_raw_fd(), "fin: el otro lado cerró");
        }
        if let Some(donde) = self.llegadas.a_medias() {
            self.puente.traza.falla(format_args!("=> Se cortó {donde}."));
        }
        // Si el otro ya se fue, no hay a quién decirle.
        let _ = self.a.shutdown(Shutdown::Write);
    }
}

/// Cambia el tamaño de un mensaje, y nada más: sigue los headers aunque vengan partidos.
struct Mentira {
    cable: Cable,
    saludo: Saludo,
    /// Cuántos mensajes faltan para el que se cambia; 0: ya se cambió.
    faltan: u64,
    tamanio: u64,
    /// Bytes que pasan como están antes del próximo header. `None`: falta saber si hay un handshake.
    intactos: Option<u64>,
    header: Vec<u8>,
}

impl Mentira {
    fn nueva(cable: &Cable, saludo: &Saludo, cual: u64, tamanio: u64) -> Self {
        let (cable, saludo) = (cable.clone(), saludo.clone());
        Self { cable, saludo, faltan: cual, tamanio, intactos: None, header: Vec::new() }
    }

    fn pasar(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.header.extend_from_slice(bytes);
        let mut salen = Vec::new();
        while self.faltan > 0 {
            let Some(intactos) = self.intactos.or_else(|| self.saludo.hubo().map(|hubo| if hubo { 4 } else { 0 }))
            else {
                return salen;
            };
            let ahora = usize::try_from(intactos).unwrap_or(usize::MAX).min(self.header.len());
            salen.extend(self.header.drain(..ahora));
            self.intactos = Some(intactos - en_u64(ahora));
            let largo = self.cable.largo_del_header();
            let Some(header) = self.cable.leer_header(&self.header).filter(|_| self.intactos == Some(0)) else {
                return salen;
            };
            self.faltan -= 1;
            self.intactos = Some(header.tamanio);
            self.header.drain(..largo);
            let tamanio = if self.faltan == 0 { self.tamanio } else { header.tamanio };
            salen.extend(self.cable.header(header.codigo, tamanio));
        }
        salen.append(&mut self.header);
        salen
    }

    /// Lo que se tenía de un header que no llegó entero.
    fn terminar(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.header)
    }
}

impl Fallas {
    fn mentira(&self, cable: &Cable) -> Resultado<Option<u64>> {
        if self.en == 0 {
            return Err(Falla::nueva("Los mensajes se cuentan desde 1, y con --en se pidió el 0."));
        }
        let ancho = en_bytes(cable.tamanio.bytes());
        let leer = |texto: &String| {
            dichos::entero(cable.tamanio, texto).ok_or_else(|| {
                Falla::nueva(format!("«{texto}» no es un tamaño de {ancho}, que es lo que ocupa en este cable."))
            })
        };
        self.mentir.as_ref().map(leer).transpose()
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use crate::cable::Handshake;

    /// Partido en cualquier lugar, cambia un solo tamaño.
    #[test]
    fn se_miente_en_un_solo_tamanio() {
        let cable = Cable::default();
        let entero =
            |medio: &[u8]| [&[1, 0, 0, 0][..], &cable.texto("uno"), medio, b"dos\0", &cable.texto("tres")].concat();
        let (dicho, mentido) = (entero(&cable.header(0, 4)), entero(&cable.header(0, 9)));
        for corte in 0..=dicho.len() {
            let mut mentira = Mentira::nueva(&cable, &Saludo::segun(Handshake::Con(1)), 2, 9);
            let (antes, despues) = dicho.split_at(corte);
            let salio = [mentira.pasar(antes), mentira.pasar(despues), mentira.terminar()].concat();
            assert_eq!(salio, mentido, "partido en {corte}");
        }
    }

    #[test]
    fn un_header_que_no_llega_entero_pasa_como_vino() {
        let cable = Cable::default();
        let mut mentira = Mentira::nueva(&cable, &Saludo::segun(Handshake::No), 1, 9);
        assert!(mentira.pasar(&[0, 0, 0, 0, 5]).is_empty());
        assert_eq!(mentira.terminar(), [0, 0, 0, 0, 5]);
    }
}
