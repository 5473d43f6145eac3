//! Qué es un caso, y cómo puede salir.

use std::fmt;
use std::time::Duration;

use crate::descripcion::Perfil;
use crate::probar::banco::Banco;

/// Cómo salió un caso.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resultado {
    Bien,
    NoSeProbo,
    /// Vive, y no mostró o no hizo lo que tenía que hacer.
    Pierde,
    NoTermina,
    /// Lo reiniciaron y no está en su puerto.
    Puerto,
    /// Quemó un procesador por un segundo.
    Gira,
    /// Pidió más de 512 MiB porque un header lo decía.
    Memoria,
    SeCae,
}

impl Resultado {
    /// Con lo que dice `--json`.
    pub(crate) fn nombre(self) -> &'static str {
        match self {
            Self::Bien => "bien",
            Self::NoSeProbo => "no se probó",
            Self::Pierde => "pierde",
            Self::NoTermina => "no termina",
            Self::Puerto => "puerto",
            Self::Gira => "gira",
            Self::Memoria => "memoria",
            Self::SeCae => "se cae",
        }
    }

    pub(crate) fn es_mal(self) -> bool {
        !matches!(self, Self::Bien | Self::NoSeProbo)
    }
}

/// El resultado, y lo que se vio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Veredicto {
    pub(crate) resultado: Resultado,
    /// En dos palabras: `SIGSEGV`, `pidió 2047 MiB`.
    pub(crate) detalle: String,
    /// El número de la señal, si se cayó por una.
    pub(crate) senial: Option<i32>,
    /// No se vio el texto: si el programa nunca los muestra, no es una falla de este caso.
    pub(crate) por_no_mostrar: bool,
    /// No pasó del handshake: si nunca pasa, tampoco.
    pub(crate) por_el_handshake: bool,
    /// No siguió después de un cliente: si nunca sigue, tampoco.
    pub(crate) por_no_seguir: bool,
    /// La causa, si se vio algo más preciso que la de su caso.
    pub(crate) consejo: Option<Consejo>,
}

/// Por qué suele fallar, y qué cambiar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Consejo {
    pub(crate) causa: &'static str,
    pub(crate) cambiar: &'static str,
}

/// Un módulo de un TP terminó sin que nadie se lo pida.
const TERMINA: Consejo = Consejo {
    causa: "lo que hizo un cliente termina al programa entero: un exit, un return de main, un abort",
    cambiar: "cerrá la conexión de ese cliente, y que los demás sigan",
};

impl Veredicto {
    pub(crate) fn bien() -> Self {
        Self::nuevo(Resultado::Bien, "")
    }

    pub(crate) fn nuevo(resultado: Resultado, detalle: impl Into<String>) -> Self {
        Self {
            resultado,
            detalle: detalle.into(),
            senial: None,
            por_no_mostrar: false,
            por_el_handshake: false,
            por_no_seguir: false,
            consejo: None,
        }
    }

    pub(crate) fn con(self, consejo: Consejo) -> Self {
        Self { consejo: Some(consejo), ..self }
    }

    pub(crate) fn no_se_probo(por_que: impl Into<String>) -> Self {
        Self::nuevo(Resultado::NoSeProbo, por_que)
    }

    pub(crate) fn pierde(que: impl Into<String>) -> Self {
        Self::nuevo(Resultado::Pierde, que)
    }

    /// No se pudo pasar del handshake.
    pub(crate) fn sin_saludo(que: impl Into<String>) -> Self {
        Self { por_el_handshake: true, ..Self::pierde(que) }
    }

    /// Terminó en orden, y tenía que seguir atendiendo.
    pub(crate) fn termino(codigo: i32) -> Self {
        let veredicto = Self::nuevo(Resultado::SeCae, format!("terminó, con {codigo}"));
        Self { por_no_seguir: true, ..veredicto.con(TERMINA) }
    }

    /// El cliente no dijo nada: puede estar esperando algo que nadie sabe darle.
    pub(crate) fn sin_saludo_de_nadie(que: impl Into<String>) -> Self {
        Self { por_el_handshake: true, ..Self::no_se_probo(que) }
    }

    /// Vive y no mostró lo que se le mandó.
    pub(crate) fn no_mostro(que: impl fmt::Display) -> Self {
        Self { por_no_mostrar: true, ..Self::pierde(format!("no mostró {que}")) }
    }

    pub(crate) fn senial(senial: i32, contexto: &str) -> Self {
        let nombre = nix::sys::signal::Signal::try_from(senial)
            .map_or_else(|_| format!("señal {senial}"), |senial| senial.as_str().to_owned());
        Self { senial: Some(senial), ..Self::nuevo(Resultado::SeCae, format!("{nombre}{contexto}")) }
    }
}

/// Un paso de un caso: si no se pudo dar, el caso ya tiene su veredicto.
pub(crate) type Paso<T> = Result<T, Box<Veredicto>>;

/// Qué se le juega al programa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lado {
    Servidor,
    Cliente,
}

impl Lado {
    pub(crate) fn nombre(self) -> &'static str {
        match self {
            Self::Servidor => "servidor",
            Self::Cliente => "cliente",
        }
    }
}

/// Una sección de las guías de la materia.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guia {
    Sockets(&'static str),
    Serializacion(&'static str),
}

impl fmt::Display for Guia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (guia, seccion, pagina) = match self {
            Self::Sockets(seccion) => ("Guía de Sockets", seccion, "sockets"),
            Self::Serializacion(seccion) => ("Guía de Serialización", seccion, "serializacion"),
        };
        write!(f, "{guia}, «{seccion}»: https://docs.utnso.com.ar/guias/linux/{pagina}")
    }
}

/// Un caso de la tabla. Quien los corre no conoce ninguno.
#[derive(Debug)]
pub(crate) struct Caso {
    pub(crate) numero: &'static str,
    pub(crate) titulo: &'static str,
    /// Qué se le hace al programa.
    pub(crate) hace: &'static str,
    /// Qué tiene que pasar.
    pub(crate) pide: &'static str,
    /// Por qué suele fallar, y qué cambiar.
    pub(crate) causa: &'static str,
    pub(crate) cambiar: &'static str,
    pub(crate) guia: Guia,
    /// Manda un paquete de valores: a quien no los usa no se le prueba.
    pub(crate) con_paquete: bool,
    /// Sólo tiene sentido en este perfil.
    pub(crate) perfil: Option<Perfil>,
    pub(crate) correr: fn(&mut Banco<'_>) -> Paso<Veredicto>,
}

/// Un caso que ya se corrió.
#[derive(Debug)]
pub(crate) struct Corrido {
    pub(crate) caso: &'static Caso,
    pub(crate) veredicto: Veredicto,
    /// Lo que se mandó, en bytes y en palabras.
    pub(crate) enviado: Vec<String>,
    /// Lo que vale la pena decir y no es una falla.
    pub(crate) observaciones: Vec<String>,
    /// Lo que mostró el programa.
    pub(crate) salida: Vec<String>,
    pub(crate) duracion: Duration,
}
