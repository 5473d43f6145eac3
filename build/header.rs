//! Leer el header generado: cada declaración con su comentario, y en qué capítulo está.

use super::comentario::Comentario;

/// Lo que declara el header y tiene un comentario.
#[derive(Debug)]
pub(crate) struct Declaracion {
    pub(crate) nombre: String,
    /// Como está escrita, sin los comentarios de adentro.
    pub(crate) lineas: Vec<String>,
    pub(crate) comentario: Comentario,
    /// De un struct, cada campo y qué es.
    pub(crate) campos: Vec<(String, String)>,
    /// El título de su capítulo. Los tipos no tienen.
    pub(crate) capitulo: Option<String>,
}

/// El comentario del comienzo, que es el manual, y las declaraciones en orden.
pub(crate) fn leer(header: &str) -> (Comentario, Vec<Declaracion>) {
    let (mut manual, mut halladas) = (None, Vec::new());
    let (mut comentario, mut capitulo) = (None, None);
    let mut lineas = header.lines();
    while let Some(linea) = lineas.next() {
        if let Some(comienzo) = linea.strip_prefix("/*") {
            let texto = hasta_el_cierre(comienzo, &mut lineas);
            match texto.strip_prefix('*') {
                Some(texto) if manual.is_none() => manual = Some(Comentario::leer(texto)),
                Some(texto) => comentario = Some(Comentario::leer(texto)),
                None => capitulo = titulo(&texto).or(capitulo),
            }
        } else if !linea.is_empty() && !linea.starts_with(['#', '}']) && !linea.starts_with("extern \"C\"") {
            let entera = declaracion_entera(linea, &mut lineas);
            if let Some(comentario) = comentario.take() {
                halladas.extend(declaracion(&entera, comentario, capitulo.clone()));
            }
        }
    }
    (manual.unwrap_or_default(), halladas)
}

/// Lo que queda de un comentario que ya se abrió.
fn hasta_el_cierre<'a>(comienzo: &str, lineas: &mut impl Iterator<Item = &'a str>) -> String {
    let mut texto = comienzo.to_owned();
    while !texto.contains("*/") {
        let Some(linea) = lineas.next() else { break };
        texto.push('\n');
        texto += linea;
    }
    texto.split("*/").next().unwrap_or_default().trim_end().to_owned()
}

/// El título de un capítulo: ` *  3. Recibir`.
fn titulo(comentario: &str) -> Option<String> {
    let (numero, titulo) = comentario.lines().find_map(|linea| linea.strip_prefix(" *  ")?.split_once(". "))?;
    numero.parse::<u32>().is_ok().then(|| titulo.to_owned())
}

/// Las líneas de una declaración, hasta el `;` que la cierra.
fn declaracion_entera<'a>(primera: &'a str, lineas: &mut impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut entera = vec![primera];
    let mut abiertas = i32::from(primera.ends_with('{'));
    while abiertas > 0 || !entera.last().is_some_and(|ultima| ultima.ends_with(';')) {
        let Some(linea) = lineas.next() else { break };
        abiertas += i32::from(linea.ends_with('{')) - i32::from(linea.starts_with('}'));
        entera.push(linea);
    }
    entera
}

fn declaracion(entera: &[&str], comentario: Comentario, capitulo: Option<String>) -> Option<Declaracion> {
    let (mut limpias, mut campos) = (Vec::new(), Vec::new());
    let mut de_campo = None;
    let mut lineas = entera.iter().copied();
    while let Some(linea) = lineas.next() {
        if let Some(comienzo) = linea.trim_start().strip_prefix("/**") {
            de_campo = Comentario::leer(&hasta_el_cierre(comienzo, &mut lineas)).texto();
        } else {
            campos.extend(de_campo.take().map(|texto| (ultimo_nombre(linea), texto)));
            limpias.push(linea.to_owned());
        }
    }
    let junta = limpias.join(" ");
    let hasta = match junta.split_once('(') {
        // Un puntero a función: tipo (*nombre)(parámetros).
        Some((_, resto)) if resto.starts_with('*') => resto.split(')').next()?,
        Some((antes, _)) => antes,
        None => &junta,
    };
    Some(Declaracion { nombre: ultimo_nombre(hasta), lineas: limpias, comentario, campos, capitulo })
}

/// El último identificador de un texto.
fn ultimo_nombre(texto: &str) -> String {
    identificadores(texto).last().unwrap_or_default().to_owned()
}

pub(crate) fn identificadores(texto: &str) -> impl Iterator<Item = &str> {
    texto.split(|letra: char| !letra.is_alphanumeric() && letra != '_').filter(|nombre| !nombre.is_empty())
}

impl Declaracion {
    pub(crate) fn es_funcion(&self) -> bool {
        self.capitulo.is_some()
    }

    /// Los parámetros de una función, como se declaran.
    fn parametros(&self) -> Option<(String, Vec<String>)> {
        let junta = self.lineas.iter().map(|linea| linea.trim()).collect::<Vec<_>>().join(" ");
        let (antes, resto) = junta.split_once('(')?;
        let adentro = resto.strip_suffix(");")?;
        Some((antes.to_owned(), adentro.split(',').map(|parametro| parametro.trim().to_owned()).collect()))
    }

    /// En una línea si entra en la pantalla; si no, un parámetro en cada una.
    pub(crate) fn prototipo(&self, ancho: usize) -> Vec<String> {
        let Some((antes, parametros)) = self.parametros().filter(|_| self.es_funcion()) else {
            return self.lineas.clone();
        };
        let en_una = format!("{antes}({});", parametros.join(", "));
        if en_una.len() <= ancho {
            return vec![en_una];
        }
        let sangria = " ".repeat(antes.len() + 1);
        format!("{antes}({});", parametros.join(&format!(",\n{sangria}"))).lines().map(str::to_owned).collect()
    }

    /// Si la declaración nombra un tipo.
    pub(crate) fn nombra(&self, tipo: &str) -> bool {
        self.lineas.iter().any(|linea| identificadores(linea).any(|nombre| nombre == tipo))
    }
}
