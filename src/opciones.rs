//! Todas las perillas, del código o del entorno, validadas en un solo lugar.

use std::borrow::Cow;
use std::ffi::CStr;
use std::time::Duration;

use crate::error::{Error, Resultado};
use crate::handshake::{Aceptados, HANDSHAKE};
use crate::memoria::{copiar, texto};
use crate::protocolo::TAMANIO_MAXIMO;
use crate::sistema;

/// Cuánto se espera una conexión y su handshake si no se pide otra cosa.
const ESPERA: Duration = Duration::from_millis(5000);

/// Cuánto se espera a los clientes que quedan cuando un servidor se detiene.
const PLAZO_DE_CIERRE: Duration = Duration::from_millis(2000);

/// El keepalive más corto que se puede cumplir, en segundos, y el más largo que admite el sistema.
const KEEPALIVE: std::ops::RangeInclusive<u32> = 3..=32_767;

/// Lo que se le pide al handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// No hay: la conversación empieza con el primer mensaje.
    Ninguno,
    /// El servidor acepta clientes con y sin handshake. Un cliente muestra el primero.
    Opcional(Aceptados),
    /// El cliente tiene que mostrar uno de estos valores.
    Exigido(Aceptados),
}

/// Cómo se conecta un cliente o atiende un servidor. Lo que no se pide queda como en [`nuevas`](Self::nuevas).
///
/// ```
/// use std::time::Duration;
/// use tp0::{Opciones, Servidor};
///
/// let opciones = Opciones::nuevas()
///     .handshakes(&[10, 20])?
///     .espera(Some(Duration::from_secs(2)))
///     .tamanio_maximo(1024 * 1024)?;
/// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &opciones)?;
/// # Ok::<(), tp0::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opciones {
    pub(crate) handshake: Handshake,
    pub(crate) espera: Option<Duration>,
    pub(crate) tamanio_maximo: u32,
    pub(crate) reintentos: Duration,
    pub(crate) keepalive: Option<u32>,
    pub(crate) clientes_maximos: Option<usize>,
    pub(crate) plazo_de_cierre: Duration,
}

impl Default for Opciones {
    fn default() -> Self {
        Self::nuevas()
    }
}

impl Opciones {
    /// Las de siempre, sin mirar el entorno:
    ///
    /// ```
    /// use std::time::Duration;
    /// use tp0::Opciones;
    ///
    /// let las_de_siempre = Opciones::nuevas()
    ///     .handshake(1)
    ///     .espera(Some(Duration::from_secs(5)))
    ///     .tamanio_maximo(64 * 1024 * 1024)?
    ///     .reintentos(Duration::ZERO)
    ///     .keepalive(None)?
    ///     .clientes_maximos(None)?
    ///     .plazo_de_cierre(Duration::from_secs(2));
    /// assert_eq!(Opciones::nuevas(), las_de_siempre);
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn nuevas() -> Self {
        let handshake = match Aceptados::nuevos(&[HANDSHAKE]) {
            Some(uno) => Handshake::Exigido(uno),
            None => Handshake::Ninguno,
        };
        Self {
            handshake,
            espera: Some(ESPERA),
            tamanio_maximo: TAMANIO_MAXIMO,
            reintentos: Duration::ZERO,
            keepalive: None,
            clientes_maximos: None,
            plazo_de_cierre: PLAZO_DE_CIERRE,
        }
    }

    /// Las que pide el entorno: `TP0_HANDSHAKE` (un entero, `no` u `opcional`), `TP0_ESPERA_MS` (milisegundos; 0 es sin límite) y
    /// `TP0_TAMANIO_MAXIMO` (bytes). Lo que no está queda como en [`nuevas`](Self::nuevas).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tp0::{Error, Opciones};
    ///
    /// # // SAFETY: el ejemplo es un proceso con un solo hilo: nadie más lee el entorno.
    /// # unsafe {
    /// #     std::env::remove_var("TP0_HANDSHAKE");
    /// #     std::env::remove_var("TP0_TAMANIO_MAXIMO");
    /// #     std::env::set_var("TP0_ESPERA_MS", "250");
    /// # }
    /// // Corrido así: TP0_ESPERA_MS=250 ./programa
    /// assert_eq!(Opciones::del_entorno()?, Opciones::nuevas().espera(Some(Duration::from_millis(250))));
    ///
    /// # // SAFETY: como antes.
    /// # unsafe { std::env::set_var("TP0_ESPERA_MS", "mucho") };
    /// // Y así: TP0_ESPERA_MS=mucho ./programa
    /// assert!(matches!(Opciones::del_entorno(), Err(Error::Entorno { variable: "TP0_ESPERA_MS", .. })));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Entorno`] si alguna no se entiende.
    pub fn del_entorno() -> Resultado<Self> {
        let mut opciones = Self::nuevas();
        if let Some(valor) = variable(c"TP0_HANDSHAKE")? {
            opciones.handshake = leer_handshake(&valor)?;
        }
        if let Some(valor) = variable(c"TP0_ESPERA_MS")? {
            opciones.espera = leer_espera(&valor)?;
        }
        if let Some(valor) = variable(c"TP0_TAMANIO_MAXIMO")? {
            opciones.tamanio_maximo = leer_tamanio_maximo(&valor)?;
        }
        Ok(opciones)
    }

    /// Un solo valor de handshake: el que muestra el cliente, o el único que acepta el servidor.
    ///
    /// ```
    /// use tp0::{Conexion, Opciones, Servidor};
    ///
    /// let opciones = Opciones::nuevas().handshake(2026);
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &opciones)?;
    /// let cliente = Conexion::conectar_con("127.0.0.1", servidor.puerto()?, &opciones)?;
    /// assert_eq!(cliente.handshake(), Some(2026));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn handshake(self, valor: i32) -> Self {
        self.con_valores(&[valor], Handshake::Exigido)
    }

    /// Los valores que acepta un servidor (hasta 32): [`Conexion::handshake`](crate::Conexion::handshake) dice cuál mostró
    /// cada cliente. Un cliente muestra el primero.
    ///
    /// ```
    /// use tp0::{Conexion, Error, Opciones, Servidor};
    ///
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().handshakes(&[10, 20])?)?;
    /// let puerto = servidor.puerto()?.to_string();
    /// for modulo in [20, 10] {
    ///     let _cliente = Conexion::conectar_con("127.0.0.1", &puerto, &Opciones::nuevas().handshake(modulo))?;
    ///     assert_eq!(servidor.esperar_cliente()?.handshake(), Some(modulo));
    /// }
    ///
    /// assert!(matches!(Opciones::nuevas().handshakes(&[]), Err(Error::Argumento(_))));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si no hay ninguno o son más de 32.
    pub fn handshakes(mut self, valores: &[i32]) -> Resultado<Self> {
        match Aceptados::nuevos(valores) {
            Some(aceptados) => {
                self.handshake = Handshake::Exigido(aceptados);
                Ok(self)
            }
            None => Err(Error::Argumento(texto!(
                "Se pueden aceptar de 1 a 32 valores de handshake y pediste {}.",
                valores.len()
            ))),
        }
    }

    /// Sin handshake, de ninguno de los dos lados: para hablar con un TP0 que no lo tiene.
    ///
    /// ```
    /// use std::io::Write;
    /// use tp0::{Opciones, Recibido, Servidor};
    ///
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().sin_handshake())?;
    ///
    /// // Un cliente hecho a mano: un MENSAJE de 3 bytes y nada más.
    /// std::net::TcpStream::connect(servidor.direccion()?)?.write_all(&[0, 0, 0, 0, 3, 0, 0, 0, b'o', b'k', 0])?;
    ///
    /// let mut conexion = servidor.esperar_cliente()?;
    /// assert_eq!(conexion.handshake(), None);
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("ok"))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sin_handshake(mut self) -> Self {
        self.handshake = Handshake::Ninguno;
        self
    }

    /// Un servidor que acepta clientes con y sin handshake (un cliente con esta opción muestra el valor).
    ///
    /// Exactamente los 4 bytes de `valor` son un handshake; un header posible, o silencio hasta que venza la espera, un
    /// cliente sin handshake. Dos cosas se confunden: un handshake pegado al primer mensaje, y un header que llega partido
    /// después de sus primeros 4 bytes, si valen lo mismo.
    ///
    /// ```
    /// use std::io::Write;
    /// use tp0::{Conexion, Opciones, Recibido, Servidor};
    ///
    /// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().handshake_opcional(1))?;
    ///
    /// let con_handshake = Conexion::conectar("127.0.0.1", servidor.puerto()?)?;
    /// assert_eq!(servidor.esperar_cliente()?.handshake(), Some(1));
    ///
    /// let mut sin_handshake = std::net::TcpStream::connect(servidor.direccion()?)?;
    /// sin_handshake.write_all(&[0, 0, 0, 0, 3, 0, 0, 0, b'o', b'k', 0])?;
    /// let mut conexion = servidor.esperar_cliente()?;
    /// assert_eq!(conexion.handshake(), None);
    /// assert!(matches!(conexion.recibir()?, Some(Recibido::Mensaje("ok"))), "mirarlo no lo consumió");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn handshake_opcional(self, valor: i32) -> Self {
        self.con_valores(&[valor], Handshake::Opcional)
    }

    fn con_valores(mut self, valores: &[i32], modo: fn(Aceptados) -> Handshake) -> Self {
        if let Some(aceptados) = Aceptados::nuevos(valores) {
            self.handshake = modo(aceptados);
        }
        self
    }

    /// Cuánto se espera a que se conecte y a que termine el handshake, todo junto; en un servidor, cuánto se le da a cada
    /// cliente para su handshake. `None`: lo que haga falta. Cero vence enseguida.
    ///
    /// ```
    /// use std::net::TcpListener;
    /// use std::time::Duration;
    /// use tp0::{Conexion, Error, Opciones};
    ///
    /// // Escucha, pero nunca llega a aceptar a nadie.
    /// let mudo = TcpListener::bind("127.0.0.1:0")?;
    /// let puerto = mudo.local_addr()?.port().to_string();
    /// let opciones = Opciones::nuevas().espera(Some(Duration::from_millis(50)));
    /// let error = Conexion::conectar_con("127.0.0.1", &puerto, &opciones).unwrap_err();
    /// assert!(matches!(error, Error::PlazoDeHandshake { plazo, .. } if plazo.as_millis() == 50));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn espera(mut self, plazo: Option<Duration>) -> Self {
        self.espera = plazo;
        self
    }

    /// El mayor payload que se envía o recibe, en bytes. En un MENSAJE cuenta el `'\0'`.
    ///
    /// ```
    /// use tp0::{Conexion, Error, Opciones, Servidor};
    ///
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let puerto = servidor.puerto()?.to_string();
    /// let cliente = Conexion::conectar_con("127.0.0.1", &puerto, &Opciones::nuevas().tamanio_maximo(10)?)?;
    /// cliente.enviar_mensaje("123456789")?;
    /// let error = cliente.enviar_mensaje("1234567890").unwrap_err();
    /// assert!(matches!(error, Error::DemasiadoGrande { tamanio: 11, limite: 10, .. }));
    /// assert!(cliente.activa(), "no se envió nada: la conexión sigue");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si es 0 o no entra en un `int` (2147483647).
    pub fn tamanio_maximo(mut self, bytes: u32) -> Resultado<Self> {
        if bytes == 0 || i32::try_from(bytes).is_err() {
            return Err(Error::Argumento(texto!("El tamaño máximo va de 1 a 2147483647 bytes y pediste {bytes}.")));
        }
        self.tamanio_maximo = bytes;
        Ok(self)
    }
}

/// Opciones de un cliente, y de cuánto duran las cosas.
impl Opciones {
    /// Si nadie escucha todavía, o no se llega a su red, cuánto se sigue intentando, cada 100 ms: el servidor puede no estar
    /// levantado. Cero: un solo intento. El último puede terminar después.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use tp0::{Conexion, Error, Opciones};
    ///
    /// let comienzo = Instant::now();
    /// let opciones = Opciones::nuevas().reintentos(Duration::from_millis(250));
    /// let error = Conexion::conectar_con("127.0.0.1", "1", &opciones).unwrap_err();
    /// assert!(matches!(error, Error::NadieEscucha { .. }));
    /// assert!(comienzo.elapsed() >= Duration::from_millis(100), "se intentó más de una vez");
    /// ```
    #[must_use]
    #[doc(alias("retry", "reconnect", "backoff"))]
    pub fn reintentos(mut self, durante: Duration) -> Self {
        self.reintentos = durante;
        self
    }

    /// En cuánto, a lo sumo, se nota que el otro lado desapareció sin avisar (un cable desconectado). Lo que se esté esperando de él falla con
    /// [`Error::ParMudo`]. El sistema cuenta segundos enteros. `None`: quien sólo recibe no se entera.
    ///
    /// También termina la conexión con quien, en ese tiempo, no lee nada de lo que se le manda.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tp0::{Conexion, Error, Opciones, Servidor};
    ///
    /// let opciones = Opciones::nuevas().keepalive(Some(Duration::from_secs(10)))?;
    /// # let servidor = Servidor::iniciar("127.0.0.1", "0")?;
    /// # let puerto = servidor.puerto()?.to_string();
    /// let conexion = Conexion::conectar_con("127.0.0.1", &puerto, &opciones)?;
    /// assert!(socket2::SockRef::from(&conexion).keepalive().unwrap());
    ///
    /// assert!(matches!(Opciones::nuevas().keepalive(Some(Duration::from_secs(2))), Err(Error::Argumento(_))));
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si no está entre 3 y 32767 segundos.
    pub fn keepalive(mut self, plazo: Option<Duration>) -> Resultado<Self> {
        let segundos = plazo.map(|plazo| u32::try_from(plazo.as_secs()).unwrap_or(u32::MAX));
        if let (Some(plazo), false) = (plazo, segundos.is_none_or(|segundos| KEEPALIVE.contains(&segundos))) {
            let fuera = plazo.as_secs_f64();
            return Err(Error::Argumento(texto!("El keepalive va de 3 a 32767 segundos y pediste {fuera}.")));
        }
        self.keepalive = segundos;
        Ok(self)
    }

    /// Cuántos clientes atiende a la vez [`Servidor::atender`](crate::Servidor::atender), a lo sumo: los demás esperan en la
    /// cola del sistema, sin respuesta a su handshake, y se van si se les vence la espera. `None`: los que haya.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use tp0::{Conexion, Opciones, Servidor};
    ///
    /// let servidor = Arc::new(Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().clientes_maximos(Some(1))?)?);
    /// # let puerto = servidor.puerto()?.to_string();
    /// let otro = Arc::clone(&servidor);
    /// let adentro = AtomicUsize::new(0);
    /// let hilo = std::thread::spawn(move || {
    ///     otro.atender(move |cliente| {
    ///         assert_eq!(adentro.fetch_add(1, Ordering::SeqCst), 0, "es el único");
    ///         let _ = cliente.enviar_mensaje("te tocó");
    ///         adentro.fetch_sub(1, Ordering::SeqCst);
    ///     })
    /// });
    ///
    /// let clientes: Vec<_> = (0..3)
    ///     .map(|_| {
    ///         let puerto = puerto.clone();
    ///         std::thread::spawn(move || Conexion::conectar("127.0.0.1", &puerto)?.recibir().map(|mensaje| mensaje.is_some()))
    ///     })
    ///     .collect();
    /// for cliente in clientes {
    ///     assert!(cliente.join().unwrap()?);
    /// }
    /// # servidor.detener()?;
    /// # hilo.join().unwrap()?;
    /// # Ok::<(), tp0::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argumento`] si es 0.
    pub fn clientes_maximos(mut self, cuantos: Option<usize>) -> Resultado<Self> {
        if cuantos == Some(0) {
            return Err(Error::Argumento(texto!("Un servidor tiene que atender al menos a un cliente a la vez.")));
        }
        self.clientes_maximos = cuantos;
        Ok(self)
    }

    /// Cuánto se espera, al [detener](crate::Servidor::detener) un servidor, a que terminen los clientes que quedan; después
    /// se los corta.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use tp0::{Conexion, Opciones, Servidor};
    ///
    /// let opciones = Opciones::nuevas().plazo_de_cierre(Duration::from_millis(50));
    /// let servidor = Arc::new(Servidor::iniciar_con("127.0.0.1", "0", &opciones)?);
    /// # let puerto = servidor.puerto()?.to_string();
    /// let otro = Arc::clone(&servidor);
    /// let hilo = std::thread::spawn(move || {
    ///     otro.atender(|mut cliente| {
    ///         let _ = cliente.enviar_mensaje("te escucho");
    ///         let _ = cliente.recibir(); // espera algo que nunca llega
    ///     })
    /// });
    /// let mut conexion = Conexion::conectar("127.0.0.1", &puerto)?;
    /// assert!(conexion.recibir()?.is_some());
    ///
    /// servidor.detener()?;
    /// hilo.join().unwrap()?;
    /// assert!(conexion.recibir()?.is_none(), "a los 50 ms lo cortó");
    /// # Ok::<(), tp0::Error>(())
    /// ```
    #[must_use]
    pub fn plazo_de_cierre(mut self, plazo: Duration) -> Self {
        self.plazo_de_cierre = plazo;
        self
    }
}

/// Sólo el límite de tamaño del entorno: el de una conexión que no hizo esta biblioteca.
pub(crate) fn tamanio_maximo_del_entorno() -> Resultado<u32> {
    variable(c"TP0_TAMANIO_MAXIMO")?.map_or(Ok(TAMANIO_MAXIMO), |valor| leer_tamanio_maximo(&valor))
}

/// Si hay que contar cada paso.
pub(crate) fn traza_del_entorno() -> Resultado<bool> {
    let valor = variable(c"TP0_TRAZA")?;
    match valor.as_deref().map(str::trim) {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(valor) => Err(Error::Entorno {
            variable: "TP0_TRAZA",
            valor: copiar(valor),
            esperado: "1 (contar cada paso en la salida de errores) o 0",
        }),
    }
}

/// Dónde escucha un servidor al que no se le dice: `TP0_IP` y `TP0_PUERTO`.
pub(crate) fn direccion_del_entorno() -> Resultado<(Option<String>, Cow<'static, str>)> {
    let puerto = variable(c"TP0_PUERTO")?.map_or(Cow::Borrowed("4444"), Cow::Owned);
    Ok((variable(c"TP0_IP")?, puerto))
}

pub(crate) fn variable(nombre: &CStr) -> Resultado<Option<String>> {
    sistema::variable(nombre).map_err(|_| Error::SinMemoria { bytes: 0 })
}

fn leer_handshake(valor: &str) -> Resultado<Handshake> {
    let uno = || Aceptados::nuevos(&[HANDSHAKE]);
    let leido = match valor.trim() {
        "no" => Some(Handshake::Ninguno),
        "opcional" => uno().map(Handshake::Opcional),
        numero => numero.parse().ok().and_then(|numero| Aceptados::nuevos(&[numero])).map(Handshake::Exigido),
    };
    leido.ok_or_else(|| Error::Entorno {
        variable: "TP0_HANDSHAKE",
        valor: copiar(valor),
        esperado: "un entero de 32 bits, «no» u «opcional»",
    })
}

fn leer_espera(valor: &str) -> Resultado<Option<Duration>> {
    match leer_natural(valor) {
        Some(0) => Ok(None),
        Some(ms) => Ok(Some(Duration::from_millis(u64::from(ms)))),
        None => Err(Error::Entorno {
            variable: "TP0_ESPERA_MS",
            valor: copiar(valor),
            esperado: "una cantidad de milisegundos, de 0 (sin límite) a 2147483647",
        }),
    }
}

fn leer_tamanio_maximo(valor: &str) -> Resultado<u32> {
    leer_natural(valor).filter(|bytes| *bytes > 0).ok_or_else(|| Error::Entorno {
        variable: "TP0_TAMANIO_MAXIMO",
        valor: copiar(valor),
        esperado: "una cantidad de bytes, de 1 a 2147483647",
    })
}

/// Un número que también entra en un `int`.
fn leer_natural(valor: &str) -> Option<u32> {
    valor.trim().parse::<u32>().ok().filter(|numero| i32::try_from(*numero).is_ok())
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn un_valor_que_no_se_entiende_nombra_la_variable_y_el_valor() {
        let errores = [
            leer_handshake("abc").unwrap_err(),
            leer_handshake("").unwrap_err(),
            leer_handshake("99999999999").unwrap_err(),
            leer_espera("-1").unwrap_err(),
            leer_espera("2147483648").unwrap_err(),
            leer_tamanio_maximo("0").unwrap_err(),
            leer_tamanio_maximo("64MB").unwrap_err(),
        ];
        for error in errores {
            let Error::Entorno { variable, valor, .. } = &error else { panic!("{error:?}") };
            assert!(error.to_string().contains(variable) && error.to_string().contains(&format!("{valor:?}")));
        }
    }

    #[test]
    fn los_valores_que_se_entienden() {
        assert_eq!(leer_handshake(" no ").unwrap(), Handshake::Ninguno);
        assert_eq!(leer_handshake("-7").unwrap(), Handshake::Exigido(Aceptados::nuevos(&[-7]).unwrap()));
        assert_eq!(leer_espera("0").unwrap(), None);
        assert_eq!(leer_espera("250\n").unwrap(), Some(Duration::from_millis(250)));
        assert_eq!(leer_tamanio_maximo("1").unwrap(), 1);
    }

    #[test]
    fn las_opciones_fuera_de_rango_se_rechazan() {
        assert!(Opciones::nuevas().handshakes(&[]).is_err());
        assert!(Opciones::nuevas().tamanio_maximo(0).is_err());
        assert!(Opciones::nuevas().tamanio_maximo(u32::MAX).is_err());
        assert!(Opciones::nuevas().keepalive(Some(Duration::from_millis(2999))).is_err());
        assert!(Opciones::nuevas().keepalive(Some(Duration::from_secs(32_768))).is_err());
        assert!(Opciones::nuevas().clientes_maximos(Some(0)).is_err());
    }
}
