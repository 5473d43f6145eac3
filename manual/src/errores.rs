//! Leer la lista de errores de una nota: `EINVAL (NULL), EMSGSIZE si no entra, ENOMEM. Y lo que haya que agregar.`

/// Lo que dice la nota de una función.
#[derive(Debug, Default)]
pub(crate) struct Errores {
    /// Cada errno y cuándo ocurre, que puede no estar dicho.
    pub(crate) lista: Vec<(String, String)>,
    /// Las funciones cuyos errores también da.
    pub(crate) como: Vec<String>,
    /// Lo que se dice después de la lista.
    pub(crate) despues: String,
}

impl Errores {
    pub(crate) fn leer(nota: &str) -> Self {
        let mut errores = Self::default();
        if !empieza_otro(nota) {
            errores.despues = oracion(nota);
            return errores;
        }
        let (items, despues) = cortar(nota);
        errores.despues = despues.to_owned();
        for item in items {
            match item.strip_prefix("los de ") {
                Some(funciones) => errores.como.extend(funciones.split('`').skip(1).step_by(2).map(str::to_owned)),
                None => {
                    let (numero, cuando) = item.split_once(' ').unwrap_or((item, ""));
                    errores.lista.push((numero.to_owned(), oracion(sin_parentesis(cuando))));
                }
            }
        }
        errores
    }
}

/// Si ahí empieza un error de la lista, o una referencia a los de otra función.
fn empieza_otro(texto: &str) -> bool {
    let palabra = texto.split(|letra: char| !letra.is_ascii_alphanumeric()).next().unwrap_or_default();
    let es_nombre = palabra.len() > 3 && palabra.starts_with('E') && palabra.chars().all(|letra| !letra.is_lowercase());
    es_nombre || palabra == "0" || texto.starts_with("los de `")
}

/// Los errores de la lista, y lo que sigue al punto que la termina.
fn cortar(nota: &str) -> (Vec<&str>, &str) {
    let (mut items, mut desde, mut hondo, mut en_codigo) = (Vec::new(), 0, 0, false);
    for (lugar, letra) in nota.char_indices() {
        let resto = nota.get(lugar..).unwrap_or_default();
        match letra {
            '`' => en_codigo = !en_codigo,
            '(' if !en_codigo => hondo += 1,
            ')' if !en_codigo => hondo -= 1,
            ',' | ';' if hondo == 0 && resto.get(2..).is_some_and(empieza_otro) => {
                items.extend(nota.get(desde..lugar));
                desde = lugar + 2;
            }
            '.' if hondo == 0 && !en_codigo && (resto == "." || resto.starts_with(". ")) => {
                items.extend(nota.get(desde..lugar));
                return (items, resto.get(1..).unwrap_or_default().trim());
            }
            _ => {}
        }
    }
    items.extend(nota.get(desde..));
    (items, "")
}

/// Sin los paréntesis, si abarcan todo.
fn sin_parentesis(texto: &str) -> &str {
    let adentro = texto.strip_prefix('(').and_then(|resto| resto.strip_suffix(')'));
    adentro.filter(|adentro| !adentro.contains(')') || adentro.contains('(')).unwrap_or(texto)
}

/// Con mayúscula al comienzo y punto al final.
pub(crate) fn oracion(texto: &str) -> String {
    let mut letras = texto.chars();
    let primera = letras.next().map(|letra| letra.to_uppercase().to_string()).unwrap_or_default();
    let punto = if texto.is_empty() || texto.ends_with('.') { "" } else { "." };
    primera + letras.as_str() + punto
}
