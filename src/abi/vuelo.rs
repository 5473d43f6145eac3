//! Las llamadas en vuelo sobre un número: cuántas hay, si alguien lo liberó, y por qué vuelta va.
//!
//! Un número da vueltas: es de un socket, se cierra, y es de otro. Lo que despegó en una vuelta no cuenta en la siguiente: ni se lo espera para
//! cerrar, ni cierra nada. No sabe de sockets ni de descriptores.

use crate::sincronia::atomic::{AtomicU64, Ordering};

/// Cuántas llamadas hay en vuelo.
const EN_VUELO: u64 = CERRANDO - 1;
/// Ya no lo usa nadie, y alguien lo está cerrando.
pub(super) const CERRANDO: u64 = 1 << 30;
/// Alguien lo liberó: el último en aterrizar lo cierra.
const LIBERADO: u64 = 1 << 31;
/// Los 32 bits de arriba: qué vuelta es.
const VUELTA: u64 = 1 << 32;

/// Todo en cero es un número por el que nunca se pasó.
#[derive(Debug)]
pub(super) struct Vuelo {
    estado: AtomicU64,
}

/// Una vuelta de un número.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vuelta(u32);

fn vuelta(estado: u64) -> Vuelta {
    let [a, b, c, d, ..] = estado.to_be_bytes();
    Vuelta(u32::from_be_bytes([a, b, c, d]))
}

impl Vuelo {
    /// Una llamada más. Dice de qué vuelta es, y si el número ya estaba liberado, o cerrándose.
    ///
    /// SeqCst, como [`cuantas`](Self::cuantas): es el aviso de quien recibe en el cruce que explica `Ritmo::juntar`.
    pub(super) fn despegar(&self) -> (Vuelta, bool) {
        let antes = self.estado.fetch_add(1, Ordering::SeqCst);
        (vuelta(antes), antes & (LIBERADO | CERRANDO) != 0)
    }

    /// Una llamada menos, si es de esta vuelta. Dice si era la última de un número liberado.
    pub(super) fn aterrizar(&self, suya: Vuelta) -> bool {
        let mut antes = self.estado.load(Ordering::Relaxed);
        while vuelta(antes) == suya {
            match self.estado.compare_exchange_weak(antes, antes - 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return antes % VUELTA == LIBERADO | 1,
                Err(ahora) => antes = ahora,
            }
        }
        false
    }

    pub(super) fn es_la_vuelta(&self, una: Vuelta) -> bool {
        vuelta(self.estado.load(Ordering::Acquire)) == una
    }

    /// Cuántas llamadas de esta vuelta hay en vuelo.
    pub(super) fn cuantas(&self) -> u64 {
        self.estado.load(Ordering::SeqCst) & EN_VUELO
    }

    pub(super) fn esta_liberado(&self) -> bool {
        self.estado.load(Ordering::Acquire) & (LIBERADO | CERRANDO) != 0
    }

    /// Lo da por liberado. Dice si no lo estaba.
    pub(super) fn liberar(&self) -> bool {
        let liberar = |estado: u64| (estado & (LIBERADO | CERRANDO) == 0).then_some(estado | LIBERADO);
        self.estado.fetch_update(Ordering::AcqRel, Ordering::Acquire, liberar).is_ok()
    }

    /// Si está liberado y nadie lo usa.
    pub(super) fn hay_que_cerrar(&self, suya: Vuelta) -> bool {
        self.estado.load(Ordering::Acquire) == (u64::from(suya.0) * VUELTA) | LIBERADO
    }

    /// Ya se cerró, si no empezó otra vuelta.
    pub(super) fn terminar_de_cerrar(&self, suya: Vuelta) {
        let abrir = |estado: u64| (vuelta(estado) == suya).then_some(estado & !CERRANDO);
        let _ = self.estado.fetch_update(Ordering::AcqRel, Ordering::Acquire, abrir);
    }

    /// Empieza otra vuelta, con ese comienzo: cuántas llamadas hay en vuelo, o [`CERRANDO`]. Dice cuál es, y cuántas llamadas quedaron en la anterior
    /// y no pasaron a ésta.
    pub(super) fn dar_otra_vuelta(&self, comienzo: u64) -> (Vuelta, u64) {
        let siguiente = |estado: u64| (estado / VUELTA).wrapping_add(1).wrapping_mul(VUELTA) | comienzo;
        let mut antes = self.estado.load(Ordering::Acquire);
        loop {
            match self.estado.compare_exchange_weak(antes, siguiente(antes), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return (vuelta(siguiente(antes)), (antes & EN_VUELO).saturating_sub(comienzo & EN_VUELO)),
                Err(ahora) => antes = ahora,
            }
        }
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    fn nuevo() -> Vuelo {
        Vuelo { estado: AtomicU64::new(0) }
    }

    #[test]
    fn cierra_el_ultimo_en_aterrizar_y_una_sola_vez() {
        let vuelo = nuevo();
        let ((una, _), (otra, _)) = (vuelo.despegar(), vuelo.despegar());
        assert!(vuelo.liberar());
        assert!(!vuelo.liberar(), "ya lo estaba");
        let (tarde, liberado) = vuelo.despegar();
        assert!(liberado && vuelo.cuantas() == 3);
        assert!(!vuelo.aterrizar(una) && !vuelo.aterrizar(tarde));
        assert!(!vuelo.hay_que_cerrar(otra));
        assert!(vuelo.aterrizar(otra));
        assert!(vuelo.hay_que_cerrar(otra) && vuelo.esta_liberado());
    }

    #[test]
    fn lo_que_despego_en_una_vuelta_no_cuenta_en_la_siguiente() {
        let vuelo = nuevo();
        let (vieja, _) = vuelo.despegar();
        vuelo.liberar();
        let (nueva, quedaron) = vuelo.dar_otra_vuelta(0);
        assert_eq!(quedaron, 1);
        assert!(!vuelo.esta_liberado() && vuelo.cuantas() == 0);
        assert!(vuelo.es_la_vuelta(nueva) && !vuelo.es_la_vuelta(vieja));
        assert!(!vuelo.aterrizar(vieja));
        let (esta, liberado) = vuelo.despegar();
        assert_eq!((esta, liberado), (nueva, false));
        vuelo.liberar();
        assert!(!vuelo.aterrizar(vieja) && !vuelo.hay_que_cerrar(vieja));
        assert!(vuelo.aterrizar(esta));
    }

    #[test]
    fn quien_da_la_vuelta_pasa_a_la_nueva_y_los_demas_quedan() {
        let vuelo = nuevo();
        vuelo.despegar();
        assert_eq!(vuelo.dar_otra_vuelta(1).1, 0, "nadie más estaba");
        vuelo.despegar();
        vuelo.despegar();
        assert_eq!((vuelo.dar_otra_vuelta(1).1, vuelo.cuantas()), (2, 1));
        assert_eq!((vuelo.dar_otra_vuelta(CERRANDO).1, vuelo.cuantas()), (1, 0), "al cerrar no pasa nadie");
    }

    #[test]
    fn mientras_se_cierra_no_se_lo_puede_liberar() {
        let vuelo = nuevo();
        let (cerrandose, _) = vuelo.dar_otra_vuelta(CERRANDO);
        let (esta, liberado) = vuelo.despegar();
        assert!(liberado && !vuelo.liberar());
        vuelo.terminar_de_cerrar(cerrandose);
        assert!(vuelo.liberar() && vuelo.aterrizar(esta));
    }
}
