//! Lo que la biblioteca imprime, para compararlo.

use std::ffi::c_char;
use std::ptr;
use std::slice;
use std::sync::Mutex;

unsafe extern "C" {
    static mut stdout: *mut libc::FILE;
    fn open_memstream(texto: *mut *mut c_char, largo: *mut usize) -> *mut libc::FILE;
}

/// Una salida de C que va a memoria.
struct Captura {
    salida: *mut libc::FILE,
    texto: Box<(*mut c_char, usize)>,
}

// SAFETY: stdio tiene sus propios cerrojos, y el texto se mira con el Mutex tomado y después de fflush.
unsafe impl Send for Captura {}

static SALIDA: Mutex<Option<Captura>> = Mutex::new(None);

impl Captura {
    fn nueva() -> Self {
        let mut texto = Box::new((ptr::null_mut(), 0));
        // SAFETY: los dos lugares viven tanto como la captura, que es para siempre.
        let salida = unsafe { open_memstream(&raw mut texto.0, &raw mut texto.1) };
        assert!(!salida.is_null(), "sin memoria");
        Self { salida, texto }
    }

    /// Lo impreso desde la última vez.
    fn sacar(&mut self) -> Vec<u8> {
        // SAFETY: es una salida abierta.
        unsafe { libc::fflush(self.salida) };
        // SAFETY: fflush dejó ahí el comienzo y el largo de lo escrito.
        let impreso = unsafe { slice::from_raw_parts(self.texto.0.cast::<u8>(), self.texto.1) }.to_vec();
        // SAFETY: es una salida abierta.
        unsafe { libc::fseek(self.salida, 0, libc::SEEK_SET) };
        impreso
    }
}

/// Desde ahora, lo que se imprima por la salida de C queda en memoria.
pub fn capturar() {
    let salida = Captura::nueva();
    // SAFETY: todavía hay un solo hilo, y glibc deja asignarla.
    unsafe { stdout = salida.salida };
    *SALIDA.lock().unwrap() = Some(salida);
}

/// Lo impreso por la salida desde la última vez.
pub fn impreso() -> Vec<u8> {
    SALIDA.lock().unwrap().as_mut().expect("primero, capturar").sacar()
}
