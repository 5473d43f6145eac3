//! Un turno: que un solo hilo a la vez haga algo, sin un dato que cuidar.

use std::time::Duration;

use super::futex::{TODOS, despertar, dormir_mientras};
use crate::sincronia::atomic::{AtomicU32, Ordering};

const LIBRE: u32 = 0;
const TOMADO: u32 = 1;
/// Tomado, y puede haber quien espere.
const CON_ESPERA: u32 = 2;
/// Los bits de arriba: qué vuelta es. Lo que se tomó en una vuelta anterior ya no cuenta.
const VUELTA: u32 = 4;

/// Como un [`Cerrojo`](super::Cerrojo) sin nada adentro, con dos cosas que un mutex de pthread no tiene: se lo puede esperar un rato, y se lo puede
/// [renovar](Self::renovar) aunque alguien lo tenga. Tomar el que está libre y soltarlo son dos instrucciones atómicas. Como no
/// cuida memoria, no hay nada que helgrind tenga que ver.
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

    /// Lo toma sólo si está libre.
    #[inline(always)]
    pub(crate) fn intentar(&self) -> Option<MiTurno<'_>> {
        let vuelta = self.estado.load(Ordering::Relaxed) & !(VUELTA - 1);
        let libre = self.estado.compare_exchange(vuelta | LIBRE, vuelta | TOMADO, Ordering::Acquire, Ordering::Relaxed);
        // then y no then_some: uno que se arma y se suelta dejaría libre el de otro.
        libre.is_ok().then(|| MiTurno { turno: self, vuelta })
    }

    /// Espera su turno y lo toma, aunque lleguen señales.
    #[cold]
    pub(crate) fn esperar(&self) -> MiTurno<'_> {
        loop {
            if let Some(turno) = self.marcar_o_tomar(None) {
                return turno;
            }
        }
    }

    /// Lo espera, a lo sumo `un_rato`, y lo toma si le toca. Puede volver antes sin él: hay que mirar.
    #[cold]
    pub(crate) fn esperar_a_lo_sumo(&self, un_rato: Duration) -> Option<MiTurno<'_>> {
        self.marcar_o_tomar(Some(un_rato))
    }

    fn marcar_o_tomar(&self, un_rato: Option<Duration>) -> Option<MiTurno<'_>> {
        let antes = self.estado.load(Ordering::Relaxed);
        let vuelta = antes & !(VUELTA - 1);
        // Quien espera lo deja marcado aunque sea el único: no sabe si hay otros, y despertar de más no molesta.
        let marcado = vuelta | CON_ESPERA;
        self.estado.compare_exchange(antes, marcado, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        if antes == vuelta | LIBRE {
            return Some(MiTurno { turno: self, vuelta });
        }
        let _ = dormir_mientras(&self.estado, marcado, un_rato);
        None
    }

    /// Despierta a quienes esperan, para que miren.
    pub(crate) fn despertar_a_todos(&self) {
        despertar(&self.estado, TODOS);
    }

    /// Lo deja libre para los que vengan: quien lo tenía no lo va a soltar (quedó en el padre) o lo tenía por otra cosa. Los que esperaban
    /// despiertan.
    pub(crate) fn renovar(&self) {
        let siguiente = |estado: u32| Some((estado & !(VUELTA - 1)).wrapping_add(VUELTA) | LIBRE);
        if self
            .estado
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, siguiente)
            .is_ok_and(|antes| antes % VUELTA != LIBRE)
        {
            despertar(&self.estado, TODOS);
        }
    }

    #[cold]
    fn soltar(&self, vuelta: u32) {
        let propio = |estado: u32| (estado & !(VUELTA - 1) == vuelta).then_some(vuelta | LIBRE);
        let antes = self.estado.fetch_update(Ordering::AcqRel, Ordering::Relaxed, propio);
        if antes == Ok(vuelta | CON_ESPERA) {
            despertar(&self.estado, 1);
        }
    }
}

/// El turno, mientras se lo tiene. Al soltarlo, otro hilo puede tomarlo.
#[derive(Debug)]
pub(crate) struct MiTurno<'a> {
    turno: &'a Turno,
    vuelta: u32,
}

impl Drop for MiTurno<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let (mio, libre) = (self.vuelta | TOMADO, self.vuelta | LIBRE);
        if self.turno.estado.compare_exchange(mio, libre, Ordering::Release, Ordering::Relaxed).is_err() {
            self.turno.soltar(self.vuelta);
        }
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn un_hilo_por_vez_y_nadie_queda_esperando() {
        const HILOS: u32 = 8;
        const VECES: u32 = if cfg!(miri) { 4 } else { 20_000 };
        let turno = Turno::nuevo();
        let cuenta = AtomicU32::new(0);
        std::thread::scope(|hilos| {
            for _ in 0..HILOS {
                hilos.spawn(|| {
                    for vez in 0..VECES {
                        let _mio = turno.intentar().unwrap_or_else(|| turno.esperar());
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
        let mio = turno.intentar();
        assert!(turno.intentar().is_none());
        assert!(turno.intentar().is_none(), "sigue tomado");
        drop(mio);
        assert!(turno.intentar().is_some());
    }

    #[test]
    fn al_renovarlo_despiertan_quienes_lo_esperaban() {
        for _ in 0..20 {
            let turno = Turno::nuevo();
            let viejo = turno.intentar();
            std::thread::scope(|hilos| {
                hilos.spawn(|| drop(turno.esperar()));
                // Cuando lo marca, está por dormirse.
                while turno.estado.load(Ordering::Relaxed) != CON_ESPERA {
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_millis(1));
                turno.renovar();
            });
            drop(viejo);
        }
    }

    #[test]
    fn quien_lo_tenia_antes_de_renovarlo_no_suelta_el_de_ahora() {
        let turno = Turno::nuevo();
        let viejo = turno.intentar();
        turno.renovar();
        let nuevo = turno.intentar();
        assert!(nuevo.is_some());
        drop(viejo);
        assert!(turno.intentar().is_none(), "lo tiene el nuevo");
        drop(nuevo);
        assert!(turno.intentar().is_some());
    }
}
