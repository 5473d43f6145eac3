//! Lo que corriendo no se ve, o se ve una vez cada mil: una regla por función, y cada una calla cuando no está segura.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::arbol::{Fuente, adentro, afuera, hijos, linea, pelada};
use super::hallazgo::{Clase, Hallazgo};
use super::tipos::{Base, Declarado, Tipo, Tipos};

/// Las que leen o escriben tantos bytes de un lugar: cuál de sus argumentos es el lugar y cuál el tamaño.
const CON_TAMANIO: [(&str, usize, usize); 13] = [
    ("send", 1, 2),
    ("recv", 1, 2),
    ("write", 1, 2),
    ("read", 1, 2),
    ("memset", 0, 2),
    ("memcpy", 1, 2),
    ("memcpy", 0, 2),
    ("strncpy", 0, 2),
    ("fgets", 0, 1),
    ("snprintf", 0, 1),
    ("agregar_a_paquete", 1, 2),
    ("tp0_agregar_a_paquete", 1, 2),
    ("buffer_add", 1, 2),
];

/// Los bytes de una función que nadie escribió a mano. Cada regla la recorre.
const LARGA: usize = 256 << 10;

/// Lo que se sabe de una función: sus variables, por nombre. `None`: hay dos con ese nombre y no son iguales.
struct Funcion<'a> {
    fuente: &'a Fuente,
    tipos: &'a Tipos,
    cuerpo: Node<'a>,
    variables: BTreeMap<String, Option<Tipo>>,
    /// Los nombres que alguien lee: todos, menos donde se les da su valor.
    leidos: BTreeSet<&'a str>,
}

/// Lo que se sospecha de un fuente.
pub(super) fn revisar(fuente: &Fuente, tipos: &Tipos, hallazgos: &mut Vec<Hallazgo>) {
    for nodo in adentro(fuente.raiz()).filter(|nodo| nodo.kind() == "function_definition") {
        let Some(funcion) = Funcion::leer(fuente, tipos, nodo) else { continue };
        for nodo in adentro(funcion.cuerpo) {
            let Some((nombre, argumentos)) = fuente.llamada(nodo) else { continue };
            let llamada = Llamada { nodo, nombre, argumentos };
            let reglas = [
                funcion.hilo(&llamada),
                funcion.tamanio_de_puntero(&llamada),
                funcion.con_punteros(&llamada),
                funcion.sin_mirar(&llamada),
                funcion.sin_waitall(&llamada),
                funcion.reuso(&llamada),
            ];
            hallazgos.extend(reglas.into_iter().flatten());
        }
    }
}

/// De una declaración o una asignación suelta, los nombres a los que les da su valor.
fn escritos(fuente: &Fuente, nodo: Node<'_>) -> Vec<usize> {
    let (donde, campo) = match nodo.kind() {
        "declaration" | "init_declarator" => (Some(nodo), "declarator"),
        "expression_statement" => {
            let asigna = hijos(nodo).into_iter().find(|hijo| hijo.kind() == "assignment_expression");
            (asigna.filter(|asigna| fuente.campo(*asigna, "operator") == "="), "left")
        }
        _ => return Vec::new(),
    };
    let Some(donde) = donde else { return Vec::new() };
    let mut cursor = donde.walk();
    let suyos = donde.children_by_field_name(campo, &mut cursor);
    suyos.filter(|hijo| hijo.kind() == "identifier").map(|hijo| hijo.id()).collect()
}

struct Llamada<'a> {
    nodo: Node<'a>,
    nombre: &'a str,
    argumentos: Vec<Node<'a>>,
}

impl<'a> Llamada<'a> {
    fn argumento(&self, cual: usize) -> Option<Node<'a>> {
        self.argumentos.get(cual).copied()
    }
}

impl<'a> Funcion<'a> {
    fn leer(fuente: &'a Fuente, tipos: &'a Tipos, nodo: Node<'a>) -> Option<Self> {
        let cuerpo = nodo.child_by_field_name("body").filter(|cuerpo| cuerpo.byte_range().len() < LARGA)?;
        let mut variables = BTreeMap::new();
        for declara in adentro(nodo).filter(|uno| matches!(uno.kind(), "declaration" | "parameter_declaration")) {
            for Declarado { nombre, mut tipo, .. } in tipos.variables(fuente, declara) {
                if declara.kind() == "parameter_declaration" && tipo.arreglo {
                    // De un parámetro, los corchetes son un asterisco.
                    tipo = Tipo { arreglo: false, punteros: tipo.punteros.saturating_add(1), ..tipo };
                }
                let lugar = variables.entry(nombre).or_insert_with(|| Some(tipo.clone()));
                if lugar.as_ref() != Some(&tipo) {
                    *lugar = None;
                }
            }
        }
        let escritos: BTreeSet<usize> = adentro(cuerpo).flat_map(|uno| escritos(fuente, uno)).collect();
        let nombres = adentro(cuerpo).filter(|uno| uno.kind() == "identifier" && !escritos.contains(&uno.id()));
        let leidos = nombres.map(|uno| fuente.de(uno)).collect();
        Some(Self { fuente, tipos, cuerpo, variables, leidos })
    }

    fn tipo_de(&self, nombre: &str) -> Option<&Tipo> {
        self.variables.get(nombre)?.as_ref()
    }

    fn hallazgo(&self, nodo: Node<'_>, clase: Clase, que: String, pasa: &str, en_su_lugar: &str) -> Hallazgo {
        Hallazgo {
            archivo: self.fuente.archivo.clone(),
            linea: linea(nodo),
            clase,
            que,
            pasa: pasa.to_owned(),
            en_su_lugar: en_su_lugar.to_owned(),
            tambien: Vec::new(),
        }
    }

    /// Si ahí adentro se llama a alguna de esas.
    fn llama(&self, donde: Node<'_>, cuales: impl Fn(&str) -> bool) -> bool {
        adentro(donde).any(|nodo| self.fuente.llamada(nodo).is_some_and(|(nombre, _)| cuales(nombre)))
    }

    /// El nombre de una variable suelta.
    fn variable(&self, nodo: Node<'_>) -> Option<&'a str> {
        let nodo = pelada(nodo);
        (nodo.kind() == "identifier").then(|| self.fuente.de(nodo))
    }

    /// De `&x`, x.
    fn direccion_de(&self, nodo: Node<'_>) -> Option<&'a str> {
        let nodo = pelada(nodo);
        let es = nodo.kind() == "pointer_expression" && self.fuente.campo(nodo, "operator") == "&";
        self.variable(nodo.child_by_field_name("argument").filter(|_| es)?)
    }

    /// La dirección de la variable del accept, dada a un hilo: cuando el hilo la lea, puede tener otro cliente, o no estar.
    fn hilo(&self, llamada: &Llamada<'a>) -> Option<Hallazgo> {
        let dado = llamada.argumento(3).filter(|_| llamada.nombre == "pthread_create")?;
        let variable = self.direccion_de(dado)?;
        if self.tipo_de(variable).is_some_and(Tipo::es_puntero) || !self.es_de_un_accept(variable) {
            return None;
        }
        let vuelta = afuera(llamada.nodo)
            .take_while(|nodo| *nodo != self.cuerpo)
            .find(|nodo| matches!(nodo.kind(), "while_statement" | "for_statement" | "do_statement"));
        // Quien espera al hilo, o a que avise, antes de seguir, no le cambia nada.
        let espera =
            |nombre: &str| ["pthread_join", "sem_wait", "pthread_cond_wait", "pthread_barrier_wait"].contains(&nombre);
        if self.llama(vuelta.unwrap_or(self.cuerpo), espera) {
            return None;
        }
        Some(self.hallazgo(
            llamada.nodo,
            Clase::Hilo,
            format!("Al hilo se le da la dirección de `{variable}`, la variable del accept."),
            "Cuando el hilo la lea puede tener ya al cliente siguiente: dos hilos con el mismo, y uno que no atiende nadie.",
            "Un lugar para cada uno, `int *suyo = malloc(sizeof(int)); *suyo = ...;`, que el hilo libera; o el número mismo, `(void *)(intptr_t)`.",
        ))
    }

    /// Si una variable recibe lo que da un accept.
    fn es_de_un_accept(&self, variable: &str) -> bool {
        adentro(self.cuerpo).any(|nodo| {
            let (donde, que) = match nodo.kind() {
                "init_declarator" => ("declarator", "value"),
                "assignment_expression" => ("left", "right"),
                _ => return false,
            };
            let acepta = |valor: Node<'_>| {
                let llamada = self.fuente.llamada(pelada(valor));
                llamada.is_some_and(|(nombre, _)| {
                    ["accept", "accept4", "esperar_cliente", "tp0_esperar_cliente"].contains(&nombre)
                })
            };
            self.fuente.campo(nodo, donde) == variable && nodo.child_by_field_name(que).is_some_and(acepta)
        })
    }

    /// De `sizeof(x)` o `sizeof x`, x.
    fn medida(&self, nodo: Node<'a>) -> Option<Node<'a>> {
        let nodo = pelada(nodo);
        nodo.child_by_field_name("value").filter(|_| nodo.kind() == "sizeof_expression").map(pelada)
    }

    /// `sizeof` de un puntero donde va cuánto mide lo que apunta.
    fn tamanio_de_puntero(&self, llamada: &Llamada<'a>) -> Option<Hallazgo> {
        let (lugar, tamanio) =
            CON_TAMANIO.iter().filter(|(nombre, ..)| *nombre == llamada.nombre).find_map(|(_, lugar, tamanio)| {
                let (lugar, tamanio) = (llamada.argumento(*lugar)?, llamada.argumento(*tamanio)?);
                let (variable, medida) = (self.variable(lugar)?, self.variable(self.medida(tamanio)?)?);
                (variable == medida).then_some((variable, tamanio))
            })?;
        let tipo = self.tipo_de(lugar).filter(|tipo| tipo.punteros > 0 && !tipo.arreglo)?;
        // De un puntero a algo de 8 bytes, da lo mismo.
        if tipo.punteros > 1 || matches!(tipo.base, Base::Entero(8) | Base::Flotante(8) | Base::Funcion) {
            return None;
        }
        Some(self.hallazgo(
            tamanio,
            Clase::Sizeof,
            format!("`{}` es lo que mide un puntero, 8, y no lo que hay en `{lugar}`.", self.fuente.plano(tamanio)),
            "Se leen o se escriben 8 bytes, haya los que haya: un texto llega cortado, o con basura detrás.",
            "De un texto, `strlen(texto) + 1`; de un struct, `sizeof(*puntero)`; de lo demás, el tamaño con que se lo pidió.",
        ))
    }

    /// De qué tipo es lo que mide un `sizeof`. La gramática no sabe qué nombres son tipos: el que no es una variable, lo es.
    fn tipo_medido(&self, nodo: Node<'a>) -> Option<Tipo> {
        let nodo = pelada(nodo);
        if nodo.kind() != "sizeof_expression" {
            return None;
        }
        match nodo.child_by_field_name("type") {
            Some(descrito) if descrito.child_by_field_name("declarator").is_none() => {
                Some(self.tipos.base(self.fuente, descrito.child_by_field_name("type")?))
            }
            Some(_) => None,
            None => {
                let medida = self.medida(nodo)?;
                let un_tipo = self.variable(medida).filter(|nombre| !self.variables.contains_key(*nombre));
                un_tipo.map(|nombre| self.tipos.resolver(nombre)).or_else(|| self.tipo_de_expresion(medida))
            }
        }
    }

    /// El struct que mide un `sizeof`.
    fn struct_medido(&self, nodo: Node<'a>) -> Option<String> {
        match self.tipo_medido(nodo)? {
            Tipo { base: Base::Otro(nombre), punteros: 0, arreglo: false, .. } => Some(nombre),
            _ => None,
        }
    }

    fn tipo_de_expresion(&self, nodo: Node<'_>) -> Option<Tipo> {
        if let Some(nombre) = self.variable(nodo) {
            return self.tipo_de(nombre).cloned();
        }
        let apunta = nodo.kind() == "pointer_expression" && self.fuente.campo(nodo, "operator") == "*";
        let variable = self.variable(nodo.child_by_field_name("argument").filter(|_| apunta)?)?;
        let tipo = self.tipo_de(variable)?.clone();
        Some(Tipo { punteros: tipo.punteros.checked_sub(1)?, ..tipo })
    }

    /// Un struct que tiene punteros, mandado entero: del otro lado son direcciones de acá.
    fn con_punteros(&self, llamada: &Llamada<'a>) -> Option<Hallazgo> {
        let (lugar, tamanio) = match llamada.nombre {
            "send" => (1, 2),
            "agregar_a_paquete" | "tp0_agregar_a_paquete" | "buffer_add" => (1, 2),
            "memcpy" if self.es_payload(llamada.argumento(0)?) => (1, 2),
            _ => return None,
        };
        let nombre = self.struct_medido(llamada.argumento(tamanio)?)?;
        let campo = self.tipos.puntero_adentro(&nombre)?;
        let dado = self.fuente.plano(pelada(llamada.argumento(lugar)?));
        Some(self.hallazgo(
            llamada.nodo,
            Clase::Punteros,
            format!("`{dado}` se manda entero, y `{nombre}` tiene un puntero: `{campo}`."),
            "Viaja la dirección, que es de este proceso: en el otro no hay nada ahí, y usarla lo hace caer.",
            "Se manda campo por campo; de un texto, su largo y sus bytes.",
        ))
    }

    /// Si algo es el lugar donde se arma un payload: un stream, o unos bytes en los que se avanza y que esta función manda.
    fn es_payload(&self, nodo: Node<'a>) -> bool {
        let mut este = pelada(nodo);
        while este.kind() == "binary_expression" {
            let Some(izquierda) = este.child_by_field_name("left") else { return false };
            este = pelada(izquierda);
        }
        match este.kind() {
            "field_expression" => self.fuente.campo(este, "field") == "stream",
            "identifier" => {
                let nombre = self.fuente.de(este);
                let manda = |nodo: Node<'_>| {
                    let llamada = self.fuente.llamada(nodo).filter(|(funcion, _)| *funcion == "send");
                    llamada.and_then(|(_, dados)| self.variable(*dados.get(1)?)) == Some(nombre)
                };
                self.tipo_de(nombre).is_some_and(|tipo| tipo.es_de_bytes()) && adentro(self.cuerpo).any(manda)
            }
            _ => false,
        }
    }

    /// `send` o `recv`, y nadie mira cómo le fue.
    fn sin_mirar(&self, llamada: &Llamada<'a>) -> Option<Hallazgo> {
        let pasa = match llamada.nombre {
            "recv" if !self.sin_esperar(llamada) => {
                "Cuando el otro se va da 0, y lo que se lee después es lo que había antes: el mismo mensaje otra vez, o basura, sin fin."
            }
            "send" => "Cuando el otro se fue, o salieron menos bytes que los pedidos, el programa sigue como si nada.",
            _ => return None,
        };
        if !self.nadie_mira(llamada.nodo) {
            return None;
        }
        Some(self.hallazgo(
            llamada.nodo,
            Clase::SinMirar,
            format!("Lo que devuelve `{}` no lo mira nadie.", llamada.nombre),
            pasa,
            "Si no es el tamaño pedido, esa conversación terminó: se sale del while y se cierra.",
        ))
    }

    /// Si el valor se tira, o queda en una variable que nadie vuelve a nombrar. Un `(void)` es de quien sabe.
    fn nadie_mira(&self, llamada: Node<'a>) -> bool {
        let Some(padre) = afuera(llamada).find(|nodo| nodo.kind() != "parenthesized_expression") else { return false };
        let variable = match padre.kind() {
            "expression_statement" => return true,
            "init_declarator" => self.fuente.campo(padre, "declarator"),
            "assignment_expression" if padre.parent().is_some_and(|abuelo| abuelo.kind() == "expression_statement") => {
                self.fuente.campo(padre, "left")
            }
            _ => return false,
        };
        // Sólo una de esta función: una global la puede mirar cualquiera.
        let propia = self.tipo_de(variable).is_some_and(|tipo| !tipo.es_puntero());
        propia && !self.leidos.contains(variable)
    }

    /// Un `recv` que no espera nada, o no se lleva nada.
    fn sin_esperar(&self, llamada: &Llamada<'a>) -> bool {
        let opciones = llamada.argumento(3).map_or("", |nodo| self.fuente.de(nodo));
        opciones.contains("MSG_PEEK") || opciones.contains("MSG_DONTWAIT")
    }

    /// Un `recv` de un tamaño fijo, que puede dar menos.
    fn sin_waitall(&self, llamada: &Llamada<'a>) -> Option<Hallazgo> {
        let (lugar, tamanio, opciones) = (llamada.argumento(1)?, llamada.argumento(2)?, llamada.argumento(3)?);
        let sin_opciones = pelada(opciones).kind() == "number_literal" && self.fuente.de(pelada(opciones)) == "0"
            || self.fuente.de(pelada(opciones)) == "MSG_NOSIGNAL";
        if llamada.nombre != "recv" || !sin_opciones || !self.es_de_un_dato(lugar, tamanio) {
            return None;
        }
        Some(self.hallazgo(
            llamada.nodo,
            Clase::Waitall,
            format!("`{}` puede recibir menos de `{}`.", self.fuente.plano(llamada.nodo), self.fuente.plano(tamanio)),
            "TCP corta donde quiere: llegan 2 bytes de los 4, el dato queda a medias y lo que sigue se lee corrido.",
            "`MSG_WAITALL` en lugar del 0, y mirar que haya dado el tamaño pedido.",
        ))
    }

    /// Si se recibe un dato que mide siempre lo mismo y más de un byte: `&x`, o un puntero a algo que no son bytes sueltos.
    fn es_de_un_dato(&self, lugar: Node<'a>, tamanio: Node<'a>) -> bool {
        let tamanio = pelada(tamanio);
        let destino = self.direccion_de(lugar).and_then(|nombre| self.tipo_de(nombre));
        if destino.is_some_and(|tipo| tipo.arreglo || tipo.punteros == 0 && tipo.base == Base::Entero(1)) {
            return false;
        }
        match tamanio.kind() {
            "number_literal" => destino.is_some() && self.fuente.de(tamanio) != "1",
            // De un tipo que no es un byte: nadie junta de a pedazos un sizeof(int).
            "sizeof_expression" => self
                .tipo_medido(tamanio)
                .is_some_and(|tipo| tipo.punteros == 0 && !tipo.arreglo && tipo.base != Base::Entero(1)),
            _ => false,
        }
    }

    /// La opción que no es SO_REUSEADDR.
    fn reuso(&self, llamada: &Llamada<'a>) -> Option<Hallazgo> {
        let opcion = pelada(llamada.argumento(2).filter(|_| llamada.nombre == "setsockopt")?);
        let nivel = self.fuente.de(pelada(llamada.argumento(1)?));
        let escrita = self.fuente.plano(opcion);
        if !["SOL_SOCKET", "1"].contains(&nivel) {
            return None;
        }
        let juntas = opcion.kind() == "binary_expression" && escrita.contains("SO_REUSE");
        let que = if juntas {
            format!("`{escrita}` no son dos opciones: es el número 15, que es SO_REUSEPORT.")
        } else if escrita == "15" {
            "La opción 15 es SO_REUSEPORT.".to_owned()
        } else if escrita == "SO_REUSEPORT" && !self.pone_reuseaddr() {
            "Se pone SO_REUSEPORT, y SO_REUSEADDR no.".to_owned()
        } else {
            return None;
        };
        Some(self.hallazgo(
            llamada.nodo,
            Clase::Reuso,
            que,
            "Sin SO_REUSEADDR, bind falla un minuto después de cada corrida; y con SO_REUSEPORT dos servidores comparten el puerto sin una queja.",
            "`setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int))`, antes de bind.",
        ))
    }

    fn pone_reuseaddr(&self) -> bool {
        adentro(self.cuerpo).any(|nodo| {
            let llamada = self.fuente.llamada(nodo).filter(|(nombre, _)| *nombre == "setsockopt");
            llamada.is_some_and(|(_, dados)| {
                dados.get(2).is_some_and(|opcion| self.fuente.de(pelada(*opcion)) == "SO_REUSEADDR")
            })
        })
    }
}

/// Quien compara con NULL lo que da `recibir_paquete`, que al final da la lista vacía. Si el fuente sabe de `tp0_error`, ya lo sabe.
pub(super) fn fin_de_conversacion(fuente: &Fuente, tipos: &Tipos, hallazgos: &mut Vec<Hallazgo>) {
    let sabe = |nodo: Node<'_>| fuente.llamada(nodo).is_some_and(|(nombre, _)| nombre == "tp0_error");
    if adentro(fuente.raiz()).any(sabe) {
        return;
    }
    for nodo in adentro(fuente.raiz()).filter(|nodo| nodo.kind() == "function_definition") {
        let Some(funcion) = Funcion::leer(fuente, tipos, nodo) else { continue };
        let listas: Vec<&str> = adentro(funcion.cuerpo).filter_map(|nodo| funcion.lista_recibida(nodo)).collect();
        let comparada = |nodo: Node<'_>| {
            funcion.comparada_con_null(nodo).is_some_and(|que| {
                funcion.recibe_un_paquete(que) || funcion.variable(que).is_some_and(|nombre| listas.contains(&nombre))
            })
        };
        hallazgos.extend(adentro(funcion.cuerpo).filter(|nodo| comparada(*nodo)).map(|nodo| {
            funcion.hallazgo(
                nodo,
                Clase::FinDeConversacion,
                format!("`{}` espera que `recibir_paquete` dé NULL al final.", fuente.plano(nodo)),
                "La de libtp0 da la lista vacía, nunca NULL: no se entera de que el otro se fue, y da vueltas sin fin.",
                "`tp0_error() != NULL` es que no hay más; la lista, vacía o no, se libera igual.",
            )
        }));
    }
}

impl<'a> Funcion<'a> {
    fn recibe_un_paquete(&self, nodo: Node<'_>) -> bool {
        let nodo = pelada(nodo);
        let valor = if nodo.kind() == "assignment_expression" { nodo.child_by_field_name("right") } else { Some(nodo) };
        valor.is_some_and(|valor| {
            self.fuente.llamada(pelada(valor)).is_some_and(|(nombre, _)| nombre == "recibir_paquete")
        })
    }

    /// La variable que recibe lo que da `recibir_paquete`.
    fn lista_recibida(&self, nodo: Node<'a>) -> Option<&'a str> {
        let (donde, que) = match nodo.kind() {
            "init_declarator" => ("declarator", "value"),
            "assignment_expression" => ("left", "right"),
            _ => return None,
        };
        let da = nodo.child_by_field_name(que).is_some_and(|valor| self.recibe_un_paquete(valor));
        let nombres = nodo.child_by_field_name(donde).filter(|_| da).into_iter().flat_map(adentro);
        nombres.filter(|nodo| nodo.kind() == "identifier").map(|nodo| self.fuente.de(nodo)).last()
    }

    /// De `x == NULL`, `x != NULL` o `!x`, x.
    fn comparada_con_null(&self, nodo: Node<'a>) -> Option<Node<'a>> {
        match nodo.kind() {
            "binary_expression" if ["==", "!="].contains(&self.fuente.campo(nodo, "operator")) => {
                let (uno, otro) = (nodo.child_by_field_name("left")?, nodo.child_by_field_name("right")?);
                match (self.fuente.de(uno), self.fuente.de(otro)) {
                    (_, "NULL") => Some(uno),
                    ("NULL", _) => Some(otro),
                    _ => None,
                }
            }
            "unary_expression" if self.fuente.campo(nodo, "operator") == "!" => nodo.child_by_field_name("argument"),
            _ => None,
        }
    }
}

/// Lo que la gramática no entendió, y las macros de afuera de las funciones que esconden un nombre del TP0.
///
/// Con unos cuantos lugares alcanza.
pub(super) fn sin_entender(fuente: &Fuente, cuantos: usize, es_del_tp0: impl Fn(&str) -> bool) -> Vec<(usize, String)> {
    let (mut salida, mut hasta) = (Vec::new(), 0);
    for nodo in adentro(fuente.raiz()) {
        if nodo.kind() == "function_definition" {
            hasta = nodo.end_byte();
        }
        // Un extern "C" { que se abre en un #ifdef y se cierra en otro no es un árbol, y acá no importa; ni lo que diga una directiva.
        let de_cpp = || afuera(nodo).any(|otro| fuente.campo(otro, "name") == "__cplusplus");
        let mal = nodo.is_error() || nodo.is_missing();
        if mal && !fuente.en_directiva(nodo) && !fuente.de(nodo).contains("__cplusplus") && !de_cpp() {
            salida.push((linea(nodo), "no es C que se entienda por sí solo (una macro, o un error)".to_owned()));
        }
        if nodo.kind() == "call_expression" && nodo.start_byte() >= hasta {
            let esconde = adentro(nodo).find(|hijo| hijo.kind() == "identifier" && es_del_tp0(fuente.de(*hijo)));
            let dicho = |hijo| (linea(nodo), format!("una macro que esconde el prototipo de {}", fuente.de(hijo)));
            salida.extend(esconde.map(dicho));
        }
        if salida.len() >= cuantos {
            break;
        }
    }
    salida.dedup_by_key(|(linea, _)| *linea);
    salida
}
