//! Mandar, recibir, y enterarse de que el otro se fue.

use super::{correr, dijo, orden_de};
use crate::comun::{PLAZO, Proceso, compilar_modulo, lanzar_servidor, orden};
use crate::guia::texto;
use crate::hostil::{Conductor, Oyente, Par, encabezado, mensaje, paquete, trama};

#[test]
fn el_otro_se_murio() {
    const SECCION: &str = "el-otro-se-murió";
    let (servidor, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["sin_mirar"]));
    let mut cliente =
        Proceso::lanzar_interactivo(orden_de("dolores_cliente", &["se_murio", "127.0.0.1", &puerto.to_string()]));
    cliente.esperar_linea("listo", PLAZO);
    servidor.matar();
    cliente.cerrar_entrada();
    let salida = cliente.terminar(PLAZO);
    salida.exigir_exito("el cliente");
    assert_eq!(dijo(&salida, "activa"), ["1", "0"]);
    // El primer envío ya falla, sin SIGPIPE.
    assert_eq!(dijo(&salida, "EPIPE"), ["sí"]);
    assert_eq!(dijo(&salida, "enviar_mensaje"), [texto(SECCION, "ya cerró", &[])]);
    // Y liberar dos veces no rompe nada.
    let numero = dijo(&salida, "descriptor")[0];
    let esperado = texto("crear_conexion-falla", "7 no es", &[("7", numero)]);
    assert_eq!(dijo(&salida, "liberar_conexion"), [esperado]);

    // Quien está recibiendo, si lo cortan con un reset.
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    par.resetear();
    let respuesta = c.pedir(&format!("operacion {cliente}"));
    assert_eq!(respuesta.texto, Some(texto(SECCION, "reset", &[])));
    c.terminar();
}

#[test]
fn el_while_que_no_sale() {
    let (servidor, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["sin_salida"]));
    let primero = Par::saludo(puerto);
    primero.mandar(&mensaje("uno"));
    primero.espera(&[0; 4]);
    drop(primero);
    // Mil veces -1, y el texto no asusta.
    servidor.esperar_linea("errno 0", PLAZO);
    // Las vueltas de más no le tocan la conexión a otro cliente.
    let segundo = Par::saludo(puerto);
    segundo.espera(&[0; 4]);
    segundo.espera(&mensaje("acá estoy"));
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    assert_eq!(dijo(&salida, "recibir_operacion"), [texto("el-while-gira-sin-parar", "terminó", &[])]);
    assert_eq!(dijo(&salida, "otro número"), ["sí"]);
    assert_eq!(dijo(&salida, "enviar_mensaje"), ["bien"]);
}

const IMPOSIBLES: &str = "códigos-y-tamaños-imposibles";

/// El código en un byte, como lo escribe la guía de serialización, contra quien lo lee de cuatro: la conversación queda corrida.
#[test]
fn el_codigo_en_un_byte() {
    let mut orden = orden_de("dolores_servidor", &["recibe_uno"]);
    orden.env("TP0_HANDSHAKE", "no");
    let (servidor, puerto) = lanzar_servidor(orden);
    let puerto = puerto.to_string();
    let cliente =
        Proceso::lanzar_interactivo(orden_de("dolores_cliente", &["codigo_de_un_byte", "127.0.0.1", &puerto]));
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    assert_eq!(dijo(&salida, "código"), ["5121"], "0x1401: el 1, y el 0x14 que era el tamaño");
    assert_eq!(dijo(&salida, "recibir_buffer"), [texto(IMPOSIBLES, "134217728", &[])]);
    assert_eq!(dijo(&salida, "después"), ["-1"], "la conexión se cortó");
    cliente.terminar(PLAZO);
}

#[test]
fn tamanios_y_largos_que_no_pueden_ser() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let pedir = |bytes: &[u8], orden: &str| {
        let (par, cliente) = c.atender(servidor, puerto);
        par.mandar(bytes);
        let mut partes: Vec<&str> = orden.split(' ').collect();
        let ultima = partes.pop().unwrap();
        for anterior in partes {
            c.bien(&format!("{anterior} {cliente}"));
        }
        let respuesta = c.pedir(&format!("{ultima} {cliente}"));
        drop(par);
        respuesta.texto.unwrap()
    };
    assert_eq!(pedir(&encabezado(0, -2), "operacion buffer"), texto(IMPOSIBLES, "tamaño -2", &[]));
    assert_eq!(pedir(&encabezado(-3, 0), "operacion"), texto(IMPOSIBLES, "operación -3", &[]));
    // El largo del foro: un valor de 251658292 bytes en un payload de 7.
    let largo = [&251_658_292_i32.to_le_bytes()[..], b"abc"].concat();
    assert_eq!(pedir(&trama(1, &largo), "operacion paquete"), texto(IMPOSIBLES, "251658292", &[]));
    let sobran = [&paquete(&[b"hola\0"])[8..], &[7, 7]].concat();
    assert_eq!(pedir(&trama(1, &sobran), "operacion paquete"), texto(IMPOSIBLES, "sobran 2", &[]));
    c.terminar();
}

/// Un mensaje que llega en pedazos, con señales en el medio, y uno que no llega entero.
#[test]
fn llega_la_mitad() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    let enviado = trama(9, &[7; 1000]);
    par.mandar(&enviado[..300]);
    assert_eq!(c.bien(&format!("operacion {cliente}")), 9);
    c.bien("manejador corta");
    let buffer = c.lanzar(&format!("buffer {cliente}"));
    c.interrumpir(&buffer);
    for pedazo in enviado[300..].chunks(100) {
        par.mandar(pedazo);
        par.leido();
    }
    assert_eq!(c.resultado(buffer).campo("tamanio"), "1000");
    assert_eq!(c.bien("seniales"), 1, "llegó de verdad");

    par.mandar(&encabezado(9, 1000));
    par.mandar(&[0; 123]);
    drop(par);
    assert_eq!(c.bien(&format!("operacion {cliente}")), 9);
    let respuesta = c.pedir(&format!("buffer {cliente}"));
    assert_eq!(respuesta.texto, Some(texto("llega-la-mitad", "123 de 1000", &[])));
    c.terminar();
}

/// Un struct con textos y una lista adentro, entre dos procesos; y enteros en un paquete del TP0.
#[test]
fn structs_listas_y_enteros() {
    let (servidor, puerto) = lanzar_servidor(orden_de("dolores_struct", &["servidor"]));
    correr(orden_de("dolores_struct", &["cliente", "127.0.0.1", &puerto.to_string()]));
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    assert_eq!(
        salida.lineas(),
        [
            "proceso 7, prioridad 3, /home/utnso/ñandú.txt, 3 instrucciones",
            "  SUM AX BX",
            "  ",
            "  EXIT",
            "entero -5",
            "entero 1073741824",
        ]
    );
}

/// Los bytes de ese struct, sin uno de más: ni relleno ni punteros.
#[test]
fn un_struct_viaja_sin_relleno() {
    let oyente = Oyente::nuevo();
    let mut cliente = orden_de("dolores_struct", &["cliente", "127.0.0.1", &oyente.puerto.to_string()]);
    cliente.env("TP0_HANDSHAKE", "no");
    let cliente = Proceso::lanzar(cliente);
    let par = oyente.aceptar();
    let texto = |texto: &str| {
        let largo = u32::try_from(texto.len() + 1).unwrap();
        [&largo.to_le_bytes()[..], texto.as_bytes(), b"\0"].concat()
    };
    let payload = [
        7_u32.to_le_bytes().to_vec(),
        vec![3],
        texto("/home/utnso/ñandú.txt"),
        3_u32.to_le_bytes().to_vec(),
        texto("SUM AX BX"),
        texto(""),
        texto("EXIT"),
    ];
    par.espera(&trama(2, &payload.concat()));
    par.espera(&paquete(&[&(-5_i32).to_le_bytes(), &(1_i32 << 30).to_le_bytes()]));
    cliente.terminar(PLAZO).exigir_exito("el cliente");
}

#[test]
fn otro_codigo_que_el_que_se_espera() {
    let (servidor, puerto) = lanzar_servidor(orden_de("dolores_servidor", &["un_mensaje"]));
    let par = Par::saludo(puerto);
    par.mandar(&[paquete(&[b"uno\0"]), mensaje("ahora sí")].concat());
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    let esperado = texto("mandar-structs-textos-y-listas", "Se esperaba", &[]);
    assert_eq!(dijo(&salida, "tp0_recibir_mensaje"), [esperado]);
    assert_eq!(salida.lineas().last(), Some(&"ahora sí"), "{salida}");
}

/// Con sizeof de un puntero y sin el '\0', contra el servidor del TP0: se imprime lo que se mandó, y ni un byte de más.
#[test]
fn basura_al_final_del_texto() {
    const SECCION: &str = "basura-al-final-del-texto";
    let mut servidor = orden(compilar_modulo("server", &["servidor.c"], &[]));
    // La memoria que entrega malloc viene con basura, nunca en 0.
    servidor.env("MALLOC_PERTURB_", "165");
    let (servidor, puerto) = lanzar_servidor(servidor);
    correr(orden_de("dolores_cliente", &["textos", "127.0.0.1", &puerto.to_string()]));
    let salida = servidor.terminar(PLAZO);
    salida.exigir_exito("el servidor");
    let valores: Vec<&str> =
        salida.lineas().into_iter().filter_map(|linea| linea.strip_prefix("[INFO] Servidor: ")).collect();
    let valores: Vec<&str> = valores.into_iter().filter(|linea| linea.starts_with("Valor: ")).collect();
    // sizeof: 8 bytes, que son «hola que». Con y sin el '\0', lo mismo.
    let (cortado, entero) = (texto(SECCION, "Valor: hola que", &[]), texto(SECCION, "Valor: hola que tal", &[]));
    assert_eq!(valores, [&cortado, &entero, &entero]);
}
