//! Los procesos que se miran: qué tiene abierto cada uno, qué se cuenta de cada llamada y qué tiene de sospechoso.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::conexion::{Corto, Fallo, Socket};
use super::lugares::{Desde, Lugares, Modulo};
use super::registro::{ENTRA, NADA, NOMBRES, Que, Registro, SIN_SABER, TCP};
use super::renglones::Renglones;
use super::sospechas::{Clase as Sospecha, Sospechas};
use crate::cable::Cable;
use crate::falla::en_castellano;
use crate::lector::Lado;
use crate::traza::Clase;

/// Un descriptor de un proceso.
#[derive(Debug, Clone)]
struct Descriptor {
    socket: Rc<RefCell<Socket>>,
    /// Cómo y desde dónde lo abrió este proceso. `None`: lo heredó.
    abierto: Option<(&'static str, Desde)>,
}

/// Un close de algo que no estaba abierto: si el que sigue es del mismo lugar, es un barrido, que cierra por las dudas.
#[derive(Debug)]
struct CierreDeNada {
    fd: i32,
    desde: Desde,
    instante: u64,
}

#[derive(Debug)]
struct Proceso {
    nombre: String,
    comienzo: u64,
    presentado: bool,
    modulos: Rc<Vec<Modulo>>,
    abiertos: HashMap<i32, Descriptor>,
    /// Desde dónde se cerró cada número.
    cerrados: HashMap<i32, Desde>,
    /// En qué llamada está cada hilo, y si ya se contó que espera.
    adentro: HashMap<u32, (Registro, bool)>,
    /// Lo que tenía abierto cuando un hilo empezó un fork.
    bifurcaciones: HashMap<u32, HashMap<i32, Descriptor>>,
    /// La última llamada de cada hilo que dio -1.
    fallas: HashMap<u32, (String, Desde)>,
    cierres_de_nada: HashMap<u32, CierreDeNada>,
    barridos: HashSet<u64>,
}

impl Proceso {
    fn nuevo(nombre: String, comienzo: u64) -> Self {
        Self {
            nombre,
            comienzo,
            presentado: false,
            modulos: Rc::default(),
            abiertos: HashMap::new(),
            cerrados: HashMap::new(),
            adentro: HashMap::new(),
            bifurcaciones: HashMap::new(),
            fallas: HashMap::new(),
            cierres_de_nada: HashMap::new(),
            barridos: HashSet::new(),
        }
    }
}

/// Lo que se lleva de todos.
pub(crate) struct Procesos {
    cable: Cable,
    pub(crate) renglones: Renglones,
    pub(crate) sospechas: Sospechas,
    lugares: Lugares,
    de: HashMap<u32, Proceso>,
}

/// Las opciones de setsockopt que tienen nombre en la traza: su nivel, su número y cómo se llaman.
const OPCIONES: [(i32, i32, &str); 20] = [
    (libc::SOL_SOCKET, libc::SO_REUSEADDR, "SO_REUSEADDR"),
    (libc::SOL_SOCKET, libc::SO_REUSEPORT, "SO_REUSEPORT"),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO, "SO_RCVTIMEO"),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO, "SO_SNDTIMEO"),
    (libc::SOL_SOCKET, libc::SO_LINGER, "SO_LINGER"),
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE, "SO_KEEPALIVE"),
    (libc::SOL_SOCKET, libc::SO_RCVBUF, "SO_RCVBUF"),
    (libc::SOL_SOCKET, libc::SO_SNDBUF, "SO_SNDBUF"),
    (libc::SOL_SOCKET, libc::SO_RCVLOWAT, "SO_RCVLOWAT"),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY, "TCP_NODELAY"),
    (libc::IPPROTO_TCP, libc::TCP_QUICKACK, "TCP_QUICKACK"),
    (libc::IPPROTO_TCP, libc::TCP_CORK, "TCP_CORK"),
    (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT"),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, "TCP_KEEPIDLE"),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, "TCP_KEEPINTVL"),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT, "TCP_KEEPCNT"),
    (libc::IPPROTO_TCP, libc::TCP_SYNCNT, "TCP_SYNCNT"),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"),
    (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, "IPV6_V6ONLY"),
];

/// Cuánto se espera antes de contar que una llamada espera.
const DEMORA: u64 = 100_000_000;

impl Procesos {
    pub(crate) fn nuevos(cable: Cable, renglones: Renglones) -> Self {
        Self { cable, renglones, sospechas: Sospechas::default(), lugares: Lugares::default(), de: HashMap::new() }
    }

    /// Si alguno llegó a contar algo.
    pub(crate) fn hubo(&self) -> bool {
        !self.de.is_empty()
    }

    /// Si alguno llamó a algún socket.
    pub(crate) fn hubo_sockets(&self) -> bool {
        self.de.values().any(|proceso| proceso.presentado)
    }

    pub(crate) fn nombre(&self, pid: u32) -> Option<&str> {
        self.de.get(&pid).map(|proceso| proceso.nombre.as_str())
    }

    /// Un suceso.
    pub(crate) fn anotar(&mut self, registro: &Registro, datos: &[u8]) {
        let pid = registro.pid;
        match registro.que {
            Que::Comienzo => {
                self.dejar_todo((pid, registro.instante));
                self.de.insert(pid, Proceso::nuevo(nombre_de(datos), registro.instante));
                return;
            }
            Que::Hijo => return self.nacer(registro),
            _ => {}
        }
        if !self.de.contains_key(&pid) {
            self.adoptar(registro);
        }
        if !(registro.que == Que::Close && registro.clase == NADA) {
            self.no_era_un_barrido(pid, registro.tid);
        }
        match registro.que {
            Que::Modulo => self.cargar(registro, datos),
            Que::Fin => self.terminar(registro, datos),
            Que::Fork => self.bifurcar(registro),
            Que::Socket => self.socket(registro),
            Que::Bind => self.bind(registro, datos),
            Que::Listen => self.listen(registro, datos),
            Que::Accept => self.accept(registro, datos),
            Que::Connect => self.connect(registro, datos),
            Que::Send => self.send(registro, datos),
            Que::Recv => self.recv(registro, datos),
            Que::Setsockopt => self.setsockopt(registro),
            Que::Shutdown => self.shutdown(registro),
            Que::Close => self.close(registro),
            Que::Dup => self.dup(registro),
            Que::Dup2 => self.dup2(registro),
            Que::Comienzo | Que::Listo | Que::Hijo | Que::Mas => {}
        }
    }

    // --- Contar -----------------------------------------------------------------------------------------------------------

    fn contar(&mut self, (pid, instante): (u32, u64), clase: Clase, que: &str) {
        let Some(proceso) = self.de.get_mut(&pid) else { return };
        let quien = (proceso.nombre.as_str(), pid);
        if !proceso.presentado {
            proceso.presentado = true;
            self.renglones.presentar(quien, Duration::from_nanos(proceso.comienzo));
        }
        let hace = Duration::from_nanos(instante.saturating_sub(proceso.comienzo));
        self.renglones.escribir(quien, hace, clase, que);
    }

    /// Una llamada, con su resultado: el -1 dice su causa.
    fn llamada(&mut self, registro: &Registro, que: &str) {
        let cuando = (registro.pid, registro.instante);
        if registro.resultado >= 0 {
            return self.contar(cuando, Clase::Llamada, que);
        }
        let que = format!("{que} = -1: {}", causa(registro));
        self.contar(cuando, Clase::Falla, &que);
        self.recordar(registro, que);
    }

    /// La última que dio -1: si alguien usa ese -1, se sabe de dónde salió.
    fn recordar(&mut self, registro: &Registro, que: String) {
        let desde = self.desde(registro);
        if let Some(proceso) = self.de.get_mut(&registro.pid) {
            proceso.fallas.insert(registro.tid, (que, desde));
        }
    }

    fn dichos(&mut self, cuando: (u32, u64), fd: i32, dichos: Vec<(bool, String)>) {
        for (sale, que) in dichos {
            let (flecha, clase) = if sale { ("->", Clase::Sale) } else { ("<-", Clase::Llega) };
            self.contar(cuando, clase, &format!("{fd} {flecha} {que}"));
        }
    }

    fn desde(&self, registro: &Registro) -> Desde {
        let modulos = self.de.get(&registro.pid).map(|proceso| Rc::clone(&proceso.modulos)).unwrap_or_default();
        Desde { quienes: registro.quienes, modulos }
    }

    fn sospechar(&mut self, (pid, instante): (u32, u64), clase: Sospecha, desde: &Desde, que: &str) {
        let lugar = self.lugares.decir(desde);
        if self.sospechas.anotar(clase, &lugar, que) {
            self.contar((pid, instante), Clase::Falla, &format!("=> sospecha, {lugar}: {que}"));
        }
    }

    /// De lo que se está haciendo ahora.
    fn sospechar_de(&mut self, registro: &Registro, clase: Sospecha, que: &str) {
        let desde = self.desde(registro);
        self.sospechar((registro.pid, registro.instante), clase, &desde, que);
    }

    // --- Procesos -----------------------------------------------------------------------------------------------------------

    fn cargar(&mut self, registro: &Registro, datos: &[u8]) {
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return };
        let [base, desde, hasta] = registro.pedido.map(sin_signo);
        let archivo = PathBuf::from(String::from_utf8_lossy(datos).into_owned());
        Rc::make_mut(&mut proceso.modulos).push(Modulo { base, desde, hasta, archivo });
    }

    /// El hijo de un fork: empieza con lo que tenía su padre.
    fn nacer(&mut self, registro: &Registro) {
        let padre = u32::try_from(registro.pedido[0]).unwrap_or(0);
        let hilo = u32::try_from(registro.pedido[1]).unwrap_or(0);
        let heredado = self.de.get_mut(&padre).and_then(|padre| padre.bifurcaciones.remove(&hilo));
        self.heredar(registro, padre, heredado);
    }

    /// Uno que no se presentó: un vfork, o una bifurcación que no pasó por fork.
    fn adoptar(&mut self, registro: &Registro) {
        let padre = fs::read_to_string(format!("/proc/{}/status", registro.pid))
            .ok()
            .and_then(|estado| estado.lines().find_map(|linea| linea.strip_prefix("PPid:")?.trim().parse().ok()));
        self.heredar(registro, padre.unwrap_or(0), None);
    }

    fn heredar(&mut self, registro: &Registro, padre: u32, heredado: Option<HashMap<i32, Descriptor>>) {
        let mut hijo = Proceso::nuevo("programa".to_owned(), registro.instante);
        if let Some(padre) = self.de.get(&padre) {
            hijo.nombre.clone_from(&padre.nombre);
            hijo.modulos = Rc::clone(&padre.modulos);
            hijo.abiertos = heredado.unwrap_or_else(|| padre.abiertos.clone());
            hijo.cerrados.clone_from(&padre.cerrados);
            hijo.abiertos.values_mut().for_each(|descriptor| descriptor.abierto = None);
        }
        self.de.insert(registro.pid, hijo);
    }

    fn bifurcar(&mut self, registro: &Registro) {
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return };
        if registro.momento == ENTRA {
            let abiertos = proceso.abiertos.clone();
            proceso.bifurcaciones.insert(registro.tid, abiertos);
            return;
        }
        if registro.resultado < 0 {
            proceso.bifurcaciones.remove(&registro.tid);
        }
        // Quien no usa sockets no es parte de esta historia.
        if !proceso.abiertos.is_empty() || proceso.presentado {
            let que =
                if registro.resultado < 0 { "fork()".to_owned() } else { format!("fork() = {}", registro.resultado) };
            self.llamada(registro, &que);
        }
    }

    /// Terminó en orden, y le quedan esos descriptores.
    fn terminar(&mut self, registro: &Registro, datos: &[u8]) {
        let cuando = (registro.pid, registro.instante);
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return };
        proceso.adentro.clear();
        let mut abiertos = std::mem::take(&mut proceso.abiertos);
        let mut quedan: Vec<i32> =
            datos.chunks_exact(4).filter_map(|fd| Some(i32::from_le_bytes(*fd.first_chunk()?))).collect();
        quedan.sort_unstable();
        for fd in quedan {
            let Some(descriptor) = abiertos.get(&fd) else { continue };
            if let Some((como, desde)) = &descriptor.abierto {
                let (como, desde) = (*como, desde.clone());
                self.sospechar(
                    cuando,
                    Sospecha::Abierto,
                    &desde,
                    &format!("{como} dio {fd}, y al terminar seguía abierto"),
                );
            }
        }
        let mut fds: Vec<i32> = abiertos.keys().copied().collect();
        fds.sort_unstable();
        for fd in fds {
            let Some(descriptor) = abiertos.remove(&fd) else { continue };
            self.dejar(&Registro { fd, ..*registro }, &descriptor, 0);
        }
    }

    /// No cerró nada: lo mataron, o es otro programa. Lo que compartía con otro sigue.
    fn dejar_todo(&mut self, cuando: (u32, u64)) {
        let Some(proceso) = self.de.get_mut(&cuando.0) else { return };
        proceso.bifurcaciones.clear();
        let mut abiertos: Vec<_> = std::mem::take(&mut proceso.abiertos).into_iter().collect();
        abiertos.sort_unstable_by_key(|(fd, _)| *fd);
        for (fd, Descriptor { socket, .. }) in abiertos {
            if Rc::strong_count(&socket) == 1 {
                self.lo_que_quedo(cuando, fd, &socket, &[true, false]);
            }
        }
    }

    /// Lo que está esperando hace rato.
    pub(crate) fn contar_esperas(&mut self, ahora: u64) {
        let mut esperas = Vec::new();
        for (pid, proceso) in &mut self.de {
            for (registro, contada) in proceso.adentro.values_mut().filter(|(_, contada)| !contada) {
                if ahora.saturating_sub(registro.instante) > DEMORA {
                    *contada = true;
                    esperas.push((*pid, *registro));
                }
            }
        }
        for (pid, registro) in esperas {
            let fd = registro.fd;
            let que = match registro.que {
                Que::Accept => format!("accept({fd}): espera un cliente"),
                Que::Connect => format!("connect({fd}): espera que lo atiendan"),
                Que::Send => format!("{}({fd}): espera que el otro lea", nombre(&registro)),
                _ => format!("{}({fd}): espera", nombre(&registro)),
            };
            self.contar((pid, registro.instante), Clase::Llamada, &que);
        }
    }

    /// A ese proceso lo mató SIGPIPE: desde qué envío.
    pub(crate) fn murio_por_sigpipe(&mut self, pid: u32) {
        let Some(proceso) = self.de.get_mut(&pid) else { return };
        let adentro = std::mem::take(&mut proceso.adentro).into_values().map(|(registro, _)| registro);
        let envio = adentro.filter(|registro| registro.que == Que::Send && mata_sigpipe(registro));
        let Some(envio) = envio.max_by_key(|registro| registro.instante) else { return };
        let que = format!(
            "{}({}) sin MSG_NOSIGNAL, y el otro lado ya se había ido: SIGPIPE mató al programa",
            nombre(&envio),
            envio.fd
        );
        let lugar = self.lugares.decir(&self.desde(&envio));
        // Si ya se sospechaba, ahora se sabe.
        self.sospechas.olvidar(Sospecha::SinNosignal, &lugar);
        self.sospechar_de(&envio, Sospecha::SinNosignal, &que);
    }

    // --- Descriptores -------------------------------------------------------------------------------------------------------

    /// El socket de un descriptor. Si no se lo vio abrir, se lo conoce ahora.
    fn socket_de(&mut self, registro: &Registro) -> Rc<RefCell<Socket>> {
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return Rc::default() };
        if registro.clase != TCP {
            return Rc::default();
        }
        let nuevo = || Descriptor { socket: Rc::default(), abierto: None };
        Rc::clone(&proceso.abiertos.entry(registro.fd).or_insert_with(nuevo).socket)
    }

    fn abrir(&mut self, registro: &Registro, fd: i64, como: &'static str, socket: Rc<RefCell<Socket>>) {
        let desde = self.desde(registro);
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return };
        let fd = i32::try_from(fd).unwrap_or(-1);
        proceso.cerrados.remove(&fd);
        proceso.abiertos.insert(fd, Descriptor { socket, abierto: Some((como, desde)) });
    }

    /// Un descriptor deja de nombrar a su socket: si era el último, la conversación terminó.
    fn dejar(&mut self, registro: &Registro, descriptor: &Descriptor, sin_leer: i64) {
        let era_el_ultimo = Rc::strong_count(&descriptor.socket) == 1;
        if !era_el_ultimo {
            return;
        }
        let cuando = (registro.pid, registro.instante);
        self.lo_que_quedo(cuando, registro.fd, &descriptor.socket, &[true, false]);
        let (cortos, mensaje) = {
            let mut socket = descriptor.socket.borrow_mut();
            let envio = socket.envio_corto.take().map(|corto| (Sospecha::EnvioCorto, corto));
            let recepcion = socket.recepcion_corta.take().filter(|corto| corto.se_abandono(sin_leer));
            let cerro = registro.que == Que::Close && sigue_el_otro(registro) && envio.is_none();
            let mensaje = socket.mensaje_corto().filter(|_| cerro).map(|((que, desde), anuncio, mando)| {
                (format!("{que}: el header anunció {anuncio} bytes, salieron {mando}, y se cerró"), desde.clone())
            });
            let cortos = envio.into_iter().chain(recepcion.map(|corto| (Sospecha::RecepcionCorta, corto)));
            (cortos.collect::<Vec<_>>(), mensaje)
        };
        for (clase, corto) in cortos {
            self.sospechar(cuando, clase, &corto.desde, &corto.que);
        }
        if let Some((que, desde)) = mensaje {
            let aca = self.lugares.decir(&self.desde(registro));
            self.sospechar(cuando, Sospecha::MensajeCorto, &desde, &format!("{que} en {aca}"));
        }
    }

    /// Esos sentidos de la conversación terminaron: lo que se dijo por la mitad se cuenta como está.
    fn lo_que_quedo(&mut self, cuando: (u32, u64), fd: i32, socket: &RefCell<Socket>, sentidos: &[bool]) {
        let dichos = socket.borrow_mut().cerrar();
        self.dichos(cuando, fd, dichos);
        for sale in sentidos {
            let quedo = socket.borrow_mut().lo_que_quedo(*sale);
            if let Some(quedo) = quedo {
                let flecha = if *sale { "->" } else { "<-" };
                self.contar(cuando, Clase::Falla, &format!("{fd} {flecha} quedó {quedo}"));
            }
        }
    }

    /// Lo que vale para cualquier uso de un descriptor: si no es de nada, y si a su socket ya le había fallado algo.
    fn usar(&mut self, registro: &Registro, que: &str) {
        if registro.clase == NADA {
            return self.usar_nada(registro, que);
        }
        let socket = self.socket_de(registro);
        let sigue = |fallo: Fallo| match fallo {
            Fallo::Bind => matches!(registro.que, Que::Listen | Que::Accept | Que::Connect),
            Fallo::Listen => registro.que == Que::Accept,
            Fallo::Connect => matches!(registro.que, Que::Send | Que::Recv),
        };
        let siguio = socket.borrow_mut().fallo.take_if(|(fallo, ..)| sigue(*fallo));
        if let Some((_, fallo, desde)) = siguio {
            let aca = self.lugares.decir(&self.desde(registro));
            self.sospechar(
                (registro.pid, registro.instante),
                Sospecha::Siguio,
                &desde,
                &format!("{fallo}, y el programa siguió: {que} en {aca}"),
            );
        }
    }

    fn usar_nada(&mut self, registro: &Registro, que: &str) {
        let Some(proceso) = self.de.get(&registro.pid) else { return };
        if registro.fd < 0 {
            let origen = proceso.fallas.get(&registro.tid).cloned();
            let de_donde = origen.map(|(fallo, desde)| format!(", y antes {fallo}, en {}", self.lugares.decir(&desde)));
            let que = format!("{que} sobre un -1{}", de_donde.unwrap_or_default());
            self.sospechar_de(registro, Sospecha::NoEsUnSocket, &que);
        } else if let Some(cierre) = proceso.cerrados.get(&registro.fd).cloned() {
            let que = format!("{que} sobre un socket que ya se había cerrado en {}", self.lugares.decir(&cierre));
            self.sospechar_de(registro, Sospecha::Cerrado, &que);
        }
    }

    fn entrar(&mut self, registro: &Registro) {
        if let Some(proceso) = self.de.get_mut(&registro.pid) {
            proceso.adentro.insert(registro.tid, (*registro, false));
        }
    }

    fn salir(&mut self, registro: &Registro) {
        if let Some(proceso) = self.de.get_mut(&registro.pid) {
            proceso.adentro.remove(&registro.tid);
        }
    }

    // --- Cada llamada -----------------------------------------------------------------------------------------------------------

    fn socket(&mut self, registro: &Registro) {
        if registro.resultado < 0 {
            return self.llamada(registro, "socket()");
        }
        self.abrir(registro, registro.resultado, "socket", Rc::default());
        self.llamada(registro, &format!("socket() = {}", registro.resultado));
    }

    fn bind(&mut self, registro: &Registro, datos: &[u8]) {
        let que = format!("bind({}, {})", registro.fd, direccion(datos));
        self.usar(registro, &que);
        self.llamada(registro, &que);
        let socket = self.socket_de(registro);
        if registro.resultado == 0 {
            let mal_puesta = {
                let mut socket = socket.borrow_mut();
                socket.con_nombre = true;
                socket.fallo = None;
                socket.reuseport.take().filter(|_| !socket.reuseaddr)
            };
            if let Some((que, desde)) = mal_puesta {
                self.sospechar((registro.pid, registro.instante), Sospecha::Opcion, &desde, &que);
            }
        } else if registro.clase == TCP {
            self.fallo(registro, Fallo::Bind, &que);
        }
    }

    fn fallo(&mut self, registro: &Registro, cual: Fallo, que: &str) {
        let fallo = (cual, format!("{que} dio -1 ({})", causa(registro)), self.desde(registro));
        self.socket_de(registro).borrow_mut().fallo = Some(fallo);
    }

    fn listen(&mut self, registro: &Registro, datos: &[u8]) {
        let que = format!("listen({})", registro.fd);
        self.usar(registro, &que);
        self.llamada(registro, &que);
        if registro.resultado == 0 {
            self.llamada(registro, &format!("escucha en {}", direccion(datos)));
        } else if registro.clase == TCP {
            self.fallo(registro, Fallo::Listen, &que);
        }
    }

    fn accept(&mut self, registro: &Registro, datos: &[u8]) {
        let que = format!("accept({})", registro.fd);
        if registro.momento == ENTRA {
            self.entrar(registro);
            return self.usar(registro, &que);
        }
        self.salir(registro);
        if registro.resultado >= 0 {
            let mut socket = Socket::default();
            socket.conversar(&self.cable, Lado::Servidor);
            self.abrir(registro, registro.resultado, "accept", Rc::new(RefCell::new(socket)));
            self.llamada(registro, &format!("{que} = {}, de {}", registro.resultado, direccion(datos)));
        } else if por_ahora(registro) {
            self.recordar(registro, format!("{que} = -1: {}", causa(registro)));
        } else {
            self.llamada(registro, &que);
        }
    }

    fn connect(&mut self, registro: &Registro, datos: &[u8]) {
        if registro.momento == ENTRA {
            self.entrar(registro);
            return self.usar(registro, &format!("connect({})", registro.fd));
        }
        self.salir(registro);
        let a = direccion(datos);
        let propia = direccion(datos.get(datos.len() / 2..).unwrap_or_default());
        let que = format!("connect({}, {a})", registro.fd);
        let socket = self.socket_de(registro);
        match registro.errno {
            _ if registro.resultado == 0 => {
                {
                    let mut socket = socket.borrow_mut();
                    (socket.conectando, socket.fallo) = (None, None);
                    socket.conversar(&self.cable, Lado::Cliente);
                }
                self.llamada(registro, &format!("{que}, desde {propia}"));
            }
            libc::EINPROGRESS => {
                socket.borrow_mut().conectando = Some(format!("{que}, desde {propia}"));
                self.contar((registro.pid, registro.instante), Clase::Llamada, &format!("{que}: en camino"));
            }
            // Si llegó, lo va a decir lo primero que se mande o se reciba.
            libc::EISCONN | libc::EALREADY | libc::EINTR => {}
            _ => {
                socket.borrow_mut().conectando = None;
                self.llamada(registro, &que);
                if registro.clase == TCP {
                    self.fallo(registro, Fallo::Connect, &que);
                }
            }
        }
    }

    /// Por ese socket se habla: si se lo vio conectarse sin esperar, es que llegó; si no se lo vio, se supone quién llamó a quién.
    fn hablar(&mut self, registro: &Registro, socket: &RefCell<Socket>) {
        if socket.borrow().conversa() {
            return;
        }
        let conectado = {
            let mut socket = socket.borrow_mut();
            let conectado = socket.conectando.take();
            let lado = if conectado.is_some() || registro.que == Que::Send { Lado::Cliente } else { Lado::Servidor };
            socket.conversar(&self.cable, lado);
            conectado
        };
        if let Some(que) = conectado {
            self.contar((registro.pid, registro.instante), Clase::Llamada, &que);
        }
    }

    fn send(&mut self, registro: &Registro, datos: &[u8]) {
        let socket = self.socket_de(registro);
        let hilo = (registro.pid, registro.tid);
        let que = format!("{}({})", nombre(registro), registro.fd);
        let desde = self.desde(registro);
        if registro.momento == ENTRA {
            self.entrar(registro);
            self.usar(registro, &que);
            self.seguir_envio(registro, &socket);
            socket.borrow_mut().empieza_envio(hilo, &desde);
            if socket.borrow().se_fue && mata_sigpipe(registro) {
                self.sospechar_de(
                    registro,
                    Sospecha::SinNosignal,
                    &format!("{que} sin MSG_NOSIGNAL, y el otro lado ya se fue"),
                );
            }
            return;
        }
        self.salir(registro);
        socket.borrow_mut().envio_fallido = registro.resultado < 0;
        if registro.resultado < 0 {
            socket.borrow_mut().termina_envio(hilo, false);
            return self.no_se_movio(registro, &que, &socket);
        }
        self.hablar(registro, &socket);
        if sin_tamanio_al_entrar(registro) {
            self.seguir_envio(registro, &socket);
        }
        for otro in socket.borrow_mut().termina_envio(hilo, registro.resultado > 0) {
            let aca = self.lugares.decir(&desde);
            let que = format!("dos hilos mandan a la vez por {}: éste y el que está en {aca}", registro.fd);
            self.sospechar((registro.pid, registro.instante), Sospecha::Encimados, &otro, &que);
        }
        let dichos = socket.borrow_mut().decir(true, datos);
        self.dichos((registro.pid, registro.instante), registro.fd, dichos);
        socket.borrow_mut().ultimo_envio = Some((que.clone(), desde.clone()));
        let largo = registro.pedido[0];
        if registro.resultado < largo {
            let que = format!("{que} mandó {} de {largo} bytes, y nadie mandó el resto", registro.resultado);
            let falta = (largo - registro.resultado, registro.puntero.wrapping_add(sin_signo(registro.resultado)));
            socket.borrow_mut().envio_corto = Some(Corto::nuevo(que, desde, falta, false, false));
        }
    }

    /// Si antes quedó algo sin mandar, lo que se manda ahora tiene que ser eso.
    fn seguir_envio(&mut self, registro: &Registro, socket: &RefCell<Socket>) {
        let largo = registro.pedido[0];
        if largo == SIN_SABER {
            return;
        }
        let corto = socket.borrow_mut().envio_corto.take();
        let Some(corto) = corto else { return };
        if !corto.sigue_en(largo, registro.puntero) {
            socket.borrow_mut().excusado = true;
            self.sospechar((registro.pid, registro.instante), Sospecha::EnvioCorto, &corto.desde, &corto.que);
        } else if registro.momento == ENTRA {
            // Sigue faltando hasta que salga.
            socket.borrow_mut().envio_corto = Some(corto);
        }
    }

    /// Una que dio -1: si es por ahora, no hay nada que contar.
    fn no_se_movio(&mut self, registro: &Registro, que: &str, socket: &RefCell<Socket>) {
        if por_ahora(registro) {
            return;
        }
        {
            let mut socket = socket.borrow_mut();
            socket.se_fue |= matches!(registro.errno, libc::EPIPE | libc::ECONNRESET);
            socket.excusado = true;
            (socket.envio_corto, socket.recepcion_corta) = (None, None);
        }
        self.llamada(registro, que);
        let terminaron: &[bool] = match registro.errno {
            libc::EPIPE => &[true],
            libc::ECONNRESET => &[true, false],
            _ => return,
        };
        self.lo_que_quedo((registro.pid, registro.instante), registro.fd, socket, terminaron);
    }

    fn recv(&mut self, registro: &Registro, datos: &[u8]) {
        let socket = self.socket_de(registro);
        let que = format!("{}({})", nombre(registro), registro.fd);
        let [largo, opciones, _] = registro.pedido;
        let opciones = i32::try_from(opciones).unwrap_or(0);
        if registro.momento == ENTRA {
            self.entrar(registro);
            self.usar(registro, &que);
            self.seguir_recepcion(registro, opciones, &socket);
            return self.mirar_el_tamanio(registro, &que, &socket);
        }
        self.salir(registro);
        if registro.resultado < 0 {
            return self.no_se_movio(registro, &que, &socket);
        }
        if opciones & (libc::MSG_PEEK | libc::MSG_OOB | libc::MSG_ERRQUEUE) != 0 {
            return;
        }
        self.hablar(registro, &socket);
        if sin_tamanio_al_entrar(registro) {
            self.seguir_recepcion(registro, opciones, &socket);
        }
        if registro.resultado == 0 {
            if largo > 0 {
                self.fin(registro, &socket);
            }
            return;
        }
        let exacto = socket.borrow().es_algo_entero(largo);
        let dichos = socket.borrow_mut().decir(false, datos);
        self.dichos((registro.pid, registro.instante), registro.fd, dichos);
        let con_waitall = opciones & libc::MSG_WAITALL != 0;
        let corto = (registro.resultado < largo).then(|| {
            let como = if con_waitall { "con" } else { "sin" };
            let llegaron = registro.resultado;
            let que = format!("{que} pidió {largo} bytes {como} MSG_WAITALL, llegaron {llegaron}, y se siguió como si estuvieran todos");
            let falta = (largo - llegaron, registro.puntero.wrapping_add(sin_signo(llegaron)));
            Corto::nuevo(que, self.desde(registro), falta, exacto, con_waitall)
        });
        socket.borrow_mut().recepcion_corta = corto;
    }

    /// El otro lado cerró.
    fn fin(&mut self, registro: &Registro, socket: &RefCell<Socket>) {
        let cuando = (registro.pid, registro.instante);
        let (dichos, quedo, ya) = {
            let mut socket = socket.borrow_mut();
            socket.se_fue = true;
            socket.recepcion_corta = None;
            let ya = std::mem::replace(&mut socket.conto_el_fin, true);
            (socket.cerrar(), socket.lo_que_quedo(false), ya)
        };
        self.dichos(cuando, registro.fd, dichos);
        if !ya {
            let quedo = quedo.map(|que| format!(", y quedó {que}")).unwrap_or_default();
            self.contar(cuando, Clase::Llega, &format!("{} <- fin: el otro lado cerró{quedo}", registro.fd));
        }
    }

    /// Si lo anterior llegó por la mitad, lo que se pide ahora tiene que ser el resto.
    fn seguir_recepcion(&mut self, registro: &Registro, opciones: i32, socket: &RefCell<Socket>) {
        let largo = registro.pedido[0];
        if largo == SIN_SABER || opciones & libc::MSG_PEEK != 0 {
            return;
        }
        let corto = socket.borrow_mut().recepcion_corta.take();
        let Some(corto) = corto.filter(|corto| !corto.sigue_en(largo, registro.puntero)) else { return };
        if corto.se_contaba_entero() {
            let clase = if corto.con_waitall { Sospecha::CortaConWaitall } else { Sospecha::RecepcionCorta };
            self.sospechar((registro.pid, registro.instante), clase, &corto.desde, &corto.que);
        }
    }

    fn mirar_el_tamanio(&mut self, registro: &Registro, que: &str, socket: &RefCell<Socket>) {
        let largo = registro.pedido[0];
        if largo == SIN_SABER || (0..=i64::from(tp0::TAMANIO_MAXIMO)).contains(&largo) {
            return;
        }
        let de_donde =
            if socket.borrow().vino_del_cable(largo) { ", el tamaño que acaba de llegar por el cable" } else { "" };
        let cuanto =
            if largo < 0 { format!("{largo} (y como size_t, {})", sin_signo(largo)) } else { largo.to_string() };
        self.sospechar_de(registro, Sospecha::Tamanio, &format!("{que} pide {cuanto} bytes{de_donde}"));
    }

    fn setsockopt(&mut self, registro: &Registro) {
        let [nivel, opcion, valor] = registro.pedido.map(|uno| i32::try_from(uno).unwrap_or(0));
        let fd = registro.fd;
        let del_socket = nivel == libc::SOL_SOCKET;
        // La que anda se pide en cada mensaje: contarla taparía lo demás.
        if (nivel, opcion) == (libc::IPPROTO_TCP, libc::TCP_QUICKACK) && registro.resultado == 0 {
            return;
        }
        let que = match OPCIONES.iter().find(|una| (una.0, una.1) == (nivel, opcion)) {
            Some((.., nombre)) => format!("setsockopt({fd}, {nombre})"),
            None => format!("setsockopt({fd}, nivel {nivel}, opción {opcion})"),
        };
        self.usar(registro, &que);
        self.llamada(registro, &que);
        if registro.clase != TCP {
            return;
        }
        let socket = self.socket_de(registro);
        let con_nombre = socket.borrow().con_nombre;
        if del_socket && opcion == libc::SO_LINGER {
            // Si va a cortar, lo que quede por la mitad es a propósito.
            socket.borrow_mut().excusado |= valor != 0;
        } else if del_socket && opcion == libc::SO_REUSEPORT && valor != 0 {
            let que = format!(
                "{que}: ésa es la {} (SO_REUSEADDR es la {}, y las dos con | son otra vez la {})",
                libc::SO_REUSEPORT,
                libc::SO_REUSEADDR,
                libc::SO_REUSEADDR | libc::SO_REUSEPORT
            );
            let desde = self.desde(registro);
            socket.borrow_mut().reuseport = Some((que, desde));
        } else if del_socket && opcion == libc::SO_REUSEADDR {
            socket.borrow_mut().reuseaddr = valor != 0;
            if con_nombre {
                self.sospechar_de(
                    registro,
                    Sospecha::OpcionTarde,
                    &format!("{que} después de bind, que ya se hizo sin ella"),
                );
            }
        } else if !del_socket && opcion == libc::SO_REUSEADDR && registro.resultado < 0 {
            self.sospechar_de(
                registro,
                Sospecha::Opcion,
                &format!("{que}: la opción es la de SO_REUSEADDR, y el nivel no es SOL_SOCKET"),
            );
        }
    }

    fn shutdown(&mut self, registro: &Registro) {
        let que = format!("shutdown({})", registro.fd);
        self.usar(registro, &que);
        self.llamada(registro, &que);
    }

    fn close(&mut self, registro: &Registro) {
        if registro.clase == NADA {
            if registro.momento != ENTRA {
                self.cerrar_nada(registro);
            }
            return;
        }
        if registro.momento != ENTRA {
            return;
        }
        let desde = self.desde(registro);
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return };
        proceso.cerrados.insert(registro.fd, desde);
        if let Some(descriptor) = proceso.abiertos.remove(&registro.fd) {
            self.dejar(registro, &descriptor, registro.pedido[0]);
        }
        self.contar((registro.pid, registro.instante), Clase::Llamada, &format!("close({})", registro.fd));
    }

    fn cerrar_nada(&mut self, registro: &Registro) {
        let desde = self.desde(registro);
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return };
        let sitio = registro.quienes.first().copied().unwrap_or(0);
        // Quien no abrió ningún socket cierra otra cosa.
        if proceso.abiertos.is_empty() && proceso.cerrados.is_empty() && proceso.fallas.is_empty()
            || proceso.barridos.contains(&sitio)
        {
            return;
        }
        if proceso
            .cierres_de_nada
            .get(&registro.tid)
            .is_some_and(|antes| antes.desde.es_el_mismo(&desde) && antes.fd != registro.fd)
        {
            proceso.barridos.insert(sitio);
            proceso.cierres_de_nada.remove(&registro.tid);
            return;
        }
        self.no_era_un_barrido(registro.pid, registro.tid);
        if let Some(proceso) = self.de.get_mut(&registro.pid) {
            let cierre = CierreDeNada { fd: registro.fd, desde, instante: registro.instante };
            proceso.cierres_de_nada.insert(registro.tid, cierre);
        }
    }

    /// El hilo hizo otra cosa: el close de antes iba en serio.
    fn no_era_un_barrido(&mut self, pid: u32, tid: u32) {
        let Some(proceso) = self.de.get_mut(&pid) else { return };
        let Some(cierre) = proceso.cierres_de_nada.remove(&tid) else { return };
        let fd = cierre.fd;
        let (clase, que) = match proceso.cerrados.get(&fd).cloned() {
            Some(antes) => (
                Sospecha::CierreDoble,
                format!("close({fd}) otra vez: ya se había cerrado en {}", self.lugares.decir(&antes)),
            ),
            None if fd < 0 => (Sospecha::CierreDeNada, format!("close({fd}): nunca se abrió")),
            None => (Sospecha::CierreDeNada, format!("close({fd}): no hay nada abierto con ese número")),
        };
        self.sospechar((pid, cierre.instante), clase, &cierre.desde, &que);
    }

    /// Lo que quedó pendiente de los que no terminaron en orden.
    pub(crate) fn terminar_todos(&mut self, ahora: u64) {
        self.contar_esperas(u64::MAX);
        let pendientes: Vec<(u32, u32)> =
            self.de.iter().flat_map(|(pid, proceso)| proceso.cierres_de_nada.keys().map(|tid| (*pid, *tid))).collect();
        for (pid, tid) in pendientes {
            self.no_era_un_barrido(pid, tid);
        }
        self.de.values_mut().for_each(|proceso| proceso.bifurcaciones.clear());
        let mut pids: Vec<u32> = self.de.keys().copied().collect();
        pids.sort_unstable();
        for pid in pids {
            self.dejar_todo((pid, ahora));
        }
    }

    fn dup(&mut self, registro: &Registro) {
        if registro.resultado < 0 || registro.clase != TCP {
            return;
        }
        let socket = self.socket_de(registro);
        self.abrir(registro, registro.resultado, "dup", socket);
        self.llamada(registro, &format!("dup({}) = {}", registro.fd, registro.resultado));
    }

    fn dup2(&mut self, registro: &Registro) {
        let en = i32::try_from(registro.pedido[0]).unwrap_or(-1);
        if registro.resultado < 0 || en == registro.fd {
            return;
        }
        let desde = self.desde(registro);
        let Some(proceso) = self.de.get_mut(&registro.pid) else { return };
        let tapado = proceso.abiertos.remove(&en);
        if tapado.is_some() {
            proceso.cerrados.insert(en, desde);
        }
        self.llamada(registro, &format!("dup2({}, {en})", registro.fd));
        if let Some(tapado) = tapado {
            self.dejar(&Registro { fd: en, ..*registro }, &tapado, 0);
        }
        if registro.clase == TCP {
            let socket = self.socket_de(registro);
            self.abrir(registro, registro.resultado, "dup2", socket);
        }
    }
}

/// Los mismos bits: una dirección, o lo que un size_t era antes de viajar.
fn sin_signo(numero: i64) -> u64 {
    u64::from_ne_bytes(numero.to_ne_bytes())
}

fn nombre(registro: &Registro) -> &'static str {
    NOMBRES.get(usize::from(registro.nombre)).copied().unwrap_or("?")
}

fn causa(registro: &Registro) -> String {
    en_castellano(&io::Error::from_raw_os_error(registro.errno))
}

fn por_ahora(registro: &Registro) -> bool {
    matches!(registro.errno, libc::EAGAIN | libc::EINTR)
}

/// Las de varias partes dicen cuánto se pidió recién al salir.
fn sin_tamanio_al_entrar(registro: &Registro) -> bool {
    ["sendmsg", "writev", "recvmsg", "readv"].contains(&nombre(registro))
}

/// Si el que cierra tenía todavía a quién mandarle: su conexión estaba establecida (1), o sólo él la había terminado (4 y 5).
fn sigue_el_otro(cierre: &Registro) -> bool {
    [1, 4, 5].contains(&cierre.pedido[1])
}

/// Si a quien mandó sin MSG_NOSIGNAL lo mata SIGPIPE.
fn mata_sigpipe(registro: &Registro) -> bool {
    registro.pedido[2] != 0
}

/// Como la muestra `ps`, sin lo que separa las partes de un renglón.
fn nombre_de(datos: &[u8]) -> String {
    let letras = datos.iter().take_while(|letra| **letra != 0).map(|letra| char::from(*letra));
    letras.map(|letra| if letra.is_ascii_alphanumeric() || "._-".contains(letra) { letra } else { '_' }).collect()
}

/// Una dirección como la escribe el sistema: familia, puerto e IP.
fn direccion(datos: &[u8]) -> String {
    let leer = || -> Option<SocketAddr> {
        let (familia, resto) = datos.split_first_chunk::<2>()?;
        let (puerto, resto) = resto.split_first_chunk::<2>()?;
        let puerto = u16::from_be_bytes(*puerto);
        match i32::from(u16::from_ne_bytes(*familia)) {
            libc::AF_INET => Some((Ipv4Addr::from(*resto.first_chunk::<4>()?), puerto).into()),
            libc::AF_INET6 => {
                let (_, resto) = resto.split_first_chunk::<4>()?;
                let (ip, resto) = resto.split_first_chunk::<16>()?;
                let ambito = u32::from_ne_bytes(*resto.first_chunk::<4>()?);
                Some(SocketAddrV6::new(Ipv6Addr::from(*ip), puerto, 0, ambito).into())
            }
            _ => None,
        }
    };
    leer().map_or_else(|| "?".to_owned(), |direccion| direccion.to_string())
}
