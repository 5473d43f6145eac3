//! La firma de una función, como está escrita, y en qué se distingue de otra.

use tree_sitter::Node;

use super::arbol::{Fuente, adentro, hijos};
use super::tipos::{Base, Declarado, Tipo, Tipos};

/// Una función que un fuente declara o define.
#[derive(Debug, Clone)]
pub(super) struct Firma {
    pub(super) nombre: String,
    pub(super) devuelve: Tipo,
    /// Lo que devuelve, como está escrito.
    pub(super) devuelve_texto: String,
    /// `None`: no lo dice, `f()`.
    pub(super) parametros: Option<Vec<Declarado>>,
    /// Está su cuerpo.
    pub(super) definida: bool,
    pub(super) linea: usize,
}

/// Las que un fuente declara o define, y que otro archivo puede llamar.
pub(super) fn firmas(fuente: &Fuente, tipos: &Tipos) -> Vec<Firma> {
    adentro(fuente.raiz())
        .filter(|nodo| matches!(nodo.kind(), "declaration" | "function_definition"))
        .flat_map(|entera| {
            let mut cursor = entera.walk();
            let declaradores: Vec<Node<'_>> = entera.children_by_field_name("declarator", &mut cursor).collect();
            declaradores.into_iter().filter_map(move |declarador| firma(fuente, tipos, entera, declarador))
        })
        .collect()
}

fn firma(fuente: &Fuente, tipos: &Tipos, entera: Node<'_>, primero: Node<'_>) -> Option<Firma> {
    // Hasta la función sólo hay asteriscos: si no, es una variable o un puntero a función.
    let mut declarador = primero;
    while declarador.kind() == "pointer_declarator" {
        declarador = declarador.child_by_field_name("declarator")?;
    }
    let es_funcion = declarador.kind() == "function_declarator";
    let nombre =
        declarador.child_by_field_name("declarator").filter(|nombre| es_funcion && nombre.kind() == "identifier")?;
    let definida = entera.kind() == "function_definition";
    let estatica =
        hijos(entera).into_iter().any(|hijo| hijo.kind() == "storage_class_specifier" && fuente.de(hijo) == "static");
    if estatica {
        return None;
    }
    let tipo = entera.child_by_field_name("type")?;
    let (_, devuelve) = tipos.declarado(fuente, tipo, primero);
    let asteriscos = "*".repeat(usize::try_from(devuelve.punteros).unwrap_or(0));
    let escrito = fuente.plano(tipo);
    Some(Firma {
        nombre: fuente.de(nombre).to_owned(),
        devuelve_texto: if asteriscos.is_empty() { escrito } else { format!("{escrito} {asteriscos}") },
        devuelve,
        parametros: parametros(fuente, tipos, declarador.child_by_field_name("parameters")?),
        definida,
        linea: super::arbol::linea(nombre),
    })
}

fn parametros(fuente: &Fuente, tipos: &Tipos, lista: Node<'_>) -> Option<Vec<Declarado>> {
    let escritos = hijos(lista);
    // f(), y los de antes de C89, f(a, b), no dicen de qué tipo son.
    if escritos.is_empty() || escritos.iter().any(|uno| uno.kind() == "identifier") {
        return None;
    }
    let leidos = escritos.iter().filter(|uno| uno.kind() == "parameter_declaration");
    let leidos: Vec<Declarado> = leidos.flat_map(|uno| tipos.variables(fuente, *uno)).collect();
    Some(if leidos.iter().all(|uno| uno.tipo.es_void()) { Vec::new() } else { leidos })
}

impl Firma {
    /// Como se declara.
    pub(super) fn escrita(&self) -> String {
        let junta = if self.devuelve_texto.ends_with('*') { "" } else { " " };
        let parametros = match &self.parametros {
            None => String::new(),
            Some(lista) if lista.is_empty() => "void".to_owned(),
            Some(lista) => lista.iter().map(|uno| uno.texto.as_str()).collect::<Vec<_>>().join(", "),
        };
        format!("{}{junta}{}({parametros})", self.devuelve_texto, self.nombre)
    }
}

/// En qué se distinguen dos tipos, cuando eso cambia lo que el programa hace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choque {
    /// Un puntero donde va un número.
    PunteroPorNumero,
    NumeroPorPuntero,
    /// Punteros a cosas distintas.
    OtroPuntero,
    /// Un struct por valor, o un flotante.
    OtraCosa,
}

/// El choque entre lo que se da, o se espera, y lo que la biblioteca tiene.
pub(super) fn choque(suyo: &Tipo, tipos: &Tipos, nuestro: &Tipo, nuestros: &Tipos) -> Option<Choque> {
    // Del mismo nombre puede haber otra forma, y se mira; de lo demás, lo igual es igual.
    if suyo == nuestro && !suyo.es_puntero() {
        return None;
    }
    match (suyo.es_puntero(), nuestro.es_puntero()) {
        (true, true) => otro_puntero(suyo, tipos, nuestro, nuestros).then_some(Choque::OtroPuntero),
        // De un nombre que no se sabe qué es, no se dice nada.
        (true, false) => Some(Choque::PunteroPorNumero),
        (false, true) if matches!(suyo.base, Base::Entero(_)) => Some(Choque::NumeroPorPuntero),
        (false, _) => match &suyo.base {
            Base::Flotante(_) => Some(Choque::OtraCosa),
            Base::Otro(nombre) if tipos.campos_de(nombre).is_some() => Some(Choque::OtraCosa),
            _ => None,
        },
    }
}

fn otro_puntero(suyo: &Tipo, tipos: &Tipos, nuestro: &Tipo, nuestros: &Tipos) -> bool {
    let (profundo_suyo, profundo_nuestro) =
        (suyo.punteros + u32::from(suyo.arreglo), nuestro.punteros + u32::from(nuestro.arreglo));
    if profundo_suyo == 1 && suyo.base == Base::Void || profundo_nuestro == 1 && nuestro.base == Base::Void {
        return false;
    }
    if profundo_suyo != profundo_nuestro {
        return true;
    }
    match (&suyo.base, &nuestro.base) {
        (Base::Entero(suyo), Base::Entero(nuestro)) => suyo != nuestro,
        (Base::Otro(suyo), Base::Otro(nuestro)) => match (tipos.forma(suyo), nuestros.forma(nuestro)) {
            // Las dos formas se conocen: importa eso, y no el nombre.
            (Some(suya), Some(nuestra)) => !misma_forma(&suya, &nuestra),
            (None, _) if tipos.campos_de(suyo).is_none() => suyo != nuestro && del_tp0_o_de_commons(suyo),
            _ => suyo != nuestro,
        },
        (uno, otro) => uno != otro,
    }
}

/// De los que se sabe que no son otra cosa aunque no esté su declaración.
fn del_tp0_o_de_commons(nombre: &str) -> bool {
    ["t_log", "t_list", "t_config", "t_paquete", "t_buffer", "t_dictionary", "t_queue"].contains(&nombre)
}

/// El `t_buffer` del TP0 no tiene el `offset` que el nuestro lleva en su relleno.
fn misma_forma(suya: &[(u64, u64, bool)], nuestra: &[(u64, u64, bool)]) -> bool {
    suya.iter().all(|campo| nuestra.contains(campo)) && suya.last() == nuestra.last()
}
