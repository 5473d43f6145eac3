//! Lo que el interpositor le cuenta a la herramienta: un anillo de lugares iguales en memoria compartida, y lo que va en cada uno. Lo compilan los
//! dos, cada uno por su lado; no toca memoria ajena ni llama a nadie.
//!
//! ```text
//! 0      marca, versión        64     cabeza: lugares pedidos por quienes escriben
//! 128    cola: los ya leídos   192    perdidos: lo que no se pudo contar        200    sordo: nadie lee, que no se espere
//! 4096   los lugares, de 512 bytes: su turno (8), un registro (120) y sus datos (384)
//! ```
//!
//! El lugar de turno `n` es el `n % LUGARES`, y está escrito cuando su turno dice `n + 1`. Así no hace falta cerrojo: un manejador de señales puede
//! escribir en medio de otra escritura, y un proceso que muere en medio de la suya no deja a nadie esperando.

/// Con qué empieza: si no es esto, es de otra versión, o de otra cosa.
pub(crate) const MARCA: u64 = 0x5430_5450_0000_0001;
/// La variable que dice dónde está el anillo.
pub(crate) const VARIABLE: &str = "TP0_TRAZAR";

pub(crate) const EN_CABEZA: usize = 64;
pub(crate) const EN_COLA: usize = 128;
pub(crate) const EN_PERDIDOS: usize = 192;
pub(crate) const EN_SORDO: usize = 200;
pub(crate) const PRIMERO: usize = 4096;

pub(crate) const LUGARES: u64 = 1 << 15;
pub(crate) const LUGAR: usize = 512;
pub(crate) const EN_REGISTRO: usize = 8;
pub(crate) const LARGO: usize = 120;
pub(crate) const EN_DATOS: usize = EN_REGISTRO + LARGO;
pub(crate) const DATOS: usize = LUGAR - EN_DATOS;
/// Lo que ocupa todo.
pub(crate) const TOTAL: usize = PRIMERO + (1 << 15) * LUGAR;

/// De cuántos de quienes llamaron se guarda desde dónde.
pub(crate) const QUIENES: usize = 6;

/// Qué se cuenta. Los números viajan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Que {
    /// Un programa empieza, o lo reemplaza otro: quién es su padre, y su nombre.
    Comienzo,
    /// Algo cargado en su memoria: dónde empieza a contar, desde y hasta dónde llega, y su archivo.
    Modulo,
    /// Terminó de presentarse.
    Listo,
    /// El hijo de un fork: quién es su padre, y qué hilo de él lo hizo.
    Hijo,
    /// Termina en orden: los sockets que le quedan, 4 bytes cada uno.
    Fin,
    /// Los datos que no entraron en el registro anterior de este hilo.
    Mas,
    Socket,
    Bind,
    Listen,
    Accept,
    Connect,
    Send,
    Recv,
    Setsockopt,
    Shutdown,
    Close,
    Dup,
    Dup2,
    Fork,
}

const TODOS: [Que; 19] = [
    Que::Comienzo,
    Que::Modulo,
    Que::Listo,
    Que::Hijo,
    Que::Fin,
    Que::Mas,
    Que::Socket,
    Que::Bind,
    Que::Listen,
    Que::Accept,
    Que::Connect,
    Que::Send,
    Que::Recv,
    Que::Setsockopt,
    Que::Shutdown,
    Que::Close,
    Que::Dup,
    Que::Dup2,
    Que::Fork,
];

/// Las que pueden dormir se cuentan dos veces: si el programa muere adentro, se sabe.
pub(crate) const ENTRA: u8 = 0;
pub(crate) const SALE: u8 = 1;

/// Qué había en el descriptor.
pub(crate) const TCP: u8 = 0;
/// Nada: no está abierto.
pub(crate) const NADA: u8 = 1;
/// Algo que no es TCP.
pub(crate) const OTRO: u8 = 2;

/// En el tamaño pedido: hasta que el sistema lea las partes no se sabe si se pueden leer.
pub(crate) const SIN_SABER: i64 = i64::MIN;

/// Un suceso.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registro {
    /// En el reloj monótono, en nanosegundos.
    pub(crate) instante: u64,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) que: Que,
    pub(crate) momento: u8,
    pub(crate) clase: u8,
    /// Con qué nombre se la llamó, cuando hay varios: un índice en [`NOMBRES`].
    pub(crate) nombre: u8,
    pub(crate) fd: i32,
    pub(crate) resultado: i64,
    pub(crate) errno: i32,
    /// Cuántos bytes de datos son, con los de los registros que siguen.
    pub(crate) largo: u32,
    /// Lo que se pidió: tamaño, opciones y si SIGPIPE mata a quien manda; nivel, opción y valor...
    pub(crate) pedido: [i64; 3],
    /// Dónde estaban los datos del programa.
    pub(crate) puntero: u64,
    /// Desde dónde se llamó: la dirección a la que vuelve, y las de quienes llamaron a ése. Ceros al final.
    pub(crate) quienes: [u64; QUIENES],
}

pub(crate) const NOMBRES: [&str; 10] =
    ["send", "sendto", "sendmsg", "write", "writev", "recv", "recvfrom", "recvmsg", "read", "readv"];

impl Registro {
    pub(crate) const fn nuevo(que: Que, momento: u8) -> Self {
        Self {
            instante: 0,
            pid: 0,
            tid: 0,
            que,
            momento,
            clase: TCP,
            nombre: 0,
            fd: -1,
            resultado: 0,
            errno: 0,
            largo: 0,
            pedido: [0; 3],
            puntero: 0,
            quienes: [0; QUIENES],
        }
    }

    pub(crate) fn a_bytes(self) -> [u8; LARGO] {
        let mut bytes = [0; LARGO];
        let mut lugar = bytes.as_mut_slice();
        poner(&mut lugar, self.instante.to_le_bytes());
        poner(&mut lugar, self.pid.to_le_bytes());
        poner(&mut lugar, self.tid.to_le_bytes());
        poner(&mut lugar, [self.que as u8, self.momento, self.clase, self.nombre]);
        poner(&mut lugar, self.fd.to_le_bytes());
        poner(&mut lugar, self.resultado.to_le_bytes());
        poner(&mut lugar, self.errno.to_le_bytes());
        poner(&mut lugar, self.largo.to_le_bytes());
        for uno in self.pedido {
            poner(&mut lugar, uno.to_le_bytes());
        }
        poner(&mut lugar, self.puntero.to_le_bytes());
        for uno in self.quienes {
            poner(&mut lugar, uno.to_le_bytes());
        }
        bytes
    }

    /// `None`: eso no lo escribió el interpositor.
    pub(crate) fn de_bytes(mut bytes: &[u8]) -> Option<Self> {
        let de = &mut bytes;
        let (instante, pid, tid) = (sacar(de).map(u64::from_le_bytes)?, entero(de)?, entero(de)?);
        let [que, momento, clase, nombre] = sacar(de)?;
        Some(Self {
            instante,
            pid,
            tid,
            que: *TODOS.get(usize::from(que))?,
            momento,
            clase,
            nombre,
            fd: sacar(de).map(i32::from_le_bytes)?,
            resultado: sacar(de).map(i64::from_le_bytes)?,
            errno: sacar(de).map(i32::from_le_bytes)?,
            largo: entero(de)?,
            pedido: [largo(de)?, largo(de)?, largo(de)?],
            puntero: sacar(de).map(u64::from_le_bytes)?,
            quienes: {
                let mut quienes = [0; QUIENES];
                for uno in &mut quienes {
                    *uno = sacar(de).map(u64::from_le_bytes)?;
                }
                quienes
            },
        })
    }
}

fn poner<const N: usize>(lugar: &mut &mut [u8], bytes: [u8; N]) {
    if let Some((suyos, resto)) = core::mem::take(lugar).split_first_chunk_mut::<N>() {
        *suyos = bytes;
        *lugar = resto;
    }
}

fn sacar<const N: usize>(de: &mut &[u8]) -> Option<[u8; N]> {
    let (suyos, resto) = de.split_first_chunk::<N>()?;
    *de = resto;
    Some(*suyos)
}

fn entero(de: &mut &[u8]) -> Option<u32> {
    sacar(de).map(u32::from_le_bytes)
}

fn largo(de: &mut &[u8]) -> Option<i64> {
    sacar(de).map(i64::from_le_bytes)
}
