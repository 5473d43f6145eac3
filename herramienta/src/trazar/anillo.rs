//! Leer el anillo en el que el interpositor cuenta. Se lo lee como a un archivo, sin ponerlo en memoria: acá no hace falta `unsafe`.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::registro::{
    DATOS, EN_CABEZA, EN_COLA, EN_DATOS, EN_PERDIDOS, EN_REGISTRO, EN_SORDO, LUGAR, LUGARES, MARCA, PRIMERO, Que,
    Registro, TOTAL,
};
use crate::cable::en_u64;
use crate::falla::{Falla, Resultado};

/// Los lugares que se leen de una vez.
const TRAMO: u64 = 256;
/// Cuánto se espera a que esté escrito un lugar que alguien pidió: si se pasa, lo perdió quien lo pidió, que ya no está.
const PACIENCIA: Duration = Duration::from_secs(2);

pub(crate) struct Anillo {
    archivo: File,
    cola: u64,
    /// Desde cuándo se espera el lugar que sigue.
    atascado: Option<Instant>,
    /// Los que esperan el resto de sus datos, por hilo.
    a_medias: HashMap<(u32, u32), (Registro, Vec<u8>)>,
    bytes: Vec<u8>,
}

impl Anillo {
    pub(crate) fn nuevo() -> Resultado<Self> {
        let hacer = || -> io::Result<File> {
            let archivo = File::from(memfd_create(c"tp0-trazar", MFdFlags::MFD_CLOEXEC)?);
            archivo.set_len(en_u64(TOTAL))?;
            archivo.write_all_at(&MARCA.to_le_bytes(), 0)?;
            Ok(archivo)
        };
        let archivo = hacer().map_err(|causa| Falla::del_sistema("No pude preparar la memoria de la traza", causa))?;
        let lugar = usize::try_from(TRAMO).unwrap_or(0) * LUGAR;
        Ok(Self { archivo, cola: 0, atascado: None, a_medias: HashMap::new(), bytes: vec![0; lugar] })
    }

    /// Por dónde lo abre el programa, si la herramienta es ese proceso.
    pub(crate) fn camino(&self, pid: u32) -> String {
        format!("/proc/{pid}/fd/{}", self.archivo.as_raw_fd())
    }

    fn palabra(&self, donde: usize) -> u64 {
        let mut bytes = [0; 8];
        let leido = self.archivo.read_exact_at(&mut bytes, en_u64(donde));
        leido.map_or(0, |()| u64::from_le_bytes(bytes))
    }

    fn poner(&self, donde: usize, bytes: &[u8]) {
        let _ = self.archivo.write_all_at(bytes, en_u64(donde));
    }

    /// Cuántos sucesos no se pudieron contar desde la última vez que se preguntó.
    pub(crate) fn perdidos(&self) -> u64 {
        let perdidos = self.palabra(EN_PERDIDOS);
        if perdidos > 0 {
            self.poner(EN_PERDIDOS, &0_u64.to_le_bytes());
        }
        perdidos
    }

    /// Lo que haya. Con `ya_no_escriben`, un lugar sin escribir no se espera. Si había algo.
    pub(crate) fn leer(&mut self, ya_no_escriben: bool, mut cada: impl FnMut(&Registro, &[u8])) -> bool {
        let antes = self.cola;
        let cabeza = self.palabra(EN_CABEZA);
        while self.cola < cabeza {
            let leidos = self.leer_un_tramo(cabeza, &mut cada);
            if leidos > 0 {
                self.atascado = None;
            } else if ya_no_escriben || self.atascado.get_or_insert_with(Instant::now).elapsed() > PACIENCIA {
                self.atascado = None;
                self.cola += 1;
            } else {
                break;
            }
            self.poner(EN_COLA, &self.cola.to_le_bytes());
        }
        if self.cola == antes {
            return false;
        }
        // Hay quien lee: vale la pena esperarlo.
        self.poner(EN_SORDO, &0_u32.to_le_bytes());
        true
    }

    fn leer_un_tramo(&mut self, cabeza: u64, cada: &mut impl FnMut(&Registro, &[u8])) -> u64 {
        let hasta_el_fin = LUGARES - self.cola % LUGARES;
        let pedidos = usize::try_from((cabeza - self.cola).min(hasta_el_fin).min(TRAMO)).unwrap_or(0);
        let donde = en_u64(PRIMERO) + self.cola % LUGARES * en_u64(LUGAR);
        let mut bytes = std::mem::take(&mut self.bytes);
        let tramo = bytes.get_mut(..pedidos * LUGAR).unwrap_or_default();
        let escritos = match self.archivo.read_exact_at(tramo, donde) {
            Ok(()) => {
                tramo.chunks_exact(LUGAR).zip(self.cola..).take_while(|(lugar, turno)| esta(lugar, *turno)).count()
            }
            Err(_) => 0,
        };
        // Lo que se copió antes de ver que estaba escrito puede ser de antes: se lo copia de nuevo.
        fence(Ordering::Acquire);
        let tramo = bytes.get_mut(..escritos * LUGAR).unwrap_or_default();
        if self.archivo.read_exact_at(tramo, donde).is_ok() {
            for lugar in tramo.chunks_exact(LUGAR) {
                self.juntar(lugar, cada);
            }
        }
        self.cola += en_u64(escritos);
        self.bytes = bytes;
        en_u64(escritos)
    }

    /// Un lugar: un registro entero, o un pedazo de los datos de uno.
    fn juntar(&mut self, lugar: &[u8], cada: &mut impl FnMut(&Registro, &[u8])) {
        let Some(registro) = lugar.get(EN_REGISTRO..).and_then(Registro::de_bytes) else { return };
        let datos = lugar.get(EN_DATOS..).unwrap_or_default();
        let hilo = (registro.pid, registro.tid);
        let (primero, mut juntados) = if registro.que == Que::Mas {
            let Some(empezado) = self.a_medias.remove(&hilo) else { return };
            empezado
        } else {
            if let Some((cortado, juntados)) = self.a_medias.remove(&hilo) {
                cada(&cortado, &juntados);
            }
            (registro, Vec::new())
        };
        let largo = usize::try_from(primero.largo).unwrap_or(0);
        let faltan = largo.saturating_sub(juntados.len()).min(DATOS);
        juntados.extend_from_slice(datos.get(..faltan).unwrap_or_default());
        if juntados.len() < largo {
            self.a_medias.insert(hilo, (primero, juntados));
        } else {
            cada(&primero, &juntados);
        }
    }
}

fn esta(lugar: &[u8], turno: u64) -> bool {
    lugar.first_chunk::<8>().is_some_and(|bytes| u64::from_le_bytes(*bytes) == turno + 1)
}
