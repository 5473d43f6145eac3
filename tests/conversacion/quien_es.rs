//! Un servidor que acepta varios valores de handshake sabe quién es cada cliente: el kernel, una CPU, la memoria. A los demás los
//! rechaza, y lo dice.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;

use crate::comun::ajeno::{Ajeno, entero, mensaje};
use crate::comun::{PLAZO, Proceso, Salida, compilar_con_tp0, exigir, lanzar_servidor, orden, orden_valgrind};
use tp0::{Conexion, Error, MotivoDeRechazo, Opciones, Recibido, Servidor};

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("quien_es", &["quien_es.c"])).clone()
}

/// Mientras un hilo está en `conectar`, los que escuchan en este mismo proceso contestan handshakes, y esos rechazos no se cuentan: las
/// pruebas que se conectan o que los cuentan van de a una.
fn de_a_una() -> MutexGuard<'static, ()> {
    static TURNO: Mutex<()> = Mutex::new(());
    TURNO.lock().unwrap_or_else(|veneno| veneno.into_inner())
}

fn quien_es(args: &[&str]) -> Command {
    let mut orden = orden(programa());
    orden.args(args);
    orden
}

fn presentarse(puerto: u16, valor: i32) -> Result<Conexion, Error> {
    Conexion::conectar_con("127.0.0.1", puerto, &Opciones::nuevas().handshake(valor))
}

fn texto(conexion: &mut Conexion) -> String {
    match conexion.recibir().unwrap() {
        Some(Recibido::Mensaje(texto)) => texto.to_owned(),
        otro => panic!("se esperaba un mensaje y llegó {otro:?}"),
    }
}

/// Una advertencia por cada rechazado, con quién era y qué mostró; y nada más.
#[track_caller]
fn exigir_advertencias(salida: &Salida, mostrados: &[i32]) {
    // Bajo valgrind, lo suyo empieza con ==: los descriptores que heredó de quien corre la prueba no son de ella.
    let mut vistas: Vec<&str> = salida.stderr.lines().filter(|linea| !linea.starts_with("==")).collect();
    vistas.sort_unstable();
    let linea = |v: &i32| {
        // El 0 es lo primero que manda un TP0 sin handshake.
        let pista = if *v == 0 { ". Si no hace handshake: TP0_HANDSHAKE=no" } else { "" };
        format!("mostró {v} (0x{v:08x}) como handshake y no es el que se espera{pista}")
    };
    let mut esperadas: Vec<String> = mostrados.iter().map(linea).collect();
    esperadas.sort_unstable();
    let hallada = |esperada: &String| {
        vistas
            .iter()
            .any(|v| v.starts_with("tp0: Se rechazó al cliente 127.0.0.1:") && v.ends_with(&format!(": {esperada}")))
    };
    assert!(vistas.len() == esperadas.len() && esperadas.iter().all(hallada), "esperaba {esperadas:?}\n{salida}");
}

#[test]
fn esperar_cliente_dice_quien_es_y_rechaza_a_los_demas() {
    let _turno = de_a_una();
    let (servidor, puerto) = lanzar_servidor(quien_es(&["esperar", "5"]));
    for valor in [20, 1, 10, 0, i32::MAX, -1, 21, i32::MIN, 20] {
        match presentarse(puerto, valor) {
            Ok(conexion) => {
                assert_eq!(conexion.handshake(), Some(valor));
                conexion.enviar_mensaje(&format!("dije {valor}")).unwrap();
            }
            Err(Error::HandshakeRechazado { mostrado, .. }) => assert_eq!(mostrado, valor),
            Err(otro) => panic!("{otro:?}"),
        }
    }
    let salida = servidor.terminar(PLAZO);
    assert_eq!(
        salida.exigir_exito("el servidor").lineas(),
        [
            "20 1 dije 20",
            "10 1 dije 10",
            "2147483647 1 dije 2147483647",
            "-2147483648 1 dije -2147483648",
            "20 1 dije 20"
        ]
    );
    exigir_advertencias(&salida, &[1, 0, -1, 21]);
}

#[test]
fn atender_sabe_quien_es_cada_uno_aunque_sean_muchos_a_la_vez() {
    let _turno = de_a_una();
    let detenido = |orden: Command| {
        let (servidor, puerto) = lanzar_servidor(orden);
        let hilos: Vec<_> = [10, 20, i32::MAX, i32::MIN, 10, 20, 7]
            .map(|valor| {
                thread::spawn(move || match presentarse(puerto, valor) {
                    Ok(mut conexion) => {
                        for _ in 0..20 {
                            conexion.enviar_mensaje("¿quién soy?").unwrap();
                            assert_eq!(texto(&mut conexion), format!("sos {valor}"));
                        }
                    }
                    Err(error) => assert!(valor == 7 && matches!(error, Error::HandshakeRechazado { mostrado: 7, .. })),
                })
            })
            .into();
        for hilo in hilos {
            hilo.join().unwrap();
        }
        let mut ultimo = presentarse(puerto, 10).unwrap();
        ultimo.enviar_mensaje("basta").unwrap();
        assert_eq!(texto(&mut ultimo), "sos 10");
        drop(ultimo);
        let salida = servidor.terminar(PLAZO);
        assert_eq!(salida.exigir_exito("el servidor").stdout, "detenido\n");
        exigir_advertencias(&salida, &[7]);
    };
    detenido(quien_es(&["atender"]));
    if exigir("valgrind") {
        let mut orden = orden_valgrind(programa(), &["--track-fds=yes"]);
        orden.arg("atender");
        detenido(orden);
    }
}

#[test]
fn un_cliente_en_c_muestra_el_valor_que_se_le_diga() {
    let opciones = Opciones::nuevas().handshakes(&[10, -3]).unwrap();
    let servidor = Arc::new(Servidor::iniciar_con("127.0.0.1", "0", &opciones).unwrap());
    let puerto = servidor.puerto().unwrap().to_string();
    let otro = Arc::clone(&servidor);
    let hilo = thread::spawn(move || {
        otro.atender(|mut cliente| {
            assert_eq!(texto(&mut cliente), cliente.handshake().unwrap().to_string());
            cliente.enviar_mensaje("te conozco").unwrap();
        })
    });
    let salida = Proceso::lanzar(quien_es(&["cliente", &puerto, "10", "5", "-3", "10"])).terminar(PLAZO);
    let lineas = salida.exigir_exito("el cliente").lineas();
    assert_eq!([lineas[0], lineas[2], lineas[3]], ["10: te conozco", "-3: te conozco", "10: te conozco"]);
    let rechazo = format!("5: 127.0.0.1:{puerto} rechazó el handshake: le mostramos 5 y contestó -1.");
    assert!(lineas[1].starts_with(&rechazo), "{salida}");
    servidor.detener().unwrap();
    hilo.join().unwrap().unwrap();
}

#[test]
fn en_rust_el_rechazo_dice_que_valor_mostro() {
    let _turno = de_a_una();
    let servidor =
        Arc::new(Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas().handshakes(&[10, 20]).unwrap()).unwrap());
    let puerto = servidor.puerto().unwrap();
    let hilo = thread::spawn(move || {
        let mut ajenos = Vec::new();
        for valor in [5, 20, -1, 10] {
            let mut ajeno = Ajeno::conectar(puerto);
            ajeno.escribir(&entero(valor));
            let aceptado = [10, 20].contains(&valor);
            assert_eq!(ajeno.leer(4), entero(if aceptado { 0 } else { -1 }));
            if aceptado {
                ajeno.escribir(&mensaje("soy yo"));
                ajenos.push(ajeno);
            }
        }
        ajenos
    });
    let mut motivos = Vec::new();
    let mut llegados = Vec::new();
    for _ in 0..2 {
        let mut cliente = servidor.esperar_cliente_avisando(|rechazo| motivos.push(rechazo.motivo)).unwrap();
        llegados.push(cliente.handshake());
        assert_eq!(texto(&mut cliente), "soy yo");
    }
    drop(hilo.join().unwrap());
    assert_eq!(llegados, [Some(20), Some(10)]);
    assert_eq!(motivos, [MotivoDeRechazo::OtroValor(5), MotivoDeRechazo::OtroValor(-1)]);
}

#[test]
fn con_handshake_opcional_se_sabe_quien_lo_mostro() {
    let _turno = de_a_una();
    let (servidor, puerto) = lanzar_servidor(quien_es(&["opcional", "3"]));
    let conexion = presentarse(puerto, 10).unwrap();
    conexion.enviar_mensaje("con").unwrap();
    drop(conexion);
    let mut ajeno = Ajeno::conectar(puerto);
    ajeno.escribir(&mensaje("sin"));
    let conexion = Conexion::conectar_con("127.0.0.1", puerto, &Opciones::nuevas().sin_handshake()).unwrap();
    assert_eq!(conexion.handshake(), None);
    conexion.enviar_mensaje("sin, en Rust").unwrap();
    let salida = servidor.terminar(PLAZO);
    assert_eq!(salida.exigir_exito("el servidor").lineas(), ["10 1 con", "0 0 sin", "0 0 sin, en Rust"]);
    assert_eq!(salida.stderr, "");
}

#[test]
fn lo_que_no_se_puede_pedir() {
    let salida = Proceso::lanzar(quien_es(&["argumentos"])).terminar(PLAZO);
    assert_eq!(salida.exigir_exito("quien_es argumentos").stdout, "todo bien\n");
    if exigir("valgrind") {
        let mut orden = orden_valgrind(programa(), &[]);
        orden.arg("argumentos");
        assert_eq!(Proceso::lanzar(orden).terminar(PLAZO).exigir_exito("con valgrind").stdout, "todo bien\n");
    }
    assert!(matches!(Opciones::nuevas().handshakes(&[]), Err(Error::Argumento(_))));
    assert!(matches!(Opciones::nuevas().handshakes(&[0; 33]), Err(Error::Argumento(_))));
    assert!(Opciones::nuevas().handshakes(&[0; 32]).is_ok());
}
