//! El caso central: un servidor y un cliente con la forma de los del TP0, que solo conocen los prototipos de su
//! `utils.h`, corren en dos procesos enlazados con `-ltp0`. Y las seis funciones de la misión, que alcanzan solas.

use crate::comun::ajeno::{Ajeno, mensaje};
use crate::comun::{
    PLAZO, Proceso, Salida, compilar, compilar_con_tp0, compilar_modulo, ejecutar, enlace_commons, enlace_tp0, exigir,
    lanzar_servidor, orden, orden_valgrind, ruta_nueva,
};

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::Command;

/// Líneas al azar, distintas en cada corrida: cortas, largas y con letras de más de un byte. Si algo falla, la prueba
/// las muestra en lo que esperaba.
fn lineas_al_azar() -> Vec<String> {
    const LETRAS: &[&str] = &["a", "Z", "7", " ", "ñ", "á", "%", "s", "€", "n", "\"", "\\", "d", "{", "}", "\t"];
    let azar = RandomState::new();
    let cantidad = 3 + azar.hash_one("cantidad") % 12;
    let largo_de = |i: u64| if i == 1 { 20_000 } else { 1 + azar.hash_one(("largo", i)) % 60 };
    (0..cantidad)
        .map(|i| {
            (0..largo_de(i))
                .map(|j| LETRAS[usize::try_from(azar.hash_one((i, j))).unwrap() % LETRAS.len()])
                .collect::<String>()
        })
        .collect()
}

/// Lo que tiene que decir el servidor, letra por letra.
fn esperado(texto: &str, lineas: &[String]) -> String {
    let mut todo = format!(
        "[TRACE] Servidor: Listo para escuchar a mi cliente\n\
         [INFO] Servidor: Servidor listo para recibir al cliente\n\
         [INFO] Servidor: Se conecto un cliente!\n\
         [INFO] Servidor: Me llego el mensaje {texto}\n\
         [INFO] Servidor: Paquete de {} valores\n",
        lineas.len()
    );
    for linea in lineas {
        todo.push_str(&format!("[INFO] Servidor: Valor: {linea}\n"));
    }
    todo.push_str("[ERROR] Servidor: El cliente se desconecto\n");
    todo
}

/// Corre los dos procesos con un mensaje y un paquete de líneas; devuelve cómo terminó cada uno.
fn conversar(servidor: Command, cliente: Command, texto: &str, lineas: &[String]) -> (Salida, Salida) {
    let (servidor, puerto) = lanzar_servidor(servidor);
    let mut cliente = cliente;
    cliente.args(["127.0.0.1", &puerto.to_string(), texto]);
    let mut cliente = Proceso::lanzar_interactivo(cliente);
    cliente.escribir(&format!("{}\n\nesta ya no se manda\n", lineas.join("\n")));
    let del_cliente = cliente.terminar(PLAZO);
    let del_servidor = servidor.terminar(PLAZO);
    (del_servidor, del_cliente)
}

fn verificar(caso: &str, servidor: &Path, cliente: &Path) {
    let lineas = lineas_al_azar();
    let texto = format!("mensaje de {caso}, 100%s ñandú");
    let archivo = ruta_nueva("servidor.log");
    let mut orden_servidor = orden(servidor);
    orden_servidor.arg(&archivo);
    let (del_servidor, del_cliente) = conversar(orden_servidor, orden(cliente), &texto, &lineas);

    del_servidor.exigir_exito("el servidor");
    del_cliente.exigir_exito("el cliente");
    let esperado = esperado(&texto, &lineas);
    assert_eq!(del_servidor.stdout, esperado, "{caso}: el servidor no dijo lo que tenía que decir");
    assert_eq!(fs::read_to_string(archivo).unwrap(), esperado, "{caso}: al archivo de log le falta algo");
    assert_eq!(del_cliente.stdout, format!("Mande {} lineas\n", lineas.len()), "{caso}");
    assert_eq!(del_servidor.stderr, "", "{caso}: el servidor no debe decir nada por stderr");
    assert_eq!(del_cliente.stderr, "", "{caso}: el cliente no debe decir nada por stderr");
}

/// Los símbolos de un ejecutable, según readelf, que mencionan `logger`.
fn menciones_de_logger(programa: &Path, tabla: &str) -> Vec<String> {
    ejecutar(Command::new("readelf").args(["-W", tabla]).arg(programa))
        .lines()
        .filter(|linea| linea.split_whitespace().any(|campo| campo == "logger" || campo.starts_with("logger@")))
        .map(str::to_owned)
        .collect()
}

#[test]
fn servidor_y_cliente_del_tp0_sin_tp0_h() {
    if !exigir("gcc") {
        return;
    }
    let servidor = compilar_modulo("servidor", &["servidor.c"], &[]);
    let cliente = compilar_modulo("cliente", &["cliente.c"], &[]);
    verificar("el enlace de siempre", &servidor, &cliente);
}

#[test]
fn el_cliente_no_necesita_commons() {
    if !exigir("gcc") {
        return;
    }
    let enlace = enlace_tp0();
    let enlace: Vec<&str> = enlace.iter().map(String::as_str).collect();
    let servidor = compilar_modulo("servidor", &["servidor.c"], &[]);
    let cliente = compilar("cliente-solo", &["cliente.c"], &enlace);
    verificar("un cliente sin commons", &servidor, &cliente);
}

#[test]
fn el_logger_asignado_vale_con_y_sin_pie() {
    if !exigir("gcc") || !exigir("readelf") {
        return;
    }
    let cliente = compilar_modulo("cliente", &["cliente.c"], &[]);
    for opciones in [["-fPIE", "-pie"], ["-fno-pie", "-no-pie"]] {
        let servidor = compilar_modulo("servidor", &["servidor.c"], &opciones);
        // Sin PIE el programa guarda su propia copia de la variable (COPY): la biblioteca tiene que mirar esa copia.
        if opciones.contains(&"-no-pie") {
            let reubicaciones = menciones_de_logger(&servidor, "-r");
            assert!(
                reubicaciones.iter().any(|linea| linea.contains("COPY")),
                "se esperaba una reubicación COPY de logger, y hay {reubicaciones:?}: ¿libtp0.so lo exporta como dato, \
                 con visibilidad default?"
            );
        }
        verificar(&format!("{opciones:?}"), &servidor, &cliente);
    }
}

#[test]
fn el_logger_que_define_el_programa_gana() {
    if !exigir("gcc") || !exigir("readelf") {
        return;
    }
    let cliente = compilar_modulo("cliente", &["cliente.c"], &[]);
    for opciones in [["-fPIE", "-pie"], ["-fno-pie", "-no-pie"]] {
        let servidor =
            compilar_modulo("servidor-logger", &["servidor.c"], &[opciones.as_slice(), &["-DLOGGER_PROPIO"]].concat());
        assert!(
            !menciones_de_logger(&servidor, "-r").iter().any(|linea| linea.contains("COPY")),
            "el programa define logger: no hay nada que copiar"
        );
        assert!(
            menciones_de_logger(&servidor, "--dyn-syms").iter().any(|linea| !linea.contains("UND")),
            "el programa tiene que exportar su logger, porque libtp0.so también lo menciona"
        );
        verificar(&format!("logger propio {opciones:?}"), &servidor, &cliente);
    }
}

#[test]
fn sin_logger_solo_sale_la_linea_de_recibir_mensaje_y_en_orden() {
    if !exigir("gcc") {
        return;
    }
    let mut con_commons = enlace_commons();
    con_commons.push("-DCON_COMMONS".to_owned());
    for (caso, mas) in [("sin commons", Vec::new()), ("con commons y logger NULL", con_commons)] {
        let mut args = enlace_tp0();
        args.extend(mas);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (servidor, puerto) = lanzar_servidor(orden(compilar("sin-logger", &["sin_logger.c"], &args)));
        let mut ajeno = Ajeno::con_handshake(puerto);
        ajeno.escribir(&mensaje("uno"));
        ajeno.escribir(&mensaje("100%s dos"));
        drop(ajeno);
        let salida = servidor.terminar(PLAZO);
        salida.exigir_exito("el servidor");
        assert_eq!(
            salida.stdout, "antes\nMe llego el mensaje uno\ndespues\nMe llego el mensaje 100%s dos\ndespues\n",
            "{caso}: tiene que salir por el stdout de C, que es el que usa el programa"
        );
        assert_eq!(salida.stderr, "", "{caso}");
    }
}

/// Corre las seis funciones; el servidor y el cliente pueden ir bajo valgrind.
fn seis(preparar: impl Fn(&[&str]) -> Command, entrada: &str) -> (Salida, Salida) {
    let (servidor, puerto) = lanzar_servidor(preparar(&["servidor"]));
    let mut cliente = Proceso::lanzar_interactivo(preparar(&["cliente", "127.0.0.1", &puerto.to_string()]));
    cliente.escribir(entrada);
    let del_cliente = cliente.terminar(PLAZO);
    let del_servidor = servidor.terminar(PLAZO);
    del_servidor.exigir_exito("el servidor de las seis funciones");
    del_cliente.exigir_exito("el cliente de las seis funciones");
    (del_servidor, del_cliente)
}

#[test]
fn las_seis_funciones_alcanzan_y_el_fin_se_distingue_de_un_error() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_con_tp0("seis", &["seis.c"]);
    let preparar = |args: &[&str]| {
        let mut orden = orden(&programa);
        orden.args(args);
        orden
    };

    // Corta el cliente. El texto vacío no se confunde con el fin.
    let (servidor, cliente) = seis(preparar, "hola\n\n¿qué tal?\n");
    assert_eq!(cliente.stdout, "eco: hola\neco: \neco: ¿qué tal?\n");
    assert_eq!(
        servidor.stdout, "recibi: hola\nrecibi: \nrecibi: ¿qué tal?\nfin: errno 0, tp0_error explica\n",
        "el fin en orden es la lista vacía con errno 0 y un texto en tp0_error()"
    );

    // Corta el servidor: el fin se ve igual del otro lado.
    let (servidor, cliente) = seis(preparar, "hola\nchau\n");
    assert_eq!(cliente.stdout, "eco: hola\neco: chau\nfin: errno 0, tp0_error explica\n");
    assert_eq!(servidor.stdout, "recibi: hola\nrecibi: chau\n");
}

#[test]
fn valgrind_no_encuentra_nada_en_el_esqueleto() {
    if !exigir("gcc") || !exigir("valgrind") {
        return;
    }
    let servidor = compilar_modulo("servidor", &["servidor.c"], &[]);
    let cliente = compilar_modulo("cliente", &["cliente.c"], &[]);
    let lineas = lineas_al_azar();
    let (del_servidor, del_cliente) =
        conversar(orden_valgrind(servidor, &[]), orden_valgrind(cliente, &[]), "bajo valgrind", &lineas);
    del_servidor.exigir_exito("el servidor bajo valgrind");
    del_cliente.exigir_exito("el cliente bajo valgrind");
    assert_eq!(del_servidor.stdout, esperado("bajo valgrind", &lineas));
    assert_eq!(del_cliente.stdout, format!("Mande {} lineas\n", lineas.len()));
    // Con --quiet valgrind solo habla para denunciar algo.
    assert_eq!((del_servidor.stderr.as_str(), del_cliente.stderr.as_str()), ("", ""), "valgrind encontró algo");
}

/// Los descriptores que el programa abrió y no cerró, según `--track-fds`. Cada uno ocupa dos renglones o más, y el segundo
/// dice dónde se creó; los heredados son de quien corre las pruebas.
fn descriptores_que_dejo(salida: &Salida) -> Vec<String> {
    let renglones: Vec<&str> = salida.stderr.lines().collect();
    renglones
        .windows(2)
        .filter(|par| par[0].contains("Open ") && !par[1].contains("<inherited from parent>"))
        .map(|par| par.join(" "))
        .collect()
}

#[test]
fn valgrind_no_encuentra_nada_en_las_seis_funciones_ni_descriptores_abiertos() {
    if !exigir("gcc") || !exigir("valgrind") {
        return;
    }
    let programa = compilar_con_tp0("seis", &["seis.c"]);
    let preparar = |args: &[&str]| {
        let mut orden = orden_valgrind(&programa, &["--track-fds=yes"]);
        orden.args(args);
        orden
    };
    let (servidor, cliente) = seis(preparar, "hola\nchau\n");
    assert_eq!(cliente.stdout, "eco: hola\neco: chau\nfin: errno 0, tp0_error explica\n");
    for (quien, salida) in [("servidor", servidor), ("cliente", cliente)] {
        let abiertos = descriptores_que_dejo(&salida);
        assert!(abiertos.is_empty(), "el {quien} dejó abierto {abiertos:?}\n{salida}");
    }
}

#[test]
fn valgrind_denuncia_de_verdad() {
    if !exigir("gcc") || !exigir("valgrind") {
        return;
    }
    let programa = compilar("alcanzable", &["alcanzable.c"], &[]);
    let salida = Proceso::lanzar(orden_valgrind(programa, &["--track-fds=yes"])).terminar(PLAZO);
    assert_eq!(salida.codigo, Some(9), "un bloque todavía alcanzable tiene que ser un error:\n{salida}");
    assert!(salida.stderr.contains("still reachable"), "{salida}");
    assert_eq!(descriptores_que_dejo(&salida).len(), 1, "y el socket que no cerró, uno:\n{salida}");
}
