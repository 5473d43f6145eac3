//! Hilos de pthread que avisan cuando terminan, terminen como terminen.
//!
//! Nacen separados (detached): así la función del programa puede separar al suyo, como enseña la guía del curso, y nadie une a uno que ya no
//! está. Que terminó del todo se sabe por su número de hilo, que el kernel deja de conocer.

use std::ffi::c_void;
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::{Duration, Instant};

use super::caja::caja;
use super::cerrojo::{Cerrojo, HijoConUnHilo};
use super::compartido::Compartido;
use super::condicion::Condicion;
use super::generacion::generacion;
use super::seniales::Conjunto;

/// Lo que hace un hilo, y lo que hace al terminar: también si el cuerpo, que puede ser código C, llamó a `pthread_exit`.
pub(crate) struct Tarea {
    /// Se llama una vez y sin nada pendiente de soltar en el medio: puede llamar a una función de C que termine el hilo.
    pub(crate) cuerpo: Box<dyn FnMut() + Send>,
    pub(crate) al_terminar: Box<dyn FnOnce() + Send>,
}

/// Un hilo, por su número para el kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hilo {
    numero: libc::pid_t,
}

impl Hilo {
    /// El hilo que corre.
    pub(crate) fn actual() -> Self {
        // SAFETY: no tiene condiciones.
        Self { numero: unsafe { libc::gettid() } }
    }

    /// Si el kernel ya no lo conoce: dejó su pila y todo lo suyo.
    pub(crate) fn termino(self) -> bool {
        let este_proceso = std::process::id();
        // SAFETY: la señal 0 no se manda: sólo se pregunta por un hilo de este proceso.
        unsafe { libc::syscall(libc::SYS_tgkill, este_proceso, self.numero, 0) != 0 }
    }

    /// Espera a que termine del todo uno que ya avisó. Le falta muy poco, pero su número puede ser ya el de otro: no se lo espera para siempre.
    pub(crate) fn unir(self) {
        const PACIENCIA: Duration = Duration::from_millis(200);
        let desde = Instant::now();
        while !self.termino() && desde.elapsed() < PACIENCIA {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Un hilo que ya existe y espera que le digan qué hacer. Al soltarlo sin haberle dicho nada, termina, y se lo espera.
#[derive(Debug)]
pub(crate) struct Puesto {
    asiento: Compartido<Asiento>,
}

#[derive(Debug)]
struct Asiento {
    encargo: Cerrojo<Encargo>,
    cambio: Condicion,
}

enum Encargo {
    TodaviaNo,
    Tarea(Tarea),
    /// Que se vaya.
    Nada,
    /// El hilo ya lo tomó.
    Tomado(Hilo),
}

/// Lo que un hilo lleva consigo. La tarea la recibe después.
struct EnMarcha {
    asiento: Option<Compartido<Asiento>>,
    tarea: Option<Tarea>,
    /// Las señales que bloquea mientras hace la tarea.
    bloquea: Conjunto,
    generacion: u32,
}

impl Puesto {
    /// Un hilo nuevo, que durante su tarea va a bloquear las señales que dice `bloquea`. `None`: no hay hilos, o memoria.
    pub(crate) fn abrir(bloquea: Conjunto) -> Option<Self> {
        clave().ok()?;
        let asiento =
            Compartido::nuevo(Asiento { encargo: Cerrojo::nuevo(Encargo::TodaviaNo), cambio: Condicion::nueva()? })?;
        let en_marcha = EnMarcha { asiento: Some(asiento.clone()), tarea: None, bloquea, generacion: generacion() };
        let en_marcha = Box::into_raw(caja(en_marcha).ok()?);
        if lanzar(en_marcha.cast()) {
            return Some(Self { asiento });
        }
        // SAFETY: no hay hilo nuevo: sigue siendo de éste.
        drop(unsafe { Box::from_raw(en_marcha) });
        None
    }

    /// Le da su tarea.
    pub(crate) fn ocupar(self, tarea: Tarea) {
        let mut encargo = self.asiento.encargo.tomar();
        *encargo = Encargo::Tarea(tarea);
        self.asiento.cambio.avisar();
    }
}

impl Drop for Puesto {
    fn drop(&mut self) {
        let mut encargo = self.asiento.encargo.tomar();
        if !matches!(*encargo, Encargo::TodaviaNo) {
            return;
        }
        *encargo = Encargo::Nada;
        self.asiento.cambio.avisar();
        let hilo = loop {
            match *encargo {
                Encargo::Tomado(hilo) => break hilo,
                _ => self.asiento.cambio.esperar(&mut encargo),
            }
        };
        drop(encargo);
        hilo.unir();
    }
}

impl Asiento {
    /// Espera a que le den su tarea. `None`: que se vaya.
    fn tarea(&self) -> Option<Tarea> {
        let mut encargo = self.encargo.tomar();
        while matches!(*encargo, Encargo::TodaviaNo) {
            self.cambio.esperar(&mut encargo);
        }
        let este = std::mem::replace(&mut *encargo, Encargo::Tomado(Hilo::actual()));
        self.cambio.avisar();
        match este {
            Encargo::Tarea(tarea) => Some(tarea),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Encargo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encargo")
    }
}

/// La clave de pthread cuyo destructor corre `al_terminar`.
static CLAVE: Cerrojo<Option<libc::pthread_key_t>> = Cerrojo::nuevo(None);

/// Lanza un hilo separado, con `en_marcha` para él. Dice si se pudo.
fn lanzar(en_marcha: *mut c_void) -> bool {
    let mut atributos = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: `atributos` es un lugar válido para escribir.
    if unsafe { libc::pthread_attr_init(atributos.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: están inicializados.
    unsafe { libc::pthread_attr_setdetachstate(atributos.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED) };
    let mut hilo = MaybeUninit::uninit();
    // SAFETY: `hilo` es un lugar válido para escribir, los atributos están inicializados, y `en_marcha` pasa a ser del hilo nuevo.
    let salida = unsafe { libc::pthread_create(hilo.as_mut_ptr(), atributos.as_ptr(), comenzar(), en_marcha) };
    // SAFETY: están inicializados y no se usan más.
    unsafe { libc::pthread_attr_destroy(atributos.as_mut_ptr()) };
    salida == 0
}

type Comienzo = extern "C" fn(*mut c_void) -> *mut c_void;

/// La función de comienzo, con el tipo que pide pthread_create.
fn comenzar() -> Comienzo {
    // SAFETY: sólo difieren en que ésta admite que pthread_exit la atraviese, que es lo que pthread espera de cualquiera.
    unsafe { std::mem::transmute::<extern "C-unwind" fn(*mut c_void) -> *mut c_void, Comienzo>(correr) }
}

extern "C-unwind" fn correr(en_marcha: *mut c_void) -> *mut c_void {
    // SAFETY: vive hasta que corra el destructor de la clave, cuando este hilo ya no esté aquí; o hasta que se lo suelte acá abajo.
    let este = unsafe { &mut *en_marcha.cast::<EnMarcha>() };
    este.tarea = este.asiento.take().and_then(|asiento| asiento.tarea());
    let (Ok(clave), Some(tarea)) = (clave(), este.tarea.as_mut()) else {
        // SAFETY: sin tarea no hay destructor que lo suelte, y es de este hilo.
        drop(unsafe { Box::from_raw(en_marcha.cast::<EnMarcha>()) });
        return ptr::null_mut();
    };
    // SAFETY: la clave existe; desde aquí su destructor es dueño de lo que lleva el hilo.
    unsafe { libc::pthread_setspecific(clave, en_marcha) };
    este.bloquea.poner_en_este_hilo(libc::SIG_SETMASK);
    (tarea.cuerpo)();
    ptr::null_mut()
}

extern "C" fn terminar(en_marcha: *mut c_void) {
    // SAFETY: es lo que `correr` dejó en la clave; pthread llama a este destructor una sola vez por valor.
    let en_marcha = ManuallyDrop::new(*unsafe { Box::from_raw(en_marcha.cast::<EnMarcha>()) });
    if en_marcha.generacion != generacion() {
        // La tarea se bifurcó y éste es el hijo: lo que ella compartía puede estar tomado por hilos que quedaron en el padre.
        return;
    }
    let Some(Tarea { cuerpo, al_terminar }) = ManuallyDrop::into_inner(en_marcha).tarea else { return };
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

    fn nada_bloqueado() -> Conjunto {
        Conjunto::de([])
    }

    #[test]
    fn avisa_al_terminar_aunque_el_cuerpo_llame_a_pthread_exit() {
        let (avisar, aviso) = mpsc::channel();
        let tarea = Tarea {
            // SAFETY: es lo que se prueba: entre el comienzo del hilo y aquí no queda nada por soltar.
            cuerpo: Box::new(|| unsafe { pthread_exit(ptr::null_mut()) }),
            al_terminar: Box::new(move || avisar.send(Hilo::actual()).unwrap()),
        };
        Puesto::abrir(nada_bloqueado()).unwrap().ocupar(tarea);
        let hilo = aviso.recv().unwrap();
        hilo.unir();
        assert!(hilo.termino());
    }

    #[test]
    fn sin_tarea_se_va() {
        let puesto = Puesto::abrir(nada_bloqueado()).unwrap();
        let asiento = puesto.asiento.clone();
        drop(puesto);
        let Encargo::Tomado(hilo) = *asiento.encargo.tomar() else { panic!("no se fue") };
        assert!(hilo.termino());
    }

    unsafe extern "C-unwind" {
        fn pthread_exit(valor: *mut c_void) -> !;
    }
}
