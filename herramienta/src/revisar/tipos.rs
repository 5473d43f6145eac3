//! Los tipos, hasta donde importa para enlazar: qué es un puntero y a qué, qué es un número y cuánto mide.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::arbol::{Fuente, adentro, hijos};

/// Qué hay en la base de un tipo, sin sus asteriscos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    Void,
    /// Cuántos bytes.
    Entero(u64),
    Flotante(u64),
    Funcion,
    /// Un struct, o un nombre del que no se sabe qué es.
    Otro(String),
}

/// Un tipo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tipo {
    pub(super) base: Base,
    pub(super) punteros: u32,
    /// De una variable que es un arreglo: `sizeof` da lo que mide.
    pub(super) arreglo: bool,
    /// Es un `bool`.
    pub(super) logico: bool,
}

impl Tipo {
    fn de(base: Base) -> Self {
        Self { base, punteros: 0, arreglo: false, logico: false }
    }

    pub(super) fn es_puntero(&self) -> bool {
        self.punteros > 0 || self.arreglo
    }

    pub(super) fn es_void(&self) -> bool {
        self.base == Base::Void && self.punteros == 0
    }

    /// Un texto, o bytes sueltos.
    pub(super) fn es_de_bytes(&self) -> bool {
        self.punteros == 1 && matches!(self.base, Base::Void | Base::Entero(1))
    }
}

/// Un parámetro, o una variable.
#[derive(Debug, Clone)]
pub(super) struct Declarado {
    pub(super) nombre: String,
    pub(super) tipo: Tipo,
    /// Como está escrito.
    pub(super) texto: String,
}

/// Los tipos que los fuentes declaran.
#[derive(Debug, Default)]
pub(super) struct Tipos {
    /// De un `typedef`, lo que es. `None`: hay dos distintos.
    nombres: BTreeMap<String, Option<Tipo>>,
    /// De un struct, sus campos. `None`: hay dos distintos.
    structs: BTreeMap<String, Option<Vec<Declarado>>>,
}

/// Vueltas que puede dar un nombre que es otro.
const PASOS: usize = 16;

impl Tipos {
    /// Los que declaran esos fuentes.
    pub(super) fn de(fuentes: &[Fuente]) -> Self {
        let mut tipos = Self::default();
        // Dos veces: un nombre puede estar declarado en un archivo que se leyó después.
        for _ in 0..2 {
            let mut nuevos = Self::default();
            for fuente in fuentes {
                for nodo in adentro(fuente.raiz()) {
                    match nodo.kind() {
                        "type_definition" => nuevos.agregar_typedef(fuente, nodo, &tipos),
                        "struct_specifier" => nuevos.agregar_struct(fuente, nodo, &tipos),
                        _ => {}
                    }
                }
            }
            tipos = nuevos;
        }
        tipos
    }

    fn agregar_typedef(&mut self, fuente: &Fuente, nodo: Node<'_>, vistos: &Self) {
        let Some(tipo) = nodo.child_by_field_name("type") else { return };
        let mut cursor = nodo.walk();
        for declarador in nodo.children_by_field_name("declarator", &mut cursor) {
            let (nombre, mut leido) = vistos.declarado(fuente, tipo, declarador);
            if tipo.kind() == "struct_specifier" && leido.punteros == 0 {
                leido.base = Base::Otro(nombre.clone());
                if let Some(campos) = vistos.campos(fuente, tipo) {
                    anotar(&mut self.structs, nombre.clone(), campos, mismos_campos);
                }
            }
            anotar(&mut self.nombres, nombre, leido, |uno, otro| uno == otro);
        }
    }

    fn agregar_struct(&mut self, fuente: &Fuente, nodo: Node<'_>, vistos: &Self) {
        let nombre = fuente.campo(nodo, "name");
        if let Some(campos) = vistos.campos(fuente, nodo).filter(|_| !nombre.is_empty()) {
            anotar(&mut self.structs, format!("struct {nombre}"), campos, mismos_campos);
        }
    }

    fn campos(&self, fuente: &Fuente, estructura: Node<'_>) -> Option<Vec<Declarado>> {
        let cuerpo = estructura.child_by_field_name("body")?;
        if hijos(estructura).iter().any(|hijo| hijo.kind() == "attribute_specifier") {
            return None; // Un struct empaquetado tiene otra forma.
        }
        let directos = hijos(cuerpo).into_iter().flat_map(|hijo| match hijo.kind() {
            // De un #ifdef, la primera rama.
            "preproc_ifdef" | "preproc_if" => hijos(hijo),
            _ => vec![hijo],
        });
        let campos = directos.filter(|hijo| hijo.kind() == "field_declaration");
        Some(campos.flat_map(|campo| self.variables(fuente, campo)).collect())
    }

    /// Lo que declara una declaración, un parámetro o un campo.
    pub(super) fn variables(&self, fuente: &Fuente, nodo: Node<'_>) -> Vec<Declarado> {
        let Some(tipo) = nodo.child_by_field_name("type") else { return Vec::new() };
        let mut cursor = nodo.walk();
        let declaradores: Vec<Node<'_>> = nodo.children_by_field_name("declarator", &mut cursor).collect();
        let texto = fuente.plano(nodo);
        if declaradores.is_empty() {
            return vec![Declarado { nombre: String::new(), tipo: self.base(fuente, tipo), texto }];
        }
        declaradores
            .into_iter()
            .map(|declarador| {
                let (nombre, tipo) = self.declarado(fuente, tipo, declarador);
                Declarado { nombre, tipo, texto: texto.clone() }
            })
            .collect()
    }

    /// El nombre y el tipo de un declarador. De una función, el tipo es el de lo que devuelve.
    pub(super) fn declarado(&self, fuente: &Fuente, tipo: Node<'_>, declarador: Node<'_>) -> (String, Tipo) {
        let mut salida = self.base(fuente, tipo);
        let mut este = declarador;
        loop {
            match este.kind() {
                "pointer_declarator" | "abstract_pointer_declarator" => {
                    salida.punteros = salida.punteros.saturating_add(1)
                }
                "array_declarator" | "abstract_array_declarator" => salida.arreglo = true,
                "function_declarator" | "abstract_function_declarator" if apunta(este) => {
                    salida = Tipo { punteros: 1, ..Tipo::de(Base::Funcion) };
                    return (ultimo_nombre(fuente, este), salida);
                }
                "identifier" | "field_identifier" | "type_identifier" => return (fuente.de(este).to_owned(), salida),
                _ => {}
            }
            let sigue = este.child_by_field_name("declarator").or_else(|| {
                hijos(este)
                    .into_iter()
                    .find(|hijo| hijo.kind().ends_with("declarator") || hijo.kind().ends_with("identifier"))
            });
            match sigue {
                Some(otro) => este = otro,
                None => return (String::new(), salida),
            }
        }
    }

    /// El tipo, sin declarador.
    pub(super) fn base(&self, fuente: &Fuente, tipo: Node<'_>) -> Tipo {
        let texto = fuente.plano(tipo);
        match tipo.kind() {
            "enum_specifier" => Tipo::de(Base::Entero(4)),
            "struct_specifier" | "union_specifier" => {
                let nombre = fuente.campo(tipo, "name");
                Tipo::de(Base::Otro(format!("struct {nombre}")))
            }
            _ => self.resolver(&texto),
        }
    }

    /// El tipo que tiene ese nombre.
    pub(super) fn resolver(&self, nombre: &str) -> Tipo {
        if let Some(tipo) = conocido(nombre) {
            return tipo;
        }
        let mut salida = Tipo::de(Base::Otro(nombre.to_owned()));
        for _ in 0..PASOS {
            let Base::Otro(nombre) = &salida.base else { break };
            match self.nombres.get(nombre) {
                Some(Some(otro)) if otro.base != salida.base => {
                    salida = Tipo { punteros: salida.punteros.saturating_add(otro.punteros), ..otro.clone() };
                }
                _ => break,
            }
        }
        salida
    }

    /// Los campos de un struct, si se sabe cuáles son.
    pub(super) fn campos_de(&self, nombre: &str) -> Option<&[Declarado]> {
        self.structs.get(nombre)?.as_deref()
    }

    /// El primer campo de un struct que es un puntero, también adentro de otro struct.
    pub(super) fn puntero_adentro(&self, nombre: &str) -> Option<String> {
        let (mut pendientes, mut vistos) = (vec![nombre.to_owned()], BTreeSet::new());
        while let Some(cual) = pendientes.pop() {
            if !vistos.insert(cual.clone()) {
                continue;
            }
            for campo in self.campos_de(&cual).unwrap_or_default() {
                if campo.tipo.punteros > 0 {
                    return Some(campo.texto.trim_end_matches(';').to_owned());
                }
                if let Base::Otro(otro) = &campo.tipo.base {
                    pendientes.push(otro.clone());
                }
            }
        }
        None
    }

    /// Dónde está cada campo y qué es, si se sabe de todos.
    pub(super) fn forma(&self, nombre: &str) -> Option<Vec<(u64, u64, bool)>> {
        let (mut lugar, mut forma) = (0_u64, Vec::new());
        for campo in self.campos_de(nombre)? {
            let mide = match (&campo.tipo.base, campo.tipo.punteros, campo.tipo.arreglo) {
                (_, _, true) => return None,
                (_, 1.., _) => 8,
                (Base::Entero(mide) | Base::Flotante(mide), 0, _) => *mide,
                _ => return None,
            };
            lugar = lugar.checked_next_multiple_of(mide)?;
            forma.push((lugar, mide, campo.tipo.punteros > 0));
            lugar = lugar.checked_add(mide)?;
        }
        Some(forma)
    }
}

/// Guarda lo leído, o que hay dos distintos.
fn anotar<T>(donde: &mut BTreeMap<String, Option<T>>, nombre: String, que: T, iguales: impl Fn(&T, &T) -> bool) {
    if nombre.is_empty() {
        return;
    }
    let lugar = donde.entry(nombre);
    match lugar {
        std::collections::btree_map::Entry::Vacant(libre) => {
            libre.insert(Some(que));
        }
        std::collections::btree_map::Entry::Occupied(mut ocupado) => {
            if ocupado.get().as_ref().is_some_and(|otro| !iguales(otro, &que)) {
                ocupado.insert(None);
            }
        }
    }
}

#[expect(clippy::ptr_arg, reason = "es la forma en que se guardan")]
fn mismos_campos(uno: &Vec<Declarado>, otro: &Vec<Declarado>) -> bool {
    uno.len() == otro.len()
        && uno.iter().zip(otro).all(|(uno, otro)| uno.tipo == otro.tipo && uno.nombre == otro.nombre)
}

/// Si un declarador de función es el de un puntero a función.
fn apunta(funcion: Node<'_>) -> bool {
    funcion.child_by_field_name("declarator").is_some_and(|adentro| {
        matches!(adentro.kind(), "parenthesized_declarator" | "abstract_parenthesized_declarator")
    })
}

fn ultimo_nombre(fuente: &Fuente, declarador: Node<'_>) -> String {
    let nombres = declarador.child_by_field_name("declarator").into_iter().flat_map(adentro);
    let ultimo = nombres.filter(|nodo| nodo.kind().ends_with("identifier")).last();
    ultimo.map(|nodo| fuente.de(nodo).to_owned()).unwrap_or_default()
}

/// Los tipos de C y de su biblioteca.
fn conocido(nombre: &str) -> Option<Tipo> {
    let entero = |bytes| Some(Tipo::de(Base::Entero(bytes)));
    match nombre {
        "void" => Some(Tipo::de(Base::Void)),
        "bool" | "_Bool" => Some(Tipo { logico: true, ..Tipo::de(Base::Entero(1)) }),
        "float" => Some(Tipo::de(Base::Flotante(4))),
        "double" => Some(Tipo::de(Base::Flotante(8))),
        "int8_t" | "uint8_t" => entero(1),
        "int16_t" | "uint16_t" | "in_port_t" => entero(2),
        "int32_t" | "uint32_t" | "pid_t" | "socklen_t" => entero(4),
        "int64_t" | "uint64_t" | "size_t" | "ssize_t" | "intptr_t" | "uintptr_t" | "off_t" | "time_t" | "pthread_t" => {
            entero(8)
        }
        _ => {
            let palabras: Vec<&str> = nombre.split(' ').collect();
            let numericas = ["signed", "unsigned", "short", "long", "int", "char"];
            if !palabras.iter().all(|palabra| numericas.contains(palabra)) {
                return None;
            }
            let hay = |palabra: &str| palabras.contains(&palabra);
            entero(if hay("char") {
                1
            } else if hay("short") {
                2
            } else if hay("long") {
                8
            } else {
                4
            })
        }
    }
}
