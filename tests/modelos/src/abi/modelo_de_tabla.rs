//! La tabla de ranuras (`src/abi/tabla.rs`).

use super::tabla;
use crate::Modelo;
use crate::modelo_de_turno::DeTodos;

/// Dos hilos llegan a la vez a un número por el que nadie pasó: los dos ven la misma ranura, y el trozo que sobra se devuelve.
pub(crate) const UN_SOLO_TROZO: Modelo = Modelo { nombre: "tabla", interrupciones: None, vuelta: un_solo_trozo };

fn un_solo_trozo() {
    const NUMERO: i32 = 500;
    let todo = DeTodos::nuevo(());
    assert_eq!(tabla::todas().count(), 0, "todavía no hay ninguna");
    let buscar = |_: &()| std::ptr::from_ref(tabla::ranura(NUMERO).expect("hay memoria")).addr();
    let otro = todo.hilo(buscar);
    let (una, otra) = (buscar(&()), otro.join().unwrap());
    assert_eq!(una, otra, "dos hilos con dos ranuras del mismo número");
    let de_todas: Vec<_> = tabla::todas().filter(|(numero, _)| *numero == NUMERO).collect();
    assert!(matches!(de_todas[..], [(_, esta)] if std::ptr::from_ref(esta).addr() == una), "no está entre todas");
    soltar_trozos();
}

/// Al terminar una vuelta: en la siguiente, la tabla vuelve a estar vacía, y nadie más devuelve sus páginas.
pub(super) fn soltar_trozos() {
    let ranuras: Vec<_> = tabla::todas().map(|(_, ranura)| std::ptr::from_ref(ranura)).collect();
    for trozo in ranuras.chunks(64) {
        let lugar = std::ptr::NonNull::new(trozo[0].cast_mut().cast()).expect("una referencia no es NULL");
        // SAFETY: es el comienzo de un trozo, y ya no hay otro hilo.
        unsafe { super::memoria::devolver_paginas(lugar, size_of_val(&*trozo[0]) * trozo.len()) };
    }
}
