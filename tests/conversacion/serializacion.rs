//! Serializar: los bytes de la guía del curso, en C y en Rust; mensajes con códigos propios; y un struct que va y vuelve entre los
//! dos lenguajes.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;

use crate::comun::ajeno::{Ajeno, mensaje, operacion, paquete};
use crate::comun::{PLAZO, Proceso, compilar_con_tp0, exigir, lanzar_servidor, orden, orden_valgrind};
use tp0::{Conexion, Escritor, Lector, Paquete, Recibido, Servidor};

const PERSONA: i32 = 2;
const SUMAR: i32 = 3;
const RESULTADO: i32 = 4;
const LATIDO: i32 = 5;

fn codigos() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("serializacion_codigos", &["serializacion_codigos.c"])).clone()
}

fn terminar_bien(proceso: Proceso, quien: &str, dice: &str) {
    let salida = proceso.terminar(PLAZO);
    assert_eq!(salida.exigir_exito(quien).stdout, format!("{dice}\n"), "{quien}:\n{salida}");
}

#[test]
fn los_buffers_de_la_guia() {
    let programa = compilar_con_tp0("serializacion_buffers", &["serializacion_buffers.c"]);
    terminar_bien(Proceso::lanzar(orden(&programa)), "serializacion_buffers", "todo bien");
    if exigir("valgrind") {
        terminar_bien(
            Proceso::lanzar(orden_valgrind(&programa, &[])),
            "serializacion_buffers con valgrind",
            "todo bien",
        );
    }
}

#[test]
fn codigos_propios_entre_dos_programas_c() {
    let servidor_y_cliente = |con_valgrind: bool| {
        let lanzada = |args: &[&str]| {
            let mut orden =
                if con_valgrind { orden_valgrind(codigos(), &["--track-fds=yes"]) } else { orden(codigos()) };
            orden.args(args);
            orden
        };
        let (servidor, puerto) = lanzar_servidor(lanzada(&["servidor"]));
        let cliente = Proceso::lanzar(lanzada(&["cliente", &puerto.to_string()]));
        terminar_bien(cliente, "el cliente", "pedido");
        terminar_bien(servidor, "el servidor", "servido");
    };
    servidor_y_cliente(false);
    if exigir("valgrind") {
        servidor_y_cliente(true);
    }
}

#[test]
fn recibir_un_mensaje_o_unos_valores_con_lo_que_mande_cualquiera() {
    let atender = |con_valgrind: bool| {
        let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
        let puerto = servidor.puerto().unwrap().to_string();
        let mut orden = if con_valgrind { orden_valgrind(codigos(), &[]) } else { orden(codigos()) };
        orden.args(["sueltas", &puerto]);
        let programa = Proceso::lanzar(orden);
        let mut par = servidor.esperar_cliente().unwrap();
        par.enviar_mensaje("uno").unwrap();
        par.enviar(7, b"lo que sea").unwrap();
        assert!(matches!(par.recibir().unwrap(), Some(Recibido::Mensaje("sigo aca"))));
        par.enviar_paquete(Paquete::nuevo().agregar(b"valor\0").unwrap()).unwrap();
        par.enviar_mensaje("dos").unwrap();
        par.enviar(1, &[100, 0, 0, 0, b'x', b'y']).unwrap();
        par.enviar(0, b"sin final").unwrap();
        drop(par);
        terminar_bien(programa, "serializacion_codigos sueltas", "todo bien");
    };
    atender(false);
    if exigir("valgrind") {
        atender(true);
    }
}

/// El payload de la guía, escrito a mano: ni una línea de la biblioteca.
fn persona_a_mano(dni: u32, edad: u8, pasaporte: u32, nombre: &str) -> Vec<u8> {
    let largo = u32::try_from(nombre.len() + 1).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(dni.to_le_bytes());
    bytes.push(edad);
    bytes.extend(pasaporte.to_le_bytes());
    bytes.extend(largo.to_le_bytes());
    bytes.extend(nombre.as_bytes());
    bytes.push(0);
    bytes
}

#[test]
fn los_bytes_que_manda_el_cliente_c_son_los_de_la_guia() {
    let oido = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let puerto = oido.local_addr().unwrap().port().to_string();
    let mut orden = orden(codigos());
    orden.args(["cliente", &puerto]);
    let cliente = Proceso::lanzar(orden);
    let (mut socket, _) = oido.accept().unwrap();
    socket.set_read_timeout(Some(PLAZO)).unwrap();
    let esperado = operacion(PERSONA, &persona_a_mano(30_123_456, 25, 7, "Ana Ñandú"));
    let mut handshake = [0; 4];
    std::io::Read::read_exact(&mut socket, &mut handshake).unwrap();
    assert_eq!(handshake, [1, 0, 0, 0]);
    std::io::Write::write_all(&mut socket, &[0; 4]).unwrap();
    let mut llegado = vec![0; esperado.len()];
    std::io::Read::read_exact(&mut socket, &mut llegado).unwrap();
    assert_eq!(llegado, esperado);
    cliente.matar();
}

#[test]
fn un_struct_va_de_c_a_rust_y_vuelve_igual() {
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let puerto = servidor.puerto().unwrap().to_string();
    let hilo = thread::spawn(move || {
        let mut cliente = servidor.esperar_cliente().unwrap();
        let emisor = cliente.emisor();
        while let Some(recibido) = cliente.recibir().unwrap() {
            match recibido {
                Recibido::Mensaje(texto) => emisor.enviar_mensaje(texto).unwrap(),
                Recibido::Paquete(paquete) => {
                    let mut vuelta = Paquete::nuevo();
                    for valor in paquete.valores() {
                        vuelta.agregar(valor).unwrap();
                    }
                    emisor.enviar_paquete(&vuelta).unwrap();
                }
                Recibido::Otro { codigo: PERSONA, payload } => {
                    assert_eq!(payload, persona_a_mano(30_123_456, 25, 7, "Ana Ñandú"));
                    let mut lector = Lector::de(payload);
                    let (dni, edad, pasaporte) = (lector.u32().unwrap(), lector.u8().unwrap(), lector.u32().unwrap());
                    let nombre = lector.texto().unwrap();
                    assert_eq!((dni, edad, pasaporte, nombre, lector.quedan()), (30_123_456, 25, 7, "Ana Ñandú", 0));
                    let mut vuelta = Escritor::nuevo();
                    vuelta.u32(dni).u8(edad + 1).u32(pasaporte).texto(nombre).unwrap();
                    emisor.enviar(PERSONA, &vuelta.terminar()).unwrap();
                }
                Recibido::Otro { codigo: SUMAR, payload } => {
                    let mut lector = Lector::de(payload);
                    let mut sumandos = Vec::new();
                    while lector.quedan() > 0 {
                        assert_eq!(lector.u32().unwrap(), 4, "cada valor lleva su largo");
                        sumandos.push(i64::from(lector.i32().unwrap()));
                    }
                    let mut resultado = Escritor::nuevo();
                    resultado.i32(i32::try_from(sumandos.len()).unwrap());
                    emisor.enviar(RESULTADO, &resultado.i64(sumandos.iter().sum()).terminar()).unwrap();
                }
                Recibido::Otro { codigo: LATIDO, payload } => emisor.enviar(LATIDO, payload).unwrap(),
                Recibido::Otro { codigo: 1000, payload } => {
                    assert_eq!(payload, [0; 3], "lo reservado y no escrito viaja en cero");
                    emisor.enviar(6, b"").unwrap();
                }
                otro => panic!("no se esperaba {otro:?}"),
            }
        }
    });
    let mut orden = orden(codigos());
    orden.args(["cliente", &puerto]);
    terminar_bien(Proceso::lanzar(orden), "el cliente en C", "pedido");
    hilo.join().unwrap();
}

#[test]
fn un_cliente_en_rust_habla_con_un_servidor_en_c() {
    let mut comando = orden(codigos());
    comando.arg("servidor");
    let (servidor, puerto) = lanzar_servidor(comando);
    let mut conexion = Conexion::conectar("127.0.0.1", puerto).unwrap();

    let ida = Escritor::nuevo().u32(u32::MAX).u8(40).u32(0).texto("Zoë").unwrap().terminar();
    assert_eq!(ida, persona_a_mano(u32::MAX, 40, 0, "Zoë"));
    conexion.enviar(PERSONA, &ida).unwrap();
    let Some(Recibido::Otro { codigo: PERSONA, payload }) = conexion.recibir().unwrap() else {
        panic!("no era PERSONA")
    };
    assert_eq!(payload, persona_a_mano(u32::MAX, 41, 0, "Zoë"));

    let mut pedido = Paquete::con_codigo(SUMAR).unwrap();
    for sumando in [5_i32, -7, 100] {
        pedido.agregar(sumando.to_le_bytes()).unwrap();
    }
    conexion.enviar_paquete(&pedido).unwrap();
    let Some(Recibido::Otro { codigo: RESULTADO, payload }) = conexion.recibir().unwrap() else {
        panic!("no era RESULTADO")
    };
    let mut lector = Lector::de(payload);
    assert_eq!((lector.i32().unwrap(), lector.i64().unwrap(), lector.quedan()), (3, 98, 0));

    conexion.enviar_mensaje("ñandú").unwrap();
    assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Mensaje("ñandú"))));
    conexion.enviar_paquete(Paquete::nuevo().agregar(b"").unwrap().agregar(b"dos\0").unwrap()).unwrap();
    let Some(Recibido::Paquete(vuelta)) = conexion.recibir().unwrap() else { panic!("no era un paquete") };
    assert_eq!(vuelta.valores().collect::<Vec<_>>(), [b"".as_slice(), b"dos\0"]);
    conexion.enviar(LATIDO, b"").unwrap();
    assert!(matches!(conexion.recibir().unwrap(), Some(Recibido::Otro { codigo: LATIDO, payload: b"" })));
    drop(conexion);
    terminar_bien(servidor, "el servidor en C", "servido");
}

#[test]
fn un_par_de_a_un_byte_con_codigos_propios_arma_los_mismos_mensajes() {
    let mut comando = orden(codigos());
    comando.arg("servidor");
    let (servidor, puerto) = lanzar_servidor(comando);
    let mut ajeno = Ajeno::con_handshake(puerto);
    let ida = operacion(PERSONA, &persona_a_mano(1, 2, 3, "x"));
    for byte in &ida {
        ajeno.escribir(&[*byte]);
    }
    let vuelta = operacion(PERSONA, &persona_a_mano(1, 3, 3, "x"));
    assert_eq!(ajeno.leer(vuelta.len()), vuelta);

    // Todo junto: lo que llega en un solo segmento son igual varios mensajes.
    let juntos = [operacion(LATIDO, b""), mensaje("hola"), operacion(77, b"?"), paquete(&[b"a", b"", b"bc"])].concat();
    ajeno.escribir(&juntos);
    let vuelta = [operacion(LATIDO, b""), mensaje("hola"), operacion(6, b""), paquete(&[b"a", b"", b"bc"])].concat();
    assert_eq!(ajeno.leer(vuelta.len()), vuelta);
    drop(ajeno);
    terminar_bien(servidor, "el servidor en C", "servido");
}
