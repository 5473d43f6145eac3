//! Levantar un servidor, y terminarlo.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::process::Command;

use super::{correr, dijo, orden_de};
use crate::comun::{
    PLAZO, Proceso, compilar_modulo, es_root, escuchando, esperar_que, exigir, lanzar_servidor, orden, puerto_libre,
    saltear,
};
use crate::guia::texto;
use crate::hostil::{Conductor, Par, sin_privilegios};
use crate::redes::{Condiciones, DosMaquinas, IPS, Material};

const EN_USO: &str = "el-puerto-ya-está-en-uso";

/// Lo que le dicen a quien quiere escuchar ahí.
#[track_caller]
fn al_escuchar_en(puerto: u16) -> String {
    let mut servidor = orden_de("dolores_servidor", &["sin_mirar"]);
    servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let salida = correr(servidor);
    dijo(&salida, "iniciar_servidor")[0].to_owned()
}

/// Un servidor a mano, sin SO_REUSEADDR, y un cliente ya conectado.
fn a_mano_y_con_un_cliente() -> (Proceso, TcpStream, u16) {
    let servidor = Proceso::lanzar_interactivo(orden_de("dolores_servidor", &["manual"]));
    let puerto = servidor.esperar_linea("puerto ", PLAZO).strip_prefix("puerto ").unwrap().parse().unwrap();
    let cliente = TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).unwrap();
    servidor.esperar_linea("llegó", PLAZO);
    (servidor, cliente, puerto)
}

#[test]
fn el_puerto_lo_tiene_otro_servidor() {
    let (servidor, puerto) = lanzar_servidor(orden(compilar_modulo("server", &["servidor.c"], &[])));
    let (pid, puerto_) = (servidor.pid().to_string(), puerto.to_string());
    let nombre = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    let cambios = [("4444", puerto_.as_str()), ("5132", &pid), ("server", nombre.trim())];
    assert_eq!(al_escuchar_en(puerto), texto(EN_USO, "lo tiene el proceso", &cambios));

    // Terminado como dice el texto, se puede usar enseguida, aunque haya un cliente conectado.
    let cliente = Par::saludo(puerto);
    cliente.espera(&crate::hostil::ACEPTADO);
    servidor.senial(libc::SIGTERM);
    servidor.terminar(PLAZO);
    lanzar_en(puerto);
    drop(cliente);
    lanzar_en(puerto);
}

/// Levanta ahí al servidor del TP0 y comprueba que escuche.
fn lanzar_en(puerto: u16) {
    let mut servidor = orden(compilar_modulo("server", &["servidor.c"], &[]));
    servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let _servidor = Proceso::lanzar(servidor);
    esperar_que("que escuche otra vez", PLAZO, || escuchando(puerto));
}

#[test]
fn el_puerto_lo_tiene_este_mismo_programa() {
    let c = Conductor::nuevo();
    let (_, puerto) = c.servidor();
    let respuesta = c.pedir(&format!("iniciar_en 127.0.0.1 {puerto}"));
    let cambios = [("4444", &*puerto.to_string()), ("5132", &c.pid().to_string())];
    assert_eq!(respuesta.texto, Some(texto(EN_USO, "este mismo proceso", &cambios)));
    c.terminar();
}

/// El de siempre: el servidor cerró primero, o lo mataron con un cliente conectado.
#[test]
fn el_puerto_quedo_de_una_corrida_sin_reuseaddr() {
    for lo_matan in [false, true] {
        let (servidor, cliente, puerto) = a_mano_y_con_un_cliente();
        if lo_matan {
            servidor.matar();
        } else {
            servidor.terminar(PLAZO).exigir_exito("el servidor a mano");
        }
        let esperado = texto(EN_USO, "conexión vieja", &[("4444", &puerto.to_string())]);
        assert_eq!(al_escuchar_en(puerto), esperado, "con el cliente conectado, y lo mataron: {lo_matan}");
        drop(cliente);
        assert_eq!(al_escuchar_en(puerto), esperado, "con el cliente ya ido, y lo mataron: {lo_matan}");
    }
}

/// Un servidor que dejó de escuchar y sigue atendiendo a alguien.
#[test]
fn el_puerto_lo_tiene_una_conexion() {
    let escucha = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Con bind el puerto es sólo suyo: sin él, el sistema se lo puede dar también a la conexión de otro proceso con otro destino.
    let conexion = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let puerto = (40_000..60_000)
        .find(|puerto| conexion.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, *puerto).into()).is_ok())
        .expect("un puerto alto libre");
    conexion.connect(&escucha.local_addr().unwrap().into()).unwrap();
    let (pid, puerto_) = (std::process::id().to_string(), puerto.to_string());
    let nombre = fs::read_to_string("/proc/self/comm").unwrap();
    let cambios = [("40000", puerto_.as_str()), ("5132", &pid), ("client", nombre.trim())];
    assert_eq!(al_escuchar_en(puerto), texto(EN_USO, "Desde 32768", &cambios));

    let (mut servidor, _cliente, puerto) = a_mano_y_con_un_cliente();
    let (pid, puerto_) = (servidor.pid().to_string(), puerto.to_string());
    let nombre = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    servidor.escribir("\n");
    servidor.esperar_linea("no escucho", PLAZO);
    let cambios = [("4444", puerto_.as_str()), ("5132", &pid), ("server", nombre.trim())];
    assert_eq!(al_escuchar_en(puerto), texto(EN_USO, "que empezó sin SO_REUSEADDR", &cambios));
}

#[test]
fn el_puerto_lo_tiene_otro_usuario() {
    if !es_root() || !exigir("setpriv") {
        return saltear("sólo root puede correr como otro usuario");
    }
    let duenio = Conductor::nuevo();
    let (_, puerto) = duenio.servidor();
    let otro = sin_privilegios(&[]);
    let respuesta = otro.pedir(&format!("iniciar_en 127.0.0.1 {puerto}"));
    assert_eq!(respuesta.texto, Some(texto(EN_USO, "sudo lsof", &[("4444", &puerto.to_string())])));
    otro.terminar();
    duenio.terminar();
}

/// El programa no miró si iniciar_servidor anduvo: no queda escuchando en ningún puerto, y las llamadas que siguen no se cuelgan.
#[test]
fn bind_fallo_y_nadie_lo_miro() {
    let ocupado = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let puerto = ocupado.local_addr().unwrap().port();
    let mut servidor = orden_de("dolores_servidor", &["sin_mirar"]);
    servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let salida = correr(servidor);
    let del_menos_uno = texto("bind-falló-y-nadie-lo-miró", "-1 no es", &[]);
    assert_eq!(dijo(&salida, "esperar_cliente"), [&del_menos_uno]);
    assert_eq!(dijo(&salida, "recibir_operacion"), [&del_menos_uno]);
    assert_eq!(salida.lineas().last(), Some(&"termine"), "{salida}");
}

/// Entre dos máquinas de verdad: el servidor del TP0 escucha en todas las direcciones; con TP0_IP=127.0.0.1, desde la otra no se llega, y
/// el texto lo sospecha.
#[test]
fn el_servidor_que_escucha_solo_en_localhost() {
    let Some(red) = DosMaquinas::nuevas(Material::Veth, Condiciones::CHICO) else { return };
    let cliente = || {
        let mut cliente = orden_de("dolores_cliente", &["textos", IPS[1], "4444"]);
        cliente.env("TP0_ESPERA_MS", "20000");
        Proceso::lanzar(red.en(0, &cliente)).terminar(PLAZO)
    };
    for (ip, llega) in [(None, true), (Some("127.0.0.1"), false)] {
        let mut servidor = orden(compilar_modulo("server", &["servidor.c"], &[]));
        servidor.envs(ip.map(|ip| ("TP0_IP", ip)));
        let servidor = Proceso::lanzar(red.en(1, &servidor));
        servidor.esperar_linea("Servidor listo", PLAZO);
        let salida = cliente();
        if llega {
            salida.exigir_exito("el cliente");
            servidor.terminar(PLAZO).exigir_exito("el servidor");
        } else {
            let esperado = texto("anda-en-mi-máquina-y-no-entre-vms", "no hay nadie", &[("192.168.0.15", IPS[1])]);
            assert_eq!(dijo(&salida, "crear_conexion"), [esperado]);
            servidor.matar();
        }
    }
}

/// Lo que sale mal al leer el config, y lo que con la biblioteca no sale mal.
#[test]
fn lo_que_se_lee_del_config() {
    const SECCION: &str = "lo-que-se-lee-del-config";
    let servidor = Conductor::nuevo();
    let (escucha, puerto) = servidor.servidor();
    let espera = servidor.en_hilo(&format!("esperar {escucha}"));
    // Con los blancos y el '\r' que deja un editor de Windows, anda.
    let salida = con_config(&format!("IP= 127.0.0.1 \r\nPUERTO={puerto}\r\n"), "IP", "PUERTO");
    assert_eq!(dijo(&salida, "crear_conexion"), ["bien"]);
    servidor.resultado(espera).bien();
    for (ip, puerto, esperado) in [
        ("127.0.0.1", "99999", texto(SECCION, "\"99999\"", &[])),
        ("127.0.0.1", "0", texto(SECCION, "\"0\"", &[])),
        ("127.0.0.1", "44 44", texto(SECCION, "\"44 44\"", &[])),
        ("127.0.0.1", "", texto(SECCION, "\"\" no es un puerto", &[])),
        ("192.168.0.256", "4444", texto(SECCION, "\"192.168.0.256\"", &[])),
        ("192.168.0", "4444", texto(SECCION, "\"192.168.0\"", &[])),
        ("", "4444", texto(SECCION, "\"\" no es una IP", &[])),
    ] {
        let salida = con_config(&format!("IP={ip}\nPUERTO={puerto}\n"), "IP", "PUERTO");
        assert_eq!(dijo(&salida, "crear_conexion"), [esperado], "{ip:?} {puerto:?}");
    }
    // La clave no está, o no está el archivo.
    let salida = con_config("IP=127.0.0.1\nPUERTO=4444\n", "IP", "PUERTO_ESCUCHA");
    assert_eq!(dijo(&salida, "crear_conexion"), [texto(SECCION, "puerto es NULL", &[])]);
    let salida = correr(orden_de("dolores_config", &["/no/existe.config", "IP", "PUERTO"]));
    assert_eq!(dijo(&salida, "crear_conexion"), [texto(SECCION, "ip es NULL", &[])]);

    let mut mal = orden_de("dolores_servidor", &["sin_mirar"]);
    mal.env("TP0_PUERTO", "abc");
    assert_eq!(dijo(&correr(mal), "iniciar_servidor"), [texto(SECCION, "TP0_PUERTO", &[])]);
}

/// Corre al cliente del config con ese archivo.
pub(super) fn con_config(config: &str, ip: &str, puerto: &str) -> crate::comun::Salida {
    let archivo = crate::comun::ruta_nueva("cliente.config");
    fs::write(&archivo, config).unwrap();
    correr(orden_de("dolores_config", &[archivo.to_str().unwrap(), ip, puerto]))
}

#[test]
fn un_puerto_que_es_del_sistema() {
    // Una red nueva y vacía trae el valor de fábrica: los menores que 1024 son de root.
    let c = match es_root() {
        true if exigir("setpriv") && exigir("unshare") => sin_privilegios(&["unshare", "-n"]),
        true => return,
        false => Conductor::nuevo(),
    };
    let respuesta = c.pedir("iniciar_en 0.0.0.0 80");
    assert_eq!(respuesta.texto, Some(texto("lo-que-se-lee-del-config", "No hay permiso", &[])));
    c.terminar();
}

#[test]
fn se_queda_clavado_y_se_ve_donde() {
    if !exigir("ss") {
        return;
    }
    let puerto = puerto_libre();
    let mut servidor = orden(compilar_modulo("server", &["servidor.c"], &[]));
    servidor.env("TP0_PUERTO", puerto.to_string());
    let mut servidor = Proceso::lanzar(servidor);
    servidor.esperar_linea("Servidor listo", PLAZO);
    let tabla = crate::comun::ejecutar(Command::new("ss").arg("-ltnp"));
    let en_el_puerto = |linea: &&str| linea.contains(&format!("0.0.0.0:{puerto} "));
    let columnas = |linea: &str| linea.split_whitespace().collect::<Vec<_>>().join(" ");
    let visto = columnas(tabla.lines().find(en_el_puerto).unwrap_or_else(|| panic!("{tabla}")));
    let nombre = fs::read_to_string(format!("/proc/{}/comm", servidor.pid())).unwrap();
    // Cuántos entran en la cola depende de la máquina.
    let cola = visto.split(' ').nth(2).unwrap();
    let (pid, puerto) = (servidor.pid().to_string(), puerto.to_string());
    let cambios = [("4096", cola), ("4444", puerto.as_str()), ("server", nombre.trim()), ("5132", &pid)];
    assert_eq!(visto, texto("se-queda-clavado", "LISTEN", &cambios));
    assert!(servidor.vivo(), "sigue esperando, que es lo que tiene que hacer");
}

#[test]
fn terminar_un_servidor_que_espera() {
    const SECCION: &str = "terminar-un-servidor";
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let espera = c.en_hilo(&format!("esperar {servidor}"));
    c.adentro(&espera);
    c.bien(&format!("liberar {servidor}"));
    let respuesta = c.resultado(espera);
    respuesta.mal("ECANCELED", &[]);
    assert_eq!(respuesta.texto, Some(texto(SECCION, "Otro hilo", &[])));
    // Y el puerto quedó libre.
    c.bien(&format!("iniciar_en 127.0.0.1 {puerto}"));
    c.terminar();

    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    c.bien("manejador corta");
    let espera = c.lanzar(&format!("esperar {servidor}"));
    c.interrumpir(&espera);
    let respuesta = c.resultado(espera);
    respuesta.mal("EINTR", &[]);
    assert_eq!(respuesta.texto, Some(texto(SECCION, "Una señal", &[])));
    // Después de una señal se puede seguir: nadie se perdió.
    let par = Par::saludo(puerto);
    c.bien(&format!("esperar {servidor}"));
    par.espera(&crate::hostil::ACEPTADO);
    c.terminar();
}
