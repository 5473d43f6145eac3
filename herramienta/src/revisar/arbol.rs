//! Un fuente de C ya leído: su texto, su árbol y cómo se camina por él.
//!
//! Nada de lo que camina se llama a sí mismo: un fuente con cien mil paréntesis no termina con la pila.

use tree_sitter::{Node, Parser, Tree, TreeCursor};

use crate::falla::{Falla, Resultado};

/// Más anidado que esto no lo escribió nadie, y preguntar por lo de afuera cuesta lo que está de hondo.
const HONDO: u32 = 1000;

/// Un archivo, con el árbol de lo que dice.
#[derive(Debug)]
pub(super) struct Fuente {
    /// Su camino, como se muestra.
    pub(super) archivo: String,
    texto: String,
    arbol: Tree,
}

impl Fuente {
    pub(super) fn leer(archivo: String, texto: String) -> Resultado<Self> {
        let mut lector = Parser::new();
        let gramatica = tree_sitter_c::LANGUAGE.into();
        lector.set_language(&gramatica).map_err(|causa| Falla::nueva(format!("La gramática de C: {causa}.")))?;
        let arbol = lector.parse(&texto, None).ok_or_else(|| Falla::nueva("la gramática de C no pudo con él"))?;
        if demasiado_hondo(arbol.root_node()) {
            return Err(Falla::nueva(format!("tiene más de {HONDO} cosas una adentro de la otra")));
        }
        Ok(Self { archivo, texto, arbol })
    }

    pub(super) fn raiz(&self) -> Node<'_> {
        self.arbol.root_node()
    }

    /// Si un nodo empieza en el renglón de una directiva.
    pub(super) fn en_directiva(&self, nodo: Node<'_>) -> bool {
        let antes = self.texto.get(..nodo.start_byte()).unwrap_or_default();
        let desde = antes.rfind('\n').map_or(0, |salto| salto.saturating_add(1));
        self.texto.get(desde..).is_some_and(|renglon| renglon.trim_start_matches([' ', '\t']).starts_with('#'))
    }

    /// El texto de un nodo.
    pub(super) fn de(&self, nodo: Node<'_>) -> &str {
        self.texto.get(nodo.byte_range()).unwrap_or_default()
    }

    /// El texto de un nodo, en un renglón.
    pub(super) fn plano(&self, nodo: Node<'_>) -> String {
        self.de(nodo).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// El texto de lo que un nodo tiene con ese nombre.
    pub(super) fn campo(&self, nodo: Node<'_>, campo: &str) -> &str {
        nodo.child_by_field_name(campo).map_or("", |hijo| self.de(hijo))
    }

    /// Si define esa macro.
    pub(super) fn define(&self, macro_: &str) -> bool {
        adentro(self.raiz()).any(|nodo| nodo.kind() == "preproc_def" && self.campo(nodo, "name") == macro_)
    }

    /// Los argumentos de una llamada a una función con ese nombre.
    pub(super) fn llamada<'a>(&self, nodo: Node<'a>) -> Option<(&str, Vec<Node<'a>>)> {
        let funcion = nodo.child_by_field_name("function").filter(|_| nodo.kind() == "call_expression")?;
        let argumentos = hijos(nodo.child_by_field_name("arguments")?);
        (funcion.kind() == "identifier").then(|| (self.de(funcion), argumentos))
    }
}

fn demasiado_hondo(raiz: Node<'_>) -> bool {
    let mut todo = adentro(raiz);
    while todo.next().is_some() {
        if todo.cursor.depth() > HONDO {
            return true;
        }
    }
    false
}

/// El renglón donde empieza un nodo.
pub(super) fn linea(nodo: Node<'_>) -> usize {
    nodo.start_position().row.saturating_add(1)
}

/// Los hijos con nombre de un nodo, sin los comentarios.
pub(super) fn hijos(nodo: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = nodo.walk();
    nodo.named_children(&mut cursor).filter(|hijo| hijo.kind() != "comment").collect()
}

/// Ese nodo y todo lo que tiene adentro, en el orden en que está escrito.
pub(super) fn adentro(nodo: Node<'_>) -> Adentro<'_> {
    Adentro { cursor: nodo.walk(), sigue: true }
}

pub(super) struct Adentro<'a> {
    cursor: TreeCursor<'a>,
    sigue: bool,
}

impl<'a> Iterator for Adentro<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if !self.sigue {
            return None;
        }
        let este = self.cursor.node();
        if !self.cursor.goto_first_child() {
            while !self.cursor.goto_next_sibling() {
                if !self.cursor.goto_parent() {
                    self.sigue = false;
                    break;
                }
            }
        }
        Some(este)
    }
}

/// Lo que rodea a un nodo, de adentro hacia afuera. Cada paso cuesta lo que mide el archivo: no es para preguntarlo de cada nodo.
pub(super) fn afuera(nodo: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    std::iter::successors(nodo.parent(), Node::parent)
}

/// Una expresión sin los paréntesis ni las conversiones que tenga alrededor.
pub(super) fn pelada(nodo: Node<'_>) -> Node<'_> {
    let mut este = nodo;
    loop {
        let otro = match este.kind() {
            "parenthesized_expression" => hijos(este).first().copied(),
            "cast_expression" => este.child_by_field_name("value"),
            _ => None,
        };
        match otro {
            Some(otro) => este = otro,
            None => return este,
        }
    }
}
