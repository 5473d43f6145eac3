//! El fin de una conversación: ordenado o por reset, entre dos mensajes o en cualquier byte de uno, y qué pasa después
//! con el número de descriptor.

use crate::hostil;
use crate::hostil::{Conductor, Oyente, Par, Respuesta, encabezado, hexa, mensaje, paquete, trama};

/// Cómo termina el par.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fin {
    Ordenado,
    Reset,
}

impl Fin {
    fn aplicar(self, par: Par) {
        match self {
            Self::Ordenado => drop(par),
            Self::Reset => par.resetear(),
        }
    }

    /// El errno de terminar entre dos mensajes.
    fn errno_entre_mensajes(self) -> &'static str {
        match self {
            Self::Ordenado => "0",
            Self::Reset => "ECONNRESET",
        }
    }
}

/// Comprueba una función de recepción que tenía que encontrar el corte.
#[track_caller]
fn cortada(respuesta: &Respuesta, errno: &str) {
    respuesta.con_error(errno, &[]);
    assert!(respuesta.ret <= 0, "{respuesta}");
}

/// Manda los primeros `cuantos` bytes del mensaje, termina y recibe con `recibir_operacion` más la función dada.
#[track_caller]
fn cortar_en(c: &Conductor, (servidor, puerto): (i64, u16), enviado: &[u8], cuantos: usize, fin: Fin, funcion: &str) {
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&enviado[..cuantos]);
    fin.aplicar(par);
    let caso = format!("{funcion} con {cuantos} de {} bytes, fin {fin:?}", enviado.len());
    let operacion = c.pedir(&format!("operacion {cliente}"));
    if cuantos < 4 {
        assert_eq!(operacion.ret, -1, "{caso}: {operacion}");
        cortada(&operacion, if cuantos == 0 { fin.errno_entre_mensajes() } else { "ECONNRESET" });
    } else {
        assert_eq!(operacion.bien(), i64::from(enviado[0]), "{caso}");
        let respuesta = c.pedir(&format!("{funcion} {cliente}"));
        if cuantos < enviado.len() {
            cortada(&respuesta, "ECONNRESET");
            assert!(respuesta.texto.as_deref().unwrap().len() > 20, "{caso}: {respuesta}");
        } else {
            respuesta.bien();
        }
        let despues = c.pedir(&format!("operacion {cliente}"));
        assert_eq!(despues.ret, -1, "{caso}: {despues}");
        if cuantos == enviado.len() {
            cortada(&despues, fin.errno_entre_mensajes());
        }
    }
    // Después del -1, las dos costumbres: liberarla o no. Acá se alternan.
    if cuantos % 2 == 0 {
        c.bien(&format!("liberar {cliente}"));
    }
}

#[test]
fn en_cada_byte_de_un_mensaje() {
    let c = Conductor::nuevo();
    let servidor = c.servidor();
    let enviado = mensaje("hola");
    for fin in [Fin::Ordenado, Fin::Reset] {
        for cuantos in 0..=enviado.len() {
            for funcion in ["recibir_mensaje", "buffer"] {
                cortar_en(&c, servidor, &enviado, cuantos, fin, funcion);
            }
        }
    }
    c.terminar();
}

#[test]
fn en_cada_byte_de_un_paquete() {
    let c = Conductor::nuevo();
    let servidor = c.servidor();
    let enviado = paquete(&[b"uno\0", b"", b"dos\0"]);
    for fin in [Fin::Ordenado, Fin::Reset] {
        for cuantos in 0..=enviado.len() {
            for funcion in ["paquete", "buffer"] {
                cortar_en(&c, servidor, &enviado, cuantos, fin, funcion);
            }
        }
    }
    c.terminar();
}

#[test]
fn en_cada_byte_con_recibir_paquete_solo() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    for enviado in [paquete(&[b"uno\0", b"", b"dos\0"]), mensaje("hola")] {
        for fin in [Fin::Ordenado, Fin::Reset] {
            for cuantos in 0..=enviado.len() {
                let (par, cliente) = c.atender(servidor, puerto);
                par.mandar(&enviado[..cuantos]);
                fin.aplicar(par);
                if cuantos == enviado.len() {
                    let respuesta = c.pedir(&format!("paquete {cliente}"));
                    if enviado[0] == 1 {
                        respuesta.lista(&[b"uno", b"", b"dos"]);
                    } else {
                        respuesta.lista(&[b"hola"]);
                    }
                }
                let respuesta = c.pedir(&format!("paquete {cliente}"));
                let entre_mensajes = cuantos == 0 || cuantos == enviado.len();
                respuesta.lista_con_error(if entre_mensajes { fin.errno_entre_mensajes() } else { "ECONNRESET" }, &[]);
                let despues = c.pedir(&format!("operacion {cliente}"));
                assert_eq!(despues.ret, -1, "{despues}");
            }
        }
    }
    c.terminar();
}

#[test]
fn el_texto_del_fin_ordenado_no_asusta() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    drop(par);
    c.pedir(&format!("operacion {cliente}")).mal("0", &["terminó", "normal"]);
    // En el medio de un mensaje, cuánto llegó y cuánto faltaba.
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&encabezado(9, 1000));
    par.mandar(&[0; 123]);
    drop(par);
    assert_eq!(c.bien(&format!("operacion {cliente}")), 9);
    c.pedir(&format!("buffer {cliente}")).mal("ECONNRESET", &["123", "1000"]);
    c.terminar();
}

#[test]
fn header_solo_y_payload_que_llega_despues() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&encabezado(7, 0));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 7);
    let respuesta = c.pedir(&format!("buffer {cliente}"));
    assert_eq!((respuesta.bien(), respuesta.campo("tamanio"), respuesta.campo("fin")), (0, "0", "0"));
    // Los 4 bytes del código y ni uno más: el resto lo puede leer el programa con su recv.
    par.mandar(&trama(7, b"abc"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 7);
    let resto = c.pedir(&format!("recv {cliente} 7"));
    assert_eq!(resto.campo("bytes"), hexa(&[3, 0, 0, 0, b'a', b'b', b'c']));
    // Y lo que llega en dos tandas se espera.
    par.mandar(&encabezado(7, 3));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 7);
    let pendiente = c.lanzar(&format!("buffer {cliente}"));
    par.gotear(b"xyz");
    assert_eq!(c.resultado(pendiente).campo("bytes"), hexa(b"xyz"));
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// El número después del fin
// ---------------------------------------------------------------------------------------------------------------------

/// Un cliente que se conecta y termina; devuelve el número que tuvo.
#[track_caller]
fn uno_que_termina(c: &Conductor, servidor: i64, puerto: u16) -> i64 {
    let (par, cliente) = c.atender(servidor, puerto);
    drop(par);
    c.pedir(&format!("operacion {cliente}")).mal("0", &[]);
    cliente
}

#[test]
fn el_numero_queda_reservado_hasta_que_terminan_otros_64() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let primero = uno_que_termina(&c, servidor, puerto);
    for vuelta in 1..=63 {
        // El recv del propio programa sobre el número: fin de archivo, para siempre.
        let leido = c.pedir(&format!("recv {primero} 4"));
        assert_eq!((leido.ret, leido.errno.as_str()), (0, "EDOM"), "en la vuelta {vuelta}: {leido}");
        let otro = uno_que_termina(&c, servidor, puerto);
        assert_ne!(otro, primero, "en la vuelta {vuelta} le dieron su número a otro");
    }
    assert!(c.bien(&format!("abierto {primero}")) >= 0);
    c.pedir(&format!("operacion {primero}")).mal("0", &[]);
    // Con el 64 se cierra de verdad.
    uno_que_termina(&c, servidor, puerto);
    let abierto = c.pedir(&format!("abierto {primero}"));
    assert_eq!((abierto.ret, abierto.errno.as_str()), (-1, "EBADF"), "{abierto}");
    c.terminar();
}

#[test]
fn liberar_despues_del_fin_no_es_un_error_y_cierra_de_verdad() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let cliente = uno_que_termina(&c, servidor, puerto);
    c.bien(&format!("liberar {cliente}"));
    assert_eq!(c.pedir(&format!("abierto {cliente}")).errno, "EBADF");
    c.pedir(&format!("liberar {cliente}")).con_error("EBADF", &[&cliente.to_string()]);
    // Lo que se reserva no se acumula: miles de clientes con las dos costumbres, y los números siguen siendo chicos.
    for vuelta in 0..300 {
        let numero = uno_que_termina(&c, servidor, puerto);
        assert!(numero < 100, "en la vuelta {vuelta} el número ya es {numero}");
        if vuelta % 2 == 0 {
            c.bien(&format!("liberar {numero}"));
        }
    }
    c.terminar();
}

#[test]
fn si_el_programa_lo_cerro_y_reuso_el_numero_el_nuevo_sobrevive() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    // Reusado por un archivo, por un socket del programa y por una conexión de la biblioteca.
    let a = uno_que_termina(&c, servidor, puerto);
    let b = uno_que_termina(&c, servidor, puerto);
    let d = uno_que_termina(&c, servidor, puerto);
    for numero in [a, b, d] {
        c.bien(&format!("cerrar {numero}"));
    }
    assert_eq!(c.bien("archivo"), a);
    let oyente = Oyente::nuevo();
    assert_eq!(c.bien(&format!("socket_propio 127.0.0.1 {}", oyente.puerto)), b);
    let par_b = oyente.aceptar();
    let (par_d, conexion) = c.atender(servidor, puerto);
    assert_eq!(conexion, d);
    for _ in 0..140 {
        uno_que_termina(&c, servidor, puerto);
    }
    assert!(c.bien(&format!("abierto {a}")) >= 0, "el archivo quedó cerrado");
    for (par, numero) in [(&par_b, b), (&par_d, d)] {
        c.bien(&format!("mensaje {numero} sigo"));
        par.espera(&mensaje("sigo"));
        par.mandar(&mensaje("y yo"));
        assert_eq!(c.bien(&format!("operacion {numero}")), 0);
        c.bien(&format!("recibir_mensaje {numero}"));
        c.imprime("Me llego el mensaje y yo");
    }
    // Y su fin es el suyo, no el de quien tuvo el número antes.
    drop(par_d);
    c.pedir(&format!("operacion {d}")).mal("0", &[]);
    c.bien(&format!("liberar {d}"));
    c.bien(&format!("liberar {b}"));
    assert!(par_b.hasta_el_fin().is_empty());
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// recibir_paquete sin recibir_operacion
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn recibir_paquete_recibe_mensajes_enteros() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&paquete(&[b"uno\0", b"dos\0"]));
    par.mandar(&mensaje("un texto"));
    par.mandar(&trama(0, b""));
    par.mandar(&paquete(&[]));
    c.pedir(&format!("paquete {cliente}")).lista(&[b"uno", b"dos"]);
    c.pedir(&format!("paquete {cliente}")).lista(&[b"un texto"]);
    c.pedir(&format!("paquete {cliente}")).lista(&[b""]);
    c.pedir(&format!("paquete {cliente}")).lista(&[]);
    // Mezclado con recibir_operacion: el código usado no vale para el mensaje siguiente.
    par.mandar(&[paquete(&[b"a\0"]), paquete(&[b"b\0"]), paquete(&[b"c\0"])].concat());
    assert_eq!(c.bien(&format!("operacion {cliente}")), 1);
    c.pedir(&format!("paquete {cliente}")).lista(&[b"a"]);
    c.pedir(&format!("paquete {cliente}")).lista(&[b"b"]);
    assert_eq!(c.bien(&format!("operacion {cliente}")), 1);
    c.pedir(&format!("paquete {cliente}")).lista(&[b"c"]);
    c.terminar();
}

#[test]
fn de_un_paquete_grande_no_se_lee_un_byte_del_mensaje_que_sigue() {
    const VALORES: usize = 2_000;
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    // Los dos juntos, y ya llegados: el grande se lee de a tramos, y el último no puede pasarse.
    par.mandar(&[paquete(&[&b"un valor chico\0"[..]; VALORES]), mensaje("detrás")].concat());
    let recibido = c.pedir(&format!("paquete {cliente}"));
    assert_eq!(recibido.bien(), i64::try_from(VALORES).unwrap());
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    c.bien(&format!("recibir_mensaje {cliente}"));
    c.imprime("Me llego el mensaje detrás");
    c.terminar();
}

#[test]
fn recibir_paquete_cuando_el_programa_leyo_el_codigo_por_su_cuenta() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&paquete(&[b"uno\0", b"dos\0"]));
    assert_eq!(c.pedir(&format!("recv {cliente} 4")).campo("bytes"), "01000000");
    c.pedir(&format!("paquete {cliente}")).lista(&[b"uno", b"dos"]);
    // Y también con un código propio tomado con recibir_operacion.
    par.mandar(&trama(77, &hostil::payload_de_paquete(&[b"propio\0"])));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 77);
    c.pedir(&format!("paquete {cliente}")).lista(&[b"propio"]);
    c.terminar();
}

#[test]
fn un_numero_reciclado_olvida_su_codigo() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    for como in ["cerrar", "liberar"] {
        let (par, viejo) = c.atender(servidor, puerto);
        par.mandar(&1_i32.to_le_bytes());
        assert_eq!(c.bien(&format!("operacion {viejo}")), 1);
        // Se va dejando un código tomado y sin usar.
        c.bien(&format!("{como} {viejo}"));
        let (par, nuevo) = c.atender(servidor, puerto);
        assert_eq!(nuevo, viejo, "esta prueba necesita que el núcleo recicle el número");
        par.mandar(&paquete(&[b"entero\0"]));
        c.pedir(&format!("paquete {nuevo}")).lista(&[b"entero"]);
        c.bien(&format!("liberar {nuevo}"));
    }
    // Del lado del cliente también.
    let oyente = Oyente::nuevo();
    let (par, viejo) = c.conectado(&oyente);
    par.mandar(&1_i32.to_le_bytes());
    assert_eq!(c.bien(&format!("operacion {viejo}")), 1);
    c.bien(&format!("cerrar {viejo}"));
    let (par, nuevo) = c.conectado(&oyente);
    assert_eq!(nuevo, viejo);
    par.mandar(&mensaje("entero"));
    c.pedir(&format!("paquete {nuevo}")).lista(&[b"entero"]);
    c.terminar();
}

#[test]
fn el_codigo_tomado_es_de_la_conexion_lo_tome_el_hilo_que_lo_tome() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    let (operacion, recibir) = (format!("operacion {cliente}"), format!("paquete {cliente}"));
    for lo_toma_otro in [true, false] {
        // Sin el código, el tamaño 0 del vacío se lee como el de un MENSAJE, y el del que sigue como su tamaño.
        par.mandar(&[paquete(&[]), paquete(&[b"dos\0"])].concat());
        let tomado = if lo_toma_otro { c.en_hilo(&operacion) } else { c.lanzar(&operacion) };
        assert_eq!(c.resultado(tomado).bien(), 1);
        let recibido = if lo_toma_otro { c.lanzar(&recibir) } else { c.en_hilo(&recibir) };
        c.resultado(recibido).lista(&[]);
        // Y se usa una sola vez: otro hilo recibe entero el que sigue.
        c.resultado(c.en_hilo(&recibir)).lista(&[b"dos"]);
    }
    c.terminar();
}
