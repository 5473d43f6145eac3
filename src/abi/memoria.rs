//! Memoria para C: toda de malloc, toda se libera con free.

use std::ffi::{c_int, c_void};
use std::mem::{self, ManuallyDrop, MaybeUninit, size_of};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::tipos::{t_link_element, t_list};
use crate::error::{Error, Resultado};
use crate::invariante::invariante;
use crate::protocolo::en_memoria;

/// Aparte: armar el error en el camino de siempre costaba más que el malloc.
fn sin_memoria(bytes: usize) -> Error {
    Error::SinMemoria { bytes }
}

/// Un bloque de malloc que todavía no se entregó: si algo falla en el camino, se libera.
#[derive(Debug)]
pub(super) struct Bloque {
    lugar: NonNull<MaybeUninit<u8>>,
    largo: usize,
}

impl Bloque {
    pub(super) fn nuevo(largo: usize) -> Resultado<Self> {
        // SAFETY: malloc admite cualquier tamaño. Nunca 0: NULL sería ambiguo.
        let lugar = unsafe { libc::malloc(largo.max(1)) };
        NonNull::new(lugar.cast()).map(|lugar| Self { lugar, largo }).ok_or_else(|| sin_memoria(largo))
    }

    pub(super) fn en_cero(largo: usize) -> Resultado<Self> {
        // SAFETY: calloc admite cualquier tamaño.
        let lugar = unsafe { libc::calloc(largo.max(1), 1) };
        NonNull::new(lugar.cast()).map(|lugar| Self { lugar, largo }).ok_or_else(|| sin_memoria(largo))
    }

    pub(super) fn largo(&self) -> usize {
        self.largo
    }

    /// Cambia el largo. Si no hay memoria, el bloque queda como estaba.
    pub(super) fn medir(&mut self, largo: usize) -> Resultado<()> {
        // SAFETY: `lugar` es de malloc y nadie más lo tiene.
        let nuevo = unsafe { libc::realloc(self.lugar.as_ptr().cast(), largo.max(1)) };
        self.lugar = NonNull::new(nuevo.cast()).ok_or_else(|| sin_memoria(largo))?;
        self.largo = largo;
        Ok(())
    }

    /// Todo el bloque, esté o no escrito.
    pub(super) fn bytes(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: el bloque mide `largo` bytes, es sólo de `self`, y un MaybeUninit no necesita estar escrito.
        unsafe { slice::from_raw_parts_mut(self.lugar.as_ptr(), self.largo) }
    }

    /// Los primeros `cuantos` bytes.
    ///
    /// # Safety
    /// Ya se escribieron.
    pub(super) unsafe fn escritos(&self, cuantos: usize) -> &[u8] {
        let cuantos = invariante!((cuantos <= self.largo).then_some(cuantos));
        // SAFETY: el bloque mide al menos eso, y lo demás lo promete quien llama.
        unsafe { slice::from_raw_parts(self.lugar.as_ptr().cast(), cuantos) }
    }

    /// Escribe `bytes` desde `desde`.
    pub(super) fn escribir(&mut self, desde: usize, bytes: &[u8]) {
        let lugares = invariante!(self.bytes().get_mut(desde..desde + bytes.len()));
        for (lugar, byte) in lugares.iter_mut().zip(bytes) {
            lugar.write(*byte);
        }
    }

    /// Lo que se recibe lleva un `'\0'` escondido detrás: imprimirlo nunca se pasa.
    pub(super) fn terminar_en(&mut self, en: usize) {
        invariante!(self.bytes().get_mut(en)).write(0);
    }

    /// Una copia de `bytes`, con el `'\0'` escondido detrás.
    pub(super) fn con(bytes: &[u8]) -> Resultado<Self> {
        let mut bloque = Self::nuevo(bytes.len().saturating_add(1))?;
        bloque.escribir(0, bytes);
        bloque.terminar_en(bytes.len());
        Ok(bloque)
    }

    /// Lo entrega como un `T`, que tiene que ser de lo que mide.
    pub(super) fn entregar_con<T>(self, valor: T) -> *mut T {
        debug_assert!(self.largo >= size_of::<T>(), "el bloque no mide un T");
        let lugar: *mut T = self.entregar().cast();
        // SAFETY: malloc alinea para cualquier tipo de C, y el bloque se pidió para un T.
        unsafe { lugar.write(valor) };
        lugar
    }

    /// Lo entrega: de ahora en más lo libera quien lo recibe.
    pub(super) fn entregar(self) -> *mut c_void {
        ManuallyDrop::new(self).lugar.as_ptr().cast()
    }
}

impl Drop for Bloque {
    fn drop(&mut self) {
        // SAFETY: es de malloc y no se entregó.
        unsafe { libc::free(self.lugar.as_ptr().cast()) };
    }
}

/// Un `T` en memoria de malloc.
pub(super) fn nuevo<T>(valor: T) -> Resultado<*mut T> {
    Ok(Bloque::nuevo(size_of::<T>())?.entregar_con(valor))
}

/// Libera algo de malloc. NULL no hace nada.
///
/// # Safety
/// Es NULL, o es de malloc y nadie lo usa más.
pub(super) unsafe fn liberar<T>(puntero: *mut T) {
    // SAFETY: es de malloc, y nadie más lo usa.
    unsafe { libc::free(puntero.cast()) };
}

/// El menor límite que se toma en cuenta: con uno de diez bytes, un paquete de dos valores también es legítimo.
const PISO: u32 = 16 * 1024;

/// Lo que malloc gasta en un bloque de `largo` bytes: su cuenta, redondeado, y nunca menos de 32.
#[inline(always)]
fn gasto(largo: usize) -> usize {
    const CUENTA: usize = 8;
    const REDONDEO: usize = 16;
    (largo.max(2 * REDONDEO - CUENTA) + CUENTA + REDONDEO - 1) & !(REDONDEO - 1)
}

/// Una lista en construcción: agregar al final cuesta O(1), y si algo falla se libera entera.
#[derive(Debug)]
pub(super) struct Lista {
    lista: *mut t_list,
    ultimo: *mut t_link_element,
    /// Bytes de memoria que ocupan sus nodos y sus valores, y cuántos pueden.
    ocupa: usize,
    tope: usize,
}

impl Lista {
    /// Una vacía, para los valores de un payload que puede medir hasta `limite` bytes. Ocupan a lo sumo cuatro veces eso: sin tope, 64 MiB
    /// de valores vacíos ocupan 1 GiB.
    pub(super) fn nueva(limite: u32) -> Resultado<Self> {
        let lista = nuevo(t_list { head: ptr::null_mut(), elements_count: 0 })?;
        let tope = en_memoria(limite.max(PISO)).saturating_mul(4);
        Ok(Self { lista, ultimo: ptr::null_mut(), ocupa: 0, tope })
    }

    /// Agrega al final el valor de `largo` bytes que arma `valor`, si hay lugar para él.
    #[inline(always)]
    pub(super) fn agregar(&mut self, largo: usize, valor: impl FnOnce() -> Resultado<Bloque>) -> Resultado<()> {
        self.ocupa += gasto(size_of::<t_link_element>()) + gasto(largo + 1);
        if self.ocupa > self.tope {
            return Err(self.demasiados());
        }
        self.enlazar(valor()?)
    }

    fn demasiados(&self) -> Error {
        // SAFETY: `lista` se hizo en `nueva` y nadie más la tiene todavía.
        let valores = unsafe { (*self.lista).elements_count };
        Error::DemasiadosValores { valores: valores.unsigned_abs() + 1, tope: self.tope }
    }

    #[inline(always)]
    fn enlazar(&mut self, valor: Bloque) -> Resultado<()> {
        // Primero el lugar: el valor se entrega cuando ya nada puede fallar.
        let lugar = Bloque::nuevo(size_of::<t_link_element>())?;
        let nodo = lugar.entregar_con(t_link_element { data: valor.entregar(), next: ptr::null_mut() });
        // SAFETY: `lista` se hizo en `nueva` y nadie más la tiene todavía.
        let lista = unsafe { &mut *self.lista };
        // SAFETY: el último es un nodo de esta lista, o NULL si está vacía.
        match unsafe { self.ultimo.as_mut() } {
            Some(ultimo) => ultimo.next = nodo,
            None => lista.head = nodo,
        }
        self.ultimo = nodo;
        lista.elements_count = lista.elements_count.saturating_add(1);
        Ok(())
    }

    pub(super) fn entregar(self) -> *mut t_list {
        ManuallyDrop::new(self).lista
    }
}

/// Desde cuánto se nota que la memoria liberada no vuelva al sistema. Menos que lo que malloc pide aparte, con mmap.
const GRANDE: usize = 100 * 1024;

impl Drop for Lista {
    fn drop(&mut self) {
        // SAFETY: la lista es de esta sala, está bien formada y no se entregó.
        unsafe { liberar_lista(self.lista) };
        // glibc guarda los bloques chicos liberados de a uno, hasta que alguien pide uno grande: recién entonces los une, y los devuelve.
        if self.ocupa >= GRANDE {
            drop(std::hint::black_box(Bloque::nuevo(GRANDE)));
        }
    }
}

/// Libera una lista, sus nodos y sus valores.
///
/// # Safety
/// Es NULL, o una lista bien formada cuyos nodos y valores son de malloc y que nadie usa más.
pub(super) unsafe fn liberar_lista(lista: *mut t_list) {
    // SAFETY: si no es NULL, es una lista válida.
    let Some(cabeza) = (unsafe { lista.as_ref() }) else {
        return;
    };
    let mut siguiente = cabeza.head;
    // SAFETY: cada nodo de la lista es válido hasta que se lo libera, más abajo, ya leído.
    while let Some(nodo) = unsafe { siguiente.as_ref() } {
        let (este, valor) = (siguiente, nodo.data);
        siguiente = nodo.next;
        // SAFETY: el valor es de malloc.
        unsafe { liberar(valor) };
        // SAFETY: el nodo es de malloc y ya no se mira.
        unsafe { liberar(este) };
    }
    // SAFETY: la lista es de malloc y ya no se mira.
    unsafe { liberar(lista) };
}

type Medir = unsafe extern "C" fn(*mut c_void) -> usize;

/// Con qué se mide un bloque de malloc. La primera vez, se averigua.
static MEDIR: AtomicPtr<c_void> = AtomicPtr::new(averiguar_y_medir as *mut c_void);

/// Lo que cabe de verdad en un bloque de malloc: la única capacidad que se conoce de un stream que hizo el programa. 0: no se sabe.
///
/// # Safety
/// Es NULL o de malloc.
#[inline(always)]
pub(super) unsafe fn capacidad(puntero: *mut c_void) -> usize {
    // SAFETY: lo que se guarda ahí es siempre una función de este tipo.
    let medir = unsafe { mem::transmute::<*mut c_void, Medir>(MEDIR.load(Ordering::Relaxed)) };
    // SAFETY: lo promete quien llama; de NULL, las tres dicen 0.
    unsafe { medir(puntero) }
}

/// # Safety
/// La de `capacidad`.
unsafe extern "C" fn averiguar_y_medir(puntero: *mut c_void) -> usize {
    // SAFETY: busca un símbolo por su nombre; no corre nada.
    let medir = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc_usable_size".as_ptr()) };
    // Un programa que reemplaza malloc no tiene por qué reemplazar también ésta, y la de otro no entiende sus bloques.
    let malloc = libc::malloc as *mut c_void;
    let es_del_mismo = duenio(medir).is_some_and(|suyo| duenio(malloc) == Some(suyo));
    MEDIR.swap(if es_del_mismo { medir } else { no_se_sabe as *mut c_void }, Ordering::Relaxed);
    // SAFETY: si no es NULL, es de malloc.
    unsafe { capacidad(puntero) }
}

unsafe extern "C" fn no_se_sabe(_: *mut c_void) -> usize {
    0
}

/// En qué objeto está una función: el programa, o una de sus bibliotecas.
fn duenio(funcion: *mut c_void) -> Option<*mut c_void> {
    let mut donde = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: sólo mira la dirección, y `donde` es un lugar válido para escribir.
    let esta = unsafe { libc::dladdr(funcion, donde.as_mut_ptr()) } != 0;
    // SAFETY: se pidió en cero, que es un valor válido.
    esta.then(|| unsafe { donde.assume_init() }.dli_fbase)
}

/// Un valor en páginas propias del kernel, no en el heap: lo que la biblioteca recuerda toda la vida no aparece como
/// memoria sin liberar cuando el programa termina.
#[repr(transparent)] // así, una Option suya en cero es None
#[derive(Debug)]
pub(super) struct Pagina<T> {
    lugar: NonNull<T>,
}

// SAFETY: es dueña única de su T, como un Box.
unsafe impl<T: Send> Send for Pagina<T> {}
// SAFETY: la misma razón.
unsafe impl<T: Sync> Sync for Pagina<T> {}

impl<T> Pagina<T> {
    pub(super) fn nueva(valor: T) -> Resultado<Self> {
        let lugar: NonNull<T> = pedir_paginas(size_of::<T>())?.cast();
        // SAFETY: una página está alineada para cualquier T de este crate y mide al menos un T.
        unsafe { lugar.write(valor) };
        Ok(Self { lugar })
    }

    pub(super) fn puntero(&self) -> NonNull<T> {
        self.lugar
    }

    /// La deja para siempre: otro hilo puede estar usándola.
    pub(super) fn dejar(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl<T> Drop for Pagina<T> {
    fn drop(&mut self) {
        // SAFETY: se escribió en `nueva` y sólo se suelta una vez.
        unsafe { self.lugar.drop_in_place() };
        // SAFETY: son las páginas que se pidieron en `nueva`, con el mismo largo.
        unsafe { devolver_paginas(self.lugar.cast(), size_of::<T>()) };
    }
}

/// Páginas nuevas, en cero.
pub(super) fn pedir_paginas(bytes: usize) -> Resultado<NonNull<c_void>> {
    let proteccion = libc::PROT_READ | libc::PROT_WRITE;
    let clase = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: un mapeo anónimo y nuevo no toca memoria de nadie.
    let lugar = unsafe { libc::mmap(ptr::null_mut(), bytes, proteccion, clase, -1, 0) };
    if lugar == libc::MAP_FAILED {
        return Err(Error::SinMemoria { bytes });
    }
    NonNull::new(lugar).ok_or_else(|| sin_memoria(bytes))
}

/// Las devuelve.
///
/// # Safety
/// Vienen de [`pedir_paginas`] con ese largo, y nadie las usa más.
pub(super) unsafe fn devolver_paginas(lugar: NonNull<c_void>, bytes: usize) {
    // SAFETY: es de mmap, mide eso, y nadie más lo usa.
    let _: c_int = unsafe { libc::munmap(lugar.as_ptr(), bytes) };
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn la_cuenta_es_lo_que_malloc_gasta() {
        // Con AddressSanitizer, malloc es otro, y gasta otra cosa.
        if duenio(libc::malloc as *mut c_void) != duenio(libc::getpid as *mut c_void) {
            return;
        }
        for largo in (1..3000).chain([60_000, 100_001]) {
            let bloque = Bloque::nuevo(largo).unwrap().entregar();
            // SAFETY: es de malloc.
            let cabe = unsafe { libc::malloc_usable_size(bloque) };
            assert!(gasto(largo) <= cabe + 8 && gasto(largo) + 16 >= cabe + 8, "{largo}: {} y {cabe}", gasto(largo));
            // SAFETY: se acaba de pedir.
            unsafe { liberar(bloque) };
        }
    }

    #[test]
    fn lo_que_pasa_del_tope_no_se_agrega_ni_se_arma() {
        let mut lista = Lista::nueva(PISO).unwrap();
        let caben = 4 * PISO / 64;
        for _ in 0..caben {
            lista.agregar(23, || Bloque::con(&[0; 23])).unwrap();
        }
        let error = lista.agregar(0, || unreachable!("no hay lugar")).unwrap_err();
        assert!(matches!(error, Error::DemasiadosValores { valores, tope: 65_536 } if valores == caben + 1));
        assert_eq!(error.errno(), libc::EMSGSIZE);
    }
}
