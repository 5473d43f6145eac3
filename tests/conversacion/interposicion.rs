//! Programas con cosas propias: funciones y `logger` del mismo nombre que los nuestros (enlazados con la `.so` y con la
//! `.a`), y un handshake propio a continuación del nuestro.

use crate::comun::ajeno::{Ajeno, Oyente, entero, mensaje, operacion, valores};
use crate::comun::{
    PLAZO, Proceso, compilar, compilar_modulo, dir_biblioteca, ejecutar, enlace_commons, exigir, lanzar_servidor,
    orden, ruta_nueva,
};

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lo que pide std en la `.a`; en glibc nueva están todas dentro de libc y no agregan nada.
const DEL_SISTEMA: &[&str] = &["-lpthread", "-ldl", "-lm"];

/// Una copia de `libtp0.a` con los símbolos exportados débiles, como la deja `make install`: el programa que define los
/// suyos gana. Solo los exportados: `objcopy --weaken` a secas debilita también las referencias sin resolver, el
/// enlazador deja de buscarlas y el programa salta a la dirección 0.
fn archivo_debil() -> PathBuf {
    let dir = ruta_nueva("estatica");
    fs::create_dir_all(&dir).unwrap();
    let exportados: String =
        ejecutar(Command::new("nm").args(["-D", "--defined-only"]).arg(dir_biblioteca().join("libtp0.so")))
            .lines()
            .filter_map(|linea| linea.split_whitespace().last())
            .map(|simbolo| format!("{simbolo}\n"))
            .collect();
    assert!(exportados.contains("crear_paquete\n"), "nm no vio lo que exporta libtp0.so:\n{exportados}");
    fs::write(dir.join("exportados"), exportados).unwrap();
    let copia = dir.join("libtp0.a");
    ejecutar(
        Command::new("objcopy")
            .arg(format!("--weaken-symbols={}", dir.join("exportados").display()))
            .arg(dir_biblioteca().join("libtp0.a"))
            .arg(&copia),
    );
    copia
}

fn compilar_con_archivo(nombre: &str, fuentes: &[&str], archivo: &Path) -> PathBuf {
    let mut args = vec![archivo.to_str().unwrap().to_owned()];
    args.extend(DEL_SISTEMA.iter().map(|arg| (*arg).to_owned()));
    args.extend(enlace_commons());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    compilar(nombre, fuentes, &args)
}

fn con_argumentos(programa: &Path, args: &[&str]) -> Command {
    let mut orden = orden(programa);
    orden.args(args);
    orden
}

fn necesita_la_so(programa: &Path) -> bool {
    ejecutar(Command::new("readelf").args(["-dW"]).arg(programa))
        .lines()
        .any(|l| l.contains("NEEDED") && l.contains("libtp0"))
}

/// El programa con funciones propias, de cliente y de servidor.
fn verificar_propias(caso: &str, programa: &Path) {
    let oyente = Oyente::nuevo();
    let cliente = Proceso::lanzar(con_argumentos(programa, &["cliente", "127.0.0.1", &oyente.puerto.to_string()]));
    let mut ajeno = oyente.aceptar_con_handshake();
    assert_eq!(
        ajeno.leer_hasta_el_fin(),
        // El 42 es el código que pone su crear_paquete.
        [mensaje("hola"), operacion(42, &valores(&[b"propio\0"]))].concat(),
        "{caso}: tenía que usarse el crear_paquete del programa, y solo donde el programa lo llama"
    );
    let salida = cliente.terminar(PLAZO);
    salida.exigir_exito(caso);
    assert_eq!(
        salida.stdout, "crear_paquete propio: 1\n",
        "{caso}: la biblioteca no llama nunca a sus funciones exportadas (el programa puede tener otras)"
    );

    let (servidor, puerto) = lanzar_servidor(con_argumentos(programa, &["servidor"]));
    let mut ajeno = Ajeno::con_handshake(puerto);
    ajeno.escribir(&[mensaje("hola"), operacion(1, &valores(&[b"valor\0"]))].concat());
    drop(ajeno);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito(caso);
    assert_eq!(
        salida.lineas(),
        [
            "[TRACE] Propio: Listo para escuchar a mi cliente",
            "[INFO] Propio: Se conecto un cliente!",
            "operacion 0",
            "[INFO] Propio: Me llego el mensaje hola",
            "operacion 1",
            "valor valor",
        ],
        "{caso}: el logger y las funciones del programa tienen que ganar sin meterse adentro de la biblioteca"
    );
}

#[test]
fn lo_que_define_el_programa_gana_con_la_biblioteca_dinamica() {
    if !exigir("gcc") || !exigir("readelf") {
        return;
    }
    for opciones in [["-fPIE", "-pie"], ["-fno-pie", "-no-pie"]] {
        let programa = compilar_modulo("propias", &["propias.c"], &opciones);
        assert!(necesita_la_so(&programa));
        verificar_propias(&format!("dinámico {opciones:?}"), &programa);
    }
}

#[test]
fn lo_que_define_el_programa_gana_con_la_biblioteca_estatica() {
    if !exigir("gcc") || !exigir("nm") || !exigir("objcopy") || !exigir("readelf") {
        return;
    }
    let programa = compilar_con_archivo("propias-estatico", &["propias.c"], &archivo_debil());
    assert!(!necesita_la_so(&programa), "tenía que enlazarse con la .a");
    verificar_propias("estático", &programa);
}

#[test]
fn el_esqueleto_anda_con_la_estatica_debil_y_con_la_original() {
    if !exigir("gcc") || !exigir("nm") || !exigir("objcopy") {
        return;
    }
    for (caso, archivo) in [("débil", archivo_debil()), ("original", dir_biblioteca().join("libtp0.a"))] {
        let programa = compilar_con_archivo("servidor-estatico", &["servidor.c"], &archivo);
        let (servidor, puerto) = lanzar_servidor(orden(programa));
        let guion = compilar_con_archivo("guion-estatico", &["guion.c"], &archivo);
        let mut cliente = Proceso::lanzar_interactivo(con_argumentos(&guion, &["127.0.0.1", &puerto.to_string()]));
        cliente.escribir("m desde la .a\np\nv uno\ne\n");
        cliente.terminar(PLAZO).exigir_exito("el cliente estático");
        let salida = servidor.terminar(PLAZO);
        salida.exigir_exito("el servidor estático");
        assert_eq!(
            salida.lineas()[3..],
            [
                "[INFO] Servidor: Me llego el mensaje desde la .a",
                "[INFO] Servidor: Paquete de 1 valores",
                "[INFO] Servidor: Valor: uno",
                "[ERROR] Servidor: El cliente se desconecto",
            ],
            "con la .a {caso}:\n{salida}"
        );
    }
}

/// El handshake propio del programa, con el nuestro antes o sin él.
#[test]
fn el_handshake_propio_sigue_al_nuestro_o_anda_solo() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("handshake-propio", &["handshake_propio.c"], &[]);
    let texto = mensaje("despues de dos handshakes");
    let casos =
        [(None, [entero(1), entero(1)].concat(), [entero(0), entero(0)].concat()), (Some("no"), entero(1), entero(0))];
    for (handshake, muestra, responde) in casos {
        let preparar = |args: &[&str]| {
            let mut orden = con_argumentos(&programa, args);
            if let Some(valor) = handshake {
                orden.env("TP0_HANDSHAKE", valor);
            }
            orden
        };
        let dice_el_servidor = ["me mostraron 1", "operacion 0", "Me llego el mensaje despues de dos handshakes"];

        // Los dos lados son el programa.
        let (servidor, puerto) = lanzar_servidor(preparar(&["servidor"]));
        let cliente = Proceso::lanzar(preparar(&["cliente", "127.0.0.1", &puerto.to_string()]));
        assert_eq!(cliente.terminar(PLAZO).stdout, "me respondieron 0\n", "TP0_HANDSHAKE={handshake:?}");
        assert_eq!(servidor.terminar(PLAZO).lineas(), dice_el_servidor, "TP0_HANDSHAKE={handshake:?}");

        // Servidor nuestro, cliente ajeno que escribe todo junto.
        let (servidor, puerto) = lanzar_servidor(preparar(&["servidor"]));
        let mut ajeno = Ajeno::conectar(puerto);
        ajeno.escribir(&[muestra.clone(), texto.clone()].concat());
        assert_eq!(ajeno.leer_hasta_el_fin(), responde, "TP0_HANDSHAKE={handshake:?}");
        assert_eq!(servidor.terminar(PLAZO).lineas(), dice_el_servidor, "TP0_HANDSHAKE={handshake:?}");

        // Cliente nuestro, servidor ajeno.
        let oyente = Oyente::nuevo();
        let cliente = Proceso::lanzar(preparar(&["cliente", "127.0.0.1", &oyente.puerto.to_string()]));
        let mut ajeno = oyente.aceptar();
        ajeno.escribir(&responde);
        assert_eq!(ajeno.leer_hasta_el_fin(), [muestra.clone(), texto.clone()].concat(), "TP0_HANDSHAKE={handshake:?}");
        assert_eq!(cliente.terminar(PLAZO).stdout, "me respondieron 0\n", "TP0_HANDSHAKE={handshake:?}");
    }
}
