//! Lo que cada llamada tiene que devolver, según el contrato, calculado sobre los bytes que manda el cliente.

use std::os::fd::RawFd;

use crate::c;
use crate::cliente::interrumpida;
use crate::esperado::{Final, entero_en, leer_valores};
use crate::salida;

/// Una llamada del programa que recibe.
#[derive(Debug, Clone, Copy)]
pub enum Llamada {
    Operacion,
    Buffer,
    Mensaje,
    Paquete,
    Recibir,
    RecibirMensaje,
    Activa,
    /// Un `recv` del propio programa: si la biblioteca hubiera leído de más, acá faltaría.
    Propia(usize),
}

impl Llamada {
    pub fn de(byte: u8) -> Self {
        match byte % 16 {
            0..=4 => Self::Operacion,
            5 | 6 => Self::Buffer,
            7 => Self::Mensaje,
            8..=10 => Self::Paquete,
            11 | 12 => Self::Recibir,
            13 => Self::RecibirMensaje,
            14 => Self::Activa,
            _ => Self::Propia(usize::from(byte / 16)),
        }
    }
}

/// Los errno admitidos. Son dos cuando lo que llegó está cortado y además es mentira: cuál se nota primero no está dicho.
type Errnos = &'static [i32];
type Salida<T> = Result<T, Errnos>;

const FIN: Errnos = &[0];
const CORTADO: Errnos = &[libc::ECONNRESET];
const MENTIRA: Errnos = &[libc::EPROTO];
const LAS_DOS: Errnos = &[libc::EPROTO, libc::ECONNRESET];
const ENORME: Errnos = &[libc::EMSGSIZE];

/// Por dónde va la conversación.
pub struct Modelo<'a> {
    resto: &'a [u8],
    limite: u32,
    /// El código leído con `recibir_operacion` y todavía no usado.
    codigo: Option<i32>,
}

impl<'a> Modelo<'a> {
    pub fn nuevo(bytes: &'a [u8], limite: u32) -> Self {
        Self { resto: bytes, limite, codigo: None }
    }

    /// Llama, y exige lo que corresponde.
    pub fn llamar(&mut self, conexion: RawFd, llamada: Llamada) {
        c::ensuciar_errno();
        let salio = match llamada {
            Llamada::Operacion => {
                let esperado = self.operacion();
                assert_eq!(c::recibir_operacion(conexion), esperado.unwrap_or(-1));
                esperado.map(|_| ())
            }
            Llamada::Buffer => {
                let esperado = self.payload_solo();
                assert_eq!(c::recibir_buffer_en(conexion).as_deref(), esperado.ok());
                esperado.map(|_| ())
            }
            Llamada::Mensaje => self.mensaje(conexion),
            Llamada::Paquete => {
                let esperado = self.paquete();
                let valores = esperado.as_deref().unwrap_or_default();
                let largos: Vec<usize> = valores.iter().map(Vec::len).collect();
                assert_eq!(c::recibir_paquete_en(conexion, &largos), valores);
                esperado.map(|_| ())
            }
            Llamada::Recibir => self.recibir(conexion),
            Llamada::RecibirMensaje => self.recibir_mensaje(conexion),
            Llamada::Activa => {
                let activa = c::tp0_conexion_activa(conexion);
                assert!(activa == 0 || activa == 1, "{:?}", c::error());
                Ok(())
            }
            Llamada::Propia(cuantos) => {
                let esperado = self.tomar(cuantos.min(self.resto.len()));
                assert_eq!(recv_propio(conexion, cuantos), esperado, "la biblioteca leyó lo que no era suyo");
                return;
            }
        };
        match salio {
            Ok(()) => assert_eq!((c::errno(), c::error()), (libc::EXFULL, None), "{llamada:?}"),
            Err(errnos) => {
                assert!(errnos.contains(&c::errno()), "{llamada:?}: {} y se esperaba {errnos:?}", c::errno());
                assert!(c::error().is_some(), "{llamada:?}");
            }
        }
    }

    fn mensaje(&mut self, conexion: RawFd) -> Salida<()> {
        let esperado = self.payload_solo();
        assert_eq!(c::recibir_mensaje(conexion), if esperado.is_ok() { 0 } else { -1 });
        let linea = esperado.map(|payload| [b"Me llego el mensaje ", hasta_el_cero(payload), b"\n"].concat());
        assert_eq!(salida::impreso(), linea.unwrap_or_default());
        esperado.map(|_| ())
    }

    fn recibir(&mut self, conexion: RawFd) -> Salida<()> {
        let esperado = self.entero();
        let recibido = c::Recibido::de(conexion);
        let visto = recibido.as_ref().map(|recibido| (recibido.codigo(), recibido.payload()));
        assert_eq!(visto.as_ref().map(|(codigo, payload)| (*codigo, payload.as_slice())), esperado.ok());
        if let (Some(recibido), Ok((_, payload))) = (recibido, esperado) {
            assert_eq!((c::errno(), c::error()), (libc::EXFULL, None));
            let lectura = leer_valores(payload, payload.len());
            let largos: Vec<usize> = lectura.valores.iter().map(Vec::len).collect();
            let cierra = lectura.final_ == Final::Cierra;
            assert_eq!(recibido.valores(&largos), cierra.then_some(lectura.valores));
            // Lo que se mira después es lo de tp0_recibir: se deja como estaba.
            assert!(c::tp0_conexion_activa(conexion) >= 0);
            c::ensuciar_errno();
        }
        esperado.map(|_| ())
    }

    fn recibir_mensaje(&mut self, conexion: RawFd) -> Salida<()> {
        // Uno con otro código se descarta, y la conexión sigue.
        let esperado = self.entero().and_then(|(codigo, payload)| if codigo == 0 { Ok(payload) } else { Err(MENTIRA) });
        assert_eq!(c::recibir_mensaje_en(conexion).as_deref(), esperado.ok().map(hasta_el_cero));
        esperado.map(|_| ())
    }

    fn tomar(&mut self, cuantos: usize) -> &'a [u8] {
        let (tomado, resto) = self.resto.split_at(cuantos);
        self.resto = resto;
        tomado
    }

    /// Ante un error, la conexión se termina: no queda nada que leer, ni un código sin usar.
    fn o_terminar<T>(&mut self, salida: Salida<T>) -> Salida<T> {
        if salida.is_err() {
            self.resto = &[];
            self.codigo = None;
        }
        salida
    }

    fn operacion(&mut self) -> Salida<i32> {
        let codigo = self.primer_entero().and_then(|codigo| if codigo < 0 { Err(MENTIRA) } else { Ok(codigo) });
        self.codigo = codigo.ok();
        self.o_terminar(codigo)
    }

    /// El entero con que empieza un mensaje, o un final.
    fn primer_entero(&mut self) -> Salida<i32> {
        match entero_en(self.resto, 0) {
            Some(entero) => {
                self.tomar(4);
                Ok(entero)
            }
            None if self.resto.is_empty() => Err(FIN),
            None => Err(CORTADO),
        }
    }

    fn creible(&self, tamanio: i32) -> Salida<usize> {
        match u32::try_from(tamanio) {
            Err(_) => Err(MENTIRA),
            Ok(tamanio) if tamanio > self.limite => Err(ENORME),
            Ok(tamanio) => Ok(tamanio as usize),
        }
    }

    fn tamanio(&mut self) -> Salida<usize> {
        let tamanio = self.primer_entero().map_err(|_| CORTADO)?;
        self.creible(tamanio)
    }

    fn payload(&mut self, tamanio: usize) -> Salida<&'a [u8]> {
        if tamanio > self.resto.len() { Err(CORTADO) } else { Ok(self.tomar(tamanio)) }
    }

    fn payload_solo(&mut self) -> Salida<&'a [u8]> {
        self.codigo = None;
        let payload = self.tamanio().and_then(|tamanio| self.payload(tamanio));
        self.o_terminar(payload)
    }

    /// Un mensaje entero, o lo que falta de uno cuyo código ya se leyó.
    fn entero(&mut self) -> Salida<(i32, &'a [u8])> {
        let entero = match self.codigo.take() {
            Some(codigo) => self.tamanio().map(|tamanio| (codigo, tamanio)),
            None => self.header(),
        };
        let entero = entero.and_then(|(codigo, tamanio)| Ok((codigo, self.payload(tamanio)?)));
        self.o_terminar(entero)
    }

    fn header(&mut self) -> Salida<(i32, usize)> {
        match (entero_en(self.resto, 0), entero_en(self.resto, 4)) {
            (Some(codigo), Some(_)) if codigo < 0 => Err(MENTIRA),
            (Some(codigo), None) if codigo < 0 => Err(LAS_DOS),
            (Some(codigo), _) => {
                self.tomar(4);
                Ok((codigo, self.tamanio()?))
            }
            (None, _) => self.primer_entero().map(|_| unreachable!()),
        }
    }

    fn paquete(&mut self) -> Salida<Vec<Vec<u8>>> {
        let valores = match self.codigo.take() {
            Some(_) => self.tamanio().and_then(|tamanio| self.valores(tamanio)),
            None => self.paquete_entero(),
        };
        self.o_terminar(valores)
    }

    /// Sin código leído: 1 es un PAQUETE entero; 0, un MENSAJE entero; otra cosa, el tamaño de uno cuyo código leyó el programa.
    fn paquete_entero(&mut self) -> Salida<Vec<Vec<u8>>> {
        match self.primer_entero()? {
            1 => self.tamanio().and_then(|tamanio| self.valores(tamanio)),
            0 => self.tamanio().and_then(|tamanio| self.payload(tamanio)).map(|payload| vec![payload.to_vec()]),
            tamanio => self.creible(tamanio).and_then(|tamanio| self.valores(tamanio)),
        }
    }

    fn valores(&mut self, tamanio: usize) -> Salida<Vec<Vec<u8>>> {
        let lectura = leer_valores(self.resto, tamanio);
        match lectura.final_ {
            Final::Cierra => {
                self.tomar(tamanio);
                Ok(lectura.valores)
            }
            Final::Cortado => Err(CORTADO),
            _ if self.resto.len() < tamanio => Err(LAS_DOS),
            _ => Err(MENTIRA),
        }
    }

    /// El próximo mensaje para una `Conexion` de Rust. `None`: terminó bien.
    pub fn mensaje_de_rust(&mut self) -> Salida<Option<(i32, &'a [u8])>> {
        match self.entero() {
            Err(FIN) => Ok(None),
            salida => salida.map(Some),
        }
    }
}

fn hasta_el_cero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// `cuantos` bytes, o los que haya hasta el final.
fn recv_propio(conexion: RawFd, cuantos: usize) -> Vec<u8> {
    let mut bytes = vec![0; cuantos];
    let mut hay = 0;
    while hay < cuantos {
        let libre = &mut bytes[hay..];
        // SAFETY: el lugar mide lo que se dice.
        let salida = unsafe { libc::recv(conexion, libre.as_mut_ptr().cast(), libre.len(), 0) };
        match usize::try_from(salida) {
            Ok(0) => break,
            Ok(cuantos) => hay += cuantos,
            Err(_) => assert!(interrumpida(), "recv falló"),
        }
    }
    bytes.truncate(hay);
    bytes
}
