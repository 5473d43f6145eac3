//! Una biblioteca con la interfaz de C del TP0, cargada mientras corre: ésta, o la de manual.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{ptr, slice};

use super::cargas::{Extremo, Implementacion};

#[repr(C)]
struct Nodo {
    data: *mut c_void,
    next: *mut Nodo,
}

#[repr(C)]
struct Lista {
    head: *mut Nodo,
    elements_count: c_int,
}

/// Una función con su tipo, buscada por su nombre.
macro_rules! funciones {
    ($($nombre:ident: fn($($tipo:ty),*) -> $salida:ty;)*) => {
        #[derive(Clone, Copy)]
        struct Funciones {
            $($nombre: unsafe extern "C" fn($($tipo),*) -> $salida,)*
        }

        impl Funciones {
            fn cargar(biblioteca: &Path) -> Self {
                let biblioteca = Cargada::nueva(biblioteca);
                // SAFETY: son las del TP0, que tienen estos tipos.
                Self { $($nombre: unsafe {
                    std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($tipo),*) -> $salida>(
                        biblioteca.buscar(stringify!($nombre)))
                },)* }
            }
        }
    };
}

funciones! {
    iniciar_servidor: fn() -> c_int;
    esperar_cliente: fn(c_int) -> c_int;
    crear_conexion: fn(*const c_char, *const c_char) -> c_int;
    enviar_mensaje: fn(*const c_char, c_int) -> c_int;
    crear_paquete: fn() -> *mut c_void;
    agregar_a_paquete: fn(*mut c_void, *const c_void, c_int) -> c_int;
    enviar_paquete: fn(*mut c_void, c_int) -> c_int;
    eliminar_paquete: fn(*mut c_void) -> ();
    recibir_operacion: fn(c_int) -> c_int;
    recibir_buffer: fn(*mut c_int, c_int) -> *mut c_void;
    recibir_paquete: fn(c_int) -> *mut Lista;
    liberar_conexion: fn(c_int) -> c_int;
}

struct Cargada {
    manija: *mut c_void,
}

impl Cargada {
    fn nueva(biblioteca: &Path) -> Self {
        let ruta = CString::new(biblioteca.to_str().unwrap()).unwrap();
        // SAFETY: cargar estas bibliotecas no corre nada que dependa de este programa.
        let manija = unsafe { libc::dlopen(ruta.as_ptr(), libc::RTLD_NOW) };
        assert!(!manija.is_null(), "no se pudo cargar {}", biblioteca.display());
        Self { manija }
    }

    fn buscar(&self, nombre: &str) -> *mut c_void {
        let nombre_de_c = CString::new(nombre).unwrap();
        // SAFETY: la manija es de dlopen.
        let hallada = unsafe { libc::dlsym(self.manija, nombre_de_c.as_ptr()) };
        assert!(!hallada.is_null(), "falta {nombre}");
        hallada
    }
}

pub struct Biblioteca {
    funciones: Funciones,
}

pub struct DeC {
    funciones: Funciones,
    conexion: c_int,
    /// `tp0_recibir` y `eliminar_paquete`, si los mensajes se reciben de una vez.
    recibir_entero: Option<unsafe extern "C" fn(c_int) -> *mut Paquete>,
}

#[repr(C)]
struct Buffer {
    size: c_int,
    offset: u32,
    stream: *mut c_void,
}

#[repr(C)]
struct Paquete {
    codigo_operacion: c_int,
    buffer: *mut Buffer,
}

fn ruta_del_manual() -> PathBuf {
    super::aca().join("libmanual.so")
}

fn ruta_de_tp0() -> PathBuf {
    super::aca().join("libtp0.so")
}

pub fn compilar_manual() {
    let fuente = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/manual.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-o"]).arg(ruta_del_manual()).arg(fuente);
    assert!(gcc.status().expect("hace falta gcc").success());
}

impl Biblioteca {
    pub fn manual() -> Self {
        Self { funciones: Funciones::cargar(&ruta_del_manual()) }
    }

    pub fn tp0() -> Self {
        Self { funciones: Funciones::cargar(&ruta_de_tp0()) }
    }

    fn extremo(&self, conexion: c_int) -> DeC {
        assert!(conexion >= 0, "no hay conexión");
        DeC { funciones: self.funciones, conexion, recibir_entero: None }
    }
}

impl Implementacion for Biblioteca {
    type Escucha = c_int;
    type Extremo = DeC;

    fn escuchar(&self) -> (c_int, u16) {
        // SAFETY: no tiene condiciones.
        let escucha = unsafe { (self.funciones.iniciar_servidor)() };
        (escucha, puerto_de(escucha))
    }

    fn aceptar(&self, escucha: &c_int) -> DeC {
        // SAFETY: escucha desde `escuchar`.
        self.extremo(unsafe { (self.funciones.esperar_cliente)(*escucha) })
    }

    fn conectar(&self, puerto: u16) -> DeC {
        let puerto = CString::new(puerto.to_string()).unwrap();
        // SAFETY: los dos textos terminan en '\0'.
        self.extremo(unsafe { (self.funciones.crear_conexion)(c"127.0.0.1".as_ptr(), puerto.as_ptr()) })
    }
}

fn puerto_de(escucha: c_int) -> u16 {
    // SAFETY: todo en cero es una dirección válida.
    let mut direccion: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    let mut largo = size_of_val(&direccion) as libc::socklen_t;
    // SAFETY: la dirección es un lugar válido para escribir, de ese largo.
    let salida = unsafe { libc::getsockname(escucha, (&raw mut direccion).cast(), &raw mut largo) };
    assert_eq!(salida, 0, "no escucha");
    u16::from_be(direccion.sin_port)
}

impl Extremo for DeC {
    fn enviar_mensaje(&mut self, texto: &str) {
        // Como lo tendría un programa en C: terminado en '\0'.
        let mut con_final = [0; 64];
        con_final[..texto.len()].copy_from_slice(texto.as_bytes());
        // SAFETY: termina en '\0'.
        unsafe { (self.funciones.enviar_mensaje)(con_final.as_ptr().cast(), self.conexion) };
    }

    fn recibir<R>(&mut self, ver: impl FnOnce(&[u8]) -> R) -> R {
        if let Some(recibir) = self.recibir_entero {
            // SAFETY: la conexión está abierta.
            let paquete = unsafe { recibir(self.conexion) };
            // SAFETY: es un paquete nuevo.
            let buffer = unsafe { (*paquete).buffer };
            // SAFETY: con su buffer.
            let Buffer { size: largo, stream: payload, .. } = unsafe { buffer.read() };
            // SAFETY: el payload mide eso, y es de este hilo.
            let visto = ver(unsafe { slice::from_raw_parts(payload.cast(), largo as usize - 1) });
            // SAFETY: nadie más lo tiene.
            unsafe { (self.funciones.eliminar_paquete)(paquete.cast()) };
            return visto;
        }
        let mut largo = 0;
        // SAFETY: la conexión está abierta.
        assert_eq!(unsafe { (self.funciones.recibir_operacion)(self.conexion) }, 0);
        // SAFETY: `largo` es un entero de este hilo.
        let payload = unsafe { (self.funciones.recibir_buffer)(&raw mut largo, self.conexion) };
        assert!(!payload.is_null());
        // SAFETY: el payload mide eso, y es de este hilo.
        let visto = ver(unsafe { slice::from_raw_parts(payload.cast(), largo as usize - 1) });
        // SAFETY: es de malloc y no se usa más.
        unsafe { libc::free(payload) };
        visto
    }

    fn enviar_paquete(&mut self, valores: usize, valor: &[u8]) {
        let de = &self.funciones;
        // SAFETY: no tiene condiciones.
        let paquete = unsafe { (de.crear_paquete)() };
        for _ in 0..valores {
            // SAFETY: el valor mide lo que se dice.
            unsafe { (de.agregar_a_paquete)(paquete, valor.as_ptr().cast(), valor.len() as c_int) };
        }
        // SAFETY: el paquete está bien formado.
        unsafe { (de.enviar_paquete)(paquete, self.conexion) };
        // SAFETY: no se usa más.
        unsafe { (de.eliminar_paquete)(paquete) };
    }

    fn recibir_paquete(&mut self) -> (usize, usize) {
        // SAFETY: la conexión está abierta.
        assert_eq!(unsafe { (self.funciones.recibir_operacion)(self.conexion) }, 1);
        // SAFETY: la misma razón.
        let lista = unsafe { (self.funciones.recibir_paquete)(self.conexion) };
        let mut suma = 0;
        // SAFETY: es una lista nueva y bien formada.
        let Lista { head: mut nodo, elements_count: cuantos } = unsafe { lista.read() };
        while !nodo.is_null() {
            // SAFETY: es un nodo de esa lista.
            let Nodo { data: valor, next: siguiente } = unsafe { nodo.read() };
            // SAFETY: tiene un valor de al menos un byte.
            suma += usize::from(unsafe { valor.cast::<u8>().read() });
            // SAFETY: es de malloc y no se usa más.
            unsafe { libc::free(valor) };
            // SAFETY: la misma razón.
            unsafe { libc::free(nodo.cast()) };
            nodo = siguiente;
        }
        // SAFETY: la misma razón.
        unsafe { libc::free(lista.cast()) };
        (cuantos as usize, suma)
    }

    fn esperar_el_final(&mut self) {
        // SAFETY: la conexión está abierta.
        assert_eq!(unsafe { (self.funciones.recibir_operacion)(self.conexion) }, -1);
    }
}

impl Drop for DeC {
    fn drop(&mut self) {
        // SAFETY: liberar una que ya terminó no hace daño en ninguna de las dos.
        unsafe { (self.funciones.liberar_conexion)(self.conexion) };
    }
}

/// Esta biblioteca, con lo que no está en el TP0: recibir de una vez y atender a muchos.
pub struct Entera {
    biblioteca: Biblioteca,
    recibir: unsafe extern "C" fn(c_int) -> *mut Paquete,
    atender: unsafe extern "C" fn(c_int, extern "C" fn(c_int, *mut c_void), *mut c_void) -> c_int,
    detener: unsafe extern "C" fn(c_int) -> c_int,
    texto_del_error: unsafe extern "C" fn() -> *const c_char,
}

impl Entera {
    pub fn tp0() -> Self {
        let cargada = Cargada::nueva(&ruta_de_tp0());
        let buscar = |nombre| cargada.buscar(nombre);
        Self {
            biblioteca: Biblioteca::tp0(),
            // SAFETY: cada una tiene ese tipo, el de tp0.h.
            recibir: unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> *mut Paquete>(buscar("tp0_recibir"))
            },
            // SAFETY: la misma razón.
            atender: unsafe {
                std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(c_int, extern "C" fn(c_int, *mut c_void), *mut c_void) -> c_int,
                >(buscar("tp0_atender"))
            },
            // SAFETY: la misma razón.
            detener: unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> c_int>(buscar("tp0_detener"))
            },
            // SAFETY: la misma razón.
            texto_del_error: unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *const c_char>(buscar("tp0_error"))
            },
        }
    }

    fn que_salio_mal(&self) -> String {
        // SAFETY: no tiene condiciones.
        let texto = unsafe { (self.texto_del_error)() };
        if texto.is_null() {
            return String::new();
        }
        // SAFETY: si no es NULL, es un texto terminado en '\0'.
        unsafe { CStr::from_ptr(texto) }.to_string_lossy().into_owned()
    }

    fn que_reciba_de_una_vez(&self, extremo: DeC) -> DeC {
        let mut extremo = extremo;
        extremo.recibir_entero = Some(self.recibir);
        extremo
    }
}

/// Lo que `tp0_atender` le pasa a cada cliente.
struct Contexto<'a> {
    entera: &'a Entera,
    atender: &'a (dyn Fn(&mut DeC) + Sync),
    faltan: &'a std::sync::Mutex<usize>,
    ninguno: &'a std::sync::Condvar,
}

extern "C" fn atender_a_uno(cliente: c_int, contexto: *mut c_void) {
    // SAFETY: es el que se le dio a tp0_atender, que vive más que ella.
    let contexto = unsafe { &*contexto.cast::<Contexto<'_>>() };
    let extremo = contexto.entera.biblioteca.extremo(cliente);
    // La conexión la libera tp0_atender.
    let mut extremo = std::mem::ManuallyDrop::new(contexto.entera.que_reciba_de_una_vez(extremo));
    (contexto.atender)(&mut extremo);
    let mut faltan = contexto.faltan.lock().unwrap();
    *faltan -= 1;
    if *faltan == 0 {
        contexto.ninguno.notify_all();
    }
}

impl Implementacion for Entera {
    type Escucha = c_int;
    type Extremo = DeC;

    fn escuchar(&self) -> (c_int, u16) {
        self.biblioteca.escuchar()
    }

    fn aceptar(&self, escucha: &c_int) -> DeC {
        self.que_reciba_de_una_vez(self.biblioteca.aceptar(escucha))
    }

    fn conectar(&self, puerto: u16) -> DeC {
        self.que_reciba_de_una_vez(self.biblioteca.conectar(puerto))
    }

    fn atender(&self, escucha: &c_int, cuantos: usize, atender: impl Fn(&mut DeC) + Sync) {
        let (faltan, ninguno) = (std::sync::Mutex::new(cuantos), std::sync::Condvar::new());
        let contexto = Contexto { entera: self, atender: &atender, faltan: &faltan, ninguno: &ninguno };
        std::thread::scope(|hilos| {
            hilos.spawn(|| {
                let mut cuenta = faltan.lock().unwrap();
                while *cuenta > 0 {
                    cuenta = ninguno.wait(cuenta).unwrap();
                }
                drop(cuenta);
                // SAFETY: el servidor está abierto hasta que este hilo termina.
                unsafe { (self.detener)(*escucha) };
            });
            // SAFETY: el contexto vive más que la llamada.
            let salida = unsafe { (self.atender)(*escucha, atender_a_uno, ptr::from_ref(&contexto).cast_mut().cast()) };
            // SAFETY: si falló, hay un texto terminado en '\0'.
            assert_eq!(salida, 0, "{}", self.que_salio_mal());
        });
    }
}
