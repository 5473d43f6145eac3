//! Carga: diez mil conexiones a la vez en un proceso, y cien mil que vienen y se van (veinte mil, fuera de la integración continua). Nada se pierde, y lo que ocupa cada
//! una se mide. Lo que corre está en `tests/c/carga.c`.

use crate::comun;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::comun::{Proceso, cifra, decir};

/// De sobra: en una máquina tranquila, lo más largo tarda 15 segundos; con todo ocupado, más de un minuto.
const PLAZO: Duration = Duration::from_secs(300);
const CONEXIONES: usize = 10_000;
const MENSAJES: usize = 10;
/// Descriptores que hacen falta además de uno por conexión.
const DE_MAS: usize = 100;

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| comun::compilar_con_tp0("carga", &["carga.c"])).clone()
}

/// De a una: si no, cada una mediría a las otras.
fn de_a_una() -> MutexGuard<'static, ()> {
    static TURNO: Mutex<()> = Mutex::new(());
    TURNO.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lo que el programa midió, o todo lo que dijo si no terminó bien.
struct Medido {
    campos: HashMap<String, i64>,
    salida: String,
    bien: bool,
}

impl Medido {
    fn de(argumentos: &[&str]) -> Self {
        let mut orden = comun::orden(programa());
        // Que a nadie se le venza el handshake porque la máquina está ocupada.
        orden.args(argumentos).env("TP0_ESPERA_MS", "60000");
        let salida = Proceso::lanzar(orden).terminar(PLAZO);
        let pares = salida.stdout.split_whitespace().filter_map(|campo| campo.split_once('='));
        let campos = pares.map(|(nombre, valor)| (nombre.to_owned(), valor.parse().unwrap())).collect();
        let bien = salida.codigo == Some(0) && salida.stderr.is_empty();
        Self { campos, salida: format!("{argumentos:?}: {salida}"), bien }
    }

    fn campo(&self, nombre: &str) -> i64 {
        *self.campos.get(nombre).unwrap_or_else(|| panic!("falta {nombre}: {}", self.salida))
    }

    fn cuantos(&self, nombre: &str) -> usize {
        self.campos.get(nombre).map_or(0, |valor| usize::try_from(*valor).unwrap())
    }

    #[track_caller]
    fn exigir_bien(&self) {
        assert!(self.bien, "{}", self.salida);
    }
}

/// Si el límite duro de descriptores alcanza. Si no, lo dice por su nombre.
fn alcanzan_los_descriptores(prueba: &str) -> bool {
    let (hacen_falta, hay) = (CONEXIONES + DE_MAS, comun::descriptores_posibles());
    if hay >= hacen_falta {
        return true;
    }
    decir(&format!(
        "salteado: {prueba}: el límite duro de descriptores es {hay} (ulimit -Hn) y hacen falta {hacen_falta}"
    ));
    comun::detallar("carga_conexiones", format!("{prueba} salteada: el sistema permite {hay} descriptores"));
    false
}

/// Todas conectadas a la vez, cada una con sus mensajes, y cada mensaje con su respuesta. `mayor` es lo más que puede ocupar cada
/// una en el servidor, en bytes.
#[track_caller]
fn muchas_a_la_vez(modo: &str, nombre: &str, conexiones: usize, mayor: i64) {
    const FILA: &str = "carga_conexiones";
    let medido = Medido::de(&[modo, &conexiones.to_string(), &MENSAJES.to_string()]);
    comun::sumar(FILA, conexiones, if medido.bien { medido.cuantos("buenas") } else { 0 });
    medido.exigir_bien();
    let segundos = (medido.campo("conectarse_ms") + medido.campo("hablar_ms")) as f64 / 1000.0;
    let (cuantas, tiempo) = (cifra(conexiones as f64, 0), cifra(segundos, 1));
    let (mensajes, kib) =
        (cifra(medido.campo("contestados") as f64, 0), cifra(medido.campo("bytes_por_conexion") as f64 / 1024.0, 2));
    let detalle = format!(
        "{nombre}: {cuantas} conexiones y {mensajes} mensajes contestados en {tiempo} s, {kib} KiB por conexión"
    );
    decir(&format!("carga {detalle}"));
    comun::detallar(FILA, detalle);
    assert_eq!(medido.cuantos("conexiones"), conexiones, "{}", medido.salida);
    assert_eq!(medido.cuantos("buenas"), conexiones, "{}", medido.salida);
    assert_eq!(medido.cuantos("contestados"), conexiones * MENSAJES, "{}", medido.salida);
    assert!(medido.campo("bytes_por_conexion") < mayor, "{}", medido.salida);
}

#[test]
fn diez_mil_a_la_vez_con_un_solo_hilo() {
    let _turno = de_a_una();
    if alcanzan_los_descriptores("diez_mil_a_la_vez_con_un_solo_hilo") {
        muchas_a_la_vez("sondeo", "un hilo con epoll", CONEXIONES, 2 * 1024);
    }
}

#[test]
fn diez_mil_a_la_vez_con_un_hilo_para_cada_una() {
    let _turno = de_a_una();
    if !alcanzan_los_descriptores("diez_mil_a_la_vez_con_un_hilo_para_cada_una") {
        return;
    }
    let probado = Medido::de(&["hilos", &CONEXIONES.to_string()]);
    probado.exigir_bien();
    let hilos = probado.cuantos("hilos");
    // Donde no se puede crear tantos, casi todos los que se puede: algunos los necesita el resto del sistema.
    let conexiones = if hilos < CONEXIONES { hilos * 9 / 10 } else { CONEXIONES };
    if conexiones < CONEXIONES {
        decir(&format!("carga: este sistema deja crear {hilos} hilos: se prueba con {conexiones} conexiones"));
    }
    assert!(conexiones >= 100, "con {hilos} hilos no se puede probar nada");
    muchas_a_la_vez("atender", "tp0_atender", conexiones, 64 * 1024);
}

#[test]
fn muchas_vienen_y_se_van_y_no_queda_nada() {
    const FILA: &str = "carga_ciclos";
    /// Con que cada ciclo perdiera lo menos que da malloc (32 bytes), veinte mil serían 625 KiB.
    const CRECIMIENTO: i64 = 512 * 1024;
    let _turno = de_a_una();
    let ciclos = if comun::en_integracion() { 100_000 } else { 20_000 };
    let medido = Medido::de(&["ciclos", &ciclos.to_string()]);
    let quienes = ["servidor", "cliente"];
    let crecio = |quien: &str| medido.campos.get(&format!("{quien}_crecio")).copied().unwrap_or(i64::MAX);
    let de_mas = |quien: &str| medido.campos.get(&format!("{quien}_descriptores")).copied().unwrap_or(i64::MAX);
    let sin_crecer = quienes.iter().all(|quien| crecio(quien) < CRECIMIENTO && de_mas(quien) == 0);
    comun::sumar(FILA, ciclos, if medido.bien && sin_crecer { medido.cuantos("ciclos") } else { 0 });
    medido.exigir_bien();
    let tiempo = cifra(medido.campo("ms") as f64 / 1000.0, 1);
    let kib = quienes.map(|quien| crecio(quien) / 1024);
    let detalle =
        format!("{tiempo} s; el servidor creció {} KiB y el cliente {}, y ninguno en descriptores", kib[0], kib[1]);
    decir(&format!("carga {ciclos} ciclos: {detalle}"));
    assert!(sin_crecer, "{}", medido.salida);
    assert_eq!(medido.cuantos("ciclos"), ciclos, "{}", medido.salida);
    comun::detallar(FILA, detalle);
}
