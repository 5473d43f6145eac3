//! Un servidor: el socket que escucha, y lo que sabe de los que están por entrar.

use std::fmt::{self, Display};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::atencion::{self, Atencion, Cuenta, Servicio};
use crate::conexion::{Conexion, Extremo};
use crate::direccion::{self, Puerto};
use crate::error::{Error, Resultado};
use crate::escucha::{Escucha, Puerta};
use crate::maquina::{IpsDeEstaMaquina, NotaDelPuerto};
use crate::memoria::{copiar, juntar, texto};
use crate::ocupante;
use crate::opciones::{self, Opciones};
use crate::rechazo::Rechazo;
use crate::red;
use crate::sistema::{self, Cerrojo, Compartido, Pedido, Tarea};
use crate::traza::{self, paso};
use crate::vecinos::{Vecino, VecinosDeRust};
use crate::vivos::{self, Vivos};

/// Un servidor que escucha. Al soltarlo, el puerto queda libre. Se puede compartir entre hilos.
///
/// ```
/// use tp0::Servidor;
///
/// let servidor = Servidor::iniciar("127.0.0.1", "0")?; // 0: cualquier puerto libre
/// println!("escuchando en el puerto {}", servidor.puerto()?);
/// # Ok::<(), tp0::Error>(())
/// ```
#[doc(alias("server", "listener"))]
pub struct Servidor {
    vecino: Arc<Vecino>,
    atencion: Cerrojo<Option<EnCurso>>,
}

/// Una atención en curso, y las conexiones de quienes atienden.
#[derive(Clone)]
struct EnCurso {
    atencion: Compartido<Atencion>,
    vivos: Arc<Vivos>,
}

// Sus cerrojos no se envenenan.
impl UnwindSafe for Servidor {}
impl RefUnwindSafe for Servidor {}

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
    /// let otro = Servidor::iniciar("0.0.0.0", servidor.puerto()?);
    /// assert!(matches!(otro, Err(Error::PuertoEnUso { .. })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`iniciar_con`](Self::iniciar_con), y [`Error::Entorno`].
    #[doc(alias("listen", "bind"))]
    pub fn iniciar(ip: &str, puerto: impl Puerto) -> Resultado<Self> {
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
    #[doc(alias("listen", "bind"))]
    pub fn iniciar_con(ip: &str, puerto: impl Puerto, opciones: &Opciones) -> Resultado<Self> {
        Self::en_alguna(opciones, || direccion::resolver(ip, puerto.leer(0)?))
    }

    /// Como [`iniciar_con`](Self::iniciar_con), en una dirección ya resuelta.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use tp0::{Opciones, Servidor};
    ///
    /// let servidor = Servidor::iniciar_en(SocketAddr::from(([127, 0, 0, 1], 0)), &Opciones::nuevas())?;
    /// assert_ne!(servidor.puerto()?, 0);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`iniciar_con`](Self::iniciar_con).
    #[doc(alias("listen", "bind"))]
    pub fn iniciar_en(direccion: SocketAddr, opciones: &Opciones) -> Resultado<Self> {
        Self::en_alguna(opciones, || juntar([direccion].into_iter()))
    }

    fn en_alguna(opciones: &Opciones, cuales: impl FnOnce() -> Resultado<Vec<SocketAddr>>) -> Resultado<Self> {
        let escuchar = || {
            traza::segun_el_entorno()?;
            escuchar(&cuales()?, opciones.clone())
        };
        let (socket, escucha) = escuchar().inspect_err(traza::contar_falla)?;
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
    /// servidor.detener()?; // despierta a los que esperan
    /// assert!(matches!(hilo.join().unwrap(), Err(Error::Liberado)));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Liberado`] si se lo detuvo; [`Error::Interrumpido`] si corrió un manejador de señal sin SA_RESTART;
    /// [`Error::TiempoDelPrograma`] si el programa le puso un tiempo al socket; [`Error::SinDescriptores`], [`Error::SinMemoria`] y
    /// [`Error::Sistema`].
    #[doc(alias = "accept")]
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
        let llegada =
            escucha.esperar_en_este_hilo(Puerta::propia(socket), &mut avisar).inspect_err(traza::contar_falla)?;
        Ok(Conexion::nueva(llegada.socket.entregar(), llegada.par, llegada.handshake, escucha.opciones()))
    }

    /// Como [`esperar_cliente`](Self::esperar_cliente), a lo sumo `plazo`. `None`: no llegó ninguno que pasara el handshake. Cero es probar: da
    /// el que ya esté, y no espera nada.
    ///
    /// Con `poll`, epoll o mio, cuando avisan, se llama con plazo cero hasta que dé `None`. Al que quedó a mitad de su handshake se lo mira
    /// de nuevo en la llamada siguiente, y de él el que escucha no avisa: mientras haya quien llegue de a poco, hay que volver cada tanto.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use tp0::{Conexion, Servidor};
    /// let servidor = Servidor::iniciar("127.0.0.1", 0)?;
    /// assert!(servidor.esperar_cliente_hasta(Duration::ZERO)?.is_none());
    ///
    /// let puerto = servidor.puerto()?;
    /// let cliente = std::thread::spawn(move || Conexion::conectar("127.0.0.1", puerto));
    /// assert!(servidor.esperar_cliente_hasta(Duration::from_secs(5))?.is_some());
    /// # cliente.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`esperar_cliente`](Self::esperar_cliente), menos [`Error::TiempoDelPrograma`].
    #[doc(alias("accept", "timeout", "poll"))]
    pub fn esperar_cliente_hasta(&self, plazo: Duration) -> Resultado<Option<Conexion>> {
        let Vecino { socket, escucha } = &*self.vecino;
        let puerta = Puerta::propia(socket);
        // Un plazo que no entra en el reloj es para siempre.
        let vence = sistema::dentro_de(plazo);
        Escucha::contar_espera(puerta);
        match escucha.esperar(puerta, &Pedido::en_este_hilo(), vence, &mut |_: Rechazo| {}) {
            Ok(llegada) => {
                let socket = llegada.socket.entregar();
                Ok(Some(Conexion::nueva(socket, llegada.par, llegada.handshake, escucha.opciones())))
            }
            Err(Error::TiempoDelPrograma { .. }) => Ok(None),
            Err(error) => Err(error).inspect_err(traza::contar_falla),
        }
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
    /// La función devuelve `()`, o un `Result`: un error termina a ese cliente y a nadie más, y se ve con `TP0_TRAZA=1`. Para hacer otra
    /// cosa con él está [`atender_avisando`](Self::atender_avisando). Un panic, lo mismo. Si se acaban los descriptores, la
    /// memoria o los hilos, espera a que se libere alguno.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tp0::{Conexion, Recibido, Resultado, Servidor};
    ///
    /// fn gritar(mut cliente: Conexion) -> Resultado<()> {
    ///     let (receptor, emisor) = cliente.mitades();
    ///     while let Some(Recibido::Mensaje(texto)) = receptor.recibir()? {
    ///         emisor.enviar_mensaje(&texto.to_uppercase())?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let servidor = Arc::new(Servidor::iniciar("127.0.0.1", 0)?);
    /// let otro = Arc::clone(&servidor);
    /// let hilo = std::thread::spawn(move || otro.atender(gritar));
    ///
    /// let mut conexion = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// conexion.enviar_mensaje("hola")?;
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("HOLA"))));
    /// drop(conexion);
    /// servidor.detener()?;
    /// hilo.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si ya está atendiendo. Con [`Error::Interrumpido`], y con lo que diga el sistema que no sea falta
    /// de recursos, termina como con [`detener`](Self::detener), y se lo puede volver a llamar. [`Error::SinTerminar`], si al detenerlo hubo
    /// funciones que no volvieron.
    #[doc(alias("accept", "serve", "spawn"))]
    pub fn atender<F, R>(&self, funcion: F) -> Resultado<()>
    where
        F: Fn(Conexion) -> R + Send + Sync + 'static,
        R: Desenlace,
    {
        self.atender_con(move |conexion| {
            let par = conexion.par();
            funcion(conexion).contar(par);
        })
    }

    /// Como [`atender`](Self::atender), y le da a `avisar` los errores de la función, con la dirección del cliente, en el hilo de ese
    /// cliente. También [`Error::Cortada`], el de quien esperaba a su cliente cuando se lo [detuvo](Self::detener): no es una falla.
    ///
    /// ```
    /// use std::sync::{Arc, mpsc};
    /// use tp0::{Conexion, Error, MENSAJE, Servidor};
    ///
    /// let servidor = Arc::new(Servidor::iniciar("127.0.0.1", 0)?);
    /// let otro = Arc::clone(&servidor);
    /// let (aviso, avisos) = mpsc::channel();
    /// let hilo = std::thread::spawn(move || {
    ///     otro.atender_avisando(
    ///         |mut cliente| cliente.recibir().map(|_| ()),
    ///         move |par, error: Error| drop(aviso.send(format!("perdí a {}: {error}", par.ip()))),
    ///     )
    /// });
    /// Conexion::conectar("127.0.0.1", servidor.puerto()?)?.enviar(MENSAJE, b"\xff")?;
    /// assert!(avisos.recv().unwrap().starts_with("perdí a 127.0.0.1: Llegó un texto que no es UTF-8"));
    /// # servidor.detener()?;
    /// # hilo.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// Los de [`atender`](Self::atender).
    pub fn atender_avisando<E>(
        &self,
        funcion: impl Fn(Conexion) -> Result<(), E> + Send + Sync + 'static,
        avisar: impl Fn(SocketAddr, E) + Send + Sync + 'static,
    ) -> Resultado<()> {
        self.atender_con(move |conexion| {
            let par = conexion.par();
            if let Err(error) = funcion(conexion) {
                avisar(par, error);
            }
        })
    }

    fn atender_con(&self, funcion: impl Fn(Conexion) + Send + Sync + 'static) -> Resultado<()> {
        let atencion = Atencion::nueva()?;
        let vivos = Vivos::nuevos();
        let esta = EnCurso { atencion: atencion.clone(), vivos: Arc::clone(&vivos) };
        if self.atencion.tomar().get_or_insert(esta).atencion.es_otra(&atencion) {
            return Err(Error::Argumento(texto!("El servidor ya está atendiendo.")));
        }
        let opciones = self.vecino.escucha.opciones();
        let servicio = ServicioDeRust {
            vecino: Arc::clone(&self.vecino),
            funcion: Arc::new(funcion),
            vivos: Arc::clone(&vivos),
            paciencia: opciones.plazo_de_cierre.max(PACIENCIA_MINIMA),
        };
        let salida = atencion::atender(&atencion, &servicio, opciones.clientes_maximos, &Pedido::en_este_hilo());
        atencion::despedir(&atencion, &servicio, opciones.plazo_de_cierre);
        *self.atencion.tomar() = None;
        atencion.anunciar_fin();
        salida.and_then(|()| vivos.comprobar_que_terminaron())
    }

    /// Deja de esperar clientes, y termina [`atender`](Self::atender). A los que quedan les da
    /// [`plazo_de_cierre`](Opciones::plazo_de_cierre); después corta sus conexiones y las demás que hayan hecho sus funciones, en su mismo
    /// hilo: la de un intermediario también espera del otro lado. Las de otros hilos que ellas lancen, no. A las funciones que ni así vuelven
    /// las espera otro plazo igual (de un segundo, si es menor), y dice cuáles son: sus hilos siguen, por su cuenta.
    ///
    /// Vuelve cuando todo terminó; llamado desde la función de un cliente, sólo lo pide. Llamarlo otra vez no hace nada.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tp0::{Conexion, Error, Servidor};
    ///
    /// let servidor = Arc::new(Servidor::iniciar("127.0.0.1", 0)?);
    /// let puerto = servidor.puerto()?;
    ///
    /// // El primer cliente que manda algo detiene el servidor.
    /// let (el_que_atiende, el_de_adentro) = (Arc::clone(&servidor), Arc::clone(&servidor));
    /// let hilo = std::thread::spawn(move || {
    ///     el_que_atiende.atender(move |mut cliente| {
    ///         let _ = cliente.recibir();
    ///         el_de_adentro.detener()
    ///     })
    /// });
    /// Conexion::conectar("127.0.0.1", puerto)?.enviar_mensaje("basta")?;
    /// hilo.join().unwrap()?;
    ///
    /// servidor.detener()?;
    /// assert!(matches!(servidor.esperar_cliente(), Err(Error::Liberado)));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SinTerminar`], con los clientes cuyas funciones no volvieron. El servidor se detuvo igual.
    #[doc(alias("shutdown", "stop", "close"))]
    pub fn detener(&self) -> Resultado<()> {
        let en_curso = self.atencion.tomar().clone();
        if let Some(EnCurso { atencion, .. }) = &en_curso {
            atencion.pedir_fin();
        }
        self.vecino.escucha.liberar(&self.vecino.socket);
        match en_curso.filter(|_| !atencion::este_hilo_atiende_a_un_cliente()) {
            Some(EnCurso { atencion, vivos }) => {
                atencion.esperar_fin();
                vivos.comprobar_que_terminaron()
            }
            None => Ok(()),
        }
    }

    /// Si ya se lo [detuvo](Self::detener): no espera a nadie más.
    ///
    /// ```
    /// let servidor = tp0::Servidor::iniciar("127.0.0.1", 0)?;
    /// assert!(!servidor.detenido());
    /// servidor.detener()?;
    /// assert!(servidor.detenido());
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn detenido(&self) -> bool {
        self.vecino.escucha.liberada()
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
    #[doc(alias = "local_addr")]
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
/// servidor.detener()?;
/// let mut clientes = servidor.clientes();
/// assert!(matches!(clientes.next(), Some(Err(Error::Liberado))));
/// assert!(clientes.next().is_none());
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "no espera a nadie hasta que se lo recorre"]
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

/// Lo menos que se espera, después de cortar, a que las funciones se enteren y vuelvan.
const PACIENCIA_MINIMA: Duration = Duration::from_secs(1);

/// Lo que puede devolver la función de [`Servidor::atender`]: nada, o un `Result<(), E>` con `E: Display` (un [`Error`], un
/// `Box<dyn std::error::Error>`, uno propio). No se puede implementar para otros.
pub trait Desenlace: sellado::Desenlace {}

impl<T: sellado::Desenlace> Desenlace for T {}

mod sellado {
    use super::{Display, SocketAddr, traza};

    pub trait Desenlace {
        /// Qué se hace con él.
        fn contar(self, par: SocketAddr);
    }

    impl Desenlace for () {
        fn contar(self, _par: SocketAddr) {}
    }

    impl<E: Display> Desenlace for Result<(), E> {
        fn contar(self, par: SocketAddr) {
            if let Err(error) = self {
                traza::contar_falla(&format_args!("la función de {par} terminó con error: {error}"));
            }
        }
    }
}

/// Cómo se atiende desde Rust: cada cliente es una [`Conexion`] que pasa a ser de la función.
struct ServicioDeRust<F> {
    vecino: Arc<Vecino>,
    funcion: Arc<F>,
    vivos: Arc<Vivos>,
    paciencia: Duration,
}

impl<F: Fn(Conexion) + Send + Sync + 'static> Servicio for ServicioDeRust<F> {
    fn esperar(&self, cuenta: &Cuenta, pedido: &Pedido) -> Resultado<Tarea> {
        let Vecino { socket, escucha } = &*self.vecino;
        Escucha::contar_espera(Puerta::propia(socket));
        let llegada = escucha.esperar(Puerta::propia(socket), pedido, None, &mut |_: Rechazo| {})?;
        let opciones = self.vecino.escucha.opciones();
        let conexion = Conexion::nueva(llegada.socket.entregar(), llegada.par, llegada.handshake, opciones);
        let extremo = conexion.extremo();
        let atendido = self.vivos.entrar(conexion.par(), Arc::<Extremo>::clone(&extremo))?;
        let (funcion, todos) = (Arc::clone(&self.funcion), Arc::clone(&self.vivos));
        let mut conexion = Some(conexion);
        let cuenta = cuenta.clone();
        let este = Arc::clone(&atendido);
        Ok(Tarea {
            cuerpo: Box::new(move || {
                atencion::entrar();
                vivos::en_este_hilo_atiende_a(&este);
                if let Some(conexion) = conexion.take() {
                    // Lo que se rompa es de este cliente: nadie más lo comparte, salvo lo que la función misma haya compartido.
                    let _ = catch_unwind(AssertUnwindSafe(|| funcion(conexion)));
                }
            }),
            // Lo encolado se envía aquí, con el extremo todavía a la vista de quien puede cortarlo: el otro puede no estar leyendo.
            al_terminar: Box::new(move || {
                let _ = extremo.vaciar_cola();
                todos.salir(&atendido);
                cuenta.salir();
            }),
        })
    }

    /// A quien usa la biblioteca desde Rust no se le escribe nada.
    fn sin_hilos(&self) {}

    fn cortar(&self) {
        self.vivos.cortar();
    }

    fn hasta_cuando(&self) -> Option<Instant> {
        sistema::dentro_de(self.paciencia)
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
    escuchar(&direcciones, opciones)
}

fn escuchar(direcciones: &[SocketAddr], opciones: Opciones) -> Resultado<(Socket, Escucha)> {
    let socket = escuchar_en_alguna(direcciones)?;
    if traza::activa() {
        contar_donde_escucha(&socket, direcciones.first().map_or(0, SocketAddr::port));
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
            // Escuchar en la otra sería tener dos servidores con el mismo nombre y el mismo puerto.
            Err(causa) if causa.kind() == ErrorKind::AddrInUse => return Err(por_que_no_escucha(*direccion, causa)),
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
