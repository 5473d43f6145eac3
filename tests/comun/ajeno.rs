//! Un par que no comparte código con la biblioteca: sockets de la biblioteca estándar y los bytes escritos a mano.

use super::PLAZO;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Un entero como viaja: cuatro bytes, el menos significativo primero.
pub fn entero(valor: i32) -> Vec<u8> {
    valor.to_le_bytes().to_vec()
}

/// Código de operación, tamaño y payload.
pub fn operacion(codigo: i32, payload: &[u8]) -> Vec<u8> {
    [entero(codigo), entero(i32::try_from(payload.len()).unwrap()), payload.to_vec()].concat()
}

/// Un MENSAJE: el texto con su '\0'.
pub fn mensaje(texto: &str) -> Vec<u8> {
    operacion(0, &[texto.as_bytes(), b"\0"].concat())
}

/// El payload de un PAQUETE: cada valor precedido por su largo.
pub fn valores(valores: &[&[u8]]) -> Vec<u8> {
    valores.iter().flat_map(|v| [entero(i32::try_from(v.len()).unwrap()), v.to_vec()].concat()).collect()
}

/// Un PAQUETE entero.
pub fn paquete(partes: &[&[u8]]) -> Vec<u8> {
    operacion(1, &valores(partes))
}

/// Un extremo de una conexión, con plazo en cada lectura y cada escritura.
pub struct Ajeno {
    socket: TcpStream,
}

impl Ajeno {
    fn de(socket: TcpStream) -> Self {
        socket.set_nonblocking(false).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PLAZO)).unwrap();
        socket.set_write_timeout(Some(PLAZO)).unwrap();
        Self { socket }
    }

    /// Se conecta a 127.0.0.1 sin decir nada. El servidor ya tiene que estar escuchando.
    pub fn conectar(puerto: u16) -> Self {
        let direccion = SocketAddr::from((Ipv4Addr::LOCALHOST, puerto));
        Self::de(
            TcpStream::connect_timeout(&direccion, PLAZO)
                .unwrap_or_else(|error| panic!("no se pudo conectar a {direccion}: {error}")),
        )
    }

    /// Se conecta y muestra el handshake de siempre, sin esperar la respuesta.
    pub fn presentarse(puerto: u16) -> Self {
        let mut ajeno = Self::conectar(puerto);
        ajeno.escribir(&[1, 0, 0, 0]);
        ajeno
    }

    /// Se conecta y hace el handshake completo.
    pub fn con_handshake(puerto: u16) -> Self {
        let mut ajeno = Self::presentarse(puerto);
        assert_eq!(ajeno.leer(4), [0, 0, 0, 0], "el servidor tenía que aceptar el handshake 1");
        ajeno
    }

    pub fn escribir(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap_or_else(|error| panic!("el ajeno no pudo escribir {bytes:?}: {error}"));
    }

    /// Exactamente esa cantidad de bytes.
    pub fn leer(&mut self, cantidad: usize) -> Vec<u8> {
        let mut bytes = vec![0; cantidad];
        let mut llegados = 0;
        while llegados < cantidad {
            match self.socket.read(&mut bytes[llegados..]) {
                Ok(0) => panic!("esperaba {cantidad} bytes y la conexión terminó tras {:?}", &bytes[..llegados]),
                Ok(leidos) => llegados += leidos,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    panic!("esperaba {cantidad} bytes y tras {:?} dio: {error}", &bytes[..llegados])
                }
            }
        }
        bytes
    }

    /// Todo lo que venga hasta el fin en orden de la conexión.
    pub fn leer_hasta_el_fin(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(error) = self.socket.read_to_end(&mut bytes) {
            panic!("esperaba el fin de la conexión y, tras {bytes:?}, dio: {error}");
        }
        bytes
    }

    /// Fin de archivo para el otro lado; de este se puede seguir leyendo.
    pub fn no_escribo_mas(&mut self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// La dirección de este extremo, como la ve el otro.
    pub fn direccion(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub fn socket(&self) -> TcpStream {
        self.socket.try_clone().unwrap()
    }
}

/// Un servidor ajeno: escucha y acepta, nada más.
pub struct Oyente {
    socket: TcpListener,
    pub puerto: u16,
}

impl Oyente {
    pub fn nuevo() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let puerto = socket.local_addr().unwrap().port();
        socket.set_nonblocking(true).unwrap();
        Self { socket, puerto }
    }

    /// El próximo que se conecte, dentro del plazo.
    pub fn aceptar(&self) -> Ajeno {
        let limite = Instant::now() + PLAZO;
        loop {
            match self.socket.accept() {
                Ok((socket, _)) => return Ajeno::de(socket),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < limite, "nadie se conectó al puerto {} en {PLAZO:?}", self.puerto);
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("accept en el puerto {}: {error}", self.puerto),
            }
        }
    }

    /// El próximo que se conecte, después de leerle el handshake de siempre y aceptarlo.
    pub fn aceptar_con_handshake(&self) -> Ajeno {
        let mut ajeno = self.aceptar();
        assert_eq!(ajeno.leer(4), [1, 0, 0, 0], "el cliente tenía que mostrar el handshake 1");
        ajeno.escribir(&[0, 0, 0, 0]);
        ajeno
    }
}
