//! Más máquinas que una: tres servidores detrás de HAProxy, con la configuración de `c_examples/haproxy.cfg` tal cual está. Los
//! clientes no se enteran de que uno se cae entre conexión y conexión, ni de que se cuelga, ni de que vuelve.

use crate::comun;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::comun::{
    PLAZO, Proceso, compilar_con_tp0, contar, esperar_que, exigir, orden, puerto_libre, raiz, ruta_nueva,
};
use tp0::{Conexion, Error, Recibido};

const NOMBRES: [&str; 3] = ["uno", "dos", "tres"];

/// La fila de la tabla: una conexión es un caso.
const FILA: &str = "haproxy";

/// Cuántas conexiones en cada etapa: a cada servidor le tocan unas cuantas.
const CONEXIONES: usize = 30;

/// HAProxy con sus tres servidores adelante de todo.
struct Granja {
    programa: PathBuf,
    puerto: u16,
    puertos: [u16; 3],
    servidores: [Option<Proceso>; 3],
    haproxy: Proceso,
    estado: PathBuf,
}

impl Granja {
    fn levantar() -> Self {
        let programa = compilar_con_tp0("haproxy", &["haproxy.c"]);
        let puertos = [puerto_libre(), puerto_libre(), puerto_libre()];
        let servidores = [0, 1, 2].map(|cual| Some(servidor(&programa, NOMBRES[cual], puertos[cual])));
        let puerto = puerto_libre();
        // Lo único que se agrega a la configuración: por dónde preguntarle cómo ve a cada uno. El nombre de un socket no puede ser largo.
        let estado = std::env::temp_dir().join(format!("tp0-haproxy-{}", std::process::id()));
        let agregado = ruta_nueva("estado.cfg");
        fs::write(&agregado, format!("global\n    stats socket {}\n", estado.display())).unwrap();
        let mut haproxy = orden("haproxy");
        haproxy.arg("-db").arg("-f").arg(raiz().join("c_examples/haproxy.cfg")).arg("-f").arg(&agregado);
        haproxy.env("PUERTO", puerto.to_string());
        for (variable, puerto) in ["PUERTO_1", "PUERTO_2", "PUERTO_3"].into_iter().zip(puertos) {
            haproxy.env(variable, puerto.to_string());
        }
        let haproxy = Proceso::lanzar(haproxy);
        let mut granja = Self { programa, puerto, puertos, servidores, haproxy, estado };
        esperar_que("que HAProxy escuche", PLAZO, || {
            assert!(granja.haproxy.vivo(), "HAProxy terminó");
            comun::escuchando(puerto)
        });
        NOMBRES.iter().for_each(|nombre| granja.esperar(nombre, "UP"));
        granja
    }

    /// Espera a que HAProxy vea así a un servidor, y que haya sido por preguntarle.
    fn esperar(&self, nombre: &str, como: &str) {
        esperar_que(&format!("que {nombre} esté {como}"), PLAZO, || {
            let mut consola = UnixStream::connect(&self.estado).unwrap();
            consola.set_read_timeout(Some(PLAZO)).unwrap();
            consola.write_all(b"show stat\n").unwrap();
            let mut tabla = String::new();
            consola.read_to_string(&mut tabla).unwrap();
            let campos = |linea: &str| linea.split(',').map(str::to_owned).collect::<Vec<_>>();
            let mut lineas = tabla.lines();
            let titulos = campos(lineas.next().unwrap().trim_start_matches("# "));
            let columna = |titulo: &str| titulos.iter().position(|este| este == titulo).unwrap();
            let fila = lineas.map(campos).find(|fila| fila[columna("svname")] == nombre).unwrap();
            let preguntado = fila[columna("check_status")].trim_start_matches("* ");
            fila[columna("status")] == como && (como != "UP" || preguntado == "L7OK")
        });
    }

    fn matar(&mut self, cual: usize) {
        self.servidores[cual].take().unwrap().matar();
    }

    fn volver(&mut self, cual: usize) {
        self.servidores[cual] = Some(servidor(&self.programa, NOMBRES[cual], self.puertos[cual]));
        self.esperar(NOMBRES[cual], "UP");
    }

    fn cliente(&self, cuantas: usize) -> comun::Salida {
        let mut cliente = orden(&self.programa);
        cliente.args(["cliente", &self.puerto.to_string(), &cuantas.to_string()]).env("TP0_ESPERA_MS", "20000");
        Proceso::lanzar(cliente).terminar(PLAZO)
    }

    /// A quien estaba conversando con el que se muere, la conversación se le termina; si se conecta de nuevo, lo atiende otro.
    fn el_que_hablaba_con_el_que_muere_lo_ve(&mut self) {
        let _caso = contar(FILA);
        let mut conexion = Conexion::conectar("127.0.0.1", self.puerto).unwrap();
        let nombre = quien_contesta(&mut conexion);
        let cual = NOMBRES.iter().position(|este| *este == nombre).unwrap();
        self.matar(cual);
        let despues = conexion.recibir();
        assert!(matches!(despues, Ok(None) | Err(Error::Reset)), "{despues:?}");
        let mut otra = Conexion::conectar("127.0.0.1", self.puerto).unwrap();
        assert_ne!(quien_contesta(&mut otra), nombre);
        self.volver(cual);
    }

    /// Todas las conexiones se atienden y se contestan, entre los que se espera que lo hagan, y todos ellos.
    fn contestan(&self, esperados: &[usize]) {
        let salida = self.cliente(CONEXIONES);
        let (lineas, mut cuantas) = (salida.lineas(), BTreeMap::<&str, usize>::new());
        for vez in 0..CONEXIONES {
            let _caso = contar(FILA);
            let respuesta = lineas.get(vez).and_then(|linea| linea.split_once(": "));
            let Some((quien, que)) = respuesta else { panic!("falta la respuesta {vez}: {salida}") };
            assert_eq!(que, format!("pregunta {vez}"), "{salida}");
            *cuantas.entry(quien).or_default() += 1;
        }
        salida.exigir_exito("el cliente");
        println!("{cuantas:?}");
        let mut quienes: Vec<&str> = esperados.iter().map(|cual| NOMBRES[*cual]).collect();
        quienes.sort_unstable();
        assert_eq!(cuantas.keys().copied().collect::<Vec<_>>(), quienes);
        // Nadie se queda con todo: a cada uno, al menos la mitad de lo que le tocaría.
        let justo = CONEXIONES / esperados.len();
        assert!(cuantas.values().all(|suyas| *suyas * 2 >= justo), "{cuantas:?}");
    }
}

/// Qué servidor atiende a esta conexión.
fn quien_contesta(conexion: &mut Conexion) -> String {
    conexion.enviar_mensaje("¿quién sos?").unwrap();
    let Some(Recibido::Mensaje(respuesta)) = conexion.recibir().unwrap() else { panic!("no contestó un mensaje") };
    let (nombre, que) = respuesta.split_once(": ").unwrap();
    assert_eq!(que, "¿quién sos?");
    nombre.to_owned()
}

impl Drop for Granja {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.estado);
    }
}

fn servidor(programa: &Path, nombre: &str, puerto: u16) -> Proceso {
    let mut servidor = orden(programa);
    servidor.args(["servidor", nombre]).env("TP0_IP", "127.0.0.1").env("TP0_PUERTO", puerto.to_string());
    let servidor = Proceso::lanzar(servidor);
    servidor.esperar_linea("Escucho en el puerto", PLAZO);
    servidor
}

#[test]
fn los_clientes_no_se_enteran_de_que_un_servidor_se_cae() {
    if !exigir("haproxy") {
        return;
    }
    let mut granja = Granja::levantar();
    granja.contestan(&[0, 1, 2]);

    // Recién muerto, y HAProxy todavía no lo sabe: al que le toca, va a otro.
    granja.matar(1);
    granja.contestan(&[0, 2]);
    granja.esperar("dos", "DOWN");
    granja.contestan(&[0, 2]);
    granja.volver(1);
    granja.contestan(&[0, 1, 2]);

    // Colgado: el kernel sigue aceptando por él, pero no contesta el handshake.
    granja.servidores[2].as_ref().unwrap().senial(libc::SIGSTOP);
    granja.esperar("tres", "DOWN");
    granja.contestan(&[0, 1]);
    granja.servidores[2].as_ref().unwrap().senial(libc::SIGCONT);
    granja.esperar("tres", "UP");
    granja.contestan(&[0, 1, 2]);

    granja.el_que_hablaba_con_el_que_muere_lo_ve();
    granja.contestan(&[0, 1, 2]);

    // Sin ninguno, el error llega enseguida y dice qué pasó.
    (0..3).for_each(|cual| granja.matar(cual));
    let salida = granja.cliente(1);
    assert_eq!(salida.codigo, Some(1), "{salida}");
    assert!(salida.stdout.starts_with("0: no pude conectarme: ECONNRESET "), "{salida}");
}
