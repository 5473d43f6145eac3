//! Las fallas que nadie miró: se cuentan una vez, cuando el programa usa el -1 o el NULL que le dieron en lugar de algo.
//!
//! Un TP0 no pregunta: `crear_conexion` falla, él le envía a -1 y termina con 0, y quien lo corre no ve nada. Un -1 no dice de dónde vino,
//! así que se supone lo más probable: que es el de la última falla de su clase que nadie leyó. Las que el programa lee con `tp0_error()`
//! se borran, y una que se reintenta reemplaza a la anterior.

use std::any::TypeId;
use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::registro;
use super::textos::EnC;
use crate::error::Error;
use crate::renglon::Renglon;
use crate::sistema::{Cerrojo, HijoConUnHilo};

/// Bytes del texto de una falla, con su `'\0'`.
pub(super) const LARGO_DE_TEXTO: usize = 1024;

/// El texto de una falla.
pub(super) type Texto = Renglon<LARGO_DE_TEXTO>;

/// En lugar de qué se dio el -1 o el NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clase {
    /// Un descriptor: el -1.
    Descriptor,
    /// Un puntero a algo de este tipo.
    Puntero(TypeId),
    /// Nada: una conexión en la que falló un envío.
    Envio,
}

impl Clase {
    /// La de un puntero a `T`. Los textos y los bytes sueltos son lo mismo: C pasa de `char *` a `void *` sin decir nada.
    pub(super) fn de<T: 'static>() -> Self {
        let tipo = TypeId::of::<T>();
        Self::Puntero(if tipo == TypeId::of::<c_char>() { TypeId::of::<c_void>() } else { tipo })
    }

    fn son_bytes(self) -> bool {
        self == Self::de::<c_void>()
    }
}

/// Una falla que nadie leyó.
#[derive(Debug)]
struct Falla {
    /// Cuál es, desde 1: crecen.
    id: u64,
    funcion: &'static str,
    /// Con qué se la llamó, si se sabe: la misma función con lo mismo es un reintento.
    con: u64,
    clase: Clase,
    texto: [u8; LARGO_DE_TEXTO],
    largo: usize,
}

/// Fallas sin leer que se recuerdan a la vez. Si hay más, se olvida la más vieja.
const LUGARES: usize = 16;

struct Olvidos {
    ultimo_id: u64,
    fallas: [Option<Falla>; LUGARES],
}

const NINGUNO: Olvidos = Olvidos { ultimo_id: 0, fallas: [const { None }; LUGARES] };

static OLVIDOS: Cerrojo<Olvidos> = Cerrojo::nuevo(NINGUNO);
/// Cuántas hay: mirarlo no espera a nadie.
static CUANTAS: AtomicUsize = AtomicUsize::new(0);

impl Olvidos {
    fn anotar(&mut self, funcion: &'static str, con: u64, clase: Clase, texto: &Texto) -> u64 {
        self.ultimo_id += 1;
        let nueva =
            Falla { id: self.ultimo_id, funcion, con, clase, texto: texto.con_final(), largo: texto.bytes().len() };
        let lugar =
            match self.fallas.iter().position(|lugar| lugar.as_ref().is_some_and(|vieja| nueva.reintenta(vieja))) {
                Some(lugar) => self.fallas.get_mut(lugar),
                // Un lugar libre es el más viejo de todos.
                None => self.fallas.iter_mut().min_by_key(|lugar| lugar.as_ref().map_or(0, |falla| falla.id)),
            };
        if let Some(lugar) = lugar {
            *lugar = Some(nueva);
        }
        self.ultimo_id
    }

    /// Saca la más nueva de las que sean así.
    fn sacar(&mut self, cuales: impl Fn(&Falla) -> bool) -> Option<Falla> {
        let de_esas = self.fallas.iter_mut().filter(|lugar| lugar.as_ref().is_some_and(&cuales));
        de_esas.max_by_key(|lugar| lugar.as_ref().map_or(0, |falla| falla.id))?.take()
    }
}

impl Falla {
    fn texto(&self) -> &[u8] {
        self.texto.get(..self.largo).unwrap_or_default()
    }

    fn decir(&self, con_log: bool) {
        registro::olvido(con_log, self.funcion, std::str::from_utf8(self.texto()).unwrap_or_default());
    }

    /// Si es otro intento de lo mismo.
    fn reintenta(&self, vieja: &Self) -> bool {
        let misma_funcion = self.funcion == vieja.funcion && self.clase == vieja.clase && self.clase != Clase::Envio;
        misma_funcion && ((self.con != 0 && self.con == vieja.con) || self.texto() == vieja.texto())
    }
}

/// Cambia lo anotado, y cuenta cuántas quedan.
fn con_lo_anotado<T>(cambio: impl FnOnce(&mut Olvidos) -> T) -> T {
    let mut olvidos = OLVIDOS.tomar();
    let salida = cambio(&mut olvidos);
    CUANTAS.swap(olvidos.fallas.iter().flatten().count(), Ordering::Relaxed);
    salida
}

fn hay_anotadas() -> bool {
    CUANTAS.load(Ordering::Relaxed) != 0
}

/// Lo que se sabe de la llamada que está fallando en este hilo.
struct EnCurso {
    /// Falla porque le dieron un NULL de esta clase.
    culpa: Cell<Option<Clase>>,
    /// Con qué la llamaron.
    con: Cell<u64>,
    /// Es un envío, y ya se lo anotó con este id.
    envio: Cell<u64>,
}

thread_local! {
    static EN_CURSO: EnCurso =
        const { EnCurso { culpa: Cell::new(None), con: Cell::new(0), envio: Cell::new(0) } };
}

/// La llamada en curso va a fallar porque le dieron un NULL en lugar de un `T`.
pub(super) fn culpar<T: 'static>() {
    EN_CURSO.with(|en_curso| en_curso.culpa.set(Some(Clase::de::<T>())));
}

/// Con qué se llamó a la función en curso, que da un descriptor: otra llamada con lo mismo es un reintento.
pub(super) fn distinguir(con: impl Hash) {
    let mut resumen = DefaultHasher::new();
    con.hash(&mut resumen);
    EN_CURSO.with(|en_curso| en_curso.con.set(resumen.finish() | 1));
}

/// Anota una falla que el programa ve como un -1 o un NULL en lugar de `da`; `None`: como otra cosa. Si falló porque le dieron el de otra, cuenta la
/// otra. Devuelve con qué id quedó anotada, o 0.
pub(super) fn fallo(funcion: &'static str, da: Option<Clase>, error: &Error, texto: &Texto) -> u64 {
    let (culpa, con, envio) = EN_CURSO.with(|c| (c.culpa.take(), c.con.take(), c.envio.take()));
    if envio != 0 {
        con_lo_anotado(|olvidos| {
            if let Some(falla) = olvidos.fallas.iter_mut().flatten().find(|falla| falla.id == envio) {
                falla.funcion = funcion;
            }
        });
        return envio;
    }
    let culpa = de_quien(error).or(culpa);
    // Un texto puede ser del programa; la ip y el puerto, siempre.
    let es_consecuencia = culpa.is_some_and(|culpa| !culpa.son_bytes());
    if let Some(culpa) = culpa.filter(|_| es_consecuencia || da != Some(Clase::Descriptor)) {
        contar_de(culpa, !AL_TERMINAR.contains(&funcion));
    }
    match da {
        Some(clase) if !es_consecuencia && !matches!(error, Error::Fin) => {
            con_lo_anotado(|olvidos| olvidos.anotar(funcion, con, clase, texto))
        }
        _ => 0,
    }
}

/// A éstas se las llama cuando el programa ya pudo destruir su log, y `logger` puede apuntar a lo que ya no está.
const AL_TERMINAR: [&str; 3] = ["liberar_conexion", "tp0_liberar_conexion", "tp0_detener"];

/// Si el error es haber recibido el -1 de otra.
fn de_quien(error: &Error) -> Option<Clase> {
    matches!(error, Error::Descriptor { descriptor: -1, .. }).then_some(Clase::Descriptor)
}

/// Una llamada que anduvo, y sin embargo se encontró con `aviso`: si es por el -1 de otra, la cuenta.
pub(super) fn aviso(aviso: &Error) {
    if let Some(clase) = de_quien(aviso) {
        contar_de(clase, true);
    }
}

/// Cuenta la más nueva de esa clase, si hay alguna.
fn contar_de(clase: Clase, con_log: bool) {
    contar_la(|falla| falla.clase == clase, con_log);
}

fn contar_la(cual: impl Fn(&Falla) -> bool, con_log: bool) -> bool {
    let falla = if hay_anotadas() { con_lo_anotado(|olvidos| olvidos.sacar(cual)) } else { None };
    // Con el cerrojo suelto: el log del programa puede tardar.
    falla.iter().for_each(|falla| falla.decir(con_log));
    falla.is_some()
}

/// Esa función dio un descriptor: los intentos anteriores con lo mismo se olvidan.
pub(super) fn anduvo(funcion: &'static str) {
    let con = EN_CURSO.with(|en_curso| en_curso.con.take());
    if hay_anotadas() && con != 0 {
        con_lo_anotado(|olvidos| olvidos.sacar(|falla| falla.funcion == funcion && falla.con == con));
    }
}

/// El programa leyó esa falla.
pub(super) fn leida(id: u64) {
    if id != 0 {
        con_lo_anotado(|olvidos| olvidos.sacar(|falla| falla.id == id));
    }
}

/// Anota que un envío falló, antes de devolverlo como error de la función en curso. Su conexión guarda el id: si se le vuelve a enviar, [`contar`].
pub(super) fn anotar_envio(error: &Error) -> u64 {
    let texto = texto_de(error);
    let id = con_lo_anotado(|olvidos| olvidos.anotar("", 0, Clase::Envio, &texto));
    EN_CURSO.with(|en_curso| en_curso.envio.set(id));
    id
}

/// Cuenta la falla de ese envío, si nadie la leyó. Dice si la contó.
pub(super) fn contar(id: u64) -> bool {
    contar_la(|falla| falla.id == id, true)
}

/// El texto de un error, en un renglón.
pub(super) fn texto_de(error: &Error) -> Texto {
    use std::fmt::Write;
    let mut texto = Texto::vacio();
    let _ = write!(texto, "{}", EnC(error));
    if texto.bytes().is_empty() {
        // Un texto propio que no se pudo armar.
        let _ = texto.write_str("Algo falló, y no hay memoria para contar qué: mirá errno.");
    }
    texto
}

/// El nombre de la función exportada a la que pertenece un cierre: sale de su tipo, así que no puede ser el de otra.
pub(super) fn nombre_de<C>() -> &'static str {
    let camino = std::any::type_name::<C>();
    let funcion = camino.split_once("::{{closure}}").map_or(camino, |(funcion, _)| funcion);
    funcion.rsplit("::").next().unwrap_or(funcion)
}

/// En el hijo de un fork: si otro hilo estaba anotando, lo anotado puede estar por la mitad.
pub(super) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    if OLVIDOS.intentar().is_none() {
        OLVIDOS.olvidar_en_el_hijo(NINGUNO, hijo);
        CUANTAS.swap(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod pruebas {
    use std::ffi::c_int;

    use super::super::guardia::{guardia, ultimo_error};
    use super::super::tipos::t_paquete;
    use super::*;

    const PAQUETE: fn() -> Clase = Clase::de::<t_paquete>;

    fn texto(que: &str) -> Texto {
        texto_de(&Error::Argumento(que.to_owned()))
    }

    fn ids(olvidos: &Olvidos) -> Vec<u64> {
        let mut ids: Vec<u64> = olvidos.fallas.iter().flatten().map(|falla| falla.id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn se_saca_la_mas_nueva_de_la_clase_y_una_sola_vez() {
        let mut olvidos = NINGUNO;
        olvidos.anotar("conectar", 1, Clase::Descriptor, &texto("una"));
        olvidos.anotar("conectar", 2, Clase::Descriptor, &texto("otra"));
        olvidos.anotar("crear", 0, PAQUETE(), &texto("un paquete"));
        let mut sacar = || olvidos.sacar(|falla| falla.clase == Clase::Descriptor).map(|falla| falla.id);
        assert_eq!([sacar(), sacar(), sacar()], [Some(2), Some(1), None]);
        assert_eq!(ids(&olvidos), [3]);
    }

    #[test]
    fn un_reintento_reemplaza_y_otra_falla_no() {
        let mut olvidos = NINGUNO;
        olvidos.anotar("conectar", 1, Clase::Descriptor, &texto("nadie escucha"));
        olvidos.anotar("conectar", 1, Clase::Descriptor, &texto("con lo mismo, otra causa"));
        assert_eq!(ids(&olvidos), [2]);
        olvidos.anotar("escuchar", 1, Clase::Descriptor, &texto("otra funcion"));
        olvidos.anotar("conectar", 7, Clase::Descriptor, &texto("con otra cosa"));
        assert_eq!(ids(&olvidos), [2, 3, 4]);
        olvidos.anotar("crear", 0, PAQUETE(), &texto("no hay memoria"));
        olvidos.anotar("crear", 0, PAQUETE(), &texto("no hay memoria"));
        assert_eq!(ids(&olvidos), [2, 3, 4, 6], "sin saber con qué, el texto");
        // Cada conexión cuenta la suya.
        olvidos.anotar("enviar", 0, Clase::Envio, &texto("se fue"));
        olvidos.anotar("enviar", 0, Clase::Envio, &texto("se fue"));
        assert_eq!(ids(&olvidos), [2, 3, 4, 6, 7, 8]);
    }

    #[test]
    fn si_no_hay_lugar_se_olvida_la_mas_vieja() {
        let mut olvidos = NINGUNO;
        for vuelta in 0..40 {
            olvidos.anotar("conectar", vuelta + 1, Clase::Descriptor, &texto(&vuelta.to_string()));
        }
        assert_eq!(ids(&olvidos), (25..=40).collect::<Vec<u64>>());
    }

    #[test]
    fn los_textos_y_los_bytes_son_lo_mismo_y_lo_demas_no() {
        assert_eq!(Clase::de::<c_char>(), Clase::de::<c_void>());
        assert!(Clase::de::<c_char>().son_bytes() && !PAQUETE().son_bytes());
        assert_ne!(PAQUETE(), Clase::Descriptor);
    }

    fn enviar_de_prueba() -> (c_int, u64) {
        let mut id = 0;
        let salida = guardia(|| {
            let error = Error::Argumento("se fue".to_owned());
            id = anotar_envio(&error);
            Err(error)
        });
        (salida, id)
    }

    /// La función a la que pertenece una falla que sigue sin leer.
    fn de_quien_es(id: u64) -> Option<&'static str> {
        con_lo_anotado(|olvidos| {
            olvidos.fallas.iter().flatten().find(|falla| falla.id == id).map(|falla| falla.funcion)
        })
    }

    #[test]
    fn un_envio_se_cuenta_con_el_nombre_de_quien_lo_hizo_y_una_vez() {
        let (salida, id) = enviar_de_prueba();
        assert_eq!((salida, de_quien_es(id)), (-1, Some("enviar_de_prueba")));
        let (_, otro) = enviar_de_prueba();
        assert!(otro > id && de_quien_es(id).is_some(), "uno no reemplaza al de otra conexión");
        contar(id);
        assert_eq!(de_quien_es(id), None);
        // El del otro, leído: no se cuenta.
        assert!(!ultimo_error().is_null());
        assert_eq!(de_quien_es(otro), None);
        contar(otro);
    }

    fn paquete_de_prueba(error: Error) -> (*mut t_paquete, u64) {
        (guardia(|| Err(error)), OLVIDOS.tomar().ultimo_id)
    }

    #[test]
    fn el_fin_de_la_conversacion_no_se_anota() {
        let sigue = |id| de_quien_es(id) == Some("paquete_de_prueba");
        let (nulo, id) = paquete_de_prueba(Error::Argumento("mal".to_owned()));
        assert!(nulo.is_null() && sigue(id));
        leida(id);
        let (nulo, id) = paquete_de_prueba(Error::Fin);
        assert!(nulo.is_null() && !sigue(id));
    }
}
