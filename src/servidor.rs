//! Un servidor: el socket que escucha, y lo que sabe de los que están por entrar.

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use socket2::Socket;

use crate::atencion::{self, Atencion, Cuenta, Servicio};
use crate::conexion::{Conexion, Extremo};
use crate::direccion;
use crate::error::{Error, Resultado};
use crate::escucha::{Escucha, Rechazo, Vecino, VecinosDeRust};
use crate::maquina::{IpsDeEstaMaquina, NotaDelPuerto};
use crate::memoria::{copiar, juntar, texto};
use crate::ocupante;
use crate::opciones::{self, Opciones};
use crate::red;
use crate::sistema::{Cerrojo, Compartido, Tarea};
use crate::traza::{self, paso};

/// Un servidor que escucha. Al soltarlo, el puerto queda libre. Se puede compartir entre hilos.
///
/// ```
/// use tp0::Servidor;
///
/// let servidor = Servidor::iniciar("127.0.0.1", "0")?; // 0: cualquier puerto libre
/// println!("escuchando en el puerto {}", servidor.puerto()?);
/// # Ok::<(), tp0::Error>(())
/// ```
pub struct Servidor {
    vecino: Arc<Vecino>,
    atencion: Cerrojo<Option<Compartido<Atencion>>>,
}

impl fmt::Debug for Servidor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servidor").field("direccion", &self.direccion().ok()).finish_non_exhaustive()
    }
}

impl Servidor {
    /// Escucha en `ip` y `puerto`, con las opciones del entorno. `TP0_IP` y `TP0_PUERTO` no cuentan: ya está dicho dónde.
    /// `0.0.0.0` es en todas las interfaces.
    ///
    /// ```
    /// use tp0::{Error, Servidor};
    ///
    /// let servidor = Servidor::iniciar("0.0.0.0", "0")?;
    /// assert!(servidor.direccion()?.ip().is_unspecified());
    ///
    /// let otro = Servidor::iniciar("0.0.0.0", &servidor.puerto()?.to_string());
    /// assert!(matches!(otro, Err(Error::PuertoEnUso { .. })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`iniciar_con`](Self::iniciar_con), y [`Error::Entorno`].
    pub fn iniciar(ip: &str, puerto: &str) -> Resultado<Self> {
        Self::iniciar_con(ip, puerto, &Opciones::del_entorno()?)
    }

    /// Escucha en `ip` y `puerto` según `opciones`. El puerto 0 es uno libre cualquiera.
    ///
    /// ```
    /// use tp0::{Error, Opciones, Servidor};
    ///
    /// let opciones = Opciones::nuevas().handshakes(&[10, 20])?;
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &opciones)?;
    /// assert_ne!(servidor.puerto()?, 0);
    ///
    /// // Una IP reservada para documentos: no es de ninguna máquina.
    /// let ajena = Servidor::iniciar_con("192.0.2.1", "0", &opciones);
    /// assert!(matches!(ajena, Err(Error::DireccionAjena { .. })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Ip`], [`Error::Puerto`] o [`Error::NoResuelve`] si no se sabe dónde; [`Error::PuertoEnUso`],
    /// [`Error::SinPermiso`] o [`Error::DireccionAjena`] si ahí no se puede; [`Error::SinDescriptores`],
    /// [`Error::SinMemoria`] y [`Error::Sistema`]. [`Error::Traza`] si se la pidió y no se puede escribir.
    pub fn iniciar_con(ip: &str, puerto: &str, opciones: &Opciones) -> Resultado<Self> {
        let (socket, escucha) = iniciar(Some(ip), Some(puerto), opciones.clone()).inspect_err(traza::contar_falla)?;
        Ok(Self { vecino: VecinosDeRust::sumar(Vecino { socket, escucha }), atencion: Cerrojo::nuevo(None) })
    }

    /// Espera, lo que haga falta, un cliente que pase el handshake. Los que no lo pasan se cierran y no cortan la espera, y
    /// los lentos no demoran a nadie. Varios hilos pueden esperar a la vez: cada cliente le toca a uno.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tp0::{Error, Servidor};
    ///
    /// let servidor = Arc::new(Servidor::iniciar("127.0.0.1", "0")?);
    /// let otro = Arc::clone(&servidor);
    /// let hilo = std::thread::spawn(move || otro.esperar_cliente());
    ///
    /// servidor.detener(); // despierta a los que esperan
    /// assert!(matches!(hilo.join().unwrap(), Err(Error::Liberado)));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Liberado`] si se lo detuvo; [`Error::Interrumpido`] si corrió un manejador de señal sin SA_RESTART;
    /// [`Error::TiempoDelPrograma`] si el programa le puso un tiempo al socket; [`Error::SinDescriptores`], [`Error::SinMemoria`] y
    /// [`Error::Sistema`].
    pub fn esperar_cliente(&self) -> Resultado<Conexion> {
        self.esperar_cliente_avisando(|_| {})
    }

    /// Como [`esperar_cliente`](Self::esperar_cliente), y cuenta cada cliente que no pasó mientras se esperaba; no los que se
    /// rechacen mientras otro hilo de este proceso está en [`Conexion::conectar`].
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    /// use tp0::{HANDSHAKE, MotivoDeRechazo, Servidor};
    ///
    /// let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// let direccion = servidor.direccion()?;
    /// let clientes = std::thread::spawn(move || -> std::io::Result<TcpStream> {
    ///     let mut navegador = TcpStream::connect(direccion)?;
    ///     navegador.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
    ///     let mut respuesta = [0; 4];
    ///     navegador.read_exact(&mut respuesta)?;
    ///     assert_eq!(i32::from_le_bytes(respuesta), -1);
    ///
    ///     let mut cliente = TcpStream::connect(direccion)?;
    ///     cliente.write_all(&HANDSHAKE.to_le_bytes())?;
    ///     Ok(cliente)
    /// });
    ///
    /// let mut motivos = Vec::new();
    /// let conexion = servidor.esperar_cliente_avisando(|rechazo| motivos.push(rechazo.motivo))?;
    /// assert_eq!(motivos, [MotivoDeRechazo::OtroValor(i32::from_le_bytes(*b"GET "))]);
    /// assert_eq!(conexion.par(), clientes.join().unwrap()?.local_addr()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`esperar_cliente`](Self::esperar_cliente).
    pub fn esperar_cliente_avisando(&self, mut avisar: impl FnMut(Rechazo)) -> Resultado<Conexion> {
        let Vecino { socket, escucha } = &*self.vecino;
        let llegada = escucha.esperar(socket, &mut avisar).inspect_err(traza::contar_falla)?;
        Ok(Conexion::nueva(llegada.socket, llegada.par, llegada.handshake, escucha.opciones()))
    }

    /// Los clientes, uno tras otro, a medida que llegan. Termina con el primer error, que también entrega.
    ///
    /// ```
    /// # use tp0::{Conexion, Servidor};
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let puerto = servidor.puerto()?.to_string();
    /// # let hilo = std::thread::spawn(move || Conexion::conectar("127.0.0.1", &puerto)?.enviar_mensaje("hola"));
    /// for cliente in servidor.clientes().take(1) {
    ///     cliente?.recibir()?;
    /// }
    /// # hilo.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn clientes(&self) -> Clientes<'_> {
        Clientes { servidor: Some(self) }
    }

    /// Atiende a muchos clientes a la vez: llama a `funcion` con cada uno, en un hilo propio. Vuelve cuando otro hilo llama a
    /// [`detener`](Self::detener) y los clientes terminaron; si ya se lo detuvo, vuelve enseguida.
    ///
    /// Un panic en un cliente lo termina a él y a nadie más. Si se acaban los descriptores, la memoria o los hilos, espera a que se
    /// libere alguno.
    ///
    /// ```
    /// # use tp0::{Conexion, Recibido, Servidor};
    /// # use std::sync::Arc;
    /// let servidor = Arc::new(Servidor::iniciar("127.0.0.1", "0")?);
    /// # let puerto = servidor.puerto()?.to_string();
    /// let otro = Arc::clone(&servidor);
    /// let hilo = std::thread::spawn(move || {
    ///     otro.atender(|mut cliente| {
    ///         while let Ok(Some(Recibido::Mensaje(texto))) = cliente.recibir() {
    ///             let respuesta = texto.to_uppercase();
    ///             let _ = cliente.enviar_mensaje(&respuesta);
    ///         }
    ///     })
    /// });
    /// let mut conexion = Conexion::conectar("127.0.0.1", &puerto)?;
    /// conexion.enviar_mensaje("hola")?;
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("HOLA"))));
    /// drop(conexion);
    /// servidor.detener();
    /// hilo.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si ya está atendiendo. Con [`Error::Interrumpido`], y con lo que diga el sistema que no sea falta
    /// de recursos, termina como con [`detener`](Self::detener), y se lo puede volver a llamar.
    pub fn atender(&self, funcion: impl Fn(Conexion) + Send + Sync + 'static) -> Resultado<()> {
        let atencion = Atencion::nueva()?;
        if self.atencion.tomar().get_or_insert_with(|| atencion.clone()).es_otra(&atencion) {
            return Err(Error::Argumento(texto!("El servidor ya está atendiendo.")));
        }
        let servicio = ServicioDeRust {
            vecino: Arc::clone(&self.vecino),
            funcion: Arc::new(funcion),
            vivos: Arc::new(Cerrojo::nuevo(Vec::new())),
        };
        let opciones = self.vecino.escucha.opciones();
        let salida = atencion::atender(&atencion, &servicio, opciones.clientes_maximos, opciones.plazo_de_cierre);
        *self.atencion.tomar() = None;
        atencion.anunciar_fin();
        salida
    }

    /// Deja de esperar clientes, y termina [`atender`](Self::atender): a los que quedan les da
    /// [`plazo_de_cierre`](Opciones::plazo_de_cierre), y después corta sus conexiones; a una función que ni así vuelve, la espera.
    /// Vuelve cuando todo terminó; llamado desde la función de un cliente, sólo lo pide. Llamarlo otra vez no hace nada.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tp0::{Conexion, Error, Servidor};
    ///
    /// let servidor = Arc::new(Servidor::iniciar("127.0.0.1", "0")?);
    /// let puerto = servidor.puerto()?.to_string();
    ///
    /// // El primer cliente que manda algo detiene el servidor.
    /// let (el_que_atiende, el_de_adentro) = (Arc::clone(&servidor), Arc::clone(&servidor));
    /// let hilo = std::thread::spawn(move || {
    ///     el_que_atiende.atender(move |mut cliente| {
    ///         let _ = cliente.recibir();
    ///         el_de_adentro.detener();
    ///     })
    /// });
    /// Conexion::conectar("127.0.0.1", &puerto)?.enviar_mensaje("basta")?;
    /// hilo.join().unwrap()?;
    ///
    /// servidor.detener();
    /// assert!(matches!(servidor.esperar_cliente(), Err(Error::Liberado)));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    pub fn detener(&self) {
        let atencion = self.atencion.tomar().clone();
        if let Some(atencion) = &atencion {
            atencion.pedir_fin();
        }
        self.vecino.escucha.liberar(&self.vecino.socket);
        if let Some(atencion) = atencion.filter(|atencion| !atencion.es_de_un_cliente()) {
            atencion.esperar_fin();
        }
    }

    /// Dónde escucha: la IP y el puerto.
    ///
    /// ```
    /// let servidor = tp0::Servidor::iniciar("127.0.0.1", "0")?;
    /// assert!(servidor.direccion()?.ip().is_loopback());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Sistema`], si el sistema no lo dice.
    pub fn direccion(&self) -> Resultado<SocketAddr> {
        direccion_local(&self.vecino.socket)
    }

    /// En qué puerto escucha: útil cuando se pidió el 0.
    ///
    /// ```
    /// let servidor = tp0::Servidor::iniciar("127.0.0.1", "0")?;
    /// assert_eq!(servidor.puerto()?, servidor.direccion()?.port());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Sistema`], si el sistema no lo dice.
    pub fn puerto(&self) -> Resultado<u16> {
        self.direccion().map(|direccion| direccion.port())
    }
}

impl AsFd for Servidor {
    /// El socket que escucha, para `poll` o `select`: avisa cuando llega alguien, que todavía puede no pasar el handshake.
    /// Los que se contestaron mientras este proceso estaba en [`Conexion::conectar`] ya no se ven en él: esperan en fila.
    ///
    /// ```
    /// use std::net::TcpListener;
    /// use std::os::fd::AsFd;
    ///
    /// let servidor = tp0::Servidor::iniciar("127.0.0.1", "0")?;
    /// let copia = TcpListener::from(servidor.as_fd().try_clone_to_owned()?);
    /// assert_eq!(copia.local_addr()?, servidor.direccion()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.vecino.socket.as_fd()
    }
}

/// Los clientes de un [`Servidor`], uno tras otro: los da [`Servidor::clientes`]. El primer error es lo último que entrega.
///
/// ```
/// use tp0::{Error, Servidor};
///
/// let servidor = Servidor::iniciar("127.0.0.1", "0")?;
/// servidor.detener();
/// let mut clientes = servidor.clientes();
/// assert!(matches!(clientes.next(), Some(Err(Error::Liberado))));
/// assert!(clientes.next().is_none());
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug)]
pub struct Clientes<'a> {
    servidor: Option<&'a Servidor>,
}

impl Iterator for Clientes<'_> {
    type Item = Resultado<Conexion>;

    fn next(&mut self) -> Option<Self::Item> {
        let cliente = self.servidor?.esperar_cliente();
        if cliente.is_err() {
            self.servidor = None;
        }
        Some(cliente)
    }
}

impl std::iter::FusedIterator for Clientes<'_> {}

/// Cómo se atiende desde Rust: cada cliente es una [`Conexion`] que pasa a ser de la función.
struct ServicioDeRust<F> {
    vecino: Arc<Vecino>,
    funcion: Arc<F>,
    /// Las conexiones de los clientes, para poder cortarlas.
    vivos: Arc<Cerrojo<Vec<Weak<Extremo>>>>,
}

impl<F: Fn(Conexion) + Send + Sync + 'static> Servicio for ServicioDeRust<F> {
    fn esperar(&self, cuenta: &Cuenta) -> Resultado<Tarea> {
        let llegada = self.vecino.escucha.esperar(&self.vecino.socket, &mut |_| {})?;
        let opciones = self.vecino.escucha.opciones();
        let conexion = Conexion::nueva(llegada.socket, llegada.par, llegada.handshake, opciones);
        let extremo = conexion.extremo();
        let este = Arc::downgrade(&extremo);
        {
            let mut vivos = self.vivos.tomar();
            vivos.try_reserve(1).map_err(|_| Error::SinMemoria { bytes: 0 })?;
            vivos.push(Weak::clone(&este));
        }
        let (funcion, vivos) = (Arc::clone(&self.funcion), Arc::clone(&self.vivos));
        let mut conexion = Some(conexion);
        let (entrada, cuenta) = (cuenta.entrada(), cuenta.clone());
        Ok(Tarea {
            cuerpo: Box::new(move || {
                entrada.entrar();
                if let Some(conexion) = conexion.take() {
                    // Lo que se rompa es de este cliente: nadie más lo comparte, salvo lo que la función misma haya compartido.
                    let _ = catch_unwind(AssertUnwindSafe(|| funcion(conexion)));
                }
            }),
            // Lo encolado se envía aquí, con el extremo todavía a la vista de quien puede cortarlo: el otro puede no estar leyendo.
            al_terminar: Box::new(move || {
                let _ = extremo.vaciar_cola();
                vivos.tomar().retain(|vivo| !vivo.ptr_eq(&este));
                cuenta.salir();
            }),
        })
    }

    fn cortar(&self) {
        self.vivos.tomar().iter().filter_map(Weak::upgrade).for_each(|extremo| extremo.cortar());
    }
}

/// La dirección propia de un socket.
pub(crate) fn direccion_local(socket: &Socket) -> Resultado<SocketAddr> {
    let direccion = socket.local_addr().map_err(|causa| Error::de_socket(socket.as_raw_fd(), "getsockname", causa))?;
    direccion.as_socket().ok_or_else(|| Error::Argumento(texto!("El socket no es de internet: no tiene puerto.")))
}

/// Escucha donde se pide. Lo que no se pide lo dice el entorno; si no, todas las interfaces y el puerto 4444.
pub(crate) fn iniciar(ip: Option<&str>, puerto: Option<&str>, opciones: Opciones) -> Resultado<(Socket, Escucha)> {
    traza::segun_el_entorno()?;
    let (ip_del_entorno, puerto_del_entorno) = opciones::direccion_del_entorno()?;
    let numero = match puerto {
        Some(puerto) => direccion::leer_puerto(puerto, 0)?,
        None => direccion::leer_puerto(&puerto_del_entorno, 0).map_err(|_| Error::Entorno {
            variable: "TP0_PUERTO",
            valor: copiar(&puerto_del_entorno),
            esperado: "un puerto, de 0 (cualquiera libre) a 65535",
        })?,
    };
    let direcciones = match (ip, ip_del_entorno) {
        (Some(ip), _) => direccion::resolver(ip, numero)?,
        (None, Some(ip)) => direccion::resolver(&ip, numero).map_err(|_| Error::Entorno {
            variable: "TP0_IP",
            valor: ip,
            esperado: "una IP de esta máquina, como 127.0.0.1",
        })?,
        (None, None) => juntar([direccion::todas(numero)].into_iter())?,
    };
    let socket = escuchar_en_alguna(&direcciones)?;
    if traza::activa() {
        contar_donde_escucha(&socket, numero);
    }
    let escucha = Escucha::nueva(opciones);
    escucha.preparar(&socket).map_err(|causa| Error::sistema("setsockopt", causa))?;
    Ok((socket, escucha))
}

/// Dónde se escucha, y cómo llegar desde otra máquina.
#[cold]
fn contar_donde_escucha(socket: &Socket, pedido: u16) {
    let Ok(direccion) = direccion_local(socket) else { return };
    let nota = NotaDelPuerto(pedido);
    if direccion.ip().is_unspecified() {
        paso!("escucha en {direccion}{IpsDeEstaMaquina}{nota}");
    } else {
        paso!("escucha en {direccion}{nota}");
    }
}

fn escuchar_en_alguna(direcciones: &[SocketAddr]) -> Resultado<Socket> {
    let mut ultimo = Error::Argumento(texto!("No hay ninguna dirección donde escuchar."));
    for direccion in direcciones {
        match red::escuchar(*direccion) {
            Ok(socket) => return Ok(socket),
            Err(causa) => ultimo = por_que_no_escucha(*direccion, causa),
        }
    }
    Err(ultimo)
}

fn por_que_no_escucha(direccion: SocketAddr, causa: std::io::Error) -> Error {
    match causa.kind() {
        ErrorKind::AddrInUse => Error::PuertoEnUso { direccion, ocupante: ocupante::del_puerto(direccion.port()) },
        ErrorKind::PermissionDenied => Error::SinPermiso { direccion },
        ErrorKind::AddrNotAvailable => Error::DireccionAjena { direccion },
        _ => Error::sistema("bind", causa),
    }
}
