//! Programas que no usan la biblioteca de la manera más simple: multiplexan con select(), leen por su cuenta de la misma
//! conexión, atienden cada cliente en un proceso, cierran con close() o no cierran nunca.

use crate::comun::ajeno::{Ajeno, Oyente, entero, mensaje, operacion, paquete};
use crate::comun::{PLAZO, Proceso, compilar_modulo, exigir, lanzar_servidor, orden};

use std::path::Path;
use std::process::Command;

fn con_argumentos(programa: &Path, args: &[&str]) -> Command {
    let mut orden = orden(programa);
    orden.args(args);
    orden
}

/// Un mensaje de ida y la respuesta.
fn preguntar(ajeno: &mut Ajeno, texto: &str, respuesta: &str) {
    ajeno.escribir(&mensaje(texto));
    let esperada = mensaje(respuesta);
    assert_eq!(ajeno.leer(esperada.len()), esperada, "la respuesta a {texto:?} tenía que ser {respuesta:?}");
}

fn select_con_clientes_intercalados(handshake: Option<&str>) {
    let mut comando = orden(compilar_modulo("servidor-select", &["servidor_select.c"], &[]));
    if let Some(valor) = handshake {
        comando.env("TP0_HANDSHAKE", valor);
    }
    let (servidor, puerto) = lanzar_servidor(comando);
    let presentarse = || if handshake.is_none() { Ajeno::presentarse(puerto) } else { Ajeno::conectar(puerto) };

    // Tres que se presentan antes de que el servidor atienda a ninguno: select() tiene que avisar por cada uno.
    let mut clientes: Vec<Ajeno> = (0..3).map(|_| presentarse()).collect();
    if handshake.is_none() {
        for ajeno in &mut clientes {
            assert_eq!(ajeno.leer(4), [0, 0, 0, 0]);
        }
    }
    for i in 1..=3 {
        servidor.esperar_linea(&format!("entra {i}"), PLAZO);
    }

    // Hablan en cualquier orden; cada uno recibe su respuesta.
    for vuelta in 0..20 {
        for i in [2, 0, 1, 1, 0] {
            preguntar(&mut clientes[i], &format!("vuelta {vuelta} cliente {i}"), "visto");
            servidor.esperar_linea(&format!("Me llego el mensaje vuelta {vuelta} cliente {i}"), PLAZO);
        }
    }

    // Uno se va, sin despedirse; los otros ni se enteran.
    drop(clientes.remove(1));
    let se_fue = servidor.esperar_linea("se va", PLAZO);
    for ajeno in &mut clientes {
        preguntar(ajeno, "sigo acá", "visto");
    }

    // Dos mensajes juntos: select() avisa de nuevo por lo que quedó sin leer en el socket.
    clientes[0].escribir(&[mensaje("doble a"), paquete(&[b"x\0", b"y\0"]), mensaje("doble b")].concat());
    let visto = mensaje("visto");
    assert_eq!(clientes[0].leer(2 * visto.len()), [visto.clone(), visto].concat());
    servidor.esperar_linea("valores: 2", PLAZO);

    // Uno nuevo ocupa el lugar del que se fue, y uno que se presenta mal no molesta a nadie.
    let mut nuevo = if handshake.is_none() {
        let mut malo = Ajeno::conectar(puerto);
        malo.escribir(&entero(1234));
        let nuevo = Ajeno::con_handshake(puerto);
        assert_eq!(malo.leer_hasta_el_fin(), [0xFF; 4]);
        nuevo
    } else {
        presentarse()
    };
    preguntar(&mut nuevo, "recién llegado", "visto");
    preguntar(&mut clientes[1], "y yo sigo", "visto");

    nuevo.escribir(&operacion(99, &[]));
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor con select");
    assert_eq!(salida.stdout.matches("se va").count(), 1, "solo se fue uno ({se_fue}):\n{salida}");
    assert_eq!(salida.stdout.matches("entra").count(), 4, "{salida}");
}

#[test]
fn select_atiende_a_varios_clientes_intercalados() {
    if exigir("gcc") {
        select_con_clientes_intercalados(None);
        select_con_clientes_intercalados(Some("no"));
    }
}

#[test]
fn un_cliente_callado_no_despierta_a_select_ni_frena_a_los_demas() {
    if !exigir("gcc") {
        return;
    }
    let (servidor, puerto) = lanzar_servidor(orden(compilar_modulo("servidor-select", &["servidor_select.c"], &[])));
    let mut charlatan = Ajeno::con_handshake(puerto);
    // Se conectan y no dicen nada: si esperar_cliente se quedara con ellos, el charlatán no recibiría respuesta.
    let callados: Vec<Ajeno> = (0..5).map(|_| Ajeno::conectar(puerto)).collect();
    for i in 0..50 {
        preguntar(&mut charlatan, &format!("mensaje {i}"), "visto");
    }
    let mut otro = Ajeno::con_handshake(puerto);
    preguntar(&mut otro, "detrás de los callados", "visto");
    preguntar(&mut charlatan, "y sigo", "visto");
    charlatan.escribir(&operacion(99, &[]));
    servidor.terminar(PLAZO).exigir_exito("el servidor con select");
    drop(callados);
}

#[test]
fn el_recv_y_el_send_propios_conviven_con_los_nuestros() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("mezcla", &["mezcla.c"], &[]);

    // El programa como servidor. El ajeno escribe todo de una vez: nadie puede leer un byte de más.
    let (servidor, puerto) = lanzar_servidor(con_argumentos(&programa, &["servidor"]));
    let mut ajeno = Ajeno::conectar(puerto);
    let todo = [
        entero(1),
        mensaje("uno"),
        paquete(&[b"dos\0", b"", b"tres\0"]),
        operacion(5, b"crudo"),
        operacion(6, b"buffer"),
        entero(777),
        paquete(&[b"final\0"]),
    ];
    ajeno.escribir(&todo.concat());
    let esperado =
        [entero(0), entero(101), entero(102), entero(103), entero(104), mensaje("listo"), entero(105)].concat();
    assert_eq!(ajeno.leer(esperado.len()), esperado);
    drop(ajeno);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("mezcla servidor");
    assert_eq!(
        salida.lineas(),
        [
            "[INFO] Mezcla: Se conecto un cliente!",
            "codigo propio 0",
            "[INFO] Mezcla: Me llego el mensaje uno",
            "codigo propio 1",
            "paquete con codigo propio: 3 valores [dos] [] [tres]",
            "operacion 5",
            "payload propio de 5: crudo",
            "espiado 6 6",
            "operacion 6",
            "buffer de 6: buffer",
            "entero suelto 777",
            "operacion 1",
            "paquete: 1 valores [final]",
            "ultima operacion -1",
        ]
    );

    // El programa como cliente.
    let oyente = Oyente::nuevo();
    let cliente = Proceso::lanzar(con_argumentos(&programa, &["cliente", "127.0.0.1", &oyente.puerto.to_string()]));
    let mut ajeno = oyente.aceptar();
    // Otra vez todo junto, desde el handshake.
    ajeno.escribir(&[entero(0), entero(201), mensaje("respuesta"), entero(301), mensaje("entero")].concat());
    let esperado = [entero(1), mensaje("uno"), entero(202), paquete(&[b"dos\0"]), entero(203)].concat();
    assert_eq!(ajeno.leer_hasta_el_fin(), esperado);
    let salida = cliente.terminar(PLAZO);
    salida.exigir_exito("mezcla cliente");
    assert_eq!(
        salida.lineas(),
        [
            "propio 201",
            "operacion 0",
            "[INFO] Mezcla: Me llego el mensaje respuesta",
            "propio 301",
            "entero: 1 valores [entero]",
        ]
    );
}

#[test]
fn un_proceso_por_cliente_y_el_padre_cierra_su_copia() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("servidor-fork", &["servidor_fork.c"], &[]);
    for cierre in ["liberar", "close"] {
        let (servidor, puerto) = lanzar_servidor(con_argumentos(&programa, &["4", cierre]));

        // El primero habla después de que el padre cerró su copia: la conexión tiene que seguir en el hijo.
        let mut primero = Ajeno::con_handshake(puerto);
        servidor.esperar_linea("padre listo tras 1", PLAZO);
        preguntar(&mut primero, "uno", "hijo 1");

        // El segundo entra aunque un hijo haya cerrado ya el socket de escucha del lado suyo.
        let mut segundo = Ajeno::con_handshake(puerto);
        servidor.esperar_linea("padre listo tras 2", PLAZO);
        preguntar(&mut segundo, "dos", "hijo 2");
        preguntar(&mut primero, "uno otra vez", "hijo 1");

        // El primero se va; su hijo termina y el padre sigue aceptando.
        drop(primero);
        let mut tercero = Ajeno::con_handshake(puerto);
        servidor.esperar_linea("padre listo tras 3", PLAZO);
        preguntar(&mut tercero, "tres", "hijo 3");
        preguntar(&mut segundo, "dos otra vez", "hijo 2");
        let mut cuarto = Ajeno::con_handshake(puerto);
        servidor.esperar_linea("padre listo tras 4", PLAZO);
        preguntar(&mut cuarto, "cuatro", "hijo 4");

        // Cuando el hijo cierra la suya, que es la última copia, el otro lado ve el fin.
        for mut ajeno in [segundo, tercero, cuarto] {
            ajeno.no_escribo_mas();
            assert_eq!(ajeno.leer_hasta_el_fin(), [], "cerrando con {cierre}: alguna copia quedó abierta");
        }
        servidor.esperar_linea("hijos fallidos: 0", PLAZO);
        servidor.terminar(PLAZO).exigir_exito("el servidor con fork");
    }
}

#[test]
fn ninguna_costumbre_de_cierre_corta_a_otro_ni_acumula_descriptores() {
    if !exigir("gcc") {
        return;
    }
    const CANTIDAD: usize = 300;
    let programa = compilar_modulo("cierres", &["cierres.c"], &[]);
    // Entrada, salida, error, el que escucha, el permanente y el de turno; y con "nada", además, los 64 reservados.
    let holgura = 12;
    for (costumbre, limite) in [
        ("liberar", holgura),
        ("close", holgura),
        ("nada", holgura + 64),
        ("tarde", holgura),
        ("sin_fin", holgura),
        ("liberar_sin_fin", holgura),
    ] {
        let (servidor, puerto) = lanzar_servidor(con_argumentos(&programa, &[costumbre, &CANTIDAD.to_string()]));
        let ida_y_vuelta = |ajeno: &mut Ajeno, quien: &str| preguntar(ajeno, quien, "visto");
        for _ in 0..3 {
            ida_y_vuelta(&mut Ajeno::con_handshake(puerto), "previo");
        }
        let mut permanente = Ajeno::con_handshake(puerto);
        ida_y_vuelta(&mut permanente, "permanente");
        for i in 1..=CANTIDAD {
            let mut ajeno = Ajeno::con_handshake(puerto);
            ida_y_vuelta(&mut ajeno, &format!("{costumbre} {i}"));
            drop(ajeno);
            if i % 100 == 0 {
                ida_y_vuelta(&mut permanente, "sigo siendo yo");
            }
        }
        drop(permanente);
        let salida = servidor.terminar(PLAZO);
        salida.exigir_exito(&format!("cierres {costumbre}"));
        let lineas: Vec<&str> = salida.lineas();
        let maximo = lineas
            .iter()
            .find_map(|linea| linea.strip_prefix("maximo de descriptores: "))
            .and_then(|numero| numero.parse::<usize>().ok())
            .unwrap_or_else(|| panic!("{costumbre}: falta la cuenta de descriptores\n{salida}"));
        assert!(maximo <= limite, "{costumbre}: llegó a tener {maximo} descriptores abiertos, y el límite es {limite}");
        assert_eq!(lineas.len(), 1, "{costumbre}: algo salió mal en el camino\n{salida}");
    }
}

#[test]
fn un_descriptor_reciclado_olvida_su_codigo() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("reciclado", &["reciclado.c"], &[]);
    for args in [&[] as &[&str], &["propio"]] {
        let mut comando = con_argumentos(&programa, args);
        // Sin handshake, así el accept del programa vale como el nuestro.
        comando.env("TP0_HANDSHAKE", "no");
        let (servidor, puerto) = lanzar_servidor(comando);
        let mut primero = Ajeno::conectar(puerto);
        primero.escribir(&paquete(&[b"no lo lee nadie\0"]));
        servidor.esperar_linea("codigo 1", PLAZO);
        let mut segundo = Ajeno::conectar(puerto);
        segundo.escribir(&mensaje("hola"));
        let salida = servidor.terminar(PLAZO);
        salida.exigir_exito("reciclado");
        assert_eq!(
            salida.lineas(),
            ["codigo 1", "mismo numero", "1 valores: hola"],
            "{args:?}: recibir_paquete usó el código del que tenía antes ese número"
        );
    }
}
