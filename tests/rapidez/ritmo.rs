//! Que nadie espere por el algoritmo de Nagle: ni lo que se envía con esta biblioteca, ni lo que manda quien no la usa a quien
//! recibe con ella. Y que, sin eso, las ráfagas se junten.
//!
//! Una espera de ésas dura 40 ms; lo demás, en esta misma máquina, mucho menos de uno.

use std::ffi::{c_char, c_int, c_void};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tp0::{Conexion, Recibido, Servidor};

use crate::comun::PLAZO;

unsafe extern "C" {
    fn enviar_mensaje(mensaje: *const c_char, conexion: c_int) -> c_int;
    fn recibir_operacion(conexion: c_int) -> c_int;
    fn recibir_buffer(size: *mut c_int, conexion: c_int) -> *mut c_void;
    fn crear_conexion(ip: *const c_char, puerto: *const c_char) -> c_int;
    fn tp0_iniciar_servidor(ip: *const c_char, puerto: *const c_char) -> c_int;
    fn tp0_puerto(descriptor: c_int) -> c_int;
    fn esperar_cliente(servidor: c_int) -> c_int;
    fn liberar_conexion(descriptor: c_int) -> c_int;
}

/// Una espera de Nagle dura 40 ms (o algo menos, según cada cuánto mira el reloj el núcleo), y pasadas las primeras vueltas las tiene todas. En
/// una máquina ocupada cualquiera puede tardar: se mira la del medio.
const DE_NAGLE: Duration = Duration::from_millis(30);
const VUELTAS: usize = 80;

/// Un extremo de los que se prueban, desde C o desde Rust.
trait Extremo: Send {
    fn enviar(&mut self, texto: &str);
    fn recibir(&mut self) -> String;
    fn fd(&self) -> BorrowedFd<'_>;
}

struct DeC(c_int);

impl Extremo for DeC {
    fn enviar(&mut self, texto: &str) {
        let texto = std::ffi::CString::new(texto).unwrap();
        // SAFETY: termina en '\0'.
        assert_eq!(unsafe { enviar_mensaje(texto.as_ptr(), self.0) }, 0);
    }

    fn recibir(&mut self) -> String {
        let mut largo = 0;
        // SAFETY: el descriptor está abierto.
        assert_eq!(unsafe { recibir_operacion(self.0) }, 0);
        // SAFETY: `largo` es un entero de este hilo.
        let payload = unsafe { recibir_buffer(&raw mut largo, self.0) };
        assert!(!payload.is_null());
        // SAFETY: mide `largo` bytes.
        let bytes = unsafe { std::slice::from_raw_parts(payload.cast::<u8>(), usize::try_from(largo).unwrap()) };
        let texto = String::from_utf8(bytes.to_vec()).unwrap();
        // SAFETY: es de malloc, y `bytes` ya no se usa.
        unsafe { libc::free(payload) };
        texto.trim_end_matches('\0').to_owned()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: está abierto mientras exista este valor.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}

impl Drop for DeC {
    fn drop(&mut self) {
        // SAFETY: liberar uno ya terminado no hace daño.
        unsafe { liberar_conexion(self.0) };
    }
}

impl Extremo for Conexion {
    fn enviar(&mut self, texto: &str) {
        self.enviar_mensaje(texto).unwrap();
    }

    fn recibir(&mut self) -> String {
        match Conexion::recibir(self).unwrap() {
            Some(Recibido::Mensaje(texto)) => texto.to_owned(),
            otro => panic!("llegó {otro:?}"),
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

/// Un extremo de cada interfaz conectado con uno que no es de esta biblioteca: con Nagle, como lo deja el sistema.
fn con_un_cliente_ajeno() -> Vec<(Box<dyn Extremo>, TcpStream)> {
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let ajeno = saludar(servidor.puerto().unwrap());
    let de_rust: Box<dyn Extremo> = Box::new(servidor.esperar_cliente().unwrap());
    // SAFETY: los textos terminan en '\0'.
    let escucha = unsafe { tp0_iniciar_servidor(c"127.0.0.1".as_ptr(), c"0".as_ptr()) };
    // SAFETY: está abierto.
    let puerto = u16::try_from(unsafe { tp0_puerto(escucha) }).unwrap();
    let otro_ajeno = saludar(puerto);
    // SAFETY: está abierto.
    let de_c: Box<dyn Extremo> = Box::new(DeC(unsafe { esperar_cliente(escucha) }));
    // SAFETY: está abierto.
    assert_eq!(unsafe { liberar_conexion(escucha) }, 0);
    vec![(de_rust, ajeno), (de_c, otro_ajeno)]
}

fn saludar(puerto: u16) -> TcpStream {
    let mut ajeno = TcpStream::connect(("127.0.0.1", puerto)).unwrap();
    ajeno.set_read_timeout(Some(PLAZO)).unwrap();
    ajeno.write_all(&1_i32.to_le_bytes()).unwrap();
    ajeno
}

/// Lo mismo, llamando a un servidor ajeno.
fn con_un_servidor_ajeno() -> Vec<(Box<dyn Extremo>, TcpStream)> {
    let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
    let puerto = escucha.local_addr().unwrap().port();
    let mut pares: Vec<(Box<dyn Extremo>, TcpStream)> = Vec::new();
    for de_c in [false, true] {
        let otro = escucha.try_clone().unwrap();
        let ajeno = thread::spawn(move || {
            let (mut ajeno, _) = otro.accept().unwrap();
            ajeno.set_read_timeout(Some(PLAZO)).unwrap();
            leer(&mut ajeno, 4);
            ajeno.write_all(&0_i32.to_le_bytes()).unwrap();
            ajeno
        });
        let extremo: Box<dyn Extremo> = if de_c {
            let puerto = std::ffi::CString::new(puerto.to_string()).unwrap();
            // SAFETY: los textos terminan en '\0'.
            Box::new(DeC(unsafe { crear_conexion(c"127.0.0.1".as_ptr(), puerto.as_ptr()) }))
        } else {
            Box::new(Conexion::conectar("127.0.0.1", puerto).unwrap())
        };
        pares.push((extremo, ajeno.join().unwrap()));
    }
    pares
}

fn leer(ajeno: &mut TcpStream, cuantos: usize) -> Vec<u8> {
    let mut bytes = vec![0; cuantos];
    ajeno.read_exact(&mut bytes).unwrap();
    bytes
}

fn mensaje(texto: &str) -> Vec<u8> {
    let mut bytes = 0_i32.to_le_bytes().to_vec();
    bytes.extend_from_slice(&(texto.len() as i32 + 1).to_le_bytes());
    bytes.extend_from_slice(texto.as_bytes());
    bytes.push(0);
    bytes
}

/// Que casi ninguna vuelta tarde. Las primeras no cuentan: al comienzo de una conexión el kernel confirma todo enseguida.
#[track_caller]
fn exigir_enseguida(que: &str, mut vuelta: impl FnMut()) {
    let mut tardaron: Vec<Duration> = (0..VUELTAS + 10)
        .map(|_| {
            let comienzo = Instant::now();
            vuelta();
            comienzo.elapsed()
        })
        .skip(10)
        .collect();
    tardaron.sort_unstable();
    let la_del_medio = tardaron.get(VUELTAS / 2).copied().unwrap();
    assert!(la_del_medio < DE_NAGLE, "{que}: la mitad tardó {la_del_medio:?} o más; todas: {tardaron:?}");
}

#[test]
fn dos_envios_y_una_respuesta_de_un_servidor_ajeno() {
    for (mut extremo, mut ajeno) in con_un_servidor_ajeno() {
        let responde = thread::spawn(move || {
            for _ in 0..VUELTAS + 10 {
                leer(&mut ajeno, 2 * mensaje("uno").len());
                ajeno.write_all(&mensaje("dos")).unwrap();
            }
        });
        exigir_enseguida("la respuesta espera lo segundo", || {
            extremo.enviar("uno");
            extremo.enviar("uno");
            assert_eq!(extremo.recibir(), "dos");
        });
        responde.join().unwrap();
    }
}

#[test]
fn dos_envios_de_un_cliente_ajeno_y_una_respuesta() {
    for (mut extremo, mut ajeno) in con_un_cliente_ajeno() {
        let responde = thread::spawn(move || {
            for _ in 0..VUELTAS + 10 {
                assert_eq!(extremo.recibir(), "uno");
                assert_eq!(extremo.recibir(), "dos");
                extremo.enviar("tres");
            }
        });
        leer(&mut ajeno, 4);
        exigir_enseguida("quien llama retiene su segundo mensaje", || {
            ajeno.write_all(&mensaje("uno")).unwrap();
            ajeno.write_all(&mensaje("dos")).unwrap();
            assert_eq!(leer(&mut ajeno, mensaje("tres").len()), mensaje("tres"));
        });
        responde.join().unwrap();
    }
}

#[test]
fn un_mensaje_que_un_cliente_ajeno_escribe_en_tres_partes() {
    for (mut extremo, mut ajeno) in con_un_cliente_ajeno() {
        let responde = thread::spawn(move || {
            for _ in 0..VUELTAS + 10 {
                assert_eq!(extremo.recibir(), "de a partes");
                extremo.enviar("ok");
            }
        });
        leer(&mut ajeno, 4);
        exigir_enseguida("quien llama retiene el payload", || {
            let todo = mensaje("de a partes");
            let (codigo, resto) = todo.split_at(4);
            let (tamanio, payload) = resto.split_at(4);
            for parte in [codigo, tamanio, payload] {
                ajeno.write_all(parte).unwrap();
            }
            assert_eq!(leer(&mut ajeno, mensaje("ok").len()), mensaje("ok"));
        });
        responde.join().unwrap();
    }
}

/// Bastantes más que los que hacen una ráfaga.
const MUCHOS: usize = 100;

#[test]
fn la_respuesta_a_una_rafaga() {
    for (mut extremo, mut ajeno) in con_un_servidor_ajeno() {
        let responde = thread::spawn(move || {
            for _ in 0..VUELTAS + 10 {
                leer(&mut ajeno, MUCHOS * mensaje("uno").len());
                ajeno.write_all(&mensaje("todos")).unwrap();
            }
        });
        exigir_enseguida("la cola de la ráfaga espera", || {
            (0..MUCHOS).for_each(|_| extremo.enviar("uno"));
            assert_eq!(extremo.recibir(), "todos");
        });
        responde.join().unwrap();
    }
}

#[test]
fn la_respuesta_que_otro_hilo_ya_esta_esperando() {
    let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
    let puerto = escucha.local_addr().unwrap().port().to_string();
    let servidor = thread::spawn(move || {
        let (mut ajeno, _) = escucha.accept().unwrap();
        ajeno.set_read_timeout(Some(PLAZO)).unwrap();
        leer(&mut ajeno, 4);
        ajeno.write_all(&0_i32.to_le_bytes()).unwrap();
        for _ in 0..VUELTAS + 10 {
            leer(&mut ajeno, MUCHOS * mensaje("uno").len());
            ajeno.write_all(&mensaje("todos")).unwrap();
        }
    });
    let (mut receptor, emisor) = Conexion::conectar("127.0.0.1", &puerto).unwrap().separar();
    let (avisar, aviso) = std::sync::mpsc::channel();
    let recibe = thread::spawn(move || {
        for _ in 0..VUELTAS + 10 {
            assert!(matches!(receptor.recibir().unwrap(), Some(Recibido::Mensaje("todos"))));
            avisar.send(()).unwrap();
        }
    });
    exigir_enseguida("otro hilo espera, y la cola de la ráfaga está retenida", || {
        (0..MUCHOS).for_each(|_| emisor.enviar_mensaje("uno").unwrap());
        aviso.recv_timeout(PLAZO).unwrap();
    });
    recibe.join().unwrap();
    servidor.join().unwrap();
}

#[test]
fn la_respuesta_que_otro_hilo_ya_esta_esperando_desde_c() {
    let (mut extremo, mut ajeno) = con_un_servidor_ajeno().pop().unwrap();
    let (avisar, aviso) = std::sync::mpsc::channel();
    let el_mismo = extremo.fd().as_raw_fd();
    let recibe = thread::spawn(move || {
        let mut el_mismo = std::mem::ManuallyDrop::new(DeC(el_mismo));
        for _ in 0..VUELTAS + 10 {
            assert_eq!(el_mismo.recibir(), "todos");
            avisar.send(()).unwrap();
        }
    });
    let responde = thread::spawn(move || {
        for _ in 0..VUELTAS + 10 {
            leer(&mut ajeno, MUCHOS * mensaje("uno").len());
            ajeno.write_all(&mensaje("todos")).unwrap();
        }
    });
    exigir_enseguida("otro hilo espera, y la cola de la ráfaga está retenida", || {
        (0..MUCHOS).for_each(|_| extremo.enviar("uno"));
        aviso.recv_timeout(PLAZO).unwrap();
    });
    recibe.join().unwrap();
    responde.join().unwrap();
}

#[test]
fn la_cola_de_una_rafaga_a_quien_recibe_con_la_biblioteca() {
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let puerto = servidor.puerto().unwrap().to_string();
    let conecta = thread::spawn(move || Conexion::conectar("127.0.0.1", &puerto).unwrap());
    let mut cliente = servidor.esperar_cliente().unwrap();
    let extremo = conecta.join().unwrap();
    let (avisar, aviso) = std::sync::mpsc::channel();
    let recibe = thread::spawn(move || {
        for _ in 0..(VUELTAS + 10) * MUCHOS {
            cliente.recibir().unwrap();
            avisar.send(()).unwrap();
        }
        cliente
    });
    exigir_enseguida("nadie recibe después de la ráfaga, y su cola está retenida", || {
        (0..MUCHOS).for_each(|_| extremo.enviar_mensaje("uno").unwrap());
        (0..MUCHOS).for_each(|_| assert!(aviso.recv_timeout(PLAZO).is_ok()));
    });
    drop(recibe.join().unwrap());
}

#[test]
fn las_rafagas_se_juntan_y_lo_demas_no() {
    for (mut extremo, mut ajeno) in con_un_servidor_ajeno() {
        let sin_juntar = |extremo: &dyn Extremo| SockRef::from(&extremo.fd()).tcp_nodelay().unwrap();
        assert!(sin_juntar(&*extremo), "una conexión nueva no junta");
        (0..10).for_each(|_| extremo.enviar("uno"));
        assert!(sin_juntar(&*extremo), "diez no son una ráfaga");
        (0..MUCHOS).for_each(|_| extremo.enviar("uno"));
        assert!(!sin_juntar(&*extremo), "{MUCHOS} sí");
        leer(&mut ajeno, (10 + MUCHOS) * mensaje("uno").len());
        ajeno.write_all(&mensaje("todos")).unwrap();
        assert_eq!(extremo.recibir(), "todos");
        assert!(sin_juntar(&*extremo), "después de recibir, tampoco");
    }
}

#[test]
fn a_un_socket_del_programa_no_se_le_cambian_las_opciones() {
    let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
    let propio = TcpStream::connect(escucha.local_addr().unwrap()).unwrap();
    propio.set_nodelay(true).unwrap();
    let (mut ajeno, _) = escucha.accept().unwrap();
    let lee = thread::spawn(move || leer(&mut ajeno, MUCHOS * mensaje("uno").len()).len());
    for _ in 0..MUCHOS {
        // SAFETY: el texto termina en '\0'.
        assert_eq!(unsafe { enviar_mensaje(c"uno".as_ptr(), propio.as_raw_fd()) }, 0);
    }
    assert!(propio.nodelay().unwrap());
    lee.join().unwrap();
}
