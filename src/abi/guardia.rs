//! El borde mismo: de `Result` y panics a los centinelas, el `errno` y el texto que espera C.

use std::any::Any;
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Resultado};
use crate::memoria::Renglon;
use crate::traza;

/// Bytes del texto de un error, con su `'\0'`. Alcanza de sobra; si no, se corta entre dos letras.
const LARGO_DE_TEXTO: usize = 1024;

/// Lo último que falló en este hilo. Sin destructor y sin malloc: nada que liberar cuando el hilo termina.
struct UltimoError {
    hay: Cell<bool>,
    texto: Cell<[u8; LARGO_DE_TEXTO]>,
}

thread_local! {
    static ULTIMO: UltimoError =
        const { UltimoError { hay: Cell::new(false), texto: Cell::new([0; LARGO_DE_TEXTO]) } };
}

/// En cuántos hilos hay un texto. Casi siempre en ninguno, y mirarlo cuesta mucho menos que buscar lo de este hilo.
static CON_TEXTO: AtomicUsize = AtomicUsize::new(0);

/// Lo que una función devuelve cuando falla.
pub(super) trait Centinela {
    const FALLA: Self;
}

impl Centinela for c_int {
    const FALLA: Self = -1;
}

impl<T> Centinela for *mut T {
    const FALLA: Self = ptr::null_mut();
}

impl<T> Centinela for *const T {
    const FALLA: Self = ptr::null();
}

impl Centinela for () {
    const FALLA: Self = ();
}

/// Corre el cuerpo de una función exportada. Si falla, devuelve su centinela.
#[inline(always)]
pub(super) fn guardia<T: Centinela>(cuerpo: impl FnOnce() -> Resultado<T>) -> T {
    guardia_con(cuerpo, |_| T::FALLA)
}

/// Como [`guardia`], para las que andan y aun así tienen algo que contar: deja su texto, y no toca errno.
pub(super) fn guardia_con_aviso<T: Centinela>(cuerpo: impl FnOnce() -> Resultado<(T, Option<Error>)>) -> T {
    let mut aviso = None;
    let valor = guardia(|| {
        let (valor, hay_aviso) = cuerpo()?;
        aviso = hay_aviso;
        Ok(valor)
    });
    if let Some(aviso) = aviso {
        anotar(&aviso);
    }
    valor
}

/// Como [`guardia`], para las que no fallan con un centinela.
#[inline(always)]
pub(super) fn guardia_con<T>(cuerpo: impl FnOnce() -> Resultado<T>, ante: impl Fn(&Error) -> T) -> T {
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
        Err(error) => fallar(error, &ante),
    }));
    salida.unwrap_or_else(|panico| fallar(Error::Panico(texto_del_panico(&*panico)), &ante))
}

#[cold]
#[inline(never)]
fn fallar<T>(error: Error, ante: impl Fn(&Error) -> T) -> T {
    let valor = ante(&error);
    anotar(&error);
    traza::contar_falla(&error);
    let numero = error.errno();
    drop(error);
    // Último: todo lo anterior pudo cambiarlo.
    Errno::de_este_hilo().poner(numero);
    valor
}

fn anotar(error: &Error) {
    let mut linea = Renglon::<LARGO_DE_TEXTO>::vacio();
    let _ = write!(linea, "{error}");
    if linea.bytes().is_empty() {
        // Un texto propio que no se pudo armar.
        let _ = linea.write_str("Algo falló, y no hay memoria para contar qué: mirá errno.");
    }
    ULTIMO.with(|ultimo| {
        ultimo.texto.set(linea.con_final());
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
    ULTIMO.with(|ultimo| if ultimo.hay.get() { ultimo.texto.as_ptr().cast_const().cast() } else { ptr::null() })
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
    #[inline(always)]
    fn de_este_hilo() -> Self {
        // SAFETY: devuelve siempre la dirección del errno de este hilo.
        Self { lugar: unsafe { libc::__errno_location() } }
    }

    #[inline(always)]
    fn valor(&self) -> c_int {
        // SAFETY: el lugar es válido mientras vive el hilo, y un Errno no sale de él: no es Send.
        unsafe { self.lugar.read() }
    }

    #[inline(always)]
    fn poner(&self, valor: c_int) {
        // SAFETY: la misma razón, y sólo este hilo lo escribe.
        unsafe { self.lugar.write(valor) };
    }
}

/// Un número que distingue a este hilo de los demás que hay: la página donde está su errno, que es de su pila.
pub(super) fn este_hilo() -> u32 {
    const BYTES_POR_PAGINA: usize = 4096;
    const CUANTOS: usize = 1 << 32;
    // De a 16 TiB no hay dos pilas: con 32 bits alcanza.
    u32::try_from(Errno::de_este_hilo().lugar.addr() / BYTES_POR_PAGINA % CUANTOS).unwrap_or_default()
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::ffi::CStr;

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
    fn lo_que_anda_no_toca_errno_y_olvida_el_texto() {
        let _: c_int = guardia(|| Err(Error::Fin));
        let errno = Errno::de_este_hilo();
        assert_eq!(errno.valor(), 0);
        assert!(texto().is_some());
        errno.poner(libc::EDOM);
        assert_eq!(guardia(|| Ok(7)), 7);
        assert_eq!(errno.valor(), libc::EDOM);
        assert_eq!(texto(), None);
    }

    #[test]
    fn dos_hilos_se_distinguen() {
        let otro = std::thread::spawn(este_hilo).join().unwrap();
        assert_ne!(otro, este_hilo());
        assert_eq!(este_hilo(), este_hilo());
    }

    #[test]
    fn un_texto_enorme_se_corta_entre_letras_y_en_una_linea() {
        let _: c_int = guardia(|| Err(Error::Argumento(format!("a\nb{}", "ñ".repeat(5000)))));
        let texto = texto().unwrap();
        assert!(texto.starts_with("a bñ") && texto.len() >= LARGO_DE_TEXTO - 4);
    }
}
