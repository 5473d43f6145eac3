//! Lo que un programa hace con sus sockets y casi seguro no quiso, en palabras: qué se vio, y qué cambiar.

/// Qué clase de cosa es.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clase {
    Siguio,
    NoEsUnSocket,
    SinNosignal,
    EnvioCorto,
    MensajeCorto,
    RecepcionCorta,
    CortaConWaitall,
    Tamanio,
    Opcion,
    OpcionTarde,
    CierreDoble,
    CierreDeNada,
    Cerrado,
    Encimados,
    Abierto,
}

impl Clase {
    pub(crate) fn consejo(self) -> &'static str {
        match self {
            Self::Siguio => {
                "Si da -1, decí por qué (perror) y no sigas: lo que viene después falla de maneras más raras."
            }
            Self::NoEsUnSocket => "Un -1 es una llamada de antes que falló: mirá lo que devuelve cada una.",
            Self::SinNosignal => {
                "Con MSG_NOSIGNAL, send da -1 y EPIPE; sin él, SIGPIPE mata al programa sin un mensaje."
            }
            Self::EnvioCorto => "send puede aceptar una parte: seguí desde ahí, en un while, hasta que salga todo.",
            Self::MensajeCorto => {
                "El tamaño del header es el de los bytes que van detrás: strlen, por ejemplo, no cuenta el cero del final."
            }
            Self::RecepcionCorta => {
                "TCP no junta lo que se mandó junto: pedilos con MSG_WAITALL, o en un while hasta tenerlos."
            }
            Self::CortaConWaitall => {
                "Aun así llega menos si el otro lado se va: compará lo que devuelve con lo que pediste."
            }
            Self::Tamanio => "A un tamaño que llegó de afuera se lo compara con un máximo antes de pedir memoria.",
            Self::Opcion => {
                "Para volver a usar el puerto: setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si), antes de bind."
            }
            Self::OpcionTarde => "SO_REUSEADDR vale para el bind que viene: va entre socket y bind.",
            Self::CierreDoble => "Ese número ya puede ser de otra conexión: cerralo una vez sola.",
            Self::CierreDeNada => "Ese número no es de nada abierto: ¿es el -1 de una llamada que falló?",
            Self::Cerrado => "Después de close, ese número no es de nadie, o es de otra conexión.",
            Self::Encimados => {
                "Los bytes de uno pueden quedar en medio de los del otro: un mutex por socket, mientras sale el mensaje entero."
            }
            Self::Abierto => {
                "Un programa que sigue se queda sin descriptores: cerrá cada socket cuando termina su conversación."
            }
        }
    }
}

/// Una sospecha, en su lugar.
#[derive(Debug)]
pub(crate) struct Sospecha {
    clase: Clase,
    lugar: String,
    que: String,
    veces: usize,
}

/// Las que hubo, cada una una vez por lugar.
#[derive(Debug, Default)]
pub(crate) struct Sospechas(Vec<Sospecha>);

impl Sospechas {
    /// Si es nueva.
    pub(crate) fn anotar(&mut self, clase: Clase, lugar: &str, que: &str) -> bool {
        if let Some(otra) = self.0.iter_mut().find(|otra| otra.clase == clase && otra.lugar == lugar) {
            otra.veces += 1;
            return false;
        }
        self.0.push(Sospecha { clase, lugar: lugar.to_owned(), que: que.to_owned(), veces: 1 });
        true
    }

    pub(crate) fn olvidar(&mut self, clase: Clase, lugar: &str) {
        self.0.retain(|una| una.clase != clase || una.lugar != lugar);
    }

    pub(crate) fn cuantas(&self) -> usize {
        self.0.len()
    }

    /// Para mostrar al final: el lugar y qué se vio; abajo, qué cambiar.
    pub(crate) fn contar(&self) -> impl Iterator<Item = (&str, String, &'static str)> {
        self.0.iter().map(|una| {
            let veces = if una.veces > 1 { format!(" ({} veces)", una.veces) } else { String::new() };
            (una.lugar.as_str(), format!("{}{veces}", una.que), una.clase.consejo())
        })
    }
}
