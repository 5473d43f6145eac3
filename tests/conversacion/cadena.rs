//! Servidores que son clientes de otros: cadenas, árboles, ruedas donde todos se conectan antes de que nadie espere, y uno que se
//! conecta consigo mismo. Si uno se cae, al que preguntó le llega por qué, y nadie queda colgado.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::comun::{PLAZO, Proceso, Salida, compilar_con_tp0, exigir, orden, orden_valgrind, puerto_libre};
use tp0::{Conexion, Opciones, Recibido, Servidor};

/// De sobra para que una caída llegue de punta a punta, y muy lejos de lo que duerme la hoja que se demora.
const PRONTO: Duration = Duration::from_secs(60);

fn eslabones() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("cadena_eslabon", &["cadena_eslabon.c"])).clone()
}

fn vecinos() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("cadena_vecinos", &["cadena_vecinos.c"])).clone()
}

/// Un eslabón que ya escucha, y su puerto.
fn eslabon(modo: &str, nombre: &str, siguientes: &[u16]) -> (Proceso, u16) {
    let puerto = puerto_libre();
    let mut orden = orden(eslabones());
    orden.args([modo, nombre, &puerto.to_string()]).args(siguientes.iter().map(u16::to_string));
    let proceso = Proceso::lanzar(orden);
    proceso.esperar_linea("escucho", PLAZO);
    (proceso, puerto)
}

/// Una cadena, del primero al último, y el puerto del primero.
fn cadena(modo: &str, nombres: &[&str]) -> (Vec<Proceso>, u16) {
    let mut procesos = Vec::new();
    let mut siguiente = None;
    for nombre in nombres.iter().rev() {
        let (proceso, puerto) = eslabon(modo, nombre, siguiente.as_slice());
        procesos.push(proceso);
        siguiente = Some(puerto);
    }
    procesos.reverse();
    (procesos, siguiente.unwrap())
}

fn preguntando(puerto: u16, textos: &[&str]) -> Proceso {
    let mut orden = orden(eslabones());
    orden.args(["preguntar", &puerto.to_string()]).args(textos);
    Proceso::lanzar(orden)
}

fn preguntar(puerto: u16, textos: &[&str]) -> Salida {
    preguntando(puerto, textos).terminar(PRONTO)
}

#[test]
fn la_cadena_va_y_vuelve() {
    let (_cadena, puerto) = cadena("atender", &["A", "B", "C"]);
    let salida = preguntar(puerto, &["uno", "dos", "tres"]);
    assert_eq!(salida.exigir_exito("el cliente").lineas(), ["A(B(C))"; 3]);

    // Y con varios a la vez, cada uno con su conversación.
    let clientes: Vec<_> = (0..8).map(|_| preguntando(puerto, &["uno", "dos"])).collect();
    for cliente in clientes {
        assert_eq!(cliente.terminar(PRONTO).exigir_exito("el cliente").lineas(), ["A(B(C))"; 2]);
    }
}

#[test]
fn la_cadena_con_las_funciones_del_tp0_va_y_vuelve_y_termina_sola() {
    let (cadena, puerto) = cadena("esqueleto", &["A", "B", "C"]);
    let salida = preguntar(puerto, &["uno", "dos", "tres"]);
    assert_eq!(salida.exigir_exito("el cliente").lineas(), ["A(B(C))"; 3]);
    // El cliente se fue: cada uno lo nota, y el último también.
    for proceso in cadena {
        let salida = proceso.terminar(PRONTO);
        assert_eq!(salida.exigir_exito("un eslabón").stderr, "");
    }
}

#[test]
fn el_arbol() {
    let (_d, d) = eslabon("atender", "D", &[]);
    let (_e, e) = eslabon("atender", "E", &[]);
    let (_b, b) = eslabon("atender", "B", &[d, e]);
    let (_c, c) = eslabon("atender", "C", &[e]);
    let (_a, a) = eslabon("atender", "A", &[b, c]);
    assert_eq!(preguntar(a, &["?", "?"]).exigir_exito("el cliente").lineas(), ["A(B(D,E),C(E))"; 2]);
    assert_eq!(preguntar(c, &["?"]).exigir_exito("el cliente").lineas(), ["C(E)"]);
}

const DIEZ: [&str; 10] = ["S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9"];
const LOS_DIEZ: &str = "S0(S1(S2(S3(S4(S5(S6(S7(S8(S9)))))))))";

#[test]
fn diez_en_cadena_contestan_y_si_se_cae_el_del_medio_se_dice_donde_y_por_que() {
    let (mut cadena, puerto) = cadena("atender", &DIEZ);
    assert_eq!(preguntar(puerto, &["uno", "dos"]).exigir_exito("el cliente").lineas(), [LOS_DIEZ; 2]);

    // Un cliente tiene la pregunta en camino cuando muere S5.
    let esperando = preguntando(puerto, &["demorate", "otra vez"]);
    cadena[9].esperar_linea("me demoro", PLAZO);
    let caida = Instant::now();
    cadena.remove(5).matar();
    let salida = esperando.terminar(PRONTO);
    assert!(caida.elapsed() < PRONTO);
    let camino = "falló: S0: S1: S2: S3: S4: ";
    let nadie = format!("{camino}Conexión rechazada: no hay nadie escuchando en 127.0.0.1:");
    let lineas = salida.exigir_exito("el que esperaba").lineas();
    let normal = "El otro lado terminó la conversación (normal): salí del while y liberá la conexión.";
    assert_eq!(lineas.len(), 2, "{salida}");
    assert!(
        lineas[0] == format!("{camino}{normal}")
            || lineas[0].starts_with(&format!("{camino}El otro lado cortó la conexión")),
        "{salida}"
    );
    // Mientras S5 muere, su conexión puede cerrarse un instante antes que su socket que escucha, y S4 llegar a conectarse ahí.
    assert!(
        lineas[1].starts_with(&nadie) || lineas[1].contains("cerró la conexión antes de contestar el handshake"),
        "{salida}"
    );
    // Uno nuevo, lo mismo; y los que están antes del que falta siguen todos vivos.
    let salida = preguntar(puerto, &["uno"]);
    assert!(salida.exigir_exito("uno nuevo").stdout.starts_with(&nadie), "{salida}");
    assert!(cadena.iter_mut().all(Proceso::vivo), "se cayó alguno más");
}

#[test]
fn con_las_funciones_del_tp0_la_caida_del_medio_llega_a_la_punta() {
    let (mut cadena, puerto) = cadena("esqueleto", &DIEZ);
    let cliente = preguntando(puerto, &["uno", "demorate"]);
    cadena[9].esperar_linea("me demoro", PLAZO);
    cadena.remove(5).matar();
    let salida = cliente.terminar(PRONTO);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    let lineas = salida.lineas();
    assert_eq!((lineas.len(), lineas[0]), (2, LOS_DIEZ), "{salida}");
    assert!(lineas[1].starts_with("terminó: El otro lado "), "{salida}");
    // S0 a S4 se fueron diciendo por qué.
    for (numero, proceso) in cadena.drain(..5).enumerate() {
        let salida = proceso.terminar(PRONTO);
        assert!(
            salida.exigir_exito("un eslabón").stderr.starts_with(&format!("S{numero} se va: El otro lado ")),
            "{salida}"
        );
    }
}

/// Todos escuchan, todos se conectan con el siguiente, y recién después esperan.
fn rueda(cuantos: usize) {
    let puertos: Vec<u16> = (0..cuantos).map(|_| puerto_libre()).collect();
    let mut procesos: Vec<Proceso> = (0..cuantos)
        .map(|i| {
            let mut orden = orden(vecinos());
            let siguiente = puertos[(i + 1) % cuantos];
            orden.args(["rueda", &format!("P{i}"), &puertos[i].to_string(), &siguiente.to_string()]);
            Proceso::lanzar_interactivo(orden)
        })
        .collect();
    for proceso in &procesos {
        proceso.esperar_linea("escucho", PLAZO);
    }
    for proceso in &mut procesos {
        proceso.escribir("\n");
    }
    for (i, proceso) in procesos.into_iter().enumerate() {
        let salida = proceso.terminar(PRONTO);
        let anterior = (i + cuantos - 1) % cuantos;
        let esperado = ["escucho".to_owned(), "conectado".to_owned(), format!("me saludó P{anterior}")];
        assert_eq!(salida.exigir_exito("uno de la rueda").lineas(), esperado);
    }
}

#[test]
fn dos_servidores_que_se_conectan_uno_con_otro_antes_de_esperar() {
    for _ in 0..5 {
        rueda(2);
    }
}

#[test]
fn una_rueda_de_siete_que_se_conectan_antes_de_esperar() {
    rueda(7);
}

fn con_y_sin_valgrind(modo: &str, mas: &[&str]) -> Vec<Salida> {
    let mut salidas = Vec::new();
    let mut correr = |mut orden: std::process::Command| {
        orden.arg(modo);
        let salida = Proceso::lanzar(orden).terminar(PLAZO);
        assert_eq!(salida.exigir_exito(modo).stdout, "todo bien\n");
        salidas.push(salida);
    };
    correr(orden(vecinos()));
    if exigir("valgrind") {
        correr(orden_valgrind(vecinos(), mas));
    }
    salidas
}

#[test]
fn uno_que_se_conecta_consigo_mismo_antes_de_esperar() {
    for salida in con_y_sin_valgrind("solo", &[]) {
        assert_eq!(salida.stderr, "");
    }
}

#[test]
fn consigo_mismo_y_con_varios_valores_de_handshake() {
    for salida in con_y_sin_valgrind("valores", &[]) {
        let rechazo = "mostró 1 (0x00000001) como handshake y no es el que se espera\n";
        assert!(salida.stderr.ends_with(rechazo) && salida.stderr.lines().count() == 1, "{salida}");
    }
}

#[test]
fn uno_que_se_conecta_consigo_mismo_en_rust() {
    let opciones = Opciones::nuevas().handshakes(&[1, 2, 3]).unwrap();
    let servidor = Servidor::iniciar_con("127.0.0.1", "0", &opciones).unwrap();
    let puerto = servidor.puerto().unwrap().to_string();
    let conectar = |valor| Conexion::conectar_con("127.0.0.1", &puerto, &Opciones::nuevas().handshake(valor)).unwrap();

    let mut callado = conectar(3);
    let hablador = conectar(1);
    hablador.enviar_mensaje("uno").unwrap();
    hablador.enviar(7, b"dos").unwrap();
    let apurado = conectar(2);
    apurado.enviar_mensaje("hola y chau").unwrap();
    drop(apurado);
    // Se fue sin decir nada: no se lo entrega.
    drop(conectar(1));

    let mut clientes: Vec<Conexion> = servidor.clientes().take(3).map(Result::unwrap).collect();
    assert_eq!(clientes.iter().map(Conexion::handshake).collect::<Vec<_>>(), [Some(3), Some(1), Some(2)]);
    assert_eq!(clientes.iter().map(Conexion::activa).collect::<Vec<_>>(), [true, true, false]);

    clientes[0].enviar_mensaje("te vi").unwrap();
    assert!(matches!(callado.recibir().unwrap(), Some(Recibido::Mensaje("te vi"))));
    assert!(matches!(clientes[1].recibir().unwrap(), Some(Recibido::Mensaje("uno"))));
    assert!(matches!(clientes[1].recibir().unwrap(), Some(Recibido::Otro { codigo: 7, payload: b"dos" })));
    assert!(matches!(clientes[2].recibir().unwrap(), Some(Recibido::Mensaje("hola y chau"))));
    assert!(clientes[2].recibir().unwrap().is_none());
    drop((callado, hablador));
    assert!(clientes[0].recibir().unwrap().is_none());
    assert!(clientes[1].recibir().unwrap().is_none());
}
