//! Leer un comentario del header: las marcas de doxygen que usan los textos de src/abi.

/// Una parte de un texto, en el orden en que está escrita.
#[derive(Debug, Clone)]
pub(crate) enum Parte {
    Parrafo(String),
    /// `- término: qué es`.
    Punto(String, String),
    Codigo(Vec<String>),
}

/// Un comentario, con cada cosa en su lugar.
#[derive(Debug, Default, Clone)]
pub(crate) struct Comentario {
    pub(crate) resumen: String,
    pub(crate) cuerpo: Vec<Parte>,
    /// De cada `@par`, su título y lo que sigue.
    pub(crate) secciones: Vec<(String, Vec<Parte>)>,
    pub(crate) parametros: Vec<(String, String)>,
    pub(crate) devuelve: Option<String>,
    pub(crate) notas: Vec<String>,
    pub(crate) advertencias: Vec<String>,
}

impl Comentario {
    /// Lo que hay entre `/**` y `*/`.
    pub(crate) fn leer(texto: &str) -> Self {
        let mut salida = Self::default();
        let mut lineas = texto.lines().map(|linea| {
            let linea = linea.trim_start();
            linea.strip_prefix("* ").unwrap_or(linea.strip_prefix('*').unwrap_or(linea))
        });
        let mut junto = String::new();
        while let Some(linea) = lineas.next() {
            let nueva = linea.trim().is_empty() || linea.starts_with('@') || linea.trim_start().starts_with("- ");
            if nueva {
                salida.guardar(&std::mem::take(&mut junto));
            }
            if linea.starts_with("@code") {
                let codigo = lineas.by_ref().take_while(|linea| *linea != "@endcode").map(str::to_owned).collect();
                salida.partes().push(Parte::Codigo(codigo));
            } else if let Some(titulo) = linea.strip_prefix("@par ") {
                salida.secciones.push((titulo.to_owned(), Vec::new()));
            } else {
                junto = format!("{junto} {}", linea.trim()).trim().to_owned();
            }
        }
        salida.guardar(&junto);
        salida
    }

    fn partes(&mut self) -> &mut Vec<Parte> {
        self.secciones.last_mut().map_or(&mut self.cuerpo, |(_, partes)| partes)
    }

    /// Guarda un trozo de texto, que ya está en una sola línea, según su marca.
    fn guardar(&mut self, trozo: &str) {
        let (marca, resto) = match trozo.split_once(' ') {
            Some((marca, resto)) if marca.starts_with('@') || marca == "-" => (marca, resto.to_owned()),
            _ => ("", trozo.to_owned()),
        };
        match marca {
            "" if trozo.is_empty() => {}
            "@brief" => self.resumen = resto,
            "@param" => self.parametros.extend(partir(&resto, " ")),
            "@return" => self.devuelve = Some(resto),
            "@note" => self.notas.push(resto),
            "@warning" => self.advertencias.push(resto),
            "@file" => {}
            "-" => {
                let punto = partir(&resto, ": ").map(|(termino, texto)| Parte::Punto(termino, texto));
                self.partes().extend(punto);
            }
            _ => self.partes().push(Parte::Parrafo(resto)),
        }
    }

    /// La nota que empieza con `etiqueta: `.
    pub(crate) fn nota(&self, etiqueta: &str) -> Option<&str> {
        self.notas.iter().find_map(|nota| nota.strip_prefix(etiqueta)?.strip_prefix(": "))
    }

    /// Las notas sin etiqueta.
    pub(crate) fn notas_sueltas(&self, etiquetas: &[&str]) -> Vec<&str> {
        let etiquetada = |nota: &str| {
            etiquetas.iter().any(|etiqueta| nota.strip_prefix(etiqueta).is_some_and(|resto| resto.starts_with(": ")))
        };
        self.notas.iter().map(String::as_str).filter(|nota| !etiquetada(nota)).collect()
    }

    /// Lo que dice el primer párrafo, sin marcas.
    pub(crate) fn texto(self) -> Option<String> {
        self.cuerpo.into_iter().find_map(|parte| match parte {
            Parte::Parrafo(texto) => Some(texto),
            _ => None,
        })
    }

    /// El primer ejemplo.
    pub(crate) fn codigo(&self) -> Option<&[String]> {
        self.cuerpo.iter().find_map(|parte| match parte {
            Parte::Codigo(lineas) => Some(lineas.as_slice()),
            _ => None,
        })
    }
}

fn partir(texto: &str, corte: &str) -> Option<(String, String)> {
    texto.split_once(corte).map(|(antes, despues)| (antes.to_owned(), despues.to_owned()))
}
