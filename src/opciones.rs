//! Todas las perillas, del código o del entorno, validadas en un solo lugar.

use std::env;
use std::time::Duration;

use crate::error::{Error, Resultado};
use crate::handshake::{Aceptados, HANDSHAKE};
use crate::protocolo::TAMANIO_MAXIMO;

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

/// Cómo se conecta un cliente o atiende un servidor. Lo que no se pide queda como dice el contrato.
///
/// ```
/// use std::time::Duration;
/// use tp0::Opciones;
///
/// let opciones = Opciones::nuevas()
///     .handshakes(&[10, 20])?
///     .espera(Some(Duration::from_secs(2)))
///     .tamanio_maximo(1024 * 1024)?;
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
    /// Handshake 1, cinco segundos de espera, payloads de hasta 64 MiB.
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

    /// Las que pide el entorno: `TP0_HANDSHAKE`, `TP0_ESPERA_MS` y `TP0_TAMANIO_MAXIMO`.
    ///
    /// # Errors
    /// [`Error::Entorno`] si alguna no se entiende.
    pub fn del_entorno() -> Resultado<Self> {
        let mut opciones = Self::nuevas();
        if let Some(valor) = variable("TP0_HANDSHAKE") {
            opciones.handshake = leer_handshake(&valor)?;
        }
        if let Some(valor) = variable("TP0_ESPERA_MS") {
            opciones.espera = leer_espera(&valor)?;
        }
        if let Some(valor) = variable("TP0_TAMANIO_MAXIMO") {
            opciones.tamanio_maximo = leer_tamanio_maximo(&valor)?;
        }
        Ok(opciones)
    }

    /// Un solo valor de handshake: el que muestra el cliente, o el único que acepta el servidor.
    #[must_use]
    pub fn handshake(self, valor: i32) -> Self {
        self.con_valores(&[valor], Handshake::Exigido)
    }

    /// Los valores que acepta un servidor (hasta 32): [`Conexion::handshake`](crate::Conexion::handshake) dice cuál mostró cada cliente.
    /// Un cliente muestra el primero.
    ///
    /// # Errors
    /// [`Error::Argumento`] si no hay ninguno o son más de 32.
    pub fn handshakes(mut self, valores: &[i32]) -> Resultado<Self> {
        match Aceptados::nuevos(valores) {
            Some(aceptados) => {
                self.handshake = Handshake::Exigido(aceptados);
                Ok(self)
            }
            None => Err(Error::Argumento(format!(
                "Se pueden aceptar de 1 a 32 valores de handshake y pediste {}.",
                valores.len()
            ))),
        }
    }

    /// Sin handshake, de ninguno de los dos lados: para hablar con un TP0 que no lo tiene.
    #[must_use]
    pub fn sin_handshake(mut self) -> Self {
        self.handshake = Handshake::Ninguno;
        self
    }

    /// Un servidor que acepta clientes con y sin handshake (un cliente con esta opción muestra el valor).
    ///
    /// Exactamente los 4 bytes de `valor` son un handshake; un header posible, o silencio hasta que venza la espera, un
    /// cliente sin handshake. Un handshake pegado al primer mensaje, o un header partido en dos, se confunden.
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

    /// Cuánto se espera a que se conecte y a que termine el handshake. `None`: lo que haga falta.
    #[must_use]
    pub fn espera(mut self, plazo: Option<Duration>) -> Self {
        self.espera = plazo;
        self
    }

    /// El mayor payload que se envía o recibe, en bytes.
    ///
    /// # Errors
    /// [`Error::Argumento`] si es 0 o no entra en un `int`.
    pub fn tamanio_maximo(mut self, bytes: u32) -> Resultado<Self> {
        if bytes == 0 || i32::try_from(bytes).is_err() {
            return Err(Error::Argumento(format!("El tamaño máximo va de 1 a 2147483647 bytes y pediste {bytes}.")));
        }
        self.tamanio_maximo = bytes;
        Ok(self)
    }
}

/// Opciones de un cliente, y de cuánto duran las cosas.
impl Opciones {
    /// Si nadie escucha todavía, cuánto se sigue intentando: el servidor puede no estar levantado. Cero: un solo intento.
    #[must_use]
    pub fn reintentos(mut self, durante: Duration) -> Self {
        self.reintentos = durante;
        self
    }

    /// En cuántos segundos, a lo sumo, se nota que el otro lado desapareció sin avisar (un cable desconectado). `None`: nunca.
    ///
    /// # Errors
    /// [`Error::Argumento`] si no está entre 3 y 32767.
    pub fn keepalive(mut self, segundos: Option<u32>) -> Resultado<Self> {
        if let Some(fuera) = segundos.filter(|segundos| !KEEPALIVE.contains(segundos)) {
            return Err(Error::Argumento(format!("El keepalive va de 3 a 32767 segundos y pediste {fuera}.")));
        }
        self.keepalive = segundos;
        Ok(self)
    }

    /// Cuántos clientes se atienden a la vez, a lo sumo: los demás esperan en la cola del sistema. `None`: los que haya.
    ///
    /// # Errors
    /// [`Error::Argumento`] si es 0.
    pub fn clientes_maximos(mut self, cuantos: Option<usize>) -> Resultado<Self> {
        if cuantos == Some(0) {
            return Err(Error::Argumento("Un servidor tiene que atender al menos a un cliente a la vez.".to_owned()));
        }
        self.clientes_maximos = cuantos;
        Ok(self)
    }

    /// Cuánto se espera, al detener un servidor, a que terminen los clientes que quedan; después se los corta.
    #[must_use]
    pub fn plazo_de_cierre(mut self, plazo: Duration) -> Self {
        self.plazo_de_cierre = plazo;
        self
    }
}

/// Sólo el límite de tamaño del entorno: el de una conexión que no hizo esta biblioteca.
pub(crate) fn tamanio_maximo_del_entorno() -> Resultado<u32> {
    variable("TP0_TAMANIO_MAXIMO").map_or(Ok(TAMANIO_MAXIMO), |valor| leer_tamanio_maximo(&valor))
}

/// Dónde escucha un servidor al que no se le dice: `TP0_IP` y `TP0_PUERTO`.
pub(crate) fn direccion_del_entorno() -> (Option<String>, String) {
    (variable("TP0_IP"), variable("TP0_PUERTO").unwrap_or_else(|| "4444".to_owned()))
}

fn variable(nombre: &str) -> Option<String> {
    env::var_os(nombre).map(|valor| valor.to_string_lossy().into_owned())
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
        valor: valor.to_owned(),
        esperado: "un entero de 32 bits, «no» u «opcional»",
    })
}

fn leer_espera(valor: &str) -> Resultado<Option<Duration>> {
    match leer_natural(valor) {
        Some(0) => Ok(None),
        Some(ms) => Ok(Some(Duration::from_millis(u64::from(ms)))),
        None => Err(Error::Entorno {
            variable: "TP0_ESPERA_MS",
            valor: valor.to_owned(),
            esperado: "una cantidad de milisegundos, de 0 (sin límite) a 2147483647",
        }),
    }
}

fn leer_tamanio_maximo(valor: &str) -> Resultado<u32> {
    leer_natural(valor).filter(|bytes| *bytes > 0).ok_or_else(|| Error::Entorno {
        variable: "TP0_TAMANIO_MAXIMO",
        valor: valor.to_owned(),
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
        assert!(Opciones::nuevas().keepalive(Some(2)).is_err());
        assert!(Opciones::nuevas().keepalive(Some(32_768)).is_err());
        assert!(Opciones::nuevas().clientes_maximos(Some(0)).is_err());
    }
}
