//! Conectarse, saludarse, y ser muchos.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::levantar::con_config;
use super::{correr, dijo, orden_de};
use crate::comun::{PLAZO, Proceso, compilar_modulo, exigir, lanzar_servidor, orden, puerto_libre};
use crate::guia::texto;
use crate::hostil::{Conductor, HOLA, Oyente, Par, RECHAZADO, mensaje};
use crate::redes::{Condiciones, DosMaquinas, IPS, Material};

/// La IP de la otra VM, si no es la que dice el config: en esa red no la tiene nadie.
const DE_NADIE: &str = "10.77.0.9";

#[test]
fn la_clave_equivocada_y_los_descriptores_que_no_son() {
    const SECCION: &str = "crear_conexion-falla";
    let salida = con_config("NOMBRE=valor\nPUERTO=4444\n", "NOMBRE", "PUERTO");
    let dicho = dijo(&salida, "crear_conexion")[0];
    // Lo que dice el sistema entre paréntesis depende de si hay un servidor de nombres.
    let del_sistema = dicho.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let ejemplo = "failed to lookup address information: Name or service not known";
    assert_eq!(dicho, texto(SECCION, "\"valor\"", &[(ejemplo, del_sistema)]));
    // Y el programa, que no miró, sigue vivo.
    assert_eq!(dijo(&salida, "enviar_mensaje"), [texto(SECCION, "-1 no es", &[])]);
    assert_eq!(salida.lineas().last(), Some(&"sigo vivo"), "{salida}");

    let salida = correr(orden_de("dolores_cliente", &["sin_conectar", "-", "-"]));
    let numero = salida.lineas()[0].strip_prefix("descriptor ").unwrap().to_owned();
    let esperado = [texto(SECCION, "sin conectar", &[("7", &numero)]), texto(SECCION, "la entrada del programa", &[])];
    assert_eq!(dijo(&salida, "enviar_mensaje"), esperado);
}

#[test]
fn broken_pipe_con_el_servidor_sin_levantar() {
    const SECCION: &str = "broken-pipe";
    let puerto = puerto_libre().to_string();
    let salida = con_config(&format!("IP=127.0.0.1\nPUERTO={puerto}\n"), "IP", "PUERTO");
    assert_eq!(dijo(&salida, "crear_conexion"), [texto(SECCION, "no hay nadie", &[("4444", &puerto)])]);
    // El envío que mataba al programa con SIGPIPE.
    assert_eq!(dijo(&salida, "enviar_mensaje"), [texto(SECCION, "-1 no es", &[])]);
    assert_eq!(salida.lineas().last(), Some(&"sigo vivo"), "{salida}");
}

/// El otro se va en el medio de un envío, o de una ráfaga: ahí el sistema sí mandaría SIGPIPE.
#[test]
fn broken_pipe_en_el_medio_de_un_envio() {
    let esperado = texto("broken-pipe", "ya cerró", &[]);
    for (caso, veces) in [("se_va_en_el_medio", 2), ("se_va_en_una_rafaga", 1)] {
        for _ in 0..5 {
            let oyente = Oyente::nuevo();
            let mut cliente = orden_de("dolores_cliente", &[caso, "127.0.0.1", &oyente.puerto.to_string()]);
            cliente.env("TP0_HANDSHAKE", "no");
            let cliente = Proceso::lanzar(cliente);
            let par = oyente.aceptar();
            par.recibir(1000);
            drop(par);
            let salida = cliente.terminar(PLAZO);
            salida.exigir_exito(caso);
            assert_eq!(dijo(&salida, "enviar_mensaje"), vec![esperado.as_str(); veces], "{caso}");
        }
    }
}

/// Sin insistir, se dice; insistiendo, se llega aunque el servidor se levante después.
#[test]
fn el_servidor_todavia_no_esta() {
    let puerto = puerto_libre().to_string();
    let salida = con_config(&format!("IP=127.0.0.1\nPUERTO={puerto}\n"), "IP", "PUERTO");
    let esperado = texto("no-hay-nadie-escuchando", "127.0.0.1:4444", &[("4444", &puerto)]);
    assert_eq!(dijo(&salida, "crear_conexion"), [esperado]);

    let mut insiste = orden_de("dolores_cliente", &["insiste", "127.0.0.1", &puerto]);
    insiste.env("TP0_TRAZA", "1");
    let cliente = Proceso::lanzar(insiste);
    // El segundo rechazo: ya insistió.
    (0..2).for_each(|_| drop(cliente.esperar_error("= -1: Connection refused", PLAZO)));
    let mut servidor = orden(compilar_modulo("server", &["servidor.c"], &[]));
    servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", &puerto);
    let servidor = Proceso::lanzar(servidor);
    cliente.terminar(PLAZO).exigir_exito("el que insiste");
    let salida = servidor.terminar(PLAZO);
    assert!(salida.stdout.contains("Me llego el mensaje por fin"), "{salida}");
}

/// Entre dos máquinas: la IP equivocada, la red que no está, y el plazo. Ninguna espera los dos minutos del sistema.
#[test]
fn la_red_entre_las_vms() {
    const SECCION: &str = "anda-en-mi-máquina-y-no-entre-vms";
    let Some(red) = DosMaquinas::nuevas(Material::Veth, Condiciones::CHICO) else { return };
    let conectar = |ip: &str, espera: &str| {
        let mut cliente = orden_de("dolores_cliente", &["textos", ip, "4444"]);
        cliente.env("TP0_ESPERA_MS", espera);
        // PLAZO es mucho menos que esos dos minutos.
        let salida = Proceso::lanzar(red.en(0, &cliente)).terminar(PLAZO);
        assert_eq!(salida.codigo, Some(1), "{salida}");
        dijo(&salida, "crear_conexion")[0].to_owned()
    };
    let otra = [("192.168.0.15", DE_NADIE)];
    assert_eq!(conectar(DE_NADIE, "400"), texto(SECCION, "no contestó", &[otra[0], ("5000", "400")]));
    assert_eq!(conectar(DE_NADIE, "10000"), texto(SECCION, "No route to host", &otra));
    assert_eq!(conectar("192.168.0.15", "5000"), texto(SECCION, "unreachable", &[]));
    assert_eq!(conectar(IPS[1], "5000"), texto(SECCION, "no hay nadie", &[("192.168.0.15", IPS[1])]));

    // El servidor con la IP de la otra.
    let mut servidor = orden_de("dolores_servidor", &["sin_mirar"]);
    servidor.env("TP0_IP", IPS[0]);
    let salida = Proceso::lanzar(red.en(1, &servidor)).terminar(PLAZO);
    let esperado = texto(SECCION, "no es una dirección de esta máquina", &[("192.168.0.15", IPS[0])]);
    assert_eq!(dijo(&salida, "iniciar_servidor"), [esperado]);
}

/// El servidor del TP0 atiende a uno hasta que se va: al segundo se le dice. Con tp0_atender entran los dos.
#[test]
fn un_servidor_y_muchos_clientes() {
    let (servidor, puerto) = lanzar_servidor(orden(compilar_modulo("server", &["servidor.c"], &[])));
    let primero = Par::saludo(puerto);
    servidor.esperar_linea("Se conecto un cliente!", PLAZO);
    let puerto_ = puerto.to_string();
    let mut segundo = orden_de("dolores_cliente", &["textos", "127.0.0.1", &puerto_]);
    segundo.env("TP0_ESPERA_MS", "400");
    let salida = Proceso::lanzar(segundo).terminar(PLAZO);
    let cambios = [("4444", puerto_.as_str()), ("5000", "400")];
    let esperado = texto("un-servidor-y-muchos-clientes", "o está atendiendo a otro", &cambios);
    assert_eq!(dijo(&salida, "crear_conexion"), [esperado]);
    drop(primero);

    let (_atiende, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["atender"]));
    let puerto = puerto.to_string();
    let mut primero = Proceso::lanzar_interactivo(orden_de("dolores_cliente", &["eco", "127.0.0.1", &puerto]));
    primero.esperar_linea("eco: eco", PLAZO);
    // El primero sigue conectado.
    correr(orden_de("dolores_cliente", &["eco", "127.0.0.1", &puerto]));
    primero.cerrar_entrada();
    primero.terminar(PLAZO).exigir_exito("el primero");
}

/// Muchos a la vez, y a cada uno le contestan lo suyo, que es lo que se rompe al pasarle a todos los hilos la misma variable.
#[test]
fn cada_cliente_en_su_hilo() {
    let (_atiende, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["atender"]));
    thread::scope(|hilos| {
        for numero in 0..30 {
            hilos.spawn(move || {
                let par = Par::saludo(puerto);
                par.espera(&[0; 4]);
                for vuelta in 0..20 {
                    let dicho = mensaje(&format!("cliente {numero}, vuelta {vuelta}"));
                    par.mandar(&dicho);
                    par.espera(&dicho);
                }
            });
        }
    });
}

#[test]
fn el_handshake_que_no_es() {
    const SECCION: &str = "el-handshake";
    let (servidor, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["sin_mirar"]));
    let puerto_ = puerto.to_string();
    // El valor equivocado, visto de los dos lados.
    let mut cliente = orden_de("dolores_cliente", &["textos", "127.0.0.1", &puerto_]);
    cliente.env("TP0_HANDSHAKE", "7");
    let salida = Proceso::lanzar(cliente).terminar(PLAZO);
    let rechazo = texto(SECCION, "le mostramos 7", &[("4444", &puerto_)]);
    assert_eq!(dijo(&salida, "crear_conexion"), [rechazo]);
    let advertencia = servidor.esperar_error("mostró 7", PLAZO);
    let del_cliente = advertencia.strip_prefix("tp0: Se rechazó al cliente 127.0.0.1:").unwrap();
    let suyo = del_cliente.split_once(':').unwrap().0;
    assert_eq!(advertencia, format!("tp0: {}", texto(SECCION, "mostró 7", &[("53210", suyo)])));

    // Un TP0 sin handshake empieza con su MENSAJE.
    let sin_handshake = Par::mudo(puerto);
    sin_handshake.mandar(&mensaje("hola"));
    assert_eq!(sin_handshake.hasta_el_fin(), RECHAZADO);
    let suyo = sin_handshake.direccion().port().to_string();
    let advertencia = servidor.esperar_error("mostró 0", PLAZO);
    assert_eq!(advertencia, format!("tp0: {}", texto(SECCION, "mostró 0", &[("53210", &suyo)])));

    // Y al revés: el cliente habla con otra cosa.
    let otra_cosa = TcpListener::bind("127.0.0.1:0").unwrap();
    let puerto_ = otra_cosa.local_addr().unwrap().port().to_string();
    let atiende = thread::spawn(move || {
        let mut conexion = otra_cosa.accept().unwrap().0;
        let mut hola = [0; 4];
        conexion.read_exact(&mut hola).unwrap();
        assert_eq!(hola, HOLA);
        conexion.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let salida = Proceso::lanzar(orden_de("dolores_cliente", &["textos", "127.0.0.1", &puerto_])).terminar(PLAZO);
    assert_eq!(dijo(&salida, "crear_conexion"), [texto(SECCION, "otro protocolo", &[("4444", &puerto_)])]);
    atiende.join().unwrap();
}

#[test]
fn el_handshake_por_el_descriptor_que_escucha() {
    const SECCION: &str = "el-handshake";
    let (servidor, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["por_el_otro"]));
    let par = Par::saludo(puerto);
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    let numeros: Vec<&str> = salida.lineas()[0].split(' ').collect();
    let el_que_escucha = texto(SECCION, "es el socket que escucha", &[("7", numeros[0])]);
    let el_cliente = texto(SECCION, "no es un socket que escucha", &[("8", numeros[1])]);
    assert_eq!(dijo(&salida, "recibir_operacion"), [&el_que_escucha]);
    assert_eq!(dijo(&salida, "enviar_mensaje"), [el_que_escucha.as_str(), "bien"]);
    assert_eq!(dijo(&salida, "esperar_cliente"), [el_cliente]);
    // Equivocarse no rompió nada: lo que se mandó por donde va, llegó.
    par.espera(&[0; 4]);
    par.espera(&mensaje("ahora sí"));
}

/// Ocho hilos por la misma conexión, sin un mutex: cada mensaje llega entero.
#[test]
fn varios_hilos_por_una_conexion() {
    if !exigir("gcc") {
        return;
    }
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let cliente = Proceso::lanzar(orden_de("dolores_cliente", &["hilos", "127.0.0.1", &puerto.to_string()]));
    let conexion = c.resultado(espera).bien();
    let mut de_cada_uno = [0_usize; 8];
    for _ in 0..8 * 50 {
        assert_eq!(c.bien(&format!("operacion {conexion}")), 0);
        let respuesta = c.pedir(&format!("buffer {conexion}"));
        respuesta.bien();
        // Cada hilo manda su letra, y cada vez diez mil más.
        let bytes = respuesta.campo("bytes");
        let letra = usize::from(u8::from_str_radix(&bytes[..2], 16).unwrap() - b'a');
        de_cada_uno[letra] += 1;
        assert_eq!(respuesta.campo("tamanio"), (de_cada_uno[letra] * 10_000 + 1).to_string(), "del hilo {letra}");
        assert_eq!(bytes, bytes[..2].repeat(64), "del hilo {letra}");
    }
    assert_eq!(de_cada_uno, [50; 8]);
    c.pedir(&format!("operacion {conexion}")).mal("0", &[]);
    cliente.terminar(PLAZO).exigir_exito("el de los hilos");
    c.terminar();
}
