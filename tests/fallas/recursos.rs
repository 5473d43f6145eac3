//! Cuando se acaban la memoria o los descriptores, o alguien los quiere acabar desde afuera: ninguna llamada hace caer al
//! programa, los errores son claros, lo ocupado tiene límite y el servicio vuelve.

use crate::comun;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::comun::{PLAZO, Proceso, Salida};
use crate::hostil::{ACEPTADO, Conductor, HOLA, Par, RECHAZADO, encabezado, mensaje};

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| comun::compilar_con_tp0("matriz_recursos", &["matriz_recursos.c"])).clone()
}

fn correr(caso: &str, entorno: &[(&str, &str)]) -> Salida {
    let mut orden = comun::orden(programa());
    orden.arg(caso).envs(entorno.iter().copied());
    Proceso::lanzar(orden).terminar(PLAZO)
}

#[track_caller]
fn bien(caso: &str) -> Salida {
    let _contado = comun::contar("recursos");
    let salida = correr(caso, &[]);
    salida.exigir_exito(caso);
    assert_eq!(salida.lineas().last(), Some(&"bien"), "{salida}");
    salida
}

/// Las pruebas que abren cientos de sockets en este proceso van de a una: con el límite de fábrica (1024) no entran dos.
fn de_a_una() -> MutexGuard<'static, ()> {
    static TURNO: Mutex<()> = Mutex::new(());
    TURNO.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Un campo de `/proc/PID/status`, en kB.
fn memoria(pid: u32, campo: &str) -> u64 {
    let estado = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let linea = estado.lines().find_map(|linea| linea.strip_prefix(campo)).unwrap();
    linea.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

fn descriptores(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

// ---------------------------------------------------------------------------------------------------------------------
// Sin memoria
// ---------------------------------------------------------------------------------------------------------------------

/// Corre cada caso en un proceso propio y los cuenta a todos: uno que falla no tapa a los demás.
#[track_caller]
fn sin_memoria<'a>(casos: impl IntoIterator<Item = &'a str>, entorno: &[(&str, &str)]) {
    let mut fallas = Vec::new();
    for caso in casos {
        let salida = correr(caso, entorno);
        let salio_bien = salida.codigo == Some(0) && salida.lineas().last() == Some(&"bien");
        comun::sumar("recursos", 1, usize::from(salio_bien));
        if !salio_bien {
            fallas.push(format!("{caso}: {salida}"));
        }
    }
    assert!(fallas.is_empty(), "{}", fallas.join("\n"));
}

/// Resolver un nombre es de std y de la biblioteca de C, que sin memoria abortan: un límite documentado.
const AJENO: &str = "conectar_por_nombre";

#[test]
fn sin_memoria_ninguna_llamada_hace_caer_al_programa() {
    let casos = comun::ejecutar(comun::orden(programa()).arg("casos"));
    assert!(casos.lines().count() >= 25, "{casos}");
    sin_memoria(casos.lines().filter(|caso| *caso != AJENO), &[]);
}

#[test]
fn sin_memoria_y_con_variables_de_entorno_tampoco() {
    let entorno = [
        ("TP0_IP", "127.0.0.1"),
        ("TP0_PUERTO", "0"),
        ("TP0_HANDSHAKE", "1"),
        ("TP0_ESPERA_MS", "5000"),
        ("TP0_TAMANIO_MAXIMO", "1000000"),
    ];
    sin_memoria(["conectar", "iniciar", "en_uso", "del_entorno"], &entorno);
}

#[test]
fn sin_memoria_tp0_atender_sigue_con_los_que_tiene() {
    bien("memoria_atendiendo");
}

// ---------------------------------------------------------------------------------------------------------------------
// Poca memoria, o la de otro
// ---------------------------------------------------------------------------------------------------------------------

#[track_caller]
fn todo_bien(programa: &Path, caso: &str, entorno: &[(&str, &str)]) -> Salida {
    let _contado = comun::contar("recursos");
    let mut orden = comun::orden(programa);
    orden.envs(entorno.iter().copied());
    comun::correr_caso(orden, caso, "todo bien", PLAZO)
}

#[test]
fn un_paquete_de_valores_vacios_no_ocupa_dieciseis_veces_lo_que_mide() {
    let programa = comun::compilar_con_tp0("paquete_de_vacios", &["paquete_de_vacios.c"]);
    for caso in ["vacios", "vacios_en_un_hilo", "de_a_dos_pasos", "limites", "bordes"] {
        todo_bien(&programa, caso, &[]);
    }
}

#[test]
fn con_otro_malloc_no_se_pisa_un_byte() {
    // gcc no tiene que saber qué hace malloc: acá lo escribe el programa.
    let mut args = vec![format!("-I{}", comun::raiz().join("include").display()), "-fno-builtin-malloc".to_owned()];
    args.extend(comun::enlace_tp0());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    todo_bien(&comun::compilar("otro_asignador", &["otro_asignador.c"], &args), "", &[]);
}

/// Con la biblioteca de release: sin optimizar, los marcos son mucho más grandes.
#[test]
fn con_la_menor_pila_que_se_puede_pedir_anda_todo() {
    let release = comun::dir_biblioteca().ancestors().nth(2).unwrap().join("release");
    assert!(release.join("libtp0.so").exists(), "falta {}: corré make", release.display());
    let (release, include) = (release.display(), comun::raiz().join("include"));
    let args = [
        format!("-I{}", include.display()),
        format!("-L{release}"),
        "-ltp0".to_owned(),
        format!("-Wl,-rpath,{release}"),
    ];
    let programa = comun::compilar("pila_minima", &["pila_minima.c"], &args.each_ref().map(String::as_str));
    todo_bien(&programa, "", &[]);
    todo_bien(&programa, "", &[("TP0_TRAZA", "1")]);
}

// ---------------------------------------------------------------------------------------------------------------------
// Anuncios que no se cumplen
// ---------------------------------------------------------------------------------------------------------------------

/// Cuántos anuncian y no mandan.
const ANUNCIAN: usize = 1_000;
/// Lo más que pueden ocupar entre todos, en kB: menos de lo que anuncia uno solo.
const OCUPAN: u64 = 60 * 1024;

#[test]
fn mil_anuncian_64_mib_y_la_memoria_no_lo_nota() {
    const NOMBRE: &str = "mil_anuncian_64_mib_y_la_memoria_no_lo_nota";
    let _turno = de_a_una();
    if !comun::permitir_descriptores(ANUNCIAN + 200) {
        comun::decir(&format!("salteado: {NOMBRE}: no alcanza el límite duro de descriptores (ulimit -Hn)"));
        return;
    }
    let _contado = comun::contar("recursos");
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (antes, pedido_antes) = (memoria(c.pid(), "VmRSS:"), memoria(c.pid(), "VmData:"));
    let mut pares = Vec::new();
    for i in 0..ANUNCIAN {
        let (par, cliente) = c.atender(servidor, puerto);
        par.mandar(&encabezado(9, 64 * 1024 * 1024));
        // De cada cuatro, uno manda además 20 kB: se guarda lo que llegó, no lo que se anunció.
        par.mandar(&vec![b'x'; if i % 4 == 0 { 20_000 } else { 0 }]);
        assert_eq!(c.bien(&format!("operacion {cliente}")), 9);
        pares.push((par, c.en_hilo(&format!("buffer {cliente}"))));
    }
    // Todos adentro de recibir_buffer: sigue entrando y conversando uno más.
    let (otro, cliente) = c.atender(servidor, puerto);
    otro.mandar(&mensaje("yo sí"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    c.bien(&format!("recibir_mensaje {cliente}"));
    c.imprime("Me llego el mensaje yo sí");
    let crecio = memoria(c.pid(), "VmHWM:") - antes;
    comun::decir(&format!("recursos: con {ANUNCIAN} x 64 MiB anunciados la memoria creció {} MiB", crecio / 1024));
    comun::detallar("recursos", format!("con {ANUNCIAN} × 64 MiB anunciados la memoria creció {} MiB", crecio / 1024));
    assert!(crecio < OCUPAN, "con 62,5 GiB anunciados la memoria creció {crecio} kB desde {antes} kB");
    // Tampoco se la pidió de antemano: lo demás son las pilas de los hilos, de 8 MiB.
    let pidio = memoria(c.pid(), "VmData:") - pedido_antes;
    assert!(pidio < u64::try_from(ANUNCIAN).unwrap() * 32 * 1024, "se pidieron {pidio} kB de memoria virtual");
    for (par, recepcion) in pares {
        drop(par);
        let respuesta = c.resultado(recepcion);
        respuesta.con_error("ECONNRESET", &["67108864"]);
        assert_eq!(respuesta.ret, -1, "{respuesta}");
    }
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// Sin descriptores
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn sin_descriptores_se_dice_y_despues_todo_vuelve_cien_veces() {
    bien("descriptores_y_de_nuevo");
}

#[test]
fn con_lugar_para_pocos_se_atiende_a_todos_de_a_tandas() {
    bien("descriptores_atendiendo");
}

// ---------------------------------------------------------------------------------------------------------------------
// Una inundación de handshakes
// ---------------------------------------------------------------------------------------------------------------------

/// Inunda con medios handshakes un servidor con ese límite de descriptores, y comprueba que queden exactamente los
/// últimos `caben` y que el bueno entre enseguida.
#[track_caller]
fn inundar(limite: u32, caben: usize, de_mas: usize) {
    let (_turno, _contado) = (de_a_una(), comun::contar("recursos"));
    // Nadie espera un plazo: el que se va es por ser uno de más.
    let c = Conductor::con(&[("TP0_ESPERA_MS", "600000")]);
    c.bien(&format!("limite_descriptores {limite}"));
    let (servidor, puerto) = c.servidor();
    let base = descriptores(c.pid());
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let mut mudos = Vec::new();
    for i in 0..caben + de_mas {
        let mudo = Par::mudo(puerto);
        mudo.mandar(&HOLA[..1]);
        mudos.push(mudo);
        if i % 50 == 0 {
            let abiertos = descriptores(c.pid()) - base;
            // Uno más, mientras el nuevo desplaza al viejo, y el par del timbre.
            assert!(abiertos <= caben + 4, "hay {abiertos} descriptores por {caben} pendientes");
        }
    }
    for (i, mudo) in mudos.drain(..de_mas).enumerate() {
        assert_eq!(mudo.hasta_el_fin(), RECHAZADO, "el {i} tenía que irse primero");
    }
    let bueno = Par::saludo(puerto);
    bueno.espera(&ACEPTADO);
    c.resultado(espera).bien();
    assert!(descriptores(c.pid()) - base <= caben + 5);
    // El más viejo de los que quedan y el más nuevo siguen ahí, y si completan entran.
    for quien in [0, caben - 1] {
        assert!(mudos[quien].callado(Duration::from_millis(30)), "el {quien} sigue con su plazo");
        mudos[quien].mandar(&HOLA[1..]);
        c.bien(&format!("esperar {servidor}"));
        mudos[quien].espera(&ACEPTADO);
    }
    c.terminar();
}

#[test]
fn los_pendientes_son_a_lo_sumo_la_mitad_de_los_descriptores() {
    inundar(200, 100, 60);
}

#[test]
fn los_pendientes_son_a_lo_sumo_512() {
    inundar(4_000, 512, 40);
}

#[test]
fn entre_los_pendientes_se_va_primero_el_callado_mas_viejo() {
    const CABEN: usize = 20;
    const HABLARON: usize = 5;
    let (_turno, _contado) = (de_a_una(), comun::contar("recursos"));
    // Con el handshake opcional el núcleo no esconde a los mudos.
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional"), ("TP0_ESPERA_MS", "60000")]);
    c.bien(&format!("limite_descriptores {}", 2 * CABEN));
    let (servidor, puerto) = c.servidor();
    // Con los dos de quien despierta a la que espera.
    let base = descriptores(c.pid()) + 2;
    let _espera = c.lanzar(&format!("esperar {servidor}"));
    let entra = |bytes: &[u8]| {
        let par = Par::mudo(puerto);
        par.mandar(bytes);
        par
    };
    let mut hablaron: Vec<Par> = (0..HABLARON).map(|_| entra(&HOLA[..1])).collect();
    let callados: Vec<Par> = (HABLARON..CABEN).map(|_| entra(&[])).collect();
    comun::esperar_que("que estén todos", PLAZO, || descriptores(c.pid()) == base + CABEN);
    let un_rato = Duration::from_millis(20);
    for (i, callado) in callados.iter().enumerate() {
        hablaron.push(entra(&HOLA[..1]));
        assert_eq!(callado.hasta_el_fin(), RECHAZADO, "le tocaba al callado {i}");
        assert!(callados[i + 1..].iter().all(|otro| otro.callado(Duration::from_millis(2))), "y a ningún otro");
        assert!(hablaron.iter().all(|otro| otro.callado(Duration::from_millis(1))), "y menos a uno que habló");
        comun::esperar_que("que quede en su lugar", PLAZO, || descriptores(c.pid()) == base + CABEN);
    }
    // Sin callados, al más viejo de todos.
    let otro = entra(&HOLA[..1]);
    assert_eq!(hablaron.remove(0).hasta_el_fin(), RECHAZADO);
    assert!(otro.callado(un_rato) && hablaron.iter().all(|otro| otro.callado(Duration::from_millis(1))));
}
