//! Contra un par que no comparte código con la biblioteca: sockets de la biblioteca estándar y bytes escritos a mano.
//! De cada lado por vez, con handshake y sin él; lo que viaja se compara byte por byte.

use crate::comun::ajeno::{Ajeno, Oyente, entero, mensaje, operacion, paquete, valores};
use crate::comun::{PLAZO, Proceso, compilar_modulo, exigir, lanzar_servidor, orden};

use std::path::Path;
use std::process::Command;

/// Los bytes de referencia, escritos enteros: ninguna función de esta prueba los calcula.
const HANDSHAKE: &[u8] = &[0x01, 0x00, 0x00, 0x00];
const ACEPTADO: &[u8] = &[0x00, 0x00, 0x00, 0x00];
const RECHAZADO: &[u8] = &[0xFF, 0xFF, 0xFF, 0xFF];

/// Qué se le ordena al cliente y qué tiene que viajar.
struct Caso {
    que: &'static str,
    guion: &'static str,
    bytes: &'static [u8],
    /// Lo que dice el servidor del esqueleto cuando recibe esos mismos bytes.
    dice: &'static [&'static str],
}

#[rustfmt::skip] // Los bytes se leen mejor en las líneas del formato: cabecera, y después cada valor.
const CASOS: &[Caso] = &[
    Caso {
        que: "un mensaje",
        guion: "m hola\n",
        bytes: &[0, 0, 0, 0, 5, 0, 0, 0,
                 b'h', b'o', b'l', b'a', 0],
        dice: &["[INFO] Servidor: Me llego el mensaje hola"],
    },
    Caso {
        que: "un mensaje vacío: viaja su '\\0'",
        guion: "m\n",
        bytes: &[0, 0, 0, 0, 1, 0, 0, 0,
                 0],
        dice: &["[INFO] Servidor: Me llego el mensaje "],
    },
    Caso {
        que: "letras de más de un byte",
        guion: "m ñ€\n",
        bytes: &[0, 0, 0, 0, 6, 0, 0, 0,
                 0xC3, 0xB1, 0xE2, 0x82, 0xAC, 0],
        dice: &["[INFO] Servidor: Me llego el mensaje ñ€"],
    },
    Caso {
        que: "un paquete de varios valores",
        guion: "p\nv uno\nv dos\nv\ne\n",
        bytes: &[1, 0, 0, 0, 21, 0, 0, 0,
                 4, 0, 0, 0, b'u', b'n', b'o', 0,
                 4, 0, 0, 0, b'd', b'o', b's', 0,
                 1, 0, 0, 0, 0],
        dice: &["[INFO] Servidor: Paquete de 3 valores", "[INFO] Servidor: Valor: uno",
                "[INFO] Servidor: Valor: dos", "[INFO] Servidor: Valor: "],
    },
    Caso {
        que: "un valor de largo cero y otro sin su '\\0'",
        guion: "p\nz\ns fin\ne\n",
        bytes: &[1, 0, 0, 0, 11, 0, 0, 0,
                 0, 0, 0, 0,
                 3, 0, 0, 0, b'f', b'i', b'n'],
        dice: &["[INFO] Servidor: Paquete de 2 valores", "[INFO] Servidor: Valor: ", "[INFO] Servidor: Valor: fin"],
    },
    Caso {
        que: "un paquete vacío",
        guion: "p\ne\n",
        bytes: &[1, 0, 0, 0, 0, 0, 0, 0],
        dice: &["[INFO] Servidor: Paquete de 0 valores"],
    },
    Caso {
        que: "una operación propia que es solo la cabecera",
        guion: "p\nc 300\ne\n",
        bytes: &[0x2C, 0x01, 0, 0, 0, 0, 0, 0],
        dice: &["[INFO] Servidor: Operacion 300 de 0 bytes: "],
    },
    Caso {
        que: "una operación propia con payload",
        guion: "p\nc 7\ns ab\ne\n",
        bytes: &[7, 0, 0, 0, 6, 0, 0, 0,
                 2, 0, 0, 0, b'a', b'b'],
        dice: &["[INFO] Servidor: Operacion 7 de 6 bytes: \u{2}"],
    },
    Caso {
        que: "varias cosas seguidas",
        guion: "m a\np\nv b\ne\np\nc 2147483647\ne\nm c\n",
        bytes: &[0, 0, 0, 0, 2, 0, 0, 0, b'a', 0,
                 1, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, b'b', 0,
                 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0,
                 0, 0, 0, 0, 2, 0, 0, 0, b'c', 0],
        dice: &["[INFO] Servidor: Me llego el mensaje a", "[INFO] Servidor: Paquete de 1 valores",
                "[INFO] Servidor: Valor: b", "[INFO] Servidor: Operacion 2147483647 de 0 bytes: ",
                "[INFO] Servidor: Me llego el mensaje c"],
    },
    Caso {
        que: "conectarse e irse",
        guion: "",
        bytes: &[],
        dice: &[],
    },
];

fn con_entorno(programa: &Path, handshake: Option<&str>) -> Command {
    let mut orden = orden(programa);
    if let Some(valor) = handshake {
        orden.env("TP0_HANDSHAKE", valor);
    }
    orden
}

/// Lanza `guion` contra el oyente ajeno.
fn lanzar_guion(programa: &Path, oyente: &Oyente, handshake: Option<&str>) -> Proceso {
    let mut orden = con_entorno(programa, handshake);
    orden.args(["127.0.0.1", &oyente.puerto.to_string()]);
    Proceso::lanzar_interactivo(orden)
}

#[test]
fn nuestro_cliente_contra_un_servidor_ajeno() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("guion", &["guion.c"], &[]);
    for handshake in [None, Some("no")] {
        for caso in CASOS {
            let oyente = Oyente::nuevo();
            let mut cliente = lanzar_guion(&programa, &oyente, handshake);
            let mut ajeno = oyente.aceptar();
            if handshake.is_none() {
                assert_eq!(ajeno.leer(4), HANDSHAKE, "{}: el handshake del cliente", caso.que);
                ajeno.escribir(ACEPTADO);
            }
            cliente.escribir(caso.guion);
            cliente.cerrar_entrada();
            assert_eq!(
                ajeno.leer_hasta_el_fin(),
                caso.bytes,
                "{} (TP0_HANDSHAKE={handshake:?}): no viajaron los bytes del contrato",
                caso.que
            );
            let salida = cliente.terminar(PLAZO);
            salida.exigir_exito(caso.que);
            assert_eq!(salida.stderr, "", "{}", caso.que);
        }
    }
}

#[test]
fn nuestro_servidor_contra_un_cliente_ajeno() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("servidor", &["servidor.c"], &[]);
    for handshake in [None, Some("no")] {
        for caso in CASOS {
            let (servidor, puerto) = lanzar_servidor(con_entorno(&programa, handshake));
            let mut ajeno = Ajeno::conectar(puerto);
            if handshake.is_none() {
                // Todo junto, handshake y mensajes: el servidor no puede leer de más mientras saluda.
                ajeno.escribir(&[HANDSHAKE, caso.bytes].concat());
                assert_eq!(ajeno.leer(4), ACEPTADO, "{}: la respuesta del servidor", caso.que);
            } else {
                ajeno.escribir(caso.bytes);
            }
            ajeno.no_escribo_mas();
            assert_eq!(ajeno.leer_hasta_el_fin(), [], "{}: el servidor no tenía nada más que escribir", caso.que);
            let salida = servidor.terminar(PLAZO);
            salida.exigir_exito(caso.que);

            let mut esperado = vec![
                "[TRACE] Servidor: Listo para escuchar a mi cliente",
                "[INFO] Servidor: Servidor listo para recibir al cliente",
                "[INFO] Servidor: Se conecto un cliente!",
            ];
            esperado.extend(caso.dice);
            esperado.push("[ERROR] Servidor: El cliente se desconecto");
            assert_eq!(salida.lineas(), esperado, "{} (TP0_HANDSHAKE={handshake:?})", caso.que);
            assert_eq!(salida.stderr, "", "{}", caso.que);
        }
    }
}

#[test]
fn los_bytes_llegan_bien_aunque_lleguen_de_a_uno() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("servidor", &["servidor.c"], &[]);
    let (servidor, puerto) = lanzar_servidor(con_entorno(&programa, None));
    let mut ajeno = Ajeno::conectar(puerto);
    // Con TCP_NODELAY cada byte sale en un segmento propio.
    for byte in [HANDSHAKE, &mensaje("goteo"), &paquete(&[b"uno\0", b""]), &operacion(9, &[])].concat() {
        ajeno.escribir(&[byte]);
    }
    assert_eq!(ajeno.leer(4), ACEPTADO);
    ajeno.no_escribo_mas();
    assert_eq!(ajeno.leer_hasta_el_fin(), []);
    let salida = servidor.terminar(PLAZO);
    assert_eq!(
        salida.lineas()[3..],
        [
            "[INFO] Servidor: Me llego el mensaje goteo",
            "[INFO] Servidor: Paquete de 2 valores",
            "[INFO] Servidor: Valor: uno",
            "[INFO] Servidor: Valor: ",
            "[INFO] Servidor: Operacion 9 de 0 bytes: ",
            "[ERROR] Servidor: El cliente se desconecto",
        ],
        "{salida}"
    );
}

#[test]
fn un_valor_grande_viaja_entero_en_los_dos_sentidos() {
    if !exigir("gcc") {
        return;
    }
    // Más grande que cualquier buffer de socket: obliga a escrituras y lecturas parciales.
    const LARGO: usize = 9_000_000;
    let contenido: Vec<u8> = (0..LARGO).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let esperado = operacion(1, &[valores(&[&contenido]), valores(&[b"fin\0"])].concat());

    let oyente = Oyente::nuevo();
    let mut cliente = lanzar_guion(&compilar_modulo("guion", &["guion.c"], &[]), &oyente, None);
    let mut ajeno = oyente.aceptar_con_handshake();
    cliente.escribir(&format!("p\nb {LARGO}\nv fin\ne\n"));
    cliente.cerrar_entrada();
    let llegado = ajeno.leer_hasta_el_fin();
    // Sin assert_eq!: nueve millones de números no le explican nada a nadie.
    assert!(llegado == esperado, "llegaron {} bytes y tenían que ser {}, iguales", llegado.len(), esperado.len());
    cliente.terminar(PLAZO).exigir_exito("el cliente");

    let (servidor, puerto) = lanzar_servidor(orden(compilar_modulo("servidor", &["servidor.c"], &[])));
    let mut ajeno = Ajeno::con_handshake(puerto);
    let texto = "x".repeat(LARGO);
    ajeno.escribir(&mensaje(&texto));
    drop(ajeno);
    let salida = servidor.terminar(PLAZO);
    let linea = salida.lineas()[3];
    assert!(
        linea == format!("[INFO] Servidor: Me llego el mensaje {texto}"),
        "el mensaje de {LARGO} bytes llegó de {}",
        linea.len()
    );
}

#[test]
fn un_handshake_equivocado_se_rechaza_y_el_siguiente_entra() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("servidor", &["servidor.c"], &[]);
    // Qué espera el servidor (None: lo de siempre) y qué muestran los que no deben entrar.
    let casos: &[(Option<&str>, i32, &[i32])] =
        &[(None, 1, &[2, 0, -1, 16_777_216, i32::MAX]), (Some("-77"), -77, &[1, 77]), (Some("0"), 0, &[1])];
    for (entorno, bueno, malos) in casos {
        let (servidor, puerto) = lanzar_servidor(con_entorno(&programa, *entorno));
        let mut direcciones = Vec::new();
        for malo in *malos {
            let mut ajeno = Ajeno::conectar(puerto);
            ajeno.escribir(&entero(*malo));
            assert_eq!(ajeno.leer_hasta_el_fin(), RECHAZADO, "mostrando {malo} a quien espera {bueno}: -1 y el cierre");
            direcciones.push(ajeno.direccion().to_string());
        }
        let mut ajeno = Ajeno::conectar(puerto);
        ajeno.escribir(&entero(*bueno));
        assert_eq!(ajeno.leer(4), ACEPTADO, "mostrando {bueno} tras {} rechazos", malos.len());
        ajeno.escribir(&mensaje("entré"));
        drop(ajeno);
        let salida = servidor.terminar(PLAZO);
        salida.exigir_exito("el servidor");
        for direccion in direcciones {
            let avisos =
                salida.lineas().iter().filter(|l| l.starts_with("[WARNING]") && l.contains(&direccion)).count();
            assert_eq!(avisos, 1, "cada rechazado deja una advertencia con su dirección ({direccion}):\n{salida}");
        }
        assert!(salida.lineas().contains(&"[INFO] Servidor: Me llego el mensaje entré"), "{salida}");
        assert_eq!(salida.stdout.matches("Se conecto un cliente!").count(), 1, "{salida}");
    }
}

#[test]
fn el_cliente_rechazado_no_manda_nada_mas() {
    if !exigir("gcc") {
        return;
    }
    let programa = compilar_modulo("guion", &["guion.c"], &[]);
    let casos: &[(Option<&str>, &[u8], &[u8])] = &[
        (None, HANDSHAKE, RECHAZADO),
        (Some("5"), &[5, 0, 0, 0], RECHAZADO),
        (Some("-2"), &[0xFE, 0xFF, 0xFF, 0xFF], RECHAZADO),
        (None, HANDSHAKE, &[9, 0, 0, 0]),
        // Se corta en el medio de la respuesta.
        (None, HANDSHAKE, &[0, 0]),
        (None, HANDSHAKE, &[]),
    ];
    for (entorno, mostrado, respuesta) in casos {
        let oyente = Oyente::nuevo();
        let mut cliente = lanzar_guion(&programa, &oyente, *entorno);
        let mut ajeno = oyente.aceptar();
        assert_eq!(ajeno.leer(4), *mostrado, "TP0_HANDSHAKE={entorno:?}");
        ajeno.escribir(respuesta);
        ajeno.no_escribo_mas();
        assert_eq!(ajeno.leer_hasta_el_fin(), [], "tras {respuesta:?} el cliente se va sin escribir nada");
        cliente.cerrar_entrada();
        let salida = cliente.terminar(PLAZO);
        assert_eq!(
            (salida.codigo, salida.stdout.as_str(), salida.stderr.as_str()),
            (Some(1), "sin conexion\n", ""),
            "respuesta {respuesta:?}: crear_conexion tiene que dar -1 y no imprimir nada"
        );
    }
}
