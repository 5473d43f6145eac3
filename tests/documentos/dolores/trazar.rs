//! Los dolores que se ven con `TP0_TRAZA=1`: el renglón de la guía es el que sale.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;

use socket2::{Domain, Socket, Type};

use super::orden_de;
use crate::comun::{PLAZO, Proceso, compilar_modulo, lanzar_servidor, orden, puerto_libre};
use crate::guia::texto;
use crate::hostil::{ACEPTADO, HOLA, Oyente};
use crate::redes::{Condiciones, DosMaquinas, IPS, Material};

/// El servidor con la forma del de un TP0, contando cada paso.
fn servidor() -> Command {
    let mut servidor = orden(compilar_modulo("server", &["servidor.c"], &[]));
    servidor.env("TP0_TRAZA", "1");
    servidor
}

/// Espera el renglón de la traza con `parte`: tiene que ser el de la guía, salvo el programa, su número y el tiempo.
#[track_caller]
fn comparar(programa: &Proceso, parte: &str, de_la_guia: &str) {
    let renglon = programa.esperar_error(parte, PLAZO);
    assert_eq!(que_paso(&renglon), que_paso(de_la_guia));
}

/// Lo que dice un renglón, sin `[programa número +tiempo]`.
#[track_caller]
fn que_paso(renglon: &str) -> &str {
    let (adelante, que) = renglon.strip_prefix('[').unwrap().split_once("] ").unwrap();
    assert!(matches!(adelante.split(' ').collect::<Vec<_>>()[..], [_, _, hace] if hace.starts_with('+')), "{renglon}");
    que
}

#[test]
fn la_traza_muestra_la_ip_que_necesita_la_otra_vm() {
    let Some(red) = DosMaquinas::nuevas(Material::Veth, Condiciones::CHICO) else { return };
    let servidor = Proceso::lanzar(red.en(1, &servidor()));
    let esperado = texto("anda-en-mi-máquina-y-no-entre-vms", "las IP de esta máquina", &[("192.168.0.15", IPS[1])]);
    comparar(&servidor, "las IP de esta máquina", &esperado);
}

#[test]
fn la_traza_muestra_a_que_puerto_se_llamo_y_avisa_de_uno_del_sistema() {
    const SECCION: &str = "lo-que-se-lee-del-config";
    let puerto = puerto_libre().to_string();
    let mut cliente = orden_de("dolores_cliente", &["textos", "127.0.0.1", &puerto]);
    cliente.env("TP0_TRAZA", "1");
    let esperado = texto(SECCION, "= -1: Connection refused", &[("4444", &puerto)]);
    comparar(&Proceso::lanzar(cliente), "= -1: Connection refused", &esperado);

    let rango = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let [desde, hasta] = rango.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{rango}") };
    // De esos: lo tiene un socket que no escucha, y el servidor lo puede levantar igual.
    let tomado = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    tomado.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    tomado.set_reuse_address(true).unwrap();
    let libre = tomado.local_addr().unwrap().as_socket().unwrap().port().to_string();
    let mut servidor = servidor();
    servidor.env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", &libre);
    let cambios = [("40000", libre.as_str()), ("32768", desde), ("60999", hasta)];
    comparar(&Proceso::lanzar(servidor), "ojo: del ", &texto(SECCION, "ojo: del ", &cambios));
}

#[test]
fn lo_ultimo_de_la_traza_es_lo_que_se_espera() {
    const SECCION: &str = "se-queda-clavado";
    let (servidor, _) = lanzar_servidor(servidor());
    comparar(&servidor, "espera un cliente", &texto(SECCION, "espera un cliente", &[]));
    let dicho = servidor.matar().stderr;
    assert!(dicho.lines().last().unwrap().ends_with("accept(3): espera un cliente"), "{dicho}");

    let oyente = Oyente::nuevo();
    let mut cliente = orden(compilar_modulo("guion", &["guion.c"], &[]));
    cliente.args(["127.0.0.1", &oyente.puerto.to_string()]).env("TP0_TRAZA", "1");
    let mut cliente = Proceso::lanzar_interactivo(cliente);
    let par = oyente.aceptar();
    par.espera(&HOLA);
    par.mandar(&ACEPTADO);
    cliente.escribir("r\n");
    comparar(&cliente, "recv(3): espera", &texto(SECCION, "recv(3): espera", &[]));
    assert!(cliente.vivo(), "sigue esperando");
    let dicho = cliente.matar().stderr;
    assert!(dicho.lines().last().unwrap().ends_with("recv(3): espera"), "{dicho}");
}
