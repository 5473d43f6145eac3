//! De los renglones de una traza a los pasos de cada proceso.

/// Los pasos de un proceso, en orden.
#[derive(Debug)]
pub(crate) struct Traza {
    pub(crate) programa: String,
    pub(crate) pid: u32,
    pub(crate) archivo: String,
    pub(crate) pasos: Vec<Paso>,
    /// Microsegundos, en el reloj de su máquina, en que empezó a contar.
    comienzo: i64,
}

/// Un paso.
#[derive(Debug)]
pub(crate) struct Paso {
    /// En qué renglón del archivo está, desde 1.
    pub(crate) renglon: usize,
    /// Microsegundos en el reloj de su máquina.
    pub(crate) instante: i64,
    pub(crate) que: Que,
}

/// Lo que pasó.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Que {
    /// Se conectó con `servidor`, desde `propia`.
    Conecto {
        descriptor: u32,
        servidor: String,
        propia: String,
    },
    /// Aceptó a `cliente`.
    Acepto {
        descriptor: u32,
        cliente: String,
    },
    /// Salió algo por un descriptor.
    Sale {
        descriptor: u32,
        que: String,
    },
    /// Llegó algo.
    Llega {
        descriptor: u32,
        que: String,
    },
    /// Llegó el código de operación de un mensaje; lo demás viene después.
    LlegaElCodigo {
        descriptor: u32,
        que: String,
    },
    /// El otro lado cerró.
    Fin {
        descriptor: u32,
    },
    Cerro {
        descriptor: u32,
    },
    /// Cómo falló, o terminó, lo que el programa pidió.
    Termino {
        que: String,
    },
    /// Está esperando: no es algo que haya pasado.
    Espera,
    /// Todo lo demás: `socket()`, `bind`, `listen`...
    Llamada {
        que: String,
    },
}

/// Un renglón: `[programa pid +segundos.micros] texto`.
struct Renglon<'a> {
    programa: &'a str,
    pid: u32,
    micros: i64,
    texto: &'a str,
}

impl<'a> Renglon<'a> {
    /// Adelante puede haber quedado algo que el programa escribió sin su fin de línea.
    fn leer(renglon: &'a str) -> Option<Self> {
        renglon.match_indices('[').find_map(|(donde, _)| Self::leer_desde(renglon.get(donde..)?))
    }

    fn leer_desde(renglon: &'a str) -> Option<Self> {
        let (adelante, texto) = renglon.strip_prefix('[')?.split_once("] ")?;
        let mut partes = adelante.split(' ');
        let (programa, pid, hace) = (partes.next()?, partes.next()?, partes.next()?);
        let micros = leer_reloj(hace.strip_prefix('+')?)?;
        partes.next().is_none().then_some(Self { programa, pid: pid.parse().ok()?, micros, texto })
    }

    /// Si quiso ser un renglón de la traza: los demás son de lo que el programa mismo escribe ahí.
    fn se_le_parece(renglon: &str) -> bool {
        let adelante = renglon.strip_prefix('[').map(|adelante| adelante.split(']').next().unwrap_or_default());
        adelante.is_some_and(|adelante| {
            let partes: Vec<&str> = adelante.split(' ').collect();
            matches!(partes.as_slice(), [_, pid, hace] if pid.parse::<u32>().is_ok() && hace.starts_with('+'))
        })
    }
}

/// `segundos.micros`, en microsegundos.
fn leer_reloj(texto: &str) -> Option<i64> {
    let (segundos, micros) = texto.split_once('.')?;
    let (segundos, de_mas): (i64, i64) = (segundos.parse().ok()?, micros.parse().ok()?);
    (micros.len() == 6).then_some(())?;
    segundos.checked_mul(1_000_000)?.checked_add(de_mas)
}

impl Traza {
    /// Lee un archivo, donde puede haber varios procesos y renglones que no son de la traza.
    pub(crate) fn leer(archivo: &str, texto: &str) -> Result<Vec<Self>, String> {
        let mut trazas: Vec<Self> = Vec::new();
        for (lugar, linea) in texto.split_inclusive('\n').enumerate() {
            let renglon = lugar + 1;
            let cortada = || format!("{archivo} está cortada en el renglón {renglon}: la traza no llega a su fin.");
            let entera = linea.strip_suffix('\n');
            match entera.and_then(Renglon::leer) {
                Some(leido) => Self::anotar(&mut trazas, archivo, renglon, &leido)?,
                None if entera.is_none() && linea.starts_with('[') || Renglon::se_le_parece(linea) => {
                    return Err(cortada());
                }
                None => {}
            }
        }
        if trazas.is_empty() {
            let (como, si_no) =
                (format!("TP0_TRAZA=1 ./programa 2>{archivo}"), format!("tp0 trazar -o {archivo} -- ./programa"));
            return Err(format!(
                "{archivo} no tiene ninguna traza. Se consigue así: {como}; si no usa libtp0, así: {si_no}"
            ));
        }
        Ok(trazas)
    }

    fn anotar(trazas: &mut Vec<Self>, archivo: &str, renglon: usize, leido: &Renglon<'_>) -> Result<(), String> {
        let este = trazas.iter_mut().find(|traza| traza.pid == leido.pid && traza.programa == leido.programa);
        if let Some(reloj) = reloj_de_presentacion(leido.texto) {
            // El mismo programa pudo apagarla y volver a encenderla.
            if este.is_none() {
                trazas.push(Self {
                    programa: leido.programa.to_owned(),
                    pid: leido.pid,
                    archivo: archivo.to_owned(),
                    pasos: Vec::new(),
                    comienzo: reloj.saturating_sub(leido.micros),
                });
            }
            return Ok(());
        }
        let Some(traza) = este else {
            let quien = leido.programa;
            return Err(format!("{archivo}, renglón {renglon}: a la traza de {quien} le falta el comienzo."));
        };
        let instante = traza.comienzo.saturating_add(leido.micros);
        traza.pasos.push(Paso { renglon, instante, que: Que::leer(leido.texto) });
        Ok(())
    }
}

/// `libtp0 0.1.0, reloj 1764031234.123456`
fn reloj_de_presentacion(texto: &str) -> Option<i64> {
    let (_, reloj) = texto.strip_prefix("libtp0 ")?.split_once(", reloj ")?;
    leer_reloj(reloj)
}

impl Que {
    fn leer(texto: &str) -> Self {
        Self::de_una_conexion(texto)
            .or_else(|| Self::de_una_llamada(texto))
            .unwrap_or_else(|| Self::Llamada { que: texto.to_owned() })
    }

    /// `4 -> algo`, `4 <- algo`
    fn de_una_conexion(texto: &str) -> Option<Self> {
        let (descriptor, resto) = texto.split_once(' ')?;
        let descriptor = descriptor.parse().ok()?;
        if let Some(que) = resto.strip_prefix("-> ") {
            return Some(Self::Sale { descriptor, que: que.to_owned() });
        }
        let que = resto.strip_prefix("<- ")?;
        if let Some(codigo) = que.strip_prefix("código de operación: ") {
            return Some(Self::LlegaElCodigo { descriptor, que: codigo.to_owned() });
        }
        Some(if que.starts_with("fin: ") {
            Self::Fin { descriptor }
        } else {
            Self::Llega { descriptor, que: que.to_owned() }
        })
    }

    fn de_una_llamada(texto: &str) -> Option<Self> {
        if let Some(que) = texto.strip_prefix("=> ") {
            return Some(Self::Termino { que: que.to_owned() });
        }
        let (llamada, resto) = texto.split_once('(')?;
        let (argumentos, salida) = resto.split_once(')')?;
        match llamada {
            "close" => Some(Self::Cerro { descriptor: argumentos.parse().ok()? }),
            "recv" if salida.starts_with(": espera") => Some(Self::Espera),
            "accept" => {
                let (descriptor, cliente) = salida.strip_prefix(" = ")?.split_once(", de ")?;
                Some(Self::Acepto { descriptor: descriptor.parse().ok()?, cliente: cliente.to_owned() })
            }
            "connect" => {
                let (descriptor, servidor) = argumentos.split_once(", ")?;
                let propia = salida.strip_prefix(", desde ")?.split(',').next()?.to_owned();
                Some(Self::Conecto { descriptor: descriptor.parse().ok()?, servidor: servidor.to_owned(), propia })
            }
            _ => None,
        }
    }
}
