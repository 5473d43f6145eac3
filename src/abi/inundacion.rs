//! Que lo que se repite no tape todo lo demás.

/// Deja pasar los primeros renglones de una racha; después, uno por segundo. La racha termina cuando nadie quiso decir nada por un rato.
#[derive(Debug)]
pub(super) struct Limitador {
    /// Los que pasaron enteros en esta racha.
    pasaron: u32,
    /// Los que se callaron desde el último que pasó.
    callados: u32,
    /// Cuándo pasó el último, y cuándo quiso pasar el último.
    ultimo_ns: i64,
    ultimo_intento_ns: i64,
}

const PRIMEROS: u32 = 10;
const CADA_NS: i64 = 1_000_000_000;
const CALMA_NS: i64 = 10 * CADA_NS;

impl Limitador {
    pub(super) const fn nuevo() -> Self {
        Self { pasaron: 0, callados: 0, ultimo_ns: 0, ultimo_intento_ns: 0 }
    }

    /// Si en ese momento un renglón pasa, y cuántos se callaron antes que él.
    pub(super) fn pasa(&mut self, ahora_ns: i64) -> Option<u32> {
        if ahora_ns.saturating_sub(self.ultimo_intento_ns) >= CALMA_NS {
            self.pasaron = 0;
        }
        self.ultimo_intento_ns = ahora_ns;
        if self.pasaron >= PRIMEROS && ahora_ns.saturating_sub(self.ultimo_ns) < CADA_NS {
            self.callados = self.callados.saturating_add(1);
            return None;
        }
        self.pasaron = self.pasaron.saturating_add(1);
        self.ultimo_ns = ahora_ns;
        Some(std::mem::take(&mut self.callados))
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn los_primeros_diez_y_despues_uno_por_segundo_con_la_cuenta() {
        let mut limitador = Limitador::nuevo();
        let dichos: Vec<_> =
            (0..2_500).filter_map(|ms| limitador.pasa(1_000 * MS + ms * MS).map(|c| (ms, c))).collect();
        let primeros = (0..10).map(|ms| (ms, 0));
        assert_eq!(dichos, primeros.chain([(1009, 999), (2009, 999)]).collect::<Vec<_>>());
    }

    #[test]
    fn de_a_uno_y_despacio_pasan_todos() {
        let mut limitador = Limitador::nuevo();
        assert!((0..50).all(|segundo| limitador.pasa(segundo * CADA_NS) == Some(0)));
    }

    #[test]
    fn despues_de_la_calma_empieza_otra_racha_y_la_cuenta_no_se_olvida() {
        let mut limitador = Limitador::nuevo();
        let racha =
            |limitador: &mut Limitador, desde: i64| (0..100).filter_map(|_| limitador.pasa(desde)).collect::<Vec<_>>();
        assert_eq!(racha(&mut limitador, 0), [0; 10]);
        assert_eq!(racha(&mut limitador, CALMA_NS - 1), [90], "todavía es la misma racha");
        let otra = racha(&mut limitador, 2 * CALMA_NS);
        assert_eq!((otra.len(), otra.first()), (10, Some(&99)));
    }
}
