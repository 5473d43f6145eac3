//! Las funciones que se llaman como las del TP0 y no son como ellas: qué pasaría al enlazarlas con libtp0, y qué escribir.
//!
//! Los prototipos de verdad están en un solo lugar, `tp0.h`, y se leen con la misma gramática que los del grupo.

use std::collections::BTreeMap;

use super::arbol::Fuente;
use super::firma::{Choque, Firma, choque, firmas};
use super::hallazgo::{Clase, Hallazgo};
use super::tipos::{Base, Declarado, Tipos};
use crate::falla::Resultado;

const HEADER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../include/tp0.h"));

/// Lo que declara el header.
#[derive(Debug)]
pub(super) struct Nuestras {
    tipos: Tipos,
    firmas: BTreeMap<String, Firma>,
}

impl Nuestras {
    pub(super) fn leer() -> Resultado<Self> {
        let fuentes = [Fuente::leer("tp0.h".to_owned(), HEADER.to_owned())?];
        let tipos = Tipos::de(&fuentes);
        let firmas =
            fuentes.iter().flat_map(|fuente| firmas(fuente, &tipos)).map(|una| (una.nombre.clone(), una)).collect();
        Ok(Self { tipos, firmas })
    }

    /// La de la biblioteca con ese nombre, si es de las del TP0 o de la guía de serialización.
    pub(super) fn del_tp0(&self, nombre: &str) -> Option<&Firma> {
        self.firmas.get(nombre).filter(|_| !nombre.starts_with("tp0_"))
    }
}

/// Lo que dicen esos fuentes y no es lo que dice el header. Una firma repetida se cuenta una vez: donde está definida, si se puede.
pub(super) fn revisar(fuentes: &[Fuente], tipos: &Tipos, nuestras: &Nuestras) -> Vec<Hallazgo> {
    let mut vistas: BTreeMap<(String, String), Vec<(&Fuente, Firma)>> = BTreeMap::new();
    for fuente in fuentes {
        for suya in firmas(fuente, tipos) {
            if nuestras.del_tp0(&suya.nombre).is_some() {
                let como = suya.parametros.as_ref().map(|lista| lista.iter().map(|uno| &uno.tipo).collect::<Vec<_>>());
                let clave = (suya.nombre.clone(), format!("{:?} {como:?}", suya.devuelve));
                vistas.entry(clave).or_default().push((fuente, suya));
            }
        }
    }
    vistas.into_values().filter_map(|lugares| hallazgo(lugares, tipos, nuestras)).collect()
}

/// Si el `recibir_paquete` de esos fuentes, o el que usan sin declararlo, da una lista.
pub(super) fn da_una_lista(fuentes: &[Fuente], tipos: &Tipos) -> bool {
    let todas = fuentes.iter().flat_map(|fuente| firmas(fuente, tipos));
    let mut suyas = todas.filter(|firma| firma.nombre == "recibir_paquete");
    suyas.all(|firma| firma.devuelve.base == Base::Otro("t_list".to_owned()))
}

fn hallazgo(mut lugares: Vec<(&Fuente, Firma)>, tipos: &Tipos, nuestras: &Nuestras) -> Option<Hallazgo> {
    lugares.sort_by_key(|(_, firma)| !firma.definida);
    let ((fuente, suya), resto) = lugares.split_first()?;
    let nuestra = nuestras.del_tp0(&suya.nombre)?;
    let comparada = Comparada { suya, tipos, nuestra, nuestras };
    let mut pasa: Vec<String> = comparada.argumentos();
    let clase = if pasa.is_empty() { Clase::Devuelve } else { Clase::Prototipo };
    pasa.extend(comparada.devuelto());
    if pasa.is_empty() {
        return None;
    }
    Some(Hallazgo {
        archivo: fuente.archivo.clone(),
        linea: suya.linea,
        clase,
        que: format!("`{}` no es la del TP0, `{}`.", suya.escrita(), nuestra.escrita()),
        pasa: format!("Sin la tuya y con libtp0 enlaza sin una queja: {}.", pasa.join("; ")),
        en_su_lugar: comparada.en_su_lugar(),
        tambien: resto.iter().map(|(fuente, firma)| format!("{}:{}", fuente.archivo, firma.linea)).collect(),
    })
}

struct Comparada<'a> {
    suya: &'a Firma,
    tipos: &'a Tipos,
    nuestra: &'a Firma,
    nuestras: &'a Nuestras,
}

impl Comparada<'_> {
    fn choque(&self, suyo: &Declarado, nuestro: &Declarado) -> Option<Choque> {
        choque(&suyo.tipo, self.tipos, &nuestro.tipo, &self.nuestras.tipos)
    }

    /// Qué pasa con los argumentos.
    fn argumentos(&self) -> Vec<String> {
        let (Some(suyos), Some(nuestros)) = (&self.suya.parametros, &self.nuestra.parametros) else {
            return Vec::new();
        };
        let mut salida = Vec::new();
        for (cual, (suyo, nuestro)) in suyos.iter().zip(nuestros).enumerate() {
            let lugar = cual.saturating_add(1);
            if let Some(choque) = self.choque(suyo, nuestro) {
                let consecuencia = consecuencia(choque, nuestro);
                salida.push(format!(
                    "tu argumento {lugar}, `{}`, lo tomaría por `{}`{consecuencia}",
                    suyo.texto, nuestro.texto
                ));
            }
        }
        for nuestro in nuestros.iter().skip(suyos.len()) {
            salida.push(format!("`{}` no se lo da nadie: sería lo que haya quedado en un registro", nuestro.texto));
        }
        let sobran: Vec<String> = suyos.iter().skip(nuestros.len()).map(|uno| format!("`{}`", uno.texto)).collect();
        if !sobran.is_empty() {
            let aparte_de_eso = if salida.is_empty() { por_no_mirar(&self.suya.nombre) } else { "" };
            salida.push(format!("no mira {}{aparte_de_eso}", sobran.join(" ni ")));
        }
        salida
    }

    /// Qué pasa con lo que devuelve.
    fn devuelto(&self) -> Option<String> {
        let (suyo, nuestro) = (&self.suya.devuelve, &self.nuestra.devuelve);
        let (escrito, nuestro_escrito) = (&self.suya.devuelve_texto, &self.nuestra.devuelve_texto);
        if suyo.es_void() && nuestro.es_puntero() {
            return Some(format!(
                "lo que devuelve, `{nuestro_escrito}`, se perdería sin que nadie lo mire ni lo libere"
            ));
        }
        if suyo.es_void() {
            return None;
        }
        if suyo.logico && matches!(nuestro.base, Base::Entero(4)) && !nuestro.es_puntero() {
            return Some("devuelve 0 si anduvo y -1 si no: un `bool` lo leería al revés".to_owned());
        }
        let numeros = !suyo.es_puntero() && nuestro.base == Base::Entero(4) && !nuestro.es_puntero();
        let otro_final = match suyo.base {
            Base::Entero(1) => Some("255"),
            Base::Entero(2) => Some("65535"),
            Base::Entero(8) => Some("4294967295"),
            _ => None,
        };
        if let Some(otro_final) = otro_final.filter(|_| numeros) {
            return Some(format!("devuelve un `int`, y el -1 del final, en `{escrito}`, puede ser {otro_final}"));
        }
        if nuestro.es_void() {
            return suyo.es_puntero().then(|| {
                format!("no devuelve nada, y el programa tomaría lo que haya por `{escrito}`: usarlo lo hace caer")
            });
        }
        let choque = choque(suyo, self.tipos, nuestro, &self.nuestras.tipos)?;
        Some(match choque {
            Choque::PunteroPorNumero => {
                format!("devuelve un `int`, 0 o -1, y el programa lo tomaría por `{escrito}`: usarlo lo hace caer")
            }
            Choque::NumeroPorPuntero => {
                format!("devuelve `{nuestro_escrito}`, y el programa tomaría media dirección por `{escrito}`")
            }
            _ => format!("devuelve `{nuestro_escrito}`, y el programa lo leería como `{escrito}`"),
        })
    }

    /// Lo que se escribe detrás de `tp0.h`, o cómo se arregla.
    fn en_su_lugar(&self) -> String {
        if let Some(texto) = aparte(&self.suya.nombre, self.suya) {
            return texto;
        }
        match self.adaptador() {
            Some(adaptador) => format!("Detrás de `#include <tp0.h>`, sin tocar a quien la llama: `{adaptador}`."),
            None => self.con_otro_nombre(),
        }
    }

    /// La tuya, escrita sobre la que tiene otro nombre.
    fn con_otro_nombre(&self) -> String {
        let nombre = &self.suya.nombre;
        match self.nuestras.firmas.get(&format!("tp0_{nombre}")) {
            Some(otra) => format!(
                "Con `TP0_SIN_NOMBRES` definida antes de `tp0.h`, la tuya puede quedarse, escrita sobre `{}`.",
                otra.escrita()
            ),
            None => format!("Cambiale el nombre a la tuya: `{nombre}` es de la biblioteca."),
        }
    }

    /// Una macro con sus argumentos que llama a la nuestra con los de ella.
    fn adaptador(&self) -> Option<String> {
        let suyos = self.suya.parametros.as_ref()?;
        // Perdería un código o una función que alguien espera que corra.
        let no_sobra = |suyo: &Declarado| suyo.tipo.base == Base::Funcion;
        if self.suya.nombre.starts_with("crear_") && self.nuestra.devuelve.es_puntero() || suyos.iter().any(no_sobra) {
            return None;
        }
        let nuestra = self.que_se_llama()?;
        let mut libres: Vec<usize> = (0..suyos.len()).collect();
        let mut dados = Vec::new();
        let nuestros = nuestra.parametros.as_ref()?;
        for (lugar, nuestro) in nuestros.iter().enumerate() {
            let cual = self.el_que_va(suyos, &libres, nuestro, nuestros.get(lugar..)?);
            dados.push(match cual {
                Some(cual) => {
                    libres.retain(|libre| *libre != cual);
                    let (nombre, suyo) = (nombre_de(suyos, cual), suyos.get(cual)?);
                    if suyo.tipo.es_puntero() && !nuestro.tipo.es_puntero() {
                        format!("*({nombre})")
                    } else {
                        format!("({nombre})")
                    }
                }
                // Sin IP, todas; sin dónde dejar el tamaño, uno que no mira nadie.
                None if nuestro.nombre == "ip" && nuestra.nombre.starts_with("tp0_") => "NULL".to_owned(),
                None if nuestro.nombre == "size" => "&(int){0}".to_owned(),
                None if nuestro.nombre == "handshake" => "NULL".to_owned(),
                None => return None,
            });
        }
        let nombres: Vec<String> = (0..suyos.len()).map(|cual| nombre_de(suyos, cual)).collect();
        Some(format!("#define {}({}) {}({})", self.suya.nombre, nombres.join(", "), nuestra.nombre, dados.join(", ")))
    }

    /// La nuestra que hace lo que la suya: casi siempre, la del mismo nombre.
    fn que_se_llama(&self) -> Option<&Firma> {
        let devuelve_lo_mismo = |otra: &&Firma| {
            self.suya.devuelve.es_void()
                || !self.suya.devuelve.logico
                    && choque(&self.suya.devuelve, self.tipos, &otra.devuelve, &self.nuestras.tipos).is_none()
        };
        let otra = match self.suya.nombre.as_str() {
            "iniciar_servidor" => Some("tp0_iniciar_servidor"),
            "recibir_mensaje" => Some("tp0_recibir_mensaje"),
            "recibir_paquete" => Some("tp0_recibir"),
            _ => None,
        };
        let otra = otra.and_then(|otra| self.nuestras.firmas.get(otra));
        let primera = if self.suya.nombre == "iniciar_servidor" { otra } else { Some(self.nuestra) };
        primera.into_iter().chain(otra).find(devuelve_lo_mismo)
    }

    /// El suyo que va en ese lugar: el único de ese tipo, el que se llama parecido, o el que está en el mismo orden.
    fn el_que_va(
        &self,
        suyos: &[Declarado],
        libres: &[usize],
        nuestro: &Declarado,
        desde_el: &[Declarado],
    ) -> Option<usize> {
        let sirve = |cual: &&usize| suyos.get(**cual).is_some_and(|suyo| self.sirve(suyo, nuestro));
        let posibles: Vec<usize> = libres.iter().filter(sirve).copied().collect();
        let parecido = |cual: &&usize| suyos.get(**cual).is_some_and(|suyo| se_parecen(&suyo.nombre, &nuestro.nombre));
        if let Some(cual) = posibles.iter().find(parecido) {
            return Some(*cual);
        }
        let iguales = desde_el.iter().filter(|otro| otro.tipo == nuestro.tipo).count();
        let con_nombre = posibles.iter().filter_map(|cual| suyos.get(*cual)).all(|suyo| !suyo.nombre.is_empty());
        // Con nombre, uno que no se parece a nada puede ser otra cosa: `nombre`, un texto, no es la ip.
        (posibles.len() == iguales
            && (!con_nombre || iguales == 1 && nuestro.nombre != "ip" && nuestro.nombre != "puerto"))
            .then(|| posibles.first().copied())
            .flatten()
    }

    fn sirve(&self, suyo: &Declarado, nuestro: &Declarado) -> bool {
        let apunta_a_un_int =
            suyo.tipo.punteros == 1 && suyo.tipo.base == Base::Entero(4) && !nuestro.tipo.es_puntero();
        let por_puntero = self.suya.nombre == "liberar_conexion" && apunta_a_un_int;
        let mismo_puntero = suyo.tipo.es_puntero() == nuestro.tipo.es_puntero();
        // Un void * se convierte en cualquier puntero, y acá hace falta el que es.
        let void = nuestro.tipo.es_puntero() && suyo.tipo.base == Base::Void && nuestro.tipo.base != Base::Void;
        por_puntero || mismo_puntero && !void && self.choque(suyo, nuestro).is_none()
    }
}

fn nombre_de(suyos: &[Declarado], cual: usize) -> String {
    let nombre = suyos.get(cual).map(|suyo| suyo.nombre.as_str()).filter(|nombre| !nombre.is_empty());
    nombre.map_or_else(|| format!("a{}", cual.saturating_add(1)), str::to_owned)
}

/// Los nombres que los grupos le dan a cada cosa.
fn se_parecen(suyo: &str, nuestro: &str) -> bool {
    let suyo = suyo.to_lowercase();
    let otros: &[&str] = match nuestro {
        "ip" => &["ip", "host", "direccion"],
        "puerto" => &["puerto", "port"],
        "conexion" | "servidor" | "descriptor" => &["conexion", "socket", "servidor", "cliente", "fd", "descriptor"],
        "mensaje" => &["mensaje", "texto", "msg"],
        "tamanio" | "size" | "bytes" => &["tam", "size", "bytes", "largo"],
        otro => return suyo == otro,
    };
    otros.iter().any(|otro| suyo.contains(otro))
}

fn consecuencia(choque: Choque, nuestro: &Declarado) -> String {
    match choque {
        Choque::PunteroPorNumero if matches!(nuestro.nombre.as_str(), "conexion" | "servidor" | "descriptor") => {
            ": una dirección no es un descriptor, y daría -1 (EBADF)".to_owned()
        }
        Choque::PunteroPorNumero => ": sería un número cualquiera".to_owned(),
        Choque::NumeroPorPuntero => ": leería esa dirección, y el programa se cae (SIGSEGV)".to_owned(),
        Choque::OtroPuntero => ", y leería bytes que no son eso".to_owned(),
        Choque::OtraCosa => ", que ni viaja por el mismo registro".to_owned(),
    }
}

/// Lo que deja de pasar con el argumento que sobra.
fn por_no_mirar(nombre: &str) -> &'static str {
    match nombre {
        "iniciar_servidor" => ": escucha en el puerto 4444, o en el de TP0_PUERTO, le digas lo que le digas",
        "crear_paquete" | "crear_super_paquete" => ": el código queda en 1, PAQUETE, le digas lo que le digas",
        _ => ", y lo demás lo hace igual",
    }
}

/// Los que no se arreglan con una macro de un renglón.
fn aparte(nombre: &str, suya: &Firma) -> Option<String> {
    let parametros = suya.parametros.as_deref().unwrap_or_default();
    let con_codigo = matches!(nombre, "crear_paquete" | "crear_super_paquete") && parametros.len() == 1;
    (con_codigo && suya.devuelve.punteros == 1).then(|| {
        format!(
            "Detrás de `#include <tp0.h>`, sin tocar a quien la llama: `static inline t_paquete *{nombre}_con(int codigo) {{ \
             t_paquete *paquete = {nombre}(); if (paquete != NULL) paquete->codigo_operacion = codigo; return paquete; }}` y \
             `#define {nombre}(codigo) {nombre}_con(codigo)`."
        )
    })
}
