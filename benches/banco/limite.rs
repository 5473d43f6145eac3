//! El límite: los mismos bytes con llamadas al sistema y nada en el medio. No comprueba lo que llega ni se recupera de nada.

use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::cargas::{Extremo, Implementacion};

/// Lo que se lee, o se junta, en una llamada.
const MUCHO: usize = 256 * 1024;
const HEADER: usize = 8;

pub struct Directo {
    /// Si los envíos se juntan en una sola escritura.
    pub junta: bool,
    /// Si el kernel puede juntarlos (Nagle): lo mejor cuando van en un solo sentido.
    pub nagle: bool,
}

pub struct DeSistema {
    socket: TcpStream,
    leido: Vec<u8>,
    desde: usize,
    hasta: usize,
    cola: Vec<u8>,
    junta: bool,
}

impl Implementacion for Directo {
    type Escucha = TcpListener;
    type Extremo = DeSistema;

    fn escuchar(&self) -> (TcpListener, u16) {
        let escucha = TcpListener::bind("127.0.0.1:0").unwrap();
        let puerto = escucha.local_addr().unwrap().port();
        (escucha, puerto)
    }

    fn aceptar(&self, escucha: &TcpListener) -> DeSistema {
        let (mut socket, _) = escucha.accept().unwrap();
        let mut handshake = [0; 4];
        socket.read_exact(&mut handshake).unwrap();
        assert_eq!(handshake, 1_i32.to_le_bytes());
        socket.write_all(&0_i32.to_le_bytes()).unwrap();
        self.extremo(socket)
    }

    fn conectar(&self, puerto: u16) -> DeSistema {
        let mut socket = TcpStream::connect(("127.0.0.1", puerto)).unwrap();
        socket.write_all(&1_i32.to_le_bytes()).unwrap();
        let mut respuesta = [0; 4];
        socket.read_exact(&mut respuesta).unwrap();
        assert_eq!(respuesta, 0_i32.to_le_bytes());
        self.extremo(socket)
    }
}

impl Directo {
    fn extremo(&self, socket: TcpStream) -> DeSistema {
        socket.set_nodelay(!self.nagle).unwrap();
        DeSistema { socket, leido: Vec::new(), desde: 0, hasta: 0, cola: Vec::new(), junta: self.junta }
    }
}

impl DeSistema {
    fn enviar(&mut self, codigo: i32, payload: &[u8]) {
        self.cola.extend_from_slice(&codigo.to_le_bytes());
        self.cola.extend_from_slice(&(payload.len() as i32).to_le_bytes());
        if payload.len() > MUCHO {
            return self.enviar_sin_copiar(payload);
        }
        self.cola.extend_from_slice(payload);
        if !self.junta || self.cola.len() > MUCHO {
            self.vaciar();
        }
    }

    fn enviar_sin_copiar(&mut self, payload: &[u8]) {
        let mut partes = [IoSlice::new(&self.cola), IoSlice::new(payload)];
        let mut faltan = partes.as_mut_slice();
        while !faltan.is_empty() {
            let enviados = self.socket.write_vectored(faltan).unwrap();
            IoSlice::advance_slices(&mut faltan, enviados);
        }
        self.cola.clear();
    }

    /// El próximo mensaje: su payload.
    fn payload(&mut self) -> &[u8] {
        self.juntar(HEADER);
        let tamanio: [u8; 4] = self.leido[self.desde + 4..self.desde + HEADER].try_into().unwrap();
        let tamanio = i32::from_le_bytes(tamanio) as usize;
        self.juntar(HEADER + tamanio);
        let payload = self.desde + HEADER;
        self.desde = payload + tamanio;
        &self.leido[payload..payload + tamanio]
    }

    fn juntar(&mut self, cantidad: usize) {
        if self.hasta - self.desde >= cantidad {
            return;
        }
        self.leido.copy_within(self.desde..self.hasta, 0);
        (self.desde, self.hasta) = (0, self.hasta - self.desde);
        self.leido.resize(MUCHO.max(cantidad).max(self.leido.len()), 0);
        while self.hasta < cantidad {
            let leidos = self.socket.read(&mut self.leido[self.hasta..]).unwrap();
            assert!(leidos > 0, "terminó antes de tiempo");
            self.hasta += leidos;
        }
    }
}

impl Extremo for DeSistema {
    fn enviar_mensaje(&mut self, texto: &str) {
        let mut payload = [0; 64];
        payload[..texto.len()].copy_from_slice(texto.as_bytes());
        self.enviar(0, &payload[..=texto.len()]);
    }

    fn recibir<R>(&mut self, ver: impl FnOnce(&[u8]) -> R) -> R {
        let payload = self.payload();
        ver(&payload[..payload.len() - 1])
    }

    fn enviar_paquete(&mut self, valores: usize, valor: &[u8]) {
        let mut payload = Vec::with_capacity(valores * (4 + valor.len()));
        for _ in 0..valores {
            payload.extend_from_slice(&(valor.len() as i32).to_le_bytes());
            payload.extend_from_slice(valor);
        }
        self.enviar(1, &payload);
    }

    fn recibir_paquete(&mut self) -> (usize, usize) {
        let mut resto = self.payload();
        let (mut cuantos, mut suma) = (0, 0);
        while let Some((largo, sigue)) = resto.split_first_chunk() {
            let (valor, sigue) = sigue.split_at(i32::from_le_bytes(*largo) as usize);
            (cuantos, suma) = (cuantos + 1, suma + usize::from(valor[0]));
            resto = sigue;
        }
        (cuantos, suma)
    }

    fn vaciar(&mut self) {
        if !self.cola.is_empty() {
            self.socket.write_all(&self.cola).unwrap();
            self.cola.clear();
        }
    }

    fn esperar_el_final(&mut self) {
        assert_eq!(self.socket.read(&mut [0]).unwrap(), 0);
    }
}

/// Con cada lado en su núcleo las cifras se repiten mejor. Sin permiso, o con un solo núcleo, queda como estaba.
pub fn fijar_al_nucleo(fijar: bool, nucleo: usize) {
    if fijar {
        // SAFETY: todo en cero es un conjunto vacío.
        let mut nucleos: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: el conjunto es válido y el núcleo entra en él.
        unsafe { libc::CPU_SET(nucleo, &mut nucleos) };
        // SAFETY: el conjunto es válido y mide lo que se dice.
        unsafe { libc::sched_setaffinity(0, size_of_val(&nucleos), &raw const nucleos) };
    }
}

/// La hora del reloj que comparten los procesos de esta máquina.
pub fn ahora() -> Duration {
    let mut hora = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `hora` es un lugar válido.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut hora) }, 0);
    Duration::new(hora.tv_sec as u64, hora.tv_nsec as u32)
}

/// Que una muestra colgada no cuelgue la tabla.
pub fn terminar_dentro_de(tope: Duration) {
    // SAFETY: sólo programa una señal, que sin manejador termina el proceso.
    unsafe { libc::alarm(tope.as_secs() as u32) };
}
