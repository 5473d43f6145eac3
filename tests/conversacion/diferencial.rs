//! Los mismos programas enlazados con una implementación de manual (`tests/c/manual.c`) y con libtp0, en las cuatro
//! combinaciones: nadie tiene que poder notar cuál es cuál, ni por lo que imprimen ni por los bytes que viajan.

use crate::comun::ajeno::{Ajeno, Oyente};
use crate::comun::{PLAZO, Proceso, compilar, compilar_modulo, enlace_commons, exigir, lanzar_servidor, orden};

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// Un mismo programa, construido de las dos maneras.
struct Gemelos {
    manual: PathBuf,
    tp0: PathBuf,
}

impl Gemelos {
    fn nuevos(nombre: &str, fuente: &str) -> Self {
        let commons = enlace_commons();
        let commons: Vec<&str> = commons.iter().map(String::as_str).collect();
        Self {
            manual: compilar(&format!("{nombre}-manual"), &[fuente, "manual.c"], &commons),
            tp0: compilar_modulo(&format!("{nombre}-tp0"), &[fuente], &[]),
        }
    }
}

/// Pasa todo de un lado al otro, tal cual, y devuelve lo que pasó.
fn trasvasar(mut desde: TcpStream, mut hacia: TcpStream) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut pasado = Vec::new();
        let mut pedazo = [0_u8; 65_536];
        loop {
            let leidos = match desde.read(&mut pedazo) {
                Ok(0) => break,
                Ok(leidos) => leidos,
                Err(error) => {
                    let _ = hacia.shutdown(Shutdown::Both);
                    panic!("el puente: {error}, tras {} bytes", pasado.len());
                }
            };
            pasado.extend_from_slice(&pedazo[..leidos]);
            hacia.write_all(&pedazo[..leidos]).unwrap();
        }
        // Si el otro ya se fue, no hay a quién avisarle.
        let _ = hacia.shutdown(Shutdown::Write);
        pasado
    })
}

/// Lo que se puede observar de una conversación desde afuera.
#[derive(PartialEq)]
struct Observado {
    servidor: String,
    cliente: String,
    ida: Vec<u8>,
    vuelta: Vec<u8>,
}

fn observar(servidor: &Path, cliente: &Path, args: &[&str], entrada: &str) -> Observado {
    let (servidor, puerto) = lanzar_servidor(orden(servidor));
    let oyente = Oyente::nuevo();
    let mut orden_cliente = orden(cliente);
    orden_cliente.args(["127.0.0.1", &oyente.puerto.to_string()]).args(args);
    let mut cliente = Proceso::lanzar_interactivo(orden_cliente);

    // En el medio, un puente que anota: así se ven los bytes sin tocar a ninguno de los dos.
    let del_cliente = oyente.aceptar().socket();
    let del_servidor = Ajeno::conectar(puerto).socket();
    let ida = trasvasar(del_cliente.try_clone().unwrap(), del_servidor.try_clone().unwrap());
    let vuelta = trasvasar(del_servidor, del_cliente);

    cliente.escribir(entrada);
    let cliente = cliente.terminar(PLAZO);
    let servidor = servidor.terminar(PLAZO);
    for (quien, salida) in [("el cliente", &cliente), ("el servidor", &servidor)] {
        salida.exigir_exito(quien);
        assert_eq!(salida.stderr, "", "{quien} no debe decir nada por stderr");
    }
    Observado {
        servidor: servidor.stdout,
        cliente: cliente.stdout,
        ida: ida.join().expect("el puente de ida"),
        vuelta: vuelta.join().expect("el puente de vuelta"),
    }
}

/// El primer lugar en que dos cosas difieren, para no volcar un megabyte de números.
fn diferencia(que: &str, referencia: &[u8], otro: &[u8]) -> Option<String> {
    if referencia == otro {
        return None;
    }
    let lugar = referencia.iter().zip(otro).take_while(|(a, b)| a == b).count();
    let desde = lugar.saturating_sub(24);
    let ver = |bytes: &[u8]| {
        let pedazo = &bytes[desde.min(bytes.len())..(lugar + 24).min(bytes.len())];
        format!("{pedazo:02x?} = {:?}", String::from_utf8_lossy(pedazo))
    };
    Some(format!(
        "{que}: difieren en el byte {lugar} (de {} y {})\n  manual {}\n  libtp0 {}\n",
        referencia.len(),
        otro.len(),
        ver(referencia),
        ver(otro)
    ))
}

/// Una conversación para comparar.
struct Caso<'a> {
    que: &'a str,
    servidor: &'a Gemelos,
    cliente: &'a Gemelos,
    /// Lo que sigue a la dirección en la línea de órdenes del cliente.
    args: &'a [&'a str],
    entrada: &'a str,
    /// Algo que tiene que haber pasado por la red: sin esto, dos silencios también serían iguales.
    senia: &'a [u8],
}

#[test]
fn las_cuatro_combinaciones_son_indistinguibles() {
    if !exigir("gcc") {
        return;
    }
    let servidor = Gemelos::nuevos("servidor", "servidor.c");
    let con_select = Gemelos::nuevos("servidor-select", "servidor_select.c");
    let cliente = Gemelos::nuevos("cliente", "cliente.c");
    let guion = Gemelos::nuevos("guion", "guion.c");
    let muchas: String = (0..400).map(|i| format!("línea número {i}\n")).collect();
    let todo_junto = "m primero\np\nv uno\nz\ns sin cero\nb 300\ne\nm\np\ne\np\nc 7\ne\n\
                      p\nc 2147483647\nv con payload\ne\nm último\n";

    let casos = [
        Caso {
            que: "el tp0 de siempre",
            servidor: &servidor,
            cliente: &cliente,
            args: &["hola mundo"],
            entrada: "uno\ndos\ntres\n\n",
            senia: b"hola mundo\0",
        },
        Caso {
            que: "sin ninguna línea",
            servidor: &servidor,
            cliente: &cliente,
            args: &[""],
            entrada: "\n",
            senia: &[1, 0, 0, 0, 0, 0, 0, 0],
        },
        Caso {
            que: "muchas líneas",
            servidor: &servidor,
            cliente: &cliente,
            args: &["ñandú 100%s"],
            entrada: &muchas,
            senia: "línea número 399\0".as_bytes(),
        },
        Caso {
            que: "de todo",
            servidor: &servidor,
            cliente: &guion,
            args: &[],
            entrada: todo_junto,
            senia: b"sin cero",
        },
        Caso {
            que: "un valor de un mega",
            servidor: &servidor,
            cliente: &guion,
            args: &[],
            entrada: "p\nb 1000000\ne\n",
            senia: &[0, 1, 2, 3, 4, 5],
        },
        Caso {
            que: "irse sin decir nada",
            servidor: &servidor,
            cliente: &guion,
            args: &[],
            entrada: "",
            senia: &[1, 0, 0, 0],
        },
        Caso {
            que: "ida y vuelta",
            servidor: &con_select,
            cliente: &guion,
            args: &[],
            entrada: "m uno\nr\np\nv x\ne\nm\nr\np\nc 99\ne\nr\n",
            senia: b"uno\0",
        },
    ];
    for Caso { que, servidor, cliente, args, entrada, senia } in casos {
        let referencia = observar(&servidor.manual, &cliente.manual, args, entrada);
        assert!(
            referencia.ida.windows(senia.len()).any(|ventana| ventana == senia),
            "{que}: por el puente no pasó {senia:?}, así que la comparación no compararía nada"
        );
        assert_eq!(referencia.vuelta[..4], [0, 0, 0, 0], "{que}: lo primero que vuelve es la respuesta al handshake");
        for (combinacion, servidor, cliente) in [
            ("servidor libtp0, cliente manual", &servidor.tp0, &cliente.manual),
            ("servidor manual, cliente libtp0", &servidor.manual, &cliente.tp0),
            ("los dos libtp0", &servidor.tp0, &cliente.tp0),
        ] {
            let otro = observar(servidor, cliente, args, entrada);
            let diferencias: String = [
                diferencia("stdout del servidor", referencia.servidor.as_bytes(), otro.servidor.as_bytes()),
                diferencia("stdout del cliente", referencia.cliente.as_bytes(), otro.cliente.as_bytes()),
                diferencia("bytes de ida", &referencia.ida, &otro.ida),
                diferencia("bytes de vuelta", &referencia.vuelta, &otro.vuelta),
            ]
            .into_iter()
            .flatten()
            .collect();
            assert!(diferencias.is_empty(), "{que}, {combinacion}: no es igual al manual\n{diferencias}");
        }
    }
}
