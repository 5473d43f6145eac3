//! Los ejemplos de `c_examples/`: la demo anda con la biblioteca recién construida, falla cuando tiene que fallar,
//! y cada programa hace lo que dice su comentario.

use crate::comun;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::comun::{PLAZO, Proceso, dir_biblioteca, esperar_que, exigir, orden, puerto_libre, ruta_nueva};
use crate::ejemplos::{Lengua, compilados, dir_ejemplos, hacer, lanzar_servidor, orden_de_hacer, puerto_de};
use tp0::{Conexion, Recibido};

fn texto(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lo que se exige de una demo que anduvo, mirando lo que quedó en la carpeta de salida y no sólo su veredicto.
fn exigir_demo(demo: &Output, salida: &Path) {
    let (dicho, quejas) = (texto(&demo.stdout), texto(&demo.stderr));
    assert!(demo.status.success(), "la demo falló:\n{dicho}\n{quejas}");
    assert!(!dicho.contains('\u{1b}'), "hay colores y la salida no es una terminal:\n{dicho}");

    let mandadas = ["lineas-1", "lineas-2"].map(|nombre| fs::read_to_string(salida.join(nombre)).unwrap());
    let mostradas: Vec<&str> = dicho.lines().filter_map(|linea| linea.strip_prefix("[servidor]   - ")).collect();
    assert_eq!(mostradas, mandadas.iter().flat_map(|texto| texto.lines()).collect::<Vec<_>>(), "\n{dicho}");

    for (cliente, lineas) in mandadas.iter().enumerate() {
        let cuantas = lineas.lines().count();
        assert!(cuantas > 0, "no se sorteó ninguna línea");
        let respuesta = format!("[cliente-{}] El servidor contestó: Valores recibidos: {cuantas}.", cliente + 1);
        assert!(dicho.contains(&respuesta), "falta «{respuesta}»:\n{dicho}");
    }
    let rechazo = dicho.lines().find(|linea| linea.starts_with("[rechazado] ")).unwrap_or_default();
    assert!(rechazo.contains("rechazó el handshake") && rechazo.contains('7'), "{rechazo:?}\n{dicho}");
    assert!(dicho.contains("terminó con código 0"), "\n{dicho}");
    assert!(dicho.contains("[seis-cliente] Me contestaron: "), "\n{dicho}");

    // Cada capítulo mostró lo que vino a mostrar; los números al azar hacen que cada línea sea de esta corrida.
    let dijo = |quien: &str, que: &str| {
        let inicio = format!("[{quien}] ");
        dicho.lines().filter_map(|linea| linea.strip_prefix(&inicio)).any(|linea| linea.contains(que))
    };
    assert!(dijo("beto", "ana-") && dijo("caro", "ana-") && dijo("ana", " (sólo a vos): "), "el chat:\n{dicho}");
    assert!(!dijo("caro", "sólo a vos"), "el chat:\n{dicho}");
    assert!(dijo("pregunta", " > A > B > C < B < A"), "la cadena:\n{dicho}");
    assert!(dijo("pregunta-2", "A no pudo seguir: "), "la cadena rota:\n{dicho}");
    assert!(["kernel", "cpu", "memoria"].iter().all(|modulo| dijo("quien", &format!("{modulo} dice: "))), "\n{dicho}");
    assert!(dijo("desconocido", "rechazó el handshake"), "\n{dicho}");
    let integrantes = fs::read_to_string(salida.join("esperadas")).unwrap();
    assert!(!integrantes.is_empty() && integrantes.lines().all(|una| dijo("familia-servidor", una)), "\n{dicho}");
    assert!(dijo("familia", "En promedio, ") && dijo("familia", " ahora tiene "), "\n{dicho}");
}

#[test]
fn la_demo_anda() {
    let salida = ruta_nueva("salida");
    exigir_demo(&hacer(&dir_ejemplos(), "demo", &ruta_nueva("bin"), &salida), &salida);
}

#[test]
fn la_demo_anda_bajo_valgrind_sin_un_solo_error() {
    if !exigir("valgrind") {
        return;
    }
    let salida = ruta_nueva("salida");
    exigir_demo(&hacer(&dir_ejemplos(), "valgrind", &ruta_nueva("bin"), &salida), &salida);
}

/// Copia los ejemplos cambiando un texto de uno, y exige que la demo falle por esa razón.
fn exigir_que_falle(archivo: &str, este: &str, por: &str, queja: &str) {
    let copia = ruta_nueva("saboteados");
    let bin = copia.join("bin");
    fs::create_dir_all(&bin).unwrap();
    for entrada in fs::read_dir(dir_ejemplos()).unwrap().map(Result::unwrap).filter(|una| una.path().is_file()) {
        let nombre = entrada.file_name().into_string().unwrap();
        let mut contenido = fs::read_to_string(entrada.path()).unwrap();
        if nombre == archivo {
            assert!(contenido.contains(este), "{archivo} ya no dice {este:?}: actualizá esta prueba");
            contenido = contenido.replace(este, por);
        }
        fs::write(copia.join(nombre), contenido).unwrap();
    }
    // Los demás programas ya están compilados: copiados ahora, make los ve al día.
    let (saboteado, _) = archivo.split_once('.').unwrap();
    for entrada in fs::read_dir(compilados()).unwrap().map(Result::unwrap) {
        if !entrada.file_name().to_str().unwrap().starts_with(saboteado) {
            comun::ejecutables::copiar_programa(entrada.path(), bin.join(entrada.file_name()));
        }
    }
    let demo = orden_de_hacer(&copia, "demo", &bin, &ruta_nueva("salida")).env("PLAZO", "15").output().unwrap();
    let quejas = texto(&demo.stderr);
    assert!(!demo.status.success(), "la demo pasó con {archivo} saboteado:\n{}", texto(&demo.stdout));
    assert!(quejas.contains(queja), "falló por otra cosa, no por «{queja}»:\n{quejas}");
}

#[test]
fn la_demo_falla_si_el_servidor_muestra_otras_lineas() {
    exigir_que_falle("servidor.c", "  - %s\\n", "  - %.3s\\n", "no son las que se mandaron");
}

#[test]
fn la_demo_falla_si_la_respuesta_es_otra() {
    exigir_que_falle("servidor.c", "Valores recibidos: %d.", "Valores recibidos: %d", "no le llegó la respuesta");
}

#[test]
fn la_demo_falla_si_el_intruso_entra() {
    exigir_que_falle("rechazado.c", "\"TP0_HANDSHAKE\", \"7\"", "\"TP0_HANDSHAKE\", \"1\"", "no rechazó");
}

#[test]
fn la_demo_falla_si_el_servidor_no_termina_bien() {
    exigir_que_falle("servidor.c", "    return salida;\n", "    return salida + 3;\n", "terminó con código 3");
}

#[test]
fn la_demo_falla_si_en_las_seis_funciones_vuelve_otro_texto() {
    exigir_que_falle("seis_funciones.c", "enviar_mensaje(texto, ", "enviar_mensaje(\"eco\", ", "no le volvió");
}

#[test]
fn la_demo_falla_si_en_el_chat_lo_privado_lo_ven_todos() {
    let este = "!decir_a(sala, destino, firma, resto)";
    let por = "(decir_a_los_demas(sala, cliente, firma, resto), decir_a(sala, \"\", firma, resto))";
    exigir_que_falle("chat_servidor.c", este, por, "caro vio lo que");
}

#[test]
fn la_demo_falla_si_en_el_chat_uno_se_escucha_a_si_mismo() {
    exigir_que_falle(
        "chat_servidor.c",
        ".conexion != menos",
        ".conexion != -menos",
        "a ana le volvió lo que ella dijo",
    );
}

#[test]
fn la_demo_falla_si_en_el_chat_entran_dos_con_el_mismo_nombre() {
    exigir_que_falle("chat_servidor.c", "sirve = false;", "sirve = true;", "el tocayo entró");
}

#[test]
fn la_demo_falla_si_el_chat_no_se_entera_de_que_alguien_se_fue() {
    let este = "sala->conectados[i] = sala->conectados[--sala->cantidad];";
    exigir_que_falle("chat_servidor.c", este, "sala->conectados[i].conexion = -1;", "caro ve a uno que se fue");
}

#[test]
fn la_demo_falla_si_un_eslabon_no_devuelve_la_respuesta() {
    exigir_que_falle("cadena.c", "firmar(respuesta, \"<\", ", "firmar(respuesta, \"-\", ", "no dio toda la vuelta");
}

#[test]
fn la_demo_falla_si_la_cadena_rota_no_dice_por_que() {
    exigir_que_falle("cadena.c", "yo->nombre, tp0_error())", "yo->nombre, \"no sé\")", "no supo por qué");
}

#[test]
fn la_demo_falla_si_entra_cualquiera() {
    exigir_que_falle("quien_soy.c", "    return 1;\n", "    return 101;\n", "entró uno que no está en la lista");
}

#[test]
fn la_demo_falla_si_se_confunde_quien_es_quien() {
    let (este, por) = ("\"Hola, %s.\", modulo(valor))", "\"Hola, %s.\", modulo(valores[0]))");
    exigir_que_falle("quien_soy.c", este, por, "a cpu lo saludaron como a otro");
}

#[test]
fn la_demo_falla_si_lo_serializado_vuelve_cambiado() {
    exigir_que_falle("persona_servidor.c", "persona.edad++;", "persona.edad += 2;", "no volvió igual");
}

#[test]
fn la_demo_falla_si_se_escribe_en_otro_orden_que_el_que_se_lee() {
    let este =
        "buffer_add_uint32(buffer, persona->dni) == 0 &&\n           buffer_add_uint8(buffer, persona->edad) == 0";
    let por =
        "buffer_add_uint8(buffer, persona->edad) == 0 &&\n           buffer_add_uint32(buffer, persona->dni) == 0";
    exigir_que_falle("persona.h", este, por, "La demo falló");
}

/// El servidor de ejemplo, escuchando; y su puerto, leído de lo que dice.
fn servidor() -> (Proceso, u16) {
    lanzar_servidor(Lengua::C, "servidor", &[])
}

#[test]
fn el_servidor_termina_bien_con_sigterm_aunque_haya_un_cliente_callado() {
    let (servidor, puerto) = servidor();
    let mut callado = TcpStream::connect(("127.0.0.1", puerto)).unwrap();
    callado.set_read_timeout(Some(PLAZO)).unwrap();
    callado.write_all(&1_i32.to_le_bytes()).unwrap();
    let mut respuesta = [0xff; 4];
    callado.read_exact(&mut respuesta).unwrap();
    assert_eq!(respuesta, [0; 4], "el handshake");
    servidor.esperar_linea("Se conectó un cliente.", PLAZO);

    servidor.senial(libc::SIGTERM);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    assert_eq!(salida.lineas().last(), Some(&"Cerré todo. ¡Hasta luego!"), "{salida}");
    assert_eq!(callado.read(&mut respuesta).unwrap(), 0, "el cliente tiene que ver el cierre");
}

#[test]
fn el_servidor_saltea_un_codigo_que_no_conoce_y_sigue_con_el_mismo_cliente() {
    let (servidor, puerto) = servidor();
    let mut cliente = TcpStream::connect(("127.0.0.1", puerto)).unwrap();
    cliente.set_read_timeout(Some(PLAZO)).unwrap();
    cliente.write_all(&1_i32.to_le_bytes()).unwrap();
    let mut respuesta = [0xff; 4];
    cliente.read_exact(&mut respuesta).unwrap();

    // Código 77 con un payload que parece un mensaje, uno de puro header, y uno de verdad.
    let mut bytes = Vec::new();
    for entero in [77, 12, 0, 4, 0x0021_6f4e, 78, 0, 0, 5] {
        bytes.extend_from_slice(&i32::to_le_bytes(entero));
    }
    bytes.extend_from_slice(b"hola\0");
    cliente.write_all(&bytes).unwrap();
    servidor.esperar_linea("No conozco la operación 77: la salteo (12 bytes).", PLAZO);
    servidor.esperar_linea("No conozco la operación 78: la salteo (0 bytes).", PLAZO);
    servidor.esperar_linea("Me llego el mensaje hola", PLAZO);
    drop(cliente);
    servidor.esperar_linea("El cliente se fue.", PLAZO);
}

#[test]
fn el_servidor_explica_por_que_no_puede_escuchar() {
    let (_servidor, puerto) = servidor();
    let mut segundo = orden(compilados().join("servidor"));
    segundo.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let salida = Proceso::lanzar(segundo).terminar(PLAZO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stderr.contains(&puerto.to_string()) && salida.stderr.contains("en uso"), "{salida}");
}

#[test]
fn el_cliente_explica_lo_que_no_puede_hacer() {
    let bin = compilados();
    let puerto = puerto_libre();
    let casos = [
        ("IP=127.0.0.1\nPUERTO=4444\n".to_owned(), "falta la clave CLAVE"),
        ("CLAVE=a\nIP=127.0.0.1\n".to_owned(), "falta la clave PUERTO"),
        ("CLAVE=a\nIP=127.0.0.1\nPUERTO=cuatro\n".to_owned(), "\"cuatro\" no es un puerto"),
        ("CLAVE=a\nIP=192.168.0.256\nPUERTO=4444\n".to_owned(), "192.168.0.256"),
        (format!("CLAVE=a\nIP=127.0.0.1\nPUERTO={puerto}\n"), "no hay nadie escuchando"),
    ];
    for (config, queja) in casos {
        let archivo = ruta_nueva("config");
        fs::write(&archivo, &config).unwrap();
        let mut cliente = orden(bin.join("cliente"));
        cliente.arg(&archivo);
        let salida = Proceso::lanzar(cliente).terminar(PLAZO);
        assert_eq!(salida.codigo, Some(1), "{config:?}: {salida}");
        assert!(salida.stderr.contains(queja), "{config:?} tenía que decir «{queja}»: {salida}");
    }
    let mut cliente = orden(bin.join("cliente"));
    cliente.arg("/no/existe.config");
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stderr.contains("/no/existe.config"), "{salida}");
}

#[test]
fn un_paquete_sin_lineas_tambien_se_contesta() {
    let bin = compilados();
    let (_servidor, puerto) = servidor();
    let config = ruta_nueva("config");
    fs::write(&config, format!("CLAVE=\nIP=127.0.0.1\nPUERTO={puerto}\n")).unwrap();
    let mut cliente = orden(bin.join("cliente"));
    cliente.arg(&config);
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    salida.exigir_exito("el cliente");
    assert!(salida.stdout.contains("El servidor contestó: Valores recibidos: 0."), "{salida}");
}

#[test]
fn rechazado_no_confunde_un_rechazo_con_que_no_haya_servidor() {
    let mut cliente = orden(compilados().join("rechazado"));
    cliente.args(["127.0.0.1", &puerto_libre().to_string()]);
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stdout.contains("no hay nadie escuchando"), "{salida}");
}

/// Los símbolos que lista `nm -D` con la opción dada.
fn simbolos(opcion: &str, archivo: &Path) -> Vec<String> {
    let lista = comun::ejecutar(Command::new("nm").args(["-D", opcion]).arg(archivo));
    lista.lines().filter_map(|linea| linea.split_whitespace().last()).map(str::to_owned).collect()
}

#[test]
fn seis_funciones_usa_seis_funciones() {
    if !exigir("nm") {
        return;
    }
    let nuestros = simbolos("--defined-only", &dir_biblioteca().join("libtp0.so"));
    let mut usados = simbolos("--undefined-only", &compilados().join("seis_funciones"));
    usados.retain(|simbolo| nuestros.contains(simbolo));
    usados.sort();
    let seis = [
        "crear_conexion",
        "enviar_mensaje",
        "esperar_cliente",
        "iniciar_servidor",
        "liberar_conexion",
        "recibir_paquete",
        "tp0_error",
    ];
    assert_eq!(usados, seis);
}

// ---------------------------------------------------------------------------------------------------------------------
// El chat
// ---------------------------------------------------------------------------------------------------------------------

/// Alguien en el chat, conectado desde acá. El servidor ya lo saludó: lo que se diga desde ahora le llega.
fn entrar_al_chat(nombre: &str, puerto: u16) -> Conexion {
    let mut conexion = Conexion::conectar("127.0.0.1", puerto).unwrap();
    conexion.enviar_mensaje(nombre).unwrap();
    let (mut quien, mut que) = oir(&mut conexion).unwrap();
    // Ya está en la sala: puede oír antes la despedida de uno que se fue recién.
    while que.ends_with(" se fue.") {
        (quien, que) = oir(&mut conexion).unwrap();
    }
    assert_eq!(quien, "*");
    assert!(que.starts_with("Están: ") && que.contains(nombre), "{que:?}");
    conexion
}

/// Lo próximo que se oye: quién habla y qué dice. `None`, que el chat terminó.
fn oir(conexion: &mut Conexion) -> Option<(String, String)> {
    let Recibido::Paquete(paquete) = conexion.recibir().unwrap()? else { panic!("el chat sólo manda paquetes") };
    let mut textos = paquete.valores().map(|valor| texto(valor.strip_suffix(b"\0").unwrap()));
    let dicho = (textos.next().unwrap(), textos.next().unwrap());
    assert_eq!(textos.next(), None);
    Some(dicho)
}

#[test]
fn en_el_chat_el_que_no_lee_no_frena_a_los_demas() {
    let (chat, puerto) = lanzar_servidor(Lengua::C, "chat_servidor", &[]);
    let mudo = entrar_al_chat("mudo", puerto);
    let mut beto = entrar_al_chat("beto", puerto);
    let ana = entrar_al_chat("ana", puerto);
    assert_eq!(oir(&mut beto).unwrap(), ("*".to_owned(), "ana entró.".to_owned()));

    // De a una: beto siempre está al día, y el único con los buffers llenos es el mudo. Si a él un mensaje le queda por la mitad
    // durante un segundo, la biblioteca lo corta.
    let cortado = ("*".to_owned(), "mudo se fue.".to_owned());
    let (mut hubo_que_saltearlo, mut lo_cortaron) = (None, false);
    for vuelta in 0..20_000 {
        let dicho = format!("{vuelta} {}", "a".repeat(8000));
        ana.enviar_mensaje(&dicho).unwrap();
        let mut oido = oir(&mut beto).unwrap();
        if oido == cortado {
            lo_cortaron = true;
            oido = oir(&mut beto).unwrap();
        }
        assert_eq!(oido, ("ana".to_owned(), dicho));
        // Una vez que al mudo no le entra más, unas vueltas más para ver que nada cambió.
        if hubo_que_saltearlo.is_none() && chat.dicho().contains("A alguno no le llegó: ") {
            hubo_que_saltearlo = Some(vuelta);
        }
        if hubo_que_saltearlo.is_some_and(|primera| vuelta > primera + 100) {
            break;
        }
    }
    assert!(hubo_que_saltearlo.is_some(), "el mudo nunca se llenó");
    drop(mudo);
    assert!(lo_cortaron || oir(&mut beto).unwrap() == cortado);
}

#[test]
fn el_chat_termina_con_sigterm_y_se_despide_de_los_que_quedan() {
    let (chat, puerto) = lanzar_servidor(Lengua::C, "chat_servidor", &[]);
    let mut conectados: Vec<Conexion> = (0..20).map(|i| entrar_al_chat(&format!("n{i}"), puerto)).collect();
    let sin_nombre = Conexion::conectar("127.0.0.1", puerto).unwrap();

    chat.senial(libc::SIGTERM);
    let salida = chat.terminar(PLAZO);
    salida.exigir_exito("el chat");
    assert_eq!(salida.lineas().last(), Some(&"Cerré todo; quedaban 0 en la sala."), "{salida}");
    for conectado in &mut conectados {
        while oir(conectado).is_some() {}
    }
    esperar_que("el que no se presentó también ve el cierre", PLAZO, || !sin_nombre.activa());
}

#[test]
fn en_el_chat_un_nombre_ocupado_queda_libre_cuando_se_va() {
    let (chat, puerto) = lanzar_servidor(Lengua::C, "chat_servidor", &[]);
    for malo in ["", "con espacio"] {
        let mut otro = Conexion::conectar("127.0.0.1", puerto).unwrap();
        otro.enviar_mensaje(malo).unwrap();
        assert!(oir(&mut otro).unwrap().1.starts_with("Ese nombre no sirve"), "{malo:?}");
        assert!(oir(&mut otro).is_none(), "{malo:?}");
    }
    for _ in 0..5 {
        let ana = entrar_al_chat("ana", puerto);
        chat.esperar_linea("Entró ana.", PLAZO);
        drop(ana);
        chat.esperar_linea("Se fue ana.", PLAZO);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// La cadena
// ---------------------------------------------------------------------------------------------------------------------

/// Un eslabón en C, en ese puerto.
fn eslabon(nombre: &str, puerto: u16, siguiente: Option<u16>) -> Proceso {
    let mut orden = orden(compilados().join("cadena"));
    orden.env("TP0_IP", "127.0.0.1").args([nombre, &puerto.to_string()]);
    if let Some(siguiente) = siguiente {
        orden.args(["127.0.0.1", &siguiente.to_string()]);
    }
    let eslabon = Proceso::lanzar(orden);
    assert_eq!(puerto_de(&eslabon), puerto);
    eslabon
}

fn preguntar(conexion: &mut Conexion, pregunta: &str) -> String {
    conexion.enviar_mensaje(pregunta).unwrap();
    match conexion.recibir().unwrap() {
        Some(Recibido::Mensaje(respuesta)) => respuesta.to_owned(),
        otro => panic!("se esperaba una respuesta a {pregunta:?}: {otro:?}"),
    }
}

#[test]
fn la_cadena_se_levanta_en_cualquier_orden_y_se_recupera() {
    let puertos: Vec<u16> = (0..5).map(|_| puerto_libre()).collect();
    let nombres = ["A", "B", "C", "D", "E"];
    // El primero, primero: cuando arranca, el siguiente todavía no existe.
    let mut eslabones: Vec<Proceso> =
        (0..5).map(|i| eslabon(nombres[i], puertos[i], puertos.get(i + 1).copied())).collect();
    let mut cliente = Conexion::conectar("127.0.0.1", puertos[0]).unwrap();
    assert_eq!(preguntar(&mut cliente, "hola"), "hola > A > B > C > D > E < D < C < B < A");

    // Sin el tercero, B se da cuenta y lo explica; al que preguntó le llega por la misma conexión.
    let muerto = eslabones.remove(2).matar();
    assert_eq!(muerto.senial, Some(libc::SIGKILL));
    for _ in 0..3 {
        let respuesta = preguntar(&mut cliente, "¿y ahora?");
        assert!(respuesta.starts_with("B no pudo seguir: ") && respuesta.ends_with(" < A"), "{respuesta:?}");
    }
    eslabones.push(eslabon("C", puertos[2], Some(puertos[3])));
    assert_eq!(preguntar(&mut cliente, "chau"), "chau > A > B > C > D > E < D < C < B < A");

    drop(cliente);
    for eslabon in eslabones {
        eslabon.senial(libc::SIGINT);
        eslabon.terminar(PLAZO).exigir_exito("un eslabón");
    }
}

#[test]
fn en_la_cadena_a_cada_cliente_le_vuelve_lo_suyo() {
    let [a, b] = [puerto_libre(), puerto_libre()];
    let _eslabones = [eslabon("A", a, Some(b)), eslabon("B", b, None)];
    let contestadas = Arc::new(AtomicUsize::new(0));
    let hilos: Vec<_> = (0..16)
        .map(|cliente| {
            let contestadas = Arc::clone(&contestadas);
            thread::spawn(move || {
                let mut conexion = Conexion::conectar("127.0.0.1", a).unwrap();
                for vuelta in 0..50 {
                    let pregunta = format!("{cliente}-{vuelta}");
                    assert_eq!(preguntar(&mut conexion, &pregunta), format!("{pregunta} > A > B < A"));
                    contestadas.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    hilos.into_iter().for_each(|hilo| hilo.join().unwrap());
    assert_eq!(contestadas.load(Ordering::Relaxed), 16 * 50);
}

// ---------------------------------------------------------------------------------------------------------------------
// Quién es
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn quien_soy_espera_a_que_el_servidor_se_levante() {
    let puerto = puerto_libre().to_string();
    let mut cpu = orden(compilados().join("quien_soy"));
    cpu.args(["cpu", "127.0.0.1", &puerto, "llegué antes"]).env("TP0_TRAZA", "1");
    let cpu = Proceso::lanzar(cpu);
    // El segundo rechazo: ya insistió.
    (0..2).for_each(|_| drop(cpu.esperar_error("= -1: Connection refused", PLAZO)));

    let mut servidor = orden(compilados().join("quien_soy"));
    servidor.arg("servidor").env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", &puerto);
    let servidor = Proceso::lanzar(servidor);
    servidor.esperar_linea("cpu dice: llegué antes", PLAZO);
    let salida = cpu.terminar(PLAZO);
    salida.exigir_exito("cpu");
    assert_eq!(salida.lineas(), ["El servidor dice: Hola, cpu."]);
    servidor.senial(libc::SIGTERM);
    servidor.terminar(PLAZO).exigir_exito("el servidor");
}

// ---------------------------------------------------------------------------------------------------------------------
// Serializar
// ---------------------------------------------------------------------------------------------------------------------

/// Una conexión a mano, ya saludada: para mandar bytes que ningún ejemplo mandaría.
fn conectar_a_mano(puerto: u16) -> TcpStream {
    let mut conexion = TcpStream::connect(("127.0.0.1", puerto)).unwrap();
    conexion.set_read_timeout(Some(PLAZO)).unwrap();
    conexion.write_all(&1_i32.to_le_bytes()).unwrap();
    let mut respuesta = [0xff; 4];
    conexion.read_exact(&mut respuesta).unwrap();
    assert_eq!(respuesta, [0; 4], "el handshake");
    conexion
}

fn mandar(conexion: &mut TcpStream, codigo: i32, payload: &[u8]) {
    let tamanio = i32::try_from(payload.len()).unwrap();
    conexion.write_all(&[&codigo.to_le_bytes(), &tamanio.to_le_bytes(), payload].concat()).unwrap();
}

fn recibir(conexion: &mut TcpStream) -> (i32, Vec<u8>) {
    let (mut codigo, mut tamanio) = ([0; 4], [0; 4]);
    conexion.read_exact(&mut codigo).unwrap();
    conexion.read_exact(&mut tamanio).unwrap();
    let mut payload = vec![0; usize::try_from(i32::from_le_bytes(tamanio)).unwrap()];
    conexion.read_exact(&mut payload).unwrap();
    (i32::from_le_bytes(codigo), payload)
}

/// Los códigos de `persona.h`.
const FAMILIA: i32 = 2;
const RESUMEN: i32 = 3;
const CUMPLEANIOS: i32 = 4;
const PERSONA: i32 = 5;
const NO_ENTENDI: i32 = 6;
const APAGARSE: i32 = 7;

#[test]
fn la_persona_es_la_de_la_guia_byte_por_byte_y_lo_mal_armado_no_corta_la_charla() {
    let (servidor, puerto) = lanzar_servidor(Lengua::C, "persona_servidor", &[]);
    let mut cliente = conectar_a_mano(puerto);
    // dni, edad, pasaporte, largo del nombre con su '\0', y el nombre.
    let ana = [4, 3, 2, 1, 25, 8, 7, 6, 5, 4, 0, 0, 0, b'A', b'n', b'a', 0];
    mandar(&mut cliente, CUMPLEANIOS, &ana);
    let mut mas_grande = ana;
    mas_grande[4] = 26;
    assert_eq!(recibir(&mut cliente), (PERSONA, mas_grande.to_vec()));

    // Una familia de una persona; y después todo lo que puede venir mal, sin que la conversación se corte.
    let familia = [&[3, 0, 0, 0, b'G', b'o', 0, 123, 0, 0, 0, 2, 0, 0, 0, b'R', 0, 1, 0, 0, 0][..], &ana].concat();
    let resumen = [&25.0_f64.to_le_bytes()[..], &[0], &ana].concat();
    mandar(&mut cliente, FAMILIA, &familia);
    assert_eq!(recibir(&mut cliente), (RESUMEN, resumen.clone()));

    let mut nadie = familia.clone();
    nadie[17] = 0;
    let mut multitud = familia.clone();
    multitud[17..21].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut mentirosa = familia.clone();
    mentirosa[0] = 200;
    let mut malas: Vec<(i32, Vec<u8>)> = (0..familia.len()).map(|corte| (FAMILIA, familia[..corte].to_vec())).collect();
    malas.extend((0..ana.len()).map(|corte| (CUMPLEANIOS, ana[..corte].to_vec())));
    malas.extend([nadie, multitud, mentirosa].map(|mala| (FAMILIA, mala)));
    malas.extend([(99, b"nada".to_vec()), (0, b"hola\0".to_vec()), (NO_ENTENDI, Vec::new())]);
    for (codigo, mala) in malas {
        mandar(&mut cliente, codigo, &mala);
        assert_eq!(recibir(&mut cliente), (NO_ENTENDI, Vec::new()), "{codigo}: {mala:?}");
    }
    mandar(&mut cliente, FAMILIA, &familia);
    assert_eq!(recibir(&mut cliente), (RESUMEN, resumen));

    mandar(&mut cliente, APAGARSE, &[]);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("persona_servidor");
    assert_eq!(salida.lineas().last(), Some(&"Me pidieron que me apague."), "{salida}");
    assert!(salida.stdout.contains("  - Ana, 25 años, dni 16909060, pasaporte 84281096\n"), "{salida}");
}

// ---------------------------------------------------------------------------------------------------------------------
// Cómo están escritos
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn cada_ejemplo_abre_diciendo_que_ensenia() {
    let fuentes = fs::read_dir(dir_ejemplos()).unwrap().map(|entrada| entrada.unwrap().path());
    let mut vistos = 0;
    for fuente in
        fuentes.filter(|fuente| fuente.extension().is_some_and(|extension| extension == "c" || extension == "h"))
    {
        let nombre = fuente.file_name().unwrap().to_str().unwrap().to_owned();
        let contenido = fs::read_to_string(&fuente).unwrap();
        let lineas: Vec<&str> = contenido.lines().collect();
        assert!(lineas[0].starts_with(&format!("/* {nombre} -- ")), "{nombre}: {}", lineas[0]);
        assert!(lineas[..3].concat().contains("Enseña"), "{nombre} no dice qué enseña");
        assert!(lineas[2].ends_with(" */") && lineas[3].is_empty(), "{nombre}: la apertura son tres líneas");
        vistos += 1;
    }
    assert!(vistos > 10, "{vistos}");
}
