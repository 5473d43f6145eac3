//! Un turno: que un solo hilo a la vez haga algo, sin un dato que cuidar.

use std::sync::atomic::{AtomicU32, Ordering};

use super::cerrojo::HijoConUnHilo;

const LIBRE: u32 = 0;
const TOMADO: u32 = 1;
/// Tomado, y puede haber quien espere.
const CON_ESPERA: u32 = 2;

/// Como un [`Cerrojo`](super::Cerrojo) sin nada adentro. Tomar el que está libre y soltarlo son dos instrucciones atómicas: con un mutex de
/// pthread costaba más que armar el mensaje que se envía en el turno. Como no cuida memoria, no hay nada que helgrind tenga que ver.
///
/// Todo en cero es un turno libre.
#[derive(Debug)]
pub(crate) struct Turno {
    estado: AtomicU32,
}

impl Turno {
    pub(crate) const fn nuevo() -> Self {
        Self { estado: AtomicU32::new(LIBRE) }
    }

    /// Espera su turno y lo toma.
    #[inline(always)]
    pub(crate) fn tomar(&self) -> MiTurno<'_> {
        self.intentar().unwrap_or_else(|| self.esperar())
    }

    /// Lo toma sólo si está libre.
    #[inline(always)]
    pub(crate) fn intentar(&self) -> Option<MiTurno<'_>> {
        let libre = self.estado.compare_exchange(LIBRE, TOMADO, Ordering::Acquire, Ordering::Relaxed);
        // then y no then_some: uno que se arma y se suelta dejaría libre el de otro.
        libre.is_ok().then(|| MiTurno { turno: self })
    }

    #[cold]
    fn esperar(&self) -> MiTurno<'_> {
        // Quien espera lo deja marcado aunque sea el único: no sabe si hay otros, y despertar de más no molesta.
        while self.estado.swap(CON_ESPERA, Ordering::Acquire) != LIBRE {
            self.dormir();
        }
        MiTurno { turno: self }
    }

    /// Duerme mientras siga habiendo espera. Puede volver antes: hay que mirar.
    fn dormir(&self) {
        let sin_plazo: *const libc::timespec = std::ptr::null();
        // SAFETY: la dirección es de un entero vivo, y el kernel sólo lo lee.
        unsafe { libc::syscall(libc::SYS_futex, self.estado.as_ptr(), ESPERAR, CON_ESPERA, sin_plazo) };
    }

    #[cold]
    fn despertar_a_uno(&self) {
        // SAFETY: la dirección es de un entero vivo, que el kernel usa sólo para buscar a quien espera en ella.
        unsafe { libc::syscall(libc::SYS_futex, self.estado.as_ptr(), DESPERTAR, 1) };
    }

    /// Lo deja libre: quien lo tenía quedó en el padre.
    pub(crate) fn abrir_en_el_hijo(&self, _hijo: &HijoConUnHilo) {
        self.estado.swap(LIBRE, Ordering::AcqRel);
    }
}

const ESPERAR: libc::c_int = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
const DESPERTAR: libc::c_int = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;

/// El turno, mientras se lo tiene. Al soltarlo, otro hilo puede tomarlo.
#[derive(Debug)]
pub(crate) struct MiTurno<'a> {
    turno: &'a Turno,
}

impl Drop for MiTurno<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.turno.estado.swap(LIBRE, Ordering::Release) == CON_ESPERA {
            self.turno.despertar_a_uno();
        }
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn un_hilo_por_vez_y_nadie_queda_esperando() {
        const HILOS: u32 = 8;
        const VECES: u32 = 20_000;
        let turno = Turno::nuevo();
        let cuenta = AtomicU32::new(0);
        std::thread::scope(|hilos| {
            for _ in 0..HILOS {
                hilos.spawn(|| {
                    for vez in 0..VECES {
                        let _mio = turno.tomar();
                        // Leer y escribir por separado: si hubiera dos hilos a la vez, se perderían cuentas.
                        let leida = cuenta.load(Ordering::Relaxed);
                        if vez % 64 == 0 {
                            std::thread::yield_now();
                        }
                        cuenta.store(leida + 1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(cuenta.load(Ordering::Relaxed), HILOS * VECES);
        assert!(turno.intentar().is_some());
    }

    #[test]
    fn tomado_no_se_puede_tomar() {
        let turno = Turno::nuevo();
        let mio = turno.tomar();
        assert!(turno.intentar().is_none());
        assert!(turno.intentar().is_none(), "sigue tomado");
        drop(mio);
        assert!(turno.intentar().is_some());
    }
}
