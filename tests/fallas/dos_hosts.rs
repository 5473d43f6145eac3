//! De una máquina a otra: los ejemplos en C conversan por un cable que demora, pierde y desordena, con paquetes chicos; y el cable se
//! corta en el medio de un mensaje.

use crate::comun;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::comun::{PLAZO, Proceso, cifra, compilar_con_tp0, contar, decir, detallar, exigir, orden, ruta_nueva};
use crate::ejemplos::{Lengua, ejemplo, puerto_de};
use crate::redes::{Condiciones, DosMaquinas, IPS, Material};

/// Por un cable malo todo tarda más: cada paquete perdido son décimas de segundo, y los primeros, segundos.
const PACIENCIA: Duration = Duration::from_secs(90);

/// En qué máquina está cada uno. La que se queda sin interfaz cuando se corta el cable es la del servidor.
const CLIENTE: usize = 0;
const SERVIDOR: usize = 1;

/// Un servidor de ejemplo en su máquina, y su puerto.
fn levantar(red: &DosMaquinas, maquina: usize, nombre: &str, args: &[&str]) -> (Proceso, String) {
    let mut servidor = ejemplo(Lengua::C, nombre);
    servidor.args(args).env("TP0_IP", IPS[maquina]).env("TP0_PUERTO", "0");
    servidor.env(CON_PACIENCIA.0, CON_PACIENCIA.1);
    let servidor = Proceso::lanzar(red.en(maquina, &servidor));
    let puerto = puerto_de(&servidor).to_string();
    (servidor, puerto)
}

/// El handshake también se pierde.
const CON_PACIENCIA: (&str, &str) = ("TP0_ESPERA_MS", "60000");

/// La orden de un ejemplo en la máquina de los clientes.
fn cliente(red: &DosMaquinas, nombre: &str, args: &[&str]) -> Command {
    let mut orden = ejemplo(Lengua::C, nombre);
    red.en(CLIENTE, orden.args(args).env(CON_PACIENCIA.0, CON_PACIENCIA.1))
}

fn correr(red: &DosMaquinas, nombre: &str, args: &[&str]) -> comun::Salida {
    Proceso::lanzar(cliente(red, nombre, args)).terminar(PACIENCIA)
}

fn el_tp0(red: &DosMaquinas) {
    let (servidor, puerto) = levantar(red, SERVIDOR, "servidor", &[]);
    let config = ruta_nueva("config");
    fs::write(&config, format!("CLAVE=¿qué tal?\nIP={}\nPUERTO={puerto}\n", IPS[SERVIDOR])).unwrap();
    // Muchas líneas: el paquete no entra en uno solo del cable.
    let lineas: Vec<String> = (0..400).map(|i| format!("línea {i} {}", "ñ".repeat(i % 40))).collect();
    let mut proceso = Proceso::lanzar_interactivo(cliente(red, "cliente", &[config.to_str().unwrap()]));
    proceso.escribir(&format!("{}\n", lineas.join("\n")));
    let salida = proceso.terminar(PACIENCIA);
    salida.exigir_exito("el cliente");
    assert!(salida.stdout.contains("El servidor contestó: Valores recibidos: 400."), "{salida}");

    let salida = correr(red, "rechazado", &[IPS[SERVIDOR], &puerto]);
    salida.exigir_exito("el rechazado");
    assert!(salida.stdout.contains("rechazó el handshake"), "{salida}");

    servidor.senial(libc::SIGINT);
    let salida = servidor.terminar(PACIENCIA);
    salida.exigir_exito("el servidor");
    let mostradas: Vec<&str> = salida.stdout.lines().filter_map(|linea| linea.strip_prefix("  - ")).collect();
    assert_eq!(mostradas, lineas);
}

fn las_personas(red: &DosMaquinas) {
    let (servidor, puerto) = levantar(red, SERVIDOR, "persona_servidor", &[]);
    let familia = ["Núñez", "Av. 9 de Julio", "950", "30123456", "25", "7", "Ana", "40123456", "12", "8", "Ñandú"];
    let salida = correr(red, "persona_cliente", &[&[IPS[SERVIDOR], puerto.as_str()], familia.as_slice()].concat());
    salida.exigir_exito("el cliente");
    assert!(salida.stdout.contains("Ana (dni 30123456, pasaporte 7) ahora tiene 26."), "{salida}");
    correr(red, "persona_cliente", &[IPS[SERVIDOR], &puerto, "apagar"]).exigir_exito("apagar");
    let salida = servidor.terminar(PACIENCIA);
    salida.exigir_exito("el servidor");
    assert!(salida.stdout.contains("  - Ñandú, 12 años, dni 40123456, pasaporte 8"), "{salida}");
}

fn el_chat(red: &DosMaquinas) {
    let (chat, puerto) = levantar(red, SERVIDOR, "chat_servidor", &[]);
    let entrar =
        |nombre: &str| Proceso::lanzar_interactivo(cliente(red, "chat_cliente", &[nombre, IPS[SERVIDOR], &puerto]));
    let mut ana = entrar("ana");
    ana.esperar_linea("*: Están: ana", PACIENCIA);
    let mut beto = entrar("beto");
    beto.esperar_linea("*: Están: ana, beto", PACIENCIA);
    ana.esperar_linea("*: beto entró.", PACIENCIA);
    for i in 0..20 {
        ana.escribir(&format!("línea {i} de ana\n"));
        beto.escribir(&format!("línea {i} de beto\n"));
    }
    for i in 0..20 {
        beto.esperar_linea(&format!("ana: línea {i} de ana"), PACIENCIA);
        ana.esperar_linea(&format!("beto: línea {i} de beto"), PACIENCIA);
    }
    beto.cerrar_entrada();
    beto.terminar(PACIENCIA).exigir_exito("beto");
    ana.esperar_linea("*: beto se fue.", PACIENCIA);
    chat.senial(libc::SIGINT);
    chat.terminar(PACIENCIA).exigir_exito("el chat");
    ana.esperar_linea("Se terminó", PACIENCIA);
    ana.terminar(PACIENCIA).exigir_exito("ana");
}

/// Cada eslabón en la máquina que el anterior no está: el mensaje cruza el cable tres veces para cada lado.
fn la_cadena(red: &DosMaquinas) {
    let (_c, puerto_de_c) = levantar(red, CLIENTE, "cadena", &["C", "0"]);
    let (_b, puerto_de_b) = levantar(red, SERVIDOR, "cadena", &["B", "0", IPS[CLIENTE], &puerto_de_c]);
    let (_a, puerto_de_a) = levantar(red, CLIENTE, "cadena", &["A", "0", IPS[SERVIDOR], &puerto_de_b]);
    let salida = correr(red, "seis_funciones", &["cliente", IPS[CLIENTE], &puerto_de_a, "hola"]);
    salida.exigir_exito("el que pregunta");
    assert!(salida.stdout.contains("Me contestaron: hola > A > B > C < B < A"), "{salida}");
}

fn quien_es_quien(red: &DosMaquinas) {
    let (servidor, puerto) = levantar(red, SERVIDOR, "quien_soy", &["servidor"]);
    for modulo in ["memoria", "kernel", "cpu"] {
        let salida = correr(red, "quien_soy", &[modulo, IPS[SERVIDOR], &puerto, "acá estoy"]);
        salida.exigir_exito(modulo);
        assert_eq!(salida.lineas(), [format!("El servidor dice: Hola, {modulo}.")]);
        servidor.esperar_linea(&format!("{modulo} dice: acá estoy"), PACIENCIA);
    }
    assert_eq!(correr(red, "quien_soy", &["consola", IPS[SERVIDOR], &puerto, "nada"]).codigo, Some(1));
}

/// Muchos paquetes del cable por mensaje, en las dos direcciones: llega entero y en orden.
fn mensajes_grandes(red: &DosMaquinas) {
    let (mut servidor, puerto) = servidor_grande(red, 0);
    servidor.escribir("\n");
    for que in ["entrega", "pedido"] {
        let salida = cliente_grande(red, que, 0, &puerto, "300000").terminar(PACIENCIA);
        salida.exigir_exito(que);
        assert_eq!(salida.lineas(), ["bien"], "{que}");
    }
    servidor.esperar_linea("entrega de 300000 bytes: igual", PACIENCIA);
}

/// La fila de la tabla en la que se cuenta todo.
const FILA: &str = "dos_hosts";

/// Lo que la demo hace en una máquina, entre dos.
fn conversan(red: &DosMaquinas) {
    for historia in [el_tp0, las_personas, el_chat, la_cadena, quien_es_quien, mensajes_grandes] {
        let _caso = contar(FILA);
        historia(red);
    }
}

#[test]
fn los_ejemplos_con_paquetes_chicos() {
    let Some(red) = DosMaquinas::nuevas(Material::Veth, Condiciones::CHICO) else { return };
    conversan(&red);
}

#[test]
fn los_ejemplos_por_un_cable_que_demora_pierde_y_desordena() {
    let Some(red) = DosMaquinas::nuevas(Material::Paquetes, Condiciones::MALO) else { return };
    conversan(&red);
    let cuentas = red.cuentas();
    let contados = [&cuentas.pasaron, &cuentas.perdidos, &cuentas.desordenados];
    let [pasaron, perdidos, desordenados] = contados.map(|cuenta| cuenta.load(Ordering::Relaxed));
    assert!(perdidos > 0 && desordenados > 0, "el cable no era malo: {cuentas:?}");
    let [todos, perdidos, desordenados] = [pasaron + perdidos, perdidos, desordenados].map(cifra_de);
    detallar(FILA, format!("de {todos} paquetes se perdieron {perdidos} y se desordenaron {desordenados}"));
}

/// Una cuenta como se escribe.
fn cifra_de(cuenta: u64) -> String {
    cifra(f64::from(u32::try_from(cuenta).unwrap()), 0)
}

/// No lo traen todos los núcleos, y no es algo que se pueda instalar: el cable de paquetes ya hizo lo mismo.
#[test]
fn los_ejemplos_con_tc_netem() {
    if !exigir("tc") {
        return;
    }
    let Some(red) = DosMaquinas::nuevas(Material::Veth, Condiciones::CHICO) else { return };
    let Some(red) = red.empeorar(Condiciones::MALO) else {
        decir(
            "salteado: este núcleo no trae netem; un cable igual de malo lo hace otra prueba (los_ejemplos_con_tc_netem)",
        );
        return detallar(FILA, "sin tc netem, que este núcleo no trae".into());
    };
    conversan(&red);
    let perdidos = red.perdidos_por_netem();
    assert!(perdidos > 0, "netem no perdió ningún paquete");
    detallar(FILA, format!("tc netem perdió {perdidos}"));
}

// ---------------------------------------------------------------------------------------------------------------------
// El cable se corta
// ---------------------------------------------------------------------------------------------------------------------

/// El keepalive de los que lo piden, en segundos; y cuánto más se perdona por una máquina muy cargada. Sin keepalive, el que envía
/// tardaría un cuarto de hora, y el que recibe no se enteraría nunca.
const KEEPALIVE: u64 = 6;
const PERDON: Duration = Duration::from_secs(14);

/// Cuánto se mira que los que no tienen keepalive sigan esperando.
const UN_BUEN_RATO: Duration = Duration::from_secs(KEEPALIVE + 2);

/// Lo que mide el mensaje que se corta: más que todo lo que entra en los buffers de las dos máquinas.
const GRANDE: u32 = 48 * 1024 * 1024;

fn programa() -> &'static Path {
    static PROGRAMA: OnceLock<std::path::PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("dos_hosts", &["dos_hosts.c"]))
}

/// El servidor del mensaje grande, que espera una línea para mandar la segunda mitad.
fn servidor_grande(red: &DosMaquinas, keepalive: u64) -> (Proceso, String) {
    let mut servidor = orden(programa());
    servidor.args(["servidor", &keepalive.to_string()]).env("TP0_IP", IPS[SERVIDOR]).env("TP0_PUERTO", "0");
    servidor.env(CON_PACIENCIA.0, CON_PACIENCIA.1);
    let servidor = Proceso::lanzar_interactivo(red.en(SERVIDOR, &servidor));
    let puerto = puerto_de(&servidor).to_string();
    (servidor, puerto)
}

fn cliente_grande(red: &DosMaquinas, que: &str, keepalive: u64, puerto: &str, cuanto: &str) -> Proceso {
    let mut cliente = orden(programa());
    cliente.args([que, &keepalive.to_string(), IPS[SERVIDOR], puerto, cuanto]).env(CON_PACIENCIA.0, CON_PACIENCIA.1);
    Proceso::lanzar(red.en(CLIENTE, &cliente))
}

/// Con el cable sano, otro cliente es atendido.
fn atiende_a_otro(red: &DosMaquinas, puerto: &str) {
    let salida = cliente_grande(red, "eco", 0, puerto, "¿seguís ahí?").terminar(PLAZO);
    salida.exigir_exito("otro cliente");
    assert_eq!(salida.lineas(), ["bien"]);
}

/// Espera que diga que lo perdió, dentro de los segundos que pidió.
fn nota_el_corte(proceso: &Proceso, quien: &str, cortado: Instant) {
    let linea = proceso.esperar_linea(quien, PLAZO);
    let tardo = cortado.elapsed();
    println!("{linea} ({tardo:?})");
    assert!(linea.starts_with(&format!("{quien}: ETIMEDOUT ")), "{linea}");
    assert!(tardo <= Duration::from_secs(KEEPALIVE) + PERDON, "tardó {tardo:?} y pidió {KEEPALIVE} segundos");
}

/// En el medio de recibir: llegó la mitad, y nunca más nada.
fn corte_al_recibir_con_keepalive(red: &DosMaquinas) {
    let (mut servidor, puerto) = servidor_grande(red, KEEPALIVE);
    let cliente = cliente_grande(red, "pedido", KEEPALIVE, &puerto, "100000");
    servidor.esperar_linea("di la mitad", PACIENCIA);
    red.cortar(true);
    nota_el_corte(&cliente, "recibir", Instant::now());
    assert_eq!(cliente.terminar(PLAZO).codigo, Some(1));
    red.cortar(false);
    atiende_a_otro(red, &puerto);
    servidor.escribir("\n");
    servidor.esperar_linea("se fue un cliente: ", PLAZO);
}

/// En el medio de enviar: el servidor empezó a leer y el resto no llega. Lo notan los dos.
fn corte_al_enviar_con_keepalive(red: &DosMaquinas) {
    let (servidor, puerto) = servidor_grande(red, KEEPALIVE);
    let cliente = cliente_grande(red, "entrega", KEEPALIVE, &puerto, &GRANDE.to_string());
    servidor.esperar_linea("empieza una entrega", PACIENCIA);
    red.cortar(true);
    let cortado = Instant::now();
    nota_el_corte(&cliente, "enviar", cortado);
    nota_el_corte(&servidor, "se fue un cliente", cortado);
    assert_eq!(cliente.terminar(PLAZO).codigo, Some(1));
    red.cortar(false);
    atiende_a_otro(red, &puerto);
}

/// Sin keepalive no se enteran: siguen esperando, y si el cable vuelve el mensaje termina de llegar, entero.
fn corte_sin_keepalive(red: &DosMaquinas) {
    let (mut servidor, puerto) = servidor_grande(red, 0);
    let mut recibe = cliente_grande(red, "pedido", 0, &puerto, "100000");
    servidor.esperar_linea("di la mitad", PACIENCIA);
    let mut envia = cliente_grande(red, "entrega", 0, &puerto, "4000000");
    servidor.esperar_linea("empieza una entrega", PACIENCIA);
    red.cortar(true);
    servidor.escribir("\n");
    thread::sleep(UN_BUEN_RATO);
    for (que, cliente) in [("recibe", &mut recibe), ("envía", &mut envia)] {
        assert!(cliente.vivo(), "el que {que} tenía que seguir esperando: {}", cliente.dicho());
        assert_eq!(cliente.dicho(), "", "el que {que}");
    }
    red.cortar(false);
    for (que, cliente) in [("recibe", recibe), ("envía", envia)] {
        let salida = cliente.terminar(PACIENCIA);
        salida.exigir_exito(que);
        assert_eq!(salida.lineas(), ["bien"], "el que {que}");
    }
    servidor.esperar_linea("entrega de 4000000 bytes: igual", PLAZO);
    atiende_a_otro(red, &puerto);
}

/// Un corte en los dos cables, a la vez: lo que se mide es esperar.
fn con_cada_cable(corte: fn(&DosMaquinas)) {
    thread::scope(|hilos| {
        for material in [Material::Veth, Material::Paquetes] {
            let red = DosMaquinas::nuevas(material, Condiciones::CHICO);
            hilos.spawn(move || {
                let Some(red) = red else { return };
                let _caso = contar(FILA);
                corte(&red);
            });
        }
    });
}

#[test]
fn se_corta_mientras_se_recibe() {
    con_cada_cable(corte_al_recibir_con_keepalive);
}

#[test]
fn se_corta_mientras_se_envia() {
    con_cada_cable(corte_al_enviar_con_keepalive);
}

#[test]
fn se_corta_y_vuelve_sin_keepalive() {
    con_cada_cable(corte_sin_keepalive);
}
