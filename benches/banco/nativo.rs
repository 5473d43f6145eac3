//! Esta biblioteca, desde Rust.

use tp0::{Conexion, Emisor, Paquete, Recibido, Servidor};

use super::cargas::{Extremo, Implementacion};

pub struct Nativo {
    /// Si los envíos se encolan hasta que se los vacía.
    pub encola: bool,
}

pub struct DeRust {
    conexion: Conexion,
    emisor: Emisor,
    encola: bool,
}

impl Implementacion for Nativo {
    type Escucha = Servidor;
    type Extremo = DeRust;

    fn escuchar(&self) -> (Servidor, u16) {
        let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
        let puerto = servidor.puerto().unwrap();
        (servidor, puerto)
    }

    fn aceptar(&self, servidor: &Servidor) -> DeRust {
        self.extremo(servidor.esperar_cliente().unwrap())
    }

    fn conectar(&self, puerto: u16) -> DeRust {
        self.extremo(Conexion::conectar("127.0.0.1", puerto).unwrap())
    }
}

impl Nativo {
    fn extremo(&self, conexion: Conexion) -> DeRust {
        DeRust { emisor: conexion.emisor(), conexion, encola: self.encola }
    }
}

impl Extremo for DeRust {
    fn enviar_mensaje(&mut self, texto: &str) {
        if self.encola {
            self.emisor.encolar_mensaje(texto).unwrap();
        } else {
            self.conexion.enviar_mensaje(texto).unwrap();
        }
    }

    fn recibir<R>(&mut self, ver: impl FnOnce(&[u8]) -> R) -> R {
        match self.conexion.recibir().unwrap() {
            Some(Recibido::Mensaje(texto)) => ver(texto.as_bytes()),
            otro => panic!("llegó {otro:?}"),
        }
    }

    fn enviar_paquete(&mut self, valores: usize, valor: &[u8]) {
        let mut paquete = Paquete::nuevo();
        for _ in 0..valores {
            paquete.agregar(valor).unwrap();
        }
        if self.encola {
            self.emisor.encolar_paquete(&paquete).unwrap();
        } else {
            self.conexion.enviar_paquete(&paquete).unwrap();
        }
    }

    fn recibir_paquete(&mut self) -> (usize, usize) {
        match self.conexion.recibir().unwrap() {
            Some(Recibido::Paquete(paquete)) => {
                paquete.valores().fold((0, 0), |(cuantos, suma), valor| (cuantos + 1, suma + usize::from(valor[0])))
            }
            otro => panic!("llegó {otro:?}"),
        }
    }

    fn vaciar(&mut self) {
        self.emisor.vaciar().unwrap();
    }

    fn esperar_el_final(&mut self) {
        assert!(self.conexion.recibir().unwrap().is_none());
    }
}
