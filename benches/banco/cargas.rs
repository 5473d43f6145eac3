//! Las cargas, las mismas para cualquier implementación.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::limite::ahora;
use super::tabla::Demoras;

/// El texto de los mensajes: 32 bytes con su `'\0'`.
pub const TEXTO: &str = "0123456789abcdef0123456789abcde";
/// El acuse con el que termina una carga de un solo sentido.
const LISTO: &str = "listo";

/// Una de las dos puntas de una conversación.
pub trait Extremo: Send {
    fn enviar_mensaje(&mut self, texto: &str);
    /// El próximo mensaje: lo que `ver` saque de su texto.
    fn recibir<R>(&mut self, ver: impl FnOnce(&[u8]) -> R) -> R;
    /// El próximo mensaje: lo que mide su texto.
    fn recibir_mensaje(&mut self) -> usize {
        self.recibir(<[u8]>::len)
    }
    /// Un paquete con `valores` veces el mismo valor.
    fn enviar_paquete(&mut self, valores: usize, valor: &[u8]);
    /// Cuántos valores trae el próximo paquete, y cuánto suman sus primeros bytes.
    fn recibir_paquete(&mut self) -> (usize, usize);
    /// Que salga lo que se haya juntado.
    fn vaciar(&mut self) {}
    /// Espera a que el otro termine.
    fn esperar_el_final(&mut self);
}

/// Una manera de conversar.
pub trait Implementacion: Sync {
    type Escucha: Sync;
    type Extremo: Extremo;
    fn escuchar(&self) -> (Self::Escucha, u16);
    fn aceptar(&self, escucha: &Self::Escucha) -> Self::Extremo;
    fn conectar(&self, puerto: u16) -> Self::Extremo;

    /// Atiende a `cuantos` clientes a la vez, cada uno en su hilo.
    fn atender(&self, escucha: &Self::Escucha, cuantos: usize, atender: impl Fn(&mut Self::Extremo) + Sync) {
        thread::scope(|hilos| {
            for _ in 0..cuantos {
                let mut extremo = self.aceptar(escucha);
                let atender = &atender;
                thread::Builder::new()
                    .stack_size(64 * 1024)
                    .spawn_scoped(hilos, move || atender(&mut extremo))
                    .unwrap();
            }
        });
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carga {
    IdaYVuelta,
    Mensajes,
    Grandes,
    Paquetes,
    Conexiones,
    DosYRespuesta,
    MilClientes,
}

const GRANDE: usize = 1 << 20;
const VALORES: usize = 100;
const VALOR: [u8; 16] = [b'x'; 16];
const CLIENTES: usize = 1000;
/// De la carga que con Nagle cuesta 40 ms por vuelta se mide sólo un rato.
const UN_RATO: Duration = Duration::from_millis(300);

impl Carga {
    pub const TODAS: [Self; 7] = [
        Self::IdaYVuelta,
        Self::Mensajes,
        Self::Grandes,
        Self::Paquetes,
        Self::Conexiones,
        Self::DosYRespuesta,
        Self::MilClientes,
    ];

    pub fn nombre(self) -> &'static str {
        match self {
            Self::IdaYVuelta => "ida y vuelta, 32 bytes",
            Self::Mensajes => "mensajes de 32 bytes, en un sentido",
            Self::Grandes => "paquetes de 1 MiB, en un sentido",
            Self::Paquetes => "paquetes de 100 valores, en un sentido",
            Self::Conexiones => "conexión, handshake y cierre",
            Self::DosYRespuesta => "dos envíos y una respuesta: la de manual espera a Nagle",
            Self::MilClientes => "1.000 clientes a la vez, un mensaje de cada uno",
        }
    }

    /// Si lo que tarda la de manual es una espera de Nagle: que otra sea tantas veces más rápida no dice nada.
    pub fn espera_a_nagle(self) -> bool {
        self == Self::DosYRespuesta
    }

    /// Cuántas vueltas se miden; muchas más cuando se junta.
    pub fn cuantos(self, juntando: bool) -> usize {
        match self {
            Self::IdaYVuelta => 5_000,
            Self::Mensajes if juntando => 2_000_000,
            Self::Mensajes => 100_000,
            Self::Grandes => 200,
            Self::Paquetes if juntando => 100_000,
            Self::Paquetes => 10_000,
            Self::Conexiones => 1_500,
            Self::DosYRespuesta => 3_000,
            Self::MilClientes => 20,
        }
    }

    /// Si todo lo que importa va del cliente al servidor.
    pub fn va_en_un_sentido(self) -> bool {
        matches!(self, Self::Mensajes | Self::Paquetes | Self::MilClientes)
    }

    /// Si conviene fijar cada lado a su núcleo: con muchos hilos se estorbarían.
    pub fn un_hilo_de_cada_lado(self) -> bool {
        self != Self::MilClientes
    }

    /// El lado que espera clientes. Imprime su puerto cuando está listo.
    pub fn servir<I: Implementacion>(self, con: &I, cuantos: usize) {
        let (escucha, puerto) = con.escuchar();
        println!("{puerto}");
        match self {
            Self::Conexiones => (0..cuantos).for_each(|_| con.aceptar(&escucha).esperar_el_final()),
            Self::MilClientes => {
                let demoras = Mutex::new(Vec::new());
                con.atender(&escucha, CLIENTES, |cliente| {
                    let propias = recibir_con_su_hora(cliente, cuantos);
                    acusar(cliente);
                    demoras.lock().unwrap().extend(propias);
                });
                println!("{}", Demoras::de(demoras.into_inner().unwrap()));
            }
            _ => self.conversar_con(&mut con.aceptar(&escucha), cuantos),
        }
    }

    fn conversar_con(self, cliente: &mut impl Extremo, cuantos: usize) {
        match self {
            Self::IdaYVuelta => {
                for _ in 0..cuantos {
                    assert_eq!(cliente.recibir_mensaje(), TEXTO.len());
                    cliente.enviar_mensaje(TEXTO);
                    cliente.vaciar();
                }
                cliente.esperar_el_final();
            }
            Self::DosYRespuesta => {
                for _ in 0..cuantos {
                    if cliente.recibir_mensaje() == LISTO.len() {
                        break;
                    }
                    cliente.recibir_mensaje();
                    cliente.enviar_mensaje(TEXTO);
                    cliente.vaciar();
                }
                cliente.esperar_el_final();
            }
            Self::Grandes => recibir_paquetes_y_acusar(cliente, cuantos, 1),
            Self::Paquetes => recibir_paquetes_y_acusar(cliente, cuantos, VALORES),
            _ => recibir_y_acusar(cliente, cuantos),
        }
    }

    /// El lado que se conecta: cuánto tardó cada vuelta, por la cantidad de vueltas.
    pub fn llamar<I: Implementacion>(self, con: &I, cuantos: usize, puerto: u16) -> Duration {
        match self {
            Self::Conexiones => cronometrar(|| (0..cuantos).for_each(|_| drop(con.conectar(puerto)))),
            Self::MilClientes => cronometrar(|| {
                let mut clientes: Vec<_> = (0..CLIENTES).map(|_| con.conectar(puerto)).collect();
                for _ in 0..cuantos {
                    clientes.iter_mut().for_each(|cliente| cliente.enviar_mensaje(&con_la_hora()));
                }
                clientes.iter_mut().for_each(Extremo::vaciar);
                clientes.iter_mut().for_each(esperar_acuse);
            }),
            _ => self.conversar_desde(con.conectar(puerto), cuantos),
        }
    }

    fn conversar_desde(self, mut servidor: impl Extremo, cuantos: usize) -> Duration {
        let grande = vec![b'x'; GRANDE];
        match self {
            Self::IdaYVuelta => cronometrar(|| {
                for _ in 0..cuantos {
                    servidor.enviar_mensaje(TEXTO);
                    servidor.vaciar();
                    assert_eq!(servidor.recibir_mensaje(), TEXTO.len());
                }
            }),
            Self::DosYRespuesta => {
                let comienzo = Instant::now();
                let mut hechas = 0;
                while hechas < cuantos && (hechas == 0 || comienzo.elapsed() < UN_RATO) {
                    servidor.enviar_mensaje(TEXTO);
                    servidor.enviar_mensaje(TEXTO);
                    servidor.vaciar();
                    servidor.recibir_mensaje();
                    hechas += 1;
                }
                let tardo = comienzo.elapsed();
                if hechas < cuantos {
                    servidor.enviar_mensaje(LISTO);
                    servidor.vaciar();
                }
                tardo.mul_f64(cuantos as f64 / hechas as f64)
            }
            Self::Grandes => enviar_paquetes(&mut servidor, cuantos, 1, &grande),
            Self::Paquetes => enviar_paquetes(&mut servidor, cuantos, VALORES, &VALOR),
            _ => cronometrar(|| {
                (0..cuantos).for_each(|_| servidor.enviar_mensaje(TEXTO));
                servidor.vaciar();
                esperar_acuse(&mut servidor);
            }),
        }
    }
}

fn cronometrar(que: impl FnOnce()) -> Duration {
    let comienzo = Instant::now();
    que();
    comienzo.elapsed()
}

fn enviar_paquetes(servidor: &mut impl Extremo, cuantos: usize, valores: usize, valor: &[u8]) -> Duration {
    cronometrar(|| {
        (0..cuantos).for_each(|_| servidor.enviar_paquete(valores, valor));
        servidor.vaciar();
        esperar_acuse(servidor);
    })
}

fn esperar_acuse(extremo: &mut impl Extremo) {
    assert_eq!(extremo.recibir_mensaje(), LISTO.len());
}

fn recibir_y_acusar(cliente: &mut impl Extremo, cuantos: usize) {
    for _ in 0..cuantos {
        assert_eq!(cliente.recibir_mensaje(), TEXTO.len());
    }
    acusar(cliente);
}

/// Cuándo sale el mensaje, con el mismo largo que [`TEXTO`].
fn con_la_hora() -> String {
    format!("{:031}", ahora().as_nanos())
}

/// Cuánto tardó cada mensaje desde que se lo mandó hasta que se lo tiene.
fn recibir_con_su_hora(cliente: &mut impl Extremo, cuantos: usize) -> Vec<Duration> {
    let de = |texto: &[u8]| std::str::from_utf8(texto).unwrap().parse().unwrap();
    let mut recibir = || {
        let salio = Duration::from_nanos(cliente.recibir(de));
        ahora().saturating_sub(salio)
    };
    (0..cuantos).map(|_| recibir()).collect()
}

fn recibir_paquetes_y_acusar(cliente: &mut impl Extremo, cuantos: usize, valores: usize) {
    for _ in 0..cuantos {
        assert_eq!(cliente.recibir_paquete(), (valores, valores * usize::from(b'x')));
    }
    acusar(cliente);
}

fn acusar(extremo: &mut impl Extremo) {
    extremo.enviar_mensaje(LISTO);
    extremo.vaciar();
    extremo.esperar_el_final();
}
