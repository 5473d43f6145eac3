//! Memoria para C: toda de malloc, toda se libera con free.

use std::ffi::{c_int, c_void};
use std::mem::{ManuallyDrop, MaybeUninit, size_of};
use std::ptr::{self, NonNull};
use std::slice;

use super::tipos::{t_link_element, t_list};
use crate::error::{Error, Resultado};

/// Aparte: armar el error en el camino de siempre costaba más que el malloc.
#[cold]
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
        let cuantos = cuantos.min(self.largo);
        // SAFETY: el bloque mide al menos eso, y lo demás lo promete quien llama.
        unsafe { slice::from_raw_parts(self.lugar.as_ptr().cast(), cuantos) }
    }

    /// Escribe `bytes` desde `desde`.
    pub(super) fn escribir(&mut self, desde: usize, bytes: &[u8]) {
        let libre = self.bytes().get_mut(desde..).unwrap_or_default();
        for (lugar, byte) in libre.iter_mut().zip(bytes) {
            lugar.write(*byte);
        }
    }

    /// Lo que se recibe lleva un `'\0'` escondido detrás: imprimirlo nunca se pasa.
    pub(super) fn terminar_en(&mut self, en: usize) {
        if let Some(lugar) = self.bytes().get_mut(en) {
            lugar.write(0);
        }
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
    // SAFETY: lo promete quien llama.
    unsafe { libc::free(puntero.cast()) };
}

/// Una lista en construcción: agregar al final cuesta O(1), y si algo falla se libera entera.
#[derive(Debug)]
pub(super) struct Lista {
    lista: *mut t_list,
    ultimo: *mut t_link_element,
}

impl Lista {
    pub(super) fn nueva() -> Resultado<Self> {
        let lista = nuevo(t_list { head: ptr::null_mut(), elements_count: 0 })?;
        Ok(Self { lista, ultimo: ptr::null_mut() })
    }

    pub(super) fn agregar(&mut self, valor: Bloque) -> Resultado<()> {
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

impl Drop for Lista {
    fn drop(&mut self) {
        // SAFETY: la lista es de esta sala, está bien formada y no se entregó.
        unsafe { liberar_lista(self.lista) };
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

/// Lo que cabe de verdad en un bloque de malloc: la única capacidad que se conoce de un stream que hizo el programa.
///
/// # Safety
/// Es NULL o de malloc.
pub(super) unsafe fn capacidad(puntero: *mut c_void) -> usize {
    // SAFETY: lo promete quien llama; de NULL dice 0.
    unsafe { libc::malloc_usable_size(puntero) }
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
    // SAFETY: lo promete quien llama.
    let _: c_int = unsafe { libc::munmap(lugar.as_ptr(), bytes) };
}
