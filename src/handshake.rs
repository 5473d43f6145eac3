//! El handshake, como una máquina de estados sobre bytes.
//!
//! ```text
//! cliente -> servidor   int32 H           quién soy: 1, si no se pide otro
//! servidor -> cliente   int32 0 (OK)  o  int32 -1 (ERROR), y después de un ERROR el servidor cierra
//! ```
//!
//! Aquí no hay sockets, relojes ni `unsafe`.

use std::fmt;

use crate::protocolo::{Header, LARGO_DE_ENTERO};

/// El valor que se muestra si no se pide otro.
///
/// ```
/// use tp0::{Conexion, HANDSHAKE, Opciones, Servidor};
///
/// let servidor = Servidor::iniciar_con("127.0.0.1", "0", &Opciones::nuevas())?;
/// let cliente = Conexion::conectar_con("127.0.0.1", servidor.puerto()?, &Opciones::nuevas())?;
/// assert_eq!(cliente.handshake(), Some(HANDSHAKE));
/// # Ok::<(), tp0::Error>(())
/// ```
pub const HANDSHAKE: i32 = 1;

/// Lo que contesta el servidor a quien mostró un valor que acepta: se puede hablar.
///
/// ```
/// use std::io::{Read, Write};
/// use tp0::{HANDSHAKE, HANDSHAKE_OK, Servidor};
///
/// let servidor = Servidor::iniciar("127.0.0.1", 0)?;
/// let mut a_mano = std::net::TcpStream::connect(servidor.direccion()?)?;
/// a_mano.write_all(&HANDSHAKE.to_le_bytes())?;
/// servidor.esperar_cliente()?;
/// let mut respuesta = [0; 4];
/// a_mano.read_exact(&mut respuesta)?;
/// assert_eq!(i32::from_le_bytes(respuesta), HANDSHAKE_OK);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const HANDSHAKE_OK: i32 = 0;
/// Lo que contesta el servidor a quien mostró otra cosa, antes de cerrarle.
///
/// ```
/// assert_ne!(tp0::HANDSHAKE_ERROR, tp0::HANDSHAKE_OK);
/// ```
pub const HANDSHAKE_ERROR: i32 = -1;
/// Cuántos valores distintos puede aceptar un servidor.
pub(crate) const MAXIMO_DE_VALORES: usize = 32;

/// Los valores que un servidor acepta.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aceptados {
    valores: [i32; MAXIMO_DE_VALORES],
    cantidad: usize,
}

impl fmt::Debug for Aceptados {
    /// Los que son, y no los lugares que sobran.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.los_que_hay()).finish()
    }
}

impl Aceptados {
    /// Los `valores`, o `None` si son más de los que entran o no hay ninguno.
    pub(crate) fn nuevos(valores: &[i32]) -> Option<Self> {
        let mut todos = [0; MAXIMO_DE_VALORES];
        todos.get_mut(..valores.len())?.copy_from_slice(valores);
        (!valores.is_empty()).then_some(Self { valores: todos, cantidad: valores.len() })
    }

    /// El primero: el que muestra un cliente con estas mismas opciones.
    pub(crate) fn primero(&self) -> i32 {
        let [primero, ..] = self.valores;
        primero
    }

    fn incluye(&self, valor: i32) -> bool {
        self.los_que_hay().any(|aceptado| *aceptado == valor)
    }

    fn los_que_hay(&self) -> impl Iterator<Item = &i32> {
        self.valores.iter().take(self.cantidad)
    }
}

/// Lo que un servidor decide de un cliente con los bytes que llegaron hasta ahora.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Veredicto {
    /// Todavía no se sabe.
    Falta,
    /// Mostró un valor aceptado: se le contesta OK.
    Bienvenido(i32),
    /// Mostró otra cosa: se le contesta ERROR y se cierra.
    Rechazado(i32),
    /// Donde es opcional: no es un handshake ni un header. Como si hubiera mostrado otro valor.
    OtroProtocolo,
    /// Es un cliente sin handshake (sólo donde es opcional): no se le contesta nada.
    SinHandshake,
}

/// Los bytes de un handshake exigido, que pueden llegar de a uno.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recepcion {
    bytes: [u8; LARGO_DE_ENTERO],
    llegaron: usize,
}

impl Recepcion {
    /// Cuántos bytes faltan: nunca se piden más.
    pub(crate) fn faltan(&self) -> usize {
        LARGO_DE_ENTERO - self.llegaron
    }

    /// Si todavía no llegó nada.
    pub(crate) fn en_silencio(&self) -> bool {
        self.llegaron == 0
    }

    /// Agrega lo que llegó. Lo que pase de los 4 bytes no es del handshake y no se mira.
    pub(crate) fn agregar(&mut self, nuevos: &[u8], aceptados: &Aceptados) -> Veredicto {
        for (lugar, byte) in self.bytes.iter_mut().skip(self.llegaron).zip(nuevos) {
            *lugar = *byte;
        }
        self.llegaron = LARGO_DE_ENTERO.min(self.llegaron + nuevos.len());
        if self.faltan() > 0 {
            return Veredicto::Falta;
        }
        juzgar(i32::from_le_bytes(self.bytes), aceptados)
    }
}

fn juzgar(valor: i32, aceptados: &Aceptados) -> Veredicto {
    if aceptados.incluye(valor) { Veredicto::Bienvenido(valor) } else { Veredicto::Rechazado(valor) }
}

/// Donde el handshake es opcional: qué es un cliente que hasta ahora mandó `vistos` (a lo sumo 8 bytes, que nadie consumió).
///
/// Exactamente los 4 bytes de un valor aceptado son un handshake; 8 bytes que podrían ser un header, un cliente sin
/// handshake. Límites que esto trae: un handshake pegado al primer mensaje, y un header partido justo después de
/// sus 4 primeros bytes, se toman por lo que no son.
pub(crate) fn juzgar_opcional(vistos: &[u8], aceptados: &Aceptados, limite: u32) -> Veredicto {
    if let Some(header) = vistos.first_chunk() {
        return match Header::de_bytes(*header, limite) {
            Ok(_) => Veredicto::SinHandshake,
            Err(_) => Veredicto::OtroProtocolo,
        };
    }
    match vistos.try_into().map(i32::from_le_bytes) {
        Ok(valor) if aceptados.incluye(valor) => Veredicto::Bienvenido(valor),
        _ => Veredicto::Falta,
    }
}

/// Lo que el servidor contesta.
pub(crate) fn respuesta(aceptado: bool) -> [u8; LARGO_DE_ENTERO] {
    (if aceptado { HANDSHAKE_OK } else { HANDSHAKE_ERROR }).to_le_bytes()
}

/// Lo que un cliente entiende de la respuesta del servidor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Respuesta {
    /// Se puede hablar.
    Aceptado,
    /// El servidor espera otro valor.
    Rechazado,
    /// No es una respuesta de este protocolo.
    Ajena(i32),
}

impl fmt::Display for Respuesta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aceptado => write!(f, "{HANDSHAKE_OK} (OK)"),
            Self::Rechazado => write!(f, "{HANDSHAKE_ERROR} (ERROR)"),
            Self::Ajena(otra) => write!(f, "{otra} (0x{otra:08x}), que no es una respuesta"),
        }
    }
}

/// Lee la respuesta del servidor.
pub(crate) fn leer_respuesta(bytes: [u8; LARGO_DE_ENTERO]) -> Respuesta {
    match i32::from_le_bytes(bytes) {
        HANDSHAKE_OK => Respuesta::Aceptado,
        HANDSHAKE_ERROR => Respuesta::Rechazado,
        otra => Respuesta::Ajena(otra),
    }
}

#[cfg(test)]
mod pruebas {
    use super::*;
    use proptest::prelude::*;

    fn uno() -> Aceptados {
        Aceptados::nuevos(&[1]).unwrap()
    }

    #[test]
    fn se_acepta_el_valor_pedido_y_ningun_otro() {
        assert_eq!(Recepcion::default().agregar(&[1, 0, 0, 0], &uno()), Veredicto::Bienvenido(1));
        assert_eq!(Recepcion::default().agregar(&[2, 0, 0, 0], &uno()), Veredicto::Rechazado(2));
        assert_eq!(Recepcion::default().agregar(&[0, 0, 0, 1], &uno()), Veredicto::Rechazado(0x0100_0000));
        assert_eq!(Recepcion::default().agregar(&[0xff; 4], &uno()), Veredicto::Rechazado(-1));
    }

    #[test]
    fn con_varios_valores_se_sabe_cual_mostro() {
        let modulos = Aceptados::nuevos(&[10, 20, 30]).unwrap();
        assert_eq!(Recepcion::default().agregar(&[20, 0, 0, 0], &modulos), Veredicto::Bienvenido(20));
        assert_eq!(Recepcion::default().agregar(&[0, 0, 0, 0], &modulos), Veredicto::Rechazado(0));
    }

    #[test]
    fn ningun_valor_o_demasiados_no_son_una_lista() {
        assert_eq!(Aceptados::nuevos(&[]), None);
        assert_eq!(Aceptados::nuevos(&[1; MAXIMO_DE_VALORES + 1]), None);
        assert!(Aceptados::nuevos(&[1; MAXIMO_DE_VALORES]).is_some());
    }

    #[test]
    fn opcional_distingue_handshake_header_y_lo_que_falta() {
        let casos: [(&[u8], Veredicto); 8] = [
            (&[], Veredicto::Falta),
            (&[1, 0, 0], Veredicto::Falta),
            (&[1, 0, 0, 0], Veredicto::Bienvenido(1)),
            (&[7, 0, 0, 0], Veredicto::Falta),
            (&[7, 0, 0, 0, 2, 0, 0], Veredicto::Falta),
            // El header de un PAQUETE, partido después del código: empieza como un handshake y no lo es.
            (&[1, 0, 0, 0, 2], Veredicto::Falta),
            (&[0, 0, 0, 0, 5, 0, 0, 0], Veredicto::SinHandshake),
            (&[0x47, 0x45, 0x54, 0x20, 0x2f, 0x20, 0x48, 0x54], Veredicto::OtroProtocolo),
        ];
        for (vistos, esperado) in casos {
            assert_eq!(juzgar_opcional(vistos, &uno(), 1000), esperado, "{vistos:?}");
        }
    }

    #[test]
    fn el_cliente_distingue_las_tres_respuestas() {
        assert_eq!(leer_respuesta(respuesta(true)), Respuesta::Aceptado);
        assert_eq!(leer_respuesta(respuesta(false)), Respuesta::Rechazado);
        assert_eq!(leer_respuesta([1, 0, 0, 0]), Respuesta::Ajena(1));
    }

    proptest! {
        #[test]
        fn da_igual_en_cuantos_pedazos_llegue(valor: i32, cortes in proptest::collection::vec(1usize..4, 0..4)) {
            let aceptados = Aceptados::nuevos(&[valor.wrapping_add(1), valor]).unwrap();
            let mut recepcion = Recepcion::default();
            let bytes = valor.to_le_bytes();
            let mut resto = &bytes[..];
            for corte in cortes {
                let (pedazo, cola) = resto.split_at(corte.min(resto.len().saturating_sub(1)));
                prop_assert_eq!(recepcion.agregar(pedazo, &aceptados), Veredicto::Falta);
                resto = cola;
            }
            prop_assert_eq!(recepcion.faltan(), resto.len());
            prop_assert_eq!(recepcion.agregar(resto, &aceptados), Veredicto::Bienvenido(valor));
        }
    }
}
