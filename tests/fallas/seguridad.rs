//! Lo que SEGURIDAD.md dice que se haga se puede hacer, con los comandos que están ahí escritos: escuchar en una sola dirección, y pasar
//! por un túnel cifrado.

use crate::comun;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::comun::{
    PLAZO, Proceso, Salida, contar, detallar, ejecutar, esperar_que, exigir, puerto_libre, raiz, ruta_nueva,
};
use crate::ejemplos::{Lengua, ejemplo, lanzar_servidor};

/// Lo que nadie tiene que poder leer en el camino.
const SECRETO: &str = "la clave del kernel es 1234";

// ---------------------------------------------------------------------------------------------------------------------
// Lo que está escrito
// ---------------------------------------------------------------------------------------------------------------------

/// El bloque de comandos de SEGURIDAD.md que contiene ese texto.
fn comando(texto: &str) -> String {
    let documento = fs::read_to_string(raiz().join("SEGURIDAD.md")).unwrap();
    let bloques = documento.split("```sh\n").skip(1).filter_map(|resto| resto.split("```").next());
    let hallados: Vec<&str> = bloques.filter(|bloque| bloque.contains(texto)).collect();
    assert_eq!(hallados.len(), 1, "bloques con {texto:?}");
    hallados[0].trim_end().to_owned()
}

/// Reemplaza algo que tiene que estar.
fn cambiar(comando: &str, este: &str, por: &str) -> String {
    assert!(comando.contains(este), "{comando:?} ya no dice {este:?}");
    comando.replace(este, por)
}

fn consola(carpeta: &Path, comando: &str) -> Command {
    let mut sh = Command::new("sh");
    sh.current_dir(carpeta).args(["-ec", comando]);
    sh
}

// ---------------------------------------------------------------------------------------------------------------------
// El espía
// ---------------------------------------------------------------------------------------------------------------------

/// Quien está en el medio: deja pasar todo, y lo mira.
struct Espia {
    puerto: u16,
    visto: Arc<Mutex<Vec<u8>>>,
}

impl Espia {
    fn nuevo(hacia: u16) -> Self {
        let oyente = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let puerto = oyente.local_addr().unwrap().port();
        let visto = Arc::new(Mutex::new(Vec::new()));
        let suyo = Arc::clone(&visto);
        // El hilo espera clientes hasta que termina el proceso: no retiene nada más que su socket.
        thread::spawn(move || {
            for cliente in oyente.incoming().flatten() {
                let Ok(servidor) = TcpStream::connect((Ipv4Addr::LOCALHOST, hacia)) else { continue };
                let ida = (cliente.try_clone().unwrap(), servidor.try_clone().unwrap());
                for (de, a) in [ida, (servidor, cliente)] {
                    let visto = Arc::clone(&suyo);
                    thread::spawn(move || pasar(de, a, &visto));
                }
            }
        });
        Self { puerto, visto }
    }

    fn bytes(&self) -> usize {
        self.visto.lock().unwrap().len()
    }

    fn leyo(&self, texto: &str) -> bool {
        self.visto.lock().unwrap().windows(texto.len()).any(|pedazo| pedazo == texto.as_bytes())
    }
}

fn pasar(mut de: TcpStream, mut a: TcpStream, visto: &Mutex<Vec<u8>>) {
    let mut pedazo = [0; 4096];
    while let Ok(leidos @ 1..) = de.read(&mut pedazo) {
        visto.lock().unwrap().extend_from_slice(&pedazo[..leidos]);
        if a.write_all(&pedazo[..leidos]).is_err() {
            break;
        }
    }
    let _ = a.shutdown(Shutdown::Write);
}

// ---------------------------------------------------------------------------------------------------------------------
// Los dos lados
// ---------------------------------------------------------------------------------------------------------------------

/// El cliente del TP0, que dice el secreto.
fn cliente(puerto: u16) -> Salida {
    let config = ruta_nueva("config");
    fs::write(&config, format!("CLAVE={SECRETO}\nIP=127.0.0.1\nPUERTO={puerto}\n")).unwrap();
    let mut cliente = ejemplo(Lengua::C, "cliente");
    cliente.env("TP0_ESPERA_MS", "20000");
    cliente.arg(config);
    Proceso::lanzar(cliente).terminar(PLAZO)
}

#[track_caller]
fn conversaron(salida: &Salida, servidor: &Proceso) {
    salida.exigir_exito("el cliente");
    assert!(salida.stdout.contains("El servidor contestó: Valores recibidos: 0."), "{salida}");
    servidor.esperar_linea(SECRETO, PLAZO);
}

#[track_caller]
fn no_entro(salida: &Salida, servidor: &Proceso) {
    assert_eq!(salida.codigo, Some(1), "{salida}");
    let dicho = servidor.dicho();
    assert_eq!(dicho.lines().count(), 1, "al servidor no le tenía que llegar nada:\n{dicho}");
}

/// Un túnel, o la mitad de uno, escuchando en ese puerto.
fn tunel(carpeta: &Path, comando: &str, puerto: u16) -> Proceso {
    let mut proceso = Proceso::lanzar(consola(carpeta, &format!("exec {comando}")));
    esperar_que("que el túnel escuche", PLAZO, || {
        assert!(proceso.vivo(), "terminó: {comando}");
        comun::escuchando(puerto)
    });
    proceso
}

fn lado_del_servidor(carpeta: &Path, servidor: u16) -> (Proceso, u16) {
    let puerto = puerto_libre();
    let comando = cambiar(&comando("OPENSSL-LISTEN"), ":4444", &format!(":{servidor}"));
    (tunel(carpeta, &cambiar(&comando, ":5555", &format!(":{puerto}")), puerto), puerto)
}

fn lado_del_cliente(carpeta: &Path, hacia: u16, cambio: (&str, &str)) -> (Proceso, u16) {
    let puerto = puerto_libre();
    let comando = cambiar(&comando("TCP-LISTEN"), ":4444", &format!(":{puerto}"));
    let comando = cambiar(&comando, "IP_DEL_SERVIDOR:5555", &format!("127.0.0.1:{hacia}"));
    (tunel(carpeta, &cambiar(&comando, cambio.0, cambio.1), puerto), puerto)
}

/// Una carpeta con las claves y los certificados.
fn certificados() -> PathBuf {
    let carpeta = ruta_nueva("certificados");
    fs::create_dir(&carpeta).unwrap();
    ejecutar(&mut consola(&carpeta, &comando("openssl req")));
    carpeta
}

// ---------------------------------------------------------------------------------------------------------------------

/// Si están las herramientas.
fn se_puede() -> bool {
    exigir("socat") && exigir("openssl")
}

const COMO_ESTA: (&str, &str) = ("", "");

#[test]
fn por_el_tunel_se_conversa_y_nadie_lee() {
    if !se_puede() {
        return;
    }
    let _caso = contar("tunel");
    // Sin túnel el espía lo lee: sabe mirar.
    let (servidor, puerto) = lanzar_servidor(Lengua::C, "servidor", &[]);
    let espia = Espia::nuevo(puerto);
    conversaron(&cliente(espia.puerto), &servidor);
    assert!(espia.leyo(SECRETO));

    let carpeta = certificados();
    let (servidor, puerto) = lanzar_servidor(Lengua::C, "servidor", &[]);
    let (_tunel, puerto) = lado_del_servidor(&carpeta, puerto);
    let espia = Espia::nuevo(puerto);
    let (_otro, puerto) = lado_del_cliente(&carpeta, espia.puerto, COMO_ESTA);
    conversaron(&cliente(puerto), &servidor);
    assert!(espia.bytes() > SECRETO.len() && !espia.leyo(SECRETO), "pasaron {} bytes", espia.bytes());
    detallar("tunel", "se conversa y nadie lee; el impostor no entra".into());
}

#[test]
fn por_el_tunel_no_entra_quien_no_tiene_el_certificado() {
    if !se_puede() {
        return;
    }
    let (carpeta, otra) = (certificados(), certificados());
    // El del impostor se llama igual, y no es el mismo.
    fs::copy(carpeta.join("servidor.cert"), otra.join("servidor.cert")).unwrap();
    let (servidor, puerto) = lanzar_servidor(Lengua::C, "servidor", &[]);
    let (_tunel, puerto) = lado_del_servidor(&carpeta, puerto);
    for (de, cambio) in [(&carpeta, (",cert=cliente.pem", "")), (&otra, COMO_ESTA)] {
        let _caso = contar("tunel");
        let (_otro, puerto) = lado_del_cliente(de, puerto, cambio);
        no_entro(&cliente(puerto), &servidor);
    }
}

#[test]
fn a_un_servidor_impostor_el_cliente_no_le_dice_nada() {
    if !se_puede() {
        return;
    }
    let _caso = contar("tunel");
    let (carpeta, impostor) = (certificados(), certificados());
    fs::copy(carpeta.join("cliente.cert"), impostor.join("cliente.cert")).unwrap();
    let (servidor, puerto) = lanzar_servidor(Lengua::C, "servidor", &[]);
    let (_tunel, puerto) = lado_del_servidor(&impostor, puerto);
    let (_otro, puerto) = lado_del_cliente(&carpeta, puerto, COMO_ESTA);
    no_entro(&cliente(puerto), &servidor);
}

#[test]
fn el_que_escucha_en_una_direccion_no_atiende_en_otra() {
    let (_servidor, puerto) = lanzar_servidor(Lengua::C, "servidor", &[]);
    TcpStream::connect((Ipv4Addr::LOCALHOST, puerto)).unwrap();
    let error = TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), puerto)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(comando("TP0_IP=").contains("TP0_IP=127.0.0.1 "), "lanzar_servidor hace lo que dice SEGURIDAD.md");
}
