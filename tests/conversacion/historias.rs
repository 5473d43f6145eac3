//! Las historias de `examples/`, en Rust, son las de `c_examples/`, en C: dicen lo mismo, mandan los mismos bytes, y cualquiera
//! habla con cualquiera.

use crate::comun;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use crate::comun::{PLAZO, Proceso, esperar_que, puerto_libre, raiz, ruta_nueva};
use crate::ejemplos::{Lengua, PAREJAS, ejemplo, lanzar_servidor, puerto_de};

/// Con cada pareja de lenguajes. El nombre de la pareja queda en la salida: si algo falla, es la última.
fn con_cada_pareja(prueba: impl Fn(Lengua, Lengua)) {
    for (servidor, cliente) in PAREJAS {
        println!("servidor en {servidor:?}, cliente en {cliente:?}");
        prueba(servidor, cliente);
    }
}

/// Los servidores en C terminan con Ctrl-C; los de Rust no tienen con qué esperar una señal, y se los mata.
fn terminar(lengua: Lengua, servidor: Proceso) -> comun::Salida {
    if lengua == Lengua::Rust {
        return servidor.matar();
    }
    servidor.senial(libc::SIGINT);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    salida
}

#[test]
fn el_tp0() {
    con_cada_pareja(|de_servidor, de_cliente| {
        let (servidor, puerto) = lanzar_servidor(de_servidor, "servidor", &[]);
        let mut cliente = ejemplo(de_cliente, "cliente");
        match de_cliente {
            Lengua::C => {
                let config = ruta_nueva("config");
                fs::write(&config, format!("CLAVE=¿qué tal?\nIP=127.0.0.1\nPUERTO={puerto}\n")).unwrap();
                cliente.arg(config);
            }
            Lengua::Rust => {
                cliente.args(["¿qué tal?", "127.0.0.1", &puerto.to_string()]);
            }
        }
        let mut cliente = Proceso::lanzar_interactivo(cliente);
        cliente.escribir("uno\nñandú\n\nesto no viaja\n");
        let salida = cliente.terminar(PLAZO);
        salida.exigir_exito("el cliente");
        let conectado = format!("Me conecté a 127.0.0.1:{puerto}.");
        assert_eq!(salida.lineas(), [conectado.as_str(), "El servidor contestó: Valores recibidos: 2."]);

        servidor.esperar_linea("El cliente se fue.", PLAZO);
        let salida = terminar(de_servidor, servidor);
        let recibido = ["Me llego el mensaje ¿qué tal?", "Me llegaron los siguientes valores:", "  - uno", "  - ñandú"];
        assert!(salida.lineas().windows(4).any(|lineas| lineas == recibido), "{salida}");
        assert!(!salida.stdout.contains("esto no viaja"), "{salida}");
    });
}

/// Alguien en el chat, con su consola.
fn entrar_al_chat(lengua: Lengua, nombre: &str, puerto: u16) -> Proceso {
    let mut orden = ejemplo(lengua, if lengua == Lengua::C { "chat_cliente" } else { "chat" });
    orden.args([nombre, "127.0.0.1", &puerto.to_string()]);
    Proceso::lanzar_interactivo(orden)
}

#[test]
fn el_chat() {
    con_cada_pareja(|de_servidor, de_cliente| {
        let (chat, puerto) = match de_servidor {
            Lengua::C => lanzar_servidor(de_servidor, "chat_servidor", &[]),
            Lengua::Rust => lanzar_servidor(de_servidor, "chat", &["servidor"]),
        };
        // Siempre hay uno de cada lenguaje conversando con el otro.
        let mut ana = entrar_al_chat(Lengua::C, "ana", puerto);
        ana.esperar_linea("*: Están: ana", PLAZO);
        let mut beto = entrar_al_chat(Lengua::Rust, "beto", puerto);
        beto.esperar_linea("*: Están: ana, beto", PLAZO);
        ana.esperar_linea("*: beto entró.", PLAZO);
        let mut caro = entrar_al_chat(de_cliente, "caro", puerto);
        caro.esperar_linea("*: Están: ana, beto, caro", PLAZO);
        let tocayo = entrar_al_chat(de_cliente, "beto", puerto);
        tocayo.esperar_linea("*: Ese nombre no sirve, o ya está: probá con otro.", PLAZO);
        tocayo.terminar(PLAZO).exigir_exito("el tocayo");

        ana.escribir("¿cómo andan?\n");
        beto.esperar_linea("ana: ¿cómo andan?", PLAZO);
        caro.esperar_linea("ana: ¿cómo andan?", PLAZO);
        caro.escribir("/a ana un secreto de tres palabras\n");
        ana.esperar_linea("caro (sólo a vos): un secreto de tres palabras", PLAZO);
        beto.escribir("/a nadie hola\n/que\n");
        beto.esperar_linea("*: No está.", PLAZO);
        beto.esperar_linea("*: Los comandos son /quienes, /a NOMBRE TEXTO y /chau.", PLAZO);

        // Ctrl-D es irse; y los demás se enteran.
        caro.cerrar_entrada();
        caro.terminar(PLAZO).exigir_exito("caro");
        ana.esperar_linea("*: caro se fue.", PLAZO);
        beto.esperar_linea("*: caro se fue.", PLAZO);
        beto.escribir("/quienes\n");
        beto.esperar_linea("*: Están: ana, beto", PLAZO);

        // El que se va es el servidor: nadie queda esperando, aunque tenga la consola abierta.
        ana.escribir("/chau\n");
        beto.esperar_linea("*: ana se fue.", PLAZO);
        terminar(de_servidor, chat);
        beto.esperar_linea("Se terminó", PLAZO);
        for (quien, proceso) in [("ana", ana), ("beto", beto)] {
            let salida = proceso.terminar(PLAZO);
            salida.exigir_exito(quien);
            assert!(quien == "ana" || !salida.stdout.contains("secreto"), "{quien} vio lo que no era suyo: {salida}");
            assert!(quien != "ana" || !salida.stdout.contains("ana: "), "ana se escuchó a sí misma: {salida}");
        }
    });
}

/// Un eslabón que escucha en ese puerto (0: cualquiera).
fn eslabon(lengua: Lengua, nombre: &str, puerto: u16, siguiente: Option<u16>) -> Proceso {
    let mut orden = ejemplo(lengua, "cadena");
    orden.arg(nombre);
    match lengua {
        Lengua::C => orden.env("TP0_IP", "127.0.0.1"),
        Lengua::Rust => orden.arg("127.0.0.1"),
    };
    orden.arg(puerto.to_string());
    if let Some(siguiente) = siguiente {
        orden.args(["127.0.0.1", &siguiente.to_string()]);
    }
    Proceso::lanzar(orden)
}

/// Lo que le contestan a `seis_funciones` por cada pregunta.
fn preguntar(puerto: u16, preguntas: &[&str]) -> Vec<String> {
    let mut orden = ejemplo(Lengua::C, "seis_funciones");
    orden.args(["cliente", "127.0.0.1", &puerto.to_string()]).args(preguntas);
    let salida = Proceso::lanzar(orden).terminar(PLAZO);
    salida.exigir_exito("el que pregunta");
    let respuestas = salida.stdout.lines().map(|linea| linea.strip_prefix("Me contestaron: ").unwrap().to_owned());
    respuestas.collect()
}

#[test]
fn la_cadena_mezclada_va_y_vuelve_y_si_se_corta_dice_donde() {
    con_cada_pareja(|una, otra| {
        let c = eslabon(una, "C", 0, None);
        let puerto_de_c = puerto_de(&c);
        let b = eslabon(otra, "B", 0, Some(puerto_de_c));
        let a = eslabon(una, "A", 0, Some(puerto_de(&b)));
        let puerto = puerto_de(&a);
        assert_eq!(preguntar(puerto, &["hola", ""]), ["hola > A > B > C < B < A", " > A > B > C < B < A"]);

        c.matar();
        let respuestas = preguntar(puerto, &["¿hay alguien?"]);
        let [respuesta] = respuestas.as_slice() else { panic!("{respuestas:?}") };
        assert!(respuesta.starts_with("B no pudo seguir: Conexión rechazada: "), "{respuesta}");
        assert!(respuesta.contains(&puerto_de_c.to_string()) && respuesta.ends_with(" < A"), "{respuesta}");
        b.esperar_linea("B: me llegó «¿hay alguien? > A».", PLAZO);
    });
}

#[test]
fn quien_es_quien() {
    con_cada_pareja(|de_servidor, de_cliente| {
        let (servidor, puerto) = lanzar_servidor(de_servidor, "quien_soy", &["servidor"]);
        let correr = |modulo: &str| {
            let mut cliente = ejemplo(de_cliente, "quien_soy");
            cliente.args([modulo, "127.0.0.1", &puerto.to_string(), "acá estoy"]);
            Proceso::lanzar(cliente).terminar(PLAZO)
        };
        for modulo in ["memoria", "kernel", "cpu"] {
            let salida = correr(modulo);
            salida.exigir_exito(modulo);
            assert_eq!(salida.lineas(), [format!("El servidor dice: Hola, {modulo}.")]);
            servidor.esperar_linea(&format!("Se conectó: {modulo}."), PLAZO);
            servidor.esperar_linea(&format!("{modulo} dice: acá estoy"), PLAZO);
            servidor.esperar_linea(&format!("Se fue: {modulo}."), PLAZO);
        }
        let salida = correr("consola");
        assert_eq!(salida.codigo, Some(1), "{salida}");
        assert!(salida.stderr.contains("rechazó el handshake: le mostramos 1"), "{salida}");
        assert_eq!(terminar(de_servidor, servidor).lineas().len(), 1 + 3 * 3);
    });
}

/// La familia con que se prueba, como argumentos: con un nombre vacío, otro de más de un byte por letra, y los extremos.
const FAMILIA: [&str; 15] = [
    "Núñez",
    "Av. 9 de Julio",
    "4294967295", // apellido, calle y número
    "0",
    "0",
    "4294967295",
    "Ñ", //
    "30123456",
    "255",
    "0",
    "", //
    "1",
    "18",
    "2",
    "Ana Clara",
];

/// El cliente de la familia, en cualquiera de los dos lenguajes.
fn cliente_de_persona(lengua: Lengua, puerto: u16) -> Command {
    let mut orden = match lengua {
        Lengua::C => ejemplo(lengua, "persona_cliente"),
        Lengua::Rust => ejemplo(lengua, "persona"),
    };
    if lengua == Lengua::Rust {
        orden.arg("cliente");
    }
    orden.args(["127.0.0.1", &puerto.to_string()]);
    orden
}

#[test]
fn la_familia_serializada() {
    con_cada_pareja(|de_servidor, de_cliente| {
        let (servidor, puerto) = match de_servidor {
            Lengua::C => lanzar_servidor(de_servidor, "persona_servidor", &[]),
            Lengua::Rust => lanzar_servidor(de_servidor, "persona", &["servidor"]),
        };
        let mut orden = cliente_de_persona(de_cliente, puerto);
        orden.args(FAMILIA);
        let salida = Proceso::lanzar(orden).terminar(PLAZO);
        salida.exigir_exito("el cliente");
        assert_eq!(
            salida.lineas(),
            [
                "En promedio, 91.0 años; hay menores. La persona mayor: , de 255.",
                "Ñ (dni 0, pasaporte 4294967295) ahora tiene 1.",
            ]
        );

        let mut apagar = match de_cliente {
            Lengua::C => ejemplo(de_cliente, "persona_cliente"),
            Lengua::Rust => ejemplo(de_cliente, "persona"),
        };
        let puerto = puerto.to_string();
        match de_cliente {
            Lengua::C => apagar.args(["127.0.0.1", &puerto, "apagar"]),
            Lengua::Rust => apagar.args(["apagar", "127.0.0.1", &puerto]),
        };
        Proceso::lanzar(apagar).terminar(PLAZO).exigir_exito("apagar");
        let salida = servidor.terminar(PLAZO);
        salida.exigir_exito("el servidor");
        assert_eq!(
            salida.lineas()[1..],
            [
                "Familia Núñez, de Av. 9 de Julio 4294967295:",
                "  - Ñ, 0 años, dni 0, pasaporte 4294967295",
                "  - , 255 años, dni 30123456, pasaporte 0",
                "  - Ana Clara, 18 años, dni 1, pasaporte 2",
                "Ñ cumplió 1.",
                "Me pidieron que me apague.",
            ]
        );
    });
}

/// Todo lo que manda un cliente de la familia por el cable, hasta que le contestamos cualquier cosa: su primer mensaje.
fn lo_que_manda(lengua: Lengua) -> Vec<u8> {
    let escucha = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut orden = cliente_de_persona(lengua, escucha.local_addr().unwrap().port());
    orden.args(FAMILIA);
    let cliente = Proceso::lanzar(orden);
    escucha.set_nonblocking(true).unwrap();
    let mut llegada = None;
    esperar_que("que el cliente se conecte", PLAZO, || {
        llegada = escucha.accept().ok();
        llegada.is_some()
    });
    let (mut conexion, _) = llegada.unwrap();
    conexion.set_nonblocking(false).unwrap();
    conexion.set_read_timeout(Some(PLAZO)).unwrap();
    let mut saludo = [0; 4];
    conexion.read_exact(&mut saludo).unwrap();
    conexion.write_all(&[0; 4]).unwrap();

    let mut mensaje = vec![0; 8];
    conexion.read_exact(&mut mensaje).unwrap();
    let tamanio = u32::from_le_bytes(mensaje[4..].try_into().unwrap());
    mensaje.resize(8 + usize::try_from(tamanio).unwrap(), 0);
    conexion.read_exact(&mut mensaje[8..]).unwrap();

    // NO_ENTENDI, sin payload: no es lo que espera, y lo dice.
    conexion.write_all(&[6, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut resto = Vec::new();
    conexion.read_to_end(&mut resto).unwrap();
    assert_eq!(resto, [], "no tenía que mandar nada más");
    let salida = cliente.terminar(PLAZO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stderr.starts_with("Esperaba la operación 3 y me contestó "), "{salida}");
    mensaje
}

#[test]
fn la_familia_son_los_mismos_bytes() {
    let mut bytes = Vec::new();
    let numero = |entero: u32, bytes: &mut Vec<u8>| bytes.extend(entero.to_le_bytes());
    let texto = |texto: &str, bytes: &mut Vec<u8>| {
        bytes.extend(u32::try_from(texto.len() + 1).unwrap().to_le_bytes());
        bytes.extend(texto.as_bytes());
        bytes.push(0);
    };
    texto(FAMILIA[0], &mut bytes);
    numero(FAMILIA[2].parse().unwrap(), &mut bytes);
    texto(FAMILIA[1], &mut bytes);
    numero(3, &mut bytes);
    for persona in FAMILIA[3..].chunks(4) {
        numero(persona[0].parse().unwrap(), &mut bytes);
        bytes.push(persona[1].parse().unwrap());
        numero(persona[2].parse().unwrap(), &mut bytes);
        texto(persona[3], &mut bytes);
    }
    let mut mensaje = vec![2, 0, 0, 0];
    numero(u32::try_from(bytes.len()).unwrap(), &mut mensaje);
    mensaje.extend(bytes);
    assert_eq!(lo_que_manda(Lengua::C), mensaje);
    assert_eq!(lo_que_manda(Lengua::Rust), mensaje);
}

#[test]
fn los_de_rust_explican_lo_que_no_pueden_hacer() {
    let puerto = puerto_libre().to_string();
    let (_ocupante, ocupado) = lanzar_servidor(Lengua::C, "persona_servidor", &[]);
    let ocupado = ocupado.to_string();
    let casos: [(&str, &[&str], &str); 12] = [
        ("servidor", &["127.0.0.1", &ocupado], "en uso"),
        ("servidor", &["127.0.0.1", "cuatro"], "\"cuatro\" no es un puerto"),
        ("cliente", &["hola", "127.0.0.1", &puerto], "no hay nadie escuchando"),
        ("cliente", &[], "Uso: cliente"),
        ("chat", &["servidor", "192.168.0.256", "0"], "192.168.0.256"),
        ("chat", &["ana", "127.0.0.1", &puerto], "no hay nadie escuchando"),
        ("chat", &["ana", "127.0.0.1"], "Uso: chat"),
        ("cadena", &["A"], "Uso: cadena"),
        ("cadena", &["A", "127.0.0.1", &ocupado], "en uso"),
        ("quien_soy", &["cpu"], "Uso: quien_soy"),
        ("persona", &["cliente", "127.0.0.1", &puerto, "a", "b", "1", "2", "256", "3", "c"], "\"256\" no es un número"),
        ("persona", &["cliente", "127.0.0.1", &puerto, "a", "b", "1", "2"], "De cada persona van"),
    ];
    for (nombre, argumentos, queja) in casos {
        let mut orden = ejemplo(Lengua::Rust, nombre);
        orden.args(argumentos);
        let salida = Proceso::lanzar(orden).terminar(PLAZO);
        assert_eq!(salida.codigo, Some(1), "{nombre} {argumentos:?}: {salida}");
        assert!(salida.stderr.contains(queja), "{nombre} {argumentos:?} tenía que decir «{queja}»: {salida}");
    }
}

#[test]
fn cada_ejemplo_de_rust_abre_diciendo_que_ensenia_y_como_se_corre() {
    let mut vistos = 0;
    for fuente in fs::read_dir(raiz().join("examples")).unwrap().map(|entrada| entrada.unwrap().path()) {
        let nombre = fuente.file_stem().unwrap().to_str().unwrap().to_owned();
        // Uno de varios archivos empieza en su main.rs.
        let fuente = if fuente.is_dir() { fuente.join("main.rs") } else { fuente };
        let contenido = fs::read_to_string(fuente).unwrap();
        let apertura = contenido.lines().take_while(|linea| linea.starts_with("//!")).collect::<Vec<_>>().join("\n");
        assert!(apertura.contains("Enseña"), "{nombre}: {apertura}");
        assert!(apertura.contains(&format!("cargo run --example {nombre} -- ")), "{nombre}: {apertura}");
        vistos += 1;
    }
    assert!(vistos > 5, "{vistos}");
}
