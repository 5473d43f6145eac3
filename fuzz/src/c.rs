//! La cara de C, como la ve un programa: las mismas funciones exportadas, por su nombre.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::slice;

// Sin esto, el enlazador no encontraría las funciones: nadie más nombra a la biblioteca.
use tp0 as _;

#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[repr(C)]
pub struct t_buffer {
    size: c_int,
    offset: u32,
    stream: *mut c_void,
}

#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[repr(C)]
pub struct t_paquete {
    codigo_operacion: c_int,
    buffer: *mut t_buffer,
}

#[repr(C)]
struct Nodo {
    data: *mut c_void,
    next: *mut Nodo,
}

#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
#[repr(C)]
pub struct t_list {
    head: *mut Nodo,
    elements_count: c_int,
}

// Las que reciben un `&mut t_buffer` son seguras porque sólo [`Buffer`] hace uno.
unsafe extern "C" {
    pub safe fn recibir_operacion(conexion: c_int) -> c_int;
    safe fn recibir_buffer(size: Option<&mut c_int>, conexion: c_int) -> *mut c_void;
    pub safe fn recibir_mensaje(conexion: c_int) -> c_int;
    safe fn recibir_paquete(conexion: c_int) -> *mut t_list;
    safe fn tp0_recibir(conexion: c_int) -> *mut t_paquete;
    safe fn tp0_recibir_mensaje(conexion: c_int) -> *mut c_char;
    safe fn tp0_valores(paquete: Option<&t_paquete>) -> *mut t_list;
    fn tp0_liberar_lista(lista: *mut t_list);
    fn eliminar_paquete(paquete: *mut t_paquete);
    safe fn crear_paquete() -> *mut t_paquete;
    fn agregar_a_paquete(paquete: *mut t_paquete, valor: *const c_void, tamanio: c_int) -> c_int;
    pub safe fn liberar_conexion(descriptor: c_int) -> c_int;
    pub safe fn tp0_conexion_activa(conexion: c_int) -> c_int;
    safe fn tp0_error() -> *const c_char;
    fn tp0_iniciar_servidor(ip: *const c_char, puerto: *const c_char) -> c_int;
    pub safe fn tp0_puerto(descriptor: c_int) -> c_int;
    pub safe fn tp0_esperar_cliente(servidor: c_int, handshake: Option<&mut i32>) -> c_int;

    safe fn buffer_create(size: u32) -> *mut t_buffer;
    fn buffer_add(buffer: &mut t_buffer, data: *const c_void, size: u32) -> c_int;
    safe fn buffer_add_uint8(buffer: &mut t_buffer, data: u8) -> c_int;
    safe fn buffer_add_bool(buffer: &mut t_buffer, data: bool) -> c_int;
    safe fn buffer_add_uint32(buffer: &mut t_buffer, data: u32) -> c_int;
    safe fn buffer_add_int32(buffer: &mut t_buffer, data: i32) -> c_int;
    safe fn buffer_add_uint64(buffer: &mut t_buffer, data: u64) -> c_int;
    safe fn buffer_add_int64(buffer: &mut t_buffer, data: i64) -> c_int;
    safe fn buffer_add_double(buffer: &mut t_buffer, data: f64) -> c_int;
    fn buffer_add_string(buffer: &mut t_buffer, length: u32, string: *const c_char) -> c_int;
    fn buffer_read(buffer: &mut t_buffer, data: *mut c_void, size: u32) -> c_int;
    safe fn buffer_read_uint8(buffer: &mut t_buffer) -> u8;
    safe fn buffer_read_bool(buffer: &mut t_buffer) -> bool;
    safe fn buffer_read_uint32(buffer: &mut t_buffer) -> u32;
    safe fn buffer_read_int32(buffer: &mut t_buffer) -> i32;
    safe fn buffer_read_uint64(buffer: &mut t_buffer) -> u64;
    safe fn buffer_read_int64(buffer: &mut t_buffer) -> i64;
    safe fn buffer_read_double(buffer: &mut t_buffer) -> f64;
    safe fn buffer_read_string(buffer: &mut t_buffer, length: Option<&mut u32>) -> *mut c_char;
}

/// El `errno` de este hilo.
pub fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Pone en `errno` algo que ninguna función deja: si después sigue ahí, no lo tocaron.
pub fn ensuciar_errno() {
    // SAFETY: devuelve siempre la dirección del errno de este hilo.
    let lugar = unsafe { libc::__errno_location() };
    // SAFETY: esa dirección es válida mientras vive el hilo.
    unsafe { lugar.write(libc::EXFULL) };
}

/// Lo que dice `tp0_error()`, que tiene que ser un texto de una línea.
pub fn error() -> Option<String> {
    let texto = tp0_error();
    if texto.is_null() {
        return None;
    }
    // SAFETY: no es NULL, y vale hasta la próxima llamada de este hilo.
    let texto = unsafe { CStr::from_ptr(texto) }.to_str().expect("el texto de un error tiene que ser UTF-8").to_owned();
    assert!(!texto.is_empty() && !texto.contains(char::is_control), "no es un texto de una línea: {texto:?}");
    Some(texto)
}

/// Una copia de los `largo` bytes de un bloque de malloc que además lleva el `'\0'` escondido.
fn copiar(bloque: *mut c_void, largo: usize) -> Vec<u8> {
    // SAFETY: es de malloc.
    let cabe = unsafe { libc::malloc_usable_size(bloque) };
    assert!(cabe > largo, "no entra el '\\0' escondido: {cabe} bytes para {largo}");
    // SAFETY: se acaba de ver que mide más que `largo`; quien llama lo recibió escrito.
    let mut bytes = unsafe { slice::from_raw_parts(bloque.cast::<u8>(), largo + 1) }.to_vec();
    assert_eq!(bytes.pop(), Some(0), "falta el '\\0' escondido");
    bytes
}

/// Lo mismo, y lo libera.
fn tomar(bloque: *mut c_void, largo: usize) -> Vec<u8> {
    let bytes = copiar(bloque, largo);
    // SAFETY: es de malloc, y es de quien lo recibió.
    unsafe { libc::free(bloque) };
    bytes
}

/// El texto de un bloque de malloc, y lo libera.
fn tomar_texto(texto: *mut c_char) -> Vec<u8> {
    // SAFETY: es un texto terminado en '\0'.
    let largo = unsafe { CStr::from_ptr(texto) }.count_bytes();
    tomar(texto.cast(), largo)
}

/// Cómo se libera una lista.
#[derive(PartialEq, Eq)]
enum Liberar {
    /// Como lo hace commons, con free. No cambia `tp0_error()`.
    AMano,
    /// Con `tp0_liberar_lista()`.
    ConLaBiblioteca,
}

/// Los valores de una lista cuyos largos se conocen de antemano, porque ella no los dice. La libera.
fn tomar_lista(lista: *mut t_list, largos: &[usize], como: Liberar) -> Vec<Vec<u8>> {
    let mut valores = Vec::new();
    // SAFETY: es una lista que la biblioteca acaba de entregar.
    let cabeza = unsafe { &*lista };
    assert_eq!(cabeza.elements_count, largos.len() as c_int, "otra cantidad de valores");
    let mut siguiente = cabeza.head;
    for largo in largos {
        assert!(!siguiente.is_null(), "la lista tiene menos nodos que lo que dice");
        let este = siguiente;
        // SAFETY: no es NULL, y es un nodo de la lista.
        let nodo = unsafe { &*este };
        siguiente = nodo.next;
        valores.push(copiar(nodo.data, *largo));
        if como == Liberar::AMano {
            // SAFETY: el valor es de malloc.
            unsafe { libc::free(nodo.data) };
            // SAFETY: el nodo es de malloc y no se mira más.
            unsafe { libc::free(este.cast()) };
        }
    }
    assert!(siguiente.is_null(), "la lista tiene más nodos que lo que dice");
    match como {
        // SAFETY: ya no queda nada que cuelgue de ella.
        Liberar::AMano => unsafe { libc::free(lista.cast()) },
        // SAFETY: está entera, y nadie más la usa.
        Liberar::ConLaBiblioteca => unsafe { tp0_liberar_lista(lista) },
    }
    valores
}

/// `recibir_buffer()`, comprobando que el tamaño y el puntero digan lo mismo.
pub fn recibir_buffer_en(conexion: c_int) -> Option<Vec<u8>> {
    let mut tamanio = -7;
    let bloque = recibir_buffer(Some(&mut tamanio), conexion);
    if bloque.is_null() {
        assert_eq!(tamanio, 0, "ante un error, el tamaño es 0");
        return None;
    }
    Some(tomar(bloque, usize::try_from(tamanio).expect("tamaño negativo")))
}

/// `recibir_paquete()`: los valores, que tienen que ser tantos y de tales largos. Nunca es NULL.
pub fn recibir_paquete_en(conexion: c_int, largos: &[usize]) -> Vec<Vec<u8>> {
    let lista = recibir_paquete(conexion);
    assert!(!lista.is_null(), "recibir_paquete nunca da NULL");
    tomar_lista(lista, largos, Liberar::AMano)
}

/// `tp0_recibir_mensaje()`.
pub fn recibir_mensaje_en(conexion: c_int) -> Option<Vec<u8>> {
    let texto = tp0_recibir_mensaje(conexion);
    (!texto.is_null()).then(|| tomar_texto(texto))
}

/// Un mensaje recibido con `tp0_recibir()`.
pub struct Recibido(*mut t_paquete);

impl Recibido {
    pub fn de(conexion: c_int) -> Option<Self> {
        let paquete = tp0_recibir(conexion);
        (!paquete.is_null()).then(|| Self(paquete))
    }

    fn paquete(&self) -> &t_paquete {
        // SAFETY: lo entregó la biblioteca, y es de este Recibido hasta que se suelte.
        unsafe { &*self.0 }
    }

    pub fn codigo(&self) -> i32 {
        self.paquete().codigo_operacion
    }

    pub fn payload(&self) -> Vec<u8> {
        // SAFETY: el paquete es de la biblioteca, con su buffer.
        let buffer = unsafe { &*self.paquete().buffer };
        assert_eq!(buffer.offset, 0, "se lee desde el comienzo");
        let largo = usize::try_from(buffer.size).expect("tamaño negativo");
        // SAFETY: el stream mide `size` bytes y uno más, con el '\0' escondido.
        let mut bytes = unsafe { slice::from_raw_parts(buffer.stream.cast::<u8>(), largo + 1) }.to_vec();
        assert_eq!(bytes.pop(), Some(0), "falta el '\\0' escondido");
        bytes
    }

    /// `tp0_valores()`.
    pub fn valores(&self, largos: &[usize]) -> Option<Vec<Vec<u8>>> {
        let lista = tp0_valores(Some(self.paquete()));
        (!lista.is_null()).then(|| tomar_lista(lista, largos, Liberar::ConLaBiblioteca))
    }
}

impl Drop for Recibido {
    fn drop(&mut self) {
        // SAFETY: es de la biblioteca y nadie más lo usa.
        unsafe { eliminar_paquete(self.0) };
    }
}

/// El payload que arman `crear_paquete` y `agregar_a_paquete` con estos valores.
pub fn armar_paquete<'a>(valores: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let paquete = crear_paquete();
    for valor in valores {
        let tamanio = c_int::try_from(valor.len()).expect("valor enorme");
        // SAFETY: el paquete es de la biblioteca, y el valor mide lo que se dice.
        assert_eq!(unsafe { agregar_a_paquete(paquete, valor.as_ptr().cast(), tamanio) }, 0);
    }
    // SAFETY: lo hizo crear_paquete.
    let contenido = unsafe { &*paquete };
    assert_eq!(contenido.codigo_operacion, 1, "PAQUETE");
    // SAFETY: crear_paquete le pone un buffer.
    let buffer = unsafe { &*contenido.buffer };
    let payload = match buffer.size {
        0 => Vec::new(),
        // SAFETY: el stream mide `size` bytes.
        size => unsafe { slice::from_raw_parts(buffer.stream.cast::<u8>(), size as usize) }.to_vec(),
    };
    // SAFETY: es de la biblioteca y nadie más lo usa.
    unsafe { eliminar_paquete(paquete) };
    payload
}

/// `tp0_valores()` sobre un payload que no vino de la red.
pub fn valores_de(payload: &[u8], largos: &[usize]) -> Option<Vec<Vec<u8>>> {
    let mut buffer = Buffer::con(payload, 0);
    let paquete = t_paquete { codigo_operacion: 1, buffer: &raw mut buffer.0 };
    let lista = tp0_valores(Some(&paquete));
    (!lista.is_null()).then(|| tomar_lista(lista, largos, Liberar::ConLaBiblioteca))
}

/// Un socket que escucha en 127.0.0.1 con lo que diga el entorno.
pub fn escuchar() -> c_int {
    // SAFETY: los dos son textos.
    let servidor = unsafe { tp0_iniciar_servidor(c"127.0.0.1".as_ptr(), c"0".as_ptr()) };
    assert!(servidor > 2, "{:?}", error());
    servidor
}

/// Un `t_buffer` bien formado, o mal formado sólo en su `offset`: lo que mide su stream es exactamente lo que dice.
pub struct Buffer(t_buffer);

impl Buffer {
    /// Uno con estos bytes. Su stream mide justo eso: leer uno de más lo ve AddressSanitizer.
    pub fn con(bytes: &[u8], offset: u32) -> Self {
        let size = c_int::try_from(bytes.len()).expect("payload enorme");
        if bytes.is_empty() {
            return Self(t_buffer { size, offset, stream: ptr::null_mut() });
        }
        // SAFETY: malloc admite cualquier tamaño.
        let stream = unsafe { libc::malloc(bytes.len()) };
        assert!(!stream.is_null(), "sin memoria");
        // SAFETY: el bloque es nuevo y mide lo mismo.
        unsafe { stream.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Self(t_buffer { size, offset, stream })
    }

    /// `buffer_create()`, con su `t_buffer` copiado afuera.
    pub fn nuevo(size: u32) -> Self {
        let buffer = buffer_create(size);
        assert!(!buffer.is_null(), "{:?}", error());
        // SAFETY: lo hizo buffer_create; su stream pasa a la copia.
        let propio = Self(unsafe { buffer.read() });
        // SAFETY: es de malloc; el stream no se toca.
        unsafe { libc::free(buffer.cast()) };
        propio
    }

    pub fn offset(&self) -> u32 {
        self.0.offset
    }

    pub fn mover(&mut self, offset: u32) {
        self.0.offset = offset;
    }

    pub fn bytes(&self) -> &[u8] {
        if self.0.size == 0 {
            return &[];
        }
        // SAFETY: el stream mide `size` bytes.
        unsafe { slice::from_raw_parts(self.0.stream.cast(), usize::try_from(self.0.size).expect("tamaño negativo")) }
    }

    pub fn agregar(&mut self, bytes: &[u8]) -> c_int {
        // SAFETY: `bytes` mide lo que se dice.
        unsafe { buffer_add(&mut self.0, bytes.as_ptr().cast(), bytes.len() as u32) }
    }

    pub fn agregar_texto(&mut self, bytes: &[u8]) -> c_int {
        // SAFETY: `bytes` mide lo que se dice.
        unsafe { buffer_add_string(&mut self.0, bytes.len() as u32, bytes.as_ptr().cast()) }
    }

    pub fn agregar_fijo(&mut self, dato: Fijo) -> c_int {
        match dato {
            Fijo::U8(dato) => buffer_add_uint8(&mut self.0, dato),
            Fijo::Bool(dato) => buffer_add_bool(&mut self.0, dato),
            Fijo::U32(dato) => buffer_add_uint32(&mut self.0, dato),
            Fijo::I32(dato) => buffer_add_int32(&mut self.0, dato),
            Fijo::U64(dato) => buffer_add_uint64(&mut self.0, dato),
            Fijo::I64(dato) => buffer_add_int64(&mut self.0, dato),
            Fijo::F64(dato) => buffer_add_double(&mut self.0, f64::from_bits(dato)),
        }
    }

    /// Lee un dato de la misma clase que `como`.
    pub fn leer_fijo(&mut self, como: Fijo) -> Fijo {
        match como {
            Fijo::U8(_) => Fijo::U8(buffer_read_uint8(&mut self.0)),
            Fijo::Bool(_) => Fijo::Bool(buffer_read_bool(&mut self.0)),
            Fijo::U32(_) => Fijo::U32(buffer_read_uint32(&mut self.0)),
            Fijo::I32(_) => Fijo::I32(buffer_read_int32(&mut self.0)),
            Fijo::U64(_) => Fijo::U64(buffer_read_uint64(&mut self.0)),
            Fijo::I64(_) => Fijo::I64(buffer_read_int64(&mut self.0)),
            Fijo::F64(_) => Fijo::F64(buffer_read_double(&mut self.0).to_bits()),
        }
    }

    /// `buffer_read()` a un lugar que mide justo lo pedido y empieza sucio. `None`: no leyó, y no tocó el lugar.
    pub fn leer(&mut self, cuantos: usize) -> Option<Vec<u8>> {
        let mut lugar = vec![0xA5; cuantos];
        // SAFETY: el lugar mide lo que se dice.
        if unsafe { buffer_read(&mut self.0, lugar.as_mut_ptr().cast(), cuantos as u32) } == 0 {
            return Some(lugar);
        }
        assert!(lugar.iter().all(|byte| *byte == 0xA5), "una lectura que no entra no escribe nada");
        None
    }

    /// `buffer_read_string()`.
    pub fn leer_texto(&mut self, con_largo: bool) -> Option<Vec<u8>> {
        let mut largo = 77;
        let texto = buffer_read_string(&mut self.0, con_largo.then_some(&mut largo));
        if texto.is_null() {
            assert!(!con_largo || largo == 0, "ante un error, el largo es 0");
            return None;
        }
        Some(if con_largo { tomar(texto.cast(), largo as usize) } else { tomar_texto(texto) })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: el stream es de malloc o NULL, y sólo de este buffer.
        unsafe { libc::free(self.0.stream) };
    }
}

/// Un dato de largo fijo. El real va por sus bits: así dos NaN iguales son iguales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fijo {
    U8(u8),
    Bool(bool),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    F64(u64),
}
