//! El borde mismo: de `Result` y panics a los centinelas, el `errno` y el texto que espera C.

use std::any::Any;
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cancelacion;
use super::olvidos::{self, Clase, LARGO_DE_TEXTO, Texto};
use crate::error::{Error, Resultado};
use crate::traza;

/// Lo último que falló en este hilo. Sin destructor y sin malloc: nada que liberar cuando el hilo termina.
struct UltimoError {
    hay: Cell<bool>,
    /// Con qué id quedó entre las que nadie leyó; 0: no quedó, o ya se leyó.
    id: Cell<u64>,
    texto: Cell<[u8; LARGO_DE_TEXTO]>,
}

thread_local! {
    static ULTIMO: UltimoError =
        const { UltimoError { hay: Cell::new(false), id: Cell::new(0), texto: Cell::new([0; LARGO_DE_TEXTO]) } };
}

/// En cuántos hilos hay un texto. Casi siempre en ninguno, y mirarlo cuesta mucho menos que buscar lo de este hilo.
static CON_TEXTO: AtomicUsize = AtomicUsize::new(0);

/// Lo que una función devuelve cuando falla.
pub(super) trait Centinela {
    const FALLA: Self;

    /// En lugar de qué está ese valor, si es que es la falla y alguien puede usarla sin mirar.
    fn en_lugar_de(&self) -> Option<Clase> {
        None
    }
}

impl Centinela for c_int {
    const FALLA: Self = -1;
}

/// Un descriptor que se le da a C.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor(pub(super) c_int);

impl Centinela for Descriptor {
    const FALLA: Self = Self(-1);

    fn en_lugar_de(&self) -> Option<Clase> {
        (self.0 == -1).then_some(Clase::Descriptor)
    }
}

impl<T: 'static> Centinela for *mut T {
    const FALLA: Self = ptr::null_mut();

    fn en_lugar_de(&self) -> Option<Clase> {
        self.is_null().then(Clase::de::<T>)
    }
}

impl Centinela for () {
    const FALLA: Self = ();
}

/// El cuerpo de una función que se exporta con dos nombres: el suyo y otro, que es el mismo código. Va como un cierre con los parámetros de ella.
///
/// El cuerpo se llama como ella, que es lo que se cuenta cuando falla. Ninguna de las dos llama a la otra: el programa puede tener su propia
/// función con cualquiera de los dos nombres.
macro_rules! con_dos_nombres {
    ($nombre:ident, $otro:ident, || $(-> $salida:ty)? $cuerpo:block) => {
        con_dos_nombres!(@ $nombre, $otro, () $(-> $salida)? $cuerpo)
    };
    ($nombre:ident, $otro:ident, |$($arg:ident: $tipo:ty),*| $(-> $salida:ty)? $cuerpo:block) => {
        con_dos_nombres!(@ $nombre, $otro, ($($arg: $tipo),*) $(-> $salida)? $cuerpo)
    };
    (@ $nombre:ident, $otro:ident, ($($arg:ident: $tipo:ty),*) $(-> $salida:ty)? $cuerpo:block) => {{
        #[inline(never)]
        unsafe fn $nombre($($arg: $tipo),*) $(-> $salida)? $cuerpo

        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $otro($($arg: $tipo),*) $(-> $salida)? {
            // SAFETY: son los mismos argumentos, y piden lo mismo.
            unsafe { $nombre($($arg),*) }
        }

        // SAFETY: son los mismos argumentos, y piden lo mismo.
        unsafe { $nombre($($arg),*) }
    }};
}
pub(super) use con_dos_nombres;

/// Corre el cuerpo de una función exportada, que tiene que ser un cierre escrito en ella: de ahí sale su nombre. Si falla, devuelve su
/// centinela.
pub(super) fn guardia<T: Centinela, C: FnOnce() -> Resultado<T>>(cuerpo: C) -> T {
    guardia_con(cuerpo, |_| T::FALLA)
}

/// Como [`guardia`], para las que dan un descriptor.
pub(super) fn guardia_de_descriptor<C: FnOnce() -> Resultado<c_int>>(cuerpo: C) -> c_int {
    let descriptor = en_la_guardia(olvidos::nombre_de::<C>, || cuerpo().map(Descriptor), |_| Descriptor::FALLA);
    if descriptor.en_lugar_de().is_none() {
        olvidos::anduvo(olvidos::nombre_de::<C>());
    }
    descriptor.0
}

/// Como [`guardia`], para las que crean hilos: también de ellos puede venir una cancelación.
pub(super) fn guardia_con_hilos<T: Centinela, C: FnOnce() -> Resultado<T>>(cuerpo: C) -> T {
    let antes = cancelacion::diferir();
    let valor = guardia(cuerpo);
    cancelacion::reponer(antes);
    valor
}

/// Como [`guardia`], para las que andan y aun así tienen algo que contar: deja su texto, y no toca errno.
pub(super) fn guardia_con_aviso<T: Centinela, C: FnOnce() -> Resultado<(T, Option<Error>)>>(cuerpo: C) -> T {
    let contando = || {
        let (valor, aviso) = cuerpo()?;
        if let Some(aviso) = aviso {
            olvidos::aviso(&aviso);
            anotar(&olvidos::texto_de(&aviso), 0);
        }
        Ok(valor)
    };
    en_la_guardia(olvidos::nombre_de::<C>, contando, |_| T::FALLA)
}

/// Como [`guardia`], para las que no fallan con un centinela.
pub(super) fn guardia_con<T: Centinela, C: FnOnce() -> Resultado<T>>(cuerpo: C, ante: impl Fn(&Error) -> T) -> T {
    en_la_guardia(olvidos::nombre_de::<C>, cuerpo, ante)
}

/// La única entrada a la biblioteca desde C.
fn en_la_guardia<T: Centinela>(
    nombre: fn() -> &'static str,
    cuerpo: impl FnOnce() -> Resultado<T>,
    ante: impl Fn(&Error) -> T,
) -> T {
    let antes = (!cancelacion::un_solo_hilo()).then(cancelacion::diferir);
    let salida = sin_cancelar(nombre, cuerpo, ante);
    if let Some(antes) = antes {
        cancelacion::reponer(antes);
    }
    salida
}

/// Lo mismo, en un hilo al que ahora no se lo cancela.
fn sin_cancelar<T: Centinela>(
    nombre: fn() -> &'static str,
    cuerpo: impl FnOnce() -> Resultado<T>,
    ante: impl Fn(&Error) -> T,
) -> T {
    let errno = Errno::de_este_hilo();
    let errno_del_programa = errno.valor();
    if CON_TEXTO.load(Ordering::Relaxed) != 0 {
        olvidar();
    }
    // AssertUnwindSafe: después de un panic sólo quedan a la vista cerrojos que se sueltan y números de descriptor.
    let salida = catch_unwind(AssertUnwindSafe(|| match cuerpo() {
        Ok(valor) => {
            errno.poner(errno_del_programa);
            valor
        }
        Err(error) => fallar(nombre, error, &ante),
    }));
    salida.unwrap_or_else(|panico| tras_un_panico(nombre, panico, &ante))
}

/// También contarlo puede entrar en pánico, y soltar lo que trae.
#[cold]
fn tras_un_panico<T: Centinela>(
    nombre: fn() -> &'static str,
    panico: Box<dyn Any + Send>,
    ante: impl Fn(&Error) -> T,
) -> T {
    let contar = || {
        let detalle = texto_del_panico(&*panico);
        drop(panico);
        fallar(nombre, Error::Panico { detalle }, ante)
    };
    catch_unwind(AssertUnwindSafe(contar)).unwrap_or_else(|otro| {
        let _ = ManuallyDrop::new(otro);
        Errno::de_este_hilo().poner(libc::ENOTRECOVERABLE);
        T::FALLA
    })
}

#[cold]
#[inline(never)]
fn fallar<T: Centinela>(nombre: fn() -> &'static str, error: Error, ante: impl Fn(&Error) -> T) -> T {
    let valor = ante(&error);
    contar(nombre, valor.en_lugar_de(), error);
    valor
}

/// Lo de todas, una sola vez en el binario.
#[inline(never)]
fn contar(nombre: fn() -> &'static str, en_lugar_de: Option<Clase>, error: Error) {
    let texto = olvidos::texto_de(&error);
    anotar(&texto, olvidos::fallo(nombre(), en_lugar_de, &error, &texto));
    traza::contar_falla(texto.texto());
    let numero = error.errno();
    drop(error);
    // Último: todo lo anterior pudo cambiarlo.
    Errno::de_este_hilo().poner(numero);
}

fn anotar(texto: &Texto, id: u64) {
    ULTIMO.with(|ultimo| {
        ultimo.texto.set(texto.con_final());
        ultimo.id.set(id);
        if !ultimo.hay.replace(true) {
            CON_TEXTO.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// La última llamada de este hilo pasa a ser una que anduvo.
#[cold]
#[inline(never)]
fn olvidar() {
    if ULTIMO.with(|ultimo| ultimo.hay.replace(false)) {
        CON_TEXTO.fetch_sub(1, Ordering::Relaxed);
    }
}

/// El texto del último error de este hilo, o NULL si su última llamada anduvo. Vale hasta su próxima llamada que falle.
pub(super) fn ultimo_error() -> *const c_char {
    ULTIMO.with(|ultimo| {
        if !ultimo.hay.get() {
            return ptr::null();
        }
        olvidos::leida(ultimo.id.take());
        ultimo.texto.as_ptr().cast_const().cast()
    })
}

fn texto_del_panico(panico: &(dyn Any + Send)) -> String {
    let texto = panico.downcast_ref::<&str>().copied();
    texto.or_else(|| panico.downcast_ref::<String>().map(String::as_str)).unwrap_or("sin texto").to_owned()
}

/// El `errno` de este hilo.
struct Errno {
    lugar: *mut c_int,
}

impl Errno {
    fn de_este_hilo() -> Self {
        // SAFETY: devuelve siempre la dirección del errno de este hilo.
        Self { lugar: unsafe { libc::__errno_location() } }
    }

    fn valor(&self) -> c_int {
        // SAFETY: el lugar es válido mientras vive el hilo, y un Errno no sale de él: no es Send.
        unsafe { self.lugar.read() }
    }

    fn poner(&self, valor: c_int) {
        // SAFETY: la misma razón, y sólo este hilo lo escribe.
        unsafe { self.lugar.write(valor) };
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::ffi::CStr;
    use std::panic::panic_any;

    fn texto() -> Option<String> {
        let texto = ultimo_error();
        // SAFETY: si no es NULL, es un texto de este hilo terminado en '\0'.
        (!texto.is_null()).then(|| unsafe { CStr::from_ptr(texto) }.to_str().unwrap().to_owned())
    }

    #[test]
    fn un_panic_no_cruza_el_borde() {
        let devuelto: c_int = guardia(|| panic!("¡ups!"));
        assert_eq!((devuelto, Errno::de_este_hilo().valor()), (-1, libc::ENOTRECOVERABLE));
        assert!(texto().unwrap().contains("¡ups!"));
    }

    #[test]
    fn tampoco_el_panic_de_contarlo_ni_el_de_soltarlo() {
        struct Explosivo;
        impl Drop for Explosivo {
            fn drop(&mut self) {
                panic_any(());
            }
        }
        let al_soltarlo: c_int = guardia(|| panic_any(Explosivo));
        let al_contarlo: c_int = guardia_con(|| panic!("uno"), |_| panic_any(()));
        assert_eq!((al_soltarlo, al_contarlo, Errno::de_este_hilo().valor()), (-1, -1, libc::ENOTRECOVERABLE));
    }

    #[test]
    fn un_aviso_deja_su_texto_y_no_toca_errno() {
        let errno = Errno::de_este_hilo();
        let con_aviso = || {
            errno.poner(libc::EAGAIN);
            Ok((7, Some(Error::Fin)))
        };
        errno.poner(libc::EDOM);
        assert_eq!((guardia_con_aviso(con_aviso), errno.valor()), (7, libc::EDOM));
        assert!(texto().is_some());
    }

    #[test]
    fn lo_que_anda_no_toca_errno_y_olvida_el_texto() {
        let _: c_int = guardia(|| Err(Error::Fin));
        let errno = Errno::de_este_hilo();
        assert_eq!(errno.valor(), 0);
        assert!(texto().is_some());
        errno.poner(libc::EDOM);
        // Lo que hace por dentro una función que anda sí lo toca: un recv que tuvo que esperar deja EAGAIN.
        let toca = || {
            errno.poner(libc::EAGAIN);
            Ok(7)
        };
        assert_eq!(guardia(toca), 7);
        assert_eq!(errno.valor(), libc::EDOM);
        assert_eq!(texto(), None);
    }

    #[test]
    fn un_texto_enorme_se_corta_entre_letras_y_en_una_linea() {
        let _: c_int = guardia(|| Err(Error::Argumento(format!("a\nb{}", "ñ".repeat(5000)))));
        let texto = texto().unwrap();
        assert!(texto.starts_with("a bñ") && texto.len() >= LARGO_DE_TEXTO - 4);
    }
}
