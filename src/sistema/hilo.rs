//! Hilos de pthread que avisan cuando terminan, terminen como terminen.

use std::ffi::c_void;
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::caja::caja;
use super::cerrojo::{Cerrojo, HijoConUnHilo};
use super::hijo::generacion;

/// Lo que hace un hilo, y lo que hace al terminar: también si el cuerpo, que puede ser código C, llamó a `pthread_exit`.
pub(crate) struct Tarea {
    /// Se llama una vez y sin nada pendiente de soltar en el medio: puede llamar a una función de C que termine el hilo.
    pub(crate) cuerpo: Box<dyn FnMut() + Send>,
    pub(crate) al_terminar: Box<dyn FnOnce() + Send>,
}

/// Una tarea en marcha, y en qué generación de proceso comenzó.
struct EnMarcha {
    tarea: Tarea,
    generacion: u32,
}

/// La clave de pthread cuyo destructor corre `al_terminar`.
static CLAVE: Cerrojo<Option<libc::pthread_key_t>> = Cerrojo::nuevo(None);

/// Un hilo al que todavía nadie esperó.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hilo {
    hilo: libc::pthread_t,
}

impl Hilo {
    /// Lanza un hilo. Si no se puede, devuelve la tarea sin empezar.
    pub(crate) fn lanzar(tarea: Tarea) -> Result<Self, Tarea> {
        if clave().is_err() {
            return Err(tarea);
        }
        let tarea = match caja(EnMarcha { tarea, generacion: generacion() }) {
            Ok(en_marcha) => Box::into_raw(en_marcha),
            Err(sin_memoria) => return Err(sin_memoria.tarea),
        };
        let mut hilo = MaybeUninit::uninit();
        // SAFETY: `hilo` es un lugar válido para escribir, y `tarea` pasa a ser del hilo nuevo.
        let salida = unsafe { libc::pthread_create(hilo.as_mut_ptr(), ptr::null(), comenzar(), tarea.cast()) };
        if salida != 0 {
            // SAFETY: no hay hilo nuevo: la tarea sigue siendo de éste.
            return Err(unsafe { Box::from_raw(tarea) }.tarea);
        }
        // SAFETY: pthread_create anduvo, y lo escribió.
        Ok(Self { hilo: unsafe { hilo.assume_init() } })
    }

    /// El hilo que corre.
    pub(crate) fn actual() -> Self {
        // SAFETY: no tiene condiciones.
        Self { hilo: unsafe { libc::pthread_self() } }
    }

    /// Espera a que termine. Se llama una sola vez por hilo lanzado.
    pub(crate) fn unir(self) {
        // SAFETY: el hilo se lanzó aquí, nadie lo separó, y quien llama lo une una sola vez; si no, pthread_join dice ESRCH o EINVAL.
        unsafe { libc::pthread_join(self.hilo, ptr::null_mut()) };
    }
}

type Comienzo = extern "C" fn(*mut c_void) -> *mut c_void;

/// La función de comienzo, con el tipo que pide pthread_create.
fn comenzar() -> Comienzo {
    // SAFETY: sólo difieren en que ésta admite que pthread_exit la atraviese, que es lo que pthread espera de cualquiera.
    unsafe { std::mem::transmute::<extern "C-unwind" fn(*mut c_void) -> *mut c_void, Comienzo>(correr) }
}

extern "C-unwind" fn correr(tarea: *mut c_void) -> *mut c_void {
    if let Ok(clave) = clave() {
        // SAFETY: la clave existe; desde aquí el destructor de la clave es dueño de la tarea.
        unsafe { libc::pthread_setspecific(clave, tarea) };
    }
    // SAFETY: la tarea vive hasta que corra el destructor de la clave, cuando este hilo ya no esté aquí.
    let en_marcha = unsafe { &mut *tarea.cast::<EnMarcha>() };
    (en_marcha.tarea.cuerpo)();
    ptr::null_mut()
}

extern "C" fn terminar(tarea: *mut c_void) {
    // SAFETY: es la tarea que `correr` dejó en la clave; pthread llama a este destructor una sola vez por valor.
    let en_marcha = ManuallyDrop::new(*unsafe { Box::from_raw(tarea.cast::<EnMarcha>()) });
    if en_marcha.generacion != generacion() {
        // La tarea se bifurcó y éste es el hijo: lo que ella compartía puede estar tomado por hilos que quedaron en el padre.
        return;
    }
    let Tarea { cuerpo, al_terminar } = ManuallyDrop::into_inner(en_marcha).tarea;
    // Un panic no puede salir de aquí; y quien espera a este hilo se tiene que enterar igual.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(cuerpo)));
    let _ = catch_unwind(AssertUnwindSafe(al_terminar));
}

/// En el hijo, la clave es de quien la pida.
pub(super) fn despues_en_el_hijo(hijo: &HijoConUnHilo) {
    CLAVE.abrir_en_el_hijo(hijo);
}

fn clave() -> io::Result<libc::pthread_key_t> {
    let mut guardada = CLAVE.tomar();
    if let Some(clave) = *guardada {
        return Ok(clave);
    }
    let mut clave = 0;
    // SAFETY: `clave` es un lugar válido para escribir, y el destructor vive tanto como el proceso.
    let salida = unsafe { libc::pthread_key_create(&raw mut clave, Some(terminar)) };
    if salida != 0 {
        return Err(io::Error::from_raw_os_error(salida));
    }
    *guardada = Some(clave);
    Ok(clave)
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn avisa_al_terminar_aunque_el_cuerpo_llame_a_pthread_exit() {
        let (avisar, aviso) = mpsc::channel();
        let tarea = Tarea {
            // SAFETY: es lo que se prueba: entre el comienzo del hilo y aquí no queda nada por soltar.
            cuerpo: Box::new(|| unsafe { pthread_exit(ptr::null_mut()) }),
            al_terminar: Box::new(move || avisar.send(()).unwrap()),
        };
        let Ok(hilo) = Hilo::lanzar(tarea) else { panic!("no se pudo lanzar un hilo") };
        hilo.unir();
        aviso.try_recv().unwrap();
    }

    unsafe extern "C-unwind" {
        fn pthread_exit(valor: *mut c_void) -> !;
    }
}
